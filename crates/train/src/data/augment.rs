//! Augmentation of training fields: shifts along periodic axes, mirrors, and turns by right angles.
//!
//! `data.augment` names the motions that leave the distribution of the data unchanged. If it is
//! left out or `"auto"`, fields are shifted along every periodic axis along which neither the mean
//! nor the variance of the training fields varies ([`karhunen_field::invariance`]). Motions that
//! are named are always done; a note tells where the data contradict them. A motion that no grid of
//! the run allows is refused.
//!
//! The motion of field i in the batch of a step depends on (seed, step, i) alone. A motion acts on
//! the function, so it does the same on every level ([`karhunen_field::motion`]). Validation fields
//! are never moved. Statistics are those of the unmoved data, with one exception: shifts make the
//! mean constant along their axes and give the cosine and the sine of a wave the same variance. The
//! mean and the variances of shifted data are symmetrised in this way.
//!
//! A stored run without `data.augment`, as earlier versions wrote it, moves nothing.
//!
//! Not here: what a motion is and how it is written (module `augment` of `config`).

use karhunen_field::invariance::{Asymmetry, under, under_shifts};
use karhunen_field::motion::Motion;
use karhunen_field::{Boundary, Ensemble, Grid, Transform};

use crate::TrainError;
use crate::config::augment::{Augment, Augmentation, Kind};
use crate::data::level::LevelData;
use crate::data::statistics::Statistics;

/// Values that are examined, at most, to tell whether a motion changes the distribution.
const LOOKED_AT: usize = 1 << 22;

/// Fields that are examined, at most.
const FIELDS: usize = 256;

/// The augmentation of a run: the named motions, or those that the data allow. Appends notes for
/// the user.
///
/// # Errors
/// [`TrainError::Motion`] for a motion that the grids, or missing values, do not allow.
pub(crate) fn settled(
    named: Option<&[Augment]>,
    training: &LevelData,
    grids: &[Grid],
    notes: &mut Vec<String>,
) -> Result<Vec<Augment>, TrainError> {
    let fail = |message: String| TrainError::Motion { place: "data.augment".into(), message };
    let some = training.evenly((LOOKED_AT / training.field_len()).clamp(2, FIELDS));
    let values = some.values.iter().map(|v| f64::from(*v)).collect();
    let fields = Ensemble::new(some.grid, some.channels, values)?;
    let missing = !training.weights.is_empty();
    let Some(named) = named else {
        let axes = training.grid.axes().iter().enumerate();
        let periodic: Vec<usize> =
            axes.filter(|(_, a)| a.boundary == Boundary::Periodic).map(|(axis, _)| axis).collect();
        if missing || periodic.is_empty() || fields.count() < 2 {
            return Ok(vec![]);
        }
        let mut allowed = Vec::new();
        for axis in periodic {
            let found = under_shifts(&fields, axis)?;
            match found.iter().find(|a| a.is_there()) {
                None => allowed.push(axis),
                Some(against) => notes.push(format!(
                    "no random shifts along axis {axis}, though it is periodic: {}; data.augment = [\"shift\"] shifts all the same",
                    said(against, "varies along it")
                )),
            }
        }
        if allowed.is_empty() {
            return Ok(vec![]);
        }
        let shift = Augment { kind: Kind::Shift, axes: allowed };
        notes.push(format!(
            "training fields are shifted at random (data.augment = [\"{shift}\"]): neither their mean nor their variance varies along these axes; data.augment = [] leaves them as they are"
        ));
        return Ok(vec![shift]);
    };
    let motions = Augmentation::new(named, grids).map_err(fail)?;
    if missing && !motions.shift.is_empty() {
        return Err(fail(
            "shift: fields with missing values are not shifted, only mirrored and turned".into(),
        ));
    }
    let of = |axes: &[usize]| axes.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
    let mut tell = |what: String, found: Vec<Asymmetry>| {
        let seen =
            if found.len() == 2 { "mean and variance" } else { "mean, variance and spectrum" };
        notes.push(
            match found.iter().filter(|a| a.is_there()).max_by(|a, b| a.size.total_cmp(&b.size)) {
                None => format!(
                    "{what}: {seen} of the data support it, as far as chance lets them tell"
                ),
                Some(against) => {
                    format!(
                        "{what}: the data speak against it; {}",
                        said(against, "changes under it")
                    )
                }
            },
        );
    };
    for axis in &motions.shift {
        tell(format!("shifts along axis {axis}"), under_shifts(&fields, *axis)?.to_vec());
    }
    for axis in &motions.mirror {
        tell(
            format!("mirrors along axis {axis}"),
            under(&fields, &Motion::mirror(*axis))?.to_vec(),
        );
    }
    if let [first, others @ ..] = &motions.rotate[..] {
        let mut found = Vec::new();
        for axis in others {
            found.extend(under(&fields, &Motion::turn(*first, *axis))?);
        }
        tell(format!("turns of axes {}", of(&motions.rotate)), found);
    }
    Ok(named.to_vec())
}

/// An asymmetry of the data in words.
fn said(found: &Asymmetry, does: &str) -> String {
    format!(
        "the {} of the fields {does}, by {:.0} % and {:.1} times what chance would",
        found.what,
        100.0 * found.size,
        found.ratio.sqrt()
    )
}

/// Symmetrises mean and variances for fields that are shifted.
pub(crate) fn symmetrise(statistics: &mut Statistics, shifted: &[usize]) {
    if shifted.is_empty() {
        return;
    }
    let grid = statistics.grid;
    let (transform, count) = (Transform::new(grid), grid.mode_count());
    let mut mean = transform.analyse_channels(&statistics.mean.values);
    let places: std::collections::HashMap<_, _> =
        grid.modes().enumerate().map(|(k, mode)| (mode.wave, k)).collect();
    let periodic = |axis: usize| grid.axes()[axis].boundary == Boundary::Periodic;
    for (k, mode) in grid.modes().enumerate() {
        if shifted.iter().all(|a| mode.wave[*a] == 0) {
            continue;
        }
        let mut opposite = mode.wave;
        (0..grid.dim()).filter(|a| periodic(*a)).for_each(|a| opposite[a] = -opposite[a]);
        let other = places[&opposite];
        for (channel, variances) in statistics.variances.iter_mut().enumerate() {
            // the part of the mean that varied along the axis becomes variance
            variances[k] += std::mem::take(&mut mean[channel * count + k]).powi(2);
            if other < k {
                let both = 0.5 * (variances[k] + variances[other]);
                (variances[k], variances[other]) = (both, both);
            }
        }
    }
    statistics.mean.values = transform.synthesise_channels(&mean);
}
