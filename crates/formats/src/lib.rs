//! Readers and writers of fields: IDX, images and folders of images, NPY, montages.
//!
//! [`read()`] turns a path into [`RawFields`]: point values in the file's own units, `f32`, never
//! rescaled. [`write()`] turns fields into a file, beside which nothing half-written ever stays.
//! [`PatchSource`] and [`split_blocks`] make small fields, and honest validation sets, out of a
//! stack of large ones.
//!
//! A file is known by its content, and nothing in it is believed: sizes claimed in headers are
//! held against an explicit limit and against the file's length before memory is taken.
//!
//! What is deliberately not here: normalisation, grids with physical lengths, resampling. They
//! belong to whoever knows what the numbers mean.

mod content;
mod dtype;
mod error;
mod fields;
mod folder;
mod idx;
mod input;
mod layout;
mod montage;
mod names;
mod npy;
mod npy_header;
mod options;
mod patches;
mod picture;
mod read;
mod split;
mod tiff_pages;
mod write;

pub use dtype::SourceType;
pub use error::FormatError;
pub use fields::{FieldsRef, RawFields};
pub use montage::Montage;
pub use options::ReadOptions;
pub use patches::{PatchPlace, PatchSource};
pub use read::read;
pub use split::{Split, split_blocks};
pub use write::{Precision, WriteOptions, Written, write};
