//! The affine part at one time on one grid: of fields that are sampled together, and of all their modes.

use std::sync::Arc;

use super::{OnGrid, Preconditioner, Preconditioning, Scales, centred};

/// The affine part at one time on one grid, shared by fields that are sampled together.
#[derive(Debug)]
pub struct Evaluation<'a> {
    pub(super) known: &'a Preconditioner,
    pub(super) t: f64,
    pub(super) scales: Scales,
    pub(super) on: Arc<OnGrid>,
    /// w_k and the bounds on the network's part, `[channel, mode]`; used by the Wiener kind only.
    pub(super) weights: Vec<f64>,
    pub(super) bounds: Vec<f64>,
}

impl Evaluation<'_> {
    /// The same with base + W · gain · F instead of D: W = 1 is D as it was trained, W = 0 the base alone.
    ///
    /// A network that has not learned all that there is answers too little, because the answer with the least squared error
    /// is the mean over what it cannot tell apart. W a little above 1 makes up for it. It is guidance by a weaker
    /// denoiser, D + (W − 1)(D − base), where the weaker one is the base and costs nothing.
    ///
    /// **Source** Karras et al., "Guiding a diffusion model with a bad version of itself" (2024), with another weaker model.
    pub fn sharpened(mut self, sharpness: f64) -> Self {
        self.scales.gain *= sharpness;
        self
    }

    /// The network's input for one field `[channel, point]`.
    pub fn input(&self, x: &[f64]) -> Vec<f64> {
        self.known.input(x, self.t, &self.scales, &self.on)
    }

    /// D of one field `[channel, point]` from the network's answer to it. The answer is bounded in
    /// modes where little is unknown. Without the Wiener kind it is only made to vanish at the
    /// walls of Dirichlet axes.
    ///
    /// **Cost** three transforms a channel for the Wiener kind.
    pub fn denoised(&self, x: &[f64], mut answer: Vec<f64>) -> Vec<f64> {
        let (transform, a) = (self.on.transform(), self.known.path.signal(self.t));
        answer.iter_mut().for_each(|f| *f *= self.scales.gain);
        if self.known.kind != Preconditioning::Wiener {
            if self.on.walls {
                answer = transform.synthesise_channels(&transform.analyse_channels(&answer));
            }
            for ((f, x), m) in answer.iter_mut().zip(x).zip(self.on.mean()) {
                *f += match self.known.kind {
                    Preconditioning::None => x / a,
                    _ => m + self.scales.skip * (x - a * m),
                };
            }
            return answer;
        }
        let centred = centred(x, a, &self.on);
        let mut modes = transform.analyse_channels(&centred);
        let network = transform.analyse_channels(&answer);
        let filters = self.weights.iter().zip(&self.bounds);
        for ((x, f), (w, bound)) in modes.iter_mut().zip(network).zip(filters) {
            *x = w * *x + bound * f;
        }
        let mut denoised = transform.synthesise_channels(&modes);
        denoised.iter_mut().zip(self.on.mean()).for_each(|(d, m)| *d += m);
        denoised
    }

    /// The parts of ∂D* w for one field `[channel, point]`: that of the affine part, and the argument
    /// for the network's transposed derivative. The network's result times
    /// [`Evaluation::input_scale`] is the other part.
    pub fn pulled(&self, w: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let (transform, a) = (self.on.transform(), self.known.path.signal(self.t));
        let mut network: Vec<f64> = w.iter().map(|v| self.scales.gain * v).collect();
        if self.known.kind != Preconditioning::Wiener {
            if self.on.walls {
                network = transform.synthesise_channels(&transform.analyse_channels(&network));
            }
            let slope = match self.known.kind {
                Preconditioning::None => 1.0 / a,
                _ => self.scales.skip,
            };
            return (w.iter().map(|v| slope * v).collect(), network);
        }
        let modes = transform.analyse_channels(w);
        let times = |factors: &[f64]| {
            let product: Vec<f64> = modes.iter().zip(factors).map(|(m, f)| m * f).collect();
            transform.synthesise_channels(&product)
        };
        let gain = self.scales.gain;
        (times(&self.weights), times(&self.bounds).iter().map(|v| gain * v).collect())
    }

    /// Factor of a field before it enters the network.
    pub fn input_scale(&self) -> f64 {
        self.scales.input
    }
}
