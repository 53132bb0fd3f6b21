//! α, a and b² of the variance-preserving path.

use karhunen_field::{Path, VariancePreserving};

use crate::golden::Golden;
use crate::{FORWARD, assert_reproduces};

#[test]
fn the_variance_preserving_path() {
    let Some(golden) = Golden::load() else { return };
    let path = VariancePreserving::default();
    let at = |f: &dyn Fn(f64) -> f64| -> Vec<f64> {
        golden.values("vp.t").iter().map(|t| f(*t)).collect()
    };
    assert_reproduces("alpha", &at(&|t| path.alpha(t)), golden.values("vp.alpha"), FORWARD);
    assert_reproduces("mean", &at(&|t| path.signal(t)), golden.values("vp.mean"), FORWARD);
    assert_reproduces("var", &at(&|t| path.noise(t).powi(2)), golden.values("vp.var"), FORWARD);
}
