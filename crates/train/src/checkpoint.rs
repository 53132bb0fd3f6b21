//! Checkpoints: directories that are complete models, written beside and renamed.
//!
//! `checkpoints/00001200/` holds `weights`, `ema`, `optimizer` and `statistics` as safetensors (the
//! resolved configuration in their metadata) and, written last, `manifest.json` with counters,
//! ledger and the sizes of the other files. A directory without a manifest that agrees with its
//! files is not a checkpoint. The two newest are kept: if one is damaged, the other still serves.

use std::collections::HashMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use karhunen_field::{Axis, Field, Grid};
use karhunen_net::{Named, Parameters};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde::{Deserialize, Serialize};

use crate::TrainError;
use crate::config::RunConfig;
use crate::ledger::Ledger;
use crate::optimizer::Optimizer;
use crate::statistics::{Normalisation, Statistics};

/// Everything a run needs to go on, or a sampler to begin.
#[derive(Debug, Clone)]
pub struct Checkpoint {
    /// The resolved configuration.
    pub config: RunConfig,
    /// Weights, average, moments.
    pub optimizer: Optimizer,
    /// Measured from the data.
    pub statistics: Statistics,
    /// Counters.
    pub progress: Progress,
}

/// Where a run stands. Batches follow from (seed, step), so this is also the random position.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Progress {
    /// Steps done.
    pub step: usize,
    /// Cost and gain of each level.
    pub ledger: Ledger,
    /// Factor on the learning rate, halved by each roll-back.
    pub rate_factor: f64,
    /// Roll-backs so far.
    pub rollbacks: usize,
    /// Best validation loss so far.
    pub best_validation: Option<f64>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    format: u32,
    progress: Progress,
    /// Optimizer updates done.
    updates: usize,
    /// Grid of the statistics.
    grid: Vec<Axis>,
    /// Bytes of each file.
    files: HashMap<String, u64>,
}

/// 1: the network's answer had gain c_out, without the part that can be known.
const FORMAT: u32 = 2;
const KEPT: usize = 2;
const FILES: [&str; 4] =
    ["weights.safetensors", "ema.safetensors", "optimizer.safetensors", "statistics.safetensors"];

impl Checkpoint {
    /// Writes into `run/checkpoints/`, then removes all but the newest two.
    ///
    /// # Errors
    /// [`TrainError::Write`]; what was there before is untouched then.
    pub fn save(&self, run: &Path) -> Result<PathBuf, TrainError> {
        let folder = run.join("checkpoints");
        let target = folder.join(format!("{:08}", self.progress.step));
        let beside = folder.join(format!(".writing-{:08}", self.progress.step));
        let io = |path: &Path| {
            let path = path.to_path_buf();
            move |source| TrainError::Write { path, source }
        };
        if beside.exists() {
            fs::remove_dir_all(&beside).map_err(io(&beside))?;
        }
        fs::create_dir_all(&beside).map_err(io(&beside))?;
        let metadata = HashMap::from([("config".to_string(), self.config.to_toml())]);
        let mut moments = prefixed(&self.optimizer.first, "first.");
        moments.extend(prefixed(&self.optimizer.second, "second."));
        let contents = [
            serialise(&prefixed(&self.optimizer.weights, ""), &metadata, &beside)?,
            serialise(&prefixed(&self.optimizer.ema, ""), &metadata, &beside)?,
            serialise(&moments, &metadata, &beside)?,
            serialise(&statistics_arrays(&self.statistics), &metadata, &beside)?,
        ];
        let mut files = HashMap::new();
        for (name, bytes) in FILES.iter().zip(contents) {
            write_synced(&beside.join(name), &bytes)?;
            files.insert(name.to_string(), bytes.len() as u64);
        }
        let manifest = Manifest {
            format: FORMAT,
            progress: self.progress.clone(),
            updates: self.optimizer.updates,
            grid: self.statistics.grid.axes().to_vec(),
            files,
        };
        let text = serde_json::to_vec_pretty(&manifest).expect("a manifest is plain data");
        write_synced(&beside.join("manifest.json"), &text)?;
        if target.exists() {
            fs::remove_dir_all(&target).map_err(io(&target))?;
        }
        fs::rename(&beside, &target).map_err(io(&target))?;
        for old in list(run).into_iter().rev().skip(KEPT) {
            fs::remove_dir_all(&old).map_err(io(&old))?;
        }
        Ok(target)
    }

    /// The newest usable checkpoint of a run directory, and what was wrong with newer ones.
    ///
    /// # Errors
    /// [`TrainError::Checkpoint`] if there are checkpoints but none is usable.
    pub fn newest(run: &Path) -> Result<Option<(Self, Vec<String>)>, TrainError> {
        let mut complaints = Vec::new();
        for path in list(run).into_iter().rev() {
            match Self::load(&path) {
                Ok(checkpoint) => return Ok(Some((checkpoint, complaints))),
                Err(e) => complaints.push(e.to_string()),
            }
        }
        if complaints.is_empty() {
            return Ok(None);
        }
        Err(TrainError::Checkpoint { path: run.into(), message: complaints.join("; ") })
    }

    /// Reads one checkpoint directory.
    ///
    /// # Errors
    /// [`TrainError::Read`] or [`TrainError::Checkpoint`] naming the file.
    pub fn load(path: &Path) -> Result<Self, TrainError> {
        let bad = |file: &Path, message: String| TrainError::Checkpoint {
            path: file.to_path_buf(),
            message,
        };
        let read = |file: &Path| {
            fs::read(file).map_err(|source| TrainError::Read { path: file.into(), source })
        };
        let manifest_path = path.join("manifest.json");
        let manifest: Manifest = serde_json::from_slice(&read(&manifest_path)?)
            .map_err(|e| bad(&manifest_path, format!("not a manifest: {e}")))?;
        if manifest.format != FORMAT {
            let message = format!("format {}, this program reads {FORMAT}", manifest.format);
            return Err(bad(&manifest_path, message));
        }
        let mut contents = Vec::new();
        for name in FILES {
            let file = path.join(name);
            let bytes = read(&file)?;
            let expected = manifest.files.get(name).copied().unwrap_or_default();
            if bytes.len() as u64 != expected {
                let message = format!("{} bytes, the manifest says {expected}", bytes.len());
                return Err(bad(&file, message));
            }
            contents.push((file, bytes));
        }
        let arrays = |i: usize| {
            let (file, bytes): &(PathBuf, Vec<u8>) = &contents[i];
            deserialise(bytes).map_err(|message| bad(file, message))
        };
        let (_, metadata) = SafeTensors::read_metadata(&contents[0].1)
            .map_err(|e| bad(&contents[0].0, e.to_string()))?;
        let text = metadata.metadata().as_ref().and_then(|m| m.get("config")).cloned();
        let text = text.ok_or_else(|| bad(&contents[0].0, "holds no configuration".into()))?;
        let table: toml::Table =
            text.parse().map_err(|e: toml::de::Error| bad(&contents[0].0, e.to_string()))?;
        let config = RunConfig::from_table(table, &contents[0].0.display().to_string())?;
        let weights = single(arrays(0)?);
        let in_order = |p: Parameters| {
            let alike = |w: &Named, a: &Named| a.name == w.name && a.shape == w.shape;
            let found = |w: &Named| p.arrays.iter().find(|a| alike(w, a)).cloned();
            let arrays: Option<Vec<Named>> = weights.arrays.iter().map(found).collect();
            arrays.map(|arrays| Parameters { arrays })
        };
        let lacking = |i: usize| bad(&contents[i].0, "arrays missing or of another shape".into());
        let ema = in_order(single(arrays(1)?)).ok_or_else(|| lacking(1))?;
        let moments = arrays(2)?;
        let part = |prefix: &str| {
            let own = moments.iter().filter_map(|(name, shape, values)| {
                let name = name.strip_prefix(prefix)?.to_string();
                Some((name, shape.clone(), values.clone()))
            });
            in_order(single(own.collect())).ok_or_else(|| lacking(2))
        };
        let grid = Grid::try_from(manifest.grid).map_err(|e| bad(&manifest_path, e.to_string()))?;
        let statistics = read_statistics(grid, arrays(3)?).ok_or_else(|| lacking(3))?;
        Ok(Self {
            config,
            optimizer: Optimizer {
                first: part("first.")?,
                second: part("second.")?,
                weights,
                ema,
                updates: manifest.updates,
            },
            statistics,
            progress: manifest.progress,
        })
    }
}

/// Checkpoint directories of a run, oldest first.
pub fn list(run: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(run.join("checkpoints")).into_iter().flatten().flatten();
    let numbered = |p: &PathBuf| {
        p.file_name()
            .and_then(|n| n.to_str())
            .is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit()))
    };
    let mut paths: Vec<PathBuf> = entries.map(|e| e.path()).filter(numbered).collect();
    paths.sort();
    paths
}

type Array = (String, Vec<usize>, Vec<f64>);

/// Arrays on their way to a file: f32 for parameters, f64 for statistics.
struct Stored {
    name: String,
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

fn prefixed(parameters: &Parameters, prefix: &str) -> Vec<Stored> {
    parameters
        .arrays
        .iter()
        .map(|a| Stored {
            name: format!("{prefix}{}", a.name),
            dtype: Dtype::F32,
            shape: a.shape.clone(),
            bytes: a.values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        })
        .collect()
}

fn statistics_arrays(s: &Statistics) -> Vec<Stored> {
    let array = |name: &str, values: Vec<f64>| Stored {
        name: name.into(),
        dtype: Dtype::F64,
        shape: vec![s.mean.channels, values.len() / s.mean.channels],
        bytes: values.iter().flat_map(|v| v.to_le_bytes()).collect(),
    };
    vec![
        array("mean", s.mean.values.clone()),
        array("variances", s.variances.concat()),
        array("offset", s.normalisation.offset.clone()),
        array("scale", s.normalisation.scale.clone()),
    ]
}

fn read_statistics(grid: Grid, arrays: Vec<Array>) -> Option<Statistics> {
    let take = |name: &str| arrays.iter().find(|(n, _, _)| n == name).map(|(_, _, v)| v.clone());
    let (offset, scale) = (take("offset")?, take("scale")?);
    let variances = take("variances")?;
    let mean = Field::new(grid, offset.len(), take("mean")?).ok()?;
    let fits = scale.len() == offset.len() && variances.len() == offset.len() * grid.mode_count();
    fits.then(|| Statistics {
        grid,
        normalisation: Normalisation { offset, scale },
        mean,
        variances: variances.chunks(grid.mode_count()).map(<[f64]>::to_vec).collect(),
    })
}

fn serialise(
    arrays: &[Stored],
    metadata: &HashMap<String, String>,
    path: &Path,
) -> Result<Vec<u8>, TrainError> {
    let fail = |e: safetensors::SafeTensorError| TrainError::Checkpoint {
        path: path.into(),
        message: e.to_string(),
    };
    let views: Result<Vec<(String, TensorView)>, _> = arrays
        .iter()
        .map(|a| Ok((a.name.clone(), TensorView::new(a.dtype, a.shape.clone(), &a.bytes)?)))
        .collect();
    safetensors::serialize(views.map_err(fail)?, Some(metadata.clone())).map_err(fail)
}

fn deserialise(bytes: &[u8]) -> Result<Vec<Array>, String> {
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

fn single(arrays: Vec<Array>) -> Parameters {
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

fn write_synced(path: &Path, bytes: &[u8]) -> Result<(), TrainError> {
    let io = |source| TrainError::Write { path: path.into(), source };
    let mut file = fs::File::create(path).map_err(io)?;
    file.write_all(bytes).map_err(io)?;
    file.sync_all().map_err(io)
}
