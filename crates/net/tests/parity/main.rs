//! Parity with the published code: reproduces its numbers with the parity options.
//!
//! The arrays are not part of the repository; [`golden`] says where they are expected. Without them
//! every test here prints so and passes. Errors are the largest error relative to the array's
//! largest magnitude. The tolerances are those supplied with the arrays.

mod golden;
mod network;
mod noise;
mod path;
mod process;

/// Forward passes and priors: f32 against f32 (the tanh form of GELU would miss by 1.3e-4).
const FORWARD: f64 = 2e-5;
/// Gradients, which accumulate more rounding.
const GRADIENT: f64 = 1e-3;

/// Largest error relative to the largest magnitude expected.
fn relative_error(found: &[f64], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len(), "number of values");
    let largest = expected.iter().fold(0.0, |m: f64, e| m.max(e.abs()));
    let error = found.iter().zip(expected).fold(0.0, |m: f64, (f, e)| m.max((f - e).abs()));
    assert!(error.is_finite() && largest > 0.0, "an error that is a number, of something");
    error / largest
}

/// Asserts [`relative_error`] ≤ `tolerance`, and reports the error otherwise.
#[track_caller]
fn assert_reproduces(name: &str, found: &[f64], expected: &[f64], tolerance: f64) {
    let error = relative_error(found, expected);
    println!("{name}: {error:.1e}");
    assert!(error <= tolerance, "{name}: relative error {error:e} exceeds {tolerance:e}");
}
