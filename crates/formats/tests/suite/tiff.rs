//! TIFF files made byte by byte, to test the interpretation of pages, numbers and lengths.

use karhunen_formats::{
    FieldSource, FormatError, Missing, RawFields, ReadOptions, StoredFields, read,
};

use crate::{file, folder};

/// Types of tag values.
const ASCII: u16 = 2;
const SHORT: u16 = 3;
const LONG: u16 = 4;
const RATIONAL: u16 = 5;
const DOUBLE: u16 = 12;

/// One page: additional tags, its shape, and its strips or tiles.
#[derive(Clone)]
struct Page {
    tags: Vec<(u16, u16, Vec<u8>)>,
    chunks: Vec<Vec<u8>>,
    tiled: bool,
}

fn short(numbers: &[u16]) -> Vec<u8> {
    numbers.iter().flat_map(|n| n.to_le_bytes()).collect()
}

fn long(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|n| n.to_le_bytes()).collect()
}

impl Page {
    /// Uncompressed numbers of `bits` bits and a sample format, in one strip.
    fn of(height: u32, width: u32, (bits, format): (u16, u16), bytes: Vec<u8>) -> Self {
        let tags = vec![
            (256, LONG, long(&[width])),
            (257, LONG, long(&[height])),
            (258, SHORT, short(&[bits])),
            (262, SHORT, short(&[1])),
            (339, SHORT, short(&[format])),
        ];
        Self { tags, chunks: vec![bytes], tiled: false }
    }

    fn with(mut self, tag: u16, kind: u16, value: Vec<u8>) -> Self {
        self.tags.retain(|(t, ..)| *t != tag);
        self.tags.push((tag, kind, value));
        self
    }

    fn text(self, tag: u16, text: &str) -> Self {
        self.with(tag, ASCII, text.bytes().chain([0]).collect())
    }
}

/// A file of the pages' bytes, then `more`, then the tags.
fn tiff(pages: &[Page], more: &[u8]) -> Vec<u8> {
    let mut bytes = b"II*\0\0\0\0\0".to_vec();
    let mut places = Vec::new();
    for page in pages {
        let place = |chunk: &Vec<u8>| {
            bytes.extend(chunk);
            ((bytes.len() - chunk.len()) as u32, chunk.len() as u32)
        };
        places.push(page.chunks.iter().map(place).unzip::<_, _, Vec<u32>, Vec<u32>>());
    }
    bytes.extend(more);
    let mut link = 4;
    for (page, (offsets, counts)) in pages.iter().zip(places) {
        let mut tags = page.tags.clone();
        let (at, lengths) = if page.tiled { (324, 325) } else { (273, 279) };
        tags.push((at, LONG, long(&offsets)));
        tags.push((lengths, LONG, long(&counts)));
        tags.sort_by_key(|tag| tag.0);
        let mut entries = Vec::new();
        for (tag, kind, value) in tags {
            let size = [0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8][usize::from(kind)];
            entries.extend(tag.to_le_bytes());
            entries.extend(kind.to_le_bytes());
            entries.extend(((value.len() / size) as u32).to_le_bytes());
            if value.len() <= 4 {
                entries.extend(value.iter().copied().chain([0; 4]).take(4));
            } else {
                entries.extend((bytes.len() as u32).to_le_bytes());
                bytes.extend(value);
            }
        }
        let start = bytes.len() as u32;
        bytes[link..link + 4].copy_from_slice(&start.to_le_bytes());
        bytes.extend(((entries.len() / 12) as u16).to_le_bytes());
        bytes.extend(entries);
        link = bytes.len();
        bytes.extend([0; 4]);
    }
    bytes
}

fn options(dim: Option<usize>) -> ReadOptions {
    ReadOptions { dim, limit_bytes: 1 << 20, ..ReadOptions::DEFAULT }
}

/// Reads a file completely, and by part if possible; both must agree.
fn fields(bytes: &[u8], options: &ReadOptions) -> Result<RawFields, FormatError> {
    let folder = folder();
    let path = file(&folder, "a.tif", bytes);
    let whole = read(&path, options);
    if let (Ok(whole), Ok(stored)) = (&whole, StoredFields::open(&path, options)) {
        let mut values = Vec::new();
        for item in 0..stored.count() {
            stored.block(item, &vec![0; whole.points.len()], &whole.points, &mut values).unwrap();
        }
        assert_eq!((values, stored.units()), (whole.values.clone(), &whole.units));
    }
    whole
}

fn refused(bytes: &[u8]) -> String {
    fields(bytes, &options(None)).unwrap_err().to_string()
}

/// One row of two bytes, `page` and `page + 100`.
fn pair(page: u8) -> Page {
    Page::of(1, 2, (8, 1), vec![page, page + 100])
}

#[test]
fn a_stack_with_one_directory_has_all_its_pages() {
    let text = "ImageJ=1.53t\nimages=3\nslices=3\nunit=mm\nspacing=2\n";
    let page = pair(0).text(270, text).with(282, RATIONAL, long(&[4, 1]));
    let page = page.with(283, RATIONAL, long(&[2, 1]));
    let bytes = tiff(std::slice::from_ref(&page), &[1, 101, 2, 102]);
    let flat = fields(&bytes, &options(None)).unwrap();
    assert_eq!((flat.count(), &flat.values[..]), (3, &[0., 100., 1., 101., 2., 102.][..]));
    let volume = fields(&bytes, &options(Some(3))).unwrap();
    assert_eq!(volume.points, [3, 1, 2]);
    assert_eq!(volume.units.spacing, Some(vec![2.0, 0.5, 0.25]));
    // tifffile's description gives the shape instead
    let shaped = tiff(&[pair(0).text(270, "{\"shape\": [3, 1, 2]}")], &[1, 101, 2, 102]);
    assert_eq!(fields(&shaped, &options(None)).unwrap().values, flat.values);
    // pages that are missing in the file are reported
    let many = page.text(270, "ImageJ=1.53t\nimages=400\n");
    let error = fields(&tiff(&[many], &[1, 101]), &options(None)).unwrap_err();
    assert!(matches!(error, FormatError::Truncated { expected: 808, .. }), "{error}");
}

#[test]
fn channels_are_channels_and_times_samples() {
    let pages = |text: &str| {
        let mut pages: Vec<Page> = (0..12).map(pair).collect();
        pages[0] = pair(0).text(270, text);
        tiff(&pages, &[])
    };
    // ImageJ: channels fastest, then slices, then frames
    let bytes = pages("ImageJ=1.53t\nimages=12\nchannels=2\nslices=3\nframes=2\nhyperstack=true\n");
    let flat = fields(&bytes, &options(None)).unwrap();
    assert_eq!((flat.count(), flat.channels), (6, 2));
    assert_eq!(flat.values[4..8], [2., 102., 3., 103.]);
    let volume = fields(&bytes, &options(Some(3))).unwrap();
    assert_eq!((volume.count(), volume.channels, &volume.points[..]), (2, 2, &[3, 1, 2][..]));
    assert_eq!(volume.values[..6], [0., 100., 2., 102., 4., 104.]);
    assert_eq!(volume.values[6..12], [1., 101., 3., 103., 5., 105.]);
    // OME: slices fastest
    let ome = "<?xml version=\"1.0\"?><OME><Image><Pixels DimensionOrder=\"XYZCT\" SizeX=\"2\" \
               SizeY=\"1\" SizeZ=\"6\" SizeC=\"2\" SizeT=\"1\" PhysicalSizeX=\"500\" \
               PhysicalSizeXUnit=\"nm\" PhysicalSizeY=\"1\" PhysicalSizeZ=\"2\"/></Image></OME>";
    let volume = fields(&pages(ome), &options(Some(3))).unwrap();
    assert_eq!((volume.channels, &volume.points[..]), (2, &[6, 1, 2][..]));
    assert_eq!(volume.values[..4], [0., 100., 1., 101.]);
    assert_eq!(volume.units.spacing, Some(vec![2000.0, 1000.0, 500.0]));
    assert_eq!(volume.units.length, Some("nm".into()));
    let short = refused(&pages(&ome.replace("SizeZ=\"6\"", "SizeZ=\"5\"")));
    assert!(short.contains("5 slice(s) of 2 channel(s), but the file has 12 page(s)"), "{short}");
    // tifffile's description
    let shaped = fields(&pages("{\"shape\": [6, 2, 1, 2]}"), &options(None)).unwrap();
    assert_eq!((shaped.count(), shaped.channels), (6, 2));
    let wrong = refused(&pages("ImageJ=1.53t\nimages=12\nslices=5\n"));
    assert!(wrong.contains("images=12"), "{wrong}");
}

#[test]
fn values_are_the_stored_numbers_whatever_white_is() {
    let small = [3e-9f32, -1.5, 1e20, 0.0];
    let bytes: Vec<u8> = small.iter().flat_map(|v| v.to_le_bytes()).collect();
    let page = Page::of(2, 2, (32, 3), bytes).with(262, SHORT, short(&[0]));
    assert_eq!(fields(&tiff(&[page], &[]), &options(None)).unwrap().values, small);
}

#[test]
fn calibrations_of_values_are_followed() {
    let stored: Vec<u8> = short(&[0, 32768, 65535, 32767]);
    let page = Page::of(2, 2, (16, 1), stored);
    let signed = page.clone().text(270, "ImageJ=1.53t\nimages=1\ncf=0\nc0=-32768\nc1=1\n");
    let read = fields(&tiff(&[signed], &[]), &options(None)).unwrap();
    assert_eq!(read.values, [-32768., 0., 32767., -1.]);
    let density = page.clone().text(270, "ImageJ=1.53t\nimages=1\ncf=20\nc0=1\nc1=2\nc2=3\n");
    let read = fields(&tiff(&[density], &[]), &options(None)).unwrap();
    assert!(read.notes[0].contains("calibration function 20"), "{:?}", read.notes);
    let scaled = page.text(
        42112,
        "<GDALMetadata><Item name=\"SCALE\" sample=\"0\" role=\"scale\">0.5</Item>\
         <Item name=\"OFFSET\" sample=\"0\" role=\"offset\">10</Item></GDALMetadata>",
    );
    let gdal = scaled.text(42113, "65535 ").with(
        33550,
        DOUBLE,
        [30.0f64, 20.0, 0.0].iter().flat_map(|v| v.to_le_bytes()).collect(),
    );
    let bytes = tiff(&[gdal], &[]);
    let error = fields(&bytes, &options(None)).unwrap_err();
    assert!(matches!(error, FormatError::Missing { count: 1, index: 2, .. }), "{error}");
    let filled = ReadOptions { missing: Missing::Filled(-1.0), ..options(None) };
    let read = fields(&bytes, &filled).unwrap();
    assert_eq!(read.values, [10., 16394., -1., 16393.5]);
    assert_eq!(read.units.spacing, Some(vec![20.0, 30.0]));
}

#[test]
fn pictures_are_turned_as_they_say() {
    let page = |n: u8| Page::of(2, 3, (8, 1), (0..6).map(|i| 10 * n + i).collect());
    let turned = |orientation: u16| {
        // the first page's orientation holds for pages without one
        let first = page(0).with(274, SHORT, short(&[orientation]));
        let first = first.with(296, SHORT, short(&[3]));
        let first = first.with(282, RATIONAL, long(&[2, 1]));
        let first = first.with(283, RATIONAL, long(&[5, 1]));
        fields(&tiff(&[first, page(1)], &[]), &options(None)).unwrap()
    };
    let half = turned(3);
    assert_eq!(half.values[6..], [15., 14., 13., 12., 11., 10.]);
    let quarter = turned(6);
    assert_eq!((&quarter.points[..], quarter.values[..2].to_vec()), (&[3, 2][..], vec![3., 0.]));
    assert_eq!(quarter.units.spacing, Some(vec![0.5, 0.2]));
    assert!(quarter.notes.join(" ").contains("orientation 6"));
}

#[test]
fn smaller_copies_and_masks_are_no_fields() {
    let small = |kind: u32| pair(50).with(254, LONG, long(&[kind]));
    let bytes = tiff(&[pair(1), small(1), pair(2), small(4)], &[]);
    let read = fields(&bytes, &options(None)).unwrap();
    assert_eq!(read.values, [1., 101., 2., 102.]);
    assert!(read.notes[0].contains("passed over 2 of 4 pages"), "{:?}", read.notes);
}

#[test]
fn small_tiles_of_lzw_are_unpacked() {
    let tile = |first: u8| -> Vec<u8> { (0..256).map(|i| first ^ (i * 7 % 251) as u8).collect() };
    let pack = |bytes: &[u8]| {
        let order = weezl::BitOrder::Msb;
        weezl::encode::Encoder::with_tiff_size_switch(order, 8).encode(bytes).unwrap()
    };
    let mut page = Page::of(20, 16, (8, 1), vec![]).with(259, SHORT, short(&[5]));
    page = page.with(322, SHORT, short(&[16])).with(323, SHORT, short(&[16]));
    page.chunks = vec![pack(&tile(0)), pack(&tile(90))];
    page.tiled = true;
    let read = fields(&tiff(&[page.clone()], &[]), &options(None)).unwrap();
    let whole = [tile(0), tile(90)].concat();
    assert!(read.values.iter().zip(&whole).all(|(v, b)| *v == f32::from(*b)));
    assert_eq!(read.points, [20, 16]);
    // differences along rows
    let differences: Vec<u8> = tile(0)
        .chunks(16)
        .flat_map(|row| {
            (0..16).map(|i| if i == 0 { row[0] } else { row[i].wrapping_sub(row[i - 1]) })
        })
        .collect();
    let mut predicted = page.with(317, SHORT, short(&[2]));
    predicted.chunks[0] = pack(&differences);
    let read = fields(&tiff(&[predicted], &[]), &options(None)).unwrap();
    assert!(read.values[..256].iter().zip(&whole).all(|(v, b)| *v == f32::from(*b)));
}

#[test]
fn floats_behind_a_predictor_are_put_together() {
    use std::io::Write;
    let numbers = [1.5f32, -2.25, 1e-9, 3e7];
    // planes of bytes, most significant first, then differences
    let plane = |byte: usize| numbers.iter().map(move |v| v.to_be_bytes()[byte]);
    let sorted: Vec<u8> = (0..4).flat_map(plane).collect();
    let differences: Vec<u8> = (0..16)
        .map(|i| if i == 0 { sorted[0] } else { sorted[i].wrapping_sub(sorted[i - 1]) })
        .collect();
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    zlib.write_all(&differences).unwrap();
    let page = Page::of(1, 4, (32, 3), zlib.finish().unwrap());
    let page = page.with(259, SHORT, short(&[8])).with(317, SHORT, short(&[3]));
    assert_eq!(fields(&tiff(&[page], &[]), &options(None)).unwrap().values, numbers);
}

#[test]
fn numbers_of_few_bits_are_unpacked() {
    for (bits, bytes, expected) in [
        (1, vec![0b1010_0000, 0b0110_0000], vec![1., 0., 1., 0., 1., 1.]),
        (4, vec![0x12, 0x30, 0x45, 0x60], vec![1., 2., 3., 4., 5., 6.]),
        (
            12,
            vec![0xab, 0xc1, 0x23, 0x45, 0x60, 0, 0, 0x10, 0x02, 0x00],
            vec![2748., 291., 1110., 0., 16., 32.],
        ),
    ] {
        let page = Page::of(2, 3, (bits, 1), bytes);
        let read = fields(&tiff(&[page], &[]), &options(None)).unwrap();
        assert_eq!(read.values, expected, "{bits}");
    }
    // the bits of each byte reversed
    let page = Page::of(1, 8, (1, 1), vec![0b0000_0011]).with(266, SHORT, short(&[2]));
    let read = fields(&tiff(&[page], &[]), &options(None)).unwrap();
    assert_eq!(read.values, [1., 1., 0., 0., 0., 0., 0., 0.]);
}

#[test]
fn bands_are_channels_and_palettes_numbers() {
    let bands = Page::of(1, 2, (8, 1), vec![1, 2, 3, 4]).with(258, SHORT, short(&[8, 8]));
    let bands = bands.with(277, SHORT, short(&[2])).with(338, SHORT, short(&[0]));
    let read = fields(&tiff(std::slice::from_ref(&bands), &[]), &options(None)).unwrap();
    assert_eq!((read.channels, &read.values[..]), (2, &[1., 3., 2., 4.][..]));
    let mut planes = bands.with(284, SHORT, short(&[2]));
    planes.chunks = vec![vec![1, 2], vec![3, 4]];
    let read = fields(&tiff(&[planes], &[]), &options(None)).unwrap();
    assert_eq!((read.channels, &read.values[..]), (2, &[1., 2., 3., 4.][..]));
    let palette = pair(7).with(262, SHORT, short(&[3])).with(320, SHORT, short(&[9; 768]));
    let read = fields(&tiff(&[palette], &[]), &options(None)).unwrap();
    assert_eq!((read.channels, &read.values[..]), (1, &[7., 107.][..]));
    assert!(read.notes[0].contains("palette"), "{:?}", read.notes);
}

#[test]
fn what_is_not_read_is_named() {
    for (tag, value, said) in [
        (259, 34925, "LZMA (code 34925)"),
        (259, 4, "CCITT fax"),
        (259, 6, "old JPEG"),
        (259, 60000, "code 60000"),
        (262, 5, "CMYK"),
        (339, 6, "complex numbers of 8 bits"),
        (258, 24, "24 bits"),
        (32997, 4, "ImageDepth"),
    ] {
        let text = refused(&tiff(&[pair(0).with(tag, SHORT, short(&[value]))], &[]));
        assert!(text.contains(said) && text.contains("page 0"), "{text}");
    }
    // a predictor that does not exist for numbers of this size
    let page = pair(0).with(259, SHORT, short(&[8])).with(317, SHORT, short(&[3]));
    assert!(refused(&tiff(&[page], &[])).contains("predictor 3 of 8-bit u8"));
    let other = refused(&tiff(&[pair(0), Page::of(1, 3, (8, 1), vec![1, 2, 3])], &[]));
    assert!(other.contains("#0 is 1x2") && other.contains("#1 is 1x3"), "{other}");
}

#[test]
fn damaged_chains_of_pages_end() {
    let mut bytes = tiff(&[pair(0), pair(1)], &[]);
    let last = bytes.len() - 4;
    let first = bytes[4..8].to_vec();
    bytes[last..].copy_from_slice(&first);
    assert!(refused(&bytes).contains("comes back to an earlier one"));
    let mut bytes = tiff(&[pair(0)], &[]);
    let start = u32::from_le_bytes(bytes[4..8].try_into().unwrap()) as usize;
    bytes[start..start + 2].copy_from_slice(&[0xff, 0xff]);
    assert!(refused(&bytes).contains("more bytes than the file has"));
    assert!(fields(&bytes[..5], &options(None)).is_err());
}
