//! What is prepared before a run writes anything: its directory, its configuration, its data, its models and
//! where it stands. Nothing is written before everything that was asked for has proved possible.

use std::path::Path;
use std::sync::Arc;

use karhunen_distributed::Group;
use karhunen_field::Grid;
use karhunen_formats::StackedFields;
use karhunen_net::{Device, Model, Parameters};

use crate::batch::Batches;
use crate::config::RunConfig;
use crate::config::augment::Augmentation;
use crate::data::augment::{settled, symmetrise};
use crate::data::plan::complete;
use crate::data::stock::Stock;
use crate::data::{Data, boxed, open};
use crate::model::{build_model, check_model, set};
use crate::run::budget::{Plan, Window};
use crate::run::clock::Clock;
use crate::run::events::Observer;
use crate::run::extension::{End, More, Standing};
use crate::run::optimizer::Optimizer;
use crate::run::resume::{resumed, same_configuration, same_data, same_run};
use crate::run::schedule::Schedule;
use crate::store::checkpoint::{self, Checkpoint, Progress};
use crate::store::lock::Lock;
use crate::{TrainError, memory};

use super::ranks::pieces_of;
use super::{Asked, Run};

/// A run of which nothing is written yet.
pub(super) struct Prepared {
    pub run: Run,
    /// Where it is to end, if that has changed.
    pub end: Option<End>,
    /// The configuration with the levels that suit the data.
    pub asked: RunConfig,
}

/// A checkpoint to go on from, and what was wrong with newer ones.
type Found = Option<(Checkpoint, Vec<String>)>;

/// All that is done before anything is written.
pub(super) fn prepared(
    asked: Asked<'_>,
    directory: &Path,
    device: &Device,
    clock: Arc<dyn Clock>,
    observer: &mut dyn Observer,
) -> Result<Prepared, TrainError> {
    let Asked { config, resume, more, group } = asked;
    // the directory
    if config.distilled.is_some() {
        let message = "distilled: `karhunen distil` writes it; a training does not take it".into();
        return Err(TrainError::Config { place: "configuration".into(), message });
    }
    let lock = locked(directory, &group, observer)?;
    // the configuration as asked for, and what the directory holds of it
    let (planned, opened) = planned(config, observer)?;
    let found = found(directory, resume, more)?;
    let end = later_end(directory, &planned, found.as_ref(), more, observer)?;
    // the configuration that the run goes by
    let mut resolved = match &found {
        Some((checkpoint, _)) => resumed(&checkpoint.config, &planned),
        None => planned.begun(),
    };
    let (batch, begins) = (resolved.training.batch, found.is_none());
    let pieces = pieces_of(&group, batch, &mut resolved.training.pieces, begins);
    check_model(&resolved, Schedule::new(&resolved)?.finest())?;
    // the data
    let (data, augmentation) = measured(&mut resolved, opened, found.as_ref(), observer)?;
    // the models, and whether there is room for the run
    let mut model = build_model(&resolved, &data.statistics, &device.clone().autodiff())?;
    let mut evaluator = build_model(&resolved, &data.statistics, device)?;
    evaluator.network.release_parameters();
    let start = model.network.parameters()?;
    room_for(&resolved, &data, &model, start.count())?;
    observer.note(&format!("{} parameters", start.count()));
    // where it stands
    let (optimizer, progress) = state(found, start, &resolved, observer);
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
    let run = Run {
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

/// Locks the directory for the job, by its first rank.
fn locked(
    directory: &Path,
    group: &Group,
    observer: &mut dyn Observer,
) -> Result<Option<Lock>, TrainError> {
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
    Ok(lock)
}

/// The configuration with levels; the data are opened where they have to tell them.
fn planned(
    config: &RunConfig,
    observer: &mut dyn Observer,
) -> Result<(RunConfig, Option<StackedFields>), TrainError> {
    let (mut planned, mut opened) = (config.clone(), None);
    if planned.levels.is_empty() {
        opened = open(&planned.data)?;
        if let Some(fields) = &opened {
            complete(&mut planned, fields)?.iter().for_each(|note| observer.note(note));
        }
    }
    Ok((planned, opened))
}

/// The checkpoint that the directory's run goes on from; none of a run that begins.
fn found(directory: &Path, resume: bool, more: Option<More>) -> Result<Found, TrainError> {
    let found = if resume { Checkpoint::newest(directory)? } else { None };
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
    Ok(found)
}

/// Where a run that goes on is to end, if that has changed; it must be the run that is asked for.
fn later_end(
    directory: &Path,
    config: &RunConfig,
    found: Option<&(Checkpoint, Vec<String>)>,
    more: Option<More>,
    observer: &mut dyn Observer,
) -> Result<Option<End>, TrainError> {
    let Some((checkpoint, _)) = found else { return Ok(None) };
    let asked = directory.join("config.toml");
    let before = same_configuration(&asked, config)?;
    same_run(directory, &checkpoint.config, config)?;
    let (progress, stored) = (&checkpoint.progress, checkpoint.config.training.length);
    let planned = progress.plan.as_ref().map(Plan::steps).or(stored.steps());
    let planned = planned.unwrap_or(progress.step);
    let standing =
        Standing { before, stored, steps: (progress.step, planned), elapsed: progress.elapsed };
    let wrong = |message| TrainError::Ended { place: asked.display().to_string(), message };
    let end = standing.end(config.training.length, more).map_err(wrong)?;
    if let (Some(more), None) = (more, end) {
        observer.note(&format!(
            "step {} of {planned}: the run goes on to its end; {more} more count from there",
            progress.step
        ));
    }
    Ok(end)
}

/// The data, measured; what they decide of the configuration is written into it.
fn measured(
    resolved: &mut RunConfig,
    opened: Option<StackedFields>,
    found: Option<&(Checkpoint, Vec<String>)>,
    observer: &mut dyn Observer,
) -> Result<(Data, Augmentation), TrainError> {
    let opened = match opened {
        Some(opened) => Some(opened),
        None => open(&resolved.data)?,
    };
    if let (None, Some(fields)) = (found, &opened) {
        boxed(&mut resolved.data, fields)?.iter().for_each(|note| observer.note(note));
    }
    let finest = Schedule::new(resolved)?.finest();
    let mut data = Data::of_source(&resolved.data, opened.as_ref(), finest, resolved.seed)?;
    drop(opened);
    if resolved.prior.is_fitted() {
        data = data.varying(&resolved.data)?;
    }
    if resolved.data.hold_out.is_none() {
        resolved.data.hold_out.clone_from(&data.hold_out);
    }
    data.notes.iter().for_each(|note| observer.note(note));
    let grids = resolved.grids()?;
    if found.is_none() {
        let (named, mut notes) = (resolved.data.augment.as_deref(), Vec::new());
        // what is moved leaves its cluster
        let named = named.or(resolved.data.clusters.is_some().then_some(&[]));
        resolved.data.augment = Some(settled(named, &data.training, &grids, &mut notes)?);
        notes.iter().for_each(|note| observer.note(note));
    }
    let augmentation =
        Augmentation::new(resolved.data.augment.as_deref().unwrap_or_default(), &grids)
            .map_err(|message| TrainError::Motion { place: "data.augment".into(), message })?;
    symmetrise(&mut data.statistics, &augmentation.shift);
    resolved.prior.caution().into_iter().for_each(|caution| observer.note(caution));
    if let Some((checkpoint, _)) = found {
        same_data(&checkpoint.statistics, &data.statistics, &resolved.data.source.to_string())?;
    }
    Ok((data, augmentation))
}

/// Sees that the machine has the memory for the run.
fn room_for(
    config: &RunConfig,
    data: &Data,
    model: &Model,
    parameters: usize,
) -> Result<(), TrainError> {
    let (grids, finest) = (config.grids()?, data.training.grid);
    let whole = 4.0 * data.training.values.len() as f64;
    let in_memory = |grid: &&Grid| match **grid == finest {
        true => !data.training.values.is_in_file(),
        false => Stock::fits(whole * grid.len() as f64 / finest.len() as f64),
    };
    let cells: f64 = grids.iter().filter(in_memory).map(|g| g.len() as f64).sum();
    let data_bytes = whole * cells / finest.len() as f64;
    memory::check_training(model, data_bytes, &finest, &config.training, parameters, memory::KNOBS)
}

/// Weights and counters: those of the checkpoint, or those of a beginning.
fn state(
    found: Found,
    start: Parameters,
    config: &RunConfig,
    observer: &mut dyn Observer,
) -> (Optimizer, Progress) {
    match found {
        Some((checkpoint, complaints)) => {
            complaints.iter().for_each(|c| observer.warning(&format!("skipped: {c}")));
            observer.note(&format!("resuming at step {}", checkpoint.progress.step));
            (checkpoint.optimizer, checkpoint.progress)
        }
        None => {
            let optimizer = Optimizer::new(start, config.training.ema.len());
            (optimizer, Progress { rate_factor: 1.0, ..Progress::default() })
        }
    }
}
