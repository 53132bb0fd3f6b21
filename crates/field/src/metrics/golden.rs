//! Comparison with SciPy and POT (golden/metrics.py).

use serde::Deserialize;

use super::sliced::transport_cost;
use super::*;
use crate::{Boundary, Grid};

/// Tolerance for sums in another order and transforms of another library.
const ROUNDING: f64 = 1e-12;

#[derive(Deserialize)]
struct Golden {
    shape: Vec<usize>,
    x: Vec<f64>,
    y: Vec<f64>,
    energy_distance: f64,
    histogram_distance: f64,
    transport: Transport,
    spectrum: Vec<f64>,
    two_point: GoldenTwoPoint,
}

#[derive(Deserialize)]
struct Transport {
    u: Vec<f64>,
    v: Vec<f64>,
    cost: f64,
}

#[derive(Deserialize)]
struct GoldenTwoPoint {
    threshold: f64,
    pairs: Vec<u64>,
    correlation: Vec<f64>,
}

fn load() -> (Golden, Ensemble, Ensemble) {
    let golden: Golden =
        serde_json::from_str(include_str!("../../../../golden/metrics.json")).unwrap();
    let grid = Grid::unit(&golden.shape, Boundary::Neumann).unwrap();
    let x = Ensemble::new(grid, 1, golden.x.clone()).unwrap();
    let y = Ensemble::new(grid, 1, golden.y.clone()).unwrap();
    (golden, x, y)
}

fn largest_difference(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

#[test]
fn distances_agree_with_scipy() {
    let (golden, x, y) = load();
    assert!((energy_distance(&x, &y).unwrap() - golden.energy_distance).abs() < ROUNDING);
    assert!((histogram_distance(&x, &y).unwrap() - golden.histogram_distance).abs() < ROUNDING);
}

#[test]
fn transport_of_unequal_sets_agrees_with_pot() {
    let (golden, ..) = load();
    let sorted = |values: &[f64]| {
        let mut values = values.to_vec();
        values.sort_by(f64::total_cmp);
        values
    };
    let (u, v) = (sorted(&golden.transport.u), sorted(&golden.transport.v));
    assert_ne!(u.len(), v.len());
    assert!((transport_cost(&u, &v) - golden.transport.cost).abs() < ROUNDING);
    assert!((transport_cost(&v, &u) - golden.transport.cost).abs() < ROUNDING);
}

#[test]
fn spectrum_agrees_with_scipys_cosine_transform() {
    let (golden, _, y) = load();
    let spectrum = radial_spectrum(&y).unwrap();
    assert!(largest_difference(&spectrum.power[0], &golden.spectrum) < ROUNDING);
}

#[test]
fn two_point_counts_agree_with_scipys_direct_correlation() {
    let (golden, _, y) = load();
    let phase =
        Segmentation { thresholds: vec![golden.two_point.threshold] }.indicator(&y).unwrap();
    let two_point = two_point_correlation(&phase).unwrap();
    assert_eq!(two_point.pairs, golden.two_point.pairs);
    assert!(
        largest_difference(&two_point.correlation[0], &golden.two_point.correlation) < ROUNDING
    );
}
