//! Distillation: a model of a few evaluations, learned from a model of many.
//!
//! How it works is told in [`karhunen_train::distil`].

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use karhunen_evaluate::{Progress, Task};
use karhunen_net::{Device, DeviceChoice};
use karhunen_train::events::Observer;
use karhunen_train::{Outcome, TrainedModel, distil};

use crate::{Error, Model, device};

pub use karhunen_train::distil::DistilOptions;

/// A distillation that is open: nobody else writes in its directory.
///
/// # Example
/// ```
/// use std::sync::atomic::AtomicBool;
/// use karhunen::{CalibrationKind, DeviceChoice, DistilOptions, Distillation, SampleOptions, Silent};
/// // a moment's work; for a model of use leave `trajectories` out
/// let options = DistilOptions { evaluations: 2, trajectories: Some(4), ..DistilOptions::default() };
/// let directory = std::env::temp_dir().join(format!("karhunen-distil-{}", std::process::id()));
/// let cpu = DeviceChoice::default();
/// let mut run = Distillation::open("builtin:spinodal", &options, cpu, &directory, &mut Silent)?;
/// run.run(&AtomicBool::new(false), &mut Silent, &())?;
/// let plain = SampleOptions { calibration: Some(CalibrationKind::None), ..SampleOptions::new(1) };
/// let samples = run.model()?.sample(&plain, &())?;
/// assert_eq!(samples.evaluations, 2);
/// # std::fs::remove_dir_all(&directory).unwrap();
/// # Ok::<(), karhunen::Error>(())
/// ```
pub struct Distillation {
    inner: distil::Distillation,
    directory: PathBuf,
    device: Device,
}

impl Distillation {
    /// Begins a distillation of a model in a directory, or goes on with the same one there.
    ///
    /// # Errors
    /// [`Error::Refused`] for a model that cannot be distilled, for numbers that mean nothing, and for a directory that
    /// holds another run; [`Error::Device`].
    pub fn open(
        model: impl AsRef<Path>,
        options: &DistilOptions,
        choice: DeviceChoice,
        directory: impl AsRef<Path>,
        observer: &mut dyn Observer,
    ) -> Result<Self, Error> {
        let device = device::open(choice, &mut |text| observer.note(text))?;
        let directory = directory.as_ref().to_path_buf();
        let opened =
            distil::Distillation::open(model.as_ref(), options, &directory, &device, observer);
        Ok(Self { inner: opened.map_err(Error::Refused)?, directory, device })
    }

    /// Writes a checkpoint after the step during which this flag is set, clears the flag and goes on.
    pub fn save_when(&mut self, wanted: Arc<AtomicBool>) {
        self.inner.save_when(wanted);
    }

    /// Learns to the end, or until `stop` is set; a checkpoint is written then. Steps are told to the observer, the
    /// teacher's trajectories to `progress`.
    ///
    /// # Errors
    /// A loss that is not finite; a checkpoint that cannot be written.
    pub fn run(
        &mut self,
        stop: &AtomicBool,
        observer: &mut dyn Observer,
        progress: &dyn Progress,
    ) -> Result<Outcome, Error> {
        let following = |done: usize, of: usize| {
            progress.at(Task::Trajectories, done as u64, of as u64, "");
            if done == of {
                progress.over(Task::Trajectories);
            }
        };
        Ok(self.inner.run(stop, observer, &following)?)
    }

    /// Root mean square of the model's fields less its teacher's of the same seeds, in standard deviations of the
    /// teacher's.
    ///
    /// # Errors
    /// Those of sampling.
    pub fn difference(&self) -> Result<f64, Error> {
        Ok(self.inner.difference()?)
    }

    /// The distillation itself: its configuration, steps and operations.
    pub fn inner(&self) -> &distil::Distillation {
        &self.inner
    }

    /// Closes it and opens its model.
    ///
    /// # Errors
    /// Those of reading.
    pub fn model(self) -> Result<Model, Error> {
        let Self { inner, directory, device } = self;
        drop(inner);
        Ok(Model::from(TrainedModel::load_on(&directory, &device)?))
    }
}
