//! The system S = R + A diag(v) A* of the linear observations, prepared for solving.

use ndarray::Array2;

use super::cholesky::Cholesky;
use crate::FieldError;
use crate::observation::{Stack, dot};

/// Up to this number of observations S is factorised. Beyond it, conjugate gradients solve it.
pub(super) const FACTORISED: usize = 3000;
/// Up to this number of entries of A its rows are kept (32 MiB), where that saves work.
const KEPT: usize = 1 << 22;
/// Relative residual at which conjugate gradients stop.
const TOLERANCE: f64 = 1e-9;
/// Residual that is still accepted when the iterations are used up.
const GOOD_ENOUGH: f64 = 1e-5;
/// Largest number of iterations.
const ITERATIONS: usize = 3000;

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
    /// The diagonal of S, which preconditions conjugate gradients.
    Iterative {
        diagonal: Vec<f64>,
    },
    /// Used where A A* is one number g for each channel: 1/(g (r + g v_k)), `[channel, mode]`. If
    /// all cells are observed, A diag(·) A* is S⁻¹. If the observed cells form one piece, it is
    /// close to S⁻¹.
    Spectral {
        weights: Vec<f64>,
    },
}

/// The dense rows of A, where keeping them saves work.
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
    /// S for these variances of the field.
    pub(super) fn new(stack: &Stack, rows: Option<&Array2<f64>>, variances: Vec<f64>) -> Self {
        let factor = Self::factor(stack, rows, &variances);
        Self { factor, variances }
    }

    fn factor(stack: &Stack, rows: Option<&Array2<f64>>, variances: &[f64]) -> Factor {
        let m = stack.linear_rows();
        let noise = &stack.variances()[..m];
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
        if m > FACTORISED
            && let Some(gains) = stack.gains()
        {
            return Factor::Spectral { weights: spectral(&gains, noise, variances) };
        }
        if m > FACTORISED {
            let diagonal = (0..m)
                .map(|j| {
                    let own = |(a, v): (&f64, &f64)| if *v > 0.0 { a * a / v } else { 0.0 };
                    column(j).iter().zip(variances).map(own).sum::<f64>() + noise[j]
                })
                .collect();
            return Factor::Iterative { diagonal };
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
                    // S is symmetric, so the column is stored as a row, which is faster to write
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
    /// [`FieldError::NotSolved`] where conjugate gradients do not converge.
    pub(super) fn solve(&self, stack: &Stack, b: &[f64]) -> Result<Vec<f64>, FieldError> {
        match &self.factor {
            Factor::Nothing => Ok(Vec::new()),
            Factor::Diagonal(diagonal) => {
                let divide = |(b, d): (&f64, &f64)| if *d > 0.0 { b / d } else { 0.0 };
                Ok(b.iter().zip(diagonal).map(divide).collect())
            }
            Factor::Cholesky(cholesky) => Ok(cholesky.solve(b)),
            Factor::Iterative { diagonal } => {
                self.iterate(stack, b, &|r| r.iter().zip(diagonal).map(|(r, d)| r / d).collect())
            }
            Factor::Spectral { weights } => self.iterate(stack, b, &|r| {
                let mut back = stack.adjoint(r);
                back.iter_mut().zip(weights).for_each(|(a, w)| *a *= w);
                stack.apply(&back)
            }),
        }
    }

    fn iterate(
        &self,
        stack: &Stack,
        b: &[f64],
        condition: &dyn Fn(&[f64]) -> Vec<f64>,
    ) -> Result<Vec<f64>, FieldError> {
        let product = |p: &[f64]| {
            let mut back = stack.adjoint(p);
            back.iter_mut().zip(&self.variances).for_each(|(a, v)| *a *= v);
            let mut q = stack.apply(&back);
            q.iter_mut().zip(stack.variances().iter().zip(p)).for_each(|(q, (r, p))| *q += r * p);
            Ok(q)
        };
        let (x, residual, iterations) =
            conjugate_gradients(b, &product, condition, TOLERANCE, ITERATIONS)?;
        match residual <= GOOD_ENOUGH {
            true => Ok(x),
            false => Err(FieldError::NotSolved { rows: b.len(), residual, iterations }),
        }
    }
}

/// The weights of [`Factor::Spectral`] for the mean of R.
fn spectral(gains: &[f64], noise: &[f64], variances: &[f64]) -> Vec<f64> {
    let r = noise.iter().sum::<f64>() / noise.len() as f64;
    let modes = variances.len() / gains.len();
    let most = variances.iter().copied().fold(0.0, f64::max);
    let weight = |(k, v): (usize, &f64)| {
        let g = gains[k / modes];
        // without noise, modes without variance would have no inverse
        1.0 / (g * (r + g * v.max(1e-14 * most)))
    };
    variances.iter().enumerate().map(weight).collect()
}

/// Solves S x = b for a symmetric S > 0, given products with S and with the preconditioner. Returns
/// the solution, the relative residual and the iterations. Stops early where S turns out not to be
/// positive.
#[allow(clippy::type_complexity)]
fn conjugate_gradients(
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

/// Solves S x = b for many systems at once, with S p = seen(spread(p), p). Returns Σ spread(x).
///
/// `spread` serves all systems together. A system stops where it is solved to [`TOLERANCE`] or
/// where S turns out not to be positive.
#[allow(clippy::type_complexity)]
pub(super) fn conjugate_gradients_of_many(
    b: &[Vec<f64>],
    spread: &dyn Fn(&[Vec<f64>]) -> Result<Vec<Vec<f64>>, FieldError>,
    seen: &dyn Fn(&[f64], &[f64]) -> Vec<f64>,
    condition: &dyn Fn(&[f64]) -> Result<Vec<f64>, FieldError>,
    iterations: usize,
) -> Result<Vec<Vec<f64>>, FieldError> {
    let mut r = b.to_vec();
    let mut p: Vec<Vec<f64>> = r.iter().map(|r| condition(r)).collect::<Result<_, _>>()?;
    let mut along: Vec<f64> = r.iter().zip(&p).map(|(r, z)| dot(r, z)).collect();
    let mut open: Vec<bool> = along.iter().map(|a| *a > 0.0).collect();
    let mut sums: Vec<Vec<f64>> = Vec::new();
    for _ in 0..iterations {
        let changed = spread(&p)?;
        if sums.is_empty() {
            sums = changed.iter().map(|c| vec![0.0; c.len()]).collect();
        }
        for i in 0..b.len() {
            if !open[i] {
                continue;
            }
            let q = seen(&changed[i], &p[i]);
            let curvature = dot(&p[i], &q);
            if curvature <= 0.0 {
                open[i] = false;
                continue;
            }
            let alpha = along[i] / curvature;
            sums[i].iter_mut().zip(&changed[i]).for_each(|(s, c)| *s += alpha * c);
            r[i].iter_mut().zip(&q).for_each(|(r, q)| *r -= alpha * q);
            let z = condition(&r[i])?;
            let next = dot(&r[i], &z);
            open[i] = next > 0.0 && dot(&r[i], &r[i]).sqrt() > TOLERANCE * dot(&b[i], &b[i]).sqrt();
            let beta = next / along[i];
            along[i] = next;
            p[i].iter_mut().zip(&z).for_each(|(p, z)| *p = z + beta * *p);
        }
        if open.iter().all(|o| !o) {
            break;
        }
    }
    Ok(sums)
}
