//! Convolutions: values and gradients for many sizes, kernels, strides, enlargements, channels,
//! batches and numbers of threads.

use proptest::prelude::*;

use super::independence::in_pool;
use super::{Numbers, dot, gradient_error, relative_error, wide};
use crate::cpu::convolution::Convolution;
use crate::{ConvPlan, ConvShape, KernelError, Level};

/// Values: sums of up to 1200 products in f32; the largest observed error is 1.3e-6.
const FORWARD: f64 = 5e-6;
/// Gradients against finite differences; the largest observed error is 1e-6.
const GRADIENT: f64 = 1e-4;

struct Case {
    shape: ConvShape,
    batch: usize,
    inputs: usize,
    outputs: usize,
}

/// The operands of a convolution, at which it is linearised.
struct Operands {
    x: Vec<f32>,
    weight: Vec<f32>,
    bias: Vec<f32>,
    added: Vec<f32>,
    r: Vec<f32>,
}

impl Operands {
    fn random(case: &Case, plan: &ConvPlan, numbers: &mut Numbers) -> Self {
        let [points, targets] = plan.points();
        let len = case.batch * targets * case.outputs;
        Self {
            x: numbers.array(case.batch * points * case.inputs, 1.0),
            weight: numbers.array(case.outputs * case.inputs * plan.taps(), 1.0),
            bias: numbers.array(case.outputs, 1.0),
            added: numbers.array(len, 1.0),
            r: numbers.array(len, 1.0),
        }
    }

    fn kernel<'a>(&'a self, case: &Case, plan: &'a ConvPlan, level: Level) -> Convolution<'a> {
        Convolution {
            plan,
            level,
            batch: case.batch,
            inputs: case.inputs,
            outputs: case.outputs,
            weight: &self.weight,
        }
    }
}

/// y by the definition: every cell of the enlarged image separately.
fn naive(case: &Case, x: &[f64], weight: &[f64], bias: &[f64]) -> Vec<f64> {
    let ConvShape { sides: [rows, columns], enlarged: [high, wide], kernel, stride } = case.shape;
    let edge = (kernel / 2) as isize;
    let mut y = Vec::new();
    for x in x.chunks_exact(rows * columns * case.inputs) {
        let at = |r: isize, c: isize, i: usize| {
            if !(0..high as isize).contains(&r) || !(0..wide as isize).contains(&c) {
                return 0.0;
            }
            let (r, c) = (r as usize * rows / high, c as usize * columns / wide);
            x[(r * columns + c) * case.inputs + i]
        };
        for row in (0..high).step_by(stride) {
            for column in (0..wide).step_by(stride) {
                for (o, bias) in bias.iter().enumerate() {
                    let mut sum = *bias;
                    for i in 0..case.inputs {
                        for tap in 0..kernel * kernel {
                            let r = (row + tap / kernel) as isize - edge;
                            let c = (column + tap % kernel) as isize - edge;
                            let w = weight[(o * case.inputs + i) * kernel * kernel + tap];
                            sum += w * at(r, c, i);
                        }
                    }
                    y.push(sum);
                }
            }
        }
    }
    y
}

fn plain(sides: [usize; 2], kernel: usize, stride: usize) -> ConvShape {
    ConvShape { sides, enlarged: sides, kernel, stride }
}

/// Sizes 1, 2, 3, odd, prime, not square, in several patches; numbers of channels around every
/// register width.
fn cases() -> Vec<Case> {
    let channels = [(1, 1), (1, 33), (3, 3), (33, 1), (16, 17), (33, 33), (64, 40)];
    let shapes = [
        plain([1, 1], 3, 1),
        plain([1, 1], 3, 2),
        plain([2, 2], 3, 1),
        plain([3, 2], 3, 2),
        plain([1, 13], 3, 1),
        plain([13, 1], 3, 2),
        plain([7, 5], 3, 1),
        plain([7, 5], 1, 1),
        plain([7, 5], 3, 2),
        plain([6, 8], 3, 2),
        plain([6, 5], 5, 1),
        plain([9, 7], 5, 3),
        plain([5, 4], 1, 2),
        plain([2, 3], 7, 4),
        ConvShape { enlarged: [2, 2], ..plain([1, 1], 3, 1) },
        ConvShape { enlarged: [5, 8], ..plain([3, 4], 3, 1) },
        ConvShape { enlarged: [7, 3], ..plain([2, 3], 3, 2) },
        ConvShape { enlarged: [4, 6], ..plain([2, 3], 1, 1) },
    ];
    let mut cases = Vec::new();
    for (i, shape) in shapes.into_iter().enumerate() {
        for (j, (inputs, outputs)) in channels.into_iter().enumerate() {
            cases.push(Case { shape, batch: 1 + (i + j) % 3, inputs, outputs });
        }
    }
    // several patches, several chunks of sums, and cut rows
    for (sides, kernel, stride) in
        [([23, 29], 3, 1), ([40, 31], 3, 2), ([2, 531], 3, 1), ([70, 61], 3, 1), ([3, 1030], 3, 2)]
    {
        cases.push(Case { shape: plain(sides, kernel, stride), batch: 2, inputs: 5, outputs: 3 });
    }
    cases
}

#[test]
fn convolutions_are_their_definition_and_gradients_finite_differences() {
    let mut numbers = Numbers(21);
    let mut worst = [0.0f64; 2];
    for case in cases() {
        let plan = ConvPlan::new(case.shape).unwrap();
        let o = Operands::random(&case, &plan, &mut numbers);
        let [x, weight, bias] = [&o.x, &o.weight, &o.bias].map(|v| wide(v));
        let expected = naive(&case, &x, &weight, &bias);
        let with: Vec<f64> =
            expected.iter().zip(&o.added).map(|(y, a)| y + f64::from(*a)).collect();
        for level in Level::available() {
            let Case { shape, batch, inputs, outputs } = case;
            let what = format!("{level} {shape:?}, {inputs} → {outputs}, batch {batch}");
            let kernel = o.kernel(&case, &plan, level);
            let errors = [
                relative_error(&kernel.forward(&o.x, &o.bias, None), &expected),
                relative_error(&kernel.forward(&o.x, &o.bias, Some(&o.added)), &with),
            ];
            worst[0] = errors.into_iter().fold(worst[0], f64::max);
            assert!(errors.iter().all(|e| *e < FORWARD), "{what}: values {errors:?}");
            let g = kernel.backward(&o.x, &o.r, true);
            // linear in each operand, so any step is exact up to rounding
            let errors = [
                gradient_error(&mut numbers, g.x.as_ref().unwrap(), &o.x, |x| {
                    dot(&o.r, &naive(&case, x, &weight, &bias))
                }),
                gradient_error(&mut numbers, &g.weight, &o.weight, |weight| {
                    dot(&o.r, &naive(&case, &x, weight, &bias))
                }),
                gradient_error(&mut numbers, &g.bias, &o.bias, |bias| {
                    dot(&o.r, &naive(&case, &x, &weight, bias))
                }),
            ];
            worst[1] = errors.into_iter().fold(worst[1], f64::max);
            assert!(errors.iter().all(|e| *e < GRADIENT), "{what}: {errors:?}");
            let without = kernel.backward(&o.x, &o.r, false);
            let same = without.weight[..] == g.weight[..] && without.bias == g.bias;
            assert!(without.x.is_none() && same, "{what}");
        }
    }
    println!("largest errors: values {:.1e}, gradients {:.1e}", worst[0], worst[1]);
}

#[test]
fn convolutions_do_not_see_threads_or_neighbours() {
    let mut numbers = Numbers(22);
    let enlarged = ConvShape { enlarged: [33, 40], ..plain([17, 20], 3, 1) };
    for shape in [plain([40, 37], 3, 1), plain([33, 50], 3, 2), plain([40, 37], 1, 1), enlarged] {
        let plan = ConvPlan::new(shape).unwrap();
        let case = Case { shape, batch: 5, inputs: 12, outputs: 35 };
        let o = Operands::random(&case, &plan, &mut numbers);
        for level in Level::available() {
            let kernel = o.kernel(&case, &plan, level);
            let run = |threads| {
                in_pool(threads, || {
                    let g = kernel.backward(&o.x, &o.r, true);
                    let y = kernel.forward(&o.x, &o.bias, Some(&o.added));
                    (y.to_vec(), g.x.unwrap().to_vec(), g.weight.to_vec(), g.bias)
                })
            };
            let one = run(1);
            assert!(one == run(2) && one == run(3), "{level} {shape:?}: threads");
            let [x_len, y_len] = [0, 1].map(|i| plan.points()[i] * [12, 35][i]);
            let alone = Convolution { batch: 1, ..kernel };
            for i in 0..case.batch {
                let x = &o.x[i * x_len..(i + 1) * x_len];
                let range = i * y_len..(i + 1) * y_len;
                let y = alone.forward(x, &o.bias, Some(&o.added[range.clone()]));
                assert!(y[..] == one.0[range.clone()], "{level} {shape:?}: values of {i}");
                let dx = alone.backward(x, &o.r[range], true).x.unwrap();
                let expected = &one.1[i * x_len..(i + 1) * x_len];
                assert!(dx[..] == *expected, "{level} {shape:?}: gradient of {i}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, rng_seed: proptest::test_runner::RngSeed::Fixed(5), ..ProptestConfig::default() })]

    /// ⟨r, C x⟩ = ⟨Cᵀ r, x⟩ = ⟨∂W, W⟩ for any geometry: both gradients are transposes.
    #[test]
    fn gradients_are_transposes(
        sides in [1usize..14, 1usize..14],
        more in [0usize..6, 0usize..6],
        half in 0usize..3,
        stride in 1usize..4,
        (batch, inputs, outputs) in (1usize..3, 1usize..20, 1usize..36),
        seed in 0u64..1000,
    ) {
        let enlarged = [sides[0] + more[0], sides[1] + more[1]];
        let shape = ConvShape { sides, enlarged, kernel: 2 * half + 1, stride };
        let plan = ConvPlan::new(shape).unwrap();
        let case = Case { shape, batch, inputs, outputs };
        let mut o = Operands::random(&case, &plan, &mut Numbers(seed));
        o.bias.fill(0.0);
        for level in Level::available() {
            let kernel = o.kernel(&case, &plan, level);
            let y = kernel.forward(&o.x, &o.bias, None);
            let g = kernel.backward(&o.x, &o.r, true);
            let expected = dot(&o.r, &wide(&y));
            let norm = (dot(&o.r, &wide(&o.r)) * dot(&y, &wide(&y))).sqrt();
            let by_x = dot(&g.x.unwrap(), &wide(&o.x));
            let by_weight = dot(&g.weight, &wide(&o.weight));
            prop_assert!((by_x - expected).abs() <= FORWARD * norm, "x: {} {}", by_x, expected);
            prop_assert!((by_weight - expected).abs() <= FORWARD * norm, "weight: {} {}", by_weight, expected);
        }
    }
}

#[test]
fn what_no_image_can_have_is_refused() {
    let good = plain([5, 4], 3, 2);
    assert!(ConvPlan::new(good).is_ok());
    for wrong in [
        ConvShape { kernel: 0, ..good },
        ConvShape { kernel: 2, ..good },
        ConvShape { kernel: 65, ..good },
        ConvShape { stride: 0, ..good },
        ConvShape { stride: 64, ..good },
        ConvShape { enlarged: [4, 4], ..good },
        plain([0, 3], 3, 1),
        plain([3, 0], 3, 1),
        plain([1 << 31, 1], 3, 1),
        plain([1 << 30, 1 << 30], 3, 1),
    ] {
        let refused = ConvPlan::new(wrong).map(|_| ()).unwrap_err();
        assert_eq!(refused, KernelError::Convolution { shape: wrong });
    }
}
