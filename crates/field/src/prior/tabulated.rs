//! A spectrum from a user's table of frequencies and eigenvalues, from a model or a measurement.

use serde::{Deserialize, Serialize};

use crate::{FieldError, Mode, Prior, grid::MAX_DIM};

/// λ(|ω|) log-log linear between the rows (|ω|, λ) of a table, continued by a power law.
///
/// A row with |ω| = 0 gives the constant mode's λ. Without such a row the constant mode takes the
/// first row's λ, as do all frequencies below the first row. Beyond the last row λ falls as
/// |ω|^{−s}. Here s is the log-log slope of the last octave of rows (at least the last two rows) by
/// least squares. An interval with λ = 0 at one end has no logarithm there, so λ is linear in |ω|.
/// A table that ends with 0 stays 0.
///
/// **Trace class** iff s > d or the last λ is 0. **Unit** |ω| is in radians per unit of the box,
/// whose first axis has length 1 in configurations. λ is the variance of an orthonormal mode, so
/// the trace is Σ λ_k over modes. A spectral *density* S(ω) becomes λ = S/|Ω|.
///
/// # Example
/// ```
/// use karhunen_field::prior::Tabulated;
/// let prior = Tabulated::new(2, vec![[1.0, 8.0], [2.0, 1.0]])?; // falls as |ω|^{−3}
/// assert!((prior.at(4.0) - 0.125).abs() < 1e-15);
/// # Ok::<(), karhunen_field::FieldError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Table", into = "Table")]
pub struct Tabulated {
    dim: usize,
    rows: Vec<[f64; 2]>,
    /// s; 0 where the table ends with λ = 0.
    slope: f64,
}

/// The stored form, from which everything else is computed.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    dim: usize,
    rows: Vec<[f64; 2]>,
}

impl TryFrom<Table> for Tabulated {
    type Error = FieldError;
    fn try_from(table: Table) -> Result<Self, FieldError> {
        Self::new(table.dim, table.rows)
    }
}

impl From<Tabulated> for Table {
    fn from(prior: Tabulated) -> Self {
        Self { dim: prior.dim, rows: prior.rows }
    }
}

impl Tabulated {
    /// The prior of a table of (|ω|, λ) for boxes of dimension `dim`.
    ///
    /// # Errors
    /// [`FieldError::Dimension`] unless `dim` is 1 to 3; [`FieldError::Parameter`] unless at least two
    /// rows have |ω| > 0, frequencies are non-negative, finite and rise strictly, and eigenvalues are
    /// non-negative, finite and not all 0; [`FieldError::NotTraceClass`] unless s > d or the last λ is 0.
    pub fn new(dim: usize, rows: Vec<[f64; 2]>) -> Result<Self, FieldError> {
        if !(1..=MAX_DIM).contains(&dim) {
            return Err(FieldError::Dimension(dim));
        }
        check(&rows)?;
        let slope = if rows[rows.len() - 1][1] > 0.0 { -tail_slope(&rows) } else { 0.0 };
        if rows[rows.len() - 1][1] > 0.0 && slope <= dim as f64 {
            return Err(FieldError::NotTraceClass {
                prior: "tabulated",
                parameter: "an end that falls as frequency^-s with s =",
                value: slope,
                bound: format!("d = {dim}"),
                dim,
            });
        }
        Ok(Self { dim, rows, slope })
    }

    /// λ at a frequency |ω|.
    pub fn at(&self, frequency: f64) -> f64 {
        let [last, level] = self.rows[self.rows.len() - 1];
        if frequency >= last {
            return level * (frequency / last).powf(-self.slope);
        }
        let above = self.rows.partition_point(|row| row[0] <= frequency);
        if above == 0 {
            return self.rows[0][1];
        }
        let ([w0, l0], [w1, l1]) = (self.rows[above - 1], self.rows[above]);
        if w0 == 0.0 {
            // the constant mode stands apart; every other frequency takes the first row
            return if frequency == 0.0 { l0 } else { l1 };
        }
        if l0 > 0.0 && l1 > 0.0 {
            let part = (frequency / w0).ln() / (w1 / w0).ln();
            return (l0.ln() + part * (l1 / l0).ln()).exp();
        }
        l0 + (l1 - l0) * (frequency - w0) / (w1 - w0)
    }

    /// The table.
    pub fn rows(&self) -> &[[f64; 2]] {
        &self.rows
    }
}

impl Prior for Tabulated {
    fn eigenvalue(&self, mode: &Mode) -> f64 {
        self.at(mode.frequency())
    }
}

fn check(rows: &[[f64; 2]]) -> Result<(), FieldError> {
    let refuse = |parameter, value, requirement| {
        Err(FieldError::Parameter { parameter, value, requirement })
    };
    let positive = rows.iter().filter(|row| row[0] > 0.0).count();
    if positive < 2 {
        let requirement = "a table needs at least two rows with a frequency above 0";
        return refuse("rows with a frequency", positive as f64, requirement);
    }
    let mut before = f64::NEG_INFINITY;
    for &[frequency, eigenvalue] in rows {
        if !(frequency.is_finite() && frequency >= 0.0) {
            return refuse("frequency", frequency, "it must be zero or a positive finite number");
        }
        if frequency <= before {
            return refuse("frequency", frequency, "it must exceed that of the row before");
        }
        if !(eigenvalue.is_finite() && eigenvalue >= 0.0) {
            return refuse("eigenvalue", eigenvalue, "it must be zero or a positive finite number");
        }
        before = frequency;
    }
    if rows.iter().all(|row| row[1] == 0.0) {
        return refuse("largest eigenvalue", 0.0, "it must be positive: this noise is none");
    }
    Ok(())
}

/// Log-log slope of the last octave of rows with positive λ, at least of the last two. −∞ where
/// only one row before the end is positive, because the fall from it has no slope.
fn tail_slope(rows: &[[f64; 2]]) -> f64 {
    let last = rows[rows.len() - 1];
    let positive = rows.iter().rposition(|r| r[0] <= 0.0 || r[1] <= 0.0).map_or(0, |at| at + 1);
    let octave = rows.partition_point(|row| row[0] < 0.5 * last[0]);
    let from = octave.min(rows.len() - 2).max(positive);
    let points: Vec<(f64, f64)> =
        rows[from..].iter().map(|r| ((r[0] / last[0]).ln(), r[1].ln())).collect();
    let n = points.len() as f64;
    let (x, y) =
        (points.iter().map(|p| p.0).sum::<f64>() / n, points.iter().map(|p| p.1).sum::<f64>() / n);
    let spread: f64 = points.iter().map(|p| (p.0 - x).powi(2)).sum();
    let along: f64 = points.iter().map(|p| (p.0 - x) * (p.1 - y)).sum();
    // a single last row after a zero rises, and no falling power law fits it
    if spread > 0.0 { along / spread } else { f64::INFINITY }
}
