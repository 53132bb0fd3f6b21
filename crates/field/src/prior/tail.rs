//! The tail of a measured spectrum beyond the last measured frequency.

use super::Shell;

/// Excess over d in the exponent of the tail |ω|^{−s}. It makes the tail trace class with a trace
/// that converges visibly: each octave carries at most 2^{−0.2} = 0.87 of the one below.
pub(super) const MARGIN: f64 = 0.2;

/// λ(ω) = level (|ω|/ω₀)^{−s}, s > d.
///
/// s is the log-log slope of the shells in the last octave, weighted by their numbers of modes. The
/// level is the weighted mean of the last quarter octave, carried to ω₀, the last shell's
/// frequency. A single noisy shell therefore decides nothing. Where the data fall more slowly than
/// |ω|^{−d} (as white measurement noise does), s is the smallest exponent that is trace class.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PowerTail {
    start: f64,
    level: f64,
    slope: f64,
    floor: f64,
    gentlest: f64,
}

impl PowerTail {
    /// Continues shells of rising non-zero frequency and positive mean; at least one is required.
    /// The tail never falls below `floor` (|ω|/ω₀)^{−d−0.2}, which is itself trace class.
    pub(super) fn fit(dim: usize, shells: &[Shell], floor: f64) -> Self {
        let start = shells[shells.len() - 1].frequency;
        let gentlest = dim as f64 + MARGIN;
        let within = |octaves: f64| {
            let from = shells.partition_point(|s| s.frequency < start * (-octaves).exp2());
            &shells[from..]
        };
        // At least two shells: a coarse grid may have fewer in its last octave.
        let octave = match within(1.0) {
            [_] => shells,
            several => several,
        };
        let slope = log_slope(octave, start).map_or(gentlest, |slope| (-slope).max(gentlest));
        let (mut weight, mut sum) = (0.0, 0.0);
        for shell in within(0.25) {
            let count = shell.count as f64;
            weight += count;
            sum += count * (shell.mean.ln() + slope * (shell.frequency / start).ln());
        }
        Self { start, level: (sum / weight).exp(), slope, floor, gentlest }
    }

    pub(super) fn at(&self, frequency: f64) -> f64 {
        let ratio = frequency / self.start;
        (self.level * ratio.powf(-self.slope)).max(self.floor * ratio.powf(-self.gentlest))
    }
}

/// Slope of ln mean over ln frequency by least squares, weighted with the counts. `None` where all
/// frequencies are equal.
pub(super) fn log_slope(shells: &[Shell], unit: f64) -> Option<f64> {
    let x = |s: &Shell| (s.frequency / unit).ln();
    let mean = |f: &dyn Fn(&Shell) -> f64| {
        let weight: f64 = shells.iter().map(|s| s.count as f64).sum();
        shells.iter().map(|s| s.count as f64 * f(s)).sum::<f64>() / weight
    };
    let (x0, y0) = (mean(&x), mean(&|s| s.mean.ln()));
    let spread = mean(&|s| (x(s) - x0).powi(2));
    (spread > 0.0).then(|| mean(&|s| (x(s) - x0) * (s.mean.ln() - y0)) / spread)
}
