//! Sampling a trained model given observations: fields that honour what was measured.

use std::ops::Range;
use std::sync::Arc;

use karhunen_field::denoiser::Guided;
use karhunen_field::guidance::{self, Chosen, Guidance};
use karhunen_field::large_box::Enlarged;
use karhunen_field::observation::Residual;
use karhunen_field::sampler::Reverse;
use karhunen_field::{
    Conditioning, Ensemble, FieldError, Grid, Observation, Observations, Transform,
};
use rayon::prelude::*;

use crate::model::request::Request;
use crate::model::trained::TrainedModel;
use crate::model::watch::Watch;

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
        self.conditioning_on(None, observed, grid)
    }

    /// The same of fields of a larger box.
    ///
    /// # Errors
    /// As [`TrainedModel::conditioning`].
    pub fn conditioning_on(
        &self,
        known: Option<&Enlarged>,
        observed: Vec<Arc<dyn Observation>>,
        grid: Grid,
    ) -> Result<Conditioning, FieldError> {
        let p = &self.model.preconditioner;
        let scale = &self.statistics.normalisation;
        let observed = Observations::new(observed, scale.offset.clone(), scale.scale.clone())?;
        let path = Arc::clone(p.path());
        let (law, prior) = match known {
            Some(known) => (known.law(), known.prior()),
            None => (p.law(), p.prior()),
        };
        Conditioning::new(path, Arc::clone(prior), law.clone(), observed, grid)
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
        observe: &dyn Watch,
    ) -> Result<(Ensemble, usize), FieldError> {
        self.check_classes(request)?;
        let (mut fields, evaluations) = self.by_all(request, Some(guidance), indices, observe)?;
        self.statistics.normalisation.undo(&mut fields);
        Ok((fields, evaluations))
    }

    /// As [`TrainedModel::sample_given`], every field chosen among `particles` weighted ones of its own:
    /// [`guidance::choose`]. The request's sampler and coarse grids do not matter.
    ///
    /// # Errors
    /// As [`TrainedModel::sample_given`]; those of [`guidance::choose`].
    pub fn choose_given(
        &self,
        request: &Request,
        given: &Conditioning,
        particles: usize,
        indices: Range<u64>,
        observe: &dyn Watch,
    ) -> Result<(Chosen, usize), FieldError> {
        self.check_classes(request)?;
        let known = self.known_of(request)?;
        let (law, prior) = self.law_and_prior(known.as_ref());
        let path = self.model.preconditioner.path().as_ref();
        let steps = request.method.steps_for(request.evaluations)?;
        let times = request.method.default_times().times(path, steps);
        let cells = request.grid.len() * particles.max(1);
        let batches = self.batches(indices, cells);
        let done = std::sync::atomic::AtomicUsize::new(0);
        let make = |part: &Range<u64>| {
            let asked = self.asked(request, part.clone(), particles);
            let progress = &mut |_, of| {
                let done = done.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
                observe.step(done, batches.len() * of);
            };
            let (part, grid) = ((part.clone(), particles), request.grid);
            self.with_denoiser(request, known.as_ref(), asked, |denoiser| {
                let reverse = Reverse::new(path, prior, law, denoiser, request.seed, 0);
                let mut reverse = reverse.sharing(self.tables(known.as_ref()));
                let chosen = guidance::choose(&mut reverse, given, &times, grid, part, progress)?;
                Ok((chosen, reverse.evaluations * Guided::evaluations(request.guidance)))
            })
        };
        let parts: Result<Vec<(Chosen, usize)>, FieldError> =
            batches.par_iter().map(make).collect();
        let mut parts = parts?.into_iter();
        let Some((mut all, evaluations)) = parts.next() else {
            return Err(FieldError::TooFew { what: "sampling", least: 1, count: 0 });
        };
        for (part, _) in parts {
            all.fields.values.extend(part.fields.values);
            all.effective.extend(part.effective);
            all.smallest.extend(part.smallest);
        }
        self.statistics.normalisation.undo(&mut all.fields);
        Ok((all, particles * evaluations))
    }

    /// Fields drawn from the data's Gaussian law given observations, in the data's own values: simple kriging.
    ///
    /// # Errors
    /// As [`Conditioning::surrogate`].
    pub fn surrogate_given(
        &self,
        given: &Conditioning,
        seed: u64,
        indices: Range<u64>,
    ) -> Result<Ensemble, FieldError> {
        let mut fields = given.surrogate(seed, indices)?;
        self.statistics.normalisation.undo(&mut fields);
        Ok(fields)
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
        let modes = fields.fields().map(|field| self.normalised_modes(&transform, field));
        observations.residuals(&fields.grid, modes)
    }
}
