//! `karhunen evaluate`: samples against real fields, beside the baselines that must be beaten.

use karhunen::evaluation::evaluation::same;
use karhunen::evaluation::{Cut, read_samples, ready, same_boundary};
use karhunen::formats::read_labels;
use karhunen::pictures::beside::beside;
use karhunen::training::TrainedClassifier;
use karhunen::{EvaluateOptions, FormatError, Given, Model, ModelOptions};
use tracing::{debug, info};

use crate::args::EvaluateArgs;
use crate::failure::Failure;
use crate::job;
use crate::progress::Bars;
use crate::report::{files, print_line};

/// Compares and prints.
pub fn run(args: &EvaluateArgs) -> Result<(), Failure> {
    let options = EvaluateOptions {
        cut: cut(args)?,
        effort: args.told.effort(args.real.seed)?,
        memorisation: args.memorisation.into(),
        coherence: args.json,
        seed: args.real.seed,
        group: job::group(),
    };
    if let Some(path) = &args.picture {
        files::check_picture(path, args.force)?;
    }
    let (bars, reference) = (Bars::default(), args.real.options()?);
    let average = ModelOptions { average: args.ema, ..ModelOptions::default() };
    let model = args.model.as_ref().map(|path| Model::open_with(path, &average, &bars));
    let model = model.transpose()?.map(|model| model.among(job::group()));
    if let Some(model) = &model {
        model.announce_average(&bars);
        same_boundary(&reference, model.trained())?;
    }
    let model = model.as_ref().map(Model::trained);
    let classifier = args.classifier.as_deref().map(TrainedClassifier::load).transpose()?;
    let labels = args
        .sample_labels
        .as_deref()
        .map(|path| Ok::<_, FormatError>((path.display().to_string(), read_labels(path)?)));
    let labels = labels.transpose()?;
    let samples = read_samples(&reference, &args.samples, model)?;
    job::same_numbers("set of samples", &samples.values)?;
    let twin = args.same.as_deref().map(|path| same(&reference, path, &samples, model));
    let given = Given {
        model,
        classifier: classifier.as_ref(),
        labels,
        twin: twin.transpose()?,
        ..Given::of(args.samples.display().to_string(), samples)
    };
    let ready = ready(given, &reference, &options, &bars)?;
    let (real, samples) = (ready.real(), ready.samples());
    job::same_numbers("set of real fields", &real.values)?;
    debug!(count = samples.count(), real = real.count(), "fields are ready at {}", real.grid);
    if let Some(path) = args.picture.as_ref().filter(|_| job::is_first()) {
        beside(real, samples, path)?;
    }
    let found = ready.measure(&bars)?;
    if args.json {
        return print_line(&found.to_json().to_string());
    }
    found.notes.iter().for_each(|note| info!("note: {note}"));
    print_line(&found.to_text())
}

/// How to cut phases, where more than the table is asked for.
fn cut(args: &EvaluateArgs) -> Result<Option<Cut>, Failure> {
    let asked = match (args.phases, &args.thresholds[..]) {
        (Some(phases), _) => Some(Cut::Otsu(phases)),
        (None, []) => args.all.then_some(Cut::Otsu(2)),
        (None, given) => Some(Cut::Given(given.to_vec())),
    };
    Ok(asked.map(Cut::checked).transpose()?)
}
