//! Training a classifier of fields, keeping it in one file, and reading fields with it.
//!
//! Cross entropy, AdamW, the run's counter-based batches; a minute's work. The file is safetensors: the
//! weights, and in its metadata the grid, the scale of the data and how many fields of a test set it
//! read right. Not here: what is done with its readings (`field::metrics`).

use std::collections::HashMap;
use std::path::Path;

use burn::tensor::{Tensor, TensorData, activation::log_softmax};
use karhunen_field::metrics::Readings;
use karhunen_field::noise::stream;
use karhunen_field::{Axis, Ensemble, FieldError, Grid, ModeNoise, resample};
use karhunen_formats::write_whole;
use karhunen_net::classifier::{Classifier, FEATURES};
use karhunen_net::model::channels_last;
use karhunen_net::{Device, NetError, Parameters};
use rayon::prelude::*;
use safetensors::SafeTensors;
use serde::{Deserialize, Serialize};

use crate::TrainError;
use crate::batch::LevelData;
use crate::config::OptimizerKind;
use crate::data::labels;
use crate::data::statistics::Normalisation;
use crate::run::optimizer::{Begins, Optimizer, Update};
use crate::store::arrays::{deserialise, prefixed, serialise, single};

/// Steps unless told otherwise.
pub const STEPS: usize = 3000;
/// Fields a step.
const BATCH: usize = 64;
/// Highest learning rate; it rises over the first part of the run and falls as a cosine.
const RATE: f64 = 3e-3;
const WARMUP: f64 = 0.05;
const DECAY: f64 = 1e-2;
const CLIP: f64 = 1.0;
/// Length of the average of the weights that is kept.
const AVERAGE: f64 = 0.1;
/// Fields read together at most.
const READ_AT_ONCE: usize = 256;
/// What a file of a classifier says of itself.
const KIND: &str = "karhunen-classifier-1";

/// What a classifier's file holds beside its weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Description {
    kind: String,
    grid: Vec<Axis>,
    offset: Vec<f64>,
    scale: Vec<f64>,
    counts: Vec<u64>,
    accuracy: f64,
    tested: usize,
}

/// A classifier with the scale of the data it reads.
#[derive(Debug, Clone)]
pub struct TrainedClassifier {
    classifier: Classifier,
    normalisation: Normalisation,
    /// Fields of each class it was trained on.
    pub counts: Vec<u64>,
    /// Part of fields that it was not trained on, in number `tested`, whose class it reads right.
    pub accuracy: f64,
    /// Fields behind the accuracy.
    pub tested: usize,
}

impl TrainedClassifier {
    /// Trains on labelled fields in the data's own values; what it reads of `test` is its accuracy.
    /// `observe(step, steps, loss)` is told of every step and says whether to go on.
    ///
    /// # Errors
    /// [`TrainError::Data`] for fields without labels or of one class alone, or a class among the test
    /// fields that none of the others has; [`TrainError::Diverged`] for a loss that is not finite;
    /// [`FieldError::Stopped`] where `observe` says so; those of the network.
    pub fn train(
        data: &LevelData,
        test: &LevelData,
        steps: usize,
        seed: u64,
        observe: &mut dyn FnMut(usize, usize, f64) -> bool,
    ) -> Result<Self, TrainError> {
        let counts = labels::counts(&data.labels);
        let seen = counts.iter().filter(|count| **count > 0).count();
        let unknown = test.labels.iter().find(|l| counts.get(**l as usize).is_none_or(|n| *n == 0));
        let fail =
            |message: String| Err(TrainError::Data { source_name: "labels".into(), message });
        if seen < 2 {
            return fail(format!(
                "{seen} class(es) among them; a classifier tells two or more apart"
            ));
        }
        if let Some(class) = unknown {
            return fail(format!("class {class} is among the test fields alone"));
        }
        let points = data.grid.len();
        let centred = data.grid.holds_constants();
        let normalisation = Normalisation::measure(&data.values, data.channels, points, centred);
        let device = Device::flex().autodiff();
        let classifier = Classifier::new(data.grid, data.channels, counts.len(), seed, &device)?;
        let mut trained = Self { classifier, normalisation, counts, accuracy: 0.0, tested: 0 };
        let weights = trained.fit(data, steps, seed, observe)?;
        trained.classifier =
            Classifier::new(data.grid, data.channels, trained.counts.len(), seed, &Device::flex())?;
        trained.classifier.set_parameters(&weights)?;
        let values = test.values.iter().map(|v| f64::from(*v)).collect();
        let read = trained.read(&Ensemble::new(test.grid, test.channels, values)?)?;
        let right = read.classes.iter().zip(&test.labels).filter(|(r, l)| r == l).count();
        trained.tested = test.labels.len();
        trained.accuracy = right as f64 / trained.tested.max(1) as f64;
        Ok(trained)
    }

    /// The average of the weights after so many steps.
    fn fit(
        &mut self,
        data: &LevelData,
        steps: usize,
        seed: u64,
        observe: &mut dyn FnMut(usize, usize, f64) -> bool,
    ) -> Result<Parameters, TrainError> {
        let mut values = data.values.to_vec();
        self.normalisation.apply(&mut values, data.grid.len());
        let mut optimizer = Optimizer::new(self.classifier.parameters()?, 1);
        let noise = ModeNoise::new(seed);
        for step in 0..steps {
            // with replacement: an epoch more or less is nothing here
            let uniforms = noise.uniforms(BATCH, step as u64, stream::TRAINING);
            let chosen: Vec<usize> =
                uniforms.iter().map(|u| (u * data.count() as f64) as usize).collect();
            let fields: Vec<Vec<f32>> = chosen
                .par_iter()
                .map(|&i| {
                    let field = &values[i * data.field_len()..(i + 1) * data.field_len()];
                    let wide: Vec<f64> = field.iter().map(|v| f64::from(*v)).collect();
                    channels_last(&wide, data.channels)
                })
                .collect();
            let labels: Vec<u32> = chosen.iter().map(|&i| data.labels[i]).collect();
            let loss = self.loss(&fields.concat(), &labels)?;
            let read = loss.clone().without_autodiff().try_into_scalar::<f32>();
            let value = f64::from(read.map_err(|e| NetError::Compute(e.to_string()))?);
            let gradients = self.classifier.taken_gradients(loss.backward())?;
            let rate = RATE * schedule(step, steps);
            let update = Update {
                optimizer: OptimizerKind::AdamW,
                rate,
                decay: DECAY,
                clip: CLIP,
                lengths: &[AVERAGE],
                begins: Begins::default(),
            };
            // the weights change in place
            self.classifier.release_parameters();
            let norm = optimizer.step(gradients, &update);
            if !value.is_finite() || !norm.is_finite() {
                let what = "loss or gradient not finite".into();
                return Err(TrainError::Diverged { step, what, rate });
            }
            self.classifier.set_parameters(&optimizer.weights)?;
            if !observe(step + 1, steps, value) {
                return Err(FieldError::Stopped.into());
            }
        }
        Ok(optimizer.averages.swap_remove(0))
    }

    /// Mean cross entropy.
    fn loss(&self, fields: &[f32], labels: &[u32]) -> Result<Tensor<1>, TrainError> {
        let classes = self.counts.len();
        let (_, scores) = self.classifier.forward(fields)?;
        let mut ones = vec![0.0f32; labels.len() * classes];
        labels.iter().enumerate().for_each(|(i, l)| ones[i * classes + *l as usize] = 1.0);
        let ones = TensorData::new(ones, [labels.len(), classes]);
        let ones = Tensor::<2>::from_data(ones, &scores.device());
        Ok((log_softmax(scores, 1) * ones).sum() * (-1.0 / labels.len() as f64))
    }

    /// The grid that fields are brought to before they are read.
    pub fn grid(&self) -> &Grid {
        self.classifier.grid()
    }

    /// Classes it tells apart, from 0 to the largest label.
    pub fn classes(&self) -> usize {
        self.counts.len()
    }

    /// Features and classes of fields in the data's own values, on any grid of the box: they are brought
    /// to the classifier's own by their modes.
    ///
    /// # Errors
    /// [`TrainError::Field`] for fields of another box or another number of channels; those of the
    /// network.
    pub fn read(&self, fields: &Ensemble) -> Result<Readings, TrainError> {
        let grid = *self.grid();
        if fields.channels != self.classifier.channels() {
            return Err(TrainError::Data {
                source_name: "the classifier".into(),
                message: format!(
                    "it reads fields of {} channel(s), these have {}",
                    self.classifier.channels(),
                    fields.channels
                ),
            });
        }
        let fields = resample::spectral(fields, grid)?;
        let mut readings = Readings { dim: FEATURES, ..Readings::default() };
        for start in (0..fields.count()).step_by(READ_AT_ONCE) {
            let (features, classes) = self.read_part(&fields, start)?;
            readings.features.extend(features.iter().map(|v| f64::from(*v)));
            readings.classes.extend(classes);
        }
        Ok(readings)
    }

    fn read_part(
        &self,
        fields: &Ensemble,
        start: usize,
    ) -> Result<(Vec<f32>, Vec<u32>), TrainError> {
        let part = fields.slice(start..fields.count().min(start + READ_AT_ONCE));
        let points = part.grid.len();
        let inputs: Vec<Vec<f32>> = part
            .values
            .par_chunks_exact(part.field_len())
            .map(|field| {
                let mut values: Vec<f32> = field.iter().map(|v| *v as f32).collect();
                self.normalisation.apply(&mut values, points);
                let wide: Vec<f64> = values.iter().map(|v| f64::from(*v)).collect();
                channels_last(&wide, part.channels)
            })
            .collect();
        let (features, scores) = self.classifier.forward(&inputs.concat())?;
        let host = |t: Tensor<2>| -> Result<Vec<f32>, NetError> {
            t.try_into_vec_as().map_err(|e| NetError::Compute(e.to_string()))
        };
        let scores = host(scores)?;
        let best = |scores: &[f32]| {
            let of_seen = scores.iter().enumerate().filter(|(class, _)| self.counts[*class] > 0);
            of_seen.max_by(|a, b| a.1.total_cmp(b.1)).map_or(0, |(class, _)| class as u32)
        };
        Ok((host(features)?, scores.chunks_exact(self.classes()).map(best).collect()))
    }

    /// Writes the file.
    ///
    /// # Errors
    /// [`TrainError::Write`].
    pub fn save(&self, path: &Path) -> Result<(), TrainError> {
        let description = Description {
            kind: KIND.into(),
            grid: self.grid().axes().to_vec(),
            offset: self.normalisation.offset.clone(),
            scale: self.normalisation.scale.clone(),
            counts: self.counts.clone(),
            accuracy: self.accuracy,
            tested: self.tested,
        };
        let text = serde_json::to_string(&description).expect("a description is plain data");
        let metadata = HashMap::from([("classifier".to_string(), text)]);
        let weights = self.classifier.parameters()?;
        let bytes = serialise(&prefixed(&weights, ""), &metadata, path)?;
        write_whole(path, &bytes).map_err(|source| TrainError::Write { path: path.into(), source })
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`TrainError::Read`]; [`TrainError::NoClassifier`].
    pub fn load(path: &Path) -> Result<Self, TrainError> {
        let bytes =
            std::fs::read(path).map_err(|source| TrainError::Read { path: path.into(), source })?;
        let no = |what: &str| TrainError::NoClassifier {
            path: path.into(),
            message: format!("no classifier ({what}); `karhunen classifier` makes one"),
        };
        let (_, metadata) = SafeTensors::read_metadata(&bytes).map_err(|e| no(&e.to_string()))?;
        let text = metadata.metadata().as_ref().and_then(|m| m.get("classifier"));
        let text = text.ok_or_else(|| no("it does not say so"))?;
        let d: Description = serde_json::from_str(text).map_err(|e| no(&e.to_string()))?;
        let channels = d.offset.len();
        if d.kind != KIND || channels == 0 || d.scale.len() != channels {
            return Err(no("of another version"));
        }
        let grid = Grid::try_from(d.grid).map_err(|e| no(&e.to_string()))?;
        let mut classifier = Classifier::new(grid, channels, d.counts.len(), 0, &Device::flex())?;
        classifier.set_parameters(&single(deserialise(&bytes).map_err(|e| no(&e))?))?;
        Ok(Self {
            classifier,
            normalisation: Normalisation { offset: d.offset, scale: d.scale },
            counts: d.counts,
            accuracy: d.accuracy,
            tested: d.tested,
        })
    }
}

/// Factor on the learning rate.
fn schedule(step: usize, steps: usize) -> f64 {
    let at = (step as f64 + 0.5) / steps as f64;
    if at < WARMUP {
        return at / WARMUP;
    }
    let done = (at - WARMUP) / (1.0 - WARMUP);
    0.5 * (1.0 + (std::f64::consts::PI * done).cos())
}
