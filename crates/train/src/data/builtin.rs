//! Built-in data by their names in a configuration: fields made on the spot, split by index.
//!
//! Fields 0, 1, … of a run's seed are trained on, those from [`VALIDATION`] are held out, and
//! whoever compares takes others still; no file, no split of one.

use karhunen_field::Grid;
use karhunen_formats::{RawFields, Series, SourceType, Units};
use karhunen_simulate::{
    Darcy, FitzHughNagumo, Grains, Helmholtz, NavierStokes, Shapes, SimulateError, Spinodal,
    Structure,
};
use rayon::prelude::*;

use crate::config::DataConfig;
use crate::data::Loaded;
use crate::data::level::LevelData;
use crate::{TrainError, data, memory};

/// Fields made unless `data.count` says otherwise.
const COUNT: usize = 1536;

/// Index of the first validation field: never reached by training indices.
pub const VALIDATION: u64 = 1 << 40;

/// The structure of a name, seen in `channels` channels where it leaves a choice.
///
/// | name | channels |
/// |---|---|
/// | `spinodal`, `grains`, `shapes` | 1 |
/// | `fitzhugh-nagumo` | 2 (u and v; the default) or 1 (u) |
/// | `poisson`, `helmholtz`, `darcy` | 2 (coefficient and solution) |
/// | `navier-stokes` | 2 (vorticity at the times 0 and 1) |
///
/// # Errors
/// [`TrainError::Data`] for an unknown name or a number of channels that the structure does not have.
pub fn structure(name: &str, channels: Option<usize>) -> Result<Box<dyn Structure>, TrainError> {
    let source_name = format!("builtin:{name}");
    let structure: Box<dyn Structure> = match (name, channels) {
        ("spinodal", _) => Box::new(Spinodal::default()),
        ("grains", _) => Box::new(Grains::default()),
        ("shapes", _) => Box::new(Shapes),
        ("fitzhugh-nagumo", Some(1)) => Box::new(FitzHughNagumo::default().activator_alone()),
        ("fitzhugh-nagumo", _) => Box::new(FitzHughNagumo::default()),
        ("poisson", _) => Box::new(Helmholtz::poisson()),
        ("helmholtz", _) => Box::new(Helmholtz::default()),
        ("darcy", _) => Box::new(Darcy),
        ("navier-stokes", _) => Box::new(NavierStokes::default()),
        _ => {
            let message = "no such built-in data; there are builtin:spinodal, builtin:grains, \
                           builtin:fitzhugh-nagumo, builtin:shapes, builtin:poisson, builtin:helmholtz, \
                           builtin:darcy, builtin:navier-stokes";
            return Err(TrainError::Data { source_name, message: message.into() });
        }
    };
    match channels.filter(|asked| *asked != structure.channels()) {
        None => Ok(structure),
        Some(asked) => {
            let message =
                format!("{asked} channels were asked for; it has {}", structure.channels());
            Err(TrainError::Data { source_name, message })
        }
    }
}

/// Fields `indices` of a structure on a grid, in its own values.
///
/// # Errors
/// The solver's own.
pub fn make(
    structure: &dyn Structure,
    grid: Grid,
    seed: u64,
    indices: std::ops::Range<u64>,
) -> Result<LevelData, TrainError> {
    let labels = indices.clone().filter_map(|index| structure.class(seed, index)).collect();
    let parts: Result<Vec<Vec<f32>>, SimulateError> = indices
        .into_par_iter()
        .map(|index| {
            let values = structure.generate(&grid, seed, index)?;
            Ok(values.into_iter().map(|v| v as f32).collect())
        })
        .collect();
    Ok(LevelData { labels, ..LevelData::plain(grid, structure.channels(), parts?.concat()) })
}

/// Cells along an axis of a made field of labels, in those of the finest level.
const CELLS_OF_LABELS: usize = 2;

/// Fields `indices` of a structure of two phases, as labels 0 and 1 on twice the cells along every axis:
/// 1 where its values are positive.
///
/// # Errors
/// [`TrainError::Data`] for a structure that is not made of two phases; the solver's own.
pub fn make_phases(
    name: &str,
    structure: &dyn Structure,
    grid: Grid,
    seed: u64,
    indices: std::ops::Range<u64>,
) -> Result<RawFields, TrainError> {
    if !["grains", "spinodal"].contains(&name) {
        return Err(TrainError::Data {
            source_name: format!("builtin:{name}"),
            message: "is not made of two phases; data.phases goes with grains and spinodal".into(),
        });
    }
    let points: Vec<usize> = grid.points().iter().map(|n| CELLS_OF_LABELS * n).collect();
    let made = make(structure, grid.with_points(&points)?, seed, indices)?;
    let count = made.count();
    Ok(RawFields {
        points,
        channels: 1,
        values: made.values.iter().map(|v| f32::from(u8::from(*v > 0.0))).collect(),
        offset: 0.0,
        dtype: SourceType::U8,
        source: format!("builtin:{name}").into(),
        items: Vec::new(),
        positions: (0..count as u64).collect(),
        series: Series::Apart,
        units: Units::default(),
        notes: Vec::new(),
    })
}

/// Training and validation fields of a configuration's structure.
///
/// # Errors
/// As [`structure`] and [`make`]; [`TrainError::Memory`] for more fields than memory holds.
pub(crate) fn load(
    config: &DataConfig,
    name: &str,
    finest: Grid,
    seed: u64,
) -> Result<Loaded, TrainError> {
    let structure = structure(name, config.channels)?;
    let count = config.count.unwrap_or(COUNT) as f64;
    let held = (count * config.validation).round().max(2.0) as u64;
    let train = (count as u64).saturating_sub(held).max(2);
    let channels = structure.channels();
    memory::check_fields(count, &finest, channels, 2 * size_of::<f32>(), "data.count")?;
    if config.phases.is_some() {
        let made = |indices| make_phases(name, &*structure, finest, seed, indices);
        let (training, validation) = (made(0..train)?, made(VALIDATION..VALIDATION + held)?);
        return data::of_labels(config, finest, [&training, &validation]);
    }
    let training = make(&*structure, finest, seed, 0..train)?;
    let validation = make(&*structure, finest, seed, VALIDATION..VALIDATION + held)?;
    let notes = vec![format!("{name}: made {} fields at {finest}", train + held)];
    let offsets = vec![0.0; training.channels];
    Ok(Loaded { notes, ..Loaded::plain(training, validation, offsets) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_channels_are_known_or_refused() {
        let channels = |name, asked| structure(name, asked).map(|s| s.channels());
        assert_eq!(channels("spinodal", None).unwrap(), 1);
        assert_eq!(channels("grains", Some(1)).unwrap(), 1);
        assert_eq!(channels("shapes", None).unwrap(), 1);
        assert_eq!(channels("fitzhugh-nagumo", None).unwrap(), 2);
        assert_eq!(channels("fitzhugh-nagumo", Some(1)).unwrap(), 1);
        for pair in ["poisson", "helmholtz", "darcy", "navier-stokes"] {
            assert_eq!(channels(pair, None).unwrap(), 2);
        }
        let message = |name, asked| channels(name, asked).unwrap_err().to_string();
        assert!(message("foam", None).contains("builtin:fitzhugh-nagumo"));
        assert!(message("spinodal", Some(2)).contains("2 channels were asked for; it has 1"));
        assert!(message("fitzhugh-nagumo", Some(3)).contains("it has 2"));
    }
}
