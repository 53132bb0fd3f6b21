//! Networks and boxes that together cover every branch: dimensions, boundaries, sizes that hold
//! fewer modes than the window, both ways of conditioning, all coordinates, several channels.

use karhunen_field::{Axis, Boundary, Grid, ModeNoise, noise::stream};
use karhunen_net::{Conditioning, Coordinates, Device, Fno, FnoConfig, LocalKernels, Parameters};

use Boundary::{Neumann, Periodic};

/// A network configuration on a grid.
pub struct Case {
    pub grid: Grid,
    pub channels: usize,
    pub config: FnoConfig,
}

/// A small network on a grid, with the defaults of the configuration file.
pub fn case(points: &[usize], boundary: Boundary, modes: &[usize]) -> Case {
    let config = FnoConfig {
        width: 5,
        modes: modes.to_vec(),
        layers: 2,
        projection: 7,
        local: LocalKernels::None,
        ..FnoConfig::default()
    };
    Case { grid: Grid::unit(points, boundary).unwrap(), channels: 1, config }
}

pub fn all() -> Vec<Case> {
    let mut cases = vec![
        case(&[1], Periodic, &[3]),
        case(&[2], Neumann, &[3]),
        case(&[3], Periodic, &[3]),
        case(&[4], Neumann, &[4]),
        case(&[13], Periodic, &[4]),
        case(&[6, 5], Periodic, &[3]),
        case(&[7, 4], Neumann, &[3, 2]),
        case(&[1, 3], Neumann, &[2]),
        case(&[5, 2], Periodic, &[2, 4]),
        case(&[3, 4, 5], Neumann, &[2]),
        case(&[2, 1, 3], Periodic, &[2]),
        case(&[3, 5, 2], Neumann, &[2, 3, 1]),
    ];
    cases[1].config.conditioning = Conditioning::InputChannel;
    cases[5].config.coordinates = Some(Coordinates::Endpoints);
    cases[5].config.conditioning = Conditioning::InputChannel;
    cases[6].channels = 3;
    cases[7].config.coordinates = Some(Coordinates::None);
    cases[8].config.coordinates = Some(Coordinates::Centres);
    cases[9].config.padding = 0.0;
    // one axis is periodic, the other is a window, and cells are not squares
    let axes = [(6, 2.0, Neumann), (7, 0.5, Periodic)];
    let axes = axes.map(|(points, length, boundary)| Axis { points, length, boundary });
    let mut mixed = case(&[1, 1], Neumann, &[3]);
    mixed.grid = Grid::new(&axes).unwrap();
    cases.push(mixed);
    // taps on cells, between them, two cells apart, and beyond the wall
    let local = [(0, None), (4, Some(0.03)), (6, None), (6, Some(0.4)), (9, Some(0.5)), (12, None)];
    let with = |(i, reach): (usize, Option<f64>)| {
        let Case { grid, channels, ref config } = cases[i];
        let config = FnoConfig { local: LocalKernels::Depthwise, reach, ..config.clone() };
        Case { grid, channels, config }
    };
    let local: Vec<Case> = local.into_iter().map(with).collect();
    cases.extend(local);
    // the nonlinearity on a finer grid: every dimension and boundary, with and without FiLM
    let finer = [0, 1, 2, 4, 5, 6, 8, 9, 11, 12, 14].map(|i: usize| {
        let Case { grid, channels, ref config } = cases[i];
        Case { grid, channels, config: FnoConfig { oversampling: 2, ..config.clone() } }
    });
    cases.extend(finer);
    cases
}

impl Case {
    /// The network with all parameters random, including the output layer: normals divided by the
    /// root of the fan-in, so that values stay of order 1.
    pub fn network(&self, device: &Device) -> Fno {
        let mut network = Fno::new(&self.config, &self.grid, self.channels, 1, device).unwrap();
        let mut parameters = network.parameters().unwrap();
        randomise(&mut parameters);
        network.set_parameters(&parameters).unwrap();
        network
    }
}

/// Standard normals over √(fan-in), biases a tenth of that.
pub fn randomise(parameters: &mut Parameters) {
    for (i, array) in parameters.arrays.iter_mut().enumerate() {
        let scale = match array.shape.len() {
            0 | 1 => 0.1,
            rank => (array.shape[rank - 2] as f64).powf(-0.5),
        };
        let normals = normals(array.values.len(), i as u64);
        array.values = normals.into_iter().map(|z| (scale * z) as f32).collect();
    }
}

/// Standard normals for this test suite.
pub fn normals(count: usize, index: u64) -> Vec<f64> {
    ModeNoise::new(2303).plain_normals(count, index, stream::METRICS)
}
