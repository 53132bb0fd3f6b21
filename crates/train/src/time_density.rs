//! Times at which a batch looks, stratified: one in each of B equal slices of probability.

use karhunen_field::path::Path;

use crate::config::TimeDensity;

impl TimeDensity {
    /// The time below which a fraction `u` of the density lies (in t for `Uniform`, from high to
    /// low log-SNR for the others, so u = 0 is always the least noise).
    pub fn quantile(&self, path: &dyn Path, u: f64) -> f64 {
        let (end, start) = (path.end(), path.start());
        let (clean, noisy) = (path.log_snr(end), path.log_snr(start));
        match *self {
            TimeDensity::Uniform => end + u * (start - end),
            TimeDensity::LogSnr => path.time_of_log_snr(clean + u * (noisy - clean)),
            TimeDensity::LogNormal { mean, deviation } => {
                // truncated to the path's range: u runs between the cut probabilities
                let cut = |log_snr: f64| normal_cdf((-0.5 * log_snr - mean) / deviation);
                let (low, high) = (cut(clean), cut(noisy));
                let sigma = mean + deviation * normal_quantile(low + u * (high - low));
                path.time_of_log_snr((-2.0 * sigma).clamp(noisy, clean))
            }
        }
    }

    /// Times of a batch: slice i of n holds one, at the place `within[i]` ∈ [0, 1).
    pub fn stratified(&self, path: &dyn Path, within: &[f64]) -> Vec<f64> {
        let n = within.len() as f64;
        within.iter().enumerate().map(|(i, u)| self.quantile(path, (i as f64 + u) / n)).collect()
    }
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

    #[test]
    fn densities_span_the_path_and_rise() {
        let path = VariancePreserving::default();
        for density in [
            TimeDensity::Uniform,
            TimeDensity::LogSnr,
            TimeDensity::LogNormal { mean: -0.5, deviation: 1.2 },
        ] {
            let times: Vec<f64> =
                (0..=50).map(|i| density.quantile(&path, i as f64 / 50.0)).collect();
            assert!(times.windows(2).all(|w| w[0] <= w[1]), "{density:?}");
            assert!(
                (times[0] - path.end()).abs() < 1e-6 && (times[50] - path.start()).abs() < 1e-6
            );
        }
    }

    #[test]
    fn the_log_normal_has_its_median() {
        let path = VariancePreserving::default();
        let density = TimeDensity::LogNormal { mean: -0.5, deviation: 0.8 };
        let sigma = -0.5 * path.log_snr(density.quantile(&path, 0.5));
        // the cut at both ends of the path moves the median by less than this
        assert!((sigma + 0.5).abs() < 5e-3, "{sigma}");
    }
}
