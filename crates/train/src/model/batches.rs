//! The batches that fields are made in.

use std::ops::Range;

use karhunen_field::sampler::Refinement;

use crate::model::watch::Watch;

/// Cells of the samples under way at a time; bounds its memory (f64 states, f32 activations).
pub(crate) const BATCH_CELLS: usize = 1 << 19;

/// Fields of a batch, its times and grids, and who hears of its steps and looks at them.
pub(crate) type Batch<'a> = (
    Range<u64>,
    (&'a [f64], &'a [Refinement]),
    (&'a mut dyn FnMut(usize, usize), Option<&'a dyn Watch>),
);

/// Indices in batches: as many as run at a time where there are enough fields, together none above
/// the memory of a batch.
pub(crate) fn batches(indices: Range<u64>, cells: usize, at_a_time: usize) -> Vec<Range<u64>> {
    let share = (indices.end - indices.start).div_ceil(at_a_time as u64);
    let at_once = share.min((BATCH_CELLS / at_a_time / cells) as u64).max(1);
    let from = indices.clone().step_by(at_once as usize);
    from.map(|first| first..indices.end.min(first + at_once)).collect()
}
