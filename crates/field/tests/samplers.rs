//! Samplers on Gaussian data with the exact denoiser: orders, constants, laws (test oracles O5,
//! O8).
//!
//! Everything is linear and diagonal, so each mode has a closed form. The probability flow is
//! x_k(s) = a_s m_k + √(S(s)/S(t)) (x_k(t) − a_t m_k) with S = a² c + b² λ, and Euler–Maruyama is a
//! scalar recursion. The difficulty of a mode depends on r = √(c/λ).

use std::sync::Arc;

use karhunen_field::denoiser::{Gaussian, wiener_weight};
use karhunen_field::noise::stream;
use karhunen_field::path::{Path, TimeGrid, VariancePreserving};
use karhunen_field::prior::{self, Bessel};
use karhunen_field::sampler::{Method, Reverse, integrate, start};
use karhunen_field::{Boundary, Ensemble, Field, GaussianLaw, Grid, Mode, Prior, Transform};

/// Standard errors allowed in a random test: 6e-7 a comparison, about 1e-5 for the few of one test.
const SIGMAS: f64 = 5.0;

/// Variances by position along a single axis.
#[derive(Debug)]
struct Table(&'static [f64]);

impl Prior for Table {
    fn eigenvalue(&self, mode: &Mode) -> f64 {
        self.0[mode.position[0]]
    }
}

/// Gaussian data, noise and path with all their closed forms.
struct Problem {
    law: GaussianLaw,
    prior: Arc<dyn Prior>,
    path: Arc<VariancePreserving>,
    oracle: Gaussian,
}

impl Problem {
    fn new(mean: Field, covariance: Arc<dyn Prior>, prior: Arc<dyn Prior>) -> Self {
        let path = Arc::new(VariancePreserving::default());
        let law = GaussianLaw::new(mean, vec![covariance]).unwrap();
        let oracle = Gaussian::new(law.clone(), Arc::clone(&prior), path.clone());
        Self { law, prior, path, oracle }
    }

    /// Three modes with r = 0.5, 2, 10, with noise of different strength and m ≠ 0 in each.
    fn ratios() -> Self {
        let grid = Grid::unit(&[3], Boundary::Neumann).unwrap();
        let mut mean = vec![0.0; 3];
        Transform::new(grid).synthesise(&[0.8, -3.0, 9.0], &mut mean);
        Self::new(
            Field::new(grid, 1, mean).unwrap(),
            Arc::new(Table(&[0.25, 2.0, 25.0])),
            Arc::new(Table(&[1.0, 0.5, 0.25])),
        )
    }

    fn run(&self, method: Method, times: &[f64], x: Ensemble) -> Ensemble {
        let mut reverse = Reverse::new(&*self.path, &*self.prior, &self.law, &self.oracle, 3, 0);
        integrate(&mut *method.build(), &mut reverse, times, x, &mut |_, _| {}).unwrap()
    }

    /// S_k(t).
    fn spread(&self, grid: &Grid, t: f64) -> Vec<f64> {
        let (a, b) = (self.path.signal(t), self.path.noise(t));
        let spectra = self.law.variances(grid).into_iter().zip(self.prior.eigenvalues(grid));
        spectra.map(|(c, lambda)| a * a * c + b * b * lambda).collect()
    }

    /// D at time s after the exact probability flow from `x` at T, as modes of every field.
    fn exact(&self, x: &Ensemble, s: f64) -> Vec<f64> {
        let t = self.path.start();
        let (m, c) = (self.law.mean_modes(&x.grid), self.law.variances(&x.grid));
        let lambda = self.prior.eigenvalues(&x.grid);
        let (before, after) = (self.spread(&x.grid, t), self.spread(&x.grid, s));
        let mut modes = analyse(x);
        for field in modes.chunks_exact_mut(m.len()) {
            for (k, x) in field.iter_mut().enumerate() {
                let flowed = (after[k] / before[k]).sqrt() * (*x - self.path.signal(t) * m[k]);
                let w = wiener_weight(self.path.signal(s), self.path.noise(s), c[k], lambda[k]);
                *x = m[k] + w * flowed;
            }
        }
        modes
    }
}

fn analyse(fields: &Ensemble) -> Vec<f64> {
    let transform = Transform::new(fields.grid);
    fields.fields().flat_map(|f| transform.analyse_channels(f)).collect()
}

/// Largest error of every mode over a batch, relative to the standard deviation of its data.
fn mode_errors(problem: &Problem, method: Method, times: &[f64]) -> Vec<f64> {
    let grid = problem.law.mean().grid;
    let x = start(&problem.law, &*problem.prior, &*problem.path, grid, 1, 0..8);
    let exact = problem.exact(&x, times[times.len() - 1]);
    let got = analyse(&problem.run(method, times, x));
    let deviation: Vec<f64> = problem.law.variances(&grid).iter().map(|c| c.sqrt()).collect();
    let mut worst = vec![0.0_f64; deviation.len()];
    for (got, exact) in got.chunks(worst.len()).zip(exact.chunks(worst.len())) {
        for k in 0..worst.len() {
            worst[k] = worst[k].max((got[k] - exact[k]).abs() / deviation[k]);
        }
    }
    worst
}

/// Compares errors of runs that halve their steps.
fn check_order(problem: &Problem, method: Method, runs: [&[f64]; 3], expected: f64, within: f64) {
    let errors = runs.map(|times| mode_errors(problem, method, times));
    for pair in errors.windows(2) {
        for (k, (coarse, fine)) in pair[0].iter().zip(&pair[1]).enumerate() {
            let order = (coarse / fine).log2();
            let steps = runs[0].len() - 1;
            assert!(
                (order - expected).abs() < within,
                "{method}, {steps} steps, mode {k}: {order:.3}, error {fine:.1e}"
            );
        }
    }
}

#[test]
fn deterministic_samplers_have_order_two_in_every_mode() {
    let problem = Problem::ratios();
    for method in [Method::Heun, Method::DpmSolver2M] {
        for times in [TimeGrid::Quadratic, TimeGrid::LogSnr] {
            let runs = [160, 320, 640].map(|n| times.times(&*problem.path, n));
            check_order(&problem, method, runs.each_ref().map(|times| &times[..]), 2.0, 0.12);
        }
    }
}

/// In λ = ln(a/b) + ln r the error is h³ ∫ g g‴ dλ up to a constant, with g = e^λ/√(1 + e^{2λ}).
/// From noise to data the integral vanishes: whole runs gain an order, halves of runs do not. The
/// last step of a half is not corrected, and its h⁴ is small beside h³ for short steps only.
#[test]
fn unipc_has_order_three_and_gains_one_in_whole_runs() {
    let problem = Problem::ratios();
    for (steps, part, order, within) in [(160, 1, 4.0, 0.3), (2560, 2, 3.0, 0.18)] {
        let runs = [1, 2, 4].map(|n| TimeGrid::LogSnr.times(&*problem.path, n * steps));
        let parts = runs.each_ref().map(|times| &times[..=(times.len() - 1) / part]);
        check_order(&problem, Method::UniPc, parts, order, within);
    }
}

/// Third order pays where there are few evaluations too: 15 and 20 of them.
#[test]
fn unipc_errs_less_than_dpm_solver_at_the_same_cost() {
    let problem = Problem::ratios();
    for (steps, share) in [(14, 0.25), (19, 0.02)] {
        let times = TimeGrid::LogSnr.times(&*problem.path, steps);
        let [second, third] =
            [Method::DpmSolver2M, Method::UniPc].map(|m| mode_errors(&problem, m, &times));
        for (k, (second, third)) in second.into_iter().zip(third).enumerate() {
            assert!(third < share * second, "mode {k}, {steps} steps: {third:.1e}, {second:.1e}");
        }
    }
}

/// A run ends at t_min, not 0. For any number of steps, ½ b²/r² of the deviation is therefore
/// missing.
#[test]
fn the_final_denoising_leaves_half_the_noise_to_signal_ratio() {
    let problem = Problem::ratios();
    let (grid, path) = (problem.law.mean().grid, &*problem.path);
    let x = start(&problem.law, &*problem.prior, path, grid, 1, 0..1);
    let (from, m) = (analyse(&x), problem.law.mean_modes(&grid));
    let times = TimeGrid::LogSnr.times(path, 1500);
    let got = analyse(&problem.run(Method::DpmSolver2M, &times, x));
    let spread = problem.spread(&grid, path.start());
    for (k, (c, lambda)) in [(0.25_f64, 1.0), (2.0, 0.5)].into_iter().enumerate() {
        let data = (c / spread[k]).sqrt() * (from[k] - path.signal(path.start()) * m[k]);
        let missing = 1.0 - (got[k] - m[k]) / data;
        let expected = 0.5 * path.noise(path.end()).powi(2) * lambda / c;
        // the error of the steps is 1e-5 here; r = 0.5 misses 2e-4
        assert!((missing - expected).abs() < 1e-5, "mode {k}: {missing} {expected}");
    }
}

/// H-norm error of one nested field relative to the exact solution.
fn relative_error(problem: &Problem, method: Method, grid: Grid) -> f64 {
    let times = method.default_times().times(&*problem.path, 24);
    let x = start(&problem.law, &*problem.prior, &*problem.path, grid, 1, 0..4);
    let exact = problem.exact(&x, problem.path.end());
    let got = analyse(&problem.run(method, &times, x));
    let norm = |v: &mut dyn Iterator<Item = f64>| v.map(|x| x * x).sum::<f64>().sqrt();
    norm(&mut got.iter().zip(&exact).map(|(g, e)| g - e)) / norm(&mut exact.iter().copied())
}

#[test]
fn constants_do_not_grow_with_the_grid() {
    let families: [&[&[usize]]; 3] = [
        &[&[7], &[14], &[31], &[64], &[257]],
        &[&[5, 6], &[11, 12], &[23, 20], &[45, 50]],
        &[&[3, 4, 5], &[6, 8, 10], &[12, 15, 17]],
    ];
    for boundary in [Boundary::Neumann, Boundary::Periodic] {
        for family in families {
            let dim = family[0].len();
            let coarse = Grid::unit(family[0], boundary).unwrap();
            let mean = (0..coarse.len()).map(|i| 1.0 + (i as f64).sin()).collect();
            // data smoother than noise: r from 2 down to 0 along the spectrum
            let problem = Problem::new(
                Field::new(coarse, 1, mean).unwrap(),
                Arc::new(Bessel::new(dim, 250.0, 30.0, 1.5).unwrap()),
                Arc::new(Bessel::new(dim, 8.0, 8.0, 0.9).unwrap()),
            );
            let grids = || family.iter().map(|n| coarse.with_points(n).unwrap());
            for method in [Method::Heun, Method::DpmSolver2M, Method::UniPc] {
                let errors: Vec<f64> =
                    grids().map(|grid| relative_error(&problem, method, grid)).collect();
                let largest = errors.iter().copied().fold(0.0, f64::max);
                assert!(largest < 1.1 * errors[0] && largest < 0.02, "{boundary} {errors:?}");
            }
            let errors: Vec<f64> = grids().map(|grid| trace_error(&problem, &grid)).collect();
            let largest = errors.iter().copied().fold(0.0, f64::max);
            assert!(largest < 1.2 * errors[0] && largest < 0.02, "{boundary} {errors:?}");
        }
    }
}

/// One mode's mean and variance under Euler–Maruyama, final denoising included.
struct Recursion {
    m: f64,
    c: f64,
    lambda: f64,
}

impl Recursion {
    fn spread(&self, path: &dyn Path, t: f64) -> f64 {
        path.signal(t).powi(2) * self.c + path.noise(t).powi(2) * self.lambda
    }

    /// The step x ← keep · x + shift + √injected ξ.
    fn step(&self, path: &dyn Path, t: f64, s: f64) -> (f64, f64, f64) {
        let (f, g2, h) = (path.drift(t), path.diffusion(t), t - s);
        let pull = g2 * self.lambda / self.spread(path, t);
        (1.0 - (f + pull) * h, pull * path.signal(t) * self.m * h, g2 * h * self.lambda)
    }

    fn weight(&self, path: &dyn Path) -> f64 {
        let t = path.end();
        wiener_weight(path.signal(t), path.noise(t), self.c, self.lambda)
    }

    fn run(&self, path: &dyn Path, times: &[f64], start: (f64, f64)) -> (f64, f64) {
        let (mean, variance) = times.windows(2).fold(start, |(mean, variance), pair| {
            let (keep, shift, injected) = self.step(path, pair[0], pair[1]);
            (keep * mean + shift, keep * keep * variance + injected)
        });
        let w = self.weight(path);
        (self.m + w * (mean - path.signal(path.end()) * self.m), w * w * variance)
    }

    /// Relative error of the variance against the exact reverse equation.
    fn variance_error(&self, path: &dyn Path, n: usize) -> f64 {
        let from = (path.signal(1.0) * self.m, self.spread(path, 1.0));
        let exact = self.weight(path).powi(2) * self.spread(path, path.end());
        self.run(path, &TimeGrid::Uniform.times(path, n), from).1 / exact - 1.0
    }
}

/// Relative error of tr Cov after 200 steps of Euler–Maruyama.
fn trace_error(problem: &Problem, grid: &Grid) -> f64 {
    let path = &*problem.path;
    let times = TimeGrid::Uniform.times(path, 200);
    let (m, c) = (problem.law.mean_modes(grid), problem.law.variances(grid));
    let (mut got, mut exact) = (0.0, 0.0);
    for ((m, c), lambda) in m.into_iter().zip(c).zip(problem.prior.eigenvalues(grid)) {
        let mode = Recursion { m, c, lambda };
        got += mode.run(path, &times, (path.signal(1.0) * m, mode.spread(path, 1.0))).1;
        exact += mode.weight(path).powi(2) * mode.spread(path, path.end());
    }
    (got / exact - 1.0).abs()
}

#[test]
fn euler_maruyama_has_weak_order_one() {
    let path = VariancePreserving::default();
    for r in [0.5, 2.0, 10.0] {
        let mode = Recursion { m: 1.5 * r, c: r * r, lambda: 1.0 };
        for n in [80, 160, 320, 640] {
            let ratio = mode.variance_error(&path, n) / mode.variance_error(&path, 2 * n);
            assert!((ratio.log2() - 1.0).abs() < 0.08, "r = {r}, n = {n}: {}", ratio.log2());
        }
    }
}

#[test]
fn euler_maruyama_is_its_recursion_path_by_path() {
    let problem = Problem::ratios();
    let grid = problem.law.mean().grid;
    let times = TimeGrid::Uniform.times(&*problem.path, 60);
    let x = start(&problem.law, &*problem.prior, &*problem.path, grid, 1, 0..5);
    let reverse =
        Reverse::new(&*problem.path, &*problem.prior, &problem.law, &problem.oracle, 3, 0);
    let mut modes = analyse(&x);
    let spectra = (problem.law.mean_modes(&grid), problem.law.variances(&grid));
    let lambda = problem.prior.eigenvalues(&grid);
    let mode = |k: usize| Recursion { m: spectra.0[k], c: spectra.1[k], lambda: lambda[k] };
    for (step, pair) in times.windows(2).enumerate() {
        let noise = analyse(&reverse.noise(&x, step));
        for (i, (x, eta)) in modes.iter_mut().zip(noise).enumerate() {
            let (keep, shift, injected) = mode(i % 3).step(&*problem.path, pair[0], pair[1]);
            *x = keep * *x + shift + (injected / lambda[i % 3]).sqrt() * eta;
        }
    }
    let got = analyse(&problem.run(Method::EulerMaruyama, &times, x));
    for (i, (got, x)) in got.iter().zip(modes).enumerate() {
        let mode = mode(i % 3);
        let a = problem.path.signal(problem.path.end());
        let expected = mode.m + mode.weight(&*problem.path) * (x - a * mode.m);
        assert!((got - expected).abs() < 1e-9 * (1.0 + expected.abs()), "{got} {expected}");
    }
}

#[test]
fn euler_maruyama_samples_have_the_recursions_moments() {
    let problem = Problem::ratios();
    let grid = problem.law.mean().grid;
    let n = 10_000;
    let times = TimeGrid::Uniform.times(&*problem.path, 40);
    let x = start(&problem.law, &*problem.prior, &*problem.path, grid, 3, 0..n);
    let modes = analyse(&problem.run(Method::EulerMaruyama, &times, x));
    for k in 0..3 {
        let mode = Recursion {
            m: problem.law.mean_modes(&grid)[k],
            c: problem.law.variances(&grid)[k],
            lambda: problem.prior.eigenvalues(&grid)[k],
        };
        let from = (problem.path.signal(1.0) * mode.m, mode.spread(&*problem.path, 1.0));
        let (mean, variance) = mode.run(&*problem.path, &times, from);
        let of = |f: &dyn Fn(f64) -> f64| {
            modes.iter().skip(k).step_by(3).map(|&x| f(x)).sum::<f64>() / n as f64
        };
        let got = of(&|x| x);
        assert!((got - mean).abs() < SIGMAS * (variance / n as f64).sqrt(), "{got} {mean}");
        let got = of(&|x| (x - mean).powi(2));
        assert!((got / variance - 1.0).abs() < SIGMAS * (2.0 / n as f64).sqrt(), "{got}");
    }
}

/// O8: replacing the law at T by N(0, Q) makes a small error there and a large one at t = 0.
#[test]
fn a_wrong_start_is_amplified_by_the_ratio() {
    let grid = Grid::unit(&[3], Boundary::Neumann).unwrap();
    let problem = Problem::new(
        Field::zeros(grid, 1),
        Arc::new(Table(&[1.0, 1e4, 1e6])),
        Arc::new(Table(&[1.0, 1.0, 1.0])),
    );
    let path = &*problem.path;
    let (a, b) = (path.signal(1.0), path.noise(1.0));
    let c = problem.law.variances(&grid);

    let spread = problem.spread(&grid, 1.0);
    let distance: f64 = spread.iter().map(|s| (s.sqrt() - 1.0).powi(2)).sum();
    let bound = a * a * c.iter().sum::<f64>() + (1.0 - b).powi(2) * 3.0;
    assert!(distance <= bound, "W₂² = {distance}, bound {bound}");

    let wrong = prior::sample(&*problem.prior, grid, 1, 3, 0..1, stream::START);
    let xi = analyse(&wrong);
    let times = TimeGrid::LogSnr.times(path, 600);
    let got = analyse(&problem.run(Method::DpmSolver2M, &times, wrong));
    // exact flow from N(0, Q): 1/√(a² r² + b²) of the true standard deviation
    for ((got, xi), (c, expected)) in got.iter().zip(&xi).zip(c.iter().zip([1.0, 0.836, 0.150])) {
        let ratio = got / (xi * c.sqrt());
        assert!((ratio - expected).abs() < 1e-3, "r = {}: {ratio}", c.sqrt());
        assert!((ratio - 1.0 / (a * a * c + b * b).sqrt()).abs() < 1e-4);
    }
    // r = 100: W₂ = 0.66 at T at most, 16 at t = 0
    assert!((100.0 * (1.0 - got[1] / (xi[1] * 100.0)) - 16.4).abs() < 0.1);

    for (r, from_prior, from_law) in [(100.0, 0.907, 0.950), (1000.0, 0.199, 0.944)] {
        let mode = Recursion { m: 0.0, c: r * r, lambda: 1.0 };
        let times = TimeGrid::Uniform.times(path, 200);
        let deviation = |variance: f64| mode.run(path, &times, (0.0, variance)).1.sqrt() / r;
        assert!((deviation(1.0) - from_prior).abs() < 2e-3, "{}", deviation(1.0));
        let right = deviation(mode.spread(path, 1.0));
        assert!((right - from_law).abs() < 2e-3, "{right}");
    }
}
