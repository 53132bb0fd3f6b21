//! The threshold at which a phase has a given volume fraction.

use super::labels::margin_over_others;
use crate::FieldError;

/// A threshold moved away from zero.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shift {
    /// The amount added to the channel φ of the phase. With one channel and phase 0, φ is lowered
    /// by it instead.
    pub value: f64,
    /// The volume fraction that the phase has after the shift.
    pub fraction: f64,
}

/// Moves the threshold of a field so that a phase has a given volume fraction, exact to one cell.
///
/// The phase is then where g > t. Here g is its [`margin_over_others`], and t lies between the
/// values of the last cell inside and the first one outside. The field is changed: the channel of
/// the phase is lowered by t, so that [`super::labels`] gives the phase this fraction.
///
/// **Shape** `field` is `[channel, point]`.
///
/// **Cost** linear in the points, because the threshold is selected by rank, without bisection.
///
/// # Errors
/// [`FieldError::Parameter`] for a fraction outside of 0 … 1.
///
/// # Example
/// ```
/// use karhunen_field::level_set::{labels, shift_to_fraction};
/// let mut field = [-0.9, -0.5, -0.1, 0.2, 0.8];
/// let shift = shift_to_fraction(&mut field, 1, 5, 1, 0.6)?;
/// assert_eq!(labels(&field, 1, 5), [0, 0, 1, 1, 1]);
/// assert!((shift.value - 0.3).abs() < 1e-12 && shift.fraction == 0.6);
/// # Ok::<(), karhunen_field::FieldError>(())
/// ```
pub fn shift_to_fraction(
    field: &mut [f64],
    channels: usize,
    points: usize,
    phase: usize,
    fraction: f64,
) -> Result<Shift, FieldError> {
    if !(0.0..=1.0).contains(&fraction) {
        return Err(FieldError::Parameter {
            parameter: "volume fraction",
            value: fraction,
            requirement: "a fraction lies between 0 and 1",
        });
    }
    let mut margins = margin_over_others(field, channels, points, phase);
    let within = (fraction * points as f64).round() as usize;
    // in order of falling margin: the last cell inside and the first outside
    let threshold = match within {
        0 => margins.iter().copied().fold(f64::NEG_INFINITY, f64::max) + 1.0,
        n if n == points => margins.iter().copied().fold(f64::INFINITY, f64::min) - 1.0,
        n => {
            let (_, first, rest) = margins.select_nth_unstable_by(n, |a, b| b.total_cmp(a));
            let (without, _) = (*first, rest);
            let last = margins[..n].iter().copied().fold(f64::INFINITY, f64::min);
            f64::midpoint(last, without)
        }
    };
    let lowered = match (channels, phase) {
        (1, 0) => -threshold,
        _ => threshold,
    };
    let channel = if channels == 1 { 0 } else { phase };
    let own = &mut field[channel * points..(channel + 1) * points];
    own.iter_mut().for_each(|v| *v -= lowered);
    let found = margin_over_others(field, channels, points, phase);
    let have = found.iter().filter(|g| **g > 0.0).count();
    Ok(Shift { value: -threshold, fraction: have as f64 / points as f64 })
}

#[cfg(test)]
mod tests {
    use super::super::labels;
    use super::*;
    use crate::metrics::volume_fraction;
    use crate::noise::stream;
    use crate::prior::{self, Matern};
    use crate::{Boundary, Ensemble, Grid};

    #[test]
    fn every_fraction_is_hit_to_the_cell() {
        let grid = Grid::unit(&[13, 17], Boundary::Neumann).unwrap();
        let law = Matern::new(1.0, 0.2, 1.5).unwrap();
        for channels in [1, 3, 4] {
            let rough = prior::sample(&law, grid, channels, 2, 0..1, stream::START);
            let phases = channels.max(2);
            for phase in 0..phases {
                for fraction in [0.0, 0.05, 0.37, 0.5, 0.98, 1.0] {
                    let mut field = rough.values.clone();
                    let n = grid.len();
                    let shift =
                        shift_to_fraction(&mut field, channels, n, phase, fraction).unwrap();
                    let found = labels(&field, channels, n);
                    let one = |p: &u8| f64::from(u8::from(usize::from(*p) == phase));
                    let ones = Ensemble::new(grid, 1, found.iter().map(one).collect()).unwrap();
                    let have = volume_fraction(&ones).unwrap()[0];
                    assert!((have - fraction).abs() <= 0.5 / n as f64 + 1e-12, "{have} {fraction}");
                    assert!((have - shift.fraction).abs() < 1e-12);
                }
            }
        }
    }

    #[test]
    fn other_phases_keep_their_borders() {
        let mut field = [0.9, -0.2, 0.3, -0.5, 0.8, -0.1, -0.9, -0.3, 0.4];
        let before = labels(&field, 3, 3);
        let shift = shift_to_fraction(&mut field, 3, 3, 0, 2.0 / 3.0).unwrap();
        assert!(shift.value > 0.0);
        let after = labels(&field, 3, 3);
        assert_eq!(before, [0, 1, 2]);
        assert_eq!(after, [0, 1, 0]);
        assert!(shift_to_fraction(&mut field, 3, 3, 0, 1.5).is_err());
    }
}
