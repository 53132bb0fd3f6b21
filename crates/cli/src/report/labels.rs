//! Where `karhunen sample` writes the classes of its fields.

use std::path::{Path, PathBuf};

use karhunen::output::make_folder;
use karhunen::{Error, Model, SampleError};
use tracing::info;

use crate::args::SampleArgs;
use crate::failure::Failure;

/// Refuses a file that labels cannot be written to, before any work is done, and labels of a model that has
/// none.
pub fn check(args: &SampleArgs, model: &Model, labelled: bool) -> Result<(), Failure> {
    if args.surrogate {
        return Ok(());
    }
    if labelled {
        return check_place(&labels_of(args), args.force);
    }
    let others = !args.class.is_empty() || args.guidance != 1.0;
    match args.labels.is_some() && !others {
        true => {
            let error = SampleError::NoClasses { option: "labels", model: model.name() };
            Err(Error::from(error).into())
        }
        false => Ok(()),
    }
}

/// Refuses a file that labels cannot be written to.
pub fn check_place(labels: &Path, force: bool) -> Result<(), Failure> {
    let refuse = |what: &str, help: &str| {
        Err(Failure::usage(format!("{}: {what}", labels.display())).help(help))
    };
    if labels.extension().is_none_or(|ending| !ending.eq_ignore_ascii_case("npy")) {
        return refuse("labels are written as NPY", "end the name in .npy");
    }
    if labels.exists() && !force {
        let help = "choose another name with --labels, or --force to replace it";
        return refuse("exists already", help);
    }
    Ok(())
}

/// Writes the classes of fields, if they have any.
pub fn write(labels: &[u32], args: &SampleArgs) -> Result<(), Failure> {
    write_to(&labels_of(args), labels, args.force)
}

/// The same into a file.
pub fn write_to(path: &Path, labels: &[u32], force: bool) -> Result<(), Failure> {
    if labels.is_empty() {
        return Ok(());
    }
    make_folder(path)?;
    karhunen::formats::write_labels(path, labels, force)?;
    info!("{}: their classes", path.display());
    Ok(())
}

/// Where labels are written: `samples-labels.npy` beside `samples.vti`.
fn labels_of(args: &SampleArgs) -> PathBuf {
    args.labels.clone().unwrap_or_else(|| beside(&args.out))
}

/// Where labels lie by default.
pub fn beside(fields: &Path) -> PathBuf {
    let stem = fields.file_stem().unwrap_or_default().to_string_lossy();
    fields.with_file_name(format!("{stem}-labels.npy"))
}
