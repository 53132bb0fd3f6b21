//! Chord-length distribution: the lengths of straight lines in a phase between two interfaces.
//!
//! A chord is a run of cells of the phase along an axis with an interface at both ends. Runs cut by
//! the edge of a window are no chords. Omitting them without a correction would favour short
//! chords: a chord of ℓ cells fits whole at only N − ℓ − 1 places of its line. Each whole chord
//! therefore counts 1/(N − ℓ − 1). This is unbiased for stationary structures up to ℓ = N − 2;
//! longer chords are never seen. Periodic axes cut nothing, and a line that never leaves the phase
//! has no chord.

use super::curve::bins;
use super::mask::Mask;
use super::runs::{Runs, add_runs};
use crate::grid::Axis;
use crate::{Boundary, Ensemble, FieldError, Grid};

/// Chords of a phase along one axis, for one channel.
#[derive(Debug, Clone, PartialEq)]
pub struct Chords {
    /// Length of ℓ = 1 … N cells, in units of the box.
    pub length: Vec<f64>,
    /// Chords of each length with an interface at both ends.
    pub whole: Vec<u64>,
    /// Runs of each length that end at the window's edge; not part of the distribution.
    pub cut: Vec<u64>,
    /// Lines of a periodic axis that never leave the phase; not part of the distribution.
    pub endless: u64,
    /// Number of chords of each length that start per unit of length of a line, corrected for the
    /// edge.
    pub intensity: Vec<f64>,
}

impl Chords {
    /// Probability of each length, summing to one; `None` without whole chords.
    pub fn probability(&self) -> Option<Vec<f64>> {
        let total: f64 = self.intensity.iter().sum();
        (total > 0.0).then(|| self.intensity.iter().map(|i| i / total).collect())
    }

    /// Mean chord length; `None` without whole chords.
    pub fn mean(&self) -> Option<f64> {
        self.probability().map(|p| p.iter().zip(&self.length).map(|(p, l)| p * l).sum())
    }
}

/// Chord lengths of an ensemble of indicators, along every axis and over all of them.
#[derive(Debug, Clone, PartialEq)]
pub struct ChordLengths {
    /// `[channel][axis]`, slowest axis first.
    pub along: Vec<Vec<Chords>>,
    /// Centres of the bins of [`ChordLengths::average`]: k times the smallest cell, k = 1, 2, ….
    pub length: Vec<f64>,
    /// Probability of each bin over all axes, `[channel][bin]`. Intensities are averaged over the
    /// axes and then normalised. All zero without whole chords.
    pub average: Vec<Vec<f64>>,
}

/// Chord-length distribution of the phase. For the other phase pass its indicator.
///
/// **Unit** lengths of the box. **Cost** one pass a field and axis.
///
/// # Errors
/// [`FieldError::TooFew`] without fields; [`FieldError::Parameter`] for values other than 0 and 1.
///
/// **Source** Torquato & Lu, "Chord-length distribution function for two-phase random media", Phys.
/// Rev. E 47 (1993). The edge correction is the Horvitz–Thompson weight of minus sampling.
///
/// # Example
/// ```
/// use karhunen_field::{Boundary, Ensemble, Grid, metrics::chord_lengths};
/// let grid = Grid::unit(&[8], Boundary::Neumann)?;
/// let phase = Ensemble::new(grid, 1, vec![1.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0, 0.0])?;
/// let chords = &chord_lengths(&phase)?.along[0][0];
/// assert_eq!((chords.whole[0], chords.whole[1], chords.cut[0]), (1, 1, 1));
/// // one cell fits at 6 places between two interfaces, two cells at 5
/// assert!((chords.probability().unwrap()[0] - 5.0 / 11.0).abs() < 1e-12);
/// # Ok::<(), karhunen_field::FieldError>(())
/// ```
pub fn chord_lengths(phase: &Ensemble) -> Result<ChordLengths, FieldError> {
    let mask = Mask::new(phase, "chord lengths")?;
    let grid = mask.grid;
    let mut along: Vec<Vec<Chords>> = vec![Vec::new(); mask.channels];
    for (axis, a) in grid.axes().iter().enumerate() {
        let mut runs = vec![[Runs::none(a), Runs::none(a)]; mask.channels];
        for (block, cells) in mask.blocks().enumerate() {
            add_runs(cells, &grid, axis, &mut runs[block % mask.channels]);
        }
        let line_length = (mask.count() * grid.len() / a.points) as f64 * a.length;
        for (chords, [_, inside]) in along.iter_mut().zip(runs) {
            let whole: Vec<f64> = inside.whole.iter().map(|&w| w as f64).collect();
            let numbers = corrected(a, &whole);
            chords.push(Chords {
                length: (1..=a.points).map(|l| l as f64 * a.length / a.points as f64).collect(),
                whole: inside.whole[1..].to_vec(),
                cut: inside.cut[1..].to_vec(),
                endless: inside.endless,
                intensity: numbers[1..].iter().map(|n| n / line_length).collect(),
            });
        }
    }
    let (length, average) = averaged(&grid, &along);
    Ok(ChordLengths { along, length, average })
}

/// Numbers of chords of 0 … N cells that a line of N cells without edges would hold.
pub(super) fn corrected(axis: &Axis, whole: &[f64]) -> Vec<f64> {
    let n = axis.points;
    let weight = |l: usize| match axis.boundary {
        Boundary::Periodic => 1.0,
        Boundary::Neumann | Boundary::Dirichlet => n as f64 / n.saturating_sub(l + 1).max(1) as f64,
    };
    whole.iter().enumerate().map(|(l, w)| w * weight(l)).collect()
}

/// Bins as wide as the smallest cell, and the probability of each over all axes.
fn averaged(grid: &Grid, along: &[Vec<Chords>]) -> (Vec<f64>, Vec<Vec<f64>>) {
    let cell = |a: &Axis| a.length / a.points as f64;
    let (width, _) = bins(grid);
    let width = if width.is_finite() { width } else { cell(&grid.axes()[0]) };
    let bin = |length: f64| ((length / width).round() as usize).max(1) - 1;
    let last = grid.axes().iter().map(|a| bin(a.length)).max().unwrap_or(0);
    let average = along
        .iter()
        .map(|axes| {
            let mut mass = vec![0.0; last + 1];
            for chords in axes {
                let pairs = chords.length.iter().zip(&chords.intensity);
                pairs.for_each(|(&l, i)| mass[bin(l)] += i);
            }
            let total: f64 = mass.iter().sum();
            if total > 0.0 {
                mass.iter_mut().for_each(|m| *m /= total);
            }
            mass
        })
        .collect();
    ((0..=last).map(|k| (k + 1) as f64 * width).collect(), average)
}

#[cfg(test)]
mod tests {
    use super::super::oracle;
    use super::*;

    #[test]
    fn chords_of_independent_cells_are_geometric_whatever_the_window() {
        let p: f64 = 0.6;
        for boundary in [Boundary::Neumann, Boundary::Periodic] {
            let grid = Grid::unit(&[13, 40], boundary).unwrap();
            let found = chord_lengths(&oracle::bernoulli(grid, p, 500)).unwrap();
            for (chords, points) in found.along[0].iter().zip([13, 40]) {
                let lines = (500 * 520 / points) as f64;
                for l in 1..=points - 2 {
                    // rate of chords of ℓ cells that start at a given cell
                    let rate = (1.0 - p).powi(2) * p.powi(l as i32);
                    let length = chords.length[l - 1] / l as f64;
                    let places = match boundary {
                        Boundary::Neumann | Boundary::Dirichlet => points - l - 1,
                        Boundary::Periodic => points,
                    };
                    let error = (rate / (lines * places as f64)).sqrt() / length;
                    let off = chords.intensity[l - 1] - rate / length;
                    // Poisson counts, at least one: 98 comparisons, false alarm near 1e-4 at 5.5
                    let counted = rate * lines * places as f64;
                    let tolerance = 5.5 * error * (1.0 + counted.recip().sqrt());
                    assert!(off.abs() < tolerance, "{boundary} {points} {l}: {off} {error}");
                }
            }
            let mean = found.along[0][1].mean().unwrap() * 13.0;
            // geometric law: mean 1/(1 − p), and 40 cells hold all but 1e-8 of it
            assert!((mean - 2.5).abs() < 0.03, "{boundary}: {mean}");
        }
    }

    #[test]
    fn a_plain_count_of_whole_chords_would_be_short() {
        let (p, grid) = (0.85_f64, Grid::unit(&[12], Boundary::Neumann).unwrap());
        let found = chord_lengths(&oracle::bernoulli(grid, p, 20_000)).unwrap();
        let chords = &found.along[0][0];
        // the geometric law, up to the longest chord that a window can hold
        let seen: Vec<f64> = (1..=10).map(|l| p.powi(l)).collect();
        let total: f64 = seen.iter().sum();
        let expected: f64 = seen.iter().zip(1..).map(|(s, l)| s / total * f64::from(l)).sum();
        let counts: f64 = chords.whole.iter().map(|&w| w as f64).sum();
        let plain: f64 =
            chords.whole.iter().zip(1..).map(|(&w, l)| w as f64 / counts * f64::from(l)).sum();
        assert!((12.0 * chords.mean().unwrap() / expected - 1.0).abs() < 0.03);
        assert!(plain / expected < 0.85, "{plain} {expected}");
    }

    #[test]
    fn stripes_have_one_length_and_none_along() {
        let grid = Grid::unit(&[6, 12], Boundary::Periodic).unwrap();
        let stripes = oracle::pattern(grid, |at| at[1] % 6 < 2);
        let found = chord_lengths(&stripes).unwrap();
        let (along, across) = (&found.along[0][0], &found.along[0][1]);
        assert_eq!((along.mean(), along.endless), (None, 4));
        assert_eq!((across.whole[1], across.mean()), (12, Some(across.length[1])));
        assert_eq!(found.average[0].iter().position(|p| *p == 1.0), Some(1));
        let void = chord_lengths(&oracle::complement(&stripes)).unwrap();
        assert_eq!(void.along[0][1].mean(), Some(across.length[3]));
        // φ = mean chord / mean period
        let period = across.length[1] + across.length[3];
        assert!((across.length[1] / period - 1.0 / 3.0).abs() < 1e-15);
    }

    #[test]
    fn every_box_has_its_chords_and_the_smallest_have_none() {
        for axes in oracle::boxes() {
            let grid = Grid::new(&axes).unwrap();
            let found = chord_lengths(&oracle::bernoulli(grid, 0.5, 4)).unwrap();
            for (chords, a) in found.along[0].iter().zip(&axes) {
                assert_eq!(chords.length.len(), a.points);
                assert!((chords.length[a.points - 1] - a.length).abs() < 1e-12);
                if a.points == 1 {
                    assert_eq!(chords.mean(), None);
                }
            }
            let total: f64 = found.average[0].iter().sum();
            assert!(total == 0.0 || (total - 1.0).abs() < 1e-12);
        }
    }
}
