//! Results do not depend on where and how the program is run: threads, language, time zone, folder, environment.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::sandbox::{Ended, Sandbox, train};

/// Weights and averages of a run's end, samples, and what is said of data and samples.
#[derive(PartialEq)]
struct Results {
    arrays: Vec<(String, Vec<u8>)>,
    said: Vec<String>,
}

/// Everything in a folder: `change` sets up each command, `place` is what stands before names.
fn results(sandbox: &Sandbox, place: &str, change: &dyn Fn(&mut Command)) -> Results {
    let run = |arguments: &[String]| -> String {
        let mut command = sandbox.command(arguments);
        change(&mut command);
        let ended = Ended::from(command.output().unwrap());
        ended.works();
        ended.out
    };
    let words = |line: &str| -> Vec<String> {
        line.split(' ').map(|word| word.replace('@', place)).collect()
    };
    let mut arguments = train(&format!("{place}run"));
    arguments[2] = format!("{place}tiny.toml");
    run(&arguments);
    run(&words("sample --model @run --grid 17x12 --count 5 --evaluations 3 --seed 7 --out @x.npy"));
    let said = [
        "inspect @x.npy --json",
        "evaluate --reference builtin:spinodal --samples @x.npy --reference-count 16 --json",
    ];
    let said = said.map(|line| run(&words(line)).replace(place, "")).to_vec();
    let last = sandbox.file("run/checkpoints/00000006");
    let files = ["weights", "ema", "optimizer", "statistics"];
    let paths = files.map(|name| last.join(format!("{name}.safetensors")));
    let read =
        |path: &Path| (path.file_name().unwrap().to_string_lossy().into(), fs::read(path).unwrap());
    let mut arrays: Vec<(String, Vec<u8>)> = paths.iter().map(|path| read(path)).collect();
    arrays.push(read(&sandbox.file("x.npy")));
    fs::remove_dir_all(sandbox.file("run")).unwrap();
    fs::remove_file(sandbox.file("x.npy")).unwrap();
    Results { arrays, said }
}

fn same(one: &Results, other: &Results, what: &str) {
    for ((name, bytes), (_, others)) in one.arrays.iter().zip(&other.arrays) {
        assert!(bytes == others, "{name} differs: {what}");
    }
    assert_eq!(one.said, other.said, "{what}");
}

#[test]
fn surroundings_change_no_bit() {
    let sandbox = Sandbox::new("surroundings");
    let usual = results(&sandbox, "", &|_| {});
    type Change<'a> = (&'a str, &'a dyn Fn(&mut Command));
    let changes: [Change<'_>; 7] = [
        ("one thread", &|c| {
            c.args(["--threads", "1"]);
        }),
        ("three threads", &|c| {
            c.args(["--threads", "3"]);
        }),
        ("a German machine", &|c| {
            c.env("LC_ALL", "de_DE.UTF-8").env("LANG", "de_DE.UTF-8");
        }),
        ("a Turkish machine", &|c| {
            c.env("LC_ALL", "tr_TR.UTF-8").env("LANGUAGE", "tr");
        }),
        ("another time zone", &|c| {
            c.env("TZ", "Asia/Kathmandu");
        }),
        ("a narrow terminal without colours", &|c| {
            c.env("COLUMNS", "20")
                .env("TERM", "dumb")
                .env("NO_COLOR", "1")
                .env("RUST_LOG", "trace");
        }),
        ("an empty environment", &|c| {
            c.env_clear();
        }),
    ];
    for (what, change) in changes {
        same(&usual, &results(&sandbox, "", change), what);
    }
    // from another folder, by whole paths and by relative ones
    let whole = format!("{}/", sandbox.0.display());
    let elsewhere = results(&sandbox, &whole, &|c| {
        c.current_dir("/");
    });
    same(&usual, &elsewhere, "another folder");
    fs::create_dir_all(sandbox.file("below")).unwrap();
    let below = sandbox.file("below");
    let relative = results(&sandbox, "../", &|c| {
        c.current_dir(&below);
    });
    same(&usual, &relative, "a folder below");
}

/// Numbers of an NPY file of `f4`.
fn numbers(bytes: &[u8]) -> Vec<f32> {
    let header = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    bytes[header..].as_chunks().0.iter().map(|four| f32::from_le_bytes(*four)).collect()
}

#[test]
fn instruction_sets_change_the_last_digits_alone() {
    let sandbox = Sandbox::with_run("instruction-sets");
    let sample = |name: &str, set: Option<&str>| -> Vec<f32> {
        let line =
            format!("sample --model run --grid 24x24 --count 4 --evaluations 8 --out {name}.npy");
        let mut command = sandbox.command(&line.split(' ').collect::<Vec<_>>());
        set.map(|set| command.env("KARHUNEN_SIMD", set));
        Ended::from(command.output().unwrap()).works();
        numbers(&fs::read(sandbox.file(&format!("{name}.npy"))).unwrap())
    };
    let usual = sample("usual", None);
    let portable = sample("portable", Some("portable"));
    let scale = usual.iter().fold(0.0f32, |most, v| most.max(v.abs()));
    let apart = usual.iter().zip(&portable).fold(0.0f32, |most, (a, b)| most.max((a - b).abs()));
    println!("largest value {scale}, apart by {apart} at most");
    // eight evaluations of a network in single precision
    assert!(apart <= 64.0 * f32::EPSILON * scale, "{apart} of {scale}");
}
