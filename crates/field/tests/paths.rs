//! Every path against its closed forms, its derivatives and the forward equation (test oracle O1).

use std::f64::consts::PI;

use karhunen_field::FieldError;
use karhunen_field::path::{Cosine, Flow, Path, TimeGrid, VarianceExploding, VariancePreserving};

fn all() -> Vec<Box<dyn Path>> {
    vec![
        Box::new(VariancePreserving::default()),
        Box::new(VariancePreserving::new(0.3, 12.0, 1e-4).unwrap()),
        Box::new(Cosine::default()),
        Box::new(Cosine::new(0.0, 1e-4, 0.999).unwrap()),
        Box::new(VarianceExploding::default()),
        Box::new(VarianceExploding::new(0.002, 80.0, 1.0).unwrap()),
        Box::new(Flow::default()),
        Box::new(Flow::new(1e-5, 0.9999).unwrap()),
    ]
}

/// Times from t_min to T, dense at both ends.
fn times(path: &dyn Path) -> Vec<f64> {
    let (end, start) = (path.end(), path.start());
    (0..=200)
        .map(|i| end + (start - end) * 0.5 * (1.0 - (PI * f64::from(i) / 200.0).cos()))
        .collect()
}

#[test]
fn values_are_the_closed_forms() {
    let vp = VariancePreserving::default();
    let cosine = Cosine::default();
    let ve = VarianceExploding::default();
    let flow = Flow::default();
    for i in 1..100 {
        let t = f64::from(i) / 100.0;
        let a = (-0.25 * t * t * 19.9 - 0.05 * t).exp();
        assert!(
            (vp.signal(t) - a).abs() < 1e-15 && (vp.noise(t) - (1.0 - a * a).sqrt()).abs() < 1e-14
        );
        // ᾱ = f(t)/f(0), f = cos²(½π (t + s)/(1 + s)): a = √ᾱ, b = √(1 − ᾱ)
        let f = |t: f64| (0.5 * PI * (t + 0.008) / 1.008).cos().powi(2);
        let alpha = f(t) / f(0.0);
        assert!((cosine.signal(t) - alpha.sqrt()).abs() < 1e-14);
        assert!((cosine.noise(t) - (1.0 - alpha).sqrt()).abs() < 1e-12, "{t}");
        assert!((ve.noise(t) / (100.0 * t.powi(7)) - 1.0).abs() < 1e-14 && ve.signal(t) == 1.0);
        assert!(flow.signal(t) == 1.0 - t && flow.noise(t) == t);
    }
    assert!((ve.noise(ve.end()) - 0.01).abs() < 1e-15);
}

#[test]
fn variance_preserving_paths_preserve_it_to_machine_precision() {
    for path in &all()[..4] {
        for t in times(path.as_ref()) {
            let (a, b) = (path.signal(t), path.noise(t));
            assert!((a * a + b * b - 1.0).abs() <= 8.0 * f64::EPSILON, "{path:?} at {t}");
        }
    }
}

/// Central differences with a step of 1e-5 of the distance to 0 and 1. Their errors are h² times
/// the third logarithmic derivative, and the rounding of numbers below 100 divided by h.
#[test]
fn rates_are_the_derivatives_and_give_the_forward_equation() {
    for path in all() {
        let path = path.as_ref();
        for t in times(path) {
            let h = 1e-5 * t.min(1.0 + 1e-6 - t);
            let slope = |f: &dyn Fn(f64) -> f64| (f(t + h) - f(t - h)) / (2.0 * h);
            let rounding = f64::EPSILON * (1.0 + path.noise(t)) / h;
            let close = |a: f64, b: f64| (a - b).abs() < 1e-7 * b.abs() + rounding;
            let (da, db) = (slope(&|t| path.signal(t)), slope(&|t| path.noise(t)));
            assert!(close(da, path.signal_rate(t)), "{path:?} at {t}: ȧ = {da}");
            assert!(close(db, path.noise_rate(t)), "{path:?} at {t}: ḃ = {db}");
            let f = path.signal_rate(t) / path.signal(t);
            assert!((path.drift(t) - f).abs() <= 1e-11 * f.abs(), "{path:?} at {t}");
            let b = path.noise(t);
            let g2 = 2.0 * b * path.noise_rate(t) - 2.0 * f * b * b;
            assert!((path.diffusion(t) - g2).abs() <= 1e-10 * g2.abs(), "{path:?} at {t}");
            assert!(g2 > 0.0, "{path:?} at {t}");
            let snr = 2.0 * (path.signal(t) / b).ln();
            assert!((path.log_snr(t) - snr).abs() < 1e-12 * (1.0 + snr.abs()), "{path:?} at {t}");
        }
    }
}

#[test]
fn signal_to_noise_falls_and_is_inverted() {
    for path in all() {
        let path = path.as_ref();
        let snr: Vec<f64> = times(path).iter().map(|&t| path.log_snr(t)).collect();
        assert!(snr.windows(2).all(|w| w[1] < w[0]), "{path:?}");
        for (t, l) in times(path).into_iter().zip(snr) {
            let back = path.time_of_log_snr(l);
            assert!((back - t).abs() < 1e-13, "{path:?} at {t}: {back}");
        }
        assert_eq!(path.time_of_log_snr(1e6), path.end());
        assert_eq!(path.time_of_log_snr(-1e6), path.start());
    }
}

/// Mean and variance of one mode under n steps of forward Euler–Maruyama from t_min to T.
#[test]
fn simulation_converges_to_the_closed_form_with_order_one() {
    let (m, c, lambda) = (2.0, 3.0, 0.5);
    let paths: [Box<dyn Path>; 4] = [
        Box::new(VariancePreserving::new(0.1, 6.0, 1e-2).unwrap()),
        Box::new(Cosine::new(0.008, 0.05, 0.9).unwrap()),
        Box::new(VarianceExploding::new(0.1, 3.0, 2.0).unwrap()),
        Box::new(Flow::new(0.1, 0.8).unwrap()),
    ];
    for path in paths {
        let at = |t: f64| {
            let (a, b) = (path.signal(t), path.noise(t));
            (a * m, a * a * c + b * b * lambda)
        };
        let error = |n: usize| {
            let h = (path.start() - path.end()) / n as f64;
            let got =
                (0..n).map(|i| path.end() + i as f64 * h).fold(at(path.end()), |(mean, v), t| {
                    let keep = 1.0 + path.drift(t) * h;
                    (keep * mean, keep * keep * v + path.diffusion(t) * h * lambda)
                });
            let exact = at(path.start());
            (got.0 - exact.0, got.1 - exact.1)
        };
        for n in [800, 1600] {
            let (coarse, fine) = (error(n), error(2 * n));
            let order = (coarse.1 / fine.1).log2();
            assert!((order - 1.0).abs() < 0.05, "{path:?} {n}: variance {order}");
            // where a is constant or linear, Euler's mean is exact
            if fine.0.abs() > 1e-10 {
                let order = (coarse.0 / fine.0).log2();
                assert!((order - 1.0).abs() < 0.05, "{path:?} {n}: mean {order}");
            }
        }
    }
}

#[test]
fn every_time_grid_falls_strictly_from_start_to_end_on_every_path() {
    let grids =
        [TimeGrid::Uniform, TimeGrid::Quadratic, TimeGrid::LogSnr, TimeGrid::Karras { rho: 7.0 }];
    for path in all() {
        for grid in grids {
            for steps in [1, 2, 7, 200] {
                let times = grid.times(path.as_ref(), steps);
                assert_eq!((times[0], times[steps]), (path.start(), path.end()));
                assert!(times.windows(2).all(|w| w[1] < w[0]), "{path:?} {grid:?} {steps}");
            }
        }
    }
    // even in t means even in σ^{1/ρ}: the grid of Karras et al.
    let path = VarianceExploding::default();
    let uniform = TimeGrid::Uniform.times(&path, 12);
    let karras = TimeGrid::Karras { rho: 7.0 }.times(&path, 12);
    assert!(uniform.iter().zip(&karras).all(|(a, b)| (a - b).abs() < 1e-12));
}

#[test]
fn parameters_that_make_no_path_are_refused_by_name() {
    let parameter = |e: FieldError| match e {
        FieldError::Parameter { parameter, .. } => parameter,
        other => panic!("{other}"),
    };
    let cosine = |o, e, s| parameter(Cosine::new(o, e, s).unwrap_err());
    assert_eq!(cosine(-0.1, 1e-3, 0.9), "offset");
    assert_eq!(cosine(f64::NAN, 1e-3, 0.9), "offset");
    assert_eq!(cosine(1e16, 1e-3, 0.9), "offset");
    assert!(Cosine::new(1.0, 1e-3, 0.9).is_ok());
    assert_eq!(cosine(0.008, 1e-3, 1.0), "start");
    assert_eq!(cosine(0.008, 0.0, 0.9), "end");
    assert_eq!(cosine(0.008, 0.95, 0.9), "end");
    let ve = |a, b, r| parameter(VarianceExploding::new(a, b, r).unwrap_err());
    assert_eq!(ve(0.0, 1.0, 7.0), "sigma_min");
    assert_eq!(ve(2.0, 1.0, 7.0), "sigma_min");
    assert_eq!(ve(0.1, f64::INFINITY, 7.0), "sigma_max");
    assert_eq!(ve(0.1, 1.0, 0.0), "rho");
    // t_min = 10^{−2/ρ} rounds to 0, rounds to 1, and needs a tenth of the exponents of doubles
    assert_eq!(ve(0.01, 1.0, 0.006), "rho");
    assert_eq!(ve(0.01, 1.0, 1e300), "rho");
    assert!(VarianceExploding::new(0.01, 1.0, 0.065).is_ok());
    assert_eq!(ve(1e-200, 1e200, 7.0), "sigma_min");
    let error = VarianceExploding::new(0.01, 100.0, 0.012).unwrap_err().to_string();
    assert!(error.starts_with("rho = 0.012: must leave t_min"), "{error}");
    let flow = |e, s| parameter(Flow::new(e, s).unwrap_err());
    assert_eq!(flow(0.1, 1.0), "start");
    assert_eq!(flow(0.0, 0.9), "end");
    assert_eq!(flow(f64::NAN, 0.9), "end");
}

#[test]
fn stored_paths_come_back_and_checks_hold_for_files() {
    fn there_and_back<P>(path: P)
    where
        P: Path + PartialEq + serde::Serialize + serde::de::DeserializeOwned,
    {
        let text = serde_json::to_string(&path).unwrap();
        assert_eq!(serde_json::from_str::<P>(&text).unwrap(), path, "{text}");
    }
    there_and_back(Cosine::new(0.01, 1e-4, 0.99).unwrap());
    there_and_back(VarianceExploding::new(0.02, 50.0, 5.0).unwrap());
    there_and_back(Flow::new(0.02, 0.97).unwrap());
    assert_eq!(serde_json::from_str::<Flow>("{}").unwrap(), Flow::default());
    let refused = serde_json::from_str::<Flow>(r#"{"end": 2.0}"#).unwrap_err().to_string();
    assert!(refused.contains("end = 2"), "{refused}");
    assert!(serde_json::from_str::<Cosine>(r#"{"s": 0.1}"#).is_err());
}
