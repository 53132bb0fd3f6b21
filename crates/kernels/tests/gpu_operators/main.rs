//! The operators on a GPU against the same operators on the CPU: values and every gradient.
//!
//! The test is built only with a GPU feature. Without a working card it is skipped and prints the
//! reason:
//!
//! ```sh
//! cargo test --release --workspace --features karhunen/wgpu --test gpu_operators -- --nocapture --test-threads 1
//! ```
//!
//! A software driver is sufficient (Debian: mesa-vulkan-drivers, with XDG_RUNTIME_DIR set). Drivers
//! that round products to 10 bits of mantissa (tf32) miss the tolerances by two orders of
//! magnitude.

mod common;
mod residual;

use std::sync::Arc;

use burn::tensor::{Device, Tensor, TensorData};
use karhunen_kernels::{
    Activation, LayerParameters, MlpParameters, SpectralPlan, StencilAxis, StencilPlan,
    depthwise_stencil, pointwise_linear, pointwise_mlp, spectral_block, supports,
};

use common::{Named, Numbers, Worst, card, results, values};

/// One layer.
#[derive(Debug, Clone)]
struct LayerCase {
    points: &'static [usize],
    modes: &'static [usize],
    period: f64,
    batch: usize,
    channels: [usize; 2],
    conditioned: bool,
    activation: Activation,
}

impl LayerCase {
    fn plan(&self) -> Arc<SpectralPlan> {
        let periods = vec![self.period; self.points.len()];
        Arc::new(SpectralPlan::new(self.points, self.modes, &periods).unwrap())
    }

    fn run(&self, plan: &Arc<SpectralPlan>, device: &Device) -> Vec<Named> {
        let mut numbers = Numbers(7);
        let [inputs, outputs] = self.channels;
        let x = numbers.draw([self.batch, plan.points(), inputs], device);
        let real = numbers.draw([plan.window(), inputs, outputs], device);
        let imaginary = numbers.draw([plan.window(), inputs, outputs], device);
        let skip = numbers.draw([inputs, outputs], device);
        let bias = numbers.draw([outputs], device);
        let film = numbers.draw([self.batch, 1, 2 * outputs], device);
        let parameters = LayerParameters {
            real: real.clone(),
            imaginary: imaginary.clone(),
            skip: skip.clone(),
            bias: bias.clone(),
            film: self.conditioned.then(|| film.clone()),
        };
        let y = spectral_block(x.clone(), parameters, self.activation, plan).unwrap();
        if self.conditioned {
            results!(numbers, y, [x, real, imaginary, skip, bias, film])
        } else {
            results!(numbers, y, [x, real, imaginary, skip, bias])
        }
    }
}

/// Points and modes of each axis, fields of a batch, channels before and behind.
type Shape = (&'static [usize], &'static [usize], usize, [usize; 2]);

/// 1, 2, 3, odd, prime and even; 1-D to 3-D; below, at and above tiles of 16, 32 and 64.
fn layers() -> Vec<LayerCase> {
    let shapes: [Shape; 16] = [
        (&[1], &[2], 1, [1, 1]),
        (&[2], &[1], 2, [3, 5]),
        (&[3], &[4], 2, [16, 17]),
        (&[31], &[9], 1, [33, 33]),
        (&[64], &[16], 3, [64, 64]),
        (&[257], &[20], 2, [5, 7]),
        (&[600], &[3], 2, [2, 3]),
        (&[1, 1], &[1, 1], 1, [4, 4]),
        (&[2, 3], &[3, 3], 3, [4, 4]),
        (&[5, 4], &[2, 2], 33, [3, 18]),
        (&[13, 8], &[5, 3], 2, [8, 8]),
        (&[28, 28], &[14, 14], 2, [8, 8]),
        (&[1, 2, 3], &[2, 2, 2], 2, [3, 3]),
        (&[3, 4, 5], &[2, 1, 3], 2, [6, 2]),
        (&[7, 6, 5], &[2, 3, 2], 1, [9, 9]),
        (&[16, 8, 9], &[4, 4, 4], 1, [4, 4]),
    ];
    let mut cases = Vec::new();
    for (i, (points, modes, batch, channels)) in shapes.into_iter().enumerate() {
        for (conditioned, activation) in [
            (i % 2 == 0, Activation::Gelu),
            (i % 2 == 1, if i % 3 == 0 { Activation::Gelu } else { Activation::Identity }),
        ] {
            let period = if i % 2 == 0 { 1.0 } else { 1.25 };
            cases.push(LayerCase {
                points,
                modes,
                period,
                batch,
                channels,
                conditioned,
                activation,
            });
        }
    }
    cases
}

#[test]
fn a_layer_is_the_cpus() {
    let Some(card) = card() else { return };
    let mut worst = Worst::default();
    for case in layers() {
        let plan = case.plan();
        let found = case.run(&plan, &card.clone().autodiff());
        let expected = case.run(&plan, &Device::flex().autodiff());
        worst.compare(&format!("{case:?}"), &found, &expected);
    }
    worst.tell("layers");
}

#[test]
fn linear_maps_and_perceptrons_are_the_cpus() {
    let Some(card) = card() else { return };
    let mut worst = Worst::default();
    for [batch, points, inputs, hidden, outputs] in [
        [1, 1, 1, 1, 1],
        [2, 7, 3, 16, 1],
        [3, 50, 33, 40, 2],
        [1, 130, 8, 17, 9],
        [2, 33, 70, 65, 40],
        [3, 1000, 16, 64, 3],
    ] {
        let run = |device: &Device| {
            let mut numbers = Numbers(11);
            let x = numbers.draw([batch, points, inputs], device);
            let (w1, b1) = (numbers.draw([inputs, hidden], device), numbers.draw([hidden], device));
            let w2 = numbers.draw([hidden, outputs], device);
            let b2 = numbers.draw([outputs], device);
            let y = pointwise_linear(x.clone(), w1.clone(), b1.clone()).unwrap();
            let linear = results!(numbers, y, [x, w1, b1]);
            let parameters = MlpParameters {
                hidden: w1.clone(),
                hidden_bias: b1.clone(),
                output: w2.clone(),
                output_bias: b2.clone(),
            };
            let y = pointwise_mlp(x.clone(), parameters).unwrap();
            [linear, results!(numbers, y, [x, w1, b1, w2, b2])]
        };
        let (found, expected) = (run(&card.clone().autodiff()), run(&Device::flex().autodiff()));
        let what = format!("{batch} × {points} × {inputs} → {hidden} → {outputs}");
        worst.compare(&format!("linear {what}"), &found[0], &expected[0]);
        worst.compare(&format!("perceptron {what}"), &found[1], &expected[1]);
    }
    worst.tell("linear maps and perceptrons");
}

#[test]
fn a_stencil_is_the_cpus() {
    let Some(card) = card() else { return };
    let mut worst = Worst::default();
    let cases: [(&[usize], &[i64], usize, usize); 7] = [
        (&[1], &[-1, 0, 1], 2, 1),
        (&[2], &[-3, 0, 3], 1, 5),
        (&[900], &[-2, -1, 0, 1, 2], 3, 3),
        (&[3, 2], &[-1, 0, 1], 2, 33),
        (&[13, 8], &[-2, 0, 2], 2, 7),
        (&[1, 2, 3], &[-1, 0, 1], 2, 4),
        (&[7, 6, 5], &[-1, 0, 1], 1, 9),
    ];
    for (points, offsets, batch, channels) in cases {
        for periodic in [true, false] {
            let axis = |n: &usize| StencilAxis { points: *n, offsets: offsets.to_vec(), periodic };
            let axes: Vec<StencilAxis> = points.iter().map(axis).collect();
            let plan = Arc::new(StencilPlan::new(&axes).unwrap());
            let run = |device: &Device| {
                let mut numbers = Numbers(13);
                let x = numbers.draw([batch, plan.points(), channels], device);
                let taps = numbers.draw([plan.taps(), channels], device);
                let y = depthwise_stencil(x.clone(), taps.clone(), &plan).unwrap();
                results!(numbers, y, [x, taps])
            };
            let (found, expected) =
                (run(&card.clone().autodiff()), run(&Device::flex().autodiff()));
            let what = format!("{points:?}, {offsets:?}, periodic {periodic}");
            worst.compare(&what, &found, &expected);
        }
    }
    worst.tell("stencils");
}

/// Operands may be views with their own strides, and gradients may be one number repeated
/// everywhere.
#[test]
fn views_count_by_their_values() {
    let Some(card) = card() else { return };
    let plan = Arc::new(SpectralPlan::new(&[4, 3], &[2, 2], &[1.25, 1.0]).unwrap());
    let run = |device: &Device| {
        let mut numbers = Numbers(17);
        let x = numbers.draw([2, 5, 12], device);
        let skip = numbers.draw([7, 5], device);
        let parameters = LayerParameters {
            real: numbers.draw([8, 5, 7], device),
            imaginary: numbers.draw([8, 5, 7], device),
            skip: skip.clone().transpose(),
            bias: numbers.draw([14], device).narrow(0, 3, 7),
            film: Some(numbers.draw([2, 1, 28], device).narrow(2, 14, 14)),
        };
        let view = x.clone().swap_dims(1, 2);
        let y = spectral_block(view, parameters, Activation::Gelu, &plan).unwrap();
        let gradients = y.clone().sum().backward();
        let gradient = |g: Option<Tensor<3>>| values(g.unwrap());
        let skip = values(skip.grad(&gradients).unwrap());
        vec![("y", values(y)), ("x", gradient(x.grad(&gradients))), ("skip", skip)]
    };
    let mut worst = Worst::default();
    let (found, expected) = (run(&card.autodiff()), run(&Device::flex().autodiff()));
    worst.compare("views", &found, &expected);
    worst.tell("views");
}

/// Repeated runs give the same bits: there are no atomics, and the order of sums depends on shapes
/// alone.
#[test]
fn two_runs_are_the_same_bits() {
    let Some(card) = card() else { return };
    let device = card.autodiff();
    for case in layers().into_iter().skip(8).step_by(5) {
        let plan = case.plan();
        assert_eq!(case.run(&plan, &device), case.run(&plan, &device), "{case:?}");
    }
}

/// A run that diverges shows in its numbers: no minimum may hide a value that is not a number.
#[test]
fn what_is_not_a_number_stays_so() {
    let Some(card) = card() else { return };
    let plan = Arc::new(SpectralPlan::new(&[4], &[2], &[1.0]).unwrap());
    let mut numbers = Numbers(19);
    let parameters = LayerParameters {
        real: numbers.draw([2, 1, 1], &card),
        imaginary: numbers.draw([2, 1, 1], &card),
        skip: numbers.draw([1, 1], &card),
        bias: numbers.draw([1], &card),
        film: None,
    };
    let x = Tensor::from_data(TensorData::new(vec![0.0, f32::NAN, 0.0, 0.0], [1, 4, 1]), &card);
    let y = values(spectral_block(x.clone(), parameters, Activation::Gelu, &plan).unwrap());
    assert!(y.iter().all(|y| y.is_nan()), "{y:?}");
    let mlp = MlpParameters {
        hidden: numbers.draw([1, 3], &card),
        hidden_bias: numbers.draw([3], &card),
        output: numbers.draw([3, 1], &card),
        output_bias: numbers.draw([1], &card),
    };
    let y = values(pointwise_mlp(x, mlp).unwrap());
    let nan: Vec<bool> = y.iter().map(|y| y.is_nan()).collect();
    assert_eq!(nan, [false, true, false, false]);
}

#[test]
fn cards_are_supported() {
    let Some(card) = card() else { return };
    let devices = [card.clone(), card.autodiff()];
    assert!(devices.iter().all(supports));
}
