//! A model on grids finer than all training grids. In the trained band any network answers as on
//! the finest level, up to rounding, and so do the samplers that use it.

use std::sync::Arc;

use karhunen_field::denoiser::Gaussian;
use karhunen_field::prior::{Bessel, Matern, Standard, Tempered};
use karhunen_field::sampler::{self, Method, Reverse};
use karhunen_field::{
    Axis, Boundary, Denoiser, Ensemble, Field, GaussianLaw, Grid, Prior, Transform,
    VariancePreserving, resample,
};
use karhunen_net::{
    Asked, Band, Conditioned, Device, LocalKernels, Model, Preconditioner, Preconditioning, UNet,
    UNetConfig,
};

use crate::cases::{Case, case, normals, randomise};
use crate::relative_error;

/// The network rounds numbers that agree to 1e-16 to single precision, so the last bit sometimes
/// differs. The largest observed error is 2e-13.
const ROUNDING: f64 = 1e-6;
/// Tolerance for f64 against f64.
const EXACT: f64 = 1e-12;
/// Smallest change by a network with random weights when it is asked about all modes.
const FELT: f64 = 1e-2;

const KINDS: [Preconditioning; 3] =
    [Preconditioning::Wiener, Preconditioning::Scalar, Preconditioning::None];

/// Windows, periodic axes and Dirichlet walls in one to three dimensions; odd, even and single
/// cells; local kernels; several channels.
fn cases() -> Vec<Case> {
    use Boundary::{Dirichlet, Neumann, Periodic};
    let mut cases = vec![
        case(&[1], Neumann, &[2]),
        case(&[13], Periodic, &[4]),
        case(&[8], Periodic, &[4]),
        case(&[6, 5], Neumann, &[3]),
        case(&[4, 6], Dirichlet, &[3]),
        case(&[3, 4, 2], Neumann, &[2]),
    ];
    cases[3].channels = 2;
    cases[4].config.local = LocalKernels::Depthwise;
    let mut mixed = case(&[6, 7], Neumann, &[3]);
    let axes = [(6, 1.0, Periodic), (7, 0.5, Dirichlet)].map(|(points, length, boundary)| Axis {
        points,
        length,
        boundary,
    });
    mixed.grid = Grid::new(&axes).unwrap();
    cases.push(mixed);
    cases
}

fn model(case: &Case, kind: Preconditioning, band: Band) -> Model {
    let network = case.network(&Device::flex()).into();
    let preconditioner = preconditioner(case.grid, case.channels, kind);
    Model { network, preconditioner, band }
}

/// A law whose mean lies in the band of the grid, as measured means do.
fn preconditioner(grid: Grid, channels: usize, kind: Preconditioning) -> Preconditioner {
    let mut mean = normals(channels * grid.len(), 400);
    mean.chunks_exact_mut(grid.len()).for_each(|channel| Transform::new(grid).project(channel));
    let covariances =
        (0..channels).map(|_| Arc::new(Matern::new(1.0, 0.2, 1.5).unwrap()) as Arc<dyn Prior>);
    let mean = Field::new(grid, channels, mean).unwrap();
    let law = GaussianLaw::new(mean, covariances.collect()).unwrap();
    let prior = Arc::new(Bessel::new(grid.dim(), 3.0, 8.0, 0.8).unwrap());
    Preconditioner::new(kind, Arc::new(VariancePreserving::default()), prior, law, grid)
}

/// Grids that are finer along every axis, or along one.
fn finer(grid: &Grid) -> Vec<Grid> {
    let with = |f: &dyn Fn(usize, usize) -> usize| {
        let points: Vec<usize> =
            grid.points().iter().enumerate().map(|(axis, n)| f(axis, *n)).collect();
        grid.with_points(&points).unwrap()
    };
    vec![
        with(&|_, n| n + 1),
        with(&|_, n| 2 * n),
        with(&|_, n| 4 * n + 1),
        with(&|axis, n| if axis == 0 { 3 * n } else { n }),
    ]
}

/// Two fields of white coefficients.
fn fields(grid: Grid, channels: usize) -> Ensemble {
    let coefficients = normals(2 * channels * grid.mode_count(), 401);
    let values = Transform::new(grid).synthesise_channels(&coefficients);
    Ensemble::new(grid, channels, values).unwrap()
}

/// D_B(P_B x) in the trained band, the Wiener denoiser beyond it.
#[test]
fn the_trained_band_is_answered_as_on_the_finest_level() {
    let mut worst = 0.0f64;
    for case in cases() {
        for kind in KINDS {
            let model = model(&case, kind, Band::Trained);
            for fine in finer(&case.grid) {
                let x = fields(fine, case.channels);
                let whole = model.denoise(&x, 0.4).unwrap();
                let found = resample::spectral(&whole, case.grid).unwrap();
                let coarse = resample::spectral(&x, case.grid).unwrap();
                let expected = model.denoise(&coarse, 0.4).unwrap();
                // without the Nyquist mode of even periodic axes
                let expected = resample::spectral(&expected, case.grid).unwrap();
                let error = relative_error(&found.values, &expected.values);
                worst = worst.max(error);
                assert!(error < ROUNDING, "{kind:?} {} -> {fine}: {error:e}", case.grid);

                let wiener = wiener(&model, &x);
                let size = wiener.values.iter().fold(0.0f64, |m, v| m.max(v.abs()));
                let (found, expected) = (beyond(&whole, &case.grid), beyond(&wiener, &case.grid));
                let off = found.iter().zip(&expected).map(|(f, e)| (f - e).abs());
                let off = off.fold(0.0, f64::max) / size;
                assert!(off < EXACT, "{kind:?} {} -> {fine}, beyond: {off:e}", case.grid);
            }
        }
    }
    println!("largest error in the band {worst:.1e}");
}

/// The same under noise that is flat on the band, or nearly so, and falls beyond.
#[test]
fn the_trained_band_holds_under_flat_and_tempered_noise() {
    for case in cases().into_iter().filter(|case| case.grid.mode_count() > 1) {
        let mut model = model(&case, Preconditioning::Wiener, Band::Trained);
        let known = model.preconditioner.clone();
        let data: Vec<f64> = known.variances(&case.grid).iter().map(|(c, _)| *c).collect();
        for exponent in [0.0, 0.5] {
            let prior = Arc::new(Tempered::new(case.grid, &data, exponent).unwrap());
            let (kind, path, law) = (known.kind(), known.path().clone(), known.law().clone());
            model.preconditioner = Preconditioner::new(kind, path, prior, law, case.grid);
            for fine in finer(&case.grid) {
                assert_eq!(model.network_grid(&fine), case.grid);
                let x = fields(fine, case.channels);
                let found = model.denoise(&x, 0.4).unwrap();
                let found = resample::spectral(&found, case.grid).unwrap();
                let coarse = resample::spectral(&x, case.grid).unwrap();
                let expected = model.denoise(&coarse, 0.4).unwrap();
                let expected = resample::spectral(&expected, case.grid).unwrap();
                let error = relative_error(&found.values, &expected.values);
                assert!(error < ROUNDING, "{exponent} {} -> {fine}: {error:e}", case.grid);
            }
        }
    }
}

/// W(x, 0.4).
fn wiener(model: &Model, x: &Ensemble) -> Ensemble {
    let on = model.preconditioner.on(&x.grid);
    let (a, frame) = (model.preconditioner.path().signal(0.4), on.frame());
    let weights = frame.wiener(model.preconditioner.path().as_ref(), 0.4);
    let denoised = x.fields().flat_map(|field| {
        let modes = on.transform().analyse_channels(field);
        let affine = modes.iter().zip(&frame.mean).zip(&weights);
        let modes: Vec<f64> = affine.map(|((x, m), w)| m + w * (x - a * m)).collect();
        on.transform().synthesise_channels(&modes)
    });
    Ensemble::new(x.grid, x.channels, denoised.collect()).unwrap()
}

/// The part of fields that remains when the modes of a coarser grid are removed.
fn beyond(x: &Ensemble, coarse: &Grid) -> Vec<f64> {
    let band = resample::spectral(&resample::spectral(x, *coarse).unwrap(), x.grid).unwrap();
    x.values.iter().zip(&band.values).map(|(x, b)| x - b).collect()
}

/// O9: the discretisation error of the denoiser with random weights, as a function of N. If the
/// whole grid is asked about, its slope on windows is 2, that of midpoint sums with padding. If the
/// trained band is asked about, there is no error.
#[test]
fn discretisation_error_falls_with_the_second_power_or_is_rounding() {
    const SIZES: [usize; 4] = [15, 45, 135, 405];
    let mut case = case(&[5], Boundary::Neumann, &[3]);
    case.grid = case.grid.with_points(&[SIZES[0]]).unwrap();
    let errors = |band: Band| {
        let model = model(&case, Preconditioning::Wiener, band);
        let smooth = fields(case.grid.with_points(&[5]).unwrap(), 1);
        let on = |n: usize| {
            let x = resample::spectral(&smooth, case.grid.with_points(&[n]).unwrap()).unwrap();
            resample::spectral(&model.denoise(&x, 0.4).unwrap(), case.grid).unwrap().values
        };
        let finest = on(3 * SIZES[3]);
        SIZES.map(|n| relative_error(&on(n), &finest))
    };
    let (plain, trained) = (errors(Band::Grid), errors(Band::Trained));
    let orders = [0, 1, 2].map(|i| (plain[i] / plain[i + 1]).ln() / 3f64.ln());
    println!("whole grid {plain:?} orders {orders:.2?}, trained band {trained:?}");
    // 15 cells are too few to show the slope, because the network's waves span only three of them
    assert!(orders[1..].iter().all(|p| (1.7..2.3).contains(p)), "{orders:?}");
    assert!(trained.iter().all(|e| *e < ROUNDING), "{trained:?}");
}

/// On grids up to the finest level the two bands give identical results, bit for bit.
#[test]
fn on_trained_grids_nothing_changes() {
    for case in [case(&[6, 5], Boundary::Neumann, &[3]), case(&[8], Boundary::Periodic, &[3])] {
        let coarser: Vec<usize> = case.grid.points().iter().map(|n| n / 2).collect();
        for grid in [case.grid, case.grid.with_points(&coarser).unwrap()] {
            for kind in KINDS {
                let x = fields(grid, 1);
                let [plain, trained] = [Band::Grid, Band::Trained]
                    .map(|band| model(&case, kind, band).denoise(&x, 0.4).unwrap());
                assert!(plain == trained, "{kind:?} on {grid}");
            }
        }
    }
}

/// White noise per cell is a different function on every grid: its band at 2N is not the noise of
/// N.
#[test]
fn white_noise_per_cell_has_no_band() {
    let case = case(&[6], Boundary::Neumann, &[3]);
    let mut model = model(&case, Preconditioning::Wiener, Band::Trained);
    let law = model.preconditioner.law().clone();
    let path = Arc::new(VariancePreserving::default());
    let prior = Arc::new(Standard::new());
    model.preconditioner =
        Preconditioner::new(Preconditioning::Wiener, path, prior, law, case.grid);
    let fine = case.grid.with_points(&[12]).unwrap();
    assert_eq!(model.network_grid(&fine), fine);
}

/// One seed is one function on every grid: R u_2N = u_N and R u_4N = u_N after 6 evaluations with
/// random weights, for every method.
#[test]
fn samples_on_finer_grids_are_the_same_functions() {
    let case = case(&[6, 5], Boundary::Neumann, &[3]);
    let sampled = |model: &Model, grid: Grid, method: Method| {
        let p = &model.preconditioner;
        let (path, prior) = (p.path().as_ref(), p.prior().as_ref());
        let x = sampler::start(p.law(), prior, path, grid, 3, 0..2);
        let mut reverse = Reverse::new(path, prior, p.law(), model, 3, 0);
        let times = method.default_times().times(path, method.steps_for(6).unwrap());
        let mut steps = method.build();
        sampler::integrate(steps.as_mut(), &mut reverse, &times, x, &mut |_, _| ()).unwrap()
    };
    for method in Method::ALL {
        let error = |band: Band, times: usize| {
            let model = model(&case, Preconditioning::Wiener, band);
            let points: Vec<usize> = case.grid.points().iter().map(|n| times * n).collect();
            let fine = sampled(&model, case.grid.with_points(&points).unwrap(), method);
            let coarse = sampled(&model, case.grid, method);
            let fine = resample::spectral(&fine, case.grid).unwrap();
            relative_error(&fine.values, &coarse.values)
        };
        for times in [2, 4] {
            let (trained, plain) = (error(Band::Trained, times), error(Band::Grid, times));
            println!("{} at {times}N: {trained:.1e}, plain {plain:.1e}", method.name());
            assert!(trained < ROUNDING, "{} at {times}N: {trained:e}", method.name());
            assert!(plain > FELT, "{} at {times}N: {plain:e}", method.name());
        }
    }
}

/// The same for a network that is no operator.
#[test]
fn a_u_net_becomes_independent_of_the_grid() {
    let grid = Grid::unit(&[8, 8], Boundary::Neumann).unwrap();
    let config = UNetConfig { channels: 8, multipliers: vec![1, 2], ..UNetConfig::default() };
    let mut network = UNet::new(&config, &grid, 1, 1, &Device::flex()).unwrap();
    let mut parameters = network.parameters().unwrap();
    randomise(&mut parameters);
    network.set_parameters(&parameters).unwrap();
    let preconditioner = preconditioner(grid, 1, Preconditioning::Wiener);
    let network = karhunen_net::Network::UNet(Box::new(network));
    let model = Model { network, preconditioner, band: Band::Trained };
    let x = fields(grid.with_points(&[16, 24]).unwrap(), 1);
    let found = resample::spectral(&model.denoise(&x, 0.4).unwrap(), grid).unwrap();
    let coarse = resample::spectral(&x, grid).unwrap();
    let expected = model.denoise(&coarse, 0.4).unwrap();
    let error = relative_error(&found.values, &expected.values);
    assert!(error < ROUNDING, "{error:e}");
}

/// ⟨∂D* w, h⟩ is the derivative of ⟨w, D⟩ along h, in the trained band and on finer grids, for
/// every kind.
#[test]
fn pullbacks_are_the_transposed_derivative() {
    let case = case(&[6, 5], Boundary::Neumann, &[3]);
    for kind in KINDS {
        let mut model = model(&case, kind, Band::Trained);
        assert!(
            model.pullback(&fields(case.grid, 1), 0.4, &fields(case.grid, 1)).unwrap().is_none()
        );
        model.network = case.network(&Device::flex().autodiff()).into();
        for grid in [case.grid, case.grid.with_points(&[9, 10]).unwrap()] {
            let x = fields(grid, 1);
            let other = |seed: u64| {
                let modes = normals(2 * grid.mode_count(), seed);
                let transform = Transform::new(grid);
                let values = modes.chunks_exact(grid.mode_count());
                let values = values.flat_map(|m| transform.synthesise_channels(m)).collect();
                Ensemble::new(grid, 1, values).unwrap()
            };
            let (h, w) = (other(402), other(403));
            let moved = |by: f64| {
                let mut x = x.clone();
                x.values.iter_mut().zip(&h.values).for_each(|(x, h)| *x += by * h);
                model.denoise(&x, 0.4).unwrap()
            };
            let (ahead, behind) = (moved(0.02), moved(-0.02));
            let differences = ahead.values.iter().zip(&behind.values).map(|(a, b)| (a - b) / 0.04);
            let left: f64 = differences.zip(&w.values).map(|(d, w)| d * w).sum();
            let back = model.pullback(&x, 0.4, &w).unwrap().unwrap();
            let right: f64 = back.values.iter().zip(&h.values).map(|(b, h)| b * h).sum();
            let size: f64 = back.values.iter().map(|b| b * b).sum::<f64>().sqrt();
            // single precision, and the curvature that finite differences include
            let scale = size * h.values.iter().map(|h| h * h).sum::<f64>().sqrt();
            assert!((left - right).abs() < 2e-3 * scale, "{kind:?} {grid}: {left} {right} {scale}");
        }
    }
}

/// D_W = D₀ + W (D₁ − D₀), on the trained grid and on finer ones; D₀ is the exact denoiser of the
/// Gaussian law.
#[test]
fn sharpness_scales_what_the_network_adds() {
    let mut most = 0.0f64;
    for case in cases() {
        let model = model(&case, Preconditioning::Wiener, Band::Trained);
        let p = &model.preconditioner;
        let linear = Gaussian::new(p.law().clone(), p.prior().clone(), p.path().clone());
        for grid in finer(&case.grid).into_iter().chain([case.grid]) {
            let x = fields(grid, case.channels);
            let sharp = |sharpness| {
                let with = Conditioned { model: &model, asked: Asked::default(), sharpness };
                with.denoise(&x, 0.4).unwrap().values
            };
            let (none, own, more) = (sharp(0.0), sharp(1.0), sharp(1.3));
            assert!(relative_error(&none, &linear.denoise(&x, 0.4).unwrap().values) < EXACT);
            assert_eq!(own, model.denoise(&x, 0.4).unwrap().values);
            most = most.max(relative_error(&own, &none));
            let expected: Vec<f64> =
                none.iter().zip(&own).map(|(none, own)| none + 1.3 * (own - none)).collect();
            assert!(relative_error(&more, &expected) < EXACT);
            // the same in single precision, whose state is rounded
            let single = Ensemble {
                grid: x.grid,
                channels: x.channels,
                values: x.values.iter().map(|v| *v as f32).collect(),
            };
            let with = Conditioned { model: &model, asked: Asked::default(), sharpness: 1.3 };
            let found = with.denoise_single(&single, 0.4).unwrap().values;
            let found: Vec<f64> = found.iter().map(|v| f64::from(*v)).collect();
            assert!(relative_error(&found, &more) < 1e-4);
        }
    }
    assert!(most > FELT, "the network has a part: {most}");
}
