//! What is measured once of the data and stored with the model.

use std::sync::Arc;

use karhunen_field::prior::Measured;
use karhunen_field::{Ensemble, Field, FieldError, GaussianLaw, Grid, Prior};

use crate::conditions::Attribute;
use crate::origin::Origin;
use crate::phases::Phases;

/// One affine map a channel: stored values = (file's values − offset) / scale.
#[derive(Debug, Clone, PartialEq)]
pub struct Normalisation {
    /// Mean of each channel over the training data; 0 on boxes that hold no constants.
    pub offset: Vec<f64>,
    /// Standard deviation of each channel over the training data.
    pub scale: Vec<f64>,
}

impl Normalisation {
    /// Measures an affine map from `[sample, channel, point]` values. Where functions vanish at walls
    /// (`centred` false) nothing is subtracted, which would lift them off, and the scale is about 0.
    pub fn measure(values: &[f32], channels: usize, points: usize, centred: bool) -> Self {
        Self::weighted(values, &[], channels, points, centred)
    }

    /// The same where each value counts with a weight; without weights all count alike.
    pub fn weighted(
        values: &[f32],
        weights: &[f32],
        channels: usize,
        points: usize,
        centred: bool,
    ) -> Self {
        let (mut offset, mut scale) = (vec![0.0; channels], vec![0.0; channels]);
        let count = values.len() / (channels * points);
        let mut per_channel = vec![(count * points) as f64; channels];
        if !weights.is_empty() {
            per_channel.fill(0.0);
            for (i, block) in weights.chunks_exact(points).enumerate() {
                per_channel[i % channels] += block.iter().map(|w| f64::from(*w)).sum::<f64>();
            }
        }
        let each = |visit: &mut dyn FnMut(usize, f64, f64)| {
            for (i, block) in values.chunks_exact(points).enumerate() {
                match weights.get(i * points..(i + 1) * points) {
                    None => block.iter().for_each(|v| visit(i % channels, f64::from(*v), 1.0)),
                    Some(weights) => block
                        .iter()
                        .zip(weights)
                        .for_each(|(v, w)| visit(i % channels, f64::from(*v), f64::from(*w))),
                }
            }
        };
        if centred {
            each(&mut |c, v, w| offset[c] += w * v / per_channel[c]);
        }
        each(&mut |c, v, w| scale[c] += w * (v - offset[c]).powi(2) / per_channel[c]);
        scale.iter_mut().for_each(|s| *s = s.sqrt());
        Self { offset, scale }
    }

    /// Maps file values to stored values, in place.
    pub fn apply(&self, values: &mut [f32], points: usize) {
        for (i, block) in values.chunks_exact_mut(points).enumerate() {
            let (o, s) = (self.offset[i % self.offset.len()], self.scale[i % self.scale.len()]);
            block.iter_mut().for_each(|v| *v = ((f64::from(*v) - o) / s) as f32);
        }
    }

    /// Maps fields in the file's values to normalised ones, in place.
    pub fn normalise(&self, fields: &mut Ensemble) {
        let points = fields.grid.len();
        for (i, block) in fields.values.chunks_exact_mut(points).enumerate() {
            let (o, s) = (self.offset[i % self.offset.len()], self.scale[i % self.scale.len()]);
            block.iter_mut().for_each(|v| *v = (*v - o) / s);
        }
    }

    /// Maps fields back to the file's values, in place.
    pub fn undo(&self, fields: &mut Ensemble) {
        let points = fields.grid.len();
        for (i, block) in fields.values.chunks_exact_mut(points).enumerate() {
            let (o, s) = (self.offset[i % self.offset.len()], self.scale[i % self.scale.len()]);
            block.iter_mut().for_each(|v| *v = *v * s + o);
        }
    }
}

/// Mean field and mode variances of the normalised training data on the finest level's grid.
#[derive(Debug, Clone, PartialEq)]
pub struct Statistics {
    /// The finest level's grid.
    pub grid: Grid,
    /// The affine map to normalised values.
    pub normalisation: Normalisation,
    /// Mean field, point values.
    pub mean: Field,
    /// c_k of each channel.
    pub variances: Vec<Vec<f64>>,
    /// Training fields of each class from 0 to the largest label; empty of unlabelled data.
    pub classes: Vec<u64>,
    /// The box they fill in the data's own cells, and which data they are; none of data made on the
    /// spot, and in models of before this was known.
    pub origin: Option<Origin>,
    /// The phases of segmented data; none of plain values.
    pub phases: Option<Phases>,
    /// Attributes that fields may be asked for; empty of most data.
    pub attributes: Vec<Attribute>,
    /// The affine map of other fields that are given; none of most data.
    pub condition: Option<Normalisation>,
}

impl Statistics {
    /// N(m, c) of the normalised data, continued beyond the measured band by its tail.
    ///
    /// # Errors
    /// As [`Measured::new`].
    pub fn law(&self) -> Result<GaussianLaw, FieldError> {
        let covariances: Result<Vec<Arc<dyn Prior>>, FieldError> = self
            .variances
            .iter()
            .map(|c| Ok(Arc::new(Measured::new(self.grid, c.clone())?) as Arc<dyn Prior>))
            .collect();
        GaussianLaw::new(self.mean.clone(), covariances?)
    }

    /// c_k averaged over channels: what an isotropic prior is fitted to.
    pub fn average_variances(&self) -> Vec<f64> {
        let channels = self.variances.len() as f64;
        (0..self.grid.mode_count())
            .map(|k| self.variances.iter().map(|c| c[k]).sum::<f64>() / channels)
            .collect()
    }
}
