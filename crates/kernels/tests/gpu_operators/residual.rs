//! The operators of the nested network: its residual block, and its transfers between grids.

use std::sync::Arc;

use burn::tensor::{Device, Tensor, TensorData};
use karhunen_kernels::{AxisMaps, MlpParameters, ResidualParameters, map_axes, residual_mlp};

use crate::common::{Named, Numbers, Worst, card, results, values};

/// Fields of a batch, points, channels, hidden values.
type Block = [usize; 4];

/// One and several samples, channels below, at and above tiles of 16, 32 and 64, points above the
/// chunks of 512 points of a sample and of 1024 points in all.
///
/// One channel alone is left out: its norm is ±1, so the gradient of u is nothing but rounding.
const BLOCKS: [Block; 8] = [
    [1, 1, 2, 1],
    [2, 7, 3, 16],
    [3, 50, 33, 40],
    [1, 130, 8, 17],
    [2, 33, 70, 65],
    [5, 9, 32, 64],
    [3, 1000, 16, 32],
    [1, 600, 5, 9],
];

/// Rows and columns of the matrix of each axis, and channels.
type Transfer = (&'static [(usize, usize)], usize);

const TRANSFERS: [Transfer; 8] = [
    (&[(1, 1)], 1),
    (&[(5, 3)], 2),
    (&[(3, 70)], 33),
    (&[(257, 129)], 3),
    (&[(9, 5), (13, 7)], 5),
    (&[(14, 28), (14, 28)], 16),
    (&[(33, 17), (6, 65)], 7),
    (&[(2, 3), (4, 5), (6, 1)], 3),
];

fn block([batch, points, channels, hidden]: Block, device: &Device) -> Vec<Named> {
    let mut numbers = Numbers(23);
    let x = numbers.draw([batch, points, channels], device);
    let u = numbers.draw([batch, points, channels], device);
    let film = numbers.draw([batch, 1, 2 * channels], device);
    let (w1, b1) = (numbers.draw([channels, hidden], device), numbers.draw([hidden], device));
    let (w2, b2) = (numbers.draw([hidden, channels], device), numbers.draw([channels], device));
    let mlp = MlpParameters {
        hidden: w1.clone(),
        hidden_bias: b1.clone(),
        output: w2.clone(),
        output_bias: b2.clone(),
    };
    let parameters = ResidualParameters { mlp, film: film.clone() };
    let y = residual_mlp(x.clone(), u.clone(), parameters).unwrap();
    results!(numbers, y, [x, u, film, w1, b1, w2, b2])
}

fn transfer((sizes, channels): Transfer, maps: &Arc<AxisMaps>, device: &Device) -> Vec<Named> {
    let points = sizes.iter().map(|(_, from)| from).product();
    let mut numbers = Numbers(29);
    let x = numbers.draw([2, points, channels], device);
    let y = map_axes(x.clone(), maps).unwrap();
    results!(numbers, y, [x])
}

fn maps(sizes: &[(usize, usize)]) -> Arc<AxisMaps> {
    let mut numbers = Numbers(31);
    let matrix = |(to, from): &(usize, usize)| {
        let drawn = values(numbers.draw([*to, *from], &Device::flex()));
        (*to, *from, drawn.into_iter().map(f64::from).collect())
    };
    Arc::new(AxisMaps::new(&sizes.iter().map(matrix).collect::<Vec<_>>()).unwrap())
}

#[test]
fn a_residual_block_is_the_cpus() {
    let Some(card) = card() else { return };
    let mut worst = Worst::default();
    for case in BLOCKS {
        let found = block(case, &card.clone().autodiff());
        worst.compare(&format!("{case:?}"), &found, &block(case, &Device::flex().autodiff()));
    }
    worst.tell("residual blocks");
}

#[test]
fn a_transfer_is_the_cpus() {
    let Some(card) = card() else { return };
    let mut worst = Worst::default();
    for case in TRANSFERS {
        let maps = maps(case.0);
        let found = transfer(case, &maps, &card.clone().autodiff());
        let expected = transfer(case, &maps, &Device::flex().autodiff());
        worst.compare(&format!("{case:?}"), &found, &expected);
    }
    worst.tell("transfers");
}

#[test]
fn two_runs_are_the_same_bits() {
    let Some(card) = card() else { return };
    let device = card.autodiff();
    for case in BLOCKS {
        assert_eq!(block(case, &device), block(case, &device), "{case:?}");
    }
    for case in TRANSFERS {
        let maps = maps(case.0);
        let run = || transfer(case, &maps, &device);
        assert_eq!(run(), run(), "{case:?}");
    }
}

/// Scale and shift are a part of a longer row, as in the network, and the gradient of the sum is
/// one number repeated everywhere.
#[test]
fn views_count_by_their_values() {
    let Some(card) = card() else { return };
    let run = |device: &Device| {
        let mut numbers = Numbers(37);
        let x = numbers.draw([2, 5, 9], device);
        let films = numbers.draw([2, 1, 30], device);
        let mlp = MlpParameters {
            hidden: numbers.draw([6, 5], device).transpose(),
            hidden_bias: numbers.draw([6], device),
            output: numbers.draw([6, 5], device),
            output_bias: numbers.draw([5], device),
        };
        let view = x.clone().swap_dims(1, 2);
        let film = films.clone().narrow(2, 10, 10);
        let y = residual_mlp(view.clone(), view, ResidualParameters { mlp, film }).unwrap();
        let y = map_axes(y.swap_dims(1, 2), &maps(&[(4, 5)])).unwrap();
        let gradients = y.clone().sum().backward();
        let gradient = |g: Option<Tensor<3>>| values(g.unwrap());
        let (x, films) = (gradient(x.grad(&gradients)), gradient(films.grad(&gradients)));
        vec![("y", values(y)), ("x", x), ("films", films)]
    };
    let mut worst = Worst::default();
    worst.compare("views", &run(&card.autodiff()), &run(&Device::flex().autodiff()));
    worst.tell("views");
}

/// A value of u that is not a number spoils its point, and the gradients of its sample's scale, but
/// no other point and no other sample.
#[test]
fn what_is_not_a_number_stays_so() {
    let Some(card) = card() else { return };
    let device = card.clone().autodiff();
    let mut numbers = Numbers(41);
    let [x, mut u] = [0, 1].map(|_| values(numbers.draw([2, 3, 2], &Device::flex())));
    u[3] = f32::NAN;
    let of = |values| Tensor::<3>::from_data(TensorData::new(values, [2, 3, 2]), &device);
    let (x, u) = (of(x), of(u).require_grad());
    let film = numbers.draw([2, 1, 4], &device);
    let mlp = MlpParameters {
        hidden: numbers.draw([2, 5], &device),
        hidden_bias: numbers.draw([5], &device),
        output: numbers.draw([5, 2], &device),
        output_bias: numbers.draw([2], &device),
    };
    let parameters = ResidualParameters { mlp, film: film.clone() };
    let y = residual_mlp(x, u.clone(), parameters).unwrap();
    let gradients = y.clone().sum().backward();
    let spoilt = |values: Vec<f32>| -> Vec<usize> {
        values.iter().enumerate().filter(|(_, v)| v.is_nan()).map(|(i, _)| i).collect()
    };
    assert_eq!(spoilt(values(y)), [2, 3]);
    assert_eq!(spoilt(values(u.grad(&gradients).unwrap())), [2, 3]);
    let of_film = spoilt(values(film.grad(&gradients).unwrap()));
    assert!(of_film.starts_with(&[0, 1]) && of_film.iter().all(|i| *i < 4), "{of_film:?}");

    let mut x = vec![0.0; 8];
    x[4] = f32::NAN;
    let x = Tensor::<3>::from_data(TensorData::new(x, [2, 4, 1]), &card);
    let y = values(map_axes(x, &maps(&[(3, 4)])).unwrap());
    assert_eq!(spoilt(y), [3, 4, 5]);
}
