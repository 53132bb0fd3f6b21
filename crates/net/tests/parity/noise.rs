//! Every published prior on white pixel noise, on 16² and 28² cells.

use karhunen_field::prior::{Complex, PixelMultiplier};

use crate::golden::Golden;
use crate::{FORWARD, assert_reproduces};

/// The power of the Laplacian and Bessel priors.
const POWER: f64 = 0.55;
/// Modes per axis of the random window.
const WINDOW: [usize; 2] = [5, 4];

/// `w1` on rows 0…m−1 and `w2` on rows −m…−1. In this order they form our window.
fn window(golden: &Golden, name: &str, n: usize) -> PixelMultiplier {
    let rows = |part| {
        let array = golden.array(&format!("prior.{name}_{part}_{n}"));
        assert_eq!(array.shape, [1, 1, WINDOW[0], WINDOW[1]]);
        array.values.chunks_exact(2).map(|c| Complex::new(c[0], c[1])).collect::<Vec<_>>()
    };
    PixelMultiplier::window(&WINDOW, [rows("w1"), rows("w2")].concat()).unwrap()
}

#[test]
fn priors_on_pixel_noise() {
    let Some(golden) = Golden::load() else { return };
    for n in [16, 28] {
        let laplacian = |scale| PixelMultiplier::laplacian(scale, POWER).unwrap();
        let combined = PixelMultiplier::combined(vec![
            (0.5, window(&golden, "comb", n)),
            (10.0, laplacian(1.0)),
        ]);
        let priors = [
            ("bessel8", PixelMultiplier::bessel(8.0, POWER).unwrap()),
            ("bessel100", PixelMultiplier::bessel(100.0, POWER).unwrap()),
            ("lap20", laplacian(20.0)),
            ("fno", window(&golden, "fno", n)),
            ("combined", combined.unwrap()),
        ];
        let white = golden.array(&format!("prior.white{n}"));
        assert_eq!(white.shape, [3, 1, n, n]);
        for (name, prior) in priors {
            let name = format!("prior.{name}_{n}");
            let found: Vec<f64> = white
                .values
                .chunks_exact(n * n)
                .flat_map(|v| prior.apply(&[n, n], v).unwrap())
                .collect();
            assert_reproduces(&name, &found, golden.values(&name), FORWARD);
        }
    }
}
