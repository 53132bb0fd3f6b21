//! Tables of comparisons: one column a candidate, one line a statistic.
//!
//! A number and what it is relative to never share a column: distances in floors are one table, distances
//! as they were measured another.

use karhunen_distributed::Group;
use karhunen_field::Ensemble;
use karhunen_field::metrics::{Comparison, ComparisonOptions, FloorKind, Reference};
use serde::Serialize;

use crate::EvaluateError;
use crate::progress::{Progress, Task, go_on};
use crate::ranking::{Measured, statistics, verdict, worst_first};
use crate::tasks::shared;

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

impl Row {
    /// Every statistic as measured, with its floor, in an order of their own.
    pub fn statistics(&self) -> Vec<Measured> {
        statistics(&self.comparison)
    }

    /// The same from the worst to the best.
    pub fn worst_first(&self) -> Vec<Measured> {
        worst_first(&self.comparison)
    }

    /// What the numbers say, in words.
    pub fn verdict(&self) -> String {
        verdict(&self.name, &self.comparison)
    }
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
        progress: &dyn Progress,
    ) -> Result<Self, EvaluateError> {
        Self::by_all(real, candidates, trained_band, &Group::default(), progress)
    }

    /// The same, rows compared by the ranks of a job.
    ///
    /// # Errors
    /// As [`Table::new`].
    pub fn by_all(
        real: &Ensemble,
        candidates: &[(String, Ensemble)],
        trained_band: Option<f64>,
        group: &Group,
        progress: &dyn Progress,
    ) -> Result<Self, EvaluateError> {
        let count = candidates.iter().map(|(_, e)| e.count()).min().unwrap_or(0);
        let options = ComparisonOptions { trained_band, ..ComparisonOptions::default() };
        let unit = Unit::of(real);
        let total = candidates.len() as u64 + 1;
        progress.at(Task::Comparing, 0, total, "floors");
        let reference = Reference::new(&unit.apply(real), count, &options)?;
        let compared =
            shared(group, candidates.len(), |row| -> Result<Comparison, EvaluateError> {
                let (name, fields) = &candidates[row];
                go_on(progress)?;
                progress.at(Task::Comparing, row as u64 + 1, total, name);
                Ok(reference.compare(&unit.apply(fields))?)
            });
        progress.over(Task::Comparing);
        let names = candidates.iter().map(|(name, _)| name.clone());
        let rows = names.zip(compared?).map(|(name, comparison)| Row { name, comparison });
        Ok(Self { rows: rows.collect() })
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

    /// The first row in words.
    pub fn verdict(&self) -> String {
        self.rows.first().map_or_else(String::new, |row| verdict(&row.name, &row.comparison))
    }

    /// What is compared, the first row in words, and how far each row is from real fields in floors. The
    /// statistic in which the first row is worst comes first.
    pub fn in_floors(&self) -> String {
        let Some(first) = self.rows.first() else { return String::new() };
        let c = &first.comparison;
        let kind = match c.floor_kind {
            FloorKind::Disjoint => "disjoint sets of real fields",
            FloorKind::Bootstrap => "sets drawn with replacement from few real fields",
        };
        let (count, reference) = (c.count, c.reference_count);
        let heading = format!(
            "grid {}, n = {count} against {reference} real fields; floors from {kind}",
            c.grid
        );
        let cell = |m: &Measured| m.floors.map(|floors| format!("{floors:.1}"));
        let mut lines = vec![heading, self.verdict()];
        lines.extend(self.lines("in floors, worst first", cell, None));
        lines.join("\n")
    }

    /// Every statistic in its own unit, beside its floor.
    pub fn as_measured(&self) -> String {
        let floor = |m: &Measured| m.floor.is_finite().then(|| format!("{:.4}", m.floor));
        let cell = |m: &Measured| Some(format!("{:.4}", m.value));
        self.lines("as measured", cell, Some(("floor", &floor))).join("\n")
    }

    /// A line of names, and a line a statistic: a cell a row, and what follows of the first row.
    fn lines(
        &self,
        what: &str,
        cell: impl Fn(&Measured) -> Option<String>,
        last: Option<(&str, Cell)>,
    ) -> Vec<String> {
        let Some(first) = self.rows.first() else { return Vec::new() };
        let columns: Vec<(&str, Vec<Measured>)> =
            self.rows.iter().map(|row| (row.name.as_str(), statistics(&row.comparison))).collect();
        let wide = |name: &str| name.chars().count().max(10) + 2;
        let mut head = format!("{what:<24}");
        for name in columns.iter().map(|c| c.0).chain(last.map(|l| l.0)) {
            head.push_str(&format!("{name:>width$}", width = wide(name)));
        }
        let mut lines = vec![head];
        for worst in worst_first(&first.comparison) {
            let mut line = format!("{:<24}", worst.name);
            let mut add = |name: &str, text: Option<String>| {
                let text = text.unwrap_or_else(|| "–".into());
                line.push_str(&format!("{text:>width$}", width = wide(name)));
            };
            for (name, column) in &columns {
                add(name, column.iter().find(|m| m.name == worst.name).and_then(&cell));
            }
            if let Some((name, cell)) = last {
                add(name, cell(&worst));
            }
            lines.push(line);
        }
        lines
    }
}

/// What a column shows of a statistic.
type Cell<'a> = &'a dyn Fn(&Measured) -> Option<String>;

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
        Self(real.channel_scales())
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
