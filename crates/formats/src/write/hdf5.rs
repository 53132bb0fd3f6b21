//! HDF5, written: groups and contiguous arrays, enough for a volume in DREAM.3D's layout.
//!
//! Own code, because libraries that write HDF5 are bindings of the C library. Of the format's many ways
//! to store a thing there is one here: superblock version 2, object headers of version 2 with their
//! links and attributes inside, values in one piece. Source: "HDF5 File Format Specification Version
//! 3.0"; the checksum is B. Jenkins' lookup3.
//!
//! Layout: `/DataContainers/ImageDataContainer` with `_SIMPL_GEOMETRY` (`DIMENSIONS`, `ORIGIN`, `SPACING`,
//! x first) and `CellData`, one array of shape (z, y, x, components) a field.

use crate::Form;
use crate::write::encoding::Encoding;

/// An address that is none.
const UNDEFINED: u64 = u64::MAX;

/// What stands before the values of the first field. Every field is an array of its own, `field0`, `field1`, …,
/// as in VTI; their values follow one another, and nothing comes after them.
pub(crate) fn head(form: &Form, encoding: Encoding) -> Vec<u8> {
    Plan::new(form, encoding).head
}

/// All bytes before the first array's values; arrays follow one another.
struct Plan {
    head: Vec<u8>,
}

impl Plan {
    fn new(form: &Form, encoding: Encoding) -> Self {
        let (points, units) = (&form.points, &form.units);
        let spacing = units.spacing.clone().unwrap_or_else(|| vec![1.0; points.len()]);
        // x, y, z
        let mut cells: Vec<u64> = points.iter().rev().map(|n| *n as u64).collect();
        cells.resize(3, 1);
        let mut steps: Vec<f32> = spacing.iter().rev().map(|h| *h as f32).collect();
        steps.resize(3, 1.0);
        let shape: Vec<u64> = cells.iter().rev().copied().chain([form.channels as u64]).collect();
        let dims: Vec<u8> = cells.iter().flat_map(|n| n.to_le_bytes()).collect();
        let floats = |v: &[f32]| v.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>();
        let bytes = (form.field_len() * encoding.size()) as u64;
        // once to know the sizes, once with the addresses
        let mut at = 0;
        let mut head = Vec::new();
        for _ in 0..2 {
            let arrays = (0..form.count).map(|i| {
                let place = at + i as u64 * bytes;
                let attributes = [
                    Attribute::number("ObjectType Version", 2),
                    Attribute::numbers("ComponentDimensions", &[shape[3]]),
                    Attribute::numbers("TupleDimensions", &cells),
                    Attribute::text("ObjectType", &format!("DataArray<{}>", encoding.simpl())),
                    Attribute::text("Tuple Axis Dimensions", &tuple_axes(&cells)),
                ];
                let kind = Kind::of(encoding);
                (format!("field{i}"), array(&kind, &shape, place, bytes, &attributes))
            });
            let arrays: Vec<(String, Node)> = arrays.collect();
            let cell_data = Node::Group(
                vec![
                    Attribute::number("AttributeMatrixType", 3),
                    Attribute::numbers("TupleDimensions", &cells),
                ],
                arrays,
            );
            let small = |kind: Kind, data: Vec<u8>| Node::Values(kind, vec![3], data);
            let geometry = Node::Group(
                vec![
                    Attribute::text("GeometryName", "ImageGeometry"),
                    Attribute::text("GeometryTypeName", "ImageGeometry"),
                    Attribute::number("GeometryType", 0),
                    Attribute::number("SpatialDimensionality", 3),
                    Attribute::number("UnitDimensionality", 3),
                ],
                vec![
                    ("DIMENSIONS".into(), small(Kind::I64, dims.clone())),
                    ("ORIGIN".into(), small(Kind::F32, floats(&[0.0; 3]))),
                    ("SPACING".into(), small(Kind::F32, floats(&steps))),
                ],
            );
            let container = Node::Group(
                vec![],
                vec![("CellData".into(), cell_data), ("_SIMPL_GEOMETRY".into(), geometry)],
            );
            let containers = Node::Group(vec![], vec![("ImageDataContainer".into(), container)]);
            let bundles = Node::Group(vec![], vec![]);
            let root = Node::Group(
                vec![
                    Attribute::text("FileVersion", "7.0"),
                    Attribute::text("DREAM3D Version", "6.5.171"),
                ],
                vec![
                    ("DataContainerBundles".into(), bundles),
                    ("DataContainers".into(), containers),
                ],
            );
            head = file(&root, at + bytes * form.count as u64);
            at = head.len() as u64;
        }
        Self { head }
    }
}

/// `x=4,y=3,z=2`
fn tuple_axes(cells: &[u64]) -> String {
    format!("x={},y={},z={}", cells[0], cells[1], cells[2])
}

/// What stands at a name.
enum Node {
    Group(Vec<Attribute>, Vec<(String, Node)>),
    /// A small array, its values stored before the large ones.
    Values(Kind, Vec<u64>, Vec<u8>),
    /// An array whose values stand at an address: its messages.
    Placed(Vec<Vec<u8>>),
}

/// A type of numbers or text.
#[derive(Debug, Clone, PartialEq)]
enum Kind {
    U8,
    U16,
    I32,
    I64,
    F32,
    F64,
    Text(usize),
}

impl Kind {
    fn of(encoding: Encoding) -> Self {
        match encoding {
            Encoding::U8 => Kind::U8,
            Encoding::U16 { .. } => Kind::U16,
            Encoding::F32 => Kind::F32,
            Encoding::F64 => Kind::F64,
        }
    }

    fn size(&self) -> u32 {
        match self {
            Kind::U8 => 1,
            Kind::U16 => 2,
            Kind::I32 | Kind::F32 => 4,
            Kind::I64 | Kind::F64 => 8,
            Kind::Text(length) => *length as u32,
        }
    }

    /// The datatype message.
    fn message(&self) -> Vec<u8> {
        let size = self.size();
        let whole = |signed: bool| {
            let mut m = vec![0x10, if signed { 8 } else { 0 }, 0, 0];
            m.extend(size.to_le_bytes());
            m.extend(0u16.to_le_bytes());
            m.extend((8 * size as u16).to_le_bytes());
            m
        };
        let float = |sign: u8, exponent: (u8, u8), mantissa: u8, bias: u32| {
            let mut m = vec![0x11, 0x20, sign, 0];
            m.extend(size.to_le_bytes());
            m.extend(0u16.to_le_bytes());
            m.extend((8 * size as u16).to_le_bytes());
            m.extend([exponent.0, exponent.1, 0, mantissa]);
            m.extend(bias.to_le_bytes());
            m
        };
        match self {
            Kind::U8 | Kind::U16 => whole(false),
            Kind::I32 | Kind::I64 => whole(true),
            Kind::F32 => float(31, (23, 8), 23, 127),
            Kind::F64 => float(63, (52, 11), 52, 1023),
            // ended by a zero, ASCII
            Kind::Text(_) => [&[0x13, 0, 0, 0][..], &size.to_le_bytes()].concat(),
        }
    }
}

/// The dataspace message of a shape; of one value for none.
fn space(shape: &[u64]) -> Vec<u8> {
    let mut m = vec![2, shape.len() as u8, 0, u8::from(!shape.is_empty())];
    shape.iter().for_each(|n| m.extend(n.to_le_bytes()));
    m
}

struct Attribute {
    name: String,
    kind: Kind,
    shape: Vec<u64>,
    data: Vec<u8>,
}

impl Attribute {
    fn number(name: &str, value: i32) -> Self {
        let data = value.to_le_bytes().into();
        Self { name: name.into(), kind: Kind::I32, shape: vec![1], data }
    }

    fn numbers(name: &str, values: &[u64]) -> Self {
        let data = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        Self { name: name.into(), kind: Kind::I64, shape: vec![values.len() as u64], data }
    }

    fn text(name: &str, value: &str) -> Self {
        let data = [value.as_bytes(), &[0]].concat();
        Self { name: name.into(), kind: Kind::Text(data.len()), shape: vec![], data }
    }

    fn message(&self) -> Vec<u8> {
        let (kind, space) = (self.kind.message(), space(&self.shape));
        let name = [self.name.as_bytes(), &[0]].concat();
        let mut m = vec![3, 0];
        for length in [name.len(), kind.len(), space.len()] {
            m.extend((length as u16).to_le_bytes());
        }
        // the name is ASCII
        m.push(0);
        [m, name, kind, space, self.data.clone()].concat()
    }
}

/// Messages of an array whose `bytes` of values stand at `place`.
fn array(kind: &Kind, shape: &[u64], place: u64, bytes: u64, attributes: &[Attribute]) -> Node {
    let mut messages = value_messages(kind, shape, place, bytes);
    messages.extend(attributes.iter().map(|a| message(0x0C, a.message())));
    Node::Placed(messages)
}

fn value_messages(kind: &Kind, shape: &[u64], place: u64, bytes: u64) -> Vec<Vec<u8>> {
    let mut layout = vec![3, 1];
    layout.extend(place.to_le_bytes());
    layout.extend(bytes.to_le_bytes());
    vec![
        message(0x01, space(shape)),
        message(0x03, kind.message()),
        // space is allocated at once, nothing is filled in
        message(0x05, vec![3, 0x0A]),
        message(0x08, layout),
    ]
}

/// A message of an object header, before its size is checked.
fn message(kind: u8, data: Vec<u8>) -> Vec<u8> {
    let mut m = vec![kind];
    m.extend((data.len() as u16).to_le_bytes());
    m.push(0);
    m.extend(data);
    m
}

/// An object header of version 2 around its messages.
fn header(messages: &[Vec<u8>]) -> Vec<u8> {
    let size: usize = messages.iter().map(Vec::len).sum();
    // the size of the messages takes four bytes
    let mut bytes = b"OHDR\x02\x02".to_vec();
    bytes.extend((size as u32).to_le_bytes());
    messages.iter().for_each(|m| bytes.extend(m));
    let sum = checksum(&bytes);
    bytes.extend(sum.to_le_bytes());
    bytes
}

/// Superblock and all objects; the file ends `values` bytes later than what is returned says.
fn file(root: &Node, end: u64) -> Vec<u8> {
    const SUPERBLOCK: usize = 48;
    let mut bytes = vec![0; SUPERBLOCK];
    let place = put(root, &mut bytes);
    let mut head = b"\x89HDF\r\n\x1a\n\x02\x08\x08\x00".to_vec();
    [0, UNDEFINED, end, place].iter().for_each(|n| head.extend(n.to_le_bytes()));
    let sum = checksum(&head);
    head.extend(sum.to_le_bytes());
    bytes[..SUPERBLOCK].copy_from_slice(&head);
    bytes
}

/// Appends an object, what it holds first; its address.
fn put(node: &Node, bytes: &mut Vec<u8>) -> u64 {
    let messages = match node {
        Node::Placed(messages) => messages.clone(),
        Node::Values(kind, shape, data) => {
            let place = bytes.len() as u64;
            bytes.extend(data);
            value_messages(kind, shape, place, data.len() as u64)
        }
        Node::Group(attributes, members) => {
            let mut messages = vec![
                // links in the header, and no more said of them
                message(0x02, [&[0, 0][..], &[0xFF; 16]].concat()),
                message(0x0A, vec![0, 0]),
            ];
            for (name, member) in members {
                let place = put(member, bytes);
                let mut link = vec![1, 0, name.len() as u8];
                link.extend(name.as_bytes());
                link.extend(place.to_le_bytes());
                messages.push(message(0x06, link));
            }
            messages.extend(attributes.iter().map(|a| message(0x0C, a.message())));
            messages
        }
    };
    let place = bytes.len() as u64;
    bytes.extend(header(&messages));
    place
}

/// B. Jenkins' lookup3 `hashlittle` with the initial value 0.
fn checksum(data: &[u8]) -> u32 {
    let start = 0xDEAD_BEEF_u32.wrapping_add(data.len() as u32);
    let (mut a, mut b, mut c) = (start, start, start);
    if data.is_empty() {
        return c;
    }
    let word = |bytes: &[u8], i: usize| {
        let mut four = [0; 4];
        let from = bytes.get(4 * i..).unwrap_or_default();
        let n = from.len().min(4);
        four[..n].copy_from_slice(&from[..n]);
        u32::from_le_bytes(four)
    };
    // the last block, of up to twelve bytes, is mixed otherwise
    let last = (data.len() - 1) / 12;
    for block in data.chunks(12).take(last) {
        a = a.wrapping_add(word(block, 0));
        b = b.wrapping_add(word(block, 1));
        c = c.wrapping_add(word(block, 2));
        a = a.wrapping_sub(c) ^ c.rotate_left(4);
        c = c.wrapping_add(b);
        b = b.wrapping_sub(a) ^ a.rotate_left(6);
        a = a.wrapping_add(c);
        c = c.wrapping_sub(b) ^ b.rotate_left(8);
        b = b.wrapping_add(a);
        a = a.wrapping_sub(c) ^ c.rotate_left(16);
        c = c.wrapping_add(b);
        b = b.wrapping_sub(a) ^ a.rotate_left(19);
        a = a.wrapping_add(c);
        c = c.wrapping_sub(b) ^ b.rotate_left(4);
        b = b.wrapping_add(a);
    }
    let tail = &data[12 * last..];
    a = a.wrapping_add(word(tail, 0));
    b = b.wrapping_add(word(tail, 1));
    c = c.wrapping_add(word(tail, 2));
    c = (c ^ b).wrapping_sub(b.rotate_left(14));
    a = (a ^ c).wrapping_sub(c.rotate_left(11));
    b = (b ^ a).wrapping_sub(a.rotate_left(25));
    c = (c ^ b).wrapping_sub(b.rotate_left(16));
    a = (a ^ c).wrapping_sub(c.rotate_left(4));
    b = (b ^ a).wrapping_sub(a.rotate_left(14));
    (c ^ b).wrapping_sub(b.rotate_left(24))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_lookup3() {
        // from lookup3.c's driver5
        assert_eq!(checksum(b""), 0xDEAD_BEEF);
        assert_eq!(checksum(b"Four score and seven years ago"), 0x1777_0551);
    }
}
