//! Ancestral sampling with the Wiener filter's error: exact on Gaussian data in any number of
//! steps.
//!
//! Given X_t = x the data are approximately N(D, V). Here V = diag(v_k) is the error covariance of
//! the best linear filter. Each step draws X₀ from this law, and then X_s given x and X₀, which is
//! Gaussian. This is [`super::ExponentialEuler`] plus the spread of X₀ about D, which that method
//! omits.
//!
//! Under observations X₀ is drawn given them too. On Gaussian data the resulting law is the
//! conditioned one (kriging) for any number of steps. Weak order 1 on other data, one evaluation a
//! step, noise in every step.
//!
//! **Source** The variance of the reverse step is that of Bao, Li, Zhu, Zhang (Analytic-DPM, ICLR
//! 2022). Here it is one number per mode, computed from the data's spectrum.

use super::{Reverse, Sampler};
use crate::noise::stream;
use crate::{Ensemble, FieldError, ModeNoise, Scalar};

/// x ← (a_t/a_s)(b_s/b_t)² x + a_s (1 − q) X₀′ + b_s √(1 − q) η with X₀′ ~ N(D, V), η ~ N(0, Q) and
/// q = SNR_t/SNR_s.
#[derive(Debug, Clone, Copy, Default)]
pub struct WienerAncestral;

impl<S: Scalar> Sampler<S> for WienerAncestral {
    fn evaluations_per_step(&self) -> usize {
        1
    }

    fn step(
        &mut self,
        reverse: &mut Reverse<'_>,
        x: &mut Ensemble<S>,
        t: f64,
        s: f64,
        step: usize,
    ) -> Result<(), FieldError> {
        let path = reverse.path;
        let denoised = reverse.denoise_alone(x, t)?;
        let data = match reverse.guidance {
            Some(guidance) => {
                let of = (reverse.seed, reverse.first_index, step);
                let wide = S::wide(&denoised);
                let data = S::narrowed(guidance.conditioning().data(&wide, t, of)?);
                reverse.show(x, t, &data);
                data
            }
            None => {
                reverse.show(x, t, &denoised);
                spread(reverse, denoised, t, step)?
            }
        };
        let noise = reverse.noise(x, step);
        let (from, to) = ((path.signal(t), path.noise(t)), (path.signal(s), path.noise(s)));
        let lost = -(path.log_snr(t) - path.log_snr(s)).exp_m1();
        let keep = from.0 / to.0 * (to.1 / from.1).powi(2);
        let (pull, push) = (to.0 * lost, to.1 * lost.sqrt());
        for ((x, d), eta) in x.values.iter_mut().zip(&data.values).zip(&noise.values) {
            *x = S::of(keep * x.double() + pull * d.double() + push * eta.double());
        }
        Ok(())
    }
}

/// D + √v ξ.
fn spread<S: Scalar>(
    reverse: &Reverse<'_>,
    mut denoised: Ensemble<S>,
    t: f64,
    step: usize,
) -> Result<Ensemble<S>, FieldError> {
    let (grid, noise) = (denoised.grid, ModeNoise::new(reverse.seed));
    let tables = reverse.tables(&denoised)?;
    let (a2, b2) = (reverse.path.signal(t).powi(2), reverse.path.noise(t).powi(2));
    let deviation = |k: usize| {
        let (c, lambda) = (tables.variances[k].double(), tables.eigenvalues[k].double());
        let s = a2 * c + b2 * lambda;
        if s > 0.0 { (c * b2 * lambda / s).sqrt() } else { 0.0 }
    };
    let modes = grid.mode_count();
    let stream = stream::OBSERVATION + 2 * (step as u32 + 1);
    let first = reverse.first_index;
    for (i, field) in denoised.fields_mut().enumerate() {
        for (channel, field) in field.chunks_exact_mut(grid.len()).enumerate() {
            let mut xi: Vec<S> = noise.normals_in(&grid, first + i as u64, stream, channel);
            for (k, xi) in xi.iter_mut().enumerate() {
                *xi = S::of(xi.double() * deviation(channel * modes + k));
            }
            let values = tables.transform.into_values(xi);
            field.iter_mut().zip(values).for_each(|(d, v)| *d = S::of(d.double() + v.double()));
        }
    }
    Ok(denoised)
}
