//! Samplers: the numerical methods that turn noise at time T into fields by calls of a denoiser.
//!
//! A [`Sampler`] takes one step from time t to an earlier time s. Each method has a file of its
//! own.
//!
//! * [`Reverse`] holds what a sampler may use: path, prior, law of the data, denoiser and noise.
//!   [`Reverse::observer`] is shown the fields at every evaluation ([`Intermediate`]).
//! * [`start`] draws the fields at time T.
//! * [`Precision`] says in what numbers fields are kept between computations: `f64`, or `f32` for large grids.
//! * [`integrate`] steps along the time grid and ends with one denoising, because at t = 0 the
//!   score is 0/0.
//! * [`integrate_refining`] starts on a coarse grid and moves to finer ones.
//! * [`adaptive_times`] chooses the time grid.
//! * [`Method`] names the samplers for configuration files.
//!
//! The reverse equation is dx = (f x − g² Q∇log p) dt + g dW^Q, run backwards in time. The
//! probability flow is the same without noise and with half the score. Item i of a batch depends
//! only on (seed, first_index + i).

mod adaptive;
mod affine;
mod ddim;
mod dpm_solver;
mod euler_maruyama;
mod exponential_euler;
mod heun;
mod heun_churn;
mod method;
mod predictor_corrector;
mod refine;
mod reverse;
mod start;
mod unipc;
mod wiener_ancestral;
mod wiener_exponential;

pub use adaptive::adaptive_times;
pub use ddim::Ddim;
pub use dpm_solver::DpmSolver2M;
pub use euler_maruyama::EulerMaruyama;
pub use exponential_euler::ExponentialEuler;
pub use heun::Heun;
pub use heun_churn::HeunChurn;
pub use method::Method;
pub use predictor_corrector::PredictorCorrector;
pub use refine::Refinement;
pub use reverse::{Intermediate, Reverse};
pub use start::{start, start_on};
pub use unipc::UniPc;
pub use wiener_ancestral::WienerAncestral;
pub use wiener_exponential::WienerExponential;

pub use crate::scalar::Precision;

use crate::noise::stream;
use crate::{Ensemble, FieldError, Grid, Scalar};

/// One step of the reverse process, with whatever state the method keeps between steps.
///
/// `S` is the precision in which fields are kept.
pub trait Sampler<S: Scalar = f64> {
    /// Denoiser evaluations a step costs.
    fn evaluations_per_step(&self) -> usize;

    /// Moves the fields `x` from time `t` to `s` < `t`. The number `step` counts from 0 and selects
    /// the noise of the step.
    ///
    /// # Errors
    /// Those of [`Reverse::denoise`].
    fn step(
        &mut self,
        reverse: &mut Reverse<'_>,
        x: &mut Ensemble<S>,
        t: f64,
        s: f64,
        step: usize,
    ) -> Result<(), FieldError>;

    /// Forgets the history of earlier steps.
    fn reset(&mut self) {}

    /// Carries the history of earlier steps over to a finer grid. By default the history is
    /// forgotten.
    ///
    /// # Errors
    /// As [`integrate_refining`].
    fn refine(&mut self, _reverse: &Reverse<'_>, _to: Grid) -> Result<(), FieldError> {
        self.reset();
        Ok(())
    }
}

/// Runs `sampler` along `times` and denoises once at the last of them.
///
/// `times` are the n + 1 decreasing times of n steps ([`crate::path::TimeGrid::times`]). The run
/// costs n · evaluations_per_step + 1 evaluations. `observe(done, n)` is called after every step.
///
/// # Errors
/// [`FieldError::Parameter`] unless the times are finite, positive and strictly decreasing, and
/// make at most [`stream::STEPS_AT_MOST`] steps; [`FieldError::NonFinite`] with step and time as
/// soon as a value is not finite; any error of the denoiser.
pub fn integrate<S: Scalar>(
    sampler: &mut dyn Sampler<S>,
    reverse: &mut Reverse<'_>,
    times: &[f64],
    x: Ensemble<S>,
    observe: &mut dyn FnMut(usize, usize),
) -> Result<Ensemble<S>, FieldError> {
    integrate_refining(sampler, reverse, times, &[], x, observe)
}

/// [`integrate`] with fields that move to finer grids during the run: see [`Refinement`].
///
/// `x` lives on the coarsest grid, the result on the grid of the last refinement. Refinements are
/// given in order of falling time. Several at the same time are applied one after the other.
///
/// # Errors
/// As [`integrate`]; [`FieldError::Parameter`] for refinements out of order or below the last time;
/// [`FieldError::GridMismatch`] for a grid that does not hold the modes of the one before;
/// [`FieldError::NotNested`] under white noise per cell.
pub fn integrate_refining<S: Scalar>(
    sampler: &mut dyn Sampler<S>,
    reverse: &mut Reverse<'_>,
    times: &[f64],
    refinements: &[Refinement],
    mut x: Ensemble<S>,
    observe: &mut dyn FnMut(usize, usize),
) -> Result<Ensemble<S>, FieldError> {
    check(times)?;
    let steps = times.len() - 1;
    check_refinements(refinements, times[steps])?;
    sampler.reset();
    let mut due = refinements.iter().peekable();
    for step in 0..=steps {
        let t = times[step];
        reverse.step = step;
        while let Some(refinement) = due.next_if(|r| t <= r.time) {
            let before = x.grid;
            x = refine::refine(reverse, &x, t, refinement.grid)?;
            if let Some(guidance) = reverse.guidance {
                let of = (reverse.seed, reverse.first_index, step);
                let denoised = reverse.denoise_alone(&x, t)?;
                let (mut wide, denoised) = (S::widened(x), S::wide(&denoised));
                guidance.conditioning().extend(&mut wide, &denoised, t, before, of)?;
                x = S::narrowed(wide);
            }
            sampler.refine(reverse, refinement.grid)?;
        }
        if step == steps {
            break;
        }
        sampler.step(reverse, &mut x, t, times[step + 1], step)?;
        if x.values.iter().any(|v| !v.double().is_finite()) {
            return Err(FieldError::NonFinite { what: "the sample", step, time: times[step + 1] });
        }
        observe(step + 1, steps);
    }
    reverse.denoise(&x, times[steps])
}

fn check_refinements(refinements: &[Refinement], last: f64) -> Result<(), FieldError> {
    let mut before = f64::INFINITY;
    for Refinement { time, .. } in refinements {
        if !(*time >= last && *time <= before) {
            return Err(FieldError::Parameter {
                parameter: "refinement time",
                value: *time,
                requirement: "must not lie above the refinement before it, nor below the last sampler time",
            });
        }
        before = *time;
    }
    Ok(())
}

fn check(times: &[f64]) -> Result<(), FieldError> {
    let wrong = |value, requirement| {
        Err(FieldError::Parameter { parameter: "sampler time", value, requirement })
    };
    if times.is_empty() {
        return wrong(f64::NAN, "a time grid needs at least one time");
    }
    let steps = times.len() - 1;
    if steps > stream::STEPS_AT_MOST {
        return Err(FieldError::Parameter {
            parameter: "sampler steps",
            value: steps as f64,
            requirement: "must be 983040 at most: so many streams of noise are set apart for steps",
        });
    }
    if let Some(&t) = times.iter().find(|t| !(t.is_finite() && **t > 0.0)) {
        return wrong(t, "must be positive and finite");
    }
    if let Some(pair) = times.windows(2).find(|pair| pair[1] >= pair[0]) {
        return wrong(pair[1], "must be smaller than the time before it");
    }
    Ok(())
}
