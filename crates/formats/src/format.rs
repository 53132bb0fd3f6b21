//! The formats, one after the other. Adding one is a file or folder here and its line in the table.

use crate::container::{folder, gzip, zip};
use crate::format::entry::{Format, Seen, find};

pub(crate) mod entry;
mod hdf5;
pub(crate) mod idx;
mod mat;
mod netcdf;
pub(crate) mod npy;
mod picture;
mod placed;
pub(crate) mod raw;
pub(crate) mod safetensors;
pub(crate) mod tensors;
mod tiff;
pub(crate) mod torch;
pub(crate) mod vti;
pub(crate) mod zarr;

/// All formats and containers. Where two would recognise the same, the first one counts.
pub(crate) const FORMATS: &[Format] = &[
    npy::FORMAT,
    idx::FORMAT,
    picture::PNG,
    picture::JPEG,
    tiff::FORMAT,
    vti::FORMAT,
    netcdf::FORMAT,
    hdf5::FORMAT,
    mat::FORMAT,
    zarr::FORMAT,
    torch::FORMAT,
    safetensors::FORMAT,
    zip::FORMAT,
    gzip::FORMAT,
    folder::FORMAT,
];

/// The format of a file that begins with these bytes.
pub(crate) fn of_head(head: &[u8]) -> Option<&'static Format> {
    find(FORMATS, &Seen::Head(head))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FormatError;

    #[test]
    fn every_format_has_a_name_of_its_own_in_what_is_said_of_unknown_files() {
        let said = FormatError::UnknownContent { path: "a".into(), head: Vec::new() }.to_string();
        for (index, format) in FORMATS.iter().enumerate() {
            assert!(FORMATS[..index].iter().all(|other| !other.is(format)), "{}", format.name);
            let folder = (format.recognise)(&Seen::Folder(std::path::Path::new("a")));
            assert!(folder || said.contains(format.name), "{said} does not name {}", format.name);
        }
    }

    #[test]
    fn files_are_known_by_their_first_bytes() {
        for (head, name) in [
            (&b"\x93NUMPY\x01\0"[..], Some("NPY")),
            (&[0, 0, 8, 2, 0, 0, 0, 2], Some("IDX")),
            (&[0, 0, 8, 2, 0, 0, 0, 0, 0], Some("IDX")),
            // a length below 2^27 and a brace
            (&[0, 0, 8, 2, 0, 0, 0, 0, b'{'], Some("safetensors")),
            (b"\x89PNG\r\n\x1a\n", Some("PNG")),
            (b"\xff\xd8\xff\xe0", Some("JPEG")),
            (b"MM\0+\0\x08", Some("TIFF")),
            (b"<VTKFile type", Some("VTI")),
            (b"CDF\x05", Some("NetCDF")),
            (b"CDF\x03", None),
            (b"\x89HDF\r\n\x1a\n", Some("HDF5")),
            (b"MATLAB 5.0 MAT-file", Some("MATLAB")),
            (b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9", Some("PyTorch")),
            (b"PK\x05\x06", Some("NPZ")),
            (b"\x1f\x8b\x08", Some("gzip")),
            (b"BM", None),
            (b"", None),
        ] {
            assert_eq!(of_head(head).map(|format| format.name), name, "{head:02x?}");
        }
    }
}
