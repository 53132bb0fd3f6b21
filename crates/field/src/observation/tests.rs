//! Every kind of observation in one to three dimensions and at every boundary. Checks adjoints, and
//! values against point values and quadrature.

use super::functional::Functional;
use super::*;
use crate::noise::stream;
use crate::{Boundaries, Boundary, Ensemble, ModeNoise, Transform};

fn grids() -> Vec<Grid> {
    let mut grids = Vec::new();
    for boundary in [Boundary::Neumann, Boundary::Periodic, Boundary::Dirichlet] {
        for points in [&[11][..], &[8], &[6, 7], &[4, 5, 6]] {
            grids.push(Grid::unit(points, boundary).unwrap());
        }
    }
    let mixed = [Boundary::Periodic, Boundary::Neumann, Boundary::Dirichlet];
    grids.push(Grid::unit(&[6, 5], Boundaries::PerAxis(mixed[..2].to_vec())).unwrap());
    grids.push(Grid::unit(&[5, 6, 4], Boundaries::PerAxis(mixed.to_vec())).unwrap());
    grids
}

fn numbers(count: usize, index: u64) -> Vec<f64> {
    ModeNoise::new(11).plain_normals(count, index, stream::METRICS)
}

fn modes_of(grid: &Grid, channels: usize) -> Vec<f64> {
    numbers(channels * grid.mode_count(), 5)
}

fn places(grid: &Grid, count: usize) -> Vec<[f64; MAX_DIM]> {
    let uniform = ModeNoise::new(3).uniforms(count * MAX_DIM, 0, stream::METRICS);
    let place = |i: usize| {
        let mut place = [0.0; MAX_DIM];
        for (j, axis) in grid.axes().iter().enumerate() {
            place[j] = uniform[MAX_DIM * i + j] * axis.length;
        }
        place
    };
    (0..count).map(place).collect()
}

/// u(x) computed as a sum of modes, by the transform of a grid that has x as a cell centre.
fn value_at(grid: &Grid, modes: &[f64], place: [f64; MAX_DIM]) -> f64 {
    let row = Functional::point(0, place).row(grid);
    row.iter().zip(modes).map(|(r, u)| r * u).sum()
}

fn every_kind(grid: &Grid, channels: usize) -> Vec<Arc<dyn Observation>> {
    let coarse: Vec<usize> = grid.points().iter().map(|n| n - 2).collect();
    let coarse = grid.with_points(&coarse).unwrap();
    let seen = Ensemble { grid: coarse, channels, values: numbers(channels * coarse.len(), 1) };
    let mut holes = Ensemble { grid: *grid, channels, values: numbers(channels * grid.len(), 2) };
    holes.values.iter_mut().step_by(3).for_each(|v| *v = f64::NAN);
    let places = places(grid, 8);
    let sensor = |i: usize| Sensor {
        place: places[i],
        channel: i % channels,
        value: i as f64,
        deviation: 0.1,
    };
    let ray = |i: usize| Ray {
        from: places[i],
        to: places[i + 1],
        channel: i % channels,
        value: 0.3,
        deviation: 0.1,
    };
    let width = channels * coarse.len();
    let columns: Vec<usize> = (0..12).map(|i| (7 * i + 1) % width).collect();
    let matrix = (vec![0, 5, 6, 12], columns, numbers(12, 3));
    vec![
        Arc::new(Points::new((0..6).map(sensor).collect()).unwrap()),
        Arc::new(Mask::new(&holes, 0, 0.1).unwrap()),
        Arc::new(Coarse::spectral(&seen, 0, 0.1).unwrap()),
        Arc::new(Coarse::average(&seen, 0, 0.1).unwrap()),
        Arc::new(Blur::new(&seen, 0, 0.1, 0.1).unwrap()),
        Arc::new(Rays::new((0..5).map(ray).collect()).unwrap()),
        Arc::new(Mean::new(channels - 1, 0.2, 0.1).unwrap()),
        Arc::new(Sparse::new(coarse, channels, matrix, vec![1.0, 2.0, 3.0], 0.1).unwrap()),
    ]
}

/// ⟨A u, v⟩ = ⟨u, A* v⟩, and the diagonal returned by an operator is that of its matrix.
#[test]
fn adjoints_are_adjoint() {
    for grid in grids() {
        for channels in [1, 2] {
            let u = modes_of(&grid, channels);
            for observation in every_kind(&grid, channels) {
                let kind = observation.kind();
                let operator = observation.on(&grid, channels).unwrap();
                let seen = operator.apply(&u);
                assert_eq!(seen.len(), observation.values().len(), "{kind}");
                assert_eq!(seen.len(), operator.rows(), "{kind}");
                let v = numbers(seen.len(), 9);
                let back = operator.adjoint(&v);
                let (left, right) = (rows::dot(&seen, &v), rows::dot(&u, &back));
                assert!((left - right).abs() < 1e-11 * left.abs().max(1.0), "{kind} {grid:?}");
                let variances: Vec<f64> = u.iter().map(|u| u * u).collect();
                let Some(diagonal) = operator.diagonal(&variances) else { continue };
                for (i, expected) in diagonal.iter().enumerate() {
                    let mut unit = vec![0.0; seen.len()];
                    unit[i] = 1.0;
                    let mut row = operator.adjoint(&unit);
                    row.iter_mut().zip(&variances).for_each(|(r, v)| *r *= v);
                    for (j, entry) in operator.apply(&row).iter().enumerate() {
                        let expected = if i == j { *expected } else { 0.0 };
                        assert!((entry - expected).abs() < 1e-12, "{kind} {i} {j}");
                    }
                }
            }
        }
    }
}

/// The row of a point at a cell's centre agrees with the transform at that cell.
#[test]
fn points_at_cell_centres_are_the_cells() {
    for grid in grids() {
        let modes = modes_of(&grid, 1);
        let cells = Transform::new(grid).synthesise_channels(&modes);
        for (cell, expected) in cells.iter().enumerate() {
            let at = grid.position(cell);
            let mut place = [0.0; MAX_DIM];
            for (j, axis) in grid.axes().iter().enumerate() {
                place[j] = axis.centre(at[j]);
            }
            let found = value_at(&grid, &modes, place);
            assert!((found - expected).abs() < 1e-11, "{grid:?} {cell}: {found} {expected}");
        }
    }
}

/// Points of Gauss's rule with ten nodes on [−½, ½]; exact to rounding for the few waves here.
fn nodes() -> Vec<(f64, f64)> {
    let half = [
        (0.148_874_338_981_631_2, 0.295_524_224_714_752_9),
        (0.433_395_394_129_247_2, 0.269_266_719_309_996_4),
        (0.679_409_568_299_024_4, 0.219_086_362_515_982_1),
        (0.865_063_366_688_984_5, 0.149_451_349_150_580_6),
        (0.973_906_528_517_171_7, 0.066_671_344_308_688_1),
    ];
    half.iter().flat_map(|(x, w)| [(0.5 * x, 0.5 * w), (-0.5 * x, 0.5 * w)]).collect()
}

/// Rays and averages against quadrature with pieces of one twentieth.
#[test]
fn rays_and_averages_are_integrals() {
    for grid in grids().into_iter().filter(|g| g.dim() < 3) {
        let modes = modes_of(&grid, 1);
        let ends = places(&grid, 2);
        let ray = Ray { from: ends[0], to: ends[1], channel: 0, value: 0.0, deviation: 0.0 };
        let found = Rays::new(vec![ray]).unwrap().on(&grid, 1).unwrap().apply(&modes)[0];
        let along: [f64; MAX_DIM] = std::array::from_fn(|j| ends[1][j] - ends[0][j]);
        let length = along.iter().map(|d| d * d).sum::<f64>().sqrt();
        let mut expected = 0.0;
        for piece in 0..20 {
            for (x, w) in nodes() {
                let s = (f64::from(piece) + 0.5 + x) / 20.0;
                let place = std::array::from_fn(|j| ends[0][j] + s * along[j]);
                expected += w / 20.0 * length * value_at(&grid, &modes, place);
            }
        }
        assert!((found - expected).abs() < 1e-10, "{grid:?}: {found} {expected}");
        let coarse: Vec<usize> = grid.points().iter().map(|n| n - 2).collect();
        let coarse = grid.with_points(&coarse).unwrap();
        let seen = Ensemble::zeros(coarse, 1, 1);
        let averages = Coarse::average(&seen, 0, 0.0).unwrap().on(&grid, 1).unwrap().apply(&modes);
        let cell = coarse.len() - 1;
        let at = coarse.position(cell);
        let mut expected = 0.0;
        let second = if grid.dim() == 2 { nodes() } else { vec![(0.0, 1.0)] };
        for (x, w) in nodes() {
            for (y, v) in &second {
                let mut place = [0.0; MAX_DIM];
                for (j, (axis, shift)) in coarse.axes().iter().zip([x, *y]).enumerate() {
                    place[j] = axis.centre(at[j]) + shift * axis.length / axis.points as f64;
                }
                expected += w * v * value_at(&grid, &modes, place);
            }
        }
        assert!(
            (averages[cell] - expected).abs() < 1e-9,
            "{grid:?}: {} {expected}",
            averages[cell]
        );
    }
}

/// The mean is that of the cells where constants are held, and the integral of the sines elsewhere.
#[test]
fn means_are_means() {
    for grid in grids() {
        let modes = modes_of(&grid, 1);
        let found = Mean::new(0, 0.0, 0.0).unwrap().on(&grid, 1).unwrap().apply(&modes)[0];
        if grid.holds_constants() {
            assert!((found - modes[0]).abs() < 1e-12, "{grid:?}");
        } else if grid.dim() == 1 {
            let integral = |k: usize| {
                let wave = (k + 1) as f64 * std::f64::consts::PI;
                std::f64::consts::SQRT_2 * (1.0 - wave.cos()) / wave
            };
            let expected: f64 = modes.iter().enumerate().map(|(k, u)| u * integral(k)).sum();
            assert!((found - expected).abs() < 1e-12, "{grid:?}");
        }
    }
}

/// A sensor, a mask, a coarse field and a matrix give the same values on a finer grid for the same
/// function.
#[test]
fn observations_mean_the_same_on_every_grid() {
    for grid in grids() {
        let finer: Vec<usize> = grid.points().iter().map(|n| n + 3).collect();
        let finer = grid.with_points(&finer).unwrap();
        let modes = modes_of(&grid, 2);
        let same = crate::resample::copied_modes(&grid, &modes, &finer);
        for observation in every_kind(&grid, 2) {
            let one = observation.on(&grid, 2).unwrap().apply(&modes);
            let other = observation.on(&finer, 2).unwrap().apply(&same);
            let error = one.iter().zip(&other).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            assert!(error < 1e-10, "{} {grid:?}: {error}", observation.kind());
        }
    }
}

/// The slope of the smoothed fraction agrees with finite differences, and its value without spread
/// is right.
#[test]
fn fractions_know_their_slope() {
    for grid in grids().into_iter().filter(Grid::holds_constants) {
        let part = Fraction::new(1, 0.3, 0.4, 0.5, 0.0).unwrap();
        let operator = part.on(&grid, 2).unwrap();
        let modes = modes_of(&grid, 2);
        let near = operator.linearised(&modes, &[9.0, 0.7]).unwrap();
        let direction = numbers(modes.len(), 4);
        let moved = |by: f64| {
            let at: Vec<f64> = modes.iter().zip(&direction).map(|(m, d)| m + by * d).collect();
            operator.linearised(&at, &[9.0, 0.7]).unwrap().values[0]
        };
        let slope = (moved(1e-5) - moved(-1e-5)) / 2e-5;
        let claimed = rows::dot(&near.rows[0], &direction);
        assert!((slope - claimed).abs() < 1e-7, "{grid:?}: {slope} {claimed}");
    }
}

#[test]
fn what_cannot_be_observed_is_refused() {
    let grid = Grid::unit(&[6, 7], Boundary::Neumann).unwrap();
    let sensor = |x: f64, y: f64, value: f64, deviation: f64| Sensor {
        place: [x, y, 0.0],
        channel: 0,
        value,
        deviation,
    };
    let message = |error: FieldError| error.to_string();
    let twice =
        vec![sensor(0.2, 0.3, 1.0, 0.0), sensor(0.5, 0.5, 0.0, 0.0), sensor(0.2, 0.3, 2.0, 0.0)];
    let text = message(Points::new(twice).unwrap_err());
    assert!(text.starts_with("observation 3") && text.contains("contradicts"), "{text}");
    let twice = vec![sensor(0.2, 0.3, 1.0, 0.1), sensor(0.2, 0.3, 2.0, 0.1)];
    assert!(
        message(Points::new(twice).unwrap_err())
            .ends_with("a second value at the same place (observation 1)")
    );
    for (bad, what) in [
        (sensor(f64::NAN, 0.0, 1.0, 0.0), "coordinate"),
        (sensor(0.0, 0.0, f64::NAN, 0.0), "value"),
        (sensor(0.0, 0.0, 1.0, -1.0), "sd -1"),
    ] {
        assert!(message(Points::new(vec![bad]).unwrap_err()).contains(what));
    }
    let outside = Points::new(vec![sensor(0.2, 1.3, 1.0, 0.0)]).unwrap();
    let text = message(outside.on(&grid, 1).unwrap_err());
    assert!(text.contains("coordinate 1.3 on axis 1 lies outside the box"), "{text}");
    let mut other = sensor(0.2, 0.3, 1.0, 0.0);
    other.channel = 1;
    let text = message(Points::new(vec![other]).unwrap().on(&grid, 1).unwrap_err());
    assert!(text.contains("channel 1 of fields that have 1"), "{text}");
    assert!(Fraction::new(0, 0.0, 0.1, 1.2, 0.0).is_err());
    let wide = Grid::unit(&[3, 6], Boundary::Neumann).unwrap();
    let seen = Coarse::spectral(&Ensemble::zeros(wide, 1, 1), 0, 0.0).unwrap();
    assert!(matches!(seen.on(&grid, 1), Err(FieldError::GridMismatch { .. })));
    let matrix = (vec![0, 1], vec![99], vec![1.0]);
    let text = message(Sparse::new(grid, 1, matrix, vec![0.0], 0.0).unwrap_err());
    assert!(text.contains("column 99"), "{text}");
}
