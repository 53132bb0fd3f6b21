//! The loss of a batch and its gradients.

use burn::tensor::{Tensor, TensorData};
use karhunen_field::Grid;
use karhunen_net::{Model, NetError, Parameters};

use crate::TrainError;
use crate::batch::Batch;

/// Weighted mean squared error of the network's output; missing points have the weight 0.
///
/// # Errors
/// Those of the network.
pub fn loss_of(model: &Model, grid: &Grid, batch: &Batch) -> Result<Tensor<1>, TrainError> {
    Ok(errors_of(model, grid, batch)?.mean())
}

/// The loss of a batch and that of each of its fields, whose mean it is but for rounding.
///
/// # Errors
/// As [`loss_of`]; those of reading the device.
pub fn losses_of(model: &Model, grid: &Grid, batch: &Batch) -> Result<(f64, Vec<f64>), TrainError> {
    let errors = errors_of(model, grid, batch)?;
    let mean = scalar(errors.clone().mean())?;
    let each = errors.mean_dim(2).mean_dim(1);
    let each: Vec<f32> = each.try_into_vec_as().map_err(|e| NetError::Compute(e.to_string()))?;
    Ok((f64::from(mean), each.into_iter().map(f64::from).collect()))
}

/// The weighted square of what the network's output is off by, `[batch, point, channel]`.
fn errors_of(model: &Model, grid: &Grid, batch: &Batch) -> Result<Tensor<3>, TrainError> {
    let output = model.network_output(grid, &batch.inputs)?;
    let device = model.network.device();
    let shape = output.dims();
    let target = Tensor::<3>::from_data(TensorData::new(batch.target.clone(), shape), device);
    let weights = TensorData::new(batch.weights.clone(), [shape[0], 1, 1]);
    let weights = Tensor::<3>::from_data(weights, device);
    let errors = (output - target).square() * weights;
    if batch.measured.is_empty() {
        return Ok(errors);
    }
    let measured = TensorData::new(batch.measured.clone(), shape);
    Ok(errors * Tensor::<3>::from_data(measured, device))
}

/// The loss and its gradients.
///
/// # Errors
/// As [`loss_of`]; those of reading the device.
pub fn loss_and_gradients(
    model: &Model,
    grid: &Grid,
    batch: &Batch,
) -> Result<(f64, Parameters), TrainError> {
    let loss = loss_of(model, grid, batch)?;
    let value = scalar(loss.clone())?;
    Ok((f64::from(value), model.network.taken_gradients(loss.backward())?))
}

/// A part of a batch's loss, the mean over some of its fields times their share of all, and its gradients.
///
/// # Errors
/// As [`loss_and_gradients`].
pub fn share_and_gradients(
    model: &Model,
    grid: &Grid,
    batch: &Batch,
    share: f32,
) -> Result<(f32, Parameters), TrainError> {
    let mean = loss_of(model, grid, batch)?;
    // the whole batch as it always was
    let loss = if share == 1.0 { mean } else { mean * share };
    let value = scalar(loss.clone())?;
    Ok((value, model.network.taken_gradients(loss.backward())?))
}

/// A loss as a number.
///
/// # Errors
/// If the device does not hand it back.
pub fn scalar(loss: Tensor<1>) -> Result<f32, TrainError> {
    let value = loss.without_autodiff().try_into_scalar::<f32>();
    Ok(value.map_err(|e| NetError::Compute(e.to_string()))?)
}
