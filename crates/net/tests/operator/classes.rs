//! Classes: the table of classes beside the embedding of time, which has no effect where no class
//! is given.

use karhunen_field::Boundary;
use karhunen_net::classifier::{Classifier, FEATURES};
use karhunen_net::model::Inputs;
use karhunen_net::{Device, Given, NetError, Network, UNet, UNetConfig};

use crate::cases::{case, normals, randomise};
use crate::relative_error;

const COUNT: usize = 3;
/// Central differences of a loss in single precision: its rounding divided by the step.
const DIFFERENCES: f64 = 2e-2;

/// An FNO and a U-Net with weights that are not zero, without classes.
fn networks(device: &Device) -> Vec<(Network, karhunen_field::Grid)> {
    let case = case(&[8, 6], Boundary::Neumann, &[3]);
    let config = UNetConfig { channels: 4, multipliers: vec![1, 2], blocks: 1, groups: 2 };
    let mut unet = UNet::new(&config, &case.grid, 1, 1, device).unwrap();
    let mut parameters = unet.parameters().unwrap();
    randomise(&mut parameters);
    unet.set_parameters(&parameters).unwrap();
    let unet = Network::UNet(Box::new(unet));
    vec![(case.network(device).into(), case.grid), (unet, case.grid)]
}

fn values(network: &Network, grid: &karhunen_field::Grid, classes: &[Option<u32>]) -> Vec<f32> {
    let x: Vec<f32> = normals(4 * grid.len(), 40).into_iter().map(|v| v as f32).collect();
    let output = network.forward(&Inputs {
        given: Given::classes(classes),
        ..Inputs::plain(grid, &x, &[0.4; 4], &[0.3, -0.2, 0.3, 1.0])
    });
    let output = output.unwrap();
    output.try_into_vec_as().unwrap()
}

#[test]
fn a_table_leaves_every_other_parameter_and_the_answer_without_class_alone() {
    for (plain, grid) in networks(&Device::flex()) {
        let mut labelled = plain.clone();
        labelled.add_classes(COUNT, 7).unwrap();
        assert_eq!((plain.class_count(), labelled.class_count()), (0, COUNT));
        let (before, after) = (plain.parameters().unwrap(), labelled.parameters().unwrap());
        let others: Vec<_> = after.arrays.iter().filter(|a| a.name != "time.classes").collect();
        assert!(
            others.into_iter().eq(&before.arrays) && after.arrays.len() == before.arrays.len() + 1
        );
        let expected = values(&plain, &grid, &[]);
        assert!(values(&labelled, &grid, &[]) == expected);
        assert!(values(&labelled, &grid, &[None; 4]) == expected);
        // the class of one field affects that field alone, whatever the other fields of the batch
        let one = values(&labelled, &grid, &[None, Some(2), None, None]);
        let all = values(&labelled, &grid, &[Some(0), Some(2), Some(1), None]);
        let field = |v: &[f32], i: usize| v[i * grid.len()..(i + 1) * grid.len()].to_vec();
        assert!(field(&one, 1) == field(&all, 1) && field(&one, 1) != field(&expected, 1));
        assert!(field(&all, 3) == field(&expected, 3) && field(&all, 0) != field(&expected, 0));
        // the same seed, the same rows
        let mut again = plain.clone();
        again.add_classes(COUNT, 7).unwrap();
        assert!(again.parameters().unwrap() == after);
    }
}

#[test]
fn the_table_has_the_gradient_of_differences() {
    for (mut network, grid) in networks(&Device::flex().autodiff()) {
        network.add_classes(COUNT, 7).unwrap();
        let x: Vec<f32> = normals(2 * grid.len(), 41).into_iter().map(|v| v as f32).collect();
        let loss = |network: &Network| {
            let classes = Given::classes(&[Some(1), Some(0)]);
            let y = network
                .forward(&Inputs {
                    given: classes.clone(),
                    ..Inputs::plain(&grid, &x, &[0.4; 2], &[0.3, 0.1])
                })
                .unwrap();
            y.square().mean()
        };
        let gradients = network.taken_gradients(loss(&network).backward()).unwrap();
        let at = gradients.arrays.iter().position(|a| a.name == "time.classes").unwrap();
        let table = gradients.arrays[at].values.clone();
        let width = table.len() / COUNT;
        assert!(table[2 * width..].iter().all(|g| *g == 0.0), "no field is of class 2");
        let start = network.parameters().unwrap();
        let (mut found, mut expected) = (Vec::new(), Vec::new());
        for entry in [0, 5, width, 2 * width - 1] {
            let step = 0.05f32;
            let [up, down] = [step, -step].map(|step| {
                let mut moved = start.clone();
                moved.arrays[at].values[entry] += step;
                network.set_parameters(&moved).unwrap();
                f64::from(loss(&network).without_autodiff().try_into_scalar::<f32>().unwrap())
            });
            expected.push((up - down) / (2.0 * f64::from(step)));
            found.push(f64::from(table[entry]));
        }
        let error = relative_error(&found, &expected);
        assert!(error < DIFFERENCES, "{error:.1e}: {found:?} {expected:?}");
    }
}

#[test]
fn classes_that_are_not_there_are_refused() {
    let (plain, grid) = networks(&Device::flex()).swap_remove(0);
    let mut labelled = plain.clone();
    labelled.add_classes(COUNT, 7).unwrap();
    let x = vec![0.0; 2 * grid.len()];
    let said = |network: &Network, classes: &[Option<u32>]| {
        let given = Given::classes(classes);
        network
            .forward(&Inputs {
                given: given.clone(),
                ..Inputs::plain(&grid, &x, &[0.5; 2], &[0.0; 2])
            })
            .unwrap_err()
            .to_string()
    };
    assert!(said(&plain, &[Some(0), None]).contains("class 0"));
    assert!(said(&labelled, &[Some(3), None]).contains("one of 3 classes"));
    assert!(said(&labelled, &[Some(1)]).contains("1 classes"));
    let mut published = case(&[8, 6], Boundary::Neumann, &[3]);
    published.config.conditioning = karhunen_net::Conditioning::InputChannel;
    let error = published.network(&Device::flex()).add_classes(2, 0).unwrap_err();
    assert!(matches!(error, NetError::Config { key: "conditioning", .. }), "{error}");
}

#[test]
fn a_classifier_reads_each_field_alone_on_one_grid() {
    let grid = case(&[9, 7], Boundary::Neumann, &[3]).grid;
    let mut classifier = Classifier::new(grid, 2, 4, 3, &Device::flex()).unwrap();
    let mut weights = classifier.parameters().unwrap();
    randomise(&mut weights);
    classifier.set_parameters(&weights).unwrap();
    let x: Vec<f32> = normals(6 * grid.len(), 42).into_iter().map(|v| v as f32).collect();
    let read = |x: &[f32]| {
        let (features, scores) = classifier.forward(x).unwrap();
        let (f, s) = (features.dims(), scores.dims());
        let host = |t: burn::tensor::Tensor<2>| t.try_into_vec_as::<f32>().unwrap();
        (f, s, [host(features), host(scores)].concat())
    };
    let (f, s, all) = read(&x);
    assert_eq!((f, s), ([3, FEATURES], [3, 4]));
    let (_, _, first) = read(&x[..2 * grid.len()]);
    assert!(first[..FEATURES] == all[..FEATURES] && first[FEATURES..] == all[3 * FEATURES..][..4]);
    assert!(classifier.forward(&x[1..]).is_err() && classifier.forward(&[]).is_err());
    let line = case(&[9], Boundary::Neumann, &[3]).grid;
    assert!(Classifier::new(line, 1, 4, 3, &Device::flex()).is_err());
    assert!(Classifier::new(grid, 1, 1, 3, &Device::flex()).is_err());
}
