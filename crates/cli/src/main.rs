//! `karhunen`: train one model of random functions across resolutions, sample it at any, measure it.
//!
//! Arguments as typed ([`args`]) become validated plans inside each command; one command a file.
//! Exit codes: 0 done, 1 the run failed, 2 usage, configuration or input, 130 interrupted with the
//! checkpoint written.

mod args;
mod commands;
mod device;
mod failure;
mod progress;
mod report;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Arguments, Command};
use crate::failure::Failure;

/// glibc gives large buffers back to the system and pays page faults on every step.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.print();
            ExitCode::from(failure.code)
        }
    }
}

fn run(arguments: Arguments) -> Result<(), Failure> {
    if let Some(threads) = arguments.threads {
        rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build_global()
            .map_err(|e| Failure::usage(format!("--threads {threads}: {e}")))?;
    }
    match arguments.command {
        Command::Quickstart(args) => commands::quickstart::run(&args),
        Command::Inspect(args) => commands::inspect::run(&args),
        Command::Prior(args) => commands::prior::run(&args),
        Command::Train(args) => commands::train::run(&args),
        Command::Import(args) => commands::import::run(&args),
        Command::Sample(args) => commands::sample::run(&args),
        Command::Evaluate(args) => commands::evaluate::run(&args),
    }
}
