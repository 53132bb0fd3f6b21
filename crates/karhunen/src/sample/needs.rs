//! Memory of a sampling, estimated before it is taken.

use karhunen_field::sampler::{Method, Precision};
use karhunen_field::{Boundary, Grid};
use karhunen_train::larger::Larger;
use karhunen_train::{TrainedModel, memory};

use crate::Error;

/// Values for each cell and channel that all fields share: the tables of law, noise and mean.
const SHARED: f64 = 3.0;
/// Values for each cell and channel of a field under way: x or its modes, the denoised field, that of the step before,
/// and the buffers of transforms.
const EACH: f64 = 4.0;
/// As [`EACH`] on a larger box, with the sums and the values of windows.
const EACH_LARGER: f64 = 6.0;
/// Bytes added to the shared tables for axes without cosine modes: the places of the modes, whatever the precision.
const PAIRS: f64 = 24.0;
/// Added to [`EACH`] by [`Method::UniPc`]: two more denoised fields of earlier steps.
const EARLIER: f64 = 2.0;
/// Added to [`EACH`] for periodic axes: complex numbers.
const EACH_COMPLEX: f64 = 3.0;
/// Double values for each cell and channel of a field that is finished: itself and its calibration.
const FINISHED: f64 = 2.0;
/// Cells of the windows that the network evaluates together, over all threads.
const WINDOWS: f64 = (1u64 << 18) as f64;
/// Cells of the fields that the network evaluates together, over all threads.
const FIELDS: f64 = (1u64 << 19) as f64;
/// Memory of an evaluation, as a part of what a network keeps for its gradients; measured.
const ANSWER: f64 = 0.5;
/// The program itself.
const BASE: f64 = (1u64 << 25) as f64;
const GIB: f64 = (1u64 << 30) as f64;

/// Bytes of a sampling on one grid.
#[derive(Debug, Clone)]
pub(crate) struct Needs {
    grid: Grid,
    /// Bytes of one field that is kept.
    field: f64,
    /// Bytes of the tables that all fields share.
    shared: f64,
    /// Bytes of one field under way.
    each: f64,
    /// Bytes of activations for one field, or for all windows at once, and the largest number of such fields.
    network: (f64, f64),
    /// The option to lower.
    knob: &'static str,
}

impl Needs {
    pub fn of(
        model: &TrainedModel,
        larger: Option<&Larger>,
        grid: &Grid,
        (method, precision): (Option<Method>, Precision),
    ) -> Self {
        let values = (grid.len() * model.statistics.mean.channels) as f64;
        let (field, state) = (8.0 * values, precision.bytes() as f64 * values);
        let has = |boundary: Boundary| grid.axes().iter().any(|a| a.boundary == boundary);
        let pairs = if has(Boundary::Periodic) || has(Boundary::Dirichlet) { PAIRS } else { 0.0 };
        let complex = if has(Boundary::Periodic) { EACH_COMPLEX } else { 0.0 };
        let own = larger.map_or(*grid, |larger| larger.large.window(grid));
        let asked = model.model.network_grid(&own);
        let cells = asked.len() as f64;
        let answer = ANSWER * model.model.network.training_bytes(&asked);
        let network = match larger {
            Some(_) => (answer * (WINDOWS / cells).max(1.0), 1.0),
            None => (answer, (FIELDS / cells).max(model.together(asked.len()) as f64)),
        };
        let more = if method == Some(Method::UniPc) { EARLIER } else { 0.0 };
        let (each, knob) = match larger {
            Some(_) => (EACH_LARGER, "--count, --grid or --box"),
            None => (EACH, "--count or --grid"),
        };
        Self {
            grid: *grid,
            field,
            shared: state * SHARED + pairs * grid.len() as f64,
            each: (state * (each + complex + more)).max(field * FINISHED),
            network,
            knob,
        }
    }

    /// Bytes where `kept` fields are kept and so many are under way.
    fn bytes(&self, kept: u64, under_way: u64) -> f64 {
        BASE + self.answers(under_way)
            + self.shared
            + kept as f64 * self.field
            + under_way as f64 * self.each
    }

    /// Bytes of the network where so many fields are under way.
    fn answers(&self, under_way: u64) -> f64 {
        let (each, most) = self.network;
        each * most.min(under_way as f64)
    }

    /// Fields of a part: as many as are under way at the same time, fewer where memory has no room for them.
    pub fn part(&self, together: u64) -> u64 {
        let most = memory::most();
        let fits = |fields: &u64| most.is_none_or(|most| self.bytes(*fields, *fields) <= most);
        (1..=together).rev().find(fits).unwrap_or(1)
    }

    /// Refuses what does not fit. Otherwise it returns a line for the user, if much memory is needed or a limit was set.
    pub fn check(&self, kept: u64, together: u64) -> Result<Option<String>, Error> {
        let under_way = kept.min(together);
        let bytes = self.bytes(kept, under_way);
        let states = self.shared + under_way as f64 * self.each;
        let breakdown = format!(
            "{:.1} for {kept} fields at {}, {:.1} for {under_way} under way, {:.1} for the network",
            kept as f64 * self.field / GIB,
            self.grid,
            states / GIB,
            (BASE + self.answers(under_way)) / GIB
        );
        let line = format!("memory: about {:.1} GiB ({breakdown})", bytes / GIB);
        memory::check(bytes, breakdown, self.knob)?;
        Ok((bytes >= GIB || memory::limit().is_some()).then_some(line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Model;

    #[test]
    fn single_precision_needs_less() {
        let model = Model::open("builtin:spinodal").unwrap();
        let model = model.trained();
        let large = model.grid(&[2048, 2048]).unwrap();
        let bytes = |by| Needs::of(model, None, &large, by).bytes(1, 1);
        let method = Some(Method::DpmSolver2M);
        let (double, single) =
            (bytes((method, Precision::Double)), bytes((method, Precision::Single)));
        assert!(single < 0.65 * double, "{single} {double}");
        assert!(bytes((Some(Method::UniPc), Precision::Single)) > single);
    }
}
