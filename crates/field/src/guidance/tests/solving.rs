//! Tests of the solvers, and of independence from grids and batches.

use super::*;

/// Thousands of observations are solved by conjugate gradients, with the same result as by a
/// factor.
#[test]
fn many_observations_are_solved_iteratively() {
    let grid = Grid::unit(&[60, 60], Boundary::Neumann).unwrap();
    let mut field = law(grid, 1).sample(grid, 9, 0..1, stream::START);
    field.values.iter_mut().step_by(11).for_each(|v| *v = f64::NAN);
    let part: Arc<dyn Observation> = Arc::new(Mask::new(&field, 0, 0.1).unwrap());
    assert!(part.values().len() > system::FACTORISED);
    let problem = Problem::new(grid, 1, vec![part], 1e-3);
    let x = problem.law.sample(grid, 2, 0..1, stream::START);
    let guided = problem.reverse(0).denoise(&x, 0.4).unwrap();
    let transform = Transform::new(grid);
    let alone = problem.reverse(0).denoise_alone(&x, 0.4).unwrap();
    let modes = transform.analyse_channels(&guided.values);
    let before = transform.analyse_channels(&alone.values);
    // (D_y − D) = V A* R⁻¹ (y − A D_y): the normal equations
    let system = problem.conditioning.system(&grid, 0.4);
    let stack = problem.conditioning.observations().on(&grid).unwrap();
    let seen = stack.apply(&modes);
    let weights: Vec<f64> = (stack.targets().iter().zip(&seen).zip(stack.variances()))
        .map(|((y, seen), r)| (y - seen) / r)
        .collect();
    let pull = stack.adjoint(&weights);
    for k in 0..modes.len() {
        let (found, expected) = (modes[k] - before[k], system.variances[k] * pull[k]);
        // the residual is solved to 1e-9 and magnified by 1/R
        assert!((found - expected).abs() < 2e-5, "{k}: {found} {expected}");
    }
}

/// The same seed on two grids: the finer both are, the smaller the difference.
#[test]
fn one_seed_stays_one_function() {
    let run = |points: usize| {
        let grid = Grid::unit(&[points], Boundary::Neumann).unwrap();
        let base = Grid::unit(&[12], Boundary::Neumann).unwrap();
        let path: Arc<dyn Path> = Arc::new(VariancePreserving::default());
        let prior: Arc<dyn Prior> = Arc::new(Bessel::new(1, 6.0, 8.0, 0.9).unwrap());
        let law = law(base, 1);
        let oracle = Gaussian::new(law.clone(), Arc::clone(&prior), Arc::clone(&path));
        let parts = vec![sensors(&grid, 4, 1, 0.0)];
        let observations = Observations::plain(parts, 1).unwrap();
        let (p, q) = (Arc::clone(&path), Arc::clone(&prior));
        let conditioning = Conditioning::new(p, q, law.clone(), observations, grid).unwrap();
        let mut reverse = Reverse::new(&*path, &*prior, &law, &oracle, 1, 0);
        reverse.guidance = Some(&conditioning);
        let x = conditioning.start(grid, 1, 0..4).unwrap();
        let times = TimeGrid::LogSnr.times(&*path, 20);
        let mut sampler = Method::WienerAncestral.build();
        integrate(&mut *sampler, &mut reverse, &times, x, &mut |_, _| {}).unwrap()
    };
    let apart = |coarse: usize| {
        let (low, high) = (run(coarse), run(2 * coarse));
        let restricted = crate::resample::spectral(&high, low.grid).unwrap();
        let square: f64 =
            low.values.iter().zip(&restricted.values).map(|(a, b)| (a - b).powi(2)).sum();
        (square / low.values.iter().map(|v| v * v).sum::<f64>()).sqrt()
    };
    let distances = [16, 32, 64, 128].map(apart);
    assert!(distances[3] < 2e-3, "{distances:?}");
    assert!(distances.windows(2).all(|w| w[1] < 0.5 * w[0]), "{distances:?}");
}

/// A coarse field is a diagonal operator in modes, and batches do not matter.
#[test]
fn a_coarse_field_is_met_and_batches_do_not_matter() {
    let grid = Grid::unit(&[16, 12], Boundary::Neumann).unwrap();
    let coarse = grid.with_points(&[4, 3]).unwrap();
    let seen = Ensemble::new(coarse, 1, (0..12).map(|i| (i as f64).sin()).collect()).unwrap();
    let part: Arc<dyn Observation> = Arc::new(Coarse::spectral(&seen, 0, 0.0).unwrap());
    let problem = Problem::new(grid, 1, vec![part], 1e-3);
    let x = problem.conditioning.start(grid, 1, 0..3).unwrap();
    let guided = problem.reverse(0).denoise(&x, 0.5).unwrap();
    for (i, field) in guided.fields().enumerate() {
        let one = problem.reverse(0).denoise(&x.slice(i..i + 1), 0.5).unwrap();
        assert_eq!(one.values, field);
        let modes = Transform::new(grid).analyse_channels(field);
        let residual = &problem.conditioning.observations().residuals(&grid, [modes]).unwrap()[0];
        assert!(residual.exact < 1e-12 && residual.relative.is_nan(), "{residual:?}");
    }
}

/// Sensors so close that one duplicates the other are found. With errors they are no duplicates.
#[test]
fn redundant_observations_are_found() {
    let grid = Grid::unit(&[8], Boundary::Neumann).unwrap();
    let part = |deviation: f64| -> Arc<dyn Observation> {
        let sensor = |x: f64| Sensor { place: [x, 0.0, 0.0], channel: 0, value: x, deviation };
        let places = [0.1, 0.3, 0.3 + 1e-9, 0.8];
        Arc::new(Points::new(places.map(sensor).to_vec()).unwrap())
    };
    assert_eq!(Problem::new(grid, 1, vec![part(0.0)], 1e-3).conditioning.redundant(), [2]);
    assert!(Problem::new(grid, 1, vec![part(0.1)], 1e-3).conditioning.redundant().is_empty());
    let many = sensors(&grid, 10, 1, 0.0);
    let found = Problem::new(grid, 1, vec![many], 1e-3).conditioning.redundant();
    assert_eq!(found, [8, 9]);
}

/// The fraction above a threshold, for Gaussian data: met in every field, also together with
/// sensors.
#[test]
fn fractions_are_met() {
    use crate::observation::Fraction;
    let grid = Grid::unit(&[16, 16], Boundary::Neumann).unwrap();
    let fraction: Arc<dyn Observation> = Arc::new(Fraction::new(0, 0.7, 0.1, 0.35, 0.005).unwrap());
    let problem = Problem::new(grid, 1, vec![sensors(&grid, 3, 1, 0.1), fraction], 1e-3);
    let x = problem.conditioning.start(grid, 1, 0..16).unwrap();
    let transform = Transform::new(grid);
    for method in [Method::WienerAncestral, Method::DpmSolver2M] {
        let times = TimeGrid::LogSnr.times(&*problem.path, 24);
        let mut reverse = problem.reverse(1);
        let sampler = &mut *method.build();
        let end = integrate(sampler, &mut reverse, &times, x.clone(), &mut |_, _| {}).unwrap();
        for field in end.fields() {
            let modes = transform.analyse_channels(field);
            let seen = problem.conditioning.observations().seen_in(&grid, &modes).unwrap();
            assert!((seen[1][0] - 0.35).abs() < 0.03, "{method}: {}", seen[1][0]);
        }
    }
}
