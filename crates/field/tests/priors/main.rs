//! Priors against closed forms: traces, nesting, covariances, measured spectra, refusals.

mod covariance;
mod measured;
mod nesting;
mod refusals;
mod spectra;
mod tempered;
mod trace;

use std::sync::Arc;

use karhunen_field::prior::{
    Bessel, Combined, Fitted, FittedAnisotropic, Laplacian, Matern, Measured, Tabulated, Tempered,
    Truncated,
};
use karhunen_field::{Axis, Boundary, Grid, Prior};

/// Odd, prime, non-square, 1-D to 3-D: pairs of a coarse and a fine grid of one box.
fn pairs(boundary: Boundary) -> Vec<(Grid, Grid)> {
    [
        (&[8][..], &[16][..]),
        (&[7], &[14]),
        (&[6, 5], &[12, 10]),
        (&[7, 11], &[13, 12]),
        (&[3, 4, 5], &[6, 8, 10]),
        (&[5, 2, 7], &[11, 3, 8]),
    ]
    .iter()
    .map(|(coarse, fine)| {
        let coarse = Grid::unit(coarse, boundary).unwrap();
        (coarse, coarse.with_points(fine).unwrap())
    })
    .collect()
}

/// A box with walls on one side and none on the other.
fn mixed(points: &[usize], first: Boundary) -> Grid {
    let boundary = |axis| match (axis, first) {
        (0, _) => first,
        (_, Boundary::Periodic) => Boundary::Neumann,
        (_, Boundary::Neumann | Boundary::Dirichlet) => Boundary::Periodic,
    };
    let axes: Vec<Axis> = points
        .iter()
        .enumerate()
        .map(|(axis, &n)| Axis {
            points: n,
            length: 1.0 + 0.3 * axis as f64,
            boundary: boundary(axis),
        })
        .collect();
    Grid::new(&axes).unwrap()
}

/// Every nested prior, for boxes like that of `grid`.
fn nested_priors(grid: &Grid) -> Vec<Arc<dyn Prior>> {
    let dim = grid.dim();
    let truncated: Arc<dyn Prior> = Arc::new(Truncated::new(5, 3, 1.5).unwrap());
    let laplacian: Arc<dyn Prior> = Arc::new(Laplacian::new(dim, 8.0, 0.8).unwrap());
    let data = grid.modes().map(|m| 1.0 / (30.0 + m.laplacian()).powi(2)).collect::<Vec<_>>();
    vec![
        Arc::new(Combined::new(vec![(0.5, truncated.clone()), (10.0, laplacian.clone())]).unwrap()),
        truncated,
        laplacian,
        Arc::new(Bessel::new(dim, 2.0, 8.0, 0.8).unwrap()),
        Arc::new(Matern::new(1.3, 0.2, 1.5).unwrap()),
        Arc::new(Fitted::new(grid, &data).unwrap()),
        Arc::new(FittedAnisotropic::new(*grid, data.clone()).unwrap()),
        Arc::new(Tabulated::new(dim, vec![[0.0, 2.0], [4.0, 1.0], [40.0, 1e-5]]).unwrap()),
        Arc::new(Tempered::new(*grid, &data, 0.5).unwrap()),
        Arc::new(Tempered::flat(*grid, &data).unwrap()),
        Arc::new(Measured::new(*grid, data).unwrap()),
    ]
}

fn max_error(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(x, y)| (x - y).abs()).fold(0.0, f64::max)
}
