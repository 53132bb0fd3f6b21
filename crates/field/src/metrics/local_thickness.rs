//! Local thickness: the width of a phase at each of its cells (the pore-size distribution).

use super::mask::Mask;
use crate::level_set::surface_distance;
use crate::{Ensemble, FieldError, Grid};

/// Step of the radius, in cells.
const STEP: f64 = 0.5;

/// Local thickness: the diameter of the largest ball within the phase that covers a cell. Balls are
/// centred on cell centres. Outside of the phase the value is 0.
///
/// Radii are multiples of half a cell (of the smallest spacing), rounded down. A channel of an odd
/// number of cells gets its own width. A channel of an even number gets one cell less, since balls
/// are centred on cells.
///
/// **Unit** that of the grid's lengths. Beyond the ends of axes that are not periodic the phase is
/// assumed to continue, since the box is a window.
///
/// **Cost** two distance transforms for every half cell of the largest radius.
///
/// # Errors
/// [`FieldError::TooFew`] without fields; [`FieldError::Parameter`] for values other than 0 and 1, and
/// where a field has no cell outside of the phase.
///
/// **Source** T. Hildebrand and P. Rüegsegger, J. Microscopy 185 (1997); computed size by size, as
/// PoreSpy does.
///
/// # Example
/// ```
/// use karhunen_field::{Boundary, Ensemble, Grid, metrics::local_thickness};
/// let grid = Grid::unit(&[8], Boundary::Neumann)?; // cells of 1/8
/// let phase = Ensemble::new(grid, 1, vec![0.0, 1.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0])?;
/// let thick = local_thickness(&phase)?;
/// assert_eq!(thick.values, [0.0, 0.125, 0.0, 0.375, 0.375, 0.375, 0.0, 0.0]);
/// # Ok::<(), karhunen_field::FieldError>(())
/// ```
pub fn local_thickness(phase: &Ensemble) -> Result<Ensemble, FieldError> {
    let mask = Mask::new(phase, "local thickness")?;
    let grid = mask.grid;
    let cell = grid.axes().iter().map(|a| a.length / a.points as f64).fold(f64::INFINITY, f64::min);
    let mut values = Vec::with_capacity(phase.values.len());
    for cells in mask.blocks() {
        if !cells.contains(&0) {
            return Err(FieldError::Parameter {
                parameter: "volume fraction",
                value: 1.0,
                requirement: "a phase that fills the box has no thickness",
            });
        }
        values.extend(by_radii(cells, &grid, (1..).map(|step| f64::from(step) * STEP * cell)));
    }
    Ensemble::new(grid, phase.channels, values)
}

/// For each cell the diameter of the last of the rising radii whose balls cover it.
pub(super) fn by_radii(cells: &[u8], grid: &Grid, radii: impl Iterator<Item = f64>) -> Vec<f64> {
    let depth = surface_distance(grid, |i| cells[i] == 0);
    let deepest = depth.iter().copied().fold(0.0f32, f32::max);
    let mut thickness = vec![0.0; cells.len()];
    for radius in radii {
        // distances are rounded to single precision
        let reached = (radius * (1.0 - 1e-6)) as f32;
        if reached > deepest {
            break;
        }
        let to_centre = surface_distance(grid, |i| depth[i] >= reached);
        for (t, d) in thickness.iter_mut().zip(to_centre) {
            if d < reached {
                *t = 2.0 * radius;
            }
        }
    }
    // balls extend beyond the rim by less than a cell
    thickness.iter_mut().zip(cells).filter(|(_, c)| **c == 0).for_each(|(t, _)| *t = 0.0);
    thickness
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Boundary;

    #[test]
    fn balls_and_channels_have_their_diameter() {
        let grid = Grid::unit(&[21, 21, 21], Boundary::Neumann).unwrap();
        let h = 1.0 / 21.0;
        let square =
            |c: usize| grid.position(c).iter().map(|j| (*j as f64 - 10.0).powi(2)).sum::<f64>();
        let ball = (0..grid.len()).map(|c| f64::from(u8::from(square(c) <= 36.0))).collect();
        let thick = local_thickness(&Ensemble::new(grid, 1, ball).unwrap()).unwrap();
        let centre = thick.values[grid.len() / 2];
        // cells up to 6 from the centre: 13 cells wide along the axes
        assert!((centre / h - 12.0).abs() < 1.01, "{}", centre / h);
        let mean = |v: &[f64]| {
            let within: Vec<f64> = v.iter().copied().filter(|t| *t > 0.0).collect();
            within.iter().sum::<f64>() / within.len() as f64
        };
        // nearly all of a ball is covered by the largest ball in it
        assert!(mean(&thick.values) > 0.8 * centre);
        for (width, exact) in [(1, 1.0), (3, 3.0), (4, 3.0), (7, 7.0)] {
            let wall = |c: usize| (7..7 + width).contains(&grid.position(c)[1]);
            let slab = (0..grid.len()).map(|c| f64::from(u8::from(wall(c)))).collect();
            let thick = local_thickness(&Ensemble::new(grid, 1, slab).unwrap()).unwrap();
            for (c, t) in thick.values.iter().enumerate() {
                let expected = if wall(c) { exact * h } else { 0.0 };
                // rims of even channels are covered only up to the next smaller step
                let off = (t - expected).abs();
                assert!(
                    off < 1e-9 || (width % 2 == 0 && off < 1.01 * h),
                    "{width}: {t} {expected}"
                );
            }
        }
    }

    #[test]
    fn what_has_no_outside_has_no_thickness() {
        let grid = Grid::unit(&[3], Boundary::Neumann).unwrap();
        let full = Ensemble::new(grid, 1, vec![1.0; 3]).unwrap();
        assert!(matches!(local_thickness(&full), Err(FieldError::Parameter { .. })));
        assert_eq!(local_thickness(&Ensemble::zeros(grid, 1, 1)).unwrap().values, [0.0; 3]);
    }
}
