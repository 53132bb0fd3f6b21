//! Spectral calibration: gives generated fields the mean and the spectrum of the data.
//!
//! A network that has not finished learning answers with too little variance, and ODE samplers
//! preserve this error. The amplitudes of whole shells of modes then come out a few per cent low,
//! and the mean drifts. The right values are known: m_k and c_k, measured from the data before
//! training. A [`Calibration`] is the affine map that gives *pilot* fields (fields drawn beforehand
//! for this purpose) these moments. It corrects only as far as the deviation is more than the
//! chance of few pilots. It shifts and scales modes and mixes none, so fields of one (seed, index)
//! on two grids stay as close as before.
//!
//! The caller draws the pilots with its own sampler, budget and grid. Nothing beyond second moments
//! is corrected.

use crate::large_box::LargeBox;
use crate::prior::{Shell, shells};
use crate::resample::{copied_modes, overlay_modes};
use crate::{Ensemble, FieldError, GaussianLaw, Grid, Mode, Scalar, Transform};

/// Mean frequency |ω| and factor of each shell of modes, by rising frequency.
pub type Shells = Vec<(f64, f64)>;

/// x ↦ m + Σ_k f(|ω_k|) (x − m − β)_k e_k, channel by channel, with shift β and factors f measured
/// from pilots.
///
/// **Shift.** From n pilots the mean deviation δ_k = ⟨(x − m)_k⟩ is known up to a variance of
/// c_k/n. β_k = w δ_k with w = ν/(ν + 1/n), where ν is the mean of δ_k²/c_k − 1/n over a radial
/// shell, or 0 if that is negative.
///
/// **Factors.** In a radial shell s of M modes, ℓ_s = ½ ln(Σ c_k / Σ ⟨(x − m − β)_k²⟩) has variance
/// σ_s² = 1/(2nM) (exactly so for Gaussian modes). Its average ℓ̄_s over neighbouring shells has
/// weights M exp(−(Δ ln(1 + s))² / 2h²) with h = 0.3. The average is more precise but misses peaks.
/// ln f_s lies between the two: ℓ̄_s + τ²/(τ² + σ_s²) (ℓ_s − ℓ̄_s). Here τ² is the mean of (ℓ_s −
/// ℓ̄_s)² − σ_s² over shells, weighted by their variance in the data, or 0 if that is negative.
///
/// Between shells f is linear in |ω|. Below the first and beyond the last shell it is constant.
/// Modes that the pilots' grid does not hold are left unchanged. f is limited to ¼ … 4.
///
/// **Cost** one transform a pilot, two a calibrated field. **Source** The weighting of a noisy
/// against a pooled mean is that of James and Stein (1961), with the variance estimated as by Efron
/// and Morris (1973).
///
/// # Example
/// ```
/// use karhunen_field::calibration::Calibration;
/// use karhunen_field::{Boundary, GaussianLaw, Grid, noise::stream, prior::Matern};
/// let grid = Grid::unit(&[16], Boundary::Neumann)?;
/// let law = GaussianLaw::centred(grid, std::sync::Arc::new(Matern::new(1.0, 0.2, 1.5)?), 1);
/// let mut fields = law.sample(grid, 1, 0..400, stream::START);
/// fields.values.iter_mut().for_each(|v| *v *= 0.5);
/// let calibration = Calibration::measure(&law, &fields)?;
/// assert!(calibration.factors(&grid).iter().all(|f| (f - 2.0).abs() < 0.2));
/// # Ok::<(), karhunen_field::FieldError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Calibration {
    /// The pilots' grid.
    grid: Grid,
    /// (|ω|, f) of every channel by rising frequency; empty where nothing was measured.
    channels: Vec<Vec<(f64, f64)>>,
    /// β_k, `[channel, mode]`.
    shift: Vec<f64>,
}

/// h. Shells whose frequencies differ by about a third are averaged together.
const SMOOTHING: f64 = 0.3;

/// A mode with less than this part of the whole variance is rounding, and is left unchanged.
const NOTHING: f64 = 1e-12;
/// ln 4. A shell with a larger deviation is beyond what calibration should correct.
const LARGEST: f64 = 2.0 * std::f64::consts::LN_2;

impl Calibration {
    /// Measures a calibration from pilots, in the law's own (normalised) values.
    ///
    /// # Errors
    /// [`FieldError::Length`] unless pilots and law have the same number of channels;
    /// [`FieldError::Parameter`] without pilots.
    pub fn measure(law: &GaussianLaw, pilots: &Ensemble) -> Result<Self, FieldError> {
        let grid = pilots.grid;
        if pilots.channels != law.channels() {
            let (values, channels) = (pilots.field_len(), law.channels());
            return Err(FieldError::Length { values, channels, grid });
        }
        if pilots.count() == 0 {
            let requirement = "calibration needs at least one";
            return Err(FieldError::Parameter { parameter: "pilots", value: 0.0, requirement });
        }
        let (transform, mean) = (Transform::new(grid), law.mean_modes(&grid));
        let pilots_count = pilots.count() as f64;
        let (mut squares, mut drift) = (vec![0.0; mean.len()], vec![0.0; mean.len()]);
        for field in pilots.fields() {
            let modes = transform.analyse_channels(field);
            for (((square, drift), x), m) in
                squares.iter_mut().zip(&mut drift).zip(modes).zip(&mean)
            {
                *square += (x - m).powi(2) / pilots_count;
                *drift += (x - m) / pilots_count;
            }
        }
        let known = law.variances(&grid);
        let (mut channels, mut shift) = (Vec::new(), Vec::new());
        let count = grid.mode_count();
        for at in (0..known.len()).step_by(count).map(|first| first..first + count) {
            let (c, drift) = (&known[at.clone()], &drift[at.clone()]);
            let weights = drift_weights(&grid, c, drift, pilots_count)?;
            shift.extend(weights.iter().zip(drift).map(|(w, delta)| w * delta));
            // ⟨(x − m − wδ)²⟩
            let left: Vec<f64> = (squares[at].iter().zip(drift).zip(&weights))
                .map(|((square, delta), w)| square - delta * delta * w * (2.0 - w))
                .collect();
            channels.push(table(&ratios(&grid, c, &left)?, pilots_count));
        }
        Ok(Self { grid, channels, shift })
    }

    /// A calibration that was measured before. It takes the pilots' grid, (|ω|, f) of the shells of
    /// every channel by rising frequency, and β_k, `[channel, mode]`.
    ///
    /// # Errors
    /// [`FieldError::Modes`] unless there is a β for every mode of every channel; [`FieldError::Parameter`] for values
    /// that are not finite, factors that are not positive, or frequencies that do not rise.
    pub fn of_parts(
        grid: Grid,
        channels: Vec<Vec<(f64, f64)>>,
        shift: Vec<f64>,
    ) -> Result<Self, FieldError> {
        let (given, modes) = (shift.len(), channels.len() * grid.mode_count());
        let bad = |parameter, value, requirement| {
            Err(FieldError::Parameter { parameter, value, requirement })
        };
        if given != modes {
            return bad("drift", given as f64, "must have one value a mode and channel");
        }
        let shells = || channels.iter().flatten();
        if let Some(value) = shift.iter().find(|v| !v.is_finite()) {
            return bad("drift", *value, "must be finite");
        }
        if let Some((_, value)) = shells().find(|(_, f)| !(f.is_finite() && *f > 0.0)) {
            return bad("factor of a shell", *value, "must be finite and positive");
        }
        let falls = |table: &&Vec<(f64, f64)>| !table.windows(2).all(|w| w[0].0 < w[1].0);
        if let Some(table) = channels.iter().find(falls) {
            return bad("frequency of a shell", table[0].0, "must be less than the next one");
        }
        Ok(Self { grid, channels, shift })
    }

    /// The arguments of [`Calibration::of_parts`].
    pub fn parts(&self) -> (&Grid, &[Shells], &[f64]) {
        (&self.grid, &self.channels, &self.shift)
    }

    /// f of every mode of a grid of the same box, `[channel, mode]`. It is 1 where nothing was
    /// measured, such as for modes that the pilots' grid does not hold.
    pub fn factors(&self, grid: &Grid) -> Vec<f64> {
        let held = self.grid.mode_shape();
        let modes = |table: &[(f64, f64)]| {
            let factor = |mode: Mode| match mode.position.iter().zip(&held).all(|(p, n)| p < n) {
                true => interpolated(table, mode.frequency()),
                false => 1.0,
            };
            grid.modes().map(factor).collect::<Vec<f64>>()
        };
        self.channels.iter().flat_map(|table| modes(table)).collect()
    }

    /// The same calibration on a larger box. It keeps f as a function of frequency. Of β it keeps
    /// the mean over the axes that become longer, as the mean field does.
    ///
    /// # Errors
    /// As [`LargeBox::like`].
    pub fn enlarged(&self, large: &LargeBox) -> Result<Self, FieldError> {
        let (grid, average) = (large.like(&self.grid)?, large.averaged(&self.grid)?);
        let shift = copied_modes(&self.grid, &self.shift, &average);
        let shift = copied_modes(&average, &shift, &grid);
        Ok(Self { grid, channels: self.channels.clone(), shift })
    }

    /// Shifts and scales the modes of fields of the law's box, in place.
    ///
    /// The part that no mode of the grid represents (white noise per cell on periodic axes) is
    /// unchanged.
    ///
    /// # Errors
    /// [`FieldError::Length`] for a different number of channels.
    pub fn apply<S: Scalar>(
        &self,
        law: &GaussianLaw,
        fields: &mut Ensemble<S>,
    ) -> Result<(), FieldError> {
        let grid = fields.grid;
        if fields.channels != self.channels.len() {
            let (values, channels) = (fields.field_len(), self.channels.len());
            return Err(FieldError::Length { values, channels, grid });
        }
        // modes beyond those of the pilots' grid are unchanged
        let cells = grid.points().into_iter().zip(self.grid.points());
        let held = grid.with_points(&cells.map(|(n, own)| n.min(own)).collect::<Vec<_>>())?;
        let (transform, mean) = (Transform::new(grid), law.mean_modes(&held));
        let (factors, shift) = (self.factors(&held), copied_modes(&self.grid, &self.shift, &held));
        for field in fields.fields_mut() {
            let mut change = transform.into_modes(field.to_vec());
            let mut own = vec![0.0; mean.len()];
            let parts = own.chunks_exact_mut(held.mode_count());
            for (all, own) in change.chunks_exact(grid.mode_count()).zip(parts) {
                overlay_modes(&grid, all, &held, own);
            }
            for (((x, m), f), beta) in own.iter_mut().zip(&mean).zip(&factors).zip(&shift) {
                *x = (f - 1.0) * (*x - m) - f * beta;
            }
            change.fill(S::default());
            let parts = change.chunks_exact_mut(grid.mode_count());
            for (own, change) in own.chunks_exact(held.mode_count()).zip(parts) {
                overlay_modes(&held, own, &grid, change);
            }
            let change = transform.into_values(change);
            field.iter_mut().zip(change).for_each(|(v, c)| *v = S::of(v.double() + c.double()));
        }
        Ok(())
    }
}

/// w of every mode of one channel.
fn drift_weights(
    grid: &Grid,
    c: &[f64],
    drift: &[f64],
    pilots: f64,
) -> Result<Vec<f64>, FieldError> {
    let relative = |(delta, c): (&f64, &f64)| if *c > 0.0 { delta * delta / c } else { 0.0 };
    let relative: Vec<f64> = drift.iter().zip(c).map(relative).collect();
    let chance = 1.0 / pilots;
    let weight = |shell: &Shell| {
        let excess = (shell.mean - chance).max(0.0);
        (shell.frequency, excess / (excess + chance))
    };
    let weights: Vec<(f64, f64)> = shells(grid, &relative)?.iter().map(weight).collect();
    Ok(grid.modes().map(|mode| interpolated(&weights, mode.frequency())).collect())
}

/// ℓ of every shell of one channel in which data and pilots both have variance.
fn ratios(grid: &Grid, c: &[f64], found: &[f64]) -> Result<Vec<Ratio>, FieldError> {
    let (c, found) = (shells(grid, c)?, shells(grid, found)?);
    let whole = |of: &[Shell]| of.iter().map(|s| s.mean * s.count as f64).sum::<f64>();
    let (least, least_found) = (NOTHING * whole(&c), NOTHING * whole(&found));
    let there = |(c, found): &(&Shell, &Shell)| c.mean > least && found.mean > least_found;
    let both = c.iter().zip(&found).filter(there);
    let ratio = |(c, found): (&Shell, &Shell)| Ratio {
        frequency: c.frequency,
        count: c.count as f64,
        energy: c.mean * c.count as f64,
        logarithm: (0.5 * (c.mean / found.mean).ln()).clamp(-LARGEST, LARGEST),
    };
    Ok(both.map(ratio).collect())
}

/// ℓ of one shell.
struct Ratio {
    frequency: f64,
    /// Its number of modes.
    count: f64,
    /// Variance of the data in it.
    energy: f64,
    logarithm: f64,
}

/// (|ω|, f) of every shell.
fn table(shells: &[Ratio], pilots: f64) -> Vec<(f64, f64)> {
    let neighbours = averages(shells);
    let chance = |shell: &Ratio| 1.0 / (2.0 * pilots * shell.count);
    let (mut spread, mut energy) = (0.0, 0.0);
    for (shell, average) in shells.iter().zip(&neighbours) {
        spread += shell.energy * ((shell.logarithm - average).powi(2) - chance(shell));
        energy += shell.energy;
    }
    let spread = if energy > 0.0 { (spread / energy).max(0.0) } else { 0.0 };
    let factor = |(shell, average): (&Ratio, &f64)| {
        let trust = spread / (spread + chance(shell));
        (shell.frequency, (average + trust * (shell.logarithm - average)).exp())
    };
    shells.iter().zip(&neighbours).map(factor).collect()
}

/// ℓ̄ of every shell.
fn averages(shells: &[Ratio]) -> Vec<f64> {
    let place = |shell: usize| (1.0 + shell as f64).ln();
    let at = |shell: usize| {
        let (mut sum, mut weights) = (0.0, 0.0);
        for (other, ratio) in shells.iter().enumerate() {
            let distance = (place(other) - place(shell)) / SMOOTHING;
            let weight = ratio.count * (-0.5 * distance * distance).exp();
            sum += weight * ratio.logarithm;
            weights += weight;
        }
        sum / weights
    };
    (0..shells.len()).map(at).collect()
}

fn interpolated(table: &[(f64, f64)], frequency: f64) -> f64 {
    let above = table.partition_point(|(w, _)| *w < frequency);
    match (above.checked_sub(1).map(|below| table[below]), table.get(above)) {
        (None, None) => 1.0,
        (Some((_, f)), None) | (None, Some(&(_, f))) => f,
        (Some((w, f)), Some(&(next, g))) => f + (g - f) * (frequency - w) / (next - w),
    }
}

#[cfg(test)]
mod tests;
