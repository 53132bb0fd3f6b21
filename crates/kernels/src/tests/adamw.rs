//! Updates of weights and sums of squares against their formulas, at every level the same bits.

use super::Numbers;
use crate::Level;
use crate::adamw::{AdamW, squares, update};

/// Rounding of ten operations.
const ROUNDED: f64 = 1e-6;

/// Weights, moments, gradient and two averages.
fn arrays(len: usize) -> [Vec<f32>; 6] {
    let mut numbers = Numbers(len as u64);
    let mut arrays = [1.0, 0.1, 0.01, 0.5, 1.0, 1.0].map(|scale| numbers.array(len, scale));
    arrays[2].iter_mut().for_each(|v| *v = v.abs());
    arrays
}

const FACTORS: AdamW = AdamW {
    decays: [0.9, 0.999],
    scale: 0.7,
    rate: 3e-3,
    root: 1.6,
    epsilon: 1e-8,
    decay: 1e-3,
    shares: &[0.1, 0.03],
};

fn updated(level: Level, len: usize) -> [Vec<f32>; 6] {
    let mut arrays = arrays(len);
    let [w, m, v, g, e1, e2] = &mut arrays;
    // SAFETY: an available level
    unsafe { update(level, w, m, v, g, &mut [&mut e1[..], &mut e2[..]], &FACTORS) };
    arrays
}

#[test]
fn an_update_is_its_formula_at_every_length_and_level() {
    for len in [0, 1, 2, 3, 7, 16, 17, 1023, 1024, 1025, 3001] {
        let (before, after) = (arrays(len), updated(Level::PORTABLE, len));
        for i in 0..len {
            let [w, m, v, g, e1, e2] = before.each_ref().map(|a| f64::from(a[i]));
            let g = 0.7 * g;
            let [b1, b2] = FACTORS.decays.map(f64::from);
            let (m, v) = (b1 * m + (1.0 - b1) * g, b2 * v + (1.0 - b2) * g * g);
            let w = w - (3e-3 * m / (v.sqrt() * 1.6 + 1e-8) + 1e-3 * w);
            let (e1, e2) = (e1 + 0.1 * (w - e1), e2 + 0.03 * (w - e2));
            for (k, expected) in [w, m, v, g / 0.7, e1, e2].into_iter().enumerate() {
                let found = f64::from(after[k][i]);
                assert!((found - expected).abs() < ROUNDED, "{len}, array {k}: {found} {expected}");
            }
        }
        for level in Level::available() {
            assert!(updated(level, len) == after, "{level} {len}");
        }
    }
}

/// Weights of modes that no level held yet, whole blocks of them and single ones, stay where they
/// began; with a gradient they decay like all others.
#[test]
fn what_never_had_a_gradient_stays() {
    for len in [1, 63, 64, 65, 1024, 3001] {
        for level in Level::available() {
            let start = Numbers(7).array(len, 1.0);
            let [mut w, mut e1, mut e2] = [(); 3].map(|()| start.clone());
            let (mut m, mut v, mut g) = (vec![0.0; len], vec![0.0; len], vec![0.0; len]);
            let mut once = |g: &[f32]| {
                // SAFETY: an available level
                unsafe {
                    update(level, &mut w, &mut m, &mut v, g, &mut [&mut e1, &mut e2], &FACTORS);
                }
                [w.clone(), e1.clone(), e2.clone(), m.clone()]
            };
            g[len / 2] = -0.0;
            assert!(once(&g) == [&start, &start, &start, &vec![0.0; len]].map(Vec::clone));
            g[len / 2] = 0.5;
            let [w, e1, e2, m] = once(&g);
            for i in 0..len {
                let changed = |a: &[f32]| a[i] != start[i];
                let moved = [changed(&w), changed(&e1), changed(&e2), m[i] != 0.0];
                assert_eq!(moved, [i == len / 2; 4], "{level} {len} {i}");
            }
        }
    }
}

#[test]
fn squares_are_summed_in_double_precision() {
    for len in [0, 1, 7, 8, 9, 1000, 4099] {
        let values = Numbers(len as u64).array(len, 1e3);
        let expected: f64 = values.iter().map(|v| f64::from(*v).powi(2)).sum();
        let mut found = Level::available().into_iter().map(|level| {
            let mut sum = 0.0;
            // SAFETY: an available level
            unsafe { squares(level, &values, &mut sum) };
            sum
        });
        let first = found.next().unwrap();
        assert!((first - expected).abs() <= 1e-12 * expected, "{len}: {first} {expected}");
        assert!(found.all(|sum| sum == first), "{len}");
    }
}
