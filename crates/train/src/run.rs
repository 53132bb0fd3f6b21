//! The run loop: levels, steps, validation, checkpoints, roll-back.
//!
//! A run lives in a directory: `config.toml` (as asked for), `checkpoints/`, `snapshots/`,
//! `events.jsonl`, `ledger.json`. Opening a directory that holds a run of the same configuration goes on where its
//! newest checkpoint stands; batches are functions of (seed, step), so 2N steps and N + N steps
//! give the same bits. Over 400 lines, because it holds the run's state and every way it changes.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use karhunen_net::{Device, Model};

use crate::augment::{Augmentation, settled, symmetrise};
use crate::batch::{Batches, LevelData};
use crate::budget::{Plan, Window};
use crate::checkpoint::{Checkpoint, Progress};
use crate::clock::{Clock, WallClock};
use crate::config::{RunConfig, Switching};
use crate::data::{Data, boxed, open, restrict};
use crate::events::{Event, Observer, read};
use crate::extension::{More, Standing};
use crate::ledger::{Ledger, LedgerEntry};
use crate::lock::Lock;
use crate::loss::{loss_and_gradients, losses_of};
use crate::optimizer::{Begins, Optimizer, Update};
use crate::overfitting::Losses;
use crate::plan::complete;
use crate::resume::{resumed, same_configuration, same_data, same_run};
use crate::schedule::Schedule;
use crate::switching::{self, Measured};
use crate::trained::{build_model, check_model, set};
use crate::{TrainError, checkpoint, divergence, memory, snapshots};

mod budgeted;
mod copied;
mod extended;

/// What a run is opened for.
struct Asked<'a> {
    config: &'a RunConfig,
    resume: bool,
    more: Option<More>,
}

/// How a call to [`Run::train`] ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Every step of every level was taken.
    Finished,
    /// Asked to stop; a checkpoint was written.
    Interrupted,
}

/// Roll-backs before a diverging run gives up.
const ROLLBACKS: usize = 3;
/// Lines of `events.jsonl` for plain steps, about.
const LINES: usize = 500;

/// A training run and its directory.
pub struct Run {
    directory: PathBuf,
    config: RunConfig,
    schedule: Schedule,
    data: Data,
    model: Model,
    /// Without weights while nothing is validated.
    evaluator: Model,
    optimizer: Optimizer,
    progress: Progress,
    batches: Batches,
    /// Fields of the levels below the finest, made when first trained on.
    coarser: Vec<Option<LevelData>>,
    /// Steps after which the averages are stored.
    stores: Vec<usize>,
    /// Set by whoever wants a checkpoint now.
    wanted: Arc<AtomicBool>,
    /// Keeps other processes from the directory as long as the run is open.
    _lock: Lock,
    /// What a budget in seconds is counted by.
    clock: Arc<dyn Clock>,
    /// Steps since their costs were last compared with the plan.
    window: Window,
    /// Number of steps that the observer was last told.
    told: usize,
}

impl Run {
    /// Opens a run on the CPU: resumes the one in `directory` if it has the same configuration and `resume`
    /// is set, otherwise starts afresh (which `directory` must then be empty of a run for).
    ///
    /// # Errors
    /// [`TrainError::InUse`] if another process has the directory open;
    /// [`TrainError::Config`] if the directory holds another run; [`TrainError::Memory`] before
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
        let asked = Asked { config, resume, more: None };
        Self::open_asked(asked, directory, device, clock, observer)
    }

    /// Opens a run that shall go on for longer once it has ended ([`crate::extension`]). One that has not
    /// ended yet is resumed, and goes on to its end.
    ///
    /// # Errors
    /// As [`Run::open`]; [`TrainError::Checkpoint`] if the directory holds no run.
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
        let asked = Asked { config, resume: true, more: Some(more) };
        Self::open_asked(asked, directory, device, clock, observer)
    }

    fn open_asked(
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
            return Err(TrainError::Checkpoint {
                path: directory.into(),
                message: "holds a run already; resume it, or choose another directory".into(),
            });
        }
        if let (None, Some(_)) = (&found, more) {
            return Err(TrainError::Checkpoint {
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
            let wrong =
                |message| TrainError::Config { place: asked.display().to_string(), message };
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
                .map_err(|message| TrainError::Config { place: "data.augment".into(), message })?;
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
        };
        run.follow_plan()?;
        if let Some(end) = end {
            run.extend(end, observer)?;
        }
        // an extension that is asked for here has its checkpoint already
        fs::write(&asked, config.to_toml()).map_err(io(&asked))?;
        run.fit_budget(observer)?;
        run.prepare_files()?;
        Ok(run)
    }

    /// The resolved configuration.
    pub fn config(&self) -> &RunConfig {
        &self.config
    }

    /// The levels with their steps.
    pub fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    /// Cost and gain of each level so far.
    pub fn ledger(&self) -> &Ledger {
        &self.progress.ledger
    }

    /// Steps done.
    pub fn step(&self) -> usize {
        self.progress.step
    }

    /// Writes a checkpoint after the step during which this flag is set, clears the flag and goes on.
    pub fn save_when(&mut self, wanted: Arc<AtomicBool>) {
        self.wanted = wanted;
    }

    /// Trains to the end, or until `stop` is set, whichever comes first.
    ///
    /// # Errors
    /// [`TrainError::Diverged`] after three roll-backs; [`TrainError::Write`] if a checkpoint
    /// cannot be written.
    pub fn train(
        &mut self,
        stop: &AtomicBool,
        observer: &mut dyn Observer,
    ) -> Result<Outcome, TrainError> {
        let begun = self.clock.seconds() - self.progress.elapsed;
        if self.progress.step == 0 {
            self.save()?;
        }
        let mut saved = self.clock.seconds();
        self.window = Window::starting(saved - begun);
        let mut parted = None;
        while self.progress.step < self.schedule.steps() {
            if stop.load(Ordering::Relaxed) {
                self.progress.elapsed = self.clock.seconds() - begun;
                self.save()?;
                return Ok(Outcome::Interrupted);
            }
            let step = self.progress.step;
            let (level, trained) = (self.schedule.level_of(step), self.schedule.trains_on(step));
            self.enter_level(level)?;
            let before = self.progress.ledger.levels[trained].clone();
            let mut event = self.advance(step, trained)?;
            if self.progress.first_loss.is_none() {
                self.progress.first_loss = Some(event.loss);
            }
            let now = &self.progress.ledger.levels[trained];
            if let Some(what) = divergence::diagnosis(&before, now, event.loss, self.untrained()) {
                let place = format!("grid {}, {:.0} s of training", event.grid, event.seconds);
                self.roll_back(step, format!("{what}; {place}"), observer)?;
                continue;
            }
            if trained != level {
                // a replay is reported as the level it interrupts stands
                event.level = level;
                event.grid = self.schedule.levels[level].grid.to_string();
                event.loss = self.progress.ledger.levels[level].loss;
            }
            self.consider_switching(level, observer)?;
            self.progress.elapsed = self.clock.seconds() - begun;
            let validates = self.validates_after(step);
            self.consider_budget(trained, observer)?;
            let total = self.schedule.steps();
            let last_of_level = step + 1 == total || self.schedule.level_of(step + 1) != level;
            if validates || last_of_level {
                let started = self.clock.seconds();
                let (losses, pair) = self.validate()?;
                self.book(|costs| &mut costs.validation, self.clock.seconds() - started);
                let loss = losses[0];
                event.validation_loss = Some(loss);
                event.validation_losses = losses;
                event.training_loss = Some(pair.training);
                parted = pair.have_parted().then(|| pair.told(self.progress.step));
                self.progress.ledger.levels[level].validation_loss = Some(loss);
                if self.progress.best_validation.is_none_or(|best| loss < best) {
                    self.progress.best_validation = Some(loss);
                    self.progress.best_step = self.progress.step;
                }
                observer.milestone(&event);
                if let (Some(told), None) = (&parted, self.progress.parted_step) {
                    self.progress.parted_step = Some(self.progress.step);
                    observer.warning(told);
                }
            }
            if event.validation_loss.is_some() || step.is_multiple_of((total / LINES).max(1)) {
                self.record(&event)?;
            }
            observer.step(&event, total);
            if self.stores.contains(&self.progress.step) {
                let (o, lengths) = (&self.optimizer, &self.config.training.ema);
                let step = self.progress.step;
                snapshots::save(&self.directory, step, o.updates, &o.averages, lengths)?;
            }
            let now = self.clock.seconds();
            let due = now - saved > self.config.training.checkpoint_seconds;
            let wanted = self.wanted.swap(false, Ordering::Relaxed);
            // a state that has gone wrong replaces none to go back to
            let sound =
                divergence::is_sound(&self.progress.ledger.levels[trained], self.untrained());
            if due && sound || last_of_level || wanted {
                self.progress.elapsed = now - begun;
                self.save()?;
                saved = self.clock.seconds();
                self.book(|costs| &mut costs.checkpoint, saved - now);
            }
            if wanted {
                observer.note(&format!("step {}: checkpoint written", self.progress.step));
            }
        }
        let last = self.progress.ledger.levels.last().and_then(|level| level.validation_loss);
        if let Some(loss) = last {
            let risen = divergence::parted(&self.progress, loss, self.schedule.steps());
            // told once where it was seen first in the end
            let first = self.progress.parted_step == Some(self.progress.step);
            let told = [self.useless(loss), risen.or(parted.filter(|_| !first))];
            told.iter().flatten().for_each(|warning| observer.warning(warning));
        }
        Ok(Outcome::Finished)
    }

    /// What to say of a validation loss at the end that an untrained network would better.
    fn useless(&self, loss: f64) -> Option<String> {
        let untrained = self.untrained();
        divergence::is_poor(loss, untrained).then(|| {
            format!(
                "the validation loss, {loss:.4}, is far above {untrained:.4}, that of an untrained network: held-out fields are told worse than by mean and spectrum alone"
            )
        })
    }

    /// One step on a level's fields; the weights, the ledger and the counter move on unless the step
    /// is refused.
    fn advance(&mut self, step: usize, level: usize) -> Result<Event, TrainError> {
        self.enter_level(level)?;
        let t = &self.config.training;
        let part = match &self.progress.plan {
            Some(plan) => plan.factor(&t.rate, t.warmup, step),
            None => t.rate.factor(step, self.schedule.steps(), t.warmup),
        };
        let rate = t.learning_rate * self.progress.rate_factor * part;
        let updates = self.begins();
        let warmup = (t.warmup * self.schedule.steps() as f64) as usize;
        let begins = Begins { updates: &updates, warmup };
        let update = Update { rate, decay: t.weight_decay, clip: t.clip, lengths: &t.ema, begins };
        let data = match self.coarser.get(level) {
            Some(data) => data.as_ref().expect("a level was entered"),
            None => &self.data.training,
        };
        let grid = data.grid;
        let begun = self.clock.seconds();
        let batch = self.batches.training(step, data, &self.model);
        let (loss, gradients) = loss_and_gradients(&self.model, &grid, &batch)?;
        let norm = match loss.is_finite() {
            true => self.optimizer.step_network(&mut self.model.network, gradients, &update)?,
            false => f64::NAN,
        };
        let seconds = self.clock.seconds() - begun;
        let loss = if norm.is_finite() { loss } else { f64::NAN };
        let flops = 3.0 * t.batch as f64 * self.model.network.flops(&grid);
        if loss.is_finite() {
            self.progress.ledger.levels[level].add(t.batch, seconds, flops, loss);
            self.progress.step += 1;
        }
        Ok(Event {
            step: self.progress.step,
            level,
            grid: grid.to_string(),
            seconds: self.progress.ledger.seconds(),
            loss,
            validation_loss: None,
            validation_losses: vec![],
            training_loss: None,
            left: self.seconds_left(),
            rate,
            message: None,
        })
    }

    /// Seconds that the steps not taken yet will take, levels not reached yet by their operations.
    fn seconds_left(&self) -> f64 {
        let entries = &self.progress.ledger.levels;
        let cost = |level: usize| self.model.network.flops(&self.schedule.levels[level].grid);
        let mean = |entry: &LedgerEntry| entry.seconds / entry.steps.max(1) as f64;
        let mut begun = 0;
        let mut left = 0.0;
        for (level, planned) in self.schedule.levels.iter().enumerate() {
            let end = begun + planned.steps;
            let steps = end.saturating_sub(self.progress.step.max(begun)) as f64;
            let seconds = match entries.get(level).filter(|entry| entry.steps > 0) {
                Some(entry) => mean(entry),
                None => entries
                    .last()
                    .map_or(0.0, |last| mean(last) * cost(level) / cost(entries.len() - 1)),
            };
            left += steps * seconds;
            begun = end;
        }
        left
    }

    /// Sees that a level has its fields and its entry in the ledger.
    fn enter_level(&mut self, level: usize) -> Result<(), TrainError> {
        let levels = &self.schedule.levels;
        self.coarser.resize(levels.len() - 1, None);
        if let Some(missing @ None) = self.coarser.get_mut(level) {
            *missing = Some(restrict(&self.data.training, levels[level].grid)?);
        }
        let ledger = &mut self.progress.ledger.levels;
        while ledger.len() <= level {
            let grid = levels[ledger.len()].grid.to_string();
            let begun = self.optimizer.updates;
            ledger.push(LedgerEntry { grid, begun, ..LedgerEntry::default() });
        }
        Ok(())
    }

    /// The loss of a network that answers nothing.
    fn untrained(&self) -> f64 {
        divergence::untrained(self.config.training.preconditioning, self.progress.first_loss)
    }

    /// Updates done before the first one of each array of the network; none where all began with the
    /// run.
    fn begins(&self) -> Vec<usize> {
        let levels = &self.progress.ledger.levels;
        let of = |level: usize| levels.get(level).map_or(usize::MAX, |entry| entry.begun);
        let network = &self.model.network;
        let arrays = self.optimizer.weights.arrays.iter();
        arrays.map_while(|array| network.level_of(&array.name)).map(of).collect()
    }

    fn roll_back(
        &mut self,
        step: usize,
        what: String,
        observer: &mut dyn Observer,
    ) -> Result<(), TrainError> {
        let rate = self.config.training.learning_rate * self.progress.rate_factor;
        if self.progress.rollbacks == ROLLBACKS {
            return Err(TrainError::Diverged { step, what, rate });
        }
        let (factor, rollbacks) = (self.progress.rate_factor / 2.0, self.progress.rollbacks + 1);
        let (checkpoint, complaints) =
            Checkpoint::newest(&self.directory)?.ok_or_else(|| TrainError::Checkpoint {
                path: self.directory.clone(),
                message: "no checkpoint left".into(),
            })?;
        complaints.iter().for_each(|c| observer.warning(&format!("skipped: {c}")));
        self.optimizer = checkpoint.optimizer;
        let elapsed = self.progress.elapsed;
        self.progress = Progress { rate_factor: factor, rollbacks, elapsed, ..checkpoint.progress };
        self.follow_plan()?;
        set(&mut self.model, &self.optimizer.weights)?;
        snapshots::forget_after(&self.directory, self.progress.step)?;
        let event = Event {
            step: self.progress.step,
            level: self.schedule.level_of(self.progress.step),
            grid: String::new(),
            seconds: self.progress.ledger.seconds(),
            loss: self.progress.ledger.levels.last().map_or(0.0, |l| l.loss),
            validation_loss: None,
            validation_losses: vec![],
            training_loss: None,
            left: self.seconds_left(),
            rate: rate / 2.0,
            message: Some(format!(
                "diverged at step {step} ({what}): back to step {}, rate halved",
                self.progress.step
            )),
        };
        self.record(&event)?;
        observer.milestone(&event);
        self.save()
    }

    fn validates_after(&self, step: usize) -> bool {
        let (total, count) = (self.schedule.steps(), self.config.training.validations.max(1));
        if let Some(plan) = &self.progress.plan {
            let passed = |step| (plan.position(step) * count as f64 / total as f64).floor();
            return passed(step + 1) > passed(step);
        }
        (step + 1).is_multiple_of((total / count).max(1))
    }

    fn place_stores(&mut self) {
        let (total, count) = (self.schedule.steps(), self.config.training.snapshots);
        self.stores = snapshots::steps(total, count).collect();
    }

    /// The schedule as decisions so far have left it.
    fn follow_switches(&mut self) -> Result<(), TrainError> {
        let mut planned = Schedule::new(&self.config)?;
        if let Some(plan) = &self.progress.plan {
            planned = planned.with_steps(&plan.level_steps());
        }
        self.schedule = match self.config.training.switching {
            Switching::Shares => planned,
            Switching::Automatic => planned.switched(&self.progress.switches),
        };
        Ok(())
    }

    /// Ends the level at hand where that is decided on the way and it is exhausted.
    fn consider_switching(
        &mut self,
        level: usize,
        observer: &mut dyn Observer,
    ) -> Result<(), TrainError> {
        if self.config.training.switching == Switching::Shares {
            return Ok(());
        }
        let (step, total) = (self.progress.step, self.schedule.steps());
        if step < total && self.schedule.level_of(step) != level {
            // as long as it may be
            self.progress.switches.push(step);
            return self.follow_switches();
        }
        let began = self.progress.switches.last().copied().unwrap_or(0);
        let last = level + 1 == self.schedule.levels.len();
        if last || !switching::due(step, total) {
            return Ok(());
        }
        let grid = self.schedule.levels[level].grid;
        set(&mut self.evaluator, &self.optimizer.averages[0])?;
        let finest = self.validation_loss(&self.data.validation)?;
        let own = self.validation_loss(&restrict(&self.data.validation, grid)?)?;
        self.evaluator.network.release_parameters();
        let now = Measured { step, level, own, finest };
        let cost = |level: usize| self.model.network.flops(&self.schedule.levels[level].grid);
        let before = self.progress.measured.replace(now);
        let exhausted =
            switching::exhausted(before.as_ref(), &now, total, cost(level), cost(level + 1));
        if exhausted && step >= switching::may_end(began, total) {
            let Measured { own, finest, .. } = now;
            observer.note(&format!(
                "{grid} is left after step {step}: validation {own:.4} here, {finest:.4} at the finest level"
            ));
            self.progress.switches.push(step);
            self.follow_switches()?;
        }
        Ok(())
    }

    /// Loss of every average of the weights at the finest level, on fields never trained on, with
    /// fixed times and noise; and of the first average on training fields beside it.
    fn validate(&mut self) -> Result<(Vec<f64>, Losses), TrainError> {
        let (mut losses, mut beside) = (Vec::new(), None);
        for at in 0..self.optimizer.averages.len() {
            set(&mut self.evaluator, &self.optimizer.averages[at])?;
            let (loss, held_out) =
                self.fixed_losses(&self.data.validation.first(self.held_out()))?;
            losses.push(loss);
            if beside.is_none() {
                let (_, own) = self.fixed_losses(&self.data.training.evenly(self.held_out()))?;
                beside = Some(Losses::of(&own, &held_out));
            }
        }
        // the averages change in place in the next step
        self.evaluator.network.release_parameters();
        Ok((losses, beside.expect("a configuration has an average")))
    }

    /// Fields in the validation loss.
    fn held_out(&self) -> usize {
        self.data.validation.count().min(self.config.training.validation_fields)
    }

    /// Loss of the weights in the evaluator on validation fields of whatever grid.
    fn validation_loss(&self, data: &LevelData) -> Result<f64, TrainError> {
        Ok(self.fixed_losses(&data.first(self.held_out()))?.0)
    }

    /// Loss of the weights in the evaluator on fields, and of each one, with fixed times and noise.
    fn fixed_losses(&self, data: &LevelData) -> Result<(f64, Vec<f64>), TrainError> {
        let (count, together) = (data.count(), self.config.training.batch);
        let (mut sum, mut each) = (0.0, Vec::new());
        for start in (0..count).step_by(together) {
            let range = start..count.min(start + together);
            let part = range.len() as f64;
            let batch = self.batches.validation(data, range, &self.evaluator);
            let (loss, own) = losses_of(&self.evaluator, &data.grid, &batch)?;
            sum += part * loss;
            each.extend(own);
        }
        Ok((sum / count as f64, each))
    }

    fn save(&self) -> Result<(), TrainError> {
        let checkpoint = Checkpoint {
            config: self.config.clone(),
            optimizer: self.optimizer.clone(),
            statistics: self.data.statistics.clone(),
            progress: self.progress.clone(),
        };
        checkpoint.save(&self.directory)?;
        let path = self.directory.join("ledger.json");
        let text =
            serde_json::to_string_pretty(&self.progress.ledger).expect("a ledger is plain data");
        fs::write(&path, text).map_err(io(&path))
    }

    /// Drops events and snapshots after the step the run stands at: they will happen again.
    fn prepare_files(&self) -> Result<(), TrainError> {
        let path = self.directory.join("events.jsonl");
        let events = match read(&path) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                return Err(TrainError::Read { path, source: e });
            }
            events => events.unwrap_or_default(),
        };
        let kept: String =
            events.into_iter().filter(|e| e.step <= self.progress.step).map(|e| line(&e)).collect();
        fs::write(&path, kept).map_err(io(&path))?;
        snapshots::forget_after(&self.directory, self.progress.step)
    }

    fn record(&self, event: &Event) -> Result<(), TrainError> {
        let path = self.directory.join("events.jsonl");
        let mut file =
            fs::OpenOptions::new().append(true).create(true).open(&path).map_err(io(&path))?;
        file.write_all(line(event).as_bytes()).map_err(io(&path))
    }
}

fn line(event: &Event) -> String {
    let mut text = serde_json::to_string(event).expect("an event is plain data");
    text.push('\n');
    text
}

fn io(path: &Path) -> impl FnOnce(std::io::Error) -> TrainError + use<> {
    let path = path.to_path_buf();
    move |source| TrainError::Write { path, source }
}
