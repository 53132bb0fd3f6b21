//! The model card of an exported model: its training, its limits, its measured quality, and its
//! use.
//!
//! Everything in the card is read from the model and from the given evaluations. The card states
//! what is unknown instead of leaving it out.

use std::path::Path;

use karhunen_field::metrics::Comparison;
use karhunen_net::Band;
use karhunen_train::config::CalibrationKind;
use karhunen_train::labels::described;
use karhunen_train::plan::join;
use karhunen_train::schedule::Schedule;
use karhunen_train::{Exported, RunConfig};
use serde::Serialize;
use serde_json::Value;

use crate::EvaluateError;

/// Largest number of lines shown of a table of settings; a tabulated prior may have thousands.
const SHOWN: usize = 40;

/// The rows of a comparison in a file written by `karhunen evaluate --json` or by `quickstart`.
pub struct Evaluated {
    /// Name of the file.
    name: String,
    rows: Vec<(String, Comparison)>,
}

impl Evaluated {
    /// Reads the rows of a file written by either command.
    ///
    /// # Errors
    /// A file that cannot be read, is no JSON, or holds no comparison.
    pub fn read(path: &Path) -> Result<Self, EvaluateError> {
        let text = std::fs::read(path)
            .map_err(|source| EvaluateError::Read { path: path.into(), source })?;
        let not = |what: String| EvaluateError::NoEvaluation { path: path.into(), what };
        let object: Value =
            serde_json::from_slice(&text).map_err(|e| not(format!("no JSON: {e}")))?;
        let rows = rows(&object);
        if rows.is_empty() {
            return Err(not("holds no comparison of samples with real fields".into()));
        }
        let name = path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
        Ok(Self { name, rows })
    }

    fn to_markdown(&self) -> String {
        let mut lines = vec![
            format!(
                "From `{}`; (×) is the ratio to the floor, the 95 % quantile of the same",
                self.name
            ),
            "statistic between two sets of real fields of the same sizes.".into(),
            String::new(),
            "| | grid | n | energy | sliced W | spectrum | histogram | two-point | variance |"
                .into(),
            "|---|---|---|---|---|---|---|---|---|".into(),
        ];
        for (name, c) in &self.rows {
            let cell = |value: f64, floor: f64| format!("{value:.4} ({:.1}×)", value / floor);
            lines.push(format!(
                "| {name} | {} | {} | {} | {} | {} | {} | {} | {:.3} |",
                c.grid,
                c.count,
                cell(c.energy_distance, c.energy_distance_floor),
                cell(c.sliced_wasserstein, c.sliced_wasserstein_floor),
                cell(c.spectrum_log_error, c.spectrum_log_error_floor),
                cell(c.histogram_distance, c.histogram_distance_floor),
                cell(c.two_point_error, c.two_point_error_floor),
                c.variance_ratio
            ));
        }
        lines.join("\n")
    }
}

/// The comparisons of an evaluation: those of the samples, then the baselines by name; or tables of
/// rows.
fn rows(object: &Value) -> Vec<(String, Comparison)> {
    let comparison = |value: &Value| serde_json::from_value::<Comparison>(value.clone()).ok();
    let mut rows: Vec<(String, Comparison)> =
        comparison(object).map(|c| ("samples".to_string(), c)).into_iter().collect();
    for (name, value) in object.as_object().into_iter().flatten() {
        rows.extend(comparison(value).map(|c| (name.replace('_', " "), c)));
    }
    let tables = object["tables"].as_array().into_iter().flatten();
    for row in tables.flat_map(|t| t["rows"].as_array().into_iter().flatten()) {
        let name = row["name"].as_str().unwrap_or_default().to_string();
        rows.extend(comparison(row).map(|c| (name, c)));
    }
    rows
}

/// The content of a card.
pub struct Card<'a> {
    /// Name of the model.
    pub name: &'a str,
    /// The model.
    pub model: &'a Exported,
    /// Its licence, if one is stated.
    pub licence: Option<&'a str>,
    /// The evaluations of the model.
    pub evaluations: &'a [Evaluated],
}

impl Card<'_> {
    /// Writes the card.
    ///
    /// # Errors
    /// A configuration whose levels make no grids.
    pub fn to_markdown(&self) -> Result<String, EvaluateError> {
        let sections = [
            format!("# {}", self.name),
            self.summary(),
            self.licence_section(),
            self.data(),
            self.resolution()?,
            self.noise(),
            self.network(),
            self.training(),
            self.metrics(),
            self.use_it(),
        ];
        Ok(format!("{}\n", sections.join("\n\n")))
    }

    fn config(&self) -> &RunConfig {
        &self.model.config
    }

    fn summary(&self) -> String {
        let grid = &self.model.statistics.grid;
        let channels = self.model.statistics.mean.channels;
        format!(
            "A generative model of functions on a {}-dimensional box (boundary {}), {channels} channel(s),\n\
             trained with karhunen {}. It samples on any grid of the box; one seed is one function on\n\
             every grid.",
            grid.dim(),
            grid.boundaries(),
            env!("CARGO_PKG_VERSION")
        )
    }

    fn licence_section(&self) -> String {
        format!("## Licence\n\n{}", self.licence.unwrap_or("Not stated."))
    }

    fn data(&self) -> String {
        let data = &self.config().data;
        let progress = &self.model.progress;
        let mut lines = vec!["## Data".into(), String::new()];
        lines.push(format!("- source: `{}`", data.source));
        if let Some(other) = &data.validation_source {
            lines.push(format!("- held-out fields from: `{other}`"));
        }
        lines.push(match progress.training_fields {
            0 => "- fields: not recorded by the version that trained it".into(),
            n => format!("- fields: {n} to train on, {} held out", progress.validation_fields),
        });
        let classes = &self.model.statistics.classes;
        if data.clusters.is_some() {
            lines.push(format!(
                "- told as classes: {} clusters of the training fields, `data.clusters`; a sampled field gets a cluster as often as training fields have it",
                classes.len()
            ));
        } else if !classes.is_empty() {
            let label = "`karhunen sample --class` makes fields of one";
            lines.push(format!(
                "- classes (and their training fields): {}; {label}",
                described(classes)
            ));
        }
        if let Some(patch) = &data.patch {
            lines.push(format!("- random patches of {patch} cells"));
        }
        let normalisation = &self.model.statistics.normalisation;
        for (c, (offset, scale)) in
            normalisation.offset.iter().zip(&normalisation.scale).enumerate()
        {
            lines.push(format!(
                "- normalisation of channel {c}: (value − offset) / scale with offset {offset:.6e}, scale {scale:.6e}; samples are in the data's own values"
            ));
        }
        lines.join("\n")
    }

    fn resolution(&self) -> Result<String, EvaluateError> {
        let mut lines = vec!["## Resolution".into(), String::new()];
        for level in Schedule::new(self.config())?.levels {
            lines.push(format!(
                "- trained on {} ({} modes, |ω| up to {:.1})",
                level.grid,
                level.grid.mode_count(),
                level.grid.band()
            ));
        }
        let finest = &self.model.statistics.grid;
        let network = match self.config().sampling.band {
            Band::Trained => {
                "those modes are Gaussian, and the network is asked about none of them"
            }
            Band::Grid => "the network by what it learned below",
        };
        lines.push(format!(
            "- beyond |ω| = {:.1} nothing was seen: on grids finer than {} the spectrum continues by the\n  \
             power law of its tail and {network}; measure there before use",
            finest.band(),
            join(&finest.points())
        ));
        Ok(lines.join("\n"))
    }

    fn noise(&self) -> String {
        let config = self.config();
        format!(
            "## Noise\n\nCovariance of the noise (`[prior]`) and path from data to noise (`[path]`):\n\n{}\n\n{}",
            settings("prior", &config.prior),
            settings("path", &config.path)
        )
    }

    fn network(&self) -> String {
        let config = self.config();
        format!(
            "## Network\n\n{} parameters, {:?} preconditioning; the weights are {}.\n\n{}",
            self.model.weights.count(),
            config.training.preconditioning,
            self.average(),
            settings("network", &config.network)
        )
    }

    fn average(&self) -> String {
        match self.model.average {
            None => "their moving average".into(),
            Some(a) if a.error == 0.0 => {
                format!("their average of relative length {}", a.length)
            }
            Some(a) => format!(
                "their average of relative length {}, made afterwards (profile {:.1} % off)",
                a.length,
                100.0 * a.error
            ),
        }
    }

    fn training(&self) -> String {
        let (config, progress) = (self.config(), &self.model.progress);
        let planned = config.training.length.steps();
        let mut lines = vec![
            "## Training".into(),
            String::new(),
            format!(
                "{}{} steps of {} fields, seed {}, {:.1} s in all.",
                progress.step,
                planned.map_or(String::new(), |steps| format!(" of {steps}")),
                config.training.batch,
                config.seed,
                progress.ledger.seconds()
            ),
            String::new(),
            "| grid | steps | seconds | loss | validation at the finest grid |".into(),
            "|---|---|---|---|---|".into(),
        ];
        for level in &progress.ledger.levels {
            let validation =
                level.validation_loss.map_or("not measured".into(), |loss| format!("{loss:.4}"));
            lines.push(format!(
                "| {} | {} | {:.1} | {:.4} | {validation} |",
                level.grid, level.steps, level.seconds, level.loss
            ));
        }
        if let Some(distilled) = &config.distilled {
            lines.push(format!(
                "\nDistilled: learned from {} trajectories of another model ({}), on the finest level alone. It is evaluated {} \
                 time(s) a field, and knows no other times.",
                distilled.trajectories,
                distilled.teacher,
                distilled.times.len()
            ));
        }
        if progress.rollbacks > 0 {
            lines.push(format!(
                "\nDiverged and rolled back {} time(s), the learning rate halved each time.",
                progress.rollbacks
            ));
        }
        lines.join("\n")
    }

    fn metrics(&self) -> String {
        let measured: Vec<String> = self.evaluations.iter().map(Evaluated::to_markdown).collect();
        let text = match measured.is_empty() {
            true => "Not measured.".to_string(),
            false => measured.join("\n\n"),
        };
        format!("## Evaluated\n\n{text}")
    }

    fn use_it(&self) -> String {
        let finest = join(&self.model.statistics.grid.points());
        let sampling = &self.config().sampling;
        format!(
            "## Sampling\n\n```sh\nkarhunen sample --model . --grid {finest} --count 16 --seed 0 --out samples.npy\n```\n\n\
             Sampler {} with {} network evaluations a field unless told otherwise. {}",
            sampling.method().name(),
            sampling.evaluations,
            match sampling.calibration {
                CalibrationKind::Spectrum =>
                    "Mean and spectrum of what is sampled\n\
                     are scaled to the training data's (`--calibration none` turns it off).",
                CalibrationKind::None => "Nothing is corrected afterwards.",
            }
        )
    }
}

/// A table of settings as TOML.
fn settings(name: &str, value: &impl Serialize) -> String {
    let text = toml::to_string(value).unwrap_or_else(|e| format!("# cannot be shown: {e}"));
    let lines: Vec<&str> = text.lines().collect();
    let shown = lines[..lines.len().min(SHOWN)].join("\n");
    let rest = match lines.len().saturating_sub(SHOWN) {
        0 => String::new(),
        n => format!("\n# {n} more lines in config.toml"),
    };
    format!("```toml\n[{name}]\n{shown}{rest}\n```")
}
