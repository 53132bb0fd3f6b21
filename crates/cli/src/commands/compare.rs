//! `karhunen compare`: several models or files of samples against the same real fields, side by side.

use std::path::Path;

use karhunen_field::{Ensemble, Grid, resample};
use karhunen_net::Device;
use karhunen_train::TrainedModel;
use karhunen_train::sources::Sources;
use serde_json::json;
use tracing::{info, warn};

use crate::args::CompareArgs;
use crate::commands::sample::sample;
use crate::failure::Failure;
use crate::report::baselines::{SURROGATE_ROW, TRAINING, surrogate};
use crate::report::distinguish::{Distinguish, Effort};
use crate::report::prepare::{Prepared, prepare, read_samples, same_boundary};
use crate::report::print_line;
use crate::report::ranking::{LEGEND, verdict};
use crate::report::real::Real;
use crate::report::table::Table;

/// Compares and prints.
pub fn run(args: &CompareArgs) -> Result<(), Failure> {
    let effort = Effort::asked(&args.told, args.real.seed)?;
    if args.count < 2 {
        return Err(Failure::usage(format!("--count {}: at least 2", args.count))
            .help("comparisons and their floors need many, say 512"));
    }
    let models = models(args)?;
    let first = models.iter().flatten().next();
    let mut candidates = Vec::new();
    for (path, model) in args.candidates.iter().zip(&models) {
        let fields = match model {
            Some(model) => sampled(args, model)?,
            None => read_samples(&args.real, path, first)?,
        };
        let name = path.display().to_string();
        if candidates.iter().any(|(other, _)| *other == name) {
            return Err(Failure::usage(format!("{name}: given twice")).help("name each once"));
        }
        candidates.push((name, fields));
    }
    let count = candidates.iter().map(|(_, fields)| fields.count()).min().unwrap_or(0);
    let common = common(&candidates)?;
    for (_, fields) in &mut candidates {
        *fields = on(&fields.slice(0..fields.count().min(count)), common)?;
    }
    let source = Sources::new(args.real.reference.clone())
        .ok_or_else(|| Failure::usage("--reference names no data"))?;
    let mut notes = Vec::new();
    let named = (args.candidates[0].as_path(), candidates[0].1.clone());
    let trained: Vec<&TrainedModel> = models.iter().flatten().collect();
    let Prepared { mut real, samples: brought, .. } =
        prepare(&args.real, &trained, source, named, &mut notes)?;
    for (_, fields) in &mut candidates {
        *fields = on(fields, brought.grid)?;
        if !real.holes.is_empty() {
            real.see_through_holes(fields);
        }
    }
    let Real { reference: real, training, .. } = real;
    if let Some(effort) = effort {
        // refused before anything long begins
        Distinguish::count(count, real.count(), effort)?;
    }
    let seed = args.real.seed;
    candidates.push((SURROGATE_ROW.into(), surrogate(first, &real, real.grid, seed, count)?));
    if let Some(training) = training.filter(|fields| fields.count() >= count) {
        candidates.push((TRAINING.into(), training));
    }
    let band = first.map(|model| model.statistics.grid.band());
    let table = Table::new(&real, &candidates, band)?;
    notes.extend(table.parts_differ(TRAINING));
    let told = match effort {
        None => None,
        Some(effort) => {
            let rows: Vec<(&str, &Ensemble)> =
                candidates.iter().map(|(name, fields)| (name.as_str(), fields)).collect();
            Some(Distinguish::new(&real, &rows, effort)?)
        }
    };
    if args.json {
        let object = json!({"rows": table.rows, "distinguish": told, "notes": notes});
        return print_line(&object.to_string());
    }
    notes.iter().for_each(|note| info!("note: {note}"));
    let verdicts: Vec<String> =
        table.rows[1..].iter().map(|row| verdict(&row.name, &row.comparison)).collect();
    let mut parts =
        vec![table.in_floors(), verdicts.join("\n"), LEGEND.join("\n"), table.as_measured()];
    parts.extend(told.as_ref().map(Distinguish::to_text));
    print_line(&parts.join("\n\n"))
}

/// The models among what was named; folders are models, files are samples.
fn models(args: &CompareArgs) -> Result<Vec<Option<TrainedModel>>, Failure> {
    let load = |path: &Path| -> Result<Option<TrainedModel>, Failure> {
        if !path.is_dir() {
            return Ok(None);
        }
        let model = TrainedModel::load_average(path, &Device::flex(), None)?;
        model.notes.iter().for_each(|note| warn!("skipped: {note}"));
        same_boundary(&args.real, &model)?;
        Ok(Some(model))
    };
    args.candidates.iter().map(|path| load(path)).collect()
}

/// Fields of a model on its finest trained grid.
fn sampled(args: &CompareArgs, model: &TrainedModel) -> Result<Ensemble, Failure> {
    let mut request = model.request(model.statistics.grid, args.real.seed);
    if let Some(evaluations) = args.evaluations {
        request.evaluations = evaluations;
    }
    Ok(sample(model, &request, 0..args.count)?.0)
}

/// The finest grid that no candidate is coarser than.
fn common(candidates: &[(String, Ensemble)]) -> Result<Grid, Failure> {
    let (name, first) = &candidates[0];
    let mut points = first.grid.points();
    for (other, fields) in &candidates[1..] {
        if !fields.grid.same_box(&first.grid) || fields.channels != first.channels {
            let what = |e: &Ensemble| format!("{} channel(s) on {}", e.channels, e.grid);
            let message =
                format!("{other}: fields of {}, beside {} of {name}", what(fields), what(first));
            return Err(Failure::usage(message).help("compare samples of one box"));
        }
        points.iter_mut().zip(fields.grid.points()).for_each(|(n, m)| *n = m.min(*n));
    }
    Ok(first.grid.with_points(&points)?)
}

fn on(fields: &Ensemble, grid: Grid) -> Result<Ensemble, Failure> {
    if fields.grid == grid { Ok(fields.clone()) } else { Ok(resample::spectral(fields, grid)?) }
}
