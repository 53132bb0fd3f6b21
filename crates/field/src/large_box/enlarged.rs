//! The quantities of a larger box that need no denoiser: path, noise and the data's Gaussian law.

use std::sync::Arc;

use super::partition::Partition;
use super::windowed::Plan;
use super::{Continued, LargeBox, check_overlap};
use crate::law::OnGrid;
use crate::path::Path;
use crate::resample::copied_modes;
use crate::{
    Ensemble, Field, FieldError, GaussianLaw, Grid, ModeNoise, Prior, Scalar, Tables, Transform,
};

/// Path, noise and law of the trained box, and the same on a larger box.
///
/// The covariances are [`Continued`]. Along the axes that are longer than the trained box, the mean
/// field is replaced by its average over them, because stationary data have a constant mean there.
/// Any variation of a measured mean is due to chance, or shows that the data are not stationary
/// ([`Enlarged::mean_variation`]). Windows see fields relative to this mean.
#[derive(Debug)]
pub struct Enlarged {
    pub(super) large: LargeBox,
    pub(super) path: Arc<dyn Path>,
    pub(super) small: (GaussianLaw, Arc<dyn Prior>),
    law: GaussianLaw,
    prior: Arc<dyn Prior>,
    pub(super) overlap: f64,
    /// Of law and noise, and of what windows need besides.
    tables: Tables,
}

impl Enlarged {
    /// From the quantities of the trained box. Neighbouring windows share a part `overlap` of their
    /// length.
    ///
    /// # Errors
    /// Those of [`check_overlap`]; [`FieldError::GridMismatch`] for a law of another box.
    pub fn new(
        large: LargeBox,
        path: Arc<dyn Path>,
        law: GaussianLaw,
        prior: Arc<dyn Prior>,
        overlap: f64,
    ) -> Result<Self, FieldError> {
        check_overlap(overlap)?;
        if !law.mean().grid.same_box(large.trained()) {
            return Err(FieldError::GridMismatch {
                what: "the law of another box than the trained one",
                left: law.mean().grid,
                right: *large.trained(),
            });
        }
        let covariances = law.covariances().iter().map(|c| Continued::of(c, &large)).collect();
        let continued = GaussianLaw::new(mean(&law, &large)?, covariances)?;
        let noise = Continued::of(&prior, &large);
        let (law, small, tables) = (continued, (law, prior), Tables::default());
        Ok(Self { large, path, small, law, prior: noise, overlap, tables })
    }

    /// The box.
    pub fn large(&self) -> &LargeBox {
        &self.large
    }

    /// The path.
    pub fn path(&self) -> &Arc<dyn Path> {
        &self.path
    }

    /// N(m, C) of the data on the larger box.
    pub fn law(&self) -> &GaussianLaw {
        &self.law
    }

    /// Q of the noise on the larger box.
    pub fn prior(&self) -> &Arc<dyn Prior> {
        &self.prior
    }

    /// The part of its length that a window shares with the next one.
    pub fn overlap(&self) -> f64 {
        self.overlap
    }

    /// The number of windows with the cells of a grid of the trained box that cover the larger box.
    ///
    /// # Errors
    /// As [`LargeBox::like`].
    pub fn windows(&self, window: &Grid) -> Result<usize, FieldError> {
        let grid = self.large.like(window)?;
        Ok(Partition::new(&self.large, &grid, window, self.overlap).count())
    }

    /// Variance of the mean field along the axes that become longer, divided by the data's variance
    /// at a point. The result is the largest over all channels. For stationary data of n fields it
    /// is due to chance and about 1/n.
    pub fn mean_variation(&self) -> f64 {
        let known = &self.small.0;
        let grid = known.mean().grid;
        let (mean, variances) = (known.mean_modes(&grid), known.variances(&grid));
        let modes = grid.mode_count();
        let moves: Vec<bool> = grid
            .modes()
            .map(|mode| (0..mode.dim).any(|axis| !self.large.keeps(axis) && mode.wave[axis] != 0))
            .collect();
        let of_channel = |(mean, variances): (&[f64], &[f64])| {
            let varied: f64 =
                mean.iter().zip(&moves).filter(|(_, m)| **m).map(|(m, _)| m * m).sum();
            varied / variances.iter().sum::<f64>()
        };
        mean.chunks_exact(modes)
            .zip(variances.chunks_exact(modes))
            .map(of_channel)
            .fold(0.0, f64::max)
    }

    /// Path time at which the best linear denoiser explains half of the data's variance.
    pub fn half_known(&self) -> f64 {
        let (law, prior) = &self.small;
        let grid = law.mean().grid;
        let (data, noise) = (law.variances(&grid), prior.eigenvalues(&grid));
        let whole: f64 = data.iter().sum();
        let explained = |t: f64| {
            let (a2, b2) = (self.path.signal(t).powi(2), self.path.noise(t).powi(2));
            let of = |(c, lambda): (&f64, &f64)| {
                let s = a2 * c + b2 * lambda;
                if s > 0.0 { c * a2 * c / s } else { 0.0 }
            };
            data.iter().zip(noise.iter().cycle()).map(of).sum::<f64>() / whole
        };
        let (mut low, mut high) = (self.path.end(), self.path.start());
        for _ in 0..40 {
            let middle = 0.5 * (low + high);
            if explained(middle) > 0.5 { low = middle } else { high = middle }
        }
        0.5 * (low + high)
    }

    /// Fields 0 … count − 1 of a seed at a time, drawn as if the data were Gaussian: N(a m, a² C +
    /// b² Q).
    pub fn noisy(&self, grid: Grid, t: f64, seed: u64, count: u64) -> Ensemble {
        let (a, b) = (self.path.signal(t), self.path.noise(t));
        let (transform, noise) = (Transform::new(grid), ModeNoise::new(seed));
        let (mean, lambda) = (self.law.mean_modes(&grid), self.prior.eigenvalues(&grid));
        let spread: Vec<f64> = (self.law.variances(&grid).iter().zip(lambda.iter().cycle()))
            .map(|(c, lambda)| (a * a * c + b * b * lambda).sqrt())
            .collect();
        let channels = self.law.channels();
        let field = |index: u64| {
            let normals = |c| noise.normals(&grid, index, crate::noise::stream::START, c);
            let mut modes: Vec<f64> = (0..channels).flat_map(normals).collect();
            for ((x, m), s) in modes.iter_mut().zip(&mean).zip(&spread) {
                *x = a * m + s * *x;
            }
            transform.synthesise_channels(&modes)
        };
        Ensemble { grid, channels, values: (0..count).flat_map(field).collect() }
    }

    /// Tables of law and noise on grids of the larger box, each computed once.
    pub fn tables(&self) -> &Tables {
        &self.tables
    }

    /// Tables that a denoiser needs on one grid, computed once.
    pub(super) fn plan<S: Scalar>(
        &self,
        grid: &Grid,
        make: impl FnOnce(Arc<OnGrid<S>>) -> Result<Plan<S>, FieldError>,
    ) -> Result<Arc<Plan<S>>, FieldError> {
        let fine = self.tables.get(grid, || OnGrid::new(*grid, &self.law, self.prior.as_ref()));
        self.tables.try_get(grid, || make(fine))
    }
}

/// The average of the mean over the axes that become longer, as a function of the kept axes.
fn mean(law: &GaussianLaw, large: &LargeBox) -> Result<Field, FieldError> {
    let from = law.mean().grid;
    let to = large.averaged(&from)?;
    let modes = copied_modes(&from, &law.mean_modes(&from), &to);
    Field::new(to, law.channels(), Transform::new(to).synthesise_channels(&modes))
}
