//! Noise of finite rank with random weights, the "FNO prior" of the literature.
//!
//! It is one spectral convolution with random weights, applied to white noise, so only the lowest
//! modes remain. The weights are part of the model: they depend on (seed, k) and not on a grid. The
//! half-plane window of the published code on a DFT grid is [`super::PixelMultiplier::window`].

use serde::{Deserialize, Serialize};

use super::positive;
use crate::{FieldError, Mode, ModeNoise, Prior, noise::stream};

/// Wave numbers share one 64-bit address, with 21 bits an axis including the sign.
const BITS: u32 = 21;

/// λ_k = scale² |w_k|² for |k|_∞ ≤ K and 0 beyond, w_k = 0.2 + 0.8 (U₁ + i U₂).
///
/// U₁ and U₂ are uniform on [0, 1) and determined by (`seed`, k). Of periodic axes k and −k share
/// them. K is `cutoff`. **Normalisation** E|w_k|² = 47/75, between 0.04 and 1.64.
///
/// **Choosing** This prior has no noise beyond K. Data with power there cannot be reached from it.
/// Prefer a prior of full rank, or combine this one with such a prior ([`super::Combined`]).
///
/// **Source** Hagemann et al., arXiv 2303.04772, section 5; weights as in the authors' code.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Parameters")]
pub struct Truncated {
    seed: u64,
    cutoff: u32,
    scale: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    seed: u64,
    cutoff: u32,
    scale: f64,
}

impl TryFrom<Parameters> for Truncated {
    type Error = FieldError;
    fn try_from(p: Parameters) -> Result<Self, FieldError> {
        Self::new(p.seed, p.cutoff, p.scale)
    }
}

impl Truncated {
    /// Weights of a seed on the modes |k|_∞ ≤ `cutoff`.
    ///
    /// # Errors
    /// [`FieldError::Parameter`] unless `scale` is positive and `cutoff` below 2²⁰.
    pub fn new(seed: u64, cutoff: u32, scale: f64) -> Result<Self, FieldError> {
        if cutoff >= 1 << (BITS - 1) {
            return Err(FieldError::Parameter {
                parameter: "cutoff",
                value: f64::from(cutoff),
                requirement: "it must be below 2^20",
            });
        }
        Ok(Self { seed, cutoff, scale: positive("scale", scale)? })
    }
}

impl Prior for Truncated {
    fn eigenvalue(&self, mode: &Mode) -> f64 {
        let wave = mode.pair_wave();
        if wave.iter().any(|k| k.unsigned_abs() > self.cutoff) {
            return 0.0;
        }
        let address = wave.iter().fold(0u64, |address, &k| {
            let folded = if k > 0 { 2 * k - 1 } else { -2 * k };
            address << BITS | folded as u64
        });
        let u = ModeNoise::new(self.seed).uniforms(2, address, stream::PRIOR);
        let (re, im) = (0.2 + 0.8 * u[0], 0.8 * u[1]);
        self.scale * self.scale * (re * re + im * im)
    }
}
