//! Sampling a model: options, what they mean for it, and the fields that come out.

mod asked;
mod classes;
mod error;
mod fields;
mod given;
mod larger;
mod needs;
mod options;
mod request;
pub mod scale;
mod store;

use std::borrow::Cow;
use std::ops::Range;

use karhunen_evaluate::Progress;
use karhunen_evaluate::baselines::{parts, sample, sample_in_parts};
use karhunen_field::large_box::Enlarged;
use karhunen_field::{Conditioning, Ensemble, FieldError, Grid, Observations};
use karhunen_train::TrainedModel;
use karhunen_train::request::Request;

pub(crate) use classes::unchosen;
pub use error::SampleError;
pub use fields::{Samples, Tally};
pub use given::prepared;
pub use larger::LargerBox;
pub(crate) use request::distilled;

pub use options::{Rung, SampleOptions, VolumeFraction};
pub use store::Stored;

use crate::{Error, Model};
use needs::Needs;

/// Fields made together where only their mean and deviation are kept.
const TOGETHER: u64 = 64;

/// A sampling that may begin: everything is checked, and observations are read.
#[derive(Debug)]
pub struct Sampling<'a> {
    model: Cow<'a, TrainedModel>,
    options: SampleOptions,
    grid: Grid,
    indices: Range<u64>,
    request: Option<Request>,
    given: Option<Conditioning>,
    /// Law and noise of a box larger than the trained one.
    known: Option<Enlarged>,
    shift: Option<(usize, f64)>,
    /// Fields of a part where fields are handed on in parts.
    part: u64,
}

impl<'a> Sampling<'a> {
    pub(crate) fn new(
        model: &'a Model,
        options: &SampleOptions,
        progress: &dyn Progress,
    ) -> Result<Self, Error> {
        let indices = options.indices()?;
        request::check_precision(options)?;
        if options.clip.is_some() && model.trained().phases().is_some() {
            return Err(SampleError::ClipOfPhases.into());
        }
        let shift = options.volume_fraction.as_ref().map(|f| model.fraction(f)).transpose()?;
        let mut model = Cow::Borrowed(model.trained());
        if let Some(band) = options.band.filter(|band| *band != model.model.band) {
            model.to_mut().model.band = band;
        }
        let larger = options.larger.as_ref().map(|larger| larger.of(&model)).transpose()?.flatten();
        let grid = match (&larger, &options.grid) {
            (Some(larger), cells) => larger::grid(larger, cells.as_ref(), &model)?,
            (None, Some(cells)) => model.grid(cells)?,
            (None, None) => model.statistics.grid,
        };
        // fields may be made on a finer grid than the one asked for
        let made = if larger.is_some() || options.surrogate { grid } else { model.own_grid(&grid) };
        // the surrogate has no sampler
        let method = (!options.surrogate).then(|| request::method(options, &model));
        let by = (method, options.precision);
        let needs = Needs::of(&model, larger.as_ref(), &made, by);
        let particles = options.particles.unwrap_or(1).max(1) as u64;
        let part = match options.streamed {
            true => needs.part(model.together(made.len()).min(options.count)),
            false => options.count,
        };
        let together = if options.summary { part.min(TOGETHER) } else { part };
        let estimate = needs.check(together * particles, model.together(made.len()))?;
        estimate.iter().for_each(|line| progress.note(line));
        let known = larger.as_ref().map(|larger| model.enlarged(larger)).transpose()?;
        let origin = model.statistics.origin.as_ref();
        let line = match &known {
            Some(known) => Some(larger::described(known, &model, &grid, options.surrogate)?),
            None => origin.and_then(|origin| scale::described(origin, &grid)),
        };
        line.iter().for_each(|line| progress.note(line));
        let bound = options.bound(larger.is_some());
        let classes = classes::chosen(options, &model, bound, progress)?;
        let given = given::conditioning(options, &model, &grid, known.as_ref())?;
        if larger.is_some() && options.condition.is_some() {
            return Err(SampleError::ConditionBox.into());
        }
        let attributes = asked::attributes(options, &model)?;
        let beside = asked::given(options, &model, &grid)?;
        if beside.is_none() && model.statistics.condition.is_some() && !options.surrogate {
            progress.note("no fields are given: fields are made whatever those may be");
        }
        let request = match options.surrogate {
            true => None,
            false => {
                let request = request::of(options, &model, (grid, larger), classes, progress)?;
                // of a summary all ranks need all fields
                let apart = !options.summary;
                Some(Request { attributes, given: beside, apart, ..request })
            }
        };
        // asked for before anything long begins
        let this = Self {
            model,
            options: options.clone(),
            grid,
            indices,
            request,
            given,
            known,
            shift,
            part,
        };
        this.measured()?;
        if let Some(request) = &this.request {
            larger::announce(&this.model, request, progress)?;
        }
        Ok(this)
    }

    /// The grid with the lengths that a file shall have, and their unit.
    ///
    /// # Errors
    /// Spacings in another number than one or one an axis.
    pub fn measured(&self) -> Result<(Grid, Option<String>), Error> {
        let origin = self.model.statistics.origin.as_ref();
        let times = self.known.as_ref().map_or(&[][..], |known| known.large().times());
        let options = &self.options;
        scale::measured(&self.grid, origin, times, options.length, &options.spacing)
    }

    /// What the fields are to agree with, if anything.
    pub fn observations(&self) -> Option<&Observations> {
        self.given.as_ref().map(Conditioning::observations)
    }

    /// What decides the fields besides their numbers, by name: two samplings that are asked for the same make parts of
    /// one.
    pub fn identity(&self) -> Vec<(String, String)> {
        // what changes no field, or is named below
        let (count, index, seed, streamed) = (0, 0, 0, false);
        let options = SampleOptions { count, index, seed, streamed, ..self.options.clone() };
        let model = match self.model.fingerprint() {
            Some(hash) => format!("{hash:016x}"),
            None => self.model.path.display().to_string(),
        };
        let named = [
            ("model", model),
            ("seed", self.options.seed.to_string()),
            ("grid", self.grid.to_string()),
            ("set of options", hashed(&format!("{options:?}"))),
        ];
        named.map(|(name, value)| (name.to_string(), value)).into()
    }

    /// Whether pilot fields will be sampled first, because the calibration asked for is not kept beside the
    /// model.
    pub fn needs_pilots(&self) -> bool {
        let request = self.request.as_ref().filter(|request| request.calibrated);
        request.is_some_and(|request| !self.model.calibration_is_kept(request))
    }

    /// The grid of the fields.
    pub fn grid(&self) -> Grid {
        self.grid
    }

    /// Samples. Of the ranks of a job that sample together, each makes some of the fields, and the first one has them
    /// all in the end; the others have none.
    ///
    /// # Errors
    /// Those of the sampler and the network.
    pub fn run(&self, progress: &dyn Progress) -> Result<Samples, Error> {
        let (model, options, indices) = (&*self.model, &self.options, self.indices.clone());
        let mut make = |indices: Range<u64>| match (&self.request, &self.given) {
            (None, None) => {
                Ok((model.surrogate_on(self.known.as_ref(), self.grid, options.seed, indices), 0))
            }
            (None, Some(given)) => Ok((model.surrogate_given(given, options.seed, indices)?, 0)),
            (Some(request), None) => Ok(sample(model, request, indices, progress)?),
            (Some(request), Some(given)) => {
                given::sample(options, model, request, given, indices, progress)
            }
        };
        let group = &model.group;
        let (fields, evaluations) = match options.summary {
            false if group.is_shared() => {
                // each rank its own fields, the first one all of them in the end
                let own = group.share(indices.clone());
                let (mut fields, evaluations) = match own.is_empty() && options.particles.is_some()
                {
                    true => (Ensemble::zeros(self.grid, model.statistics.mean.channels, 0), 0),
                    false => make(own)?,
                };
                fields.values = group.collect_numbers(fields.values);
                // a rank without a field of its own has spent none
                (fields, group.largest(evaluations))
            }
            false => make(indices.clone())?,
            true => self.summary(&mut make)?,
        };
        self.samples(fields, indices, evaluations)
    }

    /// Samples, and hands fields on in parts as they are finished, by rising number: none is kept here. All
    /// are those of [`Sampling::run`], bit for bit.
    ///
    /// Fields that are looked at together come in one part: a summary, and fields that agree with observations.
    ///
    /// # Errors
    /// As [`Sampling::run`]; those of `take`, which end it.
    pub fn each<E: From<Error>>(
        &self,
        progress: &dyn Progress,
        mut take: impl FnMut(Samples) -> Result<(), E>,
    ) -> Result<(), E> {
        let (options, indices) = (&self.options, self.indices.clone());
        if !self.comes_in_parts() {
            let samples = self.run(progress)?;
            // of the ranks of a job the first one has the fields
            return if self.model.group.is_first() { take(samples) } else { Ok(()) };
        }
        let Some(request) = &self.request else {
            return parts(indices, self.part).try_for_each(|part| {
                let known = self.known.as_ref();
                let fields = self.model.surrogate_on(known, self.grid, options.seed, part.clone());
                take(self.samples(fields, part, 0)?)
            });
        };
        let mut failed = None;
        let mut taken = |part: Range<u64>, fields: Ensemble, evaluations: usize| {
            let samples = self.samples(fields, part, evaluations)?;
            take(samples).map_err(|error| {
                failed = Some(error);
                Error::from(FieldError::Stopped)
            })
        };
        let parts = (indices, self.part);
        let result = sample_in_parts::<Error>(&self.model, request, parts, progress, &mut taken);
        match failed {
            Some(error) => Err(error),
            None => Ok(result?),
        }
    }

    /// Whether [`Sampling::each`] has more than one part to hand on.
    pub fn comes_in_parts(&self) -> bool {
        let together = self.options.summary || self.given.is_some();
        !(together || self.model.group.is_shared()) && self.part < self.options.count
    }

    /// Fields with what is known of them.
    fn samples(
        &self,
        mut fields: Ensemble,
        indices: Range<u64>,
        evaluations: usize,
    ) -> Result<Samples, Error> {
        let (model, options) = (&*self.model, &self.options);
        let residuals = match (&self.given, options.summary) {
            (Some(given), false) if model.group.is_first() => {
                model.residuals(given.observations(), &fields)?
            }
            _ => Vec::new(),
        };
        let classes = self.request.as_ref().map(|r| model.classes(r, indices.clone()));
        if let Some((low, high)) = options.clip {
            fields.values.iter_mut().for_each(|v| *v = v.clamp(low, high));
        }
        let origin = model.statistics.origin.as_ref();
        let (measured, unit) = self.measured()?;
        Ok(Samples {
            fields,
            measured,
            unit,
            indices,
            classes: classes.unwrap_or_default().into_iter().flatten().collect(),
            evaluations,
            residuals,
            summary: options.summary,
            surrogate: options.surrogate,
            shift: self.shift,
            phases: model.phases().cloned(),
            names: model.phase_names(),
            origin: origin.cloned(),
        })
    }

    /// Mean and standard deviation of fields of which none are kept.
    fn summary(
        &self,
        make: &mut dyn FnMut(Range<u64>) -> Result<(Ensemble, usize), Error>,
    ) -> Result<(Ensemble, usize), Error> {
        let channels = self.model.statistics.mean.channels;
        let mut summary = crate::pictures::posterior::Summary::new(self.grid, channels);
        let (indices, mut evaluations) = (self.indices.clone(), 0);
        for first in indices.clone().step_by(TOGETHER as usize) {
            let (fields, cost) = make(first..indices.end.min(first + TOGETHER))?;
            summary.add(&fields);
            evaluations = cost;
        }
        Ok((summary.finish(), evaluations))
    }
}

/// A text in sixteen digits, to see whether two are the same.
fn hashed(text: &str) -> String {
    // FNV-1a
    let step = |state: u64, byte| (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    format!("{:016x}", text.bytes().fold(0xcbf2_9ce4_8422_2325, step))
}
