//! The published network, from its state dict to a model of this program.
//!
//! | their array | shape | here |
//! |---|---|---|
//! | `fc0.weight` | `[width, C + d + 1]` | `lifting`: field, coordinates, time |
//! | `conv{i}.weights1`, `weights2` | `[in, out, k₀, k₁]`, complex | `layers.{i}.spectral`: rows k₀ ≥ 0, rows k₀ < 0 |
//! | `w{i}.weight` | `[width, width, 1, 1]` | `layers.{i}.skip` |
//! | `fc1.weight`, `fc2.weight` | `[projection, width]`, `[C, projection]` | `projection`, `output` |
//!
//! Shapes tell width, modes, layers, projection and channels. The rest of a model is no part of a
//! state dict and comes from a run's configuration: the box and its grid, the covariance of the
//! noise, the path. The conventions are the published ones: time as an input channel, coordinates
//! with end points, no preconditioning (the network is g Q∇log p), values as they are. **Source**
//! arXiv 2303.04772 and its code; one axis follows the same rule with `weights1` alone.
//!
//! This file is long: finding, measuring and reordering the arrays share one table.

use std::collections::HashMap;
use std::path::Path;

use karhunen_field::{Field, Grid};
use karhunen_formats::{ArrayValues, NamedArray, write_whole};
use karhunen_net::{
    Conditioning, Coordinates, Device, Fno, FnoConfig, LocalKernels, Named, NetworkConfig,
    Parameters, Preconditioning,
};

use crate::config::RunConfig;
use crate::config::sources::Sources;
use crate::data::Data;
use crate::data::statistics::{Normalisation, Statistics};
use crate::run::optimizer::Optimizer;
use crate::run::schedule::Schedule;
use crate::store::checkpoint::{Checkpoint, Progress, list};
use crate::{TrainError, memory};

/// Names that are shown where one is looked for; others are counted.
const NAMES_SHOWN: usize = 8;

/// What a state dict does not hold, beside the run's configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Units {
    /// Value of the data at the network's 0.
    pub offset: f64,
    /// Units of the data in one of the network's.
    pub scale: f64,
}

impl Default for Units {
    /// Arrays as they are, as published.
    fn default() -> Self {
        Self { offset: 0.0, scale: 1.0 }
    }
}

/// A state dict of the published network as a checkpoint, and what its user should know.
///
/// `source` is the file's name in messages. Arrays below `prefix` are taken (`module.`); without
/// one, it is whatever stands before the only `fc0.weight`. With `data`, the law of the data is
/// measured from them; without, it is taken to be the law of the noise, so that sampling starts
/// from N(0, Q), as published.
///
/// # Errors
/// [`TrainError::Data`] naming the array, its shape and what was expected; [`TrainError::Config`]
/// for a configuration whose grid has another dimension, whose network is another one, or whose
/// prior is fitted without data.
pub fn import(
    source: &str,
    arrays: &[NamedArray],
    prefix: Option<&str>,
    config: &RunConfig,
    units: &Units,
    data: Option<&Sources>,
) -> Result<(Checkpoint, Vec<String>), TrainError> {
    let found = Published::find(source, arrays, prefix)?;
    let (network, channels) = found.shape()?;
    let mut config = config.clone();
    if config.network != NetworkConfig::default()
        && config.network != NetworkConfig::Fno(network.clone())
    {
        let message = format!(
            "the arrays tell the network: leave [network] out, or write what they tell: {network:?}"
        );
        return Err(TrainError::Config { place: "network".into(), message });
    }
    let finest = Schedule::new(&config)?.finest();
    let dim = network.modes.len();
    if finest.dim() != dim {
        let message = format!("{finest} has {} axes, the network {dim}", finest.dim());
        return Err(TrainError::Config { place: "levels".into(), message });
    }
    if config.prior.is_fitted() && data.is_none() {
        let message = "a state dict does not tell the noise it was trained with: give [prior], \
                       such as kind = \"bessel\", gamma = 8, power = 0.55, or data to fit it to";
        return Err(TrainError::Config { place: "prior".into(), message: message.into() });
    }
    if !(units.offset.is_finite() && units.scale.is_finite() && units.scale > 0.0) {
        let message =
            format!("offset {}, scale {}: both finite, scale positive", units.offset, units.scale);
        return Err(TrainError::Config { place: "normalisation".into(), message });
    }
    config.network = NetworkConfig::Fno(network.clone());
    config.training.preconditioning = Preconditioning::None;
    config.data.source = data.cloned().unwrap_or_else(|| untold(source));
    let statistics = statistics(&config, finest, channels, units, data)?;
    let parameters = found.parameters(&network, finest, channels)?;
    let mut notes = nyquist(&network.modes, finest);
    notes.extend(found.notes(channels, &parameters, &network));
    let progress = Progress { rate_factor: 1.0, ..Progress::default() };
    let optimizer = Optimizer::new(parameters, config.training.ema.len());
    Ok((Checkpoint { config, optimizer, statistics, progress }, notes))
}

/// Stands for the data of a network that came without any.
const UNTOLD: &str = "state-dict:";

fn untold(source: &str) -> Sources {
    Sources::from(format!("{UNTOLD}{source}").as_str())
}

/// Whether a model was imported without data, so that its law is that of the noise.
pub(crate) fn tells_no_data(source: &Sources) -> bool {
    source.names().iter().any(|name| name.starts_with(UNTOLD))
}

/// Writes the checkpoint into a directory that holds no run.
///
/// # Errors
/// [`TrainError::RunExists`]; [`TrainError::Write`].
pub fn save(checkpoint: &Checkpoint, directory: &Path) -> Result<(), TrainError> {
    if !list(directory)?.is_empty() {
        return Err(TrainError::RunExists {
            path: directory.into(),
            message: "holds a run already; choose another directory".into(),
        });
    }
    // as a run has it: no checkpoint without the configuration that it is resumed with
    let asked = directory.join("config.toml");
    write_whole(&asked, checkpoint.config.to_toml().as_bytes())
        .map_err(|source| TrainError::Write { path: asked, source })?;
    checkpoint.save(directory)?;
    Ok(())
}

/// Mean, mode variances and normalisation, in the network's units.
fn statistics(
    config: &RunConfig,
    grid: Grid,
    channels: usize,
    units: &Units,
    data: Option<&Sources>,
) -> Result<Statistics, TrainError> {
    let normalisation =
        Normalisation { offset: vec![units.offset; channels], scale: vec![units.scale; channels] };
    let Some(source) = data else {
        let prior = config.prior.build(grid.dim(), config.seed, None)?;
        let mean = Field::new(grid, channels, vec![0.0; channels * grid.len()])?;
        let variances = vec![prior.eigenvalues(&grid); channels];
        return Ok(Statistics {
            grid,
            normalisation,
            mean,
            variances,
            classes: vec![],
            attributes: vec![],
            condition: None,
            origin: None,
            phases: None,
        });
    };
    let measured = Data::load(&config.data, grid, config.seed)?.statistics;
    if measured.mean.channels != channels {
        let message = format!("{} channels, the network has {channels}", measured.mean.channels);
        return Err(TrainError::Data { source_name: source.to_string(), message });
    }
    // (x − o) / s has these mean and variances; the network sees (x − offset) / scale
    let Normalisation { offset, scale } = &measured.normalisation;
    let mut mean = measured.mean;
    let mut variances = measured.variances;
    for (c, values) in mean.values.chunks_exact_mut(grid.len()).enumerate() {
        values
            .iter_mut()
            .for_each(|m| *m = (*m * scale[c] + offset[c] - units.offset) / units.scale);
        variances[c].iter_mut().for_each(|v| *v *= (scale[c] / units.scale).powi(2));
    }
    Ok(Statistics {
        grid,
        normalisation,
        mean,
        variances,
        classes: vec![],
        attributes: vec![],
        condition: None,
        origin: None,
        phases: None,
    })
}

/// Grids whose Nyquist row the published code would keep.
fn nyquist(modes: &[usize], grid: Grid) -> Vec<String> {
    let axes = grid.axes().iter().zip(modes).enumerate();
    axes.filter(|(axis, (a, m))| *axis + 1 < modes.len() && a.points == 2 * **m)
        .map(|(axis, (a, m))| {
            format!(
                "on {} cells along axis {axis} the published code keeps the row k = -{m}, which \
                 aliases; here it is left out there, and kept on finer grids",
                a.points
            )
        })
        .collect()
}

/// The arrays of one network by their names without prefix.
struct Published<'a> {
    source: &'a str,
    arrays: HashMap<&'a str, &'a NamedArray>,
}

impl<'a> Published<'a> {
    fn find(
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
    fn shape(&self) -> Result<(FnoConfig, usize), TrainError> {
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
    fn parameters(
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

    fn notes(&self, channels: usize, parameters: &Parameters, network: &FnoConfig) -> Vec<String> {
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
