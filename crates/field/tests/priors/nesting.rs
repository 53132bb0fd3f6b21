//! One (seed, index) is one function on every grid.

use std::sync::Arc;

use karhunen_field::noise::stream;
use karhunen_field::prior::{Combined, Draws, Laplacian, Standard, Truncated, sample};
use karhunen_field::resample::{copy_modes, spectral};
use karhunen_field::{Boundary, Grid, ModeNoise, Prior, Transform};

use super::{max_error, mixed, nested_priors, pairs};

#[test]
fn a_fine_field_restricted_is_the_coarse_field() {
    let all = [Boundary::Neumann, Boundary::Periodic, Boundary::Dirichlet];
    let mut grids: Vec<_> = all.into_iter().flat_map(pairs).collect();
    for first in all {
        let coarse = mixed(&[4, 5, 3], first);
        grids.push((coarse, coarse.with_points(&[9, 10, 7]).unwrap()));
    }
    for (coarse, fine) in grids {
        for prior in nested_priors(&coarse) {
            assert!(prior.is_nested());
            let modes = |g: &Grid| {
                Draws::new(prior.as_ref(), *g).modes(ModeNoise::new(3), 11, stream::START, 1)
            };
            let mut restricted = vec![0.0; coarse.mode_count()];
            copy_modes(&fine, &modes(&fine), &coarse, &mut restricted);
            assert_eq!(restricted, modes(&coarse), "{prior:?} {coarse:?}");

            let draw = |g| sample(prior.as_ref(), g, 2, 3, 11..13, stream::START);
            let (below, above) = (draw(coarse), draw(fine));
            let error = max_error(&spectral(&above, coarse).unwrap().values, &below.values);
            let size = below.values.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
            assert!(error < 1e-12 * size, "{prior:?} {coarse:?}: {error}");
        }
    }
}

#[test]
fn white_noise_per_cell_is_not_nested_and_fills_every_cell() {
    let (grid, prior) = (Grid::unit(&[6, 4], Boundary::Periodic).unwrap(), Standard::new());
    assert!(!prior.is_nested());
    let count = 20_000;
    let draws = sample(&prior, grid, 1, 1, 0..count, stream::START);
    // six standard errors in 24 cells and one sum: false alarm below 1e-7
    let bound = 6.0 * (2.0 / count as f64).sqrt();
    for cell in 0..grid.len() {
        let variance: f64 = draws.fields().map(|f| f[cell] * f[cell]).sum::<f64>() / count as f64;
        assert!((variance - 1.0).abs() < bound, "cell {cell}: {variance}");
    }
    // the checkerboard is a Nyquist mode, which the grid's own modes do not hold
    let checker = |f: &[f64]| {
        let sign = |j: usize| {
            if (grid.position(j)[0] + grid.position(j)[1]) % 2 == 0 { 1.0 } else { -1.0 }
        };
        f.iter().enumerate().map(|(j, v)| sign(j) * v).sum::<f64>() / (grid.len() as f64).sqrt()
    };
    let power = draws.fields().map(|f| checker(f).powi(2)).sum::<f64>() / count as f64;
    assert!((power - 1.0).abs() < bound, "{power}");
    // the coefficients of a draw are those of its values
    let modes = Draws::new(&prior, grid).modes(ModeNoise::new(1), 0, stream::START, 0);
    let first = &draws.values[..grid.len()];
    assert!(max_error(&modes, &Transform::new(grid).analyse_channels(first)) < 1e-14);
}

#[test]
fn combined_noise_is_the_weighted_sum_of_its_parts() {
    let grid = Grid::unit(&[9, 8], Boundary::Neumann).unwrap();
    let parts: Vec<(f64, Arc<dyn Prior>)> = vec![
        (0.5, Arc::new(Truncated::new(2, 4, 1.0).unwrap())),
        (10.0, Arc::new(Laplacian::new(2, 1.0, 0.55).unwrap())),
    ];
    let prior = Combined::new(parts.clone()).unwrap();
    let draw = |p: &dyn Prior| Draws::new(p, grid).modes(ModeNoise::new(1), 0, stream::START, 0);
    let mut sum = vec![0.0; grid.mode_count()];
    for (weight, part) in prior.parts() {
        sum.iter_mut().zip(draw(part.as_ref())).for_each(|(s, x)| *s += weight * x);
    }
    assert!(max_error(&sum, &draw(&prior)) < 1e-13);
}

/// λ_k = λ_{−k} on periodic axes, different weights elsewhere, nothing beyond the cutoff.
#[test]
fn truncated_weights_belong_to_pairs_of_waves() {
    let prior = Truncated::new(9, 3, 2.0).unwrap();
    for grid in [
        Grid::unit(&[9], Boundary::Periodic).unwrap(),
        Grid::unit(&[9, 11], Boundary::Periodic).unwrap(),
        Grid::unit(&[7, 9, 9], Boundary::Periodic).unwrap(),
        mixed(&[9, 8, 9], Boundary::Periodic),
        mixed(&[8, 9, 9], Boundary::Neumann),
    ] {
        let modes: Vec<_> = grid.modes().map(|m| (m, prior.eigenvalue(&m))).collect();
        let mut seen: Vec<f64> = Vec::new();
        for (mode, value) in &modes {
            let mut mirrored = mode.wave;
            for (k, periodic) in mirrored.iter_mut().zip(mode.periodic) {
                *k = if periodic { -*k } else { *k };
            }
            let partner = modes.iter().find(|(m, _)| m.wave == mirrored).unwrap().1;
            assert_eq!(*value, partner, "{mode:?}");
            if mode.wave.iter().all(|k| k.abs() <= 3) {
                assert!((0.16..6.56).contains(value), "{mode:?} {value}");
                if mode.wave <= mirrored {
                    seen.push(*value);
                }
            } else {
                assert_eq!(*value, 0.0);
            }
        }
        let count = seen.len();
        seen.sort_by(f64::total_cmp);
        seen.dedup();
        assert_eq!(seen.len(), count, "two pairs share a weight on {grid:?}");
    }
}

/// E|w|² = 47/75, and golden weights, because stored models must keep theirs.
#[test]
fn truncated_weights_have_their_distribution_and_never_change() {
    let grid = Grid::unit(&[100, 100], Boundary::Neumann).unwrap();
    let prior = Truncated::new(4, 99, 1.0).unwrap();
    let weights = prior.eigenvalues(&grid);
    let mean = weights.iter().sum::<f64>() / weights.len() as f64;
    // Var|w|² = Var((0.2+0.8U)²) + Var((0.8U)²) < 0.13; five standard errors: below 1e-6
    assert!((mean - 47.0 / 75.0).abs() < 5.0 * (0.13f64 / 1e4).sqrt(), "{mean}");
    let golden = [0.8430367904431836, 0.8840148803837273, 0.659538875877256];
    assert!(max_error(&weights[..3], &golden) < 1e-15, "{:?}", &weights[..3]);
}
