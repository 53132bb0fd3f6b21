//! Linear functionals of a function, given by their values on every eigenfunction.
//!
//! Each functional is an average over a uniform set about a centre: a point, a box around it, or a
//! segment. An exponential e^{iω·x} averages to e^{iω·c} times sinc factors. Cosines and sines are
//! sums of exponentials, so every entry has a closed form and no quadrature is needed.

use std::f64::consts::{FRAC_1_SQRT_2, SQRT_2};

use rustfft::num_complex::Complex;

use crate::grid::{Axis, Boundary, Grid, MAX_DIM};

/// u ↦ weight × (average of u over the points of a segment, each averaged over a box of given
/// widths).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Functional {
    /// The channel.
    pub channel: usize,
    /// Centre c, in the box's lengths.
    pub centre: [f64; MAX_DIM],
    /// Widths of the averaging box; 0 for no averaging.
    pub widths: [f64; MAX_DIM],
    /// The vector d of the segment from c − d/2 to c + d/2; 0 for no segment.
    pub along: [f64; MAX_DIM],
    /// Factor of the average.
    pub weight: f64,
}

impl Functional {
    /// The value at a point.
    pub(super) fn point(channel: usize, centre: [f64; MAX_DIM]) -> Self {
        Self { channel, centre, widths: [0.0; MAX_DIM], along: [0.0; MAX_DIM], weight: 1.0 }
    }

    /// The functional's value on every eigenfunction of a grid, in storage order.
    ///
    /// **Cost** a few products a mode; sines and cosines for each mode along a segment.
    pub(super) fn row(&self, grid: &Grid) -> Vec<f64> {
        if self.along == [0.0; MAX_DIM] { self.separable(grid) } else { self.segment(grid) }
    }

    /// The row as products of one factor an axis, for functionals without a segment.
    fn separable(&self, grid: &Grid) -> Vec<f64> {
        let mut factors: [Vec<(Complex<f64>, i8)>; MAX_DIM] =
            std::array::from_fn(|_| vec![(Complex::new(1.0, 0.0), 0)]);
        for (j, axis) in grid.axes().iter().enumerate() {
            let one = |position| {
                let wave = axis.wave_number(position);
                let omega = axis.frequency(wave);
                let (x, sinc) = (self.centre[j], sinc(0.5 * omega * self.widths[j]));
                let value = match axis.boundary {
                    Boundary::Periodic => Complex::from_polar(1.0, omega * x),
                    Boundary::Neumann if wave == 0 => Complex::new(1.0, 0.0),
                    Boundary::Neumann => Complex::new(SQRT_2 * (omega * x).cos(), 0.0),
                    Boundary::Dirichlet => Complex::new(SQRT_2 * (omega * x).sin(), 0.0),
                };
                (value * sinc, sign(axis, wave))
            };
            factors[j] = (0..axis.modes()).map(one).collect();
        }
        let mut row = Vec::with_capacity(grid.mode_count());
        for (first, sign) in &factors[0] {
            for (second, other) in &factors[1] {
                let (product, sign) = (first * second, pick(*sign, *other));
                for (third, other) in &factors[2] {
                    row.push(self.weight * part(product * third, pick(sign, *other)));
                }
            }
        }
        row
    }

    /// The row as sums of exponentials, for functionals along a segment.
    fn segment(&self, grid: &Grid) -> Vec<f64> {
        let value = |mode: crate::Mode| {
            let mut terms = vec![([0.0; MAX_DIM], Complex::new(1.0, 0.0))];
            let mut chosen = 0;
            for (j, axis) in grid.axes().iter().enumerate() {
                let (wave, omega) = (mode.wave[j], mode.omega[j]);
                chosen = pick(chosen, sign(axis, wave));
                let own: &[(f64, Complex<f64>)] = &match axis.boundary {
                    Boundary::Periodic => vec![(omega, Complex::new(1.0, 0.0))],
                    Boundary::Neumann if wave == 0 => vec![(0.0, Complex::new(1.0, 0.0))],
                    Boundary::Neumann => {
                        let half = Complex::new(FRAC_1_SQRT_2, 0.0);
                        vec![(omega, half), (-omega, half)]
                    }
                    Boundary::Dirichlet => {
                        let half = Complex::new(0.0, -FRAC_1_SQRT_2);
                        vec![(omega, half), (-omega, -half)]
                    }
                };
                let with = |(frequency, factor): &([f64; MAX_DIM], Complex<f64>)| {
                    let (frequency, factor) = (*frequency, *factor);
                    own.iter().map(move |(omega, own)| {
                        let mut all = frequency;
                        all[j] = *omega;
                        (all, factor * own)
                    })
                };
                terms = terms.iter().flat_map(with).collect();
            }
            let average = |(frequency, factor): &([f64; MAX_DIM], Complex<f64>)| {
                let dot = |v: &[f64; MAX_DIM]| -> f64 {
                    frequency.iter().zip(v).map(|(f, v)| f * v).sum()
                };
                let widths: f64 =
                    frequency.iter().zip(&self.widths).map(|(f, h)| sinc(0.5 * f * h)).product();
                let along = sinc(0.5 * dot(&self.along));
                factor * Complex::from_polar(along * widths, dot(&self.centre))
            };
            let sum: Complex<f64> = terms.iter().map(average).sum();
            self.weight * part(sum, chosen)
        };
        grid.modes().map(value).collect()
    }
}

/// Sign of the periodic wave number; 0 for other axes and for constants.
fn sign(axis: &Axis, wave: i32) -> i8 {
    if axis.boundary == Boundary::Periodic { wave.signum() as i8 } else { 0 }
}

/// The first of two signs that is not 0.
fn pick(first: i8, second: i8) -> i8 {
    if first != 0 { first } else { second }
}

/// The cosine or the sine of a pair of wave vectors: see [`crate::modes`].
fn part(value: Complex<f64>, sign: i8) -> f64 {
    match sign {
        0 => value.re,
        1.. => SQRT_2 * value.re,
        _ => -SQRT_2 * value.im,
    }
}

fn sinc(x: f64) -> f64 {
    if x.abs() < 1e-8 { 1.0 } else { x.sin() / x }
}
