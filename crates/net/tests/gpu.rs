//! Networks on a GPU against the definition in f64 and against the CPU: values and every gradient.
//!
//! The test is built only with a GPU feature. Without a working card it is skipped and prints the
//! reason:
//!
//! ```sh
//! cargo test --release --workspace --features wgpu --test gpu -- --nocapture --test-threads 1
//! ```
//!
//! A software driver is sufficient (Debian: mesa-vulkan-drivers, with XDG_RUNTIME_DIR set). Drivers
//! that round products to 10 bits of mantissa (tf32) miss the tolerances by two orders of
//! magnitude.

#[path = "operator/cases.rs"]
mod cases;
#[path = "operator/finer.rs"]
mod finer;
#[path = "operator/reference.rs"]
mod reference;

use std::time::Instant;

use burn::tensor::{Tensor, TensorData};
use karhunen_field::{Boundary, Grid};
use karhunen_net::model::Inputs;
use karhunen_net::{
    Conditioning, Device, DeviceChoice, NestedConfig, Network, NetworkConfig, Operators,
    Parameters, UNetConfig,
};

use cases::{Case, all, case, normals, randomise};
use reference::Reference;

/// f32 through 15 matrix products, summed in a different order than on the CPU.
const FORWARD: f64 = 5e-6;
/// Relative to the largest entry of a parameter's gradient, with both in f32. The tanh
/// approximation of GELU's derivative is wrong by ten times this tolerance.
const GRADIENT: f64 = 1e-4;
/// Gradients below this share of the network's largest are rounding. Example: a bias before a
/// normalisation of its own channel has gradient 0.
const SMALL: f32 = 1e-2;

const TIMES: [f64; 2] = [0.1, 0.8];
const HALF_LOG_SNR: [f64; 2] = [1.3, -3.1];

/// The first card, or `None` after printing the reason.
fn card() -> Option<Device> {
    match DeviceChoice::Gpu(0).open() {
        Ok((device, name)) => {
            println!("on {}", name.unwrap_or_default());
            Some(device)
        }
        Err(reason) => {
            println!("skipped: {reason}");
            None
        }
    }
}

/// Largest difference between two arrays over the largest magnitude of the second.
fn relative_error(found: &[f64], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len(), "number of values");
    let largest = expected.iter().fold(0.0, |m: f64, e| m.max(e.abs()));
    let error = found.iter().zip(expected).fold(0.0, |m: f64, (f, e)| m.max((f - e).abs()));
    assert!(error.is_finite() && largest > 0.0, "an error that is a number, of something");
    error / largest
}

/// Output and gradients of Σ r F.
fn run(network: &Network, grid: &Grid, x: &[f64]) -> (Vec<f64>, Parameters) {
    let narrow = |values: &[f64]| values.iter().map(|v| *v as f32).collect::<Vec<f32>>();
    let output = network.forward(&Inputs::plain(grid, &narrow(x), &TIMES, &HALF_LOG_SNR)).unwrap();
    let r = TensorData::new(narrow(&normals(x.len(), 102)), output.dims());
    let cotangent = Tensor::<3>::from_data(r, network.device());
    let gradients = network.taken_gradients((output.clone() * cotangent).sum().backward()).unwrap();
    (output.try_into_vec_as().unwrap(), gradients)
}

/// Largest error over the parameters, each relative to its own largest entry, or to [`SMALL`] times
/// the network's largest if that is more.
fn gradient_error(found: &Parameters, expected: &Parameters, place: &str) -> f64 {
    assert_eq!(found.arrays.len(), expected.arrays.len());
    let largest = |values: &[f32]| values.iter().fold(0.0f32, |m, v| m.max(v.abs()));
    let overall = expected.arrays.iter().map(|a| largest(&a.values)).fold(0.0, f32::max);
    assert!(overall > 0.0, "{place}: a gradient");
    let errors = found.arrays.iter().zip(&expected.arrays).map(|(found, expected)| {
        let pairs = found.values.iter().zip(&expected.values);
        let worst = pairs.map(|(f, e)| f64::from((f - e).abs())).fold(0.0, f64::max);
        let scale = largest(&expected.values).max(SMALL * overall);
        let error = worst / f64::from(scale);
        assert!(error < GRADIENT, "{} on {place}: {error:e}", found.name);
        error
    });
    errors.fold(0.0, f64::max)
}

/// The cases of the other tests, plus widths and sizes at which a library uses its fast kernels.
fn with_larger() -> Vec<Case> {
    let shapes: [(&[usize], _, &[usize], usize); 4] = [
        (&[257], Boundary::Neumann, &[16], 32),
        (&[28, 28], Boundary::Periodic, &[14], 32),
        (&[31, 33], Boundary::Neumann, &[9], 64),
        (&[9, 8, 11], Boundary::Neumann, &[3], 24),
    ];
    let mut cases = all();
    for (i, (points, boundary, modes, width)) in shapes.into_iter().enumerate() {
        let mut case = case(points, boundary, modes);
        (case.config.width, case.config.projection) = (width, 4 * width);
        if i % 2 == 1 {
            case.config.conditioning = Conditioning::InputChannel;
        }
        cases.push(case);
    }
    cases
}

#[test]
fn a_neural_operator_is_its_definition() {
    let Some(device) = card() else { return };
    for operators in [Operators::Fused, Operators::Composed] {
        let begun = Instant::now();
        let (mut value, mut gradient) = (0.0f64, 0.0f64);
        for case in with_larger() {
            let x = normals(2 * case.channels * case.grid.len(), 100);
            let mut on_gpu = case.network(&device.clone().autodiff());
            assert_eq!(on_gpu.operators(), Operators::Fused, "unless asked otherwise");
            on_gpu.set_operators(operators).unwrap();
            let reference = Reference::new(&case, &on_gpu.parameters().unwrap());
            let (found, gradients) = run(&on_gpu.into(), &case.grid, &x);

            let each = x.chunks_exact(x.len() / 2).zip(TIMES).zip(HALF_LOG_SNR);
            let expected: Vec<f64> =
                each.flat_map(|((x, t), l)| reference.forward(x, t, l)).collect();
            let error = relative_error(&found, &expected);
            value = value.max(error);
            let place = format!("{operators:?}, {:?} on {}", case.config, case.grid);
            assert!(error < FORWARD, "{place}: {error:e}");

            let mut on_cpu = case.network(&Device::flex().autodiff());
            on_cpu.set_operators(Operators::Composed).unwrap();
            let (_, expected) = run(&on_cpu.into(), &case.grid, &x);
            gradient = gradient.max(gradient_error(&gradients, &expected, &place));
        }
        let seconds = begun.elapsed().as_secs_f64();
        let name = format!("{operators:?} operator");
        println!("{name}: values {value:.1e} of f64, gradients {gradient:.1e}, {seconds:.1} s");
    }
}

#[test]
fn a_unet_is_the_cpus() {
    let Some(device) = card() else { return };
    let begun = Instant::now();
    let (mut value, mut gradient) = (0.0f64, 0.0f64);
    let config = |channels, multipliers: &[usize], groups| UNetConfig {
        channels,
        multipliers: multipliers.to_vec(),
        blocks: 1,
        groups,
    };
    let cases: [(&[usize], usize, UNetConfig); 3] = [
        (&[8, 8], 1, config(4, &[1, 2], 2)),
        (&[7, 5], 2, config(4, &[1, 2, 2], 4)),
        (&[16, 17], 1, config(32, &[1, 2], 8)),
    ];
    for (points, channels, config) in cases {
        let grid = Grid::unit(points, Boundary::Neumann).unwrap();
        let x = normals(2 * channels * grid.len(), 100);
        let on = |device: Device| {
            let unet = NetworkConfig::Unet(config.clone());
            let mut network = unet.build(&[grid], channels, 3, &device.autodiff()).unwrap();
            let mut parameters = network.parameters().unwrap();
            randomise(&mut parameters);
            // shapes of convolutions end with the kernel, so sums are scaled back to order 1
            for array in parameters.arrays.iter_mut().filter(|a| a.shape.len() == 4) {
                let fan_in = array.values.len() / array.shape[0];
                let scale = (array.shape[2] as f64 / fan_in as f64).sqrt() as f32;
                array.values.iter_mut().for_each(|v| *v *= scale);
            }
            network.set_parameters(&parameters).unwrap();
            run(&network, &grid, &x)
        };
        let ((found, gradients), (expected, reference)) = (on(device.clone()), on(Device::flex()));
        let error = relative_error(&found, &expected);
        value = value.max(error);
        assert!(error < FORWARD, "{config:?} on {grid}: {error:e}");
        let place = format!("{config:?} on {grid}");
        gradient = gradient.max(gradient_error(&gradients, &reference, &place));
    }
    let seconds = begun.elapsed().as_secs_f64();
    println!("U-Net: values {value:.1e} of the CPU's, gradients {gradient:.1e}, {seconds:.1} s");
}

/// Every stage of a ladder, its kernels, residual blocks and transfers, on every level.
#[test]
fn a_nested_network_is_the_cpus() {
    let Some(device) = card() else { return };
    let config = NestedConfig { width: vec![20, 12], blocks: vec![3, 2], ..Default::default() };
    let ladders: [(&[&[usize]], Boundary, usize); 4] = [
        (&[&[5], &[9], &[18]], Boundary::Neumann, 1),
        (&[&[4, 6], &[9, 13]], Boundary::Periodic, 2),
        (&[&[8, 8], &[16, 16]], Boundary::Dirichlet, 1),
        (&[&[4, 4, 5], &[6, 8, 5]], Boundary::Neumann, 1),
    ];
    for operators in [Operators::Fused, Operators::Composed] {
        let begun = Instant::now();
        let (mut value, mut gradient) = (0.0f64, 0.0f64);
        for (sizes, boundary, channels) in ladders {
            let finest = Grid::unit(sizes[sizes.len() - 1], boundary).unwrap();
            let levels: Vec<Grid> = sizes.iter().map(|n| finest.with_points(n).unwrap()).collect();
            let on = |device: &Device| {
                let nested = NetworkConfig::Nested(config.clone());
                let mut network =
                    nested.build(&levels, channels, 3, &device.clone().autodiff()).unwrap();
                let mut parameters = network.parameters().unwrap();
                randomise(&mut parameters);
                network.set_parameters(&parameters).unwrap();
                network
            };
            let (mut on_gpu, mut on_cpu) = (on(&device), on(&Device::flex()));
            assert_eq!(on_gpu.operators(), Operators::Fused, "unless asked otherwise");
            on_gpu.set_operators(operators).unwrap();
            on_cpu.set_operators(Operators::Composed).unwrap();
            for grid in &levels {
                let x = normals(2 * channels * grid.len(), 100);
                let (found, gradients) = run(&on_gpu, grid, &x);
                let (expected, reference) = run(&on_cpu, grid, &x);
                let place = format!("{operators:?}, {grid} {boundary}");
                let error = relative_error(&found, &expected);
                value = value.max(error);
                assert!(error < FORWARD, "{place}: {error:e}");
                gradient = gradient.max(gradient_error(&gradients, &reference, &place));
            }
        }
        let seconds = begun.elapsed().as_secs_f64();
        let name = format!("{operators:?} nested network");
        println!(
            "{name}: values {value:.1e} of the CPU's, gradients {gradient:.1e}, {seconds:.1} s"
        );
    }
}

#[test]
fn a_card_that_is_not_there_is_refused() {
    if card().is_none() {
        return;
    }
    let message = DeviceChoice::Gpu(99).open().map(|_| ()).unwrap_err().to_string();
    assert!(
        message.starts_with("device gpu:99: ") && message.contains("found, gpu:0"),
        "{message}"
    );
}
