//! Commands started as ranks of an MPI job: the bits of one process, one writer, one message. Needs `mpirun`.

#![cfg(unix)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// A run of a second: two levels, batches of eight fields in four pieces.
const TINY: &str = "seed = 1
[data]
source = \"data.npy\"
[network]
width = 8
modes = [4]
layers = 2
projection = 16
[training]
batch = 8
pieces = 4
steps = 24
validations = 2
validation_fields = 6
[[levels]]
grid = \"8x8\"
share = 0.5
[[levels]]
grid = \"16x16\"
share = 0.5
";

/// A folder of one test, emptied when the test begins.
struct Sandbox(PathBuf);

impl Sandbox {
    fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("ranks-{name}"));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        fs::write(path.join("tiny.toml"), TINY).unwrap();
        let sandbox = Self(path);
        let own =
            "prior matern --length 0.2 --smoothness 1.5 --grid 16x16 --count 300 --out data.npy";
        sandbox.run(0, own).works();
        sandbox
    }

    fn launcher(&self, ranks: usize) -> Command {
        let mut command = Command::new("mpirun");
        command.args(["--oversubscribe", "--allow-run-as-root", "--bind-to", "none", "-n"]);
        command.arg(ranks.to_string()).current_dir(&self.0);
        // one machine, processes that may not read each other's memory
        command.env("OMPI_MCA_btl", "self,vader").env("OMPI_MCA_plm_rsh_agent", "sh");
        command.env("OMPI_MCA_btl_vader_single_copy_mechanism", "none");
        command
    }

    fn command(&self, ranks: usize, line: &str) -> Command {
        let program = env!("CARGO_BIN_EXE_karhunen");
        let mut command = match ranks {
            0 => Command::new(program),
            _ => self.launcher(ranks),
        };
        if ranks > 0 {
            command.arg(program);
        }
        command.args(line.split_whitespace()).args(["--threads", "1"]).current_dir(&self.0);
        command
    }

    /// Runs a line as ranks of a job; without any, as one process.
    fn run(&self, ranks: usize, line: &str) -> Ended {
        self.command(ranks, line).output().unwrap().into()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }
}

struct Ended {
    code: Option<i32>,
    out: String,
    err: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
    }
}

impl Ended {
    fn works(self) -> Self {
        assert_eq!(self.code, Some(0), "{}", self.err);
        self
    }

    /// One error of ours, whatever the launcher adds.
    fn refuses(&self, code: i32, part: &str) {
        assert_eq!(self.code, Some(code), "{}", self.err);
        let errors: Vec<&str> = self.err.lines().filter(|l| l.starts_with("error: ")).collect();
        assert_eq!(errors.len(), 1, "{}", self.err);
        assert!(errors[0].contains(part), "no `{part}` in {}", errors[0]);
        assert_eq!(self.err.matches("help: ").count(), 1, "{}", self.err);
    }
}

/// All files of a folder, by name.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        match entry.file_type().unwrap().is_dir() {
            true => all
                .extend(files(&entry.path()).into_iter().map(|(n, b)| (format!("{name}/{n}"), b))),
            false => all.push((name, fs::read(entry.path()).unwrap())),
        }
    }
    all.sort();
    all
}

/// The state of a run as it is stored.
fn state(sandbox: &Sandbox, run: &str, step: usize) -> Vec<Vec<u8>> {
    ["weights", "ema", "optimizer"]
        .map(|name| sandbox.bytes(&format!("{run}/checkpoints/{step:08}/{name}.safetensors")))
        .into()
}

#[test]
fn ranks_train_the_bits_of_one_process_and_tell_once() {
    let sandbox = Sandbox::new("train");
    sandbox.run(0, "train --config tiny.toml --out one").works();
    for ranks in [2, 3] {
        let out = format!("of-{ranks}");
        let told = sandbox.run(ranks, &format!("train --config tiny.toml --out {out}")).works();
        assert_eq!(told.err.matches("parameters").count(), 1, "{}", told.err);
        assert!(told.err.contains(&format!("{ranks} ranks, 4 pieces a batch")), "{}", told.err);
        assert!(state(&sandbox, &out, 24) == state(&sandbox, "one", 24));
    }
    // bytes of a step are in the log
    let events = String::from_utf8(sandbox.bytes("of-2/events.jsonl")).unwrap();
    assert!(events.lines().all(|line| line.contains("\"sent\":")), "{events}");
    // a run of ranks goes on as one process, and the other way round
    let goes_on = "train --config tiny.toml --set training.steps=30 --out";
    sandbox.run(0, &format!("{goes_on} of-2")).works();
    sandbox.run(2, &format!("{goes_on} one")).works();
    assert!(state(&sandbox, "of-2", 30) == state(&sandbox, "one", 30));
}

#[test]
fn ranks_sample_and_evaluate_what_one_process_does() {
    let sandbox = Sandbox::new("sample");
    sandbox.run(0, "train --config tiny.toml --out run").works();
    let line =
        |out: &str| format!("sample --model run --count 9 --seed 4 --evaluations 6 --out {out}");
    for ending in ["npy", "vti"] {
        // pilots are shared too: the model keeps none yet
        let _ = fs::remove_dir_all(sandbox.path("run/calibrations"));
        let told = sandbox.run(2, &line(&format!("two.{ending}"))).works();
        assert_eq!(told.err.matches("9 fields at").count(), 1, "{}", told.err);
        let _ = fs::remove_dir_all(sandbox.path("run/calibrations"));
        sandbox.run(0, &line(&format!("one.{ending}"))).works();
        assert!(sandbox.bytes(&format!("two.{ending}")) == sandbox.bytes(&format!("one.{ending}")));
    }
    // one rank has no field of its own
    let told = sandbox.run(3, "sample --model run --count 2 --seed 4 --out few.npy").works();
    assert!(!told.err.contains(" 0 evaluations"), "{}", told.err);
    sandbox.run(0, "sample --model run --count 2 --seed 4 --out few-of-one.npy").works();
    assert!(sandbox.bytes("few.npy") == sandbox.bytes("few-of-one.npy"));
    for line in ["--summary", "--surrogate"] {
        let [two, one] = [(2, "two"), (0, "one")].map(|(ranks, name)| {
            let out = format!("{name}{line}.npy");
            sandbox
                .run(ranks, &format!("sample --model run --count 70 {line} --out {out}"))
                .works();
            sandbox.bytes(&out)
        });
        assert!(two == one, "{line}");
    }
    // one store, a shard a field
    for (ranks, out) in [(2, "two.zarr"), (0, "one.zarr")] {
        let large =
            "sample --model run --grid 520x520 --count 3 --evaluations 2 --calibration none";
        let told = sandbox.run(ranks, &format!("{large} --out {out}")).works();
        assert_eq!(told.err.matches("3 fields at").count(), 1, "{}", told.err);
    }
    assert!(files(&sandbox.path("two.zarr")) == files(&sandbox.path("one.zarr")));
    assert!(files(&sandbox.path("two.zarr")).len() > 3);
    let again = sandbox.run(2, "sample --model run --grid 520x520 --count 3 --out two.zarr");
    again.refuses(2, "two.zarr: exists already");
    sandbox.run(0, "sample --model run --count 64 --evaluations 6 --out many.npy").works();
    let measure = "evaluate --reference data.npy --part training --samples many.npy --model run --json --reference-count 128 --distinguish";
    let (two, one) = (sandbox.run(2, measure).works(), sandbox.run(0, measure).works());
    assert_eq!(two.out, one.out);
    assert!(one.out.contains("\"distinguish\""), "{}", one.out);
}

#[test]
fn what_ranks_cannot_do_is_told_once_and_nothing_is_written() {
    let sandbox = Sandbox::new("refused");
    sandbox.run(2, "inspect data.npy").refuses(2, "2 ranks: this command has no work to share");
    sandbox.run(2, "train --config nowhere.toml --out run").refuses(2, "nowhere.toml");
    let usage = sandbox.run(2, "train --no-such-option");
    assert_eq!(usage.code, Some(2));
    assert_eq!(usage.err.matches("unexpected argument").count(), 1, "{}", usage.err);
    // each rank reads a file of its own
    fs::write(sandbox.path("tiny-0.toml"), TINY).unwrap();
    fs::write(sandbox.path("tiny-1.toml"), TINY.replace("seed = 1", "seed = 2")).unwrap();
    let script = "exec \"$0\" train --config tiny-$OMPI_COMM_WORLD_RANK.toml --out run";
    let mut differing = sandbox.launcher(2);
    differing.args(["sh", "-c", script, env!("CARGO_BIN_EXE_karhunen")]);
    Ended::from(differing.output().unwrap())
        .refuses(2, "has another configuration than rank 0: `seed = 2`, not `seed = 1`");
    assert!(!sandbox.path("run").exists());
    // more ranks than pieces
    let idle =
        sandbox.run(2, "train --config tiny.toml --set training.pieces=1 --out idle").works();
    assert_eq!(idle.err.matches("1 of 2 ranks are idle").count(), 1, "{}", idle.err);
    fs::write(sandbox.path("there.npy"), "").unwrap();
    sandbox.run(2, "sample --model idle --out there.npy").refuses(2, "there.npy: exists already");
}

#[test]
fn a_rank_that_dies_ends_the_job_and_the_last_checkpoint_is_whole() {
    let sandbox = Sandbox::new("killed");
    let settings = "--set training.steps=100000 --set training.checkpoint_seconds=0.2";
    let line = format!("train --config tiny.toml {settings} --out run");
    let mut job =
        sandbox.command(2, &line).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let begun = Instant::now();
    while newest(&sandbox).is_none_or(|step| step == 0) {
        assert!(begun.elapsed() < Duration::from_secs(60), "no checkpoint");
        std::thread::sleep(Duration::from_millis(50));
    }
    let ranks = children(&job);
    assert_eq!(ranks.len(), 2);
    let killed = Command::new("kill").args(["-9", &ranks[1].to_string()]).status().unwrap();
    assert!(killed.success());
    let at = Instant::now();
    while job.try_wait().unwrap().is_none() {
        assert!(at.elapsed() < Duration::from_secs(30), "the job goes on");
        std::thread::sleep(Duration::from_millis(50));
    }
    let ended = Ended::from(job.wait_with_output().unwrap());
    assert_ne!(ended.code, Some(0));
    // the launcher's message alone: none of ours, none of a panic
    let ours = ["error: ", "panicked", "stopping after this step"];
    assert!(ours.iter().all(|words| !ended.err.contains(words)), "{}", ended.err);
    assert_eq!(ended.err.matches("noticed that process rank").count(), 1, "{}", ended.err);
    let step = newest(&sandbox).unwrap();
    assert!(step > 0);
    sandbox.run(0, "status run --json").works();
    let mut resumed = sandbox.command(2, &line).stderr(Stdio::piped()).spawn().unwrap();
    let at = Instant::now();
    while newest(&sandbox).is_none_or(|now| now <= step) {
        assert!(at.elapsed() < Duration::from_secs(60), "it does not go on");
        std::thread::sleep(Duration::from_millis(50));
    }
    // the launcher hands the signal on and gives ranks time to write a checkpoint
    Command::new("kill").args(["-TERM", &resumed.id().to_string()]).status().unwrap();
    let _ = resumed.wait();
}

/// The step of the newest checkpoint that is named as a whole one.
fn newest(sandbox: &Sandbox) -> Option<usize> {
    let folder = fs::read_dir(sandbox.path("run/checkpoints")).ok()?;
    folder.filter_map(|e| e.ok()?.file_name().to_str()?.parse().ok()).max()
}

/// Processes that a launcher has started, by their numbers.
fn children(job: &Child) -> Vec<u32> {
    let path = format!("/proc/{0}/task/{0}/children", job.id());
    let own = |path: &str| -> Vec<u32> {
        let text = fs::read_to_string(path).unwrap_or_default();
        text.split_whitespace().filter_map(|n| n.parse().ok()).collect()
    };
    own(&path)
}

#[test]
fn quickstart_is_shared_and_told_once() {
    let sandbox = Sandbox::new("quickstart");
    let told = sandbox.run(2, "quickstart --data data.npy --seconds 3 --out first").works();
    assert_eq!(told.out.matches("in floors, worst first").count(), 4, "{}", told.out);
    for name in ["report.html", "evaluation.json", "samples-16x16.npy", "one-function.png"] {
        assert!(sandbox.path("first").join(name).exists(), "{name}");
    }
}
