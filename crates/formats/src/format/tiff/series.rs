//! The pages of a TIFF file as fields: which pages are used, their meaning, and the meaning of
//! values.
//!
//! Reduced copies of pages and masks are skipped. A stack beyond 4 GiB, as ImageJ and tifffile
//! write it, has one directory, and its pages follow one another.

use std::path::Path;

use crate::cf::Packing;
use crate::container::bytes::Bytes;
use crate::format::tiff::axes::{self, Arranged, IMAGEJ, Lead, Role, arrange};
use crate::format::tiff::calibration::{Calibration, Meaning, meaning};
use crate::format::tiff::ome::{Ome, is_ome};
use crate::format::tiff::page::Page;
use crate::format::tiff::tags::{Directory, Tags, tag};
use crate::{FormatError, ReadOptions};

/// The pages of a file, interpreted as fields.
pub(crate) struct Pages<'a> {
    pub(crate) tags: Tags<'a>,
    /// The pages that are used.
    directories: Vec<Directory>,
    arranged: Arranged,
    /// Bytes from one page to the next if all share one directory.
    apart: u64,
    /// The first page.
    pub(crate) page: Page,
    pub(crate) calibration: Calibration,
    pub(crate) packing: Option<Packing>,
    /// Stored number of pixels that were never written.
    pub(crate) fill: f64,
    pub(crate) notes: Vec<String>,
    dim: Option<usize>,
}

impl<'a> Pages<'a> {
    /// Reads the directories, but no pixels.
    pub(crate) fn open(
        path: &'a Path,
        bytes: &'a Bytes,
        options: &ReadOptions,
    ) -> Result<Self, FormatError> {
        let tags = Tags::open(path, bytes)?;
        let all = tags.directories()?;
        let mut directories = Vec::with_capacity(all.len());
        let first = all.first().cloned();
        let total = all.len();
        for directory in all {
            if !Page::is_aside(&tags, &directory)? {
                directories.push(directory);
            }
        }
        let mut notes = Vec::new();
        if directories.is_empty() {
            // if every page is marked as a reduced copy or a mask, the first one is used
            directories.extend(first);
        } else if directories.len() < total {
            notes.push(format!(
                "passed over {} of {total} pages: smaller copies, previews or masks of others",
                total - directories.len()
            ));
        }
        let description = tags.text(&directories[0], tag::DESCRIPTION)?;
        let page = Page::of(&tags, &directories[0])?;
        let unsupported = |what: String| FormatError::Unsupported { path: path.into(), what };
        let ome = is_ome(&description).then(|| Ome::parse(&description)).transpose();
        let ome = ome.map_err(&unsupported)?;
        let mut calibration = Calibration::of(&tags, &directories[0], &description, ome.as_ref());
        if page.orientation > 4 {
            std::mem::swap(&mut calibration.x, &mut calibration.y);
        }
        let Meaning { packing, fill, notes: told } =
            meaning(&tags, &directories[0], page.dtype, &description)?;
        notes.extend(told);
        let packing = Packing::less(packing, options.offset);
        let mut series = Self {
            tags,
            directories,
            arranged: Arranged { times: 1, slices: 1, channels: 1, order: Vec::new() },
            apart: 0,
            page,
            calibration,
            packing,
            fill,
            notes,
            dim: options.dim,
        };
        let found = series.directories.len();
        match ome {
            Some(ome) => series.arranged = ome.arrange(found).map_err(unsupported)?,
            None => {
                let lead = series.lead(&description, options)?;
                series.arrange(lead)?;
            }
        }
        series.tell();
        Ok(series)
    }

    /// The axes described in the file. By default pages are slices.
    fn lead(&self, description: &str, options: &ReadOptions) -> Result<Lead, FormatError> {
        let planes = self.tags.count(&self.directories[0], tag::METAMORPH_STACK) as usize;
        let lead = match description.starts_with(IMAGEJ) {
            _ if planes > 1 && self.directories.len() == 1 => Some(vec![(Role::Slice, planes)]),
            true => axes::imagej(description)
                .map_err(|what| FormatError::Unsupported { path: self.tags.path.into(), what })?,
            false => axes::shaped(description, &self.page, options),
        };
        // a colour page holds all channels, so a channel axis of pages is an axis of pictures
        let lead = lead.map(|lead| match self.page.channels() {
            1 => lead,
            _ => axes::without_channels(lead),
        });
        Ok(lead.unwrap_or_else(|| vec![(Role::Slice, self.directories.len())]))
    }

    /// Sorts the pages, which may share one directory.
    fn arrange(&mut self, lead: Lead) -> Result<(), FormatError> {
        let (path, found) = (self.tags.path, self.directories.len());
        let wanted = axes::pages(&lead);
        if wanted == found {
            self.arranged = arrange(&lead);
            return Ok(());
        }
        if found > 1 {
            let several = wanted > 1;
            self.notes.extend(several.then(|| format!(
                "its description is of {wanted} page(s), the file has {found}: they are read one by one"
            )));
            self.arranged = arrange(&vec![(Role::Slice, found)]);
            return Ok(());
        }
        if self.page.compression != 1 || self.page.tiled {
            return Err(FormatError::Unsupported {
                path: path.into(),
                what: format!("its description is of {wanted} pages, the file has one"),
            });
        }
        let (offsets, counts) = self.page.places(&self.tags, &self.directories[0])?;
        let follows = |i: usize| offsets[i - 1].saturating_add(counts[i - 1]) == offsets[i];
        if !(1..offsets.len()).all(follows) {
            return Err(FormatError::Unsupported {
                path: path.into(),
                what: format!(
                    "its description is of {wanted} pages, the file has one, in strips that lie apart"
                ),
            });
        }
        self.apart = self.page.bytes();
        let expected = self.apart.saturating_mul(wanted as u64).saturating_add(offsets[0]);
        if expected > self.tags.length {
            return Err(FormatError::Truncated {
                path: path.into(),
                expected,
                found: self.tags.length,
            });
        }
        self.notes.push(format!(
            "its {wanted} pages stand one behind the other, with tags for the first only"
        ));
        self.arranged = arrange(&lead);
        Ok(())
    }

    /// Adds notes if pages are not simply one field each.
    fn tell(&mut self) {
        let Arranged { times, slices, channels, .. } = self.arranged;
        if times > 1 && slices > 1 {
            let how = match self.dim {
                Some(3) => format!("{times} volumes of {slices} slices"),
                _ => format!("{} fields; dim = 3 reads {times} volumes", times * slices),
            };
            self.notes.push(format!("its {times} times of {slices} slices are read as {how}"));
        }
        if channels > 1 {
            self.notes.push(format!(
                "its {} pages are {channels} channels of {} picture(s)",
                self.arranged.order.len(),
                times * slices
            ));
        }
        if self.page.palette {
            self.notes.push("values are the numbers of colours in its palette, not colours".into());
        }
        if self.page.orientation != 1 {
            self.notes.push(format!("turned as its orientation {} says", self.page.orientation));
        }
    }

    /// Number of fields, and number of slices of each (more than one for volumes).
    pub(crate) fn fields(&self) -> (usize, usize) {
        let Arranged { times, slices, .. } = self.arranged;
        match self.dim {
            Some(3) if slices > 1 => (times, slices),
            // a series of pictures requested as one volume
            Some(3) => (1, times),
            _ => (times * slices, 1),
        }
    }

    /// Number of channels of a field.
    pub(crate) fn channels(&self) -> usize {
        self.arranged.channels * self.page.channels()
    }

    /// Number of channels that are separate pages.
    pub(crate) fn channel_pages(&self) -> usize {
        self.arranged.channels
    }

    /// Points of a field.
    pub(crate) fn points(&self) -> Vec<usize> {
        let (height, width) = self.page.turned();
        match self.dim {
            Some(3) => vec![self.fields().1, height, width],
            _ => vec![height, width],
        }
    }

    /// Refuses options that do not fit the pages.
    pub(crate) fn check(&self, options: &ReadOptions) -> Result<(), FormatError> {
        let (height, width) = self.page.turned();
        let refuse = |requirement: String| {
            Err(FormatError::Layout {
                path: self.tags.path.into(),
                shape: [self.channels(), height, width].map(|n| n as u64).into(),
                requirement,
            })
        };
        let channels = self.channels();
        if let Some(asked) = options.channels.filter(|&c| c != channels) {
            return refuse(format!("channels = {asked} asked for, {channels} found"));
        }
        match options.dim {
            Some(1) => refuse("pictures have dim 2, a stack of them 3, not 1".into()),
            _ => Ok(()),
        }
    }

    /// Pages in the order time, slice, channel: the directory of each, and the shift of its bytes
    /// behind the offsets in the tags.
    pub(crate) fn pages(&self) -> impl Iterator<Item = (&Directory, u64)> {
        self.arranged.order.iter().map(|&page| match self.apart {
            0 => (&self.directories[page], 0),
            apart => (&self.directories[0], page as u64 * apart),
        })
    }

    /// The page of a directory, which must have the shape of the first page.
    pub(crate) fn like_first(&self, directory: &Directory) -> Result<Page, FormatError> {
        let mut page = Page::of(&self.tags, directory)?;
        if self.tags.count(directory, tag::ORIENTATION) == 0 {
            // the orientation may be written for the first page only
            page.orientation = self.page.orientation;
        }
        let (first, second) = (self.page.shape(), page.shape());
        match first == second {
            true => Ok(page),
            false => Err(FormatError::Mixed {
                first: self.place(self.directories[0].page),
                first_shape: first,
                second: self.place(directory.page),
                second_shape: second,
            }),
        }
    }

    fn place(&self, page: usize) -> std::path::PathBuf {
        format!("{}#{page}", self.tags.path.display()).into()
    }

    /// Names of the fields if each is a picture. `name` is the name of the file.
    pub(crate) fn names(&self, name: &str) -> Vec<String> {
        match (self.dim, self.fields().0) {
            (Some(3), _) => Vec::new(),
            (_, 1) => vec![name.into()],
            (_, n) => (0..n).map(|field| format!("{name}#{field}")).collect(),
        }
    }
}
