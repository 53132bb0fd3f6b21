//! The operators on the CubeCL backend. Tensors are made contiguous for the kernels.

use burn_cubecl::CubeBackend;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::tensor::CubeTensor;

use super::{axes, block, linear, mlp, mlp_backward, norm, shaped, stencil};
use crate::burn::operators::{FusedOps, Layer, Stencil};
use crate::burn::residual::{Maps, ResidualOps};

/// A gradient with the extents of its operand.
fn as_operand(gradient: CubeTensor, operand: &CubeTensor) -> CubeTensor {
    shaped(&gradient, operand.meta.shape().as_slice())
}

impl FusedOps for CubeBackend {
    fn spectral_block(
        x: CubeTensor,
        real: CubeTensor,
        imaginary: CubeTensor,
        skip: CubeTensor,
        bias: CubeTensor,
        film: CubeTensor,
        layer: Layer,
    ) -> CubeTensor {
        let parameters = [real, imaginary, skip, bias, film].map(into_contiguous);
        let x = into_contiguous(x);
        shaped_as(block::forward(&x, &parameters, &layer, false).y, &x)
    }

    fn spectral_block_kept(
        x: CubeTensor,
        real: CubeTensor,
        imaginary: CubeTensor,
        skip: CubeTensor,
        bias: CubeTensor,
        film: CubeTensor,
        layer: Layer,
    ) -> (CubeTensor, CubeTensor, CubeTensor) {
        let parameters = [real, imaginary, skip, bias, film].map(into_contiguous);
        let x = into_contiguous(x);
        let kept = block::forward(&x, &parameters, &layer, true);
        (shaped_as(kept.y, &x), kept.q, kept.spectrum)
    }

    fn spectral_block_backward(
        x: CubeTensor,
        real: CubeTensor,
        imaginary: CubeTensor,
        skip: CubeTensor,
        bias: CubeTensor,
        film: CubeTensor,
        q: CubeTensor,
        spectrum: CubeTensor,
        gradient: CubeTensor,
        layer: Layer,
        wants_x: bool,
    ) -> (CubeTensor, CubeTensor, CubeTensor, CubeTensor, CubeTensor, CubeTensor) {
        let parameters = [real, imaginary, skip, bias, film].map(into_contiguous);
        let (x, gradient) = (into_contiguous(x), into_contiguous(gradient));
        let (dx, found) =
            block::backward(&x, &parameters, &q, &spectrum, &gradient, &layer, wants_x);
        let mut found = found.into_iter().zip(&parameters).map(|(g, p)| as_operand(g, p));
        let mut next = || found.next().expect("a gradient for each of five parameters");
        let dx = dx.map_or_else(|| x.clone(), |dx| as_operand(dx, &x));
        (dx, next(), next(), next(), next(), next())
    }

    fn pointwise_mlp(
        x: CubeTensor,
        hidden: CubeTensor,
        hidden_bias: CubeTensor,
        output: CubeTensor,
        output_bias: CubeTensor,
    ) -> CubeTensor {
        let parameters = [hidden, hidden_bias, output, output_bias].map(into_contiguous);
        mlp::forward(&into_contiguous(x), &parameters, None)
    }

    fn pointwise_mlp_backward(
        x: CubeTensor,
        hidden: CubeTensor,
        hidden_bias: CubeTensor,
        output: CubeTensor,
        output_bias: CubeTensor,
        gradient: CubeTensor,
        wants_x: bool,
    ) -> (CubeTensor, CubeTensor, CubeTensor, CubeTensor, CubeTensor) {
        let parameters = [hidden, hidden_bias, output, output_bias].map(into_contiguous);
        let (x, gradient) = (into_contiguous(x), into_contiguous(gradient));
        let (dx, [w1, b1, w2, b2]) = mlp_backward::backward(&x, &parameters, &gradient, wants_x);
        let [p1, q1, p2, q2] = &parameters;
        let (w1, b1) = (as_operand(w1, p1), as_operand(b1, q1));
        (dx.unwrap_or(x), w1, b1, as_operand(w2, p2), as_operand(b2, q2))
    }

    fn pointwise_linear(x: CubeTensor, weight: CubeTensor, bias: CubeTensor) -> CubeTensor {
        let (x, weight, bias) =
            (into_contiguous(x), into_contiguous(weight), into_contiguous(bias));
        shaped_as(linear::forward(&x, &weight, &bias), &x)
    }

    fn pointwise_linear_backward(
        x: CubeTensor,
        weight: CubeTensor,
        bias: CubeTensor,
        gradient: CubeTensor,
        wants_x: bool,
    ) -> (CubeTensor, CubeTensor, CubeTensor) {
        let (x, gradient) = (into_contiguous(x), into_contiguous(gradient));
        let weight = into_contiguous(weight);
        let (dx, dw, db) = linear::backward(&x, &weight, &gradient, wants_x);
        let dx = dx.map_or_else(|| x.clone(), |dx| as_operand(dx, &x));
        (dx, as_operand(dw, &weight), as_operand(db, &bias))
    }

    fn depthwise_stencil(x: CubeTensor, taps: CubeTensor, stencil: Stencil) -> CubeTensor {
        stencil::gather(&into_contiguous(x), &into_contiguous(taps), &stencil.0, false)
    }

    fn depthwise_stencil_backward(
        x: CubeTensor,
        taps: CubeTensor,
        gradient: CubeTensor,
        stencil: Stencil,
        wants_x: bool,
    ) -> (CubeTensor, CubeTensor) {
        let (x, gradient) = (into_contiguous(x), into_contiguous(gradient));
        let taps = into_contiguous(taps);
        let d_taps = as_operand(stencil::taps_gradient(&x, &gradient, &stencil.0), &taps);
        let dx = wants_x.then(|| stencil::gather(&gradient, &taps, &stencil.0, true));
        (dx.unwrap_or(x), d_taps)
    }
}

impl ResidualOps for CubeBackend {
    fn residual_mlp(
        x: CubeTensor,
        u: CubeTensor,
        film: CubeTensor,
        hidden: CubeTensor,
        hidden_bias: CubeTensor,
        output: CubeTensor,
        output_bias: CubeTensor,
    ) -> CubeTensor {
        let parameters = [hidden, hidden_bias, output, output_bias].map(into_contiguous);
        let [x, u, film] = [x, u, film].map(into_contiguous);
        mlp::forward(&norm::normalise(&u, &film), &parameters, Some(&x))
    }

    fn residual_mlp_backward(
        u: CubeTensor,
        film: CubeTensor,
        hidden: CubeTensor,
        hidden_bias: CubeTensor,
        output: CubeTensor,
        output_bias: CubeTensor,
        gradient: CubeTensor,
    ) -> (CubeTensor, CubeTensor, CubeTensor, CubeTensor, CubeTensor, CubeTensor) {
        let parameters = [hidden, hidden_bias, output, output_bias].map(into_contiguous);
        let [u, film, gradient] = [u, film, gradient].map(into_contiguous);
        let z = norm::normalise(&u, &film);
        let (dz, [w1, b1, w2, b2]) = mlp_backward::backward(&z, &parameters, &gradient, true);
        let (du, d_film) = norm::gradients(&u, &film, &dz.expect("a gradient that was asked for"));
        let [p1, q1, p2, q2] = &parameters;
        let (w1, b1) = (as_operand(w1, p1), as_operand(b1, q1));
        (du, as_operand(d_film, &film), w1, b1, as_operand(w2, p2), as_operand(b2, q2))
    }

    fn map_axes(x: CubeTensor, maps: Maps) -> CubeTensor {
        axes::apply(&into_contiguous(x), &maps.maps, maps.transposed)
    }
}

/// A result for every point of x: `[batch, points, …]`.
fn shaped_as(y: CubeTensor, x: &CubeTensor) -> CubeTensor {
    let shape = x.meta.shape().as_slice();
    let last = y.meta.shape().num_elements() / (shape[0] * shape[1]);
    shaped(&y, &[shape[0], shape[1], last])
}
