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

fn newest(sandbox: &Sandbox) -> usize {
    sandbox.names("run/checkpoints").last().map_or(0, |name| name.parse().unwrap_or(0))
}

#[test]
fn what_ends_a_process_ends_a_run_with_its_checkpoint() {
    for signal in ["TERM", "HUP", "INT"] {
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
