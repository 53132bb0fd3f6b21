//! Exact Euclidean distances to a set of cells, in time linear in the number of cells.
//!
//! There is one pass for each axis. The first pass counts cells to the nearest marked cell of its
//! line. Every further pass takes the lower envelope of parabolas centred on the line's cells.
//! Source: P. Felzenszwalb and D. Huttenlocher, "Distance Transforms of Sampled Functions", Theory
//! of Computing 8 (2012); A. Meijster et al. (2000) for the first pass.

use crate::{Boundary, Grid};

/// Lines processed together, so that strided passes read whole cache lines.
const LINES: usize = 16;

/// Distance from the centre of every cell to the surface of the nearest marked cell. It is 0 in
/// marked cells and infinite where no cell is marked.
///
/// With D the distance of the two centres and ρ the same distance counted in cells,
///
/// > d = D (1 − 1 / (2ρ)).
///
/// This is half a cell less than D, in the direction of the nearest marked cell. A plane interface
/// across an axis lies exactly between the centres, whatever the spacing along that axis.
///
/// Periodic axes wrap. Beyond the ends of other axes nothing is marked: the box is a window. This
/// is also the distance in a box with reflecting walls, because a mirror image is never nearer than
/// its original.
///
/// **Shape** one number for each cell of `grid`; `marked` takes a flat index.
///
/// **Unit** that of the grid's lengths.
///
/// **Cost** linear in the number of cells; 4 bytes a cell, or 8 where the cells are not cubes.
///
/// # Example
/// ```
/// use karhunen_field::{Boundary, Grid, level_set::surface_distance};
/// let grid = Grid::unit(&[4], Boundary::Neumann)?; // cells of 1/4
/// let d = surface_distance(&grid, |cell| cell == 3);
/// assert_eq!(d, [0.625, 0.375, 0.125, 0.0]);
/// # Ok::<(), karhunen_field::FieldError>(())
/// ```
pub fn surface_distance(grid: &Grid, marked: impl Fn(usize) -> bool) -> Vec<f32> {
    let spacing: Vec<f64> = grid.axes().iter().map(|a| a.length / a.points as f64).collect();
    let cubes = spacing.iter().all(|h| (h / spacing[0] - 1.0).abs() < 1e-9);
    // in units of cells: squared distances are then whole numbers, exact in f32 up to 2^24
    let unit = spacing[grid.dim() - 1];
    let mut squared = first_pass(grid, marked);
    // squared distances counted in cells, where they differ from squared lengths
    let mut counted = if cubes { Vec::new() } else { squared.clone() };
    for axis in (0..grid.dim() - 1).rev() {
        further_pass(grid, axis, spacing[axis] / unit, &mut squared, &mut counted);
    }
    let half = |square: f32, count: f32| (square / count).sqrt() / 2.0;
    for (i, square) in squared.iter_mut().enumerate() {
        if *square > 0.0 && square.is_finite() {
            let less = if cubes { 0.5 } else { half(*square, counted[i]) };
            *square = ((square.sqrt() - less) as f64 * unit) as f32;
        }
    }
    squared
}

/// Squared distance in cells along the last axis.
fn first_pass(grid: &Grid, marked: impl Fn(usize) -> bool) -> Vec<f32> {
    let last = grid.axes()[grid.dim() - 1];
    let (n, around) = (last.points, last.boundary == Boundary::Periodic);
    let mut squared = vec![f32::INFINITY; grid.len()];
    for (line, out) in squared.chunks_exact_mut(n).enumerate() {
        out.iter_mut()
            .enumerate()
            .filter(|(i, _)| marked(line * n + i))
            .for_each(|(_, d)| *d = 0.0);
        let rounds = if around { 2 } else { 1 };
        for backwards in [false, true] {
            let mut count = f32::INFINITY;
            for _ in 0..rounds {
                for i in 0..n {
                    let i = if backwards { n - 1 - i } else { i };
                    count = if out[i] == 0.0 { 0.0 } else { count + 1.0 };
                    out[i] = out[i].min(count);
                }
            }
        }
        out.iter_mut().for_each(|d| *d *= *d);
    }
    squared
}

/// Adds the squared distance along `axis`, whose spacing is `step` of the last one's.
fn further_pass(grid: &Grid, axis: usize, step: f64, squared: &mut [f32], counted: &mut [f32]) {
    let this = grid.axes()[axis];
    let n = this.points;
    let stride: usize = grid.axes()[axis + 1..].iter().map(|a| a.points).product();
    // half a turn to either side contains the nearest cell on a periodic axis
    let beyond = if this.boundary == Boundary::Periodic { n.div_ceil(2) } else { 0 };
    let mut envelope = Envelope::new(n, beyond, step);
    let (mut lines, mut counts) = (vec![0.0; LINES * n], vec![0.0; LINES * n]);
    for plane in 0..squared.len() / (n * stride) {
        for first in (0..stride).step_by(LINES) {
            let width = LINES.min(stride - first);
            let base = plane * n * stride + first;
            let at = |i: usize, line: usize| (base + i * stride + line, line * n + i);
            for i in 0..n {
                for (from, to) in (0..width).map(|line| at(i, line)) {
                    lines[to] = squared[from];
                    if let Some(count) = counted.get(from) {
                        counts[to] = *count;
                    }
                }
            }
            for line in 0..width {
                let of = line * n..(line + 1) * n;
                let count = if counted.is_empty() { &mut [][..] } else { &mut counts[of.clone()] };
                envelope.take(&mut lines[of], count);
            }
            for i in 0..n {
                for (to, from) in (0..width).map(|line| at(i, line)) {
                    squared[to] = lines[from];
                    if let Some(count) = counted.get_mut(to) {
                        *count = counts[from];
                    }
                }
            }
        }
    }
}

/// The lower envelope of the parabolas (step (x − i))² + f(i) of one line, with x in cells.
struct Envelope {
    n: usize,
    /// Number of cells by which a periodic axis is continued to either side.
    beyond: usize,
    step: f64,
    /// Cells whose parabolas are on the envelope, counted from the first continued cell, and the
    /// start of each.
    seen: Vec<(usize, f64)>,
    values: Vec<f64>,
    counts: Vec<f32>,
}

impl Envelope {
    fn new(n: usize, beyond: usize, step: f64) -> Self {
        Self { n, beyond, step, seen: Vec::with_capacity(n), values: vec![0.0; n], counts: vec![] }
    }

    /// Replaces f by its envelope, and the cell counts by those of the parabola on the envelope.
    fn take(&mut self, f: &mut [f32], counts: &mut [f32]) {
        let (n, beyond) = (self.n, self.beyond);
        let square = self.step * self.step;
        self.values.iter_mut().zip(&*f).for_each(|(v, f)| *v = f64::from(*f));
        self.seen.clear();
        let cell = |i: usize| (i + n - beyond % n) % n;
        for i in 0..n + 2 * beyond {
            let value = self.values[cell(i)];
            if value == f64::INFINITY {
                continue;
            }
            let mut begin = f64::NEG_INFINITY;
            while let Some(&(before, at)) = self.seen.last() {
                let gap = (i - before) as f64;
                let middle = usize::midpoint(i, before) as f64 + ((i + before) % 2) as f64 / 2.0;
                begin = middle + (value - self.values[cell(before)]) / (2.0 * square * gap);
                if begin > at {
                    break;
                }
                self.seen.pop();
                begin = f64::NEG_INFINITY;
            }
            self.seen.push((i, begin));
        }
        if self.seen.is_empty() {
            return;
        }
        self.counts.clear();
        self.counts.extend_from_slice(counts);
        let mut k = 0;
        for (x, out) in f.iter_mut().enumerate() {
            let at = (x + beyond) as f64;
            while self.seen.get(k + 1).is_some_and(|(_, begin)| *begin <= at) {
                k += 1;
            }
            let seen = self.seen[k].0;
            let along = (at - seen as f64) * (at - seen as f64);
            *out = (self.values[cell(seen)] + square * along) as f32;
            if let Some(count) = counts.get_mut(x) {
                *count = self.counts[cell(seen)] + along as f32;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Axis;

    fn grid(points: &[usize], lengths: &[f64], periodic: &[bool]) -> Grid {
        let axes: Vec<Axis> = (0..points.len())
            .map(|a| Axis {
                points: points[a],
                length: lengths[a],
                boundary: if periodic[a] { Boundary::Periodic } else { Boundary::Neumann },
            })
            .collect();
        Grid::new(&axes).unwrap()
    }

    /// The definition: the nearest of all marked cells, checked one by one.
    fn by_looking(grid: &Grid, marked: &[bool]) -> Vec<f64> {
        let axes = grid.axes();
        let steps = |a: usize, i: usize, j: usize| {
            let apart = i.abs_diff(j);
            match axes[a].boundary {
                Boundary::Periodic => apart.min(axes[a].points - apart) as f64,
                _ => apart as f64,
            }
        };
        (0..grid.len())
            .map(|cell| {
                let here = grid.position(cell);
                let mut best = (f64::INFINITY, 0.0);
                for other in (0..grid.len()).filter(|o| marked[*o]) {
                    let there = grid.position(other);
                    let count: Vec<f64> =
                        (0..axes.len()).map(|a| steps(a, here[a], there[a])).collect();
                    let length = |a: usize| axes[a].length / axes[a].points as f64 * count[a];
                    let far: f64 = (0..axes.len()).map(|a| length(a).powi(2)).sum();
                    let rho: f64 = count.iter().map(|c| c * c).sum();
                    // of equally distant cells either may win, the nearer or the farther in cells
                    if far < best.0 {
                        best = (far, rho);
                    }
                }
                match best {
                    (0.0, _) => 0.0,
                    (far, _) if far.is_infinite() => far,
                    (far, rho) => far.sqrt() * (1.0 - 0.5 / rho.sqrt()),
                }
            })
            .collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(96))]
        #[test]
        fn the_nearest_cell_is_the_nearest_of_all(
            points in prop::collection::vec(1usize..8, 1..4),
            seed in any::<u64>(),
            share in 1u64..9,
            uneven in any::<bool>(),
            rings in prop::collection::vec(any::<bool>(), 3),
        ) {
            // spacings with incommensurable squares: no two cells are equally distant by chance
            let spacing = if uneven { [1.0, 1.618_033, 0.731_4] } else { [0.5; 3] };
            let lengths: Vec<f64> =
                points.iter().zip(spacing).map(|(n, h)| *n as f64 * h).collect();
            let grid = grid(&points, &lengths, &rings);
            let mut state = seed | 1;
            let marked: Vec<bool> = (0..grid.len()).map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695);
                (state >> 33) % 10 < share
            }).collect();
            let (fast, slow) = (surface_distance(&grid, |i| marked[i]), by_looking(&grid, &marked));
            for (f, s) in fast.iter().zip(&slow) {
                let same = f64::from(*f) == *s || (f64::from(*f) - s).abs() < 1e-5;
                prop_assert!(same, "{f} {s}");
            }
        }
    }

    #[test]
    fn planes_lie_between_centres_whatever_the_spacing() {
        for (axis, ring) in [(0, false), (1, false), (2, false), (0, true)] {
            let (points, lengths) = ([8, 12, 10], [2.0, 1.2, 4.0]);
            let grid = grid(&points, &lengths, &[ring && axis == 0, false, false]);
            let h = lengths[axis] / points[axis] as f64;
            let d = surface_distance(&grid, |cell| grid.position(cell)[axis] < 3);
            for (cell, d) in d.iter().enumerate() {
                let j = grid.position(cell)[axis] as f64;
                let there = (j - 2.5) * h;
                let back = (points[axis] as f64 - 0.5 - j) * h;
                let exact = if ring { there.min(back) } else { there };
                assert!((f64::from(*d) - exact.max(0.0)).abs() < 1e-6, "{j}: {d} {exact}");
            }
        }
    }

    #[test]
    fn where_nothing_is_marked_everything_is_infinitely_far() {
        let grid = grid(&[3, 4], &[1.0, 1.0], &[true, false]);
        assert!(surface_distance(&grid, |_| false).iter().all(|d| d.is_infinite()));
        assert!(surface_distance(&grid, |_| true).iter().all(|d| *d == 0.0));
    }
}
