//! Real fields and samples brought to one grid, so that they can be compared.

use std::path::Path;

use karhunen_field::{Ensemble, Grid, resample};
use karhunen_formats::{FormatError, ReadOptions};
use karhunen_train::TrainedModel;
use karhunen_train::config::{DataConfig, RunConfig};
use karhunen_train::sources::Sources;

use crate::args::{Part, ReferenceArgs};
use crate::failure::Failure;
use crate::report::kin;
use crate::report::phase_fields::level_sets_of;
use crate::report::plan::{self, Native};
use crate::report::real::{self, Real};
use crate::report::table::constant_channel;

/// A model lives on one box: another boundary condition would compare other functions.
///
/// # Errors
/// Another boundary than the model's.
pub fn same_boundary(args: &ReferenceArgs, model: &TrainedModel) -> Result<(), Failure> {
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

/// Samples of a file, on the model's box where there is a model.
///
/// # Errors
/// Those of reading; samples of another number of channels or axes than the model's.
pub fn read_samples(
    args: &ReferenceArgs,
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
    let raw = karhunen_formats::read(path, &options).map_err(|e| match e {
        e @ FormatError::Missing { .. } => {
            Failure::from(e).help("give whole samples; only real fields may have missing values")
        }
        e => e.into(),
    })?;
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

/// What is compared.
#[derive(Debug)]
pub struct Prepared {
    /// The real fields.
    pub real: Real,
    /// The samples on the same grid.
    pub samples: Ensemble,
    /// Where the reference is the model's own source: where that lies now.
    pub own: Option<Sources>,
}

/// Real fields and samples on the finest grid both have. The reference is prepared as the first model's
/// data were, and of data that this model knows only the part asked for is used.
///
/// # Errors
/// Those of reading; fields of another kind than the samples; a part or patches that do not fit the model.
pub fn prepare(
    args: &ReferenceArgs,
    models: &[&TrainedModel],
    source: Sources,
    (name, samples): (&Path, Ensemble),
    notes: &mut Vec<String>,
) -> Result<Prepared, Failure> {
    if args.reference_count < 2 {
        let message = format!("--reference-count {}: at least 2", args.reference_count);
        return Err(
            Failure::usage(message).help("comparisons and their floors need many, say 1000")
        );
    }
    let model = models.first().copied();
    let trained = match model {
        Some(model) => model.config.with(&args.settings.list)?.data,
        None => RunConfig::load(None, &args.settings.list)?.data,
    };
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
        validation_source: None,
        boundary: samples.grid.boundaries(),
        patch: patch.as_deref().map(plan::join),
        dim: args.shape.dim.or(trained.dim),
        channels: args.shape.channels.or(trained.channels),
        missing: args.shape.missing.or(trained.missing),
        channels_last: args.shape.channels_last || trained.channels_last,
        ..trained.clone()
    };
    let mut native = Native::of(&config)?;
    if model.is_some_and(|m| m.phases().is_some()) {
        // labels are compared by their level sets
        native.channels = samples.channels;
    }
    let kinship = kin::of(model, &source, native.fields.as_ref())?;
    let same_source = kinship.is_own();
    if same_source && args.patch.is_some() && trained.patch.is_none() {
        return Err(Failure::usage("--patch changes which fields were held out of training")
            .help("leave it out, or name data the model was not trained on"));
    }
    config.validation_source = trained.validation_source.filter(|_| same_source);
    // of built-in data it says which fields were trained on
    config.count = trained.count.filter(|_| same_source && source.builtin().is_some());
    comparable(args, name, &samples, &native)?;
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
    notes.extend(kinship.note(args.part));
    for other in models.iter().skip(1) {
        let others = kin::of(Some(*other), &source, native.fields.as_ref())?;
        notes.extend(kinship.apart(&others).filter(|note| !notes.contains(note)));
    }
    if args.part == Part::Training && !kinship.is_met() {
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
    let mut real = match kinship.is_met() {
        true => real::of_model(&config, opened, kinship.known(), grid, count, seed, args.part)?,
        false => real::all(&config, opened, grid, count, seed)?,
    };
    if let Some((channel, value)) = constant_channel(&real.reference) {
        let source = args.reference.join(" + ");
        let message =
            format!("{source}: channel {channel} is constant ({value}); nothing to compare");
        return Err(Failure::usage(message).help("give real fields that vary"));
    }
    let mut samples =
        if grid == samples.grid { samples } else { resample::spectral(&samples, grid)? };
    if !real.holes.is_empty() {
        let what = "values are missing: samples and reference are both seen through its holes, which are filled in from around";
        notes.push(what.into());
        real.see_through_holes(&mut samples);
    }
    let own = same_source.then_some(source);
    Ok(Prepared { real, samples, own })
}

/// Samples and reference must be functions of one kind; cell counts may differ.
fn comparable(
    args: &ReferenceArgs,
    name: &Path,
    samples: &Ensemble,
    native: &Native,
) -> Result<(), Failure> {
    let (ours, theirs) = (samples.grid.points(), &native.points);
    let refuse = |what: &str, ours: usize, theirs: usize| {
        let message = format!(
            "{}: its fields have {ours} {what}, those of {} have {theirs}",
            name.display(),
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
    let said = |what: &str| Failure::usage(format!("{}: {what}", name.display()));
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
