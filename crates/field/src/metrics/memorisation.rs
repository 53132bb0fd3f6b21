//! Memorisation: whether samples lie closer to the training fields than other real fields do.
//!
//! A model that memorises has perfect scores in every distance between laws. Here the distance of
//! each sample to its nearest training field is compared with that of real fields that were *not*
//! trained on. If samples followed the real law, samples and held-out fields would be exchangeable.
//! The number of samples below a quantile of the held-out distances then has a known law without
//! any assumption.
//!
//! Ties between equal distances (as between duplicates of training fields among the held-out ones)
//! are broken at random with fixed numbers, which keeps exchangeability. If ties did not count as
//! close, a few duplicates would let a model pass that only copies.

use super::energy::Distances;
use crate::noise::stream;
use crate::{Ensemble, FieldError, ModeNoise};

/// Seed of the random numbers that break ties.
const LOTS: u64 = 0x6c6f_7473;

/// Quantile of the held-out distances below which a sample counts as close.
const LEVEL: f64 = 0.05;

/// False-alarm rate of the verdict: one in a thousand honest models.
const SIGNIFICANCE: f64 = 1e-3;

/// A sample three times closer to one training field than to the next counts as a copy of it.
const COPY: f64 = 1.0 / 3.0;

/// The verdict from the distances.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// No more samples close to training fields than chance allows.
    Clear,
    /// More than chance allows in 999 of 1000 cases.
    Memorised,
}

/// Distances to the nearest training field, and the verdict from them.
#[derive(Debug, Clone, PartialEq)]
pub struct Memorisation {
    /// Distance of each sample to its nearest training field.
    pub samples: Vec<f64>,
    /// The same for each held-out real field.
    pub held_out: Vec<f64>,
    /// The 5 % quantile of the held-out distances: the ⌈0.05 (m + 1)⌉-th smallest of m.
    pub threshold: f64,
    /// Number of samples closer than that, or equally close and before it in the random tie order.
    pub close: usize,
    /// Expected number of close samples for an honest model.
    pub expected: f64,
    /// Probability of this number or more for an honest model.
    pub p_value: f64,
    /// Samples whose nearest training field is at less than a third of the distance of the second
    /// nearest. 0 if there is only one training field.
    pub copies: usize,
    /// [`Verdict::Memorised`] if the p-value is below 1/1000.
    pub verdict: Verdict,
}

/// Nearest-neighbour check of samples against training fields, with held-out real fields for
/// comparison.
///
/// Let K be the number of n samples below the j-th smallest of m held-out distances (ties broken at
/// random), with j = ⌈0.05 (m + 1)⌉. For an honest model P(K = k) = C(k + j − 1, k) C(n − k + m −
/// j, n − k) / C(n + m, n), whatever the law. With few held-out fields the check has little power:
/// use m ≥ 100.
///
/// **Unit** of distances: H-norm, in the unit of the field. **Cost** (n + m) R C M for R training
/// fields and M modes.
///
/// # Errors
/// [`FieldError::TooFew`] without samples, training or held-out fields; [`FieldError::GridMismatch`] or
/// [`FieldError::Length`] for different grids or channels; [`FieldError::Parameter`] for values that
/// are not finite.
///
/// **Source** The rank argument is that of Wilks, "Determination of sample sizes for setting
/// tolerance limits", Ann. Math. Stat. 12 (1941). The ratio is that of Yoon, Choi, Kwon & Ryu,
/// "Diffusion probabilistic models generalize when they fail to memorize", ICML workshop (2023).
pub fn memorisation(
    samples: &Ensemble,
    training: &Ensemble,
    held_out: &Ensemble,
) -> Result<Memorisation, FieldError> {
    let (own, real) =
        (Distances::between(samples, training)?, Distances::between(held_out, training)?);
    let pairs: Vec<(f64, f64)> = two_nearest(&own);
    let samples: Vec<f64> = pairs.iter().map(|p| p.0).collect();
    let held_out: Vec<f64> = two_nearest(&real).iter().map(|p| p.0).collect();
    let (n, m) = (samples.len(), held_out.len());
    let rank = ((LEVEL * (m + 1) as f64).ceil() as usize).clamp(1, m);
    let lots = ModeNoise::new(LOTS).uniforms(n + m, 0, stream::METRICS);
    let (first, rest) = lots.split_at(n);
    let order = |a: &(f64, f64), b: &(f64, f64)| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1));
    let with = |distances: &[f64], lots: &[f64]| -> Vec<(f64, f64)> {
        distances.iter().copied().zip(lots.iter().copied()).collect()
    };
    let mut sorted = with(&held_out, rest);
    sorted.sort_unstable_by(order);
    let last = sorted[rank - 1];
    let threshold = last.0;
    let close = with(&samples, first).iter().filter(|d| order(d, &last).is_lt()).count();
    let p_value: f64 = (close..=n).map(|k| rank_probability(k, n, m, rank)).sum::<f64>().min(1.0);
    let memorised = p_value < SIGNIFICANCE;
    Ok(Memorisation {
        copies: pairs.iter().filter(|(one, two)| *one < COPY * two && two.is_finite()).count(),
        samples,
        held_out,
        threshold,
        close,
        expected: n as f64 * rank as f64 / (m + 1) as f64,
        p_value,
        verdict: if memorised { Verdict::Memorised } else { Verdict::Clear },
    })
}

/// Smallest and second smallest distance of each row. The second is infinite in a row of one.
fn two_nearest(distances: &Distances) -> Vec<(f64, f64)> {
    let (rows, columns) = distances.shape();
    let nearest = |i| {
        (0..columns).map(|j| distances.get(i, j)).fold((f64::INFINITY, f64::INFINITY), |best, d| {
            if d < best.0 { (d, best.0) } else { (best.0, best.1.min(d)) }
        })
    };
    (0..rows).map(nearest).collect()
}

/// P(K = k) of [`memorisation`].
fn rank_probability(k: usize, n: usize, m: usize, rank: usize) -> f64 {
    let log_choose = |n: usize, k: usize| {
        let log_factorial = |n: usize| libm::lgamma(n as f64 + 1.0);
        log_factorial(n) - log_factorial(k) - log_factorial(n - k)
    };
    (log_choose(k + rank - 1, k) + log_choose(n - k + m - rank, n - k) - log_choose(n + m, n)).exp()
}

#[cfg(test)]
mod tests {
    use super::super::oracle;
    use super::*;
    use crate::{Boundary, Grid};

    fn real(indices: std::ops::Range<u64>) -> Ensemble {
        oracle::rough(&[6, 5], Boundary::Neumann, indices)
    }

    #[test]
    fn honest_samples_are_clear_and_copies_are_found() {
        let (training, held_out) = (real(0..150), real(200..350));
        let honest = memorisation(&real(400..500), &training, &held_out).unwrap();
        assert_eq!(honest.verdict, Verdict::Clear);
        assert_eq!(honest.copies, 0);
        assert!((honest.expected - 100.0 * 8.0 / 151.0).abs() < 1e-12);
        // a fifth of the samples are training fields plus a little noise
        let mut samples = real(400..500);
        let noise = oracle::affine(&real(600..700), 0.02, 0.0);
        let copied = 20 * samples.field_len();
        samples.values[..copied].copy_from_slice(&training.values[..copied]);
        samples.values.iter_mut().zip(&noise.values).for_each(|(s, n)| *s += n);
        let found = memorisation(&samples, &training, &held_out).unwrap();
        assert_eq!(found.verdict, Verdict::Memorised);
        assert!(found.close >= 20 && found.copies >= 20, "{} {}", found.close, found.copies);
        assert!(found.samples[..20].iter().all(|d| *d < found.threshold));
    }

    /// A tenth of the held-out fields are training fields: the threshold is 0, and no distance is
    /// below it.
    #[test]
    fn duplicates_among_held_out_fields_clear_nobody_who_copies() {
        let training = real(0..150);
        let duplicated = |mut fields: Ensemble, count: usize| {
            let size = count * fields.field_len();
            fields.values[..size].copy_from_slice(&training.values[..size]);
            fields
        };
        let held_out = duplicated(real(200..350), 15);
        let copies = memorisation(&training, &training, &held_out).unwrap();
        assert_eq!((copies.threshold, copies.verdict), (0.0, Verdict::Memorised));
        assert_eq!(copies.copies, 150);
        // the law itself repeats a tenth of its fields, and honest samples do too
        let honest = memorisation(&duplicated(real(400..500), 10), &training, &held_out).unwrap();
        assert_eq!(honest.verdict, Verdict::Clear);
        assert!(honest.p_value > 0.05, "{}", honest.p_value);
    }

    #[test]
    fn ranks_have_the_law_of_an_urn() {
        for (n, m, rank) in [(1, 1, 1), (5, 3, 2), (4, 9, 1), (300, 100, 5)] {
            let law: Vec<f64> = (0..=n).map(|k| rank_probability(k, n, m, rank)).collect();
            let total: f64 = law.iter().sum();
            let mean: f64 = law.iter().enumerate().map(|(k, p)| k as f64 * p).sum();
            assert!((total - 1.0).abs() < 1e-10, "{n} {m} {rank}: {total}");
            let expected = n as f64 * rank as f64 / (m + 1) as f64;
            assert!((mean / expected - 1.0).abs() < 1e-9, "{n} {m} {rank}: {mean}");
        }
        // of all orders of 2 samples and 2 held-out fields, 1 in 6 has both samples first
        assert!((rank_probability(2, 2, 2, 1) - 1.0 / 6.0).abs() < 1e-12);
    }

    #[test]
    fn false_alarms_are_as_rare_as_promised() {
        let grid = Grid::unit(&[1], Boundary::Neumann).unwrap();
        let law = |number| oracle::constants(grid, &oracle::normals(40, number));
        let (mut below, trials) = (0, 400);
        for trial in 0..trials {
            let found = memorisation(&law(3 * trial), &law(3 * trial + 1), &law(3 * trial + 2));
            below += usize::from(found.unwrap().p_value < 0.05);
        }
        // at most 5 % on average: 20 of 400, plus 4.5 standard deviations
        assert!(below <= 40, "{below}");
        assert!(below > 0, "probabilities below 0.05 do occur");
    }

    #[test]
    fn one_training_field_has_no_second() {
        let found = memorisation(&real(0..3), &real(0..1), &real(5..9)).unwrap();
        assert_eq!((found.copies, found.samples[0]), (0, 0.0));
        let none = real(0..3).slice(0..0);
        assert!(matches!(
            memorisation(&real(0..3), &none, &real(5..9)),
            Err(FieldError::TooFew { .. })
        ));
        assert!(matches!(
            memorisation(&real(0..3), &real(0..2), &none),
            Err(FieldError::TooFew { .. })
        ));
    }
}
