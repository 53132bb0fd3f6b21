//! Cross-correlation of channels, scale by scale.
//!
//! Spectra, histograms and thresholds are computed channel by channel. Samples whose channels are
//! wrongly independent score well on all of them. This module measures the co-spectrum S_cd, the
//! mean over a shell and over fields of (f̂_c − m̂_c)(f̂_d − m̂_d), relative to both powers. Modes
//! are real ([`crate::modes`]), so along periodic axes only the in-phase part counts. Two channels
//! that differ by a shift of a quarter wave have no co-spectrum at that wave.

use super::cloud::Cloud;
use super::spectrum::{EMPTY, mean_rows};
use super::{check_pair, spectrum::Shells};
use crate::prior::shells;
use crate::{Ensemble, FieldError};

/// Correlation of channels as a function of scale.
#[derive(Debug, Clone, PartialEq)]
pub struct CrossSpectrum {
    /// Mean |ω| of each shell's modes, as [`super::Spectrum::frequency`].
    pub frequency: Vec<f64>,
    /// The channels (c, d) of each pair, c < d.
    pub pairs: Vec<(usize, usize)>,
    /// ρ_cd of each shell, `[pair][shell]`, between −1 and 1.
    pub coherence: Vec<Vec<f64>>,
}

/// ρ_cd(|ω|) = S_cd / √((S_cc + ε_c)(S_dd + ε_d)), with moments about the mean field and ε_c = 10⁻⁶
/// Σ S_cc over shells.
///
/// It is 1 if the modes of two channels differ by a positive factor only, −1 for a negative factor,
/// and 0 if they are uncorrelated. A field of one channel has no pairs.
///
/// **Cost** one transform a field, and a product a mode and pair.
///
/// # Errors
/// [`FieldError::TooFew`] below two fields; [`FieldError::Parameter`] for values that are not finite.
///
/// # Example
/// ```
/// use karhunen_field::{Boundary, Ensemble, Grid, metrics::cross_spectrum};
/// let grid = Grid::unit(&[2], Boundary::Neumann)?; // modes: constant and cosine
/// // constants 1, −1 in both channels alike; cosines 1, −1 with opposite signs
/// let fields = Ensemble::new(grid, 2, vec![2.0, 0.0, 0.0, 2.0, -2.0, 0.0, 0.0, -2.0])?;
/// let spectrum = cross_spectrum(&fields)?;
/// assert_eq!(spectrum.pairs, [(0, 1)]);
/// assert!((spectrum.coherence[0][0] - 1.0).abs() < 1e-5);
/// assert!((spectrum.coherence[0][1] + 1.0).abs() < 1e-5);
/// # Ok::<(), karhunen_field::FieldError>(())
/// ```
pub fn cross_spectrum(fields: &Ensemble) -> Result<CrossSpectrum, FieldError> {
    let cloud = Cloud::new(fields, "cross spectrum", 2)?;
    let products = Products::new(&cloud)?;
    let mean = mean_rows(&products.rows(&cloud)?, None);
    let coherence = products.coherence(&mean);
    let shells = products.frequency.len().max(1);
    Ok(CrossSpectrum {
        pairs: products.pairs().collect(),
        coherence: coherence.chunks_exact(shells).map(<[f64]>::to_vec).collect(),
        frequency: products.frequency,
    })
}

/// RMS over pairs of channels and shells of ρ̂ − ρ, both about the reference's mean field.
///
/// It is 0 if the channels depend on one another, to second order, as those of the reference do,
/// whatever their own spectra. It is of order one for independent channels where the reference's
/// are dependent.
///
/// # Errors
/// [`FieldError::TooFew`] below two fields a side; [`FieldError::GridMismatch`] or
/// [`FieldError::Length`] for different grids or channels; [`FieldError::Parameter`] below two channels
/// or for values that are not finite.
pub fn cross_channel_error(x: &Ensemble, reference: &Ensemble) -> Result<f64, FieldError> {
    let what = "cross-channel error";
    check_pair(x, reference, what)?;
    if reference.channels < 2 {
        return Err(FieldError::Parameter {
            parameter: "channels",
            value: reference.channels as f64,
            requirement: "one channel has no other to depend on",
        });
    }
    let (x, reference) = (Cloud::new(x, what, 2)?, Cloud::new(reference, what, 2)?);
    let products = Products::new(&reference)?;
    let mean = |fields| Ok(mean_rows(&products.rows(fields)?, None));
    Ok(products.error(&mean(&x)?, &mean(&reference)?))
}

/// Products of channels by shell. They are additive over fields.
#[derive(Debug, Clone)]
pub(super) struct Products {
    frequency: Vec<f64>,
    channels: usize,
    /// Mean coefficients, about which moments are taken.
    mean: Vec<f64>,
}

impl Products {
    /// Shells for moments about the mean of these fields.
    pub fn new(fields: &Cloud) -> Result<Self, FieldError> {
        let frequency = Shells::new(&fields.grid)?.frequency;
        Ok(Self { frequency, channels: fields.channels, mean: fields.mean() })
    }

    /// Pairs of different channels.
    pub fn pairs(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let channels = self.channels;
        (0..channels).flat_map(move |c| (c + 1..channels).map(move |d| (c, d)))
    }

    /// One row a field: the powers `[channel][shell]`, then the products `[pair][shell]`.
    pub fn rows(&self, fields: &Cloud) -> Result<Vec<Vec<f64>>, FieldError> {
        let modes = fields.grid.mode_count();
        let all: Vec<(usize, usize)> =
            (0..self.channels).map(|c| (c, c)).chain(self.pairs()).collect();
        let rows = fields.coefficients.rows().into_iter();
        rows.map(|row| {
            let centred: Vec<f64> = row.iter().zip(&self.mean).map(|(v, m)| v - m).collect();
            let channel = |c: usize| &centred[c * modes..(c + 1) * modes];
            let mut out = Vec::with_capacity(all.len() * self.frequency.len());
            for &(c, d) in &all {
                let product: Vec<f64> =
                    channel(c).iter().zip(channel(d)).map(|(a, b)| a * b).collect();
                out.extend(shells(&fields.grid, &product)?.iter().map(|s| s.mean));
            }
            Ok(out)
        })
        .collect()
    }

    /// ρ, `[pair][shell]`, of mean rows.
    fn coherence(&self, mean: &[f64]) -> Vec<f64> {
        let count = self.frequency.len();
        let at = |row: usize| &mean[row * count..(row + 1) * count];
        let negligible: Vec<f64> =
            (0..self.channels).map(|c| EMPTY * at(c).iter().sum::<f64>()).collect();
        let pairs = self.pairs().enumerate();
        pairs
            .flat_map(|(pair, (c, d))| {
                let (e_c, e_d) = (negligible[c], negligible[d]);
                let powers = at(c).iter().zip(at(d)).map(move |(p, q)| (p + e_c) * (q + e_d));
                let products = at(self.channels + pair).iter();
                products.zip(powers).map(|(s, p)| if p > 0.0 { s / p.sqrt() } else { 0.0 })
            })
            .collect()
    }

    /// The error between two mean rows.
    pub fn error(&self, x: &[f64], y: &[f64]) -> f64 {
        let (x, y) = (self.coherence(x), self.coherence(y));
        let squares: f64 = x.iter().zip(&y).map(|(a, b)| (a - b).powi(2)).sum();
        (squares / x.len() as f64).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::super::oracle;
    use super::*;
    use crate::{Boundary, Grid};

    /// Two channels whose modes have correlation ρ: g₁, and ρ g₁ + √(1 − ρ²) g₂ times a factor,
    /// from independent rough fields g.
    fn correlated(points: &[usize], rho: f64, factor: f64, first: u64, count: u64) -> Ensemble {
        let g = oracle::rough(points, Boundary::Neumann, first..first + 2 * count);
        let mut out = g.clone();
        out.channels = 2;
        let cells = g.grid.len();
        for pair in out.values.chunks_exact_mut(2 * cells) {
            let (a, b) = pair.split_at_mut(cells);
            for (a, b) in a.iter().zip(b) {
                *b = factor * (rho * a + (1.0 - rho * rho).sqrt() * *b);
            }
        }
        out
    }

    #[test]
    fn coherence_is_the_correlation_the_channels_were_given() {
        let count = 4000;
        for (points, rho) in [(&[9][..], 0.6), (&[6, 5], -0.8), (&[3, 4, 2], 0.0)] {
            let found = cross_spectrum(&correlated(points, rho, 1e-3, 0, count)).unwrap();
            assert_eq!(found.pairs, [(0, 1)]);
            for (shell, value) in found.coherence[0].iter().enumerate() {
                // a correlation has error (1 − ρ²)/√n at most: 5 of them, false alarm below 1e-5
                let margin = 5.0 * (1.0 - rho * rho) / (count as f64).sqrt();
                assert!((value - rho).abs() < margin, "{points:?} shell {shell}: {value} {rho}");
            }
        }
    }

    #[test]
    fn the_error_is_the_difference_of_correlations_whatever_units() {
        let pair = |factor| {
            let x = correlated(&[8, 7], 0.9, factor, 0, 4000);
            (x, correlated(&[8, 7], 0.5, factor, 9000, 4000))
        };
        let ((x, y), (scaled_x, scaled_y)) = (pair(1.0), pair(1e3));
        let error = cross_channel_error(&x, &y).unwrap();
        // a dozen shells, each accurate to 1 / √4000
        assert!((error - 0.4).abs() < 0.02, "{error}");
        // the second quantity in other units
        assert!((cross_channel_error(&scaled_x, &scaled_y).unwrap() - error).abs() < 1e-9);
        assert_eq!(cross_channel_error(&y, &y).unwrap(), 0.0);
    }

    #[test]
    fn every_pair_of_channels_has_its_place() {
        let three = oracle::rough(&[6], Boundary::Periodic, 0..30);
        let mut fields = three.clone();
        fields.channels = 3;
        // channel 2 is minus channel 0
        for field in fields.values.chunks_exact_mut(18) {
            let (a, c) = field.split_at_mut(12);
            c.iter_mut().zip(a.iter()).for_each(|(c, a)| *c = -a);
        }
        let found = cross_spectrum(&fields).unwrap();
        assert_eq!(found.pairs, [(0, 1), (0, 2), (1, 2)]);
        // ε is 1e-6 of all power, compared with the power of the weakest shell
        assert!(found.coherence[1].iter().all(|r| (r + 1.0).abs() < 1e-3), "{found:?}");
        for (a, b) in found.coherence[0].iter().zip(&found.coherence[2]) {
            assert!((a + b).abs() < 1e-12);
        }
        let one = cross_spectrum(&oracle::rough(&[4], Boundary::Neumann, 0..5)).unwrap();
        assert!(one.pairs.is_empty() && one.coherence.is_empty());
    }

    #[test]
    fn one_channel_and_one_field_are_refused() {
        let x = oracle::rough(&[4], Boundary::Neumann, 0..5);
        let error = cross_channel_error(&x, &x);
        assert!(matches!(error, Err(FieldError::Parameter { parameter: "channels", .. })));
        let grid = Grid::unit(&[3], Boundary::Neumann).unwrap();
        let error = cross_spectrum(&Ensemble::zeros(grid, 2, 1));
        assert!(matches!(error, Err(FieldError::TooFew { least: 2, .. })));
    }
}
