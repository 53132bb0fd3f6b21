//! Larger boxes of Gaussian data, where everything is known.

use std::sync::Arc;

use ndarray::Array2;

use super::partition::Partition;
use super::*;
use crate::denoiser::Gaussian;
use crate::path::{Path, TimeGrid, VariancePreserving};
use crate::prior::{Matern, Measured, Tempered};
use crate::sampler::{self, DpmSolver2M, Refinement, Reverse, WienerExponential};
use crate::{
    Boundary, Denoiser, Ensemble, Field, FieldError, GaussianLaw, Grid, Prior, Transform, resample,
};

/// What the data of a case are like.
#[derive(Debug, Clone, Copy)]
struct Data {
    /// C(r) of the stationary law, r in trained boxes.
    covariance: fn(f64) -> f64,
    /// Whether the boundary is the data's own, so that fields of a box are diagonal in its modes; windows cut
    /// from a larger field otherwise.
    walled: bool,
}

/// Matérn with ν = 3/2 and correlation length 0.05.
fn rough(distance: f64) -> f64 {
    let s = 3f64.sqrt() * distance / 0.05;
    (1.0 + s) * (-s).exp()
}

/// A damped wave of length 0.12, as labyrinths have.
fn wavy(distance: f64) -> f64 {
    let r = distance / 0.12;
    (2.0 * std::f64::consts::PI * r).cos() * (-0.5 * r * r).exp()
}

const ROUGH: Data = Data { covariance: rough, walled: false };

fn trained(points: &[usize], boundary: Boundary) -> Grid {
    Grid::unit(points, boundary).unwrap()
}

/// C(·, y) of a covariance on a grid.
fn column(prior: &dyn Prior, grid: Grid, at: usize) -> Vec<f64> {
    let transform = Transform::new(grid);
    let mut delta = vec![0.0; grid.len()];
    delta[at] = grid.len() as f64;
    let mut modes = transform.analyse_channels(&delta);
    modes.iter_mut().zip(prior.eigenvalues(&grid)).for_each(|(m, lambda)| *m *= lambda);
    transform.synthesise_channels(&modes)
}

#[test]
fn noise_on_the_larger_box_is_the_trained_boxs_in_its_interior() {
    let matern: Arc<dyn Prior> = Arc::new(Matern::new(1.0, 0.04, 1.5).unwrap());
    let (n, r) = (Boundary::Neumann, Boundary::Periodic);
    for (points, boundary, times, periodic) in [
        (&[64][..], n, &[2.0][..], false),
        (&[64], n, &[3.0], false),
        (&[64], n, &[2.5], false),
        (&[64], n, &[4.0], true),
        (&[65], r, &[4.0], true),
        (&[32, 32], n, &[2.0, 3.0], false),
        (&[32, 32], n, &[2.0, 2.0], true),
        (&[16, 16, 16], n, &[2.0, 1.0, 3.0], false),
    ] {
        let small = trained(points, boundary);
        let dim = points.len();
        let large = LargeBox::new(small, times, &vec![periodic; dim]).unwrap();
        let grid = large.like(&small).unwrap();
        let prior = Continued::new(Arc::clone(&matern), &large);
        // the middle of both boxes, and up to an eighth of the trained box beside it along every axis
        let middle = |grid: &Grid| grid.axes().iter().fold(0, |at, a| at * a.points + a.points / 2);
        let (own, other) = (middle(&small), middle(&grid));
        let (known, found) = (column(matern.as_ref(), small, own), column(&prior, grid, other));
        let (mut step, mut wide) = (1, 1);
        for axis in (0..dim).rev() {
            for lag in 0..=points[axis] / 8 {
                let (k, f) = (known[own + lag * step], found[other + lag * wide]);
                assert!(
                    (k - f).abs() < 6e-3,
                    "{points:?} x {times:?} axis {axis} lag {lag}: {k} {f}"
                );
            }
            (step, wide) = (step * points[axis], wide * grid.axes()[axis].points);
        }
        // at a point: to rounding where modes refine modes
        if times.iter().all(|t| t.fract() == 0.0) && !(periodic && boundary == n) && dim == 1 {
            assert!((known[own] - found[other]).abs() < 2e-3 * known[own], "{times:?}");
        }
    }
}

#[test]
fn one_mode_after_another_or_all_at_once() {
    let small = trained(&[9, 7], Boundary::Neumann);
    let law: Vec<f64> = small.modes().map(|m| (3.0 + m.laplacian()).powf(-1.7)).collect();
    let measured: Arc<dyn Prior> = Arc::new(Measured::new(small, law).unwrap());
    let ring = trained(&[9, 8], Boundary::Periodic);
    let truncated: Arc<dyn Prior> = Arc::new(crate::prior::Truncated::new(3, 3, 1.0).unwrap());
    for (prior, small, times, periodic) in [
        (&measured, small, [2.0, 3.5], [false, true]),
        (&measured, small, [1.0, 2.0], [false, false]),
        (&truncated, ring, [3.0, 2.0], [false, false]),
    ] {
        let large = LargeBox::new(small, &times, &periodic).unwrap();
        let prior = Continued::new(Arc::clone(prior), &large);
        let grid = large.grid(&[23, 29]).unwrap();
        let all = prior.eigenvalues(&grid);
        for (mode, lambda) in grid.modes().zip(&all) {
            let one = prior.eigenvalue(&mode);
            assert!((one - lambda).abs() <= 1e-12 * lambda.abs(), "{mode:?}: {one} {lambda}");
            assert!(*lambda >= 0.0);
        }
        assert!((prior.trace(&grid) - all.iter().sum::<f64>()).abs() < 1e-12);
    }
    // along a kept axis the modes are the trained ones
    let large = LargeBox::new(small, &[1.0, 2.0], &[false, false]).unwrap();
    let grid = large.like(&small).unwrap();
    let (own, known) =
        (Continued::new(measured.clone(), &large).eigenvalues(&grid), measured.eigenvalues(&small));
    for i in 0..9 {
        for j in 0..7 {
            assert!((2.0 * own[i * 14 + 2 * j] / known[i * 7 + j] - 1.0).abs() < 1e-12);
        }
    }
}

/// White noise on the band is white on the cells, of the same strength, but for the fall beyond the last mode.
#[test]
fn flat_noise_stays_flat() {
    let small = trained(&[32], Boundary::Neumann);
    let law: Vec<f64> = small.modes().map(|m| (9.0 + m.laplacian()).powi(-1)).collect();
    let flat: Arc<dyn Prior> = Arc::new(Tempered::flat(small, &law).unwrap());
    let large = LargeBox::new(small, &[4.0], &[false]).unwrap();
    let grid = large.like(&small).unwrap();
    let (own, known) = (Continued::new(flat.clone(), &large), flat.eigenvalues(&small)[0] * 32.0);
    let column = column(&own, grid, 50);
    assert!((column[50] / known - 1.0).abs() < 0.01, "{} {known}", column[50]);
    assert!(column.iter().enumerate().all(|(i, c)| i == 50 || c.abs() < 0.01 * known));
}

#[test]
fn boxes_that_are_none_are_refused() {
    let small = trained(&[8, 8], Boundary::Neumann);
    let of = |times: &[f64], periodic: &[bool]| LargeBox::new(small, times, periodic);
    let fault = |result: Result<LargeBox, FieldError>| match result {
        Err(FieldError::LargeBox { axis, fault }) => (axis, fault),
        other => panic!("{other:?}"),
    };
    assert_eq!(fault(of(&[2.0, 0.5], &[false; 2])), (1, BoxFault::Below(0.5)));
    assert!(matches!(fault(of(&[f64::NAN, 1.0], &[false; 2])), (0, BoxFault::Below(_))));
    assert!(matches!(of(&[2.0], &[false]), Err(FieldError::CellCounts { .. })));
    let walls = Grid::unit(&[8, 8], Boundary::Dirichlet).unwrap();
    let closed = LargeBox::new(walls, &[1.0, 2.0], &[false; 2]);
    assert_eq!(fault(closed), (1, BoxFault::Walls(2.0)));
    assert!(LargeBox::new(walls, &[1.0, 1.0], &[false; 2]).unwrap().is_trained());
    let third = of(&[4.0 / 3.0, 1.0], &[false; 2]).unwrap();
    assert!(matches!(third.like(&small), Err(FieldError::LargeBox { axis: 0, .. })));
    assert_eq!(third.like(&small.with_points(&[9, 8]).unwrap()).unwrap().points(), [12, 8]);
    assert!(of(&[1.0, 1.0], &[true, false]).unwrap().is_ring(0));
    assert!(!of(&[1.0, 1.0], &[true, false]).unwrap().is_trained());
}

/// The exact denoiser of data with a given covariance of the cells of one grid, in noise that is white on them.
struct Dense {
    grid: Grid,
    covariance: Array2<f64>,
    /// Variance of the noise in a cell.
    noise: f64,
    path: Arc<dyn Path>,
}

impl Dense {
    /// a C (a² C + b² I)⁻¹, by elimination.
    fn filter(&self, t: f64) -> Array2<f64> {
        let (a, b2, n) = (self.path.signal(t), self.path.noise(t).powi(2), self.grid.len());
        let mut s = &self.covariance * (a * a);
        (0..n).for_each(|i| s[[i, i]] += b2 * self.noise);
        let mut x = &self.covariance * a;
        for i in 0..n {
            for j in i + 1..n {
                let f = s[[j, i]] / s[[i, i]];
                for k in i..n {
                    s[[j, k]] -= f * s[[i, k]];
                }
                for k in 0..n {
                    x[[j, k]] -= f * x[[i, k]];
                }
            }
        }
        for i in (0..n).rev() {
            for k in 0..n {
                let sum: f64 = (i + 1..n).map(|j| s[[i, j]] * x[[j, k]]).sum();
                x[[i, k]] = (x[[i, k]] - sum) / s[[i, i]];
            }
        }
        x.t().to_owned()
    }
}

impl Denoiser for Dense {
    fn denoise(&self, x: &Ensemble, t: f64) -> Result<Ensemble, FieldError> {
        assert_eq!(x.grid, self.grid);
        let fields = Array2::from_shape_vec((x.count(), x.grid.len()), x.values.clone()).unwrap();
        let out = fields.dot(&self.filter(t).t());
        Ensemble::new(x.grid, 1, out.iter().copied().collect())
    }

    fn pullback(&self, _: &Ensemble, t: f64, w: &Ensemble) -> Result<Option<Ensemble>, FieldError> {
        let fields = Array2::from_shape_vec((w.count(), w.grid.len()), w.values.clone()).unwrap();
        let out = fields.dot(&self.filter(t));
        Ensemble::new(w.grid, 1, out.iter().copied().collect()).map(Some)
    }
}

/// Any denoiser of the trained box, on its own grid alone or on every one.
struct Small<'a>(&'a (dyn Denoiser + Sync), Option<Grid>);

impl WindowDenoiser for Small<'_> {
    fn answers_on(&self, window: &Grid) -> Grid {
        self.1.unwrap_or(*window)
    }

    fn denoise(&self, x: &Ensemble, t: f64, fields: &[usize]) -> Result<Ensemble, FieldError> {
        assert_eq!(x.count(), fields.len());
        self.0.denoise(x, t)
    }

    fn pullback(
        &self,
        x: &Ensemble,
        t: f64,
        w: &Ensemble,
        _: &[usize],
    ) -> Result<Option<Ensemble>, FieldError> {
        self.0.pullback(x, t, w)
    }
}

/// Σ_w χ_w D_Ω(x|_w): windows alone.
struct Alone<'a> {
    large: &'a LargeBox,
    small: &'a Dense,
    overlap: f64,
}

impl Denoiser for Alone<'_> {
    fn denoise(&self, x: &Ensemble, t: f64) -> Result<Ensemble, FieldError> {
        let windows = Partition::new(self.large, &x.grid, &self.small.grid, self.overlap);
        let mut out = Ensemble::zeros(x.grid, 1, x.count());
        for w in 0..windows.count() {
            let mut own = Ensemble::zeros(self.small.grid, 1, x.count());
            for (field, own) in x.fields().zip(own.fields_mut()) {
                windows.visit(w, |cell, i, _| own[i] = field[cell]);
            }
            let own = self.small.denoise(&own, t)?;
            for (out, own) in out.fields_mut().zip(own.fields()) {
                windows.visit(w, |cell, i, weight| out[cell] += weight * own[i]);
            }
        }
        Ok(out)
    }
}

/// White noise of a strength.
#[derive(Debug)]
struct White(f64);

impl Prior for White {
    fn eigenvalue(&self, mode: &crate::Mode) -> f64 {
        self.0 / mode.volume
    }
}

impl Data {
    /// Covariance of the cells of a grid, one-dimensional.
    fn on(&self, grid: &Grid) -> Array2<f64> {
        let (n, axis) = (grid.len(), grid.axes()[0]);
        let step = axis.length / n as f64;
        let lag = |i: usize, j: usize| match axis.boundary {
            Boundary::Periodic => i.abs_diff(j).min(n - i.abs_diff(j)) as f64 * step,
            _ => i.abs_diff(j) as f64 * step,
        };
        let image = |i: usize, j: usize| (i + j + 1).min(2 * n - 1 - i - j) as f64 * step;
        Array2::from_shape_fn((n, n), |(i, j)| {
            let own = (self.covariance)(lag(i, j));
            if self.walled { own + (self.covariance)(image(i, j)) } else { own }
        })
    }
}

/// Stationary data seen in windows of `n` cells, with white noise of unit variance a cell: the trained box's exact
/// denoiser and law, and the box `times` as long.
struct Case {
    small: Dense,
    known: Enlarged,
    truth: Array2<f64>,
}

impl Case {
    fn new(data: Data, n: usize, times: usize, ring: bool, overlap: f64) -> Self {
        let grid = trained(&[n], Boundary::Neumann);
        let path: Arc<dyn Path> = Arc::new(VariancePreserving::default());
        let large = LargeBox::new(grid, &[times as f64], &[ring]).unwrap();
        let (own, truth) = (data.on(&grid), data.on(&large.like(&grid).unwrap()));
        // what Moments would measure
        let transform = Transform::new(grid);
        let variance = |k: usize| {
            let mut unit = vec![0.0; n];
            unit[k] = 1.0;
            let mode = transform.synthesise_channels(&unit);
            let product: f64 =
                (0..n).map(|i| mode[i] * (0..n).map(|j| own[[i, j]] * mode[j]).sum::<f64>()).sum();
            product / (n * n) as f64
        };
        let c = Measured::new(grid, (0..n).map(variance).collect()).unwrap();
        let law = GaussianLaw::centred(grid, Arc::new(c), 1);
        let prior: Arc<dyn Prior> = Arc::new(White(1.0 / n as f64));
        let known = Enlarged::new(large, Arc::clone(&path), law, prior, overlap).unwrap();
        Self { small: Dense { grid, covariance: own, noise: 1.0, path }, known, truth }
    }

    fn grid(&self) -> Grid {
        self.known.large().like(&self.small.grid).unwrap()
    }

    fn exact(&self) -> Dense {
        let (grid, covariance) = (self.grid(), self.truth.clone());
        Dense { grid, covariance, noise: 1.0, path: Arc::clone(&self.small.path) }
    }
}

/// √(E|D − D*|² / E|D*|²) over noisy stationary fields, D* the exact denoiser of the larger box.
fn error(case: &Case, denoiser: &dyn Denoiser, t: f64) -> f64 {
    let (grid, exact) = (case.grid(), case.exact());
    let (a, b) = (exact.path.signal(t), exact.path.noise(t));
    let unit: Vec<f64> = (0..grid.len() * grid.len())
        .map(|i| if i / grid.len() == i % grid.len() { 1.0 } else { 0.0 })
        .collect();
    let unit = Ensemble::new(grid, 1, unit).unwrap();
    let of = |d: &dyn Denoiser| {
        // row i: D applied to the unit vector of cell i
        let rows = d.denoise(&unit, t).unwrap().values;
        Array2::from_shape_vec((grid.len(), grid.len()), rows).unwrap()
    };
    let (found, known) = (of(denoiser), of(&exact));
    let mut spread = &case.truth * (a * a);
    (0..grid.len()).for_each(|i| spread[[i, i]] += b * b);
    let trace = |d: &Array2<f64>| (spread.dot(d) * d).sum();
    (trace(&(&found - &known)) / trace(&known)).sqrt()
}

/// Error against overlap, with the Wiener filter of the whole box and of windows alone: the table of the book.
#[test]
fn the_wiener_filter_of_the_whole_box_helps_and_so_does_overlap() {
    for (name, data) in [
        ("rough, cut from larger fields", ROUGH),
        ("wavy, cut from larger fields", Data { covariance: wavy, walled: false }),
        ("wavy, of a box with mirrors as walls", Data { covariance: wavy, walled: true }),
    ] {
        let mut before = f64::INFINITY;
        for overlap in [0.0, 0.125, 0.25, 0.375, 0.5] {
            let case = Case::new(data, 32, 4, false, overlap);
            let small = Small(&case.small, None);
            let together = Windowed::new(&case.known, &small);
            let alone = Alone { large: case.known.large(), small: &case.small, overlap };
            let worst = |d: &dyn Denoiser| {
                [0.25, 0.4].map(|t| error(&case, d, t)).into_iter().fold(0.0, f64::max)
            };
            let (split, plain) = (worst(&together), worst(&alone));
            println!("{name}, overlap {overlap}: {split:.4}, windows alone {plain:.4}");
            assert!(split < before + 2e-3, "{name} {overlap}: {split} after {before}");
            assert!(split < plain + 0.01, "{name} {overlap}: {split} against {plain}");
            if data.walled {
                assert!(split < 0.2 * plain, "{name} {overlap}: {split} against {plain}");
            }
            before = split;
        }
        assert!(before < 0.02, "{name}: {before}");
    }
}

/// Data that are diagonal in the modes: nothing is added by windows, and the answer is the Wiener filter of the larger box.
#[test]
fn on_data_diagonal_in_the_modes_the_denoiser_is_exact() {
    let small = trained(&[8, 6], Boundary::Neumann);
    let path: Arc<dyn Path> = Arc::new(VariancePreserving::default());
    let matern: Arc<dyn Prior> = Arc::new(Matern::new(1.0, 0.2, 1.5).unwrap());
    let noise: Arc<dyn Prior> = Arc::new(Matern::new(2.0, 0.05, 0.5).unwrap());
    let mean = Field::new(small, 2, vec![0.7; 2 * small.len()]).unwrap();
    let law = GaussianLaw::new(mean, vec![Arc::clone(&matern); 2]).unwrap();
    let own = Gaussian::new(law.clone(), Arc::clone(&noise), Arc::clone(&path));
    for (times, periodic) in [([2.0, 3.0], [false, false]), ([1.0, 2.5], [true, true])] {
        let large = LargeBox::new(small, &times, &periodic).unwrap();
        let known = Enlarged::new(large, Arc::clone(&path), law.clone(), Arc::clone(&noise), 0.375)
            .unwrap();
        assert!(known.mean_variation() < 1e-20);
        let whole =
            Gaussian::new(known.law().clone(), Arc::clone(known.prior()), Arc::clone(&path));
        let on_windows = Small(&own, Some(small));
        let windowed = Windowed::new(&known, &on_windows);
        for points in [[20, 30], [16, 18], [16, 15]] {
            let grid = known.large().grid(&points).unwrap();
            let x = known.noisy(grid, 0.4, 3, 2);
            let w = known.noisy(grid, 0.7, 4, 2);
            let close = |a: &Ensemble, b: &Ensemble| {
                let off =
                    a.values.iter().zip(&b.values).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
                assert!(off < 1e-11, "{points:?}: {off}");
            };
            close(&windowed.denoise(&x, 0.4).unwrap(), &whole.denoise(&x, 0.4).unwrap());
            let pulled = windowed.pullback(&x, 0.4, &w).unwrap().unwrap();
            close(&pulled, &whole.pullback(&x, 0.4, &w).unwrap().unwrap());
        }
        assert!(
            windowed
                .disagreement(&known.noisy(known.large().like(&small).unwrap(), 0.4, 3, 1), 0.4)
                .unwrap()
                < 1e-12
        );
    }
}

/// Covariance of what a sampler makes, cell by cell: the run is linear, so that one field a mode of the start tells.
fn sampled(case: &Case, sampler: &mut dyn sampler::Sampler, steps: usize) -> Array2<f64> {
    let (grid, path) = (case.grid(), Arc::clone(case.known.path()));
    let small = Small(&case.small, None);
    let windowed = Windowed::new(&case.known, &small);
    let (law, prior) = (case.known.law(), case.known.prior());
    let (a, b) = (path.signal(path.start()), path.noise(path.start()));
    let transform = Transform::new(grid);
    let spectra = law.variances(&grid).into_iter().zip(prior.eigenvalues(&grid));
    let mut start = Vec::new();
    for (k, (c, lambda)) in spectra.enumerate() {
        let mut modes = vec![0.0; grid.mode_count()];
        modes[k] = (a * a * c + b * b * lambda).sqrt();
        start.extend(transform.synthesise_channels(&modes));
    }
    let x = Ensemble::new(grid, 1, start).unwrap();
    let times = TimeGrid::LogSnr.times(path.as_ref(), steps);
    let mut reverse = Reverse::new(path.as_ref(), prior.as_ref(), law, &windowed, 1, 0);
    let y = sampler::integrate(sampler, &mut reverse, &times, x, &mut |_, _| ()).unwrap();
    let y = Array2::from_shape_vec((grid.mode_count(), grid.len()), y.values).unwrap();
    y.t().dot(&y)
}

/// Stationary data: variance and covariance of sampled fields are the data's, within windows and across their
/// seams alike.
#[test]
fn sampled_fields_have_the_datas_covariance_across_seams() {
    let case = Case::new(ROUGH, 32, 4, false, DEFAULT_OVERLAP);
    for found in [
        sampled(&case, &mut WienerExponential::default(), 20),
        sampled(&case, &mut DpmSolver2M::default(), 20),
    ] {
        // inside, a window's quarter from the ends of the box, up to a quarter of a window apart
        let worst = (16..112)
            .flat_map(|i| (0..8).map(move |lag| (i, (i + lag).min(111))))
            .map(|(i, j)| (found[[i, j]] - case.truth[[i, j]]).abs())
            .fold(0.0, f64::max);
        println!("largest error of the covariance: {worst:.4}");
        assert!(worst < 0.05, "{worst}");
    }
}

/// On a ring the last cell is the first one's neighbour, as any other two are.
#[test]
fn a_periodic_field_tiles() {
    let case = Case::new(ROUGH, 32, 3, true, DEFAULT_OVERLAP);
    let cells = case.grid().len();
    let found = sampled(&case, &mut WienerExponential::default(), 20);
    for lag in 1..4 {
        let pairs: Vec<f64> = (0..cells).map(|i| found[[i, (i + lag) % cells]]).collect();
        let mean = pairs.iter().sum::<f64>() / cells as f64;
        let across = &pairs[cells - lag..];
        assert!(pairs.iter().all(|c| (c - mean).abs() < 0.02), "lag {lag}: {mean} {pairs:?}");
        assert!(across.iter().all(|c| (c - case.truth[[0, lag]]).abs() < 0.05), "{across:?}");
    }
}

/// One (seed, index) is one function on every grid of the larger box, finer than the windows' or coarser, and
/// runs that refine end with it too.
#[test]
fn one_seed_is_one_function_on_every_grid() {
    let small = trained(&[8], Boundary::Neumann);
    let path: Arc<dyn Path> = Arc::new(VariancePreserving::default());
    let matern: Arc<dyn Prior> = Arc::new(Matern::new(1.0, 0.15, 1.5).unwrap());
    let noise: Arc<dyn Prior> = Arc::new(Matern::new(2.0, 0.05, 0.5).unwrap());
    let law = GaussianLaw::centred(small, matern, 1);
    let large = LargeBox::new(small, &[3.0], &[false]).unwrap();
    let known =
        Enlarged::new(large, Arc::clone(&path), law.clone(), Arc::clone(&noise), 0.375).unwrap();
    // what the trained box answers is not the Wiener filter: a bent one
    struct Bent(Gaussian);
    impl Denoiser for Bent {
        fn denoise(&self, x: &Ensemble, t: f64) -> Result<Ensemble, FieldError> {
            let mut y = self.0.denoise(x, t)?;
            y.values.iter_mut().for_each(|v| *v = (1.3 * *v).tanh());
            Ok(y)
        }
    }
    let bent = Bent(Gaussian::new(law, noise, Arc::clone(&path)));
    let on_windows = Small(&bent, Some(small));
    let windowed = Windowed::new(&known, &on_windows);
    let grids: Vec<Grid> =
        [24, 31, 48].iter().map(|n| known.large().grid(&[*n]).unwrap()).collect();
    assert_eq!(windowed.answers_on(&grids[2]).unwrap().points(), [24]);
    let run = |grid: Grid, refinements: &[Refinement], first: Grid| {
        let (law, prior) = (known.law(), known.prior().as_ref());
        let x = sampler::start(law, prior, path.as_ref(), first, 7, 2..4);
        let mut reverse = Reverse::new(path.as_ref(), prior, law, &windowed, 7, 2);
        let times = TimeGrid::LogSnr.times(path.as_ref(), 8);
        let mut sampler = WienerExponential::default();
        let y = sampler::integrate_refining(
            &mut sampler,
            &mut reverse,
            &times,
            refinements,
            x,
            &mut |_, _| (),
        )
        .unwrap();
        resample::spectral(&y, grid).unwrap()
    };
    let coarse = run(grids[0], &[], grids[0]);
    let off = |other: &Ensemble| {
        coarse.values.iter().zip(&other.values).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
    };
    assert!(off(&run(grids[0], &[], grids[1])) < 1e-11);
    assert!(off(&run(grids[0], &[], grids[2])) < 1e-11);
    let time = path.start() * 0.5;
    let refined = run(grids[0], &[Refinement { time, grid: grids[2] }], grids[0]);
    assert!(off(&refined) < 1e-11);
    // the same field alone and with mates
    assert_eq!(run(grids[0], &[], grids[0]).values, coarse.values);
}

/// A denoiser for which the place in the window matters makes windows disagree; a varying mean is told.
#[test]
fn data_that_are_not_stationary_are_found_out() {
    let case = Case::new(ROUGH, 32, 2, false, DEFAULT_OVERLAP);
    struct Placed(Dense);
    impl Denoiser for Placed {
        fn denoise(&self, x: &Ensemble, t: f64) -> Result<Ensemble, FieldError> {
            let mut y = self.0.denoise(x, t)?;
            for field in y.fields_mut() {
                field.iter_mut().enumerate().for_each(|(j, v)| *v *= (j as f64 * 0.3).sin());
            }
            Ok(y)
        }
    }
    let (grid, t) = (case.grid(), case.known.half_known());
    let x = case.known.noisy(grid, t, 5, 3);
    let at_home = Small(&case.small, None);
    let same = Windowed::new(&case.known, &at_home).disagreement(&x, t).unwrap();
    let Dense { grid: own, covariance, noise, path } = Case::new(ROUGH, 32, 2, false, 0.0).small;
    let placed = Placed(Dense { grid: own, covariance, noise, path });
    let away = Small(&placed, None);
    let moved = Windowed::new(&case.known, &away).disagreement(&x, t).unwrap();
    assert!(same < 0.01 && moved > 0.05, "{same} {moved}");

    let mean = (0..32).map(|j| (j as f64 * 0.2).cos()).collect();
    let law = GaussianLaw::new(
        Field::new(own, 1, mean).unwrap(),
        case.known.small.0.covariances().to_vec(),
    );
    let large = LargeBox::new(own, &[2.0], &[false]).unwrap();
    let path = Arc::clone(case.known.path());
    let varied =
        Enlarged::new(large, path, law.unwrap(), Arc::clone(&case.known.small.1), 0.25).unwrap();
    assert!(varied.mean_variation() > 0.3, "{}", varied.mean_variation());
    let constant = varied.law().mean_modes(&grid);
    assert!(constant[1..].iter().all(|m| *m == 0.0) && constant[0] != 0.0);
}

/// A box closed along one axis, in two dimensions, with a mean that varies along a kept axis.
#[test]
fn a_mean_stays_along_an_axis_that_is_kept() {
    let small = trained(&[4, 6], Boundary::Neumann);
    let mean: Vec<f64> = (0..24).map(|i| (i / 6) as f64).collect();
    let matern: Arc<dyn Prior> = Arc::new(Matern::new(1.0, 0.2, 1.5).unwrap());
    let law =
        GaussianLaw::new(Field::new(small, 1, mean).unwrap(), vec![Arc::clone(&matern)]).unwrap();
    let large = LargeBox::new(small, &[1.0, 2.0], &[false, true]).unwrap();
    let path: Arc<dyn Path> = Arc::new(VariancePreserving::default());
    let known = Enlarged::new(large, path, law, matern, 0.375).unwrap();
    assert!(known.mean_variation() < 1e-20);
    let grid = known.large().like(&small).unwrap();
    let values = Transform::new(grid).synthesise_channels(&known.law().mean_modes(&grid));
    assert!(values.iter().enumerate().all(|(i, v)| (v - (i / 12) as f64).abs() < 1e-12));
    let x = Ensemble::zeros(small, 1, 1);
    let gaussian =
        Gaussian::new(known.small.0.clone(), Arc::clone(&known.small.1), Arc::clone(known.path()));
    let on_windows = Small(&gaussian, None);
    let windowed = Windowed::new(&known, &on_windows);
    assert!(matches!(windowed.denoise(&x, 0.5), Err(FieldError::GridMismatch { .. })));
    assert_eq!(known.windows(&small).unwrap(), 4);
}
