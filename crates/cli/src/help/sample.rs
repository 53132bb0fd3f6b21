//! What is wrong with a sampling in the words of its options, and the knob to turn.

use karhunen::field::large_box::BoxFault;
use karhunen::field::observation::Fault;
use karhunen::{FieldError, NetError, ObserveError, Remedy, SampleError, ShardError};

use super::{field, read};

/// What is wrong, by the names of the options that were typed.
pub fn in_options(error: &SampleError) -> String {
    match error {
        SampleError::CalibrationOfObserved => {
            "--calibration spectrum: it would move fields off what --observe says".into()
        }
        SampleError::ConditionChannels { .. } | SampleError::ConditionGrid { .. } => {
            format!("--condition {error}")
        }
        SampleError::NoSurface { .. } => error.to_string(),
        error => format!("--{error}"),
    }
}

/// What to do about it.
pub fn help(error: &SampleError) -> Option<String> {
    let text = match error {
        SampleError::NoFields => "leave it out, or give a number from 1",
        SampleError::Index { .. } => "lower --index or --count",
        SampleError::Band(_) => "leave --band out, or train a model with prior.kind=flat",
        SampleError::Tolerance(_) => "add --sampler wiener-exponential, or give --evaluations",
        SampleError::ParticleMethod(_) => "leave --sampler out",
        SampleError::NoParticles => "give 8 or more, or leave it out",
        SampleError::Precision(_) => "leave --precision out",
        SampleError::ClipOfPhases => "leave --clip out",
        SampleError::Sharpness(_) => "1 is the network's own answer, 1.1 to 1.2 is sharper",
        SampleError::SharpnessOfObserved | SampleError::SharpnessWithoutBase => {
            "leave --sharpness out"
        }
        SampleError::NotObserved(_) => "add --observe",
        SampleError::SecondOrder => {
            "add --sampler predictor-corrector, exponential-euler, or one without noise"
        }
        SampleError::CalibrationWithoutData => "import it with --data, or leave --calibration out",
        SampleError::CalibrationOfObserved => "leave --calibration out",
        SampleError::CalibrationOfClasses => {
            "leave it out with --class, and with --guidance other than 1"
        }
        SampleError::RefineTime { .. } => {
            "give the path time down to which the coarse grid serves, such as 32x32@0.6"
        }
        SampleError::RefineOrder { .. } => "coarse grids first, the one of --grid last",
        SampleError::Guidance(_) => {
            "1 is the class's own law, 0 that of all classes, 1.5 to 3 show the class more clearly"
        }
        SampleError::NoClasses { .. } => "train it with data.labels, or leave the option out",
        SampleError::NoLabelDropout(_) => {
            "leave --guidance out, or train with training.label_dropout = 0.1"
        }
        SampleError::AlwaysTold => {
            "train with training.label_dropout = 0.1, or choose the class with --class where the command has it"
        }
        SampleError::GuidanceWithoutClass(_) => {
            "leave --guidance out, or choose a class with --class"
        }
        SampleError::UnseenClass { known, .. } => {
            return Some(format!("it knows the classes (and training fields) {known}"));
        }
        SampleError::NoAttributes { .. } => "train it with data.attributes, or leave it out",
        SampleError::AttributeTwice(_) => "give one value",
        SampleError::UnknownAttribute { known, .. } => {
            return Some(format!("its attributes are {known}"));
        }
        SampleError::AttributeRange { .. } => "ask for a value that the data show",
        SampleError::NoCondition { .. } => "train it with data.condition, or leave it out",
        SampleError::ConditionChannels { .. } => {
            "give the quantities that data.condition named, in their order"
        }
        SampleError::ConditionGrid { .. } => "give fields that are as fine as those trained on",
        SampleError::ConditionBox => "leave --box and --periodic out",
        SampleError::CalibrationOfAsked => {
            "leave it out with --attribute, with --condition, and with --guidance other than 1"
        }
        SampleError::Distilled { .. } => {
            "leave the option out, or give --model the one that this one was distilled from"
        }
        SampleError::NoPhases { .. } | SampleError::NoSurface { .. } => {
            "train on labels with data.phases, or leave it out"
        }
        SampleError::UnknownPhase { known, .. } => {
            return Some(format!("its phases are {known}"));
        }
        SampleError::VolumeFraction { .. } => "ask for a fraction that the data show",
        SampleError::BoxAxes { .. } => "give one side an axis, as in 4x4",
        SampleError::BoxUnit { known: Some(unit), .. } => {
            return Some(format!("write 4x4, 2000x3000{unit}, or 512x512cells"));
        }
        SampleError::BoxUnit { .. } => "write 4x4, or 512x512cells",
        SampleError::Box { fault, .. } => return Some(of_box(fault)),
        SampleError::BoxAxis { .. } => "write --periodic x,y, or --periodic for all of them",
        SampleError::Overlap(_) => "leave it out for 0.375",
        SampleError::BoxCells { .. } => "leave --grid out, or give these cells",
        SampleError::Spacing { .. } => "give one number, or one an axis",
        _ => return None,
    };
    Some(text.into())
}

fn of_box(fault: &BoxFault) -> String {
    match fault {
        BoxFault::Below(_) => "for a part of the trained box sample it and cut".into(),
        BoxFault::Walls(_) => "leave that axis at 1, and out of --periodic".into(),
        BoxFault::Cells { times, cells } => {
            let nearest = (times * *cells as f64).round() / *cells as f64;
            format!("the nearest that is one: {nearest}")
        }
    }
}

/// What to do about a device that is not there.
pub fn device(error: &NetError) -> &'static str {
    match error {
        NetError::CpuBuild { .. } => {
            "build it with `cargo build --release --features wgpu`, or leave --device out"
        }
        _ => "install the card's Vulkan, Metal or DirectX driver, or leave --device out",
    }
}

/// What to do about an observation.
pub fn observe(error: &ObserveError) -> Option<String> {
    let text = match error {
        ObserveError::Read { source, .. } => return Some(read(source)),
        ObserveError::File { remedy, .. } => return Some(remedied(remedy)),
        ObserveError::Refused { error, .. } => match error {
            FieldError::Observation { fault, .. } => of_fault(fault),
            error => return Some(field(error).unwrap_or_default()),
        },
        _ => return None,
    };
    Some(text.into())
}

fn remedied(remedy: &Remedy) -> String {
    let text = match remedy {
        Remedy::Columns { needed, known } => {
            return format!("the first line names the columns: {needed}, and if wanted {known}");
        }
        Remedy::Cells => "give one number a column",
        Remedy::Numbers => "write numbers with a point, columns apart by commas",
        Remedy::NameOne(example) => return format!("name one behind a colon, as in {example}"),
        Remedy::Rows(columns) => return format!("give rows of {columns}"),
        Remedy::FirstChannel => "channel = 1 says which channel the file's first one is",
        Remedy::FieldNumber => "fields are counted from 0",
        Remedy::Index => "index = 0 says which field of the file",
        Remedy::OneField => "give one field of the model's box",
        Remedy::AField => "give a field",
        Remedy::Box => "cut or resample it to the box of the model",
        Remedy::AxisCells => "write cells per axis, such as \"64x64\"",
        Remedy::Mask => "give a mask with the cells of the field",
        Remedy::MatrixGrid => "grid = \"64x64\" names the cells the matrix is for",
        Remedy::Values => "give one value a row",
        Remedy::Fraction(phases) if phases.is_empty() => {
            "write threshold = 0.5: the fraction is that of all values above it"
        }
        Remedy::Fraction(phases) => {
            return format!(
                "write phase = and one of {}, with a value that the data show; or a threshold",
                phases.join(", ")
            );
        }
        Remedy::Kinds => {
            "write tables [[observe]] with kind = \"points\", \"mask\", \"coarse\", \"blur\", \"rays\", \"mean\", \"fraction\" or \"linear\""
        }
        Remedy::Tables => "give one table an observation, with kind and file",
        _ => "correct the file",
    };
    text.into()
}

fn of_fault(fault: &Fault) -> &'static str {
    match fault {
        Fault::Twice => "keep one of them, or give their mean with the smaller sd",
        Fault::Outside => {
            "places are lengths from a corner of the box; the first axis of the trained box has length 1"
        }
        Fault::Channel => "channels are counted from 0",
        Fault::Part => "write 0.2 for twenty per cent",
        Fault::Finer => "sample on a --grid that is at least as fine",
        Fault::Redundant => "leave it out, or give it an sd above 0",
        Fault::Exact => "give sd = 0.01 or what the measurement has",
        _ => "correct the file",
    }
}

/// What to do about shards of a sampling that cannot be made, or cannot be merged.
pub fn shard(error: &ShardError) -> &'static str {
    match error {
        ShardError::Text(_) => "give --shard a part of all, as 3/16",
        ShardError::TooMany { .. } => "ask for at most as many shards as fields",
        ShardError::NeedsAll(_) => "leave --shard out, or make it of the merged file",
        ShardError::None(_) => "name the file that `sample --shard` was given as --out",
        ShardError::Several { .. } => "remove the shards that do not belong to it",
        ShardError::Missing { .. } => "run `sample` with these --shard again",
        ShardError::Damaged { .. } => "run `sample` with this --shard and --force again",
        // of another sampling, and whatever is yet to come
        _ => "run `sample` with the options of the others and --force again",
    }
}
