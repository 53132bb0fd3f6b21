//! The result for one field must not depend on the other fields of its batch, their number, or the
//! threads.

use std::sync::Arc;

use karhunen_field::prior::Bessel;
use karhunen_field::{Boundary, Denoiser, Ensemble, GaussianLaw, VariancePreserving};
use karhunen_net::{Band, Device, Fno, Model, Parameters, Preconditioner, Preconditioning};

use crate::cases::{Case, case, normals};

/// Sizes with and without a remainder for each register block.
fn cases() -> Vec<Case> {
    let mut cases = vec![
        case(&[13], Boundary::Periodic, &[4]),
        case(&[13, 11], Boundary::Neumann, &[4]),
        case(&[32, 32], Boundary::Neumann, &[8]),
        case(&[5, 6, 7], Boundary::Periodic, &[2]),
    ];
    for case in &mut cases {
        (case.config.width, case.config.projection, case.channels) = (24, 48, 2);
    }
    // large enough for a product to be shared among threads
    let mut large = case(&[64, 64], Boundary::Neumann, &[12]);
    (large.config.width, large.config.projection) = (32, 128);
    cases.push(large);
    cases
}

fn forward(case: &Case, network: &Fno, x: &[f32]) -> Vec<f64> {
    let batch = x.len() / (case.channels * case.grid.len());
    let output = network.forward(&case.grid, x, &vec![0.3; batch], &vec![0.7; batch]).unwrap();
    output.try_into_vec_as().unwrap()
}

/// `[field, point, channel]` inputs.
fn inputs(case: &Case, batch: usize) -> Vec<f32> {
    let count = batch * case.channels * case.grid.len();
    normals(count, 300).into_iter().map(|v| v as f32).collect()
}

/// Bit for bit: every product keeps its order of summation for any number of rows.
#[test]
fn a_field_does_not_see_its_batch_mates() {
    for case in cases() {
        let network = case.network(&Device::flex());
        let x = inputs(&case, 9);
        let length = x.len() / 9;
        let together = forward(&case, &network, &x);
        for batch in [1, 2, 5] {
            let apart: Vec<f64> =
                x.chunks(batch * length).flat_map(|part| forward(&case, &network, part)).collect();
            assert!(apart == together, "{} in batches of {batch}", case.grid);
        }
        // the same field at another place in the batch
        let reversed: Vec<f32> = x.chunks_exact(length).rev().flatten().copied().collect();
        let mirrored = forward(&case, &network, &reversed);
        let back = mirrored.chunks_exact(length).rev().flatten();
        assert!(back.eq(&together), "{} in reversed order", case.grid);
    }
}

/// Bit for bit, values and gradients: required for resuming a run on another machine.
#[test]
fn the_number_of_threads_changes_nothing() {
    for case in cases() {
        let network = case.network(&Device::flex().autodiff());
        let x = inputs(&case, 3);
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let loss = network.forward(&case.grid, &x, &[0.3; 3], &[0.7; 3]).unwrap();
                let values: Vec<f32> = loss.clone().try_into_vec_as().unwrap();
                let gradients = loss.square().mean().backward();
                (values, Parameters::gradients_of(network.weights(), &gradients).unwrap())
            })
        };
        let (values, gradients) = run(1);
        for threads in [2, 3] {
            let (other_values, other_gradients) = run(threads);
            assert!(other_values == values, "{}: values", case.grid);
            for (other, array) in other_gradients.arrays.iter().zip(&gradients.arrays) {
                assert!(other == array, "{}: gradient of {}", case.grid, array.name);
            }
        }
    }
}

/// The whole denoiser, including preconditioning.
#[test]
fn a_model_denoises_one_field_as_it_denoises_many() {
    let case = &cases()[1];
    let prior = Arc::new(Bessel::new(2, 1.0, 8.0, 0.8).unwrap());
    let law = GaussianLaw::centred(case.grid, prior.clone(), case.channels);
    let path = Arc::new(VariancePreserving::default());
    let preconditioner = Preconditioner::new(Preconditioning::Wiener, path, prior, law, case.grid);
    let model =
        Model { network: case.network(&Device::flex()).into(), preconditioner, band: Band::Grid };
    let values = inputs(case, 5).into_iter().map(f64::from).collect();
    let x = Ensemble::new(case.grid, case.channels, values).unwrap();
    let together = model.denoise(&x, 0.4).unwrap();
    for i in 0..x.count() {
        let alone = model.denoise(&x.slice(i..i + 1), 0.4).unwrap();
        assert!(alone == together.slice(i..i + 1), "field {i}");
    }
    assert_eq!(model.denoise(&x.slice(0..0), 0.4).unwrap().count(), 0);
}
