//! Seeded operands, results with their gradients, and the comparison of two devices.

use burn::tensor::{Device, DeviceType, Tensor, TensorData};

/// Relative to the largest value: f32 sums of up to 300 terms, in a different order on each side.
const VALUES: f32 = 2e-6;
/// As [`VALUES`], for gradients of weights: sums over up to 3000 points.
const GRADIENTS: f32 = 5e-6;

/// The first card, or `None` after printing the reason.
pub fn card() -> Option<Device> {
    let found = Device::enumerate(DeviceType::Wgpu).into_vec().into_iter().next();
    if found.is_none() {
        println!("skipped: no adapter is found");
    }
    found
}

/// Numbers in [−1, 1), by a multiplicative hash of their position in the sequence.
pub struct Numbers(pub u32);

impl Numbers {
    pub fn draw<const D: usize>(&mut self, shape: [usize; D], device: &Device) -> Tensor<D> {
        let count = shape.iter().product::<usize>() as u32;
        let hash = |n: u32| {
            let mixed = (n ^ (n >> 16)).wrapping_add(1).wrapping_mul(0x9E37_79B9);
            (mixed ^ (mixed >> 15)).wrapping_mul(0x85EB_CA6B) >> 8
        };
        let values = self.0..self.0 + count;
        let values: Vec<f32> = values.map(|n| hash(n) as f32 / (1 << 23) as f32 - 1.0).collect();
        self.0 += count;
        let values = Tensor::from_data(TensorData::new(values, shape), device);
        if device.is_autodiff() { values.require_grad() } else { values }
    }
}

/// A result with its name.
pub type Named = (&'static str, Vec<f32>);

pub fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.try_into_vec_as().unwrap()
}

/// y and the gradients of Σ r y for the operands, in their order.
macro_rules! results {
    ($numbers:expr, $y:expr, [$($operand:ident),*]) => {{
        let y = $y;
        let r = $numbers.draw(y.dims(), &y.device().without_autodiff());
        let r = burn::tensor::Tensor::from_data(r.into_data(), &y.device());
        let gradients = (y.clone() * r).sum().backward();
        let mut found: Vec<$crate::common::Named> = vec![("y", $crate::common::values(y))];
        $(found.push((stringify!($operand), $crate::common::values($operand.grad(&gradients).unwrap())));)*
        found
    }};
}
pub(crate) use results;

/// Largest observed errors of values and of gradients.
#[derive(Default)]
pub struct Worst([f32; 2]);

impl Worst {
    pub fn compare(&mut self, what: &str, found: &[Named], expected: &[Named]) {
        assert_eq!(found.len(), expected.len());
        for (i, ((name, found), (_, expected))) in found.iter().zip(expected).enumerate() {
            assert_eq!(found.len(), expected.len(), "{name} of {what}");
            let largest = expected.iter().fold(1e-30f32, |m, e| m.max(e.abs()));
            let pairs = found.iter().zip(expected);
            let error = pairs.map(|(f, e)| (f - e).abs()).fold(0.0, f32::max) / largest;
            assert!(found.iter().all(|f| f.is_finite()), "{name} of {what} is finite");
            let (kind, most) = if i == 0 { (0, VALUES) } else { (1, GRADIENTS) };
            self.0[kind] = self.0[kind].max(error);
            assert!(error <= most, "{name} of {what}: {error:e} of the largest");
        }
    }

    pub fn tell(&self, what: &str) {
        let [values, gradients] = self.0;
        println!("{what}: values {values:.1e}, gradients {gradients:.1e} of the CPU's");
    }
}
