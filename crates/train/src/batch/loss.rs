//! The loss of a batch and its gradients.

use burn::tensor::{Tensor, TensorData};
use karhunen_net::device::is_cpu;
use karhunen_net::{Model, NetError, Parameters};

use crate::TrainError;
use crate::batch::Batch;

/// The loss of a batch, the weighted mean squared error of the network's output where missing points have the weight 0,
/// and that of each of its fields, whose mean it is.
///
/// # Errors
/// Those of the network; those of reading the device.
pub fn losses_of(model: &Model, batch: &Batch) -> Result<(f64, Vec<f64>), TrainError> {
    let errors = errors_of(model, batch)?;
    let of_one = errors.dims()[1] * errors.dims()[2];
    let values = host(errors)?;
    let each: Vec<f64> = values.chunks_exact(of_one).map(mean).collect();
    Ok((each.iter().sum::<f64>() / each.len() as f64, each))
}

/// The mean of many numbers, in f64: their sum in single precision loses digits as there are more of them, and a
/// tensor's own depends on which thread adds what.
fn mean(values: &[f32]) -> f64 {
    values.iter().map(|v| f64::from(*v)).sum::<f64>() / values.len() as f64
}

fn host(errors: Tensor<3>) -> Result<Vec<f32>, NetError> {
    errors.try_into_vec_as().map_err(|e| NetError::Compute(e.to_string()))
}

/// The weighted square of what the network's output is off by, `[batch, point, channel]`.
fn errors_of(model: &Model, batch: &Batch) -> Result<Tensor<3>, TrainError> {
    let output = model.network.forward(&batch.inputs)?;
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
/// As [`losses_of`].
pub fn loss_and_gradients(model: &Model, batch: &Batch) -> Result<(f64, Parameters), TrainError> {
    let (loss, gradients) = share_and_gradients(model, batch, 1.0)?;
    Ok((f64::from(loss), gradients))
}

/// A part of a batch's loss, the mean over some of its fields times their share of all, and its gradients.
///
/// # Errors
/// As [`loss_and_gradients`].
pub fn share_and_gradients(
    model: &Model,
    batch: &Batch,
    share: f32,
) -> Result<(f32, Parameters), TrainError> {
    let errors = errors_of(model, batch)?;
    let all = errors.clone().mean();
    // the whole batch as it always was
    let loss = if share == 1.0 { all } else { all * share };
    // a card would have to hand back all of them
    let value = match is_cpu(model.network.device()) {
        true => (mean(&host(errors.without_autodiff())?) * f64::from(share)) as f32,
        false => scalar(loss.clone())?,
    };
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
