//! Real fields to compare with, never trained on where the source is what a model was trained on.

use karhunen_field::{Ensemble, Grid};
use karhunen_train::config::DataConfig;
use karhunen_train::data::{self, BUILTIN_VALIDATION};

use crate::failure::Failure;

/// First index of built-in reference fields: beyond training and validation.
const BUILTIN_REFERENCE: u64 = BUILTIN_VALIDATION + (1 << 20);

/// About `count` fields of a source on a grid, in their own values; only its held-out part if
/// `held_out` is set. Seeded as the run was, so that the split is the run's.
///
/// # Errors
/// Those of reading, splitting and resampling.
pub fn fields(
    config: &DataConfig,
    grid: Grid,
    count: usize,
    held_out: bool,
    seed: u64,
) -> Result<Ensemble, Failure> {
    let level = if let Some(name) = config.source.strip_prefix("builtin:") {
        let indices = BUILTIN_REFERENCE..BUILTIN_REFERENCE + count as u64;
        data::make_builtin(name, grid, seed, indices)?
    } else {
        let wanted = match (&config.patch, held_out) {
            (Some(_), true) => Some((count as f64 / config.validation.max(1e-3)).ceil() as usize),
            (Some(_), false) => Some(count),
            (None, _) => None,
        };
        let loaded = data::load(&DataConfig { count: wanted, ..config.clone() }, grid, seed)?;
        if held_out {
            loaded.validation
        } else {
            let mut all = loaded.training;
            all.values.extend(loaded.validation.values);
            all
        }
    };
    let keep = count.min(level.count()) * level.field_len();
    let values = level.values[..keep].iter().map(|v| f64::from(*v)).collect();
    Ok(Ensemble::new(grid, level.channels, values)?)
}
