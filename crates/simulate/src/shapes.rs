//! Three kinds of bright objects on a dark ground, each with its label: the smallest labelled data.
//!
//! A ball, a shell, a pair of balls, at random places and of random size: classes that an eye, a
//! classifier and a conditional model can tell apart in one, two and three dimensions, made of
//! nothing but distances.

use karhunen_field::noise::stream;
use karhunen_field::{Axis, Boundary, Grid, ModeNoise, Transform};

use crate::resolve::{resolved, restrict};
use crate::{SimulateError, Structure};

/// Uniforms of one object: class, size, three coordinates, a direction.
const UNIFORMS: usize = 7;
/// Width w of the faces, in the shortest axis: ±0.76 at ±w.
const WIDTH: f64 = 0.03;
/// Cells per width below which a finer grid is used.
const CELLS_PER_WIDTH: f64 = 2.0;

/// Balls (class 0), shells (1) and pairs of balls (2).
///
/// > u(x) = tanh(s(x) / w),
///
/// s the signed distance to the object's surface, positive inside: R − r for a ball of radius R,
/// H − |r − R| for a shell of radius R and thickness 2H, and the larger of two balls' at opposite sides
/// of the centre for a pair. Sizes vary by ±20 %, centres lie in the middle third of every axis, w = 0.03.
///
/// **Unit** lengths are parts of the shortest axis; values −1 (ground) to +1 (object). Distances go
/// around periodic axes. The classes are equally likely.
///
/// **Cost** one distance a point; two transforms where the grid is too coarse for the faces.
///
/// # Example
/// ```
/// use karhunen_field::{Boundary, Grid};
/// use karhunen_simulate::{Shapes, Structure};
/// let grid = Grid::unit(&[16, 16], Boundary::Neumann)?;
/// let u = Shapes.generate(&grid, 7, 0)?;
/// assert_eq!(u.len(), 256);
/// assert!(Shapes.class(7, 0).is_some_and(|class| class < Shapes::CLASSES));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Shapes;

impl Shapes {
    /// Number of classes.
    pub const CLASSES: u32 = 3;
}

impl Structure for Shapes {
    fn class(&self, seed: u64, index: u64) -> Option<u32> {
        Some(Object::new(seed, index).class)
    }

    /// # Errors
    /// [`SimulateError::Walls`] on a box with a Dirichlet axis.
    fn generate(&self, grid: &Grid, seed: u64, index: u64) -> Result<Vec<f64>, SimulateError> {
        let shortest = grid.axes().iter().map(|a| a.length).fold(f64::INFINITY, f64::min);
        let fine = resolved("shapes", grid, shortest * WIDTH / CELLS_PER_WIDTH)?;
        let object = Object::new(seed, index);
        let value = |cell: usize| {
            let from_centre: Vec<f64> = (fine.axes().iter().zip(fine.position(cell)))
                .zip(object.centre)
                .map(|((a, j), c)| displacement(a, a.centre(j) - c * a.length) / shortest)
                .collect();
            libm::tanh(object.inside(&from_centre) / WIDTH)
        };
        let values: Vec<f64> = (0..fine.len()).map(value).collect();
        let transform = Transform::new(fine);
        Ok(restrict(&transform, &transform.analyse_channels(&values), grid))
    }
}

/// One object, in parts of the box and of its shortest axis.
struct Object {
    class: u32,
    /// Relative size.
    size: f64,
    centre: [f64; 3],
    /// Of a pair: a unit vector by its angles.
    angles: [f64; 2],
}

impl Object {
    fn new(seed: u64, index: u64) -> Self {
        let u = ModeNoise::new(seed).uniforms(UNIFORMS, index, stream::SIMULATION);
        Self {
            class: (u[0] * f64::from(Shapes::CLASSES)) as u32,
            size: 0.8 + 0.4 * u[1],
            centre: [u[2], u[3], u[4]].map(|u| (1.0 + u) / 3.0),
            angles: [u[5], u[6]].map(|u| 2.0 * std::f64::consts::PI * u),
        }
    }

    /// Signed distance to the surface of a point given from the centre.
    fn inside(&self, x: &[f64]) -> f64 {
        let norm = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>().sqrt();
        match self.class {
            0 => 0.2 * self.size - norm(x),
            1 => 0.06 * self.size - (norm(x) - 0.24 * self.size).abs(),
            _ => {
                let ball = |side: f64| {
                    let apart = x.iter().zip(self.direction(x.len()));
                    let from: Vec<f64> =
                        apart.map(|(x, d)| x - side * 0.19 * self.size * d).collect();
                    0.12 * self.size - norm(&from)
                };
                ball(-1.0).max(ball(1.0))
            }
        }
    }

    fn direction(&self, dim: usize) -> [f64; 3] {
        let [first, second] = self.angles;
        match dim {
            1 => [1.0, 0.0, 0.0],
            2 => [libm::cos(first), libm::sin(first), 0.0],
            _ => {
                // any law of directions serves; this one favours the poles
                let (s, c) = libm::sincos(second);
                [s * libm::cos(first), s * libm::sin(first), c]
            }
        }
    }
}

/// The difference of two coordinates, the shorter way round where the axis is periodic.
fn displacement(axis: &Axis, difference: f64) -> f64 {
    match axis.boundary {
        Boundary::Periodic => difference - axis.length * (difference / axis.length).round(),
        Boundary::Neumann | Boundary::Dirichlet => difference,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Faces of 0.03 cut at four cells a width: what a coarse grid loses of the tanh's tail.
    const CUT: f64 = 0.02;

    #[test]
    fn every_class_has_its_profile_from_the_centre() {
        let object = |class| Object { class, size: 1.0, centre: [0.5; 3], angles: [0.0; 2] };
        for (class, x, expected) in [
            (0, [0.0, 0.0], 0.2),
            (0, [0.3, 0.4], -0.3),
            (1, [0.0, 0.0], -0.18),
            (1, [0.24, 0.0], 0.06),
            (2, [0.19, 0.0], 0.12),
            (2, [0.0, 0.0], -0.07),
            (2, [-0.19, 0.02], 0.1),
        ] {
            let found = object(class).inside(&x);
            assert!((found - expected).abs() < 1e-12, "{class} {x:?}: {found}");
        }
    }

    #[test]
    fn one_index_is_one_object_on_every_grid_and_in_its_class() {
        let fine = Grid::unit(&[96, 80], Boundary::Neumann).unwrap();
        let coarse = fine.with_points(&[24, 20]).unwrap();
        let mut seen = [0; 3];
        for index in 0..30 {
            let class = Shapes.class(5, index).unwrap();
            seen[class as usize] += 1;
            let (a, b) = (Shapes.generate(&fine, 5, index), Shapes.generate(&coarse, 5, index));
            let (a, b) = (a.unwrap(), b.unwrap());
            let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
            assert!((mean(&a) - mean(&b)).abs() < CUT, "{index}");
            let high = a.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            assert!(high > 0.8 && high < 1.0 + CUT, "{index}: {high}");
        }
        assert!(seen.iter().all(|n| *n > 2), "{seen:?}");
    }

    #[test]
    fn classes_are_told_in_one_and_three_dimensions_and_around_corners() {
        for (points, boundary) in [
            (&[40][..], Boundary::Neumann),
            (&[33], Boundary::Periodic),
            (&[20, 20, 24], Boundary::Periodic),
        ] {
            let grid = Grid::unit(points, boundary).unwrap();
            let u = Shapes.generate(&grid, 3, 4).unwrap();
            assert_eq!(u.len(), grid.len());
            assert!(u.iter().all(|v| v.abs() < 1.5), "{points:?}");
        }
        let walls = Grid::unit(&[16], Boundary::Dirichlet).unwrap();
        assert!(matches!(Shapes.generate(&walls, 3, 4), Err(SimulateError::Walls { .. })));
    }
}
