//! The binary as a process: what it leaves on disk, in pipes and in its exit code when places,
//! files and readers fail. What can be told by typing alone is in `transcripts/`.

mod checkpoints;
mod exported;
mod helps;
mod kin;
mod locked;
mod logging;
mod places;
mod refusals;
mod sandbox;
#[cfg(all(unix, feature = "serve"))]
mod serving;
mod shards;
#[cfg(unix)]
mod signals;
mod surroundings;
mod watching;
