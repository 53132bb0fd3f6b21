//! IDX, the format of MNIST: a four-byte magic number, big-endian axis lengths and values.
//!
//! The bytes are `00 00 type axes`, one `u32` for each axis, then the values, last axis fastest.
//! Source: the description on the MNIST page (LeCun, Cortes, Burges).

use crate::container::input::Input;
use crate::dtype::{Endian, SourceType};
use crate::fields::opened::Opened;
use crate::format::entry::{Format, Found, Packed, Seen};
use crate::format::safetensors::is_header;
use crate::layout::Layout;
use crate::{FormatError, RawFields, ReadOptions};

/// IDX in the table of formats.
pub(crate) const FORMAT: Format = Format {
    one: Some("a file of one array"),
    packed: Packed::InStreams,
    ..Format::new("IDX", recognise, open)
};

/// There is no proper magic number: two zero bytes and the code of a number type. Safetensors may begin
/// in the same way, and are then known by the brace of their header.
fn recognise(seen: &Seen<'_>) -> bool {
    matches!(seen, Seen::Head(head @ [0, 0, 0x08 | 0x09 | 0x0b..=0x0e, ..]) if !is_header(head))
}

fn open(found: &Found<'_>, options: &ReadOptions) -> Result<Opened, FormatError> {
    read(found.input()?, options).map(Opened::Memory)
}

/// Reads an IDX file of two to four axes as `(N, axis0, …)`, unless [`ReadOptions`] say otherwise.
fn read(mut input: Input<'_>, options: &ReadOptions) -> Result<RawFields, FormatError> {
    let (shape, dtype, endian) = place(&mut input)?;
    let axes = shape.len();
    if axes == 1 {
        return Err(FormatError::Labels { path: input.path.into(), count: shape[0] });
    }
    // by convention IDX files have no channel axis, so every axis but the first is spatial
    let mut asked = options.clone();
    if asked.channels.is_none() && asked.dim.is_none() {
        asked.dim = Some(axes - 1);
    }
    let layout = Layout::of(input.path, &shape, &asked)?;
    let path = input.path;
    let values = input.values(&shape, dtype, endian, options)?;
    layout.fields(path, values, dtype)
}

/// Reads the header of one to four axes up to the first value: shape, number type, byte order.
pub(crate) fn place(input: &mut Input<'_>) -> Result<(Vec<u64>, SourceType, Endian), FormatError> {
    let magic = input.header(4)?;
    let dtype = match magic[2] {
        0x08 => SourceType::U8,
        0x09 => SourceType::I8,
        0x0b => SourceType::I16,
        0x0c => SourceType::I32,
        0x0d => SourceType::F32,
        0x0e => SourceType::F64,
        code => {
            return Err(input.bad_header(2, format!("no IDX number type has code {code:#04x}")));
        }
    };
    let axes = usize::from(magic[3]);
    if !(1..=4).contains(&axes) {
        return Err(input.bad_header(3, format!("{axes} axes; fields need 2 to 4 of them")));
    }
    let header = input.header(4 * axes)?;
    let (lengths, _) = header.as_chunks();
    let shape = lengths.iter().map(|&n| u64::from(u32::from_be_bytes(n))).collect();
    Ok((shape, dtype, Endian::Big))
}
