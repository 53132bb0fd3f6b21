//! How fast a configuration trains and samples on this machine, and where a step's time goes.
//!
//! Steps are the run's own (batch, network and loss, optimizer, new weights) on made-up fields,
//! Gaussian with a Matérn covariance: no arithmetic here depends on values, so data are not read.
//! Rates are from medians; floating-point operations are those of the algorithm's products, what
//! the backward pass computes again not counted.

use std::time::{Duration, Instant};

use karhunen_distributed::Group;
use karhunen_field::prior::{self, Matern};
use karhunen_field::{Field, Grid, Prior, noise::stream};
use karhunen_net::{Device, Given, Model, Parameters};
use rayon::prelude::*;
use serde::Serialize;

use crate::batch::loss::loss_and_gradients;
use crate::batch::{Batches, LevelData};
use crate::config::RunConfig;
use crate::data::restrict;
use crate::data::statistics::{Normalisation, Statistics};
use crate::model::request::Request;
use crate::model::trained::TrainedModel;
use crate::model::{build_model, check_model, set};
use crate::run::optimizer::{Begins, Optimizer, Update};
use crate::{TrainError, memory};

/// Runs before timing.
const WARM_UP: usize = 2;
/// Timed runs at least, whatever they take.
const FEWEST: usize = 5;
/// Side of the product that measures what this machine can do.
const SIDE: usize = 1536;

/// Training at one level.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LevelSpeed {
    /// The level's grid, as text.
    pub grid: String,
    /// Fields a step.
    pub batch: usize,
    /// Milliseconds a step.
    pub step_ms: f64,
    /// Milliseconds of it that make the batch: fields, noise, transforms.
    pub batch_ms: f64,
    /// In network and loss, forward and backward.
    pub network_ms: f64,
    /// In clipping, optimizer and averages.
    pub optimizer_ms: f64,
    /// Steps a second.
    pub steps_per_second: f64,
    /// Fields a second.
    pub fields_per_second: f64,
    /// 10⁹ floating-point operations a second, over the whole step.
    pub gflops: f64,
    /// Of the machine's product peak.
    pub share_of_peak: f64,
}

/// Sampling on the finest level's grid.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SamplingSpeed {
    /// The grid, as text.
    pub grid: String,
    /// The sampler.
    pub sampler: String,
    /// Network evaluations a field.
    pub evaluations: usize,
    /// Fields sampled together.
    pub count: usize,
    /// Fields a second.
    pub fields_per_second: f64,
    /// Part of the time outside the network: noise, transforms, the sampler's arithmetic.
    pub outside_network: f64,
    /// 10⁹ floating-point operations a second.
    pub gflops: f64,
    /// Of the machine's product peak.
    pub share_of_peak: f64,
}

/// What [`measure`] finds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Speed {
    /// Threads computed with.
    pub threads: usize,
    /// 10⁹ floating-point operations a second of a large matrix product, here and now.
    pub product_peak: f64,
    /// Trainable values.
    pub parameters: usize,
    /// Every level, coarse first.
    pub levels: Vec<LevelSpeed>,
    /// Sampling.
    pub sampling: SamplingSpeed,
    /// Largest resident memory of the process so far, in bytes, where the system tells.
    pub peak_memory: Option<f64>,
}

/// Times a configuration, about `seconds` a level and for sampling.
///
/// # Errors
/// Those of building its model; [`TrainError::Memory`] before a batch that does not fit.
pub fn measure(
    config: &RunConfig,
    channels: usize,
    seconds: f64,
    device: &Device,
) -> Result<Speed, TrainError> {
    let budget = Duration::from_secs_f64(seconds);
    let config = &config.begun();
    let grids = config.grids()?;
    let finest = *grids.last().expect("a configuration has levels");
    check_model(config, finest)?;
    let (data, statistics) = made_up(config, finest, channels)?;
    let mut model = build_model(config, &statistics, &device.clone().autodiff())?;
    let start = model.network.parameters()?;
    let bytes = 4.0 * data.values.len() as f64;
    let parameters = start.count();
    memory::check_training(&model, bytes, &finest, &config.training, parameters, memory::KNOBS)?;
    let product_peak = product_peak();
    let mut levels = Vec::new();
    for grid in grids {
        let level = restrict(&data, grid)?;
        levels.push(level_speed(config, &level, &mut model, start.clone(), product_peak, budget)?);
    }
    let plain = build_model(config, &statistics, device)?;
    let sampling = sampling_speed(config, statistics, plain, start.clone(), product_peak, budget)?;
    Ok(Speed {
        threads: rayon::current_num_threads(),
        product_peak,
        parameters: start.count(),
        levels,
        sampling,
        peak_memory: peak_memory(),
    })
}

/// Two batches of fields, and the law they were drawn from.
fn made_up(
    config: &RunConfig,
    grid: Grid,
    channels: usize,
) -> Result<(LevelData, Statistics), TrainError> {
    let law = Matern::new(1.0, 0.1, 1.5)?;
    let count = 2 * config.training.batch as u64;
    memory::check_fields(count as f64, &grid, channels, 12, "training.batch")?;
    let drawn = prior::sample(&law, grid, channels, config.seed, 0..count, stream::START);
    let values: Vec<f32> = drawn.values.iter().map(|v| *v as f32).collect();
    let normalisation = Normalisation { offset: vec![0.0; channels], scale: vec![1.0; channels] };
    let mean = Field::new(grid, channels, vec![0.0; channels * grid.len()])?;
    let variances = vec![law.eigenvalues(&grid); channels];
    let statistics = Statistics {
        grid,
        normalisation,
        mean,
        variances,
        classes: vec![],
        attributes: vec![],
        condition: None,
        origin: None,
        phases: None,
    };
    Ok((LevelData::plain(grid, channels, values), statistics))
}

fn level_speed(
    config: &RunConfig,
    data: &LevelData,
    model: &mut Model,
    start: Parameters,
    peak: f64,
    budget: Duration,
) -> Result<LevelSpeed, TrainError> {
    let t = &config.training;
    let update = Update::of(t, 1e-6, Begins::default());
    let mut batches = Batches::new(config.seed, t.batch, t.time_density);
    let mut optimizer = Optimizer::new(start, t.ema.len());
    let (mut parts, mut step) = ([Vec::new(), Vec::new(), Vec::new(), Vec::new()], 0);
    let mut failed = None;
    repeat(budget, || {
        let mut one = || -> Result<[f64; 4], TrainError> {
            let begun = Instant::now();
            let batch = batches.training(step, data, model);
            let made = begun.elapsed();
            let (_, gradients) = loss_and_gradients(model, &batch)?;
            let computed = begun.elapsed();
            optimizer.step_network(&mut model.network, gradients, &update)?;
            let done = begun.elapsed();
            Ok([made, computed - made, done - computed, done].map(|d| 1e3 * d.as_secs_f64()))
        };
        match one() {
            Ok(times) => parts.iter_mut().zip(times).for_each(|(part, ms)| part.push(ms)),
            Err(e) => failed = Some(e),
        }
        step += 1;
        failed.is_none()
    });
    if let Some(e) = failed {
        return Err(e);
    }
    let [batch_ms, network_ms, optimizer_ms, step_ms] =
        parts.map(|times| median(&times[WARM_UP.min(times.len() - 1)..]));
    let steps_per_second = 1e3 / step_ms;
    let gflops = 3e-9 * t.batch as f64 * model.network.flops(&data.grid) * steps_per_second;
    Ok(LevelSpeed {
        grid: data.grid.to_string(),
        batch: t.batch,
        step_ms,
        batch_ms,
        network_ms,
        optimizer_ms,
        steps_per_second,
        fields_per_second: t.batch as f64 * steps_per_second,
        gflops,
        share_of_peak: gflops / peak,
    })
}

fn sampling_speed(
    config: &RunConfig,
    statistics: Statistics,
    mut model: Model,
    weights: Parameters,
    peak: f64,
    budget: Duration,
) -> Result<SamplingSpeed, TrainError> {
    set(&mut model, &weights)?;
    let (grid, channels) = (statistics.grid, statistics.mean.channels);
    let model = TrainedModel {
        config: config.clone(),
        statistics,
        model,
        average: None,
        steps: 0,
        training_fields: 0,
        path: "".into(),
        notes: vec![],
        group: Group::default(),
    };
    let (method, evaluations) = (config.sampling.method(), config.sampling.evaluations);
    let request = Request::new(grid, config.seed, method, evaluations);
    let count = config.training.batch;
    let mut failed = None;
    let whole = repeat(budget, || {
        failed = model.sample(&request, 0..count as u64, &|_, _| ()).err();
        failed.is_none()
    });
    if let Some(e) = failed {
        return Err(e.into());
    }
    // the same evaluations of the network alone, a batch a thread as the sampler runs them
    let fields = vec![0.5f32; grid.len() * channels];
    let mut failed = None;
    let network = repeat(budget, || {
        failed = evaluate_alone(&model, &fields, count, evaluations).err();
        failed.is_none()
    });
    if let Some(e) = failed {
        return Err(e);
    }
    let (whole, network) = (median(&whole), median(&network));
    let flops = (count * evaluations) as f64 * model.model.network.flops(&grid);
    let gflops = 1e-6 * flops / whole;
    Ok(SamplingSpeed {
        grid: grid.to_string(),
        sampler: method.to_string(),
        evaluations,
        count,
        fields_per_second: 1e3 * count as f64 / whole,
        outside_network: (1.0 - network / whole).max(0.0),
        gflops,
        share_of_peak: gflops / peak,
    })
}

/// What sampling `count` fields asks of the network, and nothing else.
fn evaluate_alone(
    model: &TrainedModel,
    field: &[f32],
    count: usize,
    evaluations: usize,
) -> Result<(), TrainError> {
    let grid = model.statistics.grid;
    let (t, network) = (0.5, &model.model.network);
    model.batches(0..count as u64, grid.len()).par_iter().try_for_each(|part| {
        let fields = (part.end - part.start) as usize;
        let values = field.repeat(fields);
        let inputs = model.model.inputs(grid, values, vec![t; fields], Given::default());
        for _ in 0..evaluations {
            let y = network.forward(&inputs)?;
            std::hint::black_box(y);
        }
        Ok(())
    })
}

/// Milliseconds of each run behind the first [`WARM_UP`], until the budget is spent or `run` says no.
fn repeat(budget: Duration, mut run: impl FnMut() -> bool) -> Vec<f64> {
    let (mut begun, mut times) = (Instant::now(), Vec::new());
    for i in 0.. {
        if i == WARM_UP {
            begun = Instant::now();
        }
        if i >= WARM_UP + FEWEST && begun.elapsed() >= budget {
            break;
        }
        let one = Instant::now();
        if !run() {
            break;
        }
        if i >= WARM_UP {
            times.push(1e3 * one.elapsed().as_secs_f64());
        }
    }
    times
}

fn median(times: &[f64]) -> f64 {
    let mut times = times.to_vec();
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
}

/// 10⁹ floating-point operations a second of the tensor library's product of two large matrices,
/// the fastest of some.
pub fn product_peak() -> f64 {
    use burn::tensor::{Distribution, Tensor};
    let random = || Tensor::<2>::random([SIDE, SIDE], Distribution::Default, &Device::flex());
    let (a, b) = (random(), random());
    let times = repeat(Duration::from_secs(1), || {
        std::hint::black_box(a.clone().matmul(b.clone()));
        true
    });
    let least = times.into_iter().fold(f64::INFINITY, f64::min);
    2e-6 * (SIDE as f64).powi(3) / least
}

/// Largest resident memory of this process in bytes, where the system tells.
pub fn peak_memory() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|l| l.starts_with("VmHWM"))?;
    Some(1024.0 * line.split_whitespace().nth(1)?.parse::<f64>().ok()?)
}
