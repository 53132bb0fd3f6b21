//! DDIM: the probability flow with its linear part exact and D constant over each step.
//!
//! In λ = ln(a/b) the flow reads d(x/b)/dλ = e^λ D. With constant D the step is exact. The method
//! has order 1, needs one evaluation a step and keeps no history. Its step is the first step of
//! [`super::DpmSolver2M`], which is more accurate. DDIM is included because it is the common
//! baseline. Without a history, nothing has to be carried over when the grid changes or when fields
//! are edited between steps.
//!
//! **Source** Song, Meng, Ermon, arXiv 2010.02502, eq. 12 with σ = 0, for any path.

use super::{Reverse, Sampler};
use crate::{Ensemble, FieldError, Scalar};

/// x ← (b_s/b_t) x + (a_s − a_t b_s/b_t) D(x, t).
#[derive(Debug, Clone, Copy, Default)]
pub struct Ddim;

impl<S: Scalar> Sampler<S> for Ddim {
    fn evaluations_per_step(&self) -> usize {
        1
    }

    fn step(
        &mut self,
        reverse: &mut Reverse<'_>,
        x: &mut Ensemble<S>,
        t: f64,
        s: f64,
        _step: usize,
    ) -> Result<(), FieldError> {
        let path = reverse.path;
        let denoised = reverse.denoise(x, t)?;
        let (keep, gain) = path.exponential_step(t, s);
        for (x, d) in x.values.iter_mut().zip(&denoised.values) {
            *x = S::of(keep * x.double() + gain * d.double());
        }
        Ok(())
    }
}
