//! Boxes larger than the trained one, with the built-in models.

use std::path::Path;
use std::sync::Arc;

use karhunen_field::large_box::DEFAULT_OVERLAP;
use karhunen_field::observation::{Points, Sensor};
use karhunen_field::{Ensemble, Grid, resample};
use karhunen_train::TrainedModel;
use karhunen_train::request::{Coarse, Request};

fn model(name: &str) -> TrainedModel {
    TrainedModel::load(Path::new(name)).unwrap()
}

/// A request for a box with the given multiples of the lengths, on cells of the size of the finest
/// level.
fn request(model: &TrainedModel, times: &[f64], periodic: &[bool], evaluations: usize) -> Request {
    let larger = model.larger(times, periodic, DEFAULT_OVERLAP).unwrap();
    let grid = larger.large.like(&model.statistics.grid).unwrap();
    Request { larger: Some(larger), calibrated: false, evaluations, ..model.request(grid, 5) }
}

fn sampled(model: &TrainedModel, request: &Request, indices: std::ops::Range<u64>) -> Ensemble {
    model.sample(request, indices, &|_, _| ()).unwrap().0
}

fn off(a: &Ensemble, b: &Ensemble) -> f64 {
    a.values.iter().zip(&b.values).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

#[test]
fn a_box_of_one_is_the_trained_one_bit_for_bit() {
    let model = model("builtin:spinodal");
    let plain = Request { evaluations: 3, ..model.request(model.grid(&[32, 32]).unwrap(), 5) };
    let larger = Some(model.larger(&[1.0, 1.0], &[false, false], DEFAULT_OVERLAP).unwrap());
    let same = Request { larger, ..plain.clone() };
    assert_eq!(sampled(&model, &plain, 0..2).values, sampled(&model, &same, 0..2).values);
}

#[test]
fn one_seed_is_one_function_on_every_grid_in_every_batch_and_refined() {
    let model = model("builtin:spinodal");
    let own = request(&model, &[2.0, 1.5], &[false, false], 4);
    assert_eq!(own.grid.points(), [128, 96]);
    let both = sampled(&model, &own, 3..5);
    let one = sampled(&model, &own, 4..5);
    assert_eq!(both.values[both.field_len()..], one.values[..]);
    let on =
        |points: &[usize]| Request { grid: own.grid.with_points(points).unwrap(), ..own.clone() };
    // differences come from the network's single precision and its rounding
    let scale = both.values.iter().map(|v| v * v).sum::<f64>() / both.values.len() as f64;
    let finer = resample::spectral(&sampled(&model, &on(&[150, 192]), 3..5), own.grid).unwrap();
    assert!(off(&finer, &both) < 1e-4 * scale.sqrt(), "{}", off(&finer, &both));
    // samples on a grid between two levels are restricted from the level above
    let between = sampled(&model, &on(&[50, 40]), 3..5);
    let level = sampled(&model, &on(&[64, 48]), 3..5);
    let level = resample::spectral(&level, between.grid).unwrap();
    assert!(off(&between, &level) < 1e-12);
    let coarse = vec![Coarse { grid: own.grid.with_points(&[64, 48]).unwrap(), until: 0.7 }];
    let refined = sampled(&model, &Request { coarse, ..own.clone() }, 3..4);
    assert_eq!(refined.grid, own.grid);
    assert!(refined.values.iter().all(|v| v.is_finite()));
}

/// On a periodic axis the step across the ends is like any other step; on a box that is not
/// periodic it is not.
#[test]
fn a_periodic_field_goes_on_across_its_ends() {
    let model = model("builtin:spinodal");
    let jumps = |grid: &Grid, fields: &Ensemble| {
        let (rows, columns) = (grid.points()[0], grid.points()[1]);
        let step = |a: usize, b: usize| -> f64 {
            let squares = fields.fields().flat_map(|f| {
                (0..columns).map(move |j| (f[a * columns + j] - f[b * columns + j]).powi(2))
            });
            squares.sum::<f64>() / (fields.count() * columns) as f64
        };
        let inside = (1..rows).map(|i| step(i - 1, i)).sum::<f64>() / (rows - 1) as f64;
        step(rows - 1, 0) / inside
    };
    let ring = request(&model, &[2.0, 1.0], &[true, false], 6);
    let open = request(&model, &[2.0, 1.0], &[false, false], 6);
    let (closed, cut) = (
        jumps(&ring.grid, &sampled(&model, &ring, 0..3)),
        jumps(&open.grid, &sampled(&model, &open, 0..3)),
    );
    assert!((0.5..2.0).contains(&closed), "{closed}");
    assert!(cut > 5.0, "{cut}");
    // rotated by half a turn, the former seam lies in the middle and the field is of the same kind
    let fields = sampled(&model, &ring, 0..1);
    let half = fields.values.len() / 2;
    let turned = [&fields.values[half..], &fields.values[..half]].concat();
    let turned = Ensemble::new(fields.grid, 1, turned).unwrap();
    assert!((0.5..2.0).contains(&jumps(&ring.grid, &turned)));
}

#[test]
fn observations_hold_anywhere_in_the_larger_box() {
    let model = model("builtin:spinodal");
    let own = request(&model, &[2.0, 1.0], &[false, false], 8);
    let known = model.enlarged(own.larger.as_ref().unwrap()).unwrap();
    let at = |x, y, value| Sensor { place: [x, y, 0.0], channel: 0, value, deviation: 0.01 };
    let points = Points::new(vec![at(0.3, 0.4, 0.9), at(1.7, 0.6, -0.9)]).unwrap();
    let given = model.conditioning_on(Some(&known), vec![Arc::new(points)], own.grid).unwrap();
    let method = karhunen_field::sampler::Method::WienerAncestral;
    let own = Request { method, ..own };
    let (fields, _) = model.sample_given(&own, &given, 0..2, &|_, _| ()).unwrap();
    let residual = model.residuals(given.observations(), &fields).unwrap();
    assert!(residual[0].relative < 3.0, "{residual:?}");
    // this place lies outside the trained box
    let outside = Points::new(vec![at(1.7, 0.6, -0.9)]).unwrap();
    assert!(model.conditioning(vec![Arc::new(outside)], model.statistics.grid).is_err());
}

#[test]
fn data_with_a_place_in_their_box_are_told() {
    let check = |name: &str| {
        let model = model(name);
        let request = request(&model, &[2.0, 2.0], &[false, false], 4);
        let found = model.stationarity(&request).unwrap().unwrap();
        println!("{name}: {found:?}");
        found
    };
    assert_eq!(check("builtin:spinodal").warning(), None);
    assert_eq!(check("builtin:grains").warning(), None);
    let shapes = check("builtin:shapes").warning().unwrap();
    assert!(shapes.contains("not to be stationary"), "{shapes}");
}

#[test]
fn boxes_that_windows_do_not_make_are_refused() {
    let model = model("builtin:spinodal");
    for (times, overlap) in [(0.5, 0.375), (1.3, 0.375), (f64::INFINITY, 0.375), (2.0, 0.6)] {
        assert!(
            model.larger(&[times, 1.0], &[false, false], overlap).is_err(),
            "{times} {overlap}"
        );
    }
    assert!(model.larger(&[2.0], &[false], 0.375).is_err());
}
