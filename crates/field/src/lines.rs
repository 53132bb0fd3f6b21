//! Lines of cells along one axis of a row-major array.

use rustfft::num_complex::Complex;

use crate::Scalar;

/// Calls `work` on every line along `axis` of a row-major array.
pub(crate) fn for_each_line<T: Copy>(
    data: &mut [T],
    shape: &[usize],
    axis: usize,
    mut work: impl FnMut(&mut [T]),
) {
    let n = shape[axis];
    let stride: usize = shape[axis + 1..].iter().product();
    if stride == 1 {
        data.chunks_exact_mut(n).for_each(work);
        return;
    }
    let Some(&first) = data.first() else { return };
    let mut line = vec![first; n];
    for block in data.chunks_exact_mut(n * stride) {
        for offset in 0..stride {
            for (j, v) in line.iter_mut().enumerate() {
                *v = block[j * stride + offset];
            }
            work(&mut line);
            for (j, v) in line.iter().enumerate() {
                block[j * stride + offset] = *v;
            }
        }
    }
}

/// Calls `work` on every line along `axis` of real numbers, in `f64`.
pub(crate) fn each_real_line<S: Scalar>(
    data: &mut [S],
    shape: &[usize],
    axis: usize,
    mut work: impl FnMut(&mut [f64]),
) {
    let mut buffer = Vec::new();
    for_each_line(data, shape, axis, |line| S::in_double(line, &mut buffer, &mut work));
}

/// Calls `work` on every line along `axis` of complex numbers, in `f64`.
pub(crate) fn each_complex_line<S: Scalar>(
    data: &mut [Complex<S>],
    shape: &[usize],
    axis: usize,
    mut work: impl FnMut(&mut [Complex<f64>]),
) {
    let mut buffer = Vec::new();
    for_each_line(data, shape, axis, |line| S::in_complex(line, &mut buffer, &mut work));
}
