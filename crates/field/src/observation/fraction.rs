//! The fraction of the box where a channel exceeds a threshold: porosity, volume fraction.

use std::sync::Arc;

use super::{Fault, Linearised, Observation, Operator, channel_of, faulty, refused, repeated};
use crate::{FieldError, Grid, Transform};

/// y = (1/|Ω|) |{x : u(x) > θ}| with the indicator smoothed to Φ((u − θ)/w).
///
/// This observation is nonlinear. Let X₀ be known up to an error of point-wise standard deviation
/// s. The expected fraction is then the mean of Φ((D − θ)/√(w² + s²)), and its slope is the mean of
/// φ(·)/√(w² + s²). This linearisation is exact in expectation for Gaussian errors (Stein's lemma).
#[derive(Debug, Clone)]
pub struct Fraction {
    channel: usize,
    threshold: f64,
    width: f64,
    values: Vec<f64>,
    variances: Vec<f64>,
}

impl Fraction {
    /// The fraction above `threshold`, between 0 and 1. The indicator is smoothed over `width` (in
    /// the data's units). `deviation` is the standard deviation of the fraction's error.
    ///
    /// # Errors
    /// [`FieldError::Observation`] for a fraction outside [0, 1], a threshold that is not finite,
    /// or a width that is not positive.
    pub fn new(
        channel: usize,
        threshold: f64,
        width: f64,
        fraction: f64,
        deviation: f64,
    ) -> Result<Self, FieldError> {
        if !(0.0..=1.0).contains(&fraction) {
            return Err(faulty(
                Fault::Part,
                None,
                format!("a fraction of {fraction} lies outside [0, 1]"),
            ));
        }
        if !threshold.is_finite() {
            return Err(refused(
                None,
                format!("threshold {threshold}: it must be a finite number"),
            ));
        }
        if !(width.is_finite() && width > 0.0) {
            return Err(refused(None, format!("width {width}: it must be a positive number")));
        }
        let (values, variances) = (vec![fraction], repeated(deviation, 1)?);
        Ok(Self { channel, threshold, width, values, variances })
    }
}

impl Observation for Fraction {
    fn kind(&self) -> &'static str {
        "fraction"
    }

    fn values(&self) -> &[f64] {
        &self.values
    }

    fn with_values(&self, values: Vec<f64>) -> Arc<dyn Observation> {
        Arc::new(Self { values, ..self.clone() })
    }

    fn variances(&self) -> &[f64] {
        &self.variances
    }

    fn is_linear(&self) -> bool {
        false
    }

    fn on(&self, grid: &Grid, channels: usize) -> Result<Arc<dyn Operator>, FieldError> {
        channel_of(None, self.channel, channels)?;
        let (channel, threshold, width) = (self.channel, self.threshold, self.width);
        let transform = Transform::new(*grid);
        Ok(Arc::new(Above { transform, channels, channel, threshold, width }))
    }
}

#[derive(Debug)]
struct Above {
    transform: Transform,
    channels: usize,
    channel: usize,
    threshold: f64,
    width: f64,
}

impl Above {
    fn cells(&self, modes: &[f64]) -> Vec<f64> {
        let count = self.transform.grid().mode_count();
        self.transform.synthesise_channels(&modes[self.channel * count..(self.channel + 1) * count])
    }
}

impl Operator for Above {
    fn rows(&self) -> usize {
        1
    }

    /// The fraction of the cells above the threshold, not smoothed.
    fn apply(&self, modes: &[f64]) -> Vec<f64> {
        let cells = self.cells(modes);
        let above = cells.iter().filter(|u| **u > self.threshold).count();
        vec![above as f64 / cells.len() as f64]
    }

    fn adjoint(&self, _weights: &[f64]) -> Vec<f64> {
        vec![0.0; self.channels * self.transform.grid().mode_count()]
    }

    fn linearised(&self, modes: &[f64], spread: &[f64]) -> Option<Linearised> {
        let mut cells = self.cells(modes);
        let s = self.width.hypot(spread[self.channel]);
        let count = cells.len() as f64;
        let mut part = 0.0;
        for u in &mut cells {
            let z = (*u - self.threshold) / s;
            part += 0.5 * libm::erfc(-z * std::f64::consts::FRAC_1_SQRT_2) / count;
            *u = (-0.5 * z * z).exp() / (s * (2.0 * std::f64::consts::PI).sqrt());
        }
        let modes = self.transform.grid().mode_count();
        let mut row = vec![0.0; self.channels * modes];
        self.transform.analyse(&cells, &mut row[self.channel * modes..(self.channel + 1) * modes]);
        Some(Linearised { values: vec![part], rows: vec![row] })
    }
}
