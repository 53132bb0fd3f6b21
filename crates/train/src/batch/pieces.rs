//! A batch in pieces, which the ranks of a job share.
//!
//! A batch of B fields is cut into P pieces of B/P fields, by these two numbers alone. Each piece has a loss and a
//! gradient, weighted by its part of the batch, and those are summed in one fixed tree ([`karhunen_distributed::Partials`]).
//! Which rank computes a piece changes nothing, so a run has the same bits on any number of ranks.
//!
//! One piece is the batch as a whole, as it always was. Its bits differ from those of several pieces in the rounding: kernels
//! sum over the fields of a batch in an order of their own. So P is a key of its own, `training.pieces`, and is kept in
//! checkpoints.

use std::ops::Range;

use karhunen_distributed::{Group, Partials, part};
use karhunen_net::{Model, Named, Parameters};

use crate::TrainError;
use crate::batch::Batch;
use crate::batch::loss::{loss_and_gradients, share_and_gradients};

/// Fields of a piece by default. Pieces of four cost a third more than the batch as a whole (docs/clusters.md).
const FIELDS: usize = 8;
/// Smallest default number of pieces, so that two ranks have work.
const LEAST: usize = 2;

/// How a batch is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pieces {
    batch: usize,
    count: usize,
}

impl Pieces {
    /// A batch of so many fields in so many pieces, at most one a field.
    pub fn new(batch: usize, count: usize) -> Self {
        Self { batch, count: count.clamp(1, batch.max(1)) }
    }

    /// Pieces that suit a batch, by its size alone.
    ///
    /// # Example
    /// ```
    /// use karhunen_train::pieces::Pieces;
    /// assert_eq!([1, 8, 32, 64].map(|batch| Pieces::suiting(batch).count()), [1, 2, 4, 8]);
    /// ```
    pub fn suiting(batch: usize) -> Self {
        Self::new(batch, batch.div_ceil(FIELDS).max(LEAST))
    }

    /// Number of pieces.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Fields of a piece.
    pub fn fields(&self, piece: usize) -> Range<usize> {
        part(self.batch, piece, self.count)
    }

    /// A warning, if there are more ranks than pieces.
    pub fn idle(&self, ranks: usize) -> Option<String> {
        let (count, batch) = (self.count, self.batch);
        let idle = ranks.saturating_sub(count);
        let more = match batch > count {
            true => format!("training.pieces = {} would employ more of them", ranks.min(batch)),
            false => "a larger training.batch would employ more of them".into(),
        };
        (idle > 0).then(|| {
            format!("{idle} of {ranks} ranks are idle: batches have {count} piece(s) of {batch} fields; {more}")
        })
    }

    /// Loss and gradient of a batch, to every rank; `make` makes the fields of a piece.
    pub(crate) fn loss_and_gradients(
        &self,
        group: &Group,
        (model, weights): (&Model, &Parameters),
        make: &mut dyn FnMut(Range<usize>) -> Batch,
    ) -> Result<(f64, Parameters), TrainError> {
        if self.count == 1 && !group.is_shared() {
            return loss_and_gradients(model, &make(self.fields(0)));
        }
        let len = weights.count() + 1;
        let mut sum = Partials::of(self.count);
        for piece in part(self.count, group.rank(), group.size()) {
            let fields = self.fields(piece);
            let share = fields.len() as f32 / self.batch as f32;
            let (loss, gradients) = share_and_gradients(model, &make(fields), share)?;
            let mut values = Vec::with_capacity(len);
            gradients.arrays.iter().for_each(|array| values.extend_from_slice(&array.values));
            values.push(loss);
            sum.push(piece, values);
        }
        let mut values = group.all_reduce(sum, len);
        let loss = values.pop().unwrap_or(f32::NAN);
        let mut rest = &values[..];
        let arrays = weights.arrays.iter().map(|like| {
            let (own, others) = rest.split_at(like.values.len());
            rest = others;
            Named {
                name: like.name.clone(),
                shape: like.shape.clone(),
                values: own.to_vec().into(),
            }
        });
        Ok((f64::from(loss), Parameters { arrays: arrays.collect() }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_all_of_the_batch_and_never_more_than_it_has_fields() {
        for (batch, count) in [(32, 8), (7, 3), (3, 5), (1, 1)] {
            let pieces = Pieces::new(batch, count);
            let all: Vec<usize> = (0..pieces.count()).flat_map(|p| pieces.fields(p)).collect();
            assert_eq!(all, (0..batch).collect::<Vec<_>>());
            assert!((0..pieces.count()).all(|p| !pieces.fields(p).is_empty()));
        }
    }

    #[test]
    fn idle_ranks_are_told_with_what_would_employ_them() {
        assert_eq!(Pieces::new(32, 8).idle(8), None);
        let told = Pieces::new(32, 1).idle(4).unwrap();
        assert!(
            told.starts_with("3 of 4 ranks are idle") && told.contains("training.pieces = 4"),
            "{told}"
        );
        assert!(Pieces::new(2, 2).idle(4).unwrap().contains("a larger training.batch"));
    }
}
