//! Fields of the equations as an array of NumPy: `[field, channel, x, y]`, numbers of 8 bytes.
//!
//! ```sh
//! cargo run --release -p karhunen-simulate --example pairs -- poisson 128 0 50 1 truths.npy
//! ```
//!
//! arguments: equation (poisson, helmholtz, darcy, navier-stokes), cells an axis, first index, fields, seed, file.

use std::error::Error;
use std::io::Write;

use karhunen_field::{Boundary, Grid};
use karhunen_simulate::{Darcy, Helmholtz, NavierStokes, Structure};

const USAGE: &str = "arguments: equation, cells an axis, first index, fields, seed, file";

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, cells, first, count, seed, file] = &arguments[..] else {
        return Err(USAGE.into());
    };
    let structure: Box<dyn Structure> = match name.as_str() {
        "poisson" => Box::new(Helmholtz::poisson()),
        "helmholtz" => Box::new(Helmholtz::default()),
        "darcy" => Box::new(Darcy),
        "navier-stokes" => Box::new(NavierStokes::default()),
        _ => return Err(format!("{name:?} is no equation; {USAGE}").into()),
    };
    let boundary = if name == "navier-stokes" { Boundary::Periodic } else { Boundary::Neumann };
    let (cells, first, count): (usize, u64, u64) = (cells.parse()?, first.parse()?, count.parse()?);
    let grid = Grid::unit(&[cells, cells], boundary)?;
    let mut out = std::io::BufWriter::new(std::fs::File::create(file)?);
    let shape = format!("({count}, {}, {cells}, {cells})", structure.channels());
    let mut header = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}");
    // the header ends at a multiple of 64 bytes: ten before it, a new line after it
    header.push_str(&" ".repeat(63 - (10 + header.len()) % 64));
    header.push('\n');
    out.write_all(b"\x93NUMPY\x01\x00")?;
    out.write_all(&u16::try_from(header.len())?.to_le_bytes())?;
    out.write_all(header.as_bytes())?;
    for index in first..first + count {
        for value in structure.generate(&grid, seed.parse()?, index)? {
            out.write_all(&value.to_le_bytes())?;
        }
    }
    Ok(out.flush()?)
}
