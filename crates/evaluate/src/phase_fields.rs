//! Fields of labels: they are read as level sets and compared as phases.

use std::path::Path;

use karhunen_field::{Ensemble, Grid, level_set};
use karhunen_formats::ReadOptions;
use karhunen_train::TrainedModel;
use karhunen_train::config::{DataConfig, INTERFACE_WIDTH};
use karhunen_train::level_sets::labels_of;
use rayon::prelude::*;

use crate::EvaluateError;
use crate::phases::{Labelled, PhaseTable};

/// The phases of segmented fields: labels, names and interface width.
///
/// # Example
/// ```
/// use karhunen_evaluate::Segmentation;
/// use karhunen_train::RunConfig;
/// let config = "data.source = \"rock.npy\"\ndata.phases = { pore = 0, grain = 255 }";
/// let config = RunConfig::from_table(config.parse().unwrap(), "example")?;
/// let phases = Segmentation::of_data(&config.data)?.unwrap();
/// assert_eq!((&phases.labels[..], &phases.names[..]), (&[0, 255][..], &["pore".into(), "grain".into()][..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Segmentation {
    /// Label of each phase, rising.
    pub labels: Vec<u8>,
    /// Name of each phase; its label if it has no name.
    pub names: Vec<String>,
    /// Width w of the level sets tanh(d / w), in units of the box; [`INTERFACE_WIDTH`] cells by default.
    pub width: Option<f64>,
}

impl Segmentation {
    /// The phases of a model; none for a model of plain values.
    pub fn of_model(model: &TrainedModel) -> Option<Self> {
        let phases = model.phases()?;
        let (labels, names) = (phases.labels.clone(), model.phase_names());
        Some(Self { labels, names, width: Some(phases.width) })
    }

    /// The phases of `data.phases`; none if it is not set.
    ///
    /// # Errors
    /// As [`labels_of`].
    pub fn of_data(config: &DataConfig) -> Result<Option<Self>, EvaluateError> {
        let (Some(labels), Some(asked)) = (labels_of(config)?, &config.phases) else {
            return Ok(None);
        };
        let names = labels.iter().map(|label| asked.name(*label)).collect();
        Ok(Some(Self { labels, names, width: None }))
    }

    /// Number of channels of a level-set field.
    pub fn channels(&self) -> usize {
        level_set::channels(self.labels.len())
    }

    /// Width of the interface in units of the box, for fields on `grid`.
    pub fn width_on(&self, grid: &Grid) -> f64 {
        let first = grid.axes()[0];
        self.width.unwrap_or(INTERFACE_WIDTH * first.length / first.points as f64)
    }

    /// The phase of every point of level-set fields.
    fn of(&self, fields: &Ensemble) -> Labelled {
        let of = |field: &[f64]| level_set::labels(field, fields.channels, fields.grid.len());
        Labelled { grid: fields.grid, phases: fields.fields().flat_map(of).collect() }
    }

    /// Indicator functions of the phases, one channel each. With two phases only the second has a
    /// channel.
    ///
    /// # Errors
    /// Errors of [`Ensemble::new`].
    pub fn indicators(&self, fields: &Ensemble) -> Result<Ensemble, EvaluateError> {
        let (points, own) = (fields.grid.len(), self.of(fields).phases);
        let channels = self.channels();
        let mut values = Vec::with_capacity(own.len() * channels);
        for field in own.chunks_exact(points) {
            for channel in 0..channels {
                let phase = if channels == 1 { 1 } else { channel };
                values.extend(field.iter().map(|p| f64::from(u8::from(usize::from(*p) == phase))));
            }
        }
        Ok(Ensemble::new(fields.grid, channels, values)?)
    }

    /// Reads samples of a file as level sets. The file holds labels, as `sample` writes them, or
    /// the φ of `sample --raw`. `on` makes the grid with the given number of cells.
    ///
    /// # Errors
    /// Errors while reading; [`EvaluateError::SamplePhases`] for values that are neither.
    pub fn read(
        &self,
        path: &Path,
        dim: Option<usize>,
        on: impl Fn(&[usize]) -> Result<Grid, EvaluateError>,
    ) -> Result<Ensemble, EvaluateError> {
        let raw = karhunen_formats::read(path, &ReadOptions { dim, ..Default::default() })?;
        let grid = on(&raw.points)?;
        let values: Vec<f64> = raw.values.iter().map(|v| raw.offset + f64::from(*v)).collect();
        let phase = |v: &f64| self.labels.iter().position(|l| f64::from(*l) == *v).map(|p| p as u8);
        let labels: Option<Vec<u8>> =
            if raw.channels == 1 { values.iter().map(phase).collect() } else { None };
        let (count, width) = (self.labels.len(), self.width_on(&grid));
        match labels {
            Some(labels) => {
                let fields = labels
                    .par_chunks(grid.len())
                    .map(|own| level_set::level_sets(&grid, own, count, width));
                let fields: Result<Vec<Vec<f32>>, _> = fields.collect();
                let values = fields?.into_iter().flatten().map(f64::from).collect();
                Ok(Ensemble::new(grid, self.channels(), values)?)
            }
            None if raw.channels == self.channels() && are_level_sets(&values) => {
                Ok(Ensemble::new(grid, raw.channels, values)?)
            }
            None => {
                let known: Vec<String> = self.labels.iter().map(u8::to_string).collect();
                let (name, known) = (path.display().to_string(), known.join(", "));
                Err(EvaluateError::SamplePhases { name, known, channels: self.channels() })
            }
        }
    }

    /// Compares phases; candidates are converted to indicator functions.
    ///
    /// # Errors
    /// As [`PhaseTable::new`].
    pub fn measured(
        &self,
        real: &Ensemble,
        candidates: &mut [(String, Ensemble)],
        seed: u64,
    ) -> Result<PhaseTable, EvaluateError> {
        let of_all: Vec<(String, Labelled)> =
            candidates.iter().map(|(name, fields)| (name.clone(), self.of(fields))).collect();
        let table = PhaseTable::new(&self.of(real), &of_all, &self.names, seed)?;
        for (_, fields) in candidates {
            *fields = self.indicators(fields)?;
        }
        Ok(table)
    }
}

/// Largest |φ| accepted for level sets. They lie between −1 and 1, but a network overshoots a
/// little.
const OVERSHOOT: f64 = 3.0;

/// Whether values can be φ: not whole numbers, which are labels, and roughly between −1 and 1.
fn are_level_sets(values: &[f64]) -> bool {
    values.iter().any(|v| v.fract() != 0.0) && values.iter().all(|v| v.abs() < OVERSHOOT)
}
