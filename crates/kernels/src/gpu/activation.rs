//! Exact GELU and its slope on a GPU, and the gradients of a layer's ending.
//!
//! A layer's ending is its bias, conditioning and activation. The formulas and coefficients are
//! those of [`crate::cpu::activation`]; only the exponential is that of the device. Values that are
//! not a number stay so: a minimum may drop them, but a sum does not.

use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::sums::added;
use super::{arg, cubes, dims, empty, widest};
use crate::cpu::activation::{DENSITY, FAR, ROOT, SCALED_TAIL};

/// Channels of a cube, adjacent in memory.
const CHANNELS: usize = 32;
/// Points that a cube processes at a time.
const POINTS: usize = 8;
/// Approximate number of points of a chunk, whose sums are added to those of other chunks
/// afterwards.
const CHUNK: usize = 512;

#[cube]
fn root(a: f32) -> f32 {
    let mut sum = f32::new(comptime!(ROOT[8]));
    #[unroll]
    for i in 0..8usize {
        sum = fma(sum, a, f32::new(comptime!(ROOT[7 - i])));
    }
    sum
}

#[cube]
fn scaled_tail(a: f32) -> f32 {
    let mut sum = f32::new(comptime!(SCALED_TAIL[11]));
    #[unroll]
    for i in 0..11usize {
        sum = fma(sum, a, f32::new(comptime!(SCALED_TAIL[10 - i])));
    }
    sum
}

/// max(x, 0), and not a number if x is none.
#[cube]
fn positive_part(x: f32) -> f32 {
    0.5f32 * x + 0.5f32 * x.abs()
}

/// x Φ(x).
#[cube]
pub(super) fn gelu(x: f32) -> f32 {
    let a = min(x.abs(), f32::new(FAR));
    let r = 1.0f32 / root(a);
    let r2 = r * r;
    let r4 = r2 * r2;
    positive_part(x) - a * r4 * r4
}

/// Φ(x) + x φ(x), and x Φ(x) from the same exponential.
#[cube]
pub(super) fn slope_and_gelu(x: f32) -> (f32, f32) {
    let a = min(x.abs(), f32::new(FAR));
    let e = (-0.5f32 * a * a).exp();
    let tail = e * scaled_tail(a);
    let below = tail - a * f32::new(DENSITY) * e;
    let slope = select(x < 0.0f32, below, 1.0f32 - below);
    (slope, positive_part(x) - a * tail)
}

/// Constants at the compilation of a kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Form {
    /// Whether the values before conditioning have an effect.
    values: bool,
    film: bool,
    gelu: bool,
}

#[derive(CubeType, CubeLaunch, Clone, Copy)]
struct Counts {
    samples: usize,
    points: usize,
    channels: usize,
    /// Number of points of a chunk.
    chunk: usize,
}

/// dq and, for each chunk, Σ dp q and Σ dp, with p = q ⊙ (1 + scale) + shift.
#[cube(launch_unchecked, address_type = "dynamic")]
fn slope_kernel(
    q: &[f32],
    film: &[f32],
    dy: &[f32],
    dq: &mut [f32],
    partials: &mut [f32],
    counts: Counts,
    #[comptime] form: Form,
) {
    let groups = counts.channels.div_ceil(CHANNELS);
    let chunks = counts.points.div_ceil(counts.chunk);
    let channel = CUBE_POS % groups * CHANNELS + UNIT_POS_X as usize;
    let chunk = CUBE_POS / groups % chunks;
    let sample = CUBE_POS / groups / chunks;
    if sample >= counts.samples {
        terminate!();
    }
    let mut moment = 0.0f32;
    let mut sum = 0.0f32;
    if channel < counts.channels {
        let mut scale = 1.0f32;
        let mut shift = 0.0f32;
        if comptime!(form.film) {
            let at = sample * 2 * counts.channels + channel;
            scale += film[at];
            shift = film[at + counts.channels];
        }
        let end = min((chunk + 1) * counts.chunk, counts.points);
        let mut point = chunk * counts.chunk + UNIT_POS_Y as usize;
        while point < end {
            let at = (sample * counts.points + point) * counts.channels + channel;
            let mut dp = dy[at];
            if comptime!(form.values) {
                let value = q[at];
                if comptime!(form.gelu) {
                    let (slope, _) = slope_and_gelu(fma(value, scale, shift));
                    dp *= slope;
                }
                moment = fma(dp, value, moment);
                dq[at] = dp * scale;
            }
            sum += dp;
            point += POINTS;
        }
    }
    let mut held = Shared::<[f32]>::new_slice(comptime!(2 * UNITS));
    let unit = UNIT_POS as usize;
    held[unit] = moment;
    held[unit + UNITS] = sum;
    sync_cube();
    if UNIT_POS_Y == 0 && channel < counts.channels {
        let mut moments = 0.0f32;
        let mut sums = 0.0f32;
        for lane in 0..POINTS {
            moments += held[unit + lane * CHANNELS];
            sums += held[unit + lane * CHANNELS + UNITS];
        }
        let at = (sample * chunks + chunk) * 2 * counts.channels + channel;
        partials[at] = moments;
        partials[at + counts.channels] = sums;
    }
}

const UNITS: usize = CHANNELS * POINTS;

/// dβ = Σ_sample (1 + scale) Σ dp.
#[cube(launch_unchecked, address_type = "dynamic")]
fn bias_kernel(film: &[f32], sums: &[f32], bias: &mut [f32], samples: usize, channels: usize) {
    let channel = ABSOLUTE_POS;
    if channel >= channels {
        terminate!();
    }
    let mut total = 0.0f32;
    for sample in 0..samples {
        let at = sample * 2 * channels + channel;
        total = fma(1.0f32 + film[at], sums[at + channels], total);
    }
    bias[channel] = total;
}

/// Gradients of a layer's ending.
pub(super) struct EndingGradients {
    /// Gradient of the values before conditioning. It is dy itself without conditioning and
    /// activation.
    pub q: CubeTensor,
    /// Σ dp q and Σ dp, `[sample; 2; channel]`: the gradient of scale and shift.
    pub moments: CubeTensor,
    pub bias: CubeTensor,
}

/// Gradients from `dy` `[sample, point, channel]`. `q` is given if the ending is more than a bias.
pub(super) fn ending_gradients(
    q: Option<&CubeTensor>,
    film: Option<&CubeTensor>,
    gelu: bool,
    dy: &CubeTensor,
) -> EndingGradients {
    let [samples, points, channels] = dims(dy);
    let chunk = points.div_ceil(points.div_ceil(CHUNK));
    let chunks = points.div_ceil(chunk);
    let dq = if q.is_some() { empty(dy, &[samples, points, channels]) } else { dy.clone() };
    let partials = empty(dy, &[samples, chunks, 2 * channels]);
    let unread = if q.is_some() { arg(&dq) } else { arg(&empty(dy, &[1])) };
    // SAFETY: units stay within samples, points and channels, which are the operands' extents
    unsafe {
        slope_kernel::launch_unchecked(
            &dy.client,
            cubes(samples * chunks * channels.div_ceil(CHANNELS)),
            CubeDim::new_2d(CHANNELS as u32, POINTS as u32),
            widest([dy, &partials]),
            arg(q.unwrap_or(dy)),
            arg(film.unwrap_or(dy)),
            arg(dy),
            unread,
            arg(&partials),
            CountsLaunch::new(samples, points, channels, chunk),
            Form { values: q.is_some(), film: film.is_some(), gelu },
        );
    }
    let moments = added(&partials, samples, chunks, 2 * channels);
    let bias = match film {
        Some(film) => {
            let bias = empty(dy, &[channels]);
            // SAFETY: a unit a channel, guarded; film and moments are [sample; 2; channel]
            unsafe {
                bias_kernel::launch_unchecked(
                    &dy.client,
                    cubes(channels.div_ceil(UNITS)),
                    CubeDim::new_1d(UNITS as u32),
                    widest([film, &moments]),
                    arg(film),
                    arg(&moments),
                    arg(&bias),
                    samples,
                    channels,
                );
            }
            bias
        }
        None => super::sums::last_half(&moments, samples, channels),
    };
    EndingGradients { q: dq, moments, bias }
}
