//! Folders of pictures: order, stacks, copies, and other files.

use std::fs;
use std::path::Path;

use image::GrayImage;
use karhunen_formats::{FormatError, RawFields, ReadOptions, Series, read};

use crate::{folder, npy};

/// A 2 x 2 picture of one grey level.
fn put(folder: &Path, name: &str, grey: u8) {
    GrayImage::from_pixel(2, 2, image::Luma([grey])).save(folder.join(name)).unwrap();
}

fn greys(fields: &RawFields) -> Vec<f32> {
    fields.fields().map(|f| f[0]).collect()
}

#[test]
fn natural_order_and_what_is_ignored() {
    let folder = folder();
    for (name, grey) in [("b.png", 4), ("a10.png", 3), ("a2.png", 2), ("a1x.png", 1)] {
        put(folder.path(), name, grey);
    }
    put(folder.path(), ".hidden.png", 9);
    fs::create_dir(folder.path().join("more")).unwrap();
    put(&folder.path().join("more"), "deep.png", 8);
    fs::write(folder.path().join("README"), "text").unwrap();
    let fields = read(folder.path(), &ReadOptions::default()).unwrap();
    assert_eq!(fields.items, ["a1x.png", "a2.png", "a10.png", "b.png"]);
    assert_eq!(greys(&fields), [1.0, 2.0, 3.0, 4.0]);
    assert_eq!(fields.positions, [0, 1, 2, 3]);
    let notes = fields.notes.join("\n");
    assert!(notes.contains("more") && notes.contains("README") && !notes.contains("hidden"));
}

#[test]
fn a_stack_keeps_its_numbers_and_leaves_strangers_out() {
    let folder = folder();
    for (name, grey) in [
        ("s08.png", 8),
        ("s09.png", 9),
        ("s12.png", 12),
        ("s13.png", 13),
        ("mean.png", 50),
        ("best.png", 9),
    ] {
        put(folder.path(), name, grey);
    }
    GrayImage::new(7, 5).save(folder.path().join("overview.png")).unwrap();
    let fields = read(folder.path(), &ReadOptions::default()).unwrap();
    assert_eq!(greys(&fields), [8.0, 9.0, 12.0, 13.0]);
    assert_eq!(fields.positions, [8, 9, 12, 13]);
    let notes = fields.notes.join("\n");
    for part in ["best.png = s09.png", "mean.png, overview.png", "between slices 9 and 12"] {
        assert!(notes.contains(part), "{part} in {notes}");
    }
    let volume = ReadOptions { dim: Some(3), ..ReadOptions::default() };
    let error = read(folder.path(), &volume).unwrap_err();
    assert!(matches!(error, FormatError::Hole { before: 9, after: 12, .. }), "{error}");
}

#[test]
fn copies_are_kept_and_named() {
    let folder = folder();
    for (name, grey) in [("z1.png", 5), ("z2.png", 6), ("z3.png", 5)] {
        put(folder.path(), name, grey);
    }
    let fields = read(folder.path(), &ReadOptions::default()).unwrap();
    assert_eq!((greys(&fields), &fields.positions[..]), (vec![5.0, 6.0, 5.0], &[1, 2, 3][..]));
    assert!(fields.notes[0].contains("z3.png = z1.png"), "{:?}", fields.notes);
    let volume = ReadOptions { dim: Some(3), ..ReadOptions::default() };
    let fields = read(folder.path(), &volume).unwrap();
    assert_eq!((fields.count(), &fields.points[..]), (1, &[3, 2, 2][..]));
    assert_eq!(fields.values.iter().step_by(4).copied().collect::<Vec<_>>(), [5.0, 6.0, 5.0]);
}

#[test]
fn an_order_other_than_the_alphabets_is_told() {
    let folder = folder();
    (1..=10).for_each(|i| put(folder.path(), &format!("i{i}.png"), i));
    let fields = read(folder.path(), &ReadOptions::default()).unwrap();
    assert_eq!(fields.series, Series::Stack);
    assert!(fields.notes[0].contains("(i1.png, i2.png, i3.png, …)"), "{:?}", fields.notes);
}

#[test]
fn files_of_one_array_are_a_field_each() {
    let folder = folder();
    for i in 0..3u8 {
        let values: Vec<u8> = (0..6).map(|v| 10 * i + v).collect();
        fs::write(folder.path().join(format!("s{i}.npy")), npy("|u1", false, "(2, 3)", &values))
            .unwrap();
    }
    fs::write(folder.path().join("notes.txt"), "text").unwrap();
    let fields = read(folder.path(), &ReadOptions::default()).unwrap();
    assert_eq!((fields.count(), &fields.points[..]), (3, &[2, 3][..]));
    assert_eq!((fields.values[7], &fields.items[1][..]), (11.0, "s1.npy"));
    let volume = ReadOptions { dim: Some(3), ..ReadOptions::default() };
    assert_eq!(read(folder.path(), &volume).unwrap().points, [3, 2, 3]);
    // pictures take precedence over arrays
    put(folder.path(), "a.png", 1);
    let fields = read(folder.path(), &ReadOptions::default()).unwrap();
    assert_eq!((fields.count(), &fields.items[0][..]), (1, "a.png"));
}

#[test]
fn tiffs_of_many_pages_are_volumes_of_a_folder() {
    let folder = folder();
    for i in 0..2u8 {
        let mut bytes = std::io::Cursor::new(Vec::new());
        let mut encoder = tiff::encoder::TiffEncoder::new(&mut bytes).unwrap();
        for page in 0..3 {
            let pixels = [100 * i + 10 * page; 4];
            encoder.write_image::<tiff::encoder::colortype::Gray8>(2, 2, &pixels).unwrap();
        }
        fs::write(folder.path().join(format!("v{i}.tif")), bytes.into_inner()).unwrap();
    }
    let fields = read(folder.path(), &ReadOptions::default()).unwrap();
    assert_eq!((fields.count(), &fields.points[..]), (2, &[3, 2, 2][..]));
    assert_eq!(fields.values[16], 110.0);
    let flat = ReadOptions { dim: Some(2), ..ReadOptions::default() };
    let text = read(folder.path(), &flat).unwrap_err().to_string();
    assert!(text.contains("3 fields in a file of a folder"), "{text}");
}

#[test]
fn pictures_that_do_not_agree_are_both_named() {
    let folder = folder();
    put(folder.path(), "a.png", 1);
    GrayImage::new(3, 2).save(folder.path().join("b.png")).unwrap();
    let text = read(folder.path(), &ReadOptions::default()).unwrap_err().to_string();
    assert!(text.contains("a.png is 2x2 with 1 channel(s)"), "{text}");
    assert!(text.contains("b.png is 2x3 with 1 channel(s)"), "{text}");
    image::RgbImage::new(2, 2).save(folder.path().join("b.png")).unwrap();
    let text = read(folder.path(), &ReadOptions::default()).unwrap_err().to_string();
    assert!(text.contains("b.png is 2x2 with 3 channel(s) of u8"), "{text}");
}

#[test]
fn folders_that_hold_no_picture_or_a_broken_one() {
    let folder = folder();
    let error = read(folder.path(), &ReadOptions::default()).unwrap_err();
    assert!(matches!(error, FormatError::Empty { .. }));
    let said = "holds no PNG, JPEG or TIFF picture, and no NPY, VTI or NPZ array";
    assert!(error.to_string().contains(said), "{error}");
    put(folder.path(), "a.png", 1);
    fs::write(folder.path().join("b.JPG"), "not one").unwrap();
    let error = read(folder.path(), &ReadOptions::default()).unwrap_err();
    assert!(matches!(&error, FormatError::UnknownContent { path, .. } if path.ends_with("b.JPG")));
}

#[test]
fn the_limit_counts_the_whole_folder() {
    let folder = folder();
    for i in 0..5 {
        put(folder.path(), &format!("{i}.png"), i);
    }
    let limit =
        |limit_bytes| read(folder.path(), &ReadOptions { limit_bytes, ..Default::default() });
    assert!(limit(80).is_ok());
    let error = limit(79).unwrap_err();
    assert!(matches!(error, FormatError::TooLarge { .. }), "{error}");
}
