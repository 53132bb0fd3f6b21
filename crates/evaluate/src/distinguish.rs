//! Can a small network tell the fields from real ones? One area under the ROC curve a row, at the grid and at
//! half of it.

use karhunen_distributed::Group;
use karhunen_field::metrics::shuffled;
use karhunen_field::{Ensemble, Grid, resample};
use karhunen_train::distinguish::{Asked, LEAST, distinguish};
use karhunen_train::plan::join;
use serde::{Deserialize, Serialize};

use crate::EvaluateError;
use crate::progress::{Progress, Task, go_on};
use crate::tasks::shared;

/// Fewest cells of an axis that is halved.
const LEAST_CELLS: usize = 8;
/// Ticks of the bar for one row.
const TICKS: f64 = 100.0;
/// Keeps the two halves of the real fields apart from other orders of them.
const HALVES: u64 = 0x4841_4C46;
/// The row of real fields.
const REAL: &str = "real fields";

/// How much is asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Effort {
    /// Fields a side, at most.
    pub count: usize,
    /// Repetitions.
    pub seeds: usize,
    /// Seed of all.
    pub seed: u64,
}

impl Effort {
    /// Checked.
    ///
    /// # Errors
    /// [`EvaluateError::NoNetworks`] without a repetition.
    pub fn new(count: usize, seeds: usize, seed: u64) -> Result<Self, EvaluateError> {
        match seeds {
            0 => Err(EvaluateError::NoNetworks),
            _ => Ok(Self { count, seeds, seed }),
        }
    }
}

/// All rows.
#[derive(Debug, Clone, Serialize)]
pub struct Distinguish {
    /// Fields of each of two sets; half of them train the network.
    count: usize,
    /// Repetitions.
    seeds: usize,
    /// The grid, and half of it.
    grids: Vec<AtGrid>,
}

/// Rows at one grid.
#[derive(Debug, Clone, Serialize)]
struct AtGrid {
    grid: String,
    rows: Vec<Row>,
}

/// One set of fields against real ones.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Row {
    name: String,
    /// Mean over seeds.
    auc: f64,
    /// Standard deviation over seeds.
    auc_spread: f64,
    auc_by_seed: Vec<f64>,
}

impl Distinguish {
    /// Fields a side for so many samples and real fields: real fields are compared with other real fields
    /// too, so half of them is the most.
    ///
    /// # Errors
    /// [`EvaluateError::Sides`], [`EvaluateError::TooFew`].
    pub fn count(samples: usize, real: usize, effort: Effort) -> Result<usize, EvaluateError> {
        let count = samples.min(real / 2).min(effort.count);
        if count >= LEAST {
            return Ok(count);
        }
        Err(match effort.count < LEAST {
            true => EvaluateError::Sides { asked: effort.count, least: LEAST },
            false => EvaluateError::TooFew { samples, real, count, least: LEAST },
        })
    }

    /// Trains networks to tell two halves of the real fields apart, and each candidate from real fields. A
    /// candidate of fewer fields than the others has no row.
    ///
    /// # Errors
    /// As [`Distinguish::count`]; those of [`distinguish`].
    pub fn new(
        real: &Ensemble,
        candidates: &[(&str, &Ensemble)],
        effort: Effort,
        progress: &dyn Progress,
    ) -> Result<Self, EvaluateError> {
        Self::by_all(real, candidates, effort, &Group::default(), progress)
    }

    /// The same, networks trained by the ranks of a job.
    ///
    /// # Errors
    /// As [`Distinguish::new`].
    pub fn by_all(
        real: &Ensemble,
        candidates: &[(&str, &Ensemble)],
        effort: Effort,
        group: &Group,
        progress: &dyn Progress,
    ) -> Result<Self, EvaluateError> {
        let samples = candidates.first().map_or(0, |(_, fields)| fields.count());
        let count = Self::count(samples, real.count(), effort)?;
        let order = shuffled(real.count(), effort.seed ^ HALVES, 0);
        let (one, other) = order.split_at(real.count() / 2);
        let (one, other) = (real.select(one), real.select(other));
        let mut pairs = vec![(REAL, &one, &other)];
        let enough = candidates.iter().filter(|(_, fields)| fields.count() >= count);
        pairs.extend(enough.map(|(name, fields)| (*name, *fields, real)));
        let mut grids = vec![real.grid];
        grids.extend(half(&real.grid)?);
        let ticks = TICKS * (pairs.len() * grids.len()) as f64;
        let train = |task: usize| -> Result<Row, EvaluateError> {
            let (grid, (name, fields, real)) =
                (grids[task / pairs.len()], pairs[task % pairs.len()]);
            go_on(progress)?;
            let what = format!("{name} at {}", join(&grid.points()));
            let asked = Asked { count, seeds: effort.seeds, seed: effort.seed };
            let mut observe = |done: f64| {
                let done = (TICKS * (task as f64 + done)) as u64;
                progress.at(Task::TellingApart, done, ticks as u64, &what);
            };
            observe(0.0);
            let (fields, real) = (on(fields, grid)?, on(real, grid)?);
            let separation = distinguish(&fields, &real, asked, &mut observe)?;
            Ok(Row {
                name: name.to_string(),
                auc: separation.mean(),
                auc_spread: separation.spread(),
                auc_by_seed: separation.auc,
            })
        };
        let mut rows = shared(group, grids.len() * pairs.len(), train)?.into_iter();
        let at = |grid: &Grid| AtGrid {
            grid: join(&grid.points()),
            rows: rows.by_ref().take(pairs.len()).collect(),
        };
        let found = grids.iter().map(at).collect();
        progress.over(Task::TellingApart);
        Ok(Self { count, seeds: effort.seeds, grids: found })
    }

    /// A line a row, and what the numbers mean.
    pub fn to_text(&self) -> String {
        let names = self.grids[0].rows.iter().map(|row| row.name.chars().count());
        let wide = names.max().unwrap_or(0).max(24);
        let mut lines = vec![
            format!(
                "told from real fields by a small network: AUC, n = {} a side (half to train it, half to test \
                 it), mean ± deviation of {} seed(s)",
                self.count, self.seeds
            ),
            " ".repeat(wide),
        ];
        for at in &self.grids {
            lines[1].push_str(&format!(" {:>17}", at.grid));
        }
        for (i, row) in self.grids[0].rows.iter().enumerate() {
            let mut line = format!("{:<wide$}", row.name);
            for at in &self.grids {
                let Row { auc, auc_spread, .. } = &at.rows[i];
                line.push_str(&format!(" {:>17}", format!("{auc:.3} ± {auc_spread:.3}")));
            }
            lines.push(line);
        }
        lines.push(
            "0.5: the network cannot tell them apart, the goal; 1: it always can. The row of real fields shows \
             two sets of them"
                .into(),
        );
        lines.push("against each other. More fields teach the network more: compare figures of the same n.".into());
        lines.join("\n")
    }
}

/// Half the cells of each axis that has enough; none where no axis has.
fn half(grid: &Grid) -> Result<Option<Grid>, EvaluateError> {
    let halved = |n: &usize| if *n >= LEAST_CELLS { n / 2 } else { *n };
    let points: Vec<usize> = grid.points().iter().map(halved).collect();
    Ok(if points == grid.points() { None } else { Some(grid.with_points(&points)?) })
}

fn on(fields: &Ensemble, grid: Grid) -> Result<Ensemble, EvaluateError> {
    if fields.grid == grid { Ok(fields.clone()) } else { Ok(resample::spectral(fields, grid)?) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use karhunen_field::Boundary;
    use karhunen_field::noise::stream;
    use karhunen_field::prior::{self, Matern};

    fn fields(length: f64, indices: std::ops::Range<u64>) -> Ensemble {
        let grid = Grid::unit(&[10, 7], Boundary::Neumann).unwrap();
        let law = Matern::new(1.0, length, 1.5).unwrap();
        prior::sample(&law, grid, 1, 3, indices, stream::START)
    }

    #[test]
    fn rough_fields_are_told_and_short_rows_left_out() {
        let (real, rough, few) =
            (fields(0.3, 0..128), fields(0.05, 200..264), fields(0.3, 300..340));
        let effort = Effort { count: 512, seeds: 2, seed: 1 };
        let candidates = [("rough", &rough), ("few", &few)];
        let found = Distinguish::new(&real, &candidates, effort, &()).unwrap();
        let grids: Vec<&str> = found.grids.iter().map(|g| g.grid.as_str()).collect();
        assert_eq!((found.count, grids), (64, vec!["10x7", "5x7"]));
        let names: Vec<&str> = found.grids[0].rows.iter().map(|r| r.name.as_str()).collect();
        assert_eq!(names, [REAL, "rough"]);
        let [same, rough] = &found.grids[0].rows[..] else { panic!() };
        // 32 test fields a side and seed: 0.5 ± 0.073, at 4.4 deviations of one seed
        assert!((same.auc - 0.5).abs() < 0.32 && rough.auc > 0.95, "{same:?} {rough:?}");
        assert_eq!(found.to_text().lines().count(), 6);
    }

    #[test]
    fn too_few_are_refused_with_what_there_is() {
        let effort = Effort { count: 512, seeds: 1, seed: 0 };
        assert_eq!(Distinguish::count(500, 300, effort).unwrap(), 150);
        assert_eq!(Distinguish::count(100, 900, Effort { count: 64, ..effort }).unwrap(), 64);
        for (samples, real) in [(31, 1000), (1000, 63)] {
            assert!(Distinguish::count(samples, real, effort).is_err());
        }
        assert!(Distinguish::count(500, 500, Effort { count: 31, ..effort }).is_err());
    }
}
