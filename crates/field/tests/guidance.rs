//! Classifier-free guidance on mixtures of Gaussian fields, where every score is known.

use std::sync::Arc;

use karhunen_field::denoiser::{Denoiser, Gaussian, Guided, Mixture};
use karhunen_field::noise::stream;
use karhunen_field::path::{Path, VariancePreserving};
use karhunen_field::prior::{self, Bessel};
use karhunen_field::{Boundary, Ensemble, Field, GaussianLaw, Grid, Prior, Transform};

/// Error of central differences of log-odds in f64: h² of a smooth function, plus rounding over h.
const DIFFERENCES: f64 = 2e-6;
/// A few rounding errors.
const ROUNDING: f64 = 1e-12;

/// A mixture of three means with one covariance: the single classes, and the law of all of them.
struct Known {
    grid: Grid,
    noise: Arc<dyn Prior>,
    path: Arc<VariancePreserving>,
    classes: Vec<Gaussian>,
    all: Mixture,
}

fn known(grid: Grid) -> Known {
    let path = Arc::new(VariancePreserving::default());
    let noise: Arc<dyn Prior> = Arc::new(Bessel::new(grid.dim(), 3.0, 8.0, 0.9).unwrap());
    let spread: Arc<dyn Prior> = Arc::new(Bessel::new(grid.dim(), 2.0, 30.0, 1.1).unwrap());
    let transform = Transform::new(grid);
    let mean = |class: usize| {
        let modes: Vec<f64> = grid
            .modes()
            .map(|mode| {
                let decay = 1.0 + mode.laplacian();
                (class as f64 + 1.0) * (1.3 * class as f64 + mode.frequency()).cos() / decay
            })
            .collect();
        Field::new(grid, 1, transform.synthesise_channels(&modes)).unwrap()
    };
    let weights = [0.5, 0.2, 0.3];
    let law = |class| GaussianLaw::new(mean(class), vec![Arc::clone(&spread)]).unwrap();
    let classes =
        (0..3).map(|class| Gaussian::new(law(class), Arc::clone(&noise), path.clone())).collect();
    let components = (0..3).map(|class| (weights[class], mean(class))).collect();
    let all = Mixture::new(components, spread, Arc::clone(&noise), path.clone()).unwrap();
    Known { grid, noise, path, classes, all }
}

/// The guided denoiser represents Q∇ of log p(x) + W log p(class | x): D − D_u = W (b²/a) Q∇ log
/// p(class | x), checked by differences of the posterior along every mode.
#[test]
fn the_guided_score_is_that_of_the_sharpened_class() {
    for points in [&[9][..], &[4, 3]] {
        let k = known(Grid::unit(points, Boundary::Neumann).unwrap());
        let transform = Transform::new(k.grid);
        let x = k.all.sample(k.grid, 5, 0..1, stream::START);
        let mut largest = 0.0f64;
        for (t, class, weight) in [(0.2, 0, 2.5), (0.5, 1, 1.5), (0.8, 2, 0.4)] {
            let (a, b) = (k.path.signal(t), k.path.noise(t));
            let guided = Guided { with: &k.classes[class], without: &k.all, weight };
            let (guided, plain) = (guided.denoise(&x, t).unwrap(), k.all.denoise(&x, t).unwrap());
            let apart: Vec<f64> =
                guided.values.iter().zip(&plain.values).map(|(g, u)| g - u).collect();
            let apart = transform.analyse_channels(&apart);
            let modes = transform.analyse_channels(&x.values);
            let log_posterior = |at: usize, step: f64| {
                let mut moved = modes.clone();
                moved[at] += step;
                let values = transform.synthesise_channels(&moved);
                let x = Ensemble::new(k.grid, 1, values).unwrap();
                k.all.posterior_weights(&x, t).unwrap()[class].ln()
            };
            for (at, mode) in k.grid.modes().enumerate() {
                let h = 1e-4;
                let slope = (log_posterior(at, h) - log_posterior(at, -h)) / (2.0 * h);
                let expected = weight * b * b / a * k.noise.eigenvalue(&mode) * slope;
                let found = apart[at];
                assert!((found - expected).abs() < DIFFERENCES, "{t} {at}: {found} {expected}");
            }
            largest = apart.iter().fold(largest, |m, v| m.max(v.abs()));
        }
        assert!(largest > 1000.0 * DIFFERENCES, "nothing to see");
    }
}

#[test]
fn one_is_the_condition_zero_is_none_and_between_is_linear() {
    let k = known(Grid::unit(&[7, 5], Boundary::Periodic).unwrap());
    let x = prior::sample(&*k.noise, k.grid, 1, 3, 0..4, stream::START);
    let of = |weight| {
        Guided { with: &k.classes[1], without: &k.all, weight }.denoise(&x, 0.4).unwrap().values
    };
    assert_eq!(of(1.0), k.classes[1].denoise(&x, 0.4).unwrap().values);
    assert_eq!(of(0.0), k.all.denoise(&x, 0.4).unwrap().values);
    assert_eq!([0.0, 1.0, 2.0].map(Guided::evaluations), [1, 1, 2]);
    for ((none, one), three) in of(0.0).iter().zip(of(1.0)).zip(of(3.0)) {
        assert!((three - (3.0 * one - 2.0 * none)).abs() < ROUNDING);
    }
}
