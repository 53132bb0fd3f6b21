//! One rank of an MPI job.
//!
//! The library decides how bytes travel. It is asked for nothing but broadcasts, exchanges with counts, gathers with
//! counts, messages between two ranks and a barrier. Errors of the library end the job, as is its default.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use mpi::Threading;
use mpi::collective::{CommunicatorCollectives, Root};
use mpi::datatype::{Partition, PartitionMut};
use mpi::environment::Universe;
use mpi::point_to_point::{Destination, Source};
use mpi::request::Request;
use mpi::topology::{Communicator, SimpleCommunicator};

use karhunen_distributed::{Collective, Group};

/// Bytes of a message at most: the library counts in 31 bits.
const MESSAGE: usize = 1 << 30;
/// How often a rank that waits with patience looks.
const LOOK: Duration = Duration::from_millis(2);

/// A job under way; MPI ends with it.
pub struct Session {
    group: Group,
    _universe: Universe,
}

impl Session {
    /// Joins the job that this process was started for. None where the library was started before.
    pub fn begin() -> Option<Self> {
        let (universe, _) = mpi::initialize_with_threading(Threading::Serialized)?;
        let world = universe.world();
        let (rank, size) = (world.rank() as usize, world.size() as usize);
        let machine = mpi::environment::processor_name().unwrap_or_else(|_| "a machine".into());
        let job = Job { rank, size, local: 0, machine: machine.clone(), turn: Mutex::default() };
        // ranks of one machine by their numbers
        let names = Group::of(Arc::new(job)).gather(machine.clone().into_bytes());
        let local = names[..rank].iter().filter(|name| **name == *machine.as_bytes()).count();
        let job = Job { rank, size, local, machine, turn: Mutex::default() };
        Some(Self { group: Group::of(Arc::new(job)), _universe: universe })
    }

    /// The ranks.
    pub fn group(&self) -> Group {
        self.group.clone()
    }
}

/// One rank of an MPI job.
#[derive(Debug)]
struct Job {
    rank: usize,
    size: usize,
    local: usize,
    machine: String,
    /// The library is asked by one thread at a time.
    turn: Mutex<()>,
}

impl Job {
    fn world(&self) -> (SimpleCommunicator, MutexGuard<'_, ()>) {
        let turn = self.turn.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        (SimpleCommunicator::world(), turn)
    }
}

/// Counts and places as the library takes them.
fn layout(counts: &[usize]) -> (Vec<i32>, Vec<i32>) {
    let mut at = 0;
    let mut places = Vec::with_capacity(counts.len());
    for count in counts {
        places.push(at as i32);
        at += count;
    }
    assert!(i32::try_from(at).is_ok(), "{at} values at a time: MPI counts to 2^31");
    (counts.iter().map(|n| *n as i32).collect(), places)
}

impl Collective for Job {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.size
    }

    fn is_job(&self) -> bool {
        true
    }

    fn local_rank(&self) -> usize {
        self.local
    }

    fn machine(&self) -> String {
        self.machine.clone()
    }

    fn barrier(&self) {
        self.world().0.barrier();
    }

    fn broadcast(&self, bytes: &mut Vec<u8>, root: usize) {
        let (world, _turn) = self.world();
        let root = world.process_at_rank(root as i32);
        let mut length = bytes.len() as u64;
        root.broadcast_into(&mut length);
        bytes.resize(length as usize, 0);
        for chunk in bytes.chunks_mut(MESSAGE) {
            root.broadcast_into(chunk);
        }
    }

    fn exchange(&self, outgoing: &[f32], counts: &[usize], incoming: &mut [f32], from: &[usize]) {
        let (world, _turn) = self.world();
        let ((out, at), (into, places)) = (layout(counts), layout(from));
        let outgoing = Partition::new(outgoing, out, at);
        let mut incoming = PartitionMut::new(incoming, into, places);
        world.all_to_all_varcount_into(&outgoing, &mut incoming);
    }

    fn gather(&self, own: &[f32], all: &mut [f32], counts: &[usize]) {
        let (world, _turn) = self.world();
        let (counts, places) = layout(counts);
        world.all_gather_varcount_into(own, &mut PartitionMut::new(all, counts, places));
    }

    fn send(&self, bytes: &[u8], to: usize) {
        let (world, _turn) = self.world();
        let other = world.process_at_rank(to as i32);
        other.send(&(bytes.len() as u64));
        bytes.chunks(MESSAGE).for_each(|chunk| other.send(chunk));
    }

    fn receive(&self, from: usize) -> Vec<u8> {
        let (world, _turn) = self.world();
        let other = world.process_at_rank(from as i32);
        let (length, _) = other.receive::<u64>();
        let mut bytes = vec![0; length as usize];
        for chunk in bytes.chunks_mut(MESSAGE) {
            other.receive_into(chunk);
        }
        bytes
    }

    fn all_arrive_within(&self, patience: Option<Duration>) -> bool {
        let (world, _turn) = self.world();
        let begun = Instant::now();
        let mut waiting: Request<'static, ()> = world.immediate_barrier();
        loop {
            waiting = match waiting.test() {
                Ok(_) => return true,
                Err(still) => still,
            };
            if patience.is_some_and(|patience| begun.elapsed() > patience) {
                // whoever gives up ends the job, and the request with it
                std::mem::forget(waiting);
                return false;
            }
            std::thread::sleep(LOOK);
        }
    }

    fn abort(&self, code: u8) -> ! {
        self.world().0.abort(i32::from(code))
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("group", &self.group).finish_non_exhaustive()
    }
}
