//! The exact denoiser of a Gaussian law: a Wiener filter, mode by mode.

use std::sync::Arc;

use super::Denoiser;
use crate::law::OnGrid;
use crate::path::Path;
use crate::{Ensemble, FieldError, GaussianLaw, PerGrid, Prior};

/// w = a c / (a² c + b² λ), the weight of the best linear denoiser for one mode of variance `c` in
/// noise of variance `lambda`. It is 0 where there is neither data nor noise.
pub fn wiener_weight(a: f64, b: f64, c: f64, lambda: f64) -> f64 {
    let total = a * a * c + b * b * lambda;
    if total > 0.0 { a * c / total } else { 0.0 }
}

/// D(x, t) for X₀ ~ N(m, C) with C diagonal in the modes of Q.
///
/// D_k = m_k + w_k (x_k − a m_k) with the Wiener weight w_k = a c_k / (a² c_k + b² λ_k). For any
/// other law with this mean and these variances it is the best *linear* denoiser. Components of x
/// outside the modes of its grid (Nyquist of even periodic axes) are pure noise and are dropped.
///
/// **Cost** two transforms a field and channel.
///
/// # Example
/// ```
/// use std::sync::Arc;
/// use karhunen_field::denoiser::{Denoiser, Gaussian};
/// use karhunen_field::path::{Path, VariancePreserving};
/// use karhunen_field::{Boundary, Ensemble, GaussianLaw, Grid, Mode, Prior};
///
/// #[derive(Debug)]
/// struct Unit;
/// impl Prior for Unit {
///     fn eigenvalue(&self, _: &Mode) -> f64 { 1.0 }
/// }
///
/// let grid = Grid::unit(&[4], Boundary::Neumann)?;
/// let path = Arc::new(VariancePreserving::default());
/// let law = GaussianLaw::centred(grid, Arc::new(Unit), 1);
/// let oracle = Gaussian::new(law, Arc::new(Unit), path.clone());
/// let x = Ensemble::new(grid, 1, vec![1.0, 2.0, 3.0, 4.0])?;
/// let denoised = oracle.denoise(&x, 0.5)?;
/// // data and noise have the same variances and a² + b² = 1: the filter is the factor a
/// assert!((denoised.values[3] - 4.0 * path.signal(0.5)).abs() < 1e-14);
/// # Ok::<(), karhunen_field::FieldError>(())
/// ```
#[derive(Debug)]
pub struct Gaussian {
    law: GaussianLaw,
    prior: Arc<dyn Prior>,
    path: Arc<dyn Path>,
    frames: PerGrid<OnGrid>,
}

impl Gaussian {
    /// The denoiser of `law` under noise N(0, Q), the same Q in every channel.
    pub fn new(law: GaussianLaw, prior: Arc<dyn Prior>, path: Arc<dyn Path>) -> Self {
        Self { law, prior, path, frames: PerGrid::default() }
    }

    fn frame(&self, x: &Ensemble) -> Result<Arc<OnGrid>, FieldError> {
        self.law.check(x)?;
        Ok(self.frames.get(&x.grid, || OnGrid::new(x.grid, &self.law, &*self.prior)))
    }

    /// The law of the data.
    pub fn law(&self) -> &GaussianLaw {
        &self.law
    }
}

impl Denoiser for Gaussian {
    fn denoise(&self, x: &Ensemble, t: f64) -> Result<Ensemble, FieldError> {
        let tables = self.frame(x)?;
        let (a, weights) = (self.path.signal(t), tables.wiener(&*self.path, t));
        let mut out = x.clone();
        for field in out.fields_mut() {
            let mut modes = tables.transform.analyse_channels(field);
            for ((x, m), w) in modes.iter_mut().zip(&tables.mean).zip(&weights) {
                *x = m + w * (*x - a * m);
            }
            field.copy_from_slice(&tables.transform.synthesise_channels(&modes));
        }
        Ok(out)
    }

    fn pullback(&self, x: &Ensemble, t: f64, w: &Ensemble) -> Result<Option<Ensemble>, FieldError> {
        let tables = self.frame(x)?;
        let weights = tables.wiener(&*self.path, t);
        let mut out = w.clone();
        for field in out.fields_mut() {
            let mut modes = tables.transform.analyse_channels(field);
            modes.iter_mut().zip(&weights).for_each(|(x, w)| *x *= w);
            field.copy_from_slice(&tables.transform.synthesise_channels(&modes));
        }
        Ok(Some(out))
    }
}
