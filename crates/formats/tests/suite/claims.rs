//! Files whose headers claim more than they hold, and contents that no reader can use.

use std::io::Write;

use karhunen_formats::{FieldSource, FormatError, ReadOptions, StoredFields, read};
use zip::write::SimpleFileOptions;

use crate::{file, folder, npy, read_bytes};

const SMALL: ReadOptions = ReadOptions { limit_bytes: 1 << 16, ..ReadOptions::DEFAULT };
const LARGE: ReadOptions = ReadOptions { limit_bytes: u64::MAX, ..ReadOptions::DEFAULT };

fn archive(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let mut zip = zip::ZipWriter::new(&mut bytes);
    for (name, content) in members {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap();
    bytes.into_inner()
}

/// A VTI of one array: `attributes` of the file, the extent, and the text of the array.
fn vti(attributes: &str, extent: &str, array: &str, text: &str) -> Vec<u8> {
    format!(
        "<VTKFile type=\"ImageData\" {attributes}><ImageData WholeExtent=\"{extent}\" \
         Spacing=\"1 1 1\"><Piece Extent=\"{extent}\"><PointData><DataArray type=\"Float32\" \
         Name=\"a\" {array}>{text}</DataArray></PointData></Piece></ImageData></VTKFile>"
    )
    .into_bytes()
}

/// A classic NetCDF file of one float variable without attributes.
fn netcdf(records: u32, lengths: &[u32], values: &[f32]) -> Vec<u8> {
    let mut bytes = b"CDF\x01".to_vec();
    let mut word = |n: u32| bytes.extend(n.to_be_bytes());
    word(records);
    [0x0a, lengths.len() as u32].into_iter().for_each(&mut word);
    for (axis, length) in lengths.iter().enumerate() {
        [1, u32::from_be_bytes([b'x' + axis as u8, 0, 0, 0]), *length]
            .into_iter()
            .for_each(&mut word);
    }
    [0, 0, 0x0b, 1, 1, u32::from_be_bytes(*b"u\0\0\0"), lengths.len() as u32]
        .into_iter()
        .for_each(&mut word);
    (0..lengths.len() as u32).for_each(&mut word);
    [0, 0, 5, 0].into_iter().for_each(&mut word);
    let begin = bytes.len() as u32 + 4;
    bytes.extend(begin.to_be_bytes());
    bytes.extend(values.iter().flat_map(|v| v.to_be_bytes()));
    bytes
}

#[test]
fn absurd_sizes_are_refused_before_memory_is_taken() {
    let most = i64::MAX;
    let cases = [
        archive(&[("a.npy", &npy("<f8", false, "(18446744073709551615, 9999999999)", &[]))]),
        vti("", &format!("0 {most} 0 {most} 0 {most}"), "format=\"ascii\"", "1 2"),
        netcdf(0, &[u32::MAX, u32::MAX, u32::MAX], &[1.0]),
        netcdf(u32::MAX - 1, &[0, u32::MAX], &[1.0]),
    ];
    for bytes in cases {
        for options in [SMALL, LARGE] {
            let error = read_bytes(&bytes, &options).unwrap_err();
            let refused =
                matches!(error, FormatError::TooLarge { .. } | FormatError::Truncated { .. });
            assert!(refused, "{error}");
        }
    }
    // within the limit, but more than the file can hold
    for bytes in [
        archive(&[("a.npy", &npy("|u1", false, "(4096, 1048576)", &[]))]),
        vti("", "0 4095 0 4095 0 100", "format=\"ascii\"", "1 2"),
        netcdf(0, &[4096, 4096, 100], &[1.0]),
    ] {
        let error = read_bytes(&bytes, &LARGE).unwrap_err();
        assert!(matches!(error, FormatError::Truncated { .. }), "{error}");
    }
}

/// A TIFF of bytes in strips of one row. All pages share one table of strips, and all strips share
/// one byte.
fn tiff(pages: u32, height: u32) -> Vec<u8> {
    let table = 12u32;
    let mut bytes = b"II*\0\0\0\0\0\x07\0\0\0".to_vec();
    (0..height).for_each(|_| bytes.extend(8u32.to_le_bytes()));
    let first = bytes.len() as u32;
    bytes[4..8].copy_from_slice(&first.to_le_bytes());
    let tags: [(u16, u32, u32); 9] = [
        (256, 1, 1),
        (257, 1, height),
        (258, 1, 8),
        (259, 1, 1),
        (262, 1, 1),
        (273, height, table),
        (277, 1, 1),
        (278, 1, 1),
        (279, height, table),
    ];
    for page in 1..=pages {
        bytes.extend((tags.len() as u16).to_le_bytes());
        for (tag, count, value) in tags {
            bytes.extend(tag.to_le_bytes());
            bytes.extend(4u16.to_le_bytes());
            bytes.extend([count, value].iter().flat_map(|n| n.to_le_bytes()));
        }
        let next = if page == pages { 0 } else { bytes.len() as u32 + 4 };
        bytes.extend(next.to_le_bytes());
    }
    bytes
}

/// A thousand pages of 110 bytes each claim 4096 offsets of 8 bytes each.
#[test]
fn pages_that_share_their_strips_take_no_memory() {
    let folder = folder();
    let one = file(&folder, "one.tif", &tiff(1, 16));
    let mut values = Vec::new();
    StoredFields::open(&one, &SMALL).unwrap().block(0, &[0, 0], &[16, 1], &mut values).unwrap();
    assert_eq!(values, [7.0; 16]);
    let many = file(&folder, "many.tif", &tiff(1000, 4096));
    let error = StoredFields::open(&many, &LARGE).unwrap_err();
    let found = std::fs::metadata(&many).unwrap().len();
    // refused at the first page whose rows do not fit in the file
    match error {
        FormatError::Truncated { expected, found: length, .. } => {
            assert_eq!((expected, length), (4096 * (found / 4096 + 1), found));
        }
        other => panic!("{other}"),
    }
}

#[test]
fn bombs_are_not_unpacked() {
    use flate2::write::{DeflateEncoder, ZlibEncoder};
    let zeros = vec![0; 64 << 20];
    // a deflated zip member, made by hand because the library here only stores
    let mut packed = DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    packed.write_all(&npy("|u1", false, "(2, 2)", &zeros)).unwrap();
    let packed = packed.finish().unwrap();
    let size = packed.len() as u32;
    let claim = 200u32;
    let fields = |start: &[u8]| {
        let mut bytes = start.to_vec();
        bytes.extend([20, 0, 0, 0, 8, 0, 0, 0, 0, 0]);
        bytes.extend([0u32, size, claim].iter().flat_map(|n| n.to_le_bytes()));
        bytes.extend([5, 0, 0, 0]);
        bytes
    };
    let mut bomb = fields(b"PK\x03\x04");
    bomb.extend(b"a.npy");
    bomb.extend(&packed);
    let directory = bomb.len() as u32;
    bomb.extend(fields(b"PK\x01\x02\x14\0"));
    bomb.extend([0; 14]);
    bomb.extend(b"a.npy");
    let length = bomb.len() as u32 - directory;
    bomb.extend(b"PK\x05\x06\0\0\0\0\x01\0\x01\0");
    bomb.extend([length, directory].iter().flat_map(|n| n.to_le_bytes()));
    bomb.extend([0, 0]);
    let error = read_bytes(&bomb, &SMALL).unwrap_err();
    assert!(matches!(error, FormatError::Trailing { .. }), "{error}");

    // one zlib block of a VTI, which claims 16 bytes
    let mut packed = ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    packed.write_all(&zeros).unwrap();
    let packed = packed.finish().unwrap();
    let mut bytes = vti(
        "byte_order=\"LittleEndian\" compressor=\"vtkZLibDataCompressor\"",
        "0 3 0 0 0 0",
        "format=\"appended\" offset=\"0\"",
        "",
    );
    bytes.truncate(bytes.len() - "</VTKFile>".len());
    bytes.extend(b"<AppendedData encoding=\"raw\">_");
    bytes.extend([1, 16, 0, packed.len() as u32].iter().flat_map(|n| n.to_le_bytes()));
    bytes.extend(packed);
    let error = read_bytes(&bytes, &SMALL).unwrap_err();
    assert!(error.to_string().contains("block 0 unpacks to 17 bytes of 16"), "{error}");
}

#[test]
fn what_a_vti_cannot_be_is_said() {
    let ascii = "format=\"ascii\"";
    let good = read_bytes(&vti("", "0 2 0 1 0 0", ascii, "1 2 3 4 5 6e0"), &SMALL).unwrap();
    assert_eq!((&good.points[..], good.values[5]), (&[2, 3][..], 6.0));
    for (bytes, part) in [
        (vti("", "0 2 0 1 0 0", ascii, "1 2 3 4"), "6 values are needed, its text has 7 bytes"),
        (vti("", "0 2 0 1 0 0", ascii, "10 2 3 4 5"), "6 values are needed, 5 are there"),
        (vti("", "0 2 0 1 0 0", ascii, "1 2 3 4 5 6 7"), "more than the 6 values"),
        (vti("", "0 2 0 1 0 0", ascii, "1 2 3 4 5 x"), "\"x\" is no number"),
        (vti("", "0 2 0 1 0 0", ascii, "1 2 nan 4 5 6"), "1 of 6 values are missing"),
        (vti("", "0 2 0 -1 0 0", ascii, "1"), "extent 0 to -1 along axis 1 is empty"),
        (vti("", "0 2 0 1", ascii, "1"), "not 6 numbers"),
        (vti("", "0 2 0 1 0 0", "format=\"hex\"", "1"), "known are ascii, binary, appended"),
        (vti("", "0 2 0 1 0 0", "format=\"appended\" offset=\"9\"", ""), "none are there"),
        (vti("", "0 2 0 1 0 0", "format=\"binary\"", "AAAA"), "cut short before its length"),
        (
            vti("", "0 2 0 1 0 0", "format=\"binary\"", "GAAAAAAA"),
            "24 bytes are needed, 2 are there",
        ),
        (
            vti("compressor=\"vtkLZ4DataCompressor\"", "0 1 0 0 0 0", ascii, "1 2"),
            "save with ZLib or without compression",
        ),
        (b"<VTKFile type=\"PolyData\">".to_vec(), "only ImageData (.vti) is read"),
        (b"<?xml version=\"1.0\"?><svg/>".to_vec(), "without a VTKFile"),
        (
            vti("", "0 2 0 1 0 0", "NumberOfComponents=\"0\" format=\"ascii\"", "1"),
            "\"0\" components",
        ),
    ] {
        let error = read_bytes(&bytes, &SMALL).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn what_a_netcdf_cannot_be_is_said() {
    let good = read_bytes(&netcdf(0, &[2, 3], &[1.0; 6]), &SMALL).unwrap();
    assert_eq!((good.count(), &good.points[..]), (2, &[3][..]));
    // the writer left the number of records open, so the file's length gives it
    let streamed = read_bytes(&netcdf(u32::MAX, &[0, 3], &[1.0; 9]), &SMALL).unwrap();
    assert_eq!(streamed.count(), 3);
    let error = |bytes: &[u8]| read_bytes(bytes, &SMALL).unwrap_err();
    assert!(matches!(error(&netcdf(0, &[0, 3], &[])), FormatError::Empty { .. }));
    assert!(matches!(error(&netcdf(0, &[3], &[1.0; 3])), FormatError::Empty { .. }));
    let missing = error(&netcdf(0, &[2, 2], &[1.0, 2.0, 9.969_21e36, 4.0]));
    assert!(matches!(missing, FormatError::Missing { index: 2, .. }), "{missing}");
    let short = error(&netcdf(0, &[2, 3], &[1.0; 5]));
    assert!(matches!(short, FormatError::Truncated { .. }), "{short}");
    let mut stray = netcdf(0, &[2, 3], &[1.0; 6]);
    // the second dimension index of the variable
    let at = stray.windows(8).position(|w| w == [0, 0, 0, 0, 0, 0, 0, 1]).unwrap() + 7;
    stray[at] = 9;
    assert!(error(&stray).to_string().contains("dimension number 9; there are 2"));
    let mut tag = netcdf(0, &[2, 3], &[1.0; 6]);
    tag[11] = 7;
    assert!(matches!(error(&tag), FormatError::Header { offset: 8, .. }));
    assert!(matches!(error(b"CDF\x01\0\0"), FormatError::Truncated { .. }));
}

#[test]
fn what_an_archive_cannot_be_is_said() {
    let array = npy("|u1", false, "(2, 2)", &[1, 2, 3, 4]);
    let error = |bytes: &[u8]| read_bytes(bytes, &SMALL).unwrap_err();
    assert!(matches!(error(&archive(&[])), FormatError::Empty { .. }));
    let two = error(&archive(&[("a.npy", &array), ("b.npy", &array)]));
    assert!(matches!(&two, FormatError::Several { parts, .. } if *parts == ["a", "b"]), "{two}");
    let text = error(&archive(&[("a.txt", b"some text")]));
    assert!(text.to_string().contains("member a.txt is none of"), "{text}");
    let empty = error(&archive(&[("a.npy", &npy("|u1", false, "(0, 2)", &[]))]));
    assert!(matches!(empty, FormatError::Empty { .. }), "{empty}");
    let text = error(&archive(&[("a.npy", &npy("<U3", false, "(1, 2)", &[0; 24]))]));
    assert!(matches!(text, FormatError::Header { offset: 10, .. }), "{text}");
    // an unreadable member is an error only if it is used
    let mut mixed = archive(&[("a.npy", &array), ("b.npy", &array)]);
    let central = mixed.windows(4).rposition(|w| w == b"PK\x01\x02").unwrap();
    mixed[central + 8] |= 1;
    let place = folder();
    let mixed = file(&place, "mixed.npz", &mixed);
    let part = |name: &str| read(format!("{}:{name}", mixed.display()), &SMALL);
    assert_eq!(part("a").unwrap().values, [1.0, 2.0, 3.0, 4.0]);
    let encrypted = part("b").unwrap_err();
    assert!(encrypted.to_string().contains("member b.npy is encrypted"), "{encrypted}");
    let address = format!("{}:b", mixed.display());
    assert!(matches!(
        StoredFields::open(address, &SMALL).unwrap_err(),
        FormatError::Unsupported { .. }
    ));
    // an array that claims to continue into the next member
    let longer = npy("|u1", false, "(2, 30)", &[1, 2, 3, 4]);
    let folder = folder();
    let path = file(&folder, "a.npz", &archive(&[("a.npy", &longer), ("b.npy", &array)]));
    let part = StoredFields::open(format!("{}:a", path.display()), &SMALL).unwrap_err();
    assert!(matches!(part, FormatError::Truncated { .. }), "{part}");
    // one byte of the values changed, which the checksum in the directory reveals
    let mut changed = archive(&[("a.npy", &array)]);
    let at = changed.windows(4).position(|w| w == [1, 2, 3, 4]).unwrap();
    changed[at] = 9;
    assert!(error(&changed).to_string().contains("damaged archive"));
}

#[test]
fn raw_values_need_to_be_described() {
    let folder = folder();
    let path = file(&folder, "a.raw", &[9; 24]);
    let text = |part: &str| {
        let error = read(format!("{}{part}", path.display()), &SMALL).unwrap_err();
        error.to_string()
    };
    assert!(text("").contains("a.raw:64x64x64:u8"), "{}", text(""));
    assert!(text(":2x3x4:u9").contains("\"u9\" is no type"), "{}", text(":2x3x4:u9"));
    assert!(text(":2x3:u8").contains("goes on after the 6 bytes"), "{}", text(":2x3:u8"));
    assert!(text(":5x5:u8").contains("25 bytes are declared, it has 24"), "{}", text(":5x5:u8"));
    assert!(text(":0x5:u8").contains("holds no field"), "{}", text(":0x5:u8"));
    assert!(text(":2x3:f32").contains("add :le or :be"), "{}", text(":2x3:f32"));

    // a sidecar makes the file raw, whatever its first bytes are
    let note = file(&folder, "a.raw.toml", b"shape = [2, 3, 4]\ndtype = 'u8'\nspacing = [1, 2, 3]");
    let fields = read(&path, &ReadOptions { dim: Some(3), ..SMALL }).unwrap();
    assert_eq!(fields.points, [2, 3, 4]);
    assert_eq!(fields.units.spacing, Some(vec![1.0, 2.0, 3.0]));
    for (bytes, part) in [
        (&b"shape = [2, 3]\ndtype = 'u8'\ncolour = 1"[..], "unknown field `colour`"),
        (b"shape = [2, 3]", "missing field `dtype`"),
        (b"shape = [2, 3]\ndtype = 'f4'", "no type of raw values"),
        (b"shape = [2, 3]\ndtype = 'f32'", "add endian"),
        (b"shape = [2, 3]\ndtype = 'u8'\norder = 'K'", "it is C or F"),
        (b"shape = [2, 3]\ndtype = 'u8'\nspacing = [1]", "one positive number an axis"),
    ] {
        std::fs::write(&note, bytes).unwrap();
        let text = read(&path, &SMALL).unwrap_err().to_string();
        assert!(text.contains(part) && text.contains("a.raw.toml"), "{text}");
        assert!(StoredFields::open(&path, &SMALL).is_err());
    }
}
