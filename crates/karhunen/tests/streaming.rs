//! Fields that are handed on in parts are those that are made at once, and their files are the same bytes.

use karhunen::output::{self, Output, Stream};
use karhunen::{Error, Model, SampleOptions, Tally};

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
