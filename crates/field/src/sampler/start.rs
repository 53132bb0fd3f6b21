//! The fields at time T, where the reverse process begins.

use std::ops::Range;

use crate::law::OnGrid;
use crate::noise::stream;
use crate::path::Path;
use crate::{Ensemble, GaussianLaw, Grid, ModeNoise, Prior, Scalar, prior};

/// Stream of the cell noise. It is separate because cell j and mode j would otherwise share a
/// number.
const CELL_NOISE: u32 = stream::START + 1;

/// Fields `indices` of a seed at time T, from N(a m, a² C + b² Q).
///
/// x_k = a m_k + √(a² c_k + b² λ_k) ξ_k with the nested noise of [`stream::START`]. This is the
/// Gaussian approximation of the law of X_T, and the same functions on every grid. A start from
/// N(0, Q) would omit a(T) X₀, and the reverse process amplifies that error. Where the data have
/// 100 times the standard deviation of the noise, an exact sampler then returns 0.84 of it.
///
/// Under white noise per cell ([`Prior::is_nested`] is false) point values are a (m + √C ξ) + b ·
/// cell noise. The two come from independent streams, and the noise includes Nyquist modes.
///
/// `grid` must discretise the box on which the law is defined.
pub fn start(
    law: &GaussianLaw,
    prior: &dyn Prior,
    path: &dyn Path,
    grid: Grid,
    seed: u64,
    indices: Range<u64>,
) -> Ensemble {
    if !prior.is_nested() {
        return of_cells(law, prior, path, grid, seed, indices);
    }
    start_on(&OnGrid::new(grid, law, prior), path, seed, indices)
}

/// The same from the tables of a law and a nested prior.
pub fn start_on<S: Scalar>(
    tables: &OnGrid<S>,
    path: &dyn Path,
    seed: u64,
    indices: Range<u64>,
) -> Ensemble<S> {
    let (a, b) = (path.signal(path.start()), path.noise(path.start()));
    let (grid, noise) = (*tables.transform.grid(), ModeNoise::new(seed));
    let (modes, len) = (grid.mode_count(), grid.len());
    let channels = tables.mean.len() / modes;
    let mut values = Vec::with_capacity((indices.end - indices.start) as usize * channels * len);
    for index in indices {
        for channel in 0..channels {
            let at = channel * modes..(channel + 1) * modes;
            let spectra = tables.variances[at.clone()].iter().zip(&tables.eigenvalues[at.clone()]);
            let mut x: Vec<S> = noise.normals_in(&grid, index, stream::START, channel);
            for ((x, m), (c, lambda)) in x.iter_mut().zip(&tables.mean[at]).zip(spectra) {
                let deviation = (a * a * c.double() + b * b * lambda.double()).sqrt();
                *x = S::of(a * m.double() + deviation * x.double());
            }
            let x = tables.transform.into_values(x);
            // a single field stays where it is
            if values.is_empty() && x.len() == values.capacity() {
                values = x;
            } else {
                values.extend(x);
            }
        }
    }
    Ensemble { grid, channels, values }
}

/// [`start`] under white noise per cell.
fn of_cells(
    law: &GaussianLaw,
    prior: &dyn Prior,
    path: &dyn Path,
    grid: Grid,
    seed: u64,
    indices: Range<u64>,
) -> Ensemble {
    let (a, b) = (path.signal(path.start()), path.noise(path.start()));
    let mut x = law.sample(grid, seed, indices.clone(), stream::START);
    let noise = prior::sample(prior, grid, law.channels(), seed, indices, CELL_NOISE);
    x.values.iter_mut().zip(&noise.values).for_each(|(x, eta)| *x = a * *x + b * eta);
    x
}
