//! Cubic convolution: interpolates a table between whole numbers, axis by axis.
//!
//! Between nodes i and i + 1, with p₀ … p₃ the values at i − 1 … i + 2, the interpolated value is
//!
//! > p₁ + u/2 (p₂ − p₀ + u (2p₀ − 5p₁ + 4p₂ − p₃ + u (3(p₁ − p₂) + p₃ − p₀)))
//!
//! (Keys, "Cubic convolution interpolation for digital image processing", 1981). It reproduces
//! parabolas. The sum over any refinement of the nodes, times the step, equals the sum over the
//! nodes.

/// Smallest ratio of an interpolated value to its smaller neighbour. A cubic may fall below zero
/// beside a steep peak, but variances may not.
const LEAST: f64 = 0.5;

/// The nodes that determine a value along one axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Between {
    /// The node itself.
    At(usize),
    /// Part `u` of the way from the second of four nodes to the third.
    Nodes([usize; 4], f64),
}

impl Between {
    /// The nodes around a place, each found in the table by `slot`.
    pub fn of(place: f64, slot: impl Fn(i64) -> usize) -> Self {
        let near = place.round();
        if (place - near).abs() < 1e-9 {
            return Self::At(slot(near as i64));
        }
        let first = place.floor();
        let node = |offset: i64| slot(first as i64 + offset);
        Self::Nodes([node(-1), node(0), node(1), node(2)], place - first)
    }

    /// The value, from those at the nodes.
    pub fn value(&self, at: impl Fn(usize) -> f64) -> f64 {
        match self {
            Self::At(slot) => at(*slot),
            Self::Nodes(slots, u) => {
                let [p0, p1, p2, p3] = slots.map(at);
                let cubic = 2.0 * p0 - 5.0 * p1 + 4.0 * p2 - p3 + u * (3.0 * (p1 - p2) + p3 - p0);
                (p1 + 0.5 * u * (p2 - p0 + u * cubic)).max(LEAST * p1.min(p2))
            }
        }
    }

    /// One more than the largest slot.
    pub fn reach(&self) -> usize {
        1 + match self {
            Self::At(slot) => *slot,
            Self::Nodes(slots, _) => slots.iter().copied().fold(0, usize::max),
        }
    }
}

/// Values of a row-major table at all combinations of places, with one list for each axis, last
/// axis fastest.
pub(super) fn spread(
    mut table: Vec<f64>,
    mut shape: Vec<usize>,
    places: &[Vec<Between>],
) -> Vec<f64> {
    for axis in (0..shape.len()).rev() {
        let (old, new) = (shape[axis], places[axis].len());
        let stride: usize = shape[axis + 1..].iter().product();
        let mut out = Vec::with_capacity(table.len() / old * new);
        for block in table.chunks_exact(old * stride) {
            for place in &places[axis] {
                out.extend((0..stride).map(|i| place.value(|slot| block[slot * stride + i])));
            }
        }
        (table, shape[axis]) = (out, new);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parabolas_come_back_and_sums_stay() {
        let table: Vec<f64> = (0..9).map(|i| 3.0 + 2.0 * f64::from(i * i)).collect();
        let slot = |i: i64| i.unsigned_abs() as usize;
        for place in [0.0, 0.3, 1.0, 2.75, 5.5] {
            let value = Between::of(place, slot).value(|i| table[i]);
            assert!((value - 3.0 - 2.0 * place * place).abs() < 1e-12, "{place}: {value}");
        }
        // any table on a ring: the sum over thirds of a step is three times that over the nodes
        let ring = [5.0, 4.0, 6.0, 5.5, 4.5, 5.25];
        let slot = |i: i64| i.rem_euclid(6) as usize;
        let fine = (0..18).map(|i| Between::of(f64::from(i) / 3.0, slot).value(|i| ring[i]));
        assert!((fine.sum::<f64>() / 3.0 - ring.iter().sum::<f64>()).abs() < 1e-12);
    }

    #[test]
    fn values_stay_positive_beside_a_peak_and_axes_are_spread_one_by_one() {
        let peak = [0.0, 1e-3, 1.0, 1e-3, 1e-3];
        let slot = |i: i64| i.clamp(0, 4) as usize;
        assert!(Between::of(3.4, slot).value(|i| peak[i]) >= 0.5e-3);
        let table: Vec<f64> = (0..6).map(|i| f64::from(i + 1)).collect();
        let rows = vec![Between::At(1), Between::At(0)];
        let columns = vec![Between::At(2), Between::Nodes([0, 1, 2, 2], 0.0)];
        assert_eq!(spread(table, vec![2, 3], &[rows, columns]), [6.0, 5.0, 3.0, 2.0]);
    }
}
