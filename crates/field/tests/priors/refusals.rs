//! Every refusal, with the message that a user reads.

use std::sync::Arc;

use karhunen_field::prior::{
    Bessel, Combined, Fitted, Laplacian, Matern, Measured, Shell, Standard, Truncated, r_per_shell,
};
use karhunen_field::{Boundary, FieldError, Grid, Moments, Prior};

fn says<T: std::fmt::Debug>(result: Result<T, FieldError>, message: &str) {
    assert_eq!(result.unwrap_err().to_string(), message);
}

#[test]
fn what_is_not_trace_class_is_named_with_its_inequality() {
    says(
        Laplacian::new(2, 8.0, 0.5),
        "laplacian with power 0.5 gives no trace-class covariance in dimension 2; it must exceed d/4 = 0.5",
    );
    says(
        Bessel::new(3, 1.0, 8.0, 0.55),
        "bessel with power 0.55 gives no trace-class covariance in dimension 3; it must exceed d/4 = 0.75",
    );
    for power in [f64::NAN, -1.0, 0.25] {
        assert!(matches!(
            Laplacian::new(1, 1.0, power),
            Err(FieldError::NotTraceClass { prior: "laplacian", parameter: "power", dim: 1, .. })
        ));
    }
    says(
        Matern::new(1.0, 0.1, 0.0),
        "smoothness = 0: the covariance is trace class iff it is above 0 (and finite)",
    );
    let white: Arc<dyn Prior> = Arc::new(Standard::new());
    let smooth: Arc<dyn Prior> = Arc::new(Matern::new(1.0, 0.1, 1.0).unwrap());
    says(
        Combined::new(vec![(1.0, smooth.clone()), (1.0, white)]),
        "part = 1: this part (counted from 0) is not trace class; all must be",
    );
    says(Combined::new(Vec::new()), "parts = 0: a combined prior needs at least one part");
    says(Combined::new(vec![(-1.0, smooth)]), "weight = -1: it must be a positive finite number");
}

#[test]
fn parameters_out_of_range_are_refused() {
    says(Laplacian::new(4, 1.0, 2.0), "a grid has 1, 2 or 3 axes, not 4");
    says(Bessel::new(0, 1.0, 1.0, 2.0), "a grid has 1, 2 or 3 axes, not 0");
    says(Laplacian::new(1, 0.0, 1.0), "scale = 0: it must be a positive finite number");
    says(Laplacian::new(1, 1.0, f64::INFINITY), "power = inf: it must be a positive finite number");
    says(
        Laplacian::new(1, 1.0, 1.0).unwrap().with_constant(-0.5),
        "constant = -0.5: it must be zero or a positive finite number",
    );
    says(Bessel::new(1, 1.0, 0.0, 1.0), "gamma = 0: it must be a positive finite number");
    says(Matern::new(-1.0, 0.1, 1.0), "variance = -1: it must be a positive finite number");
    says(Matern::new(1.0, f64::NAN, 1.0), "length = NaN: it must be a positive finite number");
    says(Truncated::new(0, 1 << 20, 1.0), "cutoff = 1048576: it must be below 2^20");
    says(Truncated::new(0, 3, -2.0), "scale = -2: it must be a positive finite number");
}

#[test]
fn data_that_define_no_spectrum_are_refused() {
    let grid = Grid::unit(&[4, 3], Boundary::Periodic).unwrap();
    let nine = |value| vec![value; 9];
    let mut negative = nine(1.0);
    negative[4] = -2.0;
    says(Fitted::new(&grid, &[1.0; 12]), "12 mode-wise values, but the grid 4x3 holds 9 modes");
    says(
        Measured::new(grid, negative),
        "variance = -2: it must be zero or a positive finite number",
    );
    says(
        Measured::new(grid, nine(f64::NAN)),
        "variance = NaN: it must be zero or a positive finite number",
    );
    let flat = "largest variance of a mode that is not constant = 0: \
                it must be positive: these data do not vary in space";
    says(Measured::new(grid, nine(0.0)), flat);
    says(
        Fitted::new(&Grid::unit(&[1], Boundary::Neumann).unwrap(), &[1.0]),
        "shells = 1: a spectrum needs at least one shell of non-zero frequency",
    );
    let shell = |frequency, mean, count| Shell { frequency, mean, count };
    let first = shell(0.0, 1.0, 1);
    says(
        Fitted::from_shells(2, vec![shell(-1.0, 1.0, 1), shell(2.0, 1.0, 1)]),
        "frequency = -1: shells must come by rising finite frequency, from 0 or more",
    );
    says(
        Fitted::from_shells(2, vec![first, shell(2.0, 1.0, 1), shell(2.0, 1.0, 1)]),
        "frequency = 2: shells must come by rising finite frequency",
    );
    says(
        Fitted::from_shells(2, vec![first, shell(2.0, -1.0, 1)]),
        "mean = -1: a shell's mean must be zero or a positive finite number",
    );
    says(
        Fitted::from_shells(2, vec![first, shell(2.0, 1.0, 0)]),
        "count = 0: a shell has at least one mode",
    );
    says(Fitted::from_shells(7, vec![first]), "a grid has 1, 2 or 3 axes, not 7");
    assert!(r_per_shell(&nine(1.0), &[1.0], &grid).is_err());
}

#[test]
fn moments_refuse_what_is_no_data() {
    let grid = Grid::unit(&[3], Boundary::Neumann).unwrap();
    let mut moments = Moments::new(grid, 2);
    says(moments.add(&[0.0; 3]), "3 values do not fill fields of 2 channel(s) on the grid 3");
    says(
        moments.add(&[0.0, 1.0, f64::NAN, 0.0, 0.0, 0.0]),
        "value = NaN: point values of data must be finite",
    );
    moments.add(&[1.0; 6]).unwrap();
    assert_eq!(moments.count(), 1);
    says(moments.finish(), "a variance needs at least 2 fields, got 1");
}
