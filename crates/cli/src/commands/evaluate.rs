//! `karhunen evaluate`: samples against real fields, beside the baselines that must be beaten.

use std::path::Path;

use karhunen_field::metrics::{consistency_error, cross_spectrum};
use karhunen_field::noise::stream;
use karhunen_field::prior::{Measured, Prior};
use karhunen_field::{Ensemble, GaussianLaw, Grid, level_set, moments::Moments, resample};
use karhunen_formats::{Address, ReadOptions};
use karhunen_net::Device;
use karhunen_train::config::DataConfig;
use karhunen_train::phases::Phases;
use karhunen_train::sources::Sources;
use karhunen_train::{TrainedClassifier, TrainedModel};
use rayon::prelude::*;
use serde_json::json;
use tracing::{debug, info, warn};

use crate::args::{EvaluateArgs, Part};
use crate::commands::sample::{sample, tell_average};
use crate::failure::Failure;
use crate::report::beyond::{Beyond, Cut};
use crate::report::phases::{Labelled, PhaseTable};
use crate::report::plan::{self, Native};
use crate::report::read::ReadTable;
use crate::report::real::{self, Real};
use crate::report::table::{Table, constant_channel};
use crate::report::{nearest, print_line};

/// Channels whose pairs are all listed in the JSON.
const COHERENCE_AT_MOST: usize = 4;

/// Compares and prints.
pub fn run(args: &EvaluateArgs) -> Result<(), Failure> {
    let cut = cut(args)?;
    if args.reference_count < 2 {
        return Err(Failure::usage(format!(
            "--reference-count {}: at least 2",
            args.reference_count
        ))
        .help("comparisons and their floors need many, say 1000"));
    }
    if args.memorisation && args.part == Part::Training {
        return Err(Failure::usage("--memorisation needs fields that were not trained on")
            .help("leave --part training out"));
    }
    let load = |path| TrainedModel::load_average(path, &Device::flex(), args.ema);
    let model = args.model.as_deref().map(load).transpose()?;
    if let Some(model) = &model {
        model.notes.iter().for_each(|note| warn!("skipped: {note}"));
        tell_average(model);
        same_boundary(args, model)?;
    }
    let classifier = args.classifier.as_deref().map(TrainedClassifier::load).transpose()?;
    let labels = args.sample_labels.as_deref().map(|path| {
        karhunen_formats::read_labels(path).map(|labels| (path, labels)).map_err(Failure::from)
    });
    let labels = labels.transpose()?;
    let phases = model.as_ref().and_then(|m| m.phases().cloned());
    // phases that are known need no threshold but that between 0 and 1
    let cut = if phases.is_some() { cut.map(|_| Cut::Otsu(2)) } else { cut };
    let samples = read_samples(args, &args.samples, model.as_ref())?;
    let twin = match &args.same {
        Some(path) => Some(consistency(args, path, &samples, model.as_ref())?),
        None => None,
    };
    let mut notes = Vec::new();
    let source = Sources::new(args.reference.clone())
        .ok_or_else(|| Failure::usage("--reference names no data"))?;
    let same_source = model.as_ref().is_some_and(|m| same(&m.config.data.source, &source));
    let (Real { reference: real, training }, samples) =
        prepare(args, model.as_ref(), source, same_source, samples, &mut notes)?;
    let nearest = match &model {
        Some(model) if args.part == Part::HeldOut && (args.memorisation || cut.is_some()) => {
            Some(nearest::check(model, &samples, &real, same_source)?)
        }
        _ => None,
    };
    let count = samples.count();
    let grid = samples.grid;
    debug!(count, real = real.count(), "fields are ready at {grid}");
    let mut candidates = vec![("samples".to_string(), samples)];
    candidates.push((
        "Gaussian surrogate".into(),
        surrogate(model.as_ref(), &real, grid, args.seed, count)?,
    ));
    let mut band = None;
    if let Some(model) = &model {
        let finest = model.statistics.grid;
        band = Some(finest.band());
        if finest.points().iter().zip(grid.points()).any(|(a, b)| *a < b) {
            candidates
                .push(("zero-padded".into(), zero_padded(model, grid, args.seed, count as u64)?));
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
            let table = seen_as_phases(model, phases, &real, &mut candidates, args.seed)?;
            (indicators(phases, &real)?, Some(table))
        }
        _ => (real, None),
    };
    let table = Table::new(&real, &candidates, band)?;
    let read = match &classifier {
        None => None,
        Some(classifier) => {
            let labels = labels.as_ref().map(|(path, labels)| (*path, &labels[..]));
            Some(ReadTable::new(classifier, &real, &candidates, labels, args.seed)?)
        }
    };
    let beyond = match cut {
        None => None,
        Some(cut) => Some(Beyond::new(&real, &candidates, &cut)?),
    };
    if args.json {
        let mut object = serde_json::to_value(&table.rows[0].comparison).unwrap_or_default();
        for row in &table.rows[1..] {
            let key = row.name.to_lowercase().replace([' ', '-'], "_");
            object[key] = json!(row.comparison);
        }
        if (2..=COHERENCE_AT_MOST).contains(&real.channels) {
            let of = |fields| cross_spectrum(fields).map_err(Failure::from);
            let (there, here) = (of(&real)?, of(&candidates[0].1)?);
            object["coherence"] = json!({
                "frequency": there.frequency,
                "pairs": there.pairs,
                "reference": there.coherence,
                "samples": here.coherence,
            });
        }
        if let Some(found) = nearest {
            object["memorisation"] = found;
        }
        if let Some((grid, error)) = &twin {
            object["consistency"] = json!({"grid": grid.to_string(), "error": error});
        }
        if let Some(read) = &read {
            object["classifier"] = json!(read);
        }
        object["notes"] = json!(notes);
        if let Some(beyond) = &beyond {
            object["beyond"] = json!(beyond);
        }
        if let Some(phases) = &phase_table {
            object["phases"] = json!(phases);
        }
        return print_line(&object.to_string());
    }
    notes.iter().for_each(|note| info!("note: {note}"));
    print_line(&table.to_text())?;
    if let Some(read) = read {
        print_line(&format!("\n{}", read.to_text()))?;
    }
    if let Some(phases) = phase_table {
        print_line(&format!("\n{}", phases.to_text()))?;
    }
    if let Some(beyond) = beyond {
        print_line(&format!("\n{}", beyond.to_text()))?;
    }
    if let Some((grid, error)) = twin {
        let what = "of what varies differs from the same functions at";
        print_line(&format!("\n{error:.2e} {what} {grid}, in the modes both hold"))?;
    }
    match nearest {
        Some(found) => print_line(&format!("\n{}", nearest::describe(&found, count))),
        None => Ok(()),
    }
}

/// Samples of a model of phases as level sets: labels, as `sample` writes them, or `sample --raw`'s φ.
fn level_sets_of(path: &Path, model: &TrainedModel, phases: &Phases) -> Result<Ensemble, Failure> {
    let dim = Some(model.statistics.grid.dim());
    let raw = karhunen_formats::read(path, &ReadOptions { dim, ..Default::default() })?;
    let grid = model.grid(&raw.points)?;
    let values: Vec<f64> = raw.values.iter().map(|v| f64::from(*v)).collect();
    let phase = |v: &f64| phases.labels.iter().position(|l| f64::from(*l) == *v).map(|p| p as u8);
    let labels: Option<Vec<u8>> =
        if raw.channels == 1 { values.iter().map(phase).collect() } else { None };
    match labels {
        Some(labels) => {
            let fields = labels
                .par_chunks(grid.len())
                .map(|own| level_set::level_sets(&grid, own, phases.labels.len(), phases.width));
            let fields: Result<Vec<Vec<f32>>, _> = fields.collect();
            let values = fields?.into_iter().flatten().map(f64::from).collect();
            Ok(Ensemble::new(grid, phases.channels(), values)?)
        }
        None if raw.channels == phases.channels() => Ok(Ensemble::new(grid, raw.channels, values)?),
        None => {
            let known: Vec<String> = phases.labels.iter().map(u8::to_string).collect();
            let message = format!(
                "{}: neither labels ({}) nor level sets of {} channel(s)",
                path.display(),
                known.join(", "),
                phases.channels()
            );
            Err(Failure::usage(message).help("give samples of this model"))
        }
    }
}

/// Ones where a phase is: a channel a phase, the second phase alone of two.
fn indicators(phases: &Phases, fields: &Ensemble) -> Result<Ensemble, Failure> {
    let (points, own) = (fields.grid.len(), phases.of(fields));
    let channels = phases.channels();
    let mut values = Vec::with_capacity(own.len() * channels);
    for field in own.chunks_exact(points) {
        for channel in 0..channels {
            let phase = if channels == 1 { 1 } else { channel };
            values.extend(field.iter().map(|p| f64::from(u8::from(usize::from(*p) == phase))));
        }
    }
    Ok(Ensemble::new(fields.grid, channels, values)?)
}

/// The statistics of phases; candidates become indicators.
fn seen_as_phases(
    model: &TrainedModel,
    phases: &Phases,
    real: &Ensemble,
    candidates: &mut [(String, Ensemble)],
    seed: u64,
) -> Result<PhaseTable, Failure> {
    let labelled = |fields: &Ensemble| Labelled { grid: fields.grid, phases: phases.of(fields) };
    let names: Vec<String> = phases.labels.iter().map(|l| model.phase_name(*l)).collect();
    let of_all: Vec<(String, Labelled)> =
        candidates.iter().map(|(name, fields)| (name.clone(), labelled(fields))).collect();
    let table = PhaseTable::new(&labelled(real), &of_all, &names, seed)?;
    for (_, fields) in candidates {
        *fields = indicators(phases, fields)?;
    }
    Ok(table)
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

/// A model lives on one box: another boundary condition would compare other functions.
fn same_boundary(args: &EvaluateArgs, model: &TrainedModel) -> Result<(), Failure> {
    let own = model.statistics.grid.boundaries();
    match args.boundary.given() {
        Some(asked) if asked != own => {
            let message = format!("boundary {asked}: the model's box is {own}");
            Err(Failure::usage(message)
                .help("leave --boundary and --periodic out: the model knows its box"))
        }
        _ => Ok(()),
    }
}

/// The grid of the same functions, and how far they are from the samples.
fn consistency(
    args: &EvaluateArgs,
    path: &Path,
    samples: &Ensemble,
    model: Option<&TrainedModel>,
) -> Result<(Grid, f64), Failure> {
    let same = read_samples(args, path, model)?;
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

fn read_samples(
    args: &EvaluateArgs,
    path: &Path,
    model: Option<&TrainedModel>,
) -> Result<Ensemble, Failure> {
    if let Some((model, phases)) = model.and_then(|m| Some((m, m.phases()?))) {
        return level_sets_of(path, model, phases);
    }
    let channels = model.map(|m| m.statistics.mean.channels);
    let dim = model.map(|m| m.statistics.grid.dim()).or(args.shape.dim);
    let channels = channels.filter(|c| *c > 1).or(args.shape.channels);
    let options = ReadOptions { channels, dim, ..Default::default() };
    let raw = karhunen_formats::read(path, &options)?;
    if let Some(channels) = channels.filter(|c| *c != raw.channels) {
        let message = format!(
            "{}: its fields have {} channel(s), the model's {channels}",
            path.display(),
            raw.channels
        );
        return Err(Failure::usage(message).help("give samples of this model"));
    }
    let grid = match model {
        Some(model) => model.grid(&raw.points)?,
        None => Grid::unit(&raw.points, args.boundary.get())?,
    };
    let values = raw.values.iter().map(|v| raw.offset + f64::from(*v)).collect();
    Ok(Ensemble::new(grid, raw.channels, values)?)
}

/// Real fields and samples on the finest grid both have.
fn prepare(
    args: &EvaluateArgs,
    model: Option<&TrainedModel>,
    source: Sources,
    same_source: bool,
    samples: Ensemble,
    notes: &mut Vec<String>,
) -> Result<(Real, Ensemble), Failure> {
    let trained = model.map(|m| m.config.data.clone()).unwrap_or_default();
    if same_source && args.patch.is_some() && trained.patch.is_none() {
        return Err(Failure::usage("--patch changes which fields were held out of training")
            .help("leave it out, or name data the model was not trained on"));
    }
    let patch = match &args.patch {
        Some(points) => Some(points.0.clone()),
        None => trained
            .patch
            .as_deref()
            .and_then(|text| karhunen_train::config::parse_points(text).ok()),
    };
    let mut config = DataConfig {
        source: source.clone(),
        // fields are compared whatever their class
        labels: None,
        validation_labels: None,
        validation_source: trained.validation_source.clone().filter(|_| same_source),
        boundary: samples.grid.boundaries(),
        patch: patch.as_deref().map(plan::join),
        // of built-in data it says which fields were trained on
        count: trained.count.filter(|_| same_source && source.builtin().is_some()),
        dim: args.shape.dim.or(trained.dim),
        channels: args.shape.channels.or(trained.channels),
        channels_last: args.shape.channels_last || trained.channels_last,
        ..trained
    };
    let mut native = Native::of(&config)?;
    if model.is_some_and(|m| m.phases().is_some()) {
        // labels are compared by their level sets
        native.channels = samples.channels;
    }
    comparable(args, &samples, &native)?;
    let patch = patch.filter(|p| p.iter().zip(&native.points).all(|(p, n)| p <= n));
    config.patch = patch.as_deref().map(plan::join);
    let have = patch.unwrap_or_else(|| native.points.clone());
    let shared: Vec<usize> =
        samples.grid.points().iter().zip(&have).map(|(s, r)| *s.min(r)).collect();
    let grid = samples.grid.with_points(&shared)?;
    if grid != samples.grid {
        notes.push(format!(
            "samples at {} are judged by their restriction to {grid}, the reference's grid",
            samples.grid
        ));
    }
    if same_source {
        notes.push(match args.part {
            Part::HeldOut => {
                "the reference is the model's own source: only its held-out part is used".into()
            }
            Part::Training => "the reference is what the model was trained on".to_string(),
        });
    } else if args.part == Part::Training {
        return Err(Failure::usage("--part training: the reference is not the model's own source")
            .help("name the data the model was trained on, and the model with --model"));
    }
    if let Some(phases) = model.and_then(TrainedModel::phases) {
        // the interface is as wide as the model's, whatever the grid
        let first = grid.axes()[0];
        config.interface_width = Some(phases.width * first.points as f64 / first.length);
    }
    let seed = model.map_or(args.seed, |m| m.config.seed);
    let (opened, count) = (native.fields.as_ref(), args.reference_count);
    let real = match same_source {
        true => real::of_model(&config, opened, grid, count, seed, args.part)?,
        false => real::all(&config, opened, grid, count, seed)?,
    };
    if let Some((channel, value)) = constant_channel(&real.reference) {
        let source = args.reference.join(" + ");
        let message =
            format!("{source}: channel {channel} is constant ({value}); nothing to compare");
        return Err(Failure::usage(message).help("give real fields that vary"));
    }
    let samples = if grid == samples.grid { samples } else { resample::spectral(&samples, grid)? };
    Ok((real, samples))
}

/// Samples and reference must be functions of one kind; cell counts may differ.
fn comparable(args: &EvaluateArgs, samples: &Ensemble, native: &Native) -> Result<(), Failure> {
    let (ours, theirs) = (samples.grid.points(), &native.points);
    let refuse = |what: &str, ours: usize, theirs: usize| {
        let message = format!(
            "{}: its fields have {ours} {what}, those of {} have {theirs}",
            args.samples.display(),
            args.reference.join(" + ")
        );
        Err(Failure::usage(message).help("compare samples with fields of the same kind"))
    };
    if ours.len() != theirs.len() {
        return refuse("axes", ours.len(), theirs.len());
    }
    if samples.channels != native.channels {
        return refuse("channel(s)", samples.channels, native.channels);
    }
    let said = |what: &str| Failure::usage(format!("{}: {what}", args.samples.display()));
    if samples.count() < 2 {
        return Err(said("one field; comparisons need at least 2")
            .help("sample more, at least 512 for a quick look"));
    }
    if samples.grid.mode_count() < 2 {
        return Err(said("fields of one cell have no spectrum to compare")
            .help("sample on a grid of more cells"));
    }
    Ok(())
}

fn same(a: &Sources, b: &Sources) -> bool {
    let full = |name: &String| {
        let Address { path, part } = Address::of(name);
        (path.canonicalize().unwrap_or(path), part)
    };
    a == b || a.names().iter().map(full).eq(b.names().iter().map(full))
}

/// N(mean, spectrum): the model's, or measured from the real fields where there is no model.
fn surrogate(
    model: Option<&TrainedModel>,
    real: &Ensemble,
    grid: Grid,
    seed: u64,
    count: usize,
) -> Result<Ensemble, Failure> {
    let seed = seed ^ SURROGATE;
    if let Some(model) = model {
        return Ok(model.surrogate(grid, seed, 0..count as u64));
    }
    let mut moments = Moments::new(real.grid, real.channels);
    for field in real.fields() {
        moments.add(field)?;
    }
    let (mean, variances) = moments.finish()?;
    let mut covariances: Vec<std::sync::Arc<dyn Prior>> = Vec::new();
    for variance in variances {
        covariances.push(std::sync::Arc::new(Measured::new(real.grid, variance)?));
    }
    Ok(GaussianLaw::new(mean, covariances)?.sample(grid, seed, 0..count as u64, stream::START))
}

/// The row of real fields the model was trained on: what a perfect model of them would score.
pub const TRAINING: &str = "training fields";

/// Keeps the surrogate's draws apart from those the samples may have started from.
pub const SURROGATE: u64 = 0x5355_5252;

/// Samples of the finest trained grid, refined by spectral zero-padding.
pub fn zero_padded(
    model: &TrainedModel,
    grid: Grid,
    seed: u64,
    count: u64,
) -> Result<Ensemble, Failure> {
    let request = model.request(model.statistics.grid, seed);
    let (coarse, _) = sample(model, &request, 0..count)?;
    Ok(resample::spectral(&coarse, grid)?)
}
