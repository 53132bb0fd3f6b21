//! Similarity of fields by correlation, maximised over shifts along periodic axes.
//!
//! A shifted copy of a field is far from the original in the distances of
//! [`super::memorisation()`]; here it is recognised. The caller decides which fields to compare and
//! which correlation is too large.

use std::sync::Arc;

use rustfft::num_complex::Complex;
use rustfft::{Fft, FftPlanner};

use super::check;
use crate::{Ensemble, FieldError};

/// A forward and an inverse transform along an axis.
type Transforms = (Arc<dyn Fft<f64>>, Arc<dyn Fft<f64>>);

/// Known fields, among which the most similar one to a given field is sought.
///
/// r(f) = max over g and s of ⟨f, g(· + s)⟩ / (|f| |g|)
///
/// Here g is a known field and s a shift by whole cells along the given axes. The inner product
/// runs over all channels and points. To correlate fields about a mean, subtract the mean first.
///
/// **Cost** Transforms along the given axes for each field and each pair, and a product of all
/// values for each pair.
///
/// # Example
/// ```
/// use karhunen_field::{Boundary, Ensemble, Grid, metrics::MostAlike};
/// let grid = Grid::unit(&[4], Boundary::Periodic)?;
/// let known = Ensemble::new(grid, 1, vec![1.0, 0.0, 0.0, 0.0])?;
/// let moved = [0.0, 0.0, 2.0, 0.0];
/// assert_eq!(MostAlike::among(&known, &[])?.correlation(&moved), 0.0);
/// assert!((MostAlike::among(&known, &[0])?.correlation(&moved) - 1.0).abs() < 1e-12);
/// # Ok::<(), karhunen_field::FieldError>(())
/// ```
pub struct MostAlike {
    /// Cell of each value in the order of this module: axes of the shifts vary slowest.
    order: Vec<usize>,
    channels: usize,
    /// Cells along the axes of the shifts, with their transforms.
    plans: Vec<Transforms>,
    shifted: Vec<usize>,
    /// Spectra of the fields, and their norms.
    known: Vec<(Vec<Complex<f64>>, f64)>,
}

impl MostAlike {
    /// Prepares known fields and the axes along which they may be shifted. Those axes must be
    /// periodic.
    ///
    /// # Errors
    /// [`FieldError::TooFew`] without fields; [`FieldError::Parameter`] for values that are not finite.
    ///
    /// # Panics
    /// If the grid has no axis with such an index.
    pub fn among(fields: &Ensemble, axes: &[usize]) -> Result<Self, FieldError> {
        check(fields, "correlations", 1)?;
        let points = fields.grid.points();
        let shifted: Vec<usize> = axes.iter().map(|a| points[*a]).collect();
        let others: Vec<usize> = (0..points.len()).filter(|a| !axes.contains(a)).collect();
        let stride = |axis: usize| points[axis + 1..].iter().product::<usize>();
        // all cells, with the axes of the shifts varying slowest
        let mut order = vec![0];
        for axis in axes.iter().chain(&others) {
            let (n, step) = (points[*axis], stride(*axis));
            order = order.iter().flat_map(|at| (0..n).map(move |i| at + i * step)).collect();
        }
        let mut planner = FftPlanner::new();
        let plans = shifted
            .iter()
            .map(|n| (planner.plan_fft_forward(*n), planner.plan_fft_inverse(*n)))
            .collect();
        let mut own = Self { order, channels: fields.channels, plans, shifted, known: vec![] };
        own.known = fields.fields().map(|field| own.spectrum(field)).collect();
        Ok(own)
    }

    /// Correlation of a field with the known field most similar to it; 0 for the zero field.
    ///
    /// # Panics
    /// Unless the field has as many values as the known fields.
    pub fn correlation(&self, field: &[f64]) -> f64 {
        let (spectrum, norm) = self.spectrum(field);
        let like = |(known, size): &(Vec<Complex<f64>>, f64)| {
            let scale = norm * size;
            if scale > 0.0 { self.largest_product(&spectrum, known) / scale } else { 0.0 }
        };
        self.known.iter().map(like).fold(f64::NEG_INFINITY, f64::max)
    }

    /// Number of all shifts.
    fn shifts(&self) -> usize {
        self.shifted.iter().product()
    }

    /// The spectrum of a field, `[shift's frequency, (channel, other cell)]`, and its norm.
    fn spectrum(&self, field: &[f64]) -> (Vec<Complex<f64>>, f64) {
        let (shifts, cells) = (self.shifts(), self.order.len());
        assert_eq!(field.len(), self.channels * cells, "values of a field");
        let others = cells / shifts;
        let mut values = Vec::with_capacity(field.len());
        for shift in 0..shifts {
            for channel in 0..self.channels {
                let own = &self.order[shift * others..(shift + 1) * others];
                values.extend(own.iter().map(|at| Complex::new(field[channel * cells + at], 0.0)));
            }
        }
        let norm = field.iter().map(|v| v * v).sum::<f64>().sqrt();
        self.transform(&mut values, others * self.channels, false);
        (values, norm)
    }

    /// Transforms `[shift, inner]` along every shifted axis.
    fn transform(&self, values: &mut [Complex<f64>], inner: usize, inverse: bool) {
        let mut after = inner;
        for (n, (forward, backward)) in self.shifted.iter().zip(&self.plans).rev() {
            let plan = if inverse { backward } else { forward };
            let mut line = vec![Complex::default(); *n];
            for block in values.chunks_exact_mut(n * after) {
                for at in 0..after {
                    line.iter_mut()
                        .zip(block[at..].iter().step_by(after))
                        .for_each(|(l, v)| *l = *v);
                    plan.process(&mut line);
                    block[at..].iter_mut().step_by(after).zip(&line).for_each(|(v, l)| *v = *l);
                }
            }
            after *= n;
        }
    }

    /// max over s of Σ f(x) g(x + s).
    fn largest_product(&self, a: &[Complex<f64>], b: &[Complex<f64>]) -> f64 {
        let (shifts, inner) = (self.shifts(), a.len() / self.shifts());
        let product = |(a, b): (&[Complex<f64>], &[Complex<f64>])| {
            a.iter().zip(b).map(|(a, b)| a.conj() * b).sum::<Complex<f64>>()
        };
        let mut sums: Vec<Complex<f64>> =
            a.chunks_exact(inner).zip(b.chunks_exact(inner)).map(product).collect();
        self.transform(&mut sums, 1, true);
        sums.iter().map(|c| c.re / shifts as f64).fold(f64::NEG_INFINITY, f64::max)
    }
}

#[cfg(test)]
mod tests {
    use super::super::oracle;
    use super::*;
    use crate::{Boundary, Grid};

    /// The definition, evaluated for every shift.
    fn naive(f: &[f64], known: &Ensemble, axes: &[usize]) -> f64 {
        let points = known.grid.points();
        let (rows, columns) = (points[0], points[1]);
        let norm = |f: &[f64]| f.iter().map(|v| v * v).sum::<f64>().sqrt();
        let reach = |axis: usize| if axes.contains(&axis) { points[axis] } else { 1 };
        let mut best = f64::NEG_INFINITY;
        for g in known.fields() {
            for (sy, sx) in (0..reach(0)).flat_map(|sy| (0..reach(1)).map(move |sx| (sy, sx))) {
                let mut sum = 0.0;
                for (i, v) in f.iter().enumerate() {
                    let (c, y, x) = (i / (rows * columns), i / columns % rows, i % columns);
                    let (y, x) = ((y + sy) % rows, (x + sx) % columns);
                    sum += v * g[(c * rows + y) * columns + x];
                }
                best = best.max(sum / norm(f) / norm(g));
            }
        }
        best
    }

    #[test]
    fn correlations_over_shifts_are_those_of_the_definition() {
        let grid = Grid::unit(&[6, 5], Boundary::Periodic).unwrap();
        let noise = oracle::normals(60 * 12, 3);
        let all = Ensemble::new(grid, 2, noise).unwrap();
        let (known, others) = (all.slice(0..7), all.slice(7..12));
        for axes in [&[][..], &[0], &[1], &[0, 1]] {
            let alike = MostAlike::among(&known, axes).unwrap();
            for field in others.fields() {
                let (found, expected) = (alike.correlation(field), naive(field, &known, axes));
                assert!((found - expected).abs() < 1e-12, "{axes:?}: {found} {expected}");
            }
        }
        let alike = MostAlike::among(&known, &[0, 1]).unwrap();
        assert_eq!(alike.correlation(&[0.0; 60]), 0.0);
        assert!(MostAlike::among(&known.slice(0..0), &[]).is_err());
    }
}
