//! NetCDF in its three classic forms: dimensions, one of them of records, attributes, variables, their values.

use super::Choices;

const NAMES: [&str; 12] = [
    "t",
    "x",
    "time",
    "_FillValue",
    "scale_factor",
    "add_offset",
    "units",
    "valid_range",
    "missing_value",
    "coordinates",
    "grid_mapping",
    "",
];

/// Numbers of the file: lengths take eight bytes in the last form.
struct Form {
    version: u8,
}

impl Form {
    fn length(&self, value: u64) -> Vec<u8> {
        match self.version {
            5 => value.to_be_bytes().to_vec(),
            _ => (value as u32).to_be_bytes().to_vec(),
        }
    }

    fn begin(&self, value: u64) -> Vec<u8> {
        match self.version {
            1 => (value as u32).to_be_bytes().to_vec(),
            _ => value.to_be_bytes().to_vec(),
        }
    }
}

fn padded(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

fn size(kind: u32) -> u64 {
    [1, 1, 1, 2, 4, 4, 8, 1, 2, 4, 8, 8][kind.min(11) as usize]
}

/// A file; what it holds is up to the choices.
pub fn make(choices: &mut Choices) -> Vec<u8> {
    let form = Form { version: *choices.of(&[1, 2, 5, 1]) };
    let records = choices.count(3);
    let dimensions: Vec<(&str, u64)> = (0..choices.below(5))
        .map(|i| {
            (*choices.of(&NAMES), if i == 0 && choices.rarely(2) { 0 } else { choices.length(6) })
        })
        .collect();
    let mut head = [&b"CDF"[..], &[form.version]].concat();
    head.extend(form.length(choices.mostly(records)));
    let list = |head: &mut Vec<u8>, tag: u32, count: u64| {
        let tag = if count == 0 { 0 } else { tag };
        head.extend(tag.to_be_bytes());
        head.extend(form.length(count));
    };
    let count = choices.mostly(dimensions.len() as u64);
    list(&mut head, 10, count);
    for (name, length) in &dimensions {
        text(&mut head, &form, name, choices);
        head.extend(form.length(*length));
    }
    attributes(&mut head, &form, choices);
    let variables: Vec<(u32, Vec<usize>)> = (0..choices.below(4))
        .map(|_| {
            let axes = (0..choices.below(4)).map(|_| choices.below(dimensions.len() + 1)).collect();
            (1 + choices.below(11) as u32, axes)
        })
        .collect();
    let count = choices.mostly(variables.len() as u64);
    list(&mut head, 11, count);
    // places of values are known once the header is; they are written over then
    let mut places = Vec::new();
    for (kind, axes) in &variables {
        let name = *choices.of::<&str>(&NAMES);
        text(&mut head, &form, name, choices);
        head.extend(form.length(choices.mostly(axes.len() as u64)));
        axes.iter().for_each(|axis| head.extend(form.length(*axis as u64)));
        attributes(&mut head, &form, choices);
        head.extend(choices.mostly(u64::from(*kind)).to_be_bytes()[4..].iter());
        let length = |axis: &usize| dimensions.get(*axis).map_or(1, |d| d.1.max(1));
        let bytes = axes.iter().map(length).fold(size(*kind), u64::saturating_mul);
        head.extend(form.length(choices.mostly(bytes.saturating_add(3) / 4 * 4)));
        places.push((head.len(), bytes));
        head.extend(form.begin(0));
    }
    let mut at = head.len() as u64;
    for (place, bytes) in places {
        let begin = form.begin(choices.mostly(at));
        head[place..place + begin.len()].copy_from_slice(&begin);
        at = at.saturating_add(bytes);
    }
    let values = (at - head.len() as u64).min(2048);
    let there = choices.mostly(values).min(4096) as usize;
    head.extend(choices.exactly(there));
    head
}

fn text(head: &mut Vec<u8>, form: &Form, name: &str, choices: &mut Choices) {
    head.extend(form.length(choices.mostly(name.len() as u64)));
    head.extend(padded(name.as_bytes()));
}

fn attributes(head: &mut Vec<u8>, form: &Form, choices: &mut Choices) {
    let count = choices.below(3);
    head.extend(if count == 0 { 0u32 } else { 12 }.to_be_bytes());
    head.extend(form.length(count as u64));
    for _ in 0..count {
        let name = *choices.of::<&str>(&NAMES);
        text(head, form, name, choices);
        let (kind, length) = (1 + choices.below(11) as u32, choices.count(3));
        head.extend(kind.to_be_bytes());
        head.extend(form.length(length));
        let bytes = length.min(8) * size(kind);
        head.extend(padded(&choices.exactly(bytes as usize)));
    }
}
