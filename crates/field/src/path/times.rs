//! Time grids: the times at which a sampler evaluates the denoiser.
//!
//! All grids begin at T, end exactly at t_min and decrease strictly. Which grid suits a sampler
//! depends on where the sampler makes its error. [`crate::sampler::Method::default_times`] gives
//! the best one.

use serde::{Deserialize, Serialize};

use super::Path;

/// A rule that places sampler times between T and t_min.
///
/// # Example
/// ```
/// use karhunen_field::path::{TimeGrid, VariancePreserving};
/// let path = VariancePreserving::new(0.1, 20.0, 0.04)?;
/// let times = TimeGrid::Quadratic.times(&path, 4);
/// assert_eq!(times[0], 1.0);
/// assert!((times[2] - 0.36).abs() < 1e-15); // √t runs evenly from 1 to 0.2: 0.6² in the middle
/// assert_eq!(times[4], 0.04);
/// # Ok::<(), karhunen_field::FieldError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TimeGrid {
    /// Even in t: the choice of Hagemann et al. for Euler–Maruyama. Second-order methods should not
    /// use it: their last steps become far too long in log-SNR.
    Uniform,
    /// Even in √t: t = (√T + (√t_min − √T) i/n)². This is the grid T (1 − i/n)², stretched so that
    /// its last time is t_min instead of 0, where the score is 0/0. At small t the amplitude b
    /// grows like √t. The solution is therefore smooth in √t, and second-order methods reach their
    /// order.
    Quadratic,
    /// Even in [`Path::log_snr`].
    LogSnr,
    /// Even in σ^{1/ρ} with σ = b/a (Karras, Aittala, Aila, Laine, arXiv 2206.00364, eq. 5, with
    /// ρ = 7). A larger ρ moves steps towards the data; the limit ρ → ∞ is [`TimeGrid::LogSnr`].
    Karras {
        /// ρ > 0.
        rho: f64,
    },
}

impl TimeGrid {
    /// `steps` + 1 strictly decreasing times from T to t_min; only T if `steps` is 0.
    ///
    /// A ρ that is not positive and finite gives times that [`crate::sampler::integrate`] refuses.
    pub fn times(&self, path: &dyn Path, steps: usize) -> Vec<f64> {
        let (start, end) = (path.start(), path.end());
        let (noisy, clean) = (path.log_snr(start), path.log_snr(end));
        (0..=steps)
            .map(|i| {
                // the ends are exact, so that rounding never leaves the path
                if i == 0 {
                    return start;
                }
                if i == steps {
                    return end;
                }
                let s = i as f64 / steps as f64;
                let between = |first: f64, last: f64| first + (last - first) * s;
                match *self {
                    TimeGrid::Uniform => between(start, end),
                    TimeGrid::Quadratic => between(start.sqrt(), end.sqrt()).powi(2),
                    TimeGrid::LogSnr => path.time_of_log_snr(between(noisy, clean)),
                    TimeGrid::Karras { rho } => {
                        // σ^{1/ρ} = exp(−l/2ρ) for log-SNR l
                        let root = |l: f64| (-0.5 * l / rho).exp();
                        let l = -2.0 * rho * between(root(noisy), root(clean)).ln();
                        if l.is_finite() { path.time_of_log_snr(l) } else { f64::NAN }
                    }
                }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::VariancePreserving;

    const ALL: [TimeGrid; 4] =
        [TimeGrid::Uniform, TimeGrid::Quadratic, TimeGrid::LogSnr, TimeGrid::Karras { rho: 7.0 }];

    #[test]
    fn every_grid_falls_strictly_from_start_to_end() {
        let path = VariancePreserving::default();
        for grid in ALL {
            for steps in [1, 2, 7, 1000] {
                let times = grid.times(&path, steps);
                assert_eq!(times.len(), steps + 1);
                assert_eq!((times[0], times[steps]), (path.start(), path.end()));
                assert!(times.windows(2).all(|w| w[1] < w[0]), "{grid:?} with {steps}");
            }
            assert_eq!(grid.times(&path, 0), [path.start()]);
        }
    }

    #[test]
    fn karras_is_even_in_the_root_of_sigma_and_tends_to_log_snr() {
        let path = VariancePreserving::default();
        let root: Vec<f64> = TimeGrid::Karras { rho: 3.0 }
            .times(&path, 9)
            .iter()
            .map(|&t| (path.noise(t) / path.signal(t)).cbrt())
            .collect();
        let step = (root[9] - root[0]) / 9.0;
        assert!(root.windows(2).all(|w| (w[1] - w[0] - step).abs() < 1e-12));
        let far = TimeGrid::Karras { rho: 1e6 }.times(&path, 9);
        let limit = TimeGrid::LogSnr.times(&path, 9);
        assert!(far.iter().zip(&limit).all(|(a, b)| (a - b).abs() < 1e-5));
    }
}
