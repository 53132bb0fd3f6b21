//! Zip archives: several files that are one hierarchy, or one file of a known format.

use crate::container::zip::archive::Archive;
use crate::fields::opened::Opened;
use crate::format::entry::{
    Format, Found, InFolder, Packed, Place, Seen, Wanted, find, whole_only,
};
use crate::{FormatError, ReadOptions};

pub(crate) mod archive;

/// Zip in the table of formats. In folders, only archives of NumPy are fields.
pub(crate) const FORMAT: Format = Format {
    by_part: true,
    in_folder: InFolder::Array(&["npz"]),
    ..Format::new("NPZ", recognise, open)
};

fn recognise(seen: &Seen<'_>) -> bool {
    let magic = |head: &[u8]| head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06");
    matches!(seen, Seen::Head(head) if magic(head))
}

fn open(found: &Found<'_>, options: &ReadOptions) -> Result<Opened, FormatError> {
    let archive = Archive::open(found.path)?;
    let whole = Seen::Archive(&archive);
    if !found.alone
        && let Some(format) = find(found.table, &whole)
    {
        return (format.open)(&Found { place: Place::Archive(&archive), ..*found }, options);
    }
    let member = archive.choose(found.part)?;
    let (_, head) = member.open(found.path, found.name)?;
    let unsupported = |what: String| FormatError::Unsupported { path: found.path.into(), what };
    let inside = |format: &&Format| format.packed != Packed::No;
    let format = find(found.table, &Seen::Head(&head)).filter(inside);
    // an array whatever its ending: NPY
    let array = |format: &&Format| format.in_folder == InFolder::Array(&[]);
    match (found.wanted, format) {
        (_, format) if found.alone && !format.as_ref().is_some_and(array) => {
            Err(unsupported(format!("member {} is no NPY array", member.name)))
        }
        (Wanted::Blocks, format) if !format.is_some_and(|format| format.by_part) => {
            Err(whole_only(found.name))
        }
        (_, Some(format)) => {
            let place = Place::Member(&archive, member);
            (format.open)(&Found { part: None, place, ..*found }, options)
        }
        (_, None) => {
            let known: Vec<&str> =
                found.table.iter().filter(inside).map(|format| format.name).collect();
            Err(unsupported(format!(
                "member {} is none of {}; unpack the archive",
                member.name,
                known.join(", ")
            )))
        }
    }
}
