//! Where a run reads the seconds that its budget is counted in.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Instant;

use karhunen_distributed::Group;

/// A clock that never runs backwards.
pub trait Clock: Debug + Send + Sync {
    /// Seconds since some fixed moment.
    fn seconds(&self) -> f64;
}

/// The machine's own clock.
#[derive(Debug, Clone, Copy)]
pub struct WallClock(Instant);

impl Default for WallClock {
    fn default() -> Self {
        Self(Instant::now())
    }
}

impl Clock for WallClock {
    fn seconds(&self) -> f64 {
        self.0.elapsed().as_secs_f64()
    }
}

/// The clock of the first rank, for all ranks of a job: what is decided by time is decided alike.
#[derive(Debug)]
pub(crate) struct FirstClock {
    pub own: Arc<dyn Clock>,
    pub group: Group,
}

impl Clock for FirstClock {
    fn seconds(&self) -> f64 {
        self.group.of_first(self.own.seconds())
    }
}
