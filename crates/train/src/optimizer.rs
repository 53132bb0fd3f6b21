//! AdamW with gradient clipping and averages of the weights, in one pass over the arrays.
//!
//! θ ← θ − r [ m̂ / (√v̂ + ε) + w θ ] with m̂, v̂ the bias-corrected moving means of g and g²
//! (β = 0.9, 0.999; ε = 1e−8). Weight decay w applies to arrays of rank ≥ 2, not to biases. The
//! gradient is scaled down to norm `clip` where it is larger. **Source** Loshchilov & Hutter,
//! "Decoupled weight decay regularization", 2019. Works on host arrays, so that its state is saved
//! and restored bit for bit.

use karhunen_net::Parameters;
use rayon::prelude::*;

use crate::averages::share;

const BETA1: f32 = 0.9;
const BETA2: f32 = 0.999;
const EPSILON: f32 = 1e-8;
/// Values a thread updates at a time: small enough that they stay in its cache until every average
/// has seen them.
const CHUNK: usize = 1 << 15;

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

/// What a thread updates at a time, array by array.
struct Part<'a> {
    weights: &'a mut [f32],
    first: &'a mut [f32],
    second: &'a mut [f32],
    gradient: &'a [f32],
    averages: Vec<&'a mut [f32]>,
}

impl Optimizer {
    /// Starts from weights, with zero moments and `averages` averages.
    pub fn new(weights: Parameters, averages: usize) -> Self {
        let zeros = weights.zeros_like();
        let averages = vec![weights.clone(); averages];
        Self { averages, first: zeros.clone(), second: zeros, weights, updates: 0 }
    }

    /// One update; returns the gradient's norm before clipping. A non-finite norm changes nothing.
    pub fn step(&mut self, gradients: &Parameters, update: &Update) -> f64 {
        // summed array by array in a fixed order, so that threads do not change it
        let squares: f64 = gradients
            .arrays
            .iter()
            .map(|a| {
                let parts: Vec<f64> = a.values.par_chunks(CHUNK).map(sum_of_squares).collect();
                parts.iter().sum::<f64>()
            })
            .sum();
        let norm = squares.sqrt();
        if !norm.is_finite() {
            return norm;
        }
        self.updates += 1;
        let n = self.updates as f64;
        let scale = if norm > update.clip { update.clip / norm } else { 1.0 } as f32;
        let correction1 = 1.0 - f64::from(BETA1).powf(n);
        let correction2 = 1.0 - f64::from(BETA2).powf(n);
        let rate = (update.rate / correction1) as f32;
        let root = (1.0 / correction2.sqrt()) as f32;
        let shares: Vec<f32> =
            update.lengths.iter().map(|l| share(*l, self.updates) as f32).collect();
        for (i, gradient) in gradients.arrays.iter().enumerate() {
            let weights = &mut self.weights.arrays[i];
            let decay = if weights.shape.len() > 1 { update.rate * update.decay } else { 0.0 };
            let decay = decay as f32;
            let mut parts: Vec<Part> = (weights.values.chunks_mut(CHUNK))
                .zip(self.first.arrays[i].values.chunks_mut(CHUNK))
                .zip(self.second.arrays[i].values.chunks_mut(CHUNK))
                .zip(gradient.values.chunks(CHUNK))
                .map(|(((weights, first), second), gradient)| Part {
                    weights,
                    first,
                    second,
                    gradient,
                    averages: vec![],
                })
                .collect();
            for average in &mut self.averages {
                let chunks = average.arrays[i].values.chunks_mut(CHUNK);
                parts.iter_mut().zip(chunks).for_each(|(part, e)| part.averages.push(e));
            }
            parts.par_iter_mut().for_each(|part| {
                let (w, m, v) = (&mut *part.weights, &mut *part.first, &mut *part.second);
                for i in 0..w.len() {
                    let g = scale * part.gradient[i];
                    m[i] = BETA1 * m[i] + (1.0 - BETA1) * g;
                    v[i] = BETA2 * v[i] + (1.0 - BETA2) * g * g;
                    w[i] -= rate * m[i] / (v[i].sqrt() * root + EPSILON) + decay * w[i];
                }
                for (average, share) in part.averages.iter_mut().zip(&shares) {
                    average.iter_mut().zip(&*w).for_each(|(e, w)| *e += share * (w - *e));
                }
            });
        }
        norm
    }
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
            arrays: vec![Named { name: "w".into(), shape: vec![1, values.len()], values }],
        }
    }

    const UPDATE: Update = Update { rate: 0.1, decay: 0.0, clip: 1e9, lengths: &[0.1, 0.28] };

    #[test]
    fn the_first_update_is_the_rate_times_the_sign() {
        // bias correction makes m̂ / √v̂ = sign(g) exactly in the first step
        let mut optimizer = Optimizer::new(one(vec![1.0, -2.0]), 2);
        optimizer.step(&one(vec![0.3, -0.7]), &UPDATE);
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
            optimizer.step(&one(vec![1.0, -0.5, 0.2 * n as f32]), &UPDATE);
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
        assert_eq!(optimizer.step(&one(vec![3.0, 4.0]), &clipped), 5.0);
        assert!((optimizer.first.arrays[0].values[0] - 0.1 * 0.6).abs() < 1e-7);
        let before = optimizer.clone();
        assert!(optimizer.step(&one(vec![f32::NAN, 0.0]), &UPDATE).is_nan());
        assert_eq!(before, optimizer);
    }

    #[test]
    fn it_finds_the_minimum_of_a_bowl() {
        let mut optimizer = Optimizer::new(one(vec![2.0, -3.0]), 2);
        for n in 0..400 {
            let w = &optimizer.weights.arrays[0].values;
            let gradient = one(vec![w[0] - 1.0, 10.0 * (w[1] - 0.5)]);
            optimizer.step(&gradient, &Update { rate: 0.1 * (1.0 - n as f64 / 400.0), ..UPDATE });
        }
        let w = &optimizer.weights.arrays[0].values;
        assert!((w[0] - 1.0).abs() < 1e-2 && (w[1] - 0.5).abs() < 1e-2, "{w:?}");
    }
}
