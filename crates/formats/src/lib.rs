//! Readers and writers of fields: arrays, images and stacks of them, volumes, montages.
//!
//! [`read()`] turns a path into [`RawFields`]: point values in the file's own units, `f32`, never
//! rescaled, with the spacing of points where the file tells it. [`write()`] turns fields into a
//! file, beside which nothing half-written ever stays. [`open()`] leaves fields in their file where
//! its format allows it, as [`StoredFields`], and reads what is asked for; [`StackedFields`] makes
//! channels of several files.
//! [`PatchSource`] and [`split_blocks`] make small fields, and honest validation sets, out of large
//! ones of either kind. [`read_state_dict`] reads the named arrays of a network, and runs nothing.
//!
//! A file is known by its content (raw values excepted: they have none), and nothing in it is
//! believed: sizes claimed in headers are held against an explicit limit and against the file's
//! length before memory is taken. Axes are in one order everywhere, slowest first: `[sample,
//! channel, z, y, x]`.
//!
//! What is deliberately not here: normalisation, grids with physical lengths, resampling. They
//! belong to whoever knows what the numbers mean.

mod address;
mod beside;
mod cf;
mod checksum;
mod codec;
mod container;
mod digits;
mod dtype;
mod error;
mod fields;
mod format;
mod layout;
mod limits;
mod missing;
mod names;
mod open;
mod options;
mod units;
mod write;

pub use address::{Address, check_address, is_remote};
pub use beside::attributes::{Attributes, MOST_ATTRIBUTES, read_attributes};
pub use beside::labels::{read_labels, read_labels_of, write_labels};
pub use beside::numbers::{NumberArray, SparseRows, read_arrays, read_sparse_rows};
pub use beside::state_dict::read_state_dict;
pub use checksum::crc32c;
pub use dtype::SourceType;
pub use error::FormatError;
pub use fields::patches::{PatchPlace, PatchSource};
pub use fields::raw::RawFields;
pub use fields::source::FieldSource;
pub use fields::split::{Split, split_blocks};
pub use fields::stacked::StackedFields;
pub use fields::stored::StoredFields;
pub use format::tensors::{ArrayValues, NamedArray};
pub use limits::{ENDINGS, LARGEST_LABEL};
pub use missing::Missing;
pub use open::{open, read};
pub use options::ReadOptions;
pub use units::{Series, Units};
pub use write::fields::FieldsRef;
pub use write::form::Form;
pub use write::mesh::{MESH_ENDINGS, write_mesh};
pub use write::montage::Montage;
pub use write::options::{Precision, WriteOptions, Written};
pub use write::whole::{keep_names, write_whole};
pub use write::writer::FieldWriter;
pub use write::zarr::parts::ZarrParts;
pub use write::{check_shape, write, write_pictures};
