//! The Cameron–Martin norm: how much a function costs as a shift of the noise.

use crate::{Ensemble, Prior, Transform};

/// ‖x‖_Q = √(Σ_k x_k²/λ_k) of every field, channels added: the norm of Q^{−1/2} x.
///
/// N(m, Q) and N(0, Q) have densities against one another iff ‖m‖_Q is finite in the limit of fine
/// grids; then ln of the density at x is ⟨m, x⟩_Q − ½ ‖m‖_Q², and their Kullback–Leibler divergence
/// ½ ‖m‖_Q². A draw of the noise itself has ‖η‖_Q² = number of modes: it is not in the space.
///
/// Infinite where a field has a component that the noise has not (x_k ≠ 0 = λ_k). What no mode of
/// the grid holds does not count.
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
