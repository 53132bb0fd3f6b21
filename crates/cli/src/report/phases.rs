//! What `karhunen sample` makes of a model of phases: labels, level sets, or a surface.

use std::ops::Range;
use std::path::{Path, PathBuf};

use karhunen::field::level_set::Ends;
use karhunen::formats::{MESH_ENDINGS, Precision, write_mesh};
use karhunen::output::make_folder;
use karhunen::training::lock::Lock;
use karhunen::{Error, Grid, Model, SampleError, Samples};
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
                surface.then_some("a surface"),
            ];
            return match asked.into_iter().flatten().next() {
                Some(option) => {
                    let error = SampleError::NoPhases { option, model: model.name() };
                    Err(Error::from(error).into())
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

    /// Writes fields as the model made them, all that were asked for or a shard of them.
    ///
    /// # Errors
    /// Those of writing.
    pub fn write(self, samples: Samples, args: &SampleArgs) -> Result<(), Failure> {
        let unit = samples.unit.clone();
        let end = args.index.saturating_add(args.count);
        let names = files::names_of(&args.out, &samples.indices, end);
        let write = |fields: &_, precision| {
            files::write_all_as(fields, unit.as_deref(), &names, args.force, precision)
        };
        match (self, samples.labels()) {
            (Self::Surface(phase), _) => surfaces(&samples, phase, args),
            (Self::Labels, Some(labels)) => write(&labels, Precision::U8),
            _ => write(&samples.into_measured(), Precision::default()),
        }
    }
}

/// A file a field.
fn surfaces(samples: &Samples, phase: usize, args: &SampleArgs) -> Result<(), Failure> {
    make_folder(&args.out)?;
    let ends = if args.open { Ends::Open } else { Ends::Capped };
    let power = |p: &str| samples.unit.as_ref().map_or(String::new(), |unit| format!(" {unit}{p}"));
    for i in 0..samples.fields.count() {
        let mesh = samples.surface(i, phase, ends)?;
        let path = numbered(&args.out, samples.indices.start - args.index + i as u64, args.count);
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
