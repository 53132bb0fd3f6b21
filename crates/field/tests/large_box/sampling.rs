//! Sampled fields of a larger box.

use std::sync::Arc;

use karhunen_field::denoiser::Gaussian;
use karhunen_field::large_box::{DEFAULT_OVERLAP, Enlarged, LargeBox, Windowed};
use karhunen_field::path::{Path, TimeGrid, VariancePreserving};
use karhunen_field::prior::Matern;
use karhunen_field::sampler::{self, DpmSolver2M, Refinement, Reverse, WienerExponential};
use karhunen_field::{
    Boundary, Denoiser, Ensemble, FieldError, GaussianLaw, Grid, Prior, Transform, resample,
};
use ndarray::Array2;

use crate::data::{Case, ROUGH, Small, trained};

/// Covariance of a sampler's fields, cell by cell. The run is linear, so one field for each mode of
/// the start determines it.
fn sampled(case: &Case, sampler: &mut dyn sampler::Sampler, steps: usize) -> Array2<f64> {
    let (grid, path) = (case.grid(), Arc::clone(case.known.path()));
    let small = Small(&case.small, None);
    let windowed = Windowed::new(&case.known, &small);
    let (law, prior) = (case.known.law(), case.known.prior());
    let (a, b) = (path.signal(path.start()), path.noise(path.start()));
    let transform = Transform::new(grid);
    let spectra = law.variances(&grid).into_iter().zip(prior.eigenvalues(&grid));
    let mut start = Vec::new();
    for (k, (c, lambda)) in spectra.enumerate() {
        let mut modes = vec![0.0; grid.mode_count()];
        modes[k] = (a * a * c + b * b * lambda).sqrt();
        start.extend(transform.synthesise_channels(&modes));
    }
    let x = Ensemble::new(grid, 1, start).unwrap();
    let times = TimeGrid::LogSnr.times(path.as_ref(), steps);
    let mut reverse = Reverse::new(path.as_ref(), prior.as_ref(), law, &windowed, 1, 0);
    let y = sampler::integrate(sampler, &mut reverse, &times, x, &mut |_, _| ()).unwrap();
    let y = Array2::from_shape_vec((grid.mode_count(), grid.len()), y.values).unwrap();
    y.t().dot(&y)
}

/// Stationary data: variance and covariance of sampled fields are those of the data, both within
/// windows and across their seams.
#[test]
fn sampled_fields_have_the_datas_covariance_across_seams() {
    let case = Case::new(ROUGH, 32, 4, false, DEFAULT_OVERLAP);
    for found in [
        sampled(&case, &mut WienerExponential::default(), 20),
        sampled(&case, &mut DpmSolver2M::default(), 20),
    ] {
        // inside, at least a quarter of a window from the ends of the box, for distances up to a
        // quarter window
        let worst = (16..112)
            .flat_map(|i| (0..8).map(move |lag| (i, (i + lag).min(111))))
            .map(|(i, j)| (found[[i, j]] - case.truth[[i, j]]).abs())
            .fold(0.0, f64::max);
        println!("largest error of the covariance: {worst:.4}");
        assert!(worst < 0.05, "{worst}");
    }
}

/// On a periodic axis the last and the first cell are neighbours like any other two.
#[test]
fn a_periodic_field_tiles() {
    let case = Case::new(ROUGH, 32, 3, true, DEFAULT_OVERLAP);
    let cells = case.grid().len();
    let found = sampled(&case, &mut WienerExponential::default(), 20);
    for lag in 1..4 {
        let pairs: Vec<f64> = (0..cells).map(|i| found[[i, (i + lag) % cells]]).collect();
        let mean = pairs.iter().sum::<f64>() / cells as f64;
        let across = &pairs[cells - lag..];
        assert!(pairs.iter().all(|c| (c - mean).abs() < 0.02), "lag {lag}: {mean} {pairs:?}");
        assert!(across.iter().all(|c| (c - case.truth[[0, lag]]).abs() < 0.05), "{across:?}");
    }
}

/// One (seed, index) is one function on every grid of the larger box, finer or coarser than the
/// windows. Runs that refine end with it too.
#[test]
fn one_seed_is_one_function_on_every_grid() {
    let small = trained(&[8], Boundary::Neumann);
    let path: Arc<dyn Path> = Arc::new(VariancePreserving::default());
    let matern: Arc<dyn Prior> = Arc::new(Matern::new(1.0, 0.15, 1.5).unwrap());
    let noise: Arc<dyn Prior> = Arc::new(Matern::new(2.0, 0.05, 0.5).unwrap());
    let law = GaussianLaw::centred(small, matern, 1);
    let large = LargeBox::new(small, &[3.0], &[false]).unwrap();
    let known =
        Enlarged::new(large, Arc::clone(&path), law.clone(), Arc::clone(&noise), 0.375).unwrap();
    // a nonlinear answer for the trained box, different from the Wiener filter
    struct Bent(Gaussian);
    impl Denoiser for Bent {
        fn denoise(&self, x: &Ensemble, t: f64) -> Result<Ensemble, FieldError> {
            let mut y = self.0.denoise(x, t)?;
            y.values.iter_mut().for_each(|v| *v = (1.3 * *v).tanh());
            Ok(y)
        }
    }
    let bent = Bent(Gaussian::new(law, noise, Arc::clone(&path)));
    let on_windows = Small(&bent, Some(small));
    let windowed = Windowed::new(&known, &on_windows);
    let grids: Vec<Grid> =
        [24, 31, 48].iter().map(|n| known.large().grid(&[*n]).unwrap()).collect();
    assert_eq!(windowed.answers_on(&grids[2]).unwrap().points(), [24]);
    let run = |grid: Grid, refinements: &[Refinement], first: Grid| {
        let (law, prior) = (known.law(), known.prior().as_ref());
        let x = sampler::start(law, prior, path.as_ref(), first, 7, 2..4);
        let mut reverse = Reverse::new(path.as_ref(), prior, law, &windowed, 7, 2);
        let times = TimeGrid::LogSnr.times(path.as_ref(), 8);
        let mut sampler = WienerExponential::default();
        let y = sampler::integrate_refining(
            &mut sampler,
            &mut reverse,
            &times,
            refinements,
            x,
            &mut |_, _| (),
        )
        .unwrap();
        resample::spectral(&y, grid).unwrap()
    };
    let coarse = run(grids[0], &[], grids[0]);
    let off = |other: &Ensemble| {
        coarse.values.iter().zip(&other.values).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
    };
    assert!(off(&run(grids[0], &[], grids[1])) < 1e-11);
    assert!(off(&run(grids[0], &[], grids[2])) < 1e-11);
    let time = path.start() * 0.5;
    let refined = run(grids[0], &[Refinement { time, grid: grids[2] }], grids[0]);
    assert!(off(&refined) < 1e-11);
    // the same field alone and in a batch
    assert_eq!(run(grids[0], &[], grids[0]).values, coarse.values);
}
