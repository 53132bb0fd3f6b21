//! Sampling runs as users see them: identity of fields, budgets, names, failures.

use std::ops::Range;
use std::sync::Arc;

use karhunen_field::denoiser::{Denoiser, Gaussian};
use karhunen_field::path::{Path, TimeGrid, VariancePreserving};
use karhunen_field::prior::{Bessel, Standard};
use karhunen_field::resample::spectral;
use karhunen_field::sampler::{DpmSolver2M, Method, Reverse, Sampler, UniPc, integrate, start};
use karhunen_field::{Boundary, Ensemble, Field, FieldError, GaussianLaw, Grid, Prior};

/// Data, noise and path with the denoiser of the data.
struct Case {
    grid: Grid,
    law: GaussianLaw,
    prior: Bessel,
    path: VariancePreserving,
    denoiser: Box<dyn Denoiser>,
}

impl Case {
    fn new(points: &[usize], boundary: Boundary, channels: usize) -> Self {
        let grid = Grid::unit(points, boundary).unwrap();
        let dim = points.len();
        let prior = Bessel::new(dim, 8.0, 8.0, 0.9).unwrap();
        let data: Arc<dyn Prior> = Arc::new(Bessel::new(dim, 100.0, 30.0, 1.3).unwrap());
        let mean = (0..channels * grid.len()).map(|i| (i as f64).cos()).collect();
        let mean = Field::new(grid, channels, mean).unwrap();
        let law = GaussianLaw::new(mean, vec![data; channels]).unwrap();
        let path = VariancePreserving::default();
        let oracle = Gaussian::new(law.clone(), Arc::new(prior), Arc::new(path));
        Self { grid, law, prior, path, denoiser: Box::new(oracle) }
    }

    fn start(&self, grid: Grid, indices: Range<u64>) -> Ensemble {
        start(&self.law, &self.prior, &self.path, grid, 8, indices)
    }

    fn reverse(&self, first_index: u64) -> Reverse<'_> {
        Reverse::new(&self.path, &self.prior, &self.law, &*self.denoiser, 8, first_index)
    }

    fn run(&self, method: Method, steps: usize, grid: Grid, indices: Range<u64>) -> Ensemble {
        let times = method.default_times().times(&self.path, steps);
        let mut reverse = self.reverse(indices.start);
        let x = self.start(grid, indices);
        integrate(&mut *method.build(), &mut reverse, &times, x, &mut |_, _| {}).unwrap()
    }
}

/// A denoiser that couples modes, because one that is diagonal in them would hide mistakes.
struct Saturating(Box<dyn Denoiser>);

impl Denoiser for Saturating {
    fn denoise(&self, x: &Ensemble, t: f64) -> Result<Ensemble, FieldError> {
        let mut out = self.0.denoise(x, t)?;
        out.values.iter_mut().for_each(|v| *v = v.tanh());
        Ok(out)
    }
}

#[test]
fn a_field_does_not_depend_on_its_batch_mates() {
    let mut case = Case::new(&[6, 5], Boundary::Periodic, 2);
    case.denoiser = Box::new(Saturating(case.denoiser));
    for method in Method::ALL {
        let batch = case.run(method, 9, case.grid, 10..15);
        for i in 0..5 {
            let alone = case.run(method, 9, case.grid, 10 + i..11 + i);
            assert_eq!(batch.slice(i as usize..i as usize + 1), alone, "{method}, field {i}");
        }
    }
}

/// With nested start and steps, the coarse run on diagonal data is the restriction of the fine run.
#[test]
fn samples_of_two_grids_are_the_same_functions() {
    let pairs: [(&[usize], &[usize]); 3] =
        [(&[7], &[15]), (&[4, 6], &[9, 11]), (&[3, 2, 4], &[5, 5, 7])];
    for boundary in [Boundary::Neumann, Boundary::Periodic] {
        for (points, fine) in pairs {
            let case = Case::new(points, boundary, 1);
            let fine = case.grid.with_points(fine).unwrap();
            for method in Method::ALL {
                let coarse = case.run(method, 30, case.grid, 0..3);
                let fine = case.run(method, 30, fine, 0..3);
                let restricted = spectral(&fine, case.grid).unwrap();
                let scale = coarse.values.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
                for (a, b) in coarse.values.iter().zip(&restricted.values) {
                    assert!((a - b).abs() < 1e-10 * scale, "{boundary} {method}: {a} {b}");
                }
            }
        }
    }
}

#[test]
fn white_noise_per_cell_starts_from_independent_numbers() {
    let grid = Grid::unit(&[4], Boundary::Periodic).unwrap();
    let path = VariancePreserving::new(0.1, 1.0, 1e-3).unwrap();
    let law = GaussianLaw::centred(grid, Arc::new(Bessel::new(1, 30.0, 5.0, 0.9).unwrap()), 1);
    let n = 40_000;
    let x = start(&law, &Standard::new(), &path, grid, 2, 0..n);
    let trace: f64 = law.variances(&grid).iter().sum();
    let expected = path.signal(1.0).powi(2) * trace + path.noise(1.0).powi(2);
    for cell in 0..4 {
        let variance = x.fields().map(|f| f[cell] * f[cell]).sum::<f64>() / n as f64;
        // five standard errors: false alarm 2e-6 for the four cells
        let ratio = variance / expected;
        assert!((ratio - 1.0).abs() < 5.0 * (2.0 / n as f64).sqrt(), "{cell}: {ratio}");
    }
}

#[test]
fn multistep_history_ends_with_the_grid_and_the_run() {
    check_history::<DpmSolver2M>();
    check_history::<UniPc>();
}

fn check_history<S: Sampler + Clone + Default>() {
    let case = Case::new(&[6], Boundary::Neumann, 1);
    let times = TimeGrid::LogSnr.times(&case.path, 6);
    let x = case.start(case.grid, 0..2);
    let step = |sampler: &mut S, x: &Ensemble, i: usize| {
        let mut x = x.clone();
        sampler.step(&mut case.reverse(0), &mut x, times[i], times[i + 1], i).unwrap();
        x
    };
    let mut used = S::default();
    let after = step(&mut used, &x, 0);
    let coarse = spectral(&after, case.grid.with_points(&[4]).unwrap()).unwrap();
    let fresh = S::default;
    assert_eq!(step(&mut used.clone(), &coarse, 1), step(&mut fresh(), &coarse, 1));
    assert_ne!(step(&mut used.clone(), &after, 1), step(&mut fresh(), &after, 1));
    // a new start, or fewer fields
    assert_eq!(step(&mut used.clone(), &x, 0), step(&mut fresh(), &x, 0));
    let fewer = after.slice(0..1);
    assert_eq!(step(&mut used.clone(), &fewer, 1), step(&mut fresh(), &fewer, 1));

    let mut reverse = case.reverse(0);
    let mut run = |x| integrate(&mut used, &mut reverse, &times, x, &mut |_, _| {}).unwrap();
    assert_eq!(run(x.clone()), run(x));
}

#[test]
fn evaluations_are_what_the_budget_says() {
    let case = Case::new(&[3], Boundary::Neumann, 1);
    for method in Method::ALL {
        let steps = method.steps_for(13).unwrap();
        let mut reverse = case.reverse(0);
        let mut seen = Vec::new();
        let times = method.default_times().times(&case.path, steps);
        let mut observe = |done, of| seen.push((done, of));
        let x = case.start(case.grid, 0..1);
        integrate(&mut *method.build(), &mut reverse, &times, x, &mut observe).unwrap();
        assert_eq!(reverse.evaluations, 13);
        assert_eq!(seen, (1..=steps).map(|i| (i, steps)).collect::<Vec<_>>());
    }
    assert_eq!(Method::Heun.steps_for(14).unwrap(), 6);
    let few = Method::Heun.steps_for(2).unwrap_err();
    assert!(few.to_string().contains("at least 3"), "{few}");
    let few = Method::DpmSolver2M.steps_for(1).unwrap_err();
    assert!(few.to_string().contains("at least 2"), "{few}");
}

#[test]
fn names_round_trip_and_unknown_ones_list_the_known() {
    for method in Method::ALL {
        let written = serde_json::to_string(&method).unwrap();
        assert_eq!(written, format!("\"{method}\""));
        assert_eq!(serde_json::from_str::<Method>(&written).unwrap(), method);
    }
    let error = "dpm".parse::<Method>().unwrap_err();
    let message = "unknown sampler `dpm`; known are euler-maruyama, heun, dpm++2m, \
                   wiener-exponential, ddim, heun-churn, exponential-euler, predictor-corrector, \
                   wiener-ancestral, unipc";
    assert_eq!(error.to_string(), message);
    assert!(serde_json::from_str::<Method>("\"dpm\"").unwrap_err().to_string().contains(message));
}

/// The identity until t = 0.5, then one constant value.
struct Failing(f64);

impl Denoiser for Failing {
    fn denoise(&self, x: &Ensemble, t: f64) -> Result<Ensemble, FieldError> {
        let mut out = x.clone();
        if t < 0.5 {
            out.values[0] = self.0;
        }
        Ok(out)
    }
}

/// Answers on a different grid, or with a different number of fields.
struct Reshaping(Ensemble);

impl Denoiser for Reshaping {
    fn denoise(&self, _: &Ensemble, _: f64) -> Result<Ensemble, FieldError> {
        Ok(self.0.clone())
    }
}

#[test]
fn what_cannot_be_sampled_is_an_error_with_step_and_time() {
    let grid = Grid::unit(&[2], Boundary::Neumann).unwrap();
    let path = VariancePreserving::default();
    let q = Standard::new();
    let law = GaussianLaw::centred(grid, Arc::new(Bessel::new(1, 1.0, 1.0, 0.9).unwrap()), 1);
    let run = |denoiser: &dyn Denoiser, times: &[f64]| {
        let mut reverse = Reverse::new(&path, &q, &law, denoiser, 1, 0);
        let x = Ensemble::zeros(grid, 1, 1);
        integrate(&mut DpmSolver2M::default(), &mut reverse, times, x, &mut |_, _| {})
    };
    match run(&Failing(f64::NAN), &[1.0, 0.7, 0.4, 0.2]) {
        Err(FieldError::NonFinite { step: 2, time, .. }) => assert_eq!(time, 0.4),
        other => panic!("{other:?}"),
    }
    assert!(matches!(
        run(&Failing(f64::MAX), &[1.0, 0.7, 0.4, 0.2, 0.1]),
        Err(FieldError::NonFinite { what: "the sample", .. })
    ));
    for times in [&[] as &[f64], &[1.0, 0.0], &[1.0, f64::NAN], &[1.0, 0.5, 0.5], &[0.5, 0.6]] {
        let error = run(&Failing(0.0), times).unwrap_err();
        assert!(matches!(error, FieldError::Parameter { .. }), "{times:?}: {error}");
    }
    // one more step would draw the noise of the first corrector
    let times: Vec<f64> = (0..983_042).map(|i| 1.0 - 1e-7 * f64::from(i)).collect();
    let error = run(&Failing(f64::NAN), &times).unwrap_err().to_string();
    assert!(error.starts_with("sampler steps = 983041: must be 983040 at most"), "{error}");
    assert!(run(&Failing(f64::NAN), &times[..983_041]).is_ok());
    let finer = Ensemble::zeros(grid.with_points(&[3]).unwrap(), 1, 1);
    let error = run(&Reshaping(finer), &[1.0, 0.5]).unwrap_err();
    assert!(matches!(error, FieldError::GridMismatch { .. }), "{error}");
    let more = Ensemble::zeros(grid, 1, 2);
    let error = run(&Reshaping(more), &[1.0, 0.5]).unwrap_err();
    assert!(matches!(error, FieldError::Length { .. }), "{error}");
}
