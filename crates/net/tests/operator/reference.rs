//! The FNO by its definition: f64, sums over modes and points, one field, no tensors.

use std::collections::HashMap;
use std::f64::consts::{PI, SQRT_2};

use karhunen_field::prior::Complex;
use karhunen_field::{Axis, Boundary, Grid};
use karhunen_net::{Conditioning, Coordinates, FnoConfig, LocalKernels, Parameters};

use crate::cases::Case;
use crate::finer::oversampled_gelu;

/// A network's parameters in f64, with the options that determine their use.
#[derive(Clone)]
pub struct Reference {
    grid: Grid,
    config: FnoConfig,
    pub arrays: HashMap<String, Vec<f64>>,
}

impl Reference {
    pub fn new(case: &Case, parameters: &Parameters) -> Self {
        let wide = |values: &[f32]| values.iter().map(|v| f64::from(*v)).collect();
        let arrays = parameters.arrays.iter().map(|a| (a.name.clone(), wide(&a.values))).collect();
        Self { grid: case.grid, config: case.config.clone(), arrays }
    }

    /// F(x, t) of one field, `[point, channel]`, at time t with half log-SNR l.
    pub fn forward(&self, x: &[f64], t: f64, l: f64) -> Vec<f64> {
        let width = self.config.width;
        let film = self.film(l);
        let mut h = self.linear("lifting", &self.inputs(x, t));
        for layer in 0..self.config.layers {
            if self.config.local == LocalKernels::Depthwise {
                h = self.local(layer, &h);
            }
            let global = self.spectral(layer, &h);
            let local = self.linear(&format!("layers.{layer}.skip"), &h);
            h = global.iter().zip(local).map(|(g, l)| g + l).collect();
            if let Some(film) = &film {
                let (scale, shift) =
                    film[2 * layer * width..2 * (layer + 1) * width].split_at(width);
                for (at, v) in h.iter_mut().enumerate() {
                    *v = *v * (1.0 + scale[at % width]) + shift[at % width];
                }
            }
            if layer + 1 < self.config.layers && self.config.oversampling == 2 {
                h = oversampled_gelu(&self.grid, &h);
            } else if layer + 1 < self.config.layers {
                h.iter_mut().for_each(|v| *v = gelu(*v));
            }
        }
        let mut hidden = self.linear("projection", &h);
        hidden.iter_mut().for_each(|v| *v = gelu(*v));
        self.linear("output", &hidden)
    }

    fn periodic(&self) -> bool {
        self.grid.axes().iter().all(|a| a.boundary == Boundary::Periodic)
    }

    fn inputs(&self, x: &[f64], t: f64) -> Vec<f64> {
        let default = if self.periodic() { Coordinates::None } else { Coordinates::Centres };
        let mut inputs = Vec::new();
        for (flat, field) in x.chunks_exact(x.len() / self.grid.len()).enumerate() {
            inputs.extend_from_slice(field);
            for (axis, j) in self.grid.axes().iter().zip(self.grid.position(flat)) {
                match self.config.coordinates.unwrap_or(default) {
                    Coordinates::None => {}
                    Coordinates::Centres => {
                        inputs.push((2 * j + 1) as f64 / axis.points as f64 - 1.0);
                    }
                    Coordinates::Endpoints => {
                        inputs.push(j as f64 / (axis.points.max(2) - 1) as f64);
                    }
                }
            }
            if self.config.conditioning == Conditioning::InputChannel {
                inputs.push(t);
            }
        }
        inputs
    }

    fn film(&self, l: f64) -> Option<Vec<f64>> {
        if self.config.conditioning == Conditioning::InputChannel {
            return None;
        }
        let waves = (0..16).map(|i| 0.16 * 1.4f64.powi(i) * l);
        let features: Vec<f64> = waves.flat_map(|w| [w.sin(), w.cos()]).collect();
        let mut hidden = self.linear("time.hidden", &features);
        hidden.iter_mut().for_each(|v| *v /= 1.0 + (-*v).exp());
        Some(self.linear("time.film", &hidden))
    }

    /// x W + b at every point.
    fn linear(&self, name: &str, x: &[f64]) -> Vec<f64> {
        let weight = &self.arrays[&format!("{name}.weight")];
        let bias = &self.arrays[&format!("{name}.bias")];
        let (outputs, inputs) = (bias.len(), weight.len() / bias.len());
        let mut y = Vec::new();
        for x in x.chunks_exact(inputs) {
            for (o, b) in bias.iter().enumerate() {
                y.push(b + (0..inputs).map(|i| x[i] * weight[i * outputs + o]).sum::<f64>());
            }
        }
        y
    }

    /// Σ_k (2 − δ_{k_last, 0}) Re e^{iω·x} W_k x̂_k over the half-window of modes the grid holds.
    fn spectral(&self, layer: usize, x: &[f64]) -> Vec<f64> {
        let [real, imaginary] = ["real", "imaginary"]
            .map(|part| &self.arrays[&format!("layers.{layer}.spectral.{part}")]);
        let (width, n) = (self.config.width, self.grid.len());
        let periods: Vec<f64> = self
            .grid
            .axes()
            .iter()
            .map(|a| {
                let padded = a.boundary == Boundary::Neumann;
                a.points as f64 * if padded { 1.0 + self.config.padding } else { 1.0 }
            })
            .collect();
        let mut y = vec![0.0; n * width];
        for (mode, k) in self.window().into_iter().enumerate() {
            if k.iter().zip(&periods).any(|(k, p)| 2.0 * k.abs() >= *p) {
                continue;
            }
            let wave: Vec<Complex<f64>> = (0..n)
                .map(|flat| {
                    let at = self.grid.position(flat);
                    let turns = k.iter().zip(&periods).zip(at);
                    let turns: f64 = turns.map(|((k, p), j)| k * (j as f64 + 0.5) / p).sum();
                    Complex::from_polar(1.0, 2.0 * PI * turns)
                })
                .collect();
            let pair = if k[k.len() - 1] == 0.0 { 1.0 } else { 2.0 };
            for out in 0..width {
                let mut v = Complex::new(0.0, 0.0);
                for input in 0..width {
                    let hat: Complex<f64> =
                        wave.iter().enumerate().map(|(j, w)| w.conj() * x[j * width + input]).sum();
                    let slot = (mode * width + input) * width + out;
                    v += Complex::new(real[slot], imaginary[slot]) * hat / n as f64;
                }
                for (j, w) in wave.iter().enumerate() {
                    y[j * width + out] += pair * (w * v).re;
                }
            }
        }
        y
    }

    /// Σ_t K(t) h(x + ℓt). Between centres h is the piecewise linear function through its values,
    /// continued by reflection or periodically.
    fn local(&self, layer: usize, h: &[f64]) -> Vec<f64> {
        let taps = &self.arrays[&format!("layers.{layer}.local.taps")];
        let (width, axes) = (self.config.width, self.grid.axes());
        let cell = |a: &Axis| a.length / a.points as f64;
        let reach = |a: &Axis| self.config.reach.map_or(cell(a), |r| r * axes[0].length);
        let place = |axis: &Axis, j: i64| {
            let n = axis.points as i64;
            match axis.boundary {
                Boundary::Periodic => j.rem_euclid(n),
                _ if j.rem_euclid(2 * n) < n => j.rem_euclid(2 * n),
                _ => 2 * n - 1 - j.rem_euclid(2 * n),
            }
        };
        let mut y = vec![0.0; h.len()];
        for flat in 0..self.grid.len() {
            for tap in 0..taps.len() / width {
                // corners of the cell between centres that contains x + ℓt, with their weights
                let (mut corners, mut rest) = (vec![(0i64, 1.0)], tap);
                let mut signs = vec![0.0; axes.len()];
                for sign in signs.iter_mut().rev() {
                    *sign = (rest % 3) as f64 - 1.0;
                    rest /= 3;
                }
                for ((axis, j), sign) in axes.iter().zip(self.grid.position(flat)).zip(signs) {
                    let at = j as f64 + sign * reach(axis) / cell(axis);
                    let (low, part) = ((at + 1e-9).floor(), at - (at + 1e-9).floor());
                    let ends = [(low as i64, 1.0 - part), (low as i64 + 1, part)];
                    let next = corners.iter().flat_map(|(head, weight)| {
                        let n = axis.points as i64;
                        ends.map(|(j, w)| (head * n + place(axis, j), weight * w))
                    });
                    corners = next.collect();
                }
                for (corner, weight) in corners {
                    for c in 0..width {
                        let value = h[corner as usize * width + c];
                        y[flat * width + c] += taps[tap * width + c] * weight * value;
                    }
                }
            }
        }
        y
    }

    /// Wave numbers in the order of the weights: 0 … m−1, −m … −1, on the last axis 0 … m−1.
    fn window(&self) -> Vec<Vec<f64>> {
        let modes = self.config.modes_for(self.grid.dim()).unwrap();
        let mut window = vec![vec![]];
        for (axis, m) in modes.iter().map(|m| *m as i32).enumerate() {
            let last = axis + 1 == modes.len();
            let waves: Vec<i32> =
                if last { (0..m).collect() } else { (0..m).chain(-m..0).collect() };
            window = window
                .iter()
                .flat_map(|head: &Vec<f64>| {
                    waves.iter().map(|k| [&head[..], &[f64::from(*k)]].concat())
                })
                .collect();
        }
        window
    }
}

/// x Φ(x).
pub fn gelu(x: f64) -> f64 {
    0.5 * x * (1.0 + libm::erf(x / SQRT_2))
}
