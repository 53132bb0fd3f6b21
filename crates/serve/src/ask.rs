//! A request of the page, as options of the library and as the equivalent command line.

use karhunen::sampler::Method;
use karhunen::{CalibrationKind, Model, Progress, SampleOptions, Sampling};
use serde::Deserialize;

use crate::Limits;
use crate::answer::Refusal;
use crate::observed::{self, Place};

/// Largest guidance weight: above it, samples show only errors of the network.
const GUIDANCE: f64 = 20.0;
/// Up to this number of cells the limit on observed values applies in full.
const AS_MANY_UP_TO: usize = 64 * 64;
/// The file that the command line reads if there are observed places.
pub const OBSERVED: &str = "observed.csv";

/// A request for fields of a model.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// Number of the model in the list.
    pub model: usize,
    /// Cells per axis; by default those of the finest trained grid.
    pub grid: Option<Vec<usize>>,
    #[serde(default)]
    pub seed: u64,
    /// Number of the first field.
    #[serde(default)]
    pub index: u64,
    #[serde(default = "one")]
    pub count: u64,
    /// By default the setting of the model.
    pub evaluations: Option<usize>,
    /// By default the sampler of the model.
    pub sampler: Option<String>,
    /// By default a random class, or none of fields with observations.
    pub class: Option<u32>,
    #[serde(default = "weight")]
    pub guidance: f64,
    /// Known values of the fields at places.
    #[serde(default)]
    pub observed: Vec<Place>,
}

/// Largest number of observed values on a grid of `cells` cells. A step with m values costs m²
/// products for each mode, so above [`AS_MANY_UP_TO`] cells the number decreases as the square root
/// of the cells.
fn at_most(limit: usize, cells: usize) -> usize {
    let part = (AS_MANY_UP_TO as f64 / cells as f64).sqrt().min(1.0);
    (limit as f64 * part) as usize
}

fn one() -> u64 {
    1
}

fn weight() -> f64 {
    1.0
}

impl Ask {
    /// Parses a request.
    pub fn read(bytes: &[u8]) -> Result<Self, Refusal> {
        let read: Result<Self, _> = serde_json::from_slice(bytes);
        read.map_err(|e| Refusal::asked(format!("no request: {e}"), "send what the page sends"))
    }

    /// Checks the limits of the server before anything is computed.
    pub fn check(&self, model: &Model, limits: &Limits) -> Result<(), Refusal> {
        let own = model.grid();
        let cells = match &self.grid {
            Some(cells) if cells.len() == own.dim() => cells.clone(),
            Some(cells) => {
                let error = format!("a grid of {} axes for a box of {}", cells.len(), own.dim());
                return Err(Refusal::asked(error, "give one number of cells an axis"));
            }
            None => own.points(),
        };
        let one = cells.iter().try_fold(1usize, |all, n| all.checked_mul(*n));
        let shown = join(&cells);
        if one.is_none_or(|one| one > limits.cells) {
            let limit = format!("{} cells", limits.cells);
            return Err(Refusal::limit("grid", shown, limit));
        }
        if self.count == 0 {
            return Err(Refusal::asked("count 0: there must be at least one field", "ask for one"));
        }
        if self.count > limits.count {
            return Err(Refusal::limit("count", self.count, limits.count));
        }
        let all = one.unwrap_or(0).saturating_mul(self.count as usize) * model.channels();
        if all > limits.all_cells() {
            let limit = format!("{} cells of all fields together", limits.all_cells());
            return Err(Refusal::limit(&format!("{} fields at", self.count), shown, limit));
        }
        match self.evaluations {
            Some(asked) if asked > limits.evaluations => {
                return Err(Refusal::limit("evaluations", asked, limits.evaluations));
            }
            _ => (),
        }
        if self.guidance > GUIDANCE {
            return Err(Refusal::limit("guidance", self.guidance, GUIDANCE));
        }
        let lengths: Vec<f64> = own.axes().iter().map(|axis| axis.length).collect();
        observed::check(&self.observed, &lengths, model.channels(), limits.observed)?;
        let most = at_most(limits.observed, one.unwrap_or(1) * model.channels());
        match self.observed.len() {
            asked if asked > most => {
                Err(Refusal::limit("observed places", asked, format!("{most} at {}", join(&cells))))
            }
            _ => Ok(()),
        }
    }

    /// The request as options of the library.
    pub fn options(&self) -> Result<SampleOptions, Refusal> {
        let unknown = |e: karhunen::FieldError| Refusal::asked(e.to_string(), "choose a known one");
        let sampler: Option<Method> =
            self.sampler.as_deref().map(str::parse).transpose().map_err(unknown)?;
        let observations = match self.observed.is_empty() {
            true => Vec::new(),
            false => vec![observed::observation(&self.observed)?],
        };
        Ok(SampleOptions {
            grid: self.grid.clone(),
            count: self.count,
            seed: self.seed,
            index: self.index,
            sampler,
            evaluations: self.evaluations,
            classes: self.class.into_iter().collect(),
            guidance: self.guidance,
            observations,
            ..SampleOptions::default()
        })
    }

    /// A sampling that starts at once. If its calibration would first need pilots (256 extra fields
    /// that measure the correction), it is left out. The returned options state that.
    pub fn sampling<'a>(
        &self,
        model: &'a Model,
        limits: &Limits,
        progress: &dyn Progress,
    ) -> Result<(Sampling<'a>, SampleOptions), Refusal> {
        self.check(model, limits)?;
        let mut options = self.options()?;
        let mut sampling = model.sampling(&options, progress)?;
        if sampling.needs_pilots() {
            options.calibration = Some(CalibrationKind::None);
            sampling = model.sampling(&options, &())?;
            progress.note(
                "not calibrated: 256 pilot fields would come first; leave --calibration out to have them",
            );
        }
        Ok((sampling, options))
    }

    /// The command line that makes the same fields and writes them to `out`.
    pub fn command(
        &self,
        model: &str,
        options: &SampleOptions,
        grid: &[usize],
        out: &str,
    ) -> String {
        let mut words = vec!["karhunen sample --model".to_string(), quoted(model)];
        words.push(format!("--grid {}", join(grid)));
        words.push(format!("--count {} --seed {}", self.count, self.seed));
        if self.index > 0 {
            words.push(format!("--index {}", self.index));
        }
        if let Some(sampler) = options.sampler {
            words.push(format!("--sampler {sampler}"));
        }
        if let Some(evaluations) = self.evaluations {
            words.push(format!("--evaluations {evaluations}"));
        }
        if let Some(class) = self.class {
            words.push(format!("--class {class}"));
        }
        if self.guidance != 1.0 {
            words.push(format!("--guidance {}", self.guidance));
        }
        if options.calibration == Some(CalibrationKind::None) {
            words.push("--calibration none".into());
        }
        if !self.observed.is_empty() {
            words.push(format!("--observe {OBSERVED}"));
        }
        words.push(format!("--out {}", quoted(out)));
        words.join(" ")
    }

    /// A file name for these fields, without an extension.
    pub fn file_name(&self, model: &str, grid: &[usize]) -> String {
        let last = model.rsplit(['/', '\\', ':']).find(|part| !part.is_empty()).unwrap_or("model");
        let safe = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
        let last: String = last.chars().map(safe).take(40).collect();
        format!("{last}-{}-seed{}", join(grid), self.seed)
    }
}

/// Cells as text: `64x48`.
pub fn join(cells: &[usize]) -> String {
    cells.iter().map(usize::to_string).collect::<Vec<_>>().join("x")
}

/// Quotes a word for a shell.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:+".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_string(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(text: &str) -> Ask {
        Ask::read(text.as_bytes()).unwrap()
    }

    #[test]
    fn requests_that_are_none_are_refused() {
        for (text, part) in [
            ("", "EOF"),
            ("{", "EOF"),
            ("{}", "missing field `model`"),
            (r#"{"model":0,"path":"/etc/passwd"}"#, "unknown field `path`"),
            (r#"{"model":"../x"}"#, "invalid type"),
            (r#"{"model":0,"seed":-1}"#, "invalid value"),
            (r#"{"model":0,"count":1e99}"#, "invalid type"),
        ] {
            let refused = Ask::read(text.as_bytes()).unwrap_err();
            assert!(refused.error.contains(part), "{text}: {}", refused.error);
        }
    }

    #[test]
    fn what_is_beyond_a_limit_is_refused_with_the_limit() {
        let model = Model::open("builtin:spinodal").unwrap();
        let limits = Limits::default();
        assert_eq!(ask(r#"{"model":0,"grid":[512,512]}"#).check(&model, &limits), Ok(()));
        for (text, part) in [
            (
                r#"{"model":0,"grid":[513,512]}"#,
                "grid 513x512: the limit of this server is 262144 cells",
            ),
            (r#"{"model":0,"grid":[18446744073709551615,3]}"#, "the limit of this server"),
            (r#"{"model":0,"grid":[64]}"#, "a grid of 1 axes for a box of 2"),
            (r#"{"model":0,"count":0}"#, "at least one field"),
            (r#"{"model":0,"count":17}"#, "count 17: the limit of this server is 16"),
            (r#"{"model":0,"count":5,"grid":[512,512]}"#, "5 fields at 512x512"),
            (r#"{"model":0,"evaluations":201}"#, "evaluations 201"),
            (r#"{"model":0,"guidance":21}"#, "guidance 21"),
        ] {
            let refused = ask(text).check(&model, &limits).unwrap_err();
            assert!(refused.error.contains(part), "{text}: {}", refused.error);
        }
        let sampler = ask(r#"{"model":0,"sampler":"rk4"}"#).options().unwrap_err();
        assert!(sampler.error.contains("unknown sampler `rk4`"));
    }

    #[test]
    fn fewer_values_are_observed_on_more_cells() {
        let most = [32 * 32, 64 * 64, 128 * 128, 512 * 512].map(|cells| at_most(512, cells));
        assert_eq!(most, [512, 512, 256, 64]);
        let model = Model::open("builtin:spinodal").unwrap();
        let places: Vec<Place> = (0..300)
            .map(|i| Place { at: vec![0.5, f64::from(i) / 300.0], value: 0.0, sd: 0.0, channel: 0 })
            .collect();
        let check = |n: usize| {
            let asked =
                Ask { observed: places.clone(), grid: Some(vec![n, n]), ..ask(r#"{"model":0}"#) };
            asked.check(&model, &Limits::default())
        };
        assert_eq!(check(64), Ok(()));
        let error = check(128).unwrap_err().error;
        assert_eq!(error, "observed places 300: the limit of this server is 256 at 128x128");
    }

    #[test]
    fn a_command_line_says_all_that_was_asked_for() {
        let full = ask(
            r#"{"model":0,"seed":3,"index":2,"count":4,"evaluations":8,"sampler":"heun","class":1,
            "guidance":1.5,"observed":[{"at":[0.5,0.5],"value":1}]}"#,
        );
        let mut options = full.options().unwrap();
        options.calibration = Some(CalibrationKind::None);
        assert_eq!(
            full.command("runs/my model's", &options, &[64, 48], "a.npy"),
            "karhunen sample --model 'runs/my model'\\''s' --grid 64x48 --count 4 --seed 3 --index 2 --sampler heun --evaluations 8 --class 1 --guidance 1.5 --calibration none --observe observed.csv --out a.npy"
        );
        let short = ask(r#"{"model":0}"#);
        assert_eq!(
            short.command("builtin:grains", &short.options().unwrap(), &[16, 16], "a.npy"),
            "karhunen sample --model builtin:grains --grid 16x16 --count 1 --seed 0 --out a.npy"
        );
        assert_eq!(short.file_name("builtin:grains", &[16, 16]), "grains-16x16-seed0");
        assert_eq!(short.file_name("../../\"; rm/", &[16]), "___rm-16-seed0");
    }

    #[test]
    fn pilots_are_left_out_and_that_is_told() {
        let model = Model::open("builtin:spinodal").unwrap();
        let limits = Limits::default();
        let own = ask(r#"{"model":0}"#).sampling(&model, &limits, &()).unwrap();
        assert_eq!(own.1.calibration, None);
        let other = ask(r#"{"model":0,"evaluations":7}"#).sampling(&model, &limits, &()).unwrap();
        assert_eq!(other.1.calibration, Some(CalibrationKind::None));
    }
}
