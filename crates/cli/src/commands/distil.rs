//! `karhunen distil`: a model of many evaluations in, a model of a few out.

use karhunen::{DistilOptions, Distillation, Outcome};
use tracing::info;

use crate::args::DistilArgs;
use crate::failure::Failure;
use crate::progress::{Bars, Training};
use crate::signals;

/// Begins, or goes on with what the directory holds.
pub fn run(args: &DistilArgs) -> Result<(), Failure> {
    let asked = signals::listen();
    let options = DistilOptions {
        evaluations: args.evaluations,
        share: args.share,
        trajectories: args.trajectories,
        batch: args.batch,
        learning_rate: args.learning_rate,
        seed: args.seed,
    };
    let mut observer = Training::new();
    let device = args.device.device;
    let mut run = Distillation::open(&args.model, &options, device, &args.out, &mut observer)?;
    run.save_when(asked.save);
    let (done, steps) = run.inner().steps();
    let distilled = run.inner().config().distilled.clone();
    if let (Some(distilled), true) = (distilled, done < steps) {
        info!(
            "{} trajectories of {} evaluations, {steps} steps of {}: {:.2e} operations",
            distilled.trajectories,
            distilled.along,
            args.batch,
            run.inner().operations()
        );
    }
    let outcome = run.run(&asked.stop, &mut observer, &Bars::default())?;
    observer.end();
    if outcome == Outcome::Interrupted {
        let message =
            format!("interrupted at step {}; the checkpoint is written", run.inner().steps().0);
        return Err(Failure::interrupted(message).help("the same command goes on from there"));
    }
    // the model is written
    signals::end_at_once();
    info!(
        "{}: {} evaluations; its fields differ from those of {} by {:.3} standard deviations",
        args.out.display(),
        args.evaluations,
        args.model.display(),
        run.difference()?
    );
    info!("next: karhunen sample --model {} --out samples.npy", args.out.display());
    Ok(())
}
