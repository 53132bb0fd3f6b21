//! Fields that a format has opened: in memory, or in their file.

use crate::fields::source::FieldSource;
use crate::fields::stored::StoredFields;
use crate::{FormatError, RawFields, ReadOptions};

/// Opened fields.
#[derive(Debug)]
pub(crate) enum Opened {
    /// Their values are in memory.
    Memory(RawFields),
    /// Their values stay in their file.
    Stored(StoredFields),
}

impl Opened {
    /// All values in memory, missing ones being NaN.
    pub(crate) fn load(self, options: &ReadOptions) -> Result<RawFields, FormatError> {
        match self {
            Self::Memory(fields) => Ok(fields),
            Self::Stored(fields) => fields.load(options),
        }
    }

    /// The fields as a source of blocks.
    pub(crate) fn fields(&self) -> &dyn FieldSource {
        match self {
            Self::Memory(fields) => fields,
            Self::Stored(fields) => fields,
        }
    }

    /// Notes for the user.
    pub(crate) fn notes(&self) -> &[String] {
        match self {
            Self::Memory(fields) => &fields.notes,
            Self::Stored(fields) => fields.notes(),
        }
    }

    /// The same as an object.
    pub(crate) fn boxed(self) -> Box<dyn FieldSource> {
        match self {
            Self::Memory(fields) => Box::new(fields),
            Self::Stored(fields) => Box::new(fields),
        }
    }
}
