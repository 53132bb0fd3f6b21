//! The U-Net's operators on Burn's flex backend, whose tensors are slices for the kernels.

use burn::backend::Flex;
use burn_flex::FlexTensor;

use crate::Level;
use crate::burn::flex::{contiguous, dims, large, tensor, values, with_last};
use crate::burn::images::{Conv, ImageOps, Normalisation};
use crate::cpu::convolution::Convolution;
use crate::cpu::join::{join, take};
use crate::cpu::norm::Norm;

fn convolution<'a>(conv: &'a Conv, x: &FlexTensor, weight: &'a FlexTensor) -> Convolution<'a> {
    let (x, shape) = (dims(x), dims(weight));
    Convolution {
        plan: &conv.plan,
        level: Level::checked(),
        batch: x[0],
        inputs: shape[1],
        outputs: shape[0],
        weight: values(weight),
    }
}

fn norm<'a>(
    norm: Normalisation,
    x: &FlexTensor,
    [gamma, beta, film]: [&'a FlexTensor; 3],
) -> Norm<'a> {
    let x = dims(x);
    Norm {
        level: Level::checked(),
        batch: x[0],
        points: x[1],
        channels: x[2],
        groups: norm.groups,
        epsilon: norm.epsilon,
        gamma: values(gamma),
        beta: values(beta),
        film: norm.conditioned.then(|| values(film)),
    }
}

impl ImageOps for Flex {
    fn convolution(
        x: FlexTensor,
        weight: FlexTensor,
        bias: FlexTensor,
        added: FlexTensor,
        conv: Conv,
    ) -> FlexTensor {
        let [x, weight, bias, added] = [x, weight, bias, added].map(contiguous);
        let convolution = convolution(&conv, &x, &weight);
        let added = conv.adds.then(|| values(&added));
        let y = convolution.forward(values(&x), values(&bias), added);
        large(y, vec![convolution.batch, conv.plan.points()[1], convolution.outputs])
    }

    fn convolution_backward(
        x: FlexTensor,
        weight: FlexTensor,
        gradient: FlexTensor,
        conv: Conv,
        wants_x: bool,
    ) -> (FlexTensor, FlexTensor, FlexTensor) {
        let [x, weight, gradient] = [x, weight, gradient].map(contiguous);
        let convolution = convolution(&conv, &x, &weight);
        let outputs = convolution.outputs;
        let g = convolution.backward(values(&x), values(&gradient), wants_x);
        let shape = dims(&x);
        let dx = g.x.map_or(x, |dx| large(dx, shape));
        (dx, large(g.weight, dims(&weight)), tensor(g.bias, vec![outputs]))
    }

    fn group_norm_silu(
        x: FlexTensor,
        gamma: FlexTensor,
        beta: FlexTensor,
        film: FlexTensor,
        normalisation: Normalisation,
    ) -> FlexTensor {
        Self::group_norm_silu_kept(x, gamma, beta, film, normalisation).0
    }

    fn group_norm_silu_kept(
        x: FlexTensor,
        gamma: FlexTensor,
        beta: FlexTensor,
        film: FlexTensor,
        normalisation: Normalisation,
    ) -> (FlexTensor, FlexTensor) {
        let x = contiguous(x);
        let parameters = [gamma, beta, film].map(contiguous);
        let norm = norm(normalisation, &x, parameters.each_ref());
        let (y, statistics) = norm.forward(values(&x));
        let shape = vec![norm.batch, 2, norm.groups];
        (large(y, with_last(&x, norm.channels)), tensor(statistics, shape))
    }

    fn group_norm_silu_backward(
        x: FlexTensor,
        gamma: FlexTensor,
        beta: FlexTensor,
        film: FlexTensor,
        statistics: FlexTensor,
        gradient: FlexTensor,
        normalisation: Normalisation,
    ) -> (FlexTensor, FlexTensor, FlexTensor, FlexTensor) {
        let [x, statistics, gradient] = [x, statistics, gradient].map(contiguous);
        let parameters = [gamma, beta, film].map(contiguous);
        let norm = norm(normalisation, &x, parameters.each_ref());
        let g = norm.backward(values(&x), values(&statistics), values(&gradient));
        let [gamma, beta, film] = parameters;
        let film = if normalisation.conditioned { tensor(g.film, dims(&film)) } else { film };
        (large(g.x, dims(&x)), tensor(g.gamma, dims(&gamma)), tensor(g.beta, dims(&beta)), film)
    }

    fn join_channels(a: FlexTensor, b: FlexTensor, channels: [usize; 2]) -> FlexTensor {
        let (a, b) = (contiguous(a), contiguous(b));
        let y = join(values(&a), values(&b), channels);
        large(y, with_last(&a, channels[0] + channels[1]))
    }

    fn join_channels_backward(
        gradient: FlexTensor,
        [of_a, of_b]: [usize; 2],
    ) -> (FlexTensor, FlexTensor) {
        let gradient = contiguous(gradient);
        let part = |first, count| {
            let part = take(values(&gradient), of_a + of_b, first, count);
            large(part, with_last(&gradient, count))
        };
        (part(0, of_a), part(of_a, of_b))
    }
}
