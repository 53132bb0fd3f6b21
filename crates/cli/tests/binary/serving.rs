//! A server as a process: where it says that it is, and how signals end it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use crate::sandbox::{Ended, Sandbox};

const TOKEN: &str = "KARHUNEN_TOKEN";

/// A server that has said where it is: `http://127.0.0.1:PORT/`.
fn started(sandbox: &Sandbox, more: &[&str]) -> (Child, String) {
    let arguments: Vec<&str> = ["serve", "--port", "0"].iter().chain(more).copied().collect();
    let mut command = sandbox.command(&arguments);
    command.env_remove(TOKEN).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("http://").and_then(|rest| rest.strip_suffix('/'));
    (child, address.unwrap_or_else(|| panic!("{line}")).to_string())
}

fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let head = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn signals_end_a_server() {
    for signal in ["INT", "TERM"] {
        let sandbox = Sandbox::new(&format!("serving-{signal}"));
        let (child, address) = started(&sandbox, &[]);
        assert!(get(&address, "/").contains("<title>Karhunen</title>"));
        let sent =
            Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status();
        assert!(sent.unwrap().success());
        let ended = Ended::from(child.wait_with_output().unwrap());
        assert_eq!(ended.code, Some(130), "{}", ended.err);
        assert!(ended.err.ends_with("error: the server has stopped\n"), "{}", ended.err);
        assert!(sandbox.names("") == ["tiny.toml"], "nothing is written");
    }
}

#[test]
fn a_port_that_is_taken_is_told() {
    let sandbox = Sandbox::new("serving-port");
    let (mut child, address) = started(&sandbox, &[]);
    let port = address.rsplit(':').next().unwrap();
    let second = sandbox.run(&["serve", "--port", port]);
    second.refuses(2, &[&address, "cannot be listened on"]);
    assert!(second.err.contains("help: choose another --port, or --port 0"), "{}", second.err);
    // what the help says works
    let (mut other, elsewhere) = started(&sandbox, &[]);
    assert_ne!(elsewhere, address);
    for child in [&mut child, &mut other] {
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

#[test]
fn runs_and_folders_of_models_are_shown() {
    let sandbox = Sandbox::with_run("serving-models");
    sandbox.run(&["export", "--model", "run", "--out", "models/given"]).works();
    let newest = format!("run/checkpoints/{}", sandbox.names("run/checkpoints").last().unwrap());
    let file = format!("{newest}/manifest.json");
    let models = ["--only", "--model", "run", "--model", "models", "--model", &file];
    let (mut child, address) = started(&sandbox, &models);
    let told = get(&address, "/api/state");
    for name in ["run", "models/given", &newest] {
        assert!(told.contains(&format!("\"name\":\"{name}\"")), "{name}: {told}");
    }
    assert!(!told.contains("builtin:"), "{told}");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_token_comes_from_the_variable() {
    let sandbox = Sandbox::new("serving-token");
    let mut command = sandbox.command(&["serve", "--port", "0"]);
    command.env(TOKEN, "0123456789abcdef").stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().trim_start_matches("http://").trim_end_matches('/');
    assert!(get(address, "/api/state").starts_with("HTTP/1.1 401"));
    child.kill().unwrap();
    child.wait().unwrap();
    let short = sandbox.command(&["serve", "--port", "0"]).env(TOKEN, "short").output().unwrap();
    Ended::from(short).refuses(2, &["a token of 5 characters"]);
}
