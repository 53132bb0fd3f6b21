//! Pictures of fields in labelled panels, for comparison by eye.
//!
//! The caller chooses the colour of each value, so that all panels share one scale. This module
//! places the tiles: about as many rows as columns, with a label above each panel and a note below
//! all panels.

use std::error::Error;
use std::path::Path;

use plotters::prelude::*;
use plotters::style::register_font;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::FigureError;
use crate::draw::{FONT, INK, LABEL, OVERSAMPLING, TICK, average};
use crate::file::write_png;

/// Pixels between tiles, between panels, and at the border.
const GAP: usize = 2;
const BETWEEN: usize = 24;
const MARGIN: usize = 12;
/// Smallest longer side of a tile in pixels; smaller tiles are enlarged.
const TILE: usize = 96;
/// Largest side of the picture in pixels.
const SIDE: usize = 16000;
/// Upper bound on the mean width of a letter, relative to the font size.
const LETTER: f64 = 0.62;
/// Room above a text and height of a line, relative to the font size.
const LOWER: f64 = 0.3;
const LINE: f64 = 1.7;

/// One field in pixels.
#[derive(Debug, Clone, PartialEq)]
pub struct Tile {
    /// Width in pixels.
    pub width: usize,
    /// Red, green and blue, row by row; a multiple of the width.
    pub pixels: Vec<[u8; 3]>,
}

impl Tile {
    fn height(&self) -> usize {
        self.pixels.len() / self.width.max(1)
    }
}

/// Tiles with a common label.
#[derive(Debug, Clone, PartialEq)]
pub struct Panel {
    /// Label above the tiles.
    pub label: String,
    /// The tiles, all of one size.
    pub tiles: Vec<Tile>,
}

/// Panels from left to right.
///
/// # Example
/// ```
/// use karhunen_figures::{Panel, Panels, Tile};
/// let tile = |grey| Tile { width: 2, pixels: vec![[grey; 3]; 4] };
/// let panel = |label: &str, grey| Panel { label: label.into(), tiles: vec![tile(grey); 4] };
/// let panels = Panels {
///     panels: vec![panel("4 real fields", 0), panel("4 samples", 200)],
///     note: "black 0, white 1".into(),
/// };
/// let path = std::env::temp_dir().join(format!("panels-{}.png", std::process::id()));
/// panels.png(&path)?;
/// assert_eq!(&std::fs::read(&path).unwrap()[1..4], b"PNG");
/// # std::fs::remove_file(&path).unwrap();
/// # Ok::<(), karhunen_figures::FigureError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Panels {
    /// The panels.
    pub panels: Vec<Panel>,
    /// Note below all panels.
    pub note: String,
}

/// The position of a panel.
struct Place {
    left: usize,
    width: usize,
    columns: usize,
    enlarge: usize,
}

impl Panels {
    /// Draws the panels into a PNG file. Tiles of fewer than 96 pixels are enlarged by an integer
    /// factor.
    ///
    /// The file is written beside `path` and renamed, so `path` never holds a partial file.
    ///
    /// # Errors
    /// [`FigureError::Empty`] for a panel without a tile, [`FigureError::Size`] for a picture of more than
    /// 16000 pixels a side, [`FigureError::Draw`] if the drawing library fails, [`FigureError::Write`]
    /// if the file cannot be written.
    pub fn png(&self, path: &Path) -> Result<(), FigureError> {
        let (mut places, mut left, mut tallest) = (Vec::new(), MARGIN, 0);
        for panel in &self.panels {
            let place = Place::of(panel, left)
                .ok_or_else(|| FigureError::Empty { title: panel.label.clone() })?;
            left += place.width + BETWEEN;
            tallest = tallest.max(place.height(panel));
            places.push(place);
        }
        let note = room(&self.note, TICK);
        let width = (left + MARGIN).saturating_sub(BETWEEN).max(note + 2 * MARGIN);
        let (label, below) = ((LINE * LABEL) as usize, (LINE * TICK) as usize);
        let height = MARGIN + label + tallest + below + MARGIN / 2;
        if width > SIDE || height > SIDE || places.is_empty() {
            let [width, height] = [width, height].map(|n| u32::try_from(n).unwrap_or(u32::MAX));
            return Err(FigureError::Size { width, height, least: 1, most: SIDE as u32 });
        }
        let texts: Vec<(&str, f64, usize, usize)> = (self.panels.iter())
            .zip(&places)
            .map(|(panel, place)| (panel.label.as_str(), LABEL, place.left, MARGIN))
            .chain([(self.note.as_str(), TICK, MARGIN, MARGIN + label + tallest + below / 4)])
            .collect();
        let mut pixels = written(&texts, width, height).map_err(|error| FigureError::Draw {
            title: self.panels[0].label.clone(),
            reason: error.to_string(),
        })?;
        for (panel, place) in self.panels.iter().zip(&places) {
            place.draw(panel, MARGIN + label, &mut pixels, width);
        }
        write_png(path, width as u32, height as u32, &pixels)
            .map_err(|source| FigureError::Write { path: path.to_owned(), source })
    }
}

impl Place {
    fn of(panel: &Panel, left: usize) -> Option<Self> {
        let first = panel.tiles.first()?;
        let longest = first.width.max(first.height());
        if longest == 0 {
            return None;
        }
        let columns = (panel.tiles.len() as f64).sqrt().ceil() as usize;
        let enlarge = TILE.div_ceil(longest);
        let tiles = columns * (first.width * enlarge + GAP) - GAP;
        Some(Self { left, width: tiles.max(room(&panel.label, LABEL)), columns, enlarge })
    }

    fn height(&self, panel: &Panel) -> usize {
        let rows = panel.tiles.len().div_ceil(self.columns);
        rows * (panel.tiles[0].height() * self.enlarge + GAP) - GAP
    }

    fn draw(&self, panel: &Panel, top: usize, pixels: &mut [u8], across: usize) {
        for (i, tile) in panel.tiles.iter().enumerate() {
            let (width, height) = (tile.width * self.enlarge, tile.height() * self.enlarge);
            let x = self.left + i % self.columns * (width + GAP);
            let y = top + i / self.columns * (height + GAP);
            for row in 0..height {
                for column in 0..width {
                    let from = row / self.enlarge * tile.width + column / self.enlarge;
                    let to = 3 * ((y + row) * across + x + column);
                    pixels[to..to + 3].copy_from_slice(&tile.pixels[from]);
                }
            }
        }
    }
}

/// Upper bound on the width of a text in pixels.
fn room(text: &str, size: f64) -> usize {
    (LETTER * size * text.chars().count() as f64).ceil() as usize
}

/// A white picture with texts: (text, size, left, top).
fn written(
    texts: &[(&str, f64, usize, usize)],
    width: usize,
    height: usize,
) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut pixels = vec![255; 3 * width * height];
    register_font(FONT, FontStyle::Normal, dejavu::sans::regular())
        .map_err(|_| "its font is damaged")?;
    let scale = OVERSAMPLING as usize;
    for &(text, size, left, top) in texts {
        // each text is drawn in its own strip, because the whole picture would be too large when
        // oversampled
        let strip = [width - left, (LINE * size) as usize];
        let mut large = vec![255; 3 * strip[0] * strip[1] * scale * scale];
        {
            let sides = strip.map(|n| (n * scale) as u32);
            let area = BitMapBackend::with_buffer(&mut large, (sides[0], sides[1]));
            let area = area.into_drawing_area();
            let font = (FONT, size * f64::from(OVERSAMPLING)).into_font();
            let style = font.color(&INK).pos(Pos::new(HPos::Left, VPos::Top));
            // the library's box of a text begins below the tops of the letters
            let lower = (LOWER * size * f64::from(OVERSAMPLING)).round() as i32;
            area.draw(&Text::new(text, (0, lower), style))?;
            area.present()?;
        }
        let small = average(&large, strip[0], strip[1]);
        for (row, line) in small.chunks_exact(3 * strip[0]).enumerate() {
            let at = 3 * ((top + row) * width + left);
            pixels[at..at + line.len()].copy_from_slice(line);
        }
    }
    Ok(pixels)
}
