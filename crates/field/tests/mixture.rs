//! The mixture as test oracle: against brute force, across grids, and through the samplers (oracle
//! O6).

use std::sync::Arc;

use karhunen_field::denoiser::{Denoiser, Gaussian, Mixture};
use karhunen_field::noise::stream;
use karhunen_field::path::{Path, VariancePreserving};
use karhunen_field::prior::{self, Bessel};
use karhunen_field::resample::spectral;
use karhunen_field::sampler::{Method, Reverse, integrate, start};
use karhunen_field::{
    Boundary, Ensemble, Field, FieldError, GaussianLaw, Grid, Mode, Prior, Transform,
};

/// Variances by position along a single axis.
#[derive(Debug)]
struct Table(&'static [f64]);

impl Prior for Table {
    fn eigenvalue(&self, mode: &Mode) -> f64 {
        self.0[mode.position[0]]
    }
}

fn path() -> Arc<VariancePreserving> {
    Arc::new(VariancePreserving::default())
}

/// A one-channel field from a coefficient for every mode.
fn field(grid: Grid, coefficient: impl Fn(&Mode) -> f64) -> Field {
    let modes: Vec<f64> = grid.modes().map(|mode| coefficient(&mode)).collect();
    Field::new(grid, 1, Transform::new(grid).synthesise_channels(&modes)).unwrap()
}

fn analyse(fields: &Ensemble) -> Vec<f64> {
    let transform = Transform::new(fields.grid);
    fields.fields().flat_map(|f| transform.analyse_channels(f)).collect()
}

/// Two modes, with integrals over both by the trapezoidal rule, directly from Bayes' formula.
#[test]
fn it_is_the_posterior_mean_by_quadrature() {
    let grid = Grid::unit(&[2], Boundary::Neumann).unwrap();
    let (c, lambda) = ([0.3, 0.1], [1.0, 0.4]);
    let parts = [(0.5, [1.0, -0.5]), (0.2, [-1.2, 0.3]), (0.3, [0.4, 0.9])];
    let components =
        parts.iter().map(|(p, m)| (7.0 * p, field(grid, |mode| m[mode.position[0]]))).collect();
    let path = path();
    let mixture = Mixture::new(
        components,
        Arc::new(Table(&[0.3, 0.1])),
        Arc::new(Table(&[1.0, 0.4])),
        path.clone(),
    )
    .unwrap();
    let step = 0.04;
    for t in [0.15, 0.3, 0.6] {
        let (a, b) = (path.signal(t), path.noise(t));
        for x in [[0.2, 0.1], [-1.0, 0.6]] {
            let (mut mass, mut first) = (0.0, [0.0; 2]);
            for i in -150..=150 {
                for j in -150..=150 {
                    let y = [f64::from(i) * step, f64::from(j) * step];
                    let noise: f64 =
                        (0..2).map(|k| (x[k] - a * y[k]).powi(2) / (2.0 * b * b * lambda[k])).sum();
                    let data: f64 = parts
                        .iter()
                        .map(|(p, m)| {
                            let q: f64 = (0..2).map(|k| (y[k] - m[k]).powi(2) / (2.0 * c[k])).sum();
                            p * (-q).exp()
                        })
                        .sum();
                    let density = data * (-noise).exp();
                    mass += density;
                    (0..2).for_each(|k| first[k] += density * y[k]);
                }
            }
            let values = field(grid, |mode| x[mode.position[0]]).values;
            let denoised = mixture.denoise(&Ensemble::new(grid, 1, values).unwrap(), t).unwrap();
            for (got, first) in analyse(&denoised).iter().zip(first) {
                assert!((got - first / mass).abs() < 1e-9, "{t}: {got} {}", first / mass);
            }
        }
    }
}

#[test]
fn one_component_is_the_gaussian_denoiser() {
    let grid = Grid::unit(&[5, 4], Boundary::Periodic).unwrap();
    let c: Arc<dyn Prior> = Arc::new(Bessel::new(2, 20.0, 30.0, 1.1).unwrap());
    let q: Arc<dyn Prior> = Arc::new(Bessel::new(2, 3.0, 8.0, 0.8).unwrap());
    let mean = field(grid, |mode| 1.0 / (1.0 + mode.laplacian()));
    let law = GaussianLaw::new(mean.clone(), vec![Arc::clone(&c)]).unwrap();
    let mixture = Mixture::new(vec![(0.4, mean)], c, Arc::clone(&q), path()).unwrap();
    let x = prior::sample(&*q, grid, 1, 1, 0..3, stream::START);
    for t in [1e-3, 0.4, 1.0] {
        let exact = Gaussian::new(law.clone(), Arc::clone(&q), path()).denoise(&x, t).unwrap();
        let got = mixture.denoise(&x, t).unwrap();
        assert!(exact.values.iter().zip(&got.values).all(|(a, b)| (a - b).abs() < 1e-13));
    }
}

/// Means on the coarse grid's modes: modes of the fine grid alone carry no information on
/// components.
#[test]
fn grids_agree_to_rounding_on_band_limited_means() {
    for boundary in [Boundary::Periodic, Boundary::Neumann] {
        for (points, fine) in
            [(vec![7], vec![14]), (vec![5, 4], vec![10, 8]), (vec![3, 5, 2], vec![6, 10, 7])]
        {
            let grid = Grid::unit(&points, boundary).unwrap();
            let q: Arc<dyn Prior> = Arc::new(Bessel::new(points.len(), 3.0, 8.0, 0.9).unwrap());
            let means = [0.5, -0.5, 1.0].map(|s| {
                (1.0, field(grid, |mode| s / (1.0 + mode.position.iter().sum::<usize>() as f64)))
            });
            let mixture = Mixture::new(means.into(), Arc::clone(&q), q, path()).unwrap();
            let fine =
                mixture.sample(grid.with_points(&fine).unwrap(), 3, 0..6, stream::VALIDATION);
            let coarse = spectral(&fine, grid).unwrap();
            for t in [0.01, 0.2, 0.8] {
                let from_fine = spectral(&mixture.denoise(&fine, t).unwrap(), grid).unwrap();
                let from_coarse = mixture.denoise(&coarse, t).unwrap();
                for (a, b) in from_fine.values.iter().zip(&from_coarse.values) {
                    assert!((a - b).abs() < 1e-11, "{boundary} {t}: {a} {b}");
                }
            }
        }
    }
}

/// m_k = 0.3 k^{−3} against λ_k ~ k^{−2.2}: on a grid of N cells the log-odds lose a variance
/// Σ_{k>N} m_k²/λ_k ∝ N^{−2.8}. Refining therefore changes the answer like N^{−1.4}.
#[test]
fn grids_converge_for_means_in_the_cameron_martin_space() {
    let fine = Grid::unit(&[2048], Boundary::Neumann).unwrap();
    let q: Arc<dyn Prior> = Arc::new(Bessel::new(1, 1.0, 1.0, 0.55).unwrap());
    let mean = |sign: f64| {
        field(fine, |mode| match mode.position[0] {
            0 => 0.0,
            k => 0.3 * sign * (k as f64).powi(-3),
        })
    };
    let components = vec![(0.5, mean(1.0)), (0.5, mean(-1.0))];
    let mixture = Mixture::new(components, Arc::clone(&q), q, path()).unwrap();
    let x = mixture.sample(fine, 9, 0..200, stream::VALIDATION);
    let t = 0.3;
    let log_odds = |x: &Ensemble| -> Vec<f64> {
        let p = mixture.posterior_weights(x, t).unwrap();
        p.chunks_exact(2).map(|p| (p[0] / p[1]).ln()).collect()
    };
    let limit = log_odds(&x);
    let error = |n: usize| {
        let odds = log_odds(&spectral(&x, fine.with_points(&[n]).unwrap()).unwrap());
        let squares = odds.iter().zip(&limit).map(|(a, b)| (a - b).powi(2));
        (squares.sum::<f64>() / limit.len() as f64).sqrt()
    };
    let slope = (error(8) / error(64)).log2() / 3.0;
    // 200 draws, 5 % per RMS: the slope's standard error is 0.033
    assert!((slope - 1.4).abs() < 0.15, "{slope}");
    assert!(error(64) < 0.01 * limit.iter().map(|o| o * o).sum::<f64>().sqrt());
}

/// Weights, means and spreads of the components survive every sampler.
#[test]
fn samplers_reproduce_weights_means_and_variances() {
    let grid = Grid::unit(&[4, 3], Boundary::Neumann).unwrap();
    let q: Arc<dyn Prior> = Arc::new(Bessel::new(2, 8.0, 8.0, 0.9).unwrap());
    let c: Arc<dyn Prior> = Arc::new(Bessel::new(2, 4.0, 8.0, 0.9).unwrap()); // r = ½ in all modes
    let shapes: [[f64; 3]; 3] = [[3.0, 0.0, 1.0], [-2.0, 2.0, 0.0], [-2.0, -2.0, -1.0]];
    let weights = [0.5, 0.3, 0.2];
    let means = shapes.map(|shape| {
        field(grid, |mode| match mode.position {
            [0, 0, _] => shape[0],
            [1, 0, _] => shape[1],
            [0, 1, _] => shape[2],
            _ => 0.0,
        })
    });
    let path = path();
    let components = weights.into_iter().zip(means.clone()).collect();
    let mixture = Mixture::new(components, Arc::clone(&c), Arc::clone(&q), path.clone()).unwrap();
    let law = GaussianLaw::centred(grid, Arc::clone(&c), 1);
    let variances = c.eigenvalues(&grid);
    const SIGMAS: f64 = 5.5;
    let count = 4000;
    for (method, steps) in [
        (Method::EulerMaruyama, 250),
        (Method::Heun, 40),
        (Method::DpmSolver2M, 50),
        (Method::UniPc, 30),
    ] {
        let times = method.default_times().times(&*path, steps);
        let mut reverse = Reverse::new(&*path, &*q, &law, &mixture, 6, 0);
        let x = start(&law, &*q, &*path, grid, 6, 0..count);
        let x = integrate(&mut *method.build(), &mut reverse, &times, x, &mut |_, _| {}).unwrap();
        let posterior = mixture.posterior_weights(&x, path.end()).unwrap();
        let modes = analyse(&x);
        for i in 0..3 {
            let members: Vec<&[f64]> = modes
                .chunks_exact(12)
                .zip(posterior.chunks_exact(3))
                .filter(|(_, p)| p[i] > 0.5)
                .map(|(modes, _)| modes)
                .collect();
            let n = members.len() as f64;
            let (share, p) = (n / count as f64, weights[i]);
            // false alarm 4e-8 a comparison, 1e-5 for all 225; the added constants are the
            // samplers' bias
            let tolerance = SIGMAS * (p * (1.0 - p) / count as f64).sqrt() + 0.005;
            assert!((share - p).abs() < tolerance, "{method} {i}: weight {share}");
            let expected = Transform::new(grid).analyse_channels(&means[i].values);
            for k in 0..12 {
                let mean = members.iter().map(|m| m[k]).sum::<f64>() / n;
                let spread = variances[k].sqrt();
                let error = (mean - expected[k]).abs() / spread;
                assert!(error < SIGMAS / n.sqrt() + 0.02, "{method} {i} mode {k}: {error}");
                let variance = members.iter().map(|m| (m[k] - mean).powi(2)).sum::<f64>() / n;
                let error = (variance / variances[k] - 1.0).abs();
                assert!(error < SIGMAS * (2.0 / n).sqrt() + 0.02, "{method} {i} mode {k}: {error}");
            }
        }
    }
}

#[test]
fn samples_are_nested_and_have_the_weights() {
    let grid = Grid::unit(&[5], Boundary::Neumann).unwrap();
    let q: Arc<dyn Prior> = Arc::new(Bessel::new(1, 0.1, 8.0, 0.9).unwrap());
    let mean = |level: f64| field(grid, move |mode| if mode.is_constant() { level } else { 0.0 });
    let components = vec![(3.0, mean(-1.0)), (1.0, mean(1.0))];
    let mixture = Mixture::new(components, Arc::clone(&q), q, path()).unwrap();
    let coarse = mixture.sample(grid, 2, 0..4000, stream::VALIDATION);
    let high = coarse.fields().filter(|f| f.iter().sum::<f64>() > 0.0).count() as f64 / 4000.0;
    assert!((high - 0.25).abs() < 5.0 * (0.25 * 0.75 / 4000.0_f64).sqrt(), "{high}");
    let fine = mixture.sample(grid.with_points(&[11]).unwrap(), 2, 0..50, stream::VALIDATION);
    let restricted = spectral(&fine, grid).unwrap();
    assert!(restricted.values.iter().zip(&coarse.values).all(|(a, b)| (a - b).abs() < 1e-12));
}

#[test]
fn what_is_no_mixture_is_refused() {
    let grid = Grid::unit(&[3], Boundary::Neumann).unwrap();
    let make = |components| {
        Mixture::new(components, Arc::new(Table(&[1.0; 3])), Arc::new(Table(&[1.0; 3])), path())
    };
    let zero = Field::zeros(grid, 1);
    assert!(matches!(make(vec![]), Err(FieldError::TooFew { count: 0, .. })));
    for weight in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(matches!(
            make(vec![(1.0, zero.clone()), (weight, zero.clone())]),
            Err(FieldError::Parameter { .. })
        ));
    }
    let other_box = Field::zeros(Grid::unit(&[3], Boundary::Periodic).unwrap(), 1);
    let two_channels = Field::zeros(grid, 2);
    assert!(matches!(
        make(vec![(1.0, zero.clone()), (1.0, other_box.clone())]),
        Err(FieldError::GridMismatch { .. })
    ));
    assert!(matches!(
        make(vec![(1.0, zero.clone()), (1.0, two_channels)]),
        Err(FieldError::Length { .. })
    ));

    let mixture = make(vec![(1.0, zero.clone())]).unwrap();
    let strange = Ensemble::new(other_box.grid, 1, vec![0.0; 3]).unwrap();
    assert!(matches!(mixture.denoise(&strange, 0.5), Err(FieldError::GridMismatch { .. })));
    let strange = Ensemble::zeros(grid, 2, 1);
    assert!(matches!(mixture.denoise(&strange, 0.5), Err(FieldError::Length { .. })));

    // means that differ where neither data nor noise vary: posterior weights do not exist
    let apart = field(grid, |mode| mode.position[0] as f64);
    let degenerate = Mixture::new(
        vec![(1.0, zero), (1.0, apart)],
        Arc::new(Table(&[1.0, 1.0, 0.0])),
        Arc::new(Table(&[1.0, 1.0, 0.0])),
        path(),
    )
    .unwrap();
    let error = degenerate.denoise(&Ensemble::zeros(grid, 1, 1), 0.5).unwrap_err();
    assert!(error.to_string().contains("must vanish"), "{error}");
}
