//! HDF5, including NetCDF-4 and MATLAB 7.3: one dataset as fields, whatever its chunks and
//! filters.
//!
//! A dataset is named by its path (`sim.h5:/fields/density`). Otherwise it is the only numeric one
//! of two axes or more that is not the bounds of a coordinate. The datatype gives the layout of its
//! numbers (`numbers`), and its attributes tell whether they are packed or missing
//! (`attributes`). Files with a user block are read. Datasets whose values lie in other files
//! are refused with a message. MATLAB's arrays keep the order of axes that MATLAB shows.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use crate::format::entry::{Format, Seen};

#[cfg(feature = "hdf5")]
mod attributes;
#[cfg(feature = "hdf5")]
mod file;
#[cfg(feature = "hdf5")]
mod filters;
#[cfg(feature = "hdf5")]
mod numbers;
#[cfg(feature = "hdf5")]
mod read;
#[cfg(feature = "hdf5")]
mod units;

/// What a file begins with, or what follows a block of the user's.
const MAGIC: &[u8] = b"\x89HDF\r\n\x1a\n";

/// HDF5 in the table of formats.
#[cfg(feature = "hdf5")]
pub(crate) const FORMAT: Format = Format::new("HDF5", recognise, read::open);

/// HDF5 in the table of formats; its files are recognised, and refused.
#[cfg(not(feature = "hdf5"))]
pub(crate) const FORMAT: Format = Format::new("HDF5", recognise, |found, _| {
    let what = "HDF5 and NetCDF-4 are read by the feature hdf5, which this build lacks".into();
    Err(crate::FormatError::Unsupported { path: found.path.into(), what })
});

fn recognise(seen: &Seen<'_>) -> bool {
    match seen {
        Seen::Head(head) => head.starts_with(MAGIC),
        Seen::File(path) => behind_user_block(path).unwrap_or(false),
        _ => false,
    }
}

/// HDF5 may begin behind a block of the user's: of 512 bytes in every MATLAB 7.3 file.
fn behind_user_block(path: &Path) -> std::io::Result<bool> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let places = std::iter::successors(Some(512u64), |at| at.checked_mul(2));
    for at in places.take_while(|at| *at < length) {
        let mut head = [0; MAGIC.len()];
        file.seek(SeekFrom::Start(at))?;
        let read = file.read(&mut head)?;
        if head[..read] == *MAGIC {
            return Ok(true);
        }
    }
    Ok(false)
}
