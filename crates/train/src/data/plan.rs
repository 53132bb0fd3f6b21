//! Chooses the patch, the levels and the box that suit the data.
//!
//! A configuration without `levels` leaves the ladder (all levels of a run, coarse to fine) to the
//! data. The commands `inspect`, `train --dry-run`, `bench` and `train` all use this module, so
//! they choose the same plan.

use karhunen_formats::{FieldSource as _, StackedFields};

use crate::TrainError;
use crate::config::{LevelConfig, RunConfig};
use crate::data::source::patch;
use crate::data::{boxed, drift, open};

pub use crate::config::data::join;

/// Images of at least this many cells are cut into patches.
const LARGE: usize = 256;

/// Cells per axis of patches of images.
const PATCH: usize = 128;

/// Cells per axis of patches of volumes, smaller because cells grow with the third power.
const VOLUME_PATCH: usize = 64;

/// A single field of at least this many cells per axis is cut into patches of half its size.
const SINGLE: usize = 32;

/// Cells per axis at which built-in data are simulated for reference.
pub const BUILTIN: usize = 128;

/// Cells per axis of the coarsest level, at least.
const COARSEST: usize = 7;

/// Shares of the steps of three levels, coarse first.
const SHARES: [f64; 3] = [0.4, 0.3, 0.3];

/// A configuration with known levels, and the data that they were chosen for.
#[derive(Debug)]
pub struct Plan {
    /// The configuration, as `train` accepts it.
    pub config: RunConfig,
    /// The opened files; none for built-in data.
    pub fields: Option<StackedFields>,
    /// Cells of the fields before they are restricted to a level: of a patch, or of whole fields.
    pub points: Vec<usize>,
    /// Notes on the choice, for the user.
    pub notes: Vec<String>,
}

impl Plan {
    /// Opens the data of a configuration and completes it.
    ///
    /// # Errors
    /// Errors while opening; [`TrainError::Data`] for fields with an axis that no level can have.
    pub fn of(mut config: RunConfig) -> Result<Self, TrainError> {
        let Some(fields) = open(&config.data)? else {
            let points = vec![BUILTIN; 2];
            if config.levels.is_empty() {
                config.levels = ladder(&points);
            }
            return Ok(Self { config, fields: None, points, notes: vec![] });
        };
        let notes = complete(&mut config, &fields)?;
        let points = patch(&config.data)?.unwrap_or_else(|| fields.points().to_vec());
        Ok(Self { config, fields: Some(fields), points, notes })
    }
}

/// Completes a configuration: chooses the patch, the levels and the box if they are not given.
///
/// Patches have 128 cells an axis from large images and 64 from large volumes. A single smaller
/// field is cut into patches of half its size. Three levels end at half the native size if that
/// leaves at least 32 cells; the native grid is then held out. Otherwise they end at the native
/// size. A configuration that gives levels keeps them, and uses whole fields unless it asks for
/// patches.
///
/// # Errors
/// [`TrainError::Data`] for fields with an axis of one cell, which no level can have; errors while reading.
pub fn complete(config: &mut RunConfig, fields: &StackedFields) -> Result<Vec<String>, TrainError> {
    let mut notes = Vec::new();
    let native = fields.points();
    notes.extend(one_volume(config, fields)?);
    if config.levels.is_empty() {
        let large = native.iter().all(|&n| n >= LARGE);
        if config.data.patch.is_none() && large {
            let cells = if native.len() == 3 { VOLUME_PATCH } else { PATCH };
            config.data.patch = Some(join(&vec![cells; native.len()]));
        } else if config.data.patch.is_none() && alone(config, fields) {
            let most = if native.len() == 3 { VOLUME_PATCH } else { PATCH };
            let cells: Vec<usize> = native.iter().map(|n| (n / 2).min(most)).collect();
            notes.push(format!(
                "one field of {} cells: patches of {} are cut from it (data.patch)",
                join(native),
                join(&cells)
            ));
            config.data.patch = Some(join(&cells));
        }
        let points = patch(&config.data)?.unwrap_or_else(|| native.to_vec());
        if let Some(axis) = points.iter().position(|&n| n < 2) {
            return Err(TrainError::OneCell {
                source_name: config.data.source.to_string(),
                message: format!(
                    "fields of {} cells have one cell along axis {axis}; levels need at least 2",
                    join(&points)
                ),
            });
        }
        config.levels = ladder(&points);
    }
    notes.extend(boxed(&mut config.data, fields)?);
    Ok(notes)
}

/// Whether there is a single field that is large enough for patches. It cannot be split into
/// training and validation fields.
fn alone(config: &RunConfig, fields: &StackedFields) -> bool {
    let enough = fields.points().iter().all(|&n| n >= SINGLE);
    fields.count() == 1 && enough && config.data.validation_source.is_none()
}

/// The levels for fields of this many cells.
fn ladder(points: &[usize]) -> Vec<LevelConfig> {
    let smallest = points.iter().copied().min().unwrap_or(2);
    let held_out = smallest >= 64;
    let finest: Vec<usize> = points.iter().map(|n| if held_out { n / 2 } else { *n }).collect();
    let coarser = |by: usize| finest.iter().map(|n| n.div_ceil(by)).collect::<Vec<_>>();
    let rungs = [coarser(4), coarser(2), finest.clone()];
    let mut levels: Vec<LevelConfig> = rungs
        .iter()
        .zip(SHARES)
        .filter(|(points, _)| points.iter().all(|n| *n >= COARSEST))
        .map(|(points, share)| LevelConfig { grid: join(points), share })
        .collect();
    if levels.is_empty() {
        levels.push(LevelConfig { grid: join(&finest), share: 1.0 });
    }
    levels
}

/// Asks whether a stack is one volume, if it has at least as many pages as they are wide and each
/// resembles the next.
fn one_volume(config: &RunConfig, fields: &StackedFields) -> Result<Option<String>, TrainError> {
    let (count, points) = (fields.count(), fields.points());
    let asked = config.data.dim.is_none() && config.data.labels.is_none() && points.len() == 2;
    if !(asked && count >= points[1] && drift::neighbours_are_alike(fields)?) {
        return Ok(None);
    }
    Ok(Some(format!(
        "{count} pages of {}, each like the next: one volume? data.dim = 3 makes it one",
        join(points)
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ladders_end_at_the_fields_or_at_half_of_large_ones() {
        let grids = |points: &[usize]| -> Vec<String> {
            ladder(points).into_iter().map(|l| l.grid).collect()
        };
        assert_eq!(grids(&[128, 128]), ["16x16", "32x32", "64x64"]);
        assert_eq!(grids(&[64, 64, 64]), ["8x8x8", "16x16x16", "32x32x32"]);
        assert_eq!(grids(&[28, 28]), ["7x7", "14x14", "28x28"]);
        assert_eq!(grids(&[8, 8]), ["8x8"]);
        assert_eq!(grids(&[64, 31]), ["16x8", "32x16", "64x31"]);
        let shares: Vec<f64> = ladder(&[128]).iter().map(|l| l.share).collect();
        assert_eq!(shares, SHARES);
    }
}
