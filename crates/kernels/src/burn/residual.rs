//! Functions on tensors for networks of residual blocks on several grids.
//!
//! Like `operators`: native on the flex backend and, with a feature for GPUs, on the CubeCL backend,
//! with explicit backward passes for automatic differentiation.

use std::sync::Arc;

use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, backend_extension};
use burn::tensor::Tensor;
use burn_flex::FlexTensor;

use crate::burn::flex::{contiguous, dims, large, mlp, tensor, values};
use crate::burn::gradients::{first_order, node};
use crate::burn::operators::{fit, operand, runs_where, supports};
use crate::cpu::residual::Residual;
use crate::{AxisMaps, KernelError, Level, MlpParameters};

/// Parameters of the point-wise half of a residual block.
#[derive(Debug, Clone)]
pub struct ResidualParameters {
    /// The perceptron, with as many outputs as inputs.
    pub mlp: MlpParameters,
    /// Scale and shift of each sample, `[batch, 1, 2 · channel]`, scale first.
    pub film: Tensor<3>,
}

/// x + gelu(z W₁ + b₁) W₂ + b₂ with z = n ⊙ (1 + scale) + shift and n = u / √(mean_c u² + 1e−6).
///
/// The mean is over the channels of one point, so a point's result does not depend on the others.
///
/// **Shape** `x`, `u` and the result are `[batch, points, channel]`.
///
/// **Cost** for each point: 4·hidden·channel flops, and 10·hidden·channel in the backward pass.
/// Only `u` is kept. On a GPU z is written to memory for the time of a pass, and its gradient in the
/// backward pass.
///
/// # Errors
/// [`KernelError::Shape`] for operands that do not fit; [`KernelError::Device`] for an operand
/// where [`supports`] is false or whose numbers are not `f32`; [`KernelError::Level`] as
/// for [`Level::current`].
pub fn residual_mlp(
    x: Tensor<3>,
    u: Tensor<3>,
    parameters: ResidualParameters,
) -> Result<Tensor<3>, KernelError> {
    const OPERATOR: &str = "residual_mlp";
    let ResidualParameters {
        mlp: MlpParameters { hidden, hidden_bias, output, output_bias },
        film,
    } = parameters;
    let ([batch, points, channels], [width]) = (x.dims(), hidden_bias.dims());
    let fits =
        |operand, found: &[usize], expected: &[usize]| fit(OPERATOR, operand, found, expected);
    fits("x", &x.dims(), &[batch.max(1), points.max(1), channels.max(1)])?;
    fits("u", &u.dims(), &x.dims())?;
    fits("hidden", &hidden.dims(), &[channels, width.max(1)])?;
    fits("output", &output.dims(), &[width, channels])?;
    fits("output_bias", &output_bias.dims(), &[channels])?;
    fits("film", &film.dims(), &[batch, 1, 2 * channels])?;
    let weights = [operand("hidden", &hidden), operand("output", &output)];
    let biases = [operand("hidden_bias", &hidden_bias), operand("output_bias", &output_bias)];
    let others = [operand("x", &x), operand("u", &u), operand("film", &film)];
    runs_where(supports, OPERATOR, others.into_iter().chain(weights).chain(biases))?;
    Ok(Tensor::from_dispatch(<Dispatch as ResidualOps>::residual_mlp(
        x.into_dispatch(),
        u.into_dispatch(),
        film.into_dispatch(),
        hidden.into_dispatch(),
        hidden_bias.into_dispatch(),
        output.into_dispatch(),
        output_bias.into_dispatch(),
    )))
}

/// (M₁ ⊗ … ⊗ M_d) x: one matrix for each axis of the points, the same for every channel.
///
/// **Shape** `x` is `[batch, points in, channel]`, the result `[batch, points out, channel]`.
///
/// **Cost** for each field: [`AxisMaps::flops`] a channel, and as much in the backward pass. Nothing
/// is kept.
///
/// # Errors
/// As [`residual_mlp`].
pub fn map_axes(x: Tensor<3>, maps: &Arc<AxisMaps>) -> Result<Tensor<3>, KernelError> {
    const OPERATOR: &str = "map_axes";
    let [batch, _, channels] = x.dims();
    fit(OPERATOR, "x", &x.dims(), &[batch.max(1), maps.points_in(), channels.max(1)])?;
    runs_where(supports, OPERATOR, [operand("x", &x)])?;
    let maps = Maps { maps: maps.clone(), transposed: false };
    Ok(Tensor::from_dispatch(<Dispatch as ResidualOps>::map_axes(x.into_dispatch(), maps)))
}

/// The matrices, and the direction in which they are applied.
#[derive(Debug, Clone)]
pub struct Maps {
    pub(crate) maps: Arc<AxisMaps>,
    pub(crate) transposed: bool,
}

/// The operators on backend primitives, with shapes already checked.
#[backend_extension(
    Flex,
    Cube: cfg(any(feature = "wgpu", feature = "cuda")),
    Autodiff
)]
pub trait ResidualOps: Backend {
    /// y.
    fn residual_mlp(
        x: FloatTensor<Self>,
        u: FloatTensor<Self>,
        film: FloatTensor<Self>,
        hidden: FloatTensor<Self>,
        hidden_bias: FloatTensor<Self>,
        output: FloatTensor<Self>,
        output_bias: FloatTensor<Self>,
    ) -> FloatTensor<Self>;

    /// Gradients of (u, film, hidden, hidden bias, output, output bias); that of x is `gradient`.
    #[allow(clippy::type_complexity)]
    fn residual_mlp_backward(
        u: FloatTensor<Self>,
        film: FloatTensor<Self>,
        hidden: FloatTensor<Self>,
        hidden_bias: FloatTensor<Self>,
        output: FloatTensor<Self>,
        output_bias: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
    ) -> (
        FloatTensor<Self>,
        FloatTensor<Self>,
        FloatTensor<Self>,
        FloatTensor<Self>,
        FloatTensor<Self>,
        FloatTensor<Self>,
    );

    /// y. With `transposed`, the gradient of x from that of y.
    fn map_axes(x: FloatTensor<Self>, maps: Maps) -> FloatTensor<Self>;
}

/// The kernel's view of the operands; `of` is x or u.
fn kernel<'a>(
    of: &FlexTensor,
    film: &'a FlexTensor,
    parameters: [&'a FlexTensor; 4],
) -> Residual<'a> {
    let shape = dims(of);
    Residual { mlp: mlp(parameters), batch: shape[0], points: shape[1], film: values(film) }
}

impl ResidualOps for Flex {
    fn residual_mlp(
        x: FlexTensor,
        u: FlexTensor,
        film: FlexTensor,
        hidden: FlexTensor,
        hidden_bias: FlexTensor,
        output: FlexTensor,
        output_bias: FlexTensor,
    ) -> FlexTensor {
        let [x, u, film] = [x, u, film].map(contiguous);
        let parameters = [hidden, hidden_bias, output, output_bias].map(contiguous);
        let y = kernel(&x, &film, parameters.each_ref()).forward(values(&x), values(&u));
        large(y, dims(&x))
    }

    fn residual_mlp_backward(
        u: FlexTensor,
        film: FlexTensor,
        hidden: FlexTensor,
        hidden_bias: FlexTensor,
        output: FlexTensor,
        output_bias: FlexTensor,
        gradient: FlexTensor,
    ) -> (FlexTensor, FlexTensor, FlexTensor, FlexTensor, FlexTensor, FlexTensor) {
        let [u, film, gradient] = [u, film, gradient].map(contiguous);
        let parameters = [hidden, hidden_bias, output, output_bias].map(contiguous);
        let g = kernel(&u, &film, parameters.each_ref()).backward(values(&u), values(&gradient));
        let [w1, b1, w2, b2] = parameters.map(|p| dims(&p));
        (
            large(g.u, dims(&u)),
            tensor(g.film, dims(&film)),
            tensor(g.mlp.w1, w1),
            tensor(g.mlp.b1, b1),
            tensor(g.mlp.w2, w2),
            tensor(g.mlp.b2, b2),
        )
    }

    fn map_axes(x: FlexTensor, maps: Maps) -> FlexTensor {
        let x = contiguous(x);
        let shape = dims(&x);
        let Maps { maps, transposed } = maps;
        let points = if transposed { maps.points_in() } else { maps.points_out() };
        let (batch, channels) = (shape[0], shape[2]);
        let y = maps.apply(Level::checked(), batch, channels, values(&x), transposed);
        large(y, vec![batch, points, channels])
    }
}

impl<B: Backend + ResidualOps, C: CheckpointStrategy> ResidualOps for Autodiff<B, C> {
    fn residual_mlp(
        x: FloatTensor<Self>,
        u: FloatTensor<Self>,
        film: FloatTensor<Self>,
        hidden: FloatTensor<Self>,
        hidden_bias: FloatTensor<Self>,
        output: FloatTensor<Self>,
        output_bias: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        node! {
            ResidualMlp: ResidualOps, 7 operands, keeps [FloatTensor<B>; 6];
            |[u, film, w1, b1, w2, b2], gradient| {
                let (u, film, w1, b1, w2, b2) =
                    B::residual_mlp_backward(u, film, w1, b1, w2, b2, gradient.clone());
                [gradient, u, film, w1, b1, w2, b2]
            }
        }
        let operands = [x, u, film, hidden, hidden_bias, output, output_bias];
        let nodes = operands.each_ref().map(|t| t.node());
        let [x, u, film, w1, b1, w2, b2] = operands.map(|t| t.into_primitive());
        let kept = [&u, &film, &w1, &b1, &w2, &b2].map(Clone::clone);
        let y = B::residual_mlp(x, u, film, w1, b1, w2, b2);
        match ResidualMlp.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish(kept, y),
            OpsKind::UnTracked(prepared) => prepared.finish(y),
        }
    }

    first_order!(
        residual_mlp_backward: u film hidden hidden_bias output output_bias gradient
            => u film hidden hidden_bias output output_bias
    );

    fn map_axes(x: FloatTensor<Self>, maps: Maps) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct MapAxes;
        impl<B: Backend + ResidualOps> Backward<B, 1> for MapAxes {
            type State = Maps;

            fn backward(
                self,
                ops: Ops<Self::State, 1>,
                gradients: &mut Gradients,
                _: &mut Checkpointer,
            ) {
                let gradient = gradients.consume::<B>(&ops.node);
                let back = Maps { transposed: !ops.state.transposed, ..ops.state };
                if let [Some(parent)] = ops.parents {
                    gradients.register::<B>(parent.id, B::map_axes(gradient, back));
                }
            }
        }
        let node = x.node();
        let y = B::map_axes(x.into_primitive(), maps.clone());
        match MapAxes.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish(maps, y),
            OpsKind::UnTracked(prepared) => prepared.finish(y),
        }
    }
}
