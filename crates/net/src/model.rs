//! The denoiser of a model, trained or untrained: a network with its preconditioner.

use std::ops::Range;

use karhunen_field::denoiser::Denoiser;
use karhunen_field::resample::{copied_modes, overlay_modes};
use karhunen_field::{Ensemble, FieldError, Grid, Scalar};
use rayon::prelude::*;

use crate::band::{Band, Split};
use crate::{Asked, Given, NetError, Network, Preconditioner};

/// Largest number of cells evaluated together, over a batch. It bounds the memory of one
/// evaluation.
const CELLS_AT_ONCE: usize = 1 << 18;

/// The denoiser D(x, t) = base + gain · F(input, t): see [`crate::preconditioning`].
#[derive(Debug, Clone)]
pub struct Model {
    /// The network.
    pub network: Network,
    /// The preconditioner around it.
    pub preconditioner: Preconditioner,
    /// The part of a field that the network is asked about.
    pub band: Band,
}

/// The network's inputs for a batch on one grid, on the host, channels last.
#[derive(Debug, Clone)]
pub struct Inputs {
    /// The grid of the fields.
    pub grid: Grid,
    /// `[batch, point, channel]` inputs of F.
    pub values: Vec<f32>,
    /// Time of each field.
    pub times: Vec<f64>,
    /// ln(a/b) of each field.
    pub half_log_snr: Vec<f64>,
    /// The conditions of the fields.
    pub given: Given,
}

impl Inputs {
    /// Inputs without conditions.
    pub fn plain(grid: &Grid, values: &[f32], times: &[f64], half_log_snr: &[f64]) -> Self {
        Self {
            grid: *grid,
            values: values.to_vec(),
            times: times.to_vec(),
            half_log_snr: half_log_snr.to_vec(),
            given: Given::default(),
        }
    }
}

/// A model with conditions: D(x, t | asked), for fields of given classes or attributes, or beside
/// given fields.
///
/// For a field without conditions, the model answers as it does unconditionally.
#[derive(Debug)]
pub struct Conditioned<'a> {
    /// The model.
    pub model: &'a Model,
    /// The conditions of each field of the batch.
    pub asked: Asked,
    /// W of [`Evaluation::sharpened`](crate::preconditioning::Evaluation::sharpened), 1 for D as it was trained.
    pub sharpness: f64,
}

impl Model {
    /// Inputs from the values of fields that the preconditioner has prepared, `[batch, point, channel]`.
    pub fn inputs(&self, grid: Grid, values: Vec<f32>, times: Vec<f64>, given: Given) -> Inputs {
        let half_log_snr = times.iter().map(|&t| self.half_log_snr(t)).collect();
        Inputs { grid, values, times, half_log_snr, given }
    }

    /// ln(a/b) at a time.
    pub fn half_log_snr(&self, t: f64) -> f64 {
        0.5 * self.preconditioner.path().log_snr(t)
    }

    /// The grid on which the network is evaluated for fields on `grid`. It is never finer than
    /// `grid`. With [`Band::Trained`] it has at most the cells of the finest training level. White
    /// noise per cell, which is no function, is an exception: its band on a finer grid is a
    /// different noise, so the band is not restricted.
    pub fn network_grid(&self, grid: &Grid) -> Grid {
        let band = match self.preconditioner.prior().is_nested() {
            true => self.band.grid(grid, self.preconditioner.reference()),
            false => *grid,
        };
        self.network.grid_for(&band)
    }

    /// D in the network's band, and the Wiener denoiser elsewhere: see [`Band`].
    fn denoise_part<S: Scalar>(
        &self,
        x: &Ensemble<S>,
        t: f64,
        asked: (&Asked, &Range<usize>),
        sharpness: f64,
    ) -> Result<Vec<S>, NetError> {
        self.check(x)?;
        let coarse = self.network_grid(&x.grid);
        let given = asked.0.on(&coarse, asked.1)?;
        if coarse == x.grid {
            let values = self.denoise_band(&S::wide(x), t, given, sharpness)?;
            return Ok(S::narrowed(Ensemble::new(coarse, x.channels, values)?).values);
        }
        let (fine, on) = (self.preconditioner.frame(&x.grid), self.preconditioner.on(&coarse));
        let split = Split::new(&self.preconditioner, &fine, &on, t);
        let (band, known) = split.apart(&x.values, x.field_len());
        let band = Ensemble::new(coarse, x.channels, band)?;
        let band = self.denoise_band(&band, t, given, sharpness)?;
        Ok(split.together(&band, known))
    }

    /// Checks that fields are on the model's box and have its number of channels.
    fn check<S: Scalar>(&self, x: &Ensemble<S>) -> Result<(), NetError> {
        let known = self.preconditioner.law().mean();
        if x.grid.same_box(&known.grid) && x.channels == known.channels {
            return Ok(());
        }
        Err(NetError::Input {
            expected: describe(known.channels, &known.grid),
            found: describe(x.channels, &x.grid),
        })
    }

    /// D by the network alone.
    fn denoise_band(
        &self,
        x: &Ensemble,
        t: f64,
        given: Given,
        sharpness: f64,
    ) -> Result<Vec<f64>, NetError> {
        let grid = &x.grid;
        let known = self.preconditioner.at(t, grid).sharpened(sharpness);
        let (count, points) = (x.count(), grid.len());
        let mut values = vec![0.0f32; x.values.len()];
        values
            .par_chunks_exact_mut(x.field_len())
            .zip(x.values.par_chunks_exact(x.field_len()))
            .for_each(|(input, field)| write_channels_last(&known.input(field), input, x.channels));
        let inputs = self.inputs(*grid, values, vec![t; count], given);
        let output = self.network.forward(&inputs)?;
        let output: Vec<f32> =
            output.try_into_vec_as().map_err(|e| NetError::Compute(e.to_string()))?;
        let mut denoised = vec![0.0; x.values.len()];
        denoised
            .par_chunks_exact_mut(x.field_len())
            .zip(x.values.par_chunks_exact(x.field_len()))
            .zip(output.par_chunks_exact(x.field_len()))
            .for_each(|((denoised, field), answer)| {
                let mut channels_first = Vec::with_capacity(answer.len());
                for c in 0..x.channels {
                    channels_first
                        .extend((0..points).map(|p| f64::from(answer[p * x.channels + c])));
                }
                denoised.copy_from_slice(&known.denoised(field, channels_first));
            });
        Ok(denoised)
    }
}

impl Model {
    /// D of fields, with conditions.
    fn denoise_of<S: Scalar>(
        &self,
        x: &Ensemble<S>,
        t: f64,
        asked: &Asked,
        sharpness: f64,
    ) -> Result<Ensemble<S>, FieldError> {
        let count = x.count();
        asked.check(count)?;
        let at_once = (CELLS_AT_ONCE / x.grid.len()).max(1);
        let failed = |e: NetError| FieldError::Denoiser(e.to_string());
        let mut values = Vec::new();
        // a network has no answer to no fields
        if (1..=at_once).contains(&count) {
            values = self.denoise_part(x, t, (asked, &(0..count)), sharpness).map_err(failed)?;
        } else {
            values.reserve_exact(x.values.len());
            for start in (0..count).step_by(at_once) {
                let end = count.min(start + at_once);
                let part = (asked, &(start..end));
                let denoised = self.denoise_part(&x.slice(start..end), t, part, sharpness);
                values.extend(denoised.map_err(failed)?);
            }
        }
        Ok(Ensemble { grid: x.grid, channels: x.channels, values })
    }
}

impl Model {
    /// ∂D* w of fields, with conditions; `None` where the network has no derivative.
    fn pullback_of(
        &self,
        x: &Ensemble,
        t: f64,
        w: &Ensemble,
        asked: &Asked,
        sharpness: f64,
    ) -> Result<Option<Ensemble>, FieldError> {
        asked.check(x.count())?;
        let at_once = (CELLS_AT_ONCE / x.grid.len()).max(1);
        let mut values = Vec::with_capacity(x.values.len());
        for start in (0..x.count()).step_by(at_once) {
            let end = x.count().min(start + at_once);
            let (x, w) = (x.slice(start..end), w.slice(start..end));
            let pulled = self.pullback_part(&x, t, &w, (asked, &(start..end)), sharpness);
            match pulled.map_err(|e| FieldError::Denoiser(e.to_string()))? {
                Some(pulled) => values.extend(pulled),
                None => return Ok(None),
            }
        }
        Ensemble::new(x.grid, x.channels, values).map(Some)
    }

    /// ∂D* w: the network's part within its band, and the Wiener filter's beyond.
    fn pullback_part(
        &self,
        x: &Ensemble,
        t: f64,
        w: &Ensemble,
        asked: (&Asked, &Range<usize>),
        sharpness: f64,
    ) -> Result<Option<Vec<f64>>, NetError> {
        self.check(x)?;
        let coarse = self.network_grid(&x.grid);
        let given = asked.0.on(&coarse, asked.1)?;
        if coarse == x.grid {
            return self.pullback_band(x, t, w, &given, sharpness);
        }
        let (fine, on) = (self.preconditioner.on(&x.grid), self.preconditioner.on(&coarse));
        let modes = fine.frame().mean.len();
        let weights: Vec<f64> = self.preconditioner.weights(fine.frame(), t, 0..modes).collect();
        let restricted = |fields: &Ensemble| -> Result<Ensemble, NetError> {
            let of = |field: &[f64]| {
                let modes = fine.transform().analyse_channels(field);
                on.transform().synthesise_channels(&copied_modes(&x.grid, &modes, &coarse))
            };
            Ok(Ensemble::new(coarse, x.channels, fields.fields().flat_map(of).collect())?)
        };
        let band = self.pullback_band(&restricted(x)?, t, &restricted(w)?, &given, sharpness)?;
        let Some(band) = band else { return Ok(None) };
        let mut values = Vec::with_capacity(x.values.len());
        for (w, band) in w.fields().zip(band.chunks_exact(x.channels * coarse.len())) {
            let mut modes = fine.transform().analyse_channels(w);
            modes.iter_mut().zip(&weights).for_each(|(m, w)| *m *= w);
            let band = on.transform().analyse_channels(band);
            let pairs = band.chunks_exact(coarse.mode_count());
            for (b, m) in pairs.zip(modes.chunks_exact_mut(x.grid.mode_count())) {
                overlay_modes(&coarse, b, &x.grid, m);
            }
            values.extend(fine.transform().synthesise_channels(&modes));
        }
        Ok(Some(values))
    }

    /// ∂D* w by the network alone.
    fn pullback_band(
        &self,
        x: &Ensemble,
        t: f64,
        w: &Ensemble,
        given: &Given,
        sharpness: f64,
    ) -> Result<Option<Vec<f64>>, NetError> {
        let known = self.preconditioner.at(t, &x.grid).sharpened(sharpness);
        let (count, points) = (x.count(), x.grid.len());
        let (mut inputs, mut answers, mut values) = (Vec::new(), Vec::new(), Vec::new());
        for (x, w) in x.fields().zip(w.fields()) {
            let (affine, network) = known.pulled(w);
            values.extend(affine);
            inputs.extend(channels_last(&known.input(x), w.len() / points));
            answers.extend(channels_last(&network, w.len() / points));
        }
        let times = (&vec![t; count][..], &vec![self.half_log_snr(t); count][..]);
        let pulled = self.network.pullback(&x.grid, &inputs, &answers, times, given)?;
        let Some(pulled) = pulled else { return Ok(None) };
        let pulled = pulled.chunks_exact(points * x.channels);
        for (field, pulled) in values.chunks_exact_mut(x.field_len()).zip(pulled) {
            for (c, channel) in field.chunks_exact_mut(points).enumerate() {
                for (p, v) in channel.iter_mut().enumerate() {
                    *v += known.input_scale() * f64::from(pulled[p * x.channels + c]);
                }
            }
        }
        Ok(Some(values))
    }
}

impl Denoiser for Model {
    fn denoise(&self, x: &Ensemble, t: f64) -> Result<Ensemble, FieldError> {
        self.denoise_of(x, t, &Asked::default(), 1.0)
    }

    fn denoise_single(&self, x: &Ensemble<f32>, t: f64) -> Result<Ensemble<f32>, FieldError> {
        self.denoise_of(x, t, &Asked::default(), 1.0)
    }

    fn pullback(&self, x: &Ensemble, t: f64, w: &Ensemble) -> Result<Option<Ensemble>, FieldError> {
        self.pullback_of(x, t, w, &Asked::default(), 1.0)
    }
}

impl Denoiser for Conditioned<'_> {
    fn denoise(&self, x: &Ensemble, t: f64) -> Result<Ensemble, FieldError> {
        self.model.denoise_of(x, t, &self.asked, self.sharpness)
    }

    fn denoise_single(&self, x: &Ensemble<f32>, t: f64) -> Result<Ensemble<f32>, FieldError> {
        self.model.denoise_of(x, t, &self.asked, self.sharpness)
    }

    fn pullback(&self, x: &Ensemble, t: f64, w: &Ensemble) -> Result<Option<Ensemble>, FieldError> {
        self.model.pullback_of(x, t, w, &self.asked, self.sharpness)
    }
}

fn describe(channels: usize, grid: &Grid) -> String {
    let boundaries: Vec<String> = grid.axes().iter().map(|a| a.boundary.to_string()).collect();
    format!("{channels} channel(s) on the box of {grid}, {}", boundaries.join(" x "))
}

/// `[channel, point]` in f64 → `[point, channel]` in f32.
pub fn channels_last(field: &[f64], channels: usize) -> Vec<f32> {
    let mut out = vec![0.0; field.len()];
    write_channels_last(field, &mut out, channels);
    out
}

fn write_channels_last(field: &[f64], out: &mut [f32], channels: usize) {
    let points = field.len() / channels;
    for (c, channel) in field.chunks_exact(points).enumerate() {
        out.iter_mut().skip(c).step_by(channels).zip(channel).for_each(|(o, v)| *o = *v as f32);
    }
}
