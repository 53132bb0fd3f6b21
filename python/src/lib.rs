//! The part of the Python package that is compiled: arguments in, the library's answers out as arrays.
//!
//! Every call computes in a thread of its own without the interpreter's lock ([`work`]); errors are the
//! program's, word by word ([`errors`]). Checks of arrays and everything that is only convenience stand in the
//! Python files beside this crate.

mod arrays;
mod classifier;
mod data;
mod errors;
mod evaluate;
#[allow(dead_code)]
#[path = "../../crates/cli/src/failure.rs"]
mod failure;
mod give;
#[path = "../../crates/cli/src/help/mod.rs"]
mod help;
mod model;
mod prior;
mod table;
mod train;
mod trial;
mod work;

use pyo3::prelude::*;

/// The allocator of the program: buffers go back and forth in every step.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The compiled part of `karhunen`.
#[pymodule]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<data::Data>()?;
    module.add_class::<model::Model>()?;
    module.add_class::<classifier::Classifier>()?;
    module.add_function(wrap_pyfunction!(train::train, module)?)?;
    module.add_function(wrap_pyfunction!(train::distil, module)?)?;
    module.add_function(wrap_pyfunction!(evaluate::evaluate, module)?)?;
    module.add_function(wrap_pyfunction!(evaluate::compare, module)?)?;
    module.add_function(wrap_pyfunction!(give::status, module)?)?;
    module.add_function(wrap_pyfunction!(give::models, module)?)?;
    module.add_function(wrap_pyfunction!(give::import_model, module)?)?;
    module.add_function(wrap_pyfunction!(give::calibrate, module)?)?;
    module.add_function(wrap_pyfunction!(give::likelihood, module)?)?;
    module.add_function(wrap_pyfunction!(model::mesh_written, module)?)?;
    module.add_function(wrap_pyfunction!(prior::draw, module)?)?;
    module.add_function(wrap_pyfunction!(trial::sample_with, module)?)?;
    module.add_function(wrap_pyfunction!(trial::path_at, module)?)?;
    module.add_function(wrap_pyfunction!(arrays::write, module)?)?;
    module.add_function(wrap_pyfunction!(work::panic, module)?)
}
