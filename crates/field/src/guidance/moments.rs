//! Moment matching: the covariance of X₀ given X_t from the denoiser's own derivative.

use super::system::conjugate_gradients_of_many;
use super::{Conditioning, Guidance};
use crate::resample::copied_modes;
use crate::{Denoiser, Ensemble, FieldError};

/// D_y = D + V A* (R + A V A*)⁻¹ (y − A D) with V = (b²/a) Q ∂D*, the covariance of X₀ given X_t
/// for any data.
///
/// The system is solved by conjugate gradients, preconditioned by the system of [`Conditioning`].
/// On Gaussian data that one is exact, so one iteration is enough. The derivative of a trained
/// denoiser is symmetric in the norm of Q only approximately. The iteration stops where the matrix
/// turns out not to be positive.
///
/// **Cost** one pullback an iteration in addition to the evaluation; a pullback takes the time of
/// two to three evaluations.
///
/// **Source** Rozet, Andry, Lanusse, Louppe, arXiv 2405.13712 (moment matching).
#[derive(Debug)]
pub struct MomentMatching<'a> {
    /// The observations and the Gaussian law.
    pub conditioning: &'a Conditioning,
    /// Largest number of iterations; each costs one pullback.
    pub iterations: usize,
}

impl Guidance for MomentMatching<'_> {
    fn conditioning(&self) -> &Conditioning {
        self.conditioning
    }

    fn guide(
        &self,
        alone: &dyn Denoiser,
        x: &Ensemble,
        t: f64,
        mut denoised: Ensemble,
    ) -> Result<Ensemble, FieldError> {
        let given = self.conditioning;
        let stack = &given.stack;
        if stack.linear_rows() < stack.targets().len() {
            let requirement = "takes linear observations only: leave fractions to order 1";
            return Err(FieldError::Parameter {
                parameter: "guidance order",
                value: 2.0,
                requirement,
            });
        }
        let (on, system) = (given.on(&x.grid), given.system(&x.grid, t));
        let (a, b) = (given.path.signal(t), given.path.noise(t));
        let own = |modes: &[f64]| copied_modes(given.grid(), modes, &x.grid);
        let mut residuals = Vec::with_capacity(x.count());
        for field in denoised.fields() {
            let modes = given.with_mean(&x.grid, &on.transform.analyse_channels(field));
            let seen = stack.apply(&modes);
            residuals.push(stack.targets().iter().zip(seen).map(|(y, s)| y - s).collect());
        }
        // V A* p of every field, in the coefficients of the finished grid
        let spread = |weights: &[Vec<f64>]| -> Result<Vec<Vec<f64>>, FieldError> {
            let back: Vec<Vec<f64>> = weights.iter().map(|w| stack.adjoint(w)).collect();
            let values =
                back.iter().flat_map(|m| on.transform.synthesise_channels(&own(m))).collect();
            let w = Ensemble { grid: x.grid, channels: x.channels, values };
            let Some(pulled) = alone.pullback(x, t, &w)? else {
                return Err(FieldError::Parameter {
                    parameter: "guidance order",
                    value: 2.0,
                    requirement: "needs a denoiser with a derivative",
                });
            };
            let of = |(back, pulled): (Vec<f64>, &[f64])| {
                let mut modes = on.transform.analyse_channels(pulled);
                modes.iter_mut().zip(&on.eigenvalues).for_each(|(m, l)| *m *= b * b / a * l);
                let mut others = back;
                others.iter_mut().zip(&system.variances).for_each(|(m, v)| *m *= v);
                given.continued(&x.grid, &modes, &others)
            };
            Ok(back.into_iter().zip(pulled.fields()).map(of).collect())
        };
        let changes = conjugate_gradients_of_many(
            &residuals,
            &spread,
            &|changed, p| {
                let mut q = stack.apply(changed);
                q.iter_mut().zip(stack.variances()).zip(p).for_each(|((q, r), p)| *q += r * p);
                q
            },
            &|r| system.solve(stack, r),
            self.iterations,
        )?;
        for (field, change) in denoised.fields_mut().zip(changes) {
            given.add(&on, field, &change);
        }
        Ok(denoised)
    }
}
