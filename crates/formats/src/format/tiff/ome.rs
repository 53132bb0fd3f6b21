//! OME-TIFF: the slice, channel and time of each page, and the size of a pixel.
//!
//! The first page's description is XML. Source: the OME-TIFF specification, 6.0. Files with planes
//! in other files, and files of several images, are refused.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use crate::format::tiff::axes::Arranged;

/// The content of the XML about its image.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Ome {
    /// Axes from fast to slow, without X and Y.
    order: String,
    /// Lengths along Z, C and T.
    sizes: [usize; 3],
    /// Number of channels that one page holds.
    together: usize,
    /// Size of a pixel along X, Y and Z, with its unit.
    pub(crate) physical: [Option<(f64, String)>; 3],
    blocks: Vec<Block>,
}

/// A run of pages that are consecutive planes.
#[derive(Debug, Clone, Default, PartialEq)]
struct Block {
    page: Option<usize>,
    /// Z, C and T of the first plane.
    first: [usize; 3],
    count: Option<usize>,
}

/// Whether a description is OME's XML.
pub(crate) fn is_ome(description: &str) -> bool {
    let start = description.trim_start();
    start.starts_with('<') && start.contains("<OME") && start.contains("<Pixels")
}

fn value(tag: &BytesStart<'_>, name: &str) -> Result<Option<String>, String> {
    let found = tag.try_get_attribute(name).map_err(|e| e.to_string())?;
    let text = found
        .map(|a| a.normalized_value(quick_xml::XmlVersion::Implicit1_0).map(|v| v.into_owned()));
    text.transpose().map_err(|e| e.to_string())
}

fn number(tag: &BytesStart<'_>, name: &str) -> Result<Option<usize>, String> {
    let Some(text) = value(tag, name)? else { return Ok(None) };
    text.parse().map(Some).map_err(|_| format!("its OME-XML says {name}={text:?}"))
}

impl Ome {
    /// Parses the XML.
    pub(crate) fn parse(description: &str) -> Result<Self, String> {
        let mut reader = Reader::from_str(description);
        let (mut ome, mut images, mut own, mut inside) = (Self::default(), 0, None, false);
        loop {
            let event = reader.read_event().map_err(|e| format!("its OME-XML: {e}"))?;
            match event {
                Event::Start(tag) | Event::Empty(tag) => match tag.local_name().as_ref() {
                    b"OME" => own = value(&tag, "UUID")?,
                    b"Image" => images += 1,
                    b"Pixels" if images <= 1 => ome.pixels(&tag)?,
                    b"Channel" if images <= 1 => {
                        let together = number(&tag, "SamplesPerPixel")?.unwrap_or(1);
                        ome.together = ome.together.max(together);
                    }
                    b"TiffData" if images <= 1 => ome.blocks.push(Block {
                        page: number(&tag, "IFD")?,
                        first: [
                            number(&tag, "FirstZ")?.unwrap_or(0),
                            number(&tag, "FirstC")?.unwrap_or(0),
                            number(&tag, "FirstT")?.unwrap_or(0),
                        ],
                        count: number(&tag, "PlaneCount")?,
                    }),
                    b"UUID" if images <= 1 => inside = true,
                    b"BinaryOnly" => {
                        return Err("its OME-XML lies in another file; read that one".into());
                    }
                    _ => {}
                },
                Event::Text(text) if inside => {
                    let text = String::from_utf8_lossy(&text).trim().to_string();
                    if own.as_ref().is_some_and(|own| *own != text) {
                        return Err(
                            "its OME-XML puts planes into other files; save it as one file".into(),
                        );
                    }
                }
                Event::End(tag) if tag.local_name().as_ref() == b"UUID" => inside = false,
                Event::Eof => break,
                _ => {}
            }
        }
        match images {
            1 => Ok(ome),
            n => Err(format!("its OME-XML has {n} images; save one of them as a file of its own")),
        }
    }

    fn pixels(&mut self, tag: &BytesStart<'_>) -> Result<(), String> {
        self.order = value(tag, "DimensionOrder")?.unwrap_or_else(|| "XYZCT".into());
        for (axis, name) in ["SizeZ", "SizeC", "SizeT"].into_iter().enumerate() {
            self.sizes[axis] = number(tag, name)?.unwrap_or(1);
        }
        for (axis, name) in ["X", "Y", "Z"].into_iter().enumerate() {
            let size = value(tag, &format!("PhysicalSize{name}"))?.and_then(|t| t.parse().ok());
            let unit = value(tag, &format!("PhysicalSize{name}Unit"))?;
            let unit = unit.unwrap_or_else(|| "um".into()).replace(['µ', 'μ'], "u");
            let sane = size.filter(|h: &f64| h.is_finite() && *h > 0.0);
            self.physical[axis] = sane.map(|h| (h, unit));
        }
        Ok(())
    }

    /// Sorts the `pages` pages of the file.
    pub(crate) fn arrange(&self, pages: usize) -> Result<Arranged, String> {
        let together = self.together.max(1);
        let [slices, all, times] = self.sizes;
        let sizes = [slices, all / together, times];
        let [slices, channels, times] = sizes;
        let total = sizes.iter().fold(1usize, |n, size| n.saturating_mul(*size));
        if total != pages {
            return Err(format!(
                "its OME-XML says {times} time(s) of {slices} slice(s) of {channels} channel(s), but the \
                 file has {pages} page(s)"
            ));
        }
        let letters: Vec<usize> = self.order.chars().filter_map(|c| "ZCT".find(c)).collect();
        let known = letters.len() == 3 && (0..3).all(|axis| letters.contains(&axis));
        if !known {
            return Err(format!("its OME-XML says DimensionOrder={:?}", self.order));
        }
        let place = |at: [usize; 3]| {
            letters.iter().rev().fold(0, |place, &axis| place * sizes[axis] + at[axis])
        };
        let mut planes: Vec<Option<usize>> = vec![None; total];
        let everything = [Block::default()];
        let blocks = if self.blocks.is_empty() { &everything[..] } else { &self.blocks[..] };
        for block in blocks {
            let inside = block.first.iter().zip(&sizes).all(|(first, size)| first < size);
            let count = block.count.unwrap_or(if block.page.is_some() { 1 } else { total });
            let (from, page) = (place(block.first), block.page.unwrap_or(0));
            let fits = |start: usize| start.checked_add(count).is_some_and(|end| end <= total);
            if !inside || !fits(from) || !fits(page) {
                return Err("its OME-XML names planes that are not there".into());
            }
            (0..count).for_each(|i| planes[from + i] = Some(page + i));
        }
        let order = (0..total)
            .map(|i| planes[place([i / channels % slices, i % channels, i / channels / slices])]);
        let order: Option<Vec<usize>> = order.collect();
        let order = order.ok_or("its OME-XML leaves planes out")?;
        Ok(Arranged { times, slices, channels, order })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn xml(pixels: &str, inside: &str) -> String {
        format!(
            "<?xml version=\"1.0\"?><OME UUID=\"urn:1\"><Image><Pixels {pixels}>{inside}</Pixels></Image></OME>"
        )
    }

    #[test]
    fn planes_follow_the_order_of_dimensions() {
        // 2 slices and 3 channels, slices fastest: page = channel · 2 + slice
        let text = xml("DimensionOrder=\"XYZCT\" SizeZ=\"2\" SizeC=\"3\" SizeT=\"1\"", "");
        assert!(is_ome(&text));
        let arranged = Ome::parse(&text).unwrap().arrange(6).unwrap();
        assert_eq!((arranged.slices, arranged.channels), (2, 3));
        assert_eq!(arranged.order, [0, 2, 4, 1, 3, 5]);
        assert!(Ome::parse(&text).unwrap().arrange(5).unwrap_err().contains("5 page(s)"));
    }

    #[test]
    fn planes_may_stand_anywhere() {
        let text = xml(
            "DimensionOrder=\"XYCZT\" SizeZ=\"2\" SizeC=\"1\" SizeT=\"1\" PhysicalSizeX=\"0.5\" \
             PhysicalSizeXUnit=\"µm\"",
            "<TiffData IFD=\"1\" FirstZ=\"0\"/><TiffData IFD=\"0\" FirstZ=\"1\"/>",
        );
        let ome = Ome::parse(&text).unwrap();
        assert_eq!(ome.arrange(2).unwrap().order, [1, 0]);
        assert_eq!(ome.physical[0], Some((0.5, "um".into())));
        let gap = text.replace("FirstZ=\"1\"", "FirstZ=\"0\"");
        assert!(Ome::parse(&gap).unwrap().arrange(2).unwrap_err().contains("leaves planes out"));
        let stray = text.replace("IFD=\"1\"", "IFD=\"7\"");
        assert!(Ome::parse(&stray).unwrap().arrange(2).unwrap_err().contains("not there"));
        let other = text.replace("FirstZ=\"0\"/>", "FirstZ=\"0\"><UUID>urn:2</UUID></TiffData>");
        assert!(Ome::parse(&other).unwrap_err().contains("other files"));
    }
}
