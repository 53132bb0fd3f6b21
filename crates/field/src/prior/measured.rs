//! Mode variances exactly as measured on one grid.

use serde::{Deserialize, Serialize};

use super::Fitted;
use super::fitted::RELATIVE_FLOOR;
use crate::{FieldError, Grid, Mode, Prior};

/// λ_k = c_k, from a table with one value for each mode of one grid. Beyond that grid λ is the
/// radial mean of the table and then its power law, as for [`Fitted`].
///
/// Zeros in the table are raised to 10⁻¹² of its largest entry, so that divisions by λ stay finite.
/// Modes are identified by their position, so all grids of the same box agree. A grid of another
/// box would read the same positions, which has no meaning.
///
/// **Choosing** Suited to the covariance of a data set in a [`crate::GaussianLaw`], whatever its
/// anisotropy. A variance measured from n fields is off by √(2/n) mode by mode, so with few fields
/// prefer [`Fitted`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Table", into = "Table")]
pub struct Measured {
    grid: Grid,
    variances: Vec<f64>,
    beyond: Fitted,
}

/// The stored form, from which everything else is computed.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    grid: Grid,
    variances: Vec<f64>,
}

impl TryFrom<Table> for Measured {
    type Error = FieldError;
    fn try_from(table: Table) -> Result<Self, FieldError> {
        Self::new(table.grid, table.variances)
    }
}

impl From<Measured> for Table {
    fn from(measured: Measured) -> Self {
        Self { grid: measured.grid, variances: measured.variances }
    }
}

impl Measured {
    /// The prior from one variance for each mode of `grid`, in storage order.
    ///
    /// # Errors
    /// As [`Fitted::new`].
    pub fn new(grid: Grid, mut variances: Vec<f64>) -> Result<Self, FieldError> {
        let beyond = Fitted::new(&grid, &variances)?;
        let floor = RELATIVE_FLOOR * variances.iter().copied().fold(0.0, f64::max);
        variances.iter_mut().for_each(|v| *v = v.max(floor));
        Ok(Self { grid, variances, beyond })
    }

    /// The grid of the table.
    pub fn grid(&self) -> &Grid {
        &self.grid
    }

    /// The table, one variance a mode of its grid.
    pub fn variances(&self) -> &[f64] {
        &self.variances
    }
}

impl Prior for Measured {
    fn eigenvalue(&self, mode: &Mode) -> f64 {
        let mut slot = 0;
        for (a, &position) in self.grid.axes().iter().zip(&mode.position) {
            if position >= a.modes() {
                return self.beyond.at(mode.frequency());
            }
            slot = slot * a.modes() + position;
        }
        self.variances[slot]
    }
}
