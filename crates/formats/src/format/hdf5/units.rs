//! Spacing and units of an HDF5 dataset.
//!
//! The spacing comes from `element_size_um` (microscopes), from the coordinates of NetCDF-4, or
//! from the geometry groups of DREAM.3D and ITK next to their arrays. DREAM.3D and ITK list axes
//! from the fastest: x, y, z. Here they are in the order of the array.

use hdf5_reader::Dataset;

use crate::cf;
use crate::dtype::{Endian, SourceType};
use crate::format::hdf5::attributes::{numbers, of, text};
use crate::format::hdf5::file::File;
use crate::format::hdf5::numbers::Numbers;
use crate::units::Units;

/// Spacing of the last `dim` axes, and units.
pub(crate) fn units(file: &File, place: &str, dataset: &Dataset, dim: usize) -> Units {
    let value = text(dataset, "units");
    let found = voxel(dataset, dim)
        .or_else(|| geometry(file, place, dim))
        .or_else(|| coordinates(file, dataset, dim));
    match found {
        Some((spacing, length)) => Units { spacing: Some(spacing), length, value },
        None => Units { value, ..Units::default() },
    }
}

/// The last `dim` lengths, if they are positive.
fn lengths(list: &[f64], dim: usize) -> Option<Vec<f64>> {
    let list = list.get(list.len().checked_sub(dim)?..)?;
    list.iter().all(|h| h.is_finite() && *h > 0.0).then(|| list.to_vec())
}

fn voxel(dataset: &Dataset, dim: usize) -> Option<(Vec<f64>, Option<String>)> {
    if let Some(spacing) = lengths(&of(dataset, "element_size_um"), dim) {
        return Some((spacing, Some("um".into())));
    }
    Some((lengths(&of(dataset, "spacing"), dim)?, text(dataset, "unit")))
}

/// The spacing x, y, z in a group above an array, as DREAM.3D (6 and 7) and ITK write it.
fn geometry(file: &File, name: &str, dim: usize) -> Option<(Vec<f64>, Option<String>)> {
    let place = name.trim_start_matches('/');
    for (at, _) in place.rmatch_indices('/') {
        let above = &place[..at];
        let beside = ["_SIMPL_GEOMETRY/SPACING", "Spacing"].iter();
        let spacing = beside.filter_map(|part| short(&file.dataset(&format!("{above}/{part}"))?));
        let own = || numbers(&file.group(above)?.attribute("_SPACING").ok()?);
        if let Some(mut spacing) = spacing.into_iter().next().or_else(own) {
            spacing.reverse();
            return Some((lengths(&spacing, dim)?, None));
        }
    }
    None
}

/// The numbers of a short dataset.
fn short(dataset: &Dataset) -> Option<Vec<f64>> {
    let few = matches!(dataset.shape(), [1..=cf::COORDINATES_AT_MOST]);
    let numbers = Numbers::of(&dataset.raw_datatype().ok()?).ok().filter(|_| few)?;
    Some(numbers.decode(&dataset.read_raw_bytes().ok()?))
}

/// Step and unit of the NetCDF-4 coordinates of the last `dim` axes.
fn coordinates(file: &File, dataset: &Dataset, dim: usize) -> Option<(Vec<f64>, Option<String>)> {
    let list = dataset.attribute("DIMENSION_LIST").ok()?;
    let size = dataset.vlen_reference_size();
    let (scales, _) = file.datasets();
    let axes: Vec<&[u8]> = list.raw_data.chunks_exact(size).collect();
    let space = axes.get(axes.len().checked_sub(dim)?..)?;
    let step = |reference: &&[u8]| {
        let address = dataset.resolve_vlen_reference_bytes(reference, 8).ok()?;
        let address = SourceType::length(address.get(..8)?, Endian::Little);
        let (_, scale) = scales.iter().find(|(_, d)| d.address() == address)?;
        Some((cf::even_step(&short(scale)?)?, text(scale, "units")))
    };
    let axes: Option<Vec<(f64, Option<String>)>> = space.iter().map(step).collect();
    let (spacing, units): (Vec<f64>, Vec<Option<String>>) = axes?.into_iter().unzip();
    let units: Vec<Option<&str>> = units.iter().map(Option::as_deref).collect();
    Some((spacing, cf::shared_unit(&units).map(String::from)))
}
