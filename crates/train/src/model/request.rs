//! A request to a trained model: which functions, where they are evaluated, and by which sampler.

use std::sync::Arc;

use karhunen_field::large_box::LargeBox;
use karhunen_field::sampler::{Method, Precision, Refinement};
use karhunen_field::{Ensemble, Grid};

use crate::model::stop::Stop;

/// How to sample.
///
/// # Example
/// ```
/// use karhunen_field::{Boundary, Grid, sampler::Method};
/// use karhunen_train::request::{Coarse, Request};
/// let grid = Grid::unit(&[64, 64], Boundary::Neumann)?;
/// let coarse = vec![Coarse { grid: grid.with_points(&[32, 32])?, until: 0.7 }];
/// let request = Request { coarse, ..Request::new(grid, 3, Method::WienerExponential, 20) };
/// assert_eq!(request.first_grid().points(), [32, 32]);
/// # Ok::<(), karhunen_field::FieldError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// Where to evaluate the functions.
    pub grid: Grid,
    /// Seed of the functions.
    pub seed: u64,
    /// The sampler.
    pub method: Method,
    /// Budget of network evaluations a field.
    pub evaluations: usize,
    /// Coarser grids on the way, by falling time; none by default.
    pub coarse: Vec<Coarse>,
    /// Takes as many steps as this error a step asks for, in standard deviations of the data,
    /// instead of the budget: [`adaptive_times`](karhunen_field::sampler::adaptive_times).
    pub tolerance: Option<f64>,
    /// Gives the fields the data's mean and spectrum by a [`Calibration`](karhunen_field::Calibration) from [`CALIBRATION_PILOTS`](crate::sampling::CALIBRATION_PILOTS) pilots.
    pub calibrated: bool,
    /// Which class each field is of, where the model has any.
    pub classes: Classes,
    /// Attributes of all fields, normalised ([`attributes`](crate::TrainedModel::attributes)); NaN for those that are not asked
    /// for, empty where none is.
    pub attributes: Vec<f32>,
    /// The fields that are given beside them.
    pub given: Option<GivenFields>,
    /// Weight W of [`Guided`](karhunen_field::denoiser::Guided) between the law of all fields (0) and that of what is asked for (1).
    pub guidance: f64,
    /// W of [`sharpened`](karhunen_net::preconditioning::Evaluation::sharpened), 1 for the network's own answer.
    pub sharpness: f64,
    /// The box where it is larger than the trained one; the grid is one of it then.
    pub larger: Option<Larger>,
    /// Whether fields are this rank's alone, of whichever numbers it asks for; pilots are shared nevertheless, so that
    /// all ranks ask together.
    pub apart: bool,
    /// In what numbers the sampler keeps its fields. Pilots are made in double precision in any case.
    pub precision: Precision,
    /// Ends it before it is done.
    pub stop: Stop,
}

/// A grid that a run stays on while noise is high.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Coarse {
    /// The grid; coarser than those after it.
    pub grid: Grid,
    /// Path time down to which it serves.
    pub until: f64,
}

/// How the classes of the sampled fields are chosen.
///
/// The class of a field depends on its own index, so it is the same on every grid and in every
/// batch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Classes {
    /// Random, with the frequencies of the classes in the data.
    #[default]
    Drawn,
    /// None: the law of all fields together, as a network answers that is told no class.
    Open,
    /// The listed classes in turn: field i has entry i modulo the length of the list.
    Turns(Vec<u32>),
}

/// The given fields of a request, normalised. Field i of a seed gets given field i modulo their
/// number.
#[derive(Debug, Clone, PartialEq)]
pub struct GivenFields(pub Arc<Ensemble>);

/// A box larger than the trained one, and how much its windows overlap.
#[derive(Debug, Clone, PartialEq)]
pub struct Larger {
    /// The box.
    pub large: LargeBox,
    /// Part of a window's length that it shares with the next one, 0 to ½.
    pub overlap: f64,
}

impl Request {
    /// On one grid, with a budget.
    pub fn new(grid: Grid, seed: u64, method: Method, evaluations: usize) -> Self {
        Self {
            grid,
            seed,
            method,
            evaluations,
            coarse: Vec::new(),
            tolerance: None,
            calibrated: false,
            classes: Classes::Drawn,
            attributes: Vec::new(),
            given: None,
            guidance: 1.0,
            sharpness: 1.0,
            larger: None,
            apart: false,
            precision: Precision::Double,
            stop: Stop::default(),
        }
    }

    /// Where the run begins.
    pub fn first_grid(&self) -> Grid {
        self.coarse.first().map_or(self.grid, |c| c.grid)
    }

    /// Whether neither attributes nor given fields are asked for.
    pub fn is_free(&self) -> bool {
        self.attributes.is_empty() && self.given.is_none()
    }

    pub(crate) fn refinements(&self) -> Vec<Refinement> {
        let next = self.coarse.iter().skip(1).map(|c| c.grid).chain([self.grid]);
        self.coarse.iter().zip(next).map(|(c, grid)| Refinement { time: c.until, grid }).collect()
    }
}
