//! The transforms of a plan as dense tables on a device.
//!
//! Phases are taken about the centre of the box, as on the CPU, so both compute the same spectra.
//! The tables of the last axis include the mean over points and the weight of pairs ±k.

use std::f64::consts::PI;

use burn_cubecl::CubeDevice;
use burn_cubecl::tensor::CubeTensor;

use super::{floats, integers};
use crate::SpectralPlan;

/// One axis: the tables between its points and its kept modes.
///
/// On the last axis points are real. On the other axes they are complex, with two rows a point.
#[derive(Debug)]
pub(super) struct Axis {
    pub n: usize,
    pub kept: usize,
    /// Number of rows of point values: n, or 2 n.
    pub rows: usize,
    /// `[re, im; mode]` from rows of points.
    analysis: CubeTensor,
    /// Rows of points from `[re, im; mode]`.
    synthesis: CubeTensor,
}

/// A matrix in a table: its numbers, and their strides along the result and along the terms.
pub(super) type Matrix<'a> = (&'a CubeTensor, usize, usize);

impl Axis {
    /// Modes from points. Transposed, the gradient of [`Axis::to_points`].
    pub fn to_modes(&self, transposed: bool) -> Matrix<'_> {
        match transposed {
            false => (&self.analysis, self.rows, 1),
            true => (&self.synthesis, 1, 2 * self.kept),
        }
    }

    /// Points from modes. Transposed, the gradient of [`Axis::to_modes`].
    pub fn to_points(&self, transposed: bool) -> Matrix<'_> {
        match transposed {
            false => (&self.synthesis, 2 * self.kept, 1),
            true => (&self.analysis, 1, self.rows),
        }
    }
}

/// A plan on a device.
#[derive(Debug)]
pub(crate) struct Tables {
    /// All axes, in their order.
    pub(super) axes: Vec<Axis>,
    /// Modes kept.
    pub kept: usize,
    /// Their positions in the window.
    pub held: CubeTensor,
}

impl Tables {
    pub fn new(plan: &SpectralPlan, device: &CubeDevice) -> Self {
        let last = plan.axes.len();
        let mut axes: Vec<Axis> = Vec::new();
        for (axis, table) in plan.axes.iter().enumerate() {
            let below = 0..table.positive as i64;
            let waves: Vec<i64> = below.chain(-(table.negative as i64)..0).collect();
            axes.push(complex_axis(table.n, &waves, plan.periods[axis], device));
        }
        let mean = 1.0 / plan.points() as f64;
        axes.push(real_axis(plan.last.n, plan.last.kept, plan.periods[last], mean, device));
        let held: Vec<u32> = plan.held.iter().map(|slot| *slot as u32).collect();
        Self { axes, kept: plan.kept(), held: integers(&held, device) }
    }
}

/// 2π k (j + ½ − n/2) / (n · period).
fn phase(k: i64, j: usize, n: usize, period: f64) -> f64 {
    let from_centre = j as f64 + 0.5 - 0.5 * n as f64;
    2.0 * PI * k as f64 * from_centre / (n as f64 * period)
}

fn real_axis(n: usize, kept: usize, period: f64, mean: f64, device: &CubeDevice) -> Axis {
    let mut analysis = vec![0.0; 2 * kept * n];
    let mut synthesis = vec![0.0; 2 * kept * n];
    for k in 0..kept {
        let pair = if k == 0 { 1.0 } else { 2.0 };
        for j in 0..n {
            let (sin, cos) = phase(k as i64, j, n, period).sin_cos();
            analysis[k * n + j] = (mean * cos) as f32;
            analysis[(kept + k) * n + j] = (-mean * sin) as f32;
            synthesis[j * 2 * kept + k] = (pair * cos) as f32;
            synthesis[j * 2 * kept + kept + k] = (-pair * sin) as f32;
        }
    }
    let (analysis, synthesis) = (floats(&analysis, device), floats(&synthesis, device));
    Axis { n, kept, rows: n, analysis, synthesis }
}

fn complex_axis(n: usize, waves: &[i64], period: f64, device: &CubeDevice) -> Axis {
    let (kept, rows) = (waves.len(), 2 * n);
    let mut analysis = vec![0.0; 2 * kept * rows];
    let mut synthesis = vec![0.0; 2 * kept * rows];
    for (k, wave) in waves.iter().enumerate() {
        for j in 0..n {
            let (sin, cos) = phase(*wave, j, n, period).sin_cos();
            let (sin, cos) = (sin as f32, cos as f32);
            // e^{−iθ} (re + i im), and e^{iθ} (re + i im)
            for (part, re, im) in [(0, cos, sin), (1, -sin, cos)] {
                analysis[(part * kept + k) * rows + 2 * j] = re;
                analysis[(part * kept + k) * rows + 2 * j + 1] = im;
                synthesis[2 * j * 2 * kept + part * kept + k] = re;
                synthesis[(2 * j + 1) * 2 * kept + part * kept + k] = im;
            }
        }
    }
    let (analysis, synthesis) = (floats(&analysis, device), floats(&synthesis, device));
    Axis { n, kept, rows, analysis, synthesis }
}
