//! `karhunen prior`: draws from a Gaussian field, to look at and to compare with.

use std::sync::Arc;

use karhunen_field::noise::stream;
use karhunen_field::{Grid, Prior, prior};
use karhunen_train::config::{DataConfig, RunConfig};
use karhunen_train::data::Data;
use karhunen_train::memory;
use karhunen_train::priors::PriorConfig;
use karhunen_train::settings::explain;

use crate::args::{PriorArgs, PriorParameters};
use crate::failure::Failure;
use crate::report::files;

/// Draws and writes one file.
pub fn run(args: &PriorArgs) -> Result<(), Failure> {
    let (count, indices) = (args.count, files::indices(args.index, args.count)?);
    let _claim = files::claim(&args.out, &indices, args.force)?;
    let numbers = indices.clone();
    let boundary = args.boundary.get();
    let grid = Grid::unit(&args.grid.0, &boundary)?;
    let config = configuration(&args.kind, &args.parameters)?;
    files::check_shape(&args.out, grid.dim(), 1, count)?;
    memory::check_fields(count as f64, &grid, 1, 3 * size_of::<f64>(), "--count or --grid")?;
    let statistics = match (config.is_fitted(), &args.data) {
        (true, Some(source)) => {
            let own = RunConfig::load(None, &args.settings.list)?.data;
            let data = DataConfig { source: source.as_str().into(), boundary, ..own };
            Some(Data::load(&data, grid, args.seed)?.statistics)
        }
        (true, None) => {
            return Err(Failure::usage(format!(
                "a {} prior takes its spectrum from data",
                args.kind
            ))
            .help("give --data PATH, or --data builtin:spinodal"));
        }
        (false, Some(source)) => {
            let message = format!("--data {source}: a {} prior takes nothing from data", args.kind);
            return Err(Failure::usage(message)
                .help("leave --data out, or choose fitted, fitted-anisotropic, tempered or flat"));
        }
        (false, None) => None,
    };
    let q: Arc<dyn Prior> = config.build(grid.dim(), args.seed, statistics.as_ref())?;
    let fields = prior::sample(q.as_ref(), grid, 1, args.seed, indices, stream::START);
    files::write_all(&fields, None, &args.out, &numbers, args.force)?;
    let nested = if q.is_nested() { "the same functions on every grid" } else { "not nested" };
    tracing::info!(
        "{}: {} fields at {grid}, trace {:.4}, {nested}",
        args.out.display(),
        fields.count(),
        q.trace(&grid)
    );
    Ok(())
}

/// A prior's configuration from its kind and whatever parameters were typed.
pub fn configuration(kind: &str, given: &PriorParameters) -> Result<PriorConfig, Failure> {
    let mut table = toml::Table::new();
    table.insert("kind".into(), kind.into());
    let floats = [
        ("scale", given.scale),
        ("power", given.power),
        ("exponent", given.exponent),
        ("gamma", given.gamma),
        ("length", given.length),
        ("smoothness", given.smoothness),
        ("variance", given.variance),
        ("constant", given.constant),
        ("truncated", given.truncated),
        ("laplacian", given.laplacian),
    ];
    for (key, value) in floats {
        if let Some(value) = value {
            table.insert(key.into(), value.into());
        }
    }
    if let Some(table_of) = &given.table {
        table.insert("table".into(), table_of.as_str().into());
    }
    if let Some(cutoff) = given.cutoff {
        table.insert("cutoff".into(), i64::from(cutoff).into());
    }
    let mut config: PriorConfig = table.try_into().map_err(|e: toml::de::Error| {
        let message = explain(&e.to_string());
        let missing = message.strip_prefix("missing field `").and_then(|m| m.strip_suffix('`'));
        let help = match missing {
            Some(key) => format!("add --{key}"),
            None => "`karhunen prior --help` lists the kinds and what each takes".into(),
        };
        Failure::usage(format!("prior {kind}: {message}")).help(help)
    })?;
    config.resolve(None)?;
    Ok(config)
}
