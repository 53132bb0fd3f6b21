//! How likely fields are under a model.

use karhunen_evaluate::{Found, Like, Progress, ReferenceOptions, Task, reference_for};
use karhunen_field::Ensemble;
use karhunen_field::likelihood::{LogDensity, Trace};
use karhunen_field::metrics::auc;
use karhunen_train::likelihood::LikelihoodRequest;
use karhunen_train::stop::Stop;
use serde::Serialize;

use crate::{Error, Model};

/// What is asked of a likelihood.
#[derive(Debug, Clone, PartialEq)]
pub struct LikelihoodOptions {
    /// The fields. Of what the model was trained on the held-out part is used, unless told otherwise.
    pub data: ReferenceOptions,
    /// Other fields to compare them with.
    pub against: Option<ReferenceOptions>,
    /// Cells an axis; those of the finest trained level by default. Data that are coarser stay as they are.
    pub grid: Option<Vec<usize>>,
    /// Steps of the probability flow: two network evaluations each.
    pub steps: usize,
    /// Repetitions a field, each with noise and random signs of its own.
    pub repetitions: usize,
    /// Whether traces are summed over all modes instead of estimated by random signs.
    pub exact: bool,
    /// The class that fields are taken to be of.
    pub class: Option<u32>,
    /// Seed of noise and signs.
    pub seed: u64,
}

impl LikelihoodOptions {
    /// 64 fields at most, 32 steps, 4 repetitions.
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
    /// One number a field.
    pub values: Vec<f64>,
    /// Their standard errors; none where there is one repetition.
    pub errors: Option<Vec<f64>>,
    /// Mean of the values.
    pub mean: f64,
    /// Standard error of the mean, from field to field.
    pub error: f64,
    /// Standard deviation from field to field.
    pub deviation: f64,
}

/// How likely fields are under a model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Likelihoods {
    /// The fields asked for.
    pub data: LogDensities,
    /// Those that they are compared with.
    pub against: Option<LogDensities>,
    /// The part of all pairs in which a field of `data` is the less likely one: 0.5 where the number tells
    /// nothing, 1 where it always tells.
    pub auc: Option<f64>,
}

/// Tells how likely fields are under a model, relative to the Gaussian law of its training data.
///
/// The number is ℓ(x) = ln dP/dN(m, C) (x), in nats: positive where the model expects x more than a Gaussian
/// field of the data's mean and spectrum. It is exact on Gaussian data, and has a limit on fine grids.
///
/// **Cost** 2 · steps · repetitions evaluations of the network and of its derivative a field.
///
/// # Errors
/// Those of reading; fields of another kind than the model's; [`karhunen_field::FieldError::NoDerivative`] for a U-Net
/// and for a model opened without [`crate::ModelOptions::derivatives`];
/// [`Error::LikelihoodGrid`] on a grid between two levels of a nested network.
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
    let mut sources = vec![&options.data];
    sources.extend(options.against.as_ref());
    // all are read before anything long begins
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

/// The fields of a source on the grid asked for, or their own where that is coarser.
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
