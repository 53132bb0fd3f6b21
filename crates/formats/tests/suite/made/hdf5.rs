//! HDF5 of a few objects at known places, with sums that are right: groups whose links may form circles, data sets in every
//! layout, filters, attributes, continued headers.

use super::Choices;

/// Bytes that one object may take, and where the first begins.
const SLOT: u64 = 1024;
const FIRST: u64 = 64;
/// Objects, then a tree of chunks, then values.
const OBJECTS: u64 = 4;
const TREE: u64 = FIRST + OBJECTS * SLOT;
const VALUES: u64 = TREE + SLOT;
const NOWHERE: u64 = u64::MAX;

/// B. Jenkins' lookup3, which all parts of the later versions end in.
fn sum(bytes: &[u8]) -> u32 {
    let word = |part: &[u8], i: usize| -> u32 {
        (0..4).map(|b| part.get(4 * i + b).map_or(0, |v| u32::from(*v) << (8 * b))).sum()
    };
    let start = 0xdead_beef_u32.wrapping_add(bytes.len() as u32);
    let (mut a, mut b, mut c) = (start, start, start);
    let mut rest = bytes;
    while rest.len() > 12 {
        a = a.wrapping_add(word(rest, 0));
        b = b.wrapping_add(word(rest, 1));
        c = c.wrapping_add(word(rest, 2));
        for (turn, to) in [(4, 0), (6, 1), (8, 2), (16, 0), (19, 1), (4, 2)] {
            match to {
                0 => (a, c) = (a.wrapping_sub(c) ^ c.rotate_left(turn), c.wrapping_add(b)),
                1 => (b, a) = (b.wrapping_sub(a) ^ a.rotate_left(turn), a.wrapping_add(c)),
                _ => (c, b) = (c.wrapping_sub(b) ^ b.rotate_left(turn), b.wrapping_add(a)),
            }
        }
        rest = &rest[12..];
    }
    if rest.is_empty() {
        return c;
    }
    a = a.wrapping_add(word(rest, 0));
    b = b.wrapping_add(word(rest, 1));
    c = c.wrapping_add(word(rest, 2));
    c = (c ^ b).wrapping_sub(b.rotate_left(14));
    a = (a ^ c).wrapping_sub(c.rotate_left(11));
    b = (b ^ a).wrapping_sub(a.rotate_left(25));
    c = (c ^ b).wrapping_sub(b.rotate_left(16));
    a = (a ^ c).wrapping_sub(c.rotate_left(4));
    b = (b ^ a).wrapping_sub(a.rotate_left(14));
    (c ^ b).wrapping_sub(b.rotate_left(24))
}

fn summed(mut bytes: Vec<u8>) -> Vec<u8> {
    let sum = sum(&bytes);
    bytes.extend(sum.to_le_bytes());
    bytes
}

/// One message of a header.
fn message(to: &mut Vec<u8>, kind: u8, data: &[u8], choices: &mut Choices) {
    to.push(choices.mostly(u64::from(kind)) as u8);
    to.extend((choices.mostly(data.len() as u64) as u16).to_le_bytes());
    to.push(0);
    to.extend(data);
}

fn header(messages: &[u8]) -> Vec<u8> {
    let mut bytes = b"OHDR\x02\x02".to_vec();
    bytes.extend((messages.len() as u32).to_le_bytes());
    bytes.extend(messages);
    summed(bytes)
}

fn dataspace(shape: &[u64]) -> Vec<u8> {
    let mut bytes = vec![2, shape.len() as u8, 0, u8::from(!shape.is_empty())];
    shape.iter().for_each(|n| bytes.extend(n.to_le_bytes()));
    bytes
}

/// A type of numbers, or of something else, and its bytes.
fn datatype(choices: &mut Choices) -> (Vec<u8>, u64) {
    let size = *choices.of(&[4u32, 8, 1, 2, 4]);
    let mut bytes = match choices.below(9) {
        0..=3 => vec![0x11, 0x20, (8 * size - 1) as u8, 0],
        4..=6 => vec![0x10, choices.byte() & 8, 0, 0],
        _ => vec![0x10 | (choices.byte() % 12), 0, 0, 0],
    };
    bytes.extend(size.to_le_bytes());
    match bytes[0] & 0xf {
        0 => {
            bytes.extend((choices.mostly(0) as u16).to_le_bytes());
            bytes.extend((choices.mostly(8 * u64::from(size)) as u16).to_le_bytes());
        }
        1 => {
            bytes.extend([0, 0]);
            bytes.extend((8 * size as u16).to_le_bytes());
            bytes.extend(if size == 8 { [52, 11, 0, 52] } else { [23, 8, 0, 23] });
            bytes.extend(if size == 8 { 1023u32 } else { 127 }.to_le_bytes());
        }
        _ => bytes.extend(choices.exactly(24)),
    }
    (bytes, u64::from(size))
}

fn filters(choices: &mut Choices) -> Vec<u8> {
    let ids = [1u16, 2, 3, 4, 5, 6, 32000, 32001, 32004, 32008, 32015, 7];
    let count = 1 + choices.below(3);
    let mut bytes = vec![2, count as u8];
    for _ in 0..count {
        let id = *choices.of(&ids);
        bytes.extend(id.to_le_bytes());
        if id >= 256 {
            bytes.extend([0, 0]);
        }
        let numbers = choices.below(8);
        bytes.extend([0, 0, numbers as u8, 0]);
        (0..numbers).for_each(|_| bytes.extend((choices.count(8) as u32).to_le_bytes()));
    }
    bytes
}

fn layout(choices: &mut Choices, shape: &[u64], size: u64) -> Vec<u8> {
    let all = shape.iter().fold(size, |all, n| all.saturating_mul(*n));
    let chunk: Vec<u64> = shape.iter().map(|_| choices.length(5)).collect();
    match choices.below(6) {
        0 => {
            let count = choices.mostly(all).min(300);
            let mut bytes = vec![3, 0];
            bytes.extend((count as u16).to_le_bytes());
            bytes.extend(choices.exactly(count as usize));
            bytes
        }
        1 | 2 => {
            let mut bytes = vec![3, 1];
            bytes.extend(choices.mostly(VALUES).to_le_bytes());
            bytes.extend(choices.mostly(all).to_le_bytes());
            bytes
        }
        3 | 4 => {
            let mut bytes = vec![3, 2, shape.len() as u8 + 1];
            bytes.extend(choices.mostly(TREE).to_le_bytes());
            chunk.iter().for_each(|n| bytes.extend((*n as u32).to_le_bytes()));
            bytes.extend((size as u32).to_le_bytes());
            bytes
        }
        _ => {
            let mut bytes = vec![4, 2, choices.byte() & 3, shape.len() as u8 + 1, 8];
            chunk.iter().for_each(|n| bytes.extend(n.to_le_bytes()));
            bytes.extend(size.to_le_bytes());
            let kind = 1 + choices.below(5) as u8;
            bytes.push(kind);
            bytes.extend(choices.exactly([0, 0, 1, 5, 6][usize::from(kind) - 1]));
            bytes.extend(choices.mostly(VALUES).to_le_bytes());
            bytes
        }
    }
}

/// A B-tree of chunks, which may be its own child.
fn tree(choices: &mut Choices) -> Vec<u8> {
    let (axes, entries) = (1 + choices.below(4), 1 + choices.below(4));
    let mut bytes = b"TREE".to_vec();
    bytes.extend([1, choices.mostly(0) as u8]);
    bytes.extend((entries as u16).to_le_bytes());
    bytes.extend([NOWHERE, NOWHERE].map(u64::to_le_bytes).concat());
    for i in 0..entries as u64 {
        bytes.extend((choices.mostly(64) as u32).to_le_bytes());
        bytes.extend((choices.mostly(0) as u32).to_le_bytes());
        (0..axes).for_each(|_| bytes.extend((choices.mostly(i)).to_le_bytes()));
        bytes.extend([0; 8]);
        let child = if choices.rarely(8) { TREE } else { VALUES + 64 * i };
        bytes.extend(child.to_le_bytes());
    }
    bytes
}

fn attribute(choices: &mut Choices) -> Vec<u8> {
    let name = *choices.of(&[
        "units",
        "scale_factor",
        "_FillValue",
        "DIMENSION_LIST",
        "CLASS",
        "element_size_um",
    ]);
    let shape: Vec<u64> = (0..choices.below(2)).map(|_| choices.count(3)).collect();
    let ((kind, size), space) = (datatype(choices), dataspace(&shape));
    let mut bytes = vec![3, 0];
    for length in [name.len() + 1, kind.len(), space.len()] {
        bytes.extend((choices.mostly(length as u64) as u16).to_le_bytes());
    }
    bytes.push(0);
    bytes.extend([name.as_bytes(), &[0], &kind, &space].concat());
    let values = shape.iter().fold(size, |all, n| all.saturating_mul(*n));
    bytes.extend(choices.exactly(values.min(64) as usize));
    bytes
}

fn link(choices: &mut Choices) -> Vec<u8> {
    let name = *choices.of(&["x", "g", "a/b", "..", "CellData", "DIMENSIONS", "x"]);
    let mut bytes = vec![1];
    match choices.below(8) {
        0 => {
            let path = *choices.of(&["/g/x", "/x", "../x", ".", "/"]);
            bytes.extend([8, 1, name.len() as u8]);
            bytes.extend(name.bytes());
            bytes.extend((path.len() as u16).to_le_bytes());
            bytes.extend(path.bytes());
        }
        1 => {
            let there = *choices.of(&["\0/etc/passwd\0/x\0", "\0../f\0/x\0", "\0f\0/\0"]);
            bytes.extend([8, 64, name.len() as u8]);
            bytes.extend(name.bytes());
            bytes.extend((there.len() as u16).to_le_bytes());
            bytes.extend(there.bytes());
        }
        _ => {
            let to = FIRST + SLOT * choices.below(OBJECTS as usize) as u64;
            bytes.extend([0, name.len() as u8]);
            bytes.extend(name.bytes());
            bytes.extend(choices.mostly(to).to_le_bytes());
        }
    }
    bytes
}

fn object(choices: &mut Choices, group: bool) -> Vec<u8> {
    let mut messages = Vec::new();
    if group {
        for _ in 0..1 + choices.below(4) {
            let link = link(choices);
            message(&mut messages, 6, &link, choices);
        }
    } else {
        let shape: Vec<u64> = (0..1 + choices.below(3)).map(|_| choices.length(7)).collect();
        message(&mut messages, 1, &dataspace(&shape), choices);
        let (kind, size) = datatype(choices);
        message(&mut messages, 3, &kind, choices);
        if choices.rarely(3) {
            let fill =
                [&[3, 0x20][..], &(size as u32).to_le_bytes(), &choices.exactly(size as usize)]
                    .concat();
            message(&mut messages, 5, &fill, choices);
        }
        if choices.rarely(3) {
            let filters = filters(choices);
            message(&mut messages, 11, &filters, choices);
        }
        let layout = layout(choices, &shape, size);
        message(&mut messages, 8, &layout, choices);
    }
    while choices.rarely(4) && messages.len() < 600 {
        let attribute = attribute(choices);
        message(&mut messages, 12, &attribute, choices);
    }
    if choices.rarely(12) {
        let there = FIRST + SLOT * choices.below(OBJECTS as usize) as u64;
        let data = [there.to_le_bytes(), choices.mostly(SLOT).to_le_bytes()].concat();
        message(&mut messages, 16, &data, choices);
    }
    header(&messages)
}

/// A file; what it holds is up to the choices.
pub fn make(choices: &mut Choices) -> Vec<u8> {
    let mut bytes = b"\x89HDF\r\n\x1a\n\x02\x08\x08\0".to_vec();
    for place in [0, NOWHERE, VALUES + 512, FIRST] {
        bytes.extend(choices.mostly(place).to_le_bytes());
    }
    let mut bytes = summed(bytes);
    for i in 0..OBJECTS {
        bytes.resize((FIRST + SLOT * i) as usize, 0);
        let group = i == 0 || choices.rarely(3);
        let mut object = object(choices, group);
        object.truncate(SLOT as usize);
        bytes.extend(object);
    }
    bytes.resize(TREE as usize, 0);
    bytes.extend(tree(choices));
    bytes.resize(VALUES as usize, 0);
    bytes.extend(choices.exactly(512));
    bytes
}
