//! Repeated draws of N(0, Q) on one grid: whatever does not depend on the draw is computed once.
//!
//! Eigenvalues need powers and exponentials. They cost several times as much as the random numbers
//! and their transform, and are the same for every draw.

use crate::{Ensemble, Grid, ModeNoise, Prior, Transform};

/// η = Σ_k √λ_k ξ_k e_k on one grid, for any (seed, index, stream, channel).
///
/// **Cost** the eigenvalues once. Each draw costs its random numbers (10 ns a mode) and one
/// transform.
///
/// # Example
/// ```
/// use karhunen_field::prior::{Draws, Matern};
/// use karhunen_field::{Boundary, Grid, ModeNoise, noise::stream};
/// let prior = Matern::new(1.0, 0.1, 1.5)?;
/// let (coarse, fine) = (Grid::unit(&[4], Boundary::Neumann)?, Grid::unit(&[9], Boundary::Neumann)?);
/// let modes = |grid| Draws::new(&prior, grid).modes(ModeNoise::new(7), 3, stream::START, 0);
/// assert_eq!(modes(coarse)[..], modes(fine)[..4]); // one function
/// # Ok::<(), karhunen_field::FieldError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Draws {
    transform: Transform,
    /// √λ_k. `None` for white noise per cell, which is drawn cell by cell.
    roots: Option<Vec<f64>>,
}

impl Draws {
    /// The draws of a prior on a grid.
    pub fn new(prior: &dyn Prior, grid: Grid) -> Self {
        Self::on(prior, Transform::new(grid))
    }

    /// The draws of a prior on the grid of a transform.
    pub fn on(prior: &dyn Prior, transform: Transform) -> Self {
        let root = |lambda: f64| lambda.sqrt();
        let eigenvalues = || prior.eigenvalues(transform.grid());
        let roots = prior.is_nested().then(|| eigenvalues().into_iter().map(root).collect());
        Self { transform, roots }
    }

    /// The grid's transform.
    pub fn transform(&self) -> &Transform {
        &self.transform
    }

    /// Coefficients √λ_k ξ_k of field `index`, one channel.
    pub fn modes(&self, noise: ModeNoise, index: u64, stream: u32, channel: usize) -> Vec<f64> {
        let grid = self.transform.grid();
        let Some(roots) = &self.roots else {
            let cells = noise.cell_normals(grid, index, stream, channel);
            return self.transform.analyse_channels(&cells);
        };
        let mut modes = noise.normals(grid, index, stream, channel);
        modes.iter_mut().zip(roots).for_each(|(xi, root)| *xi *= root);
        modes
    }

    /// Point values of field `index`, one channel.
    ///
    /// White noise per cell differs from the sum: it also fills the part that no mode of the grid
    /// represents.
    pub fn values(&self, noise: ModeNoise, index: u64, stream: u32, channel: usize) -> Vec<f64> {
        if self.roots.is_none() {
            return noise.cell_normals(self.transform.grid(), index, stream, channel);
        }
        self.transform.synthesise_channels(&self.modes(noise, index, stream, channel))
    }

    /// Fields `indices` of a seed.
    ///
    /// **Shape** `[sample, channel, point]`.
    pub fn sample(
        &self,
        channels: usize,
        seed: u64,
        indices: std::ops::Range<u64>,
        stream: u32,
    ) -> Ensemble {
        let (grid, noise) = (*self.transform.grid(), ModeNoise::new(seed));
        let channel = |index| {
            (0..channels).flat_map(move |channel| self.values(noise, index, stream, channel))
        };
        Ensemble { grid, channels, values: indices.flat_map(channel).collect() }
    }
}
