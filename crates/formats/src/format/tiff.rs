//! TIFF: pages as fields, slices or channels, read whole or, where nothing is packed, in place.

use crate::fields::opened::Opened;
use crate::format::entry::{Format, Found, InFolder, Packed, Seen, Wanted};
use crate::{FormatError, ReadOptions};

mod axes;
mod calibration;
mod chunk;
mod ome;
mod page;
mod pages;
pub(crate) mod pixels;
mod places;
mod series;
mod tags;

/// TIFF in the table of formats.
pub(crate) const FORMAT: Format = Format {
    one: Some("a file of one array"),
    by_part: true,
    packed: Packed::InZip,
    in_folder: InFolder::Pages(&["tif", "tiff"]),
    ..Format::new("TIFF", recognise, open)
};

/// TIFF and BigTIFF, in either byte order.
fn recognise(seen: &Seen<'_>) -> bool {
    let magic = |head: &[u8]| matches!(head, b"II*\0" | b"MM\0*" | b"II+\0" | b"MM\0+");
    matches!(seen, Seen::Head(head) if head.get(..4).is_some_and(magic))
}

fn open(found: &Found<'_>, options: &ReadOptions) -> Result<Opened, FormatError> {
    let (bytes, label) = (found.bytes(options)?, found.label());
    match found.wanted {
        Wanted::All => pages::read(found.name, &bytes, &label, options).map(Opened::Memory),
        Wanted::Blocks => places::open(found.name, bytes, &label, options).map(Opened::Stored),
    }
}
