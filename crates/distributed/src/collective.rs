//! What ranks do together.

use std::fmt::Debug;
use std::time::Duration;

use crate::tree::{Partials, part};

/// The ranks of a job as one of them sees them.
///
/// Every operation is called by all ranks, in the same order, from one thread a rank. A rank that calls alone waits.
///
/// # Example
/// ```
/// use karhunen_distributed::{Alone, Collective, Partials};
/// let mut sum = Partials::of(3);
/// (0..3).for_each(|piece| sum.push(piece, vec![piece as f32, 1.0]));
/// assert_eq!(Alone.all_reduce(sum, 2), [3.0, 3.0]);
/// ```
pub trait Collective: Debug + Send + Sync {
    /// Number of this rank, from 0.
    fn rank(&self) -> usize;

    /// Number of ranks.
    fn size(&self) -> usize;

    /// Whether the ranks were started as a job, be it of one.
    fn is_job(&self) -> bool {
        false
    }

    /// Number of this rank among those of its machine.
    fn local_rank(&self) -> usize {
        0
    }

    /// Name of this rank's machine.
    fn machine(&self) -> String {
        "this machine".into()
    }

    /// Waits for all ranks.
    fn barrier(&self);

    /// Gives the bytes of rank `root` to all ranks, whatever these had.
    fn broadcast(&self, bytes: &mut Vec<u8>, root: usize);

    /// Gives `counts[r]` values to each rank r, and takes `from[r]` of each; both lie one rank behind the other.
    fn exchange(&self, outgoing: &[f32], counts: &[usize], incoming: &mut [f32], from: &[usize]);

    /// Gives each rank's values to all; they lie one rank behind the other, `counts[r]` of rank r.
    fn gather(&self, own: &[f32], all: &mut [f32], counts: &[usize]);

    /// Gives bytes to one other rank, which [`Collective::receive`]s them.
    fn send(&self, bytes: &[u8], to: usize);

    /// Takes the bytes that another rank sends.
    fn receive(&self, from: usize) -> Vec<u8>;

    /// Whether all ranks have come here, waited for so long at most (forever by default).
    fn all_arrive_within(&self, patience: Option<Duration>) -> bool;

    /// Ends every rank at once.
    fn abort(&self, code: u8) -> !;

    /// The sum of all pieces, `len` values, to every rank; each hands in the pieces that are its own.
    ///
    /// Each rank adds one segment of the values: it takes that segment of what the others have added up so far, goes
    /// on as the tree says, and gives the sum to all. A rank sends 2 (1 − 1/size) · `len` values where its pieces are a
    /// subtree, the least that any sum of all ranks costs.
    ///
    /// # Panics
    /// If pieces have other lengths than `len`.
    fn all_reduce(&self, own: Partials, len: usize) -> Vec<f32> {
        let (rank, size, pieces) = (self.rank(), self.size(), own.pieces());
        if size == 1 {
            return own.into_sum(len);
        }
        let segment = |rank| part(len, rank, size);
        let shapes: Vec<_> =
            (0..size).map(|r| Partials::shape(part(pieces, r, size), pieces)).collect();
        let counts: Vec<usize> =
            (0..size).map(|to| shapes[rank].len() * segment(to).len()).collect();
        let from: Vec<usize> = shapes.iter().map(|s| s.len() * segment(rank).len()).collect();
        let mut outgoing = Vec::with_capacity(counts.iter().sum());
        for to in 0..size {
            own.nodes().for_each(|values| outgoing.extend_from_slice(&values[segment(to)]));
        }
        let mut incoming = vec![0.0; from.iter().sum()];
        self.exchange(&outgoing, &counts, &mut incoming, &from);
        let mut sum = Partials::of(pieces);
        let mut parts = incoming.chunks_exact(segment(rank).len().max(1));
        for node in shapes.into_iter().flatten() {
            sum.push_node(node, parts.next().map_or_else(Vec::new, <[f32]>::to_vec));
        }
        let own = sum.into_sum(segment(rank).len());
        let counts: Vec<usize> = (0..size).map(|r| segment(r).len()).collect();
        let mut all = vec![0.0; len];
        self.gather(&own, &mut all, &counts);
        all
    }
}
