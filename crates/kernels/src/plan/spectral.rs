//! Tables of the truncated transforms between one grid and one window of modes.
//!
//! The window is −m … m−1 on every axis but the last, and 0 … m−1 on the last. In the order of the
//! weights, 0 … m−1 come before −m … −1. Modes with 2|k| ≥ n · period/length are left out, because
//! the grid cannot distinguish them from lower ones. The plan decides once a grid which modes are
//! kept, and where they lie in the window.

use std::f64::consts::PI;

use crate::KernelError;
use crate::cpu::axes::AxisTable;
use crate::cpu::rows::{Pairs, RowTable};

/// Largest number of modes of an axis. Weights for more would not fit in memory.
pub(crate) const MOST_MODES: usize = 1 << 20;
/// Largest number of points of a grid and of modes of a window (2^40), far from overflow.
pub(crate) const MOST_CELLS: usize = 1 << (usize::BITS / 8 * 5);

/// The last axis in both directions. The tables include the scale 1/points and the weight of pairs
/// ±k.
#[derive(Debug, Clone)]
pub(crate) struct LastAxis {
    /// Points of a row.
    pub n: usize,
    /// Modes 0 … kept−1.
    pub kept: usize,
    /// Values → spectrum, mean over points.
    pub analysis: RowTable,
    /// Spectrum → values, pairs counted twice.
    pub synthesis: RowTable,
    /// Transpose of the synthesis.
    pub synthesis_transposed: RowTable,
    /// Transpose of the analysis.
    pub analysis_transposed: RowTable,
}

/// The geometry of the spectral operator on one grid: the kept modes, and the factors of their
/// transforms.
///
/// **Cost** to make: points · modes for each axis. Make it once a grid and share it.
#[derive(Debug, Clone)]
pub struct SpectralPlan {
    points: Vec<usize>,
    window: usize,
    #[cfg(any(feature = "wgpu", feature = "cuda"))]
    pub(crate) periods: Vec<f64>,
    pub(crate) held: Vec<usize>,
    pub(crate) axes: Vec<AxisTable>,
    pub(crate) last: LastAxis,
    /// The plan on GPUs.
    #[cfg(any(feature = "wgpu", feature = "cuda"))]
    pub(crate) tables: crate::gpu::SpectralTables,
}

impl SpectralPlan {
    /// A plan for `points` and a window of `modes` per axis. `periods` are the periods of the
    /// exponentials, relative to the lengths of the box (1 + padding).
    ///
    /// # Errors
    /// [`KernelError::Plan`] unless there are one to three axes with points ≥ 1, 1 ≤ modes ≤ 2^20
    /// and finite periods ≥ 1, and both the grid's points and the window's modes are at most 2^40.
    pub fn new(points: &[usize], modes: &[usize], periods: &[f64]) -> Result<Self, KernelError> {
        let windows = modes.iter().enumerate().map(|(axis, m)| match axis + 1 == modes.len() {
            true => Some(*m),
            false => m.checked_mul(2),
        });
        let sound = (1..=3).contains(&points.len())
            && modes.len() == points.len()
            && periods.len() == points.len()
            && points.iter().chain(modes).all(|n| *n >= 1)
            && modes.iter().all(|m| *m <= MOST_MODES)
            && holds(points.iter().map(|n| Some(*n)))
            && holds(windows)
            && periods.iter().all(|p| p.is_finite() && *p >= 1.0);
        if !sound {
            let (points, modes, periods) = (points.to_vec(), modes.to_vec(), periods.to_vec());
            return Err(KernelError::Plan { points, modes, periods });
        }
        let last = points.len() - 1;
        let mut held = vec![0];
        let mut axes = Vec::new();
        for (axis, (&n, &m)) in points.iter().zip(modes).enumerate() {
            let resolved = |k: usize| 2.0 * k as f64 + 1e-9 < n as f64 * periods[axis];
            let positive = (0..m).take_while(|k| resolved(*k)).count();
            let (negative, window) = match axis {
                _ if axis == last => (0, m),
                _ => ((1..=m).take_while(|k| resolved(*k)).count(), 2 * m),
            };
            let slots = (0..positive).chain(2 * m - negative..2 * m);
            held = held
                .iter()
                .flat_map(|&at| slots.clone().map(move |slot| at * window + slot))
                .collect();
            if axis < last {
                axes.push(axis_table(n, positive, negative, periods[axis]));
            } else {
                let scale = 1.0 / points.iter().product::<usize>() as f64;
                let last = last_axis(n, positive, periods[axis], scale);
                let window = modes[..axis].iter().map(|m| 2 * m).product::<usize>() * m;
                let kept: usize = axes.iter().map(AxisTable::kept).product();
                debug_assert_eq!(held.len(), kept * last.kept, "modes held are those kept");
                return Ok(Self {
                    points: points.to_vec(),
                    window,
                    held,
                    axes,
                    last,
                    #[cfg(any(feature = "wgpu", feature = "cuda"))]
                    periods: periods.to_vec(),
                    #[cfg(any(feature = "wgpu", feature = "cuda"))]
                    tables: Default::default(),
                });
            }
        }
        unreachable!("the last axis returns")
    }

    /// Points of the grid.
    pub fn points(&self) -> usize {
        self.points.iter().product()
    }

    /// Number of modes of the window: the first extent of the weights.
    pub fn window(&self) -> usize {
        self.window
    }

    /// Number of modes of the window that the grid holds.
    pub fn kept(&self) -> usize {
        self.held.len()
    }

    /// Number of rows along the last axis.
    pub(crate) fn rows(&self) -> usize {
        self.points() / self.last.n
    }
}

/// Whether the product of extents does not overflow and is at most [`MOST_CELLS`].
fn holds(mut extents: impl Iterator<Item = Option<usize>>) -> bool {
    let product = extents.try_fold(1usize, |product, n| product.checked_mul(n?));
    product.is_some_and(|product| product <= MOST_CELLS)
}

/// cos and sin of 2π k (j + ½ − n/2) / (n · period), `[k, pair]`, times factor(k, middle?).
fn table(
    n: usize,
    modes: std::ops::Range<usize>,
    period: f64,
    factor: impl Fn(usize, bool) -> (f64, f64),
) -> [Vec<f32>; 2] {
    let half = Pairs::of(n);
    let mut cos = Vec::with_capacity(modes.len() * half);
    let mut sin = cos.clone();
    for k in modes {
        for j in 0..half {
            let from_centre = j as f64 + 0.5 - 0.5 * n as f64;
            let theta = 2.0 * PI * k as f64 * from_centre / (n as f64 * period);
            let (c, s) = factor(k, 2 * j + 1 == n);
            cos.push((c * theta.cos()) as f32);
            sin.push((s * theta.sin()) as f32);
        }
    }
    [cos, sin]
}

fn axis_table(n: usize, positive: usize, negative: usize, period: f64) -> AxisTable {
    let of = |middle: f64| {
        table(n, 0..negative + 1, period, |_, at_middle| {
            let f = if at_middle { middle } else { 1.0 };
            (f, f)
        })
    };
    AxisTable { n, positive, negative, analysis: of(0.5), synthesis: of(1.0) }
}

fn last_axis(n: usize, kept: usize, period: f64, mean: f64) -> LastAxis {
    let pair = |k: usize| if k == 0 { 1.0 } else { 2.0 };
    let rows = |weight: &dyn Fn(usize) -> f64, middle: f64| {
        let [cos, sin] = table(n, 0..kept, period, |k, at_middle| {
            let f = weight(k) * if at_middle { middle } else { 1.0 };
            (f, -f)
        });
        RowTable { cos, sin }
    };
    LastAxis {
        n,
        kept,
        analysis: rows(&|_| mean, 0.5),
        synthesis: rows(&pair, 1.0),
        synthesis_transposed: rows(&pair, 0.5),
        analysis_transposed: rows(&|_| mean, 1.0),
    }
}
