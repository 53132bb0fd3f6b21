//! Guidance on a law whose posterior is known: a mixture of Gaussian fields under sensors.
//!
//! ```sh
//! cargo run --release -p karhunen-field --example conditioning -- 16 2000 > conditioning.jsonl
//! ```
//!
//! Arguments: cells along each axis, fields a row. Prints one JSON object a row.
//!
//! Given the sensors' values y, the mixture is again a mixture. Each component is kriged, and its
//! weight is multiplied by its evidence. The weights, mean and spread of the drawn fields therefore
//! have exact reference values. The floor of the sliced distance is that between two sets of exact
//! draws. The sensors leave two components likely.

use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use karhunen_field::denoiser::Mixture;
use karhunen_field::guidance::{Guidance, MomentMatching, choose};
use karhunen_field::metrics::sliced_wasserstein;
use karhunen_field::noise::stream;
use karhunen_field::observation::{Points, Sensor};
use karhunen_field::path::{Path, VariancePreserving};
use karhunen_field::prior::{Bessel, Measured};
use karhunen_field::sampler::{Method, Reverse, integrate};
use karhunen_field::{
    Boundary, Conditioning, Ensemble, Field, GaussianLaw, Grid, ModeNoise, Observation,
    Observations, Prior, Transform,
};

/// p_i.
const WEIGHTS: [f64; 5] = [0.35, 0.25, 0.2, 0.15, 0.05];
/// Wave numbers of the means along each axis.
const MEAN_MODES: usize = 4;
const MEANS: u64 = 1;
const SEED: u64 = 2;
const EXACT: u64 = 3;
/// Number of sensors, and the standard deviation of their errors.
const SENSORS: usize = 4;
const DEVIATION: f64 = 0.5;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut number = || -> Result<usize, Box<dyn Error>> {
        Ok(arguments.next().ok_or("two numbers: cells an axis, fields a row")?.parse()?)
    };
    let (cells, count) = (number()?, number()?);
    let word = arguments.next().unwrap_or_default();
    let grid = Grid::unit(&[cells, cells], Boundary::Neumann)?;
    let toy = Toy::new(grid)?;
    let exact = toy.exact(count, EXACT)?;
    toy.report(&exact, &toy.exact(count, SEED)?, "exact", 0, 0.0)?;
    let begun = Instant::now();
    let fields = toy.conditioning.surrogate(SEED, 0..count as u64)?;
    toy.report(&exact, &fields, "kriging", 0, begun.elapsed().as_secs_f64())?;
    let second = MomentMatching { conditioning: &toy.conditioning, iterations: 4 };
    let orders: [(&str, &dyn Guidance); 2] = [("", &toy.conditioning), (", order 2", &second)];
    for (name, guidance) in orders {
        for method in [
            Method::WienerAncestral,
            Method::ExponentialEuler,
            Method::PredictorCorrector,
            Method::DpmSolver2M,
            Method::WienerExponential,
        ] {
            let whole = format!("{method}{name}");
            if method == Method::WienerAncestral && !name.is_empty() || !whole.contains(&word) {
                continue;
            }
            for evaluations in [10, 25, 100] {
                let begun = Instant::now();
                let fields = toy.sample(guidance, count, method, evaluations)?;
                let seconds = begun.elapsed().as_secs_f64();
                toy.report(&exact, &fields, &whole, evaluations, seconds)?;
            }
        }
    }
    for particles in [4, 16, 64] {
        for evaluations in [10, 25] {
            if !"particles".contains(&word) {
                continue;
            }
            let begun = Instant::now();
            let (fields, effective) = toy.chosen(count, particles, evaluations)?;
            let name = format!("{particles} particles (effective {effective:.1})");
            toy.report(&exact, &fields, &name, evaluations, begun.elapsed().as_secs_f64())?;
        }
    }
    Ok(())
}

/// The mixture, the Gaussian law with its mean and variances, and the sensors.
struct Toy {
    path: Arc<dyn Path>,
    prior: Arc<dyn Prior>,
    law: GaussianLaw,
    mixture: Mixture,
    conditioning: Conditioning,
    /// For each component given the sensors: its weight, and the conditioning of its own law.
    posterior: Vec<(f64, Conditioning)>,
    grid: Grid,
}

impl Toy {
    fn new(grid: Grid) -> Result<Self, Box<dyn Error>> {
        let transform = Transform::new(grid);
        let covariance: Arc<dyn Prior> = Arc::new(Bessel::new(2, 0.7, 30.0, 0.75)?);
        let means: Vec<Vec<f64>> = (0..WEIGHTS.len() as u64).map(|i| mean(&grid, i)).collect();
        let average = |of: &dyn Fn(usize) -> f64| {
            WEIGHTS.iter().enumerate().map(|(i, p)| p * of(i)).sum::<f64>()
        };
        let centre: Vec<f64> = (0..grid.mode_count()).map(|k| average(&|i| means[i][k])).collect();
        let variances: Vec<f64> = (covariance.eigenvalues(&grid).iter().enumerate())
            .map(|(k, c)| c + average(&|i| (means[i][k] - centre[k]).powi(2)))
            .collect();
        let field = |modes: &[f64]| Field::new(grid, 1, transform.synthesise_channels(modes));
        let total: Arc<dyn Prior> = Arc::new(Measured::new(grid, variances)?);
        let law = GaussianLaw::new(field(&centre)?, vec![total])?;
        let prior: Arc<dyn Prior> = Arc::new(Bessel::new(2, 1.44, 8.0, 0.55)?);
        let path: Arc<dyn Path> = Arc::new(VariancePreserving::default());
        let components: Result<Vec<(f64, Field)>, Box<dyn Error>> =
            WEIGHTS.iter().zip(&means).map(|(p, m)| Ok((*p, field(m)?))).collect();
        let (q, p) = (Arc::clone(&prior), Arc::clone(&path));
        let mixture = Mixture::new(components?, Arc::clone(&covariance), q, p)?;
        // sensor values half way between two components, equally near to both
        let uniform = ModeNoise::new(7).uniforms(3 * SENSORS, 0, stream::METRICS);
        let seen: Vec<f64> = means[0].iter().zip(&means[1]).map(|(a, b)| 0.5 * (a + b)).collect();
        let place = |i: usize| [uniform[3 * i], uniform[3 * i + 1], 0.0];
        let sensor =
            |i: usize, value| Sensor { place: place(i), channel: 0, value, deviation: DEVIATION };
        let blank = Points::new((0..SENSORS).map(|i| sensor(i, 0.0)).collect())?;
        let values = blank.on(&grid, 1)?.apply(&seen);
        let points = || Points::new((0..SENSORS).map(|i| sensor(i, values[i])).collect());
        let given = |law: &GaussianLaw| -> Result<Conditioning, Box<dyn Error>> {
            let parts: Vec<Arc<dyn Observation>> = vec![Arc::new(points()?)];
            let (p, q) = (Arc::clone(&path), Arc::clone(&prior));
            Ok(Conditioning::new(p, q, law.clone(), Observations::plain(parts, 1)?, grid)?)
        };
        let conditioning = given(&law)?;
        let mut posterior = Vec::new();
        for (weight, mean) in WEIGHTS.iter().zip(&means) {
            let own = GaussianLaw::new(field(mean)?, vec![Arc::clone(&covariance)])?;
            let own = given(&own)?;
            posterior.push((weight.ln() + own.log_evidence()?, own));
        }
        let most = posterior.iter().map(|(l, _)| *l).fold(f64::NEG_INFINITY, f64::max);
        let total: f64 = posterior.iter().map(|(l, _)| (l - most).exp()).sum();
        posterior.iter_mut().for_each(|(l, _)| *l = (*l - most).exp() / total);
        Ok(Self { path, prior, law, mixture, conditioning, posterior, grid })
    }

    /// Exact draws of the posterior.
    fn exact(&self, count: usize, seed: u64) -> Result<Ensemble, Box<dyn Error>> {
        let mut values = Vec::new();
        for index in 0..count as u64 {
            let mut rest = ModeNoise::new(seed).uniforms(1, index, stream::SIMULATION)[0];
            let chosen = self.posterior.iter().position(|(p, _)| {
                rest -= p;
                rest < 0.0
            });
            let (_, own) = &self.posterior[chosen.unwrap_or(WEIGHTS.len() - 1)];
            values.extend(own.surrogate(seed, index..index + 1)?.values);
        }
        Ok(Ensemble::new(self.grid, 1, values)?)
    }

    fn sample(
        &self,
        guidance: &dyn Guidance,
        count: usize,
        method: Method,
        evaluations: usize,
    ) -> Result<Ensemble, Box<dyn Error>> {
        let times = method.default_times().times(&*self.path, method.steps_for(evaluations)?);
        let x = guidance.conditioning().start(self.grid, SEED, 0..count as u64)?;
        let mut reverse =
            Reverse::new(&*self.path, &*self.prior, &self.law, &self.mixture, SEED, 0);
        reverse.guidance = Some(guidance);
        Ok(integrate(&mut *method.build(), &mut reverse, &times, x, &mut |_, _| {})?)
    }

    /// Fields selected from particles, and the mean of their smallest effective numbers.
    fn chosen(
        &self,
        count: usize,
        particles: usize,
        evaluations: usize,
    ) -> Result<(Ensemble, f64), Box<dyn Error>> {
        let method = Method::WienerAncestral;
        let times = method.default_times().times(&*self.path, method.steps_for(evaluations)?);
        let mut reverse =
            Reverse::new(&*self.path, &*self.prior, &self.law, &self.mixture, SEED, 0);
        let of = (0..count as u64, particles);
        let chosen =
            choose(&mut reverse, &self.conditioning, &times, self.grid, of, &mut |_, _| {})?;
        let worst = chosen.smallest.iter().sum::<f64>() / count as f64;
        Ok((chosen.fields, worst))
    }

    /// One line: shares of the components, errors of mean and spread in units of the exact spread,
    /// distance.
    fn report(
        &self,
        exact: &Ensemble,
        fields: &Ensemble,
        name: &str,
        evaluations: usize,
        seconds: f64,
    ) -> Result<(), Box<dyn Error>> {
        let shares = |fields: &Ensemble| -> Result<Vec<f64>, Box<dyn Error>> {
            let each = self.mixture.posterior_weights(fields, self.path.end())?;
            let count = fields.count() as f64;
            let share = |i: usize| each.iter().skip(i).step_by(WEIGHTS.len()).sum::<f64>() / count;
            Ok((0..WEIGHTS.len()).map(share).collect())
        };
        let found = shares(fields)?;
        let wrong: f64 =
            found.iter().zip(&self.posterior).map(|(f, (p, _))| 0.5 * (f - p).abs()).sum();
        let (mean, spread) = moments(fields);
        let (true_mean, true_spread) = moments(exact);
        let whole: f64 = true_spread.iter().map(|s| s * s).sum::<f64>().sqrt();
        let apart = |a: &[f64], b: &[f64]| -> f64 {
            a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt() / whole
        };
        let distance = sliced_wasserstein(exact, fields, 256, 5)?;
        let weights: Vec<String> = found.iter().map(|f| format!("{f:.3}")).collect();
        println!(
            "{{\"method\": \"{name}\", \"evaluations\": {evaluations}, \"shares\": [{}], \"share_error\": {wrong:.4}, \"mean_error\": {:.4}, \"spread_error\": {:.4}, \"sliced\": {distance:.4}, \"seconds\": {seconds:.1}}}",
            weights.join(", "),
            apart(&mean, &true_mean),
            apart(&spread, &true_spread),
        );
        Ok(())
    }
}

/// Mean and standard deviation of every cell.
fn moments(fields: &Ensemble) -> (Vec<f64>, Vec<f64>) {
    let (n, len) = (fields.count() as f64, fields.field_len());
    let (mut mean, mut square) = (vec![0.0; len], vec![0.0; len]);
    for field in fields.fields() {
        for (k, v) in field.iter().enumerate() {
            mean[k] += v / n;
            square[k] += v * v / n;
        }
    }
    let spread = mean.iter().zip(square).map(|(m, s)| (s - m * m).max(0.0).sqrt()).collect();
    (mean, spread)
}

/// Coefficients of mean i on the lowest modes, falling with frequency.
fn mean(grid: &Grid, i: u64) -> Vec<f64> {
    let low = grid.with_points(&vec![MEAN_MODES; grid.dim()]).unwrap_or(*grid);
    let numbers = ModeNoise::new(MEANS).normals(&low, i, stream::SIMULATION, 0);
    let falling: Vec<f64> =
        low.modes().zip(numbers).map(|(m, xi)| xi / (1.0 + m.frequency() / 4.0)).collect();
    karhunen_field::resample::copied_modes(&low, &falling, grid)
}
