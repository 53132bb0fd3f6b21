//! A trained model: a directory in, fields out.

use std::path::{Path, PathBuf};

use karhunen_distributed::Group;
use karhunen_evaluate::Progress;
use karhunen_field::{Denoiser, Ensemble, Grid};
use karhunen_net::{Band, DeviceChoice};
use karhunen_train::phases::Phases;
use karhunen_train::request::Request;
use karhunen_train::{Classes, TrainError, TrainedModel, builtin_models};

use crate::Error;
use crate::device;
use crate::sample::{SampleError, SampleOptions, Samples, Sampling, VolumeFraction};

/// What a checkpoint and an exported model are known by, and the folder of a run's checkpoints.
const MARKS: [&str; 4] = ["model.json", "model.safetensors", "manifest.json", "checkpoints"];

/// The models that a path names: the one that lies there, or those in a folder that holds some, by name. A file
/// of an exported model or of a checkpoint names the whole. Nothing is opened.
///
/// # Errors
/// [`karhunen_train::TrainError::NoSuchModel`] for an unknown `builtin:` name,
/// [`karhunen_train::TrainError::Checkpoint`] where there is no model; [`Error::Read`] for a folder that cannot
/// be read.
pub fn models_at(path: &Path) -> Result<Vec<PathBuf>, Error> {
    let is_model = |path: &Path| MARKS.iter().any(|mark| path.join(mark).exists());
    if builtin_models::find(path)?.is_some() || is_model(path) {
        return Ok(vec![path.into()]);
    }
    let named = path.file_name().is_some_and(|name| MARKS[..3].iter().any(|mark| name == *mark));
    if let Some(folder) = path.parent().filter(|_| named && path.is_file()) {
        return Ok(vec![folder.into()]);
    }
    let read = |source| Error::Read { path: path.into(), source };
    let mut found = Vec::new();
    if path.is_dir() {
        for entry in std::fs::read_dir(path).map_err(read)? {
            found.push(entry.map_err(read)?.path());
        }
        found.retain(|path| is_model(path));
        found.sort();
    }
    if found.is_empty() {
        let message =
            "holds no model; give a run, a checkpoint, an exported model, or a folder of them";
        return Err(TrainError::Checkpoint { path: path.into(), message: message.into() }.into());
    }
    Ok(found)
}

/// How a model is opened.
///
/// # Example
/// ```
/// use karhunen::ModelOptions;
/// let options = ModelOptions { average: Some(0.05), ..ModelOptions::default() };
/// assert_eq!(options.device.to_string(), "cpu");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ModelOptions {
    /// Where the network computes; the CPU by default.
    pub device: DeviceChoice,
    /// Length of the average of the weights, relative to the run's steps; the model's own by default.
    pub average: Option<f64>,
    /// Whether derivatives of the network will be asked for ([`SampleOptions::guidance_order`] 2).
    pub derivatives: bool,
}

/// A model that was trained, imported or exported: what samples, on any grid of its box.
///
/// # Example
/// ```no_run
/// use karhunen::{Model, SampleOptions};
/// let model = Model::open("runs/x")?;
/// let samples = model.sample(&SampleOptions::new(64).on(&[128, 128]).seed(3), &())?;
/// samples.write("samples.npy", false)?;
/// # Ok::<(), karhunen::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Model {
    trained: TrainedModel,
}

impl Model {
    /// Opens a run directory (its newest usable checkpoint), one checkpoint in it, or an exported model.
    ///
    /// # Errors
    /// Those of reading.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::open_with(path, &ModelOptions::default(), &())
    }

    /// As [`Model::open`], with options; which card computes is told as a note, what was wrong with newer
    /// checkpoints as a warning.
    ///
    /// # Errors
    /// Those of reading; [`Error::Device`] for a device that is not there.
    pub fn open_with(
        path: impl AsRef<Path>,
        options: &ModelOptions,
        progress: &dyn Progress,
    ) -> Result<Self, Error> {
        let mut device = device::open(options.device, &mut |text| progress.note(text))?;
        if options.derivatives {
            device = device.autodiff();
        }
        let trained = TrainedModel::load_average(path.as_ref(), &device, options.average)?;
        trained.notes.iter().for_each(|note| progress.warning(&format!("skipped: {note}")));
        Ok(Self { trained })
    }

    /// The same model, sampled by the ranks of a job together, all of which ask for the same.
    pub fn among(mut self, group: Group) -> Self {
        self.trained.group = group;
        self
    }

    /// The ranks that sample it together.
    pub fn group(&self) -> &Group {
        &self.trained.group
    }

    /// What stands behind it: configuration, statistics, network.
    pub fn trained(&self) -> &TrainedModel {
        &self.trained
    }

    /// The finest grid that it was trained on.
    pub fn grid(&self) -> Grid {
        self.trained.statistics.grid
    }

    /// The same box with other cells.
    ///
    /// # Errors
    /// [`karhunen_field::FieldError::Dimension`] for cells of another dimension.
    pub fn on(&self, cells: &[usize]) -> Result<Grid, Error> {
        Ok(self.trained.grid(cells)?)
    }

    /// The grids that it was trained on, coarse first.
    ///
    /// # Errors
    /// A configuration whose levels make no grids.
    pub fn levels(&self) -> Result<Vec<Grid>, Error> {
        Ok(self.trained.levels()?)
    }

    /// Channels of its fields.
    pub fn channels(&self) -> usize {
        self.trained.statistics.mean.channels
    }

    /// Training fields of each class; nothing of a model without labels.
    pub fn classes(&self) -> &[u64] {
        &self.trained.statistics.classes
    }

    /// Whether each field of a sampling is of a class: not where the Gaussian surrogate is asked for, and not where no class is
    /// chosen for fields with measurements, nor a cluster for fields of a larger box.
    pub fn has_labels(&self, options: &SampleOptions) -> bool {
        // a box that turns out to be the trained one is no larger one
        let larger = options.larger.as_ref().map(|larger| larger.of(&self.trained));
        let larger = larger.is_some_and(|found| !matches!(found, Ok(None)));
        let unchosen = self.trained.unchosen_classes(options.bound(larger));
        let told = !options.classes.is_empty() || unchosen == Ok(Classes::Drawn);
        !self.classes().is_empty() && !options.surrogate && told
    }

    /// Names of its phases by rising label; nothing of a model of values.
    pub fn phases(&self) -> Vec<String> {
        self.trained.phase_names()
    }

    /// The denoiser D(x, t), for samplers of one's own; fields are normalised as the network knows them. A distilled
    /// model ([`crate::distil`]) is no denoiser: it answers at its own times alone, for steps of DDIM between them.
    pub fn denoiser(&self) -> &(dyn Denoiser + Sync) {
        &self.trained.model
    }

    /// Refuses a distilled model where a denoiser is needed.
    pub(crate) fn must_be_denoiser(&self, what: &'static str) -> Result<(), SampleError> {
        match self.trained.is_distilled() {
            true => Err(crate::sample::distilled(what, &self.trained)),
            false => Ok(()),
        }
    }

    /// Fields in the data's own values.
    ///
    /// # Errors
    /// [`Error::Sample`] for options that do not go with the model; those of observations, memory and the
    /// network.
    pub fn sample(
        &self,
        options: &SampleOptions,
        progress: &dyn Progress,
    ) -> Result<Samples, Error> {
        self.announce(options, progress)?;
        let mut samples = self.sampling(options, progress)?.run(progress)?;
        if !samples.has_phases() {
            samples.beyond().iter().for_each(|note| progress.note(note));
        }
        samples.shift(progress)?;
        Ok(samples)
    }

    /// Tells what there is to know before sampling: a noise that is no function, an average that was made
    /// afterwards, a training that is far from done.
    ///
    /// # Errors
    /// [`SampleError::Band`].
    pub fn announce(&self, options: &SampleOptions, progress: &dyn Progress) -> Result<(), Error> {
        if let Some(caution) = self.trained.config.prior.caution() {
            if options.band == Some(Band::Trained) {
                return Err(SampleError::Band(caution).into());
            }
            progress.note(&format!("note: {caution}"));
        }
        self.announce_average(progress);
        if let Some(unfinished) = self.trained.unfinished() {
            progress.warning(&unfinished);
        }
        Ok(())
    }

    /// Says where an average was made afterwards, and how well.
    pub fn announce_average(&self, progress: &dyn Progress) {
        if let Some(average) = self.trained.average.filter(|a| a.made_of > 1) {
            progress.note(&format!(
                "average of length {} made of {} stored ones, its profile {:.1} % off",
                average.length,
                average.made_of,
                100.0 * average.error
            ));
        }
    }

    /// Everything checked and read that sampling needs, before it begins.
    ///
    /// # Errors
    /// As [`Model::sample`].
    pub fn sampling<'a>(
        &'a self,
        options: &SampleOptions,
        progress: &dyn Progress,
    ) -> Result<Sampling<'a>, Error> {
        Sampling::new(self, options, progress)
    }

    /// Fields of a request, and nothing else: no notes, no checks of memory.
    ///
    /// # Errors
    /// As [`TrainedModel::sample`].
    pub fn draw(
        &self,
        request: &Request,
        indices: std::ops::Range<u64>,
        progress: &dyn Progress,
    ) -> Result<Ensemble, Error> {
        Ok(karhunen_evaluate::baselines::sample(&self.trained, request, indices, progress)?.0)
    }

    /// The phase of a name or label, counted by rising label; the first without.
    ///
    /// # Errors
    /// [`SampleError::NoPhases`], [`SampleError::UnknownPhase`]; `option` stands in their messages.
    pub fn phase(&self, asked: Option<&str>, option: &'static str) -> Result<usize, SampleError> {
        if self.trained.phases().is_none() {
            return Err(SampleError::NoPhases { option, model: self.name() });
        }
        let Some(asked) = asked else { return Ok(0) };
        self.trained.phase_of(asked).ok_or_else(|| SampleError::UnknownPhase {
            option,
            asked: asked.into(),
            known: self.phases().join(", "),
        })
    }

    /// The phase whose fraction is asked for, and the fraction, which training fields must have.
    ///
    /// # Errors
    /// As [`Model::phase`]; [`SampleError::VolumeFraction`].
    pub fn fraction(&self, asked: &VolumeFraction) -> Result<(usize, f64), SampleError> {
        let phase = self.phase(asked.phase.as_deref(), "volume-fraction")?;
        let name = |phases: &Phases| self.trained.phase_name(phases.labels[phase]);
        match self.trained.phases().map(|phases| (phases.fractions[phase], name(phases))) {
            Some(([least, _, most], phase)) if !(least..=most).contains(&asked.value) => {
                Err(SampleError::VolumeFraction { fraction: asked.value, least, most, phase })
            }
            _ => Ok((phase, asked.value)),
        }
    }

    /// Where it was read from.
    pub fn name(&self) -> String {
        self.trained.path.display().to_string()
    }
}

impl From<TrainedModel> for Model {
    fn from(trained: TrainedModel) -> Self {
        Self { trained }
    }
}
