//! The errors of this crate: invalid files, and invalid requests.

use std::io;
use std::path::PathBuf;

use karhunen_field::FieldError;

/// Errors of this crate. Each message has the path, the values and the requirement.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// The operating system refused to read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// What was read.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The operating system refused to write.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// What was to be written.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A store in a bucket or on a server cannot be used.
    #[error("{}: {what}", path.display())]
    Bucket {
        /// Its address.
        path: PathBuf,
        /// What is wrong; never what the environment holds.
        what: String,
    },
    /// A file exists and may not be overwritten.
    #[error("{} exists already; choose another name or allow overwriting", path.display())]
    Exists {
        /// The file in the way.
        path: PathBuf,
    },
    /// The first bytes are those of no known format.
    #[error(
        "{} starts with {head:02x?}, which is none of IDX, NPY, NPZ, PNG, JPEG, TIFF, VTI, NetCDF, HDF5, MATLAB, \
         Zarr, PyTorch, safetensors (nor IDX or NPY in gzip); raw values need their shape and type, {}:64x64x64:u8 or a file {}.toml",
        path.display(), path.display(), path.display()
    )]
    UnknownContent {
        /// The file.
        path: PathBuf,
        /// Its first bytes.
        head: Vec<u8>,
    },
    /// The extension of an output name is not known.
    #[error(
        "{}: cannot tell the format from the ending; known endings are .{}",
        path.display(), crate::limits::ENDINGS.join(", .")
    )]
    UnknownEnding {
        /// The name.
        path: PathBuf,
    },
    /// A variant of a known format that cannot be read.
    #[error("{}: {what}", path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// The variant, and what to do instead.
        what: String,
    },
    /// An invalid table of attributes.
    #[error("{}: {what}", path.display())]
    Table {
        /// The file.
        path: PathBuf,
        /// What is wrong, and in which line.
        what: String,
    },
    /// A header that breaks its format's rules.
    #[error("{}: bad header at byte {offset}: {what}", path.display())]
    Header {
        /// The file.
        path: PathBuf,
        /// Position, counted from 0 (in a gzip file: after decompression).
        offset: u64,
        /// The rule, and what was found.
        what: String,
    },
    /// A file with fewer bytes than its header claims.
    #[error("{} is cut short: {expected} bytes are declared, it has {found}", path.display())]
    Truncated {
        /// The file.
        path: PathBuf,
        /// Bytes that header and values need together.
        expected: u64,
        /// Number of bytes in the file (in a gzip file: after decompression).
        found: u64,
    },
    /// A file with more bytes than its header accounts for.
    #[error("{} goes on after the {expected} bytes that are declared", path.display())]
    Trailing {
        /// The file.
        path: PathBuf,
        /// Bytes that header and values need together.
        expected: u64,
    },
    /// Values that need more memory than allowed.
    #[error("{} needs {bytes} bytes of memory, the limit is {limit}; raise the limit to read it", path.display())]
    TooLarge {
        /// What was read.
        path: PathBuf,
        /// Bytes of the values as `f32`, or of the decoded image.
        bytes: u128,
        /// The limit.
        limit: u64,
    },
    /// A one-dimensional IDX file: class labels, not fields.
    #[error("{} holds {count} labels (an IDX file of one axis), not fields; give the images file", path.display())]
    Labels {
        /// The file.
        path: PathBuf,
        /// Number of labels in the header.
        count: u64,
    },
    /// A value that is not a label.
    #[error("{}: label {index} is {value}; labels are whole numbers from 0 to {}", path.display(), crate::limits::LARGEST_LABEL)]
    Label {
        /// The file.
        path: PathBuf,
        /// Index of the label.
        index: usize,
        /// Its value.
        value: f32,
    },
    /// An array whose shape does not fit the requested fields.
    #[error("{}: the shape {shape:?} cannot be read as fields: {requirement}", path.display())]
    Layout {
        /// The file.
        path: PathBuf,
        /// Lengths of its axes.
        shape: Vec<u64>,
        /// The requirement.
        requirement: String,
    },
    /// Pictures of different size, channels or number type in one data set.
    #[error(
        "{} is {first_shape} but {} is {second_shape}; all fields of a data set have one shape",
        first.display(), second.display()
    )]
    Mixed {
        /// The first picture.
        first: PathBuf,
        /// Its height, width, channels and type.
        first_shape: String,
        /// The first picture that differs.
        second: PathBuf,
        /// Its height, width, channels and type.
        second_shape: String,
    },
    /// A picture with transparent pixels, whose colours have no meaning by themselves.
    #[error(
        "{}: pixel {pixel} has alpha {alpha}, an opaque one {opaque}; flatten the picture first",
        path.display()
    )]
    Transparent {
        /// The file.
        path: PathBuf,
        /// Index of the first such pixel, in reading order.
        pixel: usize,
        /// Alpha of that pixel.
        alpha: f32,
        /// Alpha of an opaque pixel.
        opaque: f32,
    },
    /// Values that are NaN or that the file marks as missing.
    #[error(
        "{}: {}{count} of {of} values {}are missing, the first in sample {sample}, channel {channel}, point {point:?} (value {index})",
        path.display(), if *whole { "" } else { "at least " }, if *whole { "" } else { "looked at " }
    )]
    Missing {
        /// The file.
        path: PathBuf,
        /// Number of missing values.
        count: usize,
        /// Number of values examined.
        of: usize,
        /// Whether these are all values of the file.
        whole: bool,
        /// Flat index of the first missing value in the order `[sample, channel, axis0, …]`.
        index: usize,
        /// Field of the first missing value.
        sample: usize,
        /// Its channel.
        channel: usize,
        /// Its place on each axis, slowest first.
        point: Vec<usize>,
    },
    /// An infinity, or a number outside the range of `f32`.
    #[error("{}: value {index} is {value}; fields must be finite in single precision", path.display())]
    NonFinite {
        /// The file.
        path: PathBuf,
        /// Flat index in the order `[sample, channel, axis0, …]`.
        index: usize,
        /// The value after conversion.
        value: f64,
    },
    /// There are no fields.
    #[error("{}: {what}", path.display())]
    Empty {
        /// The file or folder.
        path: PathBuf,
        /// What is missing.
        what: String,
    },
    /// A numbered stack with missing slices, requested as one volume.
    #[error("{}: the stack jumps from slice {before} to slice {after}; a volume may have no hole", path.display())]
    Hole {
        /// The folder.
        path: PathBuf,
        /// Last slice before the gap.
        before: u64,
        /// First slice after the gap.
        after: u64,
    },
    /// The PNG or JPEG library rejected the file.
    #[error("cannot decode {}: {source}", path.display())]
    Image {
        /// The file.
        path: PathBuf,
        /// The library's reason.
        source: image::ImageError,
    },
    /// A page of a TIFF that cannot be decoded.
    #[error("cannot decode page {page} of {}: {what}", path.display())]
    Tiff {
        /// The file.
        path: PathBuf,
        /// Page, counted from 0.
        page: usize,
        /// What is wrong with it.
        what: String,
    },
    /// A file with several arrays, none of which was named.
    #[error(
        "{} holds {} arrays ({}); name one, as in {}:{}",
        path.display(), parts.len(), listed(parts), path.display(), parts[0]
    )]
    Several {
        /// The file.
        path: PathBuf,
        /// The names of the arrays, at least two.
        parts: Vec<String>,
    },
    /// A part that the file does not contain.
    #[error("{} has no part {part:?}; it has {}", path.display(), listed(known))]
    Part {
        /// The file.
        path: PathBuf,
        /// The requested part.
        part: String,
        /// The existing parts.
        known: Vec<String>,
    },
    /// The zip library rejected the file.
    #[error("cannot unpack {}: {source}", path.display())]
    Archive {
        /// The file.
        path: PathBuf,
        /// The library's reason.
        source: zip::result::ZipError,
    },
    /// The HDF5 library rejected the file.
    #[cfg(feature = "hdf5")]
    #[error("cannot decode {}: {source}", path.display())]
    Hdf5 {
        /// The file.
        path: PathBuf,
        /// The library's reason.
        source: hdf5_reader::error::Error,
    },
    /// A parameter outside its range.
    #[error("{parameter} = {value}: {requirement}")]
    Parameter {
        /// Name of the parameter as users know it.
        parameter: &'static str,
        /// The given value.
        value: String,
        /// The requirement.
        requirement: String,
    },
    /// The values do not make an ensemble.
    #[error(transparent)]
    Field(#[from] FieldError),
}

/// Number of names shown in a message; the others are counted.
const SHOWN: usize = 12;

fn listed(names: &[String]) -> String {
    match names.len() {
        0 => "none".into(),
        n if n > SHOWN => format!("{} and {} more", names[..SHOWN].join(", "), n - SHOWN),
        _ => names.join(", "),
    }
}
