//! The published network, from its state dict to a model of this program.
//!
//! | their array | shape | here |
//! |---|---|---|
//! | `fc0.weight` | `[width, C + d + 1]` | `lifting`: field, coordinates, time |
//! | `conv{i}.weights1`, `weights2` | `[in, out, k₀, k₁]`, complex | `layers.{i}.spectral`: rows k₀ ≥ 0, rows k₀ < 0 |
//! | `w{i}.weight` | `[width, width, 1, 1]` | `layers.{i}.skip` |
//! | `fc1.weight`, `fc2.weight` | `[projection, width]`, `[C, projection]` | `projection`, `output` |
//!
//! Shapes tell width, modes, layers, projection and channels. The rest of a model is no part of a
//! state dict and comes from a run's configuration: the box and its grid, the covariance of the
//! noise, the path. The conventions are the published ones: time as an input channel, coordinates
//! with end points, no preconditioning (the network is g Q∇log p), values as they are. **Source**
//! arXiv 2303.04772 and its code; one axis follows the same rule with `weights1` alone.

use std::path::Path;

use karhunen_field::{Field, Grid};
use karhunen_formats::{NamedArray, write_whole};
use karhunen_net::{NetworkConfig, Preconditioning};

use crate::TrainError;
use crate::config::RunConfig;
use crate::config::sources::Sources;
use crate::data::Data;
use crate::data::statistics::{Normalisation, Statistics};
use crate::import::state_dict::Published;
use crate::run::optimizer::Optimizer;
use crate::run::schedule::Schedule;
use crate::store::checkpoint::{Checkpoint, Progress, list};

/// What a state dict does not hold, beside the run's configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Units {
    /// Value of the data at the network's 0.
    pub offset: f64,
    /// Units of the data in one of the network's.
    pub scale: f64,
}

impl Default for Units {
    /// Arrays as they are, as published.
    fn default() -> Self {
        Self { offset: 0.0, scale: 1.0 }
    }
}

/// A state dict of the published network as a checkpoint, and what its user should know.
///
/// `source` is the file's name in messages. Arrays below `prefix` are taken (`module.`); without
/// one, it is whatever stands before the only `fc0.weight`. With `data`, the law of the data is
/// measured from them; without, it is taken to be the law of the noise, so that sampling starts
/// from N(0, Q), as published.
///
/// # Errors
/// [`TrainError::Data`] naming the array, its shape and what was expected; [`TrainError::Config`]
/// for a configuration whose grid has another dimension, whose network is another one, or whose
/// prior is fitted without data.
pub fn import(
    source: &str,
    arrays: &[NamedArray],
    prefix: Option<&str>,
    config: &RunConfig,
    units: &Units,
    data: Option<&Sources>,
) -> Result<(Checkpoint, Vec<String>), TrainError> {
    let found = Published::find(source, arrays, prefix)?;
    let (network, channels) = found.shape()?;
    let mut config = config.clone();
    if config.network != NetworkConfig::default()
        && config.network != NetworkConfig::Fno(network.clone())
    {
        let message = format!(
            "the arrays tell the network: leave [network] out, or write what they tell: {network:?}"
        );
        return Err(TrainError::Config { place: "network".into(), message });
    }
    let finest = Schedule::new(&config)?.finest();
    let dim = network.modes.len();
    if finest.dim() != dim {
        let message = format!("{finest} has {} axes, the network {dim}", finest.dim());
        return Err(TrainError::Config { place: "levels".into(), message });
    }
    if config.prior.is_fitted() && data.is_none() {
        let message = "a state dict does not tell the noise it was trained with: give [prior], \
                       such as kind = \"bessel\", gamma = 8, power = 0.55, or data to fit it to";
        return Err(TrainError::Config { place: "prior".into(), message: message.into() });
    }
    if !(units.offset.is_finite() && units.scale.is_finite() && units.scale > 0.0) {
        let message =
            format!("offset {}, scale {}: both finite, scale positive", units.offset, units.scale);
        return Err(TrainError::Config { place: "normalisation".into(), message });
    }
    config.network = NetworkConfig::Fno(network.clone());
    config.training.preconditioning = Preconditioning::None;
    config.data.source = data.cloned().unwrap_or_else(|| Sources::StateDict(source.into()));
    let statistics = statistics(&config, finest, channels, units, data)?;
    let parameters = found.parameters(&network, finest, channels)?;
    let mut notes = nyquist(&network.modes, finest);
    notes.extend(found.notes(channels, &parameters, &network));
    let progress = Progress { rate_factor: 1.0, ..Progress::default() };
    let optimizer = Optimizer::new(parameters, config.training.ema.len());
    Ok((Checkpoint { config, optimizer, statistics, progress }, notes))
}

/// Writes the checkpoint into a directory that holds no run.
///
/// # Errors
/// [`TrainError::RunExists`]; [`TrainError::Write`].
pub fn save(checkpoint: &Checkpoint, directory: &Path) -> Result<(), TrainError> {
    if !list(directory)?.is_empty() {
        return Err(TrainError::RunExists {
            path: directory.into(),
            message: "holds a run already; choose another directory".into(),
        });
    }
    // as a run has it: no checkpoint without the configuration that it is resumed with
    let asked = directory.join("config.toml");
    write_whole(&asked, checkpoint.config.to_toml().as_bytes())
        .map_err(|source| TrainError::Write { path: asked, source })?;
    checkpoint.save(directory)?;
    Ok(())
}

/// Mean, mode variances and normalisation, in the network's units.
fn statistics(
    config: &RunConfig,
    grid: Grid,
    channels: usize,
    units: &Units,
    data: Option<&Sources>,
) -> Result<Statistics, TrainError> {
    let normalisation =
        Normalisation { offset: vec![units.offset; channels], scale: vec![units.scale; channels] };
    let Some(source) = data else {
        let prior = config.prior.build(grid.dim(), config.seed, None)?;
        let mean = Field::new(grid, channels, vec![0.0; channels * grid.len()])?;
        let variances = vec![prior.eigenvalues(&grid); channels];
        return Ok(Statistics {
            grid,
            normalisation,
            mean,
            variances,
            classes: vec![],
            attributes: vec![],
            condition: None,
            origin: None,
            phases: None,
        });
    };
    let measured = Data::load(&config.data, grid, config.seed)?.statistics;
    if measured.mean.channels != channels {
        let message = format!("{} channels, the network has {channels}", measured.mean.channels);
        return Err(TrainError::Data { source_name: source.to_string(), message });
    }
    // (x − o) / s has these mean and variances; the network sees (x − offset) / scale
    let Normalisation { offset, scale } = &measured.normalisation;
    let mut mean = measured.mean;
    let mut variances = measured.variances;
    for (c, values) in mean.values.chunks_exact_mut(grid.len()).enumerate() {
        values
            .iter_mut()
            .for_each(|m| *m = (*m * scale[c] + offset[c] - units.offset) / units.scale);
        variances[c].iter_mut().for_each(|v| *v *= (scale[c] / units.scale).powi(2));
    }
    Ok(Statistics {
        grid,
        normalisation,
        mean,
        variances,
        classes: vec![],
        attributes: vec![],
        condition: None,
        origin: None,
        phases: None,
    })
}

/// Grids whose Nyquist row the published code would keep.
fn nyquist(modes: &[usize], grid: Grid) -> Vec<String> {
    let axes = grid.axes().iter().zip(modes).enumerate();
    axes.filter(|(axis, (a, m))| *axis + 1 < modes.len() && a.points == 2 * **m)
        .map(|(axis, (a, m))| {
            format!(
                "on {} cells along axis {axis} the published code keeps the row k = -{m}, which \
                 aliases; here it is left out there, and kept on finer grids",
                a.points
            )
        })
        .collect()
}
