//! Geometry of a stencil: the points of every tap on one grid, forward and transposed.
//!
//! A stencil has taps at whole offsets, with one list for each axis. The taps are the product of
//! the lists, last axis fastest. Beyond the ends of an axis values repeat periodically or are
//! mirrored at the wall (−1 is 0, n is n − 1), for offsets of any size. The transpose is no stencil
//! at the walls. Both directions are therefore stored as lists: for every place, the contributing
//! places and taps.

use std::ops::Range;

use crate::KernelError;
use crate::plan::spectral::MOST_CELLS;

/// Largest offset. Beyond it a stencil is not local, and the limit keeps indices far from overflow.
const FARTHEST: u64 = 1 << 20;
/// Largest number of taps of an axis.
const MOST_TAPS: usize = 64;

/// One axis of a stencil.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StencilAxis {
    /// Cells.
    pub points: usize,
    /// Offsets of the taps, in cells.
    pub offsets: Vec<i64>,
    /// Whether the axis is periodic. Otherwise it is mirrored at its ends.
    pub periodic: bool,
}

/// The contributions to each place of an axis.
#[derive(Debug, Clone)]
pub(crate) struct Contributions {
    starts: Vec<usize>,
    /// Pairs (tap, place); those of one target in rising order of the taps.
    entries: Vec<(usize, usize)>,
    /// Targets with exactly one contribution a tap, from `place + shifts[tap]`.
    pub interior: Range<usize>,
    pub shifts: Vec<isize>,
}

impl Contributions {
    /// The contributions to one place.
    pub fn of(&self, place: usize) -> &[(usize, usize)] {
        &self.entries[self.starts[place]..self.starts[place + 1]]
    }

    fn new(n: usize, mut entries: Vec<(usize, usize, usize)>, shifts: Vec<isize>) -> Self {
        entries.sort_unstable();
        let starts: Vec<usize> = (0..=n).map(|to| entries.partition_point(|e| e.0 < to)).collect();
        let regular = |place: usize| {
            let (here, expected) = (&entries[starts[place]..starts[place + 1]], shifts.iter());
            let expected = expected.enumerate().map(|(tap, s)| (tap, place as isize + s));
            here.iter().map(|e| (e.1, e.2 as isize)).eq(expected)
        };
        let begin = (0..n).find(|place| regular(*place)).unwrap_or(n);
        let interior = begin..begin + (begin..n).take_while(|place| regular(*place)).count();
        let entries = entries.into_iter().map(|(_, tap, place)| (tap, place)).collect();
        Self { starts, entries, interior, shifts }
    }
}

/// An axis with its contributions in both directions.
#[derive(Debug, Clone)]
pub(crate) struct AxisTaps {
    pub n: usize,
    pub taps: usize,
    /// Forward: x → y.
    pub forward: Contributions,
    /// Transposed: dy → dx.
    pub transposed: Contributions,
}

/// The geometry of a stencil on one grid.
///
/// **Cost** to make and to hold: points · taps for each axis. Make it once a grid and share it.
#[derive(Debug, Clone)]
pub struct StencilPlan {
    pub(crate) axes: Vec<AxisTaps>,
    /// The plan on GPUs.
    #[cfg(any(feature = "wgpu", feature = "cuda"))]
    pub(crate) lists: crate::gpu::StencilLists,
}

impl StencilPlan {
    /// A plan for one to three axes, the last one fastest.
    ///
    /// # Errors
    /// [`KernelError::Stencil`] unless there are one to three axes, each with at least one cell
    /// (2^40 in all at most) and 1 to 64 offsets of at most 2^20 cells.
    pub fn new(axes: &[StencilAxis]) -> Result<Self, KernelError> {
        let cells = axes.iter().try_fold(1usize, |cells, a| cells.checked_mul(a.points));
        let sound = (1..=3).contains(&axes.len())
            && cells.is_some_and(|cells| (1..=MOST_CELLS).contains(&cells))
            && axes.iter().all(|a| (1..=MOST_TAPS).contains(&a.offsets.len()))
            && axes.iter().flat_map(|a| &a.offsets).all(|o| o.unsigned_abs() <= FARTHEST);
        if !sound {
            return Err(KernelError::Stencil { axes: axes.to_vec() });
        }
        Ok(Self {
            axes: axes.iter().map(axis_taps).collect(),
            #[cfg(any(feature = "wgpu", feature = "cuda"))]
            lists: Default::default(),
        })
    }

    /// Points of the grid.
    pub fn points(&self) -> usize {
        self.axes.iter().map(|a| a.n).product()
    }

    /// Number of taps of the stencil: the product over the axes.
    pub fn taps(&self) -> usize {
        self.axes.iter().map(|a| a.taps).product()
    }

    /// The last axis.
    pub(crate) fn last(&self) -> &AxisTaps {
        self.axes.last().expect("at least one axis")
    }

    /// Number of rows along the last axis.
    pub(crate) fn rows(&self) -> usize {
        self.points() / self.last().n
    }

    /// Pairs (tap of the leading axes, row) of all rows that contribute to a row.
    pub(crate) fn rows_of(&self, row: usize, transposed: bool, found: &mut Vec<(usize, usize)>) {
        let leading = &self.axes[..self.axes.len() - 1];
        found.clear();
        found.push((0, 0));
        let mut stride = self.rows();
        let mut rest = row;
        for axis in leading {
            stride /= axis.n;
            let place = rest / stride;
            rest %= stride;
            let list = if transposed { &axis.transposed } else { &axis.forward };
            let heads = std::mem::take(found);
            found.extend(heads.iter().flat_map(|(tap, row)| {
                list.of(place).iter().map(move |(t, at)| (tap * axis.taps + t, row * axis.n + at))
            }));
        }
    }
}

fn axis_taps(axis: &StencilAxis) -> AxisTaps {
    let n = axis.points;
    let source = |place: usize, offset: i64| {
        let (n, at) = (n as i64, place as i64 + offset);
        let at = if axis.periodic {
            at.rem_euclid(n)
        } else {
            let folded = at.rem_euclid(2 * n);
            folded.min(2 * n - 1 - folded)
        };
        at as usize
    };
    let places = 0..n;
    let all: Vec<(usize, usize, usize)> = places
        .flat_map(|to| axis.offsets.iter().enumerate().map(move |(tap, o)| (to, tap, *o)))
        .map(|(to, tap, offset)| (to, tap, source(to, offset)))
        .collect();
    let transposed = all.iter().map(|(to, tap, from)| (*from, *tap, *to)).collect();
    let shifts: Vec<isize> = axis.offsets.iter().map(|o| *o as isize).collect();
    let back = shifts.iter().map(|s| -s).collect();
    AxisTaps {
        n,
        taps: axis.offsets.len(),
        forward: Contributions::new(n, all, shifts),
        transposed: Contributions::new(n, transposed, back),
    }
}
