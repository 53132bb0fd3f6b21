//! What the steps and cells of `FitzHughNagumo` cost and how wrong they are: the numbers in its
//! documentation.
//!
//! ```sh
//! cargo run --release -p karhunen-simulate --example patterns
//! ```

use std::error::Error;
use std::time::Instant;

use karhunen_field::{Boundary, Ensemble, Grid, ModeNoise, noise::stream, resample};
use karhunen_simulate::{FitzHughNagumo, ReactionDiffusion, Structure};

const FIELDS: u64 = 8;

fn main() -> Result<(), Box<dyn Error>> {
    let pattern = FitzHughNagumo::default();
    let judged = Grid::unit(&[64, 64], Boundary::Neumann)?;
    let of = |cells: usize, steps: usize| -> Result<(Ensemble, f64), Box<dyn Error>> {
        let grid = judged.with_points(&[cells, cells])?;
        let mut solver = ReactionDiffusion::new(
            grid,
            pattern.activator(),
            pattern.inhibitor(),
            pattern.offset(),
        );
        let begun = Instant::now();
        let mut values = Vec::new();
        for index in 0..FIELDS {
            let [mut u, mut v] = [0, 1].map(|channel| initial(&grid, &pattern, index, channel));
            solver.advance(&mut u, &mut v, pattern.age(), steps);
            values.extend(solver.transform().synthesise_channels(&u));
        }
        let seconds = begun.elapsed().as_secs_f64() / FIELDS as f64;
        Ok((resample::spectral(&Ensemble::new(grid, 1, values)?, judged)?, seconds))
    };
    let norm = |values: &[f64]| values.iter().map(|v| v * v).sum::<f64>().sqrt();
    let (exact, _) = of(192, 3200)?;
    println!("cells  steps  error of u over its size  ms a field");
    for (cells, steps) in [
        (192, 50),
        (192, 100),
        (192, 200),
        (192, 400),
        (64, 3200),
        (80, 3200),
        (96, 3200),
        (128, 3200),
        (80, 100),
    ] {
        let (fields, seconds) = of(cells, steps)?;
        let apart: Vec<f64> = fields.values.iter().zip(&exact.values).map(|(a, b)| a - b).collect();
        let error = norm(&apart) / norm(&exact.values);
        println!("{cells:5}  {steps:5}  {error:24.1e}  {:10.1}", 1e3 * seconds);
    }
    let begun = Instant::now();
    let mut square = [0.0; 2];
    for index in 0..FIELDS {
        let values = pattern.generate(&judged, 0, index)?;
        for (square, channel) in square.iter_mut().zip(values.chunks_exact(judged.len())) {
            *square += channel.iter().map(|v| v * v).sum::<f64>() / values.len() as f64;
        }
    }
    let ms = 1e3 * begun.elapsed().as_secs_f64() / FIELDS as f64;
    let [u, v] = square.map(|s| (2.0 * s / FIELDS as f64).sqrt());
    println!("generate on 64x64: {ms:.1} ms a field, root mean square of u {u:.3}, of v {v:.3}");
    Ok(())
}

/// The random state of the structure, on any grid.
fn initial(grid: &Grid, pattern: &FitzHughNagumo, index: u64, channel: usize) -> Vec<f64> {
    let variances: Vec<f64> =
        grid.modes().map(|m| (-0.5 * pattern.activator() * m.laplacian()).exp()).collect();
    let total: f64 = variances.iter().sum();
    let noise = ModeNoise::new(0).normals(grid, index, stream::SIMULATION, channel);
    noise.iter().zip(&variances).map(|(xi, v)| xi * (v / total).sqrt()).collect()
}
