//! One matrix for each axis on a GPU: y = (M₁ ⊗ … ⊗ M_d) x on the points of every channel.
//!
//! Axis after axis, in the order of the CPU, the matrix is multiplied with the values behind its
//! axis. The transpose reads the same matrix with its strides exchanged.

use burn_cubecl::CubeDevice;
use burn_cubecl::tensor::CubeTensor;

use super::product::{Ending, Extents, Operand, Pair, product};
use super::{dims, floats, shaped};
use crate::AxisMaps;

/// The matrices of axis maps on a device.
#[derive(Debug)]
pub(crate) struct Matrices(Vec<Matrix>);

/// `[to, from]`, row by row.
#[derive(Debug)]
struct Matrix {
    to: usize,
    from: usize,
    values: CubeTensor,
}

impl Matrices {
    pub fn new(maps: &AxisMaps, device: &CubeDevice) -> Self {
        let matrices = maps.matrices();
        Self(
            matrices
                .map(|(to, from, values)| Matrix { to, from, values: floats(values, device) })
                .collect(),
        )
    }
}

/// `[batch, points in, channel]` → `[batch, points out, channel]`. Transposed, the gradient of x
/// from that of y.
pub(super) fn apply(x: &CubeTensor, maps: &AxisMaps, transposed: bool) -> CubeTensor {
    let matrices = maps.on_device(&x.device);
    let [batch, points, channels] = dims(x);
    let (mut lines, mut behind) = (batch, points * channels);
    let mut h = x.clone();
    for matrix in &matrices.0 {
        let (to, from, along, across) = match transposed {
            false => (matrix.to, matrix.from, matrix.from, 1),
            true => (matrix.from, matrix.to, 1, matrix.from),
        };
        behind /= from;
        let pair = Pair {
            left: Operand { values: &matrix.values, batch: 0, along, across },
            right: Operand { values: &h, batch: from * behind, along: 1, across: behind },
            terms: from,
        };
        let extents = Extents { batch: lines, rows: to, columns: behind };
        h = product(extents, pair, None, Ending::default(), None).0;
        lines *= to;
    }
    shaped(&h, &[batch, lines / batch, channels])
}
