//! Tables of comparisons: one row a candidate, every statistic with its ratio to the floor.

use karhunen_field::metrics::{Comparison, ComparisonOptions, Reference};
use karhunen_field::prior::Fitted;
use karhunen_field::{Ensemble, Grid};
use karhunen_train::statistics::Statistics;
use serde::Serialize;

use crate::failure::Failure;

/// Channels whose histograms are printed; all of them are in the JSON.
const CHANNELS_SHOWN: usize = 4;

/// Floors between training and held-out fields beyond which they are of two kinds.
const PARTS_APART: f64 = 3.0;

/// One candidate.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// What it is.
    pub name: String,
    /// Its statistics.
    #[serde(flatten)]
    pub comparison: Comparison,
}

/// Candidates against the same real fields on one grid.
#[derive(Debug, Clone, Serialize)]
pub struct Table {
    /// The rows, in order.
    pub rows: Vec<Row>,
}

impl Table {
    /// Compares candidates with real fields of the same grid, all in units of the real fields'
    /// mean and standard deviation, so that no offset hides a spectrum's tail.
    ///
    /// # Errors
    /// Those of the metrics.
    pub fn new(
        real: &Ensemble,
        candidates: &[(String, Ensemble)],
        trained_band: Option<f64>,
    ) -> Result<Self, Failure> {
        let count = candidates.iter().map(|(_, e)| e.count()).min().unwrap_or(0);
        let options = ComparisonOptions { trained_band, ..ComparisonOptions::default() };
        let unit = Unit::of(real);
        let reference = Reference::new(&unit.apply(real), count, &options)?;
        let rows: Result<Vec<Row>, Failure> = candidates
            .iter()
            .map(|(name, fields)| {
                let comparison = reference.compare(&unit.apply(fields))?;
                Ok(Row { name: name.clone(), comparison })
            })
            .collect();
        Ok(Self { rows: rows? })
    }

    /// What to say where the fields trained on are another kind than those held out: a perfect model of
    /// them would score as they do.
    pub fn parts_differ(&self, training: &str) -> Option<String> {
        let c = &self.rows.iter().find(|row| row.name == training)?.comparison;
        let floors = c.energy_distance / c.energy_distance_floor;
        (floors > PARTS_APART).then(|| {
            format!(
                "training fields are {floors:.1} floors from held-out ones in energy distance: the two parts differ, and so would a perfect model; --part training compares with what was trained on, another data.hold_out holds out other blocks"
            )
        })
    }

    /// As text; `value (ratio to floor)` in every column, statistics first, then the descriptors of
    /// the structure.
    pub fn to_text(&self) -> String {
        let Some(first) = self.rows.first() else { return String::new() };
        let c = &first.comparison;
        let kind = format!("{:?}", c.floor_kind).to_lowercase();
        let mut lines = vec![
            format!(
                "grid {}, n = {} against {} real fields, floors {kind}; (×) is the ratio to the floor",
                c.grid, c.count, c.reference_count
            ),
            format!(
                "{:<24} {:>17} {:>17} {:>17} {:>17} {:>17} {:>10}",
                "", "energy", "sliced W", "spectrum", "histogram", "two-point", "variance"
            ),
        ];
        for row in &self.rows {
            let c = &row.comparison;
            let cell = |value: f64, floor: f64| format!("{value:.4} ({:.1}×)", value / floor);
            lines.push(format!(
                "{:<24} {:>17} {:>17} {:>17} {:>17} {:>17} {:>10.3}",
                row.name,
                cell(c.energy_distance, c.energy_distance_floor),
                cell(c.sliced_wasserstein, c.sliced_wasserstein_floor),
                cell(c.spectrum_log_error, c.spectrum_log_error_floor),
                cell(c.histogram_distance, c.histogram_distance_floor),
                cell(c.two_point_error, c.two_point_error_floor),
                c.variance_ratio
            ));
        }
        lines.push(String::new());
        lines.push(format!(
            "{:<24} {:>17} {:>17} {:>17} {:>17} {:>17}",
            "descriptors", "lineal path", "chord length", "surface", "Euler number", "fraction"
        ));
        lines.extend(self.rows.iter().map(Row::descriptors));
        if c.cross_channel_error.is_some() {
            lines.push(String::new());
            lines.push(format!("{:<24} {:>17}   histogram of each", "channels", "cross-channel"));
            lines.extend(self.rows.iter().map(Row::channels));
        }
        lines.join("\n")
    }
}

impl Row {
    /// The row's line in the block of channels: their correlations, and the histogram of each of the
    /// first few.
    fn channels(&self) -> String {
        let c = &self.comparison;
        let cell = |value: f64, floor: f64| format!("{value:.4} ({:.1}×)", value / floor);
        let cross = c.cross_channel_error.zip(c.cross_channel_error_floor);
        let each = c.histogram_by_channel.iter().flatten();
        let floors = c.histogram_by_channel_floor.iter().flatten();
        let cells: Vec<String> =
            each.zip(floors).take(CHANNELS_SHOWN).map(|(v, f)| cell(*v, *f)).collect();
        format!(
            "{:<24} {:>17}   {}",
            self.name,
            cross.map_or("–".into(), |(value, floor)| cell(value, floor)),
            cells.join(" ")
        )
    }

    /// The row's line in the block of descriptors. Of the surface's ratio |ln ratio| has the floor.
    fn descriptors(&self) -> String {
        let c = &self.comparison;
        let cell = |value: f64, floor: f64| match value / floor {
            times if times.is_finite() => format!("{value:.4} ({times:.1}×)"),
            _ => format!("{value:.4}"), // real fields all alike in this: no unit to read it in
        };
        let surface = match (c.specific_surface_ratio, c.specific_surface_ratio_floor) {
            (Some(ratio), Some(floor)) => {
                let times = ratio.ln().abs() / floor;
                format!("{ratio:.4} ({times:.1}×)")
            }
            (Some(ratio), None) => format!("{ratio:.4}"),
            (None, _) => "–".into(),
        };
        format!(
            "{:<24} {:>17} {:>17} {:>17} {:>17} {:>17}",
            self.name,
            cell(c.lineal_path_error, c.lineal_path_error_floor),
            cell(c.chord_length_distance, c.chord_length_distance_floor),
            surface,
            cell(c.euler_density_difference, c.euler_density_difference_floor),
            cell(c.volume_fraction_difference, c.volume_fraction_difference_floor),
        )
    }
}

/// The first channel that has one value everywhere, up to the rounding of `f32`, and that value.
pub fn constant_channel(real: &Ensemble) -> Option<(usize, f64)> {
    let points = real.grid.len();
    (0..real.channels).find_map(|c| {
        let mut values = real.fields().flat_map(|f| f[c * points..(c + 1) * points].iter());
        let first = *values.next()?;
        let near = |v: &f64| (v - first).abs() <= 4.0 * f64::from(f32::EPSILON) * first.abs();
        values.all(near).then_some((c, first))
    })
}

/// Mean and standard deviation of the real fields, by channel.
pub struct Unit(Vec<(f64, f64)>);

impl Unit {
    /// Of real fields; 1 for the deviation of a constant channel.
    pub fn of(real: &Ensemble) -> Self {
        let points = real.grid.len();
        let per_channel = |c: usize| {
            let values =
                || real.fields().flat_map(move |f| f[c * points..(c + 1) * points].iter().copied());
            let n = (real.count() * points) as f64;
            let mean = values().sum::<f64>() / n;
            let variance = values().map(|v| (v - mean).powi(2)).sum::<f64>() / n;
            (mean, if variance > 0.0 { variance.sqrt() } else { 1.0 })
        };
        Self((0..real.channels).map(per_channel).collect())
    }

    /// Fields in these units.
    pub fn apply(&self, fields: &Ensemble) -> Ensemble {
        let mut out = fields.clone();
        for (i, block) in out.values.chunks_exact_mut(fields.grid.len()).enumerate() {
            let (mean, deviation) = self.0[i % self.0.len()];
            block.iter_mut().for_each(|v| *v = (*v - mean) / deviation);
        }
        out
    }
}

/// Exponent s of the spectrum's fall c ∝ |ω|^s over the upper half of its frequencies.
pub fn spectrum_slope(statistics: &Statistics, grid: &Grid) -> Option<f64> {
    let fitted = Fitted::new(grid, &statistics.average_variances()).ok()?;
    let points: Vec<(f64, f64)> = fitted
        .shells()
        .iter()
        .filter(|s| s.frequency > 0.0 && s.frequency <= grid.band() && s.mean > 0.0)
        .map(|s| (s.frequency.ln(), s.mean.ln()))
        .collect();
    let upper = &points[points.len() / 2..];
    let n = upper.len() as f64;
    let mean = |f: fn(&(f64, f64)) -> f64| upper.iter().map(f).sum::<f64>() / n;
    let (x, y) = (mean(|p| p.0), mean(|p| p.1));
    let slope = upper.iter().map(|p| (p.0 - x) * (p.1 - y)).sum::<f64>()
        / upper.iter().map(|p| (p.0 - x).powi(2)).sum::<f64>();
    slope.is_finite().then_some(slope)
}
