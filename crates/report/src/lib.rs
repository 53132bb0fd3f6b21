//! One HTML page about a trained model.
//!
//! The page is one self-contained file with its style, pictures (as PNG in data addresses) and
//! charts (as SVG). It loads nothing from elsewhere and runs no script. A browser shows it in a
//! light or a dark theme, and prints it in the light theme.
//!
//! [`Report`] holds the content, and [`Report::to_html`] writes the page. It has these parts:
//!
//! - the verdict in words;
//! - real fields beside samples, in one grey scale;
//! - one function on several grids;
//! - curves, with the band that sets of real fields span;
//! - tables in floors (the distance that 95 of 100 pairs of sets of real fields stay below), with a
//!   sentence for each statistic;
//! - losses, the configuration, and the commands that repeat it all.
//!
//! Sampling and comparing happen elsewhere.

mod curves;
mod error;
mod escape;
mod page;
mod picture;
mod plot;
mod words;

use karhunen_evaluate::distinguish::Distinguish;
use karhunen_evaluate::table::Table;
use karhunen_field::Ensemble;
use karhunen_train::TrainedModel;
use karhunen_train::events::Event;

pub use error::ReportError;
pub use words::meaning;

/// The content of a report.
#[derive(Debug)]
pub struct Report<'a> {
    /// Heading: the name of the run or the model.
    pub title: String,
    /// The trained model.
    pub model: &'a TrainedModel,
    /// Events of the training; empty for a model without its run.
    pub events: &'a [Event],
    /// Samples and real fields on each grid, coarse to fine.
    pub views: Vec<View<'a>>,
    /// How well a small network tells the samples of [`Report::main_view`] from real fields.
    pub told_apart: Option<&'a Distinguish>,
    /// Command lines that repeat what is shown.
    pub commands: Vec<String>,
}

/// Samples and real fields on one grid.
#[derive(Debug)]
pub struct View<'a> {
    /// Fields as they were sampled. The first fields of all views are the same functions.
    pub sampled: &'a Ensemble,
    /// The same samples on the grid of the comparison.
    pub compared: &'a Ensemble,
    /// Real fields on that grid.
    pub real: &'a Ensemble,
    /// The comparison.
    pub table: &'a Table,
}

impl Report<'_> {
    /// The view on the finest training grid, or the first view if there is none.
    ///
    /// # Panics
    /// If there is no view.
    pub fn main_view(&self) -> &View<'_> {
        let finest = &self.model.statistics.grid;
        let found = self.views.iter().find(|view| view.sampled.grid == *finest);
        found.unwrap_or(&self.views[0])
    }

    /// Writes the page.
    ///
    /// **Cost** the curves of the main view, for the samples and for twelve sets of real fields.
    ///
    /// # Errors
    /// [`ReportError::Empty`] without a view; errors of the statistics and of the PNG encoder.
    pub fn to_html(&self) -> Result<String, ReportError> {
        if self.views.is_empty() {
            return Err(ReportError::Empty);
        }
        page::write(self)
    }
}
