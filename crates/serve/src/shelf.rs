//! The list of models, opened when they are first used.
//!
//! A page names a model by its number in this list, so no path is read from a request.

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

/// Number of models kept open: the most recently used ones.
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
    /// Its name in a command line.
    pub name: String,
    /// A description of its fields, if known.
    pub about: String,
    #[serde(skip)]
    path: PathBuf,
}

/// An open model, and the notes from opening it.
#[derive(Debug)]
pub struct Opened {
    pub model: Model,
    pub notes: Vec<String>,
}

/// The list of models.
pub struct Shelf {
    entries: Vec<Entry>,
    options: ModelOptions,
    open: Mutex<Vec<(usize, Arc<Opened>)>>,
}

impl Shelf {
    /// The models of the options, with the given ones first. Each model given by its own name is
    /// opened once, so that an error appears at the start.
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

    /// All entries of the list.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entry with a number.
    pub fn entry(&self, number: usize) -> Result<&Entry, Refusal> {
        self.entries.get(number).ok_or_else(|| {
            let error = format!("model {number}: there are {}", self.entries.len());
            Refusal::new(StatusCode::NOT_FOUND, error, "choose one of the list")
        })
    }

    /// The model with a number, opened if necessary.
    pub fn open(&self, number: usize) -> Result<Arc<Opened>, Refusal> {
        self.entry(number)?;
        Ok(self.read(number)?)
    }

    fn read(&self, number: usize) -> Result<Arc<Opened>, karhunen::Error> {
        // the lock is held while a model is read, so that two requests for one model read it once
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

/// The description of a model that a page needs for its requests.
#[derive(Debug, Serialize)]
pub struct Described {
    number: usize,
    name: String,
    about: String,
    notes: Vec<String>,
    steps: usize,
    dim: usize,
    channels: usize,
    /// Lengths of the box, in which places are given; the first axis has length 1.
    lengths: Vec<f64>,
    /// Physical lengths as in files, and their unit.
    measured: Vec<f64>,
    unit: Option<String>,
    /// Cells of the finest trained grid.
    trained: Vec<usize>,
    /// Numbers of cells that the slider offers.
    grids: Vec<Vec<usize>>,
    /// Smallest and largest value of each channel of the training data; empty if unknown.
    ranges: Vec<(f64, f64)>,
    /// Names of the phases, if fields hold labels of phases.
    phases: Vec<String>,
    /// Classes with their numbers of training fields.
    classes: Vec<(usize, u64)>,
    /// Whether a guidance weight can be set.
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
            sampler: trained.config.sampling.method().name(),
            samplers: Method::ALL.map(Method::name).to_vec(),
            evaluations: trained.config.sampling.evaluations,
            limits,
        }
    }
}

/// Grids of one box with increasing numbers of cells up to a limit; the trained grid is one of
/// them.
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
