//! Whole layers: values and every gradient, for many sizes, widths, modes, paddings, batches and
//! levels.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::naive::Layer;
use super::{Numbers, dot, gradient_error, relative_error, wide};
use crate::cpu::block::{Activation, Block, BlockGradients};
use crate::cpu::buffer::Buffer;
use crate::{Level, SpectralPlan};

/// Values: f32 sums over points, modes and channels; the largest observed error is 7e-7.
pub const FORWARD: f64 = 5e-6;
/// Gradients against finite differences; the largest observed error is 3e-6.
pub const GRADIENT: f64 = 1e-4;

const WIDTHS: [usize; 9] = [1, 3, 8, 12, 16, 17, 32, 33, 64];

/// Operands of one layer.
pub struct Operands {
    pub x: Vec<f32>,
    pub real: Vec<f32>,
    pub imaginary: Vec<f32>,
    pub skip: Vec<f32>,
    pub bias: Vec<f32>,
    pub film: Vec<f32>,
}

impl Operands {
    pub fn random(layer: &Layer, batch: usize, film: bool, numbers: &mut Numbers) -> Self {
        let (inputs, outputs) = (layer.inputs, layer.outputs);
        let (matrix, scale) = (inputs * outputs, 1.0 / (inputs as f64).sqrt());
        let window = layer.window().len();
        Self {
            x: numbers.array(batch * layer.len() * inputs, 2.0),
            real: numbers.array(window * matrix, scale),
            imaginary: numbers.array(window * matrix, scale),
            skip: numbers.array(matrix, scale),
            bias: numbers.array(outputs, 0.5),
            film: numbers.array(if film { batch * 2 * outputs } else { 0 }, 0.5),
        }
    }

    pub fn block<'a>(&'a self, layer: &Layer, plan: &'a SpectralPlan, level: Level) -> Block<'a> {
        Block {
            plan,
            level,
            batch: self.x.len() / (layer.len() * layer.inputs),
            inputs: layer.inputs,
            outputs: layer.outputs,
            real: &self.real,
            imaginary: &self.imaginary,
            skip: &self.skip,
            bias: &self.bias,
            film: (!self.film.is_empty()).then_some(&self.film[..]),
            activation: if layer.curved { Activation::Gelu } else { Activation::Identity },
        }
    }

    fn others(&self) -> [Vec<f64>; 5] {
        [&self.real, &self.imaginary, &self.skip, &self.bias, &self.film].map(|a| wide(a))
    }
}

pub fn plan(layer: &Layer) -> SpectralPlan {
    SpectralPlan::new(&layer.points, &layer.modes, &layer.periods).unwrap()
}

/// Gradients of (x, the others) for the loss Σ r y.
pub fn gradients(block: &Block, x: &[f32], r: &[f32]) -> (Buffer, Vec<f32>, BlockGradients) {
    let kept = block.forward(x, true);
    let mut dy = r.to_vec();
    let (others, dx) = block.backward(x, &kept.q, &kept.spectrum.unwrap(), &mut dy, true);
    (kept.y, dx.map_or(dy, |dx| dx.to_vec()), others)
}

/// The largest errors of (values, gradients).
fn errors(layer: &Layer, batch: usize, film: bool, level: Level, seed: u64) -> (f64, f64) {
    let mut numbers = Numbers(seed);
    let operands = Operands::random(layer, batch, film, &mut numbers);
    let plan = plan(layer);
    let block = operands.block(layer, &plan, level);
    let others = operands.others();
    let all = others.each_ref().map(|a| &a[..]);
    let expected = layer.forward(&wide(&operands.x), all);
    let forward = relative_error(&block.forward(&operands.x, false).y, &expected);

    let r = numbers.array(expected.len(), 1.0);
    let (y, dx, g) = gradients(&block, &operands.x, &r);
    assert!(y[..] == block.forward(&operands.x, false).y[..], "keeping changes nothing");
    let loss = |x: &[f64], operands: [&[f64]; 5]| dot(&r, &layer.forward(x, operands));
    let mut gradient = gradient_error(&mut numbers, &dx, &operands.x, |x| loss(x, all));
    let x = wide(&operands.x);
    let found: [&[f32]; 5] = [&g.real, &g.imaginary, &g.skip, &g.bias, &g.film];
    let given =
        [&operands.real, &operands.imaginary, &operands.skip, &operands.bias, &operands.film];
    for (i, (found, given)) in found.into_iter().zip(given).enumerate() {
        let error = gradient_error(&mut numbers, found, given, |moved| {
            let mut all = all;
            all[i] = moved;
            loss(&x, all)
        });
        gradient = gradient.max(error);
    }
    (forward, gradient)
}

fn assert_small(layer: &Layer, batch: usize, film: bool, level: Level, seed: u64) -> (f64, f64) {
    let (forward, gradient) = errors(layer, batch, film, level, seed);
    let what = format!("{layer:?}, batch {batch}, film {film}, {level}");
    assert!(forward < FORWARD, "{what}: values {forward:e}");
    assert!(gradient < GRADIENT, "{what}: gradients {gradient:e}");
    (forward, gradient)
}

#[test]
fn layers_are_their_definition_and_gradients_finite_differences() {
    let sizes: [&[usize]; 26] = [
        &[1],
        &[2],
        &[3],
        &[5],
        &[7],
        &[8],
        &[13],
        &[16],
        &[28],
        &[31],
        &[64],
        &[271],
        &[600],
        &[1, 1],
        &[2, 3],
        &[5, 7],
        &[8, 8],
        &[13, 16],
        &[28, 3],
        &[3, 28],
        &[2, 270],
        &[31, 5],
        &[1, 2, 3],
        &[3, 4, 5],
        &[2, 7, 8],
        &[5, 1, 2],
    ];
    let mut numbers = Numbers(1);
    let mut worst = (0.0f64, 0.0f64);
    for (i, points) in sizes.iter().enumerate() {
        for draw in 0..2 {
            let inputs = numbers.pick(&WIDTHS);
            let outputs = if draw == 0 { inputs } else { numbers.pick(&WIDTHS) };
            let layer = Layer {
                points: points.to_vec(),
                modes: points.iter().map(|_| numbers.pick(&[1, 2, 3, 4, 7])).collect(),
                periods: points.iter().map(|_| numbers.pick(&[1.0, 1.25])).collect(),
                inputs,
                outputs,
                curved: numbers.pick(&[true, true, false]),
            };
            let (batch, film) = (numbers.pick(&[1, 2, 3, 5]), numbers.pick(&[true, false]));
            for level in Level::available() {
                let seed = (2 * i + draw) as u64;
                let (forward, gradient) = assert_small(&layer, batch, film, level, seed);
                worst = (worst.0.max(forward), worst.1.max(gradient));
            }
        }
    }
    println!("largest errors: values {:.1e}, gradients {:.1e}", worst.0, worst.1);
}

#[test]
fn refused_plans() {
    let made = |points: &[usize], modes: &[usize], periods: &[f64]| {
        SpectralPlan::new(points, modes, periods).is_ok()
    };
    assert!(made(&[1, 2, 3], &[1, 9, 1], &[1.0, 1.5, 4.0]));
    assert!(!made(&[], &[], &[]));
    assert!(!made(&[4; 4], &[1; 4], &[1.0; 4]));
    assert!(!made(&[4, 0], &[1, 1], &[1.0; 2]));
    assert!(!made(&[4, 4], &[1, 0], &[1.0; 2]));
    assert!(!made(&[4, 4], &[1], &[1.0; 2]));
    assert!(!made(&[4], &[1], &[0.9]));
    assert!(!made(&[4], &[1], &[f64::NAN]));
}

/// Sizes whose product overflows are refused; the wrapped product would look small.
#[test]
fn plans_too_large_for_any_memory_are_refused() {
    const MODES: usize = 1 << 20;
    let made = |points: &[usize], modes: &[usize]| {
        SpectralPlan::new(points, modes, &vec![1.0; points.len()])
    };
    let points_and_modes: [(&[usize], &[usize]); 8] = [
        (&[8, 8], &[1 << 63, 2]),
        (&[8, 8], &[2, 1 << 63]),
        (&[8], &[usize::MAX]),
        (&[8, 8], &[MODES + 1, 2]),
        (&[8, 8], &[MODES, MODES]),
        (&[8, 8, 8], &[1 << 10, 1 << 10, (1 << 18) + 1]),
        (&[1 << 32, 1 << 32], &[2, 2]),
        (&[1 << 20, (1 << 20) + 1], &[2, 2]),
    ];
    for (points, modes) in points_and_modes {
        let error = made(points, modes).unwrap_err().to_string();
        assert!(error.contains("modes 1 to 1048576"), "{error}");
        assert!(error.contains("at most 2^40 points"), "{error}");
    }
    // windows larger than the grid keep the modes that the grid resolves
    let plan = made(&[8, 8], &[MODES / 2, MODES]).unwrap();
    assert_eq!((plan.window(), plan.kept()), (1 << 40, (4 + 3) * 4));
}

#[test]
fn lengths_are_checked_before_pointers_are_made_of_them() {
    let layer = Layer {
        points: vec![5],
        modes: vec![2],
        periods: vec![1.0],
        inputs: 3,
        outputs: 4,
        curved: true,
    };
    let (plan, level) = (plan(&layer), Level::available()[0]);
    let good = || Operands::random(&layer, 2, true, &mut Numbers(9));
    let refused = |operands: Operands, keep: &Operands| {
        let (block, whole) =
            (operands.block(&layer, &plan, level), keep.block(&layer, &plan, level));
        let kept = whole.forward(&keep.x, true);
        let (spectrum, mut dy) = (kept.spectrum.unwrap(), vec![1.0; kept.y.len()]);
        let refuses = |call: &mut dyn FnMut()| {
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(call)).is_err()
        };
        let forward = refuses(&mut || drop(block.forward(&operands.x, false)));
        let backward = refuses(&mut || {
            block.backward(&operands.x, &kept.q, &spectrum, &mut dy, true);
        });
        assert_eq!(forward, backward, "both passes look at the same operands");
        forward
    };
    assert!(!refused(good(), &good()));
    let short: [fn(&mut Operands) -> &mut Vec<f32>; 5] =
        [|o| &mut o.real, |o| &mut o.imaginary, |o| &mut o.skip, |o| &mut o.bias, |o| &mut o.film];
    for of in short {
        let mut operands = good();
        of(&mut operands).pop();
        assert!(refused(operands, &good()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..Default::default() })]

    #[test]
    fn any_shape(
        points in prop::collection::vec(1usize..12, 1..4),
        modes in prop::collection::vec(1usize..5, 3),
        padded in prop::collection::vec(any::<bool>(), 3),
        inputs in 1usize..20,
        outputs in 1usize..20,
        batch in 1usize..4,
        film in any::<bool>(),
        curved in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let dim = points.len();
        let layer = Layer {
            points,
            modes: modes[..dim].to_vec(),
            periods: padded[..dim].iter().map(|p| if *p { 1.25 } else { 1.0 }).collect(),
            inputs,
            outputs,
            curved,
        };
        for level in Level::available() {
            assert_small(&layer, batch, film, level, seed);
        }
    }
}
