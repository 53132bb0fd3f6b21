//! A Zarr store that is written to a bucket.

use std::path::Path;

use crate::FormatError;
use crate::container::bucket::Bucket;
use crate::format::zarr::store::MARKS;
use crate::write::zarr::target::Target;

/// An object that exists while a store is being written.
const MARK: &str = ".karhunen-unfinished";

/// A store in a bucket that is being written. Its objects are removed again unless it is completed.
pub(crate) struct Upload {
    bucket: Bucket,
    put: Vec<String>,
    whole: bool,
}

impl Upload {
    /// Begins a store where there is none. Writing the mark shows that access is permitted.
    pub(crate) fn begin(name: &Path) -> Result<Self, FormatError> {
        let bucket = Bucket::open(name)?;
        for mark in MARKS {
            if bucket.has(mark)? {
                let what = "it exists already, and a store in a bucket is not replaced".into();
                return Err(FormatError::Bucket { path: name.into(), what });
            }
        }
        bucket.put(MARK, b"karhunen\n".to_vec())?;
        Ok(Self { bucket, put: vec![MARK.into()], whole: false })
    }
}

impl Target for Upload {
    fn put(&mut self, key: &str, bytes: Vec<u8>) -> Result<(), FormatError> {
        self.put.push(key.into());
        self.bucket.put(key, bytes)
    }

    fn place(mut self: Box<Self>) -> Result<(), FormatError> {
        self.whole = true;
        self.bucket.delete(MARK);
        Ok(())
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if !self.whole {
            // the metadata first, so that the rest is not read as a store
            self.put.iter().rev().for_each(|key| self.bucket.delete(key));
        }
    }
}
