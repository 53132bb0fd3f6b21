//! UniPC against closed forms: denoisers that are polynomials in λ = ln(a/b).

use std::sync::Arc;

use karhunen_field::denoiser::Denoiser;
use karhunen_field::path::{Cosine, Flow, Path, TimeGrid, VarianceExploding, VariancePreserving};
use karhunen_field::prior::Standard;
use karhunen_field::sampler::{Reverse, Sampler, UniPc};
use karhunen_field::{Boundary, Ensemble, FieldError, GaussianLaw, Grid};

/// c₀ + c₁ λ + c₂ λ², whatever the fields are.
struct Polynomial {
    coefficients: [f64; 3],
    path: Arc<dyn Path>,
}

impl Denoiser for Polynomial {
    fn denoise(&self, x: &Ensemble, t: f64) -> Result<Ensemble, FieldError> {
        let (lambda, [c0, c1, c2]) = (0.5 * self.path.log_snr(t), self.coefficients);
        Ok(Ensemble { values: vec![c0 + lambda * (c1 + lambda * c2); x.values.len()], ..x.clone() })
    }
}

impl Polynomial {
    /// ∫ e^λ D dλ = e^λ (c₀ + c₁ (λ − 1) + c₂ (λ² − 2 λ + 2)), in which x/b grows.
    fn integral(&self, t: f64) -> f64 {
        let (lambda, [c0, c1, c2]) = (0.5 * self.path.log_snr(t), self.coefficients);
        lambda.exp() * (c0 + c1 * (lambda - 1.0) + c2 * (lambda * lambda - 2.0 * lambda + 2.0))
    }

    /// x/b minus its exact value after every step from x = 1, in units of a/b.
    fn errors(&self, steps: usize) -> Vec<f64> {
        let grid = Grid::unit(&[2], Boundary::Neumann).unwrap();
        let (path, prior) = (&*self.path, Standard::new());
        let law = GaussianLaw::centred(grid, Arc::new(Standard::new()), 1);
        let times = TimeGrid::LogSnr.times(path, steps);
        let mut reverse = Reverse::new(path, &prior, &law, self, 1, 0);
        let mut x = Ensemble::new(grid, 1, vec![1.0; 2]).unwrap();
        let mut sampler = UniPc::<f64>::default();
        let mut errors = Vec::new();
        for (step, pair) in times.windows(2).enumerate() {
            sampler.step(&mut reverse, &mut x, pair[0], pair[1], step).unwrap();
            let exact =
                1.0 / path.noise(times[0]) + self.integral(pair[1]) - self.integral(times[0]);
            errors.push(x.values[0] / path.noise(pair[1]) - exact);
        }
        errors
    }
}

fn paths() -> [Arc<dyn Path>; 4] {
    [
        Arc::new(VariancePreserving::default()),
        Arc::new(Cosine::default()),
        Arc::new(VarianceExploding::default()),
        Arc::new(Flow::default()),
    ]
}

/// Of a parabola only the first step keeps an error, that of a line through its two ends.
#[test]
fn a_parabola_is_exact_from_the_third_step_on() {
    for path in paths() {
        for steps in [20, 1000] {
            let denoiser = Polynomial { coefficients: [0.3, -1.2, 0.7], path: path.clone() };
            let errors = denoiser.errors(steps);
            let times = TimeGrid::LogSnr.times(&*path, steps);
            for (i, error) in errors.iter().enumerate().skip(3) {
                let scale = (0.5 * path.log_snr(times[i + 1])).exp();
                assert!((error - errors[2]).abs() < 1e-10 * scale, "{path:?} {i}: {error:e}");
            }
            assert!((errors[1] - errors[2]).abs() > 1e-6 * errors[2].abs());
        }
    }
}

/// The correction takes the whole error of the first step away.
#[test]
fn a_line_is_exact_from_the_second_step_on() {
    for path in paths() {
        for steps in [5, 20] {
            let denoiser = Polynomial { coefficients: [0.3, -1.2, 0.0], path: path.clone() };
            let errors = denoiser.errors(steps);
            let times = TimeGrid::LogSnr.times(&*path, steps);
            for (i, error) in errors.iter().enumerate().skip(1) {
                let scale = (0.5 * path.log_snr(times[i + 1])).exp();
                assert!(error.abs() < 1e-11 * scale, "{path:?} {i}: {error:e}");
            }
            assert!(errors[0].abs() > 1e-4 * (0.5 * path.log_snr(times[1])).exp());
        }
    }
}
