//! Fused operators against compositions of tensor operations: the whole network, with values and
//! every gradient by automatic differentiation.

use burn::tensor::{Tensor, TensorData};
use karhunen_net::{Conditioning, Device, Fno, Operators, Parameters};

use crate::cases::{Case, all, case, normals};
use crate::relative_error;
use karhunen_field::Boundary::{Neumann, Periodic};

/// Both are f32; the largest observed error is 9e-7.
const FORWARD: f64 = 5e-6;
/// Relative to the largest entry of a parameter's gradient; the largest observed error is 5e-6.
const GRADIENT: f64 = 1e-4;

const TIMES: [f64; 3] = [0.1, 0.5, 0.8];
const HALF_LOG_SNR: [f64; 3] = [1.3, 0.2, -3.1];

/// Widths near register widths, lengths near tile lengths, and more modes than the grids hold.
fn large() -> Vec<Case> {
    let shapes: [(&[usize], _, &[usize], usize); 8] = [
        (&[64], Neumann, &[16], 33),
        (&[31], Periodic, &[20], 64),
        (&[600], Neumann, &[8], 12),
        (&[28, 28], Periodic, &[14], 32),
        (&[13, 16], Neumann, &[6], 17),
        (&[7, 31], Periodic, &[5, 3], 16),
        (&[2, 300], Neumann, &[2, 9], 8),
        (&[5, 8, 7], Neumann, &[3], 24),
    ];
    let mut cases = Vec::new();
    for (i, (points, boundary, modes, width)) in shapes.into_iter().enumerate() {
        let mut case = case(points, boundary, modes);
        (case.config.width, case.config.projection, case.channels) = (width, 2 * width, 1 + i % 3);
        if i % 2 == 1 {
            case.config.conditioning = Conditioning::InputChannel;
        }
        case.config.oversampling = 1 + (i / 2) % 2;
        cases.push(case);
    }
    cases
}

/// Output and gradients of Σ r F.
fn run(case: &Case, operators: Operators) -> (Vec<f64>, Parameters) {
    let device = Device::flex().autodiff();
    let mut network: Fno = case.network(&device);
    network.set_operators(operators).unwrap();
    let count = 3 * case.channels * case.grid.len();
    let narrow = |index| normals(count, index).into_iter().map(|v| v as f32).collect::<Vec<f32>>();
    let output = network.forward(&case.grid, &narrow(400), &TIMES, &HALF_LOG_SNR).unwrap();
    let r = TensorData::new(narrow(401), output.dims());
    let loss = (output.clone() * Tensor::<3>::from_data(r, &device)).sum();
    let gradients = Parameters::gradients_of(network.weights(), &loss.backward()).unwrap();
    (output.try_into_vec_as().unwrap(), gradients)
}

#[test]
fn values_and_gradients_are_those_of_compositions() {
    let (mut worst_value, mut worst_gradient) = (0.0f64, 0.0f64);
    for case in all().into_iter().chain(large()) {
        let (found, gradients) = run(&case, Operators::Fused);
        let (expected, reference) = run(&case, Operators::Composed);
        let error = relative_error(&found, &expected);
        worst_value = worst_value.max(error);
        assert!(error < FORWARD, "{:?} on {}: {error:e}", case.config, case.grid);
        for (array, expected) in gradients.arrays.iter().zip(&reference.arrays) {
            let [found, expected] = [&array.values, &expected.values]
                .map(|v| v.iter().map(|g| f64::from(*g)).collect::<Vec<f64>>());
            // modes that the grid does not hold have no gradient in either
            if expected.iter().all(|e| *e == 0.0) {
                assert!(found.iter().all(|f| *f == 0.0), "{}", array.name);
                continue;
            }
            let error = relative_error(&found, &expected);
            worst_gradient = worst_gradient.max(error);
            assert!(error < GRADIENT, "{} on {}: {error:e}", array.name, case.grid);
        }
    }
    println!("largest errors: values {worst_value:.1e}, gradients {worst_gradient:.1e}");
}

#[test]
fn the_cpu_computes_fused_unless_told_otherwise() {
    let mut network = case(&[8], Periodic, &[3]).network(&Device::flex());
    assert_eq!(network.operators(), Operators::Fused);
    network.set_operators(Operators::Composed).unwrap();
    assert_eq!(network.operators(), Operators::Composed);
}
