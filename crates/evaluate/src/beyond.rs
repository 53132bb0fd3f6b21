//! Statistics that the table of a comparison does not show: diversity, connectivity, direction, any
//! number of phases, and increments.
//!
//! These statistics have no floor (the distance that 95 of 100 pairs of sets of real fields stay
//! below). Instead a second set of real fields is measured like a candidate. Its difference from
//! the first set shows the effect of chance. Curves go to JSON; people see one number of each
//! curve.

use karhunen_field::Ensemble;
use karhunen_field::metrics::{
    Connectivity, Curve, Phases, TwoPoint, cluster_function, euler_density, specific_surface,
    structure_function, two_point_along, two_point_correlation, vendi_score, volume_fraction,
};
use rayon::prelude::*;
use serde::Serialize;

use crate::EvaluateError;
use crate::table::Unit;

/// Largest number of fields in a Vendi score: its eigenvalues cost the third power of that number.
const VENDI_AT_MOST: usize = 1024;
/// Order p of the structure functions; p = 2 gives twice the variogram.
const ORDER: f64 = 2.0;

/// How the fields are cut into phases.
#[derive(Debug, Clone, PartialEq)]
pub enum Cut {
    /// Into this many phases, by Otsu's thresholds of the real fields.
    Otsu(usize),
    /// At these thresholds, in every channel.
    Given(Vec<f64>),
}

/// All statistics beyond the table.
#[derive(Debug, Clone, Serialize)]
pub struct Beyond {
    /// Number of fields of each row.
    count: usize,
    /// Thresholds between the phases of each channel, in the data's own values.
    thresholds: Vec<Vec<f64>>,
    /// Width of the Vendi score's kernel, in standard deviations of the real fields.
    vendi_bandwidth: f64,
    /// Number of fields in each Vendi score.
    vendi_count: usize,
    rows: Vec<Row>,
}

/// The statistics of one set of fields.
#[derive(Debug, Clone, Serialize)]
struct Row {
    name: String,
    vendi_score: f64,
    /// RMS of ln(S/S_real) over lags, averaged over axes; none for the reference itself.
    structure_function_error: Option<f64>,
    /// RMS difference of C₂ in units of φ(1 − φ), averaged over phases; none for the reference.
    cluster_error: Option<f64>,
    structure_function: Increments,
    phases: Vec<Phase>,
}

/// Structure function of the increments, mean |f(x + r) − f(x)|^p.
#[derive(Debug, Clone, Serialize)]
struct Increments {
    order: f64,
    average: Line,
    along: Vec<Line>,
}

/// One phase of one set of fields; all numbers are by channel.
#[derive(Debug, Clone, Serialize)]
struct Phase {
    volume_fraction: Vec<f64>,
    specific_surface: Vec<f64>,
    /// With 8 neighbours in 2-D or 26 in 3-D.
    euler_density: Vec<f64>,
    two_point: Line,
    cluster: Line,
    two_point_along: Vec<Direction>,
}

/// A function of distance.
#[derive(Debug, Clone, Serialize)]
struct Line {
    distance: Vec<f64>,
    /// By channel.
    values: Vec<Vec<f64>>,
}

/// Two-point correlation S₂ at multiples of a step in cells.
#[derive(Debug, Clone, Serialize)]
struct Direction {
    step: Vec<isize>,
    #[serde(flatten)]
    line: Line,
}

impl Cut {
    /// Checks that there are two phases or more, or that the thresholds rise.
    ///
    /// # Errors
    /// [`EvaluateError::Phases`], [`EvaluateError::Thresholds`].
    pub fn checked(self) -> Result<Self, EvaluateError> {
        match &self {
            Cut::Otsu(phases) if *phases < 2 => Err(EvaluateError::Phases(*phases)),
            Cut::Given(given)
                if given.iter().any(|t| !t.is_finite())
                    || !given.windows(2).all(|t| t[0] < t[1]) =>
            {
                let text: Vec<String> = given.iter().map(f64::to_string).collect();
                Err(EvaluateError::Thresholds(text.join(",")))
            }
            _ => Ok(self),
        }
    }
}

impl Beyond {
    /// Measures real fields and candidates. All are on one grid and in the data's own values.
    ///
    /// # Errors
    /// Errors of the metrics; thresholds that do not rise.
    pub fn new(
        real: &Ensemble,
        candidates: &[(String, Ensemble)],
        cut: &Cut,
    ) -> Result<Self, EvaluateError> {
        let least = candidates.iter().map(|(_, e)| e.count()).min().unwrap_or(0);
        let count = least.min(real.count());
        let phases = match cut {
            Cut::Otsu(phases) => Phases::otsu(real, *phases)?,
            Cut::Given(thresholds) => Phases::given(vec![thresholds.clone(); real.channels])?,
        };
        let unit = Unit::of(real);
        let mut named = vec![("real fields".to_string(), real.slice(0..count))];
        if real.count() >= 2 * count {
            named.push(("other real fields".into(), real.slice(count..2 * count)));
        }
        named.extend(candidates.iter().map(|(name, e)| (name.clone(), e.slice(0..count))));
        // half the root mean square distance of two real fields, √(2 · channels) in these units
        let vendi_bandwidth = 0.5 * (2.0 * real.channels as f64).sqrt();
        let vendi_count = count.min(VENDI_AT_MOST);
        let rows: Result<Vec<Row>, EvaluateError> = named
            .par_iter()
            .map(|(name, fields)| {
                let few = unit.apply(&fields.slice(0..vendi_count));
                Row::new(name, fields, &phases, vendi_score(&few, vendi_bandwidth)?)
            })
            .collect();
        let mut rows = rows?;
        let (first, others) = rows.split_first_mut().expect("the real fields are the first row");
        others.iter_mut().for_each(|row| row.compare(first));
        let thresholds = phases.thresholds().to_vec();
        Ok(Self { count, thresholds, vendi_bandwidth, vendi_count, rows })
    }

    /// One number of each statistic, as text.
    pub fn to_text(&self) -> String {
        let cuts: Vec<String> = self
            .thresholds
            .iter()
            .map(|channel| channel.iter().map(|t| format!("{t:.4}")).collect::<Vec<_>>().join(", "))
            .collect();
        let mut lines = vec![
            format!(
                "beyond the table, n = {}: phases cut at {}; differences are from the first row, all curves with --json",
                self.count,
                cuts.join(" | ")
            ),
            format!(
                "{:<24} {:>17} {:>17} {:>17}   {}",
                "",
                format!("Vendi of {}", self.vendi_count),
                "clusters",
                "increments",
                "fractions of the phases"
            ),
        ];
        let cell = |value: Option<f64>| value.map_or("–".to_string(), |v| format!("{v:.4}"));
        for row in &self.rows {
            let fractions: Vec<String> =
                row.phases.iter().map(|p| format!("{:.4}", p.volume_fraction[0])).collect();
            lines.push(format!(
                "{:<24} {:>17.2} {:>17} {:>17}   {}",
                row.name,
                row.vendi_score,
                cell(row.cluster_error),
                cell(row.structure_function_error),
                fractions.join(" ")
            ));
        }
        lines.join("\n")
    }
}

impl Row {
    fn new(
        name: &str,
        fields: &Ensemble,
        phases: &Phases,
        vendi_score: f64,
    ) -> Result<Self, EvaluateError> {
        let most = phases.thresholds().iter().map(Vec::len).max().unwrap_or(0);
        let increments = structure_function(fields, ORDER)?;
        Ok(Self {
            name: name.to_string(),
            vendi_score,
            structure_function_error: None,
            cluster_error: None,
            structure_function: Increments {
                order: ORDER,
                average: increments.average.into(),
                along: increments.along.into_iter().map(Line::from).collect(),
            },
            phases: (0..=most)
                .map(|phase| Phase::new(&phases.indicator(fields, phase)?))
                .collect::<Result<_, EvaluateError>>()?,
        })
    }

    fn compare(&mut self, real: &Row) {
        let pairs = |ours: &Line, theirs: &Line| -> Vec<(f64, f64)> {
            let both = ours.values.iter().zip(&theirs.values);
            both.flat_map(|(a, b)| a.iter().copied().zip(b.iter().copied())).collect()
        };
        let (ours, theirs) = (&self.structure_function.average, &real.structure_function.average);
        let logs: Vec<f64> = pairs(ours, theirs)
            .into_iter()
            .filter(|(a, b)| *a > 0.0 && *b > 0.0)
            .map(|(a, b)| (a / b).ln())
            .collect();
        self.structure_function_error = root_mean_square(&logs);
        let mut differences = Vec::new();
        for (ours, theirs) in self.phases.iter().zip(&real.phases) {
            for (c, fraction) in theirs.volume_fraction.iter().enumerate() {
                let unit = fraction * (1.0 - fraction);
                // without this phase in the real fields there is no unit for a difference
                if unit > 0.0 {
                    let both = ours.cluster.values[c].iter().zip(&theirs.cluster.values[c]);
                    differences.extend(both.map(|(a, b)| (a - b) / unit));
                }
            }
        }
        self.cluster_error = root_mean_square(&differences);
    }
}

fn root_mean_square(values: &[f64]) -> Option<f64> {
    let mean = values.iter().map(|v| v * v).sum::<f64>() / values.len() as f64;
    (!values.is_empty()).then(|| mean.sqrt())
}

impl Phase {
    fn new(indicator: &Ensemble) -> Result<Self, EvaluateError> {
        let along: Result<Vec<Direction>, EvaluateError> = directions(&indicator.grid.points())
            .into_iter()
            .map(|step| Ok(Direction { line: two_point_along(indicator, &step)?.into(), step }))
            .collect();
        Ok(Self {
            volume_fraction: volume_fraction(indicator)?,
            specific_surface: specific_surface(indicator)?,
            euler_density: euler_density(indicator, Connectivity::Full)?,
            two_point: two_point_correlation(indicator)?.into(),
            cluster: cluster_function(indicator, Connectivity::Full)?.into(),
            two_point_along: along?,
        })
    }
}

/// Steps along the axes of more than one cell, and along both diagonals of a plane.
fn directions(points: &[usize]) -> Vec<Vec<isize>> {
    let long = |axis: &usize| points[*axis] > 1;
    let axes = (0..points.len()).filter(long).map(|axis| {
        let mut step = vec![0; points.len()];
        step[axis] = 1;
        step
    });
    let mut steps: Vec<Vec<isize>> = axes.collect();
    if points.len() == 2 && steps.len() == 2 {
        steps.extend([vec![1, 1], vec![1, -1]]);
    }
    steps
}

impl From<Curve> for Line {
    fn from(curve: Curve) -> Self {
        Self { distance: curve.distance, values: curve.values }
    }
}

impl From<TwoPoint> for Line {
    fn from(curve: TwoPoint) -> Self {
        Self { distance: curve.distance, values: curve.correlation }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use karhunen_field::noise::stream;
    use karhunen_field::prior::{self, Matern};
    use karhunen_field::{Boundary, Grid};

    fn fields(length: f64, indices: std::ops::Range<u64>) -> Ensemble {
        let grid = Grid::unit(&[12, 9], Boundary::Neumann).unwrap();
        prior::sample(&Matern::new(1.0, length, 1.5).unwrap(), grid, 1, 3, indices, stream::START)
    }

    #[test]
    fn other_real_fields_are_nearer_than_fields_of_another_law() {
        let real = fields(0.2, 0..80);
        let candidates = vec![
            ("same".to_string(), fields(0.2, 90..130)),
            ("rough".into(), fields(0.05, 0..40)),
            ("copies".into(), real.select(&[7; 40])),
        ];
        let beyond = Beyond::new(&real, &candidates, &Cut::Otsu(3)).unwrap();
        let names: Vec<&str> = beyond.rows.iter().map(|r| r.name.as_str()).collect();
        assert_eq!(names, ["real fields", "other real fields", "same", "rough", "copies"]);
        let [first, other, _, rough, copies] = &beyond.rows[..] else { panic!() };
        assert_eq!((first.cluster_error, first.structure_function_error), (None, None));
        // forty fields of four correlation lengths a side: chance changes each statistic by a few
        // per cent
        for error in [|r: &Row| r.cluster_error, |r: &Row| r.structure_function_error] {
            let (chance, law) = (error(other).unwrap(), error(rough).unwrap());
            assert!(3.0 * chance < law, "{chance} {law}");
        }
        // three phases in the plane, four directions, and fractions that sum to one
        assert_eq!((first.phases.len(), first.phases[0].two_point_along.len()), (3, 4));
        let whole: f64 = first.phases.iter().map(|p| p.volume_fraction[0]).sum();
        assert!((whole - 1.0).abs() < 1e-12);
        // copies count once, up to the rounding of distances; real fields count as many different
        // ones
        let (once, many) = (copies.vendi_score, first.vendi_score);
        assert!((once - 1.0).abs() < 1e-6 && many > 10.0, "{once} {many}");
        assert_eq!(beyond.to_text().lines().count(), 7);
    }

    #[test]
    fn thresholds_given_are_those_used_and_must_rise() {
        let real = fields(0.2, 0..6);
        let same = vec![("same".to_string(), real.clone())];
        let cut = Cut::Given(vec![-0.5, 0.5]);
        let beyond = Beyond::new(&real, &same, &cut).unwrap();
        assert_eq!(beyond.thresholds, [[-0.5, 0.5]]);
        let row = beyond.rows.last().unwrap();
        assert_eq!((row.cluster_error, row.structure_function_error), (Some(0.0), Some(0.0)));
        assert!(Beyond::new(&real, &same, &Cut::Given(vec![0.5, 0.5])).is_err());
    }

    #[test]
    fn directions_need_cells_to_step_over() {
        assert_eq!(directions(&[7]), [[1]]);
        assert_eq!(directions(&[1, 7]), [[0, 1]]);
        assert_eq!(directions(&[3, 3, 3]).len(), 3);
    }
}
