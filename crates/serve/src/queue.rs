//! One worker, and a bounded number of jobs that wait for it.
//!
//! Sampling uses all cores and a lot of memory, so one request is worked on at a time. Whoever has gone gives his
//! place away.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// Something to do, for somebody.
pub struct Job {
    /// Whether somebody still waits for it.
    pub wanted: Box<dyn Fn() -> bool + Send>,
    /// Tells how many jobs come before it.
    pub ahead: Box<dyn Fn(usize) + Send>,
    /// Does it.
    pub work: Box<dyn FnOnce() + Send>,
}

/// Jobs by their turn.
#[derive(Clone)]
pub struct Queue(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    limit: usize,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Job>,
    busy: bool,
    ended: bool,
}

/// Why a job was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotTaken {
    /// So many wait already.
    Full(usize),
    /// The server ends.
    Ended,
}

impl Queue {
    /// A queue in which `limit` jobs may wait, and its worker.
    ///
    /// # Errors
    /// A thread that the system does not give.
    pub fn start(limit: usize) -> std::io::Result<(Self, JoinHandle<()>)> {
        let shared = Shared { state: Mutex::default(), changed: Condvar::new(), limit };
        let queue = Self(Arc::new(shared));
        let worker = queue.clone();
        let thread = std::thread::Builder::new().name("worker".into());
        Ok((queue, thread.spawn(move || worker.work())?))
    }

    /// Puts a job at the end.
    pub fn push(&self, job: Job) -> Result<(), NotTaken> {
        let mut state = self.state();
        if state.ended {
            return Err(NotTaken::Ended);
        }
        state.waiting.retain(|job| (job.wanted)());
        if state.waiting.len() >= self.0.limit {
            return Err(NotTaken::Full(state.waiting.len()));
        }
        let before = state.waiting.len() + usize::from(state.busy);
        if before > 0 {
            (job.ahead)(before);
        }
        state.waiting.push_back(job);
        self.0.changed.notify_one();
        Ok(())
    }

    /// Jobs that somebody waits for, and the one that is worked on.
    pub fn count(&self) -> usize {
        let mut state = self.state();
        state.waiting.retain(|job| (job.wanted)());
        state.waiting.len() + usize::from(state.busy)
    }

    /// No job is begun any more; those that wait are dropped.
    pub fn end(&self) {
        let mut state = self.state();
        state.ended = true;
        state.waiting.clear();
        self.0.changed.notify_all();
    }

    fn work(&self) {
        while let Some(job) = self.next() {
            // a job that fails in a way nobody thought of takes only itself along
            let _ = catch_unwind(AssertUnwindSafe(job.work));
            self.state().busy = false;
        }
    }

    /// Waits for the next job that is wanted.
    fn next(&self) -> Option<Job> {
        let mut state = self.state();
        loop {
            if state.ended {
                return None;
            }
            state.waiting.retain(|job| (job.wanted)());
            if let Some(job) = state.waiting.pop_front() {
                state.busy = true;
                for (i, other) in state.waiting.iter().enumerate() {
                    (other.ahead)(i + 1);
                }
                return Some(job);
            }
            state = self.0.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    /// A job that tells when it begins and waits until it may end.
    fn job(
        began: &mpsc::Sender<u32>,
        name: u32,
        wanted: &Arc<AtomicBool>,
    ) -> (Job, mpsc::Sender<()>) {
        let (go, end) = mpsc::channel();
        let (began, wanted) = (began.clone(), Arc::clone(wanted));
        let job = Job {
            wanted: Box::new(move || wanted.load(Ordering::Relaxed)),
            ahead: Box::new(|_| ()),
            work: Box::new(move || {
                began.send(name).unwrap();
                let _ = end.recv_timeout(PATIENCE);
            }),
        };
        (job, go)
    }

    #[test]
    fn jobs_come_by_turns_up_to_a_limit_and_the_unwanted_never() {
        let (queue, worker) = Queue::start(2).unwrap();
        let (began, order) = mpsc::channel();
        let yes = Arc::new(AtomicBool::new(true));
        let leaves = Arc::new(AtomicBool::new(true));
        let (first, end_first) = job(&began, 1, &yes);
        queue.push(first).unwrap();
        assert_eq!(order.recv_timeout(PATIENCE), Ok(1));
        let (second, end_second) = job(&began, 2, &leaves);
        let (third, end_third) = job(&began, 3, &yes);
        queue.push(second).unwrap();
        queue.push(third).unwrap();
        let (fourth, end_fourth) = job(&began, 4, &yes);
        assert_eq!(queue.push(fourth).unwrap_err(), NotTaken::Full(2));
        // one leaves, and another takes his place
        leaves.store(false, Ordering::Relaxed);
        let (fifth, end_fifth) = job(&began, 5, &yes);
        queue.push(fifth).unwrap();
        assert_eq!(queue.count(), 3);
        drop((end_first, end_second, end_third, end_fourth));
        assert_eq!(order.recv_timeout(PATIENCE), Ok(3));
        assert_eq!(order.recv_timeout(PATIENCE), Ok(5));
        queue.end();
        drop(end_fifth);
        worker.join().unwrap();
        let (late, _end) = job(&began, 6, &yes);
        assert_eq!(queue.push(late).unwrap_err(), NotTaken::Ended);
    }

    #[test]
    fn a_job_that_panics_takes_only_itself_along() {
        let (queue, worker) = Queue::start(2).unwrap();
        let (began, order) = mpsc::channel();
        let yes = Arc::new(AtomicBool::new(true));
        let broken = Job {
            wanted: Box::new(|| true),
            ahead: Box::new(|_| ()),
            work: Box::new(|| panic!("on purpose")),
        };
        queue.push(broken).unwrap();
        let (next, _end) = job(&began, 7, &yes);
        queue.push(next).unwrap();
        assert_eq!(order.recv_timeout(PATIENCE), Ok(7));
        queue.end();
        drop(_end);
        worker.join().unwrap();
    }
}
