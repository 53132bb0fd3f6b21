//! `karhunen import`: the published network as a state dict in, a model directory out.
//!
//! Everything that a state dict does not hold is the user's to say: grid, boundary, prior and path
//! in a run's configuration, units on the command line. What the arrays become is in
//! [`karhunen::training::published`].

use karhunen::formats::{ReadOptions, read_state_dict};
use karhunen::give::{Published, import};
use karhunen::training::RunConfig;
use karhunen::training::published::Units;
use karhunen::training::sources::Sources;
use tracing::info;

use crate::args::ImportArgs;
use crate::failure::Failure;

/// Reads, converts, writes.
pub fn run(args: &ImportArgs) -> Result<(), Failure> {
    let config = RunConfig::load(Some(&args.config), &args.settings)?;
    let arrays = read_state_dict(&args.state, &ReadOptions::default())?;
    let data = args.data.as_deref().map(|source| Sources::from(source).resolve(None));
    let network = Published {
        source: &args.state.display().to_string(),
        arrays: &arrays,
        prefix: args.prefix.as_deref(),
        config: &config,
        units: Units { offset: args.offset, scale: args.scale },
        data: data.as_ref(),
    };
    let (grid, notes) = import(&network, &args.out)?;
    notes.iter().for_each(|note| info!("{note}"));
    let law = match data {
        Some(source) => format!("the law of {source}"),
        None => "the law of the noise".into(),
    };
    info!("{}: a model at {grid}, starting from {law}", args.out.display());
    Ok(())
}
