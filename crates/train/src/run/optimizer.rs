//! AdamW with gradient clipping and averages of the weights, in one pass over the arrays behind one
//! over the gradient for its norm.
//!
//! θ ← θ − r [ m̂ / (√v̂ + ε) + w θ ] with m̂, v̂ the bias-corrected moving means of g and g²
//! (β = 0.9, 0.999; ε = 1e−8). Weight decay w applies to arrays of rank ≥ 2, not to biases. The
//! gradient is scaled down to norm `clip` where it is larger. **Source** Loshchilov & Hutter,
//! "Decoupled weight decay regularization", 2019. Works on host arrays, so that its state is saved
//! and restored bit for bit.

use karhunen_kernels::{AdamW, sum_of_squares};
use karhunen_net::{Network, Parameters};
use rayon::prelude::*;

use crate::TrainError;
use crate::run::averages::share;

pub use crate::run::update::{Begins, Update};

const BETA1: f32 = 0.9;

const BETA2: f32 = 0.999;

const EPSILON: f32 = 1e-8;

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
    /// Second moments.
    pub second: Parameters,
    /// Updates done.
    pub updates: usize,
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
    /// r / (1 − β₁ⁿ) and 1 / √(1 − β₂ⁿ) for the n updates of this array.
    rate: f32,
    root: f32,
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
    /// **Cost** a value is read 5 + k times and written 3 + k times for k averages: the bandwidth
    /// of the memory decides.
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
            let Part { decay, rate, root, .. } = part;
            AdamW { decay, rate, root, ..factors }.update(
                part.weights,
                [part.first, part.second],
                part.gradient,
                &mut part.averages,
            );
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

    /// All arrays that have begun, in chunks.
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
            let corrected = |beta: f32| 1.0 - f64::from(beta).powf(own as f64);
            let root = (1.0 / corrected(BETA2).sqrt()) as f32;
            let corrected_rate = (rate / corrected(BETA1)) as f32;
            let mut averages: Vec<_> = (averages.iter_mut())
                .map(|a| a.next().expect("the weights' arrays").values.chunks_mut(CHUNK))
                .collect();
            if own == 0 {
                continue;
            }
            let chunks = (weights.values.chunks_mut(CHUNK))
                .zip(first.values.chunks_mut(CHUNK))
                .zip(second.values.chunks_mut(CHUNK))
                .zip(gradient.values.chunks(CHUNK));
            for (((weights, first), second), gradient) in chunks {
                let averages =
                    averages.iter_mut().map(|a| a.next().expect("the weights' lengths")).collect();
                let rate = corrected_rate;
                parts.push(Part { weights, first, second, gradient, averages, decay, rate, root });
            }
        }
        parts
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

/// Kind and name of the first array that holds a NaN or an infinity.
fn first_bad<'a>(kinds: impl IntoIterator<Item = (&'a str, &'a Parameters)>) -> Option<String> {
    let bad = |p: &'a Parameters| {
        p.arrays.iter().find(|array| array.values.iter().any(|v| !v.is_finite()))
    };
    kinds.into_iter().find_map(|(kind, p)| bad(p).map(|array| format!("{kind} {}", array.name)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::averages::exponent;
    use karhunen_field::{Boundary, Grid};
    use karhunen_net::{Device, FnoConfig, Named, NetworkConfig};

    fn one(values: Vec<f32>) -> Parameters {
        Parameters {
            arrays: vec![Named {
                name: "w".into(),
                shape: vec![1, values.len()],
                values: values.into(),
            }],
        }
    }

    const UPDATE: Update = Update {
        rate: 0.1,
        decay: 0.0,
        clip: 1e9,
        lengths: &[0.1, 0.28],
        begins: Begins { updates: &[], warmup: 1 },
    };

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

    /// θ, m, v and averages of one value by the formulas, in f64.
    struct Wide {
        w: f64,
        m: f64,
        v: f64,
        averages: [f64; 2],
    }

    impl Wide {
        fn step(&mut self, g: f64, update: &Update, decay: f64, n: usize) {
            let (b1, b2) = (f64::from(BETA1), f64::from(BETA2));
            self.m = b1 * self.m + (1.0 - b1) * g;
            self.v = b2 * self.v + (1.0 - b2) * g * g;
            let corrected = |moment: f64, b: f64| moment / (1.0 - b.powf(n as f64));
            let (m, v) = (corrected(self.m, b1), corrected(self.v, b2));
            self.w -= update.rate * (m / (v.sqrt() + 1e-8) + decay * self.w);
            for (average, length) in self.averages.iter_mut().zip(update.lengths) {
                *average += share(*length, n) * (self.w - *average);
            }
        }
    }

    #[test]
    fn steps_with_clipping_decay_and_averages_follow_the_formulas() {
        // a matrix over several tasks, with a rest; a vector, which does not decay
        let shapes = [vec![3, CHUNK - 5], vec![7]];
        let array = |shape: &Vec<usize>, of: &dyn Fn(usize) -> f32| Named {
            name: format!("{shape:?}"),
            shape: shape.clone(),
            values: (0..shape.iter().product::<usize>()).map(of).collect(),
        };
        let all = |of: &dyn Fn(usize) -> f32| Parameters {
            arrays: shapes.iter().map(|shape| array(shape, of)).collect(),
        };
        let value = |i: usize| ((i * 7919) % 1000) as f32 / 500.0 - 1.0;
        let start = all(&value);
        let mut wide: Vec<Vec<Wide>> = (start.arrays.iter())
            .map(|a| a.values.iter().map(|w| f64::from(*w)))
            .map(|ws| ws.map(|w| Wide { w, m: 0.0, v: 0.0, averages: [w; 2] }).collect())
            .collect();
        let mut optimizer = Optimizer::new(start, 2);
        for n in 1..=5 {
            // the norm falls below the bound on the way
            let gradient = all(&|i| value(i + 31 * n) / (1 << (2 * n)) as f32);
            let update = Update { rate: 0.01 / n as f64, decay: 0.1, clip: 3.0, ..UPDATE };
            let each = |a: &Named| a.values.iter().map(|g| f64::from(*g)).collect::<Vec<f64>>();
            let gradients: Vec<Vec<f64>> = gradient.arrays.iter().map(each).collect();
            let norm = gradients.concat().iter().map(|g| g * g).sum::<f64>().sqrt();
            let found = optimizer.step(gradient, &update);
            assert!((found - norm).abs() < 1e-9 * norm, "{found} {norm}");
            assert_eq!(norm > update.clip, n < 3, "update {n}: {norm}");
            for (wide, (shape, gradient)) in wide.iter_mut().zip(shapes.iter().zip(gradients)) {
                let decay = if shape.len() > 1 { update.decay } else { 0.0 };
                for (wide, g) in wide.iter_mut().zip(gradient) {
                    wide.step(g * (update.clip / norm).min(1.0), &update, decay, n);
                }
            }
        }
        let o = &optimizer;
        for (i, wide) in wide.iter().enumerate() {
            for (j, wide) in wide.iter().enumerate() {
                let of = |p: &Parameters| f64::from(p.arrays[i].values[j]);
                let found = [of(&o.weights), of(&o.averages[0]), of(&o.averages[1])];
                for (found, expected) in
                    found.into_iter().zip([wide.w, wide.averages[0], wide.averages[1]])
                {
                    // some roundings of values up to 1 an update
                    assert!((found - expected).abs() < 1e-6, "{i} {j}: {found} {expected}");
                }
            }
        }
    }

    #[test]
    fn a_networks_weights_change_in_place() {
        let grid = Grid::unit(&[6, 5], Boundary::Periodic).unwrap();
        let config = FnoConfig { width: 4, modes: vec![2], projection: 8, ..FnoConfig::default() };
        let device = Device::flex().autodiff();
        let mut network = NetworkConfig::Fno(config).build(&[grid], 1, 3, &device).unwrap();
        let mut optimizer = Optimizer::new(network.parameters().unwrap(), 1);
        let gradient = || {
            let mut gradient = optimizer.weights.clone();
            gradient.arrays.iter_mut().for_each(|a| a.values.fill(0.5));
            gradient
        };
        let gradients = [gradient(), gradient()];
        let update = Update { lengths: &[0.1], ..UPDATE };
        let mut places = Vec::new();
        for gradient in gradients {
            optimizer.step_network(&mut network, gradient, &update).unwrap();
            let at =
                |p: &Parameters| p.arrays.iter().map(|a| a.values.as_ptr()).collect::<Vec<_>>();
            places.push((at(&optimizer.weights), at(&optimizer.averages[0])));
            assert_eq!(network.parameters().unwrap(), optimizer.weights);
        }
        assert_eq!(places[0], places[1]);
    }

    #[test]
    fn a_late_array_stays_until_it_begins_and_then_starts_afresh() {
        let array = |name: &str, value: f32| Named {
            name: name.into(),
            shape: vec![1, 2],
            values: vec![value; 2].into(),
        };
        let both = |value: f32| Parameters { arrays: vec![array("a", value), array("b", value)] };
        let mut optimizer = Optimizer::new(both(1.0), 2);
        let begins = Begins { updates: &[0, 3], warmup: 2 };
        let update = Update { decay: 0.5, begins, ..UPDATE };
        for _ in 0..3 {
            optimizer.step(both(0.3), &update);
        }
        assert_eq!(optimizer.weights.arrays[1].values[..], [1.0; 2]);
        assert_eq!(optimizer.averages[0].arrays[1].values[..], [1.0; 2]);
        optimizer.step(both(0.3), &update);
        // half of the rate in the first of two updates: 0.05 (sign + 0.5 · 1)
        let late = optimizer.weights.arrays[1].values[0];
        assert!((late - (1.0 - 0.05 * 1.5)).abs() < 1e-6, "{late}");
        // an array that begins with the run has the same numbers whatever begins later
        let mut alone = Optimizer::new(one(vec![1.0; 2]), 2);
        for _ in 0..4 {
            alone.step(one(vec![0.3; 2]), &Update { decay: 0.5, ..UPDATE });
        }
        assert_eq!(alone.weights.arrays[0].values, optimizer.weights.arrays[0].values);
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
