//! The knob to turn where a run, its data or its model refuses.

use karhunen::{NetError, TrainError};

use super::{field, format, read, write};

/// What to do about an error of a run.
pub fn train(error: &TrainError) -> Option<String> {
    let text = match error {
        TrainError::Read { source, .. } => return Some(read(source)),
        TrainError::Write { source, .. } => return Some(write(source)),
        TrainError::NoSuchModel { .. } => {
            "`karhunen models` lists them; a model of your own is named by its directory".into()
        }
        TrainError::InUse { .. } => {
            "wait until that process has ended, or give another --out".into()
        }
        TrainError::OtherRun { .. } => {
            "give another --out, or the configuration that run began with".into()
        }
        TrainError::Ended { .. } => {
            "give training.steps or training.seconds beyond that, --more 30m, or another --out".into()
        }
        TrainError::StepsOnly { .. } => {
            "give --more a number of steps".into()
        }
        TrainError::NothingToExtend { .. } => {
            "begin it without --more, or name its --out".into()
        }
        TrainError::NoSuchAverage { .. } => {
            "give --ema a length of training.ema or one between them; more training.snapshots reach further".into()
        }
        TrainError::OneAverage { .. } => {
            "leave --ema out, or name the run the model came from".into()
        }
        TrainError::Distil { .. } => {
            "`karhunen distil --help` has the options; the default training makes models that can be distilled".into()
        }
        TrainError::Ranks(_) => {
            "give all ranks the same command, program and files; one run directory that all of them see; KARHUNEN_SIMD=avx2 where processors differ".into()
        }
        TrainError::Motion { .. } => {
            "name axes of data.augment that can be moved so, as \"shift:0\" or \"rotate:1,2\", or leave the motion out".into()
        }
        TrainError::Config { .. } => {
            "`karhunen train --dry-run` prints every key with its default".into()
        }
        TrainError::Patch { .. } => {
            "give a smaller patch, or one length an axis of the fields".into()
        }
        TrainError::LabelCount { .. } => {
            "data.labels names a file of one label a field".into()
        }
        TrainError::OneCell { .. } => {
            "drop the axis from the array, or give fields of more cells".into()
        }
        TrainError::NotPeriodic { .. } => {
            "declare that axis neumann in data.boundary, or give whole periods".into()
        }
        TrainError::Data { .. } => {
            "`karhunen inspect` says what a source holds, and which levels suit it".into()
        }
        TrainError::Memory { knob, limited: true, .. } => {
            format!("lower {knob}, or allow more with --memory")
        }
        TrainError::Memory { knob, .. } => {
            format!("lower {knob}, or use a machine with more memory")
        }
        TrainError::Scratch { .. } => {
            "set TMPDIR to a folder on a disk with more room, or lower data.count".into()
        }
        TrainError::RunExists { .. } => {
            "give another --out; `train` goes on with a run unless --resume never forbids it".into()
        }
        TrainError::NoClassifier { .. } => {
            "name a file that `karhunen classifier` wrote".into()
        }
        TrainError::Checkpoint { .. } => {
            "name a run directory that `karhunen train` wrote, or one checkpoint in it".into()
        }
        TrainError::Diverged { .. } | TrainError::NotFinite { .. } => "begin again with --set training.learning_rate=… and another --out".into(),
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
