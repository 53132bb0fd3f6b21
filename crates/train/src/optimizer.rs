//! AdamW with gradient clipping and averages of the weights, in one pass over the arrays behind one
//! over the gradient for its norm.
//!
//! θ ← θ − r [ m̂ / (√v̂ + ε) + w θ ] with m̂, v̂ the bias-corrected moving means of g and g²
//! (β = 0.9, 0.999; ε = 1e−8). Weight decay w applies to arrays of rank ≥ 2, not to biases. The
//! gradient is scaled down to norm `clip` where it is larger. **Source** Loshchilov & Hutter,
//! "Decoupled weight decay regularization", 2019. Works on host arrays, so that its state is saved
//! and restored bit for bit.

use karhunen_net::{Network, Parameters};
use rayon::prelude::*;

use crate::TrainError;
use crate::averages::share;

const BETA1: f32 = 0.9;
const BETA2: f32 = 0.999;
const EPSILON: f32 = 1e-8;
/// Values of a task, large enough that handing it out costs nothing.
const CHUNK: usize = 1 << 15;
/// Values updated at a time: few enough that they stay in the first-level cache until every average
/// has seen them.
const BLOCK: usize = 1 << 10;

/// Weights, their moments and their averages.
#[derive(Debug, Clone, PartialEq)]
pub struct Optimizer {
    /// Current weights.
    pub weights: Parameters,
    /// Averages of the weights, one a length: [`crate::averages`].
    pub averages: Vec<Parameters>,
    /// First moments.
    pub first: Parameters,
    /// Second moments.
    pub second: Parameters,
    /// Updates done.
    pub updates: usize,
}

/// Settings of one update.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Update<'a> {
    /// Learning rate r.
    pub rate: f64,
    /// Weight decay w.
    pub decay: f64,
    /// Largest gradient norm.
    pub clip: f64,
    /// Length of each average, relative to the updates done.
    pub lengths: &'a [f64],
}

/// What a task updates.
struct Part<'a> {
    weights: &'a mut [f32],
    first: &'a mut [f32],
    second: &'a mut [f32],
    gradient: &'a [f32],
    averages: Vec<&'a mut [f32]>,
    /// r w of this array.
    decay: f32,
}

/// Factors of one update, the same for every value.
struct Factors {
    /// Of the gradient, where it is clipped.
    scale: f32,
    /// r over the first moment's bias.
    rate: f32,
    /// 1 over the root of the second moment's bias.
    root: f32,
    /// What each average takes of the new weights.
    shares: Vec<f32>,
}

impl Optimizer {
    /// Starts from weights, with zero moments and `averages` averages.
    pub fn new(weights: Parameters, averages: usize) -> Self {
        let zeros = weights.zeros_like();
        let averages = vec![weights.clone(); averages];
        Self { averages, first: zeros.clone(), second: zeros, weights, updates: 0 }
    }

    /// One update; returns the gradient's norm before clipping. A non-finite norm changes nothing.
    ///
    /// The gradient's memory is free afterwards. Arrays that a clone or a network still holds are
    /// copied first, the others change in place.
    ///
    /// **Cost** a value is read 5 + k times and written 3 + k times for k averages: the bandwidth
    /// of the memory decides.
    pub fn step(&mut self, gradients: Parameters, update: &Update) -> f64 {
        let norm = norm(&gradients);
        if !norm.is_finite() {
            return norm;
        }
        self.updates += 1;
        let n = self.updates as f64;
        let corrected = |beta: f32| 1.0 - f64::from(beta).powf(n);
        let factors = Factors {
            scale: if norm > update.clip { update.clip / norm } else { 1.0 } as f32,
            rate: (update.rate / corrected(BETA1)) as f32,
            root: (1.0 / corrected(BETA2).sqrt()) as f32,
            shares: update.lengths.iter().map(|l| share(*l, self.updates) as f32).collect(),
        };
        let parts = self.parts(&gradients, update.rate * update.decay);
        parts.into_par_iter().for_each(|part| part.update(&factors));
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

    /// All arrays in chunks.
    fn parts<'a>(&'a mut self, gradients: &'a Parameters, decay: f64) -> Vec<Part<'a>> {
        let mut parts = Vec::new();
        let mut averages: Vec<_> = self.averages.iter_mut().map(|a| a.arrays.iter_mut()).collect();
        let arrays = (self.weights.arrays.iter_mut())
            .zip(&mut self.first.arrays)
            .zip(&mut self.second.arrays)
            .zip(&gradients.arrays);
        for (((weights, first), second), gradient) in arrays {
            let decay = if weights.shape.len() > 1 { decay } else { 0.0 } as f32;
            let mut averages: Vec<_> = (averages.iter_mut())
                .map(|a| a.next().expect("the weights' arrays").values.chunks_mut(CHUNK))
                .collect();
            let chunks = (weights.values.chunks_mut(CHUNK))
                .zip(first.values.chunks_mut(CHUNK))
                .zip(second.values.chunks_mut(CHUNK))
                .zip(gradient.values.chunks(CHUNK));
            for (((weights, first), second), gradient) in chunks {
                let averages =
                    averages.iter_mut().map(|a| a.next().expect("the weights' lengths")).collect();
                parts.push(Part { weights, first, second, gradient, averages, decay });
            }
        }
        parts
    }
}

impl Part<'_> {
    fn update(self, factors: &Factors) {
        let Self { weights, first, second, gradient, mut averages, decay } = self;
        let blocks = (weights.chunks_mut(BLOCK))
            .zip(first.chunks_mut(BLOCK))
            .zip(second.chunks_mut(BLOCK))
            .zip(gradient.chunks(BLOCK));
        for (i, (((w, m), v), g)) in blocks.enumerate() {
            adam(w, m, v, g, decay, factors);
            for (average, share) in averages.iter_mut().zip(&factors.shares) {
                let average = &mut average[i * BLOCK..][..w.len()];
                average.iter_mut().zip(&*w).for_each(|(e, w)| *e += share * (w - *e));
            }
        }
    }
}

/// One block of an array, in registers side by side.
fn adam(w: &mut [f32], m: &mut [f32], v: &mut [f32], g: &[f32], decay: f32, factors: &Factors) {
    let Factors { scale, rate, root, .. } = *factors;
    // equal lengths, seen by the compiler
    let n = w.len();
    let (w, m, v, g) = (&mut w[..n], &mut m[..n], &mut v[..n], &g[..n]);
    for i in 0..n {
        let g = scale * g[i];
        m[i] = BETA1 * m[i] + (1.0 - BETA1) * g;
        v[i] = BETA2 * v[i] + (1.0 - BETA2) * g * g;
        w[i] -= rate * m[i] / (v[i].sqrt() * root + EPSILON) + decay * w[i];
    }
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

/// In eight interleaved sums, which do not wait for one another.
fn sum_of_squares(values: &[f32]) -> f64 {
    let mut sums = [0.0; 8];
    for eight in values.chunks(sums.len()) {
        for (sum, v) in sums.iter_mut().zip(eight) {
            *sum += f64::from(*v) * f64::from(*v);
        }
    }
    sums.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::averages::exponent;
    use karhunen_net::Named;

    fn one(values: Vec<f32>) -> Parameters {
        Parameters {
            arrays: vec![Named { name: "w".into(), shape: vec![1, values.len()], values: values.into() }],
        }
    }

    const UPDATE: Update = Update { rate: 0.1, decay: 0.0, clip: 1e9, lengths: &[0.1, 0.28] };

    #[test]
    fn the_first_update_is_the_rate_times_the_sign() {
        // bias correction makes m̂ / √v̂ = sign(g) exactly in the first step
        let mut optimizer = Optimizer::new(one(vec![1.0, -2.0]), 2);
        optimizer.step(one(vec![0.3, -0.7]), &UPDATE);
        let w = &optimizer.weights.arrays[0].values;
        assert!((w[0] - 0.9).abs() < 1e-6 && (w[1] + 1.9).abs() < 1e-6, "{w:?}");
        // the first update is the whole of every average
        assert!(optimizer.averages.iter().all(|e| e.arrays[0].values == *w));
    }

    #[test]
    fn averages_weigh_by_their_lengths() {
        let mut optimizer = Optimizer::new(one(vec![1.0; 3]), 2);
        let mut seen = Vec::new();
        for n in 0..9 {
            optimizer.step(one(vec![1.0, -0.5, 0.2 * n as f32]), &UPDATE);
            seen.push(optimizer.weights.arrays[0].values[2]);
        }
        for (average, length) in optimizer.averages.iter().zip(UPDATE.lengths) {
            // update j of n weighs (j/n)^{γ+1} − ((j−1)/n)^{γ+1}
            let upto = |j: usize| (j as f64 / 9.0).powf(exponent(*length) + 1.0);
            let weigh = |(j, w): (usize, &f32)| (upto(j + 1) - upto(j)) * f64::from(*w);
            let expected: f64 = seen.iter().enumerate().map(weigh).sum();
            let found = f64::from(average.arrays[0].values[2]);
            // nine roundings of f32
            assert!((found - expected).abs() < 1e-6, "{found} {expected}");
        }
    }

    #[test]
    fn clipping_and_bad_gradients() {
        let mut optimizer = Optimizer::new(one(vec![0.0, 0.0]), 2);
        let clipped = Update { clip: 1.0, ..UPDATE };
        assert_eq!(optimizer.step(one(vec![3.0, 4.0]), &clipped), 5.0);
        assert!((optimizer.first.arrays[0].values[0] - 0.1 * 0.6).abs() < 1e-7);
        let before = optimizer.clone();
        assert!(optimizer.step(one(vec![f32::NAN, 0.0]), &UPDATE).is_nan());
        assert_eq!(before, optimizer);
    }

    #[test]
    fn it_finds_the_minimum_of_a_bowl() {
        let mut optimizer = Optimizer::new(one(vec![2.0, -3.0]), 2);
        for n in 0..400 {
            let w = &optimizer.weights.arrays[0].values;
            let gradient = one(vec![w[0] - 1.0, 10.0 * (w[1] - 0.5)]);
            optimizer.step(gradient, &Update { rate: 0.1 * (1.0 - n as f64 / 400.0), ..UPDATE });
        }
        let w = &optimizer.weights.arrays[0].values;
        assert!((w[0] - 1.0).abs() < 1e-2 && (w[1] - 0.5).abs() < 1e-2, "{w:?}");
    }
}
