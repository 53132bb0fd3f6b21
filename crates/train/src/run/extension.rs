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

use crate::config::Length;

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
pub(crate) struct Standing {
    /// The length of the run as it was last requested.
    pub before: Length,
    /// The length in its newest checkpoint: the same, or extended since then.
    pub stored: Length,
    /// Steps done and steps planned.
    pub steps: (usize, usize),
    /// Seconds spent.
    pub elapsed: f64,
}

impl Standing {
    /// The later end that is asked for; none if the run keeps its own.
    ///
    /// If the run is requested again with its previous length, it goes on to its current end, even
    /// if that has become later.
    ///
    /// # Errors
    /// A sentence, if the requested end is earlier than the present one, or if steps are requested
    /// of a run that ends after seconds.
    pub fn end(&self, asked: Length, more: Option<More>) -> Result<Option<End>, String> {
        let again = asked.ends_with(&self.before);
        let (done, planned) = self.steps;
        // where the run ends now: its plan says after how many steps
        let present = match self.stored {
            Length::Steps { .. } => self.stored.until(planned),
            Length::Seconds { .. } => self.stored,
        };
        if let Length::Seconds { seconds, planned: Some(steps) } = asked
            && self.before.steps() != Some(steps)
        {
            return Err(format!(
                "this run ends after training.seconds = {seconds}, so training.steps = {steps} changes nothing"
            ));
        }
        let later = match (asked, present) {
            (Length::Seconds { seconds, .. }, Length::Seconds { seconds: own, .. }) => {
                (seconds > own).then_some(End::Seconds(seconds))
            }
            (Length::Seconds { seconds, .. }, Length::Steps { .. }) => {
                (!again && seconds > self.elapsed).then_some(End::Seconds(seconds))
            }
            (Length::Steps { steps, .. }, Length::Steps { steps: own, .. }) => {
                (steps > own).then_some(End::Steps(steps))
            }
            (Length::Steps { steps, .. }, Length::Seconds { .. }) => {
                (!again && steps > planned).then_some(End::Steps(steps))
            }
        };
        if later.is_some() {
            return Ok(later);
        }
        if !again && !asked.ends_with(&present) {
            let told = |length: Length| match length {
                Length::Steps { steps, .. } => format!("{steps} steps"),
                Length::Seconds { seconds, .. } => format!("{seconds:.0} s"),
            };
            return Err(format!(
                "this run ends after {}, and {} would be an earlier end",
                told(present),
                told(asked)
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

    fn of(steps: usize) -> Length {
        Length::of_steps(steps)
    }

    /// A time, and the steps beside it.
    fn beside(seconds: f64, steps: usize) -> Length {
        Length::Seconds { seconds, planned: Some(steps) }
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
        let at =
            |done| Standing { before: of(24), stored: of(24), steps: (done, 24), elapsed: 9.0 };
        // more steps extend a run, finished or not; the same number changes nothing; fewer are
        // refused
        for done in [7, 24] {
            assert_eq!(at(done).end(of(48), None), Ok(Some(End::Steps(48))));
            assert_eq!(at(done).end(of(24), None), Ok(None));
            assert!(at(done).end(of(12), None).unwrap_err().contains("earlier end"));
            for time in [Length::of_seconds, |seconds| beside(seconds, 24)] {
                assert_eq!(at(done).end(time(30.0), None), Ok(Some(End::Seconds(30.0))));
                let earlier = at(done).end(time(5.0), None).unwrap_err();
                assert!(earlier.contains("5 s would be an earlier end"), "{earlier}");
            }
        }
        // `--more` extends a finished run; in a run that has not ended, the same command resumes it
        let more = Some(More::Steps(10));
        assert_eq!(at(24).end(of(24), more), Ok(Some(End::Steps(34))));
        assert_eq!(at(7).end(of(24), more), Ok(None));
        let hour = Some(More::Seconds(3600.0));
        assert_eq!(at(24).end(of(24), hour), Ok(Some(End::Seconds(3609.0))));
    }

    #[test]
    fn an_extended_run_goes_on_by_either_command() {
        // begun with 24 steps, extended by 10 more, 3 of which are done
        let at = Standing { before: of(24), stored: of(34), steps: (27, 34), elapsed: 9.0 };
        assert_eq!(at.end(of(24), None), Ok(None));
        assert_eq!(at.end(of(24), Some(More::Steps(10))), Ok(None));
        assert_eq!(at.end(of(34), None), Ok(None));
        assert_eq!(at.end(of(40), None), Ok(Some(End::Steps(40))));
        assert!(at.end(of(30), None).is_err());
        // extended to 34 steps, but the newest checkpoint is older than that
        let at = Standing { before: of(34), stored: of(24), steps: (20, 24), elapsed: 9.0 };
        assert_eq!(at.end(of(34), None), Ok(Some(End::Steps(34))));
    }

    /// With the number of steps that older versions wrote beside a time, and without.
    #[test]
    fn budgets_become_steps_and_steps_budgets() {
        for time in [Length::of_seconds, |seconds| beside(seconds, 4000)] {
            let (before, elapsed) = (time(60.0), 59.8);
            let at = Standing { before, stored: beside(60.0, 777), steps: (777, 777), elapsed };
            assert_eq!(at.end(time(60.0), None), Ok(None));
            assert_eq!(at.end(Length::of_seconds(60.0), None), Ok(None));
            assert_eq!(at.end(time(90.0), None), Ok(Some(End::Seconds(90.0))));
            assert!(at.end(time(30.0), None).is_err());
            assert_eq!(at.end(of(4000), None), Ok(Some(End::Steps(4000))));
            assert!(at.end(of(500), None).is_err());
            let unheard = at.end(beside(60.0, 9000), None).unwrap_err();
            assert!(unheard.contains("training.steps = 9000 changes nothing"), "{unheard}");
            // 100 steps more than a budget: the previous configuration still means that run
            let at = Standing { before, stored: of(877), steps: (800, 877), elapsed: 66.0 };
            assert_eq!(at.end(time(60.0), None), Ok(None));
        }
    }
}
