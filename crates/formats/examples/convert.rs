//! Reads fields in any format and writes them in another.
//!
//! `cargo run -p karhunen-formats --example convert -- scan.raw:64x64x64:u16:le scan.vti 3`

use karhunen_formats::{ReadOptions, WriteOptions, read, write};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [from, to, rest @ ..] = &arguments[..] else {
        return Err("usage: convert FROM TO [DIM]".into());
    };
    let dim = rest.first().map(|text| text.parse()).transpose()?;
    let fields = read(from, &ReadOptions { dim, ..ReadOptions::default() })?;
    println!(
        "{} field(s) of {} channel(s) on {:?}",
        fields.count(),
        fields.channels,
        fields.points
    );
    fields.notes.iter().for_each(|note| println!("note: {note}"));
    let options = WriteOptions { overwrite: true, ..WriteOptions::default() };
    write(to, &fields, &options)?;
    Ok(())
}
