//! The sum of several priors that share one white noise.

use std::sync::Arc;

use crate::{FieldError, Mode, Prior};

/// Q^{1/2} = Σᵢ wᵢ Qᵢ^{1/2}: λ_k = (Σᵢ wᵢ √λ_{i,k})².
///
/// All parts use the same ξ_k, so standard deviations add, not variances. The field is Σᵢ wᵢ ηᵢ,
/// where ηᵢ is the field that part i draws from the same seed. The sum is trace class because each
/// part is: (Σ wᵢ aᵢ)² ≤ n Σ wᵢ² aᵢ².
///
/// **Source** Hagemann et al., arXiv 2303.04772, section 5: ½ [`super::Truncated`] +
/// 10 (−Δ)^{−0.55}.
///
/// # Example
/// ```
/// use std::sync::Arc;
/// use karhunen_field::{Boundary, Grid, Prior, prior::{Bessel, Combined}};
/// let part: Arc<dyn Prior> = Arc::new(Bessel::new(1, 1.0, 1.0, 0.5)?); // λ_0 = 1
/// let prior = Combined::new(vec![(0.5, part.clone()), (1.5, part)])?;
/// assert_eq!(prior.eigenvalues(&Grid::unit(&[1], Boundary::Neumann)?), [4.0]);
/// # Ok::<(), karhunen_field::FieldError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Combined {
    parts: Vec<(f64, Arc<dyn Prior>)>,
}

impl Combined {
    /// The prior from its weighted parts.
    ///
    /// # Errors
    /// [`FieldError::Parameter`] without parts, for a weight that is not positive, or for a part
    /// that is not nested (white noise per cell is not trace class).
    pub fn new(parts: Vec<(f64, Arc<dyn Prior>)>) -> Result<Self, FieldError> {
        let refuse = |parameter, value, requirement| {
            Err(FieldError::Parameter { parameter, value, requirement })
        };
        if parts.is_empty() {
            return refuse("parts", 0.0, "a combined prior needs at least one part");
        }
        for (i, (weight, part)) in parts.iter().enumerate() {
            super::positive("weight", *weight)?;
            if !part.is_nested() {
                let requirement = "this part (counted from 0) is not trace class; all must be";
                return refuse("part", i as f64, requirement);
            }
        }
        Ok(Self { parts })
    }

    /// The weights and parts.
    pub fn parts(&self) -> &[(f64, Arc<dyn Prior>)] {
        &self.parts
    }
}

impl Prior for Combined {
    fn eigenvalue(&self, mode: &Mode) -> f64 {
        let root: f64 = self.parts.iter().map(|(w, part)| w * part.eigenvalue(mode).sqrt()).sum();
        root * root
    }
}
