//! Samplers: from noise at T to data, by a denoiser and nothing else.
//!
//! A [`Sampler`] knows one thing, how to go from time t to an earlier time s; one method a file.
//! [`Reverse`] is what it may ask (path, prior, denoiser, noise), [`start`] draws the fields it
//! begins with, [`integrate`] walks the time grid and ends with one denoising, because at t = 0
//! the score is 0/0. [`Method`] names the samplers for configuration files.
//!
//! Reverse equation: dx = (f x − g² Q∇log p) dt + g dW^Q run backwards; probability flow: the same
//! with half the score and no noise. Item i of a batch depends on (seed, first_index + i) only.

mod dpm_solver;
mod euler_maruyama;
mod heun;
mod method;
mod reverse;
mod start;

pub use dpm_solver::DpmSolver2M;
pub use euler_maruyama::EulerMaruyama;
pub use heun::Heun;
pub use method::Method;
pub use reverse::Reverse;
pub use start::start;

use crate::{Ensemble, FieldError};

/// One step of the reverse process, with whatever state the method keeps between steps.
pub trait Sampler {
    /// Denoiser evaluations a step costs.
    fn evaluations_per_step(&self) -> usize;

    /// Moves the fields `x` from time `t` to `s` < `t`; `step` counts from 0 and addresses noise.
    ///
    /// # Errors
    /// Those of [`Reverse::denoise`].
    fn step(
        &mut self,
        reverse: &mut Reverse<'_>,
        x: &mut Ensemble,
        t: f64,
        s: f64,
        step: usize,
    ) -> Result<(), FieldError>;

    /// Forgets the history of earlier steps.
    fn reset(&mut self) {}
}

/// Runs `sampler` along `times` and denoises once at the last of them.
///
/// `times` are the n + 1 decreasing times of n steps ([`crate::path::TimeGrid::times`]); the run
/// costs n · evaluations_per_step + 1 evaluations. `observe(done, n)` is called after every step.
///
/// # Errors
/// [`FieldError::Parameter`] unless the times are finite, positive and strictly decreasing;
/// [`FieldError::NonFinite`] with step and time as soon as the fields are no numbers; whatever the
/// denoiser reports.
pub fn integrate(
    sampler: &mut dyn Sampler,
    reverse: &mut Reverse<'_>,
    times: &[f64],
    mut x: Ensemble,
    observe: &mut dyn FnMut(usize, usize),
) -> Result<Ensemble, FieldError> {
    check(times)?;
    sampler.reset();
    let steps = times.len() - 1;
    for (step, pair) in times.windows(2).enumerate() {
        reverse.step = step;
        sampler.step(reverse, &mut x, pair[0], pair[1], step)?;
        if x.values.iter().any(|v| !v.is_finite()) {
            return Err(FieldError::NonFinite { what: "the sample", step, time: pair[1] });
        }
        observe(step + 1, steps);
    }
    reverse.step = steps;
    reverse.denoise(&x, times[steps])
}

fn check(times: &[f64]) -> Result<(), FieldError> {
    let wrong = |value, requirement| {
        Err(FieldError::Parameter { parameter: "sampler time", value, requirement })
    };
    if times.is_empty() {
        return wrong(f64::NAN, "a time grid needs at least one time");
    }
    if let Some(&t) = times.iter().find(|t| !(t.is_finite() && **t > 0.0)) {
        return wrong(t, "must be positive and finite");
    }
    if let Some(pair) = times.windows(2).find(|pair| pair[1] >= pair[0]) {
        return wrong(pair[1], "must be smaller than the time before it");
    }
    Ok(())
}
