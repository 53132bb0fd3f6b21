//! Models that come with the program: `builtin:spinodal`, `builtin:grains`, `builtin:shapes`.
//!
//! Each is an exported model in the folder `models/`, trained on the built-in data of the same
//! name. Its card in that folder tells how it was trained and how well it does. The files are
//! compiled into the program, so the first sample needs no training and no file.

use std::path::{Path, PathBuf};

use crate::TrainError;
use crate::store::export::{Exported, WEIGHTS};

/// Prefix of the name of a built-in model.
const PREFIX: &str = "builtin:";

/// One model that comes with the program.
#[derive(Debug)]
pub struct BuiltinModel {
    /// The name, without the prefix `builtin:`.
    pub name: &'static str,
    /// What its samples show, in a few words.
    pub about: &'static str,
    /// The model card, as Markdown.
    pub card: &'static str,
    manifest: &'static [u8],
    weights: &'static [u8],
    statistics: &'static [u8],
    /// The calibration of the model's own sampler on its finest grid, as [`crate::model::kept`] keeps it.
    pub(crate) calibration: &'static [u8],
}

macro_rules! model {
    ($name:literal, $about:literal) => {
        BuiltinModel {
            name: $name,
            about: $about,
            card: include_str!(concat!("../../models/", $name, "/README.md")),
            manifest: include_bytes!(concat!("../../models/", $name, "/model.json")),
            weights: include_bytes!(concat!("../../models/", $name, "/model.safetensors")),
            statistics: include_bytes!(concat!("../../models/", $name, "/statistics.safetensors")),
            calibration: include_bytes!(concat!(
                "../../models/",
                $name,
                "/calibration.safetensors"
            )),
        }
    };
}

/// All built-in models.
pub static MODELS: [BuiltinModel; 3] = [
    model!("spinodal", "two phases that separated, after Cahn and Hilliard"),
    model!("grains", "a mosaic of polygonal grains in two shades"),
    model!("shapes", "balls, shells and pairs of balls, with a class for each"),
];

/// The model that a path names, if the path begins with `builtin:`.
///
/// # Errors
/// [`TrainError::NoSuchModel`] for a name that no built-in model has.
pub fn find(path: &Path) -> Result<Option<&'static BuiltinModel>, TrainError> {
    let Some(name) = path.to_str().and_then(|path| path.strip_prefix(PREFIX)) else {
        return Ok(None);
    };
    if let Some(model) = MODELS.iter().find(|model| model.name == name) {
        return Ok(Some(model));
    }
    let names: Vec<String> = MODELS.iter().map(|model| format!("{PREFIX}{}", model.name)).collect();
    Err(TrainError::NoSuchModel { name: path.display().to_string(), known: names.join(", ") })
}

impl BuiltinModel {
    /// Reads the model.
    ///
    /// # Errors
    /// [`TrainError::Checkpoint`] if the program was built with files that do not belong together.
    pub fn open(&self) -> Result<Exported, TrainError> {
        let place = PathBuf::from(format!("{PREFIX}{}", self.name));
        Exported::of_files(&place, self.manifest, |name, _| {
            let bytes = if name == WEIGHTS { self.weights } else { self.statistics };
            Ok((place.join(name), bytes.to_vec()))
        })
    }

    /// Size of its files in the program, in bytes.
    pub fn bytes(&self) -> usize {
        [self.manifest, self.weights, self.statistics, self.calibration]
            .map(<[u8]>::len)
            .iter()
            .sum()
    }
}
