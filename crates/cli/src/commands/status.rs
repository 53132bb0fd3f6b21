//! `karhunen status`: where a run stands, and whether a process is at it.

use karhunen::Status;
use serde_json::json;

use crate::args::StatusArgs;
use crate::failure::Failure;
use crate::report::print_line;

/// Reads what a run has written, and prints.
pub fn run(args: &StatusArgs) -> Result<(), Failure> {
    let status = Status::of(&args.run)?;
    match args.json {
        true => print_line(&json!(status).to_string()),
        false => print_line(&status.to_text()),
    }
}
