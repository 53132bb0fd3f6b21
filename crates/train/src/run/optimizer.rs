//! AdamW, and Muon for matrices, with gradient clipping and averages of the weights.
//!
//! AdamW: θ ← θ − r [ m̂ / (√v̂ + ε) + w θ ] with m̂, v̂ the bias-corrected moving means of g and g²
//! (β = 0.9, 0.999; ε = 1e−8). Weight decay w applies to arrays of rank ≥ 2, not to biases. The
//! gradient is scaled down to norm `clip` where it is larger. **Source** Loshchilov & Hutter,
//! "Decoupled weight decay regularization", 2019.
//!
//! Muon, for matrices that have at least 8 rows and 8 columns and are at most four times as long as wide. Most are maps
//! between hidden channels, and depthwise kernels, whose rows are their taps:
//! θ ← θ − r [ κ √max(rows, columns) O(u) + w θ ] with O(u) the orthogonal matrix that is nearest to the moment u
//! (μ = 0.95, with Nesterov's step ahead). The factor gives all values of a step about the same size, whatever the
//! shape, so that r and w mean what they mean to AdamW. A step of Muon keeps its size where the gradient is noise alone,
//! and a long run would not settle. So κ falls with the updates n of an array: κ = 0.4 / √(1 + n / 4000).
//!
//! **Source** Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024. The factor is after Liu et
//! al., "Muon is scalable for LLM training", 2025, who have κ = 0.2.
//!
//! Works on host arrays, so that its state is saved and restored bit for bit.

use karhunen_kernels::{AdamW, Muon, sum_of_squares};
use karhunen_net::{Network, Parameters};
use rayon::prelude::*;

use crate::TrainError;
use crate::config::OptimizerKind;
use crate::run::averages::share;

pub use crate::run::update::{Begins, Update};

const BETA1: f32 = 0.9;

const BETA2: f32 = 0.999;

const EPSILON: f32 = 1e-8;

/// μ of Muon.
const MOMENTUM: f32 = 0.95;

/// κ of Muon in its first update.
const SIZE: f64 = 0.4;

/// Updates of an array after which its κ has fallen by a factor of √2. They count from its first one, whatever the
/// length of the run.
const SLOWING: f64 = 4000.0;

/// Fewest rows and columns of a matrix that moves by Muon. Maps from and to the channels of a field have fewer.
const HIDDEN: usize = 8;

/// Largest ratio of rows and columns, or columns and rows, of a matrix that moves by Muon. Longer ones make scale and shift
/// of many blocks. They cost more than all others together and learn as well by AdamW.
const LONGEST: usize = 4;

/// Values of a task, large enough that handing it out costs nothing.
const CHUNK: usize = 1 << 15;

/// Weights, their moments and their averages.
#[derive(Debug, Clone, PartialEq)]
pub struct Optimizer {
    /// Current weights.
    pub weights: Parameters,
    /// Averages of the weights, one a length: [`crate::run::averages`].
    pub averages: Vec<Parameters>,
    /// First moments.
    pub first: Parameters,
    /// Second moments; zeros of matrices that move by Muon.
    pub second: Parameters,
    /// Updates done.
    pub updates: usize,
}

/// What a task updates: a chunk of an array, or a matrix that moves by Muon.
struct Part<'a> {
    weights: &'a mut [f32],
    first: &'a mut [f32],
    second: &'a mut [f32],
    gradient: &'a [f32],
    averages: Vec<&'a mut [f32]>,
    /// r w of this array.
    decay: f32,
    rule: Rule,
}

/// How a part is updated, and the factor of its direction.
#[derive(Clone, Copy)]
enum Rule {
    /// r / (1 − β₁ⁿ) and 1 / √(1 − β₂ⁿ) for the n updates of this array.
    AdamW { rate: f32, root: f32 },
    /// r κ √max(rows, columns).
    Muon { shape: [usize; 2], rate: f32 },
}

impl Rule {
    /// The rule of an array with this rate and so many updates of its own.
    fn of(optimizer: OptimizerKind, shape: &[usize], rate: f64, own: usize) -> Self {
        match *shape {
            [rows, columns] if moves_by_muon(optimizer, [rows, columns]) => {
                let size = SIZE / (1.0 + own as f64 / SLOWING).sqrt();
                let rate = rate * size * (rows.max(columns) as f64).sqrt();
                Self::Muon { shape: [rows, columns], rate: rate as f32 }
            }
            _ => {
                let corrected = |beta: f32| 1.0 - f64::from(beta).powf(own as f64);
                let root = (1.0 / corrected(BETA2).sqrt()) as f32;
                Self::AdamW { rate: (rate / corrected(BETA1)) as f32, root }
            }
        }
    }
}

impl Optimizer {
    /// Starts from weights, with zero moments and `averages` averages.
    pub fn new(weights: Parameters, averages: usize) -> Self {
        // not clones of one another, which would be copied in the first update
        let (first, second) = (weights.zeros_like(), weights.zeros_like());
        Self { averages: vec![weights.clone(); averages], first, second, weights, updates: 0 }
    }

    /// One update; returns the gradient's norm before clipping. A non-finite norm changes nothing.
    ///
    /// The gradient's memory is free afterwards. Arrays that a clone or a network still holds are
    /// copied first, the others change in place.
    ///
    /// **Cost** by AdamW a value is read 5 + k times and written 3 + k times for k averages: the bandwidth
    /// of the memory decides. By Muon a matrix of n ≤ m rows and columns takes five times 4 n² m + 2 n³ operations, on one
    /// thread.
    ///
    /// # Panics
    /// If the gradient has other lengths than the weights, or there is not one length an average.
    pub fn step(&mut self, gradients: Parameters, update: &Update) -> f64 {
        let norm = norm(&gradients);
        if !norm.is_finite() {
            return norm;
        }
        self.updates += 1;
        let shares: Vec<f32> =
            update.lengths.iter().map(|l| share(*l, self.updates) as f32).collect();
        let factors = AdamW {
            decays: [BETA1, BETA2],
            scale: if norm > update.clip { update.clip / norm } else { 1.0 } as f32,
            rate: 0.0,
            root: 1.0,
            epsilon: EPSILON,
            decay: 0.0,
            shares: &shares,
        };
        self.parts(&gradients, update).into_par_iter().for_each(|mut part| {
            let (weights, gradient, averages) = (part.weights, part.gradient, &mut part.averages);
            let decay = part.decay;
            match part.rule {
                Rule::AdamW { rate, root } => {
                    let moments = [part.first, part.second];
                    let rule = AdamW { decay, rate, root, ..factors };
                    rule.update(weights, moments, gradient, averages);
                }
                Rule::Muon { shape, rate } => {
                    let (scale, shares) = (factors.scale, factors.shares);
                    let rule = Muon { momentum: MOMENTUM, scale, rate, decay, shares };
                    rule.update(shape, weights, part.first, gradient, averages);
                }
            }
        });
        norm
    }

    /// [`Optimizer::step`] on the weights that a network computes with: it lets go of them, so that
    /// they change in place, and has the new ones afterwards.
    ///
    /// # Errors
    /// As [`Network::set_parameters`].
    pub fn step_network(
        &mut self,
        network: &mut Network,
        gradients: Parameters,
        update: &Update,
    ) -> Result<f64, TrainError> {
        network.release_parameters();
        let norm = self.step(gradients, update);
        network.set_parameters(&self.weights)?;
        Ok(norm)
    }

    /// Kind and name of the first array with a NaN or an infinity in it, if there is one.
    pub fn not_finite(&self) -> Option<String> {
        let own = [("weights", &self.weights), ("moments", &self.first), ("moments", &self.second)];
        let averages = self.averages.iter().map(|average| ("average of the weights", average));
        first_bad(own.into_iter().chain(averages))
    }

    /// All arrays that have begun, in chunks, but for matrices that move by Muon.
    fn parts<'a>(&'a mut self, gradients: &'a Parameters, update: &Update) -> Vec<Part<'a>> {
        let mut parts = Vec::new();
        let updates = self.updates;
        let mut averages: Vec<_> = self.averages.iter_mut().map(|a| a.arrays.iter_mut()).collect();
        let arrays = (self.weights.arrays.iter_mut())
            .zip(&mut self.first.arrays)
            .zip(&mut self.second.arrays)
            .zip(&gradients.arrays);
        for (array, (((weights, first), second), gradient)) in arrays.enumerate() {
            let (own, factor) = update.begins.of(array, updates);
            let rate = factor * update.rate;
            let decay = if weights.shape.len() > 1 { rate * update.decay } else { 0.0 } as f32;
            let rule = Rule::of(update.optimizer, &weights.shape, rate, own);
            let chunk = match rule {
                Rule::AdamW { .. } => CHUNK,
                Rule::Muon { shape: [rows, columns], .. } => rows * columns,
            };
            let mut averages: Vec<_> = (averages.iter_mut())
                .map(|a| a.next().expect("the weights' arrays").values.chunks_mut(chunk))
                .collect();
            if own == 0 {
                continue;
            }
            let chunks = (weights.values.chunks_mut(chunk))
                .zip(first.values.chunks_mut(chunk))
                .zip(second.values.chunks_mut(chunk))
                .zip(gradient.values.chunks(chunk));
            for (((weights, first), second), gradient) in chunks {
                let averages =
                    averages.iter_mut().map(|a| a.next().expect("the weights' lengths")).collect();
                parts.push(Part { weights, first, second, gradient, averages, decay, rule });
            }
        }
        parts
    }
}

/// Whether a matrix is updated by Muon.
fn moves_by_muon(optimizer: OptimizerKind, [rows, columns]: [usize; 2]) -> bool {
    let (short, long) = (rows.min(columns), rows.max(columns));
    optimizer == OptimizerKind::Muon && short >= HIDDEN && long <= LONGEST * short
}

/// The root of the sum of squares, summed array by array in a fixed order, so that threads do not
/// change it.
fn norm(gradients: &Parameters) -> f64 {
    let squares = gradients.arrays.iter().map(|a| {
        let parts: Vec<f64> = a.values.par_chunks(CHUNK).map(sum_of_squares).collect();
        parts.iter().sum::<f64>()
    });
    squares.sum::<f64>().sqrt()
}

/// Kind and name of the first array that holds a NaN or an infinity.
fn first_bad<'a>(kinds: impl IntoIterator<Item = (&'a str, &'a Parameters)>) -> Option<String> {
    let bad = |p: &'a Parameters| {
        p.arrays.iter().find(|array| array.values.iter().any(|v| !v.is_finite()))
    };
    kinds.into_iter().find_map(|(kind, p)| bad(p).map(|array| format!("{kind} {}", array.name)))
}

#[cfg(test)]
mod tests;
