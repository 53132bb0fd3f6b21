//! A training on a GPU that is resumed on the CPU and sampled on both. Skipped without a card.
//!
//! ```sh
//! cargo test --release --workspace --features wgpu --test gpu -- --nocapture --test-threads 1
//! ```

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use karhunen_field::sampler::Method;
use karhunen_net::{Device, DeviceChoice};
use karhunen_train::events::{Event, Observer, Silent};
use karhunen_train::request::Request;
use karhunen_train::{Outcome, Run, RunConfig, TrainedModel};

/// Tolerance of losses of the same steps on both devices: f32 through a few steps of AdamW.
const LOSS: f64 = 1e-3;
/// Tolerance of samples of the same weights and seeds, relative to the largest value.
const SAMPLE: f64 = 1e-4;

fn tiny(network: &[&str]) -> RunConfig {
    let base = [
        "seed=3",
        "data.count=40",
        "training.batch=4",
        "training.learning_rate=0.02",
        "training.steps=8",
        "training.validations=1",
        "training.validation_fields=4",
        "levels=[{ grid = \"8x8\", share = 0.5 }, { grid = \"16x12\", share = 0.5 }]",
    ];
    let all: Vec<String> = base.iter().chain(network).map(|s| s.to_string()).collect();
    RunConfig::load(None, &all).expect("a valid configuration")
}

/// The losses of all steps, and a flag that is set after some of them.
struct Losses<'a> {
    all: Vec<f64>,
    until: usize,
    stop: &'a AtomicBool,
}

impl Observer for Losses<'_> {
    fn step(&mut self, event: &Event, _total: usize) {
        self.all.push(event.loss);
        if event.step == self.until {
            self.stop.store(true, Ordering::Relaxed);
        }
    }
}

#[test]
fn a_run_and_its_samples_are_the_cpus() {
    let card = match DeviceChoice::Gpu(0).open() {
        Ok((device, _)) => device,
        Err(reason) => return println!("skipped: {reason}"),
    };
    let operator: &[&str] = &[
        "network.width=6",
        "network.modes=[4]",
        "network.layers=2",
        "network.projection=8",
        "network.local=\"depthwise\"",
    ];
    let unet: &[&str] = &[
        "network.kind=\"unet\"",
        "network.channels=4",
        "network.multipliers=[1,2]",
        "network.blocks=1",
        "network.groups=2",
    ];
    for (name, network) in [("operator", operator), ("U-Net", unet)] {
        let (config, begun) = (tiny(network), Instant::now());
        let directories = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let (stop, never) = (AtomicBool::new(false), usize::MAX);

        let directory = directories[0].path();
        let mut on_cpu = Losses { all: vec![], until: never, stop: &stop };
        let mut run = Run::open(&config, directory, true, &mut Silent).unwrap();
        assert_eq!(run.train(&stop, &mut on_cpu).unwrap(), Outcome::Finished);

        let directory = directories[1].path();
        let mut on_gpu = Losses { all: vec![], until: 6, stop: &stop };
        let mut run = Run::open_on(&config, directory, true, &card, &mut Silent).unwrap();
        assert_eq!(run.train(&stop, &mut on_gpu).unwrap(), Outcome::Interrupted);
        stop.store(false, Ordering::Relaxed);
        // the run started on a GPU ends on the CPU
        let mut run = Run::open(&config, directory, true, &mut Silent).unwrap();
        on_gpu.until = never;
        assert_eq!(run.train(&stop, &mut on_gpu).unwrap(), Outcome::Finished);
        let losses = on_cpu.all.iter().zip(&on_gpu.all).map(|(c, g)| (c - g).abs() / c);
        let loss = losses.fold(0.0, f64::max);
        assert_eq!(on_cpu.all.len(), on_gpu.all.len());
        assert!(loss < LOSS, "{name}: {loss:e}");

        let sample = |device: &Device| {
            let model = TrainedModel::load_on(directory, device).unwrap();
            let grid = model.grid(&[17, 9]).unwrap();
            let request = Request::new(grid, 5, Method::DpmSolver2M, 4);
            model.sample(&request, 0..5, &|_, _| ()).unwrap().0.values
        };
        let (cpu, gpu) = (sample(&Device::flex()), sample(&card));
        let largest = cpu.iter().fold(0.0f64, |m, v| m.max(v.abs()));
        let worst = cpu.iter().zip(&gpu).fold(0.0f64, |m, (c, g)| m.max((c - g).abs())) / largest;
        assert!(worst < SAMPLE, "{name}: {worst:e}");
        let seconds = begun.elapsed().as_secs_f64();
        println!("{name}: losses {loss:.1e}, samples {worst:.1e} of the CPU's, {seconds:.1} s");
    }
}
