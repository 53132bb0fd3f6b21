//! Loss and sampler, with the network as g Q∇log p behind the preconditioner of that kind.

use std::sync::Arc;

use karhunen_field::denoiser::Prediction;
use karhunen_field::prior::Bessel;
use karhunen_field::{Denoiser, Ensemble, GaussianLaw, VariancePreserving};
use karhunen_net::{Band, Device, Given, Model, Preconditioner, Preconditioning};

use crate::golden::Golden;
use crate::network::{network, square};
use crate::{FORWARD, assert_reproduces};

const N: usize = 16;

/// The published parameterisation, which uses neither prior nor law.
fn model(golden: &Golden) -> Model {
    let prior = Arc::new(Bessel::new(2, 1.0, 8.0, 0.55).unwrap());
    let law = GaussianLaw::centred(square(N), prior.clone(), 1);
    let path = Arc::new(VariancePreserving::default());
    let kind = Preconditioning::None;
    let preconditioner = Preconditioner::new(kind, path, prior, law, square(N));
    Model { network: network(golden, &Device::flex()).into(), preconditioner, band: Band::Grid }
}

/// ½ Σ over cells of (b/g · F + η)², written as our weighted error of F against its target.
#[test]
fn denoising_score_matching() {
    let Some(golden) = Golden::load() else { return };
    let (model, grid) = (model(&golden), square(N));
    let path = model.preconditioner.path().clone();
    let fields = |name| golden.values(name).chunks_exact(N * N);
    let samples = fields("dsm.x0").zip(fields("dsm.eta")).zip(fields("dsm.y"));
    let mut losses = Vec::new();
    for (((x0, eta), y), &t) in samples.zip(golden.values("dsm.t")) {
        let state: Vec<f64> =
            x0.iter().zip(eta).map(|(x, e)| path.signal(t) * x + path.noise(t) * e).collect();
        assert_reproduces("dsm.y", &state, y, FORWARD);
        let scales = model.preconditioner.scales(t);
        let on = model.preconditioner.on(&grid);
        let (base, input) = (
            model.preconditioner.base(&state, t, &scales, &on),
            model.preconditioner.input(&state, t, &scales, &on),
        );
        let values = input.iter().map(|v| *v as f32).collect();
        let inputs = model.inputs(grid, values, vec![t], Given::default());
        let output: Vec<f64> = model.network.forward(&inputs).unwrap().try_into_vec_as().unwrap();
        let errors = output.iter().zip(x0).zip(base).map(|((f, x), d)| f - (x - d) / scales.gain);
        losses.push(0.5 * scales.weight * errors.map(|e| e * e).sum::<f64>());
    }
    assert_reproduces("dsm.loss_sum", &losses, golden.values("dsm.loss_sum"), FORWARD);
}

/// Euler–Maruyama of the reverse equation with the published noise, without a final denoising.
#[test]
fn a_sampled_trajectory() {
    const STEP: f64 = 0.2;
    let Some(golden) = Golden::load() else { return };
    let (model, path) = (model(&golden), VariancePreserving::default());
    let etas = golden.array("em.etas");
    let [states, count, ..] = etas.shape[..] else { panic!("[state, sample, …]") };
    let etas: Vec<&[f64]> = etas.values.chunks_exact(count * N * N).collect();

    let mut x = Ensemble::new(square(N), 1, etas[0].to_vec()).unwrap();
    let mut trajectory = x.values.clone();
    for (step, eta) in etas.iter().enumerate().skip(1) {
        let t = 1.0 - STEP * (step - 1) as f64;
        let denoised = model.denoise(&x, t).unwrap();
        let score = Prediction::Score.predicted(&path, t, &x.values, &denoised.values);
        let alpha = path.alpha(t);
        for ((x, score), eta) in x.values.iter_mut().zip(score).zip(*eta) {
            *x += STEP * alpha * (0.5 * *x + score) + (alpha * STEP).sqrt() * eta;
        }
        trajectory.extend_from_slice(&x.values);
    }
    assert_eq!(trajectory.len(), states * count * N * N);
    assert_reproduces("em.trajectory", &trajectory, golden.values("em.trajectory"), FORWARD);
}
