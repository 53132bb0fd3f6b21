//! Transforms between point values and coefficients in the orthonormal basis of [`crate::modes`].
//!
//! Cosine axes use DCT-II/III and sine axes DST-II/III. Periodic axes together use a complex DFT
//! with the half-cell phase of cell centres. Any length works. With the mean as inner product,
//! `analyse(synthesise(c)) = c`, and mean f² = Σ c² for fields within the band.
//!
//! **Cost** O(N log N) for N points. Plans are made once per grid.

use std::f64::consts::{PI, SQRT_2};
use std::fmt;
use std::sync::Arc;

use rustdct::{DctPlanner, TransformType2And3};
use rustfft::{Fft, FftPlanner, num_complex::Complex};

use crate::grid::{Boundary, Grid};
use crate::lines::{each_complex_line, each_real_line};
use crate::{Mode, Scalar};

/// A planned pair of transforms for one grid. It is cheap to clone and has no interior state.
///
/// # Example
/// ```
/// use karhunen_field::{Boundary, Grid, Transform};
/// let grid = Grid::unit(&[5], Boundary::Neumann)?;
/// let transform = Transform::new(grid);
/// let mut modes = vec![0.0; grid.mode_count()];
/// transform.analyse(&[3.0; 5], &mut modes);
/// assert!((modes[0] - 3.0).abs() < 1e-12); // the constant c has the single coefficient c
/// # Ok::<(), karhunen_field::FieldError>(())
/// ```
#[derive(Clone)]
pub struct Transform {
    grid: Grid,
    axes: Vec<AxisPlan>,
    /// One entry for each mode slot. Empty if every cell is the slot of its own mode (cosines
    /// only).
    pairs: Arc<Vec<Pair>>,
}

/// Position of a mode's coefficient in the spectrum, which is complex where an axis is periodic.
#[derive(Clone, Copy)]
struct Pair {
    /// Flat index in the output of the transforms, one entry a cell.
    flat: usize,
    /// Mode slot of the mode with negated periodic wave numbers.
    partner: usize,
    half: Half,
}

#[derive(Clone)]
enum AxisPlan {
    Cosine(Arc<dyn TransformType2And3<f64>>),
    Sine(Arc<dyn TransformType2And3<f64>>),
    Periodic { forward: Arc<dyn Fft<f64>>, inverse: Arc<dyn Fft<f64>>, phase: Vec<Complex<f64>> },
}

impl fmt::Debug for Transform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transform").field("grid", &self.grid).finish_non_exhaustive()
    }
}

impl Transform {
    /// Plans both directions for a grid.
    pub fn new(grid: Grid) -> Self {
        let (mut dct, mut fft) = (DctPlanner::new(), FftPlanner::new());
        let axes = grid
            .axes()
            .iter()
            .map(|a| match a.boundary {
                Boundary::Neumann => AxisPlan::Cosine(dct.plan_dct2(a.points)),
                Boundary::Dirichlet => AxisPlan::Sine(dct.plan_dst2(a.points)),
                Boundary::Periodic => AxisPlan::Periodic {
                    forward: fft.plan_fft_forward(a.points),
                    inverse: fft.plan_fft_inverse(a.points),
                    phase: (0..a.points)
                        .map(|q| {
                            let k = if 2 * q < a.points {
                                q as f64
                            } else {
                                q as f64 - a.points as f64
                            };
                            Complex::from_polar(1.0, -PI * k / a.points as f64)
                        })
                        .collect(),
                },
            })
            .collect();
        let mut transform = Self { grid, axes, pairs: Arc::default() };
        if !transform.only_cosines() {
            transform.pairs = Arc::new(pairs(&grid));
        }
        transform
    }

    /// The grid of the plan.
    pub fn grid(&self) -> &Grid {
        &self.grid
    }

    /// Coefficients c_k = ⟨f, e_k⟩ of one channel's point values.
    ///
    /// # Panics
    /// Unless `values` has `grid.len()` and `coefficients` `grid.mode_count()` entries.
    pub fn analyse(&self, values: &[f64], coefficients: &mut [f64]) {
        assert_eq!(values.len(), self.grid.len(), "point values of one channel");
        assert_eq!(coefficients.len(), self.grid.mode_count(), "coefficients of one channel");
        if self.only_cosines() {
            coefficients.copy_from_slice(values);
            self.analyse_real(coefficients);
            return;
        }
        let mut real = values.to_vec();
        self.analyse_real(&mut real);
        self.gather(&real, coefficients);
    }

    /// Along the axes that are not periodic, in place.
    fn analyse_real<S: Scalar>(&self, real: &mut [S]) {
        let points = self.grid.points();
        for (axis, plan) in self.axes.iter().enumerate() {
            let n = points[axis];
            let (first, other) = (1.0 / n as f64, SQRT_2 / n as f64);
            match plan {
                AxisPlan::Cosine(dct) => {
                    let mut scratch = vec![0.0; dct.get_scratch_len()];
                    each_real_line(real, &points, axis, |line| {
                        dct.process_dct2_with_scratch(line, &mut scratch);
                        line[0] *= first;
                        line[1..].iter_mut().for_each(|c| *c *= other);
                    });
                }
                AxisPlan::Sine(dst) => {
                    let mut scratch = vec![0.0; dst.get_scratch_len()];
                    each_real_line(real, &points, axis, |line| {
                        dst.process_dst2_with_scratch(line, &mut scratch);
                        line.iter_mut().for_each(|c| *c *= other);
                    });
                }
                AxisPlan::Periodic { .. } => {}
            }
        }
    }

    /// Coefficients from what [`Transform::analyse_real`] leaves, where some axis has no cosines.
    fn gather<S: Scalar>(&self, real: &[S], coefficients: &mut [S]) {
        if !self.has_periodic() {
            for (coefficient, pair) in coefficients.iter_mut().zip(self.pairs.iter()) {
                *coefficient = real[pair.flat];
            }
            return;
        }
        let points = self.grid.points();
        let mut spectrum: Vec<Complex<S>> =
            real.iter().map(|&v| Complex::new(v, S::default())).collect();
        for (axis, plan) in self.axes.iter().enumerate() {
            if let AxisPlan::Periodic { forward, phase, .. } = plan {
                let scale = 1.0 / points[axis] as f64;
                let mut scratch = vec![Complex::default(); forward.get_inplace_scratch_len()];
                each_complex_line(&mut spectrum, &points, axis, |line| {
                    forward.process_with_scratch(line, &mut scratch);
                    line.iter_mut().zip(phase).for_each(|(c, p)| *c *= p * scale);
                });
            }
        }
        for (coefficient, pair) in coefficients.iter_mut().zip(self.pairs.iter()) {
            *coefficient = match pair.half {
                Half::Zero => spectrum[pair.flat].re,
                Half::Cosine => S::of(SQRT_2 * spectrum[pair.flat].re.double()),
                // −√2 Im of the partner at +k, whose value is the conjugate of that at −k
                Half::Sine => S::of(SQRT_2 * spectrum[pair.flat].im.double()),
            }
        }
    }

    /// Point values Σ_k c_k e_k(x_j) of one channel.
    ///
    /// # Panics
    /// Unless `coefficients` has `grid.mode_count()` and `values` `grid.len()` entries.
    pub fn synthesise(&self, coefficients: &[f64], values: &mut [f64]) {
        assert_eq!(values.len(), self.grid.len(), "point values of one channel");
        assert_eq!(coefficients.len(), self.grid.mode_count(), "coefficients of one channel");
        match self.only_cosines() {
            true => values.copy_from_slice(coefficients),
            false => self.scatter(coefficients, values),
        }
        self.synthesise_real(values);
    }

    /// The opposite of [`Transform::gather`].
    fn scatter<S: Scalar>(&self, coefficients: &[S], values: &mut [S]) {
        if !self.has_periodic() {
            values.fill(S::default());
            for (c, pair) in coefficients.iter().zip(self.pairs.iter()) {
                values[pair.flat] = *c;
            }
            return;
        }
        let points = self.grid.points();
        let mut spectrum = vec![Complex::new(S::default(), S::default()); values.len()];
        for (&own, pair) in coefficients.iter().zip(self.pairs.iter()) {
            let (own, other) = (own.double(), coefficients[pair.partner].double());
            let value = match pair.half {
                Half::Zero => Complex::new(own, 0.0),
                Half::Cosine => Complex::new(own, -other) / SQRT_2,
                Half::Sine => Complex::new(other, own) / SQRT_2,
            };
            spectrum[pair.flat] = Complex::new(S::of(value.re), S::of(value.im));
        }
        for (axis, plan) in self.axes.iter().enumerate() {
            if let AxisPlan::Periodic { inverse, phase, .. } = plan {
                let mut scratch = vec![Complex::default(); inverse.get_inplace_scratch_len()];
                each_complex_line(&mut spectrum, &points, axis, |line| {
                    line.iter_mut().zip(phase).for_each(|(c, p)| *c *= p.conj());
                    inverse.process_with_scratch(line, &mut scratch);
                });
            }
        }
        values.iter_mut().zip(&spectrum).for_each(|(v, c)| *v = c.re);
    }

    /// Along the axes that are not periodic, in place.
    fn synthesise_real<S: Scalar>(&self, values: &mut [S]) {
        let points = self.grid.points();
        for (axis, plan) in self.axes.iter().enumerate() {
            match plan {
                AxisPlan::Cosine(dct) => {
                    let mut scratch = vec![0.0; dct.get_scratch_len()];
                    each_real_line(values, &points, axis, |line| {
                        line[0] *= 2.0;
                        line[1..].iter_mut().for_each(|c| *c *= SQRT_2);
                        dct.process_dct3_with_scratch(line, &mut scratch);
                    });
                }
                AxisPlan::Sine(dst) => {
                    let mut scratch = vec![0.0; dst.get_scratch_len()];
                    each_real_line(values, &points, axis, |line| {
                        line.iter_mut().for_each(|c| *c *= SQRT_2);
                        dst.process_dst3_with_scratch(line, &mut scratch);
                    });
                }
                AxisPlan::Periodic { .. } => {}
            }
        }
    }

    /// Coefficients `[channel, mode]` of one field `[channel, point]`, in its own memory where every cell is the
    /// slot of a mode. Same numbers as [`Transform::analyse_channels`] in `f64`; in `f32` every line of cells is
    /// transformed in `f64` and then rounded.
    ///
    /// # Panics
    /// Unless `values` are whole channels.
    pub fn into_modes<S: Scalar>(&self, mut values: Vec<S>) -> Vec<S> {
        let (n, m) = (self.grid.len(), self.grid.mode_count());
        assert!(values.len().is_multiple_of(n), "point values of whole channels");
        values.chunks_exact_mut(n).for_each(|channel| self.analyse_real(channel));
        if self.only_cosines() {
            return values;
        }
        let mut modes = vec![S::default(); values.len() / n * m];
        for (v, c) in values.chunks_exact(n).zip(modes.chunks_exact_mut(m)) {
            self.gather(v, c);
        }
        modes
    }

    /// The opposite of [`Transform::into_modes`].
    ///
    /// # Panics
    /// Unless `modes` are whole channels.
    pub fn into_values<S: Scalar>(&self, modes: Vec<S>) -> Vec<S> {
        let (n, m) = (self.grid.len(), self.grid.mode_count());
        assert!(modes.len().is_multiple_of(m), "coefficients of whole channels");
        let mut values = match self.only_cosines() {
            true => modes,
            false => {
                let mut values = vec![S::default(); modes.len() / m * n];
                for (v, c) in values.chunks_exact_mut(n).zip(modes.chunks_exact(m)) {
                    self.scatter(c, v);
                }
                values
            }
        };
        values.chunks_exact_mut(n).for_each(|channel| self.synthesise_real(channel));
        values
    }

    /// Coefficients of every channel of one field, `[channel, mode]`.
    pub fn analyse_channels(&self, values: &[f64]) -> Vec<f64> {
        let (n, m) = (self.grid.len(), self.grid.mode_count());
        let mut coefficients = vec![0.0; values.len() / n * m];
        for (v, c) in values.chunks_exact(n).zip(coefficients.chunks_exact_mut(m)) {
            self.analyse(v, c);
        }
        coefficients
    }

    /// Point values of every channel of one field from `[channel, mode]`.
    pub fn synthesise_channels(&self, coefficients: &[f64]) -> Vec<f64> {
        let (n, m) = (self.grid.len(), self.grid.mode_count());
        let mut values = vec![0.0; coefficients.len() / m * n];
        for (v, c) in values.chunks_exact_mut(n).zip(coefficients.chunks_exact(m)) {
            self.synthesise(c, v);
        }
        values
    }

    /// Projects point values onto the modes of the grid, in place, channel by channel. It changes
    /// only the Nyquist modes of even periodic axes and of all Dirichlet axes.
    pub fn project(&self, values: &mut [f64]) {
        if self.grid.mode_count() == self.grid.len() {
            return;
        }
        let mut modes = vec![0.0; self.grid.mode_count()];
        for channel in values.chunks_exact_mut(self.grid.len()) {
            self.analyse(channel, &mut modes);
            self.synthesise(&modes, channel);
        }
    }

    fn only_cosines(&self) -> bool {
        self.axes.iter().all(|a| matches!(a, AxisPlan::Cosine(_)))
    }

    fn has_periodic(&self) -> bool {
        self.axes.iter().any(|a| matches!(a, AxisPlan::Periodic { .. }))
    }
}

/// The pairs of a grid, in the order of its mode slots.
fn pairs(grid: &Grid) -> Vec<Pair> {
    let shape = grid.mode_shape();
    let of = |mode: Mode| {
        let (mut flat, mut partner, mut half) = (0, 0, Half::Zero);
        for (axis, a) in grid.axes().iter().enumerate() {
            let (k, p) = (mode.wave[axis], mode.position[axis]);
            let periodic = a.boundary == Boundary::Periodic;
            // sines start at k = 1, which is in slot 0
            let slot = if periodic { k.rem_euclid(a.points as i32) as usize } else { p };
            flat = flat * a.points + slot;
            let mirrored = match p {
                0 => 0,
                p if !periodic => p,
                p if p % 2 == 1 => p + 1,
                p => p - 1,
            };
            partner = partner * shape[axis] + mirrored;
            if half == Half::Zero && periodic && k != 0 {
                half = if k > 0 { Half::Cosine } else { Half::Sine };
            }
        }
        Pair { flat, partner, half }
    };
    grid.modes().map(of).collect()
}

#[derive(Clone, Copy, PartialEq)]
enum Half {
    Zero,
    Cosine,
    Sine,
}
