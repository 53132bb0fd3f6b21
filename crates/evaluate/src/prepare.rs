//! Real fields and samples brought to one grid, so that they can be compared.

use std::path::Path;

use karhunen_field::{Boundary, Ensemble, Grid, resample};
use karhunen_formats::ReadOptions;
use karhunen_train::TrainedModel;
use karhunen_train::config::{DataConfig, RunConfig};
use karhunen_train::plan::join;

use crate::native::Native;
use crate::options::{Part, ReferenceOptions};
use crate::phase_fields::level_sets_of;
use crate::real::{self, Real};
use crate::table::constant_channel;
use crate::{EvaluateError, kin};

/// A model lives on one box: another boundary condition would compare other functions.
///
/// # Errors
/// Another boundary than the model's.
pub fn same_boundary(
    options: &ReferenceOptions,
    model: &TrainedModel,
) -> Result<(), EvaluateError> {
    let own = model.statistics.grid.boundaries();
    match &options.boundary {
        Some(asked) if *asked != own => Err(EvaluateError::Boundary { asked: asked.clone(), own }),
        _ => Ok(()),
    }
}

/// Samples of a file, on the model's box where there is a model.
///
/// # Errors
/// Those of reading; samples of another number of channels or axes than the model's.
pub fn read_samples(
    options: &ReferenceOptions,
    path: &Path,
    model: Option<&TrainedModel>,
) -> Result<Ensemble, EvaluateError> {
    if let Some((model, phases)) = model.and_then(|m| Some((m, m.phases()?))) {
        return level_sets_of(path, model, phases);
    }
    let channels = model.map(|m| m.statistics.mean.channels);
    let dim = model.map(|m| m.statistics.grid.dim()).or(options.dim);
    let channels = channels.filter(|c| *c > 1).or(options.channels);
    let read = ReadOptions { channels, dim, ..Default::default() };
    let raw = karhunen_formats::read(path, &read).map_err(EvaluateError::Samples)?;
    if let Some(model) = channels.filter(|c| *c != raw.channels) {
        let name = path.display().to_string();
        return Err(EvaluateError::SampleChannels { name, channels: raw.channels, model });
    }
    let grid = match model {
        Some(model) => model.grid(&raw.points)?,
        None => {
            let boundary = options.boundary.clone().unwrap_or(Boundary::Neumann.into());
            Grid::unit(&raw.points, boundary)?
        }
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
    pub own: Option<karhunen_train::Sources>,
}

/// Real fields and samples on the finest grid both have. The reference is prepared as the first model's
/// data were, and of data that this model knows only the part asked for is used.
///
/// # Errors
/// Those of reading; fields of another kind than the samples; a part or patches that do not fit the model.
pub fn prepare(
    options: &ReferenceOptions,
    models: &[&TrainedModel],
    (name, samples): (&str, Ensemble),
    notes: &mut Vec<String>,
) -> Result<Prepared, EvaluateError> {
    if options.count < 2 {
        return Err(EvaluateError::ReferenceCount(options.count));
    }
    let source = &options.source;
    let model = models.first().copied();
    let trained = match model {
        Some(model) => model.config.with(&options.settings)?.data,
        None => RunConfig::load(None, &options.settings)?.data,
    };
    let patch = match &options.patch {
        Some(points) => Some(points.clone()),
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
        patch: patch.as_deref().map(join),
        dim: options.dim.or(trained.dim),
        channels: options.channels.or(trained.channels),
        missing: options.missing.or(trained.missing),
        channels_last: options.channels_last || trained.channels_last,
        ..trained.clone()
    };
    let mut native = Native::of(&config)?;
    if model.is_some_and(|m| m.phases().is_some()) {
        // labels are compared by their level sets
        native.channels = samples.channels;
    }
    let kinship = kin::of(model, source, native.fields.as_ref())?;
    let same_source = kinship.is_own();
    if same_source && options.patch.is_some() && trained.patch.is_none() {
        return Err(EvaluateError::Patch);
    }
    config.validation_source = trained.validation_source.filter(|_| same_source);
    // of built-in data it says which fields were trained on
    config.count = trained.count.filter(|_| same_source && source.builtin().is_some());
    alike(name, &samples, &source.to_string(), (&native.points, native.channels))?;
    let patch = patch.filter(|p| p.iter().zip(&native.points).all(|(p, n)| p <= n));
    config.patch = patch.as_deref().map(join);
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
    notes.extend(kinship.note(options.part));
    for other in models.iter().skip(1) {
        let others = kin::of(Some(*other), source, native.fields.as_ref())?;
        notes.extend(kinship.apart(&others).filter(|note| !notes.contains(note)));
    }
    if options.part == Part::Training && !kinship.is_met() {
        return Err(EvaluateError::Part);
    }
    if let Some(phases) = model.and_then(TrainedModel::phases) {
        // the interface is as wide as the model's, whatever the grid
        let first = grid.axes()[0];
        config.interface_width = Some(phases.width * first.points as f64 / first.length);
    }
    let seed = model.map_or(options.seed, |m| m.config.seed);
    let (opened, count) = (native.fields.as_ref(), options.count);
    let mut real = match kinship.is_met() {
        true => real::of_model(&config, opened, kinship.known(), grid, count, seed, options.part)?,
        false => real::all(&config, opened, grid, count, seed)?,
    };
    if let Some((channel, value)) = constant_channel(&real.reference) {
        return Err(EvaluateError::Constant { name: source.to_string(), channel, value });
    }
    let mut samples =
        if grid == samples.grid { samples } else { resample::spectral(&samples, grid)? };
    if !real.holes.is_empty() {
        let what = "values are missing: samples and reference are both seen through its holes, which are filled in from around";
        notes.push(what.into());
        real.see_through_holes(&mut samples);
    }
    let own = same_source.then(|| source.clone());
    Ok(Prepared { real, samples, own })
}

/// Samples and real fields, of so many cells and channels, must be functions of one kind; cell counts may
/// differ.
pub(crate) fn alike(
    name: &str,
    samples: &Ensemble,
    reference: &str,
    (points, channels): (&[usize], usize),
) -> Result<(), EvaluateError> {
    let kinds =
        [("axes", samples.grid.dim(), points.len()), ("channel(s)", samples.channels, channels)];
    if let Some((what, ours, theirs)) = kinds.into_iter().find(|(_, ours, theirs)| ours != theirs) {
        let (name, reference) = (name.to_string(), reference.to_string());
        return Err(EvaluateError::Kind { name, what, ours, reference, theirs });
    }
    if samples.count() < 2 {
        return Err(EvaluateError::OneField(name.into()));
    }
    if samples.grid.mode_count() < 2 {
        return Err(EvaluateError::OneCell(name.into()));
    }
    Ok(())
}
