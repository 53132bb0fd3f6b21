//! The ranks of an MPI job, by the crate `mpi`, as [`karhunen_distributed::Collective`].
//!
//! A crate of its own, so that a program with MPI compiles nothing anew but this one and itself. Without the feature `mpi`
//! it is empty: what is built by default needs no MPI library.

#[cfg(feature = "mpi")]
mod job;

#[cfg(feature = "mpi")]
pub use job::Session;
