//! Input that does not suit a network gives an error with its values, never a panic or a wrong
//! number.

use std::sync::Arc;

use karhunen_field::prior::Bessel;
use karhunen_field::{Boundary, Denoiser, Ensemble, GaussianLaw, VariancePreserving};
use karhunen_net::{
    Band, Device, Fno, FnoConfig, Model, NetError, Preconditioner, Preconditioning,
};

use crate::cases::{Case, case};

fn periodic() -> Case {
    case(&[4, 6], Boundary::Periodic, &[2])
}

#[test]
fn configurations_out_of_range() {
    let refused = |change: fn(&mut FnoConfig)| {
        let mut case = periodic();
        change(&mut case.config);
        match Fno::new(&case.config, &case.grid, 1, 0, &Device::flex()) {
            Err(NetError::Config { key, .. }) => key,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(refused(|c| c.width = 0), "width");
    assert_eq!(refused(|c| c.layers = 4097), "layers");
    assert_eq!(refused(|c| c.projection = 0), "projection");
    assert_eq!(refused(|c| c.modes = vec![]), "modes");
    assert_eq!(refused(|c| c.modes = vec![3, 0]), "modes");
    assert_eq!(refused(|c| c.modes = vec![3, 3, 3]), "modes");
    assert_eq!(refused(|c| c.padding = f64::NAN), "padding");
    assert_eq!(refused(|c| c.oversampling = 0), "oversampling");
    assert_eq!(refused(|c| c.oversampling = 3), "oversampling");
    assert_eq!(refused(|c| c.reach = Some(0.0)), "reach");
    assert_eq!(refused(|c| c.reach = Some(f64::NAN)), "reach");
}

#[test]
fn fields_the_network_was_not_built_for() {
    let case = periodic();
    let network = case.network(&Device::flex());
    let refused = |points: &[usize], boundary, values: usize, snr: usize| {
        let grid = crate::cases::case(points, boundary, &[2]).grid;
        let result = network.forward(&grid, &vec![0.0; values], &[0.5], &vec![0.0; snr]);
        matches!(result, Err(NetError::Input { .. }))
    };
    assert!(!refused(&[3, 5], Boundary::Periodic, 15, 1));
    assert!(refused(&[3, 5], Boundary::Periodic, 14, 1));
    assert!(refused(&[3, 5], Boundary::Neumann, 15, 1));
    assert!(refused(&[3], Boundary::Periodic, 3, 1));
    assert!(refused(&[3, 5], Boundary::Periodic, 15, 2));
}

#[test]
fn fields_on_another_box_than_the_law() {
    let case = periodic();
    let prior = Arc::new(Bessel::new(2, 1.0, 8.0, 0.8).unwrap());
    let law = GaussianLaw::centred(case.grid, prior.clone(), 1);
    let path = Arc::new(VariancePreserving::default());
    let preconditioner = Preconditioner::new(Preconditioning::Wiener, path, prior, law, case.grid);
    let model =
        Model { network: case.network(&Device::flex()).into(), preconditioner, band: Band::Grid };
    let denoise = |points: &[usize], boundary, channels| {
        let grid = crate::cases::case(points, boundary, &[2]).grid;
        model.denoise(&Ensemble::zeros(grid, channels, 1), 0.5)
    };
    assert!(denoise(&[6, 9], Boundary::Periodic, 1).is_ok());
    let message = denoise(&[4, 6], Boundary::Neumann, 1).unwrap_err().to_string();
    assert!(message.contains("periodic x periodic") && message.contains("neumann"), "{message}");
    assert!(denoise(&[4, 4], Boundary::Periodic, 1).is_err());
    assert!(denoise(&[4, 6], Boundary::Periodic, 2).is_err());
}

#[test]
fn parameters_of_another_network() {
    let mut network = periodic().network(&Device::flex());
    let good = network.parameters().unwrap();
    let mut missing = good.clone();
    let name = missing.arrays.remove(3).name;
    let expected = good.arrays[3].shape.clone();
    let error = NetError::Parameter { name, expected: expected.clone(), found: vec![] };
    assert_eq!(network.set_parameters(&missing), Err(error));

    let mut misshapen = good.clone();
    misshapen.arrays[3].shape.push(1);
    let found = misshapen.arrays[3].shape.clone();
    let error = NetError::Parameter { name: good.arrays[3].name.clone(), expected, found };
    assert_eq!(network.set_parameters(&misshapen), Err(error));

    // a file may list them in any order
    let mut reversed = good.clone();
    reversed.arrays.reverse();
    network.set_parameters(&reversed).unwrap();
    assert_eq!(network.parameters().unwrap(), good);
}
