//! VTI as ParaView opens it: raw appended values behind a header of a few lines.
//!
//! Points of fields are centres of cells, so the box's origin lies half a spacing inside. Each
//! field is an array, `field0`, `field1`, …; channels are components. Source: "VTK XML Formats".

use std::io::Write;
use std::path::Path;

use crate::encoding::Encoding;
use crate::vti_header::UNIT;
use crate::{FieldsRef, FormatError};

/// Writes all fields.
pub(crate) fn write(
    path: &Path,
    fields: FieldsRef<'_>,
    encoding: Encoding,
    to: &mut dyn Write,
) -> Result<(), FormatError> {
    let failed = |source| FormatError::Write { path: path.into(), source };
    to.write_all(head(fields, encoding).as_bytes()).map_err(failed)?;
    let (channels, len) = (fields.channels(), fields.field_len());
    let plane = len / channels;
    for field in 0..fields.count() {
        let bytes = (len * encoding.size()) as u64;
        to.write_all(&bytes.to_le_bytes()).map_err(failed)?;
        for point in 0..plane {
            for channel in 0..channels {
                encoding.put(path, fields, field * len + channel * plane + point, to)?;
            }
        }
    }
    to.write_all(b"\n  </AppendedData>\n</VTKFile>\n").map_err(failed)
}

fn head(fields: FieldsRef<'_>, encoding: Encoding) -> String {
    let (points, units) = (fields.points(), fields.units());
    // along x, y, z
    let mut lengths: Vec<usize> = points.iter().rev().copied().collect();
    lengths.resize(3, 1);
    let mut spacing: Vec<f64> = units.spacing.unwrap_or_else(|| vec![1.0; points.len()]);
    spacing.reverse();
    spacing.resize(3, 1.0);
    let extent = lengths.iter().map(|n| format!("0 {}", n - 1)).collect::<Vec<_>>().join(" ");
    let list = |numbers: Vec<f64>| numbers.iter().map(f64::to_string).collect::<Vec<_>>().join(" ");
    let flat = points.len();
    let origin: Vec<f64> = spacing
        .iter()
        .enumerate()
        .map(|(axis, h)| if axis < flat { h / 2.0 } else { 0.0 })
        .collect();
    let mut text = format!(
        "<?xml version=\"1.0\"?>\n<VTKFile type=\"ImageData\" version=\"1.0\" \
         byte_order=\"LittleEndian\" header_type=\"UInt64\">\n  <ImageData \
         WholeExtent=\"{extent}\" Origin=\"{}\" Spacing=\"{}\">\n",
        list(origin),
        list(spacing)
    );
    if let Some(unit) = &units.length {
        let codes: Vec<String> = unit.bytes().chain([0]).map(|b| b.to_string()).collect();
        text.push_str(&format!(
            "    <FieldData>\n      <DataArray type=\"String\" Name=\"{UNIT}\" \
             NumberOfTuples=\"1\" format=\"ascii\">{}</DataArray>\n    </FieldData>\n",
            codes.join(" ")
        ));
    }
    text.push_str(&format!(
        "    <Piece Extent=\"{extent}\">\n      <PointData Scalars=\"field0\">\n"
    ));
    let array = fields.field_len() * encoding.size() + size_of::<u64>();
    for field in 0..fields.count() {
        text.push_str(&format!(
            "        <DataArray type=\"{}\" Name=\"field{field}\" NumberOfComponents=\"{}\" \
             format=\"appended\" offset=\"{}\"/>\n",
            encoding.vtk(),
            fields.channels(),
            field * array
        ));
    }
    text.push_str(
        "      </PointData>\n    </Piece>\n  </ImageData>\n  <AppendedData encoding=\"raw\">\n   _",
    );
    text
}
