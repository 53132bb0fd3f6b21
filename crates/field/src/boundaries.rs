//! Boundary conditions of a box as a user writes them: `neumann`, or one condition for each axis.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::FieldError;
use crate::grid::Boundary;

/// One condition for all axes, or a list with one for each axis, slowest first.
///
/// # Example
/// ```
/// use karhunen_field::{Boundaries, Grid};
/// let channel: Boundaries = "periodic,dirichlet".parse()?;
/// let grid = Grid::unit(&[8, 5], &channel)?;
/// assert_eq!(grid.mode_shape(), [7, 4]);
/// # Ok::<(), karhunen_field::FieldError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, try_from = "Written")]
pub enum Boundaries {
    /// The same on every axis.
    All(Boundary),
    /// One for each axis.
    PerAxis(Vec<Boundary>),
}

/// The form in a file before names are looked up. An untagged enum of conditions would answer a
/// misspelt name with the names of its own variants, or with none.
#[derive(Deserialize)]
#[serde(untagged, expecting = "a boundary condition is a name, or a list of one an axis")]
enum Written {
    One(String),
    Several(Vec<String>),
}

impl TryFrom<Written> for Boundaries {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let boundaries = match written {
            Written::One(names) => names.parse(),
            Written::Several(names) => {
                names.iter().map(|name| name.parse()).collect::<Result<_, _>>().map(Self::PerAxis)
            }
        };
        boundaries.map_err(|error: FieldError| match error {
            // serde's own wording for an unknown variant, which callers know how to explain
            FieldError::UnknownName { name, known, .. } => {
                let known = known.replace(", ", "`, `");
                format!("unknown variant `{name}`, expected one of `{known}`")
            }
            other => other.to_string(),
        })
    }
}

impl Boundaries {
    /// The condition of every axis of a box of dimension `dim`.
    ///
    /// # Errors
    /// [`FieldError::Boundaries`] unless a list has one entry for each axis.
    pub fn for_axes(&self, dim: usize) -> Result<Vec<Boundary>, FieldError> {
        match self {
            Boundaries::All(boundary) => Ok(vec![*boundary; dim]),
            Boundaries::PerAxis(list) if list.len() == dim => Ok(list.clone()),
            Boundaries::PerAxis(list) => {
                Err(FieldError::Boundaries { conditions: list.len(), axes: dim })
            }
        }
    }
}

impl From<Boundary> for Boundaries {
    fn from(boundary: Boundary) -> Self {
        Boundaries::All(boundary)
    }
}

impl From<&Boundaries> for Boundaries {
    fn from(boundaries: &Boundaries) -> Self {
        boundaries.clone()
    }
}

/// `neumann`, or `periodic,dirichlet` where axes differ.
impl fmt::Display for Boundaries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Boundaries::All(boundary) => boundary.fmt(f),
            Boundaries::PerAxis(list) => {
                let names: Vec<String> = list.iter().map(Boundary::to_string).collect();
                f.write_str(&names.join(","))
            }
        }
    }
}

/// The inverse of the display.
impl FromStr for Boundaries {
    type Err = FieldError;

    fn from_str(text: &str) -> Result<Self, FieldError> {
        let list: Result<Vec<Boundary>, FieldError> =
            text.split(',').map(|name| name.trim().parse()).collect();
        Ok(match list?[..] {
            [one] => Boundaries::All(one),
            ref several => Boundaries::PerAxis(several.to_vec()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Grid;

    #[test]
    fn they_are_written_once_or_per_axis() {
        for text in ["neumann", "periodic,dirichlet", "dirichlet,neumann,periodic"] {
            assert_eq!(text.parse::<Boundaries>().unwrap().to_string(), text);
        }
        let list: Boundaries = "periodic, dirichlet".parse().unwrap();
        let grid = Grid::unit(&[3, 4], &list).unwrap();
        assert_eq!((grid.boundaries(), grid.holds_constants()), (list.clone(), false));
        let read = |text| serde_json::from_str::<Boundaries>(text).unwrap();
        assert_eq!(read("\"neumann\""), Boundaries::All(Boundary::Neumann));
        assert_eq!(read("\"periodic,dirichlet\""), list);
        assert_eq!(serde_json::to_string(&list).unwrap(), "[\"periodic\",\"dirichlet\"]");
        assert_eq!(read("[\"periodic\", \"dirichlet\"]"), list);
    }

    #[test]
    fn refusals_say_what_would_do() {
        let list: Boundaries = "periodic,dirichlet".parse().unwrap();
        let wrong = Grid::unit(&[3, 4, 5], &list).unwrap_err().to_string();
        assert_eq!(wrong, "2 boundary conditions for 3 axes; give one for all, or one an axis");
        let wrong = "robin".parse::<Boundaries>().unwrap_err().to_string();
        let known = "known are periodic, neumann, dirichlet";
        assert_eq!(wrong, format!("unknown boundary condition `robin`; {known}"));
        let read = |text| serde_json::from_str::<Boundaries>(text).unwrap_err().to_string();
        let line = "unknown variant `neuman`, expected one of `periodic`, `neumann`, `dirichlet`";
        for text in ["\"neuman\"", "[\"periodic\", \"neuman\"]"] {
            assert!(read(text).starts_with(line), "{}", read(text));
        }
        assert!(read("3").contains("a name, or a list of one an axis"), "{}", read("3"));
    }
}
