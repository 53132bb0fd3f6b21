//! Averages of the weights as they were at a few times of a run, for averages of other lengths.
//!
//! `snapshots/00003500.safetensors` in a run's directory holds every average after 3500 steps, each
//! array behind its average's length and a slash, and in its metadata the number of updates. A
//! checkpoint knows its own averages; these are those before it. Not here: what is made of them
//! (`averages`).

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use karhunen_net::Parameters;
use safetensors::SafeTensors;

use crate::TrainError;
use crate::run::averages::{Profile, TOLERATED, combine, mixed};
use crate::store::arrays::{Array, averages_arrays, deserialise, of_length, serialise};
use crate::store::atomic::{name, unwritten, write_synced};
use crate::store::checkpoint::Checkpoint;

/// An average of the weights, and how it came to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Average {
    /// Its length, relative to the steps.
    pub length: f64,
    /// Relative error of its profile; 0 where the run kept this average itself.
    pub error: f64,
    /// Stored averages it is made of.
    pub made_of: usize,
}

/// Steps after which a run of `total` stores its averages; the end is in its checkpoint.
pub fn steps(total: usize, snapshots: usize) -> impl Iterator<Item = usize> {
    (1..snapshots).map(move |i| total * i / snapshots).filter(|step| *step > 0)
}

/// Before the number of a snapshot that is being written.
const WRITING: &str = ".writing-";

fn folder(run: &Path) -> PathBuf {
    run.join("snapshots")
}

/// Writes the averages after a step.
///
/// # Errors
/// [`TrainError::Write`].
pub fn save(
    run: &Path,
    step: usize,
    updates: usize,
    averages: &[Parameters],
    lengths: &[f64],
) -> Result<(), TrainError> {
    let folder = folder(run);
    fs::create_dir_all(&folder).map_err(unwritten(&folder))?;
    let path = folder.join(format!("{step:08}.safetensors"));
    let metadata = HashMap::from([("updates".to_string(), updates.to_string())]);
    let bytes = serialise(&averages_arrays(averages, lengths), &metadata, &path)?;
    let beside = folder.join(format!("{WRITING}{step:08}"));
    let written = write_synced(&beside, &bytes).and_then(|()| name(&beside, &path));
    if written.is_err() {
        // a disk may be full of it
        let _ = fs::remove_file(&beside);
    }
    written
}

/// Removes snapshots of steps after `step`: they will be taken again, perhaps of other weights. Files that a
/// killed process left half written are removed as well.
///
/// # Errors
/// [`TrainError::Write`].
pub fn forget_after(run: &Path, step: usize) -> Result<(), TrainError> {
    for entry in fs::read_dir(folder(run)).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(WRITING) {
            let _ = fs::remove_file(entry.path());
        }
    }
    for (_, path) in list(run)?.into_iter().filter(|(at, _)| *at > step) {
        fs::remove_file(&path).map_err(|source| TrainError::Write { path, source })?;
    }
    Ok(())
}

/// Snapshots of a run with their steps, oldest first; none where there are none.
fn list(run: &Path) -> Result<Vec<(usize, PathBuf)>, TrainError> {
    let folder = folder(run);
    let failed = |source| TrainError::Read { path: folder.clone(), source };
    let entries = match fs::read_dir(&folder) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed)?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
        if let Some(step) = name.strip_suffix(".safetensors").and_then(|n| n.parse().ok()) {
            found.push((step, path));
        }
    }
    found.sort();
    Ok(found)
}

/// The average of a length, from a checkpoint and the snapshots before it in its run's directory:
/// the one the run kept, else the nearest combination of all.
///
/// # Errors
/// [`TrainError::Config`] if even that is further than [`TOLERATED`] from the profile asked for;
/// [`TrainError::Read`] or [`TrainError::Checkpoint`] naming a snapshot that cannot be used.
pub fn average(
    checkpoint: &Checkpoint,
    run: &Path,
    length: f64,
) -> Result<(Parameters, Average), TrainError> {
    let lengths = &checkpoint.config.training.ema;
    let kept = &checkpoint.optimizer.averages;
    if let Some(at) = lengths.iter().position(|l| *l == length) {
        return Ok((kept[at].clone(), Average { length, error: 0.0, made_of: 1 }));
    }
    let updates = checkpoint.optimizer.updates;
    let mut profiles: Vec<Profile> =
        lengths.iter().map(|&length| Profile { length, updates }).collect();
    let mut stored = kept.clone();
    let earlier = |(step, _): &(usize, PathBuf)| *step < checkpoint.progress.step;
    for (_, path) in list(run)?.into_iter().filter(earlier) {
        let (updates, arrays) = read(&path)?;
        for &length in lengths {
            profiles.push(Profile { length, updates });
            stored.push(of_length(&arrays, length));
        }
    }
    let found = combine(&profiles, &Profile { length, updates });
    if found.error.is_nan() || found.error > TOLERATED {
        return Err(TrainError::NoSuchAverage {
            place: format!("average of length {length}"),
            message: format!(
                "the averages of length {lengths:?} and {} snapshots make a profile that is {:.0} % off, more than {:.0} %",
                profiles.len() / lengths.len() - 1,
                100.0 * found.error,
                100.0 * TOLERATED
            ),
        });
    }
    let average = Average { length, error: found.error, made_of: profiles.len() };
    Ok((mixed(&stored.iter().collect::<Vec<_>>(), &found.factors)?, average))
}

/// Updates and arrays of a snapshot.
fn read(path: &Path) -> Result<(usize, Vec<Array>), TrainError> {
    let bad = |message: String| TrainError::Checkpoint { path: path.into(), message };
    let bytes = fs::read(path).map_err(|source| TrainError::Read { path: path.into(), source })?;
    let (_, metadata) = SafeTensors::read_metadata(&bytes).map_err(|e| bad(e.to_string()))?;
    let updates = metadata.metadata().as_ref().and_then(|m| m.get("updates")?.parse().ok());
    let updates = updates.filter(|n| *n > 0).ok_or_else(|| bad("tells no updates".into()))?;
    Ok((updates, deserialise(&bytes).map_err(bad)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snapshots_are_evenly_spaced_and_the_end_is_the_checkpoints() {
        assert_eq!(steps(1001, 4).collect::<Vec<_>>(), [250, 500, 750]);
        // fewer steps than snapshots: none before the first step
        assert_eq!(steps(3, 8).collect::<Vec<_>>(), [1, 1, 1, 2, 2]);
        assert_eq!(steps(100, 1).count(), 0);
    }
}
