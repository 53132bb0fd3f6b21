//! What an observer of a run is shown, and that observing changes nothing.

use std::cell::RefCell;
use std::sync::Arc;

use karhunen_field::denoiser::Gaussian;
use karhunen_field::path::VariancePreserving;
use karhunen_field::prior::Matern;
use karhunen_field::sampler::{Intermediate, Method, Reverse, integrate, start};
use karhunen_field::{Boundary, Ensemble, Field, GaussianLaw, Grid, Prior};

/// A copy of one evaluation.
struct Seen {
    step: usize,
    time: f64,
    x: Ensemble,
    denoised: Ensemble,
}

#[test]
fn every_sampler_shows_each_evaluation_and_its_numbers_stay() {
    let grid = Grid::unit(&[7, 5], Boundary::Neumann).unwrap();
    let prior: Arc<dyn Prior> = Arc::new(Matern::new(1.0, 0.2, 1.5).unwrap());
    let path = Arc::new(VariancePreserving::default());
    let mean = Field::new(grid, 1, (0..35).map(|i| f64::from(i).sin()).collect()).unwrap();
    let law = GaussianLaw::new(mean, vec![Arc::clone(&prior)]).unwrap();
    let oracle = Gaussian::new(law.clone(), Arc::clone(&prior), path.clone());
    for method in Method::ALL {
        let steps = 4;
        let times = method.default_times().times(&*path, steps);
        let seen: RefCell<Vec<Seen>> = RefCell::default();
        let remember = |at: &Intermediate<'_>| {
            seen.borrow_mut().push(Seen {
                step: at.step,
                time: at.time,
                x: at.x.clone(),
                denoised: at.denoised.clone(),
            });
        };
        let run = |observer| {
            let x = start(&law, &*prior, &*path, grid, 3, 0..2);
            let mut reverse = Reverse::new(&*path, &*prior, &law, &oracle, 3, 0);
            reverse.observer = observer;
            let x = integrate(&mut *method.build(), &mut reverse, &times, x, &mut |_, _| {});
            (x.unwrap(), reverse.evaluations)
        };
        let (unseen, evaluations) = run(None);
        let (observed, _) = run(Some(&remember));
        assert_eq!(unseen, observed, "{method}");
        let seen = seen.into_inner();
        assert_eq!(seen.len(), evaluations, "{method}");
        let first = &seen[0];
        assert_eq!((first.step, first.time), (0, times[0]), "{method}");
        assert_eq!(first.x, start(&law, &*prior, &*path, grid, 3, 0..2), "{method}");
        let last = &seen[seen.len() - 1];
        assert_eq!((last.step, last.time), (steps, times[steps]), "{method}");
        assert_eq!(last.denoised, observed, "{method}");
        assert!(seen.windows(2).all(|pair| pair[1].step >= pair[0].step), "{method}");
    }
}
