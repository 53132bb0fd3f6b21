//! Adaptive time steps: a time grid chosen by the estimated error of each step.
//!
//! [`super::WienerExponential`] can estimate the error of a step before taking it. Once the
//! denoiser is evaluated at t, the difference between its first-order and second-order steps is a
//! known function of the end time s. Each step is therefore the longest one whose difference stays
//! within the tolerance, and no step is ever rejected.
//!
//! The tolerance decides the number of steps. For an equal number of steps the even log-SNR grid is
//! as good: on the mixtures tried, the errors of the two agree to a tenth or two.
//!
//! The time grid is computed from a few *pilot* fields and then used for all others. If every batch
//! chose its own grid, a field would depend on the other fields of its batch.

use super::{Reverse, Sampler, WienerExponential};
use crate::{Ensemble, FieldError};

/// Length of the first step in ln(a/b). There is no history yet to estimate an error from. At T
/// little of the data is visible and R is small.
const FIRST: f64 = 0.4;
/// A step is at most this many times as long as the one before, because a distant history says
/// little.
const GROWTH: f64 = 2.0;
/// A step is never shorter than this part of the whole range, whatever the tolerance.
const SHORTEST: f64 = 1e-3;
/// Number of halvings of the interval in which the end of a step is sought.
const BISECTIONS: usize = 30;

/// Times from T to t_min, chosen with the pilot fields `x` (at time T) such that each step's
/// estimated error is at most `tolerance`.
///
/// **Unit** the standard deviation of the data in the H-norm, carried to t = 0. The estimate is the
/// error of the *first-order* step. The second-order run that uses the times is more accurate, but
/// the errors of its steps add up. **Cost** one evaluation a step, for the pilots.
///
/// # Errors
/// [`FieldError::Parameter`] unless the tolerance is positive and finite; those of
/// [`super::integrate`].
pub fn adaptive_times(
    reverse: &mut Reverse<'_>,
    mut x: Ensemble,
    tolerance: f64,
) -> Result<Vec<f64>, FieldError> {
    if !(tolerance.is_finite() && tolerance > 0.0) {
        let requirement = "it must be a positive finite number of the data's standard deviations";
        return Err(FieldError::Parameter {
            parameter: "tolerance",
            value: tolerance,
            requirement,
        });
    }
    let path = reverse.path;
    let (noisy, clean) = (0.5 * path.log_snr(path.start()), 0.5 * path.log_snr(path.end()));
    let shortest = SHORTEST * (clean - noisy);
    let (mut times, mut lambda, mut longest) = (vec![path.start()], noisy, FIRST);
    let mut sampler = WienerExponential::<f64>::default();
    sampler.reset();
    let tables = reverse.tables(&x)?;
    while lambda < clean {
        let t = times[times.len() - 1];
        reverse.step = times.len() - 1;
        let stage = sampler.stage(reverse, &tables, &mut x, t)?;
        let end = |h: f64| path.time_of_log_snr(2.0 * (lambda + h).min(clean));
        let fits = |h: f64| stage.error(reverse, &tables, end(h)).is_none_or(|e| e <= tolerance);
        let mut step = longest;
        if !fits(step) {
            let (mut low, mut high) = (shortest.min(step), step);
            for _ in 0..BISECTIONS {
                let middle = 0.5 * (low + high);
                if fits(middle) { low = middle } else { high = middle }
            }
            step = low;
        }
        // the remaining range would be too short for a step of its own
        let last = clean - lambda - step < shortest;
        let s = if last { path.end() } else { end(step) };
        stage.advance(reverse, &tables, s, &mut x);
        if x.values.iter().any(|v| !v.is_finite()) {
            let step = times.len() - 1;
            return Err(FieldError::NonFinite { what: "the sample", step, time: s });
        }
        times.push(s);
        lambda = if last { clean } else { lambda + step };
        longest = GROWTH * step;
    }
    Ok(times)
}
