//! What commands show: files, tables, pictures, and the plan for a data set.

pub mod baselines;
pub mod beside;
pub mod beyond;
pub mod card;
pub mod distinguish;
pub mod drawing;
pub mod evaluation;
pub mod files;
pub mod kin;
pub mod nearest;
pub mod phase_fields;
pub mod phases;
pub mod pictures;
pub mod plan;
pub mod posterior;
pub mod prepare;
pub mod ranking;
pub mod read;
pub mod real;
pub mod scale;
pub mod table;

use std::io::Write as _;

use crate::failure::Failure;
use crate::help;

/// Prints to standard output; a closed pipe ends quietly.
pub fn print_line(text: &str) -> Result<(), Failure> {
    print_bytes(format!("{text}\n").as_bytes())
}

/// The same for what ends as it should already.
pub fn print_bytes(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => {
            let message = format!("standard output: cannot be written: {e}");
            Err(Failure::run(message).help(help::write(&e)))
        }
        _ => Ok(()),
    }
}
