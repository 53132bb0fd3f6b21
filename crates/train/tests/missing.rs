//! Missing values from a file to the loss: masked, dropped, filled or refused.

use karhunen_field::{Boundary, Grid};
use karhunen_train::config::DataConfig;
use karhunen_train::data::{self, Data};
use karhunen_train::missing::MissingValues;

/// Fields of a smooth function with a random shift. A corner is missing in all, and a square in
/// every other one.
fn file(name: &str, holes: bool) -> String {
    let (count, n) = (60usize, 16usize);
    let mut values = Vec::new();
    for k in 0..count {
        for i in 0..n {
            for j in 0..n {
                let (x, y) = (i as f64 / n as f64, j as f64 / n as f64);
                let wave =
                    (6.3 * (x + 0.37 * k as f64)).sin() + 0.5 * (6.3 * y * (k % 5) as f64).cos();
                let corner = i < 4 && j < 5;
                let square = k % 2 == 0 && (6..9).contains(&i) && (6..12).contains(&j);
                let gone = holes && (corner || square);
                values.push(if gone { f32::NAN } else { (280.0 + 3.0 * wave) as f32 });
            }
        }
    }
    let header =
        format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({count}, {n}, {n}), }}\n");
    let mut bytes = b"\x93NUMPY\x01\0".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.bytes());
    values.iter().for_each(|v| bytes.extend(v.to_le_bytes()));
    let path = std::env::temp_dir().join(format!("missing-{name}-{}.npy", std::process::id()));
    std::fs::write(&path, bytes).unwrap();
    path.display().to_string()
}

fn config(path: &str, missing: Option<MissingValues>) -> DataConfig {
    DataConfig { source: path.into(), missing, ..DataConfig::default() }
}

fn grid(n: usize) -> Grid {
    Grid::unit(&[n, n], Boundary::Neumann).unwrap()
}

#[test]
fn masked_points_count_for_nothing() {
    let path = file("mask", true);
    let refused = Data::load(&config(&path, None), grid(16), 0).unwrap_err().to_string();
    // 20 missing values in each field, 18 more in every other one
    assert!(refused.contains("1740 of 15360 values are missing"), "{refused}");
    let masked = Data::load(&config(&path, Some(MissingValues::Mask)), grid(16), 0).unwrap();
    let weights = &masked.training.weights;
    assert_eq!(weights.len(), masked.training.values.len());
    let mean = weights.iter().map(|w| f64::from(*w)).sum::<f64>() / weights.len() as f64;
    assert!((mean - 1.0).abs() < 1e-5, "{mean}");
    assert!(masked.training.values.iter().all(|v| v.is_finite()));
    // the corner is missing in every field
    let zero = |i: usize| weights.chunks_exact(256).all(|field| field[i] == 0.0);
    assert!(zero(0) && zero(16 * 3 + 4) && !zero(16 * 4) && !zero(5));
    // the measured values alone determine the normalisation
    let whole = file("whole", false);
    let truth = Data::load(&config(&whole, None), grid(16), 0).unwrap();
    let (a, b) = (&masked.statistics.normalisation, &truth.statistics.normalisation);
    assert!((a.offset[0] - b.offset[0]).abs() < 0.3 && (a.scale[0] / b.scale[0] - 1.0).abs() < 0.1);
    let sum = |data: &Data| data.statistics.variances[0].iter().sum::<f64>();
    assert!((sum(&masked) / sum(&truth) - 1.0).abs() < 0.1, "{} {}", sum(&masked), sum(&truth));
    // a coarser level has the averages of the measured parts
    let coarse = data::restrict(&masked.training, grid(4)).unwrap();
    let first = f64::from(coarse.weights[1]);
    assert!((first / f64::from(weights[255]) - 0.75).abs() < 1e-5, "{first}");
    [path, whole].iter().for_each(|p| std::fs::remove_file(p).unwrap());
}

#[test]
fn a_value_is_put_in_and_fields_are_dropped() {
    let path = file("fill", true);
    let filled = data::load(&config(&path, Some(MissingValues::Fill(280.0))), grid(16), 0).unwrap();
    assert!(filled.training.weights.is_empty());
    assert!(filled.notes.iter().any(|n| n.contains("280 is put in")), "{:?}", filled.notes);
    let none = data::load(&config(&path, Some(MissingValues::Drop)), grid(16), 0);
    let error = none.unwrap_err().to_string();
    assert!(error.contains("leaves none"), "{error}");
    // patches away from the holes are complete
    let patches = DataConfig {
        patch: Some("5x4".into()),
        count: Some(40),
        gap: 0,
        ..config(&path, Some(MissingValues::Drop))
    };
    let cut = data::load(&patches, grid(4).with_points(&[5, 4]).unwrap(), 0).unwrap();
    assert!(cut.training.weights.is_empty() && cut.training.count() == 36);
    let masked = DataConfig { missing: Some(MissingValues::Mask), ..patches };
    let cut = data::load(&masked, grid(4).with_points(&[5, 4]).unwrap(), 0).unwrap();
    assert!(!cut.training.weights.is_empty());
    std::fs::remove_file(path).unwrap();
}
