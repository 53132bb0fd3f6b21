//! Noise and data of a larger box, and refused boxes.

use std::sync::Arc;

use karhunen_field::large_box::{BoxFault, Continued, LargeBox};
use karhunen_field::noise::stream;
use karhunen_field::prior::{Matern, Measured, Tempered};
use karhunen_field::{Boundary, Calibration, FieldError, GaussianLaw, Grid, Prior, Transform};

use crate::data::trained;

/// C(·, y) of a covariance on a grid.
fn column(prior: &dyn Prior, grid: Grid, at: usize) -> Vec<f64> {
    let transform = Transform::new(grid);
    let mut delta = vec![0.0; grid.len()];
    delta[at] = grid.len() as f64;
    let mut modes = transform.analyse_channels(&delta);
    modes.iter_mut().zip(prior.eigenvalues(&grid)).for_each(|(m, lambda)| *m *= lambda);
    transform.synthesise_channels(&modes)
}

#[test]
fn noise_on_the_larger_box_is_the_trained_boxs_in_its_interior() {
    let matern: Arc<dyn Prior> = Arc::new(Matern::new(1.0, 0.04, 1.5).unwrap());
    let (n, r) = (Boundary::Neumann, Boundary::Periodic);
    for (points, boundary, times, periodic) in [
        (&[64][..], n, &[2.0][..], false),
        (&[64], n, &[3.0], false),
        (&[64], n, &[2.5], false),
        (&[64], n, &[4.0], true),
        (&[65], r, &[4.0], true),
        (&[32, 32], n, &[2.0, 3.0], false),
        (&[32, 32], n, &[2.0, 2.0], true),
        (&[16, 16, 16], n, &[2.0, 1.0, 3.0], false),
    ] {
        let small = trained(points, boundary);
        let dim = points.len();
        let large = LargeBox::new(small, times, &vec![periodic; dim]).unwrap();
        let grid = large.like(&small).unwrap();
        let prior = Continued::new(Arc::clone(&matern), &large);
        // the middle of both boxes, and places up to an eighth of the trained box from it along
        // every axis
        let middle = |grid: &Grid| grid.axes().iter().fold(0, |at, a| at * a.points + a.points / 2);
        let (own, other) = (middle(&small), middle(&grid));
        let (known, found) = (column(matern.as_ref(), small, own), column(&prior, grid, other));
        let (mut step, mut wide) = (1, 1);
        for axis in (0..dim).rev() {
            for lag in 0..=points[axis] / 8 {
                let (k, f) = (known[own + lag * step], found[other + lag * wide]);
                assert!(
                    (k - f).abs() < 6e-3,
                    "{points:?} x {times:?} axis {axis} lag {lag}: {k} {f}"
                );
            }
            (step, wide) = (step * points[axis], wide * grid.axes()[axis].points);
        }
        // the variance at a point, up to rounding where the larger box's modes refine the trained
        // ones
        if times.iter().all(|t| t.fract() == 0.0) && !(periodic && boundary == n) && dim == 1 {
            assert!((known[own] - found[other]).abs() < 2e-3 * known[own], "{times:?}");
        }
    }
}

#[test]
fn one_mode_after_another_or_all_at_once() {
    let small = trained(&[9, 7], Boundary::Neumann);
    let law: Vec<f64> = small.modes().map(|m| (3.0 + m.laplacian()).powf(-1.7)).collect();
    let measured: Arc<dyn Prior> = Arc::new(Measured::new(small, law).unwrap());
    let ring = trained(&[9, 8], Boundary::Periodic);
    let truncated: Arc<dyn Prior> =
        Arc::new(karhunen_field::prior::Truncated::new(3, 3, 1.0).unwrap());
    for (prior, small, times, periodic) in [
        (&measured, small, [2.0, 3.5], [false, true]),
        (&measured, small, [1.0, 2.0], [false, false]),
        (&truncated, ring, [3.0, 2.0], [false, false]),
    ] {
        let large = LargeBox::new(small, &times, &periodic).unwrap();
        let prior = Continued::new(Arc::clone(prior), &large);
        let grid = large.grid(&[23, 29]).unwrap();
        let all = prior.eigenvalues(&grid);
        for (mode, lambda) in grid.modes().zip(&all) {
            let one = prior.eigenvalue(&mode);
            assert!((one - lambda).abs() <= 1e-12 * lambda.abs(), "{mode:?}: {one} {lambda}");
            assert!(*lambda >= 0.0);
        }
        assert!((prior.trace(&grid) - all.iter().sum::<f64>()).abs() < 1e-12);
    }
    // along a kept axis the modes are the trained ones
    let large = LargeBox::new(small, &[1.0, 2.0], &[false, false]).unwrap();
    let grid = large.like(&small).unwrap();
    let (own, known) =
        (Continued::new(measured.clone(), &large).eigenvalues(&grid), measured.eigenvalues(&small));
    for i in 0..9 {
        for j in 0..7 {
            assert!((2.0 * own[i * 14 + 2 * j] / known[i * 7 + j] - 1.0).abs() < 1e-12);
        }
    }
}

/// Noise that is white on the band is white on the cells, of the same strength, up to its fall
/// beyond the last mode.
#[test]
fn flat_noise_stays_flat() {
    let small = trained(&[32], Boundary::Neumann);
    let law: Vec<f64> = small.modes().map(|m| (9.0 + m.laplacian()).powi(-1)).collect();
    let flat: Arc<dyn Prior> = Arc::new(Tempered::flat(small, &law).unwrap());
    let large = LargeBox::new(small, &[4.0], &[false]).unwrap();
    let grid = large.like(&small).unwrap();
    let (own, known) = (Continued::new(flat.clone(), &large), flat.eigenvalues(&small)[0] * 32.0);
    let column = column(&own, grid, 50);
    assert!((column[50] / known - 1.0).abs() < 0.01, "{} {known}", column[50]);
    assert!(column.iter().enumerate().all(|(i, c)| i == 50 || c.abs() < 0.01 * known));
}

#[test]
fn boxes_that_are_none_are_refused() {
    let small = trained(&[8, 8], Boundary::Neumann);
    let of = |times: &[f64], periodic: &[bool]| LargeBox::new(small, times, periodic);
    let fault = |result: Result<LargeBox, FieldError>| match result {
        Err(FieldError::LargeBox { axis, fault }) => (axis, fault),
        other => panic!("{other:?}"),
    };
    assert_eq!(fault(of(&[2.0, 0.5], &[false; 2])), (1, BoxFault::Below(0.5)));
    assert!(matches!(fault(of(&[f64::NAN, 1.0], &[false; 2])), (0, BoxFault::Below(_))));
    assert!(matches!(of(&[2.0], &[false]), Err(FieldError::CellCounts { .. })));
    let walls = Grid::unit(&[8, 8], Boundary::Dirichlet).unwrap();
    let closed = LargeBox::new(walls, &[1.0, 2.0], &[false; 2]);
    assert_eq!(fault(closed), (1, BoxFault::Walls(2.0)));
    assert!(LargeBox::new(walls, &[1.0, 1.0], &[false; 2]).unwrap().is_trained());
    let third = of(&[4.0 / 3.0, 1.0], &[false; 2]).unwrap();
    assert!(matches!(third.like(&small), Err(FieldError::LargeBox { axis: 0, .. })));
    assert_eq!(third.like(&small.with_points(&[9, 8]).unwrap()).unwrap().points(), [12, 8]);
    assert!(of(&[1.0, 1.0], &[true, false]).unwrap().is_ring(0));
    assert!(!of(&[1.0, 1.0], &[true, false]).unwrap().is_trained());
}

#[test]
fn a_calibration_has_the_same_factors_by_frequency_and_the_same_shift() {
    let grid = trained(&[9, 8], Boundary::Neumann);
    let law = GaussianLaw::centred(grid, Arc::new(Matern::new(1.0, 0.15, 1.5).unwrap()), 1);
    let mut pilots = law.sample(grid, 3, 0..60, stream::START);
    pilots.values.iter_mut().for_each(|v| *v = 0.8 * *v + 0.9);
    let own = Calibration::measure(&law, &pilots).unwrap();
    let large = LargeBox::new(grid, &[2.0, 3.0], &[false, true]).unwrap();
    let other = own.enlarged(&large).unwrap();
    let wide = large.like(&grid).unwrap();
    let (f, g) = (own.factors(&grid), other.factors(&wide));
    // twice as long: mode (2, 0) there is (1, 0) here; on a periodic axis of length three, 2π 3/3L
    // is π 2/L
    let row = wide.mode_shape()[1];
    assert!((g[0] - f[0]).abs() + (g[2 * row] - f[8]).abs() + (g[5] - f[2]).abs() < 1e-12);
    let ((_, _, before), (_, _, after)) = (own.parts(), other.parts());
    assert!(before[0] != 0.0 && after[0] == before[0]);
    assert!(after[1..].iter().all(|b| *b == 0.0));
    let odd = LargeBox::new(grid, &[2.0, 1.1], &[false, false]).unwrap();
    assert!(own.enlarged(&odd).is_err());
}
