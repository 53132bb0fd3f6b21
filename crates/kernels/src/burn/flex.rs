//! The operators on Burn's flex backend, whose tensors are slices for the kernels.
//!
//! Operands that are views are made contiguous first. The gradient of a layer's result and the
//! operand of a perceptron are overwritten if nothing else holds them, and copied otherwise.

use burn::backend::Flex;
use burn::tensor::{DType, TensorData};
use burn_flex::{FlexTensor, Layout};

use crate::Level;
use crate::burn::operators::{FusedOps, Layer, Stencil};
use crate::cpu::block::Block;
use crate::cpu::buffer::Buffer;
use crate::cpu::depthwise::Depthwise;
use crate::cpu::linear::PointwiseLinear;
use crate::cpu::mlp::Mlp;

/// The same tensor with contiguous values.
pub(crate) fn contiguous(tensor: FlexTensor) -> FlexTensor {
    if tensor.is_contiguous() { tensor } else { tensor.to_contiguous() }
}

pub(crate) fn values(tensor: &FlexTensor) -> &[f32] {
    tensor.as_slice().expect("contiguous f32")
}

pub(crate) fn dims(tensor: &FlexTensor) -> Vec<usize> {
    tensor.layout().shape().to_vec()
}

pub(crate) fn tensor(values: Vec<f32>, shape: Vec<usize>) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, shape))
}

/// A tensor in memory that is reused later.
pub(crate) fn large(values: Buffer, shape: Vec<usize>) -> FlexTensor {
    FlexTensor::new(values.into_bytes(), Layout::contiguous(shape.into()), DType::F32)
}

/// As [`large`], for values without a shape.
pub(crate) fn list(values: Buffer) -> FlexTensor {
    let shape = vec![values.len()];
    large(values, shape)
}

/// The kernel's view of a layer's operands.
fn block<'a>(
    layer: &'a Layer,
    x: &FlexTensor,
    [real, imaginary, skip, bias, film]: [&'a FlexTensor; 5],
) -> Block<'a> {
    let (x, skip_shape) = (dims(x), dims(skip));
    Block {
        plan: &layer.plan,
        level: Level::checked(),
        batch: x[0],
        inputs: skip_shape[0],
        outputs: skip_shape[1],
        real: values(real),
        imaginary: values(imaginary),
        skip: values(skip),
        bias: values(bias),
        film: layer.conditioned.then(|| values(film)),
        activation: layer.activation,
    }
}

pub(crate) fn mlp<'a>([w1, b1, w2, b2]: [&'a FlexTensor; 4]) -> Mlp<'a> {
    let (first, second) = (dims(w1), dims(w2));
    Mlp {
        level: Level::checked(),
        inputs: first[0],
        hidden: first[1],
        outputs: second[1],
        w1: values(w1),
        b1: values(b1),
        w2: values(w2),
        b2: values(b2),
    }
}

fn linear<'a>(weight: &'a FlexTensor, bias: &'a FlexTensor) -> PointwiseLinear<'a> {
    let shape = dims(weight);
    PointwiseLinear {
        level: Level::checked(),
        inputs: shape[0],
        outputs: shape[1],
        weight: values(weight),
        bias: values(bias),
    }
}

fn depthwise<'a>(stencil: &'a Stencil, x: &FlexTensor, taps: &'a FlexTensor) -> Depthwise<'a> {
    let shape = dims(x);
    Depthwise {
        plan: &stencil.0,
        level: Level::checked(),
        batch: shape[0],
        channels: shape[2],
        taps: values(taps),
    }
}

/// `[batch, points, last]` with the first two extents of a tensor.
pub(crate) fn with_last(tensor: &FlexTensor, last: usize) -> Vec<usize> {
    let shape = dims(tensor);
    vec![shape[0], shape[1], last]
}

impl FusedOps for Flex {
    fn spectral_block(
        x: FlexTensor,
        real: FlexTensor,
        imaginary: FlexTensor,
        skip: FlexTensor,
        bias: FlexTensor,
        film: FlexTensor,
        layer: Layer,
    ) -> FlexTensor {
        let x = contiguous(x);
        let parameters = [real, imaginary, skip, bias, film].map(contiguous);
        let block = block(&layer, &x, parameters.each_ref());
        large(block.forward(values(&x), false).y, with_last(&x, block.outputs))
    }

    fn spectral_block_kept(
        x: FlexTensor,
        real: FlexTensor,
        imaginary: FlexTensor,
        skip: FlexTensor,
        bias: FlexTensor,
        film: FlexTensor,
        layer: Layer,
    ) -> (FlexTensor, FlexTensor, FlexTensor) {
        let x = contiguous(x);
        let parameters = [real, imaginary, skip, bias, film].map(contiguous);
        let block = block(&layer, &x, parameters.each_ref());
        let kept = block.forward(values(&x), true);
        let spectrum = kept.spectrum.expect("asked for");
        (large(kept.y, with_last(&x, block.outputs)), list(kept.q), list(spectrum))
    }

    fn spectral_block_backward(
        x: FlexTensor,
        real: FlexTensor,
        imaginary: FlexTensor,
        skip: FlexTensor,
        bias: FlexTensor,
        film: FlexTensor,
        q: FlexTensor,
        spectrum: FlexTensor,
        gradient: FlexTensor,
        layer: Layer,
        wants_x: bool,
    ) -> (FlexTensor, FlexTensor, FlexTensor, FlexTensor, FlexTensor, FlexTensor) {
        let x = contiguous(x);
        let parameters = [real, imaginary, skip, bias, film].map(contiguous);
        let block = block(&layer, &x, parameters.each_ref());
        // in place if nothing else holds the gradient, otherwise in a copy
        let mut gradient = contiguous(gradient);
        let (start, end) = gradient.layout().contiguous_offsets().expect("contiguous");
        let dy = &mut gradient.storage_mut::<f32>()[start..end];
        let (g, dx) = block.backward(values(&x), values(&q), values(&spectrum), dy, wants_x);
        let dx = dx.map_or(gradient, |dx| large(dx, dims(&x)));
        let [real, imaginary, skip, bias, film] = parameters;
        let film = if layer.conditioned { tensor(g.film, dims(&film)) } else { film };
        (
            dx,
            large(g.real, dims(&real)),
            large(g.imaginary, dims(&imaginary)),
            tensor(g.skip, dims(&skip)),
            tensor(g.bias, dims(&bias)),
            film,
        )
    }

    fn pointwise_mlp(
        x: FlexTensor,
        hidden: FlexTensor,
        hidden_bias: FlexTensor,
        output: FlexTensor,
        output_bias: FlexTensor,
    ) -> FlexTensor {
        let x = contiguous(x);
        let parameters = [hidden, hidden_bias, output, output_bias].map(contiguous);
        let mlp = mlp(parameters.each_ref());
        large(mlp.forward(values(&x)), with_last(&x, mlp.outputs))
    }

    fn pointwise_mlp_backward(
        x: FlexTensor,
        hidden: FlexTensor,
        hidden_bias: FlexTensor,
        output: FlexTensor,
        output_bias: FlexTensor,
        gradient: FlexTensor,
        wants_x: bool,
    ) -> (FlexTensor, FlexTensor, FlexTensor, FlexTensor, FlexTensor) {
        let (mut x, gradient) = (contiguous(x), contiguous(gradient));
        let parameters = [hidden, hidden_bias, output, output_bias].map(contiguous);
        // in place if nothing else holds x, otherwise in a copy
        let (start, end) = x.layout().contiguous_offsets().expect("contiguous");
        let dx = &mut x.storage_mut::<f32>()[start..end];
        let g = mlp(parameters.each_ref()).backward(dx, values(&gradient), wants_x);
        let [w1, b1, w2, b2] = parameters.map(|p| dims(&p));
        (x, tensor(g.w1, w1), tensor(g.b1, b1), tensor(g.w2, w2), tensor(g.b2, b2))
    }

    fn pointwise_linear(x: FlexTensor, weight: FlexTensor, bias: FlexTensor) -> FlexTensor {
        let (x, weight, bias) = (contiguous(x), contiguous(weight), contiguous(bias));
        let linear = linear(&weight, &bias);
        large(linear.forward(values(&x)), with_last(&x, linear.outputs))
    }

    fn pointwise_linear_backward(
        x: FlexTensor,
        weight: FlexTensor,
        bias: FlexTensor,
        gradient: FlexTensor,
        wants_x: bool,
    ) -> (FlexTensor, FlexTensor, FlexTensor) {
        let (x, gradient) = (contiguous(x), contiguous(gradient));
        let (weight, bias) = (contiguous(weight), contiguous(bias));
        let g = linear(&weight, &bias).backward(values(&x), values(&gradient), wants_x);
        let shape = dims(&x);
        let dx = g.x.map_or(x, |dx| large(dx, shape));
        (dx, tensor(g.weight, dims(&weight)), tensor(g.bias, dims(&bias)))
    }

    fn depthwise_stencil(x: FlexTensor, taps: FlexTensor, stencil: Stencil) -> FlexTensor {
        let (x, taps) = (contiguous(x), contiguous(taps));
        large(depthwise(&stencil, &x, &taps).forward(values(&x)), dims(&x))
    }

    fn depthwise_stencil_backward(
        x: FlexTensor,
        taps: FlexTensor,
        gradient: FlexTensor,
        stencil: Stencil,
        wants_x: bool,
    ) -> (FlexTensor, FlexTensor) {
        let (x, taps, gradient) = (contiguous(x), contiguous(taps), contiguous(gradient));
        let stencil = depthwise(&stencil, &x, &taps);
        let g = stencil.backward(values(&x), values(&gradient), wants_x);
        let shape = dims(&x);
        let dx = g.x.map_or(x, |dx| large(dx, shape));
        (dx, tensor(g.taps, dims(&taps)))
    }
}
