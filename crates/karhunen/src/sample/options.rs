//! How a model is asked for fields.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use karhunen_field::Observation;
use karhunen_field::sampler::{Method, Precision};
use karhunen_net::Band;
use karhunen_train::classes::Bound;
use karhunen_train::config::CalibrationKind;

use super::{LargerBox, SampleError};

/// A coarse grid that sampling stays on while noise is high.
#[derive(Debug, Clone, PartialEq)]
pub struct Rung {
    /// Cells an axis.
    pub cells: Vec<usize>,
    /// Path time down to which it serves.
    pub until: f64,
}

/// A volume fraction that one phase shall have in every field.
#[derive(Debug, Clone, PartialEq)]
pub struct VolumeFraction {
    /// Name or label of the phase; that of the lowest label by default.
    pub phase: Option<String>,
    /// The fraction, 0 to 1.
    pub value: f64,
}

/// How to sample. Every option has the model's own setting, or nothing, as its default.
///
/// # Example
/// ```
/// use karhunen::SampleOptions;
/// let options = SampleOptions::new(64).on(&[128, 128]).seed(3);
/// assert_eq!((options.count, options.seed, options.grid.as_deref()), (64, 3, Some(&[128, 128][..])));
/// ```
#[derive(Debug, Clone)]
pub struct SampleOptions {
    /// Cells an axis; those of the finest trained level by default, so many times as many in a larger box. More
    /// cells are a finer view of the same box.
    pub grid: Option<Vec<usize>>,
    /// A box larger than the trained one, for stationary data; the trained one otherwise.
    pub larger: Option<LargerBox>,
    /// Fields to make.
    pub count: u64,
    /// Seed of the functions: one (seed, index) is one function on every grid.
    pub seed: u64,
    /// Number of the first field.
    pub index: u64,
    /// The sampler.
    pub sampler: Option<Method>,
    /// Network evaluations a field.
    pub evaluations: Option<usize>,
    /// As many steps as this error a step asks for, in standard deviations of the data, instead of a number
    /// of evaluations (sampler `wiener-exponential`).
    pub tolerance: Option<f64>,
    /// Coarser grids on the way, coarse first.
    pub refine: Vec<Rung>,
    /// Whether the fields get mean and spectrum of the data, by 256 pilot fields that are made first.
    pub calibration: Option<CalibrationKind>,
    /// Which modes the network is asked about on a grid finer than those it was trained on.
    pub band: Option<Band>,
    /// Factor of what the network adds to the linear denoiser, 0 to 3: 1 as it was trained, 1.1 to 1.2 fields with cleaner
    /// edges and less noise. The model's own (`sampling.sharpness`) by default, and 1 for fields that agree with observations.
    pub sharpness: Option<f64>,
    /// Classes of the fields; several take turns. None: each field's class is drawn as often as the data
    /// have it; of fields with observations the network is told none.
    pub classes: Vec<u32>,
    /// Attributes that every field shall have, by name. Of a model with attributes that is asked for none, fields
    /// of all values are made.
    pub attributes: Vec<(String, f64)>,
    /// A file of fields that are given: field i belongs to given field i modulo their number. Without it fields
    /// are made whatever the given ones may be.
    pub condition: Option<PathBuf>,
    /// Weight of what is asked for (class, attributes, given fields): 1 its law, 0 that of all fields together;
    /// other weights cost two evaluations.
    pub guidance: f64,
    /// Files of what is known of the fields, which then agree with it ([`crate::observe`]).
    pub observe: Vec<PathBuf>,
    /// What is known of them besides, made by the caller.
    pub observations: Vec<Arc<dyn Observation>>,
    /// 1: guidance by the covariance that the data's spectrum gives; 2: by that of the network's derivative,
    /// for which the model must be opened with [`crate::ModelOptions::derivatives`].
    pub guidance_order: u8,
    /// Each field is chosen among so many weighted particles.
    pub particles: Option<usize>,
    /// Mean and standard deviation of the fields, two fields, instead of the fields.
    pub summary: bool,
    /// Fields of the data's Gaussian law instead; with observations that is simple kriging.
    pub surrogate: bool,
    /// Volume fraction of a phase: thresholds are shifted until every field has it.
    pub volume_fraction: Option<VolumeFraction>,
    /// Length of the box's first axis, in whatever unit; that of the model's data by default.
    pub length: Option<f64>,
    /// Distance of the cells, one number or one an axis, instead of a length.
    pub spacing: Vec<f64>,
    /// Whether fields are handed on in parts as they are finished ([`crate::Sampling::each`]), so that memory for those under
    /// way is enough. It changes no field.
    pub streamed: bool,
    /// Values are clipped to this range.
    pub clip: Option<(f64, f64)>,
    /// In what numbers the sampler keeps its fields: [`Precision::Single`] takes about a third less memory on large
    /// grids. The fields that come out are `f64` in any case.
    pub precision: Precision,
}

impl Default for SampleOptions {
    fn default() -> Self {
        Self {
            grid: None,
            larger: None,
            count: 16,
            seed: 0,
            index: 0,
            sampler: None,
            evaluations: None,
            tolerance: None,
            refine: Vec::new(),
            calibration: None,
            band: None,
            sharpness: None,
            classes: Vec::new(),
            attributes: Vec::new(),
            condition: None,
            guidance: 1.0,
            observe: Vec::new(),
            observations: Vec::new(),
            guidance_order: 1,
            particles: None,
            summary: false,
            surrogate: false,
            volume_fraction: None,
            length: None,
            spacing: Vec::new(),
            streamed: false,
            clip: None,
            precision: Precision::Double,
        }
    }
}

impl SampleOptions {
    /// So many fields, everything else as the model has it.
    pub fn new(count: u64) -> Self {
        Self { count, ..Self::default() }
    }

    /// On a grid of so many cells an axis.
    pub fn on(mut self, cells: &[usize]) -> Self {
        self.grid = Some(cells.into());
        self
    }

    /// In a larger box than the trained one.
    pub fn in_a(mut self, larger: LargerBox) -> Self {
        self.larger = Some(larger);
        self
    }

    /// Fields of this seed.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// From this field on.
    pub fn from_index(mut self, index: u64) -> Self {
        self.index = index;
        self
    }

    /// By this sampler, with so many network evaluations a field.
    pub fn by(mut self, sampler: Method, evaluations: usize) -> Self {
        (self.sampler, self.evaluations) = (Some(sampler), Some(evaluations));
        self
    }

    /// With so many network evaluations a field.
    pub fn evaluations(mut self, evaluations: usize) -> Self {
        self.evaluations = Some(evaluations);
        self
    }

    /// With the sampler's fields in these numbers.
    pub fn in_precision(mut self, precision: Precision) -> Self {
        self.precision = precision;
        self
    }

    /// Of these classes, by turns.
    pub fn classes(mut self, classes: &[u32]) -> Self {
        self.classes = classes.into();
        self
    }

    /// Agreeing with an observation.
    pub fn given(mut self, observation: Arc<dyn Observation>) -> Self {
        self.observations.push(observation);
        self
    }

    /// Numbers of the fields.
    ///
    /// # Errors
    /// [`SampleError::NoFields`]; [`SampleError::Index`] for numbers beyond the last.
    pub fn indices(&self) -> Result<Range<u64>, SampleError> {
        if self.count == 0 {
            return Err(SampleError::NoFields);
        }
        let (index, count) = (self.index, self.count);
        let end = index.checked_add(count).ok_or(SampleError::Index { index, count })?;
        Ok(index..end)
    }

    pub(crate) fn is_observed(&self) -> bool {
        !(self.observe.is_empty() && self.observations.is_empty())
    }

    /// What fields are bound to beyond the data's law.
    pub(crate) fn bound(&self, larger: bool) -> Option<Bound> {
        match (self.is_observed(), larger) {
            (true, _) => Some(Bound::Measurements),
            (false, true) => Some(Bound::LargerBox),
            (false, false) => None,
        }
    }
}
