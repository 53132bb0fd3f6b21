//! Reads addresses, one a line of standard input, and says what was read, one JSON object a line.
//!
//! `printf 'scan.tif\tdim=3\n' | cargo run --release -p karhunen-formats --example values -- OUT`
//!
//! Behind the address, `dim`, `channels` and `channels_last=1` may stand. Values go to OUT/0.f64, OUT/1.f64,
//! …, little-endian; what is refused has an `error` instead. Used by golden/differential.

use std::io::BufRead;
use std::path::PathBuf;

use karhunen_formats::{Missing, ReadOptions, read};
use serde_json::json;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let out = PathBuf::from(std::env::args().nth(1).ok_or("usage: values OUT < addresses")?);
    std::fs::create_dir_all(&out)?;
    for (number, line) in std::io::stdin().lock().lines().enumerate() {
        let line = line?;
        let mut parts = line.split('\t');
        let address = parts.next().unwrap_or_default();
        let mut options = ReadOptions { missing: Missing::Kept, ..ReadOptions::DEFAULT };
        for (key, value) in parts.filter_map(|part| part.split_once('=')) {
            match key {
                "dim" => options.dim = Some(value.parse()?),
                "channels" => options.channels = Some(value.parse()?),
                "channels_last" => options.channels_last = value == "1",
                _ => return Err(format!("unknown option {key}").into()),
            }
        }
        let said = match read(address, &options) {
            Ok(fields) => {
                let value = |v: &f32| (fields.offset + f64::from(*v)).to_le_bytes();
                let bytes: Vec<u8> = fields.values.iter().flat_map(value).collect();
                std::fs::write(out.join(format!("{number}.f64")), bytes)?;
                json!({
                    "count": fields.count(),
                    "channels": fields.channels,
                    "points": fields.points,
                    "dtype": fields.dtype.to_string(),
                    "spacing": fields.units.spacing,
                    "unit": fields.units.length,
                    "notes": fields.notes,
                })
            }
            Err(error) => json!({ "error": error.to_string() }),
        };
        println!("{said}");
    }
    Ok(())
}
