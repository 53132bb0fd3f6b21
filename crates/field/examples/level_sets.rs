//! Times level sets, effective diffusivity, local thickness and a mesh of a cube of cells. The
//! first argument is the side of the cube (default 128).

use std::time::Instant;

use karhunen_field::level_set::{Ends, Mesh, level_sets};
use karhunen_field::metrics::{effective_diffusivity, local_thickness, percolation};
use karhunen_field::{Boundary, Ensemble, Grid};

fn main() -> Result<(), karhunen_field::FieldError> {
    let side: usize = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(128);
    let grid = Grid::unit(&[side; 3], Boundary::Neumann)?;
    // a gyroid with walls as fine as the pores of a rock: about eight cells to a period of 2π
    let wave = |cell: usize| {
        let [x, y, z] = grid.position(cell).map(|j| j as f64 * 0.21);
        x.sin() * y.cos() + y.sin() * z.cos() + z.sin() * x.cos()
    };
    let phases: Vec<u8> = (0..grid.len()).map(|cell| u8::from(wave(cell) > 0.7)).collect();
    let told = |what: &str, begun: Instant| {
        println!("{side}^3 {what}: {:.2} s", begun.elapsed().as_secs_f64());
    };
    let begun = Instant::now();
    let field = level_sets(&grid, &phases, 2, 1.5 / side as f64)?;
    told("level sets", begun);
    if side > 256 {
        return Ok(());
    }
    let begun = Instant::now();
    let wide: Vec<f64> = field.iter().map(|v| f64::from(*v)).collect();
    let mesh = Mesh::of(&grid, &wide, Ends::Capped)?;
    told(&format!("mesh of {} triangles", mesh.triangles.len()), begun);
    let inside = Ensemble::new(grid, 1, phases.iter().map(|p| f64::from(*p)).collect())?;
    let begun = Instant::now();
    let connected = percolation(&inside)?[0][0].connected;
    told(&format!("percolation ({connected:.3} connected)"), begun);
    let begun = Instant::now();
    let diffusivity = effective_diffusivity(&inside, 0)?[0];
    told(&format!("effective diffusivity {diffusivity:.5}"), begun);
    let begun = Instant::now();
    local_thickness(&inside)?;
    told("local thickness", begun);
    Ok(())
}
