//! Structures of built-in spinodal data on a box eight times as long: what a larger box of the built-in model is
//! compared with (`experiments/boxes`). The interface has the same width in cells, so that windows of 64×64 cells are
//! those of the built-in data, away from its walls.
//!
//! `large_spinodal COUNT FILE` writes COUNT fields of 512×512 `f32`, little endian, one after another.

use karhunen_field::{Boundary, Grid};
use karhunen_simulate::{Spinodal, Structure};

/// Cells an axis.
const CELLS: usize = 512;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [count, path] = &arguments[..] else {
        return Err("usage: large_spinodal COUNT FILE".into());
    };
    let known = Spinodal::default();
    let width = known.width() * 64.0 / CELLS as f64;
    let structure = Spinodal::new(known.composition(), width, known.age())?;
    let grid = Grid::unit(&[CELLS, CELLS], Boundary::Neumann)?;
    let mut bytes = Vec::new();
    for index in 0..count.parse()? {
        let field = structure.generate(&grid, 20, index)?;
        bytes.extend(field.iter().flat_map(|v| (*v as f32).to_le_bytes()));
    }
    std::fs::write(path, bytes)?;
    Ok(())
}
