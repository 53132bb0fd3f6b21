//! Radial shells: groups of modes with about the same frequency |ω|.

use serde::{Deserialize, Serialize};

use crate::{FieldError, Grid, grid::Axis};

/// A shell: the modes whose |ω| rounds to the same multiple of the lowest frequency.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shell {
    /// Mean |ω| of its modes.
    pub frequency: f64,
    /// Mean of the values its modes carry.
    pub mean: f64,
    /// How many modes it has.
    pub count: usize,
}

/// Mean of mode-wise values (`[mode]`, storage order) over radial shells, by rising frequency.
///
/// The first shell is the constant mode alone, on boxes that have one. The others are as wide as
/// the lowest non-zero frequency of the box. Shells beyond [`Grid::band`] hold only the corners of
/// the spectrum.
///
/// # Errors
/// [`FieldError::Modes`] unless there is one value a mode.
pub fn shells(grid: &Grid, values: &[f64]) -> Result<Vec<Shell>, FieldError> {
    if values.len() != grid.mode_count() {
        return Err(FieldError::Modes { values: values.len(), grid: *grid });
    }
    // an axis whose only mode is the constant is ignored for the width
    let resolved = |a: &&Axis| a.wave_number(a.modes() - 1) != 0;
    let width =
        grid.axes().iter().filter(resolved).map(|a| a.frequency(1)).fold(f64::INFINITY, f64::min);
    let mut shells: Vec<Shell> = Vec::new();
    for (mode, value) in grid.modes().zip(values) {
        let number = (mode.frequency() / width).round() as usize;
        if number >= shells.len() {
            shells.resize(number + 1, Shell { frequency: 0.0, mean: 0.0, count: 0 });
        }
        let shell = &mut shells[number];
        shell.frequency += mode.frequency();
        shell.mean += value;
        shell.count += 1;
    }
    shells.retain(|shell| shell.count > 0);
    for shell in &mut shells {
        shell.frequency /= shell.count as f64;
        shell.mean /= shell.count as f64;
    }
    Ok(shells)
}
