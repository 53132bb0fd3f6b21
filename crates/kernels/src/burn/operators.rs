//! Functions on tensors for a Fourier neural operator, as extensions of the tensor library.
//!
//! [`FusedOps`] is implemented natively for the flex backend (`flex`). For automatic
//! differentiation over it there are explicit backward passes (`gradients`). Shapes and devices are
//! checked here, before a backend is called.

use std::sync::Arc;

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, backend_extension};
use burn::tensor::{DType, Device, Tensor};

use crate::{Activation, KernelError, Level, SpectralPlan, StencilPlan};

/// Parameters of one layer of a Fourier neural operator.
#[derive(Debug, Clone)]
pub struct LayerParameters {
    /// Re W, `[mode, in, out]`, all modes of the window.
    pub real: Tensor<3>,
    /// Im W, `[mode, in, out]`.
    pub imaginary: Tensor<3>,
    /// S, `[in, out]`.
    pub skip: Tensor<2>,
    /// β, `[out]`.
    pub bias: Tensor<1>,
    /// Scale and shift of each sample, `[batch, 1, 2 · out]`, scale first.
    pub film: Option<Tensor<3>>,
}

/// Parameters of a perceptron with one hidden layer.
#[derive(Debug, Clone)]
pub struct MlpParameters {
    /// W₁, `[in, hidden]`.
    pub hidden: Tensor<2>,
    /// b₁, `[hidden]`.
    pub hidden_bias: Tensor<1>,
    /// W₂, `[hidden, out]`.
    pub output: Tensor<2>,
    /// b₂, `[out]`.
    pub output_bias: Tensor<1>,
}

/// Whether the operators run on this device. For other devices compose tensor operations.
///
/// They run on the CPU (flex), and on GPUs that a feature of this crate includes.
pub fn supports(device: &Device) -> bool {
    let device = device.clone().without_autodiff();
    #[cfg(any(feature = "wgpu", feature = "cuda"))]
    if matches!(device.as_dispatch(), burn::backend::DispatchDevice::Cube(_)) {
        return true;
    }
    device == Device::flex()
}

/// One layer: act( (Re Σ_k e^{iω_k·x} W_k x̂_k + x S + β) ⊙ (1 + scale) + shift ).
///
/// x̂_k = mean_j x(x_j) e^{−iω_k·x_j}. The plan gives the window of modes k and the frequencies
/// ω_k. Pairs ±k of the last axis count together.
///
/// **Shape** `x` is `[batch, points, in]`, the result `[batch, points, out]`.
///
/// **Cost** for a sample of N points and K modes: about 2·N·m·(in + out) flops for the last axis
/// with m modes, 8·K·in·out for the mixing, and 2·N·in·out for the skip. The backward pass costs
/// twice that. It keeps x and y's values before conditioning and activation, N·(in + out) numbers,
/// and 2·K·in numbers of the spectrum. Without conditioning and activation it keeps N·out fewer.
///
/// # Errors
/// [`KernelError::Shape`] for operands that do not fit; [`KernelError::Device`] for an operand
/// where [`supports`] is false or whose numbers are not `f32`; [`KernelError::Level`] as for
/// [`Level::current`].
pub fn spectral_block(
    x: Tensor<3>,
    parameters: LayerParameters,
    activation: Activation,
    plan: &Arc<SpectralPlan>,
) -> Result<Tensor<3>, KernelError> {
    const OPERATOR: &str = "spectral_block";
    let LayerParameters { real, imaginary, skip, bias, film } = parameters;
    let ([batch, _, inputs], [outputs]) = (x.dims(), bias.dims());
    let weight = [plan.window(), inputs, outputs];
    let fits =
        |operand, found: &[usize], expected: &[usize]| fit(OPERATOR, operand, found, expected);
    fits("x", &x.dims(), &[batch.max(1), plan.points(), inputs.max(1)])?;
    fits("bias", &bias.dims(), &[outputs.max(1)])?;
    fits("real", &real.dims(), &weight)?;
    fits("imaginary", &imaginary.dims(), &weight)?;
    fits("skip", &skip.dims(), &[inputs, outputs])?;
    if let Some(film) = &film {
        fits("film", &film.dims(), &[batch, 1, 2 * outputs])?;
    }
    let weights = [operand("real", &real), operand("imaginary", &imaginary)];
    let others = [operand("x", &x), operand("skip", &skip), operand("bias", &bias)];
    let film_too = film.as_ref().map(|film| operand("film", film));
    runs(OPERATOR, others.into_iter().chain(weights).chain(film_too))?;
    let layer = Layer { plan: plan.clone(), activation, conditioned: film.is_some() };
    let film = film.unwrap_or_else(|| Tensor::zeros([1, 1, 1], &x.device().without_autodiff()));
    Ok(Tensor::from_dispatch(<Dispatch as FusedOps>::spectral_block(
        x.into_dispatch(),
        real.into_dispatch(),
        imaginary.into_dispatch(),
        skip.into_dispatch(),
        bias.into_dispatch(),
        film.into_dispatch(),
        layer,
    )))
}

/// gelu(x W₁ + b₁) W₂ + b₂ at every point. The hidden values are never written to memory.
///
/// **Shape** `x` is `[batch, points, in]`, the result `[batch, points, out]`.
///
/// **Cost** for each point: 2·hidden·(in + out) flops, and 2·hidden·(3·in + 2·out) in the backward
/// pass. Only `x` is kept.
///
/// # Errors
/// As [`spectral_block`].
pub fn pointwise_mlp(x: Tensor<3>, parameters: MlpParameters) -> Result<Tensor<3>, KernelError> {
    const OPERATOR: &str = "pointwise_mlp";
    let MlpParameters { hidden, hidden_bias, output, output_bias } = parameters;
    let ([batch, points, inputs], [width], [outputs]) =
        (x.dims(), hidden_bias.dims(), output_bias.dims());
    let fits =
        |operand, found: &[usize], expected: &[usize]| fit(OPERATOR, operand, found, expected);
    fits("x", &x.dims(), &[batch.max(1), points.max(1), inputs.max(1)])?;
    fits("hidden", &hidden.dims(), &[inputs, width.max(1)])?;
    fits("output", &output.dims(), &[width, outputs.max(1)])?;
    let weights = [operand("hidden", &hidden), operand("output", &output)];
    let biases = [operand("hidden_bias", &hidden_bias), operand("output_bias", &output_bias)];
    runs(OPERATOR, [operand("x", &x)].into_iter().chain(weights).chain(biases))?;
    Ok(Tensor::from_dispatch(<Dispatch as FusedOps>::pointwise_mlp(
        x.into_dispatch(),
        hidden.into_dispatch(),
        hidden_bias.into_dispatch(),
        output.into_dispatch(),
        output_bias.into_dispatch(),
    )))
}

/// x W + b at every point, for a small number of inputs.
///
/// **Shape** `x` is `[batch, points, in]`, `weight` `[in, out]`, the result `[batch, points, out]`.
///
/// **Choosing** For tens of inputs or more, a library's matrix product is equally fast.
///
/// # Errors
/// As [`spectral_block`].
pub fn pointwise_linear(
    x: Tensor<3>,
    weight: Tensor<2>,
    bias: Tensor<1>,
) -> Result<Tensor<3>, KernelError> {
    const OPERATOR: &str = "pointwise_linear";
    let ([batch, points, inputs], [outputs]) = (x.dims(), bias.dims());
    let fits =
        |operand, found: &[usize], expected: &[usize]| fit(OPERATOR, operand, found, expected);
    fits("x", &x.dims(), &[batch.max(1), points.max(1), inputs.max(1)])?;
    fits("weight", &weight.dims(), &[inputs, outputs.max(1)])?;
    runs(OPERATOR, [operand("x", &x), operand("weight", &weight), operand("bias", &bias)])?;
    Ok(Tensor::from_dispatch(<Dispatch as FusedOps>::pointwise_linear(
        x.into_dispatch(),
        weight.into_dispatch(),
        bias.into_dispatch(),
    )))
}

/// One small stencil a channel: y_c(x_i) = Σ_tap K_c(tap) x_c(x_{i + tap}).
///
/// Taps are the product of the plan's offsets per axis, last axis fastest. The plan also defines
/// the values beyond the ends of the grid.
///
/// **Shape** `x` is `[batch, points, channel]`, `taps` `[tap, channel]`, the result as `x`.
///
/// **Cost** for each point and channel: 2·taps flops, one value read and one written, and twice
/// that in the backward pass. Only `x` is kept.
///
/// # Errors
/// As [`spectral_block`].
pub fn depthwise_stencil(
    x: Tensor<3>,
    taps: Tensor<2>,
    plan: &Arc<StencilPlan>,
) -> Result<Tensor<3>, KernelError> {
    const OPERATOR: &str = "depthwise_stencil";
    let [batch, _, channels] = x.dims();
    let fits =
        |operand, found: &[usize], expected: &[usize]| fit(OPERATOR, operand, found, expected);
    fits("x", &x.dims(), &[batch.max(1), plan.points(), channels.max(1)])?;
    fits("taps", &taps.dims(), &[plan.taps(), channels])?;
    runs(OPERATOR, [operand("x", &x), operand("taps", &taps)])?;
    Ok(Tensor::from_dispatch(<Dispatch as FusedOps>::depthwise_stencil(
        x.into_dispatch(),
        taps.into_dispatch(),
        Stencil(plan.clone()),
    )))
}

pub(crate) fn fit(
    operator: &'static str,
    operand: &'static str,
    found: &[usize],
    expected: &[usize],
) -> Result<(), KernelError> {
    if found == expected {
        return Ok(());
    }
    let (expected, found) = (expected.to_vec(), found.to_vec());
    Err(KernelError::Shape { operator, operand, expected, found })
}

/// An operand's name, device and numbers.
pub(crate) type Operand = (&'static str, Device, DType);

pub(crate) fn operand<const D: usize>(name: &'static str, tensor: &Tensor<D>) -> Operand {
    (name, tensor.device(), tensor.dtype())
}

/// Whether the operator runs on these operands, on their device.
fn runs(
    operator: &'static str,
    operands: impl IntoIterator<Item = Operand>,
) -> Result<(), KernelError> {
    runs_where(supports, operator, operands)
}

/// The same for an operator with its own set of devices.
pub(crate) fn runs_where(
    supports: fn(&Device) -> bool,
    operator: &'static str,
    operands: impl IntoIterator<Item = Operand>,
) -> Result<(), KernelError> {
    for (operand, device, numbers) in operands {
        let found = match numbers {
            DType::F32 if supports(&device) => continue,
            DType::F32 => format!("device {device:?}"),
            other => format!("{other:?} numbers"),
        };
        return Err(KernelError::Device { operator, operand, found });
    }
    Level::current().map(|_| ())
}

/// Options of a layer.
#[derive(Debug, Clone)]
pub struct Layer {
    pub(crate) plan: Arc<SpectralPlan>,
    pub(crate) activation: Activation,
    pub(crate) conditioned: bool,
}

/// Geometry of a stencil.
#[derive(Debug, Clone)]
pub struct Stencil(pub(crate) Arc<StencilPlan>);

/// The operators on backend primitives, with shapes already checked.
#[backend_extension(
    Flex,
    Cube: cfg(any(feature = "wgpu", feature = "cuda")),
    Autodiff
)]
pub trait FusedOps: Backend {
    /// y.
    fn spectral_block(
        x: FloatTensor<Self>,
        real: FloatTensor<Self>,
        imaginary: FloatTensor<Self>,
        skip: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        film: FloatTensor<Self>,
        layer: Layer,
    ) -> FloatTensor<Self>;

    /// (y, q, spectrum).
    fn spectral_block_kept(
        x: FloatTensor<Self>,
        real: FloatTensor<Self>,
        imaginary: FloatTensor<Self>,
        skip: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        film: FloatTensor<Self>,
        layer: Layer,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);

    /// Gradients of (x, real, imaginary, skip, bias, film). Those that are not requested, or whose
    /// operand is absent, are arbitrary.
    #[allow(clippy::type_complexity, clippy::too_many_arguments)]
    fn spectral_block_backward(
        x: FloatTensor<Self>,
        real: FloatTensor<Self>,
        imaginary: FloatTensor<Self>,
        skip: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        film: FloatTensor<Self>,
        q: FloatTensor<Self>,
        spectrum: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        layer: Layer,
        wants_x: bool,
    ) -> (
        FloatTensor<Self>,
        FloatTensor<Self>,
        FloatTensor<Self>,
        FloatTensor<Self>,
        FloatTensor<Self>,
        FloatTensor<Self>,
    );

    /// y.
    fn pointwise_mlp(
        x: FloatTensor<Self>,
        hidden: FloatTensor<Self>,
        hidden_bias: FloatTensor<Self>,
        output: FloatTensor<Self>,
        output_bias: FloatTensor<Self>,
    ) -> FloatTensor<Self>;

    /// Gradients of the operands.
    #[allow(clippy::type_complexity)]
    fn pointwise_mlp_backward(
        x: FloatTensor<Self>,
        hidden: FloatTensor<Self>,
        hidden_bias: FloatTensor<Self>,
        output: FloatTensor<Self>,
        output_bias: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        wants_x: bool,
    ) -> (
        FloatTensor<Self>,
        FloatTensor<Self>,
        FloatTensor<Self>,
        FloatTensor<Self>,
        FloatTensor<Self>,
    );

    /// y.
    fn pointwise_linear(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self>;

    /// Gradients of the operands.
    fn pointwise_linear_backward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        wants_x: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);

    /// y.
    fn depthwise_stencil(
        x: FloatTensor<Self>,
        taps: FloatTensor<Self>,
        stencil: Stencil,
    ) -> FloatTensor<Self>;

    /// Gradients of the operands.
    fn depthwise_stencil_backward(
        x: FloatTensor<Self>,
        taps: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        stencil: Stencil,
        wants_x: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>);
}
