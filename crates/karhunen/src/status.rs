//! The status of a run, read from its files during the training or afterwards.

use std::path::{Path, PathBuf};

use karhunen_train::config::Length;
use karhunen_train::events::Event;
use karhunen_train::lock::Lock;
use karhunen_train::{RunConfig, checkpoint};
use serde::Serialize;

use crate::Error;
use crate::overview::events_of;

/// The status of a run.
///
/// # Example
/// ```
/// use karhunen::{Data, Silent, Status, TrainOptions, train};
/// let data = Data::open("builtin:spinodal")?.at_most(24);
/// let options = TrainOptions::of(&data).levels(&[8]).steps(2)
///     .set("network.width=[8]")?.set("network.blocks=[2]")?;
/// let directory = std::env::temp_dir().join(format!("karhunen-status-{}", std::process::id()));
/// train(&options, &directory, &mut Silent)?;
/// let status = Status::of(&directory)?;
/// assert_eq!((status.step, status.steps, status.level, status.process), (2, Some(2), Some(1), None));
/// assert!(status.finished);
/// # std::fs::remove_dir_all(&directory).unwrap();
/// # Ok::<(), karhunen::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Status {
    /// The run's directory.
    pub run: PathBuf,
    /// Steps done, from the last event of the run.
    pub step: usize,
    /// Steps in total as currently planned; none before a budget in seconds has been turned into
    /// steps.
    pub steps: Option<usize>,
    /// Step of the newest checkpoint; none before the first checkpoint.
    pub saved_step: Option<usize>,
    /// Seconds spent in training steps.
    pub seconds: Option<f64>,
    /// Estimated seconds of the remaining training steps, from the last event; none if no process
    /// runs.
    pub left: Option<f64>,
    /// The current level, counted from 1.
    pub level: Option<usize>,
    /// Number of levels.
    pub levels: usize,
    /// Grid of the current level.
    pub grid: Option<String>,
    /// Training loss.
    pub loss: Option<f64>,
    /// The newest validation loss.
    pub validation: Option<f64>,
    /// The best validation loss in the newest checkpoint.
    pub best_validation: Option<f64>,
    /// How often the loss has diverged.
    pub rollbacks: usize,
    /// Number of training fields.
    pub training_fields: usize,
    /// Number of held-out fields.
    pub validation_fields: usize,
    /// The process that trains.
    pub process: Option<String>,
    /// Whether all steps are done.
    pub finished: bool,
}

impl Status {
    /// Reads the directory of a run.
    ///
    /// # Errors
    /// [`Error::NoRun`] for a directory that holds no run; errors while reading.
    pub fn of(directory: impl AsRef<Path>) -> Result<Self, Error> {
        let directory = directory.as_ref();
        let newest = checkpoint::list(directory)?.pop();
        let process = Lock::holder(directory)?;
        let saved = match (&newest, &process) {
            (Some(newest), _) => Some(checkpoint::progress(newest)?),
            // the process is still reading data or timing steps
            (None, Some(_)) => None,
            (None, None) => return Err(Error::NoRun(directory.into())),
        };
        let saved_step = saved.as_ref().map(|saved| saved.step);
        let saved = saved.unwrap_or_default();
        let events = events_of(directory)?;
        let last = events.last();
        let step = last.map_or(saved.step, |event| event.step.max(saved.step));
        let (planned, levels) = planned(directory)?;
        let steps = saved.plan.as_ref().map(|plan| plan.steps()).or(planned);
        let of_last = |value: &dyn Fn(&Event) -> f64| last.map(value);
        Ok(Self {
            run: directory.into(),
            step,
            steps,
            saved_step,
            seconds: of_last(&|event| event.seconds),
            left: process.as_ref().and(of_last(&|event| event.left)),
            level: last.map(|event| event.level + 1),
            levels,
            grid: last.map(|event| event.grid.clone()),
            loss: of_last(&|event| event.loss),
            validation: events.iter().rev().find_map(|event| event.validation_loss),
            best_validation: saved.best_validation,
            rollbacks: saved.rollbacks,
            training_fields: saved.training_fields,
            validation_fields: saved.validation_fields,
            finished: process.is_none() && steps.is_some_and(|steps| saved.step >= steps),
            process,
        })
    }

    /// The status in a few lines.
    pub fn to_text(&self) -> String {
        let of = self.steps.map_or(String::new(), |steps| format!(" of {steps}"));
        let saved = match self.saved_step {
            Some(saved) => format!("checkpoint at step {saved}"),
            None => "no checkpoint yet".into(),
        };
        let mut lines = vec![format!("{}: step {}{of}, {saved}", self.run.display(), self.step)];
        if let (Some(grid), Some(level), Some(seconds), Some(loss)) =
            (&self.grid, self.level, self.seconds, self.loss)
        {
            let number = |loss: Option<f64>| loss.map_or("–".into(), |loss| format!("{loss:.4}"));
            lines.push(format!(
                "grid {grid} (level {level} of {}), {seconds:.0} s of training, loss {loss:.4}, validation {} (best {})",
                self.levels,
                number(self.validation),
                number(self.best_validation)
            ));
        }
        lines.push(match (&self.process, self.finished) {
            (Some(process), _) => {
                let left = self.left.map(|left| format!("; about {} left", span(left)));
                format!("trained by {process}{}", left.unwrap_or_default())
            }
            (None, true) => "finished".into(),
            (None, false) => "no process is at it; the same `karhunen train` goes on".into(),
        });
        lines.join("\n")
    }
}

/// A duration for people: `40 s`, `12 min`, `3.5 h`.
pub fn span(seconds: f64) -> String {
    match seconds {
        s if s < 100.0 => format!("{s:.0} s"),
        s if s < 6000.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}

/// The requested steps and the number of levels. The steps are none if a budget in seconds decides
/// them.
fn planned(directory: &Path) -> Result<(Option<usize>, usize), Error> {
    let path = directory.join("config.toml");
    if !path.exists() {
        return Ok((None, 0));
    }
    let config = RunConfig::load(Some(&path), &[])?;
    let steps = match config.training.length {
        Length::Steps { steps, .. } => Some(steps),
        Length::Seconds { .. } => None,
    };
    // a distillation learns on the finest level alone
    let levels = if config.distilled.is_some() { 1 } else { config.levels.len() };
    Ok((steps, levels))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_in_the_unit_people_think_in() {
        assert_eq!([40.2, 720.0, 12_600.0].map(span), ["40 s", "12 min", "3.5 h"]);
    }
}
