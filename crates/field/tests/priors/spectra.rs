//! Anisotropic and tabulated spectra, and the Cameron–Martin norm, against closed forms.

use karhunen_field::noise::stream;
use karhunen_field::prior::{
    Bessel, Fitted, FittedAnisotropic, Matern, Tabulated, Truncated, energy_norm, sample,
};
use karhunen_field::{
    Boundary, Ensemble, Field, FieldError, GaussianLaw, Grid, ModeNoise, Moments, Prior, Transform,
};

use super::{max_error, mixed};

/// (g² + Σ (l_j ω_j)²)^{−p}: correlation lengths scaled by l_j along axis j.
fn stretched(lengths: [f64; 3], power: f64) -> impl Fn([f64; 3]) -> f64 {
    move |w| {
        let square: f64 = w.iter().zip(lengths).map(|(w, l)| (l * w).powi(2)).sum();
        (30.0 + square).powf(-power)
    }
}

fn grids() -> Vec<Grid> {
    let mut grids = Vec::new();
    for boundary in [Boundary::Neumann, Boundary::Periodic, Boundary::Dirichlet] {
        for points in [&[64][..], &[31, 24], &[40, 37], &[12, 9, 11]] {
            grids.push(Grid::unit(points, boundary).unwrap());
        }
    }
    grids.push(mixed(&[33, 20], Boundary::Dirichlet));
    grids
}

fn doubled(grid: &Grid) -> Grid {
    grid.with_points(&grid.points().iter().map(|n| 2 * n).collect::<Vec<_>>()).unwrap()
}

#[test]
fn an_anisotropic_spectrum_is_fitted_and_continued() {
    for grid in grids() {
        let law = stretched([1.0, 4.0, 0.3], 1.9);
        let exact = |g: &Grid| g.modes().map(|m| law(m.omega)).collect::<Vec<f64>>();
        let fitted = FittedAnisotropic::new(grid, exact(&grid)).unwrap();
        let errors = |g: &Grid| {
            let logs = fitted.eigenvalues(g).into_iter().zip(exact(g)).map(|(a, b)| (a / b).ln());
            let mut logs: Vec<f64> = logs.map(f64::abs).collect();
            logs.sort_by(f64::total_cmp);
            (logs[logs.len() / 2], logs[logs.len() - 1])
        };
        let (median, worst) = errors(&grid);
        assert!(median < 0.02 && worst < 0.35, "{grid:?} within: {median} {worst}");
        let (median, worst) = errors(&doubled(&grid));
        // nine cells in 3-D leave only two wave numbers of an axis in its last octave
        let limit = if grid.dim() == 3 { 1.2 } else { 0.5 };
        assert!(median < 0.2 && worst < limit, "{grid:?} beyond: {median} {worst}");
        // the isotropic fit errs far more where directions differ
        if grid.dim() > 1 {
            let isotropic = Fitted::new(&grid, &exact(&grid)).unwrap().eigenvalues(&grid);
            let off = isotropic.iter().zip(exact(&grid)).map(|(a, b)| (a / b).ln().abs());
            assert!(off.fold(0.0, f64::max) > 1.0, "{grid:?}");
        }
    }
}

/// With 40 fields a mode variance is off by 23 %, and the fit by a third of that.
#[test]
fn noise_of_the_estimate_is_smoothed_away() {
    let grid = Grid::unit(&[40, 32], Boundary::Neumann).unwrap();
    let law = stretched([1.0, 5.0, 1.0], 1.7);
    let exact: Vec<f64> = grid.modes().map(|m| law(m.omega)).collect();
    let smooth = FittedAnisotropic::new(grid, exact.clone()).unwrap();
    let draws = GaussianLaw::new(
        Field::zeros(grid, 1),
        vec![std::sync::Arc::new(karhunen_field::prior::Measured::new(grid, exact).unwrap())],
    )
    .unwrap()
    .sample(grid, 3, 0..40, stream::START);
    let mut moments = Moments::new(grid, 1);
    draws.fields().for_each(|f| moments.add(f).unwrap());
    let variances = moments.finish().unwrap().1.remove(0);
    let fitted = FittedAnisotropic::new(grid, variances.clone()).unwrap();
    let rms = |values: &[f64]| {
        let logs = values.iter().zip(grid.modes()).map(|(v, m)| (v / smooth.eigenvalue(&m)).ln());
        (logs.map(|l| l * l).sum::<f64>() / values.len() as f64).sqrt()
    };
    let (raw, ours) = (rms(&variances), rms(&fitted.eigenvalues(&grid)));
    // ln χ²₃₉/39 has standard deviation 0.23
    assert!((raw - 0.23).abs() < 0.02 && ours < 0.09, "{raw} {ours}");
}

/// Six fields: ln χ²₆/6 has mean −0.18, and a fit to logarithms would have this bias.
#[test]
fn few_fields_do_not_bias_the_fit() {
    let grid = Grid::unit(&[40, 32], Boundary::Neumann).unwrap();
    let law = stretched([1.0, 5.0, 1.0], 1.7);
    let exact: Vec<f64> = grid.modes().map(|m| law(m.omega)).collect();
    let smooth = FittedAnisotropic::new(grid, exact.clone()).unwrap().eigenvalues(&grid);
    let (trials, fields) = (8, 6);
    let mut mean = 0.0;
    for trial in 0..trials {
        let mut variances = vec![0.0; exact.len()];
        for field in 0..fields {
            let xi = ModeNoise::new(trial).normals(&grid, field, stream::START, 0);
            let squares = xi.iter().zip(&exact).map(|(xi, c)| xi * xi * c / fields as f64);
            variances.iter_mut().zip(squares).for_each(|(v, square)| *v += square);
        }
        let found = FittedAnisotropic::new(grid, variances).unwrap().eigenvalues(&grid);
        let logs = found.iter().zip(&smooth).map(|(found, smooth)| (found / smooth).ln());
        mean += logs.sum::<f64>() / (exact.len() as u64 * trials) as f64;
    }
    // ln χ²₆/6 has deviation 0.63, the mean over 8 times 1280 modes 0.0062: five of them
    assert!(mean.abs() < 0.031, "{mean}");
}

/// Data symmetric about the middle of the box have no odd modes, so every bin holds half its modes'
/// power.
#[test]
fn modes_without_power_do_not_drag_their_bin_down() {
    let grid = Grid::unit(&[256], Boundary::Neumann).unwrap();
    let law = stretched([1.0; 3], 1.7);
    let mut data: Vec<f64> = grid.modes().map(|m| law(m.omega)).collect();
    data.iter_mut().skip(1).step_by(2).for_each(|value| *value = 0.0);
    let fitted = FittedAnisotropic::new(grid, data).unwrap();
    let ratios: Vec<f64> =
        grid.modes().skip(24).map(|m| fitted.eigenvalue(&m) / law(m.omega)).collect();
    // bins of five modes hold two or three that are not zero
    assert!(ratios.iter().all(|r| (0.36..0.64).contains(r)), "{ratios:?}");
    let mean = ratios.iter().sum::<f64>() / ratios.len() as f64;
    assert!((mean - 0.5).abs() < 0.02, "{mean}");
}

/// White data, data that vanish beyond a band, and an axis without resolved modes.
#[test]
fn anisotropic_tails_are_trace_class_whatever_the_data() {
    for dim in 1..=3 {
        let n = [64, 17, 7][dim - 1];
        let grid = Grid::unit(&vec![n; dim], Boundary::Neumann).unwrap();
        let mut data = vec![1.0; grid.mode_count()];
        let white = FittedAnisotropic::new(grid, data.clone()).unwrap();
        for direction in [[1.0, 0.0, 0.0], [1.0, 0.7, 0.2], [1.0; 3]] {
            let along =
                |r: f64| white.at(&direction[..dim].iter().map(|d| r * d).collect::<Vec<f64>>());
            let slope = (along(1e4) / along(1e5)).log10();
            assert!((slope - (dim as f64 + 0.2)).abs() < 1e-9, "{dim}: {slope}");
        }
        for (value, mode) in data.iter_mut().zip(grid.modes()) {
            if mode.frequency() > 0.5 * grid.band() {
                *value = 0.0;
            }
        }
        let lambda = FittedAnisotropic::new(grid, data).unwrap().eigenvalues(&doubled(&grid));
        assert!(lambda.iter().all(|l| *l > 0.0));
    }
    let flat = Grid::unit(&[16, 1], Boundary::Neumann).unwrap();
    let data: Vec<f64> = flat.modes().map(|m| (9.0 + m.laplacian()).powf(-2.0)).collect();
    let prior = FittedAnisotropic::new(flat, data).unwrap();
    let slope = (prior.at(&[0.0, 1e4]) / prior.at(&[0.0, 1e5])).log10();
    assert!((slope - 2.2).abs() < 1e-9, "{slope}");
}

#[test]
fn tables_are_interpolated_and_continued() {
    let law = |w: f64| 7.0 * w.powf(-3.4);
    let rows = |from: f64| -> Vec<[f64; 2]> {
        (0..12).map(|i| from * 1.5f64.powi(i)).map(|w| [w, law(w)]).collect()
    };
    let mut with_constant = rows(2.0);
    with_constant.insert(0, [0.0, 5.0]);
    let prior = Tabulated::new(3, with_constant.clone()).unwrap();
    for i in 0..2000 {
        let w = 2.0 + f64::from(i);
        assert!((prior.at(w) / law(w) - 1.0).abs() < 1e-10, "{w}");
    }
    assert_eq!((prior.at(0.0), prior.at(1.0), prior.at(1.9)), (5.0, law(2.0), law(2.0)));
    let without = Tabulated::new(3, rows(2.0)).unwrap();
    assert_eq!((without.at(0.0), without.at(1.0)), (law(2.0), law(2.0)));
    // an end at 0 stays 0, with a straight line towards it
    let finite = Tabulated::new(2, vec![[1.0, 2.0], [2.0, 1.0], [4.0, 0.0]]).unwrap();
    assert_eq!((finite.at(3.0), finite.at(4.0), finite.at(1e9)), (0.5, 0.0, 0.0));
    let text = serde_json::to_string(&prior).unwrap();
    assert_eq!(serde_json::from_str::<Tabulated>(&text).unwrap(), prior);
    // a table of a Bessel spectrum has the trace of that prior
    let bessel = Bessel::new(2, 1.0, 20.0, 0.9).unwrap();
    let table =
        (0..400).map(|i| 0.5 * 1.03f64.powi(i)).map(|w| [w, (20.0 + w * w).powf(-1.8)]).collect();
    let table = Tabulated::new(2, table).unwrap();
    for boundary in [Boundary::Periodic, Boundary::Dirichlet] {
        let grid = Grid::unit(&[40, 33], boundary).unwrap();
        let (a, b) = (table.trace(&grid), bessel.trace(&grid));
        // below the table λ is constant: relative error at most 2 · 1.8/20 · ¼, in the constant
        // mode
        assert!((a / b - 1.0).abs() < 0.03, "{a} {b}");
    }
}

#[test]
fn tables_that_are_no_spectrum_are_refused() {
    let says = |dim, rows: &[[f64; 2]], message: &str| {
        assert_eq!(Tabulated::new(dim, rows.to_vec()).unwrap_err().to_string(), message);
    };
    says(
        2,
        &[[1.0, 1.0], [2.0, 0.25]],
        "tabulated with an end that falls as frequency^-s with s = 2 gives no trace-class covariance in dimension 2; it must exceed d = 2",
    );
    assert!(Tabulated::new(1, vec![[1.0, 1.0], [2.0, 0.25]]).is_ok());
    for rising in [[1.0, 2.0], [0.0, 2.0]] {
        let rows = vec![[1.0, rising[0]], [2.0, rising[1]]];
        assert!(matches!(Tabulated::new(1, rows), Err(FieldError::NotTraceClass { .. })));
    }
    says(1, &[[1.0, 1.0], [1.0, 0.1]], "frequency = 1: it must exceed that of the row before");
    says(1, &[[3.0, 1.0], [2.0, 0.1]], "frequency = 2: it must exceed that of the row before");
    says(
        1,
        &[[-1.0, 1.0], [2.0, 0.1], [3.0, 0.0]],
        "frequency = -1: it must be zero or a positive finite number",
    );
    says(
        1,
        &[[1.0, -2.0], [2.0, 0.1]],
        "eigenvalue = -2: it must be zero or a positive finite number",
    );
    says(
        1,
        &[[0.0, 1.0], [2.0, 0.1]],
        "rows with a frequency = 1: a table needs at least two rows with a frequency above 0",
    );
    says(
        1,
        &[[1.0, 0.0], [2.0, 0.0]],
        "largest eigenvalue = 0: it must be positive: this noise is none",
    );
    says(4, &[[1.0, 1.0], [2.0, 0.1]], "a grid has 1, 2 or 3 axes, not 4");
    assert!(Tabulated::new(1, vec![[1.0, f64::NAN], [2.0, 0.1]]).is_err());
}

/// ‖Σ x_k e_k‖_Q² = Σ x_k²/λ_k for chosen coefficients, in every dimension and on every boundary.
#[test]
fn the_energy_norm_is_the_weighted_sum_over_modes() {
    for grid in grids() {
        let q = Matern::new(1.3, 0.2, 1.5).unwrap();
        let modes: Vec<f64> = (0..2 * grid.mode_count()).map(|k| (k as f64).sin()).collect();
        let values = Transform::new(grid).synthesise_channels(&modes);
        let fields = Ensemble::new(grid, 2, values).unwrap();
        let lambda = q.eigenvalues(&grid).repeat(2);
        let expected = modes.iter().zip(&lambda).map(|(x, l)| x * x / l).sum::<f64>().sqrt();
        let found = energy_norm(&q, &fields);
        assert!((found[0] / expected - 1.0).abs() < 1e-9, "{grid:?}: {found:?} {expected}");
    }
}

/// Shifts in the Cameron–Martin space converge under refinement; for draws of the noise the squared
/// norm is the number of modes.
#[test]
fn functions_are_inside_the_space_and_noise_is_not() {
    let q = Bessel::new(1, 1.0, 1.0, 0.75).unwrap();
    let energy = |n: usize| {
        let grid = Grid::unit(&[n], Boundary::Neumann).unwrap();
        // m_k = k^{−3}, λ_k ~ (πk)^{−3}: Σ m_k²/λ_k = π³ Σ k^{−3} to leading order
        let modes: Vec<f64> =
            (0..n).map(|k| if k == 0 { 0.0 } else { (k as f64).powi(-3) }).collect();
        let values = Transform::new(grid).synthesise_channels(&modes);
        let shift = Ensemble::new(grid, 1, values).unwrap();
        let noise = sample(&q, grid, 1, 5, 0..400, stream::START);
        let squares = energy_norm(&q, &noise).iter().map(|e| e * e).sum::<f64>() / 400.0;
        (energy_norm(&q, &shift)[0].powi(2), squares)
    };
    let (a, b, c) = (energy(32), energy(64), energy(128));
    let order = ((b.0 - a.0) / (c.0 - b.0)).log2();
    assert!((order - 2.0).abs() < 0.1, "the tail Σ k^{{−3}} falls as N^{{−2}}: {order}");
    for (n, (_, squares)) in [(32.0, a), (64.0, b), (128.0, c)] {
        // χ² with n degrees, 400 draws, five standard errors: false alarm 6e-7 each
        assert!((squares - n).abs() < 5.0 * (2.0 * n / 400.0f64).sqrt(), "{n}: {squares}");
    }
    let finite_rank = Truncated::new(1, 3, 1.0).unwrap();
    let grid = Grid::unit(&[8], Boundary::Neumann).unwrap();
    let rough = sample(&q, grid, 1, 5, 0..1, stream::START);
    assert_eq!(energy_norm(&finite_rank, &rough), [f64::INFINITY]);
    assert_eq!(energy_norm(&finite_rank, &Ensemble::zeros(grid, 1, 2)), [0.0, 0.0]);
}

/// ln dN(m, Q)/dN(0, Q) = ⟨m, x⟩_Q − ½‖m‖_Q², checked by the densities of the modes.
#[test]
fn it_is_the_exponent_of_a_shift() {
    let grid = mixed(&[5, 4], Boundary::Dirichlet);
    let q = Matern::new(1.0, 0.3, 1.5).unwrap();
    let m = sample(&Matern::new(0.1, 0.3, 4.0).unwrap(), grid, 1, 2, 0..1, stream::START);
    let x = sample(&q, grid, 1, 3, 0..1, stream::START);
    let (mk, xk) = (Transform::new(grid).analyse_channels(&m.values), {
        Transform::new(grid).analyse_channels(&x.values)
    });
    let density = |shift: &[f64]| -> f64 {
        let squares = xk.iter().zip(shift).zip(q.eigenvalues(&grid));
        squares.map(|((x, m), l)| -0.5 * (x - m).powi(2) / l).sum()
    };
    let expected = density(&mk) - density(&vec![0.0; mk.len()]);
    let norm = |f: &Ensemble| energy_norm(&q, f)[0].powi(2);
    let mut sum = x.clone();
    sum.values.iter_mut().zip(&m.values).for_each(|(s, m)| *s += m);
    // polarisation gives the inner product
    let found = 0.5 * (norm(&sum) - norm(&x) - norm(&m)) - 0.5 * norm(&m);
    assert!(max_error(&[found], &[expected]) < 1e-9 * expected.abs(), "{found} {expected}");
}
