//! Where the files of a written Zarr store go.

use std::io::Write;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::FormatError;
use crate::format::zarr::store::Store;
use crate::write::staged::staged_folder;
use crate::write::whole::{keep_all_names, name_folder};

/// Where a store's files go: a folder, or a bucket.
pub(crate) trait Target {
    /// Puts a whole file at a key.
    fn put(&mut self, key: &str, bytes: Vec<u8>) -> Result<(), FormatError>;

    /// Completes the store under the name that was asked for.
    fn place(self: Box<Self>) -> Result<(), FormatError>;
}

/// A folder beside its place until it is whole.
pub(crate) struct Folder {
    fresh: PathBuf,
    /// Removes the folder unless it is placed.
    _guard: Option<TempDir>,
    path: PathBuf,
    overwrite: bool,
}

impl Folder {
    /// A new folder beside a place where nothing lies, or a store that may be replaced.
    ///
    /// # Errors
    /// [`FormatError::Exists`] for what is no store, which is never replaced; [`FormatError::Write`].
    pub(crate) fn begin(path: &Path) -> Result<TempDir, FormatError> {
        if path.exists() && !Store::is_folder(path) {
            return Err(FormatError::Exists { path: path.into() });
        }
        staged_folder(path)
    }

    /// A folder that is removed unless it is placed.
    pub(crate) fn guarded(staged: TempDir, path: &Path, overwrite: bool) -> Self {
        let fresh = staged.path().into();
        Self { fresh, _guard: Some(staged), path: path.into(), overwrite }
    }

    /// A folder that several processes write into, and that stays when this value is gone.
    pub(crate) fn of(fresh: PathBuf, path: &Path, overwrite: bool) -> Self {
        Self { fresh, _guard: None, path: path.into(), overwrite }
    }
}

impl Target for Folder {
    fn put(&mut self, key: &str, bytes: Vec<u8>) -> Result<(), FormatError> {
        let failed = |source| FormatError::Write { path: self.path.clone(), source };
        let file = self.fresh.join(key);
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        let mut file = std::fs::File::create(file).map_err(failed)?;
        file.write_all(&bytes).and_then(|()| file.sync_all()).map_err(failed)
    }

    fn place(self: Box<Self>) -> Result<(), FormatError> {
        let Self { fresh, _guard, path, overwrite } = *self;
        let failed = |source| FormatError::Write { path: path.clone(), source };
        keep_all_names(&fresh).map_err(failed)?;
        if !path.exists() {
            return name_folder(&fresh, &path).map_err(failed);
        }
        if !overwrite {
            return Err(FormatError::Exists { path });
        }
        // the old store is put aside in one step and the new one takes its place in another
        let aside = staged_folder(&path)?;
        let old = aside.path().join("old");
        std::fs::rename(&path, &old).map_err(failed)?;
        name_folder(&fresh, &path).map_err(|source| {
            // the old store comes back where the new one could not take its place
            let _ = std::fs::rename(&old, &path);
            failed(source)
        })
    }
}
