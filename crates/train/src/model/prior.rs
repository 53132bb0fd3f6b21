//! The covariance of the noise, made of its configuration and what is known of the data.

use std::sync::Arc;

use karhunen_field::FieldError;
use karhunen_field::prior::{
    Bessel, Combined, Fitted, FittedAnisotropic, Laplacian, Matern, Prior, Standard, Tabulated,
    Tempered, Truncated,
};

use crate::TrainError;
use crate::config::PriorConfig;
#[cfg(doc)]
use crate::config::spectrum_table::SpectrumTable;
use crate::data::statistics::Statistics;

impl PriorConfig {
    /// The covariance for boxes of dimension `dim`. The fitted kinds use the statistics of the
    /// data. The random weights of `Truncated` come from `seed`.
    ///
    /// # Errors
    /// [`FieldError::NotTraceClass`] or [`FieldError::Parameter`] from the constructors;
    /// [`FieldError::TooFew`] if a fitted kind is asked for without statistics; errors of
    /// [`SpectrumTable::rows`].
    pub fn build(
        &self,
        dim: usize,
        seed: u64,
        statistics: Option<&Statistics>,
    ) -> Result<Arc<dyn Prior>, TrainError> {
        let measured = || {
            let what = "a prior fitted to data";
            statistics.ok_or(FieldError::TooFew { what, least: 2, count: 0 })
        };
        Ok(match *self {
            Self::Fitted => {
                let s = measured()?;
                Arc::new(Fitted::new(&s.grid, &s.average_variances())?)
            }
            Self::FittedAnisotropic => {
                let s = measured()?;
                Arc::new(FittedAnisotropic::new(s.grid, s.average_variances())?)
            }
            Self::Tempered { exponent } => {
                let s = measured()?;
                Arc::new(Tempered::new(s.grid, &s.average_variances(), exponent)?)
            }
            Self::Flat => {
                let s = measured()?;
                Arc::new(Tempered::flat(s.grid, &s.average_variances())?)
            }
            Self::Tabulated { ref table } => Arc::new(Tabulated::new(dim, table.rows()?)?),
            Self::Standard => Arc::new(Standard::new()),
            Self::Truncated { cutoff, scale } => Arc::new(Truncated::new(seed, cutoff, scale)?),
            Self::Laplacian { scale, power, constant } => {
                let prior = Laplacian::new(dim, scale, power)?;
                Arc::new(match constant {
                    Some(constant) => prior.with_constant(constant)?,
                    None => prior,
                })
            }
            Self::Bessel { scale, gamma, power } => {
                Arc::new(Bessel::new(dim, scale, gamma, power)?)
            }
            Self::Combined { cutoff, truncated, laplacian, power } => {
                Arc::new(Combined::new(vec![
                    (truncated, Arc::new(Truncated::new(seed, cutoff, 1.0)?)),
                    (laplacian, Arc::new(Laplacian::new(dim, 1.0, power)?)),
                ])?)
            }
            Self::Matern { variance, length, smoothness } => {
                Arc::new(Matern::new(variance, length, smoothness)?)
            }
        })
    }
}
