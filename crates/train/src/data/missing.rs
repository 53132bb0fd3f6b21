//! Treats missing values of the data in a run.
//!
//! Holes are filled before anything else (module `holes`), but filled values have no weight. Each
//! cell carries the part of it that was measured, averaged over area on coarser grids. That part
//! weights the loss, the mean and the variance.
//!
//! The spectrum is that of the complete fields if there are enough of them. Otherwise it is that of
//! the filled fields, times one factor a channel, so that its sum is the variance of the measured
//! values.

use karhunen_field::moments::Moments;
use karhunen_field::{Field, Transform};

use crate::TrainError;
use crate::data::level::LevelData;

/// Smallest number of complete fields for a spectrum. They must also be a certain part of all
/// fields.
const COMPLETE: usize = 64;

const COMPLETE_PART: f64 = 0.25;

/// A cell counts as completely measured above this part, because area averages round.
const WHOLE: f32 = 0.9999;

/// Mean and variances of normalised fields. The measured parts of cells are divided by their mean
/// over the training fields, so that they weight a loss without changing its scale.
///
/// # Errors
/// Errors of [`Moments`].
pub(crate) fn measured(
    training: &mut LevelData,
    validation: &mut LevelData,
    notes: &mut Vec<String>,
) -> Result<(Field, Vec<Vec<f64>>), TrainError> {
    if training.weights.is_empty() {
        let mut moments = Moments::new(training.grid, training.channels);
        for field in training.values.chunks_exact(training.field_len()) {
            moments.add(&field.iter().map(|v| f64::from(*v)).collect::<Vec<f64>>())?;
        }
        return Ok(moments.finish()?);
    }
    let (mean, variances, note) = moments(training)?;
    notes.push(note);
    let all: f64 = training.weights.iter().map(|w| f64::from(*w)).sum();
    let part = all / training.weights.len() as f64;
    notes.push(format!("{:.2} % of the training points are measured", 100.0 * part));
    if validation.weights.is_empty() {
        validation.weights.resize(validation.values.len(), 1.0);
    }
    for weight in training.weights.iter_mut().chain(&mut validation.weights) {
        *weight = (f64::from(*weight) / part) as f32;
    }
    Ok((mean, variances))
}

/// Mean and variances of normalised fields with unmeasured parts, and a note on the method.
///
/// # Errors
/// Errors of [`Moments`].
fn moments(data: &LevelData) -> Result<(Field, Vec<Vec<f64>>, String), TrainError> {
    let (grid, channels, len) = (data.grid, data.channels, data.field_len());
    let fields = || data.values.chunks_exact(len).zip(data.weights.chunks_exact(len));
    let whole = |weights: &[f32]| weights.iter().all(|w| *w >= WHOLE);
    let complete = fields().filter(|(_, weights)| whole(weights)).count();
    let enough = complete >= COMPLETE && complete as f64 >= COMPLETE_PART * data.count() as f64;
    let mut moments = Moments::new(grid, channels);
    for (values, weights) in fields() {
        if !enough || whole(weights) {
            moments.add(&values.iter().map(|v| f64::from(*v)).collect::<Vec<f64>>())?;
        }
    }
    let (mut mean, mut variances) = moments.finish()?;
    let (mut sums, mut parts) = (vec![0.0; len], vec![0.0; len]);
    for (values, weights) in fields() {
        for (i, (v, w)) in values.iter().zip(weights).enumerate() {
            sums[i] += f64::from(*v) * f64::from(*w);
            parts[i] += f64::from(*w);
        }
    }
    // where no field was measured, the mean of the filled values remains
    let measured = mean.values.iter_mut().zip(sums.iter().zip(&parts));
    measured.filter(|(_, (_, part))| **part > 0.0).for_each(|(m, (sum, part))| *m = sum / part);
    let transform = Transform::new(grid);
    mean.values.chunks_exact_mut(grid.len()).for_each(|channel| transform.project(channel));
    if enough {
        return Ok((
            mean,
            variances,
            format!("the spectrum is that of {complete} complete fields"),
        ));
    }
    let (mut squares, mut weight) = (vec![0.0; channels], vec![0.0; channels]);
    for (values, weights) in fields() {
        for (i, (v, w)) in values.iter().zip(weights).enumerate() {
            let channel = i / grid.len();
            squares[channel] += f64::from(*w) * (f64::from(*v) - mean.values[i]).powi(2);
            weight[channel] += f64::from(*w);
        }
    }
    let unbiased = data.count() as f64 / (data.count() as f64 - 1.0);
    let mut factors = Vec::new();
    for (channel, variances) in variances.iter_mut().enumerate() {
        let filled: f64 = variances.iter().sum();
        let factor = unbiased * squares[channel] / weight[channel] / filled;
        let factor = if factor.is_finite() && factor > 0.0 { factor } else { 1.0 };
        variances.iter_mut().for_each(|v| *v *= factor);
        factors.push(factor);
    }
    let note = format!(
        "the spectrum is that of the filled fields times {factors:.3?}, the variance of what was measured"
    );
    Ok((mean, variances, note))
}

#[cfg(test)]
mod tests {
    use karhunen_field::{Boundary, Grid};

    use super::*;

    #[test]
    fn what_was_filled_in_counts_for_nothing_in_the_mean_and_the_variance() {
        // constant fields of value ±1 in turn; one half of each is missing, left and right in turn
        let grid = Grid::unit(&[4], Boundary::Neumann).unwrap();
        let (mut values, mut weights) = (Vec::new(), Vec::new());
        for j in 0..40 {
            let value = if j % 2 == 0 { 1.0 } else { -1.0 };
            let gone = |i: usize| (i < 2) == (j % 4 < 2);
            // the value in the hole must not influence the mean
            values.extend((0..4).map(|i| if gone(i) { 100.0 } else { value }));
            weights.extend((0..4).map(|i| if gone(i) { 0.0 } else { 1.0 }));
        }
        let data = LevelData { weights, ..LevelData::plain(grid, 1, values) };
        let (mean, variances, note) = moments(&data).unwrap();
        assert!(mean.values.iter().all(|m| m.abs() < 1e-9), "{:?}", mean.values);
        let sum: f64 = variances[0].iter().sum();
        assert!((sum - 40.0 / 39.0).abs() < 1e-9, "{sum}: {note}");
    }
}
