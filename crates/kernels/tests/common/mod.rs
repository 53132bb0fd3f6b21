//! Shared parts of the tests on tensors: numbers that are the same in every run, and comparisons.

use std::cell::Cell;

use burn::tensor::{Device, Tensor, TensorData};

/// f32 through two products of up to 33 terms; the largest observed error is 4e-7.
const ROUNDING: f32 = 5e-6;

thread_local! {
    /// Count of numbers drawn by this test. Each test has its own thread, so every run draws the
    /// same.
    static DRAWN: Cell<u32> = const { Cell::new(0) };
}

/// Numbers in [−1, 1), by a multiplicative hash of their position in the sequence.
pub fn random<const D: usize>(shape: [usize; D], device: &Device) -> Tensor<D> {
    let count = shape.iter().product::<usize>() as u32;
    let first = DRAWN.with(|drawn| drawn.replace(drawn.get() + count));
    let hash = |n: u32| {
        let mixed = (n ^ (n >> 16)).wrapping_add(1).wrapping_mul(0x9E37_79B9);
        (mixed ^ (mixed >> 15)).wrapping_mul(0x85EB_CA6B) >> 8
    };
    let values: Vec<f32> =
        (first..first + count).map(|n| hash(n) as f32 / (1 << 23) as f32 - 1.0).collect();
    let values = Tensor::from_data(TensorData::new(values, shape), device);
    if device.is_autodiff() { values.require_grad() } else { values }
}

#[track_caller]
pub fn assert_close<const D: usize>(what: &str, found: Tensor<D>, expected: Tensor<D>) {
    assert_eq!(found.dims(), expected.dims(), "{what}");
    let [found, expected] = [found, expected].map(|t| t.try_into_vec_as::<f32>().unwrap());
    let largest = expected.iter().fold(1e-30f32, |m, e| m.max(e.abs()));
    let error = found.iter().zip(&expected).fold(0f32, |m, (f, e)| m.max((f - e).abs()));
    assert!(error <= ROUNDING * largest, "{what}: {} of the largest", error / largest);
}

/// Asserts equal values and gradients of `$operands` for a random cotangent.
macro_rules! assert_same {
    ($what:expr, $fused:expr, $composed:expr, [$($operand:ident),*]) => {{
        let (fused, composed) = ($fused, $composed);
        assert_close($what, fused.clone(), composed.clone());
        let r = random(fused.dims(), &fused.device().without_autodiff());
        let r = Tensor::from_data(r.into_data(), &fused.device());
        let (a, b) = ((fused * r.clone()).sum().backward(), (composed * r).sum().backward());
        $(
            let what = format!("{} of {}", stringify!($operand), $what);
            assert_close(&what, $operand.grad(&a).unwrap(), $operand.grad(&b).unwrap());
        )*
    }};
}
