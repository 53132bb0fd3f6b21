//! Shape of a U-Net, as given in a configuration, and quantities that follow from it.

use serde::{Deserialize, Serialize};

use crate::NetError;

/// Shape of a [`crate::UNet`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UNetConfig {
    /// Channels of the finest stage.
    pub channels: usize,
    /// Channels of each stage, relative to the finest. Each stage but the last halves the grid.
    pub multipliers: Vec<usize>,
    /// Residual blocks of a stage on the way down.
    pub blocks: usize,
    /// Largest number of groups of a normalisation; it must divide the channels.
    pub groups: usize,
}

impl Default for UNetConfig {
    fn default() -> Self {
        Self { channels: 64, multipliers: vec![1, 2, 2], blocks: 2, groups: 32 }
    }
}

/// Number of blocks between the way down and the way up.
const MIDDLE: usize = 2;

/// Input and output channels of every residual block, in the order of execution.
pub(crate) struct Shape {
    pub down: Vec<Vec<[usize; 2]>>,
    pub middle: Vec<[usize; 2]>,
    pub up: Vec<Vec<[usize; 2]>>,
}

impl UNetConfig {
    pub(crate) fn check(&self) -> Result<(), NetError> {
        let wrong =
            |key, value: String, requirement| Err(NetError::Config { key, value, requirement });
        if !(1..=1024).contains(&self.channels) {
            return wrong("channels", self.channels.to_string(), "it must lie between 1 and 1024");
        }
        if !(1..=16).contains(&self.blocks) {
            return wrong("blocks", self.blocks.to_string(), "it must lie between 1 and 16");
        }
        let multipliers = &self.multipliers;
        if !(1..=8).contains(&multipliers.len())
            || multipliers.iter().any(|m| !(1..=16).contains(m))
        {
            let requirement = "one to eight factors between 1 and 16";
            return wrong("multipliers", format!("{multipliers:?}"), requirement);
        }
        if self.groups == 0 || !self.channels.is_multiple_of(self.groups.min(self.channels)) {
            return wrong(
                "groups",
                self.groups.to_string(),
                "at least 1, and a divisor of channels",
            );
        }
        Ok(())
    }

    /// Number of trainable values for functions of `channels` channels.
    pub(crate) fn parameter_count(&self, channels: usize) -> f64 {
        let conv = |[i, o]: [usize; 2], k: usize| (i * o * k * k + o) as f64;
        let shape = self.shape();
        let block = |b: &[usize; 2]| {
            let beside = if b[0] == b[1] { 0.0 } else { conv(*b, 1) };
            conv(*b, 3) + conv([b[1], b[1]], 3) + beside + (2 * b[0] + 2 * b[1] + 130 * b[1]) as f64
        };
        let all = shape.down.iter().chain(&shape.up).flatten().chain(&shape.middle);
        let resampled: f64 = self.resampled().into_iter().map(|c| 2.0 * conv([c, c], 3)).sum();
        let ends = conv([channels, self.channels], 3) + conv([self.channels, channels], 3);
        all.map(block).sum::<f64>() + resampled + ends
    }

    /// Number of channels at each change of the grid.
    pub(crate) fn resampled(&self) -> Vec<usize> {
        let stages = self.multipliers.len() - 1;
        self.multipliers[..stages].iter().map(|m| m * self.channels).collect()
    }

    pub(crate) fn shape(&self) -> Shape {
        let widths: Vec<usize> = self.multipliers.iter().map(|m| m * self.channels).collect();
        let (mut at, mut kept, mut down) = (self.channels, vec![self.channels], Vec::new());
        for (stage, &width) in widths.iter().enumerate() {
            let mut blocks = Vec::new();
            for _ in 0..self.blocks {
                blocks.push([at, width]);
                at = width;
                kept.push(at);
            }
            down.push(blocks);
            if stage + 1 < widths.len() {
                kept.push(at);
            }
        }
        let middle = vec![[at, at]; MIDDLE];
        let mut up = Vec::new();
        for &width in widths.iter().rev() {
            let mut blocks = Vec::new();
            for _ in 0..=self.blocks {
                let beside = kept.pop().expect("one kept for each block on the way up");
                blocks.push([at + beside, width]);
                at = width;
            }
            up.push(blocks);
        }
        Shape { down, middle, up }
    }
}
