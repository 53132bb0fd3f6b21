//! A linear map at every point, and its gradients.

use burn_cubecl::tensor::CubeTensor;

use super::activation::ending_gradients;
use super::dims;
use super::product::{Ending, Extents, Operand, Pair, product};
use super::sums::added;

/// Approximate number of points of one sum of products. The sums are added afterwards.
const CHUNK: usize = 1024;

/// x W + b.
pub(super) fn forward(x: &CubeTensor, weight: &CubeTensor, bias: &CubeTensor) -> CubeTensor {
    let ([batch, points, inputs], [outputs]) = (dims(x), dims(bias));
    let pair = Pair {
        left: Operand { values: x, batch: 0, along: inputs, across: 1 },
        right: Operand { values: weight, batch: 0, along: 1, across: outputs },
        terms: inputs,
    };
    let extents = Extents { batch: 1, rows: batch * points, columns: outputs };
    let ending = Ending { bias: Some(bias), ..Ending::default() };
    product(extents, pair, None, ending, None).0
}

/// Gradients of x, if requested, W and b.
pub(super) fn backward(
    x: &CubeTensor,
    weight: &CubeTensor,
    gradient: &CubeTensor,
    wants_x: bool,
) -> (Option<CubeTensor>, CubeTensor, CubeTensor) {
    let ([batch, points, inputs], [_, outputs]) = (dims(x), dims(weight));
    let d_weight = weight_gradient(x, gradient, batch * points, inputs, outputs);
    let d_bias = ending_gradients(None, None, false, gradient).bias;
    let d_x = wants_x.then(|| {
        let pair = Pair {
            left: Operand { values: gradient, batch: 0, along: outputs, across: 1 },
            right: Operand { values: weight, batch: 0, along: outputs, across: 1 },
            terms: outputs,
        };
        let extents = Extents { batch: 1, rows: batch * points, columns: inputs };
        product(extents, pair, None, Ending::default(), None).0
    });
    (d_x, d_weight, d_bias)
}

/// Σ_point x(point)ᵀ d(point), `[in, out]`, in chunks of points.
pub(super) fn weight_gradient(
    x: &CubeTensor,
    gradient: &CubeTensor,
    points: usize,
    inputs: usize,
    outputs: usize,
) -> CubeTensor {
    let chunks = points.div_ceil(CHUNK);
    let chunk = points.div_ceil(chunks);
    let chunks = points.div_ceil(chunk);
    let pair = Pair {
        left: Operand { values: x, batch: chunk * inputs, along: 1, across: inputs },
        right: Operand { values: gradient, batch: chunk * outputs, along: 1, across: outputs },
        terms: chunk,
    };
    let extents = Extents { batch: chunks, rows: inputs, columns: outputs };
    let (partials, _) = product(extents, pair, None, Ending::default(), Some(points));
    added(&partials, 1, chunks, inputs * outputs)
}
