//! Errors of a finite grid and of an imperfect score, in Wasserstein distance (test oracles O7,
//! O12).
//!
//! All laws here are Gaussian and diagonal in one basis, so W₂² = Σ_k (√v_k − √w_k)² + (m_k −
//! n_k)². No transport problem has to be solved.

use std::sync::Arc;

use karhunen_field::denoiser::{Denoiser, Gaussian};
use karhunen_field::path::{Path, TimeGrid, VariancePreserving};
use karhunen_field::prior::Bessel;
use karhunen_field::resample::spectral;
use karhunen_field::sampler::{Method, Reverse, WienerExponential, integrate, start};
use karhunen_field::{Boundary, Ensemble, Field, FieldError, GaussianLaw, Grid, Prior, Transform};

/// Families of grids of one box; the last grid of each stands for the continuum.
fn families() -> Vec<Vec<Grid>> {
    let families: [&[&[usize]]; 3] = [
        &[&[7], &[14], &[31], &[64], &[2048]],
        &[&[5, 6], &[11, 12], &[23, 20], &[91, 95]],
        &[&[3, 4, 5], &[6, 8, 10], &[12, 15, 17], &[25, 27, 29]],
    ];
    let mut all = Vec::new();
    for boundary in [Boundary::Neumann, Boundary::Periodic, Boundary::Dirichlet] {
        for family in families {
            let coarse = Grid::unit(family[0], boundary).unwrap();
            all.push(family.iter().map(|n| coarse.with_points(n).unwrap()).collect());
        }
    }
    all
}

fn laws(dim: usize, grid: Grid) -> (GaussianLaw, Bessel) {
    let mean = Field::new(grid, 1, (0..grid.len()).map(|i| (i as f64).sin()).collect()).unwrap();
    let c: Arc<dyn Prior> = Arc::new(Bessel::new(dim, 60.0, 20.0, 1.1).unwrap());
    (GaussianLaw::new(mean, vec![c]).unwrap(), Bessel::new(dim, 8.0, 8.0, 0.85).unwrap())
}

/// Σ over the modes of `fine` that `coarse` does not hold of `value(c_k, λ_k, m_k)`.
fn beyond(
    law: &GaussianLaw,
    prior: &dyn Prior,
    coarse: &Grid,
    fine: &Grid,
    value: impl Fn(f64, f64, f64) -> f64,
) -> f64 {
    let shape = coarse.mode_shape();
    let (c, lambda, m) = (law.variances(fine), prior.eigenvalues(fine), law.mean_modes(fine));
    fine.modes()
        .enumerate()
        .filter(|(_, mode)| shape.iter().zip(mode.position).any(|(n, p)| p >= *n))
        .map(|(k, _)| value(c[k], lambda[k], m[k]))
        .sum()
}

/// O7: the law of X_t on an N-grid against that on a fine grid. They agree in the modes they share.
/// W₂² is therefore the part that the grid lacks, a² E‖(I − P_N) X₀‖² + b² Σ_{k∉N} λ_k. It falls
/// like the slower of both tails: N^{d − 4p} with p = 0.85 of the noise.
#[test]
fn truncation_costs_what_the_grid_cannot_hold() {
    let path = VariancePreserving::default();
    for family in families() {
        let dim = family[0].dim();
        let finest = family[family.len() - 1];
        let (law, q) = laws(dim, family[0]);
        for t in [1e-3, 0.3, 1.0] {
            let (a, b) = (path.signal(t), path.noise(t));
            let mut distances = Vec::new();
            for grid in &family[..family.len() - 1] {
                let spectrum = |g: &Grid| -> Vec<f64> {
                    let spectra = law.variances(g).into_iter().zip(q.eigenvalues(g));
                    spectra.map(|(c, l)| (a * a * c + b * b * l).sqrt()).collect()
                };
                // embedded in the finest grid's functions: absent modes have law δ_0
                let mut embedded = vec![0.0; finest.mode_count()];
                karhunen_field::resample::copy_modes(grid, &spectrum(grid), &finest, &mut embedded);
                let mut shift = vec![0.0; finest.mode_count()];
                let m = law.mean_modes(grid);
                karhunen_field::resample::copy_modes(grid, &m, &finest, &mut shift);
                let w2: f64 = spectrum(&finest)
                    .iter()
                    .zip(&embedded)
                    .zip(law.mean_modes(&finest).iter().zip(&shift))
                    .map(|((x, y), (m, n))| (x - y).powi(2) + (a * (m - n)).powi(2))
                    .sum();
                let bound = beyond(&law, &q, grid, &finest, |c, lambda, m| {
                    a * a * (c + m * m) + b * b * lambda
                });
                assert!((w2 - bound).abs() <= 1e-9 * bound, "{grid:?} t = {t}: {w2} {bound}");
                distances.push(w2);
            }
            assert!(distances.windows(2).all(|w| w[1] < w[0]), "{distances:?}");
        }
    }
}

/// The rate of O7 on lines, where the continuum is close: 2048 cells against N.
#[test]
fn truncation_falls_with_the_power_of_the_noise() {
    let finest = Grid::unit(&[4096], Boundary::Neumann).unwrap();
    let (law, q) = laws(1, Grid::unit(&[4], Boundary::Neumann).unwrap());
    let cut = |n: usize| {
        let grid = finest.with_points(&[n]).unwrap();
        beyond(&law, &q, &grid, &finest, |_, lambda, _| lambda)
    };
    let slope = (cut(32) / cut(128)).log2() / 2.0;
    // d − 4p = 1 − 3.4
    assert!((slope - 2.4).abs() < 0.05, "{slope}");
}

/// The same for whole runs. Samples on N cells are the restriction of fine ones, so their distance
/// is exactly that of the truncated data.
#[test]
fn coarse_samples_miss_only_fine_modes() {
    for family in families() {
        let (coarse, fine) = (family[0], family[1]);
        let (law, q) = laws(coarse.dim(), coarse);
        let path = Arc::new(VariancePreserving::default());
        let oracle = Gaussian::new(law.clone(), Arc::new(q), path.clone());
        let times = TimeGrid::LogSnr.times(&*path, 5);
        let run = |grid: Grid| {
            let mut reverse = Reverse::new(&*path, &q, &law, &oracle, 1, 0);
            let x = start(&law, &q, &*path, grid, 1, 0..200);
            let mut sampler = WienerExponential::default();
            integrate(&mut sampler, &mut reverse, &times, x, &mut |_, _| {}).unwrap()
        };
        let (on_fine, on_coarse) = (run(fine), run(coarse));
        let embedded = spectral(&on_coarse, fine).unwrap();
        let norm = |x: &Ensemble, y: &Ensemble| {
            let squares = x.values.iter().zip(&y.values).map(|(a, b)| (a - b).powi(2));
            squares.sum::<f64>() / (x.count() * x.grid.len()) as f64
        };
        // the coupling by seeds is optimal, so the mean square is W₂² up to sampling error
        let expected = beyond(&law, &q, &coarse, &fine, |c, lambda, _| {
            let (a2, b2) = (path.signal(path.end()).powi(2), path.noise(path.end()).powi(2));
            a2 * c * c / (a2 * c + b2 * lambda)
        });
        let ratio = norm(&on_fine, &embedded) / expected;
        // at least dozens of modes and 200 fields: for one mode alone the standard error is below
        // √(2/200) = 0.1; five of them are allowed for 9 grids
        assert!((ratio - 1.0).abs() < 0.5, "{coarse:?}: {ratio}");
    }
}

/// A denoiser whose *score* has an error of ε times a fixed field, in the direction of the noise.
struct Perturbed<'a> {
    exact: &'a Gaussian,
    path: &'a dyn Path,
    direction: &'a [f64],
    epsilon: f64,
}

impl Denoiser for Perturbed<'_> {
    fn denoise(&self, x: &Ensemble, t: f64) -> Result<Ensemble, FieldError> {
        let mut out = self.exact.denoise(x, t)?;
        // Q∇log p = (a D − x)/b²: D changes by b²/a times the change of the score
        let gain = self.epsilon * self.path.noise(t).powi(2) / self.path.signal(t);
        for field in out.values.chunks_exact_mut(self.direction.len()) {
            field.iter_mut().zip(self.direction).for_each(|(d, e)| *d += gain * e);
        }
        Ok(out)
    }
}

/// O12: an error ε of the score shifts samples in proportion, equally on every grid.
#[test]
fn errors_of_the_score_act_in_proportion() {
    for family in families() {
        let mut constants = Vec::new();
        for grid in &family[..3] {
            let (law, q) = laws(grid.dim(), family[0]);
            let path = Arc::new(VariancePreserving::default());
            let oracle = Gaussian::new(law.clone(), Arc::new(q), path.clone());
            let mut modes = vec![0.0; grid.mode_count()];
            let low: Vec<f64> = (0..family[0].mode_count()).map(|k| (k as f64).cos()).collect();
            karhunen_field::resample::copy_modes(&family[0], &low, grid, &mut modes);
            let direction = Transform::new(*grid).synthesise_channels(&modes);
            let run = |epsilon: f64| {
                let denoiser =
                    Perturbed { exact: &oracle, path: &*path, direction: &direction, epsilon };
                let times = Method::DpmSolver2M.default_times().times(&*path, 30);
                let mut reverse = Reverse::new(&*path, &q, &law, &denoiser, 1, 0);
                let x = start(&law, &q, &*path, *grid, 1, 0..2);
                let mut sampler = Method::DpmSolver2M.build();
                integrate(&mut *sampler, &mut reverse, &times, x, &mut |_, _| {}).unwrap()
            };
            let exact = run(0.0);
            // all fields are shifted equally: W₂ is the norm of the shift
            let moved = |epsilon: f64| {
                let off = run(epsilon);
                let squares = off.values.iter().zip(&exact.values).map(|(a, b)| (a - b).powi(2));
                (squares.sum::<f64>() / off.values.len() as f64).sqrt()
            };
            let (small, large) = (moved(1e-3), moved(1e-1));
            assert!((large / small / 100.0 - 1.0).abs() < 1e-6, "{grid:?}: {small} {large}");
            constants.push(small);
        }
        let spread = constants.iter().map(|c| (c / constants[0] - 1.0).abs()).fold(0.0, f64::max);
        assert!(spread < 1e-6, "{constants:?}");
    }
}
