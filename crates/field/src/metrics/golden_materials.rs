//! Comparison of descriptors with PoreSpy, scikit-image, GSTools, POT and vendi-score
//! (golden/materials.py).
//!
//! Inputs are integer arithmetic repeated here, so the golden file holds results only. Where
//! another package defines a quantity differently, the script says so and the test uses that
//! definition.

use std::collections::BTreeMap;

use ndarray::Array2;
use serde::Deserialize;

use super::sliced::Projections;
use super::*;
use crate::grid::Axis;
use crate::prior::{Matern, Prior};
use crate::{Boundary, Grid};

/// Tolerance for sums in another order and special functions of another library.
const ROUNDING: f64 = 1e-11;

#[derive(Deserialize)]
struct Golden {
    porespy: PoreSpy,
    skimage: Skimage,
    gstools: GsTools,
    pot: Pot,
    vendi: Vendi,
}

#[derive(Deserialize)]
struct PoreSpy {
    two_point: Vec<f64>,
    chords: Vec<Vec<u64>>,
    lineal_path: Vec<Vec<f64>>,
}

#[derive(Deserialize)]
struct Skimage {
    crofton_perimeter: f64,
    euler_plane: [i64; 2],
    euler_solid: [i64; 2],
    multi_otsu: BTreeMap<usize, Vec<f64>>,
}

#[derive(Deserialize)]
struct GsTools {
    variogram: Vec<Vec<f64>>,
    matern: Vec<GoldenMatern>,
}

#[derive(Deserialize)]
struct GoldenMatern {
    dim: usize,
    smoothness: f64,
    density: Vec<f64>,
    covariance: Vec<f64>,
}

#[derive(Deserialize)]
struct Pot {
    sliced: f64,
}

#[derive(Deserialize)]
struct Vendi {
    score: f64,
}

fn load() -> Golden {
    serde_json::from_str(include_str!("../../../../golden/materials.json")).unwrap()
}

/// `uniforms` of the script.
pub(super) fn uniforms(count: u32, start: u32) -> Vec<f64> {
    (start..start + count)
        .map(|i| {
            let mut x = i.wrapping_mul(2_654_435_761);
            for _ in 0..2 {
                x = (x ^ (x >> 16)).wrapping_mul(0x045D_9F3B);
            }
            f64::from(x ^ (x >> 16)) / 4_294_967_296.0
        })
        .collect()
}

/// `phase` of the script, on a window.
fn phase(points: &[usize], fraction: f64, start: u32) -> Ensemble {
    let grid = Grid::unit(points, Boundary::Neumann).unwrap();
    let values = uniforms(grid.len() as u32, start);
    let inside = values.iter().map(|u| f64::from(u8::from(*u < fraction))).collect();
    Ensemble::new(grid, 1, inside).unwrap()
}

fn plane() -> Ensemble {
    phase(&[13, 10], 0.7, 0)
}

fn assert_close(a: &[f64], b: &[f64]) {
    assert_eq!(a.len(), b.len());
    for (a, b) in a.iter().zip(b) {
        assert!((a - b).abs() < ROUNDING, "{a} {b}");
    }
}

#[test]
fn two_point_values_agree_with_porespy() {
    let (plane, expected) = (plane(), load().porespy.two_point);
    let (mut sums, mut lags) = (vec![0.0; expected.len()], vec![0.0; expected.len()]);
    for i in -12_isize..=12 {
        for j in -9_isize..=9 {
            let bin = ((i * i + j * j) as f64).sqrt().round() as usize;
            if bin < sums.len() {
                sums[bin] += match (i, j) {
                    (0, 0) => volume_fraction(&plane).unwrap()[0],
                    _ => two_point_along(&plane, &[i, j]).unwrap().values[0][1],
                };
                lags[bin] += 1.0;
            }
        }
    }
    let mean: Vec<f64> = sums.iter().zip(&lags).map(|(s, l)| s / l).collect();
    assert_close(&mean, &expected);
}

#[test]
fn chords_and_lineal_paths_agree_with_porespy() {
    let golden = load().porespy;
    let (chords, path) = (chord_lengths(&plane()).unwrap(), lineal_path(&plane()).unwrap());
    for axis in 0..2 {
        assert_eq!(chords.along[0][axis].whole, golden.chords[axis]);
        assert_close(&path.along[axis].values[0], &golden.lineal_path[axis]);
    }
}

#[test]
fn euler_numbers_and_perimeters_agree_with_scikit_image() {
    let golden = load().skimage;
    let numbers = |phase: &Ensemble| {
        [Connectivity::Faces, Connectivity::Full].map(|c| euler_number(phase, c).unwrap()[0][0])
    };
    assert_eq!(numbers(&plane()), golden.euler_plane);
    assert_eq!(numbers(&phase(&[6, 5, 7], 0.4, 2000)), golden.euler_solid);

    // a frame of background, and a ring so that pairs at the frame count like all others
    let axis = |points| Axis { points, length: points as f64, boundary: Boundary::Periodic };
    let grid = Grid::new(&[axis(13), axis(10)]).unwrap();
    let inner = phase(&[11, 8], 0.6, 1000);
    let body = oracle::pattern(grid, |at| {
        (1..12).contains(&at[0])
            && (1..9).contains(&at[1])
            && inner.values[(at[0] - 1) * 8 + at[1] - 1] == 1.0
    });
    let perimeter = specific_surface(&body).unwrap()[0] * grid.volume();
    assert!((perimeter - golden.crofton_perimeter).abs() < ROUNDING * perimeter, "{perimeter}");
}

#[test]
fn thresholds_part_the_levels_where_scikit_image_does() {
    let (a, b) = (uniforms(300, 3000), uniforms(300, 3300));
    let levels: Vec<f64> =
        a.iter().zip(&b).map(|(a, b)| (40.0 * (a + b.powi(3))).floor()).collect();
    for (classes, expected) in load().skimage.multi_otsu {
        let found = multi_otsu_thresholds(&levels, classes).unwrap();
        assert_eq!(found.len(), expected.len());
        for (found, level) in found.iter().zip(expected) {
            // their threshold is the last level below, ours the middle of the gap
            let gap = levels.iter().filter(|v| **v > level).fold(f64::INFINITY, |a, b| a.min(*b));
            assert!((level..gap).contains(found), "{classes}: {found} {level} {gap}");
        }
    }
}

#[test]
fn structure_functions_are_twice_the_variograms_of_gstools() {
    let grid = Grid::unit(&[9, 8], Boundary::Neumann).unwrap();
    let grey = Ensemble::new(grid, 1, uniforms(72, 4000)).unwrap();
    let found = structure_function(&grey, 2.0).unwrap();
    for (curve, variogram) in found.along.iter().zip(load().gstools.variogram) {
        let half: Vec<f64> = curve.values[0].iter().map(|s| 0.5 * s).collect();
        assert_close(&half, &variogram);
    }
}

#[test]
fn matern_priors_have_gstools_spectrum_and_covariance() {
    for golden in load().gstools.matern {
        let prior = Matern::new(1.7, 0.3, golden.smoothness).unwrap();
        let mut points = vec![1; golden.dim];
        points[0] = 5;
        let line = Grid::unit(&points, Boundary::Neumann).unwrap();
        let density: Vec<f64> =
            line.modes().map(|m| prior.eigenvalue(&m) * line.volume()).collect();
        assert_close(&density, &golden.density);
        // on a ring of many lengths Σ λ cos ωr is the covariance, up to the tail beyond the grid,
        // which falls as (κ/ω)^{2ν}
        if golden.dim > 1 || golden.smoothness < 1.0 {
            continue;
        }
        let axis = Axis { points: 4001, length: 12.0, boundary: Boundary::Periodic };
        let ring = Grid::new(&[axis]).unwrap();
        for (step, expected) in golden.covariance.iter().enumerate() {
            let sum: f64 = ring
                .modes()
                .map(|m| prior.eigenvalue(&m) * (m.omega[0] * 0.1 * step as f64).cos())
                .sum();
            assert!((sum - expected).abs() < 1e-6, "{} {step}: {sum}", golden.smoothness);
        }
    }
}

#[test]
fn sliced_distances_of_given_directions_agree_with_pot() {
    let matrix = |rows: usize, columns: usize, factor: f64, start: u32| {
        let values = uniforms((rows * columns) as u32, start).iter().map(|u| factor * u).collect();
        Array2::from_shape_vec((rows, columns), values).unwrap()
    };
    let theta = matrix(5, 7, 1.0, 7000) - 0.5;
    let project = |x: Array2<f64>| Projections { values: theta.t().dot(&x.t()) }.all_sorted();
    let (x, y) = (project(matrix(6, 5, 1.0, 5000)), project(matrix(9, 5, 1.5, 6000)));
    assert!((x.distance(&y) - load().pot.sliced).abs() < ROUNDING);
}

#[test]
fn vendi_scores_agree_with_their_authors() {
    let grid = Grid::unit(&[5], Boundary::Neumann).unwrap();
    let fields = Ensemble::new(grid, 1, uniforms(30, 5000)).unwrap();
    assert!((vendi_score(&fields, 0.4).unwrap() - load().vendi.score).abs() < ROUNDING);
}
