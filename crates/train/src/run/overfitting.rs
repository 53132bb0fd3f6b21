//! Detects overfitting: compares the losses of training and of held-out fields.
//!
//! Both losses are of the same averaged weights at the finest level. They use the same number of
//! training and held-out fields, and the same times and noise. Times and noise change the loss of a
//! field a hundredfold and more, but this cancels in r_i = ln(loss of held-out field i / loss of
//! training field i). Over n fields the losses have *parted* if
//!
//! mean loss of held-out fields > 6/5 · mean loss of training fields  and  mean r > 3 s/√n,
//!
//! where s is the standard deviation of r and n ≥ 8. Without overfitting a difference of a fifth is
//! large, and three standard errors occur by chance in one of 700 validations.
//!
//! Module `divergence` tells at the end of a run whether the validation loss rises. Module
//! [`crate::run::copies`] looks for samples that are copies.

/// Relative difference of the losses above which they have parted.
const PART: f64 = 0.2;
/// Smallest difference, in standard errors.
const ERRORS: f64 = 3.0;
/// Smallest number of fields for a standard error.
const FEWEST: usize = 8;

/// Advice for the user.
pub const REMEDY: &str =
    "more data, data.augment where the law allows it, a narrower network or fewer steps help";

/// Two losses of the same weights.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Losses {
    /// Mean loss of training fields.
    pub training: f64,
    /// Mean loss of as many fields that were held out.
    pub validation: f64,
    /// Mean logarithm of the ratio of the two losses of each field, in units of its standard error;
    /// 0 if there are too few fields.
    pub errors: f64,
}

impl Losses {
    /// Compares the losses of training and held-out fields that have the same times and noise, in
    /// order. If the numbers of fields differ, so do their times, and the standard error is not
    /// computed.
    pub fn of(training: &[f64], validation: &[f64]) -> Self {
        let mean = |of: &[f64]| of.iter().sum::<f64>() / of.len() as f64;
        let (own, held) = (mean(training), mean(validation));
        let ratio = |(t, v): (&f64, &f64)| (v / t).ln();
        let ratios: Vec<f64> = training.iter().zip(validation).map(ratio).collect();
        let (n, middle) = (ratios.len() as f64, mean(&ratios));
        let squares: f64 = ratios.iter().map(|r| (r - middle).powi(2)).sum();
        let told = training.len() >= FEWEST && training.len() == validation.len();
        let errors = match told && squares > 0.0 {
            true => middle / (squares / (n - 1.0) / n).sqrt(),
            false => 0.0,
        };
        Self { training: own, validation: held, errors }
    }

    /// Whether the training fields have a clearly smaller loss than held-out ones, by more than
    /// chance.
    pub fn have_parted(&self) -> bool {
        self.validation > (1.0 + PART) * self.training && self.errors > ERRORS
    }

    /// The message for losses that have parted after a step.
    pub fn told(&self, step: usize) -> String {
        format!(
            "step {step}: held-out fields have {:.2} times the loss of training fields ({:.4} and {:.4}): the network learns its fields by heart; {REMEDY}",
            self.validation / self.training,
            self.validation,
            self.training
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_part_by_a_fifth_and_by_more_than_chance() {
        // losses differ a hundredfold between fields because of their times, but their ratios do
        // not
        let at = |i: usize| if i.is_multiple_of(2) { 0.01 } else { 1.0 };
        let training: Vec<f64> = (0..16).map(at).collect();
        let times = |factor: fn(usize) -> f64| {
            training.iter().enumerate().map(|(i, l)| factor(i) * l).collect::<Vec<_>>()
        };
        let held = times(|i| if i % 4 < 2 { 1.2 } else { 1.8 });
        let losses = Losses::of(&training, &held);
        assert!(
            (losses.training - 0.505).abs() < 1e-12 && (losses.validation - 0.7575).abs() < 1e-12
        );
        // ln 1.2 = 0.1823 and ln 1.8 = 0.5878 in turn: mean 0.3851, standard error 0.2027 / √15
        assert!((losses.errors - 0.3851 / 0.2027 * 15f64.sqrt()).abs() < 0.01, "{}", losses.errors);
        assert!(losses.have_parted());
        assert!(losses.told(7).starts_with("step 7: held-out fields have 1.50 times"));
        let tenth = times(|i| if i % 4 < 2 { 1.08 } else { 1.12 });
        assert!(!Losses::of(&training, &tenth).have_parted(), "a tenth is no fifth");
        let chance = times(|i| if i % 4 < 2 { 4.0 } else { 0.4 });
        assert!(!Losses::of(&training, &chance).have_parted());
        assert!(!Losses::of(&training[..6], &held[..6]).have_parted(), "six tell nothing");
        // one outlier among sixteen fields is chance
        let mut one = training.clone();
        one[3] = 90.0;
        assert!(!Losses::of(&training, &one).have_parted());
    }
}
