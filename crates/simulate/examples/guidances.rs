//! Guidance with the exact denoiser of a source, seen at some cells: what is lost by the guidance alone.
//!
//! ```sh
//! cargo run --release -p karhunen-simulate --example guidances -- 128 500 16 8 50 > guidances.jsonl
//! ```
//!
//! Arguments: cells an axis, cells seen, truths, draws a truth, evaluations a draw.
//!
//! The source a of Poisson's equation is Gaussian, so its denoiser is a Wiener filter and the mean given the
//! observations is kriging. There is a row for each method:
//!
//! - kriging itself;
//! - guidance of order 1;
//! - replacement: seen cells are set in every denoised field (DDNM of a mask);
//! - the plain gradient of |y − A D| (DPS), at four weights.
//!
//! Errors are those of the mean of the draws, in a and in the solution u, in percent.

use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use karhunen_field::denoiser::Gaussian;
use karhunen_field::guidance::Guidance;
use karhunen_field::noise::stream;
use karhunen_field::observation::Mask;
use karhunen_field::path::{Path, VariancePreserving};
use karhunen_field::prior::{Measured, Tempered};
use karhunen_field::sampler::{Method, Reverse, integrate, start};
use karhunen_field::{
    Boundary, Conditioning, Denoiser, Ensemble, FieldError, GaussianLaw, Grid, ModeNoise,
    Observation, Observations, Prior, Transform,
};
use karhunen_simulate::{Helmholtz, RoughField};

const SEED: u64 = 3;
const TRUTHS: u64 = 1;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut number = || -> Result<usize, Box<dyn Error>> {
        let usage =
            "five numbers: cells an axis, cells seen, truths, draws a truth, evaluations a draw";
        Ok(arguments.next().ok_or(usage)?.parse()?)
    };
    let (cells, seen, truths, draws) = (number()?, number()?, number()?, number()?);
    let evaluations = number()?;
    let grid = Grid::unit(&[cells, cells], Boundary::Neumann)?;
    let task = Task::new(grid, seen)?;
    task.row("order 1", evaluations, truths, draws, &|_, given| Box::new(Order1(given)))?;
    let at = &task.at;
    task.row("replacement", evaluations, truths, draws, &|values, given| {
        Box::new(Replaced { given, at: at.to_vec(), values: values.to_vec() })
    })?;
    for weight in [1e3, 1e4, 3e4, 1e5] {
        let name = format!("plain gradient, weight {weight}");
        let (path, prior) = (Arc::clone(&task.path), Arc::clone(&task.prior));
        task.row(&name, evaluations, truths, draws, &|_, given| {
            let (path, prior) = (Arc::clone(&path), Arc::clone(&prior));
            Box::new(Gradient { given, path, prior, weight })
        })?;
    }
    Ok(())
}

/// The Gaussian law of sources, and where they are seen.
struct Task {
    grid: Grid,
    path: Arc<dyn Path>,
    prior: Arc<dyn Prior>,
    law: GaussianLaw,
    oracle: Gaussian,
    /// Cells seen.
    at: Vec<usize>,
    sources: RoughField,
    transform: Transform,
    /// Whose systems all truths share.
    blank: Conditioning,
}

/// The guidance of one truth, from what was seen of it.
type Guidances<'t> = dyn for<'a> Fn(&'a [f64], &'a Conditioning) -> Box<dyn Guidance + 'a> + 't;

impl Task {
    fn new(grid: Grid, seen: usize) -> Result<Self, Box<dyn Error>> {
        let sources = RoughField::new(2.0, 3.0)?;
        let variances = sources.variances(&grid);
        let covariance: Arc<dyn Prior> = Arc::new(Measured::new(grid, variances.clone())?);
        let law = GaussianLaw::centred(grid, covariance, 1);
        // noise flat on the grid's modes, as models of trained networks have it
        let prior: Arc<dyn Prior> = Arc::new(Tempered::new(grid, &variances, 0.0)?);
        let path: Arc<dyn Path> = Arc::new(VariancePreserving::default());
        let oracle = Gaussian::new(law.clone(), Arc::clone(&prior), Arc::clone(&path));
        // cells in the order of random keys
        let keys = ModeNoise::new(5).uniforms(grid.len(), 0, stream::METRICS);
        let mut order: Vec<usize> = (0..grid.len()).collect();
        order.sort_by(|a, b| keys[*a].total_cmp(&keys[*b]));
        let mut at = order[..seen].to_vec();
        at.sort_unstable();
        let observed = observed(grid, &at, &vec![0.0; seen])?;
        let (p, q) = (Arc::clone(&path), Arc::clone(&prior));
        let blank = Conditioning::new(p, q, law.clone(), observed, grid)?;
        let transform = Transform::new(grid);
        Ok(Self { grid, path, prior, law, oracle, at, sources, transform, blank })
    }

    fn row(
        &self,
        name: &str,
        evaluations: usize,
        truths: usize,
        draws: usize,
        make: &Guidances<'_>,
    ) -> Result<(), Box<dyn Error>> {
        // new noise at every step is what lets replacement agree with its surroundings
        let method = match name {
            "replacement" => Method::ExponentialEuler,
            _ => Method::DpmSolver2M,
        };
        let times = method.default_times().times(&*self.path, method.steps_for(evaluations)?);
        let begun = Instant::now();
        let (mut errors, mut solved, mut kriged, mut least) = (vec![], vec![], vec![], vec![]);
        let equation = Helmholtz::poisson();
        for truth in 0..truths as u64 {
            let a = self
                .transform
                .synthesise_channels(&self.sources.coefficients(&self.grid, TRUTHS, truth));
            let values: Vec<f64> = self.at.iter().map(|c| a[*c]).collect();
            let given = self.blank.with(observed(self.grid, &self.at, &values)?)?;
            let guidance = make(&values, &given);
            let indices = truth * draws as u64..(truth + 1) * draws as u64;
            let x = match name {
                "order 1" => given.start(self.grid, SEED, indices.clone())?,
                _ => start(&self.law, &*self.prior, &*self.path, self.grid, SEED, indices.clone()),
            };
            let mut reverse = Reverse::new(
                &*self.path,
                &*self.prior,
                &self.law,
                &self.oracle,
                SEED,
                indices.start,
            );
            reverse.guidance = Some(&*guidance);
            let fields = integrate(&mut *method.build(), &mut reverse, &times, x, &mut |_, _| {});
            let u = equation.solve(&self.grid, &a)?;
            let judged = |mean: &[f64]| -> Result<(f64, f64), Box<dyn Error>> {
                Ok((apart(mean, &a), apart(&equation.solve(&self.grid, mean)?, &u)))
            };
            let middle = match fields {
                Ok(fields) => mean(&fields),
                // a weight so large that the run diverges
                Err(FieldError::NonFinite { .. }) => vec![f64::NAN; a.len()],
                Err(e) => return Err(e.into()),
            };
            let (error, solution) = match middle.iter().all(|v| v.is_finite()) {
                true => judged(&middle)?,
                false => (f64::INFINITY, f64::INFINITY),
            };
            errors.push(error);
            solved.push(solution);
            if name == "order 1" {
                let best = mean(&given.surrogate(SEED, indices)?);
                let (error, solution) = judged(&best)?;
                kriged.push(error);
                least.push(solution);
            }
        }
        let seconds = begun.elapsed().as_secs_f64() / truths as f64;
        let line = |name: &str,
                    evaluations: usize,
                    errors: &[f64],
                    solved: &[f64],
                    seconds: f64| {
            println!(
                "{{\"method\": \"{name}\", \"evaluations\": {evaluations}, \"cells\": {}, \"points\": {}, \"truths\": {truths}, \"draws\": {draws}, \"coefficient_percent\": {}, \"percent\": {}, \"seconds_a_truth\": {seconds:.2}}}",
                self.grid.axes()[0].points,
                self.at.len(),
                percent(errors),
                percent(solved),
            );
        };
        if name == "order 1" {
            line("kriging", 0, &kriged, &least, 0.0);
        }
        line(name, evaluations, &errors, &solved, seconds);
        Ok(())
    }
}

fn observed(grid: Grid, at: &[usize], values: &[f64]) -> Result<Observations, FieldError> {
    let mut field = vec![f64::NAN; grid.len()];
    at.iter().zip(values).for_each(|(c, v)| field[*c] = *v);
    let mask: Arc<dyn Observation> = Arc::new(Mask::new(&Ensemble::new(grid, 1, field)?, 0, 0.0)?);
    Observations::plain(vec![mask], 1)
}

fn mean(fields: &Ensemble) -> Vec<f64> {
    let mut mean = vec![0.0; fields.field_len()];
    let count = fields.count() as f64;
    for field in fields.fields() {
        mean.iter_mut().zip(field).for_each(|(m, v)| *m += v / count);
    }
    mean
}

fn apart(u: &[f64], truth: &[f64]) -> f64 {
    let square = |v: f64| v * v;
    let off: f64 = u.iter().zip(truth).map(|(u, t)| square(u - t)).sum();
    (off / truth.iter().map(|t| square(*t)).sum::<f64>()).sqrt()
}

/// The mean in percent, null where a run diverged.
fn percent(errors: &[f64]) -> String {
    let mean = 100.0 * errors.iter().sum::<f64>() / errors.len() as f64;
    if mean.is_finite() { format!("{mean:.3}") } else { "null".into() }
}

/// Guidance of the first order as it is.
#[derive(Debug)]
struct Order1<'a>(&'a Conditioning);

impl Guidance for Order1<'_> {
    fn conditioning(&self) -> &Conditioning {
        self.0
    }

    fn guide(
        &self,
        alone: &dyn Denoiser,
        x: &Ensemble,
        t: f64,
        denoised: Ensemble,
    ) -> Result<Ensemble, FieldError> {
        self.0.guide(alone, x, t, denoised)
    }
}

/// Seen cells are set to what was seen.
struct Replaced<'a> {
    given: &'a Conditioning,
    at: Vec<usize>,
    values: Vec<f64>,
}

impl Guidance for Replaced<'_> {
    fn conditioning(&self) -> &Conditioning {
        self.given
    }

    fn guide(
        &self,
        _alone: &dyn Denoiser,
        _x: &Ensemble,
        _t: f64,
        mut denoised: Ensemble,
    ) -> Result<Ensemble, FieldError> {
        for field in denoised.fields_mut() {
            self.at.iter().zip(&self.values).for_each(|(c, v)| field[*c] = *v);
        }
        Ok(denoised)
    }
}

/// D + ζ (b²/a) Q ∂D* A* (y − A D)/|y − A D|, with the noise's covariance Q so that the step is one of functions.
struct Gradient<'a> {
    given: &'a Conditioning,
    path: Arc<dyn Path>,
    prior: Arc<dyn Prior>,
    weight: f64,
}

impl Guidance for Gradient<'_> {
    fn conditioning(&self) -> &Conditioning {
        self.given
    }

    fn guide(
        &self,
        alone: &dyn Denoiser,
        x: &Ensemble,
        t: f64,
        mut denoised: Ensemble,
    ) -> Result<Ensemble, FieldError> {
        let (transform, stack) = (Transform::new(x.grid), self.given.observations().on(&x.grid)?);
        let mut back = denoised.clone();
        for field in back.fields_mut() {
            let seen = stack.apply(&transform.analyse_channels(field));
            let off: Vec<f64> = stack.targets().iter().zip(seen).map(|(y, s)| y - s).collect();
            let size = off.iter().map(|r| r * r).sum::<f64>().sqrt();
            let scaled: Vec<f64> = off.iter().map(|r| r / size.max(1e-12)).collect();
            field.copy_from_slice(&transform.synthesise_channels(&stack.adjoint(&scaled)));
        }
        let Some(pulled) = alone.pullback(x, t, &back)? else { return Ok(denoised) };
        let eigenvalues = self.prior.eigenvalues(&x.grid);
        let (a, b) = (self.path.signal(t), self.path.noise(t));
        for (field, pulled) in denoised.fields_mut().zip(pulled.fields()) {
            let mut modes = transform.analyse_channels(pulled);
            modes.iter_mut().zip(&eigenvalues).for_each(|(m, l)| {
                *m *= self.weight * b * b / a * l / stack.targets().len() as f64
            });
            let step = transform.synthesise_channels(&modes);
            field.iter_mut().zip(step).for_each(|(v, s)| *v += s);
        }
        Ok(denoised)
    }
}
