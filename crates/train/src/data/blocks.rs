//! Splits a line of neighbouring fields or slices: blocks are held out, with gaps around them.

use std::ops::Range;

use crate::config::hold_out::Blocks;

/// Part of the kept places that gaps may take; wider gaps are made smaller.
const LOST: f64 = 0.25;

/// What is split: the fields of a series, or the slices along an axis.
pub(crate) struct Line {
    /// Place of each element.
    pub positions: Vec<u64>,
    /// Number of neighbouring elements that a patch needs.
    pub thick: usize,
    /// What the elements are called in messages.
    pub what: &'static str,
    /// Number of places left out on both sides of a block, if there is room.
    pub gap: u64,
}

/// Positions trained on, positions held out, and notes on what was done.
type Divided = (Vec<usize>, Vec<usize>, Vec<String>);

impl Line {
    /// Splits the line: positions trained on and held out, each in rising order, and notes on what
    /// was done.
    pub fn divide(&self, share: f64, rule: &Blocks) -> Result<Divided, String> {
        let (count, thick, what) = (self.positions.len(), self.thick, self.what);
        let mut order: Vec<usize> = (0..count).collect();
        order.sort_by_key(|&i| self.positions[i]);
        let asked = (share * count as f64).round() as usize;
        let middles: Vec<f64> = match (&rule.at, rule.blocks) {
            (Some(at), _) => at.clone(),
            (None, blocks) => {
                let blocks = blocks.unwrap_or(1).min((asked / thick).max(1));
                (0..blocks).map(|i| (i as f64 + 0.5) / blocks as f64).collect()
            }
        };
        let length = asked.div_ceil(middles.len()).max(thick).max(1);
        // on a short line, a block in the middle would leave no room for a patch on either side
        let short = count.saturating_sub(length) / 2 < thick + self.gap as usize;
        let middles = if short && middles.len() == 1 && rule.at.is_none() && thick > 1 {
            vec![1.0]
        } else {
            middles
        };
        if length * middles.len() + thick > count {
            return Err(format!(
                "{count} {what} do not hold {} block(s) of {length} to hold out and {thick} in a row to train on; cut smaller patches, lower data.validation, or give data.validation_source",
                middles.len()
            ));
        }
        let mut held = vec![false; count];
        for middle in &middles {
            let start = (middle * count as f64 - length as f64 / 2.0).round().max(0.0) as usize;
            let start = start.min(count - length);
            held[start..start + length].fill(true);
        }
        let mut gap = self.gap;
        let mut keep = self.apart(&order, &held, gap);
        let free = held.iter().filter(|h| !**h).count();
        let enough = |keep: &[usize]| {
            let lost = free - keep.len();
            let longest = runs(keep).iter().map(Range::len).max().unwrap_or(0);
            lost as f64 <= LOST * free as f64 && (thick == 1 || longest >= thick)
        };
        while gap > 0 && !enough(&keep) {
            gap -= 1;
            keep = self.apart(&order, &held, gap);
        }
        // ranks of slices are neighbours; those of fields in a series need not be
        if runs(&keep).iter().all(|run| run.len() < thick) {
            return Err(format!(
                "{what} {:?} are left to train on, nowhere {thick} in a row as a patch needs; lower data.validation, or cut smaller patches",
                runs(&keep)
            ));
        }
        let hold: Vec<usize> = (0..count).filter(|r| held[*r]).collect();
        let mut notes = vec![format!(
            "{what} {} of {count} are held out ({} %), {} around them left out, {} to train on",
            described(&runs(&hold)),
            (100 * hold.len()).div_ceil(count),
            count - hold.len() - keep.len(),
            keep.len()
        )];
        if gap < self.gap {
            notes.push(format!(
                "a gap of {gap} instead of {} {what} around held-out blocks: more would leave too little to train on",
                self.gap
            ));
        }
        if middles.len() < 3 && rule.at.is_none() {
            notes.push(format!(
                "{} block(s) are held out: too few to tell a drift along the {what} from what the model lacks",
                middles.len()
            ));
        }
        let ranked = |ranks: Vec<usize>| ranks.into_iter().map(|r| order[r]).collect();
        Ok((ranked(keep), ranked(hold), notes))
    }

    /// Ranks that are further than `gap` from every held-out element.
    fn apart(&self, order: &[usize], held: &[bool], gap: u64) -> Vec<usize> {
        let place = |rank: usize| self.positions[order[rank]];
        let held: Vec<u64> = (0..held.len()).filter(|r| held[*r]).map(place).collect();
        let far = |rank: &usize| {
            let at = place(*rank);
            let next = held.partition_point(|&p| p < at);
            held[..next].last().is_none_or(|&p| at - p > gap)
                && held.get(next).is_none_or(|&p| p - at > gap)
        };
        (0..order.len()).filter(far).collect()
    }
}

/// Runs of consecutive numbers.
pub(crate) fn runs(rising: &[usize]) -> Vec<Range<usize>> {
    rising.chunk_by(|a, b| *b == a + 1).map(|run| run[0]..run[0] + run.len()).collect()
}

fn described(runs: &[Range<usize>]) -> String {
    let each: Vec<String> = runs.iter().map(|r| format!("{}–{}", r.start, r.end - 1)).collect();
    each.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(count: usize, thick: usize, gap: u64) -> Line {
        Line { positions: (0..count as u64).collect(), thick, what: "slices", gap }
    }

    fn blocks(blocks: usize) -> Blocks {
        Blocks { blocks: Some(blocks), ..Blocks::default() }
    }

    #[test]
    fn blocks_are_spread_as_thick_as_patches_and_apart() {
        for (length, thick, share, gap, wanted, have) in [
            (400, 64, 0.2, 16, 4, 1),
            (400, 32, 0.4, 6, 4, 4),
            (97, 5, 0.3, 2, 4, 4),
            (12, 3, 0.25, 0, 2, 1),
            (200, 1, 0.1, 4, 4, 4),
        ] {
            let (keep, hold, _) = line(length, thick, gap).divide(share, &blocks(wanted)).unwrap();
            let (keep, hold) = (runs(&keep), runs(&hold));
            assert_eq!(hold.len(), have, "{hold:?}");
            assert!(hold.iter().all(|slab| slab.len() >= thick), "{hold:?}");
            for (k, h) in keep.iter().flat_map(|k| hold.iter().map(move |h| (k, h))) {
                let gap = gap as usize;
                assert!(k.end + gap <= h.start || h.end + gap <= k.start, "{k:?} {h:?}");
            }
            // one block in each part of the line
            for (i, h) in hold.iter().enumerate() {
                let middle = (h.start + h.end) as f64 / 2.0 / length as f64;
                assert!(
                    (middle - (i as f64 + 0.5) / have as f64).abs() < 0.6 / length as f64 + 0.01
                );
            }
        }
    }

    #[test]
    fn gaps_shrink_to_what_is_there_and_say_so() {
        let (keep, hold, notes) = line(24, 1, 8).divide(0.2, &blocks(4)).unwrap();
        assert_eq!(hold.len(), 8);
        assert!(keep.len() >= 12, "{keep:?}");
        assert!(notes[1].contains("instead of 8"), "{notes:?}");
        let (_, _, plenty) = line(1000, 1, 8).divide(0.1, &blocks(4)).unwrap();
        assert_eq!(plenty.len(), 1, "{plenty:?}");
    }

    #[test]
    fn blocks_lie_where_they_are_asked_for() {
        let at = Blocks { at: Some(vec![0.0, 0.75]), ..Blocks::default() };
        let (keep, hold, _) = line(100, 1, 5).divide(0.2, &at).unwrap();
        assert_eq!(runs(&hold), [0..10, 70..80]);
        assert_eq!(runs(&keep), [15..65, 85..100]);
    }

    #[test]
    fn series_with_holes_and_of_any_order_are_split_by_their_places() {
        let places: Vec<u64> = (1..=46).chain(67..=82).rev().collect();
        let line = Line { positions: places.clone(), thick: 1, what: "fields", gap: 1 };
        let (keep, hold, _) = line.divide(0.2, &blocks(3)).unwrap();
        for k in &keep {
            assert!(hold.iter().all(|h| places[*k].abs_diff(places[*h]) > 1));
        }
    }

    #[test]
    fn what_cannot_be_split_says_what_to_change() {
        let thin = line(100, 64, 8).divide(0.1, &blocks(1)).unwrap_err();
        assert!(
            thin.contains("do not hold 1 block(s) of 64") && thin.contains("patches"),
            "{thin}"
        );
    }

    #[test]
    fn runs_are_what_is_consecutive() {
        assert_eq!(runs(&[0, 1, 2, 5, 7, 8]), [0..3, 5..6, 7..9]);
        assert!(runs(&[]).is_empty());
    }
}
