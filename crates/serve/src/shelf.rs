//! The models that are shown, opened when they are first asked for.
//!
//! A page names a model by its number here, so that no path comes from outside.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::StatusCode;
use karhunen::model::models_at;
use karhunen::sampler::Method;
use karhunen::training::builtin_models::MODELS;
use karhunen::{Model, ModelOptions, Progress};
use serde::Serialize;

use crate::answer::Refusal;
use crate::{Limits, ServeError, ServeOptions};

/// Models that stay open: those used last.
const OPEN: usize = 4;
/// Cells of the longest axis that a page offers, in one, two and three dimensions.
const SIZES: [&[usize]; 3] = [
    &[16, 32, 64, 128, 256, 512, 1024, 2048, 4096],
    &[16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512],
    &[8, 12, 16, 24, 32, 48, 64, 96, 128],
];

/// One model of the list.
#[derive(Debug, Clone, Serialize)]
pub struct Entry {
    /// What it is called in a command line.
    pub name: String,
    /// What it shows, where that is known.
    pub about: String,
    #[serde(skip)]
    path: PathBuf,
}

/// A model that is open, and what was to be told when it was opened.
#[derive(Debug)]
pub struct Opened {
    pub model: Model,
    pub notes: Vec<String>,
}

/// The list.
pub struct Shelf {
    entries: Vec<Entry>,
    options: ModelOptions,
    open: Mutex<Vec<(usize, Arc<Opened>)>>,
}

impl Shelf {
    /// The models of some options, those given first. Each of those given by its own name is opened once, so
    /// that one that cannot be is told at the start.
    pub fn of(options: &ServeOptions) -> Result<Self, ServeError> {
        let mut entries: Vec<Entry> = Vec::new();
        let add = |entries: &mut Vec<Entry>, path: PathBuf| {
            let name = path.display().to_string();
            if entries.iter().any(|entry| entry.name == name) {
                return Err(ServeError::Twice(path));
            }
            let about = MODELS.iter().find(|model| name == format!("builtin:{}", model.name));
            let about = about.map_or(String::new(), |model| model.about.to_string());
            entries.push(Entry { name, about, path });
            Ok(())
        };
        for path in &options.models {
            for path in models_at(path)? {
                add(&mut entries, path)?;
            }
        }
        let given = entries.len();
        if options.builtin {
            for model in &MODELS {
                let path = PathBuf::from(format!("builtin:{}", model.name));
                if entries.iter().all(|entry| entry.path != path) {
                    add(&mut entries, path)?;
                }
            }
        }
        if entries.is_empty() {
            return Err(ServeError::NoModels);
        }
        let model = ModelOptions { device: options.device, ..ModelOptions::default() };
        let shelf = Self { entries, options: model, open: Mutex::default() };
        for number in (0..given.min(OPEN)).rev() {
            shelf.read(number)?;
        }
        Ok(shelf)
    }

    /// All of them.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entry of a number.
    pub fn entry(&self, number: usize) -> Result<&Entry, Refusal> {
        self.entries.get(number).ok_or_else(|| {
            let error = format!("model {number}: there are {}", self.entries.len());
            Refusal::new(StatusCode::NOT_FOUND, error, "choose one of the list")
        })
    }

    /// The model of a number.
    pub fn open(&self, number: usize) -> Result<Arc<Opened>, Refusal> {
        self.entry(number)?;
        Ok(self.read(number)?)
    }

    fn read(&self, number: usize) -> Result<Arc<Opened>, karhunen::Error> {
        // held while a model is read: two that ask for one wait for it together
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = open.iter().position(|(of, _)| *of == number) {
            let found = open.remove(at);
            open.insert(0, found.clone());
            return Ok(found.1);
        }
        let notes = Notes::default();
        let model = Model::open_with(&self.entries[number].path, &self.options, &notes)?;
        let mut notes = notes.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        notes.extend(model.trained().unfinished());
        let opened = Arc::new(Opened { model, notes });
        open.insert(0, (number, Arc::clone(&opened)));
        open.truncate(OPEN);
        Ok(opened)
    }
}

#[derive(Default)]
struct Notes(Mutex<Vec<String>>);

impl Progress for Notes {
    fn note(&self, text: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(text.into());
    }
}

/// What a page must know of a model to ask for fields of it.
#[derive(Debug, Serialize)]
pub struct Described {
    number: usize,
    name: String,
    about: String,
    notes: Vec<String>,
    steps: usize,
    dim: usize,
    channels: usize,
    /// Lengths of the box, the first axis 1; places are in these.
    lengths: Vec<f64>,
    /// Lengths as files have them, and their unit.
    measured: Vec<f64>,
    unit: Option<String>,
    /// Cells of the finest grid that it was trained on.
    trained: Vec<usize>,
    /// Cells that the slider offers.
    grids: Vec<Vec<usize>>,
    /// Smallest and largest value of each channel of the training data; empty where unknown.
    ranges: Vec<(f64, f64)>,
    /// Names of the phases; fields are their labels then.
    phases: Vec<String>,
    /// Classes that it saw, with how many fields of each.
    classes: Vec<(usize, u64)>,
    /// Whether it takes a weight of the class.
    guided: bool,
    sampler: &'static str,
    samplers: Vec<&'static str>,
    evaluations: usize,
    limits: Limits,
}

impl Described {
    pub fn of(number: usize, entry: &Entry, opened: &Opened, limits: Limits) -> Self {
        let (model, trained) = (&opened.model, opened.model.trained());
        let grid = model.grid();
        let origin = trained.statistics.origin.as_ref();
        let lengths: Vec<f64> = grid.axes().iter().map(|axis| axis.length).collect();
        let own = origin.filter(|origin| origin.cells.len() == grid.dim());
        let seen = |(class, count): (usize, &u64)| (*count > 0).then_some((class, *count));
        Self {
            number,
            name: entry.name.clone(),
            about: entry.about.clone(),
            notes: opened.notes.clone(),
            steps: trained.steps,
            dim: grid.dim(),
            channels: model.channels(),
            measured: own.map_or_else(|| lengths.clone(), |own| own.lengths()),
            unit: own.and_then(|own| own.unit.clone()),
            lengths,
            grids: grids(&grid.points(), limits.cells),
            trained: grid.points(),
            ranges: origin.map_or_else(Vec::new, |origin| origin.ranges.clone()),
            phases: model.phases(),
            classes: model.classes().iter().enumerate().filter_map(seen).collect(),
            guided: !model.classes().is_empty() && trained.config.training.label_dropout > 0.0,
            sampler: trained.config.sampling.sampler.name(),
            samplers: Method::ALL.map(Method::name).to_vec(),
            evaluations: trained.config.sampling.evaluations,
            limits,
        }
    }
}

/// Grids of one box with rising numbers of cells, the trained one among them, none above a limit.
fn grids(trained: &[usize], limit: usize) -> Vec<Vec<usize>> {
    let longest = trained.iter().copied().max().unwrap_or(1);
    let scaled = |size: &usize| -> Vec<usize> {
        let cells = |n: &usize| (*n as f64 * *size as f64 / longest as f64).round() as usize;
        trained.iter().map(cells).collect()
    };
    let sizes = SIZES[trained.len().clamp(1, SIZES.len()) - 1];
    let mut grids: Vec<Vec<usize>> = sizes.iter().map(scaled).collect();
    grids.push(trained.to_vec());
    grids.retain(|cells| cells.iter().all(|n| *n >= 2) && cells.iter().product::<usize>() <= limit);
    grids.sort_by_key(|cells| cells.iter().product::<usize>());
    grids.dedup();
    grids
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_keeps_its_shape_on_every_grid() {
        let limit = Limits::default().cells;
        let square = grids(&[64, 64], limit);
        assert_eq!((square.first(), square.last()), (Some(&vec![16, 16]), Some(&vec![512, 512])));
        assert!(square.contains(&vec![64, 64]) && square.windows(2).all(|w| w[0] != w[1]));
        let odd = grids(&[28, 14], 3000);
        assert!(odd.contains(&vec![28, 14]) && odd.contains(&vec![16, 8]));
        assert_eq!(odd.last(), Some(&vec![64, 32]));
        assert_eq!(grids(&[32, 32, 32], limit).last(), Some(&vec![64, 64, 64]));
        assert_eq!(grids(&[128], limit).last(), Some(&vec![4096]));
    }

    #[test]
    fn the_list_holds_what_was_given_and_what_comes_along_once() {
        let options = ServeOptions { models: vec!["builtin:shapes".into()], ..Default::default() };
        let shelf = Shelf::of(&options).unwrap();
        let names: Vec<&str> = shelf.entries().iter().map(|e| e.name.as_str()).collect();
        assert_eq!(names, ["builtin:shapes", "builtin:spinodal", "builtin:grains"]);
        let opened = shelf.open(0).unwrap();
        let text = serde_json::to_value(Described::of(
            0,
            shelf.entry(0).unwrap(),
            &opened,
            Limits::default(),
        ))
        .unwrap();
        assert_eq!((&text["dim"], &text["guided"]), (&2.into(), &true.into()));
        assert_eq!(text["classes"].as_array().unwrap().len(), 3);
        assert_eq!(shelf.open(9).unwrap_err().status, StatusCode::NOT_FOUND);
        let twice = vec!["builtin:shapes".into(), "builtin:shapes".into()];
        let refused = Shelf::of(&ServeOptions { models: twice, ..Default::default() });
        assert!(matches!(refused, Err(ServeError::Twice(_))));
        let none = Shelf::of(&ServeOptions { builtin: false, ..Default::default() });
        assert!(matches!(none, Err(ServeError::NoModels)));
    }
}
