//! What the network sees of chosen fields, and what it should answer.

use karhunen_field::ModeNoise;
use karhunen_net::model::{Inputs, channels_last};
use karhunen_net::preconditioning::OnGrid;
use karhunen_net::{Given, Model, Preconditioner};
use rayon::prelude::*;

use crate::data::level::{LevelData, chosen};

/// One batch, ready for the network.
pub struct Batch {
    /// What the network sees.
    pub inputs: Inputs,
    /// What it should answer, `[batch, point, channel]`.
    pub target: Vec<f32>,
    /// Weight of each field's squared error.
    pub weights: Vec<f32>,
    /// Weight of each point's squared error, `[batch, point, channel]`; empty where all count alike.
    pub measured: Vec<f32>,
}

/// Chosen fields of a level at given times with their own noise, as the network sees them.
pub(super) fn build(
    data: &LevelData,
    fields: &[usize],
    times: &[f64],
    noise: ModeNoise,
    index: u64,
    stream: u32,
    model: &Model,
) -> Batch {
    let preconditioner = &model.preconditioner;
    let on = preconditioner.on(&data.grid);
    let parts: Vec<(Vec<f32>, Vec<f32>, f32)> = fields
        .par_iter()
        .zip(times)
        .enumerate()
        .map(|(i, (&field, &t))| {
            let clean = &data.values[field * data.field_len()..(field + 1) * data.field_len()];
            let drawn = Drawn { index, stream: stream + i as u32, noise };
            noised(clean, t, data.channels, &drawn, preconditioner, &on)
        })
        .collect();
    let values = parts.iter().flat_map(|(input, _, _)| input.iter().copied()).collect();
    Batch {
        inputs: model.inputs(data.grid, values, times.to_vec(), given(data, fields)),
        target: parts.iter().flat_map(|(_, target, _)| target.iter().copied()).collect(),
        weights: parts.iter().map(|(_, _, weight)| *weight).collect(),
        measured: match data.weights.is_empty() {
            true => Vec::new(),
            false => (fields.iter())
                .flat_map(|&field| {
                    let from = field * data.field_len();
                    let weights = data.weights[from..from + data.field_len()].iter();
                    let weights: Vec<f64> = weights.map(|w| f64::from(*w)).collect();
                    channels_last(&weights, data.channels)
                })
                .collect(),
        },
    }
}

/// What the network is told of fields.
fn given(data: &LevelData, fields: &[usize]) -> Given {
    let beside = data.condition_channels() * data.grid.len();
    let told = |field: &usize| {
        Given::told(&data.condition[field * beside..(field + 1) * beside], data.grid.len())
    };
    Given {
        classes: match data.labels.is_empty() {
            true => Vec::new(),
            false => fields.iter().map(|&field| Some(data.labels[field])).collect(),
        },
        attributes: chosen(&data.attributes, data.count(), fields.iter().copied()),
        fields: match beside {
            0 => Vec::new(),
            _ => fields.iter().flat_map(told).collect(),
        },
    }
}

/// Address of one field's noise.
struct Drawn {
    noise: ModeNoise,
    index: u64,
    stream: u32,
}

/// (input, target, weight) of one field: x = a X₀ + b η, target = (X₀ − base) / gain.
fn noised(
    clean: &[f32],
    t: f64,
    channels: usize,
    drawn: &Drawn,
    preconditioner: &Preconditioner,
    on: &OnGrid,
) -> (Vec<f32>, Vec<f32>, f32) {
    let (a, b) = (preconditioner.path().signal(t), preconditioner.path().noise(t));
    let mut x: Vec<f64> = (0..channels)
        .flat_map(|c| on.draws().values(drawn.noise, drawn.index, drawn.stream, c))
        .collect();
    x.iter_mut().zip(clean).for_each(|(x, c)| *x = a * f64::from(*c) + b * *x);
    let scales = preconditioner.scales(t);
    let (base, input) = preconditioner.both(&x, t, &scales, on);
    let target: Vec<f64> =
        (clean.iter().zip(&base)).map(|(c, base)| (f64::from(*c) - base) / scales.gain).collect();
    (channels_last(&input, channels), channels_last(&target, channels), scales.weight as f32)
}
