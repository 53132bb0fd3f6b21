//! Nested noise: independent standard normals addressed by mode, the same on every grid.
//!
//! The Karhunen–Loève expansion η = Σ_k √λ_k ξ_k e_k needs one standard normal ξ_k per mode. Here
//! ξ_k is a pure function of (seed, index, stream, channel, k), without state or order of drawing.
//! The field of a seed on a grid of 32 cells is therefore the spectral restriction of its field on
//! 128 cells, for any batch size and number of threads.
//!
//! The generator is Philox4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as
//! 1, 2, 3", SC 2011), with one block per two neighbouring modes of the last axis. Box–Muller runs
//! in f64 with `libm`, whose results do not vary between platforms. The values are golden: they
//! never change between versions.

use std::f64::consts::PI;

use crate::Scalar;
use crate::grid::{Grid, MAX_DIM};

/// Streams of normals by purpose. Samples of different purpose never share numbers.
pub mod stream {
    /// The start of the reverse process, and in general "field `index` of seed `seed`".
    pub const START: u32 = 0;
    /// First step of an SDE sampler; step i < [`STEPS_AT_MOST`] uses `STEPS + i`.
    pub const STEPS: u32 = 1 << 16;
    /// Largest number of steps of a run. One more would share the numbers of [`CORRECTOR`].
    pub const STEPS_AT_MOST: usize = (CORRECTOR - STEPS) as usize;
    /// Corrector of step i of an SDE sampler, `CORRECTOR + i`.
    pub const CORRECTOR: u32 = 1 << 20;
    /// Noise of training step `index`; sample j of its batch uses `TRAINING + j`.
    pub const TRAINING: u32 = 1 << 24;
    /// Noise of the fixed validation batch.
    pub const VALIDATION: u32 = 2 << 24;
    /// Random directions and splits of metrics.
    pub const METRICS: u32 = 3 << 24;
    /// Initial conditions of simulated data.
    pub const SIMULATION: u32 = 4 << 24;
    /// Initial weights of a network; parameter array i uses index i.
    pub const WEIGHTS: u32 = 6 << 24;
    /// Positions of random patches; patch i uses index i.
    pub const PATCHES: u32 = 7 << 24;
    /// Classes of sampled fields; field i uses index i.
    pub const CLASSES: u32 = 8 << 24;
    /// Errors and unknown parts of observations: this stream at the start, `OBSERVATION + 1 + i` in
    /// step i.
    pub const OBSERVATION: u32 = 9 << 24;
    /// Resampling of particles in step i, `PARTICLES + i`.
    pub const PARTICLES: u32 = 10 << 24;
    /// Noise and random signs of likelihoods, two streams for each repetition.
    pub const LIKELIHOOD: u32 = 11 << 24;
    /// Random weights that belong to a prior.
    pub const PRIOR: u32 = 5 << 24;

    /// First and last stream of each purpose, for the test that no two purposes share one.
    #[cfg(test)]
    pub(super) const RANGES: [(&str, u32, u32); 14] = [
        // white noise per cell has one beside it
        ("START", START, START + 1),
        ("STEPS", STEPS, STEPS + STEPS_AT_MOST as u32 - 1),
        ("CORRECTOR", CORRECTOR, CORRECTOR + STEPS_AT_MOST as u32 - 1),
        // fields of a batch, then times, order, labels left out, motions, attributes left out and trajectories
        ("TRAINING", TRAINING, TRAINING + (1 << 20) + 5),
        // fields of a batch, then the choice of held-out fields
        ("VALIDATION", VALIDATION, VALIDATION + (1 << 20)),
        ("METRICS", METRICS, METRICS),
        ("SIMULATION", SIMULATION, SIMULATION),
        ("PRIOR", PRIOR, PRIOR),
        ("WEIGHTS", WEIGHTS, WEIGHTS),
        ("PATCHES", PATCHES, PATCHES),
        // classes of sampled fields, then the first centres of clusters
        ("CLASSES", CLASSES, CLASSES + 1),
        // two a step, and two more a step that a grid is refined before
        ("OBSERVATION", OBSERVATION, OBSERVATION + (1 << 24) - 1),
        ("PARTICLES", PARTICLES, PARTICLES + STEPS_AT_MOST as u32 - 1),
        ("LIKELIHOOD", LIKELIHOOD, LIKELIHOOD + (1 << 24) - 1),
    ];
}

/// A source of standard normals ξ_k for one seed.
///
/// # Example
/// ```
/// use karhunen_field::{Boundary, Grid, ModeNoise, noise::stream};
/// let (coarse, fine) = (Grid::unit(&[4], Boundary::Neumann)?, Grid::unit(&[9], Boundary::Neumann)?);
/// let noise = ModeNoise::new(7);
/// let a = noise.normals(&coarse, 3, stream::START, 0);
/// let b = noise.normals(&fine, 3, stream::START, 0);
/// assert_eq!(a[..], b[..4]); // the coarse field is the restriction of the fine one
/// # Ok::<(), karhunen_field::FieldError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ModeNoise {
    seed: u64,
}

impl ModeNoise {
    /// The noise of a seed.
    pub fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// ξ_k of every mode the grid holds, in storage order, for field `index` of this seed.
    ///
    /// **Cost** about 20 ns a mode.
    pub fn normals(&self, grid: &Grid, index: u64, stream: u32, channel: usize) -> Vec<f64> {
        self.normals_in(grid, index, stream, channel)
    }

    /// The same, each rounded to the precision of `S`.
    pub fn normals_in<S: Scalar>(
        &self,
        grid: &Grid,
        index: u64,
        stream: u32,
        channel: usize,
    ) -> Vec<S> {
        self.fill(&grid.mode_shape(), index, stream, channel)
    }

    /// Independent standard normals for the *cells* of a grid, for white noise per pixel. They are
    /// not nested: another grid gets unrelated numbers.
    pub fn cell_normals(&self, grid: &Grid, index: u64, stream: u32, channel: usize) -> Vec<f64> {
        self.fill(&grid.points(), index, stream, channel)
    }

    /// The first `count` normals of a stream, for uses that have no grid.
    pub fn plain_normals(&self, count: usize, index: u64, stream: u32) -> Vec<f64> {
        self.fill(&[count], index, stream, 0)
    }

    /// The first `count` uniforms of a stream in [0, 1), for uses that have no grid.
    pub fn uniforms(&self, count: usize, index: u64, stream: u32) -> Vec<f64> {
        let key = self.key(index, stream, u32::MAX);
        (0..count).map(|i| unit(philox([i as u32, (i >> 32) as u32, 0, key.1], key.0), 0)).collect()
    }

    fn fill<S: Scalar>(&self, shape: &[usize], index: u64, stream: u32, channel: usize) -> Vec<S> {
        let key = self.key(index, stream, channel as u32);
        let last = shape[shape.len() - 1];
        let lines: usize = shape[..shape.len() - 1].iter().product();
        let mut normals = Vec::with_capacity(lines * last);
        for line in 0..lines {
            let (mut rest, mut outer) = (line, [0u32; MAX_DIM - 1]);
            for axis in (0..shape.len() - 1).rev() {
                // aligned to the last axis: a 2-D field uses outer[1], a 3-D field uses both
                outer[MAX_DIM - shape.len() + axis] = (rest % shape[axis]) as u32;
                rest /= shape[axis];
            }
            for pair in 0..last.div_ceil(2) {
                let block = philox([pair as u32, outer[1], outer[0], key.1], key.0);
                let radius = libm::sqrt(-2.0 * libm::log(1.0 - unit(block, 0)));
                let (sin, cos) = libm::sincos(2.0 * PI * unit(block, 2));
                normals.push(S::of(radius * cos));
                if 2 * pair + 1 < last {
                    normals.push(S::of(radius * sin));
                }
            }
        }
        normals
    }

    /// Mixes all coordinates except the position into a Philox key and one counter word.
    fn key(&self, index: u64, stream: u32, channel: u32) -> ([u32; 2], u32) {
        let seed = [self.seed as u32, (self.seed >> 32) as u32];
        let mixed = philox([index as u32, (index >> 32) as u32, stream, channel], seed);
        ([mixed[0], mixed[1]], mixed[2])
    }
}

/// A uniform in [0, 1) with 53 bits from words `first` and `first + 1` of a block.
fn unit(block: [u32; 4], first: usize) -> f64 {
    let bits = (u64::from(block[first + 1]) << 32 | u64::from(block[first])) >> 11;
    bits as f64 * (1.0 / (1u64 << 53) as f64)
}

/// One block of Philox4x32-10.
fn philox(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for _ in 0..10 {
        let a = u64::from(counter[0]) * 0xD251_1F53;
        let b = u64::from(counter[2]) * 0xCD9E_8D57;
        counter = [
            (b >> 32) as u32 ^ counter[1] ^ key[0],
            b as u32,
            (a >> 32) as u32 ^ counter[3] ^ key[1],
            a as u32,
        ];
        key = [key[0].wrapping_add(0x9E37_79B9), key[1].wrapping_add(0xBB67_AE85)];
    }
    counter
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Boundary;

    /// Known-answer vectors published with the Random123 library.
    #[test]
    fn philox_matches_the_published_vectors() {
        assert_eq!(philox([0; 4], [0; 2]), [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
        assert_eq!(
            philox([u32::MAX; 4], [u32::MAX; 2]),
            [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]
        );
        assert_eq!(
            philox(
                [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
                [0xa409_3822, 0x299f_31d0]
            ),
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
        );
    }

    #[test]
    fn normals_are_standard_and_uncorrelated() {
        let n = 200_000;
        let xi = ModeNoise::new(1).plain_normals(n, 0, stream::METRICS);
        let moment = |p: i32| xi.iter().map(|x| x.powi(p)).sum::<f64>() / n as f64;
        // five standard errors each: false alarm below 1e-5
        assert!(moment(1).abs() < 5.0 / (n as f64).sqrt());
        assert!((moment(2) - 1.0).abs() < 5.0 * (2.0 / n as f64).sqrt());
        assert!((moment(4) - 3.0).abs() < 5.0 * (96.0 / n as f64).sqrt());
        let lag = xi.windows(2).map(|w| w[0] * w[1]).sum::<f64>() / n as f64;
        assert!(lag.abs() < 5.0 / (n as f64).sqrt());
    }

    #[test]
    fn every_address_is_its_own_number() {
        let grid = Grid::unit(&[3, 5], Boundary::Neumann).unwrap();
        let base = ModeNoise::new(1).normals(&grid, 2, stream::START, 0);
        for other in [
            ModeNoise::new(2).normals(&grid, 2, stream::START, 0),
            ModeNoise::new(1).normals(&grid, 3, stream::START, 0),
            ModeNoise::new(1).normals(&grid, 2, stream::STEPS, 0),
            ModeNoise::new(1).normals(&grid, 2, stream::START, 1),
        ] {
            assert!(base.iter().zip(&other).all(|(a, b)| a != b));
        }
    }

    /// Golden values. They must never change, or published seeds would give other functions.
    #[test]
    fn values_are_stable() {
        let xi = ModeNoise::new(42).plain_normals(3, 7, stream::START);
        let golden = [0.6287160374301058, 0.3898344482801683, 3.8689597837729073];
        assert!(xi.iter().zip(golden).all(|(a, b)| (a - b).abs() < 1e-14), "{xi:?}");
    }

    /// Every purpose has streams of its own, and every stream that is used anywhere has its purpose here.
    #[test]
    fn streams_of_all_purposes_are_disjoint() {
        let mut ranges = stream::RANGES;
        ranges.sort_by_key(|(_, first, _)| *first);
        for pair in ranges.windows(2) {
            assert!(pair[0].1 <= pair[0].2 && pair[0].2 < pair[1].1, "{pair:?}");
        }
        // whatever one field, step, channel or index is, no key is another one's
        let mut keys = std::collections::HashSet::new();
        for (name, first, last) in ranges {
            for stream in [first, first + (last - first) / 2, last] {
                for (index, channel) in [(0, 0), (1, 0), (0, 1), (1 << 40, u32::MAX)] {
                    let key = ModeNoise::new(9).key(index, stream, channel);
                    assert!(keys.insert(key) || last - first < 2, "{name}");
                }
            }
        }
        let known: Vec<&str> = ranges.iter().map(|(name, ..)| *name).collect();
        let crates = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let mut folders = vec![crates];
        let mut found = 0;
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap().flatten() {
                let path = entry.path();
                match path.extension().and_then(|e| e.to_str()) {
                    None if path.is_dir() => folders.push(path),
                    Some("rs") => {
                        let text = std::fs::read_to_string(&path).unwrap();
                        for used in text.split("stream::").skip(1) {
                            let upper = |c: char| c.is_ascii_uppercase() || c == '_';
                            let name = &used[..used.find(|c| !upper(c)).unwrap_or(used.len())];
                            if !name.is_empty() && !["STEPS_AT_MOST", "RANGES"].contains(&name) {
                                found += 1;
                                assert!(known.contains(&name), "{}: {name}", path.display());
                            }
                        }
                    }
                    _ => {}
                }
            }
        }
        assert!(found > 50, "the sources were read: {found} uses");
    }
}
