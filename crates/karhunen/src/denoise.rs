//! Samplers with a user-defined denoiser.

use std::ops::Range;

use karhunen_field::sampler::{self, Method, Reverse};
use karhunen_field::{Denoiser, Ensemble, FieldError, GaussianLaw, Grid, Path, Prior};

use crate::Error;

/// Turns a function of noisy fields and a time into a [`Denoiser`]. Samplers can then be tried
/// without a network.
pub struct ByFunction<F>(pub F);

impl<F: Fn(&Ensemble, f64) -> Result<Ensemble, FieldError>> Denoiser for ByFunction<F> {
    fn denoise(&self, x: &Ensemble, t: f64) -> Result<Ensemble, FieldError> {
        self.0(x, t)
    }
}

/// A sampler with everything it needs except the denoiser.
///
/// # Example
/// The data are a single field. The denoiser returns it for every input, and every sampler ends
/// there.
/// ```
/// use karhunen::sampler::Method;
/// use karhunen::{Boundary, ByFunction, Ensemble, Grid, Trial, field, prior};
/// use std::sync::Arc;
///
/// let grid = Grid::unit(&[16], Boundary::Neumann)?;
/// let q = Arc::new(prior::Matern::new(1.0, 0.3, 1.5)?);
/// let wave: Vec<f64> = (0..16).map(|i| (i as f64 / 5.0).sin()).collect();
/// let data = wave.clone();
/// let denoiser = ByFunction(|x: &Ensemble, _t: f64| {
///     Ok(Ensemble { values: data.repeat(x.count()), ..x.clone() })
/// });
/// let mean = field::Field { grid, channels: 1, values: wave.clone() };
/// let law = field::GaussianLaw::new(mean, vec![q.clone()])?;
/// let path = field::VariancePreserving::default();
/// let trial =
///     Trial { path: &path, prior: &*q, law: &law, method: Method::Ddim, evaluations: 20 };
/// let (x, evaluations) = trial.sample(&denoiser, grid, 1, 0..2, &mut |_, _| {})?;
/// assert_eq!((x.count(), evaluations), (2, 20));
/// assert!(x.values.iter().zip(wave.repeat(2)).all(|(x, d)| (x - d).abs() < 1e-9));
/// # Ok::<(), karhunen::Error>(())
/// ```
#[derive(Clone, Copy)]
pub struct Trial<'a> {
    /// Signal and noise as functions of time.
    pub path: &'a dyn Path,
    /// Covariance of the noise.
    pub prior: &'a dyn Prior,
    /// The data's Gaussian law, from which the initial state is drawn.
    pub law: &'a GaussianLaw,
    /// The sampler.
    pub method: Method,
    /// Largest number of denoiser evaluations.
    pub evaluations: usize,
}

impl Trial<'_> {
    /// Samples the fields `indices` of a seed, and returns the number of evaluations with them.
    /// `observe(done, steps)` is called after every step. An error of the denoiser ends the
    /// sampling, so a denoiser can stop it.
    ///
    /// # Errors
    /// A budget too small for one step; values that are not finite; errors of the denoiser.
    pub fn sample(
        &self,
        denoiser: &dyn Denoiser,
        grid: Grid,
        seed: u64,
        indices: Range<u64>,
        observe: &mut dyn FnMut(usize, usize),
    ) -> Result<(Ensemble, usize), Error> {
        let Self { path, prior, law, method, evaluations } = *self;
        let times = method.default_times().times(path, method.steps_for(evaluations)?);
        let x = sampler::start(law, prior, path, grid, seed, indices.clone());
        let mut reverse = Reverse::new(path, prior, law, denoiser, seed, indices.start);
        let mut sampler = method.build();
        let x = sampler::integrate(sampler.as_mut(), &mut reverse, &times, x, observe)?;
        Ok((x, reverse.evaluations))
    }
}
