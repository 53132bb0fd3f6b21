//! The ratio of data to prior, which decides how well a sampler can start from the prior.

use super::shells;
use crate::{FieldError, Grid};

/// The ratio r = data standard deviation / prior standard deviation per radial shell. The result is
/// (|ω|, r) by rising frequency, with the constant mode first where there is one (not with a
/// Dirichlet axis).
///
/// `variances` are the data's c_k and `eigenvalues` the prior's λ_k, one for each mode of `grid` in
/// storage order, for one channel. Over a shell r² = Σ c_k / Σ λ_k. A reverse process that starts
/// from N(0, Q) loses most of the modes with r ≫ 1 (those with a(T) r ≳ 0.1). Where r ≪ 1 an SDE
/// sampler needs many steps. r is 1 where both sums vanish and ∞ where only the prior's does.
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
