//! Log-means of mode variances over bins of |k| per axis, and the interpolation between them.

use crate::Grid;

/// Width of a bin relative to its first wave number; below 5 every wave number has its own.
const WIDTH: f64 = 0.2;
/// Median of χ²₁: a median of squares over it is a variance that outliers do not move.
const MEDIAN: f64 = 0.4549;
/// Neighbours' predictions are off by this relative variance at least: what interpolation over
/// bins this wide leaves of a smooth spectrum.
const CURVATURE: f64 = 1e-3;

/// ln λ on a product of frequency nodes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Bins {
    /// Frequencies of the nodes of each axis, rising; 0 first where the axis has it.
    nodes: Vec<Vec<f64>>,
    /// ln λ, last axis fastest.
    logs: Vec<f64>,
}

impl Bins {
    /// From positive variances, one a mode of the grid.
    pub(super) fn new(grid: &Grid, variances: &[f64]) -> Self {
        let axes: Vec<AxisBins> = (0..grid.dim()).map(|axis| AxisBins::new(grid, axis)).collect();
        let shape: Vec<usize> = axes.iter().map(|a| a.nodes.len()).collect();
        let mut logs = vec![0.0; shape.iter().product()];
        let mut counts = vec![0.0; logs.len()];
        for (mode, value) in grid.modes().zip(variances) {
            let slot = axes.iter().enumerate().fold(0, |slot, (axis, a)| {
                slot * shape[axis] + a.bin_of[mode.wave[axis].unsigned_abs() as usize]
            });
            logs[slot] += value.ln();
            counts[slot] += 1.0;
        }
        logs.iter_mut().zip(&counts).for_each(|(l, n)| *l /= n);
        let nodes: Vec<Vec<f64>> = axes.into_iter().map(|a| a.nodes).collect();
        let mut bins = Self { nodes, logs };
        bins.smooth(&counts, noise(grid, variances));
        bins
    }

    /// The last node of every axis; where it has none but 0, the smallest of the other axes.
    pub(super) fn last(&self) -> Vec<f64> {
        let last: Vec<f64> = self.nodes.iter().map(|nodes| nodes[nodes.len() - 1]).collect();
        let smallest = last.iter().copied().filter(|w| *w > 0.0).fold(f64::INFINITY, f64::min);
        last.into_iter().map(|w| if w > 0.0 { w } else { smallest }).collect()
    }

    /// λ at |ω_j| within the nodes: multilinear in ln λ over ln|ω_j|.
    pub(super) fn at(&self, omega: &[f64]) -> f64 {
        let mut corners = vec![(0, 1.0)];
        for (nodes, w) in self.nodes.iter().zip(omega) {
            let (low, part) = bracket(nodes, w.abs());
            corners = corners
                .iter()
                .flat_map(|&(slot, weight)| {
                    let below = (slot * nodes.len() + low, weight * (1.0 - part));
                    let above =
                        (slot * nodes.len() + (low + 1).min(nodes.len() - 1), weight * part);
                    [below, above]
                })
                .filter(|(_, weight)| *weight != 0.0)
                .collect();
        }
        corners.iter().map(|(slot, weight)| weight * self.logs[*slot]).sum::<f64>().exp()
    }

    /// Draws every bin towards its neighbours' prediction ŷ: y ← ŷ + (y − ŷ) v/(v + τ²/n), τ² the
    /// noise of one mode, n the bin's modes, v what predictions are off by beyond noise, in most bins
    /// or in this one.
    fn smooth(&mut self, counts: &[f64], noise: f64) {
        let predicted: Vec<Option<(f64, f64)>> =
            (0..self.logs.len()).map(|slot| self.prediction(slot, counts)).collect();
        // a prediction has noise of its own
        let own = |n: f64, weight: f64| noise * (1.0 / n + weight);
        let mut excess: Vec<f64> = predicted
            .iter()
            .zip(self.logs.iter().zip(counts))
            .filter_map(|(p, (y, n))| {
                p.map(|(guess, weight)| (y - guess).powi(2) / MEDIAN - own(*n, weight))
            })
            .collect();
        if excess.is_empty() {
            return;
        }
        excess.sort_unstable_by(f64::total_cmp);
        let typical = excess[excess.len() / 2].max(CURVATURE);
        for ((y, p), n) in self.logs.iter_mut().zip(predicted).zip(counts) {
            if let Some((guess, weight)) = p {
                let here = (*y - guess).powi(2) - own(*n, weight);
                let worth = typical.max(here);
                *y = guess + (*y - guess) * worth / (worth + noise / n);
            }
        }
    }

    /// Mean over the axes of the log-log interpolation between both neighbours, and the sum of squared
    /// weights over modes, its noise for τ² = 1. Bins at the ends of all axes have none.
    fn prediction(&self, slot: usize, counts: &[f64]) -> Option<(f64, f64)> {
        let (mut sum, mut noise, mut axes, mut stride) = (0.0, 0.0, 0.0, 1);
        for nodes in self.nodes.iter().rev() {
            let at = slot / stride % nodes.len();
            if at > 0 && at + 1 < nodes.len() && nodes[at - 1] > 0.0 {
                let (before, after) = (slot - stride, slot + stride);
                let part = (nodes[at] / nodes[at - 1]).ln() / (nodes[at + 1] / nodes[at - 1]).ln();
                sum += (1.0 - part) * self.logs[before] + part * self.logs[after];
                noise += (1.0 - part).powi(2) / counts[before] + part.powi(2) / counts[after];
                axes += 1.0;
            }
            stride *= nodes.len();
        }
        (axes > 0.0).then(|| (sum / axes, noise / (axes * axes)))
    }
}

/// Node below w and the part of the way to the next one, in ln ω.
///
/// Below the second node, where logarithms end or the lowest wave is far from 0, in ω²: smooth
/// spectra are even functions of every ω_j. Rays to finer grids pass there; below a first node that
/// is not 0 the line is continued.
fn bracket(nodes: &[f64], w: f64) -> (usize, f64) {
    if nodes.len() == 1 {
        return (0, 0.0);
    }
    let low = nodes.partition_point(|n| *n <= w * (1.0 + 1e-12)).saturating_sub(1);
    let Some(&next) = nodes.get(low + 1) else {
        return (low, 0.0);
    };
    let here = nodes[low];
    if here == 0.0 || w < here {
        return (low, (w * w - here * here) / (next * next - here * here));
    }
    (low, ((w / here).ln() / (next / here).ln()).max(0.0))
}

/// The bins of one axis.
struct AxisBins {
    /// ln-mean of the frequencies in each bin.
    nodes: Vec<f64>,
    /// Bin of each |k|.
    bin_of: Vec<usize>,
}

impl AxisBins {
    fn new(grid: &Grid, axis: usize) -> Self {
        let a = &grid.axes()[axis];
        let largest = a.wave_number(a.modes() - 1).unsigned_abs() as usize;
        let lowest = a.wave_number(0).unsigned_abs() as usize;
        let (mut nodes, mut bin_of) = (Vec::new(), vec![0; largest + 1]);
        let mut k = lowest;
        while k <= largest {
            let width = ((WIDTH * k as f64) as usize).max(1);
            // a remainder too short for a bin joins the last one
            let next = if largest < k + 2 * width - 1 { largest + 1 } else { k + width };
            let next = if k == 0 { 1 } else { next };
            bin_of[k..next].fill(nodes.len());
            let logs = (k..next).map(|k| a.frequency(k as i32).ln()).sum::<f64>();
            nodes.push(if k == 0 { 0.0 } else { (logs / (next - k) as f64).exp() });
            k = next;
        }
        Self { nodes, bin_of }
    }
}

/// τ², the variance of ln c_k of one mode about a smooth spectrum: the median square of second
/// differences of ln c over neighbouring |k| along the axes, 6 τ² for independent modes.
fn noise(grid: &Grid, variances: &[f64]) -> f64 {
    let shape = grid.mode_shape();
    let mut squares = Vec::new();
    for (slot, mode) in grid.modes().enumerate() {
        let mut stride = 1;
        for axis in (0..grid.dim()).rev() {
            // ±k of a periodic axis lie two apart
            let apart = if mode.periodic[axis] { 2 } else { 1 };
            let position = mode.position[axis];
            // low waves are left out where there are others: a smooth spectrum bends there
            let smooth = position >= apart * (2 + shape[axis] / 4);
            if smooth && position + apart < shape[axis] {
                let at = |slot: usize| variances[slot].ln();
                let step = apart * stride;
                squares.push((at(slot - step) - 2.0 * at(slot) + at(slot + step)).powi(2));
            }
            stride *= shape[axis];
        }
    }
    if squares.is_empty() {
        return 0.0;
    }
    squares.sort_unstable_by(f64::total_cmp);
    squares[squares.len() / 2] / (6.0 * MEDIAN)
}
