//! The whole that shards make: what they have in common, and their fields one after another.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};

use karhunen_field::{Ensemble, Grid};
use karhunen_formats::Precision;
use karhunen_train::memory;
use safetensors::Dtype;
use safetensors::tensor::{Metadata, TensorInfo};

use super::{FORMAT, HEADER, Header, Shard, ShardError};
use crate::Error;

/// Values that are read from a file at once.
const BLOCK: usize = 1 << 13;
/// Bytes of the length that a safetensors file begins with.
const LENGTH: u64 = size_of::<u64>() as u64;
/// Most bytes of a head, as the library that writes shards has it.
const HEAD: u64 = 100_000_000;

/// All fields of a sampling in parts. Values stay in their files until they are asked for.
#[derive(Debug, Clone)]
pub struct Whole {
    /// Grid of the fields, with the lengths of the data.
    pub grid: Grid,
    /// Channels of each field.
    pub channels: usize,
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
    /// Where the values of each file are.
    places: Vec<Values>,
}

/// The values of one shard in its file.
#[derive(Debug, Clone)]
struct Values {
    /// Where they begin.
    from: u64,
    /// How many there are.
    len: usize,
    /// Whether each is a byte, as labels are, and not a double.
    bytes: bool,
}

impl Whole {
    /// Finds all shards of a file, which must be there and belong together. Only what they say of themselves and their classes are
    /// read.
    ///
    /// # Errors
    /// [`ShardError`]; [`Error::Read`].
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
            if len != Some(values.len) || !classified {
                return Err(damaged("its fields are not all there").into());
            }
            let Some((known, first)) = &mut whole else {
                let precision = if header.labels { Precision::U8 } else { Precision::default() };
                let known = Self {
                    grid: header.grid,
                    channels: header.channels,
                    unit: header.unit.clone(),
                    precision,
                    indices: header.all.clone(),
                    classes,
                    shards: vec![file],
                    notes: Vec::new(),
                    places: vec![values],
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
            known.classes.extend(classes);
            known.shards.push(file);
            known.places.push(values);
        }
        whole.map(|(whole, _)| whole).ok_or_else(|| ShardError::None(path.into()).into())
    }

    /// Number of the fields.
    pub fn count(&self) -> u64 {
        self.indices.end - self.indices.start
    }

    /// Reads the fields one after another, by rising number; one of them is in memory at a time.
    ///
    /// # Errors
    /// [`Error::Read`]; [`karhunen_train::TrainError::Memory`] where one does not fit; those of `take`, which end it.
    pub fn each<E: From<Error>>(
        &self,
        mut take: impl FnMut(Ensemble) -> Result<(), E>,
    ) -> Result<(), E> {
        self.admit(1)?;
        for (path, values) in self.shards.iter().zip(&self.places) {
            let failed = |source| Error::Read { path: path.clone(), source };
            let mut file = File::open(path).map_err(failed)?;
            file.seek(SeekFrom::Start(values.from)).map_err(failed)?;
            let len = self.channels * self.grid.len();
            for _ in 0..values.len / len.max(1) {
                let values = values_of(&mut file, len, values.bytes).map_err(failed)?;
                let (grid, channels) = (self.grid, self.channels);
                take(Ensemble::new(grid, channels, values).map_err(Error::from)?)?;
            }
        }
        Ok(())
    }

    /// All fields together, for what looks at all of them.
    ///
    /// # Errors
    /// As [`Whole::each`], where all do not fit.
    pub fn together(&self) -> Result<Ensemble, Error> {
        self.admit(self.count())?;
        let mut values = Vec::with_capacity(self.places.iter().map(|values| values.len).sum());
        self.each(|field| {
            values.extend(field.values);
            Ok::<_, Error>(())
        })?;
        Ok(Ensemble::new(self.grid, self.channels, values)?)
    }

    /// Refuses more fields than memory has room for.
    fn admit(&self, fields: u64) -> Result<(), Error> {
        let (bytes, knob) = (size_of::<f64>(), "--count of the shards");
        Ok(memory::check_fields(fields as f64, &self.grid, self.channels, bytes, knob)?)
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

/// What a shard says of itself, where its values are, and its classes.
fn read(path: &Path) -> Result<(Header, Values, Vec<u32>), Error> {
    let failed = |source| Error::Read { path: path.into(), source };
    let damaged = |message: String| ShardError::Damaged { path: path.into(), message };
    let mut file = File::open(path).map_err(failed)?;
    let size = file.metadata().map_err(failed)?.len();
    let mut length = [0; size_of::<u64>()];
    let mut head = Vec::new();
    if size > LENGTH {
        file.read_exact(&mut length).map_err(failed)?;
        file.by_ref()
            .take(u64::from_le_bytes(length).min(HEAD))
            .read_to_end(&mut head)
            .map_err(failed)?;
    }
    let begin = LENGTH + head.len() as u64;
    let metadata: Metadata = serde_json::from_slice(&head).map_err(|e| damaged(e.to_string()))?;
    let text = metadata.metadata().as_ref().and_then(|all| all.get(HEADER));
    let text = text.ok_or_else(|| damaged("it does not say what it holds".into()))?;
    let header: Header = serde_json::from_str(text).map_err(|e| damaged(e.to_string()))?;
    if header.format != FORMAT {
        return Err(
            damaged(format!("format {}, this program reads {FORMAT}", header.format)).into()
        );
    }
    let place = |info: &TensorInfo| {
        let (start, end) = info.data_offsets;
        let there = start <= end && (end as u64) <= size - begin;
        there.then_some((begin + start as u64, end - start))
    };
    let lost = || damaged("its values are not all there".into());
    let fields = metadata.info("fields").ok_or_else(|| damaged("it has no fields".into()))?;
    let (from, len) = place(fields).ok_or_else(lost)?;
    let (bytes, each) = match fields.dtype {
        Dtype::F64 => (false, size_of::<f64>()),
        Dtype::U8 => (true, 1),
        other => return Err(damaged(format!("fields of {other:?}")).into()),
    };
    if metadata.data_len() as u64 != size - begin || !len.is_multiple_of(each) {
        return Err(lost().into());
    }
    let values = Values { from, len: len / each, bytes };
    let Some(classes) = metadata.info("classes") else { return Ok((header, values, Vec::new())) };
    let (from, len) = place(classes).ok_or_else(lost)?;
    let mut numbers = vec![0; len];
    file.seek(SeekFrom::Start(from)).map_err(failed)?;
    file.read_exact(&mut numbers).map_err(failed)?;
    let classes = numbers.as_chunks().0.iter().map(|v| u32::from_le_bytes(*v)).collect();
    Ok((header, values, classes))
}

/// The next values of a file.
fn values_of(file: &mut File, len: usize, bytes: bool) -> io::Result<Vec<f64>> {
    let mut values = Vec::with_capacity(len);
    let each = if bytes { 1 } else { size_of::<f64>() };
    let mut block = vec![0; BLOCK * each];
    while values.len() < len {
        let next = BLOCK.min(len - values.len()) * each;
        let block = &mut block[..next];
        file.read_exact(block)?;
        match bytes {
            true => values.extend(block.iter().map(|v| f64::from(*v))),
            false => values.extend(block.as_chunks().0.iter().map(|v| f64::from_le_bytes(*v))),
        }
    }
    Ok(values)
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
