//! Boxes larger than the trained one, as they are asked for.

use karhunen_evaluate::Progress;
use karhunen_field::large_box::{DEFAULT_OVERLAP, Enlarged, check_overlap};
use karhunen_field::{FieldError, Grid};
use karhunen_train::TrainedModel;
use karhunen_train::larger::Larger;
use karhunen_train::origin::short;
use karhunen_train::request::Request;

use super::SampleError;
use crate::Error;
use crate::observe::AXES;

/// Units that count the cells of the data.
const CELLS: [&str; 4] = ["cells", "pixels", "voxels", "px"];

/// A box that is larger than the trained one.
///
/// # Example
/// ```
/// use karhunen::{LargerBox, SampleOptions};
/// let wide = LargerBox::times(&[4.0, 1.0]).closed(&["x"]);
/// let options = SampleOptions::new(1).in_a(wide);
/// assert_eq!(options.larger.unwrap().periodic, ["x"]);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct LargerBox {
    /// Its length along each axis.
    pub sides: Vec<f64>,
    /// What they are counted in: a unit of length, that of the model's data, or `cells` of these data; trained boxes
    /// without.
    pub unit: Option<String>,
    /// The axes that close on themselves, by name (x, y, z in the order of the axes); `all` are all of them.
    pub periodic: Vec<String>,
    /// Part of its length that a window shares with the next one, 0 to ½.
    pub overlap: f64,
}

impl LargerBox {
    /// So many times the trained box along each axis.
    pub fn times(sides: &[f64]) -> Self {
        let periodic = Vec::new();
        Self { sides: sides.into(), unit: None, periodic, overlap: DEFAULT_OVERLAP }
    }

    /// Closed on itself along these axes.
    pub fn closed(mut self, axes: &[&str]) -> Self {
        self.periodic = axes.iter().map(|axis| (*axis).into()).collect();
        self
    }

    /// What it is for a model; none where it is the trained box.
    pub(crate) fn of(&self, model: &TrainedModel) -> Result<Option<Larger>, SampleError> {
        let dim = model.statistics.grid.dim();
        if self.sides.len() != dim {
            return Err(SampleError::BoxAxes { given: self.sides.len(), axes: dim });
        }
        if check_overlap(self.overlap).is_err() {
            return Err(SampleError::Overlap(self.overlap));
        }
        let units = self.units(model)?;
        let times: Vec<f64> =
            self.sides.iter().zip(&units).map(|(side, unit)| side / unit).collect();
        let larger =
            model.larger(&times, &self.rings(dim)?, self.overlap).map_err(|error| match error {
                FieldError::LargeBox { axis, fault } => {
                    SampleError::Box { axis: AXES[axis], fault }
                }
                other => SampleError::Impossible(other),
            })?;
        Ok(Some(larger).filter(|larger| !larger.large.is_trained()))
    }

    /// Length of the trained box along each axis, in what sides are counted in.
    fn units(&self, model: &TrainedModel) -> Result<Vec<f64>, SampleError> {
        let Some(unit) = &self.unit else { return Ok(vec![1.0; self.sides.len()]) };
        let origin = model.statistics.origin.as_ref();
        let origin = origin.filter(|origin| origin.cells.len() == self.sides.len());
        if CELLS.contains(&unit.as_str()) {
            let own = model.statistics.grid.points();
            let cells = origin.map_or(own, |origin| origin.cells.clone());
            return Ok(cells.into_iter().map(|n| n as f64).collect());
        }
        let same = |own: &String| own == unit || own.replace('µ', "u") == unit.replace('µ', "u");
        let own = origin.and_then(|origin| origin.unit.clone());
        match (origin, &own) {
            (Some(origin), Some(own)) if same(own) => Ok(origin.lengths()),
            _ => Err(SampleError::BoxUnit { unit: unit.clone(), known: own }),
        }
    }

    fn rings(&self, dim: usize) -> Result<Vec<bool>, SampleError> {
        let mut rings = vec![false; dim];
        for name in &self.periodic {
            match AXES[..dim].iter().position(|axis| axis == name) {
                Some(axis) => rings[axis] = true,
                None if name == "all" => rings.fill(true),
                None => {
                    let (name, known) = (name.clone(), AXES[..dim].join(", "));
                    return Err(SampleError::BoxAxis { name, known });
                }
            }
        }
        Ok(rings)
    }
}

/// The grid of a larger box: these cells, or those of the finest level.
pub(super) fn grid(
    larger: &Larger,
    cells: Option<&Vec<usize>>,
    model: &TrainedModel,
) -> Result<Grid, Error> {
    let own = larger.large.like(&model.statistics.grid)?;
    let grid = match cells {
        Some(cells) => larger.large.grid(cells)?,
        None => own,
    };
    // the cells of windows are no whole number on every level
    let answered = model.model.network_grid(&larger.large.window(&grid));
    let band = larger.large.like(&answered).map_err(|error| match error {
        FieldError::LargeBox { axis, fault } => SampleError::Box { axis: AXES[axis], fault }.into(),
        other => Error::from(other),
    })?;
    if !model.model.preconditioner.prior().is_nested() && band != grid {
        return Err(SampleError::BoxCells { grid, windows: band }.into());
    }
    Ok(grid)
}

/// The box in one line, with the windows where a network is asked about any.
pub(super) fn described(
    known: &Enlarged,
    model: &TrainedModel,
    grid: &Grid,
    surrogate: bool,
) -> Result<String, FieldError> {
    let large = known.large();
    let sides: Vec<String> = large.times().iter().map(|t| short(*t)).collect();
    let ring: Vec<&str> =
        (0..grid.dim()).filter(|axis| large.is_ring(*axis)).map(|a| AXES[a]).collect();
    let closed = match ring.is_empty() {
        true => String::new(),
        false => format!(", periodic along {}", ring.join(", ")),
    };
    let line = format!("box {} times the trained one{closed}: {grid} cells", sides.join("×"));
    if surrogate {
        return Ok(line);
    }
    let window = model.model.network_grid(&large.window(grid));
    let (windows, overlap) = (known.windows(&window)?, short(known.overlap()));
    Ok(format!(
        "{line} by {windows} windows of {window}, each sharing {overlap} of its length with the next"
    ))
}

/// Says where the data seem not to be stationary.
pub(super) fn announce(
    model: &TrainedModel,
    request: &Request,
    progress: &dyn Progress,
) -> Result<(), Error> {
    if let Some(warning) = model.stationarity(request)?.and_then(|found| found.warning()) {
        progress.warning(&warning);
    }
    Ok(())
}
