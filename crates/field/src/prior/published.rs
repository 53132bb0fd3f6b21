//! Pixel noise as in the published code: multipliers on the DFT of white noise per cell.
//!
//! This option exists only to reproduce published numbers. Its frequencies are those of the 5-point
//! stencil, and every DFT mode is kept, including Nyquist. The noise of two grids is therefore not
//! the restriction of one function: it is **not nested**, and its strength at a wave number changes
//! with N. In applications use [`super::Bessel`], [`super::Laplacian`], [`super::Truncated`] and
//! [`super::Combined`], which are the same covariances on the continuum.

use std::f64::consts::PI;

pub use rustfft::num_complex::Complex;
use rustfft::{FftDirection, FftPlanner};

use super::positive;
use crate::lines::for_each_line;
use crate::{Boundary, FieldError, Grid};

/// The operator v ↦ irfft(M · rfft(v)) on white noise v per cell, with a multiplier M.
///
/// With N_j cells along axis j of the unit box, M is a sum of terms in the stencil symbol
/// s_k = Σ_j 4 N_j² sin²(π k_j / N_j):
///
/// | constructor | M_k |
/// |---|---|
/// | [`bessel`](Self::bessel) | (γ + s_k)^{−p} |
/// | [`laplacian`](Self::laplacian) | (s_k)^{−p}, 0 at k = 0 |
/// | [`window`](Self::window) | w_k on a window of the lowest modes, 0 beyond |
/// | [`combined`](Self::combined) | Σ_i f_i M_k of the parts |
///
/// As in a real inverse DFT, modes with k_last > 0 stand for themselves and their conjugates. Of
/// the plane k_last = 0 (and of the Nyquist plane of an even last axis) only the Hermitian part
/// counts. A complex window acts there as ½ (w_k + conj w_{−k}).
///
/// **Normalisation** white noise of unit variance becomes a field of variance Σ |M_k|² / N over
/// all N DFT modes, so pixel amplitudes shrink with refinement.
///
/// **Cost** two DFTs.
///
/// **Source** The code of Hagemann et al., arXiv 2303.04772, for two axes. One and three axes
/// follow the same rule. Non-square grids use the unit box.
///
/// # Example
/// ```
/// use karhunen_field::prior::PixelMultiplier;
/// let prior = PixelMultiplier::bessel(16.0, 0.5)?;
/// // the alternating vector is the Nyquist mode: s = 4·2² = 16, M = 32^{−½}
/// let y = prior.apply(&[2], &[1.0, -1.0])?;
/// assert!((y[0] - 32f64.powf(-0.5)).abs() < 1e-15 && y[1] == -y[0]);
/// # Ok::<(), karhunen_field::FieldError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct PixelMultiplier {
    terms: Vec<(f64, Symbol)>,
}

#[derive(Debug, Clone, PartialEq)]
enum Symbol {
    Bessel { gamma: f64, power: f64 },
    Laplacian { power: f64 },
    Window { modes: Vec<usize>, weights: Vec<Complex<f64>> },
}

impl PixelMultiplier {
    /// (γ + s)^{−p}.
    ///
    /// # Errors
    /// [`FieldError::Parameter`] unless both are positive and finite. Trace class is not required,
    /// because the first published power, ½ in two dimensions, is not trace class.
    pub fn bessel(gamma: f64, power: f64) -> Result<Self, FieldError> {
        let (gamma, power) = (positive("gamma", gamma)?, positive("power", power)?);
        Ok(Self { terms: vec![(1.0, Symbol::Bessel { gamma, power })] })
    }

    /// `scale` · s^{−p}, and 0 for the mean.
    ///
    /// # Errors
    /// As [`Self::bessel`].
    pub fn laplacian(scale: f64, power: f64) -> Result<Self, FieldError> {
        let (scale, power) = (positive("scale", scale)?, positive("power", power)?);
        Ok(Self { terms: vec![(scale, Symbol::Laplacian { power })] })
    }

    /// Complex weights on the lowest m_j = `modes[j]` modes of every axis.
    ///
    /// **Shape** `weights` is `[2 m_0, …, m_last]`. Along every axis but the last the order is k =
    /// 0, …, m−1, −m, …, −1; along the last it is 0, …, m−1. Modes that a grid does not hold are
    /// skipped.
    ///
    /// # Errors
    /// [`FieldError::Dimension`] unless there are 1 to 3 axes; [`FieldError::Parameter`] if the
    /// number of weights is wrong.
    pub fn window(modes: &[usize], weights: Vec<Complex<f64>>) -> Result<Self, FieldError> {
        let grid = Grid::unit(modes, Boundary::Periodic)?;
        if weights.len() != grid.len() << (grid.dim() - 1) {
            return Err(FieldError::Parameter {
                parameter: "number of window weights",
                value: weights.len() as f64,
                requirement: "it must be the product of 2m over all axes but the last, times m",
            });
        }
        let symbol = Symbol::Window { modes: modes.to_vec(), weights };
        Ok(Self { terms: vec![(1.0, symbol)] })
    }

    /// Σ f_i M_i on the same white noise.
    ///
    /// # Errors
    /// [`FieldError::Parameter`] without parts or for a factor that is not positive and finite.
    pub fn combined(parts: Vec<(f64, Self)>) -> Result<Self, FieldError> {
        if parts.is_empty() {
            let requirement = "a combined multiplier needs at least one";
            return Err(FieldError::Parameter { parameter: "parts", value: 0.0, requirement });
        }
        let mut terms = Vec::new();
        for (factor, part) in parts {
            let factor = positive("factor", factor)?;
            terms.extend(part.terms.into_iter().map(|(f, symbol)| (factor * f, symbol)));
        }
        Ok(Self { terms })
    }

    /// The noise made of `values`, white noise on a grid with these cell counts.
    ///
    /// **Shape** `values` is row-major, last axis fastest, one channel; so is the result.
    ///
    /// # Errors
    /// [`FieldError::Dimension`] or [`FieldError::Axis`] if `points` do not form a grid, or if their
    /// dimension differs from that of a window; [`FieldError::Length`] if the values do not fill it.
    pub fn apply(&self, points: &[usize], values: &[f64]) -> Result<Vec<f64>, FieldError> {
        let grid = Grid::unit(points, Boundary::Periodic)?;
        if values.len() != grid.len() {
            return Err(FieldError::Length { values: values.len(), channels: 1, grid });
        }
        let mut symbol = vec![Complex::default(); values.len()];
        for (factor, term) in &self.terms {
            term.add(*factor, &grid, &mut symbol)?;
        }
        let mut spectrum: Vec<Complex<f64>> =
            values.iter().map(|&v| Complex::new(v, 0.0)).collect();
        dft(&mut spectrum, points, FftDirection::Forward);
        let last = grid.dim() - 1;
        let n = points[last];
        for (flat, (c, m)) in spectrum.iter_mut().zip(&symbol).enumerate() {
            let k = grid.position(flat)[last];
            // the real part of a half-spectrum: twice what has a conjugate in the other half
            let pair = match 2 * k {
                0 => 1.0,
                twice if twice == n => 1.0,
                twice if twice < n => 2.0,
                _ => 0.0,
            };
            *c *= m * (pair / values.len() as f64);
        }
        dft(&mut spectrum, points, FftDirection::Inverse);
        Ok(spectrum.into_iter().map(|c| c.re).collect())
    }
}

impl Symbol {
    /// Adds `factor` · M_k to the symbol of every DFT mode of `grid`.
    fn add(&self, factor: f64, grid: &Grid, symbol: &mut [Complex<f64>]) -> Result<(), FieldError> {
        if let Symbol::Window { modes, weights } = self {
            return add_window(factor, modes, weights, grid, symbol);
        }
        for (flat, m) in symbol.iter_mut().enumerate() {
            let stencil = stencil(grid, flat);
            *m += factor
                * match self {
                    Symbol::Bessel { gamma, power } => (gamma + stencil).powf(-power),
                    Symbol::Laplacian { power } if flat > 0 => stencil.powf(-power),
                    _ => 0.0,
                };
        }
        Ok(())
    }
}

/// s_k of the DFT mode at a flat position: the 5-point stencil's −Δ on the unit box.
fn stencil(grid: &Grid, flat: usize) -> f64 {
    let position = grid.position(flat);
    let along = |(axis, k): (&crate::Axis, usize)| {
        let n = axis.points as f64;
        (2.0 * n * (PI * k as f64 / n).sin()).powi(2)
    };
    grid.axes().iter().zip(position).map(along).sum()
}

fn add_window(
    factor: f64,
    modes: &[usize],
    weights: &[Complex<f64>],
    grid: &Grid,
    symbol: &mut [Complex<f64>],
) -> Result<(), FieldError> {
    if modes.len() != grid.dim() {
        return Err(FieldError::Dimension(grid.dim()));
    }
    let last = modes.len() - 1;
    'weights: for (slot, w) in weights.iter().enumerate() {
        let (mut rest, mut flat, mut stride) = (slot, 0, 1);
        for axis in (0..=last).rev() {
            let (m, n) = (modes[axis], grid.axes()[axis].points);
            let rows = if axis == last { m } else { 2 * m };
            let row = rest % rows;
            rest /= rows;
            // rows m … 2m−1 are k − 2m < 0; an even axis holds its Nyquist once, as −n/2 there
            let held = match row {
                _ if axis == last => 2 * row <= n,
                _ if row < m => 2 * row < n,
                _ => 2 * (2 * m - row) <= n,
            };
            if !held {
                continue 'weights;
            }
            let k = if row < m { row } else { n - (2 * m - row) };
            flat += k * stride;
            stride *= n;
        }
        symbol[flat] += w * factor;
    }
    Ok(())
}

/// Unnormalised DFT over all axes, in place.
fn dft(data: &mut [Complex<f64>], points: &[usize], direction: FftDirection) {
    let mut planner = FftPlanner::new();
    for (axis, &n) in points.iter().enumerate() {
        let fft = planner.plan_fft(n, direction);
        let mut scratch = vec![Complex::default(); fft.get_inplace_scratch_len()];
        for_each_line(data, points, axis, |line| fft.process_with_scratch(line, &mut scratch));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ModeNoise, noise::stream};

    /// Sums of at most 60 products of numbers of order 100.
    const ROUNDING: f64 = 1e-12;

    fn white(points: &[usize], index: u64) -> Vec<f64> {
        let cells = points.iter().product();
        ModeNoise::new(11).plain_normals(cells, index, stream::START)
    }

    /// Signed wave numbers of the DFT rows of an axis.
    fn waves(n: usize) -> Vec<i64> {
        (0..n as i64).map(|q| if 2 * q < n as i64 { q } else { q - n as i64 }).collect()
    }

    /// (1/N) Σ_k M_k v̂_k e^{2πi k·j/N} by its definition, over all modes of the full spectrum.
    fn by_definition(
        points: &[usize],
        v: &[f64],
        multiplier: impl Fn(&[i64]) -> Complex<f64>,
    ) -> Vec<f64> {
        let grid = Grid::unit(points, Boundary::Periodic).unwrap();
        let phase = |k: &[i64], at: usize| {
            let j = grid.position(at);
            let turns: f64 = k
                .iter()
                .zip(j)
                .zip(points)
                .map(|((k, j), n)| (*k * j as i64) as f64 / *n as f64)
                .sum();
            Complex::from_polar(1.0, 2.0 * PI * turns)
        };
        let mut out = vec![Complex::new(0.0, 0.0); v.len()];
        for flat in 0..v.len() {
            let row = grid.position(flat);
            let k: Vec<i64> = points.iter().zip(row).map(|(n, q)| waves(*n)[q]).collect();
            let hat: Complex<f64> =
                v.iter().enumerate().map(|(at, v)| phase(&k, at).conj() * v).sum();
            let c = hat * multiplier(&k) / v.len() as f64;
            out.iter_mut().enumerate().for_each(|(at, y)| *y += c * phase(&k, at));
        }
        assert!(out.iter().all(|y| y.im.abs() < ROUNDING), "a real multiplier of a real field");
        out.iter().map(|y| y.re).collect()
    }

    fn distance(a: &[f64], b: &[f64]) -> f64 {
        a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
    }

    const SHAPES: [&[usize]; 9] =
        [&[1], &[2], &[7], &[12], &[4, 6], &[5, 3], &[1, 4], &[3, 4, 5], &[2, 3, 2]];

    #[test]
    fn stencil_priors_are_their_definition_on_every_mode() {
        for points in SHAPES {
            let symbol = |k: &[i64]| -> f64 {
                k.iter()
                    .zip(points)
                    .map(|(k, n)| 4.0 * (*n as f64 * (PI * *k as f64 / *n as f64).sin()).powi(2))
                    .sum()
            };
            let v = white(points, 1);
            let bessel = by_definition(points, &v, |k| (8.0 + symbol(k)).powf(-0.55).into());
            let got = PixelMultiplier::bessel(8.0, 0.55).unwrap().apply(points, &v).unwrap();
            assert!(distance(&bessel, &got) < ROUNDING, "{points:?}");

            let inverse =
                |k: &[i64]| if k.iter().all(|k| *k == 0) { 0.0 } else { symbol(k).powf(-0.5) };
            let laplacian = by_definition(points, &v, |k| (20.0 * inverse(k)).into());
            let got = PixelMultiplier::laplacian(20.0, 0.5).unwrap().apply(points, &v).unwrap();
            assert!(distance(&laplacian, &got) < ROUNDING, "{points:?}");
        }
    }

    /// The effective multiplier of a complex window, Hermitian by construction.
    #[test]
    fn windows_act_by_their_hermitian_part() {
        for points in SHAPES {
            let modes: Vec<usize> = (0..points.len()).map(|axis| 2 + axis % 2).collect();
            let last = modes.len() - 1;
            let count = modes.iter().product::<usize>() << last;
            let parts = white(&[2 * count], 2);
            let weights: Vec<Complex<f64>> =
                parts.chunks_exact(2).map(|p| Complex::new(p[0], p[1])).collect();
            let weight = |k: &[i64]| -> Complex<f64> {
                let mut slot = 0;
                for (axis, (&k, &m)) in k.iter().zip(&modes).enumerate() {
                    let (m, n) = (m as i64, points[axis] as i64);
                    let rows = if axis == last { m } else { 2 * m };
                    // the Nyquist row is listed as −n/2, the Nyquist column as n/2
                    let k = if axis == last && 2 * k == -n { -k } else { k };
                    let inside =
                        if axis == last { (0..m).contains(&k) } else { (-m..m).contains(&k) };
                    if !inside {
                        return Complex::default();
                    }
                    slot = slot * rows + k.rem_euclid(rows);
                }
                weights[slot as usize]
            };
            let mirrored = |k: &[i64]| -> Vec<i64> {
                k.iter()
                    .zip(points)
                    .map(|(k, &n)| if 2 * k == -(n as i64) { *k } else { -k })
                    .collect()
            };
            let v = white(points, 3);
            let expected = by_definition(points, &v, |k| {
                let alone = k[last] == 0 || 2 * k[last] == -(points[last] as i64);
                let half = if alone { 0.5 } else { 1.0 };
                (weight(k) + weight(&mirrored(k)).conj()) * half
            });
            let prior = PixelMultiplier::window(&modes, weights.clone()).unwrap();
            assert!(
                distance(&expected, &prior.apply(points, &v).unwrap()) < ROUNDING,
                "{points:?}"
            );
        }
    }

    #[test]
    fn combined_multipliers_share_the_white_noise() {
        let (points, modes) = ([6, 5], [2, 2]);
        let v = white(&points, 4);
        let window = PixelMultiplier::window(&modes, vec![Complex::new(0.3, -0.4); 8]).unwrap();
        let laplacian = PixelMultiplier::laplacian(1.0, 0.55).unwrap();
        let both =
            PixelMultiplier::combined(vec![(0.5, window.clone()), (10.0, laplacian.clone())])
                .unwrap();
        let sum: Vec<f64> = window
            .apply(&points, &v)
            .unwrap()
            .iter()
            .zip(laplacian.apply(&points, &v).unwrap())
            .map(|(w, l)| 0.5 * w + 10.0 * l)
            .collect();
        assert!(distance(&sum, &both.apply(&points, &v).unwrap()) < ROUNDING);
    }

    #[test]
    fn refuses_what_has_no_meaning() {
        let parameter = |r: Result<PixelMultiplier, FieldError>| match r {
            Err(FieldError::Parameter { parameter, .. }) => parameter,
            other => panic!("accepted: {other:?}"),
        };
        assert_eq!(parameter(PixelMultiplier::bessel(0.0, 0.55)), "gamma");
        assert_eq!(parameter(PixelMultiplier::laplacian(1.0, f64::NAN)), "power");
        assert_eq!(parameter(PixelMultiplier::combined(vec![])), "parts");
        let weights = vec![Complex::new(1.0, 0.0); 7];
        assert_eq!(
            parameter(PixelMultiplier::window(&[2, 2], weights)),
            "number of window weights"
        );
        let window = PixelMultiplier::window(&[1], vec![Complex::new(1.0, 0.0)]).unwrap();
        assert_eq!(window.apply(&[2, 2], &[0.0; 4]), Err(FieldError::Dimension(2)));
        assert!(matches!(window.apply(&[4], &[0.0; 3]), Err(FieldError::Length { values: 3, .. })));
    }
}
