//! Path time as a conditioning vector: sinusoids of the log-SNR through a small perceptron.
//!
//! The log-SNR, not t, is what the difficulty of denoising depends on; it makes one embedding
//! serve every path.

use burn::module::Module;
use burn::nn::{Initializer, Linear, LinearConfig};
use burn::tensor::{Device, Tensor, TensorData, activation::silu};

/// Frequencies of the sinusoids (each gives a sine and a cosine).
const FREQUENCIES: usize = 16;
/// Hidden width of the perceptron.
const HIDDEN: usize = 64;

/// Maps ln(a/b) to scales and shifts (FiLM).
#[derive(Module, Debug)]
pub struct TimeEmbedding {
    /// Sinusoids → hidden.
    pub hidden: Linear,
    /// Hidden → the scales and shifts of every layer.
    pub film: Linear,
}

impl TimeEmbedding {
    /// Zero weights for `features` scales and shifts.
    pub fn zeros(features: usize, device: &Device) -> Self {
        let linear =
            |i, o| LinearConfig::new(i, o).with_initializer(Initializer::Zeros).init(device);
        Self { hidden: linear(2 * FREQUENCIES, HIDDEN), film: linear(HIDDEN, features) }
    }

    /// `[batch]` half log-SNRs → `[batch, 1, features]`.
    pub fn forward(&self, half_log_snr: &[f64], device: &Device) -> Tensor<3> {
        let batch = half_log_snr.len();
        let mut features = Vec::with_capacity(batch * 2 * FREQUENCIES);
        for l in half_log_snr {
            for i in 0..FREQUENCIES {
                // geometric from one turn over ±20 to about one turn over a tenth
                let omega = 0.16 * 1.4f64.powi(i as i32);
                features.extend([(omega * l).sin() as f32, (omega * l).cos() as f32]);
            }
        }
        let x = Tensor::<2>::from_data(TensorData::new(features, [batch, 2 * FREQUENCIES]), device);
        self.film.forward(silu(self.hidden.forward(x))).unsqueeze_dim(1)
    }
}
