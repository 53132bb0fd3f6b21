//! Guidance: samplers that draw from the law of fields given observations.
//!
//! A sampler evaluates D(x, t) = E[X₀ | X_t = x]. If it evaluates E[X₀ | X_t = x, y] instead, it
//! draws from the law given y. Where X₀ given X_t = x is N(D, V) and y = A X₀ + e with e ~ N(0, R),
//! this expectation is
//!
//! D_y = D + V A* (R + A V A*)⁻¹ (y − A D).
//!
//! * [`Conditioning`] uses the Wiener filter's error variance for V. It is diagonal in modes:
//!   v_k = c_k b² λ_k / (a² c_k + b² λ_k). This needs no derivative of the denoiser, and one
//!   factorisation for each time and grid, whatever the number of fields. It is exact on Gaussian
//!   data, where the result is simple kriging on any grid.
//! * [`MomentMatching`] uses V = (b²/a) Q ∂D*, which is the covariance for any data. It needs
//!   products with the denoiser's derivative.
//!
//! A run begins with X_T given y ([`Conditioning::start`]). On a refinement of the grid the new
//! modes are drawn given y too. Nothing depends on batches: one (seed, index) stays one function.
//!
//! **Source** Pseudoinverse guidance (Song, Vahdat, Mardani, Kautz, ICLR 2023) and moment matching
//! (Rozet, Andry, Lanusse, Louppe, arXiv 2405.13712), with the covariance of the data's spectrum.

mod cholesky;
mod conditioning;
mod draws;
mod moments;
mod particles;
mod system;
mod weights;

pub use conditioning::Conditioning;
pub use moments::MomentMatching;
pub use particles::{Chosen, choose};

use crate::{Denoiser, Ensemble, FieldError};

/// E[X₀ | X_t = x, y] from E[X₀ | X_t = x].
pub trait Guidance: Sync {
    /// The observations and the Gaussian law through which they are seen.
    fn conditioning(&self) -> &Conditioning;

    /// The denoised fields given the observations, from those without.
    ///
    /// # Errors
    /// [`FieldError::NotSolved`] if conjugate gradients do not converge; any error of the denoiser.
    fn guide(
        &self,
        alone: &dyn Denoiser,
        x: &Ensemble,
        t: f64,
        denoised: Ensemble,
    ) -> Result<Ensemble, FieldError>;
}

#[cfg(test)]
mod tests;
