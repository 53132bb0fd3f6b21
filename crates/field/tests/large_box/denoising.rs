//! The denoiser of a larger box against exact ones.

use std::sync::Arc;

use karhunen_field::denoiser::Gaussian;
use karhunen_field::large_box::{DEFAULT_OVERLAP, Enlarged, LargeBox, Windowed};
use karhunen_field::path::{Path, VariancePreserving};
use karhunen_field::prior::Matern;
use karhunen_field::{
    Boundary, Denoiser, Ensemble, Field, FieldError, GaussianLaw, Prior, Transform,
};
use ndarray::Array2;

use crate::data::{Case, Data, Dense, ROUGH, Small, trained, wavy};

/// √(E|D − D*|² / E|D*|²) over noisy stationary fields, where D* is the exact denoiser of the
/// larger box.
fn error(case: &Case, denoiser: &dyn Denoiser, t: f64) -> f64 {
    let (grid, exact) = (case.grid(), case.exact());
    let (a, b) = (exact.path.signal(t), exact.path.noise(t));
    let unit: Vec<f64> = (0..grid.len() * grid.len())
        .map(|i| if i / grid.len() == i % grid.len() { 1.0 } else { 0.0 })
        .collect();
    let unit = Ensemble::new(grid, 1, unit).unwrap();
    let of = |d: &dyn Denoiser| {
        // row i: D applied to the unit vector of cell i
        let rows = d.denoise(&unit, t).unwrap().values;
        Array2::from_shape_vec((grid.len(), grid.len()), rows).unwrap()
    };
    let (found, known) = (of(denoiser), of(&exact));
    let mut spread = &case.truth * (a * a);
    (0..grid.len()).for_each(|i| spread[[i, i]] += b * b);
    let trace = |d: &Array2<f64>| (spread.dot(d) * d).sum();
    (trace(&(&found - &known)) / trace(&known)).sqrt()
}

/// Error as a function of overlap, with the Wiener filter of the whole box and with windows alone:
/// the table in the documentation.
#[test]
fn the_wiener_filter_of_the_whole_box_helps_and_so_does_overlap() {
    for (name, data) in [
        ("rough, cut from larger fields", ROUGH),
        ("wavy, cut from larger fields", Data { covariance: wavy, walled: false }),
        ("wavy, of a box with mirrors as walls", Data { covariance: wavy, walled: true }),
    ] {
        let mut before = f64::INFINITY;
        for overlap in [0.0, 0.125, 0.25, 0.375, 0.5] {
            let case = Case::new(data, 32, 4, false, overlap);
            let small = Small(&case.small, None);
            let together = Windowed::new(&case.known, &small);
            let nothing = case.knowing_nothing();
            let alone = Windowed::new(&nothing, &small);
            let worst = |d: &dyn Denoiser| {
                [0.25, 0.4].map(|t| error(&case, d, t)).into_iter().fold(0.0, f64::max)
            };
            let (split, plain) = (worst(&together), worst(&alone));
            println!("{name}, overlap {overlap}: {split:.4}, windows alone {plain:.4}");
            assert!(split < before + 2e-3, "{name} {overlap}: {split} after {before}");
            assert!(split < plain + 0.01, "{name} {overlap}: {split} against {plain}");
            if data.walled {
                assert!(split < 0.2 * plain, "{name} {overlap}: {split} against {plain}");
            }
            before = split;
        }
        assert!(before < 0.02, "{name}: {before}");
    }
}

/// On data that are diagonal in the modes windows add nothing: the answer is the Wiener filter of
/// the larger box.
#[test]
fn on_data_diagonal_in_the_modes_the_denoiser_is_exact() {
    let path: Arc<dyn Path> = Arc::new(VariancePreserving::default());
    let matern: Arc<dyn Prior> = Arc::new(Matern::new(1.0, 0.2, 1.5).unwrap());
    let noise: Arc<dyn Prior> = Arc::new(Matern::new(2.0, 0.05, 0.5).unwrap());
    for (boundary, times, periodic) in [
        (Boundary::Neumann, [2.0, 3.0], [false, false]),
        (Boundary::Neumann, [1.0, 2.5], [true, true]),
        (Boundary::Periodic, [2.0, 1.0], [false, false]),
    ] {
        let small = trained(&[8, 6], boundary);
        let mean = Field::new(small, 2, vec![0.7; 2 * small.len()]).unwrap();
        let law = GaussianLaw::new(mean, vec![Arc::clone(&matern); 2]).unwrap();
        let own = Gaussian::new(law.clone(), Arc::clone(&noise), Arc::clone(&path));
        let large = LargeBox::new(small, &times, &periodic).unwrap();
        let known = Enlarged::new(large, Arc::clone(&path), law.clone(), Arc::clone(&noise), 0.375)
            .unwrap();
        assert!(known.mean_variation() < 1e-20);
        let whole =
            Gaussian::new(known.law().clone(), Arc::clone(known.prior()), Arc::clone(&path));
        let on_windows = Small(&own, Some(small));
        let windowed = Windowed::new(&known, &on_windows);
        for points in [[20, 30], [16, 18], [16, 15]] {
            let grid = known.large().grid(&points).unwrap();
            let x = known.noisy(grid, 0.4, 3, 2);
            let w = known.noisy(grid, 0.7, 4, 2);
            let close = |a: &Ensemble, b: &Ensemble| {
                let off =
                    a.values.iter().zip(&b.values).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
                assert!(off < 1e-11, "{points:?}: {off}");
            };
            close(&windowed.denoise(&x, 0.4).unwrap(), &whole.denoise(&x, 0.4).unwrap());
            let pulled = windowed.pullback(&x, 0.4, &w).unwrap().unwrap();
            close(&pulled, &whole.pullback(&x, 0.4, &w).unwrap().unwrap());
        }
        assert!(
            windowed
                .disagreement(&known.noisy(known.large().like(&small).unwrap(), 0.4, 3, 1), 0.4)
                .unwrap()
                < 1e-12
        );
    }
}

/// Windows disagree if the denoiser depends on the place in the window. A varying mean is detected
/// too.
#[test]
fn data_that_are_not_stationary_are_found_out() {
    let case = Case::new(ROUGH, 32, 2, false, DEFAULT_OVERLAP);
    struct Placed(Dense);
    impl Denoiser for Placed {
        fn denoise(&self, x: &Ensemble, t: f64) -> Result<Ensemble, FieldError> {
            let mut y = self.0.denoise(x, t)?;
            for field in y.fields_mut() {
                field.iter_mut().enumerate().for_each(|(j, v)| *v *= (j as f64 * 0.3).sin());
            }
            Ok(y)
        }
    }
    let (grid, t) = (case.grid(), case.known.half_known());
    let x = case.known.noisy(grid, t, 5, 3);
    let at_home = Small(&case.small, None);
    let same = Windowed::new(&case.known, &at_home).disagreement(&x, t).unwrap();
    let Dense { grid: own, covariance, noise, path } = Case::new(ROUGH, 32, 2, false, 0.0).small;
    let placed = Placed(Dense { grid: own, covariance, noise, path });
    let away = Small(&placed, None);
    let moved = Windowed::new(&case.known, &away).disagreement(&x, t).unwrap();
    assert!(same < 0.01 && moved > 0.05, "{same} {moved}");

    let mean = (0..32).map(|j| (j as f64 * 0.2).cos()).collect();
    let law = GaussianLaw::new(Field::new(own, 1, mean).unwrap(), case.law.covariances().to_vec());
    let large = LargeBox::new(own, &[2.0], &[false]).unwrap();
    let path = Arc::clone(case.known.path());
    let varied = Enlarged::new(large, path, law.unwrap(), Arc::clone(&case.prior), 0.25).unwrap();
    assert!(varied.mean_variation() > 0.3, "{}", varied.mean_variation());
    let constant = varied.law().mean_modes(&grid);
    assert!(constant[1..].iter().all(|m| *m == 0.0) && constant[0] != 0.0);
}

/// A box that is periodic along one axis, in two dimensions, with a mean that varies along a kept
/// axis.
#[test]
fn a_mean_stays_along_an_axis_that_is_kept() {
    let small = trained(&[4, 6], Boundary::Neumann);
    let mean: Vec<f64> = (0..24).map(|i| (i / 6) as f64).collect();
    let matern: Arc<dyn Prior> = Arc::new(Matern::new(1.0, 0.2, 1.5).unwrap());
    let law =
        GaussianLaw::new(Field::new(small, 1, mean).unwrap(), vec![Arc::clone(&matern)]).unwrap();
    let large = LargeBox::new(small, &[1.0, 2.0], &[false, true]).unwrap();
    let path: Arc<dyn Path> = Arc::new(VariancePreserving::default());
    let known = Enlarged::new(large, path, law.clone(), Arc::clone(&matern), 0.375).unwrap();
    assert!(known.mean_variation() < 1e-20);
    let grid = known.large().like(&small).unwrap();
    let values = Transform::new(grid).synthesise_channels(&known.law().mean_modes(&grid));
    assert!(values.iter().enumerate().all(|(i, v)| (v - (i / 12) as f64).abs() < 1e-12));
    let x = Ensemble::zeros(small, 1, 1);
    let gaussian = Gaussian::new(law, matern, Arc::clone(known.path()));
    let on_windows = Small(&gaussian, None);
    let windowed = Windowed::new(&known, &on_windows);
    assert!(matches!(windowed.denoise(&x, 0.5), Err(FieldError::GridMismatch { .. })));
    assert_eq!(known.windows(&small).unwrap(), 4);
}
