//! Turns fields of labels into level-set fields, from which patches of segmented data are cut.
//!
//! A level set stores φ = tanh(d / w), where d is the signed distance to the interface of a phase
//! and w its width. The distance at the edge of a patch needs the labels around it. Small sources
//! are therefore converted once as a whole, large ones block by block with a margin
//! ([`level_set::margin`]).

use std::path::Path;

use karhunen_field::level_set::{self, MOST_PHASES};
use karhunen_field::{Axis, Boundary, Grid};
use karhunen_formats::{FieldSource, FormatError, Series, SourceType, Units};
use rayon::prelude::*;

use crate::TrainError;
use crate::config::DataConfig;
use crate::config::phases::PhasesConfig;

/// Largest number of level-set values that are kept in memory: 1 GiB.
const KEPT: usize = 1 << 28;
/// Cells of the blocks that are converted in parallel.
const BLOCK: usize = 1 << 21;

/// Finds the labels of a source, in rising order. Each is a whole number from 0 to 255.
///
/// # Errors
/// [`TrainError::Data`] for several channels, values that are not such numbers, more than 32
/// different labels, or a label that the configuration does not name; errors while reading.
pub(crate) fn find_labels(
    from: &dyn FieldSource,
    asked: &PhasesConfig,
    source: &str,
) -> Result<Vec<u8>, TrainError> {
    let fail = |message: String| TrainError::Data { source_name: source.to_string(), message };
    if from.channels() != 1 {
        return Err(fail(format!(
            "its fields have {} channels; data.phases needs one, of labels",
            from.channels()
        )));
    }
    let found = distinct(from)?.map_err(|value| match value {
        Distinct::Value(value) => fail(format!(
            "it holds the value {value}; labels are whole numbers from 0 to 255: segment the fields first, or leave data.phases out"
        )),
        Distinct::Many => fail(format!(
            "it holds more than {MOST_PHASES} different values, which are grey values, not labels: segment the fields first, or leave data.phases out"
        )),
    })?;
    let list = |labels: &[u8]| labels.iter().map(u8::to_string).collect::<Vec<_>>().join(", ");
    match asked.labels() {
        None if found.len() != asked.count() => Err(fail(format!(
            "it holds {} label(s) ({}), but data.phases = {}",
            found.len(),
            list(&found),
            asked.count()
        ))),
        None => Ok(found),
        Some(named) => match found.iter().find(|label| !named.contains(label)) {
            Some(label) => Err(fail(format!(
                "it holds the label {label}, which data.phases ({}) does not name",
                list(&named)
            ))),
            None => Ok(named),
        },
    }
}

/// The labels of the data that a configuration reads, rising; none if `data.phases` is not set.
///
/// **Cost** If the configuration lists the labels, nothing is read. If it gives only their number,
/// the whole source is read.
///
/// # Errors
/// Errors while opening and reading; [`TrainError::Data`] for values that are no labels, or for another number of them.
pub fn labels_of(config: &DataConfig) -> Result<Option<Vec<u8>>, TrainError> {
    let Some(asked) = &config.phases else { return Ok(None) };
    if let Some(listed) = asked.labels() {
        return Ok(Some(listed));
    }
    match crate::data::open(config)? {
        Some(fields) => find_labels(&fields, asked, &config.source.to_string()).map(Some),
        None => Ok(Some((0..asked.count()).map(|label| label as u8).collect())),
    }
}

/// Why the values of a source are not labels.
enum Distinct {
    Value(f32),
    Many,
}

/// Finds the different values of a source, reading slice by slice.
fn distinct(from: &dyn FieldSource) -> Result<Result<Vec<u8>, Distinct>, TrainError> {
    let offset = offset_of(from);
    let mut slice = from.points().to_vec();
    let slices = if slice.len() > 1 { std::mem::replace(&mut slice[0], 1) } else { 1 };
    let parts: Result<Vec<Result<[bool; 256], f32>>, FormatError> = (0..from.count() * slices)
        .into_par_iter()
        .map(|part| {
            let mut corner = vec![0; slice.len()];
            corner[0] = part % slices;
            let mut values = Vec::new();
            from.block(part / slices, &corner, &slice, &mut values)?;
            let mut seen = [false; 256];
            let odd = values.iter().find(|v| match whole(**v, offset) {
                Some(label) => {
                    seen[usize::from(label)] = true;
                    false
                }
                None => true,
            });
            Ok(odd.map_or(Ok(seen), |v| Err(*v)))
        })
        .collect();
    let mut all = [false; 256];
    for part in parts? {
        match part {
            Ok(seen) => all.iter_mut().zip(seen).for_each(|(a, s)| *a |= s),
            Err(value) => return Ok(Err(Distinct::Value(value))),
        }
    }
    let found: Vec<u8> = (0..=255).filter(|label| all[usize::from(*label)]).collect();
    Ok(if found.len() > MOST_PHASES { Err(Distinct::Many) } else { Ok(found) })
}

/// The offset to be added to stored values.
fn offset_of(from: &dyn FieldSource) -> f64 {
    from.offsets().first().copied().unwrap_or(0.0)
}

/// A value plus its offset, as a label; none if it is not one.
fn whole(value: f32, offset: f64) -> Option<u8> {
    let value = f64::from(value) + offset;
    ((0.0..=255.0).contains(&value) && value.fract() == 0.0).then_some(value as u8)
}

/// The labels to propose for a source of plain values; none unless it holds few whole numbers.
///
/// # Errors
/// Errors while reading.
pub fn proposed(from: &dyn FieldSource) -> Result<Option<Vec<u8>>, TrainError> {
    if from.channels() != 1 {
        return Ok(None);
    }
    let found = distinct(from)?.ok();
    Ok(found.filter(|labels| (2..=PROPOSED_AT_MOST).contains(&labels.len())))
}

/// Largest number of different values that are proposed as labels.
const PROPOSED_AT_MOST: usize = 8;

/// Level sets of a source of labels.
#[derive(Debug)]
pub(crate) struct LevelSets<'a> {
    from: &'a dyn FieldSource,
    /// Phase index of every label.
    phase: [u8; 256],
    count: usize,
    /// Spacing of the cells along each axis, and the width of the interface, in units of the box.
    spacing: Vec<f64>,
    width: f64,
    /// Whether a field is periodic along each axis.
    around: Vec<bool>,
    /// The level sets of all fields, if they fit in memory.
    whole: Option<Vec<f32>>,
}

impl<'a> LevelSets<'a> {
    /// Level sets with interfaces of `width`. `native` is the grid of a patch, or of a field if no
    /// patches are cut (`patched` false). Only whole fields can be periodic.
    ///
    /// # Errors
    /// Errors while reading.
    pub(crate) fn new(
        from: &'a dyn FieldSource,
        labels: &[u8],
        native: &Grid,
        width: f64,
        patched: bool,
    ) -> Result<Self, TrainError> {
        let mut phase = [u8::MAX; 256];
        labels.iter().enumerate().for_each(|(p, label)| phase[usize::from(*label)] = p as u8);
        let spacing = native.axes().iter().map(|a| a.length / a.points as f64).collect();
        let around =
            native.axes().iter().map(|a| !patched && a.boundary == Boundary::Periodic).collect();
        let mut sets =
            Self { from, phase, count: labels.len(), spacing, width, around, whole: None };
        let points = from.points();
        let cells: usize = points.iter().product();
        if patched && from.count() * cells * sets.channels() <= KEPT {
            sets.whole = Some(sets.all(cells)?);
        }
        Ok(sets)
    }

    /// Converts all fields, slab by slab.
    fn all(&self, cells: usize) -> Result<Vec<f32>, TrainError> {
        let points = self.from.points();
        let thick = (BLOCK * points[0] / cells).clamp(1, points[0]);
        let slabs = points[0].div_ceil(thick);
        let parts: Result<Vec<Vec<f32>>, FormatError> = (0..self.from.count() * slabs)
            .into_par_iter()
            .map(|part| {
                let (item, first) = (part / slabs, part % slabs * thick);
                let (mut corner, mut size) = (vec![0; points.len()], points.to_vec());
                corner[0] = first;
                size[0] = thick.min(points[0] - first);
                let mut values = Vec::new();
                self.made(item, &corner, &size, &mut values)?;
                Ok(values)
            })
            .collect();
        let parts = parts?;
        if slabs == 1 {
            return Ok(parts.concat());
        }
        // reorders slabs into fields: in a slab the channels follow one another
        let mut whole = Vec::with_capacity(self.from.count() * self.channels() * cells);
        for slabs in parts.chunks(slabs) {
            for channel in 0..self.channels() {
                for slab in slabs {
                    let len = slab.len() / self.channels();
                    whole.extend_from_slice(&slab[channel * len..(channel + 1) * len]);
                }
            }
        }
        Ok(whole)
    }

    /// Converts one block, with the labels around it.
    fn made(
        &self,
        item: usize,
        corner: &[usize],
        points: &[usize],
        values: &mut Vec<f32>,
    ) -> Result<(), FormatError> {
        let (dim, whole) = (points.len(), self.from.points());
        let margin: Vec<usize> = self
            .spacing
            .iter()
            .map(|h| level_set::margin(&line(*h), self.width).first().copied().unwrap_or(0))
            .collect();
        let before: Vec<usize> = (0..dim).map(|a| margin[a].min(corner[a])).collect();
        let from: Vec<usize> = (0..dim).map(|a| corner[a] - before[a]).collect();
        let size: Vec<usize> =
            (0..dim).map(|a| (corner[a] + points[a] + margin[a]).min(whole[a]) - from[a]).collect();
        let mut labels = Vec::new();
        self.from.block(item, &from, &size, &mut labels)?;
        let offset = offset_of(self.from);
        let phases: Result<Vec<u8>, FormatError> = labels
            .iter()
            .map(|value| {
                let phase = whole_label(*value, offset, &self.phase);
                phase.ok_or_else(|| FormatError::Parameter {
                    parameter: "label",
                    value: value.to_string(),
                    requirement: "one of those of data.phases".into(),
                })
            })
            .collect();
        let axes: Vec<Axis> = (0..dim)
            .map(|a| Axis {
                points: size[a],
                length: self.spacing[a] * size[a] as f64,
                boundary: match self.around[a] && size[a] == whole[a] {
                    true => Boundary::Periodic,
                    false => Boundary::Neumann,
                },
            })
            .collect();
        let grid = Grid::new(&axes)?;
        let sets = level_set::level_sets(&grid, &phases?, self.count, self.width)?;
        copy_block(&sets, self.channels(), &size, &before, points, values);
        Ok(())
    }
}

fn whole_label(value: f32, offset: f64, phase: &[u8; 256]) -> Option<u8> {
    whole(value, offset).map(|label| phase[usize::from(label)]).filter(|phase| *phase != u8::MAX)
}

/// A line of one cell with this spacing.
fn line(spacing: f64) -> Grid {
    let axis = Axis { points: 1, length: spacing, boundary: Boundary::Neumann };
    Grid::new(&[axis]).expect("a spacing is positive")
}

/// Appends the block of `[channel, axis0, …]` values that begins at `corner`.
fn copy_block(
    values: &[f32],
    channels: usize,
    whole: &[usize],
    corner: &[usize],
    part: &[usize],
    to: &mut Vec<f32>,
) {
    let last = part.len() - 1;
    let lines: usize = part[..last].iter().product();
    let plane: usize = whole.iter().product();
    for channel in 0..channels {
        for line in 0..lines {
            let (mut rest, mut stride) = (line, whole[last]);
            let mut start = channel * plane + corner[last];
            for axis in (0..last).rev() {
                start += (corner[axis] + rest % part[axis]) * stride;
                rest /= part[axis];
                stride *= whole[axis];
            }
            to.extend_from_slice(&values[start..start + part[last]]);
        }
    }
}

impl FieldSource for LevelSets<'_> {
    fn count(&self) -> usize {
        self.from.count()
    }

    fn channels(&self) -> usize {
        level_set::channels(self.count)
    }

    fn points(&self) -> &[usize] {
        self.from.points()
    }

    fn dtype(&self) -> SourceType {
        self.from.dtype()
    }

    fn path(&self) -> &Path {
        self.from.path()
    }

    fn name(&self, item: usize) -> Option<&str> {
        self.from.name(item)
    }

    fn position(&self, item: usize) -> u64 {
        self.from.position(item)
    }

    fn units(&self) -> &Units {
        self.from.units()
    }

    fn series(&self) -> Series {
        self.from.series()
    }

    fn offsets(&self) -> Vec<f64> {
        vec![0.0; self.channels()]
    }

    fn block(
        &self,
        item: usize,
        corner: &[usize],
        points: &[usize],
        values: &mut Vec<f32>,
    ) -> Result<(), FormatError> {
        let Some(all) = &self.whole else { return self.made(item, corner, points, values) };
        let len = all.len() / self.count();
        let own = &all[item * len..(item + 1) * len];
        copy_block(own, self.channels(), self.points(), corner, points, values);
        Ok(())
    }
}
