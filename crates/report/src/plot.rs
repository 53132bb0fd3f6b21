//! Line charts as SVG.
//!
//! Colours are CSS classes; the page's style defines them for each theme.

use std::fmt::Write as _;

use crate::escape::escape;

/// Size of a chart in SVG units.
const WIDTH: f64 = 480.0;
const HEIGHT: f64 = 300.0;
/// Margins for the numbers and names of the axes.
const LEFT: f64 = 58.0;
const BOTTOM: f64 = 44.0;
const TOP: f64 = 12.0;
const RIGHT: f64 = 12.0;
/// Approximate number of ticks of an axis.
const TICKS: f64 = 5.0;

/// The role of a line, which is a CSS class of the page's style.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Real fields.
    Real,
    /// Samples.
    Sampled,
    /// Anything else, by number.
    Other(usize),
}

impl Role {
    fn class(self) -> String {
        match self {
            Self::Real => "real".into(),
            Self::Sampled => "sampled".into(),
            Self::Other(number) => format!("other-{}", number % 4),
        }
    }
}

/// A line of a chart.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub label: String,
    pub role: Role,
    pub points: Vec<(f64, f64)>,
}

/// A chart.
#[derive(Debug, Clone, Default)]
pub(crate) struct Plot {
    /// Alternative text for readers who cannot see the chart.
    pub alt: String,
    pub x_label: String,
    pub y_label: String,
    pub x_log: bool,
    pub y_log: bool,
    /// x, smallest y and largest y of a shaded band.
    pub band: Vec<(f64, f64, f64)>,
    pub lines: Vec<Line>,
    /// Vertical lines, each with a word.
    pub marks: Vec<(f64, String)>,
}

/// One axis: maps a value to a place between 0 and 1.
#[derive(Debug, Clone, Copy)]
struct Axis {
    log: bool,
    low: f64,
    high: f64,
}

impl Axis {
    /// An axis that spans the given values; none if no value can be shown.
    fn of(values: impl Iterator<Item = f64>, log: bool) -> Option<Self> {
        let shown = values.filter(|v| v.is_finite() && (!log || *v > 0.0));
        let (low, high) = shown
            .map(|v| if log { v.log10() } else { v })
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
        if low > high {
            return None;
        }
        let margin = if high > low { 0.03 * (high - low) } else { 0.5 * high.abs().max(1.0) };
        Some(Self { log, low: low - margin, high: high + margin })
    }

    /// The place of a value; none if the axis cannot show it.
    fn place(&self, value: f64) -> Option<f64> {
        let v = if self.log { value.log10() } else { value };
        v.is_finite().then(|| (v - self.low) / (self.high - self.low))
    }

    /// The labelled values.
    fn ticks(&self) -> Vec<(f64, String)> {
        let span = self.high - self.low;
        if self.log {
            let every = (span / TICKS).ceil().max(1.0);
            let first = (self.low / every).ceil() as i32;
            let last = (self.high / every).floor() as i32;
            let decades: Vec<i32> = (first..=last).map(|k| k * every as i32).collect();
            if decades.len() >= 2 {
                let name = |k: i32| {
                    if (-2..=3).contains(&k) { plain(10f64.powi(k)) } else { format!("1e{k}") }
                };
                return decades.into_iter().map(|k| (10f64.powi(k), name(k))).collect();
            }
            // less than two decades: ticks at steps of the values themselves
            let line = Self { log: false, low: 10f64.powf(self.low), high: 10f64.powf(self.high) };
            return line.ticks();
        }
        let raw = span / TICKS;
        let unit = 10f64.powf(raw.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].map(|s| s * unit).into_iter().find(|s| *s >= raw);
        let step = step.unwrap_or(10.0 * unit);
        let first = (self.low / step).ceil() as i64;
        let last = (self.high / step).floor() as i64;
        (first..=last).map(|k| k as f64 * step).map(|v| (v, plain(v))).collect()
    }
}

/// A number in short form.
fn plain(value: f64) -> String {
    if value != 0.0 && !(1e-3..1e5).contains(&value.abs()) {
        return format!("{value:.0e}");
    }
    let text = format!("{value:.4}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".into() } else { text.into() }
}

impl Plot {
    /// The chart, or a sentence if no point can be shown.
    pub fn to_svg(&self) -> String {
        let points = || self.lines.iter().flat_map(|line| line.points.iter().copied());
        let x = Axis::of(points().map(|p| p.0).chain(self.band.iter().map(|b| b.0)), self.x_log);
        let spread = self.band.iter().flat_map(|b| [b.1, b.2]);
        let y = Axis::of(points().map(|p| p.1).chain(spread), self.y_log);
        let (Some(x), Some(y)) = (x, y) else {
            return format!("<p class=\"note\">{}: nothing to draw.</p>", escape(&self.alt));
        };
        let (wide, high) = (WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM);
        let at_x = |v: f64| x.place(v).map(|p| LEFT + p * wide);
        let at_y = |v: f64| y.place(v).map(|p| TOP + (1.0 - p) * high);
        let mut svg = format!(
            "<svg class=\"chart\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">",
            escape(&self.alt)
        );
        self.axes(&mut svg, &x, &y, (wide, high));
        if let Some(path) = self.shade(&at_x, &at_y) {
            let _ = write!(svg, "<path class=\"band\" d=\"{path}\"/>");
        }
        for (value, word) in &self.marks {
            if let Some(px) = at_x(*value).filter(|px| (LEFT..=LEFT + wide).contains(px)) {
                let _ = write!(
                    svg,
                    "<line class=\"mark\" x1=\"{px:.1}\" x2=\"{px:.1}\" y1=\"{TOP}\" y2=\"{:.1}\"/>\
                     <text class=\"word\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                    TOP + high,
                    px + 3.0,
                    TOP + 11.0,
                    escape(word)
                );
            }
        }
        for line in &self.lines {
            let path = path(line.points.iter().map(|p| at_x(p.0).zip(at_y(p.1))));
            let _ = write!(svg, "<path class=\"line {}\" d=\"{path}\"/>", line.role.class());
        }
        svg.push_str("</svg>");
        svg + &self.legend()
    }

    fn axes(&self, svg: &mut String, x: &Axis, y: &Axis, (wide, high): (f64, f64)) {
        for (value, name) in x.ticks() {
            let px = LEFT + x.place(value).unwrap_or(0.0) * wide;
            let _ = write!(
                svg,
                "<line class=\"grid\" x1=\"{px:.1}\" x2=\"{px:.1}\" y1=\"{TOP}\" y2=\"{:.1}\"/>\
                 <text class=\"tick\" text-anchor=\"middle\" x=\"{px:.1}\" y=\"{:.1}\">{name}</text>",
                TOP + high,
                TOP + high + 15.0
            );
        }
        for (value, name) in y.ticks() {
            let py = TOP + (1.0 - y.place(value).unwrap_or(0.0)) * high;
            let _ = write!(
                svg,
                "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{py:.1}\" y2=\"{py:.1}\"/>\
                 <text class=\"tick\" text-anchor=\"end\" x=\"{:.1}\" y=\"{:.1}\">{name}</text>",
                LEFT + wide,
                LEFT - 5.0,
                py + 4.0
            );
        }
        let middle = TOP + high / 2.0;
        let _ = write!(
            svg,
            "<text class=\"name\" text-anchor=\"middle\" x=\"{:.1}\" y=\"{:.1}\">{}</text>\
             <text class=\"name\" text-anchor=\"middle\" transform=\"translate(13 {middle:.1}) \
             rotate(-90)\">{}</text>",
            LEFT + wide / 2.0,
            HEIGHT - 7.0,
            escape(&self.x_label),
            escape(&self.y_label)
        );
    }

    /// The outline of the band: along its upper edge and back along its lower one.
    fn shade(
        &self,
        at_x: &dyn Fn(f64) -> Option<f64>,
        at_y: &dyn Fn(f64) -> Option<f64>,
    ) -> Option<String> {
        // a value that a logarithmic axis cannot show is put at its lower end
        let floor = TOP + (HEIGHT - TOP - BOTTOM);
        let upper: Vec<(f64, f64)> =
            self.band.iter().filter_map(|(x, _, high)| at_x(*x).zip(at_y(*high))).collect();
        let lower = self
            .band
            .iter()
            .filter(|(_, _, high)| at_y(*high).is_some())
            .filter_map(|(x, low, _)| Some((at_x(*x)?, at_y(*low).unwrap_or(floor))));
        let mut lower: Vec<(f64, f64)> = lower.collect();
        lower.reverse();
        let all = upper.into_iter().chain(lower).map(Some);
        let path = path(all);
        (!path.is_empty()).then(|| format!("{path}Z"))
    }

    fn legend(&self) -> String {
        let mut out = String::from("<ul class=\"legend\">");
        if !self.band.is_empty() {
            out.push_str("<li><span class=\"key band\"></span>sets of real fields</li>");
        }
        for line in self.lines.iter().filter(|line| !line.label.is_empty()) {
            let (class, label) = (line.role.class(), escape(&line.label));
            let _ = write!(out, "<li><span class=\"key {class}\"></span>{label}</li>");
        }
        out + "</ul>"
    }
}

/// Points as an SVG path. A new piece begins after each point that cannot be shown.
fn path(points: impl Iterator<Item = Option<(f64, f64)>>) -> String {
    let (mut path, mut pen_up) = (String::new(), true);
    for point in points {
        let Some((x, y)) = point else {
            pen_up = true;
            continue;
        };
        let _ = write!(path, "{}{x:.1} {y:.1}", if pen_up { 'M' } else { 'L' });
        pen_up = false;
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_numbers_inside_the_axis() {
        let axis = Axis::of([0.0, 0.83].into_iter(), false).unwrap();
        let names: Vec<String> = axis.ticks().into_iter().map(|t| t.1).collect();
        assert_eq!(names, ["0", "0.2", "0.4", "0.6", "0.8"]);
        let axis = Axis::of([0.002, 400.0].into_iter(), true).unwrap();
        let names: Vec<String> = axis.ticks().into_iter().map(|t| t.1).collect();
        assert_eq!(names, ["0.01", "1", "100"]);
        let axis = Axis::of([3.0, 7.0].into_iter(), true).unwrap();
        assert!(axis.ticks().len() >= 3, "{:?}", axis.ticks());
    }

    #[test]
    fn a_line_breaks_where_an_axis_cannot_show_it() {
        let line = Line {
            label: "a<b".into(),
            role: Role::Sampled,
            points: vec![(1.0, 1.0), (2.0, 0.0), (3.0, 10.0), (4.0, 100.0)],
        };
        let plot = Plot { y_log: true, lines: vec![line], ..Plot::default() };
        let svg = plot.to_svg();
        let path = svg.split("class=\"line sampled\" d=\"").nth(1).unwrap();
        let path = path.split('"').next().unwrap();
        assert_eq!(path.matches('M').count(), 2, "{path}");
        assert_eq!(path.matches('L').count(), 1, "{path}");
        assert!(svg.contains("a&lt;b") && !svg.contains("a<b"));
    }

    #[test]
    fn nothing_to_draw_is_said() {
        let plot = Plot { alt: "empty".into(), ..Plot::default() };
        assert_eq!(plot.to_svg(), "<p class=\"note\">empty: nothing to draw.</p>");
    }
}
