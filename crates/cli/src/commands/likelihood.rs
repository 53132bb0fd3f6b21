//! `karhunen likelihood`: how likely fields are under a model.

use karhunen::likelihood::LogDensities;
use karhunen::{Model, ModelOptions, likelihood};
use serde_json::json;

use crate::args::LikelihoodArgs;
use crate::failure::Failure;
use crate::progress::Bars;
use crate::report::print_line;

/// Reads, computes and prints.
pub fn run(args: &LikelihoodArgs) -> Result<(), Failure> {
    let (bars, options) = (Bars::default(), args.options()?);
    let how = ModelOptions { average: args.ema, derivatives: true, ..ModelOptions::default() };
    let model = Model::open_with(&args.model, &how, &bars)?;
    model.announce_average(&bars);
    let found = likelihood(&model, &options, &bars)?;
    if args.json {
        return print_line(&json!(found).to_string());
    }
    let mut lines = vec![described(&found.data)];
    if let (Some(against), Some(auc)) = (&found.against, found.auc) {
        lines.push(described(against));
        let (ours, theirs) = (&found.data.source, &against.source);
        lines.push(format!(
            "AUC {auc:.3}: in {:.0} of 100 pairs the field of {ours} is less likely than that of {theirs} (50: they cannot be told apart)",
            100.0 * auc
        ));
    }
    print_line(&lines.join("\n"))
}

/// One source in one line or two.
fn described(found: &LogDensities) -> String {
    let LogDensities { source, grid, values, errors, mean, error, deviation } = found;
    let mut text = match values.len() {
        1 => format!("{source}: one field at {grid}, ln dP/dN(m, C) = {mean:.1} nats"),
        n => format!(
            "{source}: {n} fields at {grid}, ln dP/dN(m, C) = {mean:.1} ± {error:.1} nats on average, from field to field ± {deviation:.1}"
        ),
    };
    if let Some(errors) = errors {
        let rms = (errors.iter().map(|e| e * e).sum::<f64>() / errors.len() as f64).sqrt();
        text.push_str(&format!(", each known to ± {rms:.1}"));
    }
    text
}
