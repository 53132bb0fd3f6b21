//! A data set before any preparation.

use karhunen_formats::{FieldSource, StackedFields};
use karhunen_train::config::DataConfig;
use karhunen_train::plan::BUILTIN;
use karhunen_train::{builtin, data};

use crate::EvaluateError;

/// The content of a source before any preparation.
#[derive(Debug)]
pub struct Native {
    /// The opened files; none for built-in data.
    pub fields: Option<StackedFields>,
    /// Number of fields.
    pub count: Option<usize>,
    /// Cells per axis.
    pub points: Vec<usize>,
    /// Channels.
    pub channels: usize,
    /// Number type of the first file.
    pub dtype: String,
}

/// Number of channels, of all channels, that are not given as conditions.
fn own(config: &DataConfig, all: usize) -> Result<usize, EvaluateError> {
    Ok(all - config.given_channels(all)?.len())
}

impl Native {
    /// Opens a source as a configuration reads it.
    ///
    /// # Errors
    /// Errors while opening the source.
    pub fn of(config: &DataConfig) -> Result<Self, EvaluateError> {
        Self::of_opened(config, data::open(config)?)
    }

    /// As [`Native::of`], for a source that is already open.
    ///
    /// # Errors
    /// An error for built-in data that do not exist.
    pub fn of_opened(
        config: &DataConfig,
        opened: Option<StackedFields>,
    ) -> Result<Self, EvaluateError> {
        let Some(fields) = opened else {
            let name = config.source.builtin().unwrap_or_default();
            return Ok(Self {
                fields: None,
                count: None,
                points: vec![BUILTIN, BUILTIN],
                channels: own(config, builtin::structure(name, config.channels)?.channels())?,
                dtype: "made on the spot".into(),
            });
        };
        Ok(Self {
            count: Some(fields.count()),
            points: fields.points().to_vec(),
            channels: own(config, fields.channels())?,
            dtype: fields.dtype().to_string(),
            fields: Some(fields),
        })
    }

    /// Distance between points along each axis, if the file has it.
    pub fn spacing(&self) -> Option<&[f64]> {
        self.fields.as_ref()?.units().spacing.as_deref()
    }

    /// Unit of the spacing.
    pub fn unit(&self) -> Option<&str> {
        self.fields.as_ref()?.units().length.as_deref()
    }

    /// Smallest and largest value, read slice by slice.
    ///
    /// # Errors
    /// Errors while reading.
    pub fn range(&self) -> Result<Option<(f64, f64)>, EvaluateError> {
        let Some(fields) = &self.fields else { return Ok(None) };
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        let offsets = fields.offsets();
        let mut slice = self.points.clone();
        let slices = std::mem::replace(&mut slice[0], 1);
        let mut values = Vec::new();
        for item in 0..fields.count() {
            for first in 0..slices {
                let mut corner = vec![0; slice.len()];
                corner[0] = first;
                values.clear();
                fields.block(item, &corner, &slice, &mut values)?;
                let channels = values.chunks_exact(values.len() / fields.channels()).zip(&offsets);
                for v in channels.flat_map(|(own, o)| own.iter().map(move |v| o + f64::from(*v))) {
                    (low, high) = (low.min(v), high.max(v));
                }
            }
        }
        Ok(Some((low, high)))
    }
}
