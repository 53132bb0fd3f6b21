//! A model on several grids, beside real fields: what a first look shows, and a report writes down.

use std::path::Path;

use karhunen_evaluate::distinguish::Distinguish;
use karhunen_evaluate::real::{self, Real};
use karhunen_evaluate::rows::SAMPLES;
use karhunen_evaluate::table::Table;
use karhunen_evaluate::{Effort, Part, Progress, Rows};
use karhunen_field::{Ensemble, Grid, resample};
use karhunen_formats::write_whole;
use karhunen_report::{Report, View};
use karhunen_train::RunConfig;
use karhunen_train::config::DataConfig;
use karhunen_train::events::{self, Event};
use karhunen_train::lock::Lock;
use karhunen_train::plan::Plan;

use crate::{Error, Model};

/// How much is looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct OverviewOptions {
    /// Fields to sample on each grid, coarse to fine.
    pub counts: [u64; 4],
    /// Real fields to compare with, at most.
    pub real: usize,
    /// Seed of the samples: field i is the same function on every grid.
    pub seed: u64,
    /// Networks that learn to tell samples from real fields on the finest grid of the training.
    pub effort: Option<Effort>,
}

impl Default for OverviewOptions {
    fn default() -> Self {
        Self {
            counts: [512, 192, 128, 64],
            // twice the largest sample, for honest floors
            real: 1024,
            seed: 0,
            effort: Some(Effort { count: 96, seeds: 2, seed: 0 }),
        }
    }
}

/// Samples of a model on four grids, each compared with real fields.
#[derive(Debug)]
pub struct Overview {
    /// Half the finest grid of the training, that grid, half as many cells again along the first axis,
    /// twice as many along each.
    pub seen: Vec<Seen>,
    /// Real fields on their own grid.
    pub real: Ensemble,
    /// What the networks found, where there were fields enough.
    pub told_apart: Option<Distinguish>,
}

/// Samples on one grid.
#[derive(Debug)]
pub struct Seen {
    /// As they were sampled.
    pub sampled: Ensemble,
    /// Samples, baselines and real fields on one grid: that of the samples, or that of the real fields
    /// where it is coarser.
    pub rows: Rows,
    /// The comparison.
    pub table: Table,
}

impl Seen {
    /// What a report shows of it.
    fn view(&self) -> View<'_> {
        let compared = &self.rows.candidates[0].1;
        View { sampled: &self.sampled, compared, real: &self.rows.real, table: &self.table }
    }
}

impl Overview {
    /// Samples, compares, and hands on each grid as it is finished.
    ///
    /// The real fields are those that the model's data hold out; `data` says where they are, which is where
    /// the model was trained on them unless they have moved.
    ///
    /// **Cost** a few hundred samples and their statistics; minutes at most in two dimensions.
    ///
    /// # Errors
    /// Those of reading the data, sampling and comparing; whatever `each` says.
    pub fn of<E: From<Error>>(
        model: &Model,
        data: &DataConfig,
        options: &OverviewOptions,
        progress: &dyn Progress,
        each: &mut dyn FnMut(&Seen) -> Result<(), E>,
    ) -> Result<Self, E> {
        let real = real_fields(model, data, options)?;
        let (mut seen, mut told_apart) = (Vec::new(), None);
        for (grid, count) in grids(model)?.into_iter().zip(options.counts) {
            let one = one_grid(model, grid, count, &real, options.seed, progress)?;
            each(&one)?;
            if grid == model.grid()
                && let Some(effort) = options.effort
            {
                let (samples, real) = (&one.rows.candidates[0].1, &one.rows.real);
                // too few real fields are no reason to end
                if Distinguish::count(samples.count(), real.count(), effort).is_ok() {
                    let told = one.rows.told_apart(effort, progress);
                    told_apart = Some(told.map_err(Error::from)?);
                }
            }
            seen.push(one);
        }
        Ok(Self { seen, real: real.reference, told_apart })
    }

    /// The page about it; see [`Report`].
    ///
    /// # Errors
    /// Those of the curves and of the pictures' encoder.
    pub fn to_html(
        &self,
        model: &Model,
        title: &str,
        events: &[Event],
        commands: Vec<String>,
    ) -> Result<String, Error> {
        let report = Report {
            title: title.into(),
            model: model.trained(),
            events,
            views: self.seen.iter().map(Seen::view).collect(),
            told_apart: self.told_apart.as_ref(),
            commands,
        };
        Ok(report.to_html()?)
    }
}

/// What a page about a model is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct PageOptions {
    /// Where the data are, if they are no longer where the model was trained on them.
    pub reference: Option<String>,
    /// Fields to sample on the coarsest grid shown; half as many on the next, and so on. At least 2.
    pub count: u64,
    /// Seed of the samples.
    pub seed: u64,
    /// Whether networks learn to tell samples from real fields.
    pub distinguish: bool,
}

impl Default for PageOptions {
    fn default() -> Self {
        Self { reference: None, count: 512, seed: 0, distinguish: true }
    }
}

/// Samples a model on four grids, compares, and writes one page of HTML about it, which replaces what is there.
///
/// # Errors
/// Those of [`Overview::of`]; [`Error::Write`]; a place that another process writes to.
pub fn write_page(
    model: &Model,
    out: &Path,
    options: &PageOptions,
    progress: &dyn Progress,
) -> Result<(), Error> {
    let PageOptions { reference, count, seed, distinguish } = options;
    let _claim = Lock::output(out)?;
    let mut data = model.trained().config.data.clone();
    if let Some(source) = reference {
        data.source = source.as_str().into();
    }
    let counts = [1, 2, 4, 8].map(|part| (count / part).max(2));
    let effort = Effort { count: 96, seeds: 2, seed: *seed };
    let effort = distinguish.then_some(effort);
    let asked = OverviewOptions { counts, real: 2 * *count as usize, seed: *seed, effort };
    let found = Overview::of(model, &data, &asked, progress, &mut |_| Ok::<(), Error>(()))?;
    let (name, finest) = (model.name(), model.grid());
    let commands = vec![
        "karhunen train --config config.toml --out RUN   # the configuration below".to_string(),
        format!(
            "karhunen sample --model {name} --grid {finest} --count {} --seed {seed} --out samples.npy",
            counts[1]
        ),
        format!(
            "karhunen evaluate --reference {} --samples samples.npy --model {name}",
            data.source
        ),
        format!("karhunen report {name} --count {count} --seed {seed} --out {}", out.display()),
    ];
    let html = found.to_html(model, &name, &events_of(&model.trained().path)?, commands)?;
    write_whole(out, html.as_bytes()).map_err(|source| Error::Write { path: out.into(), source })
}

/// What was told while the run of a folder was trained; nothing of a model without its run.
///
/// # Errors
/// [`Error::Read`].
pub fn events_of(folder: &Path) -> Result<Vec<Event>, Error> {
    let path = folder.join("events.jsonl");
    if !path.exists() {
        return Ok(Vec::new());
    }
    events::read(&path).map_err(|source| Error::Read { path, source })
}

/// Half the finest level, the finest level, half as many cells again on the first axis, twice the
/// finest level: the same box throughout.
fn grids(model: &Model) -> Result<Vec<Grid>, Error> {
    let finest = model.grid().points();
    let half: Vec<usize> = finest.iter().map(|n| n.div_ceil(2)).collect();
    let double: Vec<usize> = finest.iter().map(|n| 2 * n).collect();
    let mut stretched = finest.clone();
    stretched[0] = (3 * stretched[0]).div_ceil(2);
    [half, finest, stretched, double].iter().map(|points| model.on(points)).collect()
}

/// Held-out fields on the grid that the data have themselves.
fn real_fields(
    model: &Model,
    config: &DataConfig,
    options: &OverviewOptions,
) -> Result<Real, Error> {
    let run = RunConfig { data: config.clone(), ..model.trained().config.clone() };
    let seed = run.seed;
    let Plan { config, fields, points, .. } = Plan::of(run)?;
    let grid = model.on(&points)?;
    Ok(real::of_model(
        &config.data,
        fields.as_ref(),
        None,
        grid,
        options.real,
        seed,
        Part::HeldOut,
    )?)
}

/// Samples one grid, and brings samples, baselines and real fields together there, or on the real fields'
/// grid where that is coarser.
fn one_grid(
    model: &Model,
    grid: Grid,
    count: u64,
    real: &Real,
    seed: u64,
    progress: &dyn Progress,
) -> Result<Seen, Error> {
    let request = model.trained().request(grid, seed);
    let sampled = model.draw(&request, 0..count, progress)?;
    let finest = real.reference.grid;
    let shared: Vec<usize> =
        grid.points().iter().zip(finest.points()).map(|(t, r)| *t.min(&r)).collect();
    let common = finest.with_points(&shared)?;
    let samples = vec![(SAMPLES.to_string(), resample::spectral(&sampled, common)?)];
    let mut rows = Rows::new(&real.reference, samples, Some(model.trained()))?;
    rows.add_surrogate(Some(model.trained()), seed)?;
    rows.add_zero_padded(model.trained(), grid, seed, progress)?;
    // fewer are no news here
    rows.add_training(real.training.as_ref())?;
    let table = rows.table(progress)?;
    Ok(Seen { sampled, rows, table })
}
