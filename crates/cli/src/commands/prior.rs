//! `karhunen prior`: draws from a Gaussian field, to look at and to compare with.

use karhunen::prior::{self, build, configured};
use karhunen::training::memory;
use karhunen::{Grid, SampleOptions, Sources};
use tracing::info;

use crate::args::PriorArgs;
use crate::failure::Failure;
use crate::report::files;

/// Draws and writes one file.
pub fn run(args: &PriorArgs) -> Result<(), Failure> {
    let options = SampleOptions::new(args.count).from_index(args.index);
    let indices = options.indices().map_err(karhunen::Error::from)?;
    let _claim = files::claim(&args.out, &indices, args.force)?;
    let boundary = args.boundary.get();
    let grid = Grid::unit(&args.grid.0, &boundary)?;
    let config = configured(&args.kind, args.parameters.table())?;
    files::check_shape(&args.out, grid.dim(), 1, args.count)?;
    let bytes = 3 * size_of::<f64>();
    memory::check_fields(args.count as f64, &grid, 1, bytes, "--count or --grid")?;
    let source = args.data.as_deref().map(Sources::from);
    let data = source.as_ref().map(|source| (source, &args.settings.list[..]));
    let q = build((&args.kind, &config), grid, &boundary, data, args.seed)?;
    let fields = prior::draw(q.as_ref(), grid, args.seed, indices.clone());
    files::write_all(&fields, None, &args.out, &indices, args.force)?;
    // what is fitted to data is fitted to them as a model sees them
    let unit = match &args.data {
        Some(_) => ", mean 0, in units of the data's standard deviation",
        None => "",
    };
    let nested = if q.is_nested() { "the same functions on every grid" } else { "not nested" };
    info!(
        "{}: {} fields at {grid}, trace {:.4}, {nested}{unit}",
        args.out.display(),
        fields.count(),
        q.trace(&grid)
    );
    Ok(())
}
