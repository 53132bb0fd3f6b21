//! Gzip: one file of a format that is read from the first byte to the last.

use crate::container::input::Input;
use crate::fields::opened::Opened;
use crate::format::entry::{Format, Found, Packed, Place, Seen, find};
use crate::{FormatError, ReadOptions};

/// Gzip in the table of formats.
pub(crate) const FORMAT: Format =
    Format { one: Some("a file of one array"), ..Format::new("gzip", recognise, open) };

fn recognise(seen: &Seen<'_>) -> bool {
    matches!(seen, Seen::Head(head) if head.starts_with(b"\x1f\x8b"))
}

fn open(found: &Found<'_>, options: &ReadOptions) -> Result<Opened, FormatError> {
    let (_, head) = Input::gzip(found.path)?;
    let inside = |format: &&Format| format.packed == Packed::InStreams;
    match find(found.table, &Seen::Head(&head)).filter(inside) {
        Some(format) => (format.open)(&Found { place: Place::Gzip, ..*found }, options),
        None => {
            let mut known: Vec<&str> =
                found.table.iter().filter(inside).map(|format| format.name).collect();
            known.sort_unstable();
            let known = known.join(" or ");
            Err(FormatError::Unsupported {
                path: found.path.into(),
                what: format!("of gzip files, only those with {known} inside are read; unpack it"),
            })
        }
    }
}
