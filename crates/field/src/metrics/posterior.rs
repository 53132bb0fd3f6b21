//! Calibration of a posterior: whether its spread is right, by ranking truths among draws.
//!
//! If draws and truth follow one law, three things hold. The truth's rank among n draws is uniform
//! on 0 … n. Intervals between order statistics contain it as often as they should. The error of
//! the draws' mean is as large as their spread. Cells of one field are correlated, but different
//! fields are not. The standard error of every number here is therefore computed from its variation
//! between truths.
//!
//! **Source** ranks: Talts, Betancourt, Simpson, Vehtari, Gelman, arXiv 1804.06788; spread and skill: Fortin,
//! Abaza, Anctil, Turcotte, J. Hydrometeorol. 15 (2014); CRPS of finite ensembles: Ferro, Q. J. R. Meteorol.
//! Soc. 140 (2014).

use serde::Serialize;

use crate::{Ensemble, FieldError};

/// Bins of a rank histogram.
const BINS: usize = 10;
/// Cells whose draws vary less than this part of the truth's own spread count as known, not
/// uncertain.
const KNOWN: f64 = 1e-6;
/// Two-sided 99 % for ten bins together (Bonferroni: 99.9 % each).
const SIMULTANEOUS: f64 = 3.29;

/// A mean over truths, with its standard error.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Estimate {
    /// The mean.
    pub value: f64,
    /// Its standard error.
    pub error: f64,
}

impl Estimate {
    fn of(values: &[f64]) -> Self {
        let n = values.len() as f64;
        let value = values.iter().sum::<f64>() / n;
        let square = values.iter().map(|v| (v - value).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
        Self { value, error: (square / n).sqrt() }
    }
}

/// Quality of posteriors, from truths and their draws.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PosteriorQuality {
    /// Number of truths.
    pub truths: usize,
    /// Number of draws for each truth.
    pub draws: usize,
    /// Continuous ranked probability score in the units of the data; smaller is better.
    pub crps: Estimate,
    /// Root mean square error of the draws' mean.
    pub skill: f64,
    /// Root mean square spread of the draws, corrected for their number: √((1 + 1/n) variance).
    pub spread: f64,
    /// spread/skill; the ideal value is 1.
    pub ratio: Estimate,
    /// Fraction of cells inside the central half of the draws.
    pub half: Estimate,
    /// Expected value of `half` for this number of draws.
    pub half_expected: f64,
    /// Fraction of cells inside the central nine tenths of the draws.
    pub ninety: Estimate,
    /// Expected value of `ninety` for this number of draws.
    pub ninety_expected: f64,
    /// Fraction of ranks in each of ten bins; the expectation is a tenth each.
    pub ranks: Vec<Estimate>,
    /// Whether every bin's fraction lies within its confidence band around a tenth (99 % for all
    /// together).
    pub flat: bool,
}

/// Accumulates truths with their draws, one at a time.
#[derive(Debug, Clone, Default)]
pub struct PosteriorCheck {
    draws: usize,
    crps: Vec<f64>,
    /// Mean square error and variance of each truth.
    errors: Vec<f64>,
    variances: Vec<f64>,
    half: Vec<f64>,
    ninety: Vec<f64>,
    ranks: Vec<[f64; BINS]>,
}

impl PosteriorCheck {
    /// Adds one truth and draws given observations of it, in the same cells.
    ///
    /// # Errors
    /// [`FieldError::TooFew`] for fewer than nine draws; [`FieldError::Length`] for a different
    /// number of values, or a different number of draws than before.
    pub fn add(&mut self, truth: &[f64], draws: &Ensemble) -> Result<(), FieldError> {
        let n = draws.count();
        if n + 1 < BINS {
            return Err(FieldError::TooFew {
                what: "ranks in ten bins",
                least: BINS - 1,
                count: n,
            });
        }
        if truth.len() != draws.field_len() || (self.draws != 0 && self.draws != n) {
            let (values, channels) = (truth.len(), draws.channels);
            return Err(FieldError::Length { values, channels, grid: draws.grid });
        }
        self.draws = n;
        let own = Estimate::of(truth);
        let floor = KNOWN * own.error * (truth.len() as f64).sqrt();
        let (mut crps, mut error, mut variance) = (0.0, 0.0, 0.0);
        let (mut half, mut ninety, mut ranks, mut count) = (0.0, 0.0, [0.0; BINS], 0.0);
        let mut cell = vec![0.0; n];
        for (k, y) in truth.iter().enumerate() {
            for (value, field) in cell.iter_mut().zip(draws.fields()) {
                *value = field[k];
            }
            cell.sort_unstable_by(f64::total_cmp);
            let mean = cell.iter().sum::<f64>() / n as f64;
            let square = cell.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n as f64 - 1.0);
            if square.sqrt() <= floor {
                continue;
            }
            count += 1.0;
            crps += score(&cell, *y);
            error += (mean - y).powi(2);
            variance += square;
            let rank = cell.partition_point(|v| v < y);
            half += f64::from(u8::from(inside(rank, n, 0.5)));
            ninety += f64::from(u8::from(inside(rank, n, 0.9)));
            // a rank that straddles two bins counts partly in each
            for (bin, share) in ranks.iter_mut().enumerate() {
                let (low, high) = (bin as f64 / BINS as f64, (bin + 1) as f64 / BINS as f64);
                let (from, to) = (rank as f64 / (n + 1) as f64, (rank + 1) as f64 / (n + 1) as f64);
                *share += (high.min(to) - low.max(from)).max(0.0) * (n + 1) as f64;
            }
        }
        if count == 0.0 {
            return Ok(());
        }
        self.crps.push(crps / count);
        self.errors.push(error / count);
        self.variances.push(variance / count);
        self.half.push(half / count);
        self.ninety.push(ninety / count);
        self.ranks.push(ranks.map(|r| r / count));
        Ok(())
    }

    /// The quality over all truths added so far.
    ///
    /// # Errors
    /// [`FieldError::TooFew`] for fewer than two truths with uncertain cells.
    pub fn finish(&self) -> Result<PosteriorQuality, FieldError> {
        let (truths, n) = (self.crps.len(), self.draws);
        if truths < 2 {
            let what = "a standard error over truths that leave anything uncertain";
            return Err(FieldError::TooFew { what, least: 2, count: truths });
        }
        let (error, variance) = (sum(&self.errors), (1.0 + 1.0 / n as f64) * sum(&self.variances));
        let ratio = (variance / error).sqrt();
        // jackknife: leaves out one truth at a time
        let left: Vec<f64> = (self.errors.iter().zip(&self.variances))
            .map(|(e, v)| ((variance - (1.0 + 1.0 / n as f64) * v) / (error - e)).sqrt())
            .collect();
        let spread = Estimate::of(&left).error * (truths as f64 - 1.0);
        let bin = |b: usize| Estimate::of(&self.ranks.iter().map(|r| r[b]).collect::<Vec<_>>());
        let ranks: Vec<Estimate> = (0..BINS).map(bin).collect();
        let expected = 1.0 / BINS as f64;
        let flat = ranks.iter().all(|r| (r.value - expected).abs() <= SIMULTANEOUS * r.error);
        Ok(PosteriorQuality {
            truths,
            draws: n,
            crps: Estimate::of(&self.crps),
            skill: (error / truths as f64).sqrt(),
            spread: (variance / truths as f64).sqrt(),
            ratio: Estimate { value: ratio, error: spread },
            half: Estimate::of(&self.half),
            half_expected: expected_share(n, 0.5),
            ninety: Estimate::of(&self.ninety),
            ninety_expected: expected_share(n, 0.9),
            ranks,
            flat,
        })
    }
}

fn sum(values: &[f64]) -> f64 {
    values.iter().sum()
}

/// mean |x_i − y| − Σ_{i<j} |x_i − x_j| / (n (n − 1)) for sorted x: unbiased for finite ensembles.
fn score(sorted: &[f64], y: f64) -> f64 {
    let n = sorted.len() as f64;
    let error = sorted.iter().map(|x| (x - y).abs()).sum::<f64>() / n;
    let pairs: f64 =
        sorted.iter().enumerate().map(|(i, x)| (2.0 * i as f64 + 1.0 - n) * x).sum::<f64>();
    error - pairs / (n * (n - 1.0))
}

/// Whether a rank among 0 … n lies in the central `share` of the ranks.
fn inside(rank: usize, n: usize, share: f64) -> bool {
    let outside = outside(n, share);
    rank >= outside && rank + outside <= n
}

/// Number of ranks left out on either side.
fn outside(n: usize, share: f64) -> usize {
    (0.5 * (1.0 - share) * (n + 1) as f64).round() as usize
}

fn expected_share(n: usize, share: f64) -> f64 {
    (n + 1 - 2 * outside(n, share)) as f64 / (n + 1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::noise::stream;
    use crate::{Boundary, Grid, ModeNoise};

    /// Truths and draws of one law, with the draws scaled by a factor.
    fn check(factor: f64, draws: usize) -> PosteriorQuality {
        let grid = Grid::unit(&[20], Boundary::Neumann).unwrap();
        let mut check = PosteriorCheck::default();
        for truth in 0..60 {
            let numbers =
                |i: u64| ModeNoise::new(1).plain_normals(20, truth * 1000 + i, stream::METRICS);
            let drawn: Vec<f64> =
                (1..=draws as u64).flat_map(numbers).map(|x| factor * x).collect();
            check.add(&numbers(0), &Ensemble::new(grid, 1, drawn).unwrap()).unwrap();
        }
        check.finish().unwrap()
    }

    #[test]
    fn one_law_is_found_right_and_another_wrong() {
        for draws in [99, 40] {
            let right = check(1.0, draws);
            assert!(right.flat && (right.ratio.value - 1.0).abs() < 5.0 * right.ratio.error);
            assert!((right.half.value - right.half_expected).abs() < 5.0 * right.half.error);
            assert!((right.ninety.value - right.ninety_expected).abs() < 5.0 * right.ninety.error);
            // the score of a standard normal under itself: 1/√π
            let expected = 1.0 / std::f64::consts::PI.sqrt();
            assert!((right.crps.value - expected).abs() < 5.0 * right.crps.error);
            let narrow = check(0.6, draws);
            assert!(!narrow.flat && narrow.half.value < right.half.value - 0.1);
            assert!((narrow.ratio.value - 0.6).abs() < 0.05, "{:?}", narrow.ratio);
        }
    }

    /// scoringrules 0.10.0: `crps_ensemble(0.3, [-1.2, 0.1, 0.4, 2.0, 0.9], estimator="fair")`.
    #[test]
    fn the_score_is_scoringrules() {
        let mut x = [-1.2, 0.1, 0.4, 2.0, 0.9];
        x.sort_by(f64::total_cmp);
        assert!((score(&x, 0.3) - 0.1).abs() < 1e-12, "{}", score(&x, 0.3));
    }

    #[test]
    fn ranks_and_shares_count_out() {
        assert_eq!((outside(99, 0.5), outside(99, 0.9)), (25, 5));
        assert_eq!((0..=99).filter(|r| inside(*r, 99, 0.9)).count(), 90);
        assert!((expected_share(99, 0.5) - 0.5).abs() < 1e-12);
    }

    #[test]
    fn what_is_known_is_no_matter_of_spread() {
        let grid = Grid::unit(&[4], Boundary::Neumann).unwrap();
        let mut check = PosteriorCheck::default();
        let same = Ensemble::new(grid, 1, [1.0, 2.0, 3.0, 4.0].repeat(9)).unwrap();
        check.add(&[1.0, 2.0, 3.0, 4.0], &same).unwrap();
        assert!(matches!(check.finish(), Err(FieldError::TooFew { .. })));
        assert!(check.add(&[1.0], &same).is_err());
        assert!(check.add(&[1.0, 2.0, 3.0, 4.0], &same.slice(0..3)).is_err());
    }
}
