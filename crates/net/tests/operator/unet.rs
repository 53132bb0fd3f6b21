//! The U-Net against its definition in f64, sum by sum: values, gradients, odd sizes.

use std::collections::HashMap;

use burn::tensor::{Tensor, TensorData};
use karhunen_field::{Boundary, Grid};
use karhunen_net::model::Inputs;
use karhunen_net::{
    Device, Named, NetError, Network, NetworkConfig, Operators, Parameters, UNetConfig,
};

use crate::cases::{normals, randomise};
use crate::relative_error;

/// f32 through some thirty convolutions and normalisations; the largest observed error is 2e-6.
const FORWARD: f64 = 2e-5;
/// Error of a directional derivative relative to the norm of the gradient; the largest observed is
/// 4e-6.
const GRADIENT: f64 = 5e-5;
const TIMES: [f64; 2] = [0.1, 0.8];
const HALF_LOG_SNR: [f64; 2] = [1.3, -3.1];

/// Channels of one field on a grid of cells.
#[derive(Clone)]
struct Image {
    height: usize,
    width: usize,
    /// `[channel, row, column]`.
    values: Vec<f64>,
}

impl Image {
    fn channels(&self) -> usize {
        self.values.len() / (self.height * self.width)
    }

    fn map(mut self, f: impl Fn(f64) -> f64) -> Self {
        self.values.iter_mut().for_each(|v| *v = f(*v));
        self
    }
}

fn silu(v: f64) -> f64 {
    v / (1.0 + (-v).exp())
}

struct Reference<'a> {
    config: &'a UNetConfig,
    arrays: HashMap<String, Vec<f64>>,
    film: Vec<f64>,
    at: usize,
}

impl Reference<'_> {
    fn array(&self, name: &str) -> &[f64] {
        &self.arrays[name]
    }

    fn conv(&self, name: &str, x: &Image, stride: usize) -> Image {
        let (weight, bias) =
            (self.array(&format!("{name}.weight")), self.array(&format!("{name}.bias")));
        let (inputs, outputs) = (x.channels(), bias.len());
        let side = ((weight.len() / (inputs * outputs)) as f64).sqrt() as usize;
        let (height, width) = (x.height.div_ceil(stride), x.width.div_ceil(stride));
        let mut values = Vec::new();
        for o in 0..outputs {
            for at in 0..height * width {
                let (row, column) = (at / width * stride, at % width * stride);
                let mut sum = bias[o];
                for i in 0..inputs {
                    for k in 0..side * side {
                        let (r, c) = (row + k / side, column + k % side);
                        let (Some(r), Some(c)) = (r.checked_sub(side / 2), c.checked_sub(side / 2))
                        else {
                            continue;
                        };
                        if r < x.height && c < x.width {
                            sum += weight[(o * inputs + i) * side * side + k]
                                * x.values[(i * x.height + r) * x.width + c];
                        }
                    }
                }
                values.push(sum);
            }
        }
        Image { height, width, values }
    }

    fn norm(&self, name: &str, mut x: Image) -> Image {
        let (gamma, beta) =
            (self.array(&format!("{name}.gamma")), self.array(&format!("{name}.beta")));
        let channels = x.channels();
        let groups = (1..=self.config.groups.min(channels))
            .rev()
            .find(|g| channels.is_multiple_of(*g))
            .unwrap();
        let (part, cells) = (x.values.len() / groups, x.height * x.width);
        for group in x.values.chunks_exact_mut(part) {
            let mean = group.iter().sum::<f64>() / part as f64;
            let variance = group.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / part as f64;
            group.iter_mut().for_each(|v| *v = (*v - mean) / (variance + 1e-5).sqrt());
        }
        for (at, v) in x.values.iter_mut().enumerate() {
            *v = *v * gamma[at / cells] + beta[at / cells];
        }
        x
    }

    fn block(&mut self, name: &str, x: &Image) -> Image {
        let h = self.norm(&format!("{name}.first_norm"), x.clone()).map(silu);
        let h = self.conv(&format!("{name}.first"), &h, 1);
        let mut h = self.norm(&format!("{name}.second_norm"), h);
        let (channels, cells) = (h.channels(), h.height * h.width);
        for (at, v) in h.values.iter_mut().enumerate() {
            let (scale, shift) = (self.at + at / cells, self.at + channels + at / cells);
            *v = *v * (1.0 + self.film[scale]) + self.film[shift];
        }
        self.at += 2 * channels;
        let mut h = self.conv(&format!("{name}.second"), &h.map(silu), 1);
        let beside = format!("{name}.beside");
        let beside = match self.arrays.contains_key(&format!("{beside}.weight")) {
            true => self.conv(&beside, x, 1),
            false => x.clone(),
        };
        h.values.iter_mut().zip(beside.values).for_each(|(h, x)| *h += x);
        h
    }

    fn forward(&mut self, x: &Image, half_log_snr: f64) -> Image {
        let waves = (0..16).map(|i| 0.16 * 1.4f64.powi(i) * half_log_snr);
        let features: Vec<f64> = waves.flat_map(|w| [w.sin(), w.cos()]).collect();
        let linear = |name: &str, x: &[f64]| -> Vec<f64> {
            let bias = self.array(&format!("{name}.bias"));
            let weight = self.array(&format!("{name}.weight"));
            let of = |o: usize| -> f64 {
                x.iter().enumerate().map(|(i, x)| x * weight[i * bias.len() + o]).sum()
            };
            bias.iter().enumerate().map(|(o, b)| b + of(o)).collect()
        };
        let hidden: Vec<f64> = linear("time.hidden", &features).into_iter().map(silu).collect();
        (self.film, self.at) = (linear("time.film", &hidden), 0);

        let stages = self.config.multipliers.len();
        let mut h = self.conv("input", x, 1);
        let mut kept = vec![h.clone()];
        for stage in 0..stages {
            for block in 0..self.config.blocks {
                h = self.block(&format!("down.{stage}.blocks.{block}"), &h);
                kept.push(h.clone());
            }
            if stage + 1 < stages {
                h = self.conv(&format!("down.{stage}.resample"), &h, 2);
                kept.push(h.clone());
            }
        }
        for block in 0..2 {
            h = self.block(&format!("middle.{block}"), &h);
        }
        for stage in 0..stages {
            for block in 0..=self.config.blocks {
                h.values.extend(kept.pop().unwrap().values);
                h = self.block(&format!("up.{stage}.blocks.{block}"), &h);
            }
            if stage + 1 < stages {
                let next = kept.last().unwrap();
                let cells = next.height * next.width;
                let values = (0..h.channels() * cells).map(|at| {
                    let (c, row, column) = (at / cells, at % cells / next.width, at % next.width);
                    let row = row * h.height / next.height;
                    h.values[(c * h.height + row) * h.width + column * h.width / next.width]
                });
                let doubled =
                    Image { values: values.collect(), height: next.height, width: next.width };
                h = self.conv(&format!("up.{stage}.resample"), &doubled, 1);
            }
        }
        let h = self.norm("norm", h).map(silu);
        self.conv("output", &h, 1)
    }
}

fn config(channels: usize, multipliers: &[usize], blocks: usize, groups: usize) -> UNetConfig {
    UNetConfig { channels, multipliers: multipliers.to_vec(), blocks, groups }
}

fn network(config: &UNetConfig, grid: &Grid, channels: usize, device: &Device) -> Network {
    let mut network =
        NetworkConfig::Unet(config.clone()).build(&[*grid], channels, 3, device).unwrap();
    let mut parameters = network.parameters().unwrap();
    randomise(&mut parameters);
    // shapes of convolutions end with the kernel, so sums are scaled back to order 1
    for array in parameters.arrays.iter_mut().filter(|a| a.shape.len() == 4) {
        let scale = (array.shape[2] as f64 / (array.values.len() / array.shape[0]) as f64).sqrt();
        array.values.iter_mut().for_each(|v| *v *= scale as f32);
    }
    network.set_parameters(&parameters).unwrap();
    network
}

/// F of both fields, `[field, point, channel]`.
fn expected(
    config: &UNetConfig,
    grid: &Grid,
    channels: usize,
    parameters: &HashMap<String, Vec<f64>>,
    x: &[f64],
) -> Vec<f64> {
    let arrays = parameters.clone();
    let mut reference = Reference { config, arrays, film: vec![], at: 0 };
    let (sides, points) = (grid.points(), grid.len());
    let fields = x.chunks_exact(points * channels).zip(HALF_LOG_SNR);
    fields
        .flat_map(|(x, l)| {
            let values = (0..channels).flat_map(|c| x[c..].iter().step_by(channels)).copied();
            let image = Image { height: sides[0], width: sides[1], values: values.collect() };
            let y = reference.forward(&image, l).values;
            let at = move |j: usize| y[(j % channels) * points + j / channels];
            (0..points * channels).map(at).collect::<Vec<f64>>()
        })
        .collect()
}

fn wide(parameters: &Parameters) -> HashMap<String, Vec<f64>> {
    let values = |v: &[f32]| v.iter().map(|v| f64::from(*v)).collect();
    parameters.arrays.iter().map(|a| (a.name.clone(), values(&a.values))).collect()
}

#[test]
fn values_and_gradients_are_the_definition() {
    let cases: [(&[usize], usize, UNetConfig); 4] = [
        (&[8, 8], 1, config(4, &[1, 2], 1, 2)),
        (&[7, 5], 2, config(4, &[1, 2, 2], 1, 4)),
        (&[1, 3], 1, config(3, &[1, 1], 2, 32)),
        (&[6, 9], 1, config(6, &[2, 1], 1, 3)),
    ];
    let both = [Operators::Fused, Operators::Composed];
    for ((points, channels, config), operators) in
        cases.iter().flat_map(|case| both.map(|operators| (case.clone(), operators)))
    {
        let grid = Grid::unit(points, Boundary::Neumann).unwrap();
        let device = Device::flex().autodiff();
        let mut network = network(&config, &grid, channels, &device);
        assert_eq!(network.operators(), Operators::Fused);
        network.set_operators(operators).unwrap();
        let arrays = wide(&network.parameters().unwrap());
        let x = normals(2 * channels * grid.len(), 100);
        let narrow: Vec<f32> = x.iter().map(|v| *v as f32).collect();
        let output =
            network.forward(&Inputs::plain(&grid, &narrow, &TIMES, &HALF_LOG_SNR)).unwrap();
        let found: Vec<f64> = output.clone().try_into_vec_as().unwrap();
        let error = relative_error(&found, &expected(&config, &grid, channels, &arrays, &x));
        assert!(error < FORWARD, "{operators:?} {config:?} on {grid}: {error:e}");

        let r = normals(x.len(), 102);
        let r32: Vec<f32> = r.iter().map(|v| *v as f32).collect();
        let cotangent = Tensor::<3>::from_data(TensorData::new(r32, output.dims()), &device);
        let gradients = network.taken_gradients((output * cotangent).sum().backward()).unwrap();
        let loss = |arrays: &HashMap<String, Vec<f64>>| -> f64 {
            let y = expected(&config, &grid, channels, arrays, &x);
            y.iter().zip(&r).map(|(f, r)| f * r).sum()
        };
        // one direction through all parameters at once
        const STEP: f64 = 1e-5;
        let moved = |step: f64| {
            let mut moved = arrays.clone();
            for (i, array) in gradients.arrays.iter().enumerate() {
                let direction = normals(array.values.len(), 200 + i as u64);
                let values = moved.get_mut(&array.name).unwrap();
                values.iter_mut().zip(&direction).for_each(|(v, d)| *v += step * d);
            }
            loss(&moved)
        };
        let derivative = (moved(STEP) - moved(-STEP)) / (2.0 * STEP);
        let (mut dot, mut square) = (0.0, 0.0);
        for (i, array) in gradients.arrays.iter().enumerate() {
            let direction = normals(array.values.len(), 200 + i as u64);
            for (g, d) in array.values.iter().zip(direction) {
                dot += f64::from(*g) * d;
                square += f64::from(*g).powi(2);
            }
        }
        let error = (dot - derivative).abs() / square.sqrt();
        assert!(error < GRADIENT, "{operators:?} {config:?} on {grid}: {error:e}");
    }
}

/// Output and gradients of Σ r F for a batch.
fn run(network: &Network, grid: &Grid, batch: usize) -> (Vec<f64>, Parameters) {
    let narrow = |index| -> Vec<f32> {
        let count = batch * network.channels() * grid.len();
        normals(count, index).into_iter().map(|v| v as f32).collect()
    };
    let times: Vec<f64> = (0..batch).map(|i| (i as f64 + 0.5) / batch as f64).collect();
    let output = network.forward(&Inputs::plain(grid, &narrow(500), &times, &times)).unwrap();
    let r = TensorData::new(narrow(501), output.dims());
    let r = Tensor::<3>::from_data(r, network.device());
    let gradients = network.taken_gradients((output.clone() * r).sum().backward()).unwrap();
    (output.try_into_vec_as().unwrap(), gradients)
}

/// Two f32 implementations through as many layers; the largest observed error is 1.2e-6.
const SAME_VALUES: f64 = 1e-5;
/// Relative to the largest entry of a parameter's gradient, or to a hundredth of the largest of
/// all; the largest observed error is 5.2e-5.
const SAME_GRADIENTS: f64 = 2e-4;

#[test]
fn fused_operators_are_their_composition() {
    let cases: [(&[usize], usize, UNetConfig); 4] = [
        (&[28, 28], 1, config(32, &[1, 2, 2], 2, 32)),
        (&[13, 17], 3, config(33, &[1, 2], 1, 11)),
        (&[64, 40], 1, config(8, &[1, 2], 1, 8)),
        (&[2, 3], 1, config(16, &[1, 1, 1], 1, 4)),
    ];
    let (mut value, mut gradient) = (0.0f64, 0.0f64);
    for (points, channels, config) in cases {
        let grid = Grid::unit(points, Boundary::Neumann).unwrap();
        let mut network = network(&config, &grid, channels, &Device::flex().autodiff());
        let (found, gradients) = run(&network, &grid, 3);
        network.set_operators(Operators::Composed).unwrap();
        let (expected, reference) = run(&network, &grid, 3);
        let error = relative_error(&found, &expected);
        value = value.max(error);
        assert!(error < SAME_VALUES, "{config:?} on {grid}: {error:e}");
        let largest = |array: &Named| array.values.iter().fold(0f32, |m, v| m.max(v.abs()));
        let all = reference.arrays.iter().map(largest).fold(0f32, f32::max);
        for (found, expected) in gradients.arrays.iter().zip(&reference.arrays) {
            let pairs = found.values.iter().zip(&expected.values);
            let error = pairs.fold(0f32, |m, (f, e)| m.max((f - e).abs()));
            // a bias that a following normalisation removes has only rounding as gradient
            let error = f64::from(error / largest(expected).max(0.01 * all));
            gradient = gradient.max(error);
            assert!(error < SAME_GRADIENTS, "{config:?} on {grid}, {}: {error:e}", found.name);
        }
    }
    println!("largest differences: values {value:.1e}, gradients {gradient:.1e}");
}

/// Bit for bit: values and gradients on any number of threads, and values in any batch.
#[test]
fn threads_and_batch_mates_change_nothing() {
    for points in [[28, 28], [13, 17]] {
        let grid = Grid::unit(&points, Boundary::Neumann).unwrap();
        let config = config(24, &[1, 2], 1, 8);
        let network = network(&config, &grid, 1, &Device::flex().autodiff());
        let in_pool = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| run(&network, &grid, 5))
        };
        let one = in_pool(1);
        assert!(in_pool(2) == one && in_pool(3) == one, "{grid}: threads");
        let x: Vec<f32> = normals(5 * grid.len(), 500).into_iter().map(|v| v as f32).collect();
        let times: Vec<f64> = (0..5).map(|i| (f64::from(i) + 0.5) / 5.0).collect();
        for batch in [1, 2] {
            let apart: Vec<f64> = (x.chunks(batch * grid.len()).zip(times.chunks(batch)))
                .flat_map(|(x, t)| {
                    let y = network.forward(&Inputs::plain(&grid, x, t, t)).unwrap();
                    y.try_into_vec_as::<f64>().unwrap()
                })
                .collect();
            assert!(apart == one.0, "{grid} in batches of {batch}");
        }
    }
}

#[test]
fn a_fresh_network_is_zero_and_counts_its_parameters() {
    let grid = Grid::unit(&[12, 10], Boundary::Neumann).unwrap();
    let config = NetworkConfig::Unet(config(8, &[1, 2, 2], 2, 8));
    let network = config.build(&[grid], 2, 0, &Device::flex()).unwrap();
    let y = network.forward(&Inputs::plain(&grid, &[1.0; 240], &[0.5], &[0.0])).unwrap();
    assert!(y.try_into_vec_as::<f32>().unwrap().iter().all(|v| *v == 0.0));
    let (count, estimate) =
        (network.parameters().unwrap().count() as f64, config.parameter_count(1, 2, 2).unwrap());
    assert!((count / estimate - 1.0).abs() < 0.15, "{count} parameters, {estimate} estimated");
}

#[test]
fn other_dimensions_and_shapes_are_refused() {
    let grid = Grid::unit(&[8], Boundary::Neumann).unwrap();
    let build = |config: UNetConfig, grid: &Grid| match NetworkConfig::Unet(config).build(
        &[*grid],
        1,
        0,
        &Device::flex(),
    ) {
        Err(NetError::Config { key, .. }) => key,
        other => panic!("{other:?}"),
    };
    assert_eq!(build(UNetConfig::default(), &grid), "kind");
    let grid = Grid::unit(&[8, 8], Boundary::Neumann).unwrap();
    assert_eq!(build(config(0, &[1], 1, 1), &grid), "channels");
    assert_eq!(build(config(8, &[], 1, 1), &grid), "multipliers");
    assert_eq!(build(config(8, &[1], 0, 1), &grid), "blocks");
    assert_eq!(build(config(8, &[1], 1, 3), &grid), "groups");
    let network = network(&config(4, &[1], 1, 2), &grid, 1, &Device::flex());
    assert!(network.forward(&Inputs::plain(&grid, &[0.0; 63], &[0.5], &[0.0])).is_err());
}
