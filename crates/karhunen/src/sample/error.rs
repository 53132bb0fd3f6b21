//! What keeps a model from sampling as it is asked to.

use karhunen_field::large_box::BoxFault;
use karhunen_field::sampler::Method;
use karhunen_field::{FieldError, Grid};

/// Options of a sampling that do not go with the model, or with each other.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SampleError {
    /// No field at all.
    #[error("count 0: there must be at least one field")]
    NoFields,
    /// Numbers of fields beyond the last.
    #[error("index {index}: {count} fields from there pass 2^64")]
    Index {
        /// Number of the first field.
        index: u64,
        /// Fields from there.
        count: u64,
    },
    /// The trained band, of a prior that knows none.
    #[error("band trained: {0}")]
    Band(&'static str),
    /// A tolerance beside a sampler that has no use for it.
    #[error("tolerance chooses the steps of wiener-exponential, not of {0}")]
    Tolerance(Method),
    /// Particles beside a sampler that does not move them.
    #[error("particles are moved by wiener-ancestral, not by {0}")]
    ParticleMethod(Method),
    /// No particle at all.
    #[error("particles 0: there must be at least one")]
    NoParticles,
    /// Particles or second order without observations.
    #[error("{0} needs observations")]
    NotObserved(&'static str),
    /// Guidance of second order beside a sampler that asks no denoiser.
    #[error("guidance-order 2 guides denoisers, which wiener-ancestral and particles do not ask")]
    SecondOrder,
    /// Calibration of a model that knows no data.
    #[error("calibration spectrum: this network was imported without data to calibrate to")]
    CalibrationWithoutData,
    /// Calibration of fields that observations hold.
    #[error("calibration spectrum: it would move fields off what is observed")]
    CalibrationOfObserved,
    /// Calibration of fields of single classes.
    #[error("calibration spectrum: mean and spectrum are those of all classes together")]
    CalibrationOfClasses,
    /// A path time that lies outside the path.
    #[error("refine: the time {until} must lie between {low} and {high}")]
    RefineTime {
        /// The time.
        until: f64,
        /// Where the path ends.
        low: f64,
        /// Where it starts.
        high: f64,
    },
    /// A fine grid before a coarse one.
    #[error("refine: {fine} comes before {coarse}")]
    RefineOrder {
        /// The grid that comes first.
        fine: Grid,
        /// The one after it.
        coarse: Grid,
    },
    /// A weight of a class that is negative or not finite.
    #[error("guidance {0}: it must be finite and not negative")]
    Guidance(f64),
    /// Classes of a model without any.
    #[error("{option}: {model} was trained without labels")]
    NoClasses {
        /// The option.
        option: &'static str,
        /// Where the model was read from.
        model: String,
    },
    /// Guidance of a model that was never asked without conditions.
    #[error(
        "guidance {0}: trained with training.label_dropout = 0, the model has no answer without a class"
    )]
    NoLabelDropout(f64),
    /// A class that the model saw no field of.
    #[error("class {class}: the model saw no field of it")]
    UnseenClass {
        /// The class.
        class: u32,
        /// The classes it knows, with their training fields.
        known: String,
    },
    /// Attributes of a model without any.
    #[error("attribute: {model} was trained without attributes")]
    NoAttributes {
        /// Where the model was read from.
        model: String,
    },
    /// An attribute that is asked for twice.
    #[error("attribute {0}: it is given twice")]
    AttributeTwice(String),
    /// An attribute that the model does not know.
    #[error("attribute {name}: the model does not know it")]
    UnknownAttribute {
        /// The attribute.
        name: String,
        /// Those it knows.
        known: String,
    },
    /// A value of an attribute that training fields do not have.
    #[error("attribute {name} = {value}: training fields have {least:.4} to {most:.4}")]
    AttributeRange {
        /// The attribute.
        name: String,
        /// The value.
        value: f64,
        /// The least of the training fields.
        least: f64,
        /// The most.
        most: f64,
    },
    /// Attributes that the model refuses.
    #[error("attribute: {0}")]
    Attribute(String),
    /// Given fields for a model that was not trained beside any.
    #[error("condition: {model} was not trained beside given fields")]
    NoCondition {
        /// Where the model was read from.
        model: String,
    },
    /// Given fields of another number of channels.
    #[error("{name}: {found} channel(s); the model was trained beside {channels}")]
    ConditionChannels {
        /// The file.
        name: String,
        /// Its channels.
        found: usize,
        /// The model's.
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
    /// Given fields on a larger box.
    #[error("condition: given fields are of the trained box, and do not go with a larger one")]
    ConditionBox,
    /// Calibration of fields that were asked for something.
    #[error(
        "calibration spectrum: mean and spectrum are those of all fields, whatever is asked for"
    )]
    CalibrationOfAsked,
    /// Phases of a model of plain values.
    #[error("{option}: {model} was trained on values, not on phases")]
    NoPhases {
        /// The option.
        option: &'static str,
        /// Where the model was read from.
        model: String,
    },
    /// A phase that the model does not have.
    #[error("{option}: the model has no phase `{asked}`")]
    UnknownPhase {
        /// The option.
        option: &'static str,
        /// The phase.
        asked: String,
        /// The phases it has.
        known: String,
    },
    /// A fraction that training fields do not have.
    #[error(
        "volume-fraction {fraction}: training fields have {least:.4} to {most:.4} of phase {phase}"
    )]
    VolumeFraction {
        /// The fraction.
        fraction: f64,
        /// The least of the training fields.
        least: f64,
        /// The most.
        most: f64,
        /// Name of the phase.
        phase: String,
    },
    /// A larger box with another number of sides than the model has axes.
    #[error("box: {given} sides for {axes} axes")]
    BoxAxes {
        /// Sides given.
        given: usize,
        /// Axes.
        axes: usize,
    },
    /// Sides in a unit that the model does not know.
    #[error(
        "box: sides in {unit}, where the model's data are {}",
        known.as_ref().map_or("without a unit".into(), |unit| format!("in {unit}"))
    )]
    BoxUnit {
        /// The unit.
        unit: String,
        /// That of the data.
        known: Option<String>,
    },
    /// A larger box that windows of the trained one do not make.
    #[error("box: along {axis} {fault}")]
    Box {
        /// Name of the axis.
        axis: &'static str,
        /// What is wrong.
        fault: BoxFault,
    },
    /// An axis that is to close on itself, and is none.
    #[error("periodic {name}: the axes are {known}")]
    BoxAxis {
        /// As it was given.
        name: String,
        /// The axes.
        known: String,
    },
    /// Windows that share too much of their length, or less than nothing.
    #[error("overlap {0}: windows share a part of 0 to 0.5 of their length with the next one")]
    Overlap(f64),
    /// Cells that windows do not have, under white noise per cell.
    #[error("grid {grid}: windows under white noise per cell make {windows}")]
    BoxCells {
        /// Asked for.
        grid: Grid,
        /// What windows make.
        windows: Grid,
    },
    /// What the mathematics says of a larger box besides.
    #[error("box: {0}")]
    Impossible(FieldError),
    /// Spacings in another number than the axes.
    #[error("spacing: {given} numbers for {axes} axes")]
    Spacing {
        /// Numbers given.
        given: usize,
        /// Axes.
        axes: usize,
    },
}
