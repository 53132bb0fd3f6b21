//! Normalisations with conditioning and SiLU: values, gradients, threads and other fields of the
//! batch.

use super::independence::in_pool;
use super::{Numbers, dot, gradient_error, relative_error, wide};
use crate::Level;
use crate::cpu::norm::Norm;

/// Values through a mean, a variance and a sigmoid in f32; the largest observed error is 2.4e-7.
const FORWARD: f64 = 5e-6;
/// Gradients against finite differences; the largest observed error is 5.5e-7.
const GRADIENT: f64 = 1e-4;
const EPSILON: f64 = 1e-5;

#[derive(Debug, Clone, Copy)]
struct Case {
    batch: usize,
    points: usize,
    channels: usize,
    groups: usize,
    conditioned: bool,
    /// Distance of the values from 0, in units of their own spread.
    offset: f32,
}

fn naive(case: &Case, x: &[f64], gamma: &[f64], beta: &[f64], film: &[f64]) -> Vec<f64> {
    let Case { points, channels, groups, .. } = *case;
    let size = channels / groups;
    let mut y = vec![0.0; x.len()];
    for (sample, (x, y)) in
        x.chunks_exact(points * channels).zip(y.chunks_exact_mut(points * channels)).enumerate()
    {
        for group in 0..groups {
            let members: Vec<usize> =
                (0..points * channels).filter(|at| at % channels / size == group).collect();
            let count = members.len() as f64;
            let mean = members.iter().map(|at| x[*at]).sum::<f64>() / count;
            let variance = members.iter().map(|at| (x[*at] - mean).powi(2)).sum::<f64>() / count;
            for at in members {
                let c = at % channels;
                let mut z = (x[at] - mean) / (variance + EPSILON).sqrt() * gamma[c] + beta[c];
                if case.conditioned {
                    let film = &film[sample * 2 * channels..];
                    z = z * (1.0 + film[c]) + film[channels + c];
                }
                y[at] = z / (1.0 + (-z).exp());
            }
        }
    }
    y
}

struct Operands {
    x: Vec<f32>,
    gamma: Vec<f32>,
    beta: Vec<f32>,
    film: Vec<f32>,
    r: Vec<f32>,
}

impl Operands {
    fn random(case: &Case, numbers: &mut Numbers) -> Self {
        let len = case.batch * case.points * case.channels;
        let mut x = numbers.array(len, 1.0);
        x.iter_mut().for_each(|v| *v += case.offset);
        Self {
            x,
            gamma: numbers.array(case.channels, 1.5),
            beta: numbers.array(case.channels, 1.0),
            film: numbers.array(case.batch * 2 * case.channels, 1.0),
            r: numbers.array(len, 1.0),
        }
    }

    fn kernel(&self, case: &Case, level: Level) -> Norm<'_> {
        Norm {
            level,
            batch: case.batch,
            points: case.points,
            channels: case.channels,
            groups: case.groups,
            epsilon: EPSILON,
            gamma: &self.gamma,
            beta: &self.beta,
            film: case.conditioned.then_some(&self.film),
        }
    }
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let sizes = [(1, 8, 1), (3, 8, 4), (5, 3, 3), (5, 6, 2), (35, 33, 11), (49, 64, 32)];
    for (points, channels, groups) in sizes.into_iter().chain([(256, 17, 1), (600, 40, 8)]) {
        for (batch, conditioned, offset) in [(1, false, 0.0), (2, true, 0.0), (3, true, 30.0)] {
            cases.push(Case { batch, points, channels, groups, conditioned, offset });
        }
    }
    cases
}

#[test]
fn normalisations_are_their_definition_and_gradients_finite_differences() {
    let mut numbers = Numbers(31);
    let mut worst = [0.0f64; 2];
    for case in cases() {
        let o = Operands::random(&case, &mut numbers);
        let [x, gamma, beta, film] = [&o.x, &o.gamma, &o.beta, &o.film].map(|v| wide(v));
        let expected = naive(&case, &x, &gamma, &beta, &film);
        for level in Level::available() {
            let kernel = o.kernel(&case, level);
            let (y, statistics) = kernel.forward(&o.x);
            // loss of digits of x due to an offset
            let digits = 1.0 + f64::from(case.offset);
            let error = relative_error(&y, &expected) / digits;
            worst[0] = worst[0].max(error);
            assert!(error < FORWARD, "{level} {case:?}: values {error:e}");
            let g = kernel.backward(&o.x, &statistics, &o.r);
            let loss = |x: &[f64], gamma: &[f64], beta: &[f64], film: &[f64]| {
                dot(&o.r, &naive(&case, x, gamma, beta, film))
            };
            let mut errors = vec![
                gradient_error(&mut numbers, &g.x, &o.x, |x| loss(x, &gamma, &beta, &film)),
                gradient_error(&mut numbers, &g.gamma, &o.gamma, |g| loss(&x, g, &beta, &film)),
                gradient_error(&mut numbers, &g.beta, &o.beta, |b| loss(&x, &gamma, b, &film)),
            ];
            if case.conditioned {
                let by_film = |film: &[f64]| loss(&x, &gamma, &beta, film);
                errors.push(gradient_error(&mut numbers, &g.film, &o.film, by_film));
            } else {
                assert!(g.film.is_empty());
            }
            worst[1] = errors.iter().fold(worst[1], |m, e| m.max(e / digits));
            let small = errors.iter().all(|e| *e < GRADIENT * digits);
            assert!(small, "{level} {case:?}: {errors:?}");
        }
    }
    println!("largest errors: values {:.1e}, gradients {:.1e}", worst[0], worst[1]);
}

/// In a group of one value it equals its mean; in a group of two they are ±1 of their spread.
/// Almost no information on x remains.
#[test]
fn groups_of_one_and_two_values() {
    let mut numbers = Numbers(34);
    for (points, channels, groups) in [(1, 1, 1), (1, 6, 3), (2, 3, 3), (1, 33, 33)] {
        let case = Case { batch: 2, points, channels, groups, conditioned: true, offset: 0.0 };
        let o = Operands::random(&case, &mut numbers);
        let [x, gamma, beta, film] = [&o.x, &o.gamma, &o.beta, &o.film].map(|v| wide(v));
        let expected = naive(&case, &x, &gamma, &beta, &film);
        for level in Level::available() {
            let kernel = o.kernel(&case, level);
            let (y, statistics) = kernel.forward(&o.x);
            let error = relative_error(&y, &expected);
            assert!(error < FORWARD, "{level} {case:?}: {error:e}");
            let g = kernel.backward(&o.x, &statistics, &o.r);
            if points * channels == groups {
                assert!(g.x.iter().all(|g| g.abs() < 1e-3), "{level} {case:?}: {:?}", &g.x[..]);
            }
        }
    }
}

#[test]
fn normalisations_do_not_see_threads_or_neighbours() {
    let mut numbers = Numbers(32);
    let case =
        Case { batch: 5, points: 1000, channels: 24, groups: 8, conditioned: true, offset: 0.5 };
    let o = Operands::random(&case, &mut numbers);
    for level in Level::available() {
        let kernel = o.kernel(&case, level);
        let run = |threads| {
            in_pool(threads, || {
                let (y, statistics) = kernel.forward(&o.x);
                let g = kernel.backward(&o.x, &statistics, &o.r);
                (y.to_vec(), g.x.to_vec(), g.gamma, g.beta, g.film)
            })
        };
        let one = run(1);
        // two threads take samples one after another, three threads share each sample
        assert!(one == run(2) && one == run(3), "{level}: threads");
        let (len, film) = (case.points * case.channels, 2 * case.channels);
        for i in 0..case.batch {
            let range = i * len..(i + 1) * len;
            let film = &o.film[i * film..(i + 1) * film];
            let alone = Norm { batch: 1, film: Some(film), ..kernel };
            let (y, statistics) = alone.forward(&o.x[range.clone()]);
            assert!(y[..] == one.0[range.clone()], "{level}: values of {i}");
            let g = alone.backward(&o.x[range.clone()], &statistics, &o.r[range.clone()]);
            assert!(g.x[..] == one.1[range], "{level}: gradient of {i}");
        }
    }
}

#[test]
fn extreme_values_stay_numbers_and_what_is_none_stays_none() {
    let case = Case { batch: 1, points: 4, channels: 1, groups: 1, conditioned: true, offset: 0.0 };
    let mut o = Operands::random(&case, &mut Numbers(33));
    (o.gamma[0], o.beta[0], o.film[0]) = (1.0, 0.0, 0.0);
    for level in Level::available() {
        for (shift, limit) in [(1e4f32, 1e4f32), (-1e4, 0.0), (88.0, 88.0), (-104.0, 0.0)] {
            o.film[1] = shift;
            let kernel = o.kernel(&case, level);
            let (y, statistics) = kernel.forward(&o.x);
            assert!(y.iter().all(|y| (y - limit).abs() < 3.0), "{level} {shift}: {:?}", &y[..]);
            let g = kernel.backward(&o.x, &statistics, &o.r);
            assert!(g.x.iter().all(|g| g.is_finite()), "{level} {shift}");
        }
        o.film[1] = f32::NAN;
        let kernel = o.kernel(&case, level);
        assert!(kernel.forward(&o.x).0.iter().all(|y| y.is_nan()), "{level}");
    }
}
