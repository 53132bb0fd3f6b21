//! One small stencil a channel on a GPU: each place gathers by the lists of its plan.
//!
//! The operator is limited by memory, so it is simple. There is a unit for each point and channel,
//! both for values and, with the transposed lists, for the gradient of x. The gradients of the taps
//! are sums over chunks of points, which are added afterwards.

use burn_cubecl::CubeDevice;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::sums::added;
use super::{arg, cubes, dims, empty, integers, widest};
use crate::StencilPlan;
use crate::plan::stencil::Contributions;

/// Number of axes of the kernels. Fewer axes are preceded by axes of one place.
const AXES: usize = 3;
const UNITS: usize = 256;
/// Channels of a cube, adjacent in memory, and the points that it processes at a time.
const CHANNELS: usize = 32;
const POINTS: usize = 8;
/// Approximate number of points of a chunk.
const CHUNK: usize = 2048;

/// A plan's lists on a device, `[starts; (tap, place)]` axis by axis.
#[derive(Debug)]
pub(crate) struct Lists {
    n: [usize; AXES],
    taps: [usize; AXES],
    forward: Direction,
    transposed: Direction,
}

#[derive(Debug)]
struct Direction {
    numbers: CubeTensor,
    /// Offsets of the starts and the entries of each axis.
    starts: [usize; AXES],
    entries: [usize; AXES],
}

impl Direction {
    /// The lists of all axes. An axis without contributions has one place that contributes to
    /// itself.
    fn new(axes: [Option<(&Contributions, usize)>; AXES], device: &CubeDevice) -> Self {
        let mut numbers = Vec::new();
        let (mut starts, mut entries) = ([0; AXES], [0; AXES]);
        for (axis, of) in axes.into_iter().enumerate() {
            let places = of.map_or(1, |(_, n)| n);
            let list = |place| of.map_or(&[(0, 0)][..], |(list, _)| list.of(place));
            starts[axis] = numbers.len();
            let mut count = 0;
            numbers.push(0);
            for place in 0..places {
                count += list(place).len();
                numbers.push(count as u32);
            }
            entries[axis] = numbers.len();
            let all = (0..places).flat_map(list);
            numbers.extend(all.flat_map(|(tap, place)| [*tap as u32, *place as u32]));
        }
        Self { numbers: integers(&numbers, device), starts, entries }
    }
}

impl Lists {
    pub fn new(plan: &StencilPlan, device: &CubeDevice) -> Self {
        let missing = AXES - plan.axes.len();
        let axis = |i: usize| i.checked_sub(missing).map(|i| &plan.axes[i]);
        let axes = [0, 1, 2].map(axis);
        Self {
            n: axes.map(|a| a.map_or(1, |a| a.n)),
            taps: axes.map(|a| a.map_or(1, |a| a.taps)),
            forward: Direction::new(axes.map(|a| a.map(|a| (&a.forward, a.n))), device),
            transposed: Direction::new(axes.map(|a| a.map(|a| (&a.transposed, a.n))), device),
        }
    }

    fn geometry(&self, direction: &Direction) -> GeometryLaunch {
        let ([_, n1, n2], [_, t1, t2]) = (self.n, self.taps);
        let ([s0, s1, s2], [e0, e1, e2]) = (direction.starts, direction.entries);
        GeometryLaunch::new(n1, n2, t1, t2, s0, s1, s2, e0, e1, e2)
    }
}

#[derive(CubeType, CubeLaunch, Clone, Copy)]
struct Geometry {
    n1: usize,
    n2: usize,
    taps1: usize,
    taps2: usize,
    starts0: usize,
    starts1: usize,
    starts2: usize,
    entries0: usize,
    entries1: usize,
    entries2: usize,
}

#[derive(CubeType, CubeLaunch, Clone, Copy)]
struct Counts {
    batch: usize,
    points: usize,
    channels: usize,
    taps: usize,
    /// Number of points of a chunk.
    chunk: usize,
}

#[cube(launch_unchecked, address_type = "dynamic")]
fn gather_kernel(
    x: &[f32],
    taps: &[f32],
    lists: &[u32],
    y: &mut [f32],
    counts: Counts,
    at: Geometry,
) {
    if ABSOLUTE_POS >= counts.batch * counts.points * counts.channels {
        terminate!();
    }
    let channel = ABSOLUTE_POS % counts.channels;
    let rest = ABSOLUTE_POS / counts.channels;
    let point = rest % counts.points;
    let sample = rest / counts.points;
    let s0 = at.starts0 + point / at.n2 / at.n1;
    let s1 = at.starts1 + point / at.n2 % at.n1;
    let s2 = at.starts2 + point % at.n2;
    let mut sum = 0.0f32;
    for e0 in lists[s0]..lists[s0 + 1] {
        let entry = at.entries0 + 2 * e0 as usize;
        let tap0 = lists[entry] as usize;
        let place0 = lists[entry + 1] as usize;
        for e1 in lists[s1]..lists[s1 + 1] {
            let entry = at.entries1 + 2 * e1 as usize;
            let tap1 = tap0 * at.taps1 + lists[entry] as usize;
            let place1 = place0 * at.n1 + lists[entry + 1] as usize;
            for e2 in lists[s2]..lists[s2 + 1] {
                let entry = at.entries2 + 2 * e2 as usize;
                let tap = tap1 * at.taps2 + lists[entry] as usize;
                let place = place1 * at.n2 + lists[entry + 1] as usize;
                let from = (sample * counts.points + place) * counts.channels + channel;
                sum = fma(taps[tap * counts.channels + channel], x[from], sum);
            }
        }
    }
    y[ABSOLUTE_POS] = sum;
}

/// Σ_point dy(point) x(point + tap) over one chunk, for one tap and [`CHANNELS`] channels.
#[cube(launch_unchecked, address_type = "dynamic")]
fn taps_kernel(
    x: &[f32],
    dy: &[f32],
    lists: &[u32],
    partials: &mut [f32],
    counts: Counts,
    at: Geometry,
) {
    let all = counts.batch * counts.points;
    let groups = counts.channels.div_ceil(CHANNELS);
    let channel = CUBE_POS % groups * CHANNELS + UNIT_POS_X as usize;
    let tap = CUBE_POS / groups % counts.taps;
    let chunk = CUBE_POS / groups / counts.taps;
    if chunk * counts.chunk >= all {
        terminate!();
    }
    let tap0 = tap / at.taps2 / at.taps1;
    let tap1 = tap / at.taps2 % at.taps1;
    let tap2 = tap % at.taps2;
    let mut sum = 0.0f32;
    if channel < counts.channels {
        let end = min((chunk + 1) * counts.chunk, all);
        let mut flat = chunk * counts.chunk + UNIT_POS_Y as usize;
        while flat < end {
            let point = flat % counts.points;
            let sample = flat / counts.points;
            // forward, every place has one entry for each tap, in their order
            let e0 = lists[at.starts0 + point / at.n2 / at.n1] as usize + tap0;
            let e1 = lists[at.starts1 + point / at.n2 % at.n1] as usize + tap1;
            let e2 = lists[at.starts2 + point % at.n2] as usize + tap2;
            let place0 = lists[at.entries0 + 2 * e0 + 1] as usize;
            let place1 = place0 * at.n1 + lists[at.entries1 + 2 * e1 + 1] as usize;
            let place = place1 * at.n2 + lists[at.entries2 + 2 * e2 + 1] as usize;
            let from = (sample * counts.points + place) * counts.channels + channel;
            sum = fma(dy[flat * counts.channels + channel], x[from], sum);
            flat += POINTS;
        }
    }
    let mut held = Shared::<[f32]>::new_slice(UNITS);
    let unit = UNIT_POS as usize;
    held[unit] = sum;
    sync_cube();
    if UNIT_POS_Y == 0 && channel < counts.channels {
        let mut total = 0.0f32;
        for lane in 0..POINTS {
            total += held[unit + lane * CHANNELS];
        }
        partials[(chunk * counts.taps + tap) * counts.channels + channel] = total;
    }
}

/// The stencil on x. Transposed, the gradient of x from that of y.
pub(super) fn gather(
    x: &CubeTensor,
    taps: &CubeTensor,
    plan: &StencilPlan,
    transposed: bool,
) -> CubeTensor {
    let lists = plan.on_device(&x.device);
    let direction = if transposed { &lists.transposed } else { &lists.forward };
    let [batch, points, channels] = dims(x);
    let y = empty(x, &[batch, points, channels]);
    // SAFETY: a unit a point and channel, guarded; the lists hold places of the grid and taps of
    // the stencil
    unsafe {
        gather_kernel::launch_unchecked(
            &x.client,
            cubes((batch * points * channels).div_ceil(UNITS)),
            CubeDim::new_1d(UNITS as u32),
            widest([x, taps, &direction.numbers]),
            arg(x),
            arg(taps),
            arg(&direction.numbers),
            arg(&y),
            CountsLaunch::new(batch, points, channels, plan.taps(), 1),
            lists.geometry(direction),
        );
    }
    y
}

/// Gradient of the taps, `[tap, channel]`.
pub(super) fn taps_gradient(x: &CubeTensor, dy: &CubeTensor, plan: &StencilPlan) -> CubeTensor {
    let lists = plan.on_device(&x.device);
    let [batch, points, channels] = dims(x);
    let all = batch * points;
    let chunk = all.div_ceil(all.div_ceil(CHUNK));
    let (chunks, taps) = (all.div_ceil(chunk), plan.taps());
    let partials = empty(x, &[chunks, taps, channels]);
    // SAFETY: points and channels are guarded; places come from the lists of the grid
    unsafe {
        taps_kernel::launch_unchecked(
            &x.client,
            cubes(chunks * taps * channels.div_ceil(CHANNELS)),
            CubeDim::new_2d(CHANNELS as u32, POINTS as u32),
            widest([x, dy, &partials, &lists.forward.numbers]),
            arg(x),
            arg(dy),
            arg(&lists.forward.numbers),
            arg(&partials),
            CountsLaunch::new(batch, points, channels, taps, chunk),
            lists.geometry(&lists.forward),
        );
    }
    added(&partials, 1, chunks, taps * channels)
}
