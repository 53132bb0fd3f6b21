//! Statistics of a comparison in the form of a table: in floors, and as measured.

use karhunen_field::metrics::Comparison;

/// Number of channels whose histograms are listed; all of them are in the JSON.
const CHANNELS_SHOWN: usize = 4;

/// One statistic of one row.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// Its name in the table.
    pub name: String,
    /// The measured value.
    pub value: f64,
    /// The floor in the unit of the value. For a ratio it is the factor that real fields stay
    /// within.
    pub floor: f64,
    /// Distance from real fields in floors. 1 is the distance that two sets of real fields may have
    /// by chance. None if all real fields are alike, because there is then no unit.
    pub floors: Option<f64>,
}

impl Measured {
    fn distance(name: impl Into<String>, value: f64, floor: f64) -> Self {
        Self { name: name.into(), value, floor, floors: finite(value / floor) }
    }

    /// A ratio; the floor is that of |ln ratio|.
    fn ratio(name: &str, value: f64, floor: Option<f64>) -> Self {
        let floors = floor.and_then(|floor| finite(value.ln().abs() / floor));
        Self { name: name.into(), value, floor: floor.map_or(f64::NAN, f64::exp), floors }
    }
}

fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

/// All statistics of a comparison, in a fixed order.
pub fn statistics(c: &Comparison) -> Vec<Measured> {
    let distance = Measured::distance;
    let mut all = vec![
        distance("energy distance", c.energy_distance, c.energy_distance_floor),
        distance("sliced Wasserstein", c.sliced_wasserstein, c.sliced_wasserstein_floor),
        distance("spectrum", c.spectrum_log_error, c.spectrum_log_error_floor),
        distance("histogram", c.histogram_distance, c.histogram_distance_floor),
        distance("two-point function", c.two_point_error, c.two_point_error_floor),
        Measured::ratio("variance (ratio)", c.variance_ratio, Some(c.variance_ratio_floor)),
        distance("lineal path", c.lineal_path_error, c.lineal_path_error_floor),
        distance("chord lengths", c.chord_length_distance, c.chord_length_distance_floor),
        distance("Euler number", c.euler_density_difference, c.euler_density_difference_floor),
        distance(
            "phase fraction",
            c.volume_fraction_difference,
            c.volume_fraction_difference_floor,
        ),
    ];
    if let Some(surface) = c.specific_surface_ratio {
        all.push(Measured::ratio("surface (ratio)", surface, c.specific_surface_ratio_floor));
    }
    let beyond = c.spectrum_log_error_beyond.zip(c.spectrum_log_error_beyond_floor);
    if let Some((value, floor)) = beyond {
        all.push(distance("spectrum, finer modes", value, floor));
    }
    if let Some((value, floor)) = c.cross_channel_error.zip(c.cross_channel_error_floor) {
        all.push(distance("cross-channel", value, floor));
    }
    let each = c.histogram_by_channel.iter().flatten();
    let floors = c.histogram_by_channel_floor.iter().flatten();
    for (channel, (value, floor)) in each.zip(floors).enumerate().take(CHANNELS_SHOWN) {
        all.push(Measured::distance(format!("histogram, channel {channel}"), *value, *floor));
    }
    all
}

/// The statistics of a comparison from the worst to the best; statistics without a unit come last.
pub fn worst_first(c: &Comparison) -> Vec<Measured> {
    let mut all = statistics(c);
    let place = |m: &Measured| m.floors.unwrap_or(f64::NEG_INFINITY);
    // the sort is stable: equal distances keep their order
    all.sort_by(|a, b| place(b).total_cmp(&place(a)));
    all
}

/// The result in words.
pub fn verdict(name: &str, c: &Comparison) -> String {
    let all = worst_first(c);
    let plain = |m: &Measured| m.name.replace(" (ratio)", "");
    // rounded as printed: a distance that prints as 1.0 is no difference
    let above = |floors: &f64| (10.0 * floors).round() > 10.0;
    let told: Vec<String> = all
        .iter()
        .filter_map(|m| Some((m, m.floors.filter(above)?)))
        .map(|(m, floors)| format!("{} ({floors:.1} floors)", plain(m)))
        .collect();
    let alike: Vec<String> =
        all.iter().filter(|m| m.floors.is_some_and(|f| !above(&f))).map(plain).collect();
    let mut parts = Vec::new();
    if !told.is_empty() {
        parts.push(format!("differ from real fields in {}", told.join(", ")));
    }
    if !alike.is_empty() {
        parts.push(format!("cannot be told from them in {}", alike.join(", ")));
    }
    if told.is_empty() {
        parts = vec![format!("cannot be told from real fields in {}", alike.join(", "))];
    }
    format!("{name}: {}", parts.join("; "))
}

/// The meaning of a floor, of 1.0 and of a negative number.
pub const LEGEND: [&str; 3] = [
    "A floor is the distance that 95 of 100 pairs of sets of real fields of these sizes stay below: the unit above.",
    "1.0 and less: this statistic cannot tell the fields from real ones; 2.0: twice as far. By chance one in twenty is above 1.0.",
    "Below 0: nearer than real fields are to each other, by chance: read it as 0. A ratio is right at 1; its floor is a factor.",
];

#[cfg(test)]
mod tests {
    use super::*;
    use karhunen_field::metrics::FloorKind;

    fn comparison() -> Comparison {
        Comparison {
            count: 8,
            reference_count: 8,
            grid: "4x4".into(),
            floor_kind: FloorKind::Disjoint,
            energy_distance: -0.1,
            energy_distance_floor: 1.0,
            sliced_wasserstein: 0.5,
            sliced_wasserstein_floor: 1.0,
            spectrum_log_error: 0.6,
            spectrum_log_error_floor: 1.0,
            spectrum_log_error_beyond: None,
            spectrum_log_error_beyond_floor: None,
            histogram_distance: 3.0,
            histogram_distance_floor: 1.0,
            histogram_by_channel: None,
            histogram_by_channel_floor: None,
            cross_channel_error: None,
            cross_channel_error_floor: None,
            two_point_error: 0.7,
            two_point_error_floor: 1.0,
            variance_ratio: 0.5,
            variance_ratio_floor: 2.0f64.ln(),
            lineal_path_error: 0.0,
            lineal_path_error_floor: 0.0,
            chord_length_distance: 0.2,
            chord_length_distance_floor: 1.0,
            specific_surface_ratio: Some(2.0),
            specific_surface_ratio_floor: Some(0.5 * 2.0f64.ln()),
            euler_density_difference: 1.5,
            euler_density_difference_floor: 1.0,
            volume_fraction_difference: 0.1,
            volume_fraction_difference_floor: 1.0,
        }
    }

    #[test]
    fn the_worst_comes_first_and_ratios_count_in_both_directions() {
        let all = worst_first(&comparison());
        let named: Vec<(&str, Option<f64>)> = all
            .iter()
            .map(|m| (m.name.as_str(), m.floors.map(|f| (1e9 * f).round() / 1e9)))
            .collect();
        assert_eq!(
            named[..4],
            [
                ("histogram", Some(3.0)),
                ("surface (ratio)", Some(2.0)),
                ("Euler number", Some(1.5)),
                // a ratio of ½ is as far from 1 as a ratio of 2: exactly its floor
                ("variance (ratio)", Some(1.0)),
            ]
        );
        assert_eq!(named.last(), Some(&("lineal path", None)));
        assert_eq!(named[named.len() - 2], ("energy distance", Some(-0.1)));
        // the floor of a ratio is a factor
        assert!((all[3].floor - 2.0).abs() < 1e-12);
    }

    #[test]
    fn the_verdict_names_what_differs_and_what_does_not() {
        let text = verdict("samples", &comparison());
        assert!(
            text.starts_with(
                "samples: differ from real fields in histogram (3.0 floors), surface (2.0 floors), Euler \
                 number (1.5 floors); cannot be told from them in "
            ),
            "{text}"
        );
        assert!(text.contains("spectrum") && !text.contains("lineal"), "{text}");
        let mut fine = comparison();
        fine.histogram_distance = 0.9;
        fine.specific_surface_ratio = None;
        fine.euler_density_difference = 0.3;
        fine.variance_ratio = 1.0;
        let text = verdict("samples", &fine);
        assert!(
            text.starts_with("samples: cannot be told from real fields in histogram, "),
            "{text}"
        );
    }
}
