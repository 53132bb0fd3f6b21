//! From fields of a source to the finest level's grid: patches, level sets, then the grid.

use karhunen_field::Grid;
use karhunen_formats::{FieldSource, PatchSource, RawFields};
use rayon::prelude::*;

use crate::TrainError;
use crate::config::{DataConfig, INTERFACE_WIDTH};
use crate::data::convert::{CELLS_AT_ONCE, CHUNK, convert_into};
use crate::data::division::Side;
use crate::data::level::LevelData;
use crate::data::level_sets::{LevelSets, find_labels};
use crate::data::loaded::Loaded;
use crate::data::phases::restriction;
use crate::data::projection::{LOOKED_AT, left_out};
use crate::data::stock::Stock;
use crate::data::{holes, incomplete};

/// Patches cut from large images unless `data.count` says otherwise.
const PATCH_COUNT: usize = 8192;

/// Width of the interface of level sets, in units of the box.
pub(crate) fn interface_width(config: &DataConfig, finest: &Grid) -> f64 {
    let first = finest.axes()[0];
    config.interface_width.unwrap_or(INTERFACE_WIDTH) * first.length / first.points as f64
}

/// How fields come from a source to the finest level: patches where asked for, then its grid.
pub(crate) struct Cut<'a> {
    pub(crate) config: &'a DataConfig,
    /// Points of a patch, or of a field.
    pub(crate) points: &'a [usize],
    pub(crate) finest: Grid,
    pub(crate) seed: u64,
    /// Labels whose level sets are wanted.
    pub(crate) phases: Option<&'a [u8]>,
}

impl Cut<'_> {
    /// Level sets of fields of labels, where they are wanted.
    pub(crate) fn level_sets<'b>(
        &self,
        from: &'b dyn FieldSource,
    ) -> Result<Option<LevelSets<'b>>, TrainError> {
        let Some(labels) = self.phases else { return Ok(None) };
        let width = interface_width(self.config, &self.finest);
        let patched = self.config.patch.is_some();
        LevelSets::new(from, labels, &self.native()?, width, patched).map(Some)
    }

    /// The fields of one side. `part` keeps the random places of training and validation patches
    /// apart; `share` is this part's share of `data.count`. Also says what the grid's modes do not hold.
    ///
    /// Fields are cut a few at a time, so that only those on the finest grid are in memory at once.
    pub(crate) fn fields(
        &self,
        from: &dyn FieldSource,
        side: &Side,
        part: u64,
        share: f64,
    ) -> Result<(LevelData, Vec<String>), TrainError> {
        let (config, finest) = (self.config, self.finest);
        let native = self.native()?;
        let patches = match (&config.patch, &side.slabs) {
            (None, _) => None,
            (Some(_), None) => Some(PatchSource::new(from, &side.items, self.points, self.seed)?),
            (Some(_), Some(slabs)) => {
                let all = PatchSource::new(from, &side.items, self.points, self.seed)?;
                Some(all.within_each(slabs.axis, &slabs.of)?)
            }
        };
        let asked = config.count.map(|count| (count as f64 * share).round().max(2.0));
        let (have, patched) = (side.items.len() as f64, (PATCH_COUNT as f64 * share).round());
        let count = match &patches {
            Some(_) => asked.unwrap_or(patched.max(2.0)),
            None => asked.map_or(have, |count| count.min(have)),
        };
        let at_once = (CELLS_AT_ONCE / native.len()).clamp(1, CHUNK) as u64;
        let count = count as u64;
        let read = |range: std::ops::Range<u64>| -> Result<Vec<f32>, TrainError> {
            let mut values = Vec::new();
            match &patches {
                Some(patches) if config.missing.is_some() => {
                    for index in range {
                        values.extend(incomplete::patch(config, patches, (part << 40) + index)?);
                    }
                }
                Some(patches) => {
                    let first = part << 40;
                    values = patches.cut(first + range.start..first + range.end)?.values;
                }
                None => {
                    let corner = vec![0; self.points.len()];
                    for &item in &side.items[range.start as usize..range.end as usize] {
                        from.block(item, &corner, self.points, &mut values)?;
                    }
                }
            }
            Ok(values)
        };
        let channels = from.channels();
        let filled = |range: std::ops::Range<u64>| -> Result<(Vec<f32>, Vec<f32>), TrainError> {
            let first = range.start;
            let mut values = read(range)?;
            let weights = holes::fill(&mut values, &native).map_err(|block| {
                let at = first as usize + block / channels;
                let item = side.items.get(at).copied().unwrap_or(at);
                incomplete::empty(config, item, block % channels)
            })?;
            Ok((values, weights))
        };
        let len = channels * finest.len();
        let mut stock = Stock::zeros(count as usize * len)?;
        let parts: Result<Vec<Vec<f32>>, TrainError> = stock
            .to_mut()
            .par_chunks_mut(at_once as usize * len)
            .enumerate()
            .map(|(chunk, to)| {
                let chunk = chunk as u64;
                let (values, weights) = filled(chunk * at_once..count.min((chunk + 1) * at_once))?;
                let weights = holes::coarser(&weights, channels, native, finest)?;
                convert_into(&values, channels, native, finest, config.resample, to)?;
                Ok(weights)
            })
            .collect();
        let (looked_at, _) = filled(0..count.min(LOOKED_AT as u64).min(at_once))?;
        let lost = match (self.phases, &config.phases) {
            (Some(labels), Some(names)) => restriction(&looked_at, labels, names, native, finest)?,
            _ => left_out(&looked_at, channels, native, finest)?.into_iter().collect(),
        };
        let (mut weights, parts) = (Vec::new(), parts?);
        if parts.iter().any(|weights| !weights.is_empty()) {
            for (chunk, part) in parts.into_iter().enumerate() {
                weights.extend(part);
                weights.resize(stock.len().min((chunk + 1) * at_once as usize * len), 1.0);
            }
        }
        Ok((LevelData { weights, ..LevelData::of(finest, channels, stock) }, lost))
    }

    /// The grid that fields have before they are brought to the finest level.
    fn native(&self) -> Result<Grid, TrainError> {
        let (points, finest) = (self.points, self.finest);
        let fail = |message: String| TrainError::Data {
            source_name: self.config.source.to_string(),
            message,
        };
        if points.len() != finest.dim() {
            return Err(fail(format!(
                "its fields have {} axes, the levels {}; change levels.grid or data.dim",
                points.len(),
                finest.dim()
            )));
        }
        let native = finest.with_points(points)?;
        if points.iter().zip(finest.points()).any(|(have, want)| *have < want) {
            return Err(fail(format!(
                "its fields have {native} cells, fewer than the finest level {finest}"
            )));
        }
        let aspect = |points: &[usize]| {
            points.iter().map(|&n| n as f64 / points[0] as f64).collect::<Vec<_>>()
        };
        let (own, asked) = (aspect(points), aspect(&finest.points()));
        // a box whose lengths are known cannot be distorted
        let known = self.config.lengths.is_some();
        if !known && own.iter().zip(&asked).any(|(a, b)| (a / b - 1.0).abs() > 0.02) {
            return Err(fail(format!(
                "its fields have {native} cells; the finest level {finest} would distort them"
            )));
        }
        Ok(native)
    }
}

/// Training and validation fields of labels made in memory, as level sets on `finest`.
///
/// # Errors
/// As [`Data::load`](crate::data::Data::load).
pub fn of_labels(
    config: &DataConfig,
    finest: Grid,
    [training, validation]: [&RawFields; 2],
) -> Result<Loaded, TrainError> {
    let labels = match &config.phases {
        Some(asked) => find_labels(training, asked, &config.source.to_string())?,
        None => Vec::new(),
    };
    let config = DataConfig { count: None, patch: None, ..config.clone() };
    let cut = |fields: &RawFields| {
        let phases = Some(&labels[..]);
        let cut = Cut { config: &config, points: &fields.points, finest, seed: 0, phases };
        let sets = cut.level_sets(fields)?;
        let seen = sets.as_ref().map_or(fields as &dyn FieldSource, |sets| sets);
        cut.fields(seen, &Side::all(fields.count()), 0, 1.0)
    };
    let (training, notes) = cut(training)?;
    let (validation, _) = cut(validation)?;
    let offsets = vec![0.0; training.channels];
    let plain = Loaded::plain(training, validation, offsets);
    Ok(Loaded { notes, phases: Some(labels), ..plain })
}
