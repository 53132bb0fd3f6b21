//! Geometry of a convolution: the source cells of every tap on an image, forward and transposed.
//!
//! Along an axis both directions have one form. Targets are grouped in phases: phase p consists of
//! the places p, p + s, …. Its i-th target reads the sources i·t + o for the offsets o of its taps.
//! Forward there is one phase, and t is the stride. Transposed, the stride becomes the number of
//! phases, each with the taps that reach it. The zeros between the values of a coarse gradient are
//! therefore never multiplied. Sources beyond the image are zeros.
//!
//! Targets are divided into patches by sizes alone, such that the sources of a patch stay in cache.

use std::ops::Range;

use crate::KernelError;
use crate::plan::spectral::MOST_CELLS;

/// Largest number of cells along an axis. It keeps offsets far from overflow.
const MOST: usize = 1 << 30;
/// Largest side of a kernel and largest stride.
const MOST_SIDE: usize = 63;
/// Approximate number of targets of a patch.
const PATCH: usize = 256;

/// A convolution of images, as requested by a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConvShape {
    /// Cells of the images.
    pub sides: [usize; 2],
    /// Cells to which the images are enlarged before. Cell i of n′ takes the value of cell ⌊i·n/n′⌋
    /// of n. Equal to `sides` for no enlargement.
    pub enlarged: [usize; 2],
    /// Side of the kernel, odd.
    pub kernel: usize,
    /// Stride: the distance in cells between neighbouring values of the result.
    pub stride: usize,
}

/// The targets p, p + step, … of an axis, and the taps that reach them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Phase {
    pub first: usize,
    pub count: usize,
    /// Pairs (tap, offset of its source).
    pub taps: Vec<(usize, isize)>,
}

impl Phase {
    /// Smallest and largest offset. Both are 0 without taps.
    pub fn reach(&self) -> (isize, isize) {
        let offsets = self.taps.iter().map(|t| t.1);
        (offsets.clone().min().unwrap_or(0), offsets.max().unwrap_or(0))
    }
}

/// One axis in one direction.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct AxisPass {
    /// Numbers of targets and of sources.
    pub targets: usize,
    pub sources: usize,
    /// Distance between neighbouring targets of a phase, and between their sources.
    pub target_step: usize,
    pub source_step: usize,
    pub phases: Vec<Phase>,
}

/// A patch: some targets of one phase along each axis.
#[derive(Debug, Clone)]
pub(crate) struct Patch {
    pub phases: [usize; 2],
    pub rows: Range<usize>,
    pub columns: Range<usize>,
}

impl Patch {
    pub fn points(&self) -> usize {
        self.rows.len() * self.columns.len()
    }
}

/// Both axes in one direction.
#[derive(Debug, Clone)]
pub(crate) struct Pass {
    pub axes: [AxisPass; 2],
    pub patches: Vec<Patch>,
}

impl Pass {
    fn new(axes: [AxisPass; 2]) -> Self {
        let mut patches = Vec::new();
        for (p, rows) in axes[0].phases.iter().enumerate() {
            for (q, columns) in axes[1].phases.iter().enumerate() {
                let (height, width) = (rows.count, columns.count);
                let across = width.div_ceil(PATCH);
                let wide = width.div_ceil(across);
                let down = height.div_ceil((PATCH / wide).max(1));
                for i in 0..down {
                    for j in 0..across {
                        patches.push(Patch {
                            phases: [p, q],
                            rows: i * height / down..(i + 1) * height / down,
                            columns: j * width / across..(j + 1) * width / across,
                        });
                    }
                }
            }
        }
        Self { axes, patches }
    }

    /// The phases of a patch along both axes.
    pub fn phases(&self, patch: &Patch) -> [&Phase; 2] {
        [0, 1].map(|axis| &self.axes[axis].phases[patch.phases[axis]])
    }

    /// The sources of a patch: rows and columns, which may lie beyond the image.
    pub fn window(&self, patch: &Patch) -> [Range<isize>; 2] {
        let range = |axis: usize, targets: &Range<usize>| {
            let pass = &self.axes[axis];
            let (low, high) = pass.phases[patch.phases[axis]].reach();
            let step = pass.source_step;
            (targets.start * step) as isize + low..((targets.end - 1) * step) as isize + high + 1
        };
        [range(0, &patch.rows), range(1, &patch.columns)]
    }

    /// Largest number of sources of a patch.
    pub fn largest_window(&self) -> usize {
        let cells = |patch| self.window(patch).map(|r| r.len()).iter().product();
        self.patches.iter().map(cells).max().unwrap_or(0)
    }
}

/// A convolution's geometry.
///
/// The result has ⌈n′/stride⌉ cells along an axis enlarged to n′. Cell i is centred at i·stride,
/// and cells beyond the edges are zeros.
#[derive(Debug, Clone)]
pub struct ConvPlan {
    shape: ConvShape,
    result: [usize; 2],
    /// Forward: x → y.
    pub(crate) forward: Pass,
    /// Transposed: dy → the gradient of the enlarged x.
    pub(crate) transposed: Pass,
}

impl ConvPlan {
    /// A plan of a convolution.
    ///
    /// # Errors
    /// [`KernelError::Convolution`] unless all of these hold. The kernel's side is odd, and it and
    /// the stride are 1 to 63. Every side is 1 to 2^30 cells, and no side is larger than its
    /// enlarged side. There are at most 2^40 cells.
    pub fn new(shape: ConvShape) -> Result<Self, KernelError> {
        let ConvShape { sides, enlarged, kernel, stride } = shape;
        let sound = kernel % 2 == 1
            && kernel <= MOST_SIDE
            && (1..=MOST_SIDE).contains(&stride)
            && sides.iter().zip(&enlarged).all(|(n, to)| (1..=MOST).contains(n) && to >= n)
            && enlarged.iter().all(|n| *n <= MOST)
            && enlarged[0].checked_mul(enlarged[1]).is_some_and(|cells| cells <= MOST_CELLS);
        if !sound {
            return Err(KernelError::Convolution { shape });
        }
        let forward = enlarged.map(|n| forward(n, kernel, stride));
        let transposed = enlarged.map(|n| transposed(n, kernel, stride));
        Ok(Self {
            shape,
            result: enlarged.map(|n| n.div_ceil(stride)),
            forward: Pass::new(forward),
            transposed: Pass::new(transposed),
        })
    }

    /// The shape that the plan was made for.
    pub fn shape(&self) -> ConvShape {
        self.shape
    }

    /// Cells of the result.
    pub fn result(&self) -> [usize; 2] {
        self.result
    }

    /// Numbers of points of the images and of the result.
    pub fn points(&self) -> [usize; 2] {
        [self.shape.sides, self.result].map(|[rows, columns]| rows * columns)
    }

    /// Number of taps of the kernel.
    pub fn taps(&self) -> usize {
        self.shape.kernel * self.shape.kernel
    }

    pub(crate) fn enlarges(&self) -> bool {
        self.shape.sides != self.shape.enlarged
    }
}

fn forward(n: usize, kernel: usize, stride: usize) -> AxisPass {
    let (targets, edge) = (n.div_ceil(stride), (kernel / 2) as isize);
    let taps = (0..kernel).map(|tap| (tap, tap as isize - edge)).collect();
    let phases = vec![Phase { first: 0, count: targets, taps }];
    AxisPass { targets, sources: n, target_step: 1, source_step: stride, phases }
}

/// y at i reads x at i·s + k − e. So y at (j + e − k)/s reads x at j, where that quotient is whole.
fn transposed(n: usize, kernel: usize, stride: usize) -> AxisPass {
    let (edge, step) = ((kernel / 2) as isize, stride as isize);
    let reaching = |first: usize| {
        let offsets = (0..kernel).map(move |tap| (tap, first as isize + edge - tap as isize));
        offsets.filter(|(_, o)| o.rem_euclid(step) == 0).map(|(tap, o)| (tap, o / step)).collect()
    };
    let phases = (0..stride.min(n))
        .map(|first| Phase { first, count: (n - first).div_ceil(stride), taps: reaching(first) })
        .collect();
    AxisPass {
        targets: n,
        sources: n.div_ceil(stride),
        target_step: stride,
        source_step: 1,
        phases,
    }
}

#[cfg(test)]
mod tests {
    use super::{forward, transposed};

    #[test]
    fn the_transpose_reads_what_was_written() {
        for n in [1usize, 2, 3, 5, 8, 13] {
            for (kernel, stride) in [(1, 1), (3, 1), (3, 2), (5, 2), (1, 2), (5, 3), (3, 4)] {
                let reads = |pass: super::AxisPass, turned: bool| {
                    let mut all = Vec::new();
                    for phase in &pass.phases {
                        for i in 0..phase.count {
                            let to = (phase.first + i * pass.target_step) as isize;
                            let from = |o: isize| (i * pass.source_step) as isize + o;
                            all.extend(phase.taps.iter().map(|(tap, o)| match turned {
                                false => (to, *tap, from(*o)),
                                true => (from(*o), *tap, to),
                            }));
                        }
                    }
                    let targets = n.div_ceil(stride) as isize;
                    let inside = |(y, _, x): &(isize, usize, isize)| {
                        (0..targets).contains(y) && (0..n as isize).contains(x)
                    };
                    all.retain(inside);
                    all.sort_unstable();
                    all
                };
                let expected = reads(forward(n, kernel, stride), false);
                let found = reads(transposed(n, kernel, stride), true);
                assert_eq!(found, expected, "{n} cells, side {kernel}, stride {stride}");
            }
        }
    }
}
