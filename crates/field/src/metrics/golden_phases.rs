//! Thickness and diffusion against PoreSpy, TauFactor and a direct solver of SciPy
//! (golden/phases.py).

use serde::Deserialize;

use super::local_thickness::by_radii;
use super::*;
use crate::{Boundary, Grid};

#[derive(Deserialize)]
struct Golden {
    plane: Case,
    solid: Case,
}

#[derive(Deserialize)]
struct Case {
    shape: Vec<usize>,
    count: usize,
    radius: f64,
    start: u32,
    fraction: f64,
    thickness_radii: Vec<u32>,
    thickness_counts: Vec<usize>,
    exact: Vec<f64>,
    taufactor: Vec<f64>,
}

fn load() -> [Case; 2] {
    let golden: Golden =
        serde_json::from_str(include_str!("../../../../golden/phases.json")).unwrap();
    [golden.plane, golden.solid]
}

impl Case {
    /// The space between the balls of the script.
    fn void(&self) -> Ensemble {
        let dim = self.shape.len();
        let grid = Grid::unit(&self.shape, Boundary::Neumann).unwrap();
        let centres = super::golden_materials::uniforms((self.count * dim) as u32, self.start);
        let inside = |cell: usize| {
            let place = grid.position(cell);
            centres.chunks_exact(dim).any(|centre| {
                let apart = |a: usize| place[a] as f64 + 0.5 - centre[a] * self.shape[a] as f64;
                (0..dim).map(|a| apart(a) * apart(a)).sum::<f64>() < self.radius * self.radius
            })
        };
        let void = (0..grid.len()).map(|c| f64::from(u8::from(!inside(c)))).collect();
        Ensemble::new(grid, 1, void).unwrap()
    }
}

#[test]
fn thickness_agrees_with_porespy() {
    for case in load() {
        let void = case.void();
        assert!((volume_fraction(&void).unwrap()[0] - case.fraction).abs() < 1e-12);
        let cells: Vec<u8> = void.values.iter().map(|v| *v as u8).collect();
        let h = 1.0 / case.shape[0] as f64;
        let radii = case.thickness_radii.iter().map(|r| (f64::from(*r) - 0.5) * h);
        let thickness = by_radii(&cells, &void.grid, radii);
        for (r, expected) in case.thickness_radii.iter().zip(&case.thickness_counts) {
            let diameter = (2.0 * f64::from(*r) - 1.0) * h;
            let found = thickness.iter().filter(|t| (**t - diameter).abs() < 1e-9).count();
            assert_eq!(found, *expected, "radius {r}");
        }
    }
}

#[test]
fn diffusion_agrees_with_a_direct_solver_and_with_taufactor() {
    for case in load() {
        let void = case.void();
        for (axis, expected) in case.exact.iter().enumerate() {
            let found = effective_diffusivity(&void, axis).unwrap()[0];
            assert!((found - expected).abs() < 1e-7, "{axis}: {found} {expected}");
            // TauFactor stops by its own criterion, at a relative error of a thousandth
            if let Some(peer) = case.taufactor.get(axis) {
                assert!((found / peer - 1.0).abs() < 3e-3, "{axis}: {found} {peer}");
            }
        }
    }
}
