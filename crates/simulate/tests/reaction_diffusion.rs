//! The solver and its patterns against what is known of the FitzHugh–Nagumo equations.

use karhunen_field::{Axis, Boundary, Ensemble, Grid, resample};
use karhunen_simulate::{FitzHughNagumo, ReactionDiffusion, SimulateError, Structure};

const BOUNDARIES: [Boundary; 2] = [Boundary::Neumann, Boundary::Periodic];

/// Sums of some thousand rounded numbers.
const ROUNDING: f64 = 1e-12;

fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| (x - y).powi(2)).sum::<f64>().sqrt()
}

/// e^{λt} of the matrix ((p, −1), (1, q)) by scaling and squaring of its Taylor series: no formula
/// for eigenvalues, no cases.
fn exponential(p: f64, q: f64, time: f64) -> [[f64; 2]; 2] {
    let product = |a: [[f64; 2]; 2], b: [[f64; 2]; 2]| {
        [0, 1].map(|i| [0, 1].map(|j| a[i][0] * b[0][j] + a[i][1] * b[1][j]))
    };
    let halvings = 30;
    let small = time / f64::from(1 << halvings);
    let a = [[p * small, -small], [small, q * small]];
    let square = product(a, a);
    let mut e = [0, 1].map(|i| [0, 1].map(|j| a[i][j] + 0.5 * square[i][j]));
    // e − 1 is squared, or its digits are lost in the 1
    for _ in 0..halvings {
        let squared = product(e, e);
        e = [0, 1].map(|i| [0, 1].map(|j| 2.0 * e[i][j] + squared[i][j]));
    }
    e[0][0] += 1.0;
    e[1][1] += 1.0;
    e
}

/// Waves so small that their cubes vanish follow the exponential of their matrix, in one step of any
/// length: growing, decaying, turning, and on the border of it, where both eigenvalues are one.
#[test]
fn small_waves_follow_their_matrix_exactly() {
    const SMALL: f64 = 1e-7;
    for boundary in BOUNDARIES {
        let grid = Grid::unit(&[14, 9], boundary).unwrap();
        for slot in [0, 1, 5, 9 * 3 + 2, grid.mode_count() - 1] {
            let k2 = grid.modes().nth(slot).unwrap().laplacian();
            let border = 1e-3; // D_v = D_u: δ = 1 in every mode
            for (activator, inhibitor) in [(1e-3, 5e-3), (1e-3, border), (2e-2, 1e-4), (0.3, 9.0)] {
                let mut solver = ReactionDiffusion::new(grid, activator, inhibitor, 0.0);
                let (p, q) = (1.0 - activator * k2, -1.0 - inhibitor * k2);
                for time in [0.1, 3.0] {
                    let mut u = vec![0.0; grid.mode_count()];
                    let mut v = u.clone();
                    (u[slot], v[slot]) = (SMALL, -0.4 * SMALL);
                    solver.advance(&mut u, &mut v, time, 1);
                    let e = exponential(p, q, time);
                    let expected = e.map(|row| SMALL * (row[0] - 0.4 * row[1]));
                    // the cubic is 1e-14 of u, the series' remainder 1e-9 with k2 up to 2e3
                    let allowed = SMALL * 1e-8 * (1.0 + e[0][0].abs());
                    let far = (u[slot] - expected[0]).abs().max((v[slot] - expected[1]).abs());
                    assert!(far < allowed, "{boundary} {slot} {activator} {inhibitor}: {far}");
                    u[slot] = 0.0;
                    assert!(u.iter().all(|c| c.abs() < SMALL * 1e-10));
                }
            }
        }
    }
}

/// Around the state of rest u = v = −k^⅓ a wave ω grows like e^{λt}, λ the larger root of
/// λ² − (f + g)λ + f g + 1 with f = 1 − 3k^⅔ − D_u ω², g = −1 − D_v ω².
#[test]
fn turing_waves_grow_by_the_dispersion_relation() {
    let (activator, inhibitor, offset) = (1e-3, 5e-3, 5e-3f64);
    let rest = -offset.cbrt();
    for boundary in BOUNDARIES {
        let grid = Grid::new(&[
            Axis { points: 48, length: 2.0, boundary },
            Axis { points: 5, length: 1.0, boundary },
        ])
        .unwrap();
        for mode in
            grid.modes().filter(|m| m.position[0] > 1 && m.position[1] == 0).take(10).step_by(3)
        {
            let k2 = mode.laplacian();
            let slot = grid.modes().position(|m| m.position == mode.position).unwrap();
            let (f, g) = (1.0 - 3.0 * rest * rest - activator * k2, -1.0 - inhibitor * k2);
            let root = (0.25 * (f + g).powi(2) - f * g - 1.0).sqrt();
            let rate = 0.5 * (f + g) + root;
            if rate.is_nan() {
                continue; // a pair of turning waves
            }
            let measured = |steps: usize| {
                let mut solver = ReactionDiffusion::new(grid, activator, inhibitor, offset);
                let mut u = vec![0.0; grid.mode_count()];
                let mut v = u.clone();
                (u[0], v[0]) = (rest, rest);
                // the eigenvector of the larger root
                (u[slot], v[slot]) = (1e-6, 1e-6 / (rate - g));
                solver.advance(&mut u, &mut v, 2.0, steps);
                ((u[slot] / 1e-6).ln() / 2.0 - rate).abs()
            };
            let (coarse, fine) = (measured(40), measured(80));
            let order = (coarse / fine).log2();
            assert!((order - 2.0).abs() < 0.1, "{boundary} {k2}: order {order}, {coarse}");
            assert!(fine < 1e-3, "{boundary} {k2}: {fine}");
        }
    }
}

/// A constant state is the ordinary equation u̇ = u − u³ − k − v, v̇ = u − v, here by the classical
/// Runge–Kutta method of order 4 in 20000 steps, 1e-13 from its limit.
#[test]
fn constant_states_are_the_ordinary_equation_to_second_order() {
    let offset = 0.3;
    let slope = |[u, v]: [f64; 2]| [u - u.powi(3) - offset - v, u - v];
    let plus = |x: [f64; 2], h: f64, k: [f64; 2]| [x[0] + h * k[0], x[1] + h * k[1]];
    let (time, steps) = (4.0, 20_000);
    let h = time / f64::from(steps);
    let start = [1.4, -0.6];
    let mut exact = start;
    for _ in 0..steps {
        let k1 = slope(exact);
        let k2 = slope(plus(exact, 0.5 * h, k1));
        let k3 = slope(plus(exact, 0.5 * h, k2));
        let k4 = slope(plus(exact, h, k3));
        exact = [0, 1].map(|i| exact[i] + h / 6.0 * (k1[i] + 2.0 * k2[i] + 2.0 * k3[i] + k4[i]));
    }
    for boundary in BOUNDARIES {
        for points in [&[1][..], &[7], &[4, 5], &[2, 3, 2]] {
            let grid = Grid::unit(points, boundary).unwrap();
            let error = |steps: usize| {
                let mut solver = ReactionDiffusion::new(grid, 1e-3, 5e-3, offset);
                let mut u = vec![0.0; grid.mode_count()];
                let mut v = u.clone();
                (u[0], v[0]) = (start[0], start[1]);
                solver.advance(&mut u, &mut v, time, steps);
                assert!(u[1..].iter().chain(&v[1..]).all(|c| c.abs() < ROUNDING));
                (u[0] - exact[0]).abs().max((v[0] - exact[1]).abs())
            };
            let (coarse, fine) = (error(200), error(400));
            let order = (coarse / fine).log2();
            assert!((order - 2.0).abs() < 0.05, "{grid:?}: order {order}");
            assert!(fine < 2e-5, "{grid:?}: {fine}"); // τ² / 5
        }
    }
}

/// Unit of length and spectrum of the default, on a box a quarter as large.
fn pattern(age: f64) -> FitzHughNagumo {
    FitzHughNagumo::new(4e-3, 2e-2, 5e-3, age).unwrap()
}

/// u of a pattern's random state, moved by the solver.
fn moved(grid: Grid, time: f64, steps: usize) -> Vec<f64> {
    let start = pattern(1e-9).generate(&grid, 3, 0).unwrap();
    let mut solver = ReactionDiffusion::new(grid, 4e-3, 2e-2, 5e-3);
    let modes = solver.transform().analyse_channels(&start);
    let (u, v) = modes.split_at(grid.mode_count());
    let (mut u, mut v) = (u.to_vec(), v.to_vec());
    solver.advance(&mut u, &mut v, time, steps);
    [u, v].concat()
}

#[test]
fn steps_are_of_second_order_far_from_rest() {
    for boundary in BOUNDARIES {
        let grid = Grid::unit(&[24, 21], boundary).unwrap();
        let reference = moved(grid, 5.0, 4096);
        let error = |steps| distance(&moved(grid, 5.0, steps), &reference);
        let order = (error(128) / error(256)).log2();
        assert!((order - 2.0).abs() < 0.1, "{boundary}: order {order}");
        // the steps of the structure
        let size = distance(&reference, &vec![0.0; reference.len()]);
        assert!(error(100) < 2e-3 * size, "{boundary}: {} of {size}", error(100));
    }
}

/// The error of n cells falls faster than any power of n: by more per cell the more there are.
#[test]
fn cells_converge_spectrally() {
    for boundary in BOUNDARIES {
        let at = |n: usize| {
            let grid = Grid::unit(&[n], boundary).unwrap();
            let start = pattern(1e-9).generate(&grid, 5, 0).unwrap();
            let mut solver = ReactionDiffusion::new(grid, 4e-3, 2e-2, 5e-3);
            let modes = solver.transform().analyse_channels(&start);
            let (u, v) = modes.split_at(grid.mode_count());
            let (mut u, mut v) = (u.to_vec(), v.to_vec());
            solver.advance(&mut u, &mut v, 2.0, 400);
            solver.transform().synthesise_channels(&u)
        };
        let seen = Grid::unit(&[19], boundary).unwrap();
        let on = |n: usize| {
            let fields = Ensemble::new(seen.with_points(&[n]).unwrap(), 1, at(n)).unwrap();
            resample::spectral(&fields, seen).unwrap().values
        };
        let limit = on(163);
        let error = |n: usize| distance(&on(n), &limit);
        let errors = [19, 29, 39, 49].map(error);
        let orders: Vec<f64> = errors
            .windows(2)
            .zip([29.0 / 19.0, 39.0 / 29.0, 49.0 / 39.0f64])
            .map(|(e, ratio)| (e[0] / e[1]).ln() / ratio.ln())
            .collect();
        assert!(orders.iter().all(|order| *order > 6.0), "{boundary}: {errors:?} {orders:?}");
        assert!(errors[3] < 1e-6, "{boundary}: {errors:?}");
    }
}

#[test]
fn one_seed_is_one_function_on_every_grid_and_both_channels() {
    // cells of the structure: 1.25 / √0.004 = 19.8 along an axis of length 1
    for boundary in BOUNDARIES {
        let grid = Grid::unit(&[20, 20], boundary).unwrap();
        let on = |grid: Grid| {
            let values = pattern(5.0).generate(&grid, 11, 4).unwrap();
            Ensemble::new(grid, 2, values).unwrap()
        };
        let far = |points: &[usize], finer: &[usize]| {
            let coarse = grid.with_points(points).unwrap();
            let restricted =
                resample::spectral(&on(grid.with_points(finer).unwrap()), coarse).unwrap();
            let direct = on(coarse);
            let apart = direct.values.iter().zip(&restricted.values).map(|(a, b)| (a - b).abs());
            apart.fold(0.0, f64::max)
        };
        for points in [[16, 16], [7, 13], [20, 5], [1, 2]] {
            assert!(far(&points, &[20, 20]) < ROUNDING, "{boundary} {points:?}");
        }
        // finer than need be: the same to what 20 cells resolve, and to what 40 do
        assert!(far(&[20, 20], &[61, 47]) < 2e-2, "{}", far(&[20, 20], &[61, 47]));
        assert!(far(&[40, 40], &[61, 47]) < 2e-5, "{}", far(&[40, 40], &[61, 47]));
        let both = on(grid);
        let alone = pattern(5.0).activator_alone();
        assert_eq!((alone.channels(), pattern(5.0).channels()), (1, 2));
        assert_eq!(alone.generate(&grid, 11, 4).unwrap(), both.values[..grid.len()]);
    }
    let solid = Grid::unit(&[5, 4, 6], Boundary::Neumann).unwrap();
    let coarse = FitzHughNagumo::new(0.03, 0.15, 5e-3, 1.0).unwrap();
    let values = coarse.generate(&solid, 0, 0).unwrap();
    assert!(values.len() == 2 * 120 && values.iter().all(|v| v.is_finite()));
}

/// The random state has variance 1 at the average point of every box, and covariance
/// exp(−r² / 2D_u) where walls are far.
#[test]
fn random_states_have_their_covariance() {
    let start = FitzHughNagumo::new(1e-3, 1e-3, 0.0, 1e-9).unwrap();
    let grid = Grid::unit(&[96], Boundary::Periodic).unwrap();
    let count = 2000;
    let lags = [0, 2, 4];
    let (mut sums, mut mixed) = ([0.0; 3], 0.0);
    for index in 0..count {
        let values = start.generate(&grid, 1, index).unwrap();
        let (u, v) = values.split_at(96);
        for (sum, lag) in sums.iter_mut().zip(lags) {
            *sum += (0..96).map(|j| u[j] * u[(j + lag) % 96]).sum::<f64>() / 96.0;
        }
        mixed += u.iter().zip(v).map(|(u, v)| u * v).sum::<f64>() / 96.0;
    }
    // var of a field's mean square = 2 ∫ C² = 2 √π ℓ = 0.11: a standard error of √(0.11 / 2000) = 0.0075,
    // seven of which are allowed: false alarm below 1e-10
    const ALLOWED: f64 = 0.055;
    for (sum, lag) in sums.iter().zip(lags) {
        let r = lag as f64 / 96.0;
        let expected = (-r * r / (2.0 * start.activator())).exp();
        let measured = sum / count as f64;
        assert!((measured - expected).abs() < ALLOWED, "{lag}: {measured} {expected}");
    }
    assert!((mixed / count as f64).abs() < ALLOWED, "{mixed}");
}

/// In a box too short for growing waves everything comes to rest at −k^⅓; in a longer one patterns
/// stay.
#[test]
fn patterns_need_room() {
    let offset = 5e-3f64;
    let rest = -offset.cbrt();
    let line = |length: f64| {
        let axis = Axis { points: 24, length, boundary: Boundary::Neumann };
        let structure = FitzHughNagumo::new(1e-3, 5e-3, offset, 400.0).unwrap();
        let values = structure.generate(&Grid::new(&[axis]).unwrap(), 2, 0).unwrap();
        values[..24].iter().map(|u| (u - rest).abs()).fold(0.0, f64::max)
    };
    // waves grow for 8 < ω < 25; the longest of a box is π / length
    assert!(line(0.1) < 1e-4, "{}", line(0.1));
    assert!(line(1.0) > 0.3, "{}", line(1.0));
}

/// Golden values: seeds that are published must keep naming the same functions.
#[test]
fn values_are_stable() {
    let grid = Grid::unit(&[3, 2], Boundary::Neumann).unwrap();
    let values = pattern(5.0).generate(&grid, 42, 7).unwrap();
    let golden = [
        -0.11697187191300068,
        0.43042780001001985,
        -0.28771470565969465,
        -0.0848502847142009,
        0.12956721579490516,
        -0.16932806708320652,
        -0.028669511278762744,
        0.32126525874760303,
        -0.15813346328550368,
        -0.017081933503285934,
        0.033875916854579705,
        -0.11279157510321904,
    ];
    let far = values.iter().zip(golden).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(far < 1e-9, "{values:?}");
}

#[test]
fn what_means_nothing_is_refused() {
    for (parameters, name) in [
        ((0.0, 1e-3, 0.0, 1.0), "activator = 0"),
        ((1e-3, f64::NAN, 0.0, 1.0), "inhibitor = NaN"),
        ((1e-3, 1e-3, 1.5, 1.0), "offset = 1.5"),
        ((1e-3, 1e-3, 0.0, -1.0), "age = -1"),
        ((1e-3, 1e-3, 0.0, f64::INFINITY), "age = inf"),
    ] {
        let (activator, inhibitor, offset, age) = parameters;
        let refused = FitzHughNagumo::new(activator, inhibitor, offset, age).unwrap_err();
        assert!(refused.to_string().contains(name), "{refused}");
    }
    let grid = Grid::unit(&[8, 8], Boundary::Neumann).unwrap();
    let thin = FitzHughNagumo::new(1e-12, 1e-12, 0.0, 1.0).unwrap().generate(&grid, 0, 0);
    assert!(matches!(thin, Err(SimulateError::TooThin { .. })), "{thin:?}");
    let walls = Grid::unit(&[8, 8], Boundary::Dirichlet).unwrap();
    let refused = FitzHughNagumo::default().generate(&walls, 0, 0);
    assert!(matches!(refused, Err(SimulateError::Walls { .. })), "{refused:?}");
    let three = serde_json::from_str::<FitzHughNagumo>(r#"{"channels": 3}"#).unwrap_err();
    assert!(three.to_string().contains("1 (u) or 2 (u and v)"), "{three}");
    let text = serde_json::to_string(&pattern(2.0).activator_alone()).unwrap();
    let back: FitzHughNagumo = serde_json::from_str(&text).unwrap();
    assert_eq!(back, pattern(2.0).activator_alone());
}
