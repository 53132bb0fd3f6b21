//! One layer of a Fourier neural operator on a GPU.
//!
//! The forward pass multiplies by a small table for each axis, computes one complex product a mode,
//! and multiplies by the tables back. One last kernel writes the result: inverse transform of the
//! last axis, skip, bias, conditioning and activation. The backward pass computes the slope of the
//! ending (bias, conditioning, activation), then the transposed tables in the same way, and the
//! gradient of x by the last step's kernel. It keeps the same values as on the CPU: x, the values
//! before conditioning, and the spectrum.

use burn_cubecl::tensor::CubeTensor;

use super::activation::ending_gradients;
use super::linear::weight_gradient;
use super::mixing::Mixing;
use super::product::{Ending, Extents, Operand, Pair, product};
use super::tables::Tables;
use super::{dims, empty, zeros};
use crate::Activation;
use crate::burn::operators::Layer;

/// Real W, imaginary W, skip, bias, film.
pub(super) type Parameters = [CubeTensor; 5];

/// The results of a forward pass.
pub(super) struct Forward {
    pub y: CubeTensor,
    pub q: CubeTensor,
    pub spectrum: CubeTensor,
}

pub(super) fn forward(
    x: &CubeTensor,
    [real, imaginary, skip, bias, film]: &Parameters,
    layer: &Layer,
    keep: bool,
) -> Forward {
    let tables = layer.plan.on_device(&x.device);
    let ([batch, _, inputs], [outputs]) = (dims(x), dims(bias));
    let spectrum = analyse(&tables, x, false);
    let mixing = Mixing { tables: &tables, batch, inputs, outputs };
    let mixed = mixing.forward(&spectrum, real, imaginary);
    let rows = layer.plan.rows();
    let ending = Ending {
        bias: Some(bias),
        film: layer.conditioned.then_some((film, rows)),
        gelu: layer.activation == Activation::Gelu,
        keep: keep && !plain(layer),
    };
    let (y, q) =
        synthesise(&tables, &mixed, (x, inputs), (skip, 1, outputs), outputs, false, ending);
    Forward { y, q, spectrum }
}

/// Gradients of x, if requested, and of the parameters.
pub(super) fn backward(
    x: &CubeTensor,
    [real, imaginary, skip, bias, film]: &Parameters,
    q: &CubeTensor,
    spectrum: &CubeTensor,
    gradient: &CubeTensor,
    layer: &Layer,
    wants_x: bool,
) -> (Option<CubeTensor>, Parameters) {
    let tables = layer.plan.on_device(&x.device);
    let ([batch, points, inputs], [outputs]) = (dims(x), dims(bias));
    let found = ending_gradients(
        (!plain(layer)).then_some(q),
        layer.conditioned.then_some(film),
        layer.activation == Activation::Gelu,
        gradient,
    );
    let dq = &found.q;
    let d_skip = weight_gradient(x, dq, batch * points, inputs, outputs);
    let d_mixed = analyse(&tables, dq, true);
    let mixing = Mixing { tables: &tables, batch, inputs, outputs };
    // modes that the grid does not hold have no gradient
    let fresh = if tables.kept < layer.plan.window() { zeros } else { empty };
    let [d_real, d_imaginary] = [real, imaginary].map(|w| fresh(w, &dims::<3>(w)));
    mixing.weight_gradients(spectrum, &d_mixed, [&d_real, &d_imaginary]);
    let d_x = wants_x.then(|| {
        let d_spectrum = mixing.spectrum_gradient(&d_mixed, real, imaginary);
        let (from, skip) = ((dq, outputs), (skip, outputs, 1));
        synthesise(&tables, &d_spectrum, from, skip, inputs, true, Ending::default()).0
    });
    let d_film = if layer.conditioned { found.moments } else { film.clone() };
    (d_x, [d_real, d_imaginary, d_skip, found.bias, d_film])
}

/// Whether the layer is purely linear in x, so that its backward pass needs no values.
fn plain(layer: &Layer) -> bool {
    !layer.conditioned && layer.activation == Activation::Identity
}

/// `[batch, points, channel]` → `[batch; re, im; mode; channel]`. Transposed, it is the gradient of
/// the way back.
fn analyse(tables: &Tables, x: &CubeTensor, transposed: bool) -> CubeTensor {
    let [batch, points, channels] = dims(x);
    let mut lead = batch * points;
    let mut columns = channels;
    let mut h = x.clone();
    for axis in tables.axes.iter().rev() {
        lead /= axis.n;
        let (table, along, across) = axis.to_modes(transposed);
        let pair = Pair {
            left: Operand { values: table, batch: 0, along, across },
            right: Operand { values: &h, batch: axis.rows * columns, along: 1, across: columns },
            terms: axis.rows,
        };
        let extents = Extents { batch: lead, rows: 2 * axis.kept, columns };
        h = product(extents, pair, None, Ending::default(), None).0;
        columns *= axis.kept;
    }
    h
}

/// `[batch; re, im; mode; channel]` → `[batch, points, channel]`, with a linear map of `from` and
/// the layer's ending. Transposed, it is the gradient of [`analyse`].
fn synthesise(
    tables: &Tables,
    spectrum: &CubeTensor,
    (from, terms): (&CubeTensor, usize),
    (skip, along, across): (&CubeTensor, usize, usize),
    channels: usize,
    transposed: bool,
    ending: Ending,
) -> (CubeTensor, CubeTensor) {
    let [mut lead, _, modes, _] = dims(spectrum);
    let mut columns = modes * channels;
    let mut h = spectrum.clone();
    let (last, others) = tables.axes.split_last().expect("a plan has an axis");
    for axis in others {
        columns /= axis.kept;
        let (table, along, across) = axis.to_points(transposed);
        let pair = Pair {
            left: Operand { values: table, batch: 0, along, across },
            right: Operand {
                values: &h,
                batch: 2 * axis.kept * columns,
                along: 1,
                across: columns,
            },
            terms: 2 * axis.kept,
        };
        let extents = Extents { batch: lead, rows: axis.rows, columns };
        h = product(extents, pair, None, Ending::default(), None).0;
        lead *= axis.n;
    }
    let (table, table_along, table_across) = last.to_points(transposed);
    let transform = Pair {
        left: Operand { values: table, batch: 0, along: table_along, across: table_across },
        right: Operand { values: &h, batch: 2 * last.kept * channels, along: 1, across: channels },
        terms: 2 * last.kept,
    };
    let linear = Pair {
        left: Operand { values: from, batch: last.n * terms, along: terms, across: 1 },
        right: Operand { values: skip, batch: 0, along, across },
        terms,
    };
    let extents = Extents { batch: lead, rows: last.n, columns: channels };
    product(extents, transform, Some(linear), ending, None)
}
