//! Splits a stack with similar neighbours into training and validation sets.
//!
//! Random patches or slices would put near copies of the training data into the validation set.
//! Instead, whole blocks of neighbouring slices are used for validation, and slices near a block
//! belong to neither set.

use crate::FormatError;

/// The items for training and those for validation. Items in the gaps are in neither.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// Items for training, in order of position.
    pub train: Vec<usize>,
    /// Items for validation, in order of position.
    pub validation: Vec<usize>,
}

/// Splits a stack by blocks of neighbouring slices.
///
/// `positions[i]` is the position of item i
/// ([`RawFields::positions`](crate::RawFields::positions)). Positions may have gaps and any order.
/// The stack is divided into `blocks` equal parts, and each part gives one block of neighbours to
/// validation. About `validation_fraction` of the items are used, at least one for each block. An
/// item is used for training if its position differs by more than `gap` from that of every
/// validation item.
///
/// Each block is placed where it costs the fewest unused items (beside a gap or an end of the
/// stack, if there is one). Among such places, the one nearest to the middle of its part is taken.
///
/// **Errors** [`FormatError::Parameter`] unless 0 < `validation_fraction` < 1,
/// 1 ≤ `blocks` ≤ number of items, and at least one item is left to train on.
///
/// **Choosing** `gap` should be the distance at which the correlation of slices vanishes. Several
/// blocks cover more of a stack that drifts, but each costs one or two gaps.
///
/// # Example
/// ```
/// use karhunen_formats::split_blocks;
/// let split = split_blocks(&[1, 2, 3, 4, 5, 6, 7, 8, 20, 21], 0.2, 1, 2)?;
/// assert_eq!(split.validation, [8, 9]); // slices 20 and 21, beyond the hole
/// assert_eq!(split.train, [0, 1, 2, 3, 4, 5, 6, 7]); // none is too near
/// # Ok::<(), karhunen_formats::FormatError>(())
/// ```
pub fn split_blocks(
    positions: &[u64],
    validation_fraction: f64,
    blocks: usize,
    gap: u64,
) -> Result<Split, FormatError> {
    let count = positions.len();
    if !(validation_fraction > 0.0 && validation_fraction < 1.0) {
        return Err(FormatError::Parameter {
            parameter: "validation_fraction",
            value: validation_fraction.to_string(),
            requirement: "it lies strictly between 0 and 1".into(),
        });
    }
    if !(1..=count).contains(&blocks) {
        return Err(FormatError::Parameter {
            parameter: "blocks",
            value: blocks.to_string(),
            requirement: format!("there are at least 1 and at most as many as items, {count}"),
        });
    }
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by_key(|&i| positions[i]);
    let places: Vec<u64> = order.iter().map(|&i| positions[i]).collect();
    let wanted = ((validation_fraction * count as f64).round() as usize).clamp(blocks, count);
    let mut validates = vec![false; count];
    for block in 0..blocks {
        let share = |whole: usize, i: usize| whole * i / blocks;
        let (from, to) = (share(count, block), share(count, block + 1));
        let length = (share(wanted, block + 1) - share(wanted, block)).min(to - from);
        let middle = from + (to - from - length) / 2;
        let start = (from..=to - length)
            .min_by_key(|&s| (reach(&places, s..s + length, gap), s.abs_diff(middle)))
            .unwrap_or(middle);
        validates[start..start + length].fill(true);
    }
    let held: Vec<u64> = (0..count).filter(|&r| validates[r]).map(|r| places[r]).collect();
    let apart = |rank: usize| {
        let place = places[rank];
        let next = held.partition_point(|&p| p < place);
        held[..next].last().is_none_or(|&p| place - p > gap)
            && held.get(next).is_none_or(|&p| p - place > gap)
    };
    let ranked = |ranks: Vec<usize>| ranks.into_iter().map(|r| order[r]).collect();
    let split = Split {
        train: ranked((0..count).filter(|&r| apart(r)).collect()),
        validation: ranked((0..count).filter(|&r| validates[r]).collect()),
    };
    if split.train.is_empty() {
        return Err(FormatError::Parameter {
            parameter: "gap",
            value: gap.to_string(),
            requirement: format!(
                "with {blocks} block(s) of {} validation items in all it leaves none of {count} to \
                 train on",
                split.validation.len()
            ),
        });
    }
    Ok(split)
}

/// Number of items within `gap` of a block of ranks, including the block.
fn reach(places: &[u64], block: std::ops::Range<usize>, gap: u64) -> usize {
    let (Some(&first), Some(&last)) = (places.get(block.start), places[block].last()) else {
        return 0;
    };
    let from = places.partition_point(|&p| p < first.saturating_sub(gap));
    places.partition_point(|&p| p <= last.saturating_add(gap)) - from
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Slices 1 to 46 and 67 to 82: a stack with a gap in its numbers.
    fn stack() -> Vec<u64> {
        (1..=46).chain(67..=82).collect()
    }

    #[test]
    fn sides_are_disjoint_and_apart_everywhere() {
        let mut shuffled = stack();
        shuffled.reverse();
        for positions in [stack(), shuffled, (0..97).collect()] {
            for (fraction, blocks, gap) in
                [(0.1, 1, 6), (0.1, 2, 6), (0.2, 3, 4), (0.01, 5, 0), (0.5, 2, 1)]
            {
                let split = split_blocks(&positions, fraction, blocks, gap).unwrap();
                for (&t, &v) in
                    split.train.iter().flat_map(|t| split.validation.iter().map(move |v| (t, v)))
                {
                    assert!(positions[t].abs_diff(positions[v]) > gap);
                }
                let wanted = (fraction * positions.len() as f64).round() as usize;
                assert_eq!(split.validation.len(), wanted.max(blocks));
            }
        }
    }

    #[test]
    fn every_block_is_contiguous_and_nothing_is_lost_without_a_gap() {
        let split = split_blocks(&stack(), 0.2, 3, 0).unwrap();
        let runs = split.validation.windows(2).filter(|w| w[1] != w[0] + 1).count() + 1;
        assert_eq!((split.validation.len(), runs), (12, 3));
        assert_eq!(split.train.len() + split.validation.len(), 62);
    }

    #[test]
    fn a_hole_is_as_good_as_a_gap() {
        // slice 20 follows slice 6 in the list, but is far from it
        let split = split_blocks(&[4, 5, 6, 20, 21], 0.2, 1, 2).unwrap();
        assert_eq!((split.validation, split.train), (vec![3], vec![0, 1, 2]));
        // two blocks of three slices, each at an end or beside the hole, so each costs one gap
        let split = split_blocks(&stack(), 0.1, 2, 8).unwrap();
        assert_eq!((split.validation.len(), split.train.len()), (6, 62 - 6 - 2 * 8));
    }

    #[test]
    fn impossible_splits_say_which_parameter() {
        for (positions, fraction, blocks, gap, name) in [
            (stack(), 0.0, 1, 0, "validation_fraction"),
            (stack(), f64::NAN, 1, 0, "validation_fraction"),
            (stack(), 0.5, 0, 0, "blocks"),
            (stack(), 0.5, 63, 0, "blocks"),
            (stack(), 0.5, 1, 100, "gap"),
            (vec![], 0.5, 1, 0, "blocks"),
        ] {
            let error = split_blocks(&positions, fraction, blocks, gap).unwrap_err();
            assert!(matches!(error, FormatError::Parameter { parameter, .. } if parameter == name));
        }
    }
}
