//! Attributes and other fields: no effect where they are not given, and an effect on every stage
//! where they are.

use burn::tensor::{Tensor, TensorData};
use karhunen_field::{Boundary, Denoiser, Ensemble, Grid, ModeNoise, noise::stream, resample};
use karhunen_net::model::Inputs;
use karhunen_net::{
    Asked, Conditioned, Device, FnoConfig, Given, Model, NestedConfig, Network, NetworkConfig,
    Operators, OtherFields,
};

use crate::preconditioner::wiener_on;

/// Tolerance for values computed in two ways in f32.
const VALUES: f32 = 2e-5;

fn levels() -> Vec<Grid> {
    let finest = Grid::unit(&[8, 6], Boundary::Neumann).unwrap();
    vec![finest.with_points(&[4, 4]).unwrap(), finest]
}

/// A nested network and an FNO with all parameters random and two attributes, plus one channel of
/// other fields.
fn networks(device: &Device) -> Vec<(Network, Network)> {
    let nested = NestedConfig { width: vec![10, 8], blocks: vec![2], ..NestedConfig::default() };
    let fno = FnoConfig { width: 8, modes: vec![3], layers: 2, ..FnoConfig::default() };
    let of = |config: NetworkConfig| {
        let mut plain = config.build(&levels(), 2, 3, device).unwrap();
        draw(&mut plain);
        let mut told = plain.clone();
        told.add_attributes(2, 5).unwrap();
        told.add_condition(1, 5).unwrap();
        (plain, told)
    };
    vec![of(NetworkConfig::Nested(nested)), of(NetworkConfig::Fno(fno))]
}

fn draw(network: &mut Network) {
    let mut parameters = network.parameters().unwrap();
    let noise = ModeNoise::new(5);
    for (i, array) in parameters.arrays.iter_mut().enumerate() {
        if array.values.iter().all(|v| *v == 0.0) {
            let drawn = noise.uniforms(array.values.len(), i as u64, stream::WEIGHTS);
            array.values.iter_mut().zip(drawn).for_each(|(v, u)| *v = 0.4 * (u as f32 - 0.5));
        }
    }
    network.set_parameters(&parameters).unwrap();
}

fn numbers(count: usize, seed: u64) -> Vec<f32> {
    let uniforms = ModeNoise::new(seed).uniforms(count, 0, stream::START);
    uniforms.into_iter().map(|u| 2.0 * (u as f32 - 0.5)).collect()
}

/// All conditions for two fields on a grid.
fn given(grid: &Grid) -> Given {
    let field = |seed| Given::told(&numbers(grid.len(), seed), grid.len());
    Given {
        attributes: vec![0.3, -1.2, f32::NAN, 0.8],
        fields: [field(8), field(9)].concat(),
        ..Given::default()
    }
}

fn values(network: &Network, grid: &Grid, given: &Given) -> Vec<f32> {
    let x = numbers(4 * grid.len(), 1);
    let y = network
        .forward(&Inputs {
            given: given.clone(),
            ..Inputs::plain(grid, &x, &[0.3, 0.8], &[1.1, -0.7])
        })
        .unwrap();
    y.without_autodiff().try_into_vec_as().unwrap()
}

#[test]
fn nothing_told_is_what_the_network_was() {
    for (plain, told) in networks(&Device::flex()) {
        let grid = &levels()[1];
        assert_eq!((told.attribute_count(), told.condition_channels()), (2, 1));
        assert_eq!((plain.attribute_count(), plain.condition_channels()), (0, 0));
        let before = plain.parameters().unwrap();
        let after = told.parameters().unwrap();
        let kept = |name: &str| !(name.contains("attributes") || name.contains("condition"));
        assert!(after.arrays.iter().filter(|a| kept(&a.name)).eq(&before.arrays));
        let nothing = values(&plain, grid, &Given::default());
        assert!(values(&told, grid, &Given::default()) == nothing);
        let mut forgotten = given(grid);
        forgotten.forget(0, 2);
        let half = values(&told, grid, &forgotten);
        let (len, all) = (half.len() / 2, values(&told, grid, &given(grid)));
        // a field without conditions, in a batch with a field that has all
        assert!(half[..len] == nothing[..len] && half[len..] == all[len..]);
        assert!(all[..len] != nothing[..len] && all[len..] != nothing[len..]);
        // each condition has an effect by itself
        let fields = Given { attributes: vec![], ..given(grid) };
        let attributes = Given { fields: vec![], ..given(grid) };
        let (fields, attributes) = (values(&told, grid, &fields), values(&told, grid, &attributes));
        assert!(fields != nothing && attributes != nothing && fields != attributes);
    }
}

#[test]
fn fused_and_composed_agree_on_what_is_told() {
    for (_, fused) in networks(&Device::flex()) {
        let mut composed = fused.clone();
        composed.set_operators(Operators::Composed).unwrap();
        for grid in &levels() {
            let (a, b) =
                (values(&fused, grid, &given(grid)), values(&composed, grid, &given(grid)));
            let worst = a.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(worst < VALUES, "{grid}: {worst}");
        }
    }
}

/// The derivative along a direction in the new parameters agrees with finite differences.
#[test]
fn what_is_told_has_the_gradient_of_differences() {
    for (_, mut network) in networks(&Device::flex().autodiff()) {
        let grid = levels()[1];
        let loss = |network: &Network| {
            let x = numbers(4 * grid.len(), 1);
            let y = network
                .forward(&Inputs {
                    given: given(&grid),
                    ..Inputs::plain(&grid, &x, &[0.3, 0.8], &[1.1, -0.7])
                })
                .unwrap();
            let r = TensorData::new(numbers(x.len(), 2), y.dims());
            (y * Tensor::<3>::from_data(r, network.device())).mean()
        };
        let gradients = network.taken_gradients(loss(&network).backward()).unwrap();
        let start = network.parameters().unwrap();
        let new = |name: &str| name.contains("attributes") || name.contains("condition");
        let mut expected = [0.0; 2];
        let mut found = 0.0;
        for (sign, slot) in [(1.0f32, 0), (-1.0, 1)] {
            let mut moved = start.clone();
            for (i, array) in moved.arrays.iter_mut().enumerate().filter(|(_, a)| new(&a.name)) {
                let direction = numbers(array.values.len(), 40 + i as u64);
                let pairs = array.values.iter_mut().zip(&direction);
                pairs.for_each(|(v, d)| *v += sign * 1e-2 * d);
                if slot == 0 {
                    let own = gradients.arrays[i].values.iter().zip(&direction);
                    found += own.map(|(g, d)| f64::from(g * d)).sum::<f64>();
                }
            }
            network.set_parameters(&moved).unwrap();
            let value = loss(&network).without_autodiff().try_into_scalar::<f32>().unwrap();
            expected[slot] = f64::from(value);
        }
        let expected = (expected[0] - expected[1]) / 2e-2;
        assert!((found - expected).abs() < 2e-2 * expected.abs().max(0.02), "{found} {expected}");
    }
}

#[test]
fn other_numbers_of_what_is_told_are_refused() {
    for (plain, told) in networks(&Device::flex()) {
        let grid = levels()[1];
        let x = numbers(4 * grid.len(), 1);
        let said = |network: &Network, given: &Given| {
            let y = network.forward(&Inputs {
                given: given.clone(),
                ..Inputs::plain(&grid, &x, &[0.3, 0.8], &[1.1, -0.7])
            });
            y.unwrap_err().to_string()
        };
        let short = Given { attributes: vec![0.1], ..Given::default() };
        assert!(said(&told, &short).contains("2 attribute(s)"));
        assert!(said(&plain, &short).contains("0 attribute(s)"));
        let short = Given { fields: vec![0.0; grid.len()], ..Given::default() };
        assert!(said(&told, &short).contains("1 condition channel(s)"));
        assert!(said(&plain, &short).contains("0 condition channel(s)"));
    }
}

/// With given fields a model is one function on every grid that holds its band.
#[test]
fn given_fields_may_come_on_any_grid() {
    let levels = levels();
    for (_, network) in networks(&Device::flex()) {
        let model =
            Model { network, preconditioner: wiener_on(levels[1], 2), band: Default::default() };
        let fine = levels[1].with_points(&[16, 12]).unwrap();
        let wide: Vec<f64> = numbers(fine.len(), 3).iter().map(|v| f64::from(*v)).collect();
        let y = resample::spectral(&Ensemble::new(fine, 1, wide).unwrap(), levels[1]).unwrap();
        let x: Vec<f64> = numbers(2 * levels[1].len(), 4).iter().map(|v| f64::from(*v)).collect();
        let x = Ensemble::new(levels[1], 2, x).unwrap();
        let of = |y: &Ensemble, x: &Ensemble| {
            let fields = Some(OtherFields::new(y.clone()));
            let asked = Asked { fields, ..Asked::default() };
            Conditioned { model: &model, asked, sharpness: 1.0 }.denoise(x, 0.4).unwrap()
        };
        let own = of(&y, &x);
        let finer = of(&resample::spectral(&y, fine).unwrap(), &x);
        let worst = own.values.iter().zip(&finer.values).map(|(a, b)| (a - b).abs());
        assert!(worst.fold(0.0, f64::max) < 1e-6);
        let two = Ensemble::new(levels[1], 1, y.values.repeat(2)).unwrap();
        let asked = Asked { fields: Some(OtherFields::new(two)), ..Asked::default() };
        assert!(Conditioned { model: &model, asked, sharpness: 1.0 }.denoise(&x, 0.4).is_err());
    }
}
