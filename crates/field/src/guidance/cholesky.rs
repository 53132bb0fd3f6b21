//! The Cholesky factor of a covariance matrix, which may be singular.

use std::ops::Range;

use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis, Slice};

use crate::observation::dot;

/// Number of columns that are factorised before one matrix product updates the rest.
const BLOCK: usize = 64;
/// Rows of that product.
const STRIP: usize = 256;
/// A row is left out if its variance given the rows before it is below this part of its own
/// variance.
const NOTHING: f64 = 1e-12;

/// S = L Lᵀ for a symmetric S ≥ 0.
///
/// A row that the rows before it determine up to 1e-12 of its variance is left out: its weight in
/// any solution is 0. For consistent right-hand sides this is the pseudo-inverse, to the same
/// accuracy.
///
/// **Cost** n³/3 multiplications and additions, n² numbers.
#[derive(Debug)]
pub(super) struct Cholesky {
    lower: Array2<f64>,
    /// 1/√S_ii; 0 for rows left out.
    scale: Vec<f64>,
}

impl Cholesky {
    /// Factorises the whole matrix; only its lower triangle is read.
    pub(super) fn new(mut a: Array2<f64>) -> Self {
        let n = a.nrows();
        let root = |i: usize| if a[[i, i]] > 0.0 { 1.0 / a[[i, i]].sqrt() } else { 0.0 };
        let mut scale: Vec<f64> = (0..n).map(root).collect();
        for i in 0..n {
            for j in 0..=i {
                a[[i, j]] *= scale[i] * scale[j];
            }
        }
        for first in (0..n).step_by(BLOCK) {
            let last = n.min(first + BLOCK);
            for j in first..last {
                let own: Vec<f64> = a.row(j).iter().take(j).skip(first).copied().collect();
                let left = a[[j, j]] - dot(&own, &own);
                if left <= NOTHING {
                    scale[j] = 0.0;
                    a.column_mut(j).iter_mut().skip(j + 1).for_each(|v| *v = 0.0);
                    a[[j, j]] = 1.0;
                    continue;
                }
                let pivot = left.sqrt();
                a[[j, j]] = pivot;
                for mut row in a.rows_mut().into_iter().skip(j + 1) {
                    let row = row.as_slice_mut().unwrap_or_default();
                    let (before, at) = row[first..=j].split_at_mut(j - first);
                    at[0] = (at[0] - dot(before, &own)) / pivot;
                }
            }
            let panel = part(a.view(), last..n, first..last).to_owned();
            for strip in (last..n).step_by(STRIP) {
                let end = n.min(strip + STRIP);
                let width = last - first;
                let left = part(panel.view(), strip - last..end - last, 0..width);
                let right = part(panel.view(), 0..end - last, 0..width);
                let mut rest = part_mut(a.view_mut(), strip..end, last..end);
                general_mat_mul(-1.0, &left, &right.t(), 1.0, &mut rest);
            }
        }
        Self { lower: a, scale }
    }

    /// S⁻¹ b; 0 in rows left out.
    pub(super) fn solve(&self, b: &[f64]) -> Vec<f64> {
        let n = b.len();
        let mut x = vec![0.0; n];
        let row = |i: usize| {
            let row = self.lower.row(i);
            row.to_slice().map(|r| &r[..=i]).unwrap_or_default()
        };
        for i in 0..n {
            if self.scale[i] > 0.0 {
                let own = row(i);
                x[i] = (self.scale[i] * b[i] - dot(&own[..i], &x[..i])) / own[i];
            }
        }
        for i in (0..n).rev() {
            let own = row(i);
            let (before, at) = x.split_at_mut(i);
            at[0] = if self.scale[i] > 0.0 { at[0] / own[i] } else { 0.0 };
            let weight = at[0];
            before.iter_mut().zip(own).for_each(|(x, l)| *x -= weight * l);
        }
        x.iter_mut().zip(&self.scale).for_each(|(x, s)| *x *= s);
        x
    }

    /// ln det S of the rows that were not left out.
    pub(super) fn log_determinant(&self) -> f64 {
        let kept = self.scale.iter().enumerate().filter(|(_, s)| **s > 0.0);
        kept.map(|(i, s)| 2.0 * (self.lower[[i, i]] / s).ln()).sum()
    }

    /// Rows left out because the rows before them determine them.
    pub(super) fn left_out(&self) -> impl Iterator<Item = usize> + '_ {
        self.scale.iter().enumerate().filter(|(_, s)| **s == 0.0).map(|(i, _)| i)
    }
}

/// A block of rows and columns.
fn part(a: ArrayView2<'_, f64>, rows: Range<usize>, columns: Range<usize>) -> ArrayView2<'_, f64> {
    a.slice_axis_move(Axis(0), Slice::from(rows)).slice_axis_move(Axis(1), Slice::from(columns))
}

/// A mutable block of rows and columns.
fn part_mut(
    a: ArrayViewMut2<'_, f64>,
    rows: Range<usize>,
    columns: Range<usize>,
) -> ArrayViewMut2<'_, f64> {
    a.slice_axis_move(Axis(0), Slice::from(rows)).slice_axis_move(Axis(1), Slice::from(columns))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ModeNoise;
    use crate::noise::stream;

    fn matrix(n: usize, inner: usize) -> Array2<f64> {
        let numbers = ModeNoise::new(2).plain_normals(n * inner, n as u64, stream::METRICS);
        let a = Array2::from_shape_vec((n, inner), numbers).unwrap();
        a.dot(&a.t())
    }

    /// S x = b for sizes around the block size.
    #[test]
    fn systems_are_solved_for_any_size() {
        for n in [1, 2, 5, 63, 64, 65, 130, 300, 333] {
            let s = matrix(n, n + 20);
            let b = ModeNoise::new(4).plain_normals(n, 1, stream::METRICS);
            let x = Cholesky::new(s.clone()).solve(&b);
            let back = s.dot(&ndarray::Array1::from(x));
            let error = back.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            assert!(error < 1e-9, "{n}: {error}");
        }
    }

    #[test]
    fn determinants_are_products_of_pivots() {
        let s = ndarray::array![[4.0, 2.0], [2.0, 5.0]];
        assert!((Cholesky::new(s).log_determinant() - 16f64.ln()).abs() < 1e-12);
    }

    /// Twenty independent rows among a hundred: the others are left out, and consistent right-hand
    /// sides are solved.
    #[test]
    fn dependent_rows_are_left_out() {
        let (n, inner) = (100, 20);
        let s = matrix(n, inner);
        let cholesky = Cholesky::new(s.clone());
        assert_eq!(cholesky.left_out().count(), n - inner);
        let b = s.dot(&ndarray::Array1::from_elem(n, 0.7)).to_vec();
        let back = s.dot(&ndarray::Array1::from(cholesky.solve(&b)));
        let error = back.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(error < 1e-8, "{error}");
    }
}
