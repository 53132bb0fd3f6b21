//! Conditions of a sampling: the classes, attributes and other fields that are asked for.

use std::ops::Range;
use std::sync::Arc;

use karhunen_field::{Ensemble, FieldError, Grid, PerGrid, resample};

use crate::Given;

/// The condition of each field of a batch: a class, attributes, or another field on the same box.
/// By default nothing is asked for.
#[derive(Debug, Default)]
pub struct Asked {
    /// Class of each field, or an empty list if no classes are asked for.
    pub classes: Vec<Option<u32>>,
    /// Normalised attributes of each field, with NaN where nothing is asked for. Empty if none are
    /// asked for.
    pub attributes: Vec<Vec<f32>>,
    /// The other fields, one for each field of the batch.
    pub fields: Option<OtherFields>,
}

/// Given fields that can be evaluated on any grid of their box.
#[derive(Debug)]
pub struct OtherFields {
    /// The fields as supplied, normalised.
    fields: Ensemble,
    /// The fields with channels last and a mark, for each grid used so far.
    grids: PerGrid<Vec<f32>>,
}

impl OtherFields {
    /// From fields on any grid of the box.
    pub fn new(fields: Ensemble) -> Self {
        Self { fields, grids: PerGrid::default() }
    }

    /// Number of fields.
    pub fn count(&self) -> usize {
        self.fields.count()
    }

    /// `[field, point, channel + 1]` on a grid. A coarser grid gets the restriction to its modes; a
    /// finer grid gets no modes beyond those of the fields.
    fn on(&self, grid: &Grid) -> Result<Arc<Vec<f32>>, FieldError> {
        self.grids.try_get(grid, || {
            let fields = match self.fields.grid == *grid {
                true => self.fields.clone(),
                false => resample::spectral(&self.fields, *grid)?,
            };
            let of = |field: &[f64]| {
                let field: Vec<f32> = field.iter().map(|v| *v as f32).collect();
                Given::told(&field, grid.len())
            };
            Ok(fields.fields().flat_map(of).collect())
        })
    }
}

impl Asked {
    /// Fields of given classes.
    pub fn classes(classes: Vec<Option<u32>>) -> Self {
        Self { classes, ..Self::default() }
    }

    /// The classes and attributes of some of the fields, in this order. The other fields are
    /// dropped, because they belong to the box.
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

    /// The conditions of fields `range` of the batch, on a grid.
    ///
    /// # Errors
    /// Any error of resampling.
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

    /// Checks that each list has one entry for each of `count` fields, or none.
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
