//! Two phases from grey values: Otsu's threshold, computed from the reference and applied to all.
//!
//! A separate threshold for every ensemble or sample would hide the errors that a comparison should
//! find, above all a wrong volume fraction.

use super::check;
use super::histogram::channel_values;
use crate::{Ensemble, FieldError};

/// Otsu's threshold: the cut that maximises the variance between the two classes.
///
/// It maximises w₀ w₁ (μ₁ − μ₀)² over every gap between neighbouring distinct values, without bins,
/// and is the middle of the best gap. Values above it belong to the phase. If all values are equal,
/// it is that value, so that nothing lies above.
///
/// **Cost** one sort.
///
/// # Errors
/// [`FieldError::TooFew`] without values; [`FieldError::Parameter`] for values that are not
/// finite.
///
/// **Source** Otsu, "A threshold selection method from gray-level histograms", IEEE Trans. Syst.
/// Man Cybern. 9 (1979).
pub fn otsu_threshold(values: &[f64]) -> Result<f64, FieldError> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let (Some(&lowest), Some(&highest)) = (sorted.first(), sorted.last()) else {
        return Err(FieldError::TooFew { what: "Otsu's threshold", least: 1, count: 0 });
    };
    // NaN and the infinities sort to the ends
    if let Some(&value) = [lowest, highest].iter().find(|v| !v.is_finite()) {
        return Err(FieldError::Parameter {
            parameter: "value",
            value,
            requirement: "Otsu's threshold needs finite values",
        });
    }
    let n = sorted.len() as f64;
    // taken about the lowest value, because a large offset would cancel a small contrast
    let total: f64 = sorted.iter().map(|v| v - lowest).sum();
    let (mut below, mut best, mut threshold) = (0.0, 0.0, lowest);
    for (i, pair) in sorted.windows(2).enumerate() {
        below += pair[0] - lowest;
        let count = (i + 1) as f64;
        let contrast = (total - below) / (n - count) - below / count;
        let between = count * (n - count) * contrast * contrast;
        if pair[1] > pair[0] && between > best {
            best = between;
            threshold = pair[0] + 0.5 * (pair[1] - pair[0]);
        }
    }
    Ok(threshold)
}

/// One threshold a channel.
#[derive(Debug, Clone, PartialEq)]
pub struct Segmentation {
    /// Values above belong to the phase.
    pub thresholds: Vec<f64>,
}

impl Segmentation {
    /// Otsu's threshold of each channel of an ensemble.
    ///
    /// # Errors
    /// [`FieldError::TooFew`] without fields; [`FieldError::Parameter`] for values that are not
    /// finite.
    pub fn otsu(fields: &Ensemble) -> Result<Self, FieldError> {
        check(fields, "segmentation", 1)?;
        let thresholds = (0..fields.channels)
            .map(|channel| otsu_threshold(&channel_values(fields, channel).collect::<Vec<_>>()))
            .collect::<Result<_, _>>()?;
        Ok(Self { thresholds })
    }

    /// The indicator of the phase: 1 above the threshold of the channel, 0 elsewhere.
    ///
    /// # Errors
    /// [`FieldError::Length`] unless there is one threshold for every channel.
    pub fn indicator(&self, fields: &Ensemble) -> Result<Ensemble, FieldError> {
        if self.thresholds.len() != fields.channels {
            return Err(FieldError::Length {
                values: self.thresholds.len(),
                channels: fields.channels,
                grid: fields.grid,
            });
        }
        let mut out = fields.clone();
        for field in out.fields_mut() {
            for (values, threshold) in
                field.chunks_exact_mut(fields.grid.len()).zip(&self.thresholds)
            {
                values.iter_mut().for_each(|v| *v = f64::from(u8::from(*v > *threshold)));
            }
        }
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::super::oracle;
    use super::*;

    #[test]
    fn cuts_where_the_classes_differ_most() {
        let mut values = oracle::normals(60, 0);
        values.extend(oracle::normals(25, 1).iter().map(|v| 0.5 * v + 4.0));
        let threshold = otsu_threshold(&values).unwrap();
        // the definition, at every value
        let between = |cut: f64| {
            let (low, high): (Vec<f64>, Vec<f64>) = values.iter().partition(|v| **v <= cut);
            let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
            let weight = (low.len() * high.len()) as f64;
            if weight == 0.0 { 0.0 } else { weight * (mean(&high) - mean(&low)).powi(2) }
        };
        let best = values.iter().map(|v| between(*v)).fold(0.0, f64::max);
        assert!((between(threshold) / best - 1.0).abs() < 1e-12, "{threshold}");
        let shifted: Vec<f64> = values.iter().map(|v| v + 1e9).collect();
        assert!((otsu_threshold(&shifted).unwrap() - 1e9 - threshold).abs() < 1e-6);
    }

    #[test]
    fn two_values_are_cut_half_way_and_one_not_at_all() {
        assert_eq!(otsu_threshold(&[1.0, 0.0, 0.0, 1.0, 1.0]).unwrap(), 0.5);
        assert_eq!(otsu_threshold(&[3.0; 4]).unwrap(), 3.0);
        assert!(matches!(otsu_threshold(&[]), Err(FieldError::TooFew { .. })));
        for broken in [f64::NAN, -f64::NAN, f64::INFINITY] {
            assert!(matches!(otsu_threshold(&[0.0, broken]), Err(FieldError::Parameter { .. })));
        }
    }
}
