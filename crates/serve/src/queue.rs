//! A queue with one worker and a bounded number of waiting jobs.
//!
//! Sampling uses all cores and much memory, so one request is processed at a time. A waiting job
//! whose client has disconnected gives up its place.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// A job of one client.
pub struct Job {
    /// Whether the client still waits.
    pub wanted: Box<dyn Fn() -> bool + Send>,
    /// Reports how many jobs come before it.
    pub ahead: Box<dyn Fn(usize) + Send>,
    /// The work itself.
    pub work: Box<dyn FnOnce() + Send>,
}

/// The jobs in order.
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

/// The reason why a job was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotTaken {
    /// This many jobs are waiting already.
    Full(usize),
    /// The server is shutting down.
    Ended,
}

impl Queue {
    /// A queue for `limit` waiting jobs, and its worker.
    ///
    /// # Errors
    /// An error of the system if it cannot start a thread.
    pub fn start(limit: usize) -> std::io::Result<(Self, JoinHandle<()>)> {
        let shared = Shared { state: Mutex::default(), changed: Condvar::new(), limit };
        let queue = Self(Arc::new(shared));
        let worker = queue.clone();
        let thread = std::thread::Builder::new().name("worker".into());
        Ok((queue, thread.spawn(move || worker.work())?))
    }

    /// Appends a job.
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

    /// Number of jobs with a waiting client, including the running one.
    pub fn count(&self) -> usize {
        let mut state = self.state();
        state.waiting.retain(|job| (job.wanted)());
        state.waiting.len() + usize::from(state.busy)
    }

    /// Starts no more jobs, and drops the waiting ones.
    pub fn end(&self) {
        let mut state = self.state();
        state.ended = true;
        state.waiting.clear();
        self.0.changed.notify_all();
    }

    fn work(&self) {
        while let Some(job) = self.next() {
            // a panic ends only its own job
            let _ = catch_unwind(AssertUnwindSafe(job.work));
            self.state().busy = false;
        }
    }

    /// Waits for the next job whose client still waits.
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

    /// A job that reports when it begins and runs until it may end.
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
        // one client disconnects, and another takes its place
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
