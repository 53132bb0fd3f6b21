//! Files of observations changed at random: they are read or refused with their name, never more.
//!
//! `KARHUNEN_INPUTS=100000` is the long version.

use std::fs;
use std::path::Path;

use karhunen::{Model, SampleOptions};

/// What is put in: limits of numbers, marks of the notations, names.
const PIECES: [&str; 30] = [
    "0",
    "-1",
    "1e308",
    "1e-320",
    "1e999",
    "nan",
    "inf",
    "-0.0",
    "18446744073709551616",
    "0x0",
    "4294967296x4294967296",
    "8x8x8",
    "x",
    "\"",
    "[",
    "]",
    "[[observe]]\n",
    "{",
    "=",
    "\n",
    ",",
    ";",
    "points",
    "mask",
    "rays",
    "linear",
    "../../../etc/passwd",
    "/dev/zero",
    "wells.csv",
    "\u{fffd}",
];

/// Numbers from one number, the same every time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, n: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % n.max(1)
    }
}

fn changed(bytes: &[u8], chance: &mut Chance) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..1 + chance.below(3) {
        let at = chance.below(bytes.len() + 1);
        let end = (at + chance.below(6)).min(bytes.len());
        let piece = PIECES[chance.below(PIECES.len())].as_bytes();
        match chance.below(4) {
            0 => drop(bytes.drain(at..end)),
            1 if at < bytes.len() => bytes[at] = chance.below(256) as u8,
            _ => drop(bytes.splice(at..end, piece.iter().copied())),
        }
    }
    bytes
}

#[test]
fn observations_are_read_or_refused() {
    let inputs = std::env::var("KARHUNEN_INPUTS").ok().and_then(|n| n.parse().ok()).unwrap_or(400);
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../cli/tests/transcripts/observe.in");
    let folder = std::env::temp_dir().join(format!("karhunen-observed-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    for entry in fs::read_dir(&seeds).unwrap().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let bytes = fs::read(entry.path()).unwrap();
        fs::write(folder.join(&name), &bytes).unwrap();
        files.push((name, bytes));
    }
    files.sort();
    let described: Vec<String> = files
        .iter()
        .map(|(name, _)| name.clone())
        .filter(|name| name.ends_with(".toml") && name != "tiny.toml" || name == "wells.csv")
        .collect();
    let model = Model::open("builtin:grains").unwrap();
    let (mut chance, mut read) = (Chance(1), 0);
    for _ in 0..inputs {
        let (name, whole) = &files[chance.below(files.len())];
        fs::write(folder.join(name), changed(whole, &mut chance)).unwrap();
        // the file itself where it describes observations, else one that may name it
        let own = described.contains(name);
        let asked = if own { name } else { &described[chance.below(described.len())] };
        let mut options = SampleOptions::new(1).on(&[8, 8]);
        options.observe = vec![folder.join(asked)];
        match model.sampling(&options, &()) {
            Ok(_) => read += 1,
            Err(error) => {
                let told = error.to_string();
                assert!(!told.is_empty() && !told.contains("root:"), "{told}");
            }
        }
        fs::write(folder.join(name), whole).unwrap();
    }
    println!("{inputs} observations: {read} read");
    assert!(read >= inputs / 50 && read < inputs, "{read} of {inputs} are read");
    fs::remove_dir_all(&folder).unwrap();
}
