//! Fields that are handed on in parts are those that are made at once, and their files are the same bytes. Those of a
//! sampler in single precision are the same up to roundings.

use karhunen::output::{self, Output, Stream};
use karhunen::sampler::{Method, Precision};
use karhunen::{CalibrationKind, Error, LargerBox, Model, SampleError, SampleOptions, Tally};

const CELLS: usize = 256;

#[test]
fn fields_in_parts_are_those_at_once() {
    let model = Model::open("builtin:shapes").unwrap();
    // one more than are under way together, on any machine
    let count = model.trained().together(CELLS * CELLS) + 1;
    let options =
        SampleOptions::new(count).on(&[CELLS, CELLS]).evaluations(2).seed(5).from_index(3);
    let streamed = SampleOptions { streamed: true, ..options.clone() };
    let whole = model.sampling(&options, &()).unwrap();
    assert!(!whole.comes_in_parts());
    let whole = whole.run(&()).unwrap();
    let sampling = model.sampling(&streamed, &()).unwrap();
    assert!(sampling.comes_in_parts());
    let folder = std::env::temp_dir().join(format!("karhunen-streaming-{}", std::process::id()));
    let (one, other) = (folder.join("one.npy"), folder.join("other.npy"));
    let plain = Output { unit: whole.unit.as_deref(), ..Output::default() };
    output::write(&whole.with_lengths(), &one, &plain).unwrap();
    let (grid, _) = sampling.measured().unwrap();
    let shape = (whole.fields.channels, count as usize);
    let mut stream = Stream::create(&other, &grid, shape, &plain).unwrap();
    let (mut next, mut classes, mut parts) = (3, Vec::<u32>::new(), 0);
    let (mut values, mut tally) = (Vec::<f64>::new(), Tally::default());
    sampling
        .each(&(), |part| -> Result<(), Error> {
            assert_eq!((part.indices.start, part.evaluations), (next, whole.evaluations));
            next = part.indices.end;
            parts += 1;
            part.tally(&mut tally);
            classes.extend(&part.classes);
            values.extend(&part.fields.values);
            stream.push(&part.with_lengths())
        })
        .unwrap();
    stream.finish().unwrap();
    assert_eq!((next, parts), (3 + count, 2));
    assert!(values == whole.fields.values);
    assert_eq!(classes, whole.classes);
    assert_eq!(tally.beyond(), whole.beyond());
    assert!(std::fs::read(&one).unwrap() == std::fs::read(&other).unwrap());
    let _ = std::fs::remove_dir_all(&folder);
}

#[test]
fn whoever_takes_parts_may_end_it() {
    let model = Model::open("builtin:spinodal").unwrap();
    let count = model.trained().together(CELLS * CELLS) + 1;
    let options = SampleOptions::new(count).on(&[CELLS, CELLS]);
    let surrogate = SampleOptions { surrogate: true, streamed: true, ..options };
    let mut taken = 0;
    let ended = model.sampling(&surrogate, &()).unwrap().each(&(), |_| {
        taken += 1;
        Err(Error::from(karhunen::FieldError::Stopped))
    });
    assert!(ended.is_err());
    assert_eq!(taken, 1);
}

/// Largest difference in standard deviations of the first fields.
fn difference(a: &[f64], b: &[f64]) -> f64 {
    let mean = a.iter().sum::<f64>() / a.len() as f64;
    let deviation = (a.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / a.len() as f64).sqrt();
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max) / deviation
}

#[test]
fn single_precision_makes_the_same_fields() {
    let folder = std::env::temp_dir().join(format!("karhunen-precision-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let points = folder.join("points.csv");
    std::fs::write(&points, "x,y,value\n0.2,0.3,0.9\n0.6,0.7,-0.8\n").unwrap();
    let plain = SampleOptions::new(2).on(&[96, 80]).evaluations(5).seed(3);
    let ring = LargerBox::times(&[1.5, 2.0]).closed(&["x"]);
    let mut asked = vec![
        ("a larger box", SampleOptions::new(1).evaluations(5).in_a(ring.clone())),
        ("a finer larger box", SampleOptions::new(1).on(&[144, 160]).evaluations(4).in_a(ring)),
        ("observations", SampleOptions { observe: vec![points], ..plain.clone() }),
        ("the trained grid", SampleOptions::new(3).evaluations(5)),
    ];
    asked.extend(Method::ALL.map(|method| (method.name(), plain.clone().by(method, 5))));
    let spinodal = Model::open("builtin:spinodal").unwrap();
    let mut asked: Vec<_> = asked.into_iter().map(|(what, o)| (what, &spinodal, o)).collect();
    let shapes = Model::open("builtin:shapes").unwrap();
    let guided = SampleOptions { guidance: 2.0, ..plain.clone().classes(&[1]) };
    asked.push(("classes", &shapes, plain.clone().classes(&[0, 1])));
    asked.push(("guided classes", &shapes, guided));
    for (what, model, options) in asked {
        let run = |precision| {
            let mut options = options.clone().in_precision(precision);
            if what != "the trained grid" {
                // the others would make 256 pilots each
                options.calibration = Some(CalibrationKind::None);
            }
            model.sampling(&options, &()).unwrap().run(&()).unwrap()
        };
        let (double, single) = (run(Precision::Double), run(Precision::Single));
        let error = difference(&double.fields.values, &single.fields.values);
        assert!(error > 0.0 && error < 2e-3, "{what}: {error}");
        println!("{what}: {error:.1e}");
        assert_eq!((double.evaluations, &double.classes), (single.evaluations, &single.classes));
    }
    let _ = std::fs::remove_dir_all(&folder);
}

#[test]
fn what_no_sampler_makes_is_refused_in_single_precision() {
    let model = Model::open("builtin:spinodal").unwrap();
    let single = SampleOptions::new(1).in_precision(Precision::Single);
    let surrogate = SampleOptions { surrogate: true, ..single.clone() };
    let particles = SampleOptions { particles: Some(4), ..single };
    for options in [surrogate, particles] {
        let error = model.sampling(&options, &()).unwrap_err();
        assert!(matches!(error, Error::Sample(SampleError::Precision(_))), "{error}");
    }
}
