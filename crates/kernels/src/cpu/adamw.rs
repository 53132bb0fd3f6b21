//! One AdamW update of weights and their averages, and the sum of squares for gradient clipping.
//!
//! Every array is read once and written once, block by block. With divisions and roots in wide
//! registers the memory bandwidth is the limit, so the code is compiled for every instruction set.
//! It uses no fused multiplications: the bits are the same on every [`Level`], and a run may
//! continue on another machine. The schedule, the clipping and the threads are in crate `train`.

use crate::Level;
use crate::simd::{Lanes, dispatched};

/// Values updated at a time: few enough to stay in the first-level cache until every average is
/// updated.
const BLOCK: usize = 1 << 10;

/// The factors of one update, the same for every value of an array.
#[derive(Debug, Clone, Copy)]
pub struct AdamW<'a> {
    /// β₁ and β₂.
    pub decays: [f32; 2],
    /// s, the factor by which clipping scales the gradient.
    pub scale: f32,
    /// r / (1 − β₁ⁿ) for learning rate r and update n.
    pub rate: f32,
    /// 1 / √(1 − β₂ⁿ).
    pub root: f32,
    /// ε.
    pub epsilon: f32,
    /// r w for weight decay w.
    pub decay: f32,
    /// For each average, the share of the new weights that it takes.
    pub shares: &'a [f32],
}

impl AdamW<'_> {
    /// m ← β₁ m + (1 − β₁) s g, v ← β₂ v + (1 − β₂) (s g)²,
    /// θ ← θ − (rate · m / (root · √v + ε) + decay · θ), θ̂ ← θ̂ + share (θ − θ̂).
    ///
    /// **Cost** with k averages: 4 + k values read and 3 + k written.
    ///
    /// # Panics
    /// If an array's length differs from that of the weights, or there is not one average for each
    /// share.
    pub fn update(
        &self,
        weights: &mut [f32],
        [first, second]: [&mut [f32]; 2],
        gradient: &[f32],
        averages: &mut [&mut [f32]],
    ) {
        let len = weights.len();
        let others = [first.len(), second.len(), gradient.len()];
        assert!(others.iter().all(|l| *l == len), "moments and gradient as long as the weights");
        assert_eq!(averages.len(), self.shares.len(), "one average a share");
        assert!(averages.iter().all(|a| a.len() == len), "averages as long as the weights");
        // SAFETY: the level is there, and the arrays are borrowed
        unsafe { update(level(), weights, first, second, gradient, averages, self) }
    }
}

/// Σ x² in double precision, in an order that depends only on the length.
pub fn sum_of_squares(values: &[f32]) -> f64 {
    let mut sum = 0.0;
    // SAFETY: the level is there, and the arrays are borrowed
    unsafe { squares(level(), values, &mut sum) };
    sum
}

/// The level of the operators, or any level, because the bits are the same.
fn level() -> Level {
    Level::current().unwrap_or(Level::PORTABLE)
}

dispatched! {
    /// [`AdamW::update`], whose lengths are equal.
    ///
    /// # Safety
    /// None beyond the level's.
    pub(crate) fn update = update_body(
        weights: &mut [f32], first: &mut [f32], second: &mut [f32], gradient: &[f32],
        averages: &mut [&mut [f32]], factors: &AdamW,
    )
}

// plain loops, which the compiler vectorises for the function they are inlined into
#[inline(always)]
unsafe fn update_body<L: Lanes>(
    weights: &mut [f32],
    first: &mut [f32],
    second: &mut [f32],
    gradient: &[f32],
    averages: &mut [&mut [f32]],
    factors: &AdamW,
) {
    let AdamW { decays: [b1, b2], scale, rate, root, epsilon, decay, shares } = *factors;
    let mut start = 0;
    while start < weights.len() {
        let end = weights.len().min(start + BLOCK);
        let (w, g) = (&mut weights[start..end], &gradient[start..end]);
        let (m, v) = (&mut first[start..end], &mut second[start..end]);
        for i in 0..w.len() {
            let g = scale * g[i];
            m[i] = b1 * m[i] + (1.0 - b1) * g;
            v[i] = b2 * v[i] + (1.0 - b2) * g * g;
            w[i] -= rate * m[i] / (v[i].sqrt() * root + epsilon) + decay * w[i];
        }
        for (average, share) in averages.iter_mut().zip(shares) {
            let average = &mut average[start..end];
            for i in 0..w.len() {
                average[i] += share * (w[i] - average[i]);
            }
        }
        start = end;
    }
}

dispatched! {
    /// [`sum_of_squares`].
    ///
    /// # Safety
    /// None beyond the level's.
    pub(crate) fn squares = squares_body(values: &[f32], sum: &mut f64)
}

#[inline(always)]
unsafe fn squares_body<L: Lanes>(values: &[f32], sum: &mut f64) {
    // interleaved sums, so that additions need not wait for one another
    let mut sums = [0.0f64; 8];
    let (eights, rest) = values.as_chunks::<8>();
    for eight in eights {
        for i in 0..8 {
            sums[i] += f64::from(eight[i]) * f64::from(eight[i]);
        }
    }
    for (i, v) in rest.iter().enumerate() {
        sums[i] += f64::from(*v) * f64::from(*v);
    }
    *sum = sums.iter().sum();
}
