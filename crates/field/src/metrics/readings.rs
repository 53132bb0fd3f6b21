//! Comparison of samples and real fields by the predictions of a classifier.
//!
//! A classifier makes the same confusions on both sides. Its features and class frequencies on
//! samples are therefore compared with those on real fields, never with true labels. The classifier
//! itself is in crate `net`.

use serde::{Deserialize, Serialize};

use super::floor::{FloorKind, Splits, shuffled};
use super::frechet::{FeatureMoments, frechet_distance};
use crate::FieldError;

/// Pairs of sets behind a floor.
const SPLITS: usize = 20;

/// Readings of a classifier: the features and the most likely class of every field.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Readings {
    /// Number of features of a field.
    pub dim: usize,
    /// `[field, feature]`.
    pub features: Vec<f64>,
    /// `[field]`.
    pub classes: Vec<u32>,
}

/// One row: the classifier's readings of samples, compared with those of real fields.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReadingComparison {
    /// Number of samples.
    pub count: usize,
    /// Number of real fields.
    pub reference_count: usize,
    /// How the sets of the floors were drawn.
    pub floor_kind: FloorKind,
    /// [`frechet_distance`] of the features.
    pub feature_distance: f64,
    /// Its floor.
    pub feature_distance_floor: f64,
    /// ½ Σ |p − q| over the predicted classes, the total variation distance.
    pub class_distance: f64,
    /// Its floor.
    pub class_distance_floor: f64,
    /// Fraction of the samples predicted as each class.
    pub frequencies: Vec<f64>,
    /// The same for the real fields.
    pub reference_frequencies: Vec<f64>,
}

/// Readings of real fields, with the floors of the statistics.
///
/// **Sizes** As in [`super::Reference`], rows of n samples are compared with m = n real fields
/// where there are enough. Floors are the same statistics between disjoint sets of n and m real
/// fields, drawn with replacement where there are too few.
#[derive(Debug)]
pub struct ReadingReference {
    count: usize,
    classes: usize,
    kind: FloorKind,
    moments: FeatureMoments,
    frequencies: Vec<f64>,
    reference_count: usize,
    floors: [f64; 2],
}

impl ReadingReference {
    /// Prepares readings of real fields for rows of `count` samples and this number of classes.
    ///
    /// # Errors
    /// [`FieldError::TooFew`] below two samples or real fields; [`FieldError::Parameter`] for features
    /// that are not finite.
    pub fn new(
        real: &Readings,
        count: usize,
        classes: usize,
        seed: u64,
    ) -> Result<Self, FieldError> {
        let wanted = count.min(real.classes.len());
        let mut order = shuffled(real.classes.len(), seed, u64::MAX);
        order.truncate(count + wanted);
        let splits = Splits::new(order.len(), count, wanted, SPLITS, seed)?;
        let moments = |which: &[usize]| FeatureMoments::new(&real.features, real.dim, which);
        let floors = splits.floors(|x, y| {
            let of = |part: &[usize]| part.iter().map(|&i| order[i]).collect::<Vec<_>>();
            let (x, y) = (of(x), of(y));
            let distance = frechet_distance(&moments(&x)?, &moments(&y)?)?;
            let of = |which: &[usize]| frequencies(&real.classes, which, classes);
            Ok([distance, apart(&of(&x), &of(&y))])
        })?;
        order.truncate(wanted);
        Ok(Self {
            count,
            classes,
            kind: splits.kind(),
            moments: moments(&order)?,
            frequencies: frequencies(&real.classes, &order, classes),
            reference_count: wanted,
            floors,
        })
    }

    /// Compares the first n readings.
    ///
    /// # Errors
    /// [`FieldError::TooFew`] if there are fewer; otherwise as [`ReadingReference::new`].
    pub fn compare(&self, samples: &Readings) -> Result<ReadingComparison, FieldError> {
        let (least, count) = (self.count, samples.classes.len());
        if count < least {
            return Err(FieldError::TooFew { what: "a comparison of readings", least, count });
        }
        let which: Vec<usize> = (0..least).collect();
        let moments = FeatureMoments::new(&samples.features, samples.dim, &which)?;
        let frequencies = frequencies(&samples.classes, &which, self.classes);
        let [feature_distance_floor, class_distance_floor] = self.floors;
        Ok(ReadingComparison {
            count: least,
            reference_count: self.reference_count,
            floor_kind: self.kind,
            feature_distance: frechet_distance(&moments, &self.moments)?,
            feature_distance_floor,
            class_distance: apart(&frequencies, &self.frequencies),
            class_distance_floor,
            frequencies,
            reference_frequencies: self.frequencies.clone(),
        })
    }
}

fn frequencies(read: &[u32], which: &[usize], classes: usize) -> Vec<f64> {
    let mut count = vec![0usize; classes];
    which.iter().for_each(|&i| count[read[i] as usize] += 1);
    count.into_iter().map(|n| n as f64 / which.len() as f64).collect()
}

/// Total variation distance.
fn apart(p: &[f64], q: &[f64]) -> f64 {
    0.5 * p.iter().zip(q).map(|(p, q)| (p - q).abs()).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::super::oracle;
    use super::*;

    /// `count` readings of 3 features about `mean`. Classes are 0, 1, 2 in turn, or all `only` if
    /// given.
    fn readings(count: usize, number: u64, mean: f64, only: Option<u32>) -> Readings {
        let features = oracle::normals(3 * count, number).iter().map(|v| v + mean).collect();
        let classes = (0..count).map(|i| only.unwrap_or(i as u32 % 3)).collect();
        Readings { dim: 3, features, classes }
    }

    #[test]
    fn what_is_shifted_is_seen_and_what_is_alike_is_at_the_floor() {
        let reference = ReadingReference::new(&readings(1200, 1, 0.0, None), 300, 3, 5).unwrap();
        let alike = reference.compare(&readings(300, 2, 0.0, None)).unwrap();
        assert_eq!((alike.count, alike.reference_count), (300, 300));
        assert_eq!(alike.floor_kind, FloorKind::Disjoint);
        // a floor is exceeded with probability 0.05, and three times the floor practically never
        assert!(alike.feature_distance < 3.0 * alike.feature_distance_floor, "{alike:?}");
        let shifted = reference.compare(&readings(300, 3, 1.0, Some(1))).unwrap();
        // three features off by a standard deviation, plus their fluctuations of 1/√300 each
        assert!((shifted.feature_distance - 3.0).abs() < 0.7, "{shifted:?}");
        assert!((shifted.class_distance - 2.0 / 3.0).abs() < 0.15, "{shifted:?}");
        assert_eq!(shifted.frequencies, [0.0, 1.0, 0.0]);
        assert!(reference.compare(&readings(299, 2, 0.0, None)).is_err());
    }

    #[test]
    fn total_variation_is_the_part_that_must_move() {
        assert_eq!(apart(&[0.5, 0.5, 0.0], &[0.25, 0.5, 0.25]), 0.25);
        assert_eq!(apart(&[1.0, 0.0], &[0.0, 1.0]), 1.0);
    }
}
