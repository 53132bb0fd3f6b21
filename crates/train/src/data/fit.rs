//! Training and validation fields as a run sees them: measured and normalised.
//!
//! Not here: where they come from (module `load`).

use karhunen_field::Grid;
use karhunen_formats::StackedFields;

use crate::TrainError;
use crate::config::DataConfig;
use crate::config::hold_out::HoldOut;
use crate::data::clusters::{self, Clusters};
use crate::data::cut::interface_width;
use crate::data::level::LevelData;
use crate::data::load::prepare;
use crate::data::loaded::Loaded;
use crate::data::phases::Phases;
use crate::data::source::open;
use crate::data::statistics::{Normalisation, Statistics};
use crate::data::{conditions, labels, missing, origin};

/// Contrast of a constant channel, relative to its values, after the transforms: a few units in the
/// last place of `f32`.
const ROUNDING: f64 = 4.0 * f32::EPSILON as f64;

/// Largest magnitude of a channel.
fn largest(data: &LevelData, channel: usize) -> f64 {
    let blocks = data.values.chunks_exact(data.grid.len()).skip(channel).step_by(data.channels);
    f64::from(blocks.flatten().fold(0.0f32, |m, v| m.max(v.abs())))
}

/// Training and validation fields, normalised, on the finest grid.
#[derive(Debug, Clone)]
pub struct Data {
    /// Fields to train on.
    pub training: LevelData,
    /// Fields never trained on.
    pub validation: LevelData,
    /// Measured on the training fields.
    pub statistics: Statistics,
    /// How the part held out was chosen; none of fields made on the spot or held out by files.
    pub hold_out: Option<HoldOut>,
    /// What was done, for a person to read.
    pub notes: Vec<String>,
}

impl Data {
    /// Refuses data whose every field is one constant: a prior cannot be fitted to them.
    ///
    /// # Errors
    /// [`TrainError::Data`].
    pub fn varying(self, config: &DataConfig) -> Result<Self, TrainError> {
        let grid = self.statistics.grid;
        // variances are relative to those of the data
        let varies = (grid.modes().zip(self.statistics.average_variances()))
            .any(|(mode, c)| mode.laplacian() > 0.0 && c > ROUNDING * ROUNDING);
        match varies {
            true => Ok(self),
            false => Err(TrainError::Data {
                source_name: config.source.to_string(),
                message: "every field is one constant; there is nothing to learn in space".into(),
            }),
        }
    }

    /// Loads, splits, resamples, measures and normalises.
    ///
    /// # Errors
    /// [`TrainError::Data`] for data that cannot serve (constant, too few, too coarse), and those
    /// of reading and simulating.
    pub fn load(config: &DataConfig, finest: Grid, seed: u64) -> Result<Self, TrainError> {
        Self::of_source(config, open(config)?.as_ref(), finest, seed)
    }

    /// As [`Data::load`], from what [`open`] opened; every field is identified by its values.
    ///
    /// # Errors
    /// As [`Data::load`](crate::data::Data::load).
    pub fn of_source(
        config: &DataConfig,
        opened: Option<&StackedFields>,
        finest: Grid,
        seed: u64,
    ) -> Result<Self, TrainError> {
        Self::of(config, prepare(config, opened, finest, seed, true)?)
    }

    /// Measures and normalises what was loaded.
    ///
    /// # Errors
    /// [`TrainError::Data`] for a constant channel or fewer than two fields.
    pub fn of(config: &DataConfig, loaded: Loaded) -> Result<Self, TrainError> {
        let mut loaded = loaded;
        let (attributes, condition) = conditions::measure(config, &mut loaded)?;
        let Loaded {
            mut training,
            mut validation,
            origin,
            hold_out,
            offsets,
            mut notes,
            phases,
            ..
        } = loaded;
        let finest = training.grid;
        let (channels, points) = (training.channels, finest.len());
        let centred = finest.holds_constants();
        let phases = match (phases, &config.phases) {
            (Some(labels), Some(names)) => {
                let (width, source) = (interface_width(config, &finest), config.source.to_string());
                let phases = Phases::measure(labels, width, &training, names, &source)?;
                notes.push(format!("phases {}", phases.described(names)));
                Some(phases)
            }
            _ => None,
        };
        let mut normalisation =
            Normalisation::weighted(&training.values, &training.weights, channels, points, centred);
        let flat = |(c, scale): (usize, &f64)| {
            // no more contrast than rounding makes of one value
            !scale.is_finite() || *scale <= ROUNDING * largest(&training, c)
        };
        if let Some(channel) = normalisation.scale.iter().enumerate().position(flat) {
            return Err(TrainError::Data {
                source_name: config.source.to_string(),
                message: format!(
                    "channel {channel} is constant ({}); there is nothing to learn",
                    (offsets[channel] + normalisation.offset[channel]) as f32
                ),
            });
        }
        let mut origin = origin;
        if let Some(origin) = &mut origin {
            origin.ranges = origin::ranges(&training, &offsets);
        }
        normalisation.apply(training.values.to_mut(), points);
        normalisation.apply(validation.values.to_mut(), points);
        normalisation.offset.iter_mut().zip(&offsets).for_each(|(o, more)| *o += more);
        let (mean, variances) = missing::measured(&mut training, &mut validation, &mut notes)?;
        notes.push(format!(
            "{} training and {} validation fields at {finest}, offset {:.4?}, scale {:.4?}",
            training.count(),
            validation.count(),
            normalisation.offset,
            normalisation.scale
        ));
        if training.values.is_in_file() {
            let gib = 4.0 * training.values.len() as f64 / (1u64 << 30) as f64;
            notes.push(format!(
                "{gib:.1} GiB of training fields lie in a file, which is gone when the run ends"
            ));
            training.values.settle();
        }
        if let Some(count) = config.clusters {
            let source = config.source.to_string();
            cluster(count, &source, [&mut training, &mut validation], &mut notes)?;
        }
        let classes = labels::counts(&training.labels);
        if let Some(label) =
            validation.labels.iter().find(|l| classes.get(**l as usize).is_none_or(|n| *n == 0))
        {
            return Err(TrainError::Data {
                source_name: config.source.to_string(),
                message: format!(
                    "class {label} is held out but none of it is left to train on; label at least two fields of a class, or lower data.validation"
                ),
            });
        }
        if !classes.is_empty() && config.clusters.is_none() {
            notes.push(format!("classes {}", labels::described(&classes)));
        }
        if !attributes.is_empty() {
            notes.push(format!("attributes {}", conditions::described(&attributes)));
        }
        if let Some(given) = &condition {
            notes.push(format!(
                "{} channel(s) are given, offset {:.4?}, scale {:.4?}",
                given.scale.len(),
                given.offset,
                given.scale
            ));
        }
        let statistics = Statistics {
            grid: finest,
            normalisation,
            mean,
            variances,
            classes,
            origin,
            phases,
            attributes,
            condition,
        };
        Ok(Self { training, validation, statistics, hold_out, notes })
    }
}

/// Gives training and held-out fields the clusters of the training fields as labels.
///
/// # Errors
/// [`TrainError::Data`] for too few fields, and for fields that bring labels of their own.
fn cluster(
    count: usize,
    source: &str,
    [training, validation]: [&mut LevelData; 2],
    notes: &mut Vec<String>,
) -> Result<(), TrainError> {
    let fail = |message: String| Err(TrainError::Data { source_name: source.to_string(), message });
    let (fields, needed) = (training.count(), clusters::FEWEST * count);
    if fields < needed {
        return fail(format!(
            "{fields} training fields are too few for data.clusters = {count}: have at least {needed}, or ask for at most {} clusters",
            fields / clusters::FEWEST
        ));
    }
    if !training.weights.is_empty() {
        return fail(
            "data.clusters needs whole fields, and values are missing; leave it out".into(),
        );
    }
    if !training.labels.is_empty() {
        return fail("the fields bring labels of their own; leave data.clusters out".into());
    }
    let clusters = Clusters::of(training, count);
    training.labels = clusters.labels(training);
    validation.labels = clusters.labels(validation);
    let sizes = labels::counts(&training.labels);
    let (least, most) = (sizes.iter().min(), sizes.iter().max());
    notes.push(format!(
        "{} clusters of {} to {} training fields; {:.0} % of the coarse modes' variance lies between them",
        sizes.len(),
        least.unwrap_or(&0),
        most.unwrap_or(&0),
        100.0 * clusters.explained
    ));
    Ok(())
}

#[cfg(test)]
mod tests {
    use karhunen_field::Boundary;

    use super::*;

    #[test]
    fn constant_channels_are_told_from_faint_ones() {
        let grid = Grid::unit(&[9], Boundary::Neumann).unwrap();
        for value in [0.0f32, 0.1, -1e6, 1e-20] {
            // ten fields of a channel that varies by 1e-5 of itself, and of one that does not
            let faint = |j: usize| 3.0 + 3e-5 * (j % 2) as f32;
            let field: Vec<f32> = (0..9).map(faint).chain([value; 9]).collect();
            let data = LevelData::plain(grid, 2, field.repeat(10));
            let spread = Normalisation::measure(&data.values, 2, 9, true).scale;
            assert!(spread[0] > ROUNDING * largest(&data, 0), "{spread:?}");
            assert!(spread[1] <= ROUNDING * largest(&data, 1), "{value}: {spread:?}");
        }
    }
}
