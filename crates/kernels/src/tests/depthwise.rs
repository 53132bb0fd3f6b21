//! Stencils: values and gradients for many sizes, offsets, walls, widths, batches and numbers of
//! threads.

use super::independence::in_pool;
use super::{Numbers, dot, gradient_error, relative_error, wide};
use crate::cpu::depthwise::Depthwise;
use crate::{Level, StencilAxis, StencilPlan};

/// Values: sums of up to 125 products in f32; the largest observed error is 4e-7.
const FORWARD: f64 = 5e-6;
/// Gradients against finite differences; the largest observed error is 2e-7.
const GRADIENT: f64 = 1e-4;

/// y by the definition: neighbours one by one, mirrored step by step.
fn naive(axes: &[StencilAxis], channels: usize, x: &[f64], taps: &[f64]) -> Vec<f64> {
    let points: usize = axes.iter().map(|a| a.points).product();
    let count: usize = axes.iter().map(|a| a.offsets.len()).product();
    let walk = |axis: &StencilAxis, at: usize, offset: i64| {
        let (mut at, mut step) = (at as i64, offset.signum());
        for _ in 0..offset.abs() {
            let next = at + step;
            let outside = next < 0 || next >= axis.points as i64;
            match (outside, axis.periodic) {
                (false, _) => at = next,
                (true, true) => at = if next < 0 { axis.points as i64 - 1 } else { 0 },
                (true, false) => step = -step,
            }
        }
        at as usize
    };
    let mut y = vec![0.0; x.len()];
    for (x, y) in x.chunks_exact(points * channels).zip(y.chunks_exact_mut(points * channels)) {
        for to in 0..points {
            for tap in 0..count {
                let (mut place, mut rest, mut from, mut stride) = (to, tap, 0, 1);
                for axis in axes.iter().rev() {
                    let offset = axis.offsets[rest % axis.offsets.len()];
                    from += stride * walk(axis, place % axis.points, offset);
                    place /= axis.points;
                    rest /= axis.offsets.len();
                    stride *= axis.points;
                }
                for c in 0..channels {
                    y[to * channels + c] += taps[tap * channels + c] * x[from * channels + c];
                }
            }
        }
    }
    y
}

fn axes(numbers: &mut Numbers, points: &[usize]) -> Vec<StencilAxis> {
    const OFFSETS: [&[i64]; 5] =
        [&[-1, 0, 1], &[0], &[-2, 0, 2], &[-3, -2, 0, 2, 3], &[-1, 0, 1, 7]];
    points
        .iter()
        .map(|&points| StencilAxis {
            points,
            offsets: numbers.pick(&OFFSETS).to_vec(),
            periodic: numbers.pick(&[true, false]),
        })
        .collect()
}

#[test]
fn stencils_are_their_definition_and_gradients_finite_differences() {
    let mut numbers = Numbers(11);
    let sizes: [&[usize]; 12] = [
        &[1],
        &[2],
        &[3],
        &[17],
        &[64],
        &[1, 5],
        &[7, 1],
        &[13, 11],
        &[6, 40],
        &[2, 3, 4],
        &[5, 6, 7],
        &[3, 1, 29],
    ];
    for points in sizes {
        for _ in 0..3 {
            let axes = axes(&mut numbers, points);
            let plan = StencilPlan::new(&axes).unwrap();
            let channels = numbers.pick(&[1, 3, 8, 16, 17, 33, 73, 100]);
            let batch = numbers.pick(&[1, 2, 3]);
            let x = numbers.array(batch * plan.points() * channels, 1.0);
            let taps = numbers.array(plan.taps() * channels, 1.0);
            let r = numbers.array(x.len(), 1.0);
            let (wide_x, wide_taps) = (wide(&x), wide(&taps));
            let expected = naive(&axes, channels, &wide_x, &wide_taps);
            for level in Level::available() {
                let what = format!("{level} {axes:?}, {channels} channels, batch {batch}");
                let kernel = Depthwise { plan: &plan, level, batch, channels, taps: &taps };
                let error = relative_error(&kernel.forward(&x), &expected);
                assert!(error < FORWARD, "{what}: values {error:e}");
                let g = kernel.backward(&x, &r, true);
                let errors = [
                    gradient_error(&mut numbers, g.x.as_ref().unwrap(), &x, |x| {
                        dot(&r, &naive(&axes, channels, x, &wide_taps))
                    }),
                    gradient_error(&mut numbers, &g.taps, &taps, |taps| {
                        dot(&r, &naive(&axes, channels, &wide_x, taps))
                    }),
                ];
                assert!(errors.iter().all(|e| *e < GRADIENT), "{what}: {errors:?}");
                let without = kernel.backward(&x, &r, false);
                assert!(without.x.is_none() && without.taps == g.taps, "{what}");
            }
        }
    }
}

#[test]
fn stencils_do_not_see_threads_or_neighbours() {
    let mut numbers = Numbers(12);
    for points in [&[600][..], &[40, 70], &[5, 30, 31]] {
        let axes = axes(&mut numbers, points);
        let plan = StencilPlan::new(&axes).unwrap();
        let (batch, channels) = (3, 24);
        let x = numbers.array(batch * plan.points() * channels, 1.0);
        let (r, taps) = (numbers.array(x.len(), 1.0), numbers.array(plan.taps() * channels, 1.0));
        for level in Level::available() {
            let kernel = Depthwise { plan: &plan, level, batch, channels, taps: &taps };
            let run = |threads| {
                in_pool(threads, || {
                    let g = kernel.backward(&x, &r, true);
                    (kernel.forward(&x).to_vec(), g.x.unwrap().to_vec(), g.taps)
                })
            };
            let one = run(1);
            assert!(one == run(2) && one == run(3), "{level} {axes:?}: threads");
            let row = plan.points() * channels;
            let alone = Depthwise { batch: 1, ..kernel };
            for i in 0..batch {
                let y = alone.forward(&x[i * row..(i + 1) * row]);
                assert!(y[..] == one.0[i * row..(i + 1) * row], "{level} {axes:?}: neighbours");
            }
        }
    }
}

#[test]
fn what_no_grid_can_have_is_refused() {
    let axis = |points, offsets: &[i64]| StencilAxis {
        points,
        offsets: offsets.to_vec(),
        periodic: false,
    };
    let good = axis(4, &[-1, 0, 1]);
    assert!(StencilPlan::new(std::slice::from_ref(&good)).is_ok());
    for wrong in [
        vec![],
        vec![good.clone(); 4],
        vec![axis(0, &[0])],
        vec![axis(4, &[])],
        vec![axis(4, &[0; 65])],
        vec![axis(4, &[i64::MIN])],
        vec![axis(usize::MAX, &[0]), good.clone()],
        vec![axis(1 << 41, &[0])],
    ] {
        assert!(StencilPlan::new(&wrong).is_err(), "{wrong:?}");
    }
}
