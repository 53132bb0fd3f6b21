//! The operators on tensors: against compositions of tensor operations, on views, and refused
//! operands.

#[macro_use]
mod common;

use std::sync::Arc;

use burn::tensor::{Device, FloatDType, Tensor, activation::gelu};
use karhunen_kernels::{
    Activation, KernelError, LayerParameters, MlpParameters, OversamplingPlan, SpectralPlan,
    StencilAxis, StencilPlan, depthwise_stencil, oversampled_gelu, pointwise_linear, pointwise_mlp,
    spectral_block, spectral_block_oversampled, supports,
};

use common::{assert_close, random};

#[test]
fn linear_maps_and_perceptrons_are_their_compositions() {
    let device = Device::flex().autodiff();
    for (batch, points, inputs, hidden, outputs) in
        [(1, 1, 1, 1, 1), (2, 7, 3, 16, 1), (3, 50, 33, 40, 2), (1, 130, 8, 17, 9)]
    {
        let what = format!("{batch} × {points} × {inputs} → {hidden} → {outputs}");
        let x = random([batch, points, inputs], &device);
        let (w1, b1) = (random([inputs, hidden], &device), random([hidden], &device));
        let (w2, b2) = (random([hidden, outputs], &device), random([outputs], &device));
        let linear = |x: &Tensor<3>, w: &Tensor<2>, b: &Tensor<1>| {
            x.clone().matmul(w.clone().unsqueeze()) + b.clone().unsqueeze()
        };
        assert_same!(
            &format!("linear {what}"),
            pointwise_linear(x.clone(), w1.clone(), b1.clone()).unwrap(),
            linear(&x, &w1, &b1),
            [x, w1, b1]
        );
        let parameters = MlpParameters {
            hidden: w1.clone(),
            hidden_bias: b1.clone(),
            output: w2.clone(),
            output_bias: b2.clone(),
        };
        assert_same!(
            &format!("perceptron {what}"),
            pointwise_mlp(x.clone(), parameters).unwrap(),
            linear(&gelu(linear(&x, &w1, &b1)), &w2, &b2),
            [x, w1, b1, w2, b2]
        );
    }
}

/// A layer on one point with period 1. Only the mode 0 is kept, so it is a linear map by Re W₀ + S.
fn layer(
    inputs: usize,
    outputs: usize,
    film: Option<Tensor<3>>,
    device: &Device,
) -> LayerParameters {
    LayerParameters {
        real: random([2, inputs, outputs], device),
        imaginary: random([2, inputs, outputs], device),
        skip: random([inputs, outputs], device),
        bias: random([outputs], device),
        film,
    }
}

#[test]
fn a_layer_on_one_point_is_a_linear_map() {
    let device = Device::flex().autodiff();
    let plan = Arc::new(SpectralPlan::new(&[1], &[2], &[1.0]).unwrap());
    for (inputs, outputs, conditioned) in [(3, 3, false), (5, 5, true), (4, 18, true)] {
        let film = random([2, 1, 2 * outputs], &device);
        let parameters = layer(inputs, outputs, conditioned.then(|| film.clone()), &device);
        let x = random([2, 1, inputs], &device);
        let LayerParameters { real, skip, bias, .. } = parameters.clone();
        let w =
            real.clone().slice([0..1, 0..inputs, 0..outputs]).squeeze_dim::<2>(0) + skip.clone();
        let mut y = x.clone().matmul(w.unsqueeze()) + bias.clone().unsqueeze();
        if conditioned {
            let scale = film.clone().narrow(2, 0, outputs);
            y = y * (scale + 1.0) + film.clone().narrow(2, outputs, outputs);
        }
        let fused = spectral_block(x.clone(), parameters, Activation::Gelu, &plan).unwrap();
        let what = format!("layer {inputs} → {outputs}");
        if conditioned {
            assert_same!(&what, fused, gelu(y), [x, real, skip, bias, film]);
        } else {
            assert_same!(&what, fused, gelu(y), [x, real, skip, bias]);
        }
    }
}

fn differences() -> Arc<StencilPlan> {
    let axis = |points| StencilAxis { points, offsets: vec![-1, 0, 1], periodic: true };
    Arc::new(StencilPlan::new(&[axis(4), axis(3)]).unwrap())
}

/// On a periodic grid a single tap is a cyclic shift of the points.
#[test]
fn a_stencil_is_a_sum_of_rolled_fields() {
    let device = Device::flex().autodiff();
    let (x, taps) = (random([2, 12, 5], &device), random([9, 5], &device));
    let mut y = Tensor::<3>::zeros([2, 12, 5], &device);
    for tap in 0..9 {
        let field = x.clone().reshape([2, 4, 3, 5]);
        let rolled = field.roll(&[1 - (tap / 3) as i64, 1 - (tap % 3) as i64], &[1, 2]);
        let factor = taps.clone().narrow(0, tap, 1).unsqueeze::<3>();
        y = y + rolled.reshape([2, 12, 5]) * factor;
    }
    let fused = depthwise_stencil(x.clone(), taps.clone(), &differences()).unwrap();
    assert_same!("a stencil", fused, y, [x, taps]);
}

/// On one point functions are constants and oversampling changes nothing. Tests views, shared
/// gradients, and operations before and after.
#[test]
fn an_oversampled_layer_of_constants_is_the_plain_layer() {
    let device = Device::flex().autodiff();
    let plan = Arc::new(SpectralPlan::new(&[1, 1], &[1, 1], &[1.0, 1.0]).unwrap());
    let finer = Arc::new(OversamplingPlan::new(&[1, 1], &[true, false]).unwrap());
    let (leaf, film) = (random([3, 7, 1], &device), random([3, 1, 10], &device));
    let parameters = layer(7, 5, Some(film.clone()), &device);
    let (real, skip, bias) =
        (parameters.real.clone(), parameters.skip.clone(), parameters.bias.clone());
    let view = || leaf.clone().swap_dims(1, 2);
    let plain = spectral_block(view(), parameters.clone(), Activation::Gelu, &plan).unwrap();
    let twice =
        |x| spectral_block_oversampled(x, parameters.clone(), &plan, &finer).map(|y| y.clone() + y);
    let fused = twice(view()).unwrap();
    assert_same!("constants", fused, plain.clone() + plain, [leaf, real, skip, bias, film]);
    let q = random([3, 1, 4], &device);
    let fused = oversampled_gelu(q.clone(), None, &finer).unwrap();
    assert_same!("no conditioning", fused, gelu(q.clone()), [q]);

    let refused = |q: Tensor<3>, film| oversampled_gelu(q, film, &finer).unwrap_err().to_string();
    let zeros = |shape| Tensor::<3>::zeros(shape, &device);
    assert!(refused(zeros([2, 2, 3]), None).contains("q has shape [2, 2, 3]"));
    let film = Some(zeros([2, 1, 5]));
    assert!(refused(zeros([2, 1, 3]), film).contains("film has shape [2, 1, 5]"));
    let wide = zeros([2, 1, 3]).cast(FloatDType::F64);
    assert!(refused(wide, None).contains("F64 numbers"));
}

/// Views have their own strides; gradients may be views and may be shared.
#[test]
fn views_count_by_their_values() {
    let device = Device::flex().autodiff();
    let plan = Arc::new(SpectralPlan::new(&[4, 3], &[2, 2], &[1.25, 1.0]).unwrap());
    let leaf = random([2, 5, 12], &device);
    let parameters = LayerParameters {
        real: random([8, 5, 5], &device),
        imaginary: random([8, 5, 5], &device),
        ..layer(5, 5, None, &device)
    };
    let run =
        |x: Tensor<3>| spectral_block(x, parameters.clone(), Activation::Gelu, &plan).unwrap();
    let view = || run(leaf.clone().swap_dims(1, 2));
    let turned = Tensor::<3>::from_data(leaf.clone().swap_dims(1, 2).into_data(), &device);
    assert_close("a turned view", view(), run(turned));
    // the gradient of a sum is one number repeated everywhere; for two sums it is the same tensor
    // twice
    let once = leaf.grad(&view().sum().backward()).unwrap();
    let y = view();
    let twice = leaf.grad(&(y.clone().sum() + y.sum()).backward()).unwrap();
    assert_close("two sums", twice, once * 2.0);
}

#[test]
fn operands_that_do_not_fit_are_named_with_both_shapes() {
    let device = Device::flex();
    let plan = Arc::new(SpectralPlan::new(&[4], &[2], &[1.0]).unwrap());
    let x = |shape| Tensor::<3>::zeros(shape, &device);
    let refused =
        |shape, parameters| match spectral_block(x(shape), parameters, Activation::Identity, &plan)
        {
            Err(KernelError::Shape { operand, .. }) => operand,
            other => panic!("{other:?}"),
        };
    let good = || layer(3, 3, None, &device);
    assert!(spectral_block(x([2, 4, 3]), good(), Activation::Identity, &plan).is_ok());
    assert_eq!(refused([2, 5, 3], good()), "x");
    assert_eq!(refused([0, 4, 3], good()), "x");
    assert_eq!(refused([2, 4, 2], good()), "real");
    let real = Tensor::zeros([1, 3, 3], &device);
    assert_eq!(refused([2, 4, 3], LayerParameters { real, ..good() }), "real");
    let imaginary = Tensor::zeros([2, 3, 4], &device);
    assert_eq!(refused([2, 4, 3], LayerParameters { imaginary, ..good() }), "imaginary");
    let skip = Tensor::zeros([3, 4], &device);
    assert_eq!(refused([2, 4, 3], LayerParameters { skip, ..good() }), "skip");
    let film = Some(Tensor::zeros([1, 1, 6], &device));
    assert_eq!(refused([2, 4, 3], LayerParameters { film, ..good() }), "film");

    let (weight, bias) = (Tensor::zeros([2, 5], &device), Tensor::zeros([5], &device));
    let message = pointwise_linear(x([1, 4, 3]), weight, bias).unwrap_err().to_string();
    let expected = "pointwise_linear: weight has shape [2, 5], the others ask for [3, 5]";
    assert_eq!(message, expected);

    let stencil = |points, taps| {
        let taps = Tensor::zeros(taps, &device);
        depthwise_stencil(x([2, points, 3]), taps, &differences())
    };
    assert!(stencil(12, [9, 3]).is_ok());
    let message = stencil(11, [9, 3]).unwrap_err().to_string();
    assert!(message.contains("x has shape [2, 11, 3]"), "{message}");
    let message = stencil(12, [9, 4]).unwrap_err().to_string();
    assert!(message.contains("taps has shape [9, 4]"), "{message}");
}

#[test]
fn operands_in_f64_are_refused_by_name() {
    fn wide<const D: usize>(shape: [usize; D]) -> Tensor<D> {
        Tensor::<D>::zeros(shape, &Device::flex()).cast(FloatDType::F64)
    }
    fn refused(result: Result<Tensor<3>, KernelError>) -> &'static str {
        match result {
            Err(KernelError::Device { operand, found, .. }) if found == "F64 numbers" => operand,
            other => panic!("{other:?}"),
        }
    }
    let device = Device::flex();
    let plan = Arc::new(SpectralPlan::new(&[4], &[2], &[1.0]).unwrap());
    let x = || Tensor::<3>::zeros([2, 4, 3], &device);
    let block = |x, parameters| spectral_block(x, parameters, Activation::Gelu, &plan);
    let good = || layer(3, 3, Some(Tensor::zeros([2, 1, 6], &device)), &device);
    assert!(block(x(), good()).is_ok());
    assert_eq!(refused(block(wide([2, 4, 3]), good())), "x");
    let with = |parameters| refused(block(x(), parameters));
    assert_eq!(with(LayerParameters { real: wide([2, 3, 3]), ..good() }), "real");
    assert_eq!(with(LayerParameters { imaginary: wide([2, 3, 3]), ..good() }), "imaginary");
    assert_eq!(with(LayerParameters { skip: wide([3, 3]), ..good() }), "skip");
    assert_eq!(with(LayerParameters { bias: wide([3]), ..good() }), "bias");
    assert_eq!(with(LayerParameters { film: Some(wide([2, 1, 6])), ..good() }), "film");

    let good = || MlpParameters {
        hidden: random([3, 5], &device),
        hidden_bias: random([5], &device),
        output: random([5, 2], &device),
        output_bias: random([2], &device),
    };
    assert!(pointwise_mlp(x(), good()).is_ok());
    assert_eq!(refused(pointwise_mlp(wide([2, 4, 3]), good())), "x");
    let with = |parameters| refused(pointwise_mlp(x(), parameters));
    assert_eq!(with(MlpParameters { hidden: wide([3, 5]), ..good() }), "hidden");
    assert_eq!(with(MlpParameters { hidden_bias: wide([5]), ..good() }), "hidden_bias");
    assert_eq!(with(MlpParameters { output: wide([5, 2]), ..good() }), "output");
    assert_eq!(with(MlpParameters { output_bias: wide([2]), ..good() }), "output_bias");

    let (weight, bias) = (|| random([3, 5], &device), || random([5], &device));
    assert_eq!(refused(pointwise_linear(wide([2, 4, 3]), weight(), bias())), "x");
    assert_eq!(refused(pointwise_linear(x(), wide([3, 5]), bias())), "weight");
    assert_eq!(refused(pointwise_linear(x(), weight(), wide([5]))), "bias");

    let x = |wide| Tensor::<3>::zeros([1, 12, 3], &device).cast(wide);
    let taps = |wide| Tensor::<2>::zeros([9, 3], &device).cast(wide);
    let (narrow, double) = (FloatDType::F32, FloatDType::F64);
    assert_eq!(refused(depthwise_stencil(x(double), taps(narrow), &differences())), "x");
    assert_eq!(refused(depthwise_stencil(x(narrow), taps(double), &differences())), "taps");
}

#[test]
fn the_device_is_the_cpu() {
    assert!(supports(&Device::flex()) && supports(&Device::flex().autodiff()));
}
