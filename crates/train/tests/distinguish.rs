//! A network that tells two sets of fields apart: differences it must see, and differences it must
//! not invent.

use karhunen_field::moments::Moments;
use karhunen_field::noise::stream;
use karhunen_field::prior::{self, Matern, Measured};
use karhunen_field::{Boundary, Ensemble, FieldError, GaussianLaw, Grid, Prior};
use karhunen_train::distinguish::{Asked, LEAST, distinguish};
use karhunen_train::{Separation, TrainError};

const ASKED: Asked = Asked { count: 128, seeds: 1, seed: 3 };

fn matern(points: &[usize], length: f64, first: u64, count: u64) -> Ensemble {
    let grid = Grid::unit(points, Boundary::Neumann).unwrap();
    let law = Matern::new(1.0, length, 1.5).unwrap();
    prior::sample(&law, grid, 1, 11, first..first + count, stream::START)
}

fn mapped(fields: &Ensemble, map: impl Fn(f64) -> f64) -> Ensemble {
    let mut out = fields.clone();
    out.values.iter_mut().for_each(|v| *v = map(*v));
    out
}

fn told(fields: &Ensemble, real: &Ensemble, asked: Asked) -> Separation {
    distinguish(fields, real, asked, &mut |_| ()).unwrap()
}

#[test]
fn two_samples_of_one_law_are_not_told_apart() {
    // under one law the scores of the test half are exchangeable, whatever was learned: the AUC has
    // the standard deviation √((2m + 1) / 12 m²) for m test fields a side
    for points in [&[48][..], &[14, 9], &[6, 5, 7]] {
        let all = matern(points, 0.2, 0, 256);
        let (a, b) = (all.slice(0..128), all.slice(128..256));
        let found = told(&a, &b, ASKED);
        let m = (ASKED.count / 2) as f64;
        let deviation = ((2.0 * m + 1.0) / (12.0 * m * m)).sqrt();
        // 4.4 standard deviations of a normal law: a false alarm once in 1e5 runs
        assert!((found.mean() - 0.5).abs() < 4.4 * deviation, "{points:?}: {found:?}");
        assert_eq!((found.count, found.auc.len(), found.spread()), (128, 1, 0.0));
    }
}

#[test]
fn fields_of_one_spectrum_and_other_phases_are_told_apart() {
    for points in [&[64][..], &[16, 13], &[8, 8, 7]] {
        // a skewed field and its negative have the same mean and spectrum
        let skewed = mapped(&matern(points, 0.2, 0, 256), |x| x + 0.6 * (x * x - 1.0));
        let (a, b) = (skewed.slice(0..128), skewed.slice(128..256));
        let found = told(&a, &mapped(&b, |x| -x), ASKED);
        assert!(found.mean() > 0.95, "{points:?}: {found:?}");
    }
}

#[test]
fn two_phases_are_told_from_gaussian_fields_of_their_spectrum() {
    let phases = mapped(&matern(&[16, 16], 0.2, 0, 512), f64::signum);
    let mut moments = Moments::new(phases.grid, 1);
    phases.fields().for_each(|field| moments.add(field).unwrap());
    let (mean, variances) = moments.finish().unwrap();
    let covariances = variances
        .into_iter()
        .map(|v| std::sync::Arc::new(Measured::new(phases.grid, v).unwrap()) as _)
        .collect::<Vec<std::sync::Arc<dyn Prior>>>();
    let law = GaussianLaw::new(mean, covariances).unwrap();
    let surrogate = law.sample(phases.grid, 5, 0..128, stream::START);
    let found = told(&surrogate, &phases, ASKED);
    assert!(found.mean() > 0.97, "{found:?}");
}

#[test]
fn it_does_not_matter_which_set_is_the_real_one() {
    let (a, b) = (matern(&[12, 12], 0.2, 0, 256), matern(&[12, 12], 0.12, 300, 256));
    let asked = Asked { count: 256, seeds: 2, ..ASKED };
    let (there, back) = (told(&a, &b, asked), told(&b, &a, asked));
    // the halves are drawn differently, so each AUC is known to about 0.03
    assert!((there.mean() - back.mean()).abs() < 0.1, "{there:?} {back:?}");
    assert!(there.mean() > 0.8, "{there:?}");
}

#[test]
fn threads_do_not_change_it_and_seeds_do() {
    let two = |fields: Ensemble| {
        let values = fields.values;
        Ensemble::new(fields.grid, 2, values).unwrap()
    };
    let (a, b) = (two(matern(&[9, 10], 0.2, 0, 128)), two(matern(&[9, 10], 0.18, 200, 128)));
    let asked = Asked { count: 64, seeds: 2, seed: 7 };
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| told(&a, &b, asked))
    };
    let one = with(1);
    assert_eq!(one, with(3));
    assert_ne!(one.auc[0], one.auc[1]);
    assert_ne!(one, told(&a, &b, Asked { seed: 8, ..asked }));
}

#[test]
fn progress_rises_to_one_and_too_few_fields_are_refused() {
    let (a, b) = (matern(&[8], 0.2, 0, 40), matern(&[8], 0.2, 40, 40));
    let mut seen = vec![0.0];
    let asked = Asked { count: 40, seeds: 2, seed: 0 };
    distinguish(&a, &b, asked, &mut |done| seen.push(done)).unwrap();
    assert!(seen.is_sorted() && *seen.last().unwrap() == 1.0, "{seen:?}");
    let few = |count| distinguish(&a, &b, Asked { count, ..asked }, &mut |_| ()).unwrap_err();
    for (count, least) in [(LEAST - 1, LEAST), (41, 41)] {
        let error = few(count);
        let expected =
            |e: &FieldError| matches!(e, FieldError::TooFew { least: l, .. } if *l == least);
        assert!(matches!(&error, TrainError::Field(e) if expected(e)), "{error}");
    }
    let other = matern(&[9], 0.2, 0, 40);
    assert!(distinguish(&other, &b, asked, &mut |_| ()).is_err());
}
