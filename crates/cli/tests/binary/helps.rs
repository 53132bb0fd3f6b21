//! Every help line is followed, and works; every flag, key and command that one names exists.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::sandbox::{Sandbox, copy};

/// What cannot be done, a part of its help, and what who follows it types then.
const FOLLOWED: [(&str, &str, &[&str]); 25] = [
    (
        "inspect good.npy --prior bessel",
        "add --gamma",
        &["inspect good.npy --prior bessel --gamma 8 --power 0.55"],
    ),
    (
        "inspect good.npy --prior bessel --gamma 8 --power 0.4",
        "raise the power",
        &["inspect good.npy --prior bessel --gamma 8 --power 0.6"],
    ),
    (
        "inspect good.npy --boundary periodic,neumann,neumann",
        "--boundary periodic, or periodic,neumann",
        &["inspect good.npy --boundary periodic", "inspect good.npy --boundary periodic,neumann"],
    ),
    (
        "inspect good.npy --set data.bondary=periodic",
        "`karhunen train --dry-run` prints",
        &["train --dry-run", "inspect good.npy --set data.boundary=[\"periodic\",\"neumann\"]"],
    ),
    ("inspect constant.npy", "builtin:spinodal shows some", &["inspect builtin:spinodal"]),
    (
        "inspect good.npy --write tiny.toml",
        "choose another name for --write",
        &["inspect good.npy --write other.toml", "train --config other.toml --dry-run"],
    ),
    ("inspect good.npy --threads 0", "leave it out", &["inspect good.npy"]),
    (
        "prior fitted --grid 8x8 --out a.npy",
        "--data PATH, or --data builtin:spinodal",
        &["prior fitted --grid 8x8 --data builtin:spinodal --set data.count=20 --out a.npy"],
    ),
    (
        "prior matern --length 0.1 --smoothness 1 --grid 8x8 --data good.npy --out b.npy",
        "leave --data out, or choose fitted, fitted-anisotropic, tempered or flat",
        &[
            "prior matern --length 0.1 --smoothness 1 --grid 8x8 --out b.npy",
            "prior fitted --grid 8x8 --data good.npy --out c.npy",
            "prior fitted-anisotropic --grid 8x8 --data good.npy --out d.npy",
        ],
    ),
    (
        "train --config tiny.toml --set seed=9 --out run",
        "give another --out",
        &["train --config tiny.toml --set seed=9 --set training.steps=2 --out nine"],
    ),
    (
        "train --config tiny.toml --set training.steps=4 --set data.count=24 --set training.validations=1 --out run",
        "--more 30m, or another --out",
        &[
            "train --config tiny.toml --set training.steps=4 --set data.count=24 --set training.validations=1 --out four",
            "train --config tiny.toml --set training.steps=5 --set data.count=24 --set training.validations=1 --out four",
            "train --config tiny.toml --set training.steps=5 --set data.count=24 --set training.validations=1 --out four --more 2",
        ],
    ),
    (
        "train --set data.augment=[\"shift:0\"] --out other",
        "name axes of data.augment",
        &["train --set data.augment=[\"shift:0\"] --set data.boundary=periodic --dry-run"],
    ),
    (
        "train --set training.lerning_rate=1 --out other",
        "`karhunen train --dry-run` prints",
        &["train --dry-run"],
    ),
    (
        "train --set data.source=good.npy --set levels=[{grid=\"16x16\",share=1}] --out other",
        "`karhunen inspect` says",
        &["inspect good.npy --write plan.toml", "train --config plan.toml --dry-run"],
    ),
    (
        "train --set data.source=good.npy --set data.channels=5 --out other",
        "--channels-last, or data.dim, data.channels, data.channels_last",
        &["inspect good.npy --set data.dim=2 --set data.channels=1"],
    ),
    (
        "sample --model run --tolerance 0.1 --count 1 --out e.npy",
        "add --sampler wiener-exponential, or give --evaluations",
        &[
            "sample --model run --tolerance 0.1 --sampler wiener-exponential --count 1 --out e.npy",
            "sample --model run --evaluations 2 --count 1 --out f.npy",
        ],
    ),
    (
        "sample --model run --grid 8x8x8 --out g.npy",
        "such as 64x64",
        &["sample --model run --grid 64x64 --count 1 --evaluations 2 --out g.npy"],
    ),
    (
        "sample --model run --spacing 1,2,3 --evaluations 2 --count 1 --out h.npy",
        "one number, or one an axis",
        &[
            "sample --model run --spacing 2 --evaluations 2 --count 1 --out h.npy",
            "sample --model run --spacing 1,2 --evaluations 2 --count 1 --out i.npy",
        ],
    ),
    (
        "sample --model run --ema 0.9 --out j.npy",
        "a length of training.ema",
        &["sample --model run --ema 0.05 --count 1 --evaluations 2 --out j.npy"],
    ),
    (
        "sample --model run --out good.npy",
        "another name, or --force",
        &["sample --model run --count 8 --evaluations 2 --out good2.npy --force"],
    ),
    (
        "sample --model run --out k.foo",
        ".npy, .npz, .vti, .tif, .zarr, .raw, .h5 (numbers) or .png",
        &[
            "sample --model run --count 2 --evaluations 2 --out k.npy",
            "sample --model run --count 2 --evaluations 2 --out k.npz",
            "sample --model run --count 2 --evaluations 2 --out k.vti",
            "sample --model run --count 2 --evaluations 2 --out k.tif",
            "sample --model run --count 2 --evaluations 2 --out k.zarr",
            "sample --model run --count 2 --evaluations 2 --out k.png",
        ],
    ),
    (
        "sample --model run --grid 48x48 --refine 32x32@2 --out l.npy",
        "such as 32x32@0.6",
        &[
            "sample --model run --grid 48x48 --refine 32x32@0.6 --count 1 --evaluations 2 --out l.npy",
        ],
    ),
    (
        "export --model run --out there",
        "--force to replace",
        &["export --model run --out there --force"],
    ),
    (
        "evaluate --reference k.npy --samples good2.npy --thresholds 0.5,0.2",
        "as in 0.2,0.5",
        &[
            "evaluate --reference builtin:spinodal --samples good2.npy --model run --thresholds 0.2,0.5 --reference-count 20",
        ],
    ),
    (
        "evaluate --reference builtin:spinodal --samples good2.npy --model run --periodic",
        "leave --boundary and --periodic out",
        &[
            "evaluate --reference builtin:spinodal --samples good2.npy --model run --reference-count 20",
        ],
    ),
];

#[test]
fn what_a_help_line_says_works_when_it_is_followed() {
    let sandbox = Sandbox::with_run("helps");
    let inputs = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts/data.in");
    copy(&inputs, &sandbox.0);
    sandbox.run(&["export", "--model", "run", "--out", "there"]).works();
    // the configuration of the run that is there
    let own = fs::read_to_string(sandbox.file("run/config.toml")).unwrap();
    for (line, part, followed) in FOLLOWED {
        let typed = |line: &str| -> Vec<String> { line.split(' ').map(String::from).collect() };
        let ended = sandbox.run(&typed(line));
        assert_eq!(ended.code, Some(2), "{line}: {}", ended.err);
        let help = ended.err.lines().last().unwrap();
        assert!(help.starts_with("help: ") && help.contains(part), "{line}: {help}");
        for line in followed {
            let ended = sandbox.run(&typed(line));
            assert_eq!(ended.code, Some(0), "{help}\n{line}: {}", ended.err);
        }
    }
    assert_eq!(fs::read_to_string(sandbox.file("run/config.toml")).unwrap(), own);
}

/// Commands that a source file speaks for; none: any of them.
const SPEAKS_FOR: [(&str, &[&str]); 8] = [
    ("help/evaluate.rs", &["evaluate", "compare", "classifier"]),
    ("help/sample.rs", &["sample", "calibrate"]),
    ("report/files.rs", &["sample", "prior", "evaluate"]),
    ("report/labels.rs", &["sample"]),
    ("report/phases.rs", &["sample"]),
    ("evaluate/memorisation.rs", &["evaluate"]),
    ("evaluate/table.rs", &["evaluate"]),
    ("evaluate/card.rs", &["export", "sample", "evaluate"]),
];

/// Sources whose texts a user of the program may read, and what their names begin with.
const SOURCES: [(&str, &str); 4] = [
    ("", "src"),
    ("evaluate/", "../evaluate/src"),
    ("karhunen/", "../karhunen/src"),
    ("serve/", "../serve/src"),
];

const COMMANDS: [&str; 18] = [
    "quickstart",
    "inspect",
    "prior",
    "train",
    "status",
    "import",
    "sample",
    "merge",
    "evaluate",
    "compare",
    "calibrate",
    "likelihood",
    "classifier",
    "bench",
    "export",
    "models",
    "report",
    "serve",
];

#[test]
fn every_flag_and_key_that_a_message_names_exists() {
    let sandbox = Sandbox::new("helps-named");
    let help: BTreeMap<&str, String> =
        COMMANDS.iter().map(|c| (*c, sandbox.run(&[*c, "--help"]).works().out.clone())).collect();
    let (mut flags, mut keys) = (0, 0);
    let of = |(begin, folder): &(&'static str, &str)| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        let name = |path: &PathBuf| {
            let name = path.strip_prefix(&source).unwrap().to_string_lossy().replace('\\', "/");
            format!("{begin}{name}")
        };
        files(&source).into_iter().map(|path| (name(&path), path)).collect::<Vec<_>>()
    };
    for (name, path) in SOURCES.iter().flat_map(of) {
        if name.starts_with("args/") || name == "commands/generate.rs" {
            continue;
        }
        let own: Vec<&str> = match SPEAKS_FOR.iter().find(|(file, _)| *file == name) {
            Some((_, commands)) => commands.to_vec(),
            None => COMMANDS.into_iter().filter(|c| name == format!("commands/{c}.rs")).collect(),
        };
        for text in literals(&fs::read_to_string(&path).unwrap()) {
            let words: Vec<&str> = text
                .split(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c)))
                .map(|word| word.trim_end_matches(['.', '-']))
                .collect();
            // those of the command that prints it, or of one that the message names
            let named = COMMANDS.into_iter().filter(|c| words.contains(c));
            let meant: Vec<&str> = match own.is_empty() {
                true => COMMANDS.to_vec(),
                false => own.iter().copied().chain(named).collect(),
            };
            for word in &words {
                let flag = word.strip_prefix("--").is_some_and(|w| w.len() > 1);
                if flag && !["--help", "--features", "--release"].contains(word) {
                    let known =
                        |c: &&str| help[*c].split([' ', ',', '\n', '[', '=']).any(|w| w == *word);
                    assert!(meant.iter().any(known), "{name}: {word} in `{text}`");
                    flags += 1;
                }
                let table = word.split_once('.').map(|(table, _)| table);
                let file = [".rs", ".png"].iter().any(|ending| word.ends_with(ending));
                if matches!(table, Some("data" | "training" | "sampling")) && !file {
                    let setting = format!("{word}=\"?\"");
                    let ended = sandbox.run(&["train", "--dry-run", "--set", &setting]);
                    assert!(!ended.err.contains("unknown key"), "{name}: {word} in `{text}`");
                    keys += 1;
                }
            }
        }
    }
    assert!(
        flags > 60 && keys > 10,
        "{flags} flags and {keys} keys are too few: is anything read?"
    );
}

/// Rust files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let inside = |path: PathBuf| match path.is_dir() {
        true => files(&path),
        false => vec![path],
    };
    entries.flat_map(inside).filter(|p| p.extension().is_some_and(|e| e == "rs")).collect()
}

/// String literals of a source, comments and tests left out.
fn literals(source: &str) -> Vec<String> {
    let source = source.split("#[cfg(test)]").next().unwrap_or_default();
    let code: Vec<&str> =
        source.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let code = code.join("\n").replace("\\\"", "'").replace("'\"'", "' '");
    code.split('"').skip(1).step_by(2).map(String::from).collect()
}
