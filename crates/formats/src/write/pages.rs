//! Fields as pages: a page a field, or a page a slice of one volume.

use std::path::Path;

use crate::write::encoding::Encoding;
use crate::{FieldsRef, Form, FormatError};

/// Where the pages of fields lie.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pages {
    pub(crate) count: usize,
    pub(crate) height: usize,
    pub(crate) width: usize,
    /// 1 for grey, 3 for colours.
    pub(crate) channels: usize,
    /// Whether pages are slices.
    pub(crate) volume: bool,
    /// Values from one page to the next, and from one channel to the next.
    step: (usize, usize),
}

impl Pages {
    /// Pages of fields, which `what` can hold only if they have one or three channels and, as
    /// volumes, are one.
    pub(crate) fn of(form: &Form, what: &str) -> Result<Self, FormatError> {
        let Form { ref points, channels, count, .. } = *form;
        Self::admit(points.len(), channels, count, what)?;
        let volume = points.len() == 3;
        let width = points[points.len() - 1];
        let height = if points.len() > 1 { points[points.len() - 2] } else { 1 };
        let plane: usize = points.iter().product();
        let step = if volume { (height * width, plane) } else { (channels * plane, plane) };
        let count = if volume { points[0] } else { count };
        Ok(Self { count, height, width, channels, volume, step })
    }

    /// Refuses fields that pages cannot hold, whatever their values.
    pub(crate) fn admit(
        dim: usize,
        channels: usize,
        count: usize,
        what: &str,
    ) -> Result<(), FormatError> {
        let refuse = |parameter, value: usize, requirement: String| {
            Err(FormatError::Parameter { parameter, value: value.to_string(), requirement })
        };
        if channels != 1 && channels != 3 {
            let requirement = format!("{what} holds one channel or three; write .npy or .vti");
            return refuse("channels", channels, requirement);
        }
        if dim == 3 && count > 1 {
            let requirement = format!("{what} holds one volume; write .npy or .vti");
            return refuse("fields", count, requirement);
        }
        Ok(())
    }

    /// Flat index of a value.
    pub(crate) fn index(&self, page: usize, channel: usize, pixel: usize) -> usize {
        page * self.step.0 + channel * self.step.1 + pixel
    }

    /// The values of a page, channels interleaved.
    pub(crate) fn values<T>(
        &self,
        path: &Path,
        fields: FieldsRef<'_>,
        page: usize,
        encoding: Encoding,
        convert: impl Fn(f64) -> T,
    ) -> Result<Vec<T>, FormatError> {
        let mut values = Vec::with_capacity(self.height * self.width * self.channels);
        for pixel in 0..self.height * self.width {
            for channel in 0..self.channels {
                let index = self.index(page, channel, pixel);
                values.push(convert(encoding.finite(path, fields, index)?));
            }
        }
        Ok(values)
    }
}
