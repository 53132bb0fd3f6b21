//! A flag that stops a sampling while it runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use karhunen_field::{Denoiser, Ensemble, FieldError, Scalar};

/// A flag that ends a sampling before its next evaluation, with [`FieldError::Stopped`]. Clones
/// share the flag.
///
/// # Example
/// ```
/// use karhunen_train::stop::Stop;
/// let stop = Stop::default();
/// let elsewhere = stop.clone();
/// elsewhere.set();
/// assert!(stop.is_set());
/// ```
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Sets the flag.
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether the flag is set.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The flag is not part of a request, so any two flags are equal.
impl PartialEq for Stop {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// A denoiser that stops when the flag is set.
pub(crate) struct Stoppable<'a> {
    pub denoiser: &'a dyn Denoiser,
    pub stop: &'a Stop,
}

impl Stoppable<'_> {
    fn answer<S: Scalar>(&self, x: &Ensemble<S>, t: f64) -> Result<Ensemble<S>, FieldError> {
        match self.stop.is_set() {
            true => Err(FieldError::Stopped),
            false => S::denoise(self.denoiser, x, t),
        }
    }
}

impl Denoiser for Stoppable<'_> {
    fn denoise(&self, x: &Ensemble, t: f64) -> Result<Ensemble, FieldError> {
        self.answer(x, t)
    }

    fn denoise_single(&self, x: &Ensemble<f32>, t: f64) -> Result<Ensemble<f32>, FieldError> {
        self.answer(x, t)
    }

    fn pullback(&self, x: &Ensemble, t: f64, w: &Ensemble) -> Result<Option<Ensemble>, FieldError> {
        self.denoiser.pullback(x, t, w)
    }
}
