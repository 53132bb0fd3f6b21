//! The model of a configuration: a network behind a preconditioner, made for given statistics.
//!
//! Training and everything that reads checkpoints build their model here. Weights are put into it by
//! [`set`].

use karhunen_field::Grid;
use karhunen_field::prior::Tempered;
use karhunen_net::{Device, Model, NetworkConfig, Parameters, Preconditioner};

use crate::config::RunConfig;
use crate::config::prior::PriorConfig;
use crate::data::statistics::Statistics;
use crate::{TrainError, memory};

/// Builds the model of a configuration with given statistics and fresh weights.
///
/// # Errors
/// Those of the network's, the prior's and the path's constructors.
pub fn build_model(
    config: &RunConfig,
    statistics: &Statistics,
    device: &Device,
) -> Result<Model, TrainError> {
    let grid = statistics.grid;
    let prior = config.prior.build(grid.dim(), config.seed, Some(statistics))?;
    let preconditioner = Preconditioner::new(
        config.training.preconditioning,
        config.path.build(),
        prior,
        statistics.law()?,
        grid,
    )
    .with_share(config.training.share);
    let preconditioner = match &config.distilled {
        Some(distilled) => preconditioner.with_jumps(&distilled.times),
        None => preconditioner,
    };
    let channels = statistics.mean.channels;
    let mut network =
        config.network.build(&levels_on(config, grid)?, channels, config.seed, device)?;
    if !statistics.classes.is_empty() {
        network.add_classes(statistics.classes.len(), config.seed)?;
    }
    if !statistics.attributes.is_empty() {
        network.add_attributes(statistics.attributes.len(), config.seed)?;
    }
    if let Some(given) = &statistics.condition {
        network.add_condition(given.scale.len(), config.seed)?;
    }
    Ok(Model { network, preconditioner, band: config.sampling.band })
}

/// Builds what does not need the data, so that an impossible network or prior is refused before
/// any are read.
///
/// # Errors
/// As [`build_model`].
pub fn check_model(config: &RunConfig, grid: Grid) -> Result<(), TrainError> {
    let parameters = config.network.parameter_count(config.levels.len(), grid.dim(), 1)?;
    let needed = memory::weight_bytes(parameters, config.training.ema.len());
    memory::check(needed, format!("{parameters:.1e} parameters"), config.network.size_keys())?;
    match config.prior {
        PriorConfig::Tempered { exponent } => Tempered::check_exponent(exponent)?,
        ref prior if prior.is_fitted() => (),
        ref prior => drop(prior.build(grid.dim(), config.seed, None)?),
    }
    let mut network =
        config.network.build(&levels_on(config, grid)?, 1, config.seed, &Device::flex())?;
    if config.data.labels.is_some() || config.data.clusters.is_some() {
        network.add_classes(1, config.seed)?;
    }
    if config.data.attributes.is_some() {
        network.add_attributes(1, config.seed)?;
    }
    if config.data.condition.is_some() {
        network.add_condition(1, config.seed)?;
    }
    Ok(())
}

/// The grids that a network is built for, on the box of the finest one: all levels of a nested network,
/// the finest of others.
fn levels_on(config: &RunConfig, finest: Grid) -> Result<Vec<Grid>, TrainError> {
    if !matches!(config.network, NetworkConfig::Nested(_)) {
        return Ok(vec![finest]);
    }
    let on_box = |grid: Grid| Ok(finest.with_points(&grid.points())?);
    config.grids()?.into_iter().map(on_box).collect()
}

/// Puts weights into a model.
///
/// # Errors
/// As [`karhunen_net::Network::set_parameters`].
pub fn set(model: &mut Model, weights: &Parameters) -> Result<(), TrainError> {
    Ok(model.network.set_parameters(weights)?)
}
