//! Averages of the weights over the run so far, and averages of other lengths computed afterwards.
//!
//! A power-function average of exponent γ weighs the weights of update τ by a profile over the run,
//!
//! p(τ) = (γ + 1) τ^γ / t^{γ+1},  0 < τ ≤ t.
//!
//! The profile stretches with the run instead of forgetting at a fixed rate, so one setting fits a
//! run of three minutes and a run of an hour. The *length* of an average is the standard deviation
//! of its profile divided by t, √((γ + 1) / (γ + 3)) / (γ + 2). A length of 0 is the last update
//! alone; 1/√12 = 0.289 is the plain mean. The update θ̂ ← θ̂ + (1 − (1 − 1/t)^{γ+1}) (θ − θ̂)
//! weighs every update by exactly the integral of p over its step.
//!
//! A run keeps averages of a few lengths and stores them at a few times. Any other average is
//! approximated by the linear combination of stored ones whose profile is nearest in the mean
//! square ([`combine`]). **Source** Karras, Aittala, Lehtinen, Hellsten, Aila & Laine, "Analyzing
//! and improving the training dynamics of diffusion models", 2024, section 3.
//!
//! Module `optimizer` updates the averages. Module `snapshot` of `store` stores them.

use karhunen_net::Parameters;

use crate::TrainError;

/// Shortest length: about two hundredths of the updates carry the average.
pub const SHORTEST: f64 = 0.005;
/// Longest length, just below the plain mean of the whole run, 1/√12.
pub const LONGEST: f64 = 0.28;
/// Averages kept in one run, at most.
pub const MOST: usize = 8;
/// Largest relative error of a combined profile that is accepted for the requested length.
pub const TOLERATED: f64 = 0.1;
/// Ridge added to the diagonal, relative: profiles of neighbouring times are almost linearly
/// dependent.
const RIDGE: f64 = 1e-12;

/// γ of a length: the inverse of √((γ + 1) / (γ + 3)) / (γ + 2), which falls from γ = 0 on.
pub fn exponent(length: f64) -> f64 {
    let of = |gamma: f64| ((gamma + 1.0) / (gamma + 3.0)).sqrt() / (gamma + 2.0);
    let (mut low, mut high) = (0.0, 2.0 / length);
    for _ in 0..100 {
        let middle = 0.5 * (low + high);
        if of(middle) > length { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

/// The weight of the newest weights in update `t` (from 1): 1 − (1 − 1/t)^{γ+1}.
pub fn share(length: f64, t: usize) -> f64 {
    -((exponent(length) + 1.0) * (-1.0 / t as f64).ln_1p()).exp_m1()
}

/// The length that a moving average of fixed `decay` has after `updates`. Files of the previous
/// format hold such averages.
pub(crate) fn length_of_decay(decay: f64, updates: usize) -> f64 {
    (1.0 / ((1.0 - decay) * updates.max(1) as f64)).clamp(SHORTEST, LONGEST)
}

/// Which average a file holds: its length, and the number of updates behind it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Profile {
    /// Length, relative to the updates.
    pub length: f64,
    /// Number of updates averaged.
    pub updates: usize,
}

impl Profile {
    /// ∫ p q dτ. With the earlier profile ending at s and the later one at t, it is (γ_p + 1)(γ_q +
    /// 1) (s/t)^{γ of the later} / ((γ_p + γ_q + 1) t).
    fn inner(&self, other: &Self) -> f64 {
        let (early, late) =
            if self.updates < other.updates { (self, other) } else { (other, self) };
        let (s, t) = (early.updates as f64, late.updates as f64);
        let (a, b) = (exponent(early.length), exponent(late.length));
        (a + 1.0) * (b + 1.0) * (s / t).powf(b) / ((a + b + 1.0) * t)
    }
}

/// The linear combination of stored averages that gives another one.
#[derive(Debug, Clone, PartialEq)]
pub struct Combination {
    /// One factor for each stored average.
    pub factors: Vec<f64>,
    /// Relative error of the profile, ‖Σ x p − q‖ / ‖q‖.
    pub error: f64,
}

/// The linear combination of `stored` averages nearest to `wanted`: min ‖Σ_i x_i p_i − q‖ in L²
/// with Σ_i x_i = 1.
///
/// The factors must sum to one because the averages of a run are nearly the same weights. A sum of
/// 0.99 would scale the network by 0.99, which changes it more than the averages differ. The
/// published method leaves the sum free.
///
/// If `wanted` is one of the stored averages, the result is exactly that average. **Cost** the cube
/// of their number.
///
/// # Example
/// ```
/// use karhunen_train::averages::{Profile, combine};
/// let at = |length| Profile { length, updates: 1000 };
/// let itself = combine(&[at(0.05), at(0.1)], &at(0.1));
/// assert_eq!((itself.factors, itself.error), (vec![0.0, 1.0], 0.0));
/// // a length between the two, both of the last step: the profile is 5.1 % off
/// let between = combine(&[at(0.05), at(0.1)], &at(0.07));
/// assert!((between.error - 0.051).abs() < 1e-3);
/// ```
pub fn combine(stored: &[Profile], wanted: &Profile) -> Combination {
    if let Some(at) = stored.iter().position(|p| p == wanted) {
        let factors = (0..stored.len()).map(|i| if i == at { 1.0 } else { 0.0 }).collect();
        return Combination { factors, error: 0.0 };
    }
    let right: Vec<f64> = stored.iter().map(|p| p.inner(wanted)).collect();
    let gram: Vec<Vec<f64>> =
        stored.iter().map(|p| stored.iter().map(|q| p.inner(q)).collect()).collect();
    let (free, ones) = (solve(&gram, right.clone()), solve(&gram, vec![1.0; stored.len()]));
    let multiplier = (1.0 - free.iter().sum::<f64>()) / ones.iter().sum::<f64>();
    let factors: Vec<f64> = free.iter().zip(&ones).map(|(x, u)| x + multiplier * u).collect();
    let whole = wanted.inner(wanted);
    let mixed: f64 = right.iter().zip(&factors).map(|(b, x)| b * x).sum();
    let own: f64 = (gram.iter().zip(&factors)).map(|(row, x)| x * dot(row, &factors)).sum();
    let error = ((whole - 2.0 * mixed + own) / whole).max(0.0).sqrt();
    Combination { factors, error }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Solves a symmetric positive definite system by Cholesky factors, its diagonal raised by
/// [`RIDGE`].
fn solve(gram: &[Vec<f64>], mut b: Vec<f64>) -> Vec<f64> {
    let mut a = gram.to_vec();
    let n = b.len();
    for j in 0..n {
        let pivot = (a[j][j] * (1.0 + RIDGE) - dot(&a[j][..j], &a[j][..j])).max(RIDGE * a[j][j]);
        a[j][j] = pivot.sqrt();
        for i in j + 1..n {
            let below = (a[i][j] - dot(&a[i][..j], &a[j][..j])) / a[j][j];
            a[i][j] = below;
        }
    }
    for i in 0..n {
        b[i] = (b[i] - dot(&a[i][..i], &b[..i])) / a[i][i];
    }
    for i in (0..n).rev() {
        let beyond: f64 = (i + 1..n).map(|k| a[k][i] * b[k]).sum();
        b[i] = (b[i] - beyond) / a[i][i];
    }
    b
}

/// Σ x_i θ_i, summed in f64.
///
/// # Errors
/// [`TrainError::Config`] if the arrays differ in name or shape.
pub fn mixed(stored: &[&Parameters], factors: &[f64]) -> Result<Parameters, TrainError> {
    let first = stored[0];
    let alike = |p: &&Parameters| {
        p.arrays.len() == first.arrays.len()
            && p.arrays
                .iter()
                .zip(&first.arrays)
                .all(|(a, b)| a.name == b.name && a.shape == b.shape)
    };
    if !stored.iter().all(alike) {
        return Err(TrainError::Config {
            place: "snapshots".into(),
            message: "hold arrays of another network; remove them to use the checkpoint alone"
                .into(),
        });
    }
    let mut out = first.clone();
    for (at, array) in out.arrays.iter_mut().enumerate() {
        let mut sum = vec![0.0f64; array.values.len()];
        for (parameters, factor) in stored.iter().zip(factors).filter(|(_, x)| **x != 0.0) {
            let values = &parameters.arrays[at].values;
            sum.iter_mut().zip(values).for_each(|(s, v)| *s += factor * f64::from(*v));
        }
        array.values.iter_mut().zip(sum).for_each(|(v, s)| *v = s as f32);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Weights of the updates 1…n in the average of a length: the recursion applied to unit
    /// vectors.
    fn weights(length: f64, n: usize) -> Vec<f64> {
        let mut weights = vec![0.0; n];
        for t in 1..=n {
            let taken = share(length, t);
            weights.iter_mut().for_each(|w| *w *= 1.0 - taken);
            weights[t - 1] += taken;
        }
        weights
    }

    #[test]
    fn lengths_and_exponents_are_inverse() {
        // γ = 6.94 and 16.97 for the paper's lengths 0.10 and 0.05; γ → 0 is the plain mean
        for (length, gamma) in [(0.10, 6.94), (0.05, 16.97), (1.0 / 12.0f64.sqrt(), 0.0)] {
            assert!((exponent(length) - gamma).abs() < 5e-3, "{}", exponent(length));
        }
        let mean = weights(1.0 / 12.0f64.sqrt(), 50);
        assert!(mean.iter().all(|w| (w - 0.02).abs() < 1e-9), "{mean:?}");
    }

    #[test]
    fn the_recursion_weighs_by_the_profile() {
        for length in [0.02, 0.1, 0.25] {
            let (n, power) = (400, exponent(length) + 1.0);
            let weights = weights(length, n);
            for (j, w) in weights.iter().enumerate() {
                let upto = |j: usize| (j as f64 / n as f64).powf(power);
                assert!((w - (upto(j + 1) - upto(j))).abs() < 1e-12);
            }
            // its standard deviation is the length, up to the half step of a sum
            let at = |j: usize| (j as f64 + 0.5) / n as f64;
            let mean: f64 = weights.iter().enumerate().map(|(j, w)| w * at(j)).sum();
            let variance: f64 =
                weights.iter().enumerate().map(|(j, w)| w * (at(j) - mean).powi(2)).sum();
            assert!((variance.sqrt() - length).abs() < 1e-3, "{length}: {}", variance.sqrt());
        }
    }

    #[test]
    fn what_is_combined_is_the_average_of_that_length() {
        let n = 800;
        // errors of NumPy's solution of the same problem, its constraint as one more row
        for (snapshots, lengths, wanted, expected) in [
            (4, vec![0.05, 0.1], 0.07, 0.034707),
            (8, vec![0.05, 0.1], 0.07, 0.013438),
            (16, vec![0.05, 0.1], 0.2, 0.023245),
            (8, vec![0.1], 0.085, 0.062338),
        ] {
            let times: Vec<usize> = (1..=snapshots).map(|i| n * i / snapshots).collect();
            let stored: Vec<Profile> = times
                .iter()
                .flat_map(|&updates| lengths.iter().map(move |&length| Profile { length, updates }))
                .collect();
            let found = combine(&stored, &Profile { length: wanted, updates: n });
            let mut made = vec![0.0; n];
            for (p, x) in stored.iter().zip(&found.factors) {
                weights(p.length, p.updates).iter().zip(&mut made).for_each(|(w, m)| *m += x * w);
            }
            let direct = weights(wanted, n);
            let norm = |v: &[f64]| dot(v, v).sqrt();
            let apart: Vec<f64> = made.iter().zip(&direct).map(|(a, b)| a - b).collect();
            let error = norm(&apart) / norm(&direct);
            // the sum over steps approximates the integral to a step's width
            assert!((error - found.error).abs() < 2e-3, "{error} {}", found.error);
            assert!((found.error - expected).abs() < 1e-5, "{wanted}: {}", found.error);
            let sum: f64 = found.factors.iter().sum();
            assert!((sum - 1.0).abs() < 1e-9, "{sum}");
        }
    }

    #[test]
    fn decays_have_lengths() {
        // 1 / ((1 − 0.999) 14 000)
        assert!((length_of_decay(0.999, 14_000) - 0.0714).abs() < 1e-4);
        assert_eq!(length_of_decay(0.999, 10), LONGEST);
    }
}
