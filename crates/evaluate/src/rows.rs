//! What is measured together: real fields, and beside them samples and the baselines that a good model must
//! beat or be as good as. Every evaluation assembles its rows here.

use karhunen_distributed::Group;
use karhunen_field::{Ensemble, Grid, resample};
use karhunen_train::TrainedModel;

use crate::EvaluateError;
use crate::baselines::{SURROGATE_ROW, TRAINING, surrogate, told_apart, zero_padded};
use crate::distinguish::{Distinguish, Effort};
use crate::progress::Progress;
use crate::table::Table;

/// The row of samples, where there is one set of them.
pub const SAMPLES: &str = "samples";
/// The row of coarse samples on a finer grid.
pub const ZERO_PADDED: &str = "zero-padded";

/// Real fields and named rows of others, all on one grid and in the data's own values.
#[derive(Debug, Clone)]
pub struct Rows {
    /// What every row is compared with.
    pub real: Ensemble,
    /// Samples first, then baselines.
    pub candidates: Vec<(String, Ensemble)>,
    /// |ω| up to which the (first) model was trained.
    pub band: Option<f64>,
    /// The ranks of a job that measure them together: those that sample the model, unless others are named.
    pub group: Group,
}

impl Rows {
    /// Samples beside real fields, which are brought to the grid of the samples.
    ///
    /// # Errors
    /// Those of resampling.
    pub fn new(
        real: &Ensemble,
        samples: Vec<(String, Ensemble)>,
        model: Option<&TrainedModel>,
    ) -> Result<Self, EvaluateError> {
        let grid = samples.first().map_or(real.grid, |(_, fields)| fields.grid);
        let band = model.map(|model| model.statistics.grid.band());
        let group = model.map(|model| model.group.clone()).unwrap_or_default();
        Ok(Self { real: on(real, grid)?, candidates: samples, band, group })
    }

    /// Fields of the first row.
    pub fn count(&self) -> usize {
        self.candidates.first().map_or(0, |(_, fields)| fields.count())
    }

    /// Adds the Gaussian surrogate of a model, or of the real fields without one.
    ///
    /// # Errors
    /// Those of measuring the real fields.
    pub fn add_surrogate(
        &mut self,
        model: Option<&TrainedModel>,
        seed: u64,
    ) -> Result<(), EvaluateError> {
        let fields = surrogate(model, &self.real, self.real.grid, seed, self.count())?;
        self.candidates.push((SURROGATE_ROW.into(), fields));
        Ok(())
    }

    /// Adds samples of the finest trained grid, refined to `to` by zero-padding, where `to` is finer.
    ///
    /// # Errors
    /// Those of sampling.
    pub fn add_zero_padded(
        &mut self,
        model: &TrainedModel,
        to: Grid,
        seed: u64,
        progress: &dyn Progress,
    ) -> Result<(), EvaluateError> {
        let trained = model.statistics.grid.points();
        if trained.iter().zip(to.points()).any(|(a, b)| *a < b) {
            let fields = zero_padded(model, to, seed, self.count() as u64, progress)?;
            self.candidates.push((ZERO_PADDED.into(), on(&fields, self.real.grid)?));
        }
        Ok(())
    }

    /// Adds fields that were trained on; where they are fewer than the samples there is no row, and that is
    /// returned as a note.
    ///
    /// # Errors
    /// Those of resampling.
    pub fn add_training(
        &mut self,
        training: Option<&Ensemble>,
    ) -> Result<Option<String>, EvaluateError> {
        let (count, Some(fields)) = (self.count(), training) else { return Ok(None) };
        if fields.count() < count {
            return Ok(Some(format!(
                "only {} fields to train on: no row for them beside {count} samples",
                fields.count()
            )));
        }
        self.candidates.push((TRAINING.into(), on(fields, self.real.grid)?));
        Ok(None)
    }

    /// All statistics of all rows.
    ///
    /// # Errors
    /// As [`Table::new`].
    pub fn table(&self, progress: &dyn Progress) -> Result<Table, EvaluateError> {
        Table::by_all(&self.real, &self.candidates, self.band, &self.group, progress)
    }

    /// Whether a network tells samples, surrogate and training fields from real ones.
    ///
    /// # Errors
    /// As [`Distinguish::new`].
    pub fn told_apart(
        &self,
        effort: Effort,
        progress: &dyn Progress,
    ) -> Result<Distinguish, EvaluateError> {
        let rows = told_apart(&self.candidates);
        Distinguish::by_all(&self.real, &rows, effort, &self.group, progress)
    }

    /// The same of every row.
    ///
    /// # Errors
    /// As [`Distinguish::new`].
    pub fn all_told_apart(
        &self,
        effort: Effort,
        progress: &dyn Progress,
    ) -> Result<Distinguish, EvaluateError> {
        let rows: Vec<(&str, &Ensemble)> =
            self.candidates.iter().map(|(name, fields)| (name.as_str(), fields)).collect();
        Distinguish::by_all(&self.real, &rows, effort, &self.group, progress)
    }
}

/// The same functions on a grid of the box.
pub(crate) fn on(fields: &Ensemble, grid: Grid) -> Result<Ensemble, EvaluateError> {
    if fields.grid == grid { Ok(fields.clone()) } else { Ok(resample::spectral(fields, grid)?) }
}
