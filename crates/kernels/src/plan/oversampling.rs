//! The grid of an oversampled nonlinearity: the centres of the cells and the faces between them.
//!
//! Along an axis of n cells the faces j/n, j = 0 … n, lie half way between the centres. Together
//! they are 2n points half a cell apart, and the values at the centres are unchanged. Only the
//! values at faces are interpolated, by the modes that the centres hold. Along a periodic axis
//! these are waves of |k| < n/2; its two ends are one point, each counted with half weight. Along
//! other axes they are cosines of k < n. This includes Dirichlet axes, because hidden features
//! vanish at no wall.
//!
//! Let H be the interpolation `[n + 1, n]` and E the weights of the faces (½ at the ends). The way
//! back is the projection of the oversampled function on the same modes. For values g at the
//! centres and g′ at the faces it is ½ (g + Hᵀ E g′). Along a periodic axis of even n, the Nyquist
//! cosine at the border of the band passes by half. H and its transposes are unchanged by a
//! reflection of the box: see `folded`.

use std::f64::consts::PI;

use crate::KernelError;
use crate::cpu::folded::Folded;
use crate::plan::spectral::MOST_CELLS;

/// Largest number of points of an axis. Its dense tables take 8 n² bytes.
pub(crate) const MOST_POINTS: usize = 1 << 12;

/// The tables of one axis, in both directions and transposed.
#[derive(Debug, Clone)]
pub(crate) struct Halved {
    /// Cells.
    pub n: usize,
    /// H: centres → faces.
    pub up: Folded,
    /// Hᵀ E: faces → centres, times the scale.
    pub down: Folded,
    /// E H: the transpose of `down` without the scale.
    pub down_transposed: Folded,
    /// Hᵀ: the transpose of `up`, times the scale.
    pub up_transposed: Folded,
}

/// The geometry of an oversampled nonlinearity on one grid.
///
/// **Cost** to make: points² for each axis. Make it once a grid and share it.
#[derive(Debug, Clone)]
pub struct OversamplingPlan {
    points: Vec<usize>,
    pub(crate) axes: Vec<Halved>,
    /// ½ for each axis, included in the tables of the first axis.
    pub(crate) scale: f32,
}

impl OversamplingPlan {
    /// A plan for `points`; `periodic` tells which axes are periodic.
    ///
    /// # Errors
    /// [`KernelError::Oversampling`] unless there are one to three axes of 1 to 4096 points, with
    /// one entry of `periodic` for each, and at most 2^40 points in all.
    pub fn new(points: &[usize], periodic: &[bool]) -> Result<Self, KernelError> {
        let sound = (1..=3).contains(&points.len())
            && periodic.len() == points.len()
            && points.iter().all(|n| (1..=MOST_POINTS).contains(n))
            && points.iter().product::<usize>() <= MOST_CELLS;
        if !sound {
            let (points, periodic) = (points.to_vec(), periodic.to_vec());
            return Err(KernelError::Oversampling { points, periodic });
        }
        let scale = 0.5f64.powi(points.len() as i32);
        let halved = |(axis, (n, periodic)): (usize, (&usize, &bool))| {
            halved(*n, *periodic, if axis == 0 { scale } else { 1.0 })
        };
        let axes = points.iter().zip(periodic).enumerate().map(halved).collect();
        Ok(Self { points: points.to_vec(), axes, scale: scale as f32 })
    }

    /// Number of points of the grid that a network uses.
    pub fn points(&self) -> usize {
        self.points.iter().product()
    }

    /// Number of points of the axes behind `axis`.
    pub(crate) fn behind(&self, axis: usize) -> usize {
        self.points[axis + 1..].iter().product()
    }
}

fn halved(n: usize, periodic: bool, scale: f64) -> Halved {
    let h = |j, i| if periodic { wave(n, j, i) } else { cosine(n, j, i) };
    let weight = |j: usize| if j.is_multiple_of(n) { 0.5 } else { 1.0 };
    Halved {
        n,
        up: Folded::new(n + 1, n, h),
        down: Folded::new(n, n + 1, |i, j| scale * weight(j) * h(j, i)),
        down_transposed: Folded::new(n + 1, n, |j, i| weight(j) * h(j, i)),
        up_transposed: Folded::new(n, n + 1, |i, j| scale * h(j, i)),
    }
}

/// Value at face j of the wave with |k| < n/2 that is 1 at centre i and 0 at the others.
fn wave(n: usize, j: usize, i: usize) -> f64 {
    kernel(n.div_ceil(2) - 1, 2.0 * PI * (j as f64 - i as f64 - 0.5) / n as f64) / n as f64
}

/// The same for cosines with k < n.
fn cosine(n: usize, j: usize, i: usize) -> f64 {
    let at = |cells: f64| kernel(n - 1, PI * cells / n as f64);
    let (j, i) = (j as f64, i as f64 + 0.5);
    (at(j + i) + at(j - i)) / (2.0 * n as f64)
}

/// Σ of cos kθ over |k| ≤ most. θ must not be a multiple of 2π.
fn kernel(most: usize, theta: f64) -> f64 {
    ((most as f64 + 0.5) * theta).sin() / (0.5 * theta).sin()
}
