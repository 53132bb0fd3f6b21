//! The pilots of a calibration: fields of nobody, made before those that are asked for.

use karhunen_field::sampler::Precision;
use karhunen_field::{Calibration, FieldError, Grid, resample};
use karhunen_net::Band;

use crate::model::kept::{CALIBRATION_PILOTS, Place};
use crate::model::request::Request;
use crate::model::trained::TrainedModel;
use crate::model::watch::Watch;

/// Seed of the pilots, the same for every request.
const PILOT_SEED: u64 = 0x5049_4c4f_5453;

impl TrainedModel {
    /// Whether a request's calibration is kept beside the model, or comes with it, so that it costs no pilots.
    pub fn calibration_is_kept(&self, request: &Request) -> bool {
        let request = self.on_trained_box(request);
        let on_own = Request { grid: self.own_grid(&request.grid), ..request };
        let (pilots, shared) = self.pilots(&on_own);
        Place::of(self, &pilots, shared).as_ref().and_then(Place::read).is_some()
    }

    /// The request for pilots of a request, and the grid on which they are compared with the data.
    fn pilots(&self, request: &Request) -> (Request, Grid) {
        let trained = &self.statistics.grid;
        let shared = Band::Trained.grid(&request.grid, trained);
        let mut pilots =
            Request { seed: PILOT_SEED, calibrated: false, apart: false, ..request.clone() };
        // what is kept of them is the same for every precision
        pilots.precision = Precision::Double;
        // where the network answers otherwise on the fields' own grid, only that grid can tell
        if self.model.network_grid(&request.grid) == shared {
            pilots.grid = shared;
            pilots.coarse.iter_mut().for_each(|c| c.grid = Band::Trained.grid(&c.grid, trained));
        }
        (pilots, shared)
    }

    /// What scales this request's fields to the data's spectrum.
    pub(crate) fn calibration(
        &self,
        request: &Request,
        observe: &dyn Watch,
    ) -> Result<Calibration, FieldError> {
        let (pilots, shared) = self.pilots(request);
        let place = Place::of(self, &pilots, shared);
        let kept = place.as_ref().and_then(Place::read);
        // pilots are made by all ranks or by none
        if let (None, Some(calibration)) = (self.group.first_unwell(kept.is_some()), kept) {
            return Ok(calibration);
        }
        // pilots are nobody's fields: their steps are counted, they are not shown
        let counted = |done: usize, of: usize| observe.step(done, of);
        let (fields, _) = self.by_all(&pilots, None, 0..CALIBRATION_PILOTS, &counted)?;
        let fields = resample::spectral(&fields, shared)?;
        let calibration = Calibration::measure(self.model.preconditioner.law(), &fields)?;
        if let Some(place) = place.filter(|_| self.group.is_first()) {
            place.write(&calibration);
        }
        Ok(calibration)
    }
}
