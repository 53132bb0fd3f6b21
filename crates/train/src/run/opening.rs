//! How a run is opened: what the directory holds, what the data tell, and the run made of both.
//!
//! Nothing is written before everything that was asked for has proved possible.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use karhunen_formats::write_whole;
use karhunen_net::Device;

use crate::augment::{Augmentation, settled, symmetrise};
use crate::batch::Batches;
use crate::budget::{Plan, Window};
use crate::checkpoint::{Checkpoint, Progress};
use crate::clock::Clock;
use crate::config::RunConfig;
use crate::data::{Data, boxed, open};
use crate::events::Observer;
use crate::extension::{More, Standing};
use crate::lock::Lock;
use crate::optimizer::Optimizer;
use crate::plan::complete;
use crate::resume::{resumed, same_configuration, same_data, same_run};
use crate::schedule::Schedule;
use crate::trained::{build_model, check_model, set};
use crate::{TrainError, checkpoint, memory};

use super::Run;
use super::files::io;

/// What a run is opened for.
pub(super) struct Asked<'a> {
    pub(super) config: &'a RunConfig,
    pub(super) resume: bool,
    pub(super) more: Option<More>,
}

impl Run {
    pub(super) fn open_asked(
        Asked { config, resume, more }: Asked<'_>,
        directory: &Path,
        device: &Device,
        clock: Arc<dyn Clock>,
        observer: &mut dyn Observer,
    ) -> Result<Self, TrainError> {
        // what is no run's directory is told as such, not as a place that cannot be locked
        checkpoint::list(directory)?;
        let lock = Lock::directory(directory)?;
        if let Some(complaint) = lock.complaint() {
            observer.warning(complaint);
        }
        // a run that has ended saves no more, and would keep it
        checkpoint::settle(&directory.join("checkpoints"));
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
        let shares: f64 = grids.iter().map(|g| g.len() as f64 / finest.len() as f64).sum();
        let data_bytes = 4.0 * data.training.values.len() as f64 * shares;
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
        // nothing is written before everything that was asked for has proved possible
        fs::create_dir_all(directory).map_err(io(directory))?;
        let t = &resolved.training;
        let batches = Batches::new(resolved.seed, t.batch, t.time_density)
            .with_label_dropout(t.label_dropout)
            .with_augmentation(augmentation);
        let schedule = Schedule::new(&resolved)?;
        let mut run = Self {
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
            clock,
            window: Window::default(),
            told: 0,
            board: None,
            previewed: 0,
            shown: 0.0,
        };
        run.follow_plan()?;
        if let Some(end) = end {
            run.extend(end, observer)?;
        }
        // an extension that is asked for here has its checkpoint already; without this file no run goes on, so
        // that it is there at every moment, on a full disk too
        let text = config.to_toml();
        if fs::read(&asked).ok().as_deref() != Some(text.as_bytes()) {
            write_whole(&asked, text.as_bytes()).map_err(io(&asked))?;
        }
        run.fit_budget(observer)?;
        run.prepare_files()?;
        Ok(run)
    }
}
