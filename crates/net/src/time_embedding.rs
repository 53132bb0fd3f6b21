//! The conditioning vector: path time, and the requested class and attributes.
//!
//! Sinusoids of the log-SNR pass through a small perceptron. Every class adds a row of a table to
//! its hidden layer. Every given attribute adds two rows: one times its value, and one unscaled.
//!
//! The difficulty of denoising depends on the log-SNR, not on t, so one embedding suits every path.
//! "No class" adds nothing. It is what an unlabelled model computes, and the unconditional answer
//! of a labelled one (classifier-free guidance, Ho & Salimans 2022).

use burn::module::{Module, Param};
use burn::nn::{Initializer, Linear, LinearConfig};
use burn::tensor::{Device, Tensor, TensorData, activation::silu};

use crate::{Given, NetError, Parameters};

/// Frequencies of the sinusoids (each gives a sine and a cosine).
const FREQUENCIES: usize = 16;
/// Hidden width of the perceptron.
pub(crate) const HIDDEN: usize = 64;

/// Maps ln(a/b) and a class to scales and shifts (FiLM).
#[derive(Module, Debug)]
pub struct TimeEmbedding {
    /// Sinusoids → hidden.
    pub hidden: Linear,
    /// Hidden → the scales and shifts of every layer.
    pub film: Linear,
    /// `[class, hidden]`, if there are classes. Otherwise there is no such parameter, so that the
    /// names, initial values and files of the others are as without classes.
    pub classes: Option<Param<Tensor<2>>>,
    /// `[2 × attribute, hidden]`, if there are attributes: a row for the value, and one for its
    /// presence.
    pub attributes: Option<Param<Tensor<2>>>,
}

impl TimeEmbedding {
    /// Zero weights for `features` scales and shifts, without classes.
    pub fn zeros(features: usize, device: &Device) -> Self {
        let linear =
            |i, o| LinearConfig::new(i, o).with_initializer(Initializer::Zeros).init(device);
        let (hidden, film) = (linear(2 * FREQUENCIES, HIDDEN), linear(HIDDEN, features));
        Self { hidden, film, classes: None, attributes: None }
    }

    /// The same with a seeded row for each of `count` classes.
    ///
    /// # Errors
    /// Any error of reading and writing a module's parameters.
    pub fn with_classes(
        mut self,
        count: usize,
        seed: u64,
        device: &Device,
    ) -> Result<Self, NetError> {
        self.classes = Some(Initializer::Zeros.init([count, HIDDEN], device));
        self.started("classes", "time.classes", seed, device)
    }

    /// The same with two seeded rows for each of `count` attributes.
    ///
    /// # Errors
    /// Any error of reading and writing a module's parameters.
    pub fn with_attributes(
        mut self,
        count: usize,
        seed: u64,
        device: &Device,
    ) -> Result<Self, NetError> {
        self.attributes = Some(Initializer::Zeros.init([2 * count, HIDDEN], device));
        self.started("attributes", "time.attributes", seed, device)
    }

    /// The same with seeded initial values of one parameter, drawn under another name.
    fn started(self, own: &str, name: &str, seed: u64, device: &Device) -> Result<Self, NetError> {
        let mut start = Parameters::of(&self)?;
        for array in start.arrays.iter_mut().filter(|array| array.name == own) {
            let mut table = Parameters { arrays: vec![array.clone()] };
            table.arrays[0].name = name.into();
            table.initialise(seed);
            array.values = table.arrays.remove(0).values;
        }
        start.assign(self, device)
    }

    /// Number of classes in the table.
    pub fn class_count(&self) -> usize {
        self.classes.as_ref().map_or(0, |table| table.dims()[0])
    }

    /// Number of attributes in the table.
    pub fn attribute_count(&self) -> usize {
        self.attributes.as_ref().map_or(0, |table| table.dims()[0] / 2)
    }

    /// `[batch]` half log-SNRs, classes and attributes → `[batch, 1, features]`. An empty list of
    /// classes means that no field has a class, and likewise for attributes.
    ///
    /// # Errors
    /// [`NetError::Input`] for a class that is not in the table, or not one entry for each field.
    pub fn forward(
        &self,
        half_log_snr: &[f64],
        given: &Given,
        device: &Device,
    ) -> Result<Tensor<3>, NetError> {
        let classes = &given.classes[..];
        let batch = half_log_snr.len();
        let mut features = Vec::with_capacity(batch * 2 * FREQUENCIES);
        for l in half_log_snr {
            for i in 0..FREQUENCIES {
                // geometric, from one turn over ±20 to about one turn over a tenth
                let omega = 0.16 * 1.4f64.powi(i as i32);
                features.extend([(omega * l).sin() as f32, (omega * l).cos() as f32]);
            }
        }
        let x = Tensor::<2>::from_data(TensorData::new(features, [batch, 2 * FREQUENCIES]), device);
        let mut hidden = self.hidden.forward(x);
        self.check(classes, batch)?;
        if let Some(table) = self.classes.as_ref().filter(|_| !classes.is_empty()) {
            hidden = hidden + self.chosen(classes, device).matmul(table.val());
        }
        let known = self.attribute_count();
        if given.attributes.len() != batch * known && !given.attributes.is_empty() {
            return Err(NetError::Input {
                expected: format!("{known} attribute(s) for each of {batch} fields, or none"),
                found: format!("{} numbers", given.attributes.len()),
            });
        }
        if let Some(table) = self.attributes.as_ref().filter(|_| !given.attributes.is_empty()) {
            let told = given.attributes.iter().flat_map(|v| match v.is_nan() {
                true => [0.0, 0.0],
                false => [*v, 1.0],
            });
            let told = TensorData::new(told.collect::<Vec<f32>>(), [batch, 2 * known]);
            hidden = hidden + Tensor::<2>::from_data(told, device).matmul(table.val());
        }
        Ok(self.film.forward(silu(hidden)).unsqueeze_dim(1))
    }

    /// `[batch, class]`: 1 at the class of a field; a row of zeros for no class.
    fn chosen(&self, classes: &[Option<u32>], device: &Device) -> Tensor<2> {
        let count = self.class_count();
        let mut ones = vec![0.0f32; classes.len() * count];
        for (row, class) in ones.chunks_exact_mut(count).zip(classes) {
            if let Some(class) = class {
                row[*class as usize] = 1.0;
            }
        }
        Tensor::from_data(TensorData::new(ones, [classes.len(), count]), device)
    }

    fn check(&self, classes: &[Option<u32>], batch: usize) -> Result<(), NetError> {
        let known = self.class_count();
        let outside = classes.iter().flatten().find(|class| **class as usize >= known);
        let found = match outside {
            Some(class) => format!("class {class}"),
            None if classes.is_empty() || classes.len() == batch => return Ok(()),
            None => format!("{} classes", classes.len()),
        };
        Err(NetError::Input {
            expected: format!("one of {known} classes, or none, for each of {batch} fields"),
            found,
        })
    }
}
