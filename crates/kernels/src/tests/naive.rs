//! Definitions of the operators in f64, one sum after another.

use std::f64::consts::{PI, SQRT_2};

/// x Φ(x).
pub fn gelu(x: f64) -> f64 {
    0.5 * x * libm::erfc(-x / SQRT_2)
}

/// Φ(x) + x φ(x).
pub fn slope(x: f64) -> f64 {
    0.5 * libm::erfc(-x / SQRT_2) + x * (-0.5 * x * x).exp() / (2.0 * PI).sqrt()
}

/// A layer on one grid, with all options as plain numbers.
#[derive(Clone, Debug)]
pub struct Layer {
    pub points: Vec<usize>,
    pub modes: Vec<usize>,
    pub periods: Vec<f64>,
    pub inputs: usize,
    pub outputs: usize,
    pub curved: bool,
}

/// Operands of a layer in the order real, imaginary, skip, bias, film (empty for none).
pub type Operands<'a> = [&'a [f64]; 5];

impl Layer {
    pub fn len(&self) -> usize {
        self.points.iter().product()
    }

    pub fn window(&self) -> Vec<Vec<i64>> {
        let mut window = vec![vec![]];
        for (axis, m) in self.modes.iter().map(|m| *m as i64).enumerate() {
            let last = axis + 1 == self.modes.len();
            let waves: Vec<i64> =
                if last { (0..m).collect() } else { (0..m).chain(-m..0).collect() };
            window = window
                .iter()
                .flat_map(|head: &Vec<i64>| waves.iter().map(|k| [&head[..], &[*k]].concat()))
                .collect();
        }
        window
    }

    /// The layer on a batch, with phases taken from the corner of the box.
    pub fn forward(&self, x: &[f64], [real, imaginary, skip, bias, film]: Operands) -> Vec<f64> {
        let (n, inputs, outputs) = (self.len(), self.inputs, self.outputs);
        let mut y = Vec::new();
        for (sample, x) in x.chunks_exact(n * inputs).enumerate() {
            let mut p: Vec<f64> = (0..n * outputs)
                .map(|at| {
                    let (j, o) = (at / outputs, at % outputs);
                    let local: f64 =
                        (0..inputs).map(|i| x[j * inputs + i] * skip[i * outputs + o]).sum();
                    bias[o] + local
                })
                .collect();
            for (mode, k) in self.window().into_iter().enumerate() {
                self.add_mode(mode, &k, x, real, imaginary, &mut p);
            }
            let film = (!film.is_empty()).then(|| &film[sample * 2 * outputs..][..2 * outputs]);
            for (at, p) in p.iter_mut().enumerate() {
                if let Some(film) = film {
                    *p = *p * (1.0 + film[at % outputs]) + film[outputs + at % outputs];
                }
                y.push(if self.curved { gelu(*p) } else { *p });
            }
        }
        y
    }

    fn add_mode(
        &self,
        mode: usize,
        k: &[i64],
        x: &[f64],
        real: &[f64],
        imaginary: &[f64],
        p: &mut [f64],
    ) {
        let (n, inputs, outputs) = (self.len(), self.inputs, self.outputs);
        let periods: Vec<f64> =
            self.points.iter().zip(&self.periods).map(|(n, p)| *n as f64 * p).collect();
        if k.iter().zip(&periods).any(|(k, p)| 2.0 * k.abs() as f64 >= *p) {
            return;
        }
        let phase = |mut flat: usize| -> f64 {
            let mut turns = 0.0;
            for axis in (0..self.points.len()).rev() {
                let j = flat % self.points[axis];
                flat /= self.points[axis];
                turns += k[axis] as f64 * (j as f64 + 0.5) / periods[axis];
            }
            2.0 * PI * turns
        };
        let phases: Vec<f64> = (0..n).map(phase).collect();
        let hat: Vec<(f64, f64)> = (0..inputs)
            .map(|i| {
                let terms = phases.iter().enumerate();
                terms.fold((0.0, 0.0), |(re, im), (j, t)| {
                    let v = x[j * inputs + i] / n as f64;
                    (re + v * t.cos(), im - v * t.sin())
                })
            })
            .collect();
        let pair = if k[k.len() - 1] == 0 { 1.0 } else { 2.0 };
        for o in 0..outputs {
            let (mut re, mut im) = (0.0, 0.0);
            for (i, (a, b)) in hat.iter().enumerate() {
                let slot = (mode * inputs + i) * outputs + o;
                re += a * real[slot] - b * imaginary[slot];
                im += a * imaginary[slot] + b * real[slot];
            }
            for (j, t) in phases.iter().enumerate() {
                p[j * outputs + o] += pair * (re * t.cos() - im * t.sin());
            }
        }
    }
}

/// x W + b.
pub fn linear(x: &[f64], weight: &[f64], bias: &[f64]) -> Vec<f64> {
    let outputs = bias.len();
    let inputs = weight.len() / outputs;
    x.chunks_exact(inputs)
        .flat_map(|x| {
            (0..outputs)
                .map(|o| bias[o] + (0..inputs).map(|i| x[i] * weight[i * outputs + o]).sum::<f64>())
        })
        .collect()
}

/// gelu(x W₁ + b₁) W₂ + b₂.
pub fn mlp(x: &[f64], [w1, b1, w2, b2]: [&[f64]; 4]) -> Vec<f64> {
    let hidden: Vec<f64> = linear(x, w1, b1).into_iter().map(gelu).collect();
    linear(&hidden, w2, b2)
}
