//! AdamW with gradient clipping and a moving average of the weights, in one pass over the arrays.
//!
//! θ ← θ − r [ m̂ / (√v̂ + ε) + w θ ] with m̂, v̂ the bias-corrected moving means of g and g²
//! (β = 0.9, 0.999; ε = 1e−8). Weight decay w applies to arrays of rank ≥ 2, not to biases. The
//! gradient is scaled down to norm `clip` where it is larger. **Source** Loshchilov & Hutter,
//! "Decoupled weight decay regularization", 2019. Works on host arrays, so that its state is saved
//! and restored bit for bit.

use karhunen_net::Parameters;
use rayon::prelude::*;

const BETA1: f32 = 0.9;
const BETA2: f32 = 0.999;
const EPSILON: f32 = 1e-8;
/// Values a thread updates at a time: small enough that five streams stay in its cache.
const CHUNK: usize = 1 << 15;

/// Weights, their moments and their moving average.
#[derive(Debug, Clone, PartialEq)]
pub struct Optimizer {
    /// Current weights.
    pub weights: Parameters,
    /// Moving average of the weights.
    pub ema: Parameters,
    /// First moments.
    pub first: Parameters,
    /// Second moments.
    pub second: Parameters,
    /// Updates done.
    pub updates: usize,
}

/// Settings of one update.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Update {
    /// Learning rate r.
    pub rate: f64,
    /// Weight decay w.
    pub decay: f64,
    /// Largest gradient norm.
    pub clip: f64,
    /// Decay of the moving average; shorter in the first updates: min(ema, (1+n)/(10+n)).
    pub ema: f64,
}

impl Optimizer {
    /// Starts from weights, with zero moments.
    pub fn new(weights: Parameters) -> Self {
        let zeros = weights.zeros_like();
        Self { ema: weights.clone(), first: zeros.clone(), second: zeros, weights, updates: 0 }
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
        let keep = update.ema.min((1.0 + n) / (10.0 + n)) as f32;
        let arrays = self
            .weights
            .arrays
            .iter_mut()
            .zip(&mut self.ema.arrays)
            .zip(&mut self.first.arrays)
            .zip(&mut self.second.arrays)
            .zip(&gradients.arrays);
        for ((((weights, ema), first), second), gradient) in arrays {
            let decay = if weights.shape.len() > 1 { update.rate * update.decay } else { 0.0 };
            let decay = decay as f32;
            (weights.values.par_chunks_mut(CHUNK))
                .zip(ema.values.par_chunks_mut(CHUNK))
                .zip(first.values.par_chunks_mut(CHUNK))
                .zip(second.values.par_chunks_mut(CHUNK))
                .zip(gradient.values.par_chunks(CHUNK))
                .for_each(|((((w, e), m), v), g)| {
                    for i in 0..w.len() {
                        let g = scale * g[i];
                        m[i] = BETA1 * m[i] + (1.0 - BETA1) * g;
                        v[i] = BETA2 * v[i] + (1.0 - BETA2) * g * g;
                        w[i] -= rate * m[i] / (v[i].sqrt() * root + EPSILON) + decay * w[i];
                        e[i] = keep * e[i] + (1.0 - keep) * w[i];
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
    use karhunen_net::Named;

    fn one(values: Vec<f32>) -> Parameters {
        Parameters {
            arrays: vec![Named { name: "w".into(), shape: vec![1, values.len()], values }],
        }
    }

    const UPDATE: Update = Update { rate: 0.1, decay: 0.0, clip: 1e9, ema: 0.5 };

    #[test]
    fn the_first_update_is_the_rate_times_the_sign() {
        // bias correction makes m̂ / √v̂ = sign(g) exactly in the first step
        let mut optimizer = Optimizer::new(one(vec![1.0, -2.0]));
        optimizer.step(&one(vec![0.3, -0.7]), &UPDATE);
        let w = &optimizer.weights.arrays[0].values;
        assert!((w[0] - 0.9).abs() < 1e-6 && (w[1] + 1.9).abs() < 1e-6, "{w:?}");
        // average keeps min(0.5, 2/11) of the old weight
        let e = optimizer.ema.arrays[0].values[0];
        assert!((e - (2.0 / 11.0 + 9.0 / 11.0 * 0.9)).abs() < 1e-6, "{e}");
    }

    #[test]
    fn clipping_and_bad_gradients() {
        let mut optimizer = Optimizer::new(one(vec![0.0, 0.0]));
        let clipped = Update { clip: 1.0, ..UPDATE };
        assert_eq!(optimizer.step(&one(vec![3.0, 4.0]), &clipped), 5.0);
        assert!((optimizer.first.arrays[0].values[0] - 0.1 * 0.6).abs() < 1e-7);
        let before = optimizer.clone();
        assert!(optimizer.step(&one(vec![f32::NAN, 0.0]), &UPDATE).is_nan());
        assert_eq!(before, optimizer);
    }

    #[test]
    fn it_finds_the_minimum_of_a_bowl() {
        let mut optimizer = Optimizer::new(one(vec![2.0, -3.0]));
        for n in 0..400 {
            let w = &optimizer.weights.arrays[0].values;
            let gradient = one(vec![w[0] - 1.0, 10.0 * (w[1] - 0.5)]);
            optimizer.step(&gradient, &Update { rate: 0.1 * (1.0 - n as f64 / 400.0), ..UPDATE });
        }
        let w = &optimizer.weights.arrays[0].values;
        assert!((w[0] - 1.0).abs() < 1e-2 && (w[1] - 0.5).abs() < 1e-2, "{w:?}");
    }
}
