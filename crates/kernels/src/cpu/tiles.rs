//! Division of the points of a field into pieces of work, by sizes alone, never by threads.
//!
//! A [`Tile`] stays in the first-level cache while a row pass works on it. It is some rows, or a
//! symmetric part of one long row. A *chunk* is a run of tiles whose weight gradients are summed
//! before they are added to those of other chunks.

use std::ops::Range;

use crate::cpu::rows::Pairs;
use crate::plan::spectral::SpectralPlan;

/// Approximate number of points of a tile.
const TILE: usize = 128;
/// Approximate number of points of a chunk. A field with two tiles or more has at least two chunks.
const CHUNK: usize = 2048;

/// The tiles of one field.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tiles {
    n: usize,
    rows: usize,
    /// Number of rows of a tile.
    height: usize,
    /// Number of tiles that a row is cut into; 1 unless rows are long.
    pub parts: usize,
    /// Number of tiles of a field.
    pub count: usize,
    /// Number of chunks of a field.
    pub chunks: usize,
}

/// Some rows, with the same pairs of points in each.
#[derive(Debug, Clone)]
pub(crate) struct Tile {
    pub rows: Range<usize>,
    pub pairs: Pairs,
    /// Index of its part of the row.
    pub part: usize,
}

impl Tiles {
    pub fn of(plan: &SpectralPlan) -> Self {
        let (n, rows) = (plan.last.n, plan.rows());
        let half = Pairs::of(n);
        let long = n > 2 * TILE;
        let height = if long { 1 } else { (TILE / n).max(1) };
        let parts = if long { half.div_ceil(TILE / 2) } else { 1 };
        let count = rows.div_ceil(height) * parts;
        let chunks = plan.points().div_ceil(CHUNK).max(2).min(count);
        Self { n, rows, height, parts, count, chunks }
    }

    pub fn tile(&self, i: usize) -> Tile {
        let (block, part) = (i / self.parts, i % self.parts);
        let rows = block * self.height..self.rows.min((block + 1) * self.height);
        let half = Pairs::of(self.n);
        let (first, end) = (part * half / self.parts, (part + 1) * half / self.parts);
        Tile { rows, pairs: Pairs { n: self.n, first, end }, part }
    }

    /// The points that follow `row` of tile `i`, as runs to prefetch. They are the next row or, for
    /// a row in parts, the next tile; nothing after the last row of the field. Each point is
    /// fetched once.
    pub fn ahead(&self, i: usize, row: usize) -> [Range<usize>; 2] {
        if self.parts == 1 {
            let next = (row + 1).min(self.rows)..(row + 2).min(self.rows);
            let end = next.end * self.n;
            [next.start * self.n..end, end..end]
        } else if i + 1 < self.count {
            self.tile(i + 1).runs()
        } else {
            [0..0, 0..0]
        }
    }

    /// The tiles of a chunk.
    pub fn chunk(&self, i: usize) -> Range<usize> {
        i * self.count / self.chunks..(i + 1) * self.count / self.chunks
    }
}

impl Tile {
    /// The runs of points that it covers: one run, or a low and a high one. The second may be
    /// empty.
    pub fn runs(&self) -> [Range<usize>; 2] {
        let Pairs { n, first, end } = self.pairs;
        let row = self.rows.start * n;
        if first == 0 && end == Pairs::of(n) {
            return [row..self.rows.end * n, row..row];
        }
        [row + first..row + end, row + (n - end).max(end)..row + n - first]
    }
}
