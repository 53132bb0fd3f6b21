//! The operators under automatic differentiation.
//!
//! For the backward pass a layer keeps its input, the values before conditioning, and the spectrum.
//! The other operators keep their input. Nothing is kept if no operand requires a gradient. The
//! gradient of x is not computed if x does not require it.

use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend};

use crate::burn::operators::{FusedOps, Layer, Stencil};

/// Message of a backward pass when a second derivative is requested.
pub(crate) const FIRST_ORDER: &str = "the fused operators have first-order gradients only";

/// Registers the gradient of each operand that requires it. It is a macro because the type of an
/// operand's node has no public name in the library.
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

/// Declares an operator's node for automatic differentiation. It says what the operator keeps, and
/// how the gradients of its operands, in their order, follow from that and from the gradient of the
/// result. The last name, if given, tells whether the first operand requires its gradient.
macro_rules! node {
    (
        $node:ident: $ops:ident, $count:literal operands, keeps $kept:ty;
        |$state:pat_param, $gradient:ident $(, $wants_first:ident)?| $backward:block
    ) => {
        #[derive(Debug)]
        struct $node;
        impl<B: Backend + $ops> Backward<B, $count> for $node {
            type State = $kept;

            fn backward(
                self,
                ops: Ops<Self::State, $count>,
                gradients: &mut Gradients,
                _: &mut Checkpointer,
            ) {
                let $gradient = gradients.consume::<B>(&ops.node);
                $(let $wants_first = ops.parents[0].is_some();)?
                let $state = ops.state;
                let found = $backward;
                $crate::burn::gradients::register!(gradients, ops.parents, found);
            }
        }
    };
}
pub(crate) use node;

/// Defines a method that only backward passes call and that has no gradient of its own. Its tensors
/// are given by name, and its other arguments by type after the bar.
macro_rules! first_order {
    ($name:ident: $($tensor:ident)+ $(| $($other:ty),+)? => $($result:ident)+) => {
        fn $name(
            $($tensor: FloatTensor<Self>,)+
            $($(_: $other,)+)?
        ) -> ($(first_order!(@ $result),)+) {
            let _ = ($($tensor,)+);
            unreachable!("{}", $crate::burn::gradients::FIRST_ORDER)
        }
    };
    (@ $result:ident) => { FloatTensor<Self> };
}
pub(crate) use first_order;

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
        node! {
            SpectralBlock: FusedOps, 6 operands, keeps ([FloatTensor<B>; 8], Layer);
            |([x, real, imaginary, skip, bias, film, q, spectrum], layer), gradient, wants_x| {
                let (x, real, imaginary, skip, bias, film) = B::spectral_block_backward(
                    x, real, imaginary, skip, bias, film, q, spectrum, gradient, layer, wants_x,
                );
                [x, real, imaginary, skip, bias, film]
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

    first_order!(spectral_block_kept: x real imaginary skip bias film | Layer => y q spectrum);

    first_order!(
        spectral_block_backward: x real imaginary skip bias film q spectrum gradient | Layer, bool
            => x real imaginary skip bias film
    );

    fn pointwise_mlp(
        x: FloatTensor<Self>,
        hidden: FloatTensor<Self>,
        hidden_bias: FloatTensor<Self>,
        output: FloatTensor<Self>,
        output_bias: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        node! {
            PointwiseMlp: FusedOps, 5 operands, keeps [FloatTensor<B>; 5];
            |[x, w1, b1, w2, b2], gradient, wants_x| {
                let (x, w1, b1, w2, b2) =
                    B::pointwise_mlp_backward(x, w1, b1, w2, b2, gradient, wants_x);
                [x, w1, b1, w2, b2]
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

    first_order!(
        pointwise_mlp_backward: x hidden hidden_bias output output_bias gradient | bool
            => x hidden hidden_bias output output_bias
    );

    fn pointwise_linear(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        node! {
            PointwiseLinear: FusedOps, 3 operands, keeps [FloatTensor<B>; 3];
            |[x, weight, bias], gradient, wants_x| {
                let (x, weight, bias) =
                    B::pointwise_linear_backward(x, weight, bias, gradient, wants_x);
                [x, weight, bias]
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

    first_order!(pointwise_linear_backward: x weight bias gradient | bool => x weight bias);

    fn depthwise_stencil(
        x: FloatTensor<Self>,
        taps: FloatTensor<Self>,
        stencil: Stencil,
    ) -> FloatTensor<Self> {
        node! {
            DepthwiseStencil: FusedOps, 2 operands, keeps ([FloatTensor<B>; 2], Stencil);
            |([x, taps], stencil), gradient, wants_x| {
                let (x, taps) = B::depthwise_stencil_backward(x, taps, gradient, stencil, wants_x);
                [x, taps]
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

    first_order!(depthwise_stencil_backward: x taps gradient | Stencil, bool => x taps);
}
