//! Axes of a chart: the coordinate of a value, the range that shows all of them, and round ticks.
//!
//! A logarithmic axis is linear in log₁₀, so all other modules work with linear coordinates.

/// A range of coordinates with its ticks.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Axis {
    /// Whether coordinates are decimal logarithms.
    pub log: bool,
    /// Smallest and largest coordinate shown.
    pub range: (f64, f64),
    /// Labelled coordinates.
    pub major: Vec<(f64, String)>,
    /// Coordinates of fine grid lines.
    pub minor: Vec<f64>,
}

impl Axis {
    /// The coordinate of a value; none if it has none.
    pub fn coordinate(value: f64, log: bool) -> Option<f64> {
        let coordinate = if log { value.log10() } else { value };
        coordinate.is_finite().then_some(coordinate)
    }

    /// An axis that shows these coordinates. The margin on each side is a fraction of their range.
    /// None if there are no coordinates.
    pub fn spanning(
        coordinates: impl Iterator<Item = f64>,
        log: bool,
        margin: f64,
    ) -> Option<Self> {
        let (low, high) =
            coordinates.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), c| (l.min(c), h.max(c)));
        if low > high {
            return None;
        }
        let narrowest = 1e-9 * low.abs().max(high.abs());
        let pad = if high - low > narrowest {
            margin * (high - low)
        } else if log || low == 0.0 {
            0.5
        } else {
            0.1 * low.abs()
        };
        let range = (low - pad, high + pad);
        let (major, minor) = if log { decades(range) } else { round_numbers(range) };
        Some(Self { log, range, major, minor })
    }

    /// The place of a coordinate between the ends, from 0 to 1.
    pub fn fraction(&self, coordinate: f64) -> f64 {
        (coordinate - self.range.0) / (self.range.1 - self.range.0)
    }
}

type Ticks = (Vec<(f64, String)>, Vec<f64>);

/// About six multiples of 1, 2 or 5 times a power of ten, and five times as many fine ticks.
fn round_numbers((low, high): (f64, f64)) -> Ticks {
    let raw = (high - low) / 6.0;
    let power = 10f64.powf(raw.log10().floor());
    let (factor, parts) = match raw / power {
        r if r < 1.5 => (1.0, 5.0),
        r if r < 3.5 => (2.0, 4.0),
        r if r < 7.5 => (5.0, 5.0),
        _ => (10.0, 5.0),
    };
    let step = factor * power;
    let multiples = |step: f64| {
        let (first, last) = ((low / step).ceil() as i64, (high / step).floor() as i64);
        (first..=last).map(move |i| i as f64 * step)
    };
    let scientific = is_scientific(step, low.abs().max(high.abs()));
    let major = multiples(step).map(|v| (v, label(v, step, scientific))).collect();
    (major, multiples(step / parts).collect())
}

/// Ticks at powers of ten. With few decades also at 2 and 5 times each; with less than one, round
/// numbers.
fn decades((low, high): (f64, f64)) -> Ticks {
    let span = high - low;
    let (first, last) = (low.floor() as i32, high.ceil() as i32);
    let shown = |c: &f64| (low..=high).contains(c);
    let within = |digits: &'static [f64]| {
        (first..=last)
            .flat_map(move |p| digits.iter().map(move |d| d * 10f64.powi(p)))
            .filter(move |v| shown(&v.log10()))
    };
    if span < 0.7 {
        let (major, minor) = round_numbers((10f64.powf(low), 10f64.powf(high)));
        let major = major.into_iter().map(|(v, label)| (v.log10(), label)).collect();
        return (major, minor.into_iter().map(f64::log10).collect());
    }
    let fine: Vec<f64> =
        within(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]).map(f64::log10).collect();
    if span < 2.0 {
        let scientific = is_scientific(10f64.powf(low), 10f64.powf(high));
        let label = |v: f64| (v.log10(), label(v, v, scientific));
        let major = within(&[1.0, 2.0, 5.0]).map(label).collect();
        return (major, fine);
    }
    let every = (span / 8.0).ceil() as i32;
    let major = (first..=last)
        .filter(|p| p % every == 0 && shown(&f64::from(*p)))
        .map(|p| (f64::from(p), format!("10{}", superscript(p))))
        .collect();
    let minor =
        if span < 8.0 { fine } else { (first..=last).map(f64::from).filter(shown).collect() };
    (major, minor)
}

/// Whether labels of these sizes need powers of ten. It holds for all labels of an axis or for
/// none.
fn is_scientific(smallest: f64, largest: f64) -> bool {
    largest >= 1e6 || smallest < 1e-4
}

/// A multiple of `step` as text, with the necessary decimals.
fn label(value: f64, step: f64, scientific: bool) -> String {
    // the factor corrects rounding: 999.999… has the decimal place of 1000
    let place = |v: f64| (v * (1.0 + 1e-9)).log10().floor();
    if value.abs() < 0.5 * step {
        let digits = if scientific { 0 } else { (-place(step)).max(0.0) as usize };
        return format!("{:.digits$}", 0.0);
    }
    if !scientific {
        let digits = (-place(step)).max(0.0) as usize;
        return format!("{value:.digits$}");
    }
    let power = place(value.abs());
    let digits = (power - place(step)).max(0.0) as usize;
    format!("{:.digits$}·10{}", value / 10f64.powf(power), superscript(power as i32))
}

fn superscript(power: i32) -> String {
    power
        .to_string()
        .chars()
        .map(|c| match c {
            '-' => '⁻',
            '0' => '⁰',
            '1' => '¹',
            '2' => '²',
            '3' => '³',
            '4' => '⁴',
            '5' => '⁵',
            '6' => '⁶',
            '7' => '⁷',
            '8' => '⁸',
            _ => '⁹',
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(values: &[f64], log: bool) -> Vec<String> {
        let coordinates = values.iter().filter_map(|&v| Axis::coordinate(v, log));
        let axis = Axis::spanning(coordinates, log, 0.0).unwrap();
        axis.major.into_iter().map(|t| t.1).collect()
    }

    #[test]
    fn ticks_are_round_numbers_with_the_decimals_they_need() {
        assert_eq!(labels(&[0.0, 1.0], false), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(labels(&[-3.0, 9.0], false), ["-2", "0", "2", "4", "6", "8"]);
        assert_eq!(labels(&[0.0, 20_000.0], false).last().unwrap(), "20000");
        assert_eq!(labels(&[0.0, 3e6], false)[1], "5·10⁵");
        assert_eq!(labels(&[0.0, 3e-6], false)[3], "1.5·10⁻⁶");
        assert_eq!(labels(&[1e-3, 1.0], true), ["10⁻³", "10⁻²", "10⁻¹", "10⁰"]);
        assert_eq!(labels(&[1.0, 64.0], true), ["1", "2", "5", "10", "20", "50"]);
        assert_eq!(labels(&[0.02, 0.5], true), ["0.02", "0.05", "0.1", "0.2", "0.5"]);
        assert_eq!(labels(&[3.0, 4.0], true), ["3.0", "3.2", "3.4", "3.6", "3.8", "4.0"]);
        assert_eq!(labels(&[1e-40, 1.0], true).len(), 9);
    }

    #[test]
    fn every_axis_has_room_and_a_tick() {
        for log in [false, true] {
            for values in [&[1.0][..], &[0.0], &[-5.0, 1.0], &[1.0, 1.0 + 1e-12], &[1e-300, 1e300]]
            {
                let coordinates = || values.iter().filter_map(|&v| Axis::coordinate(v, log));
                let Some(axis) = Axis::spanning(coordinates(), log, 0.1) else {
                    assert!(coordinates().next().is_none());
                    continue;
                };
                assert!(!axis.major.is_empty() && axis.major.len() < 20, "{values:?} {axis:?}");
                assert!(coordinates().all(|c| (0.01..0.99).contains(&axis.fraction(c))));
                assert!(axis.major.iter().all(|t| (0.0..=1.0).contains(&axis.fraction(t.0))));
            }
        }
        assert_eq!(Axis::coordinate(-1.0, true), None);
        assert_eq!(Axis::coordinate(0.0, true), None);
        assert_eq!(Axis::coordinate(f64::NAN, false), None);
    }
}
