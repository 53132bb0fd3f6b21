//! Event files that TensorBoard reads, in a run's folder `tensorboard/`.
//!
//! A file is a sequence of records. A record is the length of the data as `u64`, a checksum of
//! these eight bytes, the data, and a checksum of the data, all little-endian. A checksum is the
//! masked CRC-32C c: c rotated right by 15 bits, plus `a282ead8`. The data are messages of
//! TensorFlow's `event.proto` and `summary.proto`. Only a handful of their fields is needed, so
//! this module encodes them itself.
//!
//! A resumed run begins a new file. Its second message gives the step from which older files are
//! void, so that TensorBoard shows no step twice. **Source** `tensorflow/core/util/event.proto`,
//! `tensorflow/core/framework/summary.proto`, `tensorflow/core/lib/io/record_writer.cc`.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use karhunen_formats::crc32c;

use crate::TrainError;
use crate::run::events::Event;

/// The folder in a run's directory.
pub const FOLDER: &str = "tensorboard";
/// Prefix of the names of event files: TensorBoard recognises them by `tfevents`.
const PREFIX: &str = "events.out.tfevents.";
/// From this file version on, a start message makes later steps of older files void.
const VERSION: &str = "brain.Event:2";

/// An event file that is being written.
#[derive(Debug)]
pub struct Board {
    file: File,
    path: PathBuf,
}

impl Board {
    /// Begins a file for a run at `step`. Whatever older files say of later steps is void.
    ///
    /// # Errors
    /// [`TrainError::Write`].
    pub fn begin(run: &Path, step: usize) -> Result<Self, TrainError> {
        let folder = run.join(FOLDER);
        fs::create_dir_all(&folder).map_err(|source| write(&folder, source))?;
        let before = newest(&folder).map_err(|source| write(&folder, source))?;
        // TensorBoard reads files in order of their numbers, so the number rises even if the clock
        // is set back
        let number = (now() as u64).max(before.map_or(0, |n| n + 1));
        let path = folder.join(format!("{PREFIX}{number:010}.karhunen"));
        let opened = OpenOptions::new().append(true).create_new(true).open(&path);
        let file = opened.map_err(|source| write(&path, source))?;
        let mut board = Self { file, path };
        board.put(0, &text(3, VERSION))?;
        board.restart(step)?;
        Ok(board)
    }

    /// Returns the run to `step`. Whatever was written about later steps is void.
    ///
    /// # Errors
    /// [`TrainError::Write`].
    pub fn restart(&mut self, step: usize) -> Result<(), TrainError> {
        const START: u64 = 1;
        let log = message(7, &number(1, START));
        self.put(step + 1, &log)
    }

    /// Writes the numbers of an event. An event with a message repeats a step and has no numbers of
    /// its own.
    ///
    /// `lengths` are those of the averages of the weights (`training.ema`).
    ///
    /// # Errors
    /// [`TrainError::Write`].
    pub fn event(&mut self, event: &Event, lengths: &[f64]) -> Result<(), TrainError> {
        if event.message.is_some() {
            return Ok(());
        }
        let values: Vec<u8> = scalars(event, lengths)
            .into_iter()
            .flat_map(|(tag, v)| message(1, &[text(1, &tag), float(2, v as f32)].concat()))
            .collect();
        self.put(event.step, &message(5, &values))
    }

    /// Writes a picture, given as a PNG file. Other data are ignored.
    ///
    /// # Errors
    /// [`TrainError::Write`].
    pub fn image(&mut self, step: usize, tag: &str, png: &[u8]) -> Result<(), TrainError> {
        let Some((width, height)) = size(png) else { return Ok(()) };
        // number of channels, from the colour type in the PNG header
        let channels = match png.get(25) {
            Some(0) => 1,
            Some(4) => 2,
            Some(6) => 4,
            _ => 3,
        };
        let image = [
            number(1, height.into()),
            number(2, width.into()),
            number(3, channels),
            message(4, png),
        ];
        let value = [text(1, tag), message(4, &image.concat())].concat();
        self.put(step, &message(5, &message(1, &value)))
    }

    /// Writes one message: time, step and content.
    fn put(&mut self, step: usize, content: &[u8]) -> Result<(), TrainError> {
        let mut data = vec![1 << 3 | 1];
        data.extend(now().to_le_bytes());
        data.extend(number(2, step as u64));
        data.extend(content);
        // one call, so that after a crash the file has whole records and at most one torn one
        self.file.write_all(&record(&data)).map_err(|source| write(&self.path, source))
    }
}

/// Names and values of the numbers of an event.
fn scalars(event: &Event, lengths: &[f64]) -> Vec<(String, f64)> {
    let Event { grid, loss, validation_loss, training_loss, gradient_norm, .. } = event;
    let mut found = vec![
        ("loss/training".to_string(), *loss),
        (format!("loss at {grid}/training"), *loss),
        ("training/learning rate".into(), event.rate),
        ("training/level".into(), event.level as f64),
        ("training/seconds".into(), event.seconds),
    ];
    found.extend(gradient_norm.map(|norm| ("training/gradient norm".into(), norm)));
    if let Some(loss) = validation_loss {
        found.push(("loss/validation".into(), *loss));
        found.push((format!("loss at {grid}/validation"), *loss));
    }
    found.extend(training_loss.map(|loss| ("loss/training fields".into(), loss)));
    // the first average is the model's own and is written above
    let others = event.validation_losses.iter().zip(lengths).skip(1);
    found.extend(others.map(|(loss, l)| (format!("loss/validation, average {l}"), *loss)));
    found
}

/// Length, checksum, data, checksum.
fn record(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    let sums = [masked(&length), masked(data)].map(u32::to_le_bytes);
    [&length[..], &sums[0], data, &sums[1]].concat()
}

fn masked(bytes: &[u8]) -> u32 {
    crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// An integer as a varint: seven bits a byte, the lowest first.
fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

/// An integer field.
fn number(field: u64, value: u64) -> Vec<u8> {
    [varint(field << 3), varint(value)].concat()
}

/// A field of a four-byte floating-point number.
fn float(field: u64, value: f32) -> Vec<u8> {
    [varint(field << 3 | 5), value.to_le_bytes().to_vec()].concat()
}

/// A field that is a message or bytes.
fn message(field: u64, content: &[u8]) -> Vec<u8> {
    [varint(field << 3 | 2), varint(content.len() as u64), content.to_vec()].concat()
}

/// A text field.
fn text(field: u64, content: &str) -> Vec<u8> {
    message(field, content.as_bytes())
}

/// Width and height of a PNG.
fn size(png: &[u8]) -> Option<(u32, u32)> {
    let begins = png.starts_with(b"\x89PNG\r\n\x1a\n") && png.get(12..16) == Some(b"IHDR");
    let at = |from: usize| Some(u32::from_be_bytes(png.get(from..from + 4)?.try_into().ok()?));
    if begins { Some((at(16)?, at(20)?)) } else { None }
}

/// Seconds since 1970.
fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

/// The largest number of an event file in the folder.
fn newest(folder: &Path) -> std::io::Result<Option<u64>> {
    let mut largest = None;
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.split('.').next());
        largest = largest.max(number.and_then(|text| text.parse().ok()));
    }
    Ok(largest)
}

fn write(path: &Path, source: std::io::Error) -> TrainError {
    TrainError::Write { path: path.into(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes that TensorFlow's own writer produces for
    /// `Event(wall_time=1.5, step=300, file_version="brain.Event:2")`.
    #[test]
    fn a_record_has_the_bytes_of_tensorflow() {
        let mut data = vec![0x09];
        data.extend(1.5f64.to_le_bytes());
        data.extend(number(2, 300));
        data.extend(text(3, VERSION));
        let bytes = record(&data);
        let mut expected = vec![0x1b, 0, 0, 0, 0, 0, 0, 0, 0x1a, 0x0d, 0x9e, 0x13];
        expected.extend([0x09, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f, 0x10, 0xac, 0x02, 0x1a, 0x0d]);
        expected.extend(b"brain.Event:2");
        expected.extend([0x0a, 0x8d, 0xc5, 0xe4]);
        assert_eq!(bytes, expected);
    }

    #[test]
    fn a_png_tells_its_size_and_nothing_else_does() {
        let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\x01\x02\0\0\0\x07".to_vec();
        assert_eq!(size(&png), Some((258, 7)));
        png[1] = b'p';
        assert_eq!(size(&png), None);
        assert_eq!(size(b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0"), None);
    }

    #[test]
    fn files_have_rising_names() {
        let run = std::env::temp_dir().join(format!("karhunen-board-{}", std::process::id()));
        let _ = fs::remove_dir_all(&run);
        let names: Vec<PathBuf> =
            (0..3).map(|step| Board::begin(&run, step).unwrap().path).collect();
        assert!(names.windows(2).all(|w| w[0] < w[1]), "{names:?}");
        fs::remove_dir_all(&run).unwrap();
    }
}
