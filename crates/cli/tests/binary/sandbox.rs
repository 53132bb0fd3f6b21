//! A folder for each test, and the binary run in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;

/// The configuration of the tour, a run of a second or two.
const TINY: &str = include_str!("../transcripts/tour.in/tiny.toml");
/// What makes it shorter still; its weights take 280 kB.
const SHORT: [&str; 3] = ["training.steps=6", "data.count=24", "training.validations=1"];

/// A folder of one test, emptied when the test begins.
pub struct Sandbox(pub PathBuf);

/// How a command ended.
pub struct Ended {
    /// Exit code; none if a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Ended {
    /// One line that says what is wrong and one that says what to do, in that order, at the end.
    pub fn refuses(&self, code: i32, parts: &[&str]) {
        assert_eq!(self.code, Some(code), "{}", self.err);
        assert!(!self.err.contains("panicked"), "{}", self.err);
        let lines: Vec<&str> = self.err.lines().collect();
        let [.., error, help] = lines[..] else { panic!("no error with help in:\n{}", self.err) };
        assert!(error.starts_with("error: ") && help.starts_with("help: "), "{}", self.err);
        assert_eq!(self.err.matches("error: ").count(), 1, "{}", self.err);
        for part in parts {
            assert!(error.contains(part), "no `{part}` in {error}");
        }
    }

    /// Nothing went wrong.
    pub fn works(&self) -> &Self {
        assert_eq!(self.code, Some(0), "{}", self.err);
        self
    }
}

impl Sandbox {
    /// A folder by the test's name.
    pub fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("binary-{name}"));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// A folder that holds a finished run of two levels in `run/`.
    pub fn with_run(name: &str) -> Self {
        static RUN: LazyLock<PathBuf> = LazyLock::new(|| {
            let sandbox = Sandbox::new("a-run-for-all");
            sandbox.run(&train("run")).works();
            sandbox.0
        });
        let sandbox = Self::new(name);
        copy(&RUN, &sandbox.0);
        sandbox
    }

    /// A file of the folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The binary with arguments; nothing of the environment that would change what it tells.
    pub fn command(&self, arguments: &[impl AsRef<str>]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_karhunen"));
        command.args(arguments.iter().map(AsRef::as_ref)).current_dir(&self.0);
        command.env_remove("RUST_LOG").stdin(Stdio::null());
        fs::write(self.file("tiny.toml"), TINY).unwrap();
        command
    }

    /// Runs the binary to its end.
    pub fn run(&self, arguments: &[impl AsRef<str>]) -> Ended {
        self.command(arguments).output().unwrap().into()
    }

    /// Runs a line of `sh` in which `$K` is the binary.
    pub fn shell(&self, line: &str) -> Ended {
        fs::write(self.file("tiny.toml"), TINY).unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", line]).current_dir(&self.0).env_remove("RUST_LOG");
        command.env("K", env!("CARGO_BIN_EXE_karhunen")).output().unwrap().into()
    }

    /// Names of all that lies in a part of the folder, sorted.
    pub fn names(&self, part: &str) -> Vec<String> {
        let entries = fs::read_dir(self.file(part)).unwrap();
        let mut names: Vec<String> =
            entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

/// Arguments of the short run into a directory.
pub fn train(out: &str) -> Vec<String> {
    let mut arguments: Vec<String> =
        ["train", "--config", "tiny.toml", "--out", out].map(String::from).to_vec();
    arguments.extend(SHORT.iter().flat_map(|s| ["--set".to_string(), s.to_string()]));
    arguments
}

/// Arguments that sample one field of a model.
pub fn sample(model: &str, out: &str) -> Vec<String> {
    let all = ["sample", "--model", model, "--count", "1", "--evaluations", "2", "--out", out];
    all.map(String::from).to_vec()
}

/// Copies a folder with all in it.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).unwrap()),
        }
    }
}
