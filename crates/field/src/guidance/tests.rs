//! Oracle O11: on Gaussian data everything equals simple kriging, in mean and covariance.

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
        // units in which nothing is 1
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

    /// Mean and covariance of N(mean, covariance) given y, by the textbook's formula.
    fn kriging(&self, grid: &Grid, mean: &[f64], covariance: &Array2<f64>) -> (Array1<f64>, Array2<f64>) {
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

/// D_y is the mean of X₀ given X_t and y, whatever x, t, box and noise.
#[test]
fn the_guided_denoiser_is_the_conditional_mean() {
    for deviation in [0.0, 0.3] {
        for problem in some_problems(deviation, 1e-3) {
            let grid = problem.grid;
            let transform = Transform::new(grid);
            let width = problem.law.channels() * grid.mode_count();
            let modes = ModeNoise::new(4).plain_normals(width, 0, stream::METRICS);
            let x = transform.synthesise_channels(&modes);
            let x = Ensemble::new(grid, problem.law.channels(), x).unwrap();
            for t in [1.0, 0.5, 0.1, 1e-3] {
                let mut reverse = problem.reverse(0);
                let alone = reverse.denoise_alone(&x, t).unwrap();
                let found = reverse.denoise(&x, t).unwrap();
                let (a2, b2) = (problem.path.signal(t).powi(2), problem.path.noise(t).powi(2));
                let lambda = problem.prior.eigenvalues(&grid).repeat(problem.law.channels());
                let c = problem.law.variances(&grid);
                let v = c.iter().zip(&lambda).map(|(c, l)| c * b2 * l / (a2 * c + b2 * l));
                let v = Array2::from_diag(&Array1::from_iter(v));
                let alone = transform.analyse_channels(&alone.values);
                let (expected, _) = problem.kriging(&grid, &alone, &v);
                let found = transform.analyse_channels(&found.values);
                for (found, expected) in found.iter().zip(&expected) {
                    assert!((found - expected).abs() < 1e-8, "{grid:?} {t}: {found} {expected}");
                }
            }
        }
    }
}

/// The map of the probability flow is affine: its action on basis fields gives mean and covariance of
/// what it samples exactly. Both are kriging's to 1e-6 of the data's variance.
#[test]
fn the_flow_samples_what_kriging_says() {
    for method in [Method::WienerExponential, Method::DpmSolver2M] {
        for deviation in [0.0, 0.3] {
            // b² is a millionth of a millionth at the end, so that the last denoising loses nothing
            for problem in some_problems(deviation, 1e-11).into_iter().step_by(5) {
                let (grid, channels) = (problem.grid, problem.law.channels());
                let transform = Transform::new(grid);
                let width = channels * grid.mode_count();
                let mut values = vec![0.0; channels * grid.len()];
                for k in 0..width {
                    let mut unit = vec![0.0; width];
                    unit[k] = 1.0;
                    values.extend(transform.synthesise_channels(&unit));
                }
                let x = Ensemble::new(grid, channels, values).unwrap();
                let times = TimeGrid::LogSnr.times(&*problem.path, 6000);
                let mut reverse = problem.reverse(0);
                let sampler = &mut *method.build();
                let end = integrate(sampler, &mut reverse, &times, x, &mut |_, _| {}).unwrap();
                let ends: Vec<Array1<f64>> =
                    end.fields().map(|f| Array1::from(transform.analyse_channels(f))).collect();
                let mut map = Array2::zeros((width, width));
                for k in 0..width {
                    map.column_mut(k).assign(&(&ends[k + 1] - &ends[0]));
                }
                let (mean, covariance) = problem.prior_kriging(&grid);
                let t = problem.path.start();
                let (a, b) = (problem.path.signal(t), problem.path.noise(t));
                let q = problem.prior.eigenvalues(&grid).repeat(channels);
                let start = &covariance * (a * a) + Array2::from_diag(&(Array1::from(q) * (b * b)));
                let found = map.dot(&start).dot(&map.t());
                let found_mean = map.dot(&(&mean * a)) + &ends[0];
                let worst = |d: &mut dyn Iterator<Item = f64>| d.map(f64::abs).fold(0.0, f64::max);
                let mean_error = worst(&mut (&found_mean - &mean).into_iter());
                let error = worst(&mut (&found - &covariance).into_iter());
                let what = format!("{method} {grid:?} {deviation}");
                assert!(mean_error < 1e-6 && error < 1e-6, "{what}: {mean_error:.1e} {error:.1e}");
            }
        }
    }
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
    // five standard errors and rounding where nothing is left to vary
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

/// X_T given y, and what ancestral sampling makes of it in one, two and five steps.
#[test]
fn ancestral_sampling_is_exact_in_any_number_of_steps() {
    for deviation in [0.0, 0.3] {
        for problem in some_problems(deviation, 1e-11).into_iter().step_by(3) {
            let grid = problem.grid;
            let (mean, covariance) = problem.prior_kriging(&grid);
            let t = problem.path.start();
            let (a, b) = (problem.path.signal(t), problem.path.noise(t));
            let x = problem.conditioning.start(grid, 3, 0..6000).unwrap();
            let q = problem.prior.eigenvalues(&grid).repeat(problem.law.channels());
            let start = &covariance * (a * a) + Array2::from_diag(&(Array1::from(q) * (b * b)));
            check_draws(&x, &(&mean * a), &start, &format!("start {grid:?}"));
            for steps in [1, 2, 5] {
                let times = TimeGrid::LogSnr.times(&*problem.path, steps);
                let mut sampler = Method::WienerAncestral.build();
                let mut reverse = problem.reverse(3);
                let end =
                    integrate(&mut *sampler, &mut reverse, &times, x.clone(), &mut |_, _| {}).unwrap();
                check_draws(&end, &mean, &covariance, &format!("{steps} steps {grid:?} {deviation}"));
            }
        }
    }
}

/// A run that begins on a coarse grid has kriging's law on the fine one.
#[test]
fn refining_keeps_the_law() {
    let grid = Grid::unit(&[12], Boundary::Neumann).unwrap();
    let coarse = grid.with_points(&[6]).unwrap();
    let problem = Problem::new(grid, 1, vec![sensors(&grid, 3, 1, 0.2), ray(&grid)], 1e-11);
    let (mean, covariance) = problem.prior_kriging(&grid);
    let times = TimeGrid::LogSnr.times(&*problem.path, 8);
    let refinement = Refinement { time: times[3], grid };
    let x = problem.conditioning.start(coarse, 5, 0..8000).unwrap();
    let mut sampler = Method::WienerAncestral.build();
    let mut reverse = problem.reverse(5);
    let end = integrate_refining(
        &mut *sampler,
        &mut reverse,
        &times,
        &[refinement],
        x,
        &mut |_, _| {},
    )
    .unwrap();
    check_draws(&end, &mean, &covariance, "refined");
}

/// Thousands of observations go through conjugate gradients: the same answer as by a factor.
#[test]
fn many_observations_are_solved_iteratively() {
    let grid = Grid::unit(&[60, 60], Boundary::Neumann).unwrap();
    let mut field = law(grid, 1).sample(grid, 9, 0..1, stream::START);
    field.values.iter_mut().step_by(11).for_each(|v| *v = f64::NAN);
    let part: Arc<dyn Observation> = Arc::new(Mask::new(&field, 0, 0.1).unwrap());
    assert!(part.values().len() > system::FACTORISED);
    let problem = Problem::new(grid, 1, vec![part], 1e-3);
    let x = problem.law.sample(grid, 2, 0..1, stream::START);
    let guided = problem.reverse(0).denoise(&x, 0.4).unwrap();
    let transform = Transform::new(grid);
    let alone = problem.reverse(0).denoise_alone(&x, 0.4).unwrap();
    let modes = transform.analyse_channels(&guided.values);
    let before = transform.analyse_channels(&alone.values);
    // (D_y − D) = V A* R⁻¹ (y − A D_y): the normal equations
    let system = problem.conditioning.system(&grid, 0.4);
    let stack = problem.conditioning.observations().on(&grid).unwrap();
    let seen = stack.apply(&modes);
    let weights: Vec<f64> = (stack.targets().iter().zip(&seen).zip(stack.variances()))
        .map(|((y, seen), r)| (y - seen) / r)
        .collect();
    let pull = stack.adjoint(&weights);
    for k in 0..modes.len() {
        let (found, expected) = (modes[k] - before[k], system.variances[k] * pull[k]);
        // the residual is solved to 1e-9, and 1/R magnifies it
        assert!((found - expected).abs() < 2e-5, "{k}: {found} {expected}");
    }
}

/// The same seed on a finer grid: nearer and nearer the finer both are.
#[test]
fn one_seed_stays_one_function() {
    let run = |points: usize| {
        let grid = Grid::unit(&[points], Boundary::Neumann).unwrap();
        let base = Grid::unit(&[12], Boundary::Neumann).unwrap();
        let path: Arc<dyn Path> = Arc::new(VariancePreserving::default());
        let prior: Arc<dyn Prior> = Arc::new(Bessel::new(1, 6.0, 8.0, 0.9).unwrap());
        let law = law(base, 1);
        let oracle = Gaussian::new(law.clone(), Arc::clone(&prior), Arc::clone(&path));
        let parts = vec![sensors(&grid, 4, 1, 0.0)];
        let observations = Observations::plain(parts, 1).unwrap();
        let (p, q) = (Arc::clone(&path), Arc::clone(&prior));
        let conditioning = Conditioning::new(p, q, law.clone(), observations, grid).unwrap();
        let mut reverse = Reverse::new(&*path, &*prior, &law, &oracle, 1, 0);
        reverse.guidance = Some(&conditioning);
        let x = conditioning.start(grid, 1, 0..4).unwrap();
        let times = TimeGrid::LogSnr.times(&*path, 20);
        let mut sampler = Method::WienerAncestral.build();
        integrate(&mut *sampler, &mut reverse, &times, x, &mut |_, _| {}).unwrap()
    };
    let apart = |coarse: usize| {
        let (low, high) = (run(coarse), run(2 * coarse));
        let restricted = crate::resample::spectral(&high, low.grid).unwrap();
        let square: f64 = low.values.iter().zip(&restricted.values).map(|(a, b)| (a - b).powi(2)).sum();
        (square / low.values.iter().map(|v| v * v).sum::<f64>()).sqrt()
    };
    let distances = [16, 32, 64, 128].map(apart);
    assert!(distances[3] < 2e-3, "{distances:?}");
    assert!(distances.windows(2).all(|w| w[1] < 0.5 * w[0]), "{distances:?}");
}

/// A coarse field is a diagonal matrix of modes; batches do not matter.
#[test]
fn a_coarse_field_is_met_and_batches_do_not_matter() {
    let grid = Grid::unit(&[16, 12], Boundary::Neumann).unwrap();
    let coarse = grid.with_points(&[4, 3]).unwrap();
    let seen = Ensemble::new(coarse, 1, (0..12).map(|i| (i as f64).sin()).collect()).unwrap();
    let part: Arc<dyn Observation> = Arc::new(Coarse::spectral(&seen, 0, 0.0).unwrap());
    let problem = Problem::new(grid, 1, vec![part], 1e-3);
    let x = problem.conditioning.start(grid, 1, 0..3).unwrap();
    let guided = problem.reverse(0).denoise(&x, 0.5).unwrap();
    for (i, field) in guided.fields().enumerate() {
        let one = problem.reverse(0).denoise(&x.slice(i..i + 1), 0.5).unwrap();
        assert_eq!(one.values, field);
        let modes = Transform::new(grid).analyse_channels(field);
        let residual = &problem.conditioning.observations().residuals(&grid, &modes).unwrap()[0];
        assert!(residual.exact < 1e-12 && residual.relative.is_nan(), "{residual:?}");
    }
}

/// Sensors so near one another that one is the other's copy are found, errors make them none.
#[test]
fn redundant_observations_are_found() {
    let grid = Grid::unit(&[8], Boundary::Neumann).unwrap();
    let part = |deviation: f64| -> Arc<dyn Observation> {
        let sensor = |x: f64| Sensor { place: [x, 0.0, 0.0], channel: 0, value: x, deviation };
        let places = [0.1, 0.3, 0.3 + 1e-9, 0.8];
        Arc::new(Points::new(places.map(sensor).to_vec()).unwrap())
    };
    assert_eq!(Problem::new(grid, 1, vec![part(0.0)], 1e-3).conditioning.redundant(), [2]);
    assert!(Problem::new(grid, 1, vec![part(0.1)], 1e-3).conditioning.redundant().is_empty());
    let many = sensors(&grid, 10, 1, 0.0);
    let found = Problem::new(grid, 1, vec![many], 1e-3).conditioning.redundant();
    assert_eq!(found, [8, 9]);
}

/// golden/kriging.py: simple kriging by GSTools, at places that feel no wall, on grids that hold all but a
/// millionth of the variance.
#[test]
fn gstools_krige_the_same() {
    #[derive(serde::Deserialize)]
    struct Case {
        deviation: f64,
        places: Vec<Vec<f64>>,
        values: Vec<f64>,
        targets: Vec<Vec<f64>>,
        mean: Vec<f64>,
        variance: Vec<f64>,
    }
    #[derive(serde::Deserialize)]
    struct Golden {
        smoothness: f64,
        variance: f64,
        length: f64,
        mean: f64,
        cases: Vec<Case>,
    }
    let text = include_str!("../../../../golden/kriging.json");
    let golden: Golden = serde_json::from_str(text).unwrap();
    let covariance: Arc<dyn Prior> =
        Arc::new(Matern::new(golden.variance, golden.length, golden.smoothness).unwrap());
    for case in golden.cases {
        let padded = |x: &Vec<f64>| std::array::from_fn(|j| x.get(j).copied().unwrap_or(0.0));
        let sensor = |(x, value): (&Vec<f64>, &f64)| Sensor {
            place: padded(x),
            channel: 0,
            value: *value,
            deviation: case.deviation,
        };
        let sensors = case.places.iter().zip(&case.values).map(sensor).collect();
        let points = if case.places[0].len() == 1 { vec![512] } else { vec![128, 128] };
        let grid = Grid::unit(&points, Boundary::Neumann).unwrap();
        let mean = Field { grid, channels: 1, values: vec![golden.mean; grid.len()] };
        let law = GaussianLaw::new(mean, vec![Arc::clone(&covariance)]).unwrap();
        let path: Arc<dyn Path> = Arc::new(VariancePreserving::default());
        let parts: Vec<Arc<dyn Observation>> = vec![Arc::new(Points::new(sensors).unwrap())];
        let observations = Observations::plain(parts, 1).unwrap();
        let q = Arc::clone(&covariance);
        let conditioning = Conditioning::new(path, q, law, observations, grid).unwrap();
        let (on, stack) = (conditioning.on(&grid), conditioning.observations().on(&grid).unwrap());
        let (system, means) = (conditioning.prior_system(), &on.means[0]);
        let pull = conditioning.pull(&system, means, means, None).unwrap();
        let posterior: Vec<f64> =
            (0..means.len()).map(|k| means[k] + system.variances[k] * pull[k]).collect();
        for (i, x) in case.targets.iter().enumerate() {
            let mut target = sensor((x, &0.0));
            target.deviation = 0.0;
            let at = Points::new(vec![target]).unwrap().on(&grid, 1).unwrap();
            let found = at.apply(&posterior)[0];
            assert!((found - case.mean[i]).abs() < 1e-6, "{found} {}", case.mean[i]);
            // Var(u(x) | y) = ⟨c, row²⟩ − kᵀ S⁻¹ k
            let row: Vec<f64> =
                at.adjoint(&[1.0]).iter().zip(&system.variances).map(|(a, c)| a * c).collect();
            let across = stack.apply(&row);
            let own = at.apply(&row)[0];
            let solved = system.solve(&stack, &across).unwrap();
            let found = own - crate::observation::dot(&across, &solved);
            assert!((found - case.variance[i]).abs() < 1e-6, "{found} {}", case.variance[i]);
        }
    }
}

/// Moment matching is the same on Gaussian data, by one iteration.
#[test]
fn moment_matching_is_exact_on_gaussian_data() {
    for problem in some_problems(0.3, 1e-3) {
        let grid = problem.grid;
        let x = problem.law.sample(grid, 4, 0..2, stream::START);
        for t in [0.9, 0.3] {
            let expected = problem.reverse(0).denoise(&x, t).unwrap();
            let mut reverse = problem.reverse(0);
            let second = MomentMatching { conditioning: &problem.conditioning, iterations: 1 };
            reverse.guidance = Some(&second);
            let found = reverse.denoise(&x, t).unwrap();
            let error = found.values.iter().zip(&expected.values).map(|(a, b)| (a - b).abs());
            assert!(error.fold(0.0, f64::max) < 1e-7, "{grid:?} {t}");
        }
    }
}

/// Weights are equal on Gaussian data, so every particle counts, and what is chosen is kriging's.
#[test]
fn particles_change_nothing_on_gaussian_data() {
    let grid = Grid::unit(&[5, 4], Boundary::Periodic).unwrap();
    let problem = Problem::new(grid, 1, vec![sensors(&grid, 3, 1, 0.3), ray(&grid)], 1e-11);
    let (mean, covariance) = problem.prior_kriging(&grid);
    let times = TimeGrid::LogSnr.times(&*problem.path, 3);
    let mut reverse = problem.reverse(6);
    let given = &problem.conditioning;
    let chosen =
        choose(&mut reverse, given, &times, grid, (0..4000, 3), &mut |_, _| {}).unwrap();
    assert!(chosen.effective.iter().chain(&chosen.smallest).all(|e| (e - 3.0).abs() < 1e-6));
    check_draws(&chosen.fields, &mean, &covariance, "particles");
}

/// Conditional simulation is kriging's law.
#[test]
fn the_surrogate_is_kriging() {
    for problem in some_problems(0.2, 1e-3).into_iter().step_by(5) {
        let (mean, covariance) = problem.prior_kriging(&problem.grid);
        let fields = problem.conditioning.surrogate(2, 0..6000).unwrap();
        check_draws(&fields, &mean, &covariance, "surrogate");
    }
}

/// The mixture's transposed derivative against differences of D.
#[test]
fn pullbacks_are_transposed_derivatives() {
    use crate::denoiser::Mixture;
    let grid = Grid::unit(&[5, 4], Boundary::Neumann).unwrap();
    let field = |i: u64| {
        let values = ModeNoise::new(i).plain_normals(grid.len(), 0, stream::METRICS);
        Field::new(grid, 1, values).unwrap()
    };
    let covariance: Arc<dyn Prior> = Arc::new(Matern::new(1.3, 0.3, 1.5).unwrap());
    let prior: Arc<dyn Prior> = Arc::new(Bessel::new(2, 6.0, 8.0, 0.9).unwrap());
    let path: Arc<dyn Path> = Arc::new(VariancePreserving::default());
    let components = vec![(0.5, field(1)), (0.3, field(2)), (0.2, field(3))];
    let (p, q) = (Arc::clone(&path), Arc::clone(&prior));
    let mixture = Mixture::new(components, covariance, q, p).unwrap();
    let x = mixture.sample(grid, 1, 0..1, stream::START);
    let ensemble = |f: Field| Ensemble::new(grid, 1, f.values).unwrap();
    let (h, w) = (ensemble(field(4)), ensemble(field(5)));
    for t in [0.7, 0.3] {
        let moved = |by: f64| {
            let mut x = x.clone();
            x.values.iter_mut().zip(&h.values).for_each(|(x, h)| *x += by * h);
            mixture.denoise(&x, t).unwrap()
        };
        let (ahead, behind) = (moved(1e-5), moved(-1e-5));
        let pairs = ahead.values.iter().zip(&behind.values).zip(&w.values);
        let left: f64 = pairs.map(|((a, b), w)| (a - b) / 2e-5 * w).sum();
        let back = mixture.pullback(&x, t, &w).unwrap().unwrap();
        let right = crate::observation::dot(&back.values, &h.values);
        assert!((left - right).abs() < 1e-6 * left.abs().max(1.0), "{t}: {left} {right}");
    }
}
