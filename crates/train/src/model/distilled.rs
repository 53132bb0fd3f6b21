//! What a distilled model can be asked for: fields by its own few evaluations, and no denoiser.

use karhunen_field::FieldError;
use karhunen_field::sampler::Method;
use karhunen_net::Band;

use crate::model::request::Request;
use crate::model::trained::TrainedModel;

impl TrainedModel {
    /// Whether a few evaluations at times of its own are all that the model knows ([`crate::distil`]).
    pub fn is_distilled(&self) -> bool {
        self.config.distilled.is_some()
    }

    /// What a distilled model is asked for besides fields by its own evaluations; none if there is nothing, or if the
    /// model is a denoiser. The one place that knows these rules.
    pub fn distilled_fault(&self, request: &Request, observed: bool) -> Option<&'static str> {
        let times = &self.config.distilled.as_ref()?.times;
        let faults = [
            ("observe", observed),
            ("box", request.larger.is_some()),
            ("band", self.model.band != Band::Trained),
            ("sampler", request.method != Method::Ddim),
            ("evaluations", request.evaluations != times.len()),
            ("tolerance", request.tolerance.is_some()),
            ("refine", !request.coarse.is_empty()),
            ("guidance", request.guidance != 1.0),
            ("sharpness", request.sharpness != 1.0),
        ];
        faults.into_iter().find(|(_, found)| *found).map(|(name, _)| name)
    }

    pub(super) fn check_distilled(
        &self,
        request: &Request,
        observed: bool,
    ) -> Result<(), FieldError> {
        match self.distilled_fault(request, observed) {
            None => Ok(()),
            Some(option) => Err(FieldError::Denoiser(format!(
                "{option}: a distilled model has its own few evaluations and knows no others"
            ))),
        }
    }
}
