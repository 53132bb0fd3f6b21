//! Locks a directory or an output for one process. The lock names its holder and ends with it.
//!
//! The operating system holds the lock on a small file and releases it when the process ends,
//! however that happens. A file that a killed process leaves behind therefore blocks nobody. The
//! text in the file is for people: who holds the lock, where, and since when.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::TrainError;

/// Name of the lock file in a run's directory.
const NAME: &str = ".lock";
/// Attempts to lock a file that its holder is about to remove.
const TRIES: usize = 16;

/// A held lock. Dropping it removes its file, and the directories that were made for it if they are
/// empty.
#[derive(Debug)]
pub struct Lock {
    /// The lock file; none if the file system has no locks.
    held: Option<(File, PathBuf)>,
    made: Vec<PathBuf>,
    complaint: Option<String>,
}

impl Lock {
    /// Locks a directory and creates it if necessary.
    ///
    /// # Errors
    /// [`TrainError::InUse`] naming the process that holds it; [`TrainError::Write`].
    pub fn directory(path: &Path) -> Result<Self, TrainError> {
        let made = missing(path);
        fs::create_dir_all(path).map_err(|source| write(path, source))?;
        Self::take(&path.join(NAME), path, made)
    }

    /// Locks the path of an output. The lock file lies in the nearest existing folder above it.
    ///
    /// # Errors
    /// As [`Lock::directory`].
    pub fn output(path: &Path) -> Result<Self, TrainError> {
        let place = |folder: &Path| {
            let below = path.strip_prefix(folder).unwrap_or(path);
            let name: Vec<String> =
                below.iter().map(|part| part.to_string_lossy().into_owned()).collect();
            folder.join(format!(".{}.lock", name.join("-")))
        };
        let mut above = path.ancestors().skip(1).skip_while(|folder| !folder.is_dir());
        let nearest = place(above.next().unwrap_or_else(|| Path::new("")));
        // a process that began before the nearest folder existed holds its lock farther up
        for folder in above {
            Self::vacate(&place(folder), path)?;
        }
        Self::take(&nearest, path, vec![])
    }

    /// Removes a lock file that nobody holds; an error if somebody does.
    fn vacate(file: &Path, what: &Path) -> Result<(), TrainError> {
        let Ok(mut open) = OpenOptions::new().read(true).write(true).open(file) else {
            return Ok(());
        };
        match open.try_lock() {
            Err(TryLockError::WouldBlock) => {
                Err(TrainError::InUse { path: what.into(), holder: named_in(&mut open) })
            }
            Ok(()) if same_file(&open, file) => {
                let _ = fs::remove_file(file);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The holder of a directory's lock; none if it is not locked.
    ///
    /// # Errors
    /// [`TrainError::Read`].
    pub fn holder(directory: &Path) -> Result<Option<String>, TrainError> {
        let path = directory.join(NAME);
        let failed = |source| TrainError::Read { path: path.clone(), source };
        let mut file = match File::open(&path) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(failed)?,
        };
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => {
                let mut named = String::new();
                file.read_to_string(&mut named).map_err(failed)?;
                Ok(Some(named.trim().to_string()))
            }
            _ => Ok(None),
        }
    }

    /// The reason why there is no lock, if the file system has none.
    pub fn complaint(&self) -> Option<&str> {
        self.complaint.as_deref()
    }

    fn take(file: &Path, what: &Path, made: Vec<PathBuf>) -> Result<Self, TrainError> {
        for _ in 0..TRIES {
            let mut options = OpenOptions::new();
            options.read(true).write(true).create(true).truncate(false);
            let mut open = options.open(file).map_err(|source| write(what, source))?;
            match open.try_lock() {
                Ok(()) => (),
                Err(TryLockError::WouldBlock) => {
                    let holder = named_in(&mut open);
                    return Err(TrainError::InUse { path: what.into(), holder });
                }
                Err(TryLockError::Error(e)) => {
                    let complaint = format!(
                        "{}: cannot be locked here ({e}); see to it that one process alone writes there",
                        what.display()
                    );
                    let _ = fs::remove_file(file);
                    return Ok(Self { held: None, made, complaint: Some(complaint) });
                }
            }
            // the holder may have removed the file after it was opened here and before it was
            // locked
            if !same_file(&open, file) {
                continue;
            }
            let named = open
                .set_len(0)
                .and_then(|()| open.rewind())
                .and_then(|()| open.write_all(format!("{}\n", holder()).as_bytes()));
            named.map_err(|source| write(what, source))?;
            return Ok(Self { held: Some((open, file.into())), made, complaint: None });
        }
        Err(TrainError::InUse { path: what.into(), holder: "another process".into() })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if let Some((file, path)) = &self.held {
            // removed while locked, so that no other process holds a lock on a removed file
            let _ = fs::remove_file(path);
            let _ = file.unlock();
        }
        for folder in self.made.iter().rev() {
            // not empty: another process wrote there
            let _ = fs::remove_dir(folder);
        }
    }
}

/// The missing folders of a path, outermost first.
fn missing(path: &Path) -> Vec<PathBuf> {
    let absent = path.ancestors().take_while(|p| !p.as_os_str().is_empty() && !p.exists());
    let mut absent: Vec<PathBuf> = absent.map(PathBuf::from).collect();
    absent.reverse();
    absent
}

#[cfg(unix)]
fn same_file(open: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let both = open.metadata().ok().zip(fs::metadata(path).ok());
    both.is_some_and(|(a, b)| (a.dev(), a.ino()) == (b.dev(), b.ino()))
}

/// On systems other than Unix, no other file can take the name of an open file.
#[cfg(not(unix))]
fn same_file(_open: &File, path: &Path) -> bool {
    path.exists()
}

/// The holder that a lock file names.
fn named_in(file: &mut File) -> String {
    let mut holder = String::new();
    // the file is empty until its holder has written its name
    let _ = file.read_to_string(&mut holder);
    match holder.trim() {
        "" => "another process".to_string(),
        named => named.to_string(),
    }
}

/// Describes this process for people.
fn holder() -> String {
    format!("process {} on {} since {}", std::process::id(), host(), now())
}

fn host() -> String {
    let linux = fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let told = linux.or_else(|| std::env::var("HOSTNAME").or(std::env::var("COMPUTERNAME")).ok());
    told.map(|name| name.trim().to_string())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "this machine".into())
}

fn now() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    utc(seconds)
}

/// `2026-11-29 21:05 UTC` from seconds since 1970.
///
/// **Source** H. Hinnant, "chrono-compatible low-level date algorithms", `civil_from_days`.
fn utc(seconds: u64) -> String {
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let shifted = days + 719_468;
    let (era, day) = (shifted / 146_097, shifted % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let of_month = of_year - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let year = year + 400 * era + next;
    let (hour, minute) = (second / 3600, second % 3600 / 60);
    format!("{year}-{month:02}-{of_month:02} {hour:02}:{minute:02} UTC")
}

fn write(path: &Path, source: std::io::Error) -> TrainError {
    TrainError::Write { path: path.into(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, date) in [
            (0, "1970-01-01 00:00 UTC"),
            (951_782_340, "2000-02-28 23:59 UTC"),
            (951_782_400, "2000-02-29 00:00 UTC"),
            (4_107_542_399, "2100-02-28 23:59 UTC"),
            (4_107_542_400, "2100-03-01 00:00 UTC"),
            (1_796_000_000, "2026-11-30 00:53 UTC"),
        ] {
            assert_eq!(utc(seconds), date);
        }
    }

    #[test]
    fn a_place_has_one_holder_and_its_file_goes_with_it() {
        let folder = std::env::temp_dir().join(format!("lock-{}", std::process::id()));
        let run = folder.join("a/run");
        let held = Lock::directory(&run).unwrap();
        let refused = Lock::directory(&run).unwrap_err().to_string();
        assert!(refused.contains(&format!("process {}", std::process::id())), "{refused}");
        assert!(refused.ends_with(&Lock::holder(&run).unwrap().unwrap()), "{refused}");
        drop(held);
        // directories that were made for the lock and are empty are removed as well
        assert!(!folder.exists());
        fs::create_dir_all(&folder).unwrap();
        let output = folder.join("b/x.npy");
        let held = Lock::output(&output).unwrap();
        assert!(Lock::output(&output).is_err());
        assert!(Lock::output(&folder.join("b/y.npy")).is_ok());
        drop(held);
        assert!(Lock::output(&output).is_ok());
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_file_without_a_holder_hinders_nobody() {
        let folder = std::env::temp_dir().join(format!("lock-left-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(NAME), "process 1 on nowhere since ever").unwrap();
        assert_eq!(Lock::holder(&folder).unwrap(), None);
        drop(Lock::directory(&folder).unwrap());
        fs::remove_dir_all(&folder).unwrap();
    }
}
