//! `karhunen merge`: the shards of a sampling in, the file that one process would have written out.

use karhunen::Error;
use karhunen::output::{self, Output, Stream};
use karhunen::shards::Whole;
use tracing::{info, warn};

use crate::args::MergeArgs;
use crate::failure::Failure;
use crate::report::{files, labels};

/// Writes one file of all shards, field by field.
pub fn run(args: &MergeArgs) -> Result<(), Failure> {
    let _claim = files::claim(&args.out, &(0..1), args.force)?;
    let whole = Whole::of(&args.out)?;
    whole.notes.iter().for_each(|note| warn!("{note}"));
    let (count, channels) = (whole.count(), whole.channels);
    files::check_shape(&args.out, whole.grid.dim(), channels, count)?;
    let beside = args.labels.clone().unwrap_or_else(|| labels::beside(&args.out));
    if !whole.classes.is_empty() {
        labels::check_place(&beside, args.force)?;
    }
    let output =
        Output { overwrite: args.force, unit: whole.unit.as_deref(), precision: whole.precision };
    match Stream::takes(&args.out) {
        true => {
            let shape = (channels, usize::try_from(count).unwrap_or(usize::MAX));
            let mut stream = Stream::create(&args.out, &whole.grid, shape, &output)?;
            whole.each(|field| stream.push(&field))?;
            stream.finish()?;
        }
        // a picture shows all fields together
        false => output::write(&whole.together()?, &args.out, &output)?,
    }
    labels::write_to(&beside, &whole.classes, args.force)?;
    if args.remove {
        for path in &whole.shards {
            let failed = |source| Error::Write { path: path.clone(), source };
            std::fs::remove_file(path).map_err(failed)?;
        }
    }
    info!(count, "{}: {count} fields of {} shards", args.out.display(), whole.shards.len());
    Ok(())
}
