//! Recognises the format of a file by its first bytes, because extensions are often wrong and magic
//! numbers seldom.

use crate::format::safetensors::HEADER_AT_MOST;

/// Number of bytes needed.
pub(crate) const HEAD: usize = 16;

/// A format known by its magic number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    Idx,
    Npy,
    Png,
    Jpeg,
    Tiff,
    Gzip,
    /// A zip archive, which includes .npz.
    Zip,
    Hdf5,
    /// NetCDF's classic format. NetCDF-4 is HDF5.
    NetCdf,
    /// Named tensors: a length and a header in JSON.
    Safetensors,
    /// MATLAB 5, the default of `save`.
    Mat,
    /// PyTorch before version 1.6. Later versions write zip archives.
    OldTorch,
    /// XML, which is read if it is VTK image data.
    Xml,
}

impl Content {
    /// The format whose magic number starts `head`.
    pub(crate) fn of(head: &[u8]) -> Option<Self> {
        const MAGIC: [(&[u8], Content); 18] = [
            (b"\x89PNG\r\n\x1a\n", Content::Png),
            (b"\xff\xd8\xff", Content::Jpeg),
            (b"II*\0", Content::Tiff),
            (b"MM\0*", Content::Tiff),
            (b"II+\0", Content::Tiff),
            (b"MM\0+", Content::Tiff),
            (b"\x93NUMPY", Content::Npy),
            (b"\x1f\x8b", Content::Gzip),
            (b"PK\x03\x04", Content::Zip),
            (b"PK\x05\x06", Content::Zip),
            (b"\x89HDF\r\n\x1a\n", Content::Hdf5),
            (b"CDF\x01", Content::NetCdf),
            (b"CDF\x02", Content::NetCdf),
            (b"CDF\x05", Content::NetCdf),
            // a pickle of the number 0x1950a86a20f9469cfc6c
            (b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46", Content::OldTorch),
            (b"<?xml", Content::Xml),
            (b"<VTKFile", Content::Xml),
            (b"MATLAB 5.0 MAT-f", Content::Mat),
        ];
        if let Some((_, content)) = MAGIC.iter().find(|(magic, _)| head.starts_with(magic)) {
            return Some(*content);
        }
        if let Some((length, [b'{', ..])) = head.split_first_chunk()
            && u64::from_le_bytes(*length) <= HEADER_AT_MOST
        {
            return Some(Content::Safetensors);
        }
        // IDX has no proper magic number: two zero bytes and the code of a number type
        matches!(head, [0, 0, 0x08 | 0x09 | 0x0b..=0x0e, ..]).then_some(Content::Idx)
    }

    /// Whether this is a picture format.
    pub(crate) fn is_picture(self) -> bool {
        matches!(self, Content::Png | Content::Jpeg | Content::Tiff)
    }
}
