//! `karhunen`: train one model of random functions across resolutions, sample it at any, measure it.
//!
//! Arguments as typed ([`args`]) become validated plans inside each command; one command a file.
//! Exit codes: 0 done, 1 the run failed, 2 usage, configuration or input, 130 interrupted with the
//! checkpoint written.

mod args;
mod commands;
mod failure;
mod help;
mod job;
mod log;
mod progress;
mod report;
mod signals;

use std::process::ExitCode;

use clap::Parser;
use karhunen::training::memory;

use crate::args::{Arguments, Command};
use crate::failure::Failure;

/// glibc gives large buffers back to the system and pays page faults on every step.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// More threads than any machine has cores are a slip of the finger.
const MOST_THREADS: usize = 4096;

fn main() -> ExitCode {
    let job = match job::begin() {
        Ok(job) => job,
        Err(failure) => {
            job::tell(&failure);
            return ExitCode::from(failure.code);
        }
    };
    match Arguments::try_parse() {
        Ok(arguments) => job::end(job, run(arguments)),
        Err(said) => {
            // help and usage, in clap's words
            if job::is_first() {
                let _ = said.print();
            }
            ExitCode::from(u8::try_from(said.exit_code()).unwrap_or(2))
        }
    }
}

fn run(arguments: Arguments) -> Result<(), Failure> {
    log::start(&arguments.log)?;
    job::check(&arguments.command)?;
    if let Some(threads) = arguments.threads {
        if !(1..=MOST_THREADS).contains(&threads) {
            return Err(Failure::usage(format!(
                "--threads {threads}: between 1 and {MOST_THREADS}"
            ))
            .help("leave it out to use all cores"));
        }
        rayon::ThreadPoolBuilder::new().num_threads(threads).build_global().map_err(|e| {
            Failure::usage(format!("--threads {threads}: {e}")).help("use fewer threads")
        })?;
    }
    memory::set_limit(arguments.memory);
    match arguments.command {
        Command::Quickstart(args) => commands::quickstart::run(&args),
        Command::Inspect(args) => commands::inspect::run(&args),
        Command::Prior(args) => commands::prior::run(&args),
        Command::Train(args) => commands::train::run(&args),
        Command::Report(args) => commands::report::run(&args),
        Command::Models(args) => commands::models::run(&args),
        Command::Status(args) => commands::status::run(&args),
        Command::Import(args) => commands::import::run(&args),
        Command::Distil(args) => commands::distil::run(&args),
        Command::Sample(args) => commands::sample::run(&args),
        #[cfg(feature = "serve")]
        Command::Serve(args) => commands::serve::run(&args),
        Command::Merge(args) => commands::merge::run(&args),
        Command::Calibrate(args) => commands::calibrate::run(&args),
        Command::Likelihood(args) => commands::likelihood::run(&args),
        Command::Classifier(args) => commands::classifier::run(&args),
        Command::Bench(args) => commands::bench::run(&args),
        Command::Compare(args) => commands::compare::run(&args),
        Command::Evaluate(args) => commands::evaluate::run(&args),
        Command::Export(args) => commands::export::run(&args),
        Command::Generate(args) => commands::generate::run(&args),
    }
}
