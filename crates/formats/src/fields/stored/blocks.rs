//! Reads blocks of fields that stay in their file. An offset is subtracted if single precision
//! needs it, and missing values are treated as requested.

use std::path::Path;

use crate::cf::Packing;
use crate::digits::Range;
use crate::fields::stored::values::Block;
use crate::fields::stored::{StoredFields, Values};
use crate::layout::channels_first;
use crate::{
    FieldSource, FormatError, Missing, RawFields, ReadOptions, Series, SourceType, Units, missing,
};

/// Number of fields, and of slices of each, that are read to estimate their range.
const PROBED: usize = 8;

impl StoredFields {
    /// With missing values treated as asked for, and an offset where single precision needs one.
    pub(crate) fn treated(mut self, options: &ReadOptions) -> Result<Self, FormatError> {
        self.missing = options.missing;
        self.offset = match options.offset {
            0.0 => self.probed(options)?,
            offset => offset,
        };
        self.subtract(self.offset);
        Ok(self)
    }

    /// The offset to subtract before rounding, estimated from slices spread over the fields. A slice
    /// beyond the limit is refused.
    fn probed(&self, options: &ReadOptions) -> Result<f64, FormatError> {
        if !(self.dtype == SourceType::F64 || self.dtype.is_wide_integer()) {
            return Ok(0.0);
        }
        let mut part = self.points.clone();
        let slices = if part.len() > 1 { std::mem::replace(&mut part[0], 1) } else { 1 };
        let slice = part.iter().map(|&n| n as u64);
        options.admit(&self.source, std::iter::once(self.channels as u64).chain(slice))?;
        let (items, each) = (self.count.min(PROBED), slices.min(PROBED));
        let (mut range, mut values) = (Range::new(), Vec::new());
        for i in 0..items * each {
            let mut corner = vec![0; part.len()];
            corner[0] = i % each * slices / each;
            values.clear();
            self.numbers(i / each * self.count / items, &corner, &part, &mut values)?;
            range.extend(&values);
        }
        Ok(range.offset(self.dtype).unwrap_or(0.0))
    }

    /// Subtracts `amount` from all values.
    fn subtract(&mut self, amount: f64) {
        let packing = match &mut self.values {
            Values::InFile(file) => &mut file.packing,
            Values::InChunks(chunks) => chunks.packing(),
        };
        *packing = Packing::less(packing.take(), amount);
    }

    /// Reads all fields. Missing values are NaN.
    pub(crate) fn load(mut self, options: &ReadOptions) -> Result<RawFields, FormatError> {
        self.subtract(options.offset);
        let axes = self.points.iter().map(|&n| n as u64);
        let factors = [self.count as u64, self.channels as u64].into_iter().chain(axes);
        let length = options.admit(&self.source, factors)?;
        let mut values = Vec::with_capacity(length);
        match &self.values {
            // each chunk is read once, whatever fields it has parts of
            Values::InChunks(chunks) => {
                let shape = chunks.shape();
                values.resize(length, 0.0);
                chunks.region(&vec![0; shape.len()], shape, &mut values)?;
                if self.channels_last {
                    values = channels_first(&values, self.channels, self.points.iter().product());
                }
            }
            Values::InFile(_) => {
                for item in 0..self.count {
                    self.numbers(item, &vec![0; self.points.len()], &self.points, &mut values)?;
                }
            }
        }
        let points = self.points.clone();
        let mut fields = RawFields::array(&self.source, points, self.channels, values, self.dtype)?;
        fields.units = self.units.clone();
        fields.series = self.series;
        fields.notes.splice(0..0, self.notes.iter().cloned());
        Ok(fields)
    }

    /// Appends a block. Missing values are NaN.
    fn numbers(
        &self,
        item: usize,
        corner: &[usize],
        part: &[usize],
        values: &mut Vec<f32>,
    ) -> Result<(), FormatError> {
        let block: usize = part.iter().product();
        let base = values.len();
        values.resize(base + self.channels * block, 0.0);
        let to = &mut values[base..];
        match &self.values {
            Values::InFile(file) => {
                for (channel, to) in to.chunks_exact_mut(block).enumerate() {
                    file.block((item, channel), &self.points, (corner, part), to)?;
                }
            }
            Values::InChunks(chunks) => {
                // samples and channels are axes of the array like others
                let lead = chunks.shape().len() - part.len();
                let wide = |n: &usize| *n as u64;
                let own = [(item as u64, 1), (0, self.channels as u64)];
                let mut axes: Vec<(u64, u64)> =
                    corner.iter().map(wide).zip(part.iter().map(wide)).collect();
                match self.channels_last {
                    true => {
                        axes.splice(0..0, own[..1].iter().copied().take(lead - 1));
                        axes.push(own[1]);
                    }
                    false => drop(axes.splice(0..0, own.into_iter().take(lead))),
                }
                let (start, lengths): (Vec<u64>, Vec<u64>) = axes.into_iter().unzip();
                chunks.region(&start, &lengths, to)?;
                if self.channels_last {
                    let ordered = channels_first(to, self.channels, block);
                    to.copy_from_slice(&ordered);
                }
            }
        }
        Ok(())
    }

    /// Flat index, in all fields, of value `rest` of a block.
    fn flat(&self, item: usize, channel: usize, (corner, part): Block<'_>, rest: usize) -> usize {
        let (mut index, mut stride, mut rest) = (0, 1, rest);
        for axis in (0..part.len()).rev() {
            index += (corner[axis] + rest % part[axis]) * stride;
            rest /= part[axis];
            stride *= self.points[axis];
        }
        index + (item * self.channels + channel) * stride
    }
}

impl FieldSource for StoredFields {
    fn count(&self) -> usize {
        self.count
    }

    fn channels(&self) -> usize {
        self.channels
    }

    fn points(&self) -> &[usize] {
        &self.points
    }

    fn dtype(&self) -> SourceType {
        self.dtype
    }

    fn path(&self) -> &Path {
        &self.source
    }

    fn name(&self, item: usize) -> Option<&str> {
        self.items.get(item).map(String::as_str)
    }

    fn position(&self, item: usize) -> u64 {
        item as u64
    }

    fn units(&self) -> &Units {
        &self.units
    }

    fn series(&self) -> Series {
        self.series
    }

    fn offsets(&self) -> Vec<f64> {
        vec![self.offset; self.channels]
    }

    fn block(
        &self,
        item: usize,
        corner: &[usize],
        part: &[usize],
        values: &mut Vec<f32>,
    ) -> Result<(), FormatError> {
        let base = values.len();
        self.numbers(item, corner, part, values)?;
        let block: usize = part.iter().product();
        let to = &mut values[base..];
        let place = |i| self.flat(item, i / block, (corner, part), i % block);
        missing::finite(&self.source, to, place)?;
        if self.missing == Missing::Refused {
            let shape = (self.channels, &self.points[..]);
            missing::refusal(&self.source, to, shape, false, place)?;
        }
        self.missing.fill(to, self.offset);
        Ok(())
    }
}
