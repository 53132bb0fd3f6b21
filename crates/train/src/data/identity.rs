//! Recognises the data of a model by their values, and knows which part it was trained on.
//!
//! A path identifies nothing: the same file may lie elsewhere, another file may take its name, and
//! a file may grow. Here every *part* of the data, a field or a slice of one, has a 64-bit hash of
//! its values at fixed places, and a role. The parts of other data are recognised by their hashes.
//!
//! Modules `division` and `origin` assign the roles.

use std::collections::HashMap;

use karhunen_formats::FieldSource;
use rayon::prelude::*;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::TrainError;

/// All values of a part up to this size are hashed; of larger parts [`LINES`] lines.
const WHOLE: usize = 1 << 14;
/// Lines of a large part that are hashed, along its last axis.
const LINES: usize = 4;
/// Largest number of values of such a line.
const LINE: usize = 512;
/// Slices read at a time, so that the chunks of a file are unpacked once and not once a slice.
const SLICES: usize = 64;

/// The role of a part of the data in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Trained on.
    Training,
    /// Held out: never trained on.
    HeldOut,
    /// Neither: a gap between the two, or too few neighbouring slices for a patch.
    Gap,
}

/// The identity of one source: a hash and a role for each part.
///
/// A part is a whole field. If fields are split along an axis, a part is one slice; the slices of
/// field 0 come first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Identity {
    /// Cells of a field along each axis.
    pub points: Vec<usize>,
    /// Number of channels of a field.
    pub channels: usize,
    /// The axis whose slices are the parts; whole fields if none.
    pub axis: Option<usize>,
    /// Hash of each part.
    #[serde(serialize_with = "as_digits", deserialize_with = "of_digits")]
    pub hashes: Vec<u64>,
    /// Role of each part.
    #[serde(serialize_with = "as_letters", deserialize_with = "of_letters")]
    pub roles: Vec<Role>,
}

/// What a model knows about other data.
#[derive(Debug, Clone, PartialEq)]
pub enum Standing {
    /// The data are the model's own; the role of each part.
    Own(Vec<Role>),
    /// Some parts are the model's own and have a role; the others are new to it.
    Partly(Vec<Option<Role>>),
    /// No part is the model's own.
    Other,
    /// The data are split along another axis, so nothing can be told.
    Untold,
}

impl Identity {
    /// Hashes a source. Its parts have no roles yet: all count as trained on.
    ///
    /// **Cost** Reads all values of parts of at most 16,384 values, and four lines of 512 values of
    /// larger parts.
    ///
    /// # Errors
    /// Errors while reading.
    pub fn of(fields: &dyn FieldSource, axis: Option<usize>) -> Result<Self, TrainError> {
        let (points, channels) = (fields.points().to_vec(), fields.channels());
        let slices = axis.map_or(1, |a| points[a]);
        let jobs: Vec<(usize, usize)> = (0..fields.count())
            .flat_map(|item| (0..slices).step_by(SLICES).map(move |first| (item, first)))
            .collect();
        let hashes: Result<Vec<Vec<u64>>, TrainError> = jobs
            .into_par_iter()
            .map(|(item, first)| {
                let range = first..slices.min(first + SLICES);
                hashes(fields, axis, item, range)
            })
            .collect();
        let hashes = hashes?.concat();
        let roles = vec![Role::Training; hashes.len()];
        Ok(Self { points, channels, axis, hashes, roles })
    }

    /// Number of parts of one field.
    pub fn slices(&self) -> usize {
        self.axis.map_or(1, |axis| self.points[axis])
    }

    /// Number of fields.
    pub fn count(&self) -> usize {
        self.hashes.len() / self.slices().max(1)
    }

    /// Whether two sources hold the same values in the same order; roles are ignored.
    pub fn same(&self, other: &Self) -> bool {
        self.comparable(other) && self.hashes == other.hashes
    }

    fn comparable(&self, other: &Self) -> bool {
        let key = |i: &Self| (i.points.clone(), i.channels, i.axis);
        if self.axis.is_none() || key(self) == key(other) {
            return key(self) == key(other);
        }
        // a volume that grew along its slices has more of them
        let across = |i: &Self| {
            let mut points = i.points.clone();
            i.axis.into_iter().for_each(|axis| points[axis] = 0);
            points
        };
        self.axis == other.axis && self.channels == other.channels && across(self) == across(other)
    }
}

/// What a model whose data were the `known` sources knows about another source.
pub fn standing(known: &[Identity], other: &Identity) -> Standing {
    if let Some(own) = known.iter().find(|own| own.same(other)) {
        return Standing::Own(own.roles.clone());
    }
    let comparable: Vec<&Identity> = known.iter().filter(|own| own.comparable(other)).collect();
    if comparable.is_empty() {
        return Standing::Untold;
    }
    let mut roles: HashMap<u64, Role> = HashMap::new();
    for (hash, role) in comparable.iter().flat_map(|own| own.hashes.iter().zip(&own.roles)) {
        // parts with the same hash in several sources count as trained on
        let role = match roles.get(hash) {
            Some(Role::Training) => Role::Training,
            _ => *role,
        };
        roles.insert(*hash, role);
    }
    let found: Vec<Option<Role>> = other.hashes.iter().map(|h| roles.get(h).copied()).collect();
    match found.iter().all(Option::is_none) {
        true => Standing::Other,
        false => Standing::Partly(found),
    }
}

/// Hashes of the slices of one field, or of the whole field.
fn hashes(
    fields: &dyn FieldSource,
    axis: Option<usize>,
    item: usize,
    range: std::ops::Range<usize>,
) -> Result<Vec<u64>, TrainError> {
    let points = fields.points();
    let mut part = points.to_vec();
    axis.into_iter().for_each(|a| part[a] = 1);
    // values may be stored with an offset kept separately; without an offset nothing changes
    let apart =
        fields.offsets().iter().filter(|o| **o != 0.0).fold(START, |s, o| mixed(s ^ o.to_bits()));
    let mut state = vec![apart; range.len()];
    let whole = part.iter().product::<usize>() <= WHOLE;
    for line in 0..if whole { 1 } else { LINES } {
        let (mut corner, mut size) = (vec![0; points.len()], part.clone());
        if !whole {
            (corner, size) = place(&part, line);
        }
        if let Some(a) = axis {
            (corner[a], size[a]) = (range.start, range.len());
        }
        let mut values = Vec::new();
        fields.block(item, &corner, &size, &mut values)?;
        // values of one slice lie in runs of `inner`, `inner · slices` apart
        let inner: usize = axis.map_or(1, |a| size[a + 1..].iter().product());
        for (i, value) in values.iter().enumerate() {
            let slice = if axis.is_some() { i / inner % range.len() } else { 0 };
            // 0 and -0 are the same number, and all missing values are the same
            let value = if value.is_nan() { f32::NAN } else { value + 0.0 };
            state[slice] = mixed(state[slice] ^ u64::from(value.to_bits()));
        }
    }
    Ok(state)
}

/// Position of line `line` of a part: a fixed pseudo-random place, along the last axis with more
/// than one point.
fn place(part: &[usize], line: usize) -> (Vec<usize>, Vec<usize>) {
    let along = part.iter().rposition(|n| *n > 1).unwrap_or(0);
    let (mut corner, mut size) = (vec![0; part.len()], vec![1; part.len()]);
    for (axis, n) in part.iter().enumerate() {
        size[axis] = if axis == along { LINE.min(*n) } else { 1 };
        let places = (n - size[axis] + 1) as u64;
        corner[axis] = (mixed(START + (8 * line + axis) as u64) % places) as usize;
    }
    (corner, size)
}

const START: u64 = 0x4b61_7268_756e_656e;

/// One step of SplitMix64: a bijection of 64 bits.
pub(crate) fn mixed(state: u64) -> u64 {
    let mut z = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn as_digits<S: Serializer>(hashes: &[u64], serializer: S) -> Result<S::Ok, S::Error> {
    let digits: String = hashes.iter().map(|h| format!("{h:016x}")).collect();
    serializer.serialize_str(&digits)
}

fn of_digits<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u64>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let number = |digits: &[u8]| {
        let digits = std::str::from_utf8(digits).ok()?;
        u64::from_str_radix(digits, 16).ok().filter(|_| digits.len() == 16)
    };
    let numbers: Option<Vec<u64>> = text.as_bytes().chunks(16).map(number).collect();
    numbers.ok_or_else(|| serde::de::Error::custom("hashes have 16 digits each"))
}

const LETTERS: [(Role, char); 3] = [(Role::Training, 't'), (Role::HeldOut, 'h'), (Role::Gap, '-')];

fn as_letters<S: Serializer>(roles: &[Role], serializer: S) -> Result<S::Ok, S::Error> {
    let letter = |role: &Role| LETTERS.iter().find(|(r, _)| r == role).map_or('-', |(_, l)| *l);
    serializer.serialize_str(&roles.iter().map(letter).collect::<String>())
}

fn of_letters<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Role>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let role = |letter: char| LETTERS.iter().find(|(_, l)| *l == letter).map(|(role, _)| *role);
    let roles: Option<Vec<Role>> = text.chars().map(role).collect();
    roles.ok_or_else(|| serde::de::Error::custom("roles are t, h and -"))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use karhunen_formats::{RawFields, Series, SourceType, Units};

    use super::*;

    fn fields(points: &[usize], count: usize, value: impl Fn(usize) -> f32) -> RawFields {
        let len = count * points.iter().product::<usize>();
        RawFields {
            points: points.into(),
            channels: 1,
            values: (0..len).map(value).collect(),
            offset: 0.0,
            dtype: SourceType::F32,
            source: PathBuf::from("a"),
            items: vec![],
            positions: (0..count as u64).collect(),
            series: Series::Unknown,
            units: Units::default(),
            notes: vec![],
        }
    }

    fn noise(i: usize) -> f32 {
        (mixed(i as u64) >> 40) as f32
    }

    #[test]
    fn every_field_of_grown_data_is_found_where_it_is() {
        let first = Identity::of(&fields(&[5, 7], 20, noise), None).unwrap();
        let grown = Identity::of(&fields(&[5, 7], 24, noise), None).unwrap();
        let mut known = first.clone();
        known.roles[3] = Role::HeldOut;
        let Standing::Partly(roles) = standing(&[known.clone()], &grown) else { panic!() };
        assert_eq!(roles.iter().filter(|r| **r == Some(Role::Training)).count(), 19);
        assert_eq!(roles[3], Some(Role::HeldOut));
        assert!(roles[20..].iter().all(Option::is_none));
        assert_eq!(standing(&[known.clone()], &first), Standing::Own(known.roles.clone()));
        // other values, and fields of another shape
        let other = Identity::of(&fields(&[5, 7], 20, |i| 2.0 * noise(i)), None).unwrap();
        assert_eq!(standing(&[known.clone()], &other), Standing::Other);
        let cropped = Identity::of(&fields(&[5, 6], 20, noise), None).unwrap();
        assert_eq!(standing(&[known], &cropped), Standing::Untold);
    }

    #[test]
    fn slices_are_told_apart_along_every_axis_and_few_values_are_read_of_large_ones() {
        // slices of 9 values, and of 300 x 200, which are too large to be hashed completely
        for (points, axis) in
            [(vec![4, 3, 3], 0), (vec![3, 4, 3], 1), (vec![3, 3, 70], 2), (vec![6, 300, 200], 0)]
        {
            let plane: usize = points[axis + 1..].iter().product();
            let value = |i: usize| noise(i) + 0.0 * plane as f32;
            let all = Identity::of(&fields(&points, 2, value), Some(axis)).unwrap();
            assert_eq!((all.hashes.len(), all.count()), (2 * points[axis], 2));
            let mut distinct = all.hashes.clone();
            distinct.sort_unstable();
            distinct.dedup();
            assert_eq!(distinct.len(), all.hashes.len());
            // a slice that is the same in both has the same hash
            let slice = |i: usize| i / plane % points[axis];
            let changed = |i: usize| if slice(i) == 1 { -1.0 - value(i) } else { value(i) };
            let other = Identity::of(&fields(&points, 2, changed), Some(axis)).unwrap();
            for (part, (a, b)) in all.hashes.iter().zip(&other.hashes).enumerate() {
                assert_eq!(a == b, part % points[axis] != 1);
            }
        }
    }

    #[test]
    fn an_identity_reads_back_as_itself() {
        let mut identity = Identity::of(&fields(&[8], 3, noise), None).unwrap();
        identity.roles = vec![Role::Gap, Role::HeldOut, Role::Training];
        let text = serde_json::to_string(&identity).unwrap();
        assert!(text.contains("\"-ht\""), "{text}");
        assert_eq!(serde_json::from_str::<Identity>(&text).unwrap(), identity);
        let short = text.replace("\"hashes\":\"", "\"hashes\":\"0");
        assert!(serde_json::from_str::<Identity>(&short).is_err());
    }
}
