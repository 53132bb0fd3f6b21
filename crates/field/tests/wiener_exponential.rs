//! The Wiener-exponential sampler: exact on Gaussian data, of order 2 elsewhere (test oracle O5).

use std::sync::Arc;

use karhunen_field::denoiser::{Denoiser, Gaussian, Mixture, wiener_weight};
use karhunen_field::noise::stream;
use karhunen_field::path::{Cosine, Flow, Path, TimeGrid, VarianceExploding, VariancePreserving};
use karhunen_field::prior::{self, Bessel, Standard};
use karhunen_field::sampler::{
    DpmSolver2M, Heun, Reverse, Sampler, WienerExponential, integrate, start,
};
use karhunen_field::{Axis, Boundary, Ensemble, Field, GaussianLaw, Grid, Mode, Prior, Transform};

/// Tolerance for exact results. Steps are closed forms, so only the rounding of some hundred steps
/// remains, amplified by at most r = 100.
const EXACT: f64 = 1e-9;

/// λ_k of another prior, times r² and a slow oscillation in k, so that r differs between modes.
#[derive(Debug)]
struct Stronger(Bessel, f64);

impl Prior for Stronger {
    fn eigenvalue(&self, mode: &Mode) -> f64 {
        let wave: i32 = mode.pair_wave().iter().sum();
        self.1.powi(2) * (1.0 + 0.5 * f64::from(wave).sin()) * self.0.eigenvalue(mode)
    }
}

/// No variance in any mode: a law of which only the mean is known.
#[derive(Debug)]
struct Nothing;

impl Prior for Nothing {
    fn eigenvalue(&self, _: &Mode) -> f64 {
        0.0
    }
}

fn paths() -> Vec<Arc<dyn Path>> {
    vec![
        Arc::new(VariancePreserving::default()),
        Arc::new(Cosine::default()),
        Arc::new(VarianceExploding::default()),
        Arc::new(Flow::default()),
    ]
}

/// Prime, odd, even, non-square; every boundary condition and a mix.
fn grids() -> Vec<Grid> {
    let mut grids = Vec::new();
    for boundary in [Boundary::Neumann, Boundary::Periodic, Boundary::Dirichlet] {
        for points in [&[2][..], &[17], &[6, 5], &[7, 11], &[3, 4, 5]] {
            grids.push(Grid::unit(points, boundary).unwrap());
        }
    }
    let axis = |points, length, boundary| Axis { points, length, boundary };
    grids.push(
        Grid::new(&[
            axis(5, 1.0, Boundary::Periodic),
            axis(4, 0.7, Boundary::Dirichlet),
            axis(3, 1.3, Boundary::Neumann),
        ])
        .unwrap(),
    );
    grids
}

fn analyse(fields: &Ensemble) -> Vec<f64> {
    let transform = Transform::new(fields.grid);
    fields.fields().flat_map(|f| transform.analyse_channels(f)).collect()
}

#[test]
fn one_step_is_exact_on_gaussian_data_on_any_grid() {
    for grid in grids() {
        let q = Bessel::new(grid.dim(), 3.0, 8.0, 0.9).unwrap();
        for r in [0.5, 2.0, 10.0, 100.0] {
            let mean = (0..2 * grid.len()).map(|i| r * (1.0 + (i as f64).sin())).collect();
            let c: Arc<dyn Prior> = Arc::new(Stronger(q, r));
            let law =
                GaussianLaw::new(Field::new(grid, 2, mean).unwrap(), vec![c.clone(), c]).unwrap();
            for path in paths() {
                let oracle = Gaussian::new(law.clone(), Arc::new(q), path.clone());
                let x = start(&law, &q, &*path, grid, 1, 0..3);
                let (t, s) = (path.start(), path.end());
                let (m, c) = (law.mean_modes(&grid), law.variances(&grid));
                let lambda = q.eigenvalues(&grid).repeat(2);
                let spread = |t: f64, k: usize| {
                    path.signal(t).powi(2) * c[k] + path.noise(t).powi(2) * lambda[k]
                };
                let from = analyse(&x);
                for steps in [1, 2, 13] {
                    let times = TimeGrid::LogSnr.times(&*path, steps);
                    let mut reverse = Reverse::new(&*path, &q, &law, &oracle, 1, 0);
                    let mut sampler = WienerExponential::default();
                    let x = x.clone();
                    let got = analyse(
                        &integrate(&mut sampler, &mut reverse, &times, x, &mut |_, _| {}).unwrap(),
                    );
                    for (i, (got, from)) in got.iter().zip(&from).enumerate() {
                        let k = i % m.len();
                        let flowed =
                            (spread(s, k) / spread(t, k)).sqrt() * (from - path.signal(t) * m[k]);
                        let w = wiener_weight(path.signal(s), path.noise(s), c[k], lambda[k]);
                        let error = (got - m[k] - w * flowed).abs() / c[k].sqrt();
                        assert!(
                            error < EXACT,
                            "{grid:?} r = {r} {path:?}, {steps} step(s), mode {k}: {error:.1e}"
                        );
                    }
                }
            }
        }
    }
}

/// A mixture of three means on a few modes, and its own mean and variances as the law.
fn mixture(grid: Grid, path: Arc<dyn Path>) -> (Mixture, GaussianLaw, Bessel) {
    let q = Bessel::new(grid.dim(), 2.0, 8.0, 0.9).unwrap();
    let c: Arc<dyn Prior> = Arc::new(Bessel::new(grid.dim(), 1.5, 8.0, 0.9).unwrap());
    let transform = Transform::new(grid);
    let mean = |shape: [f64; 3]| {
        let modes: Vec<f64> =
            (0..grid.mode_count()).map(|k| shape.get(k).copied().unwrap_or(0.0)).collect();
        Field::new(grid, 1, transform.synthesise_channels(&modes)).unwrap()
    };
    let parts = vec![
        (0.5, mean([0.8, 0.0, 0.3])),
        (0.3, mean([-0.5, 0.6, 0.0])),
        (0.2, mean([-0.5, -0.6, -0.4])),
    ];
    let mut average = Field::zeros(grid, 1);
    for (weight, part) in &parts {
        average.values.iter_mut().zip(&part.values).for_each(|(a, v)| *a += weight * v);
    }
    let law = GaussianLaw::new(average, vec![c.clone()]).unwrap();
    (Mixture::new(parts, c, Arc::new(q), path).unwrap(), law, q)
}

fn run(
    sampler: &mut dyn Sampler,
    (oracle, law, q): &(Mixture, GaussianLaw, Bessel),
    path: &dyn Path,
    times: &[f64],
) -> Ensemble {
    let mut reverse = Reverse::new(path, q, law, oracle, 4, 0);
    let x = start(law, q, path, law.mean().grid, 4, 0..6);
    integrate(sampler, &mut reverse, times, x, &mut |_, _| {}).unwrap()
}

fn distance(x: &Ensemble, y: &Ensemble) -> f64 {
    let squares = x.values.iter().zip(&y.values).map(|(a, b)| (a - b).powi(2)).sum::<f64>();
    (squares / x.values.len() as f64).sqrt()
}

/// Order measured by Richardson's quotient, on every path.
#[test]
fn order_two_on_a_mixture() {
    for path in paths() {
        for points in [&[7][..], &[5, 4], &[3, 2, 4]] {
            let grid = Grid::unit(points, Boundary::Neumann).unwrap();
            let problem = mixture(grid, path.clone());
            let at = |n: usize| {
                let times = TimeGrid::LogSnr.times(&*path, n);
                run(&mut WienerExponential::default(), &problem, &*path, &times)
            };
            let runs: Vec<Ensemble> = [80, 160, 320, 640].map(at).into();
            let gaps: Vec<f64> = runs.windows(2).map(|w| distance(&w[0], &w[1])).collect();
            for pair in gaps.windows(2) {
                let order = (pair[0] / pair[1]).log2();
                assert!((order - 2.0).abs() < 0.1, "{path:?} {points:?}: {order:.3} {gaps:?}");
            }
        }
    }
}

/// In the limit of small steps it agrees with another method for the same probability flow.
#[test]
fn the_limit_is_the_probability_flow() {
    let path: Arc<dyn Path> = Arc::new(VariancePreserving::default());
    let problem = mixture(Grid::unit(&[5, 4], Boundary::Neumann).unwrap(), path.clone());
    let ours = TimeGrid::LogSnr.times(&*path, 800);
    let ours = run(&mut WienerExponential::default(), &problem, &*path, &ours);
    let heun = run(&mut Heun, &problem, &*path, &TimeGrid::Quadratic.times(&*path, 4000));
    // both of order 2: their own errors are of order 1e-5 here
    assert!(distance(&ours, &heun) < 1e-4, "{:.1e}", distance(&ours, &heun));
}

/// For a law without variance it equals DPM-Solver++(2M), including noise outside of the modes.
#[test]
fn without_a_covariance_it_is_the_multistep_solver() {
    let grid = Grid::unit(&[6, 4], Boundary::Periodic).unwrap();
    let path: Arc<dyn Path> = Arc::new(VariancePreserving::default());
    let (oracle, _, q) = mixture(grid, path.clone());
    let law = GaussianLaw::new(Field::zeros(grid, 1), vec![Arc::new(Nothing)]).unwrap();
    let white = Standard::new();
    for noise in [&q as &dyn Prior, &white] {
        let x = prior::sample(noise, grid, 1, 4, 0..3, stream::START);
        let times = TimeGrid::LogSnr.times(&*path, 9);
        let step = |sampler: &mut dyn Sampler| {
            let mut reverse = Reverse::new(&*path, noise, &law, &oracle, 4, 0);
            let mut x = x.clone();
            for (i, pair) in times.windows(2).enumerate() {
                sampler.step(&mut reverse, &mut x, pair[0], pair[1], i).unwrap();
            }
            x
        };
        let (ours, theirs) =
            (step(&mut WienerExponential::default()), step(&mut DpmSolver2M::default()));
        let error = ours.values.iter().zip(&theirs.values).map(|(a, b)| (a - b).abs());
        let error = error.fold(0.0, f64::max);
        assert!(error < 1e-12, "{error:.1e}");
    }
}

/// Fewer evaluations than the multistep solver for the same error, where r is far from 1.
#[test]
fn what_is_gaussian_costs_nothing() {
    let path: Arc<dyn Path> = Arc::new(VariancePreserving::default());
    let problem = mixture(Grid::unit(&[7], Boundary::Neumann).unwrap(), path.clone());
    let exact = TimeGrid::LogSnr.times(&*path, 1500);
    let exact = run(&mut WienerExponential::default(), &problem, &*path, &exact);
    let times = TimeGrid::LogSnr.times(&*path, 14);
    let ours = distance(&run(&mut WienerExponential::default(), &problem, &*path, &times), &exact);
    let theirs = distance(&run(&mut DpmSolver2M::default(), &problem, &*path, &times), &exact);
    assert!(ours < 0.03 && ours < theirs, "{ours:.1e} against {theirs:.1e}");
    let _: &dyn Denoiser = &problem.0;
}
