//! MATLAB 5 files (`save -v6` and `-v7`): one array as fields, its axes in MATLAB's order.
//!
//! A variable is named (`darcy.mat:coeff`) or is the only one that can be fields. The shape is that
//! of `size(x)` in MATLAB. The first axis, which is MATLAB's fastest, is the sample axis. Files of
//! `-v7.3` are HDF5 and are read in the same order. This is own code, because fields need little of
//! the format.

use std::path::Path;

use crate::cf::Packing;
use crate::fields::opened::Opened;
use crate::format::entry::{Format, Found, Seen};
use crate::format::mat::header::{Variable, variables};
use crate::layout::{Layout, last_axis_fastest};
use crate::limits::DEFLATE_RATIO;
use crate::{FormatError, ReadOptions};

pub(crate) mod header;

/// Bytes decoded at a time.
const AT_ONCE: usize = 1 << 16;

/// MATLAB 5 in the table of formats.
pub(crate) const FORMAT: Format = Format::new("MATLAB", recognise, open);

fn recognise(seen: &Seen<'_>) -> bool {
    matches!(seen, Seen::Head(head) if head.starts_with(b"MATLAB 5.0 MAT-f"))
}

/// Reads one variable.
fn open(found: &Found<'_>, options: &ReadOptions) -> Result<Opened, FormatError> {
    let (name, path) = (found.name, found.path);
    let (all, endian) = variables(path)?;
    let variable = choose(path, &all, found.part)?;
    let dtype = variable.dtype.map_err(|what| FormatError::Unsupported {
        path: name.into(),
        what: format!("variable {} is {what}, not an array of real numbers", variable.name),
    })?;
    let shape = squeezed(&variable.shape);
    let layout = Layout::of(name, &shape, options)?;
    let count = options.admit(name, shape.iter().copied())?;
    let (stored, bytes, mut elements) = variable.numbers(path, endian)?;
    let expected = (count as u64).saturating_mul(stored.size() as u64);
    if bytes != expected {
        let what = format!(
            "variable {} of shape {:?} has {bytes} bytes of {stored} numbers, not {expected}",
            variable.name, variable.shape
        );
        return Err(elements.wrong(what));
    }
    let (found, packed) = variable.stored_bytes();
    let most = if packed { found.saturating_mul(DEFLATE_RATIO) } else { found };
    if expected > most {
        return Err(FormatError::Truncated { path: name.into(), expected, found });
    }
    let less = Packing::less(None, options.offset);
    let mut values = Vec::with_capacity(count);
    let mut some = vec![0; AT_ONCE / stored.size() * stored.size()];
    while values.len() < count {
        let length = ((count - values.len()) * stored.size()).min(some.len());
        elements.fill(&mut some[..length])?;
        match &less {
            None => stored.decode(&some[..length], endian, &mut values),
            Some(less) => less.decode(&some[..length], (stored, endian), &mut values),
        }
    }
    let values = last_axis_fastest(&values, &shape);
    let mut fields = layout.fields(name, values, dtype)?;
    fields.notes.push(order(&variable.name, &variable.shape));
    Ok(Opened::Memory(fields))
}

/// The note on the order of axes for users of MATLAB arrays.
pub(crate) fn order(name: &str, shape: &[u64]) -> String {
    format!("{name}: axes as MATLAB's size() tells them, {shape:?}; the file stores them reversed")
}

/// The shape without an axis of length one: MATLAB stores an array of one axis as a column.
fn squeezed(shape: &[u64]) -> Vec<u64> {
    match shape {
        [n, 1] | [1, n] => vec![*n],
        _ => shape.to_vec(),
    }
}

fn choose<'v>(
    path: &Path,
    all: &'v [Variable],
    part: Option<&str>,
) -> Result<&'v Variable, FormatError> {
    if let Some(part) = part {
        return all.iter().find(|v| v.name == part).ok_or_else(|| FormatError::Part {
            path: path.into(),
            part: part.into(),
            known: all.iter().map(|v| v.name.clone()).collect(),
        });
    }
    let fields = |v: &&Variable| v.dtype.is_ok() && v.shape.iter().filter(|n| **n > 1).count() >= 2;
    let some: Vec<&Variable> = all.iter().filter(fields).collect();
    match (&some[..], all) {
        ([only], _) => Ok(only),
        // the reader reports what the variable is if it is no field
        ([], [only]) => Ok(only),
        ([], _) => Err(FormatError::Empty {
            path: path.into(),
            what: match all.iter().find_map(|v| v.dtype.err().map(|what| (&v.name, what))) {
                None => "the file holds no array of two axes or more".into(),
                Some((name, what)) => format!(
                    "the file holds no array of real numbers of two axes or more ({name} is {what})"
                ),
            },
        }),
        _ => Err(FormatError::Several {
            path: path.into(),
            parts: some.iter().map(|v| v.name.clone()).collect(),
        }),
    }
}
