//! Likelihoods of fields under a model.

use karhunen_evaluate::{Found, Like, Progress, ReferenceOptions, Task, reference_for};
use karhunen_field::Ensemble;
use karhunen_field::likelihood::{LogDensity, Trace};
use karhunen_field::metrics::auc;
use karhunen_train::classes::Bound;
use karhunen_train::likelihood::LikelihoodRequest;
use karhunen_train::stop::Stop;
use serde::Serialize;

use crate::sample::unchosen;
use crate::{Error, Model};

/// The options of a likelihood.
#[derive(Debug, Clone, PartialEq)]
pub struct LikelihoodOptions {
    /// The fields. If the model was trained on them, only their held-out part is used by default.
    pub data: ReferenceOptions,
    /// Other fields for comparison.
    pub against: Option<ReferenceOptions>,
    /// Cells per axis; by default those of the finest trained level. Coarser data keep their grid.
    pub grid: Option<Vec<usize>>,
    /// Steps of the probability flow, of two network evaluations each.
    pub steps: usize,
    /// Repetitions for each field, each with its own noise and random signs.
    pub repetitions: usize,
    /// Whether traces are summed over all modes instead of being estimated with random signs.
    pub exact: bool,
    /// The class of the fields; none: the law of all classes together.
    pub class: Option<u32>,
    /// Seed of the noise and the signs.
    pub seed: u64,
}

impl LikelihoodOptions {
    /// At most 64 fields, 32 steps and 4 repetitions.
    ///
    /// # Example
    /// ```
    /// use karhunen::{LikelihoodOptions, ReferenceOptions};
    /// let options = LikelihoodOptions::of(ReferenceOptions::of("slices/"));
    /// assert_eq!((options.data.count, options.steps, options.repetitions), (64, 32, 4));
    /// ```
    pub fn of(data: ReferenceOptions) -> Self {
        let LikelihoodRequest { steps, repetitions, .. } = LikelihoodRequest::default();
        Self {
            data: ReferenceOptions { count: 64, ..data },
            against: None,
            grid: None,
            steps,
            repetitions,
            exact: false,
            class: None,
            seed: 0,
        }
    }
}

/// ln dP/dN(m, C) of the fields of one source, in nats.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LogDensities {
    /// The source.
    pub source: String,
    /// Its grid.
    pub grid: String,
    /// One value for each field.
    pub values: Vec<f64>,
    /// Standard errors of the values; none with a single repetition.
    pub errors: Option<Vec<f64>>,
    /// Mean of the values.
    pub mean: f64,
    /// Standard error of the mean, from the scatter between fields.
    pub error: f64,
    /// Standard deviation between fields.
    pub deviation: f64,
}

/// Likelihoods of the fields of one or two sources.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Likelihoods {
    /// The requested fields.
    pub data: LogDensities,
    /// The fields for comparison.
    pub against: Option<LogDensities>,
    /// The part of all pairs in which the field of `data` is less likely than the other one. 0.5
    /// means that the likelihood does not separate the two sets, 1 that it always does.
    pub auc: Option<f64>,
}

/// Computes the likelihood of fields under a model, relative to the Gaussian law of its training
/// data.
///
/// The result is ℓ(x) = ln dP/dN(m, C) (x), in nats. It is positive if x is more likely under the
/// model than under a Gaussian law with the data's mean and spectrum. It is exact on Gaussian data,
/// and converges as the grid is refined.
///
/// **Cost** 2 · steps · repetitions evaluations of the network and of its derivative for each
/// field.
///
/// # Errors
/// Errors while reading; fields of another kind than the model's;
/// [`karhunen_field::FieldError::NoDerivative`] for a U-Net and for a model opened without
/// [`crate::ModelOptions::derivatives`];
/// [`crate::SampleError::Distilled`] for a distilled model; [`crate::SampleError::AlwaysTold`] for no class of a model that was always told its labels; [`Error::LikelihoodGrid`] on a grid between two levels of a nested network.
///
/// # Example
/// ```
/// # use karhunen::{Data, Silent, TrainOptions, train};
/// # let data = Data::open("builtin:spinodal")?.at_most(24);
/// # let options = TrainOptions::of(&data).levels(&[8, 16]).steps(4)
/// #     .set("network.width=[8]")?.set("network.blocks=[2]")?;
/// # let directory = std::env::temp_dir().join(format!("karhunen-likelihood-{}", std::process::id()));
/// # let model = train(&options, &directory, &mut Silent)?;
/// use karhunen::{LikelihoodOptions, Model, ModelOptions, ReferenceOptions, likelihood};
/// let model = Model::open_with(&directory, &ModelOptions { derivatives: true, ..Default::default() }, &())?;
/// let mut options = LikelihoodOptions::of(ReferenceOptions::of("builtin:spinodal"));
/// options.data.count = 3;
/// options.steps = 6;
/// let found = likelihood(&model, &options, &())?;
/// assert!(found.data.values.len() == 3 && found.data.mean.is_finite());
/// # std::fs::remove_dir_all(&directory).unwrap();
/// # Ok::<(), karhunen::Error>(())
/// ```
pub fn likelihood(
    model: &Model,
    options: &LikelihoodOptions,
    progress: &dyn Progress,
) -> Result<Likelihoods, Error> {
    model.must_be_denoiser("model")?;
    let asked = [
        ("count", options.data.count),
        ("steps", options.steps),
        ("repetitions", options.repetitions),
    ];
    for (what, count) in asked {
        if count == 0 {
            return Err(Error::TooFew { what, count: 0, least: 1 });
        }
    }
    if options.class.is_none() {
        // the fields are given, whatever class they are of
        unchosen(model.trained(), Bound::Measurements, "likelihood", progress)?;
    }
    let mut sources = vec![&options.data];
    sources.extend(options.against.as_ref());
    // all sources are read before the long computation begins
    let read: Vec<(String, Ensemble)> = sources
        .into_iter()
        .map(|source| Ok((source.source.to_string(), fields(model, options, source, progress)?)))
        .collect::<Result<_, Error>>()?;
    let mut found = Vec::new();
    for (name, fields) in read {
        found.push(of_fields(model, options, (name, fields), progress)?);
    }
    let mut found = found.into_iter();
    let (Some(data), against) = (found.next(), found.next()) else {
        return Err(Error::TooFew { what: "sources", count: 0, least: 1 });
    };
    let auc = against.as_ref().map(|other| auc(&other.values, &data.values));
    Ok(Likelihoods { data, against, auc })
}

/// The fields of a source on the requested grid, or on their own grid if that is coarser.
fn fields(
    model: &Model,
    options: &LikelihoodOptions,
    source: &ReferenceOptions,
    progress: &dyn Progress,
) -> Result<Ensemble, Error> {
    let trained = model.trained();
    let grid = match &options.grid {
        Some(cells) => trained.grid(cells)?,
        None => trained.statistics.grid,
    };
    let name = source.source.to_string();
    let channels = trained.statistics.mean.channels;
    let like = Like { name: "the model", grid, channels, count: None };
    let mut notes = Vec::new();
    let Found { real, .. } = reference_for(source, &[trained], like, &mut notes)?;
    notes.iter().for_each(|note| progress.note(&format!("note: {note}")));
    let fields = real.reference;
    let own = trained.likelihood_grid(&fields.grid);
    if own != fields.grid {
        let (grid, own) = (fields.grid.to_string(), own.to_string());
        return Err(Error::LikelihoodGrid { source_name: name, grid, own });
    }
    if fields.grid != grid {
        progress.note(&format!("note: {name} has {}, its own grid", fields.grid));
    }
    Ok(fields)
}

fn of_fields(
    model: &Model,
    options: &LikelihoodOptions,
    (source, fields): (String, Ensemble),
    progress: &dyn Progress,
) -> Result<LogDensities, Error> {
    let stop = Stop::default();
    let request = LikelihoodRequest {
        steps: options.steps,
        repetitions: options.repetitions,
        trace: if options.exact { Trace::Exact } else { Trace::Signs },
        seed: options.seed,
        class: options.class,
        stop: stop.clone(),
    };
    let observe = |done: usize, of: usize| {
        progress.at(Task::Likelihood, done as u64, of as u64, &source);
        if progress.stopped() {
            stop.set();
        }
    };
    let found = model.trained().log_density(&fields, &request, &observe);
    progress.over(Task::Likelihood);
    let found: Vec<LogDensity> = found?;
    let values: Vec<f64> = found.iter().map(|l| l.value).collect();
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
    let deviation = (squares / (n - 1.0).max(1.0)).sqrt();
    Ok(LogDensities {
        source,
        grid: fields.grid.to_string(),
        errors: found.iter().map(|l| l.error).collect(),
        values,
        mean,
        error: deviation / n.sqrt(),
        deviation,
    })
}
