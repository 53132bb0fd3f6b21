//! The knob to turn for each error of the libraries, as the binary's user knows it.
//!
//! Errors say what is wrong, with path, value and limit; which option, key or file to change depends
//! on the face they are shown in, so it stands here. Whoever knows better than the kind of an error
//! overrides it with [`crate::failure::Failure::help`].

use std::io::ErrorKind;

use karhunen_evaluate::EvaluateError;
use karhunen_field::FieldError;
use karhunen_formats::FormatError;
use karhunen_net::NetError;
use karhunen_train::TrainError;

/// What to do about an error of a run.
pub fn train(error: &TrainError) -> Option<String> {
    let text = match error {
        TrainError::Read { source, .. } => return Some(read(source)),
        TrainError::Write { source, .. } => return Some(write(source)),
        TrainError::InUse { .. } => {
            "wait until that process has ended, or give another --out".into()
        }
        TrainError::Config { message, .. } if message.starts_with("this directory holds a run") => {
            "give another --out, or the configuration that run began with".into()
        }
        TrainError::Config { message, .. } if message.starts_with("this run ends after") => {
            "give training.steps or training.seconds beyond that, --more 30m, or another --out".into()
        }
        TrainError::Config { message, .. } if message.ends_with("is given steps, not seconds") => {
            "give --more a number of steps".into()
        }
        TrainError::Checkpoint { message, .. } if message.starts_with("holds no run that") => {
            "begin it without --more, or name its --out".into()
        }
        TrainError::Config { place, .. } if place.starts_with("average of length") => {
            "give --ema a length of training.ema or one between them; more training.snapshots reach further".into()
        }
        TrainError::Checkpoint { message, .. } if message.starts_with("an exported model has") => {
            "leave --ema out, or name the run the model came from".into()
        }
        TrainError::Config { place, message }
            if place == "data.augment" || message.starts_with("data.augment: ") =>
        {
            "name axes of data.augment that can be moved so, as \"shift:0\" or \"rotate:1,2\", or leave the motion out".into()
        }
        TrainError::Config { .. } => {
            "`karhunen train --dry-run` prints every key with its default".into()
        }
        TrainError::Data { message, .. } if message.starts_with("no patch of ") => {
            "give a smaller patch, or one length an axis of the fields".into()
        }
        TrainError::Data { message, .. } if message.contains(" labels, but ") => {
            "data.labels names a file of one label a field".into()
        }
        TrainError::Data { message, .. } if message.contains("have one cell along axis") => {
            "drop the axis from the array, or give fields of more cells".into()
        }
        TrainError::Data { message, .. } if message.contains("is declared periodic") => {
            "declare that axis neumann in data.boundary, or give whole periods".into()
        }
        TrainError::Data { .. } => {
            "`karhunen inspect` says what a source holds, and which levels suit it".into()
        }
        TrainError::Memory { knob, .. } => {
            format!("lower {knob}, or use a machine with more memory")
        }
        TrainError::Checkpoint { message, .. } if message.starts_with("holds a run already") => {
            "give another --out; `train` goes on with a run unless --resume never forbids it".into()
        }
        TrainError::Checkpoint { message, .. } if message.starts_with("no classifier") => {
            "name a file that `karhunen classifier` wrote".into()
        }
        TrainError::Checkpoint { .. } => {
            "name a run directory that `karhunen train` wrote, or one checkpoint in it".into()
        }
        TrainError::Diverged { .. } => "begin again with --set training.learning_rate=… and another --out".into(),
        TrainError::Net(NetError::Levels { .. }) => {
            "change the grids of [[levels]], coarse first; `network.kind = \"fno\"` takes any".into()
        }
        TrainError::Net(_) => "change the keys of [network]".into(),
        TrainError::Field(e) => return field(e),
        TrainError::Format(e) => return format(e),
        TrainError::Simulate(_) => {
            "change data.boundary or the levels, or give data of your own".into()
        }
        _ => return None,
    };
    Some(text)
}

/// What to do about samples with missing values.
pub const MISSING_IN_SAMPLES: &str = "give whole samples; only real fields may have missing values";
/// What to do where a model's data cannot be opened.
pub const TRAINING_DATA: &str = "memorisation needs what the model was trained on: name it as --reference, or begin where its path leads to it";

/// What is wrong with an option of an evaluation, by the name that was typed.
pub fn in_options(error: &EvaluateError) -> Option<String> {
    Some(match error {
        EvaluateError::NoReference => "--reference names no data".into(),
        EvaluateError::ReferenceCount(n) => format!("--reference-count {n}: at least 2"),
        EvaluateError::Patch => "--patch changes which fields were held out of training".into(),
        EvaluateError::Part => {
            "--part training: the reference is not the model's own source".into()
        }
        EvaluateError::Count(n) => format!("--count {n}: at least 2"),
        EvaluateError::NoNetworks => "--distinguish-seeds 0: at least 1".into(),
        EvaluateError::Sides { asked, least } => {
            format!("--distinguish={asked}: at least {least} fields a side")
        }
        EvaluateError::TooFew { .. } => format!("--distinguish: {error}"),
        EvaluateError::Phases(n) => format!("--phases {n}: at least 2"),
        EvaluateError::Thresholds(_) => format!("--{error}"),
        _ => return None,
    })
}

/// What to do about an evaluation that cannot be made.
pub fn evaluate(error: &EvaluateError) -> Option<String> {
    let text = match error {
        EvaluateError::Boundary { .. } => {
            "leave --boundary and --periodic out: the model knows its box"
        }
        EvaluateError::SampleChannels { .. } | EvaluateError::SamplePhases { .. } => {
            "give samples of this model"
        }
        EvaluateError::ReferenceCount(_) => "comparisons and their floors need many, say 1000",
        EvaluateError::Patch => "leave it out, or name data the model was not trained on",
        EvaluateError::Part => "name the data the model was trained on, and the model with --model",
        EvaluateError::Constant { .. } => "give real fields that vary",
        EvaluateError::Kind { .. } => "compare samples with fields of the same kind",
        EvaluateError::OneField(_) => "sample more, at least 512 for a quick look",
        EvaluateError::OneCell(_) => "sample on a grid of more cells",
        EvaluateError::NotTheSame { .. } => {
            "sample the same --count, --seed and --sampler on another --grid of the box"
        }
        EvaluateError::TwoBoxes { .. } => "compare samples of one box",
        EvaluateError::Twice(_) => "name each once",
        EvaluateError::Count(_) => "comparisons and their floors need many, say 512",
        EvaluateError::LabelCount { .. } => {
            "give the labels that `karhunen sample` wrote beside the samples"
        }
        EvaluateError::UnknownClass { .. } => "train a classifier on the same classes as the model",
        EvaluateError::NoNetworks => "three is usual",
        EvaluateError::Sides { least, .. } | EvaluateError::TooFew { least, .. } => {
            return Some(format!(
                "sample at least {least} fields and give at least {} real ones; 512 and 1024 say more",
                2 * least
            ));
        }
        EvaluateError::Phases(_) => "two is usual",
        EvaluateError::Thresholds(_) => "write them rising, as in 0.2,0.5",
        EvaluateError::OtherData(_) => {
            "name the model's own data as --reference, or leave --memorisation out"
        }
        EvaluateError::Read { .. } => "check the path",
        EvaluateError::NoEvaluation { .. } => "give what `karhunen evaluate --json` printed",
        _ => return None,
    };
    Some(text.into())
}

/// What to do about an error of the mathematics.
pub fn field(error: &FieldError) -> Option<String> {
    let text = match error {
        FieldError::Dimension(_) | FieldError::CellCounts { .. } => {
            "give one cell count an axis, such as 64x64".into()
        }
        FieldError::Boundaries { .. } => {
            "write --boundary periodic, or periodic,neumann; in a configuration data.boundary"
                .into()
        }
        FieldError::Axis { .. } | FieldError::NoModes { .. } => "give the axis more cells".into(),
        FieldError::NotTraceClass { parameter, .. } => {
            format!("raise the {parameter}, or choose another prior")
        }
        FieldError::Parameter { parameter, .. } => format!("change {parameter}"),
        FieldError::UnknownName { .. } => "use one of the known names".into(),
        FieldError::TooFew { least, .. } => format!("give at least {least} fields"),
        FieldError::GridMismatch { .. } | FieldError::Length { .. } | FieldError::Modes { .. } => {
            "both must have the same box, cells and channels".into()
        }
        FieldError::AreaRefines { .. } => "set data.resample = \"spectral\"".into(),
        FieldError::NotNested => "leave --refine out, or train with a trace-class prior".into(),
        FieldError::NonFinite { .. } => {
            "take more --evaluations, another --sampler, or another checkpoint".into()
        }
        _ => return None,
    };
    Some(text)
}

/// What to do about an error of a data file.
pub fn format(error: &FormatError) -> Option<String> {
    let text = match error {
        FormatError::Read { source, .. } => return Some(read(source)),
        FormatError::Write { source, .. } => return Some(write(source)),
        FormatError::Exists { .. } => "choose another name, or --force to replace it",
        FormatError::UnknownContent { .. } => "convert it to NPY, TIFF or PNG",
        FormatError::UnknownEnding { .. } => {
            "write to .npy, .npz, .vti, .tif (numbers) or .png (a montage)"
        }
        FormatError::Unsupported { .. } => "name another file or part, or convert it, say to NPY",
        FormatError::Header { .. } | FormatError::Trailing { .. } => {
            "the file is damaged or of a kind not read here; write it again as one that is"
        }
        FormatError::Truncated { .. } => "copy or download the file again",
        FormatError::TooLarge { .. } => "split the file, or store fewer or coarser fields in it",
        FormatError::Labels { .. } => "give the file of images beside it",
        FormatError::Label { .. } => "number the classes 0, 1, 2, …, one whole number a field",
        FormatError::Layout { .. } => {
            "say which axes are points and which channels: --dim, --channels, --channels-last, or data.dim, data.channels, data.channels_last"
        }
        FormatError::Mixed { .. } => {
            "bring them to one shape, or keep them in folders of their own"
        }
        FormatError::Transparent { .. } => "flatten it onto a background",
        FormatError::NonFinite { .. } => "replace such values, or leave their fields out",
        FormatError::Missing { .. } => {
            "data.missing (inspect, evaluate: --missing) = mask leaves them out of the loss, drop leaves their fields out, fill:0 puts a value in"
        }
        FormatError::Empty { .. } => {
            "give a file of fields, or a folder of PNG, JPEG or TIFF pictures"
        }
        FormatError::Hole { .. } => "add the missing slices, or read the slices as separate fields",
        FormatError::Several { .. } | FormatError::Part { .. } => {
            "name one part behind a colon, as in run.npz:density"
        }
        FormatError::Field(e) => return field(e),
        FormatError::Parameter { parameter, .. } => {
            return Some(match *parameter {
                "gap" => "lower data.gap, or give more slices".into(),
                _ => format!("change {parameter}"),
            });
        }
        // the decoders of pictures, archives and HDF5
        _ => "the file is damaged; write or download it again",
    };
    Some(text.into())
}

/// What to do where the system would not read.
pub fn read(source: &std::io::Error) -> String {
    let text = match source.kind() {
        ErrorKind::NotFound => "check the path",
        ErrorKind::PermissionDenied => "give yourself the right to read it",
        ErrorKind::IsADirectory | ErrorKind::NotADirectory => "give a file where one is meant",
        ErrorKind::InvalidData => "the file is damaged or no text; write it again",
        _ => "check that the file can be read",
    };
    text.into()
}

/// What to do where the system would not write.
pub fn write(source: &std::io::Error) -> String {
    let text = match source.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            "make room, or choose a place with more"
        }
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            "choose a folder that may be written to"
        }
        _ => "choose another place",
    };
    text.into()
}
