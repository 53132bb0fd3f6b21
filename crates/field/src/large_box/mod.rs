//! Boxes larger than the one that a denoiser was trained on, for stationary data.
//!
//! A denoiser D of one box Ω only knows fields on Ω. For stationary data the law does not depend on
//! the place, so the same denoiser can make fields of a larger box. It is evaluated on *windows*:
//! overlapping copies of Ω that cover the larger box. [`LargeBox`] is the geometry. [`Continued`]
//! is the covariance of noise and data on the larger box. [`Windowed`] is the composed denoiser:
//!
//! > D(x, t) = W(x, t) + Σ_w χ_w · (D_Ω − W_Ω)(x|_w, t),  Σ_w χ_w = 1.
//!
//! W is the Wiener filter of the data's Gaussian law on the larger box, and W_Ω that on Ω. χ is a
//! smooth partition of unity that vanishes near the edges of every window. The Gaussian part is
//! thus handled in all modes of the larger box at once, and windows add the non-Gaussian part. On
//! Gaussian data that are diagonal in the modes D is exact.
//!
//! The sum Σ χ_w D_Ω(x|_w) of windows alone would be worse. It has no wave longer than a window. At
//! a window's edge D_Ω also reproduces the reflection that data show at the walls of their box. On
//! data with walls the sum alone errs by 1 to 5 per cent of the answer, and the denoiser here by
//! less than 0.2. On data cut from larger fields both are within a per cent (`docs/large-boxes.md`
//! has the table).
//!
//! [`Windowed`] is a [`crate::Denoiser`], so all samplers, refinement and guidance accept it. One
//! (seed, index) is one function on every grid of the larger box.
//!
//! Fields that are not stationary have no larger box. [`Enlarged::mean_variation`] and
//! [`Windowed::disagreement`] detect them. This module holds no networks. The caller's
//! [`WindowDenoiser`] decides how many windows are evaluated together and on which device.

mod continued;
mod cubic;
mod enlarged;
mod geometry;
mod partition;
mod windowed;

pub use continued::Continued;
pub use enlarged::Enlarged;
pub use geometry::{BoxFault, LargeBox};
pub use partition::{DEFAULT_OVERLAP, check_overlap};
pub use windowed::{WindowDenoiser, Windowed};
