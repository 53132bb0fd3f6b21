//! The knob to turn where a run, its data or its model refuses.

use karhunen::{NetError, TrainError};

use super::{field, format, read, write};

/// What to do about an error of a run.
pub fn train(error: &TrainError) -> Option<String> {
    let text = match error {
        TrainError::Read { source, .. } => return Some(read(source)),
        TrainError::Write { source, .. } => return Some(write(source)),
        TrainError::InUse { .. } => {
            "wait until that process has ended, or give another --out".into()
        }
        TrainError::Config { message, .. } if message.starts_with("this directory holds a run") => {
            "give another --out, or the configuration that run began with".into()
        }
        TrainError::Config { message, .. } if message.starts_with("this run ends after") => {
            "give training.steps or training.seconds beyond that, --more 30m, or another --out".into()
        }
        TrainError::Config { message, .. } if message.ends_with("is given steps, not seconds") => {
            "give --more a number of steps".into()
        }
        TrainError::Checkpoint { message, .. } if message.starts_with("holds no run that") => {
            "begin it without --more, or name its --out".into()
        }
        TrainError::Config { place, .. } if place.starts_with("average of length") => {
            "give --ema a length of training.ema or one between them; more training.snapshots reach further".into()
        }
        TrainError::Checkpoint { message, .. } if message.starts_with("an exported model has") => {
            "leave --ema out, or name the run the model came from".into()
        }
        TrainError::Config { place, message }
            if place == "data.augment" || message.starts_with("data.augment: ") =>
        {
            "name axes of data.augment that can be moved so, as \"shift:0\" or \"rotate:1,2\", or leave the motion out".into()
        }
        TrainError::Config { .. } => {
            "`karhunen train --dry-run` prints every key with its default".into()
        }
        TrainError::Data { message, .. } if message.starts_with("no patch of ") => {
            "give a smaller patch, or one length an axis of the fields".into()
        }
        TrainError::Data { message, .. } if message.contains(" labels, but ") => {
            "data.labels names a file of one label a field".into()
        }
        TrainError::Data { message, .. } if message.contains("have one cell along axis") => {
            "drop the axis from the array, or give fields of more cells".into()
        }
        TrainError::Data { message, .. } if message.contains("is declared periodic") => {
            "declare that axis neumann in data.boundary, or give whole periods".into()
        }
        TrainError::Data { .. } => {
            "`karhunen inspect` says what a source holds, and which levels suit it".into()
        }
        TrainError::Memory { knob, .. } => {
            format!("lower {knob}, or use a machine with more memory")
        }
        TrainError::Checkpoint { message, .. } if message.starts_with("holds a run already") => {
            "give another --out; `train` goes on with a run unless --resume never forbids it".into()
        }
        TrainError::Checkpoint { message, .. } if message.starts_with("no classifier") => {
            "name a file that `karhunen classifier` wrote".into()
        }
        TrainError::Checkpoint { .. } => {
            "name a run directory that `karhunen train` wrote, or one checkpoint in it".into()
        }
        TrainError::Diverged { .. } => "begin again with --set training.learning_rate=… and another --out".into(),
        TrainError::Net(NetError::Levels { .. }) => {
            "change the grids of [[levels]], coarse first; `network.kind = \"fno\"` takes any".into()
        }
        TrainError::Net(_) => "change the keys of [network]".into(),
        TrainError::Field(e) => return field(e),
        TrainError::Format(e) => return format(e),
        TrainError::Simulate(_) => {
            "change data.boundary or the levels, or give data of your own".into()
        }
        _ => return None,
    };
    Some(text)
}
