//! What would be done with a data set: patch, levels and grids that suit its size.

use std::path::Path;

use karhunen_formats::ReadOptions;
use karhunen_train::RunConfig;
use karhunen_train::config::{DataConfig, LevelConfig};

use crate::failure::Failure;

/// What a source holds, before any preparation.
#[derive(Debug, Clone)]
pub struct Native {
    /// Number of fields.
    pub count: Option<usize>,
    /// Cells per axis.
    pub points: Vec<usize>,
    /// Channels.
    pub channels: usize,
    /// Number type in the file.
    pub dtype: String,
    /// Smallest and largest value.
    pub range: Option<(f32, f32)>,
    /// What the reader noticed.
    pub notes: Vec<String>,
}

impl Native {
    /// Looks at a source as a configuration reads it.
    ///
    /// # Errors
    /// Those of reading it.
    pub fn of(source: &str, config: &DataConfig) -> Result<Self, Failure> {
        if source.starts_with("builtin:") {
            return Ok(Self {
                count: None,
                points: vec![BUILTIN, BUILTIN],
                channels: 1,
                dtype: "made on the spot".into(),
                range: None,
                notes: vec![],
            });
        }
        let options =
            ReadOptions { channels: config.channels, dim: config.dim, ..Default::default() };
        let raw = karhunen_formats::read(Path::new(source), &options)?;
        let bounds = raw
            .values
            .iter()
            .fold((f32::INFINITY, f32::NEG_INFINITY), |(l, h), v| (l.min(*v), h.max(*v)));
        Ok(Self {
            count: Some(raw.count()),
            points: raw.points.clone(),
            channels: raw.channels,
            dtype: raw.dtype.to_string(),
            range: Some(bounds),
            notes: raw.notes,
        })
    }
}

/// Cells per axis at which built-in data are simulated for reference.
const BUILTIN: usize = 128;
/// Images of at least this many cells are cut into patches.
const LARGE: usize = 256;

/// A configuration that suits a data set, and the grid its real fields are seen on.
#[derive(Debug, Clone)]
pub struct Planned {
    /// The configuration.
    pub config: RunConfig,
    /// Cells of the real fields (patches where images are large).
    pub points: Vec<usize>,
}

/// Patches of 128 from large images; three levels below half the native size where that leaves
/// at least 32 cells (the native grid is then held out), otherwise up to the native size.
pub fn for_data(source: &str, native: &Native, patch: Option<&[usize]>) -> Planned {
    let mut config = RunConfig::default();
    config.data.source = source.to_string();
    let large = native.points.iter().all(|&n| n >= LARGE);
    let points = match patch {
        Some(points) => points.to_vec(),
        None if large => vec![BUILTIN; native.points.len()],
        None => native.points.clone(),
    };
    if patch.is_some() || large {
        config.data.patch = Some(join(&points));
    }
    let smallest = points.iter().copied().min().unwrap_or(2);
    let held_out = smallest >= 64;
    let finest: Vec<usize> = points.iter().map(|n| if held_out { n / 2 } else { *n }).collect();
    let coarser = |by: usize| finest.iter().map(|n| n.div_ceil(by)).collect::<Vec<_>>();
    let mut levels =
        vec![(join(&finest), 0.15), (join(&coarser(2)), 0.25), (join(&coarser(4)), 0.6)];
    levels.retain(|(grid, _)| grid.split('x').all(|n| n.parse().is_ok_and(|n: usize| n >= 12)));
    if levels.is_empty() {
        levels.push((join(&finest), 1.0));
    }
    levels.reverse();
    config.levels = levels.into_iter().map(|(grid, share)| LevelConfig { grid, share }).collect();
    Planned { config, points }
}

/// Refuses fields with an axis that no level can have.
pub fn trainable(source: &str, points: &[usize]) -> Result<(), Failure> {
    match points.iter().position(|&n| n < 2) {
        None => Ok(()),
        Some(axis) => {
            let message = format!(
                "{source}: fields of {} cells have one cell along axis {axis}; levels need at least 2",
                join(points)
            );
            Err(Failure::usage(message)
                .help("drop the axis from the array, or give fields of more cells"))
        }
    }
}

/// The parts of a plan worth telling.
pub fn summary(config: &RunConfig) -> Vec<String> {
    let levels: Vec<String> = config
        .levels
        .iter()
        .map(|l| format!("{} ({:.0} % of steps)", l.grid, 100.0 * l.share))
        .collect();
    let mut lines = vec![
        format!("  boundary {}, levels {}", config.data.boundary, levels.join(" → ")),
        format!(
            "  prior fitted to the spectrum, {:?} preconditioning",
            config.training.preconditioning
        ),
    ];
    if let Some(patch) = &config.data.patch {
        lines.push(format!("  random patches of {patch} cells, whole slices held out in blocks"));
    }
    lines
}

/// The same for machines.
pub fn as_json(config: &RunConfig) -> serde_json::Value {
    serde_json::to_value(config).unwrap_or_default()
}

/// `64x48`
pub fn join(points: &[usize]) -> String {
    points.iter().map(usize::to_string).collect::<Vec<_>>().join("x")
}
