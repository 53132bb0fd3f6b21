//! Times training steps and forward passes of the published networks.
//!
//! One step is what a run of these networks does: network and loss, backward pass, AdamW with clipping, averages of
//! the weights, and loading the new weights into the network. A row is width × grid × batch; a row
//! of the operator also has the modes an axis. Operators have 4 layers, projection 128 and no
//! padding. The U-Net has multipliers 1, 2, 2 and two blocks a stage.
//!
//! The bench prints:
//!
//! - the median and the minimum in milliseconds,
//! - the floating-point operations a second of the algorithm's matrix products, recomputation not
//!   counted,
//! - their share of what one large matrix product reaches on the same machine, which is measured
//!   last,
//! - the largest resident memory before that measurement. Ask for a single row to get the memory of
//!   one training step.
//!
//! `cargo bench --workspace --bench step -- [seconds a row] [unet] [composed] [gpu] [WIDTH,N,BATCH[,MODES] …]`;
//! with `gpu` on the first card.

use std::time::{Duration, Instant};

use burn::tensor::{Tensor, TensorData};
use karhunen_field::{Boundary, Grid};
use karhunen_net::model::Inputs;
use karhunen_net::{
    Conditioning, Device, DeviceChoice, FnoConfig, LocalKernels, Network, NetworkConfig, Operators,
    UNetConfig,
};
use karhunen_train::bench::{peak_memory, product_peak};
use karhunen_train::config::OptimizerKind;
use karhunen_train::optimizer::{Begins, Optimizer, Update};

/// The allocator of the program: glibc would return large buffers to the system on every step.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Width, cells an axis, batch size, and modes an axis of an operator.
type Row = [usize; 4];
/// The rows that are timed unless others are given.
const ROWS: [Row; 6] = [
    [32, 28, 32, 14],
    [32, 64, 32, 14],
    [32, 128, 8, 14],
    [64, 28, 32, 14],
    [64, 64, 32, 14],
    [64, 128, 8, 14],
];
const UNET_ROWS: [Row; 3] = [[32, 28, 32, 0], [32, 64, 8, 0], [64, 32, 16, 0]];
/// Untimed runs before the timing.
const WARM_UP: usize = 2;
/// Timed runs, at least, however long they take.
const FEWEST: usize = 5;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let seconds = arguments.iter().find_map(|a| a.parse().ok()).unwrap_or(3.0);
    let budget = Duration::from_secs_f64(seconds);
    let asked = |name: &str| arguments.iter().any(|a| a == name);
    let operators = if asked("composed") { Operators::Composed } else { Operators::Fused };
    let given: Vec<Row> = arguments.iter().filter_map(|a| row(a)).collect();
    let rows = match (given.is_empty(), asked("unet")) {
        (false, _) => given,
        (true, true) => UNET_ROWS.to_vec(),
        (true, false) => ROWS.to_vec(),
    };
    let choice = if asked("gpu") { DeviceChoice::Gpu(0) } else { DeviceChoice::Cpu };
    let (device, name) = choice.open().expect("a device that is there");
    let timed = rows.into_iter().map(|row| {
        let [width, n, batch, modes] = row;
        let config = if asked("unet") { unet(width) } else { fno(width, modes) };
        let case = Case::new(config, n, batch, operators, &device);
        let forward = case.forward(budget);
        let step = case.step(budget);
        (row, batch as f64 * case.network(&device).flops(&case.grid), forward, step)
    });
    let timed: Vec<_> = timed.collect();
    let (memory, peak) = (peak_memory(), product_peak());
    println!(
        "{operators:?} on {}, {} threads, the CPU's product peak {peak:.0} GFLOP/s",
        name.as_deref().unwrap_or("the CPU"),
        rayon::current_num_threads()
    );
    println!("width points batch modes | forward: median min ms, GFLOP/s, share | step: the same");
    for ([width, n, batch, modes], flops, forward, step) in timed {
        let figures = |(median, least): (f64, f64), flops: f64| {
            let rate = flops / median / 1e6;
            format!("{median:7.2} {least:7.2} {rate:5.0} {:3.0} %", 100.0 * rate / peak)
        };
        println!(
            "{width:5} {n:4}² {batch:5} {modes:5}  | {} | {}",
            figures(forward, flops),
            figures(step, 3.0 * flops)
        );
    }
    if let Some(bytes) = memory {
        println!("peak resident memory {:.0} MiB", bytes / 1024f64.powi(2));
    }
}

/// `WIDTH,N,BATCH` or `WIDTH,N,BATCH,MODES`.
fn row(text: &str) -> Option<Row> {
    let numbers: Option<Vec<usize>> = text.split(',').map(|part| part.parse().ok()).collect();
    match numbers?[..] {
        [width, n, batch] => Some([width, n, batch, 0]),
        [width, n, batch, modes] => Some([width, n, batch, modes]),
        _ => None,
    }
}

fn fno(width: usize, modes: usize) -> NetworkConfig {
    NetworkConfig::Fno(FnoConfig {
        width,
        modes: vec![modes],
        layers: 4,
        projection: 128,
        padding: 0.0,
        local: LocalKernels::None,
        conditioning: Conditioning::InputChannel,
        ..FnoConfig::default()
    })
}

fn unet(channels: usize) -> NetworkConfig {
    NetworkConfig::Unet(UNetConfig { channels, ..UNetConfig::default() })
}

struct Case {
    config: NetworkConfig,
    grid: Grid,
    batch: usize,
    operators: Operators,
    device: Device,
    x: Vec<f32>,
    times: Vec<f64>,
}

impl Case {
    fn new(
        config: NetworkConfig,
        n: usize,
        batch: usize,
        operators: Operators,
        device: &Device,
    ) -> Self {
        let grid = Grid::unit(&[n, n], Boundary::Neumann).expect("a square grid");
        let value = |i: usize| ((i * 7919) % 1000) as f32 / 500.0 - 1.0;
        let x = (0..batch * n * n).map(value).collect();
        let times = (0..batch).map(|i| (i as f64 + 0.5) / batch as f64).collect();
        Self { config, grid, batch, operators, device: device.clone(), x, times }
    }

    fn network(&self, device: &Device) -> Network {
        let mut network = self.config.build(&[self.grid], 1, 1, device).expect("a network");
        network.set_operators(self.operators).expect("the device runs them");
        network
    }

    fn forward(&self, budget: Duration) -> (f64, f64) {
        let network = self.network(&self.device);
        let inputs = Inputs::plain(&self.grid, &self.x, &self.times, &self.times);
        time(budget, || {
            let y = network.forward(&inputs).expect("runs");
            std::hint::black_box(y);
            self.device.sync().expect("a device that works");
        })
    }

    fn step(&self, budget: Duration) -> (f64, f64) {
        let device = self.device.clone().autodiff();
        let mut network = self.network(&device);
        let mut optimizer = Optimizer::new(network.parameters().expect("parameters"), 2);
        let update = Update {
            optimizer: OptimizerKind::AdamW,
            rate: 1e-3,
            decay: 1e-4,
            clip: 1.0,
            lengths: &[0.05, 0.1],
            begins: Begins::default(),
        };
        let shape = [self.batch, self.grid.len(), 1];
        let inputs = Inputs::plain(&self.grid, &self.x, &self.times, &self.times);
        time(budget, || {
            let y = network.forward(&inputs).expect("runs");
            let target = TensorData::new(self.x.clone(), shape);
            let target = Tensor::<3>::from_data(target, &device);
            let tape = (y - target).square().mean().backward();
            let gradients = network.taken_gradients(tape).expect("reads");
            optimizer.step_network(&mut network, gradients, &update).expect("the same shapes");
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
