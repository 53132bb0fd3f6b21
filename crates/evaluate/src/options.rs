//! What an evaluation is asked for.

use karhunen_field::Boundaries;
use karhunen_train::Sources;
use karhunen_train::missing::MissingValues;

/// Which part of the data that a model was trained on is the reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Part {
    /// Fields never trained on: does the model tell how such fields are?
    #[default]
    HeldOut,
    /// Fields it was trained on: did it learn the law it was shown?
    Training,
}

/// Training fields that samples are held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Memorisation {
    /// Some thousands, evenly among all.
    #[default]
    Some,
    /// All of them.
    All,
    /// None.
    None,
}

/// The real fields of a comparison, and how they are read. Where they are what a model was trained on, only
/// [`ReferenceOptions::part`] of them is used; what is left open is as in the model's training.
///
/// # Example
/// ```
/// use karhunen_evaluate::ReferenceOptions;
/// let real = ReferenceOptions { count: 256, ..ReferenceOptions::of("builtin:spinodal") };
/// assert_eq!((real.seed, real.source.to_string().as_str()), (0, "builtin:spinodal"));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ReferenceOptions {
    /// A file, a folder, or `builtin:NAME`; several files become channels of one data set.
    pub source: Sources,
    /// Cells of random patches; the model's own by default.
    pub patch: Option<Vec<usize>>,
    /// Dimension of a field, where a file leaves it open.
    pub dim: Option<usize>,
    /// Channels of a field, where a file leaves them open.
    pub channels: Option<usize>,
    /// What becomes of missing values.
    pub missing: Option<MissingValues>,
    /// Whether the channels of an array are its last axis.
    pub channels_last: bool,
    /// Keys of the configuration, as `data.spacing=[4,1,1]`.
    pub settings: Vec<String>,
    /// Which part of the model's own data.
    pub part: Part,
    /// Real fields to prepare at most.
    pub count: usize,
    /// Boundary condition of the box; the model's, or Neumann, by default.
    pub boundary: Option<Boundaries>,
    /// Seed of splits, directions, networks and surrogate.
    pub seed: u64,
}

/// Real fields unless told otherwise.
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
