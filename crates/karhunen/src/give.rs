//! Exports models and imports published networks.
//!
//! An export writes a folder with a model card from a run; the run holds more, all that training
//! needs. An import makes a model from the state dict of a published network.

use std::path::{Path, PathBuf};

use karhunen_evaluate::card::{Card, Evaluated};
use karhunen_evaluate::{EvaluateError, Progress};
use karhunen_formats::NamedArray;
use karhunen_train::lock::Lock;
use karhunen_train::published::{self, Units};
use karhunen_train::{Exported, RunConfig, Sources, builtin_models};

use crate::Error;

/// The options of an export.
///
/// # Example
/// ```
/// use karhunen::give::ExportOptions;
/// let options = ExportOptions { licence: Some("CC-BY-4.0".into()), ..ExportOptions::default() };
/// assert!(!options.replace && options.metrics.is_empty());
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ExportOptions {
    /// Length of the average of the weights, relative to the steps of the run; by default that of
    /// the model.
    pub average: Option<f64>,
    /// Name of the model in its card; by default the name of the folder.
    pub name: Option<String>,
    /// Licence of the model; without one the card says "not stated".
    pub licence: Option<String>,
    /// Results of `evaluate` for the card, as JSON files.
    pub metrics: Vec<PathBuf>,
    /// Whether an existing exported model is replaced.
    pub replace: bool,
}

/// An export that is refused before anything is written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The model is exported already.
    #[error("{path}: is an exported model already", path = .0.display())]
    Exported(PathBuf),
    /// The path lies below a file.
    #[error("{path}: {file} is a file", path = path.display(), file = file.display())]
    BelowFile {
        /// The requested path.
        path: PathBuf,
        /// The file on the way.
        file: PathBuf,
    },
    /// The path is a file.
    #[error("{path}: is a file", path = .0.display())]
    File(PathBuf),
    /// The folder exists and may not be changed.
    #[error("{path}: exists already", path = .0.display())]
    Exists(PathBuf),
    /// The folder holds something other than an exported model.
    #[error("{path}: holds no exported model, so nothing in it is replaced", path = .0.display())]
    NoModel(PathBuf),
}

/// Reads a run's newest checkpoint, or a given one. Writes what a sampler needs of it, with a model
/// card.
///
/// # Errors
/// [`Error::Export`] for a place that may not be written to; errors while reading and writing.
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

/// The card of a model. That of an exported or built-in model is returned unchanged; that of a run
/// is what an export would write.
///
/// # Errors
/// Errors while reading.
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

/// Checks the output folder before anything is read.
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

/// A published network: its arrays, and the settings that the arrays do not contain.
#[derive(Debug, Clone)]
pub struct Published<'a> {
    /// Name of the file of arrays in messages.
    pub source: &'a str,
    /// The arrays of its state dict.
    pub arrays: &'a [NamedArray],
    /// Prefix of the arrays' names; found automatically if the file holds one network.
    pub prefix: Option<&'a str>,
    /// Levels (the grid of its training), boundary, prior and path.
    pub config: &'a RunConfig,
    /// The values of the data that correspond to the network's 0 and 1.
    pub units: Units,
    /// The training data, for their Gaussian law; without them that of the noise is used.
    pub data: Option<&'a Sources>,
}

/// Writes the model of a published network into a folder. Returns its grid, and notes for the user.
///
/// # Errors
/// [`Error::Refused`] as in [`published::import`]; [`Error::Train`] for a folder that holds a run
/// or cannot be written.
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
