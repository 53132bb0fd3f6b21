//! `karhunen report`: a trained model on one page, for a browser.

use karhunen::evaluation::Effort;
use karhunen::overview::{Overview, OverviewOptions, events_of};
use karhunen::training::lock::Lock;
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
    let _claim = Lock::output(&args.out)?;
    let model = Model::open(&args.model)?;
    let mut data = model.trained().config.data.clone();
    if let Some(source) = &args.reference {
        data.source = source.as_str().into();
    }
    let counts = [1, 2, 4, 8].map(|part| (args.count / part).max(2));
    let effort = Effort { count: 96, seeds: 2, seed: args.seed };
    let options = OverviewOptions {
        counts,
        real: 2 * args.count as usize,
        seed: args.seed,
        effort: (!args.no_distinguish).then_some(effort),
    };
    let bars = Bars::default();
    let found = Overview::of(&model, &data, &options, &bars, &mut |_| Ok::<(), Error>(()))?;
    let name = args.model.display();
    let finest = model.grid();
    let commands = vec![
        "karhunen train --config config.toml --out RUN   # the configuration below".to_string(),
        format!(
            "karhunen sample --model {name} --grid {finest} --count {} --seed {} --out samples.npy",
            counts[1], args.seed
        ),
        format!(
            "karhunen evaluate --reference {} --samples samples.npy --model {name}",
            data.source
        ),
        format!(
            "karhunen report {name} --count {} --seed {} --out {}",
            args.count,
            args.seed,
            args.out.display()
        ),
    ];
    let html = found.to_html(&model, &name.to_string(), &events_of(&args.model)?, commands)?;
    std::fs::write(&args.out, html)
        .map_err(|source| Error::Write { path: args.out.clone(), source })?;
    info!("{}: open it in a browser", args.out.display());
    Ok(())
}
