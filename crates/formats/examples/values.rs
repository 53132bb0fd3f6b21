//! Prints the values read from files: one line of JSON for each address on standard input.
//!
//! `printf 'a.npy\nb.h5:/x\t3\n' | cargo run --release -p karhunen-formats --example values [-- OUT]`
//!
//! An address may be followed by options, each after a tab: the dimension of a field, or `dim=3`,
//! `channels=2`, `channels_last=1`. A line holds shape, values (null if missing), spacing and unit,
//! or an error. With OUT, values are written to OUT/0.f64, OUT/1.f64, … instead, little-endian.
//! `golden/differential` compares them with other readers.

use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};

use karhunen_formats::{Missing, RawFields, ReadOptions, read};
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).map(PathBuf::from);
    folder.iter().try_for_each(std::fs::create_dir_all)?;
    let mut out = std::io::stdout().lock();
    for (number, line) in std::io::stdin().lock().lines().enumerate() {
        let line = line?;
        let mut parts = line.split('\t');
        let address = parts.next().unwrap_or_default();
        let mut options = ReadOptions { missing: Missing::Kept, ..ReadOptions::DEFAULT };
        for part in parts.filter(|part| !part.is_empty()) {
            match part.split_once('=').unwrap_or(("dim", part)) {
                ("dim", value) => options.dim = Some(value.parse()?),
                ("channels", value) => options.channels = Some(value.parse()?),
                ("channels_last", value) => options.channels_last = value == "1",
                (key, _) => return Err(format!("unknown option {key}").into()),
            }
        }
        let place = folder.as_ref().map(|folder| folder.join(format!("{number}.f64")));
        let found = match read(address, &options) {
            Ok(fields) => described(&fields, place.as_deref())?,
            Err(error) => json!({ "error": error.to_string() }),
        };
        writeln!(out, "{found}")?;
    }
    Ok(())
}

fn described(fields: &RawFields, place: Option<&Path>) -> std::io::Result<Value> {
    let mut shape = vec![fields.count(), fields.channels];
    shape.extend(&fields.points);
    let own = |v: &f32| fields.offset + f64::from(*v);
    let values = match place {
        None => json!(fields.values.iter().map(own).collect::<Vec<f64>>()),
        Some(place) => {
            let bytes = fields.values.iter().flat_map(|v| own(v).to_le_bytes());
            std::fs::write(place, bytes.collect::<Vec<u8>>())?;
            Value::Null
        }
    };
    Ok(json!({
        "shape": shape,
        "values": values,
        "dtype": fields.dtype.to_string(),
        "spacing": fields.units.spacing,
        "length": fields.units.length,
        "unit": fields.units.value,
        "notes": fields.notes,
    }))
}
