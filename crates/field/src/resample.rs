//! Resampling: the same function on another grid of its box.
//!
//! **Spectral** restriction drops modes, and prolongation pads with zeros. It is exact on constants
//! and keeps the mean (on boxes without a Dirichlet axis; others have no constants). It commutes
//! with every operator that is diagonal in modes. The ladder of training grids, the references of
//! an evaluation and all comparisons between grids use it. **Area** averages bring measured data to
//! the finest training grid (restriction only). They do not commute with spectral noise.

use crate::{Ensemble, FieldError, Grid, Scalar, Transform};

/// Copies the coefficients that two grids of one box share. Modes that only the target holds become
/// zero.
///
/// # Panics
/// Unless the slices have the grids' mode counts.
pub fn copy_modes(from: &Grid, source: &[f64], to: &Grid, target: &mut [f64]) {
    target.fill(0.0);
    overlay_modes(from, source, to, target);
}

/// Copies the coefficients that two grids of one box share. Modes that only the target holds keep
/// their values.
///
/// # Panics
/// Unless the slices have the grids' mode counts.
pub fn overlay_modes<A: Scalar, B: Scalar>(from: &Grid, source: &[A], to: &Grid, target: &mut [B]) {
    assert_eq!(source.len(), from.mode_count());
    assert_eq!(target.len(), to.mode_count());
    let (a, b) = (from.mode_shape(), to.mode_shape());
    let shared: Vec<usize> = a.iter().zip(&b).map(|(x, y)| *x.min(y)).collect();
    let run = shared[shared.len() - 1];
    let lines: usize = shared[..shared.len() - 1].iter().product();
    for line in 0..lines {
        let (mut rest, mut index) = (line, vec![0; shared.len()]);
        for axis in (0..shared.len() - 1).rev() {
            index[axis] = rest % shared[axis];
            rest /= shared[axis];
        }
        let flat = |shape: &[usize]| index.iter().zip(shape).fold(0, |at, (i, n)| at * n + i);
        let (s, t) = (flat(&a), flat(&b));
        let pairs = target[t..t + run].iter_mut().zip(&source[s..s + run]);
        pairs.for_each(|(t, s)| *t = B::of(s.double()));
    }
}

/// [`copy_modes`] for several lists of coefficients: `[…, mode]` on another grid, zero for modes
/// that only that grid holds.
pub fn copied_modes<S: Scalar>(from: &Grid, values: &[S], to: &Grid) -> Vec<S> {
    let (old, new) = (from.mode_count(), to.mode_count());
    let mut out = vec![S::default(); values.len() / old * new];
    for (source, target) in values.chunks_exact(old).zip(out.chunks_exact_mut(new)) {
        overlay_modes(from, source, to, target);
    }
    out
}

/// P_N: the same functions on another grid of the same box, by their modes.
///
/// # Errors
/// [`FieldError::GridMismatch`] if the grids discretise different boxes.
pub fn spectral(fields: &Ensemble, to: Grid) -> Result<Ensemble, FieldError> {
    if !fields.grid.same_box(&to) {
        return Err(FieldError::GridMismatch { what: "resampling", left: fields.grid, right: to });
    }
    let (analysis, synthesis) = (Transform::new(fields.grid), Transform::new(to));
    let mut out = Ensemble::zeros(to, fields.channels, fields.count());
    let mut source = vec![0.0; fields.grid.mode_count()];
    let mut target = vec![0.0; to.mode_count()];
    for (x, y) in
        fields.values.chunks_exact(fields.grid.len()).zip(out.values.chunks_exact_mut(to.len()))
    {
        analysis.analyse(x, &mut source);
        copy_modes(&fields.grid, &source, &to, &mut target);
        synthesis.synthesise(&target, y);
    }
    Ok(out)
}

/// Cell averages on a coarser grid of the same box. Numbers of cells need not divide one another.
///
/// # Errors
/// [`FieldError::GridMismatch`] for different boxes, [`FieldError::AreaRefines`] if an axis of `to`
/// has more cells.
pub fn area(fields: &Ensemble, to: Grid) -> Result<Ensemble, FieldError> {
    if !fields.grid.same_box(&to) {
        return Err(FieldError::GridMismatch { what: "resampling", left: fields.grid, right: to });
    }
    if fields.grid.axes().iter().zip(to.axes()).any(|(a, b)| b.points > a.points) {
        return Err(FieldError::AreaRefines { from: fields.grid, to });
    }
    let mut values = fields.values.clone();
    let mut shape = fields.grid.points();
    for axis in 0..shape.len() {
        let n = to.axes()[axis].points;
        if n != shape[axis] {
            values = average_axis(&values, &shape, axis, n);
            shape[axis] = n;
        }
    }
    Ensemble::new(to, fields.channels, values)
}

/// Averages M cells of one axis to n ≤ M, cells weighted by their overlap.
fn average_axis(values: &[f64], shape: &[usize], axis: usize, n: usize) -> Vec<f64> {
    let m = shape[axis];
    let stride: usize = shape[axis + 1..].iter().product();
    let ratio = m as f64 / n as f64;
    let mut out = Vec::with_capacity(values.len() / m * n);
    for block in values.chunks_exact(m * stride) {
        for j in 0..n {
            let (start, end) = (j as f64 * ratio, (j + 1) as f64 * ratio);
            for offset in 0..stride {
                let sum: f64 = (start as usize..m.min(end.ceil() as usize))
                    .map(|i| {
                        let overlap = end.min((i + 1) as f64) - start.max(i as f64);
                        overlap.max(0.0) * block[i * stride + offset]
                    })
                    .sum();
                out.push(sum / ratio);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Boundary, ModeNoise, noise::stream};

    #[test]
    fn transforms_invert_each_other_for_any_length_and_dimension() {
        for boundary in [Boundary::Neumann, Boundary::Periodic] {
            for points in
                [&[1][..], &[2], &[7], &[16], &[4, 6], &[5, 3], &[13, 8], &[3, 4, 5], &[2, 1, 6]]
            {
                let grid = Grid::unit(points, boundary).unwrap();
                let transform = Transform::new(grid);
                let modes = ModeNoise::new(3).normals(&grid, 0, stream::START, 0);
                let mut values = vec![0.0; grid.len()];
                let mut back = vec![0.0; grid.mode_count()];
                transform.synthesise(&modes, &mut values);
                transform.analyse(&values, &mut back);
                let error = modes.iter().zip(&back).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
                assert!(error < 1e-12, "{boundary} {points:?}: {error}");
                // Parseval with the mean as inner product
                let square = |v: &[f64]| v.iter().map(|x| x * x).sum::<f64>();
                let mean = square(&values) / grid.len() as f64;
                assert!((mean - square(&modes)).abs() < 1e-10 * mean, "{boundary} {points:?}");
            }
        }
    }

    #[test]
    fn refining_and_restricting_again_changes_nothing() {
        for boundary in [Boundary::Neumann, Boundary::Periodic] {
            let coarse = Grid::unit(&[7, 5], boundary).unwrap();
            let fine = coarse.with_points(&[11, 17]).unwrap();
            let transform = Transform::new(coarse);
            let modes = ModeNoise::new(5).normals(&coarse, 0, stream::START, 0);
            let x = Ensemble::new(coarse, 1, transform.synthesise_channels(&modes)).unwrap();
            let back = spectral(&spectral(&x, fine).unwrap(), coarse).unwrap();
            let error =
                x.values.iter().zip(&back.values).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            assert!(error < 1e-12, "{boundary}: {error}");
        }
    }

    #[test]
    fn area_averages_keep_the_mean_and_refuse_to_refine() {
        let fine = Grid::unit(&[7, 6], Boundary::Neumann).unwrap();
        let x = Ensemble::new(fine, 1, (0..42).map(f64::from).collect()).unwrap();
        let y = area(&x, fine.with_points(&[3, 4]).unwrap()).unwrap();
        let mean = |e: &Ensemble| e.values.iter().sum::<f64>() / e.values.len() as f64;
        assert!((mean(&x) - mean(&y)).abs() < 1e-12);
        let two = area(&x, fine.with_points(&[7, 3]).unwrap()).unwrap();
        assert_eq!(two.values[0], 0.5);
        assert!(matches!(area(&y, fine), Err(FieldError::AreaRefines { .. })));
    }
}
