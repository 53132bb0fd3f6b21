//! Checks whether a finished model repeats its training fields. A few samples are compared with
//! their nearest training fields.
//!
//! The similarity of two fields is the correlation r = ⟨f, g⟩ / (|f| |g|). The data's mean field is
//! subtracted first, and all channels are taken together on a coarse grid, so a copy with different
//! fine detail still counts. Along axes whose fields were shifted in training, g may be shifted by
//! whole cells.
//!
//! Held-out fields set the threshold. A sample's unexplained part is 1 − r², the part that its
//! nearest training field does not explain. The sample is a *near-copy* if its unexplained part is
//! less than that of every held-out field and less than a quarter of their median. In few
//! dimensions, or with many training fields, even independent samples come near a training field.
//! Held-out fields then do too.
//!
//! The table of `evaluate` answers a sharper question: whether *more* samples are near than chance
//! allows ([`karhunen_field::metrics::memorisation`]). The check of this module takes seconds,
//! needs few held-out fields and runs at the end of every training.

use karhunen_field::metrics::MostAlike;
use karhunen_field::{Ensemble, FieldError};
use rayon::prelude::*;
use serde::Serialize;

/// A near-copy's unexplained part is below this part of the median of held-out fields.
const QUARTER: f64 = 0.25;
/// Threshold of 1 − r² if too few fields were held out: r above 0.97.
const UNTOLD: f64 = 0.06;
/// Number of held-out fields that the threshold needs.
const FEWEST: usize = 4;

/// Samples compared with their nearest training fields.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NearCopies {
    /// Correlation of each sample with the training field nearest to it.
    pub samples: Vec<f64>,
    /// The same correlation of each held-out field.
    pub held_out: Vec<f64>,
    /// Number of training fields searched.
    pub training_fields: usize,
    /// Number of samples that are near-copies.
    pub copies: usize,
}

impl NearCopies {
    /// Finds the nearest training field of each sample and of each held-out field. All fields have
    /// the mean field subtracted and lie on one grid. Training fields may be shifted along `axes`.
    ///
    /// **Cost** As [`MostAlike`].
    ///
    /// # Errors
    /// As [`MostAlike::among`].
    pub fn among(
        training: &Ensemble,
        samples: &Ensemble,
        held_out: &Ensemble,
        axes: &[usize],
    ) -> Result<Self, FieldError> {
        let known = MostAlike::among(training, axes)?;
        let of = |fields: &Ensemble| -> Vec<f64> {
            let fields: Vec<&[f64]> = fields.fields().collect();
            fields.par_iter().map(|field| known.correlation(field)).collect()
        };
        let (samples, held_out) = (of(samples), of(held_out));
        let left = |r: &f64| 1.0 - r * r;
        let mut honest: Vec<f64> = held_out.iter().map(left).collect();
        honest.sort_unstable_by(f64::total_cmp);
        let most = match honest.len() < FEWEST {
            true => UNTOLD,
            false => honest[0].min(QUARTER * honest[honest.len() / 2]),
        };
        // in a box of two modes a field may be the negative of another one
        let near = |r: &&f64| **r > 0.0 && left(r) < most;
        let copies = samples.iter().filter(near).count();
        Ok(Self { copies, training_fields: training.count(), samples, held_out })
    }

    /// The result in one line.
    pub fn told(&self) -> String {
        let summary = |of: &[f64]| {
            let mut sorted = of.to_vec();
            sorted.sort_unstable_by(f64::total_cmp);
            let at = |i: usize| sorted.get(i).copied().unwrap_or(f64::NAN);
            format!("{:.2} in the median, {:.2} at most", at(of.len() / 2), at(of.len().max(1) - 1))
        };
        let honest = match self.held_out.is_empty() {
            true => String::new(),
            false => format!("; of held-out fields {}", summary(&self.held_out)),
        };
        format!(
            "{} of {} samples are near-copies of one of {} training fields: their correlation with the nearest is {}{honest}",
            self.copies,
            self.samples.len(),
            self.training_fields,
            summary(&self.samples)
        )
    }
}

#[cfg(test)]
mod tests {
    use karhunen_field::{Boundary, Grid, ModeNoise, noise::stream};

    use super::*;

    fn fields(grid: Grid, count: usize, seed: u64) -> Ensemble {
        let noise = ModeNoise::new(seed);
        let one = |i: usize| noise.plain_normals(grid.len(), i as u64, stream::METRICS);
        Ensemble::new(grid, 1, (0..count).flat_map(one).collect()).unwrap()
    }

    #[test]
    fn copies_are_counted_and_honest_samples_are_not() {
        let grid = Grid::unit(&[6, 5], Boundary::Periodic).unwrap();
        let of = |count, seed| fields(grid, count, seed);
        let (training, held_out) = (of(60, 1), of(20, 2));
        let mut samples = of(10, 3);
        let honest = NearCopies::among(&training, &samples, &held_out, &[]).unwrap();
        assert_eq!(honest.copies, 0);
        // three copies with a small perturbation, one of them shifted
        for (i, sample) in samples.fields_mut().take(3).enumerate() {
            let moved = if i == 2 { 10 } else { 0 };
            let copied = training.values[270 * i..270 * i + 30].iter().cycle().skip(moved);
            sample.iter_mut().zip(copied).for_each(|(s, t)| *s = t + 0.1 * *s);
        }
        let found = NearCopies::among(&training, &samples, &held_out, &[]).unwrap();
        assert_eq!(found.copies, 2);
        let found = NearCopies::among(&training, &samples, &held_out, &[0, 1]).unwrap();
        assert_eq!(found.copies, 3);
        assert!(found.samples[..3].iter().all(|r| *r > 0.98));
        assert!(found.told().starts_with("3 of 10 samples are near-copies of one of 60"));
        // without held-out fields only plain copies count
        let alone = NearCopies::among(&training, &samples, &held_out.slice(0..0), &[]).unwrap();
        assert_eq!(alone.copies, 2);
        assert!(!alone.told().contains("held-out"));
    }

    /// Where all fields are near each other, as in a box of two modes, nearness tells nothing.
    #[test]
    fn fields_of_few_dimensions_are_no_copies() {
        let grid = Grid::unit(&[2], Boundary::Neumann).unwrap();
        let of = |count, seed| fields(grid, count, seed);
        let found = NearCopies::among(&of(300, 1), &of(40, 2), &of(40, 3), &[]).unwrap();
        assert!(found.samples.iter().all(|r| *r > 0.99));
        // each sample is the nearest of all with probability 1 in 41
        assert!(found.copies <= 4, "{}", found.copies);
    }
}
