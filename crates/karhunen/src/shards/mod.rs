//! A sampling in independent parts, for arrays of jobs, and the whole made of them.
//!
//! Shard k of n makes the k-th part of the fields and writes it beside the file that was asked for, as
//! `samples.npy.shard-03-of-16`. Whatever the whole is to be (an array, an image, a picture), a shard holds the
//! fields as they were computed, in double precision, so that the whole is byte for byte what one process would have
//! written. A shard is a safetensors file: `fields`, `classes` where there are any, and in its metadata what was asked for.

mod whole;

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use karhunen_distributed::part;
use karhunen_field::{Ensemble, Grid};
use karhunen_formats::{Precision, write_whole};
use karhunen_train::Level;
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use serde::{Deserialize, Serialize};

pub use whole::Whole;

use crate::Error;

/// Version of the format; it changes with the meaning of a shard.
const FORMAT: u32 = 1;
/// Key of the metadata.
const HEADER: &str = "shard";
/// Largest number of shards.
const MOST: u64 = 99_999;

/// One part of several, as typed: `3/16` is the third of sixteen.
///
/// # Example
/// ```
/// use karhunen::Shard;
/// let shard: Shard = "3/16".parse()?;
/// assert_eq!(shard.indices(100..200)?, 112..118);
/// assert_eq!(shard.file("out/x.npy".as_ref()), std::path::Path::new("out/x.npy.shard-03-of-16"));
/// assert!("17/16".parse::<Shard>().is_err());
/// # Ok::<(), karhunen::ShardError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    number: u64,
    of: u64,
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

impl FromStr for Shard {
    type Err = ShardError;

    fn from_str(text: &str) -> Result<Self, ShardError> {
        let numbers = text.split_once('/');
        let parsed =
            numbers.and_then(|(k, n)| Some((k.trim().parse().ok()?, n.trim().parse().ok()?)));
        match parsed {
            Some((number, of)) if (1..=of).contains(&number) && of <= MOST => {
                Ok(Self { number, of })
            }
            _ => Err(ShardError::Text(text.into())),
        }
    }
}

impl Shard {
    /// The fields that are its own.
    ///
    /// # Errors
    /// [`ShardError::TooMany`] where there are fewer fields than shards.
    pub fn indices(&self, all: Range<u64>) -> Result<Range<u64>, ShardError> {
        let (count, of) = (all.end.saturating_sub(all.start), self.of);
        if count < of {
            return Err(ShardError::TooMany { count, of });
        }
        let own = part(count as usize, self.number as usize - 1, of as usize);
        Ok(all.start + own.start as u64..all.start + own.end as u64)
    }

    /// Where it is written, beside the file that the whole will be.
    pub fn file(&self, whole: &Path) -> PathBuf {
        let name = whole.file_name().unwrap_or_default().to_string_lossy();
        let digits = self.of.to_string().len();
        whole.with_file_name(format!("{name}.shard-{:0digits$}-of-{}", self.number, self.of))
    }
}

/// Shards that cannot be made, or cannot be merged.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ShardError {
    /// A text that names no shard.
    #[error("`{0}` is no shard; write 3/16 for the third of sixteen, at most {MOST}")]
    Text(String),
    /// More shards than fields.
    #[error("{count} fields make no {of} shards")]
    TooMany {
        /// The fields.
        count: u64,
        /// The shards.
        of: u64,
    },
    /// Options that ask for all fields at once.
    #[error("{0} needs all fields in one process")]
    NeedsAll(&'static str),
    /// No shard of a file.
    #[error("{path}: no shard of it is there", path = .0.display())]
    None(PathBuf),
    /// Shards of several samplings.
    #[error("{path}: there are shards of {some} and of {others}", path = path.display())]
    Several {
        /// The file that the whole would be.
        path: PathBuf,
        /// A number of shards.
        some: u64,
        /// Another one.
        others: u64,
    },
    /// Shards that are not there.
    #[error("{path}: {count} of {of} shards are not there, {first} the first", path = path.display())]
    Missing {
        /// The file that the whole would be.
        path: PathBuf,
        /// How many.
        count: usize,
        /// Of so many.
        of: u64,
        /// The name of the first.
        first: String,
    },
    /// A file that is no shard, or not a whole one.
    #[error("{path}: not a shard of this program: {message}", path = path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// A shard of another sampling.
    #[error("{path}: another {key} than {first} has: {own}, not {other}", path = path.display(), first = first.display())]
    Differs {
        /// The shard.
        path: PathBuf,
        /// The first shard.
        first: PathBuf,
        /// What differs.
        key: String,
        /// As the shard has it.
        own: String,
        /// As the first one has it.
        other: String,
    },
}

/// The metadata of a shard.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Header {
    format: u32,
    number: u64,
    of: u64,
    /// Numbers of all fields.
    all: Range<u64>,
    grid: Grid,
    channels: usize,
    unit: Option<String>,
    labels: bool,
    /// What was asked for besides, by name.
    asked: Vec<(String, String)>,
    /// The instruction set it was computed with.
    instructions: String,
}

/// Fields of a shard with what belongs to them.
#[derive(Debug, Clone)]
pub struct Part<'a> {
    /// Which it is.
    pub shard: Shard,
    /// Numbers of all fields.
    pub all: Range<u64>,
    /// Its own fields, on a box with the lengths of the data.
    pub fields: &'a Ensemble,
    /// Unit of these lengths.
    pub unit: Option<&'a str>,
    /// How the whole will be written: bytes for labels.
    pub precision: Precision,
    /// The class of each field, if they have any.
    pub classes: &'a [u32],
    /// What decides the fields: [`crate::Sampling::identity`].
    pub asked: Vec<(String, String)>,
}

impl Part<'_> {
    /// Writes the shard beside the file that the whole will be; it appears when it is complete.
    ///
    /// # Errors
    /// [`Error::Exists`] without `overwrite`; [`Error::Write`].
    pub fn write(&self, whole: &Path, overwrite: bool) -> Result<PathBuf, Error> {
        let path = self.shard.file(whole);
        if path.exists() && !overwrite {
            return Err(Error::Exists(path));
        }
        crate::output::make_folder(&path)?;
        let labels = self.precision == Precision::U8;
        let header = Header {
            format: FORMAT,
            number: self.shard.number,
            of: self.shard.of,
            all: self.all.clone(),
            grid: self.fields.grid,
            channels: self.fields.channels,
            unit: self.unit.map(String::from),
            labels,
            asked: self.asked.clone(),
            instructions: format!("{:?}", Level::current()).to_lowercase(),
        };
        let written = self.bytes(&header).and_then(|bytes| write_whole(&path, &bytes));
        written.map_err(|source| Error::Write { path: path.clone(), source })?;
        Ok(path)
    }

    fn bytes(&self, header: &Header) -> std::io::Result<Vec<u8>> {
        let other = std::io::Error::other::<String>;
        let values = self.fields.values.iter();
        let (dtype, bytes): (Dtype, Vec<u8>) = match header.labels {
            true => (Dtype::U8, values.map(|v| *v as u8).collect()),
            false => (Dtype::F64, values.flat_map(|v| v.to_le_bytes()).collect()),
        };
        let mut shape = vec![self.fields.count(), self.fields.channels];
        shape.extend(self.fields.grid.points());
        let classes: Vec<u8> = self.classes.iter().flat_map(|c| c.to_le_bytes()).collect();
        let view = |dtype, shape, bytes| {
            TensorView::new(dtype, shape, bytes).map_err(|e| other(e.to_string()))
        };
        let mut tensors = vec![("fields", view(dtype, shape, &bytes[..])?)];
        if !self.classes.is_empty() {
            tensors.push(("classes", view(Dtype::U32, vec![self.classes.len()], &classes[..])?));
        }
        let text = serde_json::to_string(header).map_err(|e| other(e.to_string()))?;
        let metadata = HashMap::from([(HEADER.to_string(), text)]);
        safetensors::serialize(tensors, Some(metadata)).map_err(|e| other(e.to_string()))
    }
}
