//! `karhunen calibrate`: is the spread of a model's posteriors right?

use karhunen::{Error, Model, ModelOptions, pictures, posterior, posterior_quality};
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
        false => print_line(&posterior::to_text(&quality))?,
    }
    match &args.figure {
        Some(path) => Ok(pictures::ranks(&quality, path)?),
        None => Ok(()),
    }
}
