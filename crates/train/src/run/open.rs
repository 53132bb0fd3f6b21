//! How a run is opened: what the directory holds, what the data tell, and the run made of both.
//!
//! Nothing is written before everything that was asked for has proved possible.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use karhunen_distributed::Group;
use karhunen_field::Grid;
use karhunen_formats::write_whole;
use karhunen_net::Device;

use crate::batch::Batches;
use crate::config::RunConfig;
use crate::config::augment::Augmentation;
use crate::data::augment::{settled, symmetrise};
use crate::data::plan::complete;
use crate::data::stock::Stock;
use crate::data::{Data, boxed, open};
use crate::model::{build_model, check_model, set};
use crate::run::budget::{Plan, Window};
use crate::run::clock::{Clock, WallClock};
use crate::run::events::Observer;
use crate::run::extension::{End, More, Standing};
use crate::run::optimizer::Optimizer;
use crate::run::resume::{resumed, same_configuration, same_data, same_run};
use crate::run::schedule::Schedule;
use crate::store::checkpoint::{self, Checkpoint, Progress};
use crate::store::lock::Lock;
use crate::{TrainError, memory};

use super::Run;
use super::files::io;
use super::ranks::{agreed, clock_of, first_alone, pieces_of};

/// What a run is opened for.
#[derive(Debug, Clone)]
pub struct Asked<'a> {
    /// The run as written down.
    pub config: &'a RunConfig,
    /// Whether a run that the directory holds is continued.
    pub resume: bool,
    /// How much longer it shall go on once it has ended.
    pub more: Option<More>,
    /// The ranks that share its batches.
    pub group: Group,
}

/// A run of which nothing is written yet.
struct Prepared {
    run: Run,
    /// Where it is to end, if that has changed.
    end: Option<End>,
    /// The configuration with the levels that suit the data.
    asked: RunConfig,
}

impl Run {
    /// Opens a run on the CPU: resumes the one in `directory` if it has the same configuration and `resume`
    /// is set, otherwise starts afresh (which `directory` must then be empty of a run for).
    ///
    /// # Errors
    /// [`TrainError::InUse`] if another process has the directory open;
    /// [`TrainError::OtherRun`] if the directory holds another run; [`TrainError::Memory`] before
    /// anything large is taken; those of data, network and files.
    pub fn open(
        config: &RunConfig,
        directory: &Path,
        resume: bool,
        observer: &mut dyn Observer,
    ) -> Result<Self, TrainError> {
        Self::open_on(config, directory, resume, &Device::flex(), observer)
    }

    /// As [`Run::open`], computing on a device; a run may change it whenever it is resumed.
    ///
    /// # Errors
    /// As [`Run::open`].
    pub fn open_on(
        config: &RunConfig,
        directory: &Path,
        resume: bool,
        device: &Device,
        observer: &mut dyn Observer,
    ) -> Result<Self, TrainError> {
        let clock = Arc::new(WallClock::default());
        Self::open_by(config, directory, resume, device, clock, observer)
    }

    /// As [`Run::open_on`], with a budget in seconds counted by a clock.
    ///
    /// # Errors
    /// As [`Run::open`].
    pub fn open_by(
        config: &RunConfig,
        directory: &Path,
        resume: bool,
        device: &Device,
        clock: Arc<dyn Clock>,
        observer: &mut dyn Observer,
    ) -> Result<Self, TrainError> {
        let asked = Asked { config, resume, more: None, group: Group::default() };
        Self::open_asked(asked, directory, device, clock, observer)
    }

    /// Opens a run that shall go on for longer once it has ended ([`crate::run::extension`]). One that has not
    /// ended yet is resumed, and goes on to its end.
    ///
    /// # Errors
    /// As [`Run::open`]; [`TrainError::NothingToExtend`].
    pub fn extend_on(
        config: &RunConfig,
        directory: &Path,
        more: More,
        device: &Device,
        observer: &mut dyn Observer,
    ) -> Result<Self, TrainError> {
        let clock = Arc::new(WallClock::default());
        Self::extend_by(config, directory, more, device, clock, observer)
    }

    /// As [`Run::extend_on`], by a clock.
    ///
    /// # Errors
    /// As [`Run::extend_on`].
    pub fn extend_by(
        config: &RunConfig,
        directory: &Path,
        more: More,
        device: &Device,
        clock: Arc<dyn Clock>,
        observer: &mut dyn Observer,
    ) -> Result<Self, TrainError> {
        let asked = Asked { config, resume: true, more: Some(more), group: Group::default() };
        Self::open_asked(asked, directory, device, clock, observer)
    }

    /// Opens a run for whatever is asked, by all ranks of a job. The first one locks the directory and writes; all read
    /// the data, and the checkpoint if there is one.
    ///
    /// # Errors
    /// As [`Run::open`]; [`TrainError::Ranks`] where ranks do not see the same; [`TrainError::OtherRank`].
    pub fn open_asked(
        asked: Asked<'_>,
        directory: &Path,
        device: &Device,
        clock: Arc<dyn Clock>,
        observer: &mut dyn Observer,
    ) -> Result<Self, TrainError> {
        let group = asked.group.clone();
        let clock = clock_of(&group, clock);
        // each rank by itself up to here
        let Prepared { mut run, end, asked } =
            agreed(&group, Self::prepared(asked, directory, device, clock, observer))?;
        run.same_on_all_ranks(observer)?;
        // nothing is written before everything that was asked for has proved possible
        first_alone(&group, || fs::create_dir_all(directory).map_err(io(directory)))?;
        run.follow_plan()?;
        if let Some(end) = end {
            run.extend(end, observer)?;
        }
        // an extension that is asked for here has its checkpoint already; without this file no run goes on, so
        // that it is there at every moment, on a full disk too
        let path = directory.join("config.toml");
        let text = asked.to_toml();
        first_alone(&group, || {
            if fs::read(&path).ok().as_deref() == Some(text.as_bytes()) {
                return Ok(());
            }
            write_whole(&path, text.as_bytes()).map_err(io(&path))
        })?;
        run.fit_budget(observer)?;
        run.prepare_files()?;
        Ok(run)
    }

    /// All that is done before anything is written.
    fn prepared(
        Asked { config, resume, more, group }: Asked<'_>,
        directory: &Path,
        device: &Device,
        clock: Arc<dyn Clock>,
        observer: &mut dyn Observer,
    ) -> Result<Prepared, TrainError> {
        // what is no run's directory is told as such, not as a place that cannot be locked
        checkpoint::list(directory)?;
        let lock = group.is_first().then(|| Lock::directory(directory)).transpose()?;
        if let Some(complaint) = lock.as_ref().and_then(Lock::complaint) {
            observer.warning(complaint);
        }
        // a run that has ended saves no more, and would keep it
        if lock.is_some() {
            checkpoint::settle(&directory.join("checkpoints"));
        }
        let mut planned = config.clone();
        let mut opened = None;
        if planned.levels.is_empty() {
            opened = open(&planned.data)?;
            if let Some(fields) = &opened {
                complete(&mut planned, fields)?.iter().for_each(|note| observer.note(note));
            }
        }
        let config = &planned;
        let found = if resume { Checkpoint::newest(directory)? } else { None };
        let asked = directory.join("config.toml");
        if !resume && !checkpoint::list(directory)?.is_empty() {
            return Err(TrainError::RunExists {
                path: directory.into(),
                message: "holds a run already; resume it, or choose another directory".into(),
            });
        }
        if let (None, Some(_)) = (&found, more) {
            return Err(TrainError::NothingToExtend {
                path: directory.into(),
                message: "holds no run that could go on for longer".into(),
            });
        }
        let mut end = None;
        if let Some((checkpoint, _)) = &found {
            let before = same_configuration(&asked, config)?;
            same_run(directory, &checkpoint.config, config)?;
            let (progress, stored) = (&checkpoint.progress, &checkpoint.config.training);
            let planned = progress.plan.as_ref().map_or(stored.steps, Plan::steps);
            let standing = Standing {
                before: &before,
                stored,
                steps: (progress.step, planned),
                elapsed: progress.elapsed,
            };
            let wrong = |message| TrainError::Ended { place: asked.display().to_string(), message };
            end = standing.end(&config.training, more).map_err(wrong)?;
            if let (Some(more), None) = (more, end) {
                observer.note(&format!(
                    "step {} of {planned}: the run goes on to its end; {more} more count from there",
                    progress.step
                ));
            }
        }
        let mut resolved = match &found {
            Some((checkpoint, _)) => resumed(&checkpoint.config, config),
            None => config.clone(),
        };
        let (batch, begins) = (resolved.training.batch, found.is_none());
        let pieces = pieces_of(&group, batch, &mut resolved.training.pieces, begins);
        check_model(&resolved, Schedule::new(&resolved)?.finest())?;
        if opened.is_none() {
            opened = open(&resolved.data)?;
        }
        if let (None, Some(fields)) = (&found, &opened) {
            boxed(&mut resolved.data, fields)?.iter().for_each(|note| observer.note(note));
        }
        let finest = Schedule::new(&resolved)?.finest();
        let mut data = Data::of_source(&resolved.data, opened.as_ref(), finest, resolved.seed)?;
        drop(opened);
        if resolved.data.hold_out.is_none() {
            resolved.data.hold_out.clone_from(&data.hold_out);
        }
        data.notes.iter().for_each(|note| observer.note(note));
        let grids = resolved.grids()?;
        if found.is_none() {
            let (named, mut notes) = (resolved.data.augment.as_deref(), Vec::new());
            resolved.data.augment = Some(settled(named, &data.training, &grids, &mut notes)?);
            notes.iter().for_each(|note| observer.note(note));
        }
        let augmentation =
            Augmentation::new(resolved.data.augment.as_deref().unwrap_or_default(), &grids)
                .map_err(|message| TrainError::Motion { place: "data.augment".into(), message })?;
        symmetrise(&mut data.statistics, &augmentation.shift);
        resolved.prior.caution().into_iter().for_each(|caution| observer.note(caution));
        if let Some((checkpoint, _)) = &found {
            same_data(&checkpoint.statistics, &data.statistics, &resolved.data.source.to_string())?;
        }
        let mut model = build_model(&resolved, &data.statistics, &device.clone().autodiff())?;
        let mut evaluator = build_model(&resolved, &data.statistics, device)?;
        evaluator.network.release_parameters();
        let start = model.network.parameters()?;
        let whole = 4.0 * data.training.values.len() as f64;
        let in_memory = |grid: &&Grid| match **grid == finest {
            true => !data.training.values.is_in_file(),
            false => Stock::fits(whole * grid.len() as f64 / finest.len() as f64),
        };
        let cells: f64 = grids.iter().filter(in_memory).map(|g| g.len() as f64).sum();
        let data_bytes = whole * cells / finest.len() as f64;
        memory::check_training(&model, data_bytes, &finest, &resolved.training, start.count())?;
        observer.note(&format!("{} parameters", start.count()));
        let (optimizer, progress) = match found {
            Some((checkpoint, complaints)) => {
                complaints.iter().for_each(|c| observer.warning(&format!("skipped: {c}")));
                observer.note(&format!("resuming at step {}", checkpoint.progress.step));
                (checkpoint.optimizer, checkpoint.progress)
            }
            None => {
                let optimizer = Optimizer::new(start, resolved.training.ema.len());
                (optimizer, Progress { rate_factor: 1.0, ..Progress::default() })
            }
        };
        let progress = Progress {
            training_fields: data.training.count(),
            validation_fields: data.validation.count(),
            ..progress
        };
        set(&mut model, &optimizer.weights)?;
        let t = &resolved.training;
        let batches = Batches::new(resolved.seed, t.batch, t.time_density)
            .with_label_dropout(t.label_dropout)
            .with_augmentation(augmentation);
        let schedule = Schedule::new(&resolved)?;
        let run = Self {
            directory: directory.into(),
            config: resolved,
            schedule,
            data,
            model,
            evaluator,
            optimizer,
            progress,
            batches,
            coarser: Vec::new(),
            stores: Vec::new(),
            wanted: Arc::default(),
            _lock: lock,
            pieces,
            sent_before: group.traffic(),
            group,
            clock,
            window: Window::default(),
            told: 0,
            board: None,
            previewed: 0,
            shown: 0.0,
        };
        Ok(Prepared { run, end, asked: planned })
    }
}
