//! The operators under automatic differentiation.
//!
//! What a backward pass keeps: of a layer its input, the values before conditioning, and the
//! spectrum; of the other operators their input. Nothing is kept where no operand asks for a
//! gradient, and the gradient of x is left out where x does not.

use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend};

use crate::operators::{FusedOps, Layer, Stencil};

/// Why a backward pass has none of its own.
pub(crate) const FIRST_ORDER: &str = "the fused operators have first-order gradients only";

/// Hands each operand that asks for it its gradient. A macro, since the node of an operand has no name
/// outside the library.
macro_rules! register {
    ($gradients:ident, $parents:expr, $found:expr) => {
        for (parent, gradient) in $parents.into_iter().zip($found) {
            if let Some(parent) = parent {
                $gradients.register::<B>(parent.id, gradient);
            }
        }
    };
}
pub(crate) use register;

impl<B: Backend + FusedOps, C: CheckpointStrategy> FusedOps for Autodiff<B, C> {
    fn spectral_block(
        x: FloatTensor<Self>,
        real: FloatTensor<Self>,
        imaginary: FloatTensor<Self>,
        skip: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        film: FloatTensor<Self>,
        layer: Layer,
    ) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct SpectralBlock;
        impl<B: Backend + FusedOps> Backward<B, 6> for SpectralBlock {
            type State = ([FloatTensor<B>; 8], Layer);

            fn backward(
                self,
                ops: Ops<Self::State, 6>,
                gradients: &mut Gradients,
                _: &mut Checkpointer,
            ) {
                let gradient = gradients.consume::<B>(&ops.node);
                let ([x, real, imaginary, skip, bias, film, q, spectrum], layer) = ops.state;
                let wants_x = ops.parents[0].is_some();
                let (x, real, imaginary, skip, bias, film) = B::spectral_block_backward(
                    x, real, imaginary, skip, bias, film, q, spectrum, gradient, layer, wants_x,
                );
                let found = [x, real, imaginary, skip, bias, film];
                register!(gradients, ops.parents, found);
            }
        }
        let operands = [x, real, imaginary, skip, bias, film];
        let nodes = operands.each_ref().map(|t| t.node());
        let operands = operands.map(|t| t.into_primitive());
        let prepared = SpectralBlock.prepare::<C>(nodes).compute_bound().stateful();
        let [x, real, imaginary, skip, bias, film] = operands;
        match prepared {
            OpsKind::Tracked(prepared) => {
                let kept = [x, real, imaginary, skip, bias, film];
                let [x, real, imaginary, skip, bias, film] = kept.clone();
                let (y, q, spectrum) =
                    B::spectral_block_kept(x, real, imaginary, skip, bias, film, layer.clone());
                let [x, real, imaginary, skip, bias, film] = kept;
                let kept = [x, real, imaginary, skip, bias, film, q, spectrum];
                prepared.finish((kept, layer), y)
            }
            OpsKind::UnTracked(prepared) => {
                prepared.finish(B::spectral_block(x, real, imaginary, skip, bias, film, layer))
            }
        }
    }

    fn spectral_block_kept(
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: Layer,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        unreachable!("{FIRST_ORDER}")
    }

    fn spectral_block_backward(
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: Layer,
        _: bool,
    ) -> (
        FloatTensor<Self>,
        FloatTensor<Self>,
        FloatTensor<Self>,
        FloatTensor<Self>,
        FloatTensor<Self>,
        FloatTensor<Self>,
    ) {
        unreachable!("{FIRST_ORDER}")
    }

    fn pointwise_mlp(
        x: FloatTensor<Self>,
        hidden: FloatTensor<Self>,
        hidden_bias: FloatTensor<Self>,
        output: FloatTensor<Self>,
        output_bias: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct PointwiseMlp;
        impl<B: Backend + FusedOps> Backward<B, 5> for PointwiseMlp {
            type State = [FloatTensor<B>; 5];

            fn backward(
                self,
                ops: Ops<Self::State, 5>,
                gradients: &mut Gradients,
                _: &mut Checkpointer,
            ) {
                let gradient = gradients.consume::<B>(&ops.node);
                let [x, w1, b1, w2, b2] = ops.state;
                let wants_x = ops.parents[0].is_some();
                let (x, w1, b1, w2, b2) =
                    B::pointwise_mlp_backward(x, w1, b1, w2, b2, gradient, wants_x);
                let found = [x, w1, b1, w2, b2];
                register!(gradients, ops.parents, found);
            }
        }
        let operands = [x, hidden, hidden_bias, output, output_bias];
        let nodes = operands.each_ref().map(|t| t.node());
        let kept = operands.map(|t| t.into_primitive());
        let [x, w1, b1, w2, b2] = kept.clone();
        let y = B::pointwise_mlp(x, w1, b1, w2, b2);
        match PointwiseMlp.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish(kept, y),
            OpsKind::UnTracked(prepared) => prepared.finish(y),
        }
    }

    fn pointwise_mlp_backward(
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: bool,
    ) -> (
        FloatTensor<Self>,
        FloatTensor<Self>,
        FloatTensor<Self>,
        FloatTensor<Self>,
        FloatTensor<Self>,
    ) {
        unreachable!("{FIRST_ORDER}")
    }

    fn pointwise_linear(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct PointwiseLinear;
        impl<B: Backend + FusedOps> Backward<B, 3> for PointwiseLinear {
            type State = [FloatTensor<B>; 3];

            fn backward(
                self,
                ops: Ops<Self::State, 3>,
                gradients: &mut Gradients,
                _: &mut Checkpointer,
            ) {
                let gradient = gradients.consume::<B>(&ops.node);
                let [x, weight, bias] = ops.state;
                let wants_x = ops.parents[0].is_some();
                let (x, weight, bias) =
                    B::pointwise_linear_backward(x, weight, bias, gradient, wants_x);
                let found = [x, weight, bias];
                register!(gradients, ops.parents, found);
            }
        }
        let operands = [x, weight, bias];
        let nodes = operands.each_ref().map(|t| t.node());
        let kept = operands.map(|t| t.into_primitive());
        let [x, weight, bias] = kept.clone();
        let y = B::pointwise_linear(x, weight, bias);
        match PointwiseLinear.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish(kept, y),
            OpsKind::UnTracked(prepared) => prepared.finish(y),
        }
    }

    fn pointwise_linear_backward(
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        unreachable!("{FIRST_ORDER}")
    }

    fn depthwise_stencil(
        x: FloatTensor<Self>,
        taps: FloatTensor<Self>,
        stencil: Stencil,
    ) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct DepthwiseStencil;
        impl<B: Backend + FusedOps> Backward<B, 2> for DepthwiseStencil {
            type State = ([FloatTensor<B>; 2], Stencil);

            fn backward(
                self,
                ops: Ops<Self::State, 2>,
                gradients: &mut Gradients,
                _: &mut Checkpointer,
            ) {
                let gradient = gradients.consume::<B>(&ops.node);
                let ([x, taps], stencil) = ops.state;
                let wants_x = ops.parents[0].is_some();
                let (x, taps) = B::depthwise_stencil_backward(x, taps, gradient, stencil, wants_x);
                register!(gradients, ops.parents, [x, taps]);
            }
        }
        let nodes = [x.node(), taps.node()];
        let kept = [x, taps].map(|t| t.into_primitive());
        let [x, taps] = kept.clone();
        let y = B::depthwise_stencil(x, taps, stencil.clone());
        match DepthwiseStencil.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish((kept, stencil), y),
            OpsKind::UnTracked(prepared) => prepared.finish(y),
        }
    }

    fn depthwise_stencil_backward(
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: Stencil,
        _: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        unreachable!("{FIRST_ORDER}")
    }
}
