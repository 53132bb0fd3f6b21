//! Likelihood of a function under a denoiser, relative to a Gaussian law.
//!
//! Functions have no density, because function space has no flat measure. Two laws of functions may
//! have a density relative to each other. Here the reference is the data's Gaussian law N(m, C):
//!
//! > ℓ(x) = ln dP/dN(m, C) (x), in nats.
//!
//! If ℓ is positive, the denoiser's law P expects x more than the Gaussian law does. Both laws are
//! taken under the noise of the path's first time, where the samplers end: x = a X₀ + b η.
//!
//! S_k = a² c_k + b² λ_k are the variances of the Gaussian law under noise. Under that law y_k =
//! (x_k − a m_k) / √S_k is standard normal at every time, and its own probability flow keeps y
//! constant. Let D be the denoiser and D_W the Wiener denoiser, which belongs to N(m, C). Let
//! ν = ln(a/b) and r_k = (D − D_W)_k / √S_k. The probability flow of P is
//!
//! > dy/dν = a r,
//!
//! The flow runs from the first time to the last, where the two laws agree. Along it
//!
//! > ℓ(x) = ½ |y(first)|² − ½ |y(last)|² + ∫ a tr ∂(D − D_W) dν.
//!
//! At the last time T a difference of the means would remain, times a(T). The data's own Gaussian
//! law has the same mean as the data. Only D − D_W enters. A denoiser that equals the Wiener
//! denoiser beyond its trained modes adds nothing there, so ℓ has a limit when the grid is refined.
//!
//! The trace is a sum over all modes, or Hutchinson's estimate zᵀ ∂(D − D_W) z with random signs z.
//!
//! **Source** Song et al., "Score-based generative modeling through stochastic differential equations" (2021),
//! appendix D, for the probability flow; Bogachev, "Gaussian measures" (1998), chapter 2, for densities.

use crate::denoiser::{Denoiser, wiener_weight};
use crate::law::OnGrid;
use crate::noise::stream;
use crate::path::Path;
use crate::{Ensemble, FieldError, GaussianLaw, ModeNoise, Prior};

/// Method for the trace of a derivative.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trace {
    /// Mode by mode: exact, at the cost of one derivative for each mode.
    Exact,
    /// By one vector of random signs for each repetition.
    Signs,
}

/// The ingredients of ln dP/dN(m, C).
pub struct Likelihood<'a> {
    /// a(t), b(t).
    pub path: &'a dyn Path,
    /// Q of the path's noise.
    pub prior: &'a dyn Prior,
    /// N(m, C).
    pub law: &'a GaussianLaw,
    /// D(x, t), with its derivative.
    pub denoiser: &'a dyn Denoiser,
    /// Steps of Heun's method, equal in ln(a/b). Each takes two evaluations of D and of its
    /// derivative.
    pub steps: usize,
    /// Method for traces.
    pub trace: Trace,
    /// Independent repetitions for each field, each with its own noise η and signs z.
    pub repetitions: usize,
    /// Seed of noise and signs.
    pub seed: u64,
}

/// ln dP/dN(m, C) of one field.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LogDensity {
    /// Mean over the repetitions, in nats.
    pub value: f64,
    /// Its standard error; `None` for a single repetition.
    pub error: Option<f64>,
}

impl Likelihood<'_> {
    /// ℓ of every field. Field i has the noise and the signs of index `first_index + i`.
    ///
    /// `observe(done, steps)` is called after every step.
    ///
    /// **Cost** 2 · steps · repetitions evaluations of D and of its derivative for each field. With
    /// [`Trace::Exact`] the number of derivatives is multiplied by the number of modes.
    ///
    /// # Errors
    /// [`FieldError::TooFew`] without steps or repetitions; [`FieldError::NoDerivative`] for a
    /// denoiser without a derivative; [`FieldError::NonFinite`] for an answer that is not finite;
    /// any error of the denoiser.
    ///
    /// # Example
    /// On Gaussian data the denoiser is the Wiener denoiser, so ℓ is 0.
    /// ```
    /// use std::sync::Arc;
    /// use karhunen_field::denoiser::Gaussian;
    /// use karhunen_field::likelihood::{Likelihood, Trace};
    /// use karhunen_field::{Boundary, GaussianLaw, Grid, VariancePreserving, prior::Matern};
    /// let grid = Grid::unit(&[12], Boundary::Neumann)?;
    /// let (q, path) = (Arc::new(Matern::new(1.0, 0.2, 1.5)?), Arc::new(VariancePreserving::default()));
    /// let law = GaussianLaw::centred(grid, Arc::new(Matern::new(1.0, 0.4, 2.5)?), 1);
    /// let denoiser = Gaussian::new(law.clone(), q.clone(), path.clone());
    /// let likelihood = Likelihood {
    ///     path: &*path, prior: &*q, law: &law, denoiser: &denoiser,
    ///     steps: 10, trace: Trace::Signs, repetitions: 2, seed: 1,
    /// };
    /// let found = likelihood.of(&law.sample(grid, 5, 0..3, 0), 0, &mut |_, _| {})?;
    /// assert!(found.iter().all(|l| l.value.abs() < 1e-9));
    /// # Ok::<(), karhunen_field::FieldError>(())
    /// ```
    pub fn of(
        &self,
        fields: &Ensemble,
        first_index: u64,
        observe: &mut dyn FnMut(usize, usize),
    ) -> Result<Vec<LogDensity>, FieldError> {
        let too_few = |what, count| Err(FieldError::TooFew { what, least: 1, count });
        if self.steps == 0 {
            return too_few("steps of a probability flow", 0);
        }
        if self.repetitions == 0 {
            return too_few("repetitions of a likelihood", 0);
        }
        self.law.check(fields)?;
        let tables: OnGrid = OnGrid::new(fields.grid, self.law, self.prior);
        let (a, b) = (self.path.signal(self.path.end()), self.path.noise(self.path.end()));
        let each = fields.channels * fields.grid.mode_count();
        let noise = ModeNoise::new(self.seed);
        let (mut x, mut signs) = (Vec::new(), Vec::new());
        for (index, field) in (first_index..).zip(fields.fields()) {
            let clean = tables.transform.analyse_channels(field);
            for repetition in 0..self.repetitions as u32 {
                let stream = stream::LIKELIHOOD + 2 * repetition;
                let eta = (0..fields.channels)
                    .flat_map(|channel| noise.normals(&fields.grid, index, stream, channel));
                let pairs = clean.iter().zip(eta).zip(&tables.eigenvalues);
                x.extend(pairs.map(|((c, eta), lambda)| a * c + b * lambda.sqrt() * eta));
                // signs are drawn for modes by their position, so that they are the same on every
                // grid
                let of_modes = (0..fields.channels)
                    .flat_map(|channel| noise.normals(&fields.grid, index, stream + 1, channel));
                signs.extend(of_modes.map(f64::signum));
            }
        }
        let signs = match self.trace {
            Trace::Exact => None,
            Trace::Signs => Some(&signs[..]),
        };
        let found = self.flow(&tables, fields, x, (each, signs), observe)?;
        let n = self.repetitions as f64;
        Ok(found
            .chunks_exact(self.repetitions)
            .map(|own| {
                let mean = own.iter().sum::<f64>() / n;
                let squares: f64 = own.iter().map(|v| (v - mean).powi(2)).sum();
                let error = (own.len() > 1).then(|| (squares / (n - 1.0) / n).sqrt());
                LogDensity { value: mean, error }
            })
            .collect())
    }

    /// ℓ of fields given by their modes x at the path's first time, `[field, channel, mode]`.
    fn flow(
        &self,
        tables: &OnGrid,
        like: &Ensemble,
        x: Vec<f64>,
        (each, signs): (usize, Option<&[f64]>),
        observe: &mut dyn FnMut(usize, usize),
    ) -> Result<Vec<f64>, FieldError> {
        let half = |t: f64| 0.5 * self.path.log_snr(t);
        let (first, last) = (half(self.path.end()), half(self.path.start()));
        let step = (last - first) / self.steps as f64;
        let time = |i: usize| match i {
            0 => self.path.end(),
            i if i == self.steps => self.path.start(),
            i => self.path.time_of_log_snr(2.0 * (first + step * i as f64)),
        };
        let mut now = At::new(self.path, tables, time(0));
        let mut y = now.whitened(&x, &tables.mean);
        let mut found: Vec<f64> = energies(&y, each).collect();
        for i in 0..self.steps {
            let next = At::new(self.path, tables, time(i + 1));
            let here = self.slope(tables, like, &y, &now, (each, signs), i)?;
            let there: Vec<f64> = y.iter().zip(&here.along).map(|(y, a)| y + step * a).collect();
            let there = self.slope(tables, like, &there, &next, (each, signs), i + 1)?;
            for (y, (one, other)) in y.iter_mut().zip(here.along.iter().zip(&there.along)) {
                *y += 0.5 * step * (one + other);
            }
            for (l, (one, other)) in found.iter_mut().zip(here.traces.iter().zip(&there.traces)) {
                *l += 0.5 * step * (one + other);
            }
            now = next;
            observe(i + 1, self.steps);
        }
        found.iter_mut().zip(energies(&y, each)).for_each(|(l, e)| *l -= e);
        Ok(found)
    }

    /// a r and a tr ∂(D − D_W) of every field at y.
    fn slope(
        &self,
        tables: &OnGrid,
        like: &Ensemble,
        y: &[f64],
        at: &At,
        (each, signs): (usize, Option<&[f64]>),
        step: usize,
    ) -> Result<Slope, FieldError> {
        let fields = |modes: &[f64]| -> Result<Ensemble, FieldError> {
            let values =
                modes.chunks_exact(each).flat_map(|m| tables.transform.synthesise_channels(m));
            Ensemble::new(like.grid, like.channels, values.collect())
        };
        let mean = tables.mean.iter().cycle();
        let x: Vec<f64> = y
            .iter()
            .zip(at.deviations.iter().cycle().zip(mean.clone()))
            .map(|(y, (s, m))| at.a * m + s * y)
            .collect();
        let x = fields(&x)?;
        let denoised = self.denoiser.denoise(&x, at.t)?;
        let denoised = denoised.fields().flat_map(|field| tables.transform.analyse_channels(field));
        let known = at.deviations.iter().zip(&at.weights).cycle().zip(mean);
        let along = denoised.zip(y).zip(known).map(|((d, y), ((s, w), m))| match *s > 0.0 {
            // D_W = m + w √S y
            true => at.a * ((d - m) / s - w * y),
            false => 0.0,
        });
        let along: Vec<f64> = along.collect();
        let (count, mut traces) = (y.len() / each, Vec::new());
        match signs {
            Some(signs) => {
                let pulled = self.pulled(&x, at.t, &fields(signs)?)?;
                for (pulled, z) in pulled.fields().zip(signs.chunks_exact(each)) {
                    let pulled = tables.transform.analyse_channels(pulled);
                    let terms = pulled.iter().zip(z).zip(&at.weights);
                    // a mode without variance does not count as a direction
                    let terms = terms.zip(&at.deviations).filter(|(_, s)| **s > 0.0);
                    let trace: f64 = terms.map(|(((p, z), w), _)| (p - w * z) * z).sum();
                    traces.push(at.a * trace);
                }
            }
            None => {
                traces.resize(count, 0.0);
                for k in (0..each).filter(|k| at.deviations[*k] > 0.0) {
                    let mut unit = vec![0.0; y.len()];
                    unit.iter_mut().skip(k).step_by(each).for_each(|u| *u = 1.0);
                    let pulled = self.pulled(&x, at.t, &fields(&unit)?)?;
                    for (trace, pulled) in traces.iter_mut().zip(pulled.fields()) {
                        let pulled = tables.transform.analyse_channels(pulled);
                        *trace += at.a * (pulled[k] - at.weights[k]);
                    }
                }
            }
        }
        if along.iter().chain(&traces).any(|v| !v.is_finite()) {
            let what = "the probability flow of a likelihood";
            return Err(FieldError::NonFinite { what, step, time: at.t });
        }
        Ok(Slope { along, traces })
    }

    fn pulled(&self, x: &Ensemble, t: f64, w: &Ensemble) -> Result<Ensemble, FieldError> {
        self.denoiser.pullback(x, t, w)?.ok_or(FieldError::NoDerivative { what: "a likelihood" })
    }
}

/// Derivatives along the flow.
struct Slope {
    /// dy/dν, `[field, channel, mode]`.
    along: Vec<f64>,
    /// a tr ∂(D − D_W), one a field.
    traces: Vec<f64>,
}

/// The Gaussian law at one time, `[channel, mode]`.
struct At {
    t: f64,
    a: f64,
    /// √S_k.
    deviations: Vec<f64>,
    /// Wiener weights.
    weights: Vec<f64>,
}

impl At {
    fn new(path: &dyn Path, tables: &OnGrid, t: f64) -> Self {
        let (a, b) = (path.signal(t), path.noise(t));
        let spectra = || tables.variances.iter().zip(&tables.eigenvalues);
        Self {
            t,
            a,
            deviations: spectra().map(|(c, l)| (a * a * c + b * b * l).sqrt()).collect(),
            weights: spectra().map(|(c, l)| wiener_weight(a, b, *c, *l)).collect(),
        }
    }

    /// y_k = (x_k − a m_k) / √S_k; 0 for modes without variance.
    fn whitened(&self, x: &[f64], mean: &[f64]) -> Vec<f64> {
        let known = self.deviations.iter().zip(mean).cycle();
        let of = |(x, (s, m)): (&f64, (&f64, &f64))| match *s > 0.0 {
            true => (x - self.a * m) / s,
            false => 0.0,
        };
        x.iter().zip(known).map(of).collect()
    }
}

/// ½ |y|² of every field.
fn energies(y: &[f64], each: usize) -> impl Iterator<Item = f64> + '_ {
    y.chunks_exact(each).map(|own| 0.5 * own.iter().map(|v| v * v).sum::<f64>())
}
