//! What a plan for a data set says to people and to machines.

use karhunen::RunConfig;

pub use karhunen::training::plan::join;

/// The parts of a plan worth telling.
pub fn summary(config: &RunConfig) -> Vec<String> {
    let total: f64 = config.levels.iter().map(|l| l.share).sum();
    let levels: Vec<String> = config
        .levels
        .iter()
        .map(|l| format!("{} ({:.0} % of steps)", l.grid, 100.0 * l.share / total))
        .collect();
    let mut lines = vec![
        format!("  boundary {}, levels {}", config.data.boundary, levels.join(" → ")),
        format!(
            "  network {}, prior {}, {:?} preconditioning",
            kind(&config.network),
            kind(&config.prior),
            config.training.preconditioning
        ),
    ];
    if let Some(phases) = &config.data.phases {
        let labels: Vec<String> =
            phases.labels().unwrap_or_default().iter().map(|l| phases.name(*l)).collect();
        lines.push(format!(
            "  phases {}: their level sets, labels when sampled (data.phases = [{}])",
            labels.join(", "),
            labels.join(", ")
        ));
    }
    if let Some(patch) = &config.data.patch {
        lines.push(format!("  random patches of {patch} cells"));
    }
    lines
}

/// The `kind` of a part of a configuration, as it is written there.
fn kind(part: &impl serde::Serialize) -> String {
    let value = serde_json::to_value(part).unwrap_or_default();
    value.get("kind").and_then(|kind| kind.as_str()).unwrap_or_default().to_string()
}

/// The same for machines.
pub fn as_json(config: &RunConfig) -> serde_json::Value {
    serde_json::to_value(config).unwrap_or_default()
}
