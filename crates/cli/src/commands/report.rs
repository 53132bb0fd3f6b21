//! `karhunen report`: a trained model on one page, for a browser.

use karhunen::overview::{PageOptions, write_page};
use karhunen::{Error, Model};
use tracing::info;

use crate::args::ReportArgs;
use crate::failure::Failure;
use crate::progress::Bars;

/// Samples a model on four grids, compares, writes the page.
pub fn run(args: &ReportArgs) -> Result<(), Failure> {
    if args.out.exists() && !args.force {
        return Err(Error::Exists(args.out.clone()).into());
    }
    if args.count < 2 {
        return Err(Failure::usage(format!("--count {}: at least 2", args.count))
            .help("512 is usual; fewer are faster"));
    }
    let model = Model::open(&args.model)?;
    let options = PageOptions {
        reference: args.reference.clone(),
        count: args.count,
        seed: args.seed,
        distinguish: !args.no_distinguish,
    };
    write_page(&model, &args.out, &options, &Bars::default())?;
    info!("{}: open it in a browser", args.out.display());
    Ok(())
}
