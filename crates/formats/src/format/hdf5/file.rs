//! An open HDF5 file: its datasets by path, and what the errors of the library mean.

use std::collections::HashSet;
use std::path::Path;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex};

use hdf5_reader::error::Error;
use hdf5_reader::group::Group;
use hdf5_reader::{Dataset, Datatype, ExternalLinkResolver, Hdf5File, OpenOptions};

use crate::format::hdf5::attributes::text;
use crate::format::hdf5::filters;
use crate::{FormatError, ReadOptions};

/// Largest number of groups and datasets searched for the only one.
const GROUPS_AT_MOST: usize = 4096;
const DATASETS_AT_MOST: usize = 4096;

/// An open file, and the links to other files that were found in it.
pub(crate) struct File {
    file: Hdf5File,
    elsewhere: Arc<Elsewhere>,
    /// Bytes of a chunk of the dataset that is read, for the filters.
    pub(crate) chunk_bytes: Arc<AtomicUsize>,
}

/// Follows no links to other files, but records their targets.
#[derive(Debug, Default)]
struct Elsewhere(Mutex<Vec<String>>);

impl ExternalLinkResolver for Elsewhere {
    fn resolve_external_link(
        &self,
        filename: &str,
    ) -> hdf5_reader::error::Result<Option<Hdf5File>> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push(filename.into());
        Ok(None)
    }
}

/// Converts an error of the library: the file is damaged, or a feature is not supported.
pub(crate) fn refusal(path: &Path, source: Error) -> FormatError {
    let unsupported = |what: String| FormatError::Unsupported { path: path.into(), what };
    match plain(&source) {
        Error::UnsupportedFilter(said) => {
            let id = said.rsplit(' ').next().and_then(|id| id.parse().ok());
            let (name, id) = (filters::name(id.unwrap_or(0)), id.unwrap_or(0));
            unsupported(format!(
                "its chunks are packed by a filter that is not read here ({name}, number {id}); \
                 h5repack -f GZIP=4 writes them readably"
            ))
        }
        Error::UnsupportedLayoutClass(3) => unsupported(
            "a virtual dataset, whose values are in other files; name those, or copy it whole \
             (h5py: f.create_dataset(\"x\", data=g[\"x\"][:]))"
                .into(),
        ),
        Error::Other(what) if what.contains("external raw data file") => unsupported(format!(
            "its values are in another file ({what}); copy the dataset whole, or read that file \
             as raw values"
        )),
        other if other.to_string().starts_with("unsupported") => unsupported(other.to_string()),
        _ => FormatError::Hdf5 { path: path.into(), source },
    }
}

/// The innermost error, without its context.
fn plain(error: &Error) -> &Error {
    match error {
        Error::Context { source, .. } => plain(source),
        other => other,
    }
}

impl File {
    pub(crate) fn open(path: &Path, options: &ReadOptions) -> Result<Self, FormatError> {
        let room = usize::try_from(options.limit_bytes.saturating_mul(2)).unwrap_or(usize::MAX);
        let (elsewhere, chunk_bytes) = (Arc::new(Elsewhere::default()), Arc::default());
        let limits = OpenOptions::default()
            .with_max_read_bytes(room)
            .with_max_chunk_bytes(room)
            .with_external_link_resolver(elsewhere.clone())
            .with_filter_registry(filters::registry(&chunk_bytes));
        let file = Hdf5File::open_with_options(path, limits).map_err(|e| refusal(path, e))?;
        Ok(Self { file, elsewhere, chunk_bytes })
    }

    /// The error for data behind a link to another file, if such a link was found.
    fn linked(&self, path: &Path) -> Option<FormatError> {
        let met = self.elsewhere.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        met.first().map(|file| FormatError::Unsupported {
            path: path.into(),
            what: format!("a link of this file leads to another one, {file}; name that file"),
        })
    }

    /// The named dataset, or the only one that can be fields.
    pub(crate) fn choose(
        &self,
        path: &Path,
        part: Option<&str>,
    ) -> Result<(String, Dataset), FormatError> {
        if let Some(part) = part {
            let found = self.file.dataset(part).map(|dataset| (part.into(), dataset));
            return found.map_err(|source| match plain(&source) {
                Error::DatasetNotFound(_) | Error::GroupNotFound(_) => {
                    self.linked(path).unwrap_or_else(|| FormatError::Part {
                        path: path.into(),
                        part: part.into(),
                        known: self.datasets().0.into_iter().map(|(name, _)| name).collect(),
                    })
                }
                _ => refusal(path, source),
            });
        }
        let (mut all, refused) = self.datasets();
        let bounds: HashSet<String> = all.iter().filter_map(|(name, d)| bounds(name, d)).collect();
        all.retain(|(name, d)| {
            let axes = d.ndim() + array_axes(d.dtype());
            axes >= 2 && is_number(d.dtype()) && !bounds.contains(name)
        });
        let refused = refused.map(|source| refusal(path, source));
        match (all.len(), refused.or_else(|| self.linked(path))) {
            (0, Some(refused)) => Err(refused),
            (0, None) => Err(FormatError::Empty {
                path: path.into(),
                what: "the file holds no dataset of numbers with two axes or more".into(),
            }),
            (1, _) => Ok(all.remove(0)),
            _ => Err(FormatError::Several {
                path: path.into(),
                parts: all.into_iter().map(|(name, _)| name).collect(),
            }),
        }
    }

    /// All datasets by path, as far as the bounds allow, and the error of one that cannot be
    /// opened. Links may be circular. Groups whose names begin with `#` belong to MATLAB.
    pub(crate) fn datasets(&self) -> (Vec<(String, Dataset)>, Option<Error>) {
        let mut refused = None;
        let mut keep = |e: Error| {
            refused.get_or_insert(e);
        };
        let (mut ahead, mut seen, mut all) = (Vec::new(), HashSet::new(), Vec::new());
        match self.file.root_group() {
            Ok(root) => ahead.push((String::new(), root)),
            Err(e) => keep(e),
        }
        while let Some((place, group)) = ahead.pop() {
            if !seen.insert(group.address()) || seen.len() > GROUPS_AT_MOST {
                continue;
            }
            let (groups, datasets) = match group.member_names() {
                Ok(names) => names,
                Err(e) => {
                    keep(e);
                    continue;
                }
            };
            for name in datasets {
                match group.dataset(&name) {
                    Ok(dataset) => all.push((format!("{place}/{name}"), dataset)),
                    Err(e) => keep(e),
                }
            }
            if all.len() >= DATASETS_AT_MOST {
                break;
            }
            for name in groups.into_iter().rev().filter(|name| !name.starts_with('#')) {
                match group.group(&name) {
                    Ok(below) => ahead.push((format!("{place}/{name}"), below)),
                    Err(e) => keep(e),
                }
            }
        }
        (all, refused)
    }

    /// A group by its path.
    pub(crate) fn group(&self, place: &str) -> Option<Group> {
        self.file.group(place).ok()
    }

    /// A dataset by its path.
    pub(crate) fn dataset(&self, place: &str) -> Option<Dataset> {
        self.file.dataset(place).ok()
    }

    /// Whether the file or the dataset was written by the NetCDF library.
    pub(crate) fn is_netcdf(&self, dataset: &Dataset) -> bool {
        let own = ["_Netcdf4Dimid", "_Netcdf4Coordinates"];
        let root = || self.group("/")?.attribute("_NCProperties").ok();
        own.iter().any(|name| dataset.attribute(name).is_ok()) || root().is_some()
    }
}

/// The dataset with the cell bounds of a coordinate, which is not a field (CF, section 7.1).
fn bounds(name: &str, coordinate: &Dataset) -> Option<String> {
    let other = text(coordinate, "bounds")?;
    let (group, _) = name.rsplit_once('/')?;
    Some(format!("{group}/{other}"))
}

/// Number of axes of each array element.
fn array_axes(datatype: &Datatype) -> usize {
    match datatype {
        Datatype::Array { base, dims } => dims.len() + array_axes(base),
        _ => 0,
    }
}

/// Whether elements are numbers of any layout.
fn is_number(datatype: &Datatype) -> bool {
    match datatype {
        Datatype::FixedPoint { .. }
        | Datatype::FloatingPoint { .. }
        | Datatype::Bitfield { .. } => true,
        Datatype::Enum { base, .. } | Datatype::Array { base, .. } => is_number(base),
        _ => false,
    }
}
