//! NPY, NumPy's array format: read in every byte order and both memory orders.
//!
//! Bytes: `\x93NUMPY`, version, length of the header, the header, the values. Source:
//! `numpy.lib.format`, versions 1.0 to 3.0. Own code, because limits and byte offsets in errors
//! need a reader that takes nothing on trust, and the format is this small.

#[cfg(feature = "cloud")]
use crate::StoredFields;
#[cfg(feature = "cloud")]
use crate::container::bucket::Bucket;
#[cfg(feature = "cloud")]
use crate::container::bytes::Bytes;
#[cfg(feature = "cloud")]
use crate::container::input::Input;
use crate::fields::opened::Opened;
use crate::format::entry::{Format, Found, InFolder, Packed, Place, Seen, Wanted};
use crate::format::npy::header::{MAGIC, place};
use crate::layout::Layout;
use crate::{FormatError, ReadOptions};

pub(crate) mod header;
mod spacing;

/// NPY in the table of formats.
pub(crate) const FORMAT: Format = Format {
    one: Some("a file of one array"),
    by_part: true,
    packed: Packed::InStreams,
    in_folder: InFolder::Array(&[]),
    ..Format::new("NPY", recognise, open)
};

/// By its magic number; on a server by its ending, since a request for the first bytes is saved.
fn recognise(seen: &Seen<'_>) -> bool {
    match seen {
        Seen::Head(head) => head.starts_with(MAGIC),
        #[cfg(feature = "cloud")]
        Seen::Remote(path) => crate::address::ending(path) == "npy",
        _ => false,
    }
}

/// Opens an array; its axes mean what [`Layout`] says.
fn open(found: &Found<'_>, options: &ReadOptions) -> Result<Opened, FormatError> {
    #[cfg(feature = "cloud")]
    if let Place::Remote = found.place {
        return remote(found, options).map(Opened::Stored);
    }
    let mut input = found.input()?;
    let mut array = place(&mut input)?;
    if let Place::Member(archive, member) = found.place {
        array.units = spacing::units(archive, found.path, member, array.shape.len())?;
    }
    match (found.wanted, found.alone) {
        (Wanted::Blocks, _) => array.stay(found, options).map(Opened::Stored),
        (Wanted::All, false) => array.read(input, options).map(Opened::Memory),
        (Wanted::All, true) => {
            let layout = Layout::of_one(input.path, &array.shape, options)?;
            array.read_as(layout, input, options).map(Opened::Memory)
        }
    }
}

/// An array in a bucket or on a server.
#[cfg(feature = "cloud")]
fn remote(found: &Found<'_>, options: &ReadOptions) -> Result<StoredFields, FormatError> {
    let path = found.path;
    if let Some(part) = found.part {
        let known = Vec::new();
        return Err(FormatError::Part { path: path.into(), part: part.into(), known });
    }
    let bucket = Bucket::open(path)?;
    let nothing = || FormatError::Bucket { path: path.into(), what: "nothing is there".into() };
    if !bucket.has("")? {
        return Err(nothing());
    }
    let length = bucket.length("")?.ok_or_else(nothing)?;
    let head = bucket.part("", 0, length.min(header::HEAD_AT_MOST))?;
    let array = place(&mut Input::unpacking(path, std::io::Cursor::new(head), length)?.0)?;
    array.in_bytes(found.name, Bytes::Object(bucket, length), length, options)
}
