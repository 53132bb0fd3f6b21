//! The covariance of the trained box, continued to a larger box.

use std::sync::Arc;

use super::LargeBox;
use super::cubic::{Between, spread};
use crate::{Axis, Boundary, Grid, Mode, Prior, grid::MAX_DIM};

/// λ_K = |Ω|/|Ω′| s(ω_K): the same spectral density s on a larger box Ω′.
///
/// The trained box Ω has the eigenvalues λ_k at the frequencies π k_j / L_j of its modes (2π k_j /
/// L_j along periodic axes). The modes of Ω′ lie between them. There s(ω) is interpolated between
/// neighbouring λ by cubic convolution along each axis (Keys 1981). s is even in ω. The lowest
/// waves of Ω′, which are longer than Ω, lie between the constant and the first mode.
///
/// Sums over modes become sums over finer steps of the same function. Far from the ends, the
/// variance at a point and the covariance over distances r ≪ L therefore stay the same. For whole
/// numbers of boxes this is exact, unless a value had to be kept from falling below half its
/// neighbour.
///
/// Over larger distances the covariance becomes smaller than that of the trained box: by 0.03 % at
/// r = L/8, 0.5 % at L/4 and 6 % at L/2 (between cosines). Linear interpolation of λ would give
/// 1.3, 5 and 19 %.
///
/// A covariance that is flat on the band stays flat: white noise on the cells of Ω becomes white
/// noise of the same strength on the cells of Ω′.
///
/// **Cost** 4 products a mode and axis, and the eigenvalues of Ω up to the highest frequency.
///
/// # Example
/// ```
/// use std::sync::Arc;
/// use karhunen_field::large_box::{Continued, LargeBox};
/// use karhunen_field::{Boundary, Grid, Prior, prior::Matern};
/// let trained = Grid::unit(&[32], Boundary::Neumann)?;
/// let large = LargeBox::new(trained, &[4.0], &[false])?;
/// let prior = Continued::new(Arc::new(Matern::new(1.0, 0.1, 1.5)?), &large);
/// let (own, known) = (prior.eigenvalues(&large.like(&trained)?), Matern::new(1.0, 0.1, 1.5)?);
/// assert!((4.0 * own[8] / known.eigenvalues(&trained)[2] - 1.0).abs() < 1e-12);
/// # Ok::<(), karhunen_field::FieldError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Continued {
    small: Arc<dyn Prior>,
    large: LargeBox,
}

impl Continued {
    /// The covariance of the trained box on a larger one.
    pub fn new(small: Arc<dyn Prior>, large: &LargeBox) -> Self {
        Self { small, large: large.clone() }
    }

    /// The continued covariance as a prior. White noise per cell, which has no box, is returned
    /// unchanged.
    pub fn of(small: &Arc<dyn Prior>, large: &LargeBox) -> Arc<dyn Prior> {
        match small.is_nested() {
            true => Arc::new(Self::new(Arc::clone(small), large)),
            false => Arc::clone(small),
        }
    }

    /// Position of a frequency of the larger box between modes of the trained box.
    fn between(&self, axis: usize, omega: f64) -> Between {
        let own = &self.large.trained().axes()[axis];
        let place = omega / own.frequency(1);
        match own.boundary {
            Boundary::Periodic => Between::of(place, |k| match k {
                k if k > 0 => 2 * k as usize - 1,
                k => 2 * k.unsigned_abs() as usize,
            }),
            Boundary::Neumann => Between::of(place.abs(), |k| k.unsigned_abs() as usize),
            // the wave numbers of sines start at 1, and such axes are kept
            Boundary::Dirichlet => Between::At((place.abs().round() as usize).max(1) - 1),
        }
    }

    /// |Ω|/|Ω′|.
    fn share(&self) -> f64 {
        self.large.times().iter().product::<f64>().recip()
    }

    /// The mode of the trained box at a position.
    fn mode(&self, position: [usize; MAX_DIM]) -> Mode {
        let own = self.large.trained();
        let (mut wave, mut omega, mut periodic) = ([0; MAX_DIM], [0.0; MAX_DIM], [false; MAX_DIM]);
        for (axis, a) in own.axes().iter().enumerate() {
            wave[axis] = a.wave_number(position[axis]);
            omega[axis] = a.frequency(wave[axis]);
            periodic[axis] = a.boundary == Boundary::Periodic;
        }
        let (dim, volume, cells) = (own.dim(), own.volume(), own.len());
        Mode { position, wave, omega, periodic, dim, volume, cells }
    }

    fn nested(&self, places: &[Between], position: [usize; MAX_DIM]) -> f64 {
        let Some((place, rest)) = places.split_first() else {
            return self.small.eigenvalue(&self.mode(position));
        };
        let axis = self.large.trained().dim() - places.len();
        place.value(|slot| {
            let mut position = position;
            position[axis] = slot;
            self.nested(rest, position)
        })
    }
}

impl Prior for Continued {
    fn eigenvalue(&self, mode: &Mode) -> f64 {
        let places: Vec<Between> =
            (0..mode.dim).map(|axis| self.between(axis, mode.omega[axis])).collect();
        self.share() * self.nested(&places, [0; MAX_DIM])
    }

    fn is_nested(&self) -> bool {
        self.small.is_nested()
    }

    fn eigenvalues(&self, grid: &Grid) -> Vec<f64> {
        let places: Vec<Vec<Between>> = grid
            .axes()
            .iter()
            .enumerate()
            .map(|(axis, a)| {
                let omega = |at| a.frequency(a.wave_number(at));
                (0..a.modes()).map(|at| self.between(axis, omega(at))).collect()
            })
            .collect();
        let reach = |places: &Vec<Between>| places.iter().map(Between::reach).fold(1, usize::max);
        // a grid that holds this many modes
        let axes = self.large.trained().axes().iter().zip(&places).map(|(a, places)| Axis {
            points: match a.boundary {
                Boundary::Neumann => reach(places),
                Boundary::Dirichlet | Boundary::Periodic => reach(places) + 1,
            },
            ..*a
        });
        let Ok(small) = Grid::new(&axes.collect::<Vec<_>>()) else {
            return grid.modes().map(|mode| self.eigenvalue(&mode)).collect();
        };
        let share = self.share();
        let mut all = spread(self.small.eigenvalues(&small), small.mode_shape(), &places);
        all.iter_mut().for_each(|lambda| *lambda *= share);
        all
    }

    fn trace(&self, grid: &Grid) -> f64 {
        self.eigenvalues(grid).iter().sum()
    }
}
