//! The point-wise half of a residual block: values, gradients, threads and other fields of the
//! batch.

use super::independence::in_pool;
use super::naive::mlp;
use super::{Numbers, dot, gradient_error, relative_error, wide};
use crate::Level;
use crate::cpu::mlp::Mlp;
use crate::cpu::residual::Residual;

/// Values through a norm and a perceptron in f32; the largest observed error is 7e-7.
const FORWARD: f64 = 5e-6;
/// Gradients against finite differences; the largest observed error is 2e-6.
const GRADIENT: f64 = 1e-4;

#[derive(Debug, Clone, Copy)]
struct Case {
    batch: usize,
    points: usize,
    width: usize,
    hidden: usize,
}

/// [x, u, film, w1, b1, w2, b2].
type Operands = [Vec<f32>; 7];

fn operands(case: &Case, numbers: &mut Numbers) -> Operands {
    let Case { batch, points, width, hidden } = *case;
    let len = batch * points * width;
    [
        numbers.array(len, 1.0),
        numbers.array(len, 2.0),
        numbers.array(batch * 2 * width, 1.0),
        numbers.array(width * hidden, 0.5),
        numbers.array(hidden, 0.5),
        numbers.array(hidden * width, 0.5),
        numbers.array(width, 0.5),
    ]
}

fn naive(case: &Case, all: [&[f64]; 7]) -> Vec<f64> {
    let Case { points, width, .. } = *case;
    let [x, u, film, weights @ ..] = all;
    let mut z = Vec::with_capacity(u.len());
    for (point, u) in u.chunks_exact(width).enumerate() {
        let film = &film[point / points * 2 * width..][..2 * width];
        let square = u.iter().map(|u| u * u).sum::<f64>() / width as f64;
        let r = 1.0 / (square + 1e-6).sqrt();
        z.extend((0..width).map(|c| u[c] * r * (1.0 + film[c]) + film[width + c]));
    }
    mlp(&z, weights).iter().zip(x).map(|(y, x)| y + x).collect()
}

fn kernel<'a>(case: &Case, level: Level, all: &'a Operands) -> Residual<'a> {
    let [_, _, film, w1, b1, w2, b2] = all;
    let (inputs, hidden) = (case.width, case.hidden);
    let mlp = Mlp { level, inputs, hidden, outputs: inputs, w1, b1, w2, b2 };
    Residual { mlp, batch: case.batch, points: case.points, film }
}

#[test]
fn values_and_gradients() {
    let mut numbers = Numbers(11);
    for points in [1, 5, 47, 48, 49, 130] {
        for batch in [1, 3] {
            let width = numbers.pick(&[1, 3, 8, 17, 32]);
            let case = Case { batch, points, width, hidden: numbers.pick(&[1, 5, 16, 33, 64]) };
            let all = operands(&case, &mut numbers);
            let r = numbers.array(batch * points * width, 1.0);
            let wides = all.each_ref().map(|a| wide(a));
            let wides = wides.each_ref().map(|a| &a[..]);
            let expected = naive(&case, wides);
            for level in Level::available() {
                let kernel = kernel(&case, level, &all);
                let error = relative_error(&kernel.forward(&all[0], &all[1]), &expected);
                assert!(error < FORWARD, "{case:?} {level}: values {error:e}");
                let g = kernel.backward(&all[1], &r);
                let found = [&g.u[..], &g.film, &g.mlp.w1, &g.mlp.b1, &g.mlp.w2, &g.mlp.b2];
                for (i, found) in found.into_iter().enumerate() {
                    let error = gradient_error(&mut numbers, found, &all[i + 1], |moved| {
                        let mut wides = wides;
                        wides[i + 1] = moved;
                        dot(&r, &naive(&case, wides))
                    });
                    assert!(error < GRADIENT, "{case:?} {level}, operand {}: {error:e}", i + 1);
                }
            }
        }
    }
}

#[test]
fn threads_and_batch_mates_change_nothing() {
    // several tiles and several sums for each sample
    let case = Case { batch: 3, points: 48 * 90 + 7, width: 20, hidden: 24 };
    let mut numbers = Numbers(12);
    let all = operands(&case, &mut numbers);
    let r = numbers.array(case.batch * case.points * case.width, 1.0);
    for level in Level::available() {
        let run = |threads| {
            in_pool(threads, || {
                let kernel = kernel(&case, level, &all);
                let g = kernel.backward(&all[1], &r);
                let y = kernel.forward(&all[0], &all[1]).to_vec();
                [y, g.u.to_vec(), g.film, g.mlp.w1, g.mlp.b1, g.mlp.w2, g.mlp.b2]
            })
        };
        let one = run(1);
        assert!(one == run(2) && one == run(3), "{level}: threads");
        let (len, film) = (case.points * case.width, 2 * case.width);
        let mut alone = all.clone();
        alone[0] = all[0][len..2 * len].to_vec();
        alone[1] = all[1][len..2 * len].to_vec();
        alone[2] = all[2][film..2 * film].to_vec();
        let kernel = kernel(&Case { batch: 1, ..case }, level, &alone);
        let y = kernel.forward(&alone[0], &alone[1]);
        assert!(y[..] == one[0][len..2 * len], "{level}: neighbours");
        let g = kernel.backward(&alone[1], &r[len..2 * len]);
        assert!(g.u[..] == one[1][len..2 * len], "{level}: neighbours' gradient");
        assert!(g.film[..] == one[2][film..2 * film], "{level}: neighbours' conditioning");
    }
}
