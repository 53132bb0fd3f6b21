//! Floors: the value of a statistic between two sets of real fields, of the same sizes as the
//! comparison.
//!
//! At finite n no distance is zero, not even between two halves of the data, and a U-statistic can
//! be negative. The floor is therefore the unit in which every distance should be read.

use serde::{Deserialize, Serialize};

use crate::noise::stream;
use crate::{FieldError, ModeNoise};

/// The part of the splits that lies below the floor.
const LEVEL: f64 = 0.95;

/// Fewest splits that have a 95 % quantile: below 19 even the largest value lies under it.
pub(super) const LEAST_SPLITS: usize = 20;

/// How the two sets of real fields were drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FloorKind {
    /// Without replacement: the sets share no field. This is the preferred kind.
    Disjoint,
    /// With replacement, because there are too few real fields for two disjoint sets.
    Bootstrap,
}

/// 95 % quantile of a statistic between two sets of real fields.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Floor {
    /// The quantile.
    pub value: f64,
    /// How the sets were drawn.
    pub kind: FloorKind,
    /// Number of pairs of sets.
    pub splits: usize,
}

/// Pairs of index sets into a pool of real fields, drawn once and shared by all statistics.
///
/// # Example
/// ```
/// use karhunen_field::metrics::{FloorKind, Splits};
/// let splits = Splits::new(10, 4, 6, 20, 1)?;
/// assert_eq!(splits.kind(), FloorKind::Disjoint);
/// let floor = splits.floor(|x, y| Ok((x.len() + y.len()) as f64))?;
/// assert_eq!(floor.value, 10.0);
/// # Ok::<(), karhunen_field::FieldError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Splits {
    kind: FloorKind,
    pairs: Vec<(Vec<usize>, Vec<usize>)>,
}

impl Splits {
    /// Draws `splits` random pairs of sets of `first` and `second` out of `pool` fields. The sets
    /// are disjoint if first + second ≤ pool, else both are drawn with replacement. Each has at least
    /// two different fields.
    ///
    /// # Errors
    /// [`FieldError::TooFew`] below two fields in the pool or a set, or below three in a pool that is drawn from with
    /// replacement; [`FieldError::Parameter`]
    /// below 20 splits.
    pub fn new(
        pool: usize,
        first: usize,
        second: usize,
        splits: usize,
        seed: u64,
    ) -> Result<Self, FieldError> {
        let count = pool.min(first).min(second);
        if count < 2 {
            return Err(FieldError::TooFew { what: "a floor", least: 2, count });
        }
        if splits < LEAST_SPLITS {
            return Err(FieldError::Parameter {
                parameter: "splits",
                value: splits as f64,
                requirement: "a 95 % quantile needs at least 20 splits",
            });
        }
        let kind = if first + second <= pool { FloorKind::Disjoint } else { FloorKind::Bootstrap };
        if kind == FloorKind::Bootstrap && pool < 3 {
            // all sets that vary would be the same two fields
            return Err(FieldError::TooFew { what: "a floor", least: 3, count: pool });
        }
        let pairs = (0..splits as u64)
            .map(|split| {
                let mut drawn = match kind {
                    FloorKind::Disjoint => shuffled(pool, seed, split),
                    FloorKind::Bootstrap => ModeNoise::new(seed)
                        .uniforms(first + second, split, stream::METRICS)
                        .iter()
                        .map(|u| (u * pool as f64) as usize)
                        .collect(),
                };
                drawn.truncate(first + second);
                let mut rest = drawn.split_off(first);
                [&mut drawn, &mut rest].into_iter().for_each(|set| vary(set, pool));
                (drawn, rest)
            })
            .collect();
        Ok(Self { kind, pairs })
    }

    /// How the sets are drawn.
    pub fn kind(&self) -> FloorKind {
        self.kind
    }

    /// The floor of a statistic of two index sets. The first set stands for the samples and the
    /// second for the reference.
    ///
    /// It is the k-th smallest value with k = ⌈0.95 (splits + 1)⌉. A further pair of sets lies
    /// below it with at least that probability.
    ///
    /// # Errors
    /// Any error of the statistic.
    pub fn floor(
        &self,
        mut statistic: impl FnMut(&[usize], &[usize]) -> Result<f64, FieldError>,
    ) -> Result<Floor, FieldError> {
        let [value] = self.floors(|x, y| Ok([statistic(x, y)?]))?;
        Ok(Floor { value, kind: self.kind, splits: self.pairs.len() })
    }

    /// The floors of several statistics that one computation returns together.
    ///
    /// # Errors
    /// As [`Splits::floor`].
    pub(super) fn floors<const K: usize>(
        &self,
        mut statistics: impl FnMut(&[usize], &[usize]) -> Result<[f64; K], FieldError>,
    ) -> Result<[f64; K], FieldError> {
        let floors = self.floors_of(|x, y| Ok(statistics(x, y)?.to_vec()))?;
        Ok(std::array::from_fn(|k| floors[k]))
    }

    /// The same for a number of statistics known at run time, such as one a channel.
    ///
    /// # Errors
    /// As [`Splits::floor`].
    pub(super) fn floors_of(
        &self,
        mut statistics: impl FnMut(&[usize], &[usize]) -> Result<Vec<f64>, FieldError>,
    ) -> Result<Vec<f64>, FieldError> {
        let rows =
            self.pairs.iter().map(|(x, y)| statistics(x, y)).collect::<Result<Vec<_>, _>>()?;
        let rank = (LEVEL * (rows.len() + 1) as f64).ceil() as usize;
        let floor = |k: usize| {
            let mut values: Vec<f64> = rows.iter().map(|row| row[k]).collect();
            values.sort_unstable_by(f64::total_cmp);
            values[rank.min(values.len()) - 1]
        };
        Ok((0..rows.first().map_or(0, Vec::len)).map(floor).collect())
    }
}

/// Puts a second field into a set that holds one field again and again. Without it the set would have no variance. Only
/// bootstraps of a handful of fields draw such sets.
fn vary(set: &mut [usize], pool: usize) {
    if let [first, rest @ .., last] = set
        && first == last
        && rest.iter().all(|i| i == first)
    {
        *last = (*first + 1) % pool;
    }
}

/// 0 … n−1 in a random order (Fisher–Yates), one for each number of a seed.
pub fn shuffled(n: usize, seed: u64, number: u64) -> Vec<usize> {
    let uniforms = ModeNoise::new(seed).uniforms(n, number, stream::METRICS);
    let mut order: Vec<usize> = (0..n).collect();
    for (i, u) in uniforms.iter().enumerate().skip(1).rev() {
        order.swap(i, (u * (i + 1) as f64) as usize);
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disjoint_sets_share_nothing_and_bootstraps_say_so() {
        let splits = Splits::new(9, 4, 5, 30, 7).unwrap();
        assert_eq!(splits.kind(), FloorKind::Disjoint);
        for (x, y) in &splits.pairs {
            let mut all: Vec<usize> = x.iter().chain(y).copied().collect();
            all.sort_unstable();
            assert_eq!((x.len(), all), (4, (0..9).collect()));
        }
        assert_ne!(splits.pairs[0], splits.pairs[1]);
        assert_eq!(splits, Splits::new(9, 4, 5, 30, 7).unwrap());

        let few = Splits::new(5, 4, 5, 20, 7).unwrap();
        assert_eq!(few.kind(), FloorKind::Bootstrap);
        for (x, y) in &few.pairs {
            assert_eq!((x.len(), y.len()), (4, 5));
            assert!(x.iter().chain(y).all(|i| *i < 5));
        }

        // of 400 sets of three fields one in nine would hold the same field three times
        let handful = Splits::new(3, 3, 3, 200, 7).unwrap();
        let sets = handful.pairs.iter().flat_map(|(x, y)| [x, y]);
        assert!(sets.clone().all(|set| set.iter().any(|i| *i != set[0])));
        assert!(sets.flatten().all(|i| *i < 3));
    }

    #[test]
    fn the_quantile_keeps_its_promise() {
        for (splits, rank) in [(20, 20), (39, 38), (40, 39), (99, 95)] {
            let pairs = Splits::new(6, 3, 3, splits, 0).unwrap();
            let mut next = 0.0;
            let floor = pairs.floor(|_, _| {
                next -= 1.0;
                Ok(next)
            });
            // values −1 … −splits: the k-th smallest is −(splits + 1 − k)
            assert_eq!(floor.unwrap().value, -((splits + 1 - rank) as f64));
        }
    }

    #[test]
    fn orders_are_uniform() {
        let (n, draws) = (5, 4000);
        let mut counts = vec![0.0; n * n];
        for number in 0..draws {
            for (place, item) in shuffled(n, 3, number).into_iter().enumerate() {
                counts[place * n + item] += 1.0;
            }
        }
        let (expected, variance) = (draws as f64 / 5.0, draws as f64 * 0.16);
        // 25 binomial counts at 5 standard errors: false alarm near 1e-5
        assert!(counts.iter().all(|c: &f64| (c - expected).abs() < 5.0 * variance.sqrt()));
    }

    #[test]
    fn refuses_too_little() {
        assert!(matches!(Splits::new(8, 1, 4, 20, 0), Err(FieldError::TooFew { .. })));
        assert!(matches!(Splits::new(2, 2, 2, 20, 0), Err(FieldError::TooFew { least: 3, .. })));
        assert!(matches!(Splits::new(8, 4, 4, 19, 0), Err(FieldError::Parameter { .. })));
    }
}
