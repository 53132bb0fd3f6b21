//! Solvers of equations against closed forms, their orders, and pairs of fields on several grids.

use std::f64::consts::PI;

use karhunen_field::{Axis, Boundary, Ensemble, Grid, Transform, resample};
use karhunen_simulate::{
    Darcy, Elliptic, Helmholtz, NavierStokes, RoughField, SimulateError, Structure, Vorticity,
};

fn walls(points: &[usize]) -> Grid {
    Grid::unit(points, Boundary::Neumann).unwrap()
}

fn periodic(cells: usize) -> Grid {
    Grid::unit(&[cells, cells], Boundary::Periodic).unwrap()
}

/// A function at the cell centres.
fn cells(grid: &Grid, f: impl Fn([f64; 3]) -> f64) -> Vec<f64> {
    let at = |c: usize| {
        let mut x = [0.0; 3];
        for ((x, a), j) in x.iter_mut().zip(grid.axes()).zip(grid.position(c)) {
            *x = a.centre(j);
        }
        f(x)
    };
    (0..grid.len()).map(at).collect()
}

fn size(u: &[f64]) -> f64 {
    (u.iter().map(|u| u * u).sum::<f64>() / u.len() as f64).sqrt()
}

/// Relative distance.
fn apart(u: &[f64], v: &[f64]) -> f64 {
    let difference: Vec<f64> = u.iter().zip(v).map(|(u, v)| u - v).collect();
    size(&difference) / size(v)
}

fn order(coarse: f64, fine: f64) -> f64 {
    (coarse / fine).log2()
}

/// Sines are eigenfunctions of the 5-point operator with (2 − 2 cos πkh)/h² an axis, the alternating one too, which
/// no transform holds.
#[test]
fn sines_are_solved_to_rounding_in_every_dimension() {
    for points in [&[9][..], &[8, 6], &[5, 4, 6]] {
        let grid = walls(points);
        for waves in [[1, 1, 1], [2, 3, 1], [5, 4, 4], [points[0], 2, 2]] {
            let waves: Vec<usize> = waves.iter().zip(points).map(|(k, n)| *k.min(n)).collect();
            let lengths: Vec<f64> = grid.axes().iter().map(|a| a.length).collect();
            let phi = cells(&grid, |x| {
                let sine = |a: usize| (PI * waves[a] as f64 * x[a] / lengths[a]).sin();
                (0..points.len()).map(sine).product()
            });
            let k = 0.7;
            let along = |a: usize| {
                let h = lengths[a] / points[a] as f64;
                (2.0 - 2.0 * (PI * waves[a] as f64 * h / lengths[a]).cos()) / (h * h)
            };
            let value = 3.0 * (0..points.len()).map(along).sum::<f64>() - k * k;
            let operator = Elliptic::new("test", &grid, vec![3.0; grid.len()], k).unwrap();
            let f: Vec<f64> = phi.iter().map(|p| value * p).collect();
            assert!(apart(&operator.apply(&phi), &f) < 1e-12, "{points:?} {waves:?}");
            assert!(apart(&operator.solve(&f).unwrap(), &phi) < 1e-9, "{points:?} {waves:?}");
        }
    }
}

/// The membrane under an even load: its middle sinks by 0.0736713533 (Timoshenko).
#[test]
fn the_middle_of_a_loaded_square_is_as_tabulated() {
    let middle = |n: usize| {
        // an odd number of cells has its middle in one
        let grid = walls(&[n, n]);
        let u = Elliptic::new("test", &grid, vec![1.0; n * n], 0.0).unwrap();
        u.solve(&vec![1.0; n * n]).unwrap()[(n * n) / 2]
    };
    let known = 0.073_671_353_28;
    let (coarse, fine) = ((middle(27) - known).abs(), (middle(81) - known).abs());
    assert!(fine < 5e-5, "{fine}");
    // threefold cells, second order: a factor 9
    assert!((coarse / fine - 9.0).abs() < 0.5, "{}", coarse / fine);
}

/// A smooth coefficient with a known solution, and f put together from their derivatives.
#[test]
fn a_varying_coefficient_is_solved_to_second_order() {
    let k = 1.3;
    let error = |n: usize| {
        let grid = walls(&[n, n]);
        let a = |x: f64, y: f64| 2.0 + (2.0 * x).sin() * y;
        let exact = cells(&grid, |[x, y, _]| (PI * x).sin() * (2.0 * PI * y).sin());
        let f = cells(&grid, |[x, y, _]| {
            let (sx, cx) = (PI * x).sin_cos();
            let (sy, cy) = (2.0 * PI * y).sin_cos();
            let u = sx * sy;
            let (ax, ay) = (2.0 * (2.0 * x).cos() * y, (2.0 * x).sin());
            let gradient = ax * PI * cx * sy + ay * 2.0 * PI * sx * cy;
            5.0 * PI * PI * a(x, y) * u - gradient - k * k * u
        });
        let operator = Elliptic::new("test", &grid, cells(&grid, |[x, y, _]| a(x, y)), k).unwrap();
        apart(&operator.solve(&f).unwrap(), &exact)
    };
    let (coarse, fine) = (error(24), error(48));
    assert!((order(coarse, fine) - 2.0).abs() < 0.1, "{}", order(coarse, fine));
    assert!(fine < 2e-3, "{fine}");
}

/// Two layers of 12 and 3 with the jump on a face: −a u′ = x − c, with c from the walls.
#[test]
fn a_jump_on_a_face_costs_no_order() {
    let error = |n: usize| {
        let grid = walls(&[n]);
        let (p, q, s) = (12.0, 3.0, 0.25);
        // u(s) from the left and from the right
        let c = (s * s / (2.0 * p) + (1.0 - s * s) / (2.0 * q)) / (s / p + (1.0 - s) / q);
        let exact = cells(&grid, |[x, ..]| {
            if x < s {
                (c * x - x * x / 2.0) / p
            } else {
                (c * (x - 1.0) - (x * x - 1.0) / 2.0) / q
            }
        });
        let a = cells(&grid, |[x, ..]| if x < s { p } else { q });
        let u = Elliptic::new("test", &grid, a, 0.0).unwrap().solve(&vec![1.0; n]).unwrap();
        apart(&u, &exact)
    };
    let (coarse, fine) = (error(32), error(64));
    assert!((order(coarse, fine) - 2.0).abs() < 0.05, "{}", order(coarse, fine));
    assert!(fine < 1e-3, "{fine}");
}

/// ⟨g, S f⟩ = ⟨S g, f⟩: what observations of a solution are built on.
#[test]
fn the_solution_operator_is_its_own_adjoint() {
    let grid = walls(&[12, 17]);
    let field = RoughField::new(2.0, 3.0).unwrap();
    let transform = Transform::new(grid);
    let of = |index| transform.synthesise_channels(&field.coefficients(&grid, 3, index));
    let a: Vec<f64> = of(0).iter().map(|u| if *u > 0.0 { 12.0 } else { 3.0 }).collect();
    let operator = Elliptic::new("test", &grid, a, 0.0).unwrap();
    let (f, g) = (of(1), of(2));
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let (left, right) =
        (product(&g, &operator.solve(&f).unwrap()), product(&operator.solve(&g).unwrap(), &f));
    assert!((left - right).abs() < 1e-8 * left.abs(), "{left} {right}");
}

#[test]
fn boxes_without_walls_and_resonances_are_refused() {
    let ring = Grid::new(&[
        Axis { points: 8, length: 1.0, boundary: Boundary::Periodic },
        Axis { points: 8, length: 1.0, boundary: Boundary::Neumann },
    ])
    .unwrap();
    for structure in [&Darcy as &dyn Structure, &Helmholtz::poisson()] {
        let refused = structure.generate(&ring, 0, 0);
        assert!(matches!(refused, Err(SimulateError::Box { .. })), "{refused:?}");
        assert!(refused.unwrap_err().to_string().contains("choose neumann"));
    }
    let refused = NavierStokes::default().generate(&walls(&[8, 8]), 0, 0);
    assert!(refused.unwrap_err().to_string().contains("choose boundary periodic"));
    assert!(NavierStokes::new(1e-2, 0.05).unwrap().generate(&periodic(8), 0, 0).is_ok());
    let slab = Grid::unit(&[8, 16], Boundary::Periodic).unwrap();
    let refused = NavierStokes::default().generate(&slab, 0, 0);
    assert!(matches!(refused, Err(SimulateError::Box { .. })));
    // π √2 is the lowest resonance of the square
    let grid = walls(&[16, 16]);
    assert!(Helmholtz::new(4.4).unwrap().generate(&grid, 0, 0).is_ok());
    let refused = Helmholtz::new(4.5).unwrap().generate(&grid, 0, 0);
    assert!(matches!(refused, Err(SimulateError::Parameter { .. })), "{refused:?}");
    assert!(Helmholtz::new(-1.0).is_err() && Helmholtz::new(f64::NAN).is_err());
    assert!(RoughField::new(0.0, 3.0).is_err() && RoughField::new(2.0, 0.0).is_err());
    assert!(NavierStokes::new(0.0, 1.0).is_err() && NavierStokes::new(1e-3, 0.0).is_err());
}

/// Measured variances of modes against the closed form, within five standard errors √(2/n).
#[test]
fn rough_fields_have_their_spectrum() {
    const FIELDS: u64 = 2000;
    for grid in [walls(&[8, 8]), periodic(9)] {
        let field = RoughField::new(2.5, 7.0).unwrap();
        let mut square = vec![0.0; grid.mode_count()];
        for index in 0..FIELDS {
            let modes = field.coefficients(&grid, 1, index);
            square.iter_mut().zip(modes).for_each(|(s, u)| *s += u * u / FIELDS as f64);
        }
        for (mode, square) in grid.modes().zip(square).skip(1) {
            let omega: f64 = mode.omega.iter().map(|w| w * w).sum();
            let expected = 343.0 * (omega + 49.0).powf(-2.5);
            let off = (square / expected - 1.0).abs();
            assert!(off < 5.0 * (2.0 / FIELDS as f64).sqrt(), "{:?} {off}", mode.wave);
        }
        assert_eq!(field.coefficients(&grid, 1, 0)[0], 0.0);
    }
}

/// u solves its equation for a: the operator applied to the one gives the other, at the grid that was solved on.
#[test]
fn pairs_satisfy_their_equations_and_restrict() {
    let fine = walls(&[128, 128]);
    for (k, structure) in [
        (0.0, Helmholtz::poisson()),
        (1.0, Helmholtz::default()),
        (3.0, Helmholtz::new(3.0).unwrap()),
    ] {
        let both = structure.generate(&fine, 5, 1).unwrap();
        let (a, u) = both.split_at(fine.len());
        let operator = Elliptic::new("test", &fine, vec![1.0; fine.len()], k).unwrap();
        let back: Vec<f64> = operator.apply(u).iter().map(|f| -f).collect();
        assert!(apart(&back, a) < 1e-9, "k = {k}");
    }
    let both = Darcy.generate(&fine, 5, 1).unwrap();
    let (a, u) = both.split_at(fine.len());
    assert!(a.iter().all(|a| *a == 12.0 || *a == 3.0));
    let operator = Elliptic::new("test", &fine, a.to_vec(), 0.0).unwrap();
    assert!(apart(&operator.apply(u), &vec![1.0; fine.len()]) < 1e-9);
    for structure in [&Darcy as &dyn Structure, &Helmholtz::poisson()] {
        let whole = structure.generate(&fine, 5, 1).unwrap();
        let coarse = fine.with_points(&[20, 33]).unwrap();
        let restricted =
            resample::spectral(&Ensemble::new(fine, 2, whole).unwrap(), coarse).unwrap();
        let direct = structure.generate(&coarse, 5, 1).unwrap();
        assert!(apart(&direct, &restricted.values) < 1e-12, "{structure:?}");
    }
}

/// On twice the cells the solution is the same function: to h², and to the kink of its even continuation at the walls,
/// where the source is Gaussian; to cells whose sign changes where it jumps.
#[test]
fn pairs_on_finer_grids_are_the_same_functions() {
    let (fine, finer) = (walls(&[128, 128]), walls(&[256, 256]));
    for (structure, allowed) in
        [(&Helmholtz::poisson() as &dyn Structure, 2e-3), (&Darcy as &dyn Structure, 0.02)]
    {
        let on = |grid: Grid| {
            let both = structure.generate(&grid, 5, 2).unwrap();
            let all = Ensemble::new(grid, 2, both).unwrap();
            resample::spectral(&all, fine).unwrap().values[fine.len()..].to_vec()
        };
        let off = apart(&on(fine), &on(finer));
        assert!(off < allowed, "{structure:?}: {off}");
    }
}

/// −v·∇w of two waves by hand, from a step so short that it is a derivative.
#[test]
fn vorticity_is_carried_as_two_waves_say() {
    let (grid, viscosity, step) = (periodic(24), 2e-3, 1e-5);
    let (p, q) = ([2.0 * PI, -4.0 * PI], [6.0 * PI, 2.0 * PI]);
    let angle = |k: [f64; 2], x: [f64; 3]| k[0] * x[0] + k[1] * x[1];
    let square = |k: [f64; 2]| k[0] * k[0] + k[1] * k[1];
    let w = cells(&grid, |x| angle(p, x).cos() + 0.5 * angle(q, x).sin());
    let slope = cells(&grid, |x| {
        let ((sp, cp), (sq, cq)) = (angle(p, x).sin_cos(), angle(q, x).sin_cos());
        let w = |j: usize| -p[j] * sp + 0.5 * q[j] * cq;
        let psi = |j: usize| -p[j] * sp / square(p) + 0.5 * q[j] * cq / square(q);
        let decay = -viscosity * (square(p) * cp + 0.5 * square(q) * sq);
        let along = 2.0 * PI * (x[0] + x[1]);
        psi(0) * w(1) - psi(1) * w(0) + decay + 0.1 * (along.sin() + along.cos())
    });
    let transform = Transform::new(grid);
    let mut modes = transform.analyse_channels(&w);
    Vorticity::new(&grid, viscosity).unwrap().advance(&mut modes, step, 1);
    let after = transform.synthesise_channels(&modes);
    let found: Vec<f64> = after.iter().zip(&w).map(|(a, b)| (a - b) / step).collect();
    assert!(apart(&found, &slope) < 1e-4, "{}", apart(&found, &slope));
}

/// A wave along the forcing is carried nowhere: w(t) = w(0) e^{−νk²t} + f (1 − e^{−νk²t})/(νk²), steps of any length
/// right to the fourth order in f alone.
#[test]
fn a_wave_along_the_forcing_is_known_for_all_times() {
    let (grid, viscosity, time) = (periodic(12), 0.02, 1.5);
    let along = |x: [f64; 3]| 2.0 * PI * (x[0] + x[1]);
    let transform = Transform::new(grid);
    let rate = viscosity * 8.0 * PI * PI;
    let exact = cells(&grid, |x| {
        let (s, c) = along(x).sin_cos();
        let decay = (-rate * time).exp();
        2.0 * s * decay + 0.1 * (s + c) * (1.0 - decay) / rate
    });
    let error = |steps: usize| {
        let mut modes = transform.analyse_channels(&cells(&grid, |x| 2.0 * along(x).sin()));
        Vorticity::new(&grid, viscosity).unwrap().advance(&mut modes, time, steps);
        apart(&transform.synthesise_channels(&modes), &exact)
    };
    let (coarse, fine) = (error(4), error(8));
    assert!((order(coarse, fine) - 4.0).abs() < 0.3, "{}", order(coarse, fine));
    assert!(error(64) < 1e-7);
}

/// Steps of order 4 in a flow of many waves; cells and steps of the pairs are fine enough.
#[test]
fn flows_converge_in_steps_and_cells() {
    let field = RoughField::new(2.5, 7.0).unwrap();
    let flowed = |cells: usize, steps: usize| {
        let grid = periodic(cells);
        let mut w = field.coefficients(&grid, 4, 0);
        Vorticity::new(&grid, 1e-3).unwrap().advance(&mut w, 1.0, steps);
        (grid, w)
    };
    let (_, exact) = flowed(48, 128);
    let error = |steps: usize| apart(&flowed(48, steps).1, &exact);
    let (coarse, fine) = (error(16), error(32));
    assert!((order(coarse, fine) - 4.0).abs() < 0.4, "{}", order(coarse, fine));
    let (grid, w) = flowed(64, 64);
    let (finer, exact) = flowed(96, 96);
    let mut kept = vec![0.0; grid.mode_count()];
    resample::copy_modes(&finer, &exact, &grid, &mut kept);
    assert!(apart(&w, &kept) < 1e-4, "{}", apart(&w, &kept));
    // the pairs choose cells and steps of their own
    let both = NavierStokes::default().generate(&grid, 4, 0).unwrap();
    let direct = Transform::new(grid).synthesise_channels(&w);
    assert!(apart(&both[grid.len()..], &direct) < 1e-4);
    for points in [[20, 20], [81, 64]] {
        let other = grid.with_points(&points).unwrap();
        let made = Ensemble::new(other, 2, NavierStokes::default().generate(&other, 4, 0).unwrap());
        let shared = grid.with_points(&[20, 20]).unwrap();
        let whole = Ensemble::new(grid, 2, both.clone()).unwrap();
        let on = |fields: &Ensemble| resample::spectral(fields, shared).unwrap().values;
        assert!(apart(&on(&made.unwrap()), &on(&whole)) < 1e-12, "{points:?}");
    }
}
