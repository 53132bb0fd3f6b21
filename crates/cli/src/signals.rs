//! What the system asks of a training: to stop with a checkpoint, or to write one and go on.
//!
//! | signal | sent by | what happens |
//! |---|---|---|
//! | SIGINT | Ctrl-C | stops after this step; a second one ends the process at once |
//! | SIGTERM | schedulers, `docker stop`, systemd | stops after this step |
//! | SIGHUP | a terminal that closes | the same, unless `nohup` has it ignored |
//! | SIGUSR1 | schedulers ahead of the end, people | a checkpoint is written, the run goes on |
//!
//! A server (`listen_to_end`) listens to the first three in the same way. Where there are no such signals, Ctrl-C alone stops. Once a training is over nothing is left to save,
//! and each of the first three ends the process at once ([`end_at_once`]).

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tracing::warn;

use crate::job;

/// Number of SIGINT, which Ctrl-C sends.
const INTERRUPT: i32 = 2;

/// Flags that signals set.
#[derive(Debug, Default)]
pub struct Asked {
    /// Stop, with a checkpoint.
    pub stop: Arc<AtomicBool>,
    /// Write a checkpoint and go on.
    pub save: Arc<AtomicBool>,
}

/// What is told when a signal asks to stop: the user's, and others.
#[derive(Debug, Clone, Copy)]
struct Words {
    user: &'static str,
    system: &'static str,
}

const TRAINING: Words = Words {
    user: "stopping after this step; once more to stop at once",
    system: "asked to end: stopping after this step",
};
#[cfg(feature = "serve")]
const SERVING: Words =
    Words { user: "stopping; once more to stop at once", system: "asked to end: stopping" };

/// Listens to signals for the rest of the process.
pub fn listen() -> Asked {
    let asked = Asked::default();
    if let Err(e) = install(&asked, TRAINING) {
        warn!("signals cannot be listened to ({e}): interrupting this run writes no checkpoint");
    }
    asked
}

/// The same for a server, which has no checkpoint to write.
#[cfg(feature = "serve")]
pub fn listen_to_end() -> Arc<AtomicBool> {
    let asked = Asked::default();
    if let Err(e) = install(&asked, SERVING) {
        warn!("signals cannot be listened to ({e}): a signal ends this server at once");
    }
    asked.stop
}

/// Whether a signal ends the process at once, because there is nothing to save.
static AT_ONCE: AtomicBool = AtomicBool::new(false);

/// From now on the first signal that asks to stop ends the process.
pub fn end_at_once() {
    AT_ONCE.store(true, Ordering::Relaxed);
}

/// Sets the flag, or ends the process where it was set and the user asks again, or nothing is to be saved.
fn stop(flag: &AtomicBool, signal: i32, words: Words) {
    if AT_ONCE.load(Ordering::Relaxed) {
        std::process::exit(128 + signal);
    }
    let by_user = signal == INTERRUPT;
    if flag.swap(true, Ordering::Relaxed) {
        if by_user {
            std::process::exit(128 + signal);
        }
        return;
    }
    match by_user {
        // what ends one rank of a job may end the job, and then nothing is stopped after a step
        _ if job::is_shared() => (),
        true => warn!("{}", words.user),
        false => warn!("{}", words.system),
    }
}

fn install(asked: &Asked, words: Words) -> Result<(), Box<dyn Error>> {
    let flag = asked.stop.clone();
    ctrlc::set_handler(move || stop(&flag, INTERRUPT, words))?;
    #[cfg(unix)]
    others(asked, words)?;
    Ok(())
}

/// Signals that only Unix has.
#[cfg(unix)]
fn others(asked: &Asked, words: Words) -> Result<(), std::io::Error> {
    use signal_hook::consts::{SIGHUP, SIGTERM, SIGUSR1};
    let mut wanted = vec![SIGTERM, SIGUSR1];
    if ignored(SIGHUP) == Some(false) {
        wanted.push(SIGHUP);
    }
    let mut signals = signal_hook::iterator::Signals::new(wanted)?;
    let (ending, saving) = (asked.stop.clone(), asked.save.clone());
    let thread = std::thread::Builder::new().name("signals".into());
    thread.spawn(move || {
        for signal in signals.forever() {
            match signal {
                SIGUSR1 => saving.store(true, Ordering::Relaxed),
                other => stop(&ending, other, words),
            }
        }
    })?;
    Ok(())
}

/// Whether whoever started this process has a signal ignored, as `nohup` does; none where the system
/// does not tell, and then the signal is left as it is.
#[cfg(unix)]
fn ignored(signal: i32) -> Option<bool> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"))?;
    let mask = u64::from_str_radix(mask.trim(), 16).ok()?;
    Some(mask >> (signal - 1) & 1 == 1)
}
