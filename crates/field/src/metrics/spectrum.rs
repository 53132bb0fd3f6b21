//! Radially averaged power spectrum and its logarithmic error.
//!
//! The modulus is taken before the average: P = mean over a shell and over samples of |f̂_k|².
//! Averaging complex coefficients first would cancel a random field. Modes are those of
//! [`crate::modes`], so a window's cosine modes do not count the jump at its edge as power.

use super::check_pair;
use super::cloud::Cloud;
use crate::prior::shells;
use crate::{Ensemble, FieldError, Grid};

/// ε of the logarithmic error, relative to the reference's ΣP. Shells with less power count as
/// empty.
pub(super) const EMPTY: f64 = 1e-6;

/// Second moments of the modes, averaged over shells of equal |ω|.
#[derive(Debug, Clone, PartialEq)]
pub struct Spectrum {
    /// Mean |ω| of each shell's modes. The first shell is the constant mode (a box with a Dirichlet
    /// axis has none). The others are as wide as the lowest frequency of the box. Shells without
    /// modes are left out.
    pub frequency: Vec<f64>,
    /// P of each shell, `[channel][shell]`: raw second moments, the mean field included.
    pub power: Vec<Vec<f64>>,
    /// Modes in each shell. Shells beyond [`Grid::band`] are only filled in the corners of the
    /// spectrum.
    pub modes_in_shell: Vec<usize>,
}

/// P(|ω|) = mean over the modes of a shell, and over fields, of |f̂_k|².
///
/// Σ_shells P · modes is the mean of ‖f‖². The mean field is *not* removed.
///
/// **Unit** field squared. **Cost** one transform a field.
///
/// # Errors
/// [`FieldError::TooFew`] without fields; [`FieldError::Parameter`] for values that are not
/// finite.
pub fn radial_spectrum(fields: &Ensemble) -> Result<Spectrum, FieldError> {
    let cloud = Cloud::new(fields, "radial spectrum", 1)?;
    let shells = Shells::new(&fields.grid)?;
    let mean = mean_rows(&shells.powers(&cloud)?, None);
    Ok(Spectrum {
        frequency: shells.frequency,
        power: mean.chunks_exact(shells.modes.len()).map(<[f64]>::to_vec).collect(),
        modes_in_shell: shells.modes,
    })
}

/// RMS over shells (and channels) of ln((P̂ + ε) / (P + ε)), ε = 10⁻⁶ ΣP of the reference.
///
/// `band = (lo, hi)` restricts it to shells with lo ≤ |ω| < hi, such as `(0, trained band)` and
/// `(trained band, ∞)`. `None` uses all shells.
///
/// # Errors
/// [`FieldError::TooFew`] without fields; [`FieldError::GridMismatch`] or [`FieldError::Length`]
/// for different grids or channels; [`FieldError::Parameter`] where no shell lies in the band, the
/// reference is zero everywhere, or values are not finite.
pub fn spectrum_log_error(
    x: &Ensemble,
    reference: &Ensemble,
    band: Option<(f64, f64)>,
) -> Result<f64, FieldError> {
    check_pair(x, reference, "spectrum error")?;
    let shells = Shells::new(&reference.grid)?;
    let power = |fields| -> Result<Vec<f64>, FieldError> {
        Ok(mean_rows(&shells.powers(&Cloud::new(fields, "spectrum error", 1)?)?, None))
    };
    shells.log_error(&power(x)?, &power(reference)?, band.unwrap_or((0.0, f64::INFINITY)))
}

/// The radial shells of a grid, [`crate::prior::shells`], prepared for the powers of many fields.
#[derive(Debug, Clone)]
pub(super) struct Shells {
    pub frequency: Vec<f64>,
    modes: Vec<usize>,
}

impl Shells {
    pub fn new(grid: &Grid) -> Result<Self, FieldError> {
        let all = shells(grid, &vec![0.0; grid.mode_count()])?;
        Ok(Self {
            frequency: all.iter().map(|s| s.frequency).collect(),
            modes: all.iter().map(|s| s.count).collect(),
        })
    }

    /// Power of every field, each `[(channel, shell)]`. Powers are additive over fields.
    pub fn powers(&self, fields: &Cloud) -> Result<Vec<Vec<f64>>, FieldError> {
        let rows = fields.coefficients.rows().into_iter();
        rows.map(|row| {
            let squares: Vec<f64> = row.iter().map(|c| c * c).collect();
            let mut power = Vec::with_capacity(fields.channels * self.modes.len());
            for channel in squares.chunks_exact(fields.grid.mode_count()) {
                power.extend(shells(&fields.grid, channel)?.iter().map(|s| s.mean));
            }
            Ok(power)
        })
        .collect()
    }

    /// The logarithmic error between two mean powers, `[(channel, shell)]`.
    pub fn log_error(&self, x: &[f64], y: &[f64], band: (f64, f64)) -> Result<f64, FieldError> {
        let (mut sum, mut count) = (0.0, 0);
        for (x, y) in x.chunks_exact(self.modes.len()).zip(y.chunks_exact(self.modes.len())) {
            let epsilon = EMPTY * y.iter().sum::<f64>();
            if epsilon == 0.0 {
                return Err(FieldError::Parameter {
                    parameter: "power of the reference",
                    value: 0.0,
                    requirement: "a channel that is zero everywhere has no spectrum to compare with",
                });
            }
            for ((x, y), &frequency) in x.iter().zip(y).zip(&self.frequency) {
                if (band.0..band.1).contains(&frequency) {
                    sum += ((x + epsilon) / (y + epsilon)).ln().powi(2);
                    count += 1;
                }
            }
        }
        if count == 0 {
            return Err(FieldError::Parameter {
                parameter: "lower end of the band",
                value: band.0,
                requirement: "at least one shell of the grid must lie in the band",
            });
        }
        Ok((sum / f64::from(count)).sqrt())
    }
}

/// Mean of rows: of all of them, or of those at the given indices, which may repeat.
pub(super) fn mean_rows(rows: &[Vec<f64>], indices: Option<&[usize]>) -> Vec<f64> {
    let mut mean = vec![0.0; rows[0].len()];
    let mut add = |row: &[f64]| mean.iter_mut().zip(row).for_each(|(m, v)| *m += v);
    let count = match indices {
        Some(set) => {
            set.iter().for_each(|&i| add(&rows[i]));
            set.len()
        }
        None => {
            rows.iter().for_each(|row| add(row));
            rows.len()
        }
    };
    mean.iter_mut().for_each(|m| *m /= count as f64);
    mean
}

#[cfg(test)]
mod tests {
    use super::super::oracle::{self, PowerLaw};
    use super::*;
    use crate::noise::stream;
    use crate::{Boundary, prior};

    #[test]
    fn spectrum_of_a_gaussian_field_is_its_eigenvalues() {
        for (points, boundary) in [
            (&[17][..], Boundary::Neumann),
            (&[12, 9], Boundary::Neumann),
            (&[8, 11], Boundary::Periodic),
            (&[4, 5, 3], Boundary::Periodic),
        ] {
            let fields = 1000;
            let law = PowerLaw { decay: 2.0, end: f64::INFINITY };
            let x = oracle::rough(points, boundary, 0..fields);
            let eigenvalues: Vec<f64> =
                x.grid.modes().map(|m| prior::Prior::eigenvalue(&law, &m)).collect();
            let squares: Vec<f64> = eigenvalues.iter().map(|l| l * l).collect();
            let spectrum = radial_spectrum(&x).unwrap();
            let expected = shells(&x.grid, &eigenvalues).unwrap();
            let spread = shells(&x.grid, &squares).unwrap();
            for (i, (shell, square)) in expected.iter().zip(&spread).enumerate() {
                // Var ξ² = 2; 5.5 standard errors over 50 shells in all, skewness included
                let error = (2.0 * square.mean / (shell.count as f64 * fields as f64)).sqrt();
                let difference = (spectrum.power[0][i] - shell.mean).abs();
                assert!(difference < 5.5 * error, "{points:?} shell {i}: {difference} {error}");
                assert_eq!(spectrum.modes_in_shell[i], shell.count);
            }
        }
    }

    #[test]
    fn shells_share_out_the_mean_square() {
        let x = oracle::affine(&oracle::rough(&[7, 6], Boundary::Neumann, 0..5), 1.0, 0.7);
        let spectrum = radial_spectrum(&x).unwrap();
        let total: f64 = spectrum.power[0]
            .iter()
            .zip(&spectrum.modes_in_shell)
            .map(|(p, &m)| p * m as f64)
            .sum();
        let mean = x.values.iter().map(|v| v * v).sum::<f64>() / x.values.len() as f64;
        assert!((total - mean).abs() < 1e-12);
    }

    #[test]
    fn amplitudes_off_by_a_factor_score_twice_its_logarithm() {
        let white = PowerLaw { decay: 0.0, end: f64::INFINITY };
        let grid = Grid::unit(&[9, 8], Boundary::Neumann).unwrap();
        let x = prior::sample(&white, grid, 2, 1, 0..50, stream::START);
        let louder = spectrum_log_error(&oracle::affine(&x, 1.5, 0.0), &x, None).unwrap();
        // ε is 1e-6 of a dozen shells, so about 1e-5 of each
        assert!((louder - 2.0 * 1.5_f64.ln()).abs() < 1e-4, "{louder}");
    }

    #[test]
    fn errors_beyond_a_band_do_not_leak_into_it() {
        let grid = Grid::unit(&[16], Boundary::Neumann).unwrap();
        let band = 8.5 * std::f64::consts::PI;
        let law = |end| PowerLaw { decay: 1.0, end };
        let full = prior::sample(&law(f64::INFINITY), grid, 1, 1, 0..9, stream::START);
        let cut = prior::sample(&law(band), grid, 1, 1, 0..9, stream::START);
        let within = spectrum_log_error(&cut, &full, Some((0.0, band))).unwrap();
        let beyond = spectrum_log_error(&cut, &full, Some((band, f64::INFINITY))).unwrap();
        assert!(within < 1e-12 && beyond > 5.0, "{within} {beyond}");
        let nothing = spectrum_log_error(&cut, &full, Some((1e6, f64::INFINITY)));
        assert!(matches!(nothing, Err(FieldError::Parameter { .. })));
    }
}
