//! What is told on standard error, to whom.

use serde_json::Value;

use crate::sandbox::{Sandbox, train};

fn objects(err: &str) -> Vec<Value> {
    err.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}

#[test]
fn machines_read_one_object_a_line_with_what_a_step_was() {
    let sandbox = Sandbox::new("json");
    let mut arguments = train("run");
    arguments.extend(["--log-format", "json", "-v"].map(String::from));
    let ended = sandbox.run(&arguments);
    let objects = objects(&ended.works().err);
    assert!(
        objects.iter().all(|o| o["time"].is_f64() && o["message"].is_string()),
        "{}",
        ended.err
    );
    let steps: Vec<&Value> = objects.iter().filter(|o| o["severity"] == "debug").collect();
    let numbers = |o: &Value, keys: &[&str]| keys.iter().all(|key| o[*key].is_number());
    let told = steps.iter().filter(|o| numbers(o, &["step", "level", "loss", "seconds", "rate"]));
    assert_eq!(told.count(), 6, "{}", ended.err);
    let validations = objects.iter().filter(|o| o["validation"].is_number());
    assert!(validations.clone().all(|o| o["severity"] == "info" && numbers(o, &["step", "loss"])));
    assert_eq!(validations.count(), 2, "one at the end of each level: {}", ended.err);
}

#[test]
fn a_failure_is_an_object_too() {
    let sandbox = Sandbox::new("json-failure");
    let ended = sandbox.run(&["inspect", "nowhere", "--log-format", "json"]);
    assert_eq!(ended.code, Some(2));
    let [failure] = &objects(&ended.err)[..] else { panic!("{}", ended.err) };
    assert_eq!(failure["severity"], "error");
    assert_eq!(failure["code"], 2);
    assert!(failure["message"].as_str().unwrap().contains("nowhere"));
    assert!(failure["help"].is_string());
}

#[test]
fn quiet_tells_only_what_is_wrong_and_verbose_more() {
    let sandbox = Sandbox::new("quiet");
    let with = |name: &str, more: &[&str]| {
        let mut arguments = train(name);
        arguments.extend(more.iter().map(|s| s.to_string()));
        arguments
    };
    assert_eq!(sandbox.run(&with("a", &["--quiet"])).works().err, "");
    let plain = sandbox.run(&train("b"));
    assert!(!plain.works().err.contains("debug: "), "{}", plain.err);
    let verbose = sandbox.run(&with("c", &["--verbose"]));
    assert!(verbose.works().err.contains("debug: step "), "{}", verbose.err);
    let asked = sandbox.command(&train("d")).env("RUST_LOG", "warn").output().unwrap();
    assert!(asked.stderr.is_empty(), "{}", String::from_utf8_lossy(&asked.stderr));
    sandbox.run(&["inspect", "nowhere", "-q"]).refuses(2, &["nowhere"]);
    let wrong = sandbox.command(&["inspect", "x"]).env("RUST_LOG", "karhunen=loud").output();
    crate::sandbox::Ended::from(wrong.unwrap()).refuses(2, &["RUST_LOG=karhunen=loud"]);
}
