//! Python values as a configuration has them.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};
use toml::{Table, Value};

/// A dictionary as a table; keys whose value is `None` are left out.
pub fn of_dict(dict: &Bound<'_, PyDict>) -> PyResult<Table> {
    let mut table = Table::new();
    for (key, value) in dict {
        if !value.is_none() {
            let key: String = key.extract()?;
            table.insert(key.clone(), of_value(&key, &value)?);
        }
    }
    Ok(table)
}

fn of_value(key: &str, value: &Bound<'_, PyAny>) -> PyResult<Value> {
    if value.is_instance_of::<PyBool>() {
        return Ok(Value::Boolean(value.extract()?));
    }
    if value.is_instance_of::<PyInt>() {
        return Ok(Value::Integer(value.extract()?));
    }
    if value.is_instance_of::<PyFloat>() {
        return Ok(Value::Float(value.extract()?));
    }
    if value.is_instance_of::<PyString>() {
        return Ok(Value::String(value.extract()?));
    }
    if let Ok(dict) = value.cast::<PyDict>() {
        return Ok(Value::Table(of_dict(dict)?));
    }
    if value.is_instance_of::<PyList>() || value.is_instance_of::<PyTuple>() {
        let items = value.try_iter()?.map(|item| of_value(key, &item?));
        return Ok(Value::Array(items.collect::<PyResult<_>>()?));
    }
    // numbers and arrays of numpy, and paths
    if let Ok(plain) = value.call_method0("tolist") {
        return of_value(key, &plain);
    }
    if let Ok(path) = value.call_method0("__fspath__") {
        return Ok(Value::String(path.extract()?));
    }
    let kind = value.get_type().name()?;
    Err(PyTypeError::new_err(format!("{key}: a configuration holds no {kind}")))
}
