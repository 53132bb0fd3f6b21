//! The U-Net's operators under automatic differentiation.
//!
//! A convolution keeps its input, a normalisation its input and statistics, and a join nothing.
//! None keeps its result. The term added to a convolution has the gradient of the result.

use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend};

use crate::burn::gradients::{first_order, node, register};
use crate::burn::images::{Conv, ImageOps, Normalisation};

impl<B: Backend + ImageOps, C: CheckpointStrategy> ImageOps for Autodiff<B, C> {
    fn convolution(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        added: FloatTensor<Self>,
        conv: Conv,
    ) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct Convolution;
        impl<B: Backend + ImageOps> Backward<B, 4> for Convolution {
            type State = ([FloatTensor<B>; 2], Conv);

            fn backward(
                self,
                ops: Ops<Self::State, 4>,
                gradients: &mut Gradients,
                _: &mut Checkpointer,
            ) {
                let gradient = gradients.consume::<B>(&ops.node);
                let ([x, weight], conv) = ops.state;
                let [x_too, weight_too, bias_too, added_too] = ops.parents;
                if let Some(parent) = added_too {
                    gradients.register::<B>(parent.id, gradient.clone());
                }
                let (x, weight, bias) =
                    B::convolution_backward(x, weight, gradient, conv, x_too.is_some());
                register!(gradients, [x_too, weight_too, bias_too], [x, weight, bias]);
            }
        }
        let operands = [x, weight, bias, added];
        let nodes = operands.each_ref().map(|t| t.node());
        let [x, weight, bias, added] = operands.map(|t| t.into_primitive());
        let kept = [x.clone(), weight.clone()];
        let y = B::convolution(x, weight, bias, added, conv.clone());
        match Convolution.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish((kept, conv), y),
            OpsKind::UnTracked(prepared) => prepared.finish(y),
        }
    }

    first_order!(convolution_backward: x weight gradient | Conv, bool => x weight bias);

    fn group_norm_silu(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        film: FloatTensor<Self>,
        norm: Normalisation,
    ) -> FloatTensor<Self> {
        node! {
            GroupNormSilu: ImageOps, 4 operands, keeps ([FloatTensor<B>; 5], Normalisation);
            |([x, gamma, beta, film, statistics], norm), gradient| {
                let (x, gamma, beta, film) =
                    B::group_norm_silu_backward(x, gamma, beta, film, statistics, gradient, norm);
                [x, gamma, beta, film]
            }
        }
        let operands = [x, gamma, beta, film];
        let nodes = operands.each_ref().map(|t| t.node());
        let operands = operands.map(|t| t.into_primitive());
        let [x, gamma, beta, film] = operands.clone();
        let (y, statistics) = B::group_norm_silu_kept(x, gamma, beta, film, norm);
        let [x, gamma, beta, film] = operands;
        match GroupNormSilu.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => {
                prepared.finish(([x, gamma, beta, film, statistics], norm), y)
            }
            OpsKind::UnTracked(prepared) => prepared.finish(y),
        }
    }

    first_order!(group_norm_silu_kept: x gamma beta film | Normalisation => y statistics);

    first_order!(
        group_norm_silu_backward: x gamma beta film statistics gradient | Normalisation
            => x gamma beta film
    );

    fn join_channels(
        a: FloatTensor<Self>,
        b: FloatTensor<Self>,
        channels: [usize; 2],
    ) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct JoinChannels;
        impl<B: Backend + ImageOps> Backward<B, 2> for JoinChannels {
            type State = [usize; 2];

            fn backward(
                self,
                ops: Ops<Self::State, 2>,
                gradients: &mut Gradients,
                _: &mut Checkpointer,
            ) {
                let gradient = gradients.consume::<B>(&ops.node);
                let (a, b) = B::join_channels_backward(gradient, ops.state);
                register!(gradients, ops.parents, [a, b]);
            }
        }
        let nodes = [a.node(), b.node()];
        let y = B::join_channels(a.into_primitive(), b.into_primitive(), channels);
        match JoinChannels.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish(channels, y),
            OpsKind::UnTracked(prepared) => prepared.finish(y),
        }
    }

    first_order!(join_channels_backward: gradient | [usize; 2] => a b);
}
