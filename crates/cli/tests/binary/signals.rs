//! Signals that a system sends to a training, and what is left on disk then.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::sandbox::{Ended, Sandbox, train};

/// Longer than a checkpoint takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A run that would take hours, in its first steps: it has told its parameters and written the
/// checkpoint it begins with.
fn endless(sandbox: &Sandbox, shell: &str) -> Child {
    let mut arguments = train("run");
    arguments.extend(["--set", "training.steps=10000000", "--threads", "1"].map(String::from));
    let mut command = sandbox.command(&arguments);
    if !shell.is_empty() {
        command = Command::new("sh");
        command.current_dir(&sandbox.0).env("K", env!("CARGO_BIN_EXE_karhunen"));
        command.args(["-c", &format!("{shell} exec $K {}", arguments.join(" "))]);
    }
    let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    wait_for(|| sandbox.file("run/events.jsonl").metadata().is_ok_and(|m| m.len() > 0));
    child
}

/// A small run, but for its number of steps.
const SMALL: &str = "levels = [{ grid = \"12x12\", share = 1 }]
[data]
count = 24
[network]
width = 4";

fn wait_for(mut condition: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < PATIENCE, "nothing happened");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn send(signal: &str, to: &Child) {
    let sent = Command::new("kill").args([&format!("-{signal}"), &to.id().to_string()]).status();
    assert!(sent.unwrap().success());
}

/// Whether this process, and so what it starts, was told to ignore SIGHUP.
fn ignores_hangups() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|m| m & 1 == 1)
}

fn newest(sandbox: &Sandbox) -> usize {
    sandbox.names("run/checkpoints").last().map_or(0, |name| name.parse().unwrap_or(0))
}

#[test]
fn what_ends_a_process_ends_a_run_with_its_checkpoint() {
    for signal in ["TERM", "HUP", "INT"] {
        if signal == "HUP" && ignores_hangups() {
            println!(
                "skipped: these tests run where hang-ups are ignored (nohup), and so would the run"
            );
            continue;
        }
        let sandbox = Sandbox::new(&format!("signal-{signal}"));
        let child = endless(&sandbox, "");
        send(signal, &child);
        let ended = Ended::from(child.wait_with_output().unwrap());
        ended.refuses(130, &["interrupted at step", "the checkpoint is written"]);
        let step = newest(&sandbox);
        assert!(step > 0, "SIG{signal}: {}", ended.err);
        assert!(ended.err.contains(&format!("interrupted at step {step};")), "{}", ended.err);
    }
}

#[test]
fn a_checkpoint_on_request_does_not_end_the_run() {
    let sandbox = Sandbox::new("signal-USR1");
    let mut child = endless(&sandbox, "");
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    for _ in 0..2 {
        let before = newest(&sandbox);
        send("USR1", &child);
        wait_for(|| newest(&sandbox) > before);
        let told = lines.find(|line| line.as_ref().unwrap().contains("checkpoint written"));
        assert!(told.is_some());
        assert!(child.try_wait().unwrap().is_none());
    }
    send("TERM", &child);
    drop(lines);
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[cfg(target_os = "linux")]
#[test]
fn a_run_that_is_to_outlive_its_terminal_does() {
    let sandbox = Sandbox::new("signal-nohup");
    let mut child = endless(&sandbox, "trap '' HUP;");
    send("HUP", &child);
    let events = || fs::read(sandbox.file("run/events.jsonl")).unwrap().len();
    let before = newest(&sandbox);
    send("USR1", &child);
    wait_for(|| newest(&sandbox) > before && events() > 0);
    assert!(child.try_wait().unwrap().is_none());
    send("TERM", &child);
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

/// The example for Slurm, with a `scontrol` that writes down what it is asked: told to end, the job is put back into
/// the queue; the same job goes on, and ends for good when the run does.
#[test]
fn a_job_whose_time_is_over_goes_back_into_the_queue() {
    let sandbox = Sandbox::new("slurm");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/slurm.sh");
    let program = |name: &str, line: &str| {
        use std::os::unix::fs::PermissionsExt as _;
        let path = sandbox.file("bin").join(name);
        fs::create_dir_all(sandbox.file("bin")).unwrap();
        fs::write(&path, format!("#!/bin/sh\n{line}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    };
    program("karhunen", concat!("exec '", env!("CARGO_BIN_EXE_karhunen"), "' \"$@\""));
    program("scontrol", "echo \"$@\" >> queue");
    let job = |steps: &str| {
        let settings = format!("{}\n[training]\nsteps = {steps}\nbatch = 4\n", SMALL);
        fs::write(sandbox.file("job.toml"), settings).unwrap();
        let path = format!("{}:{}", sandbox.file("bin").display(), std::env::var("PATH").unwrap());
        let mut command = Command::new("sh");
        command.args([script, "job.toml", "run"]).current_dir(&sandbox.0).env("PATH", path);
        command.env("SLURM_JOB_ID", "4711").env_remove("RUST_LOG");
        let log = fs::File::create(sandbox.file("log")).unwrap();
        command.stdout(Stdio::null()).stderr(log).spawn().unwrap()
    };
    let queue = || fs::read_to_string(sandbox.file("queue")).unwrap_or_default();
    let log = || fs::read_to_string(sandbox.file("log")).unwrap_or_default();
    for begun in ["parameters", "resuming at step"] {
        let mut first = job("10000000");
        wait_for(|| log().contains(begun));
        wait_for(|| sandbox.file("run/events.jsonl").metadata().is_ok_and(|m| m.len() > 0));
        send("TERM", &first);
        assert!(first.wait().unwrap().success(), "{}", log());
        assert!(log().contains("interrupted at step"), "{}", log());
        assert!(newest(&sandbox) > 0);
    }
    assert_eq!(queue(), "requeue 4711\nrequeue 4711\n");
    fs::remove_dir_all(sandbox.file("run")).unwrap();
    assert!(job("4").wait().unwrap().success());
    // a configuration that is refused ends the job as it ends the command
    assert_eq!(job("0").wait().unwrap().code(), Some(2));
    assert_eq!(queue(), "requeue 4711\nrequeue 4711\n");
}
