//! The arrays of one published network in a state dict: found, measured and brought into this program's order.

use std::collections::HashMap;

use karhunen_field::Grid;
use karhunen_formats::{ArrayValues, NamedArray};
use karhunen_net::{
    Conditioning, Coordinates, Device, Fno, FnoConfig, LocalKernels, Named, Parameters,
};

use crate::{TrainError, memory};

/// Names that are shown where one is looked for; others are counted.
const NAMES_SHOWN: usize = 8;

/// The arrays of one network by their names without prefix.
pub(super) struct Published<'a> {
    source: &'a str,
    arrays: HashMap<&'a str, &'a NamedArray>,
}

impl<'a> Published<'a> {
    pub(super) fn find(
        source: &'a str,
        arrays: &'a [NamedArray],
        prefix: Option<&str>,
    ) -> Result<Self, TrainError> {
        let refuse =
            |message: String| Err(TrainError::Data { source_name: source.into(), message });
        let is_start = |p: &&str| p.is_empty() || p.ends_with('.');
        let starts = arrays.iter().filter_map(|a| a.name.strip_suffix("fc0.weight"));
        let starts: Vec<&str> = starts.filter(is_start).collect();
        let prefix = match (prefix, &starts[..]) {
            (Some(given), all) if all.contains(&given) => given,
            (None, [only]) => *only,
            (given, []) | (given @ Some(_), _) => {
                let names: Vec<&str> =
                    arrays.iter().take(NAMES_SHOWN).map(|a| a.name.as_str()).collect();
                let more = arrays.len() - names.len();
                let more = if more > 0 { format!(" and {more} more") } else { String::new() };
                return refuse(format!(
                    "no array {}fc0.weight; there are {}{more}",
                    given.unwrap_or_default(),
                    names.join(", ")
                ));
            }
            (None, several) => {
                let listed = several.join(", ");
                return refuse(format!("several networks; choose one by its prefix: {listed}"));
            }
        };
        let own = arrays.iter().filter_map(|a| Some((a.name.strip_prefix(prefix)?, a)));
        Ok(Self { source, arrays: own.collect() })
    }

    fn refuse<T>(&self, message: String) -> Result<T, TrainError> {
        Err(TrainError::Data { source_name: self.source.into(), message })
    }

    fn array(&self, name: &str) -> Result<&'a NamedArray, TrainError> {
        match self.arrays.get(name) {
            Some(array) => Ok(array),
            None => self.refuse(format!("no array {name}, which the published network has")),
        }
    }

    /// An array of real numbers with these lengths; ones behind them do not count.
    fn real(&self, name: &str, shape: &[usize]) -> Result<&'a [f32], TrainError> {
        let array = self.array(name)?;
        let (lead, rest) = array.shape.split_at(shape.len().min(array.shape.len()));
        match &array.values {
            ArrayValues::Real(values) if lead == shape && rest.iter().all(|n| *n == 1) => {
                Ok(values)
            }
            _ => self.refuse(format!("{}: {shape:?} real numbers expected", described(array))),
        }
    }

    /// Shape and options of the network, and channels of its functions.
    pub(super) fn shape(&self) -> Result<(FnoConfig, usize), TrainError> {
        let two = |name: &str| match self.array(name)?.shape[..] {
            [outputs, inputs] if outputs > 0 && inputs > 0 => Ok((outputs, inputs)),
            _ => {
                self.refuse(format!("{}: [outputs, inputs] expected", described(self.array(name)?)))
            }
        };
        let ((width, inputs), (projection, _)) = (two("fc0.weight")?, two("fc1.weight")?);
        let (channels, _) = two("fc2.weight")?;
        let is_layer = |i: &usize| self.arrays.contains_key(format!("conv{i}.weights1").as_str());
        let layers = (0..).take_while(is_layer).count();
        let first = self.array("conv0.weights1")?;
        let lengths = match first.values {
            ArrayValues::Complex(_) => &first.shape[..],
            // complex numbers seen as pairs
            ArrayValues::Real(_) => first.shape.strip_suffix(&[2]).unwrap_or(&[]),
        };
        let modes = match lengths {
            [i, o, modes @ ..] if (*i, *o) == (width, width) && (1..=2).contains(&modes.len()) => {
                modes.to_vec()
            }
            _ => {
                return self.refuse(format!(
                    "{}: [{width}, {width}, modes of 1 or 2 axes] complex numbers expected",
                    described(first)
                ));
            }
        };
        let expected = channels + modes.len() + 1;
        if inputs != expected {
            return self.refuse(format!(
                "{}: [{width}, {expected}] expected, for {channels} channel(s), {} coordinate(s) \
                 and time",
                described(self.array("fc0.weight")?),
                modes.len()
            ));
        }
        let network = FnoConfig {
            width,
            modes,
            layers,
            projection,
            padding: 0.0,
            oversampling: 1,
            local: LocalKernels::None,
            reach: None,
            conditioning: Conditioning::InputChannel,
            coordinates: Some(Coordinates::Endpoints),
        };
        Ok((network, channels))
    }

    /// All parameters in this program's layout; every array of the network is used.
    pub(super) fn parameters(
        &self,
        network: &FnoConfig,
        grid: Grid,
        channels: usize,
    ) -> Result<Parameters, TrainError> {
        let count = network.parameter_count(grid.dim(), channels)?;
        memory::check(
            memory::weight_bytes(count, 1),
            format!("{count:.1e} parameters"),
            "the network",
        )?;
        let model = Fno::new(network, &grid, channels, 0, &Device::flex())?;
        let mut parameters = model.parameters()?;
        let mut used = Vec::new();
        for array in &mut parameters.arrays {
            array.values = self.parameter(array, network, &mut used)?.into();
        }
        let mut strays: Vec<&str> =
            self.arrays.keys().copied().filter(|name| !used.iter().any(|u| u == name)).collect();
        strays.sort_unstable();
        match strays.first() {
            None => Ok(parameters),
            Some(stray) => self.refuse(format!(
                "{} is no part of the published network (fc0, conv0 to conv{l}, w0 to w{l}, fc1, fc2)",
                described(self.arrays[stray]),
                l = network.layers - 1
            )),
        }
    }

    /// The values of one of this program's arrays, and the names they come from.
    fn parameter(
        &self,
        ours: &Named,
        network: &FnoConfig,
        used: &mut Vec<String>,
    ) -> Result<Vec<f32>, TrainError> {
        let (module, part) = ours.name.rsplit_once('.').expect("a module and its part");
        let layer = module.strip_prefix("layers.").and_then(|rest| rest.split_once('.'));
        let theirs = match (module, layer) {
            ("lifting", _) => "fc0".to_string(),
            ("projection", _) => "fc1".to_string(),
            ("output", _) => "fc2".to_string(),
            (_, Some((i, "skip"))) => format!("w{i}"),
            (_, Some((i, "spectral"))) => {
                return self.spectral(i, usize::from(part == "imaginary"), network, used);
            }
            _ => unreachable!("{} is no parameter of such a network", ours.name),
        };
        let name = format!("{theirs}.{part}");
        used.push(name.clone());
        match ours.shape[..] {
            // [in, out] here, [out, in] there
            [inputs, outputs] => {
                let values = self.real(&name, &[outputs, inputs])?;
                let at = |flat: usize| values[flat % outputs * inputs + flat / outputs];
                Ok((0..inputs * outputs).map(at).collect())
            }
            _ => Ok(self.real(&name, &ours.shape)?.to_vec()),
        }
    }

    /// `[in, out, k₀, k₁]` for rows k₀ ≥ 0, then k₀ < 0 → `[mode, in, out]`, one part of each number.
    fn spectral(
        &self,
        layer: &str,
        part: usize,
        network: &FnoConfig,
        used: &mut Vec<String>,
    ) -> Result<Vec<f32>, TrainError> {
        let (pairs, modes) = (network.width.pow(2), network.modes.iter().product::<usize>());
        let shape = [&[network.width; 2][..], &network.modes].concat();
        let mut values = Vec::new();
        for half in 1..=network.modes.len() {
            let name = format!("conv{layer}.weights{half}");
            let array = self.array(&name)?;
            let number: Box<dyn Fn(usize) -> f32> = match &array.values {
                ArrayValues::Complex(v) if array.shape == shape => Box::new(|at| v[at][part]),
                ArrayValues::Real(v) if array.shape == [&shape[..], &[2]].concat() => {
                    Box::new(|at| v[2 * at + part])
                }
                _ => {
                    let what = described(array);
                    return self.refuse(format!("{what}: {shape:?} complex numbers expected"));
                }
            };
            let of = |mode: usize| (0..pairs).map(move |pair| pair * modes + mode);
            values.extend((0..modes).flat_map(of).map(number));
            used.push(name);
        }
        Ok(values)
    }

    pub(super) fn notes(
        &self,
        channels: usize,
        parameters: &Parameters,
        network: &FnoConfig,
    ) -> Vec<String> {
        vec![format!(
            "{}: {} layers of width {}, modes {:?}, projection {}, {channels} channel(s), {} \
             parameters",
            self.source,
            network.layers,
            network.width,
            network.modes,
            network.projection,
            parameters.count()
        )]
    }
}

/// Name, shape and kind of an array.
fn described(array: &NamedArray) -> String {
    let kind = match array.values {
        ArrayValues::Real(_) => "real",
        ArrayValues::Complex(_) => "complex",
    };
    format!("{} of shape {:?}, {kind}", array.name, array.shape)
}
