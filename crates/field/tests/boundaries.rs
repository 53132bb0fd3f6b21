//! Every mix of boundary conditions against the analytic eigenfunctions.
//!
//! The basis is written out a second time here, without any transform. It is a product over the
//! axes that are not periodic, times one cosine or sine of the wave vector over the periodic axes.

use std::f64::consts::SQRT_2;

use karhunen_field::noise::stream;
use karhunen_field::prior::{Matern, sample};
use karhunen_field::resample::{area, spectral};
use karhunen_field::{Axis, Boundary, Ensemble, FieldError, Grid, Mode, ModeNoise, Transform};

/// Rounding of transforms of at most a few hundred cells.
const ROUNDING: f64 = 1e-12;

const ALL: [Boundary; 3] = [Boundary::Periodic, Boundary::Neumann, Boundary::Dirichlet];

/// Every mix of conditions for many shapes: odd, prime, even, 2, 3, non-square, 1-D to 3-D, and
/// boxes whose sides are no multiples of one another.
fn grids() -> Vec<Grid> {
    let shapes: [&[usize]; 9] =
        [&[2], &[3], &[7], &[16], &[4, 6], &[5, 3], &[13, 8], &[3, 4, 5], &[2, 3, 2]];
    let mut grids = Vec::new();
    for points in shapes {
        for mix in 0..3usize.pow(points.len() as u32) {
            let axes: Vec<Axis> = points
                .iter()
                .enumerate()
                .map(|(axis, &points)| Axis {
                    points,
                    length: 1.0 + 0.37 * axis as f64,
                    boundary: ALL[mix / 3usize.pow(axis as u32) % 3],
                })
                .collect();
            grids.push(Grid::new(&axes).unwrap());
        }
    }
    grids
}

/// e_k(x) by its definition.
fn eigenfunction(grid: &Grid, mode: &Mode, x: &[f64]) -> f64 {
    let (mut value, mut phase, mut leading) = (1.0, 0.0, 0);
    for (axis, a) in grid.axes().iter().enumerate() {
        let (k, theta) = (mode.wave[axis], mode.omega[axis] * x[axis]);
        match a.boundary {
            Boundary::Periodic => {
                phase += theta;
                if leading == 0 {
                    leading = k.signum();
                }
            }
            Boundary::Neumann if k == 0 => {}
            Boundary::Neumann => value *= SQRT_2 * theta.cos(),
            Boundary::Dirichlet => value *= SQRT_2 * theta.sin(),
        }
    }
    value
        * match leading {
            0 => 1.0,
            1 => SQRT_2 * phase.cos(),
            _ => -SQRT_2 * phase.sin(),
        }
}

fn centre(grid: &Grid, flat: usize) -> Vec<f64> {
    grid.axes().iter().zip(grid.position(flat)).map(|(a, j)| a.centre(j)).collect()
}

#[test]
fn modes_are_the_named_functions_and_coefficients_their_inner_products() {
    for grid in grids() {
        let transform = Transform::new(grid);
        let f = ModeNoise::new(2).cell_normals(&grid, 0, stream::START, 0);
        let coefficients = transform.analyse_channels(&f);
        for (slot, mode) in grid.modes().enumerate() {
            let mut one = vec![0.0; grid.mode_count()];
            one[slot] = 1.0;
            let e = transform.synthesise_channels(&one);
            let mut product = 0.0;
            for (flat, (value, f)) in e.iter().zip(&f).enumerate() {
                let expected = eigenfunction(&grid, &mode, &centre(&grid, flat));
                assert!((value - expected).abs() < ROUNDING, "{:?} {mode:?}", grid.axes());
                product += f * expected / grid.len() as f64;
            }
            let error = (coefficients[slot] - product).abs();
            assert!(error < ROUNDING, "{:?} {mode:?}: {error}", grid.axes());
            let back = transform.analyse_channels(&e);
            let error = one.iter().zip(&back).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            assert!(error < ROUNDING, "{:?} {mode:?}: not orthonormal by {error}", grid.axes());
        }
    }
}

/// −Δ e_k = |ω_k|² e_k and the boundary conditions, by central differences with step 1e-3: their
/// error is h² ω⁴/12 of order 1e-3 for the lowest modes.
#[test]
fn modes_are_eigenfunctions_that_keep_their_boundary_conditions() {
    let h = 1e-3;
    for grid in grids() {
        for mode in grid.modes().filter(|m| m.wave.iter().all(|k| k.abs() <= 2)) {
            let inside: Vec<f64> = grid.axes().iter().map(|a| 0.313 * a.length).collect();
            let at = |axis: usize, shift: f64, from: &[f64]| {
                let mut x = from.to_vec();
                x[axis] += shift;
                eigenfunction(&grid, &mode, &x)
            };
            let here = eigenfunction(&grid, &mode, &inside);
            let laplacian: f64 = (0..grid.dim())
                .map(|axis| at(axis, h, &inside) + at(axis, -h, &inside) - 2.0 * here)
                .sum::<f64>()
                / (h * h);
            let error = (laplacian + mode.laplacian() * here).abs();
            assert!(error < 1e-5 * (1.0 + mode.laplacian().powi(2)), "{mode:?}: {error}");
            for (axis, a) in grid.axes().iter().enumerate() {
                for wall in [0.0, a.length] {
                    let mut x = inside.clone();
                    x[axis] = wall;
                    let slope = (at(axis, h, &x) - at(axis, -h, &x)) / (2.0 * h);
                    let broken = match a.boundary {
                        Boundary::Periodic => at(axis, 0.1, &x) - at(axis, 0.1 - a.length, &x),
                        Boundary::Neumann => slope,
                        Boundary::Dirichlet => at(axis, 0.0, &x),
                    };
                    assert!(broken.abs() < 1e-9, "{:?} {mode:?} at {wall}: {broken}", a.boundary);
                }
            }
        }
    }
}

/// k = N alternates between cells: its squared norm on the grid is 2, and it is its own alias.
#[test]
fn the_sine_that_is_left_out_has_twice_the_norm() {
    for n in [2, 5, 8] {
        let axis = Axis { points: n, length: 1.0, boundary: Boundary::Dirichlet };
        let square: f64 = (0..n)
            .map(|j| 2.0 * (axis.frequency(n as i32) * axis.centre(j)).sin().powi(2))
            .sum::<f64>()
            / n as f64;
        assert!((square - 2.0).abs() < ROUNDING, "{n}: {square}");
        assert_eq!(axis.modes(), n - 1);
    }
}

#[test]
fn one_seed_is_one_function_whatever_the_mix() {
    let prior = Matern::new(1.0, 0.4, 1.5).unwrap();
    for grid in grids() {
        let fine = grid.with_points(&grid.points().iter().map(|n| 2 * n + 1).collect::<Vec<_>>());
        let fine = fine.unwrap();
        let draw = |g| sample(&prior, g, 2, 9, 4..6, stream::START);
        let (below, above) = (draw(grid), draw(fine));
        let restricted = spectral(&above, grid).unwrap();
        for (a, b) in restricted.values.iter().zip(&below.values) {
            assert!((a - b).abs() < ROUNDING, "{:?}", grid.axes());
        }
        let back = spectral(&spectral(&below, fine).unwrap(), grid).unwrap();
        assert!(back.values.iter().zip(&below.values).all(|(a, b)| (a - b).abs() < ROUNDING));
    }
}

/// Projection keeps the part that the modes represent and drops the rest: idempotent, never longer.
#[test]
fn projection_drops_what_no_mode_holds() {
    for grid in grids() {
        let transform = Transform::new(grid);
        let f = ModeNoise::new(3).cell_normals(&grid, 0, stream::START, 0);
        let (mut once, norm) = (f.clone(), |v: &[f64]| v.iter().map(|x| x * x).sum::<f64>());
        transform.project(&mut once);
        let mut twice = once.clone();
        transform.project(&mut twice);
        assert!(once.iter().zip(&twice).all(|(a, b)| (a - b).abs() < ROUNDING));
        let dropped: Vec<f64> = f.iter().zip(&once).map(|(a, b)| a - b).collect();
        let apart = (norm(&once) + norm(&dropped) - norm(&f)).abs();
        assert!(apart < 1e-11 * norm(&f), "{:?}: not orthogonal by {apart}", grid.axes());
    }
}

/// Cell averages do not depend on the basis: constants stay constant for any boundary.
#[test]
fn area_averages_do_not_depend_on_the_boundary() {
    let values: Vec<f64> = (0..42).map(|i| f64::from(i * i % 11)).collect();
    let coarse = |boundary| {
        let fine = Grid::unit(&[7, 6], boundary).unwrap();
        let fields = Ensemble::new(fine, 1, values.clone()).unwrap();
        area(&fields, fine.with_points(&[3, 4]).unwrap()).unwrap().values
    };
    assert_eq!(coarse(Boundary::Dirichlet), coarse(Boundary::Neumann));
    assert_eq!(coarse(Boundary::Periodic), coarse(Boundary::Neumann));
}

#[test]
fn boxes_differ_by_their_boundaries() {
    let neumann = Grid::unit(&[4, 4], Boundary::Neumann).unwrap();
    let dirichlet = Grid::unit(&[4, 4], Boundary::Dirichlet).unwrap();
    assert!(!neumann.same_box(&dirichlet));
    let error = spectral(&Ensemble::zeros(neumann, 1, 1), dirichlet).unwrap_err();
    assert!(matches!(error, FieldError::GridMismatch { .. }), "{error}");
    let text = serde_json::to_string(&dirichlet).unwrap();
    assert_eq!(serde_json::from_str::<Grid>(&text).unwrap(), dirichlet);
}
