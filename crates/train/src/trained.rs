//! A trained model as a user of it sees it: a directory in, fields out. Over 400 lines, because what a request means
//! stands beside how it is carried out.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use karhunen_distributed::Group;
use karhunen_field::denoiser::Guided;
use karhunen_field::guidance::Guidance;
use karhunen_field::large_box::Enlarged;
use karhunen_field::prior::Tempered;
use karhunen_field::sampler::{self, Intermediate, Method, Refinement, Reverse};
use karhunen_field::{Calibration, Ensemble, FieldError, Grid, resample};
use karhunen_net::device::is_cpu;
use karhunen_net::{Band, Device, Model, NetworkConfig, Parameters, Preconditioner};
use rayon::prelude::*;

use crate::asked::GivenFields;
use crate::classes::Classes;
use crate::config::{CalibrationKind, RunConfig};
use crate::exported::Exported;
use crate::kept::{self, Place};
use crate::larger::Larger;
use crate::priors::PriorConfig;
use crate::schedule::Schedule;
use crate::snapshots::Average;
use crate::statistics::Statistics;
use crate::stop::Stop;
use crate::watch::{Forming, Watch};
use crate::{TrainError, memory, published};

/// Builds the model of a configuration with given statistics and fresh weights.
///
/// # Errors
/// Those of the network's, the prior's and the path's constructors.
pub fn build_model(
    config: &RunConfig,
    statistics: &Statistics,
    device: &Device,
) -> Result<Model, TrainError> {
    let grid = statistics.grid;
    let prior = config.prior.build(grid.dim(), config.seed, Some(statistics))?;
    let preconditioner = Preconditioner::new(
        config.training.preconditioning,
        config.path.build(),
        prior,
        statistics.law()?,
        grid,
    )
    .with_share(config.training.share);
    let channels = statistics.mean.channels;
    let mut network =
        config.network.build(&levels_on(config, grid)?, channels, config.seed, device)?;
    if !statistics.classes.is_empty() {
        network.add_classes(statistics.classes.len(), config.seed)?;
    }
    if !statistics.attributes.is_empty() {
        network.add_attributes(statistics.attributes.len(), config.seed)?;
    }
    if let Some(given) = &statistics.condition {
        network.add_condition(given.scale.len(), config.seed)?;
    }
    Ok(Model { network, preconditioner, band: config.sampling.band })
}

/// Builds what does not need the data, so that an impossible network or prior is refused before
/// any are read.
///
/// # Errors
/// As [`build_model`].
pub fn check_model(config: &RunConfig, grid: Grid) -> Result<(), TrainError> {
    let parameters = config.network.parameter_count(config.levels.len(), grid.dim(), 1)?;
    let needed = memory::weight_bytes(parameters, config.training.ema.len());
    memory::check(needed, format!("{parameters:.1e} parameters"), config.network.size_keys())?;
    match config.prior {
        PriorConfig::Tempered { exponent } => Tempered::check_exponent(exponent)?,
        ref prior if prior.is_fitted() => (),
        ref prior => drop(prior.build(grid.dim(), config.seed, None)?),
    }
    let mut network =
        config.network.build(&levels_on(config, grid)?, 1, config.seed, &Device::flex())?;
    if config.data.labels.is_some() {
        network.add_classes(1, config.seed)?;
    }
    if config.data.attributes.is_some() {
        network.add_attributes(1, config.seed)?;
    }
    if config.data.condition.is_some() {
        network.add_condition(1, config.seed)?;
    }
    Ok(())
}

/// The grids that a network is built for, on the box of the finest one: all levels of a nested network,
/// the finest of others.
fn levels_on(config: &RunConfig, finest: Grid) -> Result<Vec<Grid>, TrainError> {
    if !matches!(config.network, NetworkConfig::Nested(_)) {
        return Ok(vec![finest]);
    }
    let on_box = |grid: Grid| Ok(finest.with_points(&grid.points())?);
    config.grids()?.into_iter().map(on_box).collect()
}

/// A model read from a run directory, from one checkpoint in it, or from an export.
#[derive(Debug, Clone)]
pub struct TrainedModel {
    /// The resolved configuration it was trained with.
    pub config: RunConfig,
    /// Measured from its training data.
    pub statistics: Statistics,
    /// Network (averaged weights) and preconditioner.
    pub model: Model,
    /// Which average of the weights.
    pub average: Option<Average>,
    /// Training steps behind it.
    pub steps: usize,
    /// Fields it was trained on; 0 of a network that was imported, or of before they were counted.
    pub training_fields: usize,
    /// Where it was read from.
    pub path: PathBuf,
    /// What was wrong with newer checkpoints, if any.
    pub notes: Vec<String>,
    /// The ranks of a job that sample it together, all asked for the same: each makes some of the fields, and all have
    /// all of them then. This process alone by default.
    pub group: Group,
}

/// How to sample.
///
/// # Example
/// ```
/// use karhunen_field::{Boundary, Grid, sampler::Method};
/// use karhunen_train::trained::{Coarse, Request};
/// let grid = Grid::unit(&[64, 64], Boundary::Neumann)?;
/// let coarse = vec![Coarse { grid: grid.with_points(&[32, 32])?, until: 0.7 }];
/// let request = Request { coarse, ..Request::new(grid, 3, Method::WienerExponential, 20) };
/// assert_eq!(request.first_grid().points(), [32, 32]);
/// # Ok::<(), karhunen_field::FieldError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// Where to evaluate the functions.
    pub grid: Grid,
    /// Seed of the functions.
    pub seed: u64,
    /// The sampler.
    pub method: Method,
    /// Budget of network evaluations a field.
    pub evaluations: usize,
    /// Coarser grids on the way, by falling time; none by default.
    pub coarse: Vec<Coarse>,
    /// Takes as many steps as this error a step asks for, in standard deviations of the data,
    /// instead of the budget: [`sampler::adaptive_times`].
    pub tolerance: Option<f64>,
    /// Gives the fields the data's mean and spectrum by a [`Calibration`] from [`CALIBRATION_PILOTS`] pilots.
    pub calibrated: bool,
    /// Which class each field is of, where the model has any.
    pub classes: Classes,
    /// Attributes of all fields, normalised ([`TrainedModel::attributes`]); NaN for those that are not asked
    /// for, empty where none is.
    pub attributes: Vec<f32>,
    /// The fields that are given beside them.
    pub given: Option<GivenFields>,
    /// Weight W of [`Guided`] between the law of all fields (0) and that of what is asked for (1).
    pub guidance: f64,
    /// The box where it is larger than the trained one; the grid is one of it then.
    pub larger: Option<Larger>,
    /// Whether fields are this rank's alone, of whichever numbers it asks for; pilots are shared nevertheless, so that
    /// all ranks ask together.
    pub apart: bool,
    /// Ends it before it is done.
    pub stop: Stop,
}

/// Pilots of a calibration: a shell of M modes is known to 4.4 % / √M in amplitude.
pub const CALIBRATION_PILOTS: u64 = 256;
/// Seed of the pilots, the same for every request.
const PILOT_SEED: u64 = 0x5049_4c4f_5453;

/// A grid that a run stays on while noise is high.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Coarse {
    /// The grid; coarser than those after it.
    pub grid: Grid,
    /// Path time down to which it serves.
    pub until: f64,
}

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
        let (model, known) = (self.model, self.known.as_ref());
        let (mut fields, evaluations) =
            model.shared(&self.request, known, None, &self.along, indices, observe)?;
        if let Some(calibration) = &self.calibration {
            calibration.apply(model.law_and_prior(known).0, &mut fields)?;
        }
        model.statistics.normalisation.undo(&mut fields);
        match self.target {
            Some(grid) => Ok((resample::spectral(&fields, grid)?, evaluations)),
            None => Ok((fields, evaluations)),
        }
    }

    /// Batches that fields of these numbers are made in.
    pub fn batches(&self, indices: Range<u64>) -> usize {
        batches(indices, self.request.grid.len(), self.model.at_a_time()).len()
    }
}

/// Fields that choose the time grid for a tolerance: the first of the seed, whichever are asked for,
/// so that a field does not depend on its batch.
const PILOTS: u64 = 4;

impl Request {
    /// On one grid, with a budget.
    pub fn new(grid: Grid, seed: u64, method: Method, evaluations: usize) -> Self {
        Self {
            grid,
            seed,
            method,
            evaluations,
            coarse: Vec::new(),
            tolerance: None,
            calibrated: false,
            classes: Classes::Drawn,
            attributes: Vec::new(),
            given: None,
            guidance: 1.0,
            larger: None,
            apart: false,
            stop: Stop::default(),
        }
    }

    /// Where the run begins.
    pub fn first_grid(&self) -> Grid {
        self.coarse.first().map_or(self.grid, |c| c.grid)
    }

    /// Whether neither attributes nor given fields are asked for.
    pub fn is_free(&self) -> bool {
        self.attributes.is_empty() && self.given.is_none()
    }

    fn refinements(&self) -> Vec<Refinement> {
        let next = self.coarse.iter().skip(1).map(|c| c.grid).chain([self.grid]);
        self.coarse.iter().zip(next).map(|(c, grid)| Refinement { time: c.until, grid }).collect()
    }
}

impl TrainedModel {
    /// Reads the newest usable checkpoint of a run directory, the checkpoint `path` itself, or an
    /// exported model, to compute on the CPU.
    ///
    /// # Errors
    /// [`TrainError::Checkpoint`] if there is none.
    pub fn load(path: &Path) -> Result<Self, TrainError> {
        Self::load_on(path, &Device::flex())
    }

    /// As [`TrainedModel::load`], to compute on a device, whichever it was trained on.
    ///
    /// # Errors
    /// As [`TrainedModel::load`].
    pub fn load_on(path: &Path, device: &Device) -> Result<Self, TrainError> {
        Self::load_average(path, device, None)
    }

    /// As [`TrainedModel::load_on`], with the average of a length instead of the model's own: one
    /// that the run kept, or one made afterwards of those it stored ([`crate::averages`]).
    ///
    /// # Errors
    /// As [`Exported::open`].
    pub fn load_average(
        path: &Path,
        device: &Device,
        length: Option<f64>,
    ) -> Result<Self, TrainError> {
        let (exported, notes) = Exported::open(path, length)?;
        Self::from_exported(exported, path, notes, device)
    }

    fn from_exported(
        e: Exported,
        path: &Path,
        notes: Vec<String>,
        device: &Device,
    ) -> Result<Self, TrainError> {
        let mut model = build_model(&e.config, &e.statistics, device)?;
        if published::tells_no_data(&e.config.data.source) {
            // beyond the band such a law has only the noise's spectrum
            model.band = Band::Grid;
        }
        set(&mut model, &e.weights)?;
        Ok(Self {
            config: e.config,
            statistics: e.statistics,
            model,
            average: e.average,
            steps: e.progress.step,
            training_fields: e.progress.training_fields,
            path: path.into(),
            notes,
            group: Group::default(),
        })
    }

    /// A hash of weights, law and what else decides its fields; none where a device does not hand its weights back.
    pub fn fingerprint(&self) -> Option<u64> {
        kept::weights(self)
    }

    /// Whether mean and spectrum are those of data; a network imported without any knows the noise's.
    pub fn law_is_measured(&self) -> bool {
        !published::tells_no_data(&self.config.data.source)
    }

    /// What to say of a model whose training is far from done.
    pub fn unfinished(&self) -> Option<String> {
        let planned = self.config.training.steps;
        let early = self.training_fields > 0 && 2 * self.steps < planned;
        early.then(|| {
            let path = self.path.display();
            let what = match self.steps {
                0 => "an untrained network: its samples are those of the Gaussian surrogate",
                _ => "its training is far from done",
            };
            format!("{path}: step {} of {planned}, {what}", self.steps)
        })
    }

    /// A request on a grid with the model's own sampler, budget and calibration.
    pub fn request(&self, grid: Grid, seed: u64) -> Request {
        let own = &self.config.sampling;
        let calibrated = own.calibration == CalibrationKind::Spectrum && self.law_is_measured();
        Request { calibrated, ..Request::new(grid, seed, own.sampler, own.evaluations) }
    }

    /// The box with other cell counts.
    ///
    /// # Errors
    /// [`FieldError::Dimension`] for a grid of another dimension.
    pub fn grid(&self, points: &[usize]) -> Result<Grid, FieldError> {
        self.statistics.grid.with_points(points)
    }

    /// Grids of its levels, coarse first.
    ///
    /// # Errors
    /// As [`Schedule::new`].
    pub fn levels(&self) -> Result<Vec<Grid>, TrainError> {
        Ok(Schedule::new(&self.config)?.levels.iter().map(|l| l.grid).collect())
    }

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
        let whole =
            request.classes == Classes::Drawn && request.guidance == 1.0 && request.is_free();
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
    /// level that is finer along an axis, as a nested network does between its levels.
    pub(crate) fn own_grid(&self, grid: &Grid) -> Grid {
        let answered = self.model.network_grid(grid).points();
        let cells: Vec<usize> =
            grid.points().into_iter().zip(answered).map(|(n, level)| n.max(level)).collect();
        grid.with_points(&cells).expect("grids of one dimension")
    }

    /// Whether a request's calibration is kept beside the model, or comes with it, so that it costs no pilots.
    pub fn calibration_is_kept(&self, request: &Request) -> bool {
        let request = self.on_trained_box(request);
        let on_own = Request { grid: self.own_grid(&request.grid), ..request };
        let (pilots, shared) = self.pilots(&on_own);
        Place::of(self, &pilots, shared).as_ref().and_then(Place::read).is_some()
    }

    /// The request for pilots of a request, and the grid on which they are compared with the data.
    fn pilots(&self, request: &Request) -> (Request, Grid) {
        let trained = &self.statistics.grid;
        let shared = Band::Trained.grid(&request.grid, trained);
        let mut pilots =
            Request { seed: PILOT_SEED, calibrated: false, apart: false, ..request.clone() };
        // where the network answers otherwise on the fields' own grid, only that grid can tell
        if self.model.network_grid(&request.grid) == shared {
            pilots.grid = shared;
            pilots.coarse.iter_mut().for_each(|c| c.grid = Band::Trained.grid(&c.grid, trained));
        }
        (pilots, shared)
    }

    /// What scales this request's fields to the data's spectrum.
    fn calibration(
        &self,
        request: &Request,
        observe: &dyn Watch,
    ) -> Result<Calibration, FieldError> {
        let (pilots, shared) = self.pilots(request);
        let place = Place::of(self, &pilots, shared);
        let kept = place.as_ref().and_then(Place::read);
        // pilots are made by all ranks or by none
        if let (None, Some(calibration)) = (self.group.first_unwell(kept.is_some()), kept) {
            return Ok(calibration);
        }
        // pilots are nobody's fields: their steps are counted, they are not shown
        let counted = |done: usize, of: usize| observe.step(done, of);
        let (fields, _) = self.by_all(&pilots, None, 0..CALIBRATION_PILOTS, &counted)?;
        let fields = resample::spectral(&fields, shared)?;
        let calibration = Calibration::measure(self.model.preconditioner.law(), &fields)?;
        if let Some(place) = place.filter(|_| self.group.is_first()) {
            place.write(&calibration);
        }
        Ok(calibration)
    }

    /// Fields as the network knows them, each rank making some of them unless it is asked for its own.
    pub(crate) fn by_all(
        &self,
        request: &Request,
        guidance: Option<&dyn Guidance>,
        indices: Range<u64>,
        observe: &dyn Watch,
    ) -> Result<(Ensemble, usize), FieldError> {
        let known = self.known_of(request)?;
        let along = self.times(request, known.as_ref(), guidance)?;
        self.shared(request, known.as_ref(), guidance, &along, indices, observe)
    }

    /// The same by known times.
    fn shared(
        &self,
        request: &Request,
        known: Option<&Enlarged>,
        guidance: Option<&dyn Guidance>,
        along: &(Vec<f64>, usize),
        indices: Range<u64>,
        observe: &dyn Watch,
    ) -> Result<(Ensemble, usize), FieldError> {
        if request.apart || !self.group.is_shared() {
            return self.along(request, known, guidance, along, indices, observe);
        }
        let own = self.group.share(indices);
        let (mut fields, evaluations) =
            self.along(request, known, guidance, along, own, observe)?;
        fields.values = self.group.gather_numbers(&fields.values);
        Ok((fields, self.group.largest(evaluations)))
    }

    /// Fields as the network knows them, of this process alone, with the evaluations that these cost.
    fn along(
        &self,
        request: &Request,
        known: Option<&Enlarged>,
        guidance: Option<&dyn Guidance>,
        (times, pilots): &(Vec<f64>, usize),
        indices: Range<u64>,
        observe: &dyn Watch,
    ) -> Result<(Ensemble, usize), FieldError> {
        let refinements = request.refinements();
        let batches = batches(indices, request.grid.len(), self.at_a_time());
        let steps_done = AtomicUsize::new(0);
        let make = |part: &Range<u64>| {
            let progress = &mut |_, of| {
                let done = steps_done.fetch_add(1, Ordering::Relaxed) + 1;
                observe.step(done, batches.len() * of);
            };
            let looker = observe.is_watching().then_some(observe);
            let along = (&times[..], &refinements[..]);
            self.sample_batch(request, known, guidance, part.clone(), along, (progress, looker))
        };
        // windows of a field that is a batch are answered by all threads, one such field after another
        let large = known.is_some() && request.grid.len() > BATCH_CELLS / 2;
        let parts: Result<Vec<(Ensemble, usize)>, FieldError> = match self.at_a_time() {
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
        Ok((Ensemble::new(request.grid, self.statistics.mean.channels, values)?, evaluations))
    }

    fn sample_batch(
        &self,
        request: &Request,
        known: Option<&Enlarged>,
        guidance: Option<&dyn Guidance>,
        indices: Range<u64>,
        (times, refinements): (&[f64], &[Refinement]),
        (progress, looker): (&mut dyn FnMut(usize, usize), Option<&dyn Watch>),
    ) -> Result<(Ensemble, usize), FieldError> {
        let (law, prior) = self.law_and_prior(known);
        let path = self.model.preconditioner.path().as_ref();
        let (first, asked) = (indices.start, self.asked(request, indices.clone(), 1));
        let x = self.start(known, guidance, request.first_grid(), request.seed, indices.clone())?;
        let normalisation = &self.statistics.normalisation;
        let show = looker.map(|looker| {
            let of = indices.clone();
            move |at: &Intermediate<'_>| {
                looker.forming(&Forming { at, indices: of.clone(), normalisation });
            }
        });
        self.with_denoiser(request, known, asked, |denoiser| {
            let mut reverse = Reverse::new(path, prior, law, denoiser, request.seed, first);
            reverse.guidance = guidance;
            reverse.observer = show.as_ref().map(|show| show as &dyn Fn(&Intermediate<'_>));
            let mut sampler = request.method.build();
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
            let mut reverse = Reverse::new(path, prior, law, denoiser, request.seed, 0);
            reverse.guidance = guidance;
            let times = sampler::adaptive_times(&mut reverse, x, tolerance)?;
            Ok((times, reverse.evaluations * Guided::evaluations(request.guidance)))
        })
    }

    /// Fields at time T, given what is known of them.
    fn start(
        &self,
        known: Option<&Enlarged>,
        guidance: Option<&dyn Guidance>,
        grid: Grid,
        seed: u64,
        indices: Range<u64>,
    ) -> Result<Ensemble, FieldError> {
        match guidance {
            Some(guidance) => guidance.conditioning().start(grid, seed, indices),
            None => {
                let (law, prior) = self.law_and_prior(known);
                let path = self.model.preconditioner.path().as_ref();
                Ok(sampler::start(law, prior, path, grid, seed, indices))
            }
        }
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

    /// What sampling `count` fields asks of the network and nothing else: for timing.
    pub(crate) fn evaluate_alone(
        &self,
        field: &[f32],
        count: usize,
        evaluations: usize,
    ) -> Result<(), TrainError> {
        let grid = self.statistics.grid;
        let (t, network) = (0.5, &self.model.network);
        let log_snr = self.model.half_log_snr(t);
        batches(0..count as u64, grid.len(), self.at_a_time()).par_iter().try_for_each(|part| {
            let fields = (part.end - part.start) as usize;
            let x = field.repeat(fields);
            for _ in 0..evaluations {
                let y = network.forward(&grid, &x, &vec![t; fields], &vec![log_snr; fields])?;
                std::hint::black_box(y);
            }
            Ok(())
        })
    }

    /// The untrained Gaussian surrogate N(m, c): what mean and spectrum alone can do, in the
    /// data's own values.
    pub fn surrogate(&self, grid: Grid, seed: u64, indices: Range<u64>) -> Ensemble {
        self.surrogate_on(None, grid, seed, indices)
    }
}

/// Indices in batches: as many as run at a time where there are enough fields, together none above
/// the memory of a batch.
fn batches(indices: Range<u64>, cells: usize, at_a_time: usize) -> Vec<Range<u64>> {
    let share = (indices.end - indices.start).div_ceil(at_a_time as u64);
    let at_once = share.min((BATCH_CELLS / at_a_time / cells) as u64).max(1);
    let from = indices.clone().step_by(at_once as usize);
    from.map(|first| first..indices.end.min(first + at_once)).collect()
}

/// Cells of the samples under way at a time; bounds its memory (f64 states, f32 activations).
const BATCH_CELLS: usize = 1 << 19;

/// Puts weights into a model.
///
/// # Errors
/// As [`karhunen_net::Network::set_parameters`].
pub fn set(model: &mut Model, weights: &Parameters) -> Result<(), TrainError> {
    Ok(model.network.set_parameters(weights)?)
}
