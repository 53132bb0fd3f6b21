//! The spacing of a Zarr array, as far as the array or the groups above it have it.

use serde_json::Value;

use crate::Units;
use crate::cf;
use crate::format::zarr::hierarchy::{Hierarchy, Node, line};
use crate::format::zarr::meta::ArrayMeta;
use crate::format::zarr::store::join;

/// Spacing of the last `dim` axes: from OME-NGFF, attributes of the array, or steps of coordinates.
pub(crate) fn of(hierarchy: &Hierarchy, key: &str, meta: &ArrayMeta, dim: usize) -> Units {
    let text = |name: &str| meta.attributes.get(name).and_then(Value::as_str).map(String::from);
    let value = text("units");
    let found = microscope(hierarchy, key, dim)
        .or_else(|| Some((last(meta.attributes.get("element_size_um")?, dim)?, Some("um".into()))))
        .or_else(|| Some((last(meta.attributes.get("spacing")?, dim)?, text("unit"))))
        .or_else(|| coordinates(hierarchy, key, meta, dim));
    match found {
        Some((spacing, length)) => Units { spacing: Some(spacing), length, value },
        None => Units { value, ..Units::default() },
    }
}

/// The last `dim` numbers of a list, if they are positive.
fn last(list: &Value, dim: usize) -> Option<Vec<f64>> {
    let list: Option<Vec<f64>> = list.as_array()?.iter().map(Value::as_f64).collect();
    let list = list?;
    let list = list[list.len().checked_sub(dim)?..].to_vec();
    list.iter().all(|h| h.is_finite() && *h > 0.0).then_some(list)
}

/// OME-NGFF: a group above the array names its arrays, their axes and their scales.
fn microscope(hierarchy: &Hierarchy, key: &str, dim: usize) -> Option<(Vec<f64>, Option<String>)> {
    let above = key.rmatch_indices('/').map(|(at, _)| (&key[..at], &key[at + 1..]));
    for (group, name) in above.chain([("", key)]) {
        let Ok(Some(Node::Group(attributes))) = hierarchy.node(group) else { continue };
        // version 0.5 has an attribute of its own for OME
        let ome = attributes.get("ome").unwrap_or(&attributes);
        let scales = ome.get("multiscales").and_then(Value::as_array);
        for image in scales.into_iter().flatten() {
            let datasets = image.get("datasets").and_then(Value::as_array);
            let named = |d: &&Value| d.get("path").and_then(Value::as_str) == Some(name);
            let Some(dataset) = datasets.into_iter().flatten().find(named) else { continue };
            let mut spacing = last(scale(dataset)?, dim)?;
            // a scale of the whole image is applied in addition
            if let Some(more) = scale(image).and_then(|s| last(s, dim)) {
                spacing.iter_mut().zip(more).for_each(|(h, s)| *h *= s);
            }
            let axes = image.get("axes").and_then(Value::as_array);
            let units: Vec<Option<&str>> =
                axes.into_iter().flatten().map(|a| a.get("unit").and_then(Value::as_str)).collect();
            let space = &units[units.len().saturating_sub(dim)..];
            return Some((spacing, cf::shared_unit(space).map(String::from)));
        }
    }
    None
}

/// The numbers of the first transformation of type `scale`.
fn scale(of: &Value) -> Option<&Value> {
    let all = of.get("coordinateTransformations")?.as_array()?;
    all.iter().find(|t| t.get("type").is_some_and(|kind| kind == "scale"))?.get("scale")
}

/// Step and unit of coordinates: arrays in the same group, named like the axes.
fn coordinates(
    hierarchy: &Hierarchy,
    key: &str,
    meta: &ArrayMeta,
    dim: usize,
) -> Option<(Vec<f64>, Option<String>)> {
    let group = key.rsplit_once('/').map_or("", |(group, _)| group);
    let names = meta.dimensions.get(meta.dimensions.len().checked_sub(dim)?..)?;
    let step = |name: &Option<String>| {
        let name = name.as_ref().filter(|n| !n.contains(['/', '\\']) && *n != "..")?;
        let (values, unit) = line(hierarchy, &join(group, name))?;
        Some((cf::even_step(&values)?, unit))
    };
    let axes: Option<Vec<(f64, Option<String>)>> = names.iter().map(step).collect();
    let (spacing, units): (Vec<f64>, Vec<Option<String>>) = axes?.into_iter().unzip();
    let units: Vec<Option<&str>> = units.iter().map(Option::as_deref).collect();
    Some((spacing, cf::shared_unit(&units).map(String::from)))
}
