//! Level sets: segmented materials as smooth functions, by the signed distance to the interface.
//!
//! An indicator function jumps, and no finite band of modes (the waves that a grid represents) can
//! hold a jump. The signed distance d to the interface is smooth there. A coarse band therefore
//! represents it well, and a threshold gives sharp phases on any grid:
//!
//! > φ = tanh(d / w),  phase = where φ > 0.
//!
//! The hyperbolic tangent limits φ away from the interface: beyond a few widths w the distance
//! carries no further information. A grid with a few cells per w represents φ.
//!
//! Two phases are one channel, positive in the second phase. Three or more phases have one channel
//! each, and the largest channel wins. One channel fewer would hold the same labels: the omitted
//! phase would be where all others are negative. This is not used. Where two channels meet at zero,
//! a small error would put a film of the omitted phase between them. On three phases of random
//! structures, restricted from 96² to 48² and brought back, n channels change less than three
//! quarters as many cells (tests of `labels`).
//!
//! This module has no threads (callers cut large fields into blocks with a [`margin`]), no files
//! and no statistics of phases (module `metrics`).

mod cubes;
mod distance;
mod fraction;
mod labels;
mod marching;
mod mesh;

pub use distance::surface_distance;
pub use fraction::{Shift, shift_to_fraction};
pub use labels::{MOST_PHASES, channels, labels, level_sets, margin, margin_over_others};
pub use mesh::{Ends, Mesh};
