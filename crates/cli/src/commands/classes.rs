//! What `karhunen sample` does about classes: what was asked for, whether it can be, where labels go.

use std::path::{Path, PathBuf};

use karhunen_train::config::CalibrationKind;
use karhunen_train::labels::described;
use karhunen_train::{Classes, TrainedModel};
use tracing::info;

use crate::args::SampleArgs;
use crate::failure::Failure;
use crate::help;

/// The classes asked for, which the model must have seen.
pub fn chosen(args: &SampleArgs, model: &TrainedModel) -> Result<Classes, Failure> {
    let (seen, guidance) = (&model.statistics.classes, args.guidance);
    let refuse = |what: String, help: &str| Err(Failure::usage(what).help(help));
    if !(guidance.is_finite() && guidance >= 0.0) {
        return refuse(
            format!("--guidance {guidance}: it must be finite and not negative"),
            "1 is the class's own law, 0 that of all classes, 1.5 to 3 show the class more clearly",
        );
    }
    if args.surrogate {
        // a Gaussian field is of no class
        return Ok(Classes::Drawn);
    }
    if seen.is_empty() {
        let asked = [
            (!args.class.is_empty()).then_some("--class"),
            (guidance != 1.0).then_some("--guidance"),
            args.labels.is_some().then_some("--labels"),
        ];
        return match asked.into_iter().flatten().next() {
            Some(option) => refuse(
                format!("{option}: {} was trained without labels", args.model.display()),
                "train it with data.labels, or leave the option out",
            ),
            None => Ok(Classes::Drawn),
        };
    }
    if guidance != 1.0 && model.config.training.label_dropout == 0.0 {
        return refuse(
            format!(
                "--guidance {guidance}: trained with training.label_dropout = 0, the model has no answer without a class"
            ),
            "leave --guidance out, or train with training.label_dropout = 0.1",
        );
    }
    let unseen = |class: &&u32| seen.get(**class as usize).is_none_or(|count| *count == 0);
    if let Some(class) = args.class.iter().find(unseen) {
        return Err(Failure::usage(format!("--class {class}: the model saw no field of it"))
            .help(format!("it knows the classes (and training fields) {}", described(seen))));
    }
    check_place(&labels_of(args), args.force)?;
    Ok(match args.class.is_empty() {
        true => Classes::Drawn,
        false => Classes::Turns(args.class.clone()),
    })
}

/// Refuses a file that labels cannot be written to, before any work is done.
fn check_place(labels: &Path, force: bool) -> Result<(), Failure> {
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

/// Whether samples can be calibrated: what is known of the data is known of all classes together.
pub fn calibrates(args: &SampleArgs) -> Result<bool, Failure> {
    if args.class.is_empty() && args.guidance == 1.0 {
        return Ok(true);
    }
    if args.calibration == Some(CalibrationKind::Spectrum) {
        let what = "--calibration spectrum: mean and spectrum are those of all classes together";
        return Err(Failure::usage(what)
            .help("leave it out with --class, and with --guidance other than 1"));
    }
    info!("not calibrated: the data's mean and spectrum are those of all classes together");
    Ok(false)
}

/// Writes the classes of fields, if they have any.
pub fn write(classes: &[Option<u32>], args: &SampleArgs) -> Result<(), Failure> {
    let labels: Vec<u32> = classes.iter().flatten().copied().collect();
    if labels.is_empty() {
        return Ok(());
    }
    let path = labels_of(args);
    if let Some(folder) = path.parent().filter(|f| !f.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(|e| {
            Failure::run(format!("{}: cannot be made: {e}", folder.display())).help(help::write(&e))
        })?;
    }
    karhunen_formats::write_labels(&path, &labels, args.force)?;
    info!("{}: their classes", path.display());
    Ok(())
}

/// Where labels are written: `samples-labels.npy` beside `samples.vti`.
fn labels_of(args: &SampleArgs) -> PathBuf {
    args.labels.clone().unwrap_or_else(|| {
        let stem = args.out.file_stem().unwrap_or_default().to_string_lossy();
        args.out.with_file_name(format!("{stem}-labels.npy"))
    })
}
