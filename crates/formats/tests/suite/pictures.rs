//! Single pictures: bit depths, channels, alpha, pages.

use std::io::Cursor;

use image::{DynamicImage, ImageBuffer, ImageFormat, Luma, LumaA, Rgb, Rgba};
use karhunen_formats::{FormatError, ReadOptions, SourceType};
use tiff::encoder::{TiffEncoder, colortype};

use crate::read_bytes;

fn encoded(picture: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.into().write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// 3 columns and 2 rows; sample s of pixel p is 40 p + s.
fn samples(channels: usize) -> Vec<u8> {
    (0..6 * channels).map(|i| (40 * (i / channels) + i % channels) as u8).collect()
}

/// The same values as fields, channel by channel.
fn planar(channels: usize) -> Vec<f32> {
    (0..channels).flat_map(|c| (0..6).map(move |p| (40 * p + c) as f32)).collect()
}

#[test]
fn png_of_8_and_16_bits_keeps_its_units() {
    let read = |bytes: &[u8]| read_bytes(bytes, &ReadOptions::default()).unwrap();
    let grey = ImageBuffer::<Luma<u8>, _>::from_raw(3, 2, samples(1)).unwrap();
    let fields = read(&encoded(grey, ImageFormat::Png));
    assert_eq!((fields.count(), fields.channels, &fields.points[..]), (1, 1, &[2, 3][..]));
    assert_eq!((fields.dtype, fields.values), (SourceType::U8, planar(1)));

    let colour = ImageBuffer::<Rgb<u8>, _>::from_raw(3, 2, samples(3)).unwrap();
    let fields = read(&encoded(colour, ImageFormat::Png));
    assert_eq!((fields.channels, fields.values), (3, planar(3)));

    let deep = vec![0u16, 1, 256, 40_000, 65_534, 65_535];
    let grey = ImageBuffer::<Luma<u16>, _>::from_raw(3, 2, deep.clone()).unwrap();
    let fields = read(&encoded(grey, ImageFormat::Png));
    let expected: Vec<f32> = deep.into_iter().map(f32::from).collect();
    assert_eq!((fields.dtype, fields.values), (SourceType::U16, expected));
}

#[test]
fn alpha_is_dropped_only_where_it_hides_nothing() {
    let mut pixels = samples(4);
    pixels.iter_mut().skip(3).step_by(4).for_each(|a| *a = 255);
    let opaque = ImageBuffer::<Rgba<u8>, _>::from_raw(3, 2, pixels.clone()).unwrap();
    let fields = read_bytes(&encoded(opaque, ImageFormat::Png), &ReadOptions::default()).unwrap();
    assert_eq!((fields.channels, fields.values), (3, planar(3)));

    pixels[4 * 4 + 3] = 254;
    let glassy = ImageBuffer::<Rgba<u8>, _>::from_raw(3, 2, pixels).unwrap();
    let error =
        read_bytes(&encoded(glassy, ImageFormat::Png), &ReadOptions::default()).unwrap_err();
    assert!(matches!(error, FormatError::Transparent { pixel: 4, alpha: 254.0, .. }), "{error}");

    let deep = vec![7u16, 65_535, 8, 65_534];
    let glassy = ImageBuffer::<LumaA<u16>, _>::from_raw(2, 1, deep).unwrap();
    let error =
        read_bytes(&encoded(glassy, ImageFormat::Png), &ReadOptions::default()).unwrap_err();
    assert!(matches!(error, FormatError::Transparent { pixel: 1, alpha: 65_534.0, .. }), "{error}");
}

/// A PNG of 3 columns and 2 rows whose pixels are the palette indices 0 to 5.
fn palette(colours: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 3, 2);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_depth(png::BitDepth::Four);
    encoder.set_palette(colours.to_vec());
    // two indices in each byte, rows padded
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&[0x01, 0x20, 0x34, 0x50]).unwrap();
    writer.finish().unwrap();
    bytes
}

#[test]
fn numbers_of_a_palette_are_read_and_its_greys() {
    let red: Vec<u8> = (0..6).flat_map(|i| [40 * i, 0, 0]).collect();
    let fields = read_bytes(&palette(&red), &ReadOptions::default()).unwrap();
    assert_eq!((fields.channels, &fields.values[..]), (1, &[0., 1., 2., 3., 4., 5.][..]));
    assert!(fields.notes[0].contains("palette"), "{:?}", fields.notes);
    let grey: Vec<u8> = (0..6).flat_map(|i| [200 - 40 * i; 3]).collect();
    let fields = read_bytes(&palette(&grey), &ReadOptions::default()).unwrap();
    assert_eq!(fields.values, [200., 160., 120., 80., 40., 0.]);
}

#[test]
fn a_jpeg_is_turned_as_it_says() {
    // grey that rises to the right, in blocks of one level
    let ramp = ImageBuffer::<Luma<u8>, _>::from_fn(24, 8, |x, _| Luma([60 * (x / 8) as u8]));
    let plain = encoded(ramp, ImageFormat::Jpeg);
    // EXIF: one entry, orientation 6
    let mut exif = b"\xff\xe1\0\x22Exif\0\0II*\0\x08\0\0\0\x01\0".to_vec();
    exif.extend(b"\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0");
    let turned = [&plain[..2], &exif, &plain[2..]].concat();
    let before = read_bytes(&plain, &ReadOptions::default()).unwrap();
    let after = read_bytes(&turned, &ReadOptions::default()).unwrap();
    assert_eq!((&before.points[..], &after.points[..]), (&[8, 24][..], &[24, 8][..]));
    // the left column becomes the top row
    assert!((0..8).all(|x| after.values[x] == before.values[(7 - x) * 24]));
    assert!(after.values[8 * 23] > after.values[0]);
    assert!(after.notes[0].contains("orientation 6"), "{:?}", after.notes);
}

#[test]
fn jpeg_is_read_near_enough() {
    let flat = ImageBuffer::<Luma<u8>, _>::from_pixel(17, 9, Luma([90]));
    let fields = read_bytes(&encoded(flat, ImageFormat::Jpeg), &ReadOptions::default()).unwrap();
    assert_eq!((fields.channels, &fields.points[..]), (1, &[9, 17][..]));
    // a constant block has one coefficient, rounded to a step of a few grey levels
    assert!(fields.values.iter().all(|v| (v - 90.0).abs() <= 2.0), "{:?}", fields.values[0]);
}

#[test]
fn tiff_of_many_types_and_pages() {
    let mut bytes = Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new(&mut bytes).unwrap();
    let pages = [[0.5f32, -1.5, 2.0, 3.0, 4.0, 5.0], [6.0, 7.0, 8.0, 9.0, 10.0, 11.0]];
    for page in &pages {
        encoder.write_image::<colortype::Gray32Float>(3, 2, page).unwrap();
    }
    let bytes = bytes.into_inner();
    let fields = read_bytes(&bytes, &ReadOptions::default()).unwrap();
    assert_eq!((fields.count(), &fields.points[..]), (2, &[2, 3][..]));
    assert_eq!((fields.dtype, &fields.values), (SourceType::F32, &pages.concat()));
    assert_eq!(fields.items, ["file#0", "file#1"]);
    let volume = ReadOptions { dim: Some(3), ..ReadOptions::default() };
    let fields = read_bytes(&bytes, &volume).unwrap();
    assert_eq!((fields.count(), &fields.points[..]), (1, &[2, 2, 3][..]));
    assert_eq!(fields.values, pages.concat());

    let mut bytes = Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new(&mut bytes).unwrap();
    encoder.write_image::<colortype::RGB16>(1, 2, &[1, 2, 3, 40_000, 5, 65_535]).unwrap();
    let fields = read_bytes(&bytes.into_inner(), &ReadOptions::default()).unwrap();
    assert_eq!(fields.dtype, SourceType::U16);
    assert_eq!(fields.values, [1.0, 40_000.0, 2.0, 5.0, 3.0, 65_535.0]);
}

#[test]
fn tiff_values_are_the_stored_ones_even_if_white_is_zero() {
    let mut bytes = Cursor::new(Vec::new());
    TiffEncoder::new(&mut bytes)
        .unwrap()
        .write_image::<colortype::Gray8>(3, 2, &[0, 1, 2, 200, 254, 255])
        .unwrap();
    let mut bytes = bytes.into_inner();
    // the entry of tag 262, PhotometricInterpretation: type SHORT, one value, 1 = black is zero
    let entry = [6, 1, 3, 0, 1, 0, 0, 0, 1, 0];
    let at = bytes.windows(10).position(|w| w == entry).unwrap();
    bytes[at + 8] = 0;
    let fields = read_bytes(&bytes, &ReadOptions::default()).unwrap();
    assert_eq!(fields.values, [0.0, 1.0, 2.0, 200.0, 254.0, 255.0]);
}

#[test]
fn pages_of_two_sizes_are_refused() {
    let mut bytes = Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new(&mut bytes).unwrap();
    encoder.write_image::<colortype::Gray8>(3, 2, &[0; 6]).unwrap();
    encoder.write_image::<colortype::Gray8>(2, 3, &[0; 6]).unwrap();
    let error = read_bytes(&bytes.into_inner(), &ReadOptions::default()).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("file#1 is 3x2") && text.contains("file#0 is 2x3"), "{text}");
}

#[test]
fn options_that_a_picture_cannot_follow_are_refused() {
    let grey = ImageBuffer::<Luma<u8>, _>::from_raw(3, 2, samples(1)).unwrap();
    let bytes = encoded(grey, ImageFormat::Png);
    for (dim, channels) in [(Some(1), None), (None, Some(3))] {
        let error = read_bytes(&bytes, &ReadOptions { dim, channels, ..Default::default() });
        assert!(matches!(error, Err(FormatError::Layout { .. })));
    }
}
