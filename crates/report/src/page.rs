//! Writes the page, section by section.

use std::fmt::Write as _;

use karhunen_evaluate::ranking::{LEGEND, statistics, worst_first};
use karhunen_evaluate::table::Table;

use crate::curves::curves;
use crate::escape::escape;
use crate::picture::{Picture, Scale, mosaic, single};
use crate::plot::{Line, Plot, Role};
use crate::words::meaning;
use crate::{Report, ReportError};

/// Largest number of fields in a mosaic.
const SHOWN: usize = 16;
/// Largest number of fields in a chart of functions on a line.
const LINES: usize = 4;
/// Largest number of channels with their own pictures and curves.
const CHANNELS: usize = 3;
/// Above this many floors a number is marked as different from real fields. It prints as above 1.0.
const ALIKE: f64 = 1.05;

const STYLE: &str = include_str!("style.css");

/// The whole page.
pub(crate) fn write(report: &Report<'_>) -> Result<String, ReportError> {
    let mut html =
        String::from("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    let title = escape(&report.title);
    let _ = write!(
        html,
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title} · Karhunen</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n"
    );
    opening(report, &mut html);
    beside(report, &mut html)?;
    grids(report, &mut html)?;
    statistics_of_fields(report, &mut html)?;
    tables(report, &mut html);
    losses(report, &mut html);
    again(report, &mut html);
    html.push_str("</main>\n</body>\n</html>\n");
    Ok(html)
}

/// The heading, a description of the model, and the verdict.
fn opening(report: &Report<'_>, html: &mut String) {
    let (model, view) = (report.model, report.main_view());
    let config = &model.config;
    let levels: Vec<String> = config.levels.iter().map(|l| l.grid.replace('x', "×")).collect();
    let seconds = report.events.last().map_or(String::new(), |e| format!(" in {:.0} s", e.seconds));
    let _ = write!(
        html,
        "<h1>{}</h1>\n<p>A generative model of <strong>{}</strong>, trained on the grids {} for {} steps{seconds}. \
         It samples with {} and {} network evaluations a field unless told otherwise.</p>\n",
        escape(&report.title),
        escape(&config.data.source.to_string()),
        escape(&levels.join(", ")),
        model.steps,
        escape(config.sampling.method().name()),
        config.sampling.evaluations,
    );
    if let Some(unfinished) = model.unfinished() {
        let _ = writeln!(html, "<p class=\"note\">{}</p>", escape(&unfinished));
    }
    let grid = &view.table.rows.first().map_or_else(String::new, |r| r.comparison.grid.clone());
    let _ = writeln!(
        html,
        "<p class=\"verdict\"><strong>On {}:</strong> {}.</p>",
        escape(&grid.replace('x', "×")),
        escape(&view.table.verdict())
    );
}

/// Real fields beside samples.
fn beside(report: &Report<'_>, html: &mut String) -> Result<(), ReportError> {
    let view = report.main_view();
    html.push_str("<h2>Real fields and samples</h2>\n");
    let three = view.real.grid.dim() == 3;
    let what = if three { "The middle slice of each volume. " } else { "" };
    let _ = writeln!(
        html,
        "<p>{what}Both sides have one grey scale. The real fields were held out: the model was not trained \
         on them.</p>"
    );
    for channel in 0..view.real.channels.min(CHANNELS) {
        let of = channel_name(view.real.channels, channel);
        html.push_str("<div class=\"row\">\n");
        for (name, role, fields) in
            [("real fields", Role::Real, view.real), ("samples", Role::Sampled, view.compared)]
        {
            let count = fields.count();
            if fields.grid.dim() == 1 {
                let plot = lines(fields, channel, &format!("{LINES} {name}{of}"), role);
                figure_of_svg(html, &plot.to_svg(), &format!("{LINES} of {count} {name}{of}"));
            } else {
                let shown = count.min(SHOWN);
                let picture = mosaic(fields, channel, shown, Scale::of(view.real, channel))?;
                let shape = (picture.width as f64, picture.height as f64);
                figure(html, &picture, shape, &format!("{shown} of {count} {name}{of}"));
            }
        }
        html.push_str("</div>\n");
    }
    Ok(())
}

/// One function on every grid.
fn grids(report: &Report<'_>, html: &mut String) -> Result<(), ReportError> {
    if report.views.len() < 2 {
        return Ok(());
    }
    html.push_str("<h2>One function on several grids</h2>\n");
    html.push_str(
        "<p>A seed names a function. Each picture shows the same one on another grid of the same box; \
         grids that are finer than those of the training were never seen.</p>\n",
    );
    let real = report.main_view().real;
    html.push_str("<div class=\"row small\">\n");
    for view in &report.views {
        let grid = view.sampled.grid;
        let name = join(&grid.points());
        if grid.dim() == 1 {
            let one = view.sampled.slice(0..1);
            let plot = lines(&one, 0, &format!("sample 0 on {name}"), Role::Sampled);
            figure_of_svg(html, &plot.to_svg(), &name);
        } else {
            let picture = single(view.sampled, 0, 0, Scale::of(real, 0))?;
            // the shape of the box, whatever the number of cells
            let [.., down, across] = grid.axes() else { continue };
            let shape = (across.length, down.length);
            figure(html, &picture, shape, &format!("sample 0 on {name}"));
        }
    }
    html.push_str("</div>\n");
    Ok(())
}

/// Curves with their bands.
fn statistics_of_fields(report: &Report<'_>, html: &mut String) -> Result<(), ReportError> {
    let view = report.main_view();
    html.push_str("<h2>Statistics</h2>\n");
    html.push_str(
        "<p>The grey band holds twelve sets of real fields, each as large as the set of samples if there \
         are enough. A line inside the band cannot be told from real fields by this curve. The bright \
         phase is what lies above Otsu's threshold of the real fields.</p>\n",
    );
    let band = report.model.statistics.grid.band();
    for channel in 0..view.real.channels.min(CHANNELS) {
        html.push_str("<div class=\"row\">\n");
        for plot in curves(view.real, view.compared, channel, band)? {
            figure_of_svg(html, &plot.to_svg(), &plot.alt);
        }
        html.push_str("</div>\n");
    }
    Ok(())
}

/// Tables in floors, and what the numbers mean.
fn tables(report: &Report<'_>, html: &mut String) {
    html.push_str("<h2>Distance from real fields</h2>\n");
    for line in LEGEND {
        let _ = writeln!(html, "<p class=\"note\">{}</p>", escape(line));
    }
    for view in &report.views {
        table(view.table, html);
    }
    if let Some(told) = report.told_apart {
        let _ = write!(
            html,
            "<h2>Can a network tell them apart?</h2>\n<p>A small network learns to tell samples from real \
             fields on one half of both, and is tested on the other half. An area of 0.5 is guessing, 1.0 is \
             certainty.</p>\n<pre>{}</pre>\n",
            escape(&told.to_text())
        );
    }
}

fn table(table: &Table, html: &mut String) {
    let Some(first) = table.rows.first() else { return };
    let c = &first.comparison;
    let _ = write!(
        html,
        "<h3>{}: {} fields against {} real ones</h3>\n<div class=\"scroll\"><table>\n<thead><tr>\
         <th scope=\"col\">in floors, worst first</th>",
        escape(&c.grid.replace('x', "×")),
        c.count,
        c.reference_count
    );
    for row in &table.rows {
        let _ = write!(html, "<th scope=\"col\">{}</th>", escape(&row.name));
    }
    html.push_str(
        "<th scope=\"col\" style=\"text-align:left\">what it measures</th></tr></thead>\n<tbody>\n",
    );
    for worst in worst_first(c) {
        let _ = write!(html, "<tr><th scope=\"row\">{}</th>", escape(&worst.name));
        for row in &table.rows {
            let all = statistics(&row.comparison);
            match all.iter().find(|m| m.name == worst.name).and_then(|m| m.floors) {
                Some(floors) => {
                    let class = if floors < ALIKE { "good" } else { "bad" };
                    let _ = write!(html, "<td class=\"{class}\">{floors:.1}</td>");
                }
                None => html.push_str("<td>–</td>"),
            }
        }
        let words = meaning(&worst.name).unwrap_or_default();
        let _ = writeln!(html, "<td class=\"words\">{}</td></tr>", escape(words));
    }
    html.push_str("</tbody>\n</table></div>\n");
}

/// Losses over seconds, with marks where the level changes.
fn losses(report: &Report<'_>, html: &mut String) {
    if report.events.is_empty() {
        return;
    }
    html.push_str("<h2>Training</h2>\n");
    let events = report.events;
    let switches = events.windows(2).filter(|w| w[0].level != w[1].level);
    let plot = Plot {
        alt: "Training and validation loss over the seconds of training".into(),
        x_label: "seconds of training".into(),
        y_label: "loss".into(),
        y_log: true,
        lines: vec![
            Line {
                label: "training, on the grid of the level".into(),
                role: Role::Other(1),
                points: events.iter().map(|e| (e.seconds, e.loss)).collect(),
            },
            Line {
                label: "validation, on the finest grid".into(),
                role: Role::Sampled,
                points: events
                    .iter()
                    .filter_map(|e| Some((e.seconds, e.validation_loss?)))
                    .collect(),
            },
        ],
        marks: switches.map(|w| (w[0].seconds, w[1].grid.replace('x', "×"))).collect(),
        ..Plot::default()
    };
    figure_of_svg(
        html,
        &plot.to_svg(),
        "Loss over seconds. Dashed lines: a finer grid begins. 1 is the best linear denoiser.",
    );
}

/// The commands that repeat the report.
fn again(report: &Report<'_>, html: &mut String) {
    html.push_str("<h2>Again</h2>\n");
    if !report.commands.is_empty() {
        let _ = writeln!(html, "<pre>{}</pre>", escape(&report.commands.join("\n")));
    }
    let _ = writeln!(
        html,
        "<details><summary>The whole configuration</summary>\n<pre>{}</pre></details>",
        escape(&report.model.config.to_toml())
    );
}

/// Cells as text: `64×48`.
fn join(points: &[usize]) -> String {
    points.iter().map(usize::to_string).collect::<Vec<_>>().join("×")
}

fn channel_name(channels: usize, channel: usize) -> String {
    if channels == 1 { String::new() } else { format!(", channel {channel}") }
}

/// Functions on a line, all in one colour.
fn lines(fields: &karhunen_field::Ensemble, channel: usize, alt: &str, role: Role) -> Plot {
    let n = fields.grid.len();
    let length = fields.grid.axes()[0].length;
    let x = |i: usize| (i as f64 + 0.5) * length / n as f64;
    let curve = |field: &[f64]| {
        let values = &field[channel * n..(channel + 1) * n];
        values.iter().enumerate().map(|(i, v)| (x(i), *v)).collect()
    };
    let line = |field| Line { label: String::new(), role, points: curve(field) };
    Plot {
        alt: alt.into(),
        x_label: "place".into(),
        y_label: "value".into(),
        lines: fields.fields().take(LINES).map(line).collect(),
        ..Plot::default()
    }
}

/// A picture that fills its column, with the aspect (width, height).
fn figure(html: &mut String, picture: &Picture, shape: (f64, f64), caption: &str) {
    let caption = escape(caption);
    let _ = writeln!(
        html,
        "<figure><img src=\"{}\" width=\"{}\" height=\"{}\" style=\"aspect-ratio: {} / {}\" \
         alt=\"{caption}\"><figcaption>{caption}</figcaption></figure>",
        picture.address, picture.width, picture.height, shape.0, shape.1
    );
}

fn figure_of_svg(html: &mut String, svg: &str, caption: &str) {
    let _ = writeln!(html, "<figure>{svg}<figcaption>{}</figcaption></figure>", escape(caption));
}

#[cfg(test)]
mod tests {
    use crate::meaning;

    /// Repeats the names of the statistics, because each new statistic needs a sentence.
    #[test]
    fn every_statistic_has_its_sentence() {
        for name in [
            "energy distance",
            "sliced Wasserstein",
            "spectrum",
            "spectrum, finer modes",
            "histogram",
            "histogram, channel 3",
            "two-point function",
            "variance (ratio)",
            "lineal path",
            "chord lengths",
            "Euler number",
            "phase fraction",
            "surface (ratio)",
            "cross-channel",
        ] {
            assert!(meaning(name).is_some_and(|words| words.ends_with('.')), "{name}");
        }
        assert_eq!(meaning("no such thing"), None);
    }
}
