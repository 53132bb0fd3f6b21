//! Comparisons with real fields.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use karhunen::evaluation::table::Row;
use karhunen::evaluation::{Cut, Effort, read_samples};
use karhunen::formats::Precision;
use karhunen::output::{self, Output};
use karhunen::{
    Boundaries, Candidate, CompareOptions, Ensemble, EvaluateOptions, Given, Grid, Memorisation,
    Part, Reference, ReferenceOptions,
};
use numpy::PyReadonlyArrayDyn;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::arrays;
use crate::classifier::Classifier;
use crate::data::Data;
use crate::errors::Problem;
use crate::model::Model;
use crate::work::compute;

/// Compares samples with real fields.
#[pyfunction]
#[pyo3(signature = (samples, *, fields, data, settings, model, boundary, part, count, seed, memorisation, networks, phases, thresholds, classifier, labels, listener))]
#[expect(clippy::too_many_arguments, reason = "one a keyword")]
pub fn evaluate<'py>(
    py: Python<'py>,
    samples: PyReadonlyArrayDyn<'py, f64>,
    fields: Option<PyReadonlyArrayDyn<'py, f64>>,
    data: Option<Bound<'py, Data>>,
    settings: Vec<String>,
    model: Option<Bound<'py, Model>>,
    boundary: Option<String>,
    part: &str,
    count: Option<usize>,
    seed: u64,
    memorisation: &str,
    networks: Option<(usize, usize)>,
    phases: Option<usize>,
    thresholds: Vec<f64>,
    classifier: Option<Bound<'py, Classifier>>,
    labels: Option<Vec<u32>>,
    listener: Option<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyDict>> {
    let classifier = classifier.as_ref().map(|classifier| &classifier.get().inner);
    let samples = arrays::Given::of(&samples)?;
    let fields = fields.as_ref().map(arrays::Given::of).transpose()?;
    let data = data.as_ref().map(|data| &data.get().inner);
    let model = model.as_ref().map(|model| &model.get().inner);
    let found = compute(py, listener.as_ref(), |link| {
        let boundary: Option<Boundaries> = boundary.map(|text| text.parse()).transpose()?;
        let grid = grid_of(&samples.cells, (model, boundary.as_ref(), data))?;
        let samples = level_sets(samples.on(grid)?, model)?;
        let reference = match (fields, data) {
            (Some(fields), _) => {
                // the same box with other cells, as far as it has as many axes
                let cells = fields.cells.clone();
                let grid = if cells.len() == grid.dim() {
                    grid.with_points(&cells)?
                } else {
                    Grid::unit(&cells, karhunen::Boundary::Neumann)?
                };
                Reference::Fields(level_sets(fields.on(grid)?, model)?)
            }
            (None, Some(data)) => {
                let asked = Asked { settings, part, count, boundary, seed };
                Reference::Data(asked.options(data, model.is_some())?)
            }
            (None, None) => {
                return Err(Problem::usage("reference: none", "give an array or data"));
            }
        };
        let cut = match (phases, thresholds) {
            (Some(phases), _) => Some(Cut::Otsu(phases)),
            (None, given) => (!given.is_empty()).then_some(Cut::Given(given)),
        };
        let effort = effort_of(networks, seed)?;
        let options = EvaluateOptions {
            seed,
            memorisation: memorisation_of(memorisation)?,
            effort,
            cut: cut.map(Cut::checked).transpose()?,
            coherence: true,
            ..EvaluateOptions::default()
        };
        let given = Given {
            model: model.map(karhunen::Model::trained),
            classifier,
            labels: labels.map(|labels| ("labels".to_string(), labels)),
            ..Given::of("samples", samples)
        };
        Ok(karhunen::evaluate(given, &reference, &options, link)?)
    })?;
    table_out(py, (found.to_text(), found.to_json().to_string()), &found.notes, &found.table.rows)
}

/// Compares models and samples with the same real fields, side by side.
#[pyfunction]
#[pyo3(signature = (candidates, *, data, settings, boundary, part, count, reference_count, evaluations, seed, networks, listener))]
#[expect(clippy::too_many_arguments, reason = "one a keyword")]
pub fn compare<'py>(
    py: Python<'py>,
    candidates: Vec<(String, Bound<'py, PyAny>)>,
    data: Bound<'py, Data>,
    settings: Vec<String>,
    boundary: Option<String>,
    part: &str,
    count: u64,
    reference_count: Option<usize>,
    evaluations: Option<usize>,
    seed: u64,
    networks: Option<(usize, usize)>,
    listener: Option<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyDict>> {
    let (mut models, mut fields, mut order) = (Vec::new(), Vec::new(), Vec::new());
    for (name, candidate) in &candidates {
        if let Ok(model) = candidate.cast::<Model>() {
            models.push(model.clone());
            order.push(Kind::Model(name.clone()));
        } else if let Ok(array) = candidate.extract::<PyReadonlyArrayDyn<'_, f64>>() {
            fields.push(arrays::Given::of(&array)?);
            order.push(Kind::Fields(name.clone()));
        } else {
            order.push(Kind::Path(candidate.extract()?));
        }
    }
    let models: Vec<&karhunen::Model> = models.iter().map(|model| &model.get().inner).collect();
    let data = &data.get().inner;
    let found = compute(py, listener.as_ref(), |link| {
        let first = models.first().copied();
        let boundary: Option<Boundaries> = boundary.map(|text| text.parse()).transpose()?;
        let (mut fields, mut models) = (fields.into_iter(), models.into_iter());
        let mut all = Vec::new();
        for kind in &order {
            let next = match kind {
                Kind::Path(path) => Some(Candidate::Path(path)),
                Kind::Model(name) => models.next().map(|m| Candidate::Model(name.clone(), m)),
                Kind::Fields(name) => match fields.next() {
                    Some(own) => {
                        let grid = grid_of(&own.cells, (first, boundary.as_ref(), Some(data)))?;
                        let own = level_sets(own.on(grid)?, first)?;
                        Some(Candidate::Fields(name.clone(), own))
                    }
                    None => None,
                },
            };
            all.extend(next);
        }
        let asked = Asked { settings, part, count: reference_count, boundary, seed };
        // folders hold models, which know their box
        let models =
            first.is_some() || order.iter().any(|k| matches!(k, Kind::Path(p) if p.is_dir()));
        let reference = asked.options(data, models)?;
        let options = CompareOptions { count, evaluations, effort: effort_of(networks, seed)? };
        Ok(karhunen::compare_all(all, &reference, &options, link)?)
    })?;
    table_out(py, (found.to_text(), found.to_json().to_string()), &found.notes, &found.table.rows)
}

/// What a candidate of a comparison is.
enum Kind {
    Path(PathBuf),
    Model(String),
    Fields(String),
}

/// The grid of fields of so many cells, on the box that is known.
fn grid_of(
    cells: &[usize],
    (model, boundary, data): (
        Option<&karhunen::Model>,
        Option<&Boundaries>,
        Option<&karhunen::Data>,
    ),
) -> Result<Grid, Problem> {
    Ok(match (model, boundary, data) {
        (Some(model), ..) => model.on(cells)?,
        (None, None, Some(data)) => data.config().grid(cells)?,
        (None, boundary, _) => {
            let own = boundary.cloned().unwrap_or(karhunen::Boundary::Neumann.into());
            Grid::unit(cells, own)?
        }
    })
}

/// How data are read as real fields.
pub struct Asked<'a> {
    pub settings: Vec<String>,
    pub part: &'a str,
    pub count: Option<usize>,
    pub boundary: Option<Boundaries>,
    pub seed: u64,
}

impl Asked<'_> {
    pub fn options(
        self,
        data: &karhunen::Data,
        of_model: bool,
    ) -> Result<ReferenceOptions, Problem> {
        let Self { settings, part, count, boundary, seed } = self;
        let own = data.reference();
        // a model knows its box
        let boundary = if of_model { boundary } else { boundary.or(own.boundary.clone()) };
        let (part, count) = (part_of(part)?, count.unwrap_or(own.count));
        Ok(ReferenceOptions { settings, part, count, boundary, seed, ..own })
    }
}

fn effort_of(networks: Option<(usize, usize)>, seed: u64) -> Result<Option<Effort>, Problem> {
    Ok(match networks {
        Some((fields, networks)) => Some(Effort::new(fields, networks, seed)?),
        None => None,
    })
}

/// Rows with all their statistics, the worst first.
fn table_out<'py>(
    py: Python<'py>,
    (text, json): (String, String),
    notes: &[String],
    found: &[Row],
) -> PyResult<Bound<'py, PyDict>> {
    let table = PyDict::new(py);
    table.set_item("text", text)?;
    table.set_item("json", json)?;
    table.set_item("notes", notes)?;
    let rows = PyList::empty(py);
    for row in found {
        let own = PyDict::new(py);
        own.set_item("name", &row.name)?;
        own.set_item("verdict", row.verdict())?;
        own.set_item("grid", &row.comparison.grid)?;
        own.set_item("count", row.comparison.count)?;
        own.set_item("reference_count", row.comparison.reference_count)?;
        let all = row.worst_first().into_iter().map(|m| (m.name, m.value, m.floor, m.floors));
        own.set_item("statistics", all.collect::<Vec<_>>())?;
        rows.append(own)?;
    }
    table.set_item("rows", rows)?;
    Ok(table)
}

fn part_of(name: &str) -> Result<Part, Problem> {
    match name {
        "held-out" => Ok(Part::HeldOut),
        "training" => Ok(Part::Training),
        _ => Err(Problem::usage(
            format!("part {name}: there are held-out and training"),
            "leave it out for held-out",
        )),
    }
}

fn memorisation_of(name: &str) -> Result<Memorisation, Problem> {
    match name {
        "some" => Ok(Memorisation::Some),
        "all" => Ok(Memorisation::All),
        "none" => Ok(Memorisation::None),
        _ => Err(Problem::usage(
            format!("memorisation {name}: there are some, all and none"),
            "leave it out for some",
        )),
    }
}

/// Labels as the level sets that a model of phases knows; other fields as they are.
fn level_sets(fields: Ensemble, model: Option<&karhunen::Model>) -> Result<Ensemble, Problem> {
    /// Numbers the files of this process.
    static FILES: AtomicU64 = AtomicU64::new(0);
    let is_label = |v: &f64| v.fract() == 0.0 && (0.0..=255.0).contains(v);
    let Some(model) = model.filter(|model| !model.phases().is_empty()) else { return Ok(fields) };
    if fields.channels != 1 || !fields.values.iter().all(is_label) {
        return Ok(fields);
    }
    // the library reads labels from files
    let number = FILES.fetch_add(1, Ordering::Relaxed);
    let name = format!("karhunen-labels-{}-{number}.npy", std::process::id());
    let path = std::env::temp_dir().join(name);
    let output = Output { overwrite: true, precision: Precision::U8, ..Output::default() };
    output::write(&fields, &path, &output)?;
    let options = ReferenceOptions::of(model.trained().config.data.source.clone());
    let read = read_samples(&options, &path, Some(model.trained()));
    // a file that is left in the folder of temporary files does no harm
    let _ = std::fs::remove_file(&path);
    Ok(read?)
}
