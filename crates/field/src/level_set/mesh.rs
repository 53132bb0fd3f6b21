//! The interface as a watertight triangle mesh, by marching cubes. This file is long: it holds the
//! table of cubes, the surface made with it, and the tests of both.
//!
//! The table of marching cubes is derived, not typed in. On every face of a cube of eight cells,
//! each run of inside cells is cut off separately. The cuts form closed loops, and every loop is
//! filled by a disc. In one case the outside cells are connected only through the cube's middle:
//! when the outside cells are at two opposite corners. That case gets a tube. The body inside the
//! mesh therefore has the topology of the inside cells with 6 neighbours, and its outside that of
//! the other cells with 26.

use std::sync::OnceLock;

use crate::{FieldError, Grid};

/// Marks a missing vertex.
const NONE: u32 = u32::MAX;
/// Relative distance that crossings keep from the ends of an edge, so that no triangle has equal
/// corners.
const END: f64 = 1e-3;

/// A surface of triangles.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Mesh {
    /// Corners (x, y, z) in units of the box. x belongs to the grid's last axis, z to its first.
    pub vertices: Vec<[f64; 3]>,
    /// Three corners each, counterclockwise as seen from outside.
    pub triangles: Vec<[u32; 3]>,
}

/// Treatment of the surface where the phase meets the faces of the box.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ends {
    /// The surface is closed on the faces, so it is watertight.
    Capped,
    /// The surface ends half a cell before the faces.
    Open,
}

impl Mesh {
    /// The boundary surface of the region where a three-dimensional field is positive.
    ///
    /// Corners lie where linear interpolation between cell centres is zero, and caps lie on the
    /// faces of the box. If capped, every edge belongs to two triangles. The [`Mesh::euler_number`]
    /// is then twice the Euler number of the positive cells with 6 neighbours
    /// ([`Connectivity::Faces`](crate::metrics::Connectivity)).
    ///
    /// **Cost** linear in the cells; besides the result, memory for two slices.
    ///
    /// # Errors
    /// [`FieldError::Dimension`] unless the grid has three axes; [`FieldError::Length`] unless
    /// there is one value for each cell; [`FieldError::Parameter`] for more than 2³² corners.
    ///
    /// # Example
    /// ```
    /// use karhunen_field::level_set::{Ends, Mesh};
    /// use karhunen_field::{Boundary, Grid};
    /// let grid = Grid::unit(&[8, 8, 8], Boundary::Neumann)?;
    /// let ball = |cell: usize| {
    ///     let p = grid.position(cell).map(|j| (j as f64 + 0.5) / 8.0 - 0.5);
    ///     0.4 - p.iter().map(|x| x * x).sum::<f64>().sqrt()
    /// };
    /// let values: Vec<f64> = (0..grid.len()).map(ball).collect();
    /// let mesh = Mesh::of(&grid, &values, Ends::Capped)?;
    /// assert_eq!(mesh.euler_number(), 2);
    /// assert!(mesh.volume() > 0.25);
    /// # Ok::<(), karhunen_field::FieldError>(())
    /// ```
    pub fn of(grid: &Grid, values: &[f64], ends: Ends) -> Result<Self, FieldError> {
        let [a0, a1, a2] = grid.axes() else { return Err(FieldError::Dimension(grid.dim())) };
        if values.len() != grid.len() {
            return Err(FieldError::Length { values: values.len(), channels: 1, grid: *grid });
        }
        let points = [a0.points, a1.points, a2.points];
        let spacing = [a0, a1, a2].map(|a| a.length / a.points as f64);
        let pad = usize::from(ends == Ends::Capped);
        let nodes = points.map(|n| n + 2 * pad);
        Marching { values, points, spacing, pad, nodes, mesh: Mesh::default() }.run()
    }

    /// Corners − edges + triangles of a closed surface.
    pub fn euler_number(&self) -> i64 {
        // each triangle contributes three half edges
        self.vertices.len() as i64 - self.triangles.len() as i64 / 2
    }

    /// Area, in units of the box squared.
    pub fn area(&self) -> f64 {
        let area = |t: &[u32; 3]| {
            let [a, b, c] = self.corners(t);
            let n = cross(less(b, a), less(c, a));
            0.5 * n.iter().map(|x| x * x).sum::<f64>().sqrt()
        };
        self.triangles.iter().map(area).sum()
    }

    /// Enclosed volume, in units of the box cubed; for closed surfaces.
    pub fn volume(&self) -> f64 {
        let volume = |t: &[u32; 3]| {
            let [a, b, c] = self.corners(t);
            let n = cross(b, c);
            (a[0] * n[0] + a[1] * n[1] + a[2] * n[2]) / 6.0
        };
        self.triangles.iter().map(volume).sum()
    }

    /// The corners of a triangle.
    pub fn corners(&self, triangle: &[u32; 3]) -> [[f64; 3]; 3] {
        triangle.map(|v| self.vertices[v as usize])
    }
}

fn less(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

/// The state of one pass through the cubes, slice by slice.
struct Marching<'a> {
    values: &'a [f64],
    points: [usize; 3],
    spacing: [f64; 3],
    /// Layers of outside nodes beyond the faces of the box.
    pad: usize,
    nodes: [usize; 3],
    mesh: Mesh,
}

impl Marching<'_> {
    fn run(mut self) -> Result<Mesh, FieldError> {
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

/// The crossings of a cube. The bits of the case number tell which corners are inside.
struct Case {
    /// Closed loops of crossed edges.
    loops: Vec<Vec<usize>>,
    /// Start of the triangle fan of each loop. It is chosen so that no diagonal lies in a face of
    /// the cube, where a neighbour might have the same diagonal. A loop without such a start gets a
    /// corner in its middle.
    fans: Vec<Option<usize>>,
    /// Whether both loops are the ends of one tube.
    tube: bool,
}

/// Edge number from its axis and its corner of lower coordinate.
fn edge(axis: usize, corner: usize) -> usize {
    let (u, v) = ((axis + 1) % 3, (axis + 2) % 3);
    axis * 4 + (corner >> u & 1) + 2 * (corner >> v & 1)
}

/// The inverse of [`edge`].
fn edge_of(edge: usize) -> (usize, usize) {
    let (axis, which) = (edge / 4, edge % 4);
    let (u, v) = ((axis + 1) % 3, (axis + 2) % 3);
    (axis, (which & 1) << u | (which >> 1) << v)
}

/// Whether two edges lie in the same face of the cube.
fn share_a_face(one: usize, other: usize) -> bool {
    let faces = |e: usize| {
        let (axis, corner) = edge_of(e);
        (0..3).filter(move |a| *a != axis).map(move |a| (a, corner >> a & 1))
    };
    faces(one).any(|f| faces(other).any(|g| f == g))
}

fn cases() -> &'static [Case] {
    static CASES: OnceLock<Vec<Case>> = OnceLock::new();
    CASES.get_or_init(|| (0..256).map(case).collect())
}

fn case(inside: usize) -> Case {
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

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::f64::consts::PI;

    use proptest::prelude::*;

    use super::*;
    use crate::metrics::{Connectivity, euler_number};
    use crate::{Axis, Boundary, Ensemble};

    /// Whether every edge is used once in each direction.
    fn is_watertight(mesh: &Mesh) -> bool {
        let mut edges: HashMap<(u32, u32), u32> = HashMap::new();
        for t in &mesh.triangles {
            (0..3).for_each(|i| *edges.entry((t[i], t[(i + 1) % 3])).or_default() += 1);
        }
        edges.iter().all(|((a, b), n)| *n == 1 && edges.get(&(*b, *a)) == Some(&1) && a != b)
    }

    /// Whether the triangles at every corner form one ring, so that the surface touches itself
    /// nowhere.
    fn is_manifold(mesh: &Mesh) -> bool {
        let mut after: Vec<HashMap<u32, u32>> = vec![HashMap::new(); mesh.vertices.len()];
        for t in &mesh.triangles {
            (0..3).for_each(|i| {
                after[t[i] as usize].insert(t[(i + 1) % 3], t[(i + 2) % 3]);
            });
        }
        after.iter().all(|ring| {
            let Some(first) = ring.keys().next() else { return false };
            let (mut here, mut steps) = (ring[first], 1);
            while here != *first && steps <= ring.len() {
                (here, steps) = (ring[&here], steps + 1);
            }
            steps == ring.len()
        })
    }

    fn twice_the_cells(grid: &Grid, values: &[f64]) -> i64 {
        let ones = values.iter().map(|v| f64::from(u8::from(*v > 0.0))).collect();
        let phase = Ensemble::new(*grid, 1, ones).unwrap();
        2 * euler_number(&phase, Connectivity::Faces).unwrap()[0][0]
    }

    #[test]
    fn all_cases_of_a_cube_are_closed_and_have_the_cells_topology() {
        let grid = Grid::unit(&[2, 2, 2], Boundary::Neumann).unwrap();
        for inside in 0..256 {
            let values: Vec<f64> =
                (0..8).map(|c| if inside >> c & 1 == 1 { 0.7 } else { -0.4 }).collect();
            let mesh = Mesh::of(&grid, &values, Ends::Capped).unwrap();
            assert!(is_watertight(&mesh) && is_manifold(&mesh), "{inside}");
            assert_eq!(mesh.euler_number(), twice_the_cells(&grid, &values), "{inside}");
            assert!(inside == 0 || mesh.volume() > 0.0, "{inside}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn meshes_of_noise_are_watertight_and_have_the_cells_topology(
            points in prop::collection::vec(1usize..7, 3),
            seed in any::<u64>(),
            share in 1u64..100,
        ) {
            let grid = Grid::unit(&points, Boundary::Neumann).unwrap();
            let mut state = seed | 1;
            let values: Vec<f64> = (0..grid.len()).map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695);
                share as f64 - ((state >> 33) % 100) as f64 + 0.0
            }).collect();
            let mesh = Mesh::of(&grid, &values, Ends::Capped).unwrap();
            prop_assert!(is_watertight(&mesh) && is_manifold(&mesh));
            prop_assert_eq!(mesh.euler_number(), twice_the_cells(&grid, &values));
        }
    }

    #[test]
    fn balls_have_their_volume_area_and_place_in_any_cells() {
        let axes = [(30, 3.0), (44, 2.0), (25, 1.0)].map(|(points, length)| Axis {
            points,
            length,
            boundary: Boundary::Neumann,
        });
        let grid = Grid::new(&axes).unwrap();
        let (centre, radius) = ([1.3, 1.0, 0.5], 0.4);
        let depth = |cell: usize| {
            let p = grid.position(cell);
            let far: f64 = (0..3).map(|a| (axes[a].centre(p[a]) - centre[a]).powi(2)).sum();
            radius - far.sqrt()
        };
        let values: Vec<f64> = (0..grid.len()).map(depth).collect();
        let mesh = Mesh::of(&grid, &values, Ends::Capped).unwrap();
        let (volume, area) = (4.0 / 3.0 * PI * radius.powi(3), 4.0 * PI * radius.powi(2));
        // chords of a sphere lie inside it: the volume is off by about (h / radius)² / 10
        assert!((mesh.volume() / volume - 1.0).abs() < 0.02, "{}", mesh.volume() / volume);
        assert!((mesh.area() / area - 1.0).abs() < 0.02, "{}", mesh.area() / area);
        for v in &mesh.vertices {
            // x is the last axis
            let far = (0..3).map(|a| (v[a] - centre[2 - a]).powi(2)).sum::<f64>().sqrt();
            assert!((far - radius).abs() < 0.02, "{far}");
        }
    }

    #[test]
    fn walls_close_the_surface_or_leave_it_open() {
        let grid = Grid::unit(&[6, 4, 5], Boundary::Neumann).unwrap();
        // everything is inside: the surface is the box itself, with bevelled edges
        let whole = Mesh::of(&grid, &vec![1.0; grid.len()], Ends::Capped).unwrap();
        assert!(is_watertight(&whole));
        let longest = |a: usize| whole.vertices.iter().fold(0.0f64, |m, v| m.max(v[a]));
        let sides = [5.0 / 6.0, 4.0 / 6.0, 1.0];
        assert!((0..3).all(|a| (longest(a) - sides[a]).abs() < 1e-12));
        assert_eq!(whole.euler_number(), 2);
        let open = Mesh::of(&grid, &vec![1.0; grid.len()], Ends::Open).unwrap();
        assert_eq!(open, Mesh::default());
        // a wall across the box: the area is smaller by that of two caps
        let slab: Vec<f64> = (0..grid.len()).map(|c| grid.position(c)[0] as f64 - 2.5).collect();
        let open = Mesh::of(&grid, &slab, Ends::Open).unwrap();
        // (4 - 1)(5 - 1) of 36 cells' faces
        assert!((open.area() - 12.0 / 36.0).abs() < 1e-12, "{}", open.area());
        let plane = Grid::unit(&[4, 4], Boundary::Neumann).unwrap();
        assert!(Mesh::of(&plane, &[1.0; 16], Ends::Open).is_err());
        assert!(Mesh::of(&grid, &[1.0; 3], Ends::Open).is_err());
    }
}
