//! A run is watched from another process.

use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::sandbox::{Sandbox, train};

/// Longer than the first steps take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn status_tells_of_a_run_while_it_trains() {
    let sandbox = Sandbox::new("watched");
    let mut arguments = train("run");
    arguments.extend(["--set", "training.steps=10000000", "--threads", "1"].map(String::from));
    let mut child = sandbox.command(&arguments).stderr(Stdio::null()).spawn().unwrap();
    let begun = Instant::now();
    let told = loop {
        assert!(begun.elapsed() < PATIENCE, "nothing happened");
        let ended = sandbox.run(&["status", "run", "--json"]);
        let told: Value = serde_json::from_str(&ended.out).unwrap_or_default();
        if told["step"].as_u64().is_some_and(|step| step > 0) {
            break told;
        }
        // before the lock is there no run is, and after it there is one
        assert!(
            ended.code == Some(0) || ended.err.contains("holds no checkpoint"),
            "{}",
            ended.err
        );
        std::thread::sleep(Duration::from_millis(50));
    };
    assert_eq!(
        (&told["steps"], &told["level"], &told["finished"]),
        (&Value::from(10_000_000), &Value::from(1), &Value::from(false),)
    );
    assert!(told["left"].as_f64().is_some_and(|left| left > 0.0), "{told}");
    assert!(told["loss"].is_number() && told["process"].is_string(), "{told}");
    let text = sandbox.run(&["status", "run"]).works().out.clone();
    assert!(text.contains(" of 10000000, checkpoint at step ") && text.contains(" left"), "{text}");
    child.kill().unwrap();
    child.wait().unwrap();
    let text = sandbox.run(&["status", "run"]).works().out.clone();
    assert!(text.contains("no process is at it"), "{text}");
}

#[test]
fn a_run_shows_what_it_has_learned() {
    let sandbox = Sandbox::new("previewed");
    let mut arguments = train("run");
    arguments.extend(["--preview", "--set", "training.tensorboard=true"].map(String::from));
    let ended = sandbox.run(&arguments);
    ended.works();
    assert!(ended.err.contains("run/preview: 2 pictures in "), "{}", ended.err);
    assert_eq!(sandbox.names("run/preview").last().unwrap(), "data.png");
    assert_eq!(sandbox.names("run/tensorboard").len(), 1);
    let refused = sandbox.run(&["train", "--preview", "--dry-run"]);
    assert_eq!(refused.code, Some(2));
}
