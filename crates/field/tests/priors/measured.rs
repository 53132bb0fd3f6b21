//! Priors from data: moments, tables, shells, tails.

use karhunen_field::noise::stream;
use karhunen_field::prior::{
    Combined, Fitted, Laplacian, Matern, Measured, Shell, Standard, Truncated, r_per_shell, sample,
    shells,
};
use karhunen_field::{Boundary, FieldError, GaussianLaw, Grid, Moments, Prior};

use super::mixed;

fn grids() -> Vec<Grid> {
    let mut grids = Vec::new();
    for boundary in [Boundary::Neumann, Boundary::Periodic, Boundary::Dirichlet] {
        for points in [&[64][..], &[37], &[31, 24], &[12, 9, 11]] {
            grids.push(Grid::unit(points, boundary).unwrap());
        }
    }
    grids.push(mixed(&[17, 20], Boundary::Periodic));
    grids
}

#[test]
fn moments_find_the_mean_and_variances_of_a_gaussian_law() {
    let grid = Grid::unit(&[6, 5], Boundary::Periodic).unwrap();
    let prior = Matern::new(0.5, 0.3, 1.5).unwrap();
    let count = 5000;
    let draws = sample(&prior, grid, 2, 1, 0..count, stream::START);
    let mut moments = Moments::new(grid, 2);
    // a mean 1e6 standard deviations away: sums of squares would cancel
    for field in draws.fields() {
        let shifted: Vec<f64> = field.iter().map(|v| v + 1e6).collect();
        moments.add(&shifted).unwrap();
    }
    assert_eq!(moments.count() as u64, count);
    let (mean, variances) = moments.finish().unwrap();
    assert_eq!((mean.grid, mean.channels, variances.len()), (grid, 2, 2));
    let lambda = prior.eigenvalues(&grid);
    for channel in &variances {
        for (found, expected) in channel.iter().zip(&lambda) {
            // six standard errors on 50 modes: false alarm below 1e-6
            let bound = 6.0 * (2.0 / count as f64).sqrt();
            assert!((found / expected - 1.0).abs() < bound, "{found} for {expected}");
        }
    }
    let bound = 6.0 * (prior.trace(&grid) / count as f64).sqrt();
    assert!(mean.values.iter().all(|m| (m - 1e6).abs() < bound));
    // against the two-pass formula on the same numbers
    let modes: Vec<f64> =
        draws.fields().map(|f| f[..grid.len()].iter().sum::<f64>() / grid.len() as f64).collect();
    let centre = modes.iter().sum::<f64>() / count as f64;
    let direct = modes.iter().map(|m| (m - centre).powi(2)).sum::<f64>() / (count as f64 - 1.0);
    assert!((variances[0][0] / direct - 1.0).abs() < 1e-8, "{} {direct}", variances[0][0]);
}

#[test]
fn a_table_is_returned_as_it_is_and_continued_downwards() {
    for grid in grids() {
        let data: Vec<f64> = grid.modes().map(|m| (1.0 + m.laplacian()).powf(-2.2)).collect();
        let prior = Measured::new(grid, data.clone()).unwrap();
        assert_eq!(prior.eigenvalues(&grid), data);
        let fine = grid.with_points(&grid.points().iter().map(|n| 2 * n).collect::<Vec<_>>());
        let fine = fine.unwrap();
        for (mode, value) in fine.modes().zip(prior.eigenvalues(&fine)) {
            let expected = (1.0 + mode.laplacian()).powf(-2.2);
            assert!((value / expected).ln().abs() < 0.06, "{grid:?} {mode:?}: {value}");
        }
    }
}

/// On a line shells are single modes, so a power law is found and continued exactly.
#[test]
fn a_power_law_on_a_line_is_fitted_exactly() {
    let grid = Grid::unit(&[40], Boundary::Neumann).unwrap();
    let fine = grid.with_points(&[1000]).unwrap();
    let law = Laplacian::new(1, 3.0, 0.9).unwrap().with_constant(7.0).unwrap();
    let fitted = Fitted::new(&grid, &law.eigenvalues(&grid)).unwrap();
    for (found, expected) in fitted.eigenvalues(&fine).iter().zip(law.eigenvalues(&fine)) {
        assert!((found / expected - 1.0).abs() < 1e-10, "{found} for {expected}");
    }
}

#[test]
fn an_isotropic_spectrum_is_fitted_and_continued() {
    for grid in grids() {
        let prior = Matern::new(2.0, 0.15, 1.2).unwrap();
        let fitted = Fitted::new(&grid, &prior.eigenvalues(&grid)).unwrap();
        let fine = grid.with_points(&grid.points().iter().map(|n| 2 * n).collect::<Vec<_>>());
        let fine = fine.unwrap();
        // largest in 3-D, where nine cells give four shells; 0.03 on lines
        let error = fine
            .modes()
            .map(|m| (fitted.eigenvalue(&m) / prior.eigenvalue(&m)).ln().abs())
            .fold(0.0, f64::max);
        assert!(error < 0.26, "{grid:?}: {error}");
        if grid.holds_constants() {
            assert_eq!(fitted.at(0.0), prior.eigenvalues(&grid)[0]);
        }
    }
}

/// For white data in d dimensions the tail gets the least steep slope that is trace class.
#[test]
fn tails_are_trace_class_whatever_the_data() {
    for dim in 1..=3 {
        let n = [64, 17, 7][dim - 1];
        let grid = Grid::unit(&vec![n; dim], Boundary::Neumann).unwrap();
        let mut data = vec![1.0; grid.mode_count()];
        let white = Fitted::new(&grid, &data).unwrap();
        let (near, far) = (white.at(1e4), white.at(1e5));
        let slope = (near / far).log10();
        assert!((slope - (dim as f64 + 0.2)).abs() < 1e-9, "{dim}: {slope}");
        assert!((white.at(grid.band() * 0.9) - 1.0).abs() < 1e-12);
        // data that vanish in the upper half: a floor that still falls
        for (value, mode) in data.iter_mut().zip(grid.modes()) {
            if mode.frequency() > 0.5 * grid.band() {
                *value = 0.0;
            }
        }
        for prior in [
            &Fitted::new(&grid, &data).unwrap() as &dyn Prior,
            &Measured::new(grid, data.clone()).unwrap(),
        ] {
            let lambda = prior.eigenvalues(&grid);
            let least = lambda.iter().copied().fold(f64::INFINITY, f64::min);
            // beyond the mean frequency of the last shell the floor already falls
            assert!((0.8e-12..1.000_001e-12).contains(&least), "{least}");
            let fine = grid.with_points(&vec![3 * n; dim]).unwrap();
            assert!(prior.eigenvalues(&fine).iter().all(|l| *l > 0.0));
        }
    }
}

/// The law fitted to the draws of a law has the spectrum of that law.
#[test]
fn fitted_to_draws_it_has_r_of_one() {
    let grid = Grid::unit(&[16, 16], Boundary::Neumann).unwrap();
    let prior = Matern::new(1.0, 0.2, 1.5).unwrap();
    let law = GaussianLaw::centred(grid, std::sync::Arc::new(prior), 1);
    let mut moments = Moments::new(grid, 1);
    for field in law.sample(grid, 1, 0..2000, stream::START).fields() {
        moments.add(field).unwrap();
    }
    let (_, variances) = moments.finish().unwrap();
    let strength = |eigenvalues: &[f64]| r_per_shell(&variances[0], eigenvalues, &grid).unwrap();
    for (frequency, r) in strength(&prior.eigenvalues(&grid)) {
        // each shell has at least one mode: relative standard error of r below 1/√(2·2000), five
        // of them on 23 shells: false alarm about 1e-5
        assert!((r - 1.0).abs() < 5.0 / 4000f64.sqrt(), "{frequency}: {r}");
    }
    let fourfold: Vec<f64> = prior.eigenvalues(&grid).iter().map(|l| 4.0 * l).collect();
    for ((_, r), (_, half)) in strength(&prior.eigenvalues(&grid)).iter().zip(strength(&fourfold)) {
        assert!((r / 2.0 - half).abs() < 1e-12);
    }
    let truncated = Truncated::new(1, 4, 1.0).unwrap().eigenvalues(&grid);
    assert_eq!(strength(&truncated).last().unwrap().1, f64::INFINITY);
    let nothing = vec![0.0; grid.mode_count()];
    assert!(r_per_shell(&nothing, &nothing, &grid).unwrap().iter().all(|(_, r)| *r == 1.0));
}

#[test]
fn shells_are_means_over_frequencies() {
    let grid = Grid::unit(&[2, 2], Boundary::Neumann).unwrap();
    let pi = std::f64::consts::PI;
    let found = shells(&grid, &[5.0, 1.0, 3.0, 8.0]).unwrap();
    assert_eq!(found.len(), 2);
    assert_eq!(found[0], Shell { frequency: 0.0, mean: 5.0, count: 1 });
    assert_eq!((found[1].mean, found[1].count), (4.0, 3));
    assert!((found[1].frequency - (2.0 + 2f64.sqrt()) * pi / 3.0).abs() < 1e-14);
    let one = Grid::unit(&[1], Boundary::Periodic).unwrap();
    assert_eq!(shells(&one, &[2.0]).unwrap(), [Shell { frequency: 0.0, mean: 2.0, count: 1 }]);
    assert!(matches!(shells(&grid, &[1.0; 3]), Err(FieldError::Modes { values: 3, .. })));
}

#[test]
fn stored_priors_come_back_as_they_were() {
    fn there_and_back<P>(prior: &P)
    where
        P: Prior + PartialEq + serde::Serialize + serde::de::DeserializeOwned,
    {
        let text = serde_json::to_string(prior).unwrap();
        assert_eq!(&serde_json::from_str::<P>(&text).unwrap(), prior, "{text}");
    }
    let grid = mixed(&[9, 8], Boundary::Periodic);
    let data: Vec<f64> = grid.modes().map(|m| (3.0 + m.laplacian()).powf(-1.3)).collect();
    there_and_back(&Standard::new());
    there_and_back(&Truncated::new(3, 14, 0.7).unwrap());
    there_and_back(&Laplacian::new(2, 8.0, 0.55).unwrap());
    there_and_back(&karhunen_field::prior::Bessel::new(2, 1.0, 100.0, 0.55).unwrap());
    there_and_back(&Matern::new(1.0, 0.1, 1.5).unwrap());
    there_and_back(&Fitted::new(&grid, &data).unwrap());
    there_and_back(&Measured::new(grid, data).unwrap());
    let error =
        serde_json::from_str::<Laplacian>(r#"{"dim":2,"scale":1.0,"power":0.5,"constant":0.0}"#);
    assert!(error.unwrap_err().to_string().contains("must exceed d/4 = 0.5"));
    assert!(Combined::new(Vec::new()).is_err());
}
