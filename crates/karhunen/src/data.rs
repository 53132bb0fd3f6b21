//! Data to train on and to compare with: a file, a folder, or structures made on the spot.

use karhunen_evaluate::{Native, Part, ReferenceOptions, real};
use karhunen_field::{Boundaries, Boundary, Ensemble};
use karhunen_train::config::{DataConfig, LevelConfig, PhasesConfig};
use karhunen_train::missing::MissingValues;
use karhunen_train::plan::{Plan, join};
use karhunen_train::{RunConfig, Sources};

use crate::Error;

/// Functions that come from somewhere, and how they are read.
///
/// # Example
/// ```
/// use karhunen::Data;
/// let data = Data::open("builtin:spinodal")?;
/// assert_eq!((data.cells(), data.channels()), (&[128, 128][..], 1));
/// // twelve fields that no model of these data is trained on
/// let real = data.held_out(Some(&[32, 32]), 12)?;
/// assert_eq!((real.count(), real.grid.points()), (12, vec![32, 32]));
/// # Ok::<(), karhunen::Error>(())
/// ```
#[derive(Debug)]
pub struct Data {
    config: DataConfig,
    native: Native,
}

impl Data {
    /// Opens a file, a folder, or `builtin:spinodal`, `builtin:grains`, `builtin:fitzhugh-nagumo`,
    /// `builtin:shapes`, `builtin:poisson`, `builtin:helmholtz`, `builtin:darcy`, `builtin:navier-stokes`. Several files become channels of one data set.
    ///
    /// # Errors
    /// Those of the format; an unknown built-in name.
    pub fn open(source: impl Into<Sources>) -> Result<Self, Error> {
        Self::configured(DataConfig { source: source.into(), ..DataConfig::default() })
    }

    /// Opens what a configuration names, as it says.
    ///
    /// # Errors
    /// As [`Data::open`].
    pub fn configured(config: DataConfig) -> Result<Self, Error> {
        let native = Native::of(&config)?;
        Ok(Self { config, native })
    }

    /// Cuts random patches of so many cells an axis.
    pub fn patch(mut self, cells: &[usize]) -> Self {
        self.config.patch = Some(join(cells));
        self
    }

    /// Declares the box's boundary condition; Neumann otherwise.
    pub fn boundary(mut self, boundary: impl Into<Boundaries>) -> Self {
        self.config.boundary = boundary.into();
        self
    }

    /// Declares the box periodic.
    pub fn periodic(self) -> Self {
        self.boundary(Boundary::Periodic)
    }

    /// Takes, or makes, at most so many fields.
    pub fn at_most(mut self, fields: usize) -> Self {
        self.config.count = Some(fields);
        self
    }

    /// Says what becomes of missing values, which are refused otherwise.
    pub fn missing(mut self, missing: MissingValues) -> Self {
        self.config.missing = Some(missing);
        self
    }

    /// Takes labels of phases as what they are: a model learns the interfaces, and samples labels.
    pub fn phases(mut self, phases: PhasesConfig) -> Self {
        self.config.phases = Some(phases);
        self
    }

    /// Names a file of class labels, one a field.
    pub fn labels(mut self, file: impl Into<String>) -> Self {
        self.config.labels = Some(file.into());
        self
    }

    /// How it is read, every key filled in.
    pub fn config(&self) -> &DataConfig {
        &self.config
    }

    /// Fields in the source; none of built-in data.
    pub fn count(&self) -> Option<usize> {
        self.native.count
    }

    /// Cells of a field, an axis each, before any patch is cut.
    pub fn cells(&self) -> &[usize] {
        &self.native.points
    }

    /// Channels of a field.
    pub fn channels(&self) -> usize {
        self.native.channels
    }

    /// What the source holds, before any preparation.
    pub fn native(&self) -> &Native {
        &self.native
    }

    /// Patch, levels and box that suit the data.
    ///
    /// # Errors
    /// Fields that no level can have; those of reading.
    pub fn plan(&self) -> Result<Plan, Error> {
        Ok(Plan::of(self.run())?)
    }

    /// A run on these data with every other key at its default; the data tell the levels.
    pub(crate) fn run(&self) -> RunConfig {
        let levels: Vec<LevelConfig> = Vec::new();
        RunConfig { data: self.config.clone(), levels, ..RunConfig::default() }
    }

    /// At most `count` fields that a run of these data with seed 0 holds out, in their own values: on a grid
    /// of so many cells, or on their own.
    ///
    /// # Errors
    /// Those of reading, splitting and resampling.
    pub fn held_out(&self, cells: Option<&[usize]>, count: usize) -> Result<Ensemble, Error> {
        self.part(Part::HeldOut, cells, count, 0)
    }

    /// The same of either part, split as a run of this seed splits them.
    ///
    /// # Errors
    /// As [`Data::held_out`].
    pub fn part(
        &self,
        part: Part,
        cells: Option<&[usize]>,
        count: usize,
        seed: u64,
    ) -> Result<Ensemble, Error> {
        let plan = self.plan()?;
        let data = &plan.config.data;
        let grid = data.grid(cells.unwrap_or(&plan.points))?;
        let opened = plan.fields.as_ref();
        let real = real::of_model(data, opened, None, grid, count, seed, part)?;
        Ok(real.reference)
    }

    /// These data as the real fields of an evaluation.
    pub fn reference(&self) -> ReferenceOptions {
        let of = &self.config;
        ReferenceOptions {
            patch: of
                .patch
                .as_deref()
                .and_then(|text| karhunen_train::config::parse_points(text).ok()),
            dim: of.dim,
            channels: of.channels,
            missing: of.missing,
            channels_last: of.channels_last,
            boundary: Some(of.boundary.clone()),
            ..ReferenceOptions::of(of.source.clone())
        }
    }
}
