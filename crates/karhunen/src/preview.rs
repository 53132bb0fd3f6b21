//! Pictures of the current samples of a model during its training.
//!
//! A run with previews ([`crate::TrainOptions::preview`]) draws [`COUNT`] samples into its folder
//! `preview/`, at the end of every level and at validations: `00001200.png` after 1,200 steps. They
//! are the fields 0 to 7 of seed 0 on the finest level, without calibration. The same place in all
//! pictures therefore shows the same function as it is learned. `data.png` shows held-out fields.
//! All pictures have the grey scale of the held-out fields.
//!
//! Previews do not change one bit of the training, and a budget in seconds does not include them.
//! Their cost is reported at the end.

use std::fs;
use std::path::{Path, PathBuf};

use karhunen_field::Ensemble;
use karhunen_train::events::{Event, Observer};

use crate::Error;
use crate::output;
use crate::pictures::drawing::{Scale, draw_on};

/// Number of samples in a picture.
pub const COUNT: u64 = 8;
/// Name of the folder in a run's directory.
pub const FOLDER: &str = "preview";
/// Number of held-out fields that determine the scale.
const SCALED_BY: usize = 64;

/// An observer that draws previews and passes all events on.
pub(crate) struct Previews<'a> {
    folder: PathBuf,
    scale: Scale,
    inner: &'a mut dyn Observer,
    drawn: usize,
}

impl<'a> Previews<'a> {
    /// Draws the held-out fields, and removes pictures of steps that will be repeated.
    pub fn begin(
        run: &karhunen_train::Run,
        directory: &Path,
        inner: &'a mut dyn Observer,
    ) -> Result<Self, Error> {
        let folder = directory.join(FOLDER);
        output::make(&folder)?;
        forget_after(&folder, run.step());
        let real = run.held_out_fields(SCALED_BY)?;
        let scale = Scale::of(&real);
        let shown = real.slice(0..real.count().min(COUNT as usize));
        draw_on(&shown, Some(&scale), &folder.join("data.png"), true)?;
        Ok(Self { folder, scale, inner, drawn: 0 })
    }

    /// Reports the cost of the pictures in seconds, next to that of the run's training steps.
    pub fn end(self, seconds: f64, training: f64) {
        let Self { folder, inner, drawn, .. } = self;
        let share = 100.0 * seconds / training.max(f64::MIN_POSITIVE);
        inner.note(&format!(
            "{}: {drawn} pictures in {seconds:.1} s, {share:.1} % of the time in training steps",
            folder.display()
        ));
    }
}

impl Observer for Previews<'_> {
    fn note(&mut self, text: &str) {
        self.inner.note(text);
    }

    fn warning(&mut self, text: &str) {
        self.inner.warning(text);
    }

    fn step(&mut self, event: &Event, total: usize) {
        self.inner.step(event, total);
    }

    fn milestone(&mut self, event: &Event) {
        if event.message.is_some() {
            // the run returned to an earlier step
            forget_after(&self.folder, event.step);
        }
        self.inner.milestone(event);
    }

    fn preview(&mut self, event: &Event, samples: &Ensemble) -> Option<Vec<u8>> {
        let path = self.folder.join(format!("{:08}.png", event.step));
        let drawn = draw_on(samples, Some(&self.scale), &path, true)
            .and_then(|()| fs::read(&path).map_err(|source| Error::Read { path, source }));
        self.inner.preview(event, samples);
        match drawn {
            Ok(png) => {
                self.drawn += 1;
                Some(png)
            }
            Err(error) => {
                // a failed picture does not end the training
                self.inner.warning(&format!("step {}: no preview: {error}", event.step));
                None
            }
        }
    }
}

/// Removes pictures of later steps. A picture that cannot be removed is misleading but harmless.
fn forget_after(folder: &Path, step: usize) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let at = name.to_str().and_then(|name| name.strip_suffix(".png")?.parse::<usize>().ok());
        if at.is_some_and(|at| at > step) {
            let _ = fs::remove_file(entry.path());
        }
    }
}
