//! TIFF and BigTIFF of some pages: strips or tiles, five compressions, tags in any number.

use std::io::Write as _;

use super::Choices;

/// Numbers in one order of bytes.
struct Writer {
    bytes: Vec<u8>,
    big_endian: bool,
    big: bool,
}

impl Writer {
    fn number(&self, value: u64, size: usize) -> Vec<u8> {
        let little = value.to_le_bytes();
        let mut bytes = little[..size].to_vec();
        if self.big_endian {
            bytes.reverse();
        }
        bytes
    }

    fn put(&mut self, value: u64, size: usize) {
        let bytes = self.number(value, size);
        self.bytes.extend(bytes);
    }

    fn offset(&self) -> usize {
        if self.big { 8 } else { 4 }
    }
}

fn size(kind: u16) -> usize {
    match kind {
        1 | 2 | 6 | 7 => 1,
        3 | 8 => 2,
        4 | 9 | 11 | 13 => 4,
        _ => 8,
    }
}

const DESCRIPTIONS: [&str; 6] = [
    "ImageJ=1.54f\nimages=6\nslices=3\nchannels=2\nhyperstack=true\nunit=micron\nspacing=0.5\n",
    "{\"shape\": [2, 3, 4, 4], \"axes\": \"TZYX\"}",
    "<OME xmlns=\"http://www.openmicroscopy.org/Schemas/OME/2016-06\"><Image><Pixels DimensionOrder=\"XYZCT\" \
     SizeX=\"4\" SizeY=\"4\" SizeZ=\"2\" SizeC=\"1\" SizeT=\"1\" Type=\"uint8\" PhysicalSizeX=\"0.5\">\
     <TiffData IFD=\"0\" PlaneCount=\"2\"/></Pixels></Image></OME>",
    "<OME><Image><Pixels SizeX=\"4294967295\" SizeY=\"4\" SizeZ=\"1000000\" SizeC=\"0\" SizeT=\"-1\" \
     DimensionOrder=\"XYCZT\" Type=\"float\"><TiffData FirstZ=\"7\" IFD=\"9\"/></Pixels></Image></OME>",
    "ImageJ=1\nimages=99999999999\nslices=0\nframes=-3\nmin=nan\n",
    "<OME><OME><OME>",
];

/// A file; what it holds is up to the choices.
pub fn make(choices: &mut Choices) -> Vec<u8> {
    let (big_endian, big) = (choices.rarely(3), choices.rarely(4));
    let mut to = Writer { bytes: Vec::new(), big_endian, big };
    to.bytes.extend(if big_endian { b"MM" } else { b"II" });
    to.put(if big { 43 } else { 42 }, 2);
    if big {
        to.put(choices.mostly(8), 2);
        to.put(0, 2);
    }
    let mut link = to.bytes.len();
    let (offset, mut starts) = (to.offset(), Vec::new());
    to.put(0, offset);
    for _ in 0..1 + choices.below(4) {
        let (table, entries) = page(choices, &mut to);
        let at = to.bytes.len() as u64;
        starts.push(at);
        let first = to.number(at, offset);
        to.bytes[link..link + offset].copy_from_slice(&first);
        to.put(choices.mostly(entries), if big { 8 } else { 2 });
        to.bytes.extend(table);
        link = to.bytes.len();
        to.put(0, offset);
    }
    if choices.rarely(10) {
        // a chain that comes back
        let back = to.number(*choices.of(&starts), offset);
        to.bytes[link..link + offset].copy_from_slice(&back);
    }
    let cut = to.bytes.len() as u64;
    to.bytes.truncate(choices.mostly(cut).min(cut) as usize);
    to.bytes
}

/// Writes what a page's tags point at; the table of its tags and how many they are.
fn page(choices: &mut Choices, to: &mut Writer) -> (Vec<u8>, u64) {
    let (width, height) = (choices.length(10), choices.length(10));
    let samples = *choices.of(&[1u64, 1, 1, 3, 2, 4]);
    let bits = *choices.of(&[8u64, 16, 32, 64, 8, 1, 4, 12, 24]);
    let compression = *choices.of(&[1u64, 1, 8, 5, 32773, 7, 32946, 50000, 34712]);
    let tiled = choices.rarely(4);
    let (across, down) = match tiled {
        true => (choices.length(3).saturating_mul(16), choices.length(3).saturating_mul(16)),
        false => (width, choices.length(7)),
    };
    let planes = if choices.rarely(5) { samples } else { 1 };
    let chunks = (planes.saturating_mul(width.div_ceil(across.max(1))))
        .saturating_mul(height.div_ceil(down.max(1)))
        .min(12);
    let each =
        across.saturating_mul(down).saturating_mul(bits).saturating_mul(samples / planes) / 8;
    let (mut offsets, mut counts) = (Vec::new(), Vec::new());
    for _ in 0..chunks {
        let raw = choices.exactly(each.min(2048) as usize);
        let packed = packed(compression, &raw, choices);
        offsets.push(choices.mostly(to.bytes.len() as u64));
        counts.push(choices.mostly(packed.len() as u64));
        to.bytes.extend(packed);
    }
    let format = *choices.of(&[1u64, 2, 3, 1, 4, 6]);
    let mut tags: Vec<(u16, u16, Vec<u64>)> = vec![
        (256, 4, vec![width]),
        (257, 4, vec![height]),
        (258, 3, vec![bits; samples as usize]),
        (259, 3, vec![compression]),
        (262, 3, vec![choices.mostly(if samples > 2 { 2 } else { 1 })]),
        (277, 3, vec![choices.mostly(samples)]),
        (284, 3, vec![if planes > 1 { 2 } else { 1 }]),
        (317, 3, vec![*choices.of(&[1, 1, 2, 3, 9])]),
        (339, 3, vec![format; samples as usize]),
    ];
    let places = if tiled { (324, 325) } else { (273, 279) };
    tags.push((places.0, if to.big { 16 } else { 4 }, offsets));
    tags.push((places.1, 4, counts));
    if tiled {
        tags.extend([(322, 4, vec![across]), (323, 4, vec![down])]);
    } else {
        tags.push((278, 4, vec![down]));
    }
    for (tag, kind) in [
        (254, 4),
        (282, 5),
        (296, 3),
        (338, 3),
        (266, 3),
        (32997, 4),
        (33629, 4),
        (34735, 3),
        (42113, 2),
    ] {
        if choices.rarely(9) {
            tags.push((tag, kind, (0..1 + choices.below(5)).map(|_| choices.count(9)).collect()));
        }
    }
    if choices.rarely(3) {
        let text = choices.of(&DESCRIPTIONS);
        tags.push((270, 2, text.bytes().map(u64::from).chain([0]).collect()));
    }
    while choices.rarely(6) && tags.len() > 1 {
        tags.remove(choices.below(tags.len()));
    }
    tags.sort_by_key(|(tag, ..)| *tag);
    let mut table = Vec::new();
    for (tag, kind, values) in &tags {
        let kind = choices.mostly(u64::from(*kind)) as u16;
        let size = size(kind);
        let bytes: Vec<u8> = values.iter().flat_map(|v| to.number(*v, size)).collect();
        let room = to.offset();
        let field = if bytes.len() <= room {
            [bytes, vec![0; room]].concat()[..room].to_vec()
        } else {
            let at = to.bytes.len() as u64;
            to.bytes.extend(bytes);
            to.number(choices.mostly(at), room)
        };
        table.extend(to.number(u64::from(*tag), 2));
        table.extend(to.number(u64::from(kind), 2));
        table.extend(to.number(choices.mostly(values.len() as u64), room));
        table.extend(field);
    }
    (table, tags.len() as u64)
}

fn packed(compression: u64, raw: &[u8], choices: &mut Choices) -> Vec<u8> {
    match compression {
        8 | 32946 => {
            let mut packed =
                flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
            packed.write_all(raw).expect("memory");
            packed.finish().expect("memory")
        }
        // runs of one byte each
        32773 => {
            raw.chunks(128).flat_map(|run| [&[(run.len() - 1) as u8][..], run].concat()).collect()
        }
        // codes of the decoder's choosing
        5 => [&[0x80][..], choices.bytes(64)].concat(),
        _ => raw.to_vec(),
    }
}
