//! Checks whether an axis that is declared periodic is periodic: its ends must meet as neighbours
//! inside the field do.

use karhunen_field::noise::stream;
use karhunen_field::{Boundary, ModeNoise};
use karhunen_formats::FieldSource;

use crate::TrainError;
use crate::config::DataConfig;

/// Places at which ends and neighbours are compared.
const PLACES: usize = 1024;
/// The ends have a jump if their mean square difference is this many times that of neighbours,
/// which is twice the usual step. On a truly periodic axis the two agree up to chance.
const JUMP: f64 = 4.0;

/// Refuses data with a declared periodic axis whose ends do not meet.
///
/// **Cost** Reads some thousand pairs of values, whatever the size of the data.
///
/// # Errors
/// [`TrainError::Data`] with the measured jump; errors while reading.
pub fn check(
    config: &DataConfig,
    fields: &dyn FieldSource,
    patch: Option<&[usize]>,
) -> Result<(), TrainError> {
    let points = patch.unwrap_or(fields.points());
    let boundaries = config.boundary.clone().for_axes(points.len())?;
    for (axis, boundary) in boundaries.iter().enumerate() {
        if *boundary != Boundary::Periodic || points[axis] < 3 {
            continue;
        }
        let (jump, step) = ends_and_neighbours(fields, points, axis)?;
        if jump > JUMP * step {
            let cut = if patch.is_some_and(|p| p[axis] < fields.points()[axis]) {
                "; patches cut from a periodic axis are not periodic"
            } else {
                ""
            };
            return Err(TrainError::NotPeriodic {
                source_name: config.source.to_string(),
                message: format!(
                    "axis {axis} is declared periodic, but its ends differ by {:.3e} where neighbours differ by {:.3e} (root mean squares){cut}",
                    jump.sqrt(),
                    step.sqrt()
                ),
            });
        }
    }
    Ok(())
}

/// Mean square differences between the two ends of an axis, and between neighbours beside them.
fn ends_and_neighbours(
    fields: &dyn FieldSource,
    points: &[usize],
    axis: usize,
) -> Result<(f64, f64), TrainError> {
    let (mut jump, mut step, mut count) = (0.0, 0.0, 0.0);
    for place in 0..PLACES {
        let u = ModeNoise::new(1).uniforms(1 + points.len(), place as u64, stream::PATCHES);
        let pick = |u: f64, n: usize| ((u * n as f64) as usize).min(n - 1);
        let item = pick(u[0], fields.count());
        // a place of the patch in the field, and its position on the first slice
        let mut corner: Vec<usize> =
            fields.points().iter().zip(&u[1..]).map(|(n, u)| pick(*u, *n)).collect();
        corner[axis] = pick(u[1 + axis], fields.points()[axis] - points[axis] + 1);
        let mut size = vec![1; points.len()];
        size[axis] = 2;
        let (mut first, mut last) = (Vec::new(), Vec::new());
        fields.block(item, &corner, &size, &mut first)?;
        corner[axis] += points[axis] - 2;
        fields.block(item, &corner, &size, &mut last)?;
        for (a, b) in first.chunks_exact(2).zip(last.chunks_exact(2)) {
            // missing values are ignored
            if a.iter().chain(b).any(|v| v.is_nan()) {
                continue;
            }
            let square = |x: f32, y: f32| (f64::from(x) - f64::from(y)).powi(2);
            jump += square(b[1], a[0]);
            step += 0.5 * (square(a[0], a[1]) + square(b[0], b[1]));
            count += 1.0;
        }
    }
    Ok((jump / count, step / count))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use karhunen_formats::{RawFields, Series, SourceType, Units};

    use super::*;

    fn waves(count: usize, periods: f32) -> RawFields {
        let value = |i: usize| {
            let (item, y, x) = (i / 320, i / 16 % 20, i % 16);
            let angle = std::f32::consts::TAU * periods * x as f32 / 16.0;
            (angle + item as f32).sin() + (y as f32 / 5.0).cos()
        };
        RawFields {
            points: vec![20, 16],
            channels: 1,
            values: (0..320 * count).map(value).collect(),
            offset: 0.0,
            dtype: SourceType::F32,
            source: PathBuf::from("a"),
            items: vec![],
            positions: (0..count as u64).collect(),
            series: Series::Unknown,
            units: Units::default(),
            notes: vec![],
        }
    }

    fn config(boundary: &str) -> DataConfig {
        DataConfig { boundary: boundary.parse().unwrap(), ..DataConfig::default() }
    }

    #[test]
    fn axes_whose_ends_meet_pass_and_others_are_refused_with_their_jump() {
        check(&config("neumann,periodic"), &waves(9, 2.0), None).unwrap();
        check(&config("neumann"), &waves(9, 1.3), None).unwrap();
        let said = |boundary: &str, periods: f32, patch: Option<&[usize]>| {
            check(&config(boundary), &waves(9, periods), patch).unwrap_err().to_string()
        };
        let refused = said("neumann,periodic", 1.3, None);
        assert!(refused.contains("axis 1 is declared periodic"), "{refused}");
        assert!(said("periodic,periodic", 2.0, None).contains("axis 0"));
        let patch = said("neumann,periodic", 1.0, Some(&[20, 9]));
        assert!(patch.contains("patches cut from a periodic axis"), "{patch}");
    }
}
