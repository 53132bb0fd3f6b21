//! Draws a chart in RGB pixels.
//!
//! The drawing library only draws strokes and letters; this module computes all positions.
//! Everything is drawn [`OVERSAMPLING`] times too large and averaged, because the library smooths
//! only thin lines.

use std::error::Error;

use plotters::coord::Shift;
use plotters::element::DashedPathElement;
use plotters::prelude::*;
use plotters::style::register_font;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::LineChart;
use crate::axis::Axis;
use crate::legend::{Legend, Placement};

/// Pixels drawn for one pixel of the result, along each side.
pub(crate) const OVERSAMPLING: u32 = 3;

pub(crate) const FONT: &str = "DejaVu Sans";
const TITLE: f64 = 18.0;
pub(crate) const LABEL: f64 = 15.0;
pub(crate) const TICK: f64 = 13.5;

/// The colours of Okabe and Ito, which colour-blind readers can also distinguish.
const COLOURS: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(70, 70, 70),
];
pub(crate) const INK: RGBColor = RGBColor(40, 40, 40);
const MARK: RGBColor = RGBColor(110, 110, 110);
const MAJOR_GRID: RGBColor = RGBColor(222, 222, 222);
const MINOR_GRID: RGBColor = RGBColor(243, 243, 243);

type Drawn = Result<(), Box<dyn Error>>;

/// Draws a chart of `width` × `height` pixels, three bytes each, row by row.
pub(crate) fn draw(
    chart: &LineChart,
    axes: &[Axis; 2],
    width: u32,
    height: u32,
) -> Result<Vec<u8>, String> {
    let (w, h) = (width * OVERSAMPLING, height * OVERSAMPLING);
    let mut large = vec![255; 3 * w as usize * h as usize];
    // registering a font twice replaces it by itself
    register_font(FONT, FontStyle::Normal, dejavu::sans::regular())
        .map_err(|_| "its font is damaged".to_string())?;
    {
        let area = BitMapBackend::with_buffer(&mut large, (w, h)).into_drawing_area();
        Canvas::new(&area, chart, axes, width, height)
            .and_then(|canvas| canvas.everything(chart))
            .and_then(|()| Ok(area.present()?))
            .map_err(|error| error.to_string())?;
    }
    Ok(average(&large, width as usize, height as usize))
}

/// A drawing area in pixels of the result, with the frame of the chart inside.
struct Canvas<'a, 'b> {
    area: &'a DrawingArea<BitMapBackend<'b>, Shift>,
    axes: &'a [Axis; 2],
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

impl<'a, 'b> Canvas<'a, 'b> {
    /// Computes the margins for titles and the widest tick label.
    fn new(
        area: &'a DrawingArea<BitMapBackend<'b>, Shift>,
        chart: &LineChart,
        axes: &'a [Axis; 2],
        width: u32,
        height: u32,
    ) -> Result<Self, Box<dyn Error>> {
        let room = |text: &str, size: f64| if text.is_empty() { 0.0 } else { 1.6 * size };
        let mut canvas = Self {
            area,
            axes,
            left: 16.0 + room(&chart.y_label, LABEL),
            right: f64::from(width) - 20.0,
            top: 14.0 + room(&chart.title, TITLE),
            bottom: f64::from(height) - 10.0 - 1.7 * TICK - room(&chart.x_label, LABEL),
        };
        let mut widest = 0.0f64;
        for (_, label) in &axes[1].major {
            widest = widest.max(canvas.text_width(label, TICK)?);
        }
        canvas.left += widest;
        Ok(canvas)
    }

    fn everything(&self, chart: &LineChart) -> Drawn {
        self.grid()?;
        self.titles(chart)?;
        for (x, note) in &chart.vertical_marks {
            if let Some(x) = Axis::coordinate(*x, chart.x_log) {
                self.mark(self.x(x), note)?;
            }
        }
        // dashed lines are drawn last, because the lines below show through the gaps
        for dashed in [false, true] {
            let turn = chart.series.iter().enumerate().filter(|(_, s)| s.dashed == dashed);
            for (index, series) in turn {
                for line in chart.lines(series) {
                    let pixels: Vec<_> =
                        line.into_iter().map(|(x, y)| (self.x(x), self.y(y))).collect();
                    self.line(&pixels, COLOURS[index % COLOURS.len()], 2.0, dashed)?;
                }
            }
        }
        self.frame()?;
        self.legend(chart)
    }

    fn grid(&self) -> Drawn {
        let [x, y] = self.axes;
        let minor = [(&x.minor, MINOR_GRID), (&y.minor, MINOR_GRID)];
        let major = [x, y].map(|a| a.major.iter().map(|t| t.0).collect::<Vec<_>>());
        let major = [(&major[0], MAJOR_GRID), (&major[1], MAJOR_GRID)];
        for [(across, colour), (up, _)] in [minor, major] {
            for &c in across {
                let x = self.x(c);
                self.line(&[(x, self.top), (x, self.bottom)], colour, 1.0, false)?;
            }
            for &c in up {
                let y = self.y(c);
                self.line(&[(self.left, y), (self.right, y)], colour, 1.0, false)?;
            }
        }
        Ok(())
    }

    fn frame(&self) -> Drawn {
        let (l, r, t, b) = (self.left, self.right, self.top, self.bottom);
        self.line(&[(l, t), (r, t), (r, b), (l, b), (l, t)], INK, 1.0, false)?;
        let [x, y] = self.axes;
        for (c, label) in &x.major {
            let at = self.x(*c);
            self.line(&[(at, b), (at, b + 4.0)], INK, 1.0, false)?;
            self.text(label, TICK, (at, b + 6.0), HPos::Center, VPos::Top, INK)?;
        }
        for (c, label) in &y.major {
            let at = self.y(*c);
            self.line(&[(l - 4.0, at), (l, at)], INK, 1.0, false)?;
            self.text(label, TICK, (l - 7.0, at), HPos::Right, VPos::Center, INK)?;
        }
        Ok(())
    }

    fn titles(&self, chart: &LineChart) -> Drawn {
        let centre = (0.5 * (self.left + self.right), 0.5 * (self.top + self.bottom));
        let below = self.bottom + 6.0 + 1.5 * TICK;
        self.text(&chart.title, TITLE, (centre.0, 10.0), HPos::Center, VPos::Top, INK)?;
        self.text(&chart.x_label, LABEL, (centre.0, below), HPos::Center, VPos::Top, INK)?;
        let style = self.style(LABEL, HPos::Center, VPos::Top, INK);
        self.turned(&chart.y_label, (8.0, centre.1), style, FontTransform::Rotate270)
    }

    fn mark(&self, x: f64, note: &str) -> Drawn {
        self.line(&[(x, self.top), (x, self.bottom)], MARK, 1.2, true)?;
        let style = self.style(TICK, HPos::Left, VPos::Bottom, MARK);
        self.turned(note, (x + 4.0, self.top + 6.0), style, FontTransform::Rotate90)
    }

    fn legend(&self, chart: &LineChart) -> Drawn {
        let entries: Vec<_> =
            chart.series.iter().enumerate().filter(|(_, s)| !s.label.is_empty()).collect();
        let mut widest = 0.0f64;
        for (_, series) in &entries {
            widest = widest.max(self.text_width(&series.label, TICK)?);
        }
        let line = 1.45 * TICK;
        let size = (widest + 54.0, entries.len() as f64 * line + 10.0);
        if entries.is_empty() {
            return Ok(());
        }
        let frame = (self.right - self.left, self.bottom - self.top);
        let legend = Legend { width: (size.0 + 10.0) / frame.0, height: (size.1 + 10.0) / frame.1 };
        let Placement { right, top } = legend.place(chart, self.axes);
        let x = if right { self.right - size.0 - 10.0 } else { self.left + 10.0 };
        let y = if top { self.top + 10.0 } else { self.bottom - size.1 - 10.0 };
        let corners = [self.pixel((x, y)), self.pixel((x + size.0, y + size.1))];
        self.area.draw(&Rectangle::new(corners, WHITE.mix(0.88).filled()))?;
        self.area.draw(&Rectangle::new(corners, self.stroke(MAJOR_GRID, 1.0)))?;
        for (row, (index, series)) in entries.into_iter().enumerate() {
            let at = y + 5.0 + (row as f64 + 0.5) * line;
            let sample = [(x + 8.0, at), (x + 40.0, at)];
            self.line(&sample, COLOURS[index % COLOURS.len()], 2.0, series.dashed)?;
            let beside = (x + 46.0, at);
            self.text(&series.label, TICK, beside, HPos::Left, VPos::Center, INK)?;
        }
        Ok(())
    }

    fn x(&self, coordinate: f64) -> f64 {
        self.left + self.axes[0].fraction(coordinate) * (self.right - self.left)
    }

    fn y(&self, coordinate: f64) -> f64 {
        self.bottom - self.axes[1].fraction(coordinate) * (self.bottom - self.top)
    }

    fn pixel(&self, (x, y): (f64, f64)) -> (i32, i32) {
        let scale = f64::from(OVERSAMPLING);
        ((x * scale).round() as i32, (y * scale).round() as i32)
    }

    fn stroke(&self, colour: RGBColor, width: f64) -> ShapeStyle {
        colour.stroke_width((width * f64::from(OVERSAMPLING)).round() as u32)
    }

    fn line(&self, points: &[(f64, f64)], colour: RGBColor, width: f64, dashed: bool) -> Drawn {
        let pixels: Vec<_> = points.iter().map(|&p| self.pixel(p)).collect();
        let stroke = self.stroke(colour, width);
        if dashed && pixels.len() > 1 {
            let (dash, gap) = (7 * OVERSAMPLING, 4 * OVERSAMPLING);
            self.area.draw(&DashedPathElement::new(pixels, dash, gap, stroke))?;
            return Ok(());
        }
        // each segment has round joints: the library's mitre joints form spikes on noisy lines
        for pair in pixels.windows(2) {
            self.area.draw(&PathElement::new(pair, stroke))?;
        }
        let radius = if pixels.len() == 1 { stroke.stroke_width } else { stroke.stroke_width / 2 };
        for at in pixels {
            self.area.draw(&Circle::new(at, radius, stroke.filled()))?;
        }
        Ok(())
    }

    fn style(&self, size: f64, h: HPos, v: VPos, colour: RGBColor) -> TextStyle<'static> {
        let font = (FONT, size * f64::from(OVERSAMPLING)).into_font();
        font.color(&colour).pos(Pos::new(h, v))
    }

    fn text_width(&self, text: &str, size: f64) -> Result<f64, Box<dyn Error>> {
        let style = self.style(size, HPos::Left, VPos::Top, INK);
        Ok(f64::from(self.area.estimate_text_size(text, &style)?.0) / f64::from(OVERSAMPLING))
    }

    fn text(
        &self,
        text: &str,
        size: f64,
        at: (f64, f64),
        h: HPos,
        v: VPos,
        colour: RGBColor,
    ) -> Drawn {
        // the library's box of letters reaches too far down, so vertical centring needs a
        // correction
        let lower = if matches!(v, VPos::Center) { 0.12 * size } else { 0.0 };
        let style = self.style(size, h, v, colour);
        Ok(self.area.draw(&Text::new(text, self.pixel((at.0, at.1 + lower)), style))?)
    }

    fn turned(
        &self,
        text: &str,
        at: (f64, f64),
        style: TextStyle<'static>,
        turn: FontTransform,
    ) -> Drawn {
        let style = style.transform(turn);
        Ok(self.area.draw(&Text::new(text, self.pixel(at), style))?)
    }
}

/// Averages of OVERSAMPLING² pixels.
pub(crate) fn average(large: &[u8], width: usize, height: usize) -> Vec<u8> {
    let factor = OVERSAMPLING as usize;
    let row = 3 * width * factor;
    let mut pixels = Vec::with_capacity(3 * width * height);
    for y in 0..height {
        for x in 0..width {
            for channel in 0..3 {
                let sum: u32 = (0..factor * factor)
                    .map(|i| {
                        let (dy, dx) = (i / factor, i % factor);
                        let column = 3 * (x * factor + dx) + channel;
                        u32::from(large[(y * factor + dy) * row + column])
                    })
                    .sum();
                pixels.push((sum / (OVERSAMPLING * OVERSAMPLING)) as u8);
            }
        }
    }
    pixels
}
