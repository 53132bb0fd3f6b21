//! The published FNO: its weights in our layout, its outputs, loss and gradients.

use karhunen_field::{Boundary, Grid};
use karhunen_net::{Conditioning, Coordinates, Device, Fno, FnoConfig, LocalKernels, Parameters};

use crate::golden::{Array, Golden};
use crate::{FORWARD, GRADIENT, assert_reproduces};

const LAYERS: usize = 4;

/// The published architecture on a periodic n × n grid.
pub fn network(golden: &Golden, device: &Device) -> Fno {
    let config = FnoConfig {
        width: 8,
        modes: vec![3],
        layers: LAYERS,
        projection: 128,
        padding: 0.0,
        oversampling: 1,
        local: LocalKernels::None,
        reach: None,
        conditioning: Conditioning::InputChannel,
        coordinates: Some(Coordinates::Endpoints),
    };
    let mut network = Fno::new(&config, &square(16), 1, 0, device).unwrap();
    let mut parameters = network.parameters().unwrap();
    for array in &mut parameters.arrays {
        let values = published(golden, "fno", &array.name);
        array.values = values.into_iter().map(|v| v as f32).collect();
    }
    network.set_parameters(&parameters).unwrap();
    network
}

pub fn square(n: usize) -> Grid {
    Grid::unit(&[n, n], Boundary::Periodic).unwrap()
}

/// The published array that corresponds to one of our parameters, in our layout.
fn published(golden: &Golden, prefix: &str, ours: &str) -> Vec<f64> {
    let get = |theirs: String| golden.array(&format!("{prefix}.{theirs}"));
    let (module, part) = ours.rsplit_once('.').unwrap();
    let theirs = match module {
        "lifting" => "fc0".to_string(),
        "projection" => "fc1".to_string(),
        "output" => "fc2".to_string(),
        _ => {
            let (layer, kind) = module["layers.".len()..].split_once('.').unwrap();
            if kind == "spectral" {
                let rows = |half| get(format!("conv{layer}.weights{half}"));
                return spectral([rows(1), rows(2)], usize::from(part == "imaginary"));
            }
            format!("w{layer}")
        }
    };
    let array = get(format!("{theirs}.{part}"));
    match array.shape[..] {
        [_] => array.values.clone(),
        // [out, in] (and two axes of one cell) → [in, out]
        [outputs, inputs, ..] => (0..inputs * outputs)
            .map(|at| array.values[(at % outputs) * inputs + at / outputs])
            .collect(),
        [] => panic!("{ours} is no scalar"),
    }
}

/// `[in, out, kx, ky]` for kx ≥ 0 and kx < 0 → `[mode, in, out]`, one part of the complex values.
fn spectral(halves: [&Array; 2], part: usize) -> Vec<f64> {
    let [inputs, outputs, rows, columns] = halves[0].shape[..] else {
        panic!("[in, out, kx, ky]");
    };
    let mut values = Vec::new();
    for half in halves {
        for mode in 0..rows * columns {
            for channels in 0..inputs * outputs {
                values.push(half.values[2 * (channels * rows * columns + mode) + part]);
            }
        }
    }
    values
}

#[test]
fn outputs_at_two_resolutions() {
    let Some(golden) = Golden::load() else { return };
    let network = network(&golden, &Device::flex());
    for n in [16, 13] {
        let x: Vec<f32> =
            golden.values(&format!("fno.in{n}.x")).iter().map(|v| *v as f32).collect();
        let t = golden.values(&format!("fno.in{n}.t"));
        let output = network.forward(&square(n), &x, t, &vec![0.0; t.len()]).unwrap();
        let found: Vec<f64> = output.try_into_vec_as().unwrap();
        let name = format!("fno.out{n}");
        assert_reproduces(&name, &found, golden.values(&name), FORWARD);
    }
}

#[test]
fn loss_and_every_gradient() {
    let Some(golden) = Golden::load() else { return };
    let network = network(&golden, &Device::flex().autodiff());
    let x: Vec<f32> = golden.values("fno.in16.x").iter().map(|v| *v as f32).collect();
    let t = golden.values("fno.in16.t");
    let loss = network.forward(&square(16), &x, t, &vec![0.0; t.len()]).unwrap().square().mean();
    let value: f64 = loss.clone().try_into_scalar().unwrap();
    assert_reproduces("fno.loss16", &[value], golden.values("fno.loss16"), FORWARD);

    let gradients = Parameters::gradients_of(network.weights(), &loss.backward()).unwrap();
    assert_eq!(gradients.arrays.len(), 2 * 3 + 4 * LAYERS);
    for array in &gradients.arrays {
        let found: Vec<f64> = array.values.iter().map(|g| f64::from(*g)).collect();
        let (modes, halves) = (found.len(), array.name.contains("spectral"));
        let expected = published(&golden, "fno.grad", &array.name);
        if halves {
            // the two halves of the window are two arrays of very different magnitude
            for (half, at) in [(1, 0..modes / 2), (2, modes / 2..modes)] {
                let name = format!("{} half {half}", array.name);
                assert_reproduces(&name, &found[at.clone()], &expected[at], GRADIENT);
            }
        } else {
            assert_reproduces(&array.name, &found, &expected, GRADIENT);
        }
    }
}
