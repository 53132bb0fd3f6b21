//! Evaluation of a nested network: its nested stages, and the derivative of the answer.

use burn::nn::Linear;
use burn::tensor::{Tensor, TensorData};
use karhunen_field::Grid;
use karhunen_kernels::{
    MlpParameters, ResidualParameters, pointwise_linear, pointwise_mlp, residual_mlp,
};

use crate::fno::gelu;
use crate::nested::Nested;
use crate::nested_stage::{NestedBlock, NestedStage, StageGrid};
use crate::operators::Operators;
use crate::{Given, NetError};

/// ε of the norm over channels, equal to that of the fused operator.
const EPSILON: f64 = 1e-6;

impl Nested {
    /// F(x, t | given) for a batch on the grid of a level.
    ///
    /// **Shape** `x` holds `[batch, points, channel]` values; so does the result, on the device.
    ///
    /// # Errors
    /// [`NetError::Input`] for a grid that is not a level, values of the wrong length, a number of
    /// log-SNRs or conditions that differs from the number of fields, or an unknown class.
    pub fn forward(
        &self,
        grid: &Grid,
        x: &[f32],
        half_log_snr: &[f64],
        given: &Given,
    ) -> Result<Tensor<3>, NetError> {
        let level = self.level_of_batch(grid, x, half_log_snr.len())?;
        let data =
            karhunen_kernels::tensor_data(x, [half_log_snr.len(), grid.len(), self.channels()]);
        self.answer(level, Tensor::from_data(data, self.device()), half_log_snr, given)
    }

    /// ∂F(x, t)* w: the transposed derivative of a batch's answers, applied to `w`. `None` on a
    /// device that does not track derivatives.
    ///
    /// **Shape** `x`, `w` and the result hold `[batch, points, channel]` values.
    ///
    /// # Errors
    /// As [`Nested::forward`]; [`NetError::Compute`] if the device does not return the result.
    pub fn pullback(
        &self,
        grid: &Grid,
        x: &[f32],
        w: &[f32],
        half_log_snr: &[f64],
        given: &Given,
    ) -> Result<Option<Vec<f32>>, NetError> {
        let level = self.level_of_batch(grid, x, half_log_snr.len())?;
        if !self.device().is_autodiff() {
            return Ok(None);
        }
        let shape = [half_log_snr.len(), grid.len(), self.channels()];
        let of = |values: &[f32]| {
            Tensor::<3>::from_data(TensorData::new(values.to_vec(), shape), self.device())
        };
        let x = of(x).require_grad();
        let answers = self.answer(level, x.clone(), half_log_snr, given)?;
        let gradients = (answers * of(w)).sum().backward();
        let failed = NetError::Compute;
        let found = x.grad(&gradients).ok_or_else(|| failed("no derivative came back".into()))?;
        found.without_autodiff().try_into_vec_as().map(Some).map_err(|e| failed(e.to_string()))
    }

    /// The level of a grid, after checking that the values are those of a batch on it.
    fn level_of_batch(&self, grid: &Grid, x: &[f32], batch: usize) -> Result<usize, NetError> {
        let level = self.grids().iter().position(|level| level.grid == *grid);
        level.filter(|_| x.len() == batch * grid.len() * self.channels()).ok_or_else(|| {
            let levels: Vec<String> = self.grids().iter().map(|l| l.grid.to_string()).collect();
            NetError::Input {
                expected: format!("{} channel(s) on {}", self.channels(), levels.join(", ")),
                found: format!("{} values for {batch} fields on {grid}", x.len()),
            }
        })
    }

    /// F of a batch on the grid of a level.
    fn answer(
        &self,
        level: usize,
        x: Tensor<3>,
        half_log_snr: &[f64],
        given: &Given,
    ) -> Result<Tensor<3>, NetError> {
        let stages = &self.weights().stages[..=level];
        let films = stages.iter().map(|s| s.time.forward(half_log_snr, given, self.device()));
        let films = films.collect::<Result<Vec<_>, _>>()?;
        let [batch, points, _] = x.dims();
        let other = given.tensor(self.condition_channels(), (batch, points), self.device())?;
        Ok(self.stage(level, (x, other), None, &films)?.answer)
    }

    /// Runs a stage and, inside it, the coarser stages.
    fn stage(
        &self,
        level: usize,
        (x, other): (Tensor<3>, Option<Tensor<3>>),
        sent: Option<Tensor<3>>,
        films: &[Tensor<3>],
    ) -> Result<Answered, NetError> {
        let (stage, on) = (&self.weights().stages[level], &self.grids()[level]);
        let (before, _) = self.config().blocks_of(level);
        let mut h = self.linear(&stage.stem, on.input(x.clone(), self.device()))?;
        if let (Some(map), Some(other)) = (&stage.condition, &other) {
            h = h + self.linear(map, other.clone())?;
        }
        if let Some(sent) = sent {
            h = h + sent;
        }
        let width = 2 * self.config().width_of(level);
        let film = |i: usize| films[level].clone().narrow(2, i * width, width);
        let (down, up) = stage.blocks.split_at(before);
        for (i, block) in down.iter().enumerate() {
            h = self.block(block, h, film(i), on)?;
        }
        let mut coarser = None;
        if let (Some(between), Some(transfers)) = (&stage.between, &on.between) {
            let restricted = transfers.restrict.apply(h.clone(), self.operators())?;
            let sent = self.linear(&between.send, restricted)?;
            let x = transfers.restrict_field.apply(x, self.operators())?;
            let other = other.map(|other| transfers.restrict_given(&other, self.operators()));
            let below = (x, other.transpose()?);
            let coarse = self.stage(level - 1, below, Some(sent), films)?;
            let raised = self.linear(&between.raise, coarse.features)?;
            h = h + transfers.prolong.apply(raised, self.operators())?;
            coarser = Some(transfers.prolong_field.apply(coarse.answer, self.operators())?);
        }
        for (i, block) in up.iter().enumerate() {
            h = self.block(block, h, film(before + i), on)?;
        }
        let own = self.head(stage, h.clone())?;
        let answer = match coarser {
            Some(coarser) => coarser + own,
            None => own,
        };
        Ok(Answered { features: h, answer })
    }

    /// One residual block.
    fn block(
        &self,
        block: &NestedBlock,
        h: Tensor<3>,
        film: Tensor<3>,
        on: &StageGrid,
    ) -> Result<Tensor<3>, NetError> {
        if self.operators() == Operators::Fused {
            let u = block.local.fused(h.clone(), &on.neighbours)?;
            let mlp = mlp_parameters(&block.hidden, &block.output);
            return Ok(residual_mlp(h, u, ResidualParameters { mlp, film })?);
        }
        let u = block.local.composed(h.clone(), &on.neighbours);
        let width = u.dims()[2];
        let n = u.clone() / (u.square().mean_dim(2) + EPSILON).sqrt();
        let z = n * (film.clone().narrow(2, 0, width) + 1.0) + film.narrow(2, width, width);
        Ok(h + block.output.forward(gelu(block.hidden.forward(z))))
    }

    /// The answer of a stage.
    fn head(&self, stage: &NestedStage, h: Tensor<3>) -> Result<Tensor<3>, NetError> {
        if self.operators() == Operators::Fused {
            return Ok(pointwise_mlp(h, mlp_parameters(&stage.head, &stage.output))?);
        }
        Ok(stage.output.forward(gelu(stage.head.forward(h))))
    }

    fn linear(&self, linear: &Linear, x: Tensor<3>) -> Result<Tensor<3>, NetError> {
        match self.operators() {
            Operators::Fused => Ok(pointwise_linear(x, linear.weight.val(), bias(linear))?),
            Operators::Composed => Ok(linear.forward(x)),
        }
    }
}

/// The result that a stage passes to the finer stage.
struct Answered {
    /// `[batch, points, width]`.
    features: Tensor<3>,
    /// F of this level, `[batch, points, channel]`.
    answer: Tensor<3>,
}

fn mlp_parameters(hidden: &Linear, output: &Linear) -> MlpParameters {
    MlpParameters {
        hidden: hidden.weight.val(),
        hidden_bias: bias(hidden),
        output: output.weight.val(),
        output_bias: bias(output),
    }
}

/// The bias of a linear map. Every linear map here has one.
fn bias(linear: &Linear) -> Tensor<1> {
    linear.bias.as_ref().expect("a linear map with bias").val()
}
