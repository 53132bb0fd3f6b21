//! Preconditioning: the affine part of the denoiser, which is known before any training.
//!
//! A network's output F gives the denoiser D(x, t) = base(x, t) + gain(t) · F(input(x, t), t):
//!
//! | kind | base | gain | input |
//! |---|---|---|---|
//! | none (published) | x / a | b² / (a g) | x |
//! | scalar | m + a σ_d² / S · (x − a m) | √q c_out | (x − a m) / √S |
//! | Wiener | m + Σ_k a c_k / S_k · (x − a m)_k e_k | √q c_out | (x − a m) / √S |
//!
//! Here S_k = a² c_k + b² λ_k, S = Σ S_k, v_k = c_k b² λ_k / S_k, σ_d² = Σ c_k and σ_n² = Σ λ_k.
//! c_out² is Σ v_k (Wiener) or σ_d² b² σ_n² / S (scalar), and g² is the diffusion of the forward
//! process. The sums run over the modes of the *reference grid* (the finest training level),
//! whatever grid is evaluated, so they depend on t alone. With a zero output layer the Wiener kind
//! is exact on Gaussian data. The network only has to learn the non-Gaussian part.
//!
//! **The factor √q.** q = a² σ_d² / S is the data's share of the variance of x. For the Wiener kind
//! it may instead be the part of the data's variance that the base explains ([`Share`]). As q
//! vanishes, E[X₀ | x] becomes linear in x and nothing remains for the network to add. The factor
//! √q keeps errors of the network small there. With gain c_out alone, an answer of 0.45 c_out at
//! t = 0.96, outside the trained times, was twelve times the linear part. The remaining part is of
//! second order in a, so a factor q would match its size, but it learns more slowly where q is
//! small. After 45 seconds of MNIST the energy distance is 7.1 floors with q and 4.7 with √q
//! (`experiments/choices`, fitted prior); the floor is the distance between sets of real fields.
//!
//! **The bound.** The network cannot add more than is unknown: the residual of mode k has variance
//! at most v_k. [`Evaluation::denoised`] therefore multiplies the network's answer by v_k / (v_k +
//! δ v̄), where v̄ is the mean of v_k over the reference modes. This changes nothing in modes where
//! something is left to learn. It gives zero in modes that the data do not have: a conserved mean,
//! the far tail of a smooth spectrum, and the aliases of a nonlinearity beyond the trained band.
//!
//! **A distilled model** is evaluated at a few times only. Its base is the probability flow of N(m, C) from one of
//! them to the next ([`law::OnGrid::jump`]), and its gain c_out = √Σ v_k: already at the first time a whole field has
//! to be added, not its part that x tells ([`Preconditioner::with_jumps`]).
//!
//! **The loss** weighs the squared error of F by q. It is then E‖D − X₀‖² / c_out², of unit scale
//! at every t. For the first kind the weight (b/g)² gives the published E‖(b/g) F + η‖².

mod evaluation;

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use karhunen_field::law;

use karhunen_field::path::Path;

use karhunen_field::prior::Draws;

use karhunen_field::{Boundary, GaussianLaw, Grid, Prior, Scalar, Tables, Transform};

use serde::{Deserialize, Serialize};

pub use evaluation::Evaluation;

/// The affine part around the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Preconditioning {
    /// The published parameterisation: the network's output is g Q∇log p.
    None,
    /// One number per time, from the point-wise variances of data and noise.
    Scalar,
    /// The best linear denoiser, mode by mode.
    Wiener,
}

/// The definition of q for the Wiener kind: how much a noisy field tells about the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Share {
    /// a² σ_d² / S, the data's share of the variance of x, as in older models.
    Total,
    /// Σ c_k a² c_k / S_k / σ_d², the part of the data's variance that the best linear denoiser
    /// explains. Both definitions agree if c_k / λ_k is the same for all modes. Strong modes may
    /// rise above the noise long before the data as a whole do. With this q the network contributes
    /// as soon as they do.
    #[default]
    Explained,
}

/// Factors that depend on time alone.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scales {
    /// Factor of F.
    pub gain: f64,
    /// Factor of the centred field before it enters the network.
    pub input: f64,
    /// Weight of the squared error of F in the loss.
    pub weight: f64,
    /// Scalar filter a σ_d² / S; unused by the Wiener kind.
    skip: f64,
    /// δ v̄. Modes with a smaller variance count as known. 0 without preconditioning.
    negligible: f64,
}

/// δ. Modes whose unknown variance is this far below the average are left to the affine part.
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
    /// Times of the evaluations of a distilled model, the first one highest; empty for a denoiser.
    jumps: Arc<[f64]>,
    tables: Tables,
}

/// What a preconditioner knows of one grid: law and noise in its modes, and what draws noise on it.
#[derive(Debug)]
pub struct OnGrid {
    frame: Arc<law::OnGrid>,
    prior: Arc<dyn Prior>,
    draws: OnceLock<Draws>,
    /// Mean field, `[channel, point]`.
    mean: OnceLock<Vec<f64>>,
    /// Whether fields vanish at the ends of some axis.
    walls: bool,
}

impl OnGrid {
    /// The noise of the path on this grid.
    pub fn draws(&self) -> &Draws {
        self.draws.get_or_init(|| Draws::on(self.prior.as_ref(), self.frame.transform.clone()))
    }

    /// Mean field, `[channel, point]`.
    fn mean(&self) -> &[f64] {
        self.mean.get_or_init(|| self.frame.transform.synthesise_channels(&self.frame.mean))
    }

    /// The transform between values on this grid and their coefficients.
    pub fn transform(&self) -> &Transform {
        &self.frame.transform
    }

    /// Law and noise in the grid's modes.
    pub fn frame(&self) -> &law::OnGrid {
        &self.frame
    }
}

impl Preconditioner {
    /// From the data's law and the noise. `reference` is the grid of the finest training level.
    pub fn new(
        kind: Preconditioning,
        path: Arc<dyn Path>,
        prior: Arc<dyn Prior>,
        law: GaussianLaw,
        reference: Grid,
    ) -> Self {
        let pairs = Arc::new(variances(&law, prior.as_ref(), &reference));
        let (share, jumps, tables) = (Share::Total, Arc::from([]), Tables::default());
        Self { kind, share, path, prior, law, grid: reference, reference: pairs, jumps, tables }
    }

    /// The same preconditioner with another q.
    pub fn with_share(self, share: Share) -> Self {
        Self { share, ..self }
    }

    /// The affine part of a distilled model that is evaluated at these falling times alone. Its base is the probability
    /// flow of N(m, C) from each time to the next one, the last to the clean field ([`law::OnGrid::jump`]), its gain
    /// √Σ v_k, and its weight 1.
    pub fn with_jumps(self, times: &[f64]) -> Self {
        Self { jumps: times.into(), ..self }
    }

    /// Times of the evaluations of a distilled model; empty for a denoiser.
    pub fn jumps(&self) -> &[f64] {
        &self.jumps
    }

    /// w_k of the base m_k + w_k (x_k − a m_k) of some of `[channel, mode]`, one after another: those of the best linear
    /// denoiser, or of a distilled model's flow.
    pub fn weights<'a, S: Scalar>(
        &self,
        frame: &'a law::OnGrid<S>,
        t: f64,
        of: Range<usize>,
    ) -> Box<dyn Iterator<Item = f64> + 'a> {
        let path = self.path.as_ref();
        if self.jumps.is_empty() {
            return Box::new(frame.weights(path, t, of));
        }
        let next = self.jumps.iter().copied().find(|s| *s < t);
        Box::new(frame.jump(path, t, next, of))
    }

    /// The same of all.
    fn all_weights(&self, t: f64, on: &OnGrid) -> Vec<f64> {
        self.weights(on.frame(), t, 0..on.frame.mean.len()).collect()
    }

    /// (c_k averaged over channels, λ_k) of the modes of a grid.
    pub fn variances(&self, grid: &Grid) -> Vec<(f64, f64)> {
        variances(&self.law, self.prior.as_ref(), grid)
    }

    /// The kind of the affine part.
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

    /// The grid of the finest training level.
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
        if !self.jumps.is_empty() {
            let (gain, input) = (error.sqrt(), 1.0 / sum.sqrt());
            return Scales { gain, input, weight: 1.0, skip: 0.0, negligible };
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

    /// The quantities that all fields at time t on one grid share.
    pub fn at(&self, t: f64, grid: &Grid) -> Evaluation<'_> {
        let (scales, on) = (self.scales(t), self.on(grid));
        let (weights, bounds) = match self.kind {
            Preconditioning::Wiener => (self.all_weights(t, &on), self.bounds(t, &scales, &on)),
            _ => (Vec::new(), Vec::new()),
        };
        Evaluation { known: self, t, scales, on, weights, bounds }
    }

    /// v_k / (v_k + δ v̄), `[channel, mode]`.
    fn bounds(&self, t: f64, scales: &Scales, on: &OnGrid) -> Vec<f64> {
        let (a2, b2) = (self.path.signal(t).powi(2), self.path.noise(t).powi(2));
        let of = |(c, lambda): (&f64, &f64)| {
            let s = a2 * c + b2 * lambda;
            let v = if s > 0.0 { c * b2 * lambda / s } else { 0.0 };
            if v > 0.0 { v / (v + scales.negligible) } else { 0.0 }
        };
        on.frame.variances.iter().zip(&on.frame.eigenvalues).map(of).collect()
    }

    /// Tables for a grid of the box, computed once.
    pub fn on(&self, grid: &Grid) -> Arc<OnGrid> {
        let frame = self.frame(grid);
        self.tables.get(grid, || {
            let walls = grid.axes().iter().any(|a| a.boundary == Boundary::Dirichlet);
            let prior = Arc::clone(&self.prior);
            OnGrid { frame, prior, draws: OnceLock::new(), mean: OnceLock::new(), walls }
        })
    }

    /// Law and noise in the modes of a grid of the box, in the precision in which a sampler keeps them, computed
    /// once.
    pub fn frame<S: Scalar>(&self, grid: &Grid) -> Arc<law::OnGrid<S>> {
        self.tables.get(grid, || law::OnGrid::new(*grid, &self.law, self.prior.as_ref()))
    }

    /// Where tables of law and noise are kept ([`Preconditioner::frame`]).
    pub fn tables(&self) -> &Tables {
        &self.tables
    }

    /// The network's input for one field `[channel, point]` at time t: (x − a m) / √S, or x itself without
    /// preconditioning.
    pub fn input(&self, x: &[f64], t: f64, scales: &Scales, on: &OnGrid) -> Vec<f64> {
        if self.kind == Preconditioning::None {
            return x.to_vec();
        }
        let mut input = centred(x, self.path.signal(t), on);
        input.iter_mut().for_each(|v| *v *= scales.input);
        input
    }

    /// The base of one field `[channel, point]` at time t, without a network.
    pub fn base(&self, x: &[f64], t: f64, scales: &Scales, on: &OnGrid) -> Vec<f64> {
        let a = self.path.signal(t);
        if self.kind == Preconditioning::None {
            return x.iter().map(|v| v / a).collect();
        }
        self.base_of(&centred(x, a, on), t, scales, on)
    }

    /// Base and input of one field, as [`Self::base`] and [`Self::input`] give them.
    pub fn both(&self, x: &[f64], t: f64, scales: &Scales, on: &OnGrid) -> (Vec<f64>, Vec<f64>) {
        if self.kind == Preconditioning::None {
            return (self.base(x, t, scales, on), x.to_vec());
        }
        let mut centred = centred(x, self.path.signal(t), on);
        let base = self.base_of(&centred, t, scales, on);
        centred.iter_mut().for_each(|v| *v *= scales.input);
        (base, centred)
    }

    /// The base of a centred field.
    fn base_of(&self, centred: &[f64], t: f64, scales: &Scales, on: &OnGrid) -> Vec<f64> {
        let mut base: Vec<f64> = if self.kind == Preconditioning::Scalar {
            centred.iter().map(|v| scales.skip * v).collect()
        } else {
            let mut modes = on.transform().analyse_channels(centred);
            let weights = self.all_weights(t, on);
            modes.iter_mut().zip(weights).for_each(|(x, w)| *x *= w);
            on.transform().synthesise_channels(&modes)
        };
        base.iter_mut().zip(on.mean()).for_each(|(d, m)| *d += m);
        base
    }
}

/// (c_k averaged over channels, λ_k).
fn variances(law: &GaussianLaw, prior: &dyn Prior, grid: &Grid) -> Vec<(f64, f64)> {
    let (data, noise) = (law.variances(grid), prior.eigenvalues(grid));
    let (modes, channels) = (noise.len(), law.channels() as f64);
    let mean = |k: usize| data.iter().skip(k).step_by(modes).sum::<f64>() / channels;
    (0..modes).map(|k| (mean(k), noise[k])).collect()
}

/// x − a m.
fn centred(x: &[f64], a: f64, on: &OnGrid) -> Vec<f64> {
    x.iter().zip(on.mean()).map(|(v, m)| v - a * m).collect()
}
