//! One matrix for each axis, against the sum over all points, and its transpose.

use super::independence::in_pool;
use super::{Numbers, relative_error, wide};
use crate::{AxisMaps, Level};

/// Sums of several hundred products at most in f32; the largest observed error is 4e-7.
const TOLERANCE: f64 = 5e-6;

fn maps(numbers: &mut Numbers, sizes: &[(usize, usize)]) -> AxisMaps {
    let matrix = |&(to, from): &(usize, usize)| (to, from, wide(&numbers.array(to * from, 1.0)));
    AxisMaps::new(&sizes.iter().map(matrix).collect::<Vec<_>>()).unwrap()
}

/// The definition: every point of y is a sum over all points of x.
fn naive(maps: &AxisMaps, channels: usize, x: &[f64]) -> Vec<f64> {
    let matrices: Vec<_> = maps.matrices().collect();
    let (from, to) = (maps.points_in(), maps.points_out());
    let factor = |i: usize, j: usize| {
        let (mut i, mut j, mut product) = (i, j, 1.0);
        for (rows, columns, values) in matrices.iter().rev() {
            product *= f64::from(values[i % rows * columns + j % columns]);
            (i, j) = (i / rows, j / columns);
        }
        product
    };
    let mut y = Vec::new();
    for field in x.chunks_exact(from * channels) {
        for i in 0..to {
            for c in 0..channels {
                y.push((0..from).map(|j| factor(i, j) * field[j * channels + c]).sum());
            }
        }
    }
    y
}

#[test]
fn values_and_transpose() {
    let mut numbers = Numbers(21);
    for sizes in [
        &[(3, 7)][..],
        &[(16, 5)],
        &[(4, 4), (9, 2)],
        &[(5, 13), (6, 3)],
        &[(2, 3), (5, 4), (3, 1)],
    ] {
        for channels in [1, 3, 20] {
            let maps = maps(&mut numbers, sizes);
            let batch = 2;
            let x = numbers.array(batch * maps.points_in() * channels, 1.0);
            let r = numbers.array(batch * maps.points_out() * channels, 1.0);
            let expected = naive(&maps, channels, &wide(&x));
            for level in Level::available() {
                let y = maps.apply(level, batch, channels, &x, false);
                let error = relative_error(&y, &expected);
                assert!(error < TOLERANCE, "{sizes:?} {channels} {level}: {error:e}");
                // ⟨r, M x⟩ = ⟨Mᵀ r, x⟩
                let back = maps.apply(level, batch, channels, &r, true);
                let left: f64 = wide(&r).iter().zip(&expected).map(|(a, b)| a * b).sum();
                let right: f64 = wide(&back).iter().zip(wide(&x)).map(|(a, b)| a * b).sum();
                let size: f64 = wide(&r).iter().zip(&expected).map(|(a, b)| (a * b).abs()).sum();
                assert!((left - right).abs() < TOLERANCE * size, "{sizes:?}: {left} {right}");
            }
        }
    }
}

#[test]
fn threads_and_batch_mates_change_nothing() {
    let mut numbers = Numbers(22);
    let maps = maps(&mut numbers, &[(40, 20), (30, 64)]);
    let (batch, channels) = (3, 33);
    let len = maps.points_in() * channels;
    let x = numbers.array(batch * len, 1.0);
    for level in Level::available() {
        let run =
            |threads| in_pool(threads, || maps.apply(level, batch, channels, &x, false).to_vec());
        let one = run(1);
        assert!(one == run(2) && one == run(3), "{level}: threads");
        let alone = maps.apply(level, 1, channels, &x[len..2 * len], false);
        let out = maps.points_out() * channels;
        assert!(alone[..] == one[out..2 * out], "{level}: neighbours");
    }
}

#[test]
fn unsound_matrices_are_refused() {
    for matrices in [
        vec![],
        vec![(2, 3, vec![0.0; 5])],
        vec![(0, 3, vec![])],
        vec![(usize::MAX, 2, vec![0.0; 2])],
        vec![(1, 1, vec![1.0]); 4],
    ] {
        assert!(AxisMaps::new(&matrices).is_err(), "{matrices:?}");
    }
}
