//! The table of marching cubes, derived instead of typed in.
//!
//! On every face of a cube of eight cells, each run of inside cells is cut off separately. The cuts form
//! closed loops, and every loop is filled by a disc. In one case the outside cells are connected only
//! through the cube's middle: when the outside cells are at two opposite corners. That case gets a tube.

use std::sync::OnceLock;

/// The crossings of a cube. The bits of the case number tell which corners are inside.
pub(super) struct Case {
    /// Closed loops of crossed edges.
    pub loops: Vec<Vec<usize>>,
    /// Start of the triangle fan of each loop. It is chosen so that no diagonal lies in a face of
    /// the cube, where a neighbour might have the same diagonal. A loop without such a start gets a
    /// corner in its middle.
    pub fans: Vec<Option<usize>>,
    /// Whether both loops are the ends of one tube.
    pub tube: bool,
}

/// Edge number from its axis and its corner of lower coordinate.
pub(super) fn edge(axis: usize, corner: usize) -> usize {
    let (u, v) = ((axis + 1) % 3, (axis + 2) % 3);
    axis * 4 + (corner >> u & 1) + 2 * (corner >> v & 1)
}

/// The inverse of [`edge`].
pub(super) fn edge_of(edge: usize) -> (usize, usize) {
    let (axis, which) = (edge / 4, edge % 4);
    let (u, v) = ((axis + 1) % 3, (axis + 2) % 3);
    (axis, (which & 1) << u | (which >> 1) << v)
}

/// Whether two edges lie in the same face of the cube.
pub(super) fn share_a_face(one: usize, other: usize) -> bool {
    let faces = |e: usize| {
        let (axis, corner) = edge_of(e);
        (0..3).filter(move |a| *a != axis).map(move |a| (a, corner >> a & 1))
    };
    faces(one).any(|f| faces(other).any(|g| f == g))
}

/// The crossings of all cubes, by their case numbers.
pub(super) fn cases() -> &'static [Case] {
    static CASES: OnceLock<Vec<Case>> = OnceLock::new();
    CASES.get_or_init(|| (0..256).map(case).collect())
}

/// The crossings of a cube whose inside corners are the bits of a number.
pub(super) fn case(inside: usize) -> Case {
    let is_inside = |corner: usize| inside >> corner & 1 == 1;
    let mut next = [None; 12];
    for axis in 0..3 {
        for side in 0..2 {
            let (u, v) = ((axis + 1) % 3, (axis + 2) % 3);
            let mut ring = [0, 1 << u, 1 << u | 1 << v, 1 << v].map(|c: usize| c | side << axis);
            if side == 0 {
                ring.reverse();
            }
            let between = |i: usize| {
                let (a, b) = (ring[i], ring[(i + 1) % 4]);
                edge((a ^ b).trailing_zeros() as usize, a & b)
            };
            for i in 0..4 {
                if is_inside(ring[i]) || !is_inside(ring[(i + 1) % 4]) {
                    continue;
                }
                // a run of inside corners begins here: cut it off where it ends
                let end = (1..4).find(|n| !is_inside(ring[(i + n + 1) % 4])).unwrap_or(3);
                next[between((i + end) % 4)] = Some(between(i));
            }
        }
    }
    let mut loops: Vec<Vec<usize>> = Vec::new();
    for first in 0..12 {
        if next[first].is_none() || loops.iter().flatten().any(|e| *e == first) {
            continue;
        }
        let (mut ring, mut here) = (vec![first], first);
        while let Some(then) = next[here].filter(|e| *e != first) {
            ring.push(then);
            here = then;
        }
        loops.push(ring);
    }
    let fan = |ring: &Vec<usize>| {
        let n = ring.len();
        let free =
            |from: &usize| (2..n - 1).all(|i| !share_a_face(ring[*from], ring[(from + i) % n]));
        (0..n).find(free)
    };
    let outside: Vec<usize> = (0..8).filter(|c| !is_inside(*c)).collect();
    let tube = matches!(outside[..], [a, b] if a ^ b == 7);
    Case { fans: loops.iter().map(fan).collect(), loops, tube }
}
