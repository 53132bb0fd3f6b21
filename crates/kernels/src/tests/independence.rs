//! Bit for bit: threads, other fields of the batch, and keeping values for gradients change
//! nothing.

use std::sync::atomic::{AtomicBool, Ordering};

use super::Numbers;
use super::naive::Layer;
use super::spectral::{Operands, gradients, plan};
use crate::Level;
use crate::cpu::linear::PointwiseLinear;
use crate::cpu::mlp::Mlp;

/// The result of `f` on so many threads.
///
/// The pool hands over `f` and its result through a lock of the standard library. The thread sanitizer does not see that
/// lock. Two atomic flags show it that `f` begins after the call and ends before the return. Without them it reports a
/// race at every value of the result that is read.
pub fn in_pool<R: Send>(threads: usize, f: impl FnOnce() -> R + Send) -> R {
    let [begun, ended] = [const { AtomicBool::new(false) }; 2];
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    begun.store(true, Ordering::Release);
    let result = pool.install(|| {
        assert!(begun.load(Ordering::Acquire));
        let result = f();
        ended.store(true, Ordering::Release);
        result
    });
    assert!(ended.load(Ordering::Acquire));
    result
}

fn layers() -> Vec<Layer> {
    let sizes: [&[usize]; 6] = [&[13], &[600], &[13, 11], &[40, 40], &[5, 6, 7], &[3, 300]];
    sizes
        .map(|points| Layer {
            points: points.to_vec(),
            modes: vec![4; points.len()],
            periods: vec![1.25; points.len()],
            inputs: 24,
            outputs: 24,
            curved: true,
        })
        .to_vec()
}

#[test]
fn layers_do_not_see_the_number_of_threads() {
    for layer in layers() {
        let mut numbers = Numbers(6);
        let plan = plan(&layer);
        for (batch, level) in
            [1, 3, 4].into_iter().flat_map(|b| Level::available().into_iter().map(move |l| (b, l)))
        {
            let operands = Operands::random(&layer, batch, true, &mut numbers);
            let block = operands.block(&layer, &plan, level);
            let r = numbers.array(batch * layer.len() * layer.outputs, 1.0);
            let run = |threads| {
                let (y, dx, g) = in_pool(threads, || gradients(&block, &operands.x, &r));
                [y.to_vec(), dx, g.real.to_vec(), g.imaginary.to_vec(), g.skip, g.bias, g.film]
            };
            let one = run(1);
            for threads in [2, 3] {
                let other = run(threads);
                for (i, (a, b)) in one.iter().zip(&other).enumerate() {
                    assert!(a == b, "{layer:?}, {level}, {threads} threads: array {i}");
                }
            }
        }
    }
}

#[test]
fn fields_do_not_see_their_batch_mates() {
    for layer in layers() {
        let mut numbers = Numbers(7);
        let plan = plan(&layer);
        let operands = Operands::random(&layer, 5, true, &mut numbers);
        let r = numbers.array(5 * layer.len() * layer.outputs, 1.0);
        for level in Level::available() {
            let (y, dx, g) = gradients(&operands.block(&layer, &plan, level), &operands.x, &r);
            let (row, film) = (layer.len() * layer.inputs, 2 * layer.outputs);
            for i in 0..5 {
                let alone = Operands {
                    x: operands.x[i * row..(i + 1) * row].to_vec(),
                    film: operands.film[i * film..(i + 1) * film].to_vec(),
                    real: operands.real.clone(),
                    imaginary: operands.imaginary.clone(),
                    skip: operands.skip.clone(),
                    bias: operands.bias.clone(),
                };
                let r = &r[i * row..(i + 1) * row];
                let (a, da, ga) = gradients(&alone.block(&layer, &plan, level), &alone.x, r);
                assert!(a[..] == y[i * row..(i + 1) * row], "{layer:?}, {level}: values of {i}");
                assert!(da == dx[i * row..(i + 1) * row], "{layer:?}, {level}: gradient of {i}");
                assert!(ga.film == g.film[i * film..(i + 1) * film], "{layer:?}, {level}: {i}");
            }
        }
    }
}

#[test]
fn pointwise_maps_do_not_see_threads_or_neighbours() {
    let mut numbers = Numbers(8);
    let (inputs, hidden, outputs, points) = (9, 40, 3, 5000);
    let x = numbers.array(points * inputs, 1.0);
    let (w1, b1) = (numbers.array(inputs * hidden, 1.0), numbers.array(hidden, 1.0));
    let (w2, b2) = (numbers.array(hidden * outputs, 1.0), numbers.array(outputs, 1.0));
    let r = numbers.array(points * outputs, 1.0);
    let r2 = numbers.array(points * hidden, 1.0);
    for level in Level::available() {
        let mlp = Mlp { level, inputs, hidden, outputs, w1: &w1, b1: &b1, w2: &w2, b2: &b2 };
        let linear = PointwiseLinear { level, inputs, outputs: hidden, weight: &w1, bias: &b1 };
        let run = |threads| {
            in_pool(threads, || {
                let mut g_x = x.clone();
                let g = mlp.backward(&mut g_x, &r, true);
                let l = linear.backward(&x, &r2, true);
                let values = [mlp.forward(&x).to_vec(), linear.forward(&x).to_vec()];
                let l_x = l.x.unwrap().to_vec();
                (values, [g_x, g.w1, g.b1, g.w2, g.b2, l_x, l.weight, l.bias])
            })
        };
        let one = run(1);
        assert!(one == run(2) && one == run(3), "{level}: threads");
        let (from, to) = (1234, 1301);
        let part = mlp.forward(&x[from * inputs..to * inputs]);
        assert!(part[..] == one.0[0][from * outputs..to * outputs], "{level}: neighbours");
        let part = linear.forward(&x[from * inputs..to * inputs]);
        assert!(part[..] == one.0[1][from * hidden..to * hidden], "{level}: neighbours");
    }
}
