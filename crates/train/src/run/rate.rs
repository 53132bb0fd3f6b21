//! The learning rate over a run, as a fraction of its peak.

use crate::config::Rate;

impl Rate {
    /// The fraction of the peak at step `step` (from 0) of `steps`; the rate rises linearly over
    /// the part `warmup`.
    ///
    /// With u the part of the run that is done and w = `warmup`:
    /// trapezoid: min(1, u/w, (1 − u)/cooldown);
    /// cosine: min(u/w, ½ + ½ cos(π (u − w)/(1 − w))).
    pub fn factor(&self, step: usize, steps: usize, warmup: f64) -> f64 {
        self.factor_at(step as f64, steps as f64, warmup)
    }

    /// As [`Rate::factor`] at a position between whole steps, for a run whose number of steps has
    /// changed.
    pub fn factor_at(&self, step: f64, total: f64, warmup: f64) -> f64 {
        let at = step + 1.0;
        let rise = (warmup * total).max(1.0);
        if at <= rise {
            return at / rise;
        }
        match *self {
            Self::Trapezoid { cooldown } => {
                // the last step belongs to the decay and its rate is not 0
                let fall = (cooldown * total).max(1.0);
                ((total - at + 1.0) / fall).clamp(0.0, 1.0)
            }
            Self::Cosine => {
                let progress = ((at - rise) / (total - rise).max(1.0)).min(1.0);
                0.5 * (1.0 + (std::f64::consts::PI * progress).cos())
            }
        }
    }
}

impl Rate {
    /// The part u of a run that counts as done after its number of steps changes: `before` by the
    /// old number, `now` by the new one.
    ///
    /// While the rate is flat, u may jump. A trapezoid whose decay has begun continues from its
    /// value. If its decay should have begun already, it begins now. A cosine has no flat part.
    pub fn resumed(&self, before: f64, now: f64, warmup: f64) -> f64 {
        match *self {
            Self::Trapezoid { cooldown } if before > warmup && before < 1.0 - cooldown => {
                now.clamp(warmup, 1.0 - cooldown)
            }
            _ => before,
        }
    }

    /// The part of an extended run that counts as done after the fraction `now` of its steps. It is
    /// `now`, but a trapezoid keeps room for its whole decay.
    pub fn re_entered(&self, now: f64) -> f64 {
        match *self {
            Self::Trapezoid { cooldown } => now.min(1.0 - cooldown),
            Self::Cosine => now,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRAPEZOID: Rate = Rate::Trapezoid { cooldown: 0.2 };

    #[test]
    fn rates_rise_to_their_peak_and_fall() {
        for rate in [TRAPEZOID, Rate::Cosine] {
            let at = |step| rate.factor(step, 1000, 0.1);
            assert_eq!([at(0), at(49), at(99)], [0.01, 0.5, 1.0], "{rate:?}");
            assert!((100..1000).all(|n| at(n) <= at(n - 1)), "{rate:?}");
            assert!(at(999) > -1e-12 && at(999) < 0.01, "{rate:?}");
        }
    }

    /// A trapezoid is flat between its ramps; a cosine has half of its peak half-way down.
    #[test]
    fn shapes() {
        let at = |step| TRAPEZOID.factor(step, 1000, 0.1);
        assert_eq!([at(100), at(500), at(800)], [1.0; 3]);
        assert!((at(900) - 0.5).abs() < 1e-12, "{}", at(900));
        assert!((Rate::Cosine.factor(549, 1000, 0.1) - 0.5).abs() < 1e-12);
    }

    #[test]
    fn runs_of_a_few_steps_have_a_rate() {
        for rate in [TRAPEZOID, Rate::Trapezoid { cooldown: 0.0 }, Rate::Cosine] {
            for steps in 1..5 {
                for step in 0..steps {
                    let factor = rate.factor(step, steps, 0.03);
                    assert!((0.0..=1.0).contains(&factor), "{rate:?} {step} of {steps}: {factor}");
                }
                assert_eq!(rate.factor(0, steps, 0.03), 1.0);
            }
        }
    }
}
