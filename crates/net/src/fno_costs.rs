//! What a Fourier neural operator costs: operations and memory.

use karhunen_field::Grid;

use crate::fno_config::LocalKernels;
use crate::operators::Operators;
use crate::spectral::{held_modes, window_size};
use crate::{Fno, local};

impl Fno {
    /// Floating-point operations of the products in one forward pass of one field. Transforms are
    /// folded about the centre of the box, with modes ±k together, and include only modes that the
    /// grid holds.
    pub fn flops(&self, grid: &Grid) -> f64 {
        let (n, w) = (grid.len() as f64, self.config.width as f64);
        let held = held_modes(&grid.points(), &self.modes, &self.padding);
        let kept: Vec<f64> = held.into_iter().map(|m| m as f64).collect();
        let last = kept.len() - 1;
        let (mut transforms, mut rows) = (0.0, n);
        for axis in (0..=last).rev() {
            let points = grid.axes()[axis].points as f64;
            // folded, a mode costs one multiplication and one addition for each real value of a
            // pair
            transforms += 2.0 * rows * kept[axis] * w;
            rows *= kept[axis] / points;
        }
        let mixing = 8.0 * kept.iter().product::<f64>() * w * w;
        let local = match self.config.local {
            LocalKernels::None => 0.0,
            LocalKernels::Depthwise => 2.0 * n * w * local::taps(grid.dim()) as f64,
        };
        let layer = 2.0 * transforms + mixing + 2.0 * n * w * w + local;
        let layers = self.config.layers as f64 * layer + self.oversampling_flops(grid);
        let p = self.config.projection as f64;
        layers + 2.0 * n * p * (w + self.channels as f64) + 2.0 * n * w * 4.0
    }

    /// The part of these operations spent on interpolation to the finer grid and back, also folded.
    fn oversampling_flops(&self, grid: &Grid) -> f64 {
        if !self.oversampled() {
            return 0.0;
        }
        let (mut lines, mut both_ways) = (1.0, 0.0);
        for axis in grid.axes() {
            both_ways += 2.0 * lines * axis.points as f64;
            lines *= 2.0;
        }
        let values = grid.len() as f64 * self.config.width as f64;
        (self.config.layers - 1) as f64 * both_ways * values
    }

    /// Host memory in bytes that one field of a batch needs in a training step.
    ///
    /// Fused operators keep the input of each layer, the values before conditioning, and two
    /// spectra at a time. Composed operators keep everything that automatic differentiation stores.
    pub fn training_bytes(&self, grid: &Grid) -> f64 {
        let (n, w) = (grid.len() as f64, self.config.width as f64);
        let window = window_size(&self.modes) as f64;
        let (layer, hidden) = match self.operators {
            Operators::Fused => (2.0 * n * w + 2.0 * window * w, 0.0),
            Operators::Composed => {
                let spectrum: f64 = self.modes.iter().map(|m| 2.0 * *m as f64).product();
                let finer = match self.oversampled() {
                    true => 8.0 * 2f64.powi(grid.dim() as i32) * n * w,
                    false => 0.0,
                };
                (9.0 * n * w + 6.0 * spectrum * w + finer, 6.0 * n * self.config.projection as f64)
            }
        };
        let layer = match self.config.local {
            LocalKernels::None => layer,
            LocalKernels::Depthwise => layer + n * w,
        };
        let shared = 2.0 * n * w + 4.0 * window * w + 8.0 * n * self.channels as f64;
        4.0 * (self.config.layers as f64 * layer + hidden + shared)
    }
}
