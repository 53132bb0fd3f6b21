//! Conditions of the fields of a batch, in the form that a network takes.

use burn::tensor::{Device, Tensor, TensorData};

use crate::NetError;

/// Classes, attributes and other fields that condition the fields of a batch. By default there are
/// none.
///
/// # Example
/// ```
/// use karhunen_net::Given;
/// let given = Given { classes: vec![Some(3), None], ..Given::default() };
/// assert!(given.attributes.is_empty() && given.fields.is_empty());
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Given {
    /// Class of each field, or empty if none has a class.
    pub classes: Vec<Option<u32>>,
    /// Normalised attributes `[field, attribute]`, with NaN for an attribute that is not given.
    /// Empty if none is given.
    pub attributes: Vec<f32>,
    /// Normalised values `[field, point, channel]` of the other fields. Each point is followed by
    /// the mark 1, or, where the field is not given, by zeros and the mark 0. Empty if none is
    /// given.
    pub fields: Vec<f32>,
}

impl Given {
    /// Classes alone.
    pub fn classes(classes: &[Option<u32>]) -> Self {
        Self { classes: classes.to_vec(), ..Self::default() }
    }

    /// Whether there are no conditions.
    pub fn is_empty(&self) -> bool {
        self.classes.is_empty() && self.attributes.is_empty() && self.fields.is_empty()
    }

    /// Removes all conditions of field i of a batch of `count`.
    pub fn forget(&mut self, i: usize, count: usize) {
        if let Some(class) = self.classes.get_mut(i) {
            *class = None;
        }
        let own = |values: &mut Vec<f32>, nothing: f32| {
            let each = values.len() / count;
            values[i * each..(i + 1) * each].fill(nothing);
        };
        own(&mut self.attributes, f32::NAN);
        own(&mut self.fields, 0.0);
    }

    /// `[point, channel + 1]` of one given field `[channel, point]`.
    pub fn told(field: &[f32], points: usize) -> Vec<f32> {
        let channels = field.len() / points;
        let mut values = Vec::with_capacity(points * (channels + 1));
        for p in 0..points {
            values.extend((0..channels).map(|c| field[c * points + p]));
            values.push(1.0);
        }
        values
    }

    /// `[field, point, channel + 1]` of the other fields, for a network that takes `channels` of
    /// them. Fields that are not given are zeros. `None` if the network takes no other fields.
    ///
    /// # Errors
    /// [`NetError::Input`] for a wrong number of values.
    pub(crate) fn tensor(
        &self,
        channels: usize,
        (batch, points): (usize, usize),
        device: &Device,
    ) -> Result<Option<Tensor<3>>, NetError> {
        let expected = if channels == 0 { 0 } else { batch * points * (channels + 1) };
        let values = match self.fields.len() {
            0 => vec![0.0; expected],
            n if n == expected => self.fields.clone(),
            n => {
                return Err(NetError::Input {
                    expected: format!(
                        "{channels} condition channel(s) and a mark on {points} points of {batch} fields"
                    ),
                    found: format!("{n} values"),
                });
            }
        };
        let shape = [batch, points, channels + 1];
        Ok((channels > 0).then(|| Tensor::from_data(TensorData::new(values, shape), device)))
    }
}
