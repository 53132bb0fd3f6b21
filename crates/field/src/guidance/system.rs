//! S = R + A diag(v) A* of the linear observations, ready to be solved.

use ndarray::Array2;

use super::cholesky::Cholesky;
use crate::FieldError;
use crate::observation::{Stack, dot};

/// Observations up to which S is factorised; beyond, conjugate gradients solve it.
pub(super) const FACTORISED: usize = 3000;
/// Numbers of A up to which its rows are kept (32 MiB), where that saves work.
const KEPT: usize = 1 << 22;
/// Relative residual at which conjugate gradients stop.
const TOLERANCE: f64 = 1e-10;
/// Residual that is still good enough when their iterations are used up.
const GOOD_ENOUGH: f64 = 1e-5;
/// Iterations at most.
const ITERATIONS: usize = 1000;

/// S for one time and grid.
#[derive(Debug)]
pub(super) struct System {
    factor: Factor,
    /// v, `[channel, mode]`.
    pub(super) variances: Vec<f64>,
}

#[derive(Debug)]
enum Factor {
    Nothing,
    Diagonal(Vec<f64>),
    Cholesky(Cholesky),
    /// Its diagonal, by which conjugate gradients are preconditioned, and R.
    Iterative { diagonal: Vec<f64>, noise: Vec<f64> },
}

/// The dense rows of A where they pay.
pub(super) fn dense_rows(stack: &Stack, width: usize) -> Option<Array2<f64>> {
    let rows = stack.linear_rows();
    let few = rows <= 256 || stack.is_dense();
    if rows == 0 || rows > FACTORISED || rows * width > KEPT || !few {
        return None;
    }
    let mut unit = vec![0.0; rows];
    let mut all = Array2::zeros((rows, width));
    for (i, mut row) in all.rows_mut().into_iter().enumerate() {
        unit[i] = 1.0;
        row.iter_mut().zip(stack.adjoint(&unit)).for_each(|(a, v)| *a = v);
        unit[i] = 0.0;
    }
    Some(all)
}

impl System {
    /// S for the variances `variances` and the noise R = diag(`noise`).
    pub(super) fn new(
        stack: &Stack,
        rows: Option<&Array2<f64>>,
        noise: &[f64],
        variances: Vec<f64>,
    ) -> Self {
        let factor = Self::factor(stack, rows, noise, &variances);
        Self { factor, variances }
    }

    fn factor(
        stack: &Stack,
        rows: Option<&Array2<f64>>,
        noise: &[f64],
        variances: &[f64],
    ) -> Factor {
        let m = stack.linear_rows();
        if m == 0 {
            return Factor::Nothing;
        }
        if let Some(mut diagonal) = stack.diagonal(variances) {
            diagonal.iter_mut().zip(noise).for_each(|(d, r)| *d += r);
            return Factor::Diagonal(diagonal);
        }
        let mut unit = vec![0.0; m];
        let mut column = |j: usize| {
            unit[j] = 1.0;
            let mut column = stack.adjoint(&unit);
            unit[j] = 0.0;
            column.iter_mut().zip(variances).for_each(|(a, v)| *a *= v);
            column
        };
        if m > FACTORISED {
            let diagonal = (0..m)
                .map(|j| {
                    let own = |(a, v): (&f64, &f64)| if *v > 0.0 { a * a / v } else { 0.0 };
                    column(j).iter().zip(variances).map(own).sum::<f64>() + noise[j]
                })
                .collect();
            return Factor::Iterative { diagonal, noise: noise.to_vec() };
        }
        let mut s = match rows {
            Some(rows) => {
                let mut scaled = rows.clone();
                for mut row in scaled.rows_mut() {
                    row.iter_mut().zip(variances).for_each(|(a, v)| *a *= v.sqrt());
                }
                scaled.dot(&scaled.t())
            }
            None => {
                let mut s = Array2::zeros((m, m));
                for j in 0..m {
                    // symmetric: what is a column is as well a row, and rows are written faster
                    s.row_mut(j).iter_mut().zip(stack.apply(&column(j))).for_each(|(s, v)| *s = v);
                }
                s
            }
        };
        s.diag_mut().iter_mut().zip(noise).for_each(|(s, r)| *s += r);
        Factor::Cholesky(Cholesky::new(s))
    }

    /// S⁻¹ b.
    ///
    /// # Errors
    /// [`FieldError::NotSolved`] where conjugate gradients do not arrive.
    pub(super) fn solve(&self, stack: &Stack, b: &[f64]) -> Result<Vec<f64>, FieldError> {
        match &self.factor {
            Factor::Nothing => Ok(Vec::new()),
            Factor::Diagonal(diagonal) => {
                let divide = |(b, d): (&f64, &f64)| if *d > 0.0 { b / d } else { 0.0 };
                Ok(b.iter().zip(diagonal).map(divide).collect())
            }
            Factor::Cholesky(cholesky) => Ok(cholesky.solve(b)),
            Factor::Iterative { diagonal, noise } => {
                let product = |p: &[f64]| {
                    let mut back = stack.adjoint(p);
                    back.iter_mut().zip(&self.variances).for_each(|(a, v)| *a *= v);
                    let mut q = stack.apply(&back);
                    q.iter_mut().zip(noise.iter().zip(p)).for_each(|(q, (r, p))| *q += r * p);
                    Ok(q)
                };
                let condition = |r: &[f64]| r.iter().zip(diagonal).map(|(r, d)| r / d).collect();
                let (x, residual, iterations) =
                    conjugate_gradients(b, &product, &condition, TOLERANCE, ITERATIONS)?;
                match residual <= GOOD_ENOUGH {
                    true => Ok(x),
                    false => Err(FieldError::NotSolved { rows: b.len(), residual, iterations }),
                }
            }
        }
    }
}

/// S x = b for a symmetric S > 0 by its products, with the preconditioner's; relative residual and
/// iterations beside the solution. Ends early where S turns out not to be positive.
pub(super) fn conjugate_gradients(
    b: &[f64],
    product: &dyn Fn(&[f64]) -> Result<Vec<f64>, FieldError>,
    condition: &dyn Fn(&[f64]) -> Vec<f64>,
    tolerance: f64,
    iterations: usize,
) -> Result<(Vec<f64>, f64, usize), FieldError> {
    let whole = dot(b, b).sqrt();
    let mut x = vec![0.0; b.len()];
    if whole == 0.0 {
        return Ok((x, 0.0, 0));
    }
    let mut r = b.to_vec();
    let mut z = condition(&r);
    let mut p = z.clone();
    let mut along = dot(&r, &z);
    for step in 0..iterations {
        let q = product(&p)?;
        let curvature = dot(&p, &q);
        if !(curvature > 0.0 && along > 0.0) {
            return Ok((x, dot(&r, &r).sqrt() / whole, step));
        }
        let alpha = along / curvature;
        x.iter_mut().zip(&p).for_each(|(x, p)| *x += alpha * p);
        r.iter_mut().zip(&q).for_each(|(r, q)| *r -= alpha * q);
        let left = dot(&r, &r).sqrt() / whole;
        if left <= tolerance {
            return Ok((x, left, step + 1));
        }
        z = condition(&r);
        let next = dot(&r, &z);
        let beta = next / along;
        along = next;
        p.iter_mut().zip(&z).for_each(|(p, z)| *p = z + beta * *p);
    }
    Ok((x, dot(&r, &r).sqrt() / whole, iterations))
}
