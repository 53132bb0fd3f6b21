//! The likelihood of fields under a trained model, relative to the Gaussian law of its data.

use std::sync::atomic::{AtomicUsize, Ordering};

use karhunen_field::likelihood::{Likelihood, LogDensity, Trace};
use karhunen_field::{Ensemble, FieldError, Grid};
use karhunen_net::{Asked, Conditioned};
use rayon::prelude::*;

use crate::TrainedModel;
use crate::model::stop::{Stop, Stoppable};

/// Options of a likelihood.
#[derive(Debug, Clone, PartialEq)]
pub struct LikelihoodRequest {
    /// Steps of the probability flow.
    pub steps: usize,
    /// Repetitions for each field, each with its own noise and random signs.
    pub repetitions: usize,
    /// How traces are estimated.
    pub trace: Trace,
    /// Seed of the noise and the signs.
    pub seed: u64,
    /// The class of the fields; without one, the model is evaluated unconditionally.
    pub class: Option<u32>,
    /// A flag that ends the computation early.
    pub stop: Stop,
}

/// 32 steps, 4 repetitions with random signs.
impl Default for LikelihoodRequest {
    fn default() -> Self {
        Self {
            steps: 32,
            repetitions: 4,
            trace: Trace::Signs,
            seed: 0,
            class: None,
            stop: Stop::default(),
        }
    }
}

impl TrainedModel {
    /// The grid on which the likelihood of fields on `grid` can be computed. It is the same grid
    /// unless the network evaluates them on a finer level.
    pub fn likelihood_grid(&self, grid: &Grid) -> Grid {
        self.own_grid(grid)
    }

    /// ln dP/dN(m, C) of fields in the data's own values, where P is the model's law and N(m, C)
    /// the Gaussian law of its training data. Field i has the noise and the signs of index i.
    ///
    /// The result does not depend on the units of the data. `observe(done, total)` counts the steps
    /// of all batches.
    ///
    /// **Cost** 2 · steps · repetitions evaluations and derivatives for each field.
    ///
    /// # Errors
    /// As [`Likelihood::of`]; [`FieldError::Parameter`] for a class that was not trained on;
    /// [`FieldError::GridMismatch`] on a grid that the network evaluates on a finer level;
    /// [`FieldError::Stopped`].
    pub fn log_density(
        &self,
        fields: &Ensemble,
        request: &LikelihoodRequest,
        observe: &(dyn Fn(usize, usize) + Sync),
    ) -> Result<Vec<LogDensity>, FieldError> {
        let known = |class: &u32| {
            self.statistics.classes.get(*class as usize).is_some_and(|count| *count > 0)
        };
        if let Some(class) = request.class.filter(|class| !known(class)) {
            return Err(FieldError::Parameter {
                parameter: "class",
                value: f64::from(class),
                requirement: "must be one that the model was trained on",
            });
        }
        let own = self.likelihood_grid(&fields.grid);
        if own != fields.grid {
            let what = "a likelihood on a grid that the network answers on a finer one";
            return Err(FieldError::GridMismatch { what, left: fields.grid, right: own });
        }
        let mut fields = fields.clone();
        self.statistics.normalisation.normalise(&mut fields);
        let p = &self.model.preconditioner;
        let cells = fields.grid.len() * request.repetitions.max(1);
        let batches = self.batches(0..fields.count() as u64, cells);
        let done = AtomicUsize::new(0);
        let of = |part: &std::ops::Range<u64>| {
            let own = fields.slice(part.start as usize..part.end as usize);
            let classes = match request.class {
                Some(class) => vec![Some(class); own.count() * request.repetitions],
                None => Vec::new(),
            };
            let asked = Asked::classes(classes);
            let with = Conditioned { model: &self.model, asked, sharpness: 1.0 };
            let denoiser = Stoppable { denoiser: &with, stop: &request.stop };
            let likelihood = Likelihood {
                path: p.path().as_ref(),
                prior: p.prior().as_ref(),
                law: p.law(),
                denoiser: &denoiser,
                steps: request.steps,
                trace: request.trace,
                repetitions: request.repetitions,
                seed: request.seed,
            };
            likelihood.of(&own, part.start, &mut |_, of| {
                let done = done.fetch_add(1, Ordering::Relaxed) + 1;
                observe(done, batches.len() * of);
            })
        };
        let parts: Result<Vec<Vec<LogDensity>>, FieldError> = match self.at_a_time() {
            1 => batches.iter().map(of).collect(),
            _ => batches.par_iter().map(of).collect(),
        };
        Ok(parts?.concat())
    }
}
