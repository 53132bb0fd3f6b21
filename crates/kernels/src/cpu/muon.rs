//! One Muon update of a matrix and its averages: a step along the orthogonal matrix that is nearest to its moment.
//!
//! Five Newton–Schulz iterations X ← X (a + b G + c G²) with G = Xᵀ X make the matrix. Each takes every singular value σ to
//! a σ + b σ³ + c σ⁵, so that all come near 1. A matrix that is wider than high is transposed first, so that G
//! is the smaller of both products. Matrices of narrow networks fit in the cache.
//!
//! **Source** Jordan et al., "Muon: An optimizer for hidden layers in neural networks" (2024), with its coefficients.

use crate::Level;
use crate::cpu::product::{Start, Strided, product};

/// a, b and c. They are chosen for a steep slope at 0: the limit is not 1, but within about 0.7 and 1.2.
const COEFFICIENTS: [f32; 3] = [3.4445, -4.775, 2.0315];

const ITERATIONS: usize = 5;

/// The factors of one update, the same for every value of a matrix.
#[derive(Debug, Clone, Copy)]
pub struct Muon<'a> {
    /// μ, the decay of the moment.
    pub momentum: f32,
    /// s, the factor by which clipping scales the gradient.
    pub scale: f32,
    /// r, the factor of the orthogonal matrix.
    pub rate: f32,
    /// r w for weight decay w.
    pub decay: f32,
    /// For each average, the share of the new weights that it takes.
    pub shares: &'a [f32],
}

impl Muon<'_> {
    /// Moves a matrix θ of `[rows, columns]`, its moment m and its averages θ̂ by a gradient g.
    ///
    /// - m ← μ m + (1 − μ) s g
    /// - θ ← θ − (rate · O(u) + decay · θ) with u = μ m + (1 − μ) s g
    /// - θ̂ ← θ̂ + share (θ − θ̂)
    ///
    /// O(U S Vᵀ) = U S' Vᵀ, where all singular values S' are between about 0.7 and 1.2, but for those below two
    /// thousandths of the norm of u. The products are fused where the instructions are, so the bits depend on the
    /// [`Level`], unlike those of [`AdamW`](super::adamw::AdamW).
    ///
    /// **Cost** five times 4 n² m + 2 n³ operations for n ≤ m of rows and columns.
    ///
    /// # Panics
    /// If an array's length differs from rows · columns, or there is not one average for each share.
    pub fn update(
        &self,
        [rows, columns]: [usize; 2],
        weights: &mut [f32],
        moment: &mut [f32],
        gradient: &[f32],
        averages: &mut [&mut [f32]],
    ) {
        let len = rows * columns;
        let lengths = [weights.len(), moment.len(), gradient.len()];
        assert!(
            lengths.iter().all(|l| *l == len),
            "weights, moment and gradient of rows · columns"
        );
        assert_eq!(averages.len(), self.shares.len(), "one average a share");
        assert!(averages.iter().all(|a| a.len() == len), "averages as long as the weights");
        let Self { momentum, scale, rate, decay, shares } = *self;
        let mut step: Vec<f32> = (moment.iter_mut().zip(gradient))
            .map(|(m, g)| {
                let g = (1.0 - momentum) * scale * g;
                *m = momentum * *m + g;
                momentum * *m + g
            })
            .collect();
        orthogonalise(Level::current().unwrap_or(Level::PORTABLE), [rows, columns], &mut step);
        for (w, o) in weights.iter_mut().zip(&step) {
            *w -= rate * o + decay * *w;
        }
        for (average, share) in averages.iter_mut().zip(shares) {
            for (a, w) in average.iter_mut().zip(&*weights) {
                *a += share * (w - *a);
            }
        }
    }
}

/// Replaces a matrix `[rows, columns]` U S Vᵀ by U S' Vᵀ. All singular values S' are between about 0.7 and 1.2, but for those
/// below two thousandths of its norm. A matrix of zeros stays.
///
/// **Cost** five times 4 n² m + 2 n³ operations for n ≤ m of rows and columns.
pub(crate) fn orthogonalise(level: Level, [rows, columns]: [usize; 2], matrix: &mut [f32]) {
    assert_eq!(matrix.len(), rows * columns, "rows · columns values");
    let norm = matrix.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt();
    if norm < f64::from(f32::MIN_POSITIVE) {
        return;
    }
    let scaled = |v: &f32| (f64::from(*v) / norm) as f32;
    let wide = rows < columns;
    let mut x: Vec<f32> = match wide {
        true => transposed([rows, columns], matrix).iter().map(scaled).collect(),
        false => matrix.iter().map(scaled).collect(),
    };
    let (m, n) = (rows.max(columns), rows.min(columns));
    let [a, b, c] = COEFFICIENTS;
    let (mut gram, mut factor, mut next) = (vec![0.0; n * n], vec![0.0; n * n], vec![0.0; m * n]);
    for _ in 0..ITERATIONS {
        // SAFETY: the level is there; x and next are [m, n], gram and factor [n, n], and none overlaps another
        unsafe {
            let (g, x) = (gram.as_mut_ptr(), x.as_ptr());
            product(level, n, n, m, Strided::columns(x, n), x, n, g, n, Start::Zero);
            product(level, n, n, n, Strided::rows(g, n), g, n, factor.as_mut_ptr(), n, Start::Zero);
        }
        for (f, g) in factor.iter_mut().zip(&gram) {
            *f = b * g + c * *f;
        }
        factor.iter_mut().step_by(n + 1).for_each(|f| *f += a);
        // SAFETY: as above
        unsafe {
            let (x, f) = (Strided::rows(x.as_ptr(), n), factor.as_ptr());
            product(level, m, n, n, x, f, n, next.as_mut_ptr(), n, Start::Zero);
        }
        std::mem::swap(&mut x, &mut next);
    }
    match wide {
        true => matrix.copy_from_slice(&transposed([columns, rows], &x)),
        false => matrix.copy_from_slice(&x),
    }
}

fn transposed([rows, columns]: [usize; 2], matrix: &[f32]) -> Vec<f32> {
    (0..columns).flat_map(|j| (0..rows).map(move |i| matrix[i * columns + j])).collect()
}
