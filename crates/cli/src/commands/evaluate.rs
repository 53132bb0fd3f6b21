//! `karhunen evaluate`: samples against real fields, beside the baselines that must be beaten.

use karhunen_evaluate::evaluation::same;
use karhunen_evaluate::{Cut, EvaluateOptions, Given, read_samples, ready, same_boundary};
use karhunen_net::Device;
use karhunen_train::{TrainedClassifier, TrainedModel};
use tracing::{debug, info, warn};

use crate::args::EvaluateArgs;
use crate::commands::sample::tell_average;
use crate::failure::Failure;
use crate::progress::Bars;
use crate::report::{beside, files, print_line};

/// Compares and prints.
pub fn run(args: &EvaluateArgs) -> Result<(), Failure> {
    let cut = cut(args)?;
    let effort = args.told.effort(args.real.seed)?;
    if let Some(path) = &args.picture {
        files::check_picture(path, args.force)?;
    }
    let reference = args.real.options()?;
    let load = |path| TrainedModel::load_average(path, &Device::flex(), args.ema);
    let model = args.model.as_deref().map(load).transpose()?;
    if let Some(model) = &model {
        model.notes.iter().for_each(|note| warn!("skipped: {note}"));
        tell_average(model);
        same_boundary(&reference, model)?;
    }
    let model = model.as_ref();
    let classifier = args.classifier.as_deref().map(TrainedClassifier::load).transpose()?;
    let labels = args
        .sample_labels
        .as_deref()
        .map(|path| Ok((path.display().to_string(), karhunen_formats::read_labels(path)?)));
    let labels = labels.transpose().map_err(|e: karhunen_formats::FormatError| Failure::from(e))?;
    let samples = read_samples(&reference, &args.samples, model)?;
    let twin = args.same.as_deref().map(|path| same(&reference, path, &samples, model));
    let given = Given {
        model,
        classifier: classifier.as_ref(),
        labels,
        twin: twin.transpose()?,
        ..Given::of(args.samples.display().to_string(), samples)
    };
    let options = EvaluateOptions {
        memorisation: args.memorisation.into(),
        effort,
        cut,
        coherence: args.json,
        seed: args.real.seed,
    };
    let bars = Bars::default();
    let ready = ready(given, &reference, &options, &bars)?;
    debug!(
        count = ready.samples().count(),
        real = ready.real().count(),
        "fields are ready at {}",
        ready.real().grid
    );
    if let Some(path) = &args.picture {
        beside::beside(ready.real(), ready.samples(), path)?;
    }
    let evaluation = ready.measure(&bars)?;
    if args.json {
        return print_line(&evaluation.to_json().to_string());
    }
    evaluation.notes.iter().for_each(|note| info!("note: {note}"));
    print_line(&evaluation.to_text())
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
