//! Compares all samplers on a mixture of Gaussian fields, whose denoiser is known.
//!
//! ```sh
//! cargo run --release -p karhunen-field --example mixture -- 32 1024 >> mixture-32.jsonl
//! ```
//!
//! Arguments: cells along each axis, fields a row, and optionally one sampler. Prints one JSON
//! object a row.
//!
//! No network is involved, so the errors are those of the samplers. The data are five shifted
//! Gaussian fields on the unit square with one covariance and with means within the lowest 4 modes
//! of each axis. The noise is the published Bessel prior or has the data's own spectrum. Runs start
//! from the law of X_T up to second moments. All functions are the same on every grid.

use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use karhunen_field::denoiser::Mixture;
use karhunen_field::metrics::{ComparisonOptions, Reference};
use karhunen_field::noise::stream;
use karhunen_field::path::{Path, VariancePreserving};
use karhunen_field::prior::{Bessel, Measured};
use karhunen_field::sampler::{Method, Reverse, integrate, start};
use karhunen_field::{Boundary, Ensemble, Field, GaussianLaw, Grid, ModeNoise, Prior, Transform};

/// p_i, all different, so that a lost component shows.
const WEIGHTS: [f64; 5] = [0.35, 0.25, 0.2, 0.15, 0.05];
/// Wave numbers of the means along each axis.
const MEAN_MODES: usize = 4;
/// Seed of the means.
const MEANS: u64 = 1;
/// Real fields: the pool for a reference and its floors.
const REAL: u64 = 4096;
/// Seed of the samples; the real fields have another.
const SEED: u64 = 2;
const REAL_SEED: u64 = 3;
/// Fields computed at a time. No field depends on it.
const BATCH: u64 = 128;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut number = || -> Result<usize, Box<dyn Error>> {
        let said =
            "two numbers, and a sampler where not all are wanted: cells an axis, fields a row";
        Ok(arguments.next().ok_or(said)?.parse()?)
    };
    let (cells, count) = (number()?, number()?);
    let methods = match arguments.next() {
        Some(name) => vec![name.parse::<Method>()?],
        None => Method::ALL.to_vec(),
    };
    let grid = Grid::unit(&[cells, cells], Boundary::Neumann)?;
    let toy = Toy::new(grid, "bessel")?;
    let real = toy.mixture.sample(grid, REAL_SEED, 0..REAL, stream::VALIDATION);
    let reference = Reference::new(&real, count, &ComparisonOptions::default())?;
    let exact = toy.mixture.sample(grid, SEED, 0..count as u64, stream::VALIDATION);
    toy.report(&reference, &exact, ["exact", "none"], 0, 0.0)?;
    toy.report(&reference, &toy.surrogate(grid, count), ["gaussian-surrogate", "none"], 0, 0.0)?;
    for prior in ["bessel", "fitted"] {
        let toy = Toy::new(grid, prior)?;
        for &method in &methods {
            let more: &[usize] = if method == Method::EulerMaruyama { &[200, 1000] } else { &[] };
            for evaluations in [5, 10, 20, 50].iter().chain(more) {
                let (fields, seconds) = toy.sample(grid, count, method, *evaluations)?;
                let name = [method.name(), prior];
                toy.report(&reference, &fields, name, *evaluations, seconds)?;
            }
        }
    }
    Ok(())
}

/// The mixture under one prior.
struct Toy {
    path: Arc<VariancePreserving>,
    prior: Arc<dyn Prior>,
    /// Mean and mode variances of the whole mixture.
    law: GaussianLaw,
    mixture: Mixture,
}

impl Toy {
    fn new(grid: Grid, prior: &str) -> Result<Self, Box<dyn Error>> {
        let transform = Transform::new(grid);
        let covariance: Arc<dyn Prior> = Arc::new(Bessel::new(2, 0.7, 30.0, 0.75)?);
        let means: Vec<Vec<f64>> = (0..WEIGHTS.len() as u64).map(|i| mean(&grid, i)).collect();
        let average = |of: &dyn Fn(usize) -> f64| {
            WEIGHTS.iter().enumerate().map(|(i, p)| p * of(i)).sum::<f64>()
        };
        let centre: Vec<f64> = (0..grid.mode_count()).map(|k| average(&|i| means[i][k])).collect();
        let variances: Vec<f64> = covariance
            .eigenvalues(&grid)
            .iter()
            .enumerate()
            .map(|(k, c)| c + average(&|i| (means[i][k] - centre[k]).powi(2)))
            .collect();
        let field = |modes: &[f64]| Field::new(grid, 1, transform.synthesise_channels(modes));
        let total: Arc<dyn Prior> = Arc::new(Measured::new(grid, variances)?);
        let law = GaussianLaw::new(field(&centre)?, vec![Arc::clone(&total)])?;
        let prior: Arc<dyn Prior> = match prior {
            "fitted" => total,
            _ => Arc::new(Bessel::new(2, 1.44, 8.0, 0.55)?),
        };
        let mut components = Vec::new();
        for (weight, mean) in WEIGHTS.iter().zip(&means) {
            components.push((*weight, field(mean)?));
        }
        let path = Arc::new(VariancePreserving::default());
        let mixture = Mixture::new(components, covariance, Arc::clone(&prior), path.clone())?;
        Ok(Self { path, prior, law, mixture })
    }

    /// Fields, and the busy seconds of the thread.
    fn sample(
        &self,
        grid: Grid,
        count: usize,
        method: Method,
        evaluations: usize,
    ) -> Result<(Ensemble, f64), Box<dyn Error>> {
        let times = method.default_times().times(&*self.path, method.steps_for(evaluations)?);
        let clock = Clock::start();
        let mut values = Vec::new();
        for first in (0..count as u64).step_by(BATCH as usize) {
            let indices = first..(first + BATCH).min(count as u64);
            let x = start(&self.law, &*self.prior, &*self.path, grid, SEED, indices);
            let mut reverse =
                Reverse::new(&*self.path, &*self.prior, &self.law, &self.mixture, SEED, first);
            let mut sampler = method.build();
            let x = integrate(&mut *sampler, &mut reverse, &times, x, &mut |_, _| {})?;
            values.extend(x.values);
        }
        Ok((Ensemble::new(grid, 1, values)?, clock.seconds()))
    }

    fn surrogate(&self, grid: Grid, count: usize) -> Ensemble {
        self.law.sample(grid, SEED, 0..count as u64, stream::VALIDATION)
    }

    /// One line: distances with their floors, and the error of the components' shares.
    fn report(
        &self,
        reference: &Reference,
        fields: &Ensemble,
        [sampler, prior]: [&str; 2],
        evaluations: usize,
        seconds: f64,
    ) -> Result<(), Box<dyn Error>> {
        let row = reference.compare(fields)?;
        let posterior = self.mixture.posterior_weights(fields, self.path.end())?;
        let shares = WEIGHTS.iter().enumerate().map(|(i, p)| {
            let own = posterior.chunks_exact(WEIGHTS.len()).map(|row| row[i]);
            (own.sum::<f64>() / fields.count() as f64 - p).abs()
        });
        let line = serde_json::json!({
            "grid": row.grid,
            "count": row.count,
            "sampler": sampler,
            "prior": prior,
            "evaluations": evaluations,
            "seconds": digits(seconds),
            "energy_distance": digits(row.energy_distance),
            "energy_distance_floor": digits(row.energy_distance_floor),
            "sliced_wasserstein": digits(row.sliced_wasserstein),
            "sliced_wasserstein_floor": digits(row.sliced_wasserstein_floor),
            "variance_ratio": digits(row.variance_ratio),
            "share_error": digits(shares.fold(0.0, f64::max)),
        });
        println!("{line}");
        Ok(())
    }
}

/// Mode coefficients of mean i: normals that fall like 1 / (1 + |k|²), scaled to energy 1.
fn mean(grid: &Grid, i: u64) -> Vec<f64> {
    let mut modes = ModeNoise::new(MEANS).normals(grid, i, stream::SIMULATION, 0);
    for (m, mode) in modes.iter_mut().zip(grid.modes()) {
        let [k0, k1, _] = mode.position;
        let inside = k0 < MEAN_MODES && k1 < MEAN_MODES;
        *m *= if inside { 1.0 / (1 + k0 * k0 + k1 * k1) as f64 } else { 0.0 };
    }
    let norm = modes.iter().map(|m| m * m).sum::<f64>().sqrt();
    modes.iter_mut().for_each(|m| *m /= norm);
    modes
}

/// Six digits, more than floors can resolve.
fn digits(value: f64) -> f64 {
    format!("{value:.5e}").parse().unwrap_or(value)
}

/// Processor time of this thread where the system reports it, else elapsed time.
struct Clock {
    begun: Instant,
    busy: Option<f64>,
}

impl Clock {
    fn start() -> Self {
        Self { begun: Instant::now(), busy: busy() }
    }

    fn seconds(&self) -> f64 {
        match (self.busy, busy()) {
            (Some(before), Some(after)) => after - before,
            _ => self.begun.elapsed().as_secs_f64(),
        }
    }
}

fn busy() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(text.split(' ').next()?.parse::<f64>().ok()? * 1e-9)
}
