//! `karhunen classifier`: labelled fields in, a classifier in one file out.

use std::time::Instant;

use karhunen::classifier::{ClassifierOptions, train_classifier};
use karhunen::output::make_folder;
use karhunen::training::config::{DataConfig, RunConfig, check_labels};
use karhunen::training::labels::described;
use serde_json::json;
use tracing::info;

use crate::args::ClassifierArgs;
use crate::failure::Failure;
use crate::progress::Bars;
use crate::report::print_line;

/// Trains, tests, writes.
pub fn run(args: &ClassifierArgs) -> Result<(), Failure> {
    let options = options(args)?;
    options.check()?;
    check_place(args)?;
    check_labels(&options.data, "--labels")?;
    if let Some(test) = &options.test {
        check_labels(test, "--test-labels")?;
    }
    let begun = Instant::now();
    let trained = train_classifier(&options, &Bars::default())?;
    trained.save(&args.out)?;
    let seconds = begun.elapsed().as_secs_f64();
    info!("{}: {} steps in {seconds:.1} s", args.out.display(), args.steps);
    let grid = trained.grid();
    if args.json {
        let object = json!({
            "grid": grid.to_string(),
            "classes": trained.counts,
            "accuracy": trained.accuracy,
            "tested": trained.tested,
            "steps": args.steps,
        });
        return print_line(&object.to_string());
    }
    let kind = if args.test.is_some() { "test" } else { "held-out" };
    print_line(&format!(
        "classes (and training fields) {}\nreads {:.2} % of {} {kind} fields right, at {grid}",
        described(&trained.counts),
        100.0 * trained.accuracy,
        trained.tested
    ))
}

/// What was typed.
fn options(args: &ClassifierArgs) -> Result<ClassifierOptions, Failure> {
    let data = |source: &str, labels: &Option<String>| -> Result<DataConfig, Failure> {
        let own = RunConfig::load(None, &args.settings.list)?.data;
        let mut config = DataConfig { source: source.into(), labels: labels.clone(), ..own };
        args.boundary.put(&mut config);
        Ok(config)
    };
    let test = args.test.as_ref().map(|test| data(test, &args.test_labels));
    Ok(ClassifierOptions {
        data: data(&args.source, &args.labels)?,
        test: test.transpose()?,
        grid: args.grid.as_ref().map(|points| points.0.clone()),
        steps: args.steps,
        seed: args.seed,
    })
}

/// Refuses a place that must not be written to, before anything is read.
fn check_place(args: &ClassifierArgs) -> Result<(), Failure> {
    let (out, help) = (&args.out, "choose another name, or --force to replace it");
    if out.is_dir() {
        let message = format!("{}: is a folder", out.display());
        return Err(Failure::usage(message).help("name a file in it"));
    }
    if out.exists() && !args.force {
        return Err(Failure::usage(format!("{}: exists already", out.display())).help(help));
    }
    Ok(make_folder(out)?)
}
