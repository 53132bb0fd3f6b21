//! A folder of pictures: which files count, in which order, and which repeat others.
//!
//! Exact copies are dropped: a slice that is in the data twice would sit on both sides of a
//! training split. Near copies cannot be known; in a numbered stack a picture without a number
//! may well be one, so it is left out and named.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

use crate::content::Content;
use crate::input::head_of;
use crate::picture::Picture;
use crate::read::{file_name, pictures};
use crate::seekable::Seekable;
use crate::{FormatError, RawFields, ReadOptions, names, picture, tiff_pages};

/// Endings that promise a picture: such a file is not passed over for its content.
const PICTURE_ENDINGS: [&str; 5] = ["png", "jpg", "jpeg", "tif", "tiff"];
/// Names shown in a note; the others are counted.
const NAMES_SHOWN: usize = 6;

/// Reads a folder as [`crate::read()`] says.
pub(crate) fn read(path: &Path, options: &ReadOptions) -> Result<RawFields, FormatError> {
    let mut notes = Vec::new();
    let files = list(path, &mut notes)?;
    let names: Vec<String> = files.iter().map(|(name, _)| name.clone()).collect();
    let numbers = names::stack(&names);
    let volume = options.dim == Some(3);
    let placed = |i: &usize| numbers.as_ref().is_none_or(|n| n[*i].is_some());
    let (kept, loose): (Vec<usize>, Vec<usize>) = (0..files.len()).partition(placed);

    let decode = |i: usize| decode(&path.join(&files[i].0), files[i].1, options);
    let mut chosen: Vec<(String, Picture)> = Vec::with_capacity(kept.len());
    let mut seen: HashMap<u64, Vec<usize>> = HashMap::new();
    let (mut copies, mut positions) = (Vec::new(), Vec::new());
    for &i in &kept {
        let picture = decode(i)?;
        match chosen.first() {
            Some((first, model)) => {
                Picture::agree((&path.join(first), model), (&path.join(&names[i]), &picture))?;
            }
            // known to be too much after one picture, not after many
            None => {
                options.admit(path, [picture.values.len() as u64, kept.len() as u64])?;
            }
        }
        if let Some(same) = twin(&seen, &chosen, &picture).filter(|_| !volume) {
            copies.push(format!("{} = {}", names[i], chosen[same].0));
            continue;
        }
        seen.entry(digest(&picture)).or_default().push(chosen.len());
        let position = numbers.as_ref().and_then(|n| n[i]);
        positions.push(position.unwrap_or(positions.len() as u64));
        chosen.push((names[i].clone(), picture));
    }
    let mut strangers = Vec::new();
    for i in loose {
        match twin(&seen, &chosen, &decode(i)?) {
            Some(same) => copies.push(format!("{} = {}", names[i], chosen[same].0)),
            None => strangers.push(names[i].clone()),
        }
    }
    if !copies.is_empty() {
        notes.push(format!("dropped as exact copies ({}): {}", copies.len(), shown(&copies)));
    }
    if !strangers.is_empty() {
        notes.push(format!(
            "left out for want of a number ({}): {}; their place in the stack of {} is unknown, and \
             each may nearly repeat a slice",
            strangers.len(),
            shown(&strangers),
            chosen.len()
        ));
    }
    let hole = positions.windows(2).find(|w| w[1] - w[0] != 1);
    if let Some(&[before, after]) = hole {
        if volume {
            return Err(FormatError::Hole { path: path.into(), before, after });
        }
        notes.push(format!("the stack has holes, the first between slices {before} and {after}"));
    }
    let mut fields = pictures(path, chosen, options)?;
    if !volume {
        fields.positions = positions;
    }
    fields.notes.splice(0..0, notes);
    Ok(fields)
}

/// The pictures of a folder in natural order.
fn list(path: &Path, notes: &mut Vec<String>) -> Result<Vec<(String, Content)>, FormatError> {
    let failed = |source| FormatError::Read { path: path.into(), source };
    let (mut files, mut folders, mut others) = (Vec::new(), Vec::new(), Vec::new());
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
        match Content::of(&head) {
            Some(content) if content.is_picture() => files.push((name, content)),
            _ if promises_picture(&file) => {
                return Err(FormatError::UnknownContent { path: file, head });
            }
            _ => others.push(name),
        }
    }
    for (what, mut list) in [("subfolders", folders), ("files that are no pictures", others)] {
        if !list.is_empty() {
            list.sort_by(|a, b| names::natural(a, b));
            notes.push(format!("ignored {what} ({}): {}", list.len(), shown(&list)));
        }
    }
    if files.is_empty() {
        let what = "the folder holds no PNG, JPEG or TIFF picture";
        return Err(FormatError::Empty { path: path.into(), what: what.into() });
    }
    files.sort_by(|(a, _), (b, _)| names::natural(a, b));
    Ok(files)
}

fn promises_picture(file: &Path) -> bool {
    let ending = file.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    PICTURE_ENDINGS.contains(&ending.as_str())
}

fn decode(file: &Path, content: Content, options: &ReadOptions) -> Result<Picture, FormatError> {
    if content != Content::Tiff {
        return picture::read(Seekable::file(file)?, content, options);
    }
    let (mut pages, _) = tiff_pages::read(Seekable::file(file)?, options)?;
    match (pages.len(), pages.pop()) {
        (1, Some(page)) => Ok(page),
        (n, _) => Err(FormatError::Unsupported {
            path: file.into(),
            what: format!("a TIFF of {n} pages among pictures; read it by itself"),
        }),
    }
}

fn digest(picture: &Picture) -> u64 {
    let mut hasher = DefaultHasher::new();
    (picture.height, picture.width, picture.channels).hash(&mut hasher);
    picture.values.iter().for_each(|v| v.to_bits().hash(&mut hasher));
    hasher.finish()
}

/// An earlier picture with exactly these values.
fn twin(
    seen: &HashMap<u64, Vec<usize>>,
    chosen: &[(String, Picture)],
    picture: &Picture,
) -> Option<usize> {
    let same = |&i: &usize| chosen[i].1 == *picture;
    seen.get(&digest(picture))?.iter().copied().find(same)
}

fn shown(names: &[String]) -> String {
    let mut text = names[..names.len().min(NAMES_SHOWN)].join(", ");
    if names.len() > NAMES_SHOWN {
        text.push_str(&format!(" and {} more", names.len() - NAMES_SHOWN));
    }
    text
}
