//! Sums of products by themselves: every tail of rows and columns, both layouts, every start value.

use super::{Numbers, relative_error};
use crate::Level;
use crate::cpu::segments::{Base, Left, PANEL, Segment, sum_of_products};

/// f32 sums of up to 60 terms; the largest observed error is 4e-7.
const ROUNDING: f64 = 2e-6;

#[test]
fn sums_are_their_definition() {
    let mut numbers = Numbers(41);
    for rows in [1, 2, 3, 5, 7, 8, 11, 12, 13, 25] {
        for columns in [1, 3, 4, 7, 8, 9, 15, 16, 17, 31, 32] {
            let (terms, count) = (numbers.pick(&[1, 2, 5, 16]), numbers.pick(&[0, 1, 2, 9]));
            let (a_len, b_len, c_row) = (rows * terms, terms * PANEL, columns + 3);
            let a = numbers.array(a_len * count.max(1), 1.0);
            let b = numbers.array(b_len * count.max(1), 1.0);
            let (bias, held) = (numbers.array(columns, 1.0), numbers.array(rows * c_row, 1.0));
            // segments in an order that differs from that in memory
            let order: Vec<usize> = (0..count).rev().collect();
            let segments: Vec<Segment> =
                order.iter().map(|s| Segment { a: s * a_len, b: s * b_len }).collect();
            for (level, transposed) in
                Level::available().into_iter().flat_map(|l| [(l, false), (l, true)])
            {
                let element = |s: usize, i: usize, p: usize| {
                    a[s * a_len + if transposed { p * rows + i } else { i * terms + p }]
                };
                for (with_bias, with_held) in [(false, false), (true, false), (true, true)] {
                    let expected: Vec<f64> = (0..rows * columns)
                        .map(|at| {
                            let (i, j) = (at / columns, at % columns);
                            let terms = (0..count).flat_map(|s| (0..terms).map(move |p| (s, p)));
                            let product = |(s, p): (usize, usize)| {
                                let b = b[s * b_len + p * PANEL + j];
                                f64::from(element(s, i, p)) * f64::from(b)
                            };
                            let mut sum = terms.map(product).sum::<f64>();
                            sum += if with_bias { f64::from(bias[j]) } else { 0.0 };
                            sum + if with_held { f64::from(held[i * c_row + j]) } else { 0.0 }
                        })
                        .collect();
                    let mut c = held.clone();
                    let null = std::ptr::null();
                    let base = Base {
                        bias: if with_bias { bias.as_ptr() } else { null },
                        held: if with_held { held.as_ptr() } else { null },
                    };
                    let step = if transposed { rows } else { terms };
                    let left = Left { at: a.as_ptr(), step, transposed };
                    let (b, to) = (b.as_ptr(), c.as_mut_ptr());
                    // SAFETY: matrices of these sizes
                    unsafe {
                        sum_of_products(
                            level, rows, columns, terms, &segments, left, b, to, c_row, base,
                        );
                    }
                    let what = format!("{level} {rows}×{columns}, {count} × {terms} {transposed}");
                    let found: Vec<f32> =
                        c.chunks(c_row).flat_map(|row| row[..columns].to_vec()).collect();
                    // without segments and base the result is 0
                    let error = relative_error(&found, &expected);
                    assert!(error < ROUNDING, "{what}: {error:e}");
                    let outside = |v: &[f32]| -> Vec<f32> {
                        v.chunks(c_row).flat_map(|row| row[columns..].to_vec()).collect()
                    };
                    assert!(outside(&c) == outside(&held), "{what}: beyond the columns");
                }
            }
        }
    }
}
