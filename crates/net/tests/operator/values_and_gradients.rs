//! The tensor implementation against the plain one: values, and gradients by finite differences.

use burn::tensor::{Tensor, TensorData};
use karhunen_net::{Device, Parameters};

use crate::cases::{all, normals};
use crate::reference::Reference;
use crate::relative_error;

/// f32 through 15 matrix products; the largest observed error is 4e-7.
const FORWARD: f64 = 3e-6;
/// Error of a directional derivative relative to the norm of the gradient; the largest observed is
/// 1.4e-6.
const GRADIENT: f64 = 1e-5;
/// Step of central differences in f64: error ε² from the third derivative, 1e-16/ε from rounding.
const STEP: f64 = 1e-5;

const TIMES: [f64; 2] = [0.1, 0.8];
const HALF_LOG_SNR: [f64; 2] = [1.3, -3.1];

/// Σ r · F over a batch of two fields, per field.
fn reference_outputs(reference: &Reference, x: &[f64]) -> Vec<f64> {
    let each = x.chunks_exact(x.len() / 2).zip(TIMES).zip(HALF_LOG_SNR);
    each.flat_map(|((x, t), l)| reference.forward(x, t, l)).collect()
}

#[test]
fn outputs_are_the_definition() {
    for case in all() {
        let network = case.network(&Device::flex());
        let reference = Reference::new(&case, &network.parameters().unwrap());
        let x = normals(2 * case.channels * case.grid.len(), 100);
        let narrow: Vec<f32> = x.iter().map(|v| *v as f32).collect();
        let output = network.forward(&case.grid, &narrow, &TIMES, &HALF_LOG_SNR).unwrap();
        let found: Vec<f64> = output.try_into_vec_as().unwrap();
        let error = relative_error(&found, &reference_outputs(&reference, &x));
        assert!(error < FORWARD, "{:?} on {}: {error:e}", case.config, case.grid);
    }
}

/// One random direction for each parameter array. It misses an error with a probability of order
/// [`GRADIENT`].
#[test]
fn gradients_are_finite_differences() {
    for case in all() {
        let device = Device::flex().autodiff();
        let network = case.network(&device);
        let reference = Reference::new(&case, &network.parameters().unwrap());
        let x = normals(2 * case.channels * case.grid.len(), 101);
        let narrow: Vec<f32> = x.iter().map(|v| *v as f32).collect();
        let r = normals(x.len(), 102);

        let output = network.forward(&case.grid, &narrow, &TIMES, &HALF_LOG_SNR).unwrap();
        let shape = output.dims();
        let r32: Vec<f32> = r.iter().map(|v| *v as f32).collect();
        let cotangent = Tensor::<3>::from_data(TensorData::new(r32, shape), &device);
        let gradients = (output * cotangent).sum().backward();
        let gradients = Parameters::gradients_of(network.weights(), &gradients).unwrap();

        let loss = |reference: &Reference| -> f64 {
            reference_outputs(reference, &x).iter().zip(&r).map(|(f, r)| f * r).sum()
        };
        assert_eq!(gradients.arrays.len(), reference.arrays.len());
        for (i, array) in gradients.arrays.iter().enumerate() {
            let direction = normals(array.values.len(), 200 + i as u64);
            let moved = |step: f64| {
                let mut moved = reference.clone();
                let values = moved.arrays.get_mut(&array.name).unwrap();
                values.iter_mut().zip(&direction).for_each(|(v, d)| *v += step * d);
                loss(&moved)
            };
            let expected = (moved(STEP) - moved(-STEP)) / (2.0 * STEP);
            let dot = |v: &[f64]| -> f64 {
                array.values.iter().zip(v).map(|(g, v)| f64::from(*g) * v).sum()
            };
            let norm = array.values.iter().map(|g| f64::from(*g).powi(2)).sum::<f64>().sqrt();
            let error = (dot(&direction) - expected).abs() / norm.max(1e-3);
            assert!(error < GRADIENT, "{} on {}: {error:e}", array.name, case.grid);
        }
    }
}
