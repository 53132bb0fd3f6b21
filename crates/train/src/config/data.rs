//! `[data]` of a run's configuration: where the functions come from and how they reach the finest level.
//!
//! Not here: what values are allowed (module `data_rules`).

use karhunen_field::{Axis, Boundaries, Boundary, FieldError, Grid};
use serde::{Deserialize, Serialize};

use crate::TrainError;
use crate::config::augment::{self, Augment};
use crate::config::condition::ConditionConfig;
use crate::config::hold_out::HoldOut;
use crate::config::missing::MissingValues;
use crate::config::phases::PhasesConfig;
use crate::config::sources::Sources;

/// `[data]`: where the functions come from and how they reach the finest level.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DataConfig {
    /// A file, a folder of images, or `builtin:` and `spinodal`, `grains`, `fitzhugh-nagumo`, `shapes`, `poisson`,
    /// `helmholtz`, `darcy` or `navier-stokes` (periodic);
    /// a list of files becomes one data set, their fields side by side as channels.
    pub source: Sources,
    /// A file of class labels, one a field of `source` in its order, or a table (CSV) of names and labels: the model learns the law of each
    /// class. `builtin:shapes` brings its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<String>,
    /// So many clusters of the training fields are told to the network as classes, where there are no labels: for data of many
    /// kinds, such as digits. Sampled fields are of each cluster as often as training fields are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clusters: Option<usize>,
    /// Numbers that fields may be asked for: a table (CSV) with a line of names and a line a field of `source`, or
    /// `"volume-fraction"`, measured of the phases of every field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attributes: Option<String>,
    /// Fields that are given when a field is sampled: a list of files whose fields stand beside those of
    /// `source`, or of channels of `source`. The model learns the law of the other channels given these.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub condition: Option<ConditionConfig>,
    /// Held-out fields from files of their own; otherwise a part of `source` is held out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validation_source: Option<Sources>,
    /// The labels of `validation_source`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validation_labels: Option<String>,
    /// Boundary condition: `"neumann"`, `"periodic"`, `"dirichlet"`, or a list of one an axis.
    pub boundary: Boundaries,
    /// Motions of training fields that their law allows: a list of `"shift"` (along periodic axes), `"mirror"` and `"rotate"` (by
    /// right angles), each for all axes or, as `"shift:0,1"`, for some; `"auto"`, or left out: shifts along the
    /// periodic axes along which mean and variance of the data do not vary.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "augment::asked")]
    pub augment: Option<Vec<Augment>>,
    /// Cells of random patches cut from large images or volumes, as `128x128`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patch: Option<String>,
    /// Fields to make (built-in data), patches to cut, or at most this many fields of a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<usize>,
    /// Fraction held out for validation.
    pub validation: f64,
    /// Slices left out on both sides of a validation block of a stack or of one volume; fewer where
    /// there are few.
    pub gap: usize,
    /// Which part is held out: `"shuffled"`, `{ blocks = 4 }`, `{ axis = 0, blocks = 4 }`,
    /// `{ axis = 0, at = [0.2, 0.7] }`; chosen from the data if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold_out: Option<HoldOut>,
    /// Distance of the source's cells along each axis, in any unit; the file's own if left out, one
    /// for all axes where it tells none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spacing: Option<Vec<f64>>,
    /// Lengths of the box relative to its first axis: cells times spacing of the source if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lengths: Option<Vec<f64>>,
    /// How fields reach the finest level's grid from a finer one.
    pub resample: Resample,
    /// Channels of an array whose shape leaves it open; of `builtin:fitzhugh-nagumo`, 1 (u) or 2 (u and
    /// v, the default).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channels: Option<usize>,
    /// Whether the channels of an array are its last axis, as in `(N, X, Y, C)`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub channels_last: bool,
    /// Dimension of an array whose shape leaves it open; unless told otherwise that of `patch`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dim: Option<usize>,
    /// Fields of labels: the number of phases, the labels, or their names, as `{ pore = 0, grain = 255 }`.
    /// The model learns the signed distance to the interface, and sampling gives labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phases: Option<PhasesConfig>,
    /// Width w of φ = tanh(d / w), in cells of the finest level; 1.5 unless told otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interface_width: Option<f64>,
    /// What becomes of missing values: `"mask"`, `"drop"` or `"fill:VALUE"`; they are refused otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing: Option<MissingValues>,
}

impl Default for DataConfig {
    fn default() -> Self {
        Self {
            source: "builtin:spinodal".into(),
            labels: None,
            clusters: None,
            attributes: None,
            condition: None,
            validation_source: None,
            validation_labels: None,
            boundary: Boundary::Neumann.into(),
            augment: None,
            patch: None,
            count: None,
            validation: 0.1,
            gap: 8,
            hold_out: None,
            spacing: None,
            lengths: None,
            resample: Resample::Spectral,
            channels: None,
            channels_last: false,
            dim: None,
            phases: None,
            interface_width: None,
            missing: None,
        }
    }
}

/// How measured fields are brought to the finest level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Resample {
    /// Drop the modes the grid does not hold; commutes with everything else here.
    Spectral,
    /// Average over cells.
    Area,
}

impl DataConfig {
    /// The files of the source, and of the fields that are given with it.
    pub fn beside(&self) -> Sources {
        let names = self.source.names().to_vec();
        match &self.condition {
            Some(ConditionConfig::Files(files)) => {
                Sources::new([names, files.clone()].concat()).unwrap_or(self.source.clone())
            }
            _ => self.source.clone(),
        }
    }

    /// The box of the data, with this many cells.
    ///
    /// # Errors
    /// As [`Grid::unit`]; [`FieldError::CellCounts`] if the lengths have another number of axes.
    pub fn grid(&self, points: &[usize]) -> Result<Grid, FieldError> {
        let unit = Grid::unit(points, &self.boundary)?;
        let Some(lengths) = &self.lengths else { return Ok(unit) };
        if lengths.len() != points.len() {
            return Err(FieldError::CellCounts { given: points.len(), axes: lengths.len() });
        }
        let axes: Vec<Axis> = unit
            .axes()
            .iter()
            .zip(lengths)
            .map(|(axis, length)| Axis { length: length / lengths[0], ..*axis })
            .collect();
        Grid::new(&axes)
    }
}

impl DataConfig {
    /// Channels of the given fields, of so many that are read.
    ///
    /// # Errors
    /// [`TrainError::Data`] for a channel that is not there, or where none would be left to learn.
    pub fn given_channels(&self, all: usize) -> Result<Vec<usize>, TrainError> {
        let fail = |message: String| {
            Err(TrainError::Data { source_name: self.source.to_string(), message })
        };
        let given = match &self.condition {
            None => return Ok(Vec::new()),
            Some(ConditionConfig::Channels(channels)) => channels.clone(),
            // files of one channel each would be the rule; what the source has itself comes first
            Some(ConditionConfig::Files(files)) => {
                let own = self.source.names().len();
                let each = all / (own + files.len());
                (own * each..all).collect()
            }
        };
        if let Some(channel) = given.iter().find(|channel| **channel >= all) {
            return fail(format!("data.condition names channel {channel}; it has {all}, from 0"));
        }
        if given.len() >= all {
            return fail(format!(
                "data.condition names all of its {all} channel(s); none is left to learn"
            ));
        }
        Ok(given)
    }
}

/// Cells of the largest grid that text may name, 2^40.
const MOST_CELLS: f64 = (1u64 << 40) as f64;

/// Cells per axis from text such as `64`, `64x48` or `32x32x32`.
///
/// # Errors
/// A sentence saying what was wrong.
pub fn parse_points(text: &str) -> Result<Vec<usize>, String> {
    let parts: Result<Vec<usize>, _> = text.split('x').map(|p| p.trim().parse()).collect();
    match parts {
        Ok(points) if points.iter().map(|&n| n as f64).product::<f64>() > MOST_CELLS => {
            Err(format!("`{text}` has more than 2^40 cells"))
        }
        Ok(points) if (1..=3).contains(&points.len()) && !points.contains(&0) => Ok(points),
        _ => Err(format!("`{text}` is no grid; write 1 to 3 cell counts such as 64x48")),
    }
}

/// Cells as text: `64x48`.
pub fn join(points: &[usize]) -> String {
    points.iter().map(usize::to_string).collect::<Vec<_>>().join("x")
}
