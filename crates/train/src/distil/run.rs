//! The steps of a distillation, its checkpoints, and how a later process goes on with them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use karhunen_field::{Ensemble, FieldError};
use karhunen_formats::write_whole;
use karhunen_net::{Device, Model};

use crate::batch::loss::loss_and_gradients;
use crate::config::{DistilledConfig, RunConfig};
use crate::model::request::Request;
use crate::model::stop::Stop;
use crate::model::trained::TrainedModel;
use crate::model::{build_model, set};
use crate::run::Outcome;
use crate::run::events::{Event, Observer};
use crate::run::files::append_line;
use crate::run::ledger::{Ledger, LedgerEntry};
use crate::run::optimizer::{Begins, Optimizer, Update};
use crate::run::resume::differing;
use crate::store::atomic::unwritten;
use crate::store::checkpoint::{self, Checkpoint, Progress};
use crate::store::export::Exported;
use crate::store::lock::Lock;
use crate::{TrainError, memory};

use super::plan::{Along, DistilOptions, Student, student};
use super::trajectories::Trajectories;

/// Lines of `events.jsonl`, about.
const LINES: usize = 500;
/// Fields by which student and teacher are compared, at most, their values, and their seed.
const COMPARED: usize = 32;
const VALUES: usize = 1 << 22;
const SEED: u64 = 0x434f_4d50;

/// A distillation and its directory, which holds checkpoints like a training run's: complete models.
pub struct Distillation {
    directory: PathBuf,
    teacher: TrainedModel,
    config: RunConfig,
    distilled: DistilledConfig,
    /// All steps.
    steps: usize,
    along: Along,
    model: Model,
    optimizer: Optimizer,
    progress: Progress,
    /// The number of the trajectories at hand, and these.
    at_hand: Option<(usize, Trajectories)>,
    /// Set by whoever wants a checkpoint now.
    wanted: Arc<AtomicBool>,
    _lock: Lock,
}

impl Distillation {
    /// Begins a distillation in a directory, or goes on with the one there if it is the same.
    ///
    /// # Errors
    /// [`TrainError::Distil`] for a model that cannot be distilled; [`TrainError::OtherRun`] if the directory holds another
    /// run; [`TrainError::InUse`]; [`TrainError::Memory`]; those of reading the model.
    pub fn open(
        teacher: &Path,
        options: &DistilOptions,
        directory: &Path,
        device: &Device,
        observer: &mut dyn Observer,
    ) -> Result<Self, TrainError> {
        checkpoint::list(directory)?;
        let (exported, notes) = Exported::open(teacher, None)?;
        let operations = exported.progress.ledger.levels.iter().map(|level| level.flops).sum();
        let Progress { training_fields, validation_fields, .. } = exported.progress;
        let teacher = TrainedModel::from_exported(exported, teacher, notes, device)?;
        teacher.notes.iter().for_each(|note| observer.warning(&format!("skipped: {note}")));
        let Student { config, distilled, steps, along } = student(&teacher, options, operations)?;
        let lock = Lock::directory(directory)?;
        lock.complaint().iter().for_each(|complaint| observer.warning(complaint));
        checkpoint::settle(&directory.join("checkpoints"));
        let found = Checkpoint::newest(directory)?;
        if let Some((found, _)) = found.as_ref().filter(|(found, _)| found.config != config) {
            let (old, new) = differing(&found.config, &config);
            return Err(TrainError::OtherRun {
                place: directory.display().to_string(),
                message: format!(
                    "this directory holds a run with `{old}`, asked for is `{new}`; choose another directory, or the same distillation to go on with it"
                ),
            });
        }
        let mut model = build_model(&config, &teacher.statistics, &device.clone().autodiff())?;
        let start = teacher.model.network.parameters()?;
        room_for((&config, &distilled), &teacher, &model, start.count())?;
        let grid = teacher.statistics.grid.to_string();
        let (optimizer, progress) = match found {
            Some((found, complaints)) => {
                complaints.iter().for_each(|note| observer.warning(&format!("skipped: {note}")));
                observer.note(&format!("going on from step {}", found.progress.step));
                (found.optimizer, found.progress)
            }
            None => {
                let levels = vec![LedgerEntry { grid, ..LedgerEntry::default() }];
                let progress = Progress {
                    ledger: Ledger { levels },
                    rate_factor: 1.0,
                    training_fields,
                    validation_fields,
                    ..Progress::default()
                };
                (Optimizer::new(start, config.training.ema.len()), progress)
            }
        };
        set(&mut model, &optimizer.weights)?;
        let directory = directory.to_path_buf();
        let this = Self {
            directory,
            teacher,
            config,
            distilled,
            steps,
            along,
            model,
            optimizer,
            progress,
            at_hand: None,
            wanted: Arc::default(),
            _lock: lock,
        };
        this.begin_files()?;
        Ok(this)
    }

    /// The configuration of the student.
    pub fn config(&self) -> &RunConfig {
        &self.config
    }

    /// Steps done, and all steps.
    pub fn steps(&self) -> (usize, usize) {
        (self.progress.step, self.steps)
    }

    /// Floating-point operations of the whole distillation: the teacher's along its trajectories, and the student's.
    pub fn operations(&self) -> f64 {
        let (distilled, batch) = (&self.distilled, self.config.training.batch);
        let evaluations = distilled.trajectories * distilled.along + 3 * batch * self.steps;
        self.model.network.flops(&self.teacher.statistics.grid) * evaluations as f64
    }

    /// Writes a checkpoint after the step during which this flag is set, clears the flag and goes on.
    pub fn save_when(&mut self, wanted: Arc<AtomicBool>) {
        self.wanted = wanted;
    }

    /// Learns to the end, or until `stop` is set, whichever comes first. `following` counts the teacher's steps along
    /// the trajectories at hand.
    ///
    /// # Errors
    /// [`TrainError::Diverged`] for a loss that is not finite; those of sampling and of files.
    pub fn run(
        &mut self,
        stop: &AtomicBool,
        observer: &mut dyn Observer,
        following: &(dyn Fn(usize, usize) + Sync),
    ) -> Result<Outcome, TrainError> {
        let total = self.steps;
        let mut saved = Instant::now();
        while self.progress.step < total {
            if stop.load(Ordering::Relaxed) || !self.follow(stop, following)? {
                self.save()?;
                return Ok(Outcome::Interrupted);
            }
            let event = self.advance()?;
            if event.step.is_multiple_of((total / LINES).max(1)) || event.step == total {
                append_line(&self.directory, &event)?;
            }
            observer.step(&event, total);
            let due = saved.elapsed().as_secs_f64() > self.config.training.checkpoint_seconds;
            let wanted = self.wanted.swap(false, Ordering::Relaxed);
            if due || wanted || event.step == total {
                self.save()?;
                saved = Instant::now();
            }
            if wanted {
                observer.note(&format!("step {}: checkpoint written", event.step));
            }
        }
        Ok(Outcome::Finished)
    }

    /// Has the trajectories of the step at hand; whether it was not told to stop on the way.
    fn follow(
        &mut self,
        stop: &AtomicBool,
        following: &(dyn Fn(usize, usize) + Sync),
    ) -> Result<bool, TrainError> {
        let distilled = &self.distilled;
        let rounds = distilled.trajectories.div_ceil(distilled.at_a_time);
        // every round has its share of the steps
        let round = self.progress.step * rounds / self.steps;
        if self.at_hand.as_ref().is_some_and(|(number, _)| *number == round) {
            return Ok(true);
        }
        self.at_hand = None;
        let first = (round * distilled.at_a_time) as u64;
        let last = (first + distilled.at_a_time as u64).min(distilled.trajectories as u64);
        let flag = Stop::default();
        let steps = |done: usize, of: usize| {
            if stop.load(Ordering::Relaxed) {
                flag.set();
            }
            following(done, of);
        };
        let (teacher, along, seed) = (&self.teacher, &self.along, self.config.seed);
        match Trajectories::follow(teacher, along, seed, first..last, &flag, &steps) {
            Ok(trajectories) => {
                self.at_hand = Some((round, trajectories));
                Ok(true)
            }
            Err(FieldError::Stopped) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// One step on the trajectories at hand.
    fn advance(&mut self) -> Result<Event, TrainError> {
        let (step, total, begun) = (self.progress.step, self.steps, Instant::now());
        let t = &self.config.training;
        let (_, trajectories) = self.at_hand.as_ref().expect("trajectories were followed");
        let batch = trajectories.batch(&self.model, t.batch, (self.config.seed, step));
        let (loss, gradients) = loss_and_gradients(&self.model, &batch)?;
        let rate = t.learning_rate * t.rate.factor(step, total, t.warmup);
        let update = Update::of(t, rate, Begins::default());
        let norm = self.optimizer.step_network(&mut self.model.network, gradients, &update)?;
        if !(loss.is_finite() && norm.is_finite()) {
            let what = "loss not finite".to_string();
            return Err(TrainError::Diverged { step, what, rate: t.learning_rate });
        }
        let grid = self.teacher.statistics.grid;
        let flops = 3.0 * t.batch as f64 * self.model.network.flops(&grid);
        let entry = &mut self.progress.ledger.levels[0];
        entry.add(t.batch, begun.elapsed().as_secs_f64(), flops, loss);
        self.progress.step += 1;
        let seconds = self.progress.ledger.seconds();
        Ok(Event {
            step: self.progress.step,
            grid: grid.to_string(),
            seconds,
            loss,
            left: seconds / self.progress.step as f64 * (total - self.progress.step) as f64,
            gradient_norm: Some(norm),
            rate,
            ..Event::default()
        })
    }

    /// Root mean square of the student's fields less the teacher's of the same noise, in standard deviations of the
    /// teacher's.
    ///
    /// # Errors
    /// Those of sampling.
    pub fn difference(&self) -> Result<f64, TrainError> {
        let mut student = self.teacher.clone();
        student.config = self.config.clone();
        student.model = build_model(&self.config, &self.teacher.statistics, &Device::flex())?;
        set(&mut student.model, &self.optimizer.averages[0])?;
        let grid = self.teacher.statistics.grid;
        let len = grid.len() * self.teacher.statistics.mean.channels;
        let count = (VALUES / len).clamp(1, COMPARED) as u64;
        let fields = |model: &TrainedModel| -> Result<Ensemble, FieldError> {
            let request = Request { calibrated: false, ..model.request(grid, SEED) };
            Ok(model.sample(&request, 0..count, &|_, _| {})?.0)
        };
        let (own, other) = (fields(&student)?.values, fields(&self.teacher)?.values);
        let n = other.len() as f64;
        let mean = other.iter().sum::<f64>() / n;
        let spread = other.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n;
        let off = own.iter().zip(&other).map(|(a, b)| (a - b).powi(2)).sum::<f64>() / n;
        Ok((off / spread.max(f64::MIN_POSITIVE)).sqrt())
    }

    fn save(&self) -> Result<(), TrainError> {
        let checkpoint = Checkpoint {
            config: self.config.clone(),
            optimizer: self.optimizer.clone(),
            statistics: self.teacher.statistics.clone(),
            progress: self.progress.clone(),
        };
        checkpoint.save(&self.directory).map(drop)
    }

    /// The configuration, the first checkpoint, and no events after it.
    fn begin_files(&self) -> Result<(), TrainError> {
        fs::create_dir_all(&self.directory).map_err(unwritten(&self.directory))?;
        let path = self.directory.join("config.toml");
        write_whole(&path, self.config.to_toml().as_bytes()).map_err(unwritten(&path))?;
        crate::run::files::keep_events(&self.directory, self.progress.step)?;
        if self.progress.step == 0 { self.save() } else { Ok(()) }
    }
}

/// Refuses what memory does not hold: the trajectories, and the training of the student.
fn room_for(
    (config, distilled): (&RunConfig, &DistilledConfig),
    teacher: &TrainedModel,
    model: &Model,
    parameters: usize,
) -> Result<(), TrainError> {
    let grid = teacher.statistics.grid;
    let field = grid.len() * teacher.statistics.mean.channels;
    // kept in single precision; those under way twice in double
    let value = 4 * (distilled.times.len() + 1) + 2 * size_of::<f64>();
    let states = (value * distilled.at_a_time * field) as f64;
    let training = &config.training;
    memory::check_training(
        model,
        states,
        &grid,
        training,
        parameters,
        ["the model's grid", "batch"],
    )
}
