//! Configurations, tables of spectra, checkpoints, exported models and events changed at random: they are read or
//! refused, never more.
//!
//! No coverage guides the changes, so there is no nightly compiler and no second build of the
//! network's library; `KARHUNEN_INPUTS=1000000` runs as many as the targets in `/fuzz`.

use std::fs;
use std::path::Path;

use karhunen_field::ModeNoise;
use karhunen_train::checkpoint::Checkpoint;
use karhunen_train::spectrum_table::SpectrumTable;
use karhunen_train::{Exported, RunConfig, events};

/// Inputs of each kind in the ordinary suite.
const INPUTS: u64 = 20_000;

/// What is put in: limits of numbers, marks of the notations, names.
const PIECES: [&str; 40] = [
    "0",
    "-1",
    "1",
    "2",
    "1e308",
    "1e-320",
    "1e999",
    "nan",
    "inf",
    "-0.0",
    "18446744073709551615",
    "18446744073709551616",
    "-9223372036854775808",
    "0x10",
    "1x1",
    "0x0",
    "4294967296x4294967296",
    "8x8x8x8",
    "x",
    "\"",
    "'",
    "\"\"\"",
    "[",
    "]",
    "[[",
    "{",
    "}",
    "=",
    "\n",
    ",",
    ".",
    "#",
    "true",
    "\u{fffd}",
    "neumann",
    "dirichlet",
    "fitted",
    "tabulated",
    "flow",
    "[[levels]]\n",
];

fn inputs() -> u64 {
    std::env::var("KARHUNEN_INPUTS").ok().and_then(|n| n.parse().ok()).unwrap_or(INPUTS)
}

/// Text `index`, one of `seeds` with up to three changes: cut out, doubled, or a piece put in.
fn mutated(seeds: &[String], noise: &ModeNoise, index: u64) -> String {
    let u = noise.uniforms(11, index, 0);
    let pick = |i: usize, n: usize| ((u[i] * n as f64) as usize).min(n - 1);
    let mut text: Vec<char> = seeds[pick(0, seeds.len())].chars().collect();
    for change in 0..1 + pick(1, 3) {
        let i = 2 + 3 * change;
        let at = pick(i, text.len().max(1)).min(text.len());
        let end = (at + pick(i + 1, 12)).min(text.len());
        match pick(i + 2, 4) {
            0 => drop(text.drain(at..end)),
            1 => {
                let again = text[at..end].to_vec();
                text.splice(at..at, again);
            }
            _ => {
                let piece = PIECES[(u[i + 1] * 1e6) as usize % PIECES.len()];
                text.splice(at..end.min(at + pick(i + 1, 3)), piece.chars());
            }
        }
    }
    text.into_iter().collect()
}

fn configurations() -> Vec<String> {
    let priors = [
        "kind = \"bessel\"\ngamma = 8\npower = 0.55",
        "kind = \"combined\"\ncutoff = 4\ntruncated = 0.5\nlaplacian = 10\npower = 0.55",
        "kind = \"laplacian\"\nscale = 8\npower = 0.55\nconstant = 1",
        "kind = \"matern\"\nlength = 0.1\nsmoothness = 1.5",
        "kind = \"tabulated\"\ntable = [[0, 1], [1, 0.5], [2, 0.1]]",
    ];
    let paths = [
        "kind = \"cosine\"\noffset = 0.008",
        "kind = \"variance-exploding\"\nsigma_min = 0.01\nsigma_max = 50\nrho = 7",
        "kind = \"flow\"\nend = 0.001",
    ];
    let whole = RunConfig::default().to_toml();
    let prior = |p: &str| format!("[data]\nboundary = [\"periodic\", \"neumann\"]\n[prior]\n{p}\n");
    let path = |p: &str| format!("[path]\n{p}\n[[levels]]\ngrid = \"8x12\"\nshare = 1\n");
    let training = "[training]\nseconds = 3\ntime_density = {kind = \"log-normal\", mean = -1, \
                    deviation = 1.2}\n";
    let parts = priors.iter().map(|p| prior(p)).chain(paths.iter().map(|p| path(p)));
    parts.chain([whole, training.into()]).collect()
}

#[test]
fn configurations_are_read_or_refused() {
    let (seeds, noise) = (configurations(), ModeNoise::new(1));
    for text in &seeds {
        let config = RunConfig::from_table(text.parse().unwrap(), "seed").unwrap();
        let again = RunConfig::from_table(config.to_toml().parse().unwrap(), "again").unwrap();
        assert_eq!(config, again);
    }
    let (mut parsed, mut read) = (0, 0);
    for index in 0..inputs() {
        let text = mutated(&seeds, &noise, index);
        let Ok(table) = text.parse::<toml::Table>() else { continue };
        parsed += 1;
        match RunConfig::from_table(table, "text") {
            Ok(config) => {
                read += 1;
                assert!(config.grids().is_ok_and(|grids| !grids.is_empty()), "{text}");
                // what was read is written so that it is read again
                let written = config.to_toml().parse().unwrap();
                assert!(RunConfig::from_table(written, "again").is_ok(), "{text}");
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
        // the same as a setting on the command line
        let _ = RunConfig::load(None, &[format!("prior={text}")]);
    }
    println!("{} configurations: {parsed} parsed, {read} read", inputs());
    assert!(read > inputs() / 100 && parsed > read, "the changes leave something to read");
}

#[test]
fn tables_of_spectra_are_read_or_refused() {
    let seeds = [
        "0,1\n3.5,2e-3\n",
        "omega,lambda\n0,1\n3.5 , 2e-3",
        "# measured\n\n0;1\n3.5;0.002\n",
        "frequency\tvariance\r\n0\t1\r\n",
    ]
    .map(String::from);
    let noise = ModeNoise::new(2);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.csv");
    let table = SpectrumTable::File(path.display().to_string());
    // each is a file
    let count = inputs() / 10;
    let mut read = 0;
    for index in 0..count {
        let text = mutated(&seeds, &noise, index);
        std::fs::write(&path, &text).unwrap();
        match table.rows() {
            Ok(rows) => {
                read += 1;
                assert!(rows.len() <= text.lines().count());
            }
            Err(error) => assert!(error.to_string().contains("table.csv"), "{error}"),
        }
    }
    println!("{count} tables: {read} read");
    assert!(read > count / 50 && read < count, "some are read, some refused");
}

/// Copies a folder with all in it.
fn copied(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copied(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).unwrap()),
        }
    }
}

/// Bytes with some changes: one set, one flipped, a digit or a limit of numbers put over what stands there, cut.
fn damaged(bytes: &[u8], noise: &ModeNoise, index: u64) -> Vec<u8> {
    let u = noise.uniforms(12, index, 1);
    let mut bytes = bytes.to_vec();
    for change in u.chunks_exact(4).take(1 + (u[0] * 3.0) as usize) {
        // headers and metadata stand in front
        let room = if change[0] < 0.7 { bytes.len().min(4000) } else { bytes.len() };
        let at = ((change[1] * room as f64) as usize).min(bytes.len().saturating_sub(1));
        match ((change[2] * 5.0) as usize, bytes.get_mut(at)) {
            (0, Some(byte)) => *byte = (change[3] * 256.0) as u8,
            (1, Some(byte)) => *byte ^= 1 << ((change[3] * 8.0) as u8),
            (2, Some(byte)) if byte.is_ascii_digit() => *byte = b'0' + (change[3] * 10.0) as u8,
            (3, Some(_)) => {
                let piece = PIECES[(change[3] * PIECES.len() as f64) as usize].as_bytes();
                let end = (at + piece.len()).min(bytes.len());
                bytes[at..end].copy_from_slice(&piece[..end - at]);
            }
            (4, Some(_)) if change[3] < 0.2 => bytes.truncate(at),
            _ => {}
        }
    }
    bytes
}

/// Sizes are in the manifest; a file of another length is told by that alone, so that it is written down as it is.
fn with_sizes(manifest: &Path, folder: &Path) {
    let text = fs::read_to_string(manifest).unwrap();
    let Ok(mut value) = serde_json::from_str::<serde_json::Value>(&text) else { return };
    let Some(files) = value["files"].as_object_mut() else { return };
    for (name, size) in files.iter_mut() {
        if let Ok(found) = fs::metadata(folder.join(name)) {
            *size = found.len().into();
        }
    }
    fs::write(manifest, value.to_string()).unwrap();
}

#[test]
fn damaged_checkpoints_and_models_are_read_or_refused() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let noise = ModeNoise::new(3);
    let kept = tempfile::tempdir().unwrap();
    for (from, manifest) in [
        (tests.join("tests/format-2/checkpoints/00000012"), "manifest.json"),
        (tests.join("models/grains"), "model.json"),
    ] {
        let place = kept.path().join(manifest);
        copied(&from, &place);
        let names: Vec<String> = fs::read_dir(&from)
            .unwrap()
            .flatten()
            .map(|e| e.file_name().to_string_lossy().into_owned())
            .filter(|name| name.ends_with(".safetensors") || name == manifest)
            .collect();
        // a model of megabytes takes longer to read
        let count = inputs() / if manifest == "model.json" { 200 } else { 20 };
        let mut read = 0;
        for index in 0..count {
            let name = &names[(noise.uniforms(1, index, 2)[0] * names.len() as f64) as usize];
            let whole = fs::read(from.join(name)).unwrap();
            fs::write(place.join(name), damaged(&whole, &noise, index)).unwrap();
            if name != manifest && index % 2 == 0 {
                with_sizes(&place.join(manifest), &place);
            }
            let told = match manifest {
                "model.json" => Exported::load(&place).map(drop),
                _ => Checkpoint::load(&place).map(drop),
            };
            match told {
                Ok(()) => read += 1,
                Err(error) => assert!(error.to_string().contains(manifest), "{error}"),
            }
            fs::write(place.join(name), whole).unwrap();
            fs::copy(from.join(manifest), place.join(manifest)).unwrap();
        }
        println!("{count} of {manifest}: {read} read");
        assert!(read < count);
    }
}

#[test]
fn damaged_events_are_left_out() {
    let line =
        r#"{"step":1,"level":0,"grid":"8x8","seconds":0.5,"loss":1.5,"left":2.0,"rate":0.001}"#;
    let (noise, folder) = (ModeNoise::new(4), tempfile::tempdir().unwrap());
    let path = folder.path().join("events.jsonl");
    let whole = format!("{line}\n").repeat(9);
    for index in 0..inputs() / 20 {
        fs::write(&path, damaged(whole.as_bytes(), &noise, index)).unwrap();
        let found = events::read(&path).unwrap();
        assert!(found.len() <= 9 && found.iter().all(|event| event.loss.is_finite()));
    }
}
