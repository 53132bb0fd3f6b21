//! The weights of a convolution as panels, and their gradients.
//!
//! A panel is 32 columns of the matrices of all taps, one after another, in the order in which a
//! pass reads them. The gradient of a tap is Σ x(· + tap)ᵀ dy over the rows of some patches. It is
//! computed as one sum of products for twelve inputs and 32 outputs at a time. Sums of a few
//! thousand points each are added at the end, in an order that depends on sizes alone.

use std::ops::Range;

use crate::cpu::buffer::{Buffer, Fresh};
use crate::cpu::convolution::{Convolution, Images};
use crate::cpu::segments::{Base, Left, PANEL, Segment, sum_of_products};
use crate::cpu::share::{Shared, for_each, with_scratch};
use crate::plan::convolution::Patch;

/// Approximate number of points of one sum, before sums are added in memory.
const CHUNK: usize = 4096;
/// Approximate number of points of patches processed together, because small images give short
/// sums.
const TOGETHER: usize = 256;

/// The matrices `[row, column]` of all taps as `[block of columns, tap, row, PANEL]`, padded with
/// zeros.
pub(crate) struct Panels {
    pub rows: usize,
    pub columns: usize,
    taps: usize,
    values: Buffer,
}

impl Panels {
    /// As `[in, out]`, for values.
    pub fn forward(conv: &Convolution<'_>) -> Self {
        let taps = conv.plan.taps();
        Self::pack(conv, conv.inputs, conv.outputs, [taps, conv.inputs * taps])
    }

    /// As `[out, in]`, for the gradient of x.
    pub fn transposed(conv: &Convolution<'_>) -> Self {
        let taps = conv.plan.taps();
        Self::pack(conv, conv.outputs, conv.inputs, [conv.inputs * taps, taps])
    }

    /// `step`: distances in the weights from one row, and from one column, to the next.
    fn pack(conv: &Convolution<'_>, rows: usize, columns: usize, step: [usize; 2]) -> Self {
        let (taps, weight) = (conv.plan.taps(), conv.weight);
        let (blocks, len) = (columns.div_ceil(PANEL), taps * rows * PANEL);
        let mut values = Fresh::new(blocks * len);
        let to = values.shared();
        for_each(blocks, true, |block| {
            // SAFETY: each task has its own block, which is zeroed before it is a slice
            let to = unsafe {
                to.at(block * len, len).write_bytes(0, len);
                to.slice_mut(block * len, len)
            };
            for column in block * PANEL..columns.min((block + 1) * PANEL) {
                for row in 0..rows {
                    let from = &weight[row * step[0] + column * step[1]..][..taps];
                    let to = to[row * PANEL + column % PANEL..].iter_mut();
                    let to = to.step_by(rows * PANEL);
                    to.zip(from).for_each(|(to, from)| *to = *from);
                }
            }
        });
        // SAFETY: the blocks were written whole
        Self { rows, columns, taps, values: unsafe { values.finish() } }
    }

    pub fn blocks(&self) -> usize {
        self.columns.div_ceil(PANEL)
    }

    /// The matrices of a block, and its number of columns.
    pub fn block(&self, block: usize) -> (*const f32, usize) {
        let len = self.taps * self.rows * PANEL;
        let count = PANEL.min(self.columns - block * PANEL);
        (self.values[block * len..][..len].as_ptr(), count)
    }
}

/// The operands and the sums of one chunk of patches and one block of outputs.
struct Task<'a> {
    conv: &'a Convolution<'a>,
    x: Images<'a>,
    dy: &'a [f32],
    block: usize,
    /// Number of outputs of the block.
    count: usize,
}

/// Gradients of weights and biases.
pub(crate) fn weight_gradients(
    conv: &Convolution<'_>,
    x: Images<'_>,
    dy: &[f32],
) -> (Buffer, Vec<f32>) {
    let (taps, inputs, outputs) = (conv.plan.taps(), conv.inputs, conv.outputs);
    let patches = conv.batch * conv.plan.forward.patches.len();
    let points = conv.batch * conv.plan.points()[1];
    let chunks = (points / CHUNK).clamp(1, patches);
    let blocks = outputs.div_ceil(PANEL);
    // the matrices of the taps of a block, and its biases
    let part = (taps * inputs + 1) * PANEL;
    let mut partials = Fresh::new(chunks * blocks * part);
    let to = partials.shared();
    for_each(chunks * blocks, true, |task| {
        let (chunk, block) = (task / blocks, task % blocks);
        let count = PANEL.min(outputs - block * PANEL);
        let range = chunk * patches / chunks..(chunk + 1) * patches / chunks;
        // SAFETY: each task has its own part
        let sums = unsafe { to.at(task * part, part) };
        Task { conv, x, dy, block, count }.run(range, sums);
    });
    let mut weight = Fresh::new(outputs * inputs * taps);
    let mut bias = vec![0.0; outputs];
    let (weight_to, bias_to) = (weight.shared(), Shared::new(&mut bias));
    for_each(blocks, true, |block| {
        let count = PANEL.min(outputs - block * PANEL);
        for row in 0..=taps * inputs {
            let mut sum = [0.0f64; PANEL];
            for chunk in 0..chunks {
                let at = (chunk * blocks + block) * part + row * PANEL;
                // SAFETY: written by the chunk's task, `count` values a row
                let values = unsafe { to.slice(at, count) };
                sum.iter_mut().zip(values).for_each(|(s, v)| *s += f64::from(*v));
            }
            for (column, sum) in sum[..count].iter().enumerate() {
                let output = block * PANEL + column;
                // SAFETY: each task has its own outputs
                unsafe {
                    match row.checked_sub(taps * inputs) {
                        Some(_) => *bias_to.at(output, 1) = *sum as f32,
                        None => {
                            let at = (output * inputs + row % inputs) * taps + row / inputs;
                            *weight_to.at(at, 1) = *sum as f32;
                        }
                    }
                }
            }
        }
    });
    // SAFETY: all outputs, inputs and taps were written
    (unsafe { weight.finish() }, bias)
}

impl Task<'_> {
    /// Computes the sums over patches, which are numbered through the batch.
    fn run(&self, patches: Range<usize>, sums: *mut f32) {
        let pass = &self.conv.plan.forward;
        let most = pass.patches.iter().map(Patch::points).max().unwrap_or(0);
        let together = (TOGETHER / most.max(1)).max(1);
        let (window, inputs) = (pass.largest_window() * self.conv.inputs, self.conv.inputs);
        let (x_len, dy_len) = (together * window, together * most * PANEL);
        let horizontal = pass.axes[1].source_step;
        let kernel = self.conv.plan.shape().kernel;
        with_scratch(x_len + dy_len, |scratch| {
            let (x, dy) = scratch.split_at_mut(x_len);
            let mut segments = Vec::new();
            let mut started = false;
            let (mut at, end) = (patches.start, patches.end);
            // one width of patches at a time, so that all rows of a sum have equally many terms
            while at < end {
                let width = pass.patches[at % pass.patches.len()].columns.len();
                let same = |i: &usize| pass.patches[i % pass.patches.len()].columns.len() == width;
                let group = (at..end.min(at + together)).take_while(same).count();
                segments.clear();
                let (mut x_at, mut dy_at) = (0, 0);
                let pitch = (width - 1) * horizontal + kernel;
                for item in at..at + group {
                    let (sample, patch) = (item / pass.patches.len(), item % pass.patches.len());
                    let patch = &pass.patches[patch];
                    let cells = pass.window(patch);
                    let len = cells[0].len() * cells[1].len() * inputs;
                    self.x.copy(sample, &cells, &mut x[x_at..x_at + len]);
                    let down = pass.axes[0].source_step * pitch * inputs;
                    for i in 0..patch.rows.len() {
                        let b = dy_at + i * width * PANEL;
                        segments.push(Segment { a: x_at + i * down, b });
                    }
                    let len_dy = patch.points() * PANEL;
                    self.copy_dy(sample, patch, &mut dy[dy_at..dy_at + len_dy]);
                    (x_at, dy_at) = (x_at + len, dy_at + len_dy);
                }
                for tap in 0..kernel * kernel {
                    let cell = tap / kernel * pitch + tap % kernel;
                    // SAFETY: the windows hold every tap's cells, `dy` as many rows; sums are this
                    // task's own
                    unsafe {
                        let a = Left {
                            at: x.as_ptr().add(cell * inputs),
                            step: horizontal * inputs,
                            transposed: true,
                        };
                        let c = sums.add(tap * inputs * PANEL);
                        let held = if started { c.cast_const() } else { std::ptr::null() };
                        let base = Base { held, ..Base::ZERO };
                        let (level, count) = (self.conv.level, self.count);
                        sum_of_products(
                            level,
                            inputs,
                            count,
                            width,
                            &segments,
                            a,
                            dy.as_ptr(),
                            c,
                            PANEL,
                            base,
                        );
                    }
                }
                // SAFETY: the row behind the taps', this task's own
                unsafe {
                    self.add_bias(&dy[..dy_at], sums.add(kernel * kernel * inputs * PANEL), started)
                };
                started = true;
                at += group;
            }
        });
    }

    /// Copies the gradients of the block's outputs for a patch, `[point, PANEL]`, padded with
    /// zeros.
    fn copy_dy(&self, sample: usize, patch: &Patch, to: &mut [f32]) {
        let outputs = self.conv.outputs;
        let [rows, columns] = self.conv.plan.result();
        let mut cells = to.chunks_exact_mut(PANEL);
        for row in patch.rows.clone() {
            let row = (sample * rows + row) * columns;
            for column in patch.columns.clone() {
                let to = cells.next().expect("a row a point");
                let from = &self.dy[(row + column) * outputs + self.block * PANEL..];
                to[..self.count].copy_from_slice(&from[..self.count]);
                to[self.count..].fill(0.0);
            }
        }
    }

    /// Adds the column sums of `dy` to `bias`, or sets it to them at the start.
    ///
    /// # Safety
    /// `bias` is valid for a block's outputs, and written before if `started`.
    unsafe fn add_bias(&self, dy: &[f32], bias: *mut f32, started: bool) {
        let mut sum = [0.0; PANEL];
        for row in dy.chunks_exact(PANEL) {
            sum.iter_mut().zip(row).for_each(|(s, d)| *s += d);
        }
        for (column, sum) in sum[..self.count].iter().enumerate() {
            // SAFETY: the caller's promise
            unsafe {
                let at = bias.add(column);
                *at = if started { *at + sum } else { *sum };
            }
        }
    }
}
