//! The geometry of a larger box: its size in trained boxes and whether its axes are periodic.

use std::fmt;

use crate::{Axis, Boundary, FieldError, Grid};

/// Two counts of cells that differ by less than this are taken as equal.
const SAME: f64 = 1e-6;

/// The fault of one axis of a larger box.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum BoxFault {
    /// It is smaller than the trained box, or not a number.
    Below(f64),
    /// It is longer than the trained box along an axis with Dirichlet ends.
    Walls(f64),
    /// Its length is not a whole number of window cells.
    Cells {
        /// Length in trained boxes.
        times: f64,
        /// Cells of a window along the axis.
        cells: usize,
    },
}

impl fmt::Display for BoxFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Below(times) => {
                write!(f, "{times} times the trained box; it must be 1 or more")
            }
            Self::Walls(times) => write!(
                f,
                "{times} times the trained box, whose walls hold fields at zero there; nothing is known beyond them"
            ),
            Self::Cells { times, cells } => write!(
                f,
                "{times} times the {cells} cells of the trained box are {}, no whole number",
                times * *cells as f64
            ),
        }
    }
}

/// A box that is `times` as long as the trained box along each axis, with its boundaries. Each
/// factor is at least 1.
///
/// An axis has the trained boundary or is periodic. A *kept* axis has the trained length and
/// boundary, so nothing changes along it.
///
/// # Example
/// ```
/// use karhunen_field::large_box::LargeBox;
/// use karhunen_field::{Boundary, Grid};
/// let trained = Grid::unit(&[64, 64], Boundary::Neumann)?;
/// let large = LargeBox::new(trained, &[4.0, 2.5], &[true, false])?;
/// let grid = large.like(&trained)?;
/// assert_eq!(grid.points(), [256, 160]);
/// assert_eq!(grid.axes()[1].length, 2.5);
/// assert_eq!(large.window(&grid.with_points(&[100, 100])?).points(), [25, 40]);
/// # Ok::<(), karhunen_field::FieldError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct LargeBox {
    trained: Grid,
    times: Vec<f64>,
    /// The larger box, with an arbitrary grid.
    large: Grid,
}

impl LargeBox {
    /// From the trained box, with one factor for each axis and whether the axis is to be periodic.
    ///
    /// # Errors
    /// [`FieldError::CellCounts`] unless both lists have one entry for each axis;
    /// [`FieldError::LargeBox`] for a factor below 1; also, on a Dirichlet axis, for a factor other
    /// than 1 or a periodic axis.
    pub fn new(trained: Grid, times: &[f64], periodic: &[bool]) -> Result<Self, FieldError> {
        let axes = trained.dim();
        for given in [times.len(), periodic.len()] {
            if given != axes {
                return Err(FieldError::CellCounts { given, axes });
            }
        }
        let mut list = Vec::new();
        for (axis, (a, (&times, &ring))) in
            trained.axes().iter().zip(times.iter().zip(periodic)).enumerate()
        {
            let wrong = |fault| Err(FieldError::LargeBox { axis, fault });
            if !(times.is_finite() && times >= 1.0) {
                return wrong(BoxFault::Below(times));
            }
            if a.boundary == Boundary::Dirichlet && (times != 1.0 || ring) {
                return wrong(BoxFault::Walls(times));
            }
            let boundary = if ring { Boundary::Periodic } else { a.boundary };
            list.push(Axis { length: times * a.length, boundary, ..*a });
        }
        Ok(Self { trained, times: times.to_vec(), large: Grid::new(&list)? })
    }

    /// The trained box, on the grid that was given to the constructor.
    pub fn trained(&self) -> &Grid {
        &self.trained
    }

    /// Length of each axis in trained boxes.
    pub fn times(&self) -> &[f64] {
        &self.times
    }

    /// Whether an axis has the trained length and boundary.
    pub fn keeps(&self, axis: usize) -> bool {
        let same = self.large.axes()[axis].boundary == self.trained.axes()[axis].boundary;
        self.times[axis] == 1.0 && same
    }

    /// Whether every axis is kept, so that this box is the trained one.
    pub fn is_trained(&self) -> bool {
        (0..self.times.len()).all(|axis| self.keeps(axis))
    }

    /// Whether an axis is periodic.
    pub fn is_ring(&self, axis: usize) -> bool {
        self.large.axes()[axis].boundary == Boundary::Periodic
    }

    /// Whether a grid discretises this box.
    pub fn holds(&self, grid: &Grid) -> bool {
        self.large.same_box(grid)
    }

    /// The larger box with these cell counts.
    ///
    /// # Errors
    /// As [`Grid::with_points`].
    pub fn grid(&self, points: &[usize]) -> Result<Grid, FieldError> {
        self.large.with_points(points)
    }

    /// The larger box with cells of the size of those of a grid of the trained box.
    ///
    /// # Errors
    /// [`FieldError::LargeBox`] where their number is not whole.
    pub fn like(&self, window: &Grid) -> Result<Grid, FieldError> {
        let mut points = Vec::new();
        for (axis, (times, cells)) in self.times.iter().zip(window.points()).enumerate() {
            let count = times * cells as f64;
            if (count - count.round()).abs() > SAME {
                let fault = BoxFault::Cells { times: *times, cells };
                return Err(FieldError::LargeBox { axis, fault });
            }
            points.push(count.round() as usize);
        }
        self.grid(&points)
    }

    /// The larger box with one cell along the axes that become longer. Along kept axes it has the
    /// cells of a grid of the trained box. It holds fields that do not vary along the longer axes.
    ///
    /// # Errors
    /// As [`Grid::with_points`].
    pub fn averaged(&self, window: &Grid) -> Result<Grid, FieldError> {
        let cells = window.points().into_iter().enumerate();
        self.grid(&cells.map(|(axis, n)| if self.keeps(axis) { n } else { 1 }).collect::<Vec<_>>())
    }

    /// The trained box with the smallest number of cells that are no larger than those of a grid of
    /// the larger box.
    pub fn window(&self, grid: &Grid) -> Grid {
        let cells = grid.axes().iter().zip(&self.times).zip(self.trained.axes());
        let cells: Vec<usize> = cells
            .map(|((a, times), own)| {
                let cells = (a.points as f64 / times - SAME).ceil().max(1.0) as usize;
                // a Dirichlet axis needs two cells to hold a mode
                if own.boundary == Boundary::Dirichlet { cells.max(2) } else { cells }
            })
            .collect();
        self.trained.with_points(&cells).expect("one positive count an axis")
    }
}
