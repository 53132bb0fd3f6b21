//! Eigenvalues of a symmetric matrix: Householder reflections to tridiagonal form, then QR steps
//! with Wilkinson's shift.
//!
//! Computes values only, without vectors or blocking: 4n³/3 multiplications, a second or two for
//! n = 1000. Golub & Van Loan, "Matrix Computations" (4th edition), sections 8.3.1 and 8.3.3.

/// Largest number of QR steps for an eigenvalue; two or three are usual.
const STEPS: usize = 60;

/// All eigenvalues, in rising order, of a symmetric n × n matrix given by its rows.
pub(super) fn symmetric_eigenvalues(matrix: Vec<f64>, n: usize) -> Vec<f64> {
    let (mut diagonal, mut beside) = tridiagonal(matrix, n);
    let mut end = n;
    let mut steps = 0;
    while end > 1 {
        let negligible = |i: usize| {
            beside[i].abs() <= f64::EPSILON * (diagonal[i].abs() + diagonal[i + 1].abs())
        };
        if negligible(end - 2) {
            (end, steps) = (end - 1, 0);
            continue;
        }
        let start = (0..end - 2).rev().find(|&i| negligible(i)).map_or(0, |i| i + 1);
        assert!(steps < STEPS, "QR steps with Wilkinson's shift converge");
        qr_step(&mut diagonal[start..end], &mut beside[start..end - 1]);
        steps += 1;
    }
    diagonal.sort_unstable_by(f64::total_cmp);
    diagonal
}

/// Diagonal and first off-diagonal of a similar tridiagonal matrix.
fn tridiagonal(mut a: Vec<f64>, n: usize) -> (Vec<f64>, Vec<f64>) {
    let mut beside = vec![0.0; n.saturating_sub(1)];
    for k in 0..n.saturating_sub(2) {
        // I − β v vᵀ maps the rest of row k to a multiple of its first entry
        let mut v = a[k * n + k + 1..(k + 1) * n].to_vec();
        let norm = v.iter().map(|x| x * x).sum::<f64>().sqrt();
        beside[k] = if v[0] > 0.0 { -norm } else { norm };
        v[0] -= beside[k];
        let square: f64 = v.iter().map(|x| x * x).sum();
        if square == 0.0 {
            continue;
        }
        let beta = 2.0 / square;
        let row = |i: usize| (k + 1 + i) * n + k + 1..(k + 2 + i) * n;
        let mut w: Vec<f64> = (0..v.len()).map(|i| beta * dot(&a[row(i)], &v)).collect();
        let half = 0.5 * beta * dot(&w, &v);
        w.iter_mut().zip(&v).for_each(|(w, v)| *w -= half * v);
        for i in 0..v.len() {
            let (vi, wi) = (v[i], w[i]);
            let terms = w.iter().zip(&v);
            a[row(i)].iter_mut().zip(terms).for_each(|(x, (w, v))| *x -= vi * w + wi * v);
        }
    }
    if n > 1 {
        beside[n - 2] = a[(n - 2) * n + n - 1];
    }
    ((0..n).map(|i| a[i * n + i]).collect(), beside)
}

/// Dot product with four partial sums, so that additions need not wait for one another.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; 4];
    let (fours, rest) = (a.chunks_exact(4), a.chunks_exact(4).remainder());
    for (x, y) in fours.zip(b.chunks_exact(4)) {
        sums.iter_mut().zip(x.iter().zip(y)).for_each(|(s, (x, y))| *s += x * y);
    }
    let tail: f64 = rest.iter().zip(&b[a.len() - rest.len()..]).map(|(x, y)| x * y).sum();
    sums.iter().sum::<f64>() + tail
}

/// One implicit QR step: rotations move the bulge of the first one out of the matrix.
fn qr_step(d: &mut [f64], e: &mut [f64]) {
    let last = d.len() - 1;
    // shift: the eigenvalue of the last 2 × 2 block that is closer to its corner
    let half = 0.5 * (d[last - 1] - d[last]);
    let corner = e[last - 1];
    let shift = d[last] - corner * (corner / (half + half.hypot(corner).copysign(half)));
    let (mut x, mut z) = (d[0] - shift, e[0]);
    for k in 0..last {
        let r = x.hypot(z);
        let (c, s) = if r > 0.0 { (x / r, z / r) } else { (1.0, 0.0) };
        if k > 0 {
            e[k - 1] = r;
        }
        let (a, b, g) = (d[k], e[k], d[k + 1]);
        d[k] = c * c * a + 2.0 * c * s * b + s * s * g;
        d[k + 1] = s * s * a - 2.0 * c * s * b + c * c * g;
        e[k] = c * s * (g - a) + (c * c - s * s) * b;
        if k + 1 < last {
            (x, z) = (e[k], s * e[k + 1]);
            e[k + 1] *= c;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::oracle;
    use super::*;

    /// A few rounding errors of entries near 1.
    const ROUNDING: f64 = 1e-12;

    fn close(found: &[f64], expected: &[f64]) -> bool {
        found.len() == expected.len()
            && found.iter().zip(expected).all(|(a, b)| (a - b).abs() < ROUNDING)
    }

    #[test]
    fn a_chain_of_springs_has_its_known_frequencies() {
        for n in [1, 2, 3, 7, 64] {
            let entry = |i: usize, j: usize| match i.abs_diff(j) {
                0 => 2.0,
                1 => -1.0,
                _ => 0.0,
            };
            let matrix = (0..n * n).map(|f| entry(f / n, f % n)).collect();
            let angle = |k: usize| (k + 1) as f64 * std::f64::consts::PI / (n + 1) as f64;
            let expected: Vec<f64> = (0..n).map(|k| 2.0 - 2.0 * angle(k).cos()).collect();
            assert!(close(&symmetric_eigenvalues(matrix, n), &expected), "{n}");
        }
    }

    #[test]
    fn dense_matrices_keep_the_spectrum_they_were_made_with() {
        for n in [2, 5, 30, 61] {
            // reflections of a known diagonal with repeated and zero eigenvalues
            let expected: Vec<f64> = (0..n).map(|i| (i / 3) as f64 * 0.25 - 1.0).collect();
            let mut a: Vec<f64> =
                (0..n * n).map(|f| if f / n == f % n { expected[f / n] } else { 0.0 }).collect();
            for number in 0..3 {
                let v = oracle::normals(n, number);
                let scale = 2.0 / v.iter().map(|x| x * x).sum::<f64>();
                let h = |i: usize, j: usize| f64::from(u8::from(i == j)) - scale * v[i] * v[j];
                let product = |left: &dyn Fn(usize, usize) -> f64,
                               right: &dyn Fn(usize, usize) -> f64| {
                    (0..n * n)
                        .map(|f| (0..n).map(|k| left(f / n, k) * right(k, f % n)).sum())
                        .collect::<Vec<f64>>()
                };
                let half = product(&h, &|i, j| a[i * n + j]);
                a = product(&|i, j| half[i * n + j], &h);
            }
            assert!(close(&symmetric_eigenvalues(a, n), &expected), "{n}");
        }
    }

    #[test]
    fn constants_and_nothing() {
        assert!(symmetric_eigenvalues(Vec::new(), 0).is_empty());
        assert_eq!(symmetric_eigenvalues(vec![0.0; 9], 3), [0.0; 3]);
        let n = 40;
        let mut expected = vec![0.0; n];
        expected[n - 1] = n as f64;
        assert!(close(&symmetric_eigenvalues(vec![1.0; n * n], n), &expected));
    }
}
