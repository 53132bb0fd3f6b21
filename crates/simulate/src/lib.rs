//! Small solvers that make data.
//!
//! Structures from physics, so that everything can be tried, tested and shown without a download:
//! [`Spinodal`] solves the Cahn–Hilliard equation, [`Grains`] draws smoothed Voronoi grains, two
//! phases each; [`Shapes`] are balls, shells and pairs, which come with labels;
//! [`FitzHughNagumo`] lets an activator and an inhibitor react and diffuse. [`Helmholtz`] (and
//! Poisson), [`Darcy`] and [`NavierStokes`] are pairs: a coefficient or an initial state, and its
//! solution. Parameters are physical (lengths in units of the box), never cells: one
//! `(seed, index)` names one structure, which every grid fine enough to hold it shows alike.
//!
//! What is deliberately not here: threads and files. Every field is a pure function of its
//! arguments, so callers run as many at a time as they like.

pub mod cahn_hilliard;
pub mod elliptic;
mod error;
pub mod fitzhugh_nagumo;
pub mod grains;
mod navier_stokes;
pub mod reaction_diffusion;
mod resolve;
mod rough_field;
pub mod shapes;
pub mod spinodal;
mod steady;
pub mod vorticity;

use std::fmt::Debug;

use karhunen_field::Grid;

pub use cahn_hilliard::CahnHilliard;
pub use elliptic::Elliptic;
pub use error::SimulateError;
pub use fitzhugh_nagumo::FitzHughNagumo;
pub use grains::{Grains, Shades};
pub use navier_stokes::NavierStokes;
pub use reaction_diffusion::ReactionDiffusion;
pub use rough_field::RoughField;
pub use shapes::Shapes;
pub use spinodal::Spinodal;
pub use steady::{Darcy, Helmholtz};
pub use vorticity::Vorticity;

/// A family of random structures of which every `(seed, index)` names one member.
pub trait Structure: Debug + Send + Sync {
    /// Channels of its fields; one unless a structure says otherwise.
    fn channels(&self) -> usize {
        1
    }

    /// The class that structure `index` of a seed belongs to; none where members have no kinds.
    fn class(&self, _seed: u64, _index: u64) -> Option<u32> {
        None
    }

    /// Point values of structure `index` of a seed at the cell centres of a grid: channels one after
    /// another, last axis fastest, within the modes the grid holds, phases near −1 and +1.
    ///
    /// # Errors
    /// What the grid's box does not allow; each structure says which variants.
    fn generate(&self, grid: &Grid, seed: u64, index: u64) -> Result<Vec<f64>, SimulateError>;
}
