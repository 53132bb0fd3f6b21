//! Orthogonal matrices against the singular values that a matrix was made of, and updates against their formula.

use super::Numbers;
use crate::Level;
use crate::cpu::muon::{Muon, orthogonalise};

/// Orthonormal vectors of a length, by Gram–Schmidt, twice for their rounding.
fn orthonormal(numbers: &mut Numbers, count: usize, len: usize) -> Vec<Vec<f64>> {
    let mut found: Vec<Vec<f64>> = Vec::new();
    while found.len() < count {
        let mut v: Vec<f64> = (0..len).map(|_| numbers.next()).collect();
        for _ in 0..2 {
            for u in &found {
                let along: f64 = u.iter().zip(&v).map(|(u, v)| u * v).sum();
                v.iter_mut().zip(u).for_each(|(v, u)| *v -= along * u);
            }
        }
        let norm = v.iter().map(|v| v * v).sum::<f64>().sqrt();
        found.push(v.into_iter().map(|v| v / norm).collect());
    }
    found
}

/// U diag(values) Vᵀ, `[rows, columns]`.
fn composed(u: &[Vec<f64>], v: &[Vec<f64>], values: &[f64]) -> Vec<f64> {
    let (rows, columns) = (u[0].len(), v[0].len());
    let mut matrix = vec![0.0; rows * columns];
    for ((u, v), s) in u.iter().zip(v).zip(values) {
        for i in 0..rows {
            for j in 0..columns {
                matrix[i * columns + j] += s * u[i] * v[j];
            }
        }
    }
    matrix
}

/// What five iterations make of a singular value.
fn iterated(mut value: f64) -> f64 {
    for _ in 0..5 {
        value *= 3.4445 - 4.775 * value.powi(2) + 2.0315 * value.powi(4);
    }
    value
}

const SHAPES: [[usize; 2]; 8] =
    [[1, 1], [1, 7], [5, 3], [3, 5], [17, 17], [48, 96], [96, 48], [131, 33]];

#[test]
fn singular_values_follow_the_iteration_and_vectors_stay() {
    for [rows, columns] in SHAPES {
        let mut numbers = Numbers((rows * 1000 + columns) as u64);
        let rank = rows.min(columns);
        let (u, v) =
            (orthonormal(&mut numbers, rank, rows), orthonormal(&mut numbers, rank, columns));
        let values: Vec<f64> = (0..rank).map(|i| 40.0 * 0.5f64.powi((i % 6) as i32)).collect();
        let norm = values.iter().map(|s| s * s).sum::<f64>().sqrt();
        let made: Vec<f64> = values.iter().map(|s| iterated(s / norm)).collect();
        assert!(made.iter().all(|s| (0.6..1.25).contains(s)), "{rows} {columns}: {made:?}");
        let expected = composed(&u, &v, &made);
        let given: Vec<f32> = composed(&u, &v, &values).iter().map(|v| *v as f32).collect();
        for level in Level::available() {
            let mut found = given.clone();
            orthogonalise(level, [rows, columns], &mut found);
            for (found, expected) in found.iter().zip(&expected) {
                // roundings are as steep as the iteration, about 3.4 a time
                let error = (f64::from(*found) - expected).abs();
                assert!(error < 1e-4, "{level}, {rows} {columns}: {found} {expected}");
            }
        }
    }
}

#[test]
fn matrices_of_zeros_and_tiny_ones_make_no_infinity() {
    for size in [0.0, 1e-44, 1e-30, 1e30] {
        let mut matrix = vec![size as f32; 12];
        orthogonalise(Level::PORTABLE, [3, 4], &mut matrix);
        assert!(matrix.iter().all(|v| v.is_finite()), "{size}: {matrix:?}");
        assert_eq!(matrix.iter().all(|v| *v == 0.0), size == 0.0, "{size}");
    }
}

#[test]
fn an_update_is_its_formula() {
    let (rows, columns) = (6, 4);
    let mut numbers = Numbers(5);
    let [w, m, g, e] = [1.0, 0.1, 0.5, 1.0].map(|scale| numbers.array(rows * columns, scale));
    let muon = Muon { momentum: 0.95, scale: 0.7, rate: 3e-3, decay: 1e-3, shares: &[0.1] };
    let [mut weights, mut moment, mut average] = [&w, &m, &e].map(Clone::clone);
    muon.update([rows, columns], &mut weights, &mut moment, &g, &mut [&mut average[..]]);
    let mut direction = Vec::new();
    for i in 0..rows * columns {
        let (m, g) = (f64::from(m[i]), 0.7 * f64::from(g[i]));
        let expected = 0.95 * m + 0.05 * g;
        assert!((f64::from(moment[i]) - expected).abs() < 1e-6);
        direction.push((0.95 * expected + 0.05 * g) as f32);
    }
    orthogonalise(Level::current().unwrap_or(Level::PORTABLE), [rows, columns], &mut direction);
    for i in 0..rows * columns {
        let [w, e, o] = [w[i], e[i], direction[i]].map(f64::from);
        let expected = w - (3e-3 * o + 1e-3 * w);
        assert!((f64::from(weights[i]) - expected).abs() < 1e-6);
        let expected = e + 0.1 * (expected - e);
        assert!((f64::from(average[i]) - expected).abs() < 1e-6);
    }
}
