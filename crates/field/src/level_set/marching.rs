//! Marching through the cubes of a grid: crossings become corners, loops become triangles.

use super::cubes::{Case, cases, edge_of};
use super::mesh::{Mesh, less};
use crate::FieldError;

/// Marks a missing vertex.
const NONE: u32 = u32::MAX;

/// Relative distance that crossings keep from the ends of an edge, so that no triangle has equal
/// corners.
const END: f64 = 1e-3;

/// The state of one pass through the cubes, slice by slice.
pub(super) struct Marching<'a> {
    pub(super) values: &'a [f64],
    pub(super) points: [usize; 3],
    pub(super) spacing: [f64; 3],
    /// Layers of outside nodes beyond the faces of the box.
    pub(super) pad: usize,
    pub(super) nodes: [usize; 3],
    pub(super) mesh: Mesh,
}

impl Marching<'_> {
    pub(super) fn run(mut self) -> Result<Mesh, FieldError> {
        let [n0, n1, n2] = self.nodes;
        let plane = n1 * n2;
        // edge crossings: along axes 1 and 2 in two layers of nodes, along axis 0 between the
        // layers
        let fresh = || vec![NONE; plane];
        let mut within = [[fresh(), fresh()], [fresh(), fresh()]];
        for i in 0..n0.saturating_sub(1) {
            let mut between = fresh();
            for j in 0..n1.saturating_sub(1) {
                for k in 0..n2.saturating_sub(1) {
                    let value =
                        |c: usize| self.value([i + (c & 1), j + (c >> 1 & 1), k + (c >> 2 & 1)]);
                    let inside = (0..8).fold(0, |bits, c| bits | usize::from(value(c) > 0.0) << c);
                    if inside == 0 || inside == 255 {
                        continue;
                    }
                    let mut at = [NONE; 12];
                    let case = &cases()[inside];
                    for &edge in case.loops.iter().flatten() {
                        let (axis, corner) = edge_of(edge);
                        let node = [i + (corner & 1), j + (corner >> 1 & 1), k + (corner >> 2 & 1)];
                        let flat = node[1] * n2 + node[2];
                        let slot = match axis {
                            0 => &mut between[flat],
                            a => &mut within[corner & 1][a - 1][flat],
                        };
                        if *slot == NONE {
                            *slot = u32::try_from(self.mesh.vertices.len()).unwrap_or(NONE);
                            let vertex = self.crossing(node, axis);
                            self.mesh.vertices.push(vertex);
                        }
                        at[edge] = *slot;
                    }
                    self.fill(case, &at);
                }
            }
            within.swap(0, 1);
            within[1] = [fresh(), fresh()];
        }
        let corners = self.mesh.vertices.len();
        if corners >= NONE as usize {
            return Err(FieldError::Parameter {
                parameter: "corners of the mesh",
                value: corners as f64,
                requirement: "a mesh has fewer than 2^32 corners; take a coarser grid",
            });
        }
        Ok(self.mesh)
    }

    /// The value at a node. Nodes beyond the box are outside.
    fn value(&self, node: [usize; 3]) -> f64 {
        let mut flat = 0;
        for (place, points) in node.into_iter().zip(self.points) {
            let Some(j) = place.checked_sub(self.pad).filter(|j| *j < points) else {
                return f64::NEG_INFINITY;
            };
            flat = flat * points + j;
        }
        self.values[flat]
    }

    /// The point where the surface crosses the edge that starts at a node along an axis.
    fn crossing(&self, node: [usize; 3], axis: usize) -> [f64; 3] {
        let mut next = node;
        next[axis] += 1;
        let (here, there) = (self.value(node), self.value(next));
        let share = match here.is_finite() && there.is_finite() {
            true => (here / (here - there)).clamp(END, 1.0 - END),
            // a face of the box lies in the middle of such an edge
            false => 0.5,
        };
        let centre = |a: usize| (node[a] as f64 - self.pad as f64 + 0.5) * self.spacing[a];
        let mut place = [centre(2), centre(1), centre(0)];
        place[2 - axis] += share * self.spacing[axis];
        place
    }

    /// Triangles of one cube.
    fn fill(&mut self, case: &Case, at: &[u32; 12]) {
        let loops = case.loops.iter().map(|l| l.iter().map(|e| at[*e]).collect::<Vec<u32>>());
        let loops: Vec<Vec<u32>> = loops.collect();
        if case.tube {
            self.tube(&loops[0], &loops[1]);
            return;
        }
        for (corners, from) in loops.iter().zip(&case.fans) {
            let n = corners.len();
            match from {
                Some(from) => {
                    let corner = |i: usize| corners[(from + i) % n];
                    let fan = (1..n - 1).map(|i| [corner(0), corner(i), corner(i + 1)]);
                    self.mesh.triangles.extend(fan);
                }
                None => {
                    let mut middle = [0.0; 3];
                    for corner in corners {
                        let v = self.mesh.vertices[*corner as usize];
                        (0..3).for_each(|a| middle[a] += v[a] / n as f64);
                    }
                    let centre = u32::try_from(self.mesh.vertices.len()).unwrap_or(NONE);
                    self.mesh.vertices.push(middle);
                    let fan = (0..n).map(|i| [corners[i], corners[(i + 1) % n], centre]);
                    self.mesh.triangles.extend(fan);
                }
            }
        }
    }

    /// A ring of six triangles between two loops of three corners.
    fn tube(&mut self, one: &[u32], other: &[u32]) {
        let apart = |a: u32, b: u32| {
            let d = less(self.mesh.vertices[a as usize], self.mesh.vertices[b as usize]);
            d.iter().map(|x| x * x).sum::<f64>()
        };
        // the other loop has the opposite orientation
        let facing = |start: usize, i: usize| other[(start + 3 - i) % 3];
        let length = |start: usize| (0..3).map(|i| apart(one[i], facing(start, i))).sum::<f64>();
        let start = (0..3).min_by(|a, b| length(*a).total_cmp(&length(*b))).unwrap_or(0);
        let ring: Vec<[u32; 3]> = (0..3)
            .flat_map(|i| {
                let (a, b) = (one[i], one[(i + 1) % 3]);
                let (c, d) = (facing(start, i), facing(start, (i + 1) % 3));
                [[a, b, c], [d, c, b]]
            })
            .collect();
        self.mesh.triangles.extend(ring);
    }
}
