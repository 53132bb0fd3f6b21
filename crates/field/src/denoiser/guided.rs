//! Classifier-free guidance: strengthens the effect of a condition beyond that of the condition
//! alone.
//!
//! It combines the answers of two denoisers. The condition is part of the denoisers themselves.

use super::Denoiser;
use crate::{Ensemble, FieldError, Scalar};

/// D = D_u + W (D_c − D_u), where D_c is the answer under a condition and D_u the one without.
///
/// W is `weight`. Then Q∇log p = (a D − x)/b² is the score of the density ∝ p_t(x) p_t(condition |
/// x)^W. W = 1 applies the condition and W = 0 ignores it. W > 1 prefers fields that show the
/// condition clearly, at the cost of variety. Only for W = 0 and 1 is that density the law of X_t
/// for some data. Any other weight is a free choice, not an estimate.
///
/// **Cost** the evaluations of both, one after the other; only one of them at W = 0 and W = 1.
///
/// **Source** Ho & Salimans, "Classifier-free diffusion guidance" (2022). Their weight is W − 1.
///
/// # Example
/// ```
/// use karhunen_field::denoiser::{Denoiser, Guided};
/// use karhunen_field::{Boundary, Ensemble, FieldError, Grid};
/// struct Constant(f64);
/// impl Denoiser for Constant {
///     fn denoise(&self, x: &Ensemble, _: f64) -> Result<Ensemble, FieldError> {
///         Ensemble::new(x.grid, x.channels, vec![self.0; x.values.len()])
///     }
/// }
/// let x = Ensemble::zeros(Grid::unit(&[3], Boundary::Neumann)?, 1, 1);
/// let guided = Guided { with: &Constant(3.0), without: &Constant(1.0), weight: 2.5 };
/// assert_eq!(guided.denoise(&x, 0.5)?.values, [6.0; 3]);
/// # Ok::<(), FieldError>(())
/// ```
pub struct Guided<'a> {
    /// D_c.
    pub with: &'a dyn Denoiser,
    /// D_u.
    pub without: &'a dyn Denoiser,
    /// W.
    pub weight: f64,
}

impl Guided<'_> {
    /// Evaluations of the underlying network for one answer.
    pub fn evaluations(weight: f64) -> usize {
        if weight == 0.0 || weight == 1.0 { 1 } else { 2 }
    }
}

impl Guided<'_> {
    fn answer<S: Scalar>(&self, x: &Ensemble<S>, t: f64) -> Result<Ensemble<S>, FieldError> {
        if self.weight == 1.0 {
            return S::denoise(self.with, x, t);
        }
        let mut answer = S::denoise(self.without, x, t)?;
        if self.weight == 0.0 {
            return Ok(answer);
        }
        let with = S::denoise(self.with, x, t)?;
        if with.values.len() != answer.values.len() {
            let values = with.values.len();
            return Err(FieldError::Length { values, channels: x.channels, grid: x.grid });
        }
        for (u, c) in answer.values.iter_mut().zip(&with.values) {
            let own = u.double();
            *u = S::of(own + self.weight * (c.double() - own));
        }
        Ok(answer)
    }
}

impl Denoiser for Guided<'_> {
    fn denoise(&self, x: &Ensemble, t: f64) -> Result<Ensemble, FieldError> {
        self.answer(x, t)
    }

    fn denoise_single(&self, x: &Ensemble<f32>, t: f64) -> Result<Ensemble<f32>, FieldError> {
        self.answer(x, t)
    }

    fn pullback(&self, x: &Ensemble, t: f64, w: &Ensemble) -> Result<Option<Ensemble>, FieldError> {
        if self.weight == 1.0 {
            return self.with.pullback(x, t, w);
        }
        let Some(mut answer) = self.without.pullback(x, t, w)? else { return Ok(None) };
        if self.weight == 0.0 {
            return Ok(Some(answer));
        }
        let Some(with) = self.with.pullback(x, t, w)? else { return Ok(None) };
        for (u, c) in answer.values.iter_mut().zip(&with.values) {
            *u += self.weight * (c - *u);
        }
        Ok(Some(answer))
    }
}
