//! The spacing of an array in an NPZ: a second array beside it.

use std::path::Path;

use crate::container::zip::archive::{Archive, Member, SPACING};
use crate::format::npy::header::place;
use crate::{FormatError, Units};

/// Spacing and units of the array `member`, if the archive tells.
pub(crate) fn units(
    archive: &Archive<'_>,
    path: &Path,
    member: &Member,
    axes: usize,
) -> Result<Units, FormatError> {
    let Some(spacing) = archive.spacing().filter(|m| m.name != member.name) else {
        return Ok(Units::default());
    };
    let name = path.join(SPACING);
    let (mut input, _) = spacing.open(path, &name)?;
    let array = place(&mut input)?;
    // of the last axes, or of all
    let Some(count) = array.shape.first().filter(|n| array.shape.len() == 1 && **n <= axes as u64)
    else {
        return Ok(Units::default());
    };
    let bytes = input.header(*count as usize * array.dtype.size())?;
    let values = array.dtype.decode_wide(&bytes, array.endian);
    let sane = values.iter().all(|h| h.is_finite() && *h > 0.0);
    Ok(Units { spacing: sane.then_some(values), ..Units::default() })
}
