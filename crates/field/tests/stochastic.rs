//! The other samplers on Gaussian data: recursions path by path, weak orders, and typical uses.
//!
//! Per mode every step is x ← keep · x + shift + √injected ξ with coefficients known in closed
//! form. The mean and variance of a run follow, and orders are measured without Monte-Carlo noise
//! (test oracle O5).

use std::sync::Arc;

use karhunen_field::denoiser::{Gaussian, wiener_weight};
use karhunen_field::noise::stream;
use karhunen_field::path::{Cosine, Flow, Path, TimeGrid, VarianceExploding, VariancePreserving};
use karhunen_field::prior::Laplacian;
use karhunen_field::resample::spectral;
use karhunen_field::sampler::{Method, Reverse, integrate, start};
use karhunen_field::{Boundary, Ensemble, Field, GaussianLaw, Grid, Mode, Prior, Transform};

/// Variances by position along a single axis.
#[derive(Debug)]
struct Table(&'static [f64]);

impl Prior for Table {
    fn eigenvalue(&self, mode: &Mode) -> f64 {
        self.0[mode.position[0]]
    }
}

const C: [f64; 3] = [0.25, 2.0, 25.0];
const LAMBDA: [f64; 3] = [1.0, 0.5, 0.25]; // r = 0.5, 2, 10
const MEAN: [f64; 3] = [0.8, -3.0, 9.0];

fn paths() -> Vec<Arc<dyn Path>> {
    vec![
        Arc::new(VariancePreserving::default()),
        Arc::new(Cosine::default()),
        Arc::new(VarianceExploding::default()),
        Arc::new(Flow::default()),
    ]
}

fn law() -> GaussianLaw {
    let grid = Grid::unit(&[3], Boundary::Neumann).unwrap();
    let mean = Transform::new(grid).synthesise_channels(&MEAN);
    GaussianLaw::new(Field::new(grid, 1, mean).unwrap(), vec![Arc::new(Table(&C))]).unwrap()
}

fn spread(path: &dyn Path, t: f64, k: usize) -> f64 {
    path.signal(t).powi(2) * C[k] + path.noise(t).powi(2) * LAMBDA[k]
}

/// x ← keep · x + shift + √injected ξ; a step may consist of several parts, in the order listed.
type Part = (f64, f64, f64);

/// The parts of one step from t to s.
fn step(method: Method, path: &dyn Path, t: f64, s: f64, k: usize) -> Vec<Part> {
    match method {
        Method::Ddim => {
            let (keep, gain) = exponential(path, t, s);
            let w = weight(path, t, k);
            vec![(keep + gain * w, gain * (1.0 - w * path.signal(t)) * MEAN[k], 0.0)]
        }
        Method::ExponentialEuler => vec![ancestral(path, t, s, k)],
        Method::HeunChurn => {
            let down = path.log_snr(s) - path.log_snr(t);
            let up = path.time_of_log_snr(path.log_snr(t) - 0.5 * down);
            let keep = path.signal(up) / path.signal(t);
            let fresh = path.noise(up).powi(2) - (keep * path.noise(t)).powi(2);
            let at = |x: f64| heun(path, up, s, k, x);
            vec![(keep, 0.0, fresh * LAMBDA[k]), (at(1.0) - at(0.0), at(0.0), 0.0)]
        }
        Method::PredictorCorrector => {
            let stiffness = |k: usize| LAMBDA[k] / spread(path, s, k);
            let mean = (0..3).map(stiffness).sum::<f64>() / 3.0;
            let epsilon = (2.0 * 0.16f64.powi(2) / mean).min(0.1 * path.noise(s).powi(2));
            let pull = epsilon * stiffness(k);
            let langevin = (1.0 - pull, pull * path.signal(s) * MEAN[k], 2.0 * epsilon * LAMBDA[k]);
            vec![ancestral(path, t, s, k), langevin]
        }
        other => panic!("{other} has its tests elsewhere"),
    }
}

fn weight(path: &dyn Path, t: f64, k: usize) -> f64 {
    wiener_weight(path.signal(t), path.noise(t), C[k], LAMBDA[k])
}

fn exponential(path: &dyn Path, t: f64, s: f64) -> (f64, f64) {
    let keep = path.noise(s) / path.noise(t);
    (keep, path.signal(s) - path.signal(t) * keep)
}

/// X_s given X_t and X₀ = D, by conditioning the forward process: with a_ts = a_t/a_s and
/// b_ts² = b_t² − a_ts² b_s² the mean is (a_ts b_s² x + a_s b_ts² D)/b_t², the variance b_ts² b_s²/b_t².
fn ancestral(path: &dyn Path, t: f64, s: f64, k: usize) -> Part {
    let (at, bt, a, b) = (path.signal(t), path.noise(t), path.signal(s), path.noise(s));
    let forward = at / a;
    let added = bt * bt - forward * forward * b * b;
    let (keep, pull) = (forward * b * b / (bt * bt), a * added / (bt * bt));
    let w = weight(path, t, k);
    (keep + pull * w, pull * (1.0 - w * at) * MEAN[k], LAMBDA[k] * added * b * b / (bt * bt))
}

/// Heun's step of the exact flow v = ȧ m + ½ (Ṡ/S) (x − a m).
fn heun(path: &dyn Path, t: f64, s: f64, k: usize, x: f64) -> f64 {
    let v = |t: f64, x: f64| {
        let rate = 2.0 * path.signal(t) * path.signal_rate(t) * C[k]
            + 2.0 * path.noise(t) * path.noise_rate(t) * LAMBDA[k];
        path.signal_rate(t) * MEAN[k]
            + 0.5 * rate / spread(path, t, k) * (x - path.signal(t) * MEAN[k])
    };
    let first = v(t, x);
    x + 0.5 * (s - t) * (first + v(s, x + (s - t) * first))
}

/// Mean and variance after all steps and the final denoising, from the law at T.
fn moments(method: Method, path: &dyn Path, times: &[f64], k: usize) -> (f64, f64) {
    let from = (path.signal(times[0]) * MEAN[k], spread(path, times[0], k));
    let (mean, variance) = times.windows(2).fold(from, |state, pair| {
        step(method, path, pair[0], pair[1], k)
            .iter()
            .fold(state, |(mean, v), part| (part.0 * mean + part.1, part.0 * part.0 * v + part.2))
    });
    let (end, w) = (path.end(), weight(path, path.end(), k));
    (MEAN[k] + w * (mean - path.signal(end) * MEAN[k]), w * w * variance)
}

/// Relative error of the variance against the exact law at t_min, denoised.
fn variance_error(method: Method, path: &dyn Path, grid: TimeGrid, n: usize, k: usize) -> f64 {
    let exact = weight(path, path.end(), k).powi(2) * spread(path, path.end(), k);
    moments(method, path, &grid.times(path, n), k).1 / exact - 1.0
}

#[test]
fn samplers_are_their_recursions_path_by_path() {
    let (law, q) = (law(), Table(&LAMBDA));
    let grid = law.mean().grid;
    for path in paths() {
        let oracle = Gaussian::new(law.clone(), Arc::new(Table(&LAMBDA)), path.clone());
        for method in
            [Method::Ddim, Method::ExponentialEuler, Method::HeunChurn, Method::PredictorCorrector]
        {
            let times = method.default_times().times(&*path, 40);
            let x = start(&law, &q, &*path, grid, 1, 0..5);
            let mut reverse = Reverse::new(&*path, &q, &law, &oracle, 3, 0);
            let mut modes = analyse(&x);
            for (i, pair) in times.windows(2).enumerate() {
                let noise = [
                    analyse(&reverse.noise(&x, i)),
                    analyse(&reverse.draw(&x, stream::CORRECTOR + i as u32)),
                ];
                for (at, x) in modes.iter_mut().enumerate() {
                    let parts = step(method, &*path, pair[0], pair[1], at % 3);
                    for (part, noise) in parts.iter().zip(&noise) {
                        let xi = noise[at] / LAMBDA[at % 3].sqrt();
                        *x = part.0 * *x + part.1 + part.2.max(0.0).sqrt() * xi;
                    }
                }
            }
            let got = integrate(&mut *method.build(), &mut reverse, &times, x, &mut |_, _| {});
            for (i, (got, x)) in analyse(&got.unwrap()).iter().zip(modes).enumerate() {
                let (a, w) = (path.signal(path.end()), weight(&*path, path.end(), i % 3));
                let expected = MEAN[i % 3] + w * (x - a * MEAN[i % 3]);
                let error = (got - expected).abs() / C[i % 3].sqrt();
                // σ up to 100 and square roots of differences cost seven digits
                assert!(error < 1e-7, "{method} {path:?}: {got} {expected}");
            }
        }
    }
}

fn analyse(fields: &Ensemble) -> Vec<f64> {
    let transform = Transform::new(fields.grid);
    fields.fields().flat_map(|f| transform.analyse_channels(f)).collect()
}

/// Orders measured on doublings up to n = 2560.
#[test]
fn weak_orders_are_one_for_the_exponential_steps_and_two_with_churn() {
    for path in paths() {
        for (method, expected) in
            [(Method::Ddim, 1.0), (Method::ExponentialEuler, 1.0), (Method::HeunChurn, 2.0)]
        {
            for grid in [TimeGrid::LogSnr, TimeGrid::Quadratic] {
                for k in 0..3 {
                    let error = |n| variance_error(method, &*path, grid, n, k);
                    let order = (error(1280) / error(2560)).log2();
                    assert!(
                        (order - expected).abs() < 0.1,
                        "{method} {path:?} {grid:?} r = {}: {order:.3} ({:.1e})",
                        (C[k] / LAMBDA[k]).sqrt(),
                        error(2560)
                    );
                }
            }
        }
    }
}

/// From the law at T the means are right for every step size, because D is affine and exact.
#[test]
fn means_are_kept_by_exponential_steps() {
    for path in paths() {
        for method in [Method::Ddim, Method::ExponentialEuler, Method::PredictorCorrector] {
            for k in 0..3 {
                let (mean, _) = moments(method, &*path, &TimeGrid::LogSnr.times(&*path, 5), k);
                let error = (mean - MEAN[k]).abs() / C[k].sqrt();
                assert!(error < 1e-10, "{method} {path:?}: {error}");
            }
        }
    }
}

/// The corrector moves a wrong law towards the right one. A start without the data's part gains
/// from it at r = 10, where that part matters.
#[test]
fn the_corrector_mends_what_came_before_it() {
    let path = VariancePreserving::default();
    let times = TimeGrid::LogSnr.times(&path, 100);
    let k = 2;
    let from_half_variance = |method| {
        let from = 0.5 * spread(&path, 1.0, k);
        times.windows(2).fold(from, |v, pair| {
            let parts = step(method, &path, pair[0], pair[1], k);
            parts.iter().fold(v, |v, part| part.0 * part.0 * v + part.2)
        })
    };
    let exact = spread(&path, path.end(), k);
    let missing = |method| 1.0 - from_half_variance(method) / exact;
    let (alone, mended) = (missing(Method::ExponentialEuler), missing(Method::PredictorCorrector));
    assert!(mended.abs() < 0.7 * alone.abs(), "{mended} against {alone}");
}

/// A prior rougher than the data. Modes beyond the law's grid are stiffer than all modes within it,
/// by up to three orders of magnitude here. The same seed must still be the same function on both
/// grids.
#[test]
fn the_corrector_stays_bounded_beyond_the_grid_of_the_law() {
    let path = VariancePreserving::new(0.1, 20.0, 1e-5).unwrap();
    let coarse = Grid::unit(&[8], Boundary::Neumann).unwrap();
    let fine = coarse.with_points(&[32]).unwrap();
    let smooth = Arc::new(Laplacian::new(1, 100.0, 1.5).unwrap().with_constant(1.0).unwrap());
    let rough = Laplacian::new(1, 1.0, 0.3).unwrap().with_constant(1.0).unwrap();
    let law = GaussianLaw::centred(coarse, smooth, 1);
    let (path_of, prior_of) = (Arc::new(path), Arc::new(rough));
    let oracle = Gaussian::new(law.clone(), prior_of, path_of);
    let times = TimeGrid::LogSnr.times(&path, 60);
    let run = |grid| {
        let x = start(&law, &rough, &path, grid, 1, 0..20);
        let mut reverse = Reverse::new(&path, &rough, &law, &oracle, 1, 0);
        let mut sampler = Method::PredictorCorrector.build();
        integrate(&mut *sampler, &mut reverse, &times, x, &mut |_, _| {}).unwrap()
    };
    let (below, above) = (run(coarse), run(fine));
    let (a2, b2) = (path.signal(path.end()).powi(2), path.noise(path.end()).powi(2));
    let spectra = law.variances(&fine).into_iter().zip(rough.eigenvalues(&fine));
    // D = w x with w = a c/S, so its variance is a² c²/S
    let deviations: Vec<f64> =
        spectra.map(|(c, l)| (a2 * c * c / (a2 * c + b2 * l)).sqrt()).collect();
    for (i, value) in analyse(&above).iter().enumerate() {
        // 640 numbers beyond six deviations: false alarm about 1e-6
        assert!(value.abs() < 6.0 * deviations[i % 32], "mode {}: {value}", i % 32);
    }
    let restricted = spectral(&above, coarse).unwrap();
    for (one, other) in below.values.iter().zip(&restricted.values) {
        assert!((one - other).abs() < 1e-9, "{one} {other}");
    }
}

/// For any step size ancestral sampling stays bounded, where Euler–Maruyama diverges.
#[test]
fn exponential_steps_are_stable() {
    let path = VariancePreserving::default();
    for k in 0..3 {
        let error = variance_error(Method::ExponentialEuler, &path, TimeGrid::Uniform, 4, k);
        assert!(error.abs() < 1.0, "{error}");
    }
}
