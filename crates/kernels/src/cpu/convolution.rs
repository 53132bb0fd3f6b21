//! Dense convolutions of images, channels last: y = Σ_tap x(· + tap) W_tap + b.
//!
//! A patch of the image, with all cells that its taps reach, is copied once into cache, including
//! zeros beyond the edges. Each row of cells is then one sum of products over taps and inputs. Its
//! operands are read in place, and its results leave the registers once. The gradient of x is the
//! same pass over the transposed geometry of a [`ConvPlan`]. Gradients of weights are in
//! `conv_weights`.

use std::ops::Range;

use crate::cpu::buffer::{Buffer, Fresh};
use crate::cpu::conv_weights::{Panels, weight_gradients};
use crate::cpu::segments::{Base, Left, PANEL, Segment, sum_of_products};
use crate::cpu::share::{Shared, for_each, with_scratch};
use crate::plan::convolution::{ConvPlan, Pass, Patch};
use crate::simd::Level;

/// The operands of a convolution on one grid.
#[derive(Clone, Copy)]
pub(crate) struct Convolution<'a> {
    pub plan: &'a ConvPlan,
    pub level: Level,
    pub batch: usize,
    pub inputs: usize,
    pub outputs: usize,
    /// `[out, in, side, side]`.
    pub weight: &'a [f32],
}

/// Gradients of a convolution.
pub(crate) struct ConvGradients {
    /// The gradient of x, if requested.
    pub x: Option<Buffer>,
    pub weight: Buffer,
    pub bias: Vec<f32>,
}

/// Images of one size, from which patches read some cells.
#[derive(Clone, Copy)]
pub(crate) struct Images<'a> {
    pub values: &'a [f32],
    pub sides: [usize; 2],
    /// Sides of the enlarged image, to which windows refer.
    pub enlarged: [usize; 2],
    pub channels: usize,
}

impl<'a> Images<'a> {
    fn image(&self, sample: usize) -> &'a [f32] {
        let len = self.sides[0] * self.sides[1] * self.channels;
        &self.values[sample * len..][..len]
    }

    /// Offset of a window's first value in the image itself, if the window lies inside it entirely.
    fn inside(&self, window: &[Range<isize>; 2]) -> Option<usize> {
        let fits =
            |axis: usize| window[axis].start >= 0 && window[axis].end <= self.sides[axis] as isize;
        let first = window[0].start * self.sides[1] as isize + window[1].start;
        (self.sides == self.enlarged && fits(0) && fits(1)).then(|| first as usize * self.channels)
    }

    /// Copies the cells of a window, `[row, column, channel]`, with zeros beyond the edges.
    pub fn copy(&self, sample: usize, window: &[Range<isize>; 2], to: &mut [f32]) {
        let (image, channels, [rows, columns]) = (self.image(sample), self.channels, window);
        let width = self.enlarged[1] as isize;
        let (start, end) = (columns.start.clamp(0, width), columns.end.clamp(0, width));
        let before = ((start - columns.start).min(columns.len() as isize)) as usize * channels;
        let count = (end - start) as usize * channels;
        let each = to.chunks_exact_mut(columns.len() * channels).zip(rows.clone());
        for (to, row) in each {
            if !(0..self.enlarged[0] as isize).contains(&row) || count == 0 {
                to.fill(0.0);
                continue;
            }
            let row = row as usize * self.sides[0] / self.enlarged[0];
            let from = &image[row * self.sides[1] * channels..][..self.sides[1] * channels];
            to[..before].fill(0.0);
            to[before + count..].fill(0.0);
            let to = &mut to[before..before + count];
            if self.sides[1] == self.enlarged[1] {
                to.copy_from_slice(&from[start as usize * channels..][..count]);
                continue;
            }
            for (to, at) in to.chunks_exact_mut(channels).zip(start as usize..) {
                let at = at * self.sides[1] / self.enlarged[1];
                to.copy_from_slice(&from[at * channels..][..channels]);
            }
        }
    }
}

impl Convolution<'_> {
    /// The convolution of `x` `[batch, point, in]`, plus `added` if given, which has the shape of
    /// the result.
    pub fn forward(&self, x: &[f32], bias: &[f32], added: Option<&[f32]>) -> Buffer {
        self.assert_lengths(x, None);
        let len = self.batch * self.plan.points()[1] * self.outputs;
        assert_eq!(bias.len(), self.outputs, "one bias an output");
        assert!(added.is_none_or(|a| a.len() == len), "what is added has the result's shape");
        let panels = Panels::forward(self);
        self.pass(&self.plan.forward, self.sources(x), &panels, Some(bias), added)
    }

    /// Gradients from that of y. The gradient of the added term is that of y itself.
    pub fn backward(&self, x: &[f32], dy: &[f32], wants_x: bool) -> ConvGradients {
        self.assert_lengths(x, Some(dy));
        let (weight, bias) = weight_gradients(self, self.sources(x), dy);
        let x = wants_x.then(|| self.input_gradient(dy));
        ConvGradients { x, weight, bias }
    }

    fn sources<'x>(&self, x: &'x [f32]) -> Images<'x> {
        let shape = self.plan.shape();
        let (sides, enlarged) = (shape.sides, shape.enlarged);
        Images { values: x, sides, enlarged, channels: self.inputs }
    }

    fn input_gradient(&self, dy: &[f32]) -> Buffer {
        let sides = self.plan.result();
        let dy = Images { values: dy, sides, enlarged: sides, channels: self.outputs };
        let panels = Panels::transposed(self);
        let gradient = self.pass(&self.plan.transposed, dy, &panels, None, None);
        if self.plan.enlarges() { self.fold(&gradient) } else { gradient }
    }

    /// Results of a pass over all images.
    fn pass(
        &self,
        pass: &Pass,
        from: Images<'_>,
        panels: &Panels,
        bias: Option<&[f32]>,
        added: Option<&[f32]>,
    ) -> Buffer {
        let points = pass.axes[0].targets * pass.axes[1].targets;
        let mut y = Fresh::new(self.batch * points * panels.columns);
        let (to, patches) = (y.shared(), pass.patches.len());
        for_each(self.batch * patches, true, |task| {
            let (sample, patch) = (task / patches, &pass.patches[task % patches]);
            let window = pass.window(patch);
            let source = from.image(sample);
            let len = points * panels.columns;
            // SAFETY: each task has its own targets of the sample's part
            let to = unsafe { to.part(sample * len, len) };
            let added = added.map(|a| &a[sample * len..][..len]);
            let run = |source: &[f32], pitch| {
                self.patch(pass, patch, source, pitch, panels, bias, added, to)
            };
            match from.inside(&window) {
                Some(first) => run(&source[first..], from.sides[1]),
                None => {
                    let cells = window[0].len() * window[1].len();
                    with_scratch(cells * from.channels, |copy| {
                        from.copy(sample, &window, copy);
                        run(copy, window[1].len());
                    });
                }
            }
        });
        // SAFETY: the phases' patches cover all targets of all samples
        unsafe { y.finish() }
    }

    /// Computes the targets of one patch. Its window begins at `source`, with `pitch` cells a row.
    #[allow(clippy::too_many_arguments)]
    fn patch(
        &self,
        pass: &Pass,
        patch: &Patch,
        source: &[f32],
        pitch: usize,
        panels: &Panels,
        bias: Option<&[f32]>,
        added: Option<&[f32]>,
        to: Shared<'_>,
    ) {
        let (terms, outputs) = (panels.rows, panels.columns);
        let [rows, columns] = pass.phases(patch);
        let (low, left) = (rows.reach().0, columns.reach().0);
        let mut segments = Vec::with_capacity(rows.taps.len() * columns.taps.len());
        for (i, down) in &rows.taps {
            for (j, across) in &columns.taps {
                let cell = (down - low) as usize * pitch + (across - left) as usize;
                let tap = i * self.plan.shape().kernel + j;
                segments.push(Segment { a: cell * terms, b: tap * terms * PANEL });
            }
        }
        let [vertical, horizontal] = &pass.axes;
        let (step, width) = (horizontal.target_step, patch.columns.len());
        let first = columns.first + patch.columns.start * step;
        for block in 0..panels.blocks() {
            let (at, count) = panels.block(block);
            let column = block * PANEL;
            let bias = bias.map_or(std::ptr::null(), |b| b[column..].as_ptr());
            for (i, row) in patch.rows.clone().enumerate() {
                let row = rows.first + row * vertical.target_step;
                let target = (row * horizontal.targets + first) * outputs + column;
                let held = added.map_or(std::ptr::null(), |a| a[target..].as_ptr());
                let above = i * vertical.source_step * pitch * terms;
                // SAFETY: the window holds what the taps of these targets read, a panel all taps'
                // weights; targets are this task's own
                unsafe {
                    let a = Left {
                        at: source.as_ptr().add(above),
                        step: horizontal.source_step * terms,
                        transposed: false,
                    };
                    let c = to.at(target, (width - 1) * step * outputs + count);
                    let base = Base { bias, held };
                    let c_row = step * outputs;
                    sum_of_products(
                        self.level, width, count, terms, &segments, a, at, c, c_row, base,
                    );
                }
            }
        }
    }

    /// Adds up the gradients of enlarged cells that took their value from the same cell.
    fn fold(&self, gradient: &[f32]) -> Buffer {
        let shape = self.plan.shape();
        let ([rows, columns], [many, wide]) = (shape.sides, shape.enlarged);
        let channels = self.inputs;
        let mut dx = Fresh::new(self.batch * rows * columns * channels);
        let to = dx.shared();
        for_each(self.batch * rows, true, |task| {
            let (sample, row) = (task / rows, task % rows);
            let len = columns * channels;
            // SAFETY: each task has its own row, which is zeroed before it is a slice
            let to = unsafe {
                to.at(task * len, len).write_bytes(0, len);
                to.slice_mut(task * len, len)
            };
            let taken = (row * many).div_ceil(rows)..((row + 1) * many).div_ceil(rows);
            for from in taken {
                let from = &gradient[(sample * many + from) * wide * channels..];
                for (at, from) in from[..wide * channels].chunks_exact(channels).enumerate() {
                    let to = &mut to[at * columns / wide * channels..][..channels];
                    to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
                }
            }
        });
        // SAFETY: the tasks cover all rows
        unsafe { dx.finish() }
    }

    /// Checks the lengths that the unsafe parts rely on.
    fn assert_lengths(&self, x: &[f32], dy: Option<&[f32]>) {
        let [points, targets] = self.plan.points();
        assert!(self.inputs > 0 && self.outputs > 0, "a convolution has channels");
        let weights = self.outputs * self.inputs * self.plan.taps();
        assert_eq!(self.weight.len(), weights, "weights are [out, in, side, side]");
        assert_eq!(x.len(), self.batch * points * self.inputs, "x is [batch, point, in]");
        let fits = |dy: &[f32]| dy.len() == self.batch * targets * self.outputs;
        assert!(dy.is_none_or(fits), "dy is [batch, point, out]");
    }
}
