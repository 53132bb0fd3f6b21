//! Segmentation into any number of phases by thresholds, given or found by Otsu's criterion.
//!
//! [`super::Segmentation`] is the special case of two phases. Thresholds are computed from the
//! reference and applied to all. The best thresholds are found exactly, not on the bins of a
//! histogram. The criterion is that of one-dimensional k-means, whose optimal cuts move
//! monotonically.

use super::check;
use super::histogram::channel_values;
use crate::{Ensemble, FieldError};

/// The `phases` − 1 rising thresholds that maximise the variance between classes.
///
/// The maximum of Σ_j w_j (μ_j − μ)² is taken over all ways to cut the sorted values into that many
/// classes. Each threshold is the middle of its gap. Two phases give [`super::otsu_threshold`].
///
/// **Cost** sorting, and n log n for each further phase.
///
/// # Errors
/// [`FieldError::Parameter`] below two phases, for fewer different values than phases, or values that
/// are not finite.
///
/// **Source** Liao, Chen & Chung, "A fast algorithm for multilevel thresholding", J. Inf. Sci. Eng.
/// 17 (2001) for the criterion. Monotone divide and conquer replaces its tables.
///
/// # Example
/// ```
/// use karhunen_field::metrics::multi_otsu_thresholds;
/// let values = [0.0, 1.0, 5.0, 6.0, 10.0];
/// assert_eq!(multi_otsu_thresholds(&values, 3)?, [3.0, 8.0]);
/// # Ok::<(), karhunen_field::FieldError>(())
/// ```
pub fn multi_otsu_thresholds(values: &[f64], phases: usize) -> Result<Vec<f64>, FieldError> {
    if let Some(&value) = values.iter().find(|v| !v.is_finite()) {
        return Err(FieldError::Parameter {
            parameter: "value",
            value,
            requirement: "Otsu's thresholds need finite values",
        });
    }
    if phases < 2 {
        return Err(FieldError::Parameter {
            parameter: "phases",
            value: phases as f64,
            requirement: "thresholds separate at least two phases",
        });
    }
    let classes = Classes::new(values);
    if classes.distinct.len() < phases {
        return Err(FieldError::Parameter {
            parameter: "phases",
            value: phases as f64,
            requirement: "there must be as many different values as phases: ask for fewer",
        });
    }
    Ok(classes.cuts(phases).into_iter().map(|cut| classes.middle(cut)).collect())
}

/// Thresholds that divide the values of each channel into phases 0, 1, ….
#[derive(Debug, Clone, PartialEq)]
pub struct Phases {
    thresholds: Vec<Vec<f64>>,
}

impl Phases {
    /// Otsu's thresholds of each channel of an ensemble, for that many phases.
    ///
    /// # Errors
    /// [`FieldError::TooFew`] without fields; otherwise as [`multi_otsu_thresholds`].
    pub fn otsu(fields: &Ensemble, phases: usize) -> Result<Self, FieldError> {
        check(fields, "segmentation", 1)?;
        let of = |channel| {
            multi_otsu_thresholds(&channel_values(fields, channel).collect::<Vec<_>>(), phases)
        };
        Ok(Self { thresholds: (0..fields.channels).map(of).collect::<Result<_, _>>()? })
    }

    /// The given thresholds of each channel.
    ///
    /// # Errors
    /// [`FieldError::Parameter`] unless those of each channel are finite and strictly rising.
    pub fn given(thresholds: Vec<Vec<f64>>) -> Result<Self, FieldError> {
        for channel in &thresholds {
            let broken = channel.iter().find(|t| !t.is_finite());
            let falling = channel.windows(2).find(|t| t[0] >= t[1]).map(|t| &t[1]);
            if let Some(&value) = broken.or(falling) {
                return Err(FieldError::Parameter {
                    parameter: "threshold",
                    value,
                    requirement: "thresholds of a channel are finite and rise from one to the next",
                });
            }
        }
        Ok(Self { thresholds })
    }

    /// Thresholds of each channel, rising.
    pub fn thresholds(&self) -> &[Vec<f64>] {
        &self.thresholds
    }

    /// The indicator of a phase: 1 where threshold `phase` − 1 < value ≤ threshold `phase` of the
    /// channel, 0 elsewhere. The first phase has no lower bound and the last no upper bound.
    ///
    /// # Errors
    /// [`FieldError::Length`] unless there are thresholds for every channel;
    /// [`FieldError::Parameter`] for a phase beyond the last of some channel.
    pub fn indicator(&self, fields: &Ensemble, phase: usize) -> Result<Ensemble, FieldError> {
        if self.thresholds.len() != fields.channels {
            return Err(FieldError::Length {
                values: self.thresholds.len(),
                channels: fields.channels,
                grid: fields.grid,
            });
        }
        if self.thresholds.iter().any(|t| phase > t.len()) {
            return Err(FieldError::Parameter {
                parameter: "phase",
                value: phase as f64,
                requirement: "phases count from 0 to the number of thresholds of the channel",
            });
        }
        let mut out = fields.clone();
        for (block, values) in out.values.chunks_exact_mut(fields.grid.len()).enumerate() {
            let thresholds = &self.thresholds[block % fields.channels];
            let above = phase.checked_sub(1).map_or(f64::NEG_INFINITY, |below| thresholds[below]);
            let upto = thresholds.get(phase).copied().unwrap_or(f64::INFINITY);
            values.iter_mut().for_each(|v| *v = f64::from(u8::from(*v > above && *v <= upto)));
        }
        Ok(out)
    }
}

/// The distinct values in rising order, with sums of all values up to each.
struct Classes {
    distinct: Vec<f64>,
    /// Number of values, and their sum about the mean, before each distinct value.
    count: Vec<f64>,
    sum: Vec<f64>,
}

impl Classes {
    fn new(values: &[f64]) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        // values are taken about the mean, because a large offset would cancel a small contrast
        let first = sorted.first().copied().unwrap_or_default();
        let mean =
            first + sorted.iter().map(|v| v - first).sum::<f64>() / sorted.len().max(1) as f64;
        let (mut distinct, mut count, mut sum) = (Vec::new(), vec![0.0], vec![0.0]);
        for same in sorted.chunk_by(|a, b| a == b) {
            let (n, last) = (same.len() as f64, distinct.len());
            distinct.push(same[0]);
            count.push(count[last] + n);
            sum.push(sum[last] + n * (same[0] - mean));
        }
        Self { distinct, count, sum }
    }

    /// w (μ − mean)² of a class, up to a constant factor.
    fn gain(&self, from: usize, to: usize) -> f64 {
        let sum = self.sum[to] - self.sum[from];
        sum * sum / (self.count[to] - self.count[from])
    }

    fn middle(&self, cut: usize) -> f64 {
        self.distinct[cut - 1] + 0.5 * (self.distinct[cut] - self.distinct[cut - 1])
    }

    /// Ends of all classes but the last, as numbers of distinct values below.
    fn cuts(&self, phases: usize) -> Vec<usize> {
        let n = self.distinct.len();
        // best[j]: the largest gain of j values in the classes so far
        let mut best: Vec<f64> =
            (0..=n).map(|j| if j > 0 { self.gain(0, j) } else { f64::NEG_INFINITY }).collect();
        let mut choices = Vec::new();
        for class in 1..phases {
            let mut next = vec![f64::NEG_INFINITY; n + 1];
            let mut choice = vec![0u32; n + 1];
            self.divide(&best, (class + 1, n), (class, n - 1), &mut next, &mut choice);
            choices.push(choice);
            best = next;
        }
        let mut end = n;
        let mut cuts: Vec<usize> = choices
            .iter()
            .rev()
            .map(|choice| {
                end = choice[end] as usize;
                end
            })
            .collect();
        cuts.reverse();
        cuts
    }

    /// Adds a class to the ends `to.0 ..= to.1`. Its start lies in `from.0 ..= from.1` and rises
    /// with its end.
    fn divide(
        &self,
        best: &[f64],
        to: (usize, usize),
        from: (usize, usize),
        next: &mut [f64],
        choice: &mut [u32],
    ) {
        if to.0 > to.1 {
            return;
        }
        let end = usize::midpoint(to.0, to.1);
        let mut start = from.0;
        let starts = from.0..=from.1.min(end - 1);
        for (i, so_far) in starts.clone().zip(&best[starts]) {
            let value = so_far + self.gain(i, end);
            if value > next[end] {
                next[end] = value;
                start = i;
            }
        }
        choice[end] = start as u32;
        self.divide(best, (to.0, end - 1), (from.0, start), next, choice);
        self.divide(best, (end + 1, to.1), (start, from.1), next, choice);
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Segmentation, oracle, otsu_threshold};
    use super::*;
    use crate::{Boundary, Grid};

    /// Variance between the classes of the given cuts, by definition.
    fn between(values: &[f64], cuts: &[f64]) -> f64 {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        (0..=cuts.len())
            .map(|class| {
                let held: Vec<f64> = values
                    .iter()
                    .copied()
                    .filter(|v| cuts.iter().filter(|c| *v > **c).count() == class)
                    .collect();
                if held.is_empty() {
                    return 0.0;
                }
                let own = held.iter().sum::<f64>() / held.len() as f64;
                held.len() as f64 * (own - mean).powi(2)
            })
            .sum()
    }

    #[test]
    fn no_other_cuts_are_better() {
        for case in 0..6 {
            let mut values = oracle::normals(14, case);
            values.extend(oracle::normals(9, 50 + case).iter().map(|v| 0.4 * v + 3.0));
            values.push(values[0]);
            let mut sorted = values.clone();
            sorted.sort_unstable_by(f64::total_cmp);
            for phases in 2..=4 {
                let found = multi_otsu_thresholds(&values, phases).unwrap();
                assert_eq!(found.len(), phases - 1);
                assert!(found.windows(2).all(|t| t[0] < t[1]));
                // every choice of cuts at values
                let mut best = 0.0_f64;
                let n = sorted.len();
                for code in 0..n.pow(phases as u32 - 1) {
                    let cuts: Vec<f64> =
                        (0..phases - 1).map(|i| sorted[code / n.pow(i as u32) % n]).collect();
                    if cuts.windows(2).all(|c| c[0] <= c[1]) {
                        best = best.max(between(&values, &cuts));
                    }
                }
                let ratio = between(&values, &found) / best;
                assert!((ratio - 1.0).abs() < 1e-12, "{phases}: {ratio}");
            }
        }
    }

    #[test]
    fn two_phases_are_otsus() {
        for count in [2, 3, 50, 1001] {
            let values = oracle::normals(count, 3);
            let found = multi_otsu_thresholds(&values, 2).unwrap();
            assert_eq!(found, [otsu_threshold(&values).unwrap()]);
        }
        let fields = oracle::rough(&[7, 6], Boundary::Neumann, 0..4);
        let (two, one) = (Phases::otsu(&fields, 2).unwrap(), Segmentation::otsu(&fields).unwrap());
        assert_eq!(two.indicator(&fields, 1), one.indicator(&fields));
    }

    #[test]
    fn phases_share_out_the_cells() {
        let fields = oracle::rough(&[9, 5], Boundary::Neumann, 0..3);
        for phases in
            [Phases::otsu(&fields, 4).unwrap(), Phases::given(vec![vec![-0.5, 0.0, 0.7]]).unwrap()]
        {
            let mut total = vec![0.0; fields.values.len()];
            for phase in 0..4 {
                let one = phases.indicator(&fields, phase).unwrap();
                total.iter_mut().zip(&one.values).for_each(|(t, v)| *t += v);
            }
            assert!(total.iter().all(|t| *t == 1.0));
            assert!(matches!(phases.indicator(&fields, 4), Err(FieldError::Parameter { .. })));
        }
    }

    #[test]
    fn refuses_phases_that_cannot_be() {
        let grid = Grid::unit(&[4], Boundary::Neumann).unwrap();
        let two = Ensemble::new(grid, 1, vec![0.0, 1.0, 1.0, 0.0]).unwrap();
        for phases in [0, 1, 3] {
            assert!(matches!(Phases::otsu(&two, phases), Err(FieldError::Parameter { .. })));
        }
        for thresholds in [vec![1.0, 1.0], vec![2.0, 1.0], vec![f64::NAN]] {
            assert!(matches!(Phases::given(vec![thresholds]), Err(FieldError::Parameter { .. })));
        }
        let wrong = Phases::given(vec![vec![0.5]; 2]).unwrap();
        assert!(matches!(wrong.indicator(&two, 0), Err(FieldError::Length { .. })));
        assert!(matches!(multi_otsu_thresholds(&[], 2), Err(FieldError::Parameter { .. })));
    }
}
