//! The norm over channels with conditioning on a GPU, and its gradients.
//!
//! z = n ⊙ (1 + scale) + shift with n = u r and r = 1 / √(mean_c u² + ε). A cube processes
//! [`ROWS`] points, with [`LANES`] units for the channels of each. The sums over channels are a tree
//! in shared memory. Scale and shift belong to a sample, so their gradients are sums over chunks of
//! its points, which are added afterwards in their order.

use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::sums::added;
use super::{arg, cubes, dims, empty, widest};
use crate::cpu::rms_rows::EPSILON;

/// Number of units for the channels of a point, adjacent in memory. A power of two.
const LANES: usize = 32;
/// Number of halvings of the tree over these units.
const HALVINGS: usize = LANES.ilog2() as usize;
/// Points of a cube.
const ROWS: usize = 8;
const UNITS: usize = LANES * ROWS;
/// Approximate number of points of a chunk.
const CHUNK: usize = 512;

#[derive(CubeType, CubeLaunch, Clone, Copy)]
struct Counts {
    samples: usize,
    points: usize,
    channels: usize,
    /// Number of points of a chunk.
    chunk: usize,
}

/// The mean over the channels of a point, from one sum of each of its units.
#[cube]
fn mean_of_point(sum: f32, channels: usize, held: &mut Shared<[f32]>) -> f32 {
    let unit = UNIT_POS as usize;
    let lane = UNIT_POS_X as usize;
    held[unit] = sum;
    sync_cube();
    #[unroll]
    for halving in 0..comptime!(HALVINGS) {
        let half = comptime!(LANES >> (halving + 1));
        if lane < half {
            let pair = held[unit] + held[unit + half];
            held[unit] = pair;
        }
        sync_cube();
    }
    let total = held[unit - lane];
    sync_cube();
    total / channels as f32
}

/// r from the sums of squares of a point's units.
#[cube]
fn inverse_root(squares: f32, channels: usize, held: &mut Shared<[f32]>) -> f32 {
    1.0f32 / (mean_of_point(squares, channels, held) + f32::new(EPSILON)).sqrt()
}

#[cube(launch_unchecked, address_type = "dynamic")]
fn normalise_kernel(u: &[f32], film: &[f32], z: &mut [f32], counts: Counts) {
    let all = counts.samples * counts.points;
    let first = CUBE_POS * ROWS;
    if first >= all {
        terminate!();
    }
    let point = first + UNIT_POS_Y as usize;
    // beyond the points a unit has no channels, but takes part in the sums
    let mut end = 0usize;
    if point < all {
        end = counts.channels;
    }
    let at = point * counts.channels;
    let film_at = point / counts.points * 2 * counts.channels;
    let mut held = Shared::<[f32]>::new_slice(UNITS);
    let mut squares = 0.0f32;
    let mut channel = UNIT_POS_X as usize;
    while channel < end {
        let value = u[at + channel];
        squares = fma(value, value, squares);
        channel += LANES;
    }
    let inverse = inverse_root(squares, counts.channels, &mut held);
    let mut channel = UNIT_POS_X as usize;
    while channel < end {
        let scale = 1.0f32 + film[film_at + channel];
        let shift = film[film_at + counts.channels + channel];
        z[at + channel] = fma(u[at + channel] * inverse, scale, shift);
        channel += LANES;
    }
}

/// du = r (dn − n mean_c(dn n)) with dn = dz ⊙ (1 + scale), and r.
#[cube(launch_unchecked, address_type = "dynamic")]
fn slope_kernel(
    u: &[f32],
    film: &[f32],
    dz: &[f32],
    du: &mut [f32],
    inverses: &mut [f32],
    counts: Counts,
) {
    let all = counts.samples * counts.points;
    let first = CUBE_POS * ROWS;
    if first >= all {
        terminate!();
    }
    let point = first + UNIT_POS_Y as usize;
    let mut end = 0usize;
    if point < all {
        end = counts.channels;
    }
    let at = point * counts.channels;
    let film_at = point / counts.points * 2 * counts.channels;
    let mut held = Shared::<[f32]>::new_slice(UNITS);
    let mut squares = 0.0f32;
    let mut along = 0.0f32;
    let mut channel = UNIT_POS_X as usize;
    while channel < end {
        let value = u[at + channel];
        let slope = dz[at + channel] * (1.0f32 + film[film_at + channel]);
        squares = fma(value, value, squares);
        along = fma(slope, value, along);
        channel += LANES;
    }
    let inverse = inverse_root(squares, counts.channels, &mut held);
    // mean_c(dn n) = r mean_c(dn u)
    let along = inverse * mean_of_point(along, counts.channels, &mut held);
    let mut channel = UNIT_POS_X as usize;
    while channel < end {
        let normal = u[at + channel] * inverse;
        let slope = dz[at + channel] * (1.0f32 + film[film_at + channel]);
        du[at + channel] = inverse * (slope - normal * along);
        channel += LANES;
    }
    if UNIT_POS_X == 0 && point < all {
        inverses[point] = inverse;
    }
}

/// Σ dz n and Σ dz over one chunk of a sample's points, for [`LANES`] channels.
#[cube(launch_unchecked, address_type = "dynamic")]
fn film_kernel(u: &[f32], inverses: &[f32], dz: &[f32], partials: &mut [f32], counts: Counts) {
    let groups = counts.channels.div_ceil(LANES);
    let chunks = counts.points.div_ceil(counts.chunk);
    let channel = CUBE_POS % groups * LANES + UNIT_POS_X as usize;
    let chunk = CUBE_POS / groups % chunks;
    let sample = CUBE_POS / groups / chunks;
    if sample >= counts.samples {
        terminate!();
    }
    let mut moment = 0.0f32;
    let mut sum = 0.0f32;
    if channel < counts.channels {
        let end = min((chunk + 1) * counts.chunk, counts.points);
        let mut point = chunk * counts.chunk + UNIT_POS_Y as usize;
        while point < end {
            let flat = sample * counts.points + point;
            let at = flat * counts.channels + channel;
            let slope = dz[at];
            moment = fma(slope, u[at] * inverses[flat], moment);
            sum += slope;
            point += ROWS;
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
        for row in 0..ROWS {
            moments += held[unit + row * LANES];
            sums += held[unit + row * LANES + UNITS];
        }
        let at = (sample * chunks + chunk) * 2 * counts.channels + channel;
        partials[at] = moments;
        partials[at + counts.channels] = sums;
    }
}

fn cube() -> CubeDim {
    CubeDim::new_2d(LANES as u32, ROWS as u32)
}

/// z for `u` `[sample, point, channel]` and `film` `[sample; scale, shift; channel]`.
pub(super) fn normalise(u: &CubeTensor, film: &CubeTensor) -> CubeTensor {
    let [samples, points, channels] = dims(u);
    let z = empty(u, &[samples, points, channels]);
    // SAFETY: points and channels are guarded by the extents of u, which are those of z; film has a
    // scale and a shift for each sample and channel
    unsafe {
        normalise_kernel::launch_unchecked(
            &u.client,
            cubes((samples * points).div_ceil(ROWS)),
            cube(),
            widest([u, film]),
            arg(u),
            arg(film),
            arg(&z),
            CountsLaunch::new(samples, points, channels, 1),
        );
    }
    z
}

/// Gradients of u and of film, `[sample; 2 · channel]`, from that of z.
pub(super) fn gradients(
    u: &CubeTensor,
    film: &CubeTensor,
    dz: &CubeTensor,
) -> (CubeTensor, CubeTensor) {
    let [samples, points, channels] = dims(u);
    let chunk = points.div_ceil(points.div_ceil(CHUNK));
    let chunks = points.div_ceil(chunk);
    let du = empty(u, &[samples, points, channels]);
    let inverses = empty(u, &[samples, points]);
    let partials = empty(u, &[samples, chunks, 2 * channels]);
    // SAFETY: as in `normalise`; dz and du have the extents of u, and r is one a point
    unsafe {
        slope_kernel::launch_unchecked(
            &u.client,
            cubes((samples * points).div_ceil(ROWS)),
            cube(),
            widest([u, film]),
            arg(u),
            arg(film),
            arg(dz),
            arg(&du),
            arg(&inverses),
            CountsLaunch::new(samples, points, channels, chunk),
        );
    }
    // SAFETY: samples, points and channels are guarded; every chunk has its own sums
    unsafe {
        film_kernel::launch_unchecked(
            &u.client,
            cubes(samples * chunks * channels.div_ceil(LANES)),
            cube(),
            widest([u, &partials]),
            arg(u),
            arg(&inverses),
            arg(dz),
            arg(&partials),
            CountsLaunch::new(samples, points, channels, chunk),
        );
    }
    (du, added(&partials, samples, chunks, 2 * channels))
}
