//! Four lanes as an array: plain arithmetic, which compilers translate to the target's
//! instructions.

use super::Lanes;

/// Four numbers.
#[derive(Clone, Copy)]
pub(crate) struct Portable([f32; 4]);

impl Portable {
    #[inline(always)]
    fn with(self, other: Self, f: impl Fn(f32, f32) -> f32) -> Self {
        let (a, b) = (self.0, other.0);
        Self([f(a[0], b[0]), f(a[1], b[1]), f(a[2], b[2]), f(a[3], b[3])])
    }
}

// SAFETY (all blocks below): the trait's contract gives valid pointers.
impl Lanes for Portable {
    const COUNT: usize = 4;
    const ROWS: usize = 4;
    type Mask = usize;

    #[inline(always)]
    unsafe fn mask(lanes: usize) -> usize {
        lanes.min(4)
    }
    #[inline(always)]
    unsafe fn splat(v: f32) -> Self {
        Self([v; 4])
    }
    #[inline(always)]
    unsafe fn load(at: *const f32) -> Self {
        // SAFETY: see above
        Self(unsafe { at.cast::<[f32; 4]>().read_unaligned() })
    }
    #[inline(always)]
    unsafe fn load_part(at: *const f32, mask: usize) -> Self {
        let mut v = [0.0; 4];
        for (i, v) in v.iter_mut().enumerate().take(mask) {
            // SAFETY: see above, i < mask
            *v = unsafe { *at.add(i) };
        }
        Self(v)
    }
    #[inline(always)]
    unsafe fn store(self, at: *mut f32) {
        // SAFETY: see above
        unsafe { at.cast::<[f32; 4]>().write_unaligned(self.0) }
    }
    #[inline(always)]
    unsafe fn store_part(self, at: *mut f32, mask: usize) {
        for (i, v) in self.0.into_iter().enumerate().take(mask) {
            // SAFETY: see above, i < mask
            unsafe { *at.add(i) = v }
        }
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        self.with(other, |a, b| a + b)
    }
    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        self.with(other, |a, b| a - b)
    }
    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        self.with(other, |a, b| a * b)
    }
    #[inline(always)]
    unsafe fn fma(self, b: Self, c: Self) -> Self {
        self.with(b, |a, b| a * b).with(c, |a, c| a + c)
    }
    #[inline(always)]
    unsafe fn fnma(self, b: Self, c: Self) -> Self {
        c.with(self.with(b, |a, b| a * b), |c, a| c - a)
    }
    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        // the second operand if either is not a number, as for the instructions of x86
        self.with(other, |a, b| if a > b { a } else { b })
    }
    #[inline(always)]
    unsafe fn min(self, other: Self) -> Self {
        self.with(other, |a, b| if a < b { a } else { b })
    }
    #[inline(always)]
    unsafe fn abs(self) -> Self {
        Self(self.0.map(f32::abs))
    }
    #[inline(always)]
    unsafe fn reciprocal(self) -> Self {
        Self(self.0.map(|v| 1.0 / v))
    }
    #[inline(always)]
    unsafe fn round(self) -> Self {
        // adding 1.5 · 2²³ leaves no fraction bits; exact for |v| < 2²²
        const SHIFT: f32 = 12_582_912.0;
        Self(self.0.map(|v| (v + SHIFT) - SHIFT))
    }
    #[inline(always)]
    unsafe fn scale(self, n: Self) -> Self {
        self.with(n, |v, n| v * f32::from_bits(((n as i32 + 127) << 23) as u32))
    }
    #[inline(always)]
    unsafe fn by_sign(self, below: Self, above: Self) -> Self {
        let pick = |i: usize| if self.0[i] < 0.0 { below.0[i] } else { above.0[i] };
        Self([pick(0), pick(1), pick(2), pick(3)])
    }
    #[inline(always)]
    unsafe fn sum(self) -> f32 {
        (self.0[0] + self.0[2]) + (self.0[1] + self.0[3])
    }
    #[inline(always)]
    unsafe fn zip(self, other: Self) -> (Self, Self) {
        let (a, b) = (self.0, other.0);
        (Self([a[0], b[0], a[1], b[1]]), Self([a[2], b[2], a[3], b[3]]))
    }
}
