//! The network as an operator on functions: against a plain f64 implementation, across
//! resolutions, across batches and threads, and behind its preconditioner.

mod aliasing;
mod band;
mod cases;
mod classes;
mod finer;
mod fused;
mod given;
mod independence;
mod layer;
mod nested;
mod nested_peer;
mod preconditioner;
mod reference;
mod refusals;
mod resolution;
mod unet;
mod values_and_gradients;

/// Largest difference between two arrays over the largest magnitude of the second.
fn relative_error(found: &[f64], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len(), "number of values");
    let largest = expected.iter().fold(0.0, |m: f64, e| m.max(e.abs()));
    let error = found.iter().zip(expected).fold(0.0, |m: f64, (f, e)| m.max((f - e).abs()));
    assert!(error.is_finite() && largest > 0.0, "an error that is a number, of something");
    error / largest
}
