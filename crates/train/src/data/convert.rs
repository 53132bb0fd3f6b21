//! Fields from one grid to another, projected onto its modes.

use karhunen_field::{Ensemble, Grid, Transform, resample};
use rayon::prelude::*;

use crate::TrainError;
use crate::config::Resample;
use crate::data::holes;
use crate::data::level::LevelData;
use crate::data::stock::Stock;

/// Fields handled together when converting, at most.
pub(super) const CHUNK: usize = 64;

/// Cells of the fields handled together; bounds the memory of their f64 copies.
pub(super) const CELLS_AT_ONCE: usize = 1 << 20;

/// `[sample, channel, point]` values from one grid to another, projected onto its modes.
///
/// # Errors
/// As [`resample::spectral`] and [`resample::area`].
pub fn convert(
    values: &[f32],
    channels: usize,
    from: Grid,
    to: Grid,
    how: Resample,
) -> Result<Vec<f32>, TrainError> {
    let mut to_values = vec![0.0; values.len() / from.len() * to.len()];
    convert_into(values, channels, from, to, how, &mut to_values)?;
    Ok(to_values)
}

/// The same into values that are there.
pub(super) fn convert_into(
    values: &[f32],
    channels: usize,
    from: Grid,
    to: Grid,
    how: Resample,
    target: &mut [f32],
) -> Result<(), TrainError> {
    let fields = (CELLS_AT_ONCE / from.len()).clamp(1, CHUNK) * channels;
    values
        .par_chunks(fields * from.len())
        .zip(target.par_chunks_mut(fields * to.len()))
        .try_for_each(|(chunk, target)| -> Result<(), TrainError> {
            let wide = chunk.iter().map(|v| f64::from(*v)).collect();
            let fields = Ensemble::new(from, channels, wide)?;
            let mut fields = match how {
                Resample::Spectral => resample::spectral(&fields, to)?,
                Resample::Area => resample::area(&fields, to)?,
            };
            let transform = Transform::new(to);
            fields.fields_mut().for_each(|f| transform.project(f));
            target.iter_mut().zip(&fields.values).for_each(|(t, v)| *t = *v as f32);
            Ok(())
        })
}

/// The level's fields: the spectral restriction of the finest ones.
///
/// # Errors
/// As [`convert`].
pub fn restrict(data: &LevelData, to: Grid) -> Result<LevelData, TrainError> {
    if data.grid == to {
        return Ok(data.clone());
    }
    let mut values = Stock::zeros(data.values.len() / data.grid.len() * to.len())?;
    let (from, how) = (data.grid, Resample::Spectral);
    convert_into(&data.values, data.channels, from, to, how, values.to_mut())?;
    values.settle();
    let weights = holes::coarser(&data.weights, data.channels, data.grid, to)?;
    Ok(LevelData {
        grid: to,
        channels: data.channels,
        values,
        labels: data.labels.clone(),
        weights,
        attributes: data.attributes.clone(),
        condition: restricted_condition(data, to)?,
    })
}

/// The fields of a level that are given beside others, on a coarser grid.
///
/// # Errors
/// As [`convert`].
fn restricted_condition(data: &LevelData, to: Grid) -> Result<Vec<f32>, TrainError> {
    match data.condition_channels() {
        0 => Ok(Vec::new()),
        channels => {
            let how = Resample::Spectral;
            convert(&data.condition, channels, data.grid, to, how)
        }
    }
}
