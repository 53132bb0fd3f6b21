//! A sampling in independent parts, for arrays of jobs, and the whole made of them.
//!
//! Shard k of n makes the k-th part of the fields and writes it beside the file that was asked for, as
//! `samples.npy.shard-03-of-16`. Whatever the whole is to be (an array, an image, a picture), a shard holds the
//! fields as they were computed, in double precision, so that the whole is byte for byte what one process would have
//! written. A shard is a safetensors file: `fields`, `classes` where there are any, and in its metadata what was asked for.

use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use karhunen_distributed::part;
use karhunen_field::{Ensemble, Grid};
use karhunen_formats::{Precision, write_whole};
use karhunen_train::{Level, memory};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde::{Deserialize, Serialize};

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

/// All fields of a sampling in parts.
#[derive(Debug, Clone)]
pub struct Whole {
    /// The fields, on a box with the lengths of the data.
    pub fields: Ensemble,
    /// Unit of these lengths.
    pub unit: Option<String>,
    /// How they are written: bytes for labels.
    pub precision: Precision,
    /// Numbers of the fields.
    pub indices: Range<u64>,
    /// The class of each field, if they have any.
    pub classes: Vec<u32>,
    /// The files.
    pub shards: Vec<PathBuf>,
    /// Notes for the user.
    pub notes: Vec<String>,
}

impl Whole {
    /// Reads all shards of a file, which must be there and belong together. The fields are all in memory then.
    ///
    /// # Errors
    /// [`ShardError`]; [`Error::Read`]; [`karhunen_train::TrainError::Memory`].
    pub fn of(path: &Path) -> Result<Self, Error> {
        let shards = shards_of(path)?;
        let mut whole: Option<(Self, Header)> = None;
        for (shard, file) in shards {
            let (header, values, classes) = read(&file)?;
            let indices = shard.indices(header.all.clone())?;
            let damaged =
                |message: &str| ShardError::Damaged { path: file.clone(), message: message.into() };
            if (header.number, header.of) != (shard.number, shard.of) {
                return Err(damaged("its name says another one").into());
            }
            let count = (indices.end - indices.start) as usize;
            let lost = whole.as_ref().is_some_and(|w| w.0.classes.is_empty() != classes.is_empty());
            let classified = !lost && (classes.is_empty() || classes.len() == count);
            let factors = [header.grid.len(), count];
            let len = factors.iter().try_fold(header.channels, |n, f| n.checked_mul(*f));
            if len != Some(values.len()) || !classified {
                return Err(damaged("its fields are not all there").into());
            }
            let Some((known, first)) = &mut whole else {
                let (grid, all) = (&header.grid, header.all.end - header.all.start);
                let (bytes, knob) = (size_of::<f64>(), "--count of the shards");
                memory::check_fields(all as f64, grid, header.channels, bytes, knob)?;
                let fields = Ensemble::new(header.grid, header.channels, values)?;
                let precision = if header.labels { Precision::U8 } else { Precision::default() };
                let known = Self {
                    fields,
                    unit: header.unit.clone(),
                    precision,
                    indices: header.all.clone(),
                    classes,
                    shards: vec![file],
                    notes: Vec::new(),
                };
                whole = Some((known, header));
                continue;
            };
            if let Some((key, own, other)) = differing(&header, first) {
                let first = known.shards[0].clone();
                return Err(ShardError::Differs { path: file, first, key, own, other }.into());
            }
            if header.instructions != first.instructions && known.notes.is_empty() {
                known.notes.push(format!(
                    "shards were computed with {} and {}: fields of one process differ in their last digits",
                    first.instructions, header.instructions
                ));
            }
            known.fields.values.extend(values);
            known.classes.extend(classes);
            known.shards.push(file);
        }
        whole.map(|(whole, _)| whole).ok_or_else(|| ShardError::None(path.into()).into())
    }
}

/// The shards of a file by rising number, all of them.
fn shards_of(path: &Path) -> Result<Vec<(Shard, PathBuf)>, Error> {
    let folder = path.parent().filter(|f| !f.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let failed = |source| Error::Read { path: folder.into(), source };
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let own = entry.map_err(failed)?.file_name().to_string_lossy().into_owned();
        let numbers = own.strip_prefix(&name).and_then(|rest| rest.strip_prefix(".shard-"));
        let shard = numbers.and_then(|n| n.replace("-of-", "/").parse::<Shard>().ok());
        found.extend(shard.filter(|s| s.file(path).file_name().is_some_and(|n| *n == *own)));
    }
    found.sort_by_key(|shard| (shard.of, shard.number));
    let (Some(some), Some(others)) = (found.first(), found.last()) else {
        return Err(ShardError::None(path.into()).into());
    };
    let (some, others) = (some.of, others.of);
    if some != others {
        return Err(ShardError::Several { path: path.into(), some, others }.into());
    }
    let missing: Vec<u64> = (1..=some)
        .filter(|n| found.binary_search_by_key(n, |shard| shard.number).is_err())
        .collect();
    if let Some(number) = missing.first() {
        let first = Shard { number: *number, of: some }.file(path);
        let first = first.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let (path, count, of) = (path.into(), missing.len(), some);
        return Err(ShardError::Missing { path, count, of, first }.into());
    }
    Ok(found.into_iter().map(|shard| (shard, shard.file(path))).collect())
}

fn read(path: &Path) -> Result<(Header, Vec<f64>, Vec<u32>), Error> {
    let bytes = fs::read(path).map_err(|source| Error::Read { path: path.into(), source })?;
    let damaged = |message: String| ShardError::Damaged { path: path.into(), message };
    let (_, metadata) = SafeTensors::read_metadata(&bytes).map_err(|e| damaged(e.to_string()))?;
    let text = metadata.metadata().as_ref().and_then(|all| all.get(HEADER));
    let text = text.ok_or_else(|| damaged("it does not say what it holds".into()))?;
    let header: Header = serde_json::from_str(text).map_err(|e| damaged(e.to_string()))?;
    if header.format != FORMAT {
        return Err(
            damaged(format!("format {}, this program reads {FORMAT}", header.format)).into()
        );
    }
    let tensors = SafeTensors::deserialize(&bytes).map_err(|e| damaged(e.to_string()))?;
    let fields = tensors.tensor("fields").map_err(|e| damaged(e.to_string()))?;
    let values = match fields.dtype() {
        Dtype::F64 => fields.data().as_chunks().0.iter().map(|v| f64::from_le_bytes(*v)).collect(),
        Dtype::U8 => fields.data().iter().map(|v| f64::from(*v)).collect(),
        other => return Err(damaged(format!("fields of {other:?}")).into()),
    };
    let classes = match tensors.tensor("classes") {
        Ok(found) => found.data().as_chunks().0.iter().map(|v| u32::from_le_bytes(*v)).collect(),
        Err(_) => Vec::new(),
    };
    Ok((header, values, classes))
}

/// What two shards of one sampling may not differ in.
fn differing(own: &Header, first: &Header) -> Option<(String, String, String)> {
    let told = |h: &Header| -> Vec<(String, String)> {
        let all = format!("{} to {}", h.all.start, h.all.end.saturating_sub(1));
        let mut told = vec![("range of fields".to_string(), all)];
        told.extend(h.asked.iter().cloned());
        told.push(("box".into(), format!("{:?} {:?}", h.grid.axes(), h.unit)));
        told.push(("kind".into(), if h.labels { "labels" } else { "values" }.into()));
        told
    };
    let (own, first) = (told(own), told(first));
    let found = own.into_iter().zip(first).find(|(own, first)| own != first);
    found.map(|((key, own), (_, other))| (key, own, other))
}
