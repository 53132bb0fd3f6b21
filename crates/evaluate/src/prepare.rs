//! Brings real fields and samples to one grid for a comparison.

use std::path::Path;

use karhunen_field::{Boundary, Ensemble, Grid, resample};
use karhunen_formats::ReadOptions;
use karhunen_train::config::{DataConfig, RunConfig};
use karhunen_train::plan::join;
use karhunen_train::{Sources, TrainedModel};

use crate::native::Native;
use crate::options::{Part, ReferenceOptions};
use crate::phase_fields::Segmentation;
use crate::real::{self, Real};
use crate::table::constant_channel;
use crate::{EvaluateError, kin};

/// Refuses a boundary condition other than the model's, under which the fields would be other
/// functions.
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

/// The phases of the fields: those of a model of phases or, without a model, those of `data.phases`
/// in the settings.
///
/// # Errors
/// Errors of the settings; as [`Segmentation::of_data`].
pub fn segmentation(
    options: &ReferenceOptions,
    model: Option<&TrainedModel>,
) -> Result<Option<Segmentation>, EvaluateError> {
    match model {
        Some(model) => Ok(Segmentation::of_model(model)),
        None => {
            let data = RunConfig::load(None, &options.settings)?.data;
            Segmentation::of_data(&DataConfig { source: options.source.clone(), ..data })
        }
    }
}

/// Reads samples of a file, on the model's box if there is a model. Labels are converted to level
/// sets.
///
/// # Errors
/// Errors while reading; samples with another number of channels or axes than the model; as
/// [`segmentation`].
pub fn read_samples(
    options: &ReferenceOptions,
    path: &Path,
    model: Option<&TrainedModel>,
) -> Result<Ensemble, EvaluateError> {
    let on = |points: &[usize]| match model {
        Some(model) => Ok(model.grid(points)?),
        None => {
            let boundary = options.boundary.clone().unwrap_or(Boundary::Neumann.into());
            Ok::<Grid, EvaluateError>(Grid::unit(points, boundary)?)
        }
    };
    if let Some(phases) = segmentation(options, model)? {
        let dim = model.map(|m| m.statistics.grid.dim()).or(options.dim);
        return phases.read(path, dim, on);
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
    let grid = on(&raw.points)?;
    let values = raw.values.iter().map(|v| raw.offset + f64::from(*v)).collect();
    Ok(Ensemble::new(grid, raw.channels, values)?)
}

/// Prepared real fields and samples.
#[derive(Debug)]
pub struct Prepared {
    /// The real fields.
    pub real: Real,
    /// The samples on the same grid.
    pub samples: Ensemble,
    /// The present place of the model's data, if the reference is these data.
    pub own: Option<Sources>,
    /// The phases, if the fields are level sets.
    pub phases: Option<Segmentation>,
}

/// Brings real fields and samples to the finest grid that both have. The reference is prepared like
/// the first model's data. If this model knows some of the reference, only the requested part is
/// used.
///
/// # Errors
/// Errors of [`reference_for`]; fewer than two samples.
pub fn prepare(
    options: &ReferenceOptions,
    models: &[&TrainedModel],
    (name, samples): (&str, Ensemble),
    notes: &mut Vec<String>,
) -> Result<Prepared, EvaluateError> {
    if options.count < 2 {
        return Err(EvaluateError::ReferenceCount(options.count));
    }
    let (grid, channels, count) = (samples.grid, samples.channels, Some(samples.count()));
    let like = Like { name, grid, channels, count };
    let told = notes.len();
    let Found { mut real, own, phases } = reference_for(options, models, like, notes)?;
    let grid = real.reference.grid;
    let mut samples = match grid == samples.grid {
        true => samples,
        false => {
            let text = "are judged by their restriction to";
            let note = format!("samples at {} {text} {grid}, the reference's grid", samples.grid);
            notes.insert(told, note);
            resample::spectral(&samples, grid)?
        }
    };
    if !real.holes.is_empty() {
        let what = "values are missing: samples and reference are both seen through its holes, which are filled in from around";
        notes.push(what.into());
        real.see_through_holes(&mut samples);
    }
    Ok(Prepared { real, samples, own, phases })
}

/// The fields to which real fields are to be matched.
#[derive(Debug, Clone, Copy)]
pub struct Like<'a> {
    /// Their name in messages.
    pub name: &'a str,
    /// Their grid.
    pub grid: Grid,
    /// Number of their channels.
    pub channels: usize,
    /// Number of the fields, if they will be compared with the real ones: at least two.
    pub count: Option<usize>,
}

/// Real fields with what is known about them.
#[derive(Debug)]
pub struct Found {
    /// The fields.
    pub real: Real,
    /// The present place of the model's data, if the fields are these data.
    pub own: Option<Sources>,
    /// The phases, if the fields are level sets.
    pub phases: Option<Segmentation>,
}

/// Real fields on the grid of `like`, or on their own grid if that is coarser. They are prepared
/// like the first model's data. If this model knows some of the data, only the requested part is
/// used.
///
/// # Errors
/// Errors while reading; fields of another kind than `like`; a part or a patch that does not fit
/// the model.
pub fn reference_for(
    options: &ReferenceOptions,
    models: &[&TrainedModel],
    like: Like<'_>,
    notes: &mut Vec<String>,
) -> Result<Found, EvaluateError> {
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
        // classes play no part in the comparison
        labels: None,
        validation_labels: None,
        validation_source: None,
        boundary: like.grid.boundaries(),
        patch: patch.as_deref().map(join),
        dim: options.dim.or(trained.dim),
        channels: options.channels.or(trained.channels),
        missing: options.missing.or(trained.missing),
        channels_last: options.channels_last || trained.channels_last,
        ..trained.clone()
    };
    let mut native = Native::of(&config)?;
    let phases = segmentation(options, model)?;
    if phases.is_some() {
        // labels are compared through their level sets
        native.channels = like.channels;
    }
    let kinship = kin::of(model, source, native.fields.as_ref())?;
    let same_source = kinship.is_own();
    if same_source && options.patch.is_some() && trained.patch.is_none() {
        return Err(EvaluateError::Patch);
    }
    config.validation_source = trained.validation_source.filter(|_| same_source);
    // for built-in data the count tells which fields were trained on
    config.count = trained.count.filter(|_| same_source && source.builtin().is_some());
    let kind = (like.grid.dim(), like.channels);
    of_one_kind(like.name, kind, &source.to_string(), (native.points.len(), native.channels))?;
    like.count.map_or(Ok(()), |count| several(like.name, count, &like.grid))?;
    let patch = patch.filter(|p| p.iter().zip(&native.points).all(|(p, n)| p <= n));
    config.patch = patch.as_deref().map(join);
    let have = patch.unwrap_or_else(|| native.points.clone());
    let own_points = like.grid.points();
    let shared: Vec<usize> = own_points.iter().zip(&have).map(|(s, r)| *s.min(r)).collect();
    let grid = like.grid.with_points(&shared)?;
    notes.extend(kinship.note(options.part));
    for other in models.iter().skip(1) {
        let others = kin::of(Some(*other), source, native.fields.as_ref())?;
        notes.extend(kinship.apart(&others).filter(|note| !notes.contains(note)));
    }
    if options.part == Part::Training && !kinship.is_met() {
        return Err(EvaluateError::Part);
    }
    if let Some(phases) = &phases {
        // the interface has the width of that of the samples, whatever the grid
        let first = grid.axes()[0];
        let width = phases.width_on(&like.grid);
        config.interface_width = Some(width * first.points as f64 / first.length);
    }
    let seed = model.map_or(options.seed, |m| m.config.seed);
    let (opened, count) = (native.fields.as_ref(), options.count);
    let real = match kinship.is_met() {
        true => real::of_model(&config, opened, kinship.known(), grid, count, seed, options.part)?,
        false => real::all(&config, opened, grid, count, seed)?,
    };
    if let Some((channel, value)) = constant_channel(&real.reference) {
        return Err(EvaluateError::Constant { name: source.to_string(), channel, value });
    }
    let own = same_source.then(|| source.clone());
    Ok(Found { real, own, phases })
}

/// Samples and real fields must have the same number of axes and channels; cell counts may differ.
pub(crate) fn alike(
    name: &str,
    samples: &Ensemble,
    reference: &str,
    kind: (usize, usize),
) -> Result<(), EvaluateError> {
    of_one_kind(name, (samples.grid.dim(), samples.channels), reference, kind)?;
    several(name, samples.count(), &samples.grid)
}

/// Checks that two sets of fields have the same number of axes and channels.
fn of_one_kind(
    name: &str,
    ours: (usize, usize),
    reference: &str,
    theirs: (usize, usize),
) -> Result<(), EvaluateError> {
    let kinds = [("axes", ours.0, theirs.0), ("channel(s)", ours.1, theirs.1)];
    if let Some((what, ours, theirs)) = kinds.into_iter().find(|(_, ours, theirs)| ours != theirs) {
        let (name, reference) = (name.to_string(), reference.to_string());
        return Err(EvaluateError::Kind { name, what, ours, reference, theirs });
    }
    Ok(())
}

/// Checks that there are at least two samples of more than one cell.
fn several(name: &str, count: usize, grid: &Grid) -> Result<(), EvaluateError> {
    if count < 2 {
        return Err(EvaluateError::OneField(name.into()));
    }
    if grid.mode_count() < 2 {
        return Err(EvaluateError::OneCell(name.into()));
    }
    Ok(())
}
