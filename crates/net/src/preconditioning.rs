//! The part of the denoiser that is known before any training.
//!
//! Every network output F is read as D(x, t) = base(x, t) + gain(t) · F(input(x, t), t):
//!
//! | kind | base | gain | input |
//! |---|---|---|---|
//! | none (published) | x / a | b² / (a g) | x |
//! | scalar | m + a σ_d² / S · (x − a m) | √q c_out | (x − a m) / √S |
//! | Wiener | m + Σ_k a c_k / S_k · (x − a m)_k e_k | √q c_out | (x − a m) / √S |
//!
//! with S_k = a² c_k + b² λ_k, S = Σ S_k, v_k = c_k b² λ_k / S_k, c_out² = Σ v_k (Wiener) or
//! σ_d² b² σ_n² / S (scalar), σ_d² = Σ c_k, σ_n² = Σ λ_k, and g² the diffusion of the forward
//! process. The sums run over the modes of the *reference grid* (the finest training level),
//! whatever grid is evaluated: they are functions of t alone. With a zero output layer the Wiener
//! kind is exact on Gaussian data; what is left to learn is what is not Gaussian.
//!
//! q = a² σ_d² / S is the data's share of the variance of x; for the Wiener kind it may be the part of the
//! data's variance that its base explains ([`Share`]). As it vanishes, E[X₀ | x] becomes
//! linear in x and nothing is left for the network to say; the factor √q keeps what it says there
//! from mattering. With gain c_out alone an answer of 0.45 c_out at t = 0.96, outside the times
//! trained on, was twelve times the linear part. A factor q, which is the size of what is left (it is
//! of second order in a), learns more slowly where q is small: MNIST after 45 seconds has an energy
//! distance of 7.1 floors with it and of 4.7 with √q (`experiments/choices`, fitted prior).
//!
//! What the network adds cannot exceed what is unknown: the residual of mode k has variance at most
//! v_k. [`Evaluation::denoised`] therefore shrinks the network's answer by v_k / (v_k + δ v̄), with v̄
//! the mean of v_k over the reference modes: nothing where anything is left to learn, zero in modes
//! that data do not have (a conserved mean, the far tail of a smooth spectrum, what a nonlinearity
//! aliases beyond the trained band).
//!
//! The loss weighs the squared error of F by q, so that it is E‖D − X₀‖² / c_out², of unit scale at
//! every t; for the first kind the weight (b/g)² makes it the
//! published E‖(b/g) F + η‖².

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use karhunen_field::path::Path;
use karhunen_field::prior::Draws;
use karhunen_field::{Boundary, GaussianLaw, Grid, Prior, Transform};
use serde::{Deserialize, Serialize};

/// Which affine part stands before the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Preconditioning {
    /// The published parameterisation: the network is g Q∇log p.
    None,
    /// One number per time, from the point-wise variances of data and noise.
    Scalar,
    /// The best linear denoiser, mode by mode.
    Wiener,
}

/// What q is for the Wiener kind: how much of the data a noisy field tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Share {
    /// a² σ_d² / S, the data's share of the variance of x: what models of before have.
    Total,
    /// Σ c_k a² c_k / S_k / σ_d², the part of the data's variance that the best linear denoiser explains.
    /// It is the same where c_k / λ_k is. Where strong modes rise above the noise long before the data
    /// as a whole do, the network may speak as soon as they do.
    #[default]
    Explained,
}

/// Factors that depend on time alone.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scales {
    /// What F is multiplied with.
    pub gain: f64,
    /// What the centred field is multiplied with before it enters the network.
    pub input: f64,
    /// Weight of the squared error of F in the loss.
    pub weight: f64,
    /// Scalar filter a σ_d² / S; unused by the Wiener kind.
    skip: f64,
    /// δ v̄, below which a mode's variance counts as known; 0 without preconditioning.
    negligible: f64,
}

/// δ: modes whose unknown variance is this far below the average are left to the affine part.
const NEGLIGIBLE: f64 = 1e-3;

/// The affine denoiser and the scales around a network.
#[derive(Debug, Clone)]
pub struct Preconditioner {
    kind: Preconditioning,
    share: Share,
    path: Arc<dyn Path>,
    prior: Arc<dyn Prior>,
    law: GaussianLaw,
    grid: Grid,
    /// (c_k averaged over channels, λ_k) on the reference grid.
    reference: Arc<Vec<(f64, f64)>>,
    grids: Arc<Mutex<HashMap<String, Arc<OnGrid>>>>,
}

/// Tables of one grid.
#[derive(Debug)]
pub struct OnGrid {
    /// Noise, and the grid's transform.
    draws: Draws,
    /// Mean field, `[channel, point]`.
    mean: Vec<f64>,
    /// c_k, `[channel, mode]`.
    data: Vec<f64>,
    /// λ_k.
    noise: Vec<f64>,
    /// Whether fields vanish at the ends of an axis.
    walls: bool,
}

impl OnGrid {
    /// The noise of the path on this grid.
    pub fn draws(&self) -> &Draws {
        &self.draws
    }

    /// Between the values of this grid and their coefficients.
    pub fn transform(&self) -> &Transform {
        self.draws.transform()
    }
}

impl Preconditioner {
    /// From the data's law and the noise; `reference` is the finest training level's grid.
    pub fn new(
        kind: Preconditioning,
        path: Arc<dyn Path>,
        prior: Arc<dyn Prior>,
        law: GaussianLaw,
        reference: Grid,
    ) -> Self {
        let pairs = Arc::new(variances(&law, prior.as_ref(), &reference));
        let grids = Arc::default();
        let share = Share::Total;
        Self { kind, share, path, prior, law, grid: reference, reference: pairs, grids }
    }

    /// The same with another q.
    pub fn with_share(self, share: Share) -> Self {
        Self { share, ..self }
    }

    /// (c_k averaged over channels, λ_k) of the modes of a grid.
    pub fn variances(&self, grid: &Grid) -> Vec<(f64, f64)> {
        variances(&self.law, self.prior.as_ref(), grid)
    }

    /// Which kind this is.
    pub fn kind(&self) -> Preconditioning {
        self.kind
    }

    /// The Gaussian path.
    pub fn path(&self) -> &Arc<dyn Path> {
        &self.path
    }

    /// The covariance of the noise.
    pub fn prior(&self) -> &Arc<dyn Prior> {
        &self.prior
    }

    /// Mean and mode variances of the data.
    pub fn law(&self) -> &GaussianLaw {
        &self.law
    }

    /// The finest training level's grid.
    pub fn reference(&self) -> &Grid {
        &self.grid
    }

    /// Factors at time t. **Cost** one pass over the reference grid's modes.
    pub fn scales(&self, t: f64) -> Scales {
        let (a, b) = (self.path.signal(t), self.path.noise(t));
        if self.kind == Preconditioning::None {
            let g = self.path.diffusion(t).sqrt();
            return Scales {
                gain: b * b / (a * g),
                input: 1.0,
                weight: (b / g).powi(2),
                skip: 0.0,
                negligible: 0.0,
            };
        }
        let (a2, b2) = (a * a, b * b);
        let (mut sum, mut error, mut data, mut noise, mut explained) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for (c, lambda) in self.reference.iter() {
            let s = a2 * c + b2 * lambda;
            sum += s;
            error += if s > 0.0 { c * b2 * lambda / s } else { 0.0 };
            explained += if s > 0.0 { c * a2 * c / s } else { 0.0 };
            data += c;
            noise += lambda;
        }
        let negligible = NEGLIGIBLE * error / self.reference.len() as f64;
        if self.kind == Preconditioning::Scalar {
            error = data * b2 * noise / sum;
        }
        let share = match (self.kind, self.share) {
            (Preconditioning::Wiener, Share::Explained) => explained / data,
            _ => a2 * data / sum,
        };
        Scales {
            gain: (share * error).sqrt(),
            input: 1.0 / sum.sqrt(),
            weight: share,
            skip: a * data / sum,
            negligible,
        }
    }

    /// Everything that fields at time t on one grid have in common.
    pub fn at(&self, t: f64, grid: &Grid) -> Evaluation<'_> {
        let (scales, on) = (self.scales(t), self.on(grid));
        let (weights, bounds) = match self.kind {
            Preconditioning::Wiener => (self.weights(t, &on), self.bounds(t, &scales, &on)),
            _ => (Vec::new(), Vec::new()),
        };
        Evaluation { known: self, t, scales, on, weights, bounds }
    }

    /// w_k = a c_k / S_k, `[channel, mode]`.
    fn weights(&self, t: f64, on: &OnGrid) -> Vec<f64> {
        let (a, b2) = (self.path.signal(t), self.path.noise(t).powi(2));
        let of = |(c, lambda): (&f64, &f64)| {
            let s = a * a * c + b2 * lambda;
            if s > 0.0 { a * c / s } else { 0.0 }
        };
        on.data.iter().zip(on.noise.iter().cycle()).map(of).collect()
    }

    /// v_k / (v_k + δ v̄), `[channel, mode]`.
    fn bounds(&self, t: f64, scales: &Scales, on: &OnGrid) -> Vec<f64> {
        let (a2, b2) = (self.path.signal(t).powi(2), self.path.noise(t).powi(2));
        let of = |(c, lambda): (&f64, &f64)| {
            let s = a2 * c + b2 * lambda;
            let v = if s > 0.0 { c * b2 * lambda / s } else { 0.0 };
            if v > 0.0 { v / (v + scales.negligible) } else { 0.0 }
        };
        on.data.iter().zip(on.noise.iter().cycle()).map(of).collect()
    }

    /// Tables for a grid of the box, made once.
    pub fn on(&self, grid: &Grid) -> Arc<OnGrid> {
        let mut grids = self.grids.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let make = || {
            let draws = Draws::new(self.prior.as_ref(), *grid);
            let mean = draws.transform().synthesise_channels(&self.law.mean_modes(grid));
            let data = self.law.variances(grid);
            let noise = self.prior.eigenvalues(grid);
            let walls = grid.axes().iter().any(|a| a.boundary == Boundary::Dirichlet);
            Arc::new(OnGrid { draws, mean, data, noise, walls })
        };
        grids.entry(format!("{grid:?}")).or_insert_with(make).clone()
    }

    /// Base and input of one field `[channel, point]` at time t.
    pub fn split(&self, x: &[f64], t: f64, scales: &Scales, on: &OnGrid) -> (Vec<f64>, Vec<f64>) {
        let a = self.path.signal(t);
        if self.kind == Preconditioning::None {
            return (x.iter().map(|v| v / a).collect(), x.to_vec());
        }
        let mut centred = centred(x, a, on);
        let mut base = if self.kind == Preconditioning::Scalar {
            centred.iter().map(|v| scales.skip * v).collect()
        } else {
            let mut modes = on.transform().analyse_channels(&centred);
            modes.iter_mut().zip(self.weights(t, on)).for_each(|(x, w)| *x *= w);
            on.transform().synthesise_channels(&modes)
        };
        base.iter_mut().zip(&on.mean).for_each(|(d, m)| *d += m);
        centred.iter_mut().for_each(|v| *v *= scales.input);
        (base, centred)
    }

    /// The Wiener denoiser at one time on one grid, whatever the kind.
    pub fn wiener(&self, t: f64, on: &OnGrid) -> Wiener {
        let mean = self.law.mean_modes(on.transform().grid());
        Wiener { a: self.path.signal(t), weights: self.weights(t, on), mean }
    }
}

/// (c_k averaged over channels, λ_k).
fn variances(law: &GaussianLaw, prior: &dyn Prior, grid: &Grid) -> Vec<(f64, f64)> {
    let (data, noise) = (law.variances(grid), prior.eigenvalues(grid));
    let (modes, channels) = (noise.len(), law.channels() as f64);
    let mean = |k: usize| data.iter().skip(k).step_by(modes).sum::<f64>() / channels;
    (0..modes).map(|k| (mean(k), noise[k])).collect()
}

/// m_k + w_k (x_k − a m_k).
#[derive(Debug)]
pub struct Wiener {
    a: f64,
    /// `[channel, mode]`.
    weights: Vec<f64>,
    mean: Vec<f64>,
}

impl Wiener {
    /// Coefficients of the denoised field from those of a field, both `[channel, mode]`.
    pub fn denoised(&self, modes: &[f64]) -> Vec<f64> {
        let affine = modes.iter().zip(&self.mean).zip(&self.weights);
        affine.map(|((x, m), w)| m + w * (x - self.a * m)).collect()
    }
}

impl Wiener {
    /// w_k times coefficients: the derivative, which is its own transpose.
    pub fn pulled(&self, modes: &[f64]) -> Vec<f64> {
        modes.iter().zip(&self.weights).map(|(m, w)| m * w).collect()
    }
}

/// x − a m.
fn centred(x: &[f64], a: f64, on: &OnGrid) -> Vec<f64> {
    x.iter().zip(&on.mean).map(|(v, m)| v - a * m).collect()
}

/// The affine part at one time on one grid: what fields sampled together share.
#[derive(Debug)]
pub struct Evaluation<'a> {
    known: &'a Preconditioner,
    t: f64,
    scales: Scales,
    on: Arc<OnGrid>,
    /// w_k and the bounds of what the network adds, `[channel, mode]`; the Wiener kind's alone.
    weights: Vec<f64>,
    bounds: Vec<f64>,
}

impl Evaluation<'_> {
    /// What the network sees of one field `[channel, point]`.
    pub fn input(&self, x: &[f64]) -> Vec<f64> {
        if self.known.kind == Preconditioning::None {
            return x.to_vec();
        }
        let mut input = centred(x, self.known.path.signal(self.t), &self.on);
        input.iter_mut().for_each(|v| *v *= self.scales.input);
        input
    }

    /// D of one field `[channel, point]` from the network's answer to it, bounded where little is
    /// unknown; without the Wiener kind the answer is only taken to the walls of Dirichlet axes,
    /// where fields vanish.
    ///
    /// **Cost** three transforms a channel for the Wiener kind.
    pub fn denoised(&self, x: &[f64], mut answer: Vec<f64>) -> Vec<f64> {
        let (transform, a) = (self.on.transform(), self.known.path.signal(self.t));
        answer.iter_mut().for_each(|f| *f *= self.scales.gain);
        if self.known.kind != Preconditioning::Wiener {
            if self.on.walls {
                answer = transform.synthesise_channels(&transform.analyse_channels(&answer));
            }
            for ((f, x), m) in answer.iter_mut().zip(x).zip(&self.on.mean) {
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
        denoised.iter_mut().zip(&self.on.mean).for_each(|(d, m)| *d += m);
        denoised
    }

    /// Of ∂D* w for one field `[channel, point]`: the affine part's share, and what the network's transposed
    /// derivative is applied to; its answer times [`Evaluation::input_scale`] is the other share.
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

    /// What a field is multiplied with before the network sees it.
    pub fn input_scale(&self) -> f64 {
        self.scales.input
    }
}
