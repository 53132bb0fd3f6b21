//! Extends a run: it goes on after its end, or its end is moved to later while it runs.
//!
//! The end of a run is the one part of its configuration that may change: `training.steps`, or
//! `training.seconds`. A run is extended if a later end is asked for, or if `--more` is asked of a
//! run that has ended:
//!
//! - The run goes on from its newest checkpoint. No step is lost, not even the last ones with small
//!   learning rates, and nothing extra is stored for the case.
//! - The learning rate rises over as many steps as the warm-up of the new run has. It rises from
//!   its current value to the value of a run that had been that long from the start. A trapezoid
//!   returns to its peak and decays over its last part of *all* steps; if fewer steps are left, it
//!   decays over these. A cosine returns to the value of the longer cosine. Both end at 0.
//! - Levels that have ended stay ended, and the others divide the steps by their shares. A run that
//!   had ended goes on at its finest level, and replays coarser levels as before.
//! - Optimizer, averages, ledger, events and the best validation are kept. Lengths of averages are
//!   parts of the whole run, so the averages stretch with it.
//! - A budget in seconds counts the seconds already spent, and is replanned during the run as
//!   always. A run of steps that is given seconds takes the costs of its steps from its ledger.
//! - The extended plan is written as a checkpoint before its first step. From then on the run is
//!   interrupted and resumed like any other, bit for bit, by the command that extended it or by the
//!   one that started it.
//!
//! **Source** Wen, Li, Wang, Hall, Liang & Ma, "Understanding warmup-stable-decay learning rates: a
//! river valley loss landscape perspective", 2024. Their WSD-S continues from the decayed weights
//! rather than from those before the decay; it does as well per step and wastes no step.
//!
//! Module [`crate::run::budget`] computes the plans. Module [`crate::run`] follows them.

use std::fmt;
use std::str::FromStr;

use crate::config::training::TrainingConfig;

/// How much longer a finished run goes on.
///
/// # Example
/// ```
/// use karhunen_train::extension::More;
/// assert_eq!("2000".parse(), Ok(More::Steps(2000)));
/// assert_eq!("1.5h".parse(), Ok(More::Seconds(5400.0)));
/// assert_eq!("30m".parse::<More>().unwrap().to_string(), "1800 s");
/// assert!("30 parsecs".parse::<More>().is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum More {
    /// Steps.
    Steps(usize),
    /// Seconds.
    Seconds(f64),
}

impl FromStr for More {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("`{text}` is no time and no number of steps; write 30m, 2h, 500s or 2000");
        let text = text.trim();
        let units = [("s", 1.0), ("min", 60.0), ("m", 60.0), ("h", 3600.0), ("d", 86_400.0)];
        for (unit, seconds) in units {
            if let Some(number) = text.strip_suffix(unit) {
                let number = number.trim().parse::<f64>().map_err(|_| wrong())?;
                let seconds = number * seconds;
                return match seconds.is_finite() && seconds > 0.0 {
                    true => Ok(Self::Seconds(seconds)),
                    false => Err(wrong()),
                };
            }
        }
        text.parse().ok().filter(|steps| *steps > 0).map(Self::Steps).ok_or_else(wrong)
    }
}

impl fmt::Display for More {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Steps(steps) => write!(f, "{steps} steps"),
            Self::Seconds(seconds) => write!(f, "{seconds:.0} s"),
        }
    }
}

/// The new end of a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum End {
    /// After this many steps in total.
    Steps(usize),
    /// After this many seconds in total.
    Seconds(f64),
}

/// The state of a run that is opened again.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Standing<'a> {
    /// `[training]` as the run was last requested.
    pub before: &'a TrainingConfig,
    /// `[training]` of its newest checkpoint: the same, or extended since then.
    pub stored: &'a TrainingConfig,
    /// Steps done and steps planned.
    pub steps: (usize, usize),
    /// Seconds spent.
    pub elapsed: f64,
}

impl Standing<'_> {
    /// The later end that is asked for; none if the run keeps its own.
    ///
    /// If the run is requested again with its previous configuration, it goes on to its current
    /// end, even if that has become later.
    ///
    /// # Errors
    /// A sentence, if the requested end is earlier than the present one.
    pub fn end(&self, asked: &TrainingConfig, more: Option<More>) -> Result<Option<End>, String> {
        let again = asked.steps == self.before.steps && asked.seconds == self.before.seconds;
        let (done, planned) = self.steps;
        if let Some(seconds) = asked.seconds.filter(|_| asked.steps != self.before.steps) {
            return Err(format!(
                "this run ends after training.seconds = {seconds}, so training.steps = {} changes nothing",
                asked.steps
            ));
        }
        let later = match (asked.seconds, self.stored.seconds) {
            (Some(asked), Some(own)) if asked > own => Some(End::Seconds(asked)),
            (Some(asked), None) if !again && asked > self.elapsed => Some(End::Seconds(asked)),
            (None, None) if asked.steps > planned => Some(End::Steps(asked.steps)),
            (None, Some(_)) if !again && asked.steps > planned => Some(End::Steps(asked.steps)),
            _ => None,
        };
        if later.is_some() {
            return Ok(later);
        }
        let kept = asked.seconds == self.stored.seconds
            && (asked.seconds.is_some() || asked.steps == planned);
        if !(again || kept) {
            let own = match self.stored.seconds {
                Some(seconds) => format!("{seconds:.0} s"),
                None => format!("{planned} steps"),
            };
            let earlier = match asked.seconds {
                Some(seconds) => format!("{seconds:.0} s"),
                None => format!("{} steps", asked.steps),
            };
            return Err(format!(
                "this run ends after {own}, and {earlier} would be an earlier end"
            ));
        }
        match more {
            Some(more) if done >= planned => Ok(Some(match more {
                More::Steps(steps) => End::Steps(done + steps),
                More::Seconds(seconds) => End::Seconds(self.elapsed + seconds),
            })),
            _ => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn training(steps: usize, seconds: Option<f64>) -> TrainingConfig {
        TrainingConfig { steps, seconds, ..TrainingConfig::default() }
    }

    #[test]
    fn times_and_steps_are_read_and_nonsense_is_not() {
        let read = |text: &str| text.parse::<More>();
        assert_eq!(read("500s"), Ok(More::Seconds(500.0)));
        assert_eq!(read(" 30 min "), Ok(More::Seconds(1800.0)));
        assert_eq!(read("2h"), Ok(More::Seconds(7200.0)));
        assert_eq!(read("1d"), Ok(More::Seconds(86_400.0)));
        assert_eq!(read("2000"), Ok(More::Steps(2000)));
        for wrong in ["", "0", "-5", "0s", "-1h", "m", "1e999s", "NaNs", "2.5", "2 weeks"] {
            let said = read(wrong).unwrap_err();
            assert!(said.contains("write 30m, 2h, 500s or 2000"), "{wrong}: {said}");
        }
    }

    #[test]
    fn later_ends_are_taken_up_earlier_ones_refused_and_the_same_words_go_on() {
        let (before, stored) = (training(24, None), training(24, None));
        let at =
            |done| Standing { before: &before, stored: &stored, steps: (done, 24), elapsed: 9.0 };
        let asked = |steps, seconds| training(steps, seconds);
        // more steps extend a run, finished or not; the same number changes nothing; fewer are
        // refused
        for done in [7, 24] {
            assert_eq!(at(done).end(&asked(48, None), None), Ok(Some(End::Steps(48))));
            assert_eq!(at(done).end(&asked(24, None), None), Ok(None));
            assert!(at(done).end(&asked(12, None), None).unwrap_err().contains("earlier end"));
            assert_eq!(at(done).end(&asked(24, Some(30.0)), None), Ok(Some(End::Seconds(30.0))));
            assert!(at(done).end(&asked(24, Some(5.0)), None).is_err());
        }
        // `--more` extends a finished run; in a run that has not ended, the same command resumes it
        let more = Some(More::Steps(10));
        assert_eq!(at(24).end(&asked(24, None), more), Ok(Some(End::Steps(34))));
        assert_eq!(at(7).end(&asked(24, None), more), Ok(None));
        let hour = Some(More::Seconds(3600.0));
        assert_eq!(at(24).end(&asked(24, None), hour), Ok(Some(End::Seconds(3609.0))));
    }

    #[test]
    fn an_extended_run_goes_on_by_either_command() {
        // begun with 24 steps, extended by 10 more, 3 of which are done
        let (before, stored) = (training(24, None), training(34, None));
        let standing = Standing { before: &before, stored: &stored, steps: (27, 34), elapsed: 9.0 };
        assert_eq!(standing.end(&training(24, None), None), Ok(None));
        assert_eq!(standing.end(&training(24, None), Some(More::Steps(10))), Ok(None));
        assert_eq!(standing.end(&training(34, None), None), Ok(None));
        assert_eq!(standing.end(&training(40, None), None), Ok(Some(End::Steps(40))));
        assert!(standing.end(&training(30, None), None).is_err());
        // extended to 34 steps, but the newest checkpoint is older than that
        let (before, stored) = (training(34, None), training(24, None));
        let standing = Standing { before: &before, stored: &stored, steps: (20, 24), elapsed: 9.0 };
        assert_eq!(standing.end(&training(34, None), None), Ok(Some(End::Steps(34))));
    }

    #[test]
    fn budgets_become_steps_and_steps_budgets() {
        let (before, stored) = (training(4000, Some(60.0)), training(777, Some(60.0)));
        let at = Standing { before: &before, stored: &stored, steps: (777, 777), elapsed: 59.8 };
        assert_eq!(at.end(&training(4000, Some(60.0)), None), Ok(None));
        assert_eq!(at.end(&training(4000, Some(90.0)), None), Ok(Some(End::Seconds(90.0))));
        assert_eq!(at.end(&training(4000, None), None), Ok(Some(End::Steps(4000))));
        assert!(at.end(&training(500, None), None).is_err());
        let unheard = at.end(&training(9000, Some(60.0)), None).unwrap_err();
        assert!(unheard.contains("training.steps = 9000 changes nothing"), "{unheard}");
        // 100 steps more than a budget: the previous configuration still means that run
        let stored = training(877, None);
        let at = Standing { before: &before, stored: &stored, steps: (800, 877), elapsed: 66.0 };
        assert_eq!(at.end(&training(4000, Some(60.0)), None), Ok(None));
    }
}
