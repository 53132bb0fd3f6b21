//! The knob to turn for each error of the libraries, as the binary's user knows it.
//!
//! Errors say what is wrong, with path, value and limit; which option, key or file to change depends
//! on the face they are shown in, so it stands here. Whoever knows better than the kind of an error
//! overrides it with [`crate::failure::Failure::help`].

pub mod evaluate;
pub mod sample;
pub mod train;

use std::io::ErrorKind;

use karhunen::give::ExportError;
use karhunen::{FieldError, FormatError};

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
        FieldError::NoDerivative { .. } => {
            "take a model whose network.kind is nested or fno".into()
        }
        FieldError::LargeBox { .. } => "change --box".into(),
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
        FormatError::Bucket { .. } => {
            "name another place, or set what its provider reads from the environment, as AWS_ACCESS_KEY_ID, AWS_REGION, AWS_ENDPOINT_URL"
        }
        FormatError::Exists { .. } => "choose another name, or --force to replace it",
        FormatError::UnknownContent { .. } => "convert it to NPY, TIFF or PNG",
        FormatError::UnknownEnding { .. } => {
            "write to .npy, .npz, .vti, .tif, .zarr, .raw, .h5 (numbers) or .png (a montage)"
        }
        FormatError::Unsupported { .. } => "name another file or part, or convert it, say to NPY",
        FormatError::Header { .. } | FormatError::Trailing { .. } => {
            "the file is damaged or of a kind not read here; write it again as one that is"
        }
        FormatError::Truncated { .. } => "copy or download the file again",
        FormatError::TooLarge { .. } => "split the file, or store fewer or coarser fields in it",
        FormatError::Table { .. } => {
            "write a line of names first, such as name,porosity, then a line of numbers a field"
        }
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

/// What to do about an export that is refused.
pub fn export(error: &ExportError) -> &'static str {
    match error {
        ExportError::Exported(_) => "copy the directory, or name the run it came from",
        ExportError::BelowFile { .. } => "choose a place below a folder",
        ExportError::File(_) => "choose another name for the directory",
        ExportError::Exists(_) => {
            "choose another name, or --force to replace an exported model there"
        }
        // what holds something else, and whatever is yet to come
        _ => "choose another name, or empty the directory yourself",
    }
}

/// What to do where the system would not read.
pub fn read(source: &std::io::Error) -> String {
    let text = match source.kind() {
        ErrorKind::NotFound => "check the path",
        ErrorKind::PermissionDenied => "give yourself the right to read it",
        ErrorKind::IsADirectory => "give a file where one is meant",
        ErrorKind::NotADirectory => "give a directory where one is meant",
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
