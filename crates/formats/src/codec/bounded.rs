//! Decompressors that stop at a number of bytes, whatever the packed bytes claim.

use std::io::Read;

use ruzstd::decoding::{FrameDecoder, StreamingDecoder};

/// Window memory that a Zstandard frame may use beyond its unpacked size.
pub(crate) const WINDOW: u64 = 1 << 23;

/// The output of a decompressor, up to a number of bytes.
pub(crate) fn unpack(from: impl Read, at_most: usize) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let room = at_most as u64 + 1;
    from.take(room).read_to_end(&mut bytes).map_err(|e| e.to_string())?;
    match bytes.len() > at_most {
        true => Err(format!("more than {at_most} bytes come out")),
        false => Ok(bytes),
    }
}

/// The output of one Zstandard frame, of which `at_most` bytes are wanted.
pub(crate) fn zstd(bytes: &[u8], at_most: usize) -> Result<impl Read + '_, String> {
    let mut frames = FrameDecoder::new();
    frames.set_max_window_size((at_most as u64).max(WINDOW));
    StreamingDecoder::new_with_decoder(bytes, frames).map_err(|e| e.to_string())
}

/// Decodes one Zstandard frame.
pub(crate) fn unpack_zstd(bytes: &[u8], at_most: usize) -> Result<Vec<u8>, String> {
    unpack(zstd(bytes, at_most)?, at_most)
}
