//! Updates against their formulas in f64.

use super::*;
use crate::run::averages::exponent;
use karhunen_field::{Boundary, Grid};
use karhunen_net::{Device, FnoConfig, Named, NetworkConfig};

fn one(values: Vec<f32>) -> Parameters {
    Parameters {
        arrays: vec![Named {
            name: "w".into(),
            shape: vec![1, values.len()],
            values: values.into(),
        }],
    }
}

const UPDATE: Update = Update {
    optimizer: OptimizerKind::AdamW,
    rate: 0.1,
    decay: 0.0,
    clip: 1e9,
    lengths: &[0.1, 0.28],
    begins: Begins { updates: &[], warmup: 1 },
};

#[test]
fn the_first_update_is_the_rate_times_the_sign() {
    // bias correction makes m̂ / √v̂ = sign(g) exactly in the first step
    let mut optimizer = Optimizer::new(one(vec![1.0, -2.0]), 2);
    optimizer.step(one(vec![0.3, -0.7]), &UPDATE);
    let w = &optimizer.weights.arrays[0].values;
    assert!((w[0] - 0.9).abs() < 1e-6 && (w[1] + 1.9).abs() < 1e-6, "{w:?}");
    // the first update is the whole of every average
    assert!(optimizer.averages.iter().all(|e| e.arrays[0].values == *w));
}

#[test]
fn averages_weigh_by_their_lengths() {
    let mut optimizer = Optimizer::new(one(vec![1.0; 3]), 2);
    let mut seen = Vec::new();
    for n in 0..9 {
        optimizer.step(one(vec![1.0, -0.5, 0.2 * n as f32]), &UPDATE);
        seen.push(optimizer.weights.arrays[0].values[2]);
    }
    for (average, length) in optimizer.averages.iter().zip(UPDATE.lengths) {
        // update j of n weighs (j/n)^{γ+1} − ((j−1)/n)^{γ+1}
        let upto = |j: usize| (j as f64 / 9.0).powf(exponent(*length) + 1.0);
        let weigh = |(j, w): (usize, &f32)| (upto(j + 1) - upto(j)) * f64::from(*w);
        let expected: f64 = seen.iter().enumerate().map(weigh).sum();
        let found = f64::from(average.arrays[0].values[2]);
        // nine roundings of f32
        assert!((found - expected).abs() < 1e-6, "{found} {expected}");
    }
}

#[test]
fn clipping_and_bad_gradients() {
    let mut optimizer = Optimizer::new(one(vec![0.0, 0.0]), 2);
    let clipped = Update { clip: 1.0, ..UPDATE };
    assert_eq!(optimizer.step(one(vec![3.0, 4.0]), &clipped), 5.0);
    assert!((optimizer.first.arrays[0].values[0] - 0.1 * 0.6).abs() < 1e-7);
    let before = optimizer.clone();
    assert!(optimizer.step(one(vec![f32::NAN, 0.0]), &UPDATE).is_nan());
    assert_eq!(before, optimizer);
}

/// θ, m, v and averages of one value by the formulas, in f64.
struct Wide {
    w: f64,
    m: f64,
    v: f64,
    averages: [f64; 2],
}

impl Wide {
    fn step(&mut self, g: f64, update: &Update, decay: f64, n: usize) {
        let (b1, b2) = (f64::from(BETA1), f64::from(BETA2));
        self.m = b1 * self.m + (1.0 - b1) * g;
        self.v = b2 * self.v + (1.0 - b2) * g * g;
        let corrected = |moment: f64, b: f64| moment / (1.0 - b.powf(n as f64));
        let (m, v) = (corrected(self.m, b1), corrected(self.v, b2));
        self.w -= update.rate * (m / (v.sqrt() + 1e-8) + decay * self.w);
        for (average, length) in self.averages.iter_mut().zip(update.lengths) {
            *average += share(*length, n) * (self.w - *average);
        }
    }
}

#[test]
fn steps_with_clipping_decay_and_averages_follow_the_formulas() {
    // a matrix over several tasks, with a rest; a vector, which does not decay
    let shapes = [vec![3, CHUNK - 5], vec![7]];
    let array = |shape: &Vec<usize>, of: &dyn Fn(usize) -> f32| Named {
        name: format!("{shape:?}"),
        shape: shape.clone(),
        values: (0..shape.iter().product::<usize>()).map(of).collect(),
    };
    let all = |of: &dyn Fn(usize) -> f32| Parameters {
        arrays: shapes.iter().map(|shape| array(shape, of)).collect(),
    };
    let value = |i: usize| ((i * 7919) % 1000) as f32 / 500.0 - 1.0;
    let start = all(&value);
    let mut wide: Vec<Vec<Wide>> = (start.arrays.iter())
        .map(|a| a.values.iter().map(|w| f64::from(*w)))
        .map(|ws| ws.map(|w| Wide { w, m: 0.0, v: 0.0, averages: [w; 2] }).collect())
        .collect();
    let mut optimizer = Optimizer::new(start, 2);
    for n in 1..=5 {
        // the norm falls below the bound on the way
        let gradient = all(&|i| value(i + 31 * n) / (1 << (2 * n)) as f32);
        let update = Update { rate: 0.01 / n as f64, decay: 0.1, clip: 3.0, ..UPDATE };
        let each = |a: &Named| a.values.iter().map(|g| f64::from(*g)).collect::<Vec<f64>>();
        let gradients: Vec<Vec<f64>> = gradient.arrays.iter().map(each).collect();
        let norm = gradients.concat().iter().map(|g| g * g).sum::<f64>().sqrt();
        let found = optimizer.step(gradient, &update);
        assert!((found - norm).abs() < 1e-9 * norm, "{found} {norm}");
        assert_eq!(norm > update.clip, n < 3, "update {n}: {norm}");
        for (wide, (shape, gradient)) in wide.iter_mut().zip(shapes.iter().zip(gradients)) {
            let decay = if shape.len() > 1 { update.decay } else { 0.0 };
            for (wide, g) in wide.iter_mut().zip(gradient) {
                wide.step(g * (update.clip / norm).min(1.0), &update, decay, n);
            }
        }
    }
    let o = &optimizer;
    for (i, wide) in wide.iter().enumerate() {
        for (j, wide) in wide.iter().enumerate() {
            let of = |p: &Parameters| f64::from(p.arrays[i].values[j]);
            let found = [of(&o.weights), of(&o.averages[0]), of(&o.averages[1])];
            for (found, expected) in
                found.into_iter().zip([wide.w, wide.averages[0], wide.averages[1]])
            {
                // some roundings of values up to 1 an update
                assert!((found - expected).abs() < 1e-6, "{i} {j}: {found} {expected}");
            }
        }
    }
}

#[test]
fn a_networks_weights_change_in_place() {
    let grid = Grid::unit(&[6, 5], Boundary::Periodic).unwrap();
    let config = FnoConfig { width: 4, modes: vec![2], projection: 8, ..FnoConfig::default() };
    let device = Device::flex().autodiff();
    let mut network = NetworkConfig::Fno(config).build(&[grid], 1, 3, &device).unwrap();
    let mut optimizer = Optimizer::new(network.parameters().unwrap(), 1);
    let gradient = || {
        let mut gradient = optimizer.weights.clone();
        gradient.arrays.iter_mut().for_each(|a| a.values.fill(0.5));
        gradient
    };
    let gradients = [gradient(), gradient()];
    let update = Update { lengths: &[0.1], ..UPDATE };
    let mut places = Vec::new();
    for gradient in gradients {
        optimizer.step_network(&mut network, gradient, &update).unwrap();
        let at = |p: &Parameters| p.arrays.iter().map(|a| a.values.as_ptr()).collect::<Vec<_>>();
        places.push((at(&optimizer.weights), at(&optimizer.averages[0])));
        assert_eq!(network.parameters().unwrap(), optimizer.weights);
    }
    assert_eq!(places[0], places[1]);
}

#[test]
fn a_late_array_stays_until_it_begins_and_then_starts_afresh() {
    let array = |name: &str, value: f32| Named {
        name: name.into(),
        shape: vec![1, 2],
        values: vec![value; 2].into(),
    };
    let both = |value: f32| Parameters { arrays: vec![array("a", value), array("b", value)] };
    let mut optimizer = Optimizer::new(both(1.0), 2);
    let begins = Begins { updates: &[0, 3], warmup: 2 };
    let update = Update { decay: 0.5, begins, ..UPDATE };
    for _ in 0..3 {
        optimizer.step(both(0.3), &update);
    }
    assert_eq!(optimizer.weights.arrays[1].values[..], [1.0; 2]);
    assert_eq!(optimizer.averages[0].arrays[1].values[..], [1.0; 2]);
    optimizer.step(both(0.3), &update);
    // half of the rate in the first of two updates: 0.05 (sign + 0.5 · 1)
    let late = optimizer.weights.arrays[1].values[0];
    assert!((late - (1.0 - 0.05 * 1.5)).abs() < 1e-6, "{late}");
    // an array that begins with the run has the same numbers whatever begins later
    let mut alone = Optimizer::new(one(vec![1.0; 2]), 2);
    for _ in 0..4 {
        alone.step(one(vec![0.3; 2]), &Update { decay: 0.5, ..UPDATE });
    }
    assert_eq!(alone.weights.arrays[0].values, optimizer.weights.arrays[0].values);
}

#[test]
fn it_finds_the_minimum_of_a_bowl() {
    let mut optimizer = Optimizer::new(one(vec![2.0, -3.0]), 2);
    for n in 0..400 {
        let w = &optimizer.weights.arrays[0].values;
        let gradient = one(vec![w[0] - 1.0, 10.0 * (w[1] - 0.5)]);
        optimizer.step(gradient, &Update { rate: 0.1 * (1.0 - n as f64 / 400.0), ..UPDATE });
    }
    let w = &optimizer.weights.arrays[0].values;
    assert!((w[0] - 1.0).abs() < 1e-2 && (w[1] - 0.5).abs() < 1e-2, "{w:?}");
}

/// Muon takes matrices between hidden channels alone, with the direction that `kernels` tests: a matrix with orthogonal
/// columns of one length keeps its directions.
#[test]
fn matrices_between_hidden_channels_move_along_orthogonal_ones() {
    const MUON: Update = Update { optimizer: OptimizerKind::Muon, decay: 0.5, ..UPDATE };
    let shapes = [vec![16, 8], vec![8, 7], vec![8, 33], vec![8, 8, 2], vec![40]];
    let all = |of: &dyn Fn(usize) -> f32| Parameters {
        arrays: (shapes.iter())
            .map(|shape| Named {
                name: format!("{shape:?}"),
                shape: shape.clone(),
                values: (0..shape.iter().product::<usize>()).map(of).collect(),
            })
            .collect(),
    };
    // the first matrix holds an identity and zeros below
    let gradient = all(&|i| if i % 9 == 0 && i < 72 { 0.5 } else { 0.0 });
    let start = all(&|i| (i % 5) as f32 - 2.0);
    let mut muon = Optimizer::new(start.clone(), 2);
    let mut adamw = Optimizer::new(start.clone(), 2);
    muon.step(gradient.clone(), &MUON);
    adamw.step(gradient.clone(), &Update { optimizer: OptimizerKind::AdamW, ..MUON });
    assert_eq!(muon.weights.arrays[1..], adamw.weights.arrays[1..]);
    assert_eq!(muon.second.arrays[0].values, start.zeros_like().arrays[0].values);
    // eight singular values of 1/√8 each, of the iteration's five steps; rate · κ · √16
    let mut value = 1.0 / 8f64.sqrt();
    for _ in 0..5 {
        value *= 3.4445 - 4.775 * value.powi(2) + 2.0315 * value.powi(4);
    }
    let size = 0.4 / (1.0f64 + 1.0 / 4000.0).sqrt();
    let (before, after) = (&start.arrays[0].values, &muon.weights.arrays[0].values);
    for (i, (before, after)) in before.iter().zip(after.iter()).enumerate() {
        let direction = if i % 9 == 0 && i < 72 { value } else { 0.0 };
        let before = f64::from(*before);
        let expected = before - 0.1 * (size * 4.0 * direction + 0.5 * before);
        assert!((f64::from(*after) - expected).abs() < 1e-5, "{i}: {after} {expected}");
    }
    assert_eq!(muon.averages[0].arrays[0].values, muon.weights.arrays[0].values);

    // an array's own updates count: after 12,000 of them κ is half
    let begins = Begins { updates: &[1, 1, 1, 1, 1], warmup: 1 };
    let late = Update { decay: 0.0, begins, ..MUON };
    let mut moved = Vec::new();
    for updates in [1, 12_000] {
        let mut optimizer = Optimizer { updates, ..Optimizer::new(start.clone(), 2) };
        optimizer.step(gradient.clone(), &late);
        moved.push(f64::from(optimizer.weights.arrays[0].values[0] - before[0]));
    }
    assert!((moved[0] / moved[1] - 2.0).abs() < 1e-3, "{moved:?}");
}
