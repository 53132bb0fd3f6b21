//! Reads a folder of files, each of which is a field: which files are used, in which order, and
//! which are copies of others.
//!
//! Exact copies are kept and named in a note. The frequency of a picture belongs to the law of the
//! data, and in folders that are channels of one another each copy has its partner. In a numbered
//! stack, a file without a number may nearly repeat a slice. It is left out and named.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

use crate::address::ending;
use crate::container::folder::file::Read;
use crate::container::plain::head_of;
use crate::fields::opened::Opened;
use crate::format::entry::{Format, Found, InFolder, Seen, find};
use crate::names::file_name;
use crate::{FormatError, RawFields, ReadOptions, Series, names};

mod file;

/// Folders in the table of formats.
pub(crate) const FORMAT: Format =
    Format { one: Some("a folder"), ..Format::new("folder", recognise, open) };

fn recognise(seen: &Seen<'_>) -> bool {
    matches!(seen, Seen::Folder(_))
}

fn open(found: &Found<'_>, options: &ReadOptions) -> Result<Opened, FormatError> {
    read(found.path, found.table, options).map(Opened::Memory)
}

/// Number of names shown in a note; the others are counted.
const NAMES_SHOWN: usize = 6;
/// Number of names shown for the order of fields.
const FIRST_SHOWN: usize = 3;

/// The files of a folder in natural order (numbers by value).
struct Files {
    files: Vec<(String, &'static Format)>,
    notes: Vec<String>,
}

/// Reads a folder as described in [`crate::read()`].
fn read(
    path: &Path,
    table: &'static [Format],
    options: &ReadOptions,
) -> Result<RawFields, FormatError> {
    let Files { files, mut notes } = Files::list(path, table)?;
    let names: Vec<String> = files.iter().map(|(name, _)| name.clone()).collect();
    let numbers = names::stack(&names);
    let placed = |i: &usize| numbers.as_ref().is_none_or(|n| n[*i].is_some());
    let (kept, loose): (Vec<usize>, Vec<usize>) = (0..files.len()).partition(placed);

    let mut reader = Read::new(table, options);
    let mut one = |i: usize| reader.one(&path.join(&files[i].0), files[i].1);
    let mut fields: Option<RawFields> = None;
    let mut seen: HashMap<u64, Vec<usize>> = HashMap::new();
    let (mut copies, mut positions, mut told) = (Vec::new(), Vec::new(), Vec::<String>::new());
    let twin = |seen: &HashMap<u64, Vec<usize>>, fields: &RawFields, values: &[f32]| {
        let same = |&at: &usize| fields.fields().nth(at) == Some(values);
        seen.get(&digest(values))?.iter().copied().find(same)
    };
    for &i in &kept {
        let next = one(i)?;
        let fields = match &mut fields {
            Some(fields) => {
                agree((&path.join(&names[kept[0]]), fields), (&path.join(&names[i]), &next))?;
                if let Some(same) = twin(&seen, fields, &next.values) {
                    copies.push(format!("{} = {}", names[i], fields.items[same]));
                }
                if fields.units != next.units {
                    fields.units = Default::default();
                }
                fields.values.extend_from_slice(&next.values);
                fields
            }
            // the total size is checked after the first file, not after many
            None => {
                options.admit(path, [next.values.len() as u64, kept.len() as u64])?;
                fields.insert(RawFields { items: Vec::new(), ..next.clone() })
            }
        };
        for note in next.notes {
            if !told.contains(&note) {
                told.push(note);
            }
        }
        seen.entry(digest(&next.values)).or_default().push(positions.len());
        let position = numbers.as_ref().and_then(|n| n[i]);
        positions.push(position.unwrap_or(positions.len() as u64));
        fields.items.push(names[i].clone());
    }
    let Some(mut fields) = fields else {
        let what = "the folder holds no file of fields".into();
        return Err(FormatError::Empty { path: path.into(), what });
    };
    let (mut dropped, mut strangers) = (Vec::new(), Vec::new());
    for i in loose {
        match twin(&seen, &fields, &one(i)?.values) {
            Some(same) => dropped.push(format!("{} = {}", names[i], fields.items[same])),
            None => strangers.push(names[i].clone()),
        }
    }
    let pictures = fields.points.len() == 2;
    let volume = options.dim == Some(3) && pictures;
    if !copies.is_empty() && !volume {
        notes.push(format!(
            "kept although they repeat others exactly ({}): {}; both sides of a split may hold one",
            copies.len(),
            shown(&copies)
        ));
    }
    if !dropped.is_empty() {
        notes.push(format!("dropped as copies of slices ({}): {}", dropped.len(), shown(&dropped)));
    }
    if !strangers.is_empty() {
        notes.push(format!(
            "left out for want of a number ({}): {}; their place in the stack of {} is unknown, and \
             each may nearly repeat a slice",
            strangers.len(),
            shown(&strangers),
            positions.len()
        ));
    }
    if !fields.items.is_sorted() {
        let first = &fields.items[..FIRST_SHOWN.min(fields.items.len())];
        notes.push(format!(
            "fields are in the order of the numbers in their names ({}, …), which is not that of the \
             alphabet",
            first.join(", ")
        ));
    }
    let hole = positions.windows(2).find(|w| w[1] - w[0] != 1);
    if let Some(&[before, after]) = hole {
        if volume {
            return Err(FormatError::Hole { path: path.into(), before, after });
        }
        notes.push(format!("the stack has holes, the first between slices {before} and {after}"));
    }
    notes.extend(told);
    fields.source = path.into();
    fields.notes = notes;
    fields.positions = positions;
    fields.series = if numbers.is_some() { Series::Stack } else { Series::Apart };
    if volume {
        fields.units.spacing = None;
        fields.units.length = None;
        return Ok(fields.into_volume());
    }
    Ok(fields)
}

impl Files {
    fn list(path: &Path, table: &'static [Format]) -> Result<Self, FormatError> {
        let failed = |source| FormatError::Read { path: path.into(), source };
        let (mut pictures, mut arrays) = (Vec::new(), Vec::new());
        let (mut folders, mut others, mut notes) = (Vec::new(), Vec::new(), Vec::new());
        for entry in std::fs::read_dir(path).map_err(failed)? {
            let file = entry.map_err(failed)?.path();
            let name = file_name(&file);
            if name.starts_with('.') {
                continue;
            }
            let kind = std::fs::metadata(&file)
                .map_err(|source| FormatError::Read { path: file.clone(), source })?;
            if kind.is_dir() {
                folders.push(name);
                continue;
            }
            let head = head_of(&file)?;
            match find(table, &Seen::Head(&head)) {
                Some(format) if picture_endings(format).is_some() => pictures.push((name, format)),
                _ if promises_picture(&file, table) => {
                    return Err(FormatError::UnknownContent { path: file, head });
                }
                Some(format) if is_array(format, &name) => arrays.push((name, format)),
                _ => others.push(name),
            }
        }
        let mut files = pictures;
        if files.is_empty() {
            files = arrays;
        } else {
            others.extend(arrays.into_iter().map(|(name, _)| name));
        }
        folders.sort_by(|a, b| names::natural(a, b));
        let inside = match folders.is_empty() {
            true => String::new(),
            false => format!("; it has the subfolders {}: name one of them", shown(&folders)),
        };
        for (what, mut list) in [("subfolders", folders), ("files that are no fields", others)] {
            if !list.is_empty() {
                list.sort_by(|a, b| names::natural(a, b));
                notes.push(format!("ignored {what} ({}): {}", list.len(), shown(&list)));
            }
        }
        if files.is_empty() {
            let what = format!("{}{inside}", no_field(table));
            return Err(FormatError::Empty { path: path.into(), what });
        }
        files.sort_by(|(a, _), (b, _)| names::natural(a, b));
        Ok(Self { files, notes })
    }
}

/// What is said of a folder without any file that is a field.
fn no_field(table: &[Format]) -> String {
    let named = |which: fn(&Format) -> bool| {
        let names: Vec<&str> = table.iter().filter(|f| which(f)).map(|f| f.name).collect();
        match names.split_last() {
            Some((last, [])) => last.to_string(),
            Some((last, others)) => format!("{} or {last}", others.join(", ")),
            None => String::new(),
        }
    };
    let pictures = named(|format| picture_endings(format).is_some());
    let arrays = named(|format| matches!(format.in_folder, InFolder::Array(_)));
    format!("the folder holds no {pictures} picture, and no {arrays} array")
}

/// The endings of a format of pictures; none for another one.
fn picture_endings(format: &Format) -> Option<&'static [&'static str]> {
    match format.in_folder {
        InFolder::Picture(endings) | InFolder::Pages(endings) => Some(endings),
        InFolder::Array(_) | InFolder::No => None,
    }
}

/// Whether the ending of a file is one of pictures. Such a file is never skipped because of its content.
fn promises_picture(file: &Path, table: &[Format]) -> bool {
    let ending = ending(file);
    table.iter().filter_map(picture_endings).flatten().any(|own| *own == ending)
}

/// Whether a file may hold one array that is one field.
fn is_array(format: &Format, name: &str) -> bool {
    let InFolder::Array(endings) = format.in_folder else { return false };
    let name = name.to_ascii_lowercase();
    let ends = |ending: &&str| name.strip_suffix(ending).is_some_and(|rest| rest.ends_with('.'));
    endings.is_empty() || endings.iter().any(ends)
}

/// Refuses two fields that cannot belong to one data set.
fn agree(
    (first_path, first): (&Path, &RawFields),
    (second_path, second): (&Path, &RawFields),
) -> Result<(), FormatError> {
    let shape = |fields: &RawFields| {
        let points: Vec<String> = fields.points.iter().map(usize::to_string).collect();
        format!("{} with {} channel(s) of {}", points.join("x"), fields.channels, fields.dtype)
    };
    let (first_shape, second_shape) = (shape(first), shape(second));
    match first_shape == second_shape {
        true => Ok(()),
        false => Err(FormatError::Mixed {
            first: first_path.into(),
            first_shape,
            second: second_path.into(),
            second_shape,
        }),
    }
}

fn digest(values: &[f32]) -> u64 {
    let mut hasher = DefaultHasher::new();
    values.iter().for_each(|v| v.to_bits().hash(&mut hasher));
    hasher.finish()
}

fn shown(names: &[String]) -> String {
    let mut text = names[..names.len().min(NAMES_SHOWN)].join(", ");
    if names.len() > NAMES_SHOWN {
        text.push_str(&format!(" and {} more", names.len() - NAMES_SHOWN));
    }
    text
}
