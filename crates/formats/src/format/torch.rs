//! PyTorch files: a zip archive of stored numbers, and a pickle that describes the tensors.
//!
//! The members are `NAME/data.pkl`, `NAME/data/0`, `NAME/data/1`, …, `NAME/byteorder`. The pickle
//! is read by [`pickle`](crate::format::torch::pickle), which runs no code. Every tensor is then checked against
//! the length of its storage. Source: `torch/serialization.py` of PyTorch 2.

use std::io::Read;
use std::path::Path;

use crate::container::zip::archive::{Archive, Member};
use crate::dtype::Endian;
use crate::fields::opened::Opened;
use crate::format::entry::{Format, Found, Place, Seen};
use crate::format::tensors::Tensor;
use crate::format::torch::values::{Id, Value, View};
use crate::{FormatError, ReadOptions};

pub(crate) mod pickle;
pub(crate) mod values;

/// Longest accepted pickle: that of a network with a million tensors.
const PICKLE_AT_MOST: u64 = 1 << 26;
/// Limits: nested dictionaries, values visited in all, tensors, and characters of a name.
const DEPTH_AT_MOST: usize = 64;
const VALUES_AT_MOST: usize = 1 << 20;
const TENSORS_AT_MOST: usize = 1 << 16;
const NAME_AT_MOST: usize = 1024;
/// The member that identifies a PyTorch archive.
const PICKLE: &str = "data.pkl";

/// PyTorch in the table of formats.
pub(crate) const FORMAT: Format =
    Format { by_part: true, ..Format::new("PyTorch", recognise, open) };

/// Archives with a pickle, and what PyTorch wrote before version 1.6: a pickle of the number
/// 0x1950a86a20f9469cfc6c.
fn recognise(seen: &Seen<'_>) -> bool {
    match seen {
        Seen::Head(head) => head.starts_with(b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46"),
        Seen::Archive(archive) => archive.all().into_iter().any(is_pickle),
        _ => false,
    }
}

fn open(found: &Found<'_>, options: &ReadOptions) -> Result<Opened, FormatError> {
    let Place::Archive(archive) = found.place else { return Err(old(found.path)) };
    // recognised by its pickle
    let tensors = tensors(archive)?.unwrap_or_default();
    Tensor::open(tensors, found, options).map(Opened::Stored)
}

/// Whether a member of an archive is the pickle of PyTorch.
fn is_pickle(member: &Member) -> bool {
    member.name.strip_suffix(PICKLE).is_some_and(in_folder)
}

/// The tensors of an archive by name; `None` if it is not a PyTorch archive.
pub(crate) fn tensors(archive: &Archive<'_>) -> Result<Option<Vec<Tensor>>, FormatError> {
    let all = archive.all();
    let Some(member) = all.iter().find(|member| is_pickle(member)) else { return Ok(None) };
    let folder = member.name.strip_suffix(PICKLE).unwrap_or_default();
    let find = |name: &str| {
        let rest = |m: &&&Member| m.name.strip_prefix(folder) == Some(name);
        all.iter().find(rest).copied()
    };
    let refused = |what: String| FormatError::Unsupported { path: archive.path.into(), what };
    let pickle = content(archive, member, PICKLE_AT_MOST)?;
    let (values, root) =
        pickle::run(&pickle).map_err(|what| refused(format!("{}: {what}", member.name)))?;
    let mut views = Views { values: &values, found: Vec::new(), looked_at: 0 };
    views.collect(root, String::new(), 0).map_err(refused)?;
    let endian = match find("byteorder") {
        Some(member) if content(archive, member, 16)?.starts_with(b"big") => Endian::Big,
        _ => Endian::Little,
    };
    let place = |(name, view): (String, &View)| {
        let key = &view.storage.key;
        let storage = find(&format!("data/{key}"))
            .ok_or_else(|| refused(format!("tensor {name}: no storage {key:?}")))?;
        if storage.deflated {
            let what = format!("member {} is packed; save it by torch.save", storage.name);
            return Err(refused(what));
        }
        let size = view.numbers.size() as u64;
        let tensor = Tensor {
            numbers: view.numbers,
            endian,
            shape: view.shape.clone(),
            strides: view.strides.iter().map(|s| s.saturating_mul(size)).collect(),
            start: storage.start.saturating_add(view.offset.saturating_mul(size)),
            name,
        };
        let (expected, found) = (tensor.end(), storage.end());
        if expected > u128::from(found) {
            return Err(FormatError::Truncated {
                path: format!("{}:{}", archive.path.display(), tensor.name).into(),
                expected: expected.min(u64::MAX.into()) as u64,
                found,
            });
        }
        Ok(tensor)
    };
    views.found.into_iter().map(place).collect::<Result<Vec<Tensor>, _>>().map(Some)
}

/// The error for a file from before PyTorch 1.6, which is a sequence of pickles and no archive.
pub(crate) fn old(path: &Path) -> FormatError {
    FormatError::Unsupported {
        path: path.into(),
        what: "written by PyTorch before 1.6; load it there and save it again by torch.save".into(),
    }
}

/// Whether the rest of a name is empty or ends as a folder does.
fn in_folder(rest: &str) -> bool {
    rest.is_empty() || rest.ends_with('/')
}

/// Unpacks a small member.
fn content(archive: &Archive<'_>, member: &Member, limit: u64) -> Result<Vec<u8>, FormatError> {
    let path = || archive.path.join(&member.name);
    let mut bytes = Vec::new();
    let read = member.reader(archive.path)?.take(limit + 1).read_to_end(&mut bytes);
    read.map_err(|source| FormatError::Read { path: path(), source })?;
    match bytes.len() as u64 > limit {
        true => Err(FormatError::TooLarge { path: path(), bytes: member.size().into(), limit }),
        false => Ok(bytes),
    }
}

/// Collects the tensors in dictionaries and lists. The search is bounded, because values may be
/// shared or circular.
struct Views<'v> {
    values: &'v [Value],
    found: Vec<(String, &'v View)>,
    looked_at: usize,
}

impl Views<'_> {
    fn collect(&mut self, id: Id, name: String, depth: usize) -> Result<(), String> {
        self.looked_at += 1;
        if depth > DEPTH_AT_MOST || self.looked_at > VALUES_AT_MOST || name.len() > NAME_AT_MOST {
            return Err(format!(
                "more than {DEPTH_AT_MOST} dictionaries within one another, {VALUES_AT_MOST} \
                 values, or {NAME_AT_MOST} letters of a name"
            ));
        }
        let below = |key: &str| match name.is_empty() {
            true => key.to_string(),
            false => format!("{name}.{key}"),
        };
        match &self.values[id] {
            Value::Tensor(_) if self.found.len() >= TENSORS_AT_MOST => {
                Err(format!("more than {TENSORS_AT_MOST} tensors"))
            }
            Value::Tensor(view) => {
                self.found.push((name, view));
                Ok(())
            }
            Value::List(items) => items
                .iter()
                .enumerate()
                .try_for_each(|(i, item)| self.collect(*item, below(&i.to_string()), depth + 1)),
            Value::Dict(items) => items.iter().try_for_each(|(key, value)| {
                let key = match &self.values[*key] {
                    Value::Text(text) => below(text),
                    Value::Int(n) => below(&n.to_string()),
                    // a value without a text key is no parameter
                    _ => return Ok(()),
                };
                self.collect(*value, key, depth + 1)
            }),
            _ => Ok(()),
        }
    }
}
