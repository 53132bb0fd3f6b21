//! Boxes larger than the one that a denoiser was trained on, for stationary data.
//!
//! A denoiser D of one box Ω knows the fields of Ω alone. Where data are stationary, what they look like
//! does not depend on the place, and fields of a larger box are made by the same denoiser, asked about
//! *windows*: copies of Ω that cover the larger box and overlap. [`LargeBox`] is the geometry, [`Continued`]
//! the covariance of noise and data on the larger box, [`Windowed`] the denoiser put together:
//!
//! > D(x, t) = W(x, t) + Σ_w χ_w · (D_Ω − W_Ω)(x|_w, t),  Σ_w χ_w = 1.
//!
//! W is the Wiener filter of the data's Gaussian law on the larger box, W_Ω that on Ω, and χ a smooth partition of
//! unity that vanishes near the edges of every window. What is Gaussian is thus known in all modes of the larger box
//! at once, and windows add what is not. On Gaussian data that are diagonal in the modes D is exact. Windows
//! alone, Σ χ_w D_Ω(x|_w), know no wave that is longer than a window, and D_Ω mirrors at a window's edge what data of a
//! box do at its walls. On data with walls they are off by 1 to 5 per cent of the answer where this is off
//! by less than 0.2; on data cut from larger fields both are within a per cent (`docs/large-boxes.md` has the table).
//!
//! It is a [`crate::Denoiser`] like any other: all samplers, refinement and guidance take it, and one
//! (seed, index) is one function on every grid of the larger box.
//!
//! Non-stationary data have no larger box; [`Enlarged::mean_variation`] and [`Windowed::disagreement`] tell
//! whether they are such. Not here: networks, and how many windows are evaluated together on which device
//! ([`WindowDenoiser`] is what a caller brings).

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
