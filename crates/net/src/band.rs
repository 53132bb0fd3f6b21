//! Which part of a function a network is asked about.
//!
//! A network is trained on grids of at most B cells an axis. On a finer grid it meets frequencies
//! that it never saw, as noise in its input and as what its point-wise parts make of them, and both
//! fold back into the frequencies that it knows, on every grid in another way: it answers
//! differently at B and at 2B. [`Band::Trained`] asks it for what it knows,
//!
//! D(x, t) = D_B(P_B x, t) + (1 − P_B) W(x, t),
//!
//! P_B the projection onto the modes of the finest training level and W the Wiener denoiser, so that
//! modes beyond the band stay Gaussian, with the variance that the data's fitted spectrum continues
//! to. All else in a sampler is diagonal in modes: what it makes in the trained band is the same on
//! every finer grid, to rounding; the network costs what it costs on the grid of B cells, the rest is two
//! transforms of the finer grid.
//!
//! On grids of at most B cells nothing changes. (Without the Wiener kind, what a network answers at
//! the Nyquist mode of an even ring, which is a mode of no grid, stays in D_B there and is gone on finer grids.)

use karhunen_field::{Grid, resample};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::preconditioning::{OnGrid, Preconditioner, Wiener};

/// Which modes of a field a network sees and answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Band {
    /// All that the field's grid holds, trained or not.
    Grid,
    /// Those of the finest training level at most; the others are left to the Wiener denoiser.
    #[default]
    Trained,
}

impl Band {
    /// The grid on which the network is evaluated for fields on `grid`.
    pub fn grid(self, grid: &Grid, finest: &Grid) -> Grid {
        if self == Self::Grid {
            return *grid;
        }
        let cells = grid.points().into_iter().zip(finest.points());
        let cells: Vec<usize> = cells.map(|(n, most)| n.min(most)).collect();
        grid.with_points(&cells).expect("grids of one dimension")
    }
}

/// Fields of one grid, split at the band of a coarser one, at one time.
pub(crate) struct Split<'a> {
    fine: &'a OnGrid,
    coarse: &'a OnGrid,
    known: Wiener,
    /// a m, coefficients on the network's grid.
    average: Vec<f64>,
}

impl<'a> Split<'a> {
    pub fn new(
        preconditioner: &Preconditioner,
        fine: &'a OnGrid,
        coarse: &'a OnGrid,
        t: f64,
    ) -> Self {
        let a = preconditioner.path().signal(t);
        let mean = preconditioner.law().mean_modes(coarse.transform().grid());
        let average = mean.iter().map(|m| a * m).collect();
        Self { fine, coarse, known: preconditioner.wiener(t, fine), average }
    }

    /// P_B x, as point values, and the coefficients of W(x, t), of fields `[field; channel, point]`.
    pub fn apart(&self, x: &[f64], field_len: usize) -> (Vec<f64>, Vec<Vec<f64>>) {
        let (from, to) = (self.fine.transform().grid(), self.coarse.transform().grid());
        let parts: Vec<(Vec<f64>, Vec<f64>)> = x
            .par_chunks_exact(field_len)
            .map(|field| {
                let modes = self.fine.transform().analyse_channels(field);
                let known = self.known.denoised(&modes);
                // modes that only the network's grid holds are what they are on average
                let mut band = self.average.clone();
                for (source, target) in modes
                    .chunks_exact(from.mode_count())
                    .zip(band.chunks_exact_mut(to.mode_count()))
                {
                    resample::overlay_modes(from, source, to, target);
                }
                (self.coarse.transform().synthesise_channels(&band), known)
            })
            .collect();
        let (band, known): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
        (band.concat(), known)
    }

    /// Values of D_B + (1 − P_B) W from the values of D_B, one after another, and W's coefficients.
    pub fn together(&self, band: &[f64], known: Vec<Vec<f64>>) -> Vec<f64> {
        let (to, from) = (self.fine.transform().grid(), self.coarse.transform().grid());
        let fields: Vec<Vec<f64>> = band
            .par_chunks_exact(band.len() / known.len())
            .zip(known)
            .map(|(band, mut modes)| {
                let band = self.coarse.transform().analyse_channels(band);
                for (b, m) in band
                    .chunks_exact(from.mode_count())
                    .zip(modes.chunks_exact_mut(to.mode_count()))
                {
                    resample::overlay_modes(from, b, to, m);
                }
                self.fine.transform().synthesise_channels(&modes)
            })
            .collect();
        fields.concat()
    }
}
