//! What a distillation consists of: its times, trajectories and steps.

use karhunen_field::path::TimeGrid;
use karhunen_field::sampler::Method;
use karhunen_net::{Band, Preconditioning};

use crate::TrainError;
use crate::config::{DistilledConfig, Length, Rate, RunConfig};
use crate::model::trained::TrainedModel;

/// Times that the student learns from each pair of states, on average.
const PASSES: usize = 3;
/// Evaluations of the teacher along a trajectory, at least.
const ALONG: usize = 12;
/// Fewest trajectories that are worth anything.
const FEWEST: usize = 64;
/// Trajectories in memory at a time, at most, and their bytes.
const AT_A_TIME: usize = 256;
const BYTES: usize = 1 << 29;

/// How a model is distilled.
///
/// # Example
/// ```
/// use karhunen_train::distil::DistilOptions;
/// let options = DistilOptions { evaluations: 2, ..DistilOptions::default() };
/// assert_eq!((options.share, options.batch), (0.25, 16));
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DistilOptions {
    /// Evaluations of the student.
    pub evaluations: usize,
    /// Operations, relative to those of the teacher's training; at least those of 64 trajectories.
    pub share: f64,
    /// Trajectories instead of a share.
    pub trajectories: Option<usize>,
    /// States a step.
    pub batch: usize,
    /// Peak learning rate.
    pub learning_rate: f64,
    /// Seed of the trajectories and of their order.
    pub seed: u64,
}

impl Default for DistilOptions {
    fn default() -> Self {
        Self {
            evaluations: 4,
            share: 0.25,
            trajectories: None,
            batch: 16,
            learning_rate: 1.5e-3,
            seed: 0,
        }
    }
}

/// The evaluations of a trajectory, and which of them are the student's.
#[derive(Debug, Clone)]
pub(super) struct Along {
    /// Times of the teacher's evaluations.
    pub times: Vec<f64>,
    /// Places of the student's among them.
    pub picks: Vec<usize>,
}

impl Along {
    /// `along` evaluations, evenly in log-SNR, `own` of which are the student's.
    pub fn new(teacher: &TrainedModel, along: usize, own: usize) -> Self {
        let path = teacher.model.preconditioner.path();
        let times = TimeGrid::LogSnr.times(path.as_ref(), along - 1);
        Self { times, picks: (0..own).map(|j| (j * along + own / 2) / own).collect() }
    }
}

/// What a distillation consists of.
#[derive(Debug)]
pub(super) struct Student {
    /// The configuration of the student.
    pub config: RunConfig,
    /// Its table `[distilled]`.
    pub distilled: DistilledConfig,
    /// All steps.
    pub steps: usize,
    /// The trajectories' evaluations.
    pub along: Along,
}

/// The configuration of the student: what decides it, every number filled in. `operations` are those of the teacher's
/// training.
///
/// # Errors
/// [`TrainError::Distil`] for a model that cannot be distilled, or a number that means nothing.
pub(super) fn student(
    teacher: &TrainedModel,
    options: &DistilOptions,
    operations: f64,
) -> Result<Student, TrainError> {
    check(teacher, options)?;
    let own = options.evaluations;
    let n = ALONG.max(2 * own);
    let along = Along::new(teacher, n, own);
    let grid = teacher.statistics.grid;
    let evaluation = teacher.model.network.flops(&grid);
    // the teacher once at each time; forward and backward for each pair of states
    let each = evaluation * (n + 3 * PASSES * own) as f64;
    let trajectories = match options.trajectories {
        Some(count) => count,
        None => ((options.share * operations / each).round() as usize).max(FEWEST),
    };
    let field = 4 * (own + 1) * grid.len() * teacher.statistics.mean.channels;
    let most = (BYTES / field).clamp(1, AT_A_TIME);
    let at_a_time = trajectories.div_ceil(trajectories.div_ceil(most));
    let mut config = teacher.config.clone();
    config.seed = options.seed;
    config.sampling.sampler = Some(Method::Ddim);
    config.sampling.evaluations = own;
    config.sampling.band = Band::Trained;
    config.sampling.sharpness = None;
    config.training.optimizer = None;
    config.training.batch = options.batch;
    config.training.learning_rate = options.learning_rate;
    // every round of trajectories has a step
    let rounds = trajectories.div_ceil(at_a_time);
    let steps = (trajectories * own * PASSES).div_ceil(options.batch).max(rounds);
    config.training.length = Length::of_steps(steps);
    config.training.warmup = 0.05;
    config.training.rate = Rate::Trapezoid { cooldown: 0.4 };
    config.training.ema = vec![0.05];
    let distilled = DistilledConfig {
        teacher: teacher.fingerprint().map_or_else(String::new, |hash| format!("{hash:016x}")),
        times: along.picks.iter().map(|pick| along.times[*pick]).collect(),
        along: n,
        trajectories,
        at_a_time,
    };
    config.distilled = Some(distilled.clone());
    Ok(Student { config, distilled, steps, along })
}

fn check(teacher: &TrainedModel, options: &DistilOptions) -> Result<(), TrainError> {
    let place = teacher.path.display().to_string();
    let wrong =
        |message: &str| TrainError::Distil { place: place.clone(), message: message.into() };
    let statistics = &teacher.statistics;
    if teacher.is_distilled() {
        return Err(wrong("was distilled itself; distil the model that it learned from"));
    }
    if teacher.config.training.preconditioning != Preconditioning::Wiener {
        return Err(wrong(
            "only models with training.preconditioning = \"wiener\" can be distilled",
        ));
    }
    if !teacher.model.preconditioner.prior().is_nested() {
        return Err(wrong(
            "white noise per cell is no function, and its model cannot be distilled",
        ));
    }
    if !statistics.attributes.is_empty() || statistics.condition.is_some() {
        return Err(wrong("a model with attributes or given fields cannot be distilled"));
    }
    let number = |name: &str, value: String, needs: &str| TrainError::Distil {
        place: format!("{name} {value}"),
        message: needs.into(),
    };
    if !(1..=64).contains(&options.evaluations) {
        return Err(number("evaluations", options.evaluations.to_string(), "between 1 and 64"));
    }
    if !(options.share > 0.0 && options.share <= 100.0) {
        return Err(number("share", options.share.to_string(), "more than 0, at most 100"));
    }
    if options.trajectories.is_some_and(|count| !(1..=1 << 24).contains(&count)) {
        let value = options.trajectories.unwrap_or_default().to_string();
        return Err(number("trajectories", value, "between 1 and 2^24"));
    }
    if !(1..=1 << 16).contains(&options.batch) {
        return Err(number("batch", options.batch.to_string(), "between 1 and 65536"));
    }
    if !(options.learning_rate > 0.0 && options.learning_rate <= 1.0) {
        let value = options.learning_rate.to_string();
        return Err(number("learning-rate", value, "more than 0, at most 1"));
    }
    Ok(())
}
