//! Times training steps and forward passes of the published network.
//!
//! One step is what a run does: network and loss, backward pass, AdamW with clipping and moving
//! average, new weights into the network. Rows are width × grid × batch with 14 modes an axis,
//! 4 layers, projection 128, no padding. Printed: medians and minima in milliseconds, floating
//! point operations of the algorithm's products (recomputation not counted) a second, and their
//! share of what a large product reaches here and now.
//!
//! `cargo bench -p karhunen-train --bench step -- [seconds a row] [composed]`

use std::time::{Duration, Instant};

use burn::tensor::{Tensor, TensorData};
use karhunen_field::{Boundary, Grid};
use karhunen_net::{Conditioning, Device, Fno, FnoConfig, LocalKernels, Operators, Parameters};
use karhunen_train::bench::{peak_memory, product_peak};
use karhunen_train::optimizer::{Optimizer, Update};

/// As in the binary: glibc would give large buffers back on every step.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROWS: [(usize, usize, usize); 6] =
    [(32, 28, 32), (32, 64, 32), (32, 128, 8), (64, 28, 32), (64, 64, 32), (64, 128, 8)];
/// Runs before timing.
const WARM_UP: usize = 2;
/// Runs at least, whatever they take.
const FEWEST: usize = 5;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let seconds = arguments.iter().find_map(|a| a.parse().ok()).unwrap_or(3.0);
    let budget = Duration::from_secs_f64(seconds);
    let composed = arguments.iter().any(|a| a == "composed");
    let operators = if composed { Operators::Composed } else { Operators::Fused };
    let peak = product_peak();
    println!(
        "{operators:?}, {} threads, product peak {peak:.0} GFLOP/s",
        rayon::current_num_threads()
    );
    println!("width points batch | forward: median min ms, GFLOP/s, share | step: the same");
    for (width, n, batch) in ROWS {
        let case = Case::new(width, n, batch, operators);
        let forward = case.forward(budget);
        let step = case.step(budget);
        let flops = batch as f64 * case.network(&Device::flex()).flops(&case.grid);
        let figures = |(median, least): (f64, f64), flops: f64| {
            let rate = flops / median / 1e6;
            format!("{median:7.2} {least:7.2} {rate:5.0} {:3.0} %", 100.0 * rate / peak)
        };
        println!(
            "{width:5} {n:4}² {batch:5}  | {} | {}",
            figures(forward, flops),
            figures(step, 3.0 * flops)
        );
    }
    if let Some(bytes) = peak_memory() {
        println!("peak resident memory {:.0} MB", bytes / 1024f64.powi(2));
    }
}

struct Case {
    config: FnoConfig,
    grid: Grid,
    batch: usize,
    operators: Operators,
    x: Vec<f32>,
    times: Vec<f64>,
}

impl Case {
    fn new(width: usize, n: usize, batch: usize, operators: Operators) -> Self {
        let config = FnoConfig {
            width,
            modes: vec![14],
            layers: 4,
            projection: 128,
            padding: 0.0,
            local: LocalKernels::None,
            conditioning: Conditioning::InputChannel,
            ..FnoConfig::default()
        };
        let grid = Grid::unit(&[n, n], Boundary::Neumann).expect("a square grid");
        let value = |i: usize| ((i * 7919) % 1000) as f32 / 500.0 - 1.0;
        let x = (0..batch * n * n).map(value).collect();
        let times = (0..batch).map(|i| (i as f64 + 0.5) / batch as f64).collect();
        Self { config, grid, batch, operators, x, times }
    }

    fn network(&self, device: &Device) -> Fno {
        let mut network = Fno::new(&self.config, &self.grid, 1, 1, device).expect("a network");
        network.set_operators(self.operators).expect("the CPU runs both");
        network
    }

    fn forward(&self, budget: Duration) -> (f64, f64) {
        let network = self.network(&Device::flex());
        time(budget, || {
            let y = network.forward(&self.grid, &self.x, &self.times, &self.times).expect("runs");
            std::hint::black_box(y);
        })
    }

    fn step(&self, budget: Duration) -> (f64, f64) {
        let device = Device::flex().autodiff();
        let mut network = self.network(&device);
        let mut optimizer = Optimizer::new(network.parameters().expect("parameters"), 2);
        let update = Update { rate: 1e-3, decay: 1e-4, clip: 1.0, lengths: &[0.05, 0.1] };
        let mut gradients = Parameters::default();
        let shape = [self.batch, self.grid.len(), 1];
        time(budget, || {
            let y = network.forward(&self.grid, &self.x, &self.times, &self.times).expect("runs");
            let target = TensorData::new(self.x.clone(), shape);
            let target = Tensor::<3>::from_data(target, &device);
            let mut tape = (y - target).square().mean().backward();
            gradients.read_gradients(network.weights(), &mut tape).expect("reads");
            optimizer.step(&gradients, &update);
            network.set_parameters(&optimizer.weights).expect("the same shapes");
        })
    }
}

/// Median and minimum in milliseconds.
fn time(budget: Duration, mut run: impl FnMut()) -> (f64, f64) {
    (0..WARM_UP).for_each(|_| run());
    let (begun, mut times) = (Instant::now(), Vec::new());
    while times.len() < FEWEST || begun.elapsed() < budget {
        let begun = Instant::now();
        run();
        times.push(1e3 * begun.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    (times[times.len() / 2], times[0])
}
