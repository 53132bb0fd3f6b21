//! Tests of derivatives, particles and the calibration of a posterior's spread.

use super::*;

/// On Gaussian data moment matching gives the same result, in one iteration.
#[test]
fn moment_matching_is_exact_on_gaussian_data() {
    for problem in some_problems(0.3, 1e-3) {
        let grid = problem.grid;
        let x = problem.law.sample(grid, 4, 0..2, stream::START);
        for t in [0.9, 0.3] {
            let expected = problem.reverse(0).denoise(&x, t).unwrap();
            let mut reverse = problem.reverse(0);
            let second = MomentMatching { conditioning: &problem.conditioning, iterations: 1 };
            reverse.guidance = Some(&second);
            let found = reverse.denoise(&x, t).unwrap();
            let error = found.values.iter().zip(&expected.values).map(|(a, b)| (a - b).abs());
            assert!(error.fold(0.0, f64::max) < 1e-7, "{grid:?} {t}");
        }
    }
}

/// On Gaussian data the weights are equal: every particle counts, and the selected fields follow
/// kriging.
#[test]
fn particles_change_nothing_on_gaussian_data() {
    let grid = Grid::unit(&[5, 4], Boundary::Periodic).unwrap();
    let problem = Problem::new(grid, 1, vec![sensors(&grid, 3, 1, 0.3), ray(&grid)], 1e-11);
    let (mean, covariance) = problem.prior_kriging(&grid);
    let times = TimeGrid::LogSnr.times(&*problem.path, 3);
    let mut reverse = problem.reverse(6);
    let given = &problem.conditioning;
    let chosen = choose(&mut reverse, given, &times, grid, (0..4000, 3), &mut |_, _| {}).unwrap();
    assert!(chosen.effective.iter().chain(&chosen.smallest).all(|e| (e - 3.0).abs() < 1e-6));
    check_draws(&chosen.fields, &mean, &covariance, "particles");
}

/// The mixture's transposed derivative against finite differences of D.
#[test]
fn pullbacks_are_transposed_derivatives() {
    use crate::denoiser::Mixture;
    let grid = Grid::unit(&[5, 4], Boundary::Neumann).unwrap();
    let field = |i: u64| {
        let values = ModeNoise::new(i).plain_normals(grid.len(), 0, stream::METRICS);
        Field::new(grid, 1, values).unwrap()
    };
    let covariance: Arc<dyn Prior> = Arc::new(Matern::new(1.3, 0.3, 1.5).unwrap());
    let prior: Arc<dyn Prior> = Arc::new(Bessel::new(2, 6.0, 8.0, 0.9).unwrap());
    let path: Arc<dyn Path> = Arc::new(VariancePreserving::default());
    let components = vec![(0.5, field(1)), (0.3, field(2)), (0.2, field(3))];
    let (p, q) = (Arc::clone(&path), Arc::clone(&prior));
    let mixture = Mixture::new(components, covariance, q, p).unwrap();
    let x = mixture.sample(grid, 1, 0..1, stream::START);
    let ensemble = |f: Field| Ensemble::new(grid, 1, f.values).unwrap();
    let (h, w) = (ensemble(field(4)), ensemble(field(5)));
    for t in [0.7, 0.3] {
        let moved = |by: f64| {
            let mut x = x.clone();
            x.values.iter_mut().zip(&h.values).for_each(|(x, h)| *x += by * h);
            mixture.denoise(&x, t).unwrap()
        };
        let (ahead, behind) = (moved(1e-5), moved(-1e-5));
        let pairs = ahead.values.iter().zip(&behind.values).zip(&w.values);
        let left: f64 = pairs.map(|((a, b), w)| (a - b) / 2e-5 * w).sum();
        let back = mixture.pullback(&x, t, &w).unwrap().unwrap();
        let right = crate::observation::dot(&back.values, &h.values);
        assert!((left - right).abs() < 1e-6 * left.abs().max(1.0), "{t}: {left} {right}");
    }
}

/// True fields from the law, ranked among draws given observations of them: flat ranks, right
/// coverage and spread.
#[test]
fn gaussian_posteriors_have_the_right_spread() {
    use crate::metrics::PosteriorCheck;
    let grid = Grid::unit(&[5, 4], Boundary::Neumann).unwrap();
    let problem = Problem::new(grid, 1, vec![sensors(&grid, 3, 1, 0.3), ray(&grid)], 1e-8);
    let transform = Transform::new(grid);
    let truths = problem.law.sample(grid, 77, 0..40, stream::START);
    let times = TimeGrid::LogSnr.times(&*problem.path, 3);
    let mut check = PosteriorCheck::default();
    for (i, truth) in truths.fields().enumerate() {
        let observations = problem.conditioning.observations();
        let xi = ModeNoise::new(5).plain_normals(observations.count(), i as u64, stream::METRICS);
        let seen = observations.of(&grid, &transform.analyse_channels(truth), &xi).unwrap();
        let own = problem.conditioning.with(seen).unwrap();
        let indices = 99 * i as u64..99 * (i as u64 + 1);
        let first = indices.start;
        let x = own.start(grid, 1, indices).unwrap();
        let (path, prior) = (&*problem.path, &*problem.prior);
        let mut reverse = Reverse::new(path, prior, &problem.law, &problem.oracle, 1, first);
        reverse.guidance = Some(&own);
        let mut sampler = Method::WienerAncestral.build();
        let draws = integrate(&mut *sampler, &mut reverse, &times, x, &mut |_, _| {}).unwrap();
        check.add(truth, &draws).unwrap();
    }
    let found = check.finish().unwrap();
    assert!(found.flat, "{:?}", found.ranks);
    assert!((found.ratio.value - 1.0).abs() < 4.0 * found.ratio.error, "{:?}", found.ratio);
    assert!((found.half.value - 0.5).abs() < 4.0 * found.half.error, "{:?}", found.half);
    assert!((found.ninety.value - 0.9).abs() < 4.0 * found.ninety.error, "{:?}", found.ninety);
}
