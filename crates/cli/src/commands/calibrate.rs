//! `karhunen calibrate`: is the spread of a model's posteriors right?

use karhunen::field::metrics::{Estimate, PosteriorQuality};
use karhunen::{Error, Model, ModelOptions, pictures, posterior_quality};
use serde_json::json;

use crate::args::CalibrateArgs;
use crate::failure::Failure;
use crate::progress::Bars;
use crate::report::print_line;

/// Samples posteriors of truths and prints what they say.
pub fn run(args: &CalibrateArgs) -> Result<(), Failure> {
    let options = args.options();
    options.check()?;
    if let Some(path) = args.figure.as_ref().filter(|path| path.exists() && !args.force) {
        return Err(Error::Exists(path.clone()).into());
    }
    let bars = Bars::default();
    let average = ModelOptions { average: args.ema, ..ModelOptions::default() };
    let model = Model::open_with(&args.model, &average, &bars)?;
    let quality = posterior_quality(&model, &options, &bars)?;
    match args.json {
        true => print_line(&json!(quality).to_string())?,
        false => print_line(&text(&quality))?,
    }
    match &args.figure {
        Some(path) => Ok(pictures::ranks(&quality, path)?),
        None => Ok(()),
    }
}

fn text(q: &PosteriorQuality) -> String {
    let with = |e: &Estimate, digits: usize| format!("{:.digits$} ± {:.digits$}", e.value, e.error);
    let inside = |e: &Estimate, expected: f64| {
        let off = (e.value - expected).abs() <= 2.58 * e.error;
        if off {
            "as it should be"
        } else if e.value < expected {
            "too narrow"
        } else {
            "too wide"
        }
    };
    let mut lines = vec![
        format!("{} truths, {} draws of each", q.truths, q.draws),
        format!("{:<28} {}", "CRPS", with(&q.crps, 4)),
        format!("{:<28} {:.4} / {:.4}", "spread / error of the mean", q.spread, q.skill),
        format!("{:<28} {} (1: {})", "their ratio", with(&q.ratio, 3), inside(&q.ratio, 1.0)),
        format!(
            "{:<28} {} ({:.3}: {})",
            "inside the central half",
            with(&q.half, 3),
            q.half_expected,
            inside(&q.half, q.half_expected)
        ),
        format!(
            "{:<28} {} ({:.3}: {})",
            "inside nine tenths",
            with(&q.ninety, 3),
            q.ninety_expected,
            inside(&q.ninety, q.ninety_expected)
        ),
    ];
    let flat = if q.flat { "flat within its bands" } else { "not flat" };
    lines.push(format!("rank histogram: {flat}"));
    for (bin, rank) in q.ranks.iter().enumerate() {
        let stars = "#".repeat((200.0 * rank.value).round() as usize);
        lines.push(format!(
            "  {:>3} … {:<3} % {}  {stars}",
            10 * bin,
            10 * bin + 10,
            with(rank, 3)
        ));
    }
    lines.join("\n")
}
