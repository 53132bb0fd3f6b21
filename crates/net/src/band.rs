//! The band: the part of a function that a network is asked about.
//!
//! The band of a grid is the set of waves that it can represent. A network is trained on grids of
//! at most B cells an axis. On a finer grid it would meet frequencies that it never saw in
//! training. They arise from noise in its input and from its point-wise nonlinearities. Both alias
//! into the frequencies that the network knows, and differently on every grid. Its answers at B and
//! 2B would then differ. [`Band::Trained`] uses the network only for the trained frequencies:
//!
//! D(x, t) = D_B(P_B x, t) + (1 − P_B) W(x, t).
//!
//! P_B is the projection onto the modes of the finest training level, and W is the Wiener denoiser.
//! Modes beyond the band thus stay Gaussian, with the variance to which the data's fitted spectrum
//! continues. Everything else in a sampler is diagonal in modes. Its result in the trained band is
//! therefore the same on every finer grid, up to rounding. The network costs as much as on the grid
//! of B cells, plus two transforms of the finer grid.
//!
//! On grids of at most B cells nothing changes. There is one exception without the Wiener kind. The
//! network's answer at the Nyquist mode of an even periodic axis, which belongs to no grid's modes,
//! stays in D_B there and is dropped on finer grids.

use karhunen_field::{Grid, Scalar, law, resample};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::preconditioning::{OnGrid, Preconditioner};

/// The modes of a field that a network sees and answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Band {
    /// All modes of the field's grid, trained or not.
    Grid,
    /// At most the modes of the finest training level. The others are left to the Wiener denoiser.
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

/// Fields of one grid at one time, split at the band of a coarser grid.
pub(crate) struct Split<'a, S> {
    fine: &'a law::OnGrid<S>,
    coarse: &'a OnGrid,
    known: &'a Preconditioner,
    t: f64,
    /// a m, as coefficients on the network's grid.
    average: Vec<f64>,
}

impl<'a, S: Scalar> Split<'a, S> {
    pub fn new(
        preconditioner: &'a Preconditioner,
        fine: &'a law::OnGrid<S>,
        coarse: &'a OnGrid,
        t: f64,
    ) -> Self {
        let a = preconditioner.path().signal(t);
        let average = coarse.frame().mean.iter().map(|m| a * m).collect();
        Self { fine, coarse, known: preconditioner, t, average }
    }

    /// P_B x as point values, and the coefficients of W(x, t), for fields `[field; channel,
    /// point]`.
    pub fn apart(&self, x: &[S], field_len: usize) -> (Vec<f64>, Vec<Vec<S>>) {
        let (from, to) = (self.fine.transform.grid(), self.coarse.transform().grid());
        let parts: Vec<(Vec<f64>, Vec<S>)> = x
            .par_chunks_exact(field_len)
            .map(|field| {
                let mut modes = self.fine.transform.into_modes(field.to_vec());
                // modes that only the network's grid holds are set to their mean
                let mut band = self.average.clone();
                for (source, target) in modes
                    .chunks_exact(from.mode_count())
                    .zip(band.chunks_exact_mut(to.mode_count()))
                {
                    resample::overlay_modes(from, source, to, target);
                }
                let (a, weights) = (
                    self.known.path().signal(self.t),
                    self.known.weights(self.fine, self.t, 0..modes.len()),
                );
                for ((x, m), w) in modes.iter_mut().zip(&self.fine.mean).zip(weights) {
                    let m = m.double();
                    *x = S::of(m + w * (x.double() - a * m));
                }
                (self.coarse.transform().synthesise_channels(&band), modes)
            })
            .collect();
        let (band, known): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
        (band.concat(), known)
    }

    /// D_B + (1 − P_B) W as point values, from the values of D_B, field by field, and W's
    /// coefficients.
    pub fn together(&self, band: &[f64], known: Vec<Vec<S>>) -> Vec<S> {
        let (to, from) = (self.fine.transform.grid(), self.coarse.transform().grid());
        let mut fields: Vec<Vec<S>> = band
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
                self.fine.transform.into_values(modes)
            })
            .collect();
        // a single field stays where it is
        match fields.len() {
            1 => fields.swap_remove(0),
            _ => fields.concat(),
        }
    }
}
