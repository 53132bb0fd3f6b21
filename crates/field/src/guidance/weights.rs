//! The weights of observations: S⁻¹ applied to a residual. Linear observations form the main block,
//! and nonlinear ones a border.

use ndarray::Array2;

use super::cholesky::Cholesky;
use super::conditioning::Conditioning;
use super::system::System;
use crate::FieldError;
use crate::observation::dot;

/// The weights for one field's residual, before elimination of the border is undone.
#[derive(Debug)]
pub(super) struct Weights {
    /// y − A u − √R ξ of the linear observations, and S⁻¹ applied to it.
    pub(super) residual: Vec<f64>,
    pub(super) linear: Vec<f64>,
    /// Rows of the nonlinear observations at the field.
    pub(super) rows: Vec<Vec<f64>>,
    /// For each of these rows, S⁻¹ A V row and A V row.
    pub(super) border: Vec<(Vec<f64>, Vec<f64>)>,
    /// Residual of the nonlinear observations given the linear ones, and the inverse Schur
    /// complement applied to it.
    pub(super) rest: Vec<f64>,
    pub(super) own: Vec<f64>,
    /// ln of the Schur complement's determinant; 0 without nonlinear observations.
    pub(super) log_determinant: f64,
}

impl Weights {
    /// For one finished field with coefficients `u`, linearised at `base`, with errors √R `xi`
    /// added.
    pub(super) fn new(
        given: &Conditioning,
        system: &System,
        base: &[f64],
        u: &[f64],
        xi: Option<&[f64]>,
    ) -> Result<Self, FieldError> {
        let (stack, noise) = (&given.stack, given.stack.variances());
        let linear_rows = stack.linear_rows();
        let error = |i: usize| xi.map_or(0.0, |xi| noise[i].sqrt() * xi[i]);
        let seen = stack.apply(u);
        let residual: Vec<f64> =
            (0..linear_rows).map(|i| stack.targets()[i] - seen[i] - error(i)).collect();
        let linear = system.solve(stack, &residual)?;
        let near = stack.linearised(base, &given.spread(&system.variances));
        let values: Vec<f64> = near.iter().flat_map(|n| n.values.iter().copied()).collect();
        let rows: Vec<Vec<f64>> = near.into_iter().flat_map(|n| n.rows).collect();
        let count = rows.len();
        let (mut border, mut spread_rows) = (Vec::new(), Vec::new());
        for row in &rows {
            let spread: Vec<f64> = row.iter().zip(&system.variances).map(|(a, v)| a * v).collect();
            let across = stack.apply(&spread);
            border.push((system.solve(stack, &across)?, across));
            spread_rows.push(spread);
        }
        let moved: Vec<f64> = u.iter().zip(base).map(|(u, b)| u - b).collect();
        let mut schur = Array2::zeros((count, count));
        let mut rest = vec![0.0; count];
        for i in 0..count {
            for j in 0..count {
                schur[[i, j]] = dot(&rows[i], &spread_rows[j]) - dot(&border[i].0, &border[j].1);
            }
            let at = linear_rows + i;
            schur[[i, i]] += noise[at];
            let expected = values[i] + dot(&rows[i], &moved) + dot(&border[i].0, &residual);
            rest[i] = stack.targets()[at] - expected - error(at);
        }
        let (own, log_determinant) = match count {
            0 => (Vec::new(), 0.0),
            _ => {
                let cholesky = Cholesky::new(schur);
                (cholesky.solve(&rest), cholesky.log_determinant())
            }
        };
        Ok(Self { residual, linear, rows, border, rest, own, log_determinant })
    }
}
