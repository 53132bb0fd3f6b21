//! Matérn eigenvalues and samples against the analytic covariance function.
//!
//! C(r) is in closed form for ν = ½, 3/2, 5/2, and by quadrature of K₁(z) = ∫₀^∞ e^{−z cosh t} cosh
//! t dt for ν = 1. Images of the box are summed. The sum over modes ends at the grid, and its tail
//! is extrapolated by the known power N^{−2ν}.

use karhunen_field::noise::stream;
use karhunen_field::prior::{Matern, sample};
use karhunen_field::{Axis, Boundary, Grid, Mode, Prior};

use super::mixed;

/// Rounding of sums of up to 10⁶ terms of either sign.
const ROUNDING: f64 = 1e-12;

fn matern(nu: f64, r: f64) -> f64 {
    let z = (2.0 * nu).sqrt() * r;
    if nu == 0.5 {
        (-z).exp()
    } else if nu == 1.5 {
        (1.0 + z) * (-z).exp()
    } else if nu == 2.5 {
        (1.0 + z + z * z / 3.0) * (-z).exp()
    } else {
        assert_eq!(nu, 1.0);
        if z == 0.0 {
            return 1.0;
        }
        // the trapezoidal rule converges double exponentially here
        let step = 1.0 / 16.0;
        let term = |i: i32| {
            let cosh = (f64::from(i) * step).cosh();
            (-z * cosh).exp() * cosh
        };
        z * step * (0.5 * term(0) + (1..16 * 12).map(term).sum::<f64>())
    }
}

/// Σ over the box's images of C(|x − image of y|).
fn with_images(grid: &Grid, x: &[f64], y: &[f64], covariance: &dyn Fn(f64) -> f64) -> f64 {
    const REACH: i32 = 5; // e^{−κ r} is below 1e-11 beyond, for the lengths used here
    let offsets: Vec<Vec<(f64, f64)>> = grid
        .axes()
        .iter()
        .zip(x.iter().zip(y))
        .map(|(a, (x, y))| {
            (-REACH..=REACH)
                .flat_map(|n| match a.boundary {
                    Boundary::Periodic => vec![(1.0, x - y + f64::from(n) * a.length)],
                    Boundary::Neumann | Boundary::Dirichlet => {
                        let shift = 2.0 * f64::from(n) * a.length;
                        let sign = if a.boundary == Boundary::Neumann { 1.0 } else { -1.0 };
                        vec![(1.0, x - y + shift), (sign, x + y + shift)]
                    }
                })
                .collect()
        })
        .collect();
    let mut images = vec![(1.0, 0.0)];
    for axis in &offsets {
        let with = |(sign, square): &(f64, f64)| {
            let (sign, square) = (*sign, *square);
            axis.iter().map(move |(reflected, d)| (sign * reflected, square + d * d))
        };
        images = images.iter().flat_map(with).collect();
    }
    images.iter().map(|(sign, square)| sign * covariance(square.sqrt())).sum()
}

/// Σ_k λ_k e_k(x) e_k(y). Over a ± pair of periodic waves the products add to 2 cos ω(x − y).
fn from_modes(grid: &Grid, prior: &dyn Prior, x: &[f64], y: &[f64]) -> f64 {
    let product = |mode: &Mode| {
        let mut phase = 0.0;
        let mut value = 1.0;
        for (axis, (x, y)) in x.iter().zip(y).enumerate() {
            let omega = mode.omega[axis];
            if mode.periodic[axis] {
                phase += omega * (x - y);
            } else if grid.axes()[axis].boundary == Boundary::Dirichlet {
                value *= 2.0 * (omega * x).sin() * (omega * y).sin();
            } else if omega != 0.0 {
                value *= 2.0 * (omega * x).cos() * (omega * y).cos();
            }
        }
        value * phase.cos()
    };
    grid.modes().map(|mode| prior.eigenvalue(&mode) * product(&mode)).sum()
}

/// The grid whose band is exactly three times as wide: |ω| < π(N − ½)/L with cosines and sines,
/// πN/L for odd periodic N.
fn tripled(grid: &Grid) -> Grid {
    let points: Vec<usize> = grid
        .axes()
        .iter()
        .map(|a| match a.boundary {
            Boundary::Periodic => 3 * a.points,
            Boundary::Neumann | Boundary::Dirichlet => 3 * a.points - 1,
        })
        .collect();
    grid.with_points(&points).unwrap()
}

/// Variance and covariances in the interior of a box. Beyond the fine grid the variance lacks a
/// tail ∝ N^{−2ν}, which is extrapolated to a few per cent of itself (walls add a term smaller by
/// 1/N). Off the diagonal the tail oscillates and is smaller by as much.
fn compare(grid: Grid, nu: f64) {
    let (variance, length) = (1.7, 0.2);
    let prior = Matern::new(variance, length, nu).unwrap();
    let covariance = |r: f64| variance * matern(nu, r / length);
    let fine = tripled(&grid);
    let at = |parts: [f64; 3]| -> Vec<f64> {
        grid.axes().iter().zip(parts).map(|(a, p)| p * a.length).collect()
    };
    let x = at([0.4, 0.35, 0.55]);
    let (coarse, finer) = (from_modes(&grid, &prior, &x, &x), from_modes(&fine, &prior, &x, &x));
    let tail = (finer - coarse) / (9f64.powf(nu) - 1.0);
    let expected = with_images(&grid, &x, &x, &covariance);
    // sines lack the lowest mode of every face, so the term smaller by 1/N is larger for them
    let extrapolation = if grid.holds_constants() { 0.04 } else { 0.1 };
    let error = (finer + tail - expected).abs();
    assert!(
        error < extrapolation * tail + ROUNDING,
        "{grid:?} ν = {nu}: variance off by {error}, tail {tail}"
    );
    for y in [at([0.5, 0.4, 0.5]), at([0.9, 0.1, 0.2])] {
        let (found, expected) =
            (from_modes(&fine, &prior, &x, &y), with_images(&grid, &x, &y, &covariance));
        let error = (found - expected).abs();
        assert!(error < 0.01 * tail + ROUNDING, "{grid:?} ν = {nu}: {found} for {expected}");
    }
}

#[test]
fn modes_sum_to_the_matern_covariance_and_its_images() {
    for boundary in [Boundary::Periodic, Boundary::Neumann, Boundary::Dirichlet] {
        let cells = |points: &[usize], lengths: &[f64]| {
            let axes: Vec<Axis> = points
                .iter()
                .zip(lengths)
                .map(|(&points, &length)| Axis { points, length, boundary })
                .collect();
            Grid::new(&axes).unwrap()
        };
        for nu in [0.5, 1.0, 1.5, 2.5] {
            compare(cells(&[2001], &[1.0]), nu);
            compare(cells(&[151, 101], &[1.5, 1.0]), nu);
            compare(cells(&[25, 33, 29], &[0.8, 1.1, 1.0]), nu);
        }
    }
    compare(mixed(&[151, 151], Boundary::Periodic), 1.5);
    compare(mixed(&[151, 151], Boundary::Dirichlet), 1.5);
}

/// A reflecting wall doubles the variance at the wall. On average it adds S(0)/2L = σ²ℓ/L in 1-D.
#[test]
fn walls_reflect_the_covariance() {
    let grid = Grid::unit(&[20_001], Boundary::Neumann).unwrap();
    let prior = Matern::new(1.0, 0.05, 1.5).unwrap();
    let wall = from_modes(&grid, &prior, &[0.0], &[0.0]);
    assert!((wall - 2.0).abs() < 1e-8, "{wall}");
    let mut zero = grid.modes().next().unwrap();
    zero.omega[0] = 0.0;
    let surplus = prior.eigenvalue(&zero) / 2.0; // S(0)/2L on L = 1
    assert!((prior.trace(&grid) - 1.0 - surplus).abs() < 1e-8, "{}", prior.trace(&grid));
    let exponential = Matern::new(1.0, 0.05, 0.5).unwrap();
    assert!((exponential.eigenvalue(&zero) / 2.0 - 0.05).abs() < 1e-12); // ∫ e^{−|r|/ℓ} dr = 2ℓ
}

/// Dirichlet walls subtract what Neumann walls add.
#[test]
fn fixed_walls_absorb_the_covariance() {
    let grid = Grid::unit(&[20_001], Boundary::Dirichlet).unwrap();
    let prior = Matern::new(1.0, 0.05, 1.5).unwrap();
    assert_eq!(from_modes(&grid, &prior, &[0.0], &[0.0]), 0.0);
    let mut zero = grid.modes().next().unwrap();
    zero.omega[0] = 0.0;
    let deficit = prior.eigenvalue(&zero) / 2.0; // S(0)/2L on L = 1
    assert!((prior.trace(&grid) - 1.0 + deficit).abs() < 1e-8, "{}", prior.trace(&grid));
}

/// The empirical covariance of draws against the analytic one, for every pair of points.
#[test]
fn draws_have_the_matern_covariance() {
    let count = 20_000;
    for grid in [
        Grid::unit(&[25], Boundary::Neumann).unwrap(),
        Grid::unit(&[25], Boundary::Periodic).unwrap(),
        Grid::unit(&[9, 7], Boundary::Periodic).unwrap(),
        Grid::unit(&[9, 7], Boundary::Dirichlet).unwrap(),
        Grid::unit(&[5, 3, 3], Boundary::Neumann).unwrap(),
    ] {
        let length = 0.5;
        let prior = Matern::new(1.0, length, 2.5).unwrap();
        let covariance = |r: f64| matern(2.5, r / length);
        let draws = sample(&prior, grid, 1, 8, 0..count, stream::START);
        let n = grid.len();
        let mut moments = vec![0.0; n * n];
        for field in draws.fields() {
            for (i, x) in field.iter().enumerate() {
                for (m, y) in moments[i * n..(i + 1) * n].iter_mut().zip(field) {
                    *m += x * y;
                }
            }
        }
        let centre = |flat: usize| -> Vec<f64> {
            grid.axes().iter().zip(grid.position(flat)).map(|(a, j)| a.centre(j)).collect()
        };
        let expected = |i, j| with_images(&grid, &centre(i), &centre(j), &covariance);
        for i in 0..n {
            for j in 0..=i {
                let (cij, cii, cjj) = (expected(i, j), expected(i, i), expected(j, j));
                // six standard errors, at most 2016 pairs a grid: false alarm below 1e-5; the tail
                // beyond the grid is added
                let standard = ((cii * cjj + cij * cij) / count as f64).sqrt();
                let cut = (cii - from_modes(&grid, &prior, &centre(i), &centre(i))).abs()
                    + (cjj - from_modes(&grid, &prior, &centre(j), &centre(j))).abs();
                let error = (moments[i * n + j] / count as f64 - cij).abs();
                assert!(error < 6.0 * standard + cut, "{grid:?} ({i}, {j}): {error} of {cij}");
            }
        }
    }
}
