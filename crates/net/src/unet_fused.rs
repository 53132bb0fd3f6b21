//! The U-Net by fused operators: one for [GroupNorm, conditioning, SiLU], and one for a convolution
//! with everything that is added to it. Channels stay last from the first convolution to the last.
//!
//! It is the same network as the composition in `unet_composed`, on the CPU.

use std::sync::Arc;

use burn::nn::GroupNorm;
use burn::nn::conv::Conv2d;
use burn::tensor::Tensor;
use karhunen_field::Grid;
use karhunen_kernels::{
    ConvPlan, ConvShape, NormParameters, convolution, group_norm_silu, join_channels, tensor_data,
};

use crate::NetError;
use crate::unet::{ResidualBlock, UNet};

/// Plans of the convolutions on the grid of one stage.
#[derive(Debug)]
pub(crate) struct Plans {
    /// 3×3 and 1×1 convolutions.
    around: Arc<ConvPlan>,
    at: Arc<ConvPlan>,
    /// 3×3 convolutions to the next coarser grid and back.
    down: Arc<ConvPlan>,
    up: Arc<ConvPlan>,
}

impl Plans {
    fn new(sides: [usize; 2]) -> Result<Self, NetError> {
        let make = |from: [usize; 2], kernel, stride| -> Result<Arc<ConvPlan>, NetError> {
            let shape = ConvShape { sides: from, enlarged: sides, kernel, stride };
            Ok(Arc::new(ConvPlan::new(shape)?))
        };
        Ok(Self {
            around: make(sides, 3, 1)?,
            at: make(sides, 1, 1)?,
            down: make(sides, 3, 2)?,
            up: make(halves(sides), 3, 1)?,
        })
    }
}

/// The plans of a network with this number of stages on a grid, fine to coarse.
pub(crate) fn stages(grid: &Grid, count: usize) -> Result<Vec<Plans>, NetError> {
    let points = grid.points();
    let mut sides = [points[0], points[1]];
    let stage = |_| {
        let plans = Plans::new(sides);
        sides = halves(sides);
        plans
    };
    (0..count).map(stage).collect()
}

/// Half of each side, rounded up.
fn halves(sides: [usize; 2]) -> [usize; 2] {
    sides.map(|n| n.div_ceil(2))
}

/// Scales and shifts of the blocks, read one after another.
struct Film {
    /// `[batch, 1, features]`.
    values: Tensor<3>,
    at: usize,
}

impl Film {
    fn next(&mut self, channels: usize) -> Tensor<3> {
        let at = self.at;
        self.at += 2 * channels;
        self.values.clone().narrow(2, at, 2 * channels)
    }
}

impl UNet {
    /// F(x, t) from the conditioning `[batch, 1, features]`.
    pub(crate) fn fused(
        &self,
        grid: &Grid,
        x: &[f32],
        film: Tensor<3>,
    ) -> Result<Tensor<3>, NetError> {
        let (weights, batch) = (self.weights(), film.dims()[0]);
        let stages = self.plans(grid)?;
        let coarsest = &stages[stages.len() - 1];
        let x = tensor_data(x, [batch, grid.len(), self.channels()]);
        let x = Tensor::<3>::from_data(x, self.device());
        let mut film = Film { values: film, at: 0 };
        let mut h = conv(&weights.input, x, None, &stages[0].around)?;
        let mut kept = vec![h.clone()];
        for (stage, plans) in weights.down.iter().zip(stages.iter()) {
            for block in &stage.blocks {
                h = residual(block, h, &mut film, plans)?;
                kept.push(h.clone());
            }
            if let Some(down) = &stage.resample {
                h = conv(down, h, None, &plans.down)?;
                kept.push(h.clone());
            }
        }
        for block in &weights.middle {
            h = residual(block, h, &mut film, coarsest)?;
        }
        for (i, stage) in weights.up.iter().enumerate() {
            let depth = stages.len() - 1 - i;
            for block in &stage.blocks {
                let beside = kept.pop().expect("one kept for each block on the way up");
                h = residual(block, join_channels(h, beside)?, &mut film, &stages[depth])?;
            }
            if let Some(up) = &stage.resample {
                h = conv(up, h, None, &stages[depth - 1].up)?;
            }
        }
        let h = norm(&weights.norm, h, None)?;
        conv(&weights.output, h, None, &stages[0].around)
    }
}

fn residual(
    block: &ResidualBlock,
    x: Tensor<3>,
    film: &mut Film,
    plans: &Plans,
) -> Result<Tensor<3>, NetError> {
    let h = norm(&block.first_norm, x.clone(), None)?;
    let h = conv(&block.first, h, None, &plans.around)?;
    let film = film.next(h.dims()[2]);
    let h = norm(&block.second_norm, h, Some(film))?;
    let beside = match &block.beside {
        Some(beside) => conv(beside, x, None, &plans.at)?,
        None => x,
    };
    conv(&block.second, h, Some(beside), &plans.around)
}

fn conv(
    conv: &Conv2d,
    x: Tensor<3>,
    added: Option<Tensor<3>>,
    plan: &Arc<ConvPlan>,
) -> Result<Tensor<3>, NetError> {
    let bias = conv.bias.as_ref().expect("a convolution with bias").val();
    Ok(convolution(x, conv.weight.val(), bias, added, plan)?)
}

fn norm(norm: &GroupNorm, x: Tensor<3>, film: Option<Tensor<3>>) -> Result<Tensor<3>, NetError> {
    let affine = "a normalisation with scale and shift";
    let parameters = NormParameters {
        gamma: norm.gamma.as_ref().expect(affine).val(),
        beta: norm.beta.as_ref().expect(affine).val(),
        film,
        groups: norm.num_groups,
        epsilon: norm.epsilon,
    };
    Ok(group_norm_silu(x, parameters)?)
}
