//! Tests of invariance: whether data support that their law is unchanged by a motion of the box.
//!
//! If a motion leaves a law unchanged, it also leaves the mean field, the variance field and the
//! spectrum unchanged. Let D be the part of one field's values, squares or spectrum that the motion
//! changes. Under invariance D has mean 0 over fields, and its mean d̄ over n fields has the size
//! expected by chance: n |d̄|² / tr Cov D has mean 1 and variance 2/ν with ν = (tr Cov)² / tr Cov².
//! An [`Asymmetry`] compares the two. The test uses second moments only and assumes independent
//! fields. For dependent fields it reports asymmetries that do not exist.
//!
//! Spectra are computed with a Hann window along axes that are not periodic. The motions are in
//! [`crate::motion`]. The caller decides what follows from an asymmetry.

use std::collections::HashMap;
use std::f64::consts::TAU;

use crate::grid::{Axis, Boundary, Grid, MAX_DIM};
use crate::motion::{Motion, turned};
use crate::{Ensemble, FieldError, Transform};

/// Deviations of the ratio from 1, in standard deviations, that chance does not explain.
const CHANCE: f64 = 5.0;
/// Relative size below which an asymmetry does not matter.
const SMALL: f64 = 0.05;
/// Neighbours of each field in the sum that estimates tr Cov².
const NEIGHBOURS: usize = 16;

/// Deviation of a mean over fields from what an invariant law would give.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Asymmetry {
    /// The tested quantity: `"mean"`, `"variance"` or `"spectrum"`.
    pub what: &'static str,
    /// n |d̄|² / tr Cov D. It is 1 by chance, and 0 where nothing can differ.
    pub ratio: f64,
    /// Standard deviation of the ratio under invariance.
    pub spread: f64,
    /// d̄| in excess of chance, relative to the root mean square of the tested quantity.
    pub size: f64,
}

impl Asymmetry {
    /// Whether it exceeds chance and is more than a twentieth of the whole.
    pub fn is_there(&self) -> bool {
        self.ratio > 1.0 + CHANCE * self.spread && self.size > SMALL
    }

    /// From the tested quantity of each field, and the part of it that a motion changes.
    fn of(what: &'static str, whole: &[Vec<f64>], changed: &[Vec<f64>]) -> Self {
        let n = changed.len() as f64;
        let mut mean = vec![0.0; changed[0].len()];
        for d in changed {
            mean.iter_mut().zip(d).for_each(|(m, v)| *m += v / n);
        }
        let square = |v: &[f64]| v.iter().map(|v| v * v).sum::<f64>();
        let centred: Vec<Vec<f64>> =
            changed.iter().map(|d| d.iter().zip(&mean).map(|(v, m)| v - m).collect()).collect();
        let trace = centred.iter().map(|d| square(d)).sum::<f64>() / (n - 1.0).max(1.0);
        if trace <= 0.0 {
            return Self { what, ratio: 0.0, spread: 0.0, size: 0.0 };
        }
        let (mut squares, mut pairs) = (0.0, 0.0);
        for (i, a) in centred.iter().enumerate() {
            for b in centred[i + 1..].iter().take(NEIGHBOURS) {
                squares += a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>().powi(2);
                pairs += 1.0;
            }
        }
        let spread = (2.0 * squares / f64::max(pairs, 1.0)).sqrt() / trace;
        let all = whole.iter().map(|v| square(v)).sum::<f64>() / n;
        let beyond = (square(&mean) - trace / n).max(0.0);
        Self { what, ratio: n * square(&mean) / trace, spread, size: (beyond / all).sqrt() }
    }
}

/// Asymmetries of mean and variance of fields under shifts along a periodic axis.
///
/// # Errors
/// [`FieldError::TooFew`] below two fields.
///
/// # Panics
/// If there is no such axis.
pub fn under_shifts(fields: &Ensemble, axis: usize) -> Result<[Asymmetry; 2], FieldError> {
    let points = fields.grid.points();
    let stride: usize = points[axis + 1..].iter().product();
    let n = points[axis];
    // values minus their mean along the axis
    let change = |values: &[f64]| {
        let mut changed = values.to_vec();
        for block in changed.chunks_exact_mut(n * stride) {
            for at in 0..stride {
                let mean = block[at..].iter().step_by(stride).sum::<f64>() / n as f64;
                block[at..].iter_mut().step_by(stride).for_each(|v| *v -= mean);
            }
        }
        changed
    };
    moments(fields, &change)
}

/// Asymmetries of mean, variance and spectrum of fields under a mirror along an axis or a turn.
///
/// # Errors
/// [`FieldError::TooFew`] below two fields.
///
/// # Panics
/// Where axes with different numbers of cells are exchanged.
pub fn under(fields: &Ensemble, motion: &Motion) -> Result<[Asymmetry; 3], FieldError> {
    let grid = fields.grid;
    let change = |values: &[f64]| {
        let channels = values.chunks_exact(grid.len());
        let moved = channels.flat_map(|channel| turned(&grid, motion, channel));
        values.iter().zip(moved).map(|(v, m)| 0.5 * (v - m)).collect::<Vec<f64>>()
    };
    let [mean, variance] = moments(fields, &change)?;
    let spectra = Spectra::new(grid);
    let whole: Vec<Vec<f64>> = fields.fields().map(|field| spectra.of(field)).collect();
    let partner = spectra.moved(motion);
    let modes = partner.len();
    let change = |power: &Vec<f64>| {
        let moved = |k: usize| power[k / modes * modes + partner[k % modes]];
        (0..power.len()).map(|k| 0.5 * (power[k] - moved(k))).collect()
    };
    let changed: Vec<Vec<f64>> = whole.iter().map(change).collect();
    Ok([mean, variance, Asymmetry::of("spectrum", &whole, &changed)])
}

/// Asymmetries of values and of their squares.
fn moments(
    fields: &Ensemble,
    change: &dyn Fn(&[f64]) -> Vec<f64>,
) -> Result<[Asymmetry; 2], FieldError> {
    if fields.count() < 2 {
        return Err(FieldError::TooFew { what: "symmetry", least: 2, count: fields.count() });
    }
    let changes = |whole: &[Vec<f64>]| -> Vec<Vec<f64>> {
        whole.iter().map(|values| change(values)).collect()
    };
    let values: Vec<Vec<f64>> = fields.fields().map(<[f64]>::to_vec).collect();
    let squares: Vec<Vec<f64>> =
        values.iter().map(|field| field.iter().map(|v| v * v).collect()).collect();
    Ok([
        Asymmetry::of("mean", &values, &changes(&values)),
        Asymmetry::of("variance", &squares, &changes(&squares)),
    ])
}

/// Power spectra of single fields by wave vector, with a window.
struct Spectra {
    /// A grid that is periodic along all axes.
    grid: Grid,
    transform: Transform,
    window: Vec<f64>,
    /// Slot of the mode with the opposite wave vector.
    opposite: Vec<usize>,
    places: HashMap<[i32; MAX_DIM], usize>,
}

impl Spectra {
    fn new(own: Grid) -> Self {
        let axes: Vec<Axis> =
            own.axes().iter().map(|a| Axis { boundary: Boundary::Periodic, ..*a }).collect();
        let grid = Grid::new(&axes).expect("every box may be periodic");
        let hann = |j: usize, n: usize| 1.0 - (TAU * (j as f64 + 0.5) / n as f64).cos();
        let weight = |flat: usize| {
            let at = own.position(flat);
            let open = own.axes().iter().zip(at).filter(|(a, _)| a.boundary != Boundary::Periodic);
            open.map(|(a, j)| hann(j, a.points)).product()
        };
        let places: HashMap<_, _> = grid.modes().enumerate().map(|(k, m)| (m.wave, k)).collect();
        let opposite = grid.modes().map(|mode| places[&mode.wave.map(|k| -k)]).collect();
        let window = (0..own.len()).map(weight).collect();
        Self { grid, transform: Transform::new(grid), window, opposite, places }
    }

    /// `[channel, mode]`, without the constant mode.
    fn of(&self, field: &[f64]) -> Vec<f64> {
        let mut power = Vec::new();
        for channel in field.chunks_exact(self.grid.len()) {
            let mean = channel.iter().sum::<f64>() / channel.len() as f64;
            let seen: Vec<f64> =
                channel.iter().zip(&self.window).map(|(v, w)| w * (v - mean)).collect();
            let mut modes = vec![0.0; self.grid.mode_count()];
            self.transform.analyse(&seen, &mut modes);
            let own = |(k, o): (usize, &usize)| modes[k].powi(2) + modes[*o].powi(2);
            power.extend(self.opposite.iter().enumerate().map(own));
            let constant = power.len() - modes.len();
            power[constant] = 0.0;
        }
        power
    }

    /// For each mode, the slot that holds its power after a motion.
    fn moved(&self, motion: &Motion) -> Vec<usize> {
        let place = |wave: [i32; MAX_DIM]| {
            let mut moved = [0; MAX_DIM];
            let looks = motion.axes.iter().zip(motion.flipped).take(self.grid.dim());
            for (k, (axis, flipped)) in moved.iter_mut().zip(looks) {
                *k = if flipped { -wave[*axis] } else { wave[*axis] };
            }
            self.places[&moved]
        };
        self.grid.modes().map(|mode| place(mode.wave)).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::noise::stream;
    use crate::prior::Matern;
    use crate::{GaussianLaw, Prior};

    fn fields(boundary: Boundary, count: u64) -> Ensemble {
        let grid = Grid::unit(&[12, 12], boundary).unwrap();
        let prior: Arc<dyn Prior> = Arc::new(Matern::new(1.0, 0.15, 1.5).unwrap());
        GaussianLaw::centred(grid, prior, 1).sample(grid, 1, 0..count, stream::METRICS)
    }

    fn change(fields: &mut Ensemble, by: impl Fn(f64, usize, usize) -> f64) {
        for field in fields.fields_mut() {
            field.iter_mut().enumerate().for_each(|(i, v)| *v = by(*v, i / 12, i % 12));
        }
    }

    #[test]
    fn a_stationary_isotropic_law_shows_nothing() {
        for count in [8, 200] {
            let periodic = fields(Boundary::Periodic, count);
            for axis in 0..2 {
                let found = under_shifts(&periodic, axis).unwrap();
                assert!(found.iter().all(|a| !a.is_there()), "{count}: {found:?}");
            }
            for boundary in [Boundary::Periodic, Boundary::Neumann] {
                let fields = fields(boundary, count);
                for motion in [Motion::mirror(0), Motion::mirror(1), Motion::turn(0, 1)] {
                    let found = under(&fields, &motion).unwrap();
                    assert!(found.iter().all(|a| !a.is_there()), "{count}: {found:?}");
                }
            }
        }
        assert!(under_shifts(&fields(Boundary::Periodic, 1), 0).is_err());
    }

    #[test]
    fn means_and_variances_that_vary_along_an_axis_are_seen_along_it_alone() {
        let there =
            |fields: &Ensemble, axis| under_shifts(fields, axis).unwrap().map(|a| a.is_there());
        let mut mean = fields(Boundary::Periodic, 200);
        change(&mut mean, |v, y, _| v + 0.4 * (TAU * y as f64 / 12.0).sin());
        assert_eq!((there(&mean, 0)[0], there(&mean, 1)), (true, [false; 2]));
        let mut variance = fields(Boundary::Periodic, 200);
        change(&mut variance, |v, y, _| v * (1.0 + 0.4 * (TAU * y as f64 / 12.0).sin()));
        assert_eq!((there(&variance, 0), there(&variance, 1)), ([false, true], [false; 2]));
    }

    /// Sheared fields have slanted structures. A mirror and a turn change their spectrum, but not
    /// their mean and variance.
    #[test]
    fn slanted_and_stretched_structures_are_seen_in_spectra() {
        let mut slanted = fields(Boundary::Periodic, 100);
        let mut stretched = slanted.clone();
        for field in slanted.fields_mut() {
            let own = field.to_vec();
            (0..144).for_each(|i| field[i] = own[i / 12 * 12 + (i % 12 + i / 12) % 12]);
        }
        let seen =
            |fields: &Ensemble, motion| under(fields, &motion).unwrap().map(|a| a.is_there());
        assert_eq!(seen(&slanted, Motion::mirror(1)), [false, false, true]);
        for field in stretched.fields_mut() {
            let own = field.to_vec();
            (0..144).for_each(|i| field[i] = own[i / 12 * 12 + 2 * (i % 12) % 12]);
        }
        assert_eq!(seen(&stretched, Motion::turn(0, 1)), [false, false, true]);
        assert_eq!(seen(&stretched, Motion::mirror(0)), [false; 3]);
    }
}
