//! Generative models of functions: train one diffusion model across resolutions, sample at any.
//!
//! A field is a function on a box, and a grid says into how many cells the box is cut. Noise is a Gaussian
//! field with a trace-class covariance, the network is a neural operator, and one seed is one function on
//! every grid. This library is what every face of the program calls; this page is its tutorial.
//!
//! # 1. Data
//!
//! [`Data`] is a file, a folder of images, or a structure that is made on the spot. Here it is the last, so
//! that the tutorial needs no download.
//!
//! ```
//! use karhunen::Data;
//! let data = Data::open("builtin:spinodal")?;
//! assert_eq!(data.cells(), [128, 128]);
//! // what `train` would do with it: three levels, the finest half as fine as the data
//! let grids: Vec<String> = data.plan()?.config.levels.into_iter().map(|level| level.grid).collect();
//! assert_eq!(grids, ["16x16", "32x32", "64x64"]);
//! # Ok::<(), karhunen::Error>(())
//! ```
//!
//! Your own data read the same: `Data::open("slices/")?.patch(&[128, 128])`.
//!
//! # 2. Train
//!
//! [`train()`] writes a run directory and gives back its [`Model`]. An [`Observer`] hears every step; a flag
//! in [`TrainOptions`] stops the run, and the same call goes on from the checkpoint.
//!
//! ```
//! use karhunen::{Data, Event, Observer, TrainOptions, train};
//!
//! /// Remembers the last loss.
//! #[derive(Default)]
//! struct Losses(Vec<f64>);
//! impl Observer for Losses {
//!     fn step(&mut self, event: &Event, _total: usize) {
//!         self.0.push(event.loss);
//!     }
//! }
//!
//! let data = Data::open("builtin:spinodal")?.at_most(32);
//! // coarse grids first; a run of use takes minutes: `.minutes(5.0)` instead of `.steps(20)`
//! let options = TrainOptions::of(&data).levels(&[8, 16]).steps(20)
//!     .set("network.width=[8]")?.set("network.blocks=[2]")?;
//! let directory = std::env::temp_dir().join(format!("karhunen-tutorial-{}", std::process::id()));
//! let mut losses = Losses::default();
//! let model = train(&options, &directory, &mut losses)?;
//! assert_eq!((losses.0.len(), model.grid().points()), (20, vec![16, 16]));
//! # std::fs::remove_dir_all(&directory).unwrap();
//! # Ok::<(), karhunen::Error>(())
//! ```
//!
//! # 3. Sample at any resolution
//!
//! [`Model::sample`] makes the same functions on whatever grid it is asked for.
//!
//! ```
//! # use karhunen::{Data, Silent, TrainOptions, train};
//! # let data = Data::open("builtin:spinodal")?.at_most(24);
//! # let options = TrainOptions::of(&data).levels(&[8, 16]).steps(4)
//! #     .set("network.width=[8]")?.set("network.blocks=[2]")?;
//! # let directory = std::env::temp_dir().join(format!("karhunen-sample-{}", std::process::id()));
//! # let model = train(&options, &directory, &mut Silent)?;
//! use karhunen::{SampleOptions, resample};
//! let options = SampleOptions::new(3).seed(7).evaluations(8);
//! let coarse = model.sample(&options.clone().on(&[12, 12]), &())?;
//! let own = model.sample(&options, &())?;
//! let fine = model.sample(&options.clone().on(&[40, 24]), &())?;
//! assert_eq!([coarse.fields.count(), own.fields.count(), fine.fields.count()], [3, 3, 3]);
//! // beyond the trained band nothing but Gaussian detail is added: the trained modes are the same
//! let back = resample::spectral(&fine.fields, model.grid())?;
//! let differs = |a: &f64, b: &f64| (a - b).abs() < 0.05;
//! assert!(back.values.iter().zip(&own.fields.values).all(|(a, b)| differs(a, b)));
//! # std::fs::remove_dir_all(&directory).unwrap();
//! # Ok::<(), karhunen::Error>(())
//! ```
//!
//! # 4. Evaluate
//!
//! [`evaluate`] compares samples with real fields that were never trained on, and with what a Gaussian field
//! of the same spectrum scores. Distances are in floors: 1 is as far apart as two sets of real fields are by
//! chance.
//!
//! ```
//! # use karhunen::{Data, Silent, TrainOptions, train};
//! # let data = Data::open("builtin:spinodal")?.at_most(24);
//! # let options = TrainOptions::of(&data).levels(&[8, 16]).steps(4)
//! #     .set("network.width=[8]")?.set("network.blocks=[2]")?;
//! # let directory = std::env::temp_dir().join(format!("karhunen-evaluate-{}", std::process::id()));
//! # let model = train(&options, &directory, &mut Silent)?;
//! use karhunen::{EvaluateOptions, SampleOptions, evaluate, given};
//! let samples = model.sample(&SampleOptions::new(24).evaluations(8), &())?;
//! let real = data.held_out(Some(&[16, 16]), 64)?;
//! let found = evaluate(given(&samples, Some(&model)), &real.into(), &EvaluateOptions::default(), &())?;
//! let names: Vec<&str> = found.table.rows.iter().map(|row| row.name.as_str()).collect();
//! assert_eq!(names, ["samples", "Gaussian surrogate"]);
//! let worst = &found.table.rows[0].worst_first()[0];
//! println!("{}: {:.1} floors", worst.name, worst.floors.unwrap_or(f64::NAN));
//! println!("{}", found.to_text());
//! # std::fs::remove_dir_all(&directory).unwrap();
//! # Ok::<(), karhunen::Error>(())
//! ```
//!
//! # 5. Write
//!
//! [`Samples::write`] chooses the format by the ending: NPY, NPZ, VTI for ParaView, TIFF, HDF5 or a picture.
//! Files have the size of the data's box, where the data told it.
//!
//! ```
//! # use karhunen::{Data, Silent, TrainOptions, train};
//! # let data = Data::open("builtin:spinodal")?.at_most(24);
//! # let options = TrainOptions::of(&data).levels(&[8, 16]).steps(4)
//! #     .set("network.width=[8]")?.set("network.blocks=[2]")?;
//! # let directory = std::env::temp_dir().join(format!("karhunen-write-{}", std::process::id()));
//! # let model = train(&options, &directory, &mut Silent)?;
//! use karhunen::SampleOptions;
//! let samples = model.sample(&SampleOptions::new(2).on(&[32, 32]).evaluations(8), &())?;
//! samples.write(directory.join("samples.vti"), false)?;
//! samples.write(directory.join("samples.png"), false)?;
//! // a file that is there is not replaced unless that is asked for
//! assert!(samples.write(directory.join("samples.vti"), false).is_err());
//! # std::fs::remove_dir_all(&directory).unwrap();
//! # Ok::<(), karhunen::Error>(())
//! ```
//!
//! # Further
//!
//! - [`prior`]: Gaussian random functions without any model.
//! - [`observe`]: fields that agree with measurements ([`SampleOptions::observe`]), and
//!   [`posterior_quality`], whether their spread is right.
//! - [`likelihood()`]: how likely fields are under a model.
//! - [`Denoiser`] and [`sampler`]: samplers with a denoiser of one's own ([`ByFunction`], [`Trial`]).
//! - [`evaluation`]: every statistic, phases, copies of training fields, networks that tell fields apart.
//!
//! Nothing here prints or ends the process: what there is to tell goes to an [`Observer`] (training) or a
//! [`Progress`] (everything else), and what goes wrong is an [`Error`] with its cause as its source.

pub mod classifier;
pub mod data;
mod denoise;
pub mod device;
pub mod distil;
mod error;
pub mod give;
pub mod likelihood;
pub mod measure;
pub mod model;
pub mod observe;
pub mod output;
pub mod overview;
pub mod pictures;
pub mod posterior;
pub mod preview;
pub mod prior;
pub mod run;
pub mod sample;
pub mod shards;
pub mod status;

pub use data::Data;
pub use denoise::{ByFunction, Trial};
pub use distil::{DistilOptions, Distillation};
pub use error::Error;
pub use likelihood::{LikelihoodOptions, Likelihoods, likelihood};
pub use measure::{
    Candidate, CompareOptions, Reference, compare, compare_all, evaluate, given, ready,
};
pub use model::{Model, ModelOptions};
pub use observe::{ObserveError, Remedy};
pub use overview::{Overview, OverviewOptions, Seen};
pub use posterior::{PosteriorOptions, posterior_quality};
pub use run::{Run, TrainOptions, train};
pub use sample::{
    LargerBox, Rung, SampleError, SampleOptions, Samples, Sampling, Tally, VolumeFraction,
};
pub use shards::{Shard, ShardError};
pub use status::Status;

pub use karhunen_distributed as distributed;
pub use karhunen_distributed::Group;
pub use karhunen_evaluate as evaluation;
pub use karhunen_evaluate::{
    Compared, EvaluateError, EvaluateOptions, Evaluation, Given, Memorisation, Part, Progress,
    ReferenceOptions, Task,
};
pub use karhunen_field as field;
pub use karhunen_field::{
    Axis, Boundaries, Boundary, Denoiser, Ensemble, FieldError, Grid, Prior, resample, sampler,
};
pub use karhunen_formats as formats;
pub use karhunen_formats::FormatError;
pub use karhunen_net::{Band, DeviceChoice, NetError};
pub use karhunen_train as training;
pub use karhunen_train::config::CalibrationKind;
pub use karhunen_train::events::{Event, Observer, Silent};
pub use karhunen_train::{Outcome, RunConfig, Sources, TrainError};
