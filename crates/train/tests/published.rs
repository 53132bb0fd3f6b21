//! Loads the published network from a state dict and compares its answers with those of PyTorch.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use karhunen_formats::{ArrayValues, NamedArray, ReadOptions, read_state_dict};
use karhunen_net::model::Inputs;
use karhunen_net::{FnoConfig, NetworkConfig};
use karhunen_train::checkpoint::Checkpoint;
use karhunen_train::published::{Units, import, save};
use karhunen_train::{RunConfig, TrainError, TrainedModel};
use serde::Deserialize;

#[path = "../../net/tests/parity/golden.rs"]
mod golden;

/// Largest error relative to the largest answer: f32 against f64, as in the parity tests.
const TOLERANCE: f64 = 2e-5;

#[derive(Deserialize)]
struct Answer {
    points: Vec<usize>,
    x: Vec<f32>,
    t: Vec<f64>,
    answer: Vec<f64>,
}

fn place(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/published").join(name)
}

fn state_dict() -> Vec<NamedArray> {
    read_state_dict(place("network.pt"), &ReadOptions::default()).unwrap()
}

fn config(grid: &str) -> RunConfig {
    let text = format!(
        "levels = [{{grid = \"{grid}\", share = 1}}]\ndata = {{boundary = \"periodic\"}}\n\
         prior = {{kind = \"bessel\", gamma = 8, power = 0.55}}"
    );
    RunConfig::from_table(text.parse().unwrap(), "text").unwrap()
}

fn imported(arrays: &[NamedArray], config: &RunConfig) -> Result<Checkpoint, TrainError> {
    import("network.pt", arrays, None, config, &Units::default(), None).map(|(c, _)| c)
}

/// `[batch, channel, point]` → `[batch, point, channel]` or back.
fn swap<T: Copy>(values: &[T], batch: usize, outer: usize) -> Vec<T> {
    let fields = values.chunks_exact(values.len() / batch);
    fields
        .flat_map(|f| {
            let inner = f.len() / outer;
            (0..f.len()).map(move |flat| f[flat % outer * inner + flat / outer])
        })
        .collect()
}

fn assert_answers(model: &TrainedModel, asked: &Answer, name: &str) {
    let grid = model.grid(&asked.points).unwrap();
    let (batch, channels) = (asked.t.len(), model.statistics.mean.channels);
    let x = swap(&asked.x, batch, channels);
    let network = &model.model.network;
    let output = network.forward(&Inputs::plain(&grid, &x, &asked.t, &vec![0.0; batch])).unwrap();
    let found: Vec<f64> = output.try_into_vec_as().unwrap();
    let found = swap(&found, batch, grid.len());
    assert_eq!(found.len(), asked.answer.len());
    let largest = asked.answer.iter().fold(0.0f64, |m, v| m.max(v.abs()));
    let error = found.iter().zip(&asked.answer).fold(0.0f64, |m, (a, b)| m.max((a - b).abs()));
    println!("{name}: {:.1e}", error / largest);
    assert!(error <= TOLERANCE * largest, "{name}: {:e}", error / largest);
}

/// Rows of 3 modes on 10 and on 7 cells, columns of 2: rectangular grids and two channels.
#[test]
fn an_imported_network_answers_as_pytorch_does() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoint = imported(&state_dict(), &config("10x7")).unwrap();
    let NetworkConfig::Fno(network) = &checkpoint.config.network else { panic!("an FNO") };
    assert_eq!((network.width, network.layers, network.projection), (4, 3, 6));
    assert_eq!((&network.modes[..], checkpoint.statistics.mean.channels), (&[3, 2][..], 2));
    save(&checkpoint, folder.path()).unwrap();
    let model = TrainedModel::load(folder.path()).unwrap();
    let text = std::fs::read_to_string(place("answers.json")).unwrap();
    let answers: Vec<Answer> = serde_json::from_str(&text).unwrap();
    for asked in answers {
        assert_answers(&model, &asked, &format!("{:?}", asked.points));
    }
    let again = save(&checkpoint, folder.path()).unwrap_err();
    assert!(again.to_string().contains("holds a run already"), "{again}");
}

/// The arrays of the published code, written as safetensors and read back as a state dict.
#[test]
fn an_imported_network_answers_as_the_published_code_does() {
    use safetensors::{Dtype, tensor::TensorView};
    let Some(golden) = golden::Golden::load() else { return };
    let complex = (0..4).flat_map(|i| [1, 2].map(|half| format!("conv{i}.weights{half}")));
    let modules = ["fc0", "fc1", "fc2", "w0", "w1", "w2", "w3"];
    let real = modules.iter().flat_map(|m| ["weight", "bias"].map(|part| format!("{m}.{part}")));
    let names: Vec<String> = real.chain(complex).collect();
    let bytes: Vec<Vec<u8>> = names
        .iter()
        .map(|n| golden.values(&format!("fno.{n}")))
        .map(|v| v.iter().flat_map(|v| (*v as f32).to_le_bytes()).collect())
        .collect();
    let views: HashMap<String, TensorView> = names
        .iter()
        .zip(&bytes)
        .map(|(name, bytes)| {
            let dtype = if name.starts_with("conv") { Dtype::C64 } else { Dtype::F32 };
            let shape = golden.array(&format!("fno.{name}")).shape.clone();
            (format!("net.{name}"), TensorView::new(dtype, shape, bytes).unwrap())
        })
        .collect();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("fno.safetensors");
    std::fs::write(&file, safetensors::serialize(views, None).unwrap()).unwrap();
    let arrays = read_state_dict(&file, &ReadOptions::default()).unwrap();
    save(&imported(&arrays, &config("16x16")).unwrap(), folder.path()).unwrap();
    let model = TrainedModel::load(folder.path()).unwrap();
    for n in [16, 13] {
        let values = |part: &str| golden.values(&format!("fno.{part}"));
        let asked = Answer {
            points: vec![n, n],
            x: values(&format!("in{n}.x")).iter().map(|v| *v as f32).collect(),
            t: values(&format!("in{n}.t")).to_vec(),
            answer: values(&format!("out{n}")).to_vec(),
        };
        assert_answers(&model, &asked, &format!("fno.out{n}"));
    }
}

#[test]
fn complex_numbers_may_be_pairs() {
    let mut arrays = state_dict();
    for array in &mut arrays {
        if let ArrayValues::Complex(values) = &array.values {
            array.values = ArrayValues::Real(values.concat());
            array.shape.push(2);
        }
    }
    let pairs = imported(&arrays, &config("8x8")).unwrap();
    let complex = imported(&state_dict(), &config("8x8")).unwrap();
    assert_eq!(pairs.optimizer, complex.optimizer);
    let wide = import("x", &arrays, Some("module."), &config("8x8"), &Units::default(), None);
    assert!(wide.is_ok());
}

#[test]
fn rows_that_alias_are_noted() {
    let notes = |grid: &str| {
        import("x", &state_dict(), None, &config(grid), &Units::default(), None).unwrap().1
    };
    assert!(notes("6x8").iter().any(|n| n.contains("6 cells along axis 0") && n.contains("-3")));
    assert!(!notes("7x4").iter().any(|n| n.contains("published code keeps")));
}

#[test]
fn what_is_no_published_network_is_said() {
    let said = |change: &dyn Fn(&mut Vec<NamedArray>)| {
        let mut arrays = state_dict();
        change(&mut arrays);
        imported(&arrays, &config("8x8")).unwrap_err().to_string()
    };
    let at = |arrays: &[NamedArray], name: &str| {
        arrays.iter().position(|a| a.name == format!("module.{name}")).unwrap()
    };
    let lacking = said(&|arrays| drop(arrays.remove(at(arrays, "w1.bias"))));
    assert_eq!(lacking, "network.pt: no array w1.bias, which the published network has");
    let shaped = |name: &'static str, shape: &'static [usize]| {
        said(&|arrays| {
            let i = at(arrays, name);
            arrays[i].shape = shape.into();
            arrays[i].values = ArrayValues::Real(vec![0.0; shape.iter().product()]);
        })
    };
    for (text, part) in [
        (
            shaped("w1.weight", &[4, 3, 1, 1]),
            "module.w1.weight of shape [4, 3, 1, 1], real: [4, 4]",
        ),
        (shaped("fc0.weight", &[4, 6]), "[4, 5] expected, for 2 channel(s), 2 coordinate(s)"),
        (shaped("fc0.weight", &[4]), "[outputs, inputs] expected"),
        (shaped("fc2.bias", &[1]), "module.fc2.bias of shape [1], real: [2] real numbers"),
        (shaped("conv0.weights1", &[3, 4, 3, 2]), "[4, 4, modes of 1 or 2 axes] complex"),
        (shaped("conv2.weights2", &[4, 4, 3, 3, 2]), "[4, 4, 3, 2] complex numbers expected"),
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let stray = said(&|arrays| {
        let mut more = arrays[0].clone();
        more.name = "module.bn0.weight".into();
        arrays.push(more);
    });
    assert!(stray.contains("module.bn0.weight") && stray.contains("no part of"), "{stray}");
    let other = said(&|arrays| arrays.retain(|a| !a.name.contains("fc0")));
    assert!(other.contains("no array fc0.weight; there are module.") && other.contains("more"));
    let twice = said(&|arrays| {
        let more = arrays.clone().into_iter();
        arrays.extend(more.map(|a| NamedArray { name: format!("ema.{}", a.name), ..a }));
    });
    assert!(twice.contains("choose one by its prefix: module., ema.module."), "{twice}");

    let refused = |grid: &str, change: &dyn Fn(&mut RunConfig)| {
        let mut config = config(grid);
        change(&mut config);
        imported(&state_dict(), &config).unwrap_err().to_string()
    };
    let fitted = refused("8x8", &|c| c.prior = RunConfig::default().prior);
    assert!(fitted.contains("does not tell the noise"), "{fitted}");
    assert!(refused("8", &|_| {}).contains("has 1 axes, the network 2"));
    assert!(
        refused("8x8", &|c| {
            c.network = NetworkConfig::Fno(FnoConfig { width: 5, ..FnoConfig::default() });
        })
        .contains("leave [network] out")
    );
    let scale = Units { scale: 0.0, ..Units::default() };
    let zero = import("x", &state_dict(), None, &config("8x8"), &scale, None).unwrap_err();
    assert!(zero.to_string().contains("scale positive"), "{zero}");
}

/// Statistics of built-in structures in the network's units: the normalisation is given, not
/// fitted.
#[test]
fn a_law_measured_from_data_is_in_the_networks_units() {
    let mut config = config("12x12");
    config.data.count = Some(40);
    let mut arrays = state_dict();
    // one channel, because built-in data have no more
    for array in &mut arrays {
        let ArrayValues::Real(values) = &mut array.values else { continue };
        let rows = match array.name.as_str() {
            "module.fc2.weight" | "module.fc2.bias" => 1,
            "module.fc0.weight" => {
                *values = values.chunks(5).flat_map(|row| row[..4].to_vec()).collect();
                array.shape[1] = 4;
                continue;
            }
            _ => continue,
        };
        values.truncate(values.len() / 2);
        array.shape[0] = rows;
    }
    let of = |units: &Units| {
        let data = Some(karhunen_train::sources::Sources::from("builtin:spinodal"));
        let (checkpoint, _) = import("x", &arrays, None, &config, units, data.as_ref()).unwrap();
        checkpoint.statistics
    };
    let (plain, scaled) = (of(&Units::default()), of(&Units { offset: 3.0, scale: 2.0 }));
    assert_eq!(scaled.normalisation.offset, [3.0]);
    for (a, b) in plain.mean.values.iter().zip(&scaled.mean.values) {
        assert!((a - (3.0 + 2.0 * b)).abs() < 1e-12);
    }
    for (a, b) in plain.variances[0].iter().zip(&scaled.variances[0]) {
        assert!((a - 4.0 * b).abs() <= 1e-12 * a);
    }
}
