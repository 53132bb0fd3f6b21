//! Sampling a trained model given observations: fields that honour what was measured.

use std::ops::Range;
use std::sync::Arc;

use karhunen_field::guidance::Guidance;
use karhunen_field::observation::Residual;
use karhunen_field::{
    Conditioning, Ensemble, FieldError, Grid, Observation, Observations, Transform,
};

use crate::trained::{Request, TrainedModel};

impl TrainedModel {
    /// Observations of fields that are to be finished on `grid`, in the data's own values.
    ///
    /// # Errors
    /// Those of [`Conditioning::new`].
    pub fn conditioning(
        &self,
        observed: Vec<Arc<dyn Observation>>,
        grid: Grid,
    ) -> Result<Conditioning, FieldError> {
        let p = &self.model.preconditioner;
        let scale = &self.statistics.normalisation;
        let observed = Observations::new(observed, scale.offset.clone(), scale.scale.clone())?;
        let (path, prior) = (Arc::clone(p.path()), Arc::clone(p.prior()));
        Conditioning::new(path, prior, p.law().clone(), observed, grid)
    }

    /// Fields `indices` of a seed given observations, in the data's own values, and the evaluations they
    /// cost: [`TrainedModel::sample`] under guidance.
    ///
    /// They are never calibrated: calibration knows the law of all data, not of those that agree with
    /// the observations, and would move fields off what was measured.
    ///
    /// # Errors
    /// As [`TrainedModel::sample`] and [`Guidance::guide`].
    pub fn sample_given(
        &self,
        request: &Request,
        guidance: &dyn Guidance,
        indices: Range<u64>,
        observe: &(dyn Fn(usize, usize) + Sync),
    ) -> Result<(Ensemble, usize), FieldError> {
        self.check_classes(request)?;
        let (mut fields, evaluations) =
            self.normalised(request, Some(guidance), indices, observe)?;
        self.statistics.normalisation.undo(&mut fields);
        Ok((fields, evaluations))
    }

    /// Coefficients `[channel, mode]` of one field in the data's own values, as the network knows it.
    pub fn normalised_modes(&self, transform: &Transform, field: &[f64]) -> Vec<f64> {
        let points = transform.grid().len();
        let scale = &self.statistics.normalisation;
        let mut values = field.to_vec();
        for (channel, block) in values.chunks_exact_mut(points).enumerate() {
            let (o, s) = (scale.offset[channel], scale.scale[channel]);
            block.iter_mut().for_each(|v| *v = (*v - o) / s);
        }
        transform.analyse_channels(&values)
    }

    /// How well fields in the data's own values agree with each observation: root mean squares over all.
    ///
    /// # Errors
    /// Those of the observations' operators.
    pub fn residuals(
        &self,
        observations: &Observations,
        fields: &Ensemble,
    ) -> Result<Vec<Residual>, FieldError> {
        let transform = Transform::new(fields.grid);
        let mut all: Vec<Residual> = Vec::new();
        for field in fields.fields() {
            let modes = self.normalised_modes(&transform, field);
            let own = observations.residuals(&fields.grid, &modes)?;
            if all.is_empty() {
                let none = |r: &Residual| Residual {
                    relative: 0.0 * r.relative,
                    exact: 0.0 * r.exact,
                    ..r.clone()
                };
                all = own.iter().map(none).collect();
            }
            for (sum, own) in all.iter_mut().zip(&own) {
                sum.relative += own.relative.powi(2);
                sum.exact += own.exact.powi(2);
            }
        }
        let count = fields.count() as f64;
        for sum in &mut all {
            sum.relative = (sum.relative / count).sqrt();
            sum.exact = (sum.exact / count).sqrt();
        }
        Ok(all)
    }
}
