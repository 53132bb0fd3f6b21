//! The schedule: the level that each step belongs to.

use karhunen_field::Grid;
use serde::{Deserialize, Serialize};

use crate::TrainError;
use crate::config::RunConfig;
use crate::run::switching;

/// One level of the ladder with its number of steps.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Level {
    /// The grid of the level.
    pub grid: Grid,
    /// Number of steps on this level.
    pub steps: usize,
}

/// The whole run, step by step. The optimizer and the averages are carried over from level to
/// level.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    /// The levels, coarse first.
    pub levels: Vec<Level>,
    /// Part of the steps after the first level that go back to a coarser one.
    pub replay: f64,
}

impl Schedule {
    /// Splits the steps of the run by the levels' shares; every level gets at least one step. A run of
    /// seconds gets one step a level until it has a plan.
    ///
    /// # Errors
    /// As [`RunConfig::grids`].
    pub fn new(config: &RunConfig) -> Result<Self, TrainError> {
        let grids = config.grids()?;
        let total: f64 = config.levels.iter().map(|l| l.share).sum();
        let steps = config.training.length.steps().unwrap_or(grids.len());
        let mut levels = Vec::new();
        let (mut share, mut before) = (0.0, 0);
        for (grid, level) in grids.into_iter().zip(&config.levels) {
            share += level.share;
            let until = (steps as f64 * share / total).round() as usize;
            levels.push(Level { grid, steps: until.saturating_sub(before).max(1) });
            before = until;
        }
        Ok(Self { levels, replay: config.training.replay })
    }

    /// The same levels with the given numbers of steps.
    pub fn with_steps(mut self, steps: &[usize]) -> Self {
        self.levels.iter_mut().zip(steps).for_each(|(level, steps)| level.steps = *steps);
        self
    }

    /// The same run with its first levels ended at `switches`, the steps done when each was left.
    /// The current level keeps its largest number of steps.
    pub fn switched(mut self, switches: &[usize]) -> Self {
        let total = self.steps();
        let shares: Vec<usize> = self.levels.iter().map(|l| l.steps).collect();
        let mut before = 0;
        for (i, level) in self.levels.iter_mut().enumerate() {
            let until = match switches.get(i) {
                Some(until) => *until,
                None => switching::must_end(total, &shares[i + 1..]).max(before + 1),
            };
            level.steps = until.saturating_sub(before).max(1);
            before = until.max(before + 1);
        }
        self
    }

    /// Steps over all levels.
    pub fn steps(&self) -> usize {
        self.levels.iter().map(|l| l.steps).sum()
    }

    /// Index of the level that step `step` (from 0) belongs to.
    pub fn level_of(&self, step: usize) -> usize {
        let mut until = 0;
        for (i, level) in self.levels.iter().enumerate() {
            until += level.steps;
            if step < until {
                return i;
            }
        }
        self.levels.len() - 1
    }

    /// Index of the level whose fields step `step` trains on. It is the step's own level or, in
    /// evenly spread replay steps, a coarser level, each in turn. Without replay a network forgets
    /// coarser levels.
    pub fn trains_on(&self, step: usize) -> usize {
        let level = self.level_of(step);
        let replays = |steps: usize| (steps as f64 * self.replay).floor() as usize;
        let (before, after) = (replays(step), replays(step + 1));
        if level == 0 || after == before { level } else { after % level }
    }

    /// The grid of the finest level, on which the validation loss is measured.
    pub fn finest(&self) -> Grid {
        self.levels[self.levels.len() - 1].grid
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Length;

    use super::*;

    /// Three levels with 60, 25 and 15 % of the steps.
    fn shared() -> RunConfig {
        let mut config = RunConfig::default();
        config.levels.iter_mut().zip([0.6, 0.25, 0.15]).for_each(|(l, share)| l.share = share);
        config
    }

    #[test]
    fn shares_become_steps_and_none_is_lost() {
        let mut config = shared();
        config.training.length = Length::of_steps(1001);
        let schedule = Schedule::new(&config).unwrap();
        assert_eq!(schedule.steps(), 1001);
        let steps: Vec<usize> = schedule.levels.iter().map(|l| l.steps).collect();
        assert_eq!(steps, [601, 250, 150]);
        assert_eq!(
            [0, 600, 601, 850, 851, 1000, 5000].map(|s| schedule.level_of(s)),
            [0, 0, 1, 1, 2, 2, 2]
        );
    }

    #[test]
    fn replays_visit_every_coarser_level_evenly() {
        let mut config = shared();
        config.training.length = Length::of_steps(10_000);
        config.training.replay = 0.2;
        let schedule = Schedule::new(&config).unwrap();
        let count = |steps: std::ops::Range<usize>, level: usize| {
            steps.filter(|s| schedule.trains_on(*s) == level).count()
        };
        assert_eq!([0, 1, 2].map(|l| count(0..6000, l)), [6000, 0, 0]);
        assert_eq!([0, 1, 2].map(|l| count(6000..8500, l)), [500, 2000, 0]);
        assert_eq!([0, 1, 2].map(|l| count(8500..10_000, l)), [150, 150, 1200]);
        config.training.replay = 0.0;
        let schedule = Schedule::new(&config).unwrap();
        assert!((0..10_000).all(|s| schedule.trains_on(s) == schedule.level_of(s)));
    }

    #[test]
    fn switches_move_the_ends_of_levels_and_lose_no_step() {
        let mut config = shared();
        config.training.length = Length::of_steps(1000);
        let steps = |switches: &[usize]| {
            let schedule = Schedule::new(&config).unwrap().switched(switches);
            assert_eq!(schedule.steps(), 1000);
            schedule.levels.iter().map(|l| l.steps).collect::<Vec<usize>>()
        };
        // shares 600, 250, 150: the finer levels keep half of their shares
        assert_eq!(steps(&[]), [800, 125, 75]);
        assert_eq!(steps(&[300]), [300, 625, 75]);
        assert_eq!(steps(&[300, 500]), [300, 200, 500]);
    }
}
