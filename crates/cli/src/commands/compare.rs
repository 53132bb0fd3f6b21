//! `karhunen compare`: several models or files of samples against the same real fields, side by side.

use karhunen::{CompareOptions, compare};
use tracing::info;

use crate::args::CompareArgs;
use crate::failure::Failure;
use crate::progress::Bars;
use crate::report::print_line;

/// Compares and prints.
pub fn run(args: &CompareArgs) -> Result<(), Failure> {
    let options = CompareOptions {
        effort: args.told.effort(args.real.seed)?,
        count: args.count,
        evaluations: args.evaluations,
    };
    let bars = Bars::default();
    let found = compare(&args.candidates, &args.real.options()?, &options, &bars)?;
    if args.json {
        return print_line(&found.to_json().to_string());
    }
    found.notes.iter().for_each(|note| info!("note: {note}"));
    print_line(&found.to_text())
}
