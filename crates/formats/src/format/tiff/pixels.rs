//! The values of one TIFF page, assembled from its strips or tiles, with its orientation applied.

use crate::cf::Packing;
use crate::format::tiff::chunk::{numbers, ratio, unpack, unpredict};
use crate::format::tiff::page::Page;
use crate::format::tiff::tags::{Directory, Tags, tag};
use crate::{FormatError, ReadOptions};

/// Strips or tiles that were never written, and their fill value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Sparse {
    /// Stored number of their pixels.
    pub(crate) fill: f64,
    /// Number of such strips or tiles.
    pub(crate) count: usize,
}

/// Values of one page, `[sample, row, column]`, including alpha, before its orientation is applied.
/// Its bytes lie `shift` bytes behind the offsets in its tags. In a stack with one directory this
/// shift selects the page.
pub(crate) fn read(
    tags: &Tags<'_>,
    directory: &Directory,
    page: &Page,
    shift: u64,
    packing: Option<&Packing>,
    sparse: &mut Sparse,
    options: &ReadOptions,
) -> Result<Vec<f32>, FormatError> {
    let broken =
        |what: String| FormatError::Tiff { path: tags.path.into(), page: directory.page, what };
    let (offsets, counts) = page.places(tags, directory)?;
    let tables = match page.compression {
        7 => tags.raw(directory, tag::JPEG_TABLES)?,
        _ => None,
    };
    let packed: u64 = counts.iter().fold(0, |sum, n| sum.saturating_add(*n));
    let missing = offsets.iter().zip(&counts).filter(|(o, n)| unwritten(**o, **n)).count();
    let room = packed.saturating_mul(ratio(page.compression));
    if missing == 0 && page.bytes() > room {
        return Err(broken(format!(
            "{packed} packed bytes cannot become the {} of its pixels",
            page.bytes()
        )));
    }
    sparse.count += missing;
    let fill = packing.map_or(sparse.fill as f32, |packing| packing.value(sparse.fill));
    let (height, width, plane) = (page.height, page.width, page.height * page.width);
    let mut values = vec![0.0; page.samples * plane];
    let (across, down) = page.chunks();
    let together = page.together();
    let mut line = Vec::new();
    for (index, (&offset, &count)) in offsets.iter().zip(&counts).enumerate() {
        let (column, row) = (index % across, index / across % down);
        let first = index / (across * down);
        let (left, top) = (column * page.chunk.0, row * page.chunk.1);
        let (right, bottom) = (width.min(left + page.chunk.0), height.min(top + page.chunk.1));
        let bytes = match unwritten(offset, count) {
            true => None,
            false => {
                let expected = page.chunk_bytes(row);
                // a tile may be larger than its page
                options.admit(tags.path, [expected.div_ceil(4)])?;
                let packed = tags.bytes(offset.saturating_add(shift), count)?;
                let unpacked = unpack(page, packed, expected as usize, tables.as_deref());
                Some(unpacked.map_err(&broken)?)
            }
        };
        let row_bytes = page.row_bytes(page.chunk.0) as usize;
        let chunk = bytes.map(|mut bytes| {
            let endian = unpredict(page, tags.endian, &mut bytes, row_bytes);
            (bytes, endian)
        });
        for y in top..bottom {
            line.clear();
            match &chunk {
                Some((bytes, endian)) => {
                    let row = &bytes[(y - top) * row_bytes..(y - top + 1) * row_bytes];
                    let row = (row, (right - left) * together);
                    numbers(page, *endian, packing, row, &mut line);
                }
                None => line.resize((right - left) * together, fill),
            }
            for sample in 0..together {
                let at = (first + sample) * plane + y * width;
                let from = line.iter().skip(sample).step_by(together);
                values[at + left..at + right].iter_mut().zip(from).for_each(|(v, n)| *v = *n);
            }
        }
    }
    Ok(values)
}

/// Whether a strip or tile was never written.
fn unwritten(offset: u64, count: u64) -> bool {
    offset == 0 || count == 0
}

/// Applies an orientation of TIFF and EXIF, 1 to 8, to a plane of `height` rows.
pub(crate) fn turn(plane: &[f32], (height, width): (usize, usize), orientation: u8) -> Vec<f32> {
    if orientation == 1 {
        return plane.into();
    }
    let (rows, columns) = if orientation > 4 { (width, height) } else { (height, width) };
    let mut turned = Vec::with_capacity(plane.len());
    for row in 0..rows {
        for column in 0..columns {
            let (y, x) = match orientation {
                2 => (row, width - 1 - column),
                3 => (height - 1 - row, width - 1 - column),
                4 => (height - 1 - row, column),
                5 => (column, row),
                6 => (height - 1 - column, row),
                7 => (height - 1 - column, width - 1 - row),
                _ => (column, width - 1 - row),
            };
            turned.push(plane[y * width + x]);
        }
    }
    turned
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_eight_orientations_put_the_first_row_where_exif_says() {
        // 2 rows of 3, the first row is 0 1 2; expected positions by EXIF 2.32, tag 274
        let plane: Vec<f32> = (0..6).map(|v| v as f32).collect();
        let expected = [
            vec![0., 1., 2., 3., 4., 5.],
            vec![2., 1., 0., 5., 4., 3.],
            vec![5., 4., 3., 2., 1., 0.],
            vec![3., 4., 5., 0., 1., 2.],
            vec![0., 3., 1., 4., 2., 5.],
            vec![3., 0., 4., 1., 5., 2.],
            vec![5., 2., 4., 1., 3., 0.],
            vec![2., 5., 1., 4., 0., 3.],
        ];
        for (orientation, expected) in (1..=8).zip(expected) {
            assert_eq!(turn(&plane, (2, 3), orientation), expected, "{orientation}");
        }
    }
}
