//! The nested network: fused against composed, gradients, levels, and the inputs of a coarse stage.

use burn::tensor::TensorData;
use karhunen_field::{Boundary, Ensemble, Grid, ModeNoise, noise::stream, resample};
use karhunen_net::model::{Inputs, channels_last};
use karhunen_net::{
    Device, Given, Nested, NestedConfig, NetError, Network, NetworkConfig, Operators, Parameters,
};

/// Tolerance for values computed in two ways in f32; the largest observed error is 2e-6.
const VALUES: f64 = 2e-5;
/// Tolerance for gradients, of magnitude about one; the largest observed error is 2e-5.
const GRADIENTS: f64 = 2e-4;

fn config() -> NestedConfig {
    NestedConfig { width: vec![12, 8], blocks: vec![3, 2], ..NestedConfig::default() }
}

fn levels(sizes: &[&[usize]], boundary: Boundary) -> Vec<Grid> {
    let finest = Grid::unit(sizes[sizes.len() - 1], boundary).unwrap();
    sizes.iter().map(|points| finest.with_points(points).unwrap()).collect()
}

/// A network with all parameters random, including those that start at zero.
fn drawn(levels: &[Grid], channels: usize, device: &Device) -> Network {
    let mut network = NetworkConfig::Nested(config()).build(levels, channels, 3, device).unwrap();
    let mut parameters = network.parameters().unwrap();
    let noise = ModeNoise::new(5);
    for (i, array) in parameters.arrays.iter_mut().enumerate() {
        if array.values.iter().all(|v| *v == 0.0) {
            let drawn = noise.uniforms(array.values.len(), i as u64, stream::WEIGHTS);
            array.values.iter_mut().zip(drawn).for_each(|(v, u)| *v = 0.4 * (u as f32 - 0.5));
        }
    }
    network.set_parameters(&parameters).unwrap();
    network
}

fn inputs(count: usize, seed: u64) -> Vec<f32> {
    let uniforms = ModeNoise::new(seed).uniforms(count, 0, stream::START);
    uniforms.into_iter().map(|u| 4.0 * (u as f32 - 0.5)).collect()
}

/// Output and gradients of the mean of its product with fixed numbers.
fn run(network: &Network, grid: &Grid, channels: usize) -> (Vec<f32>, Parameters) {
    let x = inputs(2 * grid.len() * channels, 1);
    let y = network.forward(&Inputs::plain(grid, &x, &[0.3, 0.8], &[1.1, -0.7])).unwrap();
    let r = TensorData::new(inputs(x.len(), 2), y.dims());
    let r = burn::tensor::Tensor::from_data(r, network.device());
    let gradients = network.taken_gradients((y.clone() * r).mean().backward()).unwrap();
    (y.without_autodiff().try_into_vec_as().unwrap(), gradients)
}

fn largest_difference(a: &[f32], b: &[f32]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| f64::from((a - b).abs())).fold(0.0, f64::max)
}

#[test]
fn fused_and_composed_are_the_same() {
    for (sizes, boundary) in [
        (&[&[5][..], &[9], &[18]][..], Boundary::Neumann),
        (&[&[4, 6], &[7, 6], &[9, 13]], Boundary::Periodic),
        (&[&[8, 8], &[16, 16]], Boundary::Dirichlet),
        (&[&[4, 4, 5], &[6, 8, 5]], Boundary::Neumann),
    ] {
        let levels = levels(sizes, boundary);
        for channels in [1, 2] {
            let mut network = drawn(&levels, channels, &Device::flex().autodiff());
            assert_eq!(network.operators(), Operators::Fused);
            for grid in &levels {
                network.set_operators(Operators::Fused).unwrap();
                let (fused, by_hand) = run(&network, grid, channels);
                network.set_operators(Operators::Composed).unwrap();
                let (composed, by_library) = run(&network, grid, channels);
                let size = composed.iter().fold(0.0, |m: f32, v| m.max(v.abs()));
                assert!(size > 0.1, "{grid}: the network answers");
                let error = largest_difference(&fused, &composed) / f64::from(size);
                assert!(error < VALUES, "{grid} {boundary}: values {error:e}");
                for (a, b) in by_hand.arrays.iter().zip(&by_library.arrays) {
                    let size = b.values.iter().fold(1e-3, |m: f32, v| m.max(v.abs()));
                    let error = largest_difference(&a.values, &b.values) / f64::from(size);
                    assert!(error < GRADIENTS, "{grid} {boundary}: {} {error:e}", a.name);
                }
            }
        }
    }
}

#[test]
fn gradients_are_those_of_finite_differences() {
    // in f32, so with steps that exceed rounding; the largest observed error is 2e-3
    let levels = levels(&[&[4, 4], &[6, 7]], Boundary::Neumann);
    let network = drawn(&levels, 1, &Device::flex().autodiff());
    let grid = &levels[1];
    let (_, gradients) = run(&network, grid, 1);
    let start = network.parameters().unwrap();
    let loss = |step: f32, direction: &Parameters| {
        let mut moved = start.clone();
        for (array, d) in moved.arrays.iter_mut().zip(&direction.arrays) {
            array.values.iter_mut().zip(d.values.iter()).for_each(|(v, d)| *v += step * d);
        }
        let mut network = network.clone();
        network.set_parameters(&moved).unwrap();
        let (y, _) = run(&network, grid, 1);
        let r = inputs(y.len(), 2);
        y.iter().zip(&r).map(|(y, r)| f64::from(*y) * f64::from(*r)).sum::<f64>() / y.len() as f64
    };
    for seed in 0..3 {
        let mut direction = start.clone();
        let noise = ModeNoise::new(20 + seed);
        for (i, array) in direction.arrays.iter_mut().enumerate() {
            let uniforms = noise.uniforms(array.values.len(), i as u64, stream::START);
            array.values.iter_mut().zip(uniforms).for_each(|(v, u)| *v = u as f32 - 0.5);
        }
        let expected = (loss(1e-2, &direction) - loss(-1e-2, &direction)) / 2e-2;
        let found: f64 = (gradients.arrays.iter().zip(&direction.arrays))
            .flat_map(|(g, d)| g.values.iter().zip(d.values.iter()))
            .map(|(g, d)| f64::from(*g) * f64::from(*d))
            .sum();
        assert!((found - expected).abs() < 1e-2 * expected.abs().max(0.1), "{found} {expected}");
    }
}

/// ⟨∂F* w, h⟩ is the derivative of ⟨w, F⟩ along h; the largest observed error is 2e-3.
#[test]
fn pullbacks_are_the_transposed_derivative() {
    let levels = levels(&[&[4, 4], &[6, 7]], Boundary::Neumann);
    let network = drawn(&levels, 2, &Device::flex().autodiff());
    let grid = &levels[1];
    let (x, h, w) = (inputs(168, 31), inputs(168, 32), inputs(168, 33));
    let times = (&[0.3, 0.8][..], &[1.1, -0.7][..]);
    let pulled = network.pullback(grid, &x, &w, times, &Given::default()).unwrap().unwrap();
    let along = |step: f32| {
        let moved: Vec<f32> = x.iter().zip(&h).map(|(x, h)| x + step * h).collect();
        let y = network
            .forward(&Inputs::plain(grid, &moved, times.0, times.1))
            .unwrap()
            .without_autodiff();
        let y: Vec<f32> = y.try_into_vec_as().unwrap();
        y.iter().zip(&w).map(|(y, w)| f64::from(y * w)).sum::<f64>()
    };
    let expected = (along(1e-2) - along(-1e-2)) / 2e-2;
    let found: f64 = pulled.iter().zip(&h).map(|(p, h)| f64::from(p * h)).sum();
    assert!((found - expected).abs() < 1e-2 * expected.abs().max(1.0), "{found} {expected}");
    let plain = drawn(&levels, 2, &Device::flex());
    assert!(plain.pullback(grid, &x, &w, times, &Given::default()).unwrap().is_none());
}

#[test]
fn on_a_coarse_level_only_its_stages_run() {
    let levels = levels(&[&[4, 4], &[8, 8], &[16, 16]], Boundary::Neumann);
    let network = drawn(&levels, 1, &Device::flex().autodiff());
    let (_, gradients) = run(&network, &levels[1], 1);
    for array in &gradients.arrays {
        let still = array.values.iter().all(|g| *g == 0.0);
        // the top level of this grid sends nothing
        let idle = array.name.starts_with("stages.2.");
        assert_eq!(still, idle, "{}", array.name);
    }
}

#[test]
fn a_fresh_stage_leaves_the_coarser_answer_as_it_is() {
    let levels = levels(&[&[5, 4], &[10, 9]], Boundary::Neumann);
    let mut network =
        NetworkConfig::Nested(config()).build(&levels, 1, 3, &Device::flex()).unwrap();
    let mut parameters = network.parameters().unwrap();
    // the coarse stage has learned something, the fine one nothing yet
    for array in parameters.arrays.iter_mut().filter(|a| a.name.starts_with("stages.0.")) {
        array.values.iter_mut().enumerate().for_each(|(i, v)| *v += 0.1 * ((i % 7) as f32 - 3.0));
    }
    network.set_parameters(&parameters).unwrap();
    let values = ModeNoise::new(4).normals(&levels[1], 0, stream::START, 0);
    let x = karhunen_field::Transform::new(levels[1]).synthesise_channels(&values);
    let fine = Ensemble::new(levels[1], 1, x).unwrap();
    let coarse = resample::spectral(&fine, levels[0]).unwrap();
    let answer = |x: &Ensemble| {
        let y = network
            .forward(&Inputs::plain(&x.grid, &channels_last(&x.values, 1), &[0.5], &[0.2]))
            .unwrap();
        let y: Vec<f32> = y.try_into_vec_as().unwrap();
        Ensemble::new(x.grid, 1, y.into_iter().map(f64::from).collect()).unwrap()
    };
    let (above, below) = (answer(&fine), answer(&coarse));
    assert!(below.values.iter().any(|v| v.abs() > 0.1), "the coarse stage answers");
    let expected = resample::spectral(&below, levels[1]).unwrap();
    let error = above.values.iter().zip(&expected.values).map(|(a, b)| (a - b).abs());
    // restriction, prolongation and network in f32; the largest observed error is 1e-5
    assert!(error.fold(0.0, f64::max) < 1e-4);
}

#[test]
fn counts_and_levels() {
    let grids = levels(&[&[4, 6], &[8, 12]], Boundary::Neumann);
    let nested = NetworkConfig::Nested(config());
    let network = nested.build(&grids, 2, 0, &Device::flex()).unwrap();
    let found = network.parameters().unwrap().count() as f64;
    let stated = nested.parameter_count(2, 2, 2).unwrap();
    assert!((stated / found - 1.0).abs() < 0.01, "{stated} {found}");
    let on = |points: &[usize]| network.grid_for(&grids[1].with_points(points).unwrap()).points();
    assert_eq!(on(&[4, 6]), [4, 6]);
    assert_eq!(on(&[3, 6]), [4, 6]);
    assert_eq!(on(&[5, 6]), [8, 12]);
    assert_eq!(on(&[30, 6]), [8, 12]);
}

#[test]
fn impossible_shapes_and_ladders_are_refused() {
    let build =
        |config: NestedConfig, levels: &[Grid]| Nested::new(&config, levels, 1, 0, &Device::flex());
    let grids = levels(&[&[4, 6], &[8, 12]], Boundary::Neumann);
    let key = |config: NestedConfig| match build(config, &grids) {
        Err(NetError::Config { key, .. }) => key,
        other => panic!("{other:?}"),
    };
    assert_eq!(key(NestedConfig { width: vec![], ..config() }), "width");
    assert_eq!(key(NestedConfig { blocks: vec![0], ..config() }), "blocks");
    assert_eq!(key(NestedConfig { kernel: Some(4), ..config() }), "kernel");
    assert_eq!(key(NestedConfig { expansion: 0, ..config() }), "expansion");
    let refused = |sizes: &[&[usize]]| {
        let levels = levels(sizes, Boundary::Neumann);
        matches!(build(config(), &levels), Err(NetError::Levels { .. }))
    };
    assert!(refused(&[&[3, 8], &[8, 8]]) && refused(&[&[8, 8], &[8, 8]]));
    assert!(refused(&[&[16, 8], &[8, 16]]));
    let network = build(config(), &grids).unwrap();
    let other = grids[1].with_points(&[6, 6]).unwrap();
    assert!(matches!(
        network.forward(&other, &[0.0; 36], &[0.1], &Given::default()),
        Err(NetError::Input { .. })
    ));
    assert!(network.forward(&grids[0], &[0.0; 24], &[0.1], &Given::classes(&[Some(1)])).is_err());
}
