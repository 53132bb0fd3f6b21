//! Classifiers of fields: small networks that read which class a field is of, for evaluations.

use karhunen_evaluate::{Native, Progress, Task};
use karhunen_field::{FieldError, Grid};
use karhunen_train::batch::LevelData;
use karhunen_train::classifier::{STEPS, TrainedClassifier};
use karhunen_train::config::DataConfig;
use karhunen_train::{TrainError, builtin, data, labels};

use crate::Error;

/// Cells per axis for built-in data, which have none of their own.
const BUILTIN: usize = 32;

/// What a classifier is trained on.
///
/// # Example
/// ```
/// use karhunen::classifier::{ClassifierOptions, train_classifier};
/// let data = karhunen::Data::open("builtin:shapes")?.at_most(40);
/// let options = ClassifierOptions { grid: Some(vec![8, 8]), steps: 2, ..ClassifierOptions::of(&data) };
/// let classifier = train_classifier(&options, &())?;
/// assert_eq!(classifier.classes(), 3);
/// # Ok::<(), karhunen::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ClassifierOptions {
    /// Labelled fields of two axes.
    pub data: DataConfig,
    /// Other fields to test it on; a tenth of the data, left out of training, otherwise.
    pub test: Option<DataConfig>,
    /// Cells that it reads fields on, whatever grid they come on; their own by default, 32×32 of built-in data.
    pub grid: Option<Vec<usize>>,
    /// Steps of training, 64 fields each.
    pub steps: usize,
    /// Seed of weights and batches.
    pub seed: u64,
}

/// A classifier that cannot be trained.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClassifierError {
    /// No training.
    #[error("steps 0: at least 1")]
    NoSteps,
    /// Built-in data without classes.
    #[error("{0}: its fields are of no classes")]
    NoClasses(String),
    /// Data without labels.
    #[error("{0}: labels are needed beside it")]
    NoLabels(String),
    /// Lines or volumes.
    #[error("{source_name}: its fields have {axes} axes")]
    Dimension {
        /// The data.
        source_name: String,
        /// Axes of a field.
        axes: usize,
    },
}

impl ClassifierOptions {
    /// A classifier of these data with every option at its default.
    pub fn of(data: &crate::Data) -> Self {
        Self { data: data.config().clone(), test: None, grid: None, steps: STEPS, seed: 0 }
    }

    /// Refuses what cannot be, before anything is read.
    ///
    /// # Errors
    /// [`ClassifierError`].
    pub fn check(&self) -> Result<(), Error> {
        if self.steps == 0 {
            return Err(ClassifierError::NoSteps.into());
        }
        let source = &self.data.source;
        match source.builtin() {
            Some(name) if builtin::structure(name, None)?.class(self.seed, 0).is_none() => {
                Err(ClassifierError::NoClasses(source.to_string()).into())
            }
            None if self.data.labels.is_none() => {
                Err(ClassifierError::NoLabels(source.to_string()).into())
            }
            _ => Ok(()),
        }
    }
}

/// Trains a classifier and tests it on fields that it was not trained on.
///
/// # Errors
/// [`Error::Classifier`]; those of reading; [`FieldError::Stopped`] where nobody waits for it any more.
pub fn train_classifier(
    options: &ClassifierOptions,
    progress: &dyn Progress,
) -> Result<TrainedClassifier, Error> {
    options.check()?;
    let ClassifierOptions { data: config, test, grid, steps, seed } = options;
    labels::check(config, "labels")?;
    let native = Native::of(config)?;
    let points = match (grid, &native.fields) {
        (Some(points), _) => points.clone(),
        (None, Some(_)) => native.points.clone(),
        (None, None) => vec![BUILTIN; 2],
    };
    let grid = Grid::unit(&points, &config.boundary)?;
    let source_name = config.source.to_string();
    if grid.dim() != 2 {
        return Err(ClassifierError::Dimension { source_name, axes: grid.dim() }.into());
    }
    let loaded = data::load_from(config, native.fields.as_ref(), grid, *seed)?;
    let loaded = loaded.in_own_values();
    let (training, test) = match test {
        None => (loaded.training, loaded.validation),
        Some(test) => (all(loaded.training, loaded.validation), read(test, grid, *seed)?),
    };
    let mut observe = |step: usize, steps: usize, loss: f64| {
        let told = format!("cross entropy {loss:.4}");
        progress.at(Task::Classifier, step as u64, steps as u64, &told);
        !progress.stopped()
    };
    let trained = TrainedClassifier::train(&training, &test, *steps, *seed, &mut observe);
    progress.over(Task::Classifier);
    match trained {
        Ok(trained) => Ok(trained),
        // about the source that was named
        Err(TrainError::Data { message, .. }) => {
            Err(TrainError::Data { source_name, message }.into())
        }
        Err(TrainError::Field(FieldError::Stopped)) => Err(FieldError::Stopped.into()),
        Err(other) => Err(other.into()),
    }
}

/// All fields of a test set.
fn read(config: &DataConfig, grid: Grid, seed: u64) -> Result<LevelData, Error> {
    labels::check(config, "test labels")?;
    let loaded = data::load(config, grid, seed)?.in_own_values();
    Ok(all(loaded.training, loaded.validation))
}

fn all(mut fields: LevelData, rest: LevelData) -> LevelData {
    // a classifier reads filled fields: its loss is one number a field
    fields.weights.clear();
    fields.values.append(&rest.values);
    fields.labels.extend(rest.labels);
    fields
}
