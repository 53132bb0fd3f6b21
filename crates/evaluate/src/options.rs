//! The options of an evaluation.

use karhunen_field::Boundaries;
use karhunen_train::Sources;
use karhunen_train::missing::MissingValues;

/// The part of the model's data that serves as the reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Part {
    /// Fields that were never trained on: does the model predict fields of this kind?
    #[default]
    HeldOut,
    /// Fields that were trained on: did the model learn the distribution of its training fields?
    Training,
}

/// How many training fields are searched for copies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Memorisation {
    /// A few thousand, evenly chosen from all.
    #[default]
    Some,
    /// All of them.
    All,
    /// None.
    None,
}

/// The real fields of a comparison, and how they are read. If a model was trained on them, only
/// [`ReferenceOptions::part`] of them is used. Options that are not set are as in the model's
/// training.
///
/// # Example
/// ```
/// use karhunen_evaluate::ReferenceOptions;
/// let real = ReferenceOptions { count: 256, ..ReferenceOptions::of("builtin:spinodal") };
/// assert_eq!((real.seed, real.source.to_string().as_str()), (0, "builtin:spinodal"));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ReferenceOptions {
    /// A file, a folder, or `builtin:NAME`. Several files become the channels of one data set.
    pub source: Sources,
    /// Cells of random patches; the model's own by default.
    pub patch: Option<Vec<usize>>,
    /// Dimension of a field, if the file does not determine it.
    pub dim: Option<usize>,
    /// Number of channels of a field, if the file does not determine it.
    pub channels: Option<usize>,
    /// The treatment of missing values.
    pub missing: Option<MissingValues>,
    /// Whether the channels of an array are its last axis.
    pub channels_last: bool,
    /// Settings of the configuration, such as `data.spacing=[4,1,1]`.
    pub settings: Vec<String>,
    /// Which part of the model's own data is used.
    pub part: Part,
    /// Largest number of real fields to prepare.
    pub count: usize,
    /// Boundary condition of the box; by default that of the model, or Neumann.
    pub boundary: Option<Boundaries>,
    /// Seed of splits, directions, networks and surrogate.
    pub seed: u64,
}

/// Default number of real fields.
pub const REFERENCE_COUNT: usize = 2048;

impl ReferenceOptions {
    /// All of a source, up to [`REFERENCE_COUNT`] fields.
    pub fn of(source: impl Into<Sources>) -> Self {
        Self {
            source: source.into(),
            patch: None,
            dim: None,
            channels: None,
            missing: None,
            channels_last: false,
            settings: Vec::new(),
            part: Part::default(),
            count: REFERENCE_COUNT,
            boundary: None,
            seed: 0,
        }
    }
}
