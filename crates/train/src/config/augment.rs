//! `data.augment` of a run's configuration: shifts along periodic axes, mirrors, and turns by right angles.
//!
//! The motion of field i in the batch of a step depends on (seed, step, i) alone. A motion acts on
//! the function, so it does the same on every level ([`karhunen_field::motion`]). A motion that no grid of
//! the run allows is refused.
//!
//! Not here: which motions suit the data (module `augment` of `data`).

use std::fmt;

use karhunen_field::grid::MAX_DIM;
use karhunen_field::motion::Motion;
use karhunen_field::{Boundary, Grid};
use serde::{Deserialize, Deserializer, Serialize};

/// A kind of motion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Shifts of any length along periodic axes.
    Shift,
    /// Mirrors.
    Mirror,
    /// Turns by right angles.
    Rotate,
}

/// One entry of `data.augment`: a kind, and the axes after a colon if it is not for all:
/// `shift:0,1`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Augment {
    /// The kind of motion.
    pub kind: Kind,
    /// The axes; if none are named, all that allow the motion.
    pub axes: Vec<usize>,
}

impl fmt::Display for Augment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            Kind::Shift => "shift",
            Kind::Mirror => "mirror",
            Kind::Rotate => "rotate",
        })?;
        let axes: Vec<String> = self.axes.iter().map(usize::to_string).collect();
        if axes.is_empty() { Ok(()) } else { write!(f, ":{}", axes.join(",")) }
    }
}

impl From<Augment> for String {
    fn from(augment: Augment) -> Self {
        augment.to_string()
    }
}

impl TryFrom<String> for Augment {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{text}` is no motion; there are shift, mirror and rotate, and shift:0 for one axis"
            )
        };
        let (name, axes) = text.split_once(':').unwrap_or((&text, ""));
        let kind = match name.trim() {
            "shift" => Kind::Shift,
            "mirror" => Kind::Mirror,
            "rotate" => Kind::Rotate,
            _ => return Err(wrong()),
        };
        let axes = axes.split(',').map(str::trim).filter(|axis| !axis.is_empty());
        let axes: Result<Vec<usize>, String> =
            axes.map(|axis| axis.parse().map_err(|_| wrong())).collect();
        Ok(Self { kind, axes: axes? })
    }
}

/// Reads `data.augment`: a list, or `"auto"`, which leaves the choice to the data.
pub(crate) fn asked<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Vec<Augment>>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Word(String),
        List(Vec<String>),
    }
    let fail = |message: String| serde::de::Error::custom(message);
    let needs = "write \"auto\" or a list, as [\"shift\", \"mirror\"]";
    match Written::deserialize(deserializer) {
        Ok(Written::Word(word)) if word == "auto" => Ok(None),
        Ok(Written::List(list)) => {
            let each = list.into_iter().map(Augment::try_from);
            each.collect::<Result<_, _>>().map(Some).map_err(fail)
        }
        Ok(Written::Word(word)) => Err(fail(format!("`{word}`: {needs}"))),
        Err(_) => Err(fail(needs.into())),
    }
}

/// The axes of each kind of motion.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Augmentation {
    /// Axes along which fields are shifted.
    pub shift: Vec<usize>,
    /// Axes along which fields may be mirrored, each independently.
    pub mirror: Vec<usize>,
    /// Axes that are exchanged with each other.
    pub rotate: Vec<usize>,
}

/// How many random numbers one motion takes.
pub(crate) const NUMBERS: usize = 2 * MAX_DIM + 2;

impl Augmentation {
    /// The named motions on the grids of a run, coarse first.
    ///
    /// # Errors
    /// A sentence that says which motion the grids do not allow.
    pub fn new(named: &[Augment], grids: &[Grid]) -> Result<Self, String> {
        let mut own = Self::default();
        let Some(finest) = grids.last() else { return Ok(own) };
        for augment in named {
            let Augment { kind, axes } = augment;
            if let Some(axis) = axes.iter().find(|a| **a >= finest.dim()) {
                return Err(format!(
                    "{augment}: there is no axis {axis} in {} dimensions",
                    finest.dim()
                ));
            }
            let all: Vec<usize> = (0..finest.dim()).collect();
            let periodic = |axis: &usize| finest.axes()[*axis].boundary == Boundary::Periodic;
            let chosen = if axes.is_empty() { &all } else { axes };
            match kind {
                Kind::Shift => {
                    if let Some(axis) = axes.iter().find(|a| !periodic(a)) {
                        return Err(format!("{augment}: axis {axis} is not periodic"));
                    }
                    own.shift = chosen.iter().copied().filter(periodic).collect();
                    if own.shift.is_empty() {
                        return Err(format!("{augment}: no axis is periodic"));
                    }
                }
                Kind::Mirror => own.mirror.clone_from(chosen),
                Kind::Rotate => {
                    let [first, others @ ..] = &chosen[..] else { continue };
                    if others.is_empty() {
                        return Err(format!("{augment}: a turn takes two axes"));
                    }
                    for grid in grids {
                        let one = grid.axes()[*first];
                        let other = |a: &&usize| {
                            let a = grid.axes()[**a];
                            let long = (a.length - one.length).abs() > 1e-9 * one.length;
                            a.points != one.points || long || a.boundary != one.boundary
                        };
                        if let Some(axis) = others.iter().find(other) {
                            return Err(format!(
                                "{augment}: axes {first} and {axis} of {grid} differ in cells, length or boundary, so that a turn by a right angle leads out of it"
                            ));
                        }
                    }
                    own.rotate.clone_from(chosen);
                }
            }
        }
        Ok(own)
    }

    /// Whether nothing is moved.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The motion for numbers between 0 and 1: two for each axis and two more. Uniform numbers give
    /// a uniform choice among all allowed motions.
    pub fn motion(&self, u: &[f64]) -> Motion {
        let mut motion = Motion::default();
        self.shift.iter().for_each(|a| motion.shift[*a] = u[*a]);
        let axes = &self.rotate;
        if !axes.is_empty() {
            let mut left = axes.clone();
            let mut order = (u[2 * MAX_DIM] * [1.0, 1.0, 2.0, 6.0][axes.len()]) as usize;
            let signs = (u[2 * MAX_DIM + 1] * f64::from(1u32 << axes.len())) as usize;
            let mut proper = true;
            for (i, axis) in axes.iter().enumerate() {
                let at = order % left.len();
                order /= left.len();
                // each place that is skipped is one exchange of axes
                proper ^= at % 2 == 1;
                motion.axes[*axis] = left.remove(at);
                motion.flipped[*axis] = signs >> i & 1 == 1;
                proper ^= motion.flipped[*axis];
            }
            motion.flipped[axes[0]] ^= !proper;
        }
        self.mirror.iter().for_each(|a| motion.flipped[*a] ^= u[MAX_DIM + a] < 0.5);
        motion
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::config::RunConfig;

    fn list(named: &[&str]) -> Vec<Augment> {
        named.iter().map(|n| Augment::try_from(n.to_string()).unwrap()).collect()
    }

    fn grids(points: &[usize], boundary: &str) -> Vec<Grid> {
        let boundary: karhunen_field::Boundaries = boundary.parse().unwrap();
        vec![Grid::unit(points, boundary).unwrap()]
    }

    #[test]
    fn motions_are_read_written_and_refused_by_name() {
        for text in ["shift", "mirror:1", "rotate:0,2"] {
            assert_eq!(Augment::try_from(text.to_string()).unwrap().to_string(), text);
        }
        let config = |value: &str| RunConfig::load(None, &[format!("data.augment={value}")]);
        assert_eq!(config("auto").unwrap().data.augment, None);
        assert_eq!(config("[]").unwrap().data.augment, Some(vec![]));
        let set = config("[\"mirror:1\"]").unwrap();
        assert_eq!(set.data.augment, Some(list(&["mirror:1"])));
        let back = RunConfig::from_table(set.to_toml().parse().unwrap(), "text").unwrap();
        assert_eq!(back, set);
        let said = |value: &str| config(value).unwrap_err().to_string();
        assert!(said("[\"flip\"]").contains("there are shift, mirror and rotate"));
        assert!(said("flip").contains("write \"auto\" or a list"), "{}", said("flip"));
        assert!(said("3").contains("write \"auto\" or a list"), "{}", said("3"));
    }

    #[test]
    fn what_no_grid_can_do_is_refused() {
        let refused =
            |named: &str, grids: &[Grid]| Augmentation::new(&list(&[named]), grids).unwrap_err();
        assert!(refused("shift", &grids(&[8, 8], "neumann")).contains("no axis is periodic"));
        assert!(
            refused("shift:0", &grids(&[8, 8], "neumann,periodic"))
                .contains("axis 0 is not periodic")
        );
        assert!(
            refused("mirror:2", &grids(&[8, 8], "neumann")).contains("no axis 2 in 2 dimensions")
        );
        assert!(refused("rotate", &grids(&[8], "neumann")).contains("takes two axes"));
        for other in [grids(&[8, 6], "neumann"), grids(&[8, 8], "neumann,periodic")] {
            assert!(refused("rotate", &other).contains("leads out of it"));
        }
        let coarse = grids(&[8, 8], "neumann")[0].with_points(&[4, 3]).unwrap();
        let both = [coarse, grids(&[8, 8], "neumann")[0]];
        assert!(refused("rotate", &both).contains("4x3"));
        let kept = Augmentation::new(
            &list(&["rotate:1,2", "shift"]),
            &grids(&[6, 8, 8], "periodic,neumann,neumann"),
        );
        let kept = kept.unwrap();
        assert_eq!((kept.shift, kept.rotate), (vec![0], vec![1, 2]));
    }

    /// Turns of a cube are its 24 rotations, with mirrors all 48 symmetries; a square has 4 and 8.
    #[test]
    fn turns_are_proper_and_all_of_them() {
        let all = |named: &[&str], points: &[usize]| -> HashSet<([usize; 3], [bool; 3])> {
            let motions = Augmentation::new(&list(named), &grids(points, "neumann")).unwrap();
            let noise = karhunen_field::ModeNoise::new(1);
            let each = (0..2000).map(|i| motions.motion(&noise.uniforms(NUMBERS, i, 0)));
            each.map(|m| (m.axes, m.flipped)).collect()
        };
        assert_eq!(all(&["rotate"], &[4; 3]).len(), 24);
        assert_eq!(all(&["rotate", "mirror"], &[4; 3]).len(), 48);
        assert_eq!(all(&["rotate"], &[4; 2]).len(), 4);
        assert_eq!(all(&["rotate", "mirror"], &[4; 2]).len(), 8);
        assert_eq!(all(&["mirror:1"], &[4; 2]).len(), 2);
        let determinant = |(axes, flipped): &([usize; 3], [bool; 3])| {
            let sign = |a: usize| if flipped[a] { -1 } else { 1 };
            let odd = (0..3)
                .flat_map(|i| (0..i).map(move |j| (j, i)))
                .filter(|(j, i)| axes[*j] > axes[*i]);
            (0..3).map(sign).product::<i32>() * if odd.count() % 2 == 0 { 1 } else { -1 }
        };
        assert!(all(&["rotate"], &[4; 3]).iter().all(|motion| determinant(motion) == 1));
    }
}
