//! The chunks of a Zarr array: finding, unpacking, and copying them into a region.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use crate::FormatError;
use crate::cf::Packing;
use crate::codec::checked;
use crate::fields::stored::Regions;
use crate::format::zarr::chain::Shards;
use crate::format::zarr::meta::ArrayMeta;
use crate::format::zarr::store::{Store, join};

/// Memory for recent chunks. Patches overlap and lie in few chunks, so chunks are reused.
const KEPT_BYTES: usize = 64 << 20;
/// Allowed excess of a packed chunk over its values: headers, checksums, incompressible bytes.
const PACKED_BEYOND: u64 = 1 << 16;
/// Longest accepted table of a shard: four million chunks.
const TABLE_AT_MOST: u64 = 1 << 26;
/// Largest number of chunks that are searched to count missing ones.
const LOOKED_FOR: u64 = 1 << 16;
/// Entry of a missing chunk in the table of a shard.
const ABSENT: u64 = u64::MAX;

/// Recent chunks with their position in the grid of chunks.
pub(crate) type Kept = VecDeque<(Vec<u64>, Arc<Vec<f32>>)>;

/// An array whose chunks are read when they are needed.
#[derive(Debug)]
pub(crate) struct Chunks {
    pub(crate) store: Store,
    /// Key of the array in the store.
    pub(crate) key: String,
    pub(crate) meta: ArrayMeta,
    /// How stored numbers become values; none if they are values.
    pub(crate) packing: Option<Packing>,
    /// The most recently used chunks, newest first.
    pub(crate) kept: Mutex<Kept>,
}

impl Regions for Chunks {
    fn shape(&self) -> &[u64] {
        &self.meta.shape
    }

    fn packing(&mut self) -> &mut Option<Packing> {
        &mut self.packing
    }

    fn region(&self, start: &[u64], lengths: &[u64], to: &mut [f32]) -> Result<(), FormatError> {
        let chunk = &self.meta.chunk;
        let axes = chunk.len();
        let first: Vec<u64> = (0..axes).map(|a| start[a] / chunk[a]).collect();
        let last: Vec<u64> = (0..axes).map(|a| (start[a] + lengths[a] - 1) / chunk[a]).collect();
        let mut place = first.clone();
        loop {
            match self.chunk(&place)? {
                Some(values) => self.put(&values, &place, start, lengths, to),
                None => self.put(&[], &place, start, lengths, to),
            }
            let mut axis = axes;
            loop {
                if axis == 0 {
                    return Ok(());
                }
                axis -= 1;
                if place[axis] < last[axis] {
                    place[axis] += 1;
                    break;
                }
                place[axis] = first[axis];
            }
        }
    }
}

impl Chunks {
    /// Writes the part of a region that one chunk covers. Without values, the fill value is
    /// written.
    fn put(&self, values: &[f32], place: &[u64], start: &[u64], lengths: &[u64], to: &mut [f32]) {
        let meta = &self.meta;
        let axes = place.len();
        let mut stride = vec![0; axes];
        let mut step = 1;
        for &axis in meta.order.iter().rev() {
            stride[axis] = step;
            step *= meta.chunk[axis] as usize;
        }
        // the intersection of chunk and region, relative to the region's start
        let low = |a: usize| (place[a] * meta.chunk[a]).max(start[a]);
        let high = |a: usize| {
            let end = place[a].saturating_add(1).saturating_mul(meta.chunk[a]);
            end.min(start[a] + lengths[a])
        };
        let shared: Vec<usize> = (0..axes).map(|a| (high(a) - low(a)) as usize).collect();
        let (mut from, mut at, mut apart) = (0, 0, vec![1; axes]);
        for axis in (0..axes).rev() {
            if axis + 1 < axes {
                apart[axis] = apart[axis + 1] * lengths[axis + 1] as usize;
            }
            from += (low(axis) - place[axis] * meta.chunk[axis]) as usize * stride[axis];
            at += (low(axis) - start[axis]) as usize * apart[axis];
        }
        let (line, rows) = shared.split_last().expect("arrays have an axis");
        for row in 0..rows.iter().product::<usize>() {
            let (mut rest, mut from, mut at) = (row, from, at);
            for axis in (0..rows.len()).rev() {
                from += rest % rows[axis] * stride[axis];
                at += rest % rows[axis] * apart[axis];
                rest /= rows[axis];
            }
            let to = &mut to[at..at + line];
            match values {
                [] => to.fill(self.fill()),
                values => {
                    let step = stride[axes - 1];
                    to.iter_mut().enumerate().for_each(|(i, v)| *v = values[from + i * step]);
                }
            }
        }
    }

    /// The values of one chunk in stored order; `None` if it was never written.
    fn chunk(&self, place: &[u64]) -> Result<Option<Arc<Vec<f32>>>, FormatError> {
        let lock = || self.kept.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some((_, values)) = lock().iter().find(|(kept, _)| kept == place) {
            return Ok(Some(values.clone()));
        }
        let values = self.read(place)?.map(Arc::new);
        if let Some(values) = &values {
            let mut kept = lock();
            kept.push_front((place.to_vec(), values.clone()));
            kept.truncate((KEPT_BYTES / (4 * values.len().max(1))).max(1));
        }
        Ok(values)
    }

    /// The value of points whose chunk does not exist.
    pub(crate) fn fill(&self) -> f32 {
        match &self.packing {
            None => self.meta.fill as f32,
            Some(packing) => packing.value(self.meta.fill),
        }
    }

    fn read(&self, place: &[u64]) -> Result<Option<Vec<f32>>, FormatError> {
        let meta = &self.meta;
        let Some(bytes) = bytes(&self.store, &self.key, meta, place)? else { return Ok(None) };
        let mut values = Vec::with_capacity(bytes.len() / meta.dtype.size());
        match &self.packing {
            None => meta.dtype.decode(&bytes, meta.endian, &mut values),
            Some(packing) => packing.decode(&bytes, (meta.dtype, meta.endian), &mut values),
        }
        Ok(Some(values))
    }

    /// Numbers of missing and of all chunks (or shards); `None` if there are too many to search.
    pub(crate) fn absent(&self) -> Option<(u64, u64)> {
        let meta = &self.meta;
        let inner = |axis: usize| meta.shards.as_ref().map_or(1, |shards| shards.chunks[axis]);
        let along =
            |axis: usize| meta.shape[axis].div_ceil(meta.chunk[axis].saturating_mul(inner(axis)));
        let grid: Vec<u64> = (0..meta.shape.len()).map(along).collect();
        let total = grid.iter().fold(1u64, |n, g| n.saturating_mul(*g));
        if total > LOOKED_FOR || self.store.is_far() {
            return None;
        }
        let there = |flat: u64| {
            let (mut rest, mut place) = (flat, vec![0; grid.len()]);
            for axis in (0..grid.len()).rev() {
                place[axis] = rest % grid[axis];
                rest /= grid[axis];
            }
            let name = join(&self.key, &meta.keys.name(&place));
            matches!(self.store.length(&name), Ok(Some(_)))
        };
        Some(((0..total).filter(|flat| !there(*flat)).count() as u64, total))
    }

    /// All numbers of a short array of one axis, in double precision.
    pub(crate) fn line(
        store: &Store,
        key: &str,
        meta: &ArrayMeta,
        length: u64,
    ) -> Result<Vec<f64>, FormatError> {
        let mut values = Vec::new();
        for place in 0..length.div_ceil(meta.chunk[0]) {
            let rest = (length - values.len() as u64).min(meta.chunk[0]) as usize;
            let bytes = bytes(store, key, meta, &[place])?;
            let chunk = bytes.map(|bytes| meta.dtype.decode_wide(&bytes, meta.endian));
            let chunk = chunk.unwrap_or_else(|| vec![meta.fill; rest]);
            values.extend(chunk.into_iter().take(rest));
        }
        Ok(values)
    }
}

/// The unpacked bytes of one chunk. Their number is checked.
fn bytes(
    store: &Store,
    key: &str,
    meta: &ArrayMeta,
    place: &[u64],
) -> Result<Option<Vec<u8>>, FormatError> {
    let expected = meta.chunk_bytes() as usize;
    let packed_at_most = (expected as u64).saturating_mul(2).saturating_add(PACKED_BEYOND);
    let (name, packed) = match &meta.shards {
        None => {
            let name = join(key, &meta.keys.name(place));
            let packed = store.get(&name, packed_at_most)?;
            (name, packed)
        }
        Some(shards) => shards.packed(store, key, meta, place, packed_at_most)?,
    };
    let Some(mut bytes) = packed else { return Ok(None) };
    let refused = |what| FormatError::Unsupported {
        path: store.path().into(),
        what: format!("chunk {name}: {what}"),
    };
    for (i, codec) in meta.codecs.iter().enumerate().rev() {
        // between codecs a chunk may be longer, because of checksums and headers
        let at_most = if i == 0 { expected } else { packed_at_most as usize };
        bytes = codec.undo(bytes, at_most).map_err(refused)?;
    }
    match bytes.len() == expected {
        true => Ok(Some(bytes)),
        false => Err(refused(format!("it has {} bytes of {expected}", bytes.len()))),
    }
}

impl Shards {
    /// The packed bytes of one chunk, and the name of its shard.
    fn packed(
        &self,
        store: &Store,
        key: &str,
        meta: &ArrayMeta,
        place: &[u64],
        at_most: u64,
    ) -> Result<(String, Option<Vec<u8>>), FormatError> {
        let axes = place.iter().zip(&self.chunks);
        let shard: Vec<u64> = axes.clone().map(|(p, n)| p / n).collect();
        let name = join(key, &meta.keys.name(&shard));
        let Some(length) = store.length(&name)? else { return Ok((name, None)) };
        let refused = |what: String| FormatError::Unsupported {
            path: store.path().into(),
            what: format!("shard {name}: {what}"),
        };
        let count = self.chunks.iter().fold(1u64, |n, c| n.saturating_mul(*c));
        let table = count.saturating_mul(16).saturating_add(if self.checked { 4 } else { 0 });
        if table > TABLE_AT_MOST {
            return Err(refused(format!("a table of {count} places is too long")));
        }
        let Some(start) = length.checked_sub(table) else {
            return Err(refused(format!("{length} bytes have no room for {count} places")));
        };
        let table = store.part(&name, if self.at_end { start } else { 0 }, table)?;
        let table = if self.checked { checked(table).map_err(refused)? } else { table };
        // last axis fastest
        let index = axes.fold(0, |index, (p, n)| index * n + p % n) as usize;
        let (numbers, _) = table.as_chunks();
        let [start, bytes] = [0, 1].map(|i| u64::from_le_bytes(numbers[2 * index + i]));
        if start == ABSENT && bytes == ABSENT {
            return Ok((name, None));
        }
        if bytes > at_most || start.saturating_add(bytes) > length {
            return Err(refused(format!("a chunk of {bytes} bytes at {start} of {length}")));
        }
        let packed = store.part(&name, start, bytes)?;
        Ok((name, Some(packed)))
    }
}
