//! Conversions between the denoised data and score, noise and velocity predictions.
//!
//! Each quantity is affine in the state and the denoised state: y = p(t) x + q(t) D. In exact
//! arithmetic all are equivalent. The choice of what a network predicts decides where its errors
//! are amplified: D = (x − b ε)/a divides by a(T) = 0.0066. The samplers here are therefore written
//! in terms of D.

use serde::{Deserialize, Serialize};

use crate::path::Path;

/// A quantity that determines D(x, t) and is determined by it.
///
/// # Example
/// ```
/// use karhunen_field::{denoiser::Prediction, path::{Path, VariancePreserving}};
/// let path = VariancePreserving::default();
/// let (a, b) = (path.signal(0.5), path.noise(0.5));
/// let x = [a * 3.0 + b * 2.0]; // data 3, noise 2
/// let noise = Prediction::Noise.predicted(&path, 0.5, &x, &[3.0]);
/// assert!((noise[0] - 2.0).abs() < 1e-14);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Prediction {
    /// D = E[X₀ | X_t = x] itself.
    Data,
    /// E[η | X_t = x] = (x − a D)/b.
    Noise,
    /// Q∇log p_t(x) = (a D − x)/b², already multiplied by Q.
    Score,
    /// Right-hand side of the probability flow, ẋ = (ḃ/b) x + (ȧ − a ḃ/b) D.
    Velocity,
}

impl Prediction {
    /// The factors (p, q) of y = p x + q D at a time with b(t) > 0.
    pub fn factors(self, path: &dyn Path, t: f64) -> (f64, f64) {
        let (a, b) = (path.signal(t), path.noise(t));
        match self {
            Prediction::Data => (0.0, 1.0),
            Prediction::Noise => (1.0 / b, -a / b),
            Prediction::Score => (-1.0 / (b * b), a / (b * b)),
            Prediction::Velocity => {
                let rate = path.noise_rate(t) / b;
                (rate, path.signal_rate(t) - a * rate)
            }
        }
    }

    /// This quantity from point values (or modes) `x` and their denoised values.
    ///
    /// # Panics
    /// Unless the slices are equally long.
    pub fn predicted(self, path: &dyn Path, t: f64, x: &[f64], denoised: &[f64]) -> Vec<f64> {
        assert_eq!(x.len(), denoised.len(), "values and their denoised values");
        let (p, q) = self.factors(path, t);
        x.iter().zip(denoised).map(|(x, d)| p * x + q * d).collect()
    }

    /// The denoised values from `x` and this quantity: the inverse of [`Prediction::predicted`].
    ///
    /// # Panics
    /// Unless the slices are equally long.
    pub fn denoised(self, path: &dyn Path, t: f64, x: &[f64], predicted: &[f64]) -> Vec<f64> {
        assert_eq!(x.len(), predicted.len(), "values and what was predicted from them");
        let (p, q) = self.factors(path, t);
        x.iter().zip(predicted).map(|(x, y)| (y - p * x) / q).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::VariancePreserving;

    const ALL: [Prediction; 4] =
        [Prediction::Data, Prediction::Noise, Prediction::Score, Prediction::Velocity];

    #[test]
    fn conversions_invert_one_another() {
        let path = VariancePreserving::default();
        let (x, d) = ([0.3, -2.0, 1e3], [1.5, 0.0, -7.0]);
        for prediction in ALL {
            for t in [1e-3, 0.2, 1.0] {
                let y = prediction.predicted(&path, t, &x, &d);
                let back = prediction.denoised(&path, t, &x, &y);
                // a(T) = 0.0066 loses five digits where noise is predicted
                assert!(d.iter().zip(&back).all(|(d, b)| (d - b).abs() < 1e-9), "{prediction:?}");
            }
        }
    }

    /// f x − ½ g² score: the other textbook form of the probability flow.
    #[test]
    fn velocity_is_half_the_score_against_the_drift() {
        let path = VariancePreserving::default();
        let (x, d) = ([0.7], [-0.4]);
        for t in [1e-3, 0.1, 0.6, 1.0] {
            let score = Prediction::Score.predicted(&path, t, &x, &d)[0];
            let velocity = Prediction::Velocity.predicted(&path, t, &x, &d)[0];
            let other = path.drift(t) * x[0] - 0.5 * path.diffusion(t) * score;
            assert!((velocity - other).abs() < 1e-11 * (1.0 + velocity.abs()), "{t}");
        }
    }
}
