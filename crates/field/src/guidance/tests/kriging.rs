//! Denoiser, flow, ancestral steps, refinement and surrogate: mean and covariance equal those of
//! kriging.

use super::*;

/// D_y is the mean of X₀ given X_t and y, for any x, t, box and noise.
#[test]
fn the_guided_denoiser_is_the_conditional_mean() {
    for deviation in [0.0, 0.3] {
        for problem in some_problems(deviation, 1e-3) {
            let grid = problem.grid;
            let transform = Transform::new(grid);
            let width = problem.law.channels() * grid.mode_count();
            let modes = ModeNoise::new(4).plain_normals(width, 0, stream::METRICS);
            let x = transform.synthesise_channels(&modes);
            let x = Ensemble::new(grid, problem.law.channels(), x).unwrap();
            for t in [1.0, 0.5, 0.1, 1e-3] {
                let mut reverse = problem.reverse(0);
                let alone = reverse.denoise_alone(&x, t).unwrap();
                let found = reverse.denoise(&x, t).unwrap();
                let (a2, b2) = (problem.path.signal(t).powi(2), problem.path.noise(t).powi(2));
                let lambda = problem.prior.eigenvalues(&grid).repeat(problem.law.channels());
                let c = problem.law.variances(&grid);
                let v = c.iter().zip(&lambda).map(|(c, l)| c * b2 * l / (a2 * c + b2 * l));
                let v = Array2::from_diag(&Array1::from_iter(v));
                let alone = transform.analyse_channels(&alone.values);
                let (expected, _) = problem.kriging(&grid, &alone, &v);
                let found = transform.analyse_channels(&found.values);
                for (found, expected) in found.iter().zip(&expected) {
                    assert!((found - expected).abs() < 1e-8, "{grid:?} {t}: {found} {expected}");
                }
            }
        }
    }
}

/// The probability flow is an affine map. Its action on basis fields therefore gives the exact mean
/// and covariance of its samples. Both equal those of kriging to 1e-6 of the data's variance.
#[test]
fn the_flow_samples_what_kriging_says() {
    for method in [Method::WienerExponential, Method::DpmSolver2M] {
        for deviation in [0.0, 0.3] {
            // b² is 1e-12 at the end, so that the last denoising loses nothing
            for problem in some_problems(deviation, 1e-11).into_iter().step_by(5) {
                let (grid, channels) = (problem.grid, problem.law.channels());
                let transform = Transform::new(grid);
                let width = channels * grid.mode_count();
                let mut values = vec![0.0; channels * grid.len()];
                for k in 0..width {
                    let mut unit = vec![0.0; width];
                    unit[k] = 1.0;
                    values.extend(transform.synthesise_channels(&unit));
                }
                let x = Ensemble::new(grid, channels, values).unwrap();
                let times = TimeGrid::LogSnr.times(&*problem.path, 6000);
                let mut reverse = problem.reverse(0);
                let sampler = &mut *method.build();
                let end = integrate(sampler, &mut reverse, &times, x, &mut |_, _| {}).unwrap();
                let ends: Vec<Array1<f64>> =
                    end.fields().map(|f| Array1::from(transform.analyse_channels(f))).collect();
                let mut map = Array2::zeros((width, width));
                for k in 0..width {
                    map.column_mut(k).assign(&(&ends[k + 1] - &ends[0]));
                }
                let (mean, covariance) = problem.prior_kriging(&grid);
                let t = problem.path.start();
                let (a, b) = (problem.path.signal(t), problem.path.noise(t));
                let q = problem.prior.eigenvalues(&grid).repeat(channels);
                let start = &covariance * (a * a) + Array2::from_diag(&(Array1::from(q) * (b * b)));
                let found = map.dot(&start).dot(&map.t());
                let found_mean = map.dot(&(&mean * a)) + &ends[0];
                let worst = |d: &mut dyn Iterator<Item = f64>| d.map(f64::abs).fold(0.0, f64::max);
                let mean_error = worst(&mut (&found_mean - &mean).into_iter());
                let error = worst(&mut (&found - &covariance).into_iter());
                let what = format!("{method} {grid:?} {deviation}");
                assert!(mean_error < 1e-6 && error < 1e-6, "{what}: {mean_error:.1e} {error:.1e}");
            }
        }
    }
}

/// X_T given y, and the result of ancestral sampling from it in one, two and five steps.
#[test]
fn ancestral_sampling_is_exact_in_any_number_of_steps() {
    for deviation in [0.0, 0.3] {
        for problem in some_problems(deviation, 1e-11).into_iter().step_by(3) {
            let grid = problem.grid;
            let (mean, covariance) = problem.prior_kriging(&grid);
            let t = problem.path.start();
            let (a, b) = (problem.path.signal(t), problem.path.noise(t));
            let x = problem.conditioning.start(grid, 3, 0..6000).unwrap();
            let q = problem.prior.eigenvalues(&grid).repeat(problem.law.channels());
            let start = &covariance * (a * a) + Array2::from_diag(&(Array1::from(q) * (b * b)));
            check_draws(&x, &(&mean * a), &start, &format!("start {grid:?}"));
            for steps in [1, 2, 5] {
                let times = TimeGrid::LogSnr.times(&*problem.path, steps);
                let mut sampler = Method::WienerAncestral.build();
                let mut reverse = problem.reverse(3);
                let end = integrate(&mut *sampler, &mut reverse, &times, x.clone(), &mut |_, _| {})
                    .unwrap();
                check_draws(
                    &end,
                    &mean,
                    &covariance,
                    &format!("{steps} steps {grid:?} {deviation}"),
                );
            }
        }
    }
}

/// A run that begins on a coarse grid has the law of kriging on the fine grid.
#[test]
fn refining_keeps_the_law() {
    let grid = Grid::unit(&[12], Boundary::Neumann).unwrap();
    let coarse = grid.with_points(&[6]).unwrap();
    let problem = Problem::new(grid, 1, vec![sensors(&grid, 3, 1, 0.2), ray(&grid)], 1e-11);
    let (mean, covariance) = problem.prior_kriging(&grid);
    let times = TimeGrid::LogSnr.times(&*problem.path, 8);
    let refinement = Refinement { time: times[3], grid };
    let x = problem.conditioning.start(coarse, 5, 0..8000).unwrap();
    let mut sampler = Method::WienerAncestral.build();
    let mut reverse = problem.reverse(5);
    let end =
        integrate_refining(&mut *sampler, &mut reverse, &times, &[refinement], x, &mut |_, _| {})
            .unwrap();
    check_draws(&end, &mean, &covariance, "refined");
}

/// Conditional simulation has the law of kriging.
#[test]
fn the_surrogate_is_kriging() {
    for problem in some_problems(0.2, 1e-3).into_iter().step_by(5) {
        let (mean, covariance) = problem.prior_kriging(&problem.grid);
        let fields = problem.conditioning.surrogate(2, 0..6000).unwrap();
        check_draws(&fields, &mean, &covariance, "surrogate");
    }
}
