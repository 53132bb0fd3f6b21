//! Archives of small files: names that climb out of a folder, repeat or clash, links, sizes and sums that are not true.

use std::io::Write as _;

use super::Choices;

const NAMES: [&str; 20] = [
    "fields.npy",
    "spacing.npy",
    "a.npy",
    "b.npy",
    "data.npy",
    "indices.npy",
    "indptr.npy",
    "shape.npy",
    "format.npy",
    "../../escaped.npy",
    "/tmp/absolute.npy",
    "..\\windows.npy",
    "C:\\x.npy",
    "a/b/c.png",
    "001.png",
    "002.png",
    ".zarray",
    "0.0",
    "zarr.json",
    "\u{202e}yp.npy",
];

/// An array of numbers in NumPy's format.
pub fn npy(choices: &mut Choices) -> Vec<u8> {
    let (kind, size) = *choices.of(&[
        ("<f4", 4u64),
        ("<f8", 8),
        ("<f4", 4),
        (">i2", 2),
        ("|u1", 1),
        ("<i8", 8),
        ("<u2", 2),
        ("|b1", 1),
        ("<c8", 8),
        ("|O", 8),
        ("<U3", 12),
    ]);
    let lengths: Vec<u64> = (0..choices.below(4)).map(|_| choices.length(5).min(1 << 40)).collect();
    let content = lengths.iter().fold(size, |all, n| all.saturating_mul(*n));
    let shape: Vec<String> = lengths.iter().map(u64::to_string).collect();
    let order = *choices.of(&["False", "False", "True"]);
    let text = format!(
        "{{'descr': '{kind}', 'fortran_order': {order}, 'shape': ({},), }}",
        shape.join(", ")
    );
    let length = choices.mostly(text.len() as u64) as u16;
    let mut bytes = [b"\x93NUMPY\x01\0", &length.to_le_bytes()[..], text.as_bytes()].concat();
    let there = choices.mostly(content).min(2048) as usize;
    bytes.extend(choices.exactly(there));
    bytes
}

/// What a directory says of one member, which need not be so.
struct Said {
    name: String,
    packed: bool,
    sum: u32,
    packed_size: u32,
    size: u32,
    place: u32,
    rights: u32,
}

impl Said {
    /// What stands alike before a member and in the directory.
    fn common(&self) -> Vec<u8> {
        let mut bytes = [20, 0, 0, 8, if self.packed { 8 } else { 0 }, 0, 0, 0, 0, 0].to_vec();
        for number in [self.sum, self.packed_size, self.size] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend((self.name.len() as u16).to_le_bytes());
        bytes.extend([0, 0]);
        bytes
    }
}

/// An archive of members with their contents, packed where `true` stands beside them.
pub fn zip(members: &[(&str, &[u8], bool)], said: &mut dyn FnMut(&mut [u32; 5])) -> Vec<u8> {
    let (mut bytes, mut directory) = (Vec::new(), Vec::new());
    for (name, content, packed) in members {
        let mut sum = flate2::Crc::new();
        sum.update(content);
        let stored = if *packed {
            let mut packer =
                flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
            packer.write_all(content).expect("memory");
            packer.finish().expect("memory")
        } else {
            content.to_vec()
        };
        let mut numbers =
            [sum.sum(), stored.len() as u32, content.len() as u32, bytes.len() as u32, 0o100_644];
        let of = |numbers: [u32; 5]| Said {
            name: name.to_string(),
            packed: *packed,
            sum: numbers[0],
            packed_size: numbers[1],
            size: numbers[2],
            place: numbers[3],
            rights: numbers[4],
        };
        let own = of(numbers);
        bytes.extend([b"PK\x03\x04", &own.common()[..], name.as_bytes(), &stored].concat());
        said(&mut numbers);
        let told = of(numbers);
        // made on Unix, so that rights mean what they do there
        directory.extend([b"PK\x01\x02\x14\x03", &told.common()[..]].concat());
        directory.extend([0; 6]);
        directory.extend(((told.rights) << 16).to_le_bytes());
        directory.extend(told.place.to_le_bytes());
        directory.extend(name.bytes());
    }
    let (count, place) = ((members.len() as u16).to_le_bytes(), bytes.len() as u32);
    let size = directory.len() as u32;
    bytes.extend(directory);
    bytes.extend([b"PK\x05\x06\0\0\0\0", &count[..], &count].concat());
    bytes.extend([size.to_le_bytes(), place.to_le_bytes()].concat());
    bytes.extend([0, 0]);
    bytes
}

/// An archive; what it holds is up to the choices.
pub fn make(choices: &mut Choices) -> Vec<u8> {
    let mut members = Vec::new();
    for _ in 0..*choices.of(&[1, 1, 2, 3, 5]) {
        let (name, packed) = (*choices.of(&NAMES), choices.rarely(2));
        let content = match choices.below(6) {
            0 => choices.bytes(64).to_vec(),
            // a thousand times smaller when it is packed
            1 => vec![choices.byte(); 1 << 16],
            _ => npy(choices),
        };
        members.push((name, content, packed));
    }
    let members: Vec<(&str, &[u8], bool)> =
        members.iter().map(|(name, content, packed)| (*name, &content[..], *packed)).collect();
    zip(&members, &mut |said| {
        for number in &mut said[..4] {
            *number = choices.mostly(u64::from(*number)) as u32;
        }
        if choices.rarely(6) {
            // a symbolic link
            said[4] = 0o120_777;
        }
    })
}
