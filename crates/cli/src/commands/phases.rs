//! What `karhunen sample` makes of a model of phases: labels, level sets, or a surface.

use std::ops::Range;
use std::path::{Path, PathBuf};

use karhunen_field::level_set::{self, Ends, Mesh};
use karhunen_field::{Ensemble, Grid};
use karhunen_formats::{MESH_ENDINGS, Precision, write_mesh};
use karhunen_train::TrainedModel;
use karhunen_train::lock::Lock;
use karhunen_train::phases::Phases;
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
    Labels(Shifted),
    /// The surface of a phase, counted by rising label.
    Surface(Shifted, usize),
}

/// The phase and the volume fraction that it shall have.
type Shifted = Option<(usize, f64)>;

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
    if files::is_numbered(&args.out) {
        let message = format!("{}: surfaces are numbered by themselves", args.out.display());
        return Err(Failure::usage(message)
            .help("leave {index} out: pores.stl gives pores-0.stl, pores-1.stl and so on"));
    }
    let each: Vec<PathBuf> = (0..args.count).map(|i| numbered(&args.out, i, args.count)).collect();
    files::claim_names(&args.out, &each, args.force)
}

impl Output {
    /// What was asked for, which the model must be able to give.
    ///
    /// # Errors
    /// Options that go with phases beside a model of plain values; an unknown phase; a fraction beyond
    /// those of the training fields; a surface in other than three dimensions.
    pub fn of(args: &SampleArgs, model: &TrainedModel, grid: &Grid) -> Result<Self, Failure> {
        let surface = is_surface(&args.out);
        let Some(phases) = model.phases() else {
            let asked = [
                args.raw.then_some("--raw"),
                args.volume_fraction.is_some().then_some("--volume-fraction"),
                args.phase.is_some().then_some("--phase"),
                args.open.then_some("--open"),
                surface.then_some("a surface"),
            ];
            return match asked.into_iter().flatten().next() {
                Some(option) => Err(Failure::usage(format!(
                    "{option}: {} was trained on values, not on phases",
                    args.model.display()
                ))
                .help("train on labels with data.phases, or leave it out")),
                None => Ok(Self::Values),
            };
        };
        let shifted = match &args.volume_fraction {
            Some(asked) => {
                let phase = phase_of(asked.phase.as_deref(), "--volume-fraction", model, phases)?;
                within(phase, asked.value, model, phases)?;
                Some((phase, asked.value))
            }
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
                (None, false) => Ok(Self::Labels(shifted)),
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
        let phase = phase_of(args.phase.as_deref(), "--phase", model, phases)?;
        Ok(Self::Surface(shifted, phase))
    }

    /// Channels of what is written.
    pub fn channels(&self, model: &TrainedModel) -> usize {
        if *self == Self::Values { model.statistics.mean.channels } else { 1 }
    }

    /// Writes fields as the model made them, numbered by `indices`; lengths of their box are in `unit`.
    ///
    /// # Errors
    /// Those of writing.
    pub fn write(
        self,
        model: &TrainedModel,
        mut fields: Ensemble,
        unit: Option<&str>,
        indices: &Range<u64>,
        args: &SampleArgs,
    ) -> Result<(), Failure> {
        let write = |fields: &Ensemble, precision| {
            files::write_all_as(fields, unit, &args.out, indices, args.force, precision)
        };
        let (Self::Labels(shifted) | Self::Surface(shifted, _)) = self else {
            return write(&fields, Precision::default());
        };
        let Some(phases) = model.phases() else { return Ok(()) };
        if let Some((phase, fraction)) = shifted {
            shift(model, phases, &mut fields, phase, fraction)?;
        }
        let Self::Surface(_, phase) = self else {
            return write(&phases.labelled(&fields), Precision::U8);
        };
        files::make_folder(&args.out)?;
        let ends = if args.open { Ends::Open } else { Ends::Capped };
        let (channels, points) = (fields.channels, fields.grid.len());
        let power = |p: &str| unit.map_or(String::new(), |unit| format!(" {unit}{p}"));
        for (i, field) in fields.fields().enumerate() {
            let inside = level_set::margin_over_others(field, channels, points, phase);
            let mesh = Mesh::of(&fields.grid, &inside, ends)?;
            let path = numbered(&args.out, i as u64, args.count);
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

/// The phase of a name or label; the first without.
fn phase_of(
    asked: Option<&str>,
    option: &str,
    model: &TrainedModel,
    phases: &Phases,
) -> Result<usize, Failure> {
    let Some(asked) = asked else { return Ok(0) };
    let is_it = |label: &u8| model.phase_name(*label) == asked || label.to_string() == asked;
    phases.labels.iter().position(is_it).ok_or_else(|| {
        let known: Vec<String> = phases.labels.iter().map(|l| model.phase_name(*l)).collect();
        Failure::usage(format!("{option}: the model has no phase `{asked}`"))
            .help(format!("its phases are {}", known.join(", ")))
    })
}

/// A fraction that the training fields have.
fn within(
    phase: usize,
    fraction: f64,
    model: &TrainedModel,
    phases: &Phases,
) -> Result<(), Failure> {
    let [least, _, most] = phases.fractions[phase];
    if (least..=most).contains(&fraction) {
        return Ok(());
    }
    let message = format!(
        "--volume-fraction {fraction}: training fields have {least:.4} to {most:.4} of phase {}",
        model.phase_name(phases.labels[phase])
    );
    Err(Failure::usage(message).help("ask for a fraction that the data show"))
}

/// Shifts the thresholds and says by how much.
fn shift(
    model: &TrainedModel,
    phases: &Phases,
    fields: &mut Ensemble,
    phase: usize,
    fraction: f64,
) -> Result<(), Failure> {
    let before = phases.of(fields);
    let own = before.iter().filter(|p| usize::from(**p) == phase).count();
    let had = own as f64 / before.len() as f64;
    let shifts = phases.shift(fields, phase, fraction)?;
    let values = shifts.iter().map(|s| s.value);
    let mean = values.clone().sum::<f64>() / shifts.len() as f64;
    let (least, most) =
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, m), v| (l.min(v), m.max(v)));
    info!(
        "phase {} has {:.4} of every field ({had:.4} on average before): φ raised by {mean:+.3}, {least:+.3} to {most:+.3}",
        model.phase_name(phases.labels[phase]),
        shifts.first().map_or(fraction, |s| s.fraction),
    );
    Ok(())
}
