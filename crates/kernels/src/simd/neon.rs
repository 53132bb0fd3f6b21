//! Four lanes: NEON.

use std::arch::aarch64::*;

use super::Lanes;

/// A `v` register.
#[derive(Clone, Copy)]
pub(crate) struct Neon(float32x4_t);

// SAFETY (all blocks below): the trait's contract gives a CPU with NEON and valid pointers; masked
// accesses go lane by lane.
impl Lanes for Neon {
    const COUNT: usize = 4;
    const ROWS: usize = 12;
    type Mask = usize;

    #[inline(always)]
    unsafe fn mask(lanes: usize) -> usize {
        lanes.min(4)
    }
    #[inline(always)]
    unsafe fn splat(v: f32) -> Self {
        // SAFETY: see above
        Self(unsafe { vdupq_n_f32(v) })
    }
    #[inline(always)]
    unsafe fn load(at: *const f32) -> Self {
        // SAFETY: see above
        Self(unsafe { vld1q_f32(at) })
    }
    #[inline(always)]
    unsafe fn load_part(at: *const f32, mask: usize) -> Self {
        let mut v = [0.0f32; 4];
        for (i, v) in v.iter_mut().enumerate().take(mask) {
            // SAFETY: see above, i < mask
            *v = unsafe { *at.add(i) };
        }
        // SAFETY: four numbers on the stack
        Self(unsafe { vld1q_f32(v.as_ptr()) })
    }
    #[inline(always)]
    unsafe fn store(self, at: *mut f32) {
        // SAFETY: see above
        unsafe { vst1q_f32(at, self.0) }
    }
    #[inline(always)]
    unsafe fn store_part(self, at: *mut f32, mask: usize) {
        let mut v = [0.0f32; 4];
        // SAFETY: four numbers on the stack; then as above, i < mask
        unsafe {
            vst1q_f32(v.as_mut_ptr(), self.0);
            for (i, v) in v.into_iter().enumerate().take(mask) {
                *at.add(i) = v;
            }
        }
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        // SAFETY: see above
        Self(unsafe { vaddq_f32(self.0, other.0) })
    }
    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        // SAFETY: see above
        Self(unsafe { vsubq_f32(self.0, other.0) })
    }
    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        // SAFETY: see above
        Self(unsafe { vmulq_f32(self.0, other.0) })
    }
    #[inline(always)]
    unsafe fn fma(self, b: Self, c: Self) -> Self {
        // SAFETY: see above
        Self(unsafe { vfmaq_f32(c.0, self.0, b.0) })
    }
    #[inline(always)]
    unsafe fn fnma(self, b: Self, c: Self) -> Self {
        // SAFETY: see above
        Self(unsafe { vfmsq_f32(c.0, self.0, b.0) })
    }
    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        // SAFETY: see above
        Self(unsafe { vbslq_f32(vcgtq_f32(self.0, other.0), self.0, other.0) })
    }
    #[inline(always)]
    unsafe fn min(self, other: Self) -> Self {
        // SAFETY: see above
        Self(unsafe { vbslq_f32(vcltq_f32(self.0, other.0), self.0, other.0) })
    }
    #[inline(always)]
    unsafe fn abs(self) -> Self {
        // SAFETY: see above
        Self(unsafe { vabsq_f32(self.0) })
    }
    #[inline(always)]
    unsafe fn reciprocal(self) -> Self {
        // SAFETY: see above
        Self(unsafe { vdivq_f32(vdupq_n_f32(1.0), self.0) })
    }
    #[inline(always)]
    unsafe fn round(self) -> Self {
        // SAFETY: see above
        Self(unsafe { vrndnq_f32(self.0) })
    }
    #[inline(always)]
    unsafe fn scale(self, n: Self) -> Self {
        // SAFETY: see above; 2^n by its exponent bits
        unsafe {
            let biased = vaddq_s32(vcvtnq_s32_f32(n.0), vdupq_n_s32(127));
            Self(vmulq_f32(self.0, vreinterpretq_f32_s32(vshlq_n_s32::<23>(biased))))
        }
    }
    #[inline(always)]
    unsafe fn by_sign(self, below: Self, above: Self) -> Self {
        // SAFETY: see above
        Self(unsafe { vbslq_f32(vcltzq_f32(self.0), below.0, above.0) })
    }
    #[inline(always)]
    unsafe fn sum(self) -> f32 {
        // SAFETY: see above
        unsafe { vaddvq_f32(self.0) }
    }
    #[inline(always)]
    unsafe fn zip(self, other: Self) -> (Self, Self) {
        // SAFETY: see above
        unsafe { (Self(vzip1q_f32(self.0, other.0)), Self(vzip2q_f32(self.0, other.0))) }
    }
}
