//! `karhunen models`: the models that come with the program.

use karhunen::training::builtin_models::MODELS;

use crate::args::ModelsArgs;
use crate::failure::Failure;
use crate::report::print_line;

/// Lists them, or prints the card of one.
pub fn run(args: &ModelsArgs) -> Result<(), Failure> {
    if let Some(name) = &args.card {
        let name = name.strip_prefix("builtin:").unwrap_or(name);
        let Some(model) = MODELS.iter().find(|model| model.name == name) else {
            let names: Vec<&str> = MODELS.iter().map(|model| model.name).collect();
            return Err(Failure::usage(format!("--card {name}: no such model"))
                .help(format!("one of {}", names.join(", "))));
        };
        return print_line(model.card.trim_end());
    }
    for model in &MODELS {
        let exported = model.open()?;
        let levels: Vec<&str> =
            exported.config.levels.iter().map(|level| level.grid.as_str()).collect();
        print_line(&format!(
            "builtin:{:<10} {}; trained on {} for {} steps, {:.1} MB",
            model.name,
            model.about,
            levels.join(", "),
            exported.progress.step,
            model.bytes() as f64 * 1e-6
        ))?;
    }
    Ok(())
}
