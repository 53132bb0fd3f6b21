//! How a Fourier neural operator answers: by fused operators, or composed of a library's.

use std::sync::Arc;

use burn::nn::Linear;
use burn::tensor::{Tensor, TensorData};
use karhunen_field::{Boundary, Grid};
use karhunen_kernels::{
    Activation, LayerParameters, MlpParameters, SpectralPlan, pointwise_linear, pointwise_mlp,
    spectral_block, spectral_block_oversampled, supports_oversampling,
};

use crate::fno::gelu;
use crate::fno_config::{Conditioning, Coordinates};
use crate::local::LocalBasis;
use crate::operators::Operators;
use crate::oversampling::OversamplingBasis;
use crate::spectral::SpectralBasis;
use crate::{Fno, Given, NetError};

impl Fno {
    /// F(x, t) for a batch.
    ///
    /// **Shape** `x` holds `[batch, points, channel]` values; so does the result, on the device.
    ///
    /// # Errors
    /// [`NetError::Input`] if the grid's boundaries differ from those the network was built for, if
    /// the values have the wrong length, or if there is not one log-SNR for each time.
    pub fn forward(
        &self,
        grid: &Grid,
        x: &[f32],
        times: &[f64],
        half_log_snr: &[f64],
    ) -> Result<Tensor<3>, NetError> {
        self.forward_of(grid, x, times, half_log_snr, &Given::default())
    }

    /// F(x, t | given) for a batch.
    ///
    /// # Errors
    /// As [`Fno::forward`]; [`NetError::Input`] for a class that the network does not have.
    pub fn forward_of(
        &self,
        grid: &Grid,
        x: &[f32],
        times: &[f64],
        half_log_snr: &[f64],
        given: &Given,
    ) -> Result<Tensor<3>, NetError> {
        let (batch, points) = (times.len(), grid.len());
        let boundaries: Vec<Boundary> = grid.axes().iter().map(|a| a.boundary).collect();
        if boundaries != self.boundaries || x.len() != batch * points * self.channels {
            return Err(NetError::Input {
                expected: format!("{:?} axes and {} channel(s)", self.boundaries, self.channels),
                found: format!("{boundaries:?} axes and {} values for {batch} fields", x.len()),
            });
        }
        if half_log_snr.len() != batch {
            return Err(NetError::Input {
                expected: format!("one log-SNR for each of {batch} times"),
                found: format!("{} log-SNRs", half_log_snr.len()),
            });
        }
        self.answer(grid, self.inputs(grid, x, times), half_log_snr, given)
    }

    fn answer(
        &self,
        grid: &Grid,
        inputs: Tensor<3>,
        half_log_snr: &[f64],
        given: &Given,
    ) -> Result<Tensor<3>, NetError> {
        let film = self.weights.time.as_ref().map(|t| t.forward(half_log_snr, given, &self.device));
        let film = film.transpose()?;
        let [batch, points, _] = inputs.dims();
        let other = given.tensor(self.condition_channels(), (batch, points), &self.device)?;
        let inputs = (inputs, other);
        match self.operators {
            Operators::Fused => self.fused(grid, inputs, film),
            Operators::Composed => self.composed(grid, inputs, film),
        }
    }

    /// ∂F(x, t)* w: the transposed derivative of a batch's answers, applied to `w`. `None` on a
    /// device that does not track derivatives.
    ///
    /// **Shape** `x`, `w` and the result hold `[batch, points, channel]` values.
    ///
    /// # Errors
    /// As [`Fno::forward_of`]; [`NetError::Compute`] if the device does not return the result.
    pub fn pullback(
        &self,
        grid: &Grid,
        x: &[f32],
        w: &[f32],
        (times, half_log_snr): (&[f64], &[f64]),
        given: &Given,
    ) -> Result<Option<Vec<f32>>, NetError> {
        if !self.device.is_autodiff() {
            return Ok(None);
        }
        let inputs = self.inputs(grid, x, times).require_grad();
        let answers = self.answer(grid, inputs.clone(), half_log_snr, given)?;
        let shape = answers.dims();
        let w = Tensor::<3>::from_data(TensorData::new(w.to_vec(), shape), &self.device);
        let gradients = (answers * w).sum().backward();
        let failed = |e: String| NetError::Compute(e);
        let found =
            inputs.grad(&gradients).ok_or_else(|| failed("no derivative came back".into()))?;
        let width = found.dims()[2];
        let all: Vec<f32> =
            found.without_autodiff().try_into_vec_as().map_err(|e| failed(e.to_string()))?;
        Ok(Some(all.chunks_exact(width).flat_map(|v| &v[..self.channels]).copied().collect()))
    }

    /// The fused implementation: one operator a layer, and one each for lifting and projection.
    fn fused(
        &self,
        grid: &Grid,
        (inputs, other): (Tensor<3>, Option<Tensor<3>>),
        film: Option<Tensor<3>>,
    ) -> Result<Tensor<3>, NetError> {
        let plan = self.plan(grid)?;
        let (width, weights) = (self.config.width, &self.weights);
        let mut h = pointwise_linear(inputs, weights.lifting.weight.val(), bias(&weights.lifting))?;
        if let (Some(map), Some(other)) = (&weights.condition, other) {
            h = h + pointwise_linear(other, map.weight.val(), bias(map))?;
        }
        for (i, layer) in weights.layers.iter().enumerate() {
            if let Some(local) = &layer.local {
                h = local.fused(h, self.neighbours(grid)?.as_ref())?;
            }
            let parameters = LayerParameters {
                real: layer.spectral.real.val(),
                imaginary: layer.spectral.imaginary.val(),
                skip: layer.skip.weight.val(),
                bias: bias(&layer.skip),
                film: film.as_ref().map(|f| f.clone().narrow(2, 2 * i * width, 2 * width)),
            };
            let last = i + 1 == weights.layers.len();
            h = match last {
                true => spectral_block(h, parameters, Activation::Identity, &plan)?,
                false if self.oversampled() => self.fused_finer(grid, h, parameters, &plan)?,
                false => spectral_block(h, parameters, Activation::Gelu, &plan)?,
            };
        }
        let parameters = MlpParameters {
            hidden: weights.projection.weight.val(),
            hidden_bias: bias(&weights.projection),
            output: weights.output.weight.val(),
            output_bias: bias(&weights.output),
        };
        Ok(pointwise_mlp(h, parameters)?)
    }

    /// A layer whose nonlinearity is evaluated on a finer grid. On GPUs only its linear part is
    /// fused.
    fn fused_finer(
        &self,
        grid: &Grid,
        h: Tensor<3>,
        parameters: LayerParameters,
        plan: &Arc<SpectralPlan>,
    ) -> Result<Tensor<3>, NetError> {
        let finer = self.finer(grid)?;
        if supports_oversampling(&self.device) {
            return Ok(spectral_block_oversampled(h, parameters, plan, &finer.plan)?);
        }
        let film = parameters.film.clone();
        let linear = LayerParameters { film: None, ..parameters };
        let q = spectral_block(h, linear, Activation::Identity, plan)?;
        Ok(finer.gelu(q, film.as_ref()))
    }

    /// The same by tensor operations.
    fn composed(
        &self,
        grid: &Grid,
        (inputs, other): (Tensor<3>, Option<Tensor<3>>),
        film: Option<Tensor<3>>,
    ) -> Result<Tensor<3>, NetError> {
        let basis = self.basis(grid);
        let width = self.config.width;
        let mut h = self.weights.lifting.forward(inputs);
        if let (Some(map), Some(other)) = (&self.weights.condition, other) {
            h = h + map.forward(other);
        }
        for (i, layer) in self.weights.layers.iter().enumerate() {
            if let Some(local) = &layer.local {
                h = local.composed(h, self.neighbours(grid)?.as_ref());
            }
            h = layer.spectral.forward(h.clone(), &basis) + layer.skip.forward(h);
            let film = film.as_ref().map(|f| f.clone().narrow(2, 2 * i * width, 2 * width));
            let curved = i + 1 < self.weights.layers.len();
            if curved && self.oversampled() {
                h = self.finer(grid)?.gelu(h, film.as_ref());
                continue;
            }
            if let Some(film) = film {
                let scale = film.clone().narrow(2, 0, width);
                h = h * (scale + 1.0) + film.narrow(2, width, width);
            }
            if curved {
                h = gelu(h);
            }
        }
        Ok(self.weights.output.forward(gelu(self.weights.projection.forward(h))))
    }

    /// `[batch, points, field channels + coordinates (+ time)]`.
    fn inputs(&self, grid: &Grid, x: &[f32], times: &[f64]) -> Tensor<3> {
        let points = grid.len();
        let coordinates: Vec<Vec<f32>> = (0..points)
            .map(|flat| {
                let at = grid.position(flat);
                let axes = grid.axes().iter().zip(at);
                match self.coordinates {
                    Coordinates::None => vec![],
                    Coordinates::Centres => {
                        axes.map(|(a, j)| (2.0 * a.centre(j) / a.length - 1.0) as f32).collect()
                    }
                    Coordinates::Endpoints => {
                        axes.map(|(a, j)| j as f32 / (a.points.max(2) - 1) as f32).collect()
                    }
                }
            })
            .collect();
        let time = self.config.conditioning == Conditioning::InputChannel;
        let inputs = self.channels + coordinates[0].len() + usize::from(time);
        let mut values = Vec::with_capacity(times.len() * points * inputs);
        for (field, t) in x.chunks_exact(points * self.channels).zip(times) {
            for (v, c) in field.chunks_exact(self.channels).zip(&coordinates) {
                values.extend_from_slice(v);
                values.extend_from_slice(c);
                if time {
                    values.push(*t as f32);
                }
            }
        }
        Tensor::from_data(TensorData::new(values, [times.len(), points, inputs]), &self.device)
    }

    fn basis(&self, grid: &Grid) -> Arc<SpectralBasis> {
        self.bases.get(grid, || SpectralBasis::new(grid, &self.modes, &self.padding, &self.device))
    }

    fn neighbours(&self, grid: &Grid) -> Result<Arc<LocalBasis>, NetError> {
        self.neighbours.try_get(grid, || LocalBasis::new(grid, &self.reach, &self.device))
    }

    fn finer(&self, grid: &Grid) -> Result<Arc<OversamplingBasis>, NetError> {
        self.finer.try_get(grid, || OversamplingBasis::new(grid, &self.device))
    }

    fn plan(&self, grid: &Grid) -> Result<Arc<SpectralPlan>, NetError> {
        let periods: Vec<f64> = self.padding.iter().map(|p| 1.0 + p).collect();
        self.plans.try_get(grid, || Ok(SpectralPlan::new(&grid.points(), &self.modes, &periods)?))
    }
}

/// The bias of a linear map. Every linear map here has one.
fn bias(linear: &Linear) -> Tensor<1> {
    linear.bias.as_ref().expect("a linear map with bias").val()
}
