//! `karhunen inspect`: what a data set is, and what would be done with it.

use std::path::Path;

use karhunen::evaluation::Native;
use karhunen::evaluation::slope::spectrum_slope;
use karhunen::field::prior::r_per_shell;
use karhunen::formats::write_whole;
use karhunen::prior::configured;
use karhunen::training::config::{DataConfig, LevelConfig, PhasesConfig};
use karhunen::training::data::{self, Data};
use karhunen::training::level_sets;
use karhunen::training::origin::short;
use karhunen::training::plan::Plan;
use karhunen::{Error, Grid, RunConfig, Sources};
use serde_json::json;
use tracing::info;

use crate::args::InspectArgs;
use crate::failure::Failure;
use crate::report::{plan, print_line};

/// What is looked at if nothing is named; the arguments ask for a name.
const BUILTIN: &str = "builtin:spinodal";
/// Cells of the fields that are measured.
const CELLS_AT_MOST: usize = 1 << 27;

/// Reads, measures, prints.
pub fn run(args: &InspectArgs) -> Result<(), Failure> {
    let mut asked = RunConfig::load(None, &args.settings.list)?;
    asked.levels = levels_asked(&args.settings.list, asked.levels);
    let data = &mut asked.data;
    data.source = Sources::new(args.data.clone()).unwrap_or_else(|| BUILTIN.into());
    args.shape.put(data);
    args.boundary.put(data);
    if let Some(points) = &args.patch {
        data.patch = Some(plan::join(&points.0));
    }
    let Plan { config: mut planned, fields, points, notes } = Plan::of(asked)?;
    let native = Native::of_opened(&planned.data, fields)?;
    let zero_outside = planned.data.boundary.to_string().contains("dirichlet");
    let labels = match &native.fields {
        Some(fields) if planned.data.phases.is_none() && !zero_outside => {
            level_sets::proposed(fields)?
        }
        _ => None,
    };
    let grid = planned.data.grid(&points)?;
    let most = (CELLS_AT_MOST / grid.len() / native.channels).clamp(2, 2048);
    let config = DataConfig { count: Some(most), ..planned.data.clone() };
    let values = native.range()?.map(|(low, high)| json!([low, high]));
    let read = json!({
        "fields": native.count,
        "shape": native.points,
        "channels": native.channels,
        "dtype": native.dtype,
        "range": values,
    });
    let loaded = data::load_from(&config, native.fields.as_ref(), grid, 0);
    let data = loaded.and_then(|loaded| Data::of(&config, loaded)?.varying(&config));
    let data = match data {
        Ok(data) => data,
        Err(error) if error.is_about_data() => {
            // how a file is read is worth knowing, even if no model can be made of it
            if !args.json {
                print_line(&read_as(&read, &planned).join("\n"))?;
            }
            return Err(Failure::from(error).help(match planned.data.patch {
                Some(_) => "give a smaller patch, more fields or larger ones",
                None => {
                    "give more fields, larger ones, or fields that vary; builtin:spinodal shows some"
                }
            }));
        }
        Err(error) => return Err(error.into()),
    };
    if let Some(labels) = labels {
        planned.data.phases = Some(PhasesConfig::Labels(labels));
    }
    let slope = spectrum_slope(&data.statistics, &grid);
    let mut object = json!({
        "data": planned.data.source,
        "mean": data.statistics.normalisation.offset,
        "deviation": data.statistics.normalisation.scale,
        "spectrum_slope": slope,
        "looked_at": grid.to_string(),
        "spacing": native.spacing(),
        "unit": native.unit(),
        "notes": notes.iter().chain(&data.notes).collect::<Vec<_>>(),
        "plan": plan::as_json(&planned),
    });
    let facts = read.as_object().into_iter().flatten();
    facts.for_each(|(key, value)| object[key] = value.clone());
    if let Some(kind) = &args.prior {
        object["prior"] = strength(kind, args, &data, &grid)?;
    }
    if let Some(path) = &args.write {
        write(path, &planned)?;
    }
    if args.json {
        return print_line(&object.to_string());
    }
    print_line(&describe(&object, &planned))
}

/// Levels that settings ask for; otherwise the data tell them, built-in ones too.
fn levels_asked(settings: &[String], levels: Vec<LevelConfig>) -> Vec<LevelConfig> {
    let asked = settings.iter().any(|setting| setting.trim_start().starts_with("levels"));
    if asked { levels } else { vec![] }
}

/// Writes the plan as a configuration that `train` accepts, its data where they are from there.
fn write(path: &Path, planned: &RunConfig) -> Result<(), Failure> {
    if path.exists() {
        return Err(Failure::usage(format!("{}: exists already", path.display()))
            .help("choose another name for --write, or remove it"));
    }
    let mut config = planned.clone();
    config.data.source = config.data.source.seen_from(path);
    write_whole(path, config.to_toml().as_bytes())
        .map_err(|source| Error::Write { path: path.into(), source })?;
    info!("{}: karhunen train --config {} --out runs/x", path.display(), path.display());
    Ok(())
}

/// r per shell and what it means (science of the start law: §5).
fn strength(
    kind: &str,
    args: &InspectArgs,
    data: &Data,
    grid: &Grid,
) -> Result<serde_json::Value, Failure> {
    let config = configured(kind, args.parameters.table())?;
    let prior = config.build(grid.dim(), 0, Some(&data.statistics))?;
    let shells = r_per_shell(&data.statistics.average_variances(), &prior.eigenvalues(grid), grid)?;
    let finite = shells.iter().map(|s| s.1).filter(|r| r.is_finite());
    let (low, high) = finite.fold((f64::INFINITY, 0.0f64), |(l, h), r| (l.min(r), h.max(r)));
    let mut warnings = Vec::new();
    if high > 10.0 || shells.iter().any(|s| s.1.is_infinite()) {
        warnings.push(format!(
            "too weak: data have up to {high:.1} times its standard deviation; the noise does not cover them at the start (use `fitted`, or a larger scale)"
        ));
    }
    if low < 0.1 {
        warnings.push(format!(
            "much rougher than the data (r down to {low:.3}): stochastic samplers need many steps"
        ));
    }
    Ok(json!({
        "kind": kind,
        "trace": prior.trace(grid),
        "r": shells.iter().map(|(frequency, r)| json!([frequency, r])).collect::<Vec<_>>(),
        "warnings": warnings,
    }))
}

/// How a file is read: number, shape and type of its fields, and their range where it is known.
fn read_as(object: &serde_json::Value, plan: &RunConfig) -> Vec<String> {
    let mut lines = vec![format!(
        "{}: {}fields {} of {} channel(s), {}",
        plan.data.source,
        unless_null("", &object["fields"], " "),
        object["shape"],
        object["channels"],
        text(&object["dtype"])
    )];
    lines.extend((!object["range"].is_null()).then(|| format!("range {}", object["range"])));
    lines
}

fn describe(object: &serde_json::Value, plan: &RunConfig) -> String {
    let mut lines = read_as(object, plan);
    lines.push(format!(
        "of the training fields: mean {}  deviation {}",
        object["mean"], object["deviation"]
    ));
    if let Some(slope) = object["spectrum_slope"].as_f64() {
        let looked_at = text(&object["looked_at"]);
        lines.push(format!("spectrum falls as |ω|^{slope:.2} (modes of {looked_at})"));
    }
    if let Some(spacing) = object["spacing"].as_array() {
        let each: Vec<String> =
            spacing.iter().map(|h| short(h.as_f64().unwrap_or(f64::NAN))).collect();
        let unit = object["unit"].as_str().unwrap_or("(the file tells no unit)");
        lines.push(format!("spacing {} {unit}", each.join(" × ")));
    }
    for note in object["notes"].as_array().into_iter().flatten() {
        lines.push(format!("note: {}", text(note)));
    }
    if let Some(prior) = object.get("prior") {
        lines.push(format!(
            "prior {}: trace {:.4}; data / noise by |ω|:",
            text(&prior["kind"]),
            prior["trace"].as_f64().unwrap_or(f64::NAN)
        ));
        let shells = prior["r"].as_array().cloned().unwrap_or_default();
        for shell in shells.iter().step_by((shells.len() / 12).max(1)) {
            let number = |i: usize| shell[i].as_f64().unwrap_or(f64::INFINITY);
            lines.push(format!("  {:>9.1}  {:.3}", number(0), number(1)));
        }
        for warning in prior["warnings"].as_array().into_iter().flatten() {
            lines.push(format!("warning: {}", text(warning)));
        }
    }
    lines.push("would train with:".into());
    lines.extend(plan::summary(plan));
    lines.join("\n")
}

/// A value between two texts. Nothing for null: built-in data have no number of fields and no range of their own.
fn unless_null(before: &str, value: &serde_json::Value, after: &str) -> String {
    if value.is_null() { String::new() } else { format!("{before}{value}{after}") }
}

fn text(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_string)
}
