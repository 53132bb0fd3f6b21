//! The forward process: closed forms against each other and against simulation (test oracle O1).

use std::sync::Arc;

use karhunen_field::noise::stream;
use karhunen_field::path::{Path, TimeGrid, VariancePreserving};
use karhunen_field::prior::{self, Bessel};
use karhunen_field::{Boundary, Ensemble, Field, GaussianLaw, Grid, Prior, Transform};

/// Standard errors allowed in a random test: 2e-7 a comparison, about 1e-5 for the 50 of one test.
const SIGMAS: f64 = 5.2;

fn bessel(dim: usize) -> Arc<dyn Prior> {
    Arc::new(Bessel::new(dim, 3.0, 8.0, 0.9).unwrap())
}

/// Mean and variance of every mode over an ensemble with one channel.
fn moments(fields: &Ensemble) -> (Vec<f64>, Vec<f64>) {
    let transform = Transform::new(fields.grid);
    let n = fields.count() as f64;
    let modes: Vec<Vec<f64>> = fields.fields().map(|f| transform.analyse_channels(f)).collect();
    let mean: Vec<f64> = (0..fields.grid.mode_count())
        .map(|k| modes.iter().map(|m| m[k]).sum::<f64>() / n)
        .collect();
    let variance = (0..mean.len())
        .map(|k| modes.iter().map(|m| (m[k] - mean[k]).powi(2)).sum::<f64>() / (n - 1.0))
        .collect();
    (mean, variance)
}

#[test]
fn variance_is_preserved_to_machine_precision() {
    let path = VariancePreserving::default();
    for i in 0..=800 {
        let t = 10f64.powf(-f64::from(i) / 100.0);
        let (a, b) = (path.signal(t), path.noise(t));
        assert!((a * a + b * b - 1.0).abs() <= 4.0 * f64::EPSILON, "{t}");
        // b² = 1 − e^{−2L} by its series, because 1 − a² cancels here
        if t < 1e-4 {
            let l = 0.25 * t * t * 19.9 + 0.05 * t;
            let series = 2.0 * l * (1.0 - l * (1.0 - 2.0 / 3.0 * l));
            assert!((b * b / series - 1.0).abs() < 1e-13, "{t}: {} {series}", b * b);
        }
    }
}

#[test]
fn rates_are_the_derivatives_and_give_the_forward_equation() {
    let path = VariancePreserving::new(0.3, 12.0, 1e-3).unwrap();
    for t in [1e-3, 0.05, 0.4, 0.99] {
        let h = 1e-5 * t;
        let slope = |f: &dyn Fn(f64) -> f64| (f(t + h) - f(t - h)) / (2.0 * h);
        // central differences: h² f‴ ~ 1e-10 relative to f′
        let close = |a: f64, b: f64| (a - b).abs() < 1e-8 * b.abs();
        assert!(close(slope(&|t| path.signal(t)), path.signal_rate(t)));
        assert!(close(slope(&|t| path.noise(t)), path.noise_rate(t)));
        let f = path.signal_rate(t) / path.signal(t);
        assert!((path.drift(t) - f).abs() < 1e-13 * f.abs());
        let g2 = slope(&|t| path.noise(t).powi(2)) - 2.0 * f * path.noise(t).powi(2);
        assert!(close(g2, path.diffusion(t)));
    }
}

#[test]
fn noise_like_data_keep_their_law() {
    let path = VariancePreserving::default();
    let q = bessel(2);
    let grid = Grid::unit(&[3, 4], Boundary::Periodic).unwrap();
    let n = 20_000;
    let data = prior::sample(&*q, grid, 1, 11, 0..n, stream::START);
    let noise = prior::sample(&*q, grid, 1, 11, 0..n, stream::TRAINING);
    let lambda = q.eigenvalues(&grid);
    for t in [1e-3, 0.2, 0.5, 1.0] {
        let (a, b) = (path.signal(t), path.noise(t));
        let mut x = data.clone();
        x.values.iter_mut().zip(&noise.values).for_each(|(x, e)| *x = a * *x + b * e);
        let (_, variance) = moments(&x);
        for (v, l) in variance.iter().zip(&lambda) {
            assert!((v / l - 1.0).abs() < SIGMAS * (2.0 / n as f64).sqrt(), "{t}: {v} {l}");
        }
    }
}

/// Mean and variance of one mode under n steps of forward Euler–Maruyama from 0 to T.
fn simulated(path: &dyn Path, n: usize, m: f64, c: f64, lambda: f64) -> (f64, f64) {
    let h = path.start() / n as f64;
    (0..n).map(|i| i as f64 * h).fold((m, c), |(mean, variance), t| {
        let keep = 1.0 + path.drift(t) * h;
        (keep * mean, keep * keep * variance + path.diffusion(t) * h * lambda)
    })
}

#[test]
fn simulation_converges_to_the_closed_form_with_order_one() {
    let path = VariancePreserving::new(0.1, 6.0, 1e-3).unwrap();
    let (m, c, lambda) = (2.0, 3.0, 0.5);
    let (a, b) = (path.signal(1.0), path.noise(1.0));
    let error = |n| {
        let (mean, variance) = simulated(&path, n, m, c, lambda);
        (mean - a * m, variance - (a * a * c + b * b * lambda))
    };
    for n in [200, 400, 800] {
        let (coarse, fine) = (error(n), error(2 * n));
        for ratio in [coarse.0 / fine.0, coarse.1 / fine.1] {
            assert!((ratio.log2() - 1.0).abs() < 0.05, "{n}: {}", ratio.log2());
        }
    }
}

/// Whole fields pushed forward step by step have the moments of the scalar recursion. The noise of
/// different steps and fields is independent and has covariance Q.
#[test]
fn simulated_fields_have_the_closed_form_moments() {
    let path = VariancePreserving::new(0.1, 6.0, 1e-3).unwrap();
    let grid = Grid::unit(&[5, 2], Boundary::Neumann).unwrap();
    let (q, c) = (bessel(2), Arc::new(Bessel::new(2, 5.0, 20.0, 1.2).unwrap()) as Arc<dyn Prior>);
    let mean = Field::new(grid, 1, (0..10).map(|i| f64::from(i * i % 7)).collect()).unwrap();
    let law = GaussianLaw::new(mean, vec![c]).unwrap();
    let (n, steps, seed) = (8_000_u64, 50, 5);

    let mut x = law.sample(grid, seed, 0..n, stream::START);
    let h = path.start() / steps as f64;
    for step in 0..steps {
        let t = step as f64 * h;
        let (f, g) = (path.drift(t), path.diffusion(t).sqrt());
        let noise = prior::sample(&*q, grid, 1, seed, 0..n, stream::STEPS + step);
        for (x, eta) in x.values.iter_mut().zip(&noise.values) {
            *x += f * *x * h + g * h.sqrt() * eta;
        }
    }

    let (mean, variance) = moments(&x);
    let (m, c, lambda) = (law.mean_modes(&grid), law.variances(&grid), q.eigenvalues(&grid));
    for k in 0..grid.mode_count() {
        let (expected_mean, expected) = simulated(&path, steps as usize, m[k], c[k], lambda[k]);
        let count = n as f64;
        assert!((mean[k] - expected_mean).abs() < SIGMAS * (expected / count).sqrt(), "mode {k}");
        assert!((variance[k] / expected - 1.0).abs() < SIGMAS * (2.0 / count).sqrt(), "mode {k}");
    }
}

#[test]
fn paths_and_time_grids_survive_a_file() {
    let path: VariancePreserving = serde_json::from_str(r#"{"alpha_max": 10}"#).unwrap();
    assert_eq!(path, VariancePreserving::new(0.1, 10.0, 1e-3).unwrap());
    let written = serde_json::to_string(&path).unwrap();
    assert_eq!(serde_json::from_str::<VariancePreserving>(&written).unwrap(), path);
    let refused = serde_json::from_str::<VariancePreserving>(r#"{"end": 2.0}"#).unwrap_err();
    assert!(refused.to_string().contains("end = 2"), "{refused}");
    assert_eq!(serde_json::to_string(&TimeGrid::LogSnr).unwrap(), r#""log-snr""#);
    let karras: TimeGrid = serde_json::from_str(r#"{"karras": {"rho": 7.0}}"#).unwrap();
    assert_eq!(karras, TimeGrid::Karras { rho: 7.0 });
}
