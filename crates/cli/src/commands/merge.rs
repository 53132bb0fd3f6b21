//! `karhunen merge`: the shards of a sampling in, the file that one process would have written out.

use karhunen::Error;
use karhunen::shards::Whole;
use tracing::{info, warn};

use crate::args::MergeArgs;
use crate::failure::Failure;
use crate::report::{files, labels};

/// Reads all shards and writes one file.
pub fn run(args: &MergeArgs) -> Result<(), Failure> {
    let _claim = files::claim(&args.out, &(0..1), args.force)?;
    let Whole { fields, unit, precision, indices, classes, shards, notes } = Whole::of(&args.out)?;
    notes.iter().for_each(|note| warn!("{note}"));
    let (count, dim) = (indices.end - indices.start, fields.grid.dim());
    files::check_shape(&args.out, dim, fields.channels, count)?;
    let beside = args.labels.clone().unwrap_or_else(|| labels::beside(&args.out));
    if !classes.is_empty() {
        labels::check_place(&beside, args.force)?;
    }
    let names = [args.out.clone()];
    files::write_all_as(&fields, unit.as_deref(), &names, args.force, precision)?;
    labels::write_to(&beside, &classes, args.force)?;
    if args.remove {
        for path in &shards {
            let failed = |source| Error::Write { path: path.clone(), source };
            std::fs::remove_file(path).map_err(failed)?;
        }
    }
    info!(count, "{}: {count} fields of {} shards", args.out.display(), shards.len());
    Ok(())
}
