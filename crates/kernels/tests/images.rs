//! The U-Net's operators on tensors: against compositions of tensor operations, on views, and
//! refused operands.

#[macro_use]
mod common;

use std::sync::Arc;

use burn::tensor::activation::silu;
use burn::tensor::module::{conv2d, interpolate};
use burn::tensor::ops::{ConvOptions, InterpolateMode, InterpolateOptions};
use burn::tensor::{Device, FloatDType, Tensor};
use karhunen_kernels::{
    ConvPlan, ConvShape, KernelError, NormParameters, convolution, group_norm_silu, join_channels,
};

use common::{assert_close, random};

/// `[batch, points, channel]` → `[batch, channel, rows, columns]`.
fn image(x: Tensor<3>, [rows, columns]: [usize; 2]) -> Tensor<4> {
    let [batch, _, channels] = x.dims();
    x.reshape([batch, rows, columns, channels]).permute([0, 3, 1, 2])
}

/// The inverse of `image`.
fn field(x: Tensor<4>) -> Tensor<3> {
    let [batch, channels, rows, columns] = x.dims();
    x.permute([0, 2, 3, 1]).reshape([batch, rows * columns, channels])
}

#[test]
fn convolutions_are_their_compositions() {
    let device = Device::flex().autodiff();
    let cases = [
        ([1, 1], [1, 1], 3, 1, [1, 1, 1]),
        ([2, 3], [2, 3], 3, 1, [2, 3, 5]),
        ([7, 5], [7, 5], 3, 2, [3, 33, 1]),
        ([8, 6], [8, 6], 1, 1, [1, 17, 40]),
        ([5, 4], [10, 7], 3, 1, [2, 6, 33]),
        ([31, 13], [31, 13], 5, 3, [1, 3, 8]),
    ];
    for (sides, enlarged, kernel, stride, [batch, inputs, outputs]) in cases {
        let what = format!("{sides:?} → {enlarged:?}, {kernel}, {stride}, {inputs} → {outputs}");
        let plan = Arc::new(ConvPlan::new(ConvShape { sides, enlarged, kernel, stride }).unwrap());
        let [points, targets] = plan.points();
        let x = random([batch, points, inputs], &device);
        let weight = random([outputs, inputs, kernel, kernel], &device);
        let (bias, added) =
            (random([outputs], &device), random([batch, targets, outputs], &device));
        let edge = kernel / 2;
        let composed = || {
            let nearest = InterpolateOptions::new(InterpolateMode::Nearest);
            let x = interpolate(image(x.clone(), sides), nearest.with_output_size(enlarged));
            let options = ConvOptions::new([stride; 2], [edge; 2], [1; 2], 1);
            field(conv2d(x, weight.clone(), Some(bias.clone()), options))
        };
        let fused = |added| convolution(x.clone(), weight.clone(), bias.clone(), added, &plan);
        assert_same!(&what, fused(None).unwrap(), composed(), [x, weight, bias]);
        let (fused, composed) = (fused(Some(added.clone())).unwrap(), composed() + added.clone());
        assert_same!(&what, fused, composed, [x, weight, bias, added]);
    }
}

#[test]
fn normalisations_are_their_compositions() {
    let device = Device::flex().autodiff();
    for (batch, points, channels, groups) in [(1, 5, 3, 1), (2, 35, 8, 4), (3, 300, 33, 11)] {
        let what = format!("{batch} × {points} × {channels} in {groups}");
        let x = random([batch, points, channels], &device);
        let (gamma, beta) = (random([channels], &device), random([channels], &device));
        let film = random([batch, 1, 2 * channels], &device);
        let normalised = || {
            let size = channels / groups;
            let x = x.clone().reshape([batch, points, groups, size]);
            let mean = x.clone().mean_dim(1).mean_dim(3);
            let centred = x - mean;
            let variance = centred.clone().square().mean_dim(1).mean_dim(3);
            let n = (centred / (variance + 1e-5).sqrt()).reshape([batch, points, channels]);
            n * gamma.clone().unsqueeze() + beta.clone().unsqueeze()
        };
        let parameters = |film| NormParameters {
            gamma: gamma.clone(),
            beta: beta.clone(),
            film,
            groups,
            epsilon: 1e-5,
        };
        let fused = group_norm_silu(x.clone(), parameters(None)).unwrap();
        assert_same!(&what, fused, silu(normalised()), [x, gamma, beta]);
        let (scale, shift) =
            (film.clone().narrow(2, 0, channels), film.clone().narrow(2, channels, channels));
        let composed = silu(normalised() * (scale + 1.0) + shift);
        let fused = group_norm_silu(x.clone(), parameters(Some(film.clone()))).unwrap();
        assert_same!(&what, fused, composed, [x, gamma, beta, film]);
    }
}

#[test]
fn joins_are_concatenations() {
    let device = Device::flex().autodiff();
    let (a, b) = (random([2, 1100, 3], &device), random([2, 1100, 5], &device));
    let fused = join_channels(a.clone(), b.clone()).unwrap();
    assert_same!("join", fused, Tensor::cat(vec![a.clone(), b.clone()], 2), [a, b]);
}

/// Operands that require no gradient get none, at no cost for the others; views are read in place.
#[test]
fn parts_without_gradients_and_views() {
    let (plain, device) = (Device::flex(), Device::flex().autodiff());
    let shape = ConvShape { sides: [4, 3], enlarged: [4, 3], kernel: 3, stride: 1 };
    let plan = Arc::new(ConvPlan::new(shape).unwrap());
    let still = |t: Tensor<3>| Tensor::<3>::from_data(t.into_data(), &device);
    let x = still(random([2, 5, 12], &plain)).swap_dims(1, 2);
    let (weight, bias) = (random([6, 5, 3, 3], &device), random([6], &device));
    let y = convolution(x.clone(), weight.clone(), bias.clone(), None, &plan).unwrap();
    let options = ConvOptions::new([1; 2], [1; 2], [1; 2], 1);
    let expected =
        field(conv2d(image(x.clone(), [4, 3]), weight.clone(), Some(bias.clone()), options));
    assert_same!("a view", y, expected, [weight, bias]);
    let parameters = NormParameters {
        gamma: random([5], &plain),
        beta: random([5], &plain),
        film: None,
        groups: 5,
        epsilon: 1e-5,
    };
    let x = random([2, 5, 12], &plain).swap_dims(1, 2);
    let contiguous = Tensor::<3>::from_data(x.clone().into_data(), &plain);
    let [a, b] = [x, contiguous].map(|x| group_norm_silu(x, parameters.clone()).unwrap());
    assert_close("a view", a, b);
}

#[test]
fn operands_that_do_not_fit_are_refused_by_name() {
    fn refused(result: Result<Tensor<3>, KernelError>) -> &'static str {
        match result {
            Err(KernelError::Shape { operand, .. } | KernelError::Device { operand, .. }) => {
                operand
            }
            other => panic!("{other:?}"),
        }
    }
    let device = Device::flex();
    let shape = ConvShape { sides: [4, 3], enlarged: [4, 3], kernel: 3, stride: 2 };
    let plan = Arc::new(ConvPlan::new(shape).unwrap());
    let zeros = |shape: [usize; 3]| Tensor::<3>::zeros(shape, &device);
    let run = |x: Tensor<3>, weight: [usize; 4], bias: usize, added: Option<Tensor<3>>| {
        let (weight, bias) = (Tensor::zeros(weight, &device), Tensor::zeros([bias], &device));
        convolution(x, weight, bias, added, &plan)
    };
    let x = || zeros([2, 12, 5]);
    assert_eq!(run(x(), [7, 5, 3, 3], 7, None).unwrap().dims(), [2, 4, 7]);
    assert_eq!(refused(run(zeros([2, 11, 5]), [7, 5, 3, 3], 7, None)), "x");
    assert_eq!(refused(run(zeros([0, 12, 5]), [7, 5, 3, 3], 7, None)), "x");
    assert_eq!(refused(run(x(), [7, 5, 3, 2], 7, None)), "weight");
    assert_eq!(refused(run(x(), [7, 4, 3, 3], 7, None)), "weight");
    assert_eq!(refused(run(x(), [0, 5, 3, 3], 0, None)), "bias");
    assert_eq!(refused(run(x(), [7, 5, 3, 3], 7, Some(zeros([2, 12, 7])))), "added");
    assert_eq!(refused(run(x().cast(FloatDType::F64), [7, 5, 3, 3], 7, None)), "x");
    let wide = zeros([2, 4, 7]).cast(FloatDType::F64);
    assert_eq!(refused(run(x(), [7, 5, 3, 3], 7, Some(wide))), "added");

    let norm = |gamma: usize, beta: usize, film: Option<Tensor<3>>, groups| {
        let (gamma, beta) = (Tensor::zeros([gamma], &device), Tensor::zeros([beta], &device));
        group_norm_silu(x(), NormParameters { gamma, beta, film, groups, epsilon: 1e-5 })
    };
    assert!(norm(5, 5, Some(zeros([2, 1, 10])), 5).is_ok());
    assert_eq!(refused(norm(4, 5, None, 1)), "gamma");
    assert_eq!(refused(norm(5, 6, None, 1)), "beta");
    assert_eq!(refused(norm(5, 5, Some(zeros([1, 1, 10])), 1)), "film");
    for groups in [0, 2, 6] {
        let message = norm(5, 5, None, groups).unwrap_err().to_string();
        let expected = format!("5 channels do not fall into {groups} groups of equal size");
        assert!(message.ends_with(&expected), "{message}");
    }

    assert_eq!(refused(join_channels(x(), zeros([2, 11, 5]))), "b");
    assert_eq!(refused(join_channels(zeros([2, 12, 0]), x())), "a");
    assert_eq!(refused(join_channels(x(), x().cast(FloatDType::F64))), "b");
}
