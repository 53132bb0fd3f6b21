//! Samplers that keep their fields in single precision: the same functions, up to roundings.

use std::sync::Arc;

use karhunen_field::denoiser::{Denoiser, Guided, Mixture};
use karhunen_field::law::OnGrid;
use karhunen_field::noise::stream;
use karhunen_field::path::VariancePreserving;
use karhunen_field::prior::{Matern, Standard};
use karhunen_field::sampler::{
    Method, Precision, Refinement, Reverse, integrate_refining, start, start_on,
};
use karhunen_field::{
    Axis, Boundary, Ensemble, Field, FieldError, GaussianLaw, Grid, ModeNoise, Prior, Scalar,
    Transform,
};

/// Two kinds of fields about different means, on a box with three kinds of axes or one.
struct Problem {
    path: Arc<VariancePreserving>,
    prior: Arc<dyn Prior>,
    law: GaussianLaw,
    mixture: Mixture,
}

fn grid(points: [usize; 2], boundaries: [Boundary; 2]) -> Grid {
    let axes = points.into_iter().zip(boundaries);
    let axes: Vec<Axis> =
        axes.map(|(points, boundary)| Axis { points, length: 1.0, boundary }).collect();
    Grid::new(&axes).unwrap()
}

impl Problem {
    fn new(grid: Grid) -> Self {
        let path = Arc::new(VariancePreserving::default());
        let prior: Arc<dyn Prior> = Arc::new(Matern::new(1.0, 0.1, 1.5).unwrap());
        let data: Arc<dyn Prior> = Arc::new(Matern::new(0.5, 0.2, 2.5).unwrap());
        let mean = |height: f64| {
            let mut modes = vec![0.0; grid.mode_count()];
            modes[1] = height;
            let values = Transform::new(grid).synthesise_channels(&modes);
            Field::new(grid, 1, values).unwrap()
        };
        let law = GaussianLaw::new(mean(0.2), vec![data.clone()]).unwrap();
        let parts = vec![(0.4, mean(-1.0)), (0.6, mean(1.0))];
        let mixture = Mixture::new(parts, data, prior.clone(), path.clone()).unwrap();
        Self { path, prior, law, mixture }
    }

    fn run<S: Scalar>(
        &self,
        denoiser: &dyn Denoiser,
        method: Method,
        climb: [Grid; 2],
    ) -> Result<Vec<f64>, FieldError> {
        let tables = OnGrid::<S>::new(climb[0], &self.law, &*self.prior);
        let x = start_on(&tables, &*self.path, 5, 2..4);
        let refinements = [Refinement { time: 0.6, grid: climb[1] }];
        let times = method.default_times().times(&*self.path, 12);
        let mut reverse = Reverse::new(&*self.path, &*self.prior, &self.law, denoiser, 5, 2);
        let mut sampler = method.build_in::<S>();
        let x = integrate_refining(
            sampler.as_mut(),
            &mut reverse,
            &times,
            if climb[0] == climb[1] { &[] } else { &refinements },
            x,
            &mut |_, _| {},
        )?;
        Ok(S::widened(x).values)
    }
}

/// Largest difference in standard deviations of the first fields.
fn difference(a: &[f64], b: &[f64]) -> f64 {
    let mean = a.iter().sum::<f64>() / a.len() as f64;
    let deviation = (a.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / a.len() as f64).sqrt();
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max) / deviation
}

#[test]
fn every_sampler_makes_the_same_fields_up_to_roundings() {
    let boxes = [
        [Boundary::Neumann, Boundary::Neumann],
        [Boundary::Periodic, Boundary::Neumann],
        [Boundary::Periodic, Boundary::Periodic],
    ];
    for boundaries in boxes {
        let (coarse, fine) = (grid([8, 6], boundaries), grid([17, 20], boundaries));
        let problem = Problem::new(fine);
        for method in Method::ALL {
            for climb in [[fine, fine], [coarse, fine]] {
                let double = problem.run::<f64>(&problem.mixture, method, climb).unwrap();
                let single = problem.run::<f32>(&problem.mixture, method, climb).unwrap();
                let error = difference(&double, &single);
                assert!(error > 0.0 && error < 2e-5, "{method} {boundaries:?}: {error}");
            }
        }
    }
}

#[test]
fn guidance_by_weights_takes_either_precision() {
    let grid = grid([9, 8], [Boundary::Neumann; 2]);
    let problem = Problem::new(grid);
    let other = Problem::new(grid);
    for weight in [0.0, 0.5, 1.0, 2.0] {
        let guided = Guided { with: &problem.mixture, without: &other.mixture, weight };
        let method = Method::DpmSolver2M;
        let double = problem.run::<f64>(&guided, method, [grid, grid]).unwrap();
        let single = problem.run::<f32>(&guided, method, [grid, grid]).unwrap();
        assert!(difference(&double, &single) < 2e-5, "{weight}");
    }
}

/// Noise is drawn in double precision and then rounded.
#[test]
fn noise_is_the_same_function_rounded() {
    let grid = grid([7, 9], [Boundary::Periodic, Boundary::Neumann]);
    let noise = ModeNoise::new(3);
    let double = noise.normals(&grid, 4, stream::STEPS, 1);
    let single: Vec<f32> = noise.normals_in(&grid, 4, stream::STEPS, 1);
    assert!(double.iter().zip(&single).all(|(d, s)| *d as f32 == *s));
    let problem = Problem::new(grid);
    let x = start(&problem.law, &*problem.prior, &*problem.path, grid, 1, 0..2);
    let mut reverse =
        Reverse::new(&*problem.path, &*problem.prior, &problem.law, &problem.mixture, 1, 0);
    let (wide, narrow) = (reverse.noise(&x, 3), reverse.noise(&f32::narrowed(x.clone()), 3));
    assert!(difference(&wide.values, &f32::widened(narrow).values) < 1e-6);
    // white noise per cell has no modes to draw
    let white = Standard::new();
    reverse.prior = &white;
    let (wide, narrow) = (reverse.noise(&x, 3), reverse.noise(&f32::narrowed(x), 3));
    assert!(wide.values.iter().zip(&narrow.values).all(|(w, n)| *w as f32 == *n));
}

#[test]
fn transforms_of_either_precision_agree() {
    let kinds = [Boundary::Neumann, Boundary::Dirichlet, Boundary::Periodic];
    for first in kinds {
        for second in kinds {
            let grid = grid([10, 7], [first, second]);
            let transform = Transform::new(grid);
            let modes = ModeNoise::new(1).plain_normals(2 * grid.mode_count(), 0, stream::METRICS);
            let values = transform.synthesise_channels(&modes);
            // in their own memory or not, the same bits
            assert!(transform.into_values(modes.clone()) == values);
            assert!(transform.into_modes(values.clone()) == transform.analyse_channels(&values));
            let single: Vec<f32> = modes.iter().map(|v| *v as f32).collect();
            let found = transform.into_values(single);
            let wide: Vec<f64> = found.iter().map(|v| f64::from(*v)).collect();
            assert!(difference(&values, &wide) < 1e-6, "{first} {second}");
            let back: Vec<f64> = transform.into_modes(found).iter().map(|v| v.double()).collect();
            assert!(difference(&modes, &back) < 1e-6, "{first} {second}");
        }
    }
}

/// Answers that only double precision can hold.
struct Huge;

impl Denoiser for Huge {
    fn denoise(&self, x: &Ensemble, _: f64) -> Result<Ensemble, FieldError> {
        Ok(Ensemble { values: vec![1e60; x.values.len()], ..x.clone() })
    }
}

#[test]
fn what_single_precision_cannot_hold_ends_in_an_error() {
    let grid = grid([6, 6], [Boundary::Neumann; 2]);
    let problem = Problem::new(grid);
    for method in Method::ALL {
        assert!(problem.run::<f64>(&Huge, method, [grid, grid]).is_ok(), "{method}");
        let error = problem.run::<f32>(&Huge, method, [grid, grid]).unwrap_err();
        assert!(matches!(error, FieldError::NonFinite { step: 0, .. }), "{method}: {error}");
    }
}

#[test]
fn precisions_have_names() {
    for precision in Precision::ALL {
        assert_eq!(precision.name().parse::<Precision>().unwrap(), precision);
    }
    assert!("f16".parse::<Precision>().unwrap_err().to_string().contains("f64, f32"));
}
