//! Comparison with GSTools.

use super::*;

/// golden/kriging.py: simple kriging by GSTools, at places far from the walls, on grids that hold
/// all but a millionth of the variance.
#[test]
fn gstools_krige_the_same() {
    #[derive(serde::Deserialize)]
    struct Case {
        deviation: f64,
        places: Vec<Vec<f64>>,
        values: Vec<f64>,
        targets: Vec<Vec<f64>>,
        mean: Vec<f64>,
        variance: Vec<f64>,
    }
    #[derive(serde::Deserialize)]
    struct Golden {
        smoothness: f64,
        variance: f64,
        length: f64,
        mean: f64,
        cases: Vec<Case>,
    }
    let text = include_str!("../../../../../golden/kriging.json");
    let golden: Golden = serde_json::from_str(text).unwrap();
    let covariance: Arc<dyn Prior> =
        Arc::new(Matern::new(golden.variance, golden.length, golden.smoothness).unwrap());
    for case in golden.cases {
        let padded = |x: &Vec<f64>| std::array::from_fn(|j| x.get(j).copied().unwrap_or(0.0));
        let sensor = |(x, value): (&Vec<f64>, &f64)| Sensor {
            place: padded(x),
            channel: 0,
            value: *value,
            deviation: case.deviation,
        };
        let sensors = case.places.iter().zip(&case.values).map(sensor).collect();
        let points = if case.places[0].len() == 1 { vec![512] } else { vec![128, 128] };
        let grid = Grid::unit(&points, Boundary::Neumann).unwrap();
        let mean = Field { grid, channels: 1, values: vec![golden.mean; grid.len()] };
        let law = GaussianLaw::new(mean, vec![Arc::clone(&covariance)]).unwrap();
        let path: Arc<dyn Path> = Arc::new(VariancePreserving::default());
        let parts: Vec<Arc<dyn Observation>> = vec![Arc::new(Points::new(sensors).unwrap())];
        let observations = Observations::plain(parts, 1).unwrap();
        let q = Arc::clone(&covariance);
        let conditioning = Conditioning::new(path, q, law, observations, grid).unwrap();
        let (on, stack) = (conditioning.on(&grid), conditioning.observations().on(&grid).unwrap());
        let (system, means) = (conditioning.prior_system(), &on.mean);
        let pull = conditioning.pull(&system, means, means, None).unwrap();
        let posterior: Vec<f64> =
            (0..means.len()).map(|k| means[k] + system.variances[k] * pull[k]).collect();
        for (i, x) in case.targets.iter().enumerate() {
            let mut target = sensor((x, &0.0));
            target.deviation = 0.0;
            let at = Points::new(vec![target]).unwrap().on(&grid, 1).unwrap();
            let found = at.apply(&posterior)[0];
            assert!((found - case.mean[i]).abs() < 1e-6, "{found} {}", case.mean[i]);
            // Var(u(x) | y) = ⟨c, row²⟩ − kᵀ S⁻¹ k
            let row: Vec<f64> =
                at.adjoint(&[1.0]).iter().zip(&system.variances).map(|(a, c)| a * c).collect();
            let across = stack.apply(&row);
            let own = at.apply(&row)[0];
            let solved = system.solve(&stack, &across).unwrap();
            let found = own - crate::observation::dot(&across, &solved);
            assert!((found - case.variance[i]).abs() < 1e-6, "{found} {}", case.variance[i]);
        }
    }
}
