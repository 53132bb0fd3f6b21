//! Euler number χ of a phase: in 2-D objects minus holes, in 3-D objects minus tunnels plus voids.
//!
//! χ is a sum over local configurations, χ = Σ_S (−1)^{|S|} n(S). Here S is a set of axes, and n(S)
//! is the number of blocks entirely in the phase that are two cells long along the axes of S and
//! one cell along the others. This sum joins cells by their faces. To join them by edges and
//! corners too, the same sum is taken over the other phase with the sign (−1)^{d+1}: cells that
//! touch in one phase separate the other.

use super::mask::Mask;
use crate::grid::Axis;
use crate::{Boundary, Ensemble, FieldError, Grid};

/// Which neighbouring cells of a phase are connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connectivity {
    /// Cells that share a face: 4 neighbours in 2-D, 6 in 3-D. The other phase is then connected
    /// fully.
    Faces,
    /// Cells that touch at all: 8 neighbours in 2-D, 26 in 3-D. The other phase is then connected
    /// by faces.
    Full,
}

/// χ of every field, `[field][channel]`, for the phase as it lies in the box.
///
/// Outside a window there is no phase. Periodic axes are closed: a ring around one has χ = 0.
///
/// **Cost** 2^d passes a field.
///
/// # Errors
/// [`FieldError::TooFew`] without fields; [`FieldError::Parameter`] for values other than 0 and 1.
///
/// **Source** Serra, "Image Analysis and Mathematical Morphology" (1982), chapter VI; Ohser, Nagel &
/// Schladitz, "The Euler number of discretised sets", in Morphology of Condensed Matter (2002).
///
/// # Example
/// ```
/// use karhunen_field::{Boundary, Ensemble, Grid, metrics::{Connectivity, euler_number}};
/// let grid = Grid::unit(&[2, 2], Boundary::Neumann)?;
/// let diagonal = Ensemble::new(grid, 1, vec![1.0, 0.0, 0.0, 1.0])?;
/// assert_eq!(euler_number(&diagonal, Connectivity::Faces)?, [[2]]);
/// assert_eq!(euler_number(&diagonal, Connectivity::Full)?, [[1]]);
/// # Ok::<(), karhunen_field::FieldError>(())
/// ```
pub fn euler_number(
    phase: &Ensemble,
    connectivity: Connectivity,
) -> Result<Vec<Vec<i64>>, FieldError> {
    let mask = Mask::new(phase, "Euler number")?;
    let axes = mask.grid.axes();
    let padded: Vec<Axis> = axes.iter().map(padded_axis).collect();
    let numbers: Vec<i64> = mask
        .blocks()
        .map(|cells| match connectivity {
            Connectivity::Faces => alternating(&blocks(cells, axes), |b| b.inside as i64),
            Connectivity::Full => {
                // blocks that meet the phase, with one layer of empty cells around every window
                let empty = outside(cells, &mask.grid, &padded);
                let met = |b: &Blocks| (b.places - b.inside) as i64;
                let sign = if axes.len().is_multiple_of(2) { 1 } else { -1 };
                sign * alternating(&blocks(&empty, &padded), met)
            }
        })
        .collect();
    Ok(numbers.chunks_exact(mask.channels).map(<[i64]>::to_vec).collect())
}

/// χ per volume of each channel, without the bias of the window's edge.
///
/// Every n(S) is divided by the number of places of its block inside the box. For stationary
/// structures this gives the mean χ per volume of the whole space. χ / |Ω| would miss the objects
/// that the edge cuts. Axes of one cell are left out: the structure is taken as constant along
/// them.
///
/// **Unit** 1/volume of the box. **Cost** 2^d passes a field.
///
/// # Errors
/// As [`euler_number`].
pub fn euler_density(phase: &Ensemble, connectivity: Connectivity) -> Result<Vec<f64>, FieldError> {
    let mask = Mask::new(phase, "Euler number")?;
    let other = (connectivity == Connectivity::Full).then(|| mask.complement());
    let mut density = vec![0.0; mask.channels];
    for (block, cells) in other.as_ref().unwrap_or(&mask).blocks().enumerate() {
        density[block % mask.channels] +=
            local_density(cells, &mask.grid, connectivity) / mask.count() as f64;
    }
    Ok(density)
}

/// χ per volume of one field, from the cells of the phase ([`Connectivity::Faces`]) or from those
/// of the other phase ([`Connectivity::Full`]).
pub(super) fn local_density(cells: &[u8], grid: &Grid, connectivity: Connectivity) -> f64 {
    let axes: Vec<Axis> = grid.axes().iter().filter(|a| a.points > 1).copied().collect();
    let sum = alternating(&blocks(cells, &axes), |b| b.inside as f64 / b.places as f64);
    let per_cell = match connectivity {
        Connectivity::Full if axes.is_empty() => 1.0 - sum, // one cell: the remainder of the other phase
        Connectivity::Full if axes.len().is_multiple_of(2) => -sum,
        _ => sum,
    };
    per_cell * grid.len() as f64 / grid.volume()
}

/// Blocks of one shape: how many lie in the phase, and how many places there are.
#[derive(Debug, Clone, Copy)]
struct Blocks {
    inside: usize,
    places: usize,
}

/// Σ_S (−1)^{|S|} of a number for each shape, where S is a set of bits.
fn alternating<T: std::ops::Neg<Output = T> + std::iter::Sum>(
    shapes: &[Blocks],
    number: impl Fn(&Blocks) -> T,
) -> T {
    let signed = |(set, b): (usize, &Blocks)| {
        if set.count_ones() % 2 == 0 { number(b) } else { -number(b) }
    };
    shapes.iter().enumerate().map(signed).sum()
}

/// Blocks of all 2^d shapes. Bit `axis` of the index tells whether they are two cells long there.
fn blocks(cells: &[u8], axes: &[Axis]) -> Vec<Blocks> {
    let mut shapes = vec![Blocks { inside: 0, places: 0 }; 1 << axes.len()];
    let points: Vec<usize> = axes.iter().map(|a| a.points).collect();
    count(cells, &points, axes, 0, 0, &mut shapes);
    shapes
}

fn count(
    cells: &[u8],
    points: &[usize],
    axes: &[Axis],
    axis: usize,
    set: usize,
    out: &mut [Blocks],
) {
    if axis == axes.len() {
        let inside = cells.iter().map(|&c| usize::from(c)).sum();
        out[set] = Blocks { inside, places: cells.len() };
        return;
    }
    count(cells, points, axes, axis + 1, set, out);
    let (joined, fewer) = join(cells, points, axis, axes[axis].boundary);
    count(&joined, &fewer, axes, axis + 1, set | 1 << axis, out);
}

/// Products of neighbours along one axis: N of them on a ring, N − 1 in a window.
fn join(cells: &[u8], points: &[usize], axis: usize, boundary: Boundary) -> (Vec<u8>, Vec<usize>) {
    let n = points[axis];
    let stride: usize = points[axis + 1..].iter().product();
    let mut fewer = points.to_vec();
    fewer[axis] = if boundary == Boundary::Periodic { n } else { n - 1 };
    let mut joined = Vec::with_capacity(fewer.iter().product());
    for line in cells.chunks_exact((n * stride).max(1)) {
        joined.extend(line.iter().zip(&line[stride..]).map(|(a, b)| a & b));
        if boundary == Boundary::Periodic {
            let (first, last) = (&line[..stride], &line[(n - 1) * stride..]);
            joined.extend(last.iter().zip(first).map(|(a, b)| a & b));
        }
    }
    (joined, fewer)
}

/// An axis, extended by one cell at each end if it is a window.
fn padded_axis(axis: &Axis) -> Axis {
    match axis.boundary {
        Boundary::Periodic => *axis,
        Boundary::Neumann | Boundary::Dirichlet => Axis { points: axis.points + 2, ..*axis },
    }
}

/// Indicator of the other phase, on the padded axes.
fn outside(cells: &[u8], grid: &Grid, padded: &[Axis]) -> Vec<u8> {
    let mut empty = vec![1; padded.iter().map(|a| a.points).product()];
    for (flat, &cell) in cells.iter().enumerate() {
        let at = grid.position(flat);
        let target =
            padded.iter().zip(grid.axes()).enumerate().fold(0, |sum, (axis, (p, a))| {
                sum * p.points + at[axis] + (p.points - a.points) / 2
            });
        empty[target] = 1 - cell;
    }
    empty
}

#[cfg(test)]
mod tests {
    use super::super::oracle;
    use super::Connectivity::{Faces, Full};
    use super::*;

    fn window(points: &[usize]) -> Grid {
        Grid::unit(points, Boundary::Neumann).unwrap()
    }

    fn ring(points: &[usize]) -> Grid {
        Grid::unit(points, Boundary::Periodic).unwrap()
    }

    fn both(phase: &Ensemble) -> [i64; 2] {
        [Faces, Full].map(|c| euler_number(phase, c).unwrap()[0][0])
    }

    #[test]
    fn known_bodies() {
        let frame = |at: [usize; 3]| {
            (1..4).contains(&at[0]) && (1..4).contains(&at[1]) && at[..2] != [2, 2]
        };
        assert_eq!(both(&oracle::pattern(window(&[5, 5]), frame)), [0, 0]);
        // the ring around it has a hole, the cell in its middle has none
        assert_eq!(both(&oracle::pattern(window(&[5, 5]), |at| !frame(at))), [1, 1]);
        let shell = |at: [usize; 3]| at.iter().all(|i| (1..4).contains(i)) && at != [2, 2, 2];
        assert_eq!(both(&oracle::pattern(window(&[5, 5, 5]), shell)), [2, 2]);
        let torus = |at: [usize; 3]| at[2] == 1 && frame(at);
        assert_eq!(both(&oracle::pattern(window(&[5, 5, 3]), torus)), [0, 0]);
        let board = |at: [usize; 3]| at.iter().sum::<usize>() % 2 == 0;
        assert_eq!(both(&oracle::pattern(window(&[7]), |at| at[0] % 2 == 0)), [4, 4]);
        // 13 squares that touch at 16 inner corners, no two in a row
        assert_eq!(both(&oracle::pattern(window(&[5, 5]), board)), [13, 13 - 16]);
    }

    #[test]
    fn whole_boxes_are_points_circles_and_tori() {
        for dim in 1..=3 {
            let all = |grid| both(&oracle::pattern(grid, |_| true));
            assert_eq!(all(window(&vec![4; dim])), [1, 1]);
            assert_eq!(all(window(&vec![1; dim])), [1, 1]);
            assert_eq!(all(ring(&vec![3; dim])), [0, 0]);
            assert_eq!(all(ring(&vec![1; dim])), [0, 0]);
            let none = oracle::pattern(window(&vec![3; dim]), |_| false);
            assert_eq!(both(&none), [0, 0]);
        }
        // one cell of a ring of one cell and a window is a closed strip
        let strip = Grid::new(&[
            Axis { points: 1, length: 1.0, boundary: Boundary::Periodic },
            Axis { points: 4, length: 1.0, boundary: Boundary::Neumann },
        ]);
        assert_eq!(both(&oracle::pattern(strip.unwrap(), |_| true)), [0, 0]);
    }

    /// Clusters minus holes, by flood fill, in a 2-D window.
    fn by_flooding(cells: &[u8], rows: usize, columns: usize, connectivity: Connectivity) -> i64 {
        let (r, c) = (rows + 2, columns + 2);
        let mut padded = vec![0u8; r * c];
        for i in 0..rows {
            for j in 0..columns {
                padded[(i + 1) * c + j + 1] = cells[i * columns + j];
            }
        }
        let mut components = [0i64; 2];
        let mut seen = vec![false; r * c];
        for start in 0..r * c {
            if seen[start] {
                continue;
            }
            let phase = padded[start];
            components[usize::from(phase)] += 1;
            // the two phases have opposite connectivities
            let diagonal = (connectivity == Full) == (phase == 1);
            let mut stack = vec![start];
            seen[start] = true;
            while let Some(at) = stack.pop() {
                let (i, j) = ((at / c) as isize, (at % c) as isize);
                for (di, dj) in (-1..=1).flat_map(|a: isize| (-1..=1).map(move |b: isize| (a, b))) {
                    if !diagonal && di != 0 && dj != 0 {
                        continue;
                    }
                    let (y, x) = (i + di, j + dj);
                    if y < 0 || x < 0 || y >= r as isize || x >= c as isize {
                        continue;
                    }
                    let next = y as usize * c + x as usize;
                    if padded[next] == phase && !seen[next] {
                        seen[next] = true;
                        stack.push(next);
                    }
                }
            }
        }
        components[1] - (components[0] - 1)
    }

    #[test]
    fn clusters_less_holes_in_the_plane() {
        for points in [[1, 1], [1, 9], [6, 7], [11, 13]] {
            let phase = oracle::bernoulli(window(&points), 0.55, 20);
            let mask = Mask::new(&phase, "test").unwrap();
            for connectivity in [Faces, Full] {
                let found = euler_number(&phase, connectivity).unwrap();
                for (cells, found) in mask.blocks().zip(found) {
                    assert_eq!(found, [by_flooding(cells, points[0], points[1], connectivity)]);
                }
            }
        }
    }

    #[test]
    fn density_of_independent_cells_is_the_closed_form() {
        let p: f64 = 0.35;
        let faces = |p: f64, d: i32| match d {
            1 => p - p.powi(2),
            2 => p - 2.0 * p.powi(2) + p.powi(4),
            _ => p - 3.0 * p.powi(2) + 3.0 * p.powi(4) - p.powi(8),
        };
        for boundary in [Boundary::Neumann, Boundary::Periodic] {
            for points in [vec![2000], vec![30, 29], vec![9, 8, 11]] {
                let d = points.len() as i32;
                let grid = Grid::unit(&points, boundary).unwrap();
                let fields = 200;
                let phase = oracle::bernoulli(grid, p, fields);
                let cell = grid.volume() / grid.len() as f64;
                // χ sums blocks that reach to neighbours, so its error is estimated from the spread
                // of fields
                let each: Vec<f64> = (0..fields)
                    .map(|i| euler_density(&phase.slice(i..i + 1), Full).unwrap()[0] * cell)
                    .collect();
                let mean = each.iter().sum::<f64>() / fields as f64;
                let spread = each.iter().map(|e| (e - mean).powi(2)).sum::<f64>();
                let error = spread.sqrt() / fields as f64;
                let sign = if d == 2 { -1.0 } else { 1.0 };
                let full = sign * faces(1.0 - p, d);
                // 12 comparisons at 4.5 standard errors: false alarm below 1e-4
                assert!((mean - full).abs() < 4.5 * error, "{points:?}: {mean} {full} {error}");
                let found = euler_density(&phase, Faces).unwrap()[0] * cell;
                assert!((found - faces(p, d)).abs() < 4.5 * error.max(1e-4), "{found}");
            }
        }
    }

    #[test]
    fn on_rings_the_density_is_the_number_over_the_volume() {
        for points in [vec![7], vec![6, 5], vec![4, 3, 5], vec![2, 2]] {
            let phase = oracle::bernoulli(ring(&points), 0.4, 3);
            for connectivity in [Faces, Full] {
                let number: i64 =
                    euler_number(&phase, connectivity).unwrap().iter().map(|c| c[0]).sum();
                let density = euler_density(&phase, connectivity).unwrap()[0];
                assert!((number as f64 / 3.0 / phase.grid.volume() - density).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn single_cells_are_left_out_of_densities() {
        for boundary in [Boundary::Neumann, Boundary::Periodic] {
            let flat = oracle::bernoulli(Grid::unit(&[8, 1, 9], boundary).unwrap(), 0.5, 2);
            let plane = Grid::unit(&[8, 9], boundary).unwrap();
            let two = Ensemble::new(plane, 1, flat.values.clone()).unwrap();
            for connectivity in [Faces, Full] {
                let (a, b) =
                    (euler_density(&flat, connectivity), euler_density(&two, connectivity));
                // the same cells in a box whose third side is 1/8
                assert!((a.unwrap()[0] / 8.0 - b.unwrap()[0]).abs() < 1e-12);
            }
            let point = Grid::unit(&[1], boundary).unwrap();
            for inside in [0.0, 1.0] {
                let phase = Ensemble::new(point, 1, vec![inside]).unwrap();
                for connectivity in [Faces, Full] {
                    assert_eq!(euler_density(&phase, connectivity).unwrap(), [inside]);
                }
            }
        }
    }
}
