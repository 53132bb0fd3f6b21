//! Stationary Gaussian data in one dimension, with exact denoisers on the trained box and on a
//! larger one.

use std::sync::Arc;

use karhunen_field::large_box::{Enlarged, LargeBox, WindowDenoiser};
use karhunen_field::path::{Path, VariancePreserving};
use karhunen_field::prior::Measured;
use karhunen_field::{
    Boundary, Denoiser, Ensemble, FieldError, GaussianLaw, Grid, Prior, Transform,
};
use ndarray::Array2;

/// The kind of data of a case.
#[derive(Debug, Clone, Copy)]
pub struct Data {
    /// C(r) of the stationary law, with r in trained boxes.
    pub covariance: fn(f64) -> f64,
    /// If true, fields of the trained box have its boundary and are diagonal in its modes. If
    /// false, they are windows cut from a larger field.
    pub walled: bool,
}

/// Matérn with ν = 3/2 and correlation length 0.05.
pub fn rough(distance: f64) -> f64 {
    let s = 3f64.sqrt() * distance / 0.05;
    (1.0 + s) * (-s).exp()
}

/// A damped wave of length 0.12, similar to labyrinth patterns.
pub fn wavy(distance: f64) -> f64 {
    let r = distance / 0.12;
    (2.0 * std::f64::consts::PI * r).cos() * (-0.5 * r * r).exp()
}

pub const ROUGH: Data = Data { covariance: rough, walled: false };

pub fn trained(points: &[usize], boundary: Boundary) -> Grid {
    Grid::unit(points, boundary).unwrap()
}

/// The exact denoiser of data with a given cell covariance on one grid, for noise that is white in
/// its cells.
pub struct Dense {
    pub grid: Grid,
    pub covariance: Array2<f64>,
    /// Variance of the noise in a cell.
    pub noise: f64,
    pub path: Arc<dyn Path>,
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

/// Wraps a denoiser of the trained box, on its own grid alone or on every grid.
pub struct Small<'a>(pub &'a (dyn Denoiser + Sync), pub Option<Grid>);

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

/// White noise with a given strength.
#[derive(Debug)]
pub struct White(f64);

impl Prior for White {
    fn eigenvalue(&self, mode: &karhunen_field::Mode) -> f64 {
        self.0 / mode.volume
    }
}

impl Data {
    /// Covariance of the cells of a grid, one-dimensional.
    pub fn on(&self, grid: &Grid) -> Array2<f64> {
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

/// Stationary data on windows of `n` cells, with white noise of unit variance a cell. Holds the
/// exact denoiser and law of the trained box, and the box that is `times` as long.
pub struct Case {
    pub small: Dense,
    pub known: Enlarged,
    pub law: GaussianLaw,
    pub prior: Arc<dyn Prior>,
    pub truth: Array2<f64>,
}

impl Case {
    pub fn new(data: Data, n: usize, times: usize, ring: bool, overlap: f64) -> Self {
        let grid = trained(&[n], Boundary::Neumann);
        let path: Arc<dyn Path> = Arc::new(VariancePreserving::default());
        let large = LargeBox::new(grid, &[times as f64], &[ring]).unwrap();
        let (own, truth) = (data.on(&grid), data.on(&large.like(&grid).unwrap()));
        // the variances that `Moments` would measure
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
        let known =
            Enlarged::new(large, Arc::clone(&path), law.clone(), Arc::clone(&prior), overlap);
        let small = Dense { grid, covariance: own, noise: 1.0, path };
        Self { small, known: known.unwrap(), law, prior, truth }
    }

    /// The same box with a law without variance. Its Wiener filter is zero, so windows give the
    /// whole answer.
    pub fn knowing_nothing(&self) -> Enlarged {
        let law = GaussianLaw::centred(self.small.grid, Arc::new(White(0.0)), 1);
        let (large, path) = (self.known.large().clone(), Arc::clone(&self.small.path));
        Enlarged::new(large, path, law, Arc::clone(&self.prior), self.known.overlap()).unwrap()
    }

    pub fn grid(&self) -> Grid {
        self.known.large().like(&self.small.grid).unwrap()
    }

    pub fn exact(&self) -> Dense {
        let (grid, covariance) = (self.grid(), self.truth.clone());
        Dense { grid, covariance, noise: 1.0, path: Arc::clone(&self.small.path) }
    }
}
