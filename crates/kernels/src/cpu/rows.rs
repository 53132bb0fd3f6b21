//! The last axis: transforms between the points of a row and its kept modes k ≥ 0.
//!
//! Phases are taken about the centre of the row, so points j and n−1−j have opposite phases.
//! Cosines multiply the sum of their values and sines the difference. Half the products therefore
//! suffice for any length and any period. The factor between phases about the centre and about the
//! corner cancels between analysis and synthesis, because the mixing in between is complex linear,
//! mode by mode. Folding happens in registers: only points and modes are read and written.
//!
//! [`synthesise_row`] adds the product of the 1×1 skip in the same registers.

use crate::cpu::product::{load, store};
use crate::simd::{Lanes, dispatched};

/// Factors of one direction, `[mode, pair]`, where pair j stands for points j and n−1−j.
#[derive(Debug, Clone)]
pub(crate) struct RowTable {
    pub cos: Vec<f32>,
    pub sin: Vec<f32>,
}

/// A row of n points, of which the pairs `first .. end` are processed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pairs {
    pub n: usize,
    pub first: usize,
    pub end: usize,
}

impl Pairs {
    /// Number of pairs of a row; the middle of an odd row is a pair of its own.
    pub fn of(n: usize) -> usize {
        n.div_ceil(2)
    }
}

dispatched! {
    /// `out` `[re, im; mode, channel]` = Σ over the pairs of cos · (x_j + x_{n−1−j}) and
    /// sin · (x_j − x_{n−1−j}), for one row `x` `[point, channel]`.
    ///
    /// # Safety
    /// The pointers cover a row, the tables and `[2, modes, channels]`; `out` overlaps none.
    pub(crate) fn analyse_row = analyse_body(
        pairs: Pairs, modes: usize, channels: usize,
        cos: *const f32, sin: *const f32, x: *const f32, out: *mut f32,
    )
}

#[inline(always)]
unsafe fn analyse_body<L: Lanes>(
    pairs: Pairs,
    modes: usize,
    channels: usize,
    cos: *const f32,
    sin: *const f32,
    x: *const f32,
    out: *mut f32,
) {
    let half = Pairs::of(pairs.n);
    let mut column = 0;
    while column < channels {
        let left = channels - column;
        let blocks = modes.div_ceil(L::ROWS / 2);
        let mut k = 0;
        for block in 0..blocks {
            let rows = (modes - k) / (blocks - block);
            // SAFETY: modes k … k + rows of the tables, channels from `column`, masked at the end
            unsafe {
                let (cos, sin) = (cos.add(k * half), sin.add(k * half));
                let (x, re) = (x.add(column), out.add(k * channels + column));
                let im = re.add(modes * channels);
                macro_rules! tile_of {
                    ($v:literal, $part:literal, $mask:expr, $($r:literal)*) => {
                        match rows {
                            $($r if $r <= L::ROWS / 2 => analyse_tile::<L, $r, $v, $part>(
                                pairs, channels, cos, sin, x, re, im, $mask,
                            ),)*
                            _ => unreachable!("blocks have 1 to ROWS / 2 modes"),
                        }
                    };
                }
                if left >= 2 * L::COUNT {
                    tile_of!(2, false, L::mask(L::COUNT), 1 2 3 4 5 6);
                } else if left > L::COUNT {
                    tile_of!(2, true, L::mask(left - L::COUNT), 1 2 3 4 5 6);
                } else {
                    tile_of!(1, true, L::mask(left), 1 2 3 4 5 6);
                }
            }
            k += rows;
        }
        column += 2 * L::COUNT;
    }
}

#[inline(always)]
#[allow(clippy::too_many_arguments)]
unsafe fn analyse_tile<L: Lanes, const M: usize, const V: usize, const PART: bool>(
    pairs: Pairs,
    channels: usize,
    cos: *const f32,
    sin: *const f32,
    x: *const f32,
    re: *mut f32,
    im: *mut f32,
    mask: L::Mask,
) {
    let half = Pairs::of(pairs.n);
    // SAFETY: M modes, V registers of channels, points of the pairs, all inside
    unsafe {
        let mut even = [[L::splat(0.0); V]; M];
        let mut odd = even;
        for j in pairs.first..pairs.end {
            let (low, high) = (x.add(j * channels), x.add((pairs.n - 1 - j) * channels));
            let (mut sum, mut difference) = ([L::splat(0.0); V], [L::splat(0.0); V]);
            for v in 0..V {
                let (low, high) =
                    (load::<L, V, PART>(low, v, mask), load::<L, V, PART>(high, v, mask));
                sum[v] = low.add(high);
                difference[v] = low.sub(high);
            }
            for i in 0..M {
                let (cos, sin) =
                    (L::splat(*cos.add(i * half + j)), L::splat(*sin.add(i * half + j)));
                for v in 0..V {
                    even[i][v] = cos.fma(sum[v], even[i][v]);
                    odd[i][v] = sin.fma(difference[v], odd[i][v]);
                }
            }
        }
        for i in 0..M {
            for v in 0..V {
                store::<L, V, PART>(even[i][v], re.add(i * channels), v, mask);
                store::<L, V, PART>(odd[i][v], im.add(i * channels), v, mask);
            }
        }
    }
}

/// Operands of [`synthesise_row`]: a spectrum `[2, modes, outputs]`; the points of x, `[inputs]`
/// each, upwards from the low point of the first pair and downwards from its mirror; the skip
/// `[inputs, outputs]`; one bias a channel (null for none); and the row to write.
#[derive(Clone, Copy)]
pub(crate) struct Synthesis {
    pub pairs: Pairs,
    pub modes: usize,
    pub inputs: usize,
    pub outputs: usize,
    pub cos: *const f32,
    pub sin: *const f32,
    pub spectrum: *const f32,
    pub x_low: *const f32,
    pub x_high: *const f32,
    pub skip: *const f32,
    pub bias: *const f32,
    pub y: *mut f32,
}

dispatched! {
    /// y_j = Σ_k (cos re_k + sin im_k) + x_j S + β, and y_{n−1−j} with the other sign of sin.
    ///
    /// # Safety
    /// The pointers cover what [`Synthesis`] says; `y` overlaps none of the others.
    pub(crate) fn synthesise_row = synthesise_body(s: Synthesis)
}

#[inline(always)]
unsafe fn synthesise_body<L: Lanes>(s: Synthesis) {
    let Pairs { first, end, .. } = s.pairs;
    let mut column = 0;
    while column < s.outputs {
        let left = s.outputs - column;
        let blocks = (end - first).div_ceil(L::ROWS / 2);
        let mut j = first;
        for block in 0..blocks {
            let rows = (end - j) / (blocks - block);
            // SAFETY: pairs j … j + rows, channels from `column`, masked at the end
            unsafe {
                macro_rules! tile_of {
                    ($v:literal, $part:literal, $mask:expr, $($r:literal)*) => {
                        match rows {
                            $($r if $r <= L::ROWS / 2 => {
                                synthesise_tile::<L, $r, $v, $part>(s, j, column, $mask)
                            })*
                            _ => unreachable!("blocks have 1 to ROWS / 2 pairs"),
                        }
                    };
                }
                if left >= 2 * L::COUNT {
                    tile_of!(2, false, L::mask(L::COUNT), 1 2 3 4 5 6);
                } else if left > L::COUNT {
                    tile_of!(2, true, L::mask(left - L::COUNT), 1 2 3 4 5 6);
                } else {
                    tile_of!(1, true, L::mask(left), 1 2 3 4 5 6);
                }
            }
            j += rows;
        }
        column += 2 * L::COUNT;
    }
}

#[inline(always)]
unsafe fn synthesise_tile<L: Lanes, const P: usize, const V: usize, const PART: bool>(
    s: Synthesis,
    j: usize,
    column: usize,
    mask: L::Mask,
) {
    let half = Pairs::of(s.pairs.n);
    // SAFETY: P pairs from j, V registers of channels from `column`, all inside
    unsafe {
        let mut even = [[L::splat(0.0); V]; P];
        let mut odd = even;
        if !s.bias.is_null() {
            for v in 0..V {
                let bias = load::<L, V, PART>(s.bias.add(column), v, mask);
                for even in &mut even {
                    even[v] = bias;
                }
            }
        }
        let (mut cos, mut sin) = (s.cos.add(j), s.sin.add(j));
        let mut re = s.spectrum.add(column);
        let mut im = re.add(s.modes * s.outputs);
        for _ in 0..s.modes {
            let (mut a, mut b) = ([L::splat(0.0); V], [L::splat(0.0); V]);
            for v in 0..V {
                a[v] = load::<L, V, PART>(re, v, mask);
                b[v] = load::<L, V, PART>(im, v, mask);
            }
            for i in 0..P {
                let (cos, sin) = (L::splat(*cos.add(i)), L::splat(*sin.add(i)));
                for v in 0..V {
                    even[i][v] = cos.fma(a[v], even[i][v]);
                    odd[i][v] = sin.fma(b[v], odd[i][v]);
                }
            }
            // after the last mode all four pointers are past their arrays
            (cos, sin) = (cos.wrapping_add(half), sin.wrapping_add(half));
            (re, im) = (re.wrapping_add(s.outputs), im.wrapping_add(s.outputs));
        }
        for i in 0..P {
            for v in 0..V {
                let (e, o) = (even[i][v], odd[i][v]);
                even[i][v] = e.add(o);
                odd[i][v] = e.sub(o);
            }
        }
        let (mut low, mut high) = (even, odd);
        let x_low = s.x_low.add((j - s.pairs.first) * s.inputs);
        let x_high = s.x_high.sub((j - s.pairs.first) * s.inputs);
        let mut skip = s.skip.add(column);
        for q in 0..s.inputs {
            let mut b = [L::splat(0.0); V];
            for (v, b) in b.iter_mut().enumerate() {
                *b = load::<L, V, PART>(skip, v, mask);
            }
            for i in 0..P {
                let l = L::splat(*x_low.add(i * s.inputs + q));
                let h = L::splat(*x_high.sub(i * s.inputs).add(q));
                for v in 0..V {
                    low[i][v] = l.fma(b[v], low[i][v]);
                    high[i][v] = h.fma(b[v], high[i][v]);
                }
            }
            skip = skip.wrapping_add(s.outputs);
        }
        for i in 0..P {
            let y_low = s.y.add((j + i) * s.outputs + column);
            let y_high = s.y.add((s.pairs.n - 1 - j - i) * s.outputs + column);
            for v in 0..V {
                // the middle of an odd row is its own mirror: both registers hold its value
                store::<L, V, PART>(low[i][v], y_low, v, mask);
                store::<L, V, PART>(high[i][v], y_high, v, mask);
            }
        }
    }
}
