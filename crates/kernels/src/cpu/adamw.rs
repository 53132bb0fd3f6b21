//! One update of weights by AdamW, with their averages, and the sum of squares that clipping asks for.
//!
//! Every array is read once and written once, block by block; the bandwidth of the memory decides
//! once divisions and roots run in wide registers, which is why this is compiled for every
//! instruction set. Written without fused multiplications: the same bits on every [`Level`], so that
//! a run may go on elsewhere. Not here: the schedule, the clipping, threads (crate `train`).

use crate::Level;
use crate::simd::{Lanes, dispatched};

/// Values updated at a time: few enough that they stay in the first-level cache until every average
/// has seen them.
const BLOCK: usize = 1 << 10;

/// The factors of one update, the same for every value of an array.
#[derive(Debug, Clone, Copy)]
pub struct AdamW<'a> {
    /// β₁ and β₂.
    pub decays: [f32; 2],
    /// s, the factor of the gradient where it is clipped.
    pub scale: f32,
    /// r / (1 − β₁ⁿ) of learning rate r and update n.
    pub rate: f32,
    /// 1 / √(1 − β₂ⁿ).
    pub root: f32,
    /// ε.
    pub epsilon: f32,
    /// r w of weight decay w.
    pub decay: f32,
    /// What each average takes of the new weights.
    pub shares: &'a [f32],
}

impl AdamW<'_> {
    /// m ← β₁ m + (1 − β₁) s g, v ← β₂ v + (1 − β₂) (s g)²,
    /// θ ← θ − (rate · m / (root · √v + ε) + decay · θ), θ̂ ← θ̂ + share (θ − θ̂).
    ///
    /// **Cost** for k averages 4 + k values read and 3 + k written.
    ///
    /// # Panics
    /// If an array has another length than the weights, or there is not one average a share.
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

/// Σ x² in double precision, in an order that the length alone decides.
pub fn sum_of_squares(values: &[f32]) -> f64 {
    let mut sum = 0.0;
    // SAFETY: the level is there, and the arrays are borrowed
    unsafe { squares(level(), values, &mut sum) };
    sum
}

/// The level of the operators, or any: the bits are the same.
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

// plain loops, which the compiler turns into the registers of the function they are inlined to
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
    // interleaved sums, which do not wait for one another
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
