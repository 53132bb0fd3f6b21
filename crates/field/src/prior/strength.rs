//! How strong data are against a prior: the number that decides how well a sampler starts.

use super::shells;
use crate::{FieldError, Grid};

/// r = data standard deviation / prior standard deviation per radial shell, as (|ω|, r) by rising
/// frequency, the constant mode first where there is one (not with a Dirichlet axis).
///
/// `variances` are the data's c_k and `eigenvalues` the prior's λ_k, one a mode of `grid` in
/// storage order, one channel; r² = Σ c_k / Σ λ_k over a shell. Started from N(0, Q), a reverse
/// process loses most of the modes with r ≫ 1 (those with a(T) r ≳ 0.1); where r ≪ 1 an SDE sampler
/// needs many steps; r = 1 where both vanish, ∞ where the prior alone does.
///
/// # Errors
/// [`FieldError::Modes`] unless both have one value a mode.
pub fn r_per_shell(
    variances: &[f64],
    eigenvalues: &[f64],
    grid: &Grid,
) -> Result<Vec<(f64, f64)>, FieldError> {
    let (data, prior) = (shells(grid, variances)?, shells(grid, eigenvalues)?);
    Ok(data
        .iter()
        .zip(&prior)
        .map(|(c, lambda)| {
            let both_vanish = c.mean == 0.0 && lambda.mean == 0.0;
            (c.frequency, if both_vanish { 1.0 } else { (c.mean / lambda.mean).sqrt() })
        })
        .collect())
}
