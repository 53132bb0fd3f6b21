//! Transforms between the rows of a field and its spectrum `[re, im; mode, channel]`, axis by axis.

use crate::cpu::axes::{analyse_axis, synthesise_axis};
use crate::cpu::share::{Shared, for_each, with_scratch};
use crate::cpu::tiles::Tiles;
use crate::plan::spectral::SpectralPlan;
use crate::simd::Level;

/// Number of columns that one task of an axis transform processes.
const COLUMNS: usize = 128;

/// Lengths of the intermediate arrays between the axes of a field.
struct Lengths {
    /// `[row; re, im; last mode, channel]`.
    rows: usize,
    /// For three axes, the array after the middle one; otherwise 0.
    middle: usize,
}

fn lengths(plan: &SpectralPlan, channels: usize) -> Lengths {
    let rows = plan.rows() * 2 * plan.last.kept * channels;
    let middle = match &plan.axes[..] {
        [_, middle] => rows / middle.n * middle.kept(),
        _ => 0,
    };
    Lengths { rows, middle }
}

/// Number of columns of a row of axis `axis`: the modes of the axes behind it times the channels.
fn row_of(plan: &SpectralPlan, axis: usize, channels: usize) -> usize {
    plan.axes[axis + 1..].iter().map(|a| a.kept()).product::<usize>() * plan.last.kept * channels
}

/// Computes `to`, the spectrum of one field. `tile(i, out)` writes the rows of tile i to `[row,
/// part; re, im; mode, channel]`.
///
/// # Safety
/// `to` holds a spectrum, and nobody else uses it; `tile` writes all of its places and no others.
pub(crate) unsafe fn analyse(
    level: Level,
    plan: &SpectralPlan,
    channels: usize,
    shared: bool,
    to: Shared,
    tile: impl Fn(usize, Shared) + Sync + Send,
) {
    let tiles = Tiles::of(plan);
    let Lengths { rows, middle } = lengths(plan, channels);
    let all_tiles = |out: Shared| for_each(tiles.count, shared, |i| tile(i, out));
    if plan.axes.is_empty() && tiles.parts == 1 {
        return all_tiles(to);
    }
    with_scratch(rows * tiles.parts + rows + middle, |scratch| {
        let (parts, scratch) = scratch.split_at_mut(rows * tiles.parts);
        let (sums, middle) = scratch.split_at_mut(rows);
        let (parts, sums, middle) = (Shared::new(parts), Shared::new(sums), Shared::new(middle));
        all_tiles(parts);
        let mut from = parts;
        if tiles.parts > 1 {
            let row = 2 * plan.last.kept * channels;
            let to = if plan.axes.is_empty() { to } else { sums };
            for_each(plan.rows(), shared, |r| {
                // SAFETY: each row has its own sums, of parts that are written
                unsafe {
                    add_parts(
                        parts.at(r * tiles.parts * row, tiles.parts * row),
                        row,
                        tiles.parts,
                        to.at(r * row, row),
                    )
                }
            });
            from = sums;
        }
        for axis in (0..plan.axes.len()).rev() {
            let to = if axis == 0 { to } else { middle };
            // SAFETY: both hold what the axis has before and after it
            unsafe { one_axis(level, plan, axis, channels, shared, from, to, true) };
            from = to;
        }
    });
}

/// Calls `then` with the rows `[row; re, im; last mode, channel]` of a field with this spectrum.
pub(crate) fn synthesise(
    level: Level,
    plan: &SpectralPlan,
    channels: usize,
    shared: bool,
    spectrum: &[f32],
    then: impl FnOnce(&[f32]),
) {
    if plan.axes.is_empty() {
        return then(spectrum);
    }
    let Lengths { rows, middle } = lengths(plan, channels);
    with_scratch(rows + middle, |scratch| {
        let (rows, middle) = scratch.split_at_mut(rows);
        let (to_rows, middle) = (Shared::new(rows), Shared::new(middle));
        let mut from = Shared::reading(spectrum);
        let last = plan.axes.len() - 1;
        for axis in 0..=last {
            let to = if axis == last { to_rows } else { middle };
            // SAFETY: both hold what the axis has before and after it; a spectrum is only read
            unsafe { one_axis(level, plan, axis, channels, shared, from, to, false) };
            from = to;
        }
        then(rows);
    });
}

/// Transforms one axis of all fields in front of it, to its modes or back.
///
/// # Safety
/// `from` and `to` hold `[outer; n; re, im; row]` and `[outer; re, im; mode; row]`, or the reverse,
/// and do not overlap; all of `from` was written, and nobody else uses `to`.
#[allow(clippy::too_many_arguments)]
unsafe fn one_axis(
    level: Level,
    plan: &SpectralPlan,
    axis: usize,
    channels: usize,
    shared: bool,
    from: Shared,
    to: Shared,
    forward: bool,
) {
    let table = &plan.axes[axis];
    let outer: usize = plan.axes[..axis].iter().map(|a| a.n).product();
    let row = row_of(plan, axis, channels);
    let (points, modes) = (2 * table.n * row, 2 * table.kept() * row);
    let blocks = row.div_ceil(COLUMNS);
    for_each(outer * blocks, shared, |task| {
        let (o, block) = (task / blocks, task % blocks);
        let columns = block * COLUMNS..row.min((block + 1) * COLUMNS);
        let operands = table.operands(row, columns);
        // SAFETY: each task touches its own columns of its own field
        unsafe {
            if forward {
                let [cos, sin] = &table.analysis;
                let (from, to) = (from.at(o * points, points), to.at(o * modes, modes));
                analyse_axis(level, operands, cos.as_ptr(), sin.as_ptr(), from, to);
            } else {
                let [cos, sin] = &table.synthesis;
                let (from, to) = (from.at(o * modes, modes), to.at(o * points, points));
                synthesise_axis(level, operands, cos.as_ptr(), sin.as_ptr(), from, to);
            }
        }
    });
}

/// `to` = the sum of `parts` rows of `len`, in their order.
///
/// # Safety
/// The pointers cover these; `to` overlaps none.
unsafe fn add_parts(from: *const f32, len: usize, parts: usize, to: *mut f32) {
    for i in 0..len {
        // SAFETY: the caller's promise
        unsafe { to.add(i).write((0..parts).map(|p| *from.add(p * len + i)).sum()) };
    }
}
