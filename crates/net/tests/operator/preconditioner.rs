//! The affine part of the denoiser: exact on Gaussian data, and equal to closed forms where these
//! exist.

use std::sync::Arc;

use karhunen_field::denoiser::Gaussian;
use karhunen_field::noise::stream;
use karhunen_field::prior::{self, Bessel, Matern};
use karhunen_field::{
    Boundary, Denoiser, Ensemble, Field, GaussianLaw, Grid, Path, Prior, VariancePreserving,
};
use karhunen_net::{Band, Device, Fno, Model, Preconditioner, Preconditioning, Share};

use crate::cases::{all, normals};
use crate::relative_error;

/// Both sides transform in f64; the largest observed error is 3e-16.
const ROUNDING: f64 = 1e-13;
const TIMES: [f64; 4] = [1e-3, 0.1, 0.5, 1.0];

/// A law with a mean that is not constant, and one covariance for each channel.
fn law(grid: Grid, channels: usize) -> GaussianLaw {
    let mean = Field::new(grid, channels, normals(channels * grid.len(), 400)).unwrap();
    let covariances = (0..channels)
        .map(|c| Arc::new(Matern::new(1.0 + c as f64, 0.2, 1.5).unwrap()) as Arc<dyn Prior>);
    GaussianLaw::new(mean, covariances.collect()).unwrap()
}

fn preconditioner(kind: Preconditioning, law: GaussianLaw, reference: Grid) -> Preconditioner {
    let prior = Arc::new(Bessel::new(reference.dim(), 3.0, 8.0, 0.8).unwrap());
    Preconditioner::new(kind, Arc::new(VariancePreserving::default()), prior, law, reference)
}

/// A Wiener preconditioner of a fixed law.
pub(crate) fn wiener_on(grid: Grid, channels: usize) -> Preconditioner {
    preconditioner(Preconditioning::Wiener, law(grid, channels), grid)
}

/// On the grid whose modes set the scales, on a finer one, and for states with a part outside of
/// the modes.
#[test]
fn an_untrained_model_is_the_exact_denoiser_of_gaussian_data() {
    for case in all() {
        let law = law(case.grid, case.channels);
        let known = preconditioner(Preconditioning::Wiener, law.clone(), case.grid);
        let oracle = Gaussian::new(law, known.prior().clone(), known.path().clone());
        let network = Fno::new(&case.config, &case.grid, case.channels, 1, &Device::flex());
        let model =
            Model { network: network.unwrap().into(), preconditioner: known, band: Band::Grid };
        let finer: Vec<usize> = case.grid.points().iter().map(|n| 2 * n + 1).collect();
        for grid in [case.grid, case.grid.with_points(&finer).unwrap()] {
            let values = normals(3 * case.channels * grid.len(), 401);
            let x = Ensemble::new(grid, case.channels, values).unwrap();
            for t in TIMES {
                let found = model.denoise(&x, t).unwrap().values;
                let error = relative_error(&found, &oracle.denoise(&x, t).unwrap().values);
                assert!(error < ROUNDING, "{grid} at {t}: {error:e}");
            }
        }
    }
}

/// One cell has one mode, the constant: c_out² = c b² λ / (a² c + b² λ), c_in^{−2} = a² c + b² λ,
/// q = a² c / (a² c + b² λ).
#[test]
fn scales_of_a_single_mode() {
    let grid = Grid::unit(&[1, 1], Boundary::Neumann).unwrap();
    for kind in [Preconditioning::Wiener, Preconditioning::Scalar] {
        let known = preconditioner(kind, law(grid, 1), grid);
        let path = VariancePreserving::default();
        let (c, lambda) = (known.law().variances(&grid)[0], known.prior().eigenvalues(&grid)[0]);
        for t in TIMES {
            let (a2, b2) = (path.signal(t).powi(2), path.noise(t).powi(2));
            let total = a2 * c + b2 * lambda;
            let scales = known.scales(t);
            let close = |found: f64, expected: f64| (found / expected - 1.0).abs() < ROUNDING;
            let share = a2 * c / total;
            let gain2 = share * c * b2 * lambda / total;
            assert!(close(scales.gain.powi(2), gain2), "{kind:?} at {t}");
            assert!(close(scales.input.powi(2), 1.0 / total), "{kind:?} at {t}");
            assert!(close(scales.weight, share), "{kind:?} at {t}");
        }
    }
}

/// The explained and the unexplained part add up to the data: q = 1 − c_out² / σ_d², gain² = q
/// c_out². If all modes have one ratio, q is the data's share of the whole.
#[test]
fn what_is_explained_is_what_is_not_unknown() {
    let grid = Grid::unit(&[9, 7], Boundary::Neumann).unwrap();
    let known = preconditioner(Preconditioning::Wiener, law(grid, 2), grid);
    let explained = known.clone().with_share(Share::Explained);
    let data: f64 = known.variances(&grid).iter().map(|(c, _)| c).sum();
    let alike = Preconditioner::new(
        Preconditioning::Wiener,
        known.path().clone(),
        law(grid, 1).covariances()[0].clone(),
        law(grid, 1),
        grid,
    );
    for t in TIMES {
        let scales = explained.scales(t);
        let unknown = scales.gain.powi(2) / scales.weight;
        assert!((scales.weight - (1.0 - unknown / data)).abs() < ROUNDING, "{t}");
        let total = known.scales(t);
        assert!((total.gain.powi(2) / total.weight / unknown - 1.0).abs() < ROUNDING, "{t}");
        assert_eq!((scales.input, known.kind()), (total.input, explained.kind()));
        let (one, other) = (alike.scales(t), alike.clone().with_share(Share::Explained).scales(t));
        assert!((one.weight / other.weight - 1.0).abs() < ROUNDING, "{t}");
        // the tables of other kinds do not depend on modes
        let scalar = preconditioner(Preconditioning::Scalar, law(grid, 1), grid);
        assert_eq!(scalar.scales(t), scalar.clone().with_share(Share::Explained).scales(t));
    }
}

/// c_out² = E|D_lin − X₀|² and c_in² E|x − a m|² = 1, by 2000 draws at each time.
///
/// Of independent modes with variances v, the mean over M fields has relative variance
/// 2 Σ v² / (M (Σ v)²); 4.8 deviations on 8 numbers are a false-alarm rate of 1.3e-5.
#[test]
fn scales_are_the_moments_they_stand_for() {
    const FIELDS: u64 = 2000;
    let grid = Grid::unit(&[9, 7], Boundary::Neumann).unwrap();
    let known = preconditioner(Preconditioning::Wiener, law(grid, 1), grid);
    let (data, noise) = (known.law().variances(&grid), known.prior().eigenvalues(&grid));
    let x0 = known.law().sample(grid, 6, 0..FIELDS, stream::START);
    let eta = prior::sample(&**known.prior(), grid, 1, 7, 0..FIELDS, stream::START);
    let on = known.on(&grid);
    for t in TIMES {
        let (a, b) = (known.path().signal(t), known.path().noise(t));
        let scales = known.scales(t);
        let (mut error, mut input) = (0.0, 0.0);
        for (x0, eta) in x0.fields().zip(eta.fields()) {
            let x: Vec<f64> = x0.iter().zip(eta).map(|(x, e)| a * x + b * e).collect();
            let base = known.base(&x, t, &scales, &on);
            let seen = known.input(&x, t, &scales, &on);
            error += base.iter().zip(x0).map(|(d, x)| (d - x).powi(2)).sum::<f64>();
            input += seen.iter().map(|v| v * v).sum::<f64>();
        }
        let cells = (FIELDS as usize * grid.len()) as f64;
        let totals: Vec<f64> =
            data.iter().zip(&noise).map(|(c, l)| a * a * c + b * b * l).collect();
        let errors: Vec<f64> =
            data.iter().zip(&noise).zip(&totals).map(|((c, l), s)| c * b * b * l / s).collect();
        let deviation = |v: &[f64]| {
            let squares: f64 = v.iter().map(|v| v * v).sum();
            (2.0 * squares / FIELDS as f64).sqrt() / v.iter().sum::<f64>()
        };
        let unknown = scales.gain.powi(2) / scales.weight;
        let off = (error / cells / unknown - 1.0) / deviation(&errors);
        assert!(off.abs() < 4.8, "gain at {t}: {off} deviations");
        let off = (input / cells - 1.0) / deviation(&totals);
        assert!(off.abs() < 4.8, "input at {t}: {off} deviations");
    }
}

/// On a variance-preserving path the Wiener filter of λ = c is multiplication by a.
#[test]
fn scalar_and_wiener_coincide_where_the_prior_is_the_law() {
    for points in [&[7][..], &[6, 5], &[3, 4, 5]] {
        let grid = Grid::unit(points, Boundary::Neumann).unwrap();
        let prior = Arc::new(Matern::new(2.0, 0.3, 1.0).unwrap());
        let mean = Field::new(grid, 1, normals(grid.len(), 402)).unwrap();
        let law = GaussianLaw::new(mean, vec![prior.clone()]).unwrap();
        let [scalar, wiener] = [Preconditioning::Scalar, Preconditioning::Wiener].map(|kind| {
            let path = Arc::new(VariancePreserving::default());
            Preconditioner::new(kind, path, prior.clone(), law.clone(), grid)
        });
        let x = normals(grid.len(), 403);
        for t in TIMES {
            let (s, w) = (scalar.scales(t), wiener.scales(t));
            assert!((s.gain / w.gain - 1.0).abs() < ROUNDING, "{points:?} at {t}");
            assert_eq!((s.input, s.weight), (w.input, w.weight));
            let on = scalar.on(&grid);
            let base = scalar.base(&x, t, &s, &on);
            let input = scalar.input(&x, t, &s, &on);
            let other_base = wiener.base(&x, t, &w, &wiener.on(&grid));
            let other_input = wiener.input(&x, t, &w, &wiener.on(&grid));
            assert!(relative_error(&base, &other_base) < ROUNDING, "{points:?} at {t}");
            assert_eq!(input, other_input);
        }
    }
}
