//! Training: data and options in, a run directory and its model out.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use karhunen_distributed::Group;
use karhunen_evaluate::{Progress, Task};
use karhunen_net::{Device, DeviceChoice};
use karhunen_train::clock::WallClock;
use karhunen_train::config::{Length, LevelConfig};
use karhunen_train::copies::NearCopies;
use karhunen_train::events::Observer;
use karhunen_train::extension::More;
use karhunen_train::ledger::Ledger;
use karhunen_train::plan::join;
use karhunen_train::run::Asked;
use karhunen_train::{Outcome, RunConfig, TrainedModel, sources};

use crate::preview::{self, Previews};
use crate::{Data, Error, Model, device};

/// Share of the steps that the coarsest of several levels gets; the others have alike.
const COARSEST: f64 = 0.4;

/// How a model is trained: a whole configuration, and what is no part of one.
///
/// # Example
/// ```
/// use karhunen::{Data, TrainOptions, training::config::Length};
/// let data = Data::open("builtin:grains")?;
/// let options = TrainOptions::of(&data).levels(&[16, 32]).minutes(5.0).seed(4).set("training.batch=16")?;
/// let grids: Vec<&str> = options.config.levels.iter().map(|level| level.grid.as_str()).collect();
/// assert_eq!(grids, ["16x16", "32x32"]);
/// let training = &options.config.training;
/// assert_eq!((training.length, training.batch), (Length::of_seconds(300.0), 16));
/// # Ok::<(), karhunen::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct TrainOptions {
    /// Everything that determines the run.
    pub config: RunConfig,
    /// Where the network computes; the CPU by default.
    pub device: DeviceChoice,
    /// Whether a run of the same configuration that the directory holds is continued; a run is refused
    /// otherwise.
    pub resume: bool,
    /// How much longer the run that the directory holds shall go on once it has ended
    /// ([`karhunen_train::extension`]).
    pub more: Option<More>,
    /// Set by whoever wants the run to stop after the step under way, with a checkpoint.
    pub stop: Arc<AtomicBool>,
    /// Set by whoever wants a checkpoint; the run goes on.
    pub save: Arc<AtomicBool>,
    /// Whether samples of fixed seeds are drawn into the run's folder `preview/` at the end of every level and at
    /// validations ([`crate::preview`]); what is learned does not depend on it.
    pub preview: bool,
    /// The ranks of a job that share its batches, all of which open the run; this process alone by default.
    pub group: Group,
    /// Axes of a field: for [`TrainOptions::levels`].
    pub axes: usize,
}

impl TrainOptions {
    /// A run on these data: levels and patch as they suit them, everything else at its default.
    pub fn of(data: &Data) -> Self {
        Self { axes: data.cells().len(), ..Self::configured(data.run()) }
    }

    /// A run as a configuration has it.
    pub fn configured(config: RunConfig) -> Self {
        Self {
            config,
            device: DeviceChoice::default(),
            resume: true,
            more: None,
            stop: Arc::default(),
            save: Arc::default(),
            preview: false,
            group: Group::default(),
            axes: 2,
        }
    }

    /// A run as a TOML file has it, or by defaults without one, with `key=value` settings on top. Paths in
    /// the file are relative to it.
    ///
    /// # Errors
    /// As [`RunConfig::load`].
    pub fn from_file(path: Option<&Path>, settings: &[String]) -> Result<Self, Error> {
        let mut config = RunConfig::load(path, settings)?;
        let data = &mut config.data;
        data.source = data.source.resolve(path);
        let given = data.validation_source.take();
        data.validation_source = given.map(|source| source.resolve(path));
        for labels in [&mut data.labels, &mut data.validation_labels] {
            *labels = labels.take().map(|name| sources::resolve(&name, path));
        }
        Ok(Self::configured(config))
    }

    /// A run as a table of keys has it, which may come from a dictionary of another language.
    ///
    /// # Errors
    /// Unknown keys, and values out of range.
    pub fn from_table(table: toml::Table) -> Result<Self, Error> {
        Ok(Self::configured(RunConfig::from_table(table, "configuration")?))
    }

    /// Trains on grids of so many cells along every axis, coarse first.
    pub fn levels(self, cells: &[usize]) -> Self {
        let grids: Vec<Vec<usize>> = cells.iter().map(|n| vec![*n; self.axes]).collect();
        self.grids(&grids)
    }

    /// Trains on these grids, coarse first: of several the first gets 0.4 of the steps, the others have alike.
    pub fn grids(mut self, grids: &[Vec<usize>]) -> Self {
        let finer = grids.len().saturating_sub(1);
        let share = |i: usize| match (finer, i) {
            (0, _) => 1.0,
            (_, 0) => COARSEST,
            _ => (1.0 - COARSEST) / finer as f64,
        };
        let levels = grids.iter().zip((0..grids.len()).map(share));
        let level = |(cells, share): (&Vec<usize>, f64)| LevelConfig { grid: join(cells), share };
        self.config.levels = levels.map(level).collect();
        self
    }

    /// Trains for so many seconds. Levels end with their shares of the steps.
    pub fn seconds(mut self, seconds: f64) -> Self {
        self.config.training.length = Length::of_seconds(seconds);
        self
    }

    /// Trains for so many minutes.
    pub fn minutes(self, minutes: f64) -> Self {
        self.seconds(60.0 * minutes)
    }

    /// Trains for so many steps.
    pub fn steps(mut self, steps: usize) -> Self {
        self.config.training.length = self.config.training.length.until(steps);
        self
    }

    /// Seed of weights, batches and noise.
    pub fn seed(mut self, seed: u64) -> Self {
        self.config.seed = seed;
        self
    }

    /// Goes on for longer with a run that has ended.
    pub fn more(mut self, more: More) -> Self {
        self.more = Some(more);
        self
    }

    /// Sets a key of the configuration, as `network.width=32`.
    ///
    /// # Errors
    /// Unknown keys, and values out of range.
    pub fn set(mut self, setting: &str) -> Result<Self, Error> {
        let levels = std::mem::take(&mut self.config.levels);
        self.config = self.config.with(&[setting.to_string()])?;
        if !setting.trim_start().starts_with("levels") {
            self.config.levels = levels;
        }
        Ok(self)
    }
}

/// A run that is open: nobody else trains in its directory.
pub struct Run {
    run: karhunen_train::Run,
    directory: PathBuf,
    device: Device,
    stop: Arc<AtomicBool>,
    preview: bool,
}

impl Run {
    /// Opens a run in a directory: goes on with the one there, or starts afresh. What the data are and what
    /// will be done is told to the observer.
    ///
    /// # Errors
    /// [`Error::Refused`] for whatever is wrong with configuration, data, directory or memory;
    /// [`Error::Device`].
    pub fn open(
        options: &TrainOptions,
        directory: impl AsRef<Path>,
        observer: &mut dyn Observer,
    ) -> Result<Self, Error> {
        let device = device::open(options.device, &mut |text| observer.note(text))?;
        let directory = directory.as_ref().to_path_buf();
        let (config, resume) = (&options.config, options.resume);
        let (more, group) = (options.more, options.group.clone());
        let asked = Asked { config, resume: resume || more.is_some(), more, group };
        let clock = Arc::new(WallClock::default());
        let opened = karhunen_train::Run::open_asked(asked, &directory, &device, clock, observer);
        let mut run = opened.map_err(Error::Refused)?;
        run.save_when(options.save.clone());
        let (stop, preview) = (options.stop.clone(), options.preview);
        Ok(Self { run, directory, device, stop, preview })
    }

    /// Trains to the end, or until [`TrainOptions::stop`] is set.
    ///
    /// # Errors
    /// A training that diverges; a checkpoint that cannot be written.
    pub fn train(&mut self, observer: &mut dyn Observer) -> Result<Outcome, Error> {
        if !self.preview {
            return Ok(self.run.train(&self.stop, observer)?);
        }
        if !self.run.group().is_first() {
            // drawn by all, shown by the first
            self.run.preview(preview::COUNT);
            return Ok(self.run.train(&self.stop, observer)?);
        }
        let mut previews = Previews::begin(&self.run, &self.directory, observer)?;
        self.run.preview(preview::COUNT);
        let outcome = self.run.train(&self.stop, &mut previews)?;
        previews.end(self.run.preview_seconds(), self.run.ledger().seconds());
        Ok(outcome)
    }

    /// The configuration, every default filled in.
    pub fn config(&self) -> &RunConfig {
        self.run.config()
    }

    /// Cost and gain of each level so far.
    pub fn ledger(&self) -> &Ledger {
        self.run.ledger()
    }

    /// Steps done.
    pub fn step(&self) -> usize {
        self.run.step()
    }

    /// Steps to its end, as planned at the moment.
    pub fn steps(&self) -> usize {
        self.run.schedule().steps()
    }

    /// A few samples of the model as it is, beside the training fields nearest to them.
    ///
    /// # Errors
    /// Those of sampling.
    pub fn near_copies(&self, progress: &dyn Progress) -> Result<NearCopies, Error> {
        let found = self.run.near_copies(&|done, of| {
            progress.at(Task::NearCopies, done as u64, of as u64, "");
        });
        progress.over(Task::NearCopies);
        Ok(found?)
    }

    /// The run itself: the ranks that share it, how its batches are cut, what was sent.
    pub fn inner(&self) -> &karhunen_train::Run {
        &self.run
    }

    /// Where it writes.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Closes the run and opens its model.
    ///
    /// # Errors
    /// Those of reading.
    pub fn model(self) -> Result<Model, Error> {
        let Self { run, directory, device, .. } = self;
        let group = run.group().clone();
        drop(run);
        // the first rank has written what all read now
        group.ranks().barrier();
        Ok(Model::from(TrainedModel::load_on(&directory, &device)?).among(group))
    }
}

/// Trains in a directory and opens the model. A run that is stopped ([`TrainOptions::stop`]) has one, too: of
/// the steps done.
///
/// # Example
/// ```
/// use karhunen::{Data, Silent, TrainOptions, train};
/// let data = Data::open("builtin:spinodal")?.at_most(24);
/// // a second or two; for a model of use leave the last line out, and give it minutes
/// let options = TrainOptions::of(&data).levels(&[8, 16]).steps(6)
///     .set("network.width=[8]")?.set("network.blocks=[2]")?;
/// let directory = std::env::temp_dir().join(format!("karhunen-train-{}", std::process::id()));
/// let model = train(&options, &directory, &mut Silent)?;
/// assert_eq!(model.grid().points(), [16, 16]);
/// # std::fs::remove_dir_all(&directory).unwrap();
/// # Ok::<(), karhunen::Error>(())
/// ```
///
/// # Errors
/// As [`Run::open`] and [`Run::train`].
pub fn train(
    options: &TrainOptions,
    directory: impl AsRef<Path>,
    observer: &mut dyn Observer,
) -> Result<Model, Error> {
    let mut run = Run::open(options, directory, observer)?;
    run.train(observer)?;
    run.model()
}
