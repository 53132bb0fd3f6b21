//! The whole network at growing resolution: the rate at which the values of F become independent of
//! N.

use karhunen_field::{Boundary, Ensemble, ModeNoise, Transform, noise::stream, resample};
use karhunen_net::{Device, Fno, LocalKernels};

use crate::cases::{Case, case};
use crate::relative_error;

/// F of one band-limited function on N cells per axis, `[point]`.
fn on(case: &Case, network: &Fno, n: usize) -> Vec<f64> {
    let modes = ModeNoise::new(9).normals(&case.grid, 0, stream::METRICS, 0);
    let values = Transform::new(case.grid).synthesise_channels(&modes);
    let x = Ensemble::new(case.grid, 1, values).unwrap();
    let fine = case.grid.with_points(&vec![n; case.grid.dim()]).unwrap();
    let x = resample::spectral(&x, fine).unwrap();
    let narrow: Vec<f32> = x.values.iter().map(|v| *v as f32).collect();
    network.forward(&fine, &narrow, &[0.4], &[0.2]).unwrap().try_into_vec_as().unwrap()
}

/// Largest relative differences from the network on `finest` cells, where the cells share centres.
fn errors(case: &Case, sizes: &[usize], finest: usize) -> Vec<f64> {
    let network = case.network(&Device::flex());
    let expected = on(case, &network, finest);
    let dim = case.grid.dim();
    let fine = case.grid.with_points(&vec![finest; dim]).unwrap();
    let mut errors = Vec::new();
    for &n in sizes {
        let ratio = finest / n;
        let shared: Vec<f64> = (0..fine.len())
            .filter(|flat| fine.position(*flat)[..dim].iter().all(|j| j % ratio == ratio / 2))
            .map(|flat| expected[flat])
            .collect();
        errors.push(relative_error(&on(case, &network, n), &shared));
    }
    println!("{}: {errors:?} on {sizes:?}", case.grid);
    errors
}

/// Rates −d ln(error) / d ln(N) between neighbouring sizes.
fn orders(errors: &[f64], sizes: &[usize]) -> Vec<f64> {
    let rate =
        |i: usize| (errors[i] / errors[i + 1]).ln() / (sizes[i + 1] as f64 / sizes[i] as f64).ln();
    (0..errors.len() - 1).map(rate).collect()
}

/// GELU creates new frequencies without limit, but their strength falls fast. Of a smooth periodic
/// function it is smooth. The mean over cells that the layers use then converges faster than any
/// power.
#[test]
fn smooth_periodic_fields_converge_faster_than_any_power() {
    /// Rounding level of f32.
    const FLOOR: f64 = 5e-6;
    let case = case(&[5], Boundary::Periodic, &[3]);
    let sizes = [7, 15, 21, 45, 105];
    let errors = errors(&case, &sizes, 945);
    let orders = orders(&errors[..3], &sizes[..3]);
    assert!(orders[0] > 4.0 && orders[1] > orders[0] + 2.0, "orders {orders:?}");
    assert!(errors[3..].iter().all(|e| *e < FLOOR), "{errors:?}");
}

/// With padding every layer sees midpoint sums over a window of functions that are not periodic.
#[test]
fn windows_converge_with_the_second_power_of_the_cell() {
    let mut two = case(&[5, 5], Boundary::Neumann, &[3]);
    two.config.width = 3;
    let cases: [(Case, &[usize], usize); 2] =
        [(case(&[5], Boundary::Neumann, &[3]), &[15, 45, 135], 945), (two, &[15, 45], 225)];
    for (case, sizes, finest) in cases {
        let orders = orders(&errors(&case, sizes, finest), sizes);
        assert!(orders.iter().all(|p| (1.7..2.3).contains(p)), "{}: {orders:?}", case.grid);
    }
}

/// Local kernels of whole cells are translations, exact on every grid. Half a cell between centres
/// is interpolated linearly, with order 2 (on windows the kink of the mirror image makes it 1).
#[test]
fn local_kernels_converge_with_the_second_power_of_the_cell() {
    for (boundary, cells) in [(Boundary::Periodic, 1.5), (Boundary::Neumann, 1.0)] {
        let mut case = case(&[5], boundary, &[3]);
        case.config.local = LocalKernels::Depthwise;
        case.config.reach = Some(cells / 15.0);
        let sizes = [15, 45, 135];
        let orders = orders(&errors(&case, &sizes, 945), &sizes);
        assert!(orders.iter().all(|p| (1.6..2.4).contains(p)), "{boundary}: {orders:?}");
    }
}
