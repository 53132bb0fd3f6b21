//! Test oracle O11: on Gaussian data all results equal simple kriging, in mean and covariance.

use std::sync::Arc;

use ndarray::{Array1, Array2};

use super::*;
use crate::denoiser::Gaussian;
use crate::grid::MAX_DIM;
use crate::noise::stream;
use crate::observation::{Coarse, Mask, Mean, Points, Ray, Rays, Sensor};
use crate::path::{Path, TimeGrid, VariancePreserving};
use crate::prior::{Bessel, Matern};
use crate::sampler::{Method, Refinement, Reverse, integrate, integrate_refining};
use crate::{
    Boundary, Field, GaussianLaw, Grid, ModeNoise, Observation, Observations, Prior, Transform,
};

mod beyond;
mod kriging;
mod peers;
mod solving;

/// Gaussian data under observations, with kriging in closed form.
struct Problem {
    path: Arc<dyn Path>,
    prior: Arc<dyn Prior>,
    law: GaussianLaw,
    oracle: Gaussian,
    conditioning: Conditioning,
    grid: Grid,
}

fn law(grid: Grid, channels: usize) -> GaussianLaw {
    let covariance: Arc<dyn Prior> = Arc::new(Matern::new(1.3, 0.3, 1.5).unwrap());
    let values: Vec<f64> = (0..channels * grid.len()).map(|i| (0.7 * i as f64).sin()).collect();
    GaussianLaw::new(Field { grid, channels, values }, vec![covariance; channels]).unwrap()
}

impl Problem {
    fn new(grid: Grid, channels: usize, parts: Vec<Arc<dyn Observation>>, end: f64) -> Self {
        let path: Arc<dyn Path> = Arc::new(VariancePreserving::new(0.1, 20.0, end).unwrap());
        let prior: Arc<dyn Prior> = Arc::new(Bessel::new(grid.dim(), 6.0, 8.0, 0.9).unwrap());
        let law = law(grid, channels);
        let oracle = Gaussian::new(law.clone(), Arc::clone(&prior), Arc::clone(&path));
        // scales that are not 1, so that a forgotten scale shows
        let scale: Vec<f64> = (0..channels).map(|c| 2.0 + c as f64).collect();
        let offset: Vec<f64> = (0..channels)
            .map(|c| if grid.holds_constants() { 0.5 - c as f64 } else { 0.0 })
            .collect();
        let observations = Observations::new(parts, offset, scale).unwrap();
        let (p, q) = (Arc::clone(&path), Arc::clone(&prior));
        let conditioning = Conditioning::new(p, q, law.clone(), observations, grid).unwrap();
        Self { path, prior, law, oracle, conditioning, grid }
    }

    /// A, y and R in the model's own values.
    fn system(&self, grid: &Grid) -> (Array2<f64>, Array1<f64>, Array2<f64>) {
        let stack = self.conditioning.observations().on(grid).unwrap();
        let rows = stack.linear_rows();
        let width = self.law.channels() * grid.mode_count();
        let mut a = Array2::zeros((rows, width));
        let mut unit = vec![0.0; rows];
        for i in 0..rows {
            unit[i] = 1.0;
            a.row_mut(i).assign(&Array1::from(stack.adjoint(&unit)));
            unit[i] = 0.0;
        }
        let noise = Array2::from_diag(&Array1::from(stack.variances().to_vec()));
        (a, Array1::from(stack.targets().to_vec()), noise)
    }

    /// Mean and covariance of N(mean, covariance) given y, by the textbook formula.
    fn kriging(
        &self,
        grid: &Grid,
        mean: &[f64],
        covariance: &Array2<f64>,
    ) -> (Array1<f64>, Array2<f64>) {
        let (a, y, noise) = self.system(grid);
        let mean = Array1::from(mean.to_vec());
        let across = covariance.dot(&a.t());
        let inverse = inverse(&(a.dot(&across) + noise));
        let gain = across.dot(&inverse);
        (&mean + &gain.dot(&(&y - &a.dot(&mean))), covariance - &gain.dot(&across.t()))
    }

    fn prior_kriging(&self, grid: &Grid) -> (Array1<f64>, Array2<f64>) {
        let c = Array2::from_diag(&Array1::from(self.law.variances(grid)));
        self.kriging(grid, &self.law.mean_modes(grid), &c)
    }

    fn reverse(&self, seed: u64) -> Reverse<'_> {
        let mut reverse = Reverse::new(&*self.path, &*self.prior, &self.law, &self.oracle, seed, 0);
        reverse.guidance = Some(&self.conditioning);
        reverse
    }
}

/// Gauss–Jordan with pivots; small matrices only.
fn inverse(matrix: &Array2<f64>) -> Array2<f64> {
    let n = matrix.nrows();
    let (mut a, mut inverse) = (matrix.clone(), Array2::eye(n));
    for j in 0..n {
        let pivot = (j..n).max_by(|&p, &q| a[[p, j]].abs().total_cmp(&a[[q, j]].abs())).unwrap();
        for m in [&mut a, &mut inverse] {
            for k in 0..n {
                m.swap([j, k], [pivot, k]);
            }
        }
        let scale = a[[j, j]];
        for m in [&mut a, &mut inverse] {
            m.row_mut(j).mapv_inplace(|v| v / scale);
        }
        for i in (0..n).filter(|i| *i != j) {
            let factor = a[[i, j]];
            for m in [&mut a, &mut inverse] {
                let own = m.row(j).to_owned();
                m.row_mut(i).scaled_add(-factor, &own);
            }
        }
    }
    inverse
}

fn sensors(grid: &Grid, count: usize, channels: usize, deviation: f64) -> Arc<dyn Observation> {
    let uniform = ModeNoise::new(8).uniforms(count * MAX_DIM, 0, stream::METRICS);
    let sensor = |i: usize| {
        let mut place = [0.0; MAX_DIM];
        for (j, axis) in grid.axes().iter().enumerate() {
            place[j] = uniform[MAX_DIM * i + j] * axis.length;
        }
        Sensor { place, channel: i % channels, value: 1.0 + (i as f64).cos(), deviation }
    };
    Arc::new(Points::new((0..count).map(sensor).collect()).unwrap())
}

fn ray(grid: &Grid) -> Arc<dyn Observation> {
    let mut to = [0.0; MAX_DIM];
    grid.axes().iter().enumerate().for_each(|(j, axis)| to[j] = 0.9 * axis.length);
    let ray = Ray { from: [0.0; MAX_DIM], to, channel: 0, value: 0.4, deviation: 0.2 };
    Arc::new(Rays::new(vec![ray]).unwrap())
}

fn some_problems(deviation: f64, end: f64) -> Vec<Problem> {
    let mut problems = Vec::new();
    for boundary in [Boundary::Neumann, Boundary::Periodic, Boundary::Dirichlet] {
        for (points, channels) in [(&[13][..], 1), (&[5, 6], 1), (&[3, 4, 3], 1), (&[9], 2)] {
            let grid = Grid::unit(points, boundary).unwrap();
            let mut parts = vec![sensors(&grid, 3, channels, deviation), ray(&grid)];
            if grid.holds_constants() {
                parts.push(Arc::new(Mean::new(0, 0.7, deviation).unwrap()));
            }
            problems.push(Problem::new(grid, channels, parts, end));
        }
    }
    problems
}

/// Mean and covariance of drawn fields against expected ones, in standard errors.
fn check_draws(fields: &Ensemble, mean: &Array1<f64>, covariance: &Array2<f64>, what: &str) {
    let transform = Transform::new(fields.grid);
    let n = fields.count() as f64;
    let width = mean.len();
    let (mut sums, mut products) = (vec![0.0; width], vec![0.0; width * width]);
    for field in fields.fields() {
        let modes = transform.analyse_channels(field);
        let z: Vec<f64> = modes.iter().zip(mean).map(|(x, m)| x - m).collect();
        for i in 0..width {
            sums[i] += z[i] / n;
            (0..width).for_each(|j| products[i * width + j] += z[i] * z[j] / n);
        }
    }
    // five standard errors, plus rounding where no variance is left
    for i in 0..width {
        let error = 5.0 * (covariance[[i, i]].max(0.0) / n).sqrt() + 1e-5;
        assert!(sums[i].abs() < error, "{what}: mean of mode {i}: {} ± {error}", sums[i]);
        for j in 0..width {
            let (c, both) = (covariance[[i, j]], covariance[[i, i]] * covariance[[j, j]]);
            let error = 5.0 * ((both.max(0.0) + c * c) / n).sqrt() + 1e-5;
            let found = products[i * width + j];
            assert!((found - c).abs() < error, "{what}: {i} {j}: {found} {c} ± {error}");
        }
    }
}
