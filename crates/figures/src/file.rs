//! RGB pixels to a PNG file that appears as a whole or not at all.

use std::io;
use std::path::Path;

use karhunen_formats::write_whole;

/// Encodes `pixels` (three bytes each, row by row) and writes them.
pub(crate) fn write_png(path: &Path, width: u32, height: u32, pixels: &[u8]) -> io::Result<()> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(pixels)?;
    writer.finish()?;
    write_whole(path, &bytes)
}
