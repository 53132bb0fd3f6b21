//! Shape and options of a nested network, as given in a configuration file.

use serde::{Deserialize, Serialize};

use crate::NetError;
use crate::fno_config::Coordinates;

/// Shape of a [`crate::Nested`] network.
///
/// Lists have one number for each level, the coarsest first. A list shorter than the ladder of
/// levels repeats its last number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NestedConfig {
    /// Channels of each stage.
    pub width: Vec<usize>,
    /// Residual blocks of each stage. Half of them run before the coarser stage, half after it.
    pub blocks: Vec<usize>,
    /// Side of a block's kernel in cells along each axis; odd. By default 5, and 3 in dimension 3.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernel: Option<usize>,
    /// Hidden values of a block's perceptron, relative to its channels.
    pub expansion: usize,
    /// The coordinates that enter. By default cell centres if some axis is not periodic, else none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coordinates: Option<Coordinates>,
}

impl Default for NestedConfig {
    fn default() -> Self {
        Self {
            width: vec![64, 48, 32],
            blocks: vec![6, 4, 2],
            kernel: None,
            expansion: 2,
            coordinates: None,
        }
    }
}

/// Fewest cells along an axis of a level. On fewer cells local kernels would cover the whole axis.
pub(crate) const FEWEST_CELLS: usize = 4;

impl NestedConfig {
    /// The channels of the stage of a level.
    pub fn width_of(&self, level: usize) -> usize {
        of(&self.width, level)
    }

    /// The numbers of blocks of the stage of a level, before and after the coarser stage.
    pub fn blocks_of(&self, level: usize) -> (usize, usize) {
        let blocks = of(&self.blocks, level);
        (blocks / 2, blocks - blocks / 2)
    }

    /// Side of a kernel in dimension `dim`, in cells.
    pub fn kernel_in(&self, dim: usize) -> usize {
        self.kernel.unwrap_or(if dim == 3 { 3 } else { 5 })
    }

    pub(crate) fn check(&self) -> Result<(), NetError> {
        let wrong =
            |key, value: String, requirement| Err(NetError::Config { key, value, requirement });
        let list = |list: &[usize], most: usize| {
            (1..=16).contains(&list.len()) && list.iter().all(|n| (1..=most).contains(n))
        };
        if !list(&self.width, 1024) {
            let requirement = "one to sixteen numbers between 1 and 1024, the coarsest level first";
            return wrong("width", format!("{:?}", self.width), requirement);
        }
        if !list(&self.blocks, 64) {
            let requirement = "one to sixteen numbers between 1 and 64, the coarsest level first";
            return wrong("blocks", format!("{:?}", self.blocks), requirement);
        }
        if let Some(kernel) = self.kernel.filter(|k| k % 2 == 0 || *k > 31) {
            return wrong("kernel", kernel.to_string(), "an odd number of at most 31 cells");
        }
        if !(1..=16).contains(&self.expansion) {
            return wrong("expansion", self.expansion.to_string(), "it must lie between 1 and 16");
        }
        if self.coordinates == Some(Coordinates::Endpoints) {
            return wrong("coordinates", "endpoints".into(), "\"centres\" or \"none\"");
        }
        Ok(())
    }

    /// Number of trainable values for this number of levels in dimension `dim`.
    pub(crate) fn parameter_count(&self, levels: usize, dim: usize, channels: usize) -> f64 {
        let linear = |i: usize, o: usize| (i * o + o) as f64;
        let taps = self.kernel_in(dim).pow(dim as u32);
        let stage = |level: usize| {
            let (width, (before, after)) = (self.width_of(level), self.blocks_of(level));
            let hidden = self.expansion * width;
            let block = (taps * width) as f64 + linear(width, hidden) + linear(hidden, width);
            let blocks = (before + after) as f64;
            let between = match level.checked_sub(1).map(|coarser| self.width_of(coarser)) {
                Some(coarser) => linear(width, coarser) + linear(coarser, width),
                None => 0.0,
            };
            let ends =
                linear(channels + dim, width) + linear(width, hidden) + linear(hidden, channels);
            let time = linear(32, 64) + blocks * linear(64, 2 * width);
            blocks * block + between + ends + time
        };
        (0..levels).map(stage).sum()
    }
}

/// The number for a level, from a list whose last number is repeated.
fn of(list: &[usize], level: usize) -> usize {
    list[level.min(list.len() - 1)]
}
