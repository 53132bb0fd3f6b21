//! The job that this process belongs to as a rank, if there is one: how it begins, and how it ends with one message.
//!
//! Ranks run the same command. The first one tells and writes; the others are silent, unless they alone fail. A rank that
//! fails waits a moment for the others. If all come, one message is told for all. Otherwise the rank tells its own message
//! and ends the job, because the others are waiting for it in an operation of all ranks.

use std::process::ExitCode;
use std::sync::OnceLock;
use std::time::Duration;

#[cfg(not(feature = "mpi"))]
use karhunen::distributed::Launcher;
use karhunen::distributed::{launcher, local_rank};
use karhunen::{DeviceChoice, Group, TrainError};

use crate::args::Command;
use crate::failure::Failure;
use crate::log;

/// How long a rank that fails waits for the others.
const PATIENCE: Duration = Duration::from_secs(2);

static GROUP: OnceLock<Group> = OnceLock::new();

/// The session of MPI, which lasts as long as the program.
pub struct Job {
    #[cfg(feature = "mpi")]
    _session: Option<karhunen_mpi::Session>,
}

/// Joins the job that this process was started for.
///
/// # Errors
/// Several ranks of a program that was built without MPI.
pub fn begin() -> Result<Job, Failure> {
    let started = launcher();
    #[cfg(feature = "mpi")]
    {
        let session = started.and_then(|_| karhunen_mpi::Session::begin());
        let _ = GROUP.set(session.as_ref().map(|session| session.group()).unwrap_or_default());
        Ok(Job { _session: session })
    }
    #[cfg(not(feature = "mpi"))]
    match started {
        Some(Launcher { size: 2.., rank: 1.. }) => Err(elsewhere()),
        Some(Launcher { size: size @ 2.., .. }) => Err(Failure::usage(format!(
            "started as {size} ranks, and this program was built without MPI"
        ))
        .help("build it with --features mpi; `sample --shard 1/4` shares fields out without MPI")),
        _ => Ok(Job {}),
    }
}

/// The ranks that share what this process is asked for; itself alone without a job.
pub fn group() -> Group {
    GROUP.get().cloned().unwrap_or_default()
}

/// Whether this process tells and writes.
pub fn is_first() -> bool {
    GROUP.get().is_none_or(Group::is_first)
}

/// Whether there are other ranks.
pub fn is_shared() -> bool {
    GROUP.get().is_some_and(Group::is_shared)
}

/// What every rank has made ready by itself: all have, or all fail.
///
/// # Errors
/// This rank's own failure, or that of another one, which tells it.
pub fn agreed<T>(own: Result<T, Failure>) -> Result<T, Failure> {
    group().agreed(own, |_| elsewhere())
}

/// A failure that another rank tells.
fn elsewhere() -> Failure {
    Failure { code: 2, message: String::new(), help: None }
}

/// Sees that all ranks have the same numbers.
///
/// # Errors
/// The first rank that has others.
pub fn same_numbers(what: &str, values: &[f64]) -> Result<(), Failure> {
    if !is_shared() {
        return Ok(());
    }
    Ok(group().same(&[(what, hash(values))]).map_err(TrainError::from)?)
}

/// Numbers in few digits, to see whether two sets are the same.
fn hash(values: &[f64]) -> String {
    // FNV-1a, a word at a time
    let step =
        |state: u64, v: &f64| (state ^ v.to_bits()).wrapping_mul(0x0100_0000_01b3).rotate_left(23);
    format!("{} values {:016x}", values.len(), values.iter().fold(0xcbf2_9ce4_8422_2325, step))
}

/// The card of this process: that of its number among those on its machine.
pub fn local_card() -> DeviceChoice {
    DeviceChoice::Gpu(match is_shared() {
        true => group().ranks().local_rank(),
        false => local_rank().unwrap_or(0),
    })
}

/// Refuses commands whose work several ranks would do several times.
///
/// # Errors
/// One of these.
pub fn check(command: &Command) -> Result<(), Failure> {
    let shares = matches!(
        command,
        Command::Train(_) | Command::Sample(_) | Command::Evaluate(_) | Command::Quickstart(_)
    );
    if shares || !is_shared() {
        return Ok(());
    }
    let size = group().size();
    Err(Failure::usage(format!("{size} ranks: this command has no work to share"))
        .help("start it without mpirun; train, sample, evaluate and quickstart share theirs"))
}

/// Ends the process: what went wrong is told once, and every rank has the code of the first that failed.
pub fn end(_job: Job, result: Result<(), Failure>) -> ExitCode {
    let group = group();
    let failure = result.err();
    let code = failure.as_ref().map_or(0, |failure| failure.code);
    if !group.is_shared() {
        failure.iter().for_each(tell);
        return ExitCode::from(code);
    }
    let patience = failure.as_ref().map(|_| PATIENCE);
    if !group.ranks().all_arrive_within(patience) {
        let mut failure = failure.unwrap_or_else(elsewhere);
        if !group.is_first() && !failure.message.is_empty() {
            failure.message = format!("rank {}: {}", group.rank(), failure.message);
        }
        tell(&failure);
        group.ranks().abort(code);
    }
    let own = failure.map(|f| (f.code, f.message, f.help));
    let all = group.gather(serde_json::to_vec(&own).unwrap_or_default());
    let all = all.iter().map(|bytes| serde_json::from_slice::<Option<Told>>(bytes).ok().flatten());
    let failed: Vec<(usize, Told)> =
        all.enumerate().filter_map(|(r, told)| Some((r, told?))).collect();
    // who only heard of a failure has nothing to tell
    let cause = failed.iter().find(|(_, (_, message, _))| !message.is_empty()).or(failed.first());
    let code = cause.map_or(0, |(_, (code, ..))| *code);
    if let (true, Some((rank, (code, message, help)))) = (group.is_first(), cause) {
        let message = if *rank == 0 { message.clone() } else { format!("rank {rank}: {message}") };
        tell(&Failure { code: *code, message, help: help.clone() });
    }
    ExitCode::from(code)
}

/// Code, message and help of a failure.
type Told = (u8, String, Option<String>);

/// Tells a failure, unless another rank does.
pub fn tell(failure: &Failure) {
    if !failure.message.is_empty() {
        log::failure(&failure.message, failure.help.as_deref(), failure.code);
    }
}
