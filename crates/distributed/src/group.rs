//! A job as commands use it: what ranks must agree on, what one of them does for all, what it costs.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crate::tree::{Partials, part};
use crate::{Alone, Collective};

/// The ranks that share some work. Clones are one job; by default it is this process alone.
#[derive(Debug, Clone)]
pub struct Group {
    ranks: Arc<dyn Collective>,
    traffic: Arc<Counted>,
}

#[derive(Debug, Default)]
struct Counted {
    bytes: AtomicU64,
    nanoseconds: AtomicU64,
    sums: AtomicU64,
}

/// What this rank has sent, and how long it was at it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Traffic {
    /// Bytes handed to other ranks.
    pub bytes: u64,
    /// Seconds in operations of all ranks, waiting for the others included.
    pub seconds: f64,
    /// Sums over all ranks.
    pub sums: u64,
}

/// A difference between what one rank and rank 0 see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Differs {
    /// Name of what differs.
    pub what: String,
    /// The rank.
    pub rank: usize,
    /// Its machine.
    pub machine: String,
    /// What the rank sees.
    pub own: String,
    /// What rank 0 sees.
    pub first: String,
}

impl fmt::Display for Differs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, rank, machine, own, first } = self;
        write!(f, "rank {rank} on {machine} has another {what} than rank 0: {own}, not {first}")
    }
}

impl std::error::Error for Differs {}

impl Default for Group {
    fn default() -> Self {
        Self::of(Arc::new(Alone))
    }
}

/// A group is no part of what is asked for: any two are alike.
impl PartialEq for Group {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Group {
    /// The job of these ranks.
    pub fn of(ranks: Arc<dyn Collective>) -> Self {
        Self { ranks, traffic: Arc::default() }
    }

    /// The ranks themselves.
    pub fn ranks(&self) -> &dyn Collective {
        &*self.ranks
    }

    /// Number of this rank.
    pub fn rank(&self) -> usize {
        self.ranks.rank()
    }

    /// Number of ranks.
    pub fn size(&self) -> usize {
        self.ranks.size()
    }

    /// Whether this is rank 0, which writes and tells.
    pub fn is_first(&self) -> bool {
        self.rank() == 0
    }

    /// Whether there are other ranks.
    pub fn is_shared(&self) -> bool {
        self.size() > 1
    }

    /// The indices that are this rank's.
    pub fn share(&self, indices: Range<u64>) -> Range<u64> {
        let own = part((indices.end - indices.start) as usize, self.rank(), self.size());
        indices.start + own.start as u64..indices.start + own.end as u64
    }

    /// What has been sent since the program started.
    pub fn traffic(&self) -> Traffic {
        let Counted { bytes, nanoseconds, sums } = &*self.traffic;
        Traffic {
            bytes: bytes.load(Ordering::Relaxed),
            seconds: nanoseconds.load(Ordering::Relaxed) as f64 / 1e9,
            sums: sums.load(Ordering::Relaxed),
        }
    }

    fn timed<T>(&self, bytes: usize, act: impl FnOnce() -> T) -> T {
        let begun = Instant::now();
        let result = act();
        self.traffic.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        let took = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.traffic.nanoseconds.fetch_add(took, Ordering::Relaxed);
        result
    }

    /// As [`Collective::all_reduce`].
    pub fn all_reduce(&self, own: Partials, len: usize) -> Vec<f32> {
        let (rank, size) = (self.rank(), self.size());
        let segment = part(len, rank, size).len();
        let nodes = own.nodes().count();
        let bytes =
            if size == 1 { 0 } else { 4 * (nodes * (len - segment) + (size - 1) * segment) };
        self.traffic.sums.fetch_add(1, Ordering::Relaxed);
        self.timed(bytes, || self.ranks.all_reduce(own, len))
    }

    /// Rank `root`'s bytes to all.
    pub fn broadcast(&self, bytes: &mut Vec<u8>, root: usize) {
        if self.is_shared() {
            let sent = if self.rank() == root { bytes.len() } else { 0 };
            self.timed(sent, || self.ranks.broadcast(bytes, root));
        }
    }

    /// A number as rank 0 has it.
    pub fn of_first(&self, own: f64) -> f64 {
        if !self.is_shared() {
            return own;
        }
        let mut bytes = own.to_le_bytes().to_vec();
        self.broadcast(&mut bytes, 0);
        bytes.try_into().map_or(own, f64::from_le_bytes)
    }

    /// Everybody's bytes to all, by rank.
    pub fn gather(&self, own: Vec<u8>) -> Vec<Vec<u8>> {
        let own = |rank: usize| if rank == self.rank() { own.clone() } else { Vec::new() };
        let all = (0..self.size()).map(|rank| {
            let mut bytes = own(rank);
            self.broadcast(&mut bytes, rank);
            bytes
        });
        all.collect()
    }

    /// Everybody's numbers to all, by rank.
    pub fn gather_numbers(&self, own: &[f64]) -> Vec<f64> {
        if !self.is_shared() {
            return own.to_vec();
        }
        let bytes = own.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.gather(bytes).iter().flat_map(|bytes| numbers(bytes)).collect()
    }

    /// Everybody's numbers to rank 0, by rank; nothing to the others.
    pub fn collect_numbers(&self, own: Vec<f64>) -> Vec<f64> {
        if !self.is_first() {
            let bytes: Vec<u8> = own.iter().flat_map(|v| v.to_le_bytes()).collect();
            self.timed(bytes.len(), || self.ranks.send(&bytes, 0));
            return Vec::new();
        }
        let mut all = own;
        for rank in 1..self.size() {
            all.extend(numbers(&self.timed(0, || self.ranks.receive(rank))));
        }
        all
    }

    /// The first rank that is not well, told to all.
    pub fn first_unwell(&self, well: bool) -> Option<usize> {
        if !self.is_shared() {
            return (!well).then_some(0);
        }
        self.gather(vec![u8::from(well)]).iter().position(|bytes| bytes != &[1])
    }

    /// What every rank has done by itself: all have succeeded, or all fail. `other` is the error of a rank that succeeded
    /// where the rank of that number failed.
    ///
    /// # Errors
    /// The rank's own, or `other`.
    pub fn agreed<T, E>(&self, own: Result<T, E>, other: impl FnOnce(usize) -> E) -> Result<T, E> {
        match self.first_unwell(own.is_ok()) {
            Some(rank) => own.and_then(|_| Err(other(rank))),
            None => own,
        }
    }

    /// Whether rank 0 says yes, told to all.
    pub fn first_says(&self, own: bool) -> bool {
        self.of_first(f64::from(u8::from(own))) == 1.0
    }

    /// The largest of everybody's numbers, told to all.
    pub fn largest(&self, own: usize) -> usize {
        self.gather_numbers(&[own as f64]).into_iter().fold(0.0, f64::max) as usize
    }

    /// Whether all ranks see the same, each thing with its name.
    ///
    /// # Errors
    /// What the first rank that differs from rank 0 sees, on all ranks.
    pub fn same(&self, own: &[(&str, String)]) -> Result<(), Differs> {
        if !self.is_shared() {
            return Ok(());
        }
        let text = |parts: &[&str]| parts.join("\u{1}").into_bytes();
        let mut first = text(&own.iter().map(|(_, value)| value.as_str()).collect::<Vec<_>>());
        self.broadcast(&mut first, 0);
        let first = String::from_utf8_lossy(&first).into_owned();
        let mut pairs = own.iter().zip(first.split('\u{1}'));
        let found = pairs.find(|((_, own), first)| own != first);
        let told = match found {
            Some(((what, own), first)) => text(&[what, &self.ranks.machine(), own, first]),
            None => Vec::new(),
        };
        for (rank, told) in self.gather(told).into_iter().enumerate() {
            let told = String::from_utf8_lossy(&told).into_owned();
            if let [what, machine, own, first] = told.split('\u{1}').collect::<Vec<_>>()[..] {
                let [what, machine, own, first] = [what, machine, own, first].map(String::from);
                return Err(Differs { what, rank, machine, own, first });
            }
        }
        Ok(())
    }
}

fn numbers(bytes: &[u8]) -> Vec<f64> {
    bytes.as_chunks().0.iter().map(|chunk| f64::from_le_bytes(*chunk)).collect()
}
