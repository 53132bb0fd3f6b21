//! Samples fields on boxes larger than the one that a model was trained on.
//!
//! Module [`karhunen_field::large_box`] has the mathematics: each step evaluates windows of the
//! size of the trained box. This module evaluates a model on windows (classes, guidance, threads)
//! and calibrates it on a larger box. It also checks whether the data are stationary, which the
//! method assumes.

use std::ops::Range;

use karhunen_field::denoiser::Guided;
use karhunen_field::large_box::{Enlarged, LargeBox, WindowDenoiser, Windowed, check_overlap};
use karhunen_field::noise::stream;
use karhunen_field::{Denoiser, Ensemble, FieldError, GaussianLaw, Grid, Prior, Tables};
use karhunen_net::{Asked, Conditioned, Model};
use rayon::prelude::*;

use crate::model::request::{Coarse, Request};
use crate::model::stop::{Stop, Stoppable};
use crate::model::trained::TrainedModel;

pub use crate::model::request::Larger;

/// How strongly a model depends on the place in the box. The data of a larger box should be
/// stationary.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stationarity {
    /// Variance of the mean field along the axes that are extended, divided by the data's variance
    /// at a point.
    pub mean: f64,
    /// The value expected by chance for the given number of training fields; 0 if the number is not
    /// known.
    pub chance: f64,
    /// Disagreement of overlapping windows, in standard deviations of the data
    /// ([`Windowed::disagreement`]).
    pub places: f64,
}

/// Beyond chance, a mean field with more than this variance is not constant.
const MEAN_VARIES: f64 = 0.02;

/// Above this disagreement the place in a window matters to a network. Structures without a fixed
/// place have 0.01 to 0.03; shapes in the middle of their box have 0.25.
const PLACE_MATTERS: f64 = 0.1;

/// Number of fields whose windows are compared.
const COMPARED: u64 = 2;

/// Seed of the compared fields.
const SEED: u64 = 0x504c_4143_4553;

impl Stationarity {
    /// A warning if the data seem not to be stationary; otherwise none.
    pub fn warning(&self) -> Option<String> {
        let mut reasons = Vec::new();
        if self.mean > MEAN_VARIES + 3.0 * self.chance {
            reasons.push(format!(
                "their mean varies over the box by {:.0} % of their variance",
                100.0 * self.mean
            ));
        }
        if self.places > PLACE_MATTERS {
            reasons.push(format!(
                "windows that overlap disagree by {:.2} standard deviations about what is where",
                self.places
            ));
        }
        if reasons.is_empty() {
            return None;
        }
        let why = reasons.join(", and ");
        Some(format!(
            "the data seem not to be stationary: {why}; a larger box of such data means little"
        ))
    }
}

impl TrainedModel {
    /// A box with the given multiples of the trained lengths, periodic along some axes.
    ///
    /// # Errors
    /// As [`LargeBox::new`] and [`check_overlap`]; [`FieldError::LargeBox`] if a length is not a
    /// whole number of the finest level's cells.
    pub fn larger(
        &self,
        times: &[f64],
        periodic: &[bool],
        overlap: f64,
    ) -> Result<Larger, FieldError> {
        check_overlap(overlap)?;
        let large = LargeBox::new(self.statistics.grid, times, periodic)?;
        large.like(&self.statistics.grid)?;
        Ok(Larger { large, overlap })
    }

    /// Gaussian law and noise of the model on a larger box.
    ///
    /// # Errors
    /// As [`Enlarged::new`].
    pub fn enlarged(&self, larger: &Larger) -> Result<Enlarged, FieldError> {
        let p = &self.model.preconditioner;
        let (path, prior) = (p.path().clone(), p.prior().clone());
        Enlarged::new(larger.large.clone(), path, p.law().clone(), prior, larger.overlap)
    }

    /// Gaussian law and noise for a request; none if its box is the trained one.
    pub(crate) fn known_of(&self, request: &Request) -> Result<Option<Enlarged>, FieldError> {
        let larger = request.larger.as_ref().filter(|larger| !larger.large.is_trained());
        larger.map(|larger| self.enlarged(larger)).transpose()
    }

    /// Gaussian law and noise on the box of a request.
    pub(crate) fn law_and_prior<'a>(
        &'a self,
        known: Option<&'a Enlarged>,
    ) -> (&'a GaussianLaw, &'a dyn Prior) {
        let p = &self.model.preconditioner;
        match known {
            Some(known) => (known.law(), known.prior().as_ref()),
            None => (p.law(), p.prior().as_ref()),
        }
    }

    /// Tables of law and noise on the box of a request.
    pub(crate) fn tables<'a>(&'a self, known: Option<&'a Enlarged>) -> &'a Tables {
        known.map_or(self.model.preconditioner.tables(), Enlarged::tables)
    }

    /// [`TrainedModel::surrogate`] on a grid of a larger box.
    pub fn surrogate_on(
        &self,
        known: Option<&Enlarged>,
        grid: Grid,
        seed: u64,
        indices: Range<u64>,
    ) -> Ensemble {
        let law = self.law_and_prior(known).0;
        let mut fields = law.sample(grid, seed, indices, stream::START);
        self.statistics.normalisation.undo(&mut fields);
        fields
    }

    /// Calls `work` with the denoiser for the box of a request, conditioned on `asked`.
    pub(crate) fn with_denoiser<T>(
        &self,
        request: &Request,
        known: Option<&Enlarged>,
        asked: Asked,
        work: impl FnOnce(&dyn Denoiser) -> T,
    ) -> T {
        let (weight, sharpness) = (request.guidance, request.sharpness);
        let as_asked = AsAsked { model: &self.model, weight, sharpness, stop: &request.stop };
        match known {
            None => as_asked.with(asked, work),
            Some(known) => {
                let model = InWindows { as_asked, asked, together: self.at_a_time() };
                work(&Windowed::new(known, &model))
            }
        }
    }

    /// The grid of a larger box on which fields for a given grid are sampled. It has at least as
    /// many cells as the grid on which the network evaluates windows.
    pub(crate) fn own_larger_grid(
        &self,
        large: &LargeBox,
        grid: &Grid,
    ) -> Result<Grid, FieldError> {
        let answered = large.like(&self.model.network_grid(&large.window(grid)))?;
        let cells = grid.points().into_iter().zip(answered.points());
        large.grid(&cells.map(|(n, own)| n.max(own)).collect::<Vec<_>>())
    }

    /// The same request for the trained box, with cells of the same size.
    pub(crate) fn on_trained_box(&self, request: &Request) -> Request {
        let Some(larger) = &request.larger else { return request.clone() };
        let on = |grid: &Grid| larger.large.window(grid);
        let coarse = request.coarse.iter().map(|c| Coarse { grid: on(&c.grid), ..*c }).collect();
        Request { grid: on(&request.grid), coarse, larger: None, ..request.clone() }
    }

    /// Measures how strongly the model depends on the place in the box. The test box is twice as
    /// long as the trained one along the axes that the request extends.
    ///
    /// **Cost** one evaluation of some windows.
    ///
    /// # Errors
    /// Errors of the network.
    pub fn stationarity(&self, request: &Request) -> Result<Option<Stationarity>, FieldError> {
        let Some(larger) = &request.larger else { return Ok(None) };
        let large = &larger.large;
        let (mut times, mut ring) = (Vec::new(), Vec::new());
        for axis in 0..large.times().len() {
            times.push(if large.keeps(axis) { 1.0 } else { 2.0 });
            ring.push(large.is_ring(axis));
        }
        let double = self.larger(&times, &ring, larger.overlap)?;
        let known = self.enlarged(&double)?;
        let grid = double.large.like(&self.statistics.grid)?;
        let t = known.half_known();
        let x = known.noisy(grid, t, SEED, COMPARED);
        let asked = self.asked(request, 0..COMPARED, 1);
        let as_asked =
            AsAsked { model: &self.model, weight: 1.0, sharpness: 1.0, stop: &request.stop };
        let model = InWindows { as_asked, asked, together: self.at_a_time() };
        let places = Windowed::new(&known, &model).disagreement(&x, t)?;
        let chance = match self.training_fields {
            0 => 0.0,
            n => 1.0 / n as f64,
        };
        Ok(Some(Stationarity { mean: known.mean_variation(), chance, places }))
    }
}

/// A model as a request wants it.
struct AsAsked<'a> {
    model: &'a Model,
    /// Weight of the conditions (classifier-free guidance).
    weight: f64,
    sharpness: f64,
    stop: &'a Stop,
}

impl AsAsked<'_> {
    /// Calls `work` with the denoiser under these conditions.
    fn with<T>(&self, asked: Asked, work: impl FnOnce(&dyn Denoiser) -> T) -> T {
        let &Self { model, weight, sharpness, stop } = self;
        let with = Conditioned { model, asked, sharpness };
        let without = Conditioned { model, asked: Asked::default(), sharpness };
        let guided = Guided { with: &with, without: &without, weight };
        work(&Stoppable { denoiser: &guided, stop })
    }
}

/// A model as a denoiser of windows.
struct InWindows<'a> {
    as_asked: AsAsked<'a>,
    /// The conditions of each field of the batch.
    asked: Asked,
    /// Number of parts that are evaluated at the same time.
    together: usize,
}

impl InWindows<'_> {
    /// Splits windows into parts, one a thread. Each part has the conditions of the fields that its
    /// windows belong to.
    fn parts(&self, windows: &Ensemble, fields: &[usize]) -> Vec<(Range<usize>, Asked)> {
        let share = windows.count().div_ceil(self.together).max(1);
        let from = (0..windows.count()).step_by(share);
        from.map(|first| {
            let part = first..windows.count().min(first + share);
            let asked = self.asked.of(&fields[part.clone()]);
            (part, asked)
        })
        .collect()
    }
}

impl WindowDenoiser for InWindows<'_> {
    fn answers_on(&self, window: &Grid) -> Grid {
        self.as_asked.model.network_grid(window)
    }

    fn denoise(
        &self,
        windows: &Ensemble,
        t: f64,
        fields: &[usize],
    ) -> Result<Ensemble, FieldError> {
        let parts = self.parts(windows, fields);
        let answers: Result<Vec<Ensemble>, FieldError> = parts
            .into_par_iter()
            .map(|(part, asked)| self.as_asked.with(asked, |d| d.denoise(&windows.slice(part), t)))
            .collect();
        let values = answers?.into_iter().flat_map(|part| part.values).collect();
        Ensemble::new(windows.grid, windows.channels, values)
    }

    fn pullback(
        &self,
        windows: &Ensemble,
        t: f64,
        w: &Ensemble,
        fields: &[usize],
    ) -> Result<Option<Ensemble>, FieldError> {
        let mut values = Vec::with_capacity(w.values.len());
        for (part, asked) in self.parts(windows, fields) {
            let (x, w) = (windows.slice(part.clone()), w.slice(part));
            match self.as_asked.with(asked, |d| d.pullback(&x, t, &w))? {
                Some(pulled) => values.extend(pulled.values),
                None => return Ok(None),
            }
        }
        Ensemble::new(windows.grid, windows.channels, values).map(Some)
    }
}
