//! The report of a small trained model, checked as text.

use std::sync::atomic::AtomicBool;

use karhunen_evaluate::ranking::statistics;
use karhunen_evaluate::table::Table;
use karhunen_field::sampler::Method;
use karhunen_field::{Ensemble, resample};
use karhunen_report::{Report, ReportError, View, meaning};
use karhunen_train::events::{self, Silent};
use karhunen_train::{Outcome, Run, RunConfig, TrainedModel};

fn trained(directory: &std::path::Path) -> TrainedModel {
    let settings = [
        "network.width=[8]",
        "network.blocks=[2]",
        "training.steps=12",
        "training.batch=4",
        "data.count=48",
        "levels=[{grid=\"8x8\",share=1},{grid=\"16x16\",share=1}]",
    ];
    let settings: Vec<String> = settings.iter().map(|s| s.to_string()).collect();
    let config = RunConfig::load(None, &settings).unwrap();
    let mut run = Run::open(&config, directory, true, &mut Silent).unwrap();
    assert_eq!(run.train(&AtomicBool::new(false), &mut Silent).unwrap(), Outcome::Finished);
    TrainedModel::load(directory).unwrap()
}

fn sampled(model: &TrainedModel, cells: usize, seed: u64) -> Ensemble {
    let grid = model.grid(&[cells, cells]).unwrap();
    let request = karhunen_train::request::Request::new(grid, seed, Method::DpmSolver2M, 4);
    model.sample(&request, 0..20, &|_, _| ()).unwrap().0
}

#[test]
fn a_page_holds_everything_and_loads_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let model = trained(directory.path());
    let told = events::read(&directory.path().join("events.jsonl")).unwrap();
    let real = model.surrogate(model.grid(&[16, 16]).unwrap(), 9, 0..40);
    let (coarse, fine) = (sampled(&model, 16, 1), sampled(&model, 32, 1));
    let seen = resample::spectral(&fine, real.grid).unwrap();
    let table = |fields: &Ensemble| {
        Table::new(&real, &[("samples <b>".into(), fields.clone())], Some(20.0), &()).unwrap()
    };
    let tables = [table(&coarse), table(&seen)];
    let report = Report {
        title: "A & <B>".into(),
        model: &model,
        events: &told,
        views: vec![
            View { sampled: &coarse, compared: &coarse, real: &real, table: &tables[0] },
            View { sampled: &fine, compared: &seen, real: &real, table: &tables[1] },
        ],
        told_apart: None,
        commands: vec!["karhunen train --out \"x\"".into()],
    };
    let html = report.to_html().unwrap();
    // the page loads nothing and runs nothing
    for never in ["http:", "https:", "<script", "<link", "@import", "url("] {
        assert!(!html.contains(never), "{never}");
    }
    assert!(html.contains("<h1>A &amp; &lt;B&gt;</h1>") && !html.contains("<B>"));
    assert!(html.contains("samples &lt;b&gt;") && !html.contains("samples <b>"));
    // real fields, samples, and one function on two grids
    assert_eq!(html.matches("<img ").count(), 4);
    assert_eq!(html.matches(" alt=\"").count(), 4);
    // four curves and the loss
    assert_eq!(html.matches("<svg ").count(), 5);
    assert_eq!(html.matches("<svg ").count(), html.matches("</svg>").count());
    assert_eq!(html.matches("<table>").count(), 2);
    for row in statistics(&tables[0].rows[0].comparison) {
        let words = meaning(&row.name).unwrap_or_else(|| panic!("no words for {}", row.name));
        assert!(html.contains(words.split(':').next().unwrap()), "{}", row.name);
    }
    assert!(!html.contains("NaN"), "a number that is none");
}

#[test]
fn no_view_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let model = trained(directory.path());
    let report = Report {
        title: String::new(),
        model: &model,
        events: &[],
        views: vec![],
        told_apart: None,
        commands: vec![],
    };
    assert!(matches!(report.to_html(), Err(ReportError::Empty)));
}
