//! What both structures promise: one function per seed and index, alike on every grid.

use karhunen_field::{Axis, Boundary, Ensemble, Grid, resample};
use karhunen_simulate::{CahnHilliard, Grains, Shades, SimulateError, Spinodal, Structure};

const BOUNDARIES: [Boundary; 2] = [Boundary::Neumann, Boundary::Periodic];
const TWO_PHASE: Shades = Shades::TwoPhase { fraction: 0.5 };

fn on(structure: &dyn Structure, grid: Grid, index: u64) -> Ensemble {
    Ensemble::new(grid, 1, structure.generate(&grid, 11, index).unwrap()).unwrap()
}

/// Largest difference between a structure on the coarse grid and the restriction of the fine one.
fn inconsistency(structure: &dyn Structure, coarse: Grid, fine: Grid) -> f64 {
    let restricted = resample::spectral(&on(structure, fine, 0), coarse).unwrap();
    let direct = on(structure, coarse, 0);
    direct.values.iter().zip(&restricted.values).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

#[test]
fn grids_too_coarse_get_the_restriction_of_the_resolved_structure() {
    let spinodal = Spinodal::new(0.1, 1.0 / 24.0, 40.0).unwrap();
    let grains = Grains::new(9, 1.0 / 12.0, TWO_PHASE).unwrap();
    for structure in [&spinodal as &dyn Structure, &grains] {
        for boundary in BOUNDARIES {
            let resolved = Grid::unit(&[24, 24], boundary).unwrap();
            for points in [[16, 16], [7, 13], [24, 5], [1, 2]] {
                let coarse = resolved.with_points(&points).unwrap();
                let error = inconsistency(structure, coarse, resolved);
                assert!(error < 1e-12, "{structure:?} {boundary} {points:?}: {error}");
            }
        }
    }
}

#[test]
fn refining_a_resolved_spinodal_changes_nothing_to_spectral_accuracy() {
    let structure = Spinodal::new(-0.2, 1.0 / 16.0, 40.0).unwrap();
    for boundary in BOUNDARIES {
        let grid = Grid::unit(&[16, 16], boundary).unwrap();
        let with = |n: usize| grid.with_points(&[n, n]).unwrap();
        // one and two cells per width: exp(−π² εN / √2) = 1e-3 and 9e-7, times the growth of both
        let (once, twice) = (
            inconsistency(&structure, with(16), with(47)),
            inconsistency(&structure, with(32), with(47)),
        );
        assert!(once < 0.05, "{boundary}: {once}");
        assert!(twice < 1e-4, "{boundary}: {twice}");
        let solid = Grid::unit(&[16; 3], boundary).unwrap();
        let finer = solid.with_points(&[19, 24, 21]).unwrap();
        let error = inconsistency(&structure, solid, finer);
        assert!(error < 0.05, "{boundary} in three dimensions: {error}");
    }
}

#[test]
fn refining_resolved_grains_converges() {
    let structure = Grains::new(12, 1.0 / 16.0, Shades::Grey).unwrap();
    for boundary in BOUNDARIES {
        let grid = Grid::unit(&[32, 32], boundary).unwrap();
        let with = |n: usize| grid.with_points(&[n, n]).unwrap();
        let errors = [32, 64, 128].map(|n| inconsistency(&structure, with(n), with(251)));
        assert!(errors[0] < 0.04, "{boundary}: {errors:?}");
        assert!(errors[2] < errors[0] / 4.0, "{boundary}: {errors:?}");
    }
}

#[test]
fn spinodal_fields_have_their_mass_and_two_phases_and_falling_energy_on_the_way() {
    let width = 1.0 / 20.0;
    for boundary in BOUNDARIES {
        for (points, composition) in [(&[61][..], 0.0), (&[23, 40], -0.45), (&[20, 21, 11], 0.3)] {
            let grid = Grid::unit(points, boundary).unwrap();
            let mut solver = CahnHilliard::new(grid, width);
            let mut energy = f64::INFINITY;
            for age in [1.0, 10.0, 40.0, 150.0, 600.0] {
                let structure = Spinodal::new(composition, width, age).unwrap();
                let values = structure.generate(&grid, 2, 5).unwrap();
                let mean = values.iter().sum::<f64>() / values.len() as f64;
                assert!((mean - composition).abs() < 1e-12, "{grid:?} {age}: {mean}");
                let mut modes = vec![0.0; grid.mode_count()];
                solver.transform().analyse(&values, &mut modes);
                let next = solver.energy(&modes);
                // on the line the structure comes to rest
                assert!(next < energy * (1.0 + 1e-12), "{grid:?} {age}: {energy} to {next}");
                energy = next;
                assert!(values.iter().all(|u| u.abs() < 1.15), "{grid:?} {age}");
                if age == 600.0 {
                    assert!(values.iter().any(|&u| u > 0.8) && values.iter().any(|&u| u < -0.8));
                }
            }
        }
    }
}

/// Along the very steps of [`Spinodal`], which carry no guarantee, for seven mixtures.
#[test]
fn energy_never_rises_along_the_extrapolated_steps() {
    let grid = Grid::unit(&[48, 37], Boundary::Neumann).unwrap();
    let width = 1.0 / 48.0;
    let mut solver = CahnHilliard::new(grid, width);
    for (index, composition) in [-0.5, -0.3, -0.1, 0.0, 0.2, 0.4, 0.55].into_iter().enumerate() {
        let start = Spinodal::new(composition, width, 1e-9).unwrap();
        let values = start.generate(&grid, 1, index as u64).unwrap();
        let mut modes = vec![0.0; grid.mode_count()];
        solver.transform().analyse(&values, &mut modes);
        let (mut time, mut energy) = (0.0f64, solver.energy(&modes));
        while time < 1000.0 {
            let step = 0.25 * time.max(1.0).sqrt();
            solver.step_extrapolated(&mut modes, step * width * width);
            time += step;
            let next = solver.energy(&modes);
            assert!(next <= energy, "composition {composition} at {time}: {energy} to {next}");
            energy = next;
        }
    }
}

#[test]
fn grains_have_their_volume_fraction() {
    let grid = Grid::unit(&[21, 16], Boundary::Periodic).unwrap();
    for fraction in [0.2, 0.5, 0.85] {
        let structure = Grains::new(20, 0.06, Shades::TwoPhase { fraction }).unwrap();
        let count = 1500;
        let means: Vec<f64> = (0..count)
            .map(|i| {
                let u = structure.generate(&grid, 3, i).unwrap();
                u.iter().sum::<f64>() / u.len() as f64
            })
            .collect();
        let mean = means.iter().sum::<f64>() / count as f64;
        let variance = means.iter().map(|m| (m - mean).powi(2)).sum::<f64>() / (count - 1) as f64;
        // 4.5 standard errors: false alarm below 1e-5
        let allowed = 4.5 * (variance / count as f64).sqrt();
        assert!((mean - (2.0 * fraction - 1.0)).abs() < allowed, "{fraction}: {mean}");
        assert!(allowed < 0.06, "{allowed}");
    }
}

#[test]
fn grains_on_a_line_reach_their_shades_and_do_not_overshoot() {
    let grid =
        Grid::new(&[Axis { points: 4001, length: 2.0, boundary: Boundary::Neumann }]).unwrap();
    let u = Grains::new(30, 0.002, TWO_PHASE).unwrap().generate(&grid, 1, 0).unwrap();
    assert!(u.iter().all(|v| v.abs() < 1.0 + 1e-9));
    assert!(u.iter().any(|&v| v > 0.999) && u.iter().any(|&v| v < -0.999));
}

#[test]
fn every_seed_and_index_is_its_own_structure() {
    let grid = Grid::unit(&[17, 12], Boundary::Neumann).unwrap();
    let spinodal = Spinodal::new(0.0, 0.08, 30.0).unwrap();
    let grains = Grains::new(15, 0.08, TWO_PHASE).unwrap();
    for structure in [&spinodal as &dyn Structure, &grains] {
        let first = structure.generate(&grid, 4, 9).unwrap();
        assert_eq!(first, structure.generate(&grid, 4, 9).unwrap());
        for (seed, index) in [(5, 9), (4, 10), (9, 4)] {
            let other = structure.generate(&grid, seed, index).unwrap();
            let far = first.iter().zip(&other).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            assert!(far > 0.5, "{structure:?} {seed} {index}");
        }
    }
}

/// Golden values: seeds that are published must keep naming the same structures.
#[test]
fn values_are_stable() {
    let grid = Grid::unit(&[3, 2], Boundary::Neumann).unwrap();
    let close = |values: Vec<f64>, golden: [f64; 6]| {
        let error = values.iter().zip(golden).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(error < 1e-9, "{values:?}");
    };
    close(
        Spinodal::new(0.0, 0.1, 20.0).unwrap().generate(&grid, 42, 7).unwrap(),
        [
            0.6754849787268703,
            0.7246647219766952,
            -0.8343738382971649,
            -0.7997824104456502,
            0.18223001261267036,
            0.051776535426579326,
        ],
    );
    close(
        Grains::new(7, 0.1, Shades::Grey).unwrap().generate(&grid, 42, 7).unwrap(),
        [
            -0.2338932327128492,
            0.6892438720718327,
            -0.2862550453266961,
            0.2616381629547788,
            0.7222389888363361,
            0.6087988618265665,
        ],
    );
}

#[test]
fn refusals_say_what_must_hold() {
    let message = |error: Result<Spinodal, SimulateError>| error.unwrap_err().to_string();
    assert!(message(Spinodal::new(0.6, 0.1, 1.0)).contains("composition = 0.6"));
    assert!(message(Spinodal::new(f64::NAN, 0.1, 1.0)).contains("composition = NaN"));
    assert!(message(Spinodal::new(0.0, 0.0, 1.0)).contains("width = 0"));
    assert!(message(Spinodal::new(0.0, 0.1, f64::INFINITY)).contains("age = inf"));
    for (count, width, shades) in [
        (0, 0.1, Shades::Grey),
        (70_000, 0.1, Shades::Grey),
        (3, -1.0, Shades::Grey),
        (3, 0.1, Shades::TwoPhase { fraction: 1.0 }),
    ] {
        let refused = Grains::new(count, width, shades);
        assert!(matches!(refused, Err(SimulateError::Parameter { structure: "grains", .. })));
    }

    let grid = Grid::unit(&[8, 8], Boundary::Neumann).unwrap();
    let calm = Spinodal::new(0.0, 0.5, 1.0).unwrap().generate(&grid, 0, 0);
    assert!(matches!(calm, Err(SimulateError::Stable { .. })), "{calm:?}");
    let thin = Spinodal::new(0.0, 1e-5, 1.0).unwrap().generate(&grid, 0, 0);
    assert!(matches!(thin, Err(SimulateError::TooThin { .. })), "{thin:?}");
    let thin = Grains::new(3, 1e-300, Shades::Grey).unwrap().generate(&grid, 0, 0);
    assert!(matches!(thin, Err(SimulateError::TooThin { .. })), "{thin:?}");
}

#[test]
fn configurations_are_checked_and_go_round() {
    let spinodal: Spinodal = serde_json::from_str(r#"{"composition": 0.25}"#).unwrap();
    assert_eq!((spinodal.composition(), spinodal.width()), (0.25, Spinodal::default().width()));
    let text = serde_json::to_string(&spinodal).unwrap();
    assert_eq!(serde_json::from_str::<Spinodal>(&text).unwrap(), spinodal);
    let refused = serde_json::from_str::<Spinodal>(r#"{"age": -1}"#).unwrap_err().to_string();
    assert!(refused.contains("age = -1"), "{refused}");
    assert!(serde_json::from_str::<Spinodal>(r#"{"ages": 1}"#).is_err());

    let text = r#"{"count": 5, "width": 0.1, "shades": {"two-phase": {"fraction": 0.3}}}"#;
    let grains: Grains = serde_json::from_str(text).unwrap();
    assert_eq!(grains.shades(), Shades::TwoPhase { fraction: 0.3 });
    let back = serde_json::to_string(&grains).unwrap();
    assert_eq!(serde_json::from_str::<Grains>(&back).unwrap(), grains);
    assert!(
        serde_json::from_str::<Grains>(r#"{"shades": {"two-phase": {"fraction": 2}}}"#).is_err()
    );
}

/// Sines of a box with walls held at zero cannot hold a structure that does not vanish there.
#[test]
fn walls_held_at_zero_are_refused() {
    let grid = Grid::unit(&[16, 16], Boundary::Dirichlet).unwrap();
    for structure in [&Spinodal::default() as &dyn Structure, &Grains::default()] {
        let error = structure.generate(&grid, 0, 0).unwrap_err();
        assert!(matches!(error, SimulateError::Walls { .. }), "{error}");
        assert!(error.to_string().contains("boundaries dirichlet do"), "{error}");
    }
}
