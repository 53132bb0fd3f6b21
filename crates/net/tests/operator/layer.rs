//! One linear layer, spectral convolution + point-wise map, on the same function at many sizes.

use burn::nn::LinearConfig;
use burn::tensor::{Tensor, TensorData};
use karhunen_field::{Boundary, Ensemble, Grid, ModeNoise, Transform, noise::stream, resample};
use karhunen_net::fno::FnoLayer;
use karhunen_net::model::channels_last;
use karhunen_net::spectral::{SpectralBasis, SpectralConv};
use karhunen_net::{Device, Parameters};

use crate::cases::randomise;
use crate::relative_error;

const WIDTH: usize = 6;
/// f32 sums over up to 10⁴ points; the largest observed error is 2.5e-7.
const ROUNDING: f64 = 2e-6;

fn layer(modes: &[usize], device: &Device) -> FnoLayer {
    let layer = FnoLayer {
        local: None,
        spectral: SpectralConv::zeros(modes, WIDTH, device),
        skip: LinearConfig::new(WIDTH, WIDTH).init(device),
    };
    let mut parameters = Parameters::of(&layer).unwrap();
    randomise(&mut parameters);
    parameters.assign(layer, device).unwrap()
}

/// The layer's output for one `WIDTH`-channel field.
fn apply(layer: &FnoLayer, modes: &[usize], padding: f64, x: &Ensemble) -> Ensemble {
    let (device, n) = (Device::flex(), x.grid.len());
    let basis = SpectralBasis::new(&x.grid, modes, &vec![padding; x.grid.dim()], &device);
    let values = channels_last(&x.values, WIDTH);
    let h = Tensor::<3>::from_data(TensorData::new(values, [1, n, WIDTH]), &device);
    let y = layer.spectral.forward(h.clone(), &basis) + layer.skip.forward(h);
    let y: Vec<f64> = y.try_into_vec_as().unwrap();
    let by_channel = (0..WIDTH).flat_map(|c| y[c..].iter().step_by(WIDTH)).copied().collect();
    Ensemble::new(x.grid, WIDTH, by_channel).unwrap()
}

/// A function in the modes of the grid, with independent normals as coefficients.
fn function(grid: Grid) -> Ensemble {
    let modes: Vec<f64> =
        (0..WIDTH).flat_map(|c| ModeNoise::new(5).normals(&grid, 0, stream::METRICS, c)).collect();
    Ensemble::new(grid, WIDTH, Transform::new(grid).synthesise_channels(&modes)).unwrap()
}

/// Modes on coarser grids stay below half their length, so nothing aliases and nothing is skipped.
#[test]
fn periodic_layers_are_one_operator_at_every_size() {
    type Cells = &'static [usize];
    let sizes: [(Cells, Vec<Cells>, Cells); 3] = [
        (&[7], vec![&[7], &[8], &[14], &[16], &[17], &[33], &[101]], &[4]),
        (&[7, 5], vec![&[7, 5], &[8, 7], &[16, 16], &[13, 31], &[32, 64]], &[3, 2]),
        (&[5, 3, 5], vec![&[5, 3, 5], &[8, 5, 7], &[10, 6, 10], &[16, 16, 16]], &[2, 1, 3]),
    ];
    let device = Device::flex();
    for (coarse, finer, modes) in sizes {
        let layer = layer(modes, &device);
        let x = function(Grid::unit(coarse, Boundary::Periodic).unwrap());
        let finest = x.grid.with_points(finer[finer.len() - 1]).unwrap();
        let on = |points: &[usize]| {
            let x = resample::spectral(&x, x.grid.with_points(points).unwrap()).unwrap();
            resample::spectral(&apply(&layer, modes, 0.0, &x), finest).unwrap().values
        };
        let expected = on(&finest.points());
        for points in finer {
            let error = relative_error(&on(points), &expected);
            println!("{points:?}: {error:.1e}");
            assert!(error < ROUNDING, "{points:?}: {error:e}");
        }
    }
}

/// With padding the exponentials of the window are not orthogonal on the box. Means over N cells
/// are then midpoint sums of a smooth integrand: order 2, measured between sizes that share points.
#[test]
fn padded_layers_converge_with_the_second_power_of_the_cell() {
    let (device, modes) = (Device::flex(), [3]);
    let layer = layer(&modes, &device);
    let x = function(Grid::unit(&[5], Boundary::Neumann).unwrap());
    let on = |n: usize| {
        let x = resample::spectral(&x, x.grid.with_points(&[n]).unwrap()).unwrap();
        apply(&layer, &modes, 0.25, &x).values
    };
    let finest = 9 * 81;
    let expected = on(finest);
    let errors: Vec<f64> = [9, 27, 81]
        .map(|n| {
            // centres of n cells are also centres of every odd multiple of them
            let ratio = finest / n;
            let shared: Vec<f64> = expected[ratio / 2..].iter().step_by(ratio).copied().collect();
            relative_error(&on(n), &shared)
        })
        .to_vec();
    println!("{errors:?}");
    for pair in errors.windows(2) {
        let order = (pair[0] / pair[1]).ln() / 3f64.ln();
        assert!((1.8..2.2).contains(&order), "order {order} from {errors:?}");
    }
}
