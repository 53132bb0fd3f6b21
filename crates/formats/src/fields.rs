//! Fields in memory and in their file, stacked, cut into patches and split.

pub(crate) mod opened;
pub(crate) mod patches;
pub(crate) mod raw;
pub(crate) mod source;
pub(crate) mod split;
pub(crate) mod stacked;
pub(crate) mod stored;
