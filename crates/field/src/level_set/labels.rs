//! Conversion between phase labels and level-set functions.

use super::distance::surface_distance;
use crate::{FieldError, Grid};

/// Largest number of phases of a material.
pub const MOST_PHASES: usize = 32;

/// Number of channels for n phases: one for two phases, else n.
pub fn channels(phases: usize) -> usize {
    if phases == 2 { 1 } else { phases }
}

/// The level-set functions φ = tanh(d / w) of every channel, from the phase of every cell.
///
/// Here d is the distance to the surface of the phase ([`surface_distance`]), positive inside, and
/// w is the width. Two phases give one channel, positive in phase 1. An absent phase is −1
/// everywhere.
///
/// **Shape** `[channel, axis0, …]`.
///
/// **Cost** One distance transform a phase; 8 bytes a cell besides the result (12 where cells are
/// not cubes).
///
/// # Errors
/// [`FieldError::Length`] unless there is one phase a cell; [`FieldError::Parameter`] below two
/// phases or above [`MOST_PHASES`], for a label that is not below their number, or for a width that
/// is not positive.
///
/// # Example
/// ```
/// use karhunen_field::{Boundary, Grid, level_set};
/// let grid = Grid::unit(&[4, 3], Boundary::Neumann)?;
/// let phases = [0, 0, 1, 0, 2, 2, 1, 1, 2, 0, 0, 0];
/// let field = level_set::level_sets(&grid, &phases, 3, 0.5)?;
/// let wide: Vec<f64> = field.iter().map(|v| f64::from(*v)).collect();
/// assert_eq!(level_set::labels(&wide, 3, grid.len()), phases);
/// # Ok::<(), karhunen_field::FieldError>(())
/// ```
pub fn level_sets(
    grid: &Grid,
    phases: &[u8],
    count: usize,
    width: f64,
) -> Result<Vec<f32>, FieldError> {
    let refuse = |parameter, value: f64, requirement| {
        Err(FieldError::Parameter { parameter, value, requirement })
    };
    if !(2..=MOST_PHASES).contains(&count) {
        return refuse("phases", count as f64, "between 2 and 32");
    }
    if !(width.is_finite() && width > 0.0) {
        return refuse("width", width, "the width of an interface must be positive");
    }
    if phases.len() != grid.len() {
        return Err(FieldError::Length { values: phases.len(), channels: 1, grid: *grid });
    }
    if let Some(phase) = phases.iter().find(|p| usize::from(**p) >= count) {
        return refuse("phase", f64::from(*phase), "must be below the number of phases");
    }
    let channels = channels(count);
    let points = grid.len();
    let mut field = vec![0.0f32; channels * points];
    // distance to the nearest cell of another phase
    let mut other = vec![f32::INFINITY; points];
    for phase in 0..count {
        let distance = surface_distance(grid, |cell| usize::from(phases[cell]) == phase);
        let outside = phases.iter().map(|p| usize::from(*p) != phase);
        for (cell, (outside, d)) in outside.zip(distance).enumerate() {
            if outside {
                other[cell] = other[cell].min(d);
                if channels == count {
                    field[phase * points + cell] = -d;
                }
            }
        }
    }
    for (cell, d) in other.into_iter().enumerate() {
        let phase = usize::from(phases[cell]);
        match channels {
            1 => field[cell] = if phase == 1 { d } else { -d },
            _ => field[phase * points + cell] = d,
        }
    }
    let scale = 1.0 / width as f32;
    field.iter_mut().for_each(|d| *d = (*d * scale).tanh());
    Ok(field)
}

/// Distance beyond a block up to which its surroundings matter, in widths. Cells farther away
/// change φ by less than 1 − tanh 4 = 7·10⁻⁴.
const MARGIN_WIDTHS: f64 = 4.0;

/// Cells along each axis by which a block must be enlarged before its level sets are computed.
///
/// The level sets of the enlarged block, cut back to the block, then differ from those of the whole
/// field by at most 7·10⁻⁴, and only where their magnitude exceeds 0.999.
pub fn margin(grid: &Grid, width: f64) -> Vec<usize> {
    let cells = |a: &crate::Axis| (MARGIN_WIDTHS * width * a.points as f64 / a.length).ceil();
    grid.axes().iter().map(|a| cells(a) as usize).collect()
}

/// The phase of every point. With one channel it is phase 1 where the channel is positive. With
/// several it is the phase of the largest channel, or the first of equal ones.
///
/// **Shape** `field` is `[channel, point]`.
pub fn labels(field: &[f64], channels: usize, points: usize) -> Vec<u8> {
    if channels == 1 {
        return field.iter().map(|v| u8::from(*v > 0.0)).collect();
    }
    let largest = |point: usize| {
        let value = |c: usize| field[c * points + point];
        (1..channels).fold(0, |best, c| if value(c) > value(best) { c } else { best }) as u8
    };
    (0..points).map(largest).collect()
}

/// g = φ_p − max_{q ≠ p} φ_q at every point. It is positive where the phase is p.
///
/// With one channel, g is φ for phase 1 and −φ for phase 0.
pub fn margin_over_others(field: &[f64], channels: usize, points: usize, phase: usize) -> Vec<f64> {
    if channels == 1 {
        let sign = if phase == 1 { 1.0 } else { -1.0 };
        return field.iter().map(|v| sign * v).collect();
    }
    let over = |point: usize| {
        let others = (0..channels).filter(|c| *c != phase).map(|c| field[c * points + point]);
        field[phase * points + point] - others.fold(f64::NEG_INFINITY, f64::max)
    };
    (0..points).map(over).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::noise::stream;
    use crate::prior::{self, Matern};
    use crate::{Axis, Boundary, Ensemble, resample};

    fn wide(field: &[f32]) -> Vec<f64> {
        field.iter().map(|v| f64::from(*v)).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn labels_come_back_as_they_were(
            points in prop::collection::vec(1usize..9, 1..4),
            phases in 2usize..6,
            seed in any::<u64>(),
            width in 0.01f64..40.0,
            stretch in 0.2f64..5.0,
            ring in any::<bool>(),
        ) {
            let boundary = if ring { Boundary::Periodic } else { Boundary::Neumann };
            let axes: Vec<Axis> = points.iter().enumerate().map(|(a, &points)| {
                let length = points as f64 * if a == 1 { stretch } else { 1.0 };
                Axis { points, length, boundary }
            }).collect();
            let grid = Grid::new(&axes).unwrap();
            let mut state = seed | 1;
            let given: Vec<u8> = (0..grid.len()).map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695);
                ((state >> 33) % phases as u64) as u8
            }).collect();
            let field = level_sets(&grid, &given, phases, width).unwrap();
            prop_assert_eq!(field.len(), channels(phases) * grid.len());
            prop_assert!(field.iter().all(|v| v.is_finite() && v.abs() <= 1.0));
            prop_assert_eq!(labels(&wide(&field), channels(phases), grid.len()), given);
        }
    }

    #[test]
    fn balls_have_the_distance_to_their_sphere_within_half_a_cell() {
        let grid = Grid::unit(&[40, 40, 40], Boundary::Neumann).unwrap();
        let (h, radius, width) = (1.0 / 40.0, 0.3, 0.1);
        let far = |cell: usize| {
            let p = grid.position(cell);
            p.iter().map(|j| ((*j as f64 + 0.5) * h - 0.5).powi(2)).sum::<f64>().sqrt()
        };
        let ball: Vec<u8> = (0..grid.len()).map(|c| u8::from(far(c) < radius)).collect();
        let field = level_sets(&grid, &ball, 2, width).unwrap();
        let mut mean = 0.0;
        for (cell, value) in field.iter().enumerate() {
            let exact = ((radius - far(cell)) / width).tanh();
            let error = f64::from(*value) - exact;
            mean += error / field.len() as f64;
            // a staircase deviates by up to half the diagonal of a cell, √3 h / 2
            assert!(error.abs() < 0.87 * h / width, "{error}");
        }
        // and by little on average
        assert!(mean.abs() < 0.06 * h / width, "{mean}");
    }

    #[test]
    fn slabs_of_a_ring_are_exact() {
        let axes = [
            Axis { points: 12, length: 3.0, boundary: Boundary::Periodic },
            Axis { points: 5, length: 1.0, boundary: Boundary::Neumann },
        ];
        let grid = Grid::new(&axes).unwrap();
        let slab: Vec<u8> =
            (0..grid.len()).map(|c| u8::from((2..6).contains(&grid.position(c)[0]))).collect();
        let field = level_sets(&grid, &slab, 2, 0.7).unwrap();
        for (cell, value) in field.iter().enumerate() {
            let x = axes[0].centre(grid.position(cell)[0]);
            // the slab occupies 0.5 … 1.5 of a periodic axis of length 3
            let apart = (x - 1.0).abs();
            let d = 0.5 - apart.min(3.0 - apart);
            assert!((f64::from(*value) - (d / 0.7).tanh()).abs() < 1e-6, "{x} {value}");
        }
    }

    #[test]
    fn blocks_with_a_margin_have_the_level_sets_of_the_whole() {
        let grid = Grid::unit(&[60, 50], Boundary::Neumann).unwrap();
        let rough =
            prior::sample(&Matern::new(1.0, 0.1, 1.5).unwrap(), grid, 1, 5, 0..1, stream::START);
        let phases: Vec<u8> = rough.values.iter().map(|v| u8::from(*v > 1.0)).collect();
        let width = 1.5 / 60.0;
        let whole = level_sets(&grid, &phases, 2, width).unwrap();
        let m = margin(&grid, width);
        assert_eq!(m, [6, 6]);
        let (from, size) = ([20 - m[0], 18 - m[1]], [16 + 2 * m[0], 16 + 2 * m[1]]);
        let axes: Vec<Axis> = size
            .iter()
            .map(|&n| Axis { points: n, length: n as f64 / 60.0, boundary: Boundary::Neumann })
            .collect();
        let at = |i: usize, j: usize| (from[0] + i) * 50 + from[1] + j;
        let block: Vec<u8> =
            (0..size[0] * size[1]).map(|c| phases[at(c / size[1], c % size[1])]).collect();
        let part = level_sets(&Grid::new(&axes).unwrap(), &block, 2, width).unwrap();
        for i in m[0]..m[0] + 16 {
            for j in m[1]..m[1] + 16 {
                let (a, b) = (part[i * size[1] + j], whole[at(i, j)]);
                assert!((a - b).abs() < 7e-4, "{a} {b}");
            }
        }
    }

    /// Fraction of cells that change on the way 96² → 48² → 96², with n channels and with n − 1.
    #[test]
    fn a_channel_a_phase_keeps_more_than_one_fewer() {
        let grid = Grid::unit(&[96, 96], Boundary::Neumann).unwrap();
        let coarse = grid.with_points(&[48, 48]).unwrap();
        let law = Matern::new(1.0, 0.12, 2.5).unwrap();
        let (mut all, mut fewer, mut indicator) = (0.0, 0.0, 0.0);
        for index in 0..4 {
            // three fields, the largest wins: every pair of phases has an interface
            let rough = prior::sample(&law, grid, 3, 5, index..index + 1, stream::START);
            let given = labels(&rough.values, 3, grid.len());
            let through = |field: Vec<f64>| {
                let fine = Ensemble::new(grid, 3, field).unwrap();
                let few = resample::spectral(&fine, coarse).unwrap();
                resample::spectral(&few, grid).unwrap().values
            };
            let field = through(wide(&level_sets(&grid, &given, 3, 3.0 / 96.0).unwrap()));
            let part = |found: &[u8]| {
                found.iter().zip(&given).filter(|(a, b)| a != b).count() as f64
                    / (4 * grid.len()) as f64
            };
            all += part(&labels(&field, 3, grid.len()));
            // with n − 1 channels the first phase is where both others are negative
            let mut without = field;
            without[..grid.len()].fill(0.0);
            fewer += part(&labels(&without, 3, grid.len()));
            let ones = |p: u8| given.iter().map(move |g| f64::from(u8::from(*g == p)));
            let jumps = through((0..3).flat_map(ones).collect());
            indicator += part(&labels(&jumps, 3, grid.len()));
        }
        println!("n channels {all:.4}, n - 1 {fewer:.4}, indicators {indicator:.4}");
        assert!(all < 0.75 * fewer, "{all} {fewer}");
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let grid = Grid::unit(&[4], Boundary::Neumann).unwrap();
        let of = |phases: &[u8], count, width| level_sets(&grid, phases, count, width);
        assert!(matches!(of(&[0; 3], 2, 1.0), Err(FieldError::Length { .. })));
        for (phases, count, width) in
            [([0; 4], 1, 1.0), ([0; 4], 33, 1.0), ([2; 4], 2, 1.0), ([0; 4], 2, 0.0)]
        {
            assert!(matches!(of(&phases, count, width), Err(FieldError::Parameter { .. })));
        }
        // one phase alone: φ is 1 everywhere, and the labels come back
        assert_eq!(of(&[1; 4], 2, 1.0).unwrap(), [1.0; 4]);
        assert_eq!(labels(&wide(&of(&[2; 4], 3, 1.0).unwrap()), 3, 4), [2; 4]);
    }
}
