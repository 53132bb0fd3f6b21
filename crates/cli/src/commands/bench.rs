//! `karhunen bench`: what a configuration costs here, before hours are spent on it.

use karhunen::device;
use karhunen::formats::FieldSource as _;
use karhunen::training::RunConfig;
use karhunen::training::bench::{Speed, measure};
use karhunen::training::plan::Plan;
use tracing::info;

use crate::args::BenchArgs;
use crate::failure::Failure;
use crate::report::print_line;

/// Times the configuration and prints one line a level.
pub fn run(args: &BenchArgs) -> Result<(), Failure> {
    if !(args.seconds > 0.0 && args.seconds <= 3600.0) {
        let message = format!("--seconds {}: above 0 and at most 3600", args.seconds);
        return Err(Failure::usage(message).help("a few seconds a level are enough"));
    }
    let mut config = RunConfig::load(args.config.as_deref(), &args.settings)?;
    let mut channels = config.data.channels.unwrap_or_else(|| config.data.source.names().len());
    if config.levels.is_empty() {
        config.data.source = config.data.source.resolve(args.config.as_deref());
        let plan = Plan::of(config)?;
        channels = plan.fields.map_or(channels, |fields| fields.channels());
        config = plan.config;
    }
    let device = device::open(args.device.device, &mut |text| info!("{text}"))?;
    let speed = measure(&config, channels, args.seconds, &device).map_err(Failure::refused)?;
    match args.json {
        true => print_line(&serde_json::to_string_pretty(&speed).expect("plain data")),
        false => print_line(&to_text(&speed)),
    }
}

/// A line a level, one for sampling, one for memory.
fn to_text(speed: &Speed) -> String {
    let mut lines = vec![
        format!(
            "{} threads, product peak {:.0} GFLOP/s, {} parameters",
            speed.threads, speed.product_peak, speed.parameters
        ),
        format!(
            "{:>12} {:>8} {:>8} {:>9} {:>9} {:>6}   {:>7} {:>7} {:>9}",
            "training",
            "ms/step",
            "steps/s",
            "fields/s",
            "GFLOP/s",
            "peak",
            "batch",
            "network",
            "optimizer"
        ),
    ];
    for level in &speed.levels {
        let part = |ms: f64| format!("{:.0} %", 100.0 * ms / level.step_ms);
        lines.push(format!(
            "{:>12} {:>8.2} {:>8.1} {:>9.0} {:>9.1} {:>6}   {:>7} {:>7} {:>9}",
            level.grid,
            level.step_ms,
            level.steps_per_second,
            level.fields_per_second,
            level.gflops,
            format!("{:.0} %", 100.0 * level.share_of_peak),
            part(level.batch_ms),
            part(level.network_ms),
            part(level.optimizer_ms)
        ));
    }
    let s = &speed.sampling;
    lines.push(format!(
        "sampling {} at {} with {} evaluations: {:.1} fields/s, {:.1} GFLOP/s ({:.0} % of peak), {:.0} % outside the network",
        s.count,
        s.grid,
        s.evaluations,
        s.fields_per_second,
        s.gflops,
        100.0 * s.share_of_peak,
        100.0 * s.outside_network
    ));
    if let Some(bytes) = speed.peak_memory {
        lines.push(format!("peak memory {:.2} GiB", bytes / 1024f64.powi(3)));
    }
    lines.join("\n")
}
