//! Checkpoints: directories that are complete models, written beside and renamed.
//!
//! `checkpoints/00001200/` holds `weights`, `ema` (their averages, each behind its length),
//! `optimizer` and `statistics` as safetensors (the resolved configuration in their metadata) and, written last, `manifest.json` with counters,
//! ledger and the sizes of the other files. A directory without a manifest that agrees with its
//! files is not a checkpoint. The two newest are kept: if one is damaged, the other still serves.
//! A directory whose name is a number is whole at every moment: it gets its name when it is complete and on the
//! disk, one that is replaced keeps another name until then, and one that is removed loses its name first.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use karhunen_field::{Axis, Grid};
use karhunen_formats::keep_names;
use karhunen_net::{Named, Parameters};
use serde::{Deserialize, Serialize};

use crate::TrainError;
use crate::config::RunConfig;
use crate::data::statistics::Statistics;
use crate::run::budget::Plan;
use crate::run::ledger::Ledger;
use crate::run::optimizer::Optimizer;
use crate::run::switching::Measured;
use crate::store::arrays::{
    Array, averages_arrays, configuration, deserialise, metadata, of_length, prefixed, read_sized,
    read_statistics, serialise, single, statistics_arrays, statistics_metadata,
};
use crate::store::atomic::{name, unwritten, write_synced};

/// Everything a run needs to go on, or a sampler to begin.
#[derive(Debug, Clone)]
pub struct Checkpoint {
    /// The resolved configuration.
    pub config: RunConfig,
    /// Weights, averages, moments.
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
    /// Steps done when the validation loss was best.
    #[serde(default)]
    pub best_step: usize,
    /// Loss of the first step, that of an untrained network.
    #[serde(default)]
    pub first_loss: Option<f64>,
    /// Steps done when training and validation loss were first seen to part ([`crate::run::overfitting`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parted_step: Option<usize>,
    /// Fields to train on; 0 in checkpoints written before they were counted.
    #[serde(default)]
    pub training_fields: usize,
    /// Fields never trained on.
    #[serde(default)]
    pub validation_fields: usize,
    /// Steps done when each level was left, where that is decided on the way.
    #[serde(default)]
    pub switches: Vec<usize>,
    /// What the last decision about it saw.
    #[serde(default)]
    pub measured: Option<Measured>,
    /// What a budget in seconds buys, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Plan>,
    /// Seconds of the budget that are spent: steps, validations, checkpoints.
    #[serde(default)]
    pub elapsed: f64,
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
    files: BTreeMap<String, u64>,
}

/// 1: the network's answer had gain c_out, without the part that can be known. 2: one average, of a
/// fixed decay.
const FORMAT: u32 = 3;
/// The oldest format that is still read.
const OLDEST: u32 = 2;
const KEPT: usize = 2;
/// Before the number of a checkpoint that is being written, of one that makes room for another of its number, and
/// of one that is being removed.
const WRITING: &str = ".writing-";
const REPLACED: &str = ".replaced-";
const REMOVING: &str = ".removing-";
/// Times that all checkpoints may be replaced while they are read.
const TRIES: usize = 4;
const FILES: [&str; 4] =
    ["weights.safetensors", "ema.safetensors", "optimizer.safetensors", "statistics.safetensors"];

impl Checkpoint {
    /// Writes into `run/checkpoints/`, then removes all but the newest two. Whoever saves is the only process that
    /// does ([`crate::store::lock`]).
    ///
    /// # Errors
    /// [`TrainError::Write`], [`TrainError::NotFinite`]; what was there before is untouched then.
    pub fn save(&self, run: &Path) -> Result<PathBuf, TrainError> {
        let folder = run.join("checkpoints");
        let named = |mark: &str| folder.join(format!("{mark}{:08}", self.progress.step));
        let (target, beside, replaced) = (named(""), named(WRITING), named(REPLACED));
        if let Some(array) = self.optimizer.not_finite() {
            let (step, seconds) = (self.progress.step, self.progress.ledger.seconds());
            return Err(TrainError::NotFinite { path: target, array, step, seconds });
        }
        settle(&folder);
        let written = self.write(&beside).and_then(|()| {
            if target.exists() {
                fs::rename(&target, &replaced).map_err(unwritten(&target))?;
            }
            name(&beside, &target)
        });
        if written.is_err() {
            // a disk may be full of it, and one that was replaced is there again
            let _ = fs::remove_dir_all(&beside);
            settle(&folder);
        }
        written?;
        for old in list(run)?.into_iter().rev().skip(KEPT) {
            let number = old.file_name().map(|n| n.to_string_lossy().into_owned());
            let gone = folder.join(format!("{REMOVING}{}", number.unwrap_or_default()));
            fs::rename(&old, &gone).map_err(unwritten(&old))?;
        }
        settle(&folder);
        Ok(target)
    }

    /// Writes all files into a new directory, the manifest last, and forces them to the disk.
    fn write(&self, beside: &Path) -> Result<(), TrainError> {
        fs::create_dir_all(beside).map_err(unwritten(beside))?;
        let metadata = metadata(&self.config);
        let of_statistics = statistics_metadata(&self.config, &self.statistics);
        let mut moments = prefixed(&self.optimizer.first, "first.");
        moments.extend(prefixed(&self.optimizer.second, "second."));
        let averages = averages_arrays(&self.optimizer.averages, &self.config.training.ema);
        let weights = prefixed(&self.optimizer.weights, "");
        let contents = [weights, averages, moments, statistics_arrays(&self.statistics)];
        let mut files = BTreeMap::new();
        // one file in memory at a time
        for (name, arrays) in FILES.iter().zip(contents) {
            let metadata = if *name == FILES[3] { &of_statistics } else { &metadata };
            let bytes = serialise(&arrays, metadata, beside)?;
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
        keep_names(beside).map_err(unwritten(beside))
    }

    /// The newest usable checkpoint of a run directory, and what was wrong with newer ones.
    ///
    /// # Errors
    /// [`TrainError::Checkpoint`] if there are checkpoints but none is usable; as [`list`].
    pub fn newest(run: &Path) -> Result<Option<(Self, Vec<String>)>, TrainError> {
        let mut complaints = Vec::new();
        let mut there = list(run)?;
        for _ in 0..TRIES {
            for path in there.iter().rev() {
                match Self::load(path) {
                    Ok(checkpoint) => return Ok(Some((checkpoint, complaints))),
                    Err(e) => complaints.push(e.to_string()),
                }
            }
            // a training may have written newer ones meanwhile and removed those that were read
            let now = list(run)?;
            if now == there {
                break;
            }
            complaints.clear();
            there = now;
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
        let manifest_path = path.join("manifest.json");
        let text = fs::read(&manifest_path)
            .map_err(|source| TrainError::Read { path: manifest_path.clone(), source })?;
        let manifest: Manifest = serde_json::from_slice(&text)
            .map_err(|e| bad(&manifest_path, format!("not a manifest: {e}")))?;
        if !(OLDEST..=FORMAT).contains(&manifest.format) {
            let message =
                format!("format {}, this program reads {OLDEST} and {FORMAT}", manifest.format);
            return Err(bad(&manifest_path, message));
        }
        let contents: Vec<(PathBuf, Vec<u8>)> = FILES
            .iter()
            .map(|name| read_sized(path.join(name), &manifest.files))
            .collect::<Result<_, _>>()?;
        let arrays = |i: usize| -> Result<Vec<Array>, TrainError> {
            let (file, bytes): &(PathBuf, Vec<u8>) = &contents[i];
            deserialise(bytes).map_err(|message| bad(file, message))
        };
        let config = configuration(&contents[0].0, &contents[0].1, manifest.updates)?;
        let weights = single(arrays(0)?);
        let in_order = |p: Parameters| {
            let alike = |w: &Named, a: &Named| a.name == w.name && a.shape == w.shape;
            let found = |w: &Named| p.arrays.iter().find(|a| alike(w, a)).cloned();
            let arrays: Option<Vec<Named>> = weights.arrays.iter().map(found).collect();
            arrays.map(|arrays| Parameters { arrays })
        };
        let lacking = |i: usize| bad(&contents[i].0, "arrays missing or of another shape".into());
        let kept = arrays(1)?;
        let average = |length: &f64| match manifest.format {
            FORMAT => in_order(of_length(&kept, *length)),
            _ => in_order(single(kept.clone())),
        };
        let averages: Option<Vec<Parameters>> = config.training.ema.iter().map(average).collect();
        let averages = averages.ok_or_else(|| lacking(1))?;
        let moments = arrays(2)?;
        let part = |prefix: &str| {
            let own = moments.iter().filter_map(|(name, shape, values)| {
                let name = name.strip_prefix(prefix)?.to_string();
                Some((name, shape.clone(), values.clone()))
            });
            in_order(single(own.collect())).ok_or_else(|| lacking(2))
        };
        let grid = Grid::try_from(manifest.grid).map_err(|e| bad(&manifest_path, e.to_string()))?;
        let statistics =
            read_statistics(grid, arrays(3)?, &contents[3].1).ok_or_else(|| lacking(3))?;
        Ok(Self {
            config,
            optimizer: Optimizer {
                first: part("first.")?,
                second: part("second.")?,
                weights,
                averages,
                updates: manifest.updates,
            },
            statistics,
            progress: manifest.progress,
        })
    }
}

/// Where a checkpoint stands, its arrays left alone.
///
/// # Errors
/// [`TrainError::Read`] or [`TrainError::Checkpoint`] naming the manifest.
pub fn progress(checkpoint: &Path) -> Result<Progress, TrainError> {
    let path = checkpoint.join("manifest.json");
    let text = fs::read(&path).map_err(|source| TrainError::Read { path: path.clone(), source })?;
    let manifest: Manifest = serde_json::from_slice(&text).map_err(|e| TrainError::Checkpoint {
        path: path.clone(),
        message: format!("not a manifest: {e}"),
    })?;
    Ok(manifest.progress)
}

/// Checkpoint directories of a run, oldest first; none where there is no run.
///
/// # Errors
/// [`TrainError::Read`] if `checkpoints/` is there and cannot be read: a run must not be taken for a
/// new one, nor its old checkpoints for absent, because a disk is.
pub fn list(run: &Path) -> Result<Vec<PathBuf>, TrainError> {
    let folder = run.join("checkpoints");
    let failed = |source| TrainError::Read { path: folder.clone(), source };
    let entries = match fs::read_dir(&folder) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed)?,
    };
    let (mut found, mut replaced) = (Vec::new(), Vec::new());
    for entry in entries {
        let name = entry.map_err(failed)?.file_name().to_string_lossy().into_owned();
        match name.strip_prefix(REPLACED) {
            Some(number) if is_number(number) => replaced.push(number.to_string()),
            _ if is_number(&name) => found.push(name),
            _ => {}
        }
    }
    // one whose process was killed before the other of its number had its name
    replaced.retain(|number| !found.contains(number));
    let mut paths: Vec<(&String, PathBuf)> = found.iter().map(|n| (n, folder.join(n))).collect();
    paths.extend(replaced.iter().map(|n| (n, folder.join(format!("{REPLACED}{n}")))));
    paths.sort();
    Ok(paths.into_iter().map(|(_, path)| path).collect())
}

fn is_number(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_digit())
}

/// Clears up what a killed process, or a disk that failed, left: what was being written or removed goes, what was
/// being replaced is there again unless another has its name. What cannot be cleared up stays.
pub(crate) fn settle(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let number = name.strip_prefix(REPLACED);
        if let Some(target) = number.map(|n| folder.join(n)).filter(|target| !target.exists()) {
            let _ = fs::rename(entry.path(), target);
        } else if number.is_some() || name.starts_with(WRITING) || name.starts_with(REMOVING) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
