//! Observed values at places: as the page sends them, as an observation, and as an equivalent file.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::http::StatusCode;
use karhunen::field::observation::{Observation, Points, Sensor};
use serde::Deserialize;

use crate::answer::Refusal;

/// Names of the coordinates in a table of points.
const AXES: [&str; 3] = ["x", "y", "z"];

/// One place with its observed value.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// Coordinates, in the lengths of the model's box.
    pub at: Vec<f64>,
    /// The observed value.
    pub value: f64,
    /// Standard deviation of the observation error.
    #[serde(default)]
    pub sd: f64,
    /// The observed channel.
    #[serde(default)]
    pub channel: usize,
}

/// Checks places against the lengths of the box, the channels and the limit.
pub fn check(
    places: &[Place],
    lengths: &[f64],
    channels: usize,
    limit: usize,
) -> Result<(), Refusal> {
    if places.len() > limit {
        return Err(Refusal::limit("observed places", places.len(), limit));
    }
    for (i, place) in places.iter().enumerate() {
        let wrong = |what: String, help: &str| {
            Err(Refusal::new(
                StatusCode::BAD_REQUEST,
                format!("observed place {}: {what}", i + 1),
                help,
            ))
        };
        if place.at.len() != lengths.len() {
            let what = format!("{} coordinates for {} axes", place.at.len(), lengths.len());
            return wrong(what, "give one coordinate an axis");
        }
        let outside = |(x, length): (&f64, &f64)| !(0.0..=*length).contains(x);
        if let Some(axis) = place.at.iter().zip(lengths).position(outside) {
            let what = format!(
                "{} = {} lies outside the box, 0 to {}",
                AXES[axis], place.at[axis], lengths[axis]
            );
            return wrong(what, "give a place in the box");
        }
        if !place.value.is_finite() {
            return wrong(format!("the value {} is no number", place.value), "give a number");
        }
        if !(place.sd.is_finite() && place.sd >= 0.0) {
            return wrong(format!("sd {}", place.sd), "give 0 or a positive number");
        }
        if place.channel >= channels {
            let what = format!("channel {} of {channels}", place.channel);
            return wrong(what, "channels are counted from 0");
        }
    }
    Ok(())
}

/// The places as an observation of the library.
pub fn observation(places: &[Place]) -> Result<Arc<dyn Observation>, Refusal> {
    let sensor = |place: &Place| Sensor {
        place: std::array::from_fn(|axis| place.at.get(axis).copied().unwrap_or(0.0)),
        channel: place.channel,
        value: place.value,
        deviation: place.sd,
    };
    match Points::new(places.iter().map(sensor).collect()) {
        Ok(points) => Ok(Arc::new(points)),
        Err(e) => Err(Refusal::asked(e.to_string(), "keep one value for each place")),
    }
}

/// The places as a table for `karhunen sample --observe`, with all digits.
pub fn table(places: &[Place], dim: usize) -> String {
    let mut text = AXES[..dim.min(AXES.len())].join(",");
    text.push_str(",value,sd,channel\n");
    for place in places {
        for x in &place.at {
            let _ = write!(text, "{x},");
        }
        let _ = writeln!(text, "{},{},{}", place.value, place.sd, place.channel);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(at: &[f64], value: f64) -> Place {
        Place { at: at.into(), value, sd: 0.0, channel: 0 }
    }

    #[test]
    fn places_that_cannot_be_are_refused_by_their_number() {
        let refused = |place: Place, part: &str| {
            let error = check(&[place], &[1.0, 2.0], 1, 4).unwrap_err().error;
            assert!(error.starts_with("observed place 1: ") && error.contains(part), "{error}");
        };
        assert_eq!(check(&[place(&[1.0, 2.0], 0.3)], &[1.0, 2.0], 1, 4), Ok(()));
        refused(place(&[0.5], 1.0), "1 coordinates for 2 axes");
        refused(place(&[0.5, 2.5], 1.0), "y = 2.5 lies outside the box, 0 to 2");
        refused(place(&[f64::NAN, 0.0], 1.0), "x = NaN");
        refused(place(&[0.0, 0.0], f64::INFINITY), "no number");
        refused(Place { sd: -1.0, ..place(&[0.0, 0.0], 1.0) }, "sd -1");
        refused(Place { channel: 1, ..place(&[0.0, 0.0], 1.0) }, "channel 1 of 1");
        let many = vec![place(&[0.0, 0.0], 1.0); 5];
        let error = check(&many, &[1.0, 2.0], 1, 4).unwrap_err();
        assert!(error.error.contains("5") && error.error.contains("limit of this server is 4"));
    }

    #[test]
    fn a_table_holds_every_digit() {
        let places =
            [place(&[0.1, 1.0 / 3.0], -2.5), Place { sd: 0.25, ..place(&[0.5, 1.0], 1e-9) }];
        assert_eq!(
            table(&places, 2),
            "x,y,value,sd,channel\n0.1,0.3333333333333333,-2.5,0,0\n0.5,1,0.000000001,0.25,0\n"
        );
        assert!(observation(&places).is_ok());
        let twice = [place(&[0.1, 0.2], 1.0), place(&[0.1, 0.2], 2.0)];
        assert!(observation(&twice).unwrap_err().error.contains("contradicts"));
    }
}
