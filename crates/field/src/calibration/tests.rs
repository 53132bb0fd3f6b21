//! Calibration against closed forms.

use std::sync::Arc;

use super::*;
use crate::noise::stream;
use crate::prior::Matern;
use crate::{Boundary, Field, Prior, resample};

fn law(grid: Grid, channels: usize) -> GaussianLaw {
    let prior: Arc<dyn Prior> = Arc::new(Matern::new(1.0, 0.15, 1.5).unwrap());
    let values = (0..channels * grid.len()).map(|i| (i as f64 * 0.3).sin()).collect();
    let mean = Field { grid, channels, values };
    GaussianLaw::new(mean, vec![prior; channels]).unwrap()
}

/// Fields whose deviation is scaled by a known smooth g(|ω|) come back to the law's spectrum: f g =
/// 1 up to the chance of 2,000 pilots. A shell of one mode has 1.6 % in amplitude; three times that
/// is allowed.
#[test]
fn a_known_deficit_is_found_in_every_dimension_and_at_every_boundary() {
    let all = [Boundary::Neumann, Boundary::Periodic, Boundary::Dirichlet];
    let mut grids: Vec<Grid> = Vec::new();
    for boundary in all {
        grids.extend([&[31][..], &[12, 15], &[6, 5, 7]].map(|p| Grid::unit(p, boundary).unwrap()));
    }
    for grid in grids {
        let law = law(grid, 2);
        let g = |w: f64| 0.8 + 0.1 / (1.0 + w / 20.0);
        let transform = Transform::new(grid);
        let mean = law.mean_modes(&grid);
        let mut pilots = law.sample(grid, 5, 0..2000, stream::START);
        let weights: Vec<f64> = grid.modes().map(|m| g(m.frequency())).collect();
        for field in pilots.fields_mut() {
            let mut modes = transform.analyse_channels(field);
            for (k, (x, m)) in modes.iter_mut().zip(&mean).enumerate() {
                *x = m + weights[k % weights.len()] * (*x - m);
            }
            field.copy_from_slice(&transform.synthesise_channels(&modes));
        }
        let factors = Calibration::measure(&law, &pilots).unwrap().factors(&grid);
        for (k, f) in factors.iter().enumerate() {
            let product = f * weights[k % weights.len()];
            assert!((product - 1.0).abs() < 0.05, "{grid:?} mode {k}: {product}");
        }
    }
}

/// A mean that drifted in two modes is corrected, and so is the spectrum about it. Others stay
/// within chance.
#[test]
fn a_drifted_mean_comes_back() {
    let grid = Grid::unit(&[12, 9], Boundary::Neumann).unwrap();
    let law = law(grid, 1);
    let transform = Transform::new(grid);
    let (mean, c) = (law.mean_modes(&grid), law.variances(&grid));
    let moments = |fields: &Ensemble| {
        let mut sums = vec![0.0; c.len()];
        for field in fields.fields() {
            let modes = transform.analyse_channels(field);
            sums.iter_mut().zip(&modes).zip(&mean).for_each(|((s, x), m)| *s += x - m);
        }
        sums.iter().zip(&c).map(|(s, c)| s / fields.count() as f64 / c.sqrt()).collect::<Vec<_>>()
    };
    let drifted = |indices| {
        let mut fields = law.sample(grid, 5, indices, stream::START);
        for field in fields.fields_mut() {
            let mut modes = transform.analyse_channels(field);
            modes[0] += 0.4 * c[0].sqrt();
            modes[1] -= 0.6 * c[1].sqrt();
            field.copy_from_slice(&transform.synthesise_channels(&modes));
        }
        fields
    };
    let calibration = Calibration::measure(&law, &drifted(0..400)).unwrap();
    let mut others = drifted(1000..3000);
    assert!((moments(&others)[0] - 0.4).abs() < 0.1);
    calibration.apply(&law, &mut others).unwrap();
    // chance of 400 pilots and 2,000 fields together is 0.055; three times that is allowed
    assert!(moments(&others).iter().all(|m| m.abs() < 0.17), "{:?}", moments(&others));
    assert!(calibration.factors(&grid).iter().all(|f| (f - 1.0).abs() < 0.1));
}

#[test]
fn parts_make_the_same_again_or_are_refused() {
    let grid = Grid::unit(&[12, 9], Boundary::Neumann).unwrap();
    let law = law(grid, 2);
    let pilots = law.sample(grid, 5, 0..50, stream::START);
    let calibration = Calibration::measure(&law, &pilots).unwrap();
    let (own, channels, shift) = calibration.parts();
    let again = |channels: &[Vec<(f64, f64)>], shift: &[f64]| {
        Calibration::of_parts(*own, channels.to_vec(), shift.to_vec())
    };
    assert_eq!(again(channels, shift).unwrap(), calibration);
    assert!(again(channels, &shift[1..]).is_err() && again(&channels[1..], shift).is_err());
    let mut wrong = channels.to_vec();
    wrong[1][0].1 = f64::NAN;
    assert!(again(&wrong, shift).is_err());
    wrong[1][0] = (f64::MAX, 1.0);
    assert!(again(&wrong, shift).is_err());
}

/// A narrow peak is not chance and is followed. A flat deficit is followed too, with its shells
/// pooled.
#[test]
fn peaks_are_followed_and_chance_is_not() {
    let shell = |i: usize, logarithm: f64| Ratio {
        frequency: i as f64,
        count: (1 + 2 * i) as f64,
        energy: 1.0,
        logarithm,
    };
    let peak = |i: usize| if i == 9 { 0.2 } else { 0.0 };
    let sharp: Vec<Ratio> = (0..20).map(|i| shell(i, peak(i))).collect();
    let found = table(&sharp, 256.0);
    assert!((found[9].1.ln() - 0.2).abs() < 0.03, "{:?}", found[9]);
    // deviations of half a standard error, alternating in sign
    let chance: Vec<Ratio> = (0..20)
        .map(|i| {
            let error = (1.0 / (2.0 * 256.0 * (1 + 2 * i) as f64)).sqrt();
            shell(i, 0.1 + if i % 2 == 0 { 0.5 } else { -0.5 } * error)
        })
        .collect();
    for ((_, f), ratio) in table(&chance, 256.0).iter().zip(&chance).skip(2) {
        let (left, raw) = ((f.ln() - 0.1).abs(), (ratio.logarithm - 0.1).abs());
        assert!(left < 0.6 * raw, "{left} of {raw}");
    }
}

#[test]
fn one_function_on_two_grids_stays_one() {
    let coarse = Grid::unit(&[9, 8], Boundary::Neumann).unwrap();
    let fine = coarse.with_points(&[20, 17]).unwrap();
    let law = law(coarse, 1);
    let mut low = law.sample(coarse, 3, 0..20, stream::START);
    let mut high = law.sample(fine, 3, 0..20, stream::START);
    let calibration = Calibration::measure(&law, &low).unwrap();
    calibration.apply(&law, &mut low).unwrap();
    calibration.apply(&law, &mut high).unwrap();
    let restricted = resample::spectral(&high, coarse).unwrap();
    let error = restricted.values.iter().zip(&low.values).map(|(a, b)| (a - b).abs());
    assert!(error.fold(0.0, f64::max) < 1e-12);
}

#[test]
fn modes_without_data_or_pilots_are_left_alone() {
    let grid = Grid::unit(&[8], Boundary::Neumann).unwrap();
    let law = law(grid, 1);
    // pilots equal to their mean up to rounding have no spectrum to correct
    let mean = law.mean().values.clone();
    let mut fields = Ensemble::new(grid, 1, mean.repeat(3)).unwrap();
    fields.values.iter_mut().enumerate().for_each(|(i, v)| *v += 1e-16 * (i % 3) as f64);
    let calibration = Calibration::measure(&law, &fields).unwrap();
    calibration.apply(&law, &mut fields).unwrap();
    assert!(fields.values.iter().zip(mean.iter().cycle()).all(|(v, m)| (v - m).abs() < 1e-12));
    assert!(Calibration::measure(&law, &Ensemble::zeros(grid, 1, 0)).is_err());
    assert!(Calibration::measure(&law, &Ensemble::zeros(grid, 2, 3)).is_err());
}
