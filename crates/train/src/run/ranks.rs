//! What the ranks of a job that trains agree on, and what the first one does for all.
//!
//! Every rank has the whole state and makes the same update of it. What depends on the machine is the first rank's: the
//! clock, the signals, the files.

use std::sync::Arc;

use karhunen_distributed::{Group, Traffic};
use karhunen_kernels::Level;
use karhunen_net::device::is_cpu;

use crate::TrainError;
use crate::batch::pieces::Pieces;
use crate::config::OptimizerKind;
use crate::data::identity::mixed;
use crate::run::clock::{Clock, FirstClock};
use crate::run::events::Observer;

use super::Run;

/// The clock that all ranks go by.
pub(super) fn clock_of(group: &Group, own: Arc<dyn Clock>) -> Arc<dyn Clock> {
    match group.is_shared() {
        true => Arc::new(FirstClock { own, group: group.clone() }),
        false => own,
    }
}

/// How batches are cut: as asked, by their size in a job, whole otherwise.
pub(super) fn pieces_of(
    group: &Group,
    batch: usize,
    asked: &mut Option<usize>,
    begins: bool,
) -> Pieces {
    match *asked {
        Some(count) => Pieces::new(batch, count),
        None if begins && group.ranks().is_job() => {
            let pieces = Pieces::suiting(batch);
            *asked = Some(pieces.count());
            pieces
        }
        None => Pieces::new(batch, 1),
    }
}

/// Something that every rank has done by itself: all have, or all fail.
pub(super) fn agreed<T>(group: &Group, own: Result<T, TrainError>) -> Result<T, TrainError> {
    group.agreed(own, |rank| TrainError::OtherRank { rank })
}

/// Something that the first rank does for all: it is done, or all fail.
pub(super) fn first_alone(
    group: &Group,
    act: impl FnOnce() -> Result<(), TrainError>,
) -> Result<(), TrainError> {
    let done = if group.is_first() { act() } else { Ok(()) };
    match group.first_says(done.is_ok()) {
        true => Ok(()),
        false => done.and(Err(TrainError::OtherRank { rank: 0 })),
    }
}

impl Run {
    pub(super) fn first_alone(
        &self,
        act: impl FnOnce() -> Result<(), TrainError>,
    ) -> Result<(), TrainError> {
        first_alone(&self.group, act)
    }

    /// Sees that all ranks are about to do the same, and tells where some have nothing to do.
    pub(super) fn same_on_all_ranks(&self, observer: &mut dyn Observer) -> Result<(), TrainError> {
        if !self.group.is_shared() {
            return Ok(());
        }
        let text = self.config.to_toml();
        let mut seen = vec![("version of the program", env!("CARGO_PKG_VERSION").to_string())];
        seen.extend(text.lines().map(|line| ("configuration", format!("`{line}`"))));
        // products on the host have the bits of their instructions; Muon's are there whatever the device
        let muon = self.config.training.optimizer == Some(OptimizerKind::Muon);
        if muon || is_cpu(self.model.network.device()) {
            seen.push(("instruction set", format!("{:?}", Level::current()).to_lowercase()));
        }
        // mean and spectrum have seen every value
        let known = &self.data.statistics;
        let measured = known.mean.values.iter().chain(known.variances.iter().flatten());
        let measured = measured.chain(&known.normalisation.scale).map(|v| v.to_bits());
        let hash = of_words(measured);
        let fields = [&self.data.training, &self.data.validation].map(|d| d.count());
        let told = format!("{} and {} fields of statistics {hash:016x}", fields[0], fields[1]);
        seen.push(("data set", told));
        seen.push(("step to go on from", self.progress.step.to_string()));
        seen.push(("state to go on from", format!("{:016x}", self.hash())));
        self.group.same(&seen)?;
        self.pieces.idle(self.group.size()).iter().for_each(|idle| observer.warning(idle));
        Ok(())
    }

    /// Sees that all ranks went back to the same state.
    pub(super) fn same_state(&self) -> Result<(), TrainError> {
        Ok(self.group.same(&[("state to go back to", format!("{:016x}", self.hash()))])?)
    }

    fn hash(&self) -> u64 {
        let o = &self.optimizer;
        let all = [&o.weights, &o.first, &o.second];
        let arrays = all.into_iter().flat_map(|p| &p.arrays);
        of_words(arrays.flat_map(|array| array.values.iter().map(|v| u64::from(v.to_bits()))))
    }

    /// The ranks that share its batches.
    pub fn group(&self) -> &Group {
        &self.group
    }

    /// How batches are cut.
    pub fn pieces(&self) -> Pieces {
        self.pieces
    }

    /// What this rank has sent since the run was opened.
    pub fn traffic(&self) -> Traffic {
        let (now, before) = (self.group.traffic(), self.sent_before);
        Traffic {
            bytes: now.bytes - before.bytes,
            seconds: now.seconds - before.seconds,
            sums: now.sums - before.sums,
        }
    }
}

fn of_words(words: impl Iterator<Item = u64>) -> u64 {
    words.fold(0, |state, word| mixed(state ^ word))
}
