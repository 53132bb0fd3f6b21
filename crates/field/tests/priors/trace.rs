//! Traces against power counting: which priors converge, and how fast.

use std::f64::consts::PI;

use karhunen_field::prior::{Bessel, Laplacian, Standard, Truncated};
use karhunen_field::{Boundary, Grid, Prior};

/// Grids whose modes fill a cube. Odd periodic grids hold |k| ≤ (N−1)/2, a cube of side exactly 2πN
/// in ω by the midpoint rule. Sums over triplings are then self-similar, with errors of order
/// N^{−2}.
fn cubes(dim: usize) -> Vec<Grid> {
    let sizes: &[usize] = match dim {
        1 => &[81, 243, 729, 2187],
        2 => &[27, 81, 243, 729],
        _ => &[15, 45, 135],
    };
    sizes.iter().map(|&n| Grid::unit(&vec![n; dim], Boundary::Periodic).unwrap()).collect()
}

/// Exponents, to base 3, of the increment at each tripling.
fn slopes(sums: &[f64]) -> Vec<f64> {
    let added: Vec<f64> = sums.windows(2).map(|w| w[1] - w[0]).collect();
    added.windows(2).map(|w| (w[1] / w[0]).ln() / 3f64.ln()).collect()
}

#[test]
fn tails_fall_as_n_to_the_d_minus_4p() {
    for dim in 1..=3 {
        for excess in [0.1, 0.3, 0.55] {
            let p = dim as f64 / 4.0 + excess;
            let laplacian = Laplacian::new(dim, 8.0, p).unwrap();
            let bessel = Bessel::new(dim, 1.0, 8.0, p).unwrap();
            for prior in [&laplacian as &dyn Prior, &bessel] {
                let traces: Vec<f64> = cubes(dim).iter().map(|g| prior.trace(g)).collect();
                let slope = *slopes(&traces).last().unwrap();
                let expected = dim as f64 - 4.0 * p;
                assert!((slope - expected).abs() < 0.01, "{prior:?}: {slope} for {expected}");
            }
        }
    }
}

/// p = ½ in two dimensions: every refinement adds ln(ratio)/2π without end.
#[test]
fn the_borderline_power_gains_a_constant_per_refinement() {
    let sums: Vec<f64> = cubes(2)
        .iter()
        .map(|g| g.modes().skip(1).map(|m| m.laplacian().powf(-1.0)).sum())
        .collect();
    for gain in sums.windows(2).map(|w| w[1] - w[0]) {
        assert!((gain / (3f64.ln() / (2.0 * PI)) - 1.0).abs() < 2e-3, "{gain}");
    }
    assert!(Laplacian::new(2, 1.0, 0.5).is_err() && Bessel::new(2, 1.0, 1.0, 0.5).is_err());
}

#[test]
fn white_noise_on_all_modes_grows_with_the_cells() {
    for dim in 1..=3 {
        let sums: Vec<f64> = cubes(dim).iter().map(|g| g.modes().map(|_| 1.0).sum()).collect();
        for w in sums.windows(2) {
            assert_eq!(w[1] / w[0], 3f64.powi(dim as i32));
        }
    }
}

#[test]
fn standard_noise_has_trace_one_everywhere_and_finite_rank_saturates() {
    for points in [&[8][..], &[7], &[8, 6], &[4, 5, 6]] {
        for boundary in [Boundary::Periodic, Boundary::Neumann] {
            let grid = Grid::unit(points, boundary).unwrap();
            assert_eq!(Standard::new().trace(&grid), 1.0);
            let held: f64 = Standard::new().eigenvalues(&grid).iter().sum();
            let share = grid.mode_count() as f64 / grid.len() as f64;
            assert!((held - share).abs() < 1e-12, "{grid:?} {boundary}");
        }
    }
    let prior = Truncated::new(1, 3, 1.0).unwrap();
    let grid = |n| Grid::unit(&[n, n], Boundary::Neumann).unwrap();
    assert!(prior.trace(&grid(3)) < prior.trace(&grid(4)));
    assert_eq!(prior.trace(&grid(4)), prior.trace(&grid(9)));
}

/// The eigenvalues themselves, computed by hand.
#[test]
fn eigenvalues_are_the_formulas() {
    let grid = Grid::unit(&[2], Boundary::Neumann).unwrap(); // ω = 0, π
    let close = |prior: &dyn Prior, expected: [f64; 2]| {
        let found = prior.eigenvalues(&grid);
        assert!(super::max_error(&found, &expected) < 1e-15, "{prior:?}: {found:?}");
    };
    close(&Bessel::new(1, 3.0, 4.0, 0.5).unwrap(), [9.0 / 4.0, 9.0 / (4.0 + PI * PI)]);
    let laplacian = Laplacian::new(1, 2.0, 0.5).unwrap();
    close(&laplacian, [4.0 / PI.powi(2), 4.0 / PI.powi(2)]);
    close(&laplacian.with_constant(0.0).unwrap(), [0.0, 4.0 / PI.powi(2)]);
}
