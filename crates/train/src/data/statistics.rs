//! Statistics of the data that are measured once and stored with the model.

use std::sync::Arc;

use karhunen_field::prior::Measured;
use karhunen_field::{Ensemble, Field, FieldError, GaussianLaw, Grid, Prior};

use crate::data::origin::Origin;
use crate::data::phases::Phases;

/// One affine map for each channel: normalised value = (file's value − offset) / scale.
#[derive(Debug, Clone, PartialEq)]
pub struct Normalisation {
    /// Mean of each channel over the training data; 0 on boxes whose modes include no constant.
    pub offset: Vec<f64>,
    /// Standard deviation of each channel over the training data.
    pub scale: Vec<f64>,
}

impl Normalisation {
    /// Measures the affine map from `[sample, channel, point]` values. Fields that vanish at
    /// Dirichlet walls (`centred` false) get offset 0, because subtraction would move them off
    /// zero. Their scale is the root mean square.
    pub fn measure(values: &[f32], channels: usize, points: usize, centred: bool) -> Self {
        Self::weighted(values, &[], channels, points, centred)
    }

    /// As [`Normalisation::measure`] with a weight for each value; without weights all count
    /// equally.
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

    /// Maps values of the file to normalised values, in place.
    pub fn apply(&self, values: &mut [f32], points: usize) {
        for (i, block) in values.chunks_exact_mut(points).enumerate() {
            let (o, s) = (self.offset[i % self.offset.len()], self.scale[i % self.scale.len()]);
            block.iter_mut().for_each(|v| *v = ((f64::from(*v) - o) / s) as f32);
        }
    }

    /// Maps fields with values of the file to normalised fields, in place.
    pub fn normalise(&self, fields: &mut Ensemble) {
        let points = fields.grid.len();
        for (i, block) in fields.values.chunks_exact_mut(points).enumerate() {
            let (o, s) = (self.offset[i % self.offset.len()], self.scale[i % self.scale.len()]);
            block.iter_mut().for_each(|v| *v = (*v - o) / s);
        }
    }

    /// Maps normalised fields back to values of the file, in place.
    pub fn undo(&self, fields: &mut Ensemble) {
        let points = fields.grid.len();
        for (i, block) in fields.values.chunks_exact_mut(points).enumerate() {
            let (o, s) = (self.offset[i % self.offset.len()], self.scale[i % self.scale.len()]);
            block.iter_mut().for_each(|v| *v = *v * s + o);
        }
    }
}

/// One attribute of the training fields.
#[derive(Debug, Clone, PartialEq)]
pub struct Attribute {
    /// Its name.
    pub name: String,
    /// Its mean over the training fields.
    pub mean: f64,
    /// Its standard deviation over the training fields.
    pub deviation: f64,
    /// Its least and its largest value.
    pub range: [f64; 2],
}

/// Mean field and mode variances of the normalised training data on the finest level's grid.
#[derive(Debug, Clone, PartialEq)]
pub struct Statistics {
    /// The finest level's grid.
    pub grid: Grid,
    /// The affine map to normalised values.
    pub normalisation: Normalisation,
    /// Values of the mean field at the points.
    pub mean: Field,
    /// Variances c_k of the modes, for each channel.
    pub variances: Vec<Vec<f64>>,
    /// Number of training fields of each class, from 0 to the largest label; empty for unlabelled
    /// data.
    pub classes: Vec<u64>,
    /// The box in cells of the data, and the identity of the data. None for built-in data, and in
    /// models of earlier versions.
    pub origin: Option<Origin>,
    /// The phases of segmented data; none for plain values.
    pub phases: Option<Phases>,
    /// The attributes on which samples may be conditioned; empty for most data.
    pub attributes: Vec<Attribute>,
    /// The affine map of the fields that are given as conditions; none for most data.
    pub condition: Option<Normalisation>,
}

impl Statistics {
    /// The Gaussian law N(m, c) of the normalised data, extrapolated beyond the measured band by
    /// its tail.
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

    /// The variances c_k averaged over channels; an isotropic prior is fitted to them.
    pub fn average_variances(&self) -> Vec<f64> {
        let channels = self.variances.len() as f64;
        (0..self.grid.mode_count())
            .map(|k| self.variances.iter().map(|c| c[k]).sum::<f64>() / channels)
            .collect()
    }

    /// Whether the model can be conditioned on anything: classes, attributes or given fields.
    pub fn is_conditional(&self) -> bool {
        !self.classes.is_empty() || !self.attributes.is_empty() || self.condition.is_some()
    }
}
