//! The Cameron–Martin norm: the size of a function relative to the noise.

use crate::{Ensemble, Prior, Transform};

/// ‖x‖_Q = √(Σ_k x_k²/λ_k) of every field, summed over channels: the norm of Q^{−1/2} x.
///
/// N(m, Q) and N(0, Q) have densities with respect to one another iff ‖m‖_Q is finite in the limit
/// of fine grids. Then the logarithm of the density at x is ⟨m, x⟩_Q − ½ ‖m‖_Q², and their
/// Kullback–Leibler divergence is ½ ‖m‖_Q². A draw η of the noise itself has ‖η‖_Q² = number of
/// modes, so in the limit it does not lie in the Cameron–Martin space.
///
/// The norm is infinite where a field has a component that the noise does not have (x_k ≠ 0 = λ_k).
/// The part of a field that no mode of the grid represents is ignored.
///
/// **Unit** none. **Cost** one transform a field and channel.
///
/// # Example
/// ```
/// use karhunen_field::{Boundary, Ensemble, Grid, prior::{Bessel, energy_norm}};
/// let grid = Grid::unit(&[4], Boundary::Neumann)?;
/// let q = Bessel::new(1, 3.0, 4.0, 0.5)?; // λ_0 = 9/4
/// let constants = Ensemble::new(grid, 1, vec![6.0; 4])?;
/// assert!((energy_norm(&q, &constants)[0] - 4.0).abs() < 1e-14);
/// # Ok::<(), karhunen_field::FieldError>(())
/// ```
pub fn energy_norm(prior: &dyn Prior, fields: &Ensemble) -> Vec<f64> {
    let transform = Transform::new(fields.grid);
    let eigenvalues = prior.eigenvalues(&fields.grid);
    let square = |(x, lambda): (&f64, &f64)| match (*x == 0.0, *lambda > 0.0) {
        (true, _) => 0.0,
        (false, true) => x * x / lambda,
        (false, false) => f64::INFINITY,
    };
    fields
        .fields()
        .map(|field| {
            let modes = transform.analyse_channels(field);
            modes.iter().zip(eigenvalues.iter().cycle()).map(square).sum::<f64>().sqrt()
        })
        .collect()
}
