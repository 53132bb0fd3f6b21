//! What would be done with a data set: patch, levels and grids that suit its size.

use karhunen_formats::{FieldSource, StackedFields};
use karhunen_train::config::{DataConfig, LevelConfig};
use karhunen_train::{RunConfig, builtin, data};

use crate::failure::Failure;

/// What a source holds, before any preparation.
#[derive(Debug)]
pub struct Native {
    /// The files, opened once for whatever is done with them; none for built-in data.
    pub fields: Option<StackedFields>,
    /// Number of fields.
    pub count: Option<usize>,
    /// Cells per axis.
    pub points: Vec<usize>,
    /// Channels.
    pub channels: usize,
    /// Number type in the (first) file.
    pub dtype: String,
}

impl Native {
    /// Looks at a source as a configuration reads it.
    ///
    /// # Errors
    /// Those of opening it.
    pub fn of(config: &DataConfig) -> Result<Self, Failure> {
        let Some(fields) = data::open(config)? else {
            let name = config.source.builtin().unwrap_or_default();
            return Ok(Self {
                fields: None,
                count: None,
                points: vec![BUILTIN, BUILTIN],
                channels: builtin::structure(name, config.channels)?.channels(),
                dtype: "made on the spot".into(),
            });
        };
        Ok(Self {
            count: Some(fields.count()),
            points: fields.points().to_vec(),
            channels: fields.channels(),
            dtype: fields.dtype().to_string(),
            fields: Some(fields),
        })
    }

    /// Smallest and largest value, read slice by slice.
    ///
    /// # Errors
    /// Those of reading.
    pub fn range(&self) -> Result<Option<(f64, f64)>, Failure> {
        let Some(fields) = &self.fields else { return Ok(None) };
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        let offsets = fields.offsets();
        let mut slice = self.points.clone();
        let slices = std::mem::replace(&mut slice[0], 1);
        let mut values = Vec::new();
        for item in 0..fields.count() {
            for first in 0..slices {
                let mut corner = vec![0; slice.len()];
                corner[0] = first;
                values.clear();
                fields.block(item, &corner, &slice, &mut values)?;
                let channels = values.chunks_exact(values.len() / self.channels).zip(&offsets);
                for v in channels.flat_map(|(own, o)| own.iter().map(move |v| o + f64::from(*v))) {
                    (low, high) = (low.min(v), high.max(v));
                }
            }
        }
        Ok(Some((low, high)))
    }
}

/// Cells per axis at which built-in data are simulated for reference.
const BUILTIN: usize = 128;
/// Images of at least this many cells are cut into patches.
const LARGE: usize = 256;
/// Cells per axis of patches of volumes: their cells are the third power of it.
const VOLUME_PATCH: usize = 64;

/// A configuration that suits a data set, and the grid its real fields are seen on.
#[derive(Debug, Clone)]
pub struct Planned {
    /// The configuration.
    pub config: RunConfig,
    /// Cells of the real fields (patches where images are large).
    pub points: Vec<usize>,
}

/// Patches of 128 from large images, of 64 from large volumes; three levels below half the native
/// size where that leaves at least 32 cells (the native grid is then held out), otherwise up to the
/// native size. Of one large volume enough slices are held out for a patch.
pub fn for_data(data: &DataConfig, native: &Native, patch: Option<&[usize]>) -> Planned {
    let mut config = RunConfig { data: data.clone(), ..RunConfig::default() };
    let large = native.points.iter().all(|&n| n >= LARGE);
    let points = match patch {
        Some(points) => points.to_vec(),
        None if large => {
            let cells = if native.points.len() == 3 { VOLUME_PATCH } else { BUILTIN };
            vec![cells; native.points.len()]
        }
        None => native.points.clone(),
    };
    if native.count == Some(1) && points != native.points {
        let share = points[0] as f64 / native.points[0] as f64;
        config.data.validation = config.data.validation.max((100.0 * share).ceil() / 100.0);
    }
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
    let total: f64 = config.levels.iter().map(|l| l.share).sum();
    let levels: Vec<String> = config
        .levels
        .iter()
        .map(|l| format!("{} ({:.0} % of steps)", l.grid, 100.0 * l.share / total))
        .collect();
    let mut lines = vec![
        format!("  boundary {}, levels {}", config.data.boundary, levels.join(" → ")),
        format!(
            "  prior fitted to the spectrum, {:?} preconditioning",
            config.training.preconditioning
        ),
    ];
    if let Some(phases) = &config.data.phases {
        let labels: Vec<String> =
            phases.labels().unwrap_or_default().iter().map(|l| phases.name(*l)).collect();
        lines.push(format!(
            "  phases {}: their level sets, labels when sampled (data.phases = [{}])",
            labels.join(", "),
            labels.join(", ")
        ));
    }
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
