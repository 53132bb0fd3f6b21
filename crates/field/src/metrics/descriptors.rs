//! Structure descriptors as columns of a comparison. Each field gives one row of numbers. Rows are
//! additive over fields, so any split of the fields costs only a mean of rows.
//!
//! Lineal paths and chords use both phases of Otsu's threshold with equal weight. Surface, Euler
//! number and volume fraction are those of the phase above it.

use super::chords::corrected;
use super::euler::{Connectivity, local_density};
use super::lineal_path::probability;
use super::mask::Mask;
use super::runs::{Runs, add_runs};
use super::segmentation::Segmentation;
use super::spectrum::mean_rows;
use super::surface::Crofton;
use super::{check, check_pair};
use crate::grid::Axis;
use crate::{Ensemble, FieldError, Grid};

/// Numbers of a row that precede the runs: volume fraction, surface, Euler number.
const HEAD: usize = 3;

/// Differences in structure between an ensemble and the reference, both cut at the same threshold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DescriptorErrors {
    /// RMS difference of the lineal-path function, in units of the reference's fraction of the
    /// phase. The mean runs over axes, lags up to half the side, both phases and channels.
    pub lineal_path_error: f64,
    /// 1-Wasserstein distance ∫ |F − G| of the chord-length distributions, in units of the
    /// reference's mean chord, averaged over axes, both phases and channels. A phase without whole
    /// chords counts as one chord of the whole side, an absent phase as one of length zero.
    pub chord_length_distance: f64,
    /// Specific surface divided by that of the reference, as geometric mean over channels; the
    /// ideal value is 1. `None` if the reference has no interface.
    pub specific_surface_ratio: Option<f64>,
    /// |difference| of the Euler numbers per volume (8 or 26 neighbours), averaged over channels.
    pub euler_density_difference: f64,
    /// |difference| of the volume fractions, averaged over channels.
    pub volume_fraction_difference: f64,
}

impl DescriptorErrors {
    /// The numbers that are compared with floors. The ratio enters as |ln|, infinite where there is
    /// none.
    pub(super) fn distances(&self) -> [f64; 5] {
        [
            self.lineal_path_error,
            self.chord_length_distance,
            self.specific_surface_ratio.map_or(f64::INFINITY, |ratio| ratio.ln().abs()),
            self.euler_density_difference,
            self.volume_fraction_difference,
        ]
    }
}

/// Errors of the structure descriptors at Otsu's threshold of the *reference*.
///
/// **Cost** about a dozen passes over the cells of every field; linear in everything.
///
/// # Errors
/// [`FieldError::TooFew`] without fields; [`FieldError::GridMismatch`] or [`FieldError::Length`]
/// for different grids or channels; [`FieldError::Parameter`] if a channel of the reference is
/// constant or values are not finite.
///
/// # Example
/// ```
/// use karhunen_field::{Boundary, Ensemble, Grid, metrics::descriptor_errors};
/// let grid = Grid::unit(&[6], Boundary::Periodic)?;
/// let wide = Ensemble::new(grid, 1, vec![1.0, 1.0, 1.0, 0.0, 0.0, 0.0])?;
/// let fine = Ensemble::new(grid, 1, vec![1.0, 0.0, 1.0, 0.0, 1.0, 0.0])?;
/// let errors = descriptor_errors(&fine, &wide)?;
/// assert_eq!(errors.volume_fraction_difference, 0.0);
/// assert!((errors.specific_surface_ratio.unwrap() - 3.0).abs() < 1e-12);
/// assert!((errors.chord_length_distance - 2.0 / 3.0).abs() < 1e-12); // one cell instead of three
/// # Ok::<(), karhunen_field::FieldError>(())
/// ```
pub fn descriptor_errors(
    x: &Ensemble,
    reference: &Ensemble,
) -> Result<DescriptorErrors, FieldError> {
    let what = "descriptors";
    check_pair(x, reference, what)?;
    check(x, what, 1)?;
    let segmentation = Segmentation::otsu(reference)?;
    let descriptors = Descriptors::new(&reference.grid);
    let mean = |fields| -> Result<Vec<f64>, FieldError> {
        Ok(mean_rows(&descriptors.rows(&segmentation.indicator(fields)?)?, None))
    };
    let (x, y) = (mean(x)?, mean(reference)?);
    let units = descriptors.units(&y)?;
    Ok(descriptors.errors(&x, &y, &units))
}

/// The quantities that are the same for all fields of one grid.
pub(super) struct Descriptors {
    grid: Grid,
    crofton: Crofton,
}

/// Units of one channel, taken from the reference.
pub(super) struct Units {
    /// Fraction of each phase.
    fractions: [f64; 2],
    /// Mean chord of each phase along each axis.
    chords: [Vec<f64>; 2],
}

/// Runs of one phase along one axis, as stored in a row.
struct RunSlots<'a> {
    axis: Axis,
    whole: &'a [f64],
    held: &'a [f64],
    endless: f64,
}

impl Descriptors {
    pub fn new(grid: &Grid) -> Self {
        Self { grid: *grid, crofton: Crofton::new(grid) }
    }

    /// One row a field. It holds the channels, each with [`HEAD`] numbers and the runs of both
    /// phases along every axis.
    pub fn rows(&self, phase: &Ensemble) -> Result<Vec<Vec<f64>>, FieldError> {
        let mask = Mask::new(phase, "descriptors")?;
        let other = mask.complement();
        let channels: Vec<Vec<f64>> = mask
            .blocks()
            .zip(other.blocks())
            .map(|(cells, other)| self.row(cells, other))
            .collect();
        Ok(channels.chunks_exact(mask.channels).map(<[Vec<f64>]>::concat).collect())
    }

    fn row(&self, cells: &[u8], other: &[u8]) -> Vec<f64> {
        let inside: usize = cells.iter().map(|&c| usize::from(c)).sum();
        let mut row = Vec::with_capacity(self.channel_len());
        row.push(inside as f64 / cells.len() as f64);
        row.push(self.crofton.surface(cells));
        row.push(local_density(other, &self.grid, Connectivity::Full));
        for (axis, a) in self.grid.axes().iter().enumerate() {
            let mut both = [Runs::none(a), Runs::none(a)];
            add_runs(cells, &self.grid, axis, &mut both);
            for runs in both {
                row.extend(runs.whole.iter().map(|&w| w as f64));
                row.extend(runs.whole.iter().zip(&runs.cut).map(|(w, c)| (w + c) as f64));
                row.push(runs.endless as f64);
            }
        }
        row
    }

    fn channel_len(&self) -> usize {
        HEAD + self.grid.axes().iter().map(|a| 2 * (2 * (a.points + 1) + 1)).sum::<usize>()
    }

    /// The runs in a channel's row: axis by axis, both phases of each.
    fn runs<'a>(&self, channel: &'a [f64]) -> Vec<[RunSlots<'a>; 2]> {
        let mut rest = &channel[HEAD..];
        let mut next = |axis: Axis| {
            let (whole, after) = rest.split_at(axis.points + 1);
            let (held, after) = after.split_at(axis.points + 1);
            rest = &after[1..];
            RunSlots { axis, whole, held, endless: after[0] }
        };
        self.grid.axes().iter().map(|&axis| [next(axis), next(axis)]).collect()
    }

    /// Units of each channel, from the reference's mean row.
    ///
    /// # Errors
    /// [`FieldError::Parameter`] where there is only one phase.
    pub fn units(&self, mean: &[f64]) -> Result<Vec<Units>, FieldError> {
        mean.chunks_exact(self.channel_len())
            .map(|channel| {
                let fraction = channel[0];
                if !(fraction > 0.0 && fraction < 1.0) {
                    return Err(FieldError::Parameter {
                        parameter: "volume fraction of the reference",
                        value: fraction,
                        requirement: "descriptors need both phases in every channel",
                    });
                }
                let runs = self.runs(channel);
                let chords =
                    [0, 1].map(|phase| runs.iter().map(|r| r[phase].mean_chord()).collect());
                Ok(Units { fractions: [1.0 - fraction, fraction], chords })
            })
            .collect()
    }

    /// Errors of a mean row `x` against `y`.
    pub fn errors(&self, x: &[f64], y: &[f64], units: &[Units]) -> DescriptorErrors {
        let (mut squares, mut lags, mut chords) = (0.0, 0, Vec::new());
        let (mut ratio, mut euler, mut fraction) = (Some(0.0), 0.0, 0.0);
        let channels = x.chunks_exact(self.channel_len()).zip(y.chunks_exact(self.channel_len()));
        for ((x, y), unit) in channels.zip(units) {
            fraction += (x[0] - y[0]).abs();
            ratio = ratio.filter(|_| y[1] > 0.0).map(|sum: f64| sum + (x[1] / y[1]).ln());
            euler += (x[2] - y[2]).abs();
            for (axis, (x, y)) in self.runs(x).iter().zip(self.runs(y)).enumerate() {
                for phase in 0..2 {
                    let (x, y) = (&x[phase], &y[phase]);
                    let paths = x.path(&self.grid).into_iter().zip(y.path(&self.grid));
                    for (p, q) in paths.take(x.axis.points / 2 + 1) {
                        squares += ((p - q) / unit.fractions[phase]).powi(2);
                        lags += 1;
                    }
                    chords.push(x.chord_distance(y) / unit.chords[phase][axis]);
                }
            }
        }
        let channels = units.len() as f64;
        DescriptorErrors {
            lineal_path_error: (squares / f64::from(lags)).sqrt(),
            chord_length_distance: chords.iter().sum::<f64>() / chords.len() as f64,
            specific_surface_ratio: ratio.map(|sum| (sum / channels).exp()),
            euler_density_difference: euler / channels,
            volume_fraction_difference: fraction / channels,
        }
    }
}

impl RunSlots<'_> {
    fn path(&self, grid: &Grid) -> Vec<f64> {
        probability(&self.axis, grid.len() / self.axis.points, self.held, self.endless)
    }

    /// Probability of chords of 0 … N cells.
    fn chord_law(&self) -> Vec<f64> {
        let mut law = corrected(&self.axis, self.whole);
        let total: f64 = law.iter().sum();
        if total > 0.0 {
            law.iter_mut().for_each(|l| *l /= total);
        } else {
            let present = self.endless > 0.0 || self.held.iter().any(|h| *h > 0.0);
            law[if present { self.axis.points } else { 0 }] = 1.0;
        }
        law
    }

    fn cell(&self) -> f64 {
        self.axis.length / self.axis.points as f64
    }

    fn mean_chord(&self) -> f64 {
        let law = self.chord_law();
        self.cell() * law.iter().enumerate().map(|(l, p)| l as f64 * p).sum::<f64>()
    }

    /// ∫ |F − G| of two laws on multiples of the cell.
    fn chord_distance(&self, other: &Self) -> f64 {
        let mut level: f64 = 0.0;
        let steps = self.chord_law().into_iter().zip(other.chord_law()).map(|(p, q)| {
            level += p - q;
            level.abs()
        });
        self.cell() * steps.sum::<f64>()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{
        chord_lengths, euler_density, lineal_path, oracle, specific_surface, volume_fraction,
    };
    use super::*;
    use crate::Boundary;

    const ROUNDING: f64 = 1e-12;

    /// Grey fields whose Otsu threshold is ½ and whose phase is the given one.
    fn reference(phase: &Ensemble) -> Ensemble {
        oracle::affine(phase, 2.0, -0.5)
    }

    #[test]
    fn columns_equal_the_descriptors_one_by_one_in_any_box() {
        for axes in oracle::boxes() {
            let grid = Grid::new(&axes).unwrap();
            let (x, y) = (oracle::bernoulli(grid, 0.4, 9), oracle::bernoulli(grid, 0.6, 12));
            let y = y.slice(5..12);
            if volume_fraction(&y).unwrap()[0] % 1.0 == 0.0 {
                continue; // a grid of one cell whose few fields are all alike
            }
            let found = descriptor_errors(&reference(&x), &reference(&y)).unwrap();
            let difference = |f: &dyn Fn(&Ensemble) -> f64| (f(&x) - f(&y)).abs();
            let fraction = difference(&|e| volume_fraction(e).unwrap()[0]);
            assert!((found.volume_fraction_difference - fraction).abs() < ROUNDING);
            let euler = difference(&|e| euler_density(e, Connectivity::Full).unwrap()[0]);
            assert!((found.euler_density_difference - euler).abs() < 1e-9 * (1.0 + euler));
            let surface = |e| specific_surface(e).unwrap()[0];
            match found.specific_surface_ratio {
                Some(ratio) => assert!((ratio - surface(&x) / surface(&y)).abs() < ROUNDING),
                None => assert_eq!(surface(&y), 0.0),
            }
            let (mut squares, mut lags, mut chords, mut laws) = (0.0, 0.0, 0.0, 0.0);
            for other in [false, true] {
                let phase = |e: &Ensemble| if other { oracle::complement(e) } else { e.clone() };
                let (x, y) = (phase(&x), phase(&y));
                let unit = volume_fraction(&y).unwrap()[0];
                let (p, q) = (lineal_path(&x).unwrap(), lineal_path(&y).unwrap());
                let (c, d) = (chord_lengths(&x).unwrap(), chord_lengths(&y).unwrap());
                for (axis, a) in axes.iter().enumerate() {
                    for k in 0..=a.points / 2 {
                        let (p, q) = (&p.along[axis].values[0], &q.along[axis].values[0]);
                        if k < a.points {
                            squares += ((p[k] - q[k]) / unit).powi(2);
                            lags += 1.0;
                        }
                    }
                    // distribution functions on the multiples of a cell; without chords all mass is
                    // at the end
                    let law = |c: &super::super::ChordLengths| {
                        let mut end = vec![0.0; a.points];
                        end[a.points - 1] = 1.0;
                        c.along[0][axis].probability().unwrap_or(end)
                    };
                    let (p, q) = (law(&c), law(&d));
                    let moved: f64 = (0..a.points)
                        .map(|l| (p[..=l].iter().sum::<f64>() - q[..=l].iter().sum::<f64>()).abs())
                        .sum();
                    let mean: f64 = q.iter().enumerate().map(|(l, q)| (l + 1) as f64 * q).sum();
                    chords += moved / mean;
                    laws += 1.0;
                }
            }
            assert!(
                (found.lineal_path_error - (squares / lags).sqrt()).abs() < ROUNDING,
                "{axes:?}"
            );
            assert!((found.chord_length_distance - chords / laws).abs() < ROUNDING, "{axes:?}");
        }
    }

    #[test]
    fn channels_count_alike() {
        let grid = Grid::unit(&[7, 6], Boundary::Neumann).unwrap();
        let join = |a: &Ensemble, b: &Ensemble| {
            let values = a.fields().zip(b.fields()).flat_map(|(a, b)| [a, b].concat()).collect();
            Ensemble::new(grid, 2, values).unwrap()
        };
        let [a, b] = [0.3, 0.5].map(|p| reference(&oracle::bernoulli(grid, p, 6)));
        let [c, d] = [0.4, 0.7].map(|p| reference(&oracle::bernoulli(grid, p, 6)));
        let both = descriptor_errors(&join(&a, &b), &join(&c, &d)).unwrap().distances();
        let [one, two] =
            [(&a, &c), (&b, &d)].map(|(x, y)| descriptor_errors(x, y).unwrap().distances());
        for (k, both) in both.into_iter().enumerate() {
            let expected = match k {
                0 => (0.5 * (one[0] * one[0] + two[0] * two[0])).sqrt(),
                2 => continue, // the sign of ln ratio is lost in a distance
                _ => 0.5 * (one[k] + two[k]),
            };
            assert!(
                (both - expected).abs() < ROUNDING * (1.0 + expected),
                "{k}: {both} {expected}"
            );
        }
        let ratio = |x: &Ensemble, y: &Ensemble| {
            descriptor_errors(x, y).unwrap().specific_surface_ratio.unwrap()
        };
        let joined = ratio(&join(&a, &b), &join(&c, &d));
        assert!((joined - (ratio(&a, &c) * ratio(&b, &d)).sqrt()).abs() < ROUNDING);
    }

    #[test]
    fn a_structure_of_twice_the_length_has_half_the_surface() {
        let layers = |cells: usize| {
            let grid = Grid::unit(&[24, 6], Boundary::Periodic).unwrap();
            reference(&oracle::pattern(grid, |at| (at[0] / cells).is_multiple_of(2)))
        };
        let errors = descriptor_errors(&layers(4), &layers(2)).unwrap();
        assert!((errors.specific_surface_ratio.unwrap() - 0.5).abs() < ROUNDING);
        // chords double along one of two axes and stay the same along the other
        assert!((errors.chord_length_distance - 0.5).abs() < ROUNDING);
        assert_eq!(errors.euler_density_difference, 0.0);
        let same = descriptor_errors(&layers(4), &layers(4)).unwrap();
        assert!(same.distances().iter().all(|d| *d == 0.0), "{same:?}");
    }

    #[test]
    fn what_has_no_interface_has_no_ratio() {
        let grid = Grid::unit(&[4, 3], Boundary::Neumann).unwrap();
        let uniform = oracle::constants(grid, &[0.0, 1.0, 1.0]);
        let mixed = oracle::bernoulli(grid, 0.5, 3);
        let errors = descriptor_errors(&mixed, &uniform).unwrap();
        assert_eq!(errors.specific_surface_ratio, None);
        assert_eq!(errors.distances()[2], f64::INFINITY);
        let gone = descriptor_errors(&oracle::constants(grid, &[0.0; 3]), &mixed).unwrap();
        assert_eq!(gone.specific_surface_ratio, Some(0.0));
        assert!(gone.chord_length_distance.is_finite() && gone.lineal_path_error.is_finite());
        let flat = Ensemble::zeros(grid, 1, 2);
        assert!(matches!(descriptor_errors(&mixed, &flat), Err(FieldError::Parameter { .. })));
        let elsewhere = Ensemble::zeros(Grid::unit(&[5], Boundary::Neumann).unwrap(), 1, 2);
        assert!(matches!(
            descriptor_errors(&elsewhere, &mixed),
            Err(FieldError::GridMismatch { .. })
        ));
    }
}
