//! VTI as ParaView opens it: raw appended values behind a header of a few lines.
//!
//! Points of fields are centres of cells, so the box's origin lies half a spacing inside. Each
//! field is an array, `field0`, `field1`, …; channels are components. Source: "VTK XML Formats".

use crate::Form;
use crate::format::vti::header::UNIT;
use crate::write::encoding::Encoding;

/// What stands behind the last field.
pub(crate) const TAIL: &[u8] = b"\n  </AppendedData>\n</VTKFile>\n";

/// What stands before the values of each field.
pub(crate) fn before(form: &Form, encoding: Encoding) -> [u8; 8] {
    ((form.field_len() * encoding.size()) as u64).to_le_bytes()
}

/// What stands before the first field.
pub(crate) fn head(form: &Form, encoding: Encoding) -> String {
    let (points, units) = (&form.points, &form.units);
    // along x, y, z
    let mut lengths: Vec<usize> = points.iter().rev().copied().collect();
    lengths.resize(3, 1);
    let mut spacing: Vec<f64> = units.spacing.clone().unwrap_or_else(|| vec![1.0; points.len()]);
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
    let array = form.field_len() * encoding.size() + size_of::<u64>();
    for field in 0..form.count {
        text.push_str(&format!(
            "        <DataArray type=\"{}\" Name=\"field{field}\" NumberOfComponents=\"{}\" \
             format=\"appended\" offset=\"{}\"/>\n",
            encoding.vtk(),
            form.channels,
            field * array
        ));
    }
    text.push_str(
        "      </PointData>\n    </Piece>\n  </ImageData>\n  <AppendedData encoding=\"raw\">\n   _",
    );
    text
}
