//! The slope of a spectrum.

use karhunen_field::Grid;
use karhunen_field::prior::Fitted;
use karhunen_train::statistics::Statistics;

/// Exponent s of a power law c ∝ |ω|^s fitted to the upper half of the frequencies.
pub fn spectrum_slope(statistics: &Statistics, grid: &Grid) -> Option<f64> {
    let fitted = Fitted::new(grid, &statistics.average_variances()).ok()?;
    let points: Vec<(f64, f64)> = fitted
        .shells()
        .iter()
        .filter(|s| s.frequency > 0.0 && s.frequency <= grid.band() && s.mean > 0.0)
        .map(|s| (s.frequency.ln(), s.mean.ln()))
        .collect();
    let upper = &points[points.len() / 2..];
    let n = upper.len() as f64;
    let mean = |f: fn(&(f64, f64)) -> f64| upper.iter().map(f).sum::<f64>() / n;
    let (x, y) = (mean(|p| p.0), mean(|p| p.1));
    let slope = upper.iter().map(|p| (p.0 - x) * (p.1 - y)).sum::<f64>()
        / upper.iter().map(|p| (p.0 - x).powi(2)).sum::<f64>();
    slope.is_finite().then_some(slope)
}
