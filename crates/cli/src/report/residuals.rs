//! How well fields agree with what was observed.

use karhunen::field::observation::Residual;

use crate::failure::Failure;
use crate::report::print_line;

/// A line an observation.
pub fn tell(residuals: &[Residual]) -> Result<(), Failure> {
    if residuals.is_empty() {
        return Ok(());
    }
    print_line(&format!(
        "{:<10} {:>8} {:>12} {:>14}",
        "observed", "values", "rms / sd", "rms, sd = 0"
    ))?;
    let number = |v: f64, text: String| if v.is_nan() { "–".into() } else { text };
    for r in residuals {
        let relative = number(r.relative, format!("{:.3}", r.relative));
        let exact = number(r.exact, format!("{:.1e}", r.exact));
        print_line(&format!("{:<10} {:>8} {relative:>12} {exact:>14}", r.kind, r.count))?;
    }
    Ok(())
}
