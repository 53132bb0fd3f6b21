//! Curves of samples and real fields, with the band spanned by several sets of real fields.

use karhunen_field::metrics::{
    Segmentation, chord_lengths, radial_spectrum, shuffled, two_point_correlation,
};
use karhunen_field::{Ensemble, FieldError};

use crate::plot::{Line, Plot, Role};

/// Number of sets of real fields that span the band.
const SETS: u64 = 12;
/// Seed of their random orders.
const SEED: u64 = 0x5245_504F;
/// Number of bins of the histogram.
const BINS: usize = 48;
/// Part of the real values beyond each end of the histogram.
const TAIL: f64 = 0.001;

/// Points of one curve.
type Curve = Vec<(f64, f64)>;

/// Spectrum, histogram, two-point function and chord lengths of one channel.
pub(crate) fn curves(
    real: &Ensemble,
    sampled: &Ensemble,
    channel: usize,
    trained_band: f64,
) -> Result<Vec<Plot>, FieldError> {
    let (real, sampled) = (one_channel(real, channel)?, one_channel(sampled, channel)?);
    let cut = Segmentation::otsu(&real)?;
    let (real_phase, sampled_phase) = (cut.indicator(&real)?, cut.indicator(&sampled)?);
    let size = sampled.count().min(real.count() / 2).max(1);
    let sets = sets(real.count(), size);
    let bins = Bins::of(&real);
    let plot = |of: &dyn Fn(&Ensemble) -> Result<Curve, FieldError>,
                real: &Ensemble,
                sampled: &Ensemble| {
        let parts: Result<Vec<Curve>, FieldError> =
            sets.iter().map(|set| of(&chosen(real, set)?)).collect();
        let lines = vec![
            Line { label: "real fields".into(), role: Role::Real, points: of(real)? },
            Line { label: "samples".into(), role: Role::Sampled, points: of(sampled)? },
        ];
        Ok::<_, FieldError>(Plot { band: band(&parts?), lines, ..Plot::default() })
    };
    let spectrum = |fields: &Ensemble| {
        let s = radial_spectrum(fields)?;
        let points = s.frequency.iter().copied().zip(s.power[0].iter().copied());
        Ok(points.filter(|p| p.0 > 0.0).collect())
    };
    let two_point = |phase: &Ensemble| {
        let t = two_point_correlation(phase)?;
        Ok(t.distance.iter().copied().zip(t.correlation[0].iter().copied()).collect())
    };
    let chords = |phase: &Ensemble| {
        let c = chord_lengths(phase)?;
        Ok(c.length.iter().copied().zip(c.average[0].iter().copied()).collect())
    };
    let name = |what: &str| match real.channels {
        1 => what.to_string(),
        _ => format!("{what}, channel {channel}"),
    };
    Ok(vec![
        Plot {
            alt: name("Histogram of the values of real fields and samples"),
            x_label: "value".into(),
            y_label: "density".into(),
            ..plot(&|fields| Ok(bins.density(fields)), &real, &sampled)?
        },
        Plot {
            alt: name("Power spectrum of real fields and samples"),
            x_label: "angular frequency".into(),
            y_label: "power per mode".into(),
            x_log: true,
            y_log: true,
            marks: vec![(trained_band, "trained".into())],
            ..plot(&spectrum, &real, &sampled)?
        },
        Plot {
            alt: name("Two-point function of the bright phase of real fields and samples"),
            x_label: "distance".into(),
            y_label: "both ends in the phase".into(),
            ..plot(&two_point, &real_phase, &sampled_phase)?
        },
        Plot {
            alt: name("Chord lengths in the bright phase of real fields and samples"),
            x_label: "length of a chord".into(),
            y_label: "probability".into(),
            ..plot(&chords, &real_phase, &sampled_phase)?
        },
    ])
}

/// Smallest and largest value of several curves at each point.
fn band(curves: &[Curve]) -> Vec<(f64, f64, f64)> {
    let Some(first) = curves.first() else { return Vec::new() };
    let at = |i: usize| {
        let values = curves.iter().map(|curve| curve[i].1);
        let (low, high) =
            values.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
        (first[i].0, low, high)
    };
    (0..first.len()).map(at).collect()
}

/// Random sets of `size` of `count` fields.
fn sets(count: usize, size: usize) -> Vec<Vec<usize>> {
    (0..SETS).map(|set| shuffled(count, SEED, set).into_iter().take(size).collect()).collect()
}

fn chosen(fields: &Ensemble, set: &[usize]) -> Result<Ensemble, FieldError> {
    let len = fields.field_len();
    let values = set.iter().flat_map(|i| &fields.values[i * len..(i + 1) * len]).copied();
    Ensemble::new(fields.grid, fields.channels, values.collect())
}

fn one_channel(fields: &Ensemble, channel: usize) -> Result<Ensemble, FieldError> {
    let points = fields.grid.len();
    let values = fields.fields().flat_map(|f| &f[channel * points..(channel + 1) * points]);
    Ensemble::new(fields.grid, 1, values.copied().collect())
}

/// Equal bins over the values of real fields.
struct Bins {
    low: f64,
    width: f64,
}

impl Bins {
    fn of(real: &Ensemble) -> Self {
        let mut values = real.values.clone();
        values.sort_unstable_by(f64::total_cmp);
        let last = values.len() - 1;
        let at = |part: f64| values[(part * last as f64).round() as usize];
        let (low, high) = (at(TAIL), at(1.0 - TAIL));
        // samples may lie a little outside the range of real values
        let margin = 0.1 * (high - low);
        let width = (high - low + 2.0 * margin) / BINS as f64;
        Self { low: low - margin, width: if width > 0.0 { width } else { 1.0 } }
    }

    /// Density at the middle of each bin. Values outside the bins count in the total.
    fn density(&self, fields: &Ensemble) -> Curve {
        let mut counts = [0usize; BINS];
        for value in &fields.values {
            let bin = (value - self.low) / self.width;
            if (0.0..BINS as f64).contains(&bin) {
                counts[bin as usize] += 1;
            }
        }
        let unit = 1.0 / (fields.values.len() as f64 * self.width);
        let middle = |i: usize| self.low + (i as f64 + 0.5) * self.width;
        counts.iter().enumerate().map(|(i, n)| (middle(i), *n as f64 * unit)).collect()
    }
}

#[cfg(test)]
mod tests {
    use karhunen_field::{Boundary, Grid};

    use super::*;

    fn checks(count: usize, shift: usize) -> Ensemble {
        let grid = Grid::unit(&[8, 8], Boundary::Neumann).unwrap();
        let value = |field: usize, i: usize| {
            let on = (i / 8 / 2 + i % 8 / 2 + field + shift).is_multiple_of(2);
            f64::from(u8::from(on)) + 1e-3 * ((i * 7 + field * 13) % 11) as f64
        };
        let values = (0..count).flat_map(|f| (0..64).map(move |i| value(f, i))).collect();
        Ensemble::new(grid, 1, values).unwrap()
    }

    #[test]
    fn densities_integrate_to_one() {
        let fields = checks(6, 0);
        let bins = Bins::of(&fields);
        let total: f64 = bins.density(&fields).iter().map(|p| p.1 * bins.width).sum();
        assert!((total - 1.0).abs() < 1e-12, "{total}");
    }

    #[test]
    fn the_band_holds_the_real_fields_and_their_like() {
        let plots = curves(&checks(24, 0), &checks(12, 1), 0, 10.0).unwrap();
        assert_eq!(plots.len(), 4);
        for plot in &plots {
            let [real, sampled] = &plot.lines[..] else { panic!("two lines") };
            assert_eq!(real.points.len(), plot.band.len(), "{}", plot.alt);
            assert_eq!(real.points.len(), sampled.points.len(), "{}", plot.alt);
            let inside = plot.band.iter().zip(&real.points).all(|((x, low, high), point)| {
                *x == point.0 && *low <= point.1 + 1e-12 && point.1 <= high + 1e-12
            });
            assert!(inside, "{}", plot.alt);
        }
    }
}
