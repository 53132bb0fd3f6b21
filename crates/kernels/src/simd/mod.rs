//! Lanes of `f32`: one trait, one implementation for each instruction set, and dispatch at run
//! time.
//!
//! Kernels are written once, generic over [`Lanes`] and `#[inline(always)]`. [`dispatched!`] makes
//! the entry point: it compiles such a body under each `#[target_feature]` and selects one by the
//! given [`Level`]. Nothing is compiled for the building machine in particular, so one binary
//! serves all machines. Levels differ in the last bits (order and fusing of operations). Results
//! are reproducible on one level, not across levels.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod level;
#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;

#[cfg(target_arch = "x86_64")]
pub(crate) use avx2::Avx2;
#[cfg(target_arch = "x86_64")]
pub(crate) use avx512::Avx512;
pub use level::Level;
pub(crate) use level::Set;
#[cfg(target_arch = "aarch64")]
pub(crate) use neon::Neon;
pub(crate) use portable::Portable;

/// A register of `f32` lanes.
///
/// # Safety
/// Every method must run on a CPU that has the implementation's instructions, and inside a
/// function compiled for them (else it is merely slow). Pointers must be valid for the lanes
/// touched: all of them, or those that a mask names.
pub(crate) trait Lanes: Copy {
    /// Lanes in a register.
    const COUNT: usize;
    /// Rows of a register tile that is two registers wide: as many as fit beside the operands.
    const ROWS: usize;
    /// Selects the first lanes of a register.
    type Mask: Copy;

    unsafe fn mask(lanes: usize) -> Self::Mask;
    unsafe fn splat(v: f32) -> Self;
    unsafe fn load(at: *const f32) -> Self;
    /// Loads the selected lanes, and 0 in the others.
    unsafe fn load_part(at: *const f32, mask: Self::Mask) -> Self;
    unsafe fn store(self, at: *mut f32);
    unsafe fn store_part(self, at: *mut f32, mask: Self::Mask);
    unsafe fn add(self, other: Self) -> Self;
    unsafe fn sub(self, other: Self) -> Self;
    unsafe fn mul(self, other: Self) -> Self;
    /// self · b + c.
    unsafe fn fma(self, b: Self, c: Self) -> Self;
    /// c − self · b.
    unsafe fn fnma(self, b: Self, c: Self) -> Self;
    /// The larger of both; `other` if either is not a number.
    unsafe fn max(self, other: Self) -> Self;
    /// The smaller of both; `other` if either is not a number.
    unsafe fn min(self, other: Self) -> Self;
    unsafe fn abs(self) -> Self;
    /// 1 / self to two units in the last place, for normal numbers.
    unsafe fn reciprocal(self) -> Self;
    /// Nearest whole number.
    unsafe fn round(self) -> Self;
    /// self · 2^n for whole n in −126 … 127.
    unsafe fn scale(self, n: Self) -> Self;
    /// Per lane `below` where self < 0, `above` elsewhere.
    unsafe fn by_sign(self, below: Self, above: Self) -> Self;
    /// Sum of the lanes, in an order specific to the implementation.
    unsafe fn sum(self) -> f32;
    /// The two registers interleaved: (a₀ b₀ a₁ b₁ …, continued).
    unsafe fn zip(self, other: Self) -> (Self, Self);
}

/// Makes `unsafe fn name(level, arguments)`, which runs a generic body with the level's
/// instructions.
macro_rules! dispatched {
    ($(#[$meta:meta])* $visible:vis fn $name:ident = $body:ident($($arg:ident: $type:ty),* $(,)?)) => {
        $(#[$meta])*
        #[allow(clippy::too_many_arguments)]
        $visible unsafe fn $name(level: crate::simd::Level, $($arg: $type),*) {
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f")]
            unsafe fn avx512($($arg: $type),*) {
                // SAFETY: the caller's promises; this function enables the instructions
                unsafe { $body::<crate::simd::Avx512>($($arg),*) }
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            unsafe fn avx2($($arg: $type),*) {
                // SAFETY: as above
                unsafe { $body::<crate::simd::Avx2>($($arg),*) }
            }
            #[cfg(target_arch = "aarch64")]
            #[target_feature(enable = "neon")]
            unsafe fn neon($($arg: $type),*) {
                // SAFETY: as above
                unsafe { $body::<crate::simd::Neon>($($arg),*) }
            }
            // SAFETY: a level exists only where the CPU has its instructions; pointers are the
            // caller's promise
            unsafe {
                match level.set() {
                    #[cfg(target_arch = "x86_64")]
                    crate::simd::Set::Avx512 => avx512($($arg),*),
                    #[cfg(target_arch = "x86_64")]
                    crate::simd::Set::Avx2 => avx2($($arg),*),
                    #[cfg(target_arch = "aarch64")]
                    crate::simd::Set::Neon => neon($($arg),*),
                    crate::simd::Set::Portable => $body::<crate::simd::Portable>($($arg),*),
                }
            }
        }
    };
}
pub(crate) use dispatched;

/// Prefetches `values` into the first-level cache.
///
/// Row passes work on each tile for thousands of cycles. This is long enough for the next tile to
/// arrive, and tiles are small enough for two to stay in the cache.
#[inline(always)]
pub(crate) fn prefetch(values: &[f32]) {
    #[cfg(target_arch = "x86_64")]
    for line in values.chunks(16) {
        // SAFETY: a hint; any address will do
        unsafe {
            use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast());
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = values;
}
