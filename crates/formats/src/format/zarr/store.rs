//! The storage of a Zarr hierarchy: a folder, a zip archive or a bucket.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use crate::FormatError;
#[cfg(feature = "cloud")]
use crate::container::bucket::Bucket;
use crate::container::zip::archive::{Archive, Member};

/// Names of files that identify a Zarr folder or a place in an archive.
pub(crate) const MARKS: [&str; 3] = ["zarr.json", ".zarray", ".zgroup"];
/// Limits of the search for groups and arrays: their number and their depth.
const PLACES_AT_MOST: usize = 4096;
const DEPTH_AT_MOST: usize = 16;

/// Files by key. A key consists of names separated by `/`.
#[derive(Debug)]
pub(crate) enum Store {
    Folder(PathBuf),
    Zip {
        path: PathBuf,
        members: BTreeMap<String, Member>,
    },
    #[cfg(feature = "cloud")]
    Bucket(Bucket),
}

impl Store {
    /// Whether a folder is a Zarr group or array.
    pub(crate) fn is_folder(path: &Path) -> bool {
        MARKS.iter().any(|mark| path.join(mark).is_file())
    }

    /// The folder of an archive in which a hierarchy begins; none if there is no hierarchy.
    pub(crate) fn root_in<'a>(archive: &'a Archive<'_>) -> Option<&'a str> {
        // some writers put the hierarchy into one folder of the archive
        let root = archive.all().into_iter().filter_map(|m| {
            let (folder, name) = m.name.rsplit_once('/').unwrap_or(("", &m.name));
            MARKS.contains(&name).then_some(folder)
        });
        root.min_by_key(|folder| folder.len())
    }

    /// The store in an archive.
    pub(crate) fn in_archive(archive: &Archive<'_>) -> Self {
        let (all, root) = (archive.all(), Self::root_in(archive).unwrap_or_default());
        let key = |m: &Member| {
            let rest = m.name.strip_prefix(root)?;
            Some((rest.strip_prefix('/').unwrap_or(rest).to_string(), m.clone()))
        };
        let members = all.iter().copied().filter_map(key).collect();
        Store::Zip { path: archive.path.into(), members }
    }

    /// The folder or archive.
    pub(crate) fn path(&self) -> &Path {
        match self {
            Store::Folder(path) | Store::Zip { path, .. } => path,
            #[cfg(feature = "cloud")]
            Store::Bucket(bucket) => bucket.name(),
        }
    }

    /// Whether every access to a file is a request over the network.
    pub(crate) fn is_far(&self) -> bool {
        #[cfg(feature = "cloud")]
        return matches!(self, Store::Bucket(_));
        #[cfg(not(feature = "cloud"))]
        false
    }

    /// Length of a file in bytes; `None` if it does not exist.
    pub(crate) fn length(&self, key: &str) -> Result<Option<u64>, FormatError> {
        match self {
            Store::Folder(folder) => match std::fs::metadata(folder.join(key)) {
                Ok(kind) => Ok(kind.is_file().then_some(kind.len())),
                Err(e) if absent(&e) => Ok(None),
                Err(source) => Err(FormatError::Read { path: folder.join(key), source }),
            },
            Store::Zip { members, .. } => Ok(members.get(key).map(Member::size)),
            #[cfg(feature = "cloud")]
            Store::Bucket(bucket) => bucket.length(key),
        }
    }

    /// The content of a file up to a number of bytes; `None` if it does not exist.
    pub(crate) fn get(&self, key: &str, at_most: u64) -> Result<Option<Vec<u8>>, FormatError> {
        let Some(length) = self.length(key)? else { return Ok(None) };
        if length > at_most {
            let path = self.path().join(key);
            return Err(FormatError::TooLarge { path, bytes: length.into(), limit: at_most });
        }
        self.part(key, 0, length).map(Some)
    }

    /// `length` bytes of an existing file from byte `start`. The caller limits them.
    pub(crate) fn part(&self, key: &str, start: u64, length: u64) -> Result<Vec<u8>, FormatError> {
        let place = self.path().join(key);
        let failed = |source| FormatError::Read { path: place.clone(), source };
        let mut bytes = Vec::new();
        let read = |from: &mut dyn Read, bytes: &mut Vec<u8>| from.take(length).read_to_end(bytes);
        match self {
            Store::Folder(_) => {
                let mut file = File::open(&place).map_err(failed)?;
                file.seek(SeekFrom::Start(start)).map_err(failed)?;
                read(&mut file, &mut bytes).map_err(failed)?;
            }
            Store::Zip { path, members } => {
                let Some(member) = members.get(key) else {
                    return Err(failed(io::ErrorKind::NotFound.into()));
                };
                let mut member = member.reader(path)?;
                io::copy(&mut member.by_ref().take(start), &mut io::sink()).map_err(failed)?;
                read(&mut member, &mut bytes).map_err(failed)?;
                // a read at the end checks the checksum
                member.read(&mut [0; 1]).map_err(failed)?;
            }
            #[cfg(feature = "cloud")]
            Store::Bucket(bucket) => bytes = bucket.part(key, start, length)?,
        }
        let (found, expected) = (start + bytes.len() as u64, start.saturating_add(length));
        match found == expected {
            true => Ok(bytes),
            false => Err(FormatError::Truncated { path: place, expected, found }),
        }
    }

    /// Keys of all groups and arrays at and below `root`, within the limits. The search stops where
    /// `is_array` is true, because only chunks lie below an array.
    pub(crate) fn places(&self, root: &str, is_array: &dyn Fn(&str) -> bool) -> Vec<String> {
        let mut found = Vec::new();
        let mut ahead = vec![(root.to_string(), 0)];
        while let Some((place, depth)) = ahead.pop() {
            if found.len() >= PLACES_AT_MOST || depth > DEPTH_AT_MOST {
                break;
            }
            if !MARKS.iter().any(|mark| matches!(self.length(&join(&place, mark)), Ok(Some(_)))) {
                continue;
            }
            if !is_array(&place) {
                let mut below = self.folders(&place);
                below.sort();
                ahead.extend(below.into_iter().rev().map(|name| (join(&place, &name), depth + 1)));
            }
            found.push(place);
        }
        found
    }

    /// Names of the folders in a folder.
    fn folders(&self, place: &str) -> Vec<String> {
        match self {
            Store::Folder(folder) => {
                let entries = std::fs::read_dir(folder.join(place)).into_iter().flatten().flatten();
                let entries = entries.filter(|e| e.path().is_dir()).take(PLACES_AT_MOST);
                entries.map(|e| e.file_name().to_string_lossy().into_owned()).collect()
            }
            #[cfg(feature = "cloud")]
            Store::Bucket(bucket) => bucket.folders(place),
            Store::Zip { members, .. } => {
                let start = join(place, "");
                let below = members.range(start.clone()..).map_while(|(key, _)| {
                    key.strip_prefix(&start).map(|rest| rest.split_once('/').map(|(name, _)| name))
                });
                let mut names: Vec<String> = below.flatten().map(String::from).collect();
                names.dedup();
                names.truncate(PLACES_AT_MOST);
                names
            }
        }
    }
}

/// The key of a name below another key; the root has the empty key.
pub(crate) fn join(place: &str, name: &str) -> String {
    if place.is_empty() { name.into() } else { format!("{place}/{name}") }
}

fn absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
