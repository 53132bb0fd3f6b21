//! One binary tree over the pieces of a sum, and the parts of it that are known at one place.

use std::ops::Range;

/// The contiguous part of `count` things that is number `rank` of `size`: parts differ by one at most.
pub fn part(count: usize, rank: usize, size: usize) -> Range<usize> {
    // in 128 bits, so that the product does not overflow
    let at = |rank: usize| (count as u128 * rank as u128 / size as u128) as usize;
    at(rank)..at(rank + 1)
}

/// A node: 2^level pieces from number index · 2^level on, as far as there are so many.
pub(crate) type Node = (u32, usize);

/// Sums of runs of pieces, each a node of the tree, as large as they can be made of the pieces handed in.
///
/// Pieces are handed in by rising number. The tree depends on the number of pieces alone: a node is its left half plus
/// its right one.
///
/// # Example
/// ```
/// use karhunen_distributed::Partials;
/// let mut sum = Partials::of(4);
/// for (piece, value) in [1e8f32, 1.0, -1e8, 1.0].into_iter().enumerate() {
///     sum.push(piece, vec![value]);
/// }
/// // (1e8 + 1) + (-1e8 + 1), in single precision
/// assert_eq!(sum.into_sum(1), [0.0]);
/// ```
#[derive(Debug, Clone)]
pub struct Partials {
    pieces: usize,
    known: Vec<(Node, Vec<f32>)>,
}

impl Partials {
    /// A sum of so many pieces of which none is known.
    pub fn of(pieces: usize) -> Self {
        Self { pieces, known: Vec::new() }
    }

    /// Number of all pieces.
    pub fn pieces(&self) -> usize {
        self.pieces
    }

    /// Adds a piece, whose number is larger than those before.
    pub fn push(&mut self, piece: usize, values: Vec<f32>) {
        self.push_node((0, piece), values);
    }

    pub(crate) fn push_node(&mut self, node: Node, values: Vec<f32>) {
        let add = |left: &mut Vec<f32>, right: Vec<f32>| {
            left.iter_mut().zip(right).for_each(|(l, r)| *l += r);
        };
        push(&mut self.known, node, values, self.pieces, add);
    }

    /// What is known, by rising number of the pieces.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = &[f32]> {
        self.known.iter().map(|(_, values)| &values[..])
    }

    /// The sum of all pieces; zeros where there is none.
    pub fn into_sum(mut self, len: usize) -> Vec<f32> {
        debug_assert!(self.known.len() <= 1, "pieces are lacking");
        self.known.pop().map_or_else(|| vec![0.0; len], |(_, values)| values)
    }

    /// The nodes that these pieces come to.
    pub(crate) fn shape(pieces: Range<usize>, of: usize) -> Vec<Node> {
        let mut known = Vec::new();
        pieces.for_each(|piece| push(&mut known, (0, piece), (), of, |_, ()| ()));
        known.into_iter().map(|(node, ())| node).collect()
    }
}

/// Puts a node behind others and joins all halves that meet.
fn push<V>(
    known: &mut Vec<(Node, V)>,
    node: Node,
    mut values: V,
    pieces: usize,
    add: impl Fn(&mut V, V),
) {
    let (mut level, mut index) = node;
    while 1usize << level < pieces {
        let left = index.is_multiple_of(2);
        // a left half without pieces to its right is the whole
        if left && (index + 1) << level < pieces {
            break;
        }
        if !left {
            let Some((_, half)) = known.pop_if(|(other, _)| *other == (level, index - 1)) else {
                break;
            };
            let mut whole = half;
            add(&mut whole, values);
            values = whole;
        }
        (level, index) = (level + 1, index / 2);
    }
    known.push(((level, index), values));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_all_and_as_alike_as_can_be() {
        for (count, size) in [(0, 3), (1, 4), (7, 3), (32, 5), (100, 1)] {
            let parts: Vec<_> = (0..size).map(|r| part(count, r, size)).collect();
            let lengths: Vec<usize> = parts.iter().map(Range::len).collect();
            assert_eq!(lengths.iter().sum::<usize>(), count);
            assert!(lengths.iter().max().unwrap() - lengths.iter().min().unwrap() <= 1);
            assert!(parts.windows(2).all(|pair| pair[0].end == pair[1].start));
        }
    }

    #[test]
    fn the_tree_is_halves_of_halves() {
        // values that tell in which order they were added: f(a, b) = "(a b)"
        let told = |pieces: usize| {
            let mut known: Vec<(Node, String)> = Vec::new();
            for piece in 0..pieces {
                push(&mut known, (0, piece), piece.to_string(), pieces, |l, r| {
                    *l = format!("({l} {r})")
                });
            }
            assert_eq!(known.len(), 1);
            known.remove(0).1
        };
        assert_eq!(told(1), "0");
        assert_eq!(told(3), "((0 1) 2)");
        assert_eq!(told(4), "((0 1) (2 3))");
        assert_eq!(told(7), "(((0 1) (2 3)) ((4 5) 6))");
    }

    #[test]
    fn aligned_parts_are_one_node_each() {
        for size in [1, 2, 4, 8] {
            for rank in 0..size {
                assert_eq!(Partials::shape(part(8, rank, size), 8).len(), 1);
            }
        }
        assert_eq!(Partials::shape(1..5, 8), [(0, 1), (1, 1), (0, 4)]);
        assert_eq!(Partials::shape(3..3, 8), []);
    }
}
