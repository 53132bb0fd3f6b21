//! Reports, before the training, what part of the data the modes of the finest grid cannot
//! represent.
//!
//! A projection gives no sign of what it removes: detail finer than the cells, and at Dirichlet
//! walls everything that does not vanish there. The user may not have meant that.

use karhunen_field::{Axis, Boundary, Grid};

use crate::TrainError;
use crate::config::Resample;
use crate::data::convert;
use crate::data::statistics::Normalisation;

/// Number of fields examined.
pub(crate) const LOOKED_AT: usize = 64;
/// Shares of the variance below this are not reported.
const TOLD: f64 = 1e-3;

/// The part of the variance that the modes of `to` do not represent, if it is worth reporting:
/// detail finer than its cells, and at Dirichlet walls whatever does not vanish there.
///
/// Shares are of Σ|f − mean|², or of Σ|f|² on boxes that hold no constants.
pub(crate) fn left_out(
    values: &[f32],
    channels: usize,
    from: Grid,
    to: Grid,
) -> Result<Option<String>, TrainError> {
    let few = &values[..values.len().min(LOOKED_AT * channels * from.len())];
    let square = |values: &[f32]| values.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>();
    let (mut all, mut centred) = (square(few) / from.len() as f64, few.to_vec());
    if to.holds_constants() {
        let normalisation = Normalisation::measure(few, channels, from.len(), true);
        let shift = Normalisation { scale: vec![1.0; channels], ..normalisation };
        shift.apply(&mut centred, from.len());
        all = square(&centred) / from.len() as f64;
    }
    // both bases are orthonormal in the mean over cells, so the loss is a difference of squares
    let lost = |from: Grid, to: Grid| -> Result<f64, TrainError> {
        let kept = convert(&centred, channels, from, to, Resample::Spectral)?;
        Ok((1.0 - square(&kept) / to.len() as f64 / all).max(0.0))
    };
    let share = lost(from, to)?;
    if share <= TOLD {
        return Ok(None);
    }
    let percent = |share: f64| format!("{:.1} %", 100.0 * share);
    if to.holds_constants() {
        let what = "of the variance is finer than the modes of";
        return Ok(Some(format!("{} {what} {to} and is left out", percent(share))));
    }
    let open = |grid: Grid| {
        let axes: Vec<Axis> =
            grid.axes().iter().map(|a| Axis { boundary: Boundary::Neumann, ..*a }).collect();
        Grid::new(&axes)
    };
    let without = lost(open(from)?, open(to)?)?;
    Ok(Some(format!(
        "{} of the square is left out by modes of {to} that vanish at walls ({} by those that do not): \
         boundary neumann suits fields that do not vanish there",
        percent(share),
        percent(without)
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_projection_leaves_out_is_told_as_its_share() {
        let grid = |n: usize, boundary: Boundary| Grid::unit(&[n], boundary).unwrap();
        let (fine, coarse) = (grid(16, Boundary::Neumann), grid(4, Boundary::Neumann));
        let cosine = |k: f64, j: usize| (std::f64::consts::PI * k * (j as f64 + 0.5) / 16.0).cos();
        // amplitudes 2 at k = 1 and 1 at k = 9; four cells do not hold the second, a fifth of the
        // variance
        let values: Vec<f32> =
            (0..16).map(|j| (5.0 + 2.0 * cosine(1.0, j) + cosine(9.0, j)) as f32).collect();
        let note = left_out(&values, 1, fine, coarse).unwrap().unwrap();
        assert_eq!(note, "20.0 % of the variance is finer than the modes of 4 and is left out");
        assert_eq!(left_out(&values, 1, fine, fine).unwrap(), None);
        assert_eq!(left_out(&[3.0; 16], 1, fine, coarse).unwrap(), None);
        // a constant in the sines of four cells: 1 - (8/π²)(1 + 1/9), by the quadrature of sixteen
        // cells
        let (fine, coarse) = (grid(16, Boundary::Dirichlet), grid(4, Boundary::Dirichlet));
        let note = left_out(&[1.0; 16], 1, fine, coarse).unwrap().unwrap();
        let told: f64 = note.split_once(' ').unwrap().0.parse().unwrap();
        let exact = 100.0 * (1.0 - 8.0 / std::f64::consts::PI.powi(2) * (1.0 + 1.0 / 9.0));
        // sums over cell centres approximate integrals to O(1/16²), 0.4 % of the square
        assert!((told - exact).abs() < 1.0, "{note}, not {exact}");
        // cosines of four cells represent a constant exactly
        assert!(note.contains("(0.0 % by those that do not)"), "{note}");
    }
}
