//! The interface as a watertight triangle mesh, by marching cubes.
//!
//! The body inside the mesh has the topology of the inside cells with 6 neighbours, and its outside that of
//! the other cells with 26 (module `cubes`).

use super::marching::Marching;
use crate::{FieldError, Grid};

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

pub(super) fn less(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
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
