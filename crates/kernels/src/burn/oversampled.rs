//! Functions on tensors for layers whose nonlinearity is oversampled.
//!
//! Like `operators`, but native on the flex backend only, with an explicit backward pass for
//! automatic differentiation. On GPUs the caller composes tensor operations after the layer's
//! linear part.

use std::sync::Arc;

use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, backend_extension};
use burn::tensor::{Device, Tensor};
use burn_flex::FlexTensor;

use crate::burn::flex::{contiguous, dims, large, tensor, values};
use crate::burn::gradients::{first_order, node};
use crate::burn::operators::{fit, operand, runs_where, spectral_block};
use crate::cpu::oversampled::Oversampled;
use crate::{Activation, KernelError, LayerParameters, Level, OversamplingPlan, SpectralPlan};

/// Whether [`oversampled_gelu`] runs on this device. It runs on the CPU (flex) only; for other
/// devices compose tensor operations.
pub fn supports_oversampling(device: &Device) -> bool {
    device.clone().without_autodiff() == Device::flex()
}

/// One layer whose nonlinearity does not alias: D gelu( U( (Re Σ_k e^{iω_k·x} W_k x̂_k + x S + β) ⊙
/// (1 + scale) + shift ) ).
///
/// U interpolates from the points of the grid to twice the points an axis, by the modes that the
/// grid holds. D projects back on these modes: see [`OversamplingPlan`]. The inner part is that of
/// [`spectral_block`]. The 1×1 map commutes with U, so it is applied on the grid's own points.
///
/// **Shape** `x` is `[batch, points, in]`, the result `[batch, points, out]`.
///
/// **Cost** that of [`spectral_block`] and of [`oversampled_gelu`].
///
/// **Choosing** Use it where results must depend less on the grid, or where the same network should
/// learn more in each step. Use [`spectral_block`] where steps should be cheap.
///
/// # Errors
/// As for both operators.
pub fn spectral_block_oversampled(
    x: Tensor<3>,
    parameters: LayerParameters,
    plan: &Arc<SpectralPlan>,
    oversampling: &Arc<OversamplingPlan>,
) -> Result<Tensor<3>, KernelError> {
    let film = parameters.film.clone();
    let linear = LayerParameters { film: None, ..parameters };
    let q = spectral_block(x, linear, Activation::Identity, plan)?;
    oversampled_gelu(q, film, oversampling)
}

/// D gelu( U(q ⊙ (1 + scale) + shift) ): GELU on twice the points an axis.
///
/// **Shape** `q` and the result are `[batch, points, channel]`, `film` is
/// `[batch, 1, 2 · channel]`, scale first.
///
/// **Cost** for each value, with d axes of n points: 2·(2^d − 1)·n flops and 2^d activations; the
/// backward pass half as many again. Only `q` is kept. The tables are dense, so for axes of several
/// hundred points this operator costs more than the rest of a layer.
///
/// # Errors
/// [`KernelError::Shape`] for operands that do not fit; [`KernelError::Device`] for an operand
/// where [`supports_oversampling`] is false or whose numbers are not `f32`; [`KernelError::Level`]
/// as for [`Level::current`].
pub fn oversampled_gelu(
    q: Tensor<3>,
    film: Option<Tensor<3>>,
    plan: &Arc<OversamplingPlan>,
) -> Result<Tensor<3>, KernelError> {
    const OPERATOR: &str = "oversampled_gelu";
    let [batch, _, channels] = q.dims();
    fit(OPERATOR, "q", &q.dims(), &[batch.max(1), plan.points(), channels.max(1)])?;
    if let Some(film) = &film {
        fit(OPERATOR, "film", &film.dims(), &[batch, 1, 2 * channels])?;
    }
    let film_too = film.as_ref().map(|film| operand("film", film));
    runs_where(supports_oversampling, OPERATOR, [operand("q", &q)].into_iter().chain(film_too))?;
    let finer = Finer { plan: plan.clone(), conditioned: film.is_some() };
    let film = film.unwrap_or_else(|| Tensor::zeros([1, 1, 1], &q.device().without_autodiff()));
    Ok(Tensor::from_dispatch(<Dispatch as OversampledOps>::oversampled_gelu(
        q.into_dispatch(),
        film.into_dispatch(),
        finer,
    )))
}

/// Options of an oversampled nonlinearity.
#[derive(Debug, Clone)]
pub struct Finer {
    plan: Arc<OversamplingPlan>,
    conditioned: bool,
}

/// The operator on backend primitives, with shapes already checked.
#[backend_extension(Flex, Autodiff)]
pub trait OversampledOps: Backend {
    /// y.
    fn oversampled_gelu(
        q: FloatTensor<Self>,
        film: FloatTensor<Self>,
        finer: Finer,
    ) -> FloatTensor<Self>;

    /// Gradients of (q, film). That of an absent film is arbitrary.
    fn oversampled_gelu_backward(
        q: FloatTensor<Self>,
        film: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        finer: Finer,
    ) -> (FloatTensor<Self>, FloatTensor<Self>);
}

/// The kernel's view of the operands.
fn kernel<'a>(finer: &'a Finer, q: &FlexTensor, film: &'a FlexTensor) -> Oversampled<'a> {
    let shape = dims(q);
    Oversampled {
        plan: &finer.plan,
        level: Level::checked(),
        batch: shape[0],
        channels: shape[2],
        film: finer.conditioned.then(|| values(film)),
    }
}

impl OversampledOps for Flex {
    fn oversampled_gelu(q: FlexTensor, film: FlexTensor, finer: Finer) -> FlexTensor {
        let (q, film) = (contiguous(q), contiguous(film));
        large(kernel(&finer, &q, &film).forward(values(&q)), dims(&q))
    }

    fn oversampled_gelu_backward(
        q: FlexTensor,
        film: FlexTensor,
        gradient: FlexTensor,
        finer: Finer,
    ) -> (FlexTensor, FlexTensor) {
        let (q, film) = (contiguous(q), contiguous(film));
        // in place if nothing else holds the gradient, otherwise in a copy
        let mut gradient = contiguous(gradient);
        let (start, end) = gradient.layout().contiguous_offsets().expect("contiguous");
        let d = &mut gradient.storage_mut::<f32>()[start..end];
        let d_film = kernel(&finer, &q, &film).backward(values(&q), d);
        let d_film = if finer.conditioned { tensor(d_film, dims(&film)) } else { film };
        (gradient, d_film)
    }
}

impl<B: Backend + OversampledOps, C: CheckpointStrategy> OversampledOps for Autodiff<B, C> {
    fn oversampled_gelu(
        q: FloatTensor<Self>,
        film: FloatTensor<Self>,
        finer: Finer,
    ) -> FloatTensor<Self> {
        node! {
            OversampledGelu: OversampledOps, 2 operands, keeps ([FloatTensor<B>; 2], Finer);
            |([q, film], finer), gradient| {
                let (q, film) = B::oversampled_gelu_backward(q, film, gradient, finer);
                [q, film]
            }
        }
        let nodes = [q.node(), film.node()];
        let kept = [q, film].map(|t| t.into_primitive());
        let [q, film] = kept.clone();
        let y = B::oversampled_gelu(q, film, finer.clone());
        match OversampledGelu.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish((kept, finer), y),
            OpsKind::UnTracked(prepared) => prepared.finish(y),
        }
    }

    first_order!(oversampled_gelu_backward: q film gradient | Finer => q film);
}
