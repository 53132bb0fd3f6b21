//! The modes of a layer: one complex product each for the whole batch, and its gradients.
//!
//! Modes are independent, so each task takes a few. The gradient of a weight is summed over the
//! batch inside one product, in the order of the samples.

use crate::cpu::block::Block;
use crate::cpu::buffer::{Buffer, Fresh};
use crate::cpu::mixing::{
    Complex, ComplexOut, Packed, conjugate_mix, mix, mix_conjugate, pack, transpose,
};
use crate::cpu::share::{Shared, for_each, with_scratch};

/// Number of modes that one task mixes.
const MODES: usize = 4;

impl Block<'_> {
    /// W_k x̂_k for every mode and sample.
    pub fn mix(&self, spectrum: &[f32]) -> Buffer {
        let (kept, inputs, outputs) = (self.plan.kept(), self.inputs, self.outputs);
        let mut mixed = Fresh::new(self.batch * 2 * kept * outputs);
        let to = mixed.shared();
        for_each(kept.div_ceil(MODES), true, |task| {
            with_scratch(3 * self.batch * inputs, |packed| {
                for mode in task * MODES..kept.min((task + 1) * MODES) {
                    let [re, im] = self.weight(mode);
                    let x = spectrum_of(spectrum, mode, kept, inputs);
                    let w = Complex { re: re.as_ptr(), im: im.as_ptr(), row: outputs };
                    // SAFETY: each mode has its own columns of the result
                    unsafe {
                        pack(self.level, self.batch, inputs, x, false, packed.as_mut_ptr());
                        let x = Packed::rows(packed.as_ptr(), self.batch, inputs);
                        let c = spectrum_to(to, mode, kept, outputs, self.batch);
                        mix(self.level, self.batch, outputs, inputs, x, w, c);
                    }
                }
            });
        });
        // SAFETY: every mode was written
        unsafe { mixed.finish() }
    }

    /// Gradients of the weights and, if requested, of the spectrum.
    pub fn mix_backward(
        &self,
        spectrum: &[f32],
        d_mixed: &[f32],
        wants_spectrum: bool,
    ) -> (Buffer, Buffer, Buffer) {
        let (kept, inputs, outputs) = (self.plan.kept(), self.inputs, self.outputs);
        let matrix = inputs * outputs;
        let (mut re, mut im) = (Fresh::new(self.real.len()), Fresh::new(self.real.len()));
        let mut d_spectrum =
            Fresh::new(if wants_spectrum { self.batch * 2 * kept * inputs } else { 0 });
        let (re_to, im_to, d_to) = (re.shared(), im.shared(), d_spectrum.shared());
        for mode in self.missing() {
            // SAFETY: modes that no task writes
            unsafe {
                re_to.at(mode * matrix, matrix).write_bytes(0, matrix);
                im_to.at(mode * matrix, matrix).write_bytes(0, matrix);
            }
        }
        for_each(kept.div_ceil(MODES), true, |task| {
            let (len_x, len_d) = (3 * self.batch * inputs, 3 * self.batch * outputs);
            with_scratch(len_x + len_d + 2 * matrix, |scratch| {
                let (packed_x, rest) = scratch.split_at_mut(len_x);
                let (packed_d, turned) = rest.split_at_mut(len_d);
                let (turned_re, turned_im) = turned.split_at_mut(matrix);
                for mode in task * MODES..kept.min((task + 1) * MODES) {
                    let x = spectrum_of(spectrum, mode, kept, inputs);
                    let d = spectrum_of(d_mixed, mode, kept, outputs);
                    let at = self.plan.held[mode] * matrix;
                    // SAFETY: each mode has its own weight and its own columns; lengths as above
                    unsafe {
                        pack(self.level, self.batch, inputs, x, true, packed_x.as_mut_ptr());
                        pack(self.level, self.batch, outputs, d, false, packed_d.as_mut_ptr());
                        // conj(x̂)ᵀ d: the sum runs over the samples of x̂
                        let x = Packed::columns(packed_x.as_ptr(), self.batch, inputs);
                        let d = Packed::rows(packed_d.as_ptr(), self.batch, outputs);
                        let right = Complex { re: d.at, im: d.at.add(d.part), row: outputs };
                        let c = ComplexOut {
                            re: re_to.at(at, matrix),
                            im: im_to.at(at, matrix),
                            row: outputs,
                        };
                        conjugate_mix(self.level, inputs, outputs, self.batch, x, right, c);
                        if wants_spectrum {
                            let [re, im] = self.weight(mode).map(<[f32]>::as_ptr);
                            transpose(self.level, inputs, outputs, re, turned_re.as_mut_ptr());
                            transpose(self.level, inputs, outputs, im, turned_im.as_mut_ptr());
                            let (re, im) = (turned_re.as_ptr(), turned_im.as_ptr());
                            let w = Complex { re, im, row: inputs };
                            let c = spectrum_to(d_to, mode, kept, inputs, self.batch);
                            mix_conjugate(self.level, self.batch, inputs, outputs, d, w, c);
                        }
                    }
                }
            });
        });
        // SAFETY: held modes were written, the missing ones filled
        unsafe { (re.finish(), im.finish(), d_spectrum.finish()) }
    }

    /// Modes of the window that the grid does not hold.
    fn missing(&self) -> impl Iterator<Item = usize> {
        let mut held = vec![false; self.plan.window()];
        self.plan.held.iter().for_each(|mode| held[*mode] = true);
        held.into_iter().enumerate().filter_map(|(mode, held)| (!held).then_some(mode))
    }

    /// Real and imaginary part of a kept mode's weight, `[in, out]`.
    fn weight(&self, mode: usize) -> [&[f32]; 2] {
        let (at, len) = (self.plan.held[mode], self.inputs * self.outputs);
        [self.real, self.imaginary].map(|part| &part[at * len..(at + 1) * len])
    }
}

/// One mode of all samples in `[batch; re, im; mode, channel]`.
fn spectrum_of(spectrum: &[f32], mode: usize, kept: usize, channels: usize) -> Complex {
    let row = 2 * kept * channels;
    let re = spectrum[mode * channels..].as_ptr();
    let im = spectrum[(kept + mode) * channels..].as_ptr();
    Complex { re, im, row }
}

/// As [`spectrum_of`], for writing. Other modes lie between the samples.
///
/// # Safety
/// As [`Shared::at`], for the elements of this mode.
unsafe fn spectrum_to(
    spectrum: Shared,
    mode: usize,
    kept: usize,
    channels: usize,
    batch: usize,
) -> ComplexOut {
    let row = 2 * kept * channels;
    let reach = (batch - 1) * row + channels;
    // SAFETY: the caller's promise, for every sample's row
    unsafe {
        ComplexOut {
            re: spectrum.at(mode * channels, reach),
            im: spectrum.at((kept + mode) * channels, reach),
            row,
        }
    }
}
