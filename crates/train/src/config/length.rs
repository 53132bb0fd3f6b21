//! How long a run is: the keys `training.steps`, `training.seconds` and `training.switching` as one
//! value, and the rules of these keys.

use serde::{Deserialize, Serialize};

/// Number of steps of a run that is asked for neither steps nor seconds.
const STEPS: usize = 16_000;

/// How long a run is, and what ends its levels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Length {
    /// A number of steps.
    Steps {
        /// Steps over all levels.
        steps: usize,
        /// What ends a level.
        switching: Switching,
    },
    /// A time by the clock. Each level ends with its share of the steps.
    Seconds {
        /// Seconds of the whole run.
        seconds: f64,
        /// Steps over all levels by the newest plan; none before the first plan. A file of a user may
        /// have a number here too, as `training.steps` beside `training.seconds`. The first plan
        /// replaces it.
        planned: Option<usize>,
    },
}

/// What ends a level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Switching {
    /// Its share of the steps.
    Shares,
    /// That it gains less than the finer levels promise: [`crate::run::switching`].
    Automatic,
}

impl Default for Length {
    fn default() -> Self {
        Self::of_steps(STEPS)
    }
}

impl Length {
    /// A run of so many steps, divided by the shares of the levels.
    pub fn of_steps(steps: usize) -> Self {
        Self::Steps { steps, switching: Switching::Shares }
    }

    /// A run of so many seconds, which has no plan yet.
    pub fn of_seconds(seconds: f64) -> Self {
        Self::Seconds { seconds, planned: None }
    }

    /// The length that the three keys of a file mean.
    ///
    /// # Errors
    /// A sentence that names the key, its value and what it needs.
    pub(super) fn of_keys(
        steps: Option<usize>,
        seconds: Option<f64>,
        switching: Switching,
    ) -> Result<Self, String> {
        if steps == Some(0) {
            return Err("training.steps = 0: at least 1".into());
        }
        let Some(seconds) = seconds else {
            return Ok(Self::Steps { steps: steps.unwrap_or(STEPS), switching });
        };
        if !(seconds.is_finite() && seconds > 0.0) {
            return Err(format!("training.seconds = {seconds}: a positive number"));
        }
        match switching {
            Switching::Shares => Ok(Self::Seconds { seconds, planned: steps }),
            Switching::Automatic => Err("training.switching = \"automatic\": a budget in training.steps, not in seconds: what a step costs is decided on the way".into()),
        }
    }

    /// The three keys of a file: steps, seconds and switching.
    pub(super) fn keys(&self) -> (Option<usize>, Option<f64>, Switching) {
        (self.steps(), self.seconds(), self.switching())
    }

    /// Steps over all levels, asked for or planned; none of a time that has no plan yet.
    pub fn steps(&self) -> Option<usize> {
        match *self {
            Self::Steps { steps, .. } => Some(steps),
            Self::Seconds { planned, .. } => planned,
        }
    }

    /// Seconds of the whole run; none of a number of steps.
    pub fn seconds(&self) -> Option<f64> {
        match *self {
            Self::Steps { .. } => None,
            Self::Seconds { seconds, .. } => Some(seconds),
        }
    }

    /// What ends a level.
    pub fn switching(&self) -> Switching {
        match *self {
            Self::Steps { switching, .. } => switching,
            Self::Seconds { .. } => Switching::Shares,
        }
    }

    /// A run of so many steps whose levels end as they do now.
    pub fn until(self, steps: usize) -> Self {
        Self::Steps { steps, switching: self.switching() }
    }

    /// Takes the number of steps from a plan.
    pub(crate) fn follow(&mut self, plan: usize) {
        match self {
            Self::Steps { steps, .. } => *steps = plan,
            Self::Seconds { planned, .. } => *planned = Some(plan),
        }
    }

    /// Whether both end at the same time. Planned steps do not count.
    pub(crate) fn ends_with(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Steps { steps: a, .. }, Self::Steps { steps: b, .. }) => a == b,
            (Self::Seconds { seconds: a, .. }, Self::Seconds { seconds: b, .. }) => a == b,
            _ => false,
        }
    }

    /// This length with the end of another one. It stays as it is if its levels cannot end as they
    /// do now until that end.
    pub(crate) fn ending_as(self, other: Self) -> Self {
        match (other, self.switching()) {
            (Self::Steps { steps, .. }, _) => self.until(steps),
            (Self::Seconds { .. }, Switching::Shares) => other,
            (Self::Seconds { .. }, Switching::Automatic) => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AUTOMATIC: Switching = Switching::Automatic;
    const SHARES: Switching = Switching::Shares;

    #[test]
    fn keys_become_a_length_and_the_same_keys_again() {
        for keys in [
            (Some(7), None, SHARES),
            (Some(7), None, AUTOMATIC),
            (None, Some(60.0), SHARES),
            (Some(7), Some(60.0), SHARES),
        ] {
            let (steps, seconds, switching) = keys;
            assert_eq!(Length::of_keys(steps, seconds, switching).unwrap().keys(), keys);
        }
        assert_eq!(Length::of_keys(None, None, SHARES), Ok(Length::default()));
    }

    #[test]
    fn keys_that_mean_no_length_are_named() {
        for (keys, said) in [
            ((Some(0), None, SHARES), "training.steps = 0: at least 1"),
            ((Some(0), Some(60.0), SHARES), "training.steps = 0: at least 1"),
            ((None, Some(-1.0), SHARES), "training.seconds = -1: a positive number"),
            ((None, Some(f64::NAN), SHARES), "training.seconds = NaN: a positive number"),
            (
                (None, Some(60.0), AUTOMATIC),
                "training.switching = \"automatic\": a budget in training.steps, not in seconds",
            ),
        ] {
            let (steps, seconds, switching) = keys;
            let error = Length::of_keys(steps, seconds, switching).unwrap_err();
            assert!(error.starts_with(said), "{error}");
        }
    }

    #[test]
    fn a_length_takes_the_end_of_another_one_but_keeps_what_ends_its_levels() {
        assert_eq!(Length::of_steps(24).ending_as(Length::of_steps(9)), Length::of_steps(9));
        let automatic = Length::Steps { steps: 24, switching: AUTOMATIC };
        let longer = Length::Steps { steps: 48, switching: AUTOMATIC };
        assert_eq!(automatic.ending_as(Length::of_steps(48)), longer);
        // a time is not for levels that end by what they gain
        assert_eq!(automatic.ending_as(Length::of_seconds(60.0)), automatic);
        let seconds = Length::Seconds { seconds: 60.0, planned: Some(777) };
        assert_eq!(Length::of_steps(24).ending_as(seconds), seconds);
        assert_eq!(seconds.ending_as(longer), Length::of_steps(48));
    }
}
