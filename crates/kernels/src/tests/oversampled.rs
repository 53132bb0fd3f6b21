//! The oversampled nonlinearity: values and gradients against sums over modes in f64, its effect on
//! known functions, threads and other fields of the batch.

use std::f64::consts::PI;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::independence::in_pool;
use super::naive::gelu;
use super::{Numbers, dot, gradient_error, relative_error, wide};
use crate::cpu::oversampled::Oversampled;
use crate::{Level, OversamplingPlan};

/// Values: f32 sums over the points of an axis; the largest observed error is 4e-7.
const FORWARD: f64 = 5e-6;
/// Gradients against finite differences; the largest observed error is 2e-7.
const GRADIENT: f64 = 1e-5;
/// Rounding of identities in f32.
const ROUNDING: f64 = 2e-6;

/// The functions of one axis that its n centres hold, with mean products over the points of the
/// finer grid, and values at `x` in cells from the wall. They are normalised to mean square 1 over
/// the finer grid, except for the Nyquist wave, whose weight is half.
fn basis(n: usize, periodic: bool) -> Vec<Box<dyn Fn(f64) -> f64>> {
    let norm = |k: usize| if k == 0 { 1.0 } else { 2f64.sqrt() };
    if !periodic {
        let cosine = |k: usize| -> Box<dyn Fn(f64) -> f64> {
            Box::new(move |x| norm(k) * (PI * k as f64 * x / n as f64).cos())
        };
        return (0..n).map(cosine).collect();
    }
    let mut functions: Vec<Box<dyn Fn(f64) -> f64>> = vec![];
    for k in 0..n.div_ceil(2) {
        let turn = 2.0 * PI * k as f64 / n as f64;
        functions.push(Box::new(move |x| norm(k) * (turn * x).cos()));
        if k > 0 {
            functions.push(Box::new(move |x| norm(k) * (turn * x).sin()));
        }
    }
    if n.is_multiple_of(2) {
        functions.push(Box::new(|x| (PI * x).sin()));
    }
    functions
}

/// Dense matrices U `[2n + 1, n]` and D `[n, 2n + 1]` of one axis, by sums over modes. Points are
/// the centres, then the faces.
fn matrices(n: usize, periodic: bool) -> [Vec<Vec<f64>>; 2] {
    let centres = (0..n).map(|i| i as f64 + 0.5);
    let points: Vec<f64> = centres.chain((0..=n).map(|j| j as f64)).collect();
    let weight = |p: usize| if p == n || p == 2 * n { 0.25 } else { 0.5 } / n as f64;
    let functions = basis(n, periodic);
    let at: Vec<Vec<f64>> =
        functions.iter().map(|f| points.iter().map(|x| f(*x)).collect()).collect();
    let up = |p: usize, i: usize| -> f64 { at.iter().map(|f| f[p] * f[i]).sum::<f64>() / n as f64 };
    let down = |i: usize, p: usize| at.iter().map(|f| f[i] * f[p]).sum::<f64>() * weight(p);
    [
        (0..=2 * n).map(|p| (0..n).map(|i| up(p, i)).collect()).collect(),
        (0..n).map(|i| (0..=2 * n).map(|p| down(i, p)).collect()).collect(),
    ]
}

/// Applies M along one axis of `[outer; n; inner]`.
fn along(matrix: &[Vec<f64>], x: &[f64], inner: usize) -> Vec<f64> {
    let n = matrix[0].len();
    x.chunks_exact(n * inner)
        .flat_map(|x| {
            matrix.iter().flat_map(move |row| {
                (0..inner).map(move |c| {
                    row.iter().enumerate().map(|(i, m)| m * x[i * inner + c]).sum::<f64>()
                })
            })
        })
        .collect()
}

/// A case: points and walls, channels, with or without conditioning.
#[derive(Debug, Clone)]
struct Case {
    points: Vec<usize>,
    periodic: Vec<bool>,
    channels: usize,
    batch: usize,
    film: bool,
}

impl Case {
    fn len(&self) -> usize {
        self.points.iter().product::<usize>() * self.channels
    }

    fn plan(&self) -> OversamplingPlan {
        OversamplingPlan::new(&self.points, &self.periodic).unwrap()
    }

    fn definition(&self, q: &[f64], film: &[f64]) -> Vec<f64> {
        let channels = self.channels;
        let axes: Vec<_> =
            self.points.iter().zip(&self.periodic).map(|(n, p)| matrices(*n, *p)).collect();
        let mut y = vec![];
        for (sample, q) in q.chunks_exact(self.len()).enumerate() {
            let mut fine = q.to_vec();
            for (axis, [up, _]) in axes.iter().enumerate().rev() {
                // the axes behind it are already refined
                let behind: usize = self.points[axis + 1..].iter().map(|n| 2 * n + 1).product();
                fine = along(up, &fine, behind * channels);
            }
            for (at, v) in fine.iter_mut().enumerate() {
                if self.film {
                    let film = &film[sample * 2 * channels..];
                    *v = *v * (1.0 + film[at % channels]) + film[channels + at % channels];
                }
                *v = gelu(*v);
            }
            for (axis, [_, down]) in axes.iter().enumerate() {
                let behind: usize = self.points[axis + 1..].iter().map(|n| 2 * n + 1).product();
                fine = along(down, &fine, behind * channels);
            }
            y.extend(fine);
        }
        y
    }

    fn kernel<'a>(
        &self,
        plan: &'a OversamplingPlan,
        film: &'a [f32],
        level: Level,
    ) -> Oversampled<'a> {
        let film = self.film.then_some(film);
        Oversampled { plan, level, batch: self.batch, channels: self.channels, film }
    }

    fn operands(&self, numbers: &mut Numbers) -> [Vec<f32>; 3] {
        let film = if self.film { self.batch * 2 * self.channels } else { 0 };
        let len = self.batch * self.len();
        [numbers.array(len, 3.0), numbers.array(film, 0.5), numbers.array(len, 1.0)]
    }

    /// The largest errors of (values, gradients).
    fn errors(&self, level: Level, seed: u64) -> (f64, f64) {
        let mut numbers = Numbers(seed);
        let (plan, [q, film, r]) = (self.plan(), self.operands(&mut numbers));
        let kernel = self.kernel(&plan, &film, level);
        let forward =
            relative_error(&kernel.forward(&q), &self.definition(&wide(&q), &wide(&film)));
        let mut d = r.clone();
        let d_film = kernel.backward(&q, &mut d);
        let loss = |q: &[f64], film: &[f64]| dot(&r, &self.definition(q, film));
        let mut gradient = gradient_error(&mut numbers, &d, &q, |q| loss(q, &wide(&film)));
        if self.film {
            let error = gradient_error(&mut numbers, &d_film, &film, |film| loss(&wide(&q), film));
            gradient = gradient.max(error);
        }
        (forward, gradient)
    }

    fn assert_small(&self, level: Level, seed: u64) -> (f64, f64) {
        let (forward, gradient) = self.errors(level, seed);
        assert!(forward < FORWARD, "{self:?}, {level}: values {forward:e}");
        assert!(gradient < GRADIENT, "{self:?}, {level}: gradients {gradient:e}");
        (forward, gradient)
    }
}

const SIZES: [&[usize]; 20] = [
    &[1],
    &[2],
    &[3],
    &[4],
    &[7],
    &[13],
    &[28],
    &[31],
    &[64],
    &[130],
    &[1, 1],
    &[2, 3],
    &[5, 4],
    &[7, 11],
    &[12, 12],
    &[17, 2],
    &[1, 2, 3],
    &[4, 3, 5],
    &[5, 1, 6],
    &[6, 7, 4],
];

#[test]
fn values_are_sums_over_modes_and_gradients_finite_differences() {
    let mut numbers = Numbers(1);
    let mut worst = (0.0f64, 0.0f64);
    for (seed, points) in SIZES.iter().enumerate() {
        for draw in 0..2 {
            let case = Case {
                points: points.to_vec(),
                periodic: points.iter().map(|_| numbers.pick(&[true, false])).collect(),
                channels: numbers.pick(&[1, 3, 8, 16, 17, 32, 33]),
                batch: numbers.pick(&[1, 2, 3]),
                film: numbers.pick(&[true, false]),
            };
            for level in Level::available() {
                let (forward, gradient) = case.assert_small(level, (2 * seed + draw) as u64);
                worst = (worst.0.max(forward), worst.1.max(gradient));
            }
        }
    }
    println!("largest errors: values {:.1e}, gradients {:.1e}", worst.0, worst.1);
}

/// On a quarter of the modes or fewer, the square part of GELU has no frequency that the grid
/// lacks. For x = s cos, gelu(x) − x/2 = x (Φ(x) − ½) is even, x²/√(2π) to leading order.
#[test]
fn frequencies_that_the_grid_lacks_are_cut_and_not_folded() {
    let (n, k, small) = (32usize, 13.0, 1e-2);
    for (periodic, turn) in [(true, 2.0 * PI / n as f64), (false, PI / n as f64)] {
        let k = if periodic { k } else { 2.0 * k };
        let plan = OversamplingPlan::new(&[n], &[periodic]).unwrap();
        let x = |j: usize| small * (turn * k * (j as f64 + 0.5)).cos();
        let q: Vec<f32> = (0..n).map(|j| x(j) as f32).collect();
        let square: f64 = small * small / (2.0 * PI).sqrt();
        for level in Level::available() {
            let y =
                Oversampled { plan: &plan, level, batch: 1, channels: 1, film: None }.forward(&q);
            for j in 0..n {
                // cos² is ½ plus a wave of twice the frequency, which lies beyond the grid's here
                let cut = 0.5 * x(j) + 0.5 * square;
                let folded = 0.5 * x(j) + x(j) * x(j) / (2.0 * PI).sqrt();
                assert!((f64::from(y[j]) - cut).abs() < 0.02 * square, "{level}: {} {cut}", y[j]);
                assert!((gelu(x(j)) - folded).abs() < 0.02 * square, "what sampling gives");
            }
        }
    }
}

#[test]
fn constants_stay_constant() {
    for points in SIZES {
        let plan = OversamplingPlan::new(points, &vec![true; points.len()]).unwrap();
        let film = [0.3f32, -0.2];
        let q = vec![0.7f32; plan.points()];
        let expected = gelu(0.7 * 1.3 - 0.2);
        for level in Level::available() {
            let kernel =
                Oversampled { plan: &plan, level, batch: 1, channels: 1, film: Some(&film) };
            let y = kernel.forward(&q);
            assert!(relative_error(&y, &vec![expected; y.len()]) < ROUNDING, "{points:?}, {level}");
        }
    }
}

#[test]
fn neither_threads_nor_batch_mates_change_a_bit() {
    let mut numbers = Numbers(3);
    for points in [&[13][..], &[1500], &[40, 37], &[5, 6, 7]] {
        let channels = if points.len() == 1 { 5 } else { 24 };
        for batch in [1, 3, 4] {
            let periodic = points.iter().map(|n| n % 2 == 0).collect();
            let case = Case { points: points.to_vec(), periodic, channels, batch, film: true };
            let (plan, [q, film, r]) = (case.plan(), case.operands(&mut numbers));
            for level in Level::available() {
                let run = |threads, case: &Case, q: &[f32], film: &[f32], r: &[f32]| {
                    in_pool(threads, || {
                        let kernel = case.kernel(&plan, film, level);
                        let mut d = r.to_vec();
                        let d_film = kernel.backward(q, &mut d);
                        [kernel.forward(q).to_vec(), d, d_film]
                    })
                };
                let one = run(1, &case, &q, &film, &r);
                assert!(one == run(2, &case, &q, &film, &r), "{case:?}, {level}: two threads");
                assert!(one == run(3, &case, &q, &film, &r), "{case:?}, {level}: three threads");
                let alone = Case { batch: 1, ..case.clone() };
                let (len, row) = (case.len(), 2 * channels);
                for b in 0..batch {
                    let (at, film_at) = (b * len..(b + 1) * len, b * row..(b + 1) * row);
                    let (q, r) = (&q[at.clone()], &r[at.clone()]);
                    let [y, d, d_film] = run(2, &alone, q, &film[film_at.clone()], r);
                    let same =
                        y == one[0][at.clone()] && d == one[1][at] && d_film == one[2][film_at];
                    assert!(same, "{case:?}, {level}: field {b} and its mates");
                }
            }
        }
    }
}

#[test]
fn refused_plans() {
    let refused = |points: &[usize], periodic: &[bool]| {
        OversamplingPlan::new(points, periodic).map(|_| ()).unwrap_err().to_string()
    };
    for (points, periodic) in
        [(&[][..], &[][..]), (&[4; 4], &[true; 4]), (&[4, 0], &[true; 2]), (&[4], &[true; 2])]
    {
        assert!(refused(points, periodic).contains("one to three axes of 1 to 4096 points"));
    }
    assert!(refused(&[4097], &[false]).contains("4097"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, rng_seed: RngSeed::Fixed(2), ..Default::default() })]

    #[test]
    fn any_shape(
        points in prop::collection::vec(1usize..10, 1..4),
        periodic in prop::collection::vec(any::<bool>(), 3),
        channels in 1usize..40,
        batch in 1usize..3,
        film in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let periodic = periodic[..points.len()].to_vec();
        let case = Case { points, periodic, channels, batch, film };
        for level in Level::available() {
            case.assert_small(level, seed);
        }
    }
}
