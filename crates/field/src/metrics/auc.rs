//! The area under the ROC curve: how well scores separate two sets.
//!
//! The scores themselves are computed by crate `train` (`distinguish`).

/// The probability that a score drawn from `positive` is above one drawn from `negative`:
///
/// A = (1 / m n) Σ_i Σ_j ( 1\[p_i > q_j\] + ½ 1\[p_i = q_j\] ).
///
/// This is the Mann–Whitney statistic divided by m n, and the area under the ROC curve. 0.5 means
/// that the scores do not separate the sets, 1 that each positive lies above each negative. The
/// result is NaN if a set is empty or a score is NaN.
///
/// **Cost** one sort of m + n numbers.
///
/// **Source** Hanley & McNeil, "The meaning and use of the area under a receiver operating characteristic
/// curve", Radiology 1982.
///
/// # Example
/// ```
/// use karhunen_field::metrics::auc;
/// // of four pairs three are in order and one is a tie
/// assert_eq!(auc(&[2.0, 3.0], &[1.0, 2.0]), 0.875);
/// ```
pub fn auc(positive: &[f64], negative: &[f64]) -> f64 {
    let pairs = positive.len() as f64 * negative.len() as f64;
    if pairs == 0.0 || positive.iter().chain(negative).any(|score| score.is_nan()) {
        return f64::NAN;
    }
    let mut scores: Vec<(f64, bool)> = positive.iter().map(|score| (*score, true)).collect();
    scores.extend(negative.iter().map(|score| (*score, false)));
    scores.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    // each positive counts the negatives below it, and half of those equal to it
    let (mut below, mut sum) = (0.0, 0.0);
    for tied in scores.chunk_by(|a, b| a.0 == b.0) {
        let positives = tied.iter().filter(|(_, positive)| *positive).count() as f64;
        let negatives = tied.len() as f64 - positives;
        sum += positives * (below + 0.5 * negatives);
        below += negatives;
    }
    sum / pairs
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Deserialize)]
    struct Golden {
        cases: Vec<Case>,
    }

    #[derive(Deserialize)]
    struct Case {
        positive: Vec<f64>,
        negative: Vec<f64>,
        auc: f64,
    }

    #[test]
    fn it_is_that_of_scikit_learn() {
        let golden: Golden =
            serde_json::from_str(include_str!("../../../../golden/auc.json")).unwrap();
        assert!(golden.cases.len() >= 5);
        for (i, case) in golden.cases.iter().enumerate() {
            let found = auc(&case.positive, &case.negative);
            // both sum fractions of whole numbers, in a different order
            assert!((found - case.auc).abs() < 1e-12, "case {i}: {found}, not {}", case.auc);
            // with both sets exchanged
            let turned = auc(&case.negative, &case.positive);
            assert!((found + turned - 1.0).abs() < 1e-12, "case {i}: {found} + {turned}");
        }
    }

    #[test]
    fn zeros_of_either_sign_tie_and_nothing_has_no_area() {
        assert_eq!(auc(&[0.0], &[-0.0]), 0.5);
        assert!(auc(&[], &[1.0]).is_nan());
        assert!(auc(&[f64::NAN], &[1.0]).is_nan());
    }
}
