//! Classifiers of fields: small networks that recognise the class of a field. Evaluations use them.

use karhunen_evaluate::{Native, Progress, Task};
use karhunen_field::{FieldError, Grid};
use karhunen_train::batch::LevelData;
use karhunen_train::classifier::{STEPS, TrainedClassifier};
use karhunen_train::config::{DataConfig, check_labels};
use karhunen_train::{TrainError, builtin, data};

use crate::Error;

/// Cells per axis for built-in data, which have no grid of their own.
const BUILTIN: usize = 32;

/// The options for training a classifier.
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
    /// Fields to test it on. By default a tenth of the data is left out of training and used.
    pub test: Option<DataConfig>,
    /// Cells per axis of the grid on which it reads fields; fields on other grids are resampled. By
    /// default the grid of the data, and 32×32 for built-in data.
    pub grid: Option<Vec<usize>>,
    /// Training steps of 64 fields each.
    pub steps: usize,
    /// Seed of the initial weights and the batches.
    pub seed: u64,
}

/// The reason why a classifier cannot be trained.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClassifierError {
    /// The number of steps is 0.
    #[error("steps 0: at least 1")]
    NoSteps,
    /// The built-in data have no classes.
    #[error("{0}: its fields are of no classes")]
    NoClasses(String),
    /// The data have no labels.
    #[error("{0}: labels are needed beside it")]
    NoLabels(String),
    /// The fields are lines or volumes.
    #[error("{source_name}: its fields have {axes} axes")]
    Dimension {
        /// The data.
        source_name: String,
        /// Number of axes of a field.
        axes: usize,
    },
}

impl ClassifierOptions {
    /// A classifier of these data with default options.
    pub fn of(data: &crate::Data) -> Self {
        Self { data: data.config().clone(), test: None, grid: None, steps: STEPS, seed: 0 }
    }

    /// Checks the options before anything is read.
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

/// Trains a classifier and tests it on fields that are not in the training set.
///
/// # Errors
/// [`Error::Classifier`]; errors while reading; [`FieldError::Stopped`] if `progress` stops the
/// training.
pub fn train_classifier(
    options: &ClassifierOptions,
    progress: &dyn Progress,
) -> Result<TrainedClassifier, Error> {
    options.check()?;
    let ClassifierOptions { data: config, test, grid, steps, seed } = options;
    check_labels(config, "labels")?;
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
        Some(test) => (all(loaded.training, loaded.validation)?, read(test, grid, *seed)?),
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
        // the error names the source as the user wrote it
        Err(TrainError::Data { message, .. }) => {
            Err(TrainError::Data { source_name, message }.into())
        }
        Err(TrainError::Field(FieldError::Stopped)) => Err(FieldError::Stopped.into()),
        Err(other) => Err(other.into()),
    }
}

/// All fields of a test set.
fn read(config: &DataConfig, grid: Grid, seed: u64) -> Result<LevelData, Error> {
    check_labels(config, "test labels")?;
    let loaded = data::load(config, grid, seed)?.in_own_values();
    all(loaded.training, loaded.validation)
}

fn all(mut fields: LevelData, rest: LevelData) -> Result<LevelData, Error> {
    // a classifier reads filled fields, because its loss has one term for each field
    fields.weights.clear();
    fields.values.append(&rest.values)?;
    fields.labels.extend(rest.labels);
    Ok(fields)
}
