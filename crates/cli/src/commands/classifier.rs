//! `karhunen classifier`: labelled fields in, a classifier in one file out.

use std::time::Instant;

use karhunen::Grid;
use karhunen::evaluation::Native;
use karhunen::output::make_folder;
use karhunen::training::batch::LevelData;
use karhunen::training::classifier::TrainedClassifier;
use karhunen::training::config::{DataConfig, RunConfig};
use karhunen::training::labels::{self, described};
use karhunen::training::sources::Sources;
use karhunen::training::{TrainError, builtin, data};
use serde_json::json;
use tracing::info;

use crate::args::ClassifierArgs;
use crate::failure::Failure;
use crate::progress::bar;
use crate::report::print_line;

/// Cells per axis for built-in data, which have none of their own.
const BUILTIN: usize = 32;

/// Trains, tests, writes.
pub fn run(args: &ClassifierArgs) -> Result<(), Failure> {
    check(args)?;
    let own = RunConfig::load(None, &args.settings.list)?.data;
    let mut config =
        DataConfig { source: args.source.as_str().into(), labels: args.labels.clone(), ..own };
    args.boundary.put(&mut config);
    labels::check(&config, "--labels")?;
    let native = Native::of(&config)?;
    let points = match (&args.grid, &native.fields) {
        (Some(points), _) => points.0.clone(),
        (None, Some(_)) => native.points.clone(),
        (None, None) => vec![BUILTIN; 2],
    };
    let grid = Grid::unit(&points, &config.boundary)?;
    if grid.dim() != 2 {
        let message = format!("{}: its fields have {} axes", args.source, grid.dim());
        return Err(Failure::usage(message).help("the classifier reads fields of dimension 2"));
    }
    let loaded = data::load_from(&config, native.fields.as_ref(), grid, args.seed)?;
    let loaded = loaded.in_own_values();
    let (training, test) = match &args.test {
        None => (loaded.training, loaded.validation),
        Some(test) => (all(loaded.training, loaded.validation), read(args, test, grid)?),
    };
    let begun = Instant::now();
    let bar = bar("training", args.steps as u64);
    let trained =
        TrainedClassifier::train(&training, &test, args.steps, args.seed, &mut |step, _, loss| {
            bar.set_position(step as u64);
            bar.set_message(format!("cross entropy {loss:.4}"));
        });
    bar.finish_and_clear();
    let trained = trained.map_err(|e| named(e, &args.source))?;
    trained.save(&args.out)?;
    let seconds = begun.elapsed().as_secs_f64();
    info!("{}: {} steps in {seconds:.1} s", args.out.display(), args.steps);
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

/// What can be refused before anything is read.
fn check(args: &ClassifierArgs) -> Result<(), Failure> {
    if args.steps == 0 {
        return Err(Failure::usage("--steps 0: at least 1").help("leave it out"));
    }
    let (out, help) = (&args.out, "choose another name, or --force to replace it");
    if out.is_dir() {
        let message = format!("{}: is a folder", out.display());
        return Err(Failure::usage(message).help("name a file in it"));
    }
    if out.exists() && !args.force {
        return Err(Failure::usage(format!("{}: exists already", out.display())).help(help));
    }
    let source = Sources::from(args.source.as_str());
    match source.builtin() {
        Some(name) if builtin::structure(name, None)?.class(args.seed, 0).is_none() => {
            return Err(Failure::usage(format!("{source}: its fields are of no classes"))
                .help("builtin:shapes has three, or give a file and --labels"));
        }
        None if args.labels.is_none() => {
            return Err(Failure::usage(format!("{source}: labels are needed beside it"))
                .help("give --labels, a file of one label a field"));
        }
        _ => {}
    }
    Ok(make_folder(out)?)
}

/// All fields of a test set.
fn read(args: &ClassifierArgs, source: &str, grid: Grid) -> Result<LevelData, Failure> {
    let own = RunConfig::load(None, &args.settings.list)?.data;
    let mut config = DataConfig { source: source.into(), labels: args.test_labels.clone(), ..own };
    args.boundary.put(&mut config);
    labels::check(&config, "--test-labels")?;
    let loaded = data::load(&config, grid, args.seed)?.in_own_values();
    Ok(all(loaded.training, loaded.validation))
}

fn all(mut fields: LevelData, rest: LevelData) -> LevelData {
    // a classifier reads filled fields: its loss is one number a field
    fields.weights.clear();
    fields.values.extend(rest.values);
    fields.labels.extend(rest.labels);
    fields
}

/// The same error about the source that was typed.
fn named(error: TrainError, source: &str) -> TrainError {
    match error {
        TrainError::Data { message, .. } => {
            TrainError::Data { source_name: source.to_string(), message }
        }
        other => other,
    }
}
