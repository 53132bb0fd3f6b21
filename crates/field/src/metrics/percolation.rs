//! Percolation: whether a phase connects one face of the box with the opposite one.

use super::mask::Mask;
use crate::{Boundary, Ensemble, FieldError, Grid};

/// Percolation of one field's phase along one axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Percolation {
    /// Whether some cluster touches both faces.
    pub percolates: bool,
    /// Fraction of the phase's cells in such clusters; 0 for an absent phase.
    pub connected: f64,
}

/// Percolation of every field and channel along every axis. Clusters are connected by faces (4 or 6
/// neighbours).
///
/// **Shape** `[field · channel][axis]`. Other axes are closed where they are periodic. The axis in
/// question is treated as a window, whatever its boundary.
///
/// **Cost** linear in the cells, once an axis.
///
/// # Errors
/// [`FieldError::TooFew`] without fields; [`FieldError::Parameter`] for values other than 0 and 1.
///
/// # Example
/// ```
/// use karhunen_field::{Boundary, Ensemble, Grid, metrics::percolation};
/// let grid = Grid::unit(&[2, 3], Boundary::Neumann)?;
/// let phase = Ensemble::new(grid, 1, vec![1.0, 1.0, 1.0, 0.0, 0.0, 1.0])?;
/// let [down, across] = percolation(&phase)?[0][..] else { panic!() };
/// assert!(down.percolates && across.percolates && across.connected == 1.0);
/// # Ok::<(), karhunen_field::FieldError>(())
/// ```
pub fn percolation(phase: &Ensemble) -> Result<Vec<Vec<Percolation>>, FieldError> {
    let mask = Mask::new(phase, "percolation")?;
    let grid = mask.grid;
    let of = |cells: &[u8], axis: usize| {
        let held = cells.iter().filter(|c| **c == 1).count();
        let through = spanning(cells, &grid, axis).iter().filter(|s| **s).count();
        Percolation { percolates: through > 0, connected: through as f64 / held.max(1) as f64 }
    };
    Ok(mask.blocks().map(|cells| (0..grid.dim()).map(|axis| of(cells, axis)).collect()).collect())
}

/// Which cells lie in a cluster that touches both faces of an axis.
pub(super) fn spanning(cells: &[u8], grid: &Grid, axis: usize) -> Vec<bool> {
    let strides: Vec<usize> =
        (0..grid.dim()).map(|a| grid.axes()[a + 1..].iter().map(|a| a.points).product()).collect();
    let n = grid.axes()[axis].points;
    let place = |cell: usize| cell / strides[axis] % n;
    let mut seen = vec![false; cells.len()];
    let mut through = vec![false; cells.len()];
    let mut cluster = Vec::new();
    for first in 0..cells.len() {
        if cells[first] == 0 || seen[first] || place(first) != 0 {
            continue;
        }
        cluster.clear();
        cluster.push(first);
        seen[first] = true;
        let (mut next, mut reaches) = (0, false);
        while let Some(&cell) = cluster.get(next) {
            next += 1;
            reaches |= place(cell) == n - 1;
            for (a, stride) in strides.iter().enumerate() {
                let (points, around) = (
                    grid.axes()[a].points,
                    a != axis && grid.axes()[a].boundary == Boundary::Periodic,
                );
                let at = cell / stride % points;
                let up = match at + 1 < points {
                    true => Some(cell + stride),
                    false => around.then(|| cell - at * stride),
                };
                let down = match at > 0 {
                    true => Some(cell - stride),
                    false => around.then(|| cell + (points - 1) * stride),
                };
                for other in [up, down].into_iter().flatten() {
                    if cells[other] == 1 && !seen[other] {
                        seen[other] = true;
                        cluster.push(other);
                    }
                }
            }
        }
        if reaches {
            cluster.iter().for_each(|cell| through[*cell] = true);
        }
    }
    through
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tunnels_dead_ends_and_rings() {
        // a tunnel along axis 1, a dead end beside it, and a lone cell
        let cells = [1, 1, 1, 1, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 1];
        let grid = Grid::unit(&[4, 4], Boundary::Neumann).unwrap();
        let field = Ensemble::new(grid, 1, cells.map(f64::from).to_vec()).unwrap();
        let found = percolation(&field).unwrap();
        assert_eq!(found[0][0], Percolation { percolates: false, connected: 0.0 });
        assert_eq!(found[0][1], Percolation { percolates: true, connected: 5.0 / 7.0 });
        // around axis 1 the cells 8 … 11 and 12 … 15 are connected through their ends
        let ring = Grid::unit(&[2, 4], Boundary::Periodic).unwrap();
        let across = [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0];
        let down = [1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0];
        let both = Ensemble::new(ring, 1, [across, down].concat()).unwrap();
        let found: Vec<bool> =
            percolation(&both).unwrap().iter().map(|f| f[0].percolates).collect();
        assert_eq!(found, [false, true]);
        let empty = Ensemble::zeros(grid, 1, 1);
        assert_eq!(percolation(&empty).unwrap()[0][0].connected, 0.0);
    }
}
