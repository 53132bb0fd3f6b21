//! Cells of a phase as bytes: the input of every geometric descriptor.
//!
//! Descriptors of structure are not defined for grey values, so values other than 0 and 1 are
//! refused here. [`super::Segmentation`] and [`super::Phases`] apply thresholds.

use super::check;
use crate::{Ensemble, FieldError, Grid};

/// Indicators of a phase: 1 inside, 0 outside, `[sample, channel, axis0, …]`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Mask {
    pub grid: Grid,
    pub channels: usize,
    cells: Vec<u8>,
}

impl Mask {
    /// The mask of an ensemble of zeros and ones with at least one field.
    pub fn new(phase: &Ensemble, what: &'static str) -> Result<Self, FieldError> {
        check(phase, what, 1)?;
        let cells = phase
            .values
            .iter()
            .map(|&value| match value {
                0.0 => Ok(0),
                1.0 => Ok(1),
                _ => Err(FieldError::Parameter {
                    parameter: "indicator of a phase",
                    value,
                    requirement: "descriptors of a structure take 0 (outside) and 1 (inside): segment the fields first",
                }),
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { grid: phase.grid, channels: phase.channels, cells })
    }

    /// Number of fields n.
    pub fn count(&self) -> usize {
        self.cells.len() / (self.channels * self.grid.len())
    }

    /// The cells of every channel of every field; channels of one field are adjacent.
    pub fn blocks(&self) -> std::slice::ChunksExact<'_, u8> {
        self.cells.chunks_exact(self.grid.len())
    }

    /// The other phase.
    pub fn complement(&self) -> Self {
        Self { cells: self.cells.iter().map(|c| 1 - c).collect(), ..*self }
    }
}

/// φ of each channel: the fraction of all cells, over all fields, that lies in the phase.
///
/// # Errors
/// [`FieldError::TooFew`] without fields; [`FieldError::Parameter`] for values other than 0 and 1.
///
/// # Example
/// ```
/// use karhunen_field::{Boundary, Ensemble, Grid, metrics::volume_fraction};
/// let grid = Grid::unit(&[4], Boundary::Neumann)?;
/// let phase = Ensemble::new(grid, 1, vec![0.0, 1.0, 0.0, 0.0])?;
/// assert_eq!(volume_fraction(&phase)?, [0.25]);
/// # Ok::<(), karhunen_field::FieldError>(())
/// ```
pub fn volume_fraction(phase: &Ensemble) -> Result<Vec<f64>, FieldError> {
    let mask = Mask::new(phase, "volume fraction")?;
    let mut inside = vec![0u64; mask.channels];
    for (block, cells) in mask.blocks().enumerate() {
        inside[block % mask.channels] += cells.iter().map(|&c| u64::from(c)).sum::<u64>();
    }
    let cells = (mask.count() * mask.grid.len()) as f64;
    Ok(inside.iter().map(|&n| n as f64 / cells).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Boundary;

    #[test]
    fn fractions_are_counted_by_channel() {
        let grid = Grid::unit(&[1, 3], Boundary::Periodic).unwrap();
        let values = vec![1.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 1.0, 1.0];
        let phase = Ensemble::new(grid, 2, values).unwrap();
        let found = volume_fraction(&phase).unwrap();
        assert!((found[0] - 0.5).abs() < 1e-15 && (found[1] - 5.0 / 6.0).abs() < 1e-15);
        let mask = Mask::new(&phase, "test").unwrap();
        assert_eq!((mask.count(), mask.complement().complement()), (2, mask));
    }

    #[test]
    fn grey_values_are_refused() {
        let grid = Grid::unit(&[2], Boundary::Neumann).unwrap();
        for value in [0.5, -1.0, 255.0, f64::NAN] {
            let grey = Ensemble::new(grid, 1, vec![0.0, value]).unwrap();
            assert!(matches!(volume_fraction(&grey), Err(FieldError::Parameter { .. })));
        }
        let none = Ensemble::zeros(grid, 1, 0);
        assert!(matches!(volume_fraction(&none), Err(FieldError::TooFew { .. })));
    }
}
