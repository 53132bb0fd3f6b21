//! Two-point correlation S₂(r) of a phase: the probability that both ends of a random segment of
//! length r lie in it.
//!
//! S₂(0) = φ, the volume fraction, and S₂(∞) = φ² without long-range order. *All* directions are
//! counted, because one orthant alone would miss anisotropy along its diagonals. Periodic axes
//! wrap. Other axes are padded with zeros, and the count is divided by the number of pairs inside
//! the window. Products of transforms count all pairs at once, O(N log N) a field.

use std::sync::Arc;

use rustfft::{Fft, FftPlanner, num_complex::Complex};

use super::curve::bins;
use super::segmentation::Segmentation;
use super::spectrum::mean_rows;
use super::{check, check_pair};
use crate::lines::for_each_line;
use crate::{Boundary, Ensemble, FieldError, Grid};

/// S₂ as a function of distance, up to half the shortest side of the box.
#[derive(Debug, Clone, PartialEq)]
pub struct TwoPoint {
    /// Mean distance of the pairs of each bin, in units of the box. Bins are as wide as the
    /// smallest cell. The first holds only distance 0.
    pub distance: Vec<f64>,
    /// S₂ of each bin, `[channel][bin]`.
    pub correlation: Vec<Vec<f64>>,
    /// Number of ordered pairs of points of each bin, in one field.
    pub pairs: Vec<u64>,
}

/// S₂(r) of an ensemble of indicators (0 or 1), such as [`Segmentation::indicator`] returns.
///
/// Other values are allowed and give the radial mean of the products f(x) f(x + r).
///
/// # Errors
/// [`FieldError::TooFew`] without fields; [`FieldError::Parameter`] for values that are not
/// finite.
///
/// **Source** Torquato, "Random Heterogeneous Materials" (2002), chapters 2 and 12.
pub fn two_point_correlation(phase: &Ensemble) -> Result<TwoPoint, FieldError> {
    check(phase, "two-point correlation", 1)?;
    let counter = PairCounter::new(&phase.grid);
    let mean = mean_rows(&counter.correlations(phase), None);
    Ok(TwoPoint {
        correlation: mean.chunks_exact(counter.pairs.len()).map(<[f64]>::to_vec).collect(),
        distance: counter.distance,
        pairs: counter.pairs,
    })
}

/// RMS over distances (and channels) of the difference in S₂, divided by φ(1 − φ).
///
/// Both ensembles are cut at Otsu's threshold of the *reference*, whose φ sets the unit. An error
/// of 1 means that the structure confuses "in the phase" with "not correlated at all".
///
/// # Errors
/// [`FieldError::TooFew`] without fields; [`FieldError::GridMismatch`] or [`FieldError::Length`]
/// for different grids or channels; [`FieldError::Parameter`] if a channel of the reference is
/// constant or values are not finite.
pub fn two_point_error(x: &Ensemble, reference: &Ensemble) -> Result<f64, FieldError> {
    let what = "two-point error";
    check_pair(x, reference, what)?;
    check(x, what, 1)?;
    let segmentation = Segmentation::otsu(reference)?;
    let counter = PairCounter::new(&reference.grid);
    let correlation = |fields| -> Result<Vec<f64>, FieldError> {
        Ok(mean_rows(&counter.correlations(&segmentation.indicator(fields)?), None))
    };
    let (x, y) = (correlation(x)?, correlation(reference)?);
    let units = counter.units(&y)?;
    Ok(counter.error(&x, &y, &units))
}

/// Forward and inverse transform along one axis of the padded array.
type Plan = (Arc<dyn Fft<f64>>, Arc<dyn Fft<f64>>);

/// Plans and bins for the pair counts of one grid.
pub(super) struct PairCounter {
    pub distance: Vec<f64>,
    pub pairs: Vec<u64>,
    grid: Grid,
    /// Points of the padded array per axis.
    pub padded: Vec<usize>,
    plans: Vec<Plan>,
    /// (position in the padded array, bin) of every lag that belongs to a bin.
    pub lags: Vec<(usize, usize)>,
}

impl PairCounter {
    pub fn new(grid: &Grid) -> Self {
        let (width, last) = bins(grid);
        let reach: Vec<usize> = grid
            .axes()
            .iter()
            .map(|a| {
                let cell = a.length / a.points as f64;
                let lag =
                    if a.points > 1 { ((last as f64 + 0.5) * width / cell) as usize } else { 0 };
                match a.boundary {
                    Boundary::Periodic => lag.min(a.points / 2),
                    Boundary::Neumann | Boundary::Dirichlet => lag.min(a.points - 1),
                }
            })
            .collect();
        let padded: Vec<usize> = grid
            .axes()
            .iter()
            .zip(&reach)
            .map(|(a, &lag)| match a.boundary {
                Boundary::Periodic => a.points,
                Boundary::Neumann | Boundary::Dirichlet => smooth_length(a.points + lag),
            })
            .collect();

        let (mut lags, mut pairs) = (Vec::new(), vec![0u64; last + 1]);
        let mut distance = vec![0.0; last + 1];
        for flat in 0..padded.iter().product() {
            let (mut rest, mut square, mut count, mut inside) = (flat, 0.0, 1u64, true);
            for (axis, a) in grid.axes().iter().enumerate().rev() {
                let at = rest % padded[axis];
                rest /= padded[axis];
                let lag = at.min(padded[axis] - at);
                inside &= lag <= reach[axis];
                square += (lag as f64 * a.length / a.points as f64).powi(2);
                count *= match a.boundary {
                    Boundary::Periodic => a.points as u64,
                    Boundary::Neumann | Boundary::Dirichlet => a.points.saturating_sub(lag) as u64,
                };
            }
            let bin = (square.sqrt() / width).round() as usize;
            if inside && bin <= last {
                lags.push((flat, bin));
                pairs[bin] += count;
                distance[bin] += count as f64 * square.sqrt();
            }
        }
        distance.iter_mut().zip(&pairs).for_each(|(d, &p)| *d /= p as f64);

        let mut planner = FftPlanner::new();
        let plans = padded
            .iter()
            .map(|&n| (planner.plan_fft_forward(n), planner.plan_fft_inverse(n)))
            .collect();
        Self { distance, pairs, grid: *grid, padded, plans, lags }
    }

    /// S₂ of every field, each `[(channel, bin)]`. S₂ is additive over fields.
    pub fn correlations(&self, phase: &Ensemble) -> Vec<Vec<f64>> {
        let mut padded = vec![Complex::default(); self.padded.iter().product()];
        phase
            .fields()
            .map(|field| {
                let channels = field.chunks_exact(self.grid.len());
                channels.flat_map(|values| self.correlation(values, &mut padded)).collect()
            })
            .collect()
    }

    /// φ(1 − φ) of each channel.
    ///
    /// # Errors
    /// [`FieldError::Parameter`] where there is only one phase.
    pub fn units(&self, correlation: &[f64]) -> Result<Vec<f64>, FieldError> {
        correlation
            .chunks_exact(self.pairs.len())
            .map(|s2| {
                // transforms round, so for a single phase the fraction is not exactly 0 or 1
                let (fraction, rounding) = (s2[0], 1e-9);
                if fraction > rounding && fraction < 1.0 - rounding {
                    return Ok(fraction * (1.0 - fraction));
                }
                Err(FieldError::Parameter {
                    parameter: "volume fraction of the reference",
                    value: fraction,
                    requirement: "two-point errors need both phases in every channel",
                })
            })
            .collect()
    }

    /// RMS difference of two mean correlations, `[(channel, bin)]`, in units given per channel.
    pub fn error(&self, x: &[f64], y: &[f64], units: &[f64]) -> f64 {
        let bins = self.pairs.len();
        let squares: f64 = x
            .iter()
            .zip(y)
            .enumerate()
            .map(|(slot, (x, y))| ((x - y) / units[slot / bins]).powi(2))
            .sum();
        (squares / x.len() as f64).sqrt()
    }

    /// S₂ of one channel of one field; `padded` is a work array.
    pub fn correlation(&self, values: &[f64], padded: &mut [Complex<f64>]) -> Vec<f64> {
        padded.fill(Complex::default());
        let points = self.grid.points();
        for (flat, &value) in values.iter().enumerate() {
            let at = self.grid.position(flat);
            let target = (0..points.len()).fold(0, |sum, axis| sum * self.padded[axis] + at[axis]);
            padded[target] = Complex::new(value, 0.0);
        }
        for (axis, (forward, _)) in self.plans.iter().enumerate() {
            for_each_line(padded, &self.padded, axis, |line| forward.process(line));
        }
        padded.iter_mut().for_each(|c| *c = Complex::new(c.norm_sqr(), 0.0));
        for (axis, (_, inverse)) in self.plans.iter().enumerate() {
            for_each_line(padded, &self.padded, axis, |line| inverse.process(line));
        }
        let mut sums = vec![0.0; self.pairs.len()];
        self.lags.iter().for_each(|&(flat, bin)| sums[bin] += padded[flat].re);
        let scale = padded.len() as f64; // transforms are not normalised
        sums.iter().zip(&self.pairs).map(|(s, &p)| s / (scale * p as f64)).collect()
    }
}

/// The smallest length ≥ `least` without prime factors beyond 5, for which transforms are fast.
fn smooth_length(least: usize) -> usize {
    (least..)
        .find(|&n| {
            [2, 3, 5].iter().fold(n, |mut rest, &p| {
                while rest % p == 0 {
                    rest /= p;
                }
                rest
            }) == 1
        })
        .expect("powers of two have no bound")
}

#[cfg(test)]
mod tests {
    use super::super::oracle;
    use super::*;
    use crate::grid::Axis;

    /// Rounding of transforms of a few hundred points.
    const ROUNDING: f64 = 1e-13;

    /// Counts all pairs one by one, with the nearest image along periodic axes.
    fn by_counting(phase: &Ensemble) -> (Vec<u64>, Vec<f64>) {
        let grid = phase.grid;
        let cells: Vec<f64> = grid.axes().iter().map(|a| a.length / a.points as f64).collect();
        let width = cells.iter().copied().fold(f64::INFINITY, f64::min);
        let shortest = grid.axes().iter().map(|a| a.length).fold(f64::INFINITY, f64::min);
        let bins = (0.5 * shortest / width + 1e-9) as usize + 1;
        let (mut pairs, mut sums) = (vec![0; bins], vec![0.0; bins]);
        for a in 0..grid.len() {
            for b in 0..grid.len() {
                let (p, q) = (grid.position(a), grid.position(b));
                let square: f64 = grid
                    .axes()
                    .iter()
                    .enumerate()
                    .map(|(axis, at)| {
                        let lag = p[axis].abs_diff(q[axis]);
                        let lag = match at.boundary {
                            Boundary::Periodic => lag.min(at.points - lag),
                            Boundary::Neumann | Boundary::Dirichlet => lag,
                        };
                        (lag as f64 * cells[axis]).powi(2)
                    })
                    .sum();
                let bin = (square.sqrt() / width).round() as usize;
                if bin < bins {
                    pairs[bin] += 1;
                    sums[bin] += phase.fields().map(|f| f[a] * f[b]).sum::<f64>();
                }
            }
        }
        let fields = phase.count() as f64;
        let mean = sums.iter().zip(&pairs).map(|(s, &p)| s / (p as f64 * fields)).collect();
        (pairs, mean)
    }

    fn bernoulli(grid: Grid, fraction: f64, count: usize) -> Ensemble {
        let uniforms =
            crate::ModeNoise::new(4).uniforms(count * grid.len(), 0, crate::noise::stream::START);
        let values = uniforms.iter().map(|u| f64::from(u8::from(*u < fraction))).collect();
        Ensemble::new(grid, 1, values).unwrap()
    }

    #[test]
    fn equals_counting_every_pair_in_any_box() {
        let axis = |points, length, boundary| Axis { points, length, boundary };
        use Boundary::{Dirichlet, Neumann, Periodic};
        for axes in [
            vec![axis(9, 1.0, Neumann)],
            vec![axis(8, 3.0, Periodic)],
            vec![axis(7, 1.0, Neumann), axis(6, 1.5, Periodic)],
            vec![axis(6, 1.0, Neumann), axis(10, 0.7, Neumann)],
            vec![axis(5, 1.0, Periodic), axis(8, 1.0, Periodic)],
            vec![axis(5, 1.0, Periodic), axis(8, 1.0, Dirichlet)],
            vec![axis(4, 1.0, Neumann), axis(5, 1.3, Periodic), axis(3, 0.9, Neumann)],
        ] {
            let phase = bernoulli(Grid::new(&axes).unwrap(), 0.4, 3);
            let (pairs, expected) = by_counting(&phase);
            let found = two_point_correlation(&phase).unwrap();
            assert_eq!(found.pairs, pairs, "{axes:?}");
            for (a, b) in found.correlation[0].iter().zip(&expected) {
                assert!((a - b).abs() < ROUNDING, "{axes:?}: {a} {b}");
            }
            assert_eq!(found.distance[0], 0.0);
            assert!(found.distance.windows(2).all(|d| d[0] < d[1]));
        }
    }

    #[test]
    fn known_patterns() {
        let field = |grid, inside: &dyn Fn([usize; 3]) -> bool| {
            let values =
                (0..Grid::len(&grid)).map(|i| f64::from(u8::from(inside(grid.position(i)))));
            two_point_correlation(&Ensemble::new(grid, 1, values.collect()).unwrap()).unwrap()
        };
        let close = |found: &TwoPoint, expected: &[f64]| {
            let s2 = &found.correlation[0];
            assert_eq!(s2.len(), expected.len());
            assert!(s2.iter().zip(expected).all(|(a, b)| (a - b).abs() < ROUNDING), "{s2:?}");
        };
        let window = Grid::unit(&[8], Boundary::Neumann).unwrap();
        let ring = Grid::unit(&[8], Boundary::Periodic).unwrap();
        for grid in [window, ring] {
            close(&field(grid, &|_| true), &[1.0; 5]);
            close(&field(grid, &|at| at[0] % 2 == 0), &[0.5, 0.0, 0.5, 0.0, 0.5]);
        }
        // half a window holds 4 − r of the 8 − r pairs; half a ring loses r of 8 at its two ends
        let half = |at: [usize; 3]| at[0] < 4;
        close(&field(window, &half), &[4.0 / 8.0, 3.0 / 7.0, 2.0 / 6.0, 1.0 / 5.0, 0.0]);
        close(&field(ring, &half), &[0.5, 0.375, 0.25, 0.125, 0.0]);
        // distance 1 holds the four neighbours, of the other colour, and the four diagonal ones
        let board = Grid::unit(&[4, 4], Boundary::Periodic).unwrap();
        close(&field(board, &|at| (at[0] + at[1]) % 2 == 0), &[0.5, 0.25, 0.5 * 2.0 / 6.0]);
    }

    #[test]
    fn independent_cells_are_uncorrelated_at_every_distance() {
        for boundary in [Boundary::Neumann, Boundary::Periodic] {
            let phase = bernoulli(Grid::unit(&[20, 24], boundary).unwrap(), 0.3, 60);
            let found = two_point_correlation(&phase).unwrap();
            let s2 = &found.correlation[0];
            let values = phase.values.len() as f64;
            // δ(p²) = 2 p δp and a term of pairs, of which a bin has at least one a point
            let error = 2.0 * 0.3 * (0.21 / values).sqrt() + 0.21 / values.sqrt();
            assert!((s2[0] - 0.3).abs() < 4.5 * (0.21 / values).sqrt());
            for s in &s2[1..] {
                assert!((s - 0.09).abs() < 4.5 * error, "{boundary}: {s}");
            }
        }
    }

    #[test]
    fn error_is_zero_for_itself_and_counts_in_units_of_the_reference() {
        let grid = Grid::unit(&[12, 10], Boundary::Neumann).unwrap();
        let x = oracle::rough(&[12, 10], Boundary::Neumann, 0..9);
        assert_eq!(two_point_error(&x, &x).unwrap(), 0.0);
        // far above the threshold everywhere: S₂ = 1
        let full = oracle::affine(&x, 0.0, 1e3);
        let phase = Segmentation::otsu(&x).unwrap().indicator(&x).unwrap();
        let s2 = two_point_correlation(&phase).unwrap().correlation.remove(0);
        let squares = s2.iter().map(|s| (1.0 - s).powi(2)).sum::<f64>() / s2.len() as f64;
        let expected = squares.sqrt() / (s2[0] * (1.0 - s2[0]));
        assert!((two_point_error(&full, &x).unwrap() - expected).abs() < 1e-12);
        let flat = Ensemble::zeros(grid, 1, 2);
        assert!(matches!(two_point_error(&x, &flat), Err(FieldError::Parameter { .. })));
    }
}
