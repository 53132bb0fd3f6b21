//! DPM-Solver++(2M): the probability flow with its linear part exact and D extrapolated.
//!
//! In λ = ln(a/b) the flow reads d(x/b)/dλ = e^λ D. Each step integrates e^λ exactly against the
//! line through the last two denoised states, which gives order 2 at one evaluation a step. The
//! first step holds D constant (order 1, which is DDIM). When the grid becomes finer, the new modes
//! get the Wiener filter of their state as history.
//!
//! **Source** Lu, Zhou, Bao, Chen, Li, Zhu, arXiv 2211.01095, algorithm 2.

use super::refine::refine_denoised;
use super::{Reverse, Sampler};
use crate::{Ensemble, FieldError, Grid, Scalar};

/// x ← (b_s/b_t) x − a_s (e^{−h} − 1) D̃ with h = λ_s − λ_t and D̃ = D + ½ (h/h′) (D − D′). D′ and
/// h′ are the denoised state and the step length of the previous step.
#[derive(Debug, Clone, Default)]
pub struct DpmSolver2M<S = f64> {
    previous: Option<Evaluated<S>>,
}

/// D, the time of its evaluation, and λ = ln(a/b) at that time.
#[derive(Debug, Clone)]
pub(super) struct Evaluated<S> {
    pub(super) denoised: Ensemble<S>,
    pub(super) t: f64,
    pub(super) lambda: f64,
}

impl<S: Scalar> Sampler<S> for DpmSolver2M<S> {
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
        let (lambda, next) = (0.5 * path.log_snr(t), 0.5 * path.log_snr(s));
        let h = next - lambda;
        let denoised = reverse.denoise(x, t)?;
        let keep = path.noise(s) / path.noise(t);
        let gain = -path.signal(s) * (-h).exp_m1();
        match self.previous.take().filter(|p| p.precedes(&denoised, lambda)) {
            Some(p) => {
                let reach = 0.5 * h / (lambda - p.lambda);
                let states = denoised.values.iter().zip(&p.denoised.values);
                for (x, (d, before)) in x.values.iter_mut().zip(states) {
                    let (d, before) = (d.double(), before.double());
                    *x = S::of(keep * x.double() + gain * (d + reach * (d - before)));
                }
            }
            None => {
                for (x, d) in x.values.iter_mut().zip(&denoised.values) {
                    *x = S::of(keep * x.double() + gain * d.double());
                }
            }
        }
        self.previous = Some(Evaluated { denoised, t, lambda });
        Ok(())
    }

    fn reset(&mut self) {
        self.previous = None;
    }

    fn refine(&mut self, reverse: &Reverse<'_>, to: Grid) -> Result<(), FieldError> {
        self.previous.as_mut().map_or(Ok(()), |previous| previous.refine(reverse, to))
    }
}

impl<S: Scalar> Evaluated<S> {
    /// Whether this is an earlier state of the same fields on the same grid.
    pub(super) fn precedes(&self, denoised: &Ensemble<S>, lambda: f64) -> bool {
        self.lambda < lambda
            && self.denoised.grid == denoised.grid
            && self.denoised.channels == denoised.channels
            && self.denoised.values.len() == denoised.values.len()
    }

    /// Carries the state to a finer grid.
    pub(super) fn refine(&mut self, reverse: &Reverse<'_>, to: Grid) -> Result<(), FieldError> {
        self.denoised = refine_denoised(reverse, &self.denoised, self.t, to)?;
        Ok(())
    }
}
