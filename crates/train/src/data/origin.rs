//! What a model remembers of the data it was made of: the box they fill, and which they are.

use karhunen_field::Ensemble;
use karhunen_formats::FieldSource;
use serde::{Deserialize, Serialize};

use crate::TrainError;
use crate::config::DataConfig;
use crate::data::division::Division;
use crate::data::identity::{Identity, Role};
use crate::data::level::LevelData;

/// Where a model's functions come from.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Origin {
    /// Cells of the source that the box spans, those of a patch or of a field.
    pub cells: Vec<usize>,
    /// Distance of these cells along each axis, where the source tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spacing: Option<Vec<f64>>,
    /// Unit of the spacing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Smallest and largest value of each channel on the finest level; empty where it is not known.
    #[serde(default)]
    pub ranges: Vec<(f64, f64)>,
    /// The data by their values: the source, then a source of held-out fields of its own. Empty of
    /// data made on the spot.
    #[serde(default)]
    pub sources: Vec<Identity>,
}

/// Spacings whose ratios are this near to one are those of cubes.
const CUBIC: f64 = 1e-3;
/// Spacings without a unit that differ by more are in several units, as hours and degrees are.
const ONE_UNIT: f64 = 20.0;
/// Part of the data's range by which values may leave it without a word.
const SLACK: f64 = 0.01;

/// How far values lie beyond those of the training fields, counted as fields come.
#[derive(Debug, Clone, Default)]
pub struct Beyond {
    channels: Vec<Channel>,
}

/// What is counted of a channel.
#[derive(Debug, Clone)]
struct Channel {
    out: usize,
    all: usize,
    least: f64,
    most: f64,
}

impl Beyond {
    /// Counts some fields.
    pub fn add(&mut self, origin: &Origin, fields: &Ensemble) {
        let none = Channel { out: 0, all: 0, least: f64::MAX, most: f64::MIN };
        self.channels.resize(fields.channels, none);
        let channels = self.channels.iter_mut().zip(&origin.ranges).enumerate();
        for (channel, (seen, &(low, high))) in channels {
            let room = SLACK * (high - low);
            let blocks = fields.values.chunks_exact(fields.grid.len());
            for v in blocks.skip(channel).step_by(fields.channels).flatten() {
                seen.out += usize::from(*v < low - room || *v > high + room);
                seen.all += 1;
                (seen.least, seen.most) = (seen.least.min(*v), seen.most.max(*v));
            }
        }
    }

    /// What to say where some do.
    pub fn line(&self, origin: &Origin) -> Option<String> {
        let counted = self.channels.iter().zip(&origin.ranges).enumerate();
        let told: Vec<String> = counted
            .filter(|(_, (seen, _))| seen.out > 0)
            .map(|(channel, (seen, (low, high)))| {
                let of = match self.channels.len() {
                    1 => String::new(),
                    _ => format!("channel {channel}: "),
                };
                format!(
                    "{of}{:.2} % of the values leave the data's range, {} … {}: they reach from {} to {}",
                    100.0 * seen.out as f64 / seen.all as f64,
                    short(*low),
                    short(*high),
                    short(seen.least),
                    short(seen.most)
                )
            })
            .collect();
        (!told.is_empty()).then(|| told.join("; "))
    }
}

impl Origin {
    /// The box of a source's fields or patches; nothing is identified yet.
    pub fn of(config: &DataConfig, fields: &dyn FieldSource, patch: Option<&[usize]>) -> Self {
        let cells = patch.unwrap_or(fields.points()).to_vec();
        let told = fields.units().spacing.clone();
        let own = config.spacing.is_some();
        let spacing = config.spacing.clone().or(told).filter(|h| h.len() == cells.len());
        let unit = fields.units().length.clone().filter(|_| spacing.is_some() && !own);
        Self { cells, spacing, unit, ranges: vec![], sources: vec![] }
    }

    /// The box in words: `box 48 × 48 × 48 cells of 4 × 1 × 1 um: 192 × 48 × 48 um`.
    pub fn described(&self) -> String {
        let cells: Vec<f64> = self.cells.iter().map(|n| *n as f64).collect();
        let Some(spacing) = &self.spacing else { return format!("box {} cells", joined(&cells)) };
        let unit = self.unit.as_ref().map_or(String::new(), |unit| format!(" {unit}"));
        format!(
            "box {} cells of {}{unit}: {}{unit}",
            joined(&cells),
            joined(spacing),
            joined(&self.lengths())
        )
    }

    /// Lengths of the box relative to its first axis where its cells are no cubes; spacings that are
    /// not `given` but read, without a unit, count only where they may have one unit.
    pub fn proportions(&self, given: bool) -> Option<Vec<f64>> {
        let spacing = self.spacing.as_ref()?;
        let first = spacing[0];
        let (low, high) = spacing.iter().fold((first, first), |(l, h), s| (s.min(l), s.max(h)));
        if !given && self.unit.is_none() && high > ONE_UNIT * low {
            return None;
        }
        if spacing.iter().all(|h| (h / first - 1.0).abs() <= CUBIC) {
            return None;
        }
        let lengths = self.lengths();
        Some(lengths.iter().map(|l| l / lengths[0]).collect())
    }

    /// What to say of fields that leave the data's range by more than a hundredth of it.
    pub fn beyond(&self, fields: &Ensemble) -> Option<String> {
        let mut all = Beyond::default();
        all.add(self, fields);
        all.line(self)
    }

    /// Lengths of the box in the source's unit, or in cells of the source where it tells none.
    pub fn lengths(&self) -> Vec<f64> {
        let spacing = |axis: usize| self.spacing.as_ref().map_or(1.0, |h| h[axis]);
        self.cells.iter().enumerate().map(|(axis, n)| *n as f64 * spacing(axis)).collect()
    }
}

/// Smallest and largest value of each channel, to which its offset is to be added.
pub(crate) fn ranges(data: &LevelData, offsets: &[f64]) -> Vec<(f64, f64)> {
    let len = data.grid.len();
    let range = |channel: usize| {
        let own = data.values.chunks_exact(len).skip(channel).step_by(data.channels);
        let bounds = (f32::INFINITY, f32::NEG_INFINITY);
        let (low, high) = own.flatten().fold(bounds, |(l, h), v| (l.min(*v), h.max(*v)));
        (offsets[channel] + f64::from(low), offsets[channel] + f64::from(high))
    };
    (0..data.channels).map(range).collect()
}

/// Numbers with what stands between them, to four digits.
fn joined(numbers: &[f64]) -> String {
    let each: Vec<String> = numbers.iter().map(|v| short(*v)).collect();
    each.join(" × ")
}

/// A number to four digits, without zeros at its end.
pub fn short(value: f64) -> String {
    let digits = (3 - value.abs().max(1e-300).log10().floor() as i32).clamp(0, 12) as usize;
    let text = format!("{value:.digits$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_string(),
        false => text,
    }
}

/// A source whose parts are known by their values, with their roles.
///
/// # Errors
/// Those of reading.
pub(crate) fn of_division(
    fields: &dyn FieldSource,
    division: &Division,
) -> Result<Identity, TrainError> {
    let roles = division.roles(fields.count(), fields.points());
    Ok(Identity { roles, ..Identity::of(fields, division.axis())? })
}

/// The same where other files are held out as a whole.
///
/// # Errors
/// Those of reading.
pub(crate) fn of_files(
    training: &dyn FieldSource,
    held_out: &dyn FieldSource,
) -> Result<Vec<Identity>, TrainError> {
    let mut held_out = Identity::of(held_out, None)?;
    held_out.roles.fill(Role::HeldOut);
    Ok(vec![Identity::of(training, None)?, held_out])
}

#[cfg(test)]
mod tests {
    use karhunen_field::{Boundary, Grid};

    use super::*;

    #[test]
    fn proportions_are_cells_times_spacing_where_cells_are_no_cubes() {
        let origin = |spacing: Option<Vec<f64>>, unit: Option<&str>| Origin {
            cells: vec![32, 64, 64],
            spacing,
            unit: unit.map(String::from),
            ..Origin::default()
        };
        // 32 slices two units apart of 64 x 64 pixels: a cube
        let cube = origin(Some(vec![2.0, 1.0, 1.0]), None);
        assert_eq!(cube.proportions(false), Some(vec![1.0; 3]));
        assert_eq!(origin(Some(vec![0.1, 0.1, 0.1]), None).proportions(false), None);
        assert_eq!(origin(None, None).proportions(false), None);
        // an hour and a quarter of a degree are no lengths of one box, unless it is said that they are
        let mixed = Some(vec![3600.0, 0.25, 0.25]);
        assert_eq!(origin(mixed.clone(), None).proportions(false), None);
        assert!(origin(mixed.clone(), Some("m")).proportions(false).is_some());
        assert!(origin(mixed, None).proportions(true).is_some());
        assert_eq!(
            origin(Some(vec![2.0, 1.0, 1.0]), Some("µm")).described(),
            "box 32 × 64 × 64 cells of 2 × 1 × 1 µm: 64 × 64 × 64 µm"
        );
    }

    #[test]
    fn values_beyond_the_datas_range_are_told_by_channel() {
        let grid = Grid::unit(&[4], Boundary::Neumann).unwrap();
        let values = vec![0.0, 1.0, 0.5, 1.005, 0.0, 300.0, -20.0, 255.0];
        let fields = Ensemble::new(grid, 2, values).unwrap();
        let origin = Origin { ranges: vec![(0.0, 1.0), (0.0, 255.0)], ..Origin::default() };
        let told = origin.beyond(&fields).unwrap();
        assert_eq!(
            told,
            "channel 1: 50.00 % of the values leave the data's range, 0 … 255: they reach from -20 to 300"
        );
        let inside = Origin { ranges: vec![(0.0, 1.0), (-20.0, 300.0)], ..Origin::default() };
        assert!(inside.beyond(&fields).is_none());
    }

    #[test]
    fn numbers_have_four_digits_and_no_more() {
        let told: Vec<String> =
            [0.25, 972.8, 0.012_345_6, 12_345.6, 0.0, 1.0].iter().map(|v| short(*v)).collect();
        assert_eq!(told, ["0.25", "972.8", "0.01235", "12346", "0", "1"]);
    }
}
