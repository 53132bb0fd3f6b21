//! One program on many machines: who takes part, and sums whose bits do not depend on how many do.
//!
//! A job is a number of **ranks**, processes that run the same program. [`Collective`] is all that the rest of the
//! workspace knows of them: who I am, how many we are, and operations that all ranks call together. [`Alone`] is one
//! process without a job, [`Threads`] are ranks that are threads of one process, for tests; those of an MPI job are in the
//! crate `karhunen-mpi`. Networks are the library's business: nothing here opens a connection.
//!
//! **Sums.** What is summed is cut into pieces whose number the ranks do not decide. Pieces are the leaves of one
//! binary tree ([`Partials`]), and floating-point numbers are added as the tree says, whoever holds them. So 1, 2 and
//! 4 ranks give the same bits.
//!
//! Not here: what is computed in a piece, and what ranks write.

mod alone;
mod collective;
mod group;
mod started;
mod threads;
mod tree;

pub use alone::Alone;
pub use collective::Collective;
pub use group::{Differs, Group, Traffic};
pub use started::{Launcher, launcher, local_rank};
pub use threads::Threads;
pub use tree::{Partials, part};
