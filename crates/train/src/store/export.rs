//! Models to give away: directories with what sampling needs, and no more.
//!
//! `model.safetensors` holds one average of the weights and, in its metadata, the resolved
//! configuration; `statistics.safetensors` what was measured of the data; `config.toml` the
//! configuration for people; `README.md` the model card; and `model.json`, written last, counters,
//! ledger and the sizes of the others. A directory whose `model.json` does not agree with its files
//! is not a model. While a model is replaced by another in its directory, the old one stands in `.replaced/`
//! there, and is the model of the directory until the new one is complete.
//!
//! Not here: what the card says (whoever gives the model away knows licence and metrics), and how
//! to go on training, which needs a checkpoint.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use karhunen_field::{Axis, Grid};
use karhunen_formats::keep_names;
use karhunen_net::Parameters;
use serde::{Deserialize, Serialize};

use crate::TrainError;
use crate::config::RunConfig;
use crate::data::statistics::Statistics;
use crate::store::arrays::{
    configuration, deserialise, metadata, prefixed, read_sized, read_statistics, serialise, single,
    statistics_arrays, statistics_metadata,
};
use crate::store::atomic::{name, unwritten, write_synced};
use crate::store::checkpoint::Progress;
use crate::store::snapshot::Average;

/// What a sampler needs of a checkpoint.
#[derive(Debug, Clone)]
pub struct Exported {
    /// The resolved configuration.
    pub config: RunConfig,
    /// An average of the weights.
    pub weights: Parameters,
    /// Which; unknown in models exported before there were several.
    pub average: Option<Average>,
    /// Measured from the data.
    pub statistics: Statistics,
    /// Counters and ledger.
    pub progress: Progress,
}

#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    format: u32,
    progress: Progress,
    /// Numbers the network has.
    parameters: usize,
    /// Grid of the statistics.
    grid: Vec<Axis>,
    /// Bytes of each file.
    files: BTreeMap<String, u64>,
    /// Length of the average, and the relative error of its profile.
    #[serde(default)]
    average: Option<(f64, f64)>,
}

const FORMAT: u32 = 1;

/// Times that a model may be replaced while it is read, and how long one waits for that.
const REPLACED: usize = 8;

const MOMENT: Duration = Duration::from_millis(50);

const MANIFEST: &str = "model.json";

/// Where the old model stands while a new one replaces it.
const KEPT: &str = ".replaced";

pub(crate) const WEIGHTS: &str = "model.safetensors";

const STATISTICS: &str = "statistics.safetensors";

impl Exported {
    /// Whether a directory says that it holds an exported model.
    pub fn is_at(directory: &Path) -> bool {
        whole(directory).join(MANIFEST).exists()
    }

    /// Writes a directory with a model card; everything is written beside and renamed.
    ///
    /// In a directory that is there (with `replace`), its files of these names are replaced one by
    /// one, the old manifest first and the new one last; until then the old model is kept in a folder there, so
    /// that an interrupted replacement leaves it.
    ///
    /// # Errors
    /// [`TrainError::Write`]; of kind `AlreadyExists` if the directory is there and may not be
    /// changed.
    pub fn save(&self, directory: &Path, card: &str, replace: bool) -> Result<(), TrainError> {
        let there = directory.exists();
        if there && !replace {
            return Err(unwritten(directory)(std::io::ErrorKind::AlreadyExists.into()));
        }
        let own = directory.file_name().and_then(|n| n.to_str()).unwrap_or("model");
        let beside = directory.with_file_name(format!(".writing-{own}"));
        if beside.exists() {
            fs::remove_dir_all(&beside).map_err(unwritten(&beside))?;
        }
        fs::create_dir_all(&beside).map_err(unwritten(&beside))?;
        let written = self.write(&beside, card).and_then(|names| {
            if there {
                return replaced(&beside, directory, names).map_err(unwritten(directory));
            }
            name(&beside, directory)
        });
        // what is left of a failed attempt helps nobody
        let _ = fs::remove_dir_all(&beside);
        written
    }

    /// Writes the files; their names, the manifest's last.
    fn write(&self, to: &Path, card: &str) -> Result<[&'static str; 5], TrainError> {
        let metadata = metadata(&self.config);
        let of_statistics = statistics_metadata(&self.config, &self.statistics);
        let contents = [
            (WEIGHTS, serialise(&prefixed(&self.weights, ""), &metadata, to)?),
            (STATISTICS, serialise(&statistics_arrays(&self.statistics), &of_statistics, to)?),
            ("config.toml", self.config.to_toml().into_bytes()),
            ("README.md", card.as_bytes().to_vec()),
        ];
        let mut files = BTreeMap::new();
        for (name, bytes) in &contents {
            write_synced(&to.join(name), bytes)?;
            // people may edit the other two
            if [WEIGHTS, STATISTICS].contains(name) {
                files.insert(name.to_string(), bytes.len() as u64);
            }
        }
        let manifest = Manifest {
            format: FORMAT,
            progress: self.progress.clone(),
            parameters: self.weights.count(),
            grid: self.statistics.grid.axes().to_vec(),
            files,
            average: self.average.map(|a| (a.length, a.error)),
        };
        let text = serde_json::to_vec_pretty(&manifest).expect("a manifest is plain data");
        write_synced(&to.join(MANIFEST), &text)?;
        keep_names(to).map_err(unwritten(to))?;
        Ok([WEIGHTS, STATISTICS, "config.toml", "README.md", MANIFEST])
    }

    /// Reads an exported model.
    ///
    /// # Errors
    /// [`TrainError::Read`] or [`TrainError::Checkpoint`] naming the file.
    pub fn load(directory: &Path) -> Result<Self, TrainError> {
        let now = || {
            let place = whole(directory);
            (fs::read(place.join(MANIFEST)).ok(), place)
        };
        let mut before = now();
        for _ in 0..REPLACED {
            let model = Self::read(&before.1);
            // files of one model and of the one that replaced it do not belong together
            let after = now();
            if before.0.is_some() && before == after {
                return model;
            }
            std::thread::sleep(MOMENT);
            before = now();
        }
        Self::read(&before.1)
    }

    /// Reads the files as they are at the moment.
    fn read(directory: &Path) -> Result<Self, TrainError> {
        let place = directory.join(MANIFEST);
        let text =
            fs::read(&place).map_err(|source| TrainError::Read { path: place.clone(), source })?;
        Self::of_files(directory, &text, |name, files| read_sized(directory.join(name), files))
    }

    /// From the text of the manifest and whatever hands out the two files beside it, with their places.
    pub(crate) fn of_files(
        directory: &Path,
        manifest: &[u8],
        file: impl Fn(&str, &BTreeMap<String, u64>) -> Result<(PathBuf, Vec<u8>), TrainError>,
    ) -> Result<Self, TrainError> {
        let bad = |file: &Path, message: String| TrainError::Checkpoint {
            path: file.to_path_buf(),
            message,
        };
        let place = directory.join(MANIFEST);
        let manifest: Manifest = serde_json::from_slice(manifest)
            .map_err(|e| bad(&place, format!("not a manifest: {e}")))?;
        if manifest.format != FORMAT {
            let message = format!("format {}, this program reads {FORMAT}", manifest.format);
            return Err(bad(&place, message));
        }
        let (place_of_weights, bytes) = file(WEIGHTS, &manifest.files)?;
        let config = configuration(&place_of_weights, &bytes, manifest.progress.step)?;
        let weights =
            single(deserialise(&bytes).map_err(|message| bad(&place_of_weights, message))?);
        let (place_of_statistics, bytes) = file(STATISTICS, &manifest.files)?;
        let grid = Grid::try_from(manifest.grid).map_err(|e| bad(&place, e.to_string()))?;
        let arrays = deserialise(&bytes).map_err(|message| bad(&place_of_statistics, message))?;
        let statistics = read_statistics(grid, arrays, &bytes).ok_or_else(|| {
            bad(&place_of_statistics, "arrays missing or of another shape".into())
        })?;
        let average = manifest.average.map(|(length, error)| Average { length, error, made_of: 1 });
        Ok(Self { config, weights, average, statistics, progress: manifest.progress })
    }
}

/// Where the model of a directory is: there, or in the folder that keeps it while another replaces it.
fn whole(directory: &Path) -> PathBuf {
    let kept = directory.join(KEPT);
    let replacing = !directory.join(MANIFEST).exists() && kept.join(MANIFEST).exists();
    if replacing { kept } else { directory.into() }
}

/// Moves files into a directory in place of those of their names there, the manifest last.
fn replaced(from: &Path, directory: &Path, names: [&str; 5]) -> std::io::Result<()> {
    let (kept, manifest) = (directory.join(KEPT), directory.join(MANIFEST));
    if manifest.exists() {
        let unfinished = directory.join(format!("{KEPT}-unfinished"));
        for left in [&kept, &unfinished] {
            if left.exists() {
                fs::remove_dir_all(left)?;
            }
        }
        fs::create_dir(&unfinished)?;
        for name in names.iter().filter(|name| directory.join(name).exists()) {
            let (file, other) = (directory.join(name), unfinished.join(name));
            // the same file under a second name, where the file system has such
            fs::hard_link(&file, &other).or_else(|_| fs::copy(&file, &other).map(drop))?;
        }
        keep_names(&unfinished)?;
        fs::rename(&unfinished, &kept)?;
        keep_names(directory)?;
        fs::remove_file(&manifest)?;
    }
    for name in names {
        fs::rename(from.join(name), directory.join(name))?;
    }
    keep_names(directory)?;
    // an interrupted replacement before this one may have left it
    if kept.exists() { fs::remove_dir_all(&kept) } else { Ok(()) }
}
