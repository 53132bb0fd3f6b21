//! From a source to training and validation fields on the finest level's grid.
//!
//! file (or solver) → parts → patches → finest grid (spectral by default) → projection onto the grid's
//! modes → measured and normalised.

pub(crate) mod augment;
pub(crate) mod blocks;
pub mod builtin;
pub(crate) mod clusters;
pub mod conditions;
pub(crate) mod convert;
pub(crate) mod cut;
pub(crate) mod division;
pub(crate) mod drift;
pub(crate) mod fit;
pub mod holes;
pub mod identity;
pub(crate) mod incomplete;
pub mod known;
pub mod labels;
pub(crate) mod level;
pub mod level_sets;
pub(crate) mod load;
pub(crate) mod loaded;
pub(crate) mod missing;
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

pub use convert::{convert, restrict};
pub use cut::of_labels;
pub use fit::Data;
pub use load::{load, load_from};
pub use loaded::Loaded;
pub use parts::load_whole;
pub use source::{boxed, open};
