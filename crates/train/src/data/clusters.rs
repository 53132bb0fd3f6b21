//! Clusters of training fields: classes that nobody wrote down.
//!
//! A cluster is a group of fields that are near one centre in their lowest modes. A training field
//! has the cluster of its nearest centre. A sampled field gets one at random, as often as training
//! fields have it, so the law of all fields stays what it is: p(x) = Σ_c p(c) p(x | c).
//!
//! It helps where data are of many kinds, as digits are. While the noise is strong a network cannot tell which kind
//! a field is of, and answers with a mean over kinds. A field that is made of such answers may end between two kinds.
//! A network that is told the kind has less to decide.
//!
//! **Method** k-means: the centres minimise the mean over fields of min_c Σ_k (x_k − μ_{c,k})², where k runs
//! over the lowest [`MODES`] modes of every channel. Each centre starts at a field. Fields far from the centres before it
//! are drawn more often: with a probability proportional to their squared distance (k-means++). Then each centre becomes the mean of
//! the fields nearest to it, again and again, until no field changes its centre. At most [`FITTED`] fields, evenly spread, decide. Distances in modes are
//! distances of functions, so clusters hardly depend on the grid.
//!
//! **Source** Arthur and Vassilvitskii, "k-means++: the advantages of careful seeding" (2007). Clusters as classes of a diffusion
//! model: Bao et al., arXiv 2212.00362. **Cost** [`FITTED`] · clusters · modes · 3 operations for each of at most [`ROUNDS`] rounds.

use karhunen_field::noise::stream;
use karhunen_field::{Grid, ModeNoise, Transform};
use rayon::prelude::*;

use crate::data::level::LevelData;

/// Modes of a channel that decide, the lowest ones.
const MODES: usize = 256;
/// Fields that decide, at most.
const FITTED: usize = 1 << 14;
/// Rounds, at most.
const ROUNDS: usize = 60;
/// Fewest training fields for each cluster, on average.
pub const FEWEST: usize = 8;

/// The centres of clusters, the cluster of most fields first.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Clusters {
    /// `[cluster, feature]`.
    centres: Vec<f32>,
    features: usize,
    /// The part of the variance of these modes that lies between clusters, 0 to 1.
    pub explained: f64,
}

impl Clusters {
    /// `count` clusters of fields, or fewer where fewer fields differ.
    pub fn of(fields: &LevelData, count: usize) -> Self {
        let (all, shown) = (fields.count(), fields.count().min(FITTED));
        let shown: Vec<usize> = (0..shown).map(|i| i * all / shown).collect();
        let points = lowest_modes(fields, &shown);
        let features = points.len() / shown.len();
        let mut centres = started(&points, features, count);
        let mut nearest = assigned(&points, &centres, features);
        for _ in 0..ROUNDS {
            centres = means(&points, &centres, features, &nearest);
            let now = assigned(&points, &centres, features);
            let settled = now.iter().zip(&nearest).all(|(now, before)| now.0 == before.0);
            nearest = now;
            if settled {
                break;
            }
        }
        let one = vec![(0, 0.0); nearest.len()];
        let mean = means(&points, &vec![0.0; features], features, &one);
        let total: f64 = assigned(&points, &mean, features).iter().map(|n| f64::from(n.1)).sum();
        let within: f64 = nearest.iter().map(|n| f64::from(n.1)).sum();
        let explained = if total > 0.0 { 1.0 - within / total } else { 0.0 };
        Self { centres: by_size(&centres, features, &nearest), features, explained }
    }

    /// The cluster of each field.
    pub fn labels(&self, fields: &LevelData) -> Vec<u32> {
        let all: Vec<usize> = (0..fields.count()).collect();
        let of = |some: &[usize]| {
            let points = lowest_modes(fields, some);
            assigned(&points, &self.centres, self.features)
        };
        all.chunks(FITTED).flat_map(of).map(|(cluster, _)| cluster as u32).collect()
    }
}

/// Where the lowest [`MODES`] modes of a grid are stored, by rising frequency. Their order is the same on every grid that
/// holds them.
fn lowest(grid: &Grid) -> Vec<usize> {
    let places = grid.modes().map(|mode| (mode.laplacian(), mode.position)).enumerate();
    // before a mode come all those that are nowhere further along an axis: of a large grid few are left to sort
    let before = |position: &[usize]| position.iter().map(|p| p + 1).product::<usize>();
    let mut places: Vec<_> = places.filter(|(_, mode)| before(&mode.1) <= MODES).collect();
    places.sort_by(|(_, a), (_, b)| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    places.into_iter().take(MODES).map(|(place, _)| place).collect()
}

/// `[field, channel, mode]`: the lowest modes of some of the fields.
fn lowest_modes(fields: &LevelData, some: &[usize]) -> Vec<f32> {
    let (transform, lowest) = (Transform::new(fields.grid), lowest(&fields.grid));
    let len = fields.field_len();
    let of = |field: &usize| {
        let own = &fields.values[field * len..(field + 1) * len];
        let values: Vec<f64> = own.iter().map(|v| f64::from(*v)).collect();
        let modes = transform.analyse_channels(&values);
        let modes = modes.chunks_exact(modes.len() / fields.channels);
        modes.flat_map(|m| lowest.iter().map(move |place| m[*place] as f32)).collect::<Vec<f32>>()
    };
    some.par_iter().flat_map_iter(of).collect()
}

/// Σ (a − b)², in eight partial sums whose order is fixed.
fn squared_distance(a: &[f32], b: &[f32]) -> f32 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let mut sums = [0.0f32; 8];
    for (a, b) in a.iter().zip(b) {
        for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += (a - b) * (a - b);
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| (a - b) * (a - b)).sum();
    sums.iter().sum::<f32>() + rest
}

/// The nearest centre of each point, the first one of several, and its squared distance.
fn assigned(points: &[f32], centres: &[f32], features: usize) -> Vec<(usize, f32)> {
    let nearest = |point: &[f32]| {
        let mut best = (0, f32::INFINITY);
        for (c, centre) in centres.chunks_exact(features).enumerate() {
            let distance = squared_distance(point, centre);
            if distance < best.1 {
                best = (c, distance);
            }
        }
        best
    };
    points.par_chunks_exact(features).map(nearest).collect()
}

/// Centres at points that lie apart: k-means++. Fewer than `count` where all points lie on those that there are.
fn started(points: &[f32], features: usize, count: usize) -> Vec<f32> {
    let uniforms = ModeNoise::new(0).uniforms(count, 0, stream::CLASSES + 1);
    let point = |i: usize| &points[i * features..(i + 1) * features];
    let all = points.len() / features;
    let mut centres = point(((uniforms[0] * all as f64) as usize).min(all - 1)).to_vec();
    let mut nearest: Vec<f32> = assigned(points, &centres, features).iter().map(|n| n.1).collect();
    for uniform in &uniforms[1..] {
        let mut left = uniform * nearest.iter().map(|d| f64::from(*d)).sum::<f64>();
        let beyond = nearest.iter().position(|d| {
            left -= f64::from(*d);
            *d > 0.0 && left < 0.0
        });
        // rounding may put the number at the last partial sum
        let Some(chosen) = beyond.or_else(|| nearest.iter().rposition(|d| *d > 0.0)) else {
            break;
        };
        let new = point(chosen);
        let apart = points.par_chunks_exact(features).zip(&mut nearest);
        apart.for_each(|(point, nearest)| *nearest = nearest.min(squared_distance(point, new)));
        centres.extend_from_slice(new);
    }
    centres
}

/// The mean of the points of each centre. A centre without points moves to the point farthest from its own.
fn means(points: &[f32], centres: &[f32], features: usize, nearest: &[(usize, f32)]) -> Vec<f32> {
    let count = centres.len() / features;
    let (mut sums, mut sizes) = (vec![0.0f64; centres.len()], vec![0usize; count]);
    for (point, &(c, _)) in points.chunks_exact(features).zip(nearest) {
        sizes[c] += 1;
        let sum = &mut sums[c * features..(c + 1) * features];
        sum.iter_mut().zip(point).for_each(|(sum, v)| *sum += f64::from(*v));
    }
    let mut farthest: Vec<usize> = (0..nearest.len()).collect();
    if sizes.contains(&0) {
        farthest.sort_by(|&i, &j| nearest[j].1.total_cmp(&nearest[i].1).then(i.cmp(&j)));
    }
    let mut farthest = farthest.into_iter();
    let mut means = Vec::with_capacity(centres.len());
    for (sum, size) in sums.chunks_exact(features).zip(sizes) {
        match size {
            0 => {
                let i = farthest.next().unwrap_or_default();
                means.extend_from_slice(&points[i * features..(i + 1) * features]);
            }
            n => means.extend(sum.iter().map(|sum| (sum / n as f64) as f32)),
        }
    }
    means
}

/// The centres with points, that of most points first.
fn by_size(centres: &[f32], features: usize, nearest: &[(usize, f32)]) -> Vec<f32> {
    let mut sizes = vec![0usize; centres.len() / features];
    nearest.iter().for_each(|(c, _)| sizes[*c] += 1);
    let mut order: Vec<usize> = (0..sizes.len()).filter(|c| sizes[*c] > 0).collect();
    order.sort_by_key(|c| (std::cmp::Reverse(sizes[*c]), *c));
    order.iter().flat_map(|c| &centres[c * features..(c + 1) * features]).copied().collect()
}

#[cfg(test)]
mod tests {
    use karhunen_field::Boundary;

    use super::*;

    /// Fields around three far means, most around the second one, on a grid.
    fn kinds(points: usize) -> (LevelData, Vec<usize>) {
        let grid = Grid::unit(&[points, points], Boundary::Neumann).unwrap();
        let transform = Transform::new(grid);
        let noise = ModeNoise::new(4);
        let kinds: Vec<usize> = (0..400).map(|i| [1, 0, 1, 2, 1][i % 5]).collect();
        let field = |(i, kind): (usize, &usize)| {
            // the same functions on every grid
            let mut modes = vec![0.0; grid.mode_count()];
            let own = noise.normals(&grid, i as u64, stream::METRICS, 0);
            modes.iter_mut().zip(own).take(10).for_each(|(m, v)| *m = 0.3 * v);
            modes[1 + kind] += 4.0;
            transform.synthesise_channels(&modes)
        };
        let values = kinds.iter().enumerate().flat_map(field).map(|v| v as f32).collect();
        (LevelData::plain(grid, 1, values), kinds)
    }

    #[test]
    fn kinds_are_found_on_every_grid_and_with_any_threads() {
        let (fields, kinds_of) = kinds(12);
        let clusters = Clusters::of(&fields, 3);
        let labels = clusters.labels(&fields);
        // kind 1 is the largest one, and of the others each is a cluster
        assert!(labels.iter().zip(&kinds_of).all(|(label, kind)| (*label == 0) == (*kind == 1)));
        assert_ne!(labels[1], labels[3]);
        assert!(labels.iter().zip(&kinds_of).all(|(label, kind)| match kind {
            0 => *label == labels[1],
            2 => *label == labels[3],
            _ => true,
        }));
        // means 4 apart along three axes in the proportions 3 : 1 : 1, and ten modes of variance 0.09
        let between = 16.0 * (1.0 - (0.36 + 0.04 + 0.04));
        assert!((clusters.explained - between / (between + 0.9)).abs() < 0.01);
        assert_eq!(Clusters::of(&kinds(9).0, 3).labels(&kinds(9).0), labels);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        assert_eq!(pool.install(|| Clusters::of(&fields, 3)), clusters);
    }

    /// On grids of more modes than decide: kinds that differ along either axis, far above the first rows of modes.
    #[test]
    fn the_lowest_modes_decide_on_fine_grids_along_every_axis() {
        for axis in [0, 1] {
            let labels = [(20, 24), (32, 40), (48, 33)].map(|(n, m)| {
                let grid = Grid::unit(&[n, m], Boundary::Neumann).unwrap();
                let transform = Transform::new(grid);
                let mut position = [0; 3];
                position[axis] = 9;
                let place = grid.modes().position(|mode| mode.position == position).unwrap();
                let field = |i: usize| {
                    let mut modes = vec![0.0; grid.mode_count()];
                    modes[place] = if i.is_multiple_of(3) { 2.0 } else { -1.0 };
                    modes[1] = 0.01 * i as f64;
                    transform.synthesise_channels(&modes)
                };
                let values = (0..30).flat_map(field).map(|v| v as f32).collect();
                let fields = LevelData::plain(grid, 1, values);
                Clusters::of(&fields, 2).labels(&fields)
            });
            let expected: Vec<u32> = (0..30).map(|i| u32::from(i % 3 == 0)).collect();
            assert!(labels.iter().all(|labels| *labels == expected), "axis {axis}: {labels:?}");
        }
    }

    #[test]
    fn the_means_are_those_of_their_fields() {
        let (fields, _) = kinds(8);
        let clusters = Clusters::of(&fields, 7);
        let all: Vec<usize> = (0..fields.count()).collect();
        let points = lowest_modes(&fields, &all);
        let features = points.len() / all.len();
        let nearest = assigned(&points, &clusters.centres, features);
        let again = means(&points, &clusters.centres, features, &nearest);
        let apart = squared_distance(&again, &clusters.centres);
        assert!(apart < 1e-9, "{apart}");
        let mut sizes = [0; 7];
        nearest.iter().for_each(|(c, _)| sizes[*c] += 1);
        assert!(sizes.is_sorted_by(|a, b| a >= b), "{sizes:?}");
    }

    #[test]
    fn there_are_no_more_clusters_than_fields_that_differ() {
        let grid = Grid::unit(&[5], Boundary::Neumann).unwrap();
        let two = [[1.0f32, 2.0, 0.0, 1.0, 4.0], [0.0; 5]].concat().repeat(20);
        let fields = LevelData::plain(grid, 1, two);
        let clusters = Clusters::of(&fields, 6);
        assert_eq!(clusters.centres.len(), 2 * 5);
        assert!((clusters.explained - 1.0).abs() < 1e-6);
        let labels = clusters.labels(&fields);
        assert!(labels.chunks(2).all(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn a_centre_without_fields_moves_to_the_farthest_one() {
        let points = [0.0f32, 1.0, 10.0];
        let nearest = assigned(&points, &[0.5, 99.0], 1);
        assert_eq!(nearest.iter().map(|n| n.0).collect::<Vec<_>>(), [0, 0, 0]);
        let moved = means(&points, &[0.5, 99.0], 1, &nearest);
        assert!((moved[0] - 11.0 / 3.0).abs() < 1e-6 && moved[1] == 10.0, "{moved:?}");
    }
}
