//! The product kernels by themselves: every tail of rows, columns and terms.

use super::{Numbers, relative_error, wide};
use crate::Level;
use crate::cpu::mixing::{
    Complex, ComplexOut, Packed, conjugate_mix, mix, mix_conjugate, pack, transpose,
};
use crate::cpu::product::{Start, Strided, dots, product};

/// f32 sums of up to 37 terms; the largest observed error is 4e-7.
const ROUNDING: f64 = 2e-6;
/// Numbers of rows, columns and terms around every register width and block height.
const SIZES: [usize; 13] = [1, 2, 3, 5, 7, 8, 11, 13, 16, 17, 24, 31, 37];

/// Σ_p a(i, p) b(p, j), row by row.
fn sums(
    [m, n, k]: [usize; 3],
    a: impl Fn(usize, usize) -> f64,
    b: impl Fn(usize, usize) -> f64,
) -> Vec<f64> {
    (0..m * n).map(|at| (0..k).map(|p| a(at / n, p) * b(p, at % n)).sum()).collect()
}

fn shapes(numbers: &mut Numbers) -> Vec<[usize; 3]> {
    let mut shapes = Vec::new();
    for m in SIZES {
        for n in SIZES {
            shapes.push([m, n, numbers.pick(&SIZES)]);
        }
    }
    shapes
}

#[test]
fn real_products() {
    let mut numbers = Numbers(2);
    for [m, n, k] in shapes(&mut numbers) {
        let (a, b) = (numbers.array(m * k, 1.0), numbers.array(k * n, 1.0));
        let (bias, held) = (numbers.array(n, 1.0), numbers.array(m * n, 1.0));
        let plain = sums([m, n, k], |i, p| a[i * k + p].into(), |p, j| b[p * n + j].into());
        let turned: Vec<f32> = (0..m * k).map(|at| a[(at % m) * k + at / m]).collect();
        for level in Level::available() {
            // SAFETY: matrices of these sizes
            let run = |a: Strided, start: Start| unsafe {
                let mut c = held.clone();
                product(level, m, n, k, a, b.as_ptr(), n, c.as_mut_ptr(), n, start);
                c
            };
            let rows = Strided::rows(a.as_ptr(), k);
            let with = |extra: &[f32], period: usize| -> Vec<f64> {
                plain.iter().enumerate().map(|(i, v)| v + f64::from(extra[i % period])).collect()
            };
            let cases = [
                (run(rows, Start::Zero), plain.clone()),
                (run(rows, Start::Bias(bias.as_ptr())), with(&bias, n)),
                (run(rows, Start::Held), with(&held, m * n)),
                (run(Strided::columns(turned.as_ptr(), m), Start::Zero), plain.clone()),
            ];
            for (case, (found, expected)) in cases.iter().enumerate() {
                let error = relative_error(found, expected);
                assert!(error < ROUNDING, "{level} {m}×{n}×{k}, case {case}: {error:e}");
            }
            let (mut y, mut back) = (vec![0.0; m * n], vec![0.0; n * k]);
            // SAFETY: matrices of these sizes
            unsafe {
                transpose(level, k, n, b.as_ptr(), back.as_mut_ptr());
                let (a, b, bias) = (a.as_ptr(), back.as_ptr(), bias.as_ptr());
                dots(level, m, n, k, a, b, bias, y.as_mut_ptr());
            }
            let exact = (0..n * k).all(|at| back[at] == b[(at % k) * n + at / k]);
            assert!(exact, "{level}: transpose of {k}×{n}");
            let error = relative_error(&y, &with(&bias, n));
            assert!(error < ROUNDING, "{level} {m}×{n}×{k} by dots: {error:e}");
        }
    }
}

#[test]
fn complex_products() {
    let mut numbers = Numbers(3);
    for [m, n, k] in shapes(&mut numbers) {
        let [a_re, a_im] = [0, 1].map(|_| numbers.array(m * k, 1.0));
        let [b_re, b_im] = [0, 1].map(|_| numbers.array(k * n, 1.0));
        for (signs, level) in [(1.0, 1.0), (1.0, -1.0), (-1.0, 1.0)]
            .into_iter()
            .flat_map(|s| Level::available().into_iter().map(move |l| (s, l)))
        {
            let (sa, sb) = signs;
            let [a, b] = [(&a_re, &a_im, k), (&b_re, &b_im, n)].map(|(re, im, row)| Complex {
                re: re.as_ptr(),
                im: im.as_ptr(),
                row,
            });
            let mut packed = vec![f32::NAN; 3 * m * k];
            let (mut re, mut im) = (vec![0.0; m * n], vec![0.0; m * n]);
            let c = ComplexOut { re: re.as_mut_ptr(), im: im.as_mut_ptr(), row: n };
            // SAFETY: matrices of these sizes
            unsafe {
                pack(level, m, k, a, sa < 0.0, packed.as_mut_ptr());
                let a = Packed::rows(packed.as_ptr(), m, k);
                match signs {
                    (1.0, 1.0) => mix(level, m, n, k, a, b, c),
                    (1.0, _) => mix_conjugate(level, m, n, k, a, b, c),
                    _ => conjugate_mix(level, m, n, k, a, b, c),
                }
            }
            let part = |a: &[f32], b: &[f32]| {
                let (a, b) = (wide(a), wide(b));
                sums([m, n, k], |i, p| a[i * k + p], |p, j| b[p * n + j])
            };
            let minus = part(&a_im, &b_im);
            let expected_re: Vec<f64> =
                part(&a_re, &b_re).iter().zip(&minus).map(|(r, i)| r - sa * sb * i).collect();
            let (cross, other) = (part(&a_re, &b_im), part(&a_im, &b_re));
            let expected_im: Vec<f64> =
                cross.iter().zip(&other).map(|(x, y)| sb * x + sa * y).collect();
            for (found, expected) in [(&re, &expected_re), (&im, &expected_im)] {
                let error = relative_error(found, expected);
                assert!(error < 2.0 * ROUNDING, "{level} {m}×{n}×{k} {signs:?}: {error:e}");
            }
        }
    }
}
