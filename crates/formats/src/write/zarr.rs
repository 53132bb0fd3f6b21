//! Zarr 3, written: one array in shards, a shard at a time.
//!
//! The array is `(N, axes…)` for one channel, else `(N, C, axes…)`. A shard is a file of smaller chunks with a table of
//! their places, so there are few files, and blocks can be read alone. Small fields share a shard, each as one chunk. A
//! large field is cut into blocks. Labels of one byte are packed by gzip, because phases are large regions of one value.
//! Floats are not, because their last digits are noise. `zarr.json` is written last: a folder without it is no array.
//! Source: the Zarr core specification, version 3.1, and the codec `sharding_indexed`, version 1.0.

use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::{Compression, GzBuilder};
use serde_json::{Value, json};

use crate::write::encoding::Encoding;
use crate::write::zarr::target::{Folder, Target};
use crate::{FieldsRef, Form, FormatError, crc32c};

pub(crate) mod parts;
mod target;
#[cfg(feature = "cloud")]
pub(crate) mod upload;

/// Values of a chunk of a large field, by dimension: cubes of 64, squares of 512.
const CHUNK: [usize; 3] = [1 << 18, 512, 64];
/// Values of a shard at most: 16 MiB of single precision.
const SHARD: usize = 1 << 22;
/// Fields of at most so many values are chunks of their own.
const SMALL: usize = 1 << 18;
/// In a shard's table, a chunk that is not there.
const ABSENT: u64 = u64::MAX;

/// How an array is cut.
#[derive(Debug, Clone, PartialEq)]
struct Cut {
    /// Lengths of the array's axes.
    shape: Vec<usize>,
    chunk: Vec<usize>,
    /// A whole number of chunks along every axis.
    shard: Vec<usize>,
}

impl Cut {
    fn of(form: &Form) -> Self {
        let shape = form.shape();
        let first = shape.len() - form.points.len();
        let field = form.field_len();
        if field <= SMALL {
            let together = (SHARD / field.max(1)).clamp(1, form.count.max(1));
            let mut chunk = shape.clone();
            chunk[0] = 1;
            let mut shard = chunk.clone();
            shard[0] = together;
            return Self { shape, chunk, shard };
        }
        let mut chunk = vec![1; first];
        chunk.extend(form.points.iter().map(|n| CHUNK[form.points.len() - 1].min(*n)));
        let mut shard = chunk.clone();
        // the last axis first, so that a shard is a slab
        for axis in (first..shape.len()).rev() {
            let rest = shard.iter().product::<usize>();
            let most = (SHARD / rest).max(1);
            shard[axis] = chunk[axis] * most.min(shape[axis].div_ceil(chunk[axis]));
        }
        Self { shape, chunk, shard }
    }

    /// Shards, or chunks of a shard, along every axis.
    fn counts(whole: &[usize], part: &[usize]) -> Vec<usize> {
        whole.iter().zip(part).map(|(n, m)| n.div_ceil(*m)).collect()
    }

    /// The place of a number, last axis fastest.
    fn place(mut flat: usize, counts: &[usize]) -> Vec<usize> {
        let mut place = vec![0; counts.len()];
        for axis in (0..counts.len()).rev() {
            place[axis] = flat % counts[axis];
            flat /= counts[axis];
        }
        place
    }
}

/// Fields that lie in one file.
pub(crate) fn fields_a_shard(form: &Form) -> usize {
    Cut::of(form).shard[0]
}

/// An array that is being written.
pub(crate) struct ZarrWriter {
    path: PathBuf,
    form: Form,
    encoding: Encoding,
    cut: Cut,
    target: Box<dyn Target>,
    /// Fields that are complete.
    done: usize,
    /// Chunks of the shard of small fields at hand.
    waiting: Vec<Vec<u8>>,
}

impl ZarrWriter {
    /// Begins a store in a folder.
    pub(crate) fn begin(
        path: &Path,
        form: &Form,
        encoding: Encoding,
        overwrite: bool,
    ) -> Result<Self, FormatError> {
        #[cfg(feature = "cloud")]
        if crate::is_remote(path) {
            let target = Box::new(upload::Upload::begin(path)?);
            return Ok(Self::to(path, form, encoding, target));
        }
        let staged = Folder::begin(path)?;
        let target = Box::new(Folder::guarded(staged, path, overwrite));
        Ok(Self::to(path, form, encoding, target))
    }

    /// Begins a store anywhere.
    pub(crate) fn to(
        path: &Path,
        form: &Form,
        encoding: Encoding,
        target: Box<dyn Target>,
    ) -> Self {
        let (path, form, cut) = (path.into(), form.clone(), Cut::of(form));
        Self { path, form, encoding, cut, target, done: 0, waiting: Vec::new() }
    }

    /// Begins with field `first`, the first one of a shard; other writers write those before.
    pub(crate) fn from(mut self, first: usize) -> Self {
        self.done = first;
        self
    }

    /// Writes the next fields.
    pub(crate) fn put(&mut self, fields: FieldsRef<'_>) -> Result<(), FormatError> {
        for field in 0..fields.count() {
            if self.form.field_len() <= SMALL {
                self.small(fields, field)?;
            } else {
                self.large(fields, field)?;
            }
            self.done += 1;
        }
        Ok(())
    }

    /// One field as a chunk of the shard at hand.
    fn small(&mut self, fields: FieldsRef<'_>, field: usize) -> Result<(), FormatError> {
        let (len, together) = (self.form.field_len(), self.cut.shard[0]);
        let mut bytes = Vec::with_capacity(len * self.encoding.size());
        for index in field * len..(field + 1) * len {
            self.encoding.put(&self.path, fields, index, &mut bytes)?;
        }
        self.waiting.push(self.packed(bytes)?);
        if self.waiting.len() == together || self.done + 1 == self.form.count {
            let mut place = vec![0; self.cut.shape.len()];
            place[0] = self.done / together;
            let mut chunks: Vec<Option<Vec<u8>>> = self.waiting.drain(..).map(Some).collect();
            chunks.resize(together, None);
            self.shard(&place, chunks)?;
        }
        Ok(())
    }

    /// One field as shards of its own.
    fn large(&mut self, fields: FieldsRef<'_>, field: usize) -> Result<(), FormatError> {
        let cut = self.cut.clone();
        let mut counts = Cut::counts(&cut.shape, &cut.shard);
        counts[0] = 1;
        let inner = Cut::counts(&cut.shard, &cut.chunk);
        for flat in 0..counts.iter().product() {
            let mut shard = Cut::place(flat, &counts);
            let mut chunks = Vec::new();
            for flat in 0..inner.iter().product() {
                let place = Cut::place(flat, &inner);
                let corner: Vec<usize> = (0..place.len())
                    .map(|axis| shard[axis] * cut.shard[axis] + place[axis] * cut.chunk[axis])
                    .collect();
                let beyond = corner.iter().zip(&cut.shape).skip(1).any(|(c, n)| c >= n);
                chunks.push(match beyond {
                    true => None,
                    false => Some(self.chunk(fields, field, &corner)?),
                });
            }
            shard[0] = self.done;
            self.shard(&shard, chunks)?;
        }
        Ok(())
    }

    /// The packed bytes of a chunk of a field; zeros beyond the field.
    fn chunk(
        &self,
        fields: FieldsRef<'_>,
        field: usize,
        corner: &[usize],
    ) -> Result<Vec<u8>, FormatError> {
        let (shape, chunk) = (&self.cut.shape, &self.cut.chunk);
        let size = self.encoding.size();
        let last = shape.len() - 1;
        let mut bytes = Vec::with_capacity(chunk.iter().product::<usize>() * size);
        for line in 0..chunk[..last].iter().product() {
            let place = Cut::place(line, &chunk[..last]);
            let (mut index, mut inside) = (field, true);
            for axis in 1..last {
                let at = corner[axis] + place[axis];
                inside &= at < shape[axis];
                index = index * shape[axis] + at;
            }
            let run = if inside { chunk[last].min(shape[last] - corner[last]) } else { 0 };
            let start = index * shape[last] + corner[last];
            for index in start..start + run {
                self.encoding.put(&self.path, fields, index, &mut bytes)?;
            }
            bytes.resize(bytes.len() + (chunk[last] - run) * size, 0);
        }
        self.packed(bytes)
    }

    fn packed(&self, bytes: Vec<u8>) -> Result<Vec<u8>, FormatError> {
        if self.encoding != Encoding::U8 {
            return Ok(bytes);
        }
        // no time and no system in its header: the same bytes everywhere
        let mut gzip =
            GzBuilder::new().operating_system(255).write(Vec::new(), Compression::new(LEVEL));
        gzip.write_all(&bytes)
            .and_then(|()| gzip.finish())
            .map_err(|source| FormatError::Write { path: self.path.clone(), source })
    }

    /// Puts chunks and the table of their places.
    fn shard(&mut self, place: &[usize], chunks: Vec<Option<Vec<u8>>>) -> Result<(), FormatError> {
        let total = chunks.iter().flatten().map(Vec::len).sum::<usize>();
        let (mut bytes, mut table) =
            (Vec::with_capacity(total + 16 * chunks.len() + 4), Vec::new());
        for chunk in chunks {
            let (start, length) = match &chunk {
                Some(chunk) => (bytes.len() as u64, chunk.len() as u64),
                None => (ABSENT, ABSENT),
            };
            table.extend(start.to_le_bytes());
            table.extend(length.to_le_bytes());
            bytes.extend(chunk.unwrap_or_default());
        }
        bytes.extend(&table);
        bytes.extend(crc32c(&table).to_le_bytes());
        let words: Vec<String> = place.iter().map(usize::to_string).collect();
        self.target.put(&format!("c/{}", words.join("/")), bytes)
    }

    /// Writes the metadata and completes the store under its name.
    pub(crate) fn end(mut self) -> Result<(), FormatError> {
        let text = format!("{:#}\n", self.meta());
        self.target.put("zarr.json", text.into_bytes())?;
        self.target.place()
    }

    fn meta(&self) -> Value {
        let (form, cut) = (&self.form, &self.cut);
        let (kind, little) = match self.encoding {
            Encoding::F32 => ("float32", true),
            Encoding::F64 => ("float64", true),
            Encoding::U8 => ("uint8", false),
            Encoding::U16 { .. } => ("uint16", true),
        };
        let bytes = match little {
            true => json!({"name": "bytes", "configuration": {"endian": "little"}}),
            false => json!({"name": "bytes"}),
        };
        let gzip = json!({"name": "gzip", "configuration": {"level": LEVEL}});
        let codecs = match self.encoding {
            Encoding::U8 => json!([bytes, gzip]),
            _ => json!([bytes]),
        };
        let mut attributes = serde_json::Map::new();
        if let Some(spacing) = &form.units.spacing {
            attributes.insert("spacing".into(), json!(spacing));
        }
        if let Some(unit) = &form.units.length {
            attributes.insert("unit".into(), json!(unit));
        }
        if let Encoding::U16 { low, high } = self.encoding {
            attributes.insert("scale_factor".into(), json!((high - low) / 65535.0));
            attributes.insert("add_offset".into(), json!(low));
        }
        let axes = ["z", "y", "x"];
        let names: Vec<&str> = ["sample"]
            .into_iter()
            .chain((form.channels > 1).then_some("channel"))
            .chain(axes[3 - form.points.len()..].iter().copied())
            .collect();
        json!({
            "zarr_format": 3,
            "node_type": "array",
            "shape": cut.shape,
            "data_type": kind,
            "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": cut.shard}},
            "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
            "fill_value": 0,
            "codecs": [{"name": "sharding_indexed", "configuration": {
                "chunk_shape": cut.chunk,
                "codecs": codecs,
                "index_codecs": [
                    {"name": "bytes", "configuration": {"endian": "little"}},
                    {"name": "crc32c"},
                ],
                "index_location": "end",
            }}],
            "attributes": attributes,
            "dimension_names": names,
        })
    }
}

/// Compression level of gzip.
const LEVEL: u32 = 5;

#[cfg(test)]
mod tests;
