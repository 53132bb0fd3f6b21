//! The kernels on slices against their definitions in f64, at every level that this CPU has.
//!
//! Tensors have separate tests (`tests/`). Errors are the largest difference relative to the
//! largest expected magnitude.

mod activation;
mod adamw;
mod axis_maps;
mod convolution;
mod depthwise;
mod independence;
mod large;
mod level;
mod muon;
mod naive;
mod norm;
mod oversampled;
mod pointwise;
mod products;
mod residual;
mod segments;
mod spectral;
mod tiles;

/// Uniform numbers in ±1, the same in every run.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }

    /// Values that f32 represents exactly, times a scale.
    fn array(&mut self, count: usize, scale: f64) -> Vec<f32> {
        (0..count).map(|_| (scale * self.next()) as f32).collect()
    }

    /// A random element of a list.
    fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        list[((self.next() + 1.0) / 2.0 * list.len() as f64) as usize % list.len()]
    }
}

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|v| f64::from(*v)).collect()
}

fn relative_error(found: &[f32], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len(), "number of values");
    let largest = expected.iter().fold(1e-30, |m: f64, e| m.max(e.abs()));
    let worst = |m: f64, (f, e): (&f32, &f64)| m.max((f64::from(*f) - e).abs());
    let error = found.iter().zip(expected).fold(0.0, worst);
    assert!(found.iter().all(|f| f.is_finite()), "numbers");
    error / largest
}

fn dot(a: &[f32], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * b).sum()
}

/// The directional derivative of `loss` at `at`, by central differences in f64.
fn derivative(at: &[f64], direction: &[f64], loss: impl Fn(&[f64]) -> f64) -> f64 {
    const STEP: f64 = 1e-5;
    let moved =
        |step: f64| -> Vec<f64> { at.iter().zip(direction).map(|(v, d)| v + step * d).collect() };
    (loss(&moved(STEP)) - loss(&moved(-STEP))) / (2.0 * STEP)
}

/// Error of a gradient against finite differences along one random direction, relative to its norm
/// times the root mean square of the direction.
fn gradient_error(
    numbers: &mut Numbers,
    gradient: &[f32],
    at: &[f32],
    loss: impl Fn(&[f64]) -> f64,
) -> f64 {
    let direction: Vec<f64> = (0..at.len()).map(|_| numbers.next()).collect();
    let expected = derivative(&wide(at), &direction, loss);
    let norm = dot(gradient, &wide(gradient)).sqrt();
    (dot(gradient, &direction) - expected).abs() / norm.max(1e-3)
}
