//! Readers and writers of fields: arrays, images and stacks of them, volumes, montages.
//!
//! [`read()`] turns a path into [`RawFields`]: point values in the file's own units, `f32`, never
//! rescaled, with the spacing of points where the file tells it. [`write()`] turns fields into a
//! file, beside which nothing half-written ever stays. [`StoredFields`] leaves a large volume in
//! its file and reads what is asked for; [`StackedFields`] makes channels of several files.
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
mod archive;
mod arrays_wide;
mod attributes;
mod blocks;
mod blosc;
mod bytes;
mod calibration;
mod cf;
mod checksum;
#[cfg(feature = "cloud")]
mod cloud;
mod codecs;
mod content;
mod digits;
mod dtype;
mod encoding;
mod error;
mod fields;
mod folder;
mod folder_file;
mod form;
mod grey;
#[cfg(feature = "hdf5")]
mod hdf5;
#[cfg(feature = "hdf5")]
mod hdf5_attributes;
#[cfg(feature = "hdf5")]
mod hdf5_filters;
#[cfg(feature = "hdf5")]
mod hdf5_numbers;
mod hdf5_write;
mod idx;
mod input;
mod labels;
mod layout;
mod mat;
mod mat_header;
mod mesh_write;
mod missing;
mod montage;
mod names;
mod netcdf;
mod netcdf_header;
mod npy;
mod npy_header;
mod npz;
mod options;
mod pages;
mod patches;
mod pickle;
mod pickle_values;
mod picture;
mod placed;
mod places;
mod raw;
mod raw_write;
mod read;
mod safetensors;
mod seekable;
mod source;
mod split;
mod stacked;
mod stored;
mod stored_blocks;
mod tensors;
mod tiff_axes;
mod tiff_chunk;
mod tiff_ome;
mod tiff_page;
mod tiff_pages;
mod tiff_pixels;
mod tiff_places;
mod tiff_series;
mod tiff_tags;
mod tiff_write;
mod torch;
mod vti;
mod vti_header;
mod vti_values;
mod vti_write;
mod whole;
mod write;
mod writer;
mod zarr;
mod zarr_chain;
mod zarr_chunks;
mod zarr_meta;
mod zarr_parts;
mod zarr_store;
mod zarr_units;
mod zarr_write;

pub use address::{Address, check_address, is_remote};
pub use arrays_wide::{NumberArray, SparseRows, read_arrays, read_sparse_rows};
pub use attributes::{Attributes, MOST_ATTRIBUTES, read_attributes};
pub use checksum::crc32c;
pub use dtype::SourceType;
pub use error::FormatError;
pub use fields::{FieldsRef, RawFields, Series, Units};
pub use form::Form;
pub use labels::{LARGEST_LABEL, read_labels, read_labels_of, write_labels};
pub use mesh_write::{MESH_ENDINGS, write_mesh};
pub use missing::Missing;
pub use montage::Montage;
pub use options::ReadOptions;
pub use patches::{PatchPlace, PatchSource};
pub use read::read;
pub use source::FieldSource;
pub use split::{Split, split_blocks};
pub use stacked::StackedFields;
pub use stored::StoredFields;
pub use tensors::{ArrayValues, NamedArray, read_state_dict};
pub use whole::{keep_names, write_whole};
pub use write::{ENDINGS, Precision, WriteOptions, Written, check_shape, write, write_pictures};
pub use writer::FieldWriter;
pub use zarr_parts::ZarrParts;
