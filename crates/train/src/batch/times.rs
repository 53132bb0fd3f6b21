//! Times of the fields of a batch, stratified: one in each of B equal slices of probability.
//!
//! Consider a mode with data variance c and noise variance λ. It is decided where the noise b√λ is
//! about as strong as the signal a√c, that is where ln(b/a) = ln r with r² = c/λ. Under the fitted
//! prior this is the same time for all modes. If the noise spectrum falls more slowly than the
//! data's, the reverse process decides strong modes early and weak ones late.
//! [`TimeDensity::Modes`] samples the times at which the modes of a level are decided. There
//! ln(b/a) has the density
//!
//! 0.95 Σ_k c_k^w N(mean + ln r_k, deviation²) / Σ_k c_k^w + 0.05 (uniform in the path's range),
//!
//! truncated to the path's range. A coarse level has no weak modes and spends no times on them.

use std::sync::Arc;

use karhunen_field::Grid;
use karhunen_field::path::Path;
use karhunen_net::Preconditioner;

use crate::config::TimeDensity;

/// Number of slices of the quantile table.
const SLICES: usize = 1024;
/// Modes whose ln r differ by less than this are merged.
const WIDTH: f64 = 0.05;
/// Weight of the uniform part.
const UNIFORM: f64 = 0.05;

/// A density of times on one grid.
#[derive(Debug)]
pub struct Times {
    density: TimeDensity,
    path: Arc<dyn Path>,
    /// Quantiles of ln(b/a), [`SLICES`] + 1 of them; empty if they have a closed form.
    table: Vec<f64>,
}

impl Times {
    /// The density for the data and the noise of a grid.
    pub fn new(density: TimeDensity, known: &Preconditioner, grid: &Grid) -> Self {
        let path = known.path().clone();
        let table = match density {
            TimeDensity::Modes { mean, deviation, weight } => {
                let parts = parts(&known.variances(grid), mean, weight);
                quantiles(&parts, deviation, range(path.as_ref()))
            }
            _ => Vec::new(),
        };
        Self { density, path, table }
    }

    /// The time below which a fraction `u` of the density lies. For `Uniform` it is a quantile in
    /// t, for the others one from high to low log-SNR, so u = 0 is always the least noise.
    pub fn quantile(&self, u: f64) -> f64 {
        let path = self.path.as_ref();
        let (low, high) = range(path);
        let sigma = match self.density {
            TimeDensity::Uniform => return path.end() + u * (path.start() - path.end()),
            TimeDensity::LogSnr => {
                let (clean, noisy) = (-2.0 * low, -2.0 * high);
                return path.time_of_log_snr(clean + u * (noisy - clean));
            }
            TimeDensity::LogNormal { mean, deviation } => {
                // truncated to the path's range: u runs between the probabilities of its ends
                let cut = |sigma: f64| normal_cdf((sigma - mean) / deviation);
                let (least, most) = (cut(low), cut(high));
                mean + deviation * normal_quantile(least + u * (most - least))
            }
            TimeDensity::Modes { .. } => {
                let at = u.clamp(0.0, 1.0) * SLICES as f64;
                let below = (at as usize).min(SLICES - 1);
                let part = at - below as f64;
                self.table[below] + part * (self.table[below + 1] - self.table[below])
            }
        };
        path.time_of_log_snr((-2.0 * sigma).clamp(-2.0 * high, -2.0 * low))
    }

    /// Times of a batch: one in each of n slices; in slice i at the place `within[i]` ∈ [0, 1).
    pub fn stratified(&self, within: &[f64]) -> Vec<f64> {
        let n = within.len() as f64;
        within.iter().enumerate().map(|(i, u)| self.quantile((i as f64 + u) / n)).collect()
    }
}

/// ln(b/a) at both ends of a path.
fn range(path: &dyn Path) -> (f64, f64) {
    (-0.5 * path.log_snr(path.end()), -0.5 * path.log_snr(path.start()))
}

/// (centre, probability) of the normal parts; modes with nearly the same r are merged.
fn parts(variances: &[(f64, f64)], mean: f64, weight: f64) -> Vec<(f64, f64)> {
    let mut bins = std::collections::BTreeMap::new();
    for &(c, lambda) in variances.iter().filter(|(c, lambda)| *c > 0.0 && *lambda > 0.0) {
        let bin = (0.5 * (c / lambda).ln() / WIDTH).round() as i64;
        *bins.entry(bin).or_insert(0.0) += c.powf(weight);
    }
    let total: f64 = bins.values().sum();
    bins.into_iter().map(|(bin, part)| (mean + bin as f64 * WIDTH, part / total)).collect()
}

/// Values of ln(b/a) below which i / [`SLICES`] of the density in the range lies.
fn quantiles(parts: &[(f64, f64)], deviation: f64, (low, high): (f64, f64)) -> Vec<f64> {
    let normal = |sigma: f64| -> f64 {
        parts.iter().map(|(centre, part)| part * normal_cdf((sigma - centre) / deviation)).sum()
    };
    let cdf = |sigma: f64| {
        let even = (sigma - low) / (high - low);
        (1.0 - UNIFORM) * normal(sigma) + UNIFORM * even
    };
    let (least, most) = (cdf(low), cdf(high));
    let inverse = |i: usize| {
        let target = least + (most - least) * i as f64 / SLICES as f64;
        let (mut below, mut above) = (low, high);
        for _ in 0..50 {
            let middle = 0.5 * (below + above);
            if cdf(middle) < target { below = middle } else { above = middle }
        }
        0.5 * (below + above)
    };
    (0..=SLICES).map(inverse).collect()
}

fn normal_cdf(x: f64) -> f64 {
    0.5 * libm::erfc(-x / std::f64::consts::SQRT_2)
}

fn normal_quantile(p: f64) -> f64 {
    let (mut low, mut high) = (-10.0, 10.0);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if normal_cdf(middle) < p { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

#[cfg(test)]
mod tests {
    use super::*;
    use karhunen_field::path::VariancePreserving;
    use karhunen_field::prior::{Fitted, Measured, Tempered};
    use karhunen_field::{Boundary, Field, GaussianLaw, Prior};
    use karhunen_net::Preconditioning;

    fn grid(n: usize) -> Grid {
        Grid::unit(&[n, n], Boundary::Neumann).unwrap()
    }

    /// Data with a power-law spectrum on 16 × 16 cells, and a prior made from it.
    fn known(prior: impl FnOnce(Grid, &[f64]) -> Arc<dyn Prior>) -> Preconditioner {
        let grid = grid(16);
        let c: Vec<f64> = grid.modes().map(|m| (9.0 + m.laplacian()).powf(-1.5)).collect();
        let law = Arc::new(Measured::new(grid, c.clone()).unwrap());
        let law = GaussianLaw::new(Field::zeros(grid, 1), vec![law]).unwrap();
        let path = Arc::new(VariancePreserving::default());
        Preconditioner::new(Preconditioning::Wiener, path, prior(grid, &c), law, grid)
    }

    fn fitted(grid: Grid, c: &[f64]) -> Arc<dyn Prior> {
        Arc::new(Fitted::new(&grid, c).unwrap())
    }

    fn flat(grid: Grid, c: &[f64]) -> Arc<dyn Prior> {
        Arc::new(Tempered::flat(grid, c).unwrap())
    }

    const MODES: TimeDensity = TimeDensity::Modes { mean: -1.0, deviation: 1.2, weight: 0.5 };

    #[test]
    fn densities_span_the_path_and_rise() {
        let known = known(flat);
        let path = known.path().clone();
        for density in [
            TimeDensity::Uniform,
            TimeDensity::LogSnr,
            TimeDensity::LogNormal { mean: -0.5, deviation: 1.2 },
            MODES,
        ] {
            let of = Times::new(density, &known, &grid(16));
            let times: Vec<f64> = (0..=50).map(|i| of.quantile(i as f64 / 50.0)).collect();
            assert!(times.windows(2).all(|w| w[0] <= w[1]), "{density:?}");
            assert!(
                (times[0] - path.end()).abs() < 1e-6 && (times[50] - path.start()).abs() < 1e-6
            );
        }
    }

    #[test]
    fn the_log_normal_has_its_median() {
        let known = known(fitted);
        let density = TimeDensity::LogNormal { mean: -0.5, deviation: 0.8 };
        let of = Times::new(density, &known, &grid(16));
        let sigma = -0.5 * known.path().log_snr(of.quantile(0.5));
        // truncation at both ends of the path moves the median by less than this
        assert!((sigma + 0.5).abs() < 5e-3, "{sigma}");
    }

    fn sigma(known: &Preconditioner, n: usize, u: f64) -> f64 {
        -0.5 * known.path().log_snr(Times::new(MODES, known, &grid(n)).quantile(u))
    }

    /// If all modes are decided together, the mixture is one normal density and the uniform part.
    #[test]
    fn with_one_ratio_for_all_modes_it_is_the_log_normal() {
        let known = known(fitted);
        for u in [0.2, 0.5, 0.8] {
            let sigma = sigma(&known, 16, u);
            let (low, high) = range(known.path().as_ref());
            let cdf = |s: f64| {
                (1.0 - UNIFORM) * normal_cdf((s + 1.0) / 1.2) + UNIFORM * (s - low) / (high - low)
            };
            let share = (cdf(sigma) - cdf(low)) / (cdf(high) - cdf(low));
            // shells of the fitted spectrum average over modes that differ
            assert!((share - u).abs() < 0.02, "{sigma} {share} {u}");
        }
    }

    /// Under flat noise the strong modes of a coarse level are decided at higher noise than the
    /// modes of a fine level taken together.
    #[test]
    fn coarse_levels_look_at_higher_noise() {
        let known = known(flat);
        let medians = [4, 8, 16].map(|n| sigma(&known, n, 0.5));
        assert!(medians.windows(2).all(|w| w[0] > w[1] + 0.1), "{medians:?}");
    }
}
