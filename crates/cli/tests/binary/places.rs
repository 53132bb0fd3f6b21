//! Disks that are full, places that cannot be written to, readers that go away.

use std::process::Stdio;

use crate::sandbox::{Sandbox, sample, train};

/// Blocks of 512 bytes a file may have: less than any output below.
const LIMIT: &str = "trap '' XFSZ; ulimit -f 8;";

#[test]
fn a_full_disk_ends_a_command_with_nothing_half_written() {
    let sandbox = Sandbox::with_run("full");
    let prior = "prior matern --length 0.1 --smoothness 1.5 --grid 64x64 --out";
    for ending in ["npy", "npz", "vti", "tif", "png"] {
        let line = format!("{LIMIT} exec $K {prior} x.{ending} --count 9");
        sandbox.shell(&line).refuses(1, &[&format!("x.{ending}"), "File too large"]);
    }
    let line = format!("{LIMIT} exec $K {}", sample("run", "x.npy --grid 99x99").join(" "));
    sandbox.shell(&line).refuses(1, &["x.npy", "File too large"]);
    let line = format!("{LIMIT} exec $K export --model run --out model");
    sandbox.shell(&line).refuses(1, &["model.safetensors", "File too large"]);
    assert_eq!(sandbox.names("."), ["run", "tiny.toml"]);
}

#[test]
fn a_full_disk_ends_a_training_with_its_old_checkpoints_whole() {
    let sandbox = Sandbox::new("full-training");
    let line = format!("{LIMIT} exec $K {}", train("run").join(" "));
    sandbox.shell(&line).refuses(1, &["run/checkpoints/", "weights.safetensors", "File too large"]);
    sandbox.run(&sample("run", "x.npy")).refuses(2, &["run: holds no checkpoint"]);
    // room again: the same command begins where the disk was full
    sandbox.run(&train("run")).works();
}

#[cfg(target_os = "linux")]
#[test]
fn full_standard_output_is_told() {
    let sandbox = Sandbox::new("full-output");
    let make = "prior matern --length 0.1 --smoothness 1.5 --grid 8x8 --count 20 --out x.npy";
    sandbox.shell(&format!("exec $K {make}")).works();
    for command in ["inspect x.npy", "evaluate --reference x.npy --samples x.npy --json"] {
        let ended = sandbox.shell(&format!("exec $K {command} > /dev/full"));
        ended.refuses(1, &["standard output", "No space left"]);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn places_where_nothing_can_be_made_are_told() {
    // not even root makes folders there
    let sandbox = Sandbox::with_run("places");
    sandbox
        .run(&sample("run", "/proc/none/x.npy"))
        .refuses(1, &["/proc/none", "cannot be written"]);
    sandbox.run(&train("/proc/none")).refuses(1, &["/proc/none", "cannot be written"]);
    sandbox
        .run(&["export", "--model", "run", "--out", "/proc/none/model"])
        .refuses(1, &["/proc/none", "cannot be written"]);
    sandbox.run(&sample("run", "tiny.toml/x.npy")).refuses(2, &["tiny.toml is a file"]);
    sandbox
        .run(&train("tiny.toml/run"))
        .refuses(2, &["tiny.toml/run/checkpoints", "Not a directory"]);
    sandbox
        .run(&["export", "--model", "run", "--out", "tiny.toml/model"])
        .refuses(2, &["tiny.toml is a file"]);
}

#[test]
fn a_reader_that_goes_away_ends_nothing_badly() {
    let sandbox = Sandbox::new("pipes");
    let make = "prior matern --length 0.1 --smoothness 1.5 --grid 8x8 --count 20 --out x.npy";
    sandbox.shell(&format!("exec $K {make}")).works();
    let commands: [&[&str]; 5] = [
        &["inspect", "x.npy"],
        &["inspect", "x.npy", "--json"],
        &["train", "--config", "tiny.toml", "--dry-run"],
        &["generate", "completions", "bash"],
        &["--help"],
    ];
    for command in commands {
        let mut process = sandbox.command(command);
        let mut child = process.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let err = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{command:?}: {err}");
        assert!(!err.contains("panicked"), "{command:?}: {err}");
    }
    // nobody reads what is wrong: the exit code still tells it
    for (command, code) in [(["inspect", "nowhere"], 2), (["inspect", "x.npy"], 0)] {
        let mut process = sandbox.command(&command);
        let mut child = process.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stderr.take());
        assert_eq!(child.wait().unwrap().code(), Some(code));
    }
}
