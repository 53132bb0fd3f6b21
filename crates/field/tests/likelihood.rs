//! Relative densities of functions: closed forms, the order of the flow, random signs.

use std::sync::Arc;

use karhunen_field::denoiser::{Denoiser, Gaussian, Mixture};
use karhunen_field::likelihood::{Likelihood, Trace};
use karhunen_field::noise::stream;
use karhunen_field::path::{Path, VariancePreserving};
use karhunen_field::prior::Matern;
use karhunen_field::{
    Boundary, Ensemble, Field, FieldError, GaussianLaw, Grid, ModeNoise, Prior, Transform,
};

fn wave(grid: Grid, size: f64) -> Field {
    let at = |cell: usize| {
        let p = grid.position(cell);
        let u = |axis: usize| grid.axes()[axis].centre(p[axis]);
        let x = (0..grid.dim()).map(u).sum::<f64>();
        size * (std::f64::consts::PI * x).cos()
    };
    Field { grid, channels: 1, values: (0..grid.len()).map(at).collect() }
}

fn path() -> Arc<VariancePreserving> {
    Arc::new(VariancePreserving::default())
}

fn noise() -> Arc<Matern> {
    Arc::new(Matern::new(1.0, 0.15, 1.0).unwrap())
}

/// ln dN(m₁, C₁)/dN(m, C) of a x + b η at the path's first time, in closed form.
fn ratio(one: &GaussianLaw, law: &GaussianLaw, x: &[f64], grid: Grid) -> f64 {
    let (path, q) = (path(), noise());
    let (a, b) = (path.signal(path.end()), path.noise(path.end()));
    let of = |law: &GaussianLaw| {
        let lambda = q.eigenvalues(&grid);
        let (mean, c) = (law.mean_modes(&grid), law.variances(&grid));
        let terms = x.iter().zip(mean).zip(c.into_iter().zip(lambda));
        let term = |((x, m), (c, l)): ((&f64, f64), (f64, f64))| {
            let s = a * a * c + b * b * l;
            -0.5 * (s.ln() + (x - a * m).powi(2) / s)
        };
        terms.map(term).sum::<f64>()
    };
    of(one) - of(law)
}

/// The noisy modes of repetition 0 of a field of index 0.
fn noisy(field: &Ensemble, seed: u64) -> Vec<f64> {
    let (path, q, grid) = (path(), noise(), field.grid);
    let (a, b) = (path.signal(path.end()), path.noise(path.end()));
    let eta = ModeNoise::new(seed).normals(&grid, 0, stream::LIKELIHOOD, 0);
    let modes = Transform::new(grid).analyse_channels(&field.values);
    let pairs = modes.iter().zip(eta).zip(q.eigenvalues(&grid));
    pairs.map(|((c, e), l)| a * c + b * l.sqrt() * e).collect()
}

fn likelihood<'a>(
    parts: (&'a VariancePreserving, &'a Matern),
    law: &'a GaussianLaw,
    denoiser: &'a dyn Denoiser,
    steps: usize,
    (trace, repetitions): (Trace, usize),
) -> Likelihood<'a> {
    let (path, prior) = parts;
    Likelihood { path, prior, law, denoiser, steps, trace, repetitions, seed: 3 }
}

/// One Gaussian law relative to another: closed form, and the order of Heun's method.
#[test]
fn gaussian_laws_have_their_exact_density() {
    for (points, boundary) in [(vec![9], Boundary::Neumann), (vec![8, 5], Boundary::Periodic)] {
        let grid = Grid::unit(&points, boundary).unwrap();
        let (path, q) = (path(), noise());
        let narrow: Arc<dyn Prior> = Arc::new(Matern::new(0.8, 0.3, 1.5).unwrap());
        let wide: Arc<dyn Prior> = Arc::new(Matern::new(1.2, 0.25, 1.5).unwrap());
        let one = GaussianLaw::new(wave(grid, 0.6), vec![narrow]).unwrap();
        // both laws share a mean, because at the last time a difference of means remains, times
        // a(T)
        let law = GaussianLaw::new(wave(grid, 0.6), vec![wide]).unwrap();
        let denoiser = Gaussian::new(one.clone(), q.clone(), path.clone());
        let field = one.sample(grid, 8, 0..1, stream::METRICS);
        let exact = ratio(&one, &law, &noisy(&field, 3), grid);
        let error = |steps| {
            let how = (Trace::Exact, 1);
            let l = likelihood((&path, &q), &law, &denoiser, steps, how);
            l.of(&field, 0, &mut |_, _| {}).unwrap()[0].value - exact
        };
        let exact_to = error(200).abs();
        assert!(exact_to < 1e-3, "{grid}: {exact_to} off {exact}");
        let order = (error(25) / error(50)).abs().log2();
        assert!(order > 1.7, "{grid}: order {order}");
    }
}

/// Two shifted Gaussian components with one covariance: the denoiser is nonlinear and the density
/// known on every grid. It converges when the grid is refined.
#[test]
fn a_mixture_has_its_exact_density_on_every_grid() {
    let (path, q) = (path(), noise());
    let covariance: Arc<dyn Prior> = Arc::new(Matern::new(0.7, 0.3, 1.5).unwrap());
    let mut known = Vec::new();
    for points in [8, 16, 32] {
        let grid = Grid::unit(&[points], Boundary::Neumann).unwrap();
        let means = [wave(grid, 0.9), wave(grid, -0.7)];
        let components = vec![(0.4, means[0].clone()), (0.6, means[1].clone())];
        let mixture =
            Mixture::new(components, covariance.clone(), q.clone(), path.clone()).unwrap();
        let law = GaussianLaw::new(wave(grid, 0.1), vec![covariance.clone()]).unwrap();
        let field = mixture.sample(grid, 4, 0..1, stream::METRICS);
        let x = noisy(&field, 3);
        let each = means.map(|mean| {
            let one = GaussianLaw::new(mean, vec![covariance.clone()]).unwrap();
            ratio(&one, &law, &x, grid)
        });
        let exact = (0.4 * each[0].exp() + 0.6 * each[1].exp()).ln();
        let l = likelihood((&path, &q), &law, &mixture, 300, (Trace::Exact, 1));
        let found = l.of(&field, 0, &mut |_, _| {}).unwrap()[0].value;
        assert!((found - exact).abs() < 1e-3, "{points}: {found}, exact {exact}");
        known.push(found);
    }
    assert!((known[2] - known[1]).abs() < 0.05, "{known:?}");
}

/// Random signs give the exact trace on average; fields do not depend on their batch.
#[test]
fn random_signs_agree_with_the_exact_trace() {
    let grid = Grid::unit(&[6, 7], Boundary::Neumann).unwrap();
    let (path, q) = (path(), noise());
    let covariance: Arc<dyn Prior> = Arc::new(Matern::new(0.7, 0.3, 1.5).unwrap());
    let components = vec![(0.5, wave(grid, 0.9)), (0.5, wave(grid, -0.9))];
    let mixture = Mixture::new(components, covariance.clone(), q.clone(), path.clone()).unwrap();
    let law = GaussianLaw::new(Field::zeros(grid, 1), vec![covariance]).unwrap();
    let fields = mixture.sample(grid, 4, 0..3, stream::METRICS);
    let of = |trace, fields: &Ensemble, first| {
        let l = likelihood((&path, &q), &law, &mixture, 40, (trace, 24));
        l.of(fields, first, &mut |_, _| {}).unwrap()
    };
    let (exact, signs) = (of(Trace::Exact, &fields, 0), of(Trace::Signs, &fields, 0));
    for (e, s) in exact.iter().zip(&signs) {
        let allowed = 5.0 * (s.error.unwrap().powi(2) + e.error.unwrap().powi(2)).sqrt();
        assert!((e.value - s.value).abs() < allowed, "{e:?} {s:?}");
    }
    let alone = of(Trace::Signs, &fields.slice(2..3), 2);
    assert!((alone[0].value - signs[2].value).abs() < 1e-9);
}

#[test]
fn what_cannot_be_computed_is_refused() {
    struct Flat;
    impl Denoiser for Flat {
        fn denoise(&self, x: &Ensemble, _: f64) -> Result<Ensemble, FieldError> {
            Ok(x.clone())
        }
    }
    let grid = Grid::unit(&[6], Boundary::Neumann).unwrap();
    let (path, q) = (path(), noise());
    let law = GaussianLaw::centred(grid, q.clone(), 1);
    let fields = Ensemble::zeros(grid, 1, 2);
    let of = |steps, repetitions, fields: &Ensemble| {
        let l = likelihood((&path, &q), &law, &Flat, steps, (Trace::Signs, repetitions));
        l.of(fields, 0, &mut |_, _| {}).unwrap_err()
    };
    assert!(matches!(of(4, 1, &fields), FieldError::NoDerivative { .. }));
    assert!(matches!(of(0, 1, &fields), FieldError::TooFew { .. }));
    assert!(matches!(of(4, 0, &fields), FieldError::TooFew { .. }));
    let other = Ensemble::zeros(Grid::unit(&[6], Boundary::Periodic).unwrap(), 1, 1);
    assert!(matches!(of(4, 1, &other), FieldError::GridMismatch { .. }));
    assert!(matches!(of(4, 1, &Ensemble::zeros(grid, 2, 1)), FieldError::Length { .. }));
}
