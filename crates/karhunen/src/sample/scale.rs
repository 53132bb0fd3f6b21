//! Physical sizes of grids. A model's box has a size, and a finer grid shows the same box with more
//! cells.

use karhunen_field::{Axis, Grid};
use karhunen_train::origin::{Origin, short};

use super::SampleError;
use crate::Error;

/// Relative difference below which two numbers are shown as one.
const ALIKE: f64 = 1e-6;

/// A grid with physical lengths for the spacing in a file, and their unit. The lengths are the
/// requested ones. Without a request they are those of the model, `times` as long on a larger box,
/// or else those of the box.
///
/// # Errors
/// A number of spacings other than one, or one for each axis.
pub fn measured(
    grid: &Grid,
    origin: Option<&Origin>,
    times: &[f64],
    length: Option<f64>,
    spacing: &[f64],
) -> Result<(Grid, Option<String>), Error> {
    let own = origin.filter(|origin| origin.cells.len() == grid.dim());
    let of_axes = |lengths: &dyn Fn(usize, &Axis) -> f64| {
        let axes = grid.axes().iter().enumerate();
        let axes: Vec<Axis> = axes.map(|(i, a)| Axis { length: lengths(i, a), ..*a }).collect();
        Grid::new(&axes).map_err(Error::from)
    };
    let first = grid.axes()[0];
    // the box keeps its proportions
    let longer = |to: f64| of_axes(&|_, axis| axis.length * to / first.length);
    let grid = match (spacing, length, own) {
        ([], None, None) => *grid,
        ([], None, Some(own)) => {
            let lengths = own.lengths();
            let times = |axis: usize| times.get(axis).copied().unwrap_or(1.0);
            return Ok((of_axes(&|i, _| lengths[i] * times(i))?, own.unit.clone()));
        }
        ([], Some(length), _) => longer(length)?,
        ([one], ..) => longer(one * first.points as f64)?,
        (each, ..) if each.len() == grid.dim() => of_axes(&|i, axis| each[i] * axis.points as f64)?,
        (each, ..) => {
            let (given, axes) = (each.len(), grid.dim());
            return Err(SampleError::Spacing { given, axes }.into());
        }
    };
    Ok((grid, None))
}

/// The box and its cells in one line; none for a model whose box has no physical size.
pub fn described(origin: &Origin, grid: &Grid) -> Option<String> {
    let points = grid.points();
    if origin.cells.len() != points.len() {
        return None;
    }
    let name = if points.len() == 3 { "voxel" } else { "pixel" };
    let name = if points.len() == 1 { "point" } else { name };
    let counts =
        |points: &[usize]| points.iter().map(usize::to_string).collect::<Vec<_>>().join("×");
    let unit = origin.unit.as_deref().unwrap_or("in the file's unit");
    let size = origin
        .spacing
        .as_ref()
        .map_or(String::new(), |_| format!(" ({} {unit})", alike(&origin.lengths())));
    let ratios: Vec<f64> =
        origin.cells.iter().zip(&points).map(|(own, n)| *own as f64 / *n as f64).collect();
    let finer = if ratios.iter().any(|r| *r < 1.0) {
        "; a finer grid of the same field of view"
    } else {
        ""
    };
    Some(format!(
        "box {} {name}s{size}, {} cells: {} {name} a cell{finer}",
        counts(&origin.cells),
        counts(&points),
        alike(&ratios)
    ))
}

/// One number if all are nearly equal, otherwise all of them.
fn alike(numbers: &[f64]) -> String {
    let same = numbers.iter().all(|v| (v / numbers[0] - 1.0).abs() < ALIKE);
    let shown = if same { &numbers[..1] } else { numbers };
    shown.iter().map(|v| short(*v)).collect::<Vec<_>>().join(" × ")
}

#[cfg(test)]
mod tests {
    use karhunen_field::Boundary;

    use super::*;

    fn origin(cells: &[usize], spacing: Option<Vec<f64>>, unit: Option<&str>) -> Origin {
        let unit = unit.map(String::from);
        Origin { cells: cells.into(), spacing, unit, ranges: vec![], sources: vec![] }
    }

    #[test]
    fn a_box_and_its_cells_are_told_in_one_line() {
        let grid = |points: &[usize]| Grid::unit(points, Boundary::Neumann).unwrap();
        let cube = origin(&[64, 64, 64], Some(vec![15.2; 3]), Some("µm"));
        assert_eq!(
            described(&cube, &grid(&[256, 256, 256])).unwrap(),
            "box 64×64×64 voxels (972.8 µm), 256×256×256 cells: 0.25 voxel a cell; a finer grid of the same field of view"
        );
        let flat = origin(&[128, 64], None, None);
        assert_eq!(
            described(&flat, &grid(&[64, 64])).unwrap(),
            "box 128×64 pixels, 64×64 cells: 2 × 1 pixel a cell"
        );
        assert!(described(&flat, &grid(&[64])).is_none());
    }

    #[test]
    fn files_have_the_spacing_of_the_box_on_every_grid() {
        let slab = origin(&[12, 48, 48], Some(vec![4.0, 1.0, 1.0]), Some("um"));
        let axes = |points: [usize; 3]| {
            points.map(|n| Axis { points: n, length: 1.0, boundary: Boundary::Neumann })
        };
        let spacing = |g: &Grid| -> Vec<f64> {
            g.axes().iter().map(|a| a.length / a.points as f64).collect()
        };
        let cube = Grid::new(&axes([24, 24, 24])).unwrap();
        let (own, unit) = measured(&cube, Some(&slab), &[], None, &[]).unwrap();
        assert_eq!((spacing(&own), unit.as_deref()), (vec![2.0, 2.0, 2.0], Some("um")));
        let (own, _) = measured(&cube, Some(&slab), &[], Some(240.0), &[]).unwrap();
        assert_eq!(spacing(&own), [10.0, 10.0, 10.0]);
        let (own, unit) = measured(&cube, Some(&slab), &[], None, &[0.5]).unwrap();
        assert_eq!((spacing(&own), unit), (vec![0.5; 3], None));
        let (own, _) = measured(&cube, None, &[], None, &[1.0, 2.0, 3.0]).unwrap();
        assert_eq!(spacing(&own), [1.0, 2.0, 3.0]);
        let (own, _) = measured(&cube, Some(&slab), &[1.0, 2.0, 4.0], None, &[]).unwrap();
        assert_eq!(spacing(&own), [2.0, 4.0, 8.0]);
        assert!(measured(&cube, None, &[], None, &[1.0, 2.0]).is_err());
        assert_eq!(measured(&cube, None, &[], None, &[]).unwrap().0, cube);
    }
}
