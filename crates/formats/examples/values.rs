//! Prints what files are read as: one line of JSON for each address on standard input.
//!
//! `printf 'a.npy\nb.h5:/x\t3\n' | cargo run --release -p karhunen-formats --example values`
//!
//! Behind a tab may stand the dimension of a field. A line has shape, values (null where one is
//! missing), spacing and unit, or an error. `golden/differential` compares them with other readers.

use std::io::{BufRead, Write};

use karhunen_formats::{Missing, RawFields, ReadOptions, read};
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let (address, dim) = line.split_once('\t').unwrap_or((&line, ""));
        let dim = if dim.is_empty() { None } else { Some(dim.parse()?) };
        let options = ReadOptions { dim, missing: Missing::Kept, ..ReadOptions::default() };
        let found = match read(address, &options) {
            Ok(fields) => described(&fields),
            Err(error) => json!({ "error": error.to_string() }),
        };
        writeln!(out, "{found}")?;
    }
    Ok(())
}

fn described(fields: &RawFields) -> Value {
    let mut shape = vec![fields.count(), fields.channels];
    shape.extend(&fields.points);
    json!({
        "shape": shape,
        "values": fields.values,
        "dtype": fields.dtype.to_string(),
        "spacing": fields.units.spacing,
        "length": fields.units.length,
        "unit": fields.units.value,
        "notes": fields.notes,
    })
}
