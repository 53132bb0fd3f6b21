//! GELU and its slope on a fine mesh, and for infinities and values that are not numbers.

use super::naive::{gelu, slope};
use crate::Level;
use crate::cpu::activation::{activate, activation_slope, hidden_slope};

/// Error of value and slope, absolute up to 1 and relative beyond; the largest observed is 1.7e-7.
const ABSOLUTE: f64 = 3e-7;

fn values(level: Level, x: &[f32]) -> Vec<f32> {
    let mut y = vec![0.0; x.len()];
    // SAFETY: one row of x.len() channels
    unsafe { activate(level, 1, x.len(), x.as_ptr(), std::ptr::null(), true, y.as_mut_ptr()) };
    y
}

fn slopes(level: Level, x: &[f32]) -> Vec<f32> {
    let (mut d, mut sums) = (vec![1.0; x.len()], vec![0.0; 2 * x.len()]);
    let (n, null) = (x.len(), std::ptr::null());
    // SAFETY: one row of n channels
    unsafe {
        activation_slope(level, 1, n, x.as_ptr(), null, true, d.as_mut_ptr(), sums.as_mut_ptr());
    }
    d
}

#[test]
fn value_and_slope_on_a_mesh() {
    let mesh: Vec<f32> = (-130_000..=130_000).map(|i| i as f32 * 1e-4).collect();
    for level in Level::available() {
        let (mut h, mut d) = (mesh.clone(), vec![1.0; mesh.len()]);
        let mut sum = vec![0.0; mesh.len()];
        // SAFETY: one row of mesh.len() channels
        unsafe {
            let (h, d, sum) = (h.as_mut_ptr(), d.as_mut_ptr(), sum.as_mut_ptr());
            hidden_slope(level, 1, mesh.len(), h, d, sum);
        }
        let error = |found: &[f32], f: fn(f64) -> f64| {
            let pairs = found.iter().zip(&mesh);
            pairs.fold(0.0, |m: f64, (y, x)| {
                let expected = f(f64::from(*x));
                m.max((f64::from(*y) - expected).abs() / expected.abs().max(1.0))
            })
        };
        let errors = [
            error(&values(level, &mesh), gelu),
            error(&slopes(level, &mesh), slope),
            error(&h, gelu),
            error(&d, slope),
        ];
        println!(
            "{level}: value {:.1e} slope {:.1e} both {:.1e} {:.1e}",
            errors[0], errors[1], errors[2], errors[3]
        );
        assert!(errors.iter().all(|e| *e < ABSOLUTE), "{level}: {errors:?}");
        assert!(sum == d, "{level}: sums of one row are the row");
    }
}

#[test]
fn limits_and_what_is_not_a_number() {
    let far = [1e3, -1e3, 3e38, -3e38, f32::INFINITY, f32::NEG_INFINITY, 0.0, -0.0];
    for level in Level::available() {
        let (y, d) = (values(level, &far), slopes(level, &far));
        for (i, x) in far.iter().enumerate() {
            let expected = x.max(0.0);
            assert!((y[i] - expected).abs() < 1e-12 || y[i] == expected, "{level}: {x} {}", y[i]);
            let expected = if *x == 0.0 { 0.5 } else { f32::from(*x > 0.0) };
            assert!((d[i] - expected).abs() < 1e-6, "{level}: slope at {x} is {}", d[i]);
        }
        let none = [f32::NAN; 21];
        assert!(values(level, &none).iter().all(|v| v.is_nan()), "{level}");
        assert!(slopes(level, &none).iter().all(|v| v.is_nan()), "{level}");
        let (mut h, mut d, mut sum) = (none, [1.0f32; 21], [0.0f32; 21]);
        // SAFETY: one row of 21 channels
        unsafe { hidden_slope(level, 1, 21, h.as_mut_ptr(), d.as_mut_ptr(), sum.as_mut_ptr()) };
        assert!(h.iter().chain(&d).chain(&sum).all(|v| v.is_nan()), "{level}");
    }
}
