//! Means of mode variances over bins of |k| per axis, and the interpolation between the bins.
//!
//! The means are arithmetic. A mode without power then counts as one zero among its neighbours,
//! whereas in a geometric mean it would make the whole mean zero. The mean of n noisy variances is
//! also less biased than the mean of their logarithms. Before averaging, every mode is moved to the
//! node of its bin along the spectrum found so far. This keeps the width of a bin from
//! overestimating steep spectra: Σ c_k/λ_k = n in each bin.

use super::fitted::RELATIVE_FLOOR;
use crate::Grid;

/// Width of a bin relative to its first wave number. Below wave number 5 every wave number has its
/// own bin.
const WIDTH: f64 = 0.2;
/// Median of χ²₁. The median of squares divided by it is a variance estimate that outliers do not
/// move.
const MEDIAN: f64 = 0.4549;
/// Smallest relative variance of the error of neighbours' predictions. It is what interpolation
/// over bins of this width misses of a smooth spectrum.
const CURVATURE: f64 = 1e-3;
/// Passes over the modes. The first knows no spectrum to move modes along. The second moves them
/// along the spectrum of the first. The third changes even the steepest spectra by less than 10⁻³.
const PASSES: usize = 3;
/// Largest |ln| by which a mode is moved: ω^{−10} over half a bin. A steeper fall is an edge of the
/// band, not a spectrum to move modes along.
const STEEPEST: f64 = 1.0;

/// ln λ on a product of frequency nodes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Bins {
    /// Frequencies of the nodes of each axis, rising. 0 comes first where the axis has it.
    nodes: Vec<Vec<f64>>,
    /// ln λ, last axis fastest.
    logs: Vec<f64>,
}

impl Bins {
    /// From positive variances, one a mode of the grid.
    pub(super) fn new(grid: &Grid, variances: &[f64]) -> Self {
        let axes: Vec<AxisBins> = (0..grid.dim()).map(|axis| AxisBins::new(grid, axis)).collect();
        let shape: Vec<usize> = axes.iter().map(|a| a.nodes.len()).collect();
        let slots: Vec<usize> = grid
            .modes()
            .map(|mode| {
                axes.iter().enumerate().fold(0, |slot, (axis, a)| {
                    slot * shape[axis] + a.bin_of[mode.wave[axis].unsigned_abs() as usize]
                })
            })
            .collect();
        let mut counts = vec![0.0; shape.iter().product()];
        slots.iter().for_each(|&slot| counts[slot] += 1.0);
        let scatter = noise(grid, variances).ln_1p();
        let nodes: Vec<Vec<f64>> = axes.into_iter().map(|a| a.nodes).collect();
        let mut bins = Self { logs: vec![0.0; counts.len()], nodes };
        for pass in 0..PASSES {
            let mut sums = vec![0.0; counts.len()];
            for ((mode, value), &slot) in grid.modes().zip(variances).zip(&slots) {
                let moved = match pass {
                    0 => 0.0,
                    _ => bins.logs[slot] - bins.at(&mode.omega[..grid.dim()]).ln(),
                };
                sums[slot] += value * if moved.abs() > STEEPEST { 1.0 } else { moved.exp() };
            }
            for ((log, sum), n) in bins.logs.iter_mut().zip(&sums).zip(&counts) {
                *log = (sum / n).ln() + shortfall(scatter / n);
            }
            bins.smooth(&counts, scatter);
        }
        bins
    }

    /// The last node of every axis. An axis with no node but 0 takes the smallest last node of the
    /// others.
    pub(super) fn last(&self) -> Vec<f64> {
        let last: Vec<f64> = self.nodes.iter().map(|nodes| nodes[nodes.len() - 1]).collect();
        let smallest = last.iter().copied().filter(|w| *w > 0.0).fold(f64::INFINITY, f64::min);
        last.into_iter().map(|w| if w > 0.0 { w } else { smallest }).collect()
    }

    /// λ at |ω_j|: multilinear in ln λ over ln|ω_j|. Beyond the last node of an axis the line is
    /// continued.
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

    /// Shrinks every bin towards the prediction ŷ of its neighbours: y ← ŷ + (y − ŷ) w/(w + τ²).
    /// Here τ² is the noise variance of the bin's ln λ. w is the variance of the predictions' error
    /// beyond noise: that of most bins, or that of this bin.
    fn smooth(&mut self, counts: &[f64], scatter: f64) {
        let noise: Vec<f64> = counts.iter().map(|n| (scatter / n).exp_m1()).collect();
        let predicted: Vec<Option<(f64, f64)>> =
            (0..self.logs.len()).map(|slot| self.prediction(slot, &noise)).collect();
        // a prediction has noise too
        let mut excess: Vec<f64> = predicted
            .iter()
            .zip(self.logs.iter().zip(&noise))
            .filter_map(|(p, (y, own))| {
                p.map(|(guess, its)| (y - guess).powi(2) / MEDIAN - own - its)
            })
            .collect();
        if excess.is_empty() {
            return;
        }
        excess.sort_unstable_by(f64::total_cmp);
        let typical = excess[excess.len() / 2].max(CURVATURE);
        for ((y, p), own) in self.logs.iter_mut().zip(predicted).zip(&noise) {
            if let Some((guess, its)) = p {
                let here = (*y - guess).powi(2) - own - its;
                let worth = typical.max(here);
                *y = guess + (*y - guess) * worth / (worth + own);
            }
        }
    }

    /// Mean over the axes of the log-log interpolation between both neighbours, and the noise
    /// variance that it inherits from them. Bins at the ends of all axes have no prediction.
    fn prediction(&self, slot: usize, noises: &[f64]) -> Option<(f64, f64)> {
        let (mut sum, mut noise, mut axes, mut stride) = (0.0, 0.0, 0.0, 1);
        for nodes in self.nodes.iter().rev() {
            let at = slot / stride % nodes.len();
            if at > 0 && at + 1 < nodes.len() && nodes[at - 1] > 0.0 {
                let (before, after) = (slot - stride, slot + stride);
                let part = (nodes[at] / nodes[at - 1]).ln() / (nodes[at + 1] / nodes[at - 1]).ln();
                sum += (1.0 - part) * self.logs[before] + part * self.logs[after];
                noise += (1.0 - part).powi(2) * noises[before] + part.powi(2) * noises[after];
                axes += 1.0;
            }
            stride *= nodes.len();
        }
        (axes > 0.0).then(|| (sum / axes, noise / (axes * axes)))
    }
}

/// Difference ln E(mean) − E ln(mean) where the mean has relative variance v. It is ln α − ψ(α) for
/// α = 1/v, the law of a mean of squared normals, to 2 % for v ≤ 2 (one square).
fn shortfall(v: f64) -> f64 {
    v / 2.0 + v * v / 12.0
}

/// The node below w, and the part of the way to the next node in ln ω; above 1 beyond the last
/// node.
///
/// Below the second node the part is measured in ω² instead. There logarithms end, or the lowest
/// wave is far from 0, and smooth spectra are even functions of every ω_j. Rays to finer grids pass
/// through this region. Below a first node that is not 0 the line is continued.
fn bracket(nodes: &[f64], w: f64) -> (usize, f64) {
    if nodes.len() == 1 {
        return (0, 0.0);
    }
    let low = nodes.partition_point(|n| *n <= w * (1.0 + 1e-12)).saturating_sub(1);
    let low = low.min(nodes.len() - 2);
    let (here, next) = (nodes[low], nodes[low + 1]);
    if here == 0.0 || w < here {
        return (low, (w * w - here * here) / (next * next - here * here));
    }
    (low, ((w / here).ln() / (next / here).ln()).max(0.0))
}

/// The bins of one axis.
struct AxisBins {
    /// Exponential of the mean ln-frequency in each bin.
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
            // a remainder too short for a bin of its own joins the last bin
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

/// τ², the variance of ln c_k of one mode about a smooth spectrum. It is estimated from the median
/// square of second differences of ln c over neighbouring |k| along the axes, which is 6 τ² for
/// independent modes.
///
/// For c of relative variance v, τ² = ψ′(1/v) = e^v − 1 to 1 % for v ≤ ½. Modes without power have
/// no logarithm and are left out.
fn noise(grid: &Grid, variances: &[f64]) -> f64 {
    let floor = RELATIVE_FLOOR * variances.iter().copied().fold(0.0, f64::max);
    let shape = grid.mode_shape();
    let mut squares = Vec::new();
    for (slot, mode) in grid.modes().enumerate() {
        let mut stride = 1;
        for axis in (0..grid.dim()).rev() {
            // +k and −k of a periodic axis alternate, so neighbouring |k| lie two apart
            let apart = if mode.periodic[axis] { 2 } else { 1 };
            let position = mode.position[axis];
            // low waves are left out where there are enough others, because a smooth spectrum bends
            // there
            let smooth = position >= apart * (2 + shape[axis] / 4);
            if smooth && position + apart < shape[axis] {
                let step = apart * stride;
                let three = [slot - step, slot, slot + step].map(|slot| variances[slot]);
                if three.iter().all(|c| *c > floor) {
                    let [before, here, after] = three.map(f64::ln);
                    squares.push((before - 2.0 * here + after).powi(2));
                }
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
