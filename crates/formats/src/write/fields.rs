//! Fields that are written: as they were read, or as they were computed.

use karhunen_field::Ensemble;

use crate::write::form::Form;
use crate::{RawFields, Units};

/// Fields to be written, of either kind.
#[derive(Debug, Clone, Copy)]
pub enum FieldsRef<'a> {
    /// As read, `f32`.
    Raw(&'a RawFields),
    /// As computed, `f64`.
    Ensemble(&'a Ensemble),
    /// The same, the lengths of whose box are in this unit.
    Measured(&'a Ensemble, &'a str),
    /// Values of fields of a form, as many as there are.
    Plain {
        /// The values, `[sample, channel, axis0, …]`.
        values: &'a [f64],
        /// Shape and units; the number of fields is that of the values.
        form: &'a Form,
    },
}

impl<'a> From<&'a RawFields> for FieldsRef<'a> {
    fn from(fields: &'a RawFields) -> Self {
        FieldsRef::Raw(fields)
    }
}

impl<'a> From<&'a Ensemble> for FieldsRef<'a> {
    fn from(fields: &'a Ensemble) -> Self {
        FieldsRef::Ensemble(fields)
    }
}

impl FieldsRef<'_> {
    /// Shape and units.
    pub(crate) fn form(&self) -> Form {
        let (points, channels, count) = (self.points(), self.channels(), self.count());
        Form { points, channels, count, units: self.units() }
    }

    /// Points per axis.
    pub(crate) fn points(&self) -> Vec<usize> {
        match self {
            FieldsRef::Raw(f) => f.points.clone(),
            FieldsRef::Ensemble(f) | FieldsRef::Measured(f, _) => f.grid.points(),
            FieldsRef::Plain { form, .. } => form.points.clone(),
        }
    }

    /// Channels of each field.
    pub(crate) fn channels(&self) -> usize {
        match self {
            FieldsRef::Raw(f) => f.channels,
            FieldsRef::Ensemble(f) | FieldsRef::Measured(f, _) => f.channels,
            FieldsRef::Plain { form, .. } => form.channels,
        }
    }

    /// Number of fields.
    pub(crate) fn count(&self) -> usize {
        self.len() / self.field_len()
    }

    /// Values of one field.
    pub(crate) fn field_len(&self) -> usize {
        self.channels() * self.points().iter().product::<usize>()
    }

    /// Spacing and units: the file's, or those of the grid.
    pub(crate) fn units(&self) -> Units {
        match self {
            FieldsRef::Raw(f) => f.units.clone(),
            FieldsRef::Plain { form, .. } => form.units.clone(),
            FieldsRef::Ensemble(f) | FieldsRef::Measured(f, _) => {
                let axes = f.grid.axes().iter();
                let spacing = axes.map(|axis| axis.length / axis.points as f64).collect();
                let length = match self {
                    FieldsRef::Measured(_, unit) => Some(unit.to_string()),
                    _ => None,
                };
                Units { spacing: Some(spacing), length, ..Units::default() }
            }
        }
    }

    /// Number of values of all fields.
    pub(crate) fn len(&self) -> usize {
        match self {
            FieldsRef::Raw(f) => f.values.len(),
            FieldsRef::Ensemble(f) | FieldsRef::Measured(f, _) => f.values.len(),
            FieldsRef::Plain { values, .. } => values.len(),
        }
    }

    /// Value at a flat index.
    pub(crate) fn value(&self, index: usize) -> f64 {
        match self {
            FieldsRef::Raw(f) => f.offset + f64::from(f.values[index]),
            FieldsRef::Ensemble(f) | FieldsRef::Measured(f, _) => f.values[index],
            FieldsRef::Plain { values, .. } => values[index],
        }
    }
}
