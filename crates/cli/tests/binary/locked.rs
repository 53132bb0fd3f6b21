//! Two processes that want one place.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::sandbox::{Sandbox, sample, train};

/// Longer than a process takes to begin on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn begun(sandbox: &Sandbox, arguments: &[String], file: &str) -> Child {
    let mut command = sandbox.command(arguments);
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let begun = Instant::now();
    while !sandbox.file(file).exists() {
        assert!(begun.elapsed() < PATIENCE, "no {file}");
        std::thread::sleep(Duration::from_millis(10));
    }
    child
}

#[test]
fn a_run_directory_has_one_process_and_a_killed_one_leaves_it_free() {
    let sandbox = Sandbox::new("locked-run");
    let mut arguments = train("run");
    arguments.extend(["--set", "training.steps=100000", "--threads", "1"].map(String::from));
    let mut first = begun(&sandbox, &arguments, "run/checkpoints/00000000/manifest.json");
    let holder = format!("run: in use by process {} on ", first.id());
    sandbox.run(&arguments).refuses(2, &[&holder, " since 20"]);
    // before data are read: these are none
    let mut other = arguments.clone();
    other.extend(["--set", "data.source=nowhere.npy"].map(String::from));
    sandbox.run(&other).refuses(2, &[&holder]);
    // a model may be sampled while it is trained
    sandbox.run(&sample("run", "x.npy")).works();
    first.kill().unwrap();
    first.wait().unwrap();
    assert!(sandbox.file("run/.lock").exists(), "a killed process cleans nothing up");
    let mut second = begun(&sandbox, &arguments, "run/.lock");
    std::thread::sleep(Duration::from_millis(500));
    let ended = second.try_wait().unwrap();
    assert!(ended.is_none(), "the second process goes on: {ended:?}");
    second.kill().unwrap();
    second.wait().unwrap();
}

#[test]
fn a_file_has_one_process_that_makes_it() {
    let sandbox = Sandbox::with_run("locked-file");
    let mut arguments = sample("run", "deep/x.npy");
    arguments.extend(["--count", "20000", "--threads", "1"].map(String::from));
    let position = arguments.iter().position(|a| a == "--count").unwrap();
    arguments.drain(position..position + 2);
    let mut first = begun(&sandbox, &arguments, ".deep-x.npy.lock");
    let holder = format!("deep/x.npy: in use by process {} on ", first.id());
    sandbox.run(&sample("run", "deep/x.npy")).refuses(2, &[&holder]);
    sandbox.run(&sample("run", "y.npy")).works();
    first.kill().unwrap();
    first.wait().unwrap();
    sandbox.run(&sample("run", "deep/x.npy")).works();
    assert_eq!(sandbox.names("."), ["deep", "run", "tiny.toml", "y.npy"]);
}

#[test]
fn a_model_that_is_replaced_while_it_is_read_is_one_or_the_other() {
    let sandbox = Sandbox::with_run("replaced");
    let export: Vec<String> =
        ["export", "--model", "run", "--out", "foam", "--force"].map(String::from).to_vec();
    sandbox.run(&export).works();
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                sandbox.run(&export).works();
            }
        });
        let failed = (0..12)
            .map(|i| sandbox.run(&sample("foam", &format!("{i}.npy"))))
            .find(|ended| ended.code != Some(0));
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(failed.is_none(), "{}", failed.unwrap().err);
    });
}
