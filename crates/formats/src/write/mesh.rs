//! Writes triangle meshes as STL, PLY and VTP, each in binary.
//!
//! This is own code, because each format is a header and two lists. Sources: the STL format of 3D
//! Systems (1989); G. Turk, "The PLY Polygon File Format" (1994); "VTK XML Formats".

use std::io::{self, Write};
use std::path::Path;

use karhunen_field::level_set::Mesh;

use crate::FormatError;
use crate::address::ending;
use crate::write::staged::place;

/// Extensions that [`write_mesh`] knows.
pub const MESH_ENDINGS: [&str; 3] = ["stl", "ply", "vtp"];

/// Writes a mesh in single precision, as `.stl`, `.ply` or `.vtp` by the extension.
///
/// Coordinates are in units of the box. STL repeats the three corners of each triangle; the others
/// share corners.
///
/// # Errors
/// [`FormatError::UnknownEnding`]; [`FormatError::Empty`] for a mesh without triangles;
/// [`FormatError::Exists`] unless `overwrite`; [`FormatError::Write`] if the system refuses.
pub fn write_mesh(path: impl AsRef<Path>, mesh: &Mesh, overwrite: bool) -> Result<(), FormatError> {
    let path = path.as_ref();
    let ending = ending(path);
    if !MESH_ENDINGS.contains(&ending.as_str()) {
        return Err(FormatError::UnknownEnding { path: path.into() });
    }
    if mesh.triangles.is_empty() {
        let what = "no surface to write: the phase is nowhere, or everywhere without caps".into();
        return Err(FormatError::Empty { path: path.into(), what });
    }
    if !overwrite && path.exists() {
        return Err(FormatError::Exists { path: path.into() });
    }
    place(path, overwrite, |to| {
        let written = match ending.as_str() {
            "stl" => stl(mesh, to),
            "ply" => ply(mesh, to),
            _ => vtp(mesh, to),
        };
        written.map_err(|source| FormatError::Write { path: path.into(), source })
    })
}

fn put(numbers: &[f64], to: &mut dyn Write) -> io::Result<()> {
    numbers.iter().try_for_each(|x| to.write_all(&(*x as f32).to_le_bytes()))
}

/// STL: eighty bytes, the number of triangles, then for each its normal, corners and an unused
/// number.
fn stl(mesh: &Mesh, to: &mut dyn Write) -> io::Result<()> {
    let mut head = [b' '; 80];
    head[..16].copy_from_slice(b"karhunen surface");
    to.write_all(&head)?;
    to.write_all(&(mesh.triangles.len() as u32).to_le_bytes())?;
    for triangle in &mesh.triangles {
        let [a, b, c] = mesh.corners(triangle);
        let less = |p: [f64; 3], q: [f64; 3]| [p[0] - q[0], p[1] - q[1], p[2] - q[2]];
        let (u, v) = (less(b, a), less(c, a));
        let n = [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]];
        let length = n.iter().map(|x| x * x).sum::<f64>().sqrt();
        // readers compute a normal that is zero
        let unit = if length > 0.0 { n.map(|x| x / length) } else { [0.0; 3] };
        [unit, a, b, c].iter().try_for_each(|p| put(p, to))?;
        to.write_all(&[0, 0])?;
    }
    Ok(())
}

fn ply(mesh: &Mesh, to: &mut dyn Write) -> io::Result<()> {
    write!(
        to,
        "ply\nformat binary_little_endian 1.0\ncomment karhunen\nelement vertex {}\nproperty float x\n\
         property float y\nproperty float z\nelement face {}\nproperty list uchar int vertex_indices\n\
         end_header\n",
        mesh.vertices.len(),
        mesh.triangles.len()
    )?;
    mesh.vertices.iter().try_for_each(|v| put(v, to))?;
    for triangle in &mesh.triangles {
        to.write_all(&[3])?;
        triangle.iter().try_for_each(|v| to.write_all(&v.to_le_bytes()))?;
    }
    Ok(())
}

fn vtp(mesh: &Mesh, to: &mut dyn Write) -> io::Result<()> {
    let (corners, triangles) = (mesh.vertices.len(), mesh.triangles.len());
    let bytes = [12 * corners, 24 * triangles, 8 * triangles];
    let word = size_of::<u64>();
    let offsets = [0, bytes[0] + word, bytes[0] + bytes[1] + 2 * word];
    write!(
        to,
        "<?xml version=\"1.0\"?>\n<VTKFile type=\"PolyData\" version=\"1.0\" \
         byte_order=\"LittleEndian\" header_type=\"UInt64\">\n  <PolyData>\n    <Piece \
         NumberOfPoints=\"{corners}\" NumberOfVerts=\"0\" NumberOfLines=\"0\" NumberOfStrips=\"0\" \
         NumberOfPolys=\"{triangles}\">\n      <Points>\n        <DataArray type=\"Float32\" \
         Name=\"Points\" NumberOfComponents=\"3\" format=\"appended\" offset=\"{}\"/>\n      \
         </Points>\n      <Polys>\n        <DataArray type=\"Int64\" Name=\"connectivity\" \
         format=\"appended\" offset=\"{}\"/>\n        <DataArray type=\"Int64\" Name=\"offsets\" \
         format=\"appended\" offset=\"{}\"/>\n      </Polys>\n    </Piece>\n  </PolyData>\n  \
         <AppendedData encoding=\"raw\">\n   _",
        offsets[0], offsets[1], offsets[2]
    )?;
    to.write_all(&(bytes[0] as u64).to_le_bytes())?;
    mesh.vertices.iter().try_for_each(|v| put(v, to))?;
    to.write_all(&(bytes[1] as u64).to_le_bytes())?;
    for corner in mesh.triangles.iter().flatten() {
        to.write_all(&i64::from(*corner).to_le_bytes())?;
    }
    to.write_all(&(bytes[2] as u64).to_le_bytes())?;
    for triangle in 1..=triangles as i64 {
        to.write_all(&(3 * triangle).to_le_bytes())?;
    }
    to.write_all(b"\n  </AppendedData>\n</VTKFile>\n")
}

#[cfg(test)]
mod tests {
    use karhunen_field::level_set::Ends;
    use karhunen_field::{Boundary, Grid};

    use super::*;

    fn mesh() -> Mesh {
        let grid = Grid::unit(&[3, 4, 5], Boundary::Neumann).unwrap();
        let values: Vec<f64> =
            (0..grid.len()).map(|i| if i % 7 == 3 { 1.0 } else { -0.5 }).collect();
        Mesh::of(&grid, &values, Ends::Capped).unwrap()
    }

    fn floats(bytes: &[u8]) -> Vec<f32> {
        bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect()
    }

    #[test]
    fn every_format_holds_the_same_corners() {
        let (mesh, folder) = (mesh(), tempfile::tempdir().unwrap());
        let corner = |v: &[f64; 3]| v.map(|x| x as f32);
        let all: Vec<f32> = mesh.vertices.iter().flat_map(corner).collect();
        let read = |ending: &str| {
            let path = folder.path().join(format!("a.{ending}"));
            write_mesh(&path, &mesh, false).unwrap();
            assert!(matches!(write_mesh(&path, &mesh, false), Err(FormatError::Exists { .. })));
            std::fs::read(&path).unwrap()
        };
        let stl = read("stl");
        assert_eq!(stl.len(), 84 + 50 * mesh.triangles.len());
        for (triangle, bytes) in mesh.triangles.iter().zip(stl[84..].chunks_exact(50)) {
            let numbers = floats(&bytes[..48]);
            let expected: Vec<f32> =
                triangle.iter().flat_map(|v| corner(&mesh.vertices[*v as usize])).collect();
            assert_eq!(numbers[3..], expected);
            let length = numbers[..3].iter().map(|x| x * x).sum::<f32>();
            assert!((length - 1.0).abs() < 1e-5);
        }
        let ply = read("ply");
        let start = ply.windows(11).position(|w| w == b"end_header\n").unwrap() + 11;
        let end = start + 12 * mesh.vertices.len();
        assert_eq!(floats(&ply[start..end]), all);
        assert_eq!(ply.len(), end + 13 * mesh.triangles.len());
        let vtp = read("vtp");
        let start = vtp.windows(4).position(|w| w == b"   _").unwrap() + 4;
        assert_eq!(vtp[start..start + 8], (4 * all.len() as u64).to_le_bytes());
        assert_eq!(floats(&vtp[start + 8..start + 8 + 4 * all.len()]), all);
    }

    #[test]
    fn no_surface_and_other_endings_are_refused() {
        let empty = write_mesh("a.stl", &Mesh::default(), true);
        assert!(matches!(empty, Err(FormatError::Empty { .. })));
        let other = write_mesh("a.obj", &mesh(), true);
        assert!(matches!(other, Err(FormatError::UnknownEnding { .. })));
    }
}
