//! `karhunen generate`: shell completions and manual pages, from the arguments themselves.

use std::path::Path;

use clap::CommandFactory as _;
use karhunen::formats::write_whole;

use crate::args::{Arguments, Generate, GenerateArgs};
use crate::failure::Failure;
use crate::help;
use crate::report::print_bytes;

/// Prints a script or a page, or writes all pages.
pub fn run(args: &GenerateArgs) -> Result<(), Failure> {
    let mut command = Arguments::command();
    let mut bytes = Vec::new();
    match &args.what {
        Generate::Completions { shell } => {
            clap_complete::generate(*shell, &mut command, "karhunen", &mut bytes);
            print_bytes(&bytes)
        }
        Generate::Man { out: Some(folder) } => pages(command, folder),
        Generate::Man { out: None } => {
            let page = clap_mangen::Man::new(command).render(&mut bytes);
            page.map_err(|e| Failure::run(format!("the manual page: {e}")))?;
            print_bytes(&bytes)
        }
    }
}

/// One page for the binary and one for every command below it.
fn pages(command: clap::Command, folder: &Path) -> Result<(), Failure> {
    let failed = |e: std::io::Error| {
        let message = format!("{}: cannot be written: {e}", folder.display());
        Failure::run(message).help(help::write(&e))
    };
    std::fs::create_dir_all(folder).map_err(failed)?;
    let mut command = command.disable_help_subcommand(true);
    command.build();
    write_pages(&command, folder).map_err(failed)?;
    tracing::info!("{}: karhunen.1 and a page of every command", folder.display());
    Ok(())
}

/// The pages of the commands below, then that of the command itself.
fn write_pages(command: &clap::Command, folder: &Path) -> std::io::Result<()> {
    let shown = command.get_subcommands().filter(|below| !below.is_hide_set());
    shown.into_iter().try_for_each(|below| write_pages(below, folder))?;
    let (mut bytes, page) = (Vec::new(), clap_mangen::Man::new(command.clone()));
    page.render(&mut bytes)?;
    write_whole(&folder.join(page.get_filename()), &bytes)
}
