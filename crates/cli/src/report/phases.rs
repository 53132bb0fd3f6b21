//! What `karhunen sample` makes of a model of phases: labels, level sets, or a surface.

use std::ops::Range;
use std::path::{Path, PathBuf};

use karhunen::field::level_set::Ends;
use karhunen::formats::{MESH_ENDINGS, Precision, write_mesh};
use karhunen::output::{Stream, make_folder};
use karhunen::training::lock::Lock;
use karhunen::{Error, Grid, Model, SampleError, Samples, Sampling};
use tracing::info;

use crate::args::SampleArgs;
use crate::failure::Failure;
use crate::report::files;

/// What is written of the fields.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Output {
    /// Their values.
    Values,
    /// Labels of their phases.
    Labels,
    /// The surface of a phase, counted by rising label.
    Surface(usize),
}

/// Whether a file is to hold a surface.
pub fn is_surface(path: &Path) -> bool {
    let ending = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
    MESH_ENDINGS.contains(&ending.to_ascii_lowercase().as_str())
}

/// Refuses places where surfaces cannot be written, before any work is done; the name is this process's
/// while the lock is held.
///
/// # Errors
/// As [`files::claim`]; a name of another kind of numbering.
pub fn claim(args: &SampleArgs) -> Result<Lock, Failure> {
    check_name(args)?;
    files::claim_names(&args.out, &surfaces_of(args, 0..args.count), args.force)
}

/// Refuses a name of another kind of numbering.
pub fn check_name(args: &SampleArgs) -> Result<(), Failure> {
    if files::is_numbered(&args.out) {
        let message = format!("{}: surfaces are numbered by themselves", args.out.display());
        return Err(Failure::usage(message)
            .help("leave {index} out: pores.stl gives pores-0.stl, pores-1.stl and so on"));
    }
    Ok(())
}

/// The files of some of the surfaces, counted from 0.
pub fn surfaces_of(args: &SampleArgs, fields: Range<u64>) -> Vec<PathBuf> {
    fields.map(|i| numbered(&args.out, i, args.count)).collect()
}

impl Output {
    /// Bytes of a value in a file.
    pub fn bytes(self) -> f64 {
        if self == Self::Labels { 1.0 } else { 4.0 }
    }

    /// What was asked for, which the model must be able to give.
    ///
    /// # Errors
    /// Options that go with phases beside a model of plain values; an unknown phase; a fraction beyond
    /// those of the training fields; a surface in other than three dimensions.
    pub fn of(args: &SampleArgs, model: &Model, grid: &Grid) -> Result<Self, Failure> {
        let surface = is_surface(&args.out);
        if model.phases().is_empty() {
            let asked = [
                args.raw.then_some("raw"),
                args.volume_fraction.is_some().then_some("volume-fraction"),
                args.phase.is_some().then_some("phase"),
                args.open.then_some("open"),
            ];
            return match asked.into_iter().flatten().next() {
                Some(option) => {
                    let error = SampleError::NoPhases { option, model: model.name() };
                    Err(Error::from(error).into())
                }
                None if surface => {
                    Err(Error::from(SampleError::NoSurface { model: model.name() }).into())
                }
                None => Ok(Self::Values),
            };
        }
        let shifted = match &args.volume_fraction {
            Some(asked) => Some(model.fraction(&asked.into()).map_err(Error::from)?),
            None => None,
        };
        if args.summary && !surface && shifted.is_none() {
            // mean and deviation are those of the level sets
            return Ok(Self::Values);
        }
        if args.raw {
            return match (surface, shifted) {
                (true, _) => Err(Failure::usage("--raw: a surface holds no level sets")
                    .help("write to .npy, .vti or .tif, or leave --raw out")),
                (_, Some(_)) => Err(Failure::usage("--raw beside --volume-fraction")
                    .help("shift the level sets yourself, or leave --raw out")),
                _ => Ok(Self::Values),
            };
        }
        if !surface {
            return match (&args.phase, args.open) {
                (None, false) => Ok(Self::Labels),
                _ => Err(Failure::usage("--phase and --open say how a surface is written")
                    .help("write to .stl, .ply or .vtp")),
            };
        }
        if grid.dim() != 3 {
            return Err(Failure::usage(format!(
                "{}: a surface needs three dimensions, fields of {grid} have {}",
                args.out.display(),
                grid.dim()
            ))
            .help("write the labels to .npy, .tif or .png"));
        }
        let phase = model.phase(args.phase.as_deref(), "phase").map_err(Error::from)?;
        Ok(Self::Surface(phase))
    }

    /// Channels of what is written.
    pub fn channels(&self, model: &Model) -> usize {
        if *self == Self::Values { model.channels() } else { 1 }
    }

    /// Where fields go, as they come.
    ///
    /// # Errors
    /// A file that cannot be begun.
    pub fn sink<'a>(
        self,
        args: &'a SampleArgs,
        sampling: &Sampling<'_>,
        (channels, count): (usize, u64),
        indices: &Range<u64>,
    ) -> Result<Sink<'a>, Failure> {
        let precision = if self == Self::Labels { Precision::U8 } else { Precision::default() };
        let one = !matches!(self, Self::Surface(_)) && !files::is_numbered(&args.out);
        let stream = match one && !args.summary && Stream::takes(&args.out) {
            true => {
                let (grid, unit) = sampling.measured()?;
                let written = karhunen::output::Output {
                    overwrite: args.force,
                    unit: unit.as_deref(),
                    precision,
                };
                let count = usize::try_from(count).unwrap_or(usize::MAX);
                Some(Stream::create(&args.out, &grid, (channels, count), &written)?)
            }
            false => None,
        };
        Ok(Sink { output: self, args, indices: indices.clone(), precision, stream })
    }
}

/// Where sampled fields are written: a file of all that grows, a file a field, or a picture of all.
pub struct Sink<'a> {
    output: Output,
    args: &'a SampleArgs,
    indices: Range<u64>,
    precision: Precision,
    stream: Option<Stream>,
}

impl Sink<'_> {
    /// Writes fields as the model made them.
    ///
    /// # Errors
    /// Those of writing.
    pub fn take(&mut self, samples: Samples) -> Result<(), Failure> {
        if let Output::Surface(phase) = self.output {
            return surfaces(
                &samples,
                phase,
                self.args,
                samples.indices.start - self.indices.start,
            );
        }
        let (unit, part) = (samples.unit.clone(), samples.indices.clone());
        let fields = match (self.output, samples.labels()) {
            (Output::Labels, Some(labels)) => labels,
            _ => samples.into_measured(),
        };
        if let Some(stream) = &mut self.stream {
            return Ok(stream.push(&fields)?);
        }
        let (out, force, unit) = (&self.args.out, self.args.force, unit.as_deref());
        let mut names = files::names_of(out, &part, self.indices.end);
        // a summary has fewer fields than it was made of
        names.truncate(fields.count());
        files::write_all_as(&fields, unit, &names, force, self.precision)
    }

    /// Ends the file.
    ///
    /// # Errors
    /// Those of writing.
    pub fn finish(self) -> Result<(), Failure> {
        Ok(self.stream.map_or(Ok(()), Stream::finish)?)
    }
}

/// A file a field.
fn surfaces(samples: &Samples, phase: usize, args: &SampleArgs, first: u64) -> Result<(), Failure> {
    make_folder(&args.out)?;
    let ends = if args.open { Ends::Open } else { Ends::Capped };
    let power = |p: &str| samples.unit.as_ref().map_or(String::new(), |unit| format!(" {unit}{p}"));
    for i in 0..samples.fields.count() {
        let mesh = samples.surface(i, phase, ends)?;
        let path = numbered(&args.out, first + i as u64, args.count);
        write_mesh(&path, &mesh, args.force)?;
        info!(
            "{}: {} triangles, area {:.4}{}{}",
            path.display(),
            mesh.triangles.len(),
            mesh.area(),
            power("²"),
            match ends {
                Ends::Capped => format!(
                    ", volume {:.5}{}, Euler number {}",
                    mesh.volume(),
                    power("³"),
                    mesh.euler_number()
                ),
                Ends::Open => String::new(),
            }
        );
    }
    Ok(())
}

/// `pores.stl` for one field, else `pores-0.stl`, `pores-1.stl`, ….
fn numbered(path: &Path, index: u64, count: u64) -> PathBuf {
    if count == 1 {
        return path.into();
    }
    let digits = (count - 1).to_string().len();
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let ending = path.extension().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!("{stem}-{index:0digits$}.{ending}"))
}
