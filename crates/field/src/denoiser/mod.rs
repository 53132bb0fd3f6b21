//! Denoisers: all a sampler ever asks.
//!
//! D(x, t) = E[X₀ | X_t = x]. In function space ∇log p_t alone makes no sense; what exists is
//! Q∇log p_t(x) = (a D(x, t) − x)/b², so a sampler needs D and the path, never Q or a density.
//! Networks implement [`Denoiser`] elsewhere; here are the closed forms they are judged against,
//! [`Gaussian`] and [`Mixture`], two denoisers made one by guidance, [`Guided`], and the [`Prediction`]s other texts use in place of D.

mod conversion;
mod diagonal;
mod gaussian;
mod guided;
mod mixture;

pub use conversion::Prediction;
pub(crate) use diagonal::{Diagonal, Remembered};
pub use gaussian::{Gaussian, wiener_weight};
pub use guided::Guided;
pub use mixture::Mixture;

use crate::{Ensemble, FieldError};

/// D(x, t) = E[X₀ | X_t = x] for every field of a batch.
///
/// **Shape** the result has the grid, channels and count of `x`.
/// **Contract** the answer for one field does not depend on its batch mates.
pub trait Denoiser {
    /// The expected data behind the noisy fields `x` at time `t`.
    ///
    /// # Errors
    /// [`FieldError::GridMismatch`] or [`FieldError::Length`] for fields of another box or another
    /// number of channels; [`FieldError::Denoiser`] for failures of an implementation's own.
    fn denoise(&self, x: &Ensemble, t: f64) -> Result<Ensemble, FieldError>;

    /// ∂D(x, t)* w of every field: the transposed derivative of D at `x`, in the inner product of the mean
    /// over points, applied to the fields `w`. `None` where an implementation has no derivative.
    ///
    /// # Errors
    /// As [`Denoiser::denoise`].
    fn pullback(
        &self,
        _x: &Ensemble,
        _t: f64,
        _w: &Ensemble,
    ) -> Result<Option<Ensemble>, FieldError> {
        Ok(None)
    }
}
