//! The positions of field values in a file that is read by part.

use std::cmp::Reverse;

/// How the offsets of values are computed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Places {
    /// Strides in bytes: of samples, of channels, and of each axis.
    Strided { start: u64, sample: u64, channel: u64, axes: Vec<u64> },
    /// Rows in strips at any offset: the strips of page 0, of page 1, …. A page is a channel of a
    /// sample, or a channel of a slice of a volume.
    Strips {
        offsets: Vec<u64>,
        strips_a_page: usize,
        rows_a_strip: usize,
        row: u64,
        /// Number of pages that are channels of the same field.
        channels: usize,
    },
}

impl Places {
    /// The offset after the last value. It is a `u128`, because a header may claim any size.
    pub(crate) fn end(&self, count: usize, channels: usize, points: &[usize], size: usize) -> u128 {
        let wide = u128::from;
        match self {
            Places::Strided { start, sample, channel, axes } => {
                let last = |n: usize, stride: u64| (n as u128 - 1).saturating_mul(wide(stride));
                let inside = points.iter().zip(axes).map(|(n, s)| last(*n, *s));
                let blocks = [last(count, *sample), last(channels, *channel)];
                let sum = inside.chain(blocks).fold(wide(*start), u128::saturating_add);
                sum.saturating_add(size as u128)
            }
            Places::Strips { offsets, strips_a_page, rows_a_strip, row, .. } => {
                let height = points[points.len() - 2];
                let ends = offsets.iter().enumerate().map(|(i, offset)| {
                    let first = i % strips_a_page * rows_a_strip;
                    let rows = height.saturating_sub(first).min(*rows_a_strip);
                    wide(*offset).saturating_add((rows as u128).saturating_mul(wide(*row)))
                });
                ends.max().unwrap_or_default()
            }
        }
    }

    /// The offset of a point of `size` bytes. The file is known to reach it. `points` are those of
    /// a field.
    pub(crate) fn offset(
        &self,
        (item, channel): (usize, usize),
        point: &[usize],
        points: &[usize],
        size: usize,
    ) -> u64 {
        match self {
            Places::Strided { start, sample, channel: apart, axes } => {
                let inside: u64 = point.iter().zip(axes).map(|(i, s)| *i as u64 * s).sum();
                start + item as u64 * sample + channel as u64 * apart + inside
            }
            Places::Strips { offsets, strips_a_page, rows_a_strip, row, channels } => {
                let (picture, y, x) = match *point {
                    [z, y, x] => (item * points[0] + z, y, x),
                    [y, x] => (item, y, x),
                    _ => unreachable!("pages have two axes, stacks of them three"),
                };
                let page = picture * channels + channel;
                let strip = offsets[page * strips_a_page + y / rows_a_strip];
                strip + (y % rows_a_strip) as u64 * row + (x * size) as u64
            }
        }
    }

    /// Axes from slow to fast in the file, and the distance in bytes between neighbours along the
    /// fastest.
    pub(crate) fn order(&self, dim: usize, size: usize) -> (Vec<usize>, u64) {
        let mut order: Vec<usize> = (0..dim).collect();
        match self {
            Places::Strips { .. } => (order, size as u64),
            Places::Strided { axes, .. } => {
                order.sort_by_key(|&axis| Reverse(axes[axis]));
                let step = axes[order[dim - 1]];
                (order, step)
            }
        }
    }
}
