//! Priors: Gaussian random fields given by their covariance. They can be drawn from and trained
//! with.

use std::ops::Range;
use std::sync::Arc;

use karhunen_field::noise::stream;
use karhunen_field::{Boundaries, Ensemble, Grid};
use karhunen_train::Sources;
use karhunen_train::config::PriorConfig;
use karhunen_train::config::{DataConfig, RunConfig};
use karhunen_train::data::Data;
use karhunen_train::settings::explain;

pub use karhunen_field::Prior;
pub use karhunen_field::prior::{
    Bessel, Combined, Fitted, FittedAnisotropic, Laplacian, Matern, Standard, Tabulated, Tempered,
    Truncated,
};

use crate::Error;

/// Draws the fields `indices` of a seed, with one channel. One (seed, index) is one function on
/// every grid.
///
/// # Example
/// ```
/// use karhunen::{Boundary, Grid, prior::{self, Matern}, resample};
/// let q = Matern::new(1.0, 0.1, 1.5)?;
/// let coarse = Grid::unit(&[16, 16], Boundary::Neumann)?;
/// let x = prior::draw(&q, coarse, 7, 0..1);
/// let y = prior::draw(&q, coarse.with_points(&[48, 48])?, 7, 0..1);
/// // the same function: restricted to the coarse grid the fine one is the coarse one
/// let back = resample::spectral(&y, coarse)?;
/// assert!(back.values.iter().zip(&x.values).all(|(a, b)| (a - b).abs() < 1e-9));
/// # Ok::<(), karhunen::Error>(())
/// ```
pub fn draw(prior: &dyn Prior, grid: Grid, seed: u64, indices: Range<u64>) -> Ensemble {
    karhunen_field::prior::sample(prior, grid, 1, seed, indices, stream::START)
}

/// Makes a prior's configuration from its kind and its parameters, named as in `[prior]`.
///
/// # Example
/// ```
/// let parameters = "length = 0.1\nsmoothness = 1.5".parse().unwrap();
/// let config = karhunen::prior::configured("matern", parameters)?;
/// assert!(!config.is_fitted());
/// # Ok::<(), karhunen::Error>(())
/// ```
///
/// # Errors
/// [`Error::Prior`]; an error of a table that cannot be read.
pub fn configured(kind: &str, parameters: toml::Table) -> Result<PriorConfig, Error> {
    let mut table = parameters;
    table.insert("kind".into(), kind.into());
    let mut config: PriorConfig = table.try_into().map_err(|e: toml::de::Error| {
        let message = explain(&e.to_string());
        let missing = message.strip_prefix("missing field `").and_then(|m| m.strip_suffix('`'));
        Error::Prior { kind: kind.into(), missing: missing.map(String::from), message }
    })?;
    config.resolve(None)?;
    Ok(config)
}

/// Builds a prior on the boxes of `grid`. Priors that are fitted to data take their spectrum from
/// `data`, read with `settings` (`data.spacing=[4,1,1]`).
///
/// # Errors
/// [`Error::PriorWithoutData`], [`Error::PriorWithData`]; errors while reading and measuring.
pub fn build(
    (kind, config): (&str, &PriorConfig),
    grid: Grid,
    boundary: &Boundaries,
    data: Option<(&Sources, &[String])>,
    seed: u64,
) -> Result<Arc<dyn Prior>, Error> {
    let kind = kind.to_string();
    let statistics = match (config.is_fitted(), data) {
        (true, Some((source, settings))) => {
            let own = RunConfig::load(None, settings)?.data;
            let (source, boundary) = (source.clone(), boundary.clone());
            Some(Data::load(&DataConfig { source, boundary, ..own }, grid, seed)?.statistics)
        }
        (true, None) => return Err(Error::PriorWithoutData(kind)),
        (false, Some((source, _))) => {
            return Err(Error::PriorWithData { source_name: source.to_string(), kind });
        }
        (false, None) => None,
    };
    Ok(config.build(grid.dim(), seed, statistics.as_ref())?)
}
