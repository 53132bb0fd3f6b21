//! How a trained model samples: what is done once for a request, the batches, and the samplers' runs.
//!
//! Fields are made in the network's own scale, on the grid where the network answers. Then they are
//! calibrated, brought back to the data's values, and to the grid that was asked for. Not here: what a
//! request means ([`crate::model::request`]), and how a model is read ([`crate::model::trained`]).

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use karhunen_field::denoiser::Guided;
use karhunen_field::guidance::Guidance;
use karhunen_field::large_box::Enlarged;
use karhunen_field::law::OnGrid;
use karhunen_field::sampler::{self, Intermediate, Precision, Reverse};
use karhunen_field::{Calibration, Ensemble, FieldError, Grid, Scalar, resample};
use karhunen_net::device::is_cpu;
use rayon::prelude::*;

use crate::model::batches::{BATCH_CELLS, Batch, batches};
use crate::model::request::{Classes, Request};
use crate::model::trained::TrainedModel;
use crate::model::watch::{Forming, Watch};

pub use crate::model::kept::CALIBRATION_PILOTS;

/// Fields that choose the time grid for a tolerance: the first of the seed, whichever are asked for,
/// so that a field does not depend on its batch.
const PILOTS: u64 = 4;

/// A request of which all is done that its fields share: see [`TrainedModel::prepared`].
#[derive(Debug)]
pub struct Prepared<'a> {
    model: &'a TrainedModel,
    /// On the grid where fields are made.
    request: Request,
    /// The grid that was asked for, where it is another one.
    target: Option<Grid>,
    known: Option<Enlarged>,
    calibration: Option<Calibration>,
    /// Times, and the evaluations they cost.
    along: (Vec<f64>, usize),
}

impl Prepared<'_> {
    /// Fields of these numbers, in the data's own values, and the evaluations they cost. What field i is does not
    /// depend on the others.
    ///
    /// # Errors
    /// As [`TrainedModel::sample`].
    pub fn sample(
        &self,
        indices: Range<u64>,
        observe: &dyn Watch,
    ) -> Result<(Ensemble, usize), FieldError> {
        let model = self.model;
        let (mut fields, evaluations) = match self.request.precision {
            Precision::Double => self.calibrated::<f64>(indices, observe)?,
            Precision::Single => self.calibrated::<f32>(indices, observe)?,
        };
        model.statistics.normalisation.undo(&mut fields);
        match self.target {
            Some(grid) => Ok((resample::spectral(&fields, grid)?, evaluations)),
            None => Ok((fields, evaluations)),
        }
    }

    /// Fields as the network knows them, calibrated.
    fn calibrated<S: Scalar>(
        &self,
        indices: Range<u64>,
        observe: &dyn Watch,
    ) -> Result<(Ensemble, usize), FieldError> {
        let (model, known) = (self.model, self.known.as_ref());
        let (mut fields, evaluations) =
            model.shared::<S>(&self.request, known, None, &self.along, indices, observe)?;
        if let Some(calibration) = &self.calibration {
            calibration.apply(model.law_and_prior(known).0, &mut fields)?;
        }
        Ok((S::widened(fields), evaluations))
    }

    /// Batches that fields of these numbers are made in.
    pub fn batches(&self, indices: Range<u64>) -> usize {
        batches(indices, self.request.grid.len(), self.model.at_a_time()).len()
    }
}

impl TrainedModel {
    /// Fields `indices` of a seed, in the data's own values, and the evaluations they cost.
    ///
    /// Fields are made in batches, on the CPU one a thread at a time, on a GPU one after another;
    /// what field `i` is does not depend on them, beyond the rounding of a GPU's products. `observe` counts
    /// steps over all batches and is called from any thread; it may look at the fields on their way ([`Watch`]).
    ///
    /// A calibration corrects samples of the whole law: it is left out for chosen classes and for
    /// guidance other than 1, whose laws have other means and spectra. It costs [`CALIBRATION_PILOTS`] fields more, which come first and are observed like the
    /// others: on the requested grid, or on the finest trained one where the network answers there. What they showed is
    /// kept in `calibrations/` beside the model, so that the next request of the kind costs its fields alone.
    ///
    /// # Errors
    /// [`FieldError::Parameter`] for a budget that pays for no step, or a tolerance that is not
    /// positive; those of [`sampler::integrate_refining`]; non-finite values; those of the network.
    pub fn sample(
        &self,
        request: &Request,
        indices: Range<u64>,
        observe: &dyn Watch,
    ) -> Result<(Ensemble, usize), FieldError> {
        self.prepared(request, observe)?.sample(indices, observe)
    }

    /// What fields of a request have in common: everything that is done once, however many there are and in however many
    /// parts they are made. Pilots of a calibration, where it needs any, are made here.
    ///
    /// # Errors
    /// As [`TrainedModel::sample`].
    pub fn prepared(
        &self,
        request: &Request,
        observe: &dyn Watch,
    ) -> Result<Prepared<'_>, FieldError> {
        self.check_classes(request)?;
        let known = self.known_of(request)?;
        let own = match &known {
            Some(known) => self.own_larger_grid(known.large(), &request.grid)?,
            None => self.own_grid(&request.grid),
        };
        let target = (own != request.grid).then_some(request.grid);
        // the same functions on the grid that the network knows, and what this grid holds of them
        let request = Request { grid: own, ..request.clone() };
        // the data's statistics are those of all classes in their frequencies
        let chosen = matches!(request.classes, Classes::Turns(_));
        let whole = !chosen && request.guidance == 1.0 && request.is_free();
        let calibration = match request.calibrated && whole {
            true => Some(self.calibration(&self.on_trained_box(&request), observe)?),
            false => None,
        };
        let calibration = match (calibration, &known) {
            (Some(own), Some(known)) => Some(own.enlarged(known.large())?),
            (own, _) => own,
        };
        let along = self.times(&request, known.as_ref(), None)?;
        Ok(Prepared { model: self, request, target, known, calibration, along })
    }

    /// How many fields on a grid are under way at the same time, where there are as many: what a part of fields that are
    /// made one part after another should have.
    pub fn together(&self, cells: usize) -> u64 {
        let at_a_time = self.at_a_time();
        ((BATCH_CELLS / at_a_time / cells).max(1) * at_a_time) as u64
    }

    /// The grid on which fields are made for a grid: the same one, unless the network answers on a
    /// level that is finer along an axis, as a nested network does between its levels and a distilled model does below
    /// the finest one.
    pub fn own_grid(&self, grid: &Grid) -> Grid {
        let answered = match &self.config.distilled {
            // it learned on the finest level alone, and coarser grids see the same functions
            Some(_) => self.statistics.grid.points(),
            None => self.model.network_grid(grid).points(),
        };
        let cells: Vec<usize> =
            grid.points().into_iter().zip(answered).map(|(n, level)| n.max(level)).collect();
        grid.with_points(&cells).expect("grids of one dimension")
    }

    /// Fields as the network knows them, each rank making some of them unless asked for its own.
    pub(crate) fn by_all(
        &self,
        request: &Request,
        guidance: Option<&dyn Guidance>,
        indices: Range<u64>,
        observe: &dyn Watch,
    ) -> Result<(Ensemble, usize), FieldError> {
        let known = self.known_of(request)?;
        let (along, known) = (self.times(request, known.as_ref(), guidance)?, known.as_ref());
        match request.precision {
            Precision::Double => {
                self.shared::<f64>(request, known, guidance, &along, indices, observe)
            }
            Precision::Single => {
                let (fields, evaluations) =
                    self.shared::<f32>(request, known, guidance, &along, indices, observe)?;
                Ok((f32::widened(fields), evaluations))
            }
        }
    }

    /// The same by known times.
    fn shared<S: Scalar>(
        &self,
        request: &Request,
        known: Option<&Enlarged>,
        guidance: Option<&dyn Guidance>,
        along: &(Vec<f64>, usize),
        indices: Range<u64>,
        observe: &dyn Watch,
    ) -> Result<(Ensemble<S>, usize), FieldError> {
        if request.apart || !self.group.is_shared() {
            return self.along(request, known, guidance, along, indices, observe);
        }
        let own = self.group.share(indices);
        let (fields, evaluations) =
            self.along::<S>(request, known, guidance, along, own, observe)?;
        let mut fields = S::widened(fields);
        fields.values = self.group.gather_numbers(&fields.values);
        Ok((S::narrowed(fields), self.group.largest(evaluations)))
    }

    /// Fields as the network knows them, of this process alone, with the evaluations that these cost.
    pub(crate) fn along<S: Scalar>(
        &self,
        request: &Request,
        known: Option<&Enlarged>,
        guidance: Option<&dyn Guidance>,
        (times, pilots): &(Vec<f64>, usize),
        indices: Range<u64>,
        observe: &dyn Watch,
    ) -> Result<(Ensemble<S>, usize), FieldError> {
        let refinements = request.refinements();
        let batches = batches(indices, request.grid.len(), self.at_a_time());
        let steps_done = AtomicUsize::new(0);
        let make = |part: &Range<u64>| {
            let progress: &mut dyn FnMut(usize, usize) = &mut |_, of| {
                let done = steps_done.fetch_add(1, Ordering::Relaxed) + 1;
                observe.step(done, batches.len() * of);
            };
            let looker = observe.is_watching().then_some(observe);
            let along = (&times[..], &refinements[..]);
            self.sample_batch(request, known, guidance, (part.clone(), along, (progress, looker)))
        };
        // windows of a field that is a batch are answered by all threads, one such field after another
        let large = known.is_some() && request.grid.len() > BATCH_CELLS / 2;
        let parts: Result<Vec<(Ensemble<S>, usize)>, FieldError> = match self.at_a_time() {
            _ if large => batches.iter().map(make).collect(),
            1 => batches.iter().map(make).collect(),
            _ => batches.par_iter().map(make).collect(),
        };
        let parts = parts?;
        let evaluations = *pilots + parts.first().map_or(0, |(_, evaluations)| *evaluations);
        let mut values = Vec::new();
        for (fields, _) in parts {
            // a single field stays where it is
            match values.is_empty() {
                true => values = fields.values,
                false => values.extend(fields.values),
            }
        }
        let channels = self.statistics.mean.channels;
        Ok((Ensemble { grid: request.grid, channels, values }, evaluations))
    }

    fn sample_batch<S: Scalar>(
        &self,
        request: &Request,
        known: Option<&Enlarged>,
        guidance: Option<&dyn Guidance>,
        (indices, (times, refinements), (progress, looker)): Batch<'_>,
    ) -> Result<(Ensemble<S>, usize), FieldError> {
        let (law, prior) = self.law_and_prior(known);
        let path = self.model.preconditioner.path().as_ref();
        let (first, asked) = (indices.start, self.asked(request, indices.clone(), 1));
        let x: Ensemble<S> =
            self.start(known, guidance, request.first_grid(), request.seed, indices.clone())?;
        let show = looker.map(|looker| {
            let of = indices.clone();
            move |at: &Intermediate<'_>| {
                let (indices, normalisation) = (of.clone(), &self.statistics.normalisation);
                looker.forming(&Forming { at, indices, normalisation });
            }
        });
        self.with_denoiser(request, known, asked, |denoiser| {
            let mut reverse = Reverse::new(path, prior, law, denoiser, request.seed, first)
                .sharing(self.tables(known));
            reverse.guidance = guidance;
            reverse.observer = show.as_ref().map(|show| show as &dyn Fn(&Intermediate<'_>));
            let mut sampler = request.method.build_in::<S>();
            let x = sampler::integrate_refining(
                sampler.as_mut(),
                &mut reverse,
                times,
                refinements,
                x,
                progress,
            )?;
            Ok((x, reverse.evaluations * Guided::evaluations(request.guidance)))
        })
    }

    /// Where along the path a request evaluates, and the evaluations it cost to know.
    fn times(
        &self,
        request: &Request,
        known: Option<&Enlarged>,
        guidance: Option<&dyn Guidance>,
    ) -> Result<(Vec<f64>, usize), FieldError> {
        if let Some(distilled) = &self.config.distilled {
            self.check_distilled(request, guidance.is_some())?;
            return Ok((distilled.times.clone(), 0));
        }
        let (law, prior) = self.law_and_prior(known);
        let path = self.model.preconditioner.path().as_ref();
        let Some(tolerance) = request.tolerance else {
            let steps = request.method.steps_for(request.evaluations)?;
            return Ok((request.method.default_times().times(path, steps), 0));
        };
        // the network's own grid, so that every finer one takes the same steps
        let grid = match known.map(Enlarged::large) {
            Some(large) => large.like(&self.model.network_grid(&large.window(&request.grid)))?,
            None => self.model.network_grid(&request.grid),
        };
        let x = self.start(known, guidance, grid, request.seed, 0..PILOTS)?;
        self.with_denoiser(request, known, self.asked(request, 0..PILOTS, 1), |denoiser| {
            let reverse = Reverse::new(path, prior, law, denoiser, request.seed, 0);
            let mut reverse = reverse.sharing(self.tables(known));
            reverse.guidance = guidance;
            let times = sampler::adaptive_times(&mut reverse, x, tolerance)?;
            Ok((times, reverse.evaluations * Guided::evaluations(request.guidance)))
        })
    }

    /// Fields at time T, given what is known of them.
    fn start<S: Scalar>(
        &self,
        known: Option<&Enlarged>,
        guidance: Option<&dyn Guidance>,
        grid: Grid,
        seed: u64,
        indices: Range<u64>,
    ) -> Result<Ensemble<S>, FieldError> {
        if let Some(guidance) = guidance {
            return Ok(S::narrowed(guidance.conditioning().start(grid, seed, indices)?));
        }
        let (law, prior) = self.law_and_prior(known);
        let path = self.model.preconditioner.path().as_ref();
        if !prior.is_nested() {
            return Ok(S::narrowed(sampler::start(law, prior, path, grid, seed, indices)));
        }
        let tables = self.tables(known).get(&grid, || OnGrid::<S>::new(grid, law, prior));
        Ok(sampler::start_on(&tables, path, seed, indices))
    }

    /// Batches under way together: one a thread, on a card one after another. So too where derivatives are
    /// kept track of: their graph has a lock, and a thread that holds it and helps with another batch would
    /// wait for itself.
    pub(crate) fn at_a_time(&self) -> usize {
        let device = self.model.network.device();
        if is_cpu(device) && !device.is_autodiff() { rayon::current_num_threads() } else { 1 }
    }

    /// Indices in batches of fields of so many cells: as [`batches`].
    pub(crate) fn batches(&self, indices: Range<u64>, cells: usize) -> Vec<Range<u64>> {
        batches(indices, cells, self.at_a_time())
    }

    /// The untrained Gaussian surrogate N(m, c): what mean and spectrum alone can do, in the
    /// data's own values.
    pub fn surrogate(&self, grid: Grid, seed: u64, indices: Range<u64>) -> Ensemble {
        self.surrogate_on(None, grid, seed, indices)
    }
}
