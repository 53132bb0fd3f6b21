//! Calibrations kept beside their model, so that pilots are sampled once.
//!
//! `calibrations/` in the directory of a run, a checkpoint or an exported model holds one small file a request:
//! the shells' factors and the drift that pilots of this model, on this grid, by this sampler showed, and in its metadata in
//! words whose they are. A file that cannot be read, or tells of another model, request or program, is none, and is
//! made anew; a directory that cannot be written to keeps none. Numbers are stored as they are, so
//! that fields are the same bits with and without. A model that comes with the program brings the calibration of its
//! default sampler along. Not here: what a calibration is ([`karhunen_field::calibration`]) and
//! which request pilots follow ([`crate::model::sampling`]).

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use karhunen_field::{Axis, Calibration, Grid};
use karhunen_formats::write_whole;
use karhunen_kernels::Level;
use karhunen_net::device::is_cpu;
use safetensors::SafeTensors;

use crate::data::identity::mixed;
use crate::model::request::{Classes, Request};
use crate::model::trained::TrainedModel;
use crate::store::arrays::{deserialise, numbers, serialise};
use crate::store::builtin_models::{self, BuiltinModel};

/// Pilots of a calibration: a shell of M modes is known to 4.4 % / √M in amplitude.
pub const CALIBRATION_PILOTS: u64 = 256;

/// The folder's name.
const FOLDER: &str = "calibrations";

/// Files kept in it: the newest.
const KEPT: usize = 16;

/// Key of what a file is of.
const IDENTITY: &str = "identity";

/// What a file holds, and how pilots are made: another number where either changes.
const FORMAT: u32 = 1;

/// The place of one calibration.
#[derive(Debug)]
pub(crate) struct Place {
    folder: PathBuf,
    /// The model that comes with the program, and brings a calibration of its own.
    builtin: Option<&'static BuiltinModel>,
    /// Model, request and program in words.
    identity: String,
    /// Grid that is calibrated on.
    grid: Grid,
}

impl Place {
    /// Where the calibration of a request for pilots is kept, `grid` being that on which it is measured; none for a model
    /// that lies nowhere.
    pub fn of(model: &TrainedModel, pilots: &Request, grid: Grid) -> Option<Self> {
        let builtin = builtin_models::find(&model.path).ok().flatten();
        if builtin.is_none() && !model.path.is_dir() {
            return None;
        }
        let axes = |grid: &Grid| {
            serde_json::to_string(&Vec::<Axis>::from(*grid)).expect("axes are plain data")
        };
        let coarse =
            pilots.coarse.iter().map(|c| format!("{} until {:?}; ", axes(&c.grid), c.until));
        // instruction sets and cards change the last digits
        let device = match is_cpu(model.model.network.device()) {
            true => format!("{:?}", Level::current()),
            false => format!("{:?}", model.model.network.device()),
        };
        let sharpened = match pilots.sharpness {
            1.0 => String::new(),
            sharpness => format!(", sharpness {sharpness:?}"),
        };
        let open = if pilots.classes == Classes::Open { ", told no class" } else { "" };
        let identity = format!(
            "format {FORMAT}, {}, {device}; model {:016x}, band {:?}{sharpened}{open}; {CALIBRATION_PILOTS} pilots of seed {} by {} at {} evaluations, tolerance {:?}, on {}; {}measured on {}",
            env!("CARGO_PKG_VERSION"),
            weights(model)?,
            model.model.band,
            pilots.seed,
            pilots.method,
            pilots.evaluations,
            pilots.tolerance,
            axes(&pilots.grid),
            coarse.collect::<String>(),
            axes(&grid)
        );
        Some(Self { folder: model.path.join(FOLDER), builtin, identity, grid })
    }

    fn file(&self) -> PathBuf {
        let name = self.identity.bytes().fold(0, |state, b| mixed(state ^ u64::from(b)));
        self.folder.join(format!("{name:016x}.safetensors"))
    }

    /// The calibration that is kept here; none if there is none that can be used.
    pub fn read(&self) -> Option<Calibration> {
        let bytes = match self.builtin {
            Some(builtin) => builtin.calibration.to_vec(),
            None => fs::read(self.file()).ok()?,
        };
        let (_, metadata) = SafeTensors::read_metadata(&bytes).ok()?;
        let found = metadata.metadata().as_ref()?.get(IDENTITY)?;
        // what comes with the program was measured on another machine: it is part of the model
        let own = match self.builtin {
            Some(_) => of_any_machine(found) == of_any_machine(&self.identity),
            None => *found == self.identity,
        };
        let arrays = deserialise(&bytes).ok().filter(|_| own)?;
        let take = |name: &str| arrays.iter().find(|a| a.0 == name).map(|a| a.2.clone());
        let mut channels = Vec::new();
        while let Some(table) = take(&format!("shells.{}", channels.len())) {
            channels.push(table.as_chunks().0.iter().map(|[w, f]| (*w, *f)).collect());
        }
        Calibration::of_parts(self.grid, channels, take("drift")?).ok()
    }

    /// Keeps a calibration, if that can be done.
    pub fn write(&self, calibration: &Calibration) {
        if self.builtin.is_some() {
            return;
        }
        let (_, channels, shift) = calibration.parts();
        let table = |(c, shells): (usize, &Vec<(f64, f64)>)| {
            let values: Vec<f64> = shells.iter().flat_map(|(w, f)| [*w, *f]).collect();
            numbers(&format!("shells.{c}"), vec![shells.len(), 2], values)
        };
        let mut arrays: Vec<_> = channels.iter().enumerate().map(table).collect();
        arrays.push(numbers("drift", vec![shift.len()], shift.to_vec()));
        let metadata = HashMap::from([(IDENTITY.to_string(), self.identity.clone())]);
        let path = self.file();
        let Ok(bytes) = serialise(&arrays, &metadata, &path) else { return };
        // whoever has it already, or may not write, is no worse off without
        let _ = fs::create_dir_all(&self.folder).and_then(|()| write_whole(&path, &bytes));
        self.forget_old();
    }

    /// Removes all but the newest files: models that train go on making them.
    fn forget_old(&self) {
        let Ok(entries) = fs::read_dir(&self.folder) else { return };
        let kept = |path: &Path| path.extension().is_some_and(|e| e == "safetensors");
        let mut files: Vec<(SystemTime, PathBuf)> = entries
            .filter_map(|entry| entry.ok().map(|e| e.path()).filter(|path| kept(path)))
            .filter_map(|path| Some((path.metadata().ok()?.modified().ok()?, path)))
            .collect();
        files.sort();
        for (_, path) in files.iter().rev().skip(KEPT) {
            let _ = fs::remove_file(path);
        }
    }
}

/// An identity without the program's version and the instruction set.
fn of_any_machine(identity: &str) -> Option<&str> {
    identity.split_once("; ").map(|(_, rest)| rest)
}

impl TrainedModel {
    /// A hash of weights, law and what else decides its fields; none where a device does not hand its weights back.
    pub fn fingerprint(&self) -> Option<u64> {
        weights(self)
    }
}

/// Hash of all that answers: weights, configuration, what was measured of the data.
fn weights(model: &TrainedModel) -> Option<u64> {
    let parameters = model.model.network.parameters().ok()?;
    let statistics = &model.statistics;
    let measured = statistics.mean.values.iter().chain(statistics.variances.iter().flatten());
    let mut state = 0;
    let mut take = |word: u64| state = mixed(state ^ word);
    for array in &parameters.arrays {
        array.name.bytes().for_each(|b| take(u64::from(b)));
        array.values.iter().for_each(|v| take(u64::from(v.to_bits())));
    }
    measured.for_each(|v| take(v.to_bits()));
    let config = &model.config;
    let text = format!(
        "{:?} {:?} {:?} {:?} {:?}",
        config.network,
        config.prior,
        config.path,
        config.training.preconditioning,
        config.training.share
    );
    text.bytes().for_each(|b| take(u64::from(b)));
    // models of before have none
    if model.sharpness() != 1.0 {
        take(model.sharpness().to_bits());
    }
    Some(state)
}
