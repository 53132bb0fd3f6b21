//! Updates of weights and sums of squares against their formulas, with the same bits at every
//! level.

use super::Numbers;
use crate::Level;
use crate::cpu::adamw::{AdamW, squares, update};

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
