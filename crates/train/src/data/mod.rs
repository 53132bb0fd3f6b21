//! From a source to training and validation fields on the finest level's grid.
//!
//! file (or solver) → parts → patches → finest grid (spectral by default) → projection onto the grid's
//! modes → measured and normalised.

pub mod augment;
pub(crate) mod blocks;
pub mod builtin;
pub mod conditions;
pub(crate) mod cut;
pub(crate) mod drift;
pub mod holes;
pub mod identity;
pub(crate) mod incomplete;
pub mod known;
pub mod labels;
pub(crate) mod level;
pub mod level_sets;
pub(crate) mod load;
pub(crate) mod loaded;
pub mod missing;
pub mod origin;
pub(crate) mod parts;
pub mod periodic;
pub mod phases;
pub mod plan;
pub(crate) mod projection;
pub(crate) mod source;
pub(crate) mod split;
pub(crate) mod split_before;
pub mod statistics;
pub mod stock;

pub use cut::{convert, restrict};
pub use load::{Data, load, load_from, of_labels};
pub use loaded::Loaded;
pub use parts::load_whole;
pub use source::{boxed, open};
