//! The axes of a TIFF stack (times, slices, channels), as described by ImageJ, tifffile or
//! MetaMorph.
//!
//! Sources: ImageJ's `FileInfo` and `TiffEncoder`, whose pages have channels fastest, then slices,
//! then frames; tifffile's description, a JSON object with the shape of the whole stack. Module
//! `ome` reads OME.

use serde_json::Value;

use crate::ReadOptions;
use crate::format::tiff::page::Page;

/// First word of ImageJ's description.
pub(crate) const IMAGEJ: &str = "ImageJ=";
/// Longest axis before those of a page that is taken for channels if the file does not say.
const CHANNELS_AT_MOST: usize = 4;

/// The meaning of an axis before those of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Time,
    Slice,
    Channel,
}

/// The axes before those of a page, slowest first.
pub(crate) type Lead = Vec<(Role, usize)>;

/// Pages in order: `order[(time · slices + slice) · channels + channel]` is a page number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Arranged {
    pub(crate) times: usize,
    pub(crate) slices: usize,
    pub(crate) channels: usize,
    pub(crate) order: Vec<usize>,
}

/// Number of pages.
pub(crate) fn pages(lead: &Lead) -> usize {
    lead.iter().fold(1, |n: usize, (_, length)| n.saturating_mul(*length))
}

/// Sorts pages by time, slice and channel. Each role occurs at most once.
pub(crate) fn arrange(lead: &Lead) -> Arranged {
    let axis = |role: Role| {
        let at = lead.iter().position(|(r, _)| *r == role);
        let stride = at.map_or(0, |at| lead[at + 1..].iter().map(|(_, n)| n).product());
        (at.map_or(1, |at| lead[at].1), stride)
    };
    let ((times, t), (slices, z), (channels, c)) =
        (axis(Role::Time), axis(Role::Slice), axis(Role::Channel));
    let order = (0..times * slices * channels)
        .map(|i| i / channels / slices * t + i / channels % slices * z + i % channels * c)
        .collect();
    Arranged { times, slices, channels, order }
}

/// The same axes, with channels treated as an axis of pictures.
pub(crate) fn without_channels(lead: Lead) -> Lead {
    let single = |role: Role| lead.iter().all(|(r, n)| *r != role || *n == 1);
    let other = match (single(Role::Slice), single(Role::Time)) {
        (true, _) => Role::Slice,
        (false, true) => Role::Time,
        (false, false) => return lead,
    };
    let kept = lead.iter().filter(|(role, _)| *role != other);
    kept.map(|&(role, n)| (if role == Role::Channel { other } else { role }, n)).collect()
}

/// The value of a key in ImageJ's description.
pub(crate) fn imagej_key<'t>(description: &'t str, key: &str) -> Option<&'t str> {
    let found = description.lines().find_map(|l| l.strip_prefix(key)?.strip_prefix('='));
    found.map(str::trim)
}

/// The axes in ImageJ's description; an error if its numbers contradict each other.
pub(crate) fn imagej(description: &str) -> Result<Option<Lead>, String> {
    let number = |key: &str| -> Result<Option<usize>, String> {
        let Some(text) = imagej_key(description, key) else { return Ok(None) };
        match text.parse() {
            Ok(n) if n > 0 => Ok(Some(n)),
            _ => Err(format!("its ImageJ description says {key}={text}")),
        }
    };
    let Some(images) = number("images")? else { return Ok(None) };
    let parts = [number("frames")?, number("slices")?, number("channels")?];
    if parts.iter().all(Option::is_none) {
        return Ok(Some(vec![(Role::Slice, images)]));
    }
    let [times, slices, channels] = parts.map(|n| n.unwrap_or(1));
    let lead = vec![(Role::Time, times), (Role::Slice, slices), (Role::Channel, channels)];
    match pages(&lead) == images {
        true => Ok(Some(lead)),
        false => Err(format!(
            "its ImageJ description says images={images}, but {times} frame(s) of {slices} slice(s) of \
             {channels} channel(s)"
        )),
    }
}

/// The axes in tifffile's description. None if there is no such description, or if its shape does
/// not end with that of the page.
pub(crate) fn shaped(description: &str, page: &Page, options: &ReadOptions) -> Option<Lead> {
    if !description.starts_with('{') {
        return None;
    }
    let said: Value = serde_json::from_str(description).ok()?;
    let shape: Option<Vec<usize>> =
        said.get("shape")?.as_array()?.iter().map(|n| Some(n.as_u64()? as usize)).collect();
    let shape = shape.filter(|shape| !shape.contains(&0))?;
    let (h, w, s) = (page.height, page.width, page.samples);
    let own = match (s, page.separate) {
        (1, _) if shape.ends_with(&[h, w, 1]) => vec![h, w, 1],
        (1, _) => vec![h, w],
        (_, false) => vec![h, w, s],
        (_, true) => vec![s, h, w],
    };
    let lead = &shape[..shape.len().checked_sub(own.len())?];
    if !shape.ends_with(&own) {
        return None;
    }
    if let Some(axes) = said.get("axes").and_then(Value::as_str) {
        let letters = axes.chars().take(lead.len());
        let roles: Vec<Role> = letters
            .map(|letter| match letter {
                'T' => Role::Time,
                'Z' | 'I' | 'Q' => Role::Slice,
                'C' | 'S' => Role::Channel,
                _ => Role::Time,
            })
            .collect();
        let once = |role: Role| roles.iter().filter(|r| **r == role).count() < 2;
        if axes.len() == shape.len()
            && [Role::Time, Role::Slice, Role::Channel].map(once) == [true; 3]
        {
            return Some(roles.into_iter().zip(lead.iter().copied()).collect());
        }
    }
    // interpreted like an array of this shape
    let roles = match *lead {
        [] | [_] => vec![Role::Slice],
        [_, c] if options.channels == Some(c) && c > 1 => match options.dim {
            Some(3) => vec![Role::Slice, Role::Channel],
            _ => vec![Role::Time, Role::Channel],
        },
        [_, c] if options.channels.is_none() && options.dim != Some(3) && c <= CHANNELS_AT_MOST => {
            vec![Role::Time, Role::Channel]
        }
        [_, _] => vec![Role::Time, Role::Slice],
        [_, _, _] => vec![Role::Time, Role::Channel, Role::Slice],
        _ => return None,
    };
    Some(roles.into_iter().zip(lead.iter().copied()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imagejs_pages_run_channels_first() {
        let lead = imagej("ImageJ=1.53t\nimages=24\nchannels=2\nslices=4\nframes=3\n").unwrap();
        let arranged = arrange(&lead.unwrap());
        assert_eq!((arranged.times, arranged.slices, arranged.channels), (3, 4, 2));
        assert_eq!(arranged.order, (0..24).collect::<Vec<_>>());
        let bare = imagej("ImageJ=1.53t\nimages=7\nloop=false\n").unwrap().unwrap();
        assert_eq!(bare, [(Role::Slice, 7)]);
        assert!(imagej("ImageJ=1.53t\nimages=7\nslices=6\n").unwrap_err().contains("images=7"));
        assert!(imagej("ImageJ=1.53t\nimages=-1\n").is_err());
        assert_eq!(imagej("ImageJ=1.53t\nunit=mm\n").unwrap(), None);
    }

    #[test]
    fn other_orders_are_sorted() {
        // slices fastest: page = channel · 3 + slice
        let arranged = arrange(&vec![(Role::Channel, 2), (Role::Slice, 3)]);
        assert_eq!((arranged.times, arranged.slices, arranged.channels), (1, 3, 2));
        assert_eq!(arranged.order, [0, 3, 1, 4, 2, 5]);
    }
}
