//! Statistics of segmented fields, with floors, for every phase and every pair of phases.
//!
//! A row is a list of numbers of a single field. The statistic of a set is the mean of its rows, so
//! a floor only needs means. The floor of a statistic is the 95 % quantile of its difference
//! between two sets of real fields.

use karhunen_field::metrics::{
    Connectivity, FloorKind, Splits, chord_lengths, effective_diffusivity, euler_density,
    lineal_path, local_thickness, percolation, specific_surface, two_point_correlation,
};
use karhunen_field::{Ensemble, FieldError, Grid};
use rayon::prelude::*;
use serde::Serialize;

use crate::EvaluateError;

/// Largest number of fields whose diffusivity and thickness are computed.
const HEAVY_AT_MOST: usize = 64;
/// Number of random splits for each floor.
const SPLITS: usize = 60;
/// Number of bins of local thickness, over the shortest side of the box.
const BINS: usize = 64;

/// Labels of many fields, as phases 0, 1, ….
#[derive(Debug, Clone)]
pub struct Labelled {
    /// The grid of the fields.
    pub grid: Grid,
    /// The phase of each cell of every field.
    pub phases: Vec<u8>,
}

impl Labelled {
    fn count(&self) -> usize {
        self.phases.len() / self.grid.len()
    }

    /// Indicator function of a field: 1 where its phase is one of `these`.
    fn indicator(&self, field: usize, these: &[usize]) -> Result<Ensemble, FieldError> {
        let ones =
            self.of(field).iter().map(|p| f64::from(u8::from(these.contains(&usize::from(*p)))));
        Ensemble::new(self.grid, 1, ones.collect())
    }

    /// Indicator functions of all phases, one channel each.
    fn indicators(&self, field: usize, phases: usize) -> Result<Ensemble, FieldError> {
        let of = |phase| {
            self.of(field).iter().map(move |p| f64::from(u8::from(usize::from(*p) == phase)))
        };
        Ensemble::new(self.grid, phases, (0..phases).flat_map(of).collect())
    }

    /// The phases of one field.
    fn of(&self, field: usize) -> &[u8] {
        let n = self.grid.len();
        &self.phases[field * n..(field + 1) * n]
    }
}

/// One statistic of one phase or pair of phases.
#[derive(Debug, Clone, Serialize)]
struct Statistic {
    name: String,
    /// Name of the phase, or of both phases.
    of: String,
    /// Mean over the real fields; for a distribution or a curve, its mean value.
    reference: f64,
    /// The difference that 95 % of pairs of sets of real fields stay below.
    floor: f64,
    floor_kind: FloorKind,
    /// One entry for each candidate.
    candidates: Vec<Measured>,
}

/// The statistic of one candidate.
#[derive(Debug, Clone, Serialize)]
struct Measured {
    mean: f64,
    difference: f64,
    /// The difference divided by the floor; none if real fields do not differ.
    floors: Option<f64>,
}

/// All statistics.
#[derive(Debug, Clone, Serialize)]
pub struct PhaseTable {
    names: Vec<String>,
    candidates: Vec<String>,
    statistics: Vec<Statistic>,
}

/// What the numbers of a row mean.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    /// One number.
    Scalar,
    /// A distribution function of a length, at the upper ends of bins of this width.
    Distribution(f64),
    /// A function of distance at equal steps.
    Curve,
}

/// The numbers of one field.
#[derive(Debug, Clone, PartialEq)]
struct Row {
    name: &'static str,
    axis: Option<usize>,
    of: (usize, Option<usize>),
    numbers: Vec<f64>,
    kind: Kind,
}

impl PhaseTable {
    /// Measures real fields and candidates on one grid. `names` are the names of the phases.
    ///
    /// # Errors
    /// Errors of the metrics; fewer than two real fields.
    pub fn new(
        real: &Labelled,
        candidates: &[(String, Labelled)],
        names: &[String],
        seed: u64,
    ) -> Result<Self, EvaluateError> {
        let reference = rows(real, names.len())?;
        let measured: Result<Vec<Vec<Vec<Row>>>, EvaluateError> =
            candidates.iter().map(|(_, c)| rows(c, names.len())).collect();
        let measured = measured?;
        let least = candidates.iter().map(|(_, c)| c.count()).min().unwrap_or(1).max(1);
        let mut statistics = Vec::new();
        for (s, of) in reference[0].iter().enumerate() {
            // expensive rows exist for the first fields only
            let of_real: Vec<&Row> = reference.iter().filter_map(|f| f.get(s)).collect();
            let first = least.min(if is_heavy(of.name) { HEAVY_AT_MOST } else { usize::MAX });
            // two disjoint sets if there are enough fields, else both are drawn with replacement
            let second = match of_real.len().checked_sub(first) {
                Some(rest) if rest >= first => rest,
                _ => of_real.len(),
            };
            let splits = Splits::new(of_real.len(), first, second, SPLITS, seed)?;
            let chosen = |which: &[usize]| mean(which.iter().map(|i| of_real[*i]));
            let mut differences = |x: &[usize], y: &[usize]| -> Result<f64, FieldError> {
                Ok(distance(&chosen(x), &chosen(y), of))
            };
            let floor = splits.floor(&mut differences)?;
            let whole = mean(of_real.iter().copied());
            let of_candidates = measured.iter().map(|fields| {
                let own = mean(fields.iter().filter_map(|f| f.get(s)));
                let difference = distance(&own, &whole, of);
                let floors = (floor.value > 0.0).then(|| difference / floor.value);
                Measured { mean: value(&own, of), difference, floors }
            });
            statistics.push(Statistic {
                name: match of.axis {
                    Some(axis) => format!("{} along axis {axis}", of.name),
                    None => of.name.to_string(),
                },
                of: match of.of {
                    (phase, None) => names[phase].clone(),
                    (phase, Some(other)) => format!("{} | {}", names[phase], names[other]),
                },
                reference: value(&whole, of),
                floor: floor.value,
                floor_kind: floor.kind,
                candidates: of_candidates.collect(),
            });
        }
        let candidates = candidates.iter().map(|(name, _)| name.clone()).collect();
        Ok(Self { names: names.to_vec(), candidates, statistics })
    }

    /// One line for each statistic: the real mean, then each candidate's mean and difference in floors.
    pub fn to_text(&self) -> String {
        let mut head = format!("{:<34} {:<14} {:>10}", "phases", "", "real");
        self.candidates.iter().for_each(|name| head.push_str(&format!(" {name:>24}")));
        let mut lines = vec![head];
        for s in &self.statistics {
            let mut line = format!("{:<34} {:<14} {:>10.4}", s.name, s.of, s.reference);
            for c in &s.candidates {
                let ratio = c.floors.map_or("–".to_string(), |r| format!("{r:.1}×"));
                line.push_str(&format!(" {:>24}", format!("{:.4} ({ratio})", c.mean)));
            }
            lines.push(line);
        }
        lines.join("\n")
    }
}

fn is_heavy(name: &str) -> bool {
    [THICKNESS, DIFFUSIVITY].contains(&name)
}

const THICKNESS: &str = "local thickness";
const DIFFUSIVITY: &str = "diffusivity";

fn mean<'a>(rows: impl Iterator<Item = &'a Row>) -> Vec<f64> {
    let (mut sum, mut count) = (Vec::new(), 0.0);
    for row in rows {
        sum.resize(row.numbers.len(), 0.0);
        sum.iter_mut().zip(&row.numbers).for_each(|(s, n)| *s += n);
        count += 1.0;
    }
    sum.iter().map(|s| s / count).collect()
}

/// The distance of two rows. Scalars: |difference|. Distribution functions: ∫ |F − G|, the
/// 1-Wasserstein distance. Curves: the root mean square difference.
fn distance(a: &[f64], b: &[f64], of: &Row) -> f64 {
    let pairs = || a.iter().zip(b);
    match of.kind {
        Kind::Scalar => pairs().map(|(a, b)| (a - b).abs()).sum(),
        Kind::Distribution(bin) => pairs().map(|(a, b)| (a - b).abs()).sum::<f64>() * bin,
        Kind::Curve => (pairs().map(|(a, b)| (a - b).powi(2)).sum::<f64>() / a.len() as f64).sqrt(),
    }
}

/// The mean of a row: a scalar itself, ∫ (1 − F) of a distribution, the mean value of a curve.
fn value(numbers: &[f64], of: &Row) -> f64 {
    match of.kind {
        Kind::Scalar => numbers.first().copied().unwrap_or(f64::NAN),
        Kind::Distribution(bin) => numbers.iter().map(|f| bin * (1.0 - f)).sum(),
        Kind::Curve => numbers.iter().sum::<f64>() / numbers.len() as f64,
    }
}

/// The rows of every field. The first [`HEAVY_AT_MOST`] fields have more rows at the end.
fn rows(fields: &Labelled, phases: usize) -> Result<Vec<Vec<Row>>, EvaluateError> {
    let rows: Result<Vec<Vec<Row>>, FieldError> = (0..fields.count())
        .into_par_iter()
        .map(|field| {
            let mut light = curves(&fields.indicators(field, phases)?)?;
            let mut heavy = Vec::new();
            for phase in 0..phases {
                let cells = fields.indicator(field, &[phase])?;
                light.extend(of_phase(&cells, phase)?);
                if field < HEAVY_AT_MOST {
                    heavy.extend(heavy_of_phase(&cells, phase)?);
                }
            }
            if phases > 2 {
                light.extend(of_pairs(fields, field, phases)?);
            }
            light.extend(heavy);
            Ok(light)
        })
        .collect();
    Ok(rows?)
}

/// S₂(r) and L(r) of every phase, one channel each, up to half the shortest side of the box.
fn curves(phases: &Ensemble) -> Result<Vec<Row>, FieldError> {
    let correlation = two_point_correlation(phases)?.correlation;
    let path = lineal_path(phases)?.average.values;
    let named = [("two-point correlation", correlation), ("lineal path", path)];
    let rows = named.into_iter().flat_map(|(name, of_phases)| {
        of_phases.into_iter().enumerate().map(move |(phase, numbers)| Row {
            name,
            axis: None,
            of: (phase, None),
            numbers,
            kind: Kind::Curve,
        })
    });
    Ok(rows.collect())
}

fn of_phase(cells: &Ensemble, phase: usize) -> Result<Vec<Row>, FieldError> {
    let row = |name, axis, number| Row {
        name,
        axis,
        of: (phase, None),
        numbers: vec![number],
        kind: Kind::Scalar,
    };
    let fraction = cells.values.iter().sum::<f64>() / cells.values.len() as f64;
    let mut rows = vec![
        row("volume fraction", None, fraction),
        row("specific surface", None, specific_surface(cells)?[0]),
        row("Euler number density", None, euler_density(cells, Connectivity::Full)?[0]),
    ];
    let chords = chord_lengths(cells)?;
    let chord = chords.average[0].iter().zip(&chords.length);
    let weight: f64 = chords.average[0].iter().sum();
    let length = chord.map(|(p, l)| p * l).sum::<f64>();
    rows.push(row("mean chord", None, if weight > 0.0 { length / weight } else { 0.0 }));
    for (axis, p) in percolation(cells)?[0].iter().enumerate() {
        rows.push(row("percolates", Some(axis), f64::from(u8::from(p.percolates))));
        rows.push(row("connected part", Some(axis), p.connected));
    }
    Ok(rows)
}

fn heavy_of_phase(cells: &Ensemble, phase: usize) -> Result<Vec<Row>, FieldError> {
    let axes = cells.grid.axes();
    let side = axes.iter().map(|a| a.length).fold(f64::INFINITY, f64::min);
    let bin = side / BINS as f64;
    let mut below = vec![0.0; BINS];
    let held = cells.values.iter().filter(|v| **v == 1.0).count();
    // an absent phase has no thickness; a phase that fills the box has the thickness of the box
    let thick = match held {
        n if n == cells.values.len() => vec![side; n],
        _ => local_thickness(cells)?.values,
    };
    let mut counted = 0.0;
    for t in thick.iter().filter(|t| **t > 0.0) {
        below[((t / bin) as usize).min(BINS - 1)] += 1.0;
        counted += 1.0;
    }
    let mut sum = 0.0;
    for b in &mut below {
        sum += *b;
        *b = if counted > 0.0 { sum / counted } else { 1.0 };
    }
    let of = (phase, None);
    let mut rows = vec![Row {
        name: THICKNESS,
        axis: None,
        of,
        numbers: below,
        kind: Kind::Distribution(bin),
    }];
    for axis in 0..axes.len() {
        let numbers = effective_diffusivity(cells, axis)?;
        rows.push(Row { name: DIFFUSIVITY, axis: Some(axis), of, numbers, kind: Kind::Scalar });
    }
    Ok(rows)
}

/// Surface between two phases: half of the sum of their surfaces minus that of their union.
fn of_pairs(fields: &Labelled, field: usize, phases: usize) -> Result<Vec<Row>, FieldError> {
    let surface = |these: &[usize]| -> Result<f64, FieldError> {
        Ok(specific_surface(&fields.indicator(field, these)?)?[0])
    };
    let mut rows = Vec::new();
    for one in 0..phases {
        for other in one + 1..phases {
            let shared = 0.5 * (surface(&[one])? + surface(&[other])? - surface(&[one, other])?);
            rows.push(Row {
                name: "specific surface",
                axis: None,
                of: (one, Some(other)),
                numbers: vec![shared],
                kind: Kind::Scalar,
            });
        }
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use karhunen_field::noise::stream;
    use karhunen_field::prior::{self, Matern};
    use karhunen_field::{Boundary, level_set};

    use super::*;

    fn fields(length: f64, indices: std::ops::Range<u64>) -> Labelled {
        let grid = Grid::unit(&[14, 17], Boundary::Neumann).unwrap();
        let law = Matern::new(1.0, length, 1.5).unwrap();
        let rough = prior::sample(&law, grid, 3, 3, indices, stream::START);
        let phases = rough.fields().flat_map(|f| level_set::labels(f, 3, grid.len())).collect();
        Labelled { grid, phases }
    }

    #[test]
    fn the_same_law_is_at_the_floor_and_a_rougher_one_is_not() {
        let names: Vec<String> = ["a", "b", "c"].map(String::from).into();
        let candidates = vec![
            ("same".to_string(), fields(0.3, 100..160)),
            ("rough".into(), fields(0.06, 0..60)),
        ];
        let table = PhaseTable::new(&fields(0.3, 0..90), &candidates, &names, 1).unwrap();
        let of = |name: &str, of: &str| {
            table.statistics.iter().find(|s| s.name == name && s.of == of).unwrap()
        };
        let named = [
            ("specific surface", 3.0),
            ("mean chord", 3.0),
            ("local thickness", 3.0),
            ("lineal path", 2.0),
            // S2 of fields of few correlation lengths varies much under any distribution
            ("two-point correlation", 1.0),
        ];
        for (name, least) in named {
            let ratios: Vec<f64> =
                of(name, "b").candidates.iter().map(|c| c.floors.unwrap()).collect();
            // one floor in twenty is exceeded by chance, by little
            assert!(ratios[0] < 2.0 && ratios[1] > least, "{name}: {ratios:?}");
        }
        let surface = |of_: &str| of("specific surface", of_).reference;
        // the surfaces of the pairs sum to the surface of the phase
        let pairs = surface("a | b") + surface("a | c");
        assert!((pairs / surface("a") - 1.0).abs() < 1e-9, "{pairs}");
        let fractions: f64 =
            ["a", "b", "c"].map(|p| of("volume fraction", p).reference).iter().sum();
        assert!((fractions - 1.0).abs() < 1e-12);
        assert!(table.to_text().lines().count() == 1 + table.statistics.len());
    }
}
