//! The perceptron and the linear map: values and gradients for many widths and numbers of points.

use super::naive::{linear, mlp};
use super::{Numbers, dot, gradient_error, relative_error, wide};
use crate::Level;
use crate::cpu::linear::PointwiseLinear;
use crate::cpu::mlp::Mlp;

/// Values: the largest observed error is 5e-7.
const FORWARD: f64 = 5e-6;
/// Gradients against finite differences; the largest observed error is 1e-6.
const GRADIENT: f64 = 1e-4;

#[test]
fn perceptrons() {
    let mut numbers = Numbers(4);
    for points in [1, 2, 5, 47, 48, 49, 97, 130] {
        for _ in 0..3 {
            let (inputs, hidden) =
                (numbers.pick(&[1, 3, 8, 17, 32]), numbers.pick(&[1, 5, 16, 33, 128]));
            let outputs = numbers.pick(&[1, 2, 3, 6, 7, 20]);
            let x = numbers.array(points * inputs, 1.0);
            let w1 = numbers.array(inputs * hidden, 1.0);
            let b1 = numbers.array(hidden, 0.5);
            let w2 = numbers.array(hidden * outputs, 0.5);
            let b2 = numbers.array(outputs, 0.5);
            let r = numbers.array(points * outputs, 1.0);
            let others = [&w1, &b1, &w2, &b2].map(|a| wide(a));
            let all = others.each_ref().map(|a| &a[..]);
            let expected = mlp(&wide(&x), all);
            for level in Level::available() {
                let what = format!("{level} {points} × {inputs} → {hidden} → {outputs}");
                let kernel =
                    Mlp { level, inputs, hidden, outputs, w1: &w1, b1: &b1, w2: &w2, b2: &b2 };
                let error = relative_error(&kernel.forward(&x), &expected);
                assert!(error < FORWARD, "{what}: values {error:e}");
                let mut dx = x.clone();
                let g = kernel.backward(&mut dx, &r, true);
                let error = gradient_error(&mut numbers, &dx, &x, |x| dot(&r, &mlp(x, all)));
                assert!(error < GRADIENT, "{what}: x {error:e}");
                let found = [(&g.w1, &w1), (&g.b1, &b1), (&g.w2, &w2), (&g.b2, &b2)];
                for (i, (found, given)) in found.into_iter().enumerate() {
                    let error = gradient_error(&mut numbers, found, given, |moved| {
                        let mut all = all;
                        all[i] = moved;
                        dot(&r, &mlp(&wide(&x), all))
                    });
                    assert!(error < GRADIENT, "{what}, operand {i}: {error:e}");
                }
                let mut left = x.clone();
                let without = kernel.backward(&mut left, &r, false);
                assert!(left == x && without.w1 == g.w1, "{what}");
            }
        }
    }
}

/// Whether a call panics before it computes anything.
fn refuses<R>(call: impl FnOnce() -> R) -> bool {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(call)).is_err()
}

#[test]
fn lengths_are_checked_before_pointers_are_made_of_them() {
    let (level, x, dy) = (Level::available()[0], [1.0; 6], [1.0; 4]);
    let (long, inputs, outputs) = ([1.0; 32], 3, 2);
    let mlp = |[w1, b1, w2, b2]: [usize; 4]| Mlp {
        level,
        inputs,
        hidden: 5,
        outputs,
        w1: &long[..w1],
        b1: &long[..b1],
        w2: &long[..w2],
        b2: &long[..b2],
    };
    let good = mlp([15, 5, 10, 2]);
    let mut to = x;
    assert!(!refuses(|| (good.forward(&x), good.backward(&mut to, &dy, true))));
    assert!(
        refuses(|| good.forward(&x[..5])) && refuses(|| good.backward(&mut to, &dy[..3], true))
    );
    for wrong in [[14, 5, 10, 2], [15, 4, 10, 2], [15, 5, 9, 2], [15, 5, 10, 1]] {
        let wrong = mlp(wrong);
        assert!(refuses(|| wrong.forward(&x)) && refuses(|| wrong.backward(&mut to, &dy, true)));
    }
    let linear = |weight: usize, bias: usize| PointwiseLinear {
        level,
        inputs,
        outputs,
        weight: &long[..weight],
        bias: &long[..bias],
    };
    let good = linear(6, 2);
    assert!(!refuses(|| (good.forward(&x), good.backward(&x, &dy, true))));
    assert!(refuses(|| good.forward(&x[..5])) && refuses(|| good.backward(&x, &dy[..3], true)));
    for wrong in [linear(5, 2), linear(6, 1)] {
        assert!(refuses(|| wrong.forward(&x)) && refuses(|| wrong.backward(&x, &dy, true)));
    }
}

#[test]
fn linear_maps() {
    let mut numbers = Numbers(5);
    for points in [1, 3, 255, 256, 257, 2500] {
        for _ in 0..3 {
            let (inputs, outputs) =
                (numbers.pick(&[1, 2, 4, 7, 33]), numbers.pick(&[1, 3, 16, 32, 50]));
            let x = numbers.array(points * inputs, 1.0);
            let weight = numbers.array(inputs * outputs, 1.0);
            let bias = numbers.array(outputs, 1.0);
            let r = numbers.array(points * outputs, 1.0);
            let (wide_x, wide_w, wide_b) = (wide(&x), wide(&weight), wide(&bias));
            let loss = |x: &[f64], w: &[f64], b: &[f64]| dot(&r, &linear(x, w, b));
            for level in Level::available() {
                let what = format!("{level} {points} × {inputs} → {outputs}");
                let kernel =
                    PointwiseLinear { level, inputs, outputs, weight: &weight, bias: &bias };
                let expected = linear(&wide_x, &wide_w, &wide_b);
                let error = relative_error(&kernel.forward(&x), &expected);
                assert!(error < FORWARD, "{what}: values {error:e}");
                let g = kernel.backward(&x, &r, true);
                let errors = [
                    gradient_error(&mut numbers, g.x.as_ref().unwrap(), &x, |v| {
                        loss(v, &wide_w, &wide_b)
                    }),
                    gradient_error(&mut numbers, &g.weight, &weight, |v| loss(&wide_x, v, &wide_b)),
                    gradient_error(&mut numbers, &g.bias, &bias, |v| loss(&wide_x, &wide_w, v)),
                ];
                assert!(errors.iter().all(|e| *e < GRADIENT), "{what}: {errors:?}");
            }
        }
    }
}
