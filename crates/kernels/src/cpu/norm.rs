//! Group normalisation, conditioning and SiLU in one operator, channels last.
//!
//! y = silu(n ⊙ (1 + s) + t) with n = γ (x − μ_G) / √(v_G + ε) + β. Mean and variance are over the
//! points of a sample and the channels of a group; s and t are the sample's own scale and shift.
//! Values are read three times (for mean, variance, result). This costs little, because a sample's
//! chunk of rows is still in cache, and only the result is written. The backward pass takes two
//! passes. The first leaves the gradient before SiLU in the result's memory, with its sums a
//! channel. The second subtracts the contributions of mean and variance. x and two numbers a group
//! are kept.

use crate::cpu::buffer::{Buffer, Fresh};
use crate::cpu::norm_rows::{Affine, centre_rows, channel_sums, silu_rows, slope_rows};
use crate::cpu::share::{Shared, by_sample, for_each, with_scratch};
use crate::simd::Level;

/// Number of points whose sums are taken in f32, before they are added in f64.
const CHUNK: usize = 256;

/// The operands of a normalisation.
#[derive(Clone, Copy)]
pub(crate) struct Norm<'a> {
    pub level: Level,
    pub batch: usize,
    pub points: usize,
    pub channels: usize,
    pub groups: usize,
    pub epsilon: f64,
    /// `[channel]`.
    pub gamma: &'a [f32],
    /// `[channel]`.
    pub beta: &'a [f32],
    /// `[sample; scale, shift; channel]`.
    pub film: Option<&'a [f32]>,
}

/// Gradients of a normalisation.
pub(crate) struct NormGradients {
    pub x: Buffer,
    pub gamma: Vec<f32>,
    pub beta: Vec<f32>,
    /// Empty without conditioning.
    pub film: Vec<f32>,
}

impl Norm<'_> {
    /// Results for `x` `[sample, point, channel]`, and `[sample, group; mean, 1/deviation]`.
    pub fn forward(&self, x: &[f32]) -> (Buffer, Vec<f32>) {
        self.assert_lengths(x);
        let len = self.points * self.channels;
        let mut statistics = vec![0.0; self.batch * 2 * self.groups];
        let mut y = Fresh::new(x.len());
        let (found, to) = (Shared::new(&mut statistics), y.shared());
        let shared = !by_sample(self.batch);
        for_each(self.batch, !shared, |sample| {
            let x = &x[sample * len..][..len];
            // SAFETY: each sample has its own statistics
            let of_groups = unsafe { found.slice_mut(sample * 2 * self.groups, 2 * self.groups) };
            with_scratch((3 + self.chunks()) * self.channels, |scratch| {
                let (affine, sums) = scratch.split_at_mut(3 * self.channels);
                self.statistics(x, of_groups, &mut affine[..self.channels], sums, shared);
                self.coefficients(sample, of_groups, affine);
                let affine = &*affine;
                for_each(self.chunks(), shared, |chunk| {
                    let (first, count) = self.chunk(chunk);
                    let at = first * self.channels;
                    // SAFETY: each chunk of a sample has its own part of y
                    unsafe {
                        let y = to.at(sample * len + at, count * self.channels);
                        let x = x[at..][..count * self.channels].as_ptr();
                        silu_rows(self.level, count, self.channels, x, self.affine(affine), y);
                    }
                });
            });
        });
        // SAFETY: the chunks cover all points of all samples
        (unsafe { y.finish() }, statistics)
    }

    /// Gradients from that of y, with the `statistics` of the forward pass.
    pub fn backward(&self, x: &[f32], statistics: &[f32], dy: &[f32]) -> NormGradients {
        self.assert_lengths(x);
        assert_eq!(dy.len(), x.len(), "dy has the shape of x");
        assert_eq!(statistics.len(), self.batch * 2 * self.groups, "two numbers a group");
        let (len, channels) = (self.points * self.channels, self.channels);
        let mut dx = Fresh::new(x.len());
        // Σ g and Σ g (x − μ)/deviation of every sample and channel
        let mut sums = vec![0.0; self.batch * 2 * channels];
        let (to, sums_to) = (dx.shared(), Shared::new(&mut sums));
        let shared = !by_sample(self.batch);
        for_each(self.batch, !shared, |sample| {
            let range = sample * len..(sample + 1) * len;
            let (x, dy) = (&x[range.clone()], &dy[range.clone()]);
            let of_groups = &statistics[sample * 2 * self.groups..][..2 * self.groups];
            // SAFETY: each sample has its own sums
            let sums = unsafe { sums_to.slice_mut(sample * 2 * channels, 2 * channels) };
            with_scratch((4 + 2 * self.chunks()) * channels, |scratch| {
                let (factors, partials) = scratch.split_at_mut(4 * channels);
                self.coefficients(sample, of_groups, factors);
                let partials_to = Shared::new(partials);
                let of = |chunk: usize| {
                    let (first, count) = self.chunk(chunk);
                    // SAFETY: each chunk of a sample has its own part of dx
                    let g = unsafe { to.at(range.start + first * channels, count * channels) };
                    (first * channels, count, g)
                };
                let affine = &factors[..3 * channels];
                for_each(self.chunks(), shared, |chunk| {
                    let (at, count, g) = of(chunk);
                    let (x, dy) = (&x[at..][..count * channels], &dy[at..][..count * channels]);
                    // SAFETY: each chunk has its own sums and part of dx
                    unsafe {
                        let sums = partials_to.at(chunk * 2 * channels, 2 * channels);
                        let (x, dy) = (x.as_ptr(), dy.as_ptr());
                        let affine = self.affine(affine);
                        slope_rows(self.level, count, channels, x, affine, dy, g, sums);
                    }
                });
                total(&partials[..2 * self.chunks() * channels], sums);
                let (_, inverse) = of_groups.split_at(self.groups);
                for (c, sum) in sums[channels..].iter_mut().enumerate() {
                    *sum *= inverse[self.group(c)];
                }
                self.centring(of_groups, sums, factors);
                let factors = &*factors;
                for_each(self.chunks(), shared, |chunk| {
                    let (at, count, g) = of(chunk);
                    let x = x[at..][..count * channels].as_ptr();
                    let linear = factors[3 * channels..].as_ptr();
                    // SAFETY: as above
                    unsafe {
                        let affine = self.affine(factors);
                        centre_rows(self.level, count, channels, x, affine, linear, g);
                    }
                });
            });
        });
        // SAFETY: the chunks cover all points of all samples
        let x = unsafe { dx.finish() };
        let (gamma, beta, film) = self.parameter_gradients(&sums);
        NormGradients { x, gamma, beta, film }
    }

    /// `[mean; group]`, `[1/deviation; group]`, and the mean of every channel's group.
    fn statistics(
        &self,
        x: &[f32],
        of_groups: &mut [f32],
        means: &mut [f32],
        partials: &mut [f32],
        shared: bool,
    ) {
        let (channels, size) = (self.channels, self.channels / self.groups);
        let count = (self.points * size) as f64;
        let (mean, inverse) = of_groups.split_at_mut(self.groups);
        let partials = &mut partials[..self.chunks() * channels];
        for centred in [false, true] {
            let about = centred.then_some(&*means);
            let to = Shared::new(partials);
            for_each(self.chunks(), shared, |chunk| {
                let (first, points) = self.chunk(chunk);
                let x = &x[first * channels..][..points * channels];
                // SAFETY: each chunk has its own sums
                unsafe {
                    let sums = to.at(chunk * channels, channels);
                    let about = about.map_or(std::ptr::null(), <[f32]>::as_ptr);
                    channel_sums(self.level, points, channels, x.as_ptr(), about, sums);
                }
            });
            for group in 0..self.groups {
                let of_chunk = |sums: &[f32]| -> f64 {
                    sums[group * size..][..size].iter().map(|s| f64::from(*s)).sum()
                };
                let sum = partials.chunks_exact(channels).map(of_chunk).sum::<f64>() / count;
                if centred {
                    inverse[group] = (1.0 / (sum + self.epsilon).sqrt()) as f32;
                } else {
                    mean[group] = sum as f32;
                    means[group * size..][..size].fill(sum as f32);
                }
            }
        }
    }

    /// `[mean, scale, shift; channel]` of one sample, so that z = (x − mean) · scale + shift.
    fn coefficients(&self, sample: usize, of_groups: &[f32], to: &mut [f32]) {
        let (mean, inverse) = of_groups.split_at(self.groups);
        for c in 0..self.channels {
            let group = self.group(c);
            let (scale, shift) = self.film(sample, c);
            to[c] = mean[group];
            to[self.channels + c] = inverse[group] * self.gamma[c] * (1.0 + scale);
            to[2 * self.channels + c] = self.beta[c] * (1.0 + scale) + shift;
        }
    }

    /// Converts a sample's factors to those of the second pass, `[mean, scale, constant, linear;
    /// channel]`: dx = (g γ(1 + s) − m₁ − n m₂)/deviation. Here m₁ and m₂ are the group's means of
    /// g γ(1 + s) and of its product with n = (x − μ)/deviation.
    fn centring(&self, of_groups: &[f32], sums: &[f32], factors: &mut [f32]) {
        let (channels, size) = (self.channels, self.channels / self.groups);
        let count = (self.points * size) as f64;
        let inverse = &of_groups[self.groups..];
        let (first, second) = sums.split_at(channels);
        for (group, inverse) in inverse.iter().enumerate() {
            let range = group * size..(group + 1) * size;
            // the scales already include 1/deviation, which both terms contain
            let mean = |sums: &[f32]| -> f64 {
                let term = |c| f64::from(factors[channels + c]) * f64::from(sums[c]);
                range.clone().map(term).sum::<f64>() / count
            };
            let (constant, linear) = (mean(first), mean(second) * f64::from(*inverse));
            factors[2 * channels..][range.clone()].fill(constant as f32);
            factors[3 * channels..][range].fill(linear as f32);
        }
    }

    /// Gradients of γ, β and the conditioning, from sums of every sample.
    fn parameter_gradients(&self, sums: &[f32]) -> (Vec<f32>, Vec<f32>, Vec<f32>) {
        let channels = self.channels;
        let (mut gamma, mut beta) = (vec![0.0f64; channels], vec![0.0f64; channels]);
        let mut film = vec![0.0; self.film.map_or(0, <[f32]>::len)];
        for (sample, sums) in sums.chunks_exact(2 * channels).enumerate() {
            let (plain, weighted) = sums.split_at(channels);
            for c in 0..channels {
                let factor = 1.0 + f64::from(self.film(sample, c).0);
                gamma[c] += factor * f64::from(weighted[c]);
                beta[c] += factor * f64::from(plain[c]);
                if !film.is_empty() {
                    let to = &mut film[sample * 2 * channels..][..2 * channels];
                    to[c] = self.gamma[c] * weighted[c] + self.beta[c] * plain[c];
                    to[channels + c] = plain[c];
                }
            }
        }
        let narrow = |values: Vec<f64>| values.into_iter().map(|v| v as f32).collect();
        (narrow(gamma), narrow(beta), film)
    }

    fn film(&self, sample: usize, channel: usize) -> (f32, f32) {
        let at = sample * 2 * self.channels + channel;
        self.film.map_or((0.0, 0.0), |f| (f[at], f[at + self.channels]))
    }

    fn affine(&self, factors: &[f32]) -> Affine {
        let [mean, scale, shift] = [0, 1, 2].map(|i| factors[i * self.channels..].as_ptr());
        Affine { mean, scale, shift }
    }

    fn group(&self, channel: usize) -> usize {
        channel * self.groups / self.channels
    }

    fn chunks(&self) -> usize {
        self.points.div_ceil(CHUNK)
    }

    /// First point and number of points of a chunk.
    fn chunk(&self, i: usize) -> (usize, usize) {
        (i * CHUNK, CHUNK.min(self.points - i * CHUNK))
    }

    /// Checks the lengths that the unsafe parts rely on.
    fn assert_lengths(&self, x: &[f32]) {
        let channels = self.channels;
        assert!(self.points > 0 && channels > 0, "a normalisation has points and channels");
        assert!(self.groups > 0 && channels.is_multiple_of(self.groups), "groups divide channels");
        assert!(self.gamma.len() == channels && self.beta.len() == channels, "one a channel");
        assert_eq!(x.len(), self.batch * self.points * channels, "x is [sample, point, channel]");
        let film = |f: &[f32]| f.len() == self.batch * 2 * channels;
        assert!(self.film.is_none_or(film), "two numbers a sample and channel");
    }
}

/// Adds the sums of chunks, each of the length of `to`, in f64.
fn total(partials: &[f32], to: &mut [f32]) {
    let len = to.len();
    for (i, to) in to.iter_mut().enumerate() {
        *to = partials[i..].iter().step_by(len).map(|v| f64::from(*v)).sum::<f64>() as f32;
    }
}
