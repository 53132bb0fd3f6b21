//! What a path holds: an exported model, one of the program's own, a checkpoint, or a run with its newest one.

use std::path::Path;

use crate::TrainError;
use crate::run::averages::{LONGEST, SHORTEST};
use crate::store::checkpoint::Checkpoint;
use crate::store::export::{Exported, WEIGHTS};
use crate::store::{builtin_models, snapshot};

impl Exported {
    /// What a path holds: an exported model, a checkpoint, or a run with its newest usable one;
    /// `builtin:` and a name is a model of the program's own ([`builtin_models`]). With the average of `length`, or else the model's own, the first of `training.ema`. Also what was
    /// wrong with newer checkpoints.
    ///
    /// # Errors
    /// [`TrainError::Checkpoint`] if there is none; [`TrainError::OneAverage`] for another average than the one
    /// an exported model has; [`TrainError::NoSuchAverage`] for a length out of range; as
    /// [`snapshot::average`].
    pub fn open(path: &Path, length: Option<f64>) -> Result<(Self, Vec<String>), TrainError> {
        if let Some(length) = length.filter(|l| !(SHORTEST..=LONGEST).contains(l)) {
            return Err(TrainError::NoSuchAverage {
                place: format!("average of length {length}"),
                message: format!("lengths lie between {SHORTEST} and {LONGEST}"),
            });
        }
        let builtin = builtin_models::find(path)?;
        // one that is being replaced has no manifest for a moment
        if builtin.is_some() || Self::is_at(path) || path.join(WEIGHTS).exists() {
            let model = match builtin {
                Some(builtin) => builtin.open()?,
                None => Self::load(path)?,
            };
            let own = model.average.map(|a| a.length);
            return match length {
                Some(asked) if own != Some(asked) => Err(TrainError::OneAverage {
                    path: path.into(),
                    message: format!(
                        "an exported model has one average{}, not that of length {asked}",
                        own.map_or(String::new(), |l| format!(", of length {l}"))
                    ),
                }),
                _ => Ok((model, vec![])),
            };
        }
        let (checkpoint, notes, run) = if path.join("manifest.json").exists() {
            // runs/x/checkpoints/00001200
            let whole = path.canonicalize().unwrap_or_else(|_| path.into());
            let run = whole.ancestors().nth(2).unwrap_or(path).to_path_buf();
            (Checkpoint::load(path)?, vec![], run)
        } else {
            let found = Checkpoint::newest(path)?.ok_or_else(|| TrainError::Checkpoint {
                path: path.into(),
                message: "holds no checkpoint; give the directory that `train` wrote".into(),
            })?;
            (found.0, found.1, path.to_path_buf())
        };
        let length = length.unwrap_or(checkpoint.config.training.ema[0]);
        let (weights, average) = snapshot::average(&checkpoint, &run, length)?;
        let Checkpoint { config, statistics, progress, .. } = checkpoint;
        Ok((Self { config, weights, average: Some(average), statistics, progress }, notes))
    }
}
