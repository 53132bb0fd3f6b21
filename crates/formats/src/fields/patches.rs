//! Random patches of large fields, in any number, reproducible by a seed.
//!
//! Patch `index` of a seed is a pure function of both. There is no state and no order of drawing,
//! so a resumed run sees the same patches. Patches overlap, so the split into training and
//! validation is made on whole items, by [`split_blocks`](crate::split_blocks).

use std::ops::Range;

use karhunen_field::ModeNoise;
use karhunen_field::noise::stream;

use crate::{FieldSource, FormatError, RawFields};

/// The position of a patch.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PatchPlace {
    /// Index of the field that it is cut from.
    pub item: usize,
    /// Its first point on each axis.
    pub corner: Vec<usize>,
}

/// An endless, numbered sequence of patches, uniform over items and positions.
///
/// # Example
/// ```
/// use karhunen_formats::{PatchSource, ReadOptions, read};
/// let path = std::env::temp_dir().join(format!("line-{}.idx", std::process::id()));
/// std::fs::write(&path, [0, 0, 8, 2, 0, 0, 0, 1, 0, 0, 0, 5, 0, 1, 2, 3, 4])?;
/// let line = read(&path, &ReadOptions::default())?; // one field of 5 points: 0, 1, 2, 3, 4
/// let patches = PatchSource::new(&line, &[0], &[2], 7)?.cut(0..100)?;
/// assert_eq!(patches.count(), 100);
/// assert!(patches.fields().all(|p| p[1] == p[0] + 1.0));
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct PatchSource<'a> {
    fields: &'a dyn FieldSource,
    items: Vec<usize>,
    points: Vec<usize>,
    /// Axis of the slabs.
    axis: usize,
    /// Possible first points on that axis: one list for all items, or one for each.
    starts: Vec<Vec<usize>>,
    noise: ModeNoise,
}

impl<'a> PatchSource<'a> {
    /// Patches of `points` points for each axis, cut from `items` of `fields`.
    ///
    /// # Errors
    /// [`FormatError::Parameter`] unless there is an item, every item exists, and `points` has one
    /// entry for each axis, between 1 and the field's length.
    pub fn new(
        fields: &'a dyn FieldSource,
        items: &[usize],
        points: &[usize],
        seed: u64,
    ) -> Result<Self, FormatError> {
        let refuse = |parameter, value: String, requirement| {
            Err(FormatError::Parameter { parameter, value, requirement })
        };
        let count = fields.count();
        let stray = items.iter().find(|&&i| i >= count);
        if items.is_empty() || stray.is_some() {
            let requirement = format!("at least one, each below the number of fields, {count}");
            return refuse("patch items", format!("{:?}", stray.as_slice()), requirement);
        }
        let whole = fields.points();
        let fits = points.len() == whole.len()
            && points.iter().zip(whole).all(|(p, n)| (1..=*n).contains(p));
        if !fits {
            let requirement = format!("one length an axis, from 1 to those of {whole:?}");
            return refuse("patch size", format!("{points:?}"), requirement);
        }
        let starts = vec![(0..=whole[0] - points[0]).collect()];
        let noise = ModeNoise::new(seed);
        Ok(Self { fields, items: items.into(), points: points.into(), axis: 0, starts, noise })
    }

    /// Restricts patches to those that lie completely inside one of these slabs of the slowest
    /// axis. The parts of one large image or volume are kept apart in this way.
    ///
    /// # Errors
    /// [`FormatError::Parameter`] if no slab is as thick as a patch.
    ///
    /// # Example
    /// ```
    /// use karhunen_formats::{PatchSource, ReadOptions, read};
    /// let path = std::env::temp_dir().join(format!("slabs-{}.idx", std::process::id()));
    /// std::fs::write(&path, [0, 0, 8, 2, 0, 0, 0, 1, 0, 0, 0, 5, 0, 1, 2, 3, 4])?;
    /// let line = read(&path, &ReadOptions::default())?; // one field of 5 points: 0, 1, 2, 3, 4
    /// let patches = PatchSource::new(&line, &[0], &[2], 7)?.within(&[0..1, 3..5])?.cut(0..9)?;
    /// assert!(patches.fields().all(|p| p == [3.0, 4.0])); // the first slab is too thin
    /// # std::fs::remove_file(&path)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn within(self, slabs: &[Range<usize>]) -> Result<Self, FormatError> {
        let of = vec![slabs.to_vec(); self.items.len()];
        self.within_each(0, &of)
    }

    /// As [`PatchSource::within`], along any axis, with separate slabs for each item. An item is
    /// left out if none of its slabs is as thick as a patch.
    ///
    /// # Errors
    /// [`FormatError::Parameter`] if no item is left, if the fields have no axis `axis`, or if
    /// `slabs` does not have one list for each item.
    pub fn within_each(
        mut self,
        axis: usize,
        slabs: &[Vec<Range<usize>>],
    ) -> Result<Self, FormatError> {
        if axis >= self.points.len() || slabs.len() != self.items.len() {
            return Err(FormatError::Parameter {
                parameter: "slabs",
                value: format!("{} lists along axis {axis}", slabs.len()),
                requirement: format!(
                    "one an item of {}, along one of {} axes",
                    self.items.len(),
                    self.points.len()
                ),
            });
        }
        let (thick, length) = (self.points[axis], self.fields.points()[axis]);
        let starts = |slabs: &Vec<Range<usize>>| -> Vec<usize> {
            let inside =
                |s: &usize| slabs.iter().any(|slab| slab.start <= *s && s + thick <= slab.end);
            (0..=length - thick).filter(inside).collect()
        };
        let all = self.items.iter().zip(slabs.iter().map(starts));
        let (items, starts) = all.filter(|(_, starts)| !starts.is_empty()).unzip();
        (self.items, self.starts, self.axis) = (items, starts, axis);
        if self.items.is_empty() {
            return Err(FormatError::Parameter {
                parameter: "slabs",
                value: format!("{slabs:?}"),
                requirement: format!("at least one as thick as a patch, {thick} points"),
            });
        }
        Ok(self)
    }

    /// The position of patch `index`.
    pub fn place(&self, index: u64) -> PatchPlace {
        let u = self.noise.uniforms(1 + self.points.len(), index, stream::PATCHES);
        let pick = |u: f64, n: usize| ((u * n as f64) as usize).min(n - 1);
        let lengths = self.fields.points().iter().zip(&self.points);
        let mut corner: Vec<usize> =
            lengths.zip(&u[1..]).map(|((n, p), &u)| pick(u, n - p + 1)).collect();
        let which = pick(u[0], self.items.len());
        let starts = &self.starts[which.min(self.starts.len() - 1)];
        corner[self.axis] = starts[pick(u[1 + self.axis], starts.len())];
        PatchPlace { item: self.items[which], corner }
    }

    /// Cuts the patches `indices`. The offsets of their fields are subtracted. Each patch has the
    /// name and the position of its item.
    ///
    /// # Errors
    /// [`FormatError::Empty`] for no patch, [`FormatError::TooLarge`] if they do not fit in memory,
    /// and errors of [`FieldSource::block`].
    pub fn cut(&self, indices: Range<u64>) -> Result<RawFields, FormatError> {
        if indices.is_empty() {
            let what = format!("patches {indices:?} are none");
            return Err(FormatError::Empty { path: self.fields.path().into(), what });
        }
        let count = indices.end - indices.start;
        let len = self.fields.channels() * self.points.iter().product::<usize>();
        let bytes = u128::from(count) * len as u128 * 4;
        let mut values = Vec::new();
        let room = usize::try_from(bytes / 4).is_ok_and(|n| values.try_reserve_exact(n).is_ok());
        if !room {
            return Err(FormatError::TooLarge {
                path: self.fields.path().into(),
                bytes,
                limit: isize::MAX as u64,
            });
        }
        let (mut items, mut positions) = (Vec::new(), Vec::with_capacity(count as usize));
        for index in indices {
            let place = self.place(index);
            self.fields.block(place.item, &place.corner, &self.points, &mut values)?;
            items.extend(self.fields.name(place.item).map(String::from));
            positions.push(self.fields.position(place.item));
        }
        Ok(RawFields {
            points: self.points.clone(),
            channels: self.fields.channels(),
            values,
            // the offset for fields of one file; for several files, the caller knows the offsets
            offset: self.fields.offsets().first().copied().unwrap_or(0.0),
            dtype: self.fields.dtype(),
            source: self.fields.path().into(),
            items,
            positions,
            series: self.fields.series(),
            units: self.fields.units().clone(),
            notes: Vec::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::SourceType;

    /// Fields whose value at a point is its flat index.
    fn counted(count: usize, channels: usize, points: &[usize]) -> RawFields {
        let len = count * channels * points.iter().product::<usize>();
        let values = (0..len).map(|i| i as f32).collect();
        RawFields::array(Path::new("a"), points.into(), channels, values, SourceType::F32).unwrap()
    }

    #[test]
    fn patches_hold_the_values_of_their_place_in_every_dimension() {
        for (points, size) in
            [(vec![11], vec![4]), (vec![7, 5], vec![3, 5]), (vec![5, 3, 7], vec![2, 3, 4])]
        {
            let fields = counted(3, 2, &points);
            let source = PatchSource::new(&fields, &[0, 2], &size, 5).unwrap();
            let patches = source.cut(10..40).unwrap();
            let len = patches.field_len();
            for (i, patch) in patches.fields().enumerate() {
                let place = source.place(10 + i as u64);
                for (flat, &value) in patch.iter().enumerate() {
                    let (channel, mut rest) = (flat / (len / 2), flat % (len / 2));
                    let (mut expected, mut stride) = (0, 1);
                    for axis in (0..size.len()).rev() {
                        expected += (place.corner[axis] + rest % size[axis]) * stride;
                        rest /= size[axis];
                        stride *= points[axis];
                    }
                    expected += (place.item * 2 + channel) * stride;
                    assert_eq!(value, expected as f32);
                }
            }
        }
    }

    #[test]
    fn places_do_not_depend_on_the_order_of_drawing() {
        let fields = counted(4, 1, &[9, 13]);
        let source = PatchSource::new(&fields, &[0, 1, 2, 3], &[4, 4], 1).unwrap();
        let (all, tail) = (source.cut(0..20).unwrap(), source.cut(15..20).unwrap());
        assert_eq!(all.values[15 * 16..], tail.values[..]);
        let other = PatchSource::new(&fields, &[0, 1, 2, 3], &[4, 4], 2).unwrap();
        assert_ne!(other.cut(0..20).unwrap().values, all.values);
    }

    #[test]
    fn places_are_uniform_and_reach_both_ends() {
        let fields = counted(2, 1, &[6, 9]);
        let source = PatchSource::new(&fields, &[0, 1], &[4, 9], 3).unwrap();
        let (n, cells) = (6000u64, 6);
        let mut hits = vec![0.0; cells];
        for i in 0..n {
            let place = source.place(i);
            assert_eq!(place.corner[1], 0);
            hits[place.item * 3 + place.corner[0]] += 1.0;
        }
        let mean = n as f64 / cells as f64;
        let chi2: f64 = hits.iter().map(|h: &f64| (h - mean).powi(2) / mean).sum();
        // 5 degrees of freedom: a correct sampler exceeds 31 with probability 1e-5
        assert!(chi2 < 31.0, "{chi2}");
    }

    #[test]
    fn patches_stay_inside_their_slabs_and_reach_every_place_there() {
        let fields = counted(1, 1, &[20, 3]);
        let source = PatchSource::new(&fields, &[0], &[4, 2], 3).unwrap();
        // all positions, as without slabs
        let whole = source.clone().within(&[0..9, 0..20]).unwrap();
        assert_eq!(whole.cut(0..50).unwrap(), source.cut(0..50).unwrap());
        let slabs = source.within(&[0..5, 7..10, 16..20]).unwrap();
        let mut starts: Vec<usize> = (0..200).map(|i| slabs.place(i).corner[0]).collect();
        starts.sort_unstable();
        starts.dedup();
        // one of three positions is missed 200 times with probability below 1e-34
        assert_eq!(starts, [0, 1, 16]);
        let thin = slabs.within(&[0..3, 5..8]);
        assert!(matches!(thin, Err(FormatError::Parameter { parameter: "slabs", .. })));
        // along the other axis, with slabs for each field; the first field has no room
        let once = |slab| std::iter::once(slab).collect::<Vec<_>>();
        let fields = counted(2, 1, &[20, 9]);
        let source = PatchSource::new(&fields, &[0, 1], &[4, 2], 3).unwrap();
        let slabs = source.clone().within_each(1, &[once(0..1), vec![1..3, 6..8]]).unwrap();
        for i in 0..100 {
            let place = slabs.place(i);
            assert!(place.item == 1 && [1, 6].contains(&place.corner[1]), "{place:?}");
            assert!(place.corner[0] <= 16);
        }
        assert!(source.clone().within_each(2, &[once(0..9), once(0..9)]).is_err());
        assert!(source.within_each(1, &[once(0..9)]).is_err());
    }

    #[test]
    fn impossible_patches_are_refused() {
        let fields = counted(2, 1, &[6, 9]);
        for (items, points) in [
            (vec![], vec![2, 2]),
            (vec![2], vec![2, 2]),
            (vec![0], vec![2]),
            (vec![0], vec![0, 2]),
            (vec![0], vec![7, 2]),
        ] {
            let error = PatchSource::new(&fields, &items, &points, 0).unwrap_err();
            assert!(matches!(error, FormatError::Parameter { .. }));
        }
        let source = PatchSource::new(&fields, &[0], &[2, 2], 0).unwrap();
        assert!(matches!(source.cut(3..3), Err(FormatError::Empty { .. })));
        assert!(matches!(source.cut(0..u64::MAX), Err(FormatError::TooLarge { .. })));
    }
}
