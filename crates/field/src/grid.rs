//! Boxes and their discretisations.
//!
//! A [`Grid`] is a box Ω = ∏ⱼ [0, Lⱼ] of dimension 1, 2 or 3, with a boundary condition for each
//! axis (which selects the basis) and Nⱼ cells along each axis. Points are cell centres xⱼ = (j +
//! ½) L / N. Numbers of cells may be odd or prime, and may differ between axes.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::FieldError;
use crate::boundaries::Boundaries;

/// Largest dimension of a box.
pub const MAX_DIM: usize = 3;

/// Boundary condition of one axis. It selects the eigenfunctions of the Laplacian along the axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Boundary {
    /// The end meets the beginning: exp(2πikx/L). For data that are periodic by simulation or
    /// declaration.
    Periodic,
    /// Zero slope at the ends: cos(πkx/L). For images, CT slices, and any window of something
    /// larger.
    Neumann,
    /// Zero at the ends: sin(πkx/L). For fields that vanish at walls: displacements of a clamped
    /// plate, deviations from a prescribed temperature. Not for data that merely end there.
    Dirichlet,
}

impl fmt::Display for Boundary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Boundary::Periodic => "periodic",
            Boundary::Neumann => "neumann",
            Boundary::Dirichlet => "dirichlet",
        })
    }
}

impl FromStr for Boundary {
    type Err = FieldError;

    fn from_str(name: &str) -> Result<Self, FieldError> {
        let all = [Boundary::Periodic, Boundary::Neumann, Boundary::Dirichlet];
        all.into_iter().find(|b| b.to_string() == name).ok_or_else(|| FieldError::UnknownName {
            what: "boundary condition",
            name: name.to_owned(),
            known: all.map(|b| b.to_string()).join(", "),
        })
    }
}

/// One axis of a grid: N cells over a physical length L, with its boundary condition.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Axis {
    /// Cells, N ≥ 1. A Dirichlet axis needs N ≥ 2, because one cell holds no mode.
    pub points: usize,
    /// Physical length, L > 0.
    pub length: f64,
    /// Condition at both ends.
    pub boundary: Boundary,
}

impl Axis {
    /// Cell centre (j + ½) L / N.
    pub fn centre(&self, j: usize) -> f64 {
        (j as f64 + 0.5) * self.length / self.points as f64
    }
}

/// A box with its cells: one discretisation of the functions on the box.
///
/// # Example
/// ```
/// use karhunen_field::{Boundary, Grid};
/// let grid = Grid::unit(&[4, 3], Boundary::Neumann)?;
/// assert_eq!(grid.len(), 12);
/// assert_eq!(grid.axes()[0].centre(1), 0.375);
/// # Ok::<(), karhunen_field::FieldError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Axis>", into = "Vec<Axis>")]
pub struct Grid {
    axes: [Axis; MAX_DIM],
    dim: usize,
}

// lengths are positive and finite
impl Eq for Grid {}

impl Hash for Grid {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for axis in self.axes() {
            (axis.points, axis.length.to_bits(), axis.boundary).hash(state);
        }
    }
}

const UNUSED: Axis = Axis { points: 1, length: 1.0, boundary: Boundary::Neumann };

impl Grid {
    /// A grid from its axes, slowest first.
    ///
    /// # Errors
    /// [`FieldError::Dimension`] unless there are 1 to 3 axes; [`FieldError::Axis`] where an axis
    /// has no cell or its length is not positive and finite; [`FieldError::NoModes`] for a
    /// Dirichlet axis of one cell.
    pub fn new(axes: &[Axis]) -> Result<Self, FieldError> {
        let dim = axes.len();
        if !(1..=MAX_DIM).contains(&dim) {
            return Err(FieldError::Dimension(dim));
        }
        let mut all = [UNUSED; MAX_DIM];
        for (axis, a) in axes.iter().enumerate() {
            if a.points == 0 || !(a.length.is_finite() && a.length > 0.0) {
                return Err(FieldError::Axis { axis, points: a.points, length: a.length });
            }
            if a.modes() == 0 {
                return Err(FieldError::NoModes { axis });
            }
            all[axis] = *a;
        }
        Ok(Self { axes: all, dim })
    }

    /// A grid whose first axis has length 1 and whose cells are cubes: the usual box for pixels.
    ///
    /// # Errors
    /// As [`Grid::new`]; [`FieldError::Boundaries`] for a list without exactly one condition an
    /// axis.
    pub fn unit(points: &[usize], boundary: impl Into<Boundaries>) -> Result<Self, FieldError> {
        let first = points.first().copied().unwrap_or(1).max(1) as f64;
        let boundaries = boundary.into().for_axes(points.len())?;
        let axes: Vec<Axis> = points
            .iter()
            .zip(boundaries)
            .map(|(&n, boundary)| Axis { points: n, length: n as f64 / first, boundary })
            .collect();
        Self::new(&axes)
    }

    /// The same box with different cell counts.
    ///
    /// # Errors
    /// [`FieldError::CellCounts`] if `points` has a different number of axes; [`FieldError::Axis`]
    /// for an axis without cells.
    pub fn with_points(&self, points: &[usize]) -> Result<Self, FieldError> {
        if points.len() != self.dim {
            return Err(FieldError::CellCounts { given: points.len(), axes: self.dim });
        }
        let axes: Vec<Axis> =
            self.axes().iter().zip(points).map(|(a, &n)| Axis { points: n, ..*a }).collect();
        Self::new(&axes)
    }

    /// Number of axes, 1 to 3.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// The axes, slowest first.
    pub fn axes(&self) -> &[Axis] {
        &self.axes[..self.dim]
    }

    /// Cells per axis, slowest first.
    pub fn points(&self) -> Vec<usize> {
        self.axes().iter().map(|a| a.points).collect()
    }

    /// Number of cells ∏ Nⱼ. Never zero.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.axes().iter().map(|a| a.points).product()
    }

    /// Volume |Ω| = ∏ Lⱼ of the box.
    pub fn volume(&self) -> f64 {
        self.axes().iter().map(|a| a.length).product()
    }

    /// Whether the box has constant functions, which requires that no axis is Dirichlet.
    pub fn holds_constants(&self) -> bool {
        self.axes().iter().all(|a| a.boundary != Boundary::Dirichlet)
    }

    /// The boundary conditions; a single name if all axes share it.
    pub fn boundaries(&self) -> Boundaries {
        let list: Vec<Boundary> = self.axes().iter().map(|a| a.boundary).collect();
        let all = list.iter().all(|b| *b == list[0]);
        if all { Boundaries::All(list[0]) } else { Boundaries::PerAxis(list) }
    }

    /// Whether two grids discretise the same box (lengths and boundaries; cells may differ).
    pub fn same_box(&self, other: &Grid) -> bool {
        self.dim == other.dim
            && self.axes().iter().zip(other.axes()).all(|(a, b)| {
                a.boundary == b.boundary && (a.length - b.length).abs() <= 1e-9 * a.length
            })
    }

    /// The multi-index of a flat position, last axis fastest. Unused axes are 0.
    pub fn position(&self, mut flat: usize) -> [usize; MAX_DIM] {
        let mut index = [0; MAX_DIM];
        for axis in (0..self.dim).rev() {
            index[axis] = flat % self.axes[axis].points;
            flat /= self.axes[axis].points;
        }
        index
    }
}

impl TryFrom<Vec<Axis>> for Grid {
    type Error = FieldError;
    fn try_from(axes: Vec<Axis>) -> Result<Self, FieldError> {
        Grid::new(&axes)
    }
}

impl From<Grid> for Vec<Axis> {
    fn from(grid: Grid) -> Self {
        grid.axes().to_vec()
    }
}

/// `64x64` for cubic cells on a unit box. Otherwise lengths are added: `64x32 over 1x2`.
impl fmt::Display for Grid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let join = |parts: Vec<String>| parts.join("x");
        f.write_str(&join(self.axes().iter().map(|a| a.points.to_string()).collect()))?;
        let cell = self.axes[0].length / self.axes[0].points as f64;
        let cubic =
            self.axes().iter().all(|a| (a.length / a.points as f64 - cell).abs() <= 1e-9 * cell);
        if !cubic {
            write!(
                f,
                " over {}",
                join(self.axes().iter().map(|a| a.length.to_string()).collect())
            )?;
        }
        Ok(())
    }
}

impl fmt::Debug for Grid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Grid({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_boxes_that_are_none() {
        assert_eq!(Grid::unit(&[], Boundary::Neumann), Err(FieldError::Dimension(0)));
        assert_eq!(Grid::unit(&[2; 4], Boundary::Neumann), Err(FieldError::Dimension(4)));
        assert!(matches!(
            Grid::unit(&[4, 0], Boundary::Periodic),
            Err(FieldError::Axis { axis: 1, .. })
        ));
        let endless = Axis { points: 4, length: f64::INFINITY, boundary: Boundary::Periodic };
        assert!(matches!(Grid::new(&[endless]), Err(FieldError::Axis { .. })));
        let thin = Grid::unit(&[4, 1], Boundary::Dirichlet);
        assert_eq!(thin, Err(FieldError::NoModes { axis: 1 }));
    }

    #[test]
    fn positions_run_last_axis_fastest() {
        let grid = Grid::unit(&[2, 3, 5], Boundary::Periodic).unwrap();
        assert_eq!(grid.position(0), [0, 0, 0]);
        assert_eq!(grid.position(7), [0, 1, 2]);
        assert_eq!(grid.position(29), [1, 2, 4]);
    }

    #[test]
    fn cells_say_their_box_when_they_are_not_cubes() {
        let grid = Grid::unit(&[64, 32], Boundary::Neumann).unwrap();
        assert_eq!(grid.to_string(), "64x32");
        assert_eq!(grid.with_points(&[64, 64]).unwrap().to_string(), "64x64 over 1x0.5");
        assert!(grid.same_box(&grid.with_points(&[7, 9]).unwrap()));
    }
}
