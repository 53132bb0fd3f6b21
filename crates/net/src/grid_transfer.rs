//! Transfer of fields and features between two grids of a box, by their modes.
//!
//! Restriction drops the modes that the coarser grid does not hold; prolongation pads with zeros
//! ([`karhunen_field::resample`]). Both are one small matrix for each axis, so they are network
//! operators with exact gradients.

use std::sync::Arc;

use burn::tensor::{Tensor, TensorData};
use karhunen_field::{Axis, Boundary, Ensemble, Grid, resample};
use karhunen_kernels::{AxisMaps, map_axes};

use crate::NetError;
use crate::operators::Operators;

/// One matrix for each axis, from the points of one grid to those of another.
#[derive(Debug, Clone)]
pub(crate) struct Transfer {
    maps: Arc<AxisMaps>,
}

impl Transfer {
    /// The transfer of fields, by the modes of the box's own boundary.
    pub fn of_fields(from: &Grid, to: &Grid) -> Result<Self, NetError> {
        Self::new(from, to, |boundary| boundary)
    }

    /// The transfer of features. Features do not vanish at Dirichlet walls as fields do, so cosines
    /// are used as their modes there.
    pub fn of_features(from: &Grid, to: &Grid) -> Result<Self, NetError> {
        Self::new(from, to, |boundary| match boundary {
            Boundary::Dirichlet => Boundary::Neumann,
            other => other,
        })
    }

    fn new(
        from: &Grid,
        to: &Grid,
        boundary: impl Fn(Boundary) -> Boundary,
    ) -> Result<Self, NetError> {
        let matrices = from.axes().iter().zip(to.axes()).map(|(from, to)| {
            let line = |axis: &Axis| {
                Grid::unit(&[axis.points], boundary(axis.boundary)).expect("an axis of a grid")
            };
            matrix(line(from), line(to))
        });
        let matrices: Vec<_> = matrices.collect();
        Ok(Self { maps: Arc::new(AxisMaps::new(&matrices)?) })
    }

    /// `[batch, points of the one grid, channel]` → `[batch, points of the other, channel]`.
    pub fn apply(&self, x: Tensor<3>, operators: Operators) -> Result<Tensor<3>, NetError> {
        match operators {
            Operators::Fused => Ok(map_axes(x, &self.maps)?),
            Operators::Composed => Ok(self.composed(x)),
        }
    }

    fn composed(&self, mut x: Tensor<3>) -> Tensor<3> {
        let (device, [batch, _, channels]) = (x.device(), x.dims());
        let (mut lines, mut behind) = (batch, self.maps.points_in() * channels);
        for (to, from, values) in self.maps.matrices() {
            behind /= from;
            let matrix = TensorData::new(values.to_vec(), [1, to, from]);
            let matrix = Tensor::<3>::from_data(matrix, &device);
            x = matrix.matmul(x.reshape([lines, from, behind]));
            lines *= to;
        }
        x.reshape([batch, self.maps.points_out(), channels])
    }

    /// Floating-point operations for one channel of one field.
    pub fn flops(&self) -> f64 {
        self.maps.flops()
    }
}

/// The transfer matrix of one line: rows, columns, values.
fn matrix(from: Grid, to: Grid) -> (usize, usize, Vec<f64>) {
    let (n, m) = (from.len(), to.len());
    // field j is 1 at point j; its transferred values are column j
    let units = (0..n * n).map(|at| f64::from(at / n == at % n)).collect();
    let units = Ensemble::new(from, 1, units).expect("n fields of n points");
    let columns = resample::spectral(&units, to).expect("lines of one box").values;
    let rows = (0..m).flat_map(|i| (0..n).map(move |j| (i, j)));
    (m, n, rows.map(|(i, j)| columns[j * m + i]).collect())
}
