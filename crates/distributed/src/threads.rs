//! Ranks that are threads of one process: what ranks do together, without a job, for tests.

use std::sync::{Arc, Barrier, Mutex, MutexGuard};
use std::time::Duration;

use crate::Collective;

/// What a rank publishes for the others.
#[derive(Debug, Default)]
struct Slot {
    bytes: Vec<u8>,
    values: Vec<f32>,
    counts: Vec<usize>,
}

#[derive(Debug)]
struct Shared {
    barrier: Barrier,
    slots: Vec<Mutex<Slot>>,
    /// Bytes on their way, by sender and receiver.
    mail: Mutex<Vec<(usize, usize, Vec<u8>)>>,
}

/// One of several threads that are ranks to each other. A thread that ends early leaves the others waiting.
#[derive(Debug, Clone)]
pub struct Threads {
    rank: usize,
    shared: Arc<Shared>,
}

impl Threads {
    /// So many ranks, each for a thread of its own.
    ///
    /// # Example
    /// ```
    /// use karhunen_distributed::{Collective, Threads};
    /// let sums: Vec<u8> = std::thread::scope(|scope| {
    ///     let all: Vec<_> = Threads::new(3).into_iter().map(|rank| scope.spawn(move || {
    ///         let mut bytes = vec![rank.rank() as u8];
    ///         rank.broadcast(&mut bytes, 2);
    ///         bytes[0]
    ///     })).collect();
    ///     all.into_iter().filter_map(|thread| thread.join().ok()).collect()
    /// });
    /// assert_eq!(sums, [2, 2, 2]);
    /// ```
    pub fn new(size: usize) -> Vec<Self> {
        let slots = (0..size).map(|_| Mutex::default()).collect();
        let shared =
            Arc::new(Shared { barrier: Barrier::new(size), slots, mail: Mutex::default() });
        (0..size).map(|rank| Self { rank, shared: shared.clone() }).collect()
    }

    fn slot(&self, rank: usize) -> MutexGuard<'_, Slot> {
        self.shared.slots[rank].lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Publishes a value, lets all ranks read it, and returns when all have.
    fn shown(&self, slot: Slot, read: impl FnOnce()) {
        *self.slot(self.rank) = slot;
        self.barrier();
        read();
        self.barrier();
    }
}

impl Collective for Threads {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.shared.slots.len()
    }

    fn is_job(&self) -> bool {
        true
    }

    fn local_rank(&self) -> usize {
        self.rank
    }

    fn barrier(&self) {
        self.shared.barrier.wait();
    }

    fn broadcast(&self, bytes: &mut Vec<u8>, root: usize) {
        let own = Slot { bytes: bytes.clone(), ..Slot::default() };
        self.shown(own, || bytes.clone_from(&self.slot(root).bytes));
    }

    fn exchange(&self, outgoing: &[f32], counts: &[usize], incoming: &mut [f32], from: &[usize]) {
        let own = Slot { values: outgoing.into(), counts: counts.into(), ..Slot::default() };
        self.shown(own, || {
            let mut at = 0;
            for (other, count) in from.iter().enumerate() {
                let slot = self.slot(other);
                let start: usize = slot.counts[..self.rank].iter().sum();
                incoming[at..at + count].copy_from_slice(&slot.values[start..start + count]);
                at += count;
            }
        });
    }

    fn gather(&self, own: &[f32], all: &mut [f32], counts: &[usize]) {
        self.shown(Slot { values: own.into(), ..Slot::default() }, || {
            let mut at = 0;
            for (other, count) in counts.iter().enumerate() {
                all[at..at + count].copy_from_slice(&self.slot(other).values);
                at += count;
            }
        });
    }

    fn send(&self, bytes: &[u8], to: usize) {
        let mut mail = self.shared.mail.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        mail.push((self.rank, to, bytes.into()));
    }

    fn receive(&self, from: usize) -> Vec<u8> {
        loop {
            let mut mail = self.shared.mail.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            if let Some(at) = mail.iter().position(|(f, t, _)| (*f, *t) == (from, self.rank)) {
                return mail.remove(at).2;
            }
            drop(mail);
            std::thread::yield_now();
        }
    }

    fn all_arrive_within(&self, _patience: Option<Duration>) -> bool {
        self.barrier();
        true
    }

    fn abort(&self, code: u8) -> ! {
        std::process::exit(i32::from(code))
    }
}
