//! Named arrays on their way to safetensors files and back: f32 for parameters, f64 for statistics.
//!
//! Shared by checkpoints, which hold all that a run needs to go on, and exported models, which hold
//! what a sampler needs. Not here: which files there are and what makes them complete.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use karhunen_field::{Field, Grid};
use karhunen_net::{Named, Parameters};
use safetensors::{Dtype, SafeTensors, View};

use crate::TrainError;
use crate::config::RunConfig;
use crate::config::earlier::of_earlier;
use crate::config::settings::parse;
use crate::data::origin::Origin;
use crate::data::phases::Phases;
use crate::data::statistics::{Attribute, Normalisation, Statistics};
use crate::run::averages::length_of_decay;

/// Name, shape, values.
pub(crate) type Array = (String, Vec<usize>, Vec<f64>);

/// An array on its way to a file, whose bytes are made when they are written.
pub(crate) struct Stored<'a> {
    name: String,
    shape: Vec<usize>,
    numbers: Numbers<'a>,
}

enum Numbers<'a> {
    Single(&'a [f32]),
    Double(Vec<f64>),
}

impl View for &Stored<'_> {
    fn dtype(&self) -> Dtype {
        match self.numbers {
            Numbers::Single(_) => Dtype::F32,
            Numbers::Double(_) => Dtype::F64,
        }
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        match &self.numbers {
            Numbers::Single(v) => v.iter().flat_map(|v| v.to_le_bytes()).collect(),
            Numbers::Double(v) => v.iter().flat_map(|v| v.to_le_bytes()).collect(),
        }
    }

    fn data_len(&self) -> usize {
        match &self.numbers {
            Numbers::Single(v) => size_of_val(*v),
            Numbers::Double(v) => size_of_val(&v[..]),
        }
    }
}

/// Parameters as arrays, each name behind a prefix.
pub(crate) fn prefixed<'a>(parameters: &'a Parameters, prefix: &str) -> Vec<Stored<'a>> {
    parameters
        .arrays
        .iter()
        .map(|a| Stored {
            name: format!("{prefix}{}", a.name),
            shape: a.shape.clone(),
            numbers: Numbers::Single(&a.values),
        })
        .collect()
}

/// Averages as arrays, their lengths before their names.
pub(crate) fn averages_arrays<'a>(averages: &'a [Parameters], lengths: &[f64]) -> Vec<Stored<'a>> {
    let each = averages.iter().zip(lengths);
    each.flat_map(|(average, length)| prefixed(average, &format!("{length}/"))).collect()
}

/// Numbers as an array.
pub(crate) fn numbers(name: &str, shape: Vec<usize>, values: Vec<f64>) -> Stored<'static> {
    Stored { name: name.into(), shape, numbers: Numbers::Double(values) }
}

/// Statistics as arrays; their grid is told elsewhere.
pub(crate) fn statistics_arrays(s: &Statistics) -> Vec<Stored<'static>> {
    let array = |name: &str, values: Vec<f64>| Stored {
        name: name.into(),
        shape: vec![s.mean.channels, values.len() / s.mean.channels],
        numbers: Numbers::Double(values),
    };
    let mut arrays = vec![
        array("mean", s.mean.values.clone()),
        array("variances", s.variances.concat()),
        array("offset", s.normalisation.offset.clone()),
        array("scale", s.normalisation.scale.clone()),
    ];
    if !s.classes.is_empty() {
        arrays.push(Stored {
            name: "classes".into(),
            shape: vec![s.classes.len()],
            numbers: Numbers::Double(s.classes.iter().map(|n| *n as f64).collect()),
        });
    }
    if !s.attributes.is_empty() {
        let row = |a: &Attribute| [a.mean, a.deviation, a.range[0], a.range[1]];
        let values = s.attributes.iter().flat_map(row).collect();
        arrays.push(numbers(ATTRIBUTES, vec![s.attributes.len(), ATTRIBUTE_ROW], values));
    }
    if let Some(condition) = &s.condition {
        let values = [condition.offset.clone(), condition.scale.clone()].concat();
        arrays.push(numbers(CONDITION, vec![2, condition.scale.len()], values));
    }
    if let Some(phases) = &s.phases {
        let width = phases.width;
        let row = |(label, f): (&u8, &[f64; 3])| [f64::from(*label), f[0], f[1], f[2], width];
        let rows = phases.labels.iter().zip(&phases.fractions).flat_map(row);
        arrays.push(Stored {
            name: PHASES.into(),
            shape: vec![phases.labels.len(), PHASE_ROW],
            numbers: Numbers::Double(rows.collect()),
        });
    }
    arrays
}

/// What stands beside the arrays of statistics: the configuration, and where the data come from.
pub(crate) fn statistics_metadata(config: &RunConfig, s: &Statistics) -> HashMap<String, String> {
    let mut metadata = metadata(config);
    if let Some(origin) = &s.origin {
        let text = serde_json::to_string(origin).expect("an origin is plain data");
        metadata.insert(ORIGIN.into(), text);
    }
    if !s.attributes.is_empty() {
        let names: Vec<&str> = s.attributes.iter().map(|a| a.name.as_str()).collect();
        let text = serde_json::to_string(&names).expect("names are plain data");
        metadata.insert(ATTRIBUTES.into(), text);
    }
    metadata
}

/// The attributes of a file; none of a file that has numbers without names or the other way round.
fn read_attributes(rows: Option<Vec<f64>>, bytes: &[u8]) -> Option<Vec<Attribute>> {
    let Some(rows) = rows else { return Some(Vec::new()) };
    let (_, metadata) = SafeTensors::read_metadata(bytes).ok()?;
    let names = metadata.metadata().as_ref()?.get(ATTRIBUTES)?;
    let names: Vec<String> = serde_json::from_str(names).ok()?;
    let (rows, rest) = rows.as_chunks::<ATTRIBUTE_ROW>();
    let of = |(name, row): (String, &[f64; ATTRIBUTE_ROW])| Attribute {
        name,
        mean: row[0],
        deviation: row[1],
        range: [row[2], row[3]],
    };
    let fits = rest.is_empty() && names.len() == rows.len();
    fits.then(|| names.into_iter().zip(rows).map(of).collect())
}

/// Name of the array of attributes, and key of their names.
const ATTRIBUTES: &str = "attributes";

/// Mean, deviation, least and largest value.
const ATTRIBUTE_ROW: usize = 4;

/// Name of the array of offsets and scales of given fields.
const CONDITION: &str = "condition";

/// The origin in a file's metadata; none in files of before there was one.
fn origin(bytes: &[u8]) -> Option<Origin> {
    let (_, metadata) = SafeTensors::read_metadata(bytes).ok()?;
    serde_json::from_str(metadata.metadata().as_ref()?.get(ORIGIN)?).ok()
}

/// Key of the origin.
const ORIGIN: &str = "origin";

/// [`statistics_arrays`] and [`statistics_metadata`] backwards; none where arrays are missing or do not fit the grid.
pub(crate) fn read_statistics(grid: Grid, arrays: Vec<Array>, bytes: &[u8]) -> Option<Statistics> {
    let take = |name: &str| arrays.iter().find(|(n, _, _)| n == name).map(|(_, _, v)| v.clone());
    let (offset, scale) = (take("offset")?, take("scale")?);
    let variances = take("variances")?;
    let mean = Field::new(grid, offset.len(), take("mean")?).ok()?;
    let counts = take("classes").unwrap_or_default();
    let phases = match take(PHASES) {
        Some(rows) => Some(read_phases(&rows).filter(|p| p.channels() == offset.len())?),
        None => None,
    };
    let condition = match take(CONDITION) {
        Some(both) if both.len() % 2 == 0 && !both.is_empty() => {
            let (offset, scale) = both.split_at(both.len() / 2);
            Some(Normalisation { offset: offset.to_vec(), scale: scale.to_vec() })
        }
        Some(_) => return None,
        None => None,
    };
    let attributes = read_attributes(take(ATTRIBUTES), bytes)?;
    let fits = scale.len() == offset.len() && variances.len() == offset.len() * grid.mode_count();
    fits.then(|| Statistics {
        grid,
        normalisation: Normalisation { offset, scale },
        mean,
        variances: variances.chunks(grid.mode_count()).map(<[f64]>::to_vec).collect(),
        classes: counts.into_iter().map(|count| count as u64).collect(),
        phases,
        attributes,
        condition,
        origin: origin(bytes),
    })
}

/// Name of the array of phases.
const PHASES: &str = "phases";

/// Label, least, mean and largest fraction, and the interface's width.
const PHASE_ROW: usize = 5;

fn read_phases(rows: &[f64]) -> Option<Phases> {
    let (rows, rest) = rows.as_chunks::<PHASE_ROW>();
    let width = rows.first().map(|row| row[4])?;
    let labels: Vec<u8> = rows.iter().map(|row| row[0] as u8).collect();
    let rising = labels.windows(2).all(|l| l[0] < l[1]);
    let fractions = rows.iter().map(|row| [row[1], row[2], row[3]]).collect();
    (rest.is_empty() && rising && labels.len() > 1).then_some(Phases { labels, fractions, width })
}

/// The bytes of a file.
pub(crate) fn serialise(
    arrays: &[Stored],
    metadata: &HashMap<String, String>,
    path: &Path,
) -> Result<Vec<u8>, TrainError> {
    let named = arrays.iter().map(|array| (array.name.as_str(), array));
    safetensors::serialize(named, Some(metadata.clone()))
        .map_err(|e| TrainError::Checkpoint { path: path.into(), message: e.to_string() })
}

/// The arrays of a file, all of them finite.
pub(crate) fn deserialise(bytes: &[u8]) -> Result<Vec<Array>, String> {
    let tensors = SafeTensors::deserialize(bytes).map_err(|e| e.to_string())?;
    let mut arrays = Vec::new();
    for (name, view) in tensors.iter() {
        let values: Vec<f64> = match view.dtype() {
            Dtype::F32 => {
                view.data().as_chunks().0.iter().map(|b| f32::from_le_bytes(*b).into()).collect()
            }
            Dtype::F64 => {
                view.data().as_chunks().0.iter().map(|b| f64::from_le_bytes(*b)).collect()
            }
            other => return Err(format!("{name} has the unsupported type {other:?}")),
        };
        if let Some(at) = values.iter().position(|v| !v.is_finite()) {
            return Err(format!("{name}[{at}] is {}", values[at]));
        }
        arrays.push((name.to_string(), view.shape().to_vec(), values));
    }
    Ok(arrays)
}

/// Arrays as parameters.
pub(crate) fn single(arrays: Vec<Array>) -> Parameters {
    let arrays = arrays
        .into_iter()
        .map(|(name, shape, values)| Named {
            name,
            shape,
            values: values.into_iter().map(|v| v as f32).collect(),
        })
        .collect();
    Parameters::from_arrays(arrays)
}

/// The average of a length among arrays read.
pub(crate) fn of_length(arrays: &[Array], length: f64) -> Parameters {
    let prefix = format!("{length}/");
    let own = arrays.iter().filter_map(|(name, shape, values)| {
        Some((name.strip_prefix(&prefix)?.to_string(), shape.clone(), values.clone()))
    });
    single(own.collect())
}

/// The file's bytes, which must be as many as a manifest says.
pub(crate) fn read_sized(
    path: PathBuf,
    files: &BTreeMap<String, u64>,
) -> Result<(PathBuf, Vec<u8>), TrainError> {
    let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
    let expected = files.get(name).copied().unwrap_or_default();
    let bytes =
        fs::read(&path).map_err(|source| TrainError::Read { path: path.clone(), source })?;
    if bytes.len() as u64 != expected {
        let message = format!("{} bytes, the manifest says {expected}", bytes.len());
        return Err(TrainError::Checkpoint { path, message });
    }
    Ok((path, bytes))
}

/// Metadata with the resolved configuration.
pub(crate) fn metadata(config: &RunConfig) -> HashMap<String, String> {
    HashMap::from([("config".to_string(), config.to_toml())])
}

/// The configuration in a file's metadata, whose averages were made in `updates` updates: formats
/// before this one state one decay, which becomes the length it had at the end.
pub(crate) fn configuration(
    path: &Path,
    bytes: &[u8],
    updates: usize,
) -> Result<RunConfig, TrainError> {
    let bad = |message: String| TrainError::Checkpoint { path: path.into(), message };
    let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(|e| bad(e.to_string()))?;
    let text = metadata.metadata().as_ref().and_then(|m| m.get("config"));
    let place = path.display().to_string();
    let text = text.ok_or_else(|| bad("holds no configuration".into()))?;
    let mut table = parse(text, &place)?;
    if let Some(ema) = table.get_mut("training").and_then(|t| t.get_mut("ema"))
        && let Some(decay) = ema.as_float()
    {
        *ema = vec![length_of_decay(decay, updates)].into();
    }
    RunConfig::from_table(of_earlier(table), &place)
}
