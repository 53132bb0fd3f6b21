//! Denoisers: the functions D(x, t) = E[X₀ | X_t = x] that samplers evaluate.
//!
//! In function space ∇log p_t alone is not defined. What exists is Q∇log p_t(x) = (a D(x, t) −
//! x)/b², so a sampler needs D and the path, but neither Q nor a density.
//!
//! Networks implement [`Denoiser`] in other crates. This module holds the closed forms that
//! networks are compared with, [`Gaussian`] and [`Mixture`]. [`Guided`] combines two denoisers by
//! guidance. [`Prediction`] converts D to the quantities that other texts use in its place.

mod conversion;
mod gaussian;
mod guided;
mod mixture;

pub use conversion::Prediction;
pub use gaussian::{Gaussian, wiener_weight};
pub use guided::Guided;
pub use mixture::Mixture;

use crate::{Ensemble, FieldError, Scalar};

/// D(x, t) = E[X₀ | X_t = x] for every field of a batch.
///
/// **Shape** the result has the grid, channels and count of `x`.
/// **Contract** the answer for one field does not depend on the other fields of its batch.
pub trait Denoiser {
    /// The expected data behind the noisy fields `x` at time `t`.
    ///
    /// # Errors
    /// [`FieldError::GridMismatch`] or [`FieldError::Length`] for fields of another box or another
    /// number of channels; [`FieldError::Denoiser`] for failures of an implementation's own.
    fn denoise(&self, x: &Ensemble, t: f64) -> Result<Ensemble, FieldError>;

    /// The same of fields that a sampler keeps in single precision. By default they are copied to `f64` and back; an
    /// implementation that can do without the copies needs less memory.
    ///
    /// # Errors
    /// As [`Denoiser::denoise`].
    fn denoise_single(&self, x: &Ensemble<f32>, t: f64) -> Result<Ensemble<f32>, FieldError> {
        Ok(f32::narrowed(self.denoise(&f32::wide(x), t)?))
    }

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
