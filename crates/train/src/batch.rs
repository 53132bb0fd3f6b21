//! Batches: which fields, which times, which noise, and what the network should answer.
//!
//! Everything is a function of (seed, step): no state, so a resumed run sees the same batches.

use std::sync::{Arc, Mutex};

use karhunen_field::noise::stream;
use karhunen_field::{Grid, ModeNoise};
use karhunen_net::model::{Inputs, channels_last};
use karhunen_net::{Model, Preconditioner};
use rayon::prelude::*;

use crate::config::TimeDensity;
use crate::time_density::Times;

/// Fields of one level, `[sample, channel, point]`, normalised and projected.
#[derive(Debug, Clone)]
pub struct LevelData {
    /// The level's grid.
    pub grid: Grid,
    /// Channels of a field.
    pub channels: usize,
    /// The values.
    pub values: Vec<f32>,
    /// The class of each field; empty where there are none.
    pub labels: Vec<u32>,
    /// The part of each cell that was measured, relative to its mean over the training fields, like
    /// `values`; empty where nothing is missing.
    pub weights: Vec<f32>,
}

impl LevelData {
    /// Number of fields.
    pub fn count(&self) -> usize {
        self.values.len() / self.field_len()
    }

    /// Values of one field.
    pub fn field_len(&self) -> usize {
        self.channels * self.grid.len()
    }
}

/// One batch, ready for the network.
pub struct Batch {
    /// What the network sees.
    pub inputs: Inputs,
    /// What it should answer, `[batch, point, channel]`.
    pub target: Vec<f32>,
    /// Weight of each field's squared error.
    pub weights: Vec<f32>,
    /// Weight of each point's squared error, `[batch, point, channel]`; empty where all count alike.
    pub measured: Vec<f32>,
}

/// Makes the batches of a run.
#[derive(Debug)]
pub struct Batches {
    noise: ModeNoise,
    size: usize,
    density: TimeDensity,
    /// Probability that a training field's label is not told.
    dropout: f64,
    /// Order of the epoch at hand.
    epoch: Option<(u64, Vec<u32>)>,
    /// The density on each grid met so far.
    times: Mutex<Vec<(Grid, Arc<Times>)>>,
}

/// Index spaces of `stream::TRAINING` beyond the fields of a batch.
const TIMES: u32 = stream::TRAINING + (1 << 20);
const ORDER: u32 = TIMES + 1;
const DROPOUT: u32 = TIMES + 2;

impl Batches {
    /// Batches of `size` fields for a run's seed.
    pub fn new(seed: u64, size: usize, density: TimeDensity) -> Self {
        let (noise, times) = (ModeNoise::new(seed), Mutex::default());
        Self { noise, size, density, dropout: 0.0, epoch: None, times }
    }

    /// The density of times on a grid.
    fn times(&self, grid: &Grid, model: &Model) -> Arc<Times> {
        let mut known = self.times.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some((_, times)) = known.iter().find(|(of, _)| of == grid) {
            return times.clone();
        }
        let times = Arc::new(Times::new(self.density, &model.preconditioner, grid));
        known.push((*grid, times.clone()));
        times
    }

    /// The same, each training field's label left out with this probability.
    pub fn with_label_dropout(self, dropout: f64) -> Self {
        Self { dropout, ..self }
    }

    /// The batch of a step: fields without replacement within an epoch, times stratified.
    pub fn training(&mut self, step: usize, data: &LevelData, model: &Model) -> Batch {
        let count = data.count() as u64;
        let first = (step * self.size) as u64;
        let fields: Vec<usize> = (first..first + self.size as u64)
            .map(|at| self.order(at / count, count)[(at % count) as usize] as usize)
            .collect();
        let within = self.noise.uniforms(self.size, step as u64, TIMES);
        let times = self.times(&data.grid, model).stratified(&within);
        let mut batch =
            build(data, &fields, &times, self.noise, step as u64, stream::TRAINING, model);
        if !batch.inputs.classes.is_empty() {
            let uniforms = self.noise.uniforms(self.size, step as u64, DROPOUT);
            let told = batch.inputs.classes.iter_mut().zip(uniforms);
            told.filter(|(_, u)| *u < self.dropout).for_each(|(class, _)| *class = None);
        }
        batch
    }

    /// A fixed set: fields `range`, times stratified by the training density (a loss uniform in t is
    /// mostly high noise, where nothing can be learned), always the same noise.
    pub fn validation(
        &self,
        data: &LevelData,
        range: std::ops::Range<usize>,
        model: &Model,
    ) -> Batch {
        let density = self.times(&data.grid, model);
        let total = data.count();
        // a stride coprime to the number of fields spreads times over neighbouring fields
        let times: Vec<f64> = range
            .clone()
            .map(|i| {
                let slice = (i * 7 + 3) % total.max(1);
                density.quantile((slice as f64 + 0.5) / total as f64)
            })
            .collect();
        let fields: Vec<usize> = range.clone().collect();
        build(data, &fields, &times, self.noise, range.start as u64, stream::VALIDATION, model)
    }

    /// The order of an epoch: a seeded shuffle of 0…count−1.
    fn order(&mut self, epoch: u64, count: u64) -> &[u32] {
        let key = epoch.wrapping_mul(1 << 32) ^ count;
        if self.epoch.as_ref().is_none_or(|(held, _)| *held != key) {
            let mut order: Vec<u32> = (0..count as u32).collect();
            let uniforms = self.noise.uniforms(order.len(), epoch, ORDER);
            for i in (1..order.len()).rev() {
                order.swap(i, (uniforms[i] * (i + 1) as f64) as usize);
            }
            self.epoch = Some((key, order));
        }
        self.epoch.as_ref().map(|(_, order)| order.as_slice()).unwrap_or_default()
    }
}

fn build(
    data: &LevelData,
    fields: &[usize],
    times: &[f64],
    noise: ModeNoise,
    index: u64,
    stream: u32,
    model: &Model,
) -> Batch {
    let preconditioner = &model.preconditioner;
    let on = preconditioner.on(&data.grid);
    let parts: Vec<(Vec<f32>, Vec<f32>, f32)> = fields
        .par_iter()
        .zip(times)
        .enumerate()
        .map(|(i, (&field, &t))| {
            let clean = &data.values[field * data.field_len()..(field + 1) * data.field_len()];
            let drawn = Drawn { index, stream: stream + i as u32, noise };
            noised(clean, t, data.channels, &drawn, preconditioner, &on)
        })
        .collect();
    let half_log_snr = times.iter().map(|&t| model.half_log_snr(t)).collect();
    Batch {
        inputs: Inputs {
            values: parts.iter().flat_map(|(input, _, _)| input.iter().copied()).collect(),
            times: times.to_vec(),
            half_log_snr,
            classes: match data.labels.is_empty() {
                true => Vec::new(),
                false => fields.iter().map(|&field| Some(data.labels[field])).collect(),
            },
        },
        target: parts.iter().flat_map(|(_, target, _)| target.iter().copied()).collect(),
        weights: parts.iter().map(|(_, _, weight)| *weight).collect(),
        measured: match data.weights.is_empty() {
            true => Vec::new(),
            false => (fields.iter())
                .flat_map(|&field| {
                    let from = field * data.field_len();
                    let weights = data.weights[from..from + data.field_len()].iter();
                    let weights: Vec<f64> = weights.map(|w| f64::from(*w)).collect();
                    channels_last(&weights, data.channels)
                })
                .collect(),
        },
    }
}

/// Address of one field's noise.
struct Drawn {
    noise: ModeNoise,
    index: u64,
    stream: u32,
}

/// (input, target, weight) of one field: x = a X₀ + b η, target = (X₀ − base) / gain.
fn noised(
    clean: &[f32],
    t: f64,
    channels: usize,
    drawn: &Drawn,
    preconditioner: &Preconditioner,
    on: &karhunen_net::preconditioning::OnGrid,
) -> (Vec<f32>, Vec<f32>, f32) {
    let (a, b) = (preconditioner.path().signal(t), preconditioner.path().noise(t));
    let mut x: Vec<f64> = (0..channels)
        .flat_map(|c| on.draws().values(drawn.noise, drawn.index, drawn.stream, c))
        .collect();
    x.iter_mut().zip(clean).for_each(|(x, c)| *x = a * f64::from(*c) + b * *x);
    let scales = preconditioner.scales(t);
    let (base, input) = preconditioner.split(&x, t, &scales, on);
    let target: Vec<f64> =
        (clean.iter().zip(&base)).map(|(c, base)| (f64::from(*c) - base) / scales.gain).collect();
    (channels_last(&input, channels), channels_last(&target, channels), scales.weight as f32)
}
