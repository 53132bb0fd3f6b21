//! Batches: which fields, which times, which noise, and what the network should answer.
//!
//! Everything is a function of (seed, step): no state, so a resumed run sees the same batches.

use std::ops::Range;
use std::sync::Arc;

use karhunen_field::motion::{Motion, Mover, turned};
use karhunen_field::noise::stream;
use karhunen_field::{Grid, ModeNoise, PerGrid};
use karhunen_net::Model;
use rayon::prelude::*;

use crate::batch::inputs::{Batch, build};
use crate::batch::times::Times;
use crate::config::TimeDensity;
use crate::config::augment::{Augmentation, NUMBERS};
use crate::data::level::{LevelData, chosen};

/// Makes the batches of a run.
#[derive(Debug)]
pub struct Batches {
    noise: ModeNoise,
    size: usize,
    density: TimeDensity,
    /// Probability that a training field's label is not told.
    dropout: f64,
    /// How training fields are moved.
    augmentation: Augmentation,
    /// Order of the epoch at hand.
    epoch: Option<(u64, Vec<u32>)>,
    /// The density on each grid met so far.
    times: PerGrid<Times>,
    /// What moves fields on each grid met so far.
    movers: PerGrid<Mover>,
}

/// Index spaces of `stream::TRAINING` beyond the fields of a batch.
const TIMES: u32 = stream::TRAINING + (1 << 20);

const ORDER: u32 = TIMES + 1;

const DROPOUT: u32 = TIMES + 2;

const MOTIONS: u32 = TIMES + 3;
const ATTRIBUTES: u32 = TIMES + 4;

/// Which trajectories the steps of a distillation learn from ([`crate::distil`]).
pub(crate) const TRAJECTORIES: u32 = TIMES + 5;

impl Batches {
    /// Batches of `size` fields for a run's seed.
    pub fn new(seed: u64, size: usize, density: TimeDensity) -> Self {
        let (noise, times) = (ModeNoise::new(seed), PerGrid::default());
        let (movers, augmentation) = (PerGrid::default(), Augmentation::default());
        Self { noise, size, density, dropout: 0.0, augmentation, epoch: None, times, movers }
    }

    /// The density of times on a grid.
    fn times(&self, grid: &Grid, model: &Model) -> Arc<Times> {
        self.times.get(grid, || Times::new(self.density, &model.preconditioner, grid))
    }

    /// The same, each training field's label left out with this probability.
    pub fn with_label_dropout(self, dropout: f64) -> Self {
        Self { dropout, ..self }
    }

    /// The same, training fields moved at random.
    pub fn with_augmentation(self, augmentation: Augmentation) -> Self {
        Self { augmentation, ..self }
    }

    /// Axes along which training fields are shifted.
    pub fn shifted_axes(&self) -> &[usize] {
        &self.augmentation.shift
    }

    /// What moves fields on a grid.
    fn mover(&self, grid: &Grid) -> Arc<Mover> {
        self.movers.get(grid, || Mover::new(*grid))
    }

    /// Fields of a level as the batch of a step sees them: moved, each by numbers of the step and its place
    /// in the batch, `first` being that of the first one.
    fn moved(&self, step: usize, data: &LevelData, fields: &[usize], first: usize) -> LevelData {
        let (mover, len, points) = (self.mover(&data.grid), data.field_len(), data.grid.len());
        let numbers = self.noise.uniforms(NUMBERS * (first + fields.len()), step as u64, MOTIONS);
        let numbers = numbers[NUMBERS * first..].chunks_exact(NUMBERS);
        let motions = numbers.map(|u| self.augmentation.motion(u));
        let motions: Vec<Motion> = motions.collect();
        let each = fields.par_iter().zip(&motions);
        let values = each.clone().flat_map_iter(|(field, motion)| {
            let own: Vec<f64> =
                data.values[field * len..(field + 1) * len].iter().map(|v| f64::from(*v)).collect();
            let channels = own.chunks_exact(points).map(|channel| mover.moved(motion, channel));
            channels.flatten().map(|v| v as f32).collect::<Vec<f32>>()
        });
        let weights = each.flat_map_iter(|(field, motion)| {
            let own = data.weights.get(field * len..(field + 1) * len).unwrap_or_default();
            own.chunks_exact(points)
                .flat_map(|w| turned(&data.grid, motion, w))
                .collect::<Vec<f32>>()
        });
        let labels = match data.labels.is_empty() {
            true => Vec::new(),
            false => fields.iter().map(|field| data.labels[*field]).collect(),
        };
        let attributes = chosen(&data.attributes, data.count(), fields.iter().copied());
        // what stands beside a field moves with it
        let beside = data.condition_channels() * points;
        let condition = fields.par_iter().zip(&motions).flat_map_iter(|(field, motion)| {
            let own = data.condition[field * beside..(field + 1) * beside].chunks_exact(points);
            let moved = own.map(|channel| {
                let channel: Vec<f64> = channel.iter().map(|v| f64::from(*v)).collect();
                mover.moved(motion, &channel)
            });
            moved.flatten().map(|v| v as f32).collect::<Vec<f32>>()
        });
        let (values, condition) = (values.collect::<Vec<f32>>(), condition.collect());
        LevelData {
            values: values.into(),
            weights: weights.collect(),
            labels,
            attributes,
            condition,
            ..*data
        }
    }

    /// The batch of a step: fields without replacement within an epoch, times stratified.
    pub fn training(&mut self, step: usize, data: &LevelData, model: &Model) -> Batch {
        self.training_part(step, data, model, 0..self.size)
    }

    /// Some fields of the batch of a step: what they are does not depend on which others are made here.
    ///
    /// # Panics
    /// If the batch does not have these fields.
    pub fn training_part(
        &mut self,
        step: usize,
        data: &LevelData,
        model: &Model,
        part: Range<usize>,
    ) -> Batch {
        let count = data.count() as u64;
        let first = (step * self.size) as u64;
        let fields: Vec<usize> = (first + part.start as u64..first + part.end as u64)
            .map(|at| self.order(at / count, count)[(at % count) as usize] as usize)
            .collect();
        if data.values.is_in_file() {
            self.fetch(step + 1, data, part.clone());
        }
        let within = self.noise.uniforms(self.size, step as u64, TIMES);
        let times = &self.times(&data.grid, model).stratified(&within)[part.clone()];
        let (index, from) = (step as u64, stream::TRAINING + part.start as u32);
        let mut batch = match self.augmentation.is_empty() {
            true => build(data, &fields, times, self.noise, index, from, model),
            false => {
                let moved = self.moved(step, data, &fields, part.start);
                let all: Vec<usize> = (0..fields.len()).collect();
                build(&moved, &all, times, self.noise, index, from, model)
            }
        };
        if !batch.inputs.given.is_empty() {
            let uniforms = self.noise.uniforms(self.size, step as u64, DROPOUT);
            let untold = part.clone().filter(|i| uniforms[*i] < self.dropout);
            untold.for_each(|i| batch.inputs.given.forget(i - part.start, part.len()));
            self.leave_out(step, &mut batch.inputs.given.attributes, &part);
        }
        batch
    }

    /// If fields have several attributes, leaves each of them out with probability 1/2 in a random
    /// half of the fields. A sampling may then ask for some of them alone.
    fn leave_out(&self, step: usize, attributes: &mut [f32], part: &Range<usize>) {
        let each = attributes.len() / part.len().max(1);
        if each < 2 {
            return;
        }
        let uniforms = self.noise.uniforms(self.size * (each + 1), step as u64, ATTRIBUTES);
        let of_field = uniforms.chunks_exact(each + 1).skip(part.start);
        for (own, uniforms) in attributes.chunks_exact_mut(each).zip(of_field) {
            if uniforms[0] < 0.5 {
                let left_out = own.iter_mut().zip(&uniforms[1..]).filter(|(_, u)| **u < 0.5);
                left_out.for_each(|(value, _)| *value = f32::NAN);
            }
        }
    }

    /// Begins to read the fields of a step that are this part of its batch, where their epoch is at hand.
    fn fetch(&self, step: usize, data: &LevelData, part: Range<usize>) {
        let (count, len) = (data.count() as u64, data.field_len());
        let Some((held, order)) = &self.epoch else { return };
        let first = (step * self.size) as u64;
        for at in first + part.start as u64..first + part.end as u64 {
            if *held == epoch_key(at / count, count) {
                let field = order[(at % count) as usize] as usize;
                data.values.fetch(field * len..(field + 1) * len);
            }
        }
    }

    /// A fixed set: fields `range`, times stratified by the training density (a loss uniform in t is
    /// mostly high noise, where nothing can be learned), always the same noise.
    pub fn validation(
        &self,
        data: &LevelData,
        range: std::ops::Range<usize>,
        model: &Model,
    ) -> Batch {
        let density = self.times(&data.grid, model);
        let total = data.count();
        // a stride coprime to the number of fields spreads times over neighbouring fields
        let times: Vec<f64> = range
            .clone()
            .map(|i| {
                let slice = (i * 7 + 3) % total.max(1);
                density.quantile((slice as f64 + 0.5) / total as f64)
            })
            .collect();
        let fields: Vec<usize> = range.clone().collect();
        build(data, &fields, &times, self.noise, range.start as u64, stream::VALIDATION, model)
    }

    /// The order of an epoch: a seeded shuffle of 0…count−1.
    fn order(&mut self, epoch: u64, count: u64) -> &[u32] {
        let key = epoch_key(epoch, count);
        if self.epoch.as_ref().is_none_or(|(held, _)| *held != key) {
            let mut order: Vec<u32> = (0..count as u32).collect();
            let uniforms = self.noise.uniforms(order.len(), epoch, ORDER);
            for i in (1..order.len()).rev() {
                order.swap(i, (uniforms[i] * (i + 1) as f64) as usize);
            }
            self.epoch = Some((key, order));
        }
        self.epoch.as_ref().map(|(_, order)| order.as_slice()).unwrap_or_default()
    }
}

/// What an order is known by.
fn epoch_key(epoch: u64, count: u64) -> u64 {
    epoch.wrapping_mul(1 << 32) ^ count
}

#[cfg(test)]
mod tests {
    use karhunen_field::{Boundary, Transform};

    use super::*;
    use crate::config::augment::Augment;
    use crate::data::restrict;

    /// Fields within the modes of a grid, with weights.
    fn data(grid: Grid) -> LevelData {
        let transform = Transform::new(grid);
        let field = |i: u64| {
            let modes = ModeNoise::new(5).plain_normals(grid.mode_count(), i, stream::METRICS);
            transform.synthesise_channels(&modes)
        };
        let values: Vec<f32> = (0..6).flat_map(field).map(|v| v as f32).collect();
        LevelData::plain(grid, 1, values)
    }

    fn moving(named: &[&str], grid: Grid) -> Batches {
        let named: Vec<Augment> =
            named.iter().map(|n| Augment::try_from(n.to_string()).unwrap()).collect();
        let augmentation = Augmentation::new(&named, &[grid]).unwrap();
        let density = TimeDensity::LogNormal { mean: 0.0, deviation: 1.0 };
        Batches::new(9, 4, density).with_augmentation(augmentation)
    }

    /// A moved function is the same on every level, another one in another step, and the same one again.
    #[test]
    fn moved_fields_are_one_function_on_every_level() {
        let fine = data(Grid::unit(&[15, 15], Boundary::Periodic).unwrap());
        let coarse = restrict(&fine, fine.grid.with_points(&[6, 6]).unwrap()).unwrap();
        let batches = moving(&["shift", "mirror", "rotate"], fine.grid);
        let fields = [3, 0, 3, 5];
        for step in 0..4 {
            let moved = batches.moved(step, &fine, &fields, 0);
            let then = restrict(&moved, coarse.grid).unwrap();
            let first = batches.moved(step, &coarse, &fields, 0);
            for (a, b) in then.values.iter().zip(first.values.iter()) {
                // a few roundings of f32
                assert!((a - b).abs() < 1e-5, "step {step}: {a} {b}");
            }
            assert_eq!(moved.values, batches.moved(step, &fine, &fields, 0).values);
            assert_ne!(moved.values, batches.moved(step + 1, &fine, &fields, 0).values);
            // some of the fields alone are moved as they are among all
            let alone = batches.moved(step, &fine, &fields[1..3], 1);
            assert_eq!(alone.values[..], moved.values[fine.field_len()..3 * fine.field_len()]);
            // one field twice in a batch is moved twice
            let len = fine.field_len();
            assert_ne!(moved.values[..len], moved.values[2 * len..3 * len]);
        }
    }

    #[test]
    fn weights_of_what_was_measured_move_along() {
        let mut data = data(Grid::unit(&[7, 7], Boundary::Neumann).unwrap());
        data.weights = data.values.iter().map(|v| v.abs()).collect();
        let moved = moving(&["mirror", "rotate"], data.grid).moved(2, &data, &[1, 4], 0);
        assert_eq!(moved.weights.len(), moved.values.len());
        assert!(moved.values.iter().zip(&moved.weights).all(|(v, w)| v.abs() == *w));
    }

    /// Half of the fields keep all attributes. Of the others each attribute is left out half the
    /// time, whichever part of the batch is made. One attribute alone always stays.
    #[test]
    fn some_attributes_are_left_out() {
        let batches = Batches::new(9, 8, TimeDensity::Uniform);
        let mut seen = [0_i32; 4];
        for step in 0..500 {
            let mut all = vec![1.0; 16];
            batches.leave_out(step, &mut all, &(0..8));
            all.chunks(2).for_each(|two| {
                seen[usize::from(two[0].is_nan()) + 2 * usize::from(two[1].is_nan())] += 1;
            });
            let mut part = vec![1.0; 6];
            batches.leave_out(step, &mut part, &(3..6));
            assert!(part.iter().zip(&all[6..12]).all(|(a, b)| a.to_bits() == b.to_bits()));
            let mut one = vec![1.0; 8];
            batches.leave_out(step, &mut one, &(0..8));
            assert_eq!(one, [1.0; 8]);
        }
        // 4,000 fields: 5/8 with both, 1/8 with the first alone, the second alone, and none
        let expected = [2500, 500, 500, 500];
        for (seen, expected) in seen.iter().zip(expected) {
            assert!((seen - expected).abs() < 100, "{seen} for {expected}");
        }
    }

    #[test]
    fn fields_are_chosen_evenly() {
        let data = data(Grid::unit(&[4], Boundary::Neumann).unwrap());
        assert_eq!(data.first(2).values, data.values[..8]);
        assert_eq!(
            data.evenly(3).values,
            [0, 2, 4].map(|i| &data.values[4 * i..4 * i + 4]).concat()
        );
        assert_eq!((data.first(9).count(), data.evenly(9).count()), (6, 6));
    }
}
