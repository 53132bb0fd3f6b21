//! Trajectories of the teacher, and the batches that the student learns from.

use std::ops::Range;
use std::sync::Mutex;

use karhunen_field::sampler::Method;
use karhunen_field::{FieldError, ModeNoise};
use karhunen_net::model::channels_last;
use karhunen_net::{Given, Model};
use rayon::prelude::*;

use crate::batch::Batch;
use crate::batch::batches::TRAJECTORIES;
use crate::model::request::Request;
use crate::model::stop::Stop;
use crate::model::trained::TrainedModel;
use crate::model::watch::{Forming, Watch};

use super::plan::Along;

/// Mixed into the seed, so that no field that a user asks for is one that was learned from.
const SEED: u64 = 0x4449_5354_494c;

/// States of some trajectories at the student's times, and their clean fields.
#[derive(Debug)]
pub(super) struct Trajectories {
    /// One list a time, the clean fields last: `[field, channel, point]`.
    states: Vec<Vec<f32>>,
    /// Class of each field; empty where there are none.
    classes: Vec<Option<u32>>,
    /// Values of a field.
    len: usize,
}

/// Keeps the states at the student's times.
struct Keeper<'a> {
    picks: &'a [usize],
    first: u64,
    len: usize,
    states: Mutex<Vec<Vec<f32>>>,
    steps: &'a (dyn Fn(usize, usize) + Sync),
}

impl Watch for Keeper<'_> {
    fn step(&self, done: usize, of: usize) {
        (self.steps)(done, of);
    }

    fn is_watching(&self) -> bool {
        true
    }

    fn forming(&self, fields: &Forming<'_>) {
        let Some(place) = self.picks.iter().position(|pick| *pick == fields.at.step) else {
            return;
        };
        let from = (fields.indices().start - self.first) as usize * self.len;
        let values = &fields.noisy().values;
        let mut states = self.states.lock().unwrap_or_else(|broken| broken.into_inner());
        let to = &mut states[place][from..from + values.len()];
        to.iter_mut().zip(values).for_each(|(to, v)| *to = *v as f32);
    }
}

impl Trajectories {
    /// Follows the teacher's flow from the noises of these numbers. What a trajectory is does not depend on the others.
    ///
    /// # Errors
    /// As [`TrainedModel::sample`].
    pub fn follow(
        teacher: &TrainedModel,
        along: &Along,
        seed: u64,
        indices: Range<u64>,
        stop: &Stop,
        steps: &(dyn Fn(usize, usize) + Sync),
    ) -> Result<Self, FieldError> {
        let grid = teacher.statistics.grid;
        let len = grid.len() * teacher.statistics.mean.channels;
        let count = (indices.end - indices.start) as usize;
        let request = Request {
            stop: stop.clone(),
            // a student learns the flow that its teacher samples by
            sharpness: teacher.sharpness(),
            ..Request::new(grid, seed ^ SEED, Method::DpmSolver2M, along.times.len())
        };
        let keeper = Keeper {
            picks: &along.picks,
            first: indices.start,
            len,
            states: Mutex::new(vec![vec![0.0; count * len]; along.picks.len()]),
            steps,
        };
        let times = (along.times.clone(), 0);
        let classes = teacher.classes(&request, indices.clone());
        let (fields, _) = teacher.along::<f64>(&request, None, None, &times, indices, &keeper)?;
        let mut states = keeper.states.into_inner().unwrap_or_else(|broken| broken.into_inner());
        states.push(fields.values.iter().map(|v| *v as f32).collect());
        Ok(Self { states, classes, len })
    }

    /// The states of a step: a function of (seed, step). Every time has its share of each batch.
    pub fn batch(&self, student: &Model, size: usize, (seed, step): (u64, usize)) -> Batch {
        let preconditioner = &student.preconditioner;
        let (path, jumps) = (preconditioner.path(), preconditioner.jumps());
        let grid = *preconditioner.reference();
        let channels = self.len / grid.len();
        let on = preconditioner.on(&grid);
        let count = self.states[0].len() / self.len;
        let numbers = ModeNoise::new(seed).uniforms(2 * size, step as u64, TRAJECTORIES);
        let chosen: Vec<(usize, usize)> = (numbers.chunks_exact(2).enumerate())
            .map(|(i, u)| {
                let place = (i as f64 + u[1]) / size as f64 * jumps.len() as f64;
                ((u[0] * count as f64) as usize, (place as usize).min(jumps.len() - 1))
            })
            .collect();
        let of = |&(field, place): &(usize, usize)| {
            let state = |place: usize| {
                let values = &self.states[place][field * self.len..(field + 1) * self.len];
                values.iter().map(|v| f64::from(*v)).collect::<Vec<f64>>()
            };
            let (t, x) = (jumps[place], state(place));
            let mut answer = state(place + 1);
            if let Some(&s) = jumps.get(place + 1) {
                let (keep, gain) = path.exponential_step(t, s);
                answer.iter_mut().zip(&x).for_each(|(d, x)| *d = (*d - keep * x) / gain);
            }
            let scales = preconditioner.scales(t);
            let (base, input) = preconditioner.both(&x, t, &scales, &on);
            answer.iter_mut().zip(&base).for_each(|(d, base)| *d = (*d - base) / scales.gain);
            (channels_last(&input, channels), channels_last(&answer, channels))
        };
        let parts: Vec<(Vec<f32>, Vec<f32>)> = chosen.par_iter().map(of).collect();
        let classes = match self.classes.is_empty() {
            true => Vec::new(),
            false => chosen.iter().map(|(field, _)| self.classes[*field]).collect(),
        };
        let given = Given { classes, ..Given::default() };
        let times = chosen.iter().map(|(_, place)| jumps[*place]).collect();
        let values = parts.iter().flat_map(|(input, _)| input.iter().copied()).collect();
        Batch {
            inputs: student.inputs(grid, values, times, given),
            target: parts.iter().flat_map(|(_, answer)| answer.iter().copied()).collect(),
            weights: vec![1.0; size],
            measured: Vec::new(),
        }
    }
}
