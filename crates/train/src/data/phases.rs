//! The phases of a model of segmented data, and its fields as labels.

use karhunen_field::level_set::{self, Shift, shift_to_fraction};
use karhunen_field::{Ensemble, FieldError, Grid};

use crate::TrainError;
use crate::config::Resample;
use crate::config::phases::PhasesConfig;
use crate::data::convert;
use crate::data::level::LevelData;

/// The phases of a model's data.
#[derive(Debug, Clone, PartialEq)]
pub struct Phases {
    /// Label of each phase, rising.
    pub labels: Vec<u8>,
    /// Volume fraction of each phase over the training fields: minimum, mean and maximum.
    pub fractions: Vec<[f64; 3]>,
    /// Width w of the interface, in units of the box.
    pub width: f64,
}

impl Phases {
    /// Measures the volume fractions of training fields.
    ///
    /// # Errors
    /// [`TrainError::Data`] for a phase that no training field contains.
    pub(crate) fn measure(
        labels: Vec<u8>,
        width: f64,
        training: &LevelData,
        names: &PhasesConfig,
        source: &str,
    ) -> Result<Self, TrainError> {
        let points = training.grid.len();
        let mut fractions: Vec<[f64; 3]> = vec![[1.0, 0.0, 0.0]; labels.len()];
        let count = training.count() as f64;
        for field in training.values.chunks_exact(training.field_len()) {
            let field: Vec<f64> = field.iter().map(|v| f64::from(*v)).collect();
            let own = level_set::labels(&field, training.channels, points);
            for (phase, [least, mean, most]) in fractions.iter_mut().enumerate() {
                let part =
                    own.iter().filter(|p| usize::from(**p) == phase).count() as f64 / points as f64;
                (*least, *most) = (least.min(part), most.max(part));
                *mean += part / count;
            }
        }
        if let Some(absent) = fractions.iter().position(|[_, _, most]| *most == 0.0) {
            let label = labels[absent];
            let name = match names.name(label) {
                name if name == label.to_string() => String::new(),
                name => format!(" ({name})"),
            };
            return Err(TrainError::Data {
                source_name: source.to_string(),
                message: format!(
                    "label {label}{name} is nowhere in the fields to train on; leave it out of data.phases, or change data.validation"
                ),
            });
        }
        Ok(Self { labels, fractions, width })
    }

    /// Labels, names and mean fractions, for people: `0 pore (19.7 %), 255 grain (80.3 %)`.
    pub fn described(&self, names: &PhasesConfig) -> String {
        let one = |(label, [_, mean, _]): (&u8, &[f64; 3])| {
            let name = match names.name(*label) {
                name if name == label.to_string() => String::new(),
                name => format!(" {name}"),
            };
            format!("{label}{name} ({:.1} %)", 100.0 * mean)
        };
        let all = self.labels.iter().zip(&self.fractions).map(one);
        all.collect::<Vec<_>>().join(", ")
    }

    /// Number of channels of a field.
    pub fn channels(&self) -> usize {
        level_set::channels(self.labels.len())
    }

    /// The phase index of every point of every field.
    pub fn of(&self, fields: &Ensemble) -> Vec<u8> {
        let of = |field: &[f64]| level_set::labels(field, fields.channels, fields.grid.len());
        fields.fields().flat_map(of).collect()
    }

    /// Fields of one channel with the label of every point.
    pub fn labelled(&self, fields: &Ensemble) -> Ensemble {
        let phases = self.of(fields);
        let values = phases.iter().map(|p| f64::from(self.labels[usize::from(*p)])).collect();
        Ensemble { grid: fields.grid, channels: 1, values }
    }

    /// Shifts the threshold of every field so that a phase has a given volume fraction.
    ///
    /// # Errors
    /// [`FieldError::Parameter`] for a fraction beyond those of the training fields.
    pub fn shift(
        &self,
        fields: &mut Ensemble,
        phase: usize,
        fraction: f64,
    ) -> Result<Vec<Shift>, FieldError> {
        let [least, _, most] = self.fractions[phase];
        if !(least..=most).contains(&fraction) {
            return Err(FieldError::Parameter {
                parameter: "volume fraction",
                value: fraction,
                requirement: "must be one that the training fields have",
            });
        }
        let (channels, points) = (fields.channels, fields.grid.len());
        let shift = |field: &mut [f64]| shift_to_fraction(field, channels, points, phase, fraction);
        fields.fields_mut().map(shift).collect()
    }
}

/// If more than this part of a phase's cells changes, a note is written.
const LOST: f64 = 0.25;

/// Notes on the labels that change when level sets are restricted to a coarser grid.
///
/// # Errors
/// As [`convert`].
pub(crate) fn restriction(
    values: &[f32],
    labels: &[u8],
    names: &PhasesConfig,
    from: Grid,
    to: Grid,
) -> Result<Vec<String>, TrainError> {
    let channels = level_set::channels(labels.len());
    let coarse = convert(values, channels, from, to, Resample::Spectral)?;
    let back = convert(&coarse, channels, to, from, Resample::Spectral)?;
    let of = |values: &[f32]| -> Vec<u8> {
        let len = channels * from.len();
        let wide: Vec<f64> = values.iter().map(|v| f64::from(*v)).collect();
        wide.chunks_exact(len).flat_map(|f| level_set::labels(f, channels, from.len())).collect()
    };
    let (before, after) = (of(values), of(&back));
    let all = before.len() as f64;
    let changed = before.iter().zip(&after).filter(|(a, b)| a != b).count() as f64;
    let mut notes = vec![format!(
        "{:.2} % of the cells of {from} change their phase at {to} and back",
        100.0 * changed / all
    )];
    for (phase, label) in labels.iter().enumerate() {
        let own = before.iter().zip(&after).filter(|(a, _)| usize::from(**a) == phase);
        let (mut have, mut lost) = (0.0, 0.0);
        for (a, b) in own {
            have += 1.0;
            lost += if a == b { 0.0 } else { 1.0 };
        }
        if have > 0.0 && lost / have > LOST {
            notes.push(format!(
                "warning: phase {} ({:.2} % of the cells) is thinner than the cells of {to}: {:.0} % of it is lost; give a finer level, or merge the phase with another",
                names.name(*label),
                100.0 * have / all,
                100.0 * lost / have
            ));
        }
    }
    Ok(notes)
}
