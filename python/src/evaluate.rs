//! Comparisons with real fields.

use std::sync::atomic::{AtomicU64, Ordering};

use karhunen::evaluation::{Cut, Effort, read_samples};
use karhunen::formats::Precision;
use karhunen::output::{self, Output};
use karhunen::{
    Boundaries, Ensemble, EvaluateOptions, Given, Grid, Memorisation, Part, Reference,
    ReferenceOptions,
};
use numpy::PyReadonlyArrayDyn;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::arrays;
use crate::data::Data;
use crate::errors::Problem;
use crate::model::Model;
use crate::work::compute;

/// Compares samples with real fields.
#[pyfunction]
#[pyo3(signature = (samples, *, fields, data, settings, model, boundary, part, count, seed, memorisation, networks, phases, thresholds, listener))]
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
    listener: Option<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyDict>> {
    let samples = arrays::Given::of(&samples)?;
    let fields = fields.as_ref().map(arrays::Given::of).transpose()?;
    let data = data.as_ref().map(|data| &data.get().inner);
    let model = model.as_ref().map(|model| &model.get().inner);
    let found = compute(py, listener.as_ref(), |link| {
        let boundary: Option<Boundaries> = boundary.map(|text| text.parse()).transpose()?;
        let on = |cells: &[usize]| -> Result<Grid, Problem> {
            Ok(match (model, &boundary, data) {
                (Some(model), ..) => model.on(cells)?,
                (None, None, Some(data)) => data.config().grid(cells)?,
                (None, boundary, _) => {
                    let own = boundary.clone().unwrap_or(karhunen::Boundary::Neumann.into());
                    Grid::unit(cells, own)?
                }
            })
        };
        let grid = on(&samples.cells)?;
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
                let own = data.reference();
                // a model knows its box
                let boundary = match (model, boundary) {
                    (Some(_), given) => given,
                    (None, given) => given.or(own.boundary),
                };
                Reference::Data(ReferenceOptions {
                    settings,
                    part: part_of(part)?,
                    count: count.unwrap_or(own.count),
                    boundary,
                    seed,
                    ..data.reference()
                })
            }
            (None, None) => {
                return Err(Problem::usage("reference: none", "give an array or data"));
            }
        };
        let cut = match (phases, thresholds) {
            (Some(phases), _) => Some(Cut::Otsu(phases)),
            (None, given) => (!given.is_empty()).then_some(Cut::Given(given)),
        };
        let effort = match networks {
            Some((fields, networks)) => Some(Effort::new(fields, networks, seed)?),
            None => None,
        };
        let options = EvaluateOptions {
            seed,
            memorisation: memorisation_of(memorisation)?,
            effort,
            cut: cut.map(Cut::checked).transpose()?,
            coherence: true,
        };
        let given =
            Given { model: model.map(karhunen::Model::trained), ..Given::of("samples", samples) };
        Ok(karhunen::evaluate(given, &reference, &options, link)?)
    })?;
    let table = PyDict::new(py);
    table.set_item("text", found.to_text())?;
    table.set_item("json", found.to_json().to_string())?;
    table.set_item("notes", &found.notes)?;
    let rows = PyList::empty(py);
    for row in &found.table.rows {
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
