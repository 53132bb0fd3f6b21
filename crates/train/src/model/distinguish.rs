//! The classifier two-sample test: can a small network tell two sets of fields apart?
//!
//! n fields of each set are drawn. A [`Discriminator`] is trained on one half of them and scores
//! each field of the other half. The [`auc`] of the scores is 0.5 if the network cannot tell the
//! sets apart and 1 if it always can. A fifth of the training half decides when to stop, so the
//! test half is used once, at the end. The whole test is repeated for several seeds: other fields,
//! other halves, other initial weights.
//!
//! The AUC grows with n, because a network that has seen more fields knows more. Only figures of
//! the same n can be compared. Fields are not flipped or shifted, because the distribution may not
//! be symmetric.
//!
//! **Source** Lopez-Paz & Oquab, "Revisiting classifier two-sample tests", ICLR 2017.

use burn::tensor::activation::log_sigmoid;
use burn::tensor::{Tensor, TensorData};
use karhunen_field::metrics::{auc, shuffled};
use karhunen_field::{Ensemble, FieldError};
use karhunen_net::{Device, Discriminator, NetError, Parameters};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::TrainError;
use crate::config::OptimizerKind;
use crate::run::optimizer::{Begins, Optimizer, Update};

/// Fewest fields a side: with fewer the halves are too small for a result.
pub const LEAST: usize = 32;

/// Part of the training half that decides when to stop.
const HELD_BACK: f64 = 0.2;
/// Fields of each set in a step, at most.
const BATCH: usize = 16;
/// Values of one set in a step, at most, so that volumes fit into memory: 16 fields of 32³.
const BATCH_VALUES: usize = 1 << 19;
/// Largest number of passes over the training fields; smallest number of steps.
const EPOCHS: usize = 30;
const LEAST_STEPS: usize = 150;
/// Steps between two checks on the held-back fields, at least.
const LOOK: usize = 8;
/// Checks without a better loss before training stops, and steps before it may.
const PATIENCE: usize = 6;
const PATIENT_STEPS: usize = 60;
/// A loss below which nothing is left to learn.
const TOLD: f64 = 0.02;
const RATE: f64 = 3e-3;
const WARMUP: f64 = 10.0;
const DECAY: f64 = 1e-2;
const CLIP: f64 = 1.0;
/// Length of the average of the weights that is tested.
const AVERAGE: f64 = 0.1;
/// Values scored together at most.
const SCORED_AT_ONCE: usize = 1 << 20;

/// How well a small network tells two sets of fields apart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Separation {
    /// Fields of each set: half of them to train the network, half of them to test it.
    pub count: usize,
    /// The area under the ROC curve on the test half, one a seed.
    pub auc: Vec<f64>,
}

impl Separation {
    /// The mean over seeds.
    pub fn mean(&self) -> f64 {
        self.auc.iter().sum::<f64>() / self.auc.len() as f64
    }

    /// The standard deviation over seeds; 0 of one.
    pub fn spread(&self) -> f64 {
        let mean = self.mean();
        let squares: f64 = self.auc.iter().map(|a| (a - mean).powi(2)).sum();
        (squares / (self.auc.len().max(2) - 1) as f64).sqrt()
    }
}

/// The arguments of [`distinguish`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// Fields of each set.
    pub count: usize,
    /// Repetitions, numbered from 0.
    pub seeds: usize,
    /// Seed of all of them.
    pub seed: u64,
}

/// Trains networks to tell `fields` from `real` ones on their common grid, and tests them on other
/// fields. Each channel is standardised by the mean and the standard deviation of the real fields.
/// `observe` receives the part of the work that is done.
///
/// The result depends on the fields, their order and `asked`, but not on the number of threads.
///
/// # Errors
/// [`FieldError::TooFew`] for fewer than [`LEAST`] fields a side, or fewer fields than are asked for;
/// [`FieldError::GridMismatch`] and [`FieldError::Length`] for sets of different grids or channels;
/// [`TrainError::Diverged`] for a loss that is not finite; errors of the network.
///
/// # Cost
/// About 50 MFLOP a training field and pass at 64² cells, 170 at 32³; at most 30 passes, fewer where nothing is
/// left to learn.
pub fn distinguish(
    fields: &Ensemble,
    real: &Ensemble,
    asked: Asked,
    observe: &mut dyn FnMut(f64),
) -> Result<Separation, TrainError> {
    if fields.grid != real.grid {
        let what = "telling fields apart";
        return Err(FieldError::GridMismatch { what, left: fields.grid, right: real.grid }.into());
    }
    if fields.channels != real.channels {
        let (values, channels) = (fields.field_len(), real.channels);
        return Err(FieldError::Length { values, channels, grid: real.grid }.into());
    }
    for (least, count) in
        [(LEAST, asked.count), (asked.count, fields.count()), (asked.count, real.count())]
    {
        if count < least {
            return Err(FieldError::TooFew { what: "telling fields apart", least, count }.into());
        }
    }
    let scale = Scale::of(real);
    let sets = [scale.rows(real), scale.rows(fields)];
    let mut areas = Vec::with_capacity(asked.seeds);
    for number in 0..asked.seeds {
        let test = Test::new(&sets, real, asked, number);
        let mut part = |done: f64| observe((number as f64 + done) / asked.seeds as f64);
        areas.push(test.run(&mut part)?);
    }
    Ok(Separation { count: asked.count, auc: areas })
}

/// Mean and standard deviation of each channel.
struct Scale(Vec<(f64, f64)>);

impl Scale {
    fn of(real: &Ensemble) -> Self {
        Self(real.channel_scales())
    }

    /// Fields one after another, `[point, channel]` each.
    fn rows(&self, fields: &Ensemble) -> Vec<f32> {
        let (points, channels) = (fields.grid.len(), fields.channels);
        let mut out = vec![0.0f32; fields.values.len()];
        out.par_chunks_exact_mut(points * channels)
            .zip(fields.values.par_chunks_exact(points * channels))
            .for_each(|(row, field)| {
                for (c, (mean, deviation)) in self.0.iter().enumerate() {
                    let values = &field[c * points..(c + 1) * points];
                    let places = row.iter_mut().skip(c).step_by(channels);
                    places.zip(values).for_each(|(o, v)| *o = ((v - mean) / deviation) as f32);
                }
            });
        out
    }
}

/// One repetition: the fields of each part, and the networks.
struct Test<'a> {
    /// Real fields, then the fields to be tested.
    sets: &'a [Vec<f32>; 2],
    len: usize,
    /// Indices of the fields of each set.
    train: [Vec<usize>; 2],
    held_back: [Vec<usize>; 2],
    test: [Vec<usize>; 2],
    seed: u64,
    like: &'a Ensemble,
}

impl<'a> Test<'a> {
    fn new(sets: &'a [Vec<f32>; 2], real: &'a Ensemble, asked: Asked, number: usize) -> Self {
        let len = real.field_len();
        // differs from the seeds of metrics and of other repetitions
        let seed = asked.seed ^ SEED.wrapping_mul(number as u64 + 1);
        let drawn = [0, 1].map(|set: usize| {
            let mut order = shuffled(sets[set].len() / len, seed, set as u64);
            order.truncate(asked.count);
            order
        });
        let half = asked.count / 2;
        let back = ((HELD_BACK * half as f64).round() as usize).max(1);
        let part =
            |range: std::ops::Range<usize>| [0, 1].map(|s: usize| drawn[s][range.clone()].to_vec());
        Self {
            sets,
            len,
            held_back: part(0..back),
            train: part(back..half),
            test: part(half..asked.count),
            seed,
            like: real,
        }
    }

    /// The AUC on the test half.
    fn run(&self, observe: &mut dyn FnMut(f64)) -> Result<f64, TrainError> {
        let (grid, channels) = (self.like.grid, self.like.channels);
        let device = Device::flex().autodiff();
        let mut network = Discriminator::new(grid, channels, self.seed, &device)?;
        let mut reader = Discriminator::new(grid, channels, self.seed, &Device::flex())?;
        let mut optimizer = Optimizer::new(network.parameters()?, 1);
        let each = self.train[0].len();
        let batch = BATCH.min(each).min((BATCH_VALUES / self.len).max(2));
        let steps_a_pass = (each / batch).max(1);
        let steps = (EPOCHS * steps_a_pass).max(LEAST_STEPS);
        let look = steps_a_pass.max(LOOK);
        let mut best: Option<(f64, Parameters)> = None;
        let mut waited = 0;
        for step in 0..steps {
            let chosen = self.batch(step, batch, steps_a_pass);
            self.step(&mut network, &mut optimizer, &chosen, step)?;
            observe((step + 1) as f64 / steps as f64);
            if (step + 1) % look != 0 && step + 1 != steps {
                continue;
            }
            reader.set_parameters(&optimizer.averages[0])?;
            let loss = self.loss(&reader)?;
            if best.as_ref().is_none_or(|(least, _)| loss < *least) {
                best = Some((loss, optimizer.averages[0].clone()));
                waited = 0;
            } else {
                waited += 1;
            }
            let patient = waited < PATIENCE || step < PATIENT_STEPS;
            if loss < TOLD || !patient {
                break;
            }
        }
        observe(1.0);
        let (_, weights) = best.expect("the last step looks");
        reader.set_parameters(&weights)?;
        let [real, others] = &self.test;
        Ok(auc(&self.scores(&reader, 0, real)?, &self.scores(&reader, 1, others)?))
    }

    /// The fields of a step. Every pass has its own order.
    fn batch(&self, step: usize, batch: usize, steps_a_pass: usize) -> [Vec<usize>; 2] {
        let (pass, at) = (step / steps_a_pass, step % steps_a_pass);
        [0, 1].map(|set: usize| {
            let own = &self.train[set];
            let order = shuffled(own.len(), self.seed, (2 * pass + set + 2) as u64);
            order[at * batch..(at + 1) * batch].iter().map(|i| own[*i]).collect()
        })
    }

    fn step(
        &self,
        network: &mut Discriminator,
        optimizer: &mut Optimizer,
        [real, others]: &[Vec<usize>; 2],
        step: usize,
    ) -> Result<(), TrainError> {
        let (mut x, mut signs) = (Vec::new(), Vec::new());
        for (r, o) in real.iter().zip(others) {
            x.extend_from_slice(self.field(0, *r));
            x.extend_from_slice(self.field(1, *o));
            signs.extend([1.0f32, -1.0]);
        }
        let logits = network.forward(&x)?;
        let count = signs.len();
        let signs = Tensor::<1>::from_data(TensorData::new(signs, [count]), &logits.device());
        let loss = log_sigmoid(logits * signs).mean().neg();
        let read = loss.clone().without_autodiff().try_into_scalar::<f32>();
        let value = f64::from(read.map_err(|e| NetError::Compute(e.to_string()))?);
        let gradients = network.taken_gradients(loss.backward())?;
        let rate = RATE * ((step + 1) as f64 / WARMUP).min(1.0);
        network.release_parameters();
        let begins = Begins::default();
        let update = Update {
            optimizer: OptimizerKind::AdamW,
            rate,
            decay: DECAY,
            clip: CLIP,
            lengths: &[AVERAGE],
            begins,
        };
        let norm = optimizer.step(gradients, &update);
        if !value.is_finite() || !norm.is_finite() {
            let what = "loss or gradient of the network that tells fields apart not finite".into();
            return Err(TrainError::Diverged { step, what, rate });
        }
        network.set_parameters(&optimizer.weights)?;
        Ok(())
    }

    /// Mean cross entropy of the held-back fields.
    fn loss(&self, reader: &Discriminator) -> Result<f64, TrainError> {
        let mut sum = 0.0;
        for (set, sign) in [(0, 1.0), (1, -1.0)] {
            let scores = self.scores(reader, set, &self.held_back[set])?;
            // ln(1 + e^{−z}) without overflow
            let losses = scores.iter().map(|s| -sign * s);
            sum += losses.map(|z| z.max(0.0) + (-z.abs()).exp().ln_1p()).sum::<f64>();
        }
        Ok(sum / (2 * self.held_back[0].len()) as f64)
    }

    /// Logits of the fields of a set: the higher, the more likely real.
    fn scores(
        &self,
        reader: &Discriminator,
        set: usize,
        chosen: &[usize],
    ) -> Result<Vec<f64>, TrainError> {
        let mut scores = Vec::with_capacity(chosen.len());
        for part in chosen.chunks((SCORED_AT_ONCE / self.len).max(1)) {
            let x: Vec<f32> = part.iter().flat_map(|i| self.field(set, *i)).copied().collect();
            let logits: Result<Vec<f32>, _> = reader.forward(&x)?.try_into_vec_as();
            let logits = logits.map_err(|e| NetError::Compute(e.to_string()))?;
            scores.extend(logits.into_iter().map(f64::from));
        }
        Ok(scores)
    }

    fn field(&self, set: usize, number: usize) -> &[f32] {
        &self.sets[set][number * self.len..(number + 1) * self.len]
    }
}

/// Gives each repetition a seed of its own.
const SEED: u64 = 0x9E37_79B9_7F4A_7C15;
