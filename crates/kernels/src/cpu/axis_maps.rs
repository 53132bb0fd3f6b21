//! One matrix for each axis: y = (M₁ ⊗ … ⊗ M_d) x on the points of every channel.
//!
//! Transfers of features between grids (restriction and prolongation by modes) are such products.
//! Axis after axis, a small real matrix is multiplied with the values behind that axis. The
//! gradient is the same with transposed matrices, and nothing is kept for it.

use crate::cpu::buffer::{Buffer, Fresh};
use crate::cpu::product::{Start, Strided, product};
use crate::cpu::share::for_each;
use crate::{KernelError, Level};

/// Number of columns of a task.
const COLUMNS: usize = 2048;

/// The matrices, one for each axis, and their transposes.
///
/// **Cost** to hold: twice their elements.
#[derive(Debug, Clone, PartialEq)]
pub struct AxisMaps {
    forward: Vec<Matrix>,
    transposed: Vec<Matrix>,
    /// The matrices on GPUs.
    #[cfg(any(feature = "wgpu", feature = "cuda"))]
    pub(crate) on_devices: crate::gpu::AxisMatrices,
}

/// One axis: `to` × `from` values, row by row.
#[derive(Debug, Clone, PartialEq)]
struct Matrix {
    to: usize,
    from: usize,
    values: Vec<f32>,
}

impl AxisMaps {
    /// From `[to, from]` matrices, the first axis first: each `(to, from, values)`.
    ///
    /// # Errors
    /// [`KernelError::AxisMaps`] unless there are one to three matrices, none empty, each with to ·
    /// from values.
    pub fn new(matrices: &[(usize, usize, Vec<f64>)]) -> Result<Self, KernelError> {
        let sound = |(to, from, values): &(usize, usize, Vec<f64>)| {
            *to > 0 && *from > 0 && to.checked_mul(*from) == Some(values.len())
        };
        if !(1..=3).contains(&matrices.len()) || !matrices.iter().all(sound) {
            let shapes = matrices.iter().map(|(to, from, v)| [*to, *from, v.len()]).collect();
            return Err(KernelError::AxisMaps { shapes });
        }
        let narrow = |values: &[f64]| values.iter().map(|v| *v as f32).collect();
        let forward = matrices.iter().map(|(to, from, values)| Matrix {
            to: *to,
            from: *from,
            values: narrow(values),
        });
        let transposed = matrices.iter().map(|(to, from, values)| {
            let turned: Vec<f64> =
                (0..*from).flat_map(|j| (0..*to).map(move |i| values[i * from + j])).collect();
            Matrix { to: *from, from: *to, values: narrow(&turned) }
        });
        Ok(Self {
            forward: forward.collect(),
            transposed: transposed.collect(),
            #[cfg(any(feature = "wgpu", feature = "cuda"))]
            on_devices: Default::default(),
        })
    }

    /// Number of points of x.
    pub fn points_in(&self) -> usize {
        self.forward.iter().map(|m| m.from).product()
    }

    /// Number of points of y.
    pub fn points_out(&self) -> usize {
        self.forward.iter().map(|m| m.to).product()
    }

    /// The matrices, row by row, as `(to, from, values)`.
    pub fn matrices(&self) -> impl Iterator<Item = (usize, usize, &[f32])> {
        self.forward.iter().map(|m| (m.to, m.from, m.values.as_slice()))
    }

    /// Floating-point operations for one channel of one field.
    pub fn flops(&self) -> f64 {
        let mut points = self.points_in() as f64;
        let axis = |m: &Matrix| {
            points *= m.to as f64 / m.from as f64;
            2.0 * points * m.from as f64
        };
        self.forward.iter().map(axis).sum()
    }

    /// y `[batch, points out, channel]`; with `transposed`, x for y.
    pub(crate) fn apply(
        &self,
        level: Level,
        batch: usize,
        channels: usize,
        x: &[f32],
        transposed: bool,
    ) -> Buffer {
        let matrices = if transposed { &self.transposed } else { &self.forward };
        let points: usize = matrices.iter().map(|m| m.from).product();
        assert_eq!(x.len(), batch * points * channels, "values are [batch, point, channel]");
        let (mut lines, mut behind) = (batch, points * channels);
        let mut held: Option<Buffer> = None;
        for matrix in matrices {
            behind /= matrix.from;
            let x = held.as_deref().unwrap_or(x);
            let y = matrix.along_axis(level, lines, behind, x);
            lines *= matrix.to;
            held = Some(y);
        }
        held.expect("at least one axis")
    }
}

impl Matrix {
    /// `[line, from, behind]` → `[line, to, behind]`.
    fn along_axis(&self, level: Level, lines: usize, behind: usize, x: &[f32]) -> Buffer {
        assert_eq!(x.len(), lines * self.from * behind, "values before and behind the axis");
        let mut y = Fresh::new(lines * self.to * behind);
        let to = y.shared();
        let strips = behind.div_ceil(COLUMNS);
        for_each(lines * strips, true, |task| {
            let (line, column) = (task / strips, task % strips * COLUMNS);
            let columns = COLUMNS.min(behind - column);
            let x = &x[line * self.from * behind..][..self.from * behind];
            let rows = Strided::rows(self.values.as_ptr(), self.from);
            // SAFETY: rows of one line, of which each task writes its own columns
            unsafe {
                let y = to.at(line * self.to * behind, self.to * behind).add(column);
                let x = x.as_ptr().add(column);
                let zero = Start::Zero;
                product(level, self.to, columns, self.from, rows, x, behind, y, behind, zero);
            }
        });
        // SAFETY: the tasks cover all lines and columns
        unsafe { y.finish() }
    }
}
