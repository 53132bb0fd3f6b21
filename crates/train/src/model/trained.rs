//! A trained model as a user of it sees it: read from a run directory, a checkpoint or an export.
//!
//! What can be asked of it is a [`Request`]; how it samples is in [`crate::model::sampling`].

use std::path::{Path, PathBuf};

use karhunen_distributed::Group;
use karhunen_field::{FieldError, Grid};
use karhunen_net::{Band, Device, Model, Preconditioning};

use crate::TrainError;
use crate::config::{CalibrationKind, RunConfig};
use crate::data::phases::Phases;
use crate::data::statistics::Statistics;
use crate::model::request::Request;
use crate::model::{build_model, set};
use crate::run::schedule::Schedule;
use crate::store::export::Exported;
use crate::store::snapshot::Average;

/// A model read from a run directory, from one checkpoint in it, or from an export.
#[derive(Debug, Clone)]
pub struct TrainedModel {
    /// The resolved configuration it was trained with.
    pub config: RunConfig,
    /// Measured from its training data.
    pub statistics: Statistics,
    /// Network (averaged weights) and preconditioner.
    pub model: Model,
    /// Which average of the weights.
    pub average: Option<Average>,
    /// Training steps behind it.
    pub steps: usize,
    /// Fields it was trained on; 0 of a network that was imported, or of before they were counted.
    pub training_fields: usize,
    /// Where it was read from.
    pub path: PathBuf,
    /// What was wrong with newer checkpoints, if any.
    pub notes: Vec<String>,
    /// The ranks of a job that sample it together, all asked for the same: each makes some of the fields, and all have
    /// all of them then. This process alone by default.
    pub group: Group,
}

impl TrainedModel {
    /// Reads the newest usable checkpoint of a run directory, the checkpoint `path` itself, or an
    /// exported model, to compute on the CPU.
    ///
    /// # Errors
    /// [`TrainError::Checkpoint`] if there is none.
    pub fn load(path: &Path) -> Result<Self, TrainError> {
        Self::load_on(path, &Device::flex())
    }

    /// As [`TrainedModel::load`], to compute on a device, whichever it was trained on.
    ///
    /// # Errors
    /// As [`TrainedModel::load`].
    pub fn load_on(path: &Path, device: &Device) -> Result<Self, TrainError> {
        Self::load_average(path, device, None)
    }

    /// As [`TrainedModel::load_on`], with the average of a length instead of the model's own: one
    /// that the run kept, or one made afterwards of those it stored ([`crate::run::averages`]).
    ///
    /// # Errors
    /// As [`Exported::open`].
    pub fn load_average(
        path: &Path,
        device: &Device,
        length: Option<f64>,
    ) -> Result<Self, TrainError> {
        let (exported, notes) = Exported::open(path, length)?;
        Self::from_exported(exported, path, notes, device)
    }

    pub(crate) fn from_exported(
        e: Exported,
        path: &Path,
        notes: Vec<String>,
        device: &Device,
    ) -> Result<Self, TrainError> {
        let mut model = build_model(&e.config, &e.statistics, device)?;
        if !e.config.data.source.has_data() {
            // beyond the band such a law has only the noise's spectrum
            model.band = Band::Grid;
        }
        set(&mut model, &e.weights)?;
        Ok(Self {
            config: e.config,
            statistics: e.statistics,
            model,
            average: e.average,
            steps: e.progress.step,
            training_fields: e.progress.training_fields,
            path: path.into(),
            notes,
            group: Group::default(),
        })
    }

    /// Whether mean and spectrum are those of data; a network imported without any knows the noise's.
    pub fn law_is_measured(&self) -> bool {
        self.config.data.source.has_data()
    }

    /// What to say of a model whose training is far from done.
    pub fn unfinished(&self) -> Option<String> {
        let planned = self.config.training.length.steps()?;
        let early = self.training_fields > 0 && 2 * self.steps < planned;
        early.then(|| {
            let path = self.path.display();
            let what = match self.steps {
                0 => "an untrained network: its samples are those of the Gaussian surrogate",
                _ => "its training is far from done",
            };
            format!("{path}: step {} of {planned}, {what}", self.steps)
        })
    }

    /// A request on a grid with the model's own sampler, budget and calibration.
    pub fn request(&self, grid: Grid, seed: u64) -> Request {
        let own = &self.config.sampling;
        let calibrated = own.calibration == CalibrationKind::Spectrum && self.law_is_measured();
        let sharpness = self.sharpness();
        Request { calibrated, sharpness, ..Request::new(grid, seed, own.method(), own.evaluations) }
    }

    /// `sampling.sharpness`; 1 of models without the key, and where the affine part of the denoiser is none of the data's.
    pub fn sharpness(&self) -> f64 {
        match self.can_be_sharpened() {
            true => self.config.sampling.sharpness.unwrap_or(1.0),
            false => 1.0,
        }
    }

    /// Whether the affine part of the denoiser is a denoiser too, beside which the network's part can be weighed.
    pub fn can_be_sharpened(&self) -> bool {
        self.model.preconditioner.kind() == Preconditioning::Wiener
    }

    /// The box with other cell counts.
    ///
    /// # Errors
    /// [`FieldError::Dimension`] for a grid of another dimension.
    pub fn grid(&self, points: &[usize]) -> Result<Grid, FieldError> {
        self.statistics.grid.with_points(points)
    }

    /// Grids of its levels, coarse first.
    ///
    /// # Errors
    /// As [`Schedule::new`].
    pub fn levels(&self) -> Result<Vec<Grid>, TrainError> {
        Ok(Schedule::new(&self.config)?.levels.iter().map(|l| l.grid).collect())
    }

    /// The phases of the data; none for a model of plain values.
    pub fn phases(&self) -> Option<&Phases> {
        self.statistics.phases.as_ref()
    }

    /// The name of a label.
    pub fn phase_name(&self, label: u8) -> String {
        self.config.data.phases.as_ref().map_or_else(|| label.to_string(), |p| p.name(label))
    }

    /// Names of the phases by rising label; empty for a model of plain values.
    pub fn phase_names(&self) -> Vec<String> {
        let labels = self.phases().map_or(&[][..], |phases| &phases.labels);
        labels.iter().map(|label| self.phase_name(*label)).collect()
    }

    /// The phase of a name or label, counted by rising label. None if there is no such phase.
    pub fn phase_of(&self, asked: &str) -> Option<usize> {
        let labels = &self.phases()?.labels;
        labels.iter().position(|l| self.phase_name(*l) == asked || l.to_string() == asked)
    }
}
