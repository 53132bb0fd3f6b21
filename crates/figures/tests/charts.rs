//! Charts as files: their content, and cases in which none is written.

use std::fs;
use std::path::{Path, PathBuf};

use karhunen_figures::{FigureError, LineChart, Panel, Panels, Series, Tile};

/// A directory for one test, removed at its end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("figures-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn spectrum() -> LineChart {
    let line = |label: &str, tail: f64, dashed| Series {
        label: label.into(),
        points: (0..100)
            .map(f64::from)
            .map(|k| (k, (1.0 + (k / 6.0).powi(2)).powf(-1.7) * (1.0 + tail * (k / 40.0).powi(4))))
            .collect(),
        dashed,
    };
    LineChart {
        title: "Radially averaged spectrum at 128 × 128".into(),
        x_label: "wave number |k|".into(),
        y_label: "power P(k)".into(),
        x_log: true,
        y_log: true,
        series: vec![
            line("data", 0.0, true),
            line("trained on 64², sampled at 128²", 0.3, false),
            line("Gaussian with the data's spectrum", -0.02, false),
        ],
        vertical_marks: vec![(32.0, "trained band".into())],
    }
}

/// Width, height and RGB bytes of a PNG file.
fn decode(path: &Path) -> (u32, u32, Vec<u8>) {
    let file = std::io::BufReader::new(fs::File::open(path).unwrap());
    let mut reader = png::Decoder::new(file).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    assert_eq!(info.color_type, png::ColorType::Rgb);
    (info.width, info.height, pixels)
}

fn count(pixels: &[u8], colour: [u8; 3]) -> usize {
    pixels.chunks_exact(3).filter(|p| *p == colour).count()
}

#[test]
fn a_chart_shows_every_series_and_its_letters() {
    let scratch = Scratch::new("all");
    let path = scratch.0.join("spectrum.png");
    spectrum().png(&path, 900, 500).unwrap();
    let (width, height, pixels) = decode(&path);
    assert_eq!((width, height), (900, 500));
    for colour in [[0, 114, 178], [213, 94, 0], [0, 158, 115]] {
        assert!(count(&pixels, colour) > 200, "{colour:?}: {}", count(&pixels, colour));
    }
    // with a title its rows hold dark pixels, without a title they do not
    let ink = |pixels: &[u8]| pixels[..900 * 3 * 26].iter().filter(|&&v| v < 100).count();
    assert!(ink(&pixels) > 500);
    LineChart { title: String::new(), ..spectrum() }.png(&path, 900, 500).unwrap();
    let none = decode(&path).2[..900 * 3 * 10].iter().all(|&v| v == 255);
    assert!(none);
    // the folder holds nothing but the chart
    assert_eq!(fs::read_dir(&scratch.0).unwrap().count(), 1);
}

#[test]
fn the_same_chart_is_the_same_file() {
    let scratch = Scratch::new("same");
    let (a, b) = (scratch.0.join("a.png"), scratch.0.join("b.png"));
    spectrum().png(&a, 300, 200).unwrap();
    spectrum().png(&b, 300, 200).unwrap();
    assert_eq!(fs::read(a).unwrap(), fs::read(b).unwrap());
}

#[test]
fn points_that_cannot_be_drawn_are_gaps() {
    let scratch = Scratch::new("gaps");
    let path = scratch.0.join("gaps.png");
    let with = |points: Vec<(f64, f64)>| LineChart {
        y_log: true,
        series: vec![Series { points, ..Series::default() }],
        ..LineChart::default()
    };
    let blue = |points| {
        with(points).png(&path, 400, 300).unwrap();
        count(&decode(&path).2, [0, 114, 178])
    };
    let line: Vec<_> = (0..20).map(|i| (f64::from(i), 1.0 + f64::from(i % 2))).collect();
    let mut broken = line.clone();
    broken[7].1 = -1.0;
    broken[13].1 = f64::NAN;
    let (whole, broken) = (blue(line), blue(broken));
    assert!(broken < whole && broken > whole / 2, "{broken} of {whole}");
    assert!(blue(vec![(0.0, 1.0), (1.0, f64::INFINITY), (2.0, 3.0)]) > 10, "two dots");

    let nothing = with(vec![(0.0, 0.0), (f64::NAN, 1.0)]);
    assert!(matches!(nothing.png(&path, 400, 300), Err(FigureError::Empty { .. })));
}

#[test]
fn a_file_that_cannot_be_written_leaves_the_old_one() {
    let scratch = Scratch::new("refused");
    let taken = scratch.0.join("taken.png");
    fs::create_dir(&taken).unwrap();
    let error = spectrum().png(&taken, 300, 200).unwrap_err();
    assert!(matches!(&error, FigureError::Write { path, .. } if *path == taken), "{error}");
    assert_eq!(fs::read_dir(&scratch.0).unwrap().count(), 1, "no half-written file beside");
    let missing = scratch.0.join("no/such/folder/chart.png");
    assert!(matches!(spectrum().png(&missing, 300, 200), Err(FigureError::Write { .. })));
    let tiny = spectrum().png(&scratch.0.join("tiny.png"), 10, 200);
    assert!(matches!(tiny, Err(FigureError::Size { width: 10, .. })));
}

#[test]
fn panels_hold_every_tile_enlarged_and_labelled() {
    let scratch = Scratch::new("panels");
    let path = scratch.0.join("panels.png");
    let tile = |colour: [u8; 3]| Tile { width: 3, pixels: vec![colour; 6] };
    let panel = |label: &str, colours: &[[u8; 3]]| Panel {
        label: label.into(),
        tiles: colours.iter().copied().map(tile).collect(),
    };
    let (red, green, blue) = ([255, 0, 0], [0, 255, 0], [0, 0, 255]);
    let panels = Panels {
        panels: vec![panel("2 real fields", &[red, green]), panel("3 samples", &[blue; 3])],
        note: "black 0, white 1".into(),
    };
    panels.png(&path).unwrap();
    let (width, height, pixels) = decode(&path);
    // three by two cells of 32 pixels a side; two tiles in each column, the samples in two rows
    assert_eq!([red, green, blue].map(|c| count(&pixels, c)), [96 * 64, 96 * 64, 3 * 96 * 64]);
    assert!(width >= 12 + 194 + 24 + 194 + 12 && height >= 130, "{width} {height}");
    // letters above and below
    assert!(pixels.chunks_exact(3).any(|p| p[0] < 100 && p[0] == p[1] && p[1] == p[2]));
    let empty = Panels { panels: vec![panel("nothing", &[])], note: String::new() };
    assert!(matches!(empty.png(&path), Err(FigureError::Empty { .. })));
    let huge = Panels { panels: vec![panel(&"long ".repeat(100), &[red])], note: String::new() };
    assert!(huge.png(&path).is_ok());
    let huge = Panels { panels: vec![panel(&"long ".repeat(4000), &[red])], note: String::new() };
    assert!(matches!(huge.png(&path), Err(FigureError::Size { .. })));
}
