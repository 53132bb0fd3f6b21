//! The errors of a sampling request.

use karhunen_field::large_box::BoxFault;
use karhunen_field::sampler::Method;
use karhunen_field::{FieldError, Grid};

/// Options of a sampling that do not fit the model or each other.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SampleError {
    /// The number of fields is 0.
    #[error("count 0: there must be at least one field")]
    NoFields,
    /// The numbers of the fields exceed 2^64.
    #[error("index {index}: {count} fields from there pass 2^64")]
    Index {
        /// Number of the first field.
        index: u64,
        /// Number of fields from there.
        count: u64,
    },
    /// The trained band (the modes of the finest level) was requested, but the prior has none.
    #[error("band trained: {0}")]
    Band(&'static str),
    /// A tolerance was given for a sampler that has no use for it.
    #[error("tolerance chooses the steps of wiener-exponential, not of {0}")]
    Tolerance(Method),
    /// Particles were requested with a sampler that does not move them.
    #[error("particles are moved by wiener-ancestral, not by {0}")]
    ParticleMethod(Method),
    /// The number of particles is 0.
    #[error("particles 0: there must be at least one")]
    NoParticles,
    /// Single precision for what no sampler of fields makes.
    #[error("precision f32: {0} are made in f64 alone")]
    Precision(&'static str),
    /// Values of level sets were to be clipped.
    #[error("clip: a model of phases makes level sets, whose signs are the phases")]
    ClipOfPhases,
    /// A sharpness outside its range.
    #[error("sharpness {0}: it must be between 0 and 3")]
    Sharpness(f64),
    /// A sharpness where the law of the fields must be the network's own.
    #[error("sharpness: fields that agree with observations are made by the network's own answer")]
    SharpnessOfObserved,
    /// A sharpness of a model whose affine part is no denoiser.
    #[error("sharpness: this model was trained without training.preconditioning = \"wiener\"")]
    SharpnessWithoutBase,
    /// Particles or second-order guidance without observations.
    #[error("{0} needs observations")]
    NotObserved(&'static str),
    /// Second-order guidance with a sampler that uses no denoiser.
    #[error("guidance-order 2 guides denoisers, which wiener-ancestral and particles do not ask")]
    SecondOrder,
    /// Calibration of a model without statistics of data.
    #[error("calibration spectrum: this network was imported without data to calibrate to")]
    CalibrationWithoutData,
    /// Calibration of fields that are conditioned on observations.
    #[error("calibration spectrum: it would move fields off what is observed")]
    CalibrationOfObserved,
    /// Calibration of fields of single classes.
    #[error("calibration spectrum: mean and spectrum are those of all classes together")]
    CalibrationOfClasses,
    /// A path time outside the path.
    #[error("refine: the time {until} must lie between {low} and {high}")]
    RefineTime {
        /// The time.
        until: f64,
        /// Time at the end of the path.
        low: f64,
        /// Time at the start of the path.
        high: f64,
    },
    /// A fine grid is followed by a coarser one.
    #[error("refine: {fine} comes before {coarse}")]
    RefineOrder {
        /// The first grid.
        fine: Grid,
        /// The second grid.
        coarse: Grid,
    },
    /// A guidance weight that is negative or not finite.
    #[error("guidance {0}: it must be finite and not negative")]
    Guidance(f64),
    /// Classes were requested of a model without classes.
    #[error("{option}: {model} was trained without labels")]
    NoClasses {
        /// The option.
        option: &'static str,
        /// The path of the model.
        model: String,
    },
    /// Guidance for a model that was never trained without conditions.
    #[error(
        "guidance {0}: trained with training.label_dropout = 0, the model has no answer without a class"
    )]
    NoLabelDropout(f64),
    /// Measurements or a likelihood without a class, for a model that was never trained without classes.
    #[error(
        "class: none is chosen, and trained with training.label_dropout = 0, the model has no answer without one"
    )]
    AlwaysTold,
    /// Guidance of fields whose class the network is not told.
    #[error(
        "guidance {0}: no class is chosen, and with measurements the network is told none, in larger boxes no cluster"
    )]
    GuidanceWithoutClass(f64),
    /// A class that no training field has.
    #[error("class {class}: the model saw no field of it")]
    UnseenClass {
        /// The class.
        class: u32,
        /// The known classes, with their numbers of training fields.
        known: String,
    },
    /// Attributes were requested of a model without attributes.
    #[error("attribute: {model} was trained without attributes")]
    NoAttributes {
        /// The path of the model.
        model: String,
    },
    /// An attribute was requested twice.
    #[error("attribute {0}: it is given twice")]
    AttributeTwice(String),
    /// An attribute that the model does not know.
    #[error("attribute {name}: the model does not know it")]
    UnknownAttribute {
        /// The attribute.
        name: String,
        /// The known attributes.
        known: String,
    },
    /// A value of an attribute outside the range of the training fields.
    #[error("attribute {name} = {value}: training fields have {least:.4} to {most:.4}")]
    AttributeRange {
        /// The attribute.
        name: String,
        /// The value.
        value: f64,
        /// The smallest value of the training fields.
        least: f64,
        /// The largest value of the training fields.
        most: f64,
    },
    /// The model refused the attributes.
    #[error("attribute: {0}")]
    Attribute(String),
    /// Fields were given to a model that was not trained with given fields.
    #[error("condition: {model} was not trained beside given fields")]
    NoCondition {
        /// The path of the model.
        model: String,
    },
    /// Given fields with another number of channels.
    #[error("{name}: {found} channel(s); the model was trained beside {channels}")]
    ConditionChannels {
        /// The file.
        name: String,
        /// Number of channels in the file.
        found: usize,
        /// Number of channels that the model needs.
        channels: usize,
    },
    /// Given fields that are too coarse.
    #[error("{name}: fields of {found}; the model needs to see {needed} and finer")]
    ConditionGrid {
        /// The file.
        name: String,
        /// Its cells.
        found: String,
        /// The finest trained level.
        needed: String,
    },
    /// Fields were given for a larger box.
    #[error("condition: given fields are of the trained box, and do not go with a larger one")]
    ConditionBox,
    /// Calibration of fields with conditions.
    #[error(
        "calibration spectrum: mean and spectrum are those of all fields, whatever is asked for"
    )]
    CalibrationOfAsked,
    /// Phases were requested of a model of plain values.
    #[error("{option}: {model} was trained on values, not on phases")]
    NoPhases {
        /// The option.
        option: &'static str,
        /// The path of the model.
        model: String,
    },
    /// A surface was requested of a model of plain values.
    #[error("a surface: {model} was trained on values, not on phases")]
    NoSurface {
        /// The path of the model.
        model: String,
    },
    /// A phase that the model does not have.
    #[error("{option}: the model has no phase `{asked}`")]
    UnknownPhase {
        /// The option.
        option: &'static str,
        /// The phase.
        asked: String,
        /// The model's phases.
        known: String,
    },
    /// A volume fraction outside the range of the training fields.
    #[error(
        "volume-fraction {fraction}: training fields have {least:.4} to {most:.4} of phase {phase}"
    )]
    VolumeFraction {
        /// The fraction.
        fraction: f64,
        /// The smallest fraction of the training fields.
        least: f64,
        /// The largest fraction of the training fields.
        most: f64,
        /// Name of the phase.
        phase: String,
    },
    /// The number of sides of the box differs from the number of axes.
    #[error("box: {given} sides for {axes} axes")]
    BoxAxes {
        /// Number of sides given.
        given: usize,
        /// Number of axes.
        axes: usize,
    },
    /// The unit of the sides is not that of the model's data.
    #[error(
        "box: sides in {unit}, where the model's data are {}",
        known.as_ref().map_or("without a unit".into(), |unit| format!("in {unit}"))
    )]
    BoxUnit {
        /// The unit.
        unit: String,
        /// The unit of the data.
        known: Option<String>,
    },
    /// A larger box that cannot be covered by windows of the trained box.
    #[error("box: along {axis} {fault}")]
    Box {
        /// Name of the axis.
        axis: &'static str,
        /// What is wrong.
        fault: BoxFault,
    },
    /// The name of a periodic axis is unknown.
    #[error("periodic {name}: the axes are {known}")]
    BoxAxis {
        /// The name as given.
        name: String,
        /// The axes.
        known: String,
    },
    /// The overlap of windows is negative or too large.
    #[error("overlap {0}: windows share a part of 0 to 0.5 of their length with the next one")]
    Overlap(f64),
    /// A grid that windows cannot have under white noise per cell.
    #[error("grid {grid}: windows under white noise per cell make {windows}")]
    BoxCells {
        /// The requested grid.
        grid: Grid,
        /// The grid that windows give.
        windows: Grid,
    },
    /// Another error of the mathematics of larger boxes.
    #[error("box: {0}")]
    Impossible(FieldError),
    /// A distilled model was asked for more than fields by its own few evaluations.
    #[error("{option}: {model} was distilled to {evaluations} evaluation(s) and knows no others")]
    Distilled {
        /// The option.
        option: &'static str,
        /// The path of the model.
        model: String,
        /// Its evaluations.
        evaluations: usize,
    },
    /// The number of spacings differs from the number of axes.
    #[error("spacing: {given} numbers for {axes} axes")]
    Spacing {
        /// Number of spacings given.
        given: usize,
        /// Number of axes.
        axes: usize,
    },
}
