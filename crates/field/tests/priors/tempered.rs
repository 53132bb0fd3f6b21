//! Noise between flat and the data's own spectrum: its limits, its band, its tail, and samplers
//! with it.

use std::sync::Arc;

use karhunen_field::denoiser::Gaussian;
use karhunen_field::path::{Cosine, Flow, Path, VarianceExploding, VariancePreserving};
use karhunen_field::prior::{Fitted, Measured, Tempered, r_per_shell};
use karhunen_field::sampler::{Method, Reverse, integrate, start};
use karhunen_field::{
    Axis, Boundary, Ensemble, Field, FieldError, GaussianLaw, Grid, Prior, Transform,
};

use super::{max_error, mixed, pairs};

/// Pairs of grids at every boundary, boxes that mix boundaries, and one far from square.
fn boxes() -> Vec<(Grid, Grid)> {
    let all = [Boundary::Neumann, Boundary::Periodic, Boundary::Dirichlet];
    let mut grids: Vec<_> = all.into_iter().flat_map(pairs).collect();
    for first in all {
        let coarse = mixed(&[4, 5, 3], first);
        grids.push((coarse, coarse.with_points(&[9, 10, 7]).unwrap()));
        let long = mixed(&[5, 20], first);
        grids.push((long, long.with_points(&[15, 41]).unwrap()));
    }
    grids
}

fn spectrum(grid: &Grid) -> Vec<f64> {
    grid.modes().map(|m| 3.0 * (30.0 + m.laplacian()).powf(-1.8)).collect()
}

#[test]
fn with_exponent_one_it_is_the_fitted_prior() {
    for (coarse, fine) in boxes() {
        let data = spectrum(&coarse);
        let fitted = Fitted::new(&coarse, &data).unwrap();
        let tempered = Tempered::new(coarse, &data, 1.0).unwrap();
        for grid in [coarse, fine] {
            assert_eq!(tempered.eigenvalues(&grid), fitted.eigenvalues(&grid), "{coarse:?}");
        }
    }
}

/// λ/λ' = (c/c')^θ between any two modes of the band, and the band has the variance of the fitted
/// prior.
#[test]
fn in_the_band_it_is_a_power_of_the_spectrum() {
    for (coarse, _) in boxes() {
        let data = spectrum(&coarse);
        let fitted = Fitted::new(&coarse, &data).unwrap();
        let c = fitted.eigenvalues(&coarse);
        for exponent in [0.0, 0.25, 0.5, 0.9] {
            let prior = Tempered::new(coarse, &data, exponent).unwrap();
            let lambda = prior.eigenvalues(&coarse);
            for (l, c_k) in lambda.iter().zip(&c) {
                let off = l / lambda[0] / (c_k / c[0]).powf(exponent) - 1.0;
                assert!(off.abs() < 1e-12, "{coarse:?} {exponent}: {off:e}");
            }
            let off = prior.trace(&coarse) / fitted.trace(&coarse) - 1.0;
            assert!(off.abs() < 1e-12, "{coarse:?} {exponent}: {off:e}");
        }
        let flat = Tempered::flat(coarse, &data).unwrap();
        let share = fitted.trace(&coarse) / coarse.mode_count() as f64;
        let error = max_error(&flat.eigenvalues(&coarse), &vec![share; coarse.mode_count()]);
        assert!(error < 1e-12 * share, "{coarse:?}: {error:e}");
    }
}

/// Beyond the band the ratio of data to noise stays as at the edge of the band, without a jump
/// there.
#[test]
fn beyond_the_band_it_falls_as_the_data_do() {
    for (coarse, fine) in boxes() {
        let data = spectrum(&coarse);
        let fitted = Fitted::new(&coarse, &data).unwrap();
        let last = |a: &Axis| {
            (0..a.modes()).map(|at| a.frequency(a.wave_number(at)).abs()).fold(0.0, f64::max)
        };
        let edge: Vec<f64> = coarse.axes().iter().map(last).collect();
        for exponent in [0.0, 0.5] {
            let prior = Tempered::new(coarse, &data, exponent).unwrap();
            let band = prior.trace(&coarse)
                / coarse.modes().map(|m| fitted.eigenvalue(&m).powf(exponent)).sum::<f64>();
            let mut beyond = 0;
            for mode in fine.modes() {
                let cut: f64 =
                    mode.omega.iter().zip(&edge).map(|(w, e)| w.abs().min(*e).powi(2)).sum();
                let (own, cut) = (fitted.eigenvalue(&mode), fitted.at(cut.sqrt()));
                if mode.omega.iter().zip(&edge).any(|(w, e)| w.abs() > *e) && cut != fitted.at(0.0)
                {
                    beyond += 1;
                    let ratio = own / prior.eigenvalue(&mode);
                    let expected = cut.powf(1.0 - exponent) / band;
                    assert!((ratio / expected - 1.0).abs() < 1e-12, "{coarse:?} {mode:?}");
                }
            }
            assert!(beyond > 0);
        }
    }
}

/// White data have the slowest tail that is possible, |ω|^{−d−0.2}. What each tripling adds falls
/// faster and faster, towards N^{−0.2}.
#[test]
fn the_trace_is_finite_under_refinement() {
    for dim in 1..=3 {
        let (n, sizes): (usize, &[usize]) = match dim {
            1 => (9, &[9, 27, 81, 243, 729, 2187]),
            2 => (9, &[9, 27, 81, 243]),
            _ => (5, &[5, 15, 45, 135]),
        };
        let coarse = Grid::unit(&vec![n; dim], Boundary::Periodic).unwrap();
        for steep in [0.0, 2.0] {
            let data: Vec<f64> =
                coarse.modes().map(|m| (1.0 + m.laplacian()).powf(-steep)).collect();
            for exponent in [0.0, 0.3] {
                let prior = Tempered::new(coarse, &data, exponent).unwrap();
                let traces: Vec<f64> = sizes
                    .iter()
                    .map(|&n| prior.trace(&coarse.with_points(&vec![n; dim]).unwrap()))
                    .collect();
                let added: Vec<f64> = traces.windows(2).map(|w| w[1] - w[0]).collect();
                let slopes: Vec<f64> =
                    added.windows(2).map(|w| (w[1] / w[0]).ln() / 3f64.ln()).collect();
                // shells near the edge of the band are not yet self-similar
                assert!(slopes.windows(2).all(|w| w[1] < w[0] + 0.05), "{dim} {slopes:?}");
                let last = slopes[slopes.len() - 1];
                assert!(last < -0.1, "{dim} {steep} {exponent}: {slopes:?}");
                // far beyond the band, along an axis, the exponent itself
                let far = |waves: i32| {
                    let mut mode = coarse.modes().next().unwrap();
                    mode.wave[0] = waves;
                    mode.omega[0] = coarse.axes()[0].frequency(waves);
                    prior.eigenvalue(&mode)
                };
                let power = (far(10_000) / far(1_000)).log10();
                assert!(power < -(dim as f64) - 0.199, "{dim} {steep} {exponent}: {power}");
            }
        }
    }
}

/// Σ_k λ_k e_k(x) e_k(y) over the cells of the band's own grid is tr Q times the identity. The flat
/// prior is white there. On finer grids it gives the same functions, which are not white.
#[test]
fn flat_noise_is_white_on_its_own_cells() {
    for (points, boundary) in [
        (&[9][..], Boundary::Neumann),
        (&[9], Boundary::Periodic),
        (&[4, 6], Boundary::Neumann),
        (&[3, 5], Boundary::Periodic),
        (&[3, 4, 2], Boundary::Neumann),
    ] {
        let grid = Grid::unit(points, boundary).unwrap();
        let flat = Tempered::flat(grid, &spectrum(&grid)).unwrap();
        let (lambda, transform) = (flat.eigenvalues(&grid), Transform::new(grid));
        for cell in 0..grid.len() {
            let mut delta = vec![0.0; grid.len()];
            delta[cell] = grid.len() as f64;
            let mut modes = transform.analyse_channels(&delta);
            modes.iter_mut().zip(&lambda).for_each(|(m, l)| *m *= l);
            let row = transform.synthesise_channels(&modes);
            let mut expected = vec![0.0; grid.len()];
            expected[cell] = flat.trace(&grid);
            assert!(max_error(&row, &expected) < 1e-13 * flat.trace(&grid), "{grid:?}");
        }
    }
}

#[test]
fn exponents_out_of_range_are_refused_with_the_inequality() {
    let grid = Grid::unit(&[8, 8], Boundary::Neumann).unwrap();
    for exponent in [-0.1, 1.5, f64::NAN] {
        let error = Tempered::new(grid, &spectrum(&grid), exponent).unwrap_err();
        assert!(matches!(error, FieldError::Parameter { parameter: "exponent", .. }));
        assert!(error.to_string().contains("0 <= exponent <= 1"), "{error}");
    }
    let still = vec![0.0; grid.mode_count()];
    assert!(Tempered::flat(grid, &still).is_err());
}

#[test]
fn it_is_stored_with_its_band() {
    let grid = mixed(&[9, 8], Boundary::Periodic);
    for exponent in [0.0, 0.37, 1.0] {
        let prior = Tempered::new(grid, &spectrum(&grid), exponent).unwrap();
        let text = serde_json::to_string(&prior).unwrap();
        assert_eq!(serde_json::from_str::<Tempered>(&text).unwrap(), prior, "{text}");
        let other = text.replace(&format!("\"exponent\":{exponent:?}"), "\"exponent\":1.2");
        assert!(serde_json::from_str::<Tempered>(&other).is_err(), "{other}");
    }
}

/// Gaussian data under flat noise, r from 0.2 to 30: mean and deviation of every mode after 20
/// evaluations with the exact denoiser. ODE steps are affine in each mode, so one run determines
/// both.
#[test]
fn samplers_keep_mean_and_variance_of_every_mode() {
    let grid = Grid::unit(&[24, 16], Boundary::Neumann).unwrap();
    let mut data: Vec<f64> = grid.modes().map(|m| (8.0 + m.laplacian()).powf(-1.75)).collect();
    data[0] = data[1];
    let scale = 1.0 / data.iter().sum::<f64>();
    data.iter_mut().for_each(|c| *c *= scale);
    let flat = Tempered::flat(grid, &data).unwrap();
    let strength = r_per_shell(&data, &flat.eigenvalues(&grid), &grid).unwrap();
    let strongest = strength.iter().map(|s| s.1).fold(0.0, f64::max);
    let weakest = strength.iter().map(|s| s.1).fold(f64::INFINITY, f64::min);
    assert!(strongest > 8.0 && weakest < 0.3, "{weakest} to {strongest}");
    let mean: Vec<f64> = (0..grid.len()).map(|i| 1.0 + (i as f64).sin()).collect();
    let covariance: Arc<dyn Prior> = Arc::new(Measured::new(grid, data).unwrap());
    let law = GaussianLaw::new(Field::new(grid, 1, mean).unwrap(), vec![covariance]).unwrap();
    let paths: [Arc<dyn Path>; 4] = [
        Arc::new(VariancePreserving::default()),
        Arc::new(Cosine::default()),
        Arc::new(VarianceExploding::default()),
        Arc::new(Flow::default()),
    ];
    for path in paths {
        for (method, bound) in [(Method::WienerExponential, 1e-9), (Method::DpmSolver2M, 0.04)] {
            let [mean, deviation] = errors(&law, &flat, &path, method);
            println!("{path:?} {method}: mean {mean:.1e}, deviation {deviation:.1e}");
            assert!(mean < bound && deviation < bound, "{path:?} {method}: {mean} {deviation}");
        }
    }
}

/// Largest error of the mean in deviations of its mode, and largest relative error of the
/// deviation.
fn errors(law: &GaussianLaw, q: &Tempered, path: &Arc<dyn Path>, method: Method) -> [f64; 2] {
    let grid = law.mean().grid;
    let oracle = Gaussian::new(law.clone(), Arc::new(q.clone()), path.clone());
    let times = method.default_times().times(&**path, method.steps_for(20).unwrap());
    let run = |x: Ensemble| {
        let mut reverse = Reverse::new(&**path, q, law, &oracle, 1, 0);
        integrate(method.build().as_mut(), &mut reverse, &times, x, &mut |_, _| {}).unwrap()
    };
    let transform = Transform::new(grid);
    let (c, lambda, m) = (law.variances(&grid), q.eigenvalues(&grid), law.mean_modes(&grid));
    let (a, b) = (path.signal(path.start()), path.noise(path.start()));
    // the centre of the start law, and one deviation from it in every mode
    let started = |deviations: f64| {
        let modes: Vec<f64> = (0..c.len())
            .map(|k| a * m[k] + deviations * (a * a * c[k] + b * b * lambda[k]).sqrt())
            .collect();
        let x = Ensemble::new(grid, 1, transform.synthesise_channels(&modes)).unwrap();
        transform.analyse_channels(&run(x).values)
    };
    assert_eq!(start(law, q, &**path, grid, 1, 0..1).values.len(), grid.len());
    let (centre, beside) = (started(0.0), started(1.0));
    let worst = |of: &dyn Fn(usize) -> f64| (0..c.len()).map(of).fold(0.0, f64::max);
    // the last step is a denoising: E[X₀ | x] lacks the variance that is still unknown at t_min
    let known = |k: usize| {
        let (a, b) = (path.signal(path.end()), path.noise(path.end()));
        let (a2, b2) = (a * a, b * b);
        (a2 * c[k] / (a2 * c[k] + b2 * lambda[k])).sqrt()
    };
    [
        worst(&|k| ((centre[k] - m[k]) / c[k].sqrt()).abs()),
        worst(&|k| ((beside[k] - centre[k]) / (known(k) * c[k].sqrt()) - 1.0).abs()),
    ]
}
