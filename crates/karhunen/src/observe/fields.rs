//! Observed fields: one field of the sampled box from a file. Unknown cells are NaN.

use std::path::Path;

use karhunen_field::{Ensemble, Grid};
use karhunen_formats::{ReadOptions, read, read_arrays};
use karhunen_train::TrainedModel;

use super::{Remedy, refused};
use crate::Error;

/// Largest aspect ratio of a cell of an observed field, relative to the model's cells. A larger
/// ratio means another box.
const SKEW: f64 = 1.25;

/// Which field of a file is wanted.
pub struct Wanted {
    /// Index of the field, if the file has several.
    pub index: Option<usize>,
    /// Number of channels that the model has left for it.
    pub channels: usize,
}

/// Reads one field with all channels of the file.
pub fn field(path: &Path, wanted: &Wanted, own: &Grid) -> Result<Ensemble, Error> {
    let dim = own.dim();
    let name = path.to_string_lossy();
    let is_array = [".npy", ".npz"].iter().any(|end| name.contains(end));
    let (count, channels, points, values) = if is_array {
        array(path, dim, wanted)?
    } else {
        let options = ReadOptions { dim: Some(dim), ..ReadOptions::default() };
        let fields = read(path, &options)?;
        if let Some(spacing) = &fields.units.spacing
            && spacing.len() == dim
        {
            let lengths: Vec<f64> =
                spacing.iter().zip(&fields.points).map(|(h, n)| h * *n as f64).collect();
            same_shape(path, &lengths, own)?;
        }
        let values = fields.values.iter().map(|v| f64::from(*v)).collect();
        (fields.count(), fields.channels, fields.points, values)
    };
    let grid = grid_of(path, &points, own)?;
    if channels > wanted.channels {
        let message = format!(
            "{}: {channels} channel(s), where the model has {} for it",
            path.display(),
            wanted.channels
        );
        return refused(message, Remedy::FirstChannel);
    }
    let index = match (wanted.index, count) {
        (None, 1) => 0,
        (Some(index), _) if index < count => index,
        (Some(index), _) => {
            let message = format!("{}: no field {index}; there are {count}", path.display());
            return refused(message, Remedy::FieldNumber);
        }
        (None, _) => {
            let message = format!("{}: {count} fields, one is observed", path.display());
            return refused(message, Remedy::Index);
        }
    };
    Ok(Ensemble::new(grid, channels, values)?.slice(index..index + 1))
}

type Found = (usize, usize, Vec<usize>, Vec<f64>);

/// Reads an array with NaN: `(axes…)`, `(C or N, axes…)` or `(N, C, axes…)`.
fn array(path: &Path, dim: usize, wanted: &Wanted) -> Result<Found, Error> {
    let mut arrays = read_arrays(path, &ReadOptions::default())?;
    arrays.retain(|a| a.name != "spacing");
    let [array] = &arrays[..] else {
        let message = format!("{}: {} arrays", path.display(), arrays.len());
        return refused(message, Remedy::NameOne("run.npz:density"));
    };
    let before = array.shape.len().checked_sub(dim);
    let points = before.map(|n| array.shape[n..].to_vec()).unwrap_or_default();
    let (count, channels) = match (before, wanted.index) {
        (Some(0), _) => (1, 1),
        // either several fields of one channel, or one field of several channels
        (Some(1), Some(_)) => (array.shape[0], 1),
        (Some(1), None) if array.shape[0] <= wanted.channels => (1, array.shape[0]),
        (Some(1), None) => (array.shape[0], 1),
        (Some(2), _) => (array.shape[0], array.shape[1]),
        _ => {
            let message = format!(
                "{}: an array of shape {:?}, where fields have {dim} axes",
                path.display(),
                array.shape
            );
            return refused(message, Remedy::OneField);
        }
    };
    if array.values.is_empty() {
        return refused(format!("{}: an empty array", path.display()), Remedy::AField);
    }
    Ok((count, channels, points, array.values.clone()))
}

/// The box of a grid with cells of the size on which the model was trained.
pub fn own_cells(model: &TrainedModel, grid: &Grid) -> Result<Grid, Error> {
    let own = model.statistics.grid;
    if grid.same_box(&own) {
        return Ok(own);
    }
    let cells = own.axes().iter().zip(grid.axes());
    let cells = cells.map(|(own, a)| (own.points as f64 * a.length / own.length).round() as usize);
    Ok(grid.with_points(&cells.collect::<Vec<_>>())?)
}

/// The box of a grid with this number of cells. Their aspect ratio must be about that of the grid's
/// cells.
pub fn grid_of(path: &Path, points: &[usize], of: &Grid) -> Result<Grid, Error> {
    let lengths: Vec<f64> = points.iter().map(|n| *n as f64).collect();
    same_shape(path, &lengths, of)?;
    Ok(of.with_points(points)?)
}

fn same_shape(path: &Path, lengths: &[f64], of: &Grid) -> Result<(), Error> {
    // the model's own cells need not be cubes
    let own: Vec<f64> = of.axes().iter().map(|a| a.points as f64).collect();
    let ratios: Vec<f64> = lengths.iter().zip(&own).map(|(a, b)| a / b).collect();
    let most = ratios.iter().copied().fold(0.0, f64::max);
    let least = ratios.iter().copied().fold(f64::INFINITY, f64::min);
    if lengths.len() == own.len() && most <= SKEW * least {
        return Ok(());
    }
    let shown: Vec<String> = lengths.iter().map(|l| format!("{l}")).collect();
    let message = format!(
        "{}: a field of another box: {} by its cells, where the model has {}",
        path.display(),
        shown.join("x"),
        of
    );
    refused(message, Remedy::Box)
}
