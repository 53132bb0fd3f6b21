//! `karhunen evaluate`: samples against real fields, beside the baselines that must be beaten.

use std::path::Path;

use karhunen_field::metrics::{consistency_error, cross_spectrum};
use karhunen_field::{Ensemble, Grid};
use karhunen_net::Device;
use karhunen_train::sources::Sources;
use karhunen_train::{TrainedClassifier, TrainedModel};
use serde_json::json;
use tracing::{debug, warn};

use crate::args::{EvaluateArgs, Memorisation, Part};
use crate::commands::sample::tell_average;
use crate::failure::Failure;
use crate::report::baselines::{SURROGATE_ROW, TRAINING, surrogate, told_apart, zero_padded};
use crate::report::beyond::{Beyond, Cut};
use crate::report::distinguish::{Distinguish, Effort};
use crate::report::evaluation::Evaluation;
use crate::report::phase_fields::{indicators, seen_as_phases};
use crate::report::prepare::{Prepared, prepare, read_samples, same_boundary};
use crate::report::read::ReadTable;
use crate::report::real::Real;
use crate::report::table::Table;
use crate::report::{beside, files, nearest, print_line};

/// Channels whose pairs are all listed in the JSON.
const COHERENCE_AT_MOST: usize = 4;

/// Compares and prints.
pub fn run(args: &EvaluateArgs) -> Result<(), Failure> {
    let cut = cut(args)?;
    let effort = Effort::asked(&args.told, args.real.seed)?;
    if let Some(path) = &args.picture {
        files::check_picture(path, args.force)?;
    }
    let load = |path| TrainedModel::load_average(path, &Device::flex(), args.ema);
    let model = args.model.as_deref().map(load).transpose()?;
    if let Some(model) = &model {
        model.notes.iter().for_each(|note| warn!("skipped: {note}"));
        tell_average(model);
        same_boundary(&args.real, model)?;
    }
    let classifier = args.classifier.as_deref().map(TrainedClassifier::load).transpose()?;
    let labels = args.sample_labels.as_deref().map(|path| {
        karhunen_formats::read_labels(path).map(|labels| (path, labels)).map_err(Failure::from)
    });
    let labels = labels.transpose()?;
    let phases = model.as_ref().and_then(|m| m.phases().cloned());
    // phases that are known need no threshold but that between 0 and 1
    let cut = if phases.is_some() { cut.map(|_| Cut::Otsu(2)) } else { cut };
    let samples = read_samples(&args.real, &args.samples, model.as_ref())?;
    let twin = match &args.same {
        Some(path) => Some(consistency(args, path, &samples, model.as_ref())?),
        None => None,
    };
    let mut notes = Vec::new();
    let source = Sources::new(args.real.reference.clone())
        .ok_or_else(|| Failure::usage("--reference names no data"))?;
    let named = (args.samples.as_path(), samples);
    let models: Vec<&TrainedModel> = model.iter().collect();
    let Prepared { real, samples, own } = prepare(&args.real, &models, source, named, &mut notes)?;
    let Real { reference: real, training, .. } = real;
    if let Some(effort) = effort {
        // refused before anything long begins
        Distinguish::count(samples.count(), real.count(), effort)?;
    }
    // of fields that were trained on only the model's held-out ones are no copies
    let fair = args.real.part == Part::HeldOut || own.is_some();
    let nearest = match &model {
        Some(model) if args.memorisation != Memorisation::None && fair => {
            let all = args.memorisation == Memorisation::All;
            nearest::check(model, own.as_ref(), &samples, &real, all, &mut notes)?
        }
        _ => None,
    };
    let (count, grid, seed) = (samples.count(), samples.grid, args.real.seed);
    debug!(count, real = real.count(), "fields are ready at {grid}");
    let mut candidates = vec![("samples".to_string(), samples)];
    candidates.push((SURROGATE_ROW.into(), surrogate(model.as_ref(), &real, grid, seed, count)?));
    let mut band = None;
    if let Some(model) = &model {
        let finest = model.statistics.grid;
        band = Some(finest.band());
        if finest.points().iter().zip(grid.points()).any(|(a, b)| *a < b) {
            candidates.push(("zero-padded".into(), zero_padded(model, grid, seed, count as u64)?));
        }
    }
    match training {
        Some(fields) if fields.count() >= count => {
            candidates.push((TRAINING.to_string(), fields));
        }
        Some(fields) => notes.push(format!(
            "only {} fields to train on: no row for them beside {count} samples",
            fields.count()
        )),
        None => (),
    }
    let (real, phase_table) = match (&model, &phases) {
        (Some(model), Some(phases)) => {
            let table = seen_as_phases(model, phases, &real, &mut candidates, seed)?;
            (indicators(phases, &real)?, Some(table))
        }
        _ => (real, None),
    };
    if let Some(path) = &args.picture {
        beside::beside(&real, &candidates[0].1, path)?;
    }
    let table = Table::new(&real, &candidates, band)?;
    notes.extend(table.parts_differ(TRAINING));
    let read = match &classifier {
        None => None,
        Some(classifier) => {
            let labels = labels.as_ref().map(|(path, labels)| (*path, &labels[..]));
            Some(ReadTable::new(classifier, &real, &candidates, labels, seed)?)
        }
    };
    let told = match effort {
        None => None,
        Some(effort) => Some(Distinguish::new(&real, &told_apart(&candidates), effort)?),
    };
    let beyond = match cut {
        None => None,
        Some(cut) => Some(Beyond::new(&real, &candidates, &cut)?),
    };
    let coherence = match args.json && (2..=COHERENCE_AT_MOST).contains(&real.channels) {
        false => None,
        true => {
            let (there, here) = (cross_spectrum(&real)?, cross_spectrum(&candidates[0].1)?);
            Some(json!({
                "frequency": there.frequency,
                "pairs": there.pairs,
                "reference": there.coherence,
                "samples": here.coherence,
            }))
        }
    };
    let evaluation = Evaluation {
        count,
        table,
        read,
        told,
        phases: phase_table,
        beyond,
        coherence,
        twin,
        nearest,
        notes,
    };
    if args.json {
        return print_line(&evaluation.to_json().to_string());
    }
    evaluation.tell_notes();
    print_line(&evaluation.to_text())
}

/// How to cut phases, where more than the table is asked for.
fn cut(args: &EvaluateArgs) -> Result<Option<Cut>, Failure> {
    match (args.phases, &args.thresholds[..]) {
        (Some(phases), _) if phases < 2 => {
            Err(Failure::usage(format!("--phases {phases}: at least 2")).help("two is usual"))
        }
        (Some(phases), _) => Ok(Some(Cut::Otsu(phases))),
        (None, []) => Ok(args.all.then_some(Cut::Otsu(2))),
        (None, given) => {
            let rising = given.windows(2).all(|t| t[0] < t[1]);
            if !rising || given.iter().any(|t| !t.is_finite()) {
                let text: Vec<String> = given.iter().map(f64::to_string).collect();
                let message =
                    format!("--thresholds {}: finite, each above the one before", text.join(","));
                return Err(Failure::usage(message).help("write them rising, as in 0.2,0.5"));
            }
            Ok(Some(Cut::Given(given.to_vec())))
        }
    }
}

/// The grid of the same functions, and how far they are from the samples.
fn consistency(
    args: &EvaluateArgs,
    path: &Path,
    samples: &Ensemble,
    model: Option<&TrainedModel>,
) -> Result<(Grid, f64), Failure> {
    let same = read_samples(&args.real, path, model)?;
    let described = |fields: &Ensemble| {
        let Ensemble { channels, .. } = fields;
        format!("{} fields of {channels} channel(s) on axes {}", fields.count(), fields.grid)
    };
    let alike = same.count() == samples.count() && same.channels == samples.channels;
    if !alike || !same.grid.same_box(&samples.grid) {
        let message =
            format!("{}: {}, beside {}", path.display(), described(&same), described(samples));
        return Err(Failure::usage(message)
            .help("sample the same --count, --seed and --sampler on another --grid of the box"));
    }
    Ok((same.grid, consistency_error(samples, &same)?))
}
