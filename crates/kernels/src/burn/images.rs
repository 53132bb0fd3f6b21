//! Functions on tensors for a U-Net, as extensions of the tensor library.
//!
//! Like `operators`, but for a U-Net: dense convolutions, normalisations and joins, channels last.
//! [`ImageOps`] is implemented natively for the flex backend (`images_flex`). For automatic
//! differentiation over it there are explicit backward passes (`images_gradients`).

use std::sync::Arc;

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, backend_extension};
use burn::tensor::{Device, Tensor};

use crate::burn::operators::{fit, operand, runs_where};
use crate::{ConvPlan, KernelError};

/// Whether the operators of a U-Net run on this device. They run on the CPU (flex) only; for other
/// devices compose tensor operations.
pub fn supports_images(device: &Device) -> bool {
    device.clone().without_autodiff() == Device::flex()
}

/// Parameters of a normalisation.
#[derive(Debug, Clone)]
pub struct NormParameters {
    /// γ, `[channel]`.
    pub gamma: Tensor<1>,
    /// β, `[channel]`.
    pub beta: Tensor<1>,
    /// Scale and shift of each sample, `[batch, 1, 2 · channel]`, scale first.
    pub film: Option<Tensor<3>>,
    /// Groups of neighbouring channels that share a mean and a variance.
    pub groups: usize,
    /// ε, added to the variance.
    pub epsilon: f64,
}

/// y(i) = Σ_tap x(i·stride + tap) W_tap + b (+ added). Taps are counted from their centre, and
/// values beyond the edges are zeros. The plan gives the cells, and whether they are enlarged
/// before.
///
/// **Shape** `x` is `[batch, points, in]` with points row after row, `weight`
/// `[out, in, side, side]`, the result and `added` `[batch, points, out]`.
///
/// **Cost** for each point of the result: 2·side²·in·out flops, and twice that in the backward
/// pass. Only `x` is kept.
///
/// # Errors
/// [`KernelError::Shape`] for operands that do not fit; [`KernelError::Device`] for an operand
/// where [`supports_images`] is false or whose numbers are not `f32`; [`KernelError::Level`] as for
/// [`crate::Level::current`].
pub fn convolution(
    x: Tensor<3>,
    weight: Tensor<4>,
    bias: Tensor<1>,
    added: Option<Tensor<3>>,
    plan: &Arc<ConvPlan>,
) -> Result<Tensor<3>, KernelError> {
    const OPERATOR: &str = "convolution";
    let ([batch, _, inputs], [outputs]) = (x.dims(), bias.dims());
    let ([points, targets], side) = (plan.points(), plan.shape().kernel);
    let fits =
        |operand, found: &[usize], expected: &[usize]| fit(OPERATOR, operand, found, expected);
    fits("x", &x.dims(), &[batch.max(1), points, inputs.max(1)])?;
    fits("bias", &bias.dims(), &[outputs.max(1)])?;
    fits("weight", &weight.dims(), &[outputs, inputs, side, side])?;
    if let Some(added) = &added {
        fits("added", &added.dims(), &[batch, targets, outputs])?;
    }
    let others = [operand("x", &x), operand("weight", &weight), operand("bias", &bias)];
    let added_too = added.as_ref().map(|added| operand("added", added));
    runs_where(supports_images, OPERATOR, others.into_iter().chain(added_too))?;
    let conv = Conv { plan: plan.clone(), adds: added.is_some() };
    let added = added.unwrap_or_else(|| Tensor::zeros([1, 1, 1], &x.device().without_autodiff()));
    Ok(Tensor::from_dispatch(<Dispatch as ImageOps>::convolution(
        x.into_dispatch(),
        weight.into_dispatch(),
        bias.into_dispatch(),
        added.into_dispatch(),
        conv,
    )))
}

/// silu(n ⊙ (1 + scale) + shift) with n = γ (x − μ)/√(v + ε) + β. Here μ and v are mean and
/// variance of each sample, over all points and the channels of a group.
///
/// **Shape** `x` and the result are `[batch, points, channel]`.
///
/// **Cost** a few passes over x. x and two numbers a group are kept.
///
/// # Errors
/// As [`convolution`], and [`KernelError::Groups`] if the groups do not divide the channels.
pub fn group_norm_silu(x: Tensor<3>, parameters: NormParameters) -> Result<Tensor<3>, KernelError> {
    const OPERATOR: &str = "group_norm_silu";
    let NormParameters { gamma, beta, film, groups, epsilon } = parameters;
    let [batch, points, channels] = x.dims();
    let fits =
        |operand, found: &[usize], expected: &[usize]| fit(OPERATOR, operand, found, expected);
    fits("x", &x.dims(), &[batch.max(1), points.max(1), channels.max(1)])?;
    fits("gamma", &gamma.dims(), &[channels])?;
    fits("beta", &beta.dims(), &[channels])?;
    if let Some(film) = &film {
        fits("film", &film.dims(), &[batch, 1, 2 * channels])?;
    }
    if groups == 0 || !channels.is_multiple_of(groups) {
        return Err(KernelError::Groups { operator: OPERATOR, channels, groups });
    }
    let others = [operand("x", &x), operand("gamma", &gamma), operand("beta", &beta)];
    let film_too = film.as_ref().map(|film| operand("film", film));
    runs_where(supports_images, OPERATOR, others.into_iter().chain(film_too))?;
    let norm = Normalisation { groups, epsilon, conditioned: film.is_some() };
    let film = film.unwrap_or_else(|| Tensor::zeros([1, 1, 1], &x.device().without_autodiff()));
    Ok(Tensor::from_dispatch(<Dispatch as ImageOps>::group_norm_silu(
        x.into_dispatch(),
        gamma.into_dispatch(),
        beta.into_dispatch(),
        film.into_dispatch(),
        norm,
    )))
}

/// The channels of `a`, then those of `b`.
///
/// **Shape** `[batch, points, channels]` with equal batch and points; the result likewise.
///
/// # Errors
/// As [`convolution`].
pub fn join_channels(a: Tensor<3>, b: Tensor<3>) -> Result<Tensor<3>, KernelError> {
    const OPERATOR: &str = "join_channels";
    let ([batch, points, channels], [_, _, more]) = (a.dims(), b.dims());
    fit(OPERATOR, "a", &a.dims(), &[batch.max(1), points.max(1), channels.max(1)])?;
    fit(OPERATOR, "b", &b.dims(), &[batch, points, more.max(1)])?;
    runs_where(supports_images, OPERATOR, [operand("a", &a), operand("b", &b)])?;
    Ok(Tensor::from_dispatch(<Dispatch as ImageOps>::join_channels(
        a.into_dispatch(),
        b.into_dispatch(),
        [channels, more],
    )))
}

/// Options of a convolution.
#[derive(Debug, Clone)]
pub struct Conv {
    pub(crate) plan: Arc<ConvPlan>,
    pub(crate) adds: bool,
}

/// Options of a normalisation.
#[derive(Debug, Clone, Copy)]
pub struct Normalisation {
    pub(crate) groups: usize,
    pub(crate) epsilon: f64,
    pub(crate) conditioned: bool,
}

/// The operators on backend primitives, with shapes already checked.
#[backend_extension(Flex, Autodiff)]
pub trait ImageOps: Backend {
    /// y.
    fn convolution(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        added: FloatTensor<Self>,
        conv: Conv,
    ) -> FloatTensor<Self>;

    /// Gradients of (x, weight, bias). That of x is arbitrary if it is not requested.
    fn convolution_backward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        conv: Conv,
        wants_x: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);

    /// y.
    fn group_norm_silu(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        film: FloatTensor<Self>,
        norm: Normalisation,
    ) -> FloatTensor<Self>;

    /// (y, statistics).
    fn group_norm_silu_kept(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        film: FloatTensor<Self>,
        norm: Normalisation,
    ) -> (FloatTensor<Self>, FloatTensor<Self>);

    /// Gradients of (x, gamma, beta, film). That of an absent film is arbitrary.
    #[allow(clippy::type_complexity)]
    fn group_norm_silu_backward(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        film: FloatTensor<Self>,
        statistics: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        norm: Normalisation,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);

    /// y of two operands with numbers of channels `channels`.
    fn join_channels(
        a: FloatTensor<Self>,
        b: FloatTensor<Self>,
        channels: [usize; 2],
    ) -> FloatTensor<Self>;

    /// Gradients of two operands with numbers of channels `channels`.
    fn join_channels_backward(
        gradient: FloatTensor<Self>,
        channels: [usize; 2],
    ) -> (FloatTensor<Self>, FloatTensor<Self>);
}
