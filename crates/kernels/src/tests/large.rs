//! Sums over all points of large grids, 4096² and 256³, against f64: single precision does not lose digits as grids grow.
//!
//! Values are nearly equal and far from zero. This is the worst case for naive sums: terms added to a large sum are rounded,
//! and all in the same direction.

use crate::cpu::convolution::Convolution;
use crate::cpu::depthwise::Depthwise;
use crate::cpu::linear::PointwiseLinear;
use crate::cpu::mlp::Mlp;
use crate::cpu::norm::Norm;
use crate::cpu::residual::Residual;
use crate::{ConvPlan, ConvShape, Level, StencilAxis, StencilPlan};

/// Points of both grids: 4096 · 4096 = 256 · 256 · 256.
const POINTS: usize = 1 << 24;
/// Relative error of a sum; single precision holds a number to 6e-8.
const BOUND: f64 = 2e-6;

/// Numbers about 0.1, the same in every run.
fn values(count: usize) -> Vec<f32> {
    (0..count as u32)
        .map(|i| 0.1 + 1e-3 * (i.wrapping_mul(2_654_435_761) >> 8) as f32 / (1 << 24) as f32)
        .collect()
}

fn close(what: &str, found: f32, expected: f64) {
    let error = (f64::from(found) - expected).abs() / expected.abs();
    println!("{what}: {error:.1e}");
    assert!(error < BOUND, "{what}: {found} for {expected}, off by {error:e}");
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

fn total(a: &[f32]) -> f64 {
    a.iter().map(|v| f64::from(*v)).sum()
}

#[test]
fn gradients_of_linear_maps_and_perceptrons() {
    let (x, dy) = (values(POINTS), values(POINTS));
    let level = Level::available()[0];
    let linear = PointwiseLinear { level, inputs: 1, outputs: 1, weight: &[0.5], bias: &[0.0] };
    let g = linear.backward(&x, &dy, false);
    close("weight", g.weight[0], dot(&x, &dy));
    close("bias", g.bias[0], total(&dy));
    let mlp = Mlp {
        level,
        inputs: 1,
        hidden: 1,
        outputs: 1,
        w1: &[1.0],
        b1: &[0.0],
        w2: &[1.0],
        b2: &[0.0],
    };
    let g = mlp.backward(&mut x.clone(), &dy, false);
    close("second bias", g.b2[0], total(&dy));
    let film = [0.0, 0.0];
    let block = Residual { mlp, batch: 1, points: POINTS, film: &film };
    let g = block.backward(&x, &dy);
    close("second bias of a residual block", g.mlp.b2[0], total(&dy));
}

#[test]
fn gradients_of_stencils_and_convolutions() {
    let level = Level::available()[0];
    let (x, dy) = (values(POINTS), values(POINTS));
    let flat = StencilAxis { points: 4096, offsets: vec![0], periodic: true };
    let plan = StencilPlan::new(&[flat.clone(), flat]).unwrap();
    let stencil = Depthwise { plan: &plan, level, batch: 1, channels: 1, taps: &[1.0] };
    close("tap of 4096 x 4096", stencil.backward(&x, &dy, false).taps[0], dot(&x, &dy));
    let deep = StencilAxis { points: 256, offsets: vec![0], periodic: true };
    let plan = StencilPlan::new(&[deep.clone(), deep.clone(), deep]).unwrap();
    let stencil = Depthwise { plan: &plan, level, batch: 1, channels: 1, taps: &[1.0] };
    close("tap of 256 x 256 x 256", stencil.backward(&x, &dy, false).taps[0], dot(&x, &dy));
    let shape = ConvShape { sides: [4096; 2], enlarged: [4096; 2], kernel: 1, stride: 1 };
    let plan = ConvPlan::new(shape).unwrap();
    let convolution =
        Convolution { plan: &plan, level, batch: 1, inputs: 1, outputs: 1, weight: &[1.0] };
    let g = convolution.backward(&x, &dy, false);
    close("weight of a convolution", g.weight[0], dot(&x, &dy));
    close("bias of a convolution", g.bias[0], total(&dy));
}

#[test]
fn means_and_deviations_of_norms() {
    let x = values(POINTS);
    let norm = Norm {
        level: Level::available()[0],
        batch: 1,
        points: POINTS,
        channels: 1,
        groups: 1,
        epsilon: 1e-12,
        gamma: &[1.0],
        beta: &[0.0],
        film: None,
    };
    let (_, found) = norm.forward(&x);
    let mean = total(&x) / POINTS as f64;
    let variance = x.iter().map(|v| (f64::from(*v) - mean).powi(2)).sum::<f64>() / POINTS as f64;
    close("mean", found[0], mean);
    close("1/deviation", found[1], 1.0 / (variance + 1e-12).sqrt());
}
