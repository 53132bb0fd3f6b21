//! A sentence about each statistic.

/// What a statistic of the tables measures; none for an unknown name.
pub fn meaning(statistic: &str) -> Option<&'static str> {
    Some(match statistic {
        "energy distance" => {
            "How far apart two sets of fields are as clouds of points, all correlations included. It \
             sees what is large, and overlooks fine texture."
        }
        "sliced Wasserstein" => {
            "How far values must be moved, seen along random directions, to turn one set into the other."
        }
        "spectrum" => "How the power at each length scale differs, on a logarithmic scale.",
        "spectrum, finer modes" => {
            "The same for length scales that are finer than the finest grid of the training."
        }
        "histogram" => "How the distribution of single values differs.",
        "two-point function" => {
            "The probability that two points at a distance both lie in the bright phase, compared over \
             all distances."
        }
        "variance (ratio)" => "The variance of the samples over that of real fields; 1 is right.",
        "lineal path" => {
            "The probability that a whole segment lies in the bright phase, compared over all lengths."
        }
        "chord lengths" => {
            "How long a straight line stays in the bright phase: the distribution of these lengths."
        }
        "Euler number" => {
            "Pieces of the bright phase minus holes in it, per volume: it counts speckle and breaks."
        }
        "phase fraction" => "The part of the volume that is brighter than the threshold.",
        "surface (ratio)" => {
            "Interface per volume of the samples over that of real fields; 1 is right, more is rough."
        }
        "cross-channel" => "How the channels are correlated with each other at each length scale.",
        name if name.starts_with("histogram, channel ") => {
            "How the distribution of single values of one channel differs."
        }
        _ => return None,
    })
}
