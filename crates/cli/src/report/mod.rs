//! What commands show and where they write.

pub mod files;
pub mod labels;
pub mod phases;
pub mod plan;
pub mod residuals;
pub mod shard;
pub mod trained;

use std::io::Write as _;

use crate::failure::Failure;
use crate::help;
use crate::job;

/// Prints to standard output; a closed pipe ends quietly.
pub fn print_line(text: &str) -> Result<(), Failure> {
    print_bytes(format!("{text}\n").as_bytes())
}

/// The same for what ends as it should already.
pub fn print_bytes(bytes: &[u8]) -> Result<(), Failure> {
    if !job::is_first() {
        return Ok(());
    }
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => {
            let message = format!("standard output: cannot be written: {e}");
            Err(Failure::run(message).help(help::write(&e)))
        }
        _ => Ok(()),
    }
}
