//! Pairs of cells that differ by one lag vector, as runs of neighbouring pairs.
//!
//! Periodic axes wrap and hold all N pairs; other axes hold the N − |lag| pairs inside the window.
//! Pairs along the last axis are returned as whole segments, so that loops over pairs are loops
//! over slices.

use crate::{Boundary, Grid};

/// Visits all pairs (x, x + lag) as segments (first cell of x, first cell of x + lag, length).
///
/// Lags of periodic axes must be smaller than N in size. A lag that leaves a window visits nothing.
pub(super) fn for_each_segment(
    grid: &Grid,
    lag: &[isize],
    mut visit: impl FnMut(usize, usize, usize),
) {
    let last = grid.dim() - 1;
    let along: Vec<Vec<(usize, usize, usize)>> =
        grid.axes().iter().zip(lag).map(|(a, &l)| segments(a.points, l, a.boundary)).collect();
    let lines: usize = grid.points()[..last].iter().product();
    for line in 0..lines {
        let (mut rest, mut from, mut to, mut stride) = (line, 0, 0, grid.axes()[last].points);
        let mut inside = true;
        for axis in (0..last).rev() {
            let points = grid.axes()[axis].points;
            let at = rest % points;
            rest /= points;
            match along[axis].iter().find(|(x, _, len)| (*x..x + len).contains(&at)) {
                Some((x, y, _)) => to += (at - x + y) * stride,
                None => inside = false,
            }
            from += at * stride;
            stride *= points;
        }
        if inside {
            along[last].iter().for_each(|(x, y, len)| visit(from + x, to + y, *len));
        }
    }
}

/// Number of pairs that [`for_each_segment`] visits.
pub(super) fn pair_count(grid: &Grid, lag: &[isize]) -> usize {
    let pairs = |(a, &l): (&crate::Axis, &isize)| {
        segments(a.points, l, a.boundary).iter().map(|s| s.2).sum::<usize>()
    };
    grid.axes().iter().zip(lag).map(pairs).product()
}

/// |lag| in units of the box.
pub(super) fn length(grid: &Grid, lag: &[isize]) -> f64 {
    let square = |(a, &l): (&crate::Axis, &isize)| (l as f64 * a.length / a.points as f64).powi(2);
    grid.axes().iter().zip(lag).map(square).sum::<f64>().sqrt()
}

/// Segments of one axis.
fn segments(points: usize, lag: isize, boundary: Boundary) -> Vec<(usize, usize, usize)> {
    let size = lag.unsigned_abs();
    let (from, to) = if lag < 0 { (size, 0) } else { (0, size) };
    let inside = points.saturating_sub(size);
    let mut all = vec![(from, to, inside)];
    if boundary == Boundary::Periodic && size > 0 {
        // pairs that leave at one end return at the other
        all.push(if lag < 0 { (0, points - size, size) } else { (points - size, 0, size) });
    }
    all.retain(|s| s.2 > 0);
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grid::Axis;

    #[test]
    fn every_pair_is_visited_once() {
        let axis = |points, boundary| Axis { points, length: 1.5, boundary };
        use Boundary::{Dirichlet, Neumann, Periodic};
        for (axes, lag) in [
            (vec![axis(5, Neumann)], vec![2]),
            (vec![axis(5, Periodic)], vec![-3]),
            (vec![axis(1, Neumann), axis(4, Periodic)], vec![0, 1]),
            (vec![axis(3, Neumann), axis(4, Neumann)], vec![-2, 3]),
            (vec![axis(3, Periodic), axis(4, Neumann)], vec![2, -1]),
            (vec![axis(2, Periodic), axis(3, Neumann), axis(5, Periodic)], vec![1, 1, -2]),
            (vec![axis(3, Neumann), axis(4, Neumann)], vec![0, 4]),
        ] {
            let grid = Grid::new(&axes).unwrap();
            let mut found = Vec::new();
            for_each_segment(&grid, &lag, |x, y, len| {
                found.extend((0..len).map(|i| (x + i, y + i)))
            });
            let mut expected = Vec::new();
            for x in 0..grid.len() {
                let at = grid.position(x);
                let mut target = Some(0);
                for (axis, a) in axes.iter().enumerate() {
                    let moved = at[axis] as isize + lag[axis];
                    let moved = match a.boundary {
                        Periodic => Some(moved.rem_euclid(a.points as isize) as usize),
                        Neumann | Dirichlet => {
                            usize::try_from(moved).ok().filter(|m| *m < a.points)
                        }
                    };
                    target = target.zip(moved).map(|(t, m)| t * a.points + m);
                }
                expected.extend(target.map(|y| (x, y)));
            }
            found.sort_unstable();
            assert_eq!(found, expected, "{axes:?} {lag:?}");
            assert_eq!(pair_count(&grid, &lag), found.len());
        }
    }
}
