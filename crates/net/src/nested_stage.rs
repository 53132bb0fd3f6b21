//! The parts of a nested network: the trainable parts of a stage, and the tables of its grid.

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::{Device, Tensor, TensorData};
use karhunen_field::Grid;

use crate::NetError;
use crate::grid_transfer::Transfer;
use crate::local::{LocalBasis, LocalConv};
use crate::nested_config::FEWEST_CELLS;
use crate::operators::Operators;
use crate::time_embedding::TimeEmbedding;

/// One residual block.
#[derive(Module, Debug)]
pub struct NestedBlock {
    /// One small kernel a channel.
    pub local: LocalConv,
    /// Channels → hidden.
    pub hidden: Linear,
    /// Hidden → channels.
    pub output: Linear,
}

/// The maps between a stage and the coarser stage.
#[derive(Module, Debug)]
pub struct Between {
    /// This stage's channels → the coarser one's.
    pub send: Linear,
    /// The coarser stage's channels → this one's.
    pub raise: Linear,
}

/// The stage of one level.
#[derive(Module, Debug)]
pub struct NestedStage {
    /// Field and coordinates → channels.
    pub stem: Linear,
    /// The blocks, first those of the way down.
    pub blocks: Vec<NestedBlock>,
    /// The maps to and from the coarser stage; `None` for the coarsest stage.
    pub between: Option<Between>,
    /// Channels → hidden, for the answer.
    pub head: Linear,
    /// Hidden → field.
    pub output: Linear,
    /// Embedding that gives scale and shift of every block.
    pub time: TimeEmbedding,
    /// Given other fields with their mark → channels; `None` if the network takes no such fields.
    pub condition: Option<Linear>,
}

/// The trainable parts of a nested network.
#[derive(Module, Debug)]
pub struct NestedWeights {
    /// The stages, coarse to fine.
    pub stages: Vec<NestedStage>,
}

/// Tables of a stage's grid.
#[derive(Debug, Clone)]
pub(crate) struct StageGrid {
    pub grid: Grid,
    pub neighbours: LocalBasis,
    /// `[point, axis]`, if coordinates enter.
    pub coordinates: Option<Vec<f32>>,
    pub between: Option<Transfers>,
}

/// Transfers between the grid of a stage and that of the coarser stage.
#[derive(Debug, Clone)]
pub(crate) struct Transfers {
    pub restrict_field: Transfer,
    pub prolong_field: Transfer,
    pub restrict: Transfer,
    pub prolong: Transfer,
}

impl StageGrid {
    /// The input of a stage: the field with its coordinates.
    pub fn input(&self, x: Tensor<3>, device: &Device) -> Tensor<3> {
        let Some(coordinates) = &self.coordinates else {
            return x;
        };
        let ([batch, points, _], dim) = (x.dims(), self.grid.dim());
        let coordinates = TensorData::new(coordinates.clone(), [1, points, dim]);
        let coordinates = Tensor::<3>::from_data(coordinates, device).expand([batch, points, dim]);
        Tensor::cat(vec![x, coordinates], 2)
    }
}

impl Transfers {
    /// Other fields on the coarser grid. Their mark is unchanged.
    pub fn restrict_given(
        &self,
        given: &Tensor<3>,
        operators: Operators,
    ) -> Result<Tensor<3>, NetError> {
        let channels = given.dims()[2] - 1;
        let fields = self.restrict_field.apply(given.clone().narrow(2, 0, channels), operators)?;
        let [batch, points, _] = fields.dims();
        let mark = given.clone().narrow(2, channels, 1).narrow(1, 0, 1).expand([batch, points, 1]);
        Ok(Tensor::cat(vec![fields, mark], 2))
    }

    pub fn new(fine: &Grid, coarse: &Grid) -> Result<Self, NetError> {
        Ok(Self {
            restrict_field: Transfer::of_fields(fine, coarse)?,
            prolong_field: Transfer::of_fields(coarse, fine)?,
            restrict: Transfer::of_features(fine, coarse)?,
            prolong: Transfer::of_features(coarse, fine)?,
        })
    }
}

/// Cell centres scaled to [−1, 1], `[point, axis]`.
pub(crate) fn centres(grid: &Grid) -> Vec<f32> {
    let mut values = Vec::with_capacity(grid.len() * grid.dim());
    for flat in 0..grid.len() {
        let axes = grid.axes().iter().zip(grid.position(flat));
        values.extend(axes.map(|(a, j)| (2.0 * a.centre(j) / a.length - 1.0) as f32));
    }
    values
}

/// Checks that a list of levels suits a nested network.
pub(crate) fn check_levels(levels: &[Grid]) -> Result<(), NetError> {
    let wrong = |grid: &Grid, requirement: &'static str| {
        Err(NetError::Levels { grid: grid.to_string(), requirement })
    };
    for (i, grid) in levels.iter().enumerate() {
        if grid.axes().iter().any(|a| a.points < FEWEST_CELLS) {
            return wrong(grid, "a nested network needs at least 4 cells along every axis");
        }
        let Some(coarser) = i.checked_sub(1).map(|coarser| &levels[coarser]) else { continue };
        let mut axes = coarser.axes().iter().zip(grid.axes());
        if coarser == grid || axes.any(|(coarse, fine)| coarse.points > fine.points) {
            return wrong(
                grid,
                "every level of a nested network must be finer than the one before",
            );
        }
    }
    Ok(())
}
