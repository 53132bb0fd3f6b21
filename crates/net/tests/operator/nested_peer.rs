//! The nested network against the same network in PyTorch, which `benchmarks/nested.py` times:
//! answers and gradients for weights by a formula (`golden/nested.py`).

use burn::tensor::{Tensor, TensorData};
use karhunen_field::{Boundary, Grid};
use karhunen_net::model::Inputs;
use karhunen_net::{Device, NestedConfig, NetworkConfig};

/// Tolerance for answers, of magnitude one; the largest observed error is 8e-7.
const ANSWERS: f64 = 1e-5;
/// Tolerance for sums of gradients, relative to their largest; the largest observed error is 7e-7.
const GRADIENTS: f64 = 1e-4;

#[test]
fn answers_and_gradients_are_those_of_pytorch() {
    let mut lines = include_str!("../../../../golden/nested.txt").lines();
    case(&mut lines, &[&[4, 4], &[8, 8], &[16, 16]], vec![12, 10, 8], vec![6, 4, 2]);
    case(&mut lines, &[&[4, 4, 4], &[8, 8, 8]], vec![8, 12], vec![3, 2]);
    assert!(lines.next().is_none(), "every line belongs to a case");
}

fn formula(which: usize, at: usize) -> f32 {
    ((at * 7919 + which * 104_729) % 1000) as f32 / 500.0 - 1.0
}

fn case<'a>(
    lines: &mut impl Iterator<Item = &'a str>,
    sizes: &[&[usize]],
    width: Vec<usize>,
    blocks: Vec<usize>,
) {
    let levels = sizes.iter().map(|cells| Grid::unit(cells, Boundary::Neumann).unwrap());
    let levels: Vec<Grid> = levels.collect();
    let config = NestedConfig { width, blocks, ..NestedConfig::default() };
    let device = Device::flex().autodiff();
    let mut network = NetworkConfig::Nested(config).build(&levels, 1, 1, &device).unwrap();
    let mut weights = network.parameters().unwrap();
    for (which, array) in weights.arrays.iter_mut().enumerate() {
        let fan_in = array.shape[array.shape.len().saturating_sub(2)] as f32;
        let scale = (1.0 / fan_in).sqrt();
        let values = array.values.iter_mut().enumerate();
        values.for_each(|(at, value)| *value = scale * formula(which, at));
    }
    network.set_parameters(&weights).unwrap();
    assert_eq!(lines.next().unwrap(), weights.count().to_string(), "number of weights");

    let grid = levels.last().unwrap();
    let values = |which| (0..3 * grid.len()).map(|at| formula(which, at)).collect::<Vec<f32>>();
    let (times, half_log_snr) = ([0.1, 0.5, 0.9], [-3.0, 0.2, 4.0]);
    let y = network.forward(&Inputs::plain(grid, &values(3), &times, &half_log_snr)).unwrap();
    let found: Vec<f32> = y.clone().without_autodiff().try_into_vec_as().unwrap();
    let expected = lines.next().unwrap().split(' ').map(|v| v.parse::<f64>().unwrap());
    let expected: Vec<f64> = expected.collect();
    let found: Vec<f64> = found.into_iter().map(f64::from).collect();
    let error = super::relative_error(&found, &expected);
    println!("{grid}: answers {error:.1e}");
    assert!(error < ANSWERS, "{grid}: answers {error:e}");

    let r = Tensor::<3>::from_data(TensorData::new(values(4), y.dims()), &device);
    let gradients = network.taken_gradients((y * r).mean().backward()).unwrap();
    let (mut found, mut expected) = (Vec::new(), Vec::new());
    for array in &gradients.arrays {
        let (name, sum) = lines.next().unwrap().split_once(' ').unwrap();
        assert_eq!(name, array.name);
        expected.push(sum.parse::<f64>().unwrap());
        let terms = array.values.iter().enumerate();
        found.push(terms.map(|(at, g)| f64::from(*g) * f64::from(formula(5, at))).sum::<f64>());
    }
    let error = super::relative_error(&found, &expected);
    println!("{grid}: gradients {error:.1e}");
    assert!(error < GRADIENTS, "{grid}: gradients {error:e}");
}
