//! The solver against what is known of the Cahn–Hilliard equation in closed form.

use std::f64::consts::{PI, SQRT_2};

use karhunen_field::noise::stream;
use karhunen_field::{Boundary, Grid, ModeNoise};
use karhunen_simulate::CahnHilliard;

const BOUNDARIES: [Boundary; 2] = [Boundary::Neumann, Boundary::Periodic];

/// A mixture of mean m with smooth perturbations of variance 0.05.
fn mixture(grid: &Grid, mean: f64, epsilon: f64, seed: u64) -> Vec<f64> {
    let mut modes = ModeNoise::new(seed).normals(grid, 0, stream::SIMULATION, 0);
    for (u, mode) in modes.iter_mut().zip(grid.modes()) {
        *u *= (-2.0 * epsilon * epsilon * mode.laplacian()).exp();
    }
    let variance: f64 = modes[1..].iter().map(|u| u * u).sum();
    modes.iter_mut().for_each(|u| *u *= (0.05 / variance).sqrt());
    modes[0] = mean;
    modes
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| (x - y).powi(2)).sum::<f64>().sqrt()
}

#[test]
fn small_waves_grow_by_the_dispersion_relation() {
    let (epsilon, mean) = (0.05, 0.2);
    for boundary in BOUNDARIES {
        let grid = Grid::unit(&[30, 21], boundary).unwrap();
        for slot in [1, 3, 21 * 4 + 2] {
            let k2 = grid.modes().nth(slot).unwrap().laplacian();
            let rate = k2 * (1.0 - 3.0 * mean * mean - epsilon * epsilon * k2);
            let measured = |steps: usize, extrapolated: bool| {
                let mut solver = CahnHilliard::new(grid, epsilon);
                let mut modes = vec![0.0; grid.mode_count()];
                (modes[0], modes[slot]) = (mean, 1e-7);
                let time = 0.5 / rate.abs();
                for _ in 0..steps {
                    let tau = time / steps as f64;
                    if extrapolated {
                        solver.step_extrapolated(&mut modes, tau);
                    } else {
                        solver.step(&mut modes, tau);
                    }
                }
                ((modes[slot] / 1e-7).ln() / time - rate).abs() / rate.abs()
            };
            for (extrapolated, order) in [(false, 1.0), (true, 2.0)] {
                let (coarse, fine) = (measured(400, extrapolated), measured(800, extrapolated));
                let slope = (coarse / fine).log2();
                assert!((slope - order).abs() < 0.1, "{boundary} {slot}: order {slope}");
            }
            // the error is (c τ k²)² times a few
            let error = measured(800, true);
            assert!(error < 1e-3, "{boundary} {slot}: {error}");
        }
    }
}

#[test]
fn steps_have_the_orders_they_claim_far_from_equilibrium() {
    let epsilon = 0.06;
    for boundary in BOUNDARIES {
        let grid = Grid::unit(&[20, 17], boundary).unwrap();
        let start = mixture(&grid, 0.1, epsilon, 3);
        let run = |steps: usize, extrapolated: bool| {
            let mut solver = CahnHilliard::new(grid, epsilon);
            let mut modes = start.clone();
            let tau = 8.0 * epsilon * epsilon / steps as f64;
            for _ in 0..steps {
                if extrapolated {
                    solver.step_extrapolated(&mut modes, tau);
                } else {
                    solver.step(&mut modes, tau);
                }
            }
            modes
        };
        let reference = run(8192, true);
        for (extrapolated, order) in [(false, 1.0), (true, 2.0)] {
            let error = |steps| distance(&run(steps, extrapolated), &reference);
            let slope = (error(512) / error(1024)).log2();
            assert!((slope - order).abs() < 0.1, "{boundary}: order {slope}");
        }
    }
}

#[test]
fn energy_falls_and_mass_stays_for_steps_of_any_length() {
    for boundary in BOUNDARIES {
        for points in [&[97][..], &[32, 27], &[10, 7, 12]] {
            let grid = Grid::unit(points, boundary).unwrap();
            let epsilon = 0.9 / points[0] as f64;
            for (seed, relative) in [0.1, 1.0, 30.0, 1e6].into_iter().enumerate() {
                let mut solver = CahnHilliard::new(grid, epsilon);
                let mut modes = mixture(&grid, -0.3, epsilon, seed as u64);
                let mut energy = solver.energy(&modes);
                let start = energy;
                for step in 0..60 {
                    solver.step(&mut modes, relative * epsilon * epsilon);
                    let next = solver.energy(&modes);
                    // the sum of 1000 wells is exact to 1e-13
                    assert!(next <= energy * (1.0 + 1e-13), "{grid:?} {relative} step {step}");
                    energy = next;
                }
                assert!(energy < 0.99 * start, "{grid:?} {relative}: {start} to {energy}");
                let mut values = vec![0.0; grid.len()];
                solver.transform().synthesise(&modes, &mut values);
                let mean = values.iter().sum::<f64>() / values.len() as f64;
                assert!((mean + 0.3).abs() < 1e-13, "{grid:?} {relative}: mass {mean}");
            }
        }
    }
}

/// tanh((x − ½) / √2ε) is a steady state on the line, with energy (2√2/3) ε.
#[test]
fn the_flat_interface_is_at_rest_with_the_known_tension() {
    let epsilon = 1.0 / 40.0;
    let grid = Grid::unit(&[101], Boundary::Neumann).unwrap();
    let mut solver = CahnHilliard::new(grid, epsilon);
    let profile = |j| ((grid.axes()[0].centre(j) - 0.5) / (SQRT_2 * epsilon)).tanh();
    let values: Vec<f64> = (0..101).map(profile).collect();
    let mut modes = vec![0.0; 101];
    solver.transform().analyse(&values, &mut modes);
    let start = modes.clone();
    let tension = 2.0 * SQRT_2 / 3.0 * epsilon;
    // the tails meet the walls at exp(−√2 / 2ε) = 5e-13, the spectrum ends at exp(−π² 101 ε / √2) = 2e-8
    assert!((solver.energy(&modes) - tension).abs() < 1e-7 * tension);
    for _ in 0..100 {
        solver.step_extrapolated(&mut modes, epsilon * epsilon);
    }
    assert!(distance(&modes, &start) < 1e-6, "{}", distance(&modes, &start));
}

/// Lifshitz, Slyozov (1961), with the correction of Huse (1986): domains grow like ℓ₀ + A t^{1/3}, so
/// the inverse of the energy, which is that of their surface, is linear in t^{1/3}.
#[test]
fn domains_coarsen_like_the_cube_root_of_time() {
    let epsilon = 1.0 / 128.0;
    let grid = Grid::unit(&[128, 128], Boundary::Neumann).unwrap();
    let mut solver = CahnHilliard::new(grid, epsilon);
    let mut energies = [0.0; 3];
    for seed in 0..3 {
        let mut modes = mixture(&grid, 0.0, epsilon, seed);
        let mut time: f64 = 0.0;
        for (energy, root) in energies.iter_mut().zip([3.0, 5.0, 7.0f64]) {
            let until = root.powi(3);
            while time < until {
                let step = (0.25 * time.max(1.0).sqrt()).min(until - time);
                solver.step_extrapolated(&mut modes, step * epsilon * epsilon);
                time += step;
            }
            *energy += solver.energy(&modes);
        }
    }
    let ratio = (1.0 / energies[2] - 1.0 / energies[1]) / (1.0 / energies[1] - 1.0 / energies[0]);
    assert!((ratio - 1.0).abs() < 0.2, "{ratio}");
}

#[test]
fn the_fastest_wave_is_the_predicted_one() {
    // quenching white-ish noise: at the end of the linear stage the spectrum peaks at ω = 1 / √2ε
    let epsilon = 0.004;
    let grid = Grid::unit(&[401], Boundary::Neumann).unwrap();
    let mut solver = CahnHilliard::new(grid, epsilon);
    let mut modes: Vec<f64> = vec![1e-6; 401];
    modes[0] = 0.0;
    for _ in 0..400 {
        solver.step_extrapolated(&mut modes, 0.1 * epsilon * epsilon);
    }
    let peak = (1..401).max_by(|&i, &j| modes[i].abs().total_cmp(&modes[j].abs())).unwrap();
    let expected = 1.0 / (SQRT_2 * epsilon * PI);
    assert!((peak as f64 - expected).abs() <= 1.0, "{peak} instead of {expected}");
}
