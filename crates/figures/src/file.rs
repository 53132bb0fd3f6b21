//! RGB pixels to a PNG file that appears as a whole or not at all.

use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::Path;

/// Encodes `pixels` (three bytes each, row by row) beside `path`, then renames.
pub(crate) fn write_png(path: &Path, width: u32, height: u32, pixels: &[u8]) -> io::Result<()> {
    let name = path.file_name().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidFilename))?;
    let beside = path.with_file_name(format!(".{}.{}", name.to_string_lossy(), std::process::id()));
    let written = encode(&beside, width, height, pixels)
        .and_then(|()| fs::rename(&beside, path))
        .and_then(|()| keep_name(path));
    if written.is_err() {
        // the first error is the one to report
        let _ = fs::remove_file(&beside);
    }
    written
}

fn encode(path: &Path, width: u32, height: u32, pixels: &[u8]) -> io::Result<()> {
    let file = File::create(path)?;
    let mut encoder = png::Encoder::new(BufWriter::new(&file), width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(pixels)?;
    writer.finish()?;
    file.sync_all()
}

/// Forces the new name to the disk, where folders can be forced.
fn keep_name(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if !cfg!(unix) {
        return Ok(());
    }
    match File::open(folder.unwrap_or(Path::new(".")))?.sync_all() {
        Err(e) if matches!(e.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => {
            Ok(())
        }
        forced => forced,
    }
}
