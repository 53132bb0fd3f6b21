//! Runs that change their grid on the way, and time grids chosen by tolerance.

use std::sync::Arc;

use karhunen_field::denoiser::{Denoiser, Gaussian, Mixture};
use karhunen_field::path::{Cosine, Flow, Path, TimeGrid, VarianceExploding, VariancePreserving};
use karhunen_field::prior::{Bessel, Standard};
use karhunen_field::resample::spectral;
use karhunen_field::sampler::{
    Method, Refinement, Reverse, Sampler, WienerExponential, adaptive_times, integrate,
    integrate_refining, start,
};
use karhunen_field::{
    Axis, Boundary, Ensemble, Field, FieldError, GaussianLaw, Grid, Mode, Prior, Transform,
};

/// Rounding of some thirty closed-form steps and transforms, relative to the data.
const EXACT: f64 = 1e-9;

fn paths() -> Vec<Arc<dyn Path>> {
    vec![
        Arc::new(VariancePreserving::default()),
        Arc::new(Cosine::default()),
        Arc::new(VarianceExploding::default()),
        Arc::new(Flow::default()),
    ]
}

/// A law whose mean lives on the coarsest grid, its noise prior, and grids from coarse to fine.
/// Their sizes are no multiples of one another.
fn gaussian(ladder: &[Grid]) -> (GaussianLaw, Bessel) {
    let coarse = ladder[0];
    let mean = (0..2 * coarse.len()).map(|i| 3.0 * (i as f64).cos()).collect();
    let mean = Field::new(coarse, 2, mean).unwrap();
    let c: Arc<dyn Prior> = Arc::new(Bessel::new(coarse.dim(), 250.0, 30.0, 1.5).unwrap());
    let q = Bessel::new(coarse.dim(), 8.0, 8.0, 0.9).unwrap();
    (GaussianLaw::new(mean, vec![c.clone(), c]).unwrap(), q)
}

fn ladders() -> Vec<Vec<Grid>> {
    let mut ladders = Vec::new();
    let families: [&[&[usize]]; 3] = [
        &[&[5], &[8], &[19]],
        &[&[4, 3], &[5, 7], &[11, 8]],
        &[&[2, 3, 2], &[3, 3, 4], &[6, 5, 7]],
    ];
    for boundary in [Boundary::Neumann, Boundary::Periodic, Boundary::Dirichlet] {
        for family in families {
            let coarse = Grid::unit(family[0], boundary).unwrap();
            ladders.push(family.iter().map(|n| coarse.with_points(n).unwrap()).collect());
        }
    }
    let axis = |points, boundary| Axis { points, length: 1.0, boundary };
    let mixed = Grid::new(&[axis(4, Boundary::Dirichlet), axis(3, Boundary::Periodic)]).unwrap();
    ladders.push([[4, 3], [5, 7], [11, 8]].map(|n| mixed.with_points(&n).unwrap()).into());
    ladders
}

/// Changes the grid where the log-SNR passes one third and two thirds of its range.
fn schedule(path: &dyn Path, ladder: &[Grid]) -> Vec<Refinement> {
    let (noisy, clean) = (path.log_snr(path.start()), path.log_snr(path.end()));
    let time = |part: f64| path.time_of_log_snr(noisy + part * (clean - noisy));
    vec![
        Refinement { time: time(0.33), grid: ladder[1] },
        Refinement { time: time(0.66), grid: ladder[2] },
    ]
}

fn relative(x: &Ensemble, y: &Ensemble) -> f64 {
    let norm = |v: &mut dyn Iterator<Item = f64>| v.map(|x| x * x).sum::<f64>().sqrt();
    norm(&mut x.values.iter().zip(&y.values).map(|(a, b)| a - b))
        / norm(&mut y.values.iter().copied())
}

/// One problem, run from T.
struct Run<'a> {
    law: &'a GaussianLaw,
    prior: &'a Bessel,
    path: &'a dyn Path,
    oracle: &'a dyn Denoiser,
    times: &'a [f64],
}

impl Run<'_> {
    fn reverse(&self) -> Reverse<'_> {
        Reverse::new(self.path, self.prior, self.law, self.oracle, 8, 2)
    }

    fn start(&self, grid: Grid) -> Ensemble {
        start(self.law, self.prior, self.path, grid, 8, 2..5)
    }

    fn fine(&self, sampler: &mut dyn Sampler, ladder: &[Grid]) -> Ensemble {
        let x = self.start(ladder[2]);
        integrate(sampler, &mut self.reverse(), self.times, x, &mut |_, _| {}).unwrap()
    }

    fn refined(&self, sampler: &mut dyn Sampler, ladder: &[Grid]) -> Ensemble {
        let (x, schedule) = (self.start(ladder[0]), schedule(self.path, ladder));
        let mut reverse = self.reverse();
        integrate_refining(sampler, &mut reverse, self.times, &schedule, x, &mut |_, _| {}).unwrap()
    }
}

#[test]
fn on_gaussian_data_a_refined_run_is_the_fine_run() {
    for ladder in ladders() {
        let (law, q) = gaussian(&ladder);
        for path in paths() {
            let oracle = Gaussian::new(law.clone(), Arc::new(q), path.clone());
            let path = &*path;
            for steps in [4, 30] {
                let times = TimeGrid::LogSnr.times(path, steps);
                let run = Run { law: &law, prior: &q, path, oracle: &oracle, times: &times };
                let fine = run.fine(&mut WienerExponential::default(), &ladder);
                let refined = run.refined(&mut WienerExponential::default(), &ladder);
                assert_eq!(refined.grid, ladder[2]);
                let error = relative(&refined, &fine);
                assert!(error < EXACT, "{ladder:?} {path:?} {steps}: {error:.1e}");
            }
        }
    }
}

/// Two means that differ on the coarsest grid's modes. The new modes have a Gaussian law, and the
/// history of the old ones must survive the change of the grid.
fn mixture(ladder: &[Grid], path: Arc<dyn Path>) -> (Mixture, GaussianLaw, Bessel) {
    let coarse = ladder[0];
    let q = Bessel::new(coarse.dim(), 2.0, 8.0, 0.9).unwrap();
    let c: Arc<dyn Prior> = Arc::new(Bessel::new(coarse.dim(), 1.5, 8.0, 0.9).unwrap());
    let mean = |sign: f64| {
        let modes: Vec<f64> =
            (0..coarse.mode_count()).map(|k| sign * 0.7 / (1.0 + k as f64)).collect();
        Field::new(coarse, 1, Transform::new(coarse).synthesise_channels(&modes)).unwrap()
    };
    let parts = vec![(0.5, mean(1.0)), (0.5, mean(-1.0))];
    let law = GaussianLaw::centred(coarse, c.clone(), 1);
    (Mixture::new(parts, c, Arc::new(q), path).unwrap(), law, q)
}

#[test]
fn what_is_not_gaussian_on_coarse_modes_is_not_lost_either() {
    for ladder in ladders() {
        let path: Arc<dyn Path> = Arc::new(VariancePreserving::default());
        let (oracle, law, q) = mixture(&ladder, path.clone());
        let times = TimeGrid::LogSnr.times(&*path, 20);
        let run = Run { law: &law, prior: &q, path: &*path, oracle: &oracle, times: &times };
        let fine = run.fine(&mut WienerExponential::default(), &ladder);
        let refined = run.refined(&mut WienerExponential::default(), &ladder);
        let error = relative(&refined, &fine);
        assert!(error < EXACT, "{ladder:?}: {error:.1e}");
        // another method errs in the new modes while it runs on the fine grid, but not before the
        // change
        let exact = TimeGrid::LogSnr.times(&*path, 2000);
        let exact = Run { times: &exact, ..run }.fine(&mut WienerExponential::default(), &ladder);
        for method in [Method::DpmSolver2M, Method::UniPc] {
            let own = relative(&run.fine(&mut *method.build(), &ladder), &exact);
            let refined = relative(&run.refined(&mut *method.build(), &ladder), &exact);
            // of the third order some survives a start in between, up to 7e-5
            let bound = if method == Method::UniPc { own + 2e-4 } else { 1.05 * own };
            assert!(refined < bound, "{method} {ladder:?}: {refined:.1e}, on one grid {own:.1e}");
        }
    }
}

/// Every method runs across grids. On Gaussian data modes do not interact. The restriction of the
/// result to the coarse grid is therefore the result of a run that stays coarse.
#[test]
fn every_method_crosses_grids() {
    let ladder = &ladders()[1];
    let (law, q) = gaussian(ladder);
    let path: Arc<dyn Path> = Arc::new(VariancePreserving::default());
    let oracle = Gaussian::new(law.clone(), Arc::new(q), path.clone());
    for method in Method::ALL {
        let times = method.default_times().times(&*path, 25);
        let run = Run { law: &law, prior: &q, path: &*path, oracle: &oracle, times: &times };
        let refined = run.refined(&mut *method.build(), ladder);
        let x = run.start(ladder[0]);
        let coarse =
            integrate(&mut *method.build(), &mut run.reverse(), &times, x, &mut |_, _| {}).unwrap();
        let error = relative(&spectral(&refined, ladder[0]).unwrap(), &coarse);
        assert!(error < EXACT, "{method}: {error:.1e}");
    }
}

#[test]
fn schedules_that_cannot_be_are_refused() {
    let path = VariancePreserving::default();
    let grid = Grid::unit(&[4], Boundary::Neumann).unwrap();
    let law = GaussianLaw::centred(grid, Arc::new(Bessel::new(1, 1.0, 1.0, 0.9).unwrap()), 1);
    let oracle = Gaussian::new(law.clone(), law.covariances()[0].clone(), Arc::new(path));
    let fine = grid.with_points(&[6]).unwrap();
    let run = |prior: &dyn Prior, refinements: &[Refinement]| {
        let mut reverse = Reverse::new(&path, prior, &law, &oracle, 1, 0);
        let mut sampler = WienerExponential::default();
        let x = Ensemble::zeros(grid, 1, 1);
        let times = [1.0, 0.5, 0.1];
        integrate_refining(&mut sampler, &mut reverse, &times, refinements, x, &mut |_, _| {})
    };
    let q = law.covariances()[0].clone();
    let at = |time, grid| Refinement { time, grid };
    assert_eq!(run(&*q, &[at(0.1, fine)]).unwrap().grid, fine);
    assert_eq!(run(&*q, &[at(2.0, fine)]).unwrap().grid, fine);
    for times in [&[0.05][..], &[f64::NAN], &[0.4, 0.6]] {
        let list: Vec<Refinement> = times.iter().map(|&t| at(t, fine)).collect();
        let error = run(&*q, &list).unwrap_err();
        assert!(error.to_string().starts_with("refinement time"), "{error}");
    }
    for coarser in [grid.with_points(&[3]).unwrap(), Grid::unit(&[8], Boundary::Periodic).unwrap()]
    {
        let error = run(&*q, &[at(0.5, coarser)]).unwrap_err();
        assert!(matches!(error, FieldError::GridMismatch { .. }), "{error}");
    }
    assert_eq!(run(&Standard::new(), &[at(0.5, fine)]).unwrap_err(), FieldError::NotNested);
}

#[test]
fn tolerances_buy_accuracy() {
    for path in paths() {
        let ladder = &ladders()[1];
        let (oracle, law, q) = mixture(ladder, path.clone());
        let path = &*path;
        let run = |times: &[f64]| {
            let run = Run { law: &law, prior: &q, path, oracle: &oracle, times };
            run.fine(&mut WienerExponential::default(), ladder)
        };
        let exact = run(&TimeGrid::LogSnr.times(path, 2000));
        let mut history: Vec<(usize, f64)> = Vec::new();
        for tolerance in [0.1, 0.01, 0.001] {
            let mut reverse = Reverse::new(path, &q, &law, &oracle, 8, 0);
            let pilots = start(&law, &q, path, ladder[2], 8, 0..4);
            let times = adaptive_times(&mut reverse, pilots, tolerance).unwrap();
            assert_eq!((times[0], times[times.len() - 1]), (path.start(), path.end()));
            assert!(times.windows(2).all(|w| w[1] < w[0]));
            assert_eq!(reverse.evaluations, times.len() - 1);
            let (steps, error) = (times.len() - 1, relative(&run(&times), &exact));
            // steps are checked one by one, and their errors add
            assert!(error < 3.0 * tolerance, "{path:?} {tolerance}: {error:.1e} in {steps} steps");
            history.push((steps, error));
        }
        assert!(history.windows(2).all(|w| w[0].0 < w[1].0), "{path:?}: {history:?}");
        assert!(history[2].1 < 0.3 * history[0].1, "{path:?}: {history:?}");
        for tolerance in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let mut reverse = Reverse::new(path, &q, &law, &oracle, 8, 0);
            let pilots = start(&law, &q, path, ladder[2], 8, 0..4);
            let error = adaptive_times(&mut reverse, pilots, tolerance).unwrap_err();
            assert!(error.to_string().starts_with("tolerance = "), "{error}");
        }
    }
}

/// With nothing to integrate, steps only grow.
#[test]
fn gaussian_data_take_a_handful_of_steps() {
    let ladder = &ladders()[1];
    let (law, q) = gaussian(ladder);
    let path: Arc<dyn Path> = Arc::new(VariancePreserving::default());
    let oracle = Gaussian::new(law.clone(), Arc::new(q), path.clone());
    let mut reverse = Reverse::new(&*path, &q, &law, &oracle, 8, 0);
    let pilots = start(&law, &q, &*path, ladder[2], 8, 0..4);
    let times = adaptive_times(&mut reverse, pilots, 1e-6).unwrap();
    // 0.4 (1 + 2 + … + 2^(n−1)) covers ln(a/b) from −5 to 4.6 for n = 5
    assert_eq!(times.len() - 1, 5);
}

/// Data equal to their mean: the run for them is exact, not one of shortest steps.
#[test]
fn data_without_variance_take_a_handful_of_steps_too() {
    /// No variance in any mode.
    #[derive(Debug)]
    struct Nothing;
    impl Prior for Nothing {
        fn eigenvalue(&self, _: &Mode) -> f64 {
            0.0
        }
    }
    let ladder = &ladders()[1];
    let (_, q) = gaussian(ladder);
    let law = GaussianLaw::centred(ladder[0], Arc::new(Nothing), 2);
    let path: Arc<dyn Path> = Arc::new(VariancePreserving::default());
    let oracle = Gaussian::new(law.clone(), Arc::new(q), path.clone());
    let mut reverse = Reverse::new(&*path, &q, &law, &oracle, 8, 0);
    let pilots = start(&law, &q, &*path, ladder[2], 8, 0..4);
    assert_eq!(adaptive_times(&mut reverse, pilots, 1e-6).unwrap().len() - 1, 5);
}
