//! Guidance: samplers that draw from the law of fields given observations.
//!
//! A sampler asks for D(x, t) = E[X₀ | X_t = x]. Asked for E[X₀ | X_t = x, y] instead it draws from the
//! law given y. Where X₀ given X_t = x is N(D, V) and y = A X₀ + e, e ~ N(0, R), that is
//!
//! D_y = D + V A* (R + A V A*)⁻¹ (y − A D).
//!
//! [`Conditioning`] takes for V the Wiener filter's error variance, diagonal in modes:
//! v_k = c_k b² λ_k / (a² c_k + b² λ_k). It needs no derivative of the denoiser and one factorisation a
//! time and grid, whatever the number of fields. On Gaussian data it is exact; what is drawn is then what
//! simple kriging says, on any grid. [`MomentMatching`] takes V = (b²/a) Q ∂D*, the covariance of any
//! data, at the price of products with the denoiser's derivative.
//!
//! A run begins with X_T given y ([`Conditioning::start`]) and gives the new modes of a finer grid
//! their law given y too. Nothing of it depends on batches: one (seed, index) stays one function.
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
    /// [`FieldError::NotSolved`] for a system that conjugate gradients do not solve; the denoiser's own.
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
