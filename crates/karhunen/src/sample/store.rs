//! One Zarr store, written by all ranks of a job: each makes and writes the fields of whole shards.

use std::path::Path;

use karhunen_distributed::part;
use karhunen_evaluate::Progress;
use karhunen_evaluate::baselines::sample;
use karhunen_formats::{Form, Precision, Units, ZarrParts, is_remote};
use karhunen_train::TrainError;

use super::Sampling;
use crate::Error;
use crate::output::make_folder;

/// Smallest number of shards for each rank at which ranks share them. With fewer, a rank that has one more than another
/// takes much longer.
const SHARDS: usize = 4;

/// What is known of fields that all ranks have written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The class of each field, on the first rank; nothing of a model without labels.
    pub classes: Vec<u32>,
    /// Evaluations of the network that each field cost.
    pub evaluations: usize,
}

impl Sampling<'_> {
    fn form(&self, labels: bool) -> Result<Form, Error> {
        let (grid, length) = self.measured()?;
        let spacing = grid.axes().iter().map(|axis| axis.length / axis.points as f64).collect();
        Ok(Form {
            points: grid.points(),
            channels: if labels { 1 } else { self.model.statistics.mean.channels },
            count: (self.indices.end - self.indices.start) as usize,
            units: Units { spacing: Some(spacing), length, ..Units::default() },
        })
    }

    /// Whether all ranks write a file together: a Zarr store of many shards, of fields that are not looked at together.
    ///
    /// # Errors
    /// Those of the file's spacing.
    pub fn is_stored_by_all(&self, path: &Path, labels: bool) -> Result<bool, Error> {
        let size = self.model.group.size();
        let store = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("zarr"));
        let together = self.options.summary || self.given.is_some();
        if size == 1 || !store || is_remote(path) || together {
            return Ok(false);
        }
        let form = self.form(labels)?;
        let unit = ZarrParts::fields_a_shard(&form);
        Ok(unit == 1 || form.count.div_ceil(unit) >= SHARDS * size)
    }

    /// Samples, and writes a store together with all ranks of the job.
    ///
    /// # Errors
    /// As [`Sampling::run`]; those of writing; [`TrainError::OtherRank`].
    pub fn store_by_all(
        &self,
        path: &Path,
        labels: bool,
        overwrite: bool,
        progress: &dyn Progress,
    ) -> Result<Stored, Error> {
        let (group, form) = (self.model.group.clone(), self.form(labels)?);
        let unit = ZarrParts::fields_a_shard(&form);
        let shards = part(form.count.div_ceil(unit), group.rank(), group.size());
        let own = (shards.start * unit).min(form.count)..(shards.end * unit).min(form.count);
        let numbers = |i: usize| self.indices.start + i as u64;
        let (range, seed) = (numbers(own.start)..numbers(own.end), self.options.seed);
        let (fields, evaluations) = match &self.request {
            Some(request) => sample(&self.model, request, range.clone(), progress)?,
            None => {
                let known = self.known.as_ref();
                (self.model.surrogate_on(known, self.grid, seed, range.clone()), 0)
            }
        };
        let evaluations = group.largest(evaluations);
        let mut samples = self.samples(fields, range, evaluations)?;
        samples.shift(progress)?;
        let classes: Vec<f64> = samples.classes.iter().map(|class| f64::from(*class)).collect();
        let (fields, certain) = match samples.labels().filter(|_| labels) {
            Some(labels) => (labels, Some(Precision::U8)),
            None => (samples.into_measured(), None),
        };
        // as many digits as the values of all ranks need
        let ranges: Vec<f64> =
            ZarrParts::ranges(&fields).into_iter().flat_map(|(low, high)| [low, high]).collect();
        let ranges = group.gather_numbers(&ranges);
        let precision =
            certain.unwrap_or_else(|| ZarrParts::precision(&joined(&ranges, form.channels)));
        let all = |own: Result<(), Error>| {
            group.agreed(own, |rank| TrainError::OtherRank { rank }.into())
        };
        let begun = match group.is_first() {
            true => make_folder(path).and_then(|()| {
                Ok(ZarrParts::begin(path, &form, overwrite)?.to_string_lossy().into_owned())
            }),
            false => Ok(String::new()),
        };
        let mut folder = begun.as_ref().map_or_else(|_| Vec::new(), |f| f.clone().into_bytes());
        all(begun.map(drop))?;
        group.broadcast(&mut folder, 0);
        let folder = String::from_utf8_lossy(&folder).into_owned().into();
        let parts = ZarrParts { path: path.into(), folder, form };
        let put = match own.is_empty() {
            true => Ok(()),
            false => parts.put(own.start, &fields, precision),
        };
        let written = all(put.map_err(Error::from));
        if written.is_err() && group.is_first() {
            parts.clone().abandon();
        }
        written?;
        let finished = match group.is_first() {
            true => parts.finish(precision, overwrite).map_err(Error::from),
            false => Ok(()),
        };
        all(finished)?;
        let classes =
            group.collect_numbers(classes).into_iter().map(|class| class as u32).collect();
        Ok(Stored { classes, evaluations })
    }
}

/// Ranges of the channels over all ranks, `[rank, channel, (low, high)]`.
fn joined(ranges: &[f64], channels: usize) -> Vec<(f64, f64)> {
    let mut all = vec![(f64::INFINITY, f64::NEG_INFINITY); channels];
    for (i, [low, high]) in ranges.as_chunks().0.iter().enumerate() {
        let (least, most) = &mut all[i % channels];
        (*least, *most) = (least.min(*low), most.max(*high));
    }
    all
}
