//! Connected clusters of a phase, and the two-point cluster function C₂(r).
//!
//! S₂ cannot distinguish a network from islands with the same correlation. C₂ counts only pairs
//! that are connected through the phase, so it stays high where the phase percolates. Pairs are
//! counted one by one in small clusters, and by products of transforms in large ones, whichever is
//! cheaper.

use rustfft::num_complex::Complex;

use super::euler::Connectivity;
use super::lags::for_each_segment;
use super::mask::Mask;
use super::two_point::{PairCounter, TwoPoint};
use crate::{Ensemble, FieldError, Grid};

/// Cost of one pair of cells, in points times levels of a transform.
const PAIRS_PER_BUTTERFLY: f64 = 4.0;

/// C₂(r): the probability that both ends of a random segment of length r lie in the *same* cluster
/// of the phase. All directions are averaged; bins and edges are as in
/// [`super::two_point_correlation`].
///
/// C₂(0) = φ and C₂ ≤ S₂, with equality for a phase of one cluster. Clusters continue around
/// periodic axes. In a window only connections inside the window count, so C₂ is low by the
/// connections outside.
///
/// **Unit** distances are those of the box. **Cost** the smaller of c² and N log N for each cluster
/// of c cells.
///
/// # Errors
/// [`FieldError::TooFew`] without fields; [`FieldError::Parameter`] for values other than 0 and 1.
///
/// **Source** Torquato, Beasley & Chiew, "Two-point cluster function for continuum percolation", J.
/// Chem. Phys. 88 (1988).
///
/// # Example
/// ```
/// use karhunen_field::{Boundary, Ensemble, Grid, metrics::{Connectivity, cluster_function}};
/// let grid = Grid::unit(&[5], Boundary::Neumann)?;
/// let phase = Ensemble::new(grid, 1, vec![1.0, 0.0, 1.0, 1.0, 0.0])?;
/// let c2 = cluster_function(&phase, Connectivity::Full)?;
/// // 3 of 5 cells, 1 of 4 neighbours; of the 3 pairs at distance two, one is solid but not connected
/// assert!((c2.correlation[0][1] - 0.25).abs() < 1e-12);
/// assert!(c2.correlation[0][2].abs() < 1e-12);
/// # Ok::<(), karhunen_field::FieldError>(())
/// ```
pub fn cluster_function(
    phase: &Ensemble,
    connectivity: Connectivity,
) -> Result<TwoPoint, FieldError> {
    let mask = Mask::new(phase, "cluster function")?;
    let pairs = ClusterPairs::new(&mask.grid);
    let mut correlation = vec![vec![0.0; pairs.counter.pairs.len()]; mask.channels];
    for (block, cells) in mask.blocks().enumerate() {
        for cluster in clusters(cells, &mask.grid, connectivity) {
            let found = pairs.correlation(&cluster);
            let sum = &mut correlation[block % mask.channels];
            sum.iter_mut().zip(found).for_each(|(s, f)| *s += f / mask.count() as f64);
        }
    }
    let PairCounter { distance, pairs, .. } = pairs.counter;
    Ok(TwoPoint { distance, correlation, pairs })
}

/// Volumes of all clusters, largest first, `[field · channels + channel]`.
///
/// **Unit** volume of the box. **Cost** nearly linear.
///
/// # Errors
/// As [`cluster_function`].
pub fn cluster_sizes(
    phase: &Ensemble,
    connectivity: Connectivity,
) -> Result<Vec<Vec<f64>>, FieldError> {
    let mask = Mask::new(phase, "cluster sizes")?;
    let cell = mask.grid.volume() / mask.grid.len() as f64;
    let sizes = |cells| {
        let mut sizes: Vec<usize> =
            clusters(cells, &mask.grid, connectivity).iter().map(Vec::len).collect();
        sizes.sort_unstable_by(|a, b| b.cmp(a));
        sizes.into_iter().map(|n| n as f64 * cell).collect()
    };
    Ok(mask.blocks().map(sizes).collect())
}

/// Cells of every cluster, by union-find over pairs of neighbours.
fn clusters(cells: &[u8], grid: &Grid, connectivity: Connectivity) -> Vec<Vec<usize>> {
    let mut parent: Vec<usize> = (0..cells.len()).collect();
    for lag in neighbours(grid, connectivity) {
        for_each_segment(grid, &lag, |x, y, len| {
            for (a, b) in (x..x + len).zip(y..y + len) {
                if cells[a] & cells[b] == 1 {
                    let (a, b) = (root(&mut parent, a), root(&mut parent, b));
                    // the smaller index leads, so that roots come before the other cells of their
                    // cluster
                    parent[a.max(b)] = a.min(b);
                }
            }
        });
    }
    let mut number = vec![usize::MAX; cells.len()];
    let mut all: Vec<Vec<usize>> = Vec::new();
    for at in (0..cells.len()).filter(|&at| cells[at] == 1) {
        let leader = root(&mut parent, at);
        if number[leader] == usize::MAX {
            number[leader] = all.len();
            all.push(Vec::new());
        }
        all[number[leader]].push(at);
    }
    all
}

/// The leader of a cell's cluster. The path to it is halved during the search.
fn root(parent: &mut [usize], mut at: usize) -> usize {
    while parent[at] != at {
        parent[at] = parent[parent[at]];
        at = parent[at];
    }
    at
}

/// Lags to the neighbours, one of each opposite pair. Axes of one cell have none.
fn neighbours(grid: &Grid, connectivity: Connectivity) -> Vec<Vec<isize>> {
    let dim = grid.dim();
    (0..3usize.pow(dim as u32))
        .map(|code| {
            (0..dim).map(|axis| (code / 3usize.pow(axis as u32) % 3) as isize - 1).collect()
        })
        .filter(|lag: &Vec<isize>| {
            let steps = lag.iter().filter(|l| **l != 0).count();
            let near = if connectivity == Connectivity::Faces { 1 } else { dim };
            let forward = lag.iter().find(|l| **l != 0) == Some(&1);
            let room = lag.iter().zip(grid.axes()).all(|(l, a)| *l == 0 || a.points > 1);
            forward && steps <= near && room
        })
        .collect()
}

/// Counts pairs within clusters, one cluster at a time.
struct ClusterPairs {
    counter: PairCounter,
    grid: Grid,
    /// Bin of every lag of the padded array.
    bin: Vec<Option<usize>>,
}

impl ClusterPairs {
    fn new(grid: &Grid) -> Self {
        let counter = PairCounter::new(grid);
        let mut bin = vec![None; counter.padded.iter().product()];
        counter.lags.iter().for_each(|&(flat, b)| bin[flat] = Some(b));
        Self { counter, grid: *grid, bin }
    }

    /// Fraction of the pairs of every bin that lie in the cluster.
    fn correlation(&self, cluster: &[usize]) -> Vec<f64> {
        let (cells, room) = (cluster.len() as f64, self.bin.len() as f64);
        if cells * cells < PAIRS_PER_BUTTERFLY * room * room.log2().max(1.0) {
            self.one_by_one(cluster)
        } else {
            self.by_transform(cluster)
        }
    }

    fn one_by_one(&self, cluster: &[usize]) -> Vec<f64> {
        let places: Vec<[usize; 3]> = cluster.iter().map(|&c| self.grid.position(c)).collect();
        let mut sums = vec![0.0; self.counter.pairs.len()];
        sums[0] += cluster.len() as f64;
        for (i, a) in places.iter().enumerate() {
            for b in &places[i + 1..] {
                let flat = self
                    .counter
                    .padded
                    .iter()
                    .enumerate()
                    .fold(0, |sum, (axis, &n)| sum * n + (b[axis] + n - a[axis]) % n);
                if let Some(bin) = self.bin[flat] {
                    sums[bin] += 2.0; // and the way back
                }
            }
        }
        sums.iter().zip(&self.counter.pairs).map(|(s, &p)| s / p as f64).collect()
    }

    fn by_transform(&self, cluster: &[usize]) -> Vec<f64> {
        let mut values = vec![0.0; self.grid.len()];
        cluster.iter().for_each(|&c| values[c] = 1.0);
        self.counter.correlation(&values, &mut vec![Complex::default(); self.bin.len()])
    }
}

#[cfg(test)]
mod tests {
    use super::super::Connectivity::{Faces, Full};
    use super::super::{lineal_path, oracle, two_point_correlation};
    use super::*;
    use crate::Boundary;

    const ROUNDING: f64 = 1e-12;

    fn close(a: &[f64], b: &[f64]) -> bool {
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < ROUNDING)
    }

    /// Finds clusters by spreading the smallest index until nothing changes.
    fn by_spreading(cells: &[u8], grid: &Grid, connectivity: Connectivity) -> Vec<usize> {
        let near = |a: usize, b: usize| {
            let (p, q) = (grid.position(a), grid.position(b));
            let steps: Vec<usize> = grid
                .axes()
                .iter()
                .enumerate()
                .map(|(axis, at)| {
                    let lag = p[axis].abs_diff(q[axis]);
                    if at.boundary == Boundary::Periodic { lag.min(at.points - lag) } else { lag }
                })
                .collect();
            let touching = steps.iter().all(|s| *s <= 1);
            touching && (connectivity == Full || steps.iter().sum::<usize>() <= 1)
        };
        let mut label: Vec<usize> = (0..cells.len()).collect();
        loop {
            let before = label.clone();
            for a in 0..cells.len() {
                for b in 0..cells.len() {
                    if cells[a] == 1 && cells[b] == 1 && near(a, b) {
                        label[a] = label[a].min(label[b]);
                    }
                }
            }
            if label == before {
                return label;
            }
        }
    }

    #[test]
    fn clusters_and_their_pairs_equal_brute_force_in_any_box() {
        for axes in oracle::boxes() {
            let grid = Grid::new(&axes).unwrap();
            let phase = oracle::bernoulli(grid, 0.45, 2);
            let mask = Mask::new(&phase, "test").unwrap();
            for connectivity in [Faces, Full] {
                let mut expected = vec![0.0; two_point_correlation(&phase).unwrap().pairs.len()];
                for cells in mask.blocks() {
                    let label = by_spreading(cells, &grid, connectivity);
                    let found = clusters(cells, &grid, connectivity);
                    for cluster in &found {
                        assert!(cluster.iter().all(|c| label[*c] == cluster[0]), "{axes:?}");
                    }
                    let leaders = (0..cells.len()).filter(|&i| cells[i] == 1 && label[i] == i);
                    assert_eq!(found.len(), leaders.clone().count(), "{axes:?} {connectivity:?}");
                    for leader in leaders {
                        let alone = oracle::pattern(grid, |at| {
                            let flat =
                                grid.points().iter().enumerate().fold(0, |s, (a, n)| s * n + at[a]);
                            cells[flat] == 1 && label[flat] == leader
                        });
                        let s2 = two_point_correlation(&alone).unwrap().correlation.remove(0);
                        expected.iter_mut().zip(s2).for_each(|(e, s)| *e += 0.5 * s);
                    }
                }
                let found = cluster_function(&phase, connectivity).unwrap();
                assert!(close(&found.correlation[0], &expected), "{axes:?}");
            }
        }
    }

    #[test]
    fn both_ways_of_counting_agree() {
        for axes in oracle::boxes() {
            let grid = Grid::new(&axes).unwrap();
            let pairs = ClusterPairs::new(&grid);
            let cluster: Vec<usize> = (0..grid.len()).filter(|i| i * i % 5 != 2).collect();
            assert!(close(&pairs.one_by_one(&cluster), &pairs.by_transform(&cluster)), "{axes:?}");
        }
    }

    #[test]
    fn on_a_line_connected_means_lineal_and_one_cluster_means_two_point() {
        let line = oracle::bernoulli(Grid::unit(&[31], Boundary::Neumann).unwrap(), 0.8, 6);
        let c2 = cluster_function(&line, Faces).unwrap();
        let path = lineal_path(&line).unwrap();
        assert!(close(&c2.correlation[0], &path.along[0].values[0][..c2.pairs.len()]));
        let grid = Grid::unit(&[12, 11], Boundary::Neumann).unwrap();
        let cross = oracle::pattern(grid, |at| at[0] == 5 || at[1] < 3);
        let s2 = two_point_correlation(&cross).unwrap();
        assert!(close(
            &cluster_function(&cross, Faces).unwrap().correlation[0],
            &s2.correlation[0]
        ));
    }

    #[test]
    fn corners_connect_only_if_asked_and_rings_close() {
        let grid = Grid::unit(&[4, 4], Boundary::Periodic).unwrap();
        let board = oracle::pattern(grid, |at| (at[0] + at[1]) % 2 == 0);
        let cell = 1.0 / 16.0;
        assert_eq!(cluster_sizes(&board, Faces).unwrap(), [vec![cell; 8]]);
        assert_eq!(cluster_sizes(&board, Full).unwrap(), [vec![0.5]]);
        let ends = |boundary| {
            let grid = Grid::unit(&[6], boundary).unwrap();
            cluster_sizes(&oracle::pattern(grid, |at| at[0] % 5 == 0), Faces)
                .unwrap()
                .remove(0)
                .len()
        };
        assert_eq!((ends(Boundary::Neumann), ends(Boundary::Periodic)), (2, 1));
    }
}
