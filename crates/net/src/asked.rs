//! What the fields of a sampling are asked to be.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use karhunen_field::{Ensemble, FieldError, Grid, resample};

use crate::Given;

/// Classes, attributes and other fields that the fields of a batch shall belong to, one each; nothing is asked
/// for by default.
#[derive(Debug, Default)]
pub struct Asked {
    /// Class of each field, or none of any.
    pub classes: Vec<Option<u32>>,
    /// Normalised attributes of each field, NaN where nothing is asked for; or none of any.
    pub attributes: Vec<Vec<f32>>,
    /// The other fields, one a field.
    pub fields: Option<OtherFields>,
}

/// Fields that are given, on whatever grid they are asked for.
#[derive(Debug)]
pub struct OtherFields {
    /// As they came, normalised.
    fields: Ensemble,
    /// Channels last and marked, on each grid met so far.
    grids: Mutex<Vec<(Grid, Arc<Vec<f32>>)>>,
}

impl OtherFields {
    /// Fields on any grid of the box.
    pub fn new(fields: Ensemble) -> Self {
        Self { fields, grids: Mutex::default() }
    }

    /// Their number.
    pub fn count(&self) -> usize {
        self.fields.count()
    }

    /// `[field, point, channel + 1]` on a grid: restricted to its modes, or continued with nothing beyond
    /// their own.
    fn on(&self, grid: &Grid) -> Result<Arc<Vec<f32>>, FieldError> {
        let mut known = self.grids.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, values)) = known.iter().find(|(of, _)| of == grid) {
            return Ok(values.clone());
        }
        let fields = match self.fields.grid == *grid {
            true => self.fields.clone(),
            false => resample::spectral(&self.fields, *grid)?,
        };
        let of = |field: &[f64]| {
            let field: Vec<f32> = field.iter().map(|v| *v as f32).collect();
            Given::told(&field, grid.len())
        };
        let values: Arc<Vec<f32>> = Arc::new(fields.fields().flat_map(of).collect());
        known.push((*grid, values.clone()));
        Ok(values)
    }
}

impl Asked {
    /// Fields of given classes.
    pub fn classes(classes: Vec<Option<u32>>) -> Self {
        Self { classes, ..Self::default() }
    }

    /// The classes and attributes of some of the fields, in this order. Other fields belong to the box and
    /// do not go along.
    pub fn of(&self, fields: &[usize]) -> Self {
        let classes = match self.classes.is_empty() {
            true => Vec::new(),
            false => fields.iter().map(|i| self.classes[*i]).collect(),
        };
        let attributes = match self.attributes.is_empty() {
            true => Vec::new(),
            false => fields.iter().map(|i| self.attributes[*i].clone()).collect(),
        };
        Self { classes, attributes, fields: None }
    }

    /// What is asked of fields `range` of the batch, on a grid.
    ///
    /// # Errors
    /// Those of resampling.
    pub(crate) fn on(&self, grid: &Grid, range: &Range<usize>) -> Result<Given, FieldError> {
        let fields = match &self.fields {
            None => Vec::new(),
            Some(fields) => {
                let all = fields.on(grid)?;
                let each = all.len() / fields.count();
                all[range.start * each..range.end * each].to_vec()
            }
        };
        Ok(Given {
            classes: self.classes.get(range.clone()).unwrap_or_default().to_vec(),
            attributes: self.attributes.get(range.clone()).unwrap_or_default().concat(),
            fields,
        })
    }

    /// Refuses anything but one of each, or none, for `count` fields.
    ///
    /// # Errors
    /// [`FieldError::Denoiser`].
    pub(crate) fn check(&self, count: usize) -> Result<(), FieldError> {
        let given = [
            ("classes", self.classes.len()),
            ("lists of attributes", self.attributes.len()),
            ("other fields", self.fields.as_ref().map_or(0, OtherFields::count)),
        ];
        match given.into_iter().find(|(_, n)| *n != 0 && *n != count) {
            Some((what, n)) => Err(FieldError::Denoiser(format!("{n} {what} for {count} fields"))),
            None => Ok(()),
        }
    }
}
