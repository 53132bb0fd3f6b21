//! An observer of a sampling, which may also look at the unfinished fields.

use std::ops::Range;

use karhunen_field::Ensemble;
use karhunen_field::sampler::Intermediate;

use crate::data::statistics::Normalisation;

/// An observer of a sampling. Its methods may be called from any thread. A closure of (steps done,
/// steps) observes the steps only.
///
/// # Example
/// ```
/// use karhunen_train::watch::{Forming, Watch};
/// struct Last;
/// impl Watch for Last {
///     fn step(&self, done: usize, of: usize) {
///         println!("{done} of {of}");
///     }
///     fn is_watching(&self) -> bool {
///         true
///     }
///     fn forming(&self, fields: &Forming<'_>) {
///         println!("fields {:?} at time {}", fields.indices(), fields.time());
///     }
/// }
/// fn listens(_: &dyn Watch) {}
/// listens(&Last);
/// listens(&|_, _| {});
/// ```
pub trait Watch: Sync {
    /// `done` of `of` steps are done, counted over all fields.
    fn step(&self, done: usize, of: usize);

    /// Whether [`Watch::forming`] is to be called.
    fn is_watching(&self) -> bool {
        false
    }

    /// Receives unfinished fields, at one evaluation of the network.
    fn forming(&self, _fields: &Forming<'_>) {}
}

impl<F: Fn(usize, usize) + Sync> Watch for F {
    fn step(&self, done: usize, of: usize) {
        self(done, of);
    }
}

/// Some unfinished fields of a sampling.
#[derive(Debug)]
pub struct Forming<'a> {
    pub(crate) at: &'a Intermediate<'a>,
    pub(crate) indices: Range<u64>,
    pub(crate) normalisation: &'a Normalisation,
}

impl Forming<'_> {
    /// Indices of the fields.
    pub fn indices(&self) -> Range<u64> {
        self.indices.clone()
    }

    /// Path time: falls from 1 (noise) towards 0 (data).
    pub fn time(&self) -> f64 {
        self.at.time
    }

    /// The noisy fields, in the network's units.
    pub fn noisy(&self) -> &Ensemble {
        self.at.x
    }

    /// The denoised estimate of the fields, in the data's own values. A copy.
    pub fn expected(&self) -> Ensemble {
        let mut fields = self.at.denoised.clone();
        self.normalisation.undo(&mut fields);
        fields
    }
}
