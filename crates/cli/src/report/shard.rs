//! What `karhunen sample --shard` writes: a file that `karhunen merge` joins with the others, or its own part of many.

use std::path::{Path, PathBuf};

use karhunen::formats::{Precision, check_address, is_remote};
use karhunen::shards::Part;
use karhunen::training::lock::Lock;
use karhunen::{Error, SampleOptions, Samples, Shard, ShardError};

use crate::args::SampleArgs;
use crate::failure::Failure;
use crate::job;
use crate::report::files;
use crate::report::phases::{self, Output};

/// Whether all fields go into one file, which shards are merged to.
pub fn is_one_file(path: &Path) -> bool {
    !phases::is_surface(path) && !files::is_numbered(path)
}

/// Claims what a shard writes; the options of its own fields.
///
/// # Errors
/// More shards than fields; options that ask for all fields; a shard in a bucket; as [`files::claim`].
pub fn claim(
    shard: Shard,
    options: SampleOptions,
    args: &SampleArgs,
) -> Result<(Vec<Lock>, SampleOptions), Failure> {
    let all = options.indices().map_err(Error::from)?;
    let own = shard.indices(all.clone()).map_err(Error::from)?;
    let together = [(args.summary, "--summary"), (args.report.is_some(), "--report")];
    if let Some((_, option)) = together.into_iter().find(|(asked, _)| *asked) {
        return Err(Error::from(ShardError::NeedsAll(option)).into());
    }
    // an address with credentials is not repeated
    check_address(&args.out)?;
    if is_one_file(&args.out) && is_remote(&args.out) {
        let message = format!(
            "--shard: {}: shards of one file are files beside it, which a bucket does not hold",
            args.out.display()
        );
        let help = "name a file of this machine, or one a field, as fields-{index}.zarr";
        return Err(Failure::usage(message).help(help));
    }
    let file = shard.file(&args.out);
    let claims = match job::is_first() {
        false => Vec::new(),
        true if phases::is_surface(&args.out) => {
            let counted = own.start - all.start..own.end - all.start;
            phases::check_name(args)?;
            files::check_place(&args.out, &phases::surfaces_of(args, counted), args.force)?;
            vec![Lock::output(&file)?]
        }
        true if files::is_numbered(&args.out) => {
            let names = files::names_of(&args.out, &own, all.end);
            vec![files::claim_part(&args.out, &names, &file, args.force)?]
        }
        true => vec![files::claim_part(&args.out, std::slice::from_ref(&file), &file, args.force)?],
    };
    // a shard of a file is written at once
    let streamed = options.streamed && !is_one_file(&args.out);
    let (index, count) = (own.start, own.end - own.start);
    Ok((claims, SampleOptions { index, count, streamed, ..options }))
}

/// Refuses a shard of labelled fields that are a file each: their classes are one file, which shards would share.
///
/// # Errors
/// Such a one.
pub fn check(args: &SampleArgs, labelled: bool) -> Result<(), Failure> {
    match args.shard.is_some() && labelled && !is_one_file(&args.out) {
        true => Err(Error::from(ShardError::NeedsAll("a file of classes")).into()),
        false => Ok(()),
    }
}

/// Writes the shard of a file.
///
/// # Errors
/// Those of writing.
pub fn write(
    shard: Shard,
    samples: Samples,
    output: Output,
    asked: Vec<(String, String)>,
    args: &SampleArgs,
) -> Result<PathBuf, Failure> {
    let (unit, classes) = (samples.unit.clone(), samples.classes.clone());
    let (fields, precision) = match (output, samples.labels()) {
        (Output::Labels, Some(labels)) => (labels, Precision::U8),
        _ => (samples.into_measured(), Precision::default()),
    };
    let all = args.index..args.index.saturating_add(args.count);
    let (fields, unit, classes) = (&fields, unit.as_deref(), &classes[..]);
    let part = Part { shard, all, fields, unit, precision, classes, asked };
    Ok(part.write(&args.out, args.force)?)
}
