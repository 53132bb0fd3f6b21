//! Models to give away: from a run, which holds all that training needs, to a folder with a card; and from a
//! published network's state dict to a model.

use std::path::{Path, PathBuf};

use karhunen_evaluate::card::{Card, Evaluated};
use karhunen_evaluate::{EvaluateError, Progress};
use karhunen_formats::NamedArray;
use karhunen_train::lock::Lock;
use karhunen_train::published::{self, Units};
use karhunen_train::{Exported, RunConfig, Sources, builtin_models};

use crate::Error;

/// What an export is asked for.
///
/// # Example
/// ```
/// use karhunen::give::ExportOptions;
/// let options = ExportOptions { licence: Some("CC-BY-4.0".into()), ..ExportOptions::default() };
/// assert!(!options.replace && options.metrics.is_empty());
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ExportOptions {
    /// Length of the average of the weights, relative to the run's steps; the model's own by default.
    pub average: Option<f64>,
    /// Name of the model in its card; that of the folder by default.
    pub name: Option<String>,
    /// Licence of the model; the card says "not stated" without.
    pub licence: Option<String>,
    /// What `evaluate` found, as JSON files, for the card.
    pub metrics: Vec<PathBuf>,
    /// Whether an exported model that is there is replaced.
    pub replace: bool,
}

/// An export that is refused before anything is written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// Nothing is left to do.
    #[error("{path}: is an exported model already", path = .0.display())]
    Exported(PathBuf),
    /// A folder below a file.
    #[error("{path}: {file} is a file", path = path.display(), file = file.display())]
    BelowFile {
        /// As it was asked for.
        path: PathBuf,
        /// What is in the way.
        file: PathBuf,
    },
    /// A file where a folder is to be.
    #[error("{path}: is a file", path = .0.display())]
    File(PathBuf),
    /// A folder that may not be changed.
    #[error("{path}: exists already", path = .0.display())]
    Exists(PathBuf),
    /// A folder that holds something else.
    #[error("{path}: holds no exported model, so nothing in it is replaced", path = .0.display())]
    NoModel(PathBuf),
}

/// Reads a run's newest checkpoint, or one checkpoint, and writes what a sampler needs of it with a model card.
///
/// # Errors
/// [`Error::Export`] for a place that may not be written to; those of reading and writing.
pub fn export(
    model: impl AsRef<Path>,
    out: impl AsRef<Path>,
    options: &ExportOptions,
    progress: &dyn Progress,
) -> Result<Exported, Error> {
    let (path, out) = (model.as_ref(), out.as_ref());
    check_place(out, options.replace)?;
    let _claim = Lock::output(out)?;
    if Exported::is_at(path) {
        return Err(ExportError::Exported(path.into()).into());
    }
    let (model, notes) = Exported::open(path, options.average)?;
    notes.iter().for_each(|note| progress.warning(&format!("skipped: {note}")));
    let own = out.file_name().map_or("model".into(), |n| n.to_string_lossy().into_owned());
    let card = made(&model, options.name.as_deref().unwrap_or(&own), options)?;
    model.save(out, &card, options.replace)?;
    Ok(model)
}

/// The card of a model: that of an exported or built-in one as it is, that of a run as an export would write it.
///
/// # Errors
/// Those of reading.
pub fn card(model: impl AsRef<Path>, options: &ExportOptions) -> Result<String, Error> {
    let path = model.as_ref();
    if let Some(builtin) = builtin_models::find(path)? {
        return Ok(builtin.card.into());
    }
    let written = path.join("README.md");
    if Exported::is_at(path) && written.exists() {
        let read = std::fs::read_to_string(&written);
        return read.map_err(|source| Error::Read { path: written, source });
    }
    let (model, _) = Exported::open(path, options.average)?;
    let own = path.file_name().map_or("model".into(), |n| n.to_string_lossy().into_owned());
    made(&model, options.name.as_deref().unwrap_or(&own), options)
}

fn made(model: &Exported, name: &str, options: &ExportOptions) -> Result<String, Error> {
    let evaluations: Result<Vec<Evaluated>, EvaluateError> =
        options.metrics.iter().map(|path| Evaluated::read(path)).collect();
    let evaluations = &evaluations?;
    let card = Card { name, model, licence: options.licence.as_deref(), evaluations };
    Ok(card.to_markdown()?)
}

/// Refuses what must not be replaced, before anything is read.
fn check_place(out: &Path, replace: bool) -> Result<(), ExportError> {
    if !out.exists() {
        let above = out.ancestors().skip(1).find(|folder| folder.exists());
        return match above {
            Some(there) if !there.is_dir() => {
                Err(ExportError::BelowFile { path: out.into(), file: there.into() })
            }
            _ => Ok(()),
        };
    }
    if !out.is_dir() {
        return Err(ExportError::File(out.into()));
    }
    if !replace {
        return Err(ExportError::Exists(out.into()));
    }
    let empty = std::fs::read_dir(out).is_ok_and(|mut entries| entries.next().is_none());
    if !empty && !Exported::is_at(out) {
        return Err(ExportError::NoModel(out.into()));
    }
    Ok(())
}

/// A published network as it comes: its arrays, and what they do not tell.
#[derive(Debug, Clone)]
pub struct Published<'a> {
    /// Name of the arrays' file in messages.
    pub source: &'a str,
    /// The arrays of its state dict.
    pub arrays: &'a [NamedArray],
    /// What stands before their names; found by itself where there is one network.
    pub prefix: Option<&'a str>,
    /// Levels (the grid that it was trained on), boundary, prior and path.
    pub config: &'a RunConfig,
    /// What the network's 0 and 1 are in the data.
    pub units: Units,
    /// The data that it was trained on, for their law; the noise's otherwise.
    pub data: Option<&'a Sources>,
}

/// Writes the model of a published network into a folder, and gives its grid and what its user should know.
///
/// # Errors
/// [`Error::Refused`] as [`published::import`] has it; [`Error::Train`] for a folder that holds a run, or cannot be
/// written.
pub fn import(
    network: &Published<'_>,
    out: impl AsRef<Path>,
) -> Result<(karhunen_field::Grid, Vec<String>), Error> {
    let Published { source, arrays, prefix, config, units, data } = network;
    let (checkpoint, notes) =
        published::import(source, arrays, *prefix, config, units, *data).map_err(Error::Refused)?;
    let out = out.as_ref();
    let _lock = Lock::directory(out)?;
    published::save(&checkpoint, out)?;
    Ok((checkpoint.statistics.grid, notes))
}
