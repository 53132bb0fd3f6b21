//! Memory of a run, estimated before it is taken.

use std::sync::atomic::{AtomicU64, Ordering};

use karhunen_field::Grid;
use karhunen_net::{Model, device::is_cpu};

use crate::TrainError;
use crate::config::TrainingConfig;

const GIB: f64 = (1u64 << 30) as f64;

/// Bytes that this process may take, as set by [`set_limit`]; 0 for no limit.
static LIMIT: AtomicU64 = AtomicU64::new(0);

/// Limits the memory of this process to this number of bytes, as far as estimates tell. Work that would need more is
/// refused, or its data go to a file. `None` removes the limit.
pub fn set_limit(bytes: Option<u64>) {
    LIMIT.store(bytes.unwrap_or(0), Ordering::Relaxed);
}

/// The limit that was set.
pub fn limit() -> Option<f64> {
    match LIMIT.load(Ordering::Relaxed) {
        0 => None,
        bytes => Some(bytes as f64),
    }
}

/// Available bytes: the machine's free memory where the system tells it, but at most the limit.
pub fn available() -> Option<f64> {
    match (free(), limit()) {
        (Some(free), Some(limit)) => Some(free.min(limit)),
        (free, limit) => free.or(limit),
    }
}

/// Bytes the machine can still give, where the system tells.
fn free() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find(|l| l.starts_with("MemAvailable:"))?;
    let kib: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024.0)
}

/// Refuses to start what will not fit.
///
/// # Errors
/// [`TrainError::Memory`] with the estimate and the key to lower.
pub fn check(needed: f64, breakdown: String, knob: &'static str) -> Result<(), TrainError> {
    let limited = limit().is_some_and(|limit| free().is_none_or(|free| limit <= 0.95 * free));
    match most() {
        Some(most) if needed > most => {
            let available = if limited { most } else { most / 0.95 };
            let (needed, available) = (needed / GIB, available / GIB);
            Err(TrainError::Memory { needed, available, breakdown, knob, limited })
        }
        _ => Ok(()),
    }
}

/// Largest need for which work is begun: 95 % of the machine's free memory, but at most the limit.
pub fn most() -> Option<f64> {
    match (free().map(|free| 0.95 * free), limit()) {
        (Some(free), Some(limit)) => Some(free.min(limit)),
        (free, limit) => free.or(limit),
    }
}

/// Refuses fields that will not fit: `count` of them, `bytes` for each of their values.
///
/// # Errors
/// As [`check`].
pub fn check_fields(
    count: f64,
    grid: &Grid,
    channels: usize,
    bytes: usize,
    knob: &'static str,
) -> Result<(), TrainError> {
    let cells: f64 = grid.axes().iter().map(|a| a.points as f64).product();
    let needed = count * channels as f64 * bytes as f64 * cells;
    check(needed, format!("{count} fields at {grid}"), knob)
}

/// Bytes that training takes for weights, gradients, two moments and `averages` averages, and for the
/// larger of the last two on their way to a file. On the CPU the network computes with these
/// weights; a copy on a GPU is in its own memory.
pub fn weight_bytes(parameters: f64, averages: usize) -> f64 {
    4.0 * parameters * (4 + averages + averages.max(2)) as f64
}

/// What to lower where a training does not fit.
pub const KNOBS: [&str; 2] = ["data.count", "training.batch"];

/// Bytes of training at a level: data at two grids, a batch's activations, the copies of weights.
/// Activations on a GPU are in its own memory, whose size no driver tells. `knobs` are what to lower where data, or
/// activations, take the most.
///
/// # Errors
/// As [`check`].
pub fn check_training(
    model: &Model,
    data_bytes: f64,
    finest: &Grid,
    training: &TrainingConfig,
    parameters: usize,
    knobs: [&'static str; 2],
) -> Result<(), TrainError> {
    let batch = training.batch;
    let on_host = if is_cpu(model.network.device()) { 1.0 } else { 0.0 };
    let activations = on_host * batch as f64 * model.network.training_bytes(finest);
    let weights = weight_bytes(parameters as f64, training.ema.len());
    let needed = data_bytes + activations + weights;
    let breakdown = format!(
        "{:.1} data, {:.1} activations of {batch} fields at {finest}, {:.1} weights",
        data_bytes / GIB,
        activations / GIB,
        weights / GIB
    );
    check(needed, breakdown, knobs[usize::from(data_bytes <= activations)])
}
