//! `karhunen calibrate`: is the spread of a model's posteriors right?
//!
//! Truths from held-out data are observed as an observation file says (its values do not matter, its places and
//! errors do), posteriors are sampled, and each truth is looked for among its draws.

use karhunen_field::metrics::{Estimate, PosteriorCheck, PosteriorQuality};
use karhunen_field::noise::stream;
use karhunen_field::sampler::Method;
use karhunen_field::{Conditioning, Ensemble, ModeNoise, Transform, resample};
use karhunen_figures::{FigureError, LineChart, Series};
use karhunen_net::Device;
use karhunen_train::trained::Request;
use karhunen_train::{TrainedModel, data};
use serde_json::json;
use tracing::{info, warn};

use crate::args::CalibrateArgs;
use crate::commands::observed;
use crate::failure::Failure;
use crate::observe;
use crate::progress::bar;
use crate::report::print_line;

/// Seed of the errors that observations of truths get, one index a truth.
const ERRORS: u64 = 0x4341_4c49;

/// Samples posteriors of truths and prints what they say.
pub fn run(args: &CalibrateArgs) -> Result<(), Failure> {
    if args.truths < 2 {
        return Err(Failure::usage(format!("--truths {}: at least 2", args.truths))
            .help("standard errors are taken from truth to truth; 32 or more tell something"));
    }
    if args.draws < 9 {
        return Err(Failure::usage(format!("--draws {}: at least 9", args.draws))
            .help("ranks fall into ten bins; 99 is usual"));
    }
    if let Some(path) = &args.figure
        && path.exists()
        && !args.force
    {
        return Err(Failure::usage(format!("{}: exists already", path.display()))
            .help("choose another name, or --force to replace it"));
    }
    let model = TrainedModel::load_average(&args.model, &Device::flex(), args.ema)?;
    model.notes.iter().for_each(|note| warn!("skipped: {note}"));
    let grid = match &args.grid {
        Some(points) => model.grid(&points.0)?,
        None => model.statistics.grid,
    };
    let observed = observe::read(&args.observe, &model, &grid)?;
    let given = observed::prepared(&observed, &model, &grid)?;
    let truths = truths(args, &model)?;
    let truths = resample::spectral(&truths, grid)?;
    let check = check(args, &model, &given, &truths)?;
    let quality = check.finish()?;
    match args.json {
        true => print_line(&json!(quality).to_string())?,
        false => print_line(&text(&quality))?,
    }
    match &args.figure {
        Some(path) => draw(&quality, path),
        None => Ok(()),
    }
}

/// Held-out fields in the data's own values, on the model's finest grid.
fn truths(args: &CalibrateArgs, model: &TrainedModel) -> Result<Ensemble, Failure> {
    let grid = model.statistics.grid;
    if args.gaussian {
        // other functions than any that are sampled
        return Ok(model.surrogate(grid, args.seed ^ ERRORS, 0..args.truths));
    }
    let loaded = data::load(&model.config.data, grid, model.config.seed)?;
    loaded.notes.iter().for_each(|note| info!("{note}"));
    let held = loaded.validation;
    let wanted = args.truths as usize;
    if held.count() < wanted {
        let message = format!("--truths {wanted}: {} fields were held out", held.count());
        return Err(Failure::usage(message).help("ask for fewer"));
    }
    let values =
        held.values.iter().take(wanted * held.field_len()).map(|v| f64::from(*v)).collect();
    Ok(Ensemble::new(held.grid, held.channels, values)?)
}

/// Looks for each truth among its draws.
fn check(
    args: &CalibrateArgs,
    model: &TrainedModel,
    given: &Conditioning,
    truths: &Ensemble,
) -> Result<PosteriorCheck, Failure> {
    let (grid, transform) = (truths.grid, Transform::new(truths.grid));
    let sampling = &model.config.sampling;
    let method = args.sampler.unwrap_or(Method::WienerAncestral);
    let evaluations = args.evaluations.unwrap_or(sampling.evaluations);
    let mut check = PosteriorCheck::default();
    let bar = bar("posteriors", truths.count() as u64);
    for (i, truth) in truths.fields().enumerate() {
        let modes = model.normalised_modes(&transform, truth);
        let count = given.observations().count();
        let xi = ModeNoise::new(ERRORS).plain_normals(count, i as u64, stream::OBSERVATION);
        let own = given.with(given.observations().of(&grid, &modes, &xi)?)?;
        let first = i as u64 * args.draws;
        let indices = first..first + args.draws;
        let draws = match args.surrogate {
            true => model.surrogate_given(&own, args.seed, indices)?,
            false => {
                let request = Request::new(grid, args.seed, method, evaluations);
                match args.particles {
                    None => model.sample_given(&request, &own, indices, &|_, _| {})?.0,
                    Some(n) => model.choose_given(&request, &own, n, indices, &|_, _| {})?.0.fields,
                }
            }
        };
        check.add(truth, &draws)?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(check)
}

fn text(q: &PosteriorQuality) -> String {
    let with = |e: &Estimate, digits: usize| format!("{:.digits$} ± {:.digits$}", e.value, e.error);
    let inside = |e: &Estimate, expected: f64| {
        let off = (e.value - expected).abs() <= 2.58 * e.error;
        if off {
            "as it should be"
        } else if e.value < expected {
            "too narrow"
        } else {
            "too wide"
        }
    };
    let mut lines = vec![
        format!("{} truths, {} draws of each", q.truths, q.draws),
        format!("{:<28} {}", "CRPS", with(&q.crps, 4)),
        format!("{:<28} {:.4} / {:.4}", "spread / error of the mean", q.spread, q.skill),
        format!("{:<28} {} (1: {})", "their ratio", with(&q.ratio, 3), inside(&q.ratio, 1.0)),
        format!(
            "{:<28} {} ({:.3}: {})",
            "inside the central half",
            with(&q.half, 3),
            q.half_expected,
            inside(&q.half, q.half_expected)
        ),
        format!(
            "{:<28} {} ({:.3}: {})",
            "inside nine tenths",
            with(&q.ninety, 3),
            q.ninety_expected,
            inside(&q.ninety, q.ninety_expected)
        ),
    ];
    let flat = if q.flat { "flat within its bands" } else { "not flat" };
    lines.push(format!("rank histogram: {flat}"));
    for (bin, rank) in q.ranks.iter().enumerate() {
        let stars = "#".repeat((200.0 * rank.value).round() as usize);
        lines.push(format!(
            "  {:>3} … {:<3} % {}  {stars}",
            10 * bin,
            10 * bin + 10,
            with(rank, 3)
        ));
    }
    lines.join("\n")
}

/// The rank histogram with the band in which a right one lies.
fn draw(q: &PosteriorQuality, path: &std::path::Path) -> Result<(), Failure> {
    let step = |value: &dyn Fn(&Estimate) -> f64| {
        let of = |(bin, rank): (usize, &Estimate)| {
            let (low, high) = (bin as f64 / 10.0, (bin + 1) as f64 / 10.0);
            [(low, value(rank)), (high, value(rank))]
        };
        q.ranks.iter().enumerate().flat_map(of).collect::<Vec<_>>()
    };
    let chart = LineChart {
        title: format!("Rank of {} truths among {} draws", q.truths, q.draws),
        x_label: "rank".into(),
        y_label: "share".into(),
        series: vec![
            Series { label: "ranks".into(), points: step(&|r| r.value), dashed: false },
            Series {
                label: "band, 99 % of all bins".into(),
                points: step(&|r| 0.1 + 3.29 * r.error),
                dashed: true,
            },
            Series { label: "band".into(), points: step(&|r| 0.1 - 3.29 * r.error), dashed: true },
        ],
        ..LineChart::default()
    };
    chart.png(path, 900, 500).map_err(|e: FigureError| Failure::run(e.to_string()))
}
